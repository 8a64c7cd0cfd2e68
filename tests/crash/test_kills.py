"""No `kill -9` under load loses or doubles anything, and whoever looks for that would see it."""

import re
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.crash import __main__ as program
from tests.crash.evidence import faults, read
from tests.crash.peers import Peer
from tests.crash.places import SLOW_DISK, altered
from tests.crash.trial import Trial

KILLS = 30
REPORT = re.compile(
    r"seed \d+: (\d+) kills, (\d+) calls answered; of those under way (\d+) were recorded, (\d+) were not\n"
)


def test_no_kill_under_load_loses_or_doubles_what_was_answered(capsys: pytest.CaptureFixture[str]) -> None:
    code = program.main(["--kills", str(KILLS)])

    told = capsys.readouterr().out
    counts = REPORT.fullmatch(told)
    assert code == 0, told
    assert counts is not None, told
    kills, answers, unheard, lost = map(int, counts.groups())
    assert kills == KILLS
    assert answers > 10 * KILLS, told
    assert unheard > 0 < lost, told  # else no kill came at a bad moment, and it showed nothing


def test_so_it_is_where_commits_are_made_in_a_thread(tmp_path: Path, empty_database: Path) -> None:
    report = Trial(tmp_path, empty_database, secrets.randbelow(2**32), altered(SLOW_DISK)).kill(6)

    assert not report.faults, str(report)
    assert report.answers > 0 < report.lost, str(report)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Trial:
    """Return a short trial that is over, with enough calls of every kind."""
    trial = Trial(tmp_path_factory.mktemp("trial"), empty_database, seed=7)
    report = trial.kill(2)
    assert not report.faults, str(report)
    return trial


LOSSES = {
    "a step is lost": "DELETE FROM journal WHERE {flow} AND seq = 2",
    "a last step is lost": "DELETE FROM journal WHERE {flow} AND seq = (SELECT max(seq) FROM journal WHERE {flow})",
    "a step is doubled": (
        "INSERT INTO journal SELECT instance_id, seq + 100, event, event_id, source_state, target_state, occurred_at,"
        " recorded_at, actor, inferred, outcome, data, effects FROM journal WHERE {flow} AND seq = 1"
    ),
    "a step went elsewhere": "UPDATE journal SET target_state = 'OFFER' WHERE {flow} AND seq = 2",
    "two steps are swapped": "UPDATE journal SET event_id = CASE seq WHEN 1 THEN '{second}' WHEN 2 THEN '{first}'"
    " ELSE event_id END WHERE {flow}",
    "a session stayed behind": "UPDATE instance SET state = 'PRODUCT_SELECTOR' WHERE id = {id}",
    "a session's revision was lost": "UPDATE instance SET revision = revision - 1 WHERE id = {id}",
    "an edge is lost": "DELETE FROM tally WHERE event = 'INIT'",
    "a session is lost": "DELETE FROM instance WHERE id = {id}",
    "a session is nobody's": (
        "INSERT INTO instance (id, definition, key, version, state, revision, entry, steps, path, context, family,"
        " deadline, timers, created_at, updated_at) SELECT 9999, definition, 'nobody', version, state, 0, entry, 0,"
        " path, context, family, deadline, timers, created_at, updated_at FROM instance WHERE id = {id}"
    ),
    "an identity is lost": "DELETE FROM inbox WHERE event_id = '{first}'",
    "an identity is nobody's": "INSERT INTO inbox (source, event_id, recorded_at) VALUES ('flow', 'nobody', 0)",
    "an answer is another step's": "UPDATE inbox SET revision = revision + 1 WHERE event_id = '{first}'",
    "a stored call is lost": "DELETE FROM delivery WHERE digest = (SELECT min(digest) FROM delivery)",
    "a stored call waits for ever": "UPDATE delivery SET status = 'received'",
    "an order is lost": "DELETE FROM order_document",
    "a courier's fact is lost": "DELETE FROM fact WHERE name = 'forward.packed'",
    "a courier's fact is doubled": "INSERT INTO fact SELECT instance_id, name, at + 1, 0, source, details FROM fact",
    "an effect is lost": "DELETE FROM effect WHERE name = 'alert_inquiry'",
    "an effect is doubled": (
        "INSERT INTO effect (key, number, instance_id, seq, name, status, reason, created_at, updated_at)"
        " SELECT key || '2', -number, instance_id, seq, name, status, reason, created_at, updated_at FROM effect"
    ),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_whatever_a_crash_could_do_to_the_database_would_be_seen(trial: Trial, tmp_path: Path, loss: str) -> None:
    damaged = _copy(trial, tmp_path)
    with closing(sqlite3.connect(damaged, isolation_level=None)) as connection:
        owner, first, second = connection.execute(
            "SELECT a.instance_id, a.event_id, b.event_id FROM journal a JOIN journal b USING (instance_id)"
            " JOIN instance ON id = instance_id"
            " WHERE definition = 'personalised_offer' AND a.seq = 1 AND b.seq = 2 AND steps > 2 LIMIT 1"
        ).fetchone()
        sql = loss.format(id=owner, flow=f"instance_id = {owner}", first=first, second=second)
        assert connection.execute(sql).rowcount > 0
    assert faults(read(_copy(trial, tmp_path)), trial.peers) == []

    assert faults(read(damaged), trial.peers)


def test_a_damaged_page_would_be_seen(trial: Trial, tmp_path: Path) -> None:
    damaged = _copy(trial, tmp_path)
    with closing(sqlite3.connect(damaged)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name LIKE 'ix_effect_status%'"
        ).fetchone()
    with damaged.open("r+b") as file:
        file.seek((page - 1) * 4096 + 8)
        file.write(b"\xff" * 64)

    assert {fault.partition(":")[0] for fault in read(damaged).broken} == {"a page of the file is damaged"}


def _forget(peer: Peer) -> None:
    peer.answers.append(b"an answer that nobody gave")


def _misread(peer: Peer) -> None:
    peer.hear(503, b"")


@pytest.mark.parametrize("lie", [_forget, _misread])
def test_an_answer_to_what_was_not_recorded_would_be_seen(
    empty_database: Path, tmp_path: Path, lie: Callable[[Peer], None]
) -> None:
    peer = Trial(tmp_path, empty_database, seed=7)._newcomer()
    evidence = read(empty_database)
    assert faults(evidence, [peer]) == []

    lie(peer)

    assert faults(evidence, [peer])


# A store that breaks its promise.
BROKEN_STORE = """
import asyncio
from msgspec.structs import replace
from engine.ports import Verdict
from storage.sqlite import SqliteStore

ours = SqliteStore.commit

def acknowledges_too_early(store, decision):
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, ours, store, decision)
    told = loop.create_future()
    told.set_result(Verdict.COMMITTED)
    return told

def forgets_steps(store, decision):
    return ours(store, replace(decision, steps=decision.steps[:1]))

SqliteStore.commit = {}
"""


@pytest.mark.parametrize("how", ["acknowledges_too_early", "forgets_steps"])
def test_a_store_that_breaks_its_promise_is_found_out(
    how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "Trial", partial(Trial, command=altered(BROKEN_STORE.format(how))))

    code = program.main(["--kills", "3", "--seed", "5"])

    first, second, *found = capsys.readouterr().out.splitlines()
    kept = re.fullmatch(r"\d+ FAULTS; the database is kept in (.+)", second)
    assert (code, first.startswith("seed 5: ")) == (1, True)
    assert kept is not None
    assert found
    assert Path(kept[1], "data/waystate.db").exists()
    shutil.rmtree(kept[1])


def _copy(trial: Trial, folder: Path) -> Path:
    """Return a copy of the trial's database; its server is gone, so that the write-ahead log is part of it."""
    folder = folder / str(len([*folder.iterdir()]))
    shutil.copytree(trial.place.database.parent, folder)
    return folder / trial.place.database.name
