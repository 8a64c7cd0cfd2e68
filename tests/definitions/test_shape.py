"""The shape of a file: every fault has its place, and what has none can be decoded."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from definitions.orders.couriers import Courier
from definitions.products import Product
from definitions.results import Endpoint
from definitions.shape import misfits, read

KINDS = (dict[str, dict[str, Product]], tuple[Endpoint, ...], Courier)

NAMES = sorted(
    {"TEA", "*", *Product.__struct_fields__, *Endpoint.__struct_fields__, *Courier.__struct_fields__, "defer", "code"}
)
LEAVES = st.sampled_from([None, True, -1, 0, 30100, 1.5, "", "INR", "tea", "erp", "https://x.example", "2026-11-21"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
)


def there(value: Any, pointer: str) -> bool:
    """Return whether a pointer leads somewhere in a value."""
    for step in pointer.split("/")[1:]:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return False
    return True


@given(VALUES, st.sampled_from(KINDS))
def test_a_value_has_faults_exactly_if_it_cannot_be_decoded(value: Any, kind: Any) -> None:
    found = [*misfits(value, kind, "WRONG")]

    try:
        msgspec.convert(value, kind)
        fits = True
    except msgspec.ValidationError:
        fits = False
    assert (not found) is fits
    assert all(problem.code == "WRONG" and there(value, problem.pointer) for problem in found)


def test_all_faults_are_told_at_once() -> None:
    products = {"1": {"TEA": {"name": "", "price": "7", "colour": "red"}, "CUP": 7}, "a/b": []}

    found = [*misfits(products, dict[str, dict[str, Product]], "WRONG")]

    assert [(problem.pointer, problem.message) for problem in found] == [
        ("/1/TEA/name", "expected `str` of length >= 1"),
        ("/1/TEA/price", "expected `int`, got `str`"),
        ("/1/TEA/colour", "there is no property colour here"),
        ("/1/TEA", "`currency` is missing"),
        ("/1/CUP", "expected `object`, got `int`"),
        ("/a~1b", "expected `object`, got `array`"),
    ]


def test_what_is_no_json_has_no_value() -> None:
    value, (problem,) = read(b"{")

    assert (value, problem.pointer, problem.code) == (None, "", "INVALID_JSON")
    assert read(b"[1]") == ([1], ())
