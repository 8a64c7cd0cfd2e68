"""
How code is bound to the names in documents: a decorator, looked up by name, checked when a definition is loaded.

Rule 1: a guard is a pure yes/no about an instance and an event, named as a fact. It asks nobody.
Rule 2: a projection is pure and makes the same context from the same timeline, whatever the facts' order of arrival.
Rule 3: an effect is declared here by name and meaning, and delivered elsewhere.
Rule 4: a name is bound once. The same file, loaded again, binds its names again.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from engine.errors import DefinitionError, Problem
from engine.fold import Fact, Outcome
from engine.interpreter import GuardFunction

Timeline = Sequence[tuple[Fact, Outcome]]
ProjectionFunction = Callable[[Timeline], Mapping[str, Any]]

GUARDS: dict[str, GuardFunction] = {}
PROJECTIONS: dict[str, ProjectionFunction] = {}
EFFECTS: dict[str, str] = {}

_WAITING = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)

AnyGuard = TypeVar("AnyGuard", bound=GuardFunction)
AnyProjection = TypeVar("AnyProjection", bound=ProjectionFunction)


def guard(function: AnyGuard) -> AnyGuard:
    """
    Bind a guard to its name in documents: `(instance, event, *args) -> bool`.

    Raises:
        DefinitionError: it cannot be one, or the name is taken.
    """
    name = getattr(function, "__name__", "")
    faults = [*_faults(function, "instance", "event", more=True), *_name_faults(name, function, GUARDS)]
    if getattr(function, "__annotations__", {}).get("return", Any) not in (bool, "bool", Any, "Any"):
        faults.append("it answers yes or no, so it returns a bool")
    _refuse("guard", name, faults, function)
    GUARDS[name] = function
    return function


def projection(name: str) -> Callable[[AnyProjection], AnyProjection]:
    """
    Bind a function that makes a folded instance's context from its timeline.

    Raises:
        DefinitionError: it cannot do that, or the name is taken.
    """

    def bind(function: AnyProjection) -> AnyProjection:
        faults = [*_faults(function, "timeline"), *_name_faults(name, function, PROJECTIONS)]
        _refuse("projection", name, faults, function)
        PROJECTIONS[name] = function
        return function

    return bind


def effect(name: str, meaning: str) -> None:
    """
    Declare an effect, so that documents may ask for it.

    Raises:
        DefinitionError: it says nothing, or something else than it said before.
    """
    faults = []
    if not (name.strip() and meaning.strip()):
        faults.append("it has a name and a meaning")
    if EFFECTS.get(name, meaning) != meaning:
        faults.append(f"it is declared already, and means: {EFFECTS[name]}")
    _refuse("effect", name, faults)
    EFFECTS[name] = meaning


def _faults(function: Any, *arguments: str, more: bool = False) -> Iterator[str]:
    """Yield why a function cannot be asked with *arguments*, or with *more* after them, and answer at once."""
    if not inspect.isfunction(function):
        yield "it is no function"
        return
    if any(waits(function) for waits in _WAITING):
        yield "it answers at once, so it is neither async nor a generator"
    signature = inspect.signature(function)
    try:
        (signature.bind_partial if more else signature.bind)(*arguments)
    except TypeError:
        yield f"it is called with ({', '.join(arguments)}), and cannot be"
    parameters = signature.parameters.values()
    if more and any(each.kind is each.KEYWORD_ONLY and each.default is each.empty for each in parameters):
        yield "documents give no arguments by name"


def _name_faults(name: str, function: Any, bound: Mapping[str, Callable[..., Any]]) -> Iterator[str]:
    """Yield why a function cannot have its name: another has it, of this file or of another."""
    if name in bound and inspect.isfunction(function):
        other, own = inspect.unwrap(bound[name]), inspect.unwrap(function)
        if other.__module__ != own.__module__ or other.__globals__ is own.__globals__:
            yield f"{_place(other)} has this name already"


def _refuse(kind: str, name: str, faults: list[str], function: Any = None) -> None:
    """
    Refuse a binding that has faults.

    Raises:
        DefinitionError: it has.
    """
    if faults:
        place = f"{_place(function)}: " if inspect.isfunction(function) else ""
        problems = tuple(Problem("", f"INVALID_{kind.upper()}", fault) for fault in faults)
        raise DefinitionError(f"{place}{kind} {name}", problems)


def _place(function: Any) -> str:
    """Return where a function stands."""
    code = inspect.unwrap(function).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
