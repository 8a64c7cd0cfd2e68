"""Timers that fire by themselves: each once, none early, whatever the clock, the disk and other people do."""

import asyncio
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from api.metrics import Metrics
from api.order_book import NDR_CASE, ORDER, SHIPMENT, OrderBook
from api.timers import AT_ONCE, PULSE, PUT_OFF, Timekeeper
from definitions.catalogue import Catalogue
from engine.errors import StoreUnavailable
from engine.family import Family
from engine.fold import Fact
from engine.model import SECOND, Armed, Event, Instance, born
from engine.ports import Decision, FamilyRecord
from storage.sqlite import SqliteStore
from tests.api.faults import down
from tests.api.phones import Handset
from tests.api.serving import FakeClock, Server
from tests.api.speaking import a_minted_session, session
from tests.api.test_metrics import told
from tests.builders import HOUR, MINUTE, NOON
from tests.contract.asking import journal, select

DAY = 24 * HOUR
PATIENCE = 60

ERRAND = """{
  "id": "errand",
  "initial": "waiting",
  "states": {
    "waiting": {"after": {"60000": {"guard": "is_late", "target": "over"}, "120000": "over"}},
    "over": {"type": "final"}
  }
}"""
"""A minute after its beginning it is too early to end it: the guard says no. After two it ends."""

REPORT = """{
  "id": "report",
  "initial": "awaited",
  "meta": {"ordering": "event_time"},
  "states": {
    "awaited": {"after": {"1500": {"actions": "remind_customer"}, "3500": "missed"}, "on": {"seen": "seen"}},
    "missed": {"on": {"seen": "seen"}},
    "seen": {"type": "final"}
  }
}"""
"""It is awaited by what was seen, whenever that is heard of."""


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Return the shipped definitions and two more."""
    folder = tmp_path_factory.mktemp("definitions")
    (folder / "lifecycles").mkdir()
    (folder / "lifecycles" / "errand.json").write_text(ERRAND)
    (folder / "lifecycles" / "report.json").write_text(REPORT)
    return Catalogue.load([folder])


class Clockwork:
    """A database, a clock that tests move, and a timekeeper that is asked when to fire."""

    def __init__(self, database: Path, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.clock = FakeClock()
        self._open(database)

    def _open(self, database: Path) -> None:
        self.store = SqliteStore(database)
        self.book = OrderBook(self.catalogue, self.store, self.clock)
        self.metrics = Metrics()
        self.keeper = Timekeeper(self.book, self.metrics)

    def restart(self) -> None:
        """Go down and come up again."""
        self.store.close()
        self._open(self.store.path)

    async def at(self, now: int) -> int:
        """Let it be *now*, and what is due by then fire; return how many did."""
        self.clock.now = now
        return await self.keeper.fire_due()

    async def keep(self, *instances: Instance) -> None:
        """Store *instances* that nothing has happened to yet, with their families if they have one."""
        for each in instances:
            if each.family:
                family = await self.family(each.family)
                family.open(ORDER, each.family.partition("/")[2], {})
                family.open(each.definition, each.key, each.context, each.created_at)
                decision = family.decision()
            else:
                waiting = self.catalogue.interpreter(each.definition).waiting(each)
                decision = Decision(recorded_at=self.clock.now, touched=((each, replace(waiting, revision=1)),))
            await self.store.commit(decision)

    async def family(self, name: str) -> Family:
        """Return the family of that name as it is stored."""
        root, _, key = name.partition("/")
        return Family(self.catalogue.interpreter, (root, key), await self.store.load_family(name), self.clock.now)

    async def look(self, instance: Instance) -> Instance:
        """Return what became of an instance; what the store remembers of it must be what it has written."""
        (found,) = await self.store.load([instance.id])
        assert found is not None
        assert self.store._load(instance.id) == found
        return found

    def history(self, instance: Instance) -> list[tuple[str, str, str]]:
        """Return the events of an instance, each with where it led and its outcome."""
        return [(row.event, row.target_state, row.outcome) for row in journal(self.store, instance.id)]


@pytest.fixture
async def clockwork(database: Path, catalogue: Catalogue) -> Any:
    """Return one that stands at noon."""
    opened = Clockwork(database, catalogue)
    yield opened
    opened.store.close()


def an_errand(clockwork: Clockwork, key: str = "E-1", definition: str = "errand", order: str = "") -> Instance:
    """Return an errand that begins at noon, alone or an order's."""
    runs = clockwork.catalogue.interpreter(definition).definition
    return born(runs, key, NOON, family=f"order/{order}" if order else "")


# Who fires, and what that does


@pytest.mark.parametrize("order", ["", "O-1"], ids=["alone", "with its family"])
async def test_what_the_table_refuses_is_noted_and_does_not_come_again(clockwork: Clockwork, order: str) -> None:
    errand = an_errand(clockwork, order=order)
    await clockwork.keep(errand)

    fired = [await clockwork.at(NOON + at) for at in (MINUTE - 1, MINUTE, 2 * MINUTE - 1, 2 * MINUTE, DAY)]

    assert fired == [0, 1, 0, 1, 0]
    assert clockwork.history(errand) == [("after.60000", "waiting", "refused"), ("after.120000", "over", "")]
    assert (await clockwork.look(errand)).timers == ()


async def test_what_was_missed_fires_in_order_each_at_its_own_time(clockwork: Clockwork) -> None:
    errand = an_errand(clockwork)
    await clockwork.keep(errand)

    assert await clockwork.at(NOON + DAY) == 2

    rows = journal(clockwork.store, errand.id)
    assert [(row.event_id, row.occurred_at, row.actor) for row in rows] == [
        (f"timer/after.60000/0/{NOON + MINUTE}", NOON + MINUTE, "timer"),
        (f"timer/after.120000/0/{NOON + 2 * MINUTE}", NOON + 2 * MINUTE, "timer"),
    ]
    assert (await clockwork.look(errand)).updated_at == NOON + DAY


async def test_two_timekeepers_never_fire_the_same_timer_both(clockwork: Clockwork) -> None:
    alone = [an_errand(clockwork, f"E-{number}") for number in range(AT_ONCE + 5)]
    family = [an_errand(clockwork, f"O-{number}:1", order=f"O-{number}") for number in range(20)]
    await clockwork.keep(*alone, *family)
    other = Timekeeper(OrderBook(clockwork.catalogue, clockwork.store, clockwork.clock), Metrics())
    clockwork.clock.move(DAY)

    fired = await asyncio.gather(clockwork.keeper.fire_due(), other.fire_due())

    assert sum(fired) == 2 * len([*alone, *family])
    assert {tuple(clockwork.history(each)) for each in [*alone, *family]} == {
        (("after.60000", "waiting", "refused"), ("after.120000", "over", ""))
    }


async def test_a_case_is_given_up_with_its_order_looking_on(clockwork: Clockwork) -> None:
    (case,) = await failed_deliveries(clockwork, [NOON])
    (before,) = await clockwork.store.load([(ORDER, "O-0")])

    assert await clockwork.at(NOON + 9 * DAY) == 2

    (order,) = await clockwork.store.load([(ORDER, "O-0")])
    assert before is not None
    assert order is not None
    assert order.revision == before.revision + 2
    assert clockwork.history(case)[-2:] == [
        ("after.reminder", "unsettled.awaiting_customer", ""),
        ("after.window", "unsettled.expired", ""),
    ]


async def test_a_timer_that_was_stored_without_its_name_fires_too(clockwork: Clockwork) -> None:
    (case,) = await failed_deliveries(clockwork, [NOON])
    with closing(sqlite3.connect(clockwork.store.path)) as connection, connection:
        connection.execute("UPDATE instance SET timers = '[]'")
    clockwork.restart()

    reminder, window = (timer.at for timer in case.timers)
    assert (await clockwork.look(case)).timers == (Armed("", reminder),)
    times = reminder - 1, reminder, window - 1, window, window + DAY
    assert [await clockwork.at(at) for at in times] == [0, 1, 0, 1, 0]
    assert (await clockwork.look(case)).state == "unsettled.expired"


# What is folded from facts


async def test_a_timer_of_a_timeline_is_a_fact_of_it_and_gives_way_to_an_earlier_one(clockwork: Clockwork) -> None:
    report = an_errand(clockwork, "R-1", "report", "O-1")
    await clockwork.keep(report)

    assert [await clockwork.at(NOON + at) for at in (SECOND, 2 * SECOND, 3 * SECOND, DAY)] == [0, 1, 0, 1]
    assert (await clockwork.look(report)).state == "missed"

    family = await clockwork.family(report.family)
    family.receive(family.members[report.id], [Fact("seen", NOON + SECOND, clockwork.clock.now)])
    await clockwork.store.commit(family.decision())

    seen = await clockwork.look(report)
    assert (seen.state, seen.timers) == ("seen", ())
    assert [outcome for _, outcome in (await clockwork.family(report.family)).timeline(seen)] == [
        "applied", "ignored", "ignored",
    ]  # fmt: skip


async def test_a_timer_that_somebody_with_a_fast_clock_has_told_of_before_does_not_come_again(
    clockwork: Clockwork,
) -> None:
    report = an_errand(clockwork, "R-1", "report", "O-1")
    await clockwork.keep(report)
    family = await clockwork.family(report.family)
    family.receive(family.members[report.id], [Fact("after.1500", NOON + 2 * SECOND, NOON + SECOND)])
    await clockwork.store.commit(family.decision())

    assert [await clockwork.at(NOON + at) for at in (SECOND, 2 * SECOND, 3 * SECOND, 4 * SECOND)] == [0, 1, 0, 1]

    assert clockwork.history(report) == [
        ("after.1500", "awaited", "applied"),
        ("after.1500", "awaited", "refused"),
        ("after.3500", "missed", "applied"),
    ]


# Who cannot fire


async def test_whose_definition_is_gone_is_put_off_and_holds_up_nobody(clockwork: Clockwork) -> None:
    lost = [an_errand(clockwork, f"secret-{number}") for number in range(AT_ONCE + 1)]
    last = an_errand(clockwork, "E-1")
    await clockwork.keep(*lost, last)
    with closing(sqlite3.connect(clockwork.store.path)) as connection, connection:
        connection.execute("UPDATE instance SET version = 'gone', deadline = deadline - 1 WHERE key <> 'E-1'")
    clockwork.restart()

    with capture_logs() as logs:
        fired = [await clockwork.at(NOON + HOUR), await clockwork.at(NOON + HOUR + PUT_OFF - 1)]

    assert fired == [2, 0]
    assert (await clockwork.look(last)).state == "over"
    assert [(log["event"], log["definition"], log["error"], log["sessions"]) for log in logs] == [
        ("timers_cannot_fire", "errand", "UnknownInstance", len(lost))
    ]
    assert "secret" not in str(logs)
    assert f"waystate_timers_put_off {len(lost)}.0" in clockwork.metrics.render().decode()


async def test_who_was_put_off_is_tried_again_even_if_the_clock_was_put_back(clockwork: Clockwork) -> None:
    errand = an_errand(clockwork)
    await clockwork.keep(errand)
    with closing(sqlite3.connect(clockwork.store.path)) as connection, connection:
        connection.execute("UPDATE instance SET state = 'gone'")
    clockwork.restart()
    assert await clockwork.at(NOON + 30 * DAY) == 0
    with closing(sqlite3.connect(clockwork.store.path)) as connection, connection:
        connection.execute("UPDATE instance SET state = 'waiting'")
    clockwork.store._hot.clear()

    assert await clockwork.at(NOON + 30 * DAY) == 0
    assert await clockwork.at(NOON + HOUR) == 2


async def test_while_nothing_can_be_written_nothing_fires_and_nothing_is_lost(clockwork: Clockwork) -> None:
    errand = an_errand(clockwork)
    await clockwork.keep(errand)
    clockwork.store._writer.execute("PRAGMA query_only=ON")

    with pytest.raises(StoreUnavailable):
        await clockwork.at(NOON + DAY)

    assert clockwork.history(errand) == []
    clockwork.store._writer.execute("PRAGMA query_only=OFF")
    assert await clockwork.at(NOON + DAY) == 2


async def test_it_rests_until_the_next_timer_is_due_and_never_for_long(clockwork: Clockwork) -> None:
    assert await clockwork.keeper._rest() == PULSE

    await clockwork.keep(an_errand(clockwork))
    rests = []
    for at in (0, MINUTE - PULSE - 1, MINUTE - PULSE, MINUTE - 1, MINUTE, DAY):
        clockwork.clock.now = NOON + at
        rests.append(await clockwork.keeper._rest())

    assert rests == [PULSE, PULSE, PULSE, 1, 0, 0]


# A server keeps time by itself


async def until(server: Server, key: str, state: str) -> None:
    """Wait until a session is in that state: the server was not told to do anything."""
    async with asyncio.timeout(PATIENCE):
        while session(server, "purchase_interest", key)["state"] != state:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.01)


async def test_a_session_expires_though_nobody_comes_back(server: Server) -> None:
    key = a_minted_session(server)

    server.clock.move(3 * DAY + 7 * SECOND)
    await until(server, key, "expired")

    assert told(server, "waystate_timer_lateness_seconds_count") == {(): 1}
    assert told(server, "waystate_timer_lateness_seconds_sum") == {(): 7}


async def test_what_goes_wrong_does_not_end_the_timekeeping(server: Server) -> None:
    key = a_minted_session(server)

    with down(server), capture_logs() as logs:
        server.clock.move(3 * DAY)
        async with asyncio.timeout(PATIENCE):
            while not logs:  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0.01)
    assert [(log["event"], log["error"]) for log in logs[:1]] == [("timers_put_off", "StoreUnavailable")]

    await until(server, key, "expired")


def test_a_call_that_comes_when_its_time_is_over_leaves_nothing_to_fire(server: Server) -> None:
    phone = Handset(server, "personalised_offer")
    phone.open()
    server.clock.move(30 * DAY)

    late = phone.open()

    assert late.status == 427
    assert server.run(server.parts.timekeeper.fire_due) == 0
    ends = [row.event_id.partition("/")[0] for row in server.journal("personalised_offer", phone.token)][1:]
    assert ends == ["timer"]


# Ten thousand


async def failed_deliveries(clockwork: Clockwork, times: Sequence[int]) -> list[Instance]:
    """Return the cases of parcels that could not be delivered at these *times*; each customer was asked at once."""
    cases: list[Instance] = []
    decisions: list[Decision] = []
    for number, at in enumerate(times):
        family = Family(clockwork.catalogue.interpreter, (ORDER, f"O-{number}"), FamilyRecord(), at)
        family.open(ORDER, f"O-{number}", {}, at)
        shipment = family.open(SHIPMENT, f"O-{number}:T-1", {"tracking_id": "T-1", "leg": "forward"}, at)
        family.receive(shipment, [Fact("forward.failed_delivery", at, at, {"ndr_code": "NDRF001"})])
        (case,) = [member for member in family.members.values() if member.definition == NDR_CASE]
        family.apply(case, Event("asked", "customer_asked", at, at))
        cases.append(family.members[case.id])
        decisions.append(family.decision())
    await asyncio.gather(*(clockwork.store.commit(decision) for decision in decisions))
    return cases


async def sessions(clockwork: Clockwork, times: Sequence[int], life: int, *, opened: bool) -> list[Instance]:
    """Return sessions of a Flow that were minted at these *times*, and opened at once or never."""
    flow = clockwork.catalogue.flow("personalised_offer")
    steps = []
    for number, at in enumerate(times):
        minted = flow.open(f"token-{opened}-{number}", at, {}, life)
        if opened:
            event = Event("open", "INIT", at, at, {"to": flow.document.entries[0]})
            steps.append(flow.interpreter.step(minted, event))
        else:
            steps.append(flow.interpreter.note(minted, Event("mint", "minted", at, at), "minted"))
    await asyncio.gather(*(clockwork.store.commit(Decision(recorded_at=NOON, steps=(step,))) for step in steps))
    return [step.after for step in steps]


def jumps(chance: random.Random, end: int) -> Iterator[int]:
    """Yield times from noon to *end*, by jumps of a second, an hour and a day, both ways."""
    now = NOON
    while now < end:
        now += chance.choice((SECOND, HOUR, HOUR, 6 * HOUR, DAY, -SECOND, -HOUR, -DAY))
        yield now


async def test_ten_thousand_timers_each_fire_once_and_none_early(clockwork: Clockwork) -> None:
    chance = random.Random(4)  # noqa: S311 - the same times at every run
    times = [[NOON + chance.randrange(3 * DAY // SECOND) * SECOND for _ in range(each)] for each in (3000, 3000, 2000)]
    minted = await sessions(clockwork, times[0], 2 * DAY, opened=False)
    silent = await sessions(clockwork, times[1], 9 * DAY, opened=True)
    cases = await failed_deliveries(clockwork, times[2])
    expected = [
        *((*each.id, "expire", at + 2 * DAY) for each, at in zip(minted, times[0], strict=True)),
        *((*each.id, "abandon", at + 3 * DAY) for each, at in zip(silent, times[1], strict=True)),
        *((*each.id, timer.event, timer.at) for each in cases for timer in each.timers),
    ]

    fired, rounds = 0, 0
    for rounds, now in enumerate(jumps(chance, NOON + 7 * DAY), 1):
        fired += await clockwork.at(now)
        if rounds % 10 == 0:
            clockwork.restart()

    assert {tuple(timer.event for timer in each.timers) for each in cases} == {("after.reminder", "after.window")}
    assert rounds > 30
    assert fired == len(expected) == 10_000
    rows = select(
        clockwork.store,
        "SELECT definition, key, event, occurred_at, recorded_at FROM journal JOIN instance ON instance_id = id"
        " WHERE actor = 'timer'",
    )
    assert sorted(row[:4] for row in rows) == sorted(expected)
    assert [row for row in rows if row[4] < row[3]] == []
    assert select(clockwork.store, "SELECT count(*), count(DISTINCT instance_id) FROM effect WHERE name = ?", (
        "remind_customer",
    )) == [(2000, 2000)]  # fmt: skip
    states = select(clockwork.store, "SELECT state, count(*) FROM instance WHERE definition NOT IN (?, ?) GROUP BY 1", (
        ORDER, SHIPMENT,
    ))  # fmt: skip
    assert dict(states) == {"expired": 3000, "abandoned": 3000, "unsettled.expired": 2000}
