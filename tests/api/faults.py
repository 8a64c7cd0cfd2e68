"""What can go wrong around a running server, for as long as a context lasts."""

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

from engine.errors import StorageFull
from engine.ports import Decision, Identity
from storage.sqlite import SAMPLES, SLOW_SYNC, SqliteStore
from tests.api.serving import Server

REFUSED_AT_LAST = 50
"""How many small things in a row a disk refuses that has no room for any."""


@contextmanager
def down(server: Server) -> Iterator[None]:
    """Let the database do nothing any more."""
    writer = server.parts.store._writer
    server.do(lambda: writer.set_progress_handler(lambda: 1, 1))
    yield
    server.do(lambda: writer.set_progress_handler(None, 1))


@contextmanager
def read_only(server: Server) -> Iterator[None]:
    """Let the database take nothing new, though it can be read."""
    _pragma(server, "query_only=ON")
    yield
    _pragma(server, "query_only=OFF")


@contextmanager
def full(server: Server) -> Iterator[None]:
    """Let the disk be full: not a page more, and no room in those that there are."""
    store = server.parts.store
    pages = server.do(lambda: store._writer.execute("PRAGMA page_count").fetchone()[0])
    _pragma(server, f"max_page_count={pages}")
    server.run(lambda: _fill(store))
    yield
    _pragma(server, "max_page_count=1000000")


@contextmanager
def busy(server: Server) -> Iterator[None]:
    """Let another program write to the database, for longer than anybody waits for it."""
    _pragma(server, "busy_timeout=20")
    with closing(sqlite3.connect(server.settings.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    _pragma(server, "busy_timeout=5000")


@contextmanager
def closed(server: Server, is_closed: Callable[[str], bool]) -> Iterator[None]:
    """Let those of the database's tables take nothing, and give up nothing, that are closed by their names."""
    writer = server.parts.store._writer

    def allow(action: int, table: str | None, *_: str | None) -> int:
        is_write = action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE)
        return sqlite3.SQLITE_DENY if is_write and is_closed(table or "") else sqlite3.SQLITE_OK

    server.do(lambda: writer.set_authorizer(allow))
    yield
    server.do(lambda: writer.set_authorizer(None))


Fault = Callable[[Server], AbstractContextManager[None]]

FAULTS: dict[str, Fault] = {
    "down": down,
    "read-only": read_only,
    "full": full,
    "busy": busy,
}


@contextmanager
def commits_held(server: Server) -> Iterator[Callable[[], None]]:
    """Hold up every commit until the function that is given is called, or the context ends; the loop goes on."""
    store = server.parts.store
    server.do(lambda: store._commit_seconds.extend([2 * SLOW_SYNC] * SAMPLES))
    server.run(lambda: store.commit(Decision(recorded_at=0)))
    assert store._in_thread
    store._writing.acquire()

    def release() -> None:
        if store._writing.locked():
            store._writing.release()

    yield release
    release()


async def _fill(store: SqliteStore) -> None:
    """Commit small things until none goes in, wherever its identity falls among the others."""
    refused = 0
    while refused < REFUSED_AT_LAST:
        try:
            await store.commit(Decision(identities=(Identity("faults", secrets.token_hex(32)),), recorded_at=0))
        except StorageFull:
            refused += 1


def _pragma(server: Server, pragma: str) -> None:
    server.do(lambda: server.parts.store._writer.execute(f"PRAGMA {pragma}").fetchall())
