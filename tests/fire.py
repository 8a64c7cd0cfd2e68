"""
`python -m tests.fire`: effects under fire.

Messages by the thousand against a Graph API of which three calls in ten go wrong, and at the end every effect is
accounted for against what Graph really took.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random

from msgspec import Struct

from api.delivery import Deliverer
from api.graph import Graph
from api.outbox import Result, Unsent
from api.senders import Senders
from definitions.outgoing import WebhookCall
from storage.migrate import upgrade
from tests.errands.office import URGENT_MESSAGE, Effect, Office, effects
from tests.standins.graph import (
    JUNK,
    NO_ID,
    RESET_AFTER,
    RESET_BEFORE,
    Asked,
    Fault,
    GraphStandIn,
    broken,
    graph_standin,
    limited,
    refused,
    slow,
)

FAULTS = 0.3
"""The share of calls that go wrong."""

PACE = 0.01
"""How much faster time passes for the outbox: what waits 2 minutes waits 1.2 seconds."""

GRAPH_SECONDS = 1.0
"""How long a call may take; `slow` ones take longer."""

NUMBERS = ("101", "102", "103", "104", "105")
EFFECTS_EACH = 5
"""How many messages a recipient gets, on average."""

DEAD, URGENT = 0.05, 0.1
"""The shares of recipients that no message reaches, and of messages that are rather sent twice than never."""

REPORTED = 0.9
"""The share of the messages taken of which a report comes."""

TOKEN_INVALID = range(300, 340)
"""Which calls fail because the token is not valid for a while, of every thousand."""

ASKED_AT_ONCE = 100
HANG = 3000


class Report(Struct, frozen=True):
    """What came of it; *faults* are what must not be."""

    effects: int
    seconds: float
    calls: int
    taken: int
    twice: int
    statuses: dict[str, int]
    wrongs: dict[str, int]
    faults: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as people read it."""
        ended = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        wrongs = ", ".join(f"{count} {kind}" for kind, count in sorted(self.wrongs.items()))
        rate = self.effects / self.seconds
        lines = [
            f"{self.effects} effects in {self.seconds:.1f} s ({rate:.0f}/s): {ended}",
            f"{self.calls} calls, {self.taken} messages taken, {self.twice} of them twice as declared",
            f"went wrong: {wrongs}",
        ]
        if self.faults:
            lines += [f"{len(self.faults)} FAULTS", *self.faults[:20]]
        return "\n".join(lines)


class Fire:
    """A trial in *folder* with so many effects; *seed* says who gets what, and which calls go wrong."""

    def __init__(self, folder: Path, wanted: int, seed: int) -> None:
        self._folder = folder
        self._wanted = wanted
        self._random = Random(seed)  # noqa: S311 - a trial comes again by its seed
        self._wrongs: Counter[str] = Counter()
        self._calls = 0
        people = [f"9198{place:08}" for place in range(max(1, wanted // EFFECTS_EACH))]
        self._numbers = {person: self._random.choice(NUMBERS) for person in people}
        self._dead = {*self._random.sample(people, int(len(people) * DEAD))}

    def run(self) -> Report:
        """Let it all be delivered, and account for it."""
        database = self._folder / "fire.db"
        upgrade(database)
        with graph_standin() as graph:
            graph.goes_wrong_when(self._goes_wrong)
            seconds = asyncio.run(self._deliver(database, graph))
            return self._account(database, graph, seconds)

    def _goes_wrong(self, asked: Asked) -> Fault | None:
        self._calls += 1
        if self._calls % 1000 in TOKEN_INVALID:
            self._wrongs["190"] += 1
            return refused(190, 401)
        if asked.content["to"] in self._dead:
            self._wrongs["131026"] += 1
            return refused(131026)
        if self._random.random() >= FAULTS:
            return None
        kinds = {
            "reset before": RESET_BEFORE,
            "reset after": RESET_AFTER,
            "5xx": broken(accepted=False),
            "5xx after": broken(accepted=True),
            "slow": slow(2 * GRAPH_SECONDS),
            "429": limited(2),
            "130429": refused(130429),
            "131056": refused(131056),
            "500 of Graph's": refused(131000, 500),
            "junk": JUNK,
            "no id": NO_ID,
        }
        kind = self._random.choice([*kinds])
        self._wrongs[kind] += 1
        return kinds[kind]

    async def _deliver(self, database: Path, graph: GraphStandIn) -> float:
        """Ask for everything while it is being delivered; return the seconds until nothing is owed any more."""
        office = Office(database, pace=PACE)
        senders = Senders(Graph(graph.url, "a token", seconds=GRAPH_SECONDS), {}, _no_webhook)
        deliverer = Deliverer(office.outbox, senders, self._folder / "delivery.db", sweep_seconds=0.5)
        for person, number in self._numbers.items():
            await office.open(person, number=number, to=person)
        began = time.monotonic()
        await deliverer.start()
        reports = asyncio.create_task(self._report_for_ever(office, graph))
        people = [*self._numbers]
        for done in range(0, self._wanted, ASKED_AT_ONCE):
            await office.ask_all(
                (self._random.choice(people), self._event(), str(number))
                for number in range(done, min(done + ASKED_AT_ONCE, self._wanted))
            )
        async with asyncio.timeout(HANG):
            while office.owed():  # noqa: ASYNC110 - the database tells it, and no event
                await asyncio.sleep(0.5)
        seconds = time.monotonic() - began
        reports.cancel()
        await asyncio.gather(reports, return_exceptions=True)
        await deliverer.stop()
        office.close()
        return seconds

    def _event(self) -> str:
        return "urgent_message_asked" if self._random.random() < URGENT else "message_asked"

    async def _report_for_ever(self, office: Office, graph: GraphStandIn) -> None:
        """Report what Graph took, most of it and some time later, as its status webhooks do."""
        seen = 0
        while True:
            await asyncio.sleep(0.2)
            new, seen = graph.sent[seen:], len(graph.sent)
            for sent in new:
                if self._random.random() < REPORTED:
                    await office.reported(sent.message["biz_opaque_callback_data"], sent.wamid)

    def _account(self, database: Path, graph: GraphStandIn, seconds: float) -> Report:
        rows = effects(database)
        taken: dict[str, list[int]] = defaultdict(list)
        for place, sent in enumerate(graph.sent):
            taken[sent.message["biz_opaque_callback_data"]].append(place)
        return Report(
            effects=len(rows),
            seconds=seconds,
            calls=self._calls,
            taken=len(taken),
            twice=sum(len(places) > 1 for places in taken.values()),
            statuses=Counter(row.status for row in rows),
            wrongs=self._wrongs,
            faults=tuple(faults(rows, taken, self._wanted)),
        )


def faults(rows: Sequence[Effect], taken: dict[str, list[int]], wanted: int) -> list[str]:
    """Return what must not be: by what is recorded of effects, and the places of each in what Graph took."""
    found = [] if len(rows) == wanted else [f"{len(rows)} effects are recorded, {wanted} were asked for"]
    found += [f"{key} was never asked for, and taken" for key in taken.keys() - {row.key for row in rows}]
    last: dict[str, tuple[int, str]] = {}
    for row in rows:
        places = taken.get(row.key, [])
        urgent = row.name == URGENT_MESSAGE
        if row.status not in {"done", "dead", "unknown"}:
            found.append(f"{row.key} is {row.status}")
        if row.status == "done" and not places:
            found.append(f"{row.key} is done, and was not taken")
        if row.status == "dead" and places and not urgent:
            found.append(f"{row.key} is dead, and was taken")
        if len(places) > 1 and not (urgent and row.rounds):
            found.append(f"{row.key} was taken {len(places)} times")
        if places and not row.rounds:
            before, key = last.get(row.errand, (-1, ""))
            if places[0] < before:
                found.append(f"{row.key} was taken before {key}")
            last[row.errand] = max(places[0], before), row.key
    return found


async def _no_webhook(_: WebhookCall, __: str) -> Result:
    return Unsent("there are none")


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for; return 0 if all is well, 1 if there was a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fire", description=__doc__)
    parser.add_argument("--effects", type=int, default=1000, help="how many are to be delivered [%(default)s]")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="who gets what, and what goes wrong")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="waystate-fire-") as folder:
        report = Fire(Path(folder), asked.effects, asked.seed).run()
    sys.stdout.write(f"seed {asked.seed}: {report}\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
