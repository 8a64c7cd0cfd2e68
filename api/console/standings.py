"""
What a state looks like in lists and heads: its title, and a tone that says what it means for people.

Rule: the tone comes from what the definition says of the state (its tags, whether it is final, how one gets there),
      never from its name; and the title says in words whatever the tone says.
"""

from typing import Literal

from msgspec import Struct

from api.cases import RESOLVED
from api.order_book import OPEN
from definitions.catalogue import Catalogue
from engine.errors import UnknownInstance
from engine.interpreter import Interpreter
from engine.model import Definition

Tone = Literal["live", "wait", "done", "grave", ""]

GRAVE = frozenset({"failed", "lost", "sick", "locked"})
WAITING = frozenset({"open", "unanswered", "waiting"})
SETTLED = frozenset({"closed", "taken", "delivered", "returned", "subscribed"})
"""Tags by which states are of a tone; the first that has one of a state's counts."""


class Standing(Struct, frozen=True):
    """A state as pages show it; *known* tells whether its version has it."""

    id: str
    title: str
    tone: Tone
    final: bool = False
    known: bool = True

    @property
    def over(self) -> bool:
        """Return whether a session that stands here is at an end, though some may still be taken up again."""
        return self.final or self.tone == "done"


def standing(interpreter: Interpreter | None, state: str) -> Standing:
    """Return how a state of a version is shown; one that the version does not have is parked."""
    found = interpreter.states.get(state) if interpreter is not None else None
    if interpreter is None or found is None:
        return Standing(state, state or "nowhere", "grave", known=False)
    title = found.title or state.rpartition(".")[2]
    tags = {*found.tags}
    if tags & GRAVE:
        tone: Tone = "grave"
    elif tags & WAITING:
        tone = "wait"
    elif found.final:
        tone = "" if state in given_up(interpreter.definition) else "done"
    else:
        tone = "done" if tags & SETTLED else "live"
    return Standing(state, title, tone, found.final)


def standing_in(catalogue: Catalogue, definition: str, version: str | None, state: str) -> Standing:
    """Return how a state is shown of a definition that may not be here any more."""
    try:
        return standing(catalogue.interpreter(definition, version), state)
    except UnknownInstance:
        return standing(None, state)


def given_up(definition: Definition) -> frozenset[str]:
    """Return the final states to which time alone leads: there sessions end that nobody brought to an end."""
    timed = {timer.event for timer in definition.timers}
    final = {state.id for state in definition.states if state.final}
    led_by: dict[str, set[str]] = {}
    for arrow in definition.transitions:
        if arrow.target in final:
            led_by.setdefault(arrow.target, set()).add(arrow.event)
    return frozenset(state for state, events in led_by.items() if events <= timed)


def to_settle(cases: Definition) -> tuple[str, ...]:
    """Return the states of a failed delivery's case that wait for people: it is open, and a choice leads on."""
    led_on = {arrow.source for arrow in cases.transitions if arrow.event == RESOLVED and arrow.target != arrow.source}
    return tuple(state for state in tagged(cases, frozenset({OPEN})) if state in led_on)


def tagged(definition: Definition, tags: frozenset[str]) -> tuple[str, ...]:
    """Return the states that have one of *tags*."""
    return tuple(state.id for state in definition.states if tags & {*state.tags})
