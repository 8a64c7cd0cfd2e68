"""How tests ask a store: through the port and, for the journal and the effects that no port returns, from behind."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import msgspec
from msgspec import Struct

from engine.model import Instance
from engine.ports import Decision, Store, Verdict
from storage.memory import MemoryStore
from storage.sqlite import SqliteStore


class Journalled(Struct, frozen=True):
    """One row of the journal."""

    seq: int
    event: str
    event_id: str
    source_state: str
    target_state: str
    occurred_at: int
    actor: str
    inferred: int
    outcome: str
    data: dict[str, Any]
    effects: list[str]


class Recorded(Struct, frozen=True):
    """One effect's row."""

    name: str
    status: str
    reason: str


async def load(store: Store, *keys: str) -> list[Instance | None]:
    """Return the parcels of these keys; what a store remembers of them must be what it has written."""
    ids = [("parcel", key) for key in keys]
    found = await store.load(ids)
    if isinstance(store, SqliteStore):
        assert [store._load(instance_id) for instance_id in ids] == found
    return found


async def together(store: Store, *decisions: Decision) -> list[Verdict | BaseException]:
    """Commit *decisions* in one turn of the event loop."""
    return await asyncio.gather(*[store.commit(decision) for decision in decisions], return_exceptions=True)


def journal(store: Store, instance_id: tuple[str, str]) -> list[Journalled]:
    """Return an instance's steps, as they were journalled."""
    if isinstance(store, MemoryStore):
        return [
            Journalled(
                seq=step.after.steps,
                event=step.event.name,
                event_id=step.event.id,
                source_state=step.before.state,
                target_state=step.after.state,
                occurred_at=step.event.at,
                actor=step.event.actor,
                inferred=int(step.inferred),
                outcome=step.outcome,
                data=dict(step.event.data),
                effects=[effect.name for effect in step.effects],
            )
            for step in store.journal.get(instance_id, [])
        ]
    rows = select(
        store,
        "SELECT seq, event, event_id, source_state, target_state, occurred_at, actor, inferred, outcome, data, effects"
        " FROM journal WHERE instance_id = (SELECT id FROM instance WHERE definition = ? AND key = ?) ORDER BY seq",
        instance_id,
    )
    return [
        Journalled(*what, msgspec.json.decode(data), msgspec.json.decode(names))  # type: ignore[call-arg]  # as selected
        for *what, data, names in rows
    ]


def effects(store: Store) -> dict[str, Recorded]:
    """Return all effects by their keys."""
    if isinstance(store, MemoryStore):
        return {key: Recorded(effect.name, effect.status, effect.reason) for key, effect in store.effects.items()}
    return {key: Recorded(*row) for key, *row in select(store, "SELECT key, name, status, reason FROM effect")}


def select(store: Store, sql: str, parameters: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
    """Return what the database's file has, on a connection of its own that cannot write."""
    assert isinstance(store, SqliteStore)
    with closing(sqlite3.connect(f"file:{store.path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, parameters).fetchall()
