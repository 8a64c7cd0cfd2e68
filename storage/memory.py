"""
The store in memory, for tests and trials: the same promises as on disk, but for the disk.

It passes the same contract tests as the SQL stores (tests/contract).
"""

import asyncio
from collections.abc import Awaitable, Sequence
from operator import itemgetter

from msgspec.structs import replace

from engine.fold import Fact
from engine.model import Effect, EffectStatus, Instance, Step
from engine.ports import (
    Answer,
    Decision,
    EffectChange,
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


class MemoryStore:
    """The store port on dictionaries (`engine.ports.Store`)."""

    def __init__(self) -> None:
        self.instances: dict[tuple[str, str], Instance] = {}
        self.journal: dict[tuple[str, str], list[Step]] = {}
        self._owed: dict[str, Owed] = {}
        self._inbox: dict[Identity, tuple[int, Answer | None]] = {}
        self._facts: dict[tuple[str, str], dict[str, Fact]] = {}
        self._rows: dict[str, dict[tuple[object, ...], Row]] = {}
        self._versions: dict[tuple[str, str], Version] = {}

    async def recall(self, identities: Sequence[Identity]) -> list[Receipt | None]:
        """Return the receipt of each identity that was committed."""
        return [
            Receipt(*self._inbox[identity]) if identity in self._inbox else None for identity in identities
        ]  # fmt: skip

    async def load(self, ids: Sequence[tuple[str, str]]) -> list[Instance | None]:
        """Return the instances of these (definition, key)."""
        return [self.instances.get(instance_id) for instance_id in ids]

    async def load_family(self, family: str) -> FamilyRecord:
        """Return the instances of that family, with their facts."""
        members = tuple(instance for instance in self.instances.values() if family and instance.family == family)
        facts = {
            member.id: tuple(sorted(self._facts[member.id].values(), key=lambda fact: (fact.name, fact.at)))
            for member in members
            if member.id in self._facts
        }
        return FamilyRecord(members, facts)

    async def due(self, now: int, limit: int) -> list[tuple[str, str]]:
        """Return the (definition, key) of instances of which a timer is due by *now*, the earliest first."""
        waiting = ((instance.deadline, instance.id) for instance in self.instances.values())
        due = [(deadline, found) for deadline, found in waiting if deadline is not None and deadline <= now]
        return [found for _, found in sorted(due, key=itemgetter(0))[:limit]]

    async def find(self, row_type: type[RowType], **equals: str) -> list[RowType]:
        """Return the rows whose fields have these values, in the order of their keys."""
        rows = sorted(self._rows.get(row_type.table, {}).items())
        return [
            row
            for _, row in rows
            if isinstance(row, row_type) and all(getattr(row, name) == value for name, value in equals.items())
        ]

    @property
    def effects(self) -> dict[str, Effect]:
        """Return what was asked for, by keys."""
        return {key: Effect(key, owed.name, owed.status, owed.reason) for key, owed in self._owed.items()}

    async def owed(self, keys: Sequence[str]) -> list[Owed | None]:
        """Return the effects of these keys."""
        return [self._owed.get(key) for key in keys]

    async def unaddressed(self, now: int, limit: int) -> list[Owed]:
        """Return pending effects, due by *now*, of which nobody has said which lane they are in, the oldest first."""
        waiting = (owed for owed in self._in_order() if owed.status == "pending" and owed.due <= now)
        return [owed for owed in waiting if not owed.lane][:limit]

    async def heads(self, now: int, doubted_before: int, limit: int) -> list[Head]:
        """Return the pending effects that are due and the first of their lanes, the oldest first."""
        held: set[str] = set()
        called: dict[str, int] = {}
        heads: list[Owed] = []
        for owed in self._in_order():
            if not owed.lane:
                continue
            if owed.called_at is not None:
                called[owed.lane] = max(owed.called_at, called.get(owed.lane, 0))
            if owed.status == "pending" and owed.due <= now and owed.lane not in held:
                heads.append(owed)
            doubted = owed.status == "unknown" and owed.updated_at > doubted_before
            if doubted or owed.status in ("pending", "calling"):
                held.add(owed.lane)
        return [Head(owed.key, owed.lane, owed.name, owed.rounds, called.get(owed.lane)) for owed in heads[:limit]]

    async def lingering(self, status: EffectStatus, before: int, limit: int, name: str = "") -> list[Owed]:
        """Return the effects, of that *name* if there is one, that have had a status since before that time."""
        named = (owed for owed in self._in_order() if name in ("", owed.name))
        return [owed for owed in named if owed.status == status and owed.updated_at < before][:limit]

    def _in_order(self) -> list[Owed]:
        return sorted(self._owed.values(), key=lambda owed: owed.number)

    async def probe(self) -> None:
        """Do nothing: memory can always be written."""

    async def save_version(self, version: Version) -> None:
        """Keep a version of a definition; one that is there stays as it is."""
        self._versions.setdefault((version.name, version.version), version)

    async def versions(self) -> list[Version]:
        """Return every version of every definition that was kept."""
        return [self._versions[version] for version in sorted(self._versions)]

    def commit(self, decision: Decision) -> Awaitable[Verdict]:
        """Write *decision* whole or not at all."""
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        verdict.set_result(self._judge(decision))
        return verdict

    def _judge(self, decision: Decision) -> Verdict:
        if any(identity in self._inbox for identity in decision.identities):
            return Verdict.DUPLICATE
        changes = decision.changes()
        for instance_id, (expected, _) in changes.items():
            current = self.instances.get(instance_id)
            if expected != (current.revision if current else 0):
                return Verdict.STALE
        if not all(self._may_change(change) for change in decision.changed):
            return Verdict.STALE
        for _, instance in changes.values():
            self.instances[instance.id] = instance
        self._write(decision)
        self._write_rows(decision)
        return Verdict.COMMITTED

    def _write(self, decision: Decision) -> None:
        for step in decision.steps:
            self.journal.setdefault(step.after.id, []).append(step)
            for effect in step.effects:
                self._ask_for(step, effect, decision.recorded_at)
        for owner, fact in decision.facts:
            self._facts.setdefault(owner, {})[fact.id] = fact
        for key in decision.withdrawn:
            if key in self._owed and self._owed[key].status in ("pending", "calling", "unknown", "done"):
                status = self._owed[key].status
                self._owed[key] = replace(
                    self._owed[key],
                    status="discarded" if status == "pending" else status,
                    reason="superseded",
                    updated_at=decision.recorded_at,
                )
        for change in decision.changed:
            self._owed[change.key] = _changed(self._owed[change.key], change, decision.recorded_at)
        for identity in decision.identities:
            self._inbox[identity] = decision.recorded_at, decision.answer

    def _ask_for(self, step: Step, effect: Effect, at: int) -> None:
        known = self._owed.get(effect.key)
        if known is None:
            asked, (definition, key) = step.event, step.after.id
            self._owed[effect.key] = Owed(
                effect.key, len(self._owed) + 1, effect.name, definition, key, effect.status, effect.reason,
                "", 0, 0, 0, None, "", at, at, asked.name, step.before.state, step.after.state, asked.at,
                dict(asked.data),
            )  # fmt: skip
        elif (known.status, known.reason) == ("discarded", "superseded"):
            self._owed[effect.key] = replace(known, status=effect.status, reason=effect.reason, updated_at=at)

    def _may_change(self, change: EffectChange) -> bool:
        owed = self._owed.get(change.key)
        tried = owed is not None and change.attempts in (None, owed.attempts)
        return owed is not None and owed.status in change.expected and tried

    def _write_rows(self, decision: Decision) -> None:
        for row in decision.remove:
            self._rows.get(row.table, {}).pop(row.identity(), None)
        for row in decision.put:
            self._rows.setdefault(row.table, {})[row.identity()] = row
        for row in decision.add:
            self._rows.setdefault(row.table, {}).setdefault(row.identity(), row)


def _changed(owed: Owed, change: EffectChange, at: int) -> Owed:
    return replace(
        owed,
        status=change.status,
        reason=change.reason,
        attempts=owed.attempts + change.called,
        rounds=owed.rounds + change.again,
        called_at=at if change.called else owed.called_at,
        due=owed.due if change.due is None else change.due,
        lane=owed.lane if change.lane is None else change.lane,
        outcome=owed.outcome if change.outcome is None else change.outcome,
        updated_at=at,
    )
