"""Two small definitions, one flat and one nested, and a run of each."""

from diagrams import Overlay, Walked
from engine.model import Definition, Group, Guard, State, Transition

ORDER = Definition(
    name="order",
    title="Order",
    initial="placed",
    states=(
        State("placed", "Order placed"),
        State("paid"),
        State("shipped", "On its way"),
        State("delivered", "Delivered", final=True),
        State("cancelled", "Cancelled", final=True),
    ),
    transitions=(
        Transition("placed", "pay", "paid", Guard("total_is_covered"), ("send_receipt",)),
        Transition("placed", "pick_up", "shipped", implied=True),
        Transition("paid", "pick_up", "shipped"),
        Transition("paid", "hand_over", "shipped"),
        Transition("paid", "weigh", "paid"),
        Transition("shipped", "arrive", "delivered", effects=("thank_customer", "ask_for_review")),
        Transition("shipped", "left_at_door", "delivered", unseen=True),
        Transition("placed", "cancel", "cancelled"),
        Transition("paid", "cancel", "cancelled"),
        Transition("shipped", "cancel", "cancelled"),
    ),
)
"""`cancel` leaves every state that is not final; `pick_up` of an unpaid order is implied."""

ORDER_RUN = Overlay(
    "cancelled",
    (
        Walked("placed", "pick_up", "shipped", inferred=True),
        Walked("shipped", "cancel", "cancelled"),
    ),
)

PARCEL = Definition(
    name="parcel",
    initial="packed",
    states=(
        State("packed", "Packed"),
        State("road.moving", "In transit"),
        State("road.customs.waiting", "Waiting"),
        State("road.customs.cleared", "Cleared"),
        State("road.stolen", "Stolen", final=True),
        State("there", "Delivered", final=True),
        State("lost", "Lost", final=True),
    ),
    transitions=(
        Transition("packed", "pick_up", "road.moving"),
        Transition("road.moving", "reach_border", "road.customs.waiting"),
        Transition("road.customs.waiting", "clear", "road.customs.cleared"),
        Transition("road.customs.waiting", "send_back", "road.moving"),
        Transition("road.customs.cleared", "leave", "road.moving"),
        Transition("road.moving", "arrive", "there"),
        *(
            Transition(state, event, target)
            for state in ("road.moving", "road.customs.waiting", "road.customs.cleared")
            for event, target in (("lose", "lost"), ("steal", "road.stolen"), ("delay", state))
        ),
    ),
    groups=(Group("road", "On the road"),),
)
"""A frame in a frame; whatever is on the road can be lost, stolen or delayed."""

PARCEL_RUN = Overlay(
    "road.customs.waiting",
    (
        Walked("packed", "pick_up", "road.moving"),
        Walked("road.moving", "reach_border", "road.customs.waiting"),
    ),
)
