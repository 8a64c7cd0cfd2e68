import ast
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import engine
from engine.errors import DefinitionError, GuardRefused, NoTransition, Problem, StepError, UnknownState
from engine.interpreter import Interpreter
from engine.model import Armed, Definition, Effect, Event, Guard, Instance, Raise, Step, Transition, effect_key
from tests.builders import HOUR, MINUTE, NOON, a_definition, an_event, an_instance, an_interpreter, refusal, says

PICKED_UP = Transition("packed", "picked_up", "moving", effects=("notify_shipped", "start_tracking"))
ARRIVED = Transition("moving", "arrived", "there", Guard("says", ("signed",)))
HELD = Transition("moving", "held", "moving", effects=("notify_delay",))
SENT_BACK = Transition("moving", "sent_back", "packed")
PARCEL = an_interpreter(PICKED_UP, ARRIVED, HELD, SENT_BACK)


def test_a_step_is_the_whole_of_what_an_event_did() -> None:
    before = an_instance("packed", PARCEL.definition, revision=4, steps=6, context={"city": "Pune"}, family="O-1")
    event = an_event("picked_up", at=NOON + MINUTE, received_at=NOON + HOUR, data={"by": "van"}, assign={"van": 3})

    step = PARCEL.step(before, event)

    assert step == Step(
        before=before,
        event=event,
        after=Instance(
            definition="parcel",
            version=before.version,
            key="P-7",
            state="moving",
            created_at=NOON,
            updated_at=NOON + HOUR,
            revision=5,
            entry=1,
            steps=7,
            path=("packed", "moving"),
            context={"city": "Pune", "van": 3},
            family="O-1",
            timers=(),
        ),
        transition=PICKED_UP,
        effects=(
            Effect(effect_key(before, "e-1", "notify_shipped", 0), "notify_shipped"),
            Effect(effect_key(before, "e-1", "start_tracking", 1), "start_tracking"),
        ),
        inferred=False,
        outcome="",
    )


def test_the_same_event_asks_for_its_effects_under_the_same_keys_at_any_revision() -> None:
    early, late = (an_instance("packed", PARCEL.definition, revision=revision) for revision in (1, 9))

    assert PARCEL.step(early, an_event()).effects == PARCEL.step(late, an_event()).effects


def test_an_effect_named_twice_is_two_effects() -> None:
    interpreter = an_interpreter(Transition("packed", "picked_up", "moving", effects=("notify", "notify")))

    first, second = interpreter.step(an_instance(), an_event()).effects

    assert first.name == second.name
    assert first.key != second.key


def test_a_step_can_be_marked_as_inferred() -> None:
    assert PARCEL.step(an_instance("packed", PARCEL.definition), an_event(), inferred=True).inferred


@pytest.mark.parametrize(
    ("state", "event", "error", "allowed"),
    [
        pytest.param("packed", "arrived", NoTransition, ("picked_up",), id="an event of another state"),
        pytest.param("packed", "eaten", NoTransition, ("picked_up",), id="an event of no state"),
        pytest.param("there", "picked_up", NoTransition, (), id="any event of a final state"),
        pytest.param("moving", "arrived", GuardRefused, ("arrived", "held", "sent_back"), id="a guard says no"),
        pytest.param("sunk", "arrived", UnknownState, (), id="a state this version does not have"),
    ],
)
def test_a_refused_event_changes_nothing_and_says_what_would_be_allowed(
    state: str, event: str, error: type[StepError], allowed: tuple[str, ...]
) -> None:
    context = {"lines": [1, 2]}
    instance = an_instance(state, PARCEL.definition, context=context)
    same = an_instance(state, PARCEL.definition, context={"lines": [1, 2]})
    refused = an_event(event, assign={"lines": []})

    with pytest.raises(StepError) as raised:
        PARCEL.step(instance, refused)

    assert type(raised.value) is error
    assert (raised.value.instance, raised.value.event, raised.value.allowed) == (same, refused, allowed)
    assert instance == same


def test_a_refusal_leaves_no_trace_in_the_next_step() -> None:
    instance = an_instance("moving", PARCEL.definition)
    fresh = an_interpreter(*PARCEL.definition.transitions)

    assert refusal(PARCEL, instance, an_event("arrived")) is not None
    assert PARCEL.step(instance, an_event("held")) == fresh.step(instance, an_event("held"))


def test_a_step_leaves_the_instance_it_was_given_as_it_was() -> None:
    before = an_instance("packed", PARCEL.definition, context={"city": "Pune"})

    PARCEL.step(before, an_event(assign={"city": "Goa"}))

    assert before == an_instance("packed", PARCEL.definition, context={"city": "Pune"})


def test_only_what_an_event_assigns_joins_the_context() -> None:
    instance = an_instance("packed", PARCEL.definition, context={"city": "Pune", "weight": 3})

    step = PARCEL.step(instance, an_event(data={"secret": 1}, assign={"city": "Goa"}))

    assert step.after.context == {"city": "Goa", "weight": 3}


def test_the_first_arrow_whose_guard_says_yes_is_taken() -> None:
    first = Transition("packed", "sorted", "north", Guard("says", ("north",)))
    second = Transition("packed", "sorted", "south", Guard("says", ("south",)))
    otherwise = Transition("packed", "sorted", "shelf")
    interpreter = an_interpreter(first, second, otherwise)

    taken = [
        interpreter.step(an_instance(), an_event("sorted", data=data)).transition
        for data in ({"north": True, "south": True}, {"south": True}, {})
    ]

    assert taken == [first, second, otherwise]


def test_a_guard_is_asked_about_the_instance_the_event_and_its_arguments() -> None:
    asked: list[tuple[Any, ...]] = []

    def remembers(*question: Any) -> bool:
        asked.append(question)
        return True

    interpreter = an_interpreter(
        Transition("packed", "picked_up", "moving", Guard("remembers", ("a", "b"))), remembers=remembers
    )
    interpreter.step(an_instance(), an_event())

    assert asked == [(an_instance(), an_event(), "a", "b")]


def test_what_a_guard_raises_reaches_the_caller() -> None:
    def fails(_instance: Instance, _event: Event) -> bool:
        raise ZeroDivisionError

    interpreter = an_interpreter(Transition("packed", "picked_up", "moving", Guard("fails")), fails=fails)

    with pytest.raises(ZeroDivisionError):
        interpreter.step(an_instance(), an_event())


def test_a_guard_that_answers_with_something_true_says_yes_to_arrows_as_to_raises() -> None:
    def has_lines(instance: Instance, _event: Event) -> Any:
        return instance.context.get("lines")

    guard = Guard("has_lines")
    interpreter = an_interpreter(Transition("packed", "picked_up", "moving", guard), has_lines=has_lines)
    instance = an_instance(context={"lines": ["soap"]})

    assert interpreter.holds(guard, instance, an_event())
    assert refusal(interpreter, instance, an_event()) is None


@pytest.mark.parametrize(("data", "holds"), [({"ready": True}, True), ({}, False)])
def test_a_guard_holds_as_its_code_says(data: dict[str, bool], *, holds: bool) -> None:
    assert PARCEL.holds(Guard("says", ("ready",)), an_instance(), an_event(data=data)) is holds


def test_no_guard_always_holds() -> None:
    assert PARCEL.holds(None, an_instance(), an_event())


@pytest.mark.parametrize(
    ("state", "events"),
    [("packed", ("picked_up",)), ("moving", ("arrived", "held", "sent_back")), ("there", ()), ("sunk", ())],
)
def test_allowed_are_the_events_with_an_arrow_out_of_the_state_once_each(state: str, events: tuple[str, ...]) -> None:
    assert PARCEL.allowed(an_instance(state, PARCEL.definition)) == events


def test_allowed_names_an_event_with_several_arrows_once() -> None:
    interpreter = an_interpreter(
        Transition("packed", "sorted", "north", Guard("says", ("north",))), Transition("packed", "sorted", "south")
    )

    assert interpreter.allowed(an_instance()) == ("sorted",)


# Where it has been


def test_the_path_grows_with_each_new_state_and_is_cut_back_to_one_passed_before() -> None:
    screens = an_interpreter(
        Transition("name", "next", "address"),
        Transition("address", "next", "summary"),
        Transition("summary", "edit_address", "address"),
        Transition("address", "back", "name"),
    )
    instance = an_instance("name", screens.definition)
    been = []
    for name in ("next", "next", "edit_address", "back", "next"):
        instance = screens.step(instance, an_event(name)).after
        been.append((instance.path, instance.entry))

    assert been == [
        (("name", "address"), 1),
        (("name", "address", "summary"), 2),
        (("name", "address"), 3),
        (("name",), 4),
        (("name", "address"), 5),
    ]


def test_staying_in_a_state_enters_it_no_second_time() -> None:
    before = an_instance("moving", PARCEL.definition, timers=(Armed("late", NOON + HOUR),))

    after = PARCEL.step(before, an_event("held", assign={"why": "rain"})).after

    assert after == replace(before, revision=4, steps=4, context={"why": "rain"}, updated_at=NOON + MINUTE)


def test_whoever_begins_again_has_nothing_behind_it_and_enters_even_the_state_that_it_was_in() -> None:
    before = an_instance("moving", PARCEL.definition, path=("packed", "elsewhere", "moving"))

    step = PARCEL.restart(before, an_event("held"))

    assert step == replace(
        PARCEL.step(before, an_event("held")),
        after=replace(before, revision=4, entry=2, steps=4, path=("packed", "moving"), updated_at=NOON + MINUTE),
    )


def test_what_cannot_be_taken_begins_nothing_again() -> None:
    with pytest.raises(NoTransition):
        PARCEL.restart(an_instance("packed", PARCEL.definition), an_event("held"))


def test_a_note_is_a_step_that_moves_nothing_and_still_assigns() -> None:
    before = an_instance("moving", PARCEL.definition, timers=(Armed("late", NOON + HOUR),))
    event = an_event("asked_again", assign={"asked": 2})

    step = PARCEL.note(before, event, "repeated")

    after = replace(before, revision=4, steps=4, context={"asked": 2}, updated_at=NOON + MINUTE)
    assert step == Step(before, event, after, transition=None, effects=(), inferred=False, outcome="repeated")


# What it tells


def test_a_step_raises_what_its_arrow_does_and_the_guard_looks_at_the_state_after() -> None:
    always = Raise("order", "parcel_moved")
    when_heavy = Raise("order", "heavy_parcel_moved", guard=Guard("is_heavy"))

    def is_heavy(instance: Instance, _event: Event) -> bool:
        return instance.state == "moving" and bool(instance.context.get("heavy"))

    interpreter = an_interpreter(
        Transition("packed", "picked_up", "moving", raises=(always, when_heavy)), is_heavy=is_heavy
    )
    heavy, light = (
        interpreter.step(an_instance(), an_event(assign={"heavy": weighs_much})) for weighs_much in (True, False)
    )

    assert interpreter.raised(heavy) == (always, when_heavy)
    assert interpreter.raised(light) == (always,)


def test_a_note_raises_nothing() -> None:
    interpreter = an_interpreter(Transition("packed", "picked_up", "moving", raises=(Raise("order", "parcel_moved"),)))

    assert interpreter.raised(interpreter.note(an_instance(), an_event(), "no matter")) == ()


# What it is made from


def test_all_guards_without_code_are_told_at_once_also_those_of_raises() -> None:
    definition = a_definition(
        Transition("packed", "picked_up", "moving", Guard("says", ("ready",))),
        Transition("moving", "arrived", "there", Guard("weighed", ("5",)), raises=(Raise("o", "e", guard=Guard("b")),)),
        Transition("moving", "sank", "gone", Guard("weighed", ("5",))),
    )

    with pytest.raises(DefinitionError) as raised:
        Interpreter(definition, {"says": says})

    assert raised.value.name == "parcel"
    assert raised.value.problems == (
        Problem("", "UNKNOWN_GUARD", "the guard b has no code"),
        Problem("", "UNKNOWN_GUARD", "the guard weighed(5) has no code"),
    )


def test_a_definition_without_guards_needs_no_code() -> None:
    assert refusal(Interpreter(a_definition()), an_instance(), an_event()) is None


def test_a_projection_without_code_is_told() -> None:
    with pytest.raises(DefinitionError) as raised:
        Interpreter(a_definition(projection="parcel"), projections={"order": dict})

    assert raised.value.problems == (Problem("", "UNKNOWN_PROJECTION", "the projection parcel has no code"),)


@pytest.mark.parametrize(
    ("name", "found"), [pytest.param("parcel", dict, id="named"), pytest.param("", None, id="none named")]
)
def test_the_projection_is_the_one_the_definition_names(name: str, found: object) -> None:
    assert Interpreter(a_definition(projection=name), projections={"parcel": dict}).projection is found


def test_an_events_rank_is_the_place_of_the_first_state_it_leads_to() -> None:
    interpreter = an_interpreter(
        Transition("packed", "moved", "moving"),
        Transition("moving", "moved", "packed"),
        Transition("moving", "arrived", "there"),
    )

    assert interpreter.rank == {"moved": 0, "arrived": 2}


def test_only_the_interpreter_imports_transitions() -> None:
    root = Path(engine.__file__).parents[1]
    importers = {
        str(path.relative_to(root))
        for folder in ("engine", "definitions", "storage", "api", "diagrams", "lab")
        for path in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "transitions")
        or (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "transitions" for name in node.names))
    }

    assert importers == {"engine/interpreter.py"}


def test_the_machine_keeps_no_model_however_many_steps_it_runs() -> None:
    for _ in range(3):
        PARCEL.step(an_instance("packed", PARCEL.definition), an_event())

    assert PARCEL._machine.models == []


def test_the_machine_has_the_definitions_events_and_no_others() -> None:
    assert set(PARCEL._machine.events) == {"picked_up", "arrived", "held", "sent_back"}


@pytest.mark.parametrize("name", ["state", "trigger", "to_moving", "*", "a b.c"])
def test_an_event_may_have_any_name(name: str) -> None:
    interpreter = an_interpreter(Transition("packed", name, "moving"))

    assert interpreter.step(an_instance(), an_event(name)).after.state == "moving"


@pytest.mark.parametrize("name", ["*", "=", "state", "a b.c"])
def test_a_state_may_have_any_name_and_is_only_itself(name: str) -> None:
    interpreter = an_interpreter(Transition("packed", "picked_up", name), Transition(name, "arrived", "there"))
    packed = an_instance("packed", interpreter.definition)

    assert interpreter.step(packed, an_event("picked_up")).after.state == name
    assert isinstance(refusal(interpreter, packed, an_event("arrived")), NoTransition)


def test_a_step_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        PARCEL.step(an_instance("packed", PARCEL.definition), an_event())

    assert caplog.records == []


def test_threads_can_share_an_interpreter() -> None:
    wrong: list[tuple[str, str]] = []

    def run(thread: int) -> None:
        for turn in range(200):
            instance = an_instance("packed", PARCEL.definition, key=f"P-{thread}")
            step = PARCEL.step(instance, an_event(event_id=f"e-{turn}", assign={"thread": thread}))
            if (step.after.key, step.after.context) != (f"P-{thread}", {"thread": thread}):
                wrong.append(step.after.id)

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


# Against a table walk that shares nothing with the interpreter

STATES = ("packed", "moving", "held", "there")
EVENTS = ("moved", "stopped", "arrived")
FLAGS = ("ready", "paid")

arrows = st.builds(
    Transition,
    source=st.sampled_from(STATES),
    event=st.sampled_from(EVENTS),
    target=st.sampled_from(STATES),
    guard=st.none() | st.builds(Guard, st.just("says"), st.tuples(st.sampled_from(FLAGS))),
    effects=st.lists(st.sampled_from(("notify", "charge")), max_size=2).map(tuple),
)
definitions = st.lists(arrows, min_size=1, max_size=12).map(lambda drawn: a_definition(*drawn))
happenings = st.tuples(
    st.sampled_from((*EVENTS, "eaten")), st.dictionaries(st.sampled_from(FLAGS), st.booleans(), max_size=2)
)


def walk(definition: Definition, state: str, name: str, data: dict[str, bool]) -> Transition | type[StepError]:
    """Return the arrow the table has for this, or how it must be refused."""
    candidates = [arrow for arrow in definition.transitions if (arrow.source, arrow.event) == (state, name)]
    for arrow in candidates:
        if arrow.guard is None or data.get(arrow.guard.args[0], False):
            return arrow
    return GuardRefused if candidates else NoTransition


@settings(max_examples=200, deadline=None)
@given(definition=definitions, run=st.lists(happenings, min_size=1, max_size=15))
def test_what_is_accepted_and_where_it_goes_is_what_the_table_says(
    definition: Definition, run: list[tuple[str, dict[str, bool]]]
) -> None:
    interpreter = Interpreter(definition, {"says": says})
    instance = an_instance(definition=definition)
    for index, (name, data) in enumerate(run):
        event = an_event(name, f"e-{index}", data=data)
        expected = walk(definition, instance.state, name, data)
        if isinstance(expected, Transition):
            step = interpreter.step(instance, event)
            assert (step.before, step.transition, step.after.state) == (instance, expected, expected.target)
            assert tuple(effect.name for effect in step.effects) == expected.effects
            assert step.after.revision == instance.revision + 1
            instance = step.after
        else:
            unchanged = replace(instance)
            assert type(refusal(interpreter, instance, event)) is expected
            assert instance == unchanged


@settings(max_examples=100, deadline=None)
@given(definition=definitions, start=st.sampled_from(STATES), run=st.lists(happenings, max_size=30))
def test_no_illegal_event_is_ever_accepted_however_often_it_is_tried(
    definition: Definition, start: str, run: list[tuple[str, dict[str, bool]]]
) -> None:
    interpreter = Interpreter(definition, {"says": says})
    instance = an_instance(start, definition)
    known = start in interpreter.states
    illegal = [
        an_event(name, data=data)
        for name, data in run
        if not known or not isinstance(walk(definition, start, name, data), Transition)
    ]

    refusals = [refusal(interpreter, instance, event) for event in illegal]

    assert None not in refusals
    assert instance == an_instance(start, definition)
