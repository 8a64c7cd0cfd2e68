"""
The chats that people have with our number: what was said, how far it got, and what changed since.

Rule 1: it is bounded: of each person the last messages are kept, and the people who said or heard something last.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

KEPT, PEOPLE, CHANGES = 200, 200, 4000
"""How many messages of a person, how many people, and how many changes are kept."""

LOOKED_SECONDS = 1.0
"""How often whoever waits for changes looks whether it is time to go."""

RANK = {"accepted": 0, "sent": 1, "delivered": 2, "read": 3, "failed": 4}
"""What may follow what: a status that ranks lower than the message's comes too late to be shown."""

Status = Literal["accepted", "sent", "delivered", "read", "failed"]


class Line(Struct, frozen=True):
    """A message: *content* is what was sent to Graph, or what the webhook brought."""

    id: str
    sender: Literal["us", "person"] = field(name="from")
    at: str
    type: str
    content: dict[str, Any]
    status: Status


class Chat:
    """Everybody's messages, oldest first; changes are numbered, and the numbers of a later start are higher."""

    def __init__(self) -> None:
        self.last = int(time.time() * 1000)
        self.closing = False
        self._lines: OrderedDict[str, OrderedDict[str, Line]] = OrderedDict()
        self._person_of: dict[str, str] = {}
        self._changes: deque[tuple[int, float, str, Line]] = deque(maxlen=CHANGES)
        self._changed = asyncio.Event()

    @property
    def people(self) -> tuple[str, ...]:
        """Return who has a chat, who said or heard something last first."""
        return tuple(reversed(self._lines))

    def messages(self, person: str) -> list[Line]:
        """Return a person's messages, oldest first."""
        return [*self._lines.get(person, {}).values()]

    def newest(self, limit: int) -> list[tuple[str, Line]]:
        """Return the newest messages of all, newest first, each with its person."""
        every = [(person, line) for person, lines in self._lines.items() for line in lines.values()]
        return sorted(every, key=lambda each: each[1].at, reverse=True)[:limit]

    def find(self, message_id: str) -> tuple[str, Line] | None:
        """Return a message by its id, with its person."""
        person = self._person_of.get(message_id)
        return None if person is None else (person, self._lines[person][message_id])

    def add(self, person: str, line: Line) -> None:
        """Add a message."""
        lines = self._lines.setdefault(person, OrderedDict())
        self._lines.move_to_end(person)
        lines[line.id] = line
        self._person_of[line.id] = person
        if len(lines) > KEPT:
            self._forget(lines.popitem(last=False)[1])
        if len(self._lines) > PEOPLE:
            for old in self._lines.popitem(last=False)[1].values():
                self._forget(old)
        self._tell(person, line)

    def change(self, message_id: str, status: Status) -> None:
        """Let a message have got further; what comes too late, or of a message that is not kept, is nothing."""
        found = self.find(message_id)
        if found is not None and RANK[status] > RANK[found[1].status]:
            person, line = found
            line = replace(line, status=status)
            self._lines[person][message_id] = line
            self._tell(person, line)

    def before(self, seconds: float) -> int:
        """Return the number of the last change that was made before so many seconds, or of the one before all."""
        since = time.monotonic() - seconds
        return next((number - 1 for number, at, _, _ in self._changes if at >= since), self.last)

    async def follow(self, person: str, after: int, seconds: float) -> AsyncIterator[tuple[int, Line]]:
        """Yield a person's changes after the one of that number, as they come, for so many seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not self.closing:
            changed = self._changed
            for number, _, whose, line in [*self._changes]:
                if number > after:
                    after = number
                    if whose == person:
                        yield number, line
            left = deadline - loop.time()
            if left <= 0:
                return
            try:
                async with asyncio.timeout(min(left, LOOKED_SECONDS)):
                    await changed.wait()
            except TimeoutError:
                continue

    def _forget(self, line: Line) -> None:
        self._person_of.pop(line.id, None)

    def _tell(self, person: str, line: Line) -> None:
        self.last += 1
        self._changes.append((self.last, time.monotonic(), person, line))
        self._changed.set()
        self._changed = asyncio.Event()


def now() -> str:
    """Return the time as messages show it: RFC 3339 in UTC, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
