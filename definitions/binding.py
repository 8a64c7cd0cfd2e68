"""
How code is bound to the names in documents: a decorator, looked up by name, checked when a definition is loaded.

Rule 1: a guard is a pure yes/no about an instance and an event, named as a fact. It asks nobody.
Rule 2: a projection is pure and makes the same context from the same timeline, whatever the facts' order of arrival.
Rule 3: an effect is declared here by name and meaning, and delivered elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from engine.fold import Fact, Outcome
from engine.interpreter import GuardFunction

Timeline = Sequence[tuple[Fact, Outcome]]
ProjectionFunction = Callable[[Timeline], Mapping[str, Any]]

GUARDS: dict[str, GuardFunction] = {}
PROJECTIONS: dict[str, ProjectionFunction] = {}
EFFECTS: dict[str, str] = {}

AnyGuard = TypeVar("AnyGuard", bound=GuardFunction)
AnyProjection = TypeVar("AnyProjection", bound=ProjectionFunction)


def guard(function: AnyGuard) -> AnyGuard:
    """Bind a guard to its name in documents: `(instance, event, *args) -> bool`."""
    GUARDS[function.__name__] = function
    return function


def projection(name: str) -> Callable[[AnyProjection], AnyProjection]:
    """Bind a function that makes a folded instance's context from its timeline."""

    def bind(function: AnyProjection) -> AnyProjection:
        PROJECTIONS[name] = function
        return function

    return bind


def effect(name: str, meaning: str) -> None:
    """Declare an effect, so that documents may ask for it."""
    EFFECTS[name] = meaning
