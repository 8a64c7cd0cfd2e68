"""A shop in which much waits for people: failed deliveries, questions, calls set aside, effects in doubt."""

from datetime import datetime
from typing import Any

from engine.model import SECOND
from tests.api.kept import deliver
from tests.api.serving import Server
from tests.api.speaking import (
    NOON_SECOND,
    a_call,
    a_completion,
    a_message,
    a_question,
    a_scan,
    an_item,
    an_order,
    ask,
    messages,
    put_order,
    resolve,
    scan,
    subscribe,
)
from tests.builders import NOON

FLOW = "6627390910605886"
HOUR = 3600
NAMES = ("Asha", "Rao", "9800000042", "919800000042", "asha@example.com", "Hill Road")
"""What only who may see it may see."""


def item(tracking_id: str, name: str, **changes: Any) -> dict[str, Any]:
    """Return an item of an order, with a name."""
    return an_item(tracking_id, productName=name, quantity=2, sku=f"SKU-{tracking_id}", **changes)


def report(server: Server, *events: dict[str, Any]) -> None:
    """Let a courier report each of *events* five minutes after it happened."""
    for event in events:
        happened = datetime.fromisoformat(event["occurred_at"]).timestamp()
        server.clock.now = int(happened + 300) * SECOND
        scan(server, event)
    server.clock.now = NOON


def failed_order(server: Server, order_id: str = "O-1") -> None:
    """Let an order's delivery fail, after scans that came late, doubled and not in order."""
    person = {
        "contactPhone": "9800000042",
        "customerName": "Asha Rao",
        "email": "asha@example.com",
        "addressLine1": "4, Hill Road",
        "city": "Mumbai",
        "postalCode": "400050",
    }
    server.clock.now = NOON - 31 * HOUR * SECOND
    put_order(server, an_order(order_id, item("T-1", "Assam tea, 250 g"), shippingAddress=person))
    subscribe(server, order_id, contactPhone="9800000042", email="asha@example.com")
    way = [("packed", -30), ("picked_up", -26), ("intransit", -20), ("out_for_delivery", -3)]
    report(server, *(a_scan(word, hours * HOUR, order_id=order_id) for word, hours in way[:2] + way[3:]))
    failed = a_scan("failed_delivery", -HOUR // 2, order_id=order_id, ndr_code="6", ndr_reason="Asha says wrong house")
    report(server, failed)
    scan(server, a_scan("intransit", -20 * HOUR, order_id=order_id))
    scan(server, {**failed, "id": "told-again", "location": "Bandra West", "remark": "Door locked, neighbour asked"})


def lost_and_found(server: Server, order_id: str = "O-2") -> None:
    """Let a parcel be lost, and then be seen again."""
    put_order(server, an_order(order_id, item("T-2", "Darjeeling, 100 g")))
    of_order = {"order_id": order_id, "tracking_id": "T-2"}
    way = [("picked_up", -50), ("intransit", -40), ("lost", -20), ("out_for_delivery", -2)]
    report(server, *(a_scan(word, hours * HOUR, **of_order) for word, hours in way))


def sent_back(server: Server, order_id: str = "O-3") -> None:
    """Let an order be tried twice, be resolved by its customer, and go back all the same; another part arrives."""
    items = item("T-3", "Green tea, 50 g"), item("T-4", "A cup")
    put_order(server, an_order(order_id, *items))
    of_order = {"order_id": order_id, "tracking_id": "T-3"}
    report(server, a_scan("picked_up", -80 * HOUR, **of_order), a_scan("out_for_delivery", -60 * HOUR, **of_order))
    report(server, a_scan("failed_delivery", -2 * HOUR, ndr_code="1", **of_order))
    resolve(server, "ACTF001", customerOrderNumber=f"C-{order_id}", trackingId="T-3")
    scan(server, a_scan("attempt_voided", -HOUR, attempt="", **of_order))
    scan(server, a_scan("rto", -HOUR // 2, leg="rto", **of_order), a_scan("rto_intransit", -300, leg="rto", **of_order))
    scan(server, a_scan("delivered", -HOUR, order_id=order_id, tracking_id="T-4"))


def questions(server: Server) -> list[str]:
    """Let people ask: long ago, some hours ago and answered since, just now; return the inquiries' keys."""
    old = a_question(timestamp=str(NOON_SECOND - 30 * HOUR), **{"from": "919800000043"})
    hurried = a_question(timestamp=str(NOON_SECOND - 23 * HOUR), **{"from": "919800000044"})
    new = a_question(timestamp=str(NOON_SECOND - 60))
    for question in (old, hurried, new):
        deliver(server, a_call(messages(question)))
    act = {"event": "answered", "data": {"text": "In blue and in green."}}
    path = f"/admin/api/v1/sessions/inquiry/{hurried['id']}/events"
    assert ask(server, "POST", path, act, token=server.world.admin_token).status == 200
    return [str(question["id"]) for question in (old, hurried, new)]


def set_aside(server: Server) -> None:
    """Let Meta bring what cannot be taken, and a courier report what nobody knows."""
    deliver(server, a_call(messages(a_message("hologram", {"body": "Asha Rao sends this"}))))
    deliver(server, a_call(messages(a_message("hologram", {"body": "And this"}))))
    deliver(server, a_call(messages(a_completion({"flow_token": "ws_nobody", "name": "Asha Rao"}))))
    scan(
        server,
        a_scan("intransit", -HOUR, order_id="O-unknown"),
        a_scan("intransit", -HOUR, order_id="O-1", tracking_id="T-unknown"),
        a_scan("teleported", -HOUR, order_id="O-1"),
        a_scan("delivered", 90 * 24 * HOUR, order_id="O-1"),
    )


def finish(server: Server, effect_id: str, **result: Any) -> None:
    """Begin an effect as a worker does, and let it end so."""
    asked = {"effect_id": effect_id}
    token = server.world.admin_token
    attempt = ask(server, "POST", "/admin/api/v1/outbox/begin", asked, token=token).content["attempt"]
    ended = {"attempt": attempt, "result": result}
    assert ask(server, "POST", "/admin/api/v1/outbox/finish", ended, token=token).status == 200


def effects(server: Server, name: str, status: str = "pending") -> list[str]:
    """Return the ids of effects of that name and status."""
    listed = ask(server, "GET", f"/admin/api/v1/effects?status={status}", token=server.world.admin_token).content
    return [effect["id"] for effect in listed if effect["name"] == name]


def troubled_flows(server: Server) -> None:
    """Let Meta tell of a Flow that is well, and of one that is not."""
    alert = {
        "event": "ENDPOINT_LATENCY",
        "alert_state": "ACTIVATED",
        "p50_latency": 1200,
        "p90_latency": 4000,
        "threshold": 1000,
        "requests_count": 812,
        "message": "Endpoint latency is above the threshold",
    }
    values = (
        {"event": "FLOW_STATUS_CHANGE", "flow_id": "1000000000000001", "new_status": "PUBLISHED"},
        {"event": "FLOW_STATUS_CHANGE", "flow_id": FLOW, "old_status": "PUBLISHED", "new_status": "THROTTLED"},
        {**alert, "flow_id": FLOW},
    )
    changes = [{"field": "flows", "value": value} for value in values]
    entry = {"id": "200000000000002", "time": NOON_SECOND - 600, "changes": changes}
    deliver(server, {"object": "whatsapp_business_account", "entry": [entry]})


def fill(server: Server) -> list[str]:
    """Let all of this have happened; return the inquiries' keys."""
    failed_order(server)
    lost_and_found(server)
    sent_back(server)
    keys = questions(server)
    set_aside(server)
    troubled_flows(server)
    server.run(server.parts.outbox.address)
    (answer,) = effects(server, "send_answer")
    finish(server, answer, type="Doubt", reason="slow")
    return keys


def hostile(server: Server, text: str) -> None:
    """Let customers, merchants and couriers write *text* wherever they can."""
    person = {"contactPhone": "9800000045", "customerName": text, "email": "x@shop.example", "city": text}
    order = an_order("O-X", item("T-X", text), shippingAddress=person, customerOrderNumber=f"X{text}")
    put_order(server, order)
    of_order = {"order_id": "O-X", "tracking_id": "T-X", "remark": text, "location": text}
    scan(server, a_scan("out_for_delivery", -600, **of_order))
    scan(server, a_scan("failed_delivery", -300, **of_order, ndr_code="1", ndr_reason=text))
    scan(server, a_scan(text, -100, order_id=text, tracking_id=text))
    product = {"catalog_id": text, "product_retailer_id": text}
    context = {"from": "15550000001", "id": "wamid.catalogue", "referred_product": product}
    deliver(server, a_call(messages(a_message("text", {"body": text}, context=context))))
    deliver(server, a_call(messages(a_message(text, {"body": text}))))
