"""
What pictures are made of, as SVG: rectangles, curves, the heads of arrows, lines of text, chips and marks.

Rule 1: text is escaped here and nowhere else.
"""

import math
from collections.abc import Iterator, Mapping
from html import escape

from diagrams.blocks import MARK, Block, Piece
from diagrams.letters import FAMILIES, Run, runs, width
from diagrams.look import COLOURS, MARKS
from diagrams.plan import Box, Point

_PLAIN = 400
"""The weight of letters that is not said."""

ROLES = {
    "title": COLOURS["ink"],
    "label": COLOURS["ink"],
    "guard": COLOURS["guard"],
    "effect": COLOURS["effect"],
    "timer": COLOURS["soft"],
    "soft": COLOURS["soft"],
    "share": COLOURS["walked"],
}
SOFT = {**ROLES, "title": COLOURS["soft"]}


def curve(line: tuple[Point, ...]) -> str:
    """Return the path of a line: the points of Bézier curves, one after the other."""
    (x, y), *others = line
    return f"M{short(x)} {short(y)}C" + " ".join(f"{short(x)} {short(y)}" for x, y in others)


def head(base: Point, tip: Point, thick: float) -> str:
    """Return an arrow's head: a triangle from where its line ends to what it leads to."""
    along = tip[0] - base[0], tip[1] - base[1]
    long = math.hypot(*along) or 1.0
    half = (2.4 + thick * 0.7) / long
    side = -along[1] * half, along[0] * half
    corners = (tip, (base[0] + side[0], base[1] + side[1]), (base[0] - side[0], base[1] - side[1]))
    return "M" + "L".join(f"{short(x)} {short(y)}" for x, y in corners) + "z"


def block(
    what: Block, x: float, y: float, *, colours: Mapping[str, str] = ROLES, centred: bool = False
) -> Iterator[str]:
    """Yield a block of texts; *centred*, each row stands in the middle."""
    for row in what.rows:
        start = x + (what.wide - row.wide) / 2 if centred else x
        for piece in row.pieces:
            yield from _piece(piece, start + piece.x, y, row.high, colours[piece.role])
        y += row.high


def _piece(piece: Piece, x: float, y: float, high: float, colour: str) -> Iterator[str]:
    if piece.mark:
        yield _mark(piece.mark, x, y + (high - MARK) / 2, piece.role, colour)
        return
    baseline = y + high / 2 + piece.size * 0.36
    if piece.chip:
        box = Box(x, y + 1.5, piece.wide, high - 3)
        yield rect(box, "chip", fill=COLOURS["effect-wash"], round_=(high - 3) / 2)
        yield _mark("effect", x + 5, y + (high - MARK) / 2, "effect", colour)
        x += MARK + 7
    yield _text(piece, x, baseline, colour)


def _text(piece: Piece, x: float, y: float, colour: str) -> str:
    """Return a text; of several scripts, each part has a place of its own, or they would be shaped as one."""
    weight = f' font-weight="{piece.weight}"' if piece.weight != _PLAIN else ""
    parts = runs(piece.text)
    place, content = f'x="{short(x)}"', ""
    if len(parts) == 1 and parts[0].is_latin:
        place += _fitted(width(piece.text, piece.size, piece.weight))
        content = escape(piece.text)
    else:
        for part in parts:
            wide = width(part.text, piece.size, piece.weight)
            content += _run(part, x, wide)
            x += wide
    return (
        f'<text class="{piece.role}" {place} y="{short(y)}" font-size="{short(piece.size)}"{weight} '
        f'fill="{colour}">{content}</text>'
    )


def _run(part: Run, x: float, wide: float) -> str:
    """Return a part of a text, in its place; only Latin letters look well when they are fitted to a width."""
    own = part.family and not part.is_latin
    family = f' font-family="{escape(f"{part.family!r}, {FAMILIES}")}"' if own else ""
    fitted = _fitted(wide) if part.is_latin else ""
    return f'<tspan x="{short(x)}"{fitted}{family}>{escape(part.text)}</tspan>'


def _fitted(wide: float) -> str:
    return f' textLength="{short(wide)}" lengthAdjust="spacingAndGlyphs"'


def _mark(name: str, x: float, y: float, role: str, colour: str) -> str:
    look = f'fill="{colour}"' if name == "effect" else f'fill="none" stroke="{colour}" stroke-width="1.2"'
    return f'<path class="mark {role}" transform="translate({short(x)} {short(y)})" d="{MARKS[name]}" {look}/>'


def rect(box: Box, class_: str, *, fill: str, stroke: str = "none", round_: float = 0, more: str = "") -> str:
    """Return a rectangle; *more* are further attributes."""
    return (
        f'<rect class="{class_}" x="{short(box.x)}" y="{short(box.y)}" width="{short(box.wide)}" '
        f'height="{short(box.high)}" rx="{short(round_)}" fill="{fill}" stroke="{stroke}"{more}/>'
    )


def short(number: float) -> str:
    """Return a number as short as it can be written at a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0")
