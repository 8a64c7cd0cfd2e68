"""
Where everything in a picture stands: what is in it is measured, and Graphviz places boxes of those sizes.

Rule 1: the graph that is placed has numbers for names and empty boxes for labels, so no text can mean anything to it.
Rule 2: the definition's order runs down the page: an arrow to an earlier state is handed over from its end.
Rule 3: an arrow that many states have alike to one end is written in those states and not drawn, nor are loops.
Rule 4: what would be a strip when placed from top to bottom is placed from left to right.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from diagrams.blocks import Block, beside, inside, small, timers_of, title_of, traffic_of
from diagrams.crowds import Crowds
from diagrams.drawing import Arrow, Drawing, Group, Node
from diagrams.graphviz import lay_out
from diagrams.missing import TooMuchToDraw

MOST_STATES = 400
MOST_ARROWS = 2000
"""What is larger is no picture that anybody could read."""

SCREEN = "screen"
"""The tag of states that are screens of a Flow."""

MANY = 6
"""So many arrows alike to one end are written in the states that they leave."""

STRIP, SLIM = 1300.0, 2.5
"""What is wider than this, and so many times wider than high, is a strip."""

SKETCH = 29.0
"""How high the sketch of a screen is."""

BAR = 10.0
"""What is left free around the title of a screen, above and below together."""

PAD = 14.0
"""What is left free around all."""

_INCH = 72.0
_ASIDE = 4.0
"""The room between an arrow and its label."""

_HEAD = (
    "graph [compound=true, nodesep=0.3, ranksep=0.34, pad=0, margin=0, labeljust=l]\n"
    'node [shape=box, fixedsize=true, label=""]\n'
    "edge [arrowsize=0.75, dir=forward]"
)

Point = tuple[float, float]


class Box(Struct, frozen=True):
    """An upright rectangle, by its upper left corner."""

    x: float
    y: float
    wide: float
    high: float

    def holds(self, x: float, y: float) -> bool:
        """Return whether a point lies in it."""
        return self.x <= x <= self.x + self.wide and self.y <= y <= self.y + self.high


class Part(Struct, frozen=True):
    """What stands in a state under its title: of an arrow that is not drawn, or of the state itself."""

    block: Block
    arrow: Arrow | None = None


class PlacedNode(Struct, frozen=True):
    """A state with its place: its title, what stands under it and, of a screen, its id."""

    node: Node
    box: Box
    title: Block
    under: tuple[Part, ...]
    name: Block

    @property
    def is_screen(self) -> bool:
        """Return whether it is drawn as a phone's screen."""
        return SCREEN in self.node.tags


class PlacedFrame(Struct, frozen=True):
    """A group with its place; *depth* counts the frames around it."""

    group: Group
    box: Box
    title: Block
    depth: int


class PlacedArrow(Struct, frozen=True):
    """An arrow's line (the points of Bézier curves), its tip, and its label's place, if it has one."""

    arrow: Arrow
    line: tuple[Point, ...]
    tip: Point
    base: Point
    label: Block
    box: Box | None


class Plan(Struct, frozen=True):
    """A picture with everything in its place; *starts* are the lines that lead to the initial state."""

    wide: float
    high: float
    frames: tuple[PlacedFrame, ...]
    nodes: tuple[PlacedNode, ...]
    arrows: tuple[PlacedArrow, ...]
    starts: tuple[tuple[Point, PlacedArrow], ...]


def plan(drawing: Drawing) -> Plan:
    """
    Return where everything stands.

    Raises:
        PicturesUnavailable: a library that draws is not installed.
        TooMuchToDraw: there is too much.
    """
    nodes = [*drawing.root.all_nodes()]
    if len(nodes) > MOST_STATES or len(drawing.arrows) > MOST_ARROWS:
        raise TooMuchToDraw
    return _Planner(drawing).planned()


class _Size(Struct, frozen=True):
    """A node as it is measured."""

    node: Node
    wide: float
    high: float
    title: Block
    under: tuple[Part, ...]
    name: Block


class _Planner:
    """Measures one drawing, has it placed, and reads the places."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self._crowds = Crowds(drawing)
        nodes = {node.id: node for node in drawing.root.all_nodes()}
        self._exits = _exits(drawing.arrows, nodes)
        written = {arrow for arrow in drawing.arrows if arrow.source == arrow.target or arrow in self._exits}
        parts: dict[str, list[Part]] = {}
        for arrow in drawing.arrows:
            if arrow in written:
                title = "" if arrow.source == arrow.target else nodes[arrow.target].title
                parts.setdefault(arrow.source, []).append(Part(inside(arrow, title), arrow))
        for end, times in Counter(arrow.target for arrow in self._exits).items():
            parts.setdefault(end, []).append(Part(small(f"from {times} states")))
        self._sizes = [
            _measured(node, parts.get(node.id, [])) for node in nodes.values() if self._crowds.is_drawn(node)
        ]
        self._number = {size.node.id: place for place, size in enumerate(self._sizes)}
        self._groups = [group for group in drawing.root.all_groups() if group.id]
        self._titles = [title_of(group.title) for group in self._groups]
        self._frame = {group.id: place for place, group in enumerate(self._groups)}
        self._arrows = [arrow for arrow in drawing.arrows if arrow not in written]
        self._labels = [beside(arrow) for arrow in self._arrows]

    def planned(self) -> Plan:
        placed = lay_out("\n".join(self._lines("TB")))
        left, low, right, top = _numbers(placed["bb"])
        if right - left > max(STRIP, SLIM * (top - low)):
            placed = lay_out("\n".join(self._lines("LR")))
            left, low, right, top = _numbers(placed["bb"])
        self._left, self._top = left, top
        objects = {each["name"]: each for each in placed.get("objects", ())}
        edges = {each["id"]: each for each in placed.get("edges", ()) if "id" in each}
        return Plan(
            wide=right - left + 2 * PAD,
            high=top - low + 2 * PAD,
            frames=tuple(self._placed_frame(place, objects) for place in range(len(self._groups))),
            nodes=tuple(self._placed_node(place, objects) for place in range(len(self._sizes))),
            arrows=tuple(
                self._placed_arrow(edges[f"e{place}"], arrow, self._labels[place])
                for place, arrow in enumerate(self._arrows)
            ),
            starts=tuple(self._starts(objects, edges)),
        )

    # What is handed over

    def _lines(self, direction: str) -> Iterator[str]:
        yield "digraph {"
        yield f"{_HEAD}\nrankdir={direction}"
        yield from self._inside(self._drawing.root)
        yield from (self._edge(place, arrow) for place, arrow in enumerate(self._arrows))
        for last in {arrow.target: arrow for arrow in self._exits}.values():
            yield f"n{self._number[last.source]} -> n{self._number[last.target]} [style=invis, weight=0]"
        for place, size in enumerate(self._sizes):
            if size.node.initial:
                yield f"s{place} [shape=circle, width={14 / _INCH:.3f}, height={14 / _INCH:.3f}]"
                yield f"s{place} -> n{place} [id=s{place}, minlen=1]"
        yield "}"

    def _inside(self, group: Group) -> Iterator[str]:
        for member in group.members:
            if isinstance(member, Group):
                place = self._frame[member.id]
                title = self._titles[place]
                yield f"subgraph cluster_{place} {{"
                yield f"graph [margin=14, label={_blank(title.wide + 4, title.high)}]"
                yield from self._inside(member)
                yield "}"
            elif member.id in self._number:
                size = self._sizes[self._number[member.id]]
                wide, high = size.wide / _INCH, size.high / _INCH
                yield f"n{self._number[member.id]} [width={wide:.3f}, height={high:.3f}]"

    def _edge(self, number: int, arrow: Arrow) -> str:
        tied = self._crowds.ends(arrow)
        upwards = self._crowds.leads_up(tied)
        ends = [f"n{self._number[tied.tail]}", f"n{self._number[tied.head]}"]
        label = self._labels[number]
        look = [f"id=e{number}"]
        if label.rows:
            look.append(f"label={_blank(label.wide + 2 * _ASIDE, label.high + 2)}")
        if upwards:
            ends.reverse()
            look.append("dir=back")
        if tied.frame is not None:
            look.append(f"{'lhead' if upwards else 'ltail'}=cluster_{self._frame[tied.frame.id]}")
        return f"{' -> '.join(ends)} [{', '.join(look)}]"

    # What comes back

    def _placed_node(self, place: int, objects: dict[str, Any]) -> PlacedNode:
        size = self._sizes[place]
        x, y = self._point(objects[f"n{place}"]["pos"])
        box = Box(x - size.wide / 2, y - size.high / 2, size.wide, size.high)
        return PlacedNode(size.node, box, size.title, size.under, size.name)

    def _placed_frame(self, place: int, objects: dict[str, Any]) -> PlacedFrame:
        left, low, right, top = _numbers(objects[f"cluster_{place}"]["bb"])
        x, y = self._flipped(left, top)
        group = self._groups[place]
        depth = sum(group.id.startswith(f"{other.id}.") for other in self._groups)
        return PlacedFrame(group, Box(x, y, right - left, top - low), self._titles[place], depth)

    def _placed_arrow(self, edge: dict[str, Any], arrow: Arrow, label: Block) -> PlacedArrow:
        words = edge["pos"].split()
        ends = {word[0]: self._point(word[2:]) for word in words if word[0] in "se"}
        line = tuple(self._point(word) for word in words if word[0] not in "se")
        tip, base = (ends["e"], line[-1]) if "e" in ends else (ends["s"], line[0])
        box = None
        if label.rows:
            x, y = self._point(edge["lp"])
            box = Box(x - label.wide / 2, y - label.high / 2, label.wide, label.high)
        return PlacedArrow(arrow, line, tip, base, label, box)

    def _starts(self, objects: dict[str, Any], edges: dict[str, Any]) -> Iterator[tuple[Point, PlacedArrow]]:
        for place, size in enumerate(self._sizes):
            if size.node.initial:
                arrow = self._placed_arrow(edges[f"s{place}"], Arrow("", size.node.id), Block())
                yield self._point(objects[f"s{place}"]["pos"]), arrow

    def _point(self, text: str) -> Point:
        x, y = _numbers(text)
        return self._flipped(x, y)

    def _flipped(self, x: float, y: float) -> Point:
        """Return a point of Graphviz', which counts upwards."""
        return x - self._left + PAD, self._top - y + PAD


def _exits(arrows: Iterable[Arrow], nodes: Mapping[str, Node]) -> dict[Arrow, None]:
    """Return the arrows that many states have alike to one end, in their order; what was walked is always drawn."""
    alike: dict[Arrow, list[Arrow]] = {}
    for arrow in arrows:
        if nodes[arrow.target].final and not arrow.walked and not nodes[arrow.source].crowd:
            alike.setdefault(replace(arrow, source="", next=False, taken=None), []).append(arrow)
    return dict.fromkeys(arrow for same in alike.values() if len(same) >= MANY for arrow in same)


def _measured(node: Node, written: list[Part]) -> _Size:
    parts = [*written, Part(timers_of(node))]
    if node.traffic is not None and not node.final:
        parts.append(Part(traffic_of(node.traffic)))
    under = tuple(part for part in parts if part.block.rows)
    return (_measured_screen if SCREEN in node.tags else _measured_state)(node, under)


def _measured_state(node: Node, under: tuple[Part, ...]) -> _Size:
    title = title_of(node.title)
    wide = max(title.wide, widest(under)) + 28
    high = title.high + 18 + (highest(under) + 9 if under else 0)
    return _Size(node, max(wide, 84), max(high, 36), title, under, Block())


def _measured_screen(node: Node, under: tuple[Part, ...]) -> _Size:
    """Return the size of a screen: a phone's, with a bar for the title and a sketch of what is in it."""
    title = title_of(node.title, room=130)
    name = small(node.id if node.id != node.title else "", room=140)
    wide = max(title.wide, name.wide, widest(under), 92) + 24
    high = title.high + BAR + SKETCH + (name.high + 3 if name.rows else 0) + (highest(under) + 9 if under else 0)
    return _Size(node, wide, high, title, under, name)


def widest(parts: Iterable[Part]) -> float:
    """Return how wide the widest part is."""
    return max((part.block.wide for part in parts), default=0.0)


def highest(parts: Iterable[Part]) -> float:
    """Return how high all parts are, one under the other."""
    return sum(part.block.high for part in parts)


def _blank(wide: float, high: float) -> str:
    """Return a label of that size with nothing in it."""
    size = f'FIXEDSIZE="TRUE" WIDTH="{wide:.0f}" HEIGHT="{high:.0f}"'
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0" {size}><TR><TD></TD></TR></TABLE>>'


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.split("[, ]", text)]
