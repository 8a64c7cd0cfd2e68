"""Guards, projections and effects are bound by name, and what could not be asked is refused at once."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from definitions.binding import EFFECTS, GUARDS, PROJECTIONS, Promise, effect, guard, projection
from engine.errors import DefinitionError

pytestmark = pytest.mark.usefixtures("bindings")

SOURCE = "def is_open(instance, event):\n    return True\n"


def refused(bind: Callable[[], Any]) -> tuple[str, list[tuple[str, str]]]:
    """Return why a binding is refused: what it is of, and what is wrong; nothing is bound by it."""
    before = dict(GUARDS), dict(PROJECTIONS), dict(EFFECTS)
    with pytest.raises(DefinitionError) as error:
        bind()
    assert before == (GUARDS, PROJECTIONS, EFFECTS)
    problems = [(problem.code, problem.message) for problem in error.value.problems]
    return error.value.name.rpartition(": ")[2], problems


def loaded(file: str, source: str = SOURCE, name: str = "is_open") -> Any:
    """Return a function of a file that was just loaded."""
    names: dict[str, Any] = {"__name__": file}
    exec(compile(source, file, "exec"), names)  # noqa: S102 - as a module would be
    return names[name]


def test_a_guard_is_bound_to_its_name() -> None:
    @guard
    def is_dry(instance: Any, event: Any, *kinds: str) -> bool:
        return bool(instance or event or kinds)

    assert GUARDS["is_dry"] is is_dry


@pytest.mark.parametrize(
    "bound",
    [
        lambda _instance, _event: True,
        lambda _instance, _event, _limit: True,
        lambda _instance, _event, _limit=3, *_rest, _extra=1: True,
        lambda *_given: True,
    ],
)
def test_a_guard_takes_an_instance_and_an_event_and_what_its_document_gives(bound: Any) -> None:
    guard(bound)

    assert GUARDS["<lambda>"] is bound


LATE = "it answers at once, so it is neither async nor a generator"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("async def is_dry(instance, event): ...", LATE),
        ("def is_dry(instance, event): yield", LATE),
        ("async def is_dry(instance, event): yield", LATE),
        ("def is_dry(instance): ...", "it is called with (instance, event), and cannot be"),
        ("def is_dry(): ...", "it is called with (instance, event), and cannot be"),
        ("def is_dry(instance, event, *, limit): ...", "documents give no arguments by name"),
        ("def is_dry(instance, event) -> int: ...", "it answers yes or no, so it returns a bool"),
    ],
)
def test_a_guard_that_cannot_be_asked_is_refused(source: str, fault: str) -> None:
    is_dry = loaded("mine.py", source, "is_dry")

    assert refused(lambda: guard(is_dry)) == ("guard is_dry", [("INVALID_GUARD", fault)])


def test_what_is_no_function_is_no_guard() -> None:
    partial = functools.partial(loaded("mine.py"))

    assert refused(lambda: guard(partial))[1] == [("INVALID_GUARD", "it is no function")]


def test_a_refusal_says_where_the_function_stands() -> None:
    with pytest.raises(DefinitionError) as error:
        guard(loaded("mine/bindings.py", "\n\ndef is_open(instance):\n    return True\n"))

    assert error.value.name == "mine/bindings.py:3: guard is_open"


def test_a_projection_is_bound_to_the_name_it_is_given() -> None:
    @projection("weather")
    def weather(timeline: Any) -> dict[str, Any]:
        return {"days": len(timeline)}

    assert PROJECTIONS["weather"] is weather


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("async def sky(timeline): ...", LATE),
        ("def sky(timeline, place): ...", "it is called with (timeline), and cannot be"),
        ("def sky(): ...", "it is called with (timeline), and cannot be"),
    ],
)
def test_a_projection_that_cannot_be_asked_is_refused(source: str, fault: str) -> None:
    sky = loaded("mine.py", source, "sky")

    assert refused(lambda: projection("weather")(sky)) == ("projection weather", [("INVALID_PROJECTION", fault)])


def test_a_name_is_bound_once() -> None:
    one = loaded("one.py")
    guard(one)
    projection("weather")(loaded("one.py", "def sky(timeline): ...", "sky"))

    assert refused(lambda: guard(loaded("two.py"))) == (
        "guard is_open",
        [("INVALID_GUARD", "one.py:1 has this name already")],
    )
    assert refused(lambda: guard(one))[1] == [("INVALID_GUARD", "one.py:1 has this name already")]
    sky = loaded("two.py", "def sky(timeline): ...", "sky")
    assert refused(lambda: projection("weather")(sky))[1] == [("INVALID_PROJECTION", "one.py:1 has this name already")]


def test_a_file_that_is_loaded_again_binds_its_names_again() -> None:
    guard(loaded("one.py"))
    again = loaded("one.py")
    guard(again)

    assert GUARDS["is_open"] is again


def test_an_effect_is_declared_with_one_meaning() -> None:
    effect("ring", "ring the bell")
    effect("ring", "ring the bell")

    assert EFFECTS["ring"] == Promise("ring", "ring the bell")
    assert refused(lambda: effect("ring", "send a ring")) == (
        "effect ring",
        [("INVALID_EFFECT", "it is declared already, and means: ring the bell")],
    )


@pytest.mark.parametrize(("name", "meaning"), [("", "ring the bell"), ("ring", " ")])
def test_an_effect_has_a_name_and_a_meaning(name: str, meaning: str) -> None:
    assert refused(lambda: effect(name, meaning))[1] == [("INVALID_EFFECT", "it has a name and a meaning")]
