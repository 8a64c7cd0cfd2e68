"""
Personal data, masked: what viewers see in place of names, contacts, addresses and what customers wrote.

Rule 1: what is not known to be harmless is masked. A text is shown only under a name that is known to have codes, ids,
        dates or couriers, and only if it looks like one and not like a phone number or an e-mail address; or under a
        name that may have our own words for what failed and what is done about it, if it is one of those.
Rule 2: below a name that has what customers told, such as the answers of a Flow, no text is shown at all.
Rule 3: no four characters that follow one another in what is masked are shown.
Rule 4: a message's id at WhatsApp is a contact: it says, in base64, from whose number the message came or to whose it
        went. What tells one from another is shown in its place.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from definitions.orders import ndr

CODES = frozenset({
    "account_id", "action", "action_source", "actions", "adapter", "allowed_events", "carrier", "catalog_id",
    "category", "channel", "code", "country_code", "courier", "currency", "customer_order_number", "definition",
    "effect", "event", "events", "flow", "flow_id", "id", "key", "kind", "language", "leg", "locale", "ndr_code",
    "opened_by", "order_id", "order_ref", "outcome", "phone_number_id", "product_id", "product_retailer_id",
    "reason_code", "resolution_code", "role", "screen", "sku", "source", "state", "status", "template", "timezone",
    "tracking_id", "type", "variant", "version", "voided_by", "waba_id",
})  # fmt: skip
"""The names under which there are codes and ids."""

FACTS = frozenset({"about", "conflicts", "id", "voided_by"})
"""The names under which there are ids of what couriers reported."""

COURIERS = frozenset({"carrier", "carrier_name", "courier", "courier_name"})
"""The names under which there is what couriers are called."""

REASONS = frozenset({"action", "ndr_reason", "reason"})
"""The names under which there are our own words, or others'."""

OUR_WORDS = frozenset(
    [word for each in ndr.REASONS.values() for word in (each.name, each.label)]
    + [each.action for each in ndr.RESOLUTIONS.values()]
)
"""Our words for what failed and what is done about it."""

DATES = ("at", "date", "on", "since", "until", "time", "times")
"""How names end under which there are dates and times."""

TOLD = frozenset({
    "address", "addresses", "answer", "answers", "billing_address", "contact", "contacts", "customer", "evidence",
    "form", "from", "params", "person", "profile", "recipient", "response", "response_json", "sender",
    "shipping_address", "user",
})  # fmt: skip
"""The names below which there is what customers are called, or what they told."""

PERSONAL = frozenset({
    "aadhaar", "account", "address", "age", "birth", "birthday", "card", "contact", "dob", "email", "gst", "income",
    "lat", "latitude", "lng", "lon", "longitude", "mail", "mobile", "name", "otp", "pan", "passport", "password",
    "phone", "pin", "pincode", "postal", "postcode", "salary", "tel", "telephone", "whatsapp", "zip",
})  # fmt: skip
"""Words in names under which even a number, or a date, is somebody's own."""

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}")
FACT = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}@\d{8}T\d{6}Z")
COURIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 &._-]{0,63}")
DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")
FIELD = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$-]{0,63}")
"""How the names of fields are written."""

EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
PERSON = re.compile(r"[^\W\d_][\w.'’-]*( [^\W\d_][\w.'’-]*){0,3}")  # noqa: RUF001 - names are written with either
"""One to four words that begin with a letter: a name, perhaps."""

WAMID = re.compile(r"wamid\..*", re.IGNORECASE | re.DOTALL)
"""How messages' ids at WhatsApp begin."""

WHOLE_WAMID = re.compile(r"wamid\.[A-Za-z0-9+/=_-]{12,}")

PHONE_MARKS = re.compile(r"[\s().+/-]+")
BETWEEN = re.compile(r"[^A-Za-z0-9]+")

SHORTEST_PHONE, LONGEST_PHONE = 7, 15
"""How many digits phone numbers have."""

SHORTEST_WHOLE, LONGEST_WHOLE = 10, 14
"""How many digits those have that are written with their area's code: what of codes is taken for a phone number."""

COUNTRIES = {("91", 12), ("1", 11)}
"""Countries' codes with how many digits their numbers have."""

LONGEST_NAME = 40
SHORT, MIDDLING = 20, 120
LONGEST_ENDING = 3
DEEPEST = 64
HIDDEN = "•••"


def masked(value: Any) -> Any:
    """Return a copy of a JSON value in which what may be personal is masked."""
    return _masked(value, "", told=False, depth=0)


def masked_text(text: str) -> str:
    """Return what is shown in place of a text: of a name its initials, of a contact a hint, of the rest its length."""
    said = text.strip()
    if not said:
        return ""
    if WHOLE_WAMID.fullmatch(said):
        return masked_key(said)
    digits = PHONE_MARKS.sub("", said)
    if digits.isdecimal() and SHORTEST_PHONE <= len(digits) <= LONGEST_PHONE:
        return _phone(digits)
    if EMAIL.fullmatch(said):
        ending = said.rpartition(".")[2] if "." in said.rpartition("@")[2] else ""
        return f"{said[0]}…@…" + (f".{ending}" if 0 < len(ending) <= LONGEST_ENDING else "")
    if len(said) <= LONGEST_NAME and PERSON.fullmatch(said):
        return " ".join(f"{word[0]}…" for word in said.split(" "))
    return HIDDEN * (1 if len(said) <= SHORT else 2 if len(said) <= MIDDLING else 3)


def masked_key(key: str) -> str:
    """Return what is shown in place of a key, a message's id in it by what tells it from others and no more."""
    return WAMID.sub(lambda found: f"message {hashlib.sha256(found[0].encode()).hexdigest()[:8]}", key)


def _masked(value: Any, name: str, *, told: bool, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if depth > DEEPEST:
        return HIDDEN
    if isinstance(value, Mapping):
        return _masked_fields(value, told=told, depth=depth)
    if isinstance(value, list | tuple):
        return [_masked(each, name, told=told, depth=depth + 1) for each in value]
    if isinstance(value, int | float):
        return HIDDEN if _is_personal_number(value, name) else value
    if isinstance(value, str):
        return value if not told and _is_harmless(value, name) else masked_text(value)
    return HIDDEN


def _masked_fields(fields: Mapping[Any, Any], *, told: bool, depth: int) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for place, (key, value) in enumerate(fields.items()):
        name = _snake(str(key))
        title = str(key) if FIELD.fullmatch(str(key)) and not _has_contact(str(key)) else f"{HIDDEN} {place}"
        shown[title] = _masked(value, name, told=told or name in TOLD, depth=depth + 1)
    return shown


def _is_harmless(text: str, name: str) -> bool:
    if not text:
        return True
    words = name.split("_")
    if words[-1] in DATES and not PERSONAL & {*words}:
        return DATE.fullmatch(text) is not None
    if name in REASONS and text in OUR_WORDS:
        return True
    if name in FACTS and FACT.fullmatch(text):
        return True
    if name in COURIERS and COURIER.fullmatch(text) and not _has_contact(text):
        return True
    return name in CODES and CODE.fullmatch(text) is not None and not _has_contact(text)


def _is_personal_number(number: float, name: str) -> bool:
    words = name.split("_")
    if PERSONAL & {*words} and name not in CODES:
        return True
    return words[-1] not in DATES and _has_phone(f"{abs(number):.0f}")


def _has_contact(text: str) -> bool:
    """Return whether a text has a phone number, as such or in a message's id."""
    return WAMID.search(text) is not None or _has_phone(text)


def _has_phone(text: str) -> bool:
    """Return whether a text is a phone number, or has one between other marks."""
    pieces = [PHONE_MARKS.sub("", text), *BETWEEN.split(text)]
    dialled = [piece.lstrip("0") for piece in pieces if piece.isdecimal()]
    return any(SHORTEST_WHOLE <= len(digits) <= LONGEST_WHOLE for digits in dialled)


def _phone(digits: str) -> str:
    code = next((code for code, length in COUNTRIES if digits.startswith(code) and len(digits) == length), "")
    return f"+{code} …… {digits[-2:]}" if code else f"…… {digits[-2:]}"


def _snake(name: str) -> str:
    """Return the name of a field as `snake_case`, however it is written."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return BETWEEN.sub("_", apart).strip("_").lower()
