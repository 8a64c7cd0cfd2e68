"""
Values for tests, with defaults so that a test names only what it is about.

All people, keys and times are invented.
"""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec.structs import replace

from engine.errors import StepError
from engine.fold import Fact
from engine.interpreter import GuardFunction, Interpreter
from engine.model import (
    SECOND,
    Definition,
    Effect,
    EffectStatus,
    Event,
    Instance,
    Ordering,
    State,
    Step,
    Timer,
    Transition,
    born,
    effect_key,
    versioned,
)
from engine.ports import Decision, Identity, Row

NOON = 1_767_268_800 * SECOND
"""2026-01-01, 12:00:00 UTC."""

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


class Alias(Row, frozen=True):
    """Another name of an instance: a row that the engine does not look into."""

    table = "alias"
    key = ("kind", "value")

    kind: str
    value: str
    definition: str
    instance_key: str


def says(_instance: Instance, event: Event, name: str) -> bool:
    """Tell whether the event's data says *name*: the guard of most tests."""
    return bool(event.data.get(name, False))


def a_definition(
    *transitions: Transition,
    name: str = "parcel",
    initial: str = "",
    tags: Mapping[str, tuple[str, ...]] | None = None,
    timers: tuple[Timer, ...] = (),
    ordering: Ordering = "arrival",
    projection: str = "",
) -> Definition:
    """Return a definition of these arrows: the first one's source is where it begins, what none leaves is final."""
    transitions = transitions or (Transition("packed", "picked_up", "moving"), Transition("moving", "arrived", "there"))
    states = dict.fromkeys(end for arrow in transitions for end in (arrow.source, arrow.target))
    left = {arrow.source for arrow in transitions if arrow.source != arrow.target}
    return versioned(
        Definition(
            name=name,
            initial=initial or transitions[0].source,
            states=tuple(State(state, final=state not in left, tags=(tags or {}).get(state, ())) for state in states),
            transitions=transitions,
            timers=timers,
            ordering=ordering,
            projection=projection,
        )
    )


def an_interpreter(*transitions: Transition, timers: tuple[Timer, ...] = (), **guards: GuardFunction) -> Interpreter:
    """Return what runs a definition of these arrows; the guard `says` has its code."""
    return Interpreter(a_definition(*transitions, timers=timers), {"says": says, **guards})


def an_instance(state: str = "", definition: Definition | None = None, key: str = "P-7", **changes: Any) -> Instance:
    """Return an instance in *state* as it might be stored after a while; *changes* are its other fields."""
    definition = definition or a_definition()
    instance = born(definition, key, NOON)
    if not state or state == definition.initial:
        return replace(instance, **changes)
    walked = {"state": state, "path": (definition.initial, state), "revision": 3, "entry": 1, "steps": 3}
    return replace(instance, **{**walked, **changes})


def an_event(name: str = "picked_up", event_id: str = "e-1", at: int = NOON + MINUTE, **fields: Any) -> Event:
    """Return an event that was received the moment it happened, unless *fields* say otherwise."""
    return Event(event_id, name, at, **{"received_at": at, **fields})


def a_fact(name: str = "picked_up", second: int = 0, delay: int = 5, source: str = "courier", **details: str) -> Fact:
    """Return what happened so many seconds after noon, heard of *delay* seconds later."""
    at = NOON + second * SECOND
    return Fact(name, at, at + delay * SECOND, details, source)


def a_step(instance: Instance | None = None, event: Event | None = None, **changes: Any) -> Step:
    """Return a step from *instance* to the same state, one revision on, with *changes* to what it becomes."""
    instance = instance or an_instance()
    event = event or an_event()
    after = replace(
        instance,
        **{
            "revision": instance.revision + 1,
            "steps": instance.steps + 1,
            "updated_at": event.received_at,
            **changes,
        },
    )
    return Step(instance, event, after)


def a_birth(key: str = "P-7", **changes: Any) -> Step:
    """Return the first step of an instance."""
    return a_step(an_instance(key=key), **changes)


def asking_for(step: Step, *names: str, status: EffectStatus = "pending", reason: str = "") -> Step:
    """Return *step* with effects of these names."""
    keys = [effect_key(step.before, step.event.id, name, index) for index, name in enumerate(names)]
    wanted = tuple(Effect(key, name, status, reason) for key, name in zip(keys, names, strict=True))
    return replace(step, effects=wanted)


def an_alias(value: str = "wamid-1", instance_key: str = "m-1", kind: str = "wamid") -> Alias:
    """Return another name of a message."""
    return Alias(kind, value, "message", instance_key)


def a_decision(*steps: Step, identities: Collection[str] = (), **fields: Any) -> Decision:
    """Return a decision of these steps; the *identities* are the test's own."""
    return Decision(
        identities=tuple(Identity("test", name) for name in identities),
        steps=steps,
        **{"recorded_at": NOON + HOUR, **fields},
    )


def refusal(interpreter: Interpreter, instance: Instance, event: Event) -> StepError | None:
    """Return why *event* is refused, or None if it is taken."""
    try:
        interpreter.step(instance, event)
    except StepError as error:
        return error
    return None
