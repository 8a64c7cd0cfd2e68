"""
What those pages share on which staff do something: the reason for it, what is said of it afterwards, addresses.

Rule: whatever changes something, or shows what is masked, is done for a reason, which the audit log keeps.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from api.forms import Fields
from api.problems import Refusal

EFFECTS = "/admin/effects"
INQUIRIES = "/admin/inquiries"
QUARANTINE = "/admin/quarantine"
STAFF = "/admin/staff"

REASON, LONGEST_REASON = "reason", 500

DONE: Mapping[str, str] = {
    "accepted": "Accepted. The parcel stands where the report puts it.",
    "dismissed": "Dismissed. The parcel stands where it stood.",
    "resolved": "Recorded. What the courier says to it shows below.",
    "answered": "Your answer is on its way. Its delivery shows below.",
    "closed": "Closed without an answer.",
    "retry": "It will be called again in a moment.",
    "discard": "It will not be called any more.",
    "arrived": "It counts as delivered.",
    "redriven": "It was worked off.",
    "kept": "It was worked off again, and is still set aside: what it lacks is not there yet.",
    "role": "The role is changed. It counts at once.",
    "gone": "They have no access any more, from now on.",
}
"""What is said after something was done, by what the address says of it."""


def reason_of(fields: Fields) -> str:
    """
    Return why somebody does something.

    Raises:
        Refusal: they do not say.
    """
    reason = fields.get(REASON, "").strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise Refusal(422, "reason", f"Please say why, in at most {LONGEST_REASON} characters. Nothing was done.")
    return reason


def said_done(code: str) -> str:
    """Return what is said of what was just done, "" if nothing was."""
    return DONE.get(code, "")


def effect_address(effect_id: str) -> str:
    """Return where an effect is shown."""
    return f"{EFFECTS}/{quote(effect_id, safe='')}"


def inquiry_address(wamid: str) -> str:
    """Return what begins the addresses of what staff do with an inquiry."""
    return f"{INQUIRIES}/{quote(wamid, safe='')}"


def list_address(path: str, **filters: str) -> str:
    """Return where a list is shown as *filters* narrow it; empty ones are left out."""
    said = {name: value for name, value in filters.items() if value}
    return f"{path}?{urlencode(said)}" if said else path
