"""How the tests of the shipped lifecycles walk them: by the names of events, from a state or from the beginning."""

from collections.abc import Mapping
from typing import Any

from definitions.catalogue import Catalogue
from engine.errors import StepError
from engine.fold import Fact, Fold
from engine.interpreter import Interpreter
from engine.model import SECOND, Instance, Step, born
from tests.builders import NOON, an_event

CATALOGUE = Catalogue.load()

REFUSED = "refused"
"""Where an event leads that nothing takes."""


def runs(name: str) -> Interpreter:
    """Return what runs a shipped lifecycle."""
    return CATALOGUE.interpreter(name)


def standing(name: str, state: str, context: Mapping[str, Any] | None = None) -> Instance:
    """Return an instance that is in *state*."""
    definition = runs(name).definition
    return Instance(name, definition.version, "K-1", state, NOON, NOON, path=(state,), context=context or {})


def step_of(name: str, state: str, event: str, data: Mapping[str, Any] | None = None, **context: Any) -> Step | None:
    """Return the step of an event from a state, or None if it is refused."""
    try:
        return runs(name).step(standing(name, state, context), an_event(event, data=data or {}))
    except StepError:
        return None


def leads(name: str, state: str, event: str, data: Mapping[str, Any] | None = None, **context: Any) -> str:
    """Return where an event leads from a state."""
    step = step_of(name, state, event, data, **context)
    return step.after.state if step else REFUSED


def effects(name: str, state: str, event: str, data: Mapping[str, Any] | None = None, **context: Any) -> list[str]:
    """Return what an event asks for from a state."""
    step = step_of(name, state, event, data, **context)
    return [effect.name for effect in step.effects] if step else []


def fact(name: str, minute: int, delay: int = 5, **details: str) -> Fact:
    """Return what was reported so many minutes after noon."""
    at = NOON + 60 * minute * SECOND
    return Fact(name, at, at + delay * SECOND, details, "courier")


def folded(name: str, *facts: Fact) -> Fold:
    """Return the timeline of a shipped lifecycle with these facts, in this order of arrival."""
    return Fold(runs(name), born(runs(name).definition, "K-1", NOON), facts)
