"""The lifecycle `portal_entry`: a code is waited for, used once, or locked after five that were wrong."""

import pytest

from engine.model import born
from tests.builders import MINUTE, NOON, an_event
from tests.definitions.lifecycles.walking import REFUSED, effects, leads, runs

ENTRY = "portal_entry"


@pytest.mark.parametrize(("by_whatsapp", "effect"), [(True, "send_code_by_whatsapp"), (False, "send_code_by_mail")])
def test_a_code_goes_one_way(by_whatsapp: bool, effect: str) -> None:
    data = {"by_whatsapp": by_whatsapp}

    assert leads(ENTRY, "new", "code_asked", data) == "waiting"
    assert effects(ENTRY, "new", "code_asked", data) == [effect]


@pytest.mark.parametrize(("wrong", "state"), [(0, "waiting"), (3, "waiting"), (4, "locked"), (9, "locked")])
def test_the_fifth_wrong_code_locks(wrong: int, state: str) -> None:
    assert leads(ENTRY, "waiting", "code_wrong", wrong=wrong) == state


def test_what_whatsapp_did_not_take_goes_by_mail_if_there_is_an_address() -> None:
    assert effects(ENTRY, "waiting", "code_not_sent", mail="sealed") == ["send_code_by_mail"]
    assert effects(ENTRY, "waiting", "code_not_sent") == []


@pytest.mark.parametrize("state", ["used", "expired", "locked"])
def test_what_is_over_takes_no_code(state: str) -> None:
    assert leads(ENTRY, state, "code_right") == leads(ENTRY, state, "code_wrong") == REFUSED


def test_a_code_and_a_lock_last_ten_minutes_each() -> None:
    run = runs(ENTRY)
    waiting = run.step(born(run.definition, "E-1", NOON), an_event("code_asked", at=NOON)).after
    locked = waiting
    for number in range(5):
        event = an_event("code_wrong", f"e-{number}", NOON + MINUTE, assign={"wrong": number + 1})
        locked = run.step(locked, event).after

    assert (waiting.deadline, locked.deadline) == (NOON + 10 * MINUTE, NOON + 11 * MINUTE)
    for instance in (waiting, locked):
        due = run.due(instance, instance.deadline or 0)
        assert due is not None
        assert run.fire(instance, due).after.state == "expired"
