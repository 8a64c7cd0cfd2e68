"""The non-delivery case: one counting failed attempt, and what is done about it."""

import pytest

from engine.model import Instance, Timer, born
from tests.builders import HOUR, NOON, an_event
from tests.definitions.lifecycles.walking import REFUSED, effects, leads, runs, standing

CHOICE = {"resolution_code": "ACTF001"}
SUBMITTED = "unsettled.resolution_submitted"
UNSETTLED = ["open", "late", "awaiting_customer", "expired", "resolution_submitted", "sent_to_courier", "accepted",
             "rejected"]  # fmt: skip
CLOSED = ["resolved_delivered", "resolved_failed_again", "rto", "lost", "void"]


@pytest.mark.parametrize(
    ("source", "event", "target", "asked"),
    [
        ("new", "attempt_failed", "unsettled.open", ["ask_customer"]),
        ("unsettled.open", "customer_asked", "unsettled.awaiting_customer", []),
        ("unsettled.open", "resolution_submitted", "unsettled.resolution_submitted", ["send_resolution"]),
        ("unsettled.open", "after.window", "unsettled.expired", []),
        ("unsettled.late", "resolution_submitted", "unsettled.resolution_submitted", ["send_resolution"]),
        ("unsettled.awaiting_customer", "after.reminder", "unsettled.awaiting_customer", ["remind_customer"]),
        ("unsettled.awaiting_customer", "after.window", "unsettled.expired", []),
        ("unsettled.awaiting_customer", "resolution_submitted", "unsettled.resolution_submitted", ["send_resolution"]),
        (SUBMITTED, "resolution_submitted", SUBMITTED, ["send_resolution"]),
        ("unsettled.resolution_submitted", "resolution_sent", "unsettled.sent_to_courier", []),
        ("unsettled.resolution_submitted", "resolution_accepted", "unsettled.accepted", []),
        ("unsettled.resolution_submitted", "resolution_rejected", "unsettled.rejected", ["tell_rejection"]),
        ("unsettled.sent_to_courier", "resolution_accepted", "unsettled.accepted", []),
        ("unsettled.sent_to_courier", "resolution_rejected", "unsettled.rejected", ["tell_rejection"]),
        ("unsettled.rejected", "resolution_submitted", "unsettled.resolution_submitted", ["send_resolution"]),
        ("closed.void", "attempt_failed", "unsettled.late", []),
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


@pytest.mark.parametrize("state", UNSETTLED)
def test_being_out_for_delivery_again_settles_nothing(state: str) -> None:
    assert leads("ndr_case", f"unsettled.{state}", "out_for_delivery") == f"unsettled.{state}"


@pytest.mark.parametrize("state", CLOSED)
def test_a_late_scan_corrects_how_it_closed(state: str) -> None:
    assert leads("ndr_case", f"closed.{state}", "delivered") == "closed.resolved_delivered"
    assert leads("ndr_case", f"closed.{state}", "rto") == "closed.rto"
    assert leads("ndr_case", f"closed.{state}", "resolution_submitted", CHOICE) == REFUSED


@pytest.mark.parametrize("state", ["expired", "accepted", "sent_to_courier"])
def test_a_choice_that_comes_too_late_is_refused(state: str) -> None:
    assert leads("ndr_case", f"unsettled.{state}", "resolution_submitted", CHOICE) == REFUSED


@pytest.mark.parametrize("code", ["ACTF001", "ACTF002", "ACTF003", "ACTF004"])
def test_what_is_offered_may_be_chosen(code: str) -> None:
    assert (
        leads("ndr_case", "unsettled.open", "resolution_submitted", {"resolution_code": code}, ndr_code="5") != REFUSED
    )


@pytest.mark.parametrize(
    "data", [{}, {"resolution_code": "ACTF005"}, {"resolution_code": ""}, {"resolution_code": None}]
)
def test_nothing_else_may(data: dict[str, object]) -> None:
    assert leads("ndr_case", "unsettled.open", "resolution_submitted", data) == REFUSED


def test_a_case_that_is_heard_of_too_late_asks_nobody_and_waits_for_nothing() -> None:
    assert leads("ndr_case", "new", "attempt_failed", {"late": True}) == "unsettled.late"
    assert effects("ndr_case", "new", "attempt_failed", {"late": True}) == []
    assert not [timer for timer in runs("ndr_case").definition.timers if timer.state == "unsettled.late"]


# Deadlines, from the courier's scan


def test_the_customer_is_reminded_at_half_of_the_day_that_there_is() -> None:
    assert runs("ndr_case").definition.timers == (
        Timer("unsettled.open", "after.window", 24 * HOUR, "opened_at"),
        Timer("unsettled.awaiting_customer", "after.reminder", 12 * HOUR, "opened_at"),
        Timer("unsettled.awaiting_customer", "after.window", 24 * HOUR, "opened_at"),
    )


def test_the_day_runs_from_the_scan_however_late_it_is_heard_of() -> None:
    interpreter = runs("ndr_case")
    case: Instance = born(interpreter.definition, "K-1", NOON + 3 * HOUR, context={"opened_at": NOON})
    deadlines = []
    for name, at in (
        ("attempt_failed", NOON + 3 * HOUR),
        ("customer_asked", NOON + 4 * HOUR),
        ("after.reminder", NOON + 12 * HOUR),
        ("after.window", NOON + 24 * HOUR),
    ):
        case = interpreter.step(case, an_event(name, name, at)).after
        deadlines.append(None if case.deadline is None else (case.deadline - NOON) // HOUR)

    assert deadlines == [24, 12, 24, None]
    assert case.state == "unsettled.expired"


def test_its_states_say_what_is_still_to_do() -> None:
    tags = {state.id: state.tags for state in runs("ndr_case").definition.states}

    assert tags == {
        "new": (),
        **{f"unsettled.{name}": ("open",) for name in UNSETTLED},
        **{f"closed.{name}": ("closed",) for name in CLOSED},
    }
    assert runs("ndr_case").allowed(standing("ndr_case", "new")) == ("attempt_failed",)
