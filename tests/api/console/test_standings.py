"""What a state looks like: from what its definition says of it, never from its name."""

from msgspec.structs import replace

from api.console.standings import Standing, given_up, standing
from definitions.catalogue import Catalogue
from engine.interpreter import Interpreter
from engine.model import SECOND, Timer, Transition
from tests.builders import a_definition

ARROWS = (
    Transition("new", "asked", "open"),
    Transition("open", "answered", "settled"),
    Transition("open", "broke", "broken"),
    Transition("open", "nobody_came", "over"),
)
TAGS = {"open": ("unanswered",), "broken": ("failed",)}


def test_a_states_tone_is_what_its_tags_and_its_end_say() -> None:
    definition = a_definition(*ARROWS, tags=TAGS, timers=(Timer("open", "nobody_came", 60 * SECOND),))
    runs = Interpreter(definition, {})

    tones = {state: standing(runs, state).tone for state in runs.states}

    assert tones == {"new": "live", "open": "wait", "settled": "done", "broken": "grave", "over": ""}
    assert given_up(definition) == {"over"}


def test_a_state_without_a_title_is_called_by_its_last_word() -> None:
    runs = Interpreter(a_definition(Transition("a.first", "go", "a.last")), {})
    assert standing(runs, "a.first") == Standing("a.first", "first", "live")


def test_a_state_that_is_not_there_is_grave_and_unknown() -> None:
    assert standing(None, "odd") == Standing("odd", "odd", "grave", known=False)


def test_names_decide_nothing() -> None:
    definition = a_definition(*ARROWS, tags=TAGS)
    renamed = replace(
        definition,
        states=tuple(replace(state, id=f"x-{state.id}") for state in definition.states),
        transitions=tuple(
            replace(arrow, source=f"x-{arrow.source}", target=f"x-{arrow.target}") for arrow in definition.transitions
        ),
        initial="x-new",
    )
    before, after = Interpreter(definition, {}), Interpreter(renamed, {})
    assert [standing(before, state).tone for state in before.states] == [
        standing(after, state).tone for state in after.states
    ]


def test_sessions_of_flows_that_nobody_ended_are_no_success() -> None:
    runs = Catalogue.load().interpreter("personalised_offer")
    tones = {state: standing(runs, state).tone for state in ("completed", "expired", "abandoned")}
    assert tones == {"completed": "done", "expired": "", "abandoned": ""}
