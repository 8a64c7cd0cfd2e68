"""
The way of a parcel as its customer sees it: a few milestones, told from the couriers' many words.

Rule 1: the map shows the last word, not the furthest: what has to be done again is ahead again.
Rule 2: a failure is shown where it happened, and what cannot come any more is not shown at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from definitions.orders.words import FORWARD, RETURN, RTO
from engine.fold import Fact

Standing = Literal["done", "current", "failed", "ahead"]
"""What a milestone is: passed, where the parcel is, where it failed, or still to come."""

MILESTONES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    FORWARD: {
        "placed": ("created",),
        "packed": ("packed", "ready_to_ship", "pickup_pending", "out_for_pickup", "pickup_failed"),
        "on_its_way": ("picked_up", "dispatched", "intransit"),
        "out_for_delivery": ("out_for_delivery", "failed_delivery", "ndr_resolution_submitted"),
        "delivered": ("delivered",),
    },
    RTO: {
        "ordered_back": ("rto_created", "return_expected"),
        "on_its_way_back": ("rto_intransit",),
        "near_the_shop": ("rto_out_for_delivery", "rto_failed", "rto_contact_customer_care"),
        "back_at_the_shop": ("rto_delivered",),
    },
    RETURN: {
        "requested": ("created", "approved"),
        "pickup": ("pickup_pending", "out_for_pickup", "pickup_failed", "picked_up"),
        "on_its_way": ("intransit", "out_for_delivery", "failed_delivery"),
        "received": ("delivered", "delivered_warehouse"),
        "complete": ("complete",),
    },
}
"""The milestones of each leg in their order, and the words by which a parcel is at one."""

FAILURES: Mapping[str, str] = {
    "pickup_failed": "pickup_failed",
    "failed_delivery": "failed_delivery",
    "ndr_resolution_submitted": "failed_delivery",
    "rto_failed": "rto_failed",
    "rto_contact_customer_care": "rto_failed",
}
"""The words that say that something failed and may go on, and the word that is shown for it."""

ENDS = frozenset({"cancelled_order", "damage", "lost", "disposed", "pickup_cancelled", "return_cancelled"})
"""The words after which a leg's milestones are not reached any more."""

NOT_DELIVERED = "not_delivered"
"""The milestone that stands for a delivery when the parcel goes back instead."""


class Step(Struct, frozen=True):
    """
    A milestone: its *name*, or the *word* of what failed there.

    *at* is when it was reached or when that failed, 0 if nobody said.
    """

    name: str
    standing: Standing
    at: int = 0
    word: str = ""
    is_here: bool = False


class Leg(Struct, frozen=True):
    """A leg of a parcel's way."""

    name: str
    steps: tuple[Step, ...]


def way_of(leg: str, facts: Iterable[Fact]) -> tuple[Leg, ...]:
    """Return the way of a parcel that set out on *leg*, from the facts that count, the first one first."""
    told = [(name, word, fact.at) for fact in facts for name, word in [_parted(fact.name)] if _tells(name, word)]
    last = told[-1][0] if told else leg
    out = _leg(leg, [(word, at) for name, word, at in told if name == leg])
    if last == leg:
        return (out,)
    back = _leg(last, [(word, at) for name, word, at in told if name == last])
    return _given_up(out), back


def _parted(name: str) -> tuple[str, str]:
    leg, _, word = name.partition(".")
    return leg, word


def _tells(leg: str, word: str) -> bool:
    """Return whether a word says where a parcel is."""
    return leg in MILESTONES and (word in ENDS or any(word in words for words in MILESTONES[leg].values()))


def _leg(leg: str, told: Sequence[tuple[str, int]]) -> Leg:
    names = [*MILESTONES[leg]]
    place_of = {word: place for place, words in enumerate(MILESTONES[leg].values()) for word in words}
    reached: dict[int, int] = {}
    here, last, end = 0, "", ""
    for word, at in told:
        last, end = word, word if word in ENDS else ""
        place = place_of.get(word, here)
        if not end and (place != here or place not in reached):
            reached[place] = at
        here = place
    steps = []
    for place, name in enumerate(names):
        standing: Standing = "done" if place < here else "current" if place == here else "ahead"
        at = reached.get(place, 0) if place <= here else 0
        steps.append(Step(name, standing, at, is_here=place == here))
    if end:
        stopped = Step(end, "failed", told[-1][1], end, is_here=True)
        return Leg(leg, (*(replace(step, standing="done", is_here=False) for step in steps[: here + 1]), stopped))
    if last in FAILURES:
        word = FAILURES[last]
        failed_at = next((at for name, at in reversed(told) if name == word), told[-1][1])
        steps[here] = replace(steps[here], standing="failed", word=word, at=failed_at)
    elif here == len(steps) - 1:
        steps[here] = replace(steps[here], standing="done")
    return Leg(leg, tuple(steps))


def _given_up(out: Leg) -> Leg:
    """Return the way out of a parcel that is on its way back."""
    passed = [replace(step, is_here=False) for step in out.steps if step.standing != "ahead"]
    if passed[-1].standing == "failed":
        return Leg(out.name, tuple(passed))
    passed[-1] = replace(passed[-1], standing="done")
    return Leg(out.name, (*passed, Step(NOT_DELIVERED, "failed")))
