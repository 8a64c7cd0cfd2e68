"""
`waystate doctor`: looks at everything that has to be right, and names what is not.

What it cannot look at, for want of a token or an address, it says it skipped: that is no failure.
"""

import os
import shutil
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import click
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct

from api.cli.check import refusals
from api.cli.database import standing
from api.cli.endpoint import Diagnosis, examine
from api.cli.graph import asked, told
from api.cli.keys import VALID
from api.cli.serve import load_catalogue
from api.graph import Graph, PublicKey, Subscription
from api.graph_errors import GraphFailure
from api.keyring import KeyRing, load_keys
from api.settings import PREFIX, ConfigurationError, Settings, load, load_loosely, unknown
from definitions.catalogue import Catalogue
from engine.errors import DefinitionError
from storage import migrate

WAL_SAFE = (3, 51, 3)
"""From here on SQLite no longer corrupts a WAL file that two connections write at once."""

LOW_DISK = 0.05


class Verdict(Struct, frozen=True):
    """What was found out about one thing."""

    thing: str
    status: Literal["ok", "skip", "warn", "FAIL"]
    message: str


@click.command()
def doctor() -> None:
    """Check keys, secrets, database, definitions, disk, Graph and endpoint; exit 1 if something has to be mended."""
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
    keys = yield from _keys(settings)
    catalogue = yield from _definitions(settings)
    yield from _database(settings)
    yield from _disk(settings)
    yield from _graph(settings, keys)
    yield from _endpoint(settings, keys, catalogue)


def _keys(settings: Settings) -> Generator[Verdict, None, KeyRing | None]:
    try:
        ring = load_keys(settings)
    except ConfigurationError as error:
        mistakes = dict.fromkeys(pem_mistake(text, settings.passphrase) for text in _private_texts(settings))
        yield Verdict("keys", "FAIL", "; ".join([str(error), *filter(None, mistakes)]))
        return None
    for key in ring.keys:
        yield Verdict("keys", "ok", f"{key.name}, public key {key.fingerprint}")
    return ring


def _private_texts(settings: Settings) -> Iterator[str]:
    """Yield the texts that are to be private keys, as far as they can be read."""
    if settings.private_key:
        yield settings.private_key.replace("\\n", "\n")  # as the key ring reads it
        return
    path = Path(settings.private_key_file)
    for file in sorted(path.glob("*.pem")) if path.is_dir() else [path]:
        with suppress(OSError):
            yield file.read_text(errors="replace")


def pem_mistake(text: str, passphrase: str = "") -> str:
    """Return what is wrong with a private key's text, if it cannot be read and the mistake is a usual one."""
    try:
        load_pem_private_key(text.encode(), passphrase.encode() if "ENCRYPTED" in text and passphrase else None)
    except TypeError:  # it is encrypted, and there is no passphrase: the key ring says so
        return ""
    except (ValueError, UnsupportedAlgorithm):
        return _usual_mistake(text)
    return ""


def _usual_mistake(text: str) -> str:
    if "-----BEGIN" not in text:
        return "it is not PEM: the text between -----BEGIN and -----END, those lines included"
    if "\\n" in text:
        return r"its line ends are written as \n: make them lines"
    if "PUBLIC KEY" in text or "CERTIFICATE" in text:
        return "it is the public half, which Meta has: the endpoint needs the private one"
    if "OPENSSH" in text:
        return "it has OpenSSH's form: make it PEM with `ssh-keygen -p -m PEM -f FILE`"
    return f"it is encrypted, and not with this {PREFIX}PASSPHRASE" if "ENCRYPTED" in text else ""


def _definitions(settings: Settings) -> Generator[Verdict, None, Catalogue | None]:
    try:
        catalogue = load_catalogue(settings)
    except ConfigurationError as error:
        cause = error.__cause__
        for line in refusals(cause) if isinstance(cause, DefinitionError) else [str(error)]:
            yield Verdict("definitions", "FAIL", line)
        return None
    yield Verdict("definitions", "ok", ", ".join(catalogue.documents))
    for document in catalogue.documents.values():
        for problem in document.problems:
            yield Verdict("definitions", "warn", f"{document.name}{problem.pointer}: {problem.message}")
    return catalogue


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


# What Meta has of us


def _graph(settings: Settings, keys: KeyRing | None) -> Iterator[Verdict]:
    """Compare what Meta has with what we have: the numbers' keys, the account's webhooks."""
    if not settings.access_token:
        yield Verdict("graph", "skip", f"skipped: {PREFIX}ACCESS_TOKEN is not set")
        return
    yield from _public_keys(settings, keys)
    yield from _webhooks(settings)


def _public_keys(settings: Settings, keys: KeyRing | None) -> Iterator[Verdict]:
    if keys is None or not settings.phone_numbers:
        why = "the private key cannot be used" if keys is None else f"{PREFIX}PHONE_NUMBER_ID is not set"
        yield Verdict("public key", "skip", f"skipped: {why}")
        return

    async def kept(graph: Graph) -> dict[str, PublicKey]:
        return {number: await graph.public_key(number) for number in sorted(settings.phone_numbers)}

    try:
        found = asked(settings, kept)
    except (GraphFailure, ConfigurationError) as failure:
        yield _failed("public key", failure)
        return
    for number, public in found.items():
        mistake = key_mistake(public, keys)
        yield Verdict("public key", "FAIL" if mistake else "ok", f"{number}: {mistake or keys.keys[0].fingerprint}")


def key_mistake(public: PublicKey, keys: KeyRing) -> str:
    """Return what is wrong with the public key that Meta has for a number, or nothing."""
    upload = "run `waystate keys upload`"
    text = public.pem.replace("\\n", "\n")
    if not text:
        return f"Meta has no public key for it; {upload}"
    holder = next((key for key in keys.keys if key.public_pem.split() == text.split()), None)
    if "\\n" in public.pem:
        return rf"the line ends of Meta's key are written as \n; {upload}"
    if "BEGIN PUBLIC KEY" not in text:
        return f"Meta's key is not of the form -----BEGIN PUBLIC KEY----- (SPKI); {upload}"
    if holder is None:
        return f"Meta has another public key than any of ours: its calls get 421; {upload}"
    if public.signature_status != VALID:
        return f"Meta has our key, but says {public.signature_status or 'nothing'} of its signature; {upload}"
    if holder is not keys.keys[0]:
        return f"Meta has an older key, {holder.name}: it opens calls as long as it is in the ring; {upload}"
    return ""


def _webhooks(settings: Settings) -> Iterator[Verdict]:
    if not settings.waba_id:
        yield Verdict("webhooks", "skip", f"skipped: {PREFIX}WABA_ID is not set")
        return

    async def subscribed(graph: Graph) -> tuple[Subscription, ...]:
        return await graph.subscriptions(settings.waba_id)

    try:
        found = asked(settings, subscribed)
    except (GraphFailure, ConfigurationError) as failure:
        yield _failed("webhooks", failure)
        return
    if not found:
        fix = "in Meta's App Dashboard, WhatsApp, Configuration: set the callback, subscribe to messages and flows"
        yield Verdict("webhooks", "FAIL", f"no app is subscribed to the account: nothing arrives; {fix}")
    ours = f"{settings.public_url.rstrip('/')}/webhooks/whatsapp"
    for each in found:
        who = each.app.name or each.app.id or "an app"
        if each.callback and settings.public_url and each.callback != ours:
            yield Verdict("webhooks", "warn", f"{who} gets them at {each.callback}, which is not {ours}")
        else:
            yield Verdict(
                "webhooks", "ok", f"{who} is subscribed; that it is to messages and flows, its dashboard says"
            )


def _failed(thing: str, failure: GraphFailure | ConfigurationError) -> Verdict:
    return Verdict(thing, "FAIL", told(failure) if isinstance(failure, GraphFailure) else str(failure))


def _endpoint(settings: Settings, keys: KeyRing | None, catalogue: Catalogue | None) -> Iterator[Verdict]:
    """Ping our own endpoint at the address that Meta calls."""
    wants = {
        f"{PREFIX}PUBLIC_URL is not set": not settings.public_url,
        f"{PREFIX}APP_SECRET is not set": not settings.app_secrets,
        "the private key cannot be used": keys is None,
        "the definitions are wrong": catalogue is None,
    }
    missing = [what for what, is_missing in wants.items() if is_missing]
    if keys is None or catalogue is None or missing:
        yield Verdict("endpoint", "skip", f"skipped: {missing[0]}")
        return
    for name in catalogue.flows:
        if not catalogue.flow(name).document.has_endpoint:
            continue
        url = f"{settings.public_url.rstrip('/')}/flows/{name}"
        found, status = examine(url, keys.keys, settings.app_secrets)
        said = f" (HTTP {status})" if found is Diagnosis.STATUS else ""
        yield Verdict("endpoint", "ok" if found is Diagnosis.WELL else "FAIL", f"{url} {found.value}{said}")
