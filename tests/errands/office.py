"""Where errands are run: a store with them, the outbox over it, and what its rows say. It lives on one event loop."""

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct

from api.clock import Clock, system_clock
from api.metrics import Metrics
from api.order_book import OrderBook
from api.outbox import Done, Outbox
from api.sessions import SessionDesk
from definitions.catalogue import Catalogue
from definitions.outgoing import MessageCall, Recipient
from engine.model import Event, Instance, Step, born
from engine.ports import Decision, EffectChange, Owed, Verdict
from engine.runtime import settle
from storage.sqlite import SqliteStore

ERRAND = "errand"
URGENT_MESSAGE = "errand_urgent_message"
"""The effect that is called again when nobody knows."""

FOLDER = Path(__file__).parent


class Effect(Struct, frozen=True):
    """An effect's row, with the key of the errand that asked for it."""

    key: str
    number: int
    name: str
    errand: str
    status: str
    reason: str
    attempts: int
    rounds: int
    lane: str
    outcome: str


class Office:
    """Errands in the database at *path*, whose outbox waits *pace* times as long as it is written."""

    def __init__(self, path: Path, *, clock: Clock = system_clock, pace: float = 1.0) -> None:
        catalogue = Catalogue.load([FOLDER])
        self.path = path
        self.store = SqliteStore(path)
        self._interpreter = catalogue.interpreter(ERRAND)
        self._clock = clock
        self._errands: dict[str, Instance] = {}
        self._asked = 0
        sessions = SessionDesk(catalogue, self.store, clock)
        book = OrderBook(catalogue, self.store, clock)
        self.outbox = Outbox(book, _Strangers(), sessions, _Unkept(clock), Metrics(), token_key=b"tests", pace=pace)

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    async def open(self, key: str, **context: Any) -> None:
        """Open an errand, or find it again."""
        (found,) = await self.store.load([(ERRAND, key)])
        self._errands[key] = found or born(self._interpreter.definition, key, self._clock(), context=context)
        if found is None:
            await self._commit(self._step(key, "nothing_asked", ""))

    async def ask(self, key: str, event: str, says: str = "") -> str:
        """Let an errand take an event and return the id of the effect that it asked for."""
        return (await self.ask_all([(key, event, says)]))[0]

    async def ask_all(self, wanted: Iterable[tuple[str, str, str]]) -> list[str]:
        """Let errands take events, committed in the order given, and return the ids of their effects."""
        steps = [self._step(*each) for each in wanted]
        await asyncio.gather(*(self._commit(step) for step in steps))
        return [effect.key for step in steps for effect in step.effects]

    async def reported(self, effect_id: str, wamid: str) -> None:
        """Take the report that a message was sent, as a status webhook brings it."""

        async def deliberate() -> Decision | None:
            (owed,) = await self.store.owed([effect_id])
            if owed is None or owed.status in {"done", "discarded"}:
                return None
            return await self.outbox.delivered(owed, Done(wamid))

        await settle(self.store, deliberate)

    async def redrive(self, effect_id: str) -> None:
        """Let an effect be called again, as staff do."""
        change = EffectChange(key=effect_id, expected=("dead",), status="pending", reason="by staff", again=True, due=0)
        assert await self.store.commit(Decision(recorded_at=self._clock(), changed=(change,))) is Verdict.COMMITTED

    def effects(self) -> list[Effect]:
        """Return all effects in the order in which they were decided."""
        return effects(self.path)

    def owed(self) -> int:
        """Return how many effects there are of which more is to come by itself."""
        with closing(_reader(self.path)) as reader:
            (count,) = reader.execute(
                "SELECT count(*) FROM effect WHERE status IN ('pending', 'calling') OR status = 'unknown' AND name = ?",
                (URGENT_MESSAGE,),
            ).fetchone()
        return int(count)

    def _step(self, key: str, event: str, says: str) -> Step:
        self._asked += 1
        now = self._clock()
        before = self._errands[key]
        step = self._interpreter.step(
            before, Event(f"asked/{before.steps}/{self._asked}", event, now, now, {"says": says})
        )
        self._errands[key] = step.after
        return step

    async def _commit(self, step: Step) -> None:
        assert await self.store.commit(Decision(recorded_at=self._clock(), steps=(step,))) is Verdict.COMMITTED


def effects(path: Path) -> list[Effect]:
    """Return all effects of a database in the order in which they were decided."""
    with closing(_reader(path)) as reader:
        rows = reader.execute(
            "SELECT effect.key, number, name, instance.key, status, reason, attempts, rounds, lane, outcome"
            " FROM effect JOIN instance ON instance_id = id ORDER BY number"
        )
        return [Effect(*row) for row in rows]


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


class _Strangers:
    """People of whom nothing is known: an errand says itself whom it is for."""

    async def recipient(self, *_: Any) -> Recipient:
        return Recipient()

    async def opted_out(self, *_: Any) -> None:
        pass


class _Unkept:
    """Messages that nobody keeps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def named(self, _: str) -> None:
        return None

    async def sent(self, owed: Owed, call: MessageCall, wamid: str) -> Decision:  # noqa: ARG002 - the outbox's
        return Decision(recorded_at=self._clock())
