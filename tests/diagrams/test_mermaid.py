import re

import pytest
from hypothesis import given, settings

from diagrams import Overlay, StateTraffic, Traffic, Walked, draw, render_mermaid
from engine.model import Definition, State, Transition
from tests.diagrams.samples import ORDER, ORDER_RUN, PARCEL, PARCEL_RUN
from tests.diagrams.strategies import drawn

NAME = r"(?:s|g|any)(?:_[A-Za-z0-9_]+)?"
TEXT = r"(?:[^\"<>&#;:{}`*$%@^~\\\n]|#\d+;)+"
LABEL = rf"{TEXT}(?:<br/>{TEXT})*"
LINES = re.compile(
    rf"stateDiagram-v2"
    rf"|    accTitle: {TEXT}"
    rf"| +direction TB"
    rf'| +state "{TEXT}" as {NAME}(?: {{)?'
    rf"| +}}"
    rf"| +{NAME} --> \[\*\]|    \[\*\] --> {NAME}"
    rf"|    {NAME} --> {NAME} : {LABEL}|    {NAME} : {LABEL}"
    rf"|    classDef (?:visited|final|crowd|current) [a-z0-9#,: -]+"
    rf"|    class {NAME}(?:,{NAME})* (?:visited|final|crowd|current)",
)
COMMANDS = re.compile(r"(?i).*\S.*direction +(?:TB|BT|LR|RL)|.*\[\[|.*\]\(|.*www\.")


def test_a_flat_definition() -> None:
    assert (
        render_mermaid(draw(ORDER))
        == """\
stateDiagram-v2
    accTitle: Order
    direction TB
    state "any state" as any
    state "Order placed" as s_placed
    state "paid" as s_paid
    state "On its way" as s_shipped
    state "Delivered" as s_delivered
    state "Cancelled" as s_cancelled
    s_delivered --> [*]
    s_cancelled --> [*]
    [*] --> s_placed
    any --> s_cancelled : cancel
    s_placed --> s_paid : pay<br/>[total_is_covered]<br/>/ send_receipt
    s_paid : ↻ weigh
    s_paid --> s_shipped : hand_over<br/>pick_up
    s_shipped --> s_delivered : arrive<br/>/ thank_customer,<br/>ask_for_review
    s_shipped --> s_delivered : left_at_door (unseen)
    classDef final stroke-width:2px
    class s_delivered,s_cancelled final
    classDef crowd fill:#ffffff,color:#5b6775,stroke-dasharray:4 3
    class any crowd
"""
    )


def test_a_run_of_a_flat_definition() -> None:
    assert (
        render_mermaid(draw(ORDER, ORDER_RUN))
        == """\
stateDiagram-v2
    accTitle: Order
    direction TB
    state "any state" as any
    state "Order placed" as s_placed
    state "paid" as s_paid
    state "On its way" as s_shipped
    state "Delivered" as s_delivered
    state "Cancelled" as s_cancelled
    s_delivered --> [*]
    s_cancelled --> [*]
    [*] --> s_placed
    any --> s_cancelled : cancel
    s_placed --> s_paid : pay<br/>[total_is_covered]<br/>/ send_receipt
    s_placed --> s_shipped : ✓ pick_up (inferred)
    s_paid : ↻ weigh
    s_paid --> s_shipped : hand_over<br/>pick_up
    s_shipped --> s_delivered : arrive<br/>/ thank_customer,<br/>ask_for_review
    s_shipped --> s_delivered : left_at_door (unseen)
    s_shipped --> s_cancelled : ✓ cancel
    classDef visited fill:#dbeafe,stroke:#1d4ed8,stroke-width:2px,color:#1f2933
    class s_placed,s_shipped,s_cancelled visited
    classDef final stroke-width:2px
    class s_delivered,s_cancelled final
    classDef crowd fill:#ffffff,color:#5b6775,stroke-dasharray:4 3
    class any crowd
    classDef current fill:#fde68a,stroke:#b45309,stroke-width:4px,color:#1f2933,font-weight:bold
    class s_cancelled current
"""
    )


def test_a_nested_definition() -> None:
    assert (
        render_mermaid(draw(PARCEL))
        == """\
stateDiagram-v2
    accTitle: parcel
    direction TB
    state "Packed" as s_packed
    state "On the road" as g_road {
        direction TB
        state "any of these" as any_road
        state "In transit" as s_road_moving
        state "customs" as g_road_customs {
            direction TB
            state "Waiting" as s_road_customs_waiting
            state "Cleared" as s_road_customs_cleared
        }
        state "Stolen" as s_road_stolen
        s_road_stolen --> [*]
    }
    state "Delivered" as s_there
    state "Lost" as s_lost
    s_there --> [*]
    s_lost --> [*]
    [*] --> s_packed
    s_packed --> s_road_moving : pick_up
    any_road : ↻ delay
    any_road --> s_road_stolen : steal
    any_road --> s_lost : lose
    s_road_moving --> s_road_customs_waiting : reach_border
    s_road_moving --> s_there : arrive
    s_road_customs_waiting --> s_road_moving : send_back
    s_road_customs_waiting --> s_road_customs_cleared : clear
    s_road_customs_cleared --> s_road_moving : leave
    classDef final stroke-width:2px
    class s_road_stolen,s_there,s_lost final
    classDef crowd fill:#ffffff,color:#5b6775,stroke-dasharray:4 3
    class any_road crowd
"""
    )


def test_a_run_of_a_nested_definition() -> None:
    assert (
        render_mermaid(draw(PARCEL, PARCEL_RUN))
        == """\
stateDiagram-v2
    accTitle: parcel
    direction TB
    state "Packed" as s_packed
    state "On the road" as g_road {
        direction TB
        state "any of these" as any_road
        state "In transit" as s_road_moving
        state "customs" as g_road_customs {
            direction TB
            state "Waiting" as s_road_customs_waiting
            state "Cleared" as s_road_customs_cleared
        }
        state "Stolen" as s_road_stolen
        s_road_stolen --> [*]
    }
    state "Delivered" as s_there
    state "Lost" as s_lost
    s_there --> [*]
    s_lost --> [*]
    [*] --> s_packed
    s_packed --> s_road_moving : ✓ pick_up
    any_road : ↻ delay
    any_road --> s_road_stolen : steal
    any_road --> s_lost : lose
    s_road_moving --> s_road_customs_waiting : ✓ reach_border
    s_road_moving --> s_there : arrive
    s_road_customs_waiting --> s_road_moving : send_back
    s_road_customs_waiting --> s_road_customs_cleared : clear
    s_road_customs_cleared --> s_road_moving : leave
    classDef visited fill:#dbeafe,stroke:#1d4ed8,stroke-width:2px,color:#1f2933
    class s_packed,s_road_moving,s_road_customs_waiting visited
    classDef final stroke-width:2px
    class s_road_stolen,s_there,s_lost final
    classDef crowd fill:#ffffff,color:#5b6775,stroke-dasharray:4 3
    class any_road crowd
    classDef current fill:#fde68a,stroke:#b45309,stroke-width:4px,color:#1f2933,font-weight:bold
    class s_road_customs_waiting current
"""
    )


def titled(title: str) -> str:
    """Return the line of a state with this title."""
    text = render_mermaid(draw(Definition("d", "a", (State("a", title),), ())))
    return next(line.strip() for line in text.splitlines() if " as s_a" in line)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        pytest.param('a" as b', "a#34; as b", id="the end of a string"),
        pytest.param("<img src=x>", "#60;img src=x#62;", id="HTML"),
        pytest.param("a: b; c", "a#58; b#59; c", id="the end of a statement"),
        pytest.param("#60;", "#35;60#59;", id="an entity code"),
        pytest.param("&lt;", "#38;lt#59;", id="an HTML entity"),
        pytest.param("ﬂ°°60¶ß", "fl°°60#182;ß", id="an entity code as Mermaid keeps it"),
        pytest.param("%%{init: {}}%%", "#37;#37;#123;init#58; #123;#125;#125;#37;#37;", id="a directive"),
        pytest.param("new\n%% line", "new #37;#37; line", id="a new line"),
        pytest.param("`code` *strong* _em_ a_b", "#96;code#96; #42;strong#42; #95;em#95; a_b", id="Markdown"),
        pytest.param("[a](b) www.c", "[a]#40;b) www#46;c", id="links"),
        pytest.param("Direction LR", "Directio#110; LR", id="a command found anywhere in a line"),
        pytest.param("x [[fork]]", "x [#91;fork]]", id="a bar"),
        pytest.param("🚚 شحنة", "🚚 شحنة", id="emoji and letters of all directions"),
        pytest.param("ab\u202ecd", "abcd", id="what turns the direction of the rest"),
    ],
)
def test_no_title_means_anything_to_mermaid(title: str, shown: str) -> None:
    assert titled(title) == f'state "{shown}" as s_a'


def test_names_are_no_words_of_the_language_and_never_meet() -> None:
    states = tuple(State(name) for name in ("end", "state", "note", "default", "a.b", "a-b", "a b", "متجر"))

    text = render_mermaid(draw(Definition("d", "end", states, ())))

    assert re.findall(r" as (\S+)", text) == [
        "s_end",
        "s_state",
        "s_note",
        "s_default",
        "g_a",
        "s_a_b",
        "s_a_b_2",
        "s_a_b_3",
        "s",
    ]


def test_a_walked_loop_is_marked_in_its_state() -> None:
    definition = Definition("d", "a", (State("a"),), (Transition("a", "ring", "a"),))

    text = render_mermaid(draw(definition, Overlay("a", (Walked("a", "ring", "a"),))))

    assert "    s_a : ✓ ↻ ring\n" in text


def test_traffic_is_told_in_labels() -> None:
    traffic = Traffic({"a": StateTraffic(1200)}, {("a", "go", "b"): 3, ("a", "run", "c"): 1})
    ways = (Transition("a", "go", "b"), Transition("a", "run", "c"))
    text = render_mermaid(draw(Definition("d", "a", tuple(map(State, "abc")), ways), traffic=traffic))

    assert 'state "a (1,200 here)" as s_a' in text.replace("#44;", ",")
    assert "s_a --> s_b : 75 #37; #183; 3<br/>go" in text


@settings(deadline=None)
@given(drawn)
def test_every_line_has_one_of_few_shapes(what: tuple[Definition, Overlay | None]) -> None:
    text = render_mermaid(draw(*what))

    assert text.encode()
    assert [line for line in text.split("\n")[:-1] if not LINES.fullmatch(line) or COMMANDS.match(line)] == []
