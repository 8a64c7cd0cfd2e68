"""`waystate serve`: checks everything, then serves."""

import gc
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
import uvicorn

from api import logs
from api.app import Parts, application, assemble
from api.cli.database import bring_up, in_use, standing
from api.cli.exits import configured
from api.cli.lab import with_lab
from api.cli.server import DRAIN_SECONDS, Server
from api.clock import system_clock
from api.delivery import Deliverer
from api.flow_protocol import protocol_for
from api.keyring import KeyRing, generate, load_keys
from api.senders import Senders
from api.settings import KEYS_FOLDER, PREFIX, ConfigurationError, Settings, is_made, load, make_missing
from definitions.author_code import UNLOADABLE
from definitions.catalogue import Catalogue
from engine.errors import DefinitionError, StoreError
from storage.migrate import Schema
from storage.sqlite import DatabaseInUse

KEEP_ALIVE_SECONDS = 75


@click.command()
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--workers", type=click.IntRange(1), help="Worker processes.")
@click.option("--no-worker", is_flag=True, help="Deliver nothing: `waystate worker` does it, apart.")
@click.option("--lab", is_flag=True, help="Have the lab at /lab, with sample orders to try things on.")
@configured
def serve(host: str | None, port: int | None, workers: int | None, *, no_worker: bool, lab: bool) -> None:
    """Serve until told to stop."""
    given = {"HOST": host, "PORT": port, "WORKERS": workers}
    environ = {**os.environ, **{f"{PREFIX}{name}": str(value) for name, value in given.items() if value is not None}}
    if lab and environ.get(f"{PREFIX}ENV") != "development":  # before what production lacks is missed
        fix = f"leave it away, or set {PREFIX}ENV=development"
        raise ConfigurationError("the lab is for development", "--lab", fix)
    settings = prepared(load(environ))
    logs.configure(development=settings.development)
    catalogue = load_catalogue(settings)
    keys = load_keys(settings)
    listener = _listen(settings)
    settings = msgspec.structs.replace(settings, port=listener.getsockname()[1])
    own, beside = settings, None
    if lab:
        settings, beside = with_lab(own, catalogue, keys)
    channels = None if no_worker else Senders.of(settings, system_clock)
    parts = _assembled(settings, catalogue, keys)

    def started() -> None:
        click.echo(_banner(own, keys, lab=lab))
        if no_worker:
            click.echo("Nothing leaves until `waystate worker` runs beside it.")
        if lab:
            _start_lab(settings)

    def ending() -> None:
        parts.live.hush()
        if beside is not None:
            beside.hush()

    file = settings.database.with_name(f"{settings.database.stem}-delivery.db")
    deliverer = None if channels is None else Deliverer(parts.outbox, channels, file)
    door = application(parts, deliverer=deliverer, lab=beside)
    config = uvicorn.Config(
        door,
        http=protocol_for(door),
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    _Server(config, started, ending).run(sockets=[listener])


class _Server(Server):
    """Tells when it takes calls."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config, ending)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is there by now stays; looking through it again and again for garbage costs calls their time.
        gc.collect()
        gc.freeze()
        if self.started:
            self._tell()


def prepared(settings: Settings) -> Settings:
    """
    Return *settings* with everything there that they speak of; development makes it, production must have it.

    Raises:
        ConfigurationError: the database's schema is not this program's.
    """
    if settings.development:
        settings = make_missing(settings)
        if settings.private_key_file == str(KEYS_FOLDER) and not list(KEYS_FOLDER.glob("*.pem")):
            generate(KEYS_FOLDER, settings.passphrase)
    if settings.development:
        bring_up(settings.database)
    elif standing(settings.database) is not Schema.CURRENT:
        what = "the database's schema is not there yet or older than this program"
        raise ConfigurationError(what, str(settings.database), "run `waystate db upgrade`")
    return settings


def load_catalogue(settings: Settings) -> Catalogue:
    """
    Return all definitions.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    for folder in settings.definition_folders:
        if not folder.is_dir():
            raise ConfigurationError("there is no such folder", f"{PREFIX}DEFINITIONS={folder}", "correct the path")
    try:
        return Catalogue.load(settings.definition_folders)
    except DefinitionError as error:
        raise _refused(error) from error


def _refused(error: DefinitionError) -> ConfigurationError:
    """Return why nothing starts, in a line: the first of what is wrong, and what tells the rest."""
    first, *others = error.problems
    file = error.name.partition(":")[0]
    more = f" (and {len(others)} more)" if others else ""
    if first.code == UNLOADABLE:
        return ConfigurationError(f"a definition's code cannot be loaded: {first.message}", error.name, "correct it")
    if Path(file).suffix == ".py":
        all_of_it = f"; `waystate doctor` tells all {len(error.problems)}" if others else ""
        return ConfigurationError(f"the logic is wrong: {first.message}{more}", error.name, f"correct it{all_of_it}")
    what = f"a definition is wrong: {first.pointer or '/'}: {first.message}{more}"
    return ConfigurationError(what, error.name, f"see `waystate check {file}`")


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen()  # at once: of two that are bound to one port, the second hears of it only here
    except (OSError, UnicodeError) as error:
        listener.close()
        where = f"{settings.host}:{settings.port}"
        fix = f"choose another with {PREFIX}PORT or --port, or stop what listens there"
        what = f"cannot listen there ({getattr(error, 'strerror', error)})"
        raise ConfigurationError(what, where, fix) from None
    return listener


def _assembled(settings: Settings, catalogue: Catalogue, keys: KeyRing) -> Parts:
    try:
        return assemble(settings, catalogue, keys)
    except DatabaseInUse:
        raise in_use(settings.database) from None
    except (OSError, StoreError) as error:
        what = f"the database cannot be opened ({error.__cause__ or error})"
        raise ConfigurationError(what, str(settings.database), "see `waystate doctor`") from None


def _banner(settings: Settings, keys: KeyRing, *, lab: bool) -> str:
    """Return what a server says when it is up; development shows what it made."""
    address = settings.base_url
    lines = [f"Waystate serves at {address}  (stop it with Ctrl-C)"]
    if settings.development:

        def shown(name: str, secret: str = "") -> str:
            return secret or getattr(settings, name) if is_made(settings, name) else "as the environment says"

        couriers = ", ".join(f"{name} {secret}" for name, secret in settings.couriers.items())
        lines += [
            "",
            *([f"  Start here         {address}/", f"  Lab                {address}/lab"] if lab else []),
            f"  Flow endpoint      {address}/flows/personalised_offer",
            f"  WhatsApp webhook   {address}/webhooks/whatsapp",
            f"  Addresses          {address}/schema",
            "",
            "Made for development, kept in var/:",
            f"  admin token        {shown('admin_token')}",
            f"  portal token       {shown('portal_token')}",
            f"  courier keys       {shown('courier_secrets', couriers)}",
            f"  app secret         {shown('app_secret')}",
            f"  verify token       {shown('verify_token')}",
            f"  endpoint key       {keys.keys[0].name}, {keys.keys[0].fingerprint}",
            "",
            "Try next, in another terminal:",
            "  .venv/bin/python -m lab walk personalised_offer   a customer walks the offer, as a phone does",
            "  .venv/bin/python -m lab order                     an order fails to arrive, is resolved, arrives",
            "  .venv/bin/waystate sessions list                  what was kept of all that",
        ]
    return "\n".join(lines)


def _start_lab(settings: Settings) -> None:
    """Let the lab put its sample orders, over HTTP like everybody else."""
    environ = {**os.environ, "WAYSTATE_PUBLIC_URL": settings.listening_url}
    environ["WAYSTATE_PORTAL_TOKEN"] = settings.portal_token
    environ["WAYSTATE_ADMIN_TOKEN"] = settings.admin_token
    command = [sys.executable, "-m", "lab", "welcome"]
    subprocess.Popen(command, env=environ, cwd=Path.cwd(), stdout=subprocess.DEVNULL)  # noqa: S603 - our own module
