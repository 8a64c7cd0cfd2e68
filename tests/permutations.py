"""
The same facts in any order, any number of times, by any door: `python -m tests.permutations --cases 100000`.

A case is an invented order of one or two shipments and up to 30 facts about them, each told one to ten times. It is
told several times over, each time to a new order desk: shuffled, split over requests, some of them before the order is
known. Facts come in the logs of order documents, as Eshopbox's events (one a call), in batches of the generic shape,
and from staff, who settle conflicts.

What must be equal, however the facts came: each shipment's state, its way there, its context (the ledger of attempts,
its conflicts), its timeline, the keys of the effects that it declares; the order's state; and what couriers made of
the NDR cases. What a case owes to the time at which it was heard of (whether anybody was asked) may differ, and so may
a case that turned out to be none: it is void, or never was.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from api.cases import CaseDesk
from api.order_book import ORDER, SHIPMENT, OrderBook
from api.orders import OrderDesk
from api.people import PeopleDesk
from definitions.catalogue import SHIPPED, Catalogue, compile_path
from definitions.orders.rows import Account
from definitions.orders.scans import Scan
from definitions.orders.timeline import ATTEMPT, FAILED, RESTORED, VOIDED
from definitions.orders.times import to_local
from definitions.orders.words import FORWARD, RETURN, RTO, fact_name, word_of
from engine.family import family_of
from engine.fold import ABOUT, ACCEPTED, DISMISSED, Fact, Fold, second_of
from engine.model import SECOND, Instance, born
from engine.ports import Decision
from storage.memory import MemoryStore
from tests.builders import HOUR, NOON

MOST_FACTS, MOST_COPIES = 30, 10

ARRANGEMENTS = 3

HEARD = NOON + 2 * HOUR
"""When the first of the facts is heard of: they are all from before that, and none is stale."""

WAY = [
    "created",
    "packed",
    "ready_to_ship",
    "pickup_pending",
    "out_for_pickup",
    "pickup_failed",
    "picked_up",
    "dispatched",
    "intransit",
    "out_for_delivery",
    "failed_delivery",
    "ndr_resolution_submitted",
    "delivered",
]
ON_THE_WAY = ["shipment_delayed", "shipment_held", "unhold", "damage", "lost", "cancelled_order", "sneezed"]
WAY_BACK = [
    "rto",
    "rto_intransit",
    "rto_out_for_delivery",
    "rto_failed",
    "rto_delivered",
    "return_expected",
    "lost",
    "damage",
    "disposed",
]
RETURNING = [
    "created",
    "approved",
    "pickup_pending",
    "out_for_pickup",
    "pickup_failed",
    "pickup_cancelled",
    "picked_up",
    "intransit",
    "out_for_delivery",
    "delivered",
    "delivered_warehouse",
    "complete",
    "return_cancelled",
    "lost",
]
AT_THE_DOOR = ("out_for_delivery", "failed_delivery", "out_for_delivery", "failed_delivery", "delivered")

CODES = ("", "0", "1", "2", "4", "5", "8", "99")


RUNNING = ("order", "shipment", "ndr_case")


class Told(Struct, frozen=True):
    """One fact as it is told: by which *doors* it can come."""

    tracking_id: str
    fact: Fact
    doors: tuple[str, ...]


class Case(Struct, frozen=True):
    """An order: its shipments with their legs, and what is told of them, copies and all."""

    seed: int
    shipments: tuple[tuple[str, str], ...]
    told: tuple[Told, ...]
    copies: tuple[int, ...]


class Outcome(Struct, frozen=True):
    """All that must be equal."""

    order: str
    shipments: dict[str, Any]
    cases: dict[str, str]


@cache
def catalogue() -> Catalogue:
    """Return the shipped definitions of orders, compiled once."""
    return Catalogue([compile_path(SHIPPED / "lifecycles" / f"{name}.json") for name in RUNNING], {})


# Inventing


def a_case(seed: int) -> Case:
    """Return the case of that number."""
    chance = random.Random(seed)  # noqa: S311 - a case is invented again by its number
    second_leg = chance.choice([FORWARD, FORWARD, RETURN])
    shipments = (("T-1", FORWARD), ("T-2", second_leg))[: chance.choice([1, 1, 2])]
    told: list[Told] = []
    for _ in range(chance.randint(1, MOST_FACTS)):
        tracking_id, leg = chance.choice(shipments)
        told.append(_told(chance, tracking_id, leg, told))
    copies = tuple(1 if chance.random() < 0.6 else chance.randint(2, MOST_COPIES) for _ in told)
    return Case(seed, shipments, tuple(told), copies)


def _told(chance: random.Random, tracking_id: str, leg: str, before: Sequence[Told]) -> Told:
    """Return one fact about a shipment, of which *before* is told already."""
    # Few seconds, so that several facts share one and have to be sorted by more than their times.
    at = NOON + chance.randrange(40) * 60 * SECOND
    own = [told.fact for told in before if told.tracking_id == tracking_id]
    kind = chance.random()
    if own and kind < 0.06:
        verdict = chance.choice([ACCEPTED, ACCEPTED, DISMISSED])
        details = {ABOUT: chance.choice(own).id}
        return Told(tracking_id, Fact(verdict, at, HEARD, details, "staff"), ("staff",))
    failures = [fact for fact in own if fact.name == FAILED]
    if failures and kind < 0.14:
        details = {ATTEMPT: second_of(chance.choice(failures).at)} if chance.random() < 0.7 else {}
        return Told(tracking_id, Fact(chance.choice([VOIDED, VOIDED, RESTORED]), at, HEARD, details), ("generic",))
    if leg == RETURN:
        name = f"{RETURN}.{chance.choice(RETURNING)}"
    elif kind < 0.55:
        name = f"{FORWARD}.{chance.choice(AT_THE_DOOR)}"
    elif kind < 0.85:
        name = f"{FORWARD}.{chance.choice([*WAY, *ON_THE_WAY])}"
    else:
        name = f"{RTO}.{chance.choice(WAY_BACK)}"
    details = {}
    if name == FAILED:
        details = {"ndr_code": chance.choice(CODES)}
    elif chance.random() < 0.2:
        details = {"remark": chance.choice(["late", "wet"]), "location": "Pune"}
    details = {name: text for name, text in details.items() if text}
    # A document says a word and when, on the leg of its log.
    logged = not details and fact_name(leg, word_of(name)) == name
    doors = ("generic", "eshopbox", "document") if logged else ("generic", "eshopbox")
    return Told(tracking_id, Fact(name, at, HEARD, details), doors)


# Telling


class _Desk:
    """An order desk on a store of its own, told of one case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.store = MemoryStore()
        self.now = HEARD
        self.book = OrderBook(catalogue(), self.store, lambda: self.now)
        self.desk = OrderDesk(self.book, CaseDesk(self.book), PeopleDesk(self.book))

    async def tell(self, door: str, told: Sequence[tuple[int, Told]]) -> None:
        """Bring facts by a *door*, in one request but for Eshopbox's, which come one by one."""
        self.now += SECOND
        if door == "document":
            await self.put([each for _, each in told])
        elif door == "staff":
            for _, each in told:
                await self.settle(each)
        elif door == "eshopbox":
            for number, each in told:
                await self.desk.take_scans("courier/eshopbox", [_scan(number, each)])
        else:
            await self.desk.take_scans("courier/generic", [_scan(number, each) for number, each in told])

    async def put(self, told: Sequence[Told]) -> None:
        """Put the order's document, with what is *told* in its logs."""
        zone = await self.desk.zone_of("kumar")
        items = []
        for tracking_id, leg in self.case.shipments:
            facts = [each.fact for each in told if each.tracking_id == tracking_id]
            log = [{"status": word_of(fact.name), "updatedAt": to_local(fact.at, zone)} for fact in facts]
            name = "returnTrackingTimeline" if leg == RETURN else "forwardTrackingTimeline"
            items.append({name: {"trackingID": tracking_id, "courierName": "SELF", "statusLog": log}})
        if all(leg == RETURN for _, leg in self.case.shipments):
            items.append({})
        document = {"orderId": "O-1", "customerOrderNumber": "C-1", "accountSlug": "kumar", "items": items}
        await self.desk.put_order(document)

    async def settle(self, told: Told) -> None:
        """Let staff say what they think of a fact."""

        async def deliberate() -> Decision | None:
            family = await self.book.family("O-1", self.now)
            shipment = family.members.get((SHIPMENT, f"O-1:{told.tracking_id}"))
            if shipment is None:
                return None
            family.receive(shipment, [replace(told.fact, received_at=self.now)])
            return family.decision()

        await self.book.settle("O-1", deliberate)

    async def outcome(self) -> Outcome:
        """Return what has become of the order."""
        record = await self.store.load_family(family_of((ORDER, "O-1")))
        shipments = {
            instance.key: self._shipment(instance, record.facts.get(instance.id, ()))
            for instance in record.instances
            if instance.definition == SHIPMENT
        }
        cases = {each.key: self._made_of(each) for each in record.instances if each.definition == "ndr_case"}
        order = next(instance.state for instance in record.instances if instance.definition == ORDER)
        return Outcome(order, shipments, {key: made for key, made in cases.items() if made != "none"})

    def _shipment(self, instance: Instance, facts: Iterable[Fact]) -> dict[str, Any]:
        runs = self.book.catalogue.interpreter(SHIPMENT)
        fold = Fold(runs, born(runs.definition, instance.key, 0), facts)
        declared = fold.declared()
        kept = {effect.key: effect for step in self.store.journal.get(instance.id, ()) for effect in step.effects}
        assert declared.effects.keys() <= kept.keys(), "what is declared was handed over"
        asked = {key for key in kept if self.store.effects[key].status == "pending"}
        assert asked <= declared.effects.keys(), "what is not declared any more was withdrawn"
        assert fold.instance.state == instance.state, "what is stored is the fold of what is stored"
        return {
            "state": instance.state,
            "path": instance.path,
            "entry": instance.entry,
            "context": instance.context,
            "timeline": [(fact.id, dict(fact.details), outcome) for fact, outcome in fold.timeline()],
            "effects": sorted(declared.effects),
            "tellings": sorted(declared.tellings),
        }

    def _made_of(self, case: Instance) -> str:
        """Return what couriers made of a case."""
        state = self.book.catalogue.interpreter("ndr_case").states[case.state]
        word = state.id.rpartition(".")[2]
        return "open" if "open" in state.tags else "none" if word == "void" else word


def _scan(number: int, told: Told) -> Scan:
    leg, _, word = told.fact.name.partition(".")
    details = dict(told.fact.details)
    return Scan(f"E-{number}", "C-1", told.tracking_id, leg, word, told.fact.at, details)


async def arranged(case: Case, chance: random.Random | None) -> Outcome:
    """Return what becomes of a case in one arrangement: in the order in which it was invented, or by *chance*."""
    desk = _Desk(case)
    await desk.desk.put_account(Account("77", "kumar", "Kumar Teas", "Asia/Kolkata"))
    if chance is None:
        await desk.put(())
        by_door = [(each.doors[0], [(number, each)]) for number, each in enumerate(case.told)]
        for door, told in by_door:
            await desk.tell(door, told)
        return await desk.outcome()
    copies = [each for each in enumerate(case.told) for _ in range(case.copies[each[0]])]
    chance.shuffle(copies)
    requests = chance.randint(1, 8)
    put_at = chance.randrange(requests)
    for number, part in enumerate(_cut(chance, copies, requests)):
        if number == put_at:
            await desk.put(())
        shared: dict[str, list[tuple[int, Told]]] = {}
        for each in part:
            shared.setdefault(_door(chance, each[1], known=number >= put_at), []).append(each)
        for door, told in shared.items():
            await desk.tell(door, told)
    for each in copies:  # what staff could not say before there was an order
        if each[1].doors == ("staff",):
            await desk.tell("staff", [each])
    return await desk.outcome()


def _door(chance: random.Random, told: Told, *, known: bool) -> str:
    door = chance.choice(told.doors)
    # Eshopbox's events are calls of their own: few of them, so that a case is quick.
    if door == "eshopbox" and chance.random() < 0.8:
        door = "generic"
    return "generic" if door == "document" and not known else door


def _cut(chance: random.Random, copies: list[tuple[int, Told]], parts: int) -> list[list[tuple[int, Told]]]:
    cuts = sorted(chance.randrange(len(copies) + 1) for _ in range(parts - 1))
    return [copies[start:end] for start, end in zip([0, *cuts], [*cuts, len(copies)], strict=True)]


def differences(seed: int) -> list[str]:
    """Return what differs between the arrangements of the case of that number."""
    case = a_case(seed)
    straight = asyncio.run(arranged(case, None))
    found = []
    for number in range(1, ARRANGEMENTS):
        chance = random.Random(f"{seed}/{number}")  # noqa: S311 - as above
        other = asyncio.run(arranged(case, chance))
        found += [f"case {seed}, arrangement {number}: {what}" for what in _differing(straight, other)]
    return found


def _differing(one: Outcome, other: Outcome) -> list[str]:
    parts = [f"order: {one.order}, {other.order}"] if one.order != other.order else []
    if one.cases != other.cases:
        parts.append(f"cases: {one.cases}, {other.cases}")
    for key in sorted(one.shipments.keys() | other.shipments.keys()):
        first, second = one.shipments.get(key, {}), other.shipments.get(key, {})
        parts += [
            f"{key} {name}: {first.get(name)}, {second.get(name)}" for name in first if first[name] != second.get(name)
        ]
    return parts


def search(seeds: Iterable[int], said: Callable[[str], None]) -> int:
    """Try the cases of these numbers, let what differs be *said*, and return how many did."""
    failed = 0
    for seed in seeds:
        found = differences(seed)
        failed += bool(found)
        for each in found:
            said(each)
    return failed


def _lot(seeds: range) -> list[str]:
    said: list[str] = []
    search(seeds, said.append)
    return said


def main() -> None:
    """Try as many cases as were asked for, on some processes."""
    parser = argparse.ArgumentParser(prog="python -m tests.permutations", description="The same facts in any order.")
    parser.add_argument("--cases", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    lots = [
        range(start, min(start + 500, asked.first + asked.cases))
        for start in range(asked.first, asked.first + asked.cases, 500)
    ]
    failed: set[str] = set()
    with ProcessPoolExecutor(asked.processes) as pool:
        tried = map(_lot, lots) if asked.processes == 1 else pool.map(_lot, lots)
        for lot, said in zip(lots, tried, strict=True):
            failed |= {each.partition(",")[0] for each in said}
            said.append(f"{lot.stop - asked.first} cases, {len(failed)} differ, {time.monotonic() - began:.0f} s")
            sys.stdout.write("\n".join([*said, ""]))
            sys.stdout.flush()
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
