"""
The rows of one transaction: decisions turned into what the tables take, and written in the order that they need.

Rule 1: identities first, then instances with their revisions: what conflicts is found out before anything else is done.
Rule 2: what a decision says about one row holds whatever else is in the batch: rows that are removed come before those
        that are put, those before what is added or withdrawn.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec

from engine.model import Armed, Effect, Instance, Step
from engine.ports import Answer, Decision, EffectChange, Row, Verdict
from storage import statements, tables
from storage.statements import Statement
from storage.tally import Edge, edges

InstanceId = tuple[str, str]
Values = tuple[Any, ...]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode
_decode_timers = msgspec.json.Decoder(tuple[Armed, ...]).decode

_NO_ANSWER = (None,) * len(Answer.__struct_fields__)
_NO_TIMERS = "[]"


class Conflict(Exception):
    """A batch cannot commit as it is; *verdict* says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class Unit:
    """A decision on its way to the tables, with what it changes worked out once."""

    __slots__ = ("about", "changes", "decision")

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.changes = decision.changes()
        rows = (*decision.remove, *decision.put, *decision.add)
        self.about: set[Hashable] = {
            *decision.identities,
            *self.changes,
            *((row.table, row.identity()) for row in rows),
            *(("effect", change.key) for change in decision.changed),
        }


def without_rivals(units: Sequence[Unit]) -> tuple[list[int], list[int]]:
    """Return the places of units that are about nothing that an earlier one is about, and of the others."""
    together: list[int] = []
    alone: list[int] = []
    seen: set[Hashable] = set()
    for place, unit in enumerate(units):
        (together if seen.isdisjoint(unit.about) else alone).append(place)
        seen |= unit.about  # what is about the same as one that must wait must wait too
    return together, alone


class RowStatements:
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


class Batch:
    """
    Units that commit together.

    *row_id* gives the row id of a stored instance, *new_id* the next one of a table, *kind* a row's statements.
    """

    def __init__(
        self,
        row_id: Callable[[InstanceId], int],
        new_id: Callable[[str], int],
        kind: Callable[[type[Row]], RowStatements],
    ) -> None:
        self._row_id = row_id
        self._new_id = new_id
        self._kind = kind
        self._inbox: list[Values] = []
        self._inserts: list[Values] = []
        self._updates: list[Values] = []
        self._changes: list[Values] = []
        self._taken: Counter[Edge] = Counter()
        self._first: dict[str, list[Values]] = {}
        self._then: dict[str, list[Values]] = {}
        self._last: dict[str, list[Values]] = {}
        self.written: list[tuple[Instance, int, str]] = []
        """Each instance with its row id and its context as it is stored."""

    def add(self, unit: Unit) -> None:
        """Take a unit's rows."""
        decision, at = unit.decision, unit.decision.recorded_at
        answer = _NO_ANSWER if decision.answer is None else msgspec.structs.astuple(decision.answer)
        for identity in dict.fromkeys(decision.identities):
            self._inbox.append((self._new_id("inbox"), identity.source, identity.id, at, *answer))
        row_ids = {instance_id: self._change(*change) for instance_id, change in unit.changes.items()}
        for step in decision.steps:
            owner = row_ids[step.after.id]
            _to(self._first, statements.INSERT_JOURNAL, _journal_values(owner, step, at))
            for effect in step.effects:
                _to(self._first, statements.PUT_EFFECT, _effect_values(self._new_id("effect"), owner, step, effect, at))
        for owner_id, fact in decision.facts:
            values = row_ids[owner_id], fact.name, fact.at, fact.received_at, fact.source, text(fact.details)
            _to(self._first, statements.PUT_FACT, values)
        for key in decision.withdrawn:
            _to(self._last, statements.WITHDRAW_EFFECT, (at, key))
        self._changes += [_change_values(change, at) for change in decision.changed]
        self._taken.update(edges(decision))
        if decision.remove or decision.put or decision.add:
            self._add_rows(decision)

    def execute(self, connection: sqlite3.Connection) -> None:
        """
        Write all of it, within a transaction that the caller began.

        Raises:
            Conflict: something in it cannot be written as it is.
        """
        many = connection.executemany
        if self._inbox and many(statements.INSERT_INBOX.sql, self._inbox).rowcount != len(self._inbox):
            raise Conflict(Verdict.DUPLICATE)
        if self._updates and many(statements.UPDATE_INSTANCE.sql, self._updates).rowcount != len(self._updates):
            raise Conflict(Verdict.STALE)
        if self._inserts:
            try:
                many(statements.INSERT_INSTANCE.sql, self._inserts)
            except sqlite3.IntegrityError:
                raise Conflict(Verdict.STALE) from None
        if self._changes and many(statements.CHANGE_EFFECT.sql, self._changes).rowcount != len(self._changes):
            raise Conflict(Verdict.STALE)
        for phase in (self._first, self._then, self._last):
            for sql, rows in phase.items():
                many(sql, rows)
        many(statements.COUNT_EDGE.sql, [(*edge, taken) for edge, taken in self._taken.items()])

    def _change(self, expected: int, instance: Instance) -> int:
        """Take what an instance becomes, and return its row id."""
        context = text(instance.context)
        if expected == 0:
            row_id = self._new_id("instance")
            self._inserts.append(_instance_values(row_id, instance, context))
        else:
            row_id = self._row_id(instance.id)
            self._updates.append(_update_values(row_id, expected, instance, context))
        self.written.append((instance, row_id, context))
        return row_id

    def _add_rows(self, decision: Decision) -> None:
        """Take the rows that the engine does not look into."""
        for row in decision.remove:
            _to(self._first, self._kind(type(row)).remove, row.identity())
        for row in decision.put:
            _to(self._then, self._kind(type(row)).put, msgspec.structs.astuple(row))
        for row in decision.add:
            _to(self._last, self._kind(type(row)).add, msgspec.structs.astuple(row))


def text(value: Any) -> str:
    """Return a value as the tables keep it: JSON text."""
    return _encode(value).decode()


def as_read(instance: Instance, context: str) -> Instance:
    """Return *instance* as it will be read: its context made anew from its text, shared with nobody."""
    return msgspec.structs.replace(instance, context=_decode(context))


def instance_of(row: Values) -> Instance:
    """Return the instance that a row of its table says."""
    _, definition, key, version, state, revision, entry, steps, path, context, family, deadline, timers, born, at = row
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
        timers=_timers_of(timers, deadline),
        created_at=born,
        updated_at=at,
    )


def _timers_of(timers: str, deadline: int | None) -> tuple[Armed, ...]:
    """Return an instance's timers; of one stored when only the first one's time was kept, that one without its name."""
    if timers != _NO_TIMERS:
        return _decode_timers(timers)
    return () if deadline is None else (Armed("", deadline),)


def _to(phase: dict[str, list[Values]], statement: Statement, values: Values) -> None:
    phase.setdefault(statement.sql, []).append(values)


def _instance_values(row_id: int, instance: Instance, context: str) -> Values:
    return (
        row_id,
        instance.definition,
        instance.key,
        instance.version,
        instance.state,
        instance.revision,
        instance.entry,
        instance.steps,
        text(instance.path),
        context,
        instance.family or None,
        instance.deadline,
        text(instance.timers) if instance.timers else _NO_TIMERS,
        instance.created_at,
        instance.updated_at,
    )


def _update_values(row_id: int, expected: int, instance: Instance, context: str) -> Values:
    return (
        instance.version,
        instance.state,
        instance.revision,
        instance.entry,
        instance.steps,
        text(instance.path),
        context,
        instance.family or None,
        instance.deadline,
        text(instance.timers) if instance.timers else _NO_TIMERS,
        instance.updated_at,
        row_id,
        expected,
    )


def _journal_values(instance_id: int, step: Step, at: int) -> Values:
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
        text(event.data),
        text([effect.name for effect in step.effects]) if step.effects else "[]",
    )


def _effect_values(number: int, instance_id: int, step: Step, effect: Effect, at: int) -> Values:
    asked = effect.key, number, instance_id, step.after.steps, effect.name, effect.status, effect.reason
    return (*asked, at, at, "", 0, 0, 0, None, "")


def _change_values(change: EffectChange, at: int) -> Values:
    """Return a change of an effect in the order of its statement's parameters."""
    expected = (change.expected * statements.EXPECTED)[: statements.EXPECTED]
    given = {
        "to": change.status,
        "why": change.reason,
        "at": at,
        "more": int(change.called),
        "anew": int(change.again),
        "called": at if change.called else None,
        "next": change.due,
        "into": change.lane,
        "named": change.outcome,
        "effect": change.key,
        "tried": change.attempts,
        **{f"expected_{place}": status for place, status in enumerate(expected)},
    }
    return tuple(given[name] for name in statements.CHANGE_EFFECT.parameters)
