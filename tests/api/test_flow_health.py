"""The `flows` webhooks over real HTTP: how our Flows fare at Meta, shown and counted."""

import json
from typing import Any

import pytest

from tests.api.conftest import sample
from tests.api.kept import became, counted, deliver
from tests.api.serving import Server
from tests.api.speaking import NOON_SECOND, ask, session

FLOW = "6627390910605886"


def a_call(*values: Any, time: Any = NOON_SECOND) -> dict[str, Any]:
    """Return a webhook call that Meta says it made at that second."""
    changes = [{"field": "flows", "value": value} for value in values]
    entry = {"id": "200000000000002", "time": time, "changes": changes}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def a_change(status: str, flow: Any = FLOW) -> dict[str, Any]:
    return {"event": "FLOW_STATUS_CHANGE", "flow_id": flow, "old_status": "DRAFT", "new_status": status}


def health(server: Server) -> Any:
    return session(server, "flow_health", FLOW)


def test_the_published_webhook_is_where_a_flow_stands(server: Server) -> None:
    deliver(server, json.dumps(sample("webhooks/004_flows-FLOW-STATUS-CHANGE.json")).encode())

    found = health(server)
    assert found["state"] == "published"
    assert found["context"] == {
        "alerts": {},
        "change": {
            "at": 1684969340 * 1_000_000,
            "message": "Flow Webhook 3 changed status from DRAFT to PUBLISHED",
            "old_status": "DRAFT",
        },
        "warning": None,
    }


def test_webhooks_in_any_order_and_twice_leave_a_flow_where_it_stood_last(server: Server) -> None:
    blocked = a_call(a_change("BLOCKED"), time=NOON_SECOND - 60)
    well = a_call(a_change("PUBLISHED"), time=NOON_SECOND)
    throttled = a_call(a_change("THROTTLED"), time=NOON_SECOND - 120)

    for place, call in enumerate([well, blocked, throttled, blocked, well]):
        assert became(server, {**call, "place": place}) == ("processed", "")

    assert health(server)["state"] == "published"
    assert counted(server) == {"flow processed": 3, "flow duplicate": 2}


def test_staff_are_told_of_what_is_so_now_and_not_of_what_was(server: Server) -> None:
    deliver(server, a_call(a_change("BLOCKED"), time=NOON_SECOND))
    deliver(server, a_call(a_change("THROTTLED"), time=NOON_SECOND - 60))

    assert sorted((effect["name"], effect["status"]) for effect in health(server)["effects"]) == [
        ("alert_staff", "discarded"),
        ("alert_staff", "pending"),
    ]


def test_alerts_are_shown_while_they_are_on(server: Server) -> None:
    alert = {"event": "ENDPOINT_LATENCY", "flow_id": FLOW, "p50_latency": 1200, "p90_latency": 4000, "threshold": 1000}

    deliver(server, a_call({**alert, "alert_state": "ACTIVATED"}, a_change("PUBLISHED")))

    assert health(server)["state"] == "published"
    assert health(server)["context"]["alerts"] == {
        "endpoint_latency": {
            "since": NOON_SECOND * 1_000_000,
            "p50_latency": "1200",
            "p90_latency": "4000",
            "threshold": "1000",
        }
    }
    deliver(server, a_call({**alert, "alert_state": "DEACTIVATED"}, time=NOON_SECOND + 60))
    assert health(server)["context"]["alerts"] == {}


def test_health_is_counted(server: Server) -> None:
    deliver(server, a_call(a_change("BLOCKED"), a_change("BLOCKED", "7")))

    stats = ask(server, "GET", "/admin/api/v1/stats", token=server.world.admin_token).content
    assert stats["sessions"] == [{"definition": "flow_health", "state": "blocked", "sessions": 2}]
    assert 'waystate_flow_health_total{event="blocked"} 2.0' in ask(server, "GET", "/metrics").body.decode()


@pytest.mark.parametrize("time", [None, "soon", "", -1, 1.5, 10**30])
def test_a_webhook_that_does_not_say_when_it_happened_happened_when_it_came(server: Server, time: Any) -> None:
    deliver(server, a_call(a_change("PUBLISHED"), time=time))

    assert health(server)["context"]["change"]["at"] == server.clock.now


@pytest.mark.parametrize(
    "value", [{}, {"event": "NEW"}, a_change("BLOCKED", ""), a_change("BLOCKED", 7), a_change("?")]
)
def test_what_we_do_not_know_is_set_aside(office: Server, value: Any) -> None:
    assert became(office, a_call(value)) == ("quarantined", "unknown_flow_event")
