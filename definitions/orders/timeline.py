"""
What a shipment's folded facts mean: its latest word, its attempts, its conflicts.

Rule 1: attempts are a ledger, not a number: an attempt has an id, a time and a reason, and may turn out not to count.
        The courier voids one when it grants that nobody came (Eshopbox's fake attempt), and restores one when it does
        not after all.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from definitions.binding import Timeline, projection
from definitions.orders import ndr
from engine.fold import SETTLING, Fact, second_of

FAILED = "forward.failed_delivery"

VOIDED, RESTORED = "forward.attempt_voided", "forward.attempt_restored"
"""That an attempt does not count, and that it does after all. Which, the detail `attempt` says: its UTC second."""

ATTEMPT = "attempt"

FLAGS = frozenset({"forward.shipment_delayed", "forward.shipment_held", "forward.unhold"})
"""What is said of a parcel that stays where it is."""

RECORDS = frozenset({VOIDED, RESTORED, *SETTLING})
"""What is said of the record, not of the parcel."""


class Attempt(Struct, frozen=True):
    """
    One try to deliver that failed: the fact that says so, when, why, and whether it counts.

    *voided_by* is the fact that says that it does not, "" if its reason is all there is to that.
    """

    id: str
    at: int
    reason: str
    counts: bool
    voided_by: str = ""


def attempts(timeline: Timeline) -> tuple[Attempt, ...]:
    """
    Return the ledger of failed attempts. Reports that follow one another with nothing between are one attempt.

    Whether one is voided is the last word on it. A word that names none is about the last before it that could count.
    """
    ledger: dict[str, Attempt] = {}
    counting: set[str] = set()
    last, before = "", ""
    for fact, outcome in timeline:
        if fact.name == FAILED and outcome == "applied" and before != FAILED:
            reason = ndr.reason(fact.details.get("ndr_code", ""))
            second = second_of(fact.at)
            ledger[second] = Attempt(fact.id, fact.at, reason.name, reason.counts)
            if reason.counts:
                counting.add(second)
                last = second
        elif fact.name in (VOIDED, RESTORED):
            named = fact.details.get(ATTEMPT) or last
            if named in counting:
                void = fact.name == VOIDED
                ledger[named] = replace(ledger[named], counts=not void, voided_by=fact.id if void else "")
        if outcome == "applied" and fact.name not in FLAGS | RECORDS:
            before = fact.name
    return tuple(ledger.values())


def named_attempt(context: Mapping[str, Any], details: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the attempt, of the ledger in a shipment's *context*, that a fact with *details* says is void or not."""
    could_count = [each for each in context.get("attempts", ()) if each["counts"] or each["voided_by"]]
    named = details.get(ATTEMPT)
    found = [each for each in could_count if not named or second_of(each["at"]) == named]
    return found[-1] if found else None


def latest(timeline: Timeline) -> Fact | None:
    """Return the last fact about the parcel that the shipment's state took."""
    taken = (fact for fact, outcome in reversed(timeline) if outcome == "applied" and fact.name not in RECORDS)
    return next(taken, None)


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
