"""Where a server is put on trial: a production server on a real file in a folder of its own, and its peers' secrets."""

import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import httpx2

from api.keyring import generate
from bench.servers import SERVE, Server
from lab.world import World
from tests.crash.peers import Call

SECONDS = 60
"""A hang, for whoever calls."""

PORTS = range(20_000, 30_000)
"""Where a port is looked for: below those that systems give to callers, who could take it while the server is down."""

SECRETS = {
    "WAYSTATE_APP_SECRET": "an app secret of the crashes",
    "WAYSTATE_VERIFY_TOKEN": "a verify token of the crashes",
    "WAYSTATE_ADMIN_TOKEN": "an admin token of the crashes",
    "WAYSTATE_PORTAL_TOKEN": "a portal token of the crashes",
    "WAYSTATE_COURIER_SECRETS": "generic=a courier secret of the crashes",
    "WAYSTATE_DATA_KEY": "ZGF0YSBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXRlcyE=",
}
ACCOUNT = {"accountSlug": "dfc", "name": "Dhruv Foods", "timezone": "Asia/Kolkata"}

SERVE_ONLY = (*SERVE, "--no-worker")
"""Serves and delivers nothing: what is delivered is another trial's matter (tests/crash/deliveries.py)."""

SERVING = """
import sys
from api.cli import main
sys.argv = ["waystate", "serve", "--no-worker"]
main()
"""

SLOW_DISK = """
from storage import sqlite
sqlite.SLOW_SYNC, sqlite.SAMPLES = 0, 1
"""
"""Lets the first commit seem slow: all others are made in the thread that spares the event loop a slow disk."""


def altered(code: str) -> Sequence[str]:
    """Return what serves as `waystate serve --no-worker` does, after *code* has changed something about it."""
    return [sys.executable, "-c", code + SERVING]


class Place:
    """A folder with all that a production server needs, whose database is a copy of *empty_database*."""

    def __init__(self, folder: Path, empty_database: Path, random: Random) -> None:
        self.folder = folder
        self.database = folder / "data/waystate.db"
        self.database.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(empty_database, self.database)
        self.port = _free_port(random)
        self.world = World(
            url=f"http://127.0.0.1:{self.port}",
            app_secret=SECRETS["WAYSTATE_APP_SECRET"],
            admin_token=SECRETS["WAYSTATE_ADMIN_TOKEN"],
            portal_token=SECRETS["WAYSTATE_PORTAL_TOKEN"],
            courier_key=SECRETS["WAYSTATE_COURIER_SECRETS"].partition("=")[2],
            public_key=generate(folder / "keys", "").public_pem,
        )

    @property
    def host(self) -> str:
        """Return what calls have as their Host."""
        return f"127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings of what runs here."""
        places = {
            "WAYSTATE_PORT": str(self.port),
            "WAYSTATE_PRIVATE_KEY_FILE": str(self.folder / "keys"),
            "WAYSTATE_DATABASE_URL": f"sqlite:///{self.database}",
        }
        return {**SECRETS, **places}

    def start(self, command: Sequence[str] = SERVE_ONLY) -> Server:
        """Return a server that is coming up; whoever asked closes it."""
        return Server(command, self.folder, self.environment)

    def put_account(self) -> None:
        """Let the running server have the account that orders are put under."""
        self.ask("PUT", "/api/v1/accounts/1489", token=self.world.portal_token, json=ACCOUNT).raise_for_status()

    def make(self, call: Call, seconds: float = SECONDS) -> httpx2.Response:
        """Make a call of the running server, which may take so many *seconds*."""
        return self._request(call.method, call.path, content=call.body, headers=call.headers, timeout=seconds)

    def ask(self, method: str, path: str, *, token: str = "", json: object = None) -> httpx2.Response:
        """Ask the running server for something, with a bearer token if there is one."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._request(method, path, headers=headers, json=json, timeout=SECONDS)

    def _request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        # There are no certificates to verify, and to read the system's for each call would be most of its time.
        return httpx2.request(method, self.world.url + path, verify=False, trust_env=False, **options)


def _free_port(random: Random) -> int:
    for port in random.sample(PORTS, 100):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise LookupError
