from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.flow_json.checks import payloads
from definitions.flow_json.checks.bindings import NESTED_AS_TEXT, NOT_REPLACED
from definitions.flow_json.checks.payloads import (
    NAVIGATE_KIND,
    PAYLOAD,
    PAYLOAD_PROPERTY,
    PAYLOAD_UNREAD,
    UPDATE_KIND,
)
from definitions.flow_json.document import read_document
from definitions.flow_json.examples import (
    complete,
    component,
    example_of,
    exchange,
    flow,
    footer,
    last,
    navigate,
    screen,
    text_input,
)
from definitions.flow_json.rule import RULES, Rule
from tests.definitions.documents import json_values, leads_somewhere, mutated

TEXT, NUMBER, BOOLEAN = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
BUYER = {"type": "object", "properties": {"name": TEXT, "age": NUMBER}}
DATA_MODEL = {
    "name": example_of("string", "Ana"),
    "age": example_of("number", 7),
    "is_new": example_of("boolean", True),
    "buyer": {**BUYER, "__example__": {}},
    "buyers": {"type": "array", "items": BUYER, "__example__": []},
    "pairs": {"type": "array", "items": {"type": "object", "properties": {"name": NUMBER}}, "__example__": []},
}
ASKED = (
    text_input("first_name"),
    text_input("years", input_type="number"),
    component("OptIn", name="agreed", label="I agree"),
    component("Form", name="form", children=[component("DocumentPicker", name="papers", label="Papers")]),
)
OWNER = f"/screens/0/layout/children/{len(ASKED)}"


def found(child: Any, version: str = "7.3", **other: Any) -> list[tuple[str, str, str, str]]:
    """Return what is found when *child* acts on a screen that has data and inputs, before one shown with *other*."""
    first = screen("ASK", *ASKED, child, data=DATA_MODEL)
    document = flow(first, last(text_input("email"), data=other), version=version)
    problems = [*payloads.problems(read_document(document))]
    assert all(leads_somewhere(document, each.pointer) for each in problems)
    return sorted((each.pointer, each.code, each.severity, each.rule) for each in problems)


def breach(rule: Rule, place: str, under: str = "on-click-action/payload") -> tuple[str, str, str, str]:
    return f"{OWNER}/{under}/{place}", rule.code, rule.severity, rule.id


def updating(**payload: Any) -> dict[str, Any]:
    return component("OptIn", name="x", label="X", on_select_action={"name": "update_data", "payload": payload})


UPDATE = "on-select-action/payload"


@pytest.mark.parametrize(
    "child",
    [
        footer(complete(a="${data.name}", b="${form.first_name}", c="${screen.LAST.form.email}")),
        footer(exchange(a=["${data.buyer.name}", {"b": "${form.papers}"}], c="`'To ' ${data.name}`", d=None, e=5)),
        footer(exchange(a="${form.form}")),
        footer(exchange(a="Costs $5", b="${money")),
        footer({"name": "complete", "payload": "${data.gone}"}),
        footer({"name": "open_url", "payload": {"a": "${data.gone}"}}),
        footer(navigate("NOWHERE", a="${data.name}")),
        updating(name="${form.first_name}", buyers="${data.buyers}", age="${screen.LAST.data.age}"),
    ],
)
def test_what_is_there_can_be_sent(child: Any) -> None:
    assert found(child, age=example_of("number", 7)) == []


@pytest.mark.parametrize(
    ("child", "breaches"),
    [
        pytest.param(footer(complete(a="${data.gone}")), [breach(PAYLOAD, "a")], id="undeclared"),
        pytest.param(footer(complete(a="${form.gone}")), [breach(PAYLOAD, "a")], id="no input"),
        pytest.param(footer(complete(a="${screen.GONE.form.x}")), [breach(PAYLOAD, "a")], id="no screen"),
        pytest.param(footer(complete(a="${screen.LAST.data.x}")), [breach(PAYLOAD, "a")], id="undeclared there"),
        pytest.param(footer(complete(a="${screen.ASK.data.name}")), [breach(PAYLOAD, "a")], id="its own screen"),
        pytest.param(footer(exchange(a="${data.buyers.name}")), [breach(PAYLOAD, "a")], id="into an array"),
        pytest.param(
            footer(exchange(a={"b/c": [1, "${form.gone}"]})), [breach(PAYLOAD, "a/b~1c/1")], id="deep in a payload"
        ),
        pytest.param(footer(exchange(a="${form}")), [breach(NOT_REPLACED, "a")], id="no reference"),
        pytest.param(footer(exchange(a="To ${data.name}")), [breach(NOT_REPLACED, "a")], id="beside a text"),
        pytest.param(
            footer(exchange(a="`${data.gone}`")), [breach(PAYLOAD_PROPERTY, "a")], id="undeclared in backticks"
        ),
        pytest.param(footer(exchange(a="`'To '' ${x}`")), [breach(PAYLOAD_PROPERTY, "a")], id="no expression"),
        pytest.param(footer(exchange(a="`${data.name} > 5`")), [breach(PAYLOAD_UNREAD, "a")], id="kinds in backticks"),
        pytest.param(updating(name="${data.gone}"), [breach(PAYLOAD_PROPERTY, "name", UPDATE)], id="an update"),
        pytest.param(
            updating(name="`${data.gone}`"), [breach(PAYLOAD_PROPERTY, "name", UPDATE)], id="an update in backticks"
        ),
        pytest.param(
            updating(age="${data.name}"), [breach(UPDATE_KIND, "age", UPDATE)], id="another kind for an entry"
        ),
        pytest.param(
            updating(buyers=[{"age": "${data.name}", "name": "${data.name}"}]),
            [breach(UPDATE_KIND, "buyers/0/age", UPDATE)],
            id="another kind inside an entry",
        ),
    ],
)
def test_what_is_wrong_with_a_payload_is_found(child: Any, breaches: list[Any]) -> None:
    assert found(child) == breaches


@pytest.mark.parametrize(
    ("value", "wanted", "fits"),
    [
        pytest.param("${data.name}", TEXT, True, id="a text"),
        pytest.param("${data.name}", BOOLEAN, False, id="a text for yes"),
        pytest.param("${data.age}", {"type": "integer"}, True, id="a number for an integer"),
        pytest.param("${form.first_name}", BOOLEAN, False, id="an input for yes"),
        pytest.param("${form.years}", NUMBER, True, id="a number that was typed"),
        pytest.param("${form.years}", TEXT, True, id="a number that was typed, as a text"),
        pytest.param("${form.agreed}", TEXT, False, id="a consent for a text"),
        pytest.param("${form.papers}", TEXT, True, id="files, of which nobody knows"),
        pytest.param("${data.buyer}", BUYER, True, id="an object"),
        pytest.param("${data.buyers}", {"type": "array", "items": BUYER}, True, id="a list"),
        pytest.param("${data.pairs}", {"type": "array", "items": BUYER}, False, id="a list of other objects"),
        pytest.param("${data.buyer}", {"type": "array", "items": BUYER}, False, id="an object for a list"),
        pytest.param("${data.buyer}", {"type": "object"}, True, id="an object for any"),
        pytest.param("${data.buyer}", {**BUYER, "required": ["email"]}, False, id="an object without what is required"),
        pytest.param("`${data.age} > 5`", BOOLEAN, True, id="an expression for yes"),
        pytest.param("`${data.age} > 5`", {"type": "array", "items": TEXT}, False, id="an expression for a list"),
        pytest.param("`'a' ${data.age}`", NUMBER, False, id="a text in backticks for a number"),
        pytest.param("five", NUMBER, True, id="a text that stands there, which others check"),
        pytest.param("${data.name}", {"type": "date"}, True, id="a broken entry"),
    ],
)
def test_what_is_handed_on_is_of_the_type_declared(value: str, wanted: Any, *, fits: bool) -> None:
    breaches = [] if fits else [breach(NAVIGATE_KIND, "x")]

    assert found(footer(navigate("LAST", x=value)), x={**wanted, "__example__": 1}) == breaches


def test_what_is_handed_on_is_typed_all_through() -> None:
    payload = {
        "buyer": {"name": "${data.age}", "age": "${data.age}", "more": "${data.name}"},
        "buyers": ["${data.name}"],
    }

    assert found(footer(navigate("LAST", **payload)), "7.3", **DATA_MODEL) == [
        breach(NAVIGATE_KIND, "buyer/name"),
        breach(NAVIGATE_KIND, "buyers/0"),
    ]


def test_a_message_says_what_is_given_and_what_is_wanted() -> None:
    read = read_document(
        flow(
            screen("A", footer(navigate("LAST", x="${data.pairs}")), data=DATA_MODEL),
            last(data={"x": DATA_MODEL["buyers"]}),
        )
    )

    assert [each.message for each in payloads.problems(read)] == [
        "${data.pairs} is of type number at items.name, not string"
    ]


@pytest.mark.parametrize(
    ("value", "version", "breaches"),
    [
        pytest.param("${screen.LAST.form.email}", "3.1", [breach(PAYLOAD, "a")], id="another screen too early"),
        pytest.param("${screen.LAST.form.email}", "4.0", [], id="another screen"),
        pytest.param("${form.first_name}", "2.1", [], id="an input"),
        pytest.param("`${data.name}`", "5.1", [breach(NESTED_AS_TEXT, "a")], id="backticks too early"),
        pytest.param("`${data.gone}`", "7.1", [breach(PAYLOAD_UNREAD, "a")], id="undeclared, and not looked at"),
        pytest.param("`${data.gone`", "6.0", [breach(PAYLOAD_UNREAD, "a")], id="no expression, and not looked at"),
        pytest.param("`${data.gone}`", "7.2", [breach(PAYLOAD_PROPERTY, "a")], id="undeclared"),
    ],
)
def test_payloads_are_read_by_version(value: str, version: str, breaches: list[Any]) -> None:
    assert found(footer(complete(a=value)), version) == breaches


def test_updates_are_read_since_there_are_any() -> None:
    assert found(updating(name="`${data.gone}`"), "6.0") == [breach(PAYLOAD_PROPERTY, "name", UPDATE)]


def test_backticks_are_typed_from_the_version_on_that_reads_them() -> None:
    child = footer(navigate("LAST", x="`'a' ${data.age}`"))

    assert found(child, "7.1", x=example_of("number", 1)) == []
    assert found(child, "7.2", x=example_of("number", 1)) == [breach(NAVIGATE_KIND, "x")]


def test_an_item_of_a_list_acts_too() -> None:
    option = {
        "id": "s",
        "title": "Small",
        "on-select-action": {"name": "update_data", "payload": {"age": "${data.name}"}},
    }
    child = component("Dropdown", name="size", label="Size", data_source=[option])

    assert found(child) == [breach(UPDATE_KIND, "age", "data-source/0/on-select-action/payload")]


@settings(deadline=None)
@given(document=mutated([rule.breaks for rule in RULES.values()]))
def test_any_document_gets_an_answer_that_leads_into_it(document: Any) -> None:
    read = read_document(document if isinstance(document, dict) else {})

    assert all(leads_somewhere(document, each.pointer) for each in payloads.problems(read))


@given(payload=json_values, name=st.sampled_from(["navigate", "update_data", "complete", "dance"]), model=json_values)
def test_any_payload_gets_an_answer_that_leads_into_it(payload: Any, name: str, model: Any) -> None:
    acting = footer({"name": name, "next": {"type": "screen", "name": "LAST"}, "payload": payload})
    document = flow(screen("ASK", acting, data=model), last(data=model))

    assert all(leads_somewhere(document, each.pointer) for each in payloads.problems(read_document(document)))
