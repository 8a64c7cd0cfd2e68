"""
The store in memory, for tests and trials: the same promises as on disk, but for the disk.

It passes the same contract tests as the SQL stores (tests/contract).
"""

import asyncio
from collections.abc import Awaitable, Collection, Sequence

from msgspec.structs import replace

from engine.fold import Fact
from engine.model import Effect, EffectStatus, Instance, Step
from engine.ports import Answer, Decision, FamilyRecord, Identity, Receipt, Row, RowType, Verdict, Version


class MemoryStore:
    """The store port on dictionaries (`engine.ports.Store`)."""

    def __init__(self) -> None:
        self.instances: dict[tuple[str, str], Instance] = {}
        self.journal: dict[tuple[str, str], list[Step]] = {}
        self.effects: dict[str, Effect] = {}
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

    async def find(self, row_type: type[RowType], **equals: str) -> list[RowType]:
        """Return the rows whose fields have these values, in the order of their keys."""
        rows = sorted(self._rows.get(row_type.table, {}).items())
        return [
            row
            for _, row in rows
            if isinstance(row, row_type) and all(getattr(row, name) == value for name, value in equals.items())
        ]

    async def set_effect(self, key: str, expected: Collection[str], status: EffectStatus, reason: str, at: int) -> bool:
        """Give an effect a new status if it has one of those *expected*; return whether it did."""
        del at  # kept by the stores that staff can ask
        effect = self.effects.get(key)
        if effect is None or effect.status not in expected:
            return False
        self.effects[key] = replace(effect, status=status, reason=reason)
        return True

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
        for _, instance in changes.values():
            self.instances[instance.id] = instance
        self._write(decision)
        self._write_rows(decision)
        return Verdict.COMMITTED

    def _write(self, decision: Decision) -> None:
        for step in decision.steps:
            self.journal.setdefault(step.after.id, []).append(step)
            for effect in step.effects:
                known = self.effects.get(effect.key)
                if known is None or (known.status, known.reason) == ("discarded", "superseded"):
                    self.effects[effect.key] = effect
        for owner, fact in decision.facts:
            self._facts.setdefault(owner, {})[fact.id] = fact
        for key in decision.withdrawn:
            if key in self.effects and self.effects[key].status == "pending":
                self.effects[key] = replace(self.effects[key], status="discarded", reason="superseded")
        for identity in decision.identities:
            self._inbox[identity] = decision.recorded_at, decision.answer

    def _write_rows(self, decision: Decision) -> None:
        for row in decision.remove:
            self._rows.get(row.table, {}).pop(row.identity(), None)
        for row in decision.put:
            self._rows.setdefault(row.table, {})[row.identity()] = row
        for row in decision.add:
            self._rows.setdefault(row.table, {}).setdefault(row.identity(), row)
