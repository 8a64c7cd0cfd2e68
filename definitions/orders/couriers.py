"""
Couriers as data: what their words and codes mean, what they can be asked, how, and until when.

An adapter is a JSON file, `couriers/NAME.json` beside this module or in a folder of definitions, where it replaces the
shipped one of that name or, with `"extends": "NAME"`, changes parts of another: members of objects one by one, null
removes one, everything else as a whole. Each says of when it is and where its facts are from.

Rule 1: what an adapter does not know is kept as it came: an unknown status is parked under the word that was sent, an
        unknown reason is `unknown`, with the courier's own code beside it.
Rule 2: a call that is composed here holds no secret: whoever makes it adds the token.
"""

import string
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from definitions import shape
from definitions.json_text import escape
from definitions.orders import ndr
from definitions.orders.times import USUAL_ZONE, local_date
from definitions.orders.words import LEGS, fact_name
from engine.errors import Problem
from engine.model import SECOND, Event, Instance

FOLDER = "couriers"
"""Where a folder of definitions has its adapters."""

SHIPPED = Path(__file__).parent / FOLDER
"""Where the adapters that ship are."""

USUAL = "eshopbox"
"""Whose shipments are those of order documents that name no courier with an adapter: the documents are Eshopbox's."""

GENERIC = "generic"
"""The adapter of a courier that reports under a name of its own without having one."""

INVALID = "INVALID_COURIER"
"""The code of what is wrong with an adapter."""

HOUR = 3600 * SECOND

DETAILED = ("updatedAddress", "currentAddress", "landmark", "phone")
"""What a customer may say about where to deliver: with one of these, coming again is another thing to some couriers."""


class Status(Struct, frozen=True, forbid_unknown_fields=True):
    """What a courier's code or word means: a status word on a leg, that of the event where none is named."""

    status: str
    leg: Literal["", "forward", "rto", "return"] = ""
    partial: bool = False


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """
    How a courier is asked for something: by *code*, and on what conditions.

    *with_address* is the code where the customer has said where to deliver. *required* are the fields of the body
    without which the courier refuses. It does it until *within_hours* after the failure, 0 for always, and puts a
    delivery off by *max_days* at most from the first failure, 0 for the usual.
    """

    code: str
    with_address: str = ""
    required: tuple[str, ...] = ()
    within_hours: Annotated[int, Meta(ge=0)] = 0
    max_days: Annotated[int, Meta(ge=0)] = 0


class Courier(Struct, frozen=True, forbid_unknown_fields=True):
    """
    A courier or aggregator.

    *statuses* and *reasons* are by what it sends, in small letters; without *reasons* its codes are ours. It tries so
    many *attempts* in all, 0 for as many as it likes. After a failed one it waits for *window_hours*, 0 for the rest of
    the day, and then does what *silence* says; where *silence_is_told* it waits to be told even that. *body* is what it
    is posted, with `{fields}` that are filled in, and without those for which there is nothing; *key_header* takes
    a key by which it knows a repeat. Its answer means that it accepts, unless it *answers_later*.
    """

    name: str
    as_of: date
    source: str
    aliases: tuple[str, ...] = ()
    statuses: dict[str, Status] = {}
    reasons: dict[str, str] = {}
    actions: dict[ndr.Action, Asked] = {}
    attempts: Annotated[int, Meta(ge=0)] = 0
    window_hours: Annotated[int, Meta(ge=0)] = 24
    silence: Literal["rto", "nothing"] = "rto"
    silence_is_told: bool = False
    date_format: str = "%Y-%m-%d"
    url: str = ""
    body: dict[str, Any] = {}
    headers: dict[str, str] = {}
    token_header: str = ""
    key_header: str = ""
    answers_later: bool = False

    def names(self) -> Iterable[str]:
        """Yield what it is called, in small letters."""
        return (name.casefold() for name in (self.name, *self.aliases))

    def window_ends(self, at: int, zone: ZoneInfo) -> int:
        """Return until when it waits to be told what to do about a delivery that failed *at* that time."""
        if self.window_hours:
            return at + self.window_hours * HOUR
        tomorrow = datetime.combine(local_date(at, zone) + timedelta(days=1), time(), zone)
        return int(tomorrow.timestamp()) * SECOND


class CourierCall(Struct, frozen=True):
    """A POST of JSON to a courier, without its token."""

    url: str
    headers: dict[str, str]
    body: dict[str, Any]


class Translated(Struct, frozen=True):
    """What a courier said, in our words; *details* keep its own words where they are others."""

    leg: str
    status: str
    details: dict[str, str]


class NotAsked(Exception):
    """A courier cannot be asked for what was chosen: it does not do it, or lacks *fields* of what it requires."""

    def __init__(self, action: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(action, fields)
        self.action = action
        self.fields = fields


# Reading


def load(folders: Iterable[Path] = (), facts: Collection[str] = ()) -> dict[str, Courier]:
    """
    Return the couriers that ship and those of *folders* by their names; a later folder's goes before an earlier one's.

    *facts* are the names of all that shipments take; without them what statuses mean is not held against it.

    Raises:
        DefinitionError: an adapter is wrong; the message says where and what.
    """
    written: dict[str, dict[str, Any]] = {}
    couriers: dict[str, Courier] = {}
    for folder in (SHIPPED, *(folder / FOLDER for folder in folders)):
        own = _written(folder)
        for path in sorted(folder.glob("*.json")):
            source = path.read_bytes()
            problems = _problems(path.stem, source, own, written, facts)
            if problems:
                raise shape.refused(path, source, problems)
        whole = {name: _extended(name, own, written) or {} for name in own}
        couriers |= {name: msgspec.convert(content, Courier) for name, content in whole.items()}
        written |= whole
    return couriers


def check(path: Path, facts: Collection[str] = ()) -> tuple[Problem, ...]:
    """Return what is wrong with an adapter's file, beside those of its folder and those that ship; see `load`."""
    shipped = _written(SHIPPED)
    return _problems(
        path.stem,
        path.read_bytes(),
        _written(path.parent),
        {name: content for name in shipped if (content := _extended(name, shipped, {})) is not None},
        facts,
    )


def _written(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the files of a folder say, by their names, as far as they are objects."""
    said = {path.stem: shape.read(path.read_bytes())[0] for path in sorted(folder.glob("*.json"))}
    return {name: {"name": name, **content} for name, content in said.items() if isinstance(content, dict)}


def _problems(
    name: str, source: bytes, own: Mapping[str, Any], earlier: Mapping[str, Any], facts: Collection[str]
) -> tuple[Problem, ...]:
    """Return what is wrong with the file of the courier *name* that stands among its *own* folder's."""
    content, problems = shape.read(source)
    if problems:
        return problems
    if not isinstance(content, dict):
        return (_wrong("", "an adapter is an object"),)
    whole = _extended(name, own, earlier)
    if whole is None:
        return (_wrong("/extends", f"there is no courier {content.get('extends')} to extend"),)
    misshapen = tuple(sorted(shape.misfits(whole, Courier, INVALID)))
    return misshapen or tuple(sorted(_faults(msgspec.convert(whole, Courier), name, facts)))


def _extended(
    name: str, own: Mapping[str, Any], earlier: Mapping[str, Any], *, after: tuple[str, ...] = ()
) -> dict[str, Any] | None:
    """
    Return what is written of a courier, with what it extends: one of its own folder, or of an *earlier* one.

    Where that is nowhere, there is nothing to return.
    """
    content = dict(own[name])
    base = content.pop("extends", None)
    if base is None:
        return content
    found: dict[str, Any] | None = None
    if isinstance(base, str):
        is_beside = base in own and base not in (name, *after)
        found = _extended(base, own, earlier, after=(*after, name)) if is_beside else earlier.get(base)
    return None if found is None else dict(_patched(found, content))


def _faults(courier: Courier, stem: str, facts: Collection[str]) -> Iterator[Problem]:
    """Yield what is wrong with a courier though its parts have the right kinds."""
    if courier.name != stem:
        yield _wrong("/name", f"the file of {courier.name} is named after it")
    for member, keys in (("statuses", courier.statuses), ("reasons", courier.reasons)):
        for key in keys:
            if key != _key(key):
                yield _wrong(f"/{member}/{escape(key)}", f"{key} is not in small letters")
    yield from _unknown_meanings(courier, facts)
    for member, value in (("url", courier.url), ("body", courier.body)):
        try:
            fields = {name for text in _texts(value) for name in _named(text)}
        except ValueError as error:
            yield _wrong(f"/{member}", f"its fields cannot be read: {error}")
        else:
            yield from (_wrong(f"/{member}", f"there is no field {{{name}}}") for name in sorted(fields - FIELDS))


def _unknown_meanings(courier: Courier, facts: Collection[str]) -> Iterator[Problem]:
    """Yield what a courier's words and codes are said to mean that means nothing here."""
    for key, meant in courier.statuses.items():
        legs = {meant.leg} if meant.leg else LEGS
        if facts and not any(fact_name(leg, meant.status) in facts for leg in legs):
            where = f" on its way {meant.leg}" if meant.leg else ""
            yield _wrong(f"/statuses/{escape(key)}/status", f"no shipment takes the word {meant.status}{where}")
    known = {reason.name for reason in ndr.REASONS.values()}
    for key, name in courier.reasons.items():
        if name not in known:
            yield _wrong(f"/reasons/{escape(key)}", f"there is no reason {name}")


def _wrong(pointer: str, message: str) -> Problem:
    return Problem(pointer, INVALID, message)


def _patched(base: Any, change: Any) -> Any:
    """Return *base* with *change* (RFC 7396, JSON Merge Patch)."""
    if not isinstance(change, dict):
        return change
    merged = dict(base) if isinstance(base, dict) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _patched(merged.get(name), value)
    return merged


# Which courier


def courier_of(couriers: Mapping[str, Courier], context: Mapping[str, Any]) -> Courier:
    """
    Return the courier of a shipment: the one that its *context* names, else its account's, else the usual one.

    The context has them under `courier` and `adapter`.
    """
    for said in (context.get("courier", ""), context.get("adapter", "")):
        name = str(said).strip().casefold()
        found = next((courier for courier in couriers.values() if name and name in courier.names()), None)
        if found is not None:
            return found
    return couriers[USUAL]


# What couriers say


def translated(courier: Courier, leg: str, status: str, details: Mapping[str, str]) -> Translated:
    """Return what a courier says of a shipment, in our words; what its tables lack is left as it is."""
    said = dict(details)
    known = courier.statuses.get(_key(status))
    if known is not None:
        leg = known.leg or leg
        if fact_name(leg, known.status) != fact_name(leg, status):
            said["courier_status"] = status.strip()
        if known.partial:
            said["partial"] = "yes"
        status = known.status
    code = said.get("ndr_code", "")
    if code and courier.reasons:
        ours = {reason.name: number for number, reason in ndr.REASONS.items()}
        said["ndr_code"] = ours[courier.reasons.get(_key(code), "unknown")]
        said["courier_code"] = code
    return Translated(leg, status, said)


def _key(word: str) -> str:
    return word.strip().casefold()


# What couriers grant


def case_context(couriers: Mapping[str, Courier], teller: Instance, event: Event, at: int) -> dict[str, Any]:
    """
    Return what a case begins with that a failed delivery opens, known *at* that time: terms and deadlines.

    *teller* is its shipment. The failure is in its ledger already, or counts from now on.
    """
    courier = courier_of(couriers, teller.context)
    zone_name = teller.context.get("timezone", USUAL_ZONE)
    zone = ZoneInfo(zone_name)
    ends = courier.window_ends(at, zone)
    ledger = [attempt for attempt in teller.context.get("attempts", ()) if attempt["at"] <= event.at]
    first = min((attempt["at"] for attempt in ledger), default=event.at)
    deferring, disputing = courier.actions.get("defer"), courier.actions.get("dispute")
    terms = ndr.Terms(
        courier=courier.name,
        actions=tuple(courier.actions),
        attempts=courier.attempts,
        counted=sum(attempt["counts"] for attempt in ledger),
        last_date=_last_date(deferring, first, zone),
        dispute_until=at + disputing.within_hours * HOUR if disputing and disputing.within_hours else 0,
    )
    return {
        "terms": {**msgspec.to_builtins(terms), "actions": [*terms.actions]},  # as it is read back from a store
        "timezone": zone_name,
        "window_until": ends,
        "remind_at": at + (ends - at) // 2,
    }


def _last_date(deferring: Asked | None, first: int, zone: ZoneInfo) -> str:
    """Return the latest day that a delivery can be put off to which failed *first* at that time."""
    if deferring is None or not deferring.max_days:
        return ""
    return (local_date(first, zone) + timedelta(days=deferring.max_days)).isoformat()


# What couriers are told

FIELDS = frozenset(
    {
        "code", "action", "reason", "order_id", "order_number", "tracking_id", "date", "phone", "name", "email",
        "current_address", "updated_address", "address", "landmark", "notes", "remarks", "comments", "source",
        "effect_id",
    }
)  # fmt: skip
"""What a body or an address may have filled in."""


def courier_call(
    courier: Courier,
    case: Mapping[str, Any],
    shipment: Mapping[str, Any],
    order: Mapping[str, Any],
    chosen: Mapping[str, str],
    effect_id: str,
) -> CourierCall:
    """
    Return the call that tells a courier what was *chosen*.

    *case* and *shipment* are contexts, *order* is the order's document.

    Raises:
        NotAsked: the courier does not do that, or requires something that nobody said; or nobody said where it is.
    """
    resolution = ndr.RESOLUTIONS[chosen["resolutionCode"]]
    asked = courier.actions.get(resolution.does)
    if asked is None or not courier.url:
        raise NotAsked(resolution.does)
    moved = any(chosen.get(name) for name in DETAILED)
    code = asked.with_address if moved and asked.with_address else asked.code
    filled = _fields(courier, case, shipment, order, chosen) | {"code": code, "effect_id": effect_id}
    body = _filled(courier.body, filled)
    missing = tuple(name for name in asked.required if name not in body)
    if missing:
        raise NotAsked(resolution.does, missing)
    headers = dict(courier.headers)
    if courier.key_header:
        headers[courier.key_header] = effect_id
    url = courier.url.format_map({name: quote(value, safe="") for name, value in filled.items()})
    return CourierCall(url, headers, body)


def silence_choice(courier: Courier) -> dict[str, str] | None:
    """Return what a courier is told when nobody answered in time, or None where it goes on by itself."""
    if courier.silence == "nothing" or not courier.silence_is_told:
        return None
    code = next(code for code, resolution in ndr.RESOLUTIONS.items() if resolution.does == "cancel")
    return ndr.chosen(code)


def _fields(
    courier: Courier,
    case: Mapping[str, Any],
    shipment: Mapping[str, Any],
    order: Mapping[str, Any],
    chosen: Mapping[str, str],
) -> dict[str, str]:
    """
    Return what can be filled in, all of it texts; "" where nobody said it.

    `comments` is for couriers that want a text in any case: without one from the customer it is the choice in words.
    """
    person = order.get("shippingAddress") or {}
    day, remarks = chosen.get("deferredDate", ""), chosen.get("remarks", "")
    said = {
        "action": chosen.get("action", ""),
        "reason": case.get("ndr_code", ""),
        "order_id": order.get("orderId", ""),
        "order_number": order.get("customerOrderNumber", ""),
        "tracking_id": shipment.get("tracking_id", ""),
        "date": date.fromisoformat(day).strftime(courier.date_format) if day else "",
        "phone": chosen.get("phone") or person.get("contactPhone", ""),
        "name": chosen.get("name", ""),
        "email": chosen.get("email", ""),
        "current_address": chosen.get("currentAddress", ""),
        "updated_address": chosen.get("updatedAddress", ""),
        "address": chosen.get("updatedAddress") or chosen.get("currentAddress", ""),
        "landmark": chosen.get("landmark", ""),
        "notes": chosen.get("notes", ""),
        "remarks": remarks,
        "comments": remarks or chosen.get("action", ""),
        "source": "whatsapp",
    }
    return {name: str(value) for name, value in said.items()}


def _filled(template: Any, fields: Mapping[str, str]) -> Any:
    """Return *template* with its fields filled in; members that come to nothing are left out."""
    if isinstance(template, dict):
        filled = {name: _filled(value, fields) for name, value in template.items()}
        return {name: value for name, value in filled.items() if value not in ("", {})}
    return template.format_map(fields) if isinstance(template, str) else template


def _texts(value: Any) -> Iterable[str]:
    """Yield the texts in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _texts(member)


def _named(text: str) -> Iterable[str]:
    """Yield the fields that a text has filled in."""
    return (name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
