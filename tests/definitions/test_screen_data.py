from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.screen_data import answer_type, data_model_problems
from tests.definitions.documents import json_values, source_of

MODEL = {
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
    "required": ["name"],
}


def fits(data: Any, model: dict[str, Any] = MODEL) -> bool:
    try:
        msgspec.convert(data, answer_type(model))
    except msgspec.ValidationError:
        return False
    return True


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
        pytest.param({"name": "tea", "choices": {"id": "1"}}, False, id="no list"),
        pytest.param({"name": "tea", "anything": {"x": [1]}, "some": [1, "x", {}]}, True, id="without a type inside"),
        pytest.param([], False, id="no object"),
    ],
)
def test_an_answer_fits_its_screen(data: Any, *, is_fitting: bool) -> None:
    assert fits(data) == is_fitting


def test_a_screen_without_data_is_shown_without_data() -> None:
    assert fits({}, {})
    assert not fits({"name": "tea"}, {})


@pytest.mark.parametrize("key", ['a"b', "a\\b", "a\nb", "\0"])
def test_a_key_is_one_that_an_expression_can_name(key: str) -> None:
    model = {"a": {"type": "object", "properties": {key: {"type": "string"}}}, key: {"type": "string"}}

    problems = [(problem.pointer, problem.code) for problem in data_model_problems(model, "/data")]

    assert problems == [(f"/data/a/properties/{key}", "INVALID_SCREEN_DATA"), (f"/data/{key}", "INVALID_SCREEN_DATA")]


def test_data_may_be_called_required() -> None:
    model = {"required": {"type": "string"}}

    assert [*data_model_problems(model, "")] == []
    assert fits({"required": "yes"}, model)
    assert fits({}, model)


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
@given(model=st.dictionaries(st.text(max_size=3) | st.just("required"), nodes | json_values, max_size=3) | json_values)
def test_a_data_model_without_a_problem_has_a_type(model: Any) -> None:
    problems = [*data_model_problems(model, "/data")]

    assert all(problem.pointer.startswith("/data") for problem in problems)
    if not problems:
        msgspec.json.decode(source_of({}), type=answer_type({**model, "required": []}))
        assert answer_type(model)
