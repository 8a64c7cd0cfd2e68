"""A server that is killed under load, again and again, and what its database says each time."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import Random

from msgspec import Struct

from bench.servers import Server
from tests.crash.evidence import Evidence, faults, read
from tests.crash.peers import Peer, Town
from tests.crash.places import SERVE_ONLY, Place

LINES = 8
"""How many speak at once."""

ANSWERS = 90
"""After which answer at the latest a server is killed."""

LAST_MOMENT = 0.02
"""How many seconds after that answer, at the latest."""

COMING_UP = 0.1
"""The share of the starts of a server that it is killed in, too."""

STARTUP = 1.2
"""After how many seconds of its start, at the latest."""

HANG = 90

_LENGTH = re.compile(rb"content-length: (\d+)\r\n", re.IGNORECASE)


class Report(Struct, frozen=True):
    """What came of a trial. Of the calls under way at a kill, *unheard* ones were recorded, *lost* ones were not."""

    seed: int
    folder: Path
    kills: int
    answers: int
    unheard: int
    lost: int
    faults: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as people read it."""
        answered = f"seed {self.seed}: {self.kills} kills, {self.answers} calls answered"
        lines = [f"{answered}; of those under way {self.unheard} were recorded, {self.lost} were not"]
        if self.faults:
            lines += [f"{len(self.faults)} FAULTS; the database is kept in {self.folder}", *self.faults]
        return "\n".join(lines)


class Trial:
    """The server that *command* starts in *folder*, and those who call it; *seed* says who, and when it is killed."""

    def __init__(self, folder: Path, empty_database: Path, seed: int, command: Sequence[str] = SERVE_ONLY) -> None:
        self._command = command
        self._seed = seed
        self._random = Random(seed)  # noqa: S311 - a trial must come again by its seed
        self.place = Place(folder, empty_database, self._random)
        self._town = Town(self.place.world, self._random)
        self.peers: list[Peer] = []
        self._waiting: list[Peer] = []

    def kill(self, times: int) -> Report:
        """Let the server be killed so many times, and look at what it left after each, until there is a fault."""
        kills = unheard = lost = 0
        found: list[str] = []
        with self._up() as server:
            self.place.put_account()
            asyncio.run(self._load_until_killed(server))
        while not found and kills < times:
            kills += 1
            if self._random.random() < COMING_UP:
                self._kill_coming_up()
            with self._up() as server:
                evidence = read(self.place.database)
                found = faults(evidence, self.peers)
                for peer, call in [(peer, peer.next) for peer in self._waiting]:
                    peer.kept = evidence.kept.get(call.marks[0]) if call else None
                    unheard += peer.kept is not None
                    lost += peer.kept is None
                asyncio.run(self._repeat_what_was_answered(evidence))
                found += [wrong for peer in self.peers for wrong in peer.wrong if wrong not in found]
                if kills < times:
                    asyncio.run(self._load_until_killed(server))
        answers = sum(len(peer.answers) for peer in self.peers)
        return Report(self._seed, self.place.folder, kills, answers, unheard, lost, tuple(found))

    @contextmanager
    def _up(self) -> Iterator[Server]:
        server = self.place.start(self._command)
        try:
            server.wait_until_up()
            yield server
        finally:
            server.close()

    def _kill_coming_up(self) -> None:
        server = self.place.start(self._command)
        time.sleep(self._random.uniform(0, STARTUP))
        server.close()

    async def _load_until_killed(self, server: Server) -> None:
        enough = asyncio.Event()
        left = self._random.randint(1, ANSWERS)

        def heard() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                enough.set()

        waiting, self._waiting = self._waiting, []
        lines = [asyncio.create_task(self._speak(waiting, heard)) for _ in range(LINES)]
        await asyncio.wait_for(enough.wait(), HANG)
        await asyncio.sleep(self._random.uniform(0, LAST_MOMENT))
        server.kill()
        await asyncio.wait_for(asyncio.gather(*lines), HANG)

    async def _speak(self, waiting: list[Peer], heard: Callable[[], None]) -> None:
        """Let one after another speak, first those who wait for an answer, until the server is gone."""
        peer = None
        with suppress(OSError, EOFError):
            async with _line(self.place) as (reader, writer):
                while True:
                    peer = waiting.pop() if waiting else self._newcomer()
                    while call := peer.next:
                        writer.write(call.request(self.place.host))
                        peer.hear(*await _answer(reader))
                        heard()
        if peer is not None and peer.next:
            self._waiting.append(peer)

    def _newcomer(self) -> Peer:
        peer = self._town.newcomer()
        self.peers.append(peer)
        return peer

    async def _repeat_what_was_answered(self, evidence: Evidence) -> None:
        """Make the last answered call of everybody who is waiting once more."""
        async with _line(self.place) as (reader, writer):
            for peer in self._waiting:
                if peer.answers:
                    call = peer.calls[len(peer.answers) - 1]
                    writer.write(call.request(self.place.host))
                    status, body = await _answer(reader)
                    peer.judge(call, status, body, evidence.kept.get(call.marks[0]))


@asynccontextmanager
async def _line(place: Place) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Return a connection with the server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the status and body of the next answer; EOFError if the server goes away before it is whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return int(head[9:12]), await reader.readexactly(int(length.group(1)) if length else 0)
