"""What is SQLite's own; what every store promises is in tests/contract."""

import asyncio
import gc
import hashlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import storage.sqlite
from engine.errors import StorageFull, StoreUnavailable
from engine.model import Instance
from engine.ports import Answer, Decision, FamilyRecord, Identity, Receipt, Row, Verdict, Version
from storage.migrate import upgrade
from storage.sqlite import SAMPLES, SLOW_SYNC, DatabaseInUse, SqliteStore
from tests.builders import (
    NOON,
    Alias,
    a_birth,
    a_decision,
    a_fact,
    a_step,
    an_alias,
    an_event,
    an_instance,
    asking_for,
)
from tests.contract.asking import effects, journal, load, select, together

COMMITTED, DUPLICATE, STALE = Verdict.COMMITTED, Verdict.DUPLICATE, Verdict.STALE


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(database)
    yield opened
    opened.close()


@pytest.fixture
async def slow_store(store: SqliteStore) -> SqliteStore:
    """Return a store that found its disk slow, so that its commits have left the event loop."""
    store._commit_seconds.extend([2 * SLOW_SYNC] * SAMPLES)
    await store.commit(a_decision())
    assert store._in_thread
    return store


class Account(Row, frozen=True):
    """A merchant's account; its slug is unique."""

    table = "account"
    key = ("account_id",)

    account_id: str
    slug: str
    name: str
    timezone: str
    settings: str


def an_account(account_id: str, slug: Any) -> Account:
    return Account(account_id, slug, "Madhur Soaps", "Asia/Kolkata", "{}")


# The file


async def test_what_is_acknowledged_is_on_the_disk_before_anybody_hears_of_it(store: SqliteStore) -> None:
    assert store._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL

    await store.commit(a_decision(a_birth()))

    assert select(store, "SELECT key FROM instance") == [("P-7",)]


async def test_a_process_that_is_killed_loses_nothing_that_was_acknowledged(database: Path) -> None:
    program = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from storage.sqlite import SqliteStore\n"
        "from tests.builders import a_birth, a_decision\n"
        "async def main():\n"
        "    store = SqliteStore(Path(sys.argv[1]))\n"
        "    await store.commit(a_decision(a_birth()))\n"
        "    os._exit(9)\n"
        "asyncio.run(main())\n"
    )

    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program, str(database)], check=False, cwd=Path(__file__).parents[2]
    )
    store = SqliteStore(database)
    found = await load(store, "P-7")
    store.close()

    assert (killed.returncode, found) == (9, [a_birth().after])


async def test_a_second_server_is_kept_away_while_the_first_is_there(database: Path) -> None:
    store = SqliteStore(database)

    with pytest.raises(DatabaseInUse):
        SqliteStore(database)
    assert await store.commit(a_decision(a_birth())) is COMMITTED
    store.close()

    SqliteStore(database).close()


async def test_a_database_without_tables_is_unavailable_and_can_be_opened_once_it_has_them(tmp_path: Path) -> None:
    path = tmp_path / "waystate.sqlite"

    with pytest.raises(StoreUnavailable) as refused:
        SqliteStore(path)
    upgrade(path)
    can_be_opened = opens(path)

    # An error is kept for a while, and with it what was open when it was raised.
    del refused
    gc.collect()
    assert can_be_opened


async def test_a_file_that_is_no_database_is_unavailable_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "waystate.sqlite"
    path.write_bytes(b"a letter to Asha" * 100)

    with pytest.raises(StoreUnavailable):
        SqliteStore(path)

    gc.collect()  # would tell what was left open
    assert path.read_bytes() == b"a letter to Asha" * 100


def opens(path: Path) -> bool:
    """Tell whether a server can open the database now."""
    try:
        SqliteStore(path).close()
    except DatabaseInUse:
        return False
    return True


async def test_a_store_knows_its_path(store: SqliteStore, database: Path) -> None:
    assert store.path == database


async def test_opening_again_finds_everything_and_goes_on_counting(database: Path) -> None:
    store = SqliteStore(database)
    answer = Answer(200, None, b"body")
    born = asking_for(a_birth("P-1", family="O-1"), "notify")
    await store.commit(
        a_decision(
            born,
            a_birth("P-2"),
            identities=["e-1"],
            answer=answer,
            facts=((born.after.id, a_fact()),),
            put=(an_alias(),),
        )
    )
    await store.save_version(Version("parcel", "v1", b"{}", b"{}"))
    store.close()

    store = SqliteStore(database)
    assert await load(store, "P-1", "P-2") == [born.after, a_birth("P-2").after]
    assert await store.load_family("O-1") == FamilyRecord((born.after,), {born.after.id: (a_fact(),)})
    assert await store.recall([Identity("test", "e-1")]) == [Receipt(a_decision().recorded_at, answer)]
    assert await store.find(Alias) == [an_alias()]
    assert await store.versions() == [Version("parcel", "v1", b"{}", b"{}")]

    moved = a_step(born.after, an_event("arrived", "e-2"))
    assert await store.commit(a_decision(a_birth("P-3"), moved, identities=["e-1", "e-2"])) is DUPLICATE
    assert await store.commit(a_decision(a_birth("P-3"), moved, identities=["e-2"], answer=answer)) is COMMITTED
    assert await load(store, "P-1", "P-2", "P-3") == [moved.after, a_birth("P-2").after, a_birth("P-3").after]
    assert [(row.seq, row.event_id) for row in journal(store, born.after.id)] == [(1, "e-1"), (2, "e-2")]
    for table in ("instance", "inbox"):
        ids = [row_id for (row_id,) in select(store, f"SELECT id FROM {table} ORDER BY id")]  # noqa: S608
        assert len(ids) == len(set(ids))
    assert await store.recall([Identity("test", "e-2")]) == [Receipt(a_decision().recorded_at, answer)]
    store.close()


async def test_decisions_of_one_turn_share_one_transaction(store: SqliteStore) -> None:
    seen: list[str] = []
    store._writer.set_trace_callback(seen.append)

    await together(store, *(a_decision(a_birth(f"P-{number}"), identities=[f"e-{number}"]) for number in range(50)))

    assert [sql for sql in seen if sql in ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")] == ["BEGIN IMMEDIATE", "COMMIT"]


async def test_every_transaction_that_writes_begins_immediate(store: SqliteStore) -> None:
    seen: list[str] = []
    store._writer.set_trace_callback(seen.append)

    await store.commit(a_decision(a_birth()))
    await together(store, a_decision(a_birth()), a_decision(a_birth("P-8")))

    assert {sql for sql in seen if sql.startswith("BEGIN")} == {"BEGIN IMMEDIATE"}


# What cannot be written


async def test_a_full_disk_is_told_and_the_store_goes_on_when_there_is_room_again(store: SqliteStore) -> None:
    await store.commit(a_decision(a_birth("P-1")))
    [pages] = store._writer.execute("PRAGMA page_count").fetchone()
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    large = a_decision(
        asking_for(a_birth("P-2", context={"note": "x" * 100_000}), "notify"), identities=["e-2"], put=(an_alias(),)
    )

    with pytest.raises(StorageFull):
        await store.commit(large)

    assert await load(store, "P-1", "P-2") == [a_birth("P-1").after, None]
    assert await store.recall(large.identities) == [None]
    assert (effects(store), await store.find(Alias)) == ({}, [])

    store._writer.execute("PRAGMA max_page_count = 1000000")
    assert await store.commit(large) is COMMITTED
    assert await load(store, "P-2") == [large.steps[0].after]


async def test_a_full_disk_is_told_to_all_who_share_the_turn(store: SqliteStore) -> None:
    [pages] = store._writer.execute("PRAGMA page_count").fetchone()
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    births = [a_birth(f"P-{number}", context={"note": "x" * 100_000}) for number in (1, 2)]

    verdicts = await together(store, *(a_decision(birth) for birth in births))

    assert [type(verdict) for verdict in verdicts] == [StorageFull, StorageFull]
    assert await load(store, "P-1", "P-2") == [None, None]


@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "in the middle", "last"])
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(a_decision(a_birth("P-9", context={"what": object()})), id="a context that is not JSON"),
        pytest.param(a_decision(a_birth("P-9", context={"what": "\ud83d"})), id="half a character"),
        pytest.param(a_decision(a_birth("P-\ud83d")), id="half a character in a key"),
        pytest.param(a_decision(a_birth("P-9", updated_at=2**63)), id="a number too large"),
        pytest.param(a_decision(a_birth("P-9"), put=(an_account("a-9", "taken"),)), id="a value that must be unique"),
        pytest.param(a_decision(a_birth("P-9"), put=(an_account("a-9", None),)), id="a value that must be there"),
        pytest.param(a_decision(a_birth("P-9"), put=(an_account("a-9", ["x"]),)), id="a value of a wrong type"),
    ],
)
async def test_what_cannot_be_written_fails_alone(store: SqliteStore, broken: Decision, place: int) -> None:
    await store.commit(a_decision(put=(an_account("a-1", "taken"),)))
    sound = [asking_for(a_birth(f"P-{number}"), "notify") for number in (1, 2)]
    turn = [a_decision(step, identities=[step.after.key]) for step in sound]
    turn.insert(place, replace(broken, identities=(Identity("test", "broken"),)))

    verdicts = await together(store, *turn)

    failed = verdicts.pop(place)
    assert isinstance(failed, Exception)
    assert verdicts == [COMMITTED, COMMITTED]
    assert await load(store, "P-1", "P-2", "P-9") == [*(step.after for step in sound), None]
    assert await store.recall([Identity("test", "broken")]) == [None]
    assert len(effects(store)) == 2
    assert await store.commit(a_decision(a_birth("P-9"))) is COMMITTED


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda store: store.recall([Identity("test", "e-1")]), id="recall"),
        pytest.param(lambda store: store.load([("parcel", "P-7")]), id="load"),
        pytest.param(lambda store: store.load_family("O-1"), id="load_family"),
        pytest.param(lambda store: store.commit(a_decision(a_birth())), id="commit"),
        pytest.param(lambda store: store.find(Alias), id="find"),
        pytest.param(lambda store: store.save_version(Version("parcel", "v1", b"", b"")), id="save_version"),
        pytest.param(lambda store: store.versions(), id="versions"),
        pytest.param(lambda store: store.owed(["k-1"]), id="owed"),
        pytest.param(lambda store: store.heads(NOON, NOON, 10), id="heads"),
        pytest.param(lambda store: store.purge(answers_before=NOON, identities_before=NOON), id="purge"),
    ],
)
async def test_a_database_that_does_not_answer_is_unavailable_whatever_is_asked(
    database: Path, ask: Callable[[SqliteStore], Awaitable[object]]
) -> None:
    store = SqliteStore(database)
    store.close()

    with pytest.raises(StoreUnavailable):
        await ask(store)


async def test_a_database_that_another_program_holds_is_unavailable_and_nothing_is_half_written(
    store: SqliteStore,
) -> None:
    store._writer.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        verdicts = await together(store, a_decision(a_birth("P-1")), a_decision(a_birth("P-2")))
        assert [type(verdict) for verdict in verdicts] == [StoreUnavailable, StoreUnavailable]

        other.execute("ROLLBACK")
    assert await together(store, a_decision(a_birth("P-1")), a_decision(a_birth("P-2"))) == [COMMITTED, COMMITTED]


# What grows old


async def test_bodies_grow_old_before_identities_do(store: SqliteStore) -> None:
    answers = [Answer(200, None, b"body", "parcel", "P-7", number) for number in range(4)]
    answers[2] = Answer(200, b"a digest", None, "parcel", "P-7", 2)
    for number, answer in enumerate(answers):
        await store.commit(a_decision(identities=[f"e-{number}"], answer=answer, recorded_at=NOON + number))
    identities = [Identity("test", f"e-{number}") for number in range(4)]

    await store.purge(answers_before=NOON + 3, identities_before=NOON + 1)

    assert await store.recall(identities) == [
        None,
        Receipt(NOON + 1, replace(answers[1], body=None, digest=hashlib.sha256(b"body").digest())),
        Receipt(NOON + 2, answers[2]),
        Receipt(NOON + 3, answers[3]),
    ]


async def test_what_is_forgotten_can_be_committed_again(store: SqliteStore) -> None:
    await store.commit(a_decision(identities=["e-1"], recorded_at=NOON))
    await store.purge(answers_before=0, identities_before=NOON + 1)

    assert await store.commit(a_decision(identities=["e-1"], recorded_at=NOON + 2)) is COMMITTED
    assert await store.recall([Identity("test", "e-1")]) == [Receipt(NOON + 2)]


async def test_much_is_purged_in_small_bites_between_which_others_commit(
    monkeypatch: pytest.MonkeyPatch, store: SqliteStore
) -> None:
    monkeypatch.setattr(storage.sqlite, "PURGED_AT_ONCE", 2)
    old = [a_decision(identities=[f"e-{number}"], recorded_at=NOON) for number in range(7)]
    await together(store, *old)

    purging = asyncio.create_task(store.purge(answers_before=NOON + 1, identities_before=NOON + 1))
    await asyncio.sleep(0)
    assert await store.commit(a_decision(identities=["new"], recorded_at=NOON + 2)) is COMMITTED
    assert not purging.done()
    await purging
    await store.purge(answers_before=NOON + 1, identities_before=NOON + 1)

    assert select(store, "SELECT event_id FROM inbox") == [("new",)]


async def test_after_a_purge_new_identities_still_get_ids_of_their_own(database: Path) -> None:
    store = SqliteStore(database)
    answer = Answer(200, None, b"body")
    await store.commit(a_decision(identities=["e-1"], answer=answer, recorded_at=NOON))
    await store.purge(answers_before=NOON + 1, identities_before=NOON + 1)
    store.close()

    store = SqliteStore(database)
    await store.commit(a_decision(identities=["e-2"], answer=answer, recorded_at=NOON + 2))
    recalled = await store.recall([Identity("test", "e-1"), Identity("test", "e-2")])
    store.close()

    assert recalled == [None, Receipt(NOON + 2, answer)]


# What it remembers


@pytest.mark.parametrize(
    "value", [("a", "b"), datetime(2026, 1, 1, tzinfo=UTC), b"raw", {1: "one"}], ids=lambda value: type(value).__name__
)
async def test_an_instance_is_the_same_whether_it_is_remembered_or_read(store: SqliteStore, value: object) -> None:
    await store.commit(a_decision(a_birth(context={"value": value})))

    [remembered] = await store.load([("parcel", "P-7")])

    assert remembered == store._load(("parcel", "P-7"))


async def test_of_two_instances_remembered_the_one_written_last_is_there_longer(
    monkeypatch: pytest.MonkeyPatch, store: SqliteStore
) -> None:
    monkeypatch.setattr(storage.sqlite, "HOT", 2)
    births = {key: a_birth(key) for key in ("P-1", "P-2", "P-3")}
    for key in ("P-1", "P-2"):
        await store.commit(a_decision(births[key]))

    await store.commit(a_decision(a_step(births["P-1"].after)))
    await store.commit(a_decision(births["P-3"]))

    assert [key for _, key in store._hot] == ["P-1", "P-3"]
    assert None not in await load(store, *births)


async def test_what_was_not_committed_is_not_remembered(store: SqliteStore) -> None:
    born = a_birth()
    await store.commit(a_decision(born, identities=["e-1"]))
    moved = a_step(born.after, context={"refused": True})

    assert await store.commit(a_decision(moved, identities=["e-1"])) is DUPLICATE
    assert await load(store, "P-7") == [born.after]


async def test_a_large_family_is_loaded_though_the_memory_of_row_ids_starts_afresh_on_the_way(
    monkeypatch: pytest.MonkeyPatch, database: Path
) -> None:
    monkeypatch.setattr(storage.sqlite, "REMEMBERED_ROWS", 3)
    store = SqliteStore(database)
    births = [a_birth(f"P-{number}", family="O-1") for number in range(10)]
    facts = tuple((birth.after.id, a_fact()) for birth in births)
    await store.commit(a_decision(*births, facts=facts))

    try:
        record = await store.load_family("O-1")
    finally:
        store.close()

    assert record == FamilyRecord(tuple(birth.after for birth in births), {owner: (fact,) for owner, fact in facts})


async def test_instances_are_written_though_their_row_ids_were_forgotten(
    monkeypatch: pytest.MonkeyPatch, store: SqliteStore
) -> None:
    monkeypatch.setattr(storage.sqlite, "REMEMBERED_ROWS", 2)
    births = [a_birth(f"P-{number}") for number in range(5)]
    await store.commit(a_decision(*births))
    moved = [a_step(birth.after, state="moving") for birth in births]

    assert await store.commit(a_decision(*moved)) is COMMITTED
    assert await load(store, *(step.after.key for step in moved)) == [step.after for step in moved]


async def test_no_more_row_ids_are_remembered_than_that(monkeypatch: pytest.MonkeyPatch, store: SqliteStore) -> None:
    monkeypatch.setattr(storage.sqlite, "REMEMBERED_ROWS", 3)

    for number in range(10):
        await store.commit(a_decision(a_birth(f"P-{number}")))
        assert len(store._row_ids) <= 3


# In a thread


async def test_how_long_a_commit_took_is_known(store: SqliteStore) -> None:
    await store.commit(a_decision(a_birth()))

    [seconds] = store._commit_seconds
    assert 0 < seconds < 1


async def test_commits_stay_in_the_loop_where_the_disk_is_fast(store: SqliteStore) -> None:
    store._commit_seconds.extend([SLOW_SYNC / 2] * SAMPLES)

    await store.commit(a_decision())

    assert not store._in_thread


async def test_a_few_slow_commits_do_not_make_a_disk_slow(store: SqliteStore) -> None:
    store._commit_seconds.extend([2 * SLOW_SYNC] * (SAMPLES - 2))

    await store.commit(a_decision())

    assert not store._in_thread


async def test_where_the_disk_is_slow_commits_leave_the_loop_and_reading_gets_a_connection_that_cannot_write(
    slow_store: SqliteStore,
) -> None:
    threads: list[int] = []
    slow_store._writer.set_trace_callback(lambda _: threads.append(threading.get_ident()))

    assert await slow_store.commit(a_decision(a_birth())) is COMMITTED
    slow_store._writer.set_trace_callback(None)

    assert threads
    assert threading.get_ident() not in threads
    assert await load(slow_store, "P-7") == [a_birth().after]
    assert slow_store._reader.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        slow_store._reader.execute("DELETE FROM instance")


async def test_what_gathers_while_the_thread_commits_is_committed_next_and_together(slow_store: SqliteStore) -> None:
    in_commit, may_go_on = threading.Event(), threading.Event()
    seen: list[str] = []

    def watch(sql: str) -> None:
        seen.append(sql)
        if sql == "COMMIT" and seen.count("COMMIT") == 1:
            in_commit.set()
            may_go_on.wait(5)

    slow_store._writer.set_trace_callback(watch)
    first = slow_store.commit(a_decision(a_birth("P-0")))
    await asyncio.to_thread(in_commit.wait, 5)
    others = [slow_store.commit(a_decision(a_birth(f"P-{number}"))) for number in range(1, 20)]
    read_meanwhile = await load(slow_store, "P-0")
    may_go_on.set()

    assert await asyncio.gather(first, *others) == [COMMITTED] * 20
    slow_store._writer.set_trace_callback(None)
    assert read_meanwhile == [None]
    assert seen.count("COMMIT") == 2
    assert None not in await load(slow_store, *(f"P-{number}" for number in range(20)))


async def test_a_full_disk_is_told_from_the_thread_too(slow_store: SqliteStore) -> None:
    [pages] = slow_store._writer.execute("PRAGMA page_count").fetchone()
    slow_store._writer.execute(f"PRAGMA max_page_count = {pages}")
    large = a_decision(a_birth(context={"note": "x" * 100_000}))

    with pytest.raises(StorageFull):
        await slow_store.commit(large)
    slow_store._writer.execute("PRAGMA max_page_count = 1000000")

    assert await slow_store.commit(large) is COMMITTED


async def test_a_version_saved_while_the_thread_commits_does_not_share_that_transactions_fate(
    slow_store: SqliteStore,
) -> None:
    born = a_birth()
    await slow_store.commit(a_decision(born))
    await slow_store.commit(a_decision(a_step(born.after)))
    # Something that keeps the transaction busy for a while, and in no need of Python: a disk, but for the noise.
    slow_store._writer.execute(
        "CREATE TEMP TRIGGER slowly BEFORE INSERT ON inbox BEGIN"
        " SELECT count(*) FROM (WITH RECURSIVE counting(n) AS"
        " (SELECT 1 UNION ALL SELECT n + 1 FROM counting WHERE n < 400000) SELECT n FROM counting);"
        " END"
    )
    versions = [Version("parcel", f"v{number}", b"{}", b"{}") for number in range(4)]
    # Several times, for it is a race that a store without care loses mostly but not always.
    for version in versions:
        stale = asyncio.ensure_future(slow_store.commit(a_decision(a_step(born.after), identities=[version.version])))
        await asyncio.sleep(0.02)
        await slow_store.save_version(version)
        assert await stale is STALE

    assert await slow_store.versions() == versions


async def test_closing_closes_the_reading_connection_too(slow_store: SqliteStore) -> None:
    slow_store.close()

    for connection in (slow_store._reader, slow_store._writer):
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("SELECT 1")


async def test_reading_while_the_thread_writes_never_sees_half_a_decision(slow_store: SqliteStore) -> None:
    births = [a_birth(f"P-{number}", family="O-1") for number in range(5)]
    await slow_store.commit(a_decision(*births))
    running = True

    async def write() -> None:
        nonlocal running
        instances: list[Instance] = [birth.after for birth in births]
        for number in range(60):
            steps = [a_step(instance, an_event(event_id=f"e-{number}")) for instance in instances]
            assert await slow_store.commit(a_decision(*steps)) is COMMITTED
            instances = [step.after for step in steps]
        running = False

    async def read() -> set[int]:
        widths = set()
        while running:
            record = await slow_store.load_family("O-1")
            widths.add(len({instance.revision for instance in record.instances}))
            await asyncio.sleep(0)
        return widths

    _, widths = await asyncio.gather(write(), read())

    assert widths == {1}


async def test_times_of_the_store_are_those_of_the_decision(store: SqliteStore) -> None:
    await store.commit(a_decision(asking_for(a_birth(), "notify"), identities=["e-1"], recorded_at=NOON + 5))

    for sql in (
        "SELECT recorded_at FROM journal",
        "SELECT recorded_at FROM inbox",
        "SELECT created_at FROM effect",
        "SELECT updated_at FROM effect",
    ):
        assert select(store, sql) == [(NOON + 5,)]


async def test_what_belongs_to_an_instance_hangs_on_its_row(store: SqliteStore) -> None:
    born = asking_for(a_step(an_instance()), "notify")
    await store.commit(a_decision(a_birth("P-1"), a_birth("P-2")))
    await store.commit(a_decision(born, facts=((born.after.id, a_fact()),)))

    [(row_id,)] = select(store, "SELECT id FROM instance WHERE key = 'P-7'")
    assert select(store, "SELECT instance_id, seq FROM effect") == [(row_id, 1)]
    assert select(store, "SELECT instance_id FROM fact") == [(row_id,)]
