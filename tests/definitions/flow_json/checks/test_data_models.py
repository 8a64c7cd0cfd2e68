from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.flow_json.checks import data_models
from definitions.flow_json.document import read_document
from definitions.flow_json.examples import example_of, flow, last
from tests.definitions.documents import json_values, leads_somewhere, mutated

CODE = "INVALID_SCREEN_DATA"
NAME = example_of("string", "Ana")
SHIRT = {"type": "object", "properties": {"id": {"type": "string"}, "main-content": {"type": "object"}}}


def shown_with(model: Any) -> dict[str, Any]:
    return flow(last(data=model))


def found(model: Any) -> list[tuple[str, str, str]]:
    """Return what the check finds in a data model: places in it, rules and how grave they are."""
    problems = [*data_models.problems(read_document(shown_with(model)))]
    assert {problem.code for problem in problems} <= {CODE}
    return sorted((each.pointer.removeprefix("/screens/0/data"), each.rule, each.severity) for each in problems)


def array_of(items: Any, *examples: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, "__example__": list(examples)}


@pytest.mark.parametrize(
    "model",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"name": NAME, "age": example_of("integer", 7), "price": example_of("number", 7.5)}, id="numbers"),
        pytest.param({"is_new": example_of("boolean", False), "buyer": example_of("object", {"a": [1]})}, id="others"),
        pytest.param({"shirts": array_of(SHIRT, {"id": "1", "main-content": {"title": "Blue"}})}, id="a list"),
        pytest.param({"anything": array_of(True, 1, "x")}, id="a list of anything"),
        pytest.param(
            {"shirts": array_of({**SHIRT, "properties": {"name": {"const": "update_data"}}})}, id="a constant"
        ),
        pytest.param({"name": {**NAME, "minLength": 1}}, id="another keyword of JSON Schema"),
        pytest.param({"name": NAME, "required": ["name"]}, id="required"),
        pytest.param({"required": NAME}, id="an entry called required"),
        pytest.param({"años": example_of("number", 7)}, id="a name with accents"),
    ],
)
def test_a_sound_data_model_has_no_problem(model: Any) -> None:
    assert found(model) == []


@pytest.mark.parametrize(
    ("model", "problems"),
    [
        pytest.param([], [("", "data-object")], id="a list"),
        pytest.param(None, [("", "data-object")], id="null"),
        pytest.param({"name": "string"}, [("/name", "data-type")], id="an entry that is no object"),
        pytest.param({"name": {}}, [("/name", "data-example"), ("/name", "data-type")], id="an empty entry"),
        pytest.param({"name": {**NAME, "type": 123}}, [("/name", "data-type")], id="a number for a type"),
        pytest.param({"name": {**NAME, "type": ["string"]}}, [("/name", "data-type")], id="two types"),
        pytest.param({"name": {**NAME, "type": "null"}}, [("/name", "data-type")], id="null for a type"),
        pytest.param({"name": {**NAME, "type": "String"}}, [("/name", "data-type")], id="a capital"),
        pytest.param({"name": {"type": "string"}}, [("/name", "data-example")], id="no example"),
        pytest.param(
            {"name": {"const": "Ana", "__example__": "Bo"}},
            [("/name", "data-type"), ("/name/__example__", "data-example-type")],
            id="a constant without a type",
        ),
        pytest.param(
            {"price": example_of("number", "5")}, [("/price/__example__", "data-example-type")], id="another type"
        ),
        pytest.param(
            {"shirts": array_of(SHIRT, {"id": "1"}, {"id": 2})},
            [("/shirts/__example__/1/id", "data-example-type")],
            id="another type inside a list",
        ),
        pytest.param({"name": example_of("string", None)}, [("/name/__example__", "data-example-type")], id="null"),
        pytest.param({"sizes": example_of("array", [])}, [("/sizes", "data-items")], id="an array without items"),
        pytest.param({"sizes": array_of("string")}, [("/sizes/items", "data-items-type")], id="a text for items"),
        pytest.param({"sizes": array_of([SHIRT])}, [("/sizes/items", "data-items-type")], id="a list for items"),
        pytest.param({"sizes": array_of({})}, [("/sizes/items", "data-type")], id="items without a type"),
        pytest.param({"rows": array_of({"type": "array"})}, [("/rows/items", "data-items")], id="an array in an array"),
        pytest.param(
            {"buyer": {**example_of("object", {}), "properties": []}},
            [("/buyer/properties", "data-properties")],
            id="a list for properties",
        ),
        pytest.param(
            {"buyer": {**example_of("object", {}), "properties": {"a/b": {}}}},
            [("/buyer/properties/a~1b", "data-key-plain"), ("/buyer/properties/a~1b", "data-type")],
            id="a property without a type",
        ),
        pytest.param(
            {"buyer": {**example_of("object", {}), "properties": {"name": NAME, "__example__": {"name": "Ana"}}}},
            [
                ("/buyer/properties/__example__", "data-example-nested"),
                ("/buyer/properties/name/__example__", "data-example-nested"),
            ],
            id="examples inside an entry",
        ),
        pytest.param(
            {"shirts": array_of({**SHIRT, "__example__": {}})},
            [("/shirts/items/__example__", "data-example-nested")],
            id="an example of the items",
        ),
        pytest.param({"required": True}, [("/required", "data-type")], id="required without names"),
        pytest.param(
            {"required": [1, "a"]},
            [("/required/0", "data-required"), ("/required/1", "data-required-declared")],
            id="odd names",
        ),
        pytest.param(
            {"buyer": {**example_of("object", {"a": 1}), "properties": {}, "required": "a"}},
            [("/buyer/required", "data-required")],
            id="a text for what is required inside",
        ),
        pytest.param(
            {"buyer": {**example_of("object", {"a": 1}), "properties": {}, "required": ["a"]}},
            [("/buyer/required/0", "data-required-declared")],
            id="undeclared inside",
        ),
        pytest.param({'a"b': NAME}, [('/a"b', "data-key")], id="a quote"),
        pytest.param({"a\\b": NAME}, [("/a\\b", "data-key")], id="a backslash"),
        pytest.param({"a\nb": NAME}, [("/a\nb", "data-key")], id="a line break"),
        pytest.param({"first-name": NAME}, [("/first-name", "data-key-plain")], id="a hyphen"),
        pytest.param({"first name": NAME}, [("/first name", "data-key-plain")], id="a space"),
        pytest.param({"`name`": NAME}, [("/`name`", "data-key-plain")], id="backticks"),
        pytest.param({"": NAME}, [("/", "data-key-plain")], id="no name"),
    ],
)
def test_what_is_wrong_with_a_data_model_is_found(model: Any, problems: list[tuple[str, str]]) -> None:
    warnings = {"data-key-plain", "data-required-declared"}

    assert found(model) == [(place, rule, "warning" if rule in warnings else "error") for place, rule in problems]


def test_a_message_names_the_thing_and_cuts_it() -> None:
    document = shown_with({"a" * 60: example_of("number", "a secret")})

    assert [each.message for each in data_models.problems(read_document(document))] == [
        f"the example of {'a' * 39}… is of type string, not number"
    ]


def test_a_screen_need_not_have_data() -> None:
    assert [*data_models.problems(read_document(flow(last(), last(id="OTHER"))))] == []


schemas: st.SearchStrategy[Any] = st.recursive(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "number", "integer", "boolean", "array", "object"])},
        optional={"__example__": json_values},
    ),
    lambda inner: (
        st.fixed_dictionaries({"type": st.just("array"), "items": inner | json_values, "__example__": json_values})
        | st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(st.text(max_size=3), inner, max_size=2)},
            optional={"required": json_values, "__example__": json_values},
        )
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(
    model=st.dictionaries(st.text(max_size=3) | st.just("required"), schemas | json_values, max_size=3) | json_values
)
def test_any_data_model_gets_an_answer_that_leads_into_it(model: Any) -> None:
    document = shown_with(model)

    assert all(leads_somewhere(document, each.pointer) for each in data_models.problems(read_document(document)))


SOUND = shown_with(
    {
        "shirts": array_of(SHIRT, {"id": "1"}),
        "buyer": {**example_of("object", {}), "properties": {"a": {"type": "string"}}},
    }
)


@settings(deadline=None)
@given(document=mutated([SOUND]))
def test_any_document_gets_an_answer_that_leads_into_it(document: Any) -> None:
    read = read_document(document if isinstance(document, dict) else {})

    assert all(leads_somewhere(document, each.pointer) for each in data_models.problems(read))
