import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.json_text import (
    MAX_DEPTH,
    Position,
    decode_document,
    escape,
    places,
    repeated_keys,
    too_deep,
    unstorable,
)
from tests.definitions.documents import json_values, places_in


def pointer_to(place: tuple[str | int, ...]) -> str:
    return "".join(f"/{escape(str(name))}" for name in place)


def reason(text: bytes) -> str:
    """Return why a text is not decoded."""
    with pytest.raises(msgspec.DecodeError) as refused:
        decode_document(text)
    return str(refused.value)


# Where things stand

PARCEL = """{
  "id": "parcel",
  "states": {"a/b~c": {"on": [1, {"x": "}"}]},
    "später": {"\\u0061": null}
  }
}
"""


@pytest.mark.parametrize(
    ("pointer", "line", "column"),
    [
        pytest.param("", 1, 1, id="the whole"),
        pytest.param("/id", 2, 3, id="a member, by its key"),
        pytest.param("/states/a~1b~0c", 3, 14, id="a key with the pointer's own characters"),
        pytest.param("/states/a~1b~0c/on/0", 3, 31, id="an element, by its value"),
        pytest.param("/states/a~1b~0c/on/1/x", 3, 35, id="a member of an element"),
        pytest.param("/states/später", 4, 5, id="letters of any kind count once"),
        pytest.param("/states/später/a", 4, 16, id="a key that is written with escapes"),
        pytest.param("/states/a~1b~0c/on/7/x", 3, 24, id="what is not there, by what is around it"),
        pytest.param("/nowhere/at/all", 1, 1, id="what is not there at all"),
    ],
)
def test_a_pointer_leads_to_a_line_and_a_column(pointer: str, line: int, column: int) -> None:
    assert places(PARCEL.encode())(pointer) == Position(line, column)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        pytest.param(b'{\n  "id": 1,\n  x}', 3, 3, id="where it ceases to be JSON"),
        pytest.param(b"", 1, 1, id="nothing"),
        pytest.param(b'{\n"a": "\xff"}', 1, 1, id="not UTF-8"),
        pytest.param(b"\xef\xbb\xbf{}", 1, 1, id="a byte order mark"),
        pytest.param(b"[" * 100_000, 1, 1, id="deeper than can be read"),
        pytest.param(b"[\n" + b"9" * 5000 + b"]", 1, 1, id="a number longer than can be read"),
    ],
)
def test_in_a_text_that_is_no_document_every_pointer_leads_to_what_is_wrong(
    text: bytes, line: int, column: int
) -> None:
    assert places(text)("/states") == places(text)("") == Position(line, column)


def test_of_a_key_that_is_said_twice_the_last_is_meant() -> None:
    text = b'{"a": {"x": 1},\n "a": {"y": [2]}}'

    assert repeated_keys(text) == ["/a"]
    assert decode_document(text) == {"a": {"y": [2]}}
    assert places(text)("/a") == Position(2, 2)
    assert places(text)("/a/y/0") == Position(2, 14)
    assert places(text)("/a/x") == Position(2, 2), "what the last does not have is not there"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (b'{"a": 1, "b": {"a": 2}, "c": [{"a": 1}, {"a": 2}]}', []),
        (rb'{"a": {"x": 1, "x": 2, "\u0078": 3}, "b": [{"/": 1, "/": 2}]}', ["/a/x", "/b/0/~1"]),
        (b'[{"": 1, "": 2}]', ["/0/"]),
        (b'"a"', []),
    ],
)
def test_a_key_that_is_said_twice_is_found(text: bytes, keys: list[str]) -> None:
    assert repeated_keys(text) == keys


@settings(max_examples=150, deadline=None)
@given(document=json_values, indent=st.sampled_from([None, 0, 3]), ascii_only=st.booleans())
def test_every_value_is_found_where_it_is_written(document: Any, indent: int | None, *, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    lines = re.split("\n", text)
    of = places(text.encode())

    for place in places_in(document):
        at = of(pointer_to(place))
        rest = "\n".join([lines[at.line - 1][at.column - 1 :], *lines[at.line :]])
        value, end = json.JSONDecoder().raw_decode(rest)
        if place and isinstance(place[-1], str):
            assert value == place[-1]
            value, _ = json.JSONDecoder().raw_decode(rest[end:].lstrip(": \n"))
        found = document
        for name in place:
            found = found[name]
        assert value == found


# What is read


@settings(max_examples=100, deadline=None)
@given(document=json_values)
def test_any_json_is_read_as_it_is(document: Any) -> None:
    assert decode_document(json.dumps(document).encode()) == document


@pytest.mark.parametrize(
    "text",
    [
        b"NaN",
        b"[Infinity]",
        b"1e400",
        b'"\\ud800"',
        b'{"\\udc00": 1}',
        b'"\xff"',
        b"01",
        b"[1,]",
        b'"a\nb"',
        b"{} {}",
        b"",
    ],
)
def test_what_is_no_json_is_refused_with_a_reason(text: bytes) -> None:
    assert reason(text) != ""


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_json_may_nest_only_so_deep(opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    deepest = opening * MAX_DEPTH + b"1" + closing * MAX_DEPTH

    assert not too_deep(deepest)
    assert decode_document(deepest)
    assert too_deep(opening + deepest + closing)
    assert reason(opening + deepest + closing) == "nests deeper than 64"


def test_the_deepest_json_may_have_more_beside_it() -> None:
    deepest = b"[" * (MAX_DEPTH - 1) + b"[], []" + b"]" * (MAX_DEPTH - 1)

    assert not too_deep(deepest)
    assert too_deep(b"[" + deepest + b"]")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" + b"[]," * 500 + b"[]]", id="many beside one another"),
        pytest.param(json.dumps("[{" * 500).encode(), id="in a text"),
        pytest.param(json.dumps('"\\' + "[{" * 500).encode(), id="in a text with quotes"),
    ],
)
def test_only_nesting_is_depth(text: bytes) -> None:
    assert not too_deep(text)
    assert decode_document(text) == json.loads(text)


def test_what_never_ends_is_too_deep_too() -> None:
    assert too_deep(b'{"a":' * 100_000)
    assert too_deep(b"]]]" + b"[" * 100)


# What can be stored


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(rb'{"a": ["b", "c\u0000"]}', [("/a/1", "text")], id="NUL"),
        pytest.param(rb'{"a": {"b/\u0000": 1}}', [("/a", "text")], id="NUL in a key"),
        pytest.param(rb'"\\u0000"', [], id="only the letters of it"),
        pytest.param(b'{"a": 9223372036854775807, "b": -9223372036854775808}', [], id="64 bits"),
        pytest.param(b'{"a": [9223372036854775808]}', [("/a/0", "number")], id="more than 64 bits"),
        pytest.param(b'{"x/y": -9223372036854775809}', [("/x~1y", "number")], id="more than 64 bits, negative"),
        pytest.param(b'["1234567890123456789012345"]', [], id="digits in a text"),
        pytest.param(b"[0.1234567890123456789012345, true]", [], id="digits of a fraction"),
        pytest.param(b'["\xc3\xa9", 5, null]', [], id="nothing of the kind"),
    ],
)
def test_what_not_every_database_takes_is_found_where_it_stands(text: bytes, found: list[tuple[str, str]]) -> None:
    assert [(problem.pointer, problem.code) for problem in unstorable(text)] == found


@pytest.mark.parametrize("text", [rb'["\u0000"', b'"\xff\\u0000"', b"9" * 5000, b"[" * 65 + rb'"\u0000"' + b"]" * 65])
def test_what_looks_unstorable_and_cannot_be_read_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        unstorable(text)


@settings(max_examples=100, deadline=None)
@given(document=json_values)
def test_what_is_said_to_be_storable_is(document: Any) -> None:
    text = json.dumps(document).encode()
    values = [*places_in(document)]

    def stored(value: Any) -> bool:
        return "\0" not in value if isinstance(value, str) else not isinstance(value, int) or -(2**63) <= value < 2**63

    def value_at(place: tuple[str | int, ...]) -> Any:
        found = document
        for name in place:
            found = found[name]
        return found

    well = all(stored(value_at(place)) and all(stored(name) for name in place) for place in values)
    assert (unstorable(text) == []) == well
