"""The shipment: what couriers may report after what, on each leg."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from definitions.orders.words import FORWARD, RETURN, RTO, fact_name
from engine.fold import ABOUT, ACCEPTED, Fact, second_of
from tests.definitions.lifecycles.walking import REFUSED, effects, fact, folded, leads, runs, step_of

FORWARD_WORDS = [
    "created", "packed", "ready_to_ship", "pickup_pending", "out_for_pickup", "pickup_failed", "picked_up",
    "dispatched", "intransit", "shipment_delayed", "shipment_held", "unhold", "out_for_delivery",
    "failed_delivery", "ndr_resolution_submitted", "delivered", "cancelled_order", "damage", "lost",
    "attempt_voided", "attempt_restored",
]  # fmt: skip
RTO_WORDS = [
    "rto", "rto_created", "rto_intransit", "rto_out_for_delivery", "rto_failed", "rto_contact_customer_care",
    "return_expected", "rto_delivered", "damage", "lost", "disposed",
]  # fmt: skip
RETURN_WORDS = [
    "created", "approved", "pickup_pending", "out_for_pickup", "pickup_failed", "pickup_cancelled", "picked_up",
    "intransit", "out_for_delivery", "failed_delivery", "delivered", "delivered_warehouse", "complete",
    "return_cancelled", "lost",
]  # fmt: skip

FROM_DOCUMENTS = {"dropped", "named"}
"""What a shipment hears from its order's document, not from couriers."""

WAY_OUT = ["created", "packed", "ready_to_ship", "pickup_pending", "out_for_pickup", "pickup_failed", "picked_up",
           "dispatched", "intransit", "out_for_delivery", "failed_delivery", "ndr_resolution_submitted",
           "delivered"]  # fmt: skip
WAY_BACK = ["rto_created", "return_expected", "rto_intransit", "rto_out_for_delivery", "rto_failed",
            "rto_contact_customer_care", "rto_delivered"]  # fmt: skip
RETURNING = ["created", "approved", "pickup_pending", "out_for_pickup", "pickup_failed", "picked_up", "intransit",
             "out_for_delivery", "failed_delivery", "delivered", "delivered_warehouse", "complete"]  # fmt: skip


@pytest.mark.parametrize(
    ("leg", "word"),
    [
        (leg, word)
        for leg, words in ((FORWARD, FORWARD_WORDS), (RTO, RTO_WORDS), (RETURN, RETURN_WORDS))
        for word in words
    ],
)
def test_every_word_of_the_couriers_is_understood_somewhere(leg: str, word: str) -> None:
    definition = runs("shipment").definition

    assert fact_name(leg, word) in {arrow.event for arrow in definition.transitions}


def test_no_other_word_is() -> None:
    definition = runs("shipment").definition

    assert {arrow.event for arrow in definition.transitions} - FROM_DOCUMENTS == {
        fact_name(leg, word)
        for leg, words in ((FORWARD, FORWARD_WORDS), (RTO, RTO_WORDS), (RETURN, RETURN_WORDS))
        for word in words
    }


def test_one_that_its_order_drops_waits_to_be_named_again_or_seen() -> None:
    definition = runs("shipment").definition
    arrows = {
        state: {(arrow.event, arrow.target) for arrow in definition.transitions if arrow.source == state}
        for state in ("awaiting", "dropped")
    }

    assert arrows["awaiting"] - arrows["dropped"] == {("dropped", "dropped")}
    assert arrows["dropped"] - arrows["awaiting"] == {("named", "awaiting")}


# What may come after what


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("forward.created", "packed cancelled_order"),
        ("forward.packed", "ready_to_ship dispatched cancelled_order"),
        ("forward.ready_to_ship", "out_for_pickup picked_up pickup_failed cancelled_order"),
        ("forward.pickup_pending", "out_for_pickup picked_up pickup_failed cancelled_order"),
        ("forward.pickup_failed", "pickup_pending out_for_pickup picked_up cancelled_order"),
        ("forward.picked_up", "intransit lost damage rto.rto_created"),
        ("forward.dispatched", "intransit lost damage rto.rto_created"),
        ("forward.intransit", "out_for_delivery lost damage rto.rto_created"),
        ("forward.out_for_delivery", "delivered failed_delivery intransit lost damage"),
        ("forward.failed_delivery", "out_for_delivery ndr_resolution_submitted delivered rto.rto_created"),
        ("forward.ndr_resolution_submitted", "out_for_delivery intransit delivered failed_delivery rto.rto_created"),
        ("rto.rto_created", "rto_intransit rto_out_for_delivery lost damage forward.intransit"),
        ("rto.rto_intransit", "rto_out_for_delivery rto_delivered rto_failed rto_contact_customer_care"),
        ("rto.rto_out_for_delivery", "rto_delivered rto_failed rto_contact_customer_care"),
        ("rto.rto_failed", "rto_out_for_delivery disposed"),
        ("return.pickup_failed", "pickup_pending out_for_pickup pickup_cancelled return_cancelled"),
        ("return.created", "approved return_cancelled lost"),
        ("return.pickup_pending", "out_for_pickup pickup_cancelled return_cancelled"),
    ],
)  # fmt: skip
def test_what_may_come_next(source: str, words: str) -> None:
    leg = source.partition(".")[0]
    targets = [word if "." in word else f"{leg}.{word}" for word in words.split()]

    assert {target: leads("shipment", source, target) for target in targets} == {target: target for target in targets}


@pytest.mark.parametrize(("leg", "way"), [(FORWARD, WAY_OUT), (RTO, WAY_BACK), (RETURN, RETURNING)])
def test_scans_may_be_missing(leg: str, way: list[str]) -> None:
    """From a milestone, and from the very beginning, each later one is legal, and the same again."""
    for index, here in enumerate(way[:-1]):
        assert leads("shipment", "awaiting", f"{leg}.{here}") == f"{leg}.{here}"
        for later in way[index:]:
            assert leads("shipment", f"{leg}.{here}", f"{leg}.{later}") == f"{leg}.{later}"


@pytest.mark.parametrize("source", [f"forward.{word}" for word in WAY_OUT[:-1]])
@pytest.mark.parametrize("flag", ["shipment_delayed", "shipment_held", "unhold"])
def test_a_delay_or_hold_is_a_flag_and_the_milestone_stays(source: str, flag: str) -> None:
    assert leads("shipment", source, f"forward.{flag}") == source


@pytest.mark.parametrize("source", [f"forward.{word}" for word in WAY_OUT[WAY_OUT.index("picked_up") :]])
def test_once_picked_up_an_order_is_not_cancelled_but_sent_back(source: str) -> None:
    assert leads("shipment", source, "forward.cancelled_order") == REFUSED
    assert source == "forward.delivered" or leads("shipment", source, "rto.rto_created") == "rto.rto_created"


@pytest.mark.parametrize(
    "state", ["forward.delivered", "forward.cancelled_order", "forward.lost", "rto.rto_delivered", "rto.disposed",
              "rto.lost", "return.complete", "return.pickup_cancelled", "return.return_cancelled", "return.lost"]
)  # fmt: skip
def test_nothing_a_courier_says_leaves_the_end(state: str) -> None:
    final = {found.id for found in runs("shipment").definition.states if found.final}

    assert state in final
    assert len(final) == 10
    assert {leads("shipment", state, event) for event in runs("shipment").rank} == {REFUSED}


def test_earlier_milestones_are_not_gone_back_to_but_by_what_couriers_do() -> None:
    back = {
        (earlier, later)
        for index, later in enumerate(WAY_OUT)
        for earlier in WAY_OUT[:index]
        if leads("shipment", f"forward.{later}", f"forward.{earlier}") != REFUSED
    }

    assert back == {
        ("pickup_pending", "out_for_pickup"),
        ("pickup_pending", "pickup_failed"),
        ("out_for_pickup", "pickup_failed"),
        ("intransit", "out_for_delivery"),
        ("out_for_delivery", "failed_delivery"),
        ("intransit", "failed_delivery"),
        ("out_for_delivery", "ndr_resolution_submitted"),
        ("intransit", "ndr_resolution_submitted"),
        ("failed_delivery", "ndr_resolution_submitted"),
    }


# What is told


@pytest.mark.parametrize(
    ("source", "event", "asked"),
    [
        ("forward.packed", "forward.picked_up", ["notify_shipped"]),
        ("forward.intransit", "forward.out_for_delivery", ["notify_out_for_delivery"]),
        ("forward.out_for_delivery", "forward.out_for_delivery", []),
        ("forward.intransit", "forward.shipment_delayed", ["notify_shipment_delayed"]),
        ("awaiting", "forward.shipment_delayed", []),
        ("forward.out_for_delivery", "forward.delivered", ["notify_delivered"]),
        ("forward.created", "forward.cancelled_order", ["notify_cancelled"]),
        ("forward.intransit", "rto.rto_created", ["notify_rto"]),
        ("rto.rto_intransit", "rto.rto_delivered", ["notify_rto_delivered"]),
        ("forward.intransit", "forward.damage", ["alert_damage"]),
        ("forward.intransit", "forward.lost", ["alert_lost"]),
        ("return.created", "return.approved", ["notify_return_approved"]),
        ("return.out_for_pickup", "return.picked_up", ["notify_return_picked_up"]),
        ("return.delivered_warehouse", "return.complete", ["notify_return_complete"]),
        ("forward.out_for_delivery", "forward.failed_delivery", []),
    ],
)
def test_what_customers_and_staff_are_told(source: str, event: str, asked: list[str]) -> None:
    assert effects("shipment", source, event) == asked


@pytest.mark.parametrize(
    ("source", "event", "code", "told"),
    [
        ("forward.out_for_delivery", "forward.failed_delivery", "1", ["failed_again", "attempt_failed"]),
        ("forward.out_for_delivery", "forward.failed_delivery", "", ["failed_again", "attempt_failed"]),
        ("forward.out_for_delivery", "forward.failed_delivery", "4", ["failed_again"]),
        ("forward.failed_delivery", "forward.out_for_delivery", "", []),
        ("forward.failed_delivery", "forward.delivered", "", ["delivered"]),
        ("forward.failed_delivery", "rto.rto_created", "", ["rto"]),
        ("rto.rto_created", "rto.rto_intransit", "", []),
        ("forward.failed_delivery", "forward.lost", "", ["lost"]),
        ("forward.failed_delivery", "forward.failed_delivery", "1", []),
    ],
)
def test_what_the_cases_of_a_shipment_are_told(source: str, event: str, code: str, told: list[str]) -> None:
    step = step_of("shipment", source, event, {"ndr_code": code})

    assert step is not None
    raised = runs("shipment").raised(step)
    assert [each.event for each in raised if each.definition == "ndr_case"] == told
    assert [each.event for each in raised if each.definition == "order"] == ["shipments_changed"]


# The fold


def test_a_late_scan_of_another_attempt_is_put_in_its_place() -> None:
    scans = [
        fact("forward.picked_up", 1),
        fact("forward.out_for_delivery", 2),
        fact("forward.failed_delivery", 3, ndr_code="5"),
        fact("forward.out_for_delivery", 4),
        fact("forward.delivered", 5),
    ]
    fold = folded("shipment", scans[0], scans[4], scans[2], scans[1], scans[3])

    assert fold.instance.state == "forward.delivered"
    assert [outcome for _, outcome in fold.timeline()] == ["applied"] * 5
    assert fold.context({}) == {
        "latest": {"status": "forward.delivered", "at": scans[4].at},
        "attempts": [{"id": scans[2].id, "at": scans[2].at, "reason": "unreachable", "counts": True, "voided_by": ""}],
        "conflicts": [],
        "skewed": [],
    }


def test_a_newer_contradiction_of_the_end_is_for_people_and_an_older_one_is_nothing() -> None:
    newer = folded("shipment", fact("forward.delivered", 5), fact("rto.rto_created", 9))
    older = folded("shipment", fact("forward.delivered", 5), fact("forward.intransit", 4))

    assert [outcome for _, outcome in newer.timeline()] == ["applied", "conflict"]
    assert newer.context({})["conflicts"] == [fact("rto.rto_created", 9).id]
    assert older.instance.state == newer.instance.state == "forward.delivered"


def test_a_failure_that_is_true_after_all_is_an_attempt_with_a_case_of_its_own() -> None:
    """Though the parcel had failed before it was said to be delivered."""
    first, second = fact("forward.failed_delivery", 1), fact("forward.failed_delivery", 3)
    accepted = Fact(ACCEPTED, second.at + 60_000_000, second.at + 60_000_000, {ABOUT: second.id}, "staff")

    fold = folded("shipment", first, fact("forward.delivered", 2), second, accepted)

    told = [(each.raised.event, each.key) for each in fold.declared().tellings.values()]
    assert ("attempt_failed", f"K-1:{second_of(second.at)}") in told
    assert [attempt["id"] for attempt in fold.context({})["attempts"]] == [first.id, second.id]
    assert fold.instance.state == "forward.failed_delivery"


@pytest.mark.parametrize(
    ("more", "key"), [({"attempt": "20260101T120100Z"}, "K-1:20260101T120100Z"), ({}, "K-1:20260101T120300Z")]
)
def test_the_case_of_a_void_attempt_is_told_so(more: dict[str, str], key: str) -> None:
    fold = folded(
        "shipment",
        fact("forward.failed_delivery", 1),
        fact("forward.out_for_delivery", 2),
        fact("forward.failed_delivery", 3),
        replace(fact("forward.attempt_voided", 4), details=more),
    )

    told = [(each.raised.event, each.key) for each in fold.declared().tellings.values()]
    assert ("attempt_voided", key) in told
    assert [each["counts"] for each in fold.context({})["attempts"]] == [key.endswith("0300Z"), key.endswith("0100Z")]


def test_a_lost_parcel_is_found_when_a_newer_scan_says_so_and_people_agree() -> None:
    lost, seen = fact("forward.lost", 2), fact("forward.out_for_delivery", 5)
    agreed = Fact(ACCEPTED, seen.at + 60_000_000, seen.at + 60_000_000, {ABOUT: seen.id}, "staff")

    alone, found = (folded("shipment", fact("forward.intransit", 1), lost, seen, *more) for more in ((), (agreed,)))

    assert (alone.instance.state, alone.context({})["conflicts"]) == ("forward.lost", [seen.id])
    assert (found.instance.state, found.context({})["conflicts"]) == ("forward.out_for_delivery", [])
    assert found.context({})["latest"]["status"] == seen.name


def test_a_way_back_is_revoked_only_by_a_later_scan_of_the_courier() -> None:
    assert leads("shipment", "rto.rto_created", "forward.delivered") == "forward.delivered"
    assert leads("shipment", "rto.rto_intransit", "forward.out_for_delivery") == REFUSED


reports = st.lists(
    st.builds(
        fact,
        st.sampled_from(
            [*sorted({arrow.event for arrow in runs("shipment").definition.transitions}), "forward.sneezed"]
        ),
        st.integers(0, 8),
        st.integers(0, 100),
        ndr_code=st.sampled_from(["", "1", "4", "99"]),
    ),
    max_size=8,
)


@settings(max_examples=80, deadline=None)
@given(scans=reports, data=st.data())
def test_any_order_and_number_of_the_same_scans_is_the_same_shipment(scans: list[Fact], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(scans), max_size=3)) if scans else []
    shuffled = data.draw(st.permutations([*scans, *again]))

    one, other = folded("shipment", *scans), folded("shipment", *shuffled)

    assert (one.instance, one.timeline(), one.context({})) == (other.instance, other.timeline(), other.context({}))


@settings(max_examples=60, deadline=None)
@given(kept=st.sets(st.sampled_from(WAY_OUT[:-1])))
def test_whatever_scans_are_lost_a_delivered_parcel_is_delivered(kept: set[str]) -> None:
    way = [word for word in WAY_OUT if word in kept] + ["delivered"]
    facts = [fact(f"forward.{word}", minute) for minute, word in enumerate(way)]

    fold = folded("shipment", *reversed(facts))

    assert fold.instance.state == "forward.delivered"
    assert all(outcome == "applied" for _, outcome in fold.timeline())
    for before, after in pairwise(fold.entries):
        assert before.after.state != after.after.state
