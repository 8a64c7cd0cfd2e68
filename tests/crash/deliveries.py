"""
`python -m tests.crash.deliveries`: kill those who deliver, as often as is asked for, and account for every effect.

Staff ask for messages and for calls to a courier while the server that delivers, or the worker apart, or the server
that it works for, is killed and started again. In the end everything that was answered has been delivered once, or is
in doubt and says so.
"""

import argparse
import asyncio
import secrets
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx2
from msgspec import Struct

from bench.servers import Server
from storage.migrate import upgrade
from tests.crash.places import Place
from tests.errands.office import FOLDER, Office
from tests.standins.graph import Asked, Fault, GraphStandIn, as_json, graph_standin

PEOPLE = 40
LINES = 4
"""How many ask at once."""

AHEAD = 40
"""How many may wait to be delivered before nobody asks for more."""

KEYED = 0.3
"""The share of what is asked for that is a call to a courier who knows repeats."""

RECEIVER_SECONDS = 0.05
"""How long a receiver takes, at most: so that calls are under way when a kill comes."""

DELIVERED = 20
"""After how many deliveries at the latest there is a kill."""

LAST_MOMENT = 0.05

HANG = 90
"""After how many seconds in which nothing is delivered it is given up that something ever will be."""

MOMENT = 0.02
"""How often it is looked whether something is so."""

IN_A_HURRY = """
from api import delivery, outbox
outbox.PAIR_SPACING, outbox.DOUBT, outbox.ABANDONED = 0, 500_000, 2_000_000
outbox.FIRST_WAIT, outbox.LONGEST_WAIT = 0.1, 1.0
delivery.SWEEP_SECONDS = 1.0
delivery.Deliverer.__init__.__kwdefaults__["sweep_seconds"] = 1.0
"""
"""
Lets what waits minutes wait a second: a kill between a call's beginning and its maker's hearing of it is rare, and a
call that ten kills interrupted would be left alone for an hour once its receiver is slow.
"""

RUN = """
import sys
from api.cli import main
sys.argv = ["waystate", *{}]
main()
"""

COURIER = "/errands"


class Row(Struct, frozen=True):
    """What is recorded of an effect; *says* is what it is to deliver."""

    key: str
    name: str
    status: str
    reason: str
    attempts: int
    says: str


class Report(Struct, frozen=True):
    """What came of it: *faults* are what must not be, *repeated* were called twice, *doubted* may have been sent."""

    seed: int
    kills: dict[str, int]
    answered: int
    effects: int
    repeated: int
    doubted: int
    doubted_and_taken: int
    faults: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as people read it."""
        kills = ", ".join(f"{count} of the {whom}" for whom, count in sorted(self.kills.items()))
        doubts = f"{self.doubted} messages are in doubt, of which {self.doubted_and_taken} were taken"
        lines = [
            f"seed {self.seed}: kills: {kills}; {self.answered} answers, {self.effects} effects",
            f"{self.repeated} calls were made twice under their keys; {doubts}",
        ]
        return "\n".join([*lines, *([f"{len(self.faults)} FAULTS"] if self.faults else []), *self.faults[:20]])


class Asker:
    """One who asks for deliveries, each again until it is answered, while the trial goes on."""

    def __init__(self, name: str, place: Place, seed: int) -> None:
        self._name = name
        self._place = place
        self._random = Random(seed)  # noqa: S311 - a trial comes again by its seed
        self.answered: list[str] = []
        self.asked: list[str] = []

    def ask_until(self, over: threading.Event, is_enough: Callable[[], bool]) -> None:
        """Ask on and on, but for when it is enough; the last question is asked until it is answered, too."""
        while not over.is_set():
            if is_enough():
                time.sleep(MOMENT)
                continue
            says = f"{self._name}-{len(self.asked)}"
            self.asked.append(says)
            event = "keyed_call_asked" if self._random.random() < KEYED else "message_asked"
            path = f"/admin/api/v1/sessions/errand/E-{self._random.randrange(PEOPLE)}/events"
            content = {"event": event, "id": says, "data": {"says": says}}
            while not self._is_answered(path, content):
                time.sleep(0.05)
            self.answered.append(says)

    def _is_answered(self, path: str, content: object) -> bool:
        try:
            response = self._place.ask("POST", path, token=self._place.world.admin_token, json=content)
        except httpx2.HTTPError:
            return False
        return response.status_code == httpx2.codes.OK


class Deliveries:
    """The programs that deliver, in *folder*, on a copy of *empty_database*; *seed* says what is killed, and when."""

    def __init__(self, folder: Path, empty_database: Path, seed: int) -> None:
        self._seed = seed
        self._random = Random(seed)  # noqa: S311 - as above
        self._place = Place(folder, empty_database, self._random)
        self._kills: Counter[str] = Counter()
        self._delay = Random(seed)  # noqa: S311 - as above; the stand-in asks it on its own thread

    def kill(self, times: int) -> Report:
        """Let there be so many kills, a third of them where the server delivers itself, and look at what was left."""
        with graph_standin() as graph:
            graph.goes_wrong_when(self._late)
            asyncio.run(self._open(graph))
            askers = [Asker(f"line{number}", self._place, self._random.randrange(2**32)) for number in range(LINES)]
            with self._asking(askers):
                self._kill_alone(graph, times // 3)
                self._kill_apart(graph, times - times // 3)
            return self._account(graph, askers)

    def _late(self, asked: Asked) -> Fault:
        seconds = self._delay.uniform(0, RECEIVER_SECONDS)
        return Fault(seconds=seconds, answer=as_json({}) if asked.path == COURIER else None)

    async def _open(self, graph: GraphStandIn) -> None:
        with closing(Office(self._place.database)) as office:
            for number in range(PEOPLE):
                to = f"9198000000{number:02}"
                await office.open(f"E-{number}", number="101", to=to, url=graph.url + COURIER)

    @contextmanager
    def _asking(self, askers: Sequence[Asker]) -> Iterator[None]:
        """Let them ask until the context ends, and until the last answer."""
        self._over = threading.Event()
        arguments = (self._over, lambda: self._unfinished() > AHEAD)
        threads = [threading.Thread(target=asker.ask_until, args=arguments) for asker in askers]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _kill_alone(self, graph: GraphStandIn, times: int) -> None:
        """Kill the server that delivers itself."""
        for _ in range(times):
            with self._running(graph, "serve") as server:
                self._wait_for_deliveries(graph)
                server.kill()
            self._kills["server"] += 1

    def _kill_apart(self, graph: GraphStandIn, times: int) -> None:
        """Kill the worker, or the server that it works for; let all be delivered in the end."""
        with ExitStack() as running:
            programs = {
                "server of a worker": running.enter_context(self._running(graph, "serve", "--no-worker")),
                "worker": running.enter_context(self._running(graph, "worker")),
            }
            for _ in range(times):
                self._wait_for_deliveries(graph)
                whom = self._random.choice([*programs])
                programs[whom].kill()
                self._kills[whom] += 1
                arguments = ("worker",) if whom == "worker" else ("serve", "--no-worker")
                programs[whom] = running.enter_context(self._running(graph, *arguments))
            self._over.set()
            _until(lambda: not self._unfinished(), graph)

    @contextmanager
    def _running(self, graph: GraphStandIn, *arguments: str) -> Iterator[Server]:
        settings = {
            "WAYSTATE_DEFINITIONS": str(FOLDER),
            "WAYSTATE_GRAPH_URL": graph.url,
            "WAYSTATE_ACCESS_TOKEN": "a-token",
            "WAYSTATE_COURIER_TOKENS": "errands=another-token",
            "WAYSTATE_PUBLIC_URL": self._place.world.url,
        }
        command = [sys.executable, "-c", IN_A_HURRY + RUN.format(list(arguments))]
        server = Server(command, self._place.folder, {**self._place.environment, **settings})
        try:
            server.wait_until_up()
            yield server
        finally:
            server.close()

    def _wait_for_deliveries(self, graph: GraphStandIn) -> None:
        enough = len(graph.asked) + self._random.randint(1, DELIVERED)
        _until(lambda: len(graph.asked) >= enough, graph)
        time.sleep(self._random.uniform(0, LAST_MOMENT))

    def _rows(self) -> list[Row]:
        rows = self._read(
            "SELECT key, name, status, reason, attempts, json_extract(data, '$.says')"
            " FROM effect JOIN journal USING (instance_id, seq) ORDER BY number"
        )
        return [Row(*row) for row in rows]

    def _unfinished(self) -> int:
        ((count,),) = self._read("SELECT count(*) FROM effect WHERE status IN ('pending', 'calling')")
        return int(count)

    def _read(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._place.database}?mode=ro", uri=True)) as reader:
            return reader.execute(statement).fetchall()

    def _account(self, graph: GraphStandIn, askers: Sequence[Asker]) -> Report:
        rows = self._rows()
        taken = Counter(str(sent.message["biz_opaque_callback_data"]) for sent in graph.sent)
        called = Counter(str(asked.content["effect"]) for asked in graph.asked if asked.path == COURIER)
        answered = [says for asker in askers for says in asker.answered]
        doubted = [row for row in rows if row.status == "unknown"]
        return Report(
            seed=self._seed,
            kills=self._kills,
            answered=len(answered),
            effects=len(rows),
            repeated=sum(count > 1 for count in called.values()),
            doubted=len(doubted),
            doubted_and_taken=sum(row.key in taken for row in doubted),
            faults=tuple(faults(rows, answered, taken, called)),
        )


def faults(rows: Sequence[Row], answered: Sequence[str], taken: Counter[str], called: Counter[str]) -> Iterator[str]:
    """
    Yield what must not be.

    *answered* is what was asked for and answered, *taken* how often Graph took which effect, and *called* how often the
    courier was.
    """
    recorded = Counter(row.says for row in rows)
    yield from (
        f"{says} was answered, and is recorded {recorded[says]} times" for says in answered if recorded[says] != 1
    )
    yield from (f"{says} was never answered, and is recorded" for says in recorded.keys() - {*answered})
    known = {row.key for row in rows}
    yield from (f"{key} was delivered, and nobody decided it" for key in (taken.keys() | called.keys()) - known)
    for row in rows:
        made = taken[row.key] + called[row.key]
        if row.status not in {"done", "unknown"}:
            yield f"{row} has not ended"
        if row.status == "done" and not made:
            yield f"{row} was not delivered"
        if row.status == "unknown" and not row.reason:
            yield f"{row} does not say why it is in doubt"
        if taken[row.key] > 1:
            yield f"{row} was sent {taken[row.key]} times"
        if called[row.key] > row.attempts:
            yield f"{row} was called {called[row.key]} times"


def _until(is_so: Callable[[], bool], graph: GraphStandIn) -> None:
    """Wait until something is so, or until nothing is delivered any more: what is missing then is accounted for."""
    before, end = len(graph.asked), time.monotonic() + HANG
    while not is_so() and time.monotonic() < end:
        if len(graph.asked) != before:
            before, end = len(graph.asked), time.monotonic() + HANG
        time.sleep(MOMENT)


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for; return 0 if all is well, 1 if there was a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.deliveries", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="how often something is killed [%(default)s]")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="what is killed, and when")
    asked = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="waystate-crash-"))
    upgrade(folder / "empty.db")
    report = Deliveries(folder, folder / "empty.db", asked.seed).kill(asked.kills)
    sys.stdout.write(f"{report}\n")
    if report.faults:
        sys.stdout.write(f"the database is kept in {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
