"""
What the Graph API refuses in a message before it sends anything.

Sources: Meta, "Cloud API, Messages", "Interactive messages", "Sending Flows", "Templates", "Error codes".

Rule 1: only what Meta's pages say is refused; a type that is not described here is taken as it is.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

MISSING, INVALID, PARAMETER = 131008, 131009, 100

TITLES = {
    1: "API Unknown",
    2: "API Service",
    4: "API Too Many Calls",
    10: "Permission Denied",
    100: "Invalid parameter",
    190: "Access token has expired",
    368: "Temporarily blocked for policies violations",
    80007: "Rate limit issues",
    130429: "Rate limit hit",
    130472: "User's number is part of an experiment",
    131000: "Something went wrong",
    131005: "Access denied",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131016: "Service unavailable",
    131021: "Recipient cannot be sender",
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131048: "Spam rate limit hit",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131050: "User has stopped receiving marketing messages",
    131051: "Unsupported message type",
    131053: "Media upload error",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    132000: "Template Param Count Mismatch",
    132001: "Template does not exist",
    132015: "Template is Paused",
    132068: "Flow is in blocked state",
    132069: "Flow is in throttled state",
    133010: "Phone number not registered",
}
"""What Meta calls its errors, by code."""

TEXT, BODY, EDGE = 4096, 1024, 60
"""How many characters a text, the body of an interactive message, and a header or footer may have."""

BUTTONS, BUTTON_TITLE, BUTTON_ID = 3, 20, 256
SECTIONS, ROWS, ROW_TITLE, ROW_DESCRIPTION, ROW_ID = 10, 10, 24, 72, 200
PRODUCTS = 30
OPAQUE = 512

Content = Mapping[str, Any]


class Wrong(Struct, frozen=True):
    """Why a message is refused: Meta's *code*, and its *details*."""

    code: int
    details: str

    @property
    def title(self) -> str:
        """Return what Meta calls the error."""
        return TITLES.get(self.code, "Something went wrong")


def fault_of(message: Content) -> Wrong | None:
    """Return the first thing that is wrong with a message, None if Graph would take it."""
    return next(_faults(message), None)


def free_form(message: Content) -> bool:
    """Return whether a message may only be sent to who wrote within the last 24 hours: all but templates."""
    return bool(message.get("type", "text") != "template")


def _faults(message: Content) -> Iterator[Wrong]:
    if message.get("messaging_product") != "whatsapp":
        yield Wrong(PARAMETER, "The parameter messaging_product is required.")
    if not (message.get("to") or message.get("recipient")):
        yield Wrong(PARAMETER, "The parameter to is required.")
    if len(str(message.get("biz_opaque_callback_data", ""))) > OPAQUE:
        yield Wrong(PARAMETER, f"Param biz_opaque_callback_data must be at most {OPAQUE} characters long")
    kind = message.get("type", "text")
    check = CHECKS.get(kind)
    if check is None:
        return
    content = message.get(kind)
    if not isinstance(content, dict):
        yield Wrong(MISSING, f"Parameter {kind} is missing")
        return
    yield from check(content)


def _text(content: Content) -> Iterator[Wrong]:
    yield from _length(content.get("body"), "text['body']", TEXT)


def _media(content: Content) -> Iterator[Wrong]:
    if bool(content.get("id")) == bool(content.get("link")):
        yield Wrong(PARAMETER, "Exactly one of id and link is required")


def _reaction(content: Content) -> Iterator[Wrong]:
    if not content.get("message_id"):
        yield Wrong(MISSING, "Parameter reaction.message_id is missing")


def _location(content: Content) -> Iterator[Wrong]:
    yield from (
        Wrong(MISSING, f"Parameter location.{name} is missing")
        for name in ("latitude", "longitude")
        if content.get(name) is None
    )


def _template(content: Content) -> Iterator[Wrong]:
    if not content.get("name"):
        yield Wrong(MISSING, "Parameter template.name is missing")
    if not _of(content, "language").get("code"):
        yield Wrong(MISSING, "Parameter template.language.code is missing")
    for component in content.get("components") or ():
        kind = component.get("type")
        if kind not in {"header", "body", "button", "carousel", "limited_time_offer", "order_status"}:
            yield Wrong(INVALID, f"template.components: {kind} is no component")
        if kind == "button" and (not component.get("sub_type") or component.get("index") is None):
            yield Wrong(MISSING, "A button of a template has its sub_type and its index")


def _interactive(content: Content) -> Iterator[Wrong]:
    kind = content.get("type")
    for part in ("header", "footer"):
        text = _of(content, part).get("text")
        if text is not None:
            yield from _length(text, f"interactive['{part}']['text']", EDGE)
    check = INTERACTIVE.get(str(kind))
    if kind is None:
        yield Wrong(MISSING, "Parameter interactive.type is missing")
    elif check is not None:
        if kind != "product":
            yield from _length(_of(content, "body").get("text"), "interactive['body']['text']", BODY)
        yield from check(_of(content, "action"), content)


def _buttons(action: Content, _: Content) -> Iterator[Wrong]:
    buttons = action.get("buttons") or ()
    if not 1 <= len(buttons) <= BUTTONS:
        yield Wrong(INVALID, f"Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: {BUTTONS}")
    replies = [_of(button, "reply") for button in buttons]
    for reply in replies:
        yield from _length(reply.get("id"), "button id", BUTTON_ID)
        yield from _length(reply.get("title"), "button title", BUTTON_TITLE)
    if len({reply.get("id") for reply in replies}) < len(replies):
        yield Wrong(INVALID, "Duplicated buttons' ids")


def _list(action: Content, _: Content) -> Iterator[Wrong]:
    yield from _length(action.get("button"), "interactive['action']['button']", BUTTON_TITLE)
    sections = action.get("sections") or ()
    rows = [row for section in sections for row in section.get("rows") or ()]
    if not (1 <= len(sections) <= SECTIONS and 1 <= len(rows) <= ROWS):
        yield Wrong(INVALID, f"A list has 1 to {SECTIONS} sections and 1 to {ROWS} rows in all")
    for row in rows:
        yield from _length(row.get("id"), "row id", ROW_ID)
        yield from _length(row.get("title"), "row title", ROW_TITLE)
        if len(row.get("description") or "") > ROW_DESCRIPTION:
            yield Wrong(INVALID, f"Row description is too long. Max length is {ROW_DESCRIPTION}")


def _flow(action: Content, _: Content) -> Iterator[Wrong]:
    parameters = _of(action, "parameters")
    if action.get("name") != "flow":
        yield Wrong(INVALID, "interactive['action']['name'] must be flow")
    if str(parameters.get("flow_message_version", "")) != "3":
        yield Wrong(INVALID, "flow_message_version must be 3")
    if bool(parameters.get("flow_id")) == bool(parameters.get("flow_name")):
        yield Wrong(PARAMETER, "Exactly one of flow_id and flow_name is required")
    if not str(parameters.get("flow_cta", "")).strip():
        yield Wrong(MISSING, "Parameter flow_cta is missing")
    opening = parameters.get("flow_action", "navigate")
    payload = parameters.get("flow_action_payload")
    if opening not in {"navigate", "data_exchange"}:
        yield Wrong(INVALID, "flow_action is navigate or data_exchange")
    if payload is not None and opening != "navigate":
        yield Wrong(PARAMETER, "flow_action_payload is for navigate only")
    if isinstance(payload, dict) and payload.get("data") == {}:
        yield Wrong(PARAMETER, "flow_action_payload.data must not be empty")


def _product(action: Content, _: Content) -> Iterator[Wrong]:
    yield from (
        Wrong(MISSING, f"Parameter interactive.action.{name} is missing")
        for name in ("catalog_id", "product_retailer_id")
        if not action.get(name)
    )


def _products(action: Content, content: Content) -> Iterator[Wrong]:
    if not _of(content, "header").get("text"):
        yield Wrong(MISSING, "Parameter interactive.header is missing")
    if not action.get("catalog_id"):
        yield Wrong(MISSING, "Parameter interactive.action.catalog_id is missing")
    items = [item for section in action.get("sections") or () for item in section.get("product_items") or ()]
    if not 1 <= len(items) <= PRODUCTS:
        yield Wrong(INVALID, f"A list of products has 1 to {PRODUCTS}")


def _length(value: Any, name: str, longest: int) -> Iterator[Wrong]:
    if not isinstance(value, str) or not value.strip():
        yield Wrong(MISSING, f"Param {name} is required")
    elif len(value) > longest:
        yield Wrong(PARAMETER, f"Param {name} must be at most {longest} characters long.")


def _of(content: Any, name: str) -> Content:
    """Return a member that should be an object; an empty one if it is none."""
    member = content.get(name) if isinstance(content, dict) else None
    return member if isinstance(member, dict) else {}


CHECKS: dict[str, Callable[[Content], Iterator[Wrong]]] = {
    "text": _text,
    "template": _template,
    "interactive": _interactive,
    "reaction": _reaction,
    "location": _location,
    **dict.fromkeys(("image", "audio", "video", "document", "sticker"), _media),
}
"""What is checked of a message, by its type."""

INTERACTIVE: dict[str, Callable[[Content, Content], Iterator[Wrong]]] = {
    "button": _buttons,
    "list": _list,
    "flow": _flow,
    "product": _product,
    "product_list": _products,
}
"""What is checked of an interactive message's action, by its type."""
