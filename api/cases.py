"""
The case desk: what customers choose for failed deliveries, by whatever door it comes.

Rule 1: the portal's address and page, a template's button and the Flow in the chat all act on one case.
Rule 2: the same choice again changes nothing.
Rule 3: what may be chosen is what the case offers (definitions/orders/ndr.py), whoever asks.
Rule 4: whose tap on a button chooses nothing is told so, as an effect of a step; the same is not told twice.
"""

import hashlib
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from api.aliases import ORDER_ID, Aliases, names_of_sender
from api.consent import ORDER_UPDATES
from api.order_book import (
    NDR_CASE,
    OPEN,
    SHIPMENT,
    SHOPPER,
    SUBSCRIPTION,
    FieldInvalid,
    OrderBook,
    UnknownOrder,
    person_of,
)
from api.sessions import WAMID
from definitions.orders import ndr, taps
from definitions.orders.document import Case
from definitions.orders.rows import Alias
from definitions.orders.times import USUAL_ZONE
from definitions.people.phones import same_phone
from engine.errors import StepError, WorkflowError
from engine.family import Family
from engine.model import Event, Instance
from engine.ports import Decision, Identity
from engine.runtime import settle

RESOLVED = "resolution_submitted"


class UnknownCase(WorkflowError):
    """The order has no such shipment, or nothing of it is to be resolved."""


class Resolution(Struct, frozen=True):
    """
    What a customer chose for a failed delivery; *details* are addresses and notes, kept as they came.

    *phone* must be the order's; it is None where who asks has proven that the order is theirs.
    """

    number: str
    tracking_id: str
    phone: str | None
    code: str
    deferred_date: str = ""
    source: str = ""
    remarks: str = ""
    details: dict[str, str] = {}


class Tap(Struct, frozen=True):
    """
    A button that was tapped *at* that time: the *code* that it stands for, and the *message* that has it, by its id.

    Who tapped has these WhatsApp *names*, and had the message from our number *phone_number_id*.
    """

    code: str
    identity: Identity
    at: int
    phone_number_id: str
    names: frozenset[str]
    message: str


class CaseDesk:
    """Takes what customers choose."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book
        self._aliases = Aliases(book)

    async def resolve(self, resolution: Resolution, idempotency_key: str = "") -> Instance:
        """
        Take what a customer chose for a shipment's latest failed delivery, and return the case.

        The same choice again changes nothing.

        Raises:
            UnknownOrder: no order has that number, or the phone number is not the order's.
            UnknownCase: the shipment has no case.
            FieldInvalid: the code is unknown or not offered, it needs a date that is missing or out of bounds, or the
                key was another choice's.
            StepError: the case takes no resolution any more.
        """
        document = await self._book.known(resolution.number)
        person = person_of(msgspec.json.decode(document.document))
        if resolution.phone is not None and not same_phone(person.phone, resolution.phone):
            raise UnknownOrder
        zone = await self._book.zone(document.account_id)
        chosen = _chosen(resolution.code, resolution)
        family = await self._book.family(document.order_id, self._book.clock())
        cases = cases_of(family, f"{document.order_id}:{resolution.tracking_id}")
        if not cases:
            raise UnknownCase
        case = cases[-1]
        identities: tuple[Identity, ...] = ()
        if idempotency_key:
            # A repeat is about the case that it was first about, even if there is a later one by now.
            receipts = await self._book.store.recall(
                [_identities_of(each, idempotency_key, chosen)[0] for each in cases]
            )
            case = next((each for each, receipt in zip(cases, receipts, strict=True) if receipt), case)
            identities = _identities_of(case, idempotency_key, chosen)
        said = {"action_source": resolution.source} if resolution.source else {}
        return await self._choose(document.order_id, case.key, chosen, identities, said=said, zone=zone)

    async def resolve_by_button(self, case: Instance, tap: Tap) -> bool:
        """
        Take what a customer chose by a message's button, and return whether the case took it.

        Where it does not, or stands as chosen before, the customer is told how it stands: once for each message whose
        button that is, and each state of the case, however often they tap.

        Raises:
            FieldInvalid: the code is unknown, or asks for more than a button can say.
            StepError: the case takes no resolution any more, and is of a version that answers no taps.
        """
        _, _, order_id = case.family.partition("/")
        chosen = _chosen(tap.code)
        alias = Alias(WAMID, tap.identity.id, NDR_CASE, case.key)
        taken = True

        async def deliberate() -> Decision | None:
            nonlocal taken
            if any(await self._book.store.recall([tap.identity])):
                return None
            now = self._book.clock()
            family = await self._book.family(order_id, now)
            current = family.members[NDR_CASE, case.key]
            try:
                taken = self._take(family, current, chosen, at=min(tap.at, now), now=now)
            except (FieldInvalid, StepError):
                taken = False
            identities = [tap.identity]
            if not taken:
                told = Identity(tap.identity.source, f"{tap.message}/{case.key}/{current.state}")
                if not any(await self._book.store.recall([told])):
                    speaks = await self._subscription(*await self._customer(tap))
                    family.apply(current, _in_vain(tap, speaks, now))
                    identities.append(told)
            return family.decision(identities, add=[alias])

        await self._book.settle(order_id, deliberate)
        return taken

    async def answer_unmatched(self, tap: Tap) -> None:
        """
        Tell who tapped a button that its case is not found, if they have an order of ours; else tell them nothing.

        They are told once for each message whose button that is.
        """
        account_id, person_id = await self._customer(tap)
        if not person_id or not await self._aliases.names(account_id, person_id, ORDER_ID):
            return
        told = Identity(tap.identity.source, f"{tap.message or min(tap.names)}/unmatched")

        async def deliberate() -> Decision | None:
            subscription = await self._subscription(account_id, person_id)
            if subscription is None or any(await self._book.store.recall([told])):
                return None
            now = self._book.clock()
            interpreter = self._book.catalogue.interpreter(SUBSCRIPTION, subscription.version)
            if taps.TAPPED_IN_VAIN not in interpreter.allowed(subscription):
                return None
            step = interpreter.step(subscription, _in_vain(tap, subscription, now))
            return Decision(identities=(told,), recorded_at=now, steps=(step,))

        await settle(self._book.store, deliberate)

    async def _customer(self, tap: Tap) -> tuple[str, str]:
        """Return the account whose number it is, and the person who tapped; "" for what nobody knows."""
        account_id = await self._book.account_of_number(tap.phone_number_id)
        return account_id, await self._aliases.find(account_id, names_of_sender(tap.names)) if account_id else ""

    async def _subscription(self, account_id: str, person_id: str) -> Instance | None:
        """Return what a person wants to hear about orders, None if nobody knows the person."""
        if not person_id:
            return None
        _, subscriptions = await self._aliases.subscriptions(account_id, person_id, self._book.clock())
        return subscriptions[ORDER_UPDATES]

    async def _choose(
        self,
        order_id: str,
        case_key: str,
        chosen: dict[str, str],
        identities: tuple[Identity, ...],
        *,
        said: Mapping[str, str] = {},
        zone: ZoneInfo | None = None,
    ) -> Instance:
        """Let a case take a choice, made now, with its family."""

        async def deliberate() -> Decision | None:
            receipts = await self._book.store.recall(identities)
            if any(receipts):
                if not all(receipts):
                    raise FieldInvalid("Idempotency-Key", "it was another choice's")
                return None
            now = self._book.clock()
            family = await self._book.family(order_id, now)
            case = family.members[NDR_CASE, case_key]
            if self._take(family, case, chosen, at=now, now=now, said=said, zone=zone):
                return family.decision(identities)
            return Decision(identities=identities, recorded_at=now) if identities else None

        await self._book.settle(order_id, deliberate)
        (case,) = await self._book.store.load([(NDR_CASE, case_key)])
        if case is None:
            raise UnknownCase
        return case

    def _take(
        self,
        family: Family,
        case: Instance,
        chosen: dict[str, str],
        *,
        at: int,
        now: int,
        said: Mapping[str, str] = {},
        zone: ZoneInfo | None = None,
    ) -> bool:
        """
        Let a case take what was chosen *at* that time; return whether it was news. One that stands and is open stays.

        Raises:
            FieldInvalid: the case does not offer it.
            StepError: it takes no resolution any more.
        """
        if case.context.get("resolution") == chosen and self._book.has(OPEN, case):
            return False
        self._check(family, case, chosen, at, zone)
        event = Event(
            id=f"{_digest(chosen)}/{case.steps}",
            name=RESOLVED,
            at=at,
            received_at=now,
            data={**said, "resolution_code": chosen["resolutionCode"], **chosen},
            assign={"resolution": chosen},
            actor=SHOPPER,
        )
        family.apply(case, event)
        return True

    def _check(self, family: Family, case: Instance, chosen: Mapping[str, str], at: int, zone: ZoneInfo | None) -> None:
        """
        Refuse a choice that a case does not offer *at* that time, and say why. Whether it is open, its table says.

        Raises:
            FieldInvalid: it does not, or not on that day.
        """
        if RESOLVED not in self._book.catalogue.interpreter(case.definition, case.version).allowed(case):
            return
        offered = self._offered(family, case, at, zone)
        choice = next((each for each in offered if each.code == chosen["resolutionCode"]), None)
        if choice is None:
            codes = ", ".join(each.code for each in offered) or "nothing any more"
            raise FieldInvalid("resolutionCode", f"the case offers {codes}")
        day = chosen.get("deferredDate", "")
        if choice.needs_date and not choice.is_on(day):
            raise FieldInvalid("deferredDate", choice.days)

    def _offered(self, family: Family, case: Instance, at: int, zone: ZoneInfo | None = None) -> tuple[ndr.Choice, ...]:
        shipment = family.members.get((SHIPMENT, case.context.get("opened_by", "")))
        where = zone or ZoneInfo(case.context.get("timezone", USUAL_ZONE))
        return ndr.choices(case.context, shipment.context if shipment else {}, at, where)

    def view(self, cases: Sequence[Instance]) -> Case | None:
        """Return the last of a shipment's cases as the order shows it."""
        if not cases:
            return None
        case = cases[-1]
        interpreter = self._book.catalogue.interpreter(case.definition, case.version)
        code = case.context.get("ndr_code", "")
        zone = ZoneInfo(case.context.get("timezone", USUAL_ZONE))
        offered = (
            ndr.choices(case.context, {}, self._book.clock(), zone) if RESOLVED in interpreter.allowed(case) else ()
        )
        choices = tuple(choice.code for choice in offered)
        resolution = case.context.get("resolution", {})
        return Case(code, case.context.get("ndr_reason", ""), choices, self._book.has(OPEN, case), resolution)


def cases_of(family: Family, shipment_key: str) -> list[Instance]:
    """Return the cases of a shipment's counting failures, the latest failure's last."""
    members = family.members.values()
    cases = [case for case in members if case.definition == NDR_CASE and case.context.get("opened_by") == shipment_key]
    return sorted(cases, key=lambda case: case.created_at)


def _chosen(code: str, resolution: Resolution | None = None) -> dict[str, str]:
    """
    Return a choice as its case keeps it.

    Raises:
        FieldInvalid: the code is unknown, or it needs a date that is missing.
    """
    try:
        if resolution is None:
            return ndr.chosen(code)
        day, remarks, details = resolution.deferred_date, resolution.remarks, resolution.details
        return ndr.chosen(code, deferred_date=day, remarks=remarks, details=details)
    except ndr.ChoiceInvalid as invalid:
        raise FieldInvalid(invalid.field, invalid.message) from None


def _in_vain(tap: Tap, speaks: Instance | None, now: int) -> Event:
    """Return what is heard of a tap that chooses nothing, in the locale of the subscription of who *speaks*."""
    name = next((value for _, value in names_of_sender(tap.names)), "")
    data = {
        taps.FROM: name,
        taps.NUMBER: tap.phone_number_id,
        taps.LOCALE: str(speaks.context.get("locale", "")) if speaks else "",
        taps.WAMID: tap.identity.id,
    }
    return Event(tap.identity.id, taps.TAPPED_IN_VAIN, min(tap.at, now), now, data, actor=SHOPPER)


def _identities_of(case: Instance, idempotency_key: str, chosen: dict[str, str]) -> tuple[Identity, ...]:
    """Return what a choice is known by: its key, and the key with what was chosen, so that another choice is told."""
    key = f"{case.key}/{idempotency_key}"
    return Identity("portal", key), Identity("portal", f"{key}/{_digest(chosen)}")


def _digest(chosen: dict[str, str]) -> str:
    return hashlib.sha256(msgspec.json.encode(chosen)).hexdigest()[:16]
