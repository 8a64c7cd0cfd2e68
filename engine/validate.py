"""
Proves a definition before it runs: everything that is wrong with it, at once.

Rule 1: a definition with an error never serves a customer.
Rule 2: every problem names its place in the author's document; the compilers know the places (`Places`).
"""

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from engine.errors import Problem
from engine.model import Definition, Transition


class Places(Struct, frozen=True):
    """The JSON pointers of a definition's parts in the document it was compiled from."""

    states: Mapping[str, str] = {}
    transitions: Mapping[Transition, str] = {}

    def state(self, state_id: str) -> str:
        """Return where a state stands."""
        return self.states.get(state_id, "")

    def transition(self, transition: Transition) -> str:
        """Return where an arrow stands or, for one that nobody wrote, its source."""
        return self.transitions.get(transition, self.state(transition.source))


def validate(
    definition: Definition,
    guards: Collection[str] = (),
    effects: Collection[str] = (),
    places: Places | None = None,
) -> tuple[Problem, ...]:
    """
    Return every problem of *definition*, in the order of their places.

    *guards* and *effects* are the names that have code or a deliverer.
    """
    places = places or Places()
    found = {
        *_unknown_states(definition, places),
        *_unreachable(definition, places),
        *_dead_ends(definition, places),
        *_ambiguous(definition, places),
        *_unheard(definition, places),
        *_unknown_names(definition, guards, effects, places),
    }
    return tuple(sorted(found))


def _unknown_states(definition: Definition, places: Places) -> Iterator[Problem]:
    known: set[str] = set()
    for state in definition.states:
        if state.id in known:
            yield Problem(places.state(state.id), "DUPLICATE_STATE", f"there are two states {state.id}")
        known.add(state.id)
    if definition.initial not in known:
        yield Problem("/initial", "UNKNOWN_STATE", f"the initial state {definition.initial} does not exist")
    for transition in definition.transitions:
        for end in (transition.source, transition.target):
            if end not in known:
                message = (
                    f"{transition.event} goes from {transition.source} to {transition.target}, but there is no {end}"
                )
                yield Problem(places.transition(transition), "UNKNOWN_STATE", message)
    for timer in definition.timers:
        if timer.state not in known:
            yield Problem(
                places.state(timer.state), "UNKNOWN_STATE", f"a timer waits in {timer.state}, which does not exist"
            )


def _unreachable(definition: Definition, places: Places) -> Iterator[Problem]:
    ways: dict[str, set[str]] = {}
    for transition in definition.transitions:
        ways.setdefault(transition.source, set()).add(transition.target)
    reached = {definition.initial}
    frontier = [definition.initial]
    while frontier:
        for target in ways.get(frontier.pop(), set()) - reached:
            reached.add(target)
            frontier.append(target)
    for state in definition.states:
        if state.id not in reached:
            yield Problem(places.state(state.id), "UNREACHABLE_STATE", f"no way leads from the start to {state.id}")


def _dead_ends(definition: Definition, places: Places) -> Iterator[Problem]:
    leaving = {transition.source for transition in definition.transitions if transition.target != transition.source}
    for state in definition.states:
        if state.final and state.id in leaving:
            message = f"{state.id} is final, but an arrow leaves it"
            yield Problem(places.state(state.id), "FINAL_STATE_LEFT", message)
        if not state.final and state.id not in leaving:
            message = f"no way leads out of {state.id}, and it is not final"
            yield Problem(places.state(state.id), "DEAD_END", message)


def _ambiguous(definition: Definition, places: Places) -> Iterator[Problem]:
    """Yield arrows that can never be taken because one before them, of the same source and event, always is."""
    asked: dict[tuple[str, str], set[str]] = {}
    for transition in definition.transitions:
        before = asked.setdefault((transition.source, transition.event), set())
        guard = "" if transition.guard is None else repr(transition.guard)
        if guard in before or "" in before:
            message = f"{transition.event} in {transition.source} is already taken by an arrow before this one"
            yield Problem(places.transition(transition), "AMBIGUOUS_TRANSITION", message)
        before.add(guard)


def _unheard(definition: Definition, places: Places) -> Iterator[Problem]:
    """Yield timers that no arrow answers, and raises that open something without saying what."""
    known = {state.id for state in definition.states}
    answered = {(transition.source, transition.event) for transition in definition.transitions}
    for timer in definition.timers:
        if timer.state in known and (timer.state, timer.event) not in answered:
            message = f"the timer {timer.event} leads nowhere from {timer.state}"
            yield Problem(places.state(timer.state), "UNANSWERED_TIMER", message)
    for transition in definition.transitions:
        for told in transition.raises:
            if told.opens and not told.key:
                message = f"{told.event} is to open a {told.definition}, but says no key for it"
                yield Problem(places.transition(transition), "INVALID_RAISE", message)


def _unknown_names(
    definition: Definition, guards: Collection[str], effects: Collection[str], places: Places
) -> Iterator[Problem]:
    for transition in definition.transitions:
        place = places.transition(transition)
        asked = [transition.guard, *(told.guard for told in transition.raises)]
        for guard in asked:
            if guard is not None and guard.name not in guards:
                yield Problem(place, "UNKNOWN_GUARD", f"no code is registered for the guard {guard.name}")
        for effect in transition.effects:
            if effect not in effects:
                yield Problem(place, "UNKNOWN_EFFECT", f"no effect {effect} is declared")
