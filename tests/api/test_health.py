"""Liveness, readiness and metrics."""

import math
import sqlite3
from contextlib import closing

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api.faults import Fault, busy, down, read_only
from tests.api.phones import Handset
from tests.api.serving import Server
from tests.api.speaking import a_scan, an_order, ask, deliver, put_order, scan

OK = (200, {"status": "ok"})


def counters(server: Server) -> dict[tuple[str, ...], float]:
    """Return what `/metrics` counts, by names and labels, without what is 0."""
    heard = ask(server, "GET", "/metrics")
    assert heard.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(heard.body.decode())
        for sample in family.samples
        if sample.value and not sample.name.endswith(("_created", "_bucket", "_sum"))
    }


def test_a_server_that_lives_and_serves_says_so_and_no_more(server: Server) -> None:
    assert ask(server, "GET", "/health/live").said == OK
    assert ask(server, "GET", "/health/ready").said == OK


@pytest.mark.parametrize("fault", [down, read_only, busy])
def test_a_server_whose_database_takes_nothing_lives_but_is_not_ready(server: Server, fault: Fault) -> None:
    with fault(server):
        heard = ask(server, "GET", "/health/ready")
        assert (heard.status, heard.content["code"], heard.headers["retry-after"]) == (503, "db_down", "2")
        assert ask(server, "GET", "/health/live").said == OK
    assert ask(server, "GET", "/health/ready").said == OK


def test_what_happens_is_counted(server: Server) -> None:
    assert counters(server) == {}
    put_order(server, an_order("O-1"))
    scan(server, a_scan("packed"), a_scan("packed"), a_scan("packed", tracking_id="T-9"))
    deliver(server, b"{")

    counted = counters(server)

    assert {labels: value for labels, value in counted.items() if labels[0] == "waystate_facts_total"} == {
        ("waystate_facts_total", "accepted"): 1,
        ("waystate_facts_total", "duplicate"): 1,
        ("waystate_facts_total", "parked"): 1,
    }
    assert counted["waystate_quarantined",] == 1


def test_a_server_whose_database_is_down_still_counts(server: Server) -> None:
    put_order(server, an_order("O-1"))
    scan(server, a_scan("packed"))
    with closing(sqlite3.connect(server.settings.database)) as connection, connection:
        connection.execute("DROP TABLE delivery")

    counted = counters(server)

    assert counted["waystate_facts_total", "accepted"] == 1
    assert math.isnan(counted["waystate_quarantined",])


def test_flow_calls_are_counted_and_timed(server: Server) -> None:
    phone = Handset(server, "personalised_offer")
    assert phone.send(phone.envelope(version="3.0", action="ping")).status == 200

    counted = counters(server)

    assert counted["waystate_flow_seconds_count",] == 1
    assert sum(value for labels, value in counted.items() if labels[0] == "waystate_flow_calls_total") == 1
