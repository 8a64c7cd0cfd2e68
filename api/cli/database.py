"""`waystate db`: the schema of the database."""

import os
import subprocess
import sys
from pathlib import Path

import click
from sqlalchemy.exc import DBAPIError

from api.cli.exits import configured
from api.settings import PREFIX, ConfigurationError, load_loosely
from storage import migrate
from storage.migrate import Schema
from storage.sqlite import DatabaseInUse, locked


@click.group()
def db() -> None:
    """Bring the database's schema up to date, and check it."""


@db.command()
@configured
def upgrade() -> None:
    """Create the database, or migrate it to this program's schema."""
    path = load_loosely(os.environ).database
    bring_up(path)
    click.echo(f"{path}: {Schema.CURRENT.value}")


@db.command("check")
@configured
def check_schema() -> None:
    """Tell whether the schema is this program's, and whether the tables are what it says."""
    path = load_loosely(os.environ).database
    try:
        found = migrate.schema(path)
    except (OSError, DBAPIError) as error:
        raise _unusable(path, error) from None
    click.echo(f"{path}: {found.value}")
    differences = migrate.drift(path) if found is Schema.CURRENT else []
    for difference in differences:
        click.echo(f"  {difference}")
    if differences or found is not Schema.CURRENT:
        raise SystemExit(1)


@db.command()
@click.argument("message")
def revision(message: str) -> None:
    """Write the migration from the last one's tables to those of storage/tables.py: for contributors."""
    written = migrate.revision(message)
    if written is None:
        click.echo("the migrations make the tables that the code describes: there is nothing to write")
        return
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", written], check=False)  # noqa: S603 - our file
    click.echo(f"{written}: read it before you trust it")


def standing(path: Path) -> Schema:
    """
    Return how the database at *path* stands to this program, unless that is why it cannot be used.

    Raises:
        ConfigurationError: it is newer, or no database that we can read.
    """
    try:
        found = migrate.schema(path)
    except (OSError, DBAPIError) as error:
        raise _unusable(path, error) from None
    if found is Schema.NEWER:
        what = "the database was made by a later version of this program, or by another one"
        fix = "use the version that made it, a backup from before, or another file"
        raise ConfigurationError(what, str(path), fix)
    return found


def bring_up(path: Path) -> None:
    """
    Create the database at *path*, or migrate it, unless its schema is this program's already.

    Raises:
        ConfigurationError: it is newer, in use, or cannot be read or written.
    """
    if standing(path) is Schema.CURRENT:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            migrate.upgrade(path)
    except DatabaseInUse:
        raise in_use(path) from None
    except (OSError, DBAPIError) as error:
        raise _unusable(path, error) from None


def in_use(path: Path) -> ConfigurationError:
    """Return what is wrong when another server has the database."""
    what = "another server has the database open"
    return ConfigurationError(what, str(path), f"stop it, or set {PREFIX}DATABASE_URL")


def _unusable(path: Path, error: OSError | DBAPIError) -> ConfigurationError:
    reason = error.orig if isinstance(error, DBAPIError) else error.strerror
    return ConfigurationError(f"the database cannot be used ({reason})", str(path), f"correct {PREFIX}DATABASE_URL")
