"""
What people and attackers put into an input: values that a phone takes, and values that break each limit.

Rule 1: no chance: the same input gives the same values in the same order, the usual one first.
Rule 2: a broken value says what is wrong with it; a phone would not let it through, a call of somebody else's may.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from definitions.simulation.inputs import END, MOST_FILES, START, Calendar, Input
from definitions.simulation.patterns import matching

LONG = 10_000
"""How many characters of a text are surely too many."""

_USUAL_DAYS: Final = date(2026, 1, 2), date(1990, 5, 17)
"""Days that people pick where any can be: one ahead, one of birth."""

_WORD = "Asha"
_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "text": (_WORD, "Zoë O'Neill-نور"),
    "number": ("42", "1", "0"),
    "email": ("asha@example.com",),
    "phone": ("+919876500000", "9876500000"),
    "password": ("Secret-123",),
    "passcode": ("123456", "1234"),
}
_FILL: Final = {"number": "1", "phone": "9", "passcode": "7"}
"""What makes a text longer, by what is typed; letters elsewhere."""

_KEY = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
_FILE: Final[dict[str, Any]] = {
    "cdn_url": "https://mmg.whatsapp.net/invented",
    "encryption_metadata": dict.fromkeys(
        ("encrypted_hash", "iv", "encryption_key", "hmac_key", "plaintext_hash"), _KEY
    ),
}


class Broken(Struct, frozen=True):
    """A value that no phone sends, UNSET where the key is left out, and in a word or two what is wrong with it."""

    kind: str
    value: Any


def sound(given: Input) -> tuple[Any, ...]:
    """
    Return values that a phone takes for an input, the most usual first; UNSET is a field that nobody touched.

    None are returned for an input that nobody can fill, such as a required choice of nothing.
    """
    values = [value for value in _candidates(given) if given.takes(value)]
    if not given.required:
        values += [*_emptied(given), UNSET]
    seen: dict[bytes, Any] = {}
    for value in values:
        seen.setdefault(written(value), value)
    return tuple(seen.values())


def broken(given: Input) -> tuple[Broken, ...]:
    """Return values that break each limit of an input, one by one, and values that break anything."""
    found = (*_breaking(given), *ANYTHING)
    return tuple(each for each in found if not given.takes(each.value))


def written(value: Any) -> bytes:
    """Return *value* as bytes by which it can be told from others."""
    return b"" if value is UNSET else msgspec.json.encode(value, order="deterministic")


ANYTHING: Final = (
    Broken("left out", UNSET),
    Broken("null", None),
    Broken("an empty text", ""),
    Broken("another type", 7),
    Broken("another type", ["x"]),
    Broken("another type", True),
    Broken("a nested object", {"a": {"b": [1, {"c": None}]}}),
    Broken("10,000 characters", "x" * LONG),
)
"""What breaks any field."""

PAYLOADS: Final = (
    Broken("an empty payload", {}),
    Broken("a payload that is null", None),
    Broken("a payload that is a list", ["x"]),
    Broken("a payload that is a text", "x"),
)
"""What breaks a whole call."""


def _candidates(given: Input) -> Iterator[Any]:
    """Yield what people could put in; not all of it fits every limit."""
    if given.calendar is not None:
        yield from _days(given.calendar)
        return
    match given.type:
        case "OptIn":
            yield True
        case "RadioButtonsGroup" | "Dropdown":
            yield from given.options
        case "CheckboxGroup" | "ChipsSelector":
            yield from _choices(given)
        case "PhotoPicker" | "DocumentPicker":
            for count in (max(given.least, 1), given.most or MOST_FILES):
                yield _files(count)
        case _:
            yield from _texts(given)


def _emptied(given: Input) -> Iterator[Any]:
    """Yield what a field holds that was filled and emptied again."""
    if given.type == "OptIn":
        yield False
    elif given.type in ("CheckboxGroup", "ChipsSelector", "PhotoPicker", "DocumentPicker"):
        yield []
    else:
        yield ""


def _texts(given: Input) -> Iterator[Any]:
    fill = _FILL.get(given.kind, "a")
    if given.pattern:
        yield from matching(given.pattern, given.least, given.most)
    for text in _TEXTS.get(given.kind, _TEXTS["text"]):
        yield text
        yield text.ljust(given.least, fill)
        yield text[: given.most]
    if given.kind == "number":
        yield 42
    yield from _sized(given, max(given.least, 1), fill)
    if given.most is not None:
        yield from _sized(given, given.most, fill)


def _sized(given: Input, length: int, fill: str) -> Iterator[str]:
    """Yield a text of so many characters."""
    tail = "@example.com" if given.kind == "email" else ""
    if length > len(tail):
        yield fill * (length - len(tail)) + tail


def _choices(given: Input) -> Iterator[list[str]]:
    """Yield choices of several: each option, with as many others as it takes, and as many as may be."""
    least, most = max(given.least, 1), given.most or len(given.options)
    for option in given.options:
        others = [other for other in given.options if other != option]
        chosen = {option, *others[: least - 1]}
        yield [each for each in given.options if each in chosen]
    yield list(given.options[:most])


def _days(calendar: Calendar) -> Iterator[Any]:
    usual = [day for day in _USUAL_DAYS if calendar.offers(day)]
    first = next(calendar.days(), None)
    last = next(calendar.days(backwards=True), None)
    ends = [day for day in (first, last) if day is not None]
    if not calendar.ranged:
        yield from map(calendar.write, (*usual, *ends))
        return
    for start in (*usual, *ends):
        for end in islice(_ends(calendar, start), 2):
            yield {START: calendar.write(start), END: calendar.write(end)}


def _ends(calendar: Calendar, start: date) -> Iterator[date]:
    """Yield the days that a range from *start* can end with: the longest it may be, and the shortest."""
    span = calendar.most if calendar.most is not None else (calendar.last - start).days
    lengths = range(calendar.least, min(span, (calendar.last - start).days) + 1)
    for way in (reversed(lengths), lengths):
        found = (start + timedelta(length) for length in way)
        end = next((end for end in found if calendar.offers(end)), None)
        if end is not None:
            yield end


def _files(count: int) -> list[dict[str, Any]]:
    return [{**_FILE, "media_id": f"media-{number}", "file_name": f"file-{number}.jpg"} for number in range(count)]


def _breaking(given: Input) -> Iterator[Broken]:
    """Yield what breaks the limits that an input has."""
    if given.calendar is not None:
        yield from _broken_days(given.calendar)
        return
    match given.type:
        case "RadioButtonsGroup" | "Dropdown":
            yield Broken("an unknown option", "no_such_option")
            yield from (Broken("a disabled option", option) for option in given.shut[:1])
        case "CheckboxGroup" | "ChipsSelector":
            yield from _broken_choices(given)
        case "PhotoPicker" | "DocumentPicker":
            yield Broken("too many files", _files((given.most or MOST_FILES) + 1))
            yield Broken("too few files", _files(given.least - 1) if given.least else [])
            yield Broken("a file that is none", [{"media_id": "media-0"}])
        case "TextInput" | "TextArea":
            yield from _broken_texts(given)


def _broken_texts(given: Input) -> Iterator[Broken]:
    usual = next((value for value in _texts(given) if isinstance(value, str) and given.takes(value)), _WORD)
    if given.most is not None:
        yield Broken("too long", usual + usual[-1:] * (given.most + 1 - len(usual)))
    if given.least > 1:
        yield Broken("too short", usual[: given.least - 1])
    if given.kind == "number":
        yield Broken("no number", "forty-two")
        yield Broken("a number beyond 64 bits", "9" * 40)
        yield Broken("no number", "NaN")
    if given.kind == "email":
        yield Broken("no address", "asha at example")
    if given.kind == "phone":
        yield Broken("no phone number", "call me")
    if given.pattern:
        yield Broken("not of the pattern", "\N{PILE OF POO}")
    yield Broken("control characters", "a\x00b\r\n\u202e")


def _broken_choices(given: Input) -> Iterator[Broken]:
    least = max(given.least, 1)
    yield Broken("an unknown option", [*given.options[: least - 1], "no_such_option"])
    yield from (Broken("a disabled option", [*given.options[: least - 1], option]) for option in given.shut[:1])
    if given.most is not None:
        yield Broken("too many options", list(given.options[: given.most + 1]))
    if given.least > 1:
        yield Broken("too few options", list(given.options[: given.least - 1]))
    yield Broken("an option twice", [*given.options[:1] * 2, *given.options[1:least]])
    yield Broken("an option that is no text", [None])


def _broken_days(calendar: Calendar) -> Iterator[Broken]:
    wrong = [Broken("no date", "2026-02-30"), Broken("no date", "tomorrow")]
    for kind, end, days in (("before the first day", calendar.first, -1), ("after the last day", calendar.last, 1)):
        if date.min < end < date.max:
            wrong.append(Broken(kind, calendar.write(end + timedelta(days))))
    within = [day for day in sorted(calendar.unavailable) if calendar.first <= day <= calendar.last]
    wrong += [Broken("an unavailable day", calendar.write(day)) for day in within[:1]]
    usual = next(calendar.days(), None)
    if not calendar.ranged or usual is None:
        yield from wrong
        return
    day = calendar.write(usual)
    yield from (Broken(each.kind, {START: day, END: each.value}) for each in wrong)
    yield Broken("half a range", {START: day})
    yield Broken("no range", day)
    if calendar.most is not None:
        yield Broken("a range too long", {START: day, END: calendar.write(usual + timedelta(calendar.most + 1))})
    if usual > date.min:
        yield Broken("a range backwards", {START: day, END: calendar.write(usual - timedelta(1))})
