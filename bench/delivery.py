"""
`python -m bench.delivery`: how many effects a second leave, and what an effect adds to a transition.

*DBOS alone* is the engine with a record and a receiver that cost nothing: the ceiling. *one process* is `waystate
serve` that delivers itself, *worker apart* is `waystate serve --no-worker` with `waystate worker`; both send messages
over HTTP to a stand-in for Graph, to a person each. Rates are shares of the ceiling of the same run, too, so that a
slow machine or a busy moment is slow for all. A transition is committed alone, to the disk, as in a quiet moment.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random

import click
from msgspec import Struct

from api.delivery import Deliverer
from api.outbox import Attempt, Done, Result, Wait
from bench.servers import WAYSTATE, serving
from definitions.outgoing import MessageCall
from engine.ports import Head
from storage.migrate import upgrade
from tests.crash.places import Place
from tests.errands.office import FOLDER, Office
from tests.standins.graph import graph_standin

NUMBERS = 20
"""Phone numbers that are sent from: each may send 80 messages a second, and that is not what is measured."""

AHEAD = 0.1
"""The share that is delivered before the clock is started: connections are made, code is warm."""

HANG = 300
MICROSECONDS = 1e6


class Rate(Struct, frozen=True):
    """Effects a second, and their share of what the engine could do alone."""

    title: str
    per_second: float
    share: float


class Cost(Struct, frozen=True):
    """What one transition took: microseconds (the median)."""

    title: str
    microseconds: float


class Instant:
    """A record of so many messages, each called once, and a receiver who takes them: neither costs anything."""

    def __init__(self, effects: int) -> None:
        self._waiting = {f"effect-{number}": number for number in range(effects)}
        self._calls: dict[str, int] = {}
        self.done = 0

    async def address(self) -> int:
        """Return that there is nobody to find."""
        return 0

    async def heads(self, limit: int) -> list[Head]:
        """Return what is not called yet, as many as are wanted."""
        waiting = list(self._waiting.items())[:limit]
        return [Head(key, f"whatsapp/{number % NUMBERS}/{number}", "", 0, None) for key, number in waiting]

    async def begin(self, effect_id: str) -> Attempt | Wait | None:
        """Return the call of an effect, once."""
        number = self._waiting.pop(effect_id, None)
        return None if number is None else Attempt(effect_id, "", 1, MessageCall("", "", {}))

    async def finish(self, attempt: Attempt, result: Result) -> float | None:  # noqa: ARG002 - the outbox's
        """Count it."""
        self.done += 1
        return None

    async def sweep(self) -> None:
        """Find nothing."""

    async def make(self, attempt: Attempt) -> Result:  # noqa: ARG002 - the channels'
        """Take it."""
        return Done()

    async def aclose(self) -> None:
        """Close nothing."""


async def alone(folder: Path, effects: int) -> float:
    """Return how many effects a second DBOS delivers that cost nothing."""
    instant = Instant(effects)
    deliverer = Deliverer(instant, instant, folder / "alone.db")
    await deliverer.start()
    rate = await _rate(lambda: instant.done, effects)
    await deliverer.stop()
    return rate


def served(folder: Path, effects: int, *, apart: bool) -> float:
    """Return how many effects a second a server delivers, by itself or with a worker apart."""
    folder.mkdir()
    upgrade(folder / "empty.db")
    place = Place(folder, folder / "empty.db", Random(1))  # noqa: S311 - it looks for a port
    with graph_standin() as graph, ExitStack() as running:
        asyncio.run(_owe(place.database, effects))
        settings = {
            **place.environment,
            "WAYSTATE_DEFINITIONS": str(FOLDER),
            "WAYSTATE_GRAPH_URL": graph.url,
            "WAYSTATE_ACCESS_TOKEN": "a-token",
            "WAYSTATE_PUBLIC_URL": place.world.url,
        }
        options = ("--no-worker",) if apart else ()
        running.enter_context(serving(folder, *options, **settings)).wait_until_up()
        if apart:
            running.enter_context(serving(folder, command=(*WAYSTATE, "worker"), **settings)).wait_until_up()
        return asyncio.run(_rate(lambda: len(graph.sent), effects))


async def _owe(database: Path, effects: int) -> None:
    """Let there be so many messages to send, each to somebody else."""
    with closing(Office(database)) as office:
        for number in range(effects):
            await office.open(f"E-{number}", number=str(number % NUMBERS), to=f"9198{number:08}")
        await office.ask_all((f"E-{number}", "message_asked", "hello") for number in range(effects))


async def _rate(done: Callable[[], int], effects: int) -> float:
    """Return the rate at which it comes to be that all *effects* are done."""
    ahead = int(effects * AHEAD)
    async with asyncio.timeout(HANG):
        while done() < ahead:  # noqa: ASYNC110 - other threads and programs do it
            await asyncio.sleep(0.002)
        first, began = done(), time.perf_counter()
        while done() < effects:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.002)
    return (effects - first) / (time.perf_counter() - began)


async def transitions(folder: Path, rounds: int) -> list[Cost]:
    """Return what a transition takes without an effect and with one, in turns, and what it is to find out for whom."""
    upgrade(folder / "transitions.db")
    events = {"nothing_asked": list[float](), "message_asked": list[float]()}
    addressing = []
    with closing(Office(folder / "transitions.db")) as office:
        await office.open("E-1", number="101", to="919800000001")
        for _ in range(rounds):
            for event, seconds in events.items():
                began = time.perf_counter()
                await office.ask_all([("E-1", event, "hello")])
                seconds.append(time.perf_counter() - began)
            began = time.perf_counter()
            await office.outbox.address()
            addressing.append(time.perf_counter() - began)
    without, with_one = (statistics.median(seconds) * MICROSECONDS for seconds in events.values())
    return [
        Cost("transition without an effect", without),
        Cost("transition with one", with_one),
        Cost("added by the effect", with_one - without),
        Cost("later: to whom it goes", statistics.median(addressing) * MICROSECONDS),
    ]


def table(rates: Sequence[Rate], costs: Sequence[Cost]) -> str:
    """Return the figures as people read them."""
    lines = [f"{'':<30}{'effects/s':>10}{'share':>8}"]
    lines += [f"{rate.title:<30}{rate.per_second:>10.0f}{rate.share:>8.2f}" for rate in rates]
    lines += ["", f"{'':<30}{'median':>10}"]
    lines += [f"{cost.title:<30}{cost.microseconds:>7.0f} µs" for cost in costs]
    return "\n".join(lines)


@click.command()
@click.option("--effects", default=2000, show_default=True, help="How many effects are delivered.")
@click.option("--rounds", default=300, show_default=True, help="How many transitions of each kind are committed.")
def main(effects: int, rounds: int) -> None:
    """Measure how effects are delivered, and what they add to a transition."""
    with tempfile.TemporaryDirectory(prefix="waystate-bench-") as name:
        folder = Path(name)
        ceiling = asyncio.run(alone(folder, effects))
        measured = {
            "DBOS alone": ceiling,
            "one process": served(folder / "one", effects, apart=False),
            "worker apart": served(folder / "apart", effects, apart=True),
        }
        costs = asyncio.run(transitions(folder, rounds))
    rates = [Rate(title, rate, rate / ceiling) for title, rate in measured.items()]
    click.echo(table(rates, costs))


if __name__ == "__main__":
    main()
