"""A shop: `waystate serve` in development in a process of its own, and all who deal with it over HTTP."""

import os
import re
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from api.settings import PREFIX
from bench.servers import SERVE, Server
from lab.world import World, world
from tests.api.speaking import Heard, ask, quoted
from tests.cli.shell import Shell

Steps = list[tuple[str, str, str]]
"""What a session went through: each step's event, and the states before and after it."""


class Shop:
    """A server in *folder* that can be cut off and opened again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world: World
        self._server: Server

    @property
    def port(self) -> int:
        """Return the port that the server listens on."""
        return urlsplit(self.world.url).port or 0

    def open(self, **settings: str) -> None:
        """Start the server on some port, with these settings beside those of development."""
        self._server = Server([*SERVE, "--port", "0"], self.folder, {"WAYSTATE_ENV": "development", **settings})
        address = self._server.wait_until_up()
        with self.at_home():
            self.world = replace(world(), url=address)

    def cut_off(self) -> None:
        """Kill the server, as a power cut would."""
        self._server.kill()
        self._server.close()

    @contextmanager
    def at_home(self) -> Iterator[None]:
        """Be in the shop's folder, without settings of our own."""
        with chdir(self.folder), pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(PREFIX)]:
                patch.delenv(name)
            yield

    def steps(self, definition: str, key: str) -> Steps:
        """Return what a session went through, as the admin API tells it."""
        told = self._shown(f"{_path(definition, key)}/history").content
        return [(item["event"], item["source_state"], item["target_state"]) for item in told]

    def walked(self, definition: str, key: str) -> Steps:
        """
        Return what a session went through.

        All who look at it must see the same: the admin API, the command line, and the diagram.
        """
        steps = self.steps(definition, key)
        assert self.state(definition, key) == steps[-1][2]
        assert self._listed(definition, key) == steps
        assert marked(self._shown(f"{_path(definition, key)}/diagram.mmd").body.decode()) == expected_marks(steps)
        return steps

    def state(self, definition: str, key: str) -> str:
        """Return the state that a session is in."""
        return str(self._shown(_path(definition, key)).content["state"])

    def context(self, definition: str, key: str) -> dict[str, Any]:
        """Return what a session knows."""
        context: dict[str, Any] = self._shown(_path(definition, key)).content["context"]
        return context

    def keys(self, definition: str, beginning: str = "") -> list[str]:
        """Return the keys of all sessions of a definition, or of those that begin so."""
        path = f"/admin/api/v1/sessions?definition={definition}&q={quoted(beginning)}&limit=200"
        return [item["key"] for item in self._shown(path).content["items"]]

    def _listed(self, definition: str, key: str) -> Steps:
        """Return the steps that `waystate sessions show` lists; it marks the inferred ones."""
        with self.at_home():
            said = Shell(self.folder, PUBLIC_URL=self.world.url).call("sessions", "show", "--", definition, key).out
        rows = [re.split(r" {2,}", line)[2:5] for line in said.partition("\nSEQ")[2].splitlines() if line[:1].isdigit()]
        return [(event.removeprefix("~"), source, target) for event, source, target in rows]

    def _shown(self, path: str) -> Heard:
        heard = ask(self, "GET", path, token=self.world.admin_token)
        assert heard.status == HTTPStatus.OK, heard.body
        return heard


def _path(definition: str, key: str) -> str:
    return f"/admin/api/v1/sessions/{definition}/{quoted(key)}"


Marks = dict[str, set[Any]]
"""What a diagram has marked: the state that is `current`, those that were `visited`, the arrows that were `walked`."""


def marked(mermaid: str) -> Marks:
    """Return what is marked in a diagram, by the names that it gives to states."""
    classes = {kind: set(names.split(",")) for names, kind in re.findall(r"(?m)^ *class (\S+) (\w+)$", mermaid)}
    arrows = re.findall(r"(?m)^ *(\w+) --> (\w+) : ✓", mermaid)
    return {"current": classes["current"], "visited": classes["visited"], "walked": set(arrows)}


def expected_marks(steps: Steps) -> Marks:
    """Return what a diagram must have marked; a step that stays where it is has no arrow."""
    named = [tuple("s_" + re.sub("[^A-Za-z0-9]+", "_", state) for state in states) for _, *states in steps]
    return {
        "current": {named[-1][1]},
        "visited": {name for names in named for name in names},
        "walked": {(source, target) for source, target in named if source != target},
    }
