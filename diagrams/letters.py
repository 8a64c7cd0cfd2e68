"""
How much room texts take, by the letters of the fonts that ship.

A picture is measured with the same fonts that a PNG is drawn with, so no label spills over its box. Where an SVG is
shown with other letters, each text is told its width (`textLength`). Letters that no font here has are given the room
of the widest; a PNG shows boxes in their place.

Rule 1: an emoji of several characters (a flag, a family, a keycap) is one letter if the font draws it as one; of any
        other it draws the parts beside each other, and so they are measured.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from diagrams.missing import PicturesUnavailable

FONTS = Path(__file__).parent / "assets" / "fonts"

LATIN = "Inter"
DEVANAGARI = "Noto Sans Devanagari"
EMOJI = "Noto Emoji"
FAMILIES = f"{LATIN}, '{DEVANAGARI}', system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
"""The fonts that a picture asks for, in their order; only emoji ask for theirs, which has wide digits for keycaps."""

Weight = Literal[400, 600]

_FILES: dict[Weight, dict[str, str]] = {
    400: {LATIN: "Inter-400.ttf", DEVANAGARI: "NotoSansDevanagari-400.ttf", EMOJI: "NotoEmoji-400.ttf"},
    600: {LATIN: "Inter-600.ttf", DEVANAGARI: "NotoSansDevanagari-400.ttf", EMOJI: "NotoEmoji-400.ttf"},
}
_UNKNOWN = 1.1
"""What a letter takes that no font has, as a part of its size; East Asian letters are about that wide."""

_SILENT = re.compile("[\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f]+")
"""Joiners, selectors of a letter's shape, and tags: no font shows them, they only change what stands before."""

_SELECTORS = "\ufe0e\ufe0f"
"""What asks for text or for an emoji; fonts draw sequences with and without them alike."""

_AS_EMOJI = re.compile("(?s:.)[\ufe0f\u20e3]")
"""A letter that is to be an emoji though it may be text: a sign of copyright, the digit on a keycap."""


_BREAKS = "._-/,:"
_LONG = 10
"""A word may be broken after these signs and, without one, after so many letters."""

REMEMBERED = 4096
"""Of so many texts the letters are kept; a picture measures each of its texts some five times."""


class Letter(Struct, frozen=True):
    """What is never parted, the font that draws it (none that ships, if it is empty), and its width at a size of 1."""

    text: str
    family: str
    wide: float


class Run(Struct, frozen=True):
    """Part of a text that one font can write; without a *family*, none that ships can."""

    text: str
    family: str

    @property
    def is_latin(self) -> bool:
        """Return whether the first of the fonts can write it."""
        return self.family == LATIN


@lru_cache(REMEMBERED)
def width(text: str, size: float, weight: Weight = 400) -> float:
    """Return how wide *text* is, in the unit of *size*."""
    return size * sum(letter.wide for letter in _letters(text, weight))


def runs(text: str) -> list[Run]:
    """Return *text* in parts, each for one font; what stands between words of one kind belongs to them."""
    parts = [
        (family, "".join(letter.text for letter in letters))
        for family, letters in itertools.groupby(_letters(text, 400), key=lambda letter: letter.family)
    ]
    return [Run(part, family) for family, part in _with_spaces_between(parts)]


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
    """
    Yield the parts; a space between two that one font has joins them: their letters may take each other's shapes.

    Emoji do not, and their font has no space.
    """
    held: tuple[str, str] | None = None
    for place, (family, text) in enumerate(parts):
        after = parts[place + 1][0] if place + 1 < len(parts) else None
        if held is not None and (family == held[0] or (text.isspace() and after == held[0] != EMOJI)):
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
    for part in _breakable(word, weight):
        if pieces[-1] and width(pieces[-1] + part, size, weight) > room:
            pieces.append("")
        pieces[-1] += part
    return pieces


def _breakable(word: str, weight: Weight) -> Iterator[str]:
    """Yield what a word may be broken into: see `_BREAKS`."""
    part: list[Letter] = []
    for letter in _letters(word, weight):
        part.append(letter)
        if letter.text in _BREAKS or len(part) >= _LONG:
            yield _joined(part)
            part = []
    if part:
        yield _joined(part)


def _cut(line: str, size: float, room: float, weight: Weight) -> str:
    letters = [*_letters(line, weight)]
    while letters and width(f"{_joined(letters)}…", size, weight) > room:
        letters.pop()
    return f"{_joined(letters).rstrip()}…"


def _joined(letters: Iterable[Letter]) -> str:
    return "".join(letter.text for letter in letters)


@lru_cache(REMEMBERED)
def _letters(text: str, weight: Weight) -> tuple[Letter, ...]:
    """Return the letters of *text*; with each, what stands behind it and is not shown."""
    letters: list[Letter] = []
    place = 0
    while place < len(text):
        family, wide, end = _letter(text, place, weight)
        silent = _SILENT.match(text, end)
        end = silent.end() if silent else end
        letters.append(Letter(text[place:end], family, wide))
        place = end
    return tuple(letters)


def _letter(text: str, place: int, weight: Weight) -> tuple[str, float, int]:
    """Return the font and the width of the letter at a *place*, and where that letter ends."""
    if _SILENT.match(text, place):
        return LATIN, 0.0, place + 1
    families = (EMOJI, LATIN, DEVANAGARI) if _AS_EMOJI.match(text, place) else (LATIN, DEVANAGARI, EMOJI)
    for family in families:
        wide = _advances(_FILES[weight][family]).get(ord(text[place]))
        if wide is not None:
            return (family, wide, place + 1) if family != EMOJI else (family, *_emoji(text, place, wide))
    return "", _UNKNOWN, place + 1


def _emoji(text: str, place: int, wide: float) -> tuple[float, int]:
    """Return the width of the longest emoji at a *place*, and where it ends; its first character alone is *wide*."""
    known = _sequences(_FILES[400][EMOJI])
    read, end = text[place], place + 1
    for at in range(end, len(text)):
        if text[at] not in _SELECTORS:
            read += text[at]
            if read not in known:
                break
            longer = known[read]
            if longer is not None:
                wide, end = longer, at + 1
    return wide, end


@cache
def _advances(name: str) -> dict[int, float]:
    """Return the widths of the letters of a font, as parts of their size, by their code points."""
    with _opened(name) as font:
        metrics = font["hmtx"].metrics
        return {code: metrics[glyph][0] / font["head"].unitsPerEm for code, glyph in font.getBestCmap().items()}


@cache
def _sequences(name: str) -> dict[str, float | None]:
    """Return the widths of what a font draws as one of several characters; what only begins such a thing has none."""
    with _opened(name) as font:
        metrics, units = font["hmtx"].metrics, font["head"].unitsPerEm
        written = {glyph: chr(code) for code, glyph in font.getBestCmap().items()}
        whole: dict[str, float | None] = {
            "".join(written[glyph] for glyph in (first, *ligature.Component)): metrics[ligature.LigGlyph][0] / units
            for lookup in font["GSUB"].table.LookupList.Lookup
            for table in lookup.SubTable
            for first, ligatures in table.ligatures.items()
            for ligature in ligatures
        }
    return {text[:length]: None for text in whole for length in range(1, len(text))} | whole


def _opened(name: str) -> Any:
    """Return a font that ships, as far as it is read."""
    try:
        from fontTools import ttLib  # type: ignore[import-untyped] # noqa: PLC0415 - of the extra `pictures`
    except ImportError:
        raise PicturesUnavailable from None
    return ttLib.TTFont(FONTS / name, lazy=True)
