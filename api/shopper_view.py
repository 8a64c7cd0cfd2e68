"""
An order as its customer sees it: what its page shows, in one language.

Rule 1: nothing that is shown names the customer or where they live.
Rule 2: what may be chosen is what the case offers now; what became of a choice is what the case says.
Rule 3: whatever a document says that cannot be read is not shown; it never keeps the rest from being shown.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from api.cases import RESOLVED, cases_of
from api.order_book import OPEN, SHIPMENT, OrderBook
from api.people import SETTLED
from definitions.orders import ndr
from definitions.orders.steps import Leg, Step, way_of
from definitions.orders.timeline import RECORDS, latest
from definitions.orders.times import from_local, local_date
from definitions.orders.words import FORWARD, word_of
from definitions.words.failed_delivery import chosen_in_words, hint_of, label_of, reason_of
from definitions.words.saying import Speaker, currency_of
from engine.family import Family
from engine.fold import Fact
from engine.model import Instance

CANCEL = "cancel"
"""The action that cannot be undone, and that is asked for twice."""

COMING_AGAIN = frozenset({"reattempt", "dispute"})
"""The actions after which the courier comes again as soon as it can."""

UNANSWERED = "unanswered"
"""The tag of the states of a case in which the customer's word is waited for."""

RETURNING = "returning"
"""The tag of the states of a shipment that does not come to the customer any more."""

FAILED = "failed"
"""The tag of the states of a shipment whose last delivery has failed: nobody knows the day on which it comes."""

SHOWN_AT_ONCE = 5
"""How many entries of a timeline are shown before one asks for the earlier ones."""

TONES = {
    "delivered": "done",
    "returned": "wait",
    RETURNING: "wait",
    FAILED: "grave",
    "lost": "grave",
    "cancelled": "grave",
}
"""How grave it is where a parcel stands, by the tags of its state; anything else is just under way."""

STANDING_TONES = {"accepted": "done", "rejected": "grave", "sent_to_courier": "live"}
"""Likewise what became of a choice, by the word of it; anything else waits."""


class Offer(Struct, frozen=True):
    """What a case offers now, and until when, if there is an end to it."""

    choices: tuple[ndr.Choice, ...]
    until: int | None


class Stop(Struct, frozen=True):
    """An entry of a parcel's timeline, in words; *clock* is the time of its day."""

    title: str
    clock: str
    place: str = ""
    remark: str = ""


class Day(Struct, frozen=True):
    """What happened on one day, the last thing first."""

    title: str
    stops: tuple[Stop, ...]


class Milestone(Struct, frozen=True):
    """A step of a parcel's way: *standing* is done, current, failed or ahead, *said* is that in words."""

    title: str
    standing: str
    said: str
    day: str
    is_here: bool


class Way(Struct, frozen=True):
    """A leg of a parcel's way; *is_back* says that it leads back to the shop."""

    milestones: tuple[Milestone, ...]
    is_back: bool


class Option(Struct, frozen=True):
    """A choice as it is offered. Its *id* is its own on the page; *first* and *last* are its days in words."""

    id: str
    code: str
    label: str
    hint: str
    is_grave: bool
    takes_notes: bool
    needs_date: bool
    needs_address: bool
    first_date: str
    last_date: str
    first: str
    last: str


class Panel(Struct, frozen=True):
    """
    What a shopper is told and asked about a failed delivery.

    *chosen* is what they chose, "" before, and *badge*, *told* and *next* are what became of it. It *asks* while a
    choice is waited for. With *asks_phone* the courier needs a number to call, and not another address.
    """

    reason: str
    chosen: str
    asks: bool
    badge: str
    tone: str
    told: str
    next: str
    is_open: bool
    deadline: str
    asks_phone: bool
    options: tuple[Option, ...]


class Line(Struct, frozen=True):
    """An item of an order: how often, and what all of it costs, "" where the document does not say."""

    name: str
    quantity: int
    price: str


class Parcel(Struct, frozen=True):
    """
    A shipment, in words: the *number*th *of* so many that go to the customer, 0 if it is a return.

    The *earlier* days are shown when somebody asks for them.
    """

    number: int
    of: int
    tracking_id: str
    courier: str
    status: str
    tone: str
    at: str
    expected: str
    items: tuple[Line, ...]
    ways: tuple[Way, ...]
    days: tuple[Day, ...]
    earlier: tuple[Day, ...]
    earlier_count: int
    case: Panel | None = None


class OrderPage(Struct, frozen=True):
    """All that an order's page shows; *revision* is another whenever what may be chosen may be."""

    order_id: str
    number: str
    placed: str
    parcels: tuple[Parcel, ...]
    lines: tuple[Line, ...]
    total: str
    on_delivery: str
    is_subscribed: bool
    revision: str


def offer_of(book: OrderBook, family: Family, case: Instance, zone: ZoneInfo) -> Offer:
    """Return what a case offers now."""
    context, now = case.context, book.clock()
    choices: tuple[ndr.Choice, ...] = ()
    if RESOLVED in book.catalogue.interpreter(case.definition, case.version).allowed(case):
        shipment = family.members.get((SHIPMENT, context.get("opened_by", "")))
        # The case's guard goes by the case alone, the desk by the attempts as they are counted now.
        by_guard = {each.code for each in ndr.choices(context, {}, now, zone)}
        by_desk = ndr.choices(context, shipment.context if shipment else {}, now, zone)
        choices = tuple(each for each in by_desk if each.code in by_guard)
    ends = context.get("window_until")
    return Offer(choices, ends if isinstance(ends, int) and ends > now else None)


class Narrator:
    """Tells one order, as its *content* and its *family* have it, by a *speaker* and in a *zone*."""

    def __init__(
        self,
        book: OrderBook,
        family: Family,
        content: Mapping[str, Any],
        speaker: Speaker,
        zone: ZoneInfo,
        *,
        is_subscribed: bool,
    ) -> None:
        self._book = book
        self._family = family
        self._content = content
        self._items = [item for item in content.get("items", ()) if isinstance(item, Mapping)]
        self._speaker = speaker
        self._zone = zone
        self._is_subscribed = is_subscribed
        named = content.get("currency") or content.get("currencyCode")
        self._currency = currency_of(named, speaker.locale.territory or "")

    def page(self, order_id: str, number: str, revision: str) -> OrderPage:
        """Return all that an order's page shows."""
        members = self._family.members.values()
        shipments = sorted((each for each in members if each.definition == SHIPMENT), key=_in_order)
        outbound = sum(not _is_return(shipment) for shipment in shipments)
        is_settled = bool(shipments) and all(self._is_settled(shipment) for shipment in shipments)
        owed = self._content.get("isCOD") in (1, "1", True) and not is_settled
        placed = self._at(self._content.get("orderDate"))
        return OrderPage(
            order_id=order_id,
            number=number,
            placed="" if placed is None else self._day(local_date(placed, self._zone)),
            parcels=tuple(self._parcel(shipment, number, outbound) for number, shipment in enumerate(shipments, 1)),
            lines=self._lines(self._items),
            total=self._money(self._content.get("orderTotal")),
            on_delivery=self._money(self._content.get("balanceDue")) if owed else "",
            is_subscribed=self._is_subscribed,
            revision=revision,
        )

    def _parcel(self, shipment: Instance, number: int, outbound: int) -> Parcel:
        timeline = self._family.timeline(shipment)
        tracking_id = str(shipment.context.get("tracking_id", ""))
        leg = str(shipment.context.get("leg", FORWARD))
        told = [fact for fact, outcome in timeline if outcome == "applied" and fact.name not in RECORDS]
        last, newest = latest(timeline), [*reversed(told)]
        items = [item for item in self._items if travels(item, tracking_id)]
        cases = cases_of(self._family, shipment.key)
        return Parcel(
            number=0 if _is_return(shipment) else number,
            of=outbound,
            tracking_id=tracking_id,
            courier=str(shipment.context.get("courier", "")),
            status=self._status(shipment, last.name) if last else self._speaker.say("status.unreported"),
            tone=next((tone for tag, tone in TONES.items() if self._book.has(tag, shipment)), "live"),
            at=self._speaker.moment(last.at, self._zone) if last else "",
            expected=self._expected(items) if self._is_promised(shipment, cases[-1] if cases else None) else "",
            items=self._lines(items),
            ways=tuple(self._way(each, shipment) for each in way_of(leg, told)),
            days=self._days(newest[:SHOWN_AT_ONCE], shipment),
            earlier=self._days(newest[SHOWN_AT_ONCE:], shipment),
            earlier_count=len(newest[SHOWN_AT_ONCE:]),
            case=self._panel(cases[-1], number) if cases else None,
        )

    def _status(self, shipment: Instance, name: str) -> str:
        """Return what a fact means: in the catalogue's words, else its state's title, else its own word."""
        state = self._book.catalogue.interpreter(shipment.definition, shipment.version).states.get(name)
        usual = state.title if state and state.title else word_of(name).replace("_", " ").capitalize()
        return self._speaker.name_of(f"status.{name}", usual)

    def _way(self, leg: Leg, shipment: Instance) -> Way:
        steps = tuple(self._milestone(leg.name, step, shipment) for step in leg.steps)
        return Way(steps, is_back=leg.name != str(shipment.context.get("leg", FORWARD)))

    def _milestone(self, leg: str, step: Step, shipment: Instance) -> Milestone:
        said = self._speaker.say(f"step.{step.standing}")
        if step.word:
            title = self._status(shipment, f"{leg}.{step.word}")
        else:
            title = self._speaker.say(f"step.{leg}.{step.name}")
        day = self._day(local_date(step.at, self._zone), "short") if step.at else ""
        return Milestone(title, step.standing, said, day, step.is_here)

    def _days(self, facts: Sequence[Fact], shipment: Instance) -> tuple[Day, ...]:
        by_day = groupby(facts, lambda fact: local_date(fact.at, self._zone))
        return tuple(Day(self._day(day), tuple(self._stop(fact, shipment) for fact in told)) for day, told in by_day)

    def _stop(self, fact: Fact, shipment: Instance) -> Stop:
        clock = self._speaker.moment(fact.at, self._zone, "clock")
        place, remark = fact.details.get("location", ""), fact.details.get("remark", "")
        return Stop(self._status(shipment, fact.name), clock, place, remark)

    def _expected(self, items: Sequence[Mapping[str, Any]]) -> str:
        """Return the day that was promised, the latest of the items'; "" if there is none, or it has passed."""
        promised = (self._at(item.get("promiseDeliveryDate")) for item in items)
        last = max((local_date(at, self._zone) for at in promised if at is not None), default=None)
        today = local_date(self._book.clock(), self._zone)
        return self._day(last) if last and last >= today else ""

    def _lines(self, items: Sequence[Mapping[str, Any]]) -> tuple[Line, ...]:
        return tuple(line for item in items if (line := self._line(item)))

    def _line(self, item: Mapping[str, Any]) -> Line | None:
        name, quantity = item.get("productName"), item.get("quantity", 1)
        if not isinstance(name, str) or not name.strip():
            return None
        is_number = isinstance(quantity, int) and not isinstance(quantity, bool) and quantity > 0
        return Line(name, quantity if is_number else 1, self._money(item.get("lineItemTotal")))

    def _panel(self, case: Instance, place: int) -> Panel:
        offer = offer_of(self._book, self._family, case, self._zone)
        resolution = case.context.get("resolution", {})
        word = word_of(case.state)
        about, speaker = f"standing.{word}", self._speaker
        goes_on = "next_whatsapp" if self._is_subscribed else "next"
        return Panel(
            reason=reason_of(case.context, self._speaker),
            chosen=chosen_in_words(resolution, speaker),
            asks=not resolution or self._book.has(UNANSWERED, case),
            badge=speaker.name_of(f"{about}.badge", ""),
            tone=STANDING_TONES.get(word, "wait"),
            told=speaker.name_of(f"{about}.text", ""),
            next=speaker.name_of(f"{about}.{goes_on}", ""),
            is_open=self._book.has(OPEN, case),
            deadline=speaker.moment(offer.until, self._zone, "deadline") if offer.until and offer.choices else "",
            asks_phone=ndr.asks_phone(case.context.get("ndr_code", "")),
            options=tuple(self._option(choice, place) for choice in offer.choices),
        )

    def _option(self, choice: ndr.Choice, place: int) -> Option:
        first, last = choice.first_date, choice.last_date
        return Option(
            id=f"{place}-{choice.code}",
            code=choice.code,
            label=label_of(choice.code, self._speaker),
            hint=hint_of(choice.code, self._speaker),
            is_grave=choice.action == CANCEL,
            takes_notes=choice.action in {"reattempt", "dispute"},
            needs_date=choice.needs_date,
            needs_address=choice.needs_address,
            first_date=first,
            last_date=last,
            first=self._day(date.fromisoformat(first)) if first else "",
            last=self._day(date.fromisoformat(last)) if last else "",
        )

    def _is_promised(self, shipment: Instance, case: Instance | None) -> bool:
        """Return whether the day that was promised may be kept, for all that is known of the last failed delivery."""
        if self._is_settled(shipment) or any(self._book.has(tag, shipment) for tag in (RETURNING, FAILED)):
            return False
        if case is None or not self._book.has(OPEN, case):
            return True
        resolution = ndr.RESOLUTIONS.get(case.context.get("resolution", {}).get("resolutionCode", ""))
        if resolution is None:
            return not ndr.is_refused(case.context.get("ndr_code", ""))
        return resolution.does in COMING_AGAIN and not self._book.has(UNANSWERED, case)

    def _is_settled(self, shipment: Instance) -> bool:
        return any(self._book.has(tag, shipment) for tag in SETTLED)

    def _day(self, day: date, kind: str = "day") -> str:
        return self._speaker.day(day, kind)

    def _at(self, local: object) -> int | None:
        """Return a document's local time, None if it says none that can be read."""
        with suppress(ValueError):
            return from_local(local if isinstance(local, str) else "", self._zone)
        return None

    def _money(self, amount: object) -> str:
        """Return an amount as a document has it, "" if it is none or nothing."""
        with suppress(InvalidOperation):
            exact = Decimal(str(amount)) if isinstance(amount, int | float | str) else Decimal(0)
            if self._currency and exact.is_finite() and 0 < exact < _TOO_MUCH:
                return self._speaker.money(exact, self._currency)
        return ""


_TOO_MUCH = Decimal(10) ** 15
"""What no order costs."""


def _in_order(shipment: Instance) -> tuple[bool, int, str]:
    """Return what puts shipments in order: returns are the last, older ones go before younger ones."""
    return _is_return(shipment), shipment.created_at, shipment.key


def _is_return(shipment: Instance) -> bool:
    return bool(shipment.context.get("leg", FORWARD) != FORWARD)


def travels(item: Mapping[str, Any], tracking_id: str) -> bool:
    """Return whether an item travels under that number."""
    trackings = (item.get("forwardTrackingTimeline"), item.get("returnTrackingTimeline"))
    return any(isinstance(each, Mapping) and each.get("trackingID") == tracking_id for each in trackings)
