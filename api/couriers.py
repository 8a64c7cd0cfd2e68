"""
Couriers' webhooks: `POST /webhooks/couriers/{courier}`.

Two shapes are understood: `eshopbox`, as Eshopbox publishes it for each change of a shipment, and ours, for every other
courier that has a key. Status words and reason codes are the courier's own: its adapter says what they mean
(definitions/orders/couriers.py); a courier without one speaks ours.

Rule 1: a call that is well formed is always answered 200, with a result for each event; what nobody knows is parked.
Rule 2: a call that is not well formed stores nothing, and says where it is wrong.
Rule 3: an event without an id is known by all that it says: one that says more of the same thing is another report of
        it, and the shipment's timeline merges them.
Rule 4: a courier that floods us is told when to go on; nothing of the call that is refused is stored.
"""

import asyncio
import hashlib
import math
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct, field

from api.auth import courier as courier_guard
from api.metrics import Metrics
from api.orders import OrderDesk, ScanResult
from api.problems import FieldProblem, Refusal, documented
from definitions.catalogue import Catalogue
from definitions.orders.couriers import GENERIC, Courier, translated
from definitions.orders.scans import Scan, derived_id
from definitions.orders.timeline import ATTEMPT
from definitions.orders.times import from_local, from_rfc3339, local_date
from definitions.orders.words import FORWARD, RETURN, fact_name
from engine.fold import second_of
from engine.model import SECOND

MAX_EVENTS = 1000

BURST, PER_SECOND = 10 * MAX_EVENTS, 500
"""How many events a courier may bring at once, and in each second for as long as it likes: 43 million a day."""

ESHOPBOX = "eshopbox"

Text = Annotated[str, Meta(max_length=1024)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]


ROUNDED = 1e-6
"""Seconds that adding up times may lose or gain."""


class Allowance:
    """
    How much each courier may bring: a burst at once, and so many a second for as long as it likes.

    A token bucket for each, kept as the one time at which it is full again. What is refused takes nothing, so that
    whoever waits as long as they are told is let in.
    """

    def __init__(self, burst: int = BURST, per_second: int = PER_SECOND) -> None:
        self._seconds_of_one = 1 / per_second
        self._seconds_of_all = burst / per_second
        self._full_at: dict[str, float] = {}

    def take(self, courier: str, events: int, now: float) -> float:
        """
        Let a courier bring so many events, at most a burst, and return 0; or return the seconds until it may.

        *now* is in seconds, of a clock that is never put back.
        """
        full_at = max(now, self._full_at.get(courier, now)) + events * self._seconds_of_one
        wait = full_at - self._seconds_of_all - now
        if wait > ROUNDED:
            return wait
        self._full_at[courier] = full_at
        return 0.0


class GenericEvent(Struct, forbid_unknown_fields=True):
    """
    One thing a courier saw. *occurred_at* is RFC 3339; without an *id* one is made from what the event says.

    *attempt* is for the words `attempt_voided` and `attempt_restored`: when the attempt failed that they are about, the
    latest one where it is missing.
    """

    order_id: Name
    tracking_id: Name
    leg: Literal["forward", "rto", "return"]
    status: Name
    occurred_at: Text
    id: Annotated[str, Meta(max_length=256)] = ""
    location: Text = ""
    remark: Text = ""
    ndr_code: Text = ""
    ndr_reason: Text = ""
    attempt: Text = ""


class GenericCall(Struct, forbid_unknown_fields=True):
    """Events, in any order."""

    events: Annotated[list[GenericEvent], Meta(min_length=1, max_length=MAX_EVENTS)]


class _EshopboxLog(Struct):
    status: str | None = None
    updated_at: str | None = field(name="updatedAt", default=None)


class _EshopboxResponse(Struct):
    order_number: Name = field(name="customerOrderNumber")
    tracking_id: Name = field(name="externalShipmentID")
    updated_at: str | None = field(name="statusUpdatedAt", default=None)
    log: list[_EshopboxLog] | None = field(name="statusLog", default=None)
    remark: str | None = None
    location: str | None = None
    ndr_code: str | None = field(name="ndrCode", default=None)
    ndr_reason: str | None = field(name="ndrReason", default=None)


class EshopboxCall(Struct):
    """Eshopbox's event, as far as we read it: the status is `eventSubType`."""

    resource: Literal["shipment", "returnShipment"]
    status: Name = field(name="eventSubType")
    response: _EshopboxResponse = field(name="response_data")
    account: str | None = field(name="accountSlug", default=None)


class CallResults(Struct):
    """What became of each event, in the order of the call."""

    results: list[ScanResult]


@post(
    "/webhooks/couriers/{courier:str}",
    status_code=200,
    guards=[courier_guard],
    responses=documented(401, 415, 422, 429),
    tags=["couriers"],
)
async def take_generic(
    courier: FromPath[str],
    data: JSONBody[GenericCall],
    orders: NamedDependency[OrderDesk],
    catalogue: NamedDependency[Catalogue],
    metrics: NamedDependency[Metrics],
    allowance: NamedDependency[Allowance],
) -> CallResults:
    """Take what a courier or warehouse saw."""
    _allow(allowance, courier, len(data.events))
    adapter = catalogue.couriers.get(courier, catalogue.couriers[GENERIC])
    scans = [_generic_scan(index, event, adapter) for index, event in enumerate(data.events)]
    return _counted(await orders.take_scans(f"courier/{courier}", scans), metrics)


@post(
    "/webhooks/couriers/eshopbox",
    status_code=200,
    guards=[courier_guard],
    responses=documented(401, 415, 422, 429),
    tags=["couriers"],
)
async def take_eshopbox(
    data: JSONBody[EshopboxCall],
    orders: NamedDependency[OrderDesk],
    catalogue: NamedDependency[Catalogue],
    metrics: NamedDependency[Metrics],
    allowance: NamedDependency[Allowance],
) -> CallResults:
    """Take one change of a shipment or return, as Eshopbox publishes it."""
    _allow(allowance, ESHOPBOX, 1)
    adapter = catalogue.couriers[ESHOPBOX]
    scan = _eshopbox_scan(data, adapter, await orders.zone_of(data.account or ""), orders.now())
    return _counted(await orders.take_scans("courier/eshopbox", [scan]), metrics)


def _allow(allowance: Allowance, courier: str, events: int) -> None:
    """
    Let a courier bring so many events.

    Raises:
        Refusal: it has brought too many just before.
    """
    wait = allowance.take(courier, events, asyncio.get_running_loop().time())
    if wait:
        headers = {"Retry-After": str(math.ceil(wait))}
        raise Refusal(429, "too_many_events", f"A courier brings {PER_SECOND} events a second.", headers=headers)


def _generic_scan(index: int, event: GenericEvent, adapter: Courier) -> Scan:
    at = _zoned(event.occurred_at, f"/events/{index}/occurred_at")
    details = _known(event.location, event.remark, event.ndr_code, event.ndr_reason)
    if event.attempt:
        details[ATTEMPT] = second_of(_zoned(event.attempt, f"/events/{index}/attempt"))
    said = translated(adapter, event.leg, event.status, details)
    scan = Scan(event.id, event.order_id, event.tracking_id, said.leg, said.status, at, said.details)
    return scan if event.id else _with_id(scan)


def _zoned(text: str, pointer: str) -> int:
    """Return an RFC 3339 time, or refuse the call that has it."""
    try:
        return from_rfc3339(text)
    except ValueError:
        raise _bad_time(pointer, "An RFC 3339 time with its zone") from None


def _eshopbox_scan(call: EshopboxCall, adapter: Courier, zone: ZoneInfo, now: int) -> Scan:
    """Return the event of a call. Its time is what it says, else what its log says, else that of its arrival."""
    response = call.response
    leg = RETURN if call.resource == "returnShipment" else FORWARD
    details = _known(response.location, response.remark, response.ndr_code, response.ndr_reason)
    said = _eshopbox_time(call, leg, zone)
    at = now - now % SECOND if said is None else said
    meant = translated(adapter, leg, call.status, details)
    scan = Scan("", response.order_number, response.tracking_id, meant.leg, meant.status, at, meant.details)
    if said is not None:
        return _with_id(scan)
    # Nothing in it tells a repeat from the same thing happening again: within a day it is a repeat.
    day = local_date(now, zone).isoformat()
    return msgspec.structs.replace(scan, id=_digest(call, day))


def _eshopbox_time(call: EshopboxCall, leg: str, zone: ZoneInfo) -> int | None:
    """Return when the event of a call happened: as it says, else the latest time that its log has for the status."""
    said = _local(call.response.updated_at, zone, "statusUpdatedAt")
    if said is not None:
        return said
    logged = [
        _local(entry.updated_at, zone, f"statusLog/{index}/updatedAt")
        for index, entry in enumerate(call.response.log or ())
        if fact_name(leg, entry.status or "") == fact_name(leg, call.status)
    ]
    return max((at for at in logged if at is not None), default=None)


def _local(text: str | None, zone: ZoneInfo, field_name: str) -> int | None:
    try:
        return from_local(text or "", zone)
    except ValueError:
        raise _bad_time(f"/response_data/{field_name}", "A time is YYYY-MM-DD HH:MM:SS") from None


def _with_id(scan: Scan) -> Scan:
    """Return an event that came without an id with one that is made of all that it says."""
    fact = derived_id(scan.tracking_id, scan.leg, scan.status, scan.at)
    return msgspec.structs.replace(scan, id=f"{fact}-{_digest(scan)}")


def _digest(*said: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:32]


def _counted(results: list[ScanResult], metrics: Metrics) -> CallResults:
    for result in results:
        metrics.facts.labels(result.status).inc()
    return CallResults(results)


def _bad_time(pointer: str, message: str) -> Refusal:
    return Refusal(422, "invalid_content", errors=(FieldProblem(pointer, "time", message),))


def _known(location: str | None, remark: str | None, ndr_code: str | None, ndr_reason: str | None) -> dict[str, str]:
    """Return the details that say something."""
    details = {"location": location, "remark": remark, "ndr_code": ndr_code, "ndr_reason": ndr_reason}
    return {name: value for name, value in details.items() if value}
