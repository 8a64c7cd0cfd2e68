"""What is counted of Flow calls, as `/metrics` tells it."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from prometheus_client.parser import text_string_to_metric_families

from api.metrics import BUCKETS, FlowCalls
from tests.api.phones import Handset
from tests.api.serving import Server


def told(server: Server, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of a metric by the values of their labels."""
    response = server.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
        if sample.name == name
    }


def test_calls_are_counted_by_their_flow_and_outcome_and_nothing_that_a_caller_sent(flow_server: Server) -> None:
    phone, stranger = Handset(flow_server), Handset(flow_server, "no-such-flow-919800000042")
    phone.open()
    phone.submit("FIRST", wish="more")
    phone.submit("LAST")
    body = phone.called(action="INIT").body
    stranger.open()
    for each in (phone, stranger):
        each.post(body, [(b"Content-Type", b"text/plain")])
        each.post(body, [(b"Content-Type", b"application/json")])

    assert told(flow_server, "waystate_flow_calls_total") == {
        ("illegal_edge", "survey"): 1,
        ("media_type", "survey"): 1,
        ("ok", "survey"): 2,
        ("sig_missing", "survey"): 1,
        ("flow_unknown", "unknown"): 1,
        ("media_type", "unknown"): 1,
        ("sig_missing", "unknown"): 1,
    }
    assert phone.token not in flow_server.client.get("/metrics").text


def test_the_time_of_calls_is_told_in_buckets(server: Server) -> None:
    phone = Handset(server, "personalised_offer")
    for _ in range(3):
        phone.open()
    calls = server.parts.metrics.flow_calls
    for seconds in (0.001, 0.3, 99.0):
        server.do(lambda seconds=seconds: calls.count("personalised_offer", "ok", seconds))  # type: ignore[misc]

    buckets = told(server, "waystate_flow_seconds_bucket")

    assert [*buckets] == [*((str(bound),) for bound in BUCKETS), ("+Inf",)]
    assert [buckets[bound,] for bound in ("0.001", "0.25", "0.5", "10", "+Inf")] == [4, 4, 5, 5, 6]
    assert told(server, "waystate_flow_seconds_count") == {(): 6}
    assert told(server, "waystate_flow_seconds_sum")[()] == pytest.approx(99.301)


@given(some.lists(some.floats(0, 20), min_size=1))
def test_half_and_nine_tenths_of_the_calls_stayed_under_what_is_told(times: list[float]) -> None:
    calls = FlowCalls()
    for seconds in times:
        calls.count("survey", "ok", seconds)
    calls.refuse("survey", "media_type")

    number, half, most = calls.latency()

    assert number == len(times)
    assert half is not None
    assert most is not None
    assert half <= most
    for bound, share in ((half, 0.5), (most, 0.9)):
        assert sum(seconds <= bound for seconds in times) >= share * len(times)
        assert bound in {*BUCKETS, float("inf")}


def test_without_calls_there_is_no_time_to_tell() -> None:
    assert FlowCalls().latency() == (0, None, None)
