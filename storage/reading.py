"""
Reading connections: what staff and tools ask is asked on connections of its own, which cannot write.

Long questions run in a thread, so that nobody's Flow waits for them.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Select, create_engine, event, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from engine.errors import StoreUnavailable

Result = TypeVar("Result")


class Reading:
    """Reads one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._engine = _reading_engine(path)
        self._pulse: Connection | None = None
        self._feeling = threading.Lock()

    def close(self) -> None:
        """Close all connections."""
        if self._pulse is not None:
            self._pulse.close()
            self._pulse = None
        self._engine.dispose()

    async def pulse(self) -> int:
        """Return a number that is another one after each commit, by whomever: while it stays, nothing has changed."""

        def ask() -> int:
            with self._feeling:
                if self._pulse is None:  # the number means something to the connection that told it, and to no other
                    self._pulse = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                return int(self._pulse.exec_driver_sql("PRAGMA data_version").scalar_one())

        return await _in_thread(ask)

    async def _rows(self, asked: Select[*tuple[Any, ...]]) -> Sequence[Any]:
        return await self._connected(lambda connection: connection.execute(asked).fetchall())

    async def _connected(self, ask: Callable[[Connection], Result]) -> Result:
        def run() -> Result:
            with self._engine.connect() as connection:
                return ask(connection)

        return await _in_thread(run)


def texts(connection: Connection, column: ColumnElement[str], *conditions: ColumnElement[bool]) -> list[str]:
    """Return the texts that there are in a column with an index, each by a look at where the one before it ends."""
    there: list[str] = []
    first = select(column).where(*conditions).order_by(column).limit(1)
    found = connection.scalar(first)
    while found is not None:
        there.append(found)
        found = connection.scalar(first.where(column > found))
    return there


async def _in_thread(ask: Callable[[], Result]) -> Result:
    def run() -> Result:
        try:
            return ask()
        except SQLAlchemyError as error:
            raise StoreUnavailable from error

    return await asyncio.to_thread(run)


def _reading_engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", poolclass=QueuePool, pool_size=2, max_overflow=2)
    event.listen(engine, "connect", _only_read)
    return engine


def _only_read(connection: Any, _: object) -> None:
    """Keep a reading connection from writing and checkpointing: only the store's may (storage/sqlite.py, rule 4)."""
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA wal_autocheckpoint=0")
