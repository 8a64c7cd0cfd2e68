"""`waystate doctor`: looks at everything that has to be right, and names what is not."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import click
from msgspec import Struct

from api.cli.check import refusals
from api.cli.database import standing
from api.cli.serve import load_catalogue
from api.keyring import load_keys
from api.settings import PREFIX, ConfigurationError, Settings, load, load_loosely, unknown
from engine.errors import DefinitionError
from storage import migrate

WAL_SAFE = (3, 51, 3)
"""From here on SQLite no longer corrupts a WAL file that two connections write at once."""

LOW_DISK = 0.05


class Verdict(Struct, frozen=True):
    """What was found out about one thing."""

    thing: str
    status: Literal["ok", "warn", "FAIL"]
    message: str


@click.command()
def doctor() -> None:
    """Check keys, secrets, database, definitions and disk; exit 1 if something has to be mended."""
    failed = False
    for verdict in _examine():
        failed |= verdict.status == "FAIL"
        click.echo(f"{verdict.status:<5} {verdict.thing:<12} {verdict.message}")
    if failed:
        raise SystemExit(1)


def _examine() -> Iterator[Verdict]:
    try:
        settings = load_loosely(os.environ)
        if not settings.development:
            load(os.environ)  # here, what production lacks is missed
    except ConfigurationError as error:
        yield Verdict("settings", "FAIL", str(error))
        return
    yield Verdict("settings", "ok", settings.env)
    for name in unknown(os.environ):
        yield Verdict("settings", "warn", f"{name} is no setting; see `waystate --help`")
    if not settings.data_key:
        yield Verdict("settings", "warn", f"{PREFIX}DATA_KEY is not set: raw webhook bodies are kept unencrypted")
    yield from _keys(settings)
    yield from _definitions(settings)
    yield from _database(settings)
    yield from _disk(settings)


def _keys(settings: Settings) -> Iterator[Verdict]:
    try:
        for key in load_keys(settings).keys:
            yield Verdict("keys", "ok", f"{key.name}, public key {key.fingerprint}")
    except ConfigurationError as error:
        yield Verdict("keys", "FAIL", str(error))


def _definitions(settings: Settings) -> Iterator[Verdict]:
    try:
        catalogue = load_catalogue(settings)
    except ConfigurationError as error:
        cause = error.__cause__
        for line in refusals(cause) if isinstance(cause, DefinitionError) else [str(error)]:
            yield Verdict("definitions", "FAIL", line)
        return
    yield Verdict("definitions", "ok", ", ".join(catalogue.documents))
    for document in catalogue.documents.values():
        for problem in document.problems:
            yield Verdict("definitions", "warn", f"{document.name}{problem.pointer}: {problem.message}")


def _database(settings: Settings) -> Iterator[Verdict]:
    try:
        found = standing(settings.database)
    except ConfigurationError as error:
        yield Verdict("database", "FAIL", str(error))
        return
    if found is migrate.Schema.CURRENT:
        drift = migrate.drift(settings.database)
        yield Verdict("database", "FAIL" if drift else "ok", "; ".join(drift) or str(settings.database))
    else:
        status: Literal["warn", "FAIL"] = "warn" if settings.development else "FAIL"
        yield Verdict("database", status, f"{settings.database} is {found.value}; run `waystate db upgrade`")
    yield from _unwritable(settings.database)
    if sqlite3.sqlite_version_info < WAL_SAFE:
        yield Verdict(
            "database", "ok", f"SQLite {sqlite3.sqlite_version}: only one process may open the file, as we do"
        )


def _unwritable(database: Path) -> Iterator[Verdict]:
    """Find what the server must be able to write: the file, and its folder, where the log and the lock are."""
    for place in (database.parent, database, database.with_name(f"{database.name}.lock")):
        if place.exists() and not os.access(place, os.W_OK):
            yield Verdict("database", "FAIL", f"{place} cannot be written to; let the server's user write there")


def _disk(settings: Settings) -> Iterator[Verdict]:
    folder = settings.database.parent
    if folder.exists():
        usage = shutil.disk_usage(folder)
        free = usage.free / usage.total
        yield Verdict("disk", "warn" if free < LOW_DISK else "ok", f"{free:.0%} free")
