"""
What an input on a screen takes, as a phone holds people to it. A pattern that cannot be read holds nobody to it.

Source: Meta, "Components". The naive model: written from the page, not from the linter or the machine.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from msgspec import UNSET, Struct

from definitions.flow_json.document import Version
from definitions.simulation.patterns import compiled

START, END = "start-date", "end-date"
"""The keys of a range of dates."""

ANY_DAYS: Final = date(1900, 1, 1), date(2100, 12, 31)
"""The days that a picker offers unless it says others."""

TEXT_LENGTH, AREA_LENGTH = 80, 600
"""How many characters fit where nothing else is said."""

MOST_FILES = 30

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_DATES_WITHOUT_TIME: Version = 5, 0
_STAMP = re.compile(r"-?[0-9]{1,15}")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+?[0-9 ()-]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Calendar(Struct, frozen=True):
    """
    The days that a picker offers; *stamps* says that it yields milliseconds since 1970 instead of `YYYY-MM-DD`.

    *ranged* is a CalendarPicker of two days, from *least* to *most* of them apart.
    """

    first: date = ANY_DAYS[0]
    last: date = ANY_DAYS[1]
    unavailable: frozenset[date] = frozenset()
    weekdays: frozenset[str] = frozenset(WEEKDAYS)
    stamps: bool = False
    ranged: bool = False
    least: int = 0
    most: int | None = None

    def offers(self, day: date | None) -> bool:
        """Return whether *day* can be picked."""
        if day is None or not self.first <= day <= self.last:
            return False
        return day not in self.unavailable and WEEKDAYS[day.weekday()] in self.weekdays

    def offers_range(self, start: date | None, end: date | None) -> bool:
        """Return whether the days from *start* to *end* can be picked."""
        if start is None or end is None or not (self.offers(start) and self.offers(end)):
            return False
        length = (end - start).days
        return length >= max(self.least, 0) and (self.most is None or length <= self.most)

    def days(self, *, backwards: bool = False) -> Iterator[date]:
        """Yield the days that can be picked, the first ones first or the last ones."""
        span = (self.last - self.first).days
        for offset in range(span + 1):
            day = self.last - timedelta(offset) if backwards else self.first + timedelta(offset)
            if self.offers(day):
                yield day

    def write(self, day: date) -> str:
        """Return *day* as the picker yields it."""
        if not self.stamps:
            return day.isoformat()
        return str(int((datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH).total_seconds() * 1000))

    def read(self, value: Any) -> date | None:
        """Return the day that a value of the picker is, if it is one."""
        return read_day(value, stamps=self.stamps)


class Input(Struct, frozen=True):
    """
    An input that can be seen: its *name* in the form, its *type*, and what limits its value.

    *options* can be chosen, *shut* are listed and cannot. *least* and *most* bound characters, choices or files.
    *asks* says that choosing a value calls the endpoint at once.
    """

    name: str
    type: str
    required: bool = False
    enabled: bool = True
    options: tuple[str, ...] = ()
    shut: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None
    kind: str = ""
    pattern: str = ""
    calendar: Calendar | None = None
    asks: bool = False

    def takes(self, value: Any) -> bool:
        """Return whether a phone lets the screen be submitted with *value*; UNSET is a field never touched."""
        if is_empty(value):
            return not self.required
        if self.calendar is not None:
            return self._takes_days(self.calendar, value)
        match self.type:
            case "OptIn":
                return value is True
            case "RadioButtonsGroup" | "Dropdown":
                return isinstance(value, str) and value in self.options
            case "CheckboxGroup" | "ChipsSelector":
                return self._takes_several(value)
            case "PhotoPicker" | "DocumentPicker":
                return isinstance(value, list) and self.least <= len(value) <= (self.most or MOST_FILES)
        return self._takes_text(value)

    def _takes_text(self, value: Any) -> bool:
        if self.kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or len(value) < self.least or (self.most is not None and len(value) > self.most):
            return False
        pattern = compiled(self.pattern) if self.pattern else None
        if pattern is not None and not pattern.fullmatch(value):
            return False
        form = {"number": _NUMBER, "email": _EMAIL, "phone": _PHONE}.get(self.kind)
        return form is None or form.fullmatch(value) is not None

    def _takes_several(self, value: Any) -> bool:
        if not isinstance(value, list) or not all(isinstance(one, str) and one in self.options for one in value):
            return False
        return self.least <= len(value) == len(set(value)) <= (self.most or len(self.options))

    @staticmethod
    def _takes_days(calendar: Calendar, value: Any) -> bool:
        if not calendar.ranged:
            return calendar.offers(calendar.read(value))
        if not isinstance(value, dict) or value.keys() != {START, END}:
            return False
        return calendar.offers_range(calendar.read(value[START]), calendar.read(value[END]))


def is_empty(value: Any) -> bool:
    """Return whether a field of a form holds nothing; an unticked OptIn does not either."""
    return value is UNSET or value is None or value is False or value in ("", [], {})


def read_day(value: Any, *, stamps: bool) -> date | None:
    """Return the day that a text says, or that milliseconds since 1970 do."""
    if not isinstance(value, str):
        return None
    try:
        if stamps:
            if not _STAMP.fullmatch(value):
                return None
            return (_EPOCH + timedelta(milliseconds=int(value))).date()
        day = date.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    return day if day.isoformat() == value else None


def has_stamps(version: Version) -> bool:
    """Return whether dates were milliseconds in that version of Flow JSON."""
    return version < _DATES_WITHOUT_TIME
