"""
Brings a database's schema to this program's, and tells whether it is there.

The migrations ship inside the package; `waystate db upgrade` runs them.
"""

from enum import Enum
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, inspect

from storage.tables import METADATA


class Schema(Enum):
    """How a database's schema stands to this program's."""

    CURRENT = "current"
    EMPTY = "empty"
    OLDER = "older"
    NEWER = "newer"
    """It was made by a later version of this program, or is not one of ours."""


def upgrade(path: Path) -> None:
    """Create or migrate the database file at *path*."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _engine(path).begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema(path: Path) -> Schema:
    """Return how the database file at *path* stands to this program."""
    if not path.exists():
        return Schema.EMPTY
    script = ScriptDirectory.from_config(_config())
    with _engine(path).connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        foreign = found is None and inspect(connection).get_table_names()
    if foreign:
        return Schema.NEWER
    if found is None:
        return Schema.EMPTY
    if found == script.get_current_head():
        return Schema.CURRENT
    try:
        script.get_revision(found)
    except CommandError:
        return Schema.NEWER
    return Schema.OLDER


def drift(path: Path) -> list[str]:
    """Return what the tables of the database at *path* have or lack against the code; nothing if they agree."""
    with _engine(path).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [str(difference) for difference in compare_metadata(context, METADATA)]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)  # a pool would keep the file open
    event.listen(engine, "connect", _use_our_transactions)
    event.listen(engine, "begin", _begin)
    return engine


def _use_our_transactions(connection: object, _: object) -> None:
    """Keep the driver from committing on its own before each DDL statement."""
    connection.isolation_level = None  # type: ignore[attr-defined]


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
