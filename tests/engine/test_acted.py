"""An instance that takes events: alone, or with its family."""

import pytest
from msgspec.structs import replace

from engine.errors import NoTransition
from engine.family import acted
from engine.model import Event, Instance, born
from engine.ports import Decision, FamilyRecord, Identity, joined
from tests.builders import MINUTE, NOON, a_fact, an_event
from tests.engine.parcels import CASE, INQUIRY, ORDER, a_fold, a_shipment, interpreter_of

AT = NOON + MINUTE
AN_ORDER = replace(born(ORDER.definition, "O-1", NOON, family="order/O-1"), revision=1)
A_CASE = replace(
    born(CASE.definition, "C-1", NOON, family="order/O-1", context={"opened_by": "S-1"}),
    state="open", path=("new", "open"), revision=1, entry=1, steps=1,
)  # fmt: skip


def taken(instance: Instance, *events: Event, facts: tuple[str, ...] = ()) -> Decision:
    """Return the decision that an instance of order O-1's family takes events, its shipment with these facts."""
    known = tuple(a_fact(name, second) for second, name in enumerate(facts))
    record = FamilyRecord((AN_ORDER, instance), {instance.id: known} if known else {})
    return acted(interpreter_of, instance, record, *events)


def moves(decision: Decision) -> list[tuple[str, str, str, str]]:
    """Return what a decision's steps did: whom, what happened, from where to where."""
    return [(step.after.definition, step.event.name, step.before.state, step.after.state) for step in decision.steps]


def test_one_without_a_family_takes_its_events_one_after_the_other() -> None:
    alone = born(INQUIRY.definition, "Q-1", NOON)
    asked, answered = an_event("asked", "e-1", AT), an_event("answered", "e-2", AT)

    decision = acted(interpreter_of, alone, FamilyRecord(), asked, answered)

    assert moves(decision) == [("inquiry", "asked", "new", "waiting"), ("inquiry", "answered", "waiting", "answered")]
    assert decision.recorded_at == asked.received_at
    assert decision.changes() == {alone.id: (0, decision.steps[1].after)}


def test_a_member_takes_an_event_with_its_family() -> None:
    decision = taken(A_CASE, an_event("doubted", at=AT))

    assert moves(decision)[0] == ("case", "doubted", "open", "open")
    assert ("inquiry", "asked", "new", "waiting") in moves(decision)
    assert AN_ORDER.id in decision.changes()


def test_what_a_member_of_facts_takes_is_a_fact_of_it() -> None:
    shipment = replace(a_fold(a_fact("picked_up")).instance, revision=1, steps=1)
    event = an_event("moving", at=AT, data={"place": "Pune", "weight": 3})

    decision = taken(shipment, event, facts=("picked_up",))

    ((owner, fact),) = decision.facts
    assert (owner, fact.name, fact.at, fact.source, dict(fact.details)) == (
        shipment.id, "moving", AT, event.actor, {"place": "Pune"},
    )  # fmt: skip
    assert moves(decision)[0] == ("shipment", "moving", "picked_up", "moving")


def test_what_a_root_takes_it_hears_when_all_is_settled() -> None:
    decision = acted(interpreter_of, AN_ORDER, FamilyRecord((AN_ORDER,)), an_event("shipments_changed", at=AT))

    assert set(decision.changes()) == {AN_ORDER.id}


@pytest.mark.parametrize("member", [A_CASE, a_shipment(), AN_ORDER])
def test_what_a_member_cannot_take_is_refused_with_what_it_can(member: Instance) -> None:
    with pytest.raises(NoTransition) as refused:
        taken(member, an_event("sung", at=AT))

    assert refused.value.instance == member
    assert "sung" not in refused.value.allowed


def test_decisions_about_different_instances_are_joined_with_all_they_change() -> None:
    alone, other = born(INQUIRY.definition, "Q-1", NOON), born(INQUIRY.definition, "Q-2", NOON)
    first = acted(interpreter_of, alone, FamilyRecord(), an_event("asked", "e-1", AT))
    second = acted(interpreter_of, other, FamilyRecord(), an_event("asked", "e-2", AT))
    first = replace(first, identities=(Identity("a", "1"),))
    second = replace(second, identities=(Identity("b", "2"),), withdrawn=("effect-1",))

    both = joined(first, second)

    assert both == replace(
        first,
        steps=(*first.steps, *second.steps),
        identities=(Identity("a", "1"), Identity("b", "2")),
        withdrawn=("effect-1",),
    )
