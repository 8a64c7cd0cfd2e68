"""
How much room texts take, by the letters of the fonts that ship.

A picture is measured with the same fonts that a PNG is drawn with, so no label spills over its box. Where an SVG is
shown with other letters, each text is told its width (`textLength`). Letters that no font here has are given the room
of the widest; a PNG shows boxes in their place.
"""

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from diagrams.missing import PicturesUnavailable

FONTS = Path(__file__).parent / "assets" / "fonts"

LATIN = "Inter"
DEVANAGARI = "Noto Sans Devanagari"
FAMILIES = f"{LATIN}, '{DEVANAGARI}', system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
"""The fonts that a picture asks for, in their order."""

Weight = Literal[400, 600]

_FILES: dict[Weight, tuple[str, str]] = {
    400: ("Inter-400.ttf", "NotoSansDevanagari-400.ttf"),
    600: ("Inter-600.ttf", "NotoSansDevanagari-400.ttf"),
}
_UNKNOWN = 1.1
"""What a letter takes that no font has, as a part of its size; emoji and East Asian letters are about that wide."""


_BREAKS = "._-/,:"
_LONG = 10
"""A word may be broken after these signs and, without one, after so many letters."""


class Run(Struct, frozen=True):
    """Part of a text that one font can write; without a *family*, none that ships can."""

    text: str
    family: str

    @property
    def is_latin(self) -> bool:
        """Return whether the first of the fonts can write it."""
        return self.family == LATIN


def width(text: str, size: float, weight: Weight = 400) -> float:
    """Return how wide *text* is, in the unit of *size*."""
    latin, devanagari = _widths(weight)
    return size * sum(latin.get(char) or devanagari.get(char, _UNKNOWN) for char in map(ord, text))


def runs(text: str) -> list[Run]:
    """Return *text* in parts, each for one font; what stands between words of one kind belongs to them."""
    latin, devanagari = _widths(400)

    def family(char: str) -> str:
        return LATIN if ord(char) in latin else DEVANAGARI if ord(char) in devanagari else ""

    parts = [(key, "".join(chars)) for key, chars in itertools.groupby(text, key=family)]
    return [Run(part, key) for key, part in _with_spaces_between(parts)]


def wrapped(text: str, size: float, room: float, *, weight: Weight = 400, lines: int = 3) -> list[str]:
    """Return *text* in at most so many *lines* that fit the *room*; what is left out, an ellipsis stands for."""
    done: list[str] = []
    for word in text.split():
        first, *others = _fitting(word, size, room, weight)
        if done and width(f"{done[-1]} {first}", size, weight) <= room:
            done[-1] = f"{done[-1]} {first}"
        else:
            done.append(first)
        done += others
        if len(done) > lines:
            return [*done[: lines - 1], _cut(done[lines - 1], size, room, weight)]
    return done


def _with_spaces_between(parts: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the parts; a space between two that one font has joins them: their letters may take each other's shapes."""
    held: tuple[str, str] | None = None
    for place, (family, text) in enumerate(parts):
        after = parts[place + 1][0] if place + 1 < len(parts) else None
        if held is not None and (family == held[0] or (text.isspace() and after == held[0])):
            held = held[0], held[1] + text
            continue
        if held is not None:
            yield held
        held = family, text
    if held is not None:
        yield held


def _fitting(word: str, size: float, room: float, weight: Weight) -> list[str]:
    """Return a *word* in pieces that fit the *room*."""
    pieces = [""]
    for part in _breakable(word):
        if pieces[-1] and width(pieces[-1] + part, size, weight) > room:
            pieces.append("")
        pieces[-1] += part
    return pieces


def _breakable(word: str) -> Iterator[str]:
    """Yield what a word may be broken into: see `_BREAKS`."""
    part = ""
    for char in word:
        part += char
        if char in _BREAKS or len(part) >= _LONG:
            yield part
            part = ""
    if part:
        yield part


def _cut(line: str, size: float, room: float, weight: Weight) -> str:
    while line and width(f"{line}…", size, weight) > room:
        line = line[:-1]
    return f"{line.rstrip()}…"


@cache
def _widths(weight: Weight) -> tuple[dict[int, float], dict[int, float]]:
    """Return the widths of the letters of both fonts, as parts of their size, by their code points."""
    latin, devanagari = (_advances(FONTS / name) for name in _FILES[weight])
    return latin, devanagari


@cache
def _advances(path: Path) -> dict[int, float]:
    try:
        from fontTools import ttLib  # type: ignore[import-untyped] # noqa: PLC0415 - of the extra `pictures`
    except ImportError:
        raise PicturesUnavailable from None
    with ttLib.TTFont(path, lazy=True) as font:
        units = font["head"].unitsPerEm
        metrics = font["hmtx"].metrics
        return {code: metrics[glyph][0] / units for code, glyph in font.getBestCmap().items()}
