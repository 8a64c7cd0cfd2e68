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
import hashlib
import sqlite3
import statistics
import threading
import time
from collections import deque
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from engine.errors import StorageFull, StoreUnavailable
from engine.fold import Fact
from engine.model import EffectStatus, Instance
from engine.ports import (
    Answer,
    Decision,
    FamilyRecord,
    Head,
    Identity,
    Owed,
    Receipt,
    Row,
    RowType,
    Verdict,
    Version,
)
from storage import statements
from storage.batch import Batch, Conflict, RowStatements, Unit, Values, as_read, instance_of, without_rivals
from storage.statements import Statement

SLOW_SYNC = 0.002
"""Seconds. Where the median commit takes longer, commits leave the event loop for a thread."""

SAMPLES = 64
"""How many commits the median is taken over."""

LOCK_SECONDS = 0.5
"""How long a write waits for another program that has the database locked; everybody waits with it."""

CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 4000
"""How long the WAL grows before it is written back: 16 MB."""

HOT = 10_000
"""How many instances are remembered as they were last committed: only this process writes."""

PURGED_AT_ONCE = 1000

REMEMBERED_ROWS = 100_000
"""How many instances' row ids are remembered before the memory starts afresh."""


class DatabaseInUse(StoreUnavailable):
    """Another server has this database open."""


_Waiting = tuple[Decision, "asyncio.Future[Verdict]"]


class SqliteStore:
    """
    The store port on one SQLite file (`engine.ports.Store`).

    Open it within a running event loop; the tables must be there (storage/migrate.py makes them).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with ExitStack() as opened:  # a store that cannot be opened leaves nothing open
            self._lock = opened.enter_context(locked(path))
            self._writer = opened.enter_context(closing(_connect(path)))
            with _store_errors():
                self._next_id: dict[str, int] = {
                    table: 1 + self._writer.execute(f"SELECT coalesce(max({column}), 0) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
                    for table, column in (("instance", "id"), ("inbox", "id"), ("effect", "number"))
                }
            opened.pop_all()
        self._reader = self._writer
        self._pending: list[_Waiting] = []
        self._flush_due = False
        self._in_thread = False
        self._writing = threading.Lock()  # whoever writes, on the loop or in the thread, has the connection to itself
        self._commit_seconds: deque[float] = deque(maxlen=SAMPLES)
        self._row_ids: dict[tuple[str, str], int] = {}
        self._hot: dict[tuple[str, str], Instance] = {}
        self._rows: dict[type[Row], RowStatements] = {}
        self._purged_to: dict[str, int] = {}

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
            rows = self._reader.execute(statements.SELECT_FAMILY.sql, (family,)).fetchall()
            instances = [self._instance(row) for row in rows]
            facts = {
                instance.id: tuple(
                    Fact(name, at, received_at, msgspec.json.decode(details), source)
                    for _, name, at, received_at, source, details in self._reader.execute(
                        statements.SELECT_FACTS.sql, (row[0],)
                    )
                )
                for instance, row in zip(instances, rows, strict=True)
            }
        return FamilyRecord(tuple(instances), {owner: found for owner, found in facts.items() if found})

    async def due(self, now: int, limit: int) -> list[tuple[str, str]]:
        """Return the (definition, key) of instances of which a timer is due by *now*, the earliest first."""
        with _store_errors():
            return self._reader.execute(statements.SELECT_DUE.sql, (now, limit, 0)).fetchall()

    async def find(self, row_type: type[RowType], **equals: str) -> list[RowType]:
        """Return the rows whose fields have these values, in the order of their keys."""
        kind = self._kind(row_type)
        statement = kind.find(tuple(equals))
        with _store_errors():
            rows = self._reader.execute(statement.sql, [equals[name] for name in statement.parameters]).fetchall()
        return [row_type(**dict(zip(kind.columns, row, strict=True))) for row in rows]

    async def owed(self, keys: Sequence[str]) -> list[Owed | None]:
        """Return the effects of these keys."""
        found = (self._owed(statements.SELECT_OWED, effect=key) for key in keys)
        return [next(iter(of_key), None) for of_key in found]

    async def unaddressed(self, now: int, limit: int) -> list[Owed]:
        """Return pending effects, due by *now*, of which nobody has said which lane they are in, the oldest first."""
        return self._owed(statements.SELECT_UNADDRESSED, now=now, limit=limit)

    async def heads(self, now: int, doubted_before: int, limit: int) -> list[Head]:
        """Return the pending effects that are due and the first of their lanes, the oldest first."""
        given = {"now": now, "doubted_before": doubted_before, "limit": limit}
        return [Head(*row) for row in self._asked(statements.SELECT_HEADS, given)]

    async def lingering(self, status: EffectStatus, before: int, limit: int, name: str = "") -> list[Owed]:
        """Return the effects, of that *name* if there is one, that have had a status since before that time."""
        return self._owed(statements.SELECT_LINGERING, status=status, before=before, name=name, limit=limit)

    def _owed(self, statement: Statement, **given: Any) -> list[Owed]:
        rows = (dict(zip(Owed.__struct_fields__, row, strict=True)) for row in self._asked(statement, given))
        return [Owed(**{**row, "data": msgspec.json.decode(row["data"])}) for row in rows]

    def _asked(self, statement: Statement, given: Mapping[str, Any]) -> list[Values]:
        """Return the rows of a statement whose parameters are *given*; what it skips is nothing."""
        values = [given.get(name, 0) for name in statement.parameters]
        with _store_errors():
            return self._reader.execute(statement.sql, values).fetchall()

    async def versions(self) -> list[Version]:
        """Return every version of every definition that was kept."""
        with _store_errors():
            rows = self._reader.execute(statements.SELECT_VERSIONS.sql).fetchall()
        return [Version(name, version, text.encode(), source.encode()) for name, version, text, source, _ in rows]

    def _instance(self, row: Values) -> Instance:
        instance = instance_of(row)
        self._remember(instance.id, row[0])
        return instance

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

    async def purge(self, *, answers_before: int, identities_before: int) -> None:
        """Drop the bodies of answers and the identities of events that are older than these times."""
        for drop, before in ((statements.DROP_BODIES, answers_before), (statements.DROP_IDENTITIES, identities_before)):
            while self._purged(drop, before):  # noqa: ASYNC110 - nothing is waited for: others come first
                await asyncio.sleep(0)

    def _purged(self, drop: Statement, before: int) -> bool:
        """Drop some of what is older than *before*, ids being given in order of time; return whether there is more."""
        mark = self._purged_to.get(drop.sql, 0)
        with self._writing, _store_errors():
            count, last = self._writer.execute(statements.COUNT_OLD.sql, (mark, PURGED_AT_ONCE, 0, before)).fetchone()
            if count:
                self._writer.execute(drop.sql, (mark, last))
        self._purged_to[drop.sql] = last or mark
        return bool(count == PURGED_AT_ONCE)

    async def probe(self) -> None:
        """Write to the disk and change nothing; the header that is written takes no room from anybody."""
        with self._writing, _store_errors():
            (version,) = self._writer.execute("PRAGMA user_version").fetchone()
            self._writer.execute(f"PRAGMA user_version={version}")

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
            reader = _connect(self._path)
            reader.execute("PRAGMA query_only=ON")
            reader.execute("PRAGMA wal_autocheckpoint=0")
            self._reader, self._in_thread = reader, True

    def _judge(self, decisions: Sequence[Decision]) -> list[Verdict | Exception]:
        """Return the verdict on each decision. Those that cannot share a transaction get one each, after it."""
        units: list[Unit] = [Unit(decision) for decision in decisions]
        together, alone = without_rivals(units)
        verdicts: dict[int, Verdict | Exception] = {}
        shared = self._attempt([units[place] for place in together])
        # Only what the database cannot do is everybody's trouble: a row that breaks a constraint is its decision's own.
        if shared is Verdict.COMMITTED or isinstance(getattr(shared, "__cause__", None), sqlite3.OperationalError):
            verdicts = dict.fromkeys(together, shared)
        else:
            alone = sorted([*together, *alone])
        for place in alone:
            verdicts[place] = self._attempt([units[place]])
        return [verdicts[place] for place in range(len(units))]

    def _attempt(self, units: list[Unit]) -> Verdict | Exception:
        try:
            self._write(units)
        except Conflict as conflict:
            return conflict.verdict
        except Exception as error:  # noqa: BLE001 - whoever waits for this commit must hear what became of it
            return error
        return Verdict.COMMITTED

    def _write(self, units: list[Unit]) -> None:
        """
        Commit *units* in one transaction.

        Raises:
            Conflict: one of them conflicts; nothing was written.
        """
        batch = Batch(self._row_id, self._new_id, self._kind)
        for unit in units:
            batch.add(unit)
        execute = self._writer.execute
        started = time.perf_counter()
        with self._writing, _store_errors():
            execute("BEGIN IMMEDIATE")
            try:
                batch.execute(self._writer)
                execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    execute("ROLLBACK")
                raise
        self._commit_seconds.append(time.perf_counter() - started)
        for instance, row_id, context in batch.written:
            self._remember(instance.id, row_id)
            self._keep_hot(as_read(instance, context))

    def _keep_hot(self, instance: Instance) -> None:
        """Remember an instance as it was committed: whoever writes next need not read it. The oldest are forgotten."""
        self._hot.pop(instance.id, None)
        self._hot[instance.id] = instance
        if len(self._hot) > HOT:
            del self._hot[next(iter(self._hot))]

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

    def _kind(self, row_type: type[Row]) -> RowStatements:
        kind = self._rows.get(row_type)
        if kind is None:
            kind = self._rows[row_type] = RowStatements(row_type)
        return kind


def _connect(path: Path) -> sqlite3.Connection:
    with _store_errors():
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCK_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
            connection.create_function("sha256", 1, lambda body: hashlib.sha256(body).digest(), deterministic=True)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def locked(path: Path) -> IO[bytes]:
    """
    Hold the database for this process, until the file returned is closed.

    Raises:
        DatabaseInUse: another process holds it.
    """
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
