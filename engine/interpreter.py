"""
The one decision: what an event does to an instance. Nothing here can wait.

Rule 1: this is the one module that imports `transitions`, and it drives one shared `Machine` for a definition's version
        with models that live for one step. A machine or an `add_model` per instance costs 10 to 20 KB and milliseconds.
Rule 2: the table is the definition's; this module adds no arrow to it and hides none.
Rule 3: a state's timers are armed whenever it is entered, and run until they fire or it is left or entered anew.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import transitions
from msgspec.structs import replace
from transitions import MachineError

from engine.errors import DefinitionError, GuardRefused, NoTransition, Problem, UnknownState
from engine.model import (
    Armed,
    Definition,
    Effect,
    Event,
    Guard,
    Instance,
    Raise,
    State,
    Step,
    Timer,
    Transition,
    effect_key,
)

GuardFunction = Callable[..., bool]
"""`(instance, event, *args) -> bool`, pure."""

Projection = Callable[..., Mapping[str, Any]]
"""`(timeline) -> context`, pure; see engine/fold.py."""

TIMER = "timer"
"""The actor of the events that come because their time has come."""

REFUSED = "refused"
"""The outcome of a timer's event that led nowhere."""


class _Cursor:
    """The throwaway model that `transitions` moves for one step."""

    __slots__ = ("event", "instance", "state", "taken")

    def __init__(self, instance: Instance, event: Event) -> None:
        self.state = instance.state
        self.instance = instance
        self.event = event
        self.taken: Transition | None = None


class _Trigger(transitions.Event):
    """
    An event of the machine, without what ours never use: callbacks around a transition, and a log line for each.

    It asks a state's arrows in their order, as its parent does, at a third of the cost.
    """

    def trigger(self, model: Any, *_: Any, **__: Any) -> bool:
        """Move *model* by the first arrow whose guard says yes, and tell it which; return whether there was one."""
        arrows: Any = self.transitions.get(model.state)
        if arrows is None:
            raise MachineError(self.name)
        for arrow in arrows:
            if arrow.leads(model):
                model.state = arrow.dest
                model.taken = arrow.written
                return True
        return False


class _Arrow(transitions.Transition):
    """A transition of the machine that knows how it is written in the definition, and its guard."""

    def __init__(self, *ends: Any, written: Transition, guard: GuardFunction | None) -> None:
        super().__init__(*ends)
        self.written = written
        self._guard = guard
        self._args = written.guard.args if written.guard else ()

    def leads(self, cursor: _Cursor) -> bool:
        """Return whether the guard lets the cursor's event through."""
        return self._guard is None or self._guard(cursor.instance, cursor.event, *self._args)


class _Machine(transitions.Machine):
    """A machine whose arrows are `_Arrow`s."""

    event_cls = _Trigger
    transition_cls = _Arrow
    wildcard_all = wildcard_same = "\0"  # no state's id means more than that state


class Interpreter:
    """
    Runs one version of a definition.

    Raises:
        DefinitionError: a guard or the projection has no code.
    """

    def __init__(
        self,
        definition: Definition,
        guards: Mapping[str, GuardFunction] | None = None,
        projections: Mapping[str, Projection] | None = None,
    ) -> None:
        self.definition = definition
        self.states: dict[str, State] = {state.id: state for state in definition.states}
        self._guards = guards or {}
        self._check_guards()
        self.projection = self._find_projection(projections or {})

        self._timers: dict[str, list[Timer]] = {}
        for timer in definition.timers:
            self._timers.setdefault(timer.state, []).append(timer)
        self._allowed: dict[str, tuple[str, ...]] = {
            state: tuple(dict.fromkeys(t.event for t in definition.transitions if t.source == state))
            for state in self.states
        }
        self.unseen: dict[str, list[Transition]] = {}  # by their sources
        for transition in definition.transitions:
            if transition.unseen:
                self.unseen.setdefault(transition.source, []).append(transition)
        order = {state.id: index for index, state in enumerate(definition.states)}
        self.rank: dict[str, int] = {}
        for transition in definition.transitions:
            place = order[transition.target]
            self.rank[transition.event] = min(self.rank.get(transition.event, place), place)

        self._machine = _Machine(
            model=None,
            model_attribute="\0",  # what no event may be called
            states=list(self.states),
            initial=definition.initial,
            auto_transitions=False,  # a `to_x` would skip guards
            queued=False,
        )
        for transition in definition.transitions:
            guard = None if transition.guard is None else self._guards[transition.guard.name]
            self._machine.add_transition(
                transition.event, transition.source, transition.target, written=transition, guard=guard
            )

    def _check_guards(self) -> None:
        unknown = sorted({str(guard) for guard in _guards_of(self.definition) if guard.name not in self._guards})
        if unknown:
            problems = tuple(Problem("", "UNKNOWN_GUARD", f"the guard {name} has no code") for name in unknown)
            raise DefinitionError(self.definition.name, problems)

    def _find_projection(self, projections: Mapping[str, Projection]) -> Projection | None:
        name = self.definition.projection
        if name and name not in projections:
            problem = Problem("", "UNKNOWN_PROJECTION", f"the projection {name} has no code")
            raise DefinitionError(self.definition.name, (problem,))
        return projections.get(name)

    def allowed(self, instance: Instance) -> tuple[str, ...]:
        """Return the events that have an arrow out of the instance's state, in the definition's order."""
        return self._allowed.get(instance.state, ())

    def holds(self, guard: Guard | None, instance: Instance, event: Event) -> bool:
        """Return what *guard* says; no guard says yes."""
        return guard is None or self._guards[guard.name](instance, event, *guard.args)

    def raised(self, step: Step) -> tuple[Raise, ...]:
        """Return what *step* tells other instances of its family."""
        if step.transition is None:
            return ()
        return tuple(told for told in step.transition.raises if self.holds(told.guard, step.after, step.event))

    def step(self, instance: Instance, event: Event, *, inferred: bool = False) -> Step:
        """
        Apply *event* to *instance*.

        Returns:
            The step taken. Effect keys derive from the instance and the event that declared them.

        Raises:
            UnknownState: the instance is in a state this version does not have.
            NoTransition: no arrow leaves its state on this event.
            GuardRefused: one does, and its guard said no.
        """
        if instance.state not in self.states:
            raise UnknownState(instance, event)
        trigger = self._machine.events.get(event.name)
        if trigger is None:
            raise NoTransition(instance, event, self.allowed(instance))

        cursor = _Cursor(instance, event)
        try:
            trigger.trigger(cursor)
        except MachineError:
            raise NoTransition(instance, event, self.allowed(instance)) from None
        if cursor.taken is None:
            raise GuardRefused(instance, event, self.allowed(instance))

        effects: tuple[Effect, ...] = ()
        if cursor.taken.effects:
            named = enumerate(cursor.taken.effects)
            effects = tuple(Effect(effect_key(instance, event.id, name, index), name) for index, name in named)
        after = self._arrive(instance, event, cursor.state)
        return Step(instance, event, after, cursor.taken, effects, inferred)

    def restart(self, instance: Instance, event: Event) -> Step:
        """
        Apply *event* to *instance* as to one that begins again where it leads: it has nothing behind it.

        Even the state that it was in is entered anew.

        Raises:
            StepError: as for `step`.
        """
        step = self.step(instance, event)
        state = step.after.state
        after = replace(
            step.after,
            entry=instance.entry + 1,
            path=(self.definition.initial, state),
            timers=self._armed(state, event.at, step.after.context),
        )
        return replace(step, after=after)

    def due(self, instance: Instance, now: int) -> Event | None:
        """Return the event of the first of the instance's timers, if it is due by *now*."""
        if instance.deadline is None or instance.deadline > now:
            return None
        first = self._running(instance)[0]
        return Event(f"timer/{first.event}/{instance.entry}/{first.at}", first.event, first.at, now, actor=TIMER)

    def fire(self, instance: Instance, event: Event) -> Step:
        """
        Apply the *event* of a timer that is due; one that the table refuses is noted, and does not come again.

        Raises:
            UnknownState: the instance is in a state this version does not have.
        """
        try:
            return self.step(instance, event)
        except (NoTransition, GuardRefused):
            return self.note(instance, event, REFUSED)

    def disarmed(self, instance: Instance, event: Event) -> Instance:
        """Return *instance* without the timer that fires with *event*, if one does."""
        left = self._left(instance, event)
        return instance if left is instance.timers else replace(instance, timers=left)

    def note(self, instance: Instance, event: Event, outcome: str) -> Step:
        """Return the step of an event that is kept in the journal and moved nothing; its assignments still count."""
        return Step(instance, event, self._arrive(instance, event, instance.state), outcome=outcome)

    def _arrive(self, instance: Instance, event: Event, state: str) -> Instance:
        moved = state != instance.state
        context = {**instance.context, **event.assign}
        return replace(
            instance,
            state=state,
            revision=instance.revision + 1,
            entry=instance.entry + moved,
            steps=instance.steps + 1,
            path=_walk(instance.path, state) if moved else instance.path,
            context=context,
            timers=self._armed(state, event.at, context) if moved else self._stays(instance, event, context),
            updated_at=event.received_at,
        )

    def waiting(self, instance: Instance) -> Instance:
        """Return a new *instance* with the timers of its state armed."""
        return replace(instance, timers=self._armed(instance.state, instance.created_at, instance.context))

    def _armed(self, state: str, at: int, context: Mapping[str, Any]) -> tuple[Armed, ...]:
        """Return what runs for an instance that enters *state* *at* that time; of those due at once, in their order."""
        armed = []
        for timer in self._timers.get(state, ()):
            start = at if timer.at is None else context.get(timer.at)
            if isinstance(start, int):  # what stands there instead may be anything that was sent
                armed.append(Armed(timer.event, start + timer.after))
        return tuple(sorted(armed, key=_due_at))

    def _stays(self, instance: Instance, event: Event, context: Mapping[str, Any]) -> tuple[Armed, ...]:
        """Return what runs for an instance that stays where it is; if this is its first event, that begins now."""
        if instance.revision == 0 and not instance.timers:
            return self._armed(instance.state, event.at, context)
        return self._left(instance, event)

    def _left(self, instance: Instance, event: Event) -> tuple[Armed, ...]:
        """Return the instance's timers but for the one that fires with *event*: that has its name, and is due by it."""
        running = self._running(instance)
        if not running or running[0].at > event.at:
            return running
        return tuple(armed for armed in running if armed.event != event.name or armed.at > event.at)

    def _running(self, instance: Instance) -> tuple[Armed, ...]:
        """Return the instance's timers; of one stored when only the first one's time was kept, those it must have."""
        if not instance.timers or instance.timers[0].event:
            return instance.timers
        due, context = instance.timers[0].at, instance.context
        timers = sorted(self._timers.get(instance.state, ()), key=_after)
        exact = (timer for timer in timers if timer.at and context.get(timer.at) == due - timer.after)
        first = next(exact, None) or next((timer for timer in timers if timer.at is None), None)
        if first is None:
            return instance.timers
        would_be = self._armed(instance.state, due - first.after, context)
        return (
            Armed(first.event, due),
            *(armed for armed in would_be if armed.at >= due and armed.event != first.event),
        )


_due_at, _after = attrgetter("at"), attrgetter("after")


def _guards_of(definition: Definition) -> list[Guard]:
    guards = [transition.guard for transition in definition.transitions]
    guards += [told.guard for transition in definition.transitions for told in transition.raises]
    return [guard for guard in guards if guard is not None]


def _walk(path: tuple[str, ...], state: str) -> tuple[str, ...]:
    """Return *path* gone on to *state*: cut back to it where it was passed before, else one longer."""
    return path[: path.index(state) + 1] if state in path else (*path, state)
