"""
The family that the tests of folds and families speak of: an order, its shipments, their cases, and what a case asks.

A shipment's state is the fold of its courier's facts; a scan may be missing, so any later milestone is legal from any
earlier one. A failed attempt that counts opens a case; what comes after closes it. The order follows its shipments.
"""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from engine.fold import Fact, Fold, Outcome
from engine.interpreter import Interpreter
from engine.model import Event, Guard, Instance, Raise, Transition, born
from tests.builders import NOON, a_definition, a_fact, says

MILESTONES = ("awaiting", "picked_up", "moving", "at_the_door", "failed", "delivered")
FACTS = (*MILESTONES[1:], "lost", "recalled", "sneezed")
"""What couriers report: milestones, two that end the journey, and a word that nobody knows."""

CHANGED = Raise("order", "shipments_changed")
EFFECTS = {
    "picked_up": ("notify_shipped",),
    "at_the_door": ("notify_today", "share_map"),
    "delivered": ("notify_delivered",),
    "lost": ("refund",),
}
RAISES = {
    "failed": (
        Raise("case", "failed_again"),
        Raise("case", "attempt_failed", "{key}:{second}", opens=True, guard=Guard("counts")),
    ),
    "delivered": (Raise("case", "delivered"),),
}


def counts(_instance: Instance, event: Event) -> bool:
    """Tell whether a failed attempt counts."""
    return event.data.get("code") != "courtesy"


def some(_instance: Instance, event: Event, tag: str) -> bool:
    """Tell whether some shipment has the tag."""
    return bool(event.data["tags"].get(tag))


def every(_instance: Instance, event: Event, tag: str) -> bool:
    """Tell whether every shipment has the tag."""
    return bool(event.data["tags"].get(tag, 0) == event.data["members"])


def is_late(_instance: Instance, event: Event) -> bool:
    """Tell whether the event was heard of too late."""
    return bool(event.data.get("late"))


def what_happened(timeline: list[tuple[Fact, Outcome]]) -> Mapping[str, Any]:
    """Return a shipment's context: what was taken of what was reported, and the last place."""
    places = [fact.details["place"] for fact, _ in timeline if "place" in fact.details]
    return {"taken": [fact.id for fact, outcome in timeline if outcome == "applied"], "place": ["", *places][-1]}


def _shipment_moves(source: str, event: str) -> Transition:
    return Transition(source, event, event, None, EFFECTS.get(event, ()), (*RAISES.get(event, ()), CHANGED))


SHIPMENT = Interpreter(
    a_definition(
        *(
            _shipment_moves(source, target)
            for place, source in enumerate(MILESTONES[:-1])
            for target in MILESTONES[max(place, 1) :]
        ),
        *(_shipment_moves(source, "lost") for source in MILESTONES[:-1]),
        # The one move that tells the order nothing.
        *(Transition(source, "recalled", "recalled", Guard("says", ("by_seller",))) for source in MILESTONES[1:3]),
        name="shipment",
        ordering="event_time",
        projection="what_happened",
        tags={"awaiting": ("expected",), "delivered": ("delivered", "over"), "lost": ("over",)}
        | dict.fromkeys(("picked_up", "moving", "at_the_door"), ("moving",)),
    ),
    {"says": says, "counts": counts},
    {"what_happened": what_happened},
)

ORDER = Interpreter(
    a_definition(
        *(
            arrow
            for source in ("placed", "shipped", "finished")
            for arrow in (
                Transition(
                    source, "shipments_changed", "finished", Guard("every", ("over",)), effects=("ask_for_a_review",)
                ),
                Transition(source, "shipments_changed", "shipped", Guard("some", ("moving",))),
                Transition(source, "shipments_changed", source),
            )
        ),
        Transition("placed", "paid", "placed", raises=(Raise("shipment", "order_paid", "S-1"),)),
        Transition("finished", "archived", "in_the_archive"),
        name="order",
    ),
    {"some": some, "every": every},
)

CASE = Interpreter(
    a_definition(
        Transition("new", "attempt_failed", "late", Guard("is_late")),
        Transition("new", "attempt_failed", "open", effects=("ask_customer",)),
        *(Transition(source, "delivered", "closed") for source in ("open", "late")),
        *(Transition(source, "failed_again", "closed") for source in ("open", "late")),
        *(Transition(source, "withdrawn", "void", effects=("ask_customer",)) for source in ("open", "late")),
        Transition(
            "open",
            "doubted",
            "open",
            raises=(Raise("inquiry", "asked", "{key}/{second}", opens=True),),
        ),
        Transition("late", "doubted", "late", raises=(Raise("inquiry", "asked", "{key}/{second}", opens=True),)),
        name="case",
    ),
    {"is_late": is_late},
)

INQUIRY = Interpreter(
    a_definition(
        Transition("new", "asked", "unanswerable", Guard("is_late")),
        Transition("new", "asked", "waiting"),
        Transition("waiting", "answered", "answered", raises=(Raise("order", "question_answered"),)),
        name="inquiry",
    ),
    {"is_late": is_late},
)

INTERPRETERS = {interpreter.definition.name: interpreter for interpreter in (SHIPMENT, ORDER, CASE, INQUIRY)}


def interpreter_of(definition: str, version: str | None) -> Interpreter:
    """Return what runs a definition, in the one version there is."""
    interpreter = INTERPRETERS[definition]
    if version not in (None, interpreter.definition.version):
        raise KeyError(version)
    return interpreter


def a_shipment(key: str = "S-1", **changes: Any) -> Instance:
    """Return a shipment of order O-1 that nothing is known of."""
    return replace(born(SHIPMENT.definition, key, NOON, family="order/O-1"), **changes)


def a_fold(*facts: Fact) -> Fold:
    """Return the fold of a shipment over *facts*, added in this order."""
    return Fold(SHIPMENT, a_shipment(), facts)


facts = st.builds(
    a_fact,
    name=st.sampled_from(FACTS),
    second=st.integers(0, 12),
    delay=st.integers(-700, 700),
    source=st.sampled_from(("courier", "panel")),
    code=st.sampled_from(("", "courtesy", "1")),
    by_seller=st.sampled_from(("", "yes")),
    place=st.sampled_from(("", "Pune", "Goa")),
)
"""Whatever may be reported within a dozen seconds; names and seconds are few, so that they often meet."""
