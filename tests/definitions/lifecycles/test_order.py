"""The order: where it stands, told from where its shipments stand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.binding import GUARDS
from tests.definitions.lifecycles.walking import effects, leads, runs

STATES = [state.id for state in runs("order").definition.states]
TAGS = {state.id: state.tags for state in runs("shipment").definition.states}

COMING, PACKED, OUT, FAILED, LOST, DELIVERED, CANCELLED = (
    "awaiting", "forward.packed", "forward.intransit", "forward.failed_delivery", "forward.lost", "forward.delivered",
    "forward.cancelled_order",
)  # fmt: skip
BACK, RETURNED, DISPOSED, CUSTOMER_RETURN = "rto.rto_intransit", "rto.rto_delivered", "rto.disposed", "return.intransit"


def order_of(*shipments: str, unassigned: int = 0, state: str = "created") -> str:
    """Return where an order stands whose shipments stand there; some of its items may have none yet."""
    tags: dict[str, int] = {}
    for shipment in shipments:
        for tag in TAGS[shipment]:
            tags[tag] = tags.get(tag, 0) + 1
    return leads(
        "order", state, "shipments_changed", {"tags": tags, "members": len(shipments)}, unassigned_items=unassigned
    )


@pytest.mark.parametrize(
    ("shipments", "order"),
    [
        pytest.param([], "created", id="none"),
        pytest.param([COMING], "created", id="one that nobody has reported anything about"),
        pytest.param([COMING, PACKED], "preparing", id="one that is packed, another to come"),
        pytest.param([PACKED], "preparing", id="packed"),
        pytest.param([OUT], "shipped", id="on its way"),
        pytest.param([OUT, PACKED], "partially_shipped", id="one of two on its way"),
        pytest.param([OUT, COMING], "partially_shipped", id="one of two on its way, the other to come"),
        pytest.param([OUT, CANCELLED], "shipped", id="the other is cancelled"),
        pytest.param([OUT, LOST], "shipped", id="the other is lost"),
        pytest.param([FAILED], "delivery_failed", id="failed"),
        pytest.param([FAILED, DELIVERED], "delivery_failed", id="what failed goes before what was delivered"),
        pytest.param([DELIVERED], "delivered", id="delivered"),
        pytest.param([DELIVERED, DELIVERED], "delivered", id="both delivered"),
        pytest.param([DELIVERED, OUT], "partially_delivered", id="one of two delivered"),
        pytest.param([DELIVERED, CANCELLED], "delivered", id="delivered but what was cancelled"),
        pytest.param([DELIVERED, RETURNED], "partially_delivered", id="one delivered, one returned"),
        pytest.param([CANCELLED], "cancelled", id="cancelled"),
        pytest.param([CANCELLED, CANCELLED], "cancelled", id="all cancelled"),
        pytest.param([BACK], "returning", id="coming back"),
        pytest.param([BACK, OUT], "returning", id="one coming back"),
        pytest.param([RETURNED], "returned", id="back with the seller"),
        pytest.param([RETURNED, CANCELLED], "returned", id="back but what was cancelled"),
        pytest.param([RETURNED, OUT], "returning", id="one back, one on its way"),
        pytest.param([LOST], "lost", id="lost"),
        pytest.param([DELIVERED, CUSTOMER_RETURN], "delivered", id="a customer's return does not count"),
        pytest.param([DELIVERED, OUT, CUSTOMER_RETURN], "partially_delivered", id="nor for others"),
    ],
)  # fmt: skip
def test_where_an_order_stands(shipments: list[str], order: str) -> None:
    assert order_of(*shipments) == order


@pytest.mark.parametrize(
    ("shipment", "order"),
    [
        (OUT, "partially_shipped"),
        (DELIVERED, "partially_delivered"),
        (CANCELLED, "preparing"),
        (RETURNED, "returning"),
        (LOST, "preparing"),
    ],
)
def test_an_item_without_a_shipment_is_still_to_come(shipment: str, order: str) -> None:
    assert order_of(shipment, unassigned=1) == order


@settings(max_examples=100, deadline=None)
@given(
    shipments=st.lists(st.sampled_from([*TAGS]), max_size=4),
    unassigned=st.integers(0, 2),
    states=st.lists(st.sampled_from(STATES), min_size=2, max_size=2),
)
def test_it_is_always_told_and_only_the_shipments_say_where(
    shipments: list[str], unassigned: int, states: list[str]
) -> None:
    """Whatever the order was before, and in whatever order its shipments are counted."""
    one = order_of(*shipments, unassigned=unassigned, state=states[0])
    other = order_of(*reversed(shipments), unassigned=unassigned, state=states[1])

    assert one == other
    assert one in STATES


def test_every_state_of_an_order_is_told_by_some_shipments() -> None:
    found = {order_of(one, *others) for one in TAGS for others in ([], [OUT], [PACKED], [DELIVERED])}

    assert found == set(STATES)


def test_its_guards_count_what_every_and_some_shipment_has() -> None:
    assert {"every", "some", "no_shipment_yet"} <= set(GUARDS)
    assert {arrow.event for arrow in runs("order").definition.transitions} == {"shipments_changed", "placed", "ordered"}


@pytest.mark.parametrize(
    ("shipment", "order"), [(OUT, "shipped"), (FAILED, "delivery_failed"), (DELIVERED, "delivered"), (LOST, "lost")]
)
def test_a_change_of_an_order_is_announced(shipment: str, order: str) -> None:
    tags = dict.fromkeys(TAGS[shipment], 1)

    assert effects("order", "created", "shipments_changed", {"tags": tags, "members": 1}) == ["announce"]
    assert effects("order", order, "shipments_changed", {"tags": tags, "members": 1}) == []
