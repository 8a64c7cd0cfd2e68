"""What goes wrong in the lab on demand: at the Graph API, with statuses, at couriers. One value, replaced whole."""

from random import Random
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from lab.graph import JUNK, NO_ID, RESET_AFTER, RESET_BEFORE, Asked, Fault, broken, limited, refused, slow
from lab.graph_messages import TITLES

RATE = 130429
"""The code of too many messages: it comes with its own HTTP status and asks to wait."""

UNAUTHORIZED_CODES = {190: 401}
"""The codes that come with another HTTP status than 400."""

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Code = Annotated[int, Meta(ge=0, le=10_000_000)]


class GraphFaults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What goes wrong with the next *count* requests, and with that *share* of all others.

    `refuse` answers Meta's error *code*, `http` the bare *status*, `slow` accepts and says so *seconds* later, `reset`
    breaks the connection before it is accepted and `reset_after` after it, `junk` and `no_id` accept and answer what
    cannot be read. *everything* means requests of all kinds, and not messages alone.
    """

    kind: Literal["none", "refuse", "http", "slow", "reset", "reset_after", "junk", "no_id"] = "none"
    code: Code = RATE
    status: Annotated[int, Meta(ge=400, le=599)] = 503
    seconds: Annotated[float, Meta(ge=0, le=60)] = 12.0
    count: Count = 0
    share: Share = 0.0
    everything: bool = False

    def fault(self) -> Fault | None:
        """Return what is done to a request that goes wrong."""
        if self.kind == "refuse":
            return _refusal(self.code)
        return {
            "http": broken(self.status),
            "slow": slow(self.seconds),
            "reset": RESET_BEFORE,
            "reset_after": RESET_AFTER,
            "junk": JUNK,
            "no_id": NO_ID,
        }.get(self.kind)


class StatusFaults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How statuses come back: by themselves or only *by_hand*, each *doubled*, in the wrong order if *shuffled*.

    *fail_with* is Meta's code with which each message fails after it was accepted; 0 for none.
    """

    by_hand: bool = False
    doubled: bool = False
    shuffled: bool = False
    fail_with: Code = 0


class CourierFaults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How couriers answer when they are asked for something; `slow` accepts, *seconds* later."""

    answer: Literal["accept", "refuse", "down", "slow", "reset"] = "accept"
    seconds: Annotated[float, Meta(ge=0, le=60)] = 12.0


class Faults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    All that goes wrong.

    The lab's clock is *hours_passed* ahead: after 24 Meta takes nothing but templates for who has not written since.
    People *not_on_whatsapp* cannot be reached. *flow_flaws* lets Meta find a fault in every Flow that is uploaded.
    """

    graph: GraphFaults = GraphFaults()
    statuses: StatusFaults = StatusFaults()
    couriers: CourierFaults = CourierFaults()
    hours_passed: Annotated[int, Meta(ge=0, le=10_000)] = 0
    not_on_whatsapp: tuple[str, ...] = ()
    flow_flaws: bool = False


class FaultPlan:
    """The faults of now, and how many of the counted ones are still to come."""

    def __init__(self, seed: int = 0) -> None:
        self.now = Faults()
        self._chance = Random(seed)  # noqa: S311 - so that a trial can be repeated, it is not secret

    def choose(self, asked: Asked) -> Fault | None:
        """Return what goes wrong with a request to the Graph API, if anything; a counted fault is used up."""
        graph = self.now.graph
        if not (graph.everything or (asked.method == "POST" and asked.path.endswith("/messages"))):
            return None
        if graph.count:
            self.now = msgspec.structs.replace(self.now, graph=msgspec.structs.replace(graph, count=graph.count - 1))
            return graph.fault()
        return graph.fault() if self._chance.random() < graph.share else None


FLAW = {
    "error": "INVALID_PROPERTY_VALUE",
    "error_type": "FLOW_JSON_ERROR",
    "message": "The lab was asked to find a fault in every Flow.",
    "line_start": 1,
    "line_end": 1,
    "column_start": 1,
    "column_end": 1,
    "pointers": [{"line_start": 1, "line_end": 1, "column_start": 1, "column_end": 1, "path": "version"}],
}
"""What Meta finds in every Flow, if it is asked to."""


def _refusal(code: int) -> Fault:
    if code == RATE:
        return limited(retry_after=2)
    about = {"messaging_product": "whatsapp", "details": TITLES.get(code, "Something went wrong")}
    return refused(code, UNAUTHORIZED_CODES.get(code, 400), error_data=about)
