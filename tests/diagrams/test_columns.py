"""A strip in columns: what is folded, where it is cut, and how arrows lead over."""

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.pictures import thirty_screens
from diagrams import Drawing, draw
from diagrams.columns import HIGH, WIDE, in_columns
from diagrams.plan import Plan, Point, plan
from engine.model import Definition, Group, State, Transition
from tests.diagrams.reading import Rectangle

STEPS = 9
"""So many points of each curve are looked at."""


def chain(states: int, *further: tuple[int, int], path: str = "") -> Drawing:
    """Return a drawing in which each state leads to the next, and some to others as well."""
    names = [f"{path}s{number}" for number in range(states)]
    ways = {*pairwise(range(states)), *further}
    arrows = tuple(Transition(names[one], f"go {one} {other}", names[other]) for one, other in sorted(ways))
    group = (Group(path.rstrip("."), "All of them"),) if path else ()
    return draw(Definition("d", names[0], tuple(map(State, names)), arrows, groups=group))


def points(line: tuple[Point, ...]) -> list[Point]:
    """Return points on a line, in their order."""
    found = []
    for place in range(0, len(line) - 1, 3):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = line[place : place + 4]
        for step in range(STEPS + 1):
            t = step / STEPS
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            found.append((a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy))
    return found


def boxes(what: Plan) -> dict[str, Rectangle]:
    """Return where the states stand."""
    return {
        placed.node.id: Rectangle(placed.box.x, placed.box.y, placed.box.wide, placed.box.high) for placed in what.nodes
    }


def run_over(what: Plan) -> set[tuple[str, str, str]]:
    """Return the arrows that run over a state, with their ends."""
    return {
        (placed.arrow.source, placed.arrow.target, state)
        for placed in what.arrows
        for x, y in points(placed.line)
        for state, box in boxes(what).items()
        if box.x + 1 < x < box.x + box.wide - 1 and box.y + 1 < y < box.y + box.high - 1
    }


def columns(what: Plan) -> list[list[str]]:
    """Return the screens by their columns, from left to right, and from top to bottom in each."""
    found: dict[int, list[tuple[float, str]]] = {}
    for placed in what.nodes:
        if placed.is_screen:
            found.setdefault(int(placed.box.x // (what.wide / 3)), []).append((placed.box.y, placed.node.id))
    return [[state for _, state in sorted(column)] for _, column in sorted(found.items())]


def test_thirty_screens_are_read_down_three_columns_one_after_the_other() -> None:
    strip = plan(draw(thirty_screens()))
    folded = in_columns(strip)

    read = columns(folded)
    assert len(read) == 3
    assert [state for column in read for state in column] == [
        placed.node.id for placed in strip.nodes if placed.is_screen
    ]
    assert (folded.wide <= WIDE, folded.high <= HIGH) == (True, True)


def test_no_more_columns_are_made_than_two_screens_need() -> None:
    low, high = plan(chain(10)), plan(chain(40))

    assert in_columns(low) is low
    folded = in_columns(high)
    assert HIGH < high.high < 2 * folded.high <= 2 * HIGH
    assert len({round(box.x + box.wide / 2) for box in boxes(folded).values()}) == 2


def test_what_would_be_wider_than_a_screen_stays_a_strip() -> None:
    strip = plan(chain(40, *((one, one + 5) for one in range(35)), *((one, one + 9) for one in range(31))))

    assert strip.high > HIGH
    assert in_columns(strip) == strip


def test_a_frame_goes_on_in_the_next_column() -> None:
    strip = plan(chain(40, path="road.customs."))
    folded = in_columns(strip)

    assert (folded.wide <= WIDE, folded.high <= HIGH) == (True, True)
    assert sorted(frame.group.id for frame in folded.frames) == ["road", "road", "road.customs", "road.customs"]
    outer, inner = (frames(folded, depth) for depth in (0, 1))
    assert not outer[0].overlaps(outer[1])
    assert [holds(one, other) for one in outer for other in inner] == [True, False, False, True]
    assert all(sum(holds(frame, box) for frame in inner) == 1 for box in boxes(folded).values())


def frames(what: Plan, depth: int) -> list[Rectangle]:
    """Return where the frames stand that are so deep in others."""
    return [
        Rectangle(placed.box.x, placed.box.y, placed.box.wide, placed.box.high)
        for placed in what.frames
        if placed.depth == depth
    ]


def holds(one: Rectangle, other: Rectangle) -> bool:
    """Return whether one rectangle holds another."""
    return (
        one.x <= other.x
        and other.x + other.wide <= one.x + one.wide
        and one.y <= other.y
        and other.y + other.high <= one.y + one.high
    )


@settings(deadline=None, max_examples=12)
@given(
    st.integers(30, 60),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=8),
    st.sampled_from(["", "road.", "road.customs."]),
)
def test_whatever_is_folded_is_whole(states: int, further: list[tuple[int, int]], path: str) -> None:
    strip = plan(chain(states, *further, path=path))
    folded = in_columns(strip)

    assert [placed.node for placed in folded.nodes] == [placed.node for placed in strip.nodes]
    assert [placed.arrow for placed in folded.arrows] == [placed.arrow for placed in strip.arrows]
    assert not [one for one, other in combinations(boxes(folded).values(), 2) if one.overlaps(other)]
    assert run_over(folded) <= run_over(strip)
    assert all(
        sum(holds(frame, box) for frame in frames(folded, depth)) == 1
        for depth in range(path.count("."))
        for box in boxes(folded).values()
    )
    assert all(reaches(folded, placed.arrow.target, placed.tip) for placed in folded.arrows)
    for placed in folded.arrows:
        assert (len(placed.line) - 1) % 3 == 0
        assert all(0 <= x <= folded.wide and 0 <= y <= folded.high for x, y in placed.line)


def reaches(what: Plan, state: str, tip: Point) -> bool:
    """Return whether an arrow's tip is at the border of a state."""
    box = boxes(what)[state]
    return Rectangle(tip[0] - 3, tip[1] - 3, 6, 6).overlaps(box)
