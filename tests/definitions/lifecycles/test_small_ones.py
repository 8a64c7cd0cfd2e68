"""Messages, subscriptions and inquiries."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.definitions.lifecycles.walking import REFUSED, effects, fact, folded, leads, runs

# A message


@pytest.mark.parametrize("reports", [*permutations(["sent", "delivered", "read"])])
def test_a_message_is_read_however_its_reports_come(reports: tuple[str, ...]) -> None:
    minutes = {"sent": 1, "delivered": 2, "read": 3}

    fold = folded("message", *(fact(name, minutes[name]) for name in reports))

    assert fold.instance.state == "read"
    assert fold.context({}) == {"times": {name: fact(name, at).at for name, at in minutes.items()}, "errors": []}


@pytest.mark.parametrize(
    ("reports", "state"),
    [
        (["read"], "read"),
        (["delivered", "sent"], "delivered"),
        (["sent", "failed"], "failed"),
        (["failed", "delivered"], "delivered"),
        (["failed", "sent"], "sent"),
        (["failed", "sent", "failed"], "failed"),
        (["sent", "failed", "sent", "delivered"], "delivered"),
        (["sent", "failed", "read"], "read"),
        (["sent", "delivered", "failed"], "delivered"),
        (["read", "played"], "played"),
        (["sent", "deleted"], "deleted"),
        (["deleted", "read"], "deleted"),
        (["in_orbit"], "unsent"),
        ([], "unsent"),
    ],
)
def test_a_message_stands_where_its_reports_say(reports: list[str], state: str) -> None:
    fold = folded("message", *(fact(name, minute) for minute, name in enumerate(reports)))

    assert fold.instance.state == state


def test_reports_of_one_second_are_taken_in_the_order_of_a_messages_life() -> None:
    fold = folded("message", *(fact(name, 1) for name in ("read", "failed", "sent", "delivered")))

    assert fold.instance.state == "read"


def test_why_a_message_failed_is_kept() -> None:
    fold = folded("message", fact("sent", 1), fact("failed", 2, code="131026", title="Undeliverable"))

    assert fold.context({})["errors"] == [{"code": "131026", "title": "Undeliverable"}]


# A subscription

STATES = ("inactive", "active", "paused", "unsubscribed", "merged")

STRICTER = ("unsubscribed", "paused", "inactive", "active")
"""The states of a subscription that is somebody's, the strictest first."""

TAGS = {state.id: state.tags for state in runs("subscription").definition.states}


@pytest.mark.parametrize(
    ("source", "ways"),
    [
        ("inactive", {"opt_in": "active", "opt_out": "unsubscribed"}),
        ("active", {"pause": "paused", "opt_out": "unsubscribed"}),
        ("paused", {"resume": "active", "opt_in": "active", "opt_out": "unsubscribed"}),
        ("unsubscribed", {"opt_in": "active"}),
        ("merged", {}),
    ],
)
def test_a_subscription_is_what_the_person_said_last(source: str, ways: dict[str, str]) -> None:
    for event in ("opt_in", "opt_out", "pause", "resume"):
        assert leads("subscription", source, event) == ways.get(event, REFUSED)


@settings(max_examples=50, deadline=None)
@given(events=st.lists(st.sampled_from(["opt_in", "pause", "resume", "opt_out", "merged"]), max_size=10))
def test_only_an_opt_in_leads_out_of_unsubscribed(events: list[str]) -> None:
    state = "unsubscribed"
    for event in events:
        target = leads("subscription", state, event, {"other": ["subscribed"]})
        assert state != "unsubscribed" or target in {REFUSED, state} or (event, target) == ("opt_in", "active")
        state = state if target == REFUSED else target
    subscribed = {found.id for found in runs("subscription").definition.states if "subscribed" in found.tags}
    assert subscribed == {"active"}


@pytest.mark.parametrize("kept", STRICTER)
@pytest.mark.parametrize("lost", STRICTER)
def test_of_two_persons_who_are_one_the_stricter_consent_stays(kept: str, lost: str) -> None:
    stricter = min(kept, lost, key=STRICTER.index)

    assert leads("subscription", kept, "merged", {"other": list(TAGS[lost])}) == stricter
    assert leads("subscription", lost, "merged_away") == "merged"


@pytest.mark.parametrize(
    ("source", "event", "data", "asked"),
    [
        ("active", "opt_out", {"answered": True}, ["confirm_opt_out"]),
        ("inactive", "opt_out", {"answered": True}, ["confirm_opt_out"]),
        ("paused", "opt_out", {"answered": True}, ["confirm_opt_out"]),
        ("active", "opt_out", {}, []),
        ("unsubscribed", "opt_in", {"answered": True}, ["confirm_opt_in"]),
        ("unsubscribed", "opt_in", {"answered": False}, []),
        ("active", "stop_requested", {}, ["ask_what_to_stop"]),
        ("active", "stop_declined", {}, ["confirm_opt_out"]),
        ("unsubscribed", "stranded", {}, ["alert_stranded"]),
    ],
)
def test_who_said_it_in_the_chat_is_answered_there(
    source: str, event: str, data: dict[str, bool], asked: list[str]
) -> None:
    assert effects("subscription", source, event, data) == asked


@pytest.mark.parametrize("state", STATES)
def test_what_must_be_asked_about_changes_nothing(state: str) -> None:
    asked = {
        "start_requested": ["ask_what_to_start"],
        "cancel_requested": ["ask_what_to_cancel"],
        "order_cancel_requested": ["alert_order_cancel", "confirm_order_cancel"],
    }

    for event, wanted in asked.items():
        assert leads("subscription", state, event) == (REFUSED if state == "merged" else state)
        assert effects("subscription", state, event) == ([] if state == "merged" else wanted)


# An inquiry


@pytest.mark.parametrize(
    ("source", "event", "target", "asked"),
    [
        ("new", "asked", "open", ["alert_inquiry"]),
        ("open", "asked", "open", []),
        ("open", "answered", "answering", ["send_answer"]),
        ("open", "answer_sent", "answered", []),
        ("answering", "answer_sent", "answered", []),
        ("answering", "answer_failed", "open", ["alert_inquiry"]),
        ("answering", "answered", REFUSED, []),
        ("answered", "answered", "answering", ["send_answer"]),
        ("answered", "asked", "open", ["alert_inquiry"]),
        ("answered", "answer_failed", "open", ["alert_inquiry"]),
        ("open", "closed", "closed", []),
        ("answering", "closed", "closed", []),
        ("answered", "closed", "closed", []),
        ("closed", "asked", REFUSED, []),
        ("closed", "answer_sent", REFUSED, []),
        ("new", "answered", REFUSED, []),
    ],
)
def test_an_inquiry_is_open_until_its_answer_has_reached_the_customer(
    source: str, event: str, target: str, asked: list[str]
) -> None:
    said = {"text": "Yes, it does."} if event == "answered" else {}

    assert leads("inquiry", source, event, said) == target
    assert effects("inquiry", source, event, said) == asked
