import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.fold import ABOUT, ACCEPTED, DISMISSED, Declared, Fact, Fold, Outcome, Telling, key_of, second_of
from engine.interpreter import Interpreter
from engine.model import SECOND, Definition, Raise, State, Timer, Transition, effect_key
from tests.builders import HOUR, MINUTE, NOON, a_definition, a_fact, an_instance
from tests.engine.parcels import CHANGED, FACTS, SHIPMENT, a_fold, a_shipment, facts


def outcomes(fold: Fold) -> list[tuple[str, Outcome]]:
    return [(fact.name, outcome) for fact, outcome in fold.timeline()]


# One fact


def test_a_fact_is_what_happened_in_which_second_whoever_reported_it() -> None:
    assert a_fact("moving", 61, source="courier").id == "moving@20260101T120101Z"
    assert a_fact("moving", 61, source="panel", delay=900, place="Pune").id == a_fact("moving", 61).id


def test_two_reports_within_one_second_are_one_fact() -> None:
    early, late = (Fact("moving", NOON + fraction, NOON + SECOND) for fraction in (1, SECOND - 1))

    assert [fact.id for fact, _ in a_fold(early, late).timeline()] == [early.id]
    assert early.merged(late) == late.merged(early)


@pytest.mark.parametrize(
    ("ahead", "skewed"),
    [
        pytest.param(0, False, id="now"),
        pytest.param(10 * MINUTE, False, id="a little"),
        pytest.param(10 * MINUTE + SECOND, True, id="far"),
    ],
)
def test_a_fact_from_a_clock_well_ahead_of_ours_is_skewed(ahead: int, *, skewed: bool) -> None:
    assert Fact("moving", NOON + ahead, NOON).skewed is skewed


def test_two_reports_know_together_what_each_knew_and_the_earlier_one_came_first() -> None:
    scan = a_fact("moving", delay=60, source="scan", place="Pune", remark="")
    log = a_fact("moving", delay=5, source="log", place="Goa", remark="on belt", hub="7")

    merged = a_fact("moving", delay=5, source="log", place="Pune", remark="on belt", hub="7")
    assert scan.merged(log) == merged
    assert log.merged(scan) == merged


reports = st.builds(
    Fact,
    name=st.just("moving"),
    at=st.just(NOON),
    received_at=st.integers(NOON, NOON + 3),
    details=st.dictionaries(st.sampled_from(("place", "code", "by")), st.sampled_from(("", "a", "b", "ä", "ab"))),
    source=st.sampled_from(("", "courier", "panel")),
)


@settings(max_examples=200)
@given(a=reports, b=reports, c=reports)
def test_merging_reports_is_commutative_associative_and_idempotent(a: Fact, b: Fact, c: Fact) -> None:
    assert a.merged(b) == b.merged(a)
    assert a.merged(b).merged(c) == a.merged(b.merged(c))
    assert a.merged(a) == a
    assert a.merged(b).merged(b) == a.merged(b)


@pytest.mark.parametrize(
    ("at", "second"),
    [(1_767_268_800_000_000, "20260101T120000Z"), (1_767_268_800_999_999, "20260101T120000Z"), (0, "19700101T000000Z")],
)
def test_a_second_is_told_in_utc(at: int, second: str) -> None:
    assert second_of(at) == second


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("", ""),
        ("fixed", "fixed"),
        ("{key}", "S-1"),
        ("{key}:{second}", "S-1:20260101T120000Z"),
    ],
)
def test_the_key_of_a_raise_is_made_from_the_teller_and_the_second(template: str, key: str) -> None:
    assert key_of(Raise("case", "opened", template), "S-1", NOON) == key


@pytest.mark.parametrize(
    ("details", "key"),
    [({"attempt": "7"}, "S-1:7"), ({"attempt": ""}, ""), ({}, ""), ({"attempt": "{second}"}, "S-1:{second}")],
)
def test_a_key_may_take_a_detail_and_is_none_without_it(details: dict[str, str], key: str) -> None:
    assert key_of(Raise("case", "voided", "{key}:{attempt}"), "S-1", NOON, details) == key


# The timeline


def test_a_timeline_without_facts_is_the_instance_as_it_began() -> None:
    fold = a_fold()

    assert (fold.instance, fold.timeline(), fold.declared()) == (a_shipment(), [], Declared({}, {}))


def test_facts_are_taken_in_the_order_they_happened_in() -> None:
    fold = a_fold(a_fact("delivered", 30), a_fact("picked_up", 10), a_fact("at_the_door", 20))

    assert outcomes(fold) == [("picked_up", "applied"), ("at_the_door", "applied"), ("delivered", "applied")]
    assert fold.instance.state == "delivered"
    assert fold.instance.path == ("awaiting", "picked_up", "at_the_door", "delivered")


def test_facts_of_one_second_are_taken_in_the_order_of_their_rank() -> None:
    fold = a_fold(a_fact("sneezed"), a_fact("delivered"), a_fact("moving"), a_fact("at_the_door"), a_fact("picked_up"))

    assert [name for name, _ in outcomes(fold)] == ["picked_up", "moving", "at_the_door", "delivered", "sneezed"]


def test_facts_of_one_second_and_rank_are_taken_in_the_order_of_their_ids() -> None:
    to_the_door = [Transition("packed", name, "there") for name in ("zoomed", "ambled")]
    interpreter = Interpreter(a_definition(*to_the_door, ordering="event_time"))

    fold = Fold(interpreter, an_instance(), [a_fact("zoomed"), a_fact("ambled")])

    assert outcomes(fold) == [("ambled", "applied"), ("zoomed", "conflict")]


def test_what_the_machine_does_not_take_is_ignored_and_moves_nothing() -> None:
    fold = a_fold(a_fact("moving", 1), a_fact("picked_up", 2), a_fact("sneezed", 3), a_fact("recalled", 4))

    assert outcomes(fold)[1:] == [("picked_up", "ignored"), ("sneezed", "ignored"), ("recalled", "ignored")]
    assert [entry.after for entry in fold.entries[1:]] == [fold.entries[0].after] * 3
    assert [entry.step for entry in fold.entries[1:]] == [None] * 3


def test_what_contradicts_a_final_state_is_a_conflict_but_the_same_again_is_not() -> None:
    fold = a_fold(a_fact("delivered", 1), a_fact("delivered", 2), a_fact("lost", 3), a_fact("moving", 4))

    assert outcomes(fold) == [
        ("delivered", "applied"),
        ("delivered", "ignored"),
        ("lost", "conflict"),
        ("moving", "conflict"),
    ]
    assert fold.instance.state == "delivered"


def test_the_fold_is_total_even_where_nothing_can_ever_happen() -> None:
    definition = Definition("stone", "lying", (State("lying", final=True),), (), ordering="event_time")

    fold = Fold(Interpreter(definition), an_instance("lying", definition), [a_fact("moved")])

    assert outcomes(fold) == [("moved", "conflict")]


def test_a_fact_that_came_late_is_put_in_its_place_and_what_followed_is_judged_again() -> None:
    fold = a_fold(a_fact("at_the_door", 20), a_fact("failed", 30))

    assert fold.add(a_fact("lost", 10)) == "new"
    assert outcomes(fold) == [("lost", "applied"), ("at_the_door", "conflict"), ("failed", "conflict")]
    assert fold.instance.state == "lost"


def test_the_same_report_again_is_known() -> None:
    fold = a_fold(a_fact("moving", 1, place="Pune"), a_fact("delivered", 2))
    before = list(fold.entries)

    assert fold.add(a_fact("moving", 1, place="Pune")) == "known"
    assert fold.add(a_fact("moving", 1, delay=50, source="panel")) == "known"
    assert fold.entries == before


def test_a_report_that_knows_more_is_merged() -> None:
    fold = a_fold(a_fact("moving", 1, delay=9, place="Pune"), a_fact("delivered", 2))

    assert fold.add(a_fact("moving", 1, delay=50, source="panel", remark="on belt")) == "merged"
    assert fold.find("moving@20260101T120001Z").fact == a_fact("moving", 1, delay=9, place="Pune", remark="on belt")
    assert outcomes(fold) == [("moving", "applied"), ("delivered", "applied")]


def test_a_report_that_was_received_earlier_is_merged_though_it_knows_nothing_more() -> None:
    fold = a_fold(a_fact("moving", 1, delay=50, source="panel"))

    assert fold.add(a_fact("moving", 1, delay=9, source="scan")) == "merged"
    assert fold.timeline() == [(a_fact("moving", 1, delay=9, source="scan"), "applied")]


def test_what_a_merged_report_adds_is_heard_by_guards() -> None:
    fold = a_fold(a_fact("picked_up", 1), a_fact("recalled", 2), a_fact("delivered", 3))

    fold.add(a_fact("recalled", 2, by_seller="yes"))

    assert outcomes(fold) == [("picked_up", "applied"), ("recalled", "applied"), ("delivered", "conflict")]


def test_a_fact_of_a_clock_ahead_of_ours_counts_from_when_it_was_received() -> None:
    definition = a_definition(timers=(Timer("moving", "forgotten", after=HOUR),), ordering="event_time")
    interpreter = Interpreter(definition)
    ahead, behind = (Fact("picked_up", at, NOON) for at in (NOON + 5 * MINUTE, NOON - 5 * MINUTE))

    deadlines = [Fold(interpreter, an_instance(), [fact]).instance.deadline for fact in (ahead, behind)]

    assert deadlines == [NOON + HOUR, NOON - 5 * MINUTE + HOUR]


def test_a_fold_begins_with_the_facts_it_is_given() -> None:
    facts = [a_fact("picked_up", 1), a_fact("delivered", 2)]

    given_fold, added = Fold(SHIPMENT, a_shipment(), facts), Fold(SHIPMENT, a_shipment())
    for fact in facts:
        added.add(fact)

    assert given_fold.entries == added.entries


# What it makes of it


def test_the_context_is_what_the_projection_makes_of_the_timeline_over_what_was_there() -> None:
    fold = a_fold(a_fact("picked_up", 1, place="Pune"), a_fact("sneezed", 2))

    assert fold.context({"weight": 3, "place": "Goa"}) == {
        "weight": 3,
        "place": "Pune",
        "taken": ["picked_up@20260101T120001Z"],
    }


def test_without_a_projection_the_context_stays_as_it_is() -> None:
    base: Mapping[str, int] = {"weight": 3}

    assert Fold(Interpreter(a_definition()), an_instance(), [a_fact()]).context(base) is base


def test_a_timeline_declares_the_effects_of_its_steps_with_the_fact_they_are_for() -> None:
    fold = a_fold(a_fact("picked_up", 1), a_fact("sneezed", 2), a_fact("at_the_door", 3))
    picked_up, _, at_the_door = fold.entries

    declared = {
        effect_key(a_shipment(), entry.fact.id, name, index): (name, entry)
        for index, name, entry in (
            (0, "notify_shipped", picked_up),
            (0, "notify_today", at_the_door),
            (1, "share_map", at_the_door),
        )
    }
    assert {key: (effect.name, entry) for key, (effect, entry) in fold.declared().effects.items()} == declared


def test_a_telling_without_a_key_goes_to_what_was_opened_last_before_it() -> None:
    fold = a_fold(
        a_fact("failed", 1), a_fact("failed", 2, code="courtesy"), a_fact("failed", 3), a_fact("delivered", 4)
    )

    told = [(telling.raised.event, telling.key) for telling in fold.declared().tellings.values()]

    first, third = "S-1:20260101T120001Z", "S-1:20260101T120003Z"
    assert [telling for telling in told if telling[0] != CHANGED.event] == [
        ("failed_again", ""),  # nothing was opened before: nobody is told
        ("attempt_failed", first),
        ("failed_again", first),  # the courtesy call opens nothing
        ("failed_again", first),
        ("attempt_failed", third),
        ("delivered", third),
    ]


def test_a_telling_is_named_after_its_fact_and_whom_it_tells_what() -> None:
    fold = a_fold(a_fact("failed", 1))
    [entry] = fold.entries

    assert fold.declared().tellings == {
        "failed@20260101T120001Z/case//failed_again": Telling(Raise("case", "failed_again"), "", entry),
        "failed@20260101T120001Z/case/S-1:20260101T120001Z/attempt_failed": Telling(
            SHIPMENT.definition.transitions[3].raises[1], "S-1:20260101T120001Z", entry
        ),
        "failed@20260101T120001Z/order//shipments_changed": Telling(CHANGED, "", entry),
    }


def test_of_what_a_timeline_opens_it_tells_only_what_it_opened() -> None:
    """A case that another order of arrival had opened, and this timeline does not, hears nothing of it."""
    opens = Raise("case", "opened", "{key}:{second}", opens=True)
    names = Raise("case", "doubted", "{key}:{attempt}"), Raise("order", "doubted", "{key}:{attempt}")
    runs = Interpreter(
        a_definition(
            Transition("packed", "failed", "packed", raises=(opens,)),
            Transition("packed", "doubted", "packed", raises=names),
            ordering="event_time",
        )
    )

    def told(*facts: Fact) -> list[tuple[str, str, str]]:
        declared = Fold(runs, an_instance(definition=runs.definition), facts).declared()
        return [(each.raised.definition, each.raised.event, each.key) for each in declared.tellings.values()]

    doubted = replace(a_fact("doubted", 5), details={"attempt": "20260101T120001Z"})
    key = "P-7:20260101T120001Z"
    assert told(doubted) == [("case", "doubted", ""), ("order", "doubted", key)]
    assert told(doubted, a_fact("failed", 1)) == [
        ("case", "opened", key), ("case", "doubted", key), ("order", "doubted", key)
    ]  # fmt: skip


# Conflicts, and how people settle them


def verdict(name: str, about: Fact, second: int) -> Fact:
    """Return what staff say of a fact in conflict."""
    return replace(a_fact(name, second, source="staff"), details={ABOUT: about.id})


LOST, FOUND, THERE = a_fact("lost", 5), a_fact("at_the_door", 8), a_fact("delivered", 9)
MOVING = a_fact("moving", 1)


def test_what_contradicts_the_end_is_in_conflict_until_people_say_that_it_is_true() -> None:
    before = a_fold(MOVING, LOST, FOUND)
    after = a_fold(MOVING, LOST, FOUND, verdict(ACCEPTED, FOUND, 20))

    assert (before.instance.state, before.timeline()[-1]) == ("lost", (FOUND, "conflict"))
    assert after.instance.state == "at_the_door"
    assert outcomes(after) == [
        ("moving", "applied"),
        ("lost", "applied"),
        ("at_the_door", "applied"),
        (ACCEPTED, "applied"),
    ]
    assert after.instance.entry == before.instance.entry + 1, "it is entered anew, whatever was before"
    assert after.declared().effects.keys() > before.declared().effects.keys()


def test_what_follows_a_fact_that_is_true_after_all_follows_from_it() -> None:
    fold = a_fold(MOVING, LOST, FOUND, THERE, verdict(ACCEPTED, FOUND, 20))

    assert outcomes(fold)[-3:] == [("at_the_door", "applied"), ("delivered", "applied"), (ACCEPTED, "applied")]
    assert fold.instance.state == "delivered"


def test_what_people_say_is_not_true_is_no_conflict_any_more() -> None:
    fold = a_fold(MOVING, LOST, FOUND, verdict(DISMISSED, FOUND, 20))

    assert (fold.instance.state, outcomes(fold)[-2:]) == (
        "lost", [("at_the_door", "ignored"), (DISMISSED, "applied")]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "state"), [(ACCEPTED, DISMISSED, "lost"), (DISMISSED, ACCEPTED, "at_the_door")]
)
def test_people_s_last_word_holds(first: str, second: str, state: str) -> None:
    fold = a_fold(verdict(second, FOUND, 30), MOVING, LOST, verdict(first, FOUND, 20), FOUND)

    assert fold.instance.state == state


def test_what_happens_again_after_an_end_happens_anew() -> None:
    fold = a_fold(a_fact("at_the_door", 1), LOST, FOUND, verdict(ACCEPTED, FOUND, 20))

    assert [len(entry.step.effects) for entry in fold.entries if entry.step] == [2, 1, 2]
    assert fold.instance.path == ("awaiting", "at_the_door")


def test_a_fact_that_leads_nowhere_even_without_the_end_stays_in_conflict() -> None:
    sneezed = a_fact("sneezed", 8)

    assert outcomes(a_fold(LOST, sneezed, verdict(ACCEPTED, sneezed, 20)))[1] == ("sneezed", "conflict")


def test_what_is_said_of_a_fact_that_is_in_no_conflict_changes_nothing() -> None:
    plain, settled = a_fold(MOVING, THERE), a_fold(MOVING, THERE, verdict(ACCEPTED, MOVING, 20))

    assert (settled.instance, settled.declared().effects) == (plain.instance, plain.declared().effects)


# In any order


@settings(max_examples=100, deadline=None)
@given(
    reported=st.integers(1, 30).flatmap(
        lambda n: st.lists(st.tuples(facts, st.integers(1, 10)), min_size=n, max_size=n)
    ),
    order=st.randoms(use_true_random=True),
)
def test_any_order_and_number_of_the_same_reports_gives_the_same_fold(
    reported: list[tuple[Fact, int]], order: random.Random
) -> None:
    about = order.choice(reported)[0]
    reported = [*reported, (verdict(order.choice([ACCEPTED, DISMISSED]), about, order.randrange(30)), 2)]
    arrivals = [fact for fact, copies in reported for _ in range(copies)]
    order.shuffle(arrivals)

    straight, shuffled = a_fold(*(fact for fact, _ in reported)), a_fold(*arrivals)

    assert shuffled.timeline() == straight.timeline()
    assert shuffled.instance == straight.instance
    assert shuffled.declared() == straight.declared()
    assert shuffled.context({}) == straight.context({})


@settings(max_examples=100, deadline=None)
@given(reported=st.lists(facts, max_size=12))
def test_the_fold_is_the_plain_run_over_the_sorted_facts(reported: list[Fact]) -> None:
    together: dict[str, Fact] = {}
    for fact in reported:
        together[fact.id] = fact.merged(together.get(fact.id, fact))
    state, expected = "awaiting", []
    milestones = ("awaiting", *FACTS[:5])
    cause = ""
    for fact in sorted(together.values(), key=lambda fact: (fact.at, FACTS.index(fact.name), fact.id)):
        over = state in ("delivered", "lost", "recalled")
        recalled = fact.name == "recalled" and state in milestones[1:3] and fact.details["by_seller"]
        ahead = fact.name in milestones and not over and milestones.index(fact.name) >= milestones.index(state)
        if ahead or recalled or (fact.name == "lost" and not over):
            state = cause = fact.name
            expected.append((fact, "applied"))
        else:
            expected.append((fact, "conflict" if over and fact.name != cause else "ignored"))

    fold = a_fold(*reported)

    assert (fold.instance.state, fold.timeline()) == (state, expected)
