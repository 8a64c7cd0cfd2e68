"""
The order desk: accounts, order documents and couriers' events, decided and recorded.

Rule 1: a merchant's repeat is harmless by what it asks for, a courier's by its event's identity.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from api.aliases import person_id_of
from api.cases import CaseDesk, cases_of
from api.order_book import ORDER, SHIPMENT, OrderBook, UnknownOrder
from api.people import PeopleDesk
from definitions.orders.document import Malformed, Order, Shipment, Standing, read_back, read_order
from definitions.orders.rows import Account, Alias, Customer, OrderDocument, ParkedFact
from definitions.orders.scans import TOO_FAR_AHEAD, Scan, derived_id
from definitions.orders.times import USUAL_ZONE
from engine.errors import WorkflowError
from engine.family import Family
from engine.fold import Fact
from engine.model import Event, Instance
from engine.ports import Decision, Identity
from storage.finding import TRACKED

CHANGED = "shipments_changed"

ORDERED = "ordered"
"""What an order hears that the merchant tells of before anything has happened to it."""

DROPPED, NAMED = "dropped", "named"
"""What a shipment hears that an order's document names no more, and one that it names again."""

MERCHANT = "merchant"
"""Whose facts the logs of an order document are."""

FUTURE = "future"
"""Why a scan is parked whose time is too far ahead to be believed yet."""

ScanStatus = Literal["accepted", "duplicate", "parked", "conflict"]


class UnknownAccount(WorkflowError):
    """No account has that slug."""


class AccountTaken(WorkflowError):
    """The slug is another account's, or the order is."""


class ScanResult(Struct, frozen=True):
    """What became of a courier's event."""

    id: str
    status: ScanStatus


class OrderDesk:
    """Takes what merchants, couriers and shoppers say about orders."""

    def __init__(self, book: OrderBook, cases: CaseDesk, people: PeopleDesk) -> None:
        self._book = book
        self._cases = cases
        self._people = people

    def now(self) -> int:
        """Return the time by which what comes in is judged."""
        return self._book.clock()

    async def zone_of(self, account_slug: str) -> ZoneInfo:
        """Return the time zone of an account; that of an account we do not know is the usual one."""
        accounts = await self._book.store.find(Account, slug=account_slug)
        return ZoneInfo(accounts[0].timezone if accounts else USUAL_ZONE)

    # Merchants

    async def put_account(self, account: Account) -> None:
        """
        Keep an account.

        Raises:
            AccountTaken: its slug is another's.
        """

        async def deliberate() -> Decision:
            for other in await self._book.store.find(Account, slug=account.slug):
                if other.account_id != account.account_id:
                    raise AccountTaken
            return Decision(recorded_at=self._book.clock(), put=(account,))

        await self._book.settle(f"account/{account.slug}", deliberate)

    async def put_order(self, document: dict[str, Any]) -> Instance:
        """
        Keep an order's document, take its logs as facts and its customer among the account's; return the order.

        Raises:
            UnknownAccount: no account has the document's slug.
            AccountTaken: the order is another account's.
            Malformed: the document lacks what every order has.
        """
        accounts = await self._book.store.find(Account, slug=str(document.get("accountSlug", "")))
        if not accounts:
            raise UnknownAccount
        account = accounts[0]
        order = read_order(document, ZoneInfo(account.timezone), self._book.clock())
        text = msgspec.json.encode(document).decode()

        async def deliberate() -> Decision | None:
            known = await self._book.store.find(OrderDocument, order_id=order.order_id)
            if known and known[0].account_id != account.account_id:
                raise AccountTaken
            if known and known[0].document == text:
                return None
            now = self._book.clock()
            family = await self._book.family(order.order_id, now)
            parked = self._apply_document(family, order, account, now)
            row = OrderDocument(order.order_id, account.account_id, order.number, text, now)
            return family.decision(put=(row,), add=(_customer(order, account), *_tracked(order), *parked))

        await self._book.settle(order.order_id, deliberate)
        await self._people.met(account, order)
        await self._release(order.order_id)
        (instance,) = await self._book.store.load([(ORDER, order.order_id)])
        if instance is None:
            raise UnknownOrder
        return instance

    async def introduce(self, order_ids: Iterable[str]) -> int:
        """Learn whose orders these are; return of how many that could be told."""
        told = 0
        for order_id in order_ids:
            document = await self._book.document(order_id)
            accounts = await self._book.store.find(Account, account_id=document.account_id) if document else []
            if document is not None and accounts:
                content = msgspec.json.decode(document.document)
                with suppress(Malformed):  # it was taken by an older program
                    order = read_order(content, ZoneInfo(accounts[0].timezone), self._book.clock())
                    told += bool(await self._people.met(accounts[0], order))
        return told

    def _apply_document(self, family: Family, order: Order, account: Account, now: int) -> list[ParkedFact]:
        """Let a family have the shipments and facts that a document speaks of; return the facts to park."""
        parked: list[ParkedFact] = []
        named: set[tuple[str, str]] = set()
        known = {"account_id": account.account_id, "customer_order_number": order.number}
        root = family.open(ORDER, order.order_id, {})
        family.amend(root, {**known, "unassigned_items": order.unassigned_items})
        if root.revision == 0 and not any(shipment.facts for shipment in order.shipments):
            family.apply(root, Event(f"document/{order.order_id}", ORDERED, now, now, actor=MERCHANT))
        for shipment in order.shipments:
            context = {
                "tracking_id": shipment.tracking_id,
                "leg": shipment.leg,
                "courier": shipment.courier,
                "adapter": _adapter(account),
                "timezone": account.timezone,
            }
            named.add(family.open(SHIPMENT, f"{order.order_id}:{shipment.tracking_id}", context).id)
            scans = [_logged(order.order_id, shipment, fact) for fact in shipment.facts]
            parked += self._offer(family, order.order_id, MERCHANT, scans, now)[1]
        for member in [member for member in family.members.values() if member.definition == SHIPMENT]:
            name = NAMED if member.id in named else DROPPED
            if name in self._book.catalogue.interpreter(member.definition, member.version).allowed(member):
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
            receipts = await self._book.store.recall([Identity(source, scan.id) for scan in scans])
            fresh = [scan for scan, receipt in zip(scans, receipts, strict=True) if receipt is None]
            results.clear()
            results.update({scan.id: "duplicate" for scan in scans})
            if not fresh:
                return None
            now = self._book.clock()
            identities = tuple(Identity(source, scan.id) for scan in fresh)
            document = await self._book.document(order_ref)
            if document is None:
                results.update({scan.id: "parked" for scan in fresh})
                rows = tuple(_parked(source, scan, "unknown_order", now) for scan in fresh)
                return Decision(identities=identities, recorded_at=now, add=rows)
            family = await self._book.family(document.order_id, now)
            statuses, parked = self._offer(family, document.order_id, source, fresh, now)
            results.update(statuses)
            return family.decision(identities, add=parked)

        known = await self._book.document(order_ref)
        await self._book.settle(known.order_id if known else order_ref, deliberate)
        if "parked" in results.values():
            # The order may have been put while its scan was being parked: whoever comes second finds both.
            document = await self._book.document(order_ref)
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
        if scan.name not in self._book.catalogue.interpreter(member.definition, member.version).rank:
            return "unknown_status"
        return FUTURE if scan.at > now + TOO_FAR_AHEAD else ""

    async def release_ripe(self) -> None:
        """Give orders the parked scans whose time has come near."""
        rows = await self._book.store.find(ParkedFact, reason=FUTURE)
        ripe = {row.order_ref for row in rows if _scan_of(row).at <= self._book.clock() + TOO_FAR_AHEAD}
        for order_ref in sorted(ripe):
            document = await self._book.document(order_ref)
            if document is not None:
                await self._release(document.order_id)

    async def _release(self, order_id: str) -> None:
        """Give an order the parked scans that it can place now."""

        async def deliberate() -> Decision | None:
            document = await self._book.document(order_id)
            if document is None:
                return None
            refs = {document.order_id, document.customer_order_number}
            rows = [row for ref in sorted(refs) for row in await self._book.store.find(ParkedFact, order_ref=ref)]
            if not rows:
                return None
            now = self._book.clock()
            family = await self._book.family(document.order_id, now)
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

        await self._book.settle(order_id, deliberate)

    # Shoppers

    async def read(self, order_ref: str) -> dict[str, Any]:
        """
        Return an order's document with what couriers say rewritten from the facts.

        Raises:
            UnknownOrder: there is none.
        """
        document = await self._book.known(order_ref)
        content = msgspec.json.decode(document.document)
        family = await self._book.family(document.order_id, self._book.clock())
        standings = {
            (member.context["tracking_id"], member.context["leg"]): Standing(
                family.timeline(member), self._cases.view(cases_of(family, member.key))
            )
            for member in list(family.members.values())
            if member.definition == SHIPMENT
        }
        zone = await self._book.zone(document.account_id)
        subscribed = await self._people.is_subscribed(document.account_id, content)
        return read_back(content, standings, zone, subscribed=subscribed)


def _adapter(account: Account) -> str:
    """Return the courier whose adapter an account's shipments have that name none, "" for the usual one."""
    return str(account.said().get("courier", ""))


def _logged(order_id: str, shipment: Shipment, fact: Fact) -> Scan:
    """Return an entry of a document's log as the scan that it tells of."""
    leg, _, word = fact.name.partition(".")
    scan_id = derived_id(f"{order_id}:{shipment.tracking_id}", leg, word, fact.at)
    return Scan(scan_id, order_id, shipment.tracking_id, leg, word, fact.at, dict(fact.details))


def _customer(order: Order, account: Account) -> Customer:
    person = order.person
    person_id = person_id_of(account.account_id, person)
    return Customer(account.account_id, person.phone, person.email, person_id, person.name)


def _tracked(order: Order) -> Iterator[Alias]:
    """Yield the names by which an order's shipments are found without it."""
    for shipment in order.shipments:
        key = f"{order.order_id}:{shipment.tracking_id}"
        yield Alias(TRACKED, f"{shipment.tracking_id}/{SHIPMENT}/{key}", SHIPMENT, key)


def _parked(source: str, scan: Scan, reason: str, now: int) -> ParkedFact:
    return ParkedFact(source, scan.id, scan.order_ref, reason, msgspec.json.encode(scan).decode(), now)


def _scan_of(row: ParkedFact) -> Scan:
    return msgspec.json.decode(row.event, type=Scan)
