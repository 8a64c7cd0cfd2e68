"""
The order document: what of it moves shipments, and how it is read back.

Source: Eshopbox's order document, as in its portal's `GET order`. It is kept as the merchant put it; what couriers say
(status, log, failed deliveries, resolutions) is rewritten from the facts whenever it is read.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, field

from definitions.binding import Timeline
from definitions.orders import ndr
from definitions.orders.timeline import FAILED, RECORDS, latest
from definitions.orders.times import from_local, to_local
from definitions.orders.words import FORWARD, RETURN, fact_name, word_of
from engine.errors import Problem
from engine.fold import Fact

WHATSAPP_FLAG = "isWhatsAppEnabledForNotifications"

_TIMELINES = {"forwardTrackingTimeline": FORWARD, "returnTrackingTimeline": RETURN}
"""The parts of an item that hold a shipment's log, and the leg each is about."""


class Person(Struct, frozen=True):
    """Whom the order is for."""

    phone: str = field(name="contactPhone", default="")
    name: str = field(name="customerName", default="")
    email: str = ""


class _Log(Struct, frozen=True):
    status: str
    updated_at: str = field(name="updatedAt")
    remark: str = ""
    location: str = ""


class _Tracking(Struct, frozen=True):
    tracking_id: str = field(name="trackingID", default="")
    courier: str = field(name="courierName", default="")
    log: list[_Log] = field(name="statusLog", default_factory=list)


class _NdrDetails(Struct, frozen=True):
    code: str = field(name="ndrCode", default="")
    reason: str = ""


class _Item(Struct, frozen=True):
    forward: _Tracking | None = field(name="forwardTrackingTimeline", default=None)
    backward: _Tracking | None = field(name="returnTrackingTimeline", default=None)
    ndr: _NdrDetails = field(name="ndrDetails", default_factory=_NdrDetails)


class _Document(Struct, frozen=True):
    order_id: str = field(name="orderId")
    number: str = field(name="customerOrderNumber")
    account_slug: str = field(name="accountSlug")
    items: list[_Item]
    person: Person = field(name="shippingAddress", default_factory=Person)


class Shipment(Struct, frozen=True):
    """A shipment that a document speaks of, with the facts its logs tell."""

    tracking_id: str
    leg: str
    courier: str
    facts: tuple[Fact, ...]


class Order(Struct, frozen=True):
    """What an order document means to the engine."""

    order_id: str
    number: str
    account_slug: str
    person: Person
    shipments: tuple[Shipment, ...]
    unassigned_items: int


class Malformed(Exception):
    """A document does not have the parts that every order has."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)


def read_order(document: Any, zone: ZoneInfo, now: int) -> Order:
    """
    Return what an order document says; its local times are of *zone*, its facts received *now*.

    Raises:
        Malformed: it lacks something, or a time cannot be read.
    """
    try:
        read = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        steps = path.rstrip("`").replace("[", ".").replace("]", "").split(".")
        pointer = "".join(f"/{step}" for step in steps if step)
        raise Malformed([Problem(pointer, "invalid", message)]) from None
    shipments: dict[tuple[str, str], Shipment] = {}
    problems: list[Problem] = []
    for index, item in enumerate(read.items):
        for name, tracking in (("forwardTrackingTimeline", item.forward), ("returnTrackingTimeline", item.backward)):
            if tracking is not None and tracking.tracking_id:
                pointer = f"/items/{index}/{name}/statusLog"
                facts = _facts(tracking, _TIMELINES[name], item.ndr, zone, now, pointer, problems)
                key = tracking.tracking_id, _TIMELINES[name]
                known = shipments.get(key)
                facts = (*known.facts, *facts) if known else facts
                shipments[key] = Shipment(tracking.tracking_id, _TIMELINES[name], tracking.courier, facts)
    for index, item in enumerate(read.items):
        if item.backward is not None and (item.backward.tracking_id, FORWARD) in shipments:
            pointer = f"/items/{index}/returnTrackingTimeline/trackingID"
            problems.append(Problem(pointer, "taken", "A return has a tracking id of its own"))
    if problems:
        raise Malformed(problems)
    unassigned = sum(1 for item in read.items if item.forward is None or not item.forward.tracking_id)
    number, slug = read.number, read.account_slug
    return Order(read.order_id, number, slug, read.person, tuple(shipments.values()), unassigned)


def _facts(
    tracking: _Tracking,
    leg: str,
    failure: _NdrDetails,
    zone: ZoneInfo,
    now: int,
    pointer: str,
    problems: list[Problem],
) -> tuple[Fact, ...]:
    """Return the facts of a log. The item's reason for a failed delivery is that of the last one in the log."""
    facts: list[Fact] = []
    for index, entry in enumerate(tracking.log):
        try:
            at = from_local(entry.updated_at, zone)
        except ValueError:
            problems.append(Problem(f"{pointer}/{index}/updatedAt", "time", "A time is YYYY-MM-DD HH:MM:SS"))
            continue
        if at is not None:
            said = {"remark": entry.remark, "location": entry.location}
            details = {name: text for name, text in said.items() if text}
            facts.append(Fact(fact_name(leg, entry.status), at, now, details, "merchant"))
    failed = max((fact for fact in facts if fact.name == FAILED), key=lambda fact: fact.at, default=None)
    if failed is not None and failure.code:
        details = {**failed.details, "ndr_code": failure.code, "ndr_reason": failure.reason}
        facts[facts.index(failed)] = msgspec.structs.replace(failed, details=details)
    return tuple(facts)


# Reading back


class Case(Struct, frozen=True):
    """A shipment's latest NDR case, as it is read back: its reason, the choices open, the choice made."""

    ndr_code: str
    ndr_reason: str
    choices: tuple[str, ...]
    is_open: bool
    resolution: Mapping[str, str]


class Standing(Struct, frozen=True):
    """Where a shipment stands: its folded timeline and its latest case."""

    timeline: Timeline
    case: Case | None = None


def read_back(
    document: dict[str, Any], shipments: Mapping[tuple[str, str], Standing], zone: ZoneInfo, *, subscribed: bool
) -> dict[str, Any]:
    """
    Return *document* with what couriers say rewritten from the facts; *shipments* are by tracking id and leg.

    An item whose shipment nobody has reported anything about stays as it was put.
    """
    items = [_item_back(item, shipments, zone) for item in document["items"]]
    return {**document, "items": items, WHATSAPP_FLAG: "1" if subscribed else "0"}


def _item_back(item: dict[str, Any], shipments: Mapping[tuple[str, str], Standing], zone: ZoneInfo) -> dict[str, Any]:
    rewritten = dict(item)
    shown = item.get("timeLine") if item.get("timeLine") in [*_TIMELINES] else "forwardTrackingTimeline"
    for name, leg in _TIMELINES.items():
        tracking = item.get(name)
        standing = shipments.get((tracking.get("trackingID", ""), leg)) if isinstance(tracking, dict) else None
        last = latest(standing.timeline) if standing else None
        if not isinstance(tracking, dict) or standing is None or last is None:
            continue
        rewritten[name] = {**tracking, "statusLog": _log_back(standing.timeline, zone)}
        if name == shown:
            rewritten["latestStatus"] = word_of(last.name)
            rewritten["statusUpdatedAt"] = to_local(last.at, zone)
            rewritten["latestRemark"] = last.details.get("remark", "")
            rewritten["ndrDetails"] = _ndr_back(standing.case)
            rewritten["ndrResolutionDetails"] = dict(standing.case.resolution) if standing.case else {}
    return rewritten


def _log_back(timeline: Timeline, zone: ZoneInfo) -> list[dict[str, str]]:
    return [
        {
            "remark": fact.details.get("remark", ""),
            "location": fact.details.get("location", ""),
            "status": word_of(fact.name),
            "updatedAt": to_local(fact.at, zone),
        }
        for fact, outcome in timeline
        if outcome == "applied" and fact.name not in RECORDS
    ]


def _ndr_back(case: Case | None) -> dict[str, Any]:
    if case is None or not case.is_open:
        return {}
    return {
        "ndrCode": case.ndr_code or ndr.UNKNOWN_CODE,
        "reason": case.ndr_reason or ndr.reason(case.ndr_code).label,
        "resolutions": [{"resolutionCode": code, "action": ndr.RESOLUTIONS[code].action} for code in case.choices],
    }
