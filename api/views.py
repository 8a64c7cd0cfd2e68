"""
The shapes of the admin API, and how they are made from what the engine and the database have.

Times are RFC 3339 in UTC.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from api.auth import shown
from definitions.catalogue import Catalogue, Document
from definitions.flow_calls import TOKEN_LIFE
from definitions.orders.times import to_rfc3339
from definitions.results import without_file_keys
from engine.errors import Problem
from engine.model import SECOND, Definition, EffectStatus, Instance
from storage.finding import Session
from storage.queries import EffectItem, EffectStanding, JournalItem, StoryItem

Name = Annotated[str, Meta(min_length=1, max_length=256)]
Text = Annotated[str, Meta(max_length=1024)]


class DefinitionView(Struct, frozen=True):
    """A definition that runs."""

    name: str
    kind: Literal["flow", "lifecycle"]
    version: str
    title: str
    states: int
    transitions: int
    warnings: tuple[str, ...]


class StateView(Struct, frozen=True):
    """A state of a compiled definition."""

    id: str
    final: bool
    tags: tuple[str, ...]


class TransitionView(Struct, frozen=True):
    """An arrow of a compiled definition."""

    source: str
    event: str
    target: str
    guard: str | None
    effects: tuple[str, ...]


class CompiledView(Struct, frozen=True):
    """A compiled definition, as `waystate compile` prints it."""

    name: str
    version: str
    initial: str
    states: tuple[StateView, ...]
    transitions: tuple[TransitionView, ...]


class SessionItem(Struct, frozen=True):
    """A session in a list."""

    definition: str
    version: str
    key: str
    state: str
    revision: int
    created_at: str
    updated_at: str
    deadline: str | None


class SessionList(Struct, frozen=True):
    """A page of sessions, the newest first; *next_cursor* leads to the next page, null if there is none."""

    items: tuple[SessionItem, ...]
    next_cursor: str | None


class EffectView(Struct, frozen=True):
    """An effect: what was asked for, by which session, and what became of it."""

    id: str
    definition: str
    session: str
    name: str
    status: EffectStatus
    reason: str
    created_at: str
    updated_at: str


class SessionView(Struct, frozen=True):
    """A session, whole."""

    definition: str
    version: str
    key: str
    state: str
    revision: int
    context: dict[str, Any]
    allowed_events: tuple[str, ...]
    created_at: str
    updated_at: str
    deadline: str | None
    effects: tuple[EffectView, ...]


class HistoryItem(Struct, frozen=True):
    """A step of a session. *inferred*: not seen, follows from the next; *outcome*: why the state did not move."""

    seq: int
    event: str
    source_state: str
    target_state: str
    occurred_at: str
    recorded_at: str
    actor: str
    inferred: bool
    outcome: str
    data: dict[str, Any]
    effects: tuple[str, ...]


class AboutBody(Struct, forbid_unknown_fields=True):
    """What a session is about: a session of a lifecycle that its customer decides on, such as an NDR case."""

    definition: Name
    key: Name


class StoryStep(Struct, frozen=True):
    """
    A step of an order's family, of a message about it, or of a Flow session that acts on it.

    *delivers* is the name of the effect that a message delivers; *effects* are told with what became of them.
    """

    definition: str
    key: str
    delivers: str
    event: str
    source_state: str
    target_state: str
    occurred_at: str
    recorded_at: str
    actor: str
    inferred: bool
    outcome: str
    effects: tuple[EffectStanding, ...]


TokenLife = Annotated[
    int,
    Meta(
        ge=60,
        le=30 * 24 * 3600,
        description=f"Seconds until its token ends, {TOKEN_LIFE // SECOND} if nothing is said.",
    ),
]


class MintBody(Struct, forbid_unknown_fields=True):
    """
    A session to open: of which Flow, for whom, with what data for its logic, and about what.

    Of a lifecycle it has the *key* that is given, or a random one; the *data* are its context, and it takes no more.
    """

    definition: Name
    key: Annotated[str, Meta(max_length=256)] = ""
    recipient: Text = ""
    data: dict[str, Any] = {}
    about: AboutBody | None = None
    expires_in: TokenLife | None = None


class Minted(Struct, frozen=True):
    """The key of a session that was opened: a Flow's is its token."""

    key: str


class ActBody(Struct, forbid_unknown_fields=True):
    """An event for a session. The same *id* again changes nothing."""

    event: Name
    id: Text = ""
    data: dict[str, Any] = {}
    reason: Text = ""


class EffectChanged(Struct, frozen=True):
    """An effect's new status."""

    id: str
    status: EffectStatus


class StateCount(Struct, frozen=True):
    """How many sessions of a definition are in a state."""

    definition: str
    state: str
    sessions: int


class EdgeTaken(Struct, frozen=True):
    """How often an edge was taken."""

    definition: str
    source_state: str
    event: str
    target_state: str
    taken: int


class Latency(Struct, frozen=True):
    """How long Flow calls took since the start: how many, and the seconds that half and nine tenths stayed under."""

    calls: int
    p50_seconds: float | None
    p90_seconds: float | None


class Stats(Struct, frozen=True):
    """Counts over everything."""

    sessions: tuple[StateCount, ...]
    edges: tuple[EdgeTaken, ...]
    flow_latency: Latency
    quarantined: int


def compiled_view(definition: Definition) -> CompiledView:
    """Return a definition as `compile --format json` prints it."""
    return CompiledView(
        name=definition.name,
        version=definition.version,
        initial=definition.initial,
        states=tuple(StateView(state.id, state.final, state.tags) for state in definition.states),
        transitions=tuple(
            TransitionView(
                arrow.source,
                arrow.event,
                arrow.target,
                None if arrow.guard is None else str(arrow.guard),
                arrow.effects,
            )
            for arrow in definition.transitions
        ),
    )


def definition_view(document: Document, definition: Definition) -> DefinitionView:
    """Return a definition as the list shows it."""
    return DefinitionView(
        name=document.name,
        kind="lifecycle" if document.flow is None else "flow",
        version=definition.version,
        title=definition.title,
        states=len(definition.states),
        transitions=len(definition.transitions),
        warnings=tuple(_warning(problem) for problem in document.problems),
    )


def declared(definition: Definition) -> int:
    """Return how many transitions a definition declares; what follows from them is not counted."""
    return sum(not arrow.implied for arrow in definition.transitions)


def session_item(session: Session) -> SessionItem:
    """Return a session as a list shows it."""
    return SessionItem(
        definition=session.definition,
        version=session.version,
        key=session.key,
        state=session.state,
        revision=session.revision,
        created_at=to_rfc3339(session.created_at),
        updated_at=to_rfc3339(session.updated_at),
        deadline=_time(session.deadline),
    )


def session_view(instance: Instance, catalogue: Catalogue, effects: list[EffectItem]) -> SessionView:
    """Return a session, whole."""
    interpreter = catalogue.interpreter(instance.definition, instance.version)
    return SessionView(
        definition=instance.definition,
        version=instance.version,
        key=instance.key,
        state=instance.state,
        revision=instance.revision,
        context=shown(without_file_keys(dict(instance.context))),
        allowed_events=interpreter.allowed(instance),
        created_at=to_rfc3339(instance.created_at),
        updated_at=to_rfc3339(instance.updated_at),
        deadline=_time(instance.deadline),
        effects=tuple(effect_view(effect) for effect in effects),
    )


def history_item(item: JournalItem) -> HistoryItem:
    """Return a step as the history shows it."""
    return HistoryItem(
        seq=item.seq,
        event=item.event,
        source_state=item.source_state,
        target_state=item.target_state,
        occurred_at=to_rfc3339(item.occurred_at),
        recorded_at=to_rfc3339(item.recorded_at),
        actor=item.actor,
        inferred=item.inferred,
        outcome=item.outcome,
        data=shown(without_file_keys(item.data)),
        effects=tuple(item.effects),
    )


def story_step(item: StoryItem) -> StoryStep:
    """Return a step as a story shows it: without its data, which is its session's own."""
    step = item.step
    return StoryStep(
        definition=item.definition,
        key=item.key,
        delivers=item.delivers,
        event=step.event,
        source_state=step.source_state,
        target_state=step.target_state,
        occurred_at=to_rfc3339(step.occurred_at),
        recorded_at=to_rfc3339(step.recorded_at),
        actor=step.actor,
        inferred=step.inferred,
        outcome=step.outcome,
        effects=item.effects,
    )


def effect_view(effect: EffectItem) -> EffectView:
    """Return an effect as lists show it."""
    return EffectView(
        id=effect.key,
        definition=effect.definition,
        session=effect.session,
        name=effect.name,
        status=effect.status,
        reason=effect.reason,
        created_at=to_rfc3339(effect.created_at),
        updated_at=to_rfc3339(effect.updated_at),
    )


def _time(at: int | None) -> str | None:
    return None if at is None else to_rfc3339(at)


def _warning(problem: Problem) -> str:
    return f"{problem.code} {problem.pointer}: {problem.message}"
