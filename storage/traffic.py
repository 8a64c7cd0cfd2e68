"""
How many sessions are where, how they went there and how long they stayed: read from the tally (storage/tally.py).

Rule 1: no count reads sessions: it costs the same whether there are a thousand or a million.
Rule 2: how long sessions stay is measured on the newest of a definition, which are few enough to be read.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, func, select

from storage import tables
from storage.finding import Sought, newest
from storage.reading import Reading
from storage.tally import NO_EVENT, NOWHERE

INSTANCE = tables.table_of(tables.InstanceRow)
JOURNAL = tables.table_of(tables.JournalRow)
TALLY = tables.table_of(tables.TallyRow)
VERSION = tables.table_of(tables.VersionRow)

SAMPLED = 500
"""How many sessions of a definition it is measured on how long they stay: the newest."""

SAMPLED_STEPS = 20_000
"""How many steps of theirs are read at most."""

SECOND = 1_000_000

_COUNTED = TALLY.c.source != NOWHERE, TALLY.c.target != NOWHERE, TALLY.c.event != NO_EVENT
"""What tells an edge that an event took from what else moves sessions."""


class Count(Struct, frozen=True):
    """How many sessions of a definition are in a state."""

    definition: str
    state: str
    sessions: int


class EdgeCount(Struct, frozen=True):
    """How often an edge of a definition was taken."""

    definition: str
    source_state: str
    event: str
    target_state: str
    taken: int


class Taken(Struct, frozen=True):
    """How often an edge was taken, and its *share* of all that were taken out of its source; 0 for a loop."""

    source_state: str
    event: str
    target_state: str
    taken: int
    share: float


class Traffic(Struct, frozen=True):
    """
    What went on in a definition.

    *sessions* are how many are in each state now, *seconds* the median that the newest of them stayed in a state, of
    those states that one of them has left. It was measured on *sampled* sessions.
    """

    sessions: Mapping[str, int]
    edges: tuple[Taken, ...]
    seconds: Mapping[str, float]
    sampled: int


class Stage(Struct, frozen=True):
    """
    A state of a funnel, in times that it was entered, not in sessions: who goes back enters twice.

    *entered* it was from anywhere else, *onward* it was left to a later stage and *back* to an earlier one, *ended* it
    was left to a state that is no stage. *here* is how many sessions are there now.
    """

    state: str
    entered: int
    onward: int
    back: int
    ended: int
    here: int


class Funnel(Struct, frozen=True):
    """The stages of one version of a definition; *created_at* is since when the version is known, 0 if nobody knows."""

    version: str
    created_at: int
    stages: tuple[Stage, ...]


class TrafficQueries(Reading):
    """Asks for counts."""

    async def counts(self) -> list[Count]:
        """Return how many sessions are in each state."""
        there = await self._standing()
        return [Count(*place, sessions) for place, sessions in sorted(there.items()) if sessions]

    async def counts_by_definition(self) -> dict[str, dict[str, int]]:
        """Return how many sessions of each definition are in each of its states."""
        counted: dict[str, dict[str, int]] = {}
        for count in await self.counts():
            counted.setdefault(count.definition, {})[count.state] = count.sessions
        return counted

    async def edges(self) -> list[EdgeCount]:
        """Return how often each edge was taken."""
        grouped = TALLY.c.definition, TALLY.c.source, TALLY.c.event, TALLY.c.target
        asked = select(*grouped, func.sum(TALLY.c.taken)).where(*_COUNTED).group_by(*grouped).order_by(*grouped)
        return [EdgeCount(*row) for row in await self._rows(asked)]

    async def traffic(self, definition: str, version: str = "") -> Traffic:
        """Return what went on in a definition; an empty *version* is any."""
        of_version = (TALLY.c.version == version,) if version else ()
        here = TALLY.c.definition == definition, *of_version
        there = await self._standing(*here)
        grouped = TALLY.c.source, TALLY.c.event, TALLY.c.target
        asked = select(*grouped, func.sum(TALLY.c.taken)).where(*here, *_COUNTED).group_by(*grouped).order_by(*grouped)
        edges = [tuple(row) for row in await self._rows(asked)]
        seconds, sampled = await self._stays(definition, version)
        return Traffic(
            sessions={state: sessions for (_, state), sessions in sorted(there.items()) if sessions},
            edges=_shares(edges),
            seconds=seconds,
            sampled=sampled,
        )

    async def funnel(self, definition: str, stages: Sequence[str]) -> list[Funnel]:
        """
        Return how far the sessions of each version went, the newest version first.

        *stages* are the states that lead on to one another; to any other state is where a session ends without.
        """
        known = select(VERSION.c.version, VERSION.c.created_at).where(VERSION.c.name == definition)
        created = {version: at for version, at in await self._rows(known)}  # noqa: C416 - rows are no pairs to the types
        columns = TALLY.c.version, TALLY.c.source, TALLY.c.target, TALLY.c.taken
        asked = select(*columns).where(TALLY.c.definition == definition).order_by(TALLY.c.version)
        funnels = [
            Funnel(version, created.get(version, 0), tuple(_stages(stages, [tuple(row)[1:] for row in rows])))
            for version, rows in groupby(await self._rows(asked), key=lambda row: str(row[0]))
        ]
        return sorted(funnels, key=lambda funnel: (-funnel.created_at, funnel.version))

    async def _standing(self, *conditions: ColumnElement[bool]) -> dict[tuple[str, str], int]:
        """Return how many sessions are in each (definition, state)."""
        columns = TALLY.c.definition, TALLY.c.source, TALLY.c.target
        asked = select(*columns, func.sum(TALLY.c.taken)).where(*conditions).group_by(*columns)
        there: defaultdict[tuple[str, str], int] = defaultdict(int)
        for definition, source, target, taken in await self._rows(asked):
            there[definition, source] -= taken
            there[definition, target] += taken
        return {place: sessions for place, sessions in there.items() if place[1] != NOWHERE}

    async def _stays(self, definition: str, version: str) -> tuple[dict[str, float], int]:
        """Return the median seconds that the newest sessions stayed in each state, and how many sessions that were."""
        sought = Sought(definition, version, limit=SAMPLED)
        sample = await self._connected(lambda connection: newest(connection, sought))
        asked = (
            select(INSTANCE.c.id, INSTANCE.c.created_at, *(JOURNAL.c[name] for name in _STEP))
            .join(JOURNAL, JOURNAL.c.instance_id == INSTANCE.c.id)
            .where(INSTANCE.c.id.in_(sample))
            .order_by(INSTANCE.c.id.desc(), JOURNAL.c.seq)
            .limit(SAMPLED_STEPS)
        )
        stays: dict[str, list[float]] = {}
        sampled = 0
        for (_, born_at), steps in groupby(await self._rows(asked), key=lambda row: (row[0], row[1])):
            sampled += 1
            for state, stayed in _stays_of(born_at, [tuple(step)[2:] for step in steps]):
                stays.setdefault(state, []).append(stayed / SECOND)
        return {state: statistics.median(of_state) for state, of_state in sorted(stays.items())}, sampled


_STEP = "source_state", "target_state", "occurred_at"


def _stays_of(born_at: int, steps: list[tuple[Any, ...]]) -> Iterator[tuple[str, int]]:
    """Yield each state that a session has left, and how long it stayed; what came out of order tells nothing."""
    entered: int | None = born_at
    for source, target, at in steps:
        if source != target:
            if entered is not None and at >= entered:
                yield source, at - entered
            entered = at


def _shares(edges: Sequence[tuple[Any, ...]]) -> tuple[Taken, ...]:
    """Return edges with their shares of what left their sources."""
    left: defaultdict[str, int] = defaultdict(int)
    for source, _, target, taken in edges:
        left[source] += taken if source != target else 0
    return tuple(
        Taken(source, event, target, taken, taken / left[source] if source != target else 0.0)
        for source, event, target, taken in edges
    )


def _stages(stages: Sequence[str], edges: Sequence[tuple[Any, ...]]) -> Iterator[Stage]:
    """Yield what *edges*, as (source, target, times taken), say of each stage."""
    place = {state: number for number, state in enumerate(stages)}
    for state in stages:
        entered = sum(taken for source, target, taken in edges if target == state != source)
        left = [(target, taken) for source, target, taken in edges if source == state != target]
        onward = sum(taken for target, taken in left if place.get(target, -1) > place[state])
        back = sum(taken for target, taken in left if -1 < place.get(target, -1) < place[state])
        gone = sum(taken for _, taken in left)
        yield Stage(state, entered, onward, back, gone - onward - back, entered - gone)
