"""Where the console shows what: the addresses of its pages, keys and names percent-encoded."""

from collections.abc import Callable
from urllib.parse import quote, urlencode

SESSIONS = "/admin/sessions"
ORDERS = "/admin/orders"
DEFINITIONS = "/admin/definitions"


def session_address(definition: str, key: str) -> str:
    """Return where a session is shown."""
    return f"{SESSIONS}/{quote(definition, safe='')}/{quote(key, safe='')}"


def order_address(order_id: str) -> str:
    """Return where an order is shown."""
    return f"{ORDERS}/{quote(order_id, safe='')}"


def family_address(family: str) -> str:
    """Return where the order is shown whose family that is, "" if it is no order's."""
    root, _, order_id = family.partition("/")
    return order_address(order_id) if root == "order" else ""


def definition_address(name: str) -> str:
    """Return where a definition is shown."""
    return f"{DEFINITIONS}/{quote(name, safe='')}"


def sessions_address(**filters: str) -> str:
    """Return where the sessions are listed that *filters* let through; empty ones are left out."""
    said = {name: value for name, value in filters.items() if value}
    return f"{SESSIONS}?{urlencode(said)}" if said else SESSIONS


GLOBALS: dict[str, Callable[..., str]] = {
    "session_address": session_address,
    "family_address": family_address,
    "definition_address": definition_address,
    "sessions_address": sessions_address,
}
"""What templates call these by."""
