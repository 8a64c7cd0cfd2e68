from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.flow_json.checks import lists
from definitions.flow_json.document import read_document
from definitions.flow_json.examples import component, flow, navigate, screen
from definitions.flow_json.rule import RULES
from tests.definitions.documents import json_values, leads_somewhere, mutated

TOP = "/screens/0/layout/children"
IDS, MIXED, COLOUR, UNKNOWN, MISSING = (
    "DUPLICATE_ITEM_IDS",
    "DATA_SOURCE_ITEMS_HAVE_BOTH_IMAGE_AND_COLOR",
    "PATTERN_MISMATCH",
    "UNKNOWN_OPTION",
    "MISSING_REQUIRED_PROPERTY",
)
PNG = "iVBORw0KGgo="
GO = navigate("LAST")


def found(*children: Any) -> list[tuple[str, str, str]]:
    """Return what the check finds on a screen: places, codes and how grave they are."""
    document = flow(screen("LAST", *children))
    return sorted((each.pointer, each.code, each.severity) for each in lists.problems(read_document(document)))


def errors(*places: tuple[str, str]) -> list[tuple[str, str, str]]:
    return sorted((TOP + pointer, code, "error") for pointer, code in places)


def warnings(*places: tuple[str, str]) -> list[tuple[str, str, str]]:
    return sorted((TOP + pointer, code, "warning") for pointer, code in places)


def option(name: Any, **more: Any) -> Any:
    return {"id": name, "title": "An option", **more}


def dropdown(*options: Any, **more: Any) -> Any:
    return component("Dropdown", name="size", label="Size", data_source=list(options), **more)


def item(name: str, **more: Any) -> Any:
    return {
        "id": name,
        "main-content": {"title": "A shirt"},
        **{key.replace("_", "-"): value for key, value in more.items()},
    }


def listed(*items: Any, **more: Any) -> Any:
    return component("NavigationList", name="shirts", list_items=list(items), **more)


# Options


def test_the_options_of_an_input_can_be_told_apart() -> None:
    assert found(dropdown(option("a"), option("b"), option("a"), option("a"))) == warnings(
        ("/0/data-source/2/id", IDS), ("/0/data-source/3/id", IDS)
    )


def test_the_items_of_a_list_can_be_told_apart() -> None:
    assert found(listed(item("a"), item("a"), on_click_action=GO)) == warnings(("/0/list-items/1/id", IDS))


def test_options_of_two_inputs_may_be_the_same() -> None:
    assert found(dropdown(option("a")), dropdown(option("a"))) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param([option("a", image=PNG), option("b", image=PNG)], [], id="images"),
        pytest.param([option("a", color="#00ff00"), option("b", color="00FF00")], [], id="colours"),
        pytest.param([option("a", image=PNG), option("b")], [], id="some images"),
        pytest.param(
            [option("a"), option("b", image=PNG), option("c", color="#00FF00"), option("d", image=PNG)],
            [("/0/data-source/2", MIXED)],
            id="mixed, said once",
        ),
        pytest.param([option("a", image=PNG, color="#00FF00")], [("/0/data-source/0", MIXED)], id="both on one"),
        pytest.param(
            [option("a", color="red"), option("b", color="#0F0"), option("c", color=7)],
            [("/0/data-source/0/color", COLOUR), ("/0/data-source/1/color", COLOUR)],
            id="no colours",
        ),
    ],
)
def test_options_have_images_or_colours(options: list[Any], expected: list[tuple[str, str]]) -> None:
    assert found(dropdown(*options)) == errors(*expected)


@pytest.mark.parametrize(
    ("kind", "count", "refused"), [("Dropdown", 100, 0), ("Dropdown", 101, 1), ("CheckboxGroup", 101, 0)]
)
def test_a_dropdown_with_images_has_a_hundred_options(kind: str, count: int, refused: int) -> None:
    options = [option(str(number)) for number in range(count - 1)] + [option("z", image=PNG)]
    document = component(kind, name="size", label="Size", data_source=options)

    assert found(document) == errors(("/0/data-source", "MAX_ITEMS_REQUIRED")) * refused


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        pytest.param(dropdown(option("a"), init_value="a"), [], id="an option"),
        pytest.param(dropdown(option("a"), init_value="b"), ["/0/init-value"], id="none"),
        pytest.param(dropdown(option("a"), init_value="${data.size}"), [], id="what the phone knows"),
        pytest.param(dropdown(option("${data.id}"), init_value="b"), [], id="options that the phone knows"),
        pytest.param(dropdown(option(["a"]), init_value="b"), [], id="no id, another fault"),
        pytest.param({**dropdown(), "data-source": "${data.sizes}", "init-value": "b"}, [], id="options as data"),
        pytest.param(
            component("CheckboxGroup", name="a", data_source=[option("a"), option("b")], init_value=["b", "c", "d", 1]),
            ["/0/init-value/1", "/0/init-value/2"],
            id="several",
        ),
        pytest.param(
            component("Form", name="f", children=[dropdown(option("a"))], init_values={"size": "b"}),
            ["/0/init-values/size"],
            id="from the Form",
        ),
        pytest.param(component("TextInput", name="a", init_value="b"), [], id="an input without options"),
    ],
)
def test_an_input_begins_with_one_of_its_options(child: Any, expected: list[str]) -> None:
    assert found(child) == warnings(*((pointer, UNKNOWN) for pointer in expected))


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        pytest.param({"init-value": "a"}, [], id="one"),
        pytest.param({"init-value": "${data.chosen}"}, [], id="what the phone knows"),
        pytest.param({"init-value": ["a"]}, ["/0/init-value"], id="a list"),
    ],
)
def test_radio_buttons_begin_with_one_option(child: Any, expected: list[str]) -> None:
    sizes = component("RadioButtonsGroup", name="size", label="Size", data_source=[option("a")])
    filled = component("Form", name="form", children=[sizes], init_values={"size": child["init-value"]})

    assert found({**sizes, **child}) == warnings(*((pointer, "INIT_VALUE_A_LIST") for pointer in expected))
    assert [code for _, code, _ in found(filled)] == ["INIT_VALUE_A_LIST"] * len(expected)


# NavigationLists


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        pytest.param(listed(item("a", badge="New"), item("b"), on_click_action=GO), [], id="one badge"),
        pytest.param(
            listed(item("a", badge="New"), item("b", badge="New"), item("c", badge="Old"), on_click_action=GO),
            [("/0/list-items/1/badge", "INVALID_PROPERTY_VALUE"), ("/0/list-items/2/badge", "INVALID_PROPERTY_VALUE")],
            id="three badges",
        ),
        pytest.param(listed(item("a", end={"title": "$ 5"}), on_click_action=GO), [], id="an end"),
        pytest.param(
            listed(item("a"), item("b", end={"title": "$ 5"}), media_size="large", on_click_action=GO),
            [("/0/list-items/1/end", "INVALID_PROPERTY_VALUE_FOR_CONDITION")],
            id="an end beside large media",
        ),
        pytest.param(
            listed(item("a", end={"title": "$ 5"}), media_size="${data.size}", on_click_action=GO),
            [],
            id="an end beside media of a size that the phone knows",
        ),
        pytest.param(listed(item("a", on_click_action=GO), item("b", on_click_action=GO)), [], id="each its click"),
        pytest.param(
            listed(item("a", on_click_action=GO), item("b"), on_click_action=GO),
            [("/0/list-items/0/on-click-action", "DUPLICATE_PROPETY_FOR_CONDITION")],
            id="a click twice",
        ),
        pytest.param(listed(item("a"), item("b")), [("/0", MISSING)], id="no click"),
        pytest.param(listed(item("a", on_click_action=GO), item("b")), [("/0/list-items/1", MISSING)], id="one click"),
        pytest.param({**listed(), "list-items": "${data.shirts}"}, [], id="items as data"),
        pytest.param(listed("a", 1), [], id="no items, another fault"),
    ],
)
def test_a_navigation_list_is_of_one_piece(child: Any, expected: list[tuple[str, str]]) -> None:
    assert found(child) == errors(*expected)


# Whatever comes

OWN = [rule.breaks for rule in RULES.values() if isinstance(rule.breaks, dict)]


@settings(max_examples=150, deadline=None)
@given(document=mutated(OWN) | json_values)
def test_any_document_is_judged_and_every_place_is_in_it(document: Any) -> None:
    if isinstance(document, dict):
        for each in lists.problems(read_document(document)):
            assert leads_somewhere(document, each.pointer)
            assert RULES[each.rule].code == each.code


@settings(deadline=None)
@given(value=st.text(min_size=50, max_size=500))
def test_no_message_repeats_a_long_value(value: str) -> None:
    options = dropdown(option(value, color=value), option(value), init_value=value + "a")
    document = flow(screen("LAST", options, listed(item(value), item(value))))

    assert all(value not in each.message for each in lists.problems(read_document(document)))
