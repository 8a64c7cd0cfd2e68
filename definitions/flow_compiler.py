"""
Compiles a Flow JSON document to a definition.

States are the screens, by their ids, and four around them. Events are what the endpoint can see; what the phone does
without asking (`navigate`, going back) is compiled too, marked `unseen`, and inferred from the next call.

    INIT           opens the flow on an entry screen; on an open session it is `reopened`
    data_exchange  leads where the screen's logic answers: along a route either way, to the same screen, or to the end
    BACK           leads to the screen before on the way here; phones tell it where the screen says `refresh_on_back`
    navigate       is the phone's own, never seen
    complete       is the completion message; from a screen without that action it is an implied arrow
    expire         is the token's end: a timer at the time that the session's context has
    abandon        is staff's word that nobody will come back, or the timer's of a screen that was silent for too long
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from definitions.flow_json.document import FlowDocument, Screen
from definitions.flow_json.linter import lint
from engine.errors import Problem
from engine.model import SECOND, Definition, Guard, State, Timer, Transition, versioned
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

SILENCE = 3 * 24 * 3600 * SECOND
"""How long a customer may stay on a screen before the session counts as abandoned, if its token lives that long."""

ANNOUNCE = "announce"
"""The effect of a result: what a merchant's own systems hear of (definitions/results.py)."""

ABBREVIATIONS = frozenset({"cod", "faq", "kyc", "ndr", "otp", "rto", "sku", "upi"})
"""What titles that are made of ids have in capitals."""

UNREACHABLE = "UNREACHABLE_STATE"
"""What Meta takes in a Flow, and the linter warns of (rule screen-reached): a screen that nothing leads to."""

_GUARDS = frozenset({"goes_to", "came_from"})


class CompiledFlow(Struct, frozen=True):
    """What a document was compiled to; without a definition it was not well formed, and the problems say where."""

    definition: Definition | None
    flow: FlowDocument | None
    problems: tuple[Problem, ...]


def compile_flow(name: str, source: bytes) -> CompiledFlow:
    """Return the definition of the Flow JSON text *source*, and everything that is wrong with it."""
    linted = lint(source)
    flow = linted.flow
    if flow is None or not flow.entries:
        return CompiledFlow(None, flow, linted.problems)
    definition = _definition(name, flow)
    places = Places({screen.id: screen.pointer for screen in flow.screens.values()})
    proven = (each for each in validate(definition, _GUARDS, {ANNOUNCE}, places) if each.code != UNREACHABLE)
    problems = {*linted.problems, *proven}
    canonical = msgspec.json.encode(flow.document, order="sorted")
    return CompiledFlow(versioned(definition, canonical), flow, tuple(sorted(problems)))


def _definition(name: str, flow: FlowDocument) -> Definition:
    screens = tuple(flow.screens.values())
    arrows = (*_opening(flow), *(arrow for screen in screens for arrow in _arrows(screen, flow)))
    return Definition(
        name=name,
        initial=NOT_OPENED,
        states=(
            State(NOT_OPENED, "Not opened"),
            *(State(screen.id, _title(screen), tags=_tags(screen)) for screen in screens),
            State(COMPLETED, "Completed", final=True),
            State(EXPIRED, "Expired", final=True),
            State(ABANDONED, "Abandoned", final=True),
        ),
        transitions=tuple(_announced(arrow) for arrow in arrows),
        timers=(
            *(Timer(state, EXPIRE, at=EXPIRES_AT) for state in (NOT_OPENED, *flow.screens)),
            *(Timer(screen, ABANDON, after=SILENCE) for screen in flow.screens),
        ),
        title=_in_words(name),
    )


def _title(screen: Screen) -> str:
    """Return what people call a screen: its title, or its id in words if only its data say one."""
    return screen.title or _in_words(screen.id)


def _in_words(id_: str) -> str:
    """Return an id as a title: its words, those that are abbreviations in capitals."""
    first, *rest = id_.lower().split("_")
    words = (first.capitalize(), *rest)
    return " ".join(word.upper() if word.lower() in ABBREVIATIONS else word for word in words)


def _tags(screen: Screen) -> tuple[str, ...]:
    """Return what people and queries tell a screen by; one that ends the Flow does so as a success or a failure."""
    ends = ("terminal", "success" if screen.success else "failure") if screen.terminal else ()
    return ("screen", *ends, *(("refresh_on_back",) if screen.refresh_on_back else ()))


def _announced(arrow: Transition) -> Transition:
    """Return an arrow that tells of the Flow's completion, if it leads there."""
    return replace(arrow, effects=(ANNOUNCE,)) if arrow.target == COMPLETED else arrow


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
    navigates = [name for name in screen.navigates() if name in flow.screens]
    yield from _ways_back(screen, flow)
    yield from (_to(screen.id, NAVIGATE, name, unseen=True) for name in navigates)
    if screen.does(DATA_EXCHANGE):
        against = [other for other, targets in flow.routing.items() if screen.id in targets]
        targets = dict.fromkeys((*flow.routing[screen.id], screen.id, *against, COMPLETED))
        yield from (_to(screen.id, DATA_EXCHANGE, name, implied=name in (screen.id, *against)) for name in targets)
    yield Transition(screen.id, COMPLETE, COMPLETED, implied=not screen.does(COMPLETE))
    if flow.has_endpoint:
        yield from (_to(screen.id, REOPENED, entry, implied=True) for entry in flow.entries)
    yield Transition(screen.id, EXPIRE, EXPIRED)
    yield Transition(screen.id, ABANDON, ABANDONED)


def _ways_back(screen: Screen, flow: FlowDocument) -> Iterator[Transition]:
    """Yield arrows to the screens from which one move leads here; one against a route is implied, as that move is."""
    for other in flow.screens.values():
        ahead = screen.id in flow.routing[other.id] or screen.id in other.navigates()
        against = other.does(DATA_EXCHANGE) and other.id in flow.routing[screen.id]
        if other.id != screen.id and (ahead or against):
            yield Transition(screen.id, BACK, other.id, Guard("came_from", (other.id,)), unseen=True, implied=not ahead)
