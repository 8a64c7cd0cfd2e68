"""
Compiles a Flow JSON document to a definition.

States are the screens, by their ids, and four around them. Events are what the endpoint can see; what the phone does
without asking (`navigate`, going back) is compiled too, marked `unseen`, and inferred from the next call.

    INIT           opens the flow on an entry screen; on an open session it is `reopened`
    data_exchange  leads where the screen's logic answers: along a route either way, to the same screen, or to the end
    BACK           leads to the screen before on the way here; seen only where the screen says `refresh_on_back`
    navigate       is the phone's own, never seen
    complete       is the completion message; from a screen without that action it is an implied arrow
    expire         is the token's end, abandon the staff's or a timer's word that nobody will come back
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from definitions.flow_json import FlowDocument, Screen, read_flow
from engine.errors import Problem
from engine.model import Definition, Guard, State, Timer, Transition, versioned
from engine.validate import Places, validate

NOT_OPENED = "not_opened"
COMPLETED = "completed"
EXPIRED = "expired"
ABANDONED = "abandoned"

INIT = "INIT"
REOPENED = "reopened"
DATA_EXCHANGE = "data_exchange"
BACK = "BACK"
NAVIGATE = "navigate"
COMPLETE = "complete"
EXPIRE = "expire"
ABANDON = "abandon"

EXPIRES_AT = "expires_at"
"""The name under which a session's context has the time when its token ends."""

_GUARDS = frozenset({"goes_to", "came_from"})


class CompiledFlow(Struct, frozen=True):
    """What a document was compiled to; without a definition it was not well formed, and the problems say where."""

    definition: Definition | None
    flow: FlowDocument | None
    problems: tuple[Problem, ...]


def compile_flow(name: str, source: bytes) -> CompiledFlow:
    """Return the definition of the Flow JSON text *source*, and everything that is wrong with it."""
    read = read_flow(source)
    if read.flow is None or not read.flow.entries:
        return CompiledFlow(None, read.flow, read.problems)
    definition = _definition(name, read.flow)
    places = Places({screen.id: screen.pointer for screen in read.flow.screens.values()})
    problems = (*read.problems, *validate(definition, _GUARDS, (), places))
    canonical = msgspec.json.encode(msgspec.json.decode(source), order="sorted")
    return CompiledFlow(versioned(definition, canonical), read.flow, tuple(sorted(set(problems))))


def _definition(name: str, flow: FlowDocument) -> Definition:
    screens = tuple(flow.screens.values())
    return Definition(
        name=name,
        initial=NOT_OPENED,
        states=(
            State(NOT_OPENED, "Not opened"),
            *(State(screen.id, screen.title, tags=_tags(screen)) for screen in screens),
            State(COMPLETED, "Completed", final=True),
            State(EXPIRED, "Expired", final=True),
            State(ABANDONED, "Abandoned", final=True),
        ),
        transitions=(*_opening(flow), *(arrow for screen in screens for arrow in _arrows(screen, flow))),
        timers=tuple(Timer(state, EXPIRE, at=EXPIRES_AT) for state in (NOT_OPENED, *flow.screens)),
        title=name.replace("_", " ").capitalize(),
    )


def _tags(screen: Screen) -> tuple[str, ...]:
    return ("screen", "terminal") if screen.terminal else ("screen",)


def _to(source: str, event: str, target: str, **flags: Any) -> Transition:
    """Return an arrow for an event that says where it goes."""
    return Transition(source, event, target, Guard("goes_to", (target,)), **flags)


def _opening(flow: FlowDocument) -> Iterator[Transition]:
    for entry in flow.entries:
        if flow.has_endpoint:
            yield _to(NOT_OPENED, INIT, entry)
        yield _to(NOT_OPENED, NAVIGATE, entry, unseen=True)
    yield Transition(NOT_OPENED, COMPLETE, COMPLETED, implied=True)
    yield Transition(NOT_OPENED, EXPIRE, EXPIRED)
    yield Transition(NOT_OPENED, ABANDON, ABANDONED)


def _arrows(screen: Screen, flow: FlowDocument) -> Iterator[Transition]:
    before = _before(screen.id, flow)
    yield from (Transition(screen.id, BACK, name, Guard("came_from", (name,)), unseen=True) for name in before)
    yield from (_to(screen.id, NAVIGATE, name, unseen=True) for name in screen.navigates() if name in flow.screens)
    if screen.does(DATA_EXCHANGE):
        targets = dict.fromkeys((*flow.routing[screen.id], screen.id, *before, COMPLETED))
        yield from (_to(screen.id, DATA_EXCHANGE, name, implied=name in (screen.id, *before)) for name in targets)
    yield Transition(screen.id, COMPLETE, COMPLETED, implied=not screen.does(COMPLETE))
    if flow.has_endpoint:
        yield from (_to(screen.id, REOPENED, entry, implied=True) for entry in flow.entries)
    yield Transition(screen.id, EXPIRE, EXPIRED)
    yield Transition(screen.id, ABANDON, ABANDONED)


def _before(name: str, flow: FlowDocument) -> tuple[str, ...]:
    """Return the screens from which *name* can be reached in one move."""
    return tuple(
        screen.id
        for screen in flow.screens.values()
        if screen.id != name and (name in flow.routing[screen.id] or name in screen.navigates())
    )
