from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.flow_json.checks import dates
from definitions.flow_json.document import read_document
from definitions.flow_json.examples import component, flow, screen
from definitions.flow_json.rule import RULES
from tests.definitions.documents import json_values, leads_somewhere, mutated

HERE = "/screens/0/layout/children/0"
RANGE, FORMAT = "INVALID_DATE_RANGE", "INVALID_PROPERTY_VALUE_FORMAT"
FROM_TO = {"start-date": "From", "end-date": "To"}


def found(child: Any, version: str = "7.3") -> list[tuple[str, str, str]]:
    """Return what the check finds in a component: places, codes and how grave they are."""
    document = flow(screen("LAST", child), version=version)
    problems = dates.problems(read_document(document))
    return sorted((each.pointer.removeprefix(HERE), each.code, each.severity) for each in problems)


def picker(**more: Any) -> Any:
    return component("DatePicker", name="day", label="Day", **more)


def calendar(**more: Any) -> Any:
    return component("CalendarPicker", name="day", **{"label": "Day", **more})


def stay(**more: Any) -> Any:
    return calendar(**{"mode": "range", "label": FROM_TO, **more})


# Dates


@pytest.mark.parametrize(
    ("child", "version", "expected"),
    [
        pytest.param(picker(min_date="2024-02-29", max_date="2025-02-28"), "7.3", [], id="real ones"),
        pytest.param(picker(min_date="2025-02-29"), "7.3", ["/min-date"], id="no leap year"),
        pytest.param(picker(max_date="2025-13-01"), "7.3", ["/max-date"], id="no month"),
        pytest.param(
            picker(unavailable_dates=["2025-02-28", "2025-02-30", "0000-01-01"]),
            "7.3",
            ["/unavailable-dates/1", "/unavailable-dates/2"],
            id="unavailable",
        ),
        pytest.param(picker(init_value="2025-04-31"), "7.3", ["/init-value"], id="the first one shown"),
        pytest.param(
            stay(init_value={"start-date": "2025-04-31", "end-date": "2025-05-01"}),
            "7.3",
            ["/init-value/start-date"],
            id="of a range",
        ),
        pytest.param(
            component("Form", name="f", children=[picker()], init_values={"day": "2025-04-31"}),
            "7.3",
            ["/init-values/day"],
            id="from the Form",
        ),
        pytest.param(picker(min_date="1 March 2025", max_date="${data.last}"), "7.3", [], id="no dates"),
        pytest.param(picker(min_date="1709164800000"), "4.0", [], id="milliseconds"),
        pytest.param(component("TextInput", name="a", init_value="2025-04-31"), "7.3", [], id="a text"),
    ],
)
def test_dates_are_in_the_calendar(child: Any, version: str, expected: list[str]) -> None:
    assert found(child, version) == [(pointer, FORMAT, "warning") for pointer in expected]


@pytest.mark.parametrize(
    ("first", "final", "version", "refused"),
    [
        pytest.param("2026-03-01", "2026-03-01", "7.3", False, id="one day"),
        pytest.param("2026-03-02", "2026-03-01", "7.3", True, id="the wrong way round"),
        pytest.param("2026-03-02", "2026-03-01", "seven", True, id="the wrong way round in an unknown version"),
        pytest.param("9", "10", "4.0", False, id="as numbers"),
        pytest.param("10", "9", "4.0", True, id="milliseconds the wrong way round"),
        pytest.param("10", "9", "5.0", False, id="no dates any more, another fault"),
        pytest.param("2026-03-02", "2026-03-01", "4.0", False, id="no dates yet, another fault"),
        pytest.param("2026-03-02", "${data.last}", "7.3", False, id="what the phone knows"),
        pytest.param(20260302, 20260301, "7.3", False, id="no texts, another fault"),
    ],
)
@pytest.mark.parametrize("of", [picker, calendar], ids=["DatePicker", "CalendarPicker"])
def test_there_is_a_date_to_choose(of: Any, first: Any, final: Any, version: str, refused: bool) -> None:
    assert found(of(min_date=first, max_date=final), version) == [("/min-date", RANGE, "error")] * refused


def test_what_a_calendar_makes_unavailable_could_be_chosen_otherwise() -> None:
    bounds = {"min_date": "2026-03-01", "max_date": "2026-03-31"}
    days = ["2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01", "${data.day}"]

    assert found(calendar(**bounds, unavailable_dates=days)) == [
        ("/unavailable-dates/0", RANGE, "error"),
        ("/unavailable-dates/3", RANGE, "error"),
    ]
    assert found(picker(**bounds, unavailable_dates=days)) == []


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        pytest.param(picker(min_date="2026-03-01", init_value="2026-03-01"), [], id="on the first day"),
        pytest.param(picker(min_date="2026-03-01", init_value="2026-02-28"), ["/init-value"], id="before it"),
        pytest.param(picker(max_date="2026-03-01", init_value="2026-03-02"), ["/init-value"], id="after the last"),
        pytest.param(
            picker(unavailable_dates=["2026-03-02"], init_value="2026-03-02"), ["/init-value"], id="unavailable"
        ),
        pytest.param(calendar(include_days=["Mon"], init_value="2026-03-02"), [], id="on its weekday"),
        pytest.param(calendar(include_days=["Mon"], init_value="2026-03-01"), ["/init-value"], id="on a Sunday"),
        pytest.param(calendar(include_days=["${data.day}"], init_value="2026-03-01"), [], id="weekdays as data"),
        pytest.param(calendar(include_days=[], init_value="2026-03-01"), [], id="no weekdays, another fault"),
        pytest.param(picker(include_days=["Mon"], init_value="2026-03-01"), [], id="weekdays elsewhere, another fault"),
        pytest.param(stay(init_value={"start-date": "2026-03-01", "end-date": "2026-03-01"}), [], id="a day's range"),
        pytest.param(
            stay(init_value={"start-date": "2026-03-02", "end-date": "2026-03-01"}), ["/init-value"], id="backwards"
        ),
        pytest.param(
            stay(max_date="2026-03-05", init_value={"start-date": "2026-03-04", "end-date": "2026-03-07"}),
            ["/init-value/end-date"],
            id="a range beyond the last day",
        ),
        pytest.param(
            component("Form", name="f", children=[picker(min_date="2026-03-01")], init_values={"day": "2026-02-28"}),
            ["/init-values/day"],
            id="from the Form",
        ),
    ],
)
def test_the_date_that_a_picker_begins_with_can_be_chosen(child: Any, expected: list[str]) -> None:
    assert found(child) == [(pointer, RANGE, "warning") for pointer in expected]


@given(day=st.dates())
def test_weekdays_are_those_of_the_calendar(day: date) -> None:
    weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

    chosen = calendar(include_days=[weekdays[day.weekday()]], init_value=day.isoformat())

    assert found(chosen) == []


# The modes of a CalendarPicker

NAME, TYPE, LABEL, KEYS = (
    "INVALID_PROPERTY_NAME_FOR_CONDITION",
    "INVALID_TYPE",
    "MISSING_CALENDAR_PICKER_RANGE_MODE_PROP",
    "UNEXPECTED_CALENDAR_PICKER_RANGE_MODE_PROP",
)


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        pytest.param(stay(title="Stay", description="Days", min_days=1, max_days=9), [], id="all of a range"),
        pytest.param(
            calendar(title="Stay", description="Days", min_days=1, max_days=9),
            [("/description", NAME), ("/max-days", NAME), ("/min-days", NAME), ("/title", NAME)],
            id="what only a range has",
        ),
        pytest.param(calendar(mode="single", title="Stay"), [("/title", NAME)], id="the mode said"),
        pytest.param(calendar(mode="${data.mode}", title="Stay", min_days=9, max_days=1), [], id="a mode as data"),
        pytest.param(calendar(mode="several", title="Stay"), [], id="no mode, another fault"),
        pytest.param(stay(min_days=9, max_days=1), [("/min-days", "INVALID_MIN_MAX_DAYS")], id="days backwards"),
        pytest.param(stay(min_days=9, max_days=9), [], id="as many days"),
        pytest.param(
            stay(label="Days", helper_text="Which", required=True, error_message="No", init_value="2026-03-01"),
            [
                ("/error-message", TYPE),
                ("/helper-text", TYPE),
                ("/init-value", TYPE),
                ("/label", TYPE),
                ("/required", TYPE),
            ],
            id="once for a range",
        ),
        pytest.param(
            stay(label="${data.label}", helper_text="`'a' 'b'`", required="${data.must}"), [], id="what the phone knows"
        ),
        pytest.param(
            calendar(label=FROM_TO, helper_text=FROM_TO, required={}, error_message=FROM_TO, init_value={}),
            [
                ("/error-message", TYPE),
                ("/helper-text", TYPE),
                ("/init-value", "INVALID_DATE_SINGLE_INIT_VALUE_FORMAT"),
                ("/label", TYPE),
                ("/required", TYPE),
            ],
            id="twice for a date",
        ),
        pytest.param(stay(label={"end-date": "To"}), [("/label", LABEL)], id="half a label"),
        pytest.param(stay(required={"end-date": True}), [], id="one of the dates required"),
        pytest.param(
            stay(label={**FROM_TO, "a/b": "?"}, required={"start": True}),
            [("/label/a~1b", KEYS), ("/required/start", KEYS)],
            id="other keys",
        ),
    ],
)
def test_a_calendar_says_what_its_mode_asks_for(child: Any, expected: list[tuple[str, str]]) -> None:
    assert found(child) == [(pointer, code, "error") for pointer, code in expected]


# Whatever comes

OWN = [rule.breaks for rule in RULES.values() if isinstance(rule.breaks, dict)]


@settings(max_examples=150, deadline=None)
@given(document=mutated(OWN) | json_values)
def test_any_document_is_judged_and_every_place_is_in_it(document: Any) -> None:
    if isinstance(document, dict):
        for each in dates.problems(read_document(document)):
            assert leads_somewhere(document, each.pointer)
            assert RULES[each.rule].code == each.code
