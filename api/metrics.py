"""
What is counted, for `/metrics` in Prometheus's format.

Rule 1: labels are ours: names of flows, codes, outcomes. Nothing a caller sends becomes a label.
Rule 2: a Flow call is counted by adding to plain numbers; they become metrics when somebody asks.
"""

import bisect
import math
from collections import Counter as Tally
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from engine.model import SECOND
from storage.queries import OWED, Backlog

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds; Meta's alarms are at 1, 5 and 7."""


LATENESS = (0.1, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86_400)
"""Seconds. More than 5 are an alarm; hours mean that nobody kept the time."""


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
        self.effects = Counter(
            "waystate_effects", "What became of effects, each time it was decided", ["status"], registry=self.registry
        )
        self.outbox = Gauge(
            "waystate_outbox", "Effects that are owed, in doubt, or dead", ["status"], registry=self.registry
        )
        self.outbox_oldest = Gauge(
            "waystate_outbox_oldest_seconds",
            "How long the first of the effects waits whose time has come",
            registry=self.registry,
        )
        self.parked = Gauge(
            "waystate_parked", "Couriers' facts that nothing answers to yet", ["reason"], registry=self.registry
        )
        self.quarantined = Gauge(
            "waystate_quarantined", "Webhook calls set aside for people to look at", registry=self.registry
        )

        self.flow_health = Counter(
            "waystate_flow_health", "What Meta told of our Flows' health", ["event"], registry=self.registry
        )

        self.timer_lateness = Histogram(
            "waystate_timer_lateness_seconds",
            "How long after its time a timer fired",
            buckets=LATENESS,
            registry=self.registry,
        )
        self.timer_overdue = Gauge(
            "waystate_timer_overdue_seconds",
            "How long the first of the timers waits that is due",
            registry=self.registry,
        )
        self.timers_put_off = Gauge(
            "waystate_timers_put_off", "Sessions whose timer could not fire, to be tried again", registry=self.registry
        )

    def stand(self, backlog: Backlog | None, now: int) -> None:
        """Let the gauges say what waits; without a *backlog* nobody knows, and they say that they do not."""
        self.parked.clear()
        if backlog is None:
            for gauge in (*map(self.outbox.labels, OWED), self.outbox_oldest, self.quarantined, self.timer_overdue):
                gauge.set(math.nan)
            return
        for status in OWED:
            self.outbox.labels(status).set(backlog.effects.get(status, 0))
        for reason, count in backlog.parked.items():
            self.parked.labels(reason).set(count)
        self.outbox_oldest.set(_seconds_since(backlog.effect_due, now))
        self.timer_overdue.set(_seconds_since(backlog.timer_due, now))
        self.quarantined.set(backlog.quarantined)

    def render(self) -> bytes:
        """Return all of it in the text format."""
        return generate_latest(self.registry)


def _seconds_since(at: int | None, now: int) -> float:
    return 0.0 if at is None else max(0, now - at) / SECOND
