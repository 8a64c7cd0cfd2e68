"""`waystate worker`: delivers what a server owes that was started with `--no-worker`."""

import asyncio
import os
import signal
from contextlib import aclosing, suppress
from pathlib import Path

import click

from api import logs
from api.cli.exits import configured
from api.cli.serve import load_catalogue
from api.clock import system_clock
from api.delivery import Deliverer
from api.entry_codes import CodePost, open_post
from api.remote_outbox import RemoteOutbox
from api.senders import Senders
from api.settings import ConfigurationError, Settings, load_loosely
from engine.errors import StoreUnavailable
from storage.sqlite import DatabaseInUse, locked


@click.command()
@configured
def worker() -> None:
    """Deliver what the running server owes, until told to stop."""
    settings = load_loosely(os.environ)
    logs.configure(development=settings.development)
    load_catalogue(settings)  # with it, the code that composes and delivers authors' effects
    file = settings.database.with_name(f"{settings.database.stem}-worker.db")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = locked(file)
    except DatabaseInUse:
        raise ConfigurationError("another worker has its file", str(file), "stop that one first") from None
    with lock:
        asyncio.run(_work(settings, file))


async def _work(settings: Settings, file: Path) -> None:
    told = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, told.set)
    async with aclosing(RemoteOutbox(settings)) as outbox:
        with suppress(StoreUnavailable):  # a server that is not up yet is waited for, one that refuses is not
            await outbox.heads(limit=1)
        open_post(CodePost.of(settings))
        deliverer = Deliverer(outbox, Senders.of(settings, system_clock), file)
        await deliverer.start()
        click.echo(f"Waystate delivers what {settings.base_url} owes  (stop it with Ctrl-C)")
        await told.wait()
        await deliverer.stop()
