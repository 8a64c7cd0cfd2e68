"""
The command line as its user has it: in a folder of their own, with the settings they gave and no others.

What ends by itself runs in our process; what serves runs in one of its own.
"""

import os
import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from click.testing import CliRunner
from msgspec import Struct

from api.cli import main
from api.settings import PREFIX
from bench.servers import SERVE, Server, serving, without_settings

SECONDS = 60

SECRETS = {
    "APP_SECRET": "app-secret-5f1c",
    "VERIFY_TOKEN": "verify-token-9a20",
    "ADMIN_TOKEN": "admin-token-77be",
    "PORTAL_TOKEN": "portal-token-13d4",
    "COURIER_SECRETS": "generic=courier-secret-e0c8",
    "PASSPHRASE": "passphrase-4bb7",
    "DATA_KEY": "ZGF0YSBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXRlcyE=",
}


class Said(Struct, frozen=True):
    """What a command ended with: its exit code and what it wrote."""

    code: int
    out: str = ""
    err: str = ""


class Shell:
    """A shell in *folder*; *settings* are those of all its commands, by their names without the prefix."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings

    def call(self, *arguments: str, **settings: str) -> Said:
        """Call a command that ends by itself; *settings* are its own, an empty one is not set."""
        environment = self._environment(settings)
        result = CliRunner().invoke(main, arguments, env=environment, catch_exceptions=False, prog_name="waystate")
        return Said(result.exit_code, result.stdout, result.stderr)

    def serve_in_vain(self, *arguments: str, **settings: str) -> Said:
        """Call `waystate serve` where it has to end by itself."""
        ended = subprocess.run(  # noqa: S603 - our own program
            [*SERVE, *arguments],
            cwd=self.folder,
            env={**without_settings(os.environ), **self._environment(settings)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Said(ended.returncode, ended.stdout, ended.stderr)

    def serving(self, *arguments: str, **settings: str) -> AbstractContextManager[Server]:
        """Run `waystate serve` on some port until the context ends; it need not be up yet."""
        return serving(self.folder, "--port", "0", *arguments, **self._environment(settings))

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        return {f"{PREFIX}{name}": value for name, value in {**self.settings, **settings}.items()}


def developing(folder: Path) -> Shell:
    """Return the shell of a developer in *folder*."""
    return Shell(folder, ENV="development")


def producing(folder: Path, key: Path, database: Path) -> Shell:
    """Return the shell of a production server in *folder*, with everything there that it needs."""
    for place in ("var", "keys"):
        (folder / place).mkdir()
    shutil.copy(database, folder / "var/waystate.db")
    own = shutil.copy(key, folder / "keys")
    return Shell(folder, PRIVATE_KEY_FILE=str(own), **SECRETS)
