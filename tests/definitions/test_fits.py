"""Whether types fit, against what msgspec does with their values."""

from datetime import date
from decimal import Decimal
from enum import Enum
from types import GenericAlias
from typing import Annotated, Any, Literal, NotRequired, TypedDict, Union

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct
from msgspec.inspect import type_info

from definitions.fits import Misfit, misfits


class Colour(Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Option(TypedDict):
    """Something to choose; not each is described."""

    id: str
    note: NotRequired[str]


class Described(Struct):
    """Something to choose, which is described."""

    id: str
    note: str


class Exact(Struct, forbid_unknown_fields=True):
    """Something to choose, and no more."""

    id: str


def unfit(given: Any, taken: Any) -> list[Misfit]:
    """Return what of *given* does not fit *taken*, in the order of the places."""
    return sorted(misfits(type_info(given), type_info(taken)), key=lambda misfit: misfit.path)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (str, str),
        (int, float),
        (int, int | str),
        (Literal["a"], Literal["a", "b"]),
        (Literal["red"], Colour),
        (Literal[1], int),
        (Colour, str),
        (str, Literal["a"]),
        (str, Colour),
        (str, date),
        (str, Annotated[str, Meta(max_length=3)]),
        (date, str),
        (int, Decimal),
        (tuple[str, str], list[str]),
        (set[int], list[int]),
        (None, None),
        (list[int], list[Any]),
        (Any, str),
        (object, str),
        (str, object),
        (dict[str, int], dict[str, float]),
        (dict[str, Any], Described),
        (Described, Option),
        (Option, dict[str, str]),
        (Described, dict[str, Any]),
    ],
)
def test_this_fits(given: Any, taken: Any) -> None:
    assert unfit(given, taken) == []


@pytest.mark.parametrize(
    ("given", "taken", "reason"),
    [
        (str, int, "can be str, which is not int"),
        (bool, int, "can be bool, which is not int"),
        (float, int, "can be float, which is not int"),
        (str | None, str, "can be None, which is not str"),
        (int | str, str, "can be int, which is not str"),
        (str, int | bool, "can be str, which is not int | bool"),
        (Literal["c"], Literal["a", "b"], "can be one of c, which is not one of a, b"),
        (int, Colour, "can be int, which is not Colour"),
        (list[str], str, "can be list, which is not str"),
        (str, list[str], "can be str, which is not list"),
        (list[str], list[int], "can be str, which is not int"),
        (tuple[int, str], list[int], "can be str, which is not int"),
        (Option, list[str], "can be object, which is not list"),
        (dict[str, str], dict[str, int], "can be str, which is not int"),
    ],
)
def test_this_does_not_fit(given: Any, taken: Any, reason: str) -> None:
    assert unfit(given, taken) == [Misfit((), reason)]


def test_what_of_an_object_does_not_fit_is_told_by_its_place() -> None:
    assert unfit(Option, Described) == [Misfit(("note",), "may be missing")]
    assert unfit(Exact, Described) == [Misfit(("note",), "is missing")]
    assert unfit(list[Described], list[Exact]) == [Misfit(("note",), "is not declared")]
    assert unfit(Described, dict[str, int]) == [
        Misfit(("id",), "can be str, which is not int"),
        Misfit(("note",), "can be str, which is not int"),
    ]


# Against msgspec

SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=3),
    int: st.integers(-9, 9),
    float: st.floats(-9, 9),
    bool: st.booleans(),
    type(None): st.none(),
}
Shape = tuple[Any, st.SearchStrategy[Any]]
"""A type with its values."""

_FIELDS = ("a", "b", "c")


def _listed(inner: Shape) -> Shape:
    return GenericAlias(list, (inner[0],)), st.lists(inner[1], max_size=2)


def _of_object(members: dict[str, Shape], forbids: bool) -> Shape:
    kind = msgspec.defstruct(
        "Object", [(key, inner[0]) for key, inner in members.items()], forbid_unknown_fields=forbids
    )
    return kind, st.fixed_dictionaries({key: inner[1] for key, inner in members.items()})


def _either(one: Shape, other: Shape) -> Shape:
    return Union[one[0], other[0]], one[1] | other[1]  # noqa: UP007 - made of what is drawn


simple_shapes: st.SearchStrategy[Shape] = st.sampled_from([*SIMPLE.items()])
shapes: st.SearchStrategy[Shape] = st.recursive(
    simple_shapes | st.builds(_either, simple_shapes, simple_shapes),
    lambda inner: (
        st.builds(_listed, inner)
        | st.builds(_of_object, st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=3), st.booleans())
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), one=shapes, other=shapes)
def test_a_value_of_a_type_that_fits_is_taken(data: st.DataObject, one: Shape, other: Shape) -> None:
    if unfit(one[0], other[0]):
        return
    value = data.draw(one[1])

    assert msgspec.convert(value, other[0]) is not msgspec.UNSET


@settings(max_examples=200, deadline=None)
@given(data=st.data(), shape=shapes)
def test_every_type_fits_itself(data: st.DataObject, shape: Shape) -> None:
    kind, values = shape

    assert unfit(kind, kind) == []
    assert msgspec.convert(data.draw(values), kind) is not msgspec.UNSET
