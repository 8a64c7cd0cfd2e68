"""
How often somebody may try to get in: by the order that is tried, by the contact that is named, by the client that asks.

Rule 1: whoever is refused learns until when, and nothing else: what is not there is counted like what is.
Rule 2: what is counted is kept as hashes, in this process alone, and no more of it than fits.
"""

import hashlib
import secrets
from collections import OrderedDict

from msgspec import Struct

from api.clock import Clock
from engine.model import SECOND

TRIES, WINDOW = 5, 15 * 60 * SECOND
"""How often one subject may be tried within that time."""

LOCK_AFTER, LOCK = 15, 24 * 3600 * SECOND
"""How many tries at one order within a day lock it, for a day after the last of them."""

MOST_SUBJECTS = 50_000
"""How many subjects of a kind are remembered; of more, those tried longest ago are forgotten."""


class Subjects(Struct, frozen=True):
    """Whom a try is counted for."""

    order: str
    contact: str
    client: str


class Throttle:
    """Counts tries."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._salt = secrets.token_bytes(16)
        self._tries: dict[str, OrderedDict[bytes, list[int]]] = {
            kind: OrderedDict() for kind in Subjects.__struct_fields__
        }

    def take(self, subjects: Subjects) -> int:
        """Count a try and return 0; or, if there were too many, count nothing and return how long to wait."""
        now = self._clock()
        tables = [(kind, self._tries[kind], self._hash(getattr(subjects, kind))) for kind in self._tries]
        wait = max(_wait(kind, table.get(subject, []), now) for kind, table, subject in tables)
        if wait > 0:
            return wait
        for _, table, subject in tables:
            times = [at for at in table.pop(subject, []) if now - at < LOCK]
            table[subject] = [*times, now][-LOCK_AFTER:]
            if len(table) > MOST_SUBJECTS:
                table.popitem(last=False)
        return 0

    def _hash(self, subject: str) -> bytes:
        return hashlib.blake2b(subject.encode("utf-8", "surrogateescape"), key=self._salt, digest_size=16).digest()


def _wait(kind: str, times: list[int], now: int) -> int:
    """Return how long a subject that was tried at these *times* waits until the next try."""
    recent = [at for at in times if now - at < WINDOW]
    wait = recent[-TRIES] + WINDOW - now if len(recent) >= TRIES else 0
    today = [at for at in times if now - at < LOCK]
    if kind == "order" and len(today) >= LOCK_AFTER:
        wait = max(wait, today[-1] + LOCK - now)
    return wait
