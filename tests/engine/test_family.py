import asyncio
import random
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.errors import NoTransition
from engine.family import WITHDRAWN, Family, OpenedInterpreter, Reception, family_of
from engine.fold import ABOUT, ACCEPTED, SETTLING, Fact, Fold
from engine.interpreter import Interpreter
from engine.model import Effect, Event, Guard, Instance, Step, Timer, Transition, born, effect_key
from engine.ports import Decision, FamilyRecord, Identity, Verdict
from storage.memory import MemoryStore
from tests.builders import HOUR, MINUTE, NOON, a_definition, a_fact, an_alias, an_event
from tests.engine.parcels import CASE, INQUIRY, ORDER, SHIPMENT, a_fold, a_shipment, facts, interpreter_of, is_late

NOW = NOON + HOUR
A_DAY = 24 * 3600
"""In seconds."""
ROOT = ("order", "O-1")
AN_ORDER = replace(born(ORDER.definition, "O-1", NOON, family="order/O-1"), revision=1)
SHIPPED_ORDER = replace(
    AN_ORDER, state="shipped", revision=2, entry=1, steps=1, path=("placed", "shipped"), updated_at=NOON
)


def a_case(key: str = "S-1:20260101T120001Z", state: str = "open", **changes: object) -> Instance:
    """Return a case of order O-1 as stored."""
    case = born(CASE.definition, key, NOON, family="order/O-1", context={"opened_by": "S-1"})
    return replace(case, **{"state": state, "path": ("new", state), "revision": 1, "entry": 1, "steps": 1, **changes})


def a_family(*members: Instance, root: Instance = AN_ORDER, facts: Iterable[Fact] = (), now: int = NOW) -> Family:
    """Return a decision in the making about order O-1 and *members*; the facts are shipment S-1's."""
    record = FamilyRecord((root, *members), {("shipment", "S-1"): tuple(facts)})
    return Family(interpreter_of, ROOT, record, now)


def stored(*facts: Fact, **changes: object) -> Instance:
    """Return shipment S-1 as it is stored after *facts*, one decision each."""
    fold = a_fold(*facts)
    written = {"revision": len(facts), "steps": len(facts), "context": fold.context({})}
    return replace(fold.instance, **{**written, **changes})


def moves(decision: Decision) -> list[tuple[str, str, str, str]]:
    """Return what a decision's steps did: whom, what happened, from where to where."""
    return [(step.after.definition, step.event.name, step.before.state, step.after.state) for step in decision.steps]


def effects(decision: Decision) -> list[tuple[str, str, str]]:
    """Return the effects that a decision declares."""
    return [(effect.name, effect.status, effect.reason) for step in decision.steps for effect in step.effects]


# Members


def test_a_family_is_named_after_its_root_of_whatever_definition() -> None:
    assert family_of(("order", "O-1")) == "order/O-1"
    assert family_of(("offer", "O-1")) != family_of(("order", "O-1"))


def test_opening_a_member_that_is_there_returns_it() -> None:
    case = a_case()

    assert a_family(case).open("case", case.key, {"opened_by": "nobody"}) == case


@pytest.mark.parametrize(("at", "born_at"), [(None, NOW), (NOON, NOON)])
def test_opening_a_member_that_is_not_there_bears_it_into_the_family(at: int | None, born_at: int) -> None:
    family = a_family()

    case = family.open("case", "C-1", {"opened_by": "S-1"}, at)

    assert case == born(CASE.definition, "C-1", born_at, family="order/O-1", context={"opened_by": "S-1"})
    assert family.members["case", "C-1"] == case
    assert family.open("case", "C-1", {}) == case


def test_a_born_member_is_written_even_if_nothing_happens_to_it() -> None:
    family = a_family()
    case = family.open("case", "C-1", {})

    touched = family.decision().touched

    assert (case, replace(case, revision=1, updated_at=NOW)) in touched


def test_the_root_is_in_every_decision() -> None:
    decision = a_family(a_case()).decision()

    assert decision == Decision(recorded_at=NOW, touched=((AN_ORDER, replace(AN_ORDER, revision=2, updated_at=NOW)),))


def test_a_family_whose_root_is_not_there_yet_can_still_decide() -> None:
    family = Family(interpreter_of, ROOT, FamilyRecord((a_shipment(),)), NOW)

    family.receive(a_shipment(), [a_fact("picked_up")])

    assert moves(family.decision()) == [("shipment", "picked_up", "awaiting", "picked_up")]


def test_what_is_not_decided_by_the_engine_joins_the_decision_as_it_is() -> None:
    old, new, other = (an_alias(value) for value in ("a", "b", "c"))
    identities = (Identity("courier", "1"), Identity("courier", "2"))

    decision = a_family().decision(iter(identities), put=[new], add=[other], remove=[old])

    assert (decision.identities, decision.put, decision.add, decision.remove) == (identities, (new,), (other,), (old,))


# Amending


def test_what_is_amended_is_written_without_a_step() -> None:
    family = a_family(a_case())

    family.amend(a_case(), {"note": "called"})
    decision = family.decision()

    amended = replace(a_case(), context={"opened_by": "S-1", "note": "called"}, revision=2, updated_at=NOW)
    assert decision.steps == ()
    assert (a_case(), amended) in decision.touched


def test_what_is_amended_before_a_step_is_in_the_step() -> None:
    family = a_family(a_case())

    family.amend(a_case(), {"note": "called"})
    step = family.apply(a_case(), an_event("doubted"))

    assert step.after.context == {"opened_by": "S-1", "note": "called"}


def test_what_is_amended_after_a_step_is_written_too() -> None:
    family = a_family(a_case())

    family.apply(a_case(), an_event("delivered", assign={"by": "courier"}))
    family.amend(a_case(), {"note": "called"})
    _, written = family.decision().changes()[a_case().id]

    assert written.context == {"opened_by": "S-1", "by": "courier", "note": "called"}
    assert (written.revision, written.steps) == (2, 2)


# Events


def test_an_event_is_a_step_of_the_member_as_it_is_now() -> None:
    family = a_family(a_case())
    event = an_event("delivered")

    step = family.apply(a_case(), event)

    assert step == CASE.step(a_case(), event)
    assert family.members[a_case().id] == step.after
    assert family.decision().steps == (step,)


def test_an_event_that_cannot_be_applied_tells_nobody_and_changes_nothing() -> None:
    family = a_family(a_case(state="closed"))

    with pytest.raises(NoTransition):
        family.apply(a_case(state="closed"), an_event("doubted"))

    assert family.decision() == a_family(a_case(state="closed")).decision()


def test_what_an_event_raises_is_heard_under_an_identity_made_from_both() -> None:
    case = a_case("C-1")
    family = a_family(case)
    event = an_event("doubted", "e-9", data={"why": "nobody came"}, assign={"doubt": 1}, actor="customer")

    told = family.apply(case, event)
    decision = family.decision()

    inquiry = born(
        INQUIRY.definition,
        "C-1/20260101T120100Z",
        event.at,
        family="order/O-1",
        context={"opened_by": "C-1", "opened_at": event.at},
    )
    heard = Event(
        "C-1/e-9",
        "asked",
        event.at,
        event.received_at,
        data={"why": "nobody came", "late": False},
        assign={"doubt": 1},
        actor="customer",
    )
    assert decision.steps == (told, INQUIRY.step(inquiry, heard))


def test_what_was_late_stays_late_when_it_is_told_on() -> None:
    case = a_case("C-1", "late")
    family = a_family(case)

    family.apply(case, an_event("doubted", data={"late": True}))

    assert ("inquiry", "asked", "new", "unanswerable") in moves(family.decision())


def test_being_told_is_not_an_order() -> None:
    inquiry = replace(
        born(INQUIRY.definition, "C-1/20260101T120100Z", NOON, family="order/O-1"), state="answered", revision=4
    )
    case = a_case("C-1")
    family = a_family(case, inquiry)

    family.apply(case, an_event("doubted"))

    assert moves(family.decision()) == [("case", "doubted", "open", "open")]
    assert family.members[inquiry.id] == inquiry


def test_a_member_that_is_not_there_and_not_opened_is_not_told() -> None:
    family = a_family()

    family.apply(AN_ORDER, an_event("paid"))

    assert moves(family.decision()) == [("order", "paid", "placed", "placed")]


# The root


def test_the_root_hears_an_event_once_however_many_told_it() -> None:
    family = a_family(a_shipment(), a_shipment("S-2"))

    for key in ("S-1", "S-2"):
        family.receive(a_shipment(key), [a_fact("picked_up", 1), a_fact("moving", 2)])
    decision = family.decision()

    assert moves(decision)[-1] == ("order", "shipments_changed", "placed", "shipped")
    assert [step.after.definition for step in decision.steps].count("order") == 1


def test_the_roots_step_carries_the_summary_of_those_that_tell_it() -> None:
    tells_it_something_else = born(INQUIRY.definition, "I-1", NOON, family="order/O-1")
    family = a_family(a_shipment(), a_shipment("S-2"), a_case(), tells_it_something_else)

    family.receive(a_shipment(), [a_fact("picked_up", 1)])
    root = family.decision().steps[-1]

    summary = {"members": 2, "tags": {"expected": 1, "moving": 1}}
    event_id = "S-1/picked_up@20260101T120001Z/order//shipments_changed"
    assert root == ORDER.step(
        AN_ORDER, Event(event_id, "shipments_changed", NOW, NOW, data=summary, assign={"summary": summary})
    )


def test_a_root_that_stays_where_it_is_keeps_the_summary_without_a_step() -> None:
    family = a_family(stored(a_fact("picked_up", 1)), root=SHIPPED_ORDER, facts=[a_fact("picked_up", 1)])

    family.receive(family.members["shipment", "S-1"], [a_fact("failed", 2)])
    decision = family.decision()

    summary = {"members": 1, "tags": {}}
    assert "order" not in {step.after.definition for step in decision.steps}
    assert (
        SHIPPED_ORDER,
        replace(SHIPPED_ORDER, context={"summary": summary}, revision=3, updated_at=NOW),
    ) in decision.touched


def test_a_root_that_took_a_step_of_its_own_keeps_the_summary_too() -> None:
    family = a_family(a_shipment())

    family.apply(AN_ORDER, an_event("paid", assign={"paid": True}))
    family.tell_root("shipments_changed", "told-1")
    _, root = family.decision().changes()[ROOT]

    assert root.context == {"paid": True, "summary": {"members": 1, "tags": {"expected": 1}}}


def test_a_root_that_cannot_take_what_it_is_told_does_not_undo_the_decision() -> None:
    archived = replace(AN_ORDER, state="in_the_archive", revision=5)
    family = a_family(a_shipment(), root=archived)

    family.receive(a_shipment(), [a_fact("picked_up", 1)])
    decision = family.decision()

    assert moves(decision) == [("shipment", "picked_up", "awaiting", "picked_up")]
    assert decision.changes()[ROOT][1].state == "in_the_archive"


def test_a_member_in_a_state_its_version_does_not_have_is_counted_and_hurts_nobody() -> None:
    parked = a_shipment("S-2", state="forgotten", revision=4)
    family = a_family(a_shipment(), parked)

    family.receive(a_shipment(), [a_fact("picked_up", 1)])

    assert family.decision().changes()[ROOT][1].context == {"summary": {"members": 2, "tags": {"moving": 1}}}


def test_several_events_are_told_to_the_root_in_their_turn() -> None:
    family = a_family(a_case("C-1"))

    family.tell_root("paid", "p-1")
    family.tell_root("shipments_changed", "s-1")
    decision = family.decision()

    # Nobody tells the order that it was paid, so that summary is empty; nor are there shipments.
    assert decision.changes()[ROOT][1].state == "finished"


def test_a_decision_is_the_same_however_often_it_is_taken() -> None:
    family = a_family(a_shipment())

    family.receive(a_shipment(), [a_fact("delivered", 1)])

    assert family.decision() == family.decision()


def test_telling_a_root_that_is_not_there_is_no_error() -> None:
    family = Family(interpreter_of, ROOT, FamilyRecord(), NOW)

    family.tell_root("shipments_changed", "s-1")

    assert family.decision() == Decision(recorded_at=NOW)


# Facts


def test_a_fact_is_a_step_from_the_state_before_it_came() -> None:
    fact = a_fact("picked_up", 1, place="Pune", source="courier")
    family = a_family(before := a_shipment(context={"weight": 3}))

    receptions = family.receive(before, [fact])
    decision = family.decision()

    folded = Fold(SHIPMENT, before, [fact])
    step = decision.steps[0]
    assert receptions == [Reception(fact, "applied", "new")]
    assert step == Step(
        before=before,
        event=Event(fact.id, "picked_up", fact.at, NOW, data={"place": "Pune"}, actor="courier"),
        after=replace(
            folded.instance,
            revision=1,
            steps=1,
            updated_at=NOW,
            context={"weight": 3, "taken": [fact.id], "place": "Pune"},
        ),
        transition=SHIPMENT.definition.transitions[0],
        effects=(Effect(effect_key(before, fact.id, "notify_shipped", 0), "notify_shipped"),),
        outcome="applied",
    )
    assert decision.facts == ((("shipment", "S-1"), fact),)


def test_a_fact_that_is_known_changes_nothing() -> None:
    fact = a_fact("picked_up", 1)
    family = a_family(stored(fact), facts=[fact])

    receptions = family.receive(stored(fact), [fact, a_fact("picked_up", 1, delay=500, source="panel")])

    assert receptions == [Reception(fact, "applied", "known")] * 2
    assert family.decision() == a_family(stored(fact)).decision()


def test_a_late_fact_is_a_step_without_a_transition_of_its_own() -> None:
    known = [a_fact("picked_up", 1), a_fact("delivered", 9)]
    family = a_family(before := stored(*known), facts=known)

    receptions = family.receive(before, [late := a_fact("moving", 5)])
    step = family.decision().steps[0]

    assert receptions == [Reception(late, "applied", "new")]
    assert (step.transition, step.outcome) == (None, "applied")
    assert (step.before, step.after.state, step.after.revision, step.after.steps) == (before, "delivered", 3, 3)
    assert step.after.path == ("awaiting", "picked_up", "moving", "delivered")


@pytest.mark.parametrize(
    ("fact", "outcome"),
    [
        pytest.param(a_fact("sneezed", 9), "conflict", id="conflict"),
        pytest.param(a_fact("delivered", 9), "ignored", id="ignored"),
    ],
)
def test_a_fact_that_is_not_taken_is_still_kept_and_journalled(fact: Fact, outcome: str) -> None:
    known = a_fact("delivered", 1)
    family = a_family(stored(known), facts=[known])

    family.receive(stored(known), [fact])
    decision = family.decision()

    [step] = decision.steps
    assert (step.transition, step.outcome, step.effects) == (None, outcome, ())
    assert decision.facts == ((("shipment", "S-1"), fact),)


def test_a_merged_report_is_a_step_that_moved_nothing() -> None:
    known = a_fact("picked_up", 1)
    family = a_family(stored(known), facts=[known])

    receptions = family.receive(stored(known), [a_fact("picked_up", 1, delay=60, source="panel", place="Pune")])
    decision = family.decision()

    merged = a_fact("picked_up", 1, place="Pune")
    assert receptions == [Reception(merged, "applied", "merged")]
    assert decision.facts == ((("shipment", "S-1"), merged),)
    [step] = [step for step in decision.steps if step.after.definition == "shipment"]
    assert (step.before.state, step.after.state, step.outcome) == ("picked_up", "picked_up", "merged")
    assert (step.transition, step.effects) == (None, ())
    assert step.after.context["place"] == "Pune"


def test_facts_of_one_batch_are_steps_one_after_another_and_outcomes_are_those_of_the_end() -> None:
    family = a_family(a_shipment())
    delivered, lost, moving = a_fact("delivered", 3), a_fact("lost", 2), a_fact("moving", 1)

    receptions = family.receive(a_shipment(), [delivered, lost, moving, replace(moving, details={"place": "Pune"})])
    decision = family.decision()

    steps = [step for step in decision.steps if step.after.definition == "shipment"]
    placed = replace(moving, details={"place": "Pune"})
    assert receptions == [
        Reception(delivered, "conflict", "new"),
        Reception(lost, "applied", "new"),
        Reception(placed, "applied", "new"),
        Reception(placed, "applied", "merged"),
    ]
    assert [(step.after.state, step.outcome, step.after.steps) for step in steps] == [
        ("delivered", "applied", 1),
        ("lost", "applied", 2),
        ("lost", "applied", 3),
        ("lost", "merged", 4),
    ]
    assert all(later.before == earlier.after for earlier, later in pairwise(steps))
    assert [fact for _, fact in decision.facts] == [delivered, lost, placed]


def test_a_timeline_is_made_of_what_is_stored_and_what_was_received() -> None:
    family = a_family(stored(a_fact("moving", 2)), facts=[a_fact("moving", 2)])

    family.receive(stored(a_fact("moving", 2)), [a_fact("picked_up", 1)])

    assert family.timeline(a_shipment()) == [(a_fact("picked_up", 1), "applied"), (a_fact("moving", 2), "applied")]


def test_an_amended_context_survives_a_fact() -> None:
    family = a_family(a_shipment())

    family.amend(a_shipment(), {"weight": 3})
    family.receive(a_shipment(), [a_fact("picked_up", 1)])

    assert family.members["shipment", "S-1"].context["weight"] == 3


# What facts ask for


@pytest.mark.parametrize(
    ("known", "fact", "expected"),
    [
        pytest.param([], a_fact("picked_up", 1), [("notify_shipped", "pending", "")], id="the last and fresh"),
        pytest.param(
            [a_fact("moving", 5)],
            a_fact("picked_up", 1),
            [("notify_shipped", "discarded", "stale")],
            id="something came after",
        ),
        pytest.param([], a_fact("picked_up", 1, delay=A_DAY), [("notify_shipped", "pending", "")], id="just fresh"),
        pytest.param(
            [],
            a_fact("picked_up", 1, delay=A_DAY + 1),
            [("notify_shipped", "discarded", "stale")],
            id="heard of too late",
        ),
        pytest.param([], a_fact("moving", 1), [], id="nothing is asked for"),
    ],
)
def test_an_effect_is_pending_only_when_its_fact_is_the_last_and_fresh(
    known: list[Fact], fact: Fact, expected: list[tuple[str, str, str]]
) -> None:
    family = a_family(stored(*known), facts=known, now=NOON + 72 * HOUR)

    family.receive(stored(*known), [fact])

    assert effects(family.decision()) == expected


def test_effects_are_declared_in_the_order_of_the_timeline_and_the_arrow() -> None:
    family = a_family(a_shipment())

    family.receive(a_shipment(), [a_fact("at_the_door", 2), a_fact("picked_up", 1)])

    steps = [[effect.name for effect in step.effects] for step in family.decision().steps]
    assert steps[:2] == [["notify_today", "share_map"], ["notify_shipped"]]


def test_effects_of_a_fact_that_only_now_counts_come_with_the_fact_that_made_it_count() -> None:
    known = [a_fact("picked_up", 1), a_fact("recalled", 2, by_seller="yes"), a_fact("at_the_door", 5)]
    family = a_family(before := stored(*known), facts=known)

    family.receive(before, [a_fact("at_the_door", 2), a_fact("sneezed", 9)])
    decision = family.decision()

    # At one second, being at the door comes before being recalled, which no arrow allows from there.
    assert [(step.event.name, [effect.name for effect in step.effects]) for step in decision.steps[:2]] == [
        ("at_the_door", ["notify_today", "share_map"]),
        ("sneezed", ["notify_today", "share_map"]),
    ]


def test_an_effect_no_longer_asked_for_is_withdrawn() -> None:
    known = a_fact("at_the_door", 5)
    family = a_family(stored(known), facts=[known])

    family.receive(stored(known), [a_fact("lost", 1)])

    asked = {
        effect_key(a_shipment(), known.id, name, index) for index, name in enumerate(("notify_today", "share_map"))
    }
    assert family.decision().withdrawn == tuple(sorted(asked))


def test_an_effect_already_asked_for_is_not_asked_for_again() -> None:
    known = a_fact("picked_up", 1)
    family = a_family(stored(known), facts=[known])

    family.receive(stored(known), [a_fact("picked_up", 1, place="Pune")])

    assert effects(family.decision()) == []


# What facts tell


def test_a_fact_opens_a_member_and_tells_it_why() -> None:
    family = a_family(a_shipment())
    failed = a_fact("failed", 1, code="4", source="courier")

    family.receive(a_shipment(), [failed])
    step = family.decision().steps[1]

    key = "S-1:20260101T120001Z"
    opened = born(
        CASE.definition, key, failed.at, family="order/O-1", context={"opened_by": "S-1", "opened_at": failed.at}
    )
    event = Event(
        f"S-1/{failed.id}/case/{key}/attempt_failed",
        "attempt_failed",
        failed.at,
        NOW,
        data={"code": "4", "late": False},
        assign={"code": "4"},
        actor="courier",
    )
    assert step == CASE.step(opened, event)
    assert family.members.keys() == {ROOT, ("shipment", "S-1"), ("case", key)}
    assert step.after.state == "open"


@pytest.mark.parametrize(
    ("known", "delay"),
    [
        pytest.param([a_fact("at_the_door", 5)], 5, id="something came after"),
        pytest.param([], A_DAY + 1, id="heard of too late"),
    ],
)
def test_a_member_opened_by_a_late_fact_knows_it_is_late(known: list[Fact], delay: int) -> None:
    family = a_family(stored(*known), facts=known, now=NOON + 48 * HOUR)

    family.receive(stored(*known), [a_fact("failed", 1, delay)])

    assert ("case", "attempt_failed", "new", "late") in moves(family.decision())


def test_a_later_fact_is_told_to_what_was_opened_last() -> None:
    known = a_fact("failed", 1)
    family = a_family(stored(known), a_case(), facts=[known])

    family.receive(stored(known), [a_fact("delivered", 2)])

    assert ("case", "delivered", "open", "closed") in moves(family.decision())


def test_a_new_fold_tells_only_what_is_new() -> None:
    known = a_fact("failed", 1)
    family = a_family(stored(known), a_case(), facts=[known])

    family.receive(stored(known), [a_fact("failed", 1, place="Pune"), a_fact("picked_up", 0)])

    assert [move for move in moves(family.decision()) if move[0] == "case"] == []


def test_a_member_hears_that_the_fact_that_opened_it_does_not_count() -> None:
    known = a_fact("failed", 1)
    opening = f"S-1/{known.id}/case/{a_case().key}/attempt_failed"
    family = a_family(stored(known), a_case(), facts=[known])

    family.receive(stored(known), [a_fact("lost", 0)])
    step = next(step for step in family.decision().steps if step.after.definition == "case")

    assert (step.event.name, step.after.state) == (WITHDRAWN, "void")
    assert step.event.id != opening, "an event's id is unique among the events of its instance"
    assert step.event.data == {"late": True}


def test_a_root_hears_that_what_it_was_told_no_longer_holds() -> None:
    known = [a_fact("picked_up", 1), a_fact("delivered", 5)]
    family = a_family(stored(*known), root=replace(AN_ORDER, state="finished"), facts=known)

    family.receive(stored(*known), [a_fact("recalled", 3, by_seller="yes")])
    decision = family.decision()

    # Nothing was delivered after all, and being recalled tells the order nothing.
    assert family.members["shipment", "S-1"].state == "recalled"
    assert decision.changes()[ROOT][1].context == {"summary": {"members": 1, "tags": {}}}


@pytest.mark.parametrize(
    "batches",
    [
        pytest.param([["tried", "returned"]], id="together"),
        pytest.param([["returned", "tried"]], id="together, the later one first"),
        pytest.param([["tried"], ["returned"]], id="one after the other"),
        pytest.param([["returned"], ["tried"]], id="the later one first"),
    ],
)
async def test_a_guard_that_reads_the_context_made_of_the_facts_says_the_same_however_they_came(
    batches: list[list[str]],
) -> None:
    definition = a_definition(
        Transition("packed", "tried", "packed"),
        Transition("packed", "returned", "back", Guard("was_tried")),
        ordering="event_time",
        projection="tries",
    )
    interpreter = Interpreter(
        definition,
        {"was_tried": lambda instance, _: instance.context.get("tries", 0) > 0},
        {"tries": lambda timeline: {"tries": sum(fact.name == "tried" for fact, _ in timeline)}},
    )
    reports = {"tried": a_fact("tried", 1), "returned": a_fact("returned", 2)}
    store = MemoryStore()

    for batch in batches:
        root = "parcel", "P-7"
        family = Family(lambda *_: interpreter, root, await store.load_family(family_of(root)), NOW)
        family.receive(family.open(*root, {}), [reports[name] for name in batch])
        await store.commit(family.decision())

    assert store.instances["parcel", "P-7"].state == "back"


def test_people_may_settle_what_is_in_conflict_and_take_that_back() -> None:
    lost, moving = a_fact("lost", 1), a_fact("moving", 5)
    settled = replace(a_fact(ACCEPTED, 9, source="staff"), details={ABOUT: moving.id})

    taken = [
        a_family(stored(*facts), facts=facts).allowed(stored(*facts))
        for facts in ([lost], [lost, moving], [lost, moving, settled])
    ]

    assert taken[:2] == [(), SETTLING]
    assert set(taken[2]) == {*SETTLING, *SHIPMENT.allowed(stored(lost, moving, settled))}
    assert a_family(a_case()).allowed(a_case()) == CASE.allowed(a_case())


def test_what_is_true_after_all_is_acted_on_while_it_is_the_last_of_the_parcel() -> None:
    lost, seen = a_fact("lost", 1), a_fact("at_the_door", 5)
    family = a_family(stored(lost, seen), facts=[lost, seen])

    family.receive(stored(lost, seen), [replace(a_fact(ACCEPTED, 9, source="staff"), details={ABOUT: seen.id})])
    decision = family.decision()

    assert family.members["shipment", "S-1"].state == "at_the_door"
    assert [name for name, status, _ in effects(decision) if status == "pending"] == ["notify_today", "share_map"]


OPENED, AGAIN, THERE = a_fact("failed", 1), a_fact("failed", 3), a_fact("delivered", 5)
KEY = "S-1:20260101T120001Z"


async def told_in(*batches: list[Fact]) -> dict[str, str]:
    """Return where the cases of shipment S-1 stand when facts came in these batches."""
    _, record = await committed_in_batches(batches)
    return {case.key: case.state for case in record.instances if case.definition == "case"}


async def test_who_is_told_by_facts_stands_where_the_last_of_them_puts_it() -> None:
    in_order = await told_in([OPENED], [a_fact("at_the_door", 2)], [AGAIN], [THERE])

    assert await told_in([THERE], [OPENED], [AGAIN], [a_fact("at_the_door", 2)]) == in_order
    assert await told_in([OPENED, THERE], [AGAIN, a_fact("at_the_door", 2)]) == in_order
    assert set(in_order) == {KEY, "S-1:20260101T120003Z"}


async def test_who_was_opened_late_hears_all_that_came_after() -> None:
    assert await told_in([THERE], [OPENED]) == await told_in([OPENED], [THERE]) == {KEY: "closed"}


def test_what_is_opened_runs_from_when_it_could_be_known_if_its_clock_is_ahead() -> None:
    family = a_family(a_shipment())
    ahead = a_fact("failed", 1, delay=-1800)

    family.receive(a_shipment(), [ahead])

    case = family.members["case", KEY]
    assert (case.context["opened_at"], case.created_at) == (ahead.received_at, ahead.at)


def test_what_is_opened_begins_with_what_its_definition_says_of_its_opener() -> None:
    heard: list[tuple[str, str, int]] = []

    def begins(teller: Instance, event: Event, at: int) -> dict[str, str]:
        heard.append((teller.state, event.name, at))
        return {"place": teller.context["place"]}

    opened = OpenedInterpreter(CASE.definition, {"is_late": is_late}, {}, begins)

    def interpreters(name: str, version: str | None) -> Interpreter:
        return opened if name == "case" else interpreter_of(name, version)

    family = Family(interpreters, ROOT, FamilyRecord((AN_ORDER, a_shipment())), NOW)
    family.receive(a_shipment(), [a_fact("failed", 1, place="Pune")])

    assert heard == [("failed", "attempt_failed", OPENED.at)]
    assert family.members["case", KEY].context == {"opened_by": "S-1", "opened_at": OPENED.at, "place": "Pune"}


# Timers


def a_timed_family() -> Family:
    """Return a decision in the making about a parcel that is forgotten two hours after it was packed."""
    definition = a_definition(timers=(Timer("packed", "forgotten", after=2 * HOUR),), ordering="event_time")
    interpreter = Interpreter(definition)
    return Family(lambda *_: interpreter, ("parcel", "P-7"), FamilyRecord(), NOW)


def test_a_member_to_which_nothing_happened_yet_waits_in_its_first_state() -> None:
    family = a_timed_family()

    family.open("parcel", "P-7", {})

    assert family.decision().changes()["parcel", "P-7"][1].deadline == NOW + 2 * HOUR


def test_a_fact_that_is_not_taken_leaves_a_member_waiting_in_its_first_state() -> None:
    family = a_timed_family()

    family.receive(family.open("parcel", "P-7", {}), [a_fact("sneezed")])

    assert family.decision().changes()["parcel", "P-7"][1].deadline == NOW + 2 * HOUR


# Stores hold what was decided


async def test_two_decisions_about_one_family_never_pass_each_other_unseen() -> None:
    store = MemoryStore()
    shipments = a_shipment("S-1"), a_shipment("S-2")
    await store.commit(Decision(recorded_at=NOON, touched=((replace(AN_ORDER, revision=0), AN_ORDER),)))
    record = await store.load_family("order/O-1")

    verdicts = []
    for shipment in shipments:
        family = Family(interpreter_of, ROOT, record, NOW)
        family.receive(family.open("shipment", shipment.key, {}), [a_fact("delivered", 1)])
        verdicts.append(await store.commit(family.decision()))

    assert verdicts == [Verdict.COMMITTED, Verdict.STALE]


async def committed_in_batches(batches: Iterable[list[Fact]]) -> tuple[MemoryStore, FamilyRecord]:
    """Receive *batches*, each as a decision of its own over what is stored by then."""
    store = MemoryStore()
    for number, batch in enumerate(batches):
        family = Family(interpreter_of, ROOT, await store.load_family("order/O-1"), NOW + number * MINUTE)
        family.open(*ROOT, {})
        family.receive(family.open("shipment", "S-1", {}), batch)
        assert await store.commit(family.decision()) is Verdict.COMMITTED
    return store, await store.load_family("order/O-1")


@settings(max_examples=60, deadline=None)
@given(
    reported=st.integers(1, 30).flatmap(
        lambda count: st.lists(st.tuples(facts, st.integers(1, 10)), min_size=count, max_size=count)
    ),
    order=st.randoms(use_true_random=True),
)
def test_any_order_number_and_batching_of_the_same_reports_gives_the_same_shipment(
    reported: list[tuple[Fact, int]], order: random.Random
) -> None:
    arrivals = [fact for fact, copies in reported for _ in range(copies)]
    order.shuffle(arrivals)
    cuts = sorted(order.sample(range(len(arrivals) + 1), k=min(order.randrange(8), len(arrivals))))
    batches = [arrivals[start:end] for start, end in zip([0, *cuts], [*cuts, len(arrivals)], strict=True)]

    store, record = asyncio.run(committed_in_batches(batches))

    straight = a_fold(*(fact for fact, _ in reported))
    shipment = next(instance for instance in record.instances if instance.definition == "shipment")
    again = a_fold(*record.facts[shipment.id])
    assert (shipment.state, shipment.path, shipment.entry) == (
        straight.instance.state,
        straight.instance.path,
        straight.instance.entry,
    )
    assert shipment.context == straight.context({})
    assert again.timeline() == straight.timeline()
    assert again.declared() == straight.declared()
    # Nothing was called in between, so what stands in the store of the shipment's effects is what is asked for.
    wanted = straight.declared().effects.keys()
    of_the_shipment = {effect.key for step in store.journal[shipment.id] for effect in step.effects}
    assert wanted <= of_the_shipment
    assert {key for key in of_the_shipment - wanted if store.effects[key].status != "discarded"} == set()
    assert [step.after.steps for step in store.journal[shipment.id]] == list(range(1, shipment.steps + 1))
