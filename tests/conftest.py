"""What the tests of several folders need."""

import gc
from pathlib import Path

import pytest

from api.cli import GC_THRESHOLDS
from storage.migrate import upgrade


def pytest_collection_finish() -> None:
    """Look no more for garbage in what is imported, and seldom in the rest: it takes a quarter of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database file with all tables and no rows, to be copied: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite"
    upgrade(path)
    return path


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> Path:
    """Return a database file of the test's own."""
    path = tmp_path / "waystate.sqlite"
    path.write_bytes(empty_database.read_bytes())
    return path
