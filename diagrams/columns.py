"""
Folds a picture that is a strip from top to bottom into columns beside each other, as a newspaper does.

Rule 1: a strip is cut only where nothing but arrows and frames runs on: never through a state, a word or an arrow's
        head.
Rule 2: the order runs down each column, and on at the top of the next; arrows that are cut lead there between the two.
Rule 3: where arrows lead over to the next column they cross neither each other nor anything but the frames around.
Rule 4: a frame that is cut goes on in the next column, under its title again.
Rule 5: what can be folded is as wide as a laptop's screen at most, and has no more columns than it needs.
"""

import math
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from diagrams.plan import PAD, Box, PlacedArrow, PlacedFrame, Plan, Point

WIDE, HIGH = 1280.0, 1800.0
"""The width of a laptop's screen, and the height of two."""

MOST_LINES = 8
"""So many arrows may lead over to the next column."""

COST = 16.0
"""By how much a column may be longer or shorter than another to have one arrow less lead over."""

SHORTEST = 300.0
"""No strip is cut into columns that would be shorter, taken together."""

CLEAR = 4.0
"""So far apart is what a cut goes between; an arrow ends up to that far from the state that it leaves or leads to."""

LANE = 8.0
"""The room of an arrow beside others that lead over."""

ASIDE = 12.0
"""The room between a column and the arrows beside it."""

BAND = 12.0
"""What a frame that goes on has above its title and below, together; and one in another, between their ends."""

ROUND = 8.0
"""The corners of arrows that lead over."""

_QUARTER = 0.5523
"""Where a Bézier curve that is a quarter of a circle has its inner points, as a part of the radius."""

_HALVINGS = 20

Line = tuple[Point, ...]


class Gap(Struct, frozen=True):
    """A height at which a strip may be cut, and how many arrows would be."""

    y: float
    lines: int


def in_columns(plan: Plan) -> Plan:
    """Return *plan* in as few columns as make it two screens high, or in as many as a screen has room for beside."""
    gaps = [*_gaps(plan)] if plan.high > HIGH else []
    if not gaps:
        return plan
    best = plan
    for number in range(2, int(plan.high / SHORTEST) + 1):
        cuts = _cuts(plan.high, gaps, number)
        folded = _Folding(plan, cuts).folded()
        if folded.wide > WIDE:
            break
        best = folded
        if best.high <= HIGH:
            break
    return best


# Where to cut


def _gaps(plan: Plan) -> Iterator[Gap]:
    """Yield where nothing but arrows runs on, and each of those only once; from top to bottom."""
    spans = [(*_span(placed.line), placed.line) for placed in plan.arrows]
    starts = [_span(placed.line) for _, placed in plan.starts]
    bottom = math.inf
    for low, high in sorted(_held_together(plan)):
        if low - bottom > CLEAR:
            y = (low + bottom) / 2
            times = [_times_crossed(line, y) for begin, end, line in spans if begin <= y <= end]
            if len(times) <= MOST_LINES and {*times} <= {0, 1} and not any(begin <= y <= end for begin, end in starts):
                yield Gap(y, sum(times))
        bottom = high if bottom == math.inf else max(bottom, high)


def _held_together(plan: Plan) -> Iterator[tuple[float, float]]:
    """Yield from where to where no cut may be."""
    yield from ((box.y, box.y + box.high) for box in _boxes(plan))
    for frame in plan.frames:
        top, bottom = frame.box.y, frame.box.y + frame.box.high
        yield top, top + frame.title.high + BAND
        yield bottom - BAND, bottom
    for placed in (*plan.arrows, *(arrow for _, arrow in plan.starts)):
        yield _span((placed.base, placed.tip))


def _boxes(plan: Plan) -> Iterator[Box]:
    yield from (placed.box for placed in plan.nodes)
    yield from (placed.box for placed in plan.arrows if placed.box is not None)


def _span(line: Line) -> tuple[float, float]:
    heights = [y for _, y in line]
    return min(heights), max(heights)


def _times_crossed(line: Line, y: float) -> int:
    """Return how often a line crosses a height at most: no more often than the way along its curves' points does."""
    above = [point[1] < y for point in line]
    return sum(one != other for one, other in pairwise(above))


def _cuts(high: float, gaps: Sequence[Gap], number: int) -> list[float]:
    """Return where to cut for so many columns at most, the longest of which is about as short as can be."""
    best: list[float] = []
    short, long = high / number, high
    for _ in range(_HALVINGS):
        middle = (short + long) / 2
        cuts = _filled(high, gaps, middle)
        if cuts is None or len(cuts) >= number:
            short = middle
        else:
            best, long = cuts, middle
    return best


def _filled(high: float, gaps: Sequence[Gap], most: float) -> list[float] | None:
    """Return where columns end of which none is longer than that, each filled before the next; if there is a way."""
    cuts: list[Gap] = [Gap(0.0, 0)]
    ends = (*gaps, Gap(high, 0))
    while cuts[-1].y < high:
        begin = cuts[-1]
        fitting = (end for end in ends if 0 < end.y - begin.y <= most - COST * (begin.lines + end.lines))
        end = max(fitting, key=lambda gap: gap.y, default=None)
        if end is None:
            return None
        cuts.append(end)
    return [gap.y for gap in cuts[1:-1]]


# What comes of it


class _Bands:
    """The room of the frames that a cut goes through: for their ends below, and for their titles above what goes on."""

    def __init__(self, frames: Iterable[PlacedFrame], y: float) -> None:
        self._titles: dict[int, float] = {}
        for frame in frames:
            if frame.box.y < y < frame.box.y + frame.box.high:
                self._titles[frame.depth] = max(self._titles.get(frame.depth, 0.0), frame.title.high + BAND)
        self.above = sum(self._titles.values())
        self.below = BAND * len(self._titles)

    def above_of(self, frame: PlacedFrame) -> float:
        """Return how far above a cut a frame begins anew."""
        return sum(high for depth, high in self._titles.items() if depth >= frame.depth)

    def below_of(self, frame: PlacedFrame) -> float:
        """Return how far below a cut a frame ends."""
        return BAND * sum(depth >= frame.depth for depth in self._titles)


class _Folding:
    """Moves all that stands in a strip into columns; *cuts* are the heights at which these begin and end."""

    def __init__(self, plan: Plan, cuts: Sequence[float]) -> None:
        self._plan = plan
        self._cuts = cuts
        self._pieces = [_pieces(placed.line, cuts) for placed in plan.arrows]
        self._lanes = [self._in_order(column) for column in range(len(cuts))]
        self._cut_frames = [_Bands(plan.frames, cut) for cut in cuts]
        heads = (
            PAD + len(lane) * LANE + bands.above for lane, bands in zip(self._lanes, self._cut_frames, strict=True)
        )
        self._down = [0.0, *(head - cut for head, cut in zip(heads, cuts, strict=True))]
        self._right: list[float] = []
        self._gutters: list[float] = []
        self._wide = PAD
        for column, (left, right) in enumerate(self._extents()):
            self._right.append(self._wide - left)
            self._wide += right - left + ASIDE
            self._gutters.append(self._wide)
            if column < len(cuts):
                self._wide += max(len(self._lanes[column]) - 1, 0) * LANE + ASIDE

    def folded(self) -> Plan:
        """Return the plan in columns."""
        plan = self._plan
        ends = [*self._cuts, plan.high - PAD]
        feet = (bands.below + len(lane) * LANE for lane, bands in zip(self._lanes, self._cut_frames, strict=True))
        return Plan(
            wide=self._wide - ASIDE + PAD,
            high=max(end + down + foot for end, down, foot in zip(ends, self._down, (*feet, 0.0), strict=True)) + PAD,
            frames=tuple(piece for placed in plan.frames for piece in self._moved_frame(placed)),
            nodes=tuple(replace(placed, box=self._moved_box(placed.box)) for placed in plan.nodes),
            arrows=tuple(self._moved_arrow(placed, number) for number, placed in enumerate(plan.arrows)),
            starts=tuple(self._moved_start(dot, placed) for dot, placed in plan.starts),
        )

    def _in_order(self, column: int) -> list[int]:
        """Return the arrows that lead over from a column, the outermost to the right first: so they never cross."""
        crossings = [
            (one[-1][0], number)
            for number, pieces in enumerate(self._pieces)
            for one, other in pairwise(pieces)
            if min(self._column_of(one), self._column_of(other)) == column
        ]
        return [number for _, number in sorted(crossings, reverse=True)]

    def _extents(self) -> Iterator[tuple[float, float]]:
        """Yield from where to where each column reaches in the strip."""
        sides: list[list[float]] = [[] for _ in range(len(self._cuts) + 1)]
        for box in _boxes(self._plan):
            sides[self._column_at(box)] += [box.x, box.x + box.wide]
        for placed in self._plan.frames:
            for column in self._columns_of(placed.box):
                sides[column] += [placed.box.x, placed.box.x + placed.box.wide]
        for pieces in self._pieces:
            for piece in pieces:
                sides[self._column_of(piece)] += [x for x, _ in piece]
        for dot, start in self._plan.starts:
            sides[self._column(start.tip[1])] += [dot[0] - ROUND, dot[0] + ROUND]
        yield from ((min(side), max(side)) for side in sides)

    # Where things move

    def _column(self, y: float) -> int:
        return bisect(self._cuts, y)

    def _column_at(self, box: Box) -> int:
        return self._column(box.y + box.high / 2)

    def _columns_of(self, frame: Box) -> range:
        return range(self._column(frame.y), self._column(frame.y + frame.high) + 1)

    def _column_of(self, piece: Line) -> int:
        return self._column((piece[0][1] + piece[-1][1]) / 2)

    def _moved(self, point: Point, column: int) -> Point:
        return point[0] + self._right[column], point[1] + self._down[column]

    def _moved_box(self, box: Box) -> Box:
        x, y = self._moved((box.x, box.y), self._column_at(box))
        return Box(x, y, box.wide, box.high)

    def _moved_frame(self, placed: PlacedFrame) -> Iterator[PlacedFrame]:
        """Yield a frame in each of the columns that it stands in."""
        box, columns = placed.box, self._columns_of(placed.box)
        for column in columns:
            top, bottom = box.y, box.y + box.high
            if column > columns.start:
                top = self._cuts[column - 1] - self._cut_frames[column - 1].above_of(placed)
            if column < columns.stop - 1:
                bottom = self._cuts[column] + self._cut_frames[column].below_of(placed)
            x, y = self._moved((box.x, top), column)
            yield replace(placed, box=Box(x, y, box.wide, bottom - top))

    def _moved_arrow(self, placed: PlacedArrow, number: int) -> PlacedArrow:
        """Return an arrow in the columns that its pieces are in, with how it leads over from each to the next."""
        line: list[Point] = []
        pieces = self._pieces[number]
        for place, piece in enumerate(pieces):
            if line:
                line += self._over(number, pieces[place - 1], piece)
            line += [self._moved(point, self._column_of(piece)) for point in piece[1 if line else 0 :]]
        return self._with_ends(placed, tuple(line))

    def _with_ends(self, placed: PlacedArrow, line: Line) -> PlacedArrow:
        column = self._column(placed.tip[1])
        return replace(
            placed,
            line=line,
            tip=self._moved(placed.tip, column),
            base=self._moved(placed.base, column),
            box=None if placed.box is None else self._moved_box(placed.box),
        )

    def _moved_start(self, dot: Point, placed: PlacedArrow) -> tuple[Point, PlacedArrow]:
        """Return the dot and the line that lead to the initial state; they are never cut."""
        column = self._column(placed.tip[1])
        line = tuple(self._moved(point, column) for point in placed.line)
        return self._moved(dot, column), self._with_ends(placed, line)

    def _over(self, number: int, one: Line, other: Line) -> Line:
        """Return how an arrow leads from one of its pieces to the next, without the point that it begins at."""
        ends = self._column_of(one), self._column_of(other)
        column = min(ends)
        lane = self._lanes[column].index(number)
        below, above = self._moved(one[-1], column), self._moved(one[-1], column + 1)
        bands = self._cut_frames[column]
        deep, high = below[1] + bands.below + (lane + 1) * LANE, above[1] - bands.above - (lane + 1) * LANE
        x = self._gutters[column] + lane * LANE
        way = [below, (below[0], deep), (x, deep), (x, high), (above[0], high), above]
        return _rounded(way if ends[0] == column else way[::-1])


# Curves


def _curves(line: Line) -> Iterator[Line]:
    """Yield the curves of a line, four points each."""
    yield from (line[place : place + 4] for place in range(0, len(line) - 1, 3))


def _halves(curve: Line, part: float) -> tuple[Line, Line]:
    """Return a curve in two, by de Casteljau's construction."""
    rows = [curve]
    while len(rows[-1]) > 1:
        rows.append(tuple(_between(one, other, part) for one, other in pairwise(rows[-1])))
    return tuple(row[0] for row in rows), tuple(row[-1] for row in reversed(rows))


def _at(curve: Line, part: float) -> Point:
    return _halves(curve, part)[0][-1]


def _pieces(line: Line, cuts: Iterable[float]) -> list[Line]:
    """Return a line in pieces, in its own order; it crosses no cut more than once."""
    pieces = [line]
    for y in cuts:
        pieces = [part for piece in pieces for part in _parted(piece, y)]
    return pieces


def _parted(line: Line, y: float) -> list[Line]:
    """Return a line in two where it crosses a height, or in one if it does not."""
    curves = [*_curves(line)]
    for place, curve in enumerate(curves):
        starts_above = curve[0][1] < y
        if (line[0][1] < y) != (line[-1][1] < y) and starts_above != (curve[-1][1] < y):
            low, high = 0.0, 1.0
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                low, high = (middle, high) if (_at(curve, middle)[1] < y) == starts_above else (low, middle)
            one, other = _halves(curve, low)
            return [line[: 3 * place] + one, other + line[3 * place + 4 :]]
    return [line]


def _rounded(way: Sequence[Point]) -> Line:
    """Return a way with its corners rounded, as Bézier curves, without the point that it begins at."""
    line: list[Point] = []
    for before, corner, after in zip(way, way[1:], way[2:], strict=False):
        near = min(ROUND, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        begin, end = _towards(corner, before, near), _towards(corner, after, near)
        line += [begin, begin, begin]
        line += [_between(begin, corner, _QUARTER), _between(end, corner, _QUARTER), end]
    return (*line, way[-1], way[-1], way[-1])


def _between(one: Point, other: Point, part: float) -> Point:
    return one[0] + (other[0] - one[0]) * part, one[1] + (other[1] - one[1]) * part


def _towards(one: Point, other: Point, far: float) -> Point:
    return _between(one, other, far / (math.dist(one, other) or 1.0))
