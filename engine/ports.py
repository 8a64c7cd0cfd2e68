"""
What the engine needs from a store, and what it hands to it.

Rule 1: a decision commits whole or not at all, and `commit` returns only when it is durable.
Rule 2: every instance a decision changes is written only if its revision is still the one that was read.
Rule 3: an identity commits once. The same event again finds its receipt, not a second step.
"""

from collections.abc import Awaitable, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

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


class EffectChange(Struct, frozen=True, kw_only=True):
    """
    What becomes of an effect that has one of the statuses *expected* and, if given, was called *attempts* times so far.

    One that has not makes the decision stale: somebody else has settled it. *called* says that an attempt begins,
    *again* that it is handed over anew; *due* is when it may be called next, *lane* whom it is for, *outcome* what its
    receiver calls it; None leaves them as they are.
    """

    key: str
    expected: tuple[EffectStatus, ...]
    status: EffectStatus
    reason: str = ""
    attempts: int | None = None
    called: bool = False
    again: bool = False
    due: int | None = None
    lane: str | None = None
    outcome: str | None = None


class Owed(Struct, frozen=True):
    """
    An effect with what its delivery needs: the instance that asked for it, and the step that it was decided with.

    *number* counts effects in the order of their commits; those of a *lane* are called one after the other. It is
    empty while nobody has looked whom it is for.
    """

    key: str
    number: int
    name: str
    definition: str
    instance_key: str
    status: EffectStatus
    reason: str
    lane: str
    attempts: int
    rounds: int
    due: int
    called_at: int | None
    outcome: str
    created_at: int
    updated_at: int
    event: str
    source_state: str
    target_state: str
    occurred_at: int
    data: Mapping[str, Any]


class Head(Struct, frozen=True):
    """The next effect of a lane, held up by nothing before it. *lane_called_at* is when the lane was last called."""

    key: str
    lane: str
    name: str
    rounds: int
    lane_called_at: int | None


class Decision(Struct, frozen=True, kw_only=True):
    """
    Everything that one event changes.

    *touched* instances are revision-checked and written without a journal row. *facts* belong to the instances of
    their keys. *put* inserts or replaces rows, *add* inserts those that are not there, *remove* deletes.
    *withdrawn* effects are discarded if still pending, and marked if they were called; *changed* ones are settled.
    """

    identities: tuple[Identity, ...] = ()
    recorded_at: int
    steps: tuple[Step, ...] = ()
    touched: tuple[tuple[Instance, Instance], ...] = ()
    facts: tuple[tuple[tuple[str, str], Fact], ...] = ()
    withdrawn: tuple[str, ...] = ()
    changed: tuple[EffectChange, ...] = ()
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


_LISTS = "identities", "steps", "touched", "facts", "withdrawn", "changed", "put", "add", "remove"


def joined(first: Decision, *others: Decision) -> Decision:
    """Return *first* with all that *others* change, which are about other instances."""
    parts = (first, *others)
    return replace(first, **{name: tuple(each for part in parts for each in getattr(part, name)) for name in _LISTS})


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

    async def due(self, now: int, limit: int) -> list[tuple[str, str]]:
        """Return the (definition, key) of instances of which a timer is due by *now*, the earliest first."""
        ...

    def commit(self, decision: Decision) -> Awaitable[Verdict]:
        """Write *decision* whole or not at all. What is committed in one turn of the event loop may share a sync."""
        ...

    async def find(self, row_type: type[RowType], **equals: str) -> list[RowType]:
        """Return the rows whose fields have these values, in the order of their keys."""
        ...

    async def owed(self, keys: Sequence[str]) -> list[Owed | None]:
        """Return the effects of these keys."""
        ...

    async def unaddressed(self, now: int, limit: int) -> list[Owed]:
        """Return pending effects, due by *now*, of which nobody has said which lane they are in, the oldest first."""
        ...

    async def heads(self, now: int, doubted_before: int, limit: int) -> list[Head]:
        """
        Return the pending effects that are due and the first of their lanes, the oldest first.

        One that is pending or being called holds up those behind it, one whose outcome is unknown for a while: until
        it was last changed before *doubted_before*.
        """
        ...

    async def lingering(self, status: EffectStatus, before: int, limit: int, name: str = "") -> list[Owed]:
        """
        Return the effects that have had that status since before that time, the oldest first.

        With a *name* only those of that name.
        """
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
