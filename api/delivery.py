"""
Delivers effects: hands what is due to DBOS, whose one workflow makes one attempt at it.

The outbox (api/outbox.py) is the record: it says what may be called now, is told before each call, and how it ended.
DBOS brings the queues, their limits, and the workflows that a crash interrupted: those it takes up again at its next
start, and their effects are then in doubt at once, and not only when somebody misses them.

Rule 1: DBOS is given ids, and nothing else. Its file may be lost: what is due is handed over again.
Rule 2: a workflow's id is its effect's, with the round of its redrives, so that handing it over twice is handing it
        over once. One that has ended is forgotten when its effect is due again.
Rule 3: nobody sleeps in a queue. What must wait has a time in its row and comes through its queue again then, so that
        order, spacing and limits hold for the tenth attempt as for the first.
Rule 4: the record and all connections live on one event loop. DBOS has threads of its own and waits there.
"""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import structlog
from dbos import DBOS, DBOSClient, EnqueueOptions
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import QueuePool

from api.clock import system_clock
from api.logs import fault
from api.outbox import Attempt, Doubt, Result, Wait
from definitions.orders.times import to_rfc3339
from engine.errors import StoreError
from engine.model import SECOND
from engine.ports import Head

LOG = structlog.get_logger()

APPLICATION, VERSION, EXECUTOR = "waystate", "1", "waystate-1"
"""Constants: by these DBOS knows its workflows again after a restart. One file has one process, and so one executor."""

WORKFLOW, ATTEMPT = "deliver", "attempt"
"""The workflow and its only step. They are frozen: a workflow that a crash interrupted is taken up by these names."""

MESSAGES, COURIERS, WEBHOOKS, CODE = "messages", "couriers", "webhooks", "code"

QUEUES = {"whatsapp": MESSAGES, "http": COURIERS, "webhook": WEBHOOKS, "code": CODE}
"""The queue of an effect, by the first word of its lane; what has another one goes to a courier."""

PER_SECOND = 80
"""How many messages one of our numbers may send in a second (Meta, "Throughput")."""

AT_ONCE = 200
"""How many effects of a queue are under way together."""

HANDED_OVER = 1000
"""How many effects of a queue are in DBOS's hands: what is in nobody's hands can still be stopped, and found first."""

LOOKED_AT = 4 * HANDED_OVER
"""How many of those due are looked at together, so that what waits for one queue hides no other's."""

POLL_SECONDS = 0.1
"""How often it is asked what is due, and how often DBOS looks into the queue of messages."""

SLOW_POLL_SECONDS = 0.25
"""How often it looks into the others: looking costs 3 ms of CPU each time."""

SHARE = 4
"""After asking what is due, so many times as long as that took passes at least: the server has others to serve."""

SWEEP_SECONDS = 10.0
"""How often what a crash left is looked for, and what has ended is dropped from DBOS's file."""

KEPT = 600 * SECOND
"""How long DBOS keeps what has ended."""

DROPPED_AT_ONCE = 1000

STOP_SECONDS = 5.0
"""How long calls under way may take to end when the deliverer is told to stop; whoever takes longer is in doubt."""

STORE_SECONDS = 1.0
"""After how long the record is asked again that could not answer."""

STOPPED = "interrupted by a stop: may have been sent"

_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_PRAGMAS = ("busy_timeout = 30000", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")


class Record(Protocol):
    """What is asked of the outbox, be it here or on the other side of HTTP."""

    async def address(self) -> int:
        """Find out whom new effects are for; return how many it was."""
        ...

    async def heads(self, limit: int) -> list[Head]:
        """Return the effects that may be called now."""
        ...

    async def begin(self, effect_id: str) -> Attempt | Wait | None:
        """Record that an effect is about to be called, and return the call."""
        ...

    async def finish(self, attempt: Attempt, result: Result) -> float | None:
        """Record how an attempt ended."""
        ...

    async def sweep(self) -> None:
        """Take up what a crash left."""
        ...


class Channels(Protocol):
    """What makes calls (api/senders.py)."""

    async def make(self, attempt: Attempt) -> Result:
        """Make the call of an attempt and return what came of it."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class Deliverer:
    """
    Delivers what the *record* owes over the *channels*, with DBOS's file at *path*; there is one in a process.

    *per_second* is how many messages one number may send. *sweep_seconds* is for tests, which are in a hurry.
    """

    def __init__(
        self,
        record: Record,
        channels: Channels,
        path: Path,
        *,
        per_second: int = PER_SECOND,
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self._record = record
        self._channels = channels
        self._path = path
        self._per_second = per_second
        self._sweep_seconds = sweep_seconds
        self._handed: dict[str, str] = {}  # what is in DBOS's hands, with its queue
        self._trouble: dict[str, str] = {}
        self._attempts: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._home: asyncio.AbstractEventLoop
        self._engine: Engine
        self._client: DBOSClient
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start to deliver, on this event loop."""
        self._home = asyncio.get_running_loop()
        await asyncio.to_thread(self._launch)
        self._tasks = [asyncio.create_task(work) for work in (self._dispatch_for_ever(), self._sweep_for_ever())]

    async def stop(self) -> None:
        """Stop: calls under way may end, those that do not are in doubt; all else is delivered at the next start."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._attempts:
            _, late = await asyncio.wait([*self._attempts], timeout=STOP_SECONDS)
            for attempt in late:
                attempt.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                while await asyncio.to_thread(self._is_writing):
                    pass
        await asyncio.to_thread(self._destroy)
        await self._channels.aclose()

    # DBOS: each of these in a thread, which may wait

    def _launch(self) -> None:
        """Start DBOS; a file of its that is damaged makes room for a new one: Rule 1."""
        try:
            self._launch_on_file()
        except (DatabaseError, sqlite3.DatabaseError):
            LOG.warning("delivery_file_damaged")
            self._destroy()
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._launch_on_file()

    def _launch_on_file(self) -> None:
        _be_quiet()
        self._engine = _engine(self._path)
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": f"sqlite:///{self._path}",
                "system_database_engine": self._engine,
                "application_version": VERSION,
                "executor_id": EXECUTOR,
                "log_level": "WARNING",
                "notification_listener_polling_interval_sec": POLL_SECONDS,  # a stop waits for it; there are none
            }
        )

        @DBOS.workflow(name=WORKFLOW)
        def deliver(effect_id: str) -> None:
            DBOS.run_step({"name": ATTEMPT}, self._attempted, effect_id)

        DBOS.launch()
        limit: Any = {"limit": self._per_second, "period": 1.0}
        DBOS.register_queue(
            MESSAGES, partition_limiter=limit, worker_concurrency=AT_ONCE, polling_interval_sec=POLL_SECONDS
        )
        for queue in (COURIERS, WEBHOOKS, CODE):
            DBOS.register_queue(queue, worker_concurrency=AT_ONCE, polling_interval_sec=SLOW_POLL_SECONDS)
        self._client = DBOSClient(system_database_engine=self._engine, application_name=APPLICATION)

    def _destroy(self) -> None:
        DBOS.destroy(destroy_registry=True)
        self._engine.dispose()

    def _is_writing(self) -> bool:
        """Return whether DBOS still has to write down that a workflow is over."""
        return bool(DBOS.list_workflows(status="PENDING", limit=1, load_input=False, load_output=False))

    def _attempted(self, effect_id: str) -> None:
        """Let the home loop make an attempt, and wait for it."""
        with suppress(CancelledError):
            asyncio.run_coroutine_threadsafe(self._attempt(effect_id), self._home).result()

    def _hand_over(self, heads: Iterable[Head]) -> list[str]:
        """Enqueue effects, and return those that were; one whose workflow is not over yet waits for the next time."""
        waiting = {f"{head.key}:{head.rounds}": head for head in heads}
        known = DBOS.list_workflows(workflow_ids=[*waiting], load_input=False, load_output=False)
        ended = [workflow.workflow_id for workflow in known if workflow.status in _ENDED]
        if ended:
            DBOS.delete_workflows(ended)
        going_on = {workflow.workflow_id for workflow in known} - {*ended}
        new = {workflow_id: head for workflow_id, head in waiting.items() if workflow_id not in going_on}
        with self._engine.begin() as connection:
            for workflow_id, head in new.items():
                self._client.enqueue_in_transaction(connection, _options(workflow_id, head.lane), head.key)
        return [head.key for head in new.values()]

    def _drop_ended(self) -> None:
        before = to_rfc3339(system_clock() - KEPT)
        while ended := DBOS.list_workflows(
            status=_ENDED, completed_before=before, limit=DROPPED_AT_ONCE, load_input=False, load_output=False
        ):
            DBOS.delete_workflows([workflow.workflow_id for workflow in ended])

    # On the home loop

    async def _dispatch_for_ever(self) -> None:
        while True:
            began, pause = self._home.time(), POLL_SECONDS
            try:
                await self._dispatch()
            except Exception as error:  # noqa: BLE001 - whatever it was must not end the delivery: it is asked for again
                self._note(fault(error))
                pause = STORE_SECONDS
            else:
                self._note({})
            await asyncio.sleep(max(pause, SHARE * (self._home.time() - began)))

    def _note(self, trouble: dict[str, str]) -> None:
        """Log what keeps effects from being handed over, once when it comes and once when it is gone."""
        if trouble != self._trouble:
            LOG.warning("delivery_put_off" if trouble else "delivery_goes_on", **trouble)
        self._trouble = trouble

    async def _dispatch(self) -> None:
        """Hand over what is due and in nobody's hands; a queue that is full keeps no other waiting."""
        await self._record.address()
        in_hand = Counter(self._handed.values())
        if sum(in_hand.values()) >= LOOKED_AT:
            return
        new: dict[str, Head] = {}
        for head in await self._record.heads(LOOKED_AT):
            queue = _queue(head.lane)
            if head.key not in self._handed and in_hand[queue] < HANDED_OVER:
                in_hand[queue] += 1
                self._handed[head.key] = queue
                new[head.key] = head
        if new:
            handed: Sequence[str] = ()
            try:
                handed = await asyncio.to_thread(self._hand_over, new.values())
            finally:
                for key in new.keys() - {*handed}:
                    self._handed.pop(key, None)

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                await self._record.sweep()
                await asyncio.to_thread(self._drop_ended)
            except Exception as error:  # noqa: BLE001 - as above
                LOG.warning("delivery_sweep_put_off", **fault(error))
            await asyncio.sleep(self._sweep_seconds)

    async def _attempt(self, effect_id: str) -> None:
        """Make an attempt at an effect, if it is still owed; whatever goes wrong, its row says so or comes again."""
        this = asyncio.current_task()
        assert this is not None  # noqa: S101 - asyncio's promise to whoever runs in a task
        self._attempts.add(this)
        try:
            attempt = None if self._stopping else await self._record.begin(effect_id)
            if isinstance(attempt, Attempt):
                await self._finish(attempt, await self._made(attempt))
        except Exception as error:  # noqa: BLE001 - likewise: a workflow that fails would never be taken up again
            LOG.warning("attempt_put_off", effect=effect_id, **fault(error))
        finally:
            self._attempts.discard(this)
            self._handed.pop(effect_id, None)

    async def _made(self, attempt: Attempt) -> Result:
        try:
            return await self._channels.make(attempt)
        except asyncio.CancelledError:  # by `stop`, which waits for what comes now
            return Doubt(STOPPED)
        except Exception as error:  # noqa: BLE001 - a fault of ours, somewhere on the way out
            LOG.warning("sender_failed", effect=attempt.effect_id, **fault(error))
            return Doubt("a fault of ours: may have been sent")

    async def _finish(self, attempt: Attempt, result: Result) -> None:
        """Record an outcome, however long it takes: it is known here and nowhere else."""
        while True:
            try:
                await self._record.finish(attempt, result)
            except StoreError as error:
                if self._stopping:
                    raise
                LOG.warning("outcome_put_off", effect=attempt.effect_id, **fault(error))
                await asyncio.sleep(STORE_SECONDS)
            else:
                return


def _queue(lane: str) -> str:
    """Return the queue of a lane, by its first word."""
    return QUEUES.get(lane.partition("/")[0], COURIERS)


def _options(workflow_id: str, lane: str) -> EnqueueOptions:
    """Return how DBOS is to run an effect: messages are counted for each of our numbers, the second word of a lane."""
    _, _, rest = lane.partition("/")
    options: EnqueueOptions = {
        "workflow_name": WORKFLOW,
        "queue_name": _queue(lane),
        "workflow_id": workflow_id,
        "app_version": VERSION,
    }
    if options["queue_name"] == MESSAGES:
        options["queue_partition_key"] = rest.partition("/")[0] or "-"
    return options


def _engine(path: Path) -> Engine:
    """
    Return DBOS's connection, the only one: SQLite before 3.51.3 can corrupt a WAL file that two write.

    What a power cut takes of it is handed over again, so that no commit waits for the disk.
    """
    engine = create_engine(f"sqlite:///{path}", poolclass=QueuePool, pool_size=1, max_overflow=0)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return engine


class _ToOurLog(logging.Handler):
    """Tells in our log that DBOS complains, and where in it: its text may hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        LOG.warning("dbos", severity=record.levelname, where=f"{record.filename}:{record.lineno}")


def _be_quiet() -> None:
    """Let DBOS write to our log: it makes a handler of its own where there is none."""
    log = logging.getLogger("dbos")
    log.propagate = False
    if not any(isinstance(handler, _ToOurLog) for handler in log.handlers):
        log.handlers[:] = [_ToOurLog()]
