"""
A server on trial: a development server with its lab, in a process and a folder of its own, and who deals with it.

It is what tests of one's own Flows and lifecycles use (lab/pytest_plugin.py).
"""

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from msgspec.structs import replace

from lab.couriers import STORIES, Scan, Troubles, between, calls, told, troubled
from lab.phone import NAME, PERSON, Phone
from lab.world import STATE_FOLDER, Unable, world

COMMAND = (sys.executable, "-c", "from api.cli import main; main()", "serve", "--lab", "--port", "0")
"""How a server is started: the console script may be anywhere, the interpreter is this one."""

SECONDS = 30.0
"""How long it is waited for something that should happen at once, on a machine that has much else to do."""

UP_SECONDS, STOP_SECONDS = 90.0, 20.0
PAUSE = 0.05

_ADDRESS = re.compile(r"https?://\S+")

Found = TypeVar("Found")


class Server:
    """A server that runs: *url* is where, *folder* where it keeps what it made."""

    def __init__(self, folder: Path, definitions: Sequence[Path] = ()) -> None:
        """
        Start a server in an empty *folder*, with these further folders of *definitions*.

        When it is up, so are the orders of `welcome` (lab/stories.py).

        Raises:
            Unable: it does not start; the message is what it said.
            TimeoutError: it takes too long.
        """
        self.folder = folder
        environ = {name: value for name, value in os.environ.items() if not name.startswith("WAYSTATE_")}
        environ["WAYSTATE_ENV"] = "development"
        environ["WAYSTATE_DEFINITIONS"] = os.pathsep.join(str(each.absolute()) for each in definitions)
        self._said = folder / "server.log"
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(COMMAND, cwd=folder, env=environ, stdout=said, stderr=said)  # noqa: S603 - our own command
        try:
            self.url = waited(self._address, "the server does not come up", UP_SECONDS)
            self.world = replace(world(folder / STATE_FOLDER, environ={}), url=self.url)
            waited(lambda: self.keys("subscription") or None, "the lab's orders do not come", UP_SECONDS)
        except (Unable, TimeoutError):
            self.stop()
            raise

    def stop(self) -> int:
        """End the server and return its exit code; one that does not end is killed."""
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def session(self, definition: str, key: str) -> dict[str, Any]:
        """
        Return a session, as the admin API has it.

        Raises:
            Unable: there is none.
        """
        path = f"/admin/api/v1/sessions/{quote(definition, safe='')}/{quote(key, safe='')}"
        found: dict[str, Any] = self.world.ask("GET", path, token=self.world.admin_token)
        return found

    def state(self, definition: str, key: str) -> str:
        """
        Return the state that a session is in.

        Raises:
            Unable: there is no such session.
        """
        return str(self.session(definition, key)["state"])

    def keys(self, definition: str, beginning: str = "") -> list[str]:
        """Return the keys of a definition's newest sessions that begin so."""
        path = f"/admin/api/v1/sessions?definition={quote(definition)}&q={quote(beginning, safe='')}&limit=200"
        return [item["key"] for item in self.world.ask("GET", path, token=self.world.admin_token)["items"]]

    def wait_for(self, definition: str, key: str, state: str) -> dict[str, Any]:
        """
        Wait until a session is in that state, and return it.

        Raises:
            TimeoutError: it does not get there.
        """

        def there() -> dict[str, Any] | None:
            with suppress(Unable):
                found = self.session(definition, key)
                return found if found["state"] == state else None
            return None

        return waited(there, f"{definition} {key} is not {state}")

    def mint(self, flow: str, recipient: str = PERSON, **data: Any) -> str:
        """Open a session of a Flow for somebody, and return its token."""
        content = {"definition": flow, "recipient": recipient, "data": data}
        return str(self.world.ask("POST", "/admin/api/v1/sessions", content, token=self.world.admin_token)["key"])

    def _address(self) -> str | None:
        if self._process.poll() is not None:
            raise Unable(self._said.read_text())
        found = _ADDRESS.search(self._said.read_text())
        return found.group() if found else None


class Phones:
    """Opens Flows as phones do, encrypted."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __call__(self, flow: str, token: str = "", person: str = PERSON, **data: Any) -> Phone:
        """
        Return a phone of *person* that is about to open *flow*.

        Its token is *token*, or that of a session that is opened with *data*, or where there is none a new one, which
        the server meets when the Flow is opened.
        """
        if data and not token:
            token = self._server.mint(flow, person, **data)
        return Phone(self._server.world, flow, token or f"lab_{secrets.token_hex(16)}", person)


Kind = Literal["none", "refuse", "http", "slow", "reset", "reset_after", "junk", "no_id"]


class Graph:
    """WhatsApp, as the server and its people see it: who got what, who says what, what goes wrong."""

    def __init__(self, server: Server) -> None:
        self._world = server.world

    def chat(self, person: str = PERSON) -> list[dict[str, Any]]:
        """Return a person's chat, oldest first: each message with its `id`, `from`, `type`, `content` and `status`."""
        return list(self._world.ask("GET", f"/lab/api/chat?person={quote(person)}")["messages"])

    def sent(self, person: str = PERSON) -> list[dict[str, Any]]:
        """Return the messages that were sent to a person, as the Graph API got them."""
        return [line["content"] for line in self.chat(person) if line["from"] == "us"]

    def wait_for(self, person: str = PERSON, count: int = 1) -> list[dict[str, Any]]:
        """
        Wait until so many messages were sent to a person, and return them.

        Raises:
            TimeoutError: fewer come.
        """

        def come() -> list[dict[str, Any]] | None:
            sent = self.sent(person)
            return sent if len(sent) >= count else None

        return waited(come, f"fewer than {count} messages came")

    def say(self, message: str | dict[str, Any], person: str = PERSON, name: str = NAME) -> str:
        """Let a person send a text, or any message in the shape of Meta's webhook; return its id."""
        content = {"type": "text", "text": {"body": message}} if isinstance(message, str) else message
        body = {"from": person, "name": name, "message": content}
        return str(self._world.ask("POST", "/lab/api/messages", body)["id"])

    def tap(self, payload: str, person: str = PERSON, text: str = "") -> str:
        """Let a person tap the quick reply *payload* of the last template that they got; return the message's id."""
        templates = [line for line in self.chat(person) if line["from"] == "us" and line["type"] == "template"]
        context = {"context": {"id": templates[-1]["id"]}} if templates else {}
        return self.say({"type": "button", "button": {"payload": payload, "text": text or payload}, **context}, person)

    def read(self, person: str = PERSON) -> None:
        """Let a person have read all that came to them."""
        self._world.ask("POST", "/lab/api/read", {"person": person})

    def goes_wrong(self, kind: Kind, *, count: int = 1, **more: Any) -> None:
        """Let the next *count* messages go wrong; *more* are the other members of `lab.faults.GraphFaults`."""
        faults = self._world.ask("GET", "/lab/api/faults")
        self._world.ask("PUT", "/lab/api/faults", {**faults, "graph": {"kind": kind, "count": count, **more}})

    def works(self) -> None:
        """Let nothing go wrong any more, here and at couriers."""
        self._world.ask("PUT", "/lab/api/faults", {})


class Courier:
    """A courier: what it reports, and what it is asked for."""

    def __init__(self, server: Server, name: str = "generic") -> None:
        self._world = server.world
        self._name = name
        self._before = max((asked["number"] for asked in self._all()), default=0)

    def report(self, order_id: str, tracking_id: str, *scans: Scan) -> list[str]:
        """Report scans, and return what was answered to each: `accepted`, `duplicate`, `parked` or `conflict`."""
        key = self._world.courier_keys[self._name]
        path = f"/webhooks/couriers/{self._name}"
        answers = [
            self._world.ask("POST", path, call, key=key) for call in calls(self._name, order_id, tracking_id, scans)
        ]
        return [answer["results"][0]["status"] for answer in answers]

    def play(
        self, order_id: str, tracking_id: str, story: str, troubles: Troubles | None = None, seed: int = 0
    ) -> list[str]:
        """Tell a whole story (`lab.couriers.STORIES`), and return what was answered to each report."""
        begin, end = between(None, datetime.now(UTC))
        scans = told(STORIES[story], begin, end)
        return self.report(order_id, tracking_id, *troubled(scans, troubles or Troubles(), seed))

    def asked(self) -> list[dict[str, Any]]:
        """
        Return what couriers were asked for since this one was made: `courier`, `path`, `body`, `key`, `status`.

        It is what the lab still has of it: the last `lab.workbench.CALLS_KEPT` of all.
        """
        return [asked for asked in self._all() if asked["number"] > self._before]

    def wait_until_asked(self, count: int = 1) -> list[dict[str, Any]]:
        """
        Wait until couriers were asked for so many things, and return them.

        Raises:
            TimeoutError: they are not.
        """

        def asked() -> list[dict[str, Any]] | None:
            found = self.asked()
            return found if len(found) >= count else None

        return waited(asked, f"couriers were not asked {count} times")

    def answers(self, answer: Literal["accept", "refuse", "down", "slow", "reset"]) -> None:
        """Say how couriers answer from now on."""
        faults = self._world.ask("GET", "/lab/api/faults")
        self._world.ask("PUT", "/lab/api/faults", {**faults, "couriers": {"answer": answer}})

    def _all(self) -> list[dict[str, Any]]:
        return list(self._world.ask("GET", "/lab/api/couriers/asked"))


def waited(look: Callable[[], Found | None], otherwise: str, seconds: float = SECONDS) -> Found:
    """
    Look again and again until there is something, and return it.

    Raises:
        TimeoutError: nothing comes.
    """
    patience = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > patience:
            raise TimeoutError(otherwise)
        time.sleep(PAUSE)
