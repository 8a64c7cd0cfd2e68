"""What waits in a state: timers are armed where it is entered, fire once, and end where it is left."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from engine.errors import UnknownState
from engine.fold import Fact, Fold
from engine.interpreter import Interpreter
from engine.model import Armed, Effect, Event, Guard, Instance, Step, Timer, Transition, effect_key
from tests.builders import HOUR, MINUTE, NOON, a_definition, an_event, an_instance, an_interpreter, says

TIMED = an_interpreter(
    Transition("packed", "picked_up", "moving"),
    Transition("packed", "labelled", "packed"),
    Transition("moving", "arrived", "there"),
    Transition("moving", "held", "moving"),
    Transition("moving", "unloaded", "packed"),
    Transition("moving", "reminded", "moving", effects=("remind",)),
    Transition("moving", "given_up", "there", Guard("says", ("nobody_cares",))),
    timers=(
        Timer("packed", "forgotten", after=2 * HOUR),
        Timer("moving", "late", after=3 * HOUR),
        Timer("moving", "promised_time_passed", at="promised"),
        Timer("moving", "promise_broken", after=HOUR, at="promised"),
    ),
)

WAITING = an_interpreter(
    Transition("packed", "picked_up", "moving"),
    Transition("moving", "held", "moving"),
    Transition("moving", "reminded", "moving", effects=("remind",)),
    Transition("moving", "unloaded", "packed"),
    Transition("moving", "doubted", "packed", Guard("says", ("lost",))),
    Transition("moving", "expired", "over"),
    timers=(
        Timer("moving", "expired", 24 * HOUR),
        Timer("moving", "reminded", 12 * HOUR),
        Timer("moving", "doubted", 18 * HOUR),
    ),
)

TWINS = an_interpreter(
    Transition("packed", "warned", "packed"),
    Transition("packed", "counted", "packed"),
    Transition("packed", "picked_up", "moving"),
    timers=(Timer("packed", "warned", HOUR), Timer("packed", "counted", HOUR)),
)
"""What is warned of and counted in the same hour, and goes on waiting."""


def moving(interpreter: Interpreter = WAITING, **context: int) -> Instance:
    """Return a parcel that was picked up at noon."""
    return interpreter.step(an_instance(), an_event(at=NOON, received_at=NOON + MINUTE, assign=context)).after


def fired(interpreter: Interpreter, instance: Instance, now: int) -> list[Step]:
    """Return the steps of all timers that are due by *now*, one after the other."""
    steps: list[Step] = []
    while (event := interpreter.due(instance, now)) is not None:
        steps.append(interpreter.fire(instance, event))
        instance = steps[-1].after
    return steps


# What is armed


@pytest.mark.parametrize(
    ("context", "timers"),
    [
        pytest.param({}, [("late", 3)], id="only the one that needs no context"),
        pytest.param(
            {"promised": NOON + HOUR},
            [("promised_time_passed", 1), ("promise_broken", 2), ("late", 3)],
            id="the context's time is first",
        ),
        pytest.param(
            {"promised": NOON + 4 * HOUR},
            [("late", 3), ("promised_time_passed", 4), ("promise_broken", 5)],
            id="the context's time is later",
        ),
        pytest.param(
            {"promised": NOON + 2 * HOUR},
            [("promised_time_passed", 2), ("late", 3), ("promise_broken", 3)],
            id="at the same time, in the definition's order",
        ),
    ],
)
def test_entering_a_state_arms_all_of_its_timers(context: dict[str, int], timers: list[tuple[str, int]]) -> None:
    instance = moving(TIMED, **context)

    assert instance.timers == tuple(Armed(event, NOON + hours * HOUR) for event, hours in timers)
    assert instance.deadline == instance.timers[0].at


def test_leaving_a_state_disarms_its_timers() -> None:
    left = TIMED.step(moving(TIMED), an_event("arrived")).after

    assert (left.timers, left.deadline) == ((), None)


@pytest.mark.parametrize(
    "timers", [pytest.param((Armed("late", NOON + HOUR),), id="armed"), pytest.param((), id="fired")]
)
def test_staying_in_a_state_leaves_its_timers_as_they_are(timers: tuple[Armed, ...]) -> None:
    instance = an_instance("moving", TIMED.definition, timers=timers)

    assert TIMED.step(instance, an_event("held", at=NOON + 9 * HOUR)).after.timers == timers
    assert TIMED.note(instance, an_event("seen", at=NOON + 9 * HOUR), "no matter").after.timers == timers


def test_coming_back_to_a_state_arms_its_timers_afresh() -> None:
    there = moving()
    back = WAITING.step(there, an_event("unloaded", at=NOON + HOUR)).after

    again = WAITING.step(back, an_event("picked_up", at=NOON + 5 * HOUR)).after

    assert again.timers == tuple(Armed(timer.event, timer.at + 5 * HOUR) for timer in there.timers)
    assert again.entry == there.entry + 2


def test_beginning_again_in_the_same_state_arms_its_timers_afresh() -> None:
    again = WAITING.restart(moving(), an_event("held", at=NOON + 5 * HOUR)).after

    assert again.timers == (
        Armed("reminded", NOON + 17 * HOUR),
        Armed("doubted", NOON + 23 * HOUR),
        Armed("expired", NOON + 29 * HOUR),
    )


def test_the_first_event_of_all_arms_the_initial_state_even_if_it_stays() -> None:
    step = TIMED.step(an_instance(), an_event("labelled", at=NOON))
    noted = TIMED.note(an_instance(), an_event("asked", at=NOON), "no matter")

    assert step.after.timers == noted.after.timers == (Armed("forgotten", NOON + 2 * HOUR),)


def test_what_waits_from_its_birth_does_not_wait_anew_when_something_happens() -> None:
    waiting = TIMED.waiting(an_instance())

    assert waiting.timers == (Armed("forgotten", NOON + 2 * HOUR),)
    assert TIMED.step(waiting, an_event("labelled", at=NOON + HOUR)).after.timers == waiting.timers


# What fires


def test_nothing_fires_before_its_time() -> None:
    instance = moving()

    assert WAITING.due(instance, NOON + 12 * HOUR - 1) is None
    assert WAITING.due(an_instance(), 2**60) is None


def test_a_timers_event_happens_at_its_own_time_and_is_named_by_what_armed_it() -> None:
    assert WAITING.due(moving(), NOON + 13 * HOUR) == Event(
        f"timer/reminded/1/{NOON + 12 * HOUR}", "reminded", NOON + 12 * HOUR, NOON + 13 * HOUR, actor="timer"
    )


def test_a_timer_that_stays_asks_for_its_effects_once_and_leaves_the_others_armed() -> None:
    instance = moving()
    event = an_event("reminded", f"timer/reminded/1/{NOON + 12 * HOUR}", NOON + 12 * HOUR)

    (step,) = fired(WAITING, instance, NOON + 12 * HOUR)

    assert step.effects == (Effect(effect_key(instance, event.id, "remind", 0), "remind"),)
    assert step.after.timers == instance.timers[1:]


def test_an_event_of_a_timers_name_before_its_time_leaves_it_armed() -> None:
    instance = moving()

    by_hand = WAITING.step(instance, an_event("reminded", at=NOON + 12 * HOUR - 1)).after

    assert by_hand.timers == instance.timers


def test_an_event_of_a_timers_name_before_its_time_leaves_it_armed_even_if_another_is_due() -> None:
    timers = Armed("warned", NOON), Armed("counted", NOON + HOUR)
    packed = an_instance("packed", TWINS.definition, revision=1, timers=timers)

    assert TWINS.step(packed, an_event("counted", at=NOON + MINUTE)).after.timers == timers


def test_a_timer_whose_guard_says_no_is_noted_and_does_not_come_again() -> None:
    instance = replace(moving(), timers=(Armed("doubted", NOON + 18 * HOUR), Armed("expired", NOON + 24 * HOUR)))

    (step,) = fired(WAITING, instance, NOON + 20 * HOUR)

    assert (step.transition, step.outcome, step.effects) == (None, "refused", ())
    assert step.after == replace(
        instance,
        revision=instance.revision + 1,
        steps=instance.steps + 1,
        updated_at=NOON + 20 * HOUR,
        timers=(Armed("expired", NOON + 24 * HOUR),),
    )


def test_a_timer_whose_event_has_no_arrow_is_noted_and_does_not_come_again() -> None:
    (step,) = fired(TIMED, moving(TIMED), NOON + 3 * HOUR)

    assert (step.event.name, step.outcome, step.after.state, step.after.timers) == ("late", "refused", "moving", ())


def test_a_timer_of_a_parked_instance_neither_fires_nor_is_lost() -> None:
    parked = an_instance("sunk", TIMED.definition, timers=(Armed("late", NOON),))
    due = TIMED.due(parked, NOON)

    assert due is not None
    with pytest.raises(UnknownState):
        TIMED.fire(parked, due)


def test_what_was_missed_fires_in_order_and_what_it_leads_to_counts_from_when_it_was_due() -> None:
    chain = an_interpreter(
        Transition("packed", "warned", "packed"),
        Transition("packed", "forgotten", "shelved"),
        Transition("shelved", "given_away", "gone"),
        timers=(
            Timer("packed", "forgotten", 2 * HOUR),
            Timer("packed", "warned", HOUR),
            Timer("shelved", "given_away", HOUR),
        ),
    )

    steps = fired(chain, chain.waiting(an_instance()), NOON + 240 * HOUR)

    assert [(step.event.name, (step.event.at - NOON) // HOUR, step.after.state) for step in steps] == [
        ("warned", 1, "packed"),
        ("forgotten", 2, "shelved"),
        ("given_away", 3, "gone"),
    ]
    assert {step.event.received_at for step in steps} == {NOON + 240 * HOUR}


# What was stored when only the first timer's time was kept


def nameless(
    interpreter: Interpreter, at: int, state: str = "moving", context: Mapping[str, int] | None = None
) -> Instance:
    """Return an instance as it was stored before."""
    return an_instance(state, interpreter.definition, timers=(Armed("", at),), context=context or {})


@pytest.mark.parametrize(
    ("at", "context", "expected"),
    [
        pytest.param(3, {}, [("late", 3)], id="the first without a time of its own"),
        pytest.param(9, {}, [("late", 9)], id="whenever it was armed"),
        pytest.param(
            1,
            {"promised": NOON + HOUR},
            [("promised_time_passed", 1), ("promise_broken", 2), ("late", 4)],
            id="the one whose time it is by the context, and those after it",
        ),
        pytest.param(
            2, {"promised": NOON + HOUR}, [("promise_broken", 2), ("late", 4)], id="none that must have been before"
        ),
    ],
)
def test_a_timer_without_a_name_is_the_one_it_must_have_been(
    at: int, context: Mapping[str, int], expected: list[tuple[str, int]]
) -> None:
    steps = fired(TIMED, nameless(TIMED, NOON + at * HOUR, context=context), NOON + 100 * HOUR)

    assert [(step.event.name, (step.event.at - NOON) // HOUR) for step in steps] == expected


def test_a_reminder_without_a_name_arms_the_end_after_it_as_it_would_have_been() -> None:
    steps = fired(WAITING, nameless(WAITING, NOON + 12 * HOUR), NOON + 100 * HOUR)

    assert [(step.event.name, (step.event.at - NOON) // HOUR) for step in steps] == [
        ("reminded", 12),
        ("doubted", 18),
        ("expired", 24),
    ]


def test_of_two_timers_that_were_due_at_once_both_fire() -> None:
    steps = fired(TWINS, nameless(TWINS, NOON + HOUR, state="packed"), NOON + HOUR)

    assert [step.event.name for step in steps] == ["warned", "counted"]


def test_a_timer_of_a_state_that_has_none_is_noted_and_does_not_come_again() -> None:
    (step,) = fired(WAITING, nameless(WAITING, NOON, state="packed"), NOON)

    assert (step.outcome, step.after.state, step.after.timers) == ("refused", "packed", ())


# Timers of what is folded from facts


def test_in_a_timeline_a_timer_fires_as_a_fact_even_if_that_leads_nowhere() -> None:
    definition = a_definition(timers=(Timer("moving", "forgotten", HOUR),), ordering="event_time")
    facts = [Fact("picked_up", NOON, NOON), Fact("forgotten", NOON + HOUR, NOON + 2 * HOUR)]

    armed, disarmed = (Fold(Interpreter(definition), an_instance(), facts[:count]).instance for count in (1, 2))

    assert armed.timers == (Armed("forgotten", NOON + HOUR),)
    assert disarmed == replace(armed, timers=())


# Whatever happens

STATES = ("a", "b", "c")
TIMERS = ("t0", "t1", "t2", "t3")


@some.composite
def timed_definitions(draw: some.DrawFn) -> Interpreter:
    """Return any definition of three states that can all be reached and left, with timers whose arrows go anywhere."""
    timers = draw(
        some.lists(
            some.builds(Timer, some.sampled_from(STATES), some.sampled_from(TIMERS), some.integers(1, 40)),
            unique_by=lambda timer: (timer.state, timer.event),
            max_size=6,
        )
    )
    arrows = [Transition(source, f"to_{target}", target) for source in STATES for target in STATES]
    for timer in timers:
        target = draw(some.sampled_from((*STATES, None)))
        guard = draw(some.sampled_from((None, Guard("says", ("never",)))))
        if target is not None:
            arrows.append(Transition(timer.state, timer.event, target, guard))
    return Interpreter(a_definition(*arrows, initial="a", timers=tuple(timers)), {"says": says})


class Observed:
    """An instance that time passes for, and what was seen of its timers: each with the entry that armed it."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.instance = interpreter.waiting(an_instance(definition=interpreter.definition))
        self.armed: dict[tuple[int, str], int] = {}
        self.fired: dict[tuple[int, str], int] = {}
        self._look()

    def take(self, step: Step) -> None:
        """Go on from *step*."""
        self.instance = step.after
        self._look()

    def keep_time(self, now: int) -> None:
        """Let what is due fire: each once, at its time, and all that the state has armed."""
        while (event := self.interpreter.due(self.instance, now)) is not None:
            timer = self.instance.entry, event.name
            assert event.at <= now
            assert timer not in self.fired
            self.fired[timer] = event.at
            self.take(self.interpreter.fire(self.instance, event))
        here = {timer: at for timer, at in self.armed.items() if timer[0] == self.instance.entry}
        assert {timer for timer, at in here.items() if at <= now} <= self.fired.keys()
        assert {timer for timer in here if timer not in self.fired} == {
            (self.instance.entry, armed.event) for armed in self.instance.timers
        }

    def _look(self) -> None:
        for timer in self.instance.timers:
            assert self.armed.setdefault((self.instance.entry, timer.event), timer.at) == timer.at


happenings = some.one_of(
    some.tuples(some.just("jump"), some.sampled_from((-90, -7, -1, 1, 5, 13, 60))),
    some.tuples(some.sampled_from(("step", "restart")), some.sampled_from(STATES)),
)


@settings(max_examples=150, deadline=None)
@given(interpreter=timed_definitions(), run=some.lists(happenings, max_size=15))
def test_every_timer_of_every_entry_fires_once_if_its_state_is_not_left_before_and_else_never(
    interpreter: Interpreter, run: list[tuple[str, Any]]
) -> None:
    now = NOON
    observed = Observed(interpreter)
    for number, (what, detail) in enumerate(run):
        if what == "jump":
            now += detail
            observed.keep_time(now)
        else:
            event = an_event(f"to_{detail}", f"e-{number}", now)
            observed.take(getattr(interpreter, what)(observed.instance, event))
    observed.keep_time(now)

    assert {timer: observed.armed[timer] for timer in observed.fired} == observed.fired


@pytest.mark.parametrize("promised", ["tomorrow", 1.5, [], None])
def test_a_time_that_is_none_starts_no_timer(promised: Any) -> None:
    step = TIMED.step(an_instance(context={"promised": promised}), an_event("picked_up"))

    assert [armed.event for armed in step.after.timers] == ["late"]
