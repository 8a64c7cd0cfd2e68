"""
The shopper's desk: takes what an order's customer decides, and has their page told (api/shopper_view.py).

Rule 1: what may be chosen is what the case offers now and what it takes: no more, and no less.
Rule 2: a choice is recorded, never "done": what became of it is what the case says.
Rule 3: one idempotency key is one choice: the same again gets the answer of the first time.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from weakref import WeakValueDictionary

import msgspec
from msgspec import Struct, field

from api.cases import CaseDesk, Resolution, UnknownCase, cases_of
from api.order_book import NDR_CASE, SHIPMENT, FieldInvalid, OrderBook, person_of
from api.people import PeopleDesk
from api.shopper_view import CANCEL, Narrator, OrderPage, offer_of
from definitions.orders import ndr
from definitions.orders.document import Person
from definitions.orders.rows import Account, OrderDocument
from definitions.orders.times import to_rfc3339
from definitions.people.phones import normal_phone
from definitions.words.saying import Speaker
from engine.errors import StepError, WorkflowError
from engine.family import Family
from engine.ports import Answer, Decision, Identity

SOURCE = "portal"
ACTIVE = "ACTIVE"
ACCEPTED = 202
"""The status of an answer that says that something was recorded."""

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


class FieldsInvalid(WorkflowError):
    """What a choice needs is missing or wrong: *faults* has each field of which that is so."""

    def __init__(self, faults: Sequence[FieldInvalid]) -> None:
        super().__init__()
        self.faults = tuple(faults)


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

    async def only_account(self) -> Account | None:
        """Return the account that every order is of, None if there are several or none."""
        accounts = await self._book.store.find(Account)
        return accounts[0] if len(accounts) == 1 else None

    async def account_called(self, account_id: str) -> Account | None:
        """Return the account of that id."""
        return next(iter(await self._book.store.find(Account, account_id=account_id)), None)

    async def page(self, document: OrderDocument, speaker: Speaker) -> OrderPage:
        """Return what an order's page shows now, as the *speaker* says it."""
        content = msgspec.json.decode(document.document)
        zone = await self._book.zone(document.account_id)
        family = await self._book.family(document.order_id, self._book.clock())
        is_subscribed = await self._people.is_subscribed(document.account_id, content)
        narrator = Narrator(self._book, family, content, speaker, zone, is_subscribed=is_subscribed)
        return narrator.page(document.order_id, document.customer_order_number, _revision(family))

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
            FieldsInvalid: something that the choice needs is missing or wrong.
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
        case = cases[-1]
        offer = offer_of(self._book, family, case, await self._book.zone(document.account_id))
        if chosen.code not in ndr.RESOLUTIONS:
            raise FieldsInvalid([FieldInvalid("resolutionCode", "one of " + ", ".join(ndr.RESOLUTIONS))])
        choice = next((each for each in offer.choices if each.code == chosen.code), None)
        if choice is None:
            raise NotOffered(offer.choices, offer.until)
        faults = _faults(chosen, choice, asks_phone=ndr.asks_phone(case.context.get("ndr_code", "")))
        if faults:
            raise FieldsInvalid(faults)
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
        except FieldInvalid as invalid:
            raise FieldsInvalid([invalid]) from None
        return _answer(case.key, chosen)


def until_text(until: int | None) -> str:
    """Return a time for programs, "" if there is none."""
    return "" if until is None else to_rfc3339(until)


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


def _faults(chosen: Chosen, choice: ndr.Choice, *, asks_phone: bool) -> list[FieldInvalid]:
    """Return what a choice lacks of what it needs; that it has to be confirmed only when it lacks nothing else."""
    told = chosen.details()
    faults = _day_faults(chosen, choice) if choice.needs_date else []
    if choice.needs_address and not asks_phone:
        needed = (("updatedAddress", "the address"), ("landmark", "a landmark near it"))
        faults += [FieldInvalid(name, f"please give {what}") for name, what in needed if name not in told]
    if (choice.needs_address and asks_phone) or "phone" in told:
        phone = told.get("phone", "")
        if not (set(phone) <= _PHONE_LETTERS and normal_phone(phone)):
            faults.append(FieldInvalid("phone", "please give a phone number of 8 to 15 digits"))
    if choice.action == CANCEL and not chosen.confirmed and not faults:
        faults.append(FieldInvalid("confirmed", "true: a cancelled order does not come"))
    return faults


def _day_faults(chosen: Chosen, choice: ndr.Choice) -> list[FieldInvalid]:
    """Return what is wrong with the day of a choice."""
    try:
        day = ndr.chosen(choice.code, deferred_date=chosen.deferred_date)["deferredDate"]
    except ndr.ChoiceInvalid as invalid:
        return [FieldInvalid(invalid.field, invalid.message)]
    return [] if choice.is_on(day) else [FieldInvalid("deferredDate", choice.days)]
