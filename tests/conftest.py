"""What the tests of several folders need."""

from pathlib import Path

import pytest

from storage.migrate import upgrade


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
