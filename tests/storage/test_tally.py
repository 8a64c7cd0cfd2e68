"""What the tally says is what the sessions and the journal say, whatever was decided."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.model import Instance, Step
from engine.ports import Decision, Identity, Verdict
from storage.queries import Queries
from storage.sqlite import SqliteStore
from storage.tally import edges
from tests.builders import NOON, a_birth, a_decision, a_step, an_event, an_instance
from tests.contract.asking import select, together

STATES, VERSIONS, KEYS = ["packed", "moving", "there", ""], ["v1", "v2"], ["P-1", "P-2", "P-3"]


def there(store: SqliteStore) -> Counter[tuple[Any, ...]]:
    """Return how many sessions are in each state of each version, as the tally has it."""
    counted: Counter[tuple[Any, ...]] = Counter()
    for definition, version, source, target, taken in select(
        store, "SELECT definition, version, source, target, taken FROM tally"
    ):
        counted[definition, version, source] -= taken
        counted[definition, version, target] += taken
    return Counter({place: sessions for place, sessions in counted.items() if place[2] and sessions})


def recounted(store: SqliteStore) -> Counter[tuple[Any, ...]]:
    """Return the same as the sessions themselves have it."""
    asked = "SELECT definition, version, state, count(*) FROM instance WHERE state != '' GROUP BY 1, 2, 3"
    return Counter({tuple(place): sessions for *place, sessions in select(store, asked)})


moves = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from(["step", "steps", "touch"]),
    st.lists(st.tuples(st.sampled_from(STATES), st.sampled_from(VERSIONS)), min_size=3, max_size=3),
    st.integers(0, 4),
)
turns = st.lists(st.lists(moves, min_size=1, max_size=4), max_size=6)


def moved(known: Instance, kind: str, places: list[tuple[str, str]], identity: int) -> Decision:
    """Return a decision that moves an instance: by a step, by several (one from where none led), or silently."""
    after = known
    steps: list[Step] = []
    for state, version in places if kind == "steps" else places[:1]:
        before = replace(after, state=state) if len(steps) == 2 else after
        steps.append(a_step(before, an_event(f"to {state}"), state=state, version=version))
        after = steps[-1].after
    identities = (Identity("test", str(identity)),) if identity else ()
    if kind == "touch":
        return Decision(recorded_at=NOON, identities=identities, touched=((known, after),))
    return Decision(recorded_at=NOON, identities=identities, steps=tuple(steps))


@given(turns=turns)
@settings(max_examples=60, deadline=None)
def test_the_tally_is_what_the_sessions_say_whatever_was_decided_and_refused(
    empty_database: Path, turns: list[list[Any]]
) -> None:
    async def decide(store: SqliteStore) -> None:
        for turn in turns:
            known = dict(zip(KEYS, await store.load([("parcel", key) for key in KEYS]), strict=True))
            decisions = [moved(known[key] or an_instance(key=key), *move) for key, *move in turn]
            verdicts = await together(store, *decisions)
            assert {*verdicts} <= {*Verdict}
            assert there(store) == recounted(store)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "waystate.sqlite"
        path.write_bytes(empty_database.read_bytes())
        store = SqliteStore(path)
        asyncio.run(decide(store))
        store.close()


def test_a_birth_comes_from_nowhere_and_a_step_goes_its_way() -> None:
    step = a_birth(state="moving")

    assert [*edges(a_decision(step))] == [
        ("parcel", step.after.version, "", "", "packed"),
        ("parcel", step.after.version, "packed", "picked_up", "moving"),
    ]


def test_what_is_noted_is_a_loop() -> None:
    step = a_step(an_instance("moving"))

    assert [*edges(a_decision(step))] == [("parcel", step.after.version, "moving", "picked_up", "moving")]


def test_a_touch_that_moves_nothing_is_no_edge_and_one_that_does_has_no_event() -> None:
    known = an_instance("moving")

    assert [*edges(a_decision(touched=((known, replace(known, context={"a": 1})),)))] == []
    assert [*edges(a_decision(touched=((known, replace(known, state="there")),)))] == [
        ("parcel", known.version, "moving", "", "there")
    ]


def test_who_changes_the_version_leaves_the_one_and_enters_the_other() -> None:
    known = an_instance("moving")

    assert [*edges(a_decision(touched=((known, replace(known, version="new", state="there")),)))] == [
        ("parcel", known.version, "moving", "", ""),
        ("parcel", "new", "", "", "there"),
    ]


@pytest.mark.parametrize("copies", [1, 5])
async def test_an_event_that_comes_again_is_counted_once(database: Path, copies: int) -> None:
    store, queries = SqliteStore(database), Queries(database)
    born = a_decision(a_birth(state="moving"), identities=["e-1"])

    await together(store, *[born] * copies)
    await store.commit(born)

    assert [count.sessions for count in await queries.counts()] == [1]
    assert [(edge.event, edge.taken) for edge in await queries.edges()] == [("picked_up", 1)]
    store.close()
    queries.close()
