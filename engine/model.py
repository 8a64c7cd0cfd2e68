"""
What a workflow is, with nothing of WhatsApp, couriers or databases in it.

Rule 1: everything here is a frozen value. A change is a new value.
Rule 2: time, ids and randomness come in with the event; nothing here asks for them.
Rule 3: times are integer microseconds since 1970 in UTC.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

SECOND = 1_000_000
"""One second, in the unit of every time in the engine."""


class Guard(Struct, frozen=True):
    """A pure yes/no about an instance and an event, named as a fact; *args* make one function serve many arrows."""

    name: str
    args: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.args)})" if self.args else self.name


class Raise(Struct, frozen=True):
    """
    What a transition tells another instance of the same family.

    *key* is a template: `{key}` stands for the key of the instance that raises and `{second}` for the UTC second of
    the event. Without a key the family's root is told or, by facts, the instance that the timeline opened last.
    """

    definition: str
    event: str
    key: str = ""
    opens: bool = False
    guard: Guard | None = None


class State(Struct, frozen=True):
    """A place an instance can be in. *id* is a dotted path: `forward.delivered` is drawn inside `forward`."""

    id: str
    title: str = ""
    description: str = ""
    final: bool = False
    tags: tuple[str, ...] = ()


class Group(Struct, frozen=True):
    """What authors and pictures put around states whose ids begin with *id* and a dot."""

    id: str
    title: str = ""


class Transition(Struct, frozen=True):
    """
    One arrow. Arrows of one (source, event) are tried in their order; the first whose guard says yes is taken.

    An *implied* arrow was not written by the author but follows from what he wrote (a later milestone is legal from
    any earlier one); an *unseen* one is a move made outside without telling us, known only from what comes next.
    """

    source: str
    event: str
    target: str
    guard: Guard | None = None
    effects: tuple[str, ...] = ()
    raises: tuple[Raise, ...] = ()
    implied: bool = False
    unseen: bool = False


class Timer(Struct, frozen=True):
    """*event* is due so long *after* entering *state* or, if given, after the time that the context has under *at*."""

    state: str
    event: str
    after: int = 0
    at: str | None = None


class Armed(Struct, frozen=True, array_like=True):
    """A timer that runs: *event* is due *at* that time, unless the state that armed it is left or entered anew."""

    event: str
    at: int


Ordering = Literal["arrival", "event_time"]


class Definition(Struct, frozen=True):
    """
    A workflow's whole graph. *version* is the hash of its content, to which its instances are pinned.

    With `ordering="event_time"` an instance's state is the fold of its facts (engine/fold.py), else of its events as
    they came. *projection* names the function that makes a fold's context.
    """

    name: str
    initial: str
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]
    timers: tuple[Timer, ...] = ()
    groups: tuple[Group, ...] = ()
    ordering: Ordering = "arrival"
    projection: str = ""
    title: str = ""
    description: str = ""
    version: str = ""


def versioned(definition: Definition, source: bytes = b"") -> Definition:
    """Return *definition* with its version: the first 16 hex digits of the SHA-256 of its content and its *source*."""
    content = msgspec.json.encode(msgspec.structs.replace(definition, version=""), order="deterministic")
    return msgspec.structs.replace(definition, version=hashlib.sha256(content + b"\n" + source).hexdigest()[:16])


class Event(Struct, frozen=True):
    """
    Something that happened. *id* is unique among the events of its instance and names it for ever.

    Guards read *data* and the journal keeps it; *assign* is what joins the instance's context.
    """

    id: str
    name: str
    at: int
    received_at: int
    data: Mapping[str, Any] = {}
    assign: Mapping[str, Any] = {}
    actor: str = ""


class Instance(Struct, frozen=True):
    """
    One run of a definition. Found by (definition, key); *revision* counts its writes and 0 means never stored.

    *path* is the way to the current state with every loop cut out; *entry* counts the states entered, and names the one
    that armed the *timers*: the first that is due stands first. *steps* counts its journal rows. *family* names the
    family, "" if it is alone.
    """

    definition: str
    version: str
    key: str
    state: str
    created_at: int
    updated_at: int
    revision: int = 0
    entry: int = 0
    steps: int = 0
    path: tuple[str, ...] = ()
    context: Mapping[str, Any] = {}
    family: str = ""
    timers: tuple[Armed, ...] = ()

    @property
    def id(self) -> tuple[str, str]:
        """Return what finds this instance."""
        return self.definition, self.key

    @property
    def deadline(self) -> int | None:
        """Return when the first of its timers is due."""
        return self.timers[0].at if self.timers else None


def born(
    definition: Definition, key: str, at: int, *, family: str = "", context: Mapping[str, Any] | None = None
) -> Instance:
    """Return a new instance of *definition* in its initial state, not stored yet."""
    return Instance(
        definition=definition.name,
        version=definition.version,
        key=key,
        state=definition.initial,
        created_at=at,
        updated_at=at,
        path=(definition.initial,),
        context=context or {},
        family=family,
    )


EffectStatus = Literal["pending", "calling", "done", "unknown", "dead", "discarded"]


class Effect(Struct, frozen=True):
    """A wish for the outside world, decided with a step and delivered later. *key* is the same at every repeat."""

    key: str
    name: str
    status: EffectStatus = "pending"
    reason: str = ""


def effect_key(instance: Instance, event_id: str, name: str, index: int) -> str:
    """Return an effect's key: from what declared it, never from the revision, so that a repeat asks under the same."""
    text = "\0".join((instance.definition, instance.key, event_id, name, str(index)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Step(Struct, frozen=True):
    """
    What one event did to one instance.

    Without a *transition* the event was only noted: the journal has it, the state stayed. An *inferred* step was not
    seen but follows from the event that came after it.
    """

    before: Instance
    event: Event
    after: Instance
    transition: Transition | None = None
    effects: tuple[Effect, ...] = ()
    inferred: bool = False
    outcome: str = ""
