"""
Text that is fit to be shown.

Titles, guards and events come from outside. What a language must escape in them is its own affair.
"""

import re
import textwrap
from collections.abc import Callable, Iterable
from functools import lru_cache

from engine.model import SECOND

NAMELESS = "(no name)"
"""What is shown where nothing visible is left."""

_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Control characters, those that turn the direction of what follows, and spaces without width."""

_NOT_TEXT = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""What cannot be written in UTF-8 or in XML."""

SMALLEST = 0.005
"""The smallest share that is one percent when rounded."""

_MILLISECOND = SECOND // 1000

_UNITS = (("days", 86_400), ("h", 3600), ("min", 60), ("s", 1))

_PARTS = re.compile(r" (?=\[|/ )")
"""Where a label's guard and its effects begin."""


@lru_cache(maxsize=4096)  # a picture says the same names over and over
def plain(text: str, length: int) -> str:
    """Return *text* as one line of visible characters, cut where it is longer than *length*."""
    visible = _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", _INVISIBLE.sub("", text))
    line = " ".join(visible.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def duration(microseconds: float) -> str:
    """Return a time's length in the two largest units that it has: `3 days`, `1 day 12 h`, `10 min`, `97 ms`."""
    milliseconds = round(microseconds / _MILLISECOND)
    if microseconds > 0 and milliseconds < 1000:  # noqa: PLR2004 - a second
        return f"{milliseconds} ms" if milliseconds else "under 1 ms"
    seconds = round(microseconds / SECOND)
    parts = []
    for name, size in _UNITS:
        amount, seconds = divmod(seconds, size)
        if amount:
            parts.append(f"{amount} {name if name != 'days' or amount > 1 else 'day'}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def percent(share: float) -> str:
    """Return a share in words: none that is not all is rounded to all, and none that is some to none."""
    if 0 < share < SMALLEST:
        return "under 1 %"
    if 1 - SMALLEST < share < 1:
        return "over 99 %"
    return f"{share:.0%}".replace("%", " %")


def broken(text: str, width: int) -> list[str]:
    """Return *text* in lines of about *width*; where it takes several, guard and effects begin lines of their own."""
    parts = [text] if len(text) <= width else _PARTS.split(text)
    return [
        line for part in parts for line in textwrap.wrap(part, width, break_long_words=False, break_on_hyphens=False)
    ]


def distinct(ids: Iterable[str], spell: Callable[[str], str]) -> dict[str, str]:
    """Return a name for each id: as *spell* writes it, numbered where two would have the same."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for each in ids:
        spelled = name = spell(each)
        number = 1
        while name in taken:
            number += 1
            name = f"{spelled}_{number}"
        taken.add(name)
        names[each] = name
    return names
