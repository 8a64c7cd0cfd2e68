"""
What staff and tools ask of the database: lists, histories, counts. It only reads, on connections of its own.

Long questions run in a thread, so that nobody's Flow waits for them.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, Select, create_engine, event, func, or_, select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from engine.errors import StoreUnavailable
from engine.model import EffectStatus
from storage import tables

INSTANCE = tables.table_of(tables.InstanceRow)
JOURNAL = tables.table_of(tables.JournalRow)
EFFECT = tables.table_of(tables.EffectRow)
DELIVERY = tables.table_of(tables.DeliveryRow)
ALIAS = tables.table_of(tables.AliasRow)

Result = TypeVar("Result")


class Session(Struct, frozen=True):
    """An instance as lists show it; times are in microseconds."""

    id: int
    definition: str
    version: str
    key: str
    state: str
    revision: int
    deadline: int | None
    created_at: int
    updated_at: int


class JournalItem(Struct, frozen=True):
    """A step as it was recorded."""

    seq: int
    event: str
    source_state: str
    target_state: str
    occurred_at: int
    recorded_at: int
    actor: str
    inferred: bool
    outcome: str
    data: dict[str, Any]
    effects: list[str]


class EffectItem(Struct, frozen=True):
    """An effect with the session that asked for it."""

    key: str
    definition: str
    session: str
    name: str
    status: EffectStatus
    reason: str
    created_at: int
    updated_at: int


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


class Queries:
    """Reads one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._engine = _reading_engine(path)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    async def sessions(self, definition: str, state: str, text: str, before: int | None, limit: int) -> list[Session]:
        """
        Return sessions, the newest first, at most *limit*; those after a cursor have an id smaller than *before*.

        An empty *definition* or *state* is any. *text* is a key, the beginning of one, or another name of a session.
        """
        asked = select(*(INSTANCE.c[name] for name in Session.__struct_fields__)).order_by(INSTANCE.c.id.desc())
        if definition:
            asked = asked.where(INSTANCE.c.definition == definition)
        if state:
            asked = asked.where(INSTANCE.c.state == state)
        if text:
            named = select(ALIAS.c.definition, ALIAS.c.instance_key).where(ALIAS.c.value == text)
            begins = INSTANCE.c.key.startswith(text, autoescape=True)
            asked = asked.where(or_(begins, tuple_(INSTANCE.c.definition, INSTANCE.c.key).in_(named)))
        if before is not None:
            asked = asked.where(INSTANCE.c.id < before)
        return [Session(*row) for row in await self._rows(asked.limit(limit))]

    async def history(self, definition: str, key: str) -> list[JournalItem]:
        """Return the steps of a session, in order."""
        names = JournalItem.__struct_fields__
        asked = (
            select(*(JOURNAL.c[name] for name in names))
            .join(INSTANCE, INSTANCE.c.id == JOURNAL.c.instance_id)
            .where(INSTANCE.c.definition == definition, INSTANCE.c.key == key)
            .order_by(JOURNAL.c.seq)
        )
        return [_journal_item(dict(zip(names, row, strict=True))) for row in await self._rows(asked)]

    async def effects(
        self, *, effect_id: str = "", status: str = "", definition: str = "", key: str = "", limit: int = 200
    ) -> list[EffectItem]:
        """Return effects, the oldest first; an empty *effect_id*, *status* or *definition* is any."""
        asked = (
            select(
                EFFECT.c.key, INSTANCE.c.definition, INSTANCE.c.key, EFFECT.c.name, EFFECT.c.status, EFFECT.c.reason,
                EFFECT.c.created_at, EFFECT.c.updated_at,
            )
            .join(INSTANCE, INSTANCE.c.id == EFFECT.c.instance_id)
            .order_by(EFFECT.c.created_at, EFFECT.c.key)
            .limit(limit)
        )  # fmt: skip
        if effect_id:
            asked = asked.where(EFFECT.c.key == effect_id)
        if status:
            asked = asked.where(EFFECT.c.status == status)
        if definition:
            asked = asked.where(INSTANCE.c.definition == definition, INSTANCE.c.key == key)
        return [EffectItem(*row) for row in await self._rows(asked)]

    async def counts(self) -> list[Count]:
        """Return how many sessions are in each state."""
        grouped = INSTANCE.c.definition, INSTANCE.c.state
        asked = select(*grouped, func.count()).group_by(*grouped).order_by(*grouped)
        return [Count(*row) for row in await self._rows(asked)]

    async def edges(self) -> list[EdgeCount]:
        """Return how often each edge was taken."""
        grouped = INSTANCE.c.definition, JOURNAL.c.source_state, JOURNAL.c.event, JOURNAL.c.target_state
        asked = (
            select(*grouped, func.count())
            .join(INSTANCE, INSTANCE.c.id == JOURNAL.c.instance_id)
            .group_by(*grouped)
            .order_by(*grouped)
        )
        return [EdgeCount(*row) for row in await self._rows(asked)]

    async def calls_done_before(self, before: int, limit: int) -> list[str]:
        """Return the hashes of webhook calls that came before that time and are done, the oldest first."""
        asked = (
            select(DELIVERY.c.digest)
            .where(DELIVERY.c.status == "processed", DELIVERY.c.received_at < before)
            .order_by(DELIVERY.c.received_at)
            .limit(limit)
        )
        return [digest for (digest,) in await self._rows(asked)]

    async def quarantined(self) -> int:
        """Return how many webhook calls wait for people to look at them."""
        rows = await self._rows(select(func.count()).where(DELIVERY.c.status == "quarantined"))
        return int(rows[0][0])

    async def _rows(self, asked: Select[*tuple[Any, ...]]) -> Sequence[Any]:
        return await self._in_thread(lambda connection: connection.execute(asked).fetchall())

    async def _in_thread(self, ask: Callable[[Connection], Result]) -> Result:
        def run() -> Result:
            try:
                with self._engine.connect() as connection:
                    return ask(connection)
            except SQLAlchemyError as error:
                raise StoreUnavailable from error

        return await asyncio.to_thread(run)


def _journal_item(row: dict[str, Any]) -> JournalItem:
    decoded = {name: msgspec.json.decode(row[name]) for name in ("data", "effects")}
    return JournalItem(**{**row, **decoded, "inferred": bool(row["inferred"])})


def _reading_engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", poolclass=QueuePool, pool_size=2, max_overflow=2)
    event.listen(engine, "connect", _only_read)
    return engine


def _only_read(connection: Any, _: object) -> None:
    """Keep a reading connection from writing and checkpointing: only the store's may (storage/sqlite.py, rule 4)."""
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA wal_autocheckpoint=0")
