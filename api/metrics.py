"""
What is counted, for `/metrics` in Prometheus's format.

Rule 1: labels are ours: names of flows, codes, statuses. Nothing a caller sends becomes a label.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds; Meta's alarms are at 1, 5 and 7."""


class Metrics:
    """The counters of one application."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.flow_calls = Counter(
            "waystate_flow_calls", "Flow calls by their outcome", ["flow", "code"], registry=self.registry
        )
        self.flow_seconds = Histogram(
            "waystate_flow_seconds", "Time to answer a Flow call", registry=self.registry, buckets=BUCKETS
        )
        self.requests = Counter(
            "waystate_requests", "Other requests by their outcome", ["status", "code"], registry=self.registry
        )
        self.webhook_items = Counter(
            "waystate_webhook_items", "What came by webhook, and what became of it", ["kind", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self.facts = Counter(
            "waystate_facts", "Couriers' facts, and what became of them", ["outcome"], registry=self.registry
        )
        self.quarantined = Gauge(
            "waystate_quarantined", "Webhook calls set aside for people to look at", registry=self.registry
        )

    def flow_latency(self) -> tuple[int, float | None, float | None]:
        """Return how many Flow calls were answered, and the seconds that half and nine tenths of them stayed under."""
        cumulative = [
            (float(sample.labels["le"]), sample.value)
            for metric in self.flow_seconds.collect()
            for sample in metric.samples
            if sample.name.endswith("_bucket")
        ]
        calls = cumulative[-1][1] if cumulative else 0
        if not calls:
            return 0, None, None
        half, most = (next(bound for bound, count in cumulative if count >= calls * share) for share in (0.5, 0.9))
        return int(calls), half, most

    def render(self) -> bytes:
        """Return all of it in the text format."""
        return generate_latest(self.registry)
