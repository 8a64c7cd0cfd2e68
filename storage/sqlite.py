"""
The embedded store: one SQLite file, one process, one writing connection.

Rule 1: decisions of one event-loop turn share a transaction, and nobody hears of a commit before it is on the disk
        (WAL, `synchronous=FULL`).
Rule 2: when the shared transaction conflicts it is rolled back and each decision is judged alone.
Rule 3: every transaction that writes begins IMMEDIATE: one that begins by reading fails at once when another wrote.
Rule 4: SQLite before 3.51.3 can corrupt a WAL file when two connections write or checkpoint at once, so only this
        connection does either, and a lock file keeps a second server away.
"""

import asyncio
import fcntl
import sqlite3
import statistics
import threading
import time
from collections import deque
from collections.abc import Awaitable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from engine.errors import StorageFull, StoreUnavailable
from engine.fold import Fact
from engine.model import Effect, EffectStatus, Instance, Step
from engine.ports import Answer, Decision, FamilyRecord, Identity, Receipt, Row, RowType, Verdict, Version
from storage import statements, tables
from storage.statements import Statement

SLOW_SYNC = 0.2
"""Seconds. Where the median commit takes longer, commits leave the event loop for a thread."""

SAMPLES = 64
"""How many commits the median is taken over."""

CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 4000
"""How long the WAL grows before it is written back: 16 MB."""

HOT = 10_000
"""How many instances are remembered as they were last committed: only this process writes."""

PURGED_AT_ONCE = 1000

REMEMBERED_ROWS = 100_000
"""How many instances' row ids are remembered before the memory starts afresh."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode


class DatabaseInUse(StoreUnavailable):
    """Another server has this database open."""


_Waiting = tuple[Decision, "asyncio.Future[Verdict]"]


class _Conflict(Exception):
    """A batch cannot commit as it is."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class SqliteStore:
    """
    The store port on one SQLite file (`engine.ports.Store`).

    Open it within a running event loop; the tables must be there (storage/migrate.py makes them).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = _lock(path)
        self._writer = _connect(path)
        self._reader = self._writer
        self._pending: list[_Waiting] = []
        self._flush_due = False
        self._in_thread = False
        self._writing = threading.Lock()  # whoever writes, on the loop or in the thread, has the connection to itself
        self._commit_seconds: deque[float] = deque(maxlen=SAMPLES)
        self._row_ids: dict[tuple[str, str], int] = {}
        self._hot: dict[tuple[str, str], Instance] = {}
        self._rows: dict[type[Row], _RowStatements] = {}
        self._purged_to: dict[str, int] = {}
        with _store_errors():
            self._next_id: dict[str, int] = {
                table: 1 + self._writer.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]  # noqa: S608
                for table in ("instance", "inbox")
            }

    def close(self) -> None:
        """Close the database. What was acknowledged is on the disk already."""
        if self._reader is not self._writer:
            self._reader.close()
        self._writer.close()
        self._lock.close()

    @property
    def path(self) -> Path:
        """Return the database's file."""
        return self._path

    # Reading

    async def recall(self, identities: Sequence[Identity]) -> list[Receipt | None]:
        """Return the receipt of each identity that was committed."""
        with _store_errors():
            return [self._recall(identity) for identity in identities]

    def _recall(self, identity: Identity) -> Receipt | None:
        row = self._reader.execute(statements.SELECT_INBOX.sql, (identity.source, identity.id)).fetchone()
        if row is None:
            return None
        recorded_at, status, *kept = row
        return Receipt(recorded_at, None if status is None else Answer(status, *kept))

    async def load(self, ids: Sequence[tuple[str, str]]) -> list[Instance | None]:
        """Return the instances of these (definition, key)."""
        with _store_errors():
            return [self._hot.get(instance_id) or self._load(instance_id) for instance_id in ids]

    def _load(self, instance_id: tuple[str, str]) -> Instance | None:
        row = self._reader.execute(statements.SELECT_INSTANCE.sql, instance_id).fetchone()
        return None if row is None else self._instance(row)

    async def load_family(self, family: str) -> FamilyRecord:
        """Return the instances of that family, with their facts."""
        with _store_errors():
            instances = [self._instance(row) for row in self._reader.execute(statements.SELECT_FAMILY.sql, (family,))]
            facts = {
                instance.id: tuple(
                    Fact(name, at, received_at, _decode(details), source)
                    for _, name, at, received_at, source, details in self._reader.execute(
                        statements.SELECT_FACTS.sql, (self._row_ids[instance.id],)
                    )
                )
                for instance in instances
            }
        return FamilyRecord(tuple(instances), {owner: found for owner, found in facts.items() if found})

    async def find(self, row_type: type[RowType], **equals: str) -> list[RowType]:
        """Return the rows whose fields have these values, in the order of their keys."""
        kind = self._kind(row_type)
        statement = kind.find(tuple(equals))
        with _store_errors():
            rows = self._reader.execute(statement.sql, [equals[name] for name in statement.parameters]).fetchall()
        return [row_type(**dict(zip(kind.columns, row, strict=True))) for row in rows]

    async def versions(self) -> list[Version]:
        """Return every version of every definition that was kept."""
        with _store_errors():
            rows = self._reader.execute(statements.SELECT_VERSIONS.sql).fetchall()
        return [Version(name, version, text.encode(), source.encode()) for name, version, text, source, _ in rows]

    def _instance(self, row: tuple[Any, ...]) -> Instance:
        row_id, definition, key, version, state, revision, entry, steps, path, context, family, deadline, born, at = row
        self._remember((definition, key), row_id)
        return Instance(
            definition=definition,
            version=version,
            key=key,
            state=state,
            revision=revision,
            entry=entry,
            steps=steps,
            path=tuple(_decode(path)),
            context=_decode(context),
            family=family or "",
            deadline=deadline,
            created_at=born,
            updated_at=at,
        )

    def _remember(self, instance_id: tuple[str, str], row_id: int) -> None:
        if len(self._row_ids) >= REMEMBERED_ROWS:
            self._row_ids.clear()
        self._row_ids[instance_id] = row_id

    # Writing

    def commit(self, decision: Decision) -> Awaitable[Verdict]:
        """Write *decision* whole or not at all, with all others of this turn of the event loop, in one sync."""
        loop = asyncio.get_running_loop()
        verdict: asyncio.Future[Verdict] = loop.create_future()
        self._pending.append((decision, verdict))
        if not self._flush_due:
            self._flush_due = True
            loop.call_soon(self._flush)
        return verdict

    async def set_effect(self, key: str, expected: Collection[str], status: EffectStatus, reason: str, at: int) -> bool:
        """Give an effect a new status if it has one of those *expected*; return whether it did."""
        with self._writing, _store_errors():
            changed = [
                self._writer.execute(statements.SET_EFFECT.sql, (status, reason, at, key, before)).rowcount
                for before in expected
            ]
        return any(changed)

    async def purge(self, *, answers_before: int, identities_before: int) -> None:
        """Drop the bodies of answers and the identities of events that are older than these times; digests stay."""
        for drop, before in ((statements.DROP_BODIES, answers_before), (statements.DROP_IDENTITIES, identities_before)):
            while self._purged(drop, before):  # noqa: ASYNC110 - nothing is waited for: others come first
                await asyncio.sleep(0)

    def _purged(self, drop: Statement, before: int) -> bool:
        """Drop some of what is older than *before*, ids being given in order of time; return whether there is more."""
        mark = self._purged_to.get(drop.sql, 0)
        with self._writing, _store_errors():
            count, last = self._writer.execute(statements.COUNT_OLD.sql, (mark, before, PURGED_AT_ONCE, 0)).fetchone()
            if count:
                self._writer.execute(drop.sql, (mark, last))
        self._purged_to[drop.sql] = last or mark
        return bool(count == PURGED_AT_ONCE)

    async def save_version(self, version: Version) -> None:
        """Keep a version of a definition; one that is there stays as it is."""
        row = (
            version.name,
            version.version,
            version.compiled.decode(),
            version.source.decode(),
            time.time_ns() // 1000,
        )
        with self._writing, _store_errors():
            self._writer.execute(statements.ADD_VERSION.sql, row)

    def _flush(self) -> None:
        """Commit what has gathered in this turn of the loop, here or in a thread, and tell everybody the verdict."""
        pending, self._pending = self._pending, []
        decisions = [decision for decision, _ in pending]
        if self._in_thread:
            judging = asyncio.get_running_loop().run_in_executor(None, self._judge, decisions)
            judging.add_done_callback(lambda done: self._deliver(pending, done.result()))
        else:
            self._deliver(pending, self._judge(decisions))

    def _deliver(self, pending: list[_Waiting], verdicts: list[Verdict | Exception]) -> None:
        for (_, waiting), verdict in zip(pending, verdicts, strict=True):
            if waiting.done():  # whoever asked was cancelled; the commit stands
                continue
            if isinstance(verdict, Verdict):
                waiting.set_result(verdict)
            else:
                waiting.set_exception(verdict)
        self._flush_due = bool(self._pending)
        if self._flush_due:
            asyncio.get_running_loop().call_soon(self._flush)
        elif not self._in_thread:
            self._leave_the_loop_if_slow()

    def _leave_the_loop_if_slow(self) -> None:
        if len(self._commit_seconds) == SAMPLES and statistics.median(self._commit_seconds) > SLOW_SYNC:
            self._in_thread = True
            self._reader = _connect(self._path)
            self._reader.execute("PRAGMA query_only=ON")
            self._reader.execute("PRAGMA wal_autocheckpoint=0")

    def _judge(self, decisions: Sequence[Decision]) -> list[Verdict | Exception]:
        """Return the verdict on each decision. Those that cannot share a transaction get one each, after it."""
        together, alone = _without_rivals(decisions)
        verdicts: dict[int, Verdict | Exception] = {}
        shared = self._attempt([decisions[place] for place in together])
        # Only what the database cannot do is everybody's trouble: a row that breaks a constraint is its decision's own.
        if shared is Verdict.COMMITTED or isinstance(getattr(shared, "__cause__", None), sqlite3.OperationalError):
            verdicts = dict.fromkeys(together, shared)
        else:
            alone = sorted([*together, *alone])
        for place in alone:
            verdicts[place] = self._attempt([decisions[place]])
        return [verdicts[place] for place in range(len(decisions))]

    def _attempt(self, decisions: list[Decision]) -> Verdict | Exception:
        try:
            self._write(decisions)
        except _Conflict as conflict:
            return conflict.verdict
        except Exception as error:  # noqa: BLE001 - whoever waits for this commit must hear what became of it
            return error
        return Verdict.COMMITTED

    def _write(self, decisions: list[Decision]) -> None:
        """
        Commit *decisions* in one transaction.

        Raises:
            _Conflict: one of them conflicts; nothing was written.
        """
        batch = _Batch()
        for decision in decisions:
            self._collect(batch, decision)
        execute = self._writer.execute
        started = time.perf_counter()
        with self._writing, _store_errors():
            execute("BEGIN IMMEDIATE")
            try:
                self._execute(batch)
                execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    execute("ROLLBACK")
                raise
        self._commit_seconds.append(time.perf_counter() - started)
        for instance_id, row_id in batch.born.items():
            self._remember(instance_id, row_id)
        for instance in batch.written:
            self._keep_hot(instance)

    def _keep_hot(self, instance: Instance) -> None:
        """Remember an instance as it was committed: whoever writes next need not read it. The oldest are forgotten."""
        self._hot.pop(instance.id, None)
        self._hot[instance.id] = instance
        if len(self._hot) > HOT:
            del self._hot[next(iter(self._hot))]

    def _execute(self, batch: "_Batch") -> None:
        many = self._writer.executemany
        if batch.inbox and many(statements.INSERT_INBOX.sql, batch.inbox).rowcount != len(batch.inbox):
            raise _Conflict(Verdict.DUPLICATE)
        if batch.updates and many(statements.UPDATE_INSTANCE.sql, batch.updates).rowcount != len(batch.updates):
            raise _Conflict(Verdict.STALE)
        if batch.inserts:
            try:
                many(statements.INSERT_INSTANCE.sql, batch.inserts)
            except sqlite3.IntegrityError:
                raise _Conflict(Verdict.STALE) from None
        for sql, rows in batch.others.items():
            many(sql, rows)

    def _collect(self, batch: "_Batch", decision: Decision) -> None:
        """Add a decision's rows to *batch*."""
        at = decision.recorded_at
        answer = _answer(decision.answer)
        for identity in dict.fromkeys(decision.identities):
            batch.inbox.append((self._new_id("inbox"), identity.source, identity.id, at, *answer))
        row_ids: dict[tuple[str, str], int] = {}
        for instance_id, (expected, instance) in decision.changes().items():
            batch.written.append(instance)
            if expected == 0:
                row_ids[instance_id] = batch.born[instance_id] = self._new_id("instance")
                batch.inserts.append(_instance_row(row_ids[instance_id], instance))
            else:
                row_ids[instance_id] = self._row_id(instance_id)
                batch.updates.append(_instance_update(row_ids[instance_id], expected, instance))
        for step in decision.steps:
            owner = row_ids[step.after.id]
            batch.other(statements.INSERT_JOURNAL, _journal_row(owner, step, at))
            for effect in step.effects:
                batch.other(statements.INSERT_EFFECT, _effect_row(owner, step, effect, at))
        for owner_id, fact in decision.facts:
            batch.other(statements.PUT_FACT, _fact_row(row_ids[owner_id], fact))
        for key in decision.withdrawn:
            batch.other(statements.SET_EFFECT, ("discarded", "superseded", at, key, "pending"))
        self._collect_rows(batch, decision)

    def _collect_rows(self, batch: "_Batch", decision: Decision) -> None:
        """Add the rows that the engine does not look into."""
        for row in decision.remove:
            batch.other(self._kind(type(row)).remove, row.identity())
        for row in decision.put:
            batch.other(self._kind(type(row)).put, msgspec.structs.astuple(row))
        for row in decision.add:
            batch.other(self._kind(type(row)).add, msgspec.structs.astuple(row))

    def _new_id(self, table: str) -> int:
        new = self._next_id[table]
        self._next_id[table] = new + 1
        return new

    def _row_id(self, instance_id: tuple[str, str]) -> int:
        known = self._row_ids.get(instance_id)
        if known is not None:
            return known
        with self._writing, _store_errors():
            row = self._writer.execute(statements.SELECT_INSTANCE.sql, instance_id).fetchone()
        found = int(row[0]) if row else 0  # no row has the id 0: the update will find nothing
        self._remember(instance_id, found)
        return found

    def _kind(self, row_type: type[Row]) -> "_RowStatements":
        kind = self._rows.get(row_type)
        if kind is None:
            kind = self._rows[row_type] = _RowStatements(row_type)
        return kind


class _Batch:
    """The rows of one transaction, by the statement that writes them."""

    def __init__(self) -> None:
        self.inbox: list[tuple[Any, ...]] = []
        self.inserts: list[tuple[Any, ...]] = []
        self.updates: list[tuple[Any, ...]] = []
        self.others: dict[str, list[tuple[Any, ...]]] = {}
        self.born: dict[tuple[str, str], int] = {}
        self.written: list[Instance] = []

    def other(self, statement: Statement, row: tuple[Any, ...]) -> None:
        """Add a row that cannot conflict."""
        self.others.setdefault(statement.sql, []).append(row)


class _RowStatements:
    """The statements of a kind of row. Its fields are its table's columns, in their order."""

    def __init__(self, row_type: type[Row]) -> None:
        self._table = tables.METADATA.tables[row_type.table]
        self.columns = statements.columns(self._table)
        self.put = statements.put(self._table)
        self.add = statements.add(self._table)
        self.remove = statements.remove(self._table)
        self._finds: dict[tuple[str, ...], Statement] = {}

    def find(self, equals: tuple[str, ...]) -> Statement:
        """Return the statement that finds rows by these columns."""
        if equals not in self._finds:
            self._finds[equals] = statements.find(self._table, *equals)
        return self._finds[equals]


def _without_rivals(decisions: Sequence[Decision]) -> tuple[list[int], list[int]]:
    """Return the places of decisions that have neither an identity nor an instance in common, and of the others."""
    together: list[int] = []
    alone: list[int] = []
    identities: set[Identity] = set()
    instances: set[tuple[str, str]] = set()
    for place, decision in enumerate(decisions):
        changed = decision.changes().keys()
        if identities.isdisjoint(decision.identities) and instances.isdisjoint(changed):
            together.append(place)
            identities.update(decision.identities)
            instances |= changed
        else:
            alone.append(place)
    return together, alone


def _text(value: Any) -> str:
    return _encode(value).decode()


def _instance_row(row_id: int, instance: Instance) -> tuple[Any, ...]:
    return (
        row_id,
        instance.definition,
        instance.key,
        instance.version,
        instance.state,
        instance.revision,
        instance.entry,
        instance.steps,
        _text(instance.path),
        _text(instance.context),
        instance.family or None,
        instance.deadline,
        instance.created_at,
        instance.updated_at,
    )


def _instance_update(row_id: int, expected: int, instance: Instance) -> tuple[Any, ...]:
    return (
        instance.state,
        instance.revision,
        instance.entry,
        instance.steps,
        _text(instance.path),
        _text(instance.context),
        instance.deadline,
        instance.updated_at,
        row_id,
        expected,
    )


def _journal_row(instance_id: int, step: Step, at: int) -> tuple[Any, ...]:
    event = step.event
    return (
        instance_id,
        step.after.steps,
        event.name,
        event.id,
        step.before.state,
        step.after.state,
        event.at,
        at,
        event.actor,
        int(step.inferred),
        step.outcome,
        _text(event.data),
        _text([effect.name for effect in step.effects]),
    )


def _effect_row(instance_id: int, step: Step, effect: Effect, at: int) -> tuple[Any, ...]:
    return effect.key, instance_id, step.after.steps, effect.name, effect.status, effect.reason, at, at


def _fact_row(instance_id: int, fact: Fact) -> tuple[Any, ...]:
    return instance_id, fact.name, fact.at, fact.received_at, fact.source, _text(fact.details)


def _answer(answer: Answer | None) -> tuple[Any, ...]:
    if answer is None:
        return (None,) * len(Answer.__struct_fields__)
    return answer.status, answer.digest, answer.body, answer.definition, answer.key, answer.revision


def _connect(path: Path) -> sqlite3.Connection:
    with _store_errors():
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        return connection


def _lock(path: Path) -> IO[bytes]:
    """Hold the database for this process, until the file returned is closed."""
    lock = path.with_name(path.name + ".lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise DatabaseInUse from None
    return lock


@contextmanager
def _store_errors() -> Iterator[None]:
    """Turn SQLite's errors into the store's."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:  # the driver's own errors have none
            raise StorageFull from error
        raise StoreUnavailable from error
