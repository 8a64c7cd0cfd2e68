"""
What must have happened, unseen, for an event to make sense.

A phone moves between screens without telling us; its next call shows where it is. The arrows it can have taken are in
the definition, marked `unseen`.
"""

from collections import deque
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
    Return the fewest unseen steps from *instance* to a state where *arrives*, or None if no unseen way leads there.

    The steps happened no later than *event*, which shows them; their ids are made from its.
    """
    if arrives(instance.state):
        return ()
    unseen = [transition for transition in interpreter.definition.transitions if transition.unseen]
    ways: deque[tuple[Step, ...]] = deque([()])
    seen = {instance.state}
    while ways:
        way = ways.popleft()
        here = way[-1].after if way else instance
        for transition in unseen:
            if transition.source != here.state or transition.target in seen:
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
            if step.after.state in seen:
                continue
            if arrives(step.after.state):
                return (*way, step)
            seen.add(step.after.state)
            ways.append((*way, step))
    return None
