"""
What the engine needs from a store, and what it hands to it.

Rule 1: a decision commits whole or not at all, and `commit` returns only when it is durable.
Rule 2: every instance a decision changes is written only if its revision is still the one that was read.
Rule 3: an identity commits once. The same event again finds its receipt, not a second step.
"""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from engine.fold import Fact
from engine.model import EffectStatus, Instance, Step


class Identity(Struct, frozen=True):
    """An event's identity, for ever: *source* says whose ids these are."""

    source: str
    id: str


class Answer(Struct, frozen=True):
    """
    What was answered to a call that must be answered the same way again.

    A *body* of None was too large to keep or has been purged, and *digest* is its SHA-256: it may be rendered again for
    the instance at *revision*, and sent only if its digest is the same.
    """

    status: int
    digest: bytes | None
    body: bytes | None = None
    definition: str = ""
    key: str = ""
    revision: int = 0


class Receipt(Struct, frozen=True):
    """That an event was committed, and what was answered."""

    recorded_at: int
    answer: Answer | None = None


class Row(Struct, frozen=True):
    """
    A record that commits with a decision and that the engine does not look into.

    A subclass names its *table*; the fields in *key* find a row of it.
    """

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]

    def identity(self) -> tuple[Any, ...]:
        """Return the values of the key's fields."""
        return tuple(getattr(self, name) for name in self.key)


RowType = TypeVar("RowType", bound=Row)


class Decision(Struct, frozen=True, kw_only=True):
    """
    Everything that one event changes.

    *touched* instances are revision-checked and written without a journal row. *facts* belong to the instances of
    their keys. *put* inserts or replaces rows, *add* inserts those that are not there, *remove* deletes.
    *withdrawn* effects are discarded if still pending.
    """

    identities: tuple[Identity, ...] = ()
    recorded_at: int
    steps: tuple[Step, ...] = ()
    touched: tuple[tuple[Instance, Instance], ...] = ()
    facts: tuple[tuple[tuple[str, str], Fact], ...] = ()
    withdrawn: tuple[str, ...] = ()
    answer: Answer | None = None
    put: tuple[Row, ...] = ()
    add: tuple[Row, ...] = ()
    remove: tuple[Row, ...] = ()

    def changes(self) -> dict[tuple[str, str], tuple[int, Instance]]:
        """Return for each instance the revision it must still have, and what it becomes; in the order of their keys."""
        if len(self.steps) == 1 and not self.touched:
            (step,) = self.steps
            return {step.after.id: (step.before.revision, step.after)}
        changes: dict[tuple[str, str], tuple[int, Instance]] = {}
        for before, after in (*((step.before, step.after) for step in self.steps), *self.touched):
            revision, _ = changes.get(after.id, (before.revision, before))
            changes[after.id] = revision, after
        return dict(sorted(changes.items()))


class Verdict(Enum):
    """What became of a decision."""

    COMMITTED = "committed"
    DUPLICATE = "duplicate"
    """One of its identities was committed before: read its receipt."""
    STALE = "stale"
    """An instance changed since it was read: read again and decide again."""


class FamilyRecord(Struct, frozen=True):
    """A family as stored: its instances, and the facts of each of them that has any."""

    instances: tuple[Instance, ...] = ()
    facts: Mapping[tuple[str, str], tuple[Fact, ...]] = {}


class Version(Struct, frozen=True):
    """A stored version of a definition: what was compiled, and the document it came from."""

    name: str
    version: str
    compiled: bytes
    source: bytes


@runtime_checkable
class Store(Protocol):
    """
    Where instances live. Every method may raise StoreUnavailable.

    What was asked in a list is answered in its order.
    """

    async def recall(self, identities: Sequence[Identity]) -> list[Receipt | None]:
        """Return the receipt of each identity that was committed."""
        ...

    async def load(self, ids: Sequence[tuple[str, str]]) -> list[Instance | None]:
        """Return the instances of these (definition, key)."""
        ...

    async def load_family(self, family: str) -> FamilyRecord:
        """Return the instances of that family, with their facts."""
        ...

    def commit(self, decision: Decision) -> Awaitable[Verdict]:
        """Write *decision* whole or not at all. What is committed in one turn of the event loop may share a sync."""
        ...

    async def find(self, row_type: type[RowType], **equals: str) -> list[RowType]:
        """Return the rows whose fields have these values, in the order of their keys."""
        ...

    async def set_effect(self, key: str, expected: Collection[str], status: EffectStatus, reason: str, at: int) -> bool:
        """Give an effect a new status if it has one of those *expected*; return whether it did."""
        ...

    async def probe(self) -> None:
        """Write to the disk and change nothing: whoever hears no error knows that a commit could be made."""
        ...

    async def save_version(self, version: Version) -> None:
        """Keep a version of a definition; one that is there stays as it is."""
        ...

    async def versions(self) -> list[Version]:
        """Return every version of every definition that was kept."""
        ...
