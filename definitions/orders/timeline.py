"""
What a shipment's folded facts mean: its latest word, its attempts, its conflicts.

Attempts are a ledger, not a number: an attempt has an id, a time and a reason, and may turn out not to count.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, to_builtins

from definitions.binding import Timeline, projection
from definitions.orders import ndr
from engine.fold import Fact

FAILED = "forward.failed_delivery"


class Attempt(Struct, frozen=True):
    """One try to deliver that failed: the fact that says so, when, why, and whether it counts."""

    id: str
    at: int
    reason: str
    counts: bool


def attempts(timeline: Timeline) -> tuple[Attempt, ...]:
    """Return the ledger of failed attempts. Reports that follow one another with nothing between are one attempt."""
    ledger: list[Attempt] = []
    before = ""
    for fact, outcome in timeline:
        if outcome != "applied":
            continue
        if fact.name == FAILED and before != FAILED:
            reason = ndr.reason(fact.details.get("ndr_code", ""))
            ledger.append(Attempt(fact.id, fact.at, reason.name, reason.counts))
        before = fact.name
    return tuple(ledger)


def latest(timeline: Timeline) -> Fact | None:
    """Return the last fact that the shipment's state took."""
    return next((fact for fact, outcome in reversed(timeline) if outcome == "applied"), None)


@projection("shipment")
def shipment(timeline: Timeline) -> Mapping[str, Any]:
    """Return a shipment's context: the latest word with its time, place and remark, the ledger, what conflicts."""
    fact = latest(timeline)
    return {
        "latest": None if fact is None else {"status": fact.name, "at": fact.at, **fact.details},
        "attempts": to_builtins([*attempts(timeline)]),  # a list, as it is read back from a store
        "conflicts": [fact.id for fact, outcome in timeline if outcome == "conflict"],
        "skewed": [fact.id for fact, _ in timeline if fact.skewed],
    }


@projection("message")
def message(timeline: Timeline) -> Mapping[str, Any]:
    """Return a message's context: when each of its states was reached, and why it failed if it did."""
    applied = [fact for fact, outcome in timeline if outcome == "applied"]
    return {
        "times": {fact.name: fact.at for fact in reversed(applied)},
        "errors": [dict(fact.details) for fact in applied if fact.name == "failed"],
    }
