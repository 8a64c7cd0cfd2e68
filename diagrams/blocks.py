"""
What is written in a state and at an arrow, set in lines and measured before anything is placed.

Rule 1: nothing is wider than its room: texts are broken, and cut after a few lines; the tooltip has them whole.
Rule 2: an event that has the name of the state it leads to is not written: the arrow's head says it.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from diagrams.drawing import Arrow, Label, Node, StateTraffic, Taken
from diagrams.letters import Weight, width, wrapped
from diagrams.look import SMALL, TEXT, TITLE
from diagrams.text import duration, percent
from engine.model import SECOND

ROOM = 168.0
"""How wide a line may be."""

LABELS = 8
"""So many labels stand at one arrow, or in one state."""

MARK = 10.0
_GAP = 4.0

Role = Literal["title", "label", "guard", "effect", "timer", "soft", "share"]


class Piece(Struct, frozen=True):
    """A text, a chip (a text on a ground of its own) or a mark, by where it begins in its row."""

    role: Role
    x: float
    text: str = ""
    mark: str = ""
    size: float = TEXT
    weight: Weight = 400
    chip: bool = False

    @property
    def wide(self) -> float:
        """Return how wide it is."""
        if not self.text:
            return MARK
        return width(self.text, self.size, self.weight) + (_CHIP if self.chip else 0.0)


_CHIP = MARK + 13.0
"""What a chip has beside its text: the mark, and the ends."""


class Row(Struct, frozen=True):
    """What stands on one line, and how high that is; the pieces know where they begin in it."""

    pieces: tuple[Piece, ...]
    high: float

    @property
    def wide(self) -> float:
        """Return how wide it is."""
        return max((piece.x + piece.wide for piece in self.pieces), default=0.0)


class Block(Struct, frozen=True):
    """Rows, one under the other."""

    rows: tuple[Row, ...] = ()

    @property
    def wide(self) -> float:
        """Return how wide the widest row is."""
        return max((row.wide for row in self.rows), default=0.0)

    @property
    def high(self) -> float:
        """Return how high all rows are."""
        return sum(row.high for row in self.rows)


def title_of(text: str, *, room: float = ROOM) -> Block:
    """Return a state's or a frame's title."""
    return Block(tuple(_texts(text, "title", TITLE, room=room, weight=600)))


def small(text: str, *, room: float = ROOM) -> Block:
    """Return a line of small, soft letters."""
    return Block(tuple(_texts(text, "soft", SMALL, room=room, lines=1)))


def beside(arrow: Arrow) -> Block:
    """Return what stands at *arrow*."""
    rows = [*_share(arrow.taken)] if arrow.taken is not None else []
    return Block((*rows, *_labels(arrow.labels, arrow.target)))


def inside(arrow: Arrow, title: str = "") -> Block:
    """Return what stands in a state for an arrow that is not drawn: a loop or, with its target's *title*, an exit."""
    rows = [row for label in arrow.labels[:LABELS] for row in _marked_label(label, arrow.target, title)]
    if len(arrow.labels) > LABELS:
        rows += _shifted_rows(_texts(f"and {len(arrow.labels) - LABELS} more", "soft", SMALL))
    if arrow.taken is not None:
        rows += _shifted_rows(_share(arrow.taken))
    return Block(tuple(rows))


def timers_of(node: Node) -> Block:
    """Return the timers of a state that no arrow shows."""
    return Block(tuple(_labels(node.timers)))


def traffic_of(traffic: StateTraffic) -> Block:
    """Return what happened in a state, in words; how many are there now is a badge of its own."""
    rows: list[Row] = []
    if traffic.median_seconds is not None:
        rows += _texts(f"median {duration(traffic.median_seconds * SECOND)}", "soft", SMALL)
    if traffic.dropped and traffic.entered:
        rows += _texts(f"{percent(traffic.dropped / traffic.entered)} drop off here", "soft", SMALL)
    return Block(tuple(rows))


def _labels(labels: tuple[Label, ...], said: str = "") -> Iterator[Row]:
    for label in labels[:LABELS]:
        yield from _label(label, said)
    if len(labels) > LABELS:
        yield from _texts(f"and {len(labels) - LABELS} more", "soft", SMALL)


def _label(label: Label, said: str, room: float = ROOM) -> Iterator[Row]:
    event = "" if label.event == said else label.event
    guard = f"[{label.guard}]" if label.guard else ""
    if event and guard and width(f"{event} {guard}", TEXT) <= room:
        yield Row((Piece("label", 0, event), Piece("guard", width(f"{event} ", TEXT), guard)), _LINE)
    else:
        yield from _texts(event, "label", TEXT, room=room)
        yield from _texts(guard, "guard", TEXT, room=room)
    if label.after:
        yield from _marked(_texts(label.after, "timer", TEXT, room=room - _INWARDS), "clock", "timer")
    yield from _chips(label.effects, room)


def _marked_label(label: Label, said: str, title: str) -> Iterator[Row]:
    """Yield the rows of a label inside a state, behind the mark of a loop or of an exit."""
    room = ROOM - _INWARDS
    if not title:
        return _marked(_label(label, "", room), "loop", "label")
    event = "" if label.event == said else f"{label.event} "
    return _marked(_label(replace(label, event=f"{event}to {title}"), "", room), "exit", "label")


_LINE = TEXT * 1.36


_INWARDS = MARK + _GAP
"""How far in stands what follows a mark."""


def _marked(rows: Iterable[Row], mark: str, role: Role) -> Iterator[Row]:
    """Yield *rows* with a mark before the first, all of them further in."""
    for place, row in enumerate(_shifted_rows(rows)):
        yield replace(row, pieces=(Piece(role, 0, mark=mark), *row.pieces)) if place == 0 else row


def _shifted_rows(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield replace(row, pieces=tuple(replace(piece, x=piece.x + _INWARDS) for piece in row.pieces))


def _chips(effects: Iterable[str], room: float) -> Iterator[Row]:
    """Yield effects as chips, as many in a row as fit."""
    row: list[Piece] = []
    for effect in effects:
        text = next(iter(wrapped(effect, SMALL, room - _CHIP, lines=1)), "")
        chip = Piece("effect", row[-1].x + row[-1].wide + _GAP if row else 0.0, text, size=SMALL, chip=True)
        if chip.x + chip.wide > room and row:
            yield Row(tuple(row), _CHIP_ROW)
            row, chip = [], replace(chip, x=0.0)
        row.append(chip)
    if row:
        yield Row(tuple(row), _CHIP_ROW)


_CHIP_ROW = SMALL * 1.4 + 5


def _texts(
    text: str, role: Role, size: float, *, room: float = ROOM, weight: Weight = 400, lines: int = 3
) -> Iterator[Row]:
    for line in wrapped(text, size, room, weight=weight, lines=lines):
        yield Row((Piece(role, 0, line, size=size, weight=weight),), size * 1.36)


def _share(taken: Taken) -> Iterator[Row]:
    if taken.times:
        yield from _texts(str(taken), "share", TEXT, weight=600)
