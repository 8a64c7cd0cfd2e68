"""What Meta tells of a Flow's health, folded: however it comes, the Flow stands where it stood last."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.flow_health import ALERTS, STATUSES, health_fact
from engine.fold import Fact, Fold
from engine.model import SECOND
from tests.builders import NOON
from tests.definitions.lifecycles.walking import folded

FLOW = "6627390910605886"


def a_change(status: str, old: str = "DRAFT") -> dict[str, Any]:
    return {"event": "FLOW_STATUS_CHANGE", "flow_id": FLOW, "old_status": old, "new_status": status}


def an_alert(alert: str, alert_state: str = "ACTIVATED", **said: Any) -> dict[str, Any]:
    return {"event": alert, "flow_id": FLOW, "alert_state": alert_state, **said}


def told(value: dict[str, Any], minute: int = 0) -> Fact:
    at = NOON + 60 * minute * SECOND
    fact = health_fact(value, at, at + SECOND)
    assert fact is not None
    return fact


def standing(fold: Fold) -> tuple[str, list[str]]:
    return fold.instance.state, [*fold.context({})["alerts"]]


def asked(fold: Fold) -> list[str]:
    return [effect.name for effect, _ in fold.declared().effects.values()]


@pytest.mark.parametrize("status", [*STATUSES])
def test_a_flow_stands_where_meta_says(status: str) -> None:
    fold = folded("flow_health", told(a_change(status.upper())))

    assert fold.instance.state == status
    assert asked(fold) == (["alert_staff"] if status in {"throttled", "blocked"} else [])


@pytest.mark.parametrize("alert", [*ALERTS])
def test_an_alert_is_on_until_it_is_off(alert: str) -> None:
    on, off = told(an_alert(alert.upper(), threshold=5), 1), told(an_alert(alert.upper(), "DEACTIVATED"), 9)

    assert folded("flow_health", on).context({})["alerts"] == {alert: {"since": on.at, "threshold": "5"}}
    assert asked(folded("flow_health", on)) == ["alert_staff"]
    assert standing(folded("flow_health", off, on)) == ("unheard", [])


def test_what_meta_says_of_an_alert_is_kept() -> None:
    value = an_alert(
        "ENDPOINT_ERROR_RATE",
        message="The endpoint fails",
        error_rate=14.28,
        threshold=10,
        errors=[{"error_type": "TIMEOUT", "error_rate": 14.28, "error_count": 7}, "odd"],
        flow="never kept",
    )

    assert told(value) == Fact(
        "endpoint_error_rate.activated",
        NOON,
        NOON + SECOND,
        {
            "message": "The endpoint fails",
            "error_rate": "14.28",
            "threshold": "10",
            "errors": "TIMEOUT 7 (14.28 %)",
        },
        "whatsapp",
    )


def test_a_version_that_is_about_to_freeze_is_told_to_staff() -> None:
    fold = folded("flow_health", told({"event": "FLOW_VERSION_EXPIRY_WARNING", "flow_id": FLOW, "warning": "Soon"}))

    assert asked(fold) == ["alert_staff"]
    assert fold.context({})["warning"] == {"at": NOON, "warning": "Soon"}


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"event": "SOMETHING_NEW"},
        {"event": 7},
        a_change("ON_HOLIDAY"),
        {"event": "FLOW_STATUS_CHANGE"},
        an_alert("ENDPOINT_LATENCY", "PERHAPS"),
        {"event": "ENDPOINT_LATENCY"},
    ],
)
def test_what_we_do_not_know_is_no_fact(value: dict[str, Any]) -> None:
    assert health_fact(value, NOON, NOON) is None


HAPPENED = [
    *(a_change(status.upper()) for status in sorted(STATUSES)),
    *(an_alert(alert.upper(), alert_state) for alert in sorted(ALERTS) for alert_state in ("ACTIVATED", "DEACTIVATED")),
]


@settings(max_examples=100, deadline=None)
@given(
    drawn=st.lists(st.tuples(st.sampled_from(HAPPENED), st.integers(0, 20)), min_size=1, max_size=12), data=st.data()
)
def test_any_order_and_number_of_the_same_webhooks_is_the_same_health(
    drawn: list[tuple[dict[str, Any], int]], data: st.DataObject
) -> None:
    facts = [told(value, minute) for value, minute in drawn]
    arrived = data.draw(st.permutations(facts * 2))

    one, other = folded("flow_health", *facts), folded("flow_health", *arrived)

    assert (standing(one), asked(one), one.context({})) == (standing(other), asked(other), other.context({}))
