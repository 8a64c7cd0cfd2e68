"""
Brings a database's schema to this program's, and tells whether it is there.

The migrations ship inside the package; `waystate db upgrade` runs them.
"""

from argparse import Namespace
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, NullPool, create_engine, event, inspect

from storage.tables import METADATA

READING = "BEGIN"
"""How a transaction begins that only reads: a server that writes the file meanwhile does not wait for it."""

NOISE = "# ###"
"""What marks Alembic's own comments in a migration that it writes."""


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
    if not path.exists():
        path.touch(mode=0o600)  # what is in it is nobody else's to read; SQLite gives its other files the same mode
    with _engine(path, "BEGIN IMMEDIATE").begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema(path: Path) -> Schema:
    """Return how the database file at *path* stands to this program."""
    if not path.exists():
        return Schema.EMPTY
    script = ScriptDirectory.from_config(_config())
    with _engine(path, READING).connect() as connection:
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
    with _engine(path, READING).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [str(difference) for difference in compare_metadata(context, METADATA)]


def revision(message: str) -> Path | None:
    """
    Write the migration from the tables that the last one makes to those that the code describes.

    Returns:
        Its file, or None if there is nothing to migrate.
    """
    config = _config()
    last = ScriptDirectory.from_config(config).get_current_head() or "0"
    with TemporaryDirectory() as folder:
        made = Path(folder) / "made.db"
        upgrade(made)
        if not drift(made):
            return None
        with _engine(made, READING).connect() as connection:
            config.attributes["connection"] = connection
            written = command.revision(config, message, autogenerate=True, rev_id=f"{int(last) + 1:04}")
    file = Path(written.path)  # type: ignore[union-attr]  # it is a list only where migrations are split
    lines = [line for line in file.read_text().splitlines(keepends=True) if NOISE not in line]
    file.write_text("".join(lines))
    return file


def _config() -> Config:
    config = Config(cmd_opts=Namespace(quiet=True))
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def _engine(path: Path, begin: str) -> Engine:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)  # a pool would keep the file open
    event.listen(engine, "connect", _use_our_transactions)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _use_our_transactions(connection: object, _: object) -> None:
    """Keep the driver from committing on its own before each DDL statement."""
    connection.isolation_level = None  # type: ignore[attr-defined]
