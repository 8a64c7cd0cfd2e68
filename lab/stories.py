"""What there is to try: small stories told to a running server, each step printed as it happens."""

import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lab.phone import NAME, Answer, Phone
from lab.webhooks import completion, messages_update
from lab.world import HINTS, World

OFFER, INTEREST = "personalised_offer", "purchase_interest"
OK = 200

SAMPLE_ORDER = Path(__file__).parent / "sample_order.json"

WELCOME, CUSTOMER = (
    "55100002",
    {"customerName": "Ravi Mehta", "contactPhone": "9800000043", "email": "ravi@example.com"},
)
"""The order of `welcome`, and who gets it."""

IST = timezone(timedelta(hours=5, minutes=30))
"""The zone of the sample account."""
SHOWN = 100
"""How much of a value is printed."""


def offer(world: World, token: str = "") -> bool:
    """Walk a customer through the personalised offer; return whether it ended as it should."""
    token = token or secrets.token_hex(16)
    phone = Phone(world, OFFER, token)

    def walk() -> Iterator[tuple[str, Answer, int]]:
        yield "opens the form", phone.open(), 200
        yield "chooses mobile phones", phone.submit("PRODUCT_SELECTOR", product_selection="0_mobile_phones"), 200
        yield "wants up to £500", phone.submit("OPTIONS", selected_product="phone", budget="1_£250_-_£500"), 200
        yield "chooses the first", phone.submit("OFFER", device="0_TechWave_TW14_Pro"), 200
        yield "reserves it", phone.submit("PRODUCT_DETAIL", selected_device="0_TechWave_TW14_Pro"), 200
        yield "opens the form again", phone.open(), 427

    for words, answer, expected in walk():
        _tell(words, answer)
        if answer.status != expected:
            _say(f"that should have been {expected}; {HINTS.get(answer.status, 'see what the server logs')}")
            return False
    _say("that form is at its end, as it should be\n")
    _say(f"The session: {_show(OFFER, token)}")
    return True


def interest(world: World) -> bool:
    """Send a customer the form without endpoint, and let them complete it; return whether it was taken."""
    recipient = "919800000042"
    minting = {"definition": INTEREST, "recipient": recipient, "data": {}}
    token = world.ask("POST", "/admin/api/v1/sessions", minting, token=world.admin_token)["key"]
    _say(f"a session is minted: {token}")
    response = {
        "flow_token": token,
        "name": "Asha Rao",
        "email": "asha@example.com",
        "tos_optin": True,
        "marketing_optin": False,
        "categories": ["cameras"],
    }
    status = world.deliver(messages_update(world, NAME, [completion(recipient, response)]))
    _say(f"the completed form comes by webhook: {status}")
    if status != OK:
        _say(f"that should have been {OK}; {HINTS.get(status, 'see what the server logs')}")
        return False
    session = world.ask("GET", f"/admin/api/v1/sessions/{INTEREST}/{quote(token)}", token=world.admin_token)
    _say(f"the session is {session['state']}\n")
    _say(f"The session: {_show(INTEREST, token)}")
    return bool(session["state"] == "completed")


def order(world: World) -> bool:
    """Let an order fail to arrive, be resolved, and arrive; return whether it did."""
    document = sample_order()
    order_id, item = document["orderId"], document["items"][0]
    tracking_id = item["forwardTrackingTimeline"]["trackingID"]
    person = document["shippingAddress"]
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)

    put = world.ask("PUT", f"/api/v1/orders/{order_id}", document, token=world.portal_token)
    _say(f"the merchant puts order {order_id}: {put['state']}")
    for minutes, words in ((90, "failed_delivery"), (0, "packed"), (60, "out_for_delivery")):
        _scan(world, order_id, tracking_id, words, begin + timedelta(minutes=minutes))
    _read(world, order_id)

    _subscribe(world, document)
    chosen = {
        "customerOrderNumber": document["customerOrderNumber"],
        "resolutionCode": "ACTF001",
        "trackingId": tracking_id,
        "contactPhoneNumber": person["contactPhone"],
    }
    case = world.ask("POST", "/api/v2/ndrResolution", chosen, token=world.portal_token)
    _say(f"the customer wants another attempt: {case['state']}")
    for minutes, words in ((240, "out_for_delivery"), (300, "delivered")):
        _scan(world, order_id, tracking_id, words, begin + timedelta(minutes=minutes))
    status = _read(world, order_id)
    _say(f"\nThe order:    {_show('order', order_id)}")
    _say(f"Its shipment: {_show('shipment', f'{order_id}:{tracking_id}')}")
    _say(f"Its case:     {_show('ndr_case', case['key'])}")
    return status == "delivered"


def sample(world: World) -> bool:
    """Put the sample order as it is, for looking at; return whether it was taken as it stands."""
    document = json.loads(SAMPLE_ORDER.read_text())
    stands = _put(world, document)
    _say(f"\nThe order:    {_show('order', document['orderId'])}")
    return stands


def welcome(world: World) -> bool:
    """Put the sample order, and one that is on its way to a customer who wants messages, if it is not there yet."""
    stands = _put(world, json.loads(SAMPLE_ORDER.read_text()))
    found = world.ask("GET", f"/admin/api/v1/sessions?definition=order&q={WELCOME}", token=world.admin_token)
    if not found["items"]:
        document = welcome_order(datetime.now(IST))
        stands = _put(world, document) and stands
        _subscribe(world, document)
    _say(f"\nThe order:    {_show('order', WELCOME)}")
    return stands


def welcome_order(now: datetime) -> dict[str, Any]:
    """Return the order of `welcome`: the sample one, given to somebody else, and reported on its way until *now*."""
    document: dict[str, Any] = json.loads(SAMPLE_ORDER.read_text())
    number, tracking_id = "WS-1002", "EX-1002-0001"
    document |= {"orderId": WELCOME, "customerOrderNumber": number, "vendorOrderNumber": number}
    document |= {"externalShipmentIds": [tracking_id], "orderDate": f"{now - timedelta(days=2):%Y-%m-%d %H:%M:%S}.0"}
    document |= {name: {**document[name], **CUSTOMER} for name in ("shippingAddress", "billingAddress")}
    log = [
        {"remark": "", "location": "Pune", "status": status, "updatedAt": f"{now - ago:%Y-%m-%d %H:%M:%S}"}
        for status, ago in (
            ("created", timedelta(days=2)),
            ("packed", timedelta(days=1, hours=18)),
            ("intransit", timedelta(hours=9)),
        )
    ]
    for place, item in enumerate(document["items"], start=1):
        item["forwardTrackingTimeline"] |= {"trackingID": tracking_id, "statusLog": log}
        item |= {"orderItemID": f"{number}-{place}", "id": item["id"] + 1000, "shipmentId": "700200"}
        item |= {"latestStatus": "intransit", "latestRemark": "", "statusUpdatedAt": log[-1]["updatedAt"]}
        item |= {"ndrDetails": {}, "promiseDeliveryDate": f"{now + timedelta(days=1):%Y-%m-%d} 20:00:00"}
    return document


def sample_order() -> dict[str, Any]:
    """Return the sample order under a number of its own, with nothing reported about it yet."""
    document: dict[str, Any] = json.loads(SAMPLE_ORDER.read_text())
    number = f"LAB-{int(time.time() * 1000)}"
    document |= {"orderId": number, "customerOrderNumber": f"C-{number}", "vendorOrderNumber": f"C-{number}"}
    for item in document["items"]:
        item["forwardTrackingTimeline"] |= {"trackingID": f"T-{number}", "statusLog": []}
    return document


def _subscribe(world: World, document: dict[str, Any]) -> None:
    person = document["shippingAddress"]
    subscribed = {"accountId": "1489", "whatsAppStatus": "ACTIVE"}
    subscribed |= {name: person[name] for name in ("contactPhone", "customerName", "email")}
    told = world.ask("POST", f"/_ah/api/esb/v2/order/{document['orderId']}", subscribed, token=world.portal_token)
    _say(f"the customer subscribes to updates: {told['status'].strip()}")


def _put(world: World, document: dict[str, Any]) -> bool:
    """Put an order as it is; return whether it was taken as it stands."""
    order_id = document["orderId"]
    put = world.ask("PUT", f"/api/v1/orders/{order_id}", document, token=world.portal_token)
    _say(f"the merchant puts order {order_id}: {put['state']}")
    return bool(_read(world, order_id) == document["items"][0]["latestStatus"])


def _scan(world: World, order_id: str, tracking_id: str, status: str, at: datetime) -> None:
    event = {
        "order_id": order_id,
        "tracking_id": tracking_id,
        "leg": "forward",
        "status": status,
        "occurred_at": at.isoformat(),
        "location": "Pune",
    }
    answer = world.ask("POST", "/webhooks/couriers/generic", {"events": [event]}, key=world.courier_key)
    _say(f"the courier reports {status} of {at:%H:%M} UTC: {answer['results'][0]['status']}")


def _read(world: World, order_id: str) -> str:
    document = world.ask("GET", f"/_ah/api/esb/v2/order/{order_id}", token=world.portal_token)
    item = document["items"][0]
    choices = [choice["resolutionCode"] for choice in item["ndrDetails"].get("resolutions", [])]
    _say(f"the portal reads: {item['latestStatus']}; the customer can choose {', '.join(choices) or 'nothing'}")
    return str(item["latestStatus"])


def _tell(words: str, answer: Answer) -> None:
    content = answer.content or {}
    where = content.get("screen", content.get("error_msg", content.get("data", {}).get("error_msg", "")))
    data = json.dumps(content.get("data", {}), ensure_ascii=False)
    _say(f"{words:<22} {answer.status} {where:<16} {data[:SHOWN]}{'…' if len(data) > SHOWN else ''}")


def _show(definition: str, key: str) -> str:
    """Return the command that shows a session; a key that begins with a dash must not be taken for an option."""
    dashes = "-- " if key.startswith("-") else ""
    return f".venv/bin/waystate sessions show {dashes}{definition} {key}"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the lab speaks to whoever tries it
