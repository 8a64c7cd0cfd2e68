import asyncio
import hashlib
from typing import Any

import pytest
from msgspec.structs import replace

from engine.model import Armed, EffectStatus, Step
from engine.ports import (
    Answer,
    Decision,
    EffectChange,
    FamilyRecord,
    Head,
    Identity,
    Owed,
    Receipt,
    Store,
    Verdict,
    Version,
)
from engine.runtime import settle
from tests.builders import (
    HOUR,
    MINUTE,
    NOON,
    Alias,
    a_birth,
    a_decision,
    a_definition,
    a_fact,
    a_step,
    an_alias,
    an_event,
    an_instance,
    asking_for,
)
from tests.contract.asking import Recorded, effects, journal, load, together

COMMITTED, DUPLICATE, STALE = Verdict.COMMITTED, Verdict.DUPLICATE, Verdict.STALE

NASTY = {
    "unicode": "Zażółć 🛵 नमस्ते \u2028 \x00 \"quoted\" 'single' \\",
    "nested": {"lines": [{"sku": "A-1", "price": 12.5}, {"sku": "A-2", "price": None}], "": {}},
    "numbers": [0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**70, 1e-9, 1.5],
    "booleans": [True, False, None],
    "a key with spaces": [[], [[]]],
}


# Instances


async def test_what_was_never_stored_is_not_there(store: Store) -> None:
    assert await load(store, "P-7") == [None]
    assert await load(store) == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="plain"),
        pytest.param({"state": "moving", "path": ("packed", "moving"), "entry": 1}, id="moved"),
        pytest.param({"path": ("packed", "nested.state", "with space", "ünïcode")}, id="path"),
        pytest.param({"path": ()}, id="no path"),
        pytest.param({"context": NASTY}, id="context"),
        pytest.param({"family": "O-1"}, id="family"),
        pytest.param({"timers": (Armed("late", NOON + HOUR), Armed('"lost"', NOON + 2 * HOUR))}, id="timers"),
        pytest.param({"timers": (Armed("late", 0),)}, id="deadline of zero"),
        pytest.param({"created_at": 0, "updated_at": 2**62}, id="times"),
        pytest.param({"entry": 2**40, "steps": 2**40, "revision": 2**40}, id="counts"),
        pytest.param({"version": ""}, id="no version"),
    ],
)
async def test_an_instance_is_loaded_as_it_was_committed(store: Store, changes: dict[str, Any]) -> None:
    born = a_birth(**changes)

    assert await store.commit(a_decision(born)) is COMMITTED
    assert await load(store, "P-7") == [born.after]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": "moving", "path": ("packed", "moving"), "entry": 1}, id="moved"),
        pytest.param({"context": NASTY}, id="context"),
        pytest.param({"context": {}}, id="context emptied"),
        pytest.param({"timers": ()}, id="deadline over"),
        pytest.param({"timers": (Armed("late", NOON + 2 * HOUR),)}, id="deadline moved"),
        pytest.param({"version": "migrated"}, id="migrated to another version"),
        pytest.param({"family": "O-2"}, id="joined a family"),
    ],
)
async def test_a_change_of_an_instance_is_loaded_as_it_was_committed(store: Store, changes: dict[str, Any]) -> None:
    born = a_birth(context={"city": "Pune"}, timers=(Armed("late", NOON + HOUR),))
    changed = a_step(born.after, an_event("held"), **changes)

    await store.commit(a_decision(born))

    assert await store.commit(a_decision(changed)) is COMMITTED
    assert await load(store, "P-7") == [changed.after]


async def test_what_is_loaded_comes_in_the_order_it_was_asked_for(store: Store) -> None:
    first, second = a_birth("P-1"), a_birth("P-2")
    await store.commit(a_decision(first, second))

    assert await load(store, "P-2", "P-9", "P-1", "P-2") == [second.after, None, first.after, second.after]


async def test_keys_are_told_apart_by_definition_and_exact_spelling(store: Store) -> None:
    letter = a_step(an_instance(definition=a_definition(name="letter")))
    keys = ["P-7", "p-7", "P-7 ", "", "é", "e\u0301", "'; DROP TABLE instance; --"]
    births = [a_birth(key, context={"key": key}) for key in keys]

    assert await store.commit(a_decision(letter, *births)) is COMMITTED
    assert await load(store, *keys) == [birth.after for birth in births]
    assert await store.load([letter.after.id]) == [letter.after]


# One event, one commit


async def test_an_event_of_an_identity_committed_before_changes_nothing(store: Store) -> None:
    born = a_birth()
    await store.commit(a_decision(born, identities=["e-1"]))
    again = a_decision(
        asking_for(a_step(born.after, context={"again": True}), "notify"),
        a_birth("P-8"),
        identities=["e-0", "e-1"],
        put=(an_alias(),),
        recorded_at=NOON + 2 * HOUR,
    )

    assert await store.commit(again) is DUPLICATE
    assert await load(store, "P-7", "P-8") == [born.after, None]
    assert await store.recall(again.identities) == [None, Receipt(NOON + HOUR)]
    assert (len(journal(store, born.after.id)), effects(store), await store.find(Alias)) == (1, {}, [])


async def test_an_identity_belongs_to_its_source(store: Store) -> None:
    here, there = (Identity("courier", "1"),), (Identity("panel", "1"),)

    assert await store.commit(Decision(identities=here, recorded_at=NOON)) is COMMITTED
    assert await store.commit(Decision(identities=there, recorded_at=NOON)) is COMMITTED
    assert await store.commit(Decision(identities=here, recorded_at=NOON)) is DUPLICATE


async def test_an_identity_that_one_decision_names_twice_is_one(store: Store) -> None:
    decision = a_decision(a_birth(), identities=["e-1", "e-1"])

    assert await store.commit(decision) is COMMITTED
    assert await store.recall(decision.identities) == [Receipt(NOON + HOUR)] * 2


async def test_a_decision_about_what_changed_since_it_was_read_changes_nothing(store: Store) -> None:
    born = a_birth()
    moved = a_step(born.after, context={"first": True})
    await store.commit(a_decision(born))
    await store.commit(a_decision(moved))
    stale = a_decision(
        asking_for(a_step(born.after, context={"second": True}), "notify"),
        a_birth("P-8"),
        identities=["e-2"],
        put=(an_alias(),),
        facts=((born.after.id, a_fact()),),
    )

    assert await store.commit(stale) is STALE
    assert await load(store, "P-7", "P-8") == [moved.after, None]
    assert await store.recall(stale.identities) == [None]
    assert (len(journal(store, born.after.id)), effects(store), await store.find(Alias)) == (2, {}, [])


async def test_a_decision_is_stale_when_only_what_it_touched_has_changed(store: Store) -> None:
    order, parcel = a_birth("O-1"), a_birth("P-7")
    await store.commit(a_decision(order, parcel))
    await store.commit(a_decision(a_step(order.after)))
    touched = ((order.after, replace(order.after, revision=2)),)

    assert await store.commit(a_decision(a_step(parcel.after), touched=touched)) is STALE
    assert await load(store, "P-7") == [parcel.after]


async def test_a_stale_decision_can_be_made_again_under_its_identity(store: Store) -> None:
    born = a_birth()
    await store.commit(a_decision(born))
    moved = a_step(born.after)
    await store.commit(a_decision(moved))

    assert await store.commit(a_decision(a_step(born.after), identities=["e-2"])) is STALE
    assert await store.commit(a_decision(a_step(moved.after), identities=["e-2"])) is COMMITTED


@pytest.mark.parametrize("revision", [1, 7])
async def test_a_change_of_what_is_not_there_is_stale(store: Store, revision: int) -> None:
    nowhere = a_step(an_instance(revision=revision))
    others = [a_birth(key, revision=revision) for key in ("P-0", "P-1")]
    await store.commit(a_decision(*others))

    assert await store.commit(a_decision(nowhere)) is STALE
    assert await load(store, "P-7", "P-0", "P-1") == [None, *(other.after for other in others)]
    # What was looked for in vain must not be remembered as missing.
    assert await store.commit(a_decision(a_birth())) is COMMITTED
    assert await store.commit(a_decision(a_step(a_birth().after))) is COMMITTED


async def test_an_instance_is_born_once(store: Store) -> None:
    first, second = a_birth(context={"by": "first"}), a_birth(context={"by": "second"})

    assert await store.commit(a_decision(first)) is COMMITTED
    assert await store.commit(a_decision(second)) is STALE
    assert await load(store, "P-7") == [first.after]


async def test_of_two_births_in_one_turn_one_is_stale(store: Store) -> None:
    first, second = a_birth(context={"by": "first"}), a_birth(context={"by": "second"})

    assert await together(store, a_decision(first), a_decision(second)) == [COMMITTED, STALE]
    assert await load(store, "P-7") == [first.after]


async def test_a_repeat_is_a_duplicate_even_if_its_instance_changed_since(store: Store) -> None:
    decision = a_decision(a_birth(), identities=["e-1"])

    assert await together(store, decision, decision) == [COMMITTED, DUPLICATE]
    assert await store.commit(decision) is DUPLICATE


async def test_a_decision_about_nothing_commits(store: Store) -> None:
    assert await store.commit(a_decision()) is COMMITTED


async def test_several_steps_of_one_instance_are_one_write(store: Store) -> None:
    born = a_birth()
    inferred = replace(a_step(born.after, an_event("opened", "e-2/0"), state="moving"), inferred=True)
    moved = a_step(inferred.after, an_event("arrived", "e-2"), state="there")

    assert await store.commit(a_decision(born, inferred, moved)) is COMMITTED
    assert await load(store, "P-7") == [moved.after]
    assert [row.seq for row in journal(store, moved.after.id)] == [1, 2, 3]


# Many at once


async def test_of_two_decisions_about_one_instance_in_one_turn_the_first_wins(store: Store) -> None:
    born = a_birth()
    await store.commit(a_decision(born))
    first, second = (a_step(born.after, an_event(event_id=name), context={"by": name}) for name in ("one", "two"))

    assert await together(store, a_decision(first), a_decision(second)) == [COMMITTED, STALE]
    assert await load(store, "P-7") == [first.after]
    assert len(journal(store, born.after.id)) == 2


async def test_of_two_decisions_of_one_identity_in_one_turn_the_first_wins(store: Store) -> None:
    first, second = (a_decision(a_birth(key), identities=["e-1"]) for key in ("P-1", "P-2"))

    assert await together(store, first, second) == [COMMITTED, DUPLICATE]
    assert await load(store, "P-1", "P-2") == [first.steps[0].after, None]


@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "in the middle", "last"])
@pytest.mark.parametrize("verdict", [STALE, DUPLICATE])
async def test_a_conflict_of_one_decision_does_not_hurt_the_others_of_its_turn(
    store: Store, place: int, verdict: Verdict
) -> None:
    old = a_birth("P-0")
    await store.commit(a_decision(old, identities=["e-0"]))
    await store.commit(a_decision(a_step(old.after, context={"now": 1})))
    conflicting = {
        STALE: a_decision(a_step(old.after), a_birth("P-9"), identities=["e-9"]),
        DUPLICATE: a_decision(a_birth("P-9"), identities=["e-0"]),
    }[verdict]
    decisions = [asking_for(a_birth(f"P-{number}"), "notify") for number in (1, 2)]
    turn = [a_decision(step, identities=[step.after.key], put=(an_alias(step.after.key),)) for step in decisions]
    turn.insert(place, conflicting)

    verdicts = await together(store, *turn)

    assert verdicts == [verdict if decision is conflicting else COMMITTED for decision in turn]
    assert await load(store, "P-1", "P-2", "P-9") == [*(step.after for step in decisions), None]
    assert [alias.value for alias in await store.find(Alias)] == ["P-1", "P-2"]
    assert len(effects(store)) == 2


async def test_a_hundred_copies_of_one_event_are_one_transition(store: Store) -> None:
    born = a_birth()
    await store.commit(a_decision(born))
    identity = Identity("courier", "scan-1")
    answer = Answer(200, None, b"thank you")

    async def deliberate() -> Decision | None:
        [receipt] = await store.recall([identity])
        if receipt is not None:
            return None
        [parcel] = await store.load([("parcel", "P-7")])
        assert parcel is not None
        step = asking_for(a_step(parcel, an_event(), context={"scans": parcel.context.get("scans", 0) + 1}), "notify")
        return Decision(identities=(identity,), recorded_at=NOON, steps=(step,), answer=answer)

    decided = await asyncio.gather(*[settle(store, deliberate) for _ in range(100)])

    assert sum(decision is not None for decision in decided) == 1
    [parcel] = await load(store, "P-7")
    assert parcel is not None
    assert (parcel.revision, parcel.context) == (2, {"scans": 1})
    assert [row.seq for row in journal(store, parcel.id)] == [1, 2]
    assert len(effects(store)) == 1
    assert await store.recall([identity]) == [Receipt(NOON, answer)]


async def test_many_events_at_once_are_each_applied_once_and_none_is_lost(store: Store) -> None:
    await store.commit(a_decision(a_birth(context={"scans": 0})))

    async def scan(number: int) -> None:
        async def deliberate() -> Decision | None:
            [parcel] = await store.load([("parcel", "P-7")])
            assert parcel is not None
            step = a_step(parcel, an_event("scanned", f"e-{number}"), context={"scans": parcel.context["scans"] + 1})
            return a_decision(step, identities=[f"e-{number}"])

        await settle(store, deliberate)

    await asyncio.gather(*[scan(number) for number in range(20)])

    [parcel] = await load(store, "P-7")
    assert parcel is not None
    assert (parcel.revision, parcel.context) == (21, {"scans": 20})
    assert {row.event_id for row in journal(store, parcel.id)} == {"e-1", *(f"e-{number}" for number in range(20))}


async def test_a_commit_stands_though_whoever_asked_for_it_has_gone(store: Store) -> None:
    async def asks() -> None:
        await store.commit(a_decision(a_birth("P-1")))

    asking = asyncio.create_task(asks())
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    await store.commit(a_decision(a_birth("P-2")))

    assert await load(store, "P-1", "P-2") == [a_birth("P-1").after, a_birth("P-2").after]


# Receipts


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="no answer"),
        pytest.param(Answer(200, None, b"body"), id="body"),
        pytest.param(Answer(200, None, b"\x00\xff" * 3000), id="any bytes"),
        pytest.param(Answer(427, None, b""), id="empty body"),
        pytest.param(Answer(200, hashlib.sha256(b"").digest(), None, "parcel", "P-7", 3), id="body too large to keep"),
    ],
)
async def test_a_receipt_has_what_was_answered(store: Store, answer: Answer | None) -> None:
    decision = a_decision(a_birth(), identities=["e-1"], answer=answer, recorded_at=NOON + MINUTE)

    await store.commit(decision)

    assert await store.recall(decision.identities) == [Receipt(NOON + MINUTE, answer)]


async def test_the_answer_is_found_under_each_identity(store: Store) -> None:
    answer = Answer(200, None, b"body")
    decision = a_decision(a_birth(), identities=["e-1", "e-2"], answer=answer)

    await store.commit(decision)

    assert await store.recall(decision.identities) == [Receipt(NOON + HOUR, answer)] * 2


async def test_answers_of_one_turn_go_to_their_own_identities(store: Store) -> None:
    answers = [Answer(200, None, bytes([number])) for number in range(3)]
    decisions = [a_decision(identities=[f"e-{number}"], answer=answer) for number, answer in enumerate(answers)]

    await together(store, *decisions)

    recalled = await store.recall([identity for decision in decisions for identity in decision.identities])
    assert recalled == [Receipt(NOON + HOUR, answer) for answer in answers]


async def test_an_answer_to_nobody_is_not_given_to_somebody_else(store: Store) -> None:
    decisions = a_decision(identities=["e-1"]), a_decision(a_birth(), answer=Answer(200, None, b"secret"))

    await together(store, *decisions)

    assert await store.recall(decisions[0].identities) == [Receipt(NOON + HOUR)]


async def test_receipts_come_in_the_order_they_were_asked_for(store: Store) -> None:
    await store.commit(a_decision(identities=["e-1"], recorded_at=NOON))
    await store.commit(a_decision(identities=["e-2"], recorded_at=NOON + 1))
    asked = [Identity("test", name) for name in ("e-2", "e-9", "e-1")]

    assert await store.recall(asked) == [Receipt(NOON + 1), None, Receipt(NOON)]
    assert await store.recall([]) == []


# Timers


def waiting_until(key: str, *times: int, **changes: Any) -> Step:
    """Return the first step of a parcel whose timers are due at these times."""
    return a_birth(key, timers=tuple(Armed("late", at) for at in times), **changes)


async def test_what_is_due_comes_the_earliest_first_and_no_sooner(store: Store) -> None:
    await store.commit(
        a_decision(
            waiting_until("P-1", NOON + 2),
            waiting_until("P-2"),
            waiting_until("P-3", NOON, NOON + 9),
            waiting_until("P-4", NOON + 3),
            waiting_until("P-5", NOON + 2),
            a_step(an_instance(definition=a_definition(name="letter")), timers=(Armed("late", 0),)),
        )
    )

    letter, first, second, third, last = ("letter", "P-7"), *(("parcel", f"P-{key}") for key in (3, 1, 5, 4))
    assert await store.due(NOON + 3, 9) == [letter, first, second, third, last]
    assert await store.due(NOON + 2, 9) == [letter, first, second, third]
    assert await store.due(NOON + 9, 2) == [letter, first]
    assert await store.due(-1, 9) == []


async def test_what_has_fired_is_due_by_its_next_timer(store: Store) -> None:
    born = waiting_until("P-1", NOON, NOON + HOUR)
    await store.commit(a_decision(born))
    fired = a_step(born.after, timers=born.after.timers[1:])
    await store.commit(a_decision(fired))

    assert await store.due(NOON + HOUR - 1, 9) == []
    assert await store.due(NOON + HOUR, 9) == [("parcel", "P-1")]

    await store.commit(a_decision(a_step(fired.after, timers=())))

    assert await store.due(2**62, 9) == []


async def test_what_was_not_committed_is_not_due(store: Store) -> None:
    born = waiting_until("P-1", NOON + HOUR)
    await store.commit(a_decision(born))
    stale = a_step(replace(born.after, revision=7), timers=(Armed("late", NOON),))

    assert await store.commit(a_decision(stale)) is STALE
    assert await store.due(NOON, 9) == []


# The journal


async def test_a_step_is_journalled_whole(store: Store) -> None:
    event = an_event(
        "scanned", "e-9", at=NOON, received_at=NOON + HOUR, data=NASTY, assign={"secret": 1}, actor="courier"
    )
    step = asking_for(a_step(an_instance(), event, state="moving"), "notify", "charge")
    step = replace(step, inferred=True, outcome="applied")

    await store.commit(a_decision(step))

    [row] = journal(store, ("parcel", "P-7"))
    assert (row.seq, row.event, row.event_id, row.occurred_at, row.actor) == (1, "scanned", "e-9", NOON, "courier")
    assert (row.source_state, row.target_state, row.inferred, row.outcome) == ("packed", "moving", True, "applied")
    assert (row.data, row.effects) == (NASTY, ["notify", "charge"])


async def test_the_journal_counts_an_instances_steps_without_a_gap(store: Store) -> None:
    born = a_birth()
    noted = replace(a_step(born.after, an_event("asked", "e-2")), outcome="no matter")
    touched = replace(noted.after, revision=3, context={"amended": True})
    moved = a_step(touched, an_event("arrived", "e-3"))

    await store.commit(a_decision(born))
    await together(store, a_decision(a_birth("P-8")), a_decision(noted))
    await store.commit(a_decision(touched=((noted.after, touched),)))
    await store.commit(a_decision(moved))

    assert [(row.seq, row.event_id) for row in journal(store, born.after.id)] == [(1, "e-1"), (2, "e-2"), (3, "e-3")]
    assert [row.seq for row in journal(store, ("parcel", "P-8"))] == [1]


async def test_what_is_only_touched_is_written_and_not_journalled(store: Store) -> None:
    born = replace(an_instance(), revision=1)

    assert await store.commit(a_decision(touched=((an_instance(), born),))) is COMMITTED
    assert await load(store, "P-7") == [born]
    assert journal(store, born.id) == []


# Effects


@pytest.mark.parametrize(
    ("status", "reason"), [("pending", ""), ("discarded", "stale")], ids=["to be called", "discarded at once"]
)
async def test_an_effect_is_recorded_as_it_was_decided(store: Store, status: EffectStatus, reason: str) -> None:
    step = asking_for(a_birth(), "notify", "charge", status=status, reason=reason)

    await store.commit(a_decision(step))

    assert effects(store) == {effect.key: Recorded(effect.name, status, reason) for effect in step.effects}


async def test_an_effect_declared_again_stays_as_it_is(store: Store) -> None:
    first = asking_for(a_birth(), "notify", status="done", reason="called")
    again = asking_for(a_step(first.after), "notify")
    assert first.effects[0].key == again.effects[0].key

    await store.commit(a_decision(first))

    assert await store.commit(a_decision(again)) is COMMITTED
    assert effects(store) == {first.effects[0].key: Recorded("notify", "done", "called")}


@pytest.mark.parametrize("status", ["calling", "done", "unknown"])
async def test_what_was_called_is_not_withdrawn_but_marked(store: Store, status: EffectStatus) -> None:
    called = asking_for(a_birth("P-1"), "notify", status=status, reason="as it was")
    pending = asking_for(a_birth("P-2"), "notify")
    other = asking_for(a_birth("P-3"), "notify")
    await store.commit(a_decision(called, pending, other))
    keys = called.effects[0].key, pending.effects[0].key, other.effects[0].key

    await store.commit(a_decision(withdrawn=(keys[0], keys[1], "no such key")))

    assert effects(store) == {
        keys[0]: Recorded("notify", status, "superseded"),
        keys[1]: Recorded("notify", "discarded", "superseded"),
        keys[2]: Recorded("notify", "pending", ""),
    }


@pytest.mark.parametrize("status", ["dead", "discarded"])
async def test_what_is_at_its_end_is_not_withdrawn(store: Store, status: EffectStatus) -> None:
    ended = asking_for(a_birth("P-1"), "notify", status=status, reason="as it was")
    await store.commit(a_decision(ended))

    await store.commit(a_decision(withdrawn=(ended.effects[0].key,)))

    assert effects(store) == {ended.effects[0].key: Recorded("notify", status, "as it was")}


async def test_what_is_declared_and_withdrawn_by_one_decision_is_withdrawn_whoever_shares_its_turn(
    store: Store,
) -> None:
    old, new = asking_for(a_birth("P-1"), "notify"), asking_for(a_birth("P-2"), "notify")
    await store.commit(a_decision(old))
    withdraws = a_decision(a_step(old.after), withdrawn=(old.effects[0].key,))
    thinks_again = a_decision(new, withdrawn=(new.effects[0].key,))

    assert await together(store, withdraws, thinks_again) == [COMMITTED, COMMITTED]
    assert set(effects(store).values()) == {Recorded("notify", "discarded", "superseded")}


@pytest.mark.parametrize(
    ("expected", "verdict"),
    [
        pytest.param(("pending",), COMMITTED, id="as expected"),
        pytest.param(("unknown", "pending"), COMMITTED, id="one of those expected"),
        pytest.param(("calling", "done"), STALE, id="none of those expected"),
    ],
)
async def test_an_effect_changes_only_if_it_is_as_expected(
    store: Store, expected: tuple[EffectStatus, ...], verdict: Verdict
) -> None:
    step, other = asking_for(a_birth("P-1"), "notify"), asking_for(a_birth("P-2"), "notify")
    await store.commit(a_decision(step, other))
    [effect] = step.effects

    change = EffectChange(key=effect.key, expected=expected, status="calling", reason="handed over")
    assert await store.commit(a_decision(changed=(change,))) is verdict
    status = Recorded("notify", "calling", "handed over") if verdict is COMMITTED else Recorded("notify", "pending", "")
    assert effects(store) == {effect.key: status, other.effects[0].key: Recorded("notify", "pending", "")}


async def test_what_a_change_does_not_speak_of_stays(store: Store) -> None:
    step = asking_for(a_birth(), "notify")
    await store.commit(a_decision(step, recorded_at=NOON))
    [effect] = step.effects
    begun = EffectChange(key=effect.key, expected=("pending",), status="calling", called=True, lane="one")
    ended = EffectChange(key=effect.key, expected=("calling",), status="unknown", reason="slow", due=7, again=True)

    await store.commit(a_decision(changed=(begun,), recorded_at=NOON + MINUTE))
    await store.commit(a_decision(changed=(ended,), recorded_at=NOON + HOUR))

    [owed] = await store.owed([effect.key])
    assert owed == Owed(
        key=effect.key,
        number=1,
        name="notify",
        definition="parcel",
        instance_key="P-7",
        status="unknown",
        reason="slow",
        lane="one",
        attempts=1,
        rounds=1,
        due=7,
        called_at=NOON + MINUTE,
        outcome="",
        created_at=NOON,
        updated_at=NOON + HOUR,
        event=step.event.name,
        source_state=step.before.state,
        target_state=step.after.state,
        occurred_at=step.event.at,
        data=dict(step.event.data),
    )


async def test_whoever_was_overtaken_by_another_attempt_changes_nothing(store: Store) -> None:
    step = asking_for(a_birth(), "notify")
    await store.commit(a_decision(step))
    key = step.effects[0].key
    begin = EffectChange(key=key, expected=("pending", "calling"), status="calling", called=True)
    await store.commit(a_decision(changed=(begin,)))
    await store.commit(a_decision(changed=(begin,)))

    late = EffectChange(key=key, expected=("calling",), status="done", attempts=1)
    assert await store.commit(a_decision(changed=(late,))) is STALE
    assert await store.commit(a_decision(changed=(replace(late, attempts=2),))) is COMMITTED


async def test_a_decision_that_settles_an_effect_of_another_mind_does_nothing_else(store: Store) -> None:
    step = asking_for(a_birth(), "notify", status="done")
    await store.commit(a_decision(step))
    change = EffectChange(key=step.effects[0].key, expected=("calling",), status="dead")

    assert await store.commit(a_decision(a_birth("P-2"), changed=(change,), identities=["e-2"])) is STALE
    assert await load(store, "P-2") == [None]
    assert await store.recall([Identity("test", "e-2")]) == [None]


async def test_an_effect_that_nobody_declared_cannot_change(store: Store) -> None:
    change = EffectChange(key="no such key", expected=("pending",), status="calling")

    assert await store.commit(a_decision(changed=(change,))) is STALE
    assert await store.owed(["no such key"]) == [None]


async def test_of_two_that_take_an_effect_at_once_one_does(store: Store) -> None:
    step = asking_for(a_birth(), "notify")
    await store.commit(a_decision(step))
    take = a_decision(changed=(EffectChange(key=step.effects[0].key, expected=("pending",), status="calling"),))

    assert {*await together(store, take, take)} == {COMMITTED, STALE}


async def in_lane(store: Store, key: str, lane: str, status: EffectStatus = "pending", due: int = 0) -> str:
    """Let a parcel ask for something in a lane, and return the effect's key."""
    step = asking_for(a_birth(key), "notify")
    await store.commit(a_decision(step, recorded_at=NOON))
    change = EffectChange(key=step.effects[0].key, expected=("pending",), status=status, lane=lane, due=due)
    await store.commit(a_decision(changed=(change,), recorded_at=NOON))
    return step.effects[0].key


async def test_the_heads_are_the_first_of_their_lanes(store: Store) -> None:
    first = await in_lane(store, "P-1", "anna")
    await in_lane(store, "P-2", "anna")
    of_ben = await in_lane(store, "P-3", "ben")
    nobodys = await in_lane(store, "P-4", "")

    assert [head.key for head in await store.heads(NOON, 0, 10)] == [first, of_ben]
    assert [head.key for head in await store.heads(NOON, 0, 1)] == [first]
    assert [owed.key for owed in await store.unaddressed(NOON, 10)] == [nobodys]


async def test_what_is_for_later_needs_no_lane_yet(store: Store) -> None:
    later = await in_lane(store, "P-1", "", due=NOON)
    assert await store.heads(NOON, 0, 10) == []

    assert await store.unaddressed(NOON - 1, 10) == []
    assert [owed.key for owed in await store.unaddressed(NOON, 10)] == [later]


@pytest.mark.parametrize(
    ("status", "due", "doubted_before", "held_up"),
    [
        pytest.param("pending", NOON + HOUR, 0, True, id="one that waits for its time"),
        pytest.param("calling", 0, NOON + HOUR, True, id="one that is being called"),
        pytest.param("unknown", 0, NOON - 1, True, id="one in doubt"),
        pytest.param("unknown", 0, NOON, False, id="one in doubt for long"),
        pytest.param("done", 0, 0, False, id="one that is done"),
        pytest.param("dead", 0, 0, False, id="one that is dead"),
        pytest.param("discarded", 0, 0, False, id="one that is discarded"),
    ],
)
async def test_what_holds_up_a_lane(
    store: Store, status: EffectStatus, due: int, doubted_before: int, *, held_up: bool
) -> None:
    await in_lane(store, "P-1", "anna", status, due)
    behind = await in_lane(store, "P-2", "anna")

    assert [head.key for head in await store.heads(NOON, doubted_before, 10)] == ([] if held_up else [behind])


async def test_a_head_says_when_its_lane_was_last_called(store: Store) -> None:
    first, second = await in_lane(store, "P-1", "anna"), await in_lane(store, "P-2", "anna")
    assert await store.heads(NOON, 0, 10) == [Head(first, "anna", "notify", 0, None)]

    called = EffectChange(key=first, expected=("pending",), status="done", called=True)
    await store.commit(a_decision(changed=(called,), recorded_at=NOON + MINUTE))
    assert await store.heads(NOON, 0, 10) == [Head(second, "anna", "notify", 0, NOON + MINUTE)]


async def test_what_lingers_has_had_its_status_for_a_while(store: Store) -> None:
    stuck = await in_lane(store, "P-1", "anna", "calling")
    await in_lane(store, "P-2", "ben", "unknown")

    assert [owed.key for owed in await store.lingering("calling", NOON + 1, 10)] == [stuck]
    assert await store.lingering("calling", NOON, 10) == []
    assert [owed.key for owed in await store.lingering("calling", NOON + 1, 10, "notify")] == [stuck]
    assert await store.lingering("calling", NOON + 1, 10, "another") == []


# Families and facts


async def test_a_family_is_its_members_and_their_facts(store: Store) -> None:
    order, parcel, other = (
        a_birth("O-1", family="O-1"),
        a_birth("P-7", family="O-1", context=NASTY),
        a_birth("P-9", family="O-9"),
    )
    alone = a_birth("P-10")
    early, late = a_fact("moving", 1, place="Pune 🛵", remark=""), a_fact("moving", 2, delay=-5, source="")
    facts = ((parcel.after.id, late), (parcel.after.id, early), (other.after.id, early))

    await store.commit(a_decision(order, parcel, other, alone, facts=facts))

    assert await store.load_family("O-1") == FamilyRecord((order.after, parcel.after), {parcel.after.id: (early, late)})


@pytest.mark.parametrize("family", ["", "O-2", "P-7"])
async def test_who_has_no_family_is_in_none(store: Store, family: str) -> None:
    await store.commit(a_decision(a_birth("P-7"), a_birth("P-8", family="O-1")))

    assert await store.load_family(family) == FamilyRecord()


async def test_a_members_later_state_is_loaded_with_its_family(store: Store) -> None:
    born = a_birth(family="O-1")
    moved = a_step(born.after, state="moving")
    await store.commit(a_decision(born))
    await store.commit(a_decision(moved))

    assert await store.load_family("O-1") == FamilyRecord((moved.after,))


async def test_a_fact_is_kept_once_as_it_was_last_merged(store: Store) -> None:
    born = a_birth(family="O-1")
    first, other = a_fact("moving", 1, delay=60, place="Pune"), a_fact("moving", 2)
    merged = first.merged(a_fact("moving", 1, delay=5, source="panel", remark="on belt"))
    await store.commit(a_decision(born, facts=((born.after.id, first), (born.after.id, other))))

    await store.commit(a_decision(a_step(born.after), facts=((born.after.id, merged),)))

    record = await store.load_family("O-1")
    assert record.facts == {born.after.id: (merged, other)}


async def test_the_same_fact_of_two_instances_is_two(store: Store) -> None:
    one, two = a_birth("P-1", family="O-1"), a_birth("P-2", family="O-1")
    facts = (one.after.id, a_fact(place="Pune")), (two.after.id, a_fact(place="Goa"))

    await store.commit(a_decision(one, two, facts=facts))

    record = await store.load_family("O-1")
    assert record.facts == {one.after.id: (a_fact(place="Pune"),), two.after.id: (a_fact(place="Goa"),)}


# Rows that the engine does not look into


async def test_rows_are_found_by_their_fields_in_the_order_of_their_keys(store: Store) -> None:
    first, second, other = an_alias("a", "m-2"), an_alias("b", "m-1"), an_alias("a", "m-2", kind="tracking")

    await store.commit(a_decision(put=(second, first, other)))

    assert await store.find(Alias) == [other, first, second]
    assert await store.find(Alias, kind="wamid") == [first, second]
    assert await store.find(Alias, instance_key="m-2", kind="wamid") == [first]
    assert await store.find(Alias, value="c") == []


async def test_putting_a_row_replaces_what_is_there(store: Store) -> None:
    await store.commit(a_decision(put=(an_alias("a", "m-1"), an_alias("b", "m-1"))))
    await store.commit(a_decision(put=(an_alias("a", "m-2"),)))

    assert await store.find(Alias) == [an_alias("a", "m-2"), an_alias("b", "m-1")]


async def test_adding_a_row_leaves_what_is_there(store: Store) -> None:
    await store.commit(a_decision(add=(an_alias("a", "m-1"),)))
    await store.commit(a_decision(add=(an_alias("a", "m-2"), an_alias("b", "m-2"))))

    assert await store.find(Alias) == [an_alias("a", "m-1"), an_alias("b", "m-2")]


async def test_removing_a_row_removes_that_of_its_key(store: Store) -> None:
    await store.commit(a_decision(put=(an_alias("a"), an_alias("b"))))

    assert await store.commit(a_decision(remove=(an_alias("a", "another"), an_alias("c")))) is COMMITTED
    assert await store.find(Alias) == [an_alias("b")]


async def test_a_row_removed_and_put_by_one_decision_is_there(store: Store) -> None:
    await store.commit(a_decision(put=(an_alias("a", "m-1"),)))

    await store.commit(a_decision(remove=(an_alias("a"),), put=(an_alias("a", "m-2"),), add=(an_alias("a", "m-3"),)))

    assert await store.find(Alias) == [an_alias("a", "m-2")]


async def test_a_row_removed_and_put_by_one_decision_is_there_whoever_shares_its_turn(store: Store) -> None:
    await store.commit(a_decision(put=(an_alias("a", "m-1"),)))

    await together(
        store,
        a_decision(put=(an_alias("b"),)),
        a_decision(remove=(an_alias("a"),), put=(an_alias("a", "m-2"),)),
    )

    assert await store.find(Alias) == [an_alias("a", "m-2"), an_alias("b")]


async def test_decisions_of_one_turn_about_one_row_take_effect_in_their_order(store: Store) -> None:
    await together(
        store,
        a_decision(remove=(an_alias("b"),)),
        a_decision(put=(an_alias("a", "m-1"),)),
        a_decision(remove=(an_alias("a"),)),
        a_decision(add=(an_alias("c", "m-1"),)),
        a_decision(put=(an_alias("c", "m-2"),)),
        a_decision(put=(an_alias("c", "m-3"), an_alias("d", "m-3"))),
        a_decision(put=(an_alias("d", "m-4"),)),
    )

    assert await store.find(Alias) == [an_alias("c", "m-3"), an_alias("d", "m-4")]


# Versions


async def test_versions_are_kept_once_and_returned_in_order(store: Store) -> None:
    first = Version("parcel", "v1", b'{"name":"parcel"}', '{\n  "title": "Päckchen"\n}'.encode())
    second, other = Version("parcel", "v2", b"{}", b""), Version("letter", "v1", b"{}", b"{}")

    for version in (second, first, other, replace(first, compiled=b"changed", source=b"changed")):
        await store.save_version(version)

    assert await store.versions() == [other, first, second]
