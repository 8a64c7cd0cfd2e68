import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from diagrams import Overlay, StateTraffic, Traffic, draw, render_dot
from engine.model import Definition, State, Transition
from tests.diagrams.samples import ORDER, ORDER_RUN, PARCEL, PARCEL_RUN
from tests.diagrams.strategies import drawn


def headless(text: str) -> str:
    """Return a picture's text without the three lines that are the same in all."""
    first, *_defaults, rest = text.split("\n", 4)
    return f"{first}\n{rest}"


def test_a_flat_definition() -> None:
    assert (
        headless(render_dot(draw(ORDER)))
        == r"""digraph "Order" {
  "*" [label="any state", style="rounded,dashed", fontcolor="#5b6775"]
  "placed" [label="Order placed"]
  "paid" [label="paid"]
  "shipped" [label="On its way"]
  "delivered" [label="Delivered", peripheries=2]
  "cancelled" [label="Cancelled", peripheries=2]
  "[*]" [label="", shape=circle, style=filled, width=0.16, color="#1f2933", fillcolor="#1f2933"]
  "[*]" -> "placed"
  "*" -> "cancelled" [label=" cancel\l"]
  "placed" -> "paid" [label=" pay\l [total_is_covered]\l / send_receipt\l"]
  "paid" -> "paid" [label=" weigh\l"]
  "paid" -> "shipped" [label=" hand_over\l pick_up\l"]
  "shipped" -> "delivered" [label=" arrive\l / thank_customer,\l ask_for_review\l"]
  "shipped" -> "delivered" [label=" left_at_door\l", style=dashed]
}
"""
    )


def test_a_run_of_a_flat_definition() -> None:
    assert (
        headless(render_dot(draw(ORDER, ORDER_RUN)))
        == r"""digraph "Order" {
  "*" [label="any state", style="rounded,dashed", fontcolor="#5b6775"]
  "placed" [label="Order placed", penwidth=1.8, color="#1d4ed8", fillcolor="#dbeafe"]
  "paid" [label="paid"]
  "shipped" [label="On its way", penwidth=1.8, color="#1d4ed8", fillcolor="#dbeafe"]
  "delivered" [label="Delivered", peripheries=2]
  "cancelled" [label="Cancelled", peripheries=2, penwidth=3.2, color="#b45309", fillcolor="#fde68a"]
  "[*]" [label="", shape=circle, style=filled, width=0.16, color="#1f2933", fillcolor="#1f2933"]
  "[*]" -> "placed"
  "*" -> "cancelled" [label=" cancel\l"]
  "placed" -> "paid" [label=" pay\l [total_is_covered]\l / send_receipt\l"]
  "placed" -> "shipped" [label=" pick_up\l", style=dashed, penwidth=2.6, color="#1d4ed8", fontcolor="#1d4ed8"]
  "paid" -> "paid" [label=" weigh\l"]
  "paid" -> "shipped" [label=" hand_over\l pick_up\l"]
  "shipped" -> "delivered" [label=" arrive\l / thank_customer,\l ask_for_review\l"]
  "shipped" -> "delivered" [label=" left_at_door\l", style=dashed]
  "shipped" -> "cancelled" [label=" cancel\l", penwidth=2.6, color="#1d4ed8", fontcolor="#1d4ed8"]
}
"""
    )


def test_a_nested_definition() -> None:
    assert (
        headless(render_dot(draw(PARCEL)))
        == r"""digraph "parcel" {
  "packed" [label="Packed"]
  subgraph "cluster_road" {
    graph [label="On the road", style=rounded, color="#aab4bf", fontcolor="#333d47"]
    "road.*" [label="any of these", style="rounded,dashed", fontcolor="#5b6775"]
    "road.moving" [label="In transit"]
    subgraph "cluster_road.customs" {
      graph [label="customs", style=rounded, color="#aab4bf", fontcolor="#333d47"]
      "road.customs.waiting" [label="Waiting"]
      "road.customs.cleared" [label="Cleared"]
    }
    "road.stolen" [label="Stolen", peripheries=2]
  }
  "there" [label="Delivered", peripheries=2]
  "lost" [label="Lost", peripheries=2]
  "[*]" [label="", shape=circle, style=filled, width=0.16, color="#1f2933", fillcolor="#1f2933"]
  "[*]" -> "packed"
  "packed" -> "road.moving" [label=" pick_up\l"]
  "road.*" -> "road.*" [label=" delay\l"]
  "road.*" -> "road.stolen" [label=" steal\l"]
  "road.customs.cleared" -> "lost" [label=" lose\l", ltail="cluster_road"]
  "road.moving" -> "road.customs.waiting" [label=" reach_border\l"]
  "road.moving" -> "there" [label=" arrive\l"]
  "road.moving" -> "road.customs.waiting" [label=" send_back\l", dir=back]
  "road.customs.waiting" -> "road.customs.cleared" [label=" clear\l"]
  "road.moving" -> "road.customs.cleared" [label=" leave\l", dir=back]
}
"""
    )


def test_a_run_of_a_nested_definition() -> None:
    assert (
        headless(render_dot(draw(PARCEL, PARCEL_RUN)))
        == r"""digraph "parcel" {
  "packed" [label="Packed", penwidth=1.8, color="#1d4ed8", fillcolor="#dbeafe"]
  subgraph "cluster_road" {
    graph [label="On the road", style=rounded, color="#aab4bf", fontcolor="#333d47"]
    "road.*" [label="any of these", style="rounded,dashed", fontcolor="#5b6775"]
    "road.moving" [label="In transit", penwidth=1.8, color="#1d4ed8", fillcolor="#dbeafe"]
    subgraph "cluster_road.customs" {
      graph [label="customs", style=rounded, color="#aab4bf", fontcolor="#333d47"]
      "road.customs.waiting" [label="Waiting", penwidth=3.2, color="#b45309", fillcolor="#fde68a"]
      "road.customs.cleared" [label="Cleared"]
    }
    "road.stolen" [label="Stolen", peripheries=2]
  }
  "there" [label="Delivered", peripheries=2]
  "lost" [label="Lost", peripheries=2]
  "[*]" [label="", shape=circle, style=filled, width=0.16, color="#1f2933", fillcolor="#1f2933"]
  "[*]" -> "packed"
  "packed" -> "road.moving" [label=" pick_up\l", penwidth=2.6, color="#1d4ed8", fontcolor="#1d4ed8"]
  "road.*" -> "road.*" [label=" delay\l"]
  "road.*" -> "road.stolen" [label=" steal\l"]
  "road.customs.cleared" -> "lost" [label=" lose\l", ltail="cluster_road"]
  "road.moving" -> "road.customs.waiting" [label=" reach_border\l", penwidth=2.6, color="#1d4ed8", fontcolor="#1d4ed8"]
  "road.moving" -> "there" [label=" arrive\l"]
  "road.moving" -> "road.customs.waiting" [label=" send_back\l", dir=back]
  "road.customs.waiting" -> "road.customs.cleared" [label=" clear\l"]
  "road.moving" -> "road.customs.cleared" [label=" leave\l", dir=back]
}
"""
    )


def test_an_arrow_up_from_a_frame_is_written_from_its_end() -> None:
    states = tuple(State(name) for name in ("desk", "road.a", "road.b", "road.c"))
    calls = tuple(Transition(state.id, "return", "desk") for state in states[1:])

    text = render_dot(draw(Definition("d", "desk", states, calls)))

    assert '  "desk" -> "road.a" [label=" return\\l", dir=back, lhead="cluster_road"]\n' in text


def test_a_long_title_takes_several_lines() -> None:
    text = render_dot(draw(Definition("d", "a", (State("a", "Why do you want to return these items?"),), ())))

    assert 'label="Why do you want to\\nreturn these items?"' in text


@pytest.mark.parametrize(
    ("title", "written"),
    [
        pytest.param('say "hi"', 'say \\"hi\\"', id="a quotation mark"),
        pytest.param("back\\", "back\\\\", id="a backslash at the end"),
        pytest.param("\\N \\n", "\\\\N \\\\n", id="escapes of labels"),
        pytest.param("&lt;b&gt;", "&amp;lt;b&amp;gt;", id="an entity"),
        pytest.param("<b>x</b>", "<b>x</b>", id="HTML is text"),
        pytest.param("a\nb\0c", "a bc", id="a new line and a zero"),
    ],
)
def test_a_title_is_text_whatever_is_in_it(title: str, written: str) -> None:
    text = render_dot(draw(Definition("d", "a", (State("a", title),), ())))

    assert f'"a" [label="{written}"]' in text


def test_names_never_meet() -> None:
    states = tuple(State(name) for name in ("a\0", "a", "[*]", "*"))
    alike = tuple(Transition(state.id, "go", "a") for state in states)

    text = render_dot(draw(Definition("d", "a", states, alike)))

    assert re.findall(r'^  ("[^"]+") \[label', text, re.MULTILINE) == ['"**"', '"a"', '"a_2"', '"[*]"', '"*"', '"[*]*"']


TOKEN = re.compile(r'(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<word>[A-Za-z]+|[0-9.]+)|(?P<sign>->|[{}\[\],=])|\s+')


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield the tokens of *text*, each with its kind; anything else is an error."""
    position = 0
    while position < len(text):
        token = TOKEN.match(text, position)
        assert token is not None, text[position:]
        position = token.end()
        if token.lastgroup is not None:
            yield token.lastgroup, token.group()


def shape(text: str) -> str:
    """Return what *text* is made of: `t` a quoted text, `w` a word, and the signs."""
    return "".join(token if kind == "sign" else kind[0] for kind, token in tokens(text))


LOOK = r"\[w=[tw](?:,w=[tw])*\]"
STATEMENT = re.compile(rf"w{LOOK}|t{LOOK}|t->t(?:{LOOK})?")


@settings(deadline=None)
@given(drawn)
def test_the_whole_is_a_graph_of_quoted_texts_whose_arrows_join_nodes_that_are_there(
    what: tuple[Definition, Overlay | None],
) -> None:
    text = render_dot(draw(*what))

    assert text.encode()
    rest = shape(text).removeprefix("wt")
    while "{" in rest:
        inner = re.search(r"(?:wt)?\{([^{}]*)\}", rest)
        assert inner is not None
        assert STATEMENT.sub("", inner[1]) == ""
        rest = rest.replace(inner[0], "", 1)
    assert rest == ""

    quoted = r'("(?:[^"\\]|\\.)*")'
    nodes = re.findall(rf"^ +{quoted} \[", text, re.MULTILINE)
    frames = re.findall(rf"^ +subgraph {quoted} \{{$", text, re.MULTILINE)
    ends = {end for pair in re.findall(rf"^  {quoted} -> {quoted}", text, re.MULTILINE) for end in pair}
    assert len(nodes) == len(set(nodes))
    assert len(frames) == len(set(frames))
    assert ends <= set(nodes)


def test_traffic_is_told_in_labels() -> None:
    traffic = Traffic({"a": StateTraffic(1200)}, {("a", "go", "b"): 3, ("a", "run", "c"): 1})
    ways = (Transition("a", "go", "b"), Transition("a", "run", "c"))
    text = render_dot(draw(Definition("d", "a", tuple(map(State, "abc")), ways), traffic=traffic))

    assert '"a" [label="a (1,200 here)"]' in text
    assert '"a" -> "b" [label=" 75 % · 3\\l go\\l"]' in text
