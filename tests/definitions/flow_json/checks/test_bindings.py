from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.flow_json.checks import bindings
from definitions.flow_json.checks.bindings import (
    BINDING_FORM,
    CONDITION,
    DATA,
    DATA_KIND,
    GLOBAL,
    INPUT,
    INPUT_KIND,
    ITEM_SCHEMA,
    NESTED_AS_TEXT,
    NESTED_KINDS,
    NESTED_SINCE,
    NESTED_SYNTAX,
    NOT_REPLACED,
    ORDER,
    OWN_SCREEN,
    REFERENCES_SINCE,
    STATIC_NAME,
    STATIC_PARTS,
    SWITCH,
)
from definitions.flow_json.checks.inputs import FORM_TYPES, FORM_TYPES_OLD
from definitions.flow_json.document import read_document
from definitions.flow_json.examples import DONE, component, example_of, flow, go_to, last, screen, text, text_input
from definitions.flow_json.rule import RULES, Rule
from tests.definitions.documents import json_values, leads_somewhere, mutated

OPTION: dict[str, Any] = {"type": "object", "properties": {"id": {"type": "string"}, "title": {"type": "string"}}}


def options_that(name: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of options, each with an action of that *name*."""
    action = {"type": "object", "properties": {"name": name, "payload": {"type": "object"}}}
    option = {"type": "object", "properties": {**OPTION["properties"], "on-select-action": action}}
    return {"type": "array", "items": option, "__example__": []}


def items_that(name: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of a data model for items of a NavigationList that act, the action's *name* declared so."""
    texts = {"type": "object", "properties": {"title": {"type": "string"}}}
    acts = {"type": "object", "properties": {"name": name}}
    properties = {"id": {"type": "string"}, "main-content": texts, "on-click-action": acts}
    return {"type": "array", "items": {"type": "object", "properties": properties}, "__example__": []}


DATA_MODEL = {
    "name": example_of("string", "Ana"),
    "age": example_of("number", 7),
    "is_new": example_of("boolean", True),
    "buyer": {"type": "object", "properties": {"name": {"type": "string"}}, "__example__": {"name": "Ana"}},
    "sizes": {"type": "array", "items": OPTION, "__example__": []},
    "days": {"type": "array", "items": {"type": "string"}, "__example__": []},
    "ids": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}, "__example__": []},
    "anything": example_of("object", {}),
    "acting": options_that({"type": "string"}),
    "leading": items_that({"type": "string"}),
    "fixed": items_that({"const": "navigate"}),
    "updating": options_that({"const": "update_data"}),
}
ASKED = (
    text_input("first_name"),
    text_input("years", input_type="number"),
    component("OptIn", name="agreed", label="I agree"),
    component("CheckboxGroup", name="picked", label="Pick", data_source="${data.sizes}"),
)
PLACE = f"/screens/0/layout/children/{len(ASKED)}"
OPTIONS = [{"id": "s", "title": "Small"}]


def found(document: Any) -> list[tuple[str, str, str, str]]:
    """Return what the check finds in a document: places, codes, how grave they are, rules."""
    problems = bindings.problems(read_document(document))
    return sorted((each.pointer, each.code, each.severity, each.rule) for each in problems)


def on_a_screen(child: dict[str, Any], version: str = "7.3", **more: Any) -> list[tuple[str, str, str, str]]:
    """Return what is found when *child* stands on a screen that has data and inputs, before another."""
    first = screen("ASK", *ASKED, child, go_to("LAST"), data=DATA_MODEL, **more)
    other = last(text_input("email"), data={"total": example_of("number", 9), "sizes": DATA_MODEL["sizes"]})
    return found(flow(first, other, version=version))


def breach(rule: Rule, place: str, under: str = PLACE) -> tuple[str, str, str, str]:
    return f"{under}/{place}", rule.code, rule.severity, rule.id


def dropdown(source: Any) -> dict[str, Any]:
    return component("Dropdown", name="size", label="Size", data_source=source)


@pytest.mark.parametrize(
    "child",
    [
        text("${data.name}"),
        text("${data.buyer.name}"),
        text("${form.first_name}"),
        text("${form.years}"),
        text("${screen.LAST.form.email}"),
        text("`'You are ' ${form.years} ' and owe ' ${screen.LAST.data.total}`"),
        text("`${data.age} / 2`"),
        text("A price in $ {data} and ${money}"),
        component("TextBody", text=["`'Hello ' ${data.name}`", "${data.name}", "Hello"]),
        {**text(), "visible": "${data.is_new}"},
        {**text(), "visible": "${form.agreed}"},
        {**text(), "visible": "`${form.years} >= 18 && ${form.agreed}`"},
        text_input("x", max_chars="${data.age}", min_chars="${data.name}"),
        dropdown("${data.sizes}"),
        dropdown("${data.updating}"),
        dropdown("${screen.LAST.data.sizes}"),
        dropdown([{"id": "${data.name}", "title": "`'For ' ${data.name}`", "enabled": "${data.is_new}"}]),
        component("DatePicker", name="day", label="Day", min_date="${data.name}", unavailable_dates="${data.days}"),
        component("DatePicker", name="day", label="Day", unavailable_dates=["2026-03-01", "${data.name}"]),
        component("CalendarPicker", name="day", mode="range", label={"start-date": "${data.name}", "end-date": "To"}),
        component("CalendarPicker", name="day", label="${data.name}", init_value="${data.name}"),
        component("CalendarPicker", name="day", mode="range", label="${data.buyer}"),
        component("CalendarPicker", name="day", mode="${data.name}", label="${data.buyer}", helper_text="${data.name}"),
        component("PhotoPicker", name="photo", label="Photo", error_message="${data.buyer}"),
        component("NavigationList", name="list", list_items="${data.leading}"),
        component("PhotoPicker", name="photo", label="Photo", error_message={"7": "${data.name}"}),
        component("RichText", text="${data.days}"),
        component("RichText", text="`'Hello ' ${data.name}`"),
        component("RichText", text=["# Hello", "there"]),
        component("If", condition="${data.is_new}", then=[text("${data.name}")]),
        component("If", condition="${form.years} == 18 || ${form.first_name} == 'Ana'", then=[text()]),
        component("If", condition="`${form.years} == 18`", then=[text()]),
        component("Switch", value="${form.first_name}", cases={"Ana": [text()]}),
        component("Switch", value="${data.is_new}", cases={"true": [text()]}),
        component("Form", name="form", children=[], init_values="${data.buyer}", error_messages="${data.anything}"),
        component("Form", name="form", children=[], init_values={"picked": "${data.days}", "agreed": "${data.is_new}"}),
        component("Form", name="form", children=[], init_values={"years": "${data.age}", "x": "${data.age}"}),
        component("Form", name="form", children=[], error_messages={"first_name": "${data.name}"}),
        component("EmbeddedLink", text="Go", on_click_action={"name": "open_url", "url": "${data.name}"}),
        component("Map", place="${data.nowhere}"),
        {**text(), "colour": "${data.nowhere}"},
    ],
)
def test_an_expression_that_means_something_of_the_right_kind_is_no_problem(child: Any) -> None:
    assert on_a_screen(child) == []


@pytest.mark.parametrize(
    ("child", "breaches"),
    [
        pytest.param(text("${data.email}"), [breach(DATA, "text")], id="undeclared"),
        pytest.param(text("${data.buyer.email}"), [breach(DATA, "text")], id="undeclared inside"),
        pytest.param(text("${data.sizes.items.id}"), [breach(DATA, "text")], id="into an array"),
        pytest.param(text("${data.anything.name}"), [breach(DATA, "text")], id="into an object that says nothing"),
        pytest.param(text("${form.last_name}"), [breach(INPUT, "text")], id="no input"),
        pytest.param(text("${screen.LAST.form.name}"), [breach(GLOBAL, "text")], id="no input there"),
        pytest.param(text("${screen.LAST.data.name}"), [breach(GLOBAL, "text")], id="no data there"),
        pytest.param(text("${screen.LAST.data.sizes.items.id}"), [breach(DATA, "text")], id="into an array there"),
        pytest.param(text("${screen.GONE.data.name}"), [breach(GLOBAL, "text")], id="no such screen"),
        pytest.param(text("${screen.ASK.data.name}"), [breach(OWN_SCREEN, "text")], id="its own screen"),
        pytest.param(text("`'Hello ' ${data.email}`"), [breach(DATA, "text")], id="undeclared in backticks"),
        pytest.param(text("`'Hello ${data.name}`"), [breach(NESTED_SYNTAX, "text")], id="no closing quote"),
        pytest.param(text("`${data.name} + 'x'`"), [breach(NESTED_KINDS, "text")] * 2, id="a text added to a text"),
        pytest.param(
            {**text(), "visible": "`'a' ${data.name}`"}, [breach(NESTED_KINDS, "visible")], id="a text for yes"
        ),
        pytest.param(text("Hello ${data.name}"), [breach(NOT_REPLACED, "text")], id="beside a text"),
        pytest.param(text("${data.name} and ${data.age}"), [breach(NOT_REPLACED, "text")], id="two of them"),
        pytest.param(text("${name}"), [breach(NOT_REPLACED, "text")], id="no reference"),
        pytest.param(component("TextBody", text=["To ${data.name}"]), [breach(NOT_REPLACED, "text/0")], id="in a part"),
        pytest.param({**text(), "visible": "${is_new}"}, [breach(BINDING_FORM, "visible")], id="no reference for yes"),
        pytest.param(
            {**text(), "visible": "${data.name != ''}"}, [breach(BINDING_FORM, "visible")], id="a comparison in braces"
        ),
        pytest.param({**text(), "visible": "${data.name}"}, [breach(DATA_KIND, "visible")], id="a name for yes"),
        pytest.param(text("${data.age}"), [breach(DATA_KIND, "text")], id="a number for a text"),
        pytest.param(text("${data.sizes}"), [breach(DATA_KIND, "text")], id="a list of objects for texts"),
        pytest.param(
            {**text(), "visible": "${form.first_name}"}, [breach(INPUT_KIND, "visible")], id="an input for yes"
        ),
        pytest.param(text("${form.agreed}"), [breach(INPUT_KIND, "text")], id="a consent for a text"),
        pytest.param(dropdown("${data.ids}"), [breach(ITEM_SCHEMA, "data-source")], id="options without titles"),
        pytest.param(dropdown("${data.days}"), [breach(DATA_KIND, "data-source")], id="texts for options"),
        pytest.param(dropdown("${data.name}"), [breach(DATA_KIND, "data-source")], id="a text for options"),
        pytest.param(
            dropdown([*OPTIONS, {"id": "${data.age}", "title": "${data.email}"}]),
            [breach(DATA_KIND, "data-source/1/id"), breach(DATA, "data-source/1/title")],
            id="in an option",
        ),
        pytest.param(
            component("NavigationList", name="list", list_items=[{"id": "1", "end": {"title": "${data.age}"}}]),
            [breach(DATA_KIND, "list-items/0/end/title")],
            id="in an item of a list",
        ),
        pytest.param(
            component("ImageCarousel", images=[{"src": "${data.photo}", "alt-text": "A tree"}]),
            [breach(DATA, "images/0/src")],
            id="in a picture",
        ),
        pytest.param(
            component("PhotoPicker", name="photo", label="Photo", error_message="${data.is_new}"),
            [breach(DATA_KIND, "error-message")],
            id="yes for a message",
        ),
        pytest.param(
            component("CalendarPicker", name="day", mode="range", required={"start-date": "${data.name}"}),
            [breach(DATA_KIND, "required/start-date")],
            id="at one end",
        ),
        pytest.param(
            component("Form", name="`'form'`", children=[]), [breach(STATIC_NAME, "name")], id="a name in backticks"
        ),
        pytest.param(
            component("Form", name="form", children=[], init_values={"agreed": "${data.name}", "picked": "${data.x}"}),
            [breach(FORM_TYPES, "init-values/agreed"), breach(DATA, "init-values/picked")],
            id="what a form begins with",
        ),
        pytest.param(
            component("Form", name="form", children=[], init_values="${data.name}"),
            [breach(DATA_KIND, "init-values")],
            id="a text for what a form begins with",
        ),
        pytest.param(
            component("Form", name="form", children=[], init_values={"years": "${data.name}"}),
            [breach(FORM_TYPES, "init-values/years")],
            id="a text for a number to begin with",
        ),
        pytest.param(
            dropdown("${data.acting}"), [breach(DATA_KIND, "data-source")], id="options that do something else"
        ),
        pytest.param(
            component("RichText", text=["Hi", "${data.name}"]), [breach(STATIC_PARTS, "text/1")], id="in a rich text"
        ),
        pytest.param(component("If", condition="", then=[]), [breach(CONDITION, "condition")], id="no condition"),
        pytest.param(
            component("If", condition="( )", then=[]), [breach(CONDITION, "condition")], id="empty parentheses"
        ),
        pytest.param(
            component("If", condition="1 == 2", then=[]), [breach(CONDITION, "condition")], id="only literals"
        ),
        pytest.param(component("If", condition="true", then=[]), [breach(CONDITION, "condition")], id="a literal"),
        pytest.param(
            component("If", condition="((${data.name}))", then=[]), [breach(CONDITION, "condition")], id="a text alone"
        ),
        pytest.param(
            component("If", condition="${data.name} == 5", then=[]), [breach(CONDITION, "condition")], id="two kinds"
        ),
        pytest.param(
            component("NavigationList", name="list", list_items="${data.fixed}"),
            [breach(DATA_KIND, "list-items")],
            id="an action without a type",
        ),
        pytest.param(
            component("CalendarPicker", name="day", label="${data.buyer}", mode="single"),
            [breach(DATA_KIND, "label")],
            id="two labels in single mode",
        ),
        pytest.param(
            component("CalendarPicker", name="day", mode="range", required="${data.is_new}", label={}),
            [breach(DATA_KIND, "required")],
            id="one value in range mode",
        ),
        pytest.param(
            component("If", condition="${data.is_new} && ${data.age} > 5", then=[]),
            [breach(ORDER, "condition")],
            id="an unclear order",
        ),
        pytest.param(
            component("If", condition="${data.gone}", then=[]),
            [breach(DATA, "condition"), breach(CONDITION, "condition")],
            id="undeclared alone",
        ),
        pytest.param(
            component("If", condition="${data.gone} == 5", then=[]), [breach(DATA, "condition")], id="undeclared"
        ),
        pytest.param(
            component("If", condition="${data.is_new}", then=[text("${data.gone}")]),
            [breach(DATA, "then/0/text")],
            id="under a condition",
        ),
        pytest.param(component("Switch", value="Ana", cases={}), [breach(SWITCH, "value")], id="a text to switch by"),
        pytest.param(
            component("Switch", value="${data.gone}", cases={}), [breach(DATA, "value")], id="nothing to switch by"
        ),
        pytest.param(
            component("Switch", value="${data.sizes}", cases={}), [breach(DATA_KIND, "value")], id="a list to switch by"
        ),
        pytest.param(component("Switch", value="${x}", cases={}), [breach(BINDING_FORM, "value")], id="no reference"),
        pytest.param(
            component("EmbeddedLink", text="Go", on_click_action={"name": "open_url", "url": "${data.gone}"}),
            [breach(DATA, "on-click-action/url")],
            id="an address that is not there",
        ),
    ],
)
def test_what_is_wrong_with_an_expression_is_found(child: Any, breaches: list[Any]) -> None:
    assert on_a_screen(child) == sorted(breaches)


@pytest.mark.parametrize(
    ("child", "version", "breaches"),
    [
        pytest.param(text("`'Hello'`"), "5.1", [breach(NESTED_AS_TEXT, "text")], id="backticks in a text"),
        pytest.param({**text(), "visible": "`true`"}, "5.1", [breach(NESTED_SINCE, "visible")], id="backticks for yes"),
        pytest.param(
            component("If", condition="`${data.is_new}`", then=[]),
            "5.1",
            [breach(NESTED_SINCE, "condition")],
            id="a condition in backticks",
        ),
        pytest.param(text("`'Hello'`"), "6.0", [], id="backticks in time"),
        pytest.param(text("${form.first_name}"), "3.1", [breach(REFERENCES_SINCE, "text")], id="an input"),
        pytest.param(text("${screen.LAST.data.total}"), "3.1", [breach(REFERENCES_SINCE, "text")], id="another screen"),
        pytest.param(text("${data.name}"), "3.1", [], id="its data"),
        pytest.param(text("${form.first_name}"), "4.0", [], id="an input in time"),
        pytest.param(
            component("Form", name="form", children=[], init_values={"years": "${data.name}"}),
            "6.3",
            [breach(FORM_TYPES_OLD, "init-values/years")],
            id="what a number begins with",
        ),
        pytest.param(text("`'Hello'`"), "99.0", [], id="a version to come"),
    ],
)
def test_expressions_came_with_versions(child: Any, version: str, breaches: list[Any]) -> None:
    assert on_a_screen(child, version) == breaches


@pytest.mark.parametrize(
    ("title", "breaches"),
    [
        pytest.param("${data.name}", [], id="declared"),
        pytest.param("${data.age}", [breach(DATA_KIND, "title", "/screens/0")], id="a number"),
        pytest.param("To ${data.name}", [breach(NOT_REPLACED, "title", "/screens/0")], id="beside a text"),
        pytest.param(None, [], id="none"),
    ],
)
def test_a_title_may_be_an_expression(title: Any, breaches: list[Any]) -> None:
    assert on_a_screen(text(), title=title) == breaches


def test_a_message_names_the_place_in_an_expression() -> None:
    document = flow(last(component("If", condition="${data.name} ==", then=[text()]), data=DATA_MODEL))

    assert [each.message for each in bindings.problems(read_document(document))] == [
        "'==' has no operand behind it, at column 14"
    ]


@settings(deadline=None)
@given(document=mutated([rule.breaks for rule in RULES.values()]))
def test_any_document_gets_an_answer_that_leads_into_it(document: Any) -> None:
    read = read_document(document if isinstance(document, dict) else {})

    assert all(leads_somewhere(document, each.pointer) for each in bindings.problems(read))


PIECES = st.sampled_from(
    ["${data.name}", "${form.x", "`", "'", "${", "}", " ", "==", "data", ".", "é", "${screen.LAST.data.x}"]
)


@given(value=st.lists(PIECES, max_size=5).map("".join) | json_values)
def test_any_value_may_stand_in_a_property(value: Any) -> None:
    children = [
        {"type": "TextBody", "text": value, "visible": value},
        {"type": "If", "condition": value, "then": []},
        {"type": "Switch", "value": value, "cases": {}},
        {"type": "Dropdown", "name": value, "data-source": value},
        {"type": "RichText", "text": [value]},
        {"type": "CalendarPicker", "name": "day", "label": {"start-date": value}},
        {"type": "Form", "name": value, "init-values": {"day": value}, "error-messages": value},
    ]
    document = flow(screen("LAST", *children, DONE, terminal=True, data=DATA_MODEL))

    assert all(leads_somewhere(document, place) for place, *_ in found(document))
