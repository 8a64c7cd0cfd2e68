"""
The shopper's desk: what an order's page shows to its customer, and what they decide there.

Rule 1: what may be chosen is what the case offers now and what it takes: no more is shown, and no less.
Rule 2: a choice is recorded, never "done": what became of it is what the case says.
Rule 3: one idempotency key is one choice: the same again gets the answer of the first time.
Rule 4: nothing that is shown names the customer or where they live.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, field

from api.cases import RESOLVED, CaseDesk, Resolution, UnknownCase, cases_of
from api.order_book import NDR_CASE, OPEN, SHIPMENT, FieldInvalid, OrderBook, person_of
from api.people import SETTLED, PeopleDesk
from definitions.orders import ndr
from definitions.orders.document import Person
from definitions.orders.rows import Account, OrderDocument
from definitions.orders.timeline import RECORDS, latest
from definitions.orders.times import from_local, local_date, to_rfc3339
from definitions.orders.words import FORWARD, word_of
from definitions.people.phones import normal_phone
from engine.errors import StepError, WorkflowError
from engine.family import Family
from engine.fold import Fact
from engine.model import SECOND, Instance
from engine.ports import Answer, Decision, Identity

SOURCE = "portal"
ACTIVE = "ACTIVE"
ACCEPTED = 202
"""The status of an answer that says that something was recorded."""

ACCEPTED_BY = "resolution_accepted"
"""The event that a case takes while a courier's answer is waited for."""

CANCEL = "cancel"
"""The action that cannot be undone, and that is asked for twice."""

STANDINGS: Mapping[str, str] = {
    "unsettled.resolution_submitted": "Recorded. We are telling the courier.",
    "unsettled.sent_to_courier": "Sent to the courier. It has not answered yet.",
    "unsettled.accepted": "The courier has accepted it.",
    "unsettled.rejected": "The courier has refused it. Please choose again if you can.",
    "unsettled.undelivered": "Recorded, but the courier could not be told yet. Our staff are looking after it.",
    "unsettled.expired": "The time to choose is over. The courier goes on by its own rules.",
}
"""What has become of a choice, or of the time for one, by the state of its case."""

_PHONE_LETTERS = frozenset("+0123456789 ()-.")


class Chosen(Struct, frozen=True, forbid_unknown_fields=True):
    """What a shopper chooses for a shipment that could not be delivered."""

    tracking_id: str = field(name="trackingId")
    code: str = field(name="resolutionCode")
    deferred_date: str = field(name="deferredDate", default="")
    phone: str = ""
    address: str = field(name="updatedAddress", default="")
    landmark: str = ""
    notes: str = ""
    confirmed: bool = False

    def details(self) -> dict[str, str]:
        """Return what goes with the choice, as the case keeps it."""
        return ndr.whereabouts(self.phone, self.address, self.landmark, self.notes)


class Recorded(Struct, frozen=True):
    """The answer to a choice. It tells no more than that, so that it is the same whenever it is given again."""

    case: str
    resolution: dict[str, str]
    status: str = "recorded"
    message: str = "Recorded, we will confirm on WhatsApp."


class NotOffered(WorkflowError):
    """The case does not offer that now: what it does offer is *offered*, *until* that time if there is one."""

    def __init__(self, offered: tuple[ndr.Choice, ...], until: int | None) -> None:
        super().__init__()
        self.offered = offered
        self.until = until


class PageStale(WorkflowError):
    """The order has changed since the page was made."""


class KeyTaken(WorkflowError):
    """The idempotency key was another choice's."""


class KeyInProgress(WorkflowError):
    """The choice with that idempotency key is being recorded."""


class Stop(Struct, frozen=True):
    """An entry of a parcel's timeline, in words."""

    title: str
    at: str
    place: str = ""
    remark: str = ""


class Panel(Struct, frozen=True):
    """
    What a shopper is told and asked about a failed delivery.

    It *is_pending* while the courier has not answered. With *asks_phone* the courier needs a number to call, and not
    another address; *offered* may be chosen *until* then.
    """

    reason: str
    chosen: str
    day: str
    standing: str
    is_open: bool
    is_pending: bool
    deadline: str
    asks_phone: bool
    offered: tuple[ndr.Choice, ...] = ()
    until: int | None = None


class Parcel(Struct, frozen=True):
    """A shipment, in words."""

    tracking_id: str
    courier: str
    is_return: bool
    status: str
    at: str
    expected: str
    items: tuple[str, ...]
    timeline: tuple[Stop, ...]
    case: Panel | None = None


class OrderPage(Struct, frozen=True):
    """All that an order's page shows; *revision* is another whenever what may be chosen may be."""

    order_id: str
    number: str
    brand: str
    parcels: tuple[Parcel, ...]
    is_subscribed: bool
    revision: str


class ShopperDesk:
    """Shows orders to their customers, and takes what they decide."""

    def __init__(self, book: OrderBook, cases: CaseDesk, people: PeopleDesk) -> None:
        self._book = book
        self._cases = cases
        self._people = people
        self._choosing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def now(self) -> int:
        """Return the time by which what comes in is judged."""
        return self._book.clock()

    async def document(self, order_ref: str) -> OrderDocument | None:
        """Return the order of that id or number."""
        return await self._book.document(order_ref)

    async def known(self, order_ref: str) -> OrderDocument:
        """
        Return the order of that id or number.

        Raises:
            UnknownOrder: there is none.
        """
        return await self._book.known(order_ref)

    async def page(self, document: OrderDocument) -> OrderPage:
        """Return what an order's page shows now."""
        content = msgspec.json.decode(document.document)
        accounts = await self._book.store.find(Account, account_id=document.account_id)
        zone = ZoneInfo(accounts[0].timezone)
        family = await self._book.family(document.order_id, self._book.clock())
        shipments = [member for member in family.members.values() if member.definition == SHIPMENT]
        parcels = [self._parcel(family, member, content, zone) for member in sorted(shipments, key=_by_birth)]
        return OrderPage(
            order_id=document.order_id,
            number=document.customer_order_number,
            brand=accounts[0].name,
            parcels=tuple(parcels),
            is_subscribed=await self._people.is_subscribed(document.account_id, content),
            revision=_revision(family),
        )

    async def subscribe(self, document: OrderDocument) -> None:
        """
        Let the order's customer be written to on WhatsApp, as the portal's checkbox does.

        Raises:
            UnknownCustomer: the order has no phone number, or the account does not know its customer.
        """
        person = _person(document)
        await self._people.subscribe(document.order_id, document.account_id, person.phone, person.email, ACTIVE)

    async def choose(
        self, document: OrderDocument, chosen: Chosen, key: str, revision: str, *, waits: bool
    ) -> tuple[bytes, bool]:
        """
        Record a choice; return the answer, and whether it was given before.

        *revision* is that of the page on which it was chosen, "" for whatever is now. Who *waits* for the same choice
        that is just being recorded gets its answer.

        Raises:
            KeyInProgress: it is just being recorded.
            KeyTaken: the key was another choice's.
            PageStale: the order has changed since.
            UnknownCase: there is no such parcel, or it has no failed delivery.
            NotOffered: the case does not offer that.
            FieldInvalid: something that the choice needs is missing or wrong.
        """
        subject = f"{document.order_id}/{key}"
        turn = self._choosing.setdefault(subject, asyncio.Lock())
        if turn.locked() and not waits:
            raise KeyInProgress
        async with turn:
            identities = (Identity("shopper", subject), Identity("shopper", f"{subject}/{_digest(chosen)}"))
            first, same = await self._book.store.recall(identities)
            if first is not None and same is None:
                raise KeyTaken
            if first is not None and first.answer is not None:
                return first.answer.body or _answer(first.answer.key, chosen), True
            body = await self._recorded(document, chosen, key, revision)
            answer = Answer(ACCEPTED, hashlib.sha256(body).digest(), body, NDR_CASE, _case_key(body))
            # What stops between the choice and this is asked again under its key, which the case knows.
            await self._book.store.commit(
                Decision(identities=identities, recorded_at=self._book.clock(), answer=answer)
            )
            return body, False

    async def _recorded(self, document: OrderDocument, chosen: Chosen, key: str, revision: str) -> bytes:
        family = await self._book.family(document.order_id, self._book.clock())
        if revision and revision != _revision(family):
            raise PageStale
        cases = cases_of(family, f"{document.order_id}:{chosen.tracking_id}")
        if not cases:
            raise UnknownCase
        panel = self._panel(family, cases[-1], await self._book.zone(document.account_id))
        if chosen.code not in ndr.RESOLUTIONS:
            raise FieldInvalid("resolutionCode", "one of " + ", ".join(ndr.RESOLUTIONS))
        choice = next((each for each in panel.offered if each.code == chosen.code), None)
        if choice is None:
            raise NotOffered(panel.offered, panel.until)
        _check(chosen, choice, asks_phone=panel.asks_phone)
        resolution = Resolution(
            number=document.order_id,
            tracking_id=chosen.tracking_id,
            phone=None,
            code=chosen.code,
            deferred_date=chosen.deferred_date if choice.needs_date else "",
            source=SOURCE,
            details=chosen.details(),
        )
        try:
            case = await self._cases.resolve(resolution, key)
        except StepError:
            raise NotOffered((), None) from None
        return _answer(case.key, chosen)

    # In words

    def _parcel(self, family: Family, shipment: Instance, content: Mapping[str, Any], zone: ZoneInfo) -> Parcel:
        titles = self._book.catalogue.interpreter(shipment.definition, shipment.version).states
        timeline = family.timeline(shipment)

        def stop(fact: Fact) -> Stop:
            place = titles.get(fact.name)
            title = place.title if place and place.title else word_of(fact.name).replace("_", " ").capitalize()
            return Stop(title, moment(fact.at, zone), fact.details.get("location", ""), fact.details.get("remark", ""))

        taken = [stop(fact) for fact, outcome in timeline if outcome == "applied" and fact.name not in RECORDS]
        last = latest(timeline)
        items = _items(content, str(shipment.context.get("tracking_id", "")))
        cases = cases_of(family, shipment.key)
        return Parcel(
            tracking_id=str(shipment.context.get("tracking_id", "")),
            courier=str(shipment.context.get("courier", "")),
            is_return=shipment.context.get("leg", FORWARD) != FORWARD,
            status=stop(last).title if last else "Nothing reported yet",
            at=moment(last.at, zone) if last else "",
            expected="" if any(self._book.has(tag, shipment) for tag in SETTLED) else self._expected(items, zone),
            items=tuple(name for item in items if (name := _called(item))),
            timeline=tuple(reversed(taken)),
            case=self._panel(family, cases[-1], zone) if cases else None,
        )

    def _expected(self, items: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> str:
        """Return the day that was promised, the latest of the items'; "" if there is none, or it has passed."""
        days = []
        for item in items:
            with suppress(ValueError):  # whoever wrote it, it is shown only if it can be read
                at = from_local(str(item.get("promiseDeliveryDate") or ""), zone)
                days += [] if at is None else [local_date(at, zone)]
        last = max(days, default=None)
        return _day(last.isoformat()) if last and last >= local_date(self._book.clock(), zone) else ""

    def _panel(self, family: Family, case: Instance, zone: ZoneInfo) -> Panel:
        context, now = case.context, self._book.clock()
        interpreter = self._book.catalogue.interpreter(case.definition, case.version)
        offered: tuple[ndr.Choice, ...] = ()
        if RESOLVED in interpreter.allowed(case):
            shipment = family.members.get((SHIPMENT, context.get("opened_by", "")))
            # The case's guard goes by the case alone, the desk by the attempts as they are counted now.
            by_guard = {each.code for each in ndr.choices(context, {}, now, zone)}
            by_desk = ndr.choices(context, shipment.context if shipment else {}, now, zone)
            offered = tuple(each for each in by_desk if each.code in by_guard)
        ends = context.get("window_until")
        until = ends if isinstance(ends, int) and ends > now else None
        resolution = context.get("resolution", {})
        return Panel(
            reason=_reason(context),
            chosen=resolution.get("action", ""),
            day=_day(resolution.get("deferredDate", "")),
            standing=STANDINGS.get(case.state, ""),
            is_open=self._book.has(OPEN, case),
            is_pending=ACCEPTED_BY in interpreter.allowed(case),
            deadline=moment(until, zone) if until and offered else "",
            asks_phone=ndr.asks_phone(context.get("ndr_code", "")),
            offered=offered,
            until=until,
        )


def moment(at: int, zone: ZoneInfo) -> str:
    """Return a time as people say it."""
    local = datetime.fromtimestamp(at // SECOND, zone)
    return f"{local.day} {local:%B %Y}, {local:%H:%M}"


def until_text(until: int | None) -> str:
    """Return a time for programs, "" if there is none."""
    return "" if until is None else to_rfc3339(until)


def _by_birth(shipment: Instance) -> tuple[int, str]:
    return shipment.created_at, shipment.key


def _person(document: OrderDocument) -> Person:
    return person_of(msgspec.json.decode(document.document))


def _revision(family: Family) -> str:
    """Return what changes with an order's parcels and cases."""
    members = sorted(member.id for member in family.members.values() if member.definition in (SHIPMENT, NDR_CASE))
    said = [(member, family.members[member].revision) for member in members]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def _digest(chosen: Chosen) -> str:
    return hashlib.sha256(msgspec.json.encode(chosen)).hexdigest()[:32]


def _answer(case_key: str, chosen: Chosen) -> bytes:
    resolution = {"resolutionCode": chosen.code, "action": ndr.RESOLUTIONS[chosen.code].action}
    if chosen.deferred_date and ndr.RESOLUTIONS[chosen.code].needs_date:
        resolution["deferredDate"] = chosen.deferred_date
    return msgspec.json.encode(Recorded(case_key, resolution))


def _case_key(body: bytes) -> str:
    return msgspec.json.decode(body, type=Recorded).case


def _check(chosen: Chosen, choice: ndr.Choice, *, asks_phone: bool) -> None:
    """
    Refuse a choice that lacks what it needs, and say which field is wrong.

    Raises:
        FieldInvalid: it does.
    """
    if choice.needs_date:
        try:
            day = ndr.chosen(choice.code, deferred_date=chosen.deferred_date)["deferredDate"]
        except ndr.ChoiceInvalid as invalid:
            raise FieldInvalid(invalid.field, invalid.message) from None
        if not choice.first_date <= day <= choice.last_date:
            raise FieldInvalid("deferredDate", f"a day from {choice.first_date} to {choice.last_date}")
    told = chosen.details()
    if (choice.needs_address and asks_phone) or "phone" in told:
        phone = told.get("phone", "")
        if not (set(phone) <= _PHONE_LETTERS and normal_phone(phone)):
            raise FieldInvalid("phone", "please give a phone number of 8 to 15 digits")
    if choice.needs_address and not asks_phone:
        for name, what in (("updatedAddress", "the address"), ("landmark", "a landmark near it")):
            if name not in told:
                raise FieldInvalid(name, f"please give {what}")
    if choice.action == CANCEL and not chosen.confirmed:
        raise FieldInvalid("confirmed", "true: a cancelled order does not come")


def _items(content: Mapping[str, Any], tracking_id: str) -> Sequence[Mapping[str, Any]]:
    """Return the items of a document that travel under that number."""
    names = ("forwardTrackingTimeline", "returnTrackingTimeline")
    listed = [item for item in content.get("items", ()) if isinstance(item, Mapping)]
    return [item for item in listed if any(_tracking_id(item.get(name)) == tracking_id for name in names)]


def _tracking_id(tracking: Any) -> Any:
    return tracking.get("trackingID") if isinstance(tracking, Mapping) else None


def _called(item: Mapping[str, Any]) -> str:
    name, quantity = item.get("productName"), item.get("quantity", 1)
    if not isinstance(name, str) or not name.strip():
        return ""
    return f"{quantity} × {name}" if isinstance(quantity, int) and quantity > 1 else name  # noqa: RUF001 - times


def _day(iso: str) -> str:
    day = datetime.fromisoformat(iso) if iso else None
    return f"{day:%A}, {day.day} {day:%B %Y}" if day else ""


def _reason(context: Mapping[str, Any]) -> str:
    """Return why the delivery failed: in our words where its code has some, else in the courier's."""
    code = str(context.get("ndr_code") or ndr.UNKNOWN_CODE)
    if code in ndr.REASONS and code != ndr.UNKNOWN_CODE:
        return ndr.reason(code).label
    return str(context.get("ndr_reason") or ndr.reason(code).label)
