"""The non-delivery case: one counting failed attempt, and what is done about it."""

import pytest
from msgspec.structs import replace

from engine.model import Armed, Instance, Timer, born
from tests.builders import HOUR, NOON, an_event
from tests.definitions.lifecycles.walking import REFUSED, effects, leads, runs, standing

CHOICE = {"resolution_code": "ACTF001"}
SUBMITTED = "unsettled.resolution_submitted"
UNSETTLED = ["open", "late", "awaiting_customer", "expired", "resolution_submitted", "sent_to_courier", "accepted",
             "rejected", "undelivered"]  # fmt: skip
CLOSED = ["resolved_delivered", "resolved_failed_again", "rto", "lost", "void"]


@pytest.mark.parametrize(
    ("source", "event", "target", "asked"),
    [
        ("new", "attempt_failed", "unsettled.open", ["ask_customer"]),
        ("unsettled.open", "customer_asked", "unsettled.awaiting_customer", []),
        ("unsettled.open", "resolution_submitted", "unsettled.resolution_submitted", ["send_resolution"]),
        ("unsettled.open", "customer_not_asked", "unsettled.open", ["alert_staff"]),
        ("unsettled.open", "after.window", "unsettled.expired", ["apply_silence_policy"]),
        ("unsettled.expired", "resolution_undelivered", "unsettled.expired", ["alert_staff"]),
        ("unsettled.late", "resolution_submitted", "unsettled.resolution_submitted", ["send_resolution"]),
        ("unsettled.awaiting_customer", "after.reminder", "unsettled.awaiting_customer", ["remind_customer"]),
        ("unsettled.awaiting_customer", "after.window", "unsettled.expired", ["apply_silence_policy"]),
        ("unsettled.awaiting_customer", "resolution_submitted", "unsettled.resolution_submitted", ["send_resolution"]),
        (SUBMITTED, "resolution_submitted", SUBMITTED, ["send_resolution"]),
        ("unsettled.resolution_submitted", "resolution_sent", "unsettled.sent_to_courier", []),
        ("unsettled.resolution_submitted", "resolution_accepted", "unsettled.accepted", []),
        ("unsettled.resolution_submitted", "resolution_rejected", "unsettled.rejected", ["tell_rejection"]),
        ("unsettled.sent_to_courier", "resolution_accepted", "unsettled.accepted", []),
        ("unsettled.sent_to_courier", "resolution_rejected", "unsettled.rejected", ["tell_rejection"]),
        ("unsettled.rejected", "resolution_submitted", "unsettled.resolution_submitted", ["send_resolution"]),
        ("unsettled.rejected", "after.window", "unsettled.expired", ["apply_silence_policy"]),
        ("unsettled.resolution_submitted", "resolution_undelivered", "unsettled.undelivered", ["alert_staff"]),
        ("unsettled.undelivered", "resolution_submitted", "unsettled.resolution_submitted", ["send_resolution"]),
        ("unsettled.undelivered", "resolution_sent", "unsettled.sent_to_courier", []),
        ("unsettled.undelivered", "resolution_accepted", "unsettled.accepted", []),
        ("unsettled.undelivered", "resolution_rejected", "unsettled.rejected", ["tell_rejection"]),
        ("closed.void", "attempt_failed", "unsettled.late", []),
        ("closed.void", "attempt_restored", "unsettled.late", []),
        ("closed.resolved_failed_again", "attempt_failed", "unsettled.late", []),
    ],
)  # fmt: skip
def test_a_case_is_settled(source: str, event: str, target: str, asked: list[str]) -> None:
    assert leads("ndr_case", source, event, CHOICE) == target
    assert effects("ndr_case", source, event, CHOICE) == asked


@pytest.mark.parametrize("state", UNSETTLED)
@pytest.mark.parametrize(
    ("event", "target"),
    [
        ("delivered", "closed.resolved_delivered"),
        ("failed_again", "closed.resolved_failed_again"),
        ("rto", "closed.rto"),
        ("lost", "closed.lost"),
        ("withdrawn", "closed.void"),
        ("attempt_voided", "closed.void"),
    ],
)
def test_the_next_scan_closes_it_wherever_it_stands(state: str, event: str, target: str) -> None:
    assert leads("ndr_case", f"unsettled.{state}", event) == target
    assert effects("ndr_case", f"unsettled.{state}", event) == ["announce"]


@pytest.mark.parametrize("state", CLOSED)
def test_a_late_scan_corrects_how_it_closed(state: str) -> None:
    assert leads("ndr_case", f"closed.{state}", "delivered") == "closed.resolved_delivered"
    assert leads("ndr_case", f"closed.{state}", "rto") == "closed.rto"
    assert leads("ndr_case", f"closed.{state}", "attempt_voided") == "closed.void"
    assert leads("ndr_case", f"closed.{state}", "attempt_restored") == "unsettled.late"
    assert leads("ndr_case", f"closed.{state}", "resolution_submitted", CHOICE) == REFUSED


@pytest.mark.parametrize(
    "state", [*(f"unsettled.{name}" for name in UNSETTLED), *(f"closed.{name}" for name in CLOSED)]
)
def test_whoever_taps_in_vain_is_answered_wherever_it_stands_and_moves_nothing(state: str) -> None:
    assert leads("ndr_case", state, "tapped_in_vain") == state
    assert effects("ndr_case", state, "tapped_in_vain") == ["answer_tap"]


@pytest.mark.parametrize("state", ["expired", "accepted", "sent_to_courier"])
def test_a_choice_that_comes_too_late_is_refused(state: str) -> None:
    assert leads("ndr_case", f"unsettled.{state}", "resolution_submitted", CHOICE) == REFUSED


@pytest.mark.parametrize("code", ["ACTF001", "ACTF002", "ACTF003", "ACTF004"])
def test_what_is_offered_may_be_chosen(code: str) -> None:
    data = {"resolution_code": code, "deferredDate": "2026-01-02"}

    assert leads("ndr_case", "unsettled.open", "resolution_submitted", data, ndr_code="5") == SUBMITTED


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"resolution_code": "ACTF005"},
        {"resolution_code": ""},
        {"resolution_code": None},
        {"resolution_code": "ACTF002"},
        {"resolution_code": "ACTF002", "deferredDate": "2025-12-31"},
        {"resolution_code": "ACTF002", "deferredDate": "2126-01-01"},
    ],
)
def test_nothing_else_may(data: dict[str, object]) -> None:
    assert leads("ndr_case", "unsettled.open", "resolution_submitted", data) == REFUSED


@pytest.mark.parametrize(
    ("code", "terms"),
    [
        pytest.param("ACTF001", {"attempts": 3, "counted": 3}, id="the courier does not come again"),
        pytest.param("ACTF004", {"dispute_until": NOON}, id="it no longer hears that its reason is wrong"),
        pytest.param("ACTF004", {"actions": ["reattempt", "cancel"]}, id="it never does"),
    ],
)
def test_what_its_courier_does_not_grant_may_not_be_chosen(code: str, terms: dict[str, object]) -> None:
    said = {"resolution_code": code}

    assert leads("ndr_case", "unsettled.open", "resolution_submitted", said, terms=terms) == REFUSED
    assert (
        leads("ndr_case", "unsettled.open", "resolution_submitted", {**said, "resolution_code": "ACTF003"}, terms=terms)
        == SUBMITTED
    )


def test_a_case_that_is_heard_of_too_late_asks_nobody_and_waits_for_nothing() -> None:
    assert leads("ndr_case", "new", "attempt_failed", {"late": True}) == "unsettled.late"
    assert effects("ndr_case", "new", "attempt_failed", {"late": True}) == []
    assert not [timer for timer in runs("ndr_case").definition.timers if timer.state == "unsettled.late"]


@pytest.mark.parametrize(("until", "state"), [(NOON, "unsettled.late"), (NOON + 2 * HOUR, "unsettled.open")])
def test_a_scan_that_is_heard_of_after_its_courier_s_window_is_late(until: int, state: str) -> None:
    assert leads("ndr_case", "new", "attempt_failed", {"late": False}, window_until=until) == state


# Deadlines, from the courier's scan


DEADLINES = {"window_until": NOON + 24 * HOUR, "remind_at": NOON + 12 * HOUR}


def test_the_customer_is_reminded_and_given_up_when_the_courier_s_terms_say() -> None:
    assert runs("ndr_case").definition.timers == (
        Timer("unsettled.open", "after.window", 0, "window_until"),
        Timer("unsettled.awaiting_customer", "after.reminder", 0, "remind_at"),
        Timer("unsettled.awaiting_customer", "after.window", 0, "window_until"),
        Timer("unsettled.rejected", "after.window", 0, "window_until"),
    )


def walked(*steps: tuple[str, int]) -> Instance:
    """Return a case after these events, so many hours after the failure."""
    interpreter = runs("ndr_case")
    case = born(interpreter.definition, "K-1", NOON, context=DEADLINES)
    for name, hour in steps:
        at = NOON + hour * HOUR
        case = interpreter.step(case, an_event(name, name, at, assign={f"{name}_at": at})).after
    return case


def test_the_window_runs_from_the_scan_however_late_it_is_heard_of() -> None:
    asked = walked(("attempt_failed", 3), ("customer_asked", 4))

    assert asked.timers == (Armed("after.reminder", NOON + 12 * HOUR), Armed("after.window", NOON + 24 * HOUR))
    expired = walked(("attempt_failed", 3), ("customer_asked", 4), ("after.reminder", 12), ("after.window", 24))
    assert (expired.state, expired.timers) == ("unsettled.expired", ())


def test_who_was_asked_when_it_was_time_to_remind_is_not_reminded_at_once() -> None:
    interpreter = runs("ndr_case")
    asked = walked(("attempt_failed", 3), ("customer_asked", 13))
    due = interpreter.due(asked, NOON + 13 * HOUR)

    assert due is not None
    fired = interpreter.fire(replace(asked, revision=3), due)
    assert (fired.effects, fired.after.state) == ((), "unsettled.awaiting_customer")
    assert fired.after.timers == (Armed("after.window", NOON + 24 * HOUR),)


def test_its_states_say_what_is_still_to_do() -> None:
    tags = {state.id: state.tags for state in runs("ndr_case").definition.states}

    assert tags == {
        "new": (),
        **{f"unsettled.{name}": ("open",) for name in UNSETTLED},
        **{f"unsettled.{name}": ("unanswered", "open") for name in ("open", "awaiting_customer", "rejected")},
        **{f"closed.{name}": ("closed",) for name in CLOSED},
    }
    assert runs("ndr_case").allowed(standing("ndr_case", "new")) == ("attempt_failed", "tapped_in_vain")
