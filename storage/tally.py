"""
The edges that a decision takes, which the store counts in the transaction that commits it.

Rule 1: for each version of a definition, what was taken into a state less what was taken out of it is how many
        sessions are there now. Loops are counted as taken and cancel; what begins comes from nowhere, and who changes
        the version leaves the one and enters the other.
Rule 2: a change that no event names (a state that moved without a step) is an edge too, of an event without a name.
Rule 3: nothing removes an instance. Whatever does one day goes through here, and takes it to nowhere.
"""

from collections.abc import Iterator

from engine.model import Instance
from engine.ports import Decision

NOWHERE = ""
"""Where an instance is that is not in a version: not yet born, or gone over to another."""

NO_EVENT = ""
"""The event of what was not taken by one: a birth, a state that moved without a step."""

Edge = tuple[str, str, str, str, str]
"""`(definition, version, source, event, target)`."""


def edges(decision: Decision) -> Iterator[Edge]:
    """Yield the edges that *decision* takes, each as often as it is taken."""
    left: dict[tuple[str, str], Instance] = {}
    moves = [(step.before, step.event.name, step.after) for step in decision.steps]
    for before, event, after in (*moves, *((before, NO_EVENT, after) for before, after in decision.touched)):
        earlier = left.get(after.id)
        if earlier is not None:
            yield from _moved(earlier, NO_EVENT, before)
        elif before.revision == 0:
            yield before.definition, before.version, NOWHERE, NO_EVENT, before.state
        yield from _moved(before, event, after)
        left[after.id] = after


def _moved(before: Instance, event: str, after: Instance) -> Iterator[Edge]:
    """Yield the edges from where an instance was to where it is."""
    if before.version != after.version:
        yield before.definition, before.version, before.state, event, NOWHERE
        yield after.definition, after.version, NOWHERE, event, after.state
    elif event or before.state != after.state:
        yield after.definition, after.version, before.state, event, after.state
