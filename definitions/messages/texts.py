"""
Texts with what is known of an order in braces: `Order {order.customerOrderNumber} comes by {case.deadline|date}`.

A placeholder is a path and what is made of its value: `{shipment.courier|or:the courier}`. `{{` and `}}` are braces.

Rule 1: what a path leads to is known when the text is read, so that one that leads nowhere is told then. What a
        merchant's document or an event brings is open: nobody can say what it will not have.
Rule 2: nothing that comes from outside makes a text longer than its place allows, or breaks its line.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from definitions.messages.facts import OPEN, PATHS, Kind, Known
from definitions.orders.times import local_date

MAX_VALUE = 200
"""How many characters of one value are said."""

NOTHING = "-"
"""What stands where there is nothing to say: Meta takes no empty parameter."""

_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class Filter(Struct, frozen=True):
    """What makes a text of a value of one of *kinds*; *takes* says whether it has an argument, after a colon."""

    kinds: frozenset[Kind]
    make: Callable[[Any, str, Known], str]
    takes: bool = False


class Placeholder(Struct, frozen=True):
    """A place in a text for the value at *path*, made into a text by *filters*: each its name and its argument."""

    path: str
    filters: tuple[tuple[str, str], ...] = ()


Text = tuple[str | Placeholder, ...]


class TextInvalid(Exception):
    """A text cannot be read; its message says what is wrong with which placeholder."""


def read_text(text: str) -> Text:
    """
    Return a text's parts.

    Raises:
        TextInvalid: it has a brace too few, or a placeholder that can never be filled.
    """
    parts: list[str | Placeholder] = []
    end = 0
    for found in _PARTS.finditer(text):
        parts.append(text[end : found.start()])
        end = found.end()
        if found.group() in ("{{", "}}"):
            parts.append(found.group()[0])
        elif found.group(1) is None:
            raise TextInvalid(f"a single {found.group()}: a brace that is meant is written twice")
        else:
            parts.append(_placeholder(found.group(1)))
    return tuple(part for part in (*parts, text[end:]) if part != "")


def _placeholder(inside: str) -> Placeholder:
    """
    Return what stands between two braces.

    Raises:
        TextInvalid: its path leads nowhere, or what is to be made of it cannot be.
    """
    path, *made = (part.strip() for part in inside.split("|"))
    kind = kind_of(path)
    filters: list[tuple[str, str]] = []
    for written in made:
        name, colon, argument = written.partition(":")
        known = FILTERS.get(name)
        if known is None:
            raise TextInvalid(f"{{{inside}}}: there is no {name!r}, but {', '.join(FILTERS)}")
        if known.takes != bool(colon):
            raise TextInvalid(
                f"{{{inside}}}: write {name}:TEXT" if known.takes else f"{{{inside}}}: write {name} alone"
            )
        if kind not in known.kinds:
            raise TextInvalid(f"{{{inside}}}: {name} makes nothing of a {kind}")
        filters.append((name, argument))
        kind = kind if known.takes else "text"
    if kind == "time":
        raise TextInvalid(f"{{{inside}}}: a time is said as {path}|date, {path}|time or {path}|moment")
    return Placeholder(path, tuple(filters))


def kind_of(path: str) -> Kind:
    """
    Return what kind of value *path* leads to.

    Raises:
        TextInvalid: it leads nowhere.
    """
    if path in PATHS:
        return PATHS[path]
    root, _, rest = path.partition(".")
    if root in OPEN and rest and all(rest.split(".")):
        return "any"
    known = ", ".join([*PATHS, *(f"{name}.…" for name in sorted(OPEN))])
    raise TextInvalid(f"{{{path}}} leads nowhere: there is {known}")


def written(text: Text) -> int:
    """Return how many characters of a text are its author's own."""
    return sum(len(part) for part in text if isinstance(part, str))


def fill(text: Text, known: Known, limit: int, *, line_breaks: bool = True) -> str:
    """Return a text with its places filled, at most *limit* characters long; without *line_breaks*, in one line."""
    said = "".join(part if isinstance(part, str) else _said(part, known) for part in text)
    if not line_breaks:
        said = " ".join(said.split())
    return (said if len(said) <= limit else f"{said[: limit - 1]}…").strip() or NOTHING


def _said(place: Placeholder, known: Known) -> str:
    value = known.value(place.path)
    for name, argument in place.filters:
        value = FILTERS[name].make(value, argument, known)
    said = " ".join(_plain(value).split())
    return (said if len(said) <= MAX_VALUE else f"{said[: MAX_VALUE - 1]}…") or NOTHING


def _plain(value: Any) -> str:
    """Return a value as text; what is nothing, or has parts, says nothing."""
    if isinstance(value, bool) or value is None or isinstance(value, Mapping | list):
        return ""
    if isinstance(value, float):
        return f"{value:.2f}".removesuffix(".00")
    return str(value)


# What can be made of a value


def _otherwise(value: Any, argument: str, _: Known) -> str:
    return _plain(value).strip() or argument


def _first_word(value: Any, _: str, __: Known) -> str:
    return next(iter(_plain(value).split()), "")


def _money(value: Any, _: str, __: Known) -> str:
    try:
        return f"{float(value):,.2f}"
    except (TypeError, ValueError, OverflowError):
        return ""


def _date(value: Any, _: str, known: Known) -> str:
    if isinstance(value, str):
        try:
            return known.speaker.day(date.fromisoformat(value))
        except ValueError:
            return ""
    return known.speaker.day(local_date(value, known.zone)) if _is_time(value) else ""


def _time(value: Any, _: str, known: Known) -> str:
    return known.speaker.moment(value, known.zone, "clock") if _is_time(value) else ""


def _moment(value: Any, _: str, known: Known) -> str:
    return known.speaker.moment(value, known.zone, "deadline") if _is_time(value) else ""


def _is_time(value: Any) -> bool:
    """Return whether a value is an engine time; 0 says nothing."""
    return isinstance(value, int) and bool(value)


FILTERS: Mapping[str, Filter] = {
    "or": Filter(frozenset({"text", "number", "day", "any"}), _otherwise, takes=True),
    "first": Filter(frozenset({"text", "any"}), _first_word),
    "money": Filter(frozenset({"number", "any"}), _money),
    "date": Filter(frozenset({"time", "day"}), _date),
    "time": Filter(frozenset({"time"}), _time),
    "moment": Filter(frozenset({"time"}), _moment),
}
"""What can be made of a value: `or:TEXT` where there is none, its first word, money, times where the merchant is."""
