"""
The health of our Flows at Meta: what its webhooks tell of them, in the order in which it happened.

Rule 1: Meta's webhooks come doubled and in any order, so a Flow's health is the fold of what they say (engine/fold.py).
"""

from collections.abc import Mapping
from typing import Any

from api.metrics import Metrics
from api.order_book import OrderBook
from definitions.flow_health import health_fact
from engine.errors import WorkflowError
from engine.family import Family, family_of
from engine.ports import Decision

FLOW_HEALTH = "flow_health"

MAX_ID = 64


class UnknownHealth(WorkflowError):
    """What was told is nothing that we know, or of no Flow."""


class HealthDesk:
    """Takes what Meta tells of our Flows."""

    def __init__(self, book: OrderBook, metrics: Metrics) -> None:
        self._book = book
        self._metrics = metrics

    async def hear(self, value: Mapping[str, Any], at: int, received_at: int) -> bool:
        """
        Put what was told of a Flow into its timeline; return whether it was news.

        Raises:
            UnknownHealth: it is nothing that we know.
        """
        flow_id, fact = value.get("flow_id"), health_fact(value, at, received_at)
        if fact is None or not isinstance(flow_id, str) or not 0 < len(flow_id) <= MAX_ID:
            raise UnknownHealth
        root = (FLOW_HEALTH, flow_id)
        news = False

        async def deliberate() -> Decision | None:
            nonlocal news
            record = await self._book.store.load_family(family_of(root))
            family = Family(self._book.catalogue.interpreter, root, record, self._book.clock())
            (reception,) = family.receive(family.open(FLOW_HEALTH, flow_id, {}), [fact])
            news = reception.addition != "known"
            return family.decision() if news else None

        await self._book.settle(f"{FLOW_HEALTH}/{flow_id}", deliberate)
        if news:
            self._metrics.flow_health.labels(fact.name).inc()
        return news
