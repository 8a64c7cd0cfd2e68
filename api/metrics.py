"""
What is counted, for `/metrics` in Prometheus's format.

Rule 1: labels are ours: names of flows, codes, outcomes. Nothing a caller sends becomes a label.
Rule 2: a Flow call is counted by adding to plain numbers; they become metrics when somebody asks.
"""

import bisect
from collections import Counter as Tally
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds; Meta's alarms are at 1, 5 and 7."""


class FlowCalls(Collector):
    """The Flow calls answered: how many by their outcome, and how long they took."""

    def __init__(self) -> None:
        self._outcomes: Tally[tuple[str, str]] = Tally()
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def count(self, flow: str, code: str, seconds: float) -> None:
        """Count one call."""
        self._outcomes[flow, code] += 1
        self._buckets[bisect.bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def refuse(self, flow: str, code: str) -> None:
        """Count one call that was refused at the door; how long it took says nothing about us."""
        self._outcomes[flow, code] += 1

    def latency(self) -> tuple[int, float | None, float | None]:
        """Return how many calls there were, and the seconds that half and nine tenths of them stayed under."""
        cumulative = [*self._cumulative()]
        calls = cumulative[-1][1]
        if not calls:
            return 0, None, None
        half, most = (next(bound for bound, count in cumulative if count >= calls * share) for share in (0.5, 0.9))
        return calls, half, most

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        """Yield the metrics."""
        calls = CounterMetricFamily("waystate_flow_calls", "Flow calls by their outcome", labels=["flow", "code"])
        for labels, count in sorted(self._outcomes.items()):
            calls.add_metric(labels, count)
        yield calls
        times = HistogramMetricFamily("waystate_flow_seconds", "Time to answer a Flow call")
        buckets = [(str(bound) if bound != float("inf") else "+Inf", count) for bound, count in self._cumulative()]
        times.add_metric([], buckets, self._seconds)
        yield times

    def _cumulative(self) -> Iterator[tuple[float, int]]:
        total = 0
        for bound, count in zip((*BUCKETS, float("inf")), self._buckets, strict=True):
            total += count
            yield bound, total


class Metrics:
    """The counters of one application."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.flow_calls = FlowCalls()
        self.registry.register(self.flow_calls)
        self.webhook_items = Counter(
            "waystate_webhook_items",
            "What came by webhook, and what became of it",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.facts = Counter(
            "waystate_facts", "Couriers' facts, and what became of them", ["outcome"], registry=self.registry
        )
        self.quarantined = Gauge(
            "waystate_quarantined", "Webhook calls set aside for people to look at", registry=self.registry
        )

    def render(self) -> bytes:
        """Return all of it in the text format."""
        return generate_latest(self.registry)
