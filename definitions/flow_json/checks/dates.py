"""
What DatePickers and CalendarPickers ask for.

Source: Meta, "Components", DatePicker and CalendarPicker; for the modes of a CalendarPicker also the codes of Meta's
client, which the page's words on each property explain.

Rule 1: dates are YYYY-MM-DD, before 5.0 milliseconds; what is neither is no date here, and the schema says so.
Rule 2: a CalendarPicker whose mode an expression makes is not held to either mode.
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from definitions.flow_json.checks.inputs import counted, initial_values
from definitions.flow_json.document import Component, FlowDocument
from definitions.flow_json.examples import component, flow, last
from definitions.flow_json.expressions import is_dynamic
from definitions.flow_json.rule import COMPONENTS as COMPONENTS_PAGE
from definitions.flow_json.rule import OBSERVED, OURS, REFUSED, error, warning
from definitions.flow_json.table import COMPONENTS, DATE, DATES_SINCE, MILLISECONDS, WEEKDAYS, effective
from definitions.json_text import escape
from engine.errors import Problem

PICKERS = ("DatePicker", "CalendarPicker")
RANGE_KEYS = ("start-date", "end-date")
RANGE_ONLY = ("title", "description", "min-days", "max-days")
"""The properties that a CalendarPicker has in range mode only."""

_RANGED = tuple(each.name for each in COMPONENTS["CalendarPicker"].properties if each.ranged)
Place = tuple[str, Any]
"""A value behind its place."""

Reader = Callable[[Any], int | None]
"""Reads a date as a number by which dates compare."""


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield the dates that do not fit one another, and the pickers that do not fit their mode."""
    read = _day if effective(flow.version) >= DATES_SINCE else _milliseconds
    for each in flow.listed:
        for found in each.of_type(*PICKERS):
            yield from _unreal_problems(_dates(found))
            yield from _order_problems(found, read)
            if found.type == "CalendarPicker":
                yield from _unavailable_problems(found, read)
                yield from _mode_problems(found)
        for found, pointer, value in initial_values(each):
            if found.type in PICKERS:
                yield from _unreal_problems(_parts(pointer, value))
                yield from _initial_problems(found, pointer, value, read)


def _picker(**more: Any) -> dict[str, Any]:
    return flow(last(component("DatePicker", name="day", label="Day", **more)))


def _calendar(**more: Any) -> dict[str, Any]:
    return flow(last(component("CalendarPicker", name="days", **{"label": "Day", **more})))


_FROM_TO = {"start-date": "From", "end-date": "To"}

# Dates

REAL = warning(
    "date-real",
    "INVALID_PROPERTY_VALUE_FORMAT",
    "A date is one of the calendar.",
    why="The phone ignores it, or shows another day.",
    source=OURS,
    breaks=_picker(min_date="2026-02-31"),
    keeps=_picker(min_date="2026-02-28"),
)
ORDER = error(
    "date-range",
    "INVALID_DATE_RANGE",
    "The first date that can be chosen is not after the last one.",
    why=REFUSED,
    source=OBSERVED,
    breaks=_picker(min_date="2026-03-02", max_date="2026-03-01"),
    keeps=_picker(min_date="2026-03-01", max_date="2026-03-01"),
)
INITIAL = warning(
    "init-value-date",
    "INVALID_DATE_RANGE",
    "The date that a picker begins with can be chosen.",
    why="The picker begins with no date, or with one that it refuses.",
    source=OURS,
    breaks=_picker(min_date="2026-03-01", init_value="2026-02-28"),
    keeps=_picker(min_date="2026-03-01", init_value="2026-03-01"),
)
UNAVAILABLE = error(
    "unavailable-dates",
    "INVALID_DATE_RANGE",
    "The dates that a CalendarPicker makes unavailable lie between its min-date and its max-date.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_calendar(min_date="2026-03-01", unavailable_dates=["2026-02-28"]),
    keeps=_calendar(min_date="2026-03-01", unavailable_dates=["2026-03-02"]),
)


def _day(value: Any) -> int | None:
    """Return a date that stands in the document as a number, None for what is none."""
    match = DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        return date(*map(int, match.groups())).toordinal() if match else None
    except ValueError:
        return None


def _milliseconds(value: Any) -> int | None:
    """Return a date as it was written before 5.0 as a number, None for what is none."""
    return int(value) if isinstance(value, str) and MILLISECONDS.fullmatch(value) else None


def _parts(pointer: str, value: Any) -> Iterator[Place]:
    """Yield the dates of a value: itself, or those of its range."""
    if isinstance(value, dict):
        for key in RANGE_KEYS:
            if key in value:
                yield f"{pointer}/{key}", value[key]
    else:
        yield pointer, value


def _unavailable(found: Component) -> Iterator[Place]:
    dates = found.properties.get("unavailable-dates")
    for index, each in enumerate(dates if isinstance(dates, list) else []):
        yield f"{found.pointer}/unavailable-dates/{index}", each


def _dates(found: Component) -> Iterator[Place]:
    for key in ("min-date", "max-date"):
        if key in found.properties:
            yield f"{found.pointer}/{key}", found.properties[key]
    yield from _unavailable(found)


def _unreal_problems(dates: Iterator[Place]) -> Iterator[Problem]:
    for pointer, value in dates:
        if isinstance(value, str) and DATE.fullmatch(value) and _day(value) is None:
            yield REAL.at(pointer, f"there is no {value} in the calendar")


def _order_problems(found: Component, read: Reader) -> Iterator[Problem]:
    first, final = read(found.properties.get("min-date")), read(found.properties.get("max-date"))
    if first is not None and final is not None and first > final:
        yield ORDER.at(f"{found.pointer}/min-date", "min-date is after max-date, so no date can be chosen")


def _beyond(found: Component, moment: int, read: Reader) -> str:
    """Return on which side a date lies outside of what can be chosen, or nothing."""
    first, final = read(found.properties.get("min-date")), read(found.properties.get("max-date"))
    if first is not None and moment < first:
        return "the date is before min-date"
    return "the date is after max-date" if final is not None and moment > final else ""


def _unavailable_problems(found: Component, read: Reader) -> Iterator[Problem]:
    for pointer, value in _unavailable(found):
        moment = read(value)
        if moment is not None and (side := _beyond(found, moment, read)):
            yield UNAVAILABLE.at(pointer, side)


def _initial_problems(found: Component, pointer: str, value: Any, read: Reader) -> Iterator[Problem]:
    unavailable = {read(each) for _, each in _unavailable(found)}
    moments = []
    for there, part in _parts(pointer, value):
        moment = read(part)
        if moment is None:
            continue
        moments.append(moment)
        refusal = "the date is unavailable" if moment in unavailable else _beyond(found, moment, read)
        if refusal or (refusal := _wrong_weekday(found, moment)):
            yield INITIAL.at(there, refusal)
    if moments != sorted(moments):
        yield INITIAL.at(pointer, "start-date is after end-date")


def _wrong_weekday(found: Component, day: int) -> str:
    """Return that a CalendarPicker leaves out a date's day of the week, or nothing."""
    listed = found.properties.get("include-days")
    weekday = WEEKDAYS[day % 7 - 1]
    if found.type != "CalendarPicker" or not isinstance(listed, list) or weekday in listed:
        return ""
    static = listed and all(isinstance(each, str) and not is_dynamic(each) for each in listed)
    return f"the date is a {weekday}, which is not among include-days" if static else ""


# The modes of a CalendarPicker

DAYS = error(
    "calendar-days",
    "INVALID_MIN_MAX_DAYS",
    "The fewest days of a range are no more than the most.",
    why=REFUSED,
    source=OBSERVED,
    breaks=_calendar(mode="range", label=_FROM_TO, min_days=7, max_days=2),
    keeps=_calendar(mode="range", label=_FROM_TO, min_days=2, max_days=7),
)
SINGLE_INITIAL = error(
    "calendar-single-init",
    "INVALID_DATE_SINGLE_INIT_VALUE_FORMAT",
    "A CalendarPicker for a single date begins with one date.",
    why=REFUSED,
    source=OBSERVED,
    breaks=_calendar(init_value={"start-date": "2026-03-01", "end-date": "2026-03-04"}),
    keeps=_calendar(init_value="2026-03-01"),
)
BY_MODE = error(
    "calendar-mode",
    "INVALID_TYPE",
    "A CalendarPicker for a range says label, helper-text, required, init-value and error-message for start-date and"
    " end-date; one for a single date says them once.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_calendar(mode="range", label="Days"),
    keeps=_calendar(mode="range", label=_FROM_TO),
)
RANGE_LABEL = error(
    "calendar-range-label",
    "MISSING_CALENDAR_PICKER_RANGE_MODE_PROP",
    "The label of a CalendarPicker for a range has a start-date and an end-date.",
    why=REFUSED,
    source=OBSERVED,
    breaks=_calendar(mode="range", label={"start-date": "From"}),
    keeps=_calendar(mode="range", label=_FROM_TO),
)
RANGE_PROPERTY = error(
    "calendar-range-only",
    "INVALID_PROPERTY_NAME_FOR_CONDITION",
    "Only a CalendarPicker for a range has title, description, min-days and max-days.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_calendar(title="Your stay"),
    keeps=_calendar(mode="range", label=_FROM_TO, title="Your stay"),
)
RANGE_NAME = error(
    "calendar-range-keys",
    "UNEXPECTED_CALENDAR_PICKER_RANGE_MODE_PROP",
    "What a CalendarPicker says for a range, it says for start-date and end-date and for nothing else.",
    why=REFUSED,
    source=OBSERVED,
    breaks=_calendar(mode="range", label={**_FROM_TO, "middle": "Noon"}),
    keeps=_calendar(mode="range", label=_FROM_TO),
)


def _mode_problems(found: Component) -> Iterator[Problem]:
    mode = found.properties.get("mode", "single")
    if mode == "range":
        yield from _range_problems(found)
    elif mode == "single":
        yield from _single_problems(found)


def _range_problems(found: Component) -> Iterator[Problem]:
    least, most = counted(found.properties.get("min-days")), counted(found.properties.get("max-days"))
    if least is not None and most is not None and least > most:
        yield DAYS.at(f"{found.pointer}/min-days", "min-days is more than max-days")
    for key in _RANGED:
        value = found.properties.get(key)
        there = f"{found.pointer}/{key}"
        if value is None or is_dynamic(value):
            continue
        if not isinstance(value, dict):
            yield BY_MODE.at(there, f"in range mode {key} must be an object of start-date and end-date")
            continue
        for name in value:
            if name not in RANGE_KEYS:
                yield RANGE_NAME.at(f"{there}/{escape(name)}", f"{key} can have start-date and end-date only")
        missing = [name for name in RANGE_KEYS if name not in value]
        if key == "label" and missing:
            yield RANGE_LABEL.at(there, f"label has no {' and no '.join(missing)}")


def _single_problems(found: Component) -> Iterator[Problem]:
    for key in RANGE_ONLY:
        if key in found.properties:
            yield RANGE_PROPERTY.at(f"{found.pointer}/{key}", f"{key} is for a CalendarPicker in range mode")
    for key in _RANGED:
        if isinstance(found.properties.get(key), dict):
            rule = SINGLE_INITIAL if key == "init-value" else BY_MODE
            yield rule.at(f"{found.pointer}/{key}", f"in single mode {key} must be one value, not an object of two")
