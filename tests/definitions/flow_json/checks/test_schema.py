"""A document held against the table of the language."""

from typing import Any

import pytest

from definitions.flow_json.checks import schema
from definitions.flow_json.document import read_document, read_version
from definitions.flow_json.examples import (
    DONE,
    asking,
    complete,
    component,
    endpoint_flow,
    exchange,
    flow,
    footer,
    go_to,
    last,
    navigate,
    screen,
    text,
    text_input,
)
from definitions.flow_json.table import ACTIONS, COMPONENTS, FLOW, NEWEST, OLDEST, SCREEN, SHAPES, VERSIONS, effective

OPTIONS = [{"id": "s", "title": "Small"}]
HERE = "/screens/0/layout/children/0"


def found(document: dict[str, Any]) -> list[tuple[str, str]]:
    problems = list(schema.problems(read_document(document)))
    assert {problem.severity for problem in problems} <= {"error"}
    return [(each.pointer, each.code) for each in problems]


def on_screen(child: Any, version: str = "7.3") -> list[tuple[str, str]]:
    """Return what is wrong with one component on a screen."""
    return found(endpoint_flow(asking(child), version=version))


# Keys


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        pytest.param({**flow(last()), "a/b": 1}, ("/a~1b", "INVALID_PROPERTY_KEY"), id="of the document"),
        pytest.param(flow(last(colour=1)), ("/screens/0/colour", "INVALID_PROPERTY_KEY"), id="of a screen"),
        pytest.param(
            flow({**last(), "layout": {"type": "SingleColumnLayout", "children": [DONE], "gap": 1}}),
            ("/screens/0/layout/gap", "INVALID_PROPERTY_KEY"),
            id="of the layout",
        ),
        pytest.param(
            flow(last(component("Footer", label="Go", on_click_action={**complete(), "payloadx": {}}))),
            (f"{HERE}/on-click-action/payloadx", "INVALID_PROPERTY_KEY"),
            id="of an action",
        ),
        pytest.param(
            flow(last(component("Dropdown", name="a", label="A", data_source=[{**OPTIONS[0], "icon": "x"}]))),
            (f"{HERE}/data-source/0/icon", "INVALID_PROPERTY_KEY"),
            id="of an option",
        ),
        pytest.param(
            {**flow(last()), "data_channel_uri": "https://shop.example"},
            ("/data_channel_uri", "INVALID_PROPERTY_KEY"),
            id="of a time that is over",
        ),
    ],
)
def test_a_property_that_there_is_not_is_told(document: dict[str, Any], problem: tuple[str, str]) -> None:
    assert found(document) == [problem]


def test_before_3_0_the_endpoints_address_stands_in_the_document() -> None:
    document = {**flow(last(), version="2.1"), "data_channel_uri": "https://shop.example"}

    assert found(document) == []


@pytest.mark.parametrize(
    ("child", "key", "since"),
    [
        (text_input(label_variant="large"), "label-variant", "7.0"),
        (text_input(pattern="[0-9]+", helper_text="Digits"), "pattern", "6.2"),
        ({**text(), "markdown": True}, "markdown", "5.1"),
        (component("Dropdown", name="a", label="A", data_source=OPTIONS, init_value="s"), "init-value", "4.0"),
        (
            component("Dropdown", name="a", label="A", data_source=[{**OPTIONS[0], "color": "#ff0000"}]),
            "data-source/0/color",
            "5.0",
        ),
    ],
)
def test_a_property_is_there_from_its_version_on(child: dict[str, Any], key: str, since: str) -> None:
    before = VERSIONS[VERSIONS.index(read_version(since)) - 1]

    assert on_screen(child, since) == []
    assert on_screen(child, f"{before[0]}.{before[1]}") == [(f"{HERE}/{key}", "INVALID_PROPERTY_KEY")]


def test_a_label_that_became_required_is_required_from_then_on() -> None:
    group = component("CheckboxGroup", name="a", data_source=OPTIONS)

    assert on_screen(group, "3.1") == []
    assert on_screen(group, "4.0") == [(HERE, "MISSING_REQUIRED_PROPERTY")]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        pytest.param({"version": "7.3"}, ("", "MISSING_REQUIRED_PROPERTY"), id="screens"),
        pytest.param(flow({"layout": last()["layout"]}), ("/screens/0", "MISSING_REQUIRED_PROPERTY"), id="an id"),
        pytest.param(flow({"id": "A"}), ("/screens/0", "MISSING_REQUIRED_PROPERTY"), id="a layout"),
        pytest.param(
            flow({"id": "A", "layout": {"children": []}}),
            ("/screens/0/layout", "MISSING_REQUIRED_TYPE_PROPERTY"),
            id="the type of a layout",
        ),
        pytest.param(flow(last({"text": "A"})), (HERE, "MISSING_REQUIRED_TYPE_PROPERTY"), id="the type of a component"),
        pytest.param(flow(last(component("Image"))), (HERE, "MISSING_REQUIRED_PROPERTY"), id="what is shown"),
        pytest.param(
            flow(screen("A", footer({"name": "navigate"}))),
            (f"{HERE}/on-click-action", "MISSING_REQUIRED_PROPERTY"),
            id="where to",
        ),
        pytest.param(
            flow(screen("A", footer({**navigate("B"), "next": {"type": "screen"}}))),
            (f"{HERE}/on-click-action/next", "MISSING_REQUIRED_PROPERTY"),
            id="the name of where to",
        ),
        pytest.param(
            flow(screen("A", footer({"payload": {}}))),
            (f"{HERE}/on-click-action", "MISSING_REQUIRED_PROPERTY"),
            id="what to do",
        ),
        pytest.param(
            flow(last(component("Dropdown", name="a", label="A", data_source=[{"id": "1"}]))),
            (f"{HERE}/data-source/0", "MISSING_REQUIRED_PROPERTY"),
            id="the title of an option",
        ),
    ],
)
def test_what_is_required_and_missing_is_told_at_its_owner(document: dict[str, Any], problem: tuple[str, str]) -> None:
    assert found(document) == [problem]


# Components


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("Text", (f"{HERE}/type", "INVALID_PROPERTY_VALUE")),
        ("textbody", (f"{HERE}/type", "INVALID_PROPERTY_VALUE")),
        ("", (f"{HERE}/type", "INVALID_PROPERTY_VALUE")),
        (5, (f"{HERE}/type", "INVALID_TYPE_PROPERTY_VALUE")),
        (None, (f"{HERE}/type", "INVALID_TYPE_PROPERTY_VALUE")),
    ],
)
def test_a_component_that_there_is_not_is_told(kind: Any, problem: tuple[str, str]) -> None:
    assert on_screen({"type": kind, "text": "Hello", "odd": 1}) == [problem]


@pytest.mark.parametrize("kind", [name for name, shape in COMPONENTS.items() if shape.since > OLDEST])
def test_a_component_is_there_from_its_version_on(kind: str) -> None:
    since = COMPONENTS[kind].since
    before = VERSIONS[VERSIONS.index(since) - 1]
    told = (f"{HERE}/type", "INVALID_PROPERTY_VALUE")

    assert told not in on_screen({"type": kind}, f"{since[0]}.{since[1]}")
    assert on_screen({"type": kind}, f"{before[0]}.{before[1]}") == [told]


@pytest.mark.parametrize("layout", [{"type": "Grid", "children": []}, {"type": 5, "children": []}, "mine", [], None])
def test_there_is_one_layout(layout: Any) -> None:
    (problem,) = found(flow({"id": "A", "layout": layout}))

    place = "/screens/0/layout/type" if isinstance(layout, dict) else "/screens/0/layout"
    code = "INVALID_PROPERTY_TYPE" if layout == {"type": 5, "children": []} else "INVALID_PROPERTY_VALUE"
    assert problem == (place, code)


def test_a_document_of_a_version_that_is_not_known_may_have_what_is_not_known() -> None:
    document = flow(last({**text(), "glow": 1}, component("Map", place="Pune")), version="8.0")

    problems = list(schema.problems(read_document(document)))

    assert [(problem.pointer, problem.code, problem.severity) for problem in problems] == [
        (f"{HERE}/glow", "UNKNOWN_PROPERTY", "warning"),
        ("/screens/0/layout/children/1/type", "UNKNOWN_COMPONENT", "warning"),
    ]


# Values

FIELD = text_input()
DATE = component("DatePicker", name="day", label="Day")
DROPDOWN = component("Dropdown", name="a", label="A", data_source=OPTIONS)
PHOTO = component("PhotoPicker", name="photo", label="Photo")
CALENDAR = component("CalendarPicker", name="days", mode="range", label={"start-date": "From", "end-date": "To"})


@pytest.mark.parametrize(
    ("child", "pointer", "code"),
    [
        ({**FIELD, "label": 5}, "label", "INVALID_PROPERTY_TYPE"),
        ({**FIELD, "name": ["a"]}, "name", "INVALID_PROPERTY_TYPE"),
        ({**FIELD, "required": "yes"}, "required", "INVALID_PROPERTY_TYPE"),
        ({**FIELD, "required": 1}, "required", "INVALID_PROPERTY_TYPE"),
        ({**FIELD, "max-chars": "Hundred"}, "max-chars", "PATTERN_MISMATCH"),
        ({**FIELD, "max-chars": True}, "max-chars", "INVALID_PROPERTY_TYPE"),
        ({**FIELD, "max-chars": {}}, "max-chars", "INVALID_PROPERTY_TYPE"),
        ({**FIELD, "input-type": "date"}, "input-type", "INVALID_ENUM_VALUE"),
        ({**FIELD, "input-type": 1}, "input-type", "INVALID_PROPERTY_TYPE"),
        ({**FIELD, "visible": "${data.a} == 1"}, "visible", "INVALID_PROPERTY_VALUE"),
        ({**FIELD, "helper-text": " "}, "helper-text", "PATTERN_MISMATCH"),
        ({**text(), "text": ""}, "text", "PATTERN_MISMATCH"),
        ({**text(), "text": ["a", 5]}, "text/1", "INVALID_PROPERTY_TYPE"),
        ({**text(), "text": {"a": 1}}, "text", "ONE_OF_SCHEMA_VALIDATION_FAILED"),
        ({**DATE, "min-date": "1 March"}, "min-date", "INVALID_PROPERTY_VALUE_FORMAT"),
        ({**DATE, "min-date": 5}, "min-date", "INVALID_PROPERTY_TYPE"),
        ({**DATE, "unavailable-dates": ["2026-01-01", "x"]}, "unavailable-dates/1", "INVALID_PROPERTY_VALUE_FORMAT"),
        ({**DROPDOWN, "data-source": "sizes"}, "data-source", "ONE_OF_SCHEMA_VALIDATION_FAILED"),
        ({**DROPDOWN, "data-source": {}}, "data-source", "INVALID_PROPERTY_TYPE"),
        ({**DROPDOWN, "data-source": [5]}, "data-source/0", "INVALID_PROPERTY_TYPE"),
        ({**DROPDOWN, "data-source": []}, "data-source", "MIN_ITEMS_REQUIRED"),
        ({**DROPDOWN, "data-source": OPTIONS * 201}, "data-source", "MAX_ITEMS_REQUIRED"),
        ({**PHOTO, "min-uploaded-photos": -1}, "min-uploaded-photos", "MINIMUM_VALUE_REQUIRED"),
        ({**PHOTO, "max-uploaded-photos": 31}, "max-uploaded-photos", "MAXIMUM_VALUE_REQUIRED"),
        ({**PHOTO, "max-uploaded-photos": 1.5}, "max-uploaded-photos", "INVALID_PROPERTY_TYPE"),
        ({**PHOTO, "max-uploaded-photos": 1e300}, "max-uploaded-photos", "MAXIMUM_VALUE_REQUIRED"),
        ({**PHOTO, "error-message": []}, "error-message", "ONE_OF_SCHEMA_VALIDATION_FAILED"),
        ({**CALENDAR, "include-days": ["Mon", "Day"]}, "include-days/1", "INVALID_ENUM_VALUE"),
        ({**CALENDAR, "label": {"start-date": 5}}, "label/start-date", "INVALID_PROPERTY_TYPE"),
        (footer("next"), "on-click-action", "INVALID_PROPERTY_TYPE"),
        (footer({"name": 5}), "on-click-action/name", "INVALID_PROPERTY_TYPE"),
        (footer({"name": "jump"}), "on-click-action/name", "INVALID_ENUM_VALUE"),
        (footer({**exchange(), "payload": []}), "on-click-action/payload", "INVALID_PROPERTY_TYPE"),
        (footer({**navigate("B"), "next": "B"}), "on-click-action/next", "INVALID_PROPERTY_TYPE"),
        (component("EmbeddedLink", text="A", on_click_action=complete()), "on-click-action/name", "INVALID_ENUM_VALUE"),
        (
            component("EmbeddedLink", text="A", on_click_action={"name": "open_url", "url": "no address"}),
            "on-click-action/url",
            "INVALID_PROPERTY_VALUE_FORMAT",
        ),
        (component("If", condition="${data.a}", then=[text(), 5]), "then/1", "INVALID_PROPERTY_TYPE"),
        (component("If", condition="${data.a}", then=text()), "then", "INVALID_PROPERTY_TYPE"),
        (component("Switch", value="${data.a}", cases=[]), "cases", "INVALID_PROPERTY_TYPE"),
        (component("Switch", value="${data.a}", cases={"a/b": 5}), "cases/a~1b", "INVALID_PROPERTY_TYPE"),
    ],
)
def test_a_value_that_does_not_fit_its_property_is_told(child: dict[str, Any], pointer: str, code: str) -> None:
    assert on_screen(child) == [(f"{HERE}/{pointer}", code)]


@pytest.mark.parametrize(
    "child",
    [
        {**FIELD, "required": "${data.needed}", "label": "`'A' 'B'`", "max-chars": "100", "min-chars": 2},
        {**FIELD, "init-value": "Ana", "max-chars": "${screen.A.data.most}"},
        {**text(), "text": ["one", "two"], "visible": "`${data.a} == 1`"},
        {**DATE, "min-date": "2026-03-01", "max-date": "${data.latest}", "unavailable-dates": []},
        {**DROPDOWN, "data-source": "${data.sizes}", "on-select-action": exchange()},
        {**PHOTO, "error-message": {"media_1": "Too dark"}, "max-uploaded-photos": 3.0},
        {**CALENDAR, "required": {"start-date": True, "end-date": "${data.needed}"}, "include-days": ["Mon"]},
        component("EmbeddedLink", text="A", on_click_action={"name": "open_url", "url": "https://shop.example/a?b=c"}),
        component("EmbeddedLink", text="A", on_click_action={"name": "open_url", "url": "${data.address}"}),
    ],
)
def test_a_value_that_fits_is_taken(child: dict[str, Any]) -> None:
    assert on_screen(child) == []


def test_dates_are_milliseconds_before_5_0() -> None:
    old, new = {**DATE, "min-date": "1772323200000"}, {**DATE, "min-date": "2026-03-01"}

    assert (on_screen(old, "4.0"), on_screen(new, "5.0")) == ([], [])
    told = [(f"{HERE}/min-date", "INVALID_PROPERTY_VALUE_FORMAT")]
    assert (on_screen(old, "5.0"), on_screen(new, "4.0")) == (told, told)


def test_other_texts_than_those_to_read_could_be_blank_before_6_0() -> None:
    hint = {**FIELD, "helper-text": ""}

    assert on_screen(hint, "5.1") == []
    assert on_screen(hint, "6.0") == [(f"{HERE}/helper-text", "PATTERN_MISMATCH")]
    assert on_screen({**text(), "text": ""}, "2.1") == [(f"{HERE}/text", "PATTERN_MISMATCH")]


@pytest.mark.parametrize(
    ("child", "key", "refused_from"),
    [
        pytest.param({**FIELD, "name": " "}, "name", "4.0", id="the name of an input"),
        pytest.param(component("Form", name="", children=[]), "name", "6.0", id="the name of a Form"),
        pytest.param({**FIELD, "init-value": ""}, "init-value", "6.0", id="what an input begins with"),
        pytest.param({**DATE, "min-date": ""}, "min-date", "6.0", id="a date"),
        pytest.param(component("Image", src="\n", alt_text="A tree"), "src", "6.0", id="an image"),
        pytest.param(
            component("Dropdown", name="a", label="A", data_source=[{"id": "\t", "title": "A"}]),
            "data-source/0/id",
            "6.0",
            id="the id of an option",
        ),
    ],
)
def test_no_text_is_blank_from_the_version_on_that_forbids_it(child: Any, key: str, refused_from: str) -> None:
    known = {f"{major}.{minor}" for major, minor in VERSIONS if (major, minor) >= (4, 0)} | {"3.1"}
    refused = {version for version in known if (f"{HERE}/{key}", "PATTERN_MISMATCH") in on_screen(child, version)}

    assert refused == {version for version in known if read_version(version) >= read_version(refused_from)}


def test_an_expression_without_backticks_is_told_by_its_version() -> None:
    shown = {**text(), "visible": "${data.a} == 1"}

    assert on_screen(shown, "5.1") == [(f"{HERE}/visible", "PATTERN_MISMATCH")]
    assert on_screen(shown, "6.0") == [(f"{HERE}/visible", "INVALID_PROPERTY_VALUE")]


def test_a_date_among_unavailable_ones_is_no_blank() -> None:
    assert on_screen({**DATE, "unavailable-dates": [""]}) == [
        (f"{HERE}/unavailable-dates/0", "INVALID_PROPERTY_VALUE_FORMAT")
    ]


def test_digits_of_other_scripts_are_none() -> None:
    told = [(f"{HERE}/min-date", "INVALID_PROPERTY_VALUE_FORMAT")]

    assert on_screen({**DATE, "min-date": "२०२६-०३-०१"}) == told
    assert on_screen({**FIELD, "max-chars": "८०"}) == [(f"{HERE}/max-chars", "PATTERN_MISMATCH")]


def test_a_group_of_radio_buttons_begins_with_an_option_or_as_metas_page_has_it_with_a_list() -> None:
    sizes = component("RadioButtonsGroup", name="size", label="Size", data_source=OPTIONS)

    assert [on_screen({**sizes, "init-value": value}) for value in ("s", ["s"], "${form.size}")] == [[], [], []]
    assert on_screen({**sizes, "init-value": 5}) == [(f"{HERE}/init-value", "ONE_OF_SCHEMA_VALIDATION_FAILED")]
    assert on_screen({**sizes, "init-value": ["s", 5]}) == [(f"{HERE}/init-value/1", "INVALID_PROPERTY_TYPE")]


def test_chips_have_nothing_but_a_title_and_what_choosing_them_does() -> None:
    update = {"name": "update_data", "payload": {}}
    whole = {"id": "s", "title": "Small", "enabled": True, "on-select-action": update, "on-unselect-action": update}
    rich = {"id": "l", "title": "Large", "description": "50", "metadata": "$ 5", "image": "/9j/", "color": "#000000"}

    assert on_screen(component("ChipsSelector", name="size", label="Size", data_source=[whole, rich])) == [
        (f"{HERE}/data-source/1/{key}", "INVALID_PROPERTY_KEY") for key in ("description", "metadata", "image", "color")
    ]


def test_an_action_is_there_from_its_version_on() -> None:
    link = component("EmbeddedLink", text="A", on_click_action={"name": "open_url", "url": "https://shop.example"})

    assert on_screen(link, "6.0") == []
    assert on_screen(link, "5.1") == [(f"{HERE}/on-click-action/name", "INVALID_ENUM_VALUE")]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({**flow(), "screens": {}}, ("/screens", "INVALID_PROPERTY_TYPE")),
        (flow(), ("/screens", "MIN_ITEMS_REQUIRED")),
        (flow(last(), 5), ("/screens/1", "INVALID_PROPERTY_TYPE")),
        (flow({**last(), "terminal": "true"}), ("/screens/0/terminal", "INVALID_PROPERTY_TYPE")),
        (flow({**last(), "id": 5}), ("/screens/0/id", "INVALID_PROPERTY_TYPE")),
        (flow(last(sensitive="all")), ("/screens/0/sensitive", "INVALID_PROPERTY_TYPE")),
        ({**flow(last()), "routing_model": []}, ("/routing_model", "INVALID_PROPERTY_TYPE")),
        ({**flow(last()), "routing_model": {"A/B": "C"}}, ("/routing_model/A~1B", "INVALID_PROPERTY_TYPE")),
        ({**flow(last()), "routing_model": {"A": ["B", 5]}}, ("/routing_model/A/1", "INVALID_PROPERTY_TYPE")),
    ],
)
def test_what_documents_and_screens_hold_is_told(document: dict[str, Any], problem: tuple[str, str]) -> None:
    assert found(document) == [problem]


# The table


def test_a_version_that_is_none_is_held_to_the_newest() -> None:
    assert [effective(version) for version in ((0, 0), (1, 0), OLDEST, (6, 1), NEWEST, (8, 0))] == [
        NEWEST, NEWEST, OLDEST, (6, 1), NEWEST, NEWEST,
    ]  # fmt: skip


def test_the_table_is_of_one_piece() -> None:
    for shape in SHAPES.values():
        names = [each.name for each in shape.properties]
        assert len(names) == len({*names}), shape.name
        for each in shape.properties:
            assert shape.property(each.name) == each
            assert each.required is None or each.required >= min(each.since, shape.since)
            assert not each.shape or each.shape in SHAPES
            assert {name for name, _ in each.actions} <= ACTIONS.keys()
            assert {each.since, *(since for _, since in each.actions)} <= {*VERSIONS}
    for known in COMPONENTS.values():
        assert {name for name, _ in known.within} <= COMPONENTS.keys()
    assert FLOW.property("nothing") is None
    assert SCREEN.property("id") is not None


def test_a_sound_flow_of_two_screens_is_sound_in_every_version() -> None:
    sound = flow(screen("FIRST", text(), go_to("LAST")), last(text()))

    assert [found({**sound, "version": f"{major}.{minor}"}) for major, minor in VERSIONS] == [[]] * len(VERSIONS)
