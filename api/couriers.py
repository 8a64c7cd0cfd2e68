"""
Couriers' webhooks: `POST /webhooks/couriers/{courier}`.

Two shapes are understood: `eshopbox`, as Eshopbox publishes it for each change of a shipment, and ours, for every other
courier that has a key.

Rule 1: a call that is well formed is always answered 200, with a result for each event; what nobody knows is parked.
Rule 2: a call that is not well formed stores nothing, and says where it is wrong.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Literal
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
from definitions.orders.scans import Scan, derived_id
from definitions.orders.times import from_local, from_rfc3339
from definitions.orders.words import FORWARD, RETURN
from engine.model import SECOND

MAX_EVENTS = 1000

Text = Annotated[str, Meta(max_length=1024)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]


class GenericEvent(Struct, forbid_unknown_fields=True):
    """One thing a courier saw. *occurred_at* is RFC 3339; without an *id* one is made from what the event says."""

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


class GenericCall(Struct, forbid_unknown_fields=True):
    """Events, in any order."""

    events: Annotated[list[GenericEvent], Meta(min_length=1, max_length=MAX_EVENTS)]


class _EshopboxLog(Struct):
    status: str = ""
    updated_at: str = field(name="updatedAt", default="")


class _EshopboxResponse(Struct):
    order_number: Name = field(name="customerOrderNumber")
    tracking_id: Name = field(name="externalShipmentID")
    updated_at: str = field(name="statusUpdatedAt", default="")
    log: list[_EshopboxLog] = field(name="statusLog", default_factory=list)
    remark: str = ""
    location: str = ""
    ndr_code: str = field(name="ndrCode", default="")
    ndr_reason: str = field(name="ndrReason", default="")


class EshopboxCall(Struct):
    """Eshopbox's event, as far as we read it: the status is `eventSubType`."""

    resource: Literal["shipment", "returnShipment"]
    status: Name = field(name="eventSubType")
    response: _EshopboxResponse = field(name="response_data")
    account: str = field(name="accountSlug", default="")


class CallResults(Struct):
    """What became of each event, in the order of the call."""

    results: list[ScanResult]


@post(
    "/webhooks/couriers/{courier:str}",
    status_code=200,
    guards=[courier_guard],
    responses=documented(401, 415, 422),
    tags=["couriers"],
)
async def take_generic(
    courier: FromPath[str],
    data: JSONBody[GenericCall],
    orders: NamedDependency[OrderDesk],
    metrics: NamedDependency[Metrics],
) -> CallResults:
    """Take what a courier or warehouse saw."""
    scans = [_generic_scan(index, event) for index, event in enumerate(data.events)]
    return _counted(await orders.take_scans(f"courier/{courier}", scans), metrics)


@post(
    "/webhooks/couriers/eshopbox",
    status_code=200,
    guards=[courier_guard],
    responses=documented(401, 415, 422),
    tags=["couriers"],
)
async def take_eshopbox(
    data: JSONBody[EshopboxCall], orders: NamedDependency[OrderDesk], metrics: NamedDependency[Metrics]
) -> CallResults:
    """Take one change of a shipment or return, as Eshopbox publishes it."""
    scan = _eshopbox_scan(data, await orders.zone_of(data.account), orders.now())
    return _counted(await orders.take_scans("courier/eshopbox", [scan]), metrics)


def _generic_scan(index: int, event: GenericEvent) -> Scan:
    try:
        at = from_rfc3339(event.occurred_at)
    except (ValueError, OverflowError):
        raise _bad_time(f"/events/{index}/occurred_at", "An RFC 3339 time with its zone") from None
    given = {"location": event.location, "remark": event.remark}
    given |= {"ndr_code": event.ndr_code, "ndr_reason": event.ndr_reason}
    scan_id = event.id or derived_id(event.tracking_id, event.leg, event.status, at)
    return Scan(scan_id, event.order_id, event.tracking_id, event.leg, event.status, at, _known(given))


def _eshopbox_scan(call: EshopboxCall, zone: ZoneInfo, now: int) -> Scan:
    """Return the event of a call. Its time is what it says, else what its log says, else that of its arrival."""
    response = call.response
    leg = RETURN if call.resource == "returnShipment" else FORWARD
    logged = [entry.updated_at for entry in response.log if entry.status == call.status]
    try:
        at = from_local(response.updated_at or (logged[-1] if logged else ""), zone)
    except (ValueError, OverflowError):
        raise _bad_time("/response_data/statusUpdatedAt", "A time is YYYY-MM-DD HH:MM:SS") from None
    if at is None:
        # Nothing in it tells two such events apart but the call itself.
        at = now - now % SECOND
        scan_id = hashlib.sha256(msgspec.json.encode(call)).hexdigest()[:32]
    else:
        scan_id = derived_id(response.tracking_id, leg, call.status, at)
    given = {"location": response.location, "remark": response.remark}
    given |= {"ndr_code": response.ndr_code, "ndr_reason": response.ndr_reason}
    return Scan(scan_id, response.order_number, response.tracking_id, leg, call.status, at, _known(given))


def _counted(results: list[ScanResult], metrics: Metrics) -> CallResults:
    for result in results:
        metrics.facts.labels(result.status).inc()
    return CallResults(results)


def _bad_time(pointer: str, message: str) -> Refusal:
    return Refusal(422, "invalid_content", errors=(FieldProblem(pointer, "time", message),))


def _known(details: Mapping[str, str]) -> dict[str, str]:
    """Return the details that say something."""
    return {name: value for name, value in details.items() if value}
