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


@pytest.mark.parametrize(
    ("source", "ways"),
    [
        ("inactive", {"opt_in": "active", "opt_out": "unsubscribed"}),
        ("active", {"pause": "paused", "opt_out": "unsubscribed"}),
        ("paused", {"resume": "active", "opt_in": "active", "opt_out": "unsubscribed"}),
        ("unsubscribed", {"opt_in": "active"}),
    ],
)
def test_a_subscription_is_what_the_person_said_last(source: str, ways: dict[str, str]) -> None:
    for event in ("opt_in", "opt_out", "pause", "resume"):
        assert leads("subscription", source, event) == ways.get(event, REFUSED)


@settings(max_examples=50, deadline=None)
@given(events=st.lists(st.sampled_from(["opt_in", "pause", "resume", "opt_out"]), max_size=10))
def test_only_an_opt_in_leads_out_of_unsubscribed(events: list[str]) -> None:
    state = "unsubscribed"
    for event in events:
        target = leads("subscription", state, event)
        assert state != "unsubscribed" or target == ("active" if event == "opt_in" else REFUSED)
        state = state if target == REFUSED else target
    subscribed = {found.id for found in runs("subscription").definition.states if "subscribed" in found.tags}
    assert subscribed == {"active"}


# An inquiry


@pytest.mark.parametrize(
    ("source", "event", "target", "asked"),
    [
        ("new", "asked", "open", ["alert_inquiry"]),
        ("open", "asked", "open", []),
        ("open", "answered", "answered", []),
        ("answered", "asked", "open", ["alert_inquiry"]),
        ("open", "closed", "closed", []),
        ("answered", "closed", "closed", []),
        ("closed", "asked", REFUSED, []),
        ("new", "answered", REFUSED, []),
    ],
)
def test_an_inquiry_is_open_until_it_is_answered(source: str, event: str, target: str, asked: list[str]) -> None:
    assert leads("inquiry", source, event) == target
    assert effects("inquiry", source, event) == asked
