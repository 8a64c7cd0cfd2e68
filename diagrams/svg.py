"""
Draws a picture as SVG, from where everything stands (diagrams/plan.py).

The text is a file of its own and may as well stand inside a page: it has no style sheet, no script and no address of
anything, so a strict Content-Security-Policy lets it be. Every state and arrow has an id, classes and `data-`
attributes; a page's style sheet (api/assets/diagram.css) decides by the classes, a script may move them.

Rule 1: text from a definition is escaped, and is one line of visible characters (diagrams/text.py).
Rule 2: what is drawn by classes in a page has the same look by attributes here.
"""

import math
from collections.abc import Iterator
from html import escape

from diagrams.columns import in_columns
from diagrams.drawing import Arrow, Drawing, Node
from diagrams.letters import FAMILIES
from diagrams.look import COLOURS
from diagrams.plan import Box, PlacedArrow, PlacedFrame, PlacedNode, Plan, Point, highest, plan, widest
from diagrams.states import badge, plain_state, screen
from diagrams.strokes import ROLES, SOFT, block, curve, head, rect, short
from diagrams.text import distinct, plain

ID_LENGTH = 200
TOOLTIP_LENGTH = 600

THIN, WALKED, NEXT, BUSY = 1.3, 2.6, 2.0, 6.0
"""How thick lines are: most, those walked, those that may come next, and the one that all took."""


def render_svg(drawing: Drawing, *, prefix: str = "") -> str:
    """
    Return *drawing* as SVG, the same for the same drawing; a *prefix* keeps the ids of two in one page apart.

    Raises:
        PicturesUnavailable: a library that draws is not installed.
        TooMuchToDraw: there is too much for a picture.
    """
    return "".join(f"{line}\n" for line in _Writer(drawing, in_columns(plan(drawing)), prefix).lines())


class _Writer:
    """Writes one picture, in which everything has an id of its own."""

    def __init__(self, drawing: Drawing, planned: Plan, prefix: str) -> None:
        self._drawing = drawing
        self._plan = planned
        self._titles = {node.id: node.title for node in drawing.root.all_nodes()}
        self._prefix = prefix
        self._states = distinct((placed.node.id for placed in planned.nodes), lambda path: f"state-{_slug(path)}")
        self._arrows = distinct(map(_way, drawing.arrows), lambda way: f"edge-{_slug(way)}")

    def lines(self) -> Iterator[str]:
        """Yield the lines of the whole text."""
        wide, high = math.ceil(self._plan.wide), math.ceil(self._plan.high)
        title = escape(self._drawing.title)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="diagram" width="{wide}" height="{high}" '
            f'viewBox="0 0 {wide} {high}" role="img" aria-label="{title}" font-family="{escape(FAMILIES)}" '
            'font-size="11" stroke-linecap="round" stroke-linejoin="round">'
        )
        yield f"<title>{title}</title>"
        yield f"<desc>{escape(self._described())}</desc>"
        yield f'<rect class="ground" width="{wide}" height="{high}" fill="{COLOURS["ground"]}"/>'
        for frame in sorted(self._plan.frames, key=lambda frame: frame.depth):
            yield from self._frame(frame)
        for placed in self._plan.arrows:
            yield from self._line(placed)
        for dot, placed in self._plan.starts:
            yield from _start(dot, placed)
        for frame in self._plan.frames:
            yield from self._name(frame)
        for state in self._plan.nodes:
            yield from self._state(state)
        for placed in self._plan.arrows:
            yield from self._label(placed)
        yield "</svg>"

    def _described(self) -> str:
        """Return what a picture shows, for those who do not see it."""
        nodes = [placed.node for placed in self._plan.nodes if not placed.node.crowd]
        said = [f"{len(nodes)} states, {len(self._drawing.arrows)} arrows."]
        said += [f"Now in: {node.title}." for node in nodes if node.current]
        for words, marked in (
            ("Passed: ", [node.title for node in nodes if node.visited]),
            ("May come next: ", [node.title for node in nodes if node.next]),
        ):
            if marked:
                said.append(f"{words}{', '.join(marked)}.")
        return plain(" ".join(said), TOOLTIP_LENGTH)

    # Frames

    def _frame(self, placed: PlacedFrame) -> Iterator[str]:
        shade = _shade(placed.depth)
        yield f'<g class="frame" data-group="{_value(placed.group.id)}">'
        yield rect(placed.box, f"frame-box on-{shade}", fill=COLOURS[shade], stroke=COLOURS["frame-line"], round_=12)
        yield "</g>"

    def _name(self, placed: PlacedFrame) -> Iterator[str]:
        """Yield a frame's title, above the arrows that lead through it."""
        box, title, shade = placed.box, placed.title, _shade(placed.depth)
        veil = Box(box.x + 12, box.y + 9, title.wide + 4, title.high)
        yield f'<g class="frame" data-group="{_value(placed.group.id)}">'
        yield _veil(veil, shade)
        yield from block(title, box.x + 14, box.y + 9, colours=SOFT)
        yield "</g>"

    # Arrows

    def _line(self, placed: PlacedArrow) -> Iterator[str]:
        arrow = placed.arrow
        colour, thick = _line_look(arrow)
        dash = ' stroke-dasharray="7 5"' if arrow.inferred else ' stroke-dasharray="2 4"' if arrow.unseen else ""
        yield f'<g id="{self._id(arrow)}" {self._data(arrow)}>'
        yield f"<title>{escape(self._told(arrow))}</title>"
        look = f'stroke="{colour}" stroke-width="{thick:.2g}"{dash}'
        yield f'<path class="line" d="{curve(placed.line)}" fill="none" {look}/>'
        yield f'<path class="head" d="{head(placed.base, placed.tip, thick)}" fill="{colour}"/>'
        yield "</g>"

    def _label(self, placed: PlacedArrow) -> Iterator[str]:
        if placed.box is None:
            return
        box = placed.box
        veil = Box(box.x - 2, box.y - 1, box.wide + 4, box.high + 2)
        shade = self._shade_at(box.x + box.wide / 2, box.y + box.high / 2)
        yield f'<g id="{self._id(placed.arrow)}-label" {self._data(placed.arrow, "said")}>'
        yield f"<title>{escape(self._told(placed.arrow))}</title>"
        yield _veil(veil, shade)
        yield from block(placed.label, box.x, box.y)
        yield "</g>"

    def _shade_at(self, x: float, y: float) -> str:
        """Return on which ground something stands."""
        around = [frame for frame in self._plan.frames if frame.box.holds(x, y)]
        return _shade(max((frame.depth for frame in around), default=1))

    def _id(self, arrow: Arrow) -> str:
        return self._prefix + self._arrows[_way(arrow)]

    def _data(self, arrow: Arrow, *classes: str) -> str:
        marks = {"walked": arrow.walked, "inferred": arrow.inferred, "silent": arrow.unseen, "next": arrow.next}
        names = " ".join(("edge", *classes, *(name for name, marked in marks.items() if marked)))
        events = " ".join(dict.fromkeys(label.event.replace(" ", "_") for label in arrow.labels))
        return (
            f'class="{names}" data-edge="{_value(_way(arrow))}" data-source="{_value(arrow.source)}" '
            f'data-target="{_value(arrow.target)}" data-events="{escape(plain(events, TOOLTIP_LENGTH))}"'
        )

    def _told(self, arrow: Arrow) -> str:
        """Return all that an arrow says, for its tooltip."""
        ends = f"{self._titles[arrow.source]} → {self._titles[arrow.target]}"
        if arrow.source == arrow.target:
            ends = self._titles[arrow.source]
        labels = (f"{label} {label.after}".strip() for label in arrow.labels)
        marks = [
            words
            for words, marked in (
                ("walked", arrow.walked and not arrow.inferred),
                ("walked, not seen but inferred", arrow.inferred),
                ("not seen by the server", arrow.unseen),
                ("may come next", arrow.next),
            )
            if marked
        ]
        if arrow.taken is not None:
            marks.append(f"taken {arrow.taken.times:,} times")
        said = f"{ends}: {'; '.join(labels)}"
        return plain(f"{said} ({', '.join(marks)})" if marks else said, TOOLTIP_LENGTH)

    # States

    def _state(self, placed: PlacedNode) -> Iterator[str]:
        node = placed.node
        classes = " ".join(("state", *_classes(placed)))
        yield (f'<g id="{self._prefix}{self._states[node.id]}" class="{classes}" data-state="{_value(node.id)}">')
        yield f"<title>{escape(_state_told(node))}</title>"
        yield from screen(placed) if placed.is_screen else plain_state(placed)
        yield from self._under(placed)
        if node.traffic is not None:
            yield from badge(placed)
        yield "</g>"

    def _under(self, placed: PlacedNode) -> Iterator[str]:
        """Yield what stands under the title."""
        if not placed.under:
            return
        box = placed.box
        y = box.y + box.high - highest(placed.under) - 7
        x = box.x + (box.wide - widest(placed.under)) / 2
        right = box.x + box.wide - 10
        line = f"M{short(box.x + 10)} {short(y - 4)}H{short(right)}"
        yield f'<path class="rule" d="{line}" stroke="{COLOURS["sketch"]}"/>'
        for part in placed.under:
            if part.arrow is not None:
                yield f'<g id="{self._id(part.arrow)}" {self._data(part.arrow, "within")}>'
                yield f"<title>{escape(self._told(part.arrow))}</title>"
                yield from block(part.block, x, y, colours=_within(part.arrow))
                yield "</g>"
            else:
                yield from block(part.block, x, y)
            y += part.block.high


def _within(arrow: Arrow) -> dict[str, str]:
    """Return the colours of words that stand for an arrow inside a state."""
    colour = COLOURS["walked"] if arrow.walked else COLOURS["next"] if arrow.next else COLOURS["ink"]
    return {**ROLES, "label": colour}


def _classes(placed: PlacedNode) -> Iterator[str]:
    node = placed.node
    if placed.is_screen:
        yield "screen"
    yield from (tag for tag in ("success", "failure") if tag in node.tags)
    marks = {
        "crowd": node.crowd,
        "initial": node.initial,
        "final": node.final,
        "visited": node.visited,
        "next": node.next,
        "current": node.current,
    }
    yield from (name for name, marked in marks.items() if marked)


def _state_told(node: Node) -> str:
    """Return all that a state says, for its tooltip."""
    said = [node.title if node.title == node.id else f"{node.title} ({node.id})"]
    if node.current:
        said.append("here now")
    elif node.visited:
        said.append("passed")
    if node.next:
        said.append("may come next")
    if node.traffic is not None:
        traffic = node.traffic
        said.append(f"{traffic.now:,} here now, {traffic.entered:,} ever, {traffic.dropped:,} dropped off here")
    return plain("; ".join(said), TOOLTIP_LENGTH)


# Lines


def _shade(depth: int) -> str:
    """Return the ground of a frame: frames in frames take turns."""
    return "ground" if depth % 2 else "frame"


def _veil(box: Box, shade: str) -> str:
    """Return what keeps lines from running through words."""
    return rect(box, f"veil on-{shade}", fill=COLOURS[shade], round_=3, more=' fill-opacity="0.82"')


def _start(dot: Point, placed: PlacedArrow) -> Iterator[str]:
    colour = COLOURS["ink"]
    yield '<g class="start">'
    yield f'<circle class="dot" cx="{short(dot[0])}" cy="{short(dot[1])}" r="6" fill="{colour}"/>'
    yield f'<path class="line" d="{curve(placed.line)}" fill="none" stroke="{colour}" stroke-width="{THIN}"/>'
    yield f'<path class="head" d="{head(placed.base, placed.tip, THIN)}" fill="{colour}"/>'
    yield "</g>"


def _line_look(arrow: Arrow) -> tuple[str, float]:
    """Return an arrow's colour, and how thick it is."""
    if arrow.walked:
        return COLOURS["walked"], WALKED
    if arrow.next:
        return COLOURS["next"], NEXT
    if arrow.taken is not None:
        return COLOURS["line"], THIN + (BUSY - THIN) * (arrow.taken.share or 0.0)
    return COLOURS["line"], THIN


def _value(name: str) -> str:
    return escape(plain(name, ID_LENGTH))


def _way(arrow: Arrow) -> str:
    """Return what tells an arrow from all others: its ends, and its manner."""
    manners = (("walked", arrow.walked), ("inferred", arrow.inferred), ("unseen", arrow.unseen))
    return " ".join((arrow.source, arrow.target, *(name for name, marked in manners if marked)))


def _slug(path: str) -> str:
    letters = "".join(char if char.isascii() and char.isalnum() else " " for char in path)
    return "-".join(letters.split())[:ID_LENGTH] or "any"
