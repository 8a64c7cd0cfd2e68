"""
Brings webhooks to the server as Meta does: each at its time, again if it is not taken.

Source: Meta, "Webhooks": what is not answered 200 is brought again, at growing intervals.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from msgspec import Struct

from lab.world import Unable

ATTEMPTS = 5
"""How often a call is brought; Meta goes on for seven days."""

GAP_SECONDS = 0.5
"""After how long it is brought again, twice as long each time."""

MOST = 20_000
"""How many calls may wait; more are not kept."""

OK = 200


def _nothing() -> None:
    """Do nothing."""


class Letter(Struct, frozen=True):
    """A call to bring, at *due* on the loop's clock; *then* is done when it is brought first."""

    due: float
    number: int
    update: Any
    then: Callable[[], None] = _nothing
    attempt: int = 1


class Postman:
    """Brings calls with *deliver*, which returns the status that each is answered."""

    def __init__(self, deliver: Callable[[Any], Awaitable[int]]) -> None:
        self._deliver = deliver
        self._waiting: list[tuple[float, int, Letter]] = []
        self._numbers = count()
        self._new = asyncio.Event()
        self.given_up = 0

    def post(self, update: Any, after: float = 0.0, then: Callable[[], None] = _nothing) -> None:
        """Let *update* be brought after so many seconds."""
        if len(self._waiting) < MOST:
            self._add(Letter(asyncio.get_running_loop().time() + after, next(self._numbers), update, then))

    async def work(self) -> None:
        """Bring what is due, until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._new.clear()
            wait = self._waiting[0][0] - loop.time() if self._waiting else None
            if wait is None or wait > 0:
                try:
                    async with asyncio.timeout(wait):
                        await self._new.wait()
                except TimeoutError:
                    pass
                continue
            await self._bring(heapq.heappop(self._waiting)[2])

    async def _bring(self, letter: Letter) -> None:
        letter.then()
        try:
            taken = await self._deliver(letter.update) == OK
        except Unable:
            taken = False
        if taken:
            return
        if letter.attempt >= ATTEMPTS:
            self.given_up += 1
            return
        due = asyncio.get_running_loop().time() + GAP_SECONDS * 2 ** (letter.attempt - 1)
        self._add(Letter(due, letter.number, letter.update, attempt=letter.attempt + 1))

    def _add(self, letter: Letter) -> None:
        heapq.heappush(self._waiting, (letter.due, letter.number, letter))
        self._new.set()
