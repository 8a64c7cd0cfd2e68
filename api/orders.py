"""
The order desk: accounts, order documents, couriers' events, subscriptions and resolutions, decided and recorded.

Rule 1: every decision about an order is one about its whole family (engine/family.py).
Rule 2: a merchant's or shopper's repeat is harmless by what it asks for, a courier's by its event's identity.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from api.clock import Clock
from definitions.catalogue import Catalogue
from definitions.orders import ndr
from definitions.orders.document import Case, Order, Person, Shipment, Standing, read_back, read_order
from definitions.orders.rows import Account, Alias, Customer, OrderDocument, ParkedFact
from definitions.orders.scans import TOO_FAR_AHEAD, Scan, derived_id
from definitions.orders.times import local_date, to_date, to_rfc3339
from engine.errors import WorkflowError
from engine.family import Family, family_of
from engine.fold import Fact
from engine.model import Event, Instance, born
from engine.ports import Decision, Identity, Row, Store
from engine.runtime import Deliberation, settle

ORDER, SHIPMENT, NDR_CASE, SUBSCRIPTION = "order", "shipment", "ndr_case", "subscription"
CHANGED = "shipments_changed"
RESOLVED = "resolution_submitted"
CATEGORY = "order_updates"
"""What the portal's checkbox subscribes to."""

USUAL_ZONE = "Asia/Kolkata"
"""Where local times without a zone are from, unless the account says otherwise."""

DROPPED, NAMED = "dropped", "named"
"""What a shipment hears that an order's document names no more, and one that it names again."""

SUBSCRIBED = "subscribed"
"""The tag of the states of a subscription in which its person is written to."""

OPEN = "open"
"""The tag of the states of a case in which it is not settled."""

SUBSCRIPTION_EVENTS = {"ACTIVE": "opt_in", "INACTIVE": "opt_out"}
"""What the portal's `whatsAppStatus` asks for."""

SHOPPER = "shopper"
"""Who subscribes and chooses, by whatever page or message."""

MERCHANT = "merchant"
"""Whose facts the logs of an order document are."""

FUTURE = "future"
"""Why a scan is parked whose time is too far ahead to be believed yet."""

NATIONAL_DIGITS = 8
"""The fewest digits that two phone numbers must share at their ends to be the same."""

ScanStatus = Literal["accepted", "duplicate", "parked", "conflict"]


class UnknownOrder(WorkflowError):
    """No order has that id or, alone, that number."""


class UnknownAccount(WorkflowError):
    """No account has that slug."""


class AccountTaken(WorkflowError):
    """The slug is another account's, or the order is."""


class UnknownCustomer(WorkflowError):
    """The account knows no such customer, or the order is not theirs."""


class UnknownCase(WorkflowError):
    """The order has no such shipment, or nothing of it is to be resolved."""


class ResolutionInvalid(WorkflowError):
    """A resolution cannot be taken: *field* is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class ScanResult(Struct, frozen=True):
    """What became of a courier's event."""

    id: str
    status: ScanStatus


class Resolution(Struct, frozen=True):
    """What a customer chose for a failed delivery; *details* are addresses and notes, kept as they came."""

    number: str
    tracking_id: str
    phone: str
    code: str
    deferred_date: str = ""
    source: str = ""
    remarks: str = ""
    details: dict[str, str] = {}


class OrderDesk:
    """Takes what merchants, couriers and shoppers say about orders."""

    def __init__(self, catalogue: Catalogue, store: Store, clock: Clock) -> None:
        self._catalogue = catalogue
        self._store = store
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def now(self) -> int:
        """Return the time by which what comes in is judged."""
        return self._clock()

    async def zone_of(self, account_slug: str) -> ZoneInfo:
        """Return the time zone of an account; that of an account we do not know is the usual one."""
        accounts = await self._store.find(Account, slug=account_slug)
        return ZoneInfo(accounts[0].timezone if accounts else USUAL_ZONE)

    # Merchants

    async def put_account(self, account: Account) -> None:
        """
        Keep an account.

        Raises:
            AccountTaken: its slug is another's.
        """

        async def deliberate() -> Decision:
            for other in await self._store.find(Account, slug=account.slug):
                if other.account_id != account.account_id:
                    raise AccountTaken
            return Decision(recorded_at=self._clock(), put=(account,))

        await self._settle(f"account/{account.slug}", deliberate)

    async def put_order(self, document: dict[str, Any]) -> Instance:
        """
        Keep an order's document, take its logs as facts and its customer among the account's; return the order.

        Raises:
            UnknownAccount: no account has the document's slug.
            AccountTaken: the order is another account's.
            Malformed: the document lacks what every order has.
        """
        accounts = await self._store.find(Account, slug=str(document.get("accountSlug", "")))
        if not accounts:
            raise UnknownAccount
        account = accounts[0]
        order = read_order(document, ZoneInfo(account.timezone), self._clock())
        text = msgspec.json.encode(document).decode()

        async def deliberate() -> Decision | None:
            known = await self._store.find(OrderDocument, order_id=order.order_id)
            if known and known[0].account_id != account.account_id:
                raise AccountTaken
            if known and known[0].document == text:
                return None
            now = self._clock()
            family = await self._family(order.order_id, now)
            parked = self._apply_document(family, order, account, now)
            row = OrderDocument(order.order_id, account.account_id, order.number, text, now)
            return family.decision(put=(row,), add=(_customer(order, account), *parked))

        await self._settle(order.order_id, deliberate)
        await self._release(order.order_id)
        (instance,) = await self._store.load([(ORDER, order.order_id)])
        if instance is None:
            raise UnknownOrder
        return instance

    def _apply_document(self, family: Family, order: Order, account: Account, now: int) -> list[ParkedFact]:
        """Let a family have the shipments and facts that a document speaks of; return the facts to park."""
        parked: list[ParkedFact] = []
        named: set[tuple[str, str]] = set()
        known = {"account_id": account.account_id, "customer_order_number": order.number}
        root = family.open(ORDER, order.order_id, {})
        family.amend(root, {**known, "unassigned_items": order.unassigned_items})
        for shipment in order.shipments:
            context = {"tracking_id": shipment.tracking_id, "leg": shipment.leg, "courier": shipment.courier}
            named.add(family.open(SHIPMENT, f"{order.order_id}:{shipment.tracking_id}", context).id)
            scans = [_logged(order.order_id, shipment, fact) for fact in shipment.facts]
            parked += self._offer(family, order.order_id, MERCHANT, scans, now)[1]
        for member in [member for member in family.members.values() if member.definition == SHIPMENT]:
            name = NAMED if member.id in named else DROPPED
            if name in self._catalogue.interpreter(member.definition, member.version).allowed(member):
                family.apply(member, Event(f"document/{member.steps}", name, now, now, actor=MERCHANT))
        family.tell_root(CHANGED, f"document/{root.steps}")
        return parked

    # Couriers

    async def take_scans(self, source: str, scans: Sequence[Scan]) -> list[ScanResult]:
        """Take a courier's events; *source* says whose ids theirs are. Those of one order are decided together."""
        by_order: dict[str, dict[str, Scan]] = {}
        repeated: set[int] = set()
        for place, scan in enumerate(scans):
            if by_order.setdefault(scan.order_ref, {}).setdefault(scan.id, scan) is not scan:
                repeated.add(place)
        results: dict[tuple[str, str], ScanStatus] = {}
        for order_ref, of_order in by_order.items():
            for scan_id, status in (await self._take(source, order_ref, list(of_order.values()))).items():
                results[order_ref, scan_id] = status
        return [
            ScanResult(scan.id, "duplicate" if place in repeated else results[scan.order_ref, scan.id])
            for place, scan in enumerate(scans)
        ]

    async def _take(self, source: str, order_ref: str, scans: Sequence[Scan]) -> dict[str, ScanStatus]:
        results: dict[str, ScanStatus] = {}

        async def deliberate() -> Decision | None:
            receipts = await self._store.recall([Identity(source, scan.id) for scan in scans])
            fresh = [scan for scan, receipt in zip(scans, receipts, strict=True) if receipt is None]
            results.clear()
            results.update({scan.id: "duplicate" for scan in scans})
            if not fresh:
                return None
            now = self._clock()
            identities = tuple(Identity(source, scan.id) for scan in fresh)
            document = await self._document(order_ref)
            if document is None:
                results.update({scan.id: "parked" for scan in fresh})
                rows = tuple(_parked(source, scan, "unknown_order", now) for scan in fresh)
                return Decision(identities=identities, recorded_at=now, add=rows)
            family = await self._family(document.order_id, now)
            statuses, parked = self._offer(family, document.order_id, source, fresh, now)
            results.update(statuses)
            return family.decision(identities, add=parked)

        known = await self._document(order_ref)
        await self._settle(known.order_id if known else order_ref, deliberate)
        if "parked" in results.values():
            # The order may have been put while its scan was being parked: whoever comes second finds both.
            document = await self._document(order_ref)
            if document is not None:
                await self._release(document.order_id)
        return results

    def _offer(
        self, family: Family, order_id: str, source: str, scans: Sequence[Scan], now: int
    ) -> tuple[dict[str, ScanStatus], list[ParkedFact]]:
        """Let the family's shipments receive *scans*; return what became of each, and those to park."""
        statuses: dict[str, ScanStatus] = {}
        parked: list[ParkedFact] = []
        placed: dict[str, list[Scan]] = {}
        for scan in scans:
            reason = self._unplaceable(family, order_id, scan, now)
            if reason:
                statuses[scan.id] = "parked"
                parked.append(_parked(source, scan, reason, now))
            else:
                placed.setdefault(scan.tracking_id, []).append(scan)
        for tracking_id, of_shipment in placed.items():
            facts = [scan.fact(now, source) for scan in of_shipment]
            receptions = family.receive(family.members[SHIPMENT, f"{order_id}:{tracking_id}"], facts)
            for scan, reception in zip(of_shipment, receptions, strict=True):
                if reception.addition == "known":
                    statuses[scan.id] = "duplicate"
                else:
                    statuses[scan.id] = "conflict" if reception.outcome == "conflict" else "accepted"
        return statuses, parked

    def _unplaceable(self, family: Family, order_id: str, scan: Scan, now: int) -> str:
        """Return why a scan cannot be put into a shipment's timeline, or nothing."""
        member = family.members.get((SHIPMENT, f"{order_id}:{scan.tracking_id}"))
        if member is None:
            return "unknown_shipment"
        if scan.name not in self._catalogue.interpreter(member.definition, member.version).rank:
            return "unknown_status"
        return FUTURE if scan.at > now + TOO_FAR_AHEAD else ""

    async def release_ripe(self) -> None:
        """Give orders the parked scans whose time has come near."""
        rows = await self._store.find(ParkedFact, reason=FUTURE)
        ripe = {row.order_ref for row in rows if _scan_of(row).at <= self._clock() + TOO_FAR_AHEAD}
        for order_ref in sorted(ripe):
            document = await self._document(order_ref)
            if document is not None:
                await self._release(document.order_id)

    async def _release(self, order_id: str) -> None:
        """Give an order the parked scans that it can place now."""

        async def deliberate() -> Decision | None:
            document = await self._document(order_id)
            if document is None:
                return None
            refs = {document.order_id, document.customer_order_number}
            rows = [row for ref in sorted(refs) for row in await self._store.find(ParkedFact, order_ref=ref)]
            if not rows:
                return None
            now = self._clock()
            family = await self._family(document.order_id, now)
            placed = []
            facts: dict[str, list[Fact]] = {}
            for row in rows:
                scan = _scan_of(row)
                if not self._unplaceable(family, document.order_id, scan, now):
                    facts.setdefault(scan.tracking_id, []).append(scan.fact(row.received_at, row.source))
                    placed.append(row)
            for tracking_id, of_shipment in facts.items():
                family.receive(family.members[SHIPMENT, f"{document.order_id}:{tracking_id}"], of_shipment)
            return family.decision(remove=placed) if placed else None

        await self._settle(order_id, deliberate)

    # Shoppers

    async def read(self, order_ref: str) -> dict[str, Any]:
        """
        Return an order's document with what couriers say rewritten from the facts.

        Raises:
            UnknownOrder: there is none.
        """
        document = await self._known(order_ref)
        content = msgspec.json.decode(document.document)
        family = await self._family(document.order_id, self._clock())
        standings = {
            (member.context["tracking_id"], member.context["leg"]): Standing(
                family.timeline(member), self._case_view(_cases(family, member.key))
            )
            for member in list(family.members.values())
            if member.definition == SHIPMENT
        }
        zone = await self._zone(document.account_id)
        subscribed = await self._is_subscribed(document.account_id, content)
        return read_back(content, standings, zone, subscribed=subscribed)

    async def subscribe(self, order_ref: str, account_id: str, phone: str, email: str, status: str) -> None:
        """
        Let the customer of an order subscribe to its updates, or end that.

        Raises:
            UnknownOrder: there is no such order.
            UnknownCustomer: it is not that account's, or not that customer's.
            ResolutionInvalid: *status* is none that can be asked for.
        """
        if status not in SUBSCRIPTION_EVENTS:
            raise ResolutionInvalid("whatsAppStatus", "one of " + ", ".join(SUBSCRIPTION_EVENTS))
        document = await self._known(order_ref)
        content = msgspec.json.decode(document.document)
        person = _person(content)
        customers = await self._store.find(Customer, account_id=account_id, phone=person.phone, email=person.email)
        is_theirs = _same_phone(person.phone, phone) and person.email.casefold() == email.strip().casefold()
        if document.account_id != account_id or not customers or not is_theirs:
            raise UnknownCustomer
        key = f"{account_id}:{customers[0].person_id}:{CATEGORY}"

        async def deliberate() -> Decision | None:
            now = self._clock()
            (found,) = await self._store.load([(SUBSCRIPTION, key)])
            current = self._catalogue.interpreter(SUBSCRIPTION).definition
            instance = found or born(current, key, now, context={"account_id": account_id, "category": CATEGORY})
            interpreter = self._catalogue.interpreter(SUBSCRIPTION, instance.version)
            name = SUBSCRIPTION_EVENTS[status]
            if name not in interpreter.allowed(instance):
                return None
            evidence = {"source": "portal", "order_id": document.order_id, "at": to_rfc3339(now)}
            event = Event(f"portal/{instance.steps}", name, now, now, evidence, {"evidence": evidence}, SHOPPER)
            return Decision(recorded_at=now, steps=(interpreter.step(instance, event),))

        await settle(self._store, deliberate)

    async def resolve(self, resolution: Resolution, idempotency_key: str = "") -> Instance:
        """
        Take what a customer chose for a shipment's latest failed delivery, and return the case.

        The same choice again changes nothing.

        Raises:
            UnknownOrder: no order has that number, or the phone number is not the order's.
            UnknownCase: the shipment has no case.
            ResolutionInvalid: the code is unknown, it needs a date that is missing or past, or the key was another
                choice's.
            StepError: the case takes no resolution any more.
        """
        document = await self._known(resolution.number)
        if not _same_phone(_person(msgspec.json.decode(document.document)).phone, resolution.phone):
            raise UnknownOrder
        today = local_date(self._clock(), await self._zone(document.account_id)).isoformat()
        chosen = _chosen(resolution)
        family = await self._family(document.order_id, self._clock())
        cases = _cases(family, f"{document.order_id}:{resolution.tracking_id}")
        if not cases:
            raise UnknownCase
        case = cases[-1]
        identities: tuple[Identity, ...] = ()
        if idempotency_key:
            # A repeat is about the case that it was first about, even if there is a later one by now.
            receipts = await self._store.recall([_identities_of(each, idempotency_key, chosen)[0] for each in cases])
            case = next((each for each, receipt in zip(cases, receipts, strict=True) if receipt), case)
            identities = _identities_of(case, idempotency_key, chosen)
        said = {"action_source": resolution.source} if resolution.source else {}
        return await self._choose(document.order_id, case.key, chosen, identities, said=said, today=today)

    async def resolve_by_button(self, case: Instance, code: str, identity: Identity, at: int) -> Instance:
        """
        Take what a customer chose by a template's button *at* that time, and return the case.

        Raises:
            ResolutionInvalid: the code is unknown, or asks for more than a button can say.
            StepError: the case takes no resolution any more.
        """
        _, _, order_id = case.family.partition("/")
        chosen = _chosen(Resolution("", "", "", code))
        alias = Alias("wamid", identity.id, NDR_CASE, case.key)
        return await self._choose(order_id, case.key, chosen, (identity,), [alias], at=at)

    async def _choose(
        self,
        order_id: str,
        case_key: str,
        chosen: dict[str, str],
        identities: tuple[Identity, ...],
        add: Sequence[Row] = (),
        *,
        at: int | None = None,
        said: Mapping[str, str] = {},
        today: str = "",
    ) -> Instance:
        """Let a case take a choice, made now if not before, with its family. One that stands and is open stays."""

        async def deliberate() -> Decision | None:
            receipts = await self._store.recall(identities)
            if any(receipts):
                if not all(receipts):
                    raise ResolutionInvalid("Idempotency-Key", "it was another choice's")
                return None
            now = self._clock()
            family = await self._family(order_id, now)
            case = family.members[NDR_CASE, case_key]
            if case.context.get("resolution") == chosen and self._has(OPEN, case):
                return Decision(identities=identities, recorded_at=now, add=tuple(add)) if identities else None
            if chosen.get("deferredDate", today) < today:
                raise ResolutionInvalid("deferredDate", "today or later")
            event = Event(
                id=f"{_digest(chosen)}/{case.steps}",
                name=RESOLVED,
                at=now if at is None else min(at, now),
                received_at=now,
                data={**said, "resolution_code": chosen["resolutionCode"], **chosen},
                assign={"resolution": chosen},
                actor=SHOPPER,
            )
            family.apply(case, event)
            return family.decision(identities, add=add)

        await self._settle(order_id, deliberate)
        (case,) = await self._store.load([(NDR_CASE, case_key)])
        if case is None:
            raise UnknownCase
        return case

    async def take_cart(self, wamid: str, phone_number_id: str, cart: Mapping[str, Any], identity: Identity) -> bool:
        """Open an order for a cart that came by message, its prices the sender's word; return whether it was news."""
        order_id = f"cart-{hashlib.sha256(wamid.encode()).hexdigest()[:16]}"
        account_id = await self._account_of_number(phone_number_id)
        news = False

        async def deliberate() -> Decision | None:
            nonlocal news
            news = not any(await self._store.recall([identity]))
            if not news:
                return None
            family = await self._family(order_id, self._clock())
            family.open(ORDER, order_id, {"account_id": account_id, "cart": dict(cart)})
            return family.decision([identity], add=[Alias("wamid", wamid, ORDER, order_id)])

        await settle(self._store, deliberate)
        return news

    # What is needed for all that

    async def _settle(self, subject: str, deliberate: Deliberation) -> None:
        """Decide about an order, or a slug, in the turn in which it was asked for: no late comer overtakes another."""
        turn = self._turns.setdefault(subject, asyncio.Lock())
        async with turn:
            await settle(self._store, deliberate)

    async def _family(self, order_id: str, now: int) -> Family:
        root = (ORDER, order_id)
        record = await self._store.load_family(family_of(root))
        return Family(self._catalogue.interpreter, root, record, now)

    async def _document(self, order_ref: str) -> OrderDocument | None:
        """Return the order of that id or, if there is only one, of that customer order number."""
        found = await self._store.find(OrderDocument, order_id=order_ref)
        if not found:
            found = await self._store.find(OrderDocument, customer_order_number=order_ref)
        return found[0] if len(found) == 1 else None

    async def _known(self, order_ref: str) -> OrderDocument:
        document = await self._document(order_ref)
        if document is None:
            raise UnknownOrder
        return document

    async def _zone(self, account_id: str) -> ZoneInfo:
        (account,) = await self._store.find(Account, account_id=account_id)
        return ZoneInfo(account.timezone)

    async def _is_subscribed(self, account_id: str, content: dict[str, Any]) -> bool:
        person = _person(content)
        customers = await self._store.find(Customer, account_id=account_id, phone=person.phone, email=person.email)
        keys = [(SUBSCRIPTION, f"{account_id}:{customer.person_id}:{CATEGORY}") for customer in customers]
        return any(self._has(SUBSCRIBED, found) for found in await self._store.load(keys) if found is not None)

    async def _account_of_number(self, phone_number_id: str) -> str:
        """Return the account that a phone number serves: the one whose settings name it, or the only one there is."""
        accounts = await self._store.find(Account)
        named = [account for account in accounts if phone_number_id in _phone_numbers(account)]
        fitting = named or accounts
        return fitting[0].account_id if len(fitting) == 1 else ""

    def _case_view(self, cases: Sequence[Instance]) -> Case | None:
        """Return the last of a shipment's cases as the order shows it."""
        if not cases:
            return None
        case = cases[-1]
        interpreter = self._catalogue.interpreter(case.definition, case.version)
        code = case.context.get("ndr_code", "")
        choices = ndr.reason(code).resolutions if RESOLVED in interpreter.allowed(case) else ()
        resolution = case.context.get("resolution", {})
        return Case(code, case.context.get("ndr_reason", ""), choices, self._has(OPEN, case), resolution)

    def _has(self, tag: str, instance: Instance) -> bool:
        """Return whether an instance's state has *tag*; one that its definition does not have has none."""
        state = self._catalogue.interpreter(instance.definition, instance.version).states.get(instance.state)
        return state is not None and tag in state.tags


def _cases(family: Family, shipment_key: str) -> list[Instance]:
    """Return the cases of a shipment's counting failures, the latest failure's last."""
    members = family.members.values()
    cases = [case for case in members if case.definition == NDR_CASE and case.context.get("opened_by") == shipment_key]
    return sorted(cases, key=lambda case: case.created_at)


def _person(content: Mapping[str, Any]) -> Person:
    """Return whom an order's document is for."""
    return msgspec.convert(content.get("shippingAddress", {}), Person)


def _phone_numbers(account: Account) -> list[str]:
    settings = msgspec.json.decode(account.settings)
    numbers = settings.get("phoneNumberIds", [])
    return numbers if isinstance(numbers, list) else []


def _logged(order_id: str, shipment: Shipment, fact: Fact) -> Scan:
    """Return an entry of a document's log as the scan that it tells of."""
    leg, _, word = fact.name.partition(".")
    scan_id = derived_id(f"{order_id}:{shipment.tracking_id}", leg, word, fact.at)
    return Scan(scan_id, order_id, shipment.tracking_id, leg, word, fact.at, dict(fact.details))


def _customer(order: Order, account: Account) -> Customer:
    person = order.person
    named = f"{account.account_id}\0{person.phone}\0{person.email}"
    person_id = hashlib.sha256(named.encode()).hexdigest()[:16]
    return Customer(account.account_id, person.phone, person.email, person_id, person.name)


def _parked(source: str, scan: Scan, reason: str, now: int) -> ParkedFact:
    return ParkedFact(source, scan.id, scan.order_ref, reason, msgspec.json.encode(scan).decode(), now)


def _scan_of(row: ParkedFact) -> Scan:
    return msgspec.json.decode(row.event, type=Scan)


def _chosen(resolution: Resolution) -> dict[str, str]:
    """
    Return a resolution as the case keeps it.

    Raises:
        ResolutionInvalid: the code is unknown, or it needs a date that is missing.
    """
    known = ndr.RESOLUTIONS.get(resolution.code)
    if known is None:
        raise ResolutionInvalid("resolutionCode", "one of " + ", ".join(ndr.RESOLUTIONS))
    chosen = {"resolutionCode": resolution.code, "action": known.action}
    if known.needs_date:
        try:
            chosen["deferredDate"] = to_date(resolution.deferred_date).isoformat()
        except ValueError:
            raise ResolutionInvalid("deferredDate", "a date, YYYY-MM-DD or DD-MM-YYYY") from None
    if resolution.remarks:
        chosen["remarks"] = resolution.remarks
    return {**chosen, **resolution.details}


def _identities_of(case: Instance, idempotency_key: str, chosen: dict[str, str]) -> tuple[Identity, ...]:
    """Return what a choice is known by: its key, and the key with what was chosen, so that another choice is told."""
    key = f"{case.key}/{idempotency_key}"
    return Identity("portal", key), Identity("portal", f"{key}/{_digest(chosen)}")


def _digest(chosen: dict[str, str]) -> str:
    return hashlib.sha256(msgspec.json.encode(chosen)).hexdigest()[:16]


def _same_phone(one: str, other: str) -> bool:
    """Return whether two ways of writing a phone number mean the same; the country's code may be left out."""
    shorter, longer = sorted((_digits(one), _digits(other)), key=len)
    return bool(shorter) and (shorter == longer or (len(shorter) >= NATIONAL_DIGITS and longer.endswith(shorter)))


def _digits(number: str) -> str:
    """Return a phone number's digits, in any script, without what is dialled before it within or out of a country."""
    digits = (str(int(letter)) for letter in number.replace("(0)", "") if letter.isdecimal())
    return "".join(digits).lstrip("0")
