"""The stores that must keep the port's promises."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from engine.ports import Decision, Store
from storage.memory import MemoryStore
from storage.sqlite import SAMPLES, SLOW_SYNC, SqliteStore


@asynccontextmanager
async def in_memory(_: Path) -> AsyncIterator[Store]:
    yield MemoryStore()


@asynccontextmanager
async def on_sqlite(database: Path) -> AsyncIterator[Store]:
    store = SqliteStore(database)
    yield store
    store.close()


@asynccontextmanager
async def on_sqlite_in_a_thread(database: Path) -> AsyncIterator[Store]:
    """Open a store that found the disk slow, so that its commits have left the event loop."""
    store = SqliteStore(database)
    store._commit_seconds.extend([2 * SLOW_SYNC] * SAMPLES)
    await store.commit(Decision(recorded_at=0))
    assert store._in_thread
    yield store
    store.close()


STORES: dict[str, Callable[[Path], AbstractAsyncContextManager[Store]]] = {
    "memory": in_memory,
    "sqlite": on_sqlite,
    "sqlite in a thread": on_sqlite_in_a_thread,
}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, database: Path) -> AsyncIterator[Store]:
    async with STORES[request.param](database) as opened:
        yield opened
