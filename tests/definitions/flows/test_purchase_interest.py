import pytest

from definitions.catalogue import Catalogue
from definitions.flow_calls import Call
from engine.errors import GuardRefused, StepError
from engine.inference import infer
from engine.model import Instance, born
from tests.builders import NOON, an_event

INTEREST = Catalogue.load().flow("purchase_interest")


def opened() -> Instance:
    """Return a session that was minted and sent."""
    return born(INTEREST.interpreter.definition, "token-1", NOON)


def at(*screens: str) -> Instance:
    """Return the session of a phone that went by itself to these screens, one after another."""
    instance = opened()
    for index, screen in enumerate(screens):
        instance = INTEREST.interpreter.step(instance, an_event("navigate", f"e-{index}", data={"to": screen})).after
    return instance


def test_a_form_that_is_sent_completes_the_session_wherever_it_was_seen_last() -> None:
    for instance in (opened(), at("JOIN_NOW"), at("JOIN_NOW", "CATEGORIES"), at("JOIN_NOW", "TERMS_AND_CONDITIONS")):
        assert INTEREST.interpreter.step(instance, an_event("complete")).after.state == "completed"


@pytest.mark.parametrize(
    ("way", "event", "target"),
    [
        pytest.param(["JOIN_NOW"], "navigate", "CATEGORIES", id="on"),
        pytest.param(["JOIN_NOW"], "navigate", "TERMS_AND_CONDITIONS", id="to the terms"),
        pytest.param(["JOIN_NOW", "CATEGORIES"], "BACK", "JOIN_NOW", id="back"),
        pytest.param(["JOIN_NOW", "TERMS_AND_CONDITIONS"], "BACK", "JOIN_NOW", id="back from the terms"),
    ],
)
def test_the_phone_goes_along_its_links(way: list[str], event: str, target: str) -> None:
    data = {} if event == "BACK" else {"to": target}

    assert INTEREST.interpreter.step(at(*way), an_event(event, data=data)).after.state == target


@pytest.mark.parametrize(
    ("way", "target"),
    [
        ([], "CATEGORIES"),
        ([], "TERMS_AND_CONDITIONS"),
        (["JOIN_NOW", "TERMS_AND_CONDITIONS"], "CATEGORIES"),
        (["JOIN_NOW", "CATEGORIES"], "TERMS_AND_CONDITIONS"),
        (["JOIN_NOW"], "JOIN_NOW"),
    ],
)
def test_and_nowhere_else(way: list[str], target: str) -> None:
    with pytest.raises(StepError) as refused:
        INTEREST.interpreter.step(at(*way), an_event("navigate", data={"to": target}))

    assert isinstance(refused.value, GuardRefused) or "navigate" not in INTEREST.interpreter.allowed(at(*way))


def test_how_the_phone_came_to_the_last_screen_is_inferred() -> None:
    way = infer(INTEREST.interpreter, opened(), "CATEGORIES".__eq__, an_event("complete"))

    assert way is not None
    assert [step.after.state for step in way] == ["JOIN_NOW", "CATEGORIES"]


async def test_it_has_no_endpoint() -> None:
    reply = await INTEREST.answer(Call("c-1", "INIT", "", "token-1", {}, NOON), None)

    assert (reply.status, reply.code) == (427, "flow_unknown")
