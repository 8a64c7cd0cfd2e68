"""
The lab beside the server: `waystate lab` on its own, and what `waystate serve --lab` gives it.

Rule 1: nothing of ours knows the lab but this module, which finds it by its name: it is an application that speaks
        HTTP, here as there.
Rule 2: what development sends goes to the lab, and to Meta or a courier only if a setting says so.
"""

import os
import secrets
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, cast

import click
import uvicorn
from msgspec.structs import replace

from api.app import Lab
from api.cli.exits import configured
from api.cli.server import DRAIN_SECONDS, Server
from api.keyring import KeyRing
from api.settings import LOOPBACK, ConfigurationError, Settings
from definitions.catalogue import Catalogue
from definitions.messages.document import Messages
from definitions.messages.wording import Wording

PORT = 8001
"""Where the lab listens when it is on its own; the server is beside it, on 8000."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on: one of this machine.")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="The port to listen on.")
@click.option("--server", help="The server's address. [WAYSTATE_PUBLIC_URL, else what it listens on]")
@configured
def lab(host: str, port: int, server: str | None) -> None:
    """
    Serve the stand-ins on their own: a phone, couriers, the Graph API.

    Its secrets are the server's: of the same WAYSTATE_ settings, or those that it made under var/ of this folder.
    """
    if host not in LOOPBACK:
        fix = f"choose one of {', '.join(sorted(LOOPBACK))}"
        raise ConfigurationError(
            "the lab holds every secret of its server: it is for this machine alone", "--host", fix
        )
    worlds, app = import_module("lab.world"), import_module("lab.app")
    try:
        known = worlds.world(environ={**os.environ, **({"WAYSTATE_PUBLIC_URL": server} if server else {})})
    except worlds.Unable as unable:
        raise ConfigurationError(str(unable), "var/", "be in the server's folder") from None
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/lab"
    served = app.Lab(known, address)
    click.echo(_told(address, known.url, served.smtp_url))
    config = uvicorn.Config(
        served,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    Server(config, served.hush).run()


def _told(address: str, server: str, smtp_url: str) -> str:
    """Return what the lab says when it begins."""
    return "\n".join(
        [
            f"The lab is at {address}  (stop it with Ctrl-C)",
            "",
            f"It tries the server at {server}. For that one's messages to come here, start it with",
            "",
            f"  WAYSTATE_GRAPH_URL={address}/graph WAYSTATE_ACCESS_TOKEN=lab WAYSTATE_SMTP_URL='{smtp_url}'",
            "",
        ]
    )


def with_lab(settings: Settings, catalogue: Catalogue, keys: KeyRing) -> tuple[Settings, Lab]:
    """
    Return the lab of a server, and *settings* for that: what they do not say otherwise is asked of the lab.

    With an access token of its own a server sends to Meta all the same. The *catalogue* is changed: couriers for which
    there is no token are called in the lab, and no message waits for a morning.
    """
    worlds, app = import_module("lab.world"), import_module("lab.app")
    address = f"{settings.listening_url}/lab"
    _bring_near(catalogue, settings, address)
    known: Any = worlds.World(
        url=settings.listening_url,
        app_secret=settings.app_secrets[0].decode(),
        admin_token=settings.admin_token,
        portal_token=settings.portal_token,
        courier_key=settings.couriers.get("generic", ""),
        public_key=keys.keys[0].public_pem,
        courier_keys=settings.couriers | _fresh(settings.couriers, catalogue.couriers),
        phone_number_id=min(settings.phone_numbers, default=worlds.PHONE_NUMBER_ID),
        waba_id=settings.waba_id or worlds.WABA_ID,
    )
    served = app.Lab(known, address)
    called = settings.called_couriers
    settings = replace(
        settings,
        courier_secrets=_pairs(known.courier_keys),
        courier_tokens=_pairs(called | _fresh(called, map(str.lower, catalogue.couriers))),
        smtp_url=settings.smtp_url or served.smtp_url,
    )
    if not settings.access_token:
        settings = replace(
            settings,
            graph_url=f"{address}/graph",
            access_token="lab",  # noqa: S106 - the lab's Graph API takes any token
            phone_number_id=settings.phone_number_id or known.phone_number_id,
            waba_id=known.waba_id,
        )
    return settings, cast("Lab", served)


def _bring_near(catalogue: Catalogue, settings: Settings, address: str) -> None:
    """Let couriers be called at *address* that have no token, and messages go out at any hour."""
    nearby = {
        name: replace(courier, url=f"{address}/courier/{name}/{{tracking_id}}")
        for name, courier in catalogue.couriers.items()
        if courier.actions and name.lower() not in settings.called_couriers
    }
    catalogue.couriers = {**catalogue.couriers, **nearby}
    accounts = {account: _awake(events) for account, events in catalogue.messages.accounts.items()}
    catalogue.messages = Messages(_awake(catalogue.messages.events), accounts)


def _awake(events: Mapping[str, Wording]) -> dict[str, Wording]:
    """Return how events are said at any hour: whoever tries something at night wants to see it come."""
    return {event: replace(wording, quiet_hours=None) for event, wording in events.items()}


def _fresh(known: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return a new secret for each of the *names* that has none."""
    return {name: secrets.token_urlsafe(24) for name in names if name not in known}


def _pairs(named: Mapping[str, str]) -> str:
    """Return secrets by their names as settings have them."""
    return ",".join(f"{name}={secret}" for name, secret in named.items())
