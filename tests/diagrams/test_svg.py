import itertools
import re
import time
from pathlib import Path
from xml.etree.ElementTree import Element  # what is read is what we wrote

import pytest
from hypothesis import given, settings

from bench.pictures import GOAL, thirty_screens
from diagrams import Overlay, StateTraffic, TooMuchToDraw, Traffic, Walked, draw, graphviz, render_svg
from diagrams.letters import width
from diagrams.look import COLOURS, SMALL, TITLE
from diagrams.strokes import short
from engine.model import SECOND, Definition, Guard, State, Timer, Transition
from tests.diagrams.golden_pictures import DOCUMENTS, shipped
from tests.diagrams.reading import (
    SVG,
    Rectangle,
    Shape,
    boxes,
    edges,
    frames,
    groups,
    picture,
    rectangle,
    states,
    texts,
)
from tests.diagrams.samples import ORDER, ORDER_RUN, PARCEL, PARCEL_RUN
from tests.diagrams.strategies import drawn

ROOT = Path(__file__).parent.parent.parent
STYLE = ROOT / "api/assets/diagram.css"

HOSTILE = (
    "</text><script>alert(1)</script>",
    "</title></svg><img src=x onerror=alert(1)>",
    '"\' onload="alert(1)',
    "&lt;script&gt; ]]> <!--",
    "\0\x1b\u202eevil\u2066\ud800\ufffe",
    "A" * 10_000,
    "W " * 5_000,
    "شحنة في الطريق",
    "शिपमेंट रास्ते में है",
    "🚚👩\u200d👧 on its way",
)


EVERY = [
    *(pytest.param(shipped(name), id=name) for name in DOCUMENTS),
    pytest.param(thirty_screens(), id="thirty screens"),
]


@pytest.fixture(scope="module", params=EVERY)
def root(request: pytest.FixtureRequest) -> Element:
    """Return the picture of each definition, made once for all that is asked of it."""
    return picture(render_svg(draw(request.param)))


# What is shown


def test_a_flat_definition_and_a_run() -> None:
    root = picture(render_svg(draw(ORDER, ORDER_RUN)))

    assert states(root) == {
        "*": Shape(("crowd",), ("any state",)),
        "placed": Shape(("initial", "visited"), ("Order placed",)),
        "paid": Shape((), ("paid", "weigh")),
        "shipped": Shape(("visited",), ("On its way",)),
        "delivered": Shape(("final",), ("Delivered",)),
        "cancelled": Shape(("final", "visited", "current"), ("Cancelled",)),
    }
    assert edges(root) == {
        "* cancelled": Shape(("said",), ("cancel",)),
        "placed paid": Shape(("said",), ("pay", "[total_is_covered]", "send_receipt")),
        "placed shipped walked inferred": Shape(("walked", "inferred", "said"), ("pick_up",)),
        "paid shipped": Shape(("said",), ("hand_over", "pick_up")),
        "shipped delivered": Shape(("said",), ("arrive", "thank_customer", "ask_for_review")),
        "shipped delivered unseen": Shape(("silent", "said"), ("left_at_door",)),
        "shipped cancelled walked": Shape(("walked", "said"), ("cancel",)),
        "paid paid": Shape(("within",), ("weigh",)),
    }
    assert frames(root) == {}
    assert root.findtext(f"{SVG}title") == "Order"
    described = "5 states, 8 arrows. Now in: Cancelled. Passed: Order placed, On its way, Cancelled."
    assert root.findtext(f"{SVG}desc") == described


def test_a_nested_definition_and_a_run() -> None:
    root = picture(render_svg(draw(PARCEL, PARCEL_RUN)))

    assert states(root) == {
        "packed": Shape(("initial", "visited"), ("Packed",)),
        "road.*": Shape(("crowd",), ("any of these", "delay")),
        "road.moving": Shape(("visited",), ("In transit",)),
        "road.customs.waiting": Shape(("visited", "current"), ("Waiting",)),
        "road.customs.cleared": Shape((), ("Cleared",)),
        "road.stolen": Shape(("final",), ("Stolen",)),
        "there": Shape(("final",), ("Delivered",)),
        "lost": Shape(("final",), ("Lost",)),
    }
    assert edges(root) == {
        "packed road.moving walked": Shape(("walked", "said"), ("pick_up",)),
        "road.* road.stolen": Shape(("said",), ("steal",)),
        "road.* lost": Shape(("said",), ("lose",)),
        "road.moving road.customs.waiting walked": Shape(("walked", "said"), ("reach_border",)),
        "road.moving there": Shape(("said",), ("arrive",)),
        "road.customs.waiting road.moving": Shape(("said",), ("send_back",)),
        "road.customs.waiting road.customs.cleared": Shape(("said",), ("clear",)),
        "road.customs.cleared road.moving": Shape(("said",), ("leave",)),
        "road.* road.*": Shape(("within",), ("delay",)),
    }
    assert frames(root) == {"road": Shape((), ("On the road",)), "road.customs": Shape((), ("customs",))}


def test_what_may_come_next_is_lit() -> None:
    run = Overlay("paid", (Walked("placed", "pay", "paid"),), ("pick_up", "weigh", "cancel"))
    root = picture(render_svg(draw(ORDER, run)))

    assert {state for state, shape in states(root).items() if "next" in shape.classes} == {"shipped", "cancelled"}
    assert {edge for edge, shape in edges(root).items() if "next" in shape.classes} == {
        "paid shipped",
        "paid paid",
        "* cancelled",
    }


def test_a_screen_is_a_phone_with_its_title_and_its_id() -> None:
    screens = (
        State("ASK", "What do you need?", tags=("screen",)),
        State("BOOKED", "See you soon", tags=("screen", "terminal", "success")),
        State("SORRY", tags=("screen", "terminal", "failure")),
    )
    root = picture(render_svg(draw(Definition("d", "ASK", screens, ()))))

    assert states(root) == {
        "ASK": Shape(("screen", "initial"), ("What do you need?", "ASK")),
        "BOOKED": Shape(("screen", "success"), ("See you soon", "BOOKED")),
        "SORRY": Shape(("screen", "failure"), ("SORRY",)),
    }
    assert all(group.find(f"{SVG}rect[@class='press']") is not None for group in groups(root, "screen"))


def test_timers_say_when() -> None:
    day = 24 * 3600 * SECOND
    definition = Definition(
        "d",
        "a",
        (State("a"), State("b"), State("c")),
        (Transition("a", "remind", "b"), Transition("a", "go", "c")),
        timers=(Timer("a", "remind", 3 * day), Timer("a", "expire", at="expires_at"), Timer("b", "end", -day, "due")),
    )
    root = picture(render_svg(draw(definition)))

    assert edges(root)["a b"].texts == ("remind", "after 3 days")
    assert states(root)["a"].texts == ("a", "expire", "at expires_at")
    assert states(root)["b"].texts == ("b", "end", "1 day before due")
    assert [mark.get("class") for mark in root.iter(f"{SVG}path") if "timer" in mark.get("class", "")] == [
        "mark timer",
        "mark timer",
        "mark timer",
    ]


def test_an_event_named_as_its_target_is_told_by_the_arrow() -> None:
    states_ = (State("sent"), State("read"))
    arrow = Transition("sent", "read", "read", Guard("is_known"), ("thank",))
    root = picture(render_svg(draw(Definition("d", "sent", states_, (arrow,)))))

    assert edges(root) == {"sent read": Shape(("said",), ("[is_known]", "thank"))}
    assert [group.get("data-events") for group in groups(root, "edge")] == ["read", "read"]
    assert next(groups(root, "edge")).findtext(f"{SVG}title") == "sent → read: read [is_known] / thank"


def test_what_many_states_do_alike_to_an_end_is_written_in_them() -> None:
    names = [f"step{number}" for number in range(6)]
    ways = (
        *(Transition(one, "go", other) for one, other in itertools.pairwise(names)),
        *(Transition(name, "give_up", "gone", effects=("tell",)) for name in names[:-1]),
        Transition(names[-1], "give_up", "gone", effects=("tell",)),
        Transition("late", "give_up", "kept"),
    )
    kept = (State("late"), State("kept"))
    definition = Definition("d", names[0], (*map(State, names), State("gone", "Gone", final=True), *kept), ways)
    root = picture(render_svg(draw(definition)))

    assert edges(root)["step0 gone"] == Shape(("within",), ("give_up to Gone", "tell"))
    assert states(root)["gone"].texts == ("Gone", "from 6 states")


def test_traffic_is_told_in_numbers_and_words() -> None:
    traffic = Traffic(
        {"placed": StateTraffic(12, 1000, 100, 5400.0), "paid": StateTraffic(1204, 800), "delivered": StateTraffic(7)},
        {("placed", "pay", "paid"): 750, ("placed", "cancel", "cancelled"): 250, ("paid", "weigh", "paid"): 3},
    )
    root = picture(render_svg(draw(ORDER, traffic=traffic)))

    assert states(root)["placed"].texts == ("Order placed", "median 1 h 30 min", "10 % drop off here", "12")
    assert states(root)["paid"].texts == ("paid", "weigh", "3 times", "1,204")
    assert edges(root)["placed paid"].texts[0] == "75 % · 750"
    assert edges(root)["paid shipped"].texts == ("hand_over", "pick_up")
    counts = {group.get("data-now"): group.get("visibility") for group in groups(root, "count")}
    assert counts == {"12": None, "1204": None, "7": None, "0": "hidden"}
    thick = {
        group.get("data-edge"): float(line.get("stroke-width", "0"))
        for group in groups(root, "edge")
        for line in group.findall(f"{SVG}path[@class='line']")
    }
    assert thick["placed paid"] > thick["* cancelled"] > thick["paid shipped"]


# How it is written


def test_a_picture_stands_in_a_strict_page(root: Element) -> None:
    named = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert named <= {"svg", "g", "title", "desc", "rect", "path", "circle", "text", "tspan"}
    attributes = {name for element in root.iter() for name in element.keys()}  # noqa: SIM118 - an element is no mapping
    assert not {name for name in attributes if name == "style" or name.startswith("on") or "href" in name}
    assert (root.get("role"), root.get("aria-label")) == ("img", root.findtext(f"{SVG}title"))
    assert all(group.findtext(f"{SVG}title") for name in ("state", "edge") for group in groups(root, name))


@pytest.mark.parametrize("definition", EVERY)
def test_ids_are_each_their_own_and_take_a_prefix(definition: Definition) -> None:
    ids = [element.get("id") for element in picture(render_svg(draw(definition), prefix="one-")).iter()]

    given_ = [each for each in ids if each is not None]
    assert len(given_) == len(set(given_)) > 0
    assert all(re.fullmatch(r"one-(state|edge)-[A-Za-z0-9_-]+", each) for each in given_)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_means_anything_or_takes_more_room_than_there_is(text: str) -> None:
    named = (State(f"{text}.a", text), State("b", text, final=True), State("c", text, tags=("screen",)))
    arrows = (
        Transition(f"{text}.a", text, "b", Guard(text, (text,)), (text, text)),
        Transition("b", text, "c", unseen=True),
        Transition("c", text, "c", effects=(text,)),
    )
    definition = Definition(text, f"{text}.a", named, arrows, title=text, timers=(Timer("c", text, at=text),))
    svg = render_svg(draw(definition, Overlay("c", (Walked(f"{text}.a", text, "b"),), (text,))))
    root = picture(svg)

    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "g", "title", "desc", "rect", "path", "circle", "text", "tspan")
    }
    assert float(root.get("width", "0")) < 1200
    assert len(svg) < 40_000


def test_each_part_of_a_text_has_the_font_of_its_letters_and_its_place() -> None:
    svg = render_svg(draw(Definition("d", "a", (State("a", "🚚 Sent शिपमेंट"),), ())))

    parts = [*picture(svg).iter(f"{SVG}tspan")]
    assert [(part.text, part.get("font-family", "").partition(",")[0]) for part in parts] == [
        ("🚚", "'Noto Emoji'"),
        (" Sent ", ""),
        ("शिपमेंट", "'Noto Sans Devanagari'"),
    ]
    emoji, word, other = (float(part.get("x", "0")) for part in parts)
    assert word - emoji == pytest.approx(width("🚚", TITLE), abs=0.1)
    assert other - word == pytest.approx(width(" Sent ", TITLE, 600), abs=0.1)
    assert [part.get("textLength") for part in parts] == [None, short(width(" Sent ", TITLE, 600)), None]


def test_the_same_drawing_is_the_same_text() -> None:
    assert render_svg(draw(PARCEL, PARCEL_RUN)) == render_svg(draw(PARCEL, PARCEL_RUN))


def test_a_picture_of_too_much_is_refused() -> None:
    many = tuple(State(f"s{number}") for number in range(401))

    with pytest.raises(TooMuchToDraw, match="too large for a picture"):
        render_svg(draw(Definition("d", "s0", many, ())))


# Where things stand


def test_states_stand_apart_and_labels_beside_them(root: Element) -> None:
    assert overlapping(root) == []


def overlapping(root: Element) -> list[tuple[Rectangle, Rectangle]]:
    """Return the states that overlap others, and the labels that lie on states."""
    places = boxes(root, "state", "box")
    labels = boxes(root, "said", "veil")
    states_ = [(one, other) for one, other in itertools.combinations(places, 2) if one.overlaps(other)]
    return states_ + [(label, box) for label in labels for box in places if label.overlaps(box, tolerance=6)]


def test_texts_fit_into_their_states_and_all_into_the_picture(root: Element) -> None:
    whole = Rectangle(0, 0, float(root.get("width", "0")), float(root.get("height", "0")))

    for group in groups(root, "state"):
        box = next(rectangle(rect) for rect in group.iter(f"{SVG}rect") if rect.get("class") == "box")
        for text in group.iter(f"{SVG}text"):
            left, wide = float(text.get("x", "0")), float(text.get("textLength", "0"))
            assert box.x <= left <= left + wide <= box.x + box.wide
            assert box.y <= float(text.get("y", "0")) <= box.y + box.high
        assert 0 <= box.x <= box.x + box.wide <= whole.wide
        assert 0 <= box.y <= box.y + box.high <= whole.high


def test_thirty_screens_are_legible_on_a_laptop() -> None:
    root = picture(render_svg(draw(thirty_screens())))

    sizes = [float(text.get("font-size", "0")) for text in root.iter(f"{SVG}text")]
    assert min(sizes) == SMALL >= 9
    assert float(root.get("width", "0")) <= 1280  # it is not made smaller to fit
    assert float(root.get("height", "0")) <= 2 * 900
    assert len([*groups(root, "screen")]) == 30


def test_a_warm_picture_of_thirty_screens_takes_no_tenfold_of_its_goal() -> None:
    drawing = draw(thirty_screens())
    render_svg(drawing)

    took = []
    for _ in range(5):
        graphviz.forget()
        began = time.perf_counter()
        render_svg(drawing)
        took.append(time.perf_counter() - began)

    assert min(took) < 10 * GOAL / 1000


def test_a_strip_is_turned() -> None:
    many = [State(f"place number {number}") for number in range(12)]
    fan = Definition("d", "a", (State("a"), *many), tuple(Transition("a", "go", each.id) for each in many))
    root = picture(render_svg(draw(fan)))

    assert float(root.get("width", "0")) < float(root.get("height", "0"))


@settings(deadline=None, max_examples=30)
@given(drawn)
def test_whatever_can_be_drawn_is_a_sound_picture(what: tuple[Definition, Overlay | None]) -> None:
    root = picture(render_svg(draw(*what)))

    assert overlapping(root) == []
    assert len([*groups(root, "state")]) >= len({state.id for state in what[0].states})
    assert all(line == line.strip() for line in texts(root))


# Colours

GROUNDS = ("ground", "frame", "box", "visited-wash", "current-wash")
ON = {
    "ink": (*GROUNDS, "screen-wash", "done-wash", "grave-wash"),
    "soft": GROUNDS,
    "guard": GROUNDS,
    "walked": GROUNDS,
    "next": GROUNDS,
    "effect": ("effect-wash",),
    "badge-ink": ("badge",),
}
"""The colours of words, and the grounds that they stand on."""


def schemes() -> dict[str, dict[str, str]]:
    """Return the colours of the style sheet, light and dark."""
    light, _, dark = STYLE.read_text(encoding="utf-8").partition("@media (prefers-color-scheme: dark)")
    return {
        name: dict(re.findall(r"--diagram-([a-z-]+): (#[0-9a-f]{6});", css))
        for name, css in (("light", light), ("dark", dark))
    }


def luminance(colour: str) -> float:
    """Return a colour's relative luminance (WCAG 2.2)."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_its_ground(scheme: str) -> None:
    colours = schemes()[scheme]

    weak = {
        (word, ground): round(contrast(colours[word], colours[ground]), 2)
        for word, grounds in ON.items()
        for ground in grounds
        if contrast(colours[word], colours[ground]) < 4.5
    }
    assert weak == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_line_stands_out_from_its_ground(scheme: str) -> None:
    colours = schemes()[scheme]

    weak = {
        (line, ground): round(contrast(colours[line], colours[ground]), 2)
        for line in ("line", "walked", "next", "current")
        for ground in ("ground", "frame", "box")
        if contrast(colours[line], colours[ground]) < 3
    }
    assert weak == {}


def test_a_page_shows_the_colours_that_a_picture_has_by_itself() -> None:
    assert schemes()["light"] == COLOURS
    assert schemes()["dark"].keys() == COLOURS.keys()
