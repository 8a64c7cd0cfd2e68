from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagrams import (
    Arrow,
    Drawing,
    Group,
    Label,
    Node,
    Overlay,
    StateTraffic,
    Taken,
    Traffic,
    Walked,
    draw,
    render_dot,
    render_mermaid,
)
from engine.model import SECOND, Definition, Guard, State, Timer, Transition
from engine.model import Group as Titled
from tests.diagrams.samples import ORDER, ORDER_RUN, PARCEL, PARCEL_RUN
from tests.diagrams.strategies import definitions


def a_definition(*arrows: Transition, initial: str = "a", **fields: Any) -> Definition:
    """Return a definition of *arrows* and of the states at their ends."""
    states = dict.fromkeys(end for arrow in arrows for end in (arrow.source, arrow.target))
    return Definition("d", initial, tuple(State(state) for state in states), arrows, **fields)


def ways(drawing: Drawing) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the ends and labels of the arrows."""
    return [(arrow.source, arrow.target, tuple(map(str, arrow.labels))) for arrow in drawing.arrows]


def node(drawing: Drawing, state: str) -> Node:
    """Return the node of *state*."""
    return next(node for node in drawing.root.all_nodes() if node.id == state)


def test_a_state_has_its_title_or_the_last_part_of_its_id() -> None:
    states = (State("a", "At home"), State("road.b"), State("road.", tags=("odd",)))

    drawing = draw(Definition("d", "a", states, ()))

    assert drawing == Drawing(
        "d",
        Group(
            "",
            "",
            (
                Node("a", "At home", initial=True),
                Group("road", "road", (Node("road.b", "b"), Node("road.", "(no name)", tags=("odd",)))),
            ),
        ),
        (),
    )


def test_every_part_of_a_path_is_a_group_in_the_definitions_order() -> None:
    states = tuple(State(path) for path in ("a.x", "b", "a.c.y", "a.z", "a"))

    drawing = draw(Definition("d", "b", states, (), groups=(Titled("a.c", "Customs"), Titled("empty", "Empty"))))

    inner = Group("a.c", "Customs", (Node("a.c.y", "y"),))
    outer = Group("a", "a", (Node("a.x", "x"), inner, Node("a.z", "z")))
    assert drawing.root == Group("", "", (outer, Node("b", "b", initial=True), Node("a", "a")))
    assert [group.id for group in drawing.root.all_groups()] == ["", "a", "a.c"]


def test_events_between_the_same_states_are_one_arrow() -> None:
    definition = a_definition(
        Transition("a", "ship", "b"),
        Transition("a", "pay", "b", Guard("covers", ("total", "tax")), ("send_receipt", "tell_staff")),
        Transition("a", "lose", "b", unseen=True),
    )

    assert draw(definition).arrows == (
        Arrow("a", "b", labels=(Label("pay", "covers(total, tax)", ("send_receipt", "tell_staff")), Label("ship"))),
        Arrow("a", "b", unseen=True, labels=(Label("lose"),)),
    )


def test_an_event_without_a_visible_name_says_so() -> None:
    assert ways(draw(a_definition(Transition("a", "\0", "b")))) == [("a", "b", ("(no name)",))]


def test_an_arrow_to_or_from_nowhere_is_left_out() -> None:
    arrows = (Transition("a", "go", "nowhere"), Transition("nowhere", "go", "a"))

    assert draw(Definition("d", "a", (State("a"),), arrows)).arrows == ()


def test_an_implied_arrow_is_left_out() -> None:
    definition = a_definition(
        Transition("a", "b", "b"), Transition("b", "c", "c"), Transition("a", "c", "c", implied=True)
    )

    assert ways(draw(definition)) == [("a", "b", ("b",)), ("b", "c", ("c",))]


def test_an_implied_arrow_is_drawn_if_nothing_else_leads_on() -> None:
    definition = a_definition(
        Transition("a", "z", "z", implied=True),
        Transition("a", "c", "c", implied=True),
        Transition("a", "b", "b", implied=True),
        Transition("b", "c", "c"),
        Transition("c", "z", "z"),
        Transition("y", "c", "c"),
        Transition("y", "y", "y", implied=True),
    )
    ordered = Definition("d", "a", tuple(State(name) for name in "abczy"), definition.transitions)

    assert ways(draw(ordered)) == [("a", "b", ("b",)), ("b", "c", ("c",)), ("c", "z", ("z",)), ("y", "c", ("c",))]


def test_a_guard_that_echoes_the_target_is_left_out() -> None:
    definition = a_definition(
        Transition("a", "data_exchange", "b", Guard("goes_to", ("b",))),
        Transition("a", "data_exchange", "c", Guard("goes_to", ("c",))),
        Transition("b", "scan", "c", Guard("every", ("c",))),
        Transition("c", "scan", "a", Guard("every", ("a", "c"))),
        Transition("c", "back", "b", Guard("came_from", ("b",))),
    )

    assert ways(draw(definition)) == [
        ("a", "b", ("data_exchange",)),
        ("a", "c", ("data_exchange",)),
        ("b", "c", ("scan [every(c)]",)),
        ("c", "a", ("scan [every(a, c)]",)),
        ("c", "b", ("back [came_from(b)]",)),
    ]


def test_what_all_do_starts_from_a_crowd() -> None:
    arrows = tuple(Transition(f"road.{state}", "lose", "lost") for state in ("x", "y", "z"))

    drawing = draw(a_definition(*arrows, initial="lost"))

    assert ways(drawing) == [("road.*", "lost", ("lose",))]
    assert node(drawing, "road.*") == Node("road.*", "any of these", crowd=True)


def test_a_crowd_never_has_the_name_of_a_state() -> None:
    arrows = tuple(Transition(state, "lose", "*") for state in "abc")

    drawing = draw(a_definition(*arrows, initial="*"))

    assert ways(drawing) == [("**", "*", ("lose",))]
    assert node(drawing, "**") == Node("**", "any state", crowd=True)


def test_the_current_state_is_marked_two_groups_deep() -> None:
    drawing = draw(PARCEL, PARCEL_RUN)

    assert node(drawing, "road.customs.waiting") == Node("road.customs.waiting", "Waiting", current=True, visited=True)
    assert [node.id for node in drawing.root.all_nodes() if node.current] == ["road.customs.waiting"]
    assert [node.id for node in drawing.root.all_nodes() if node.visited] == [
        "packed",
        "road.moving",
        "road.customs.waiting",
    ]


def test_a_run_adds_arrows_and_marks_and_changes_nothing_else() -> None:
    before, after = draw(ORDER), draw(ORDER, ORDER_RUN)

    assert set(after.arrows) - set(before.arrows) == {
        Arrow("placed", "shipped", walked=True, inferred=True, labels=(Label("pick_up"),)),
        Arrow("shipped", "cancelled", walked=True, labels=(Label("cancel"),)),
    }
    assert set(before.arrows) <= set(after.arrows)
    assert [node.id for node in after.root.all_nodes()] == [node.id for node in before.root.all_nodes()]


PAID = (Label("pay", "covers", ("thank",)), Label("pay", "forgiven"))


@pytest.mark.parametrize(
    ("walked", "arrow"),
    [
        pytest.param(
            (Walked("a", "pay", "b"),),
            Arrow("a", "b", walked=True, labels=PAID),
            id="any of those that differ in their guards",
        ),
        pytest.param(
            (Walked("a", "pay", "b", inferred=True), Walked("a", "pay", "b")),
            Arrow("a", "b", walked=True, labels=PAID),
            id="inferred once and seen once is seen",
        ),
        pytest.param(
            (Walked("b", "lose", "a", inferred=True),),
            Arrow("b", "a", walked=True, inferred=True, labels=(Label("lose"),)),
            id="unseen",
        ),
        pytest.param(
            (Walked("b", "jump", "a"),), Arrow("b", "a", walked=True, labels=(Label("jump"),)), id="never defined"
        ),
        pytest.param(
            (Walked("b", "\0", "a"),), Arrow("b", "a", walked=True, labels=(Label("(no name)"),)), id="without a name"
        ),
    ],
)
def test_what_was_walked_is_an_arrow_of_its_own(walked: tuple[Walked, ...], arrow: Arrow) -> None:
    definition = a_definition(
        Transition("a", "pay", "b", Guard("covers"), ("thank",)),
        Transition("a", "pay", "b", Guard("forgiven")),
        Transition("b", "lose", "a", unseen=True),
    )

    drawing = draw(definition, Overlay("b", walked))

    assert [each for each in drawing.arrows if each.walked] == [arrow]


def test_a_walked_arrow_is_not_drawn_twice() -> None:
    definition = a_definition(Transition("a", "go", "b"), Transition("a", "run", "b"))

    assert draw(definition, Overlay("b", (Walked("a", "go", "b"),))).arrows == (
        Arrow("a", "b", labels=(Label("run"),)),
        Arrow("a", "b", walked=True, labels=(Label("go"),)),
    )


def test_states_of_another_version_are_passed_over() -> None:
    drawing = draw(ORDER, Overlay("gone", (Walked("gone", "pay", "paid"), Walked("paid", "go", "gone"))))

    assert drawing == draw(ORDER)


@settings(deadline=None)
@given(definitions(), st.data())
def test_the_order_of_the_arrows_makes_no_difference(definition: Definition, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(definition.transitions))
    other = Definition(
        definition.name,
        definition.initial,
        definition.states,
        tuple(shuffled),
        groups=definition.groups,
        title=definition.title,
    )

    assert render_dot(draw(other)) == render_dot(draw(definition))
    assert render_mermaid(draw(other)) == render_mermaid(draw(definition))


# What is laid over


def test_what_may_come_next_is_marked_with_where_it_leads() -> None:
    drawing = draw(PARCEL, Overlay("road.moving", allowed=("arrive", "lose", "clear", "delay")))

    assert {(arrow.source, arrow.target) for arrow in drawing.arrows if arrow.next} == {
        ("road.moving", "there"),
        ("road.*", "lost"),
        ("road.*", "road.*"),
    }
    assert [node.id for node in drawing.root.all_nodes() if node.next] == ["there", "lost"]


def test_nothing_may_come_next_where_no_run_stands() -> None:
    assert draw(ORDER, Overlay("gone", allowed=("pay", "cancel"))) == draw(ORDER)


TRAFFIC = Traffic(
    {"placed": StateTraffic(3, 10, 1, 60.0)},
    {
        ("placed", "pay", "paid"): 6,
        ("placed", "cancel", "cancelled"): 2,
        ("paid", "cancel", "cancelled"): 1,
        ("paid", "hand_over", "shipped"): 1,
        ("paid", "pick_up", "shipped"): 2,
        ("paid", "weigh", "paid"): 5,
    },
)


def test_traffic_counts_what_each_arrow_stands_for() -> None:
    drawing = draw(ORDER, traffic=TRAFFIC)

    assert {(arrow.source, arrow.target): arrow.taken for arrow in drawing.arrows} == {
        ("placed", "paid"): Taken(6, 6 / 8),
        ("*", "cancelled"): Taken(3, 3 / 12),
        ("paid", "paid"): Taken(5),
        ("paid", "shipped"): Taken(3, 3 / 4),
        ("shipped", "delivered"): Taken(0),
    }
    assert node(drawing, "placed").traffic == StateTraffic(3, 10, 1, 60.0)
    assert node(drawing, "paid").traffic == StateTraffic()


@pytest.mark.parametrize(("times", "shown"), [(1, False), (2, True)])
def test_an_implied_arrow_is_drawn_if_many_took_it(times: int, shown: bool) -> None:
    edges = {("placed", "pay", "paid"): 100 - times, ("placed", "pick_up", "shipped"): times}
    drawing = draw(ORDER, traffic=Traffic(edges=edges))

    assert (("placed", "shipped", ("pick_up",)) in ways(drawing)) == shown


def test_an_arrow_says_when_a_timer_brings_its_event() -> None:
    hour = 3600 * SECOND
    arrows = (Transition("a", "remind", "a"), *(Transition(each, "end", "z") for each in "abc"))
    timers = (
        Timer("a", "remind", hour),
        Timer("a", "end", at="due"),
        Timer("b", "end", 2 * hour, "due"),
        Timer("c", "other", hour),
    )
    drawing = draw(Definition("d", "a", tuple(map(State, "abcz")), arrows, timers))

    assert [(arrow.source, arrow.labels) for arrow in drawing.arrows] == [
        ("*", (Label("end", after="at due or 2 h after due"),)),
        ("a", (Label("remind", after="after 1 h"),)),
        ("a", (Label("end", after="at due"),)),
    ]
    assert node(drawing, "c").timers == (Label("other", after="after 1 h"),)
