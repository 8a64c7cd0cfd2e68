"""
`python -m bench.endpoint`: what a Flow call costs the server, as a share of what RSA alone costs.

An encrypted call cannot cost less than the one RSA-2048 decryption that opens it. That is the ceiling: *share* is the
CPU time of such a decryption, by the library that both servers use, over the CPU time that the server spends on a call.
Both are measured in one run, turn by turn, so that a slow machine or a busy moment is slow for all.

- **ours**: `waystate serve` in production, one worker, on a SQLite file that every answer waits for (WAL, FULL). After
  the last round the file must have every session, each with all its steps.
- **pywa**: its endpoint on FastAPI and uvicorn, giving the very answers that ours gave; it has no store.

Customers walk the personalised offer over connections that stay open, each sending its next call when its last was
answered: latencies are mostly queueing, then. Calls are encrypted before a round is timed; every answer is decrypted
and compared after it. With two cores or more, servers and clients have one each.
"""

import asyncio
import base64
import json
import os
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec
import uvloop
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct

from api.keyring import Key, generate
from api.settings import DATA_KEY_BYTES, PREFIX
from bench.load import WALK, Result, Target, cpu_seconds, prepare, run
from bench.servers import NotUp, Server, serving
from storage.migrate import upgrade

FLOW = "personalised_offer"
PATH = f"/flows/{FLOW}"
PEER = Path(__file__).with_name("pywa_endpoint.py")
DATABASE = "waystate.db"
DISK = Path("/var/tmp")  # noqa: S108 - the run makes a folder of its own in it
"""Where a database lies if not told: unlike what is for files of a moment, never in memory."""

WARM_UP = 50
"""How many sessions a server is walked through before it is measured."""

DECRYPTIONS = 1000
"""How many decryptions one measurement of RSA takes."""

MICROSECONDS = 1e6
MILLISECONDS = 1e3

OAEP = padding.OAEP(mgf=padding.MGF1(SHA256()), algorithm=SHA256(), label=None)


class WrongAnswers(Exception):
    """A server did not answer as it must: its figures mean nothing."""


class Spread(Struct, frozen=True):
    """A figure over all rounds."""

    median: float
    least: float
    most: float


class Figures(Struct, frozen=True):
    """
    What the rounds of a server gave: CPU in µs a call, its share of the RSA ceiling (1 is all), latencies in ms.

    A round's share is by the RSA measured just before and just after it.
    """

    cpu: Spread
    share: Spread
    calls_per_second: Spread
    p50: Spread
    p99: Spread


class Report(Struct, frozen=True):
    """All that a run found; *rsa* is the CPU of one decryption in µs, *pinned* whether cores were assigned."""

    rounds: int
    calls: int
    connections: int
    cores: int
    pinned: bool
    rsa: Spread
    ours: Figures
    pywa: Figures

    @property
    def ratio(self) -> float:
        """Return how often our CPU a call goes into pywa's."""
        return self.pywa.cpu.median / self.ours.cpu.median


class Round(Struct, frozen=True):
    """One round of a server, in the units of `Figures`."""

    cpu: float
    share: float
    calls_per_second: float
    p50: float
    p99: float


class Cores:
    """The cores that this process may use: one for servers, one for clients, if there are two."""

    def __init__(self) -> None:
        self.all = sorted(os.sched_getaffinity(0))
        self.pinned = len(self.all) > 1

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Be on the servers' core, and let what is started meanwhile stay there."""
        os.sched_setaffinity(0, self.all[:1])
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.all[1:2] or self.all)


class Trial:
    """A server under measurement."""

    def __init__(self, server: Server, key: Key, app_secret: str, shown: dict[str, Any]) -> None:
        """Wait for *server*; *shown* are the data that each screen must be answered with, as far as they are known."""
        address = urlsplit(server.wait_until_up())
        self.target = Target(address.hostname or "", address.port or 0, PATH, key.public_pem, app_secret)
        self.process = server.process.pid
        self.shown = shown
        self.rounds: list[Round] = []

    def walk(self, sessions: int, connections: int) -> tuple[float, Result]:
        """
        Let so many customers walk; return the CPU seconds the server spent, and what the customers saw.

        Raises:
            WrongAnswers: an answer was not what it must be.
        """
        calls = prepare(self.target, sessions)
        before = cpu_seconds(self.process)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            result = runner.run(run(self.target, calls, connections))
        spent = cpu_seconds(self.process) - before
        faults = result.faults()
        if faults:
            raise WrongAnswers(f"{len(faults)} wrong answers, the first: {faults[0]}")
        for answer in result.answered:
            data = answer.call.envelope.read(answer.body)["data"]
            if self.shown.setdefault(answer.call.screen, data) != data:
                raise WrongAnswers(f"{answer.call.screen} was not answered with the same data each time")
        return spent, result


@click.command(help=(__doc__ or "").partition("\n\n")[0])
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True, help="How often each is measured.")
@click.option("--calls", type=click.IntRange(4), default=2000, show_default=True, help="Calls in a round.")
@click.option("--connections", type=click.IntRange(1), default=32, show_default=True, help="Calls at a time.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=DISK,
    show_default=True,
    help="Where the database lies meanwhile: on the disk that is to be measured.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def main(rounds: int, calls: int, connections: int, folder: Path, *, as_json: bool) -> None:
    """Measure and report."""
    if sys.platform != "linux":
        raise click.ClickException("it measures on Linux: cores and the CPU time of others are asked for as there")
    with tempfile.TemporaryDirectory(prefix="waystate-bench-", dir=folder) as own:
        try:
            report = measure(rounds, calls // len(WALK), connections, Path(own).resolve())
        except (NotUp, WrongAnswers, ConnectionError) as error:
            raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        click.echo("\n".join(table(report)))


def measure(rounds: int, sessions: int, connections: int, folder: Path) -> Report:
    """
    Measure so many rounds of so many sessions, each, over so many connections, with the files in *folder*.

    Raises:
        WrongAnswers: a server did not answer as it must, or ours did not keep it.
        NotUp: a server did not come up.
    """
    cores = Cores()
    key = generate(folder / "keys", "")
    decryption = _decryption(key, cores)
    with ExitStack() as servers:
        shown: dict[str, Any] = {}
        ours = _ours(servers, cores, folder, key, shown)
        ours.walk(WARM_UP, connections)
        pywa = _pywa(servers, cores, folder, key, shown)
        pywa.walk(WARM_UP, connections)
        costs = [decryption()]
        for number in range(rounds):
            for trial in (ours, pywa)[:: -1 if number % 2 else 1]:
                spent, result = trial.walk(sessions, connections)
                costs.append(decryption())
                trial.rounds.append(_round(spent, statistics.mean(costs[-2:]), result))
    walked = WARM_UP + rounds * sessions
    if (kept := _kept(folder)) != walked:
        raise WrongAnswers(f"{walked} sessions were walked, {kept} were kept whole")
    return Report(
        rounds=rounds,
        calls=sessions * len(WALK),
        connections=connections,
        cores=len(cores.all),
        pinned=cores.pinned,
        rsa=_spread([cost * MICROSECONDS for cost in costs]),
        ours=_figures(ours.rounds),
        pywa=_figures(pywa.rounds),
    )


def table(report: Report) -> Iterator[str]:
    """Yield the lines of a report for people."""
    where = "a core for servers, another for clients" if report.pinned else "one core for all"
    yield f"{report.rounds} rounds of {report.calls} calls each, {report.connections} at a time; {where}"
    yield "median (least to most) of the rounds"
    yield ""
    yield f"{'':<24}{'waystate, SQLite, FULL':>26}{'pywa, no store':>26}"
    for words, name, scale, digits in (
        ("server CPU a call, µs", "cpu", 1, 0),
        ("share of RSA ceiling, %", "share", 100, 0),
        ("calls a second", "calls_per_second", 1, 0),
        ("p50, ms", "p50", 1, 1),
        ("p99, ms", "p99", 1, 1),
    ):
        spreads = [getattr(figures, name) for figures in (report.ours, report.pywa)]
        yield f"{words:<24}" + "".join(f"{_told(spread, scale, digits):>26}" for spread in spreads)
    yield f"{'one RSA decryption, µs':<24}{_told(report.rsa, 1, 0):>26}"
    yield ""
    yield f"pywa takes {report.ratio:.2f} times the CPU a call"
    ours, pywa = (round(100 * figures.share.median) for figures in (report.ours, report.pywa))
    yield f"share of the RSA ceiling: {ours} % (pywa without a store {pywa} %)"


def _told(spread: Spread, scale: float, digits: int) -> str:
    median, least, most = (f"{figure * scale:.{digits}f}" for figure in (spread.median, spread.least, spread.most))
    return f"{median} ({least} to {most})"


# What is measured


def _ours(servers: ExitStack, cores: Cores, folder: Path, key: Key, shown: dict[str, Any]) -> Trial:
    upgrade(folder / DATABASE)
    app_secret = secrets.token_hex(16)
    settings = {
        "DATABASE_URL": f"sqlite:///{folder / DATABASE}",
        "PRIVATE_KEY_FILE": str(folder / "keys" / key.name),
        "APP_SECRET": app_secret,
        "VERIFY_TOKEN": secrets.token_hex(16),
        "DATA_KEY": base64.b64encode(secrets.token_bytes(DATA_KEY_BYTES)).decode(),
    }
    environment = {f"{PREFIX}{name}": value for name, value in settings.items()}
    with cores.serving():
        server = servers.enter_context(serving(folder, "--port", "0", **environment))
    return Trial(server, key, app_secret, shown)


def _pywa(servers: ExitStack, cores: Cores, folder: Path, key: Key, shown: dict[str, Any]) -> Trial:
    answers = {content["screen"]: {"screen": screen, "data": shown[screen]} for content, screen in WALK}
    told = folder / "answers.json"
    told.write_text(json.dumps(answers))
    command = (sys.executable, str(PEER), PATH, str(folder / "keys" / key.name), str(told))
    with cores.serving():
        server = servers.enter_context(serving(folder, command=command))
    return Trial(server, key, "", shown)


def _decryption(key: Key, cores: Cores) -> Callable[[], float]:
    """Return what measures the CPU seconds of one decryption, on the servers' core."""
    public = key.private.public_key()
    sealed = [public.encrypt(secrets.token_bytes(16), OAEP) for _ in range(DECRYPTIONS)]

    def measured() -> float:
        with cores.serving():
            before = time.thread_time()
            for ciphertext in sealed:
                key.private.decrypt(ciphertext, OAEP)
            return (time.thread_time() - before) / DECRYPTIONS

    return measured


def _kept(folder: Path) -> int:
    """Return how many sessions the database has that stand at the walk's last screen, with a step for each call."""
    query = """
        select count(*) from instance where definition = ? and state = ?
        and (select count(*) from journal where instance_id = instance.id) = ?
    """
    with closing(sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True)) as connection:
        (kept,) = connection.execute(query, (FLOW, WALK[-1][1], len(WALK))).fetchone()
    return int(kept)


def _round(spent: float, decryption: float, result: Result) -> Round:
    """Return what a round gave, from the CPU seconds that the server *spent* and that a *decryption* took beside it."""
    calls = len(result.answered)
    return Round(
        cpu=spent / calls * MICROSECONDS,
        share=decryption * calls / spent,
        calls_per_second=calls / result.seconds,
        p50=result.percentile(0.50) * MILLISECONDS,
        p99=result.percentile(0.99) * MILLISECONDS,
    )


def _figures(rounds: Sequence[Round]) -> Figures:
    return Figures(*(_spread(figures) for figures in zip(*map(msgspec.structs.astuple, rounds), strict=True)))


def _spread(figures: Sequence[float]) -> Spread:
    return Spread(statistics.median(figures), min(figures), max(figures))


if __name__ == "__main__":
    main()
