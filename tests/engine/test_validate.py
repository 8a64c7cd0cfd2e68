import pytest
from msgspec.structs import replace

from engine.errors import Problem
from engine.model import Definition, Guard, Raise, State, Timer, Transition
from engine.validate import Places, validate
from tests.builders import a_definition

PICKED_UP = Transition("packed", "picked_up", "moving")
ARRIVED = Transition("moving", "arrived", "there")
PARCEL = a_definition(PICKED_UP, ARRIVED)

PLACES = Places(
    {"packed": "/states/packed", "moving": "/states/moving", "there": "/states/there", "island": "/states/island"},
    {PICKED_UP: "/states/packed/on/picked_up", ARRIVED: "/states/moving/on/arrived"},
)


def with_states(definition: Definition, *states: State) -> Definition:
    return replace(definition, states=(*definition.states, *states))


def test_a_sound_definition_has_no_problems() -> None:
    assert validate(PARCEL) == ()


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        pytest.param(
            with_states(PARCEL, State("moving")),
            Problem("/states/moving", "DUPLICATE_STATE", "there are two states moving"),
            id="two states of a name",
        ),
        pytest.param(
            a_definition(PICKED_UP, ARRIVED, Transition("moving", "sent_back", "packed"), initial="shelf"),
            Problem("/initial", "UNKNOWN_STATE", "the initial state shelf does not exist"),
            id="initial state",
        ),
        pytest.param(
            replace(a_definition(PICKED_UP, ARRIVED), states=PARCEL.states[:2]),
            Problem(
                "/states/moving/on/arrived",
                "UNKNOWN_STATE",
                "arrived goes from moving to there, but there is no there",
            ),
            id="target",
        ),
        pytest.param(
            replace(PARCEL, transitions=(*PARCEL.transitions, Transition("island", "left", "there"))),
            Problem("/states/island", "UNKNOWN_STATE", "left goes from island to there, but there is no island"),
            id="source",
        ),
        pytest.param(
            replace(PARCEL, timers=(Timer("island", "forgotten"),)),
            Problem("/states/island", "UNKNOWN_STATE", "a timer waits in island, which does not exist"),
            id="timer",
        ),
        pytest.param(
            with_states(PARCEL, State("island", final=True)),
            Problem("/states/island", "UNREACHABLE_STATE", "no way leads from the start to island"),
            id="unreachable state",
        ),
        pytest.param(
            replace(PARCEL, states=(*PARCEL.states[:2], State("there"))),
            Problem("/states/there", "DEAD_END", "no way leads out of there, and it is not final"),
            id="dead end",
        ),
        pytest.param(
            replace(
                PARCEL,
                states=(*PARCEL.states[:2], State("there")),
                transitions=(*PARCEL.transitions, Transition("there", "rung", "there")),
            ),
            Problem("/states/there", "DEAD_END", "no way leads out of there, and it is not final"),
            id="dead end with a loop",
        ),
        pytest.param(
            replace(PARCEL, states=(PARCEL.states[0], State("moving", final=True), PARCEL.states[2])),
            Problem("/states/moving", "FINAL_STATE_LEFT", "moving is final, but an arrow leaves it"),
            id="final state left",
        ),
        pytest.param(
            a_definition(PICKED_UP, ARRIVED, Transition("moving", "arrived", "packed")),
            Problem(
                "/states/moving",
                "AMBIGUOUS_TRANSITION",
                "arrived in moving is already taken by an arrow before this one",
            ),
            id="two arrows without a guard",
        ),
    ],
)
def test_a_problem_is_told_with_its_place(definition: Definition, problem: Problem) -> None:
    assert problem in validate(definition, places=PLACES)


@pytest.mark.parametrize(
    ("first", "second", "ambiguous"),
    [
        pytest.param(None, None, True, id="neither has a guard"),
        pytest.param(None, Guard("says", ("a",)), True, id="the first takes all"),
        pytest.param(Guard("says", ("a",)), Guard("says", ("a",)), True, id="the same guard"),
        pytest.param(Guard("says", ("a",)), Guard("says", ("b",)), False, id="other arguments"),
        pytest.param(Guard("says", ("a",)), Guard("says", ("a", "b")), False, id="more arguments"),
        pytest.param(Guard("says", ("a", "b")), Guard("says", ("a, b",)), False, id="arguments that read alike"),
        pytest.param(Guard("says", ("a",)), None, False, id="the second takes the rest"),
    ],
)
def test_an_arrow_that_can_never_be_taken_is_ambiguous(
    first: Guard | None, second: Guard | None, *, ambiguous: bool
) -> None:
    definition = a_definition(
        Transition("packed", "sorted", "north", first), Transition("packed", "sorted", "south", second)
    )

    codes = [problem.code for problem in validate(definition, guards=["says"])]

    assert codes == (["AMBIGUOUS_TRANSITION"] if ambiguous else [])


def test_arrows_of_other_sources_or_events_are_not_ambiguous() -> None:
    definition = a_definition(
        Transition("packed", "sorted", "north"),
        Transition("packed", "thrown", "south"),
        Transition("north", "sorted", "south"),
    )

    assert validate(definition) == ()


def test_every_guard_and_effect_without_code_is_told_also_those_of_raises() -> None:
    picked_up = Transition(
        "packed",
        "picked_up",
        "moving",
        Guard("is_ready"),
        effects=("notify", "charge"),
        raises=(Raise("order", "moved", guard=Guard("is_heavy")), Raise("order", "moved", guard=Guard("says"))),
    )
    definition = a_definition(picked_up)

    problems = validate(definition, guards={"says"}, effects={"notify"}, places=Places({}, {picked_up: "/on/0"}))

    assert problems == (
        Problem("/on/0", "UNKNOWN_EFFECT", "no effect charge is declared"),
        Problem("/on/0", "UNKNOWN_GUARD", "no code is registered for the guard is_heavy"),
        Problem("/on/0", "UNKNOWN_GUARD", "no code is registered for the guard is_ready"),
    )


def test_a_timer_that_no_arrow_answers_is_told() -> None:
    definition = replace(
        a_definition(Transition("packed", "picked_up", "moving")),
        timers=(Timer("packed", "picked_up", 5), Timer("packed", "forgotten", 9)),
    )

    assert validate(definition, places=PLACES) == (
        Problem("/states/packed", "UNANSWERED_TIMER", "the timer forgotten leads nowhere from packed"),
    )


def test_a_raise_that_opens_something_says_its_key() -> None:
    lost = Transition("packed", "lost", "moving", raises=(Raise("claim", "opened", opens=True),))

    assert validate(a_definition(lost), places=Places({}, {lost: "/on/lost"})) == (
        Problem("/on/lost", "INVALID_RAISE", "opened is to open a claim, but says no key for it"),
    )


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_places() -> None:
    definition = Definition(
        name="parcel",
        initial="packed",
        states=(State("packed"), State("moving"), State("island", final=True)),
        transitions=(Transition("packed", "picked_up", "moving", Guard("is_ready"), ("notify",)),),
        timers=(Timer("shelf", "forgotten"),),
    )

    found = [(problem.pointer, problem.code) for problem in validate(definition, places=PLACES)]

    assert found == [
        ("", "UNKNOWN_STATE"),
        ("/states/island", "UNREACHABLE_STATE"),
        ("/states/moving", "DEAD_END"),
        ("/states/packed", "UNKNOWN_EFFECT"),
        ("/states/packed", "UNKNOWN_GUARD"),
    ]


def test_a_problem_is_told_once_however_many_arrows_have_it() -> None:
    to_moving, to_lost = (Transition("packed", event, event, Guard("is_ready")) for event in ("moving", "lost"))

    problems = validate(a_definition(to_moving, to_lost), places=Places({"packed": "/states/packed"}))

    assert problems == (Problem("/states/packed", "UNKNOWN_GUARD", "no code is registered for the guard is_ready"),)


def test_a_state_that_can_be_gone_back_from_is_no_dead_end() -> None:
    definition = a_definition(
        Transition("name_screen", "next", "address_screen"),
        Transition("address_screen", "back", "name_screen", unseen=True),
    )

    assert validate(definition) == ()


def test_a_timer_in_a_state_that_exists_is_no_problem() -> None:
    assert validate(replace(PARCEL, timers=(Timer("packed", "picked_up"),))) == ()


def test_a_cycle_in_the_way_does_not_keep_the_search_going() -> None:
    definition = a_definition(PICKED_UP, Transition("moving", "sent_back", "packed"), ARRIVED)

    assert validate(definition) == ()


@pytest.mark.parametrize(
    ("transition", "place"),
    [
        pytest.param(PICKED_UP, "/states/packed/on/picked_up", id="written"),
        pytest.param(Transition("packed", "lost", "there"), "/states/packed", id="implied by its source"),
        pytest.param(Transition("nowhere", "lost", "there"), "", id="unknown"),
    ],
)
def test_an_arrow_that_nobody_wrote_stands_where_its_source_does(transition: Transition, place: str) -> None:
    assert PLACES.transition(transition) == place


def test_a_state_nobody_placed_stands_for_the_whole_document() -> None:
    assert Places().state("packed") == ""
