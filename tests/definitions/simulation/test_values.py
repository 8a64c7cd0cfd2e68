"""Values for inputs: those that a phone takes, and those that break a limit; inputs, forms, and texts for patterns."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from definitions.simulation.inputs import END, START, WEEKDAYS, Calendar, Input, read_day
from definitions.simulation.patterns import compiled, matching
from definitions.simulation.values import broken, sound, written

DAY = date(2026, 3, 2)
"""A Monday."""


def kinds(field: Input) -> set[str]:
    """Return how an input is broken."""
    return {each.kind for each in broken(field)}


# What always holds

ids = st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=5).map(tuple)
days = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Return any picker's days."""
    first = draw(days)
    return Calendar(
        first=first,
        last=first + timedelta(draw(st.integers(0, 40))),
        unavailable=draw(st.frozensets(days, max_size=4)) | draw(st.sampled_from([frozenset(), frozenset({first})])),
        weekdays=draw(st.frozensets(st.sampled_from(WEEKDAYS), min_size=1)),
        stamps=draw(st.booleans()),
        ranged=draw(st.booleans()),
        least=draw(st.integers(0, 3)),
        most=draw(st.none() | st.integers(3, 9)),
    )


@st.composite
def inputs(draw: st.DrawFn) -> Input:
    """Return any input."""
    kind = draw(
        st.sampled_from([
            "TextInput", "TextArea", "OptIn", "RadioButtonsGroup", "Dropdown", "CheckboxGroup", "ChipsSelector",
            "DatePicker", "CalendarPicker", "PhotoPicker",
        ])
    )  # fmt: skip
    least = draw(st.integers(0, 3))
    return Input(
        name="it",
        type=kind,
        required=draw(st.booleans()),
        options=draw(ids),
        shut=("shut-1", "shut-2"),
        least=least,
        most=draw(st.none() | st.integers(least, least + 10)),
        kind=draw(st.sampled_from(["text", "number", "email", "phone", "password", "passcode"])),
        calendar=draw(calendars()) if kind in ("DatePicker", "CalendarPicker") else None,
    )


@settings(max_examples=400)
@given(field=inputs())
def test_a_phone_takes_what_is_sound_and_not_what_is_broken(field: Input) -> None:
    assert all(field.takes(value) for value in sound(field))
    assert not any(field.takes(each.value) for each in broken(field))
    assert len({written(value) for value in sound(field)}) == len(sound(field))
    assert sound(field) == sound(field)


@settings(max_examples=200)
@given(field=inputs().filter(lambda field: not field.required))
def test_what_is_not_required_can_be_left_and_emptied(field: Input) -> None:
    assert UNSET in sound(field)
    assert any(value in ("", [], False) for value in sound(field) if value is not UNSET)


@settings(max_examples=200)
@given(field=inputs().filter(lambda field: field.required))
def test_what_is_required_is_never_left(field: Input) -> None:
    assert UNSET not in sound(field)
    assert "left out" in kinds(field)


@settings(max_examples=200)
@given(names=ids, required=st.booleans())
def test_every_option_is_chosen(names: tuple[str, ...], *, required: bool) -> None:
    one = sound(Input("it", "Dropdown", required=required, options=names))
    several = sound(Input("it", "CheckboxGroup", required=required, options=names))

    assert {*names} <= {value for value in one if isinstance(value, str)}
    assert {*names} == {name for value in several if isinstance(value, list) for name in value}


# By input


def test_texts_are_usual_odd_shortest_and_longest() -> None:
    values = sound(Input("it", "TextInput", required=True, least=2, most=20, kind="text"))

    assert values[0] == "Asha"
    assert {len(value) for value in values} >= {2, 20}
    assert not any(value.isascii() for value in values if value.startswith("Z"))


def test_a_number_comes_as_a_text_and_as_a_number() -> None:
    field = Input("it", "TextInput", required=True, most=80, kind="number")

    assert {"42", 42} <= {*sound(field)}
    assert {"no number", "a number beyond 64 bits", "too long"} & kinds(field) == {"no number", "too long"}


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (Input("it", "TextInput", most=5, kind="text"), "too long"),
        (Input("it", "TextInput", least=3, most=5, kind="text"), "too short"),
        (Input("it", "TextInput", kind="email"), "no address"),
        (Input("it", "TextInput", kind="phone"), "no phone number"),
        (Input("it", "TextInput", kind="text", pattern="[A-Z]{3}"), "not of the pattern"),
        (Input("it", "Dropdown", options=("a",)), "an unknown option"),
        (Input("it", "Dropdown", options=("a",), shut=("b",)), "a disabled option"),
        (Input("it", "CheckboxGroup", options=("a", "b", "c"), most=2), "too many options"),
        (Input("it", "CheckboxGroup", options=("a", "b", "c"), least=2), "too few options"),
        (Input("it", "CheckboxGroup", options=("a", "b"), shut=("c",)), "a disabled option"),
        (Input("it", "CheckboxGroup", options=("a", "b")), "an option twice"),
        (Input("it", "PhotoPicker", most=2), "too many files"),
        (Input("it", "DatePicker", calendar=Calendar(first=DAY, last=DAY)), "before the first day"),
        (Input("it", "DatePicker", calendar=Calendar(first=DAY, last=DAY)), "after the last day"),
        (
            Input("it", "DatePicker", calendar=Calendar(DAY, DAY + timedelta(1), unavailable=frozenset({DAY}))),
            "an unavailable day",
        ),
        (Input("it", "CalendarPicker", calendar=Calendar(ranged=True)), "half a range"),
        (Input("it", "CalendarPicker", calendar=Calendar(ranged=True)), "a range backwards"),
        (Input("it", "CalendarPicker", calendar=Calendar(ranged=True, most=3)), "a range too long"),
        (Input("it", "OptIn", required=True), "left out"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.type,
)
def test_each_limit_is_broken(field: Input, kind: str) -> None:
    assert kind in kinds(field)


def test_the_first_and_the_last_day_are_picked_and_none_that_is_not_offered() -> None:
    calendar = Calendar(
        DAY, DAY + timedelta(7), unavailable=frozenset({DAY}), weekdays=frozenset({"Mon", "Tue", "Sun"})
    )
    field = Input("it", "DatePicker", required=True, calendar=calendar)

    assert sound(field) == ("2026-03-03", "2026-03-09")


def test_a_range_is_as_long_and_as_short_as_may_be() -> None:
    calendar = Calendar(DAY, DAY + timedelta(9), ranged=True, least=2, most=4)
    field = Input("it", "CalendarPicker", required=True, calendar=calendar)

    lengths = {(read(value[END]) - read(value[START])).days for value in sound(field)}

    assert lengths == {2, 4}


def read(value: str) -> date:
    """Return the day that a text says."""
    return date.fromisoformat(value)


def test_before_five_dates_are_milliseconds() -> None:
    field = Input("it", "DatePicker", required=True, calendar=Calendar(DAY, DAY, stamps=True))

    assert sound(field) == ("1772409600000",)
    assert read_day("1772409600000", stamps=True) == DAY


@pytest.mark.parametrize("value", ["", "2026-02-30", "20260301", "2026-W10-1", None, 7, "9" * 30])
def test_what_is_no_day_is_none(value: Any) -> None:
    assert read_day(value, stamps=False) is None
    assert read_day(value, stamps=True) is None or value == "20260301"


@pytest.mark.parametrize("value", ["1_772_409_600_000", " 1772409600000", "+1772409600000", "١٧٧٢"])
def test_what_only_python_reads_as_a_number_is_no_day(value: str) -> None:
    assert read_day(value, stamps=True) is None


def test_a_required_choice_of_nothing_cannot_be_made() -> None:
    assert sound(Input("it", "Dropdown", required=True)) == ()


# Patterns


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("[A-Z]{2}[0-9]{4}", "AB0123"),
        (r"\d{6}", "012345"),
        (r"^\d{3}-\d{2}$", "012-01"),
        ("(?:foo|bar)+x?", "foo"),
        ("[^a-z]+", "A"),
        (r"a\.b", "a.b"),
        ("[a-c-]{4}", "abc-"),
        (".{5,}", "aaaaa"),
    ],
)
def test_a_text_is_found_for_a_pattern(pattern: str, text: str) -> None:
    assert next(matching(pattern)) == text


@pytest.mark.parametrize("pattern", ["(", "[", "*", r"(?=a)a", r"\b", "a{99999}", "(?P<a>x)", "[]", "\\"])
def test_for_a_pattern_that_is_not_read_there_is_no_text(pattern: str) -> None:
    assert list(matching(pattern)) == []


@pytest.mark.parametrize(("least", "most"), [(0, None), (4, None), (4, 8), (20, 30)])
def test_a_text_for_a_pattern_is_of_the_length_asked_for(least: int, most: int | None) -> None:
    texts = list(matching("[a-z]+", least, most))

    assert texts
    assert all(least <= len(text) <= (most or 99) for text in texts)


@settings(max_examples=300)
@given(pattern=st.text(alphabet="ab01[]()|*+?{},\\d-^$.", max_size=12))
def test_what_is_found_matches_whatever_the_pattern(pattern: str) -> None:
    read = compiled(pattern)

    assert all(read is not None and read.fullmatch(text) for text in matching(pattern))
