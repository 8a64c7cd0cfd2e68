"""
An order's shipments: where each is and how that is known, what failed and what was chosen.

Rule: what couriers said is shown as they said it, when it happened, when it was heard, and what became of it; their
      remarks, which may name people, only to who may act.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from api.cases import cases_of
from api.console.addresses import session_address
from api.console.masking import masked_text
from api.console.standings import Standing, standing, standing_in
from api.order_book import SHIPMENT, OrderBook
from api.shopper_view import UNANSWERED, Offer, offer_of, travels
from definitions.orders import ndr
from definitions.orders.steps import Step, way_of
from definitions.orders.timeline import RECORDS
from definitions.orders.words import FORWARD, word_of
from engine.errors import UnknownInstance
from engine.family import Family
from engine.fold import ABOUT, ACCEPTED, SETTLING, Fact, Outcome
from engine.interpreter import Interpreter
from engine.model import SECOND, Instance
from storage.queries import JournalItem, Queries

CONSOLE = "console"
"""By which door staff choose for a customer."""

DOORS: Mapping[str, str] = {
    "portal": "on the tracking page",
    "flow": "in the form in the chat",
    CONSOLE: "staff for the customer, here",
    "": "with a button in the chat, or over the API",
}
"""By which door a choice came."""

LATE = 3600 * SECOND
"""How long after it happened a report comes late."""

STEPS_READ = 50
"""How many of an instance's steps are read, the newest."""

OUTCOMES: Mapping[Outcome, tuple[str, str]] = {
    "applied": ("", ""),
    "ignored": ("no effect", ""),
    "conflict": ("in conflict", "grave"),
}
"""What became of a report, and its tone."""


class Mark(Struct, frozen=True):
    """Something about a report that is to be noticed."""

    words: str
    tone: str = ""


class Report(Struct, frozen=True):
    """A courier's report; one in conflict has the *fact* by which it is settled."""

    title: str
    at: int
    received_at: int
    source: str
    place: str
    remark: str
    marks: tuple[Mark, ...]
    fact: str = ""


class Try(Struct, frozen=True):
    """A failed attempt in the ledger: whether it counts and, if somebody said so, who says that it does not."""

    at: int
    reason: str
    counts: bool
    words: str


class Choosing(Struct, frozen=True):
    """A choice that was made for a failed delivery: by which door, when, with what day."""

    label: str
    day: str
    door: str
    at: int


class CaseShown(Struct, frozen=True):
    """An NDR case; *offer* is what its customer could choose now, if anything."""

    address: str
    standing: Standing
    attempt_at: int
    reason: str
    remark: str
    deadline: int | None
    choices: tuple[Choosing, ...]
    offer: Offer | None
    asks_phone: bool


class ShipmentShown(Struct, frozen=True):
    """A shipment with all that is known of it."""

    tracking_id: str
    courier: str
    leg: str
    address: str
    standing: Standing
    items: tuple[str, ...]
    way: tuple[Step, ...]
    reports: tuple[Report, ...]
    attempts: tuple[Try, ...]
    cases: tuple[CaseShown, ...]
    conflicts: int


async def read_shipments(
    book: OrderBook, queries: Queries, family: Family, content: Mapping[str, Any], zone: ZoneInfo
) -> list[ShipmentShown]:
    """Return the shipments of an order, of which *content* is its document, the first first."""
    members = [member for member in family.members.values() if member.definition == SHIPMENT]
    members.sort(key=lambda member: (member.created_at, member.key))
    return [await _shipment(book, queries, family, member, content, zone) for member in members]


def discreet(shipment: ShipmentShown) -> ShipmentShown:
    """Return a shipment without what couriers remarked, which may name people."""
    reports = tuple(replace(report, remark=masked_text(report.remark)) for report in shipment.reports)
    cases = tuple(replace(case, remark=masked_text(case.remark)) for case in shipment.cases)
    return replace(shipment, reports=reports, cases=cases)


def items_of(content: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what was ordered: names, quantities and states as the merchant tells them."""
    items = [item for item in content.get("items", ()) if isinstance(item, Mapping)]
    return [
        (
            str(item.get("productName") or item.get("itemName") or item.get("sku") or item.get("orderItemID") or ""),
            str(item.get("quantity", 1)),
            str(item.get("sku") or item.get("productSku") or ""),
        )
        for item in items
    ]


def standing_of(book: OrderBook, instance: Instance) -> Standing:
    """Return where a member of an order's family, or what is kept of its customer, stands."""
    return standing_in(book.catalogue, instance.definition, instance.version, instance.state)


async def _shipment(
    book: OrderBook,
    queries: Queries,
    family: Family,
    shipment: Instance,
    content: Mapping[str, Any],
    zone: ZoneInfo,
) -> ShipmentShown:
    interpreter, leg = _interpreter(book, shipment), str(shipment.context.get("leg", FORWARD))
    timeline = family.timeline(shipment) if interpreter else []
    cases = cases_of(family, shipment.key)
    told_again = Counter(
        (step.event, step.occurred_at)
        for step in await queries.journal_page(*shipment.id, None, STEPS_READ)
        if step.outcome == "merged"
    )
    states = interpreter.definition.states if interpreter else ()
    reports = _reports(timeline, {state.id: state.title for state in states}, told_again)
    taken = [fact for fact, outcome in timeline if outcome == "applied" and fact.name not in RECORDS]
    return ShipmentShown(
        tracking_id=str(shipment.context.get("tracking_id", "")),
        courier=str(shipment.context.get("courier", "")),
        leg=leg,
        address=session_address(*shipment.id),
        standing=standing(interpreter, shipment.state),
        items=_travelling(content, str(shipment.context.get("tracking_id", ""))),
        way=tuple(step for part in way_of(leg, taken) for step in part.steps) if interpreter else (),
        reports=tuple(reports),
        attempts=tuple(_try(attempt) for attempt in shipment.context.get("attempts", ())),
        cases=tuple([await _case(book, queries, family, case, zone) for case in reversed(cases)]),
        conflicts=sum(bool(report.fact) for report in reports),
    )


async def _case(book: OrderBook, queries: Queries, family: Family, case: Instance, zone: ZoneInfo) -> CaseShown:
    steps = await queries.journal_page(*case.id, None, STEPS_READ)
    code = str(case.context.get("ndr_code", ""))
    until = case.context.get("window_until")
    is_here = _interpreter(book, case) is not None
    offer = offer_of(book, family, case, zone) if is_here else Offer((), None)
    is_last = cases_of(family, str(case.context.get("opened_by", "")))[-1] is case
    return CaseShown(
        address=session_address(*case.id),
        standing=standing_of(book, case),
        attempt_at=case.created_at,
        reason=ndr.reason(code).label,
        remark=str(case.context.get("ndr_reason", "")),
        deadline=until if is_here and isinstance(until, int) and book.has(UNANSWERED, case) else None,
        choices=tuple(_choosing(step) for step in reversed(steps) if "resolution_code" in step.data),
        offer=offer if is_last and offer.choices else None,
        asks_phone=ndr.asks_phone(code),
    )


def _interpreter(book: OrderBook, instance: Instance) -> Interpreter | None:
    """Return what runs an instance, None if its version is not here: what only that tells of it is left out."""
    try:
        return book.catalogue.interpreter(instance.definition, instance.version)
    except UnknownInstance:
        return None


def _travelling(content: Mapping[str, Any], tracking_id: str) -> tuple[str, ...]:
    """Return what travels under a tracking number."""
    listed = [item for item in content.get("items", ()) if isinstance(item, Mapping)]
    theirs = [item for item in listed if travels(item, tracking_id)]
    return tuple(name for name, _, _ in items_of({"items": theirs}) if name)


def _reports(
    timeline: Sequence[tuple[Fact, Outcome]], titles: Mapping[str, str], told_again: Counter[tuple[str, int]]
) -> list[Report]:
    """Return what couriers said, the latest first; what was heard after something later is marked."""
    settled = {fact.details.get(ABOUT, ""): fact.name for fact, _ in timeline if fact.name in SETTLING}
    reports: list[Report] = []
    heard = max((fact.received_at for fact, _ in timeline), default=0)
    for fact, outcome in reversed(timeline):
        words, tone = OUTCOMES[outcome]
        marks = [Mark(words, tone)] if words else []
        if fact.received_at > heard:
            marks.append(Mark("not in order"))
        if fact.received_at - fact.at > LATE and fact.name not in RECORDS:
            marks.append(Mark("late", "wait"))
        if fact.skewed:
            marks.append(Mark("a clock ahead", "wait"))
        if told_again[fact.name, fact.at]:
            marks.append(Mark("told again, with more"))
        if fact.id in settled:
            marks.append(Mark("accepted by staff" if settled[fact.id] == ACCEPTED else "dismissed by staff"))
        heard = min(heard, fact.received_at)
        reports.append(
            Report(
                title=_title(fact, titles),
                at=fact.at,
                received_at=fact.received_at,
                source=fact.source.removeprefix("courier/"),
                place=fact.details.get("location", ""),
                remark=fact.details.get("remark", "") or fact.details.get("reason", ""),
                marks=tuple(marks),
                fact=fact.id if outcome == "conflict" else "",
            )
        )
    return reports


def _title(fact: Fact, titles: Mapping[str, str]) -> str:
    return titles.get(fact.name) or word_of(fact.name).replace("_", " ").capitalize()


def _try(attempt: Mapping[str, Any]) -> Try:
    reason = next((each for each in ndr.REASONS.values() if each.name == attempt["reason"]), ndr.reason(""))
    if attempt["counts"]:
        words = "counts"
    elif attempt["voided_by"]:
        words = "voided: the courier grants that nobody came"
    else:
        words = "does not count: not the customer's doing"
    return Try(attempt["at"], reason.label, attempt["counts"], words)


def _choosing(step: JournalItem) -> Choosing:
    code = str(step.data.get("resolution_code", ""))
    source = str(step.data.get("action_source") or step.data.get("source") or "")
    label = ndr.RESOLUTIONS[code].action if code in ndr.RESOLUTIONS else code
    return Choosing(label, str(step.data.get("deferredDate", "")), DOORS.get(source, source), step.occurred_at)
