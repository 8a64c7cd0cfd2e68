"""Wishes to tell an invented customer something of an invented order, and the messages that they become."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from definitions.messages.compose import message
from definitions.messages.wording import Wording
from definitions.orders.rows import Account
from definitions.outgoing import MessageCall, Recipient, Wish
from engine.model import Instance
from tests.builders import HOUR, MINUTE, NOON
from tests.definitions.lifecycles.walking import CATALOGUE, runs, standing

NUMBER, PHONE, TRACKING = "100000000000001", "919800000001", "T-1"

ACCOUNT = Account("77", "kumar", "Kumar Teas", "Asia/Kolkata", '{"courierPhones": {"Bharat Parcels": "1800000000"}}')

ASHA = Recipient("p-1", PHONE, "Asha Rao", frozenset({"order_updates"}))

ORDER = {
    "orderId": "O-1",
    "customerOrderNumber": "C-1",
    "orderTotal": 1350.5,
    "items": [
        {"productName": "Assam tea", "quantity": 2, "forwardTrackingTimeline": {"trackingID": TRACKING}},
        {"productName": "Teapot", "quantity": 1, "forwardTrackingTimeline": {"trackingID": TRACKING}},
        {"productName": "Cup", "quantity": 6, "forwardTrackingTimeline": {"trackingID": "T-2"}},
    ],
}

SHIPMENT = {"tracking_id": TRACKING, "courier": "Bharat Parcels", "latest": {"location": "Pune"}, "attempts": []}


def a_shipment(state: str, **context: Any) -> Instance:
    """Return a shipment that is in *state*."""
    return replace(standing("shipment", state, {**SHIPMENT, **context}), key=f"O-1:{TRACKING}", family="order/O-1")


def a_case(state: str = "unsettled.open", **context: Any) -> Instance:
    """Return a case whose customer may choose until noon tomorrow."""
    known = {"opened_by": f"O-1:{TRACKING}", "ndr_code": "1", "window_until": NOON + 24 * HOUR}
    return replace(standing("ndr_case", state, {**known, **context}), family="order/O-1")


def a_wish(name: str, instance: Instance, **changes: Any) -> Wish:
    """Return the wish for an effect of *instance*, decided a minute ago, as what ships words it."""
    shipment = a_shipment("forward.failed_delivery")
    wish = Wish(
        id="effect-1",
        name=name,
        now=NOON + MINUTE,
        instance=instance,
        occurred_at=NOON,
        family={each.id: each for each in (shipment, instance)},
        account=ACCOUNT,
        order=ORDER,
        recipient=ASHA,
        phone_number_id=NUMBER,
        tags=frozenset(runs(instance.definition).states[instance.state].tags),
        wording=CATALOGUE.messages.wording(name, ACCOUNT),
    )
    return replace(wish, **changes)


def wrote(minutes: int, root: str = "") -> Recipient:
    """Return the customer after writing to us so many minutes after noon yesterday."""
    return replace(ASHA, last_inbound_at=NOON - 24 * HOUR + minutes * MINUTE, root=root)


def worded(wish: Wish, **changes: Any) -> Wish:
    """Return the wish of an account that words it otherwise."""
    return replace(wish, wording=replace(wish.wording or Wording(), **changes))


def the_call(content: Mapping[str, Any], to: Mapping[str, str] | None = None, **kept: Any) -> MessageCall:
    """Return the call that sends *content* to the customer."""
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **(to or {"to": PHONE}),
        **content,
        "biz_opaque_callback_data": "effect-1",
    }
    name = next(iter((to or {"to": PHONE}).values()))
    known = {"account_id": "77", "person_id": "p-1"}
    return MessageCall(f"whatsapp/{NUMBER}/{name}", NUMBER, body, **{**known, **kept})


def the_template(name: str, *body: str, replies: tuple[str, ...] = ()) -> MessageCall:
    """Return the call that sends a template with these parameters and quick replies."""
    components: list[dict[str, Any]] = [
        {"type": "body", "parameters": [{"type": "text", "text": each} for each in body]},
        *(
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": str(index),
                "parameters": [{"type": "payload", "payload": payload}],
            }
            for index, payload in enumerate(replies)
        ),
    ]
    content = {"name": name, "language": {"code": "en"}, "components": components}
    return the_call({"type": "template", "template": content}, template=name)


def the_text(words: str, root: str = "") -> MessageCall:
    """Return the call that sends a text, in the conversation that *root* began."""
    return the_call({"type": "text", "text": {"preview_url": False, "body": words}}, root=root)


def composed(wish: Wish) -> Any:
    """Return what a wish becomes."""
    return message(wish)
