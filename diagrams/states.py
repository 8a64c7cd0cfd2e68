"""How a state is drawn: a box or, of a screen, a phone with its title; the ring, point and badge it may have."""

from collections.abc import Iterator

from diagrams.drawing import Node
from diagrams.letters import width
from diagrams.look import COLOURS, SMALL
from diagrams.plan import BAR, Box, PlacedNode, highest
from diagrams.strokes import ROLES, SOFT, block, rect, short


def plain_state(placed: PlacedNode) -> Iterator[str]:
    """Yield a box with a title; an end has a double border, a crowd a dashed one."""
    node, box = placed.node, placed.box
    fill, stroke, thick = _box_look(node)
    dash = ' stroke-dasharray="4 4"' if node.crowd else ""
    yield _ring(placed)
    yield rect(box, "box", fill=fill, stroke=stroke, round_=9, more=f' stroke-width="{thick}"{dash}')
    if node.final:
        inner = Box(box.x + 3.5, box.y + 3.5, box.wide - 7, box.high - 7)
        yield rect(inner, "inner", fill="none", stroke=stroke, round_=6)
    free = box.high - (highest(placed.under) + 9 if placed.under else 0)
    x = box.x + (box.wide - placed.title.wide) / 2
    colours = SOFT if node.crowd else ROLES
    yield from block(placed.title, x, box.y + (free - placed.title.high) / 2, colours=colours, centred=True)
    yield from _here(placed)


def screen(placed: PlacedNode) -> Iterator[str]:
    """Yield a phone's screen: a bar with the title, a sketch of what is in it, a button."""
    node, box = placed.node, placed.box
    fill, stroke, thick = _box_look(node)
    bar = placed.title.high + BAR
    wash = "done-wash" if "success" in node.tags else "grave-wash" if "failure" in node.tags else "screen-wash"
    yield _ring(placed)
    yield rect(box, "box", fill=fill, stroke=stroke, round_=11, more=f' stroke-width="{thick}"')
    left, right = f"M{short(box.x + 1)} {short(box.y + bar)}v{short(11 - bar)}", short(box.wide - 22)
    top = f"{left}a10 10 0 0 1 10 -10h{right}a10 10 0 0 1 10 10v{short(bar - 11)}z"
    yield f'<path class="bar" d="{top}" fill="{COLOURS[wash]}"/>'
    x = box.x + (box.wide - placed.title.wide) / 2
    yield from block(placed.title, x, box.y + BAR / 2, centred=True)
    y = box.y + bar + 4
    if placed.name.rows:
        yield from block(placed.name, box.x + (box.wide - placed.name.wide) / 2, y, centred=True)
        y += placed.name.high + 2
    yield f'<g class="sketch" fill="{COLOURS["sketch"]}">'
    for down, part in ((0, 0.78), (6, 0.56)):
        wide = short((box.wide - 24) * part)
        yield f'<rect x="{short(box.x + 12)}" y="{short(y + down)}" width="{wide}" height="4" rx="2"/>'
    yield "</g>"
    yield (
        f'<rect class="press" x="{short(box.x + 12)}" y="{short(y + 12)}" width="{short(box.wide - 24)}" '
        f'height="9" rx="4.5" fill="{COLOURS["screen"]}" fill-opacity="0.85"/>'
    )
    yield from _here(placed)


def _box_look(node: Node) -> tuple[str, str, float]:
    """Return a state's ground, its border's colour, and how thick that is."""
    if node.current:
        return COLOURS["current-wash"], COLOURS["current"], 3
    if node.visited:
        return COLOURS["visited-wash"], COLOURS["walked"], 1.8
    return COLOURS["ground" if node.crowd else "box"], COLOURS["line"], 1.3


def _ring(placed: PlacedNode) -> str:
    """Return the ring around what may come next; a script may light it around any."""
    box = placed.box
    outer = Box(box.x - 4, box.y - 4, box.wide + 8, box.high + 8)
    stroke = COLOURS["next"] if placed.node.next else "none"
    return rect(outer, "ring", fill="none", stroke=stroke, round_=13, more=' stroke-width="1.6" stroke-dasharray="5 3"')


def _here(placed: PlacedNode) -> Iterator[str]:
    """Yield the point beside the state that it stands in now; a script may light it in any."""
    box = placed.box
    fill = COLOURS["current"] if placed.node.current else "none"
    yield f'<circle class="here" cx="{short(box.x)}" cy="{short(box.y + box.high / 2)}" r="6" fill="{fill}"/>'


def badge(placed: PlacedNode) -> Iterator[str]:
    """Yield the badge that says how many are in a state now; with none it is there, unseen."""
    traffic = placed.node.traffic
    now = 0 if traffic is None else traffic.now
    text = f"{now:,}"
    wide = max(width(text, SMALL + 1, 600) + 14, 24)
    x, y = placed.box.x + placed.box.wide - wide + 13, placed.box.y - 12
    hidden = "" if now else ' visibility="hidden"'
    yield f'<g class="count"{hidden} data-now="{now}">'
    yield rect(Box(x, y, wide, 18), "tally", fill=COLOURS["badge"], stroke=COLOURS["ground"], round_=9)
    yield (
        f'<text x="{short(x + wide / 2)}" y="{short(y + 12.8)}" font-size="11" font-weight="600" text-anchor="middle" '
        f'fill="{COLOURS["badge-ink"]}">{text}</text>'
    )
    yield "</g>"
