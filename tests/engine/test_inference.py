from collections.abc import Callable

import pytest

from engine.inference import infer
from engine.interpreter import Interpreter
from engine.model import Event, Guard, Instance, Transition
from tests.builders import HOUR, MINUTE, NOON, an_event, an_instance, an_interpreter


def goes_to(_instance: Instance, event: Event, screen: str) -> bool:
    return bool(event.data.get("to") == screen)


def seen_by_phone_only(source: str, target: str) -> Transition:
    return Transition(source, "navigate", target, Guard("goes_to", (target,)), unseen=True)


# What the phone can do without telling: name -> address -> summary, name -> help; and back from help.
PHONE = an_interpreter(
    Transition("name", "submit", "done"),
    seen_by_phone_only("name", "address"),
    seen_by_phone_only("name", "help"),
    seen_by_phone_only("address", "summary"),
    seen_by_phone_only("help", "name"),
    seen_by_phone_only("help", "summary"),
    Transition("summary", "submit", "done"),
    goes_to=goes_to,
)


def arrives_at(*states: str) -> Callable[[str], bool]:
    return lambda state: state in states


def inferred(interpreter: Interpreter, start: str, *ends: str) -> list[str] | None:
    instance = an_instance(start, interpreter.definition)
    steps = infer(interpreter, instance, arrives_at(*ends), an_event("submit"))
    return None if steps is None else [step.after.state for step in steps]


@pytest.mark.parametrize(
    ("start", "ends", "way"),
    [
        pytest.param("name", ["name"], [], id="already there"),
        pytest.param("name", ["address"], ["address"], id="one step"),
        pytest.param("name", ["summary"], ["address", "summary"], id="the first written of two ways as long"),
        pytest.param("help", ["summary"], ["summary"], id="the shortest of two ways"),
        pytest.param("help", ["address"], ["name", "address"], id="by way of where it was before"),
        pytest.param("name", ["summary", "help"], ["help"], id="the nearest of several ends"),
        pytest.param("summary", ["name"], None, id="no way"),
        pytest.param("name", ["done"], None, id="only a way that would have been seen"),
    ],
)
def test_the_fewest_unseen_steps_are_inferred(start: str, ends: list[str], way: list[str] | None) -> None:
    assert inferred(PHONE, start, *ends) == way


def test_inferred_steps_are_marked_follow_one_another_and_are_named_after_the_event_that_shows_them() -> None:
    instance = an_instance("name", PHONE.definition)
    event = an_event("submit", "e-5", at=NOON + MINUTE, received_at=NOON + HOUR, actor="customer", data={"x": 1})

    steps = infer(PHONE, instance, arrives_at("summary"), event)

    moves = [
        Event(f"e-5/{index}", "navigate", NOON + MINUTE, NOON + HOUR, data={"to": target}, actor="customer")
        for index, target in enumerate(("address", "summary"))
    ]
    first = PHONE.step(instance, moves[0], inferred=True)
    assert steps == (first, PHONE.step(first.after, moves[1], inferred=True))


def test_an_unseen_arrow_whose_guard_says_no_is_not_gone() -> None:
    interpreter = an_interpreter(Transition("name", "navigate", "address", Guard("says", ("never",)), unseen=True))

    assert inferred(interpreter, "name", "address") is None


def test_arrows_that_do_not_ask_where_to_go_do_not_send_the_search_round_in_circles() -> None:
    # Each event goes where the table's first open arrow leads, whatever arrow the search had in mind.
    interpreter = an_interpreter(
        Transition("name", "navigate", "address", Guard("open_first"), unseen=True),
        Transition("name", "navigate", "summary", Guard("open_second"), unseen=True),
        Transition("address", "navigate", "name", Guard("open_first"), unseen=True),
        Transition("address", "navigate", "summary", Guard("open_second"), unseen=True),
        open_first=lambda *_: True,
        open_second=lambda *_: True,
    )
    asked: list[str] = []

    def never(state: str) -> bool:
        asked.append(state)
        assert len(asked) < 10, "the search goes in circles"
        return False

    assert infer(interpreter, an_instance("name", interpreter.definition), never, an_event("submit")) is None
    assert asked == ["name", "address"]
