"""What is counted, and how long sessions stay."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import storage.traffic
from engine.model import SECOND
from engine.ports import Version
from storage.queries import Queries
from storage.sqlite import SqliteStore
from storage.traffic import Count, EdgeCount, Funnel, Stage, Taken, Traffic
from tests.builders import NOON, a_decision, a_step, an_event, an_instance

A, B, C = "packed", "moving", "there"


async def go(store: SqliteStore, key: str, *way: tuple[str, str, int], **changes: Any) -> None:
    """Let a parcel go its way from where it begins: by which event, to which state, how many seconds after noon."""
    instance = replace(an_instance(key=key), **{"version": "v1", **changes})
    for number, (name, state, second) in enumerate(way):
        step = a_step(instance, an_event(name, f"e-{number}", NOON + second * SECOND), state=state)
        await store.commit(a_decision(step))
        instance = step.after


@pytest.fixture
async def traffic(shop: SqliteStore) -> None:
    """Let three parcels go their ways, and a letter of another definition."""
    await go(shop, "P-1", ("out", B, 10), ("in", C, 40))
    await go(shop, "P-2", ("out", B, 20), ("again", B, 25), ("home", A, 30), ("out", B, 31))
    await go(shop, "P-3", ("out", B, 60), ("lose", "lost", 70), version="v2")
    await go(shop, "L-1", ("out", B, 5), definition="letter")


@pytest.mark.usefixtures("traffic")
async def test_sessions_are_counted_by_their_states_and_edges_as_often_as_they_were_taken(queries: Queries) -> None:
    assert await queries.counts() == [
        Count("letter", B, 1),
        Count("parcel", "lost", 1),
        Count("parcel", B, 1),
        Count("parcel", C, 1),
    ]
    assert await queries.edges() == [
        EdgeCount("letter", A, "out", B, 1),
        EdgeCount("parcel", B, "again", B, 1),
        EdgeCount("parcel", B, "home", A, 1),
        EdgeCount("parcel", B, "in", C, 1),
        EdgeCount("parcel", B, "lose", "lost", 1),
        EdgeCount("parcel", A, "out", B, 4),
    ]


@pytest.mark.usefixtures("traffic")
async def test_traffic_says_where_sessions_are_how_they_went_and_how_long_they_stayed(queries: Queries) -> None:
    assert await queries.traffic("parcel") == Traffic(
        sessions={"lost": 1, B: 1, C: 1},
        edges=(
            Taken(B, "again", B, 1, 0.0),
            Taken(B, "home", A, 1, 1 / 3),
            Taken(B, "in", C, 1, 1 / 3),
            Taken(B, "lose", "lost", 1, 1 / 3),
            Taken(A, "out", B, 4, 1.0),
        ),
        seconds={B: 10.0, A: 15.0},  # 30, 10 and 10 there; 10, 20, 1 and 60 before
        sampled=3,
    )


@pytest.mark.usefixtures("traffic")
async def test_traffic_of_a_version_is_of_its_sessions_alone(queries: Queries) -> None:
    assert await queries.traffic("parcel", "v2") == Traffic(
        {"lost": 1}, (Taken(B, "lose", "lost", 1, 1.0), Taken(A, "out", B, 1, 1.0)), {B: 10.0, A: 60.0}, 1
    )


async def test_of_what_nobody_went_through_there_is_nothing_to_say(queries: Queries) -> None:
    assert await queries.traffic("parcel") == Traffic({}, (), {}, 0)
    assert await queries.funnel("parcel", [A, B]) == []


@pytest.mark.usefixtures("traffic")
async def test_stays_are_measured_on_the_newest(queries: Queries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.traffic, "SAMPLED", 1)

    measured = await queries.traffic("parcel")

    assert (measured.seconds, measured.sampled) == ({B: 10.0, A: 60.0}, 1)


async def test_what_came_out_of_order_says_nothing_of_a_stay(shop: SqliteStore, queries: Queries) -> None:
    await go(shop, "P-1", ("out", B, 100), ("in", C, 50), ("off", "gone", 70))

    assert (await queries.traffic("parcel")).seconds == {A: 100.0, C: 20.0}


@pytest.mark.usefixtures("traffic")
async def test_a_funnel_says_how_often_each_stage_was_entered_and_left(
    shop: SqliteStore, queries: Queries, database: Path
) -> None:
    await shop.save_version(Version("parcel", "v1", b"{}", b""))
    with closing(sqlite3.connect(database)) as connection:
        ((created_at,),) = connection.execute("SELECT created_at FROM definition_version").fetchall()

    assert await queries.funnel("parcel", [A, B, C]) == [
        Funnel("v1", created_at, (Stage(A, 3, 3, 0, 0, 0), Stage(B, 3, 1, 1, 0, 1), Stage(C, 1, 0, 0, 0, 1))),
        Funnel("v2", 0, (Stage(A, 1, 1, 0, 0, 0), Stage(B, 1, 0, 0, 1, 0), Stage(C, 0, 0, 0, 0, 0))),
    ]


async def test_the_pulse_beats_with_each_commit_and_with_nothing_else(shop: SqliteStore, queries: Queries) -> None:
    still = await queries.pulse()
    await queries.counts()
    assert await queries.pulse() == still

    await go(shop, "P-1", ("out", B, 10))
    assert await queries.pulse() != still
