"""
Servers under trial: programs of their own, each in a process group of its own, so that all of it can be killed at once.

A server says that it is up by a line on its standard output that has its address.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

WAYSTATE = (str(Path(sys.executable).with_name("waystate")),)
SERVE = (*WAYSTATE, "serve")

UP_SECONDS = 90
STOP_SECONDS = 60

_ADDRESS = re.compile(r"https?://\S+")


class NotUp(Exception):
    """A server ended, or said nothing for too long, instead of coming up; the message is what it wrote."""


class Server:
    """A started server: *command*, run in *folder* with *environment*, and none of our own settings."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._errors = tempfile.NamedTemporaryFile("w")  # noqa: SIM115 - it is open as long as the server runs
        self.process = subprocess.Popen(  # noqa: S603 - the commands are ours
            command,
            cwd=folder,
            env={**without_settings(os.environ), **environment},
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        """What it wrote to its standard output: the line it came up with and, once it has ended, the rest."""
        self.complained = ""
        """What it wrote to its standard error, once it has ended."""

    def wait_until_up(self) -> str:
        """
        Wait until the server takes calls, and return its address.

        Raises:
            NotUp: it ended instead, or it took too long.
        """
        with self._killed_after(UP_SECONDS):
            self.said = self._out.readline()
        address = _ADDRESS.search(self.said)
        if address is None:
            self.stop()
            raise NotUp(self.said + self.complained)
        return address.group()

    def stop(self, told: signal.Signals = signal.SIGTERM) -> int:
        """Tell the server to end, wait for it, and return its exit code; one that does not end is killed."""
        self.process.send_signal(told)
        with self._killed_after(STOP_SECONDS):
            self.said += self._out.read()
            code = self.process.wait()
        self.complained = Path(self._errors.name).read_text()
        return code

    def kill(self) -> None:
        """Kill the server and all that it started, as a power cut would."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """See to it that nothing of the server is left."""
        if self.process.returncode is None:
            self.kill()
        self._out.close()
        self._errors.close()

    @property
    def _out(self) -> IO[str]:
        if self.process.stdout is None:  # it was asked for
            raise NotUp
        return self.process.stdout

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[None]:
        patience = threading.Timer(seconds, self.kill)
        patience.start()
        try:
            yield
        finally:
            patience.cancel()


@contextmanager
def serving(folder: Path, *arguments: str, command: Sequence[str] = SERVE, **environment: str) -> Iterator[Server]:
    """Run a server in *folder* until the context ends."""
    server = Server([*command, *arguments], folder, environment)
    try:
        yield server
    finally:
        server.close()


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* without settings of ours: a trial has its own."""
    return {name: value for name, value in environ.items() if not name.startswith("WAYSTATE_")}
