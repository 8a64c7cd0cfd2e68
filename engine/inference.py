"""
What must have happened, unseen, for an event to make sense.

A phone moves between screens without telling us; its next call shows where it is. The arrows it can have taken are in
the definition, marked `unseen`.
"""

import heapq
from collections.abc import Callable

from engine.errors import StepError
from engine.interpreter import Interpreter
from engine.model import Event, Instance, Step

GOES_TO = "to"
"""The name under which an inferred event's data has the state it goes to."""


def infer(
    interpreter: Interpreter, instance: Instance, arrives: Callable[[str], bool], event: Event
) -> tuple[Step, ...] | None:
    """
    Return the unseen steps from *instance* to a state where *arrives*, or None if no unseen way leads there.

    Of several ways it is the one with the fewest steps back, of those the shortest: whoever went on can still go back,
    and whoever went back cannot be told from one who went on. The steps happened no later than *event*, which shows
    them; their ids are made from its.
    """
    if arrives(instance.state):
        return ()
    # Each way with its steps back, its length, and a number of its own, so that the first written goes before.
    ways: list[tuple[int, int, int, tuple[Step, ...]]] = [(0, 0, 0, ())]
    made, seen = 1, set()
    while ways:
        backs, length, _, way = heapq.heappop(ways)
        here = way[-1].after if way else instance
        if here.state in seen:
            continue
        if way and arrives(here.state):
            return way
        seen.add(here.state)
        for transition in interpreter.unseen.get(here.state, ()):
            if transition.target in seen:
                continue
            move = Event(
                f"{event.id}/{len(way)}",
                transition.event,
                event.at,
                event.received_at,
                data={GOES_TO: transition.target},
                actor=event.actor,
            )
            try:
                step = interpreter.step(here, move, inferred=True)
            except StepError:
                continue
            back = len(step.after.path) <= len(here.path)
            heapq.heappush(ways, (backs + back, length + 1, made, (*way, step)))
            made += 1
    return None
