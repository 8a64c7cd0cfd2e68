"""What the peers of a server say over HTTP: Meta, couriers, merchants, portals, staff. All people are invented."""

import hashlib
import hmac
import http.client
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from engine.model import SECOND
from lab.world import World
from tests.builders import NOON

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

SECONDS = 60

NOON_SECOND = NOON // SECOND
PHONE = "919800000042"
NUMBER = "100000000000001"

ABSENT: Any = object()


class Server(Protocol):
    """A running server, in this process or in one of its own."""

    @property
    def port(self) -> int:
        """Return the port that it listens on."""

    @property
    def world(self) -> World:
        """Return what its peers know of it."""


class Heard(Struct, frozen=True):
    """What a server answered; the names of *headers* are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """Return the body as what its JSON says."""
        return json.loads(self.body)

    @property
    def said(self) -> tuple[int, Any]:
        """Return the status with the content: all that most tests ask for."""
        return self.status, self.content


def ask(
    server: Server,
    method: str,
    path: str,
    content: Any = ABSENT,
    *,
    token: str = "",
    key: str = "",
    body: bytes | None = None,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
) -> Heard:
    """Ask *server* once, on a connection of its own: *content* as JSON, or a *body* as it is."""
    given = [*(headers.items() if isinstance(headers, Mapping) else headers)]
    if content is not ABSENT:
        body = json.dumps(content).encode()
        given.append(("Content-Type", "application/json"))
    if token:
        given.append(("Authorization", f"Bearer {token}"))
    if key:
        given.append(("x-api-key", key))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in given:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        answered = {name.lower(): value for name, value in response.getheaders()}
        return Heard(response.status, answered, response.read())
    finally:
        connection.close()


def at_once(calls: Iterable[Asked], speak: Callable[[Asked], Answered], threads: int = 16) -> list[Answered]:
    """Say all of *calls* side by side, each in a thread that waits for nobody; return the answers in their order."""
    with ThreadPoolExecutor(threads) as speakers:
        return list(speakers.map(speak, calls))


# Staff


def session(server: Server, definition: str, key: str) -> Any:
    """Return a session as the admin API shows it, or None."""
    heard = ask(server, "GET", f"/admin/api/v1/sessions/{definition}/{quoted(key)}", token=server.world.admin_token)
    return heard.content if heard.status != 404 else None


def history(server: Server, definition: str, key: str) -> list[Any]:
    """Return a session's history as the admin API shows it."""
    path = f"/admin/api/v1/sessions/{definition}/{quoted(key)}/history"
    listed: list[Any] = ask(server, "GET", path, token=server.world.admin_token).content
    return listed


def moves(server: Server, definition: str, key: str) -> list[tuple[str, str, str]]:
    """Return how a session moved: each step's event, from where, to where."""
    return [(item["event"], item["source_state"], item["target_state"]) for item in history(server, definition, key)]


def quoted(key: str) -> str:
    """Return *key* as a segment of an address, every character that is not plain escaped."""
    return "".join(letter if letter.isalnum() and letter.isascii() else _escaped(letter) for letter in key)


def _escaped(letter: str) -> str:
    return "".join(f"%{octet:02X}" for octet in letter.encode())


# Meta


def signed(server: Server, body: bytes) -> dict[str, str]:
    """Return the headers that Meta sends with *body*."""
    return server.world.signed(body)


def signature(secret: str, body: bytes) -> str:
    """Return the value of the signature header."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def deliver(server: Server, call: Any) -> Heard:
    """Let Meta bring a *call*, signed: a body as it is, or what its JSON says."""
    body = call if isinstance(call, bytes) else json.dumps(call).encode()
    return ask(server, "POST", "/webhooks/whatsapp", body=body, headers=signed(server, body))


def a_call(*values: Mapping[str, Any], field: str = "messages") -> dict[str, Any]:
    """Return a webhook call with a change for each of *values*."""
    changes = [{"field": field, "value": value} for value in values]
    return {"object": "whatsapp_business_account", "entry": [{"id": "200000000000002", "changes": changes}]}


def messages(*said: Mapping[str, Any], number: str = NUMBER, **more: Any) -> dict[str, Any]:
    """Return a change's value that brings these messages."""
    return {**_to(number), "messages": [*said], **more}


def statuses(*told: Mapping[str, Any], number: str = NUMBER) -> dict[str, Any]:
    """Return a change's value that brings these statuses."""
    return {**_to(number), "statuses": [*told]}


def _to(number: str) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550000001", "phone_number_id": number}
    return {"messaging_product": "whatsapp", "metadata": metadata}


def a_wamid() -> str:
    """Return a message's id that no other test has."""
    return f"wamid.{secrets.token_urlsafe(12)}"


def a_message(kind: str, content: Any = None, **changes: Any) -> dict[str, Any]:
    """Return a message of that type, a minute after noon; a change to ABSENT leaves a field away."""
    message = {"from": PHONE, "id": a_wamid(), "timestamp": str(NOON_SECOND + 60), "type": kind, kind: content or {}}
    return {name: value for name, value in {**message, **changes}.items() if value is not ABSENT}


def a_status(word: str, wamid: str, second: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a delivery status of so many seconds after noon."""
    status = {"id": wamid, "status": word, "timestamp": str(NOON_SECOND + second), "recipient_id": PHONE}
    return {**status, **changes}


def a_completion(response: Any, **changes: Any) -> dict[str, Any]:
    """Return the message that a finished Flow sends; a text is its response as it is."""
    text = response if isinstance(response, str) else json.dumps(response)
    reply = {"name": "flow", "body": "Sent", "response_json": text}
    return a_message("interactive", {"type": "nfm_reply", "nfm_reply": reply}, **changes)


def a_question(**changes: Any) -> dict[str, Any]:
    """Return the message of somebody who asks about a product."""
    product = {"catalog_id": "C-1", "product_retailer_id": "SKU-1"}
    context = {"from": "15550000001", "id": "wamid.catalogue", "referred_product": product}
    return a_message("text", {"body": "Does it come in blue?"}, context=context, **changes)


def a_cart(*items: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the message of somebody who sends a cart."""
    items = items or ({"product_retailer_id": "SKU-1", "quantity": "2", "item_price": 150.5, "currency": "INR"},)
    return a_message("order", {"catalog_id": "C-1", "text": "Gift wrap please", "product_items": [*items]}, **changes)


def a_tap(payload: str, wamid: str, kind: str = "button", **changes: Any) -> dict[str, Any]:
    """Return the message of a tapped button, of a template or in the chat, on the message *wamid*."""
    context = {"from": "15550000001", "id": wamid}
    if kind == "button":
        return a_message("button", {"text": "Again", "payload": payload}, context=context, **changes)
    reply = {"type": kind, kind: {"id": payload, "title": "Again"}}
    return a_message("interactive", reply, context=context, **changes)


# Couriers


def scan_at(second: int) -> str:
    """Return the RFC 3339 time so many seconds after noon."""
    return datetime.fromtimestamp(NOON_SECOND + second, UTC).isoformat()


def a_scan(status: str, second: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a courier's event in our own shape, so many seconds after noon."""
    event = {
        "order_id": "O-1",
        "tracking_id": "T-1",
        "leg": "forward",
        "status": status,
        "occurred_at": scan_at(second),
    }
    return {**event, **changes}


def scan(server: Server, *events: Mapping[str, Any]) -> Heard:
    """Let a courier report *events* in one call."""
    return ask(server, "POST", "/webhooks/couriers/generic", {"events": [*events]}, key=server.world.courier_key)


def became(heard: Heard) -> list[str]:
    """Return what became of each event of a courier's call."""
    assert heard.status == 200, heard.body
    return [result["status"] for result in heard.content["results"]]


# Merchants and portals

PERSON = {"contactPhone": "9800000042", "customerName": "Asha Rao", "email": "asha@example.com"}
RESOLUTIONS = ("ACTF001", "ACTF002", "ACTF003", "ACTF004")


def an_item(tracking_id: str = "T-1", log: Sequence[tuple[str, str]] = (), **changes: Any) -> dict[str, Any]:
    """Return an item of an order in a shipment whose log has these words and local times."""
    entries = [{"remark": "", "location": "", "status": status, "updatedAt": at} for status, at in log]
    tracking = {"courierName": "SELF", "statusLog": entries, "trackingID": tracking_id}
    item = {
        "orderItemID": "I-1",
        "statusUpdatedAt": "",
        "ndrDetails": {},
        "forwardTrackingTimeline": tracking,
        "latestStatus": "",
        "ndrResolutionDetails": {},
        "latestRemark": "",
    }
    return {**item, **changes}


def an_order(order_id: str = "O-1", *items: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return an order document of the account that every server in development has."""
    document = {
        "customerOrderNumber": f"C-{order_id}",
        "shippingAddress": PERSON,
        "items": [*items] or [an_item()],
        "accountSlug": "dfc",
        "orderId": order_id,
    }
    return {**document, **changes}


def put_order(server: Server, document: Mapping[str, Any], order_id: str = "") -> Heard:
    """Let the merchant put an order."""
    path = f"/api/v1/orders/{quoted(order_id or document['orderId'])}"
    return ask(server, "PUT", path, document, token=server.world.portal_token)


def read_order(server: Server, order_id: str = "O-1") -> Heard:
    """Let the portal read an order back."""
    path = f"/_ah/api/esb/v2/order/{quoted(order_id)}"
    return ask(server, "GET", path, token=server.world.portal_token)


def subscribe(server: Server, order_id: str = "O-1", **changes: Any) -> Heard:
    """Let the shopper tick the portal's checkbox."""
    path = f"/_ah/api/esb/v2/order/{quoted(order_id)}"
    ticked = {**PERSON, "accountId": "1489", "whatsAppStatus": "ACTIVE", **changes}
    return ask(server, "POST", path, ticked, token=server.world.portal_token)


def resolve(server: Server, code: str = "ACTF001", idempotency_key: str = "", **changes: Any) -> Heard:
    """Let the shopper choose what to do about a failed delivery."""
    chosen = {
        "customerOrderNumber": "C-O-1",
        "resolutionCode": code,
        "trackingId": "T-1",
        "contactPhoneNumber": PERSON["contactPhone"],
        **changes,
    }
    given = {name: value for name, value in chosen.items() if value is not ABSENT}
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    return ask(server, "POST", "/api/v2/ndrResolution", given, token=server.world.portal_token, headers=headers)


# Staff that opens a session for a customer


def a_minted_session(server: Server, flow: str = "purchase_interest", recipient: str = PHONE) -> str:
    """Return the key of a session of a Flow that staff opened for somebody."""
    wanted = {"definition": flow, "recipient": recipient}
    key: str = ask(server, "POST", "/admin/api/v1/sessions", wanted, token=server.world.admin_token).content["key"]
    return key
