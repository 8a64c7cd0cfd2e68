"""A store with what asks it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage.queries import Queries
from storage.sqlite import SqliteStore


@pytest.fixture
async def shop(database: Path) -> AsyncIterator[SqliteStore]:
    """Return a store on the test's own database."""
    store = SqliteStore(database)
    yield store
    store.close()


@pytest.fixture
def queries(database: Path) -> Iterator[Queries]:
    """Return what asks the same database."""
    asking = Queries(database)
    yield asking
    asking.close()
