"""What can go wrong around a running server, for as long as a context lasts."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from engine.ports import Decision
from storage.sqlite import SAMPLES, SLOW_SYNC
from tests.api.serving import Server


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
    """Let the disk be full: not a page more."""
    writer = server.parts.store._writer
    pages = server.do(lambda: writer.execute("PRAGMA page_count").fetchone()[0])
    _pragma(server, f"max_page_count={pages}")
    yield
    _pragma(server, "max_page_count=1000000")


FAULTS: dict[str, Callable[[Server], AbstractContextManager[None]]] = {
    "down": down,
    "read-only": read_only,
    "full": full,
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


def _pragma(server: Server, pragma: str) -> None:
    server.do(lambda: server.parts.store._writer.execute(f"PRAGMA {pragma}").fetchall())
