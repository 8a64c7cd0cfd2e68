"""`waystate db`: the schema of the database."""

import os

import click

from api.cli.exits import configured
from api.settings import ConfigurationError, load_loosely
from storage import migrate


@click.group()
def db() -> None:
    """Bring the database's schema up to date, and check it."""


@db.command()
@configured
def upgrade() -> None:
    """Create the database, or migrate it to this program's schema."""
    path = load_loosely(os.environ).database
    if migrate.schema(path) is migrate.Schema.NEWER:
        fix = "use the version of this program that made it, or a backup from before"
        raise ConfigurationError("the database's schema is newer than this program", str(path), fix)
    migrate.upgrade(path)
    click.echo(f"{path}: current")


@db.command("check")
@configured
def check_schema() -> None:
    """Tell whether the schema is this program's, and whether the tables are what it says."""
    path = load_loosely(os.environ).database
    found = migrate.schema(path)
    click.echo(f"{path}: {found.value}")
    differences = migrate.drift(path) if found is migrate.Schema.CURRENT else []
    for difference in differences:
        click.echo(f"  {difference}")
    if differences or found is not migrate.Schema.CURRENT:
        raise SystemExit(1)
