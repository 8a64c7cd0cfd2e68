"""
How code is bound to the names in documents: a decorator, looked up by name, checked when a definition is loaded.

Rule 1: a guard is a pure yes/no about an instance and an event, named as a fact. It asks nobody.
Rule 2: a projection is pure and makes the same context from the same timeline, whatever the facts' order of arrival.
Rule 3: an effect is declared here by name and meaning; what is bound to it composes its call, which is made elsewhere.
Rule 4: a name is bound once. The same file, loaded again, binds its names again.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from definitions.outgoing import Composer, Wish
from engine.errors import DefinitionError, Problem
from engine.fold import Fact, Outcome
from engine.interpreter import GuardFunction

Timeline = Sequence[tuple[Fact, Outcome]]
ProjectionFunction = Callable[[Timeline], Mapping[str, Any]]

GUARDS: dict[str, GuardFunction] = {}
PROJECTIONS: dict[str, ProjectionFunction] = {}
EFFECTS: dict[str, "Promise"] = {}


class Promise(Struct, frozen=True):
    """
    An effect that documents may ask for.

    The rest but *in_doubt* are events that the asking instance hears: *done* when its receiver has it, *accepted* when
    the receiver said yes at once, *refused* when it said no, *dead* when it never will be delivered.
    *in_doubt* says what becomes of an attempt that may have arrived and of which nobody hears: `park` leaves it to
    staff, `resend` tries again. *composer* makes the call, or *function* does all of it.
    """

    name: str
    meaning: str
    done: str = ""
    dead: str = ""
    accepted: str = ""
    refused: str = ""
    in_doubt: Literal["park", "resend"] = "park"
    composer: Composer | None = None
    function: Callable[[Wish], Awaitable[Any]] | None = None


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


AnyDelivery = TypeVar("AnyDelivery", bound=Callable[[Wish], Any])


def effect(
    name: str,
    meaning: str,
    *,
    done: str = "",
    dead: str = "",
    accepted: str = "",
    refused: str = "",
    in_doubt: Literal["park", "resend"] = "park",
) -> Callable[[AnyDelivery], AnyDelivery]:
    """
    Declare an effect, so that documents may ask for it; used as a decorator, bind what delivers it.

    A plain function composes the call to make (`definitions.outgoing`); an `async` one does all of it itself, and may
    do it twice: it is given an id to know a repeat by. An effect that nothing is bound to is discarded.

    Raises:
        DefinitionError: it says nothing, something else than it said before, or what is bound cannot deliver.
    """
    promise = Promise(name, meaning, done, dead, accepted, refused, in_doubt)
    known = EFFECTS.get(name)
    faults = []
    if not (name.strip() and meaning.strip()):
        faults.append("it has a name and a meaning")
    if known is not None and replace(known, composer=None, function=None) != promise:
        faults.append(f"it is declared already, and means: {known.meaning}")
    _refuse("effect", name, faults)
    EFFECTS[name] = known or promise

    def bind(function: AnyDelivery) -> AnyDelivery:
        waits = inspect.iscoroutinefunction(function)
        bound = {each: kept for each, kept in _bound_effects().items() if each == name}
        faults = [*_faults(function, "wish", may_wait=waits), *_name_faults(name, function, bound)]
        _refuse("effect", name, faults, function)
        EFFECTS[name] = replace(promise, **{"function" if waits else "composer": function})
        return function

    return bind


def _bound_effects() -> dict[str, Callable[..., Any]]:
    """Return what delivers each effect that something is bound to."""
    bound = {name: promise.composer or promise.function for name, promise in EFFECTS.items()}
    return {name: function for name, function in bound.items() if function is not None}


def _faults(function: Any, *arguments: str, more: bool = False, may_wait: bool = False) -> Iterator[str]:
    """Yield why a function cannot be asked with *arguments*, or with *more* after them, and answer at once."""
    if not inspect.isfunction(function):
        yield "it is no function"
        return
    if not may_wait and any(waits(function) for waits in _WAITING):
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
