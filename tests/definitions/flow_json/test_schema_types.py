from typing import Any

import pytest
from hypothesis import given

from definitions.flow_json.schema_types import Found, Mismatch, kind, kinds, look_up, misfits, mismatch
from tests.definitions.documents import json_values, leads_somewhere

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
BUYER = {"type": "object", "properties": {"name": TEXT, "age": {"type": "integer"}}, "required": ["name"]}
BUYERS = {"type": "array", "items": BUYER}
ANY = {"type": "object"}
MODEL = {
    "buyer": BUYER,
    "buyers": BUYERS,
    "name": TEXT,
    "anything": ANY,
    "broken": {"type": "date"},
    "odd": {"type": "object", "properties": ["name"]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param(("name",), Found(TEXT), id="an entry"),
        pytest.param(("buyer", "age"), Found({"type": "integer"}), id="a property"),
        pytest.param(("email",), Found(fault="undeclared"), id="no entry"),
        pytest.param(("buyer", "email"), Found(fault="undeclared"), id="no property"),
        pytest.param(("name", "first"), Found(fault="undeclared"), id="into a text"),
        pytest.param(("buyers", "items"), Found(fault="in an array"), id="into an array"),
        pytest.param(("anything", "name"), Found(fault="without a schema"), id="into an object that says nothing"),
        pytest.param(("broken",), Found({"type": "date"}), id="a broken entry"),
        pytest.param(("broken", "name"), Found(), id="into a broken entry"),
        pytest.param(("odd", "name"), Found(), id="into an object with broken properties"),
    ],
)
def test_a_path_leads_to_a_schema_or_shows_its_fault(path: tuple[str, ...], found: Found) -> None:
    assert look_up(MODEL, path) == found


@pytest.mark.parametrize(
    ("schema", "possible"),
    [
        pytest.param(TEXT, {"string"}, id="a type"),
        pytest.param({"type": "integer"}, {"number"}, id="an integer is a number"),
        pytest.param({"type": ["string", "number"]}, {"string", "number"}, id="one of two"),
        pytest.param({"type": ["string", "null"]}, set(), id="one of two, of which one is none"),
        pytest.param({"type": {}}, set(), id="a type that is none"),
        pytest.param({}, set(), id="no type"),
        pytest.param(True, set(), id="no schema"),
    ],
)
def test_a_schema_says_of_which_kinds_its_values_are(schema: Any, possible: set[str]) -> None:
    assert kinds(schema) == possible
    assert kind(schema) == (next(iter(possible)) if len(possible) == 1 else None)


@pytest.mark.parametrize(
    ("given", "wanted", "found"),
    [
        pytest.param(TEXT, TEXT, None, id="the same"),
        pytest.param({"type": "integer"}, NUMBER, None, id="an integer for a number"),
        pytest.param(TEXT, {"type": ["string", "number"]}, None, id="one of what is wanted"),
        pytest.param(None, TEXT, None, id="not known"),
        pytest.param(TEXT, None, None, id="nothing wanted"),
        pytest.param(TEXT, NUMBER, Mismatch((), frozenset({"number"}), frozenset({"string"})), id="another type"),
        pytest.param(
            {"type": "array", "items": TEXT},
            {"type": "array", "items": NUMBER},
            Mismatch(("items",), frozenset({"number"}), frozenset({"string"})),
            id="another type in an array",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "object", "properties": {"name": NUMBER}}},
            BUYERS,
            Mismatch(("items", "name"), frozenset({"string"}), frozenset({"number"})),
            id="another type deep inside",
        ),
        pytest.param(
            {"type": "object", "properties": {"age": NUMBER}},
            BUYER,
            Mismatch((), missing="name"),
            id="what is required",
        ),
        pytest.param(ANY, BUYER, Mismatch((), missing="name"), id="what is required of an object that says nothing"),
        pytest.param({"type": "object", "properties": {"name": TEXT}}, BUYER, None, id="without what may be missing"),
        pytest.param(BUYER, ANY, None, id="more than is wanted"),
        pytest.param(ANY, {"type": "object", "required": [""]}, None, id="what has no name and is required"),
        pytest.param({"type": "array"}, BUYERS, None, id="an array that says nothing"),
        pytest.param({"const": "a"}, {"const": "a"}, None, id="the constant"),
        pytest.param(TEXT, {"const": "a"}, Mismatch((), constant="a"), id="no constant"),
        pytest.param({"const": "a"}, TEXT, Mismatch((), frozenset({"string"})), id="a constant without a type"),
        pytest.param({"const": "a", "type": "string"}, TEXT, None, id="a constant with a type"),
    ],
)
def test_one_schema_gives_what_another_wants_or_shows_where_not(given: Any, wanted: Any, found: Any) -> None:
    assert mismatch(given, wanted) == found


@pytest.mark.parametrize(
    ("value", "schema", "found"),
    [
        pytest.param("Ana", TEXT, [], id="a text"),
        pytest.param(5.0, {"type": "integer"}, [], id="a whole number with a point"),
        pytest.param(5.5, {"type": "integer"}, [("/x", "is no integer")], id="a fraction"),
        pytest.param(True, NUMBER, [("/x", "is of type boolean, not number")], id="yes for a number"),
        pytest.param(None, TEXT, [("/x", "is of type null, not string")], id="null"),
        pytest.param({"a": 1}, {"type": "date"}, [], id="for a type that is none"),
        pytest.param(
            [{"name": "Ana"}, {"name": 1, "age": "7"}, {}],
            BUYERS,
            [
                ("/x/1/name", "is of type number, not string"),
                ("/x/1/age", "is of type string, not number"),
                ("/x/2", "has no 'name', which is required"),
            ],
            id="in a list",
        ),
        pytest.param({"name": "Ana", "e/mail": 1}, BUYER, [], id="more than is declared"),
    ],
)
def test_a_value_is_one_of_a_schemas_or_shows_where_not(value: Any, schema: Any, found: list[tuple[str, str]]) -> None:
    assert [*misfits(value, schema, "/x")] == found


@given(one=json_values, other=json_values)
def test_a_schema_gives_what_it_wants_itself_if_it_declares_it(one: Any, other: Any) -> None:
    for schema in ({"type": "object", "properties": one, "required": other}, {"type": "array", "items": one}, one):
        found = mismatch(schema, schema)
        assert found is None or found.missing


@given(value=json_values, one=json_values, other=json_values)
def test_any_json_can_stand_for_a_schema(value: Any, one: Any, other: Any) -> None:
    for schema in ({"type": "object", "properties": one, "required": other}, {"type": "array", "items": one}, one):
        for pointer, _ in misfits({"x": value}, {"type": "object", "properties": {"x": schema}}, ""):
            assert leads_somewhere({"x": value}, pointer)
