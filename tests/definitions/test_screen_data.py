from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.screen_data import answer_type
from tests.definitions.documents import json_values, source_of

MODEL: dict[str, Any] = {
    "name": {"type": "string"},
    "count": {"type": "integer"},
    "price": {"type": "number"},
    "is_new": {"type": "boolean"},
    "choices": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"id": {"type": "string"}, "on-sale": {"type": "boolean"}},
            "required": ["id"],
        },
    },
    "anything": {"type": "object"},
    "some": {"type": "array"},
}


def fits(data: Any, model: dict[str, Any], *required: str) -> bool:
    try:
        msgspec.convert(data, answer_type(model, required))
    except msgspec.ValidationError:
        return False
    return True


def test_the_items_of_a_list_do_what_its_example_does() -> None:
    def a_list(**example: Any) -> dict[str, Any]:
        return {"list": {**MODEL["choices"], "__example__": [{"id": "1", **example}, 5]}}

    acting = {"list": [{"id": "2", "on-click-action": {"name": "data_exchange"}}]}

    assert fits(acting, a_list(**{"on-click-action": {"name": "navigate"}}))
    assert not fits(acting, a_list())
    assert not fits({"list": [{"id": "2", "on-click-action": "go"}]}, a_list(**{"on-click-action": {}}))


@pytest.mark.parametrize(
    ("data", "is_fitting"),
    [
        pytest.param({"name": "tea"}, True, id="only what is required"),
        pytest.param({}, False, id="not even that"),
        pytest.param({"name": "tea", "count": 5, "price": 5, "is_new": True}, True, id="simple values"),
        pytest.param({"name": "tea", "price": 5.5}, True, id="a fraction"),
        pytest.param({"name": "tea", "count": 5.5}, False, id="a fraction of a whole number"),
        pytest.param({"name": "tea", "count": "5"}, False, id="a number as a text"),
        pytest.param({"name": "tea", "is_new": 1}, False, id="a number for yes"),
        pytest.param({"name": None}, False, id="null"),
        pytest.param({"name": "tea", "count": None}, False, id="null for what may be missing"),
        pytest.param({"name": "tea", "colour": "red"}, False, id="a key that the screen does not have"),
        pytest.param({"name": "tea", "error_message": "No."}, True, id="a message, which every screen has"),
        pytest.param({"name": "tea", "error_message": 5}, False, id="a message that is no text"),
        pytest.param({"name": "tea", "choices": []}, True, id="an empty list"),
        pytest.param({"name": "tea", "choices": [{"id": "1", "on-sale": True}, {"id": "2"}]}, True, id="a list"),
        pytest.param({"name": "tea", "choices": [{"on-sale": True}]}, False, id="a list without what it requires"),
        pytest.param({"name": "tea", "choices": [{"id": "1", "x": 1}]}, False, id="a list with more than it has"),
        pytest.param(
            {"name": "tea", "choices": [{"id": "1", "on-click-action": {"name": "data_exchange"}}]},
            False,
            id="a list of what does something that nothing says",
        ),
        pytest.param({"name": "tea", "choices": {"id": "1"}}, False, id="no list"),
        pytest.param({"name": "tea", "anything": {"x": [1]}, "some": [1, "x", {}]}, True, id="without a type inside"),
        pytest.param([], False, id="no object"),
    ],
)
def test_an_answer_fits_its_screen(data: Any, *, is_fitting: bool) -> None:
    assert fits(data, MODEL, "name") == is_fitting


def test_a_screen_without_data_is_shown_without_data() -> None:
    assert fits({}, {})
    assert not fits({"name": "tea"}, {})


@pytest.mark.parametrize("key", ['a"b', "a\\b", "a\nb", "\0"])
def test_a_key_that_no_expression_can_name_is_no_key_of_an_answer(key: str) -> None:
    model = {"a": {"type": "object", "properties": {key: {"type": "string"}, "b": {"type": "string"}}}}

    assert fits({"a": {"b": "tea"}}, {**model, key: {"type": "string"}})
    assert not fits({"a": {key: "tea"}}, model)


@pytest.mark.parametrize(
    "node",
    [
        pytest.param({}, id="no type"),
        pytest.param({"type": ["string"]}, id="a type that is no text"),
        pytest.param({"type": "null"}, id="an unknown type"),
        pytest.param({"type": "array", "items": "string"}, id="items that say nothing"),
        pytest.param({"type": "object", "properties": ["name"], "required": 5}, id="properties that are none"),
        pytest.param(
            {"type": "object", "properties": {"a": {}}, "required": [["a"], {}, "b"]}, id="odd names required"
        ),
    ],
)
def test_what_is_no_schema_is_left_open(node: Any) -> None:
    model = {"x": node, "name": {"type": "string"}}

    assert fits({"x": {"a": 1}, "name": "tea"}, model) or fits({"x": [1, "tea"], "name": "tea"}, model)
    assert not fits({"name": 5}, model)


def test_data_may_be_called_required() -> None:
    model = {"required": {"type": "string"}}

    assert fits({"required": "yes"}, model)
    assert fits({}, model)


def test_what_is_required_may_be_undeclared() -> None:
    model = {"buyer": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name", "email"]}}

    assert fits({"buyer": {"name": "Ana"}}, model)
    assert not fits({"buyer": {}}, model)


nodes: st.SearchStrategy[Any] = st.recursive(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "number", "integer", "boolean", "array", "object", "x"])}
    ),
    lambda inner: (
        st.fixed_dictionaries({"type": st.just("array"), "items": inner | json_values})
        | st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.dictionaries(st.text(max_size=3), inner, max_size=2) | json_values,
            },
            optional={"required": st.lists(st.text(max_size=3), max_size=2) | json_values},
        )
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    model=st.dictionaries(st.text(max_size=3) | st.just("required"), nodes | json_values, max_size=3),
    required=st.lists(st.text(max_size=3), max_size=2),
)
def test_every_data_model_has_a_type(model: dict[str, Any], required: list[str]) -> None:
    kind = answer_type(model, required)

    try:
        answer = msgspec.json.decode(source_of({}), type=kind)
    except msgspec.ValidationError:
        assert set(required) & model.keys()
    else:
        assert msgspec.json.encode(answer) == b"{}"
