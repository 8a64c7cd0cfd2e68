"""The map of a parcel's way: what is passed, where it is, what failed, and what may still come."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.catalogue import Catalogue
from definitions.orders.steps import ENDS, MILESTONES, Leg, way_of
from engine.fold import Fact
from tests.builders import MINUTE, NOON

THE_REST = ".near_the_shop .back_at_the_shop"
MARKS = {"done": "+", "current": "*", "failed": "!", "ahead": "."}


def facts(*names: str) -> list[Fact]:
    """Return facts of these names, a minute after one another."""
    return [Fact(name, NOON + at * MINUTE, NOON, {}, "courier") for at, name in enumerate(names)]


def drawn(legs: Sequence[Leg]) -> str:
    """Return a way as a line: each milestone with its mark, where the parcel is in brackets."""
    said = []
    for leg in legs:
        steps = [f"{MARKS[step.standing]}{step.word or step.name}" for step in leg.steps]
        said.append(
            " ".join(f"[{text}]" if step.is_here else text for text, step in zip(steps, leg.steps, strict=True))
        )
    return " / ".join(said)


@pytest.mark.parametrize(
    ("names", "way"),
    [
        ("", "[*placed] .packed .on_its_way .out_for_delivery .delivered"),
        ("created", "[*placed] .packed .on_its_way .out_for_delivery .delivered"),
        ("packed ready_to_ship", "+placed [*packed] .on_its_way .out_for_delivery .delivered"),
        ("pickup_failed", "+placed [!pickup_failed] .on_its_way .out_for_delivery .delivered"),
        ("intransit shipment_delayed", "+placed +packed [*on_its_way] .out_for_delivery .delivered"),
        ("out_for_delivery", "+placed +packed +on_its_way [*out_for_delivery] .delivered"),
        ("out_for_delivery failed_delivery", "+placed +packed +on_its_way [!failed_delivery] .delivered"),
        ("failed_delivery ndr_resolution_submitted", "+placed +packed +on_its_way [!failed_delivery] .delivered"),
        ("failed_delivery intransit", "+placed +packed [*on_its_way] .out_for_delivery .delivered"),
        ("delivered", "+placed +packed +on_its_way +out_for_delivery [+delivered]"),
        ("packed cancelled_order", "+placed +packed [!cancelled_order]"),
        ("intransit lost", "+placed +packed +on_its_way [!lost]"),
        ("damage delivered", "+placed +packed +on_its_way +out_for_delivery [+delivered]"),
        ("teleported", "[*placed] .packed .on_its_way .out_for_delivery .delivered"),
    ],
)
def test_a_parcel_s_way_is_told_by_its_last_word(names: str, way: str) -> None:
    assert drawn(way_of("forward", facts(*(f"forward.{name}" for name in names.split())))) == way


@pytest.mark.parametrize(
    ("names", "way"),
    [
        (
            "forward.failed_delivery rto.rto_created",
            "+placed +packed +on_its_way !failed_delivery / [*ordered_back] .on_its_way_back " + THE_REST,
        ),
        (
            "forward.intransit rto.rto_created rto.rto_intransit",
            "+placed +packed +on_its_way !not_delivered / +ordered_back [*on_its_way_back] " + THE_REST,
        ),
        (
            "forward.intransit forward.lost rto.rto_delivered",
            "+placed +packed +on_its_way !lost / +ordered_back +on_its_way_back +near_the_shop [+back_at_the_shop]",
        ),
        ("rto.rto_created rto.disposed", "+placed !not_delivered / +ordered_back [!disposed]"),
        (
            "rto.rto_created forward.out_for_delivery",
            "+placed +packed +on_its_way [*out_for_delivery] .delivered",
        ),
    ],
)
def test_the_way_back_is_a_way_of_its_own_and_a_revoked_one_is_none(names: str, way: str) -> None:
    assert drawn(way_of("forward", facts(*names.split()))) == way


def test_a_return_has_its_own_milestones() -> None:
    told = facts("return.approved", "return.pickup_failed", "return.picked_up", "return.intransit")

    assert drawn(way_of("return", told)) == "+requested +pickup [*on_its_way] .received .complete"
    assert drawn(way_of("return", facts("return.return_cancelled"))) == "+requested [!return_cancelled]"


def test_a_milestone_says_when_it_was_reached_last() -> None:
    names = ("created", "packed", "intransit", "out_for_delivery", "failed_delivery", "out_for_delivery")
    (leg,) = way_of("forward", facts(*(f"forward.{name}" for name in names)))

    assert [(step.at - NOON) // MINUTE if step.at else None for step in leg.steps] == [0, 1, 2, 3, None]


def test_a_failure_says_when_it_failed_and_not_when_the_parcel_came_there() -> None:
    names = ("forward.created", "forward.out_for_delivery", "forward.failed_delivery")
    told = facts(*names, "forward.ndr_resolution_submitted")

    def failed_at(*legs: Leg) -> list[int]:
        return [(step.at - NOON) // MINUTE for leg in legs for step in leg.steps if step.standing == "failed"]

    assert failed_at(*way_of("forward", told[:3])) == [2]
    assert failed_at(*way_of("forward", told)) == [2]
    assert failed_at(*way_of("forward", [*told, *facts("rto.rto_created")])) == [2]


def test_every_word_of_a_shipment_is_at_a_milestone_or_ends_its_leg() -> None:
    words = {tuple(name.split(".")) for name in Catalogue.load().interpreter("shipment").states if "." in name}
    placed = {(leg, word) for leg, milestones in MILESTONES.items() for words in milestones.values() for word in words}

    assert {(leg, word) for leg, word in words if leg in MILESTONES and word not in ENDS} == placed


@given(
    st.lists(st.sampled_from([(leg, word) for leg, all_ in MILESTONES.items() for w in all_.values() for word in w]))
)
def test_whatever_couriers_say_there_is_one_place_where_the_parcel_is(told: list[tuple[str, str]]) -> None:
    legs = way_of("forward", facts(*(f"{leg}.{word}" for leg, word in told)))
    here = [step for leg in legs for step in leg.steps if step.is_here]

    assert len(here) == 1
    for leg in legs:
        marks = "".join(MARKS[step.standing] for step in leg.steps)
        assert marks.strip("+") in {"", *(f"{mark}{'.' * ahead}" for mark in "*!" for ahead in range(5))}
