"""
What waits for people: webhook calls that were set aside, and couriers' facts that are parked.

Rule 1: a call's body is sealed where it is kept and is not shown; staff see why it was set aside, and may have it
        worked off again once what it lacked is there.
Rule 2: what a courier said that nobody knows is shown in its own words, without what it remarked about people.
"""

from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from api.admin import MAX_LIMIT, Number, cursor, place_of
from api.at_rest import Unopenable
from api.auth import staff
from api.problems import Refusal, documented
from api.whatsapp import NotSetAside, UnknownDelivery, WhatsApp
from definitions.orders.scans import Scan
from definitions.orders.times import to_rfc3339
from storage.queries import DeliveryItem, DeliveryStatus, ParkedItem, Queries

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]


class DeliveryView(Struct, frozen=True):
    """A webhook call: *digest* is its body's SHA-256, *reasons* say why some of it was set aside."""

    digest: str
    source: str
    status: DeliveryStatus
    reasons: tuple[str, ...]
    received_at: str


class DeliveryList(Struct, frozen=True):
    """A page of calls, the oldest first; *next_cursor* leads to the next page, null if there is none."""

    items: tuple[DeliveryView, ...]
    next_cursor: str | None


class ParkedView(Struct, frozen=True):
    """
    A fact that is parked, as its courier told it.

    *reason* is what is missing: `unknown_order`, `unknown_shipment`, `unknown_status`, or `future` for its time.
    """

    source: str
    id: str
    order_ref: str
    tracking_id: str
    leg: str
    status: str
    ndr_code: str
    reason: str
    occurred_at: str
    received_at: str


class ParkedList(Struct, frozen=True):
    """A page of parked facts, the oldest first; *next_cursor* leads to the next page, null if there is none."""

    items: tuple[ParkedView, ...]
    next_cursor: str | None


class WaitingForPeople(Controller):
    """The addresses under `/admin/api/v1` of what waits for people."""

    path = "/admin/api/v1"
    guards = (staff,)
    tags = ("admin",)

    @get("/deliveries", responses=documented(401, 403, 422))
    async def deliveries(
        self,
        queries: NamedDependency[Queries],
        status: FromQuery[DeliveryStatus | None] = None,
        after: Annotated[str, QueryParameter(name="cursor")] = "",
        limit: Limit = 50,
    ) -> DeliveryList:
        """List webhook calls; those that wait for people are `quarantined`."""
        place = place_of(after, tuple[Number, str])
        found = await queries.deliveries(status=status or "", after=place, limit=limit + 1)
        page, more = found[:limit], len(found) > limit
        last = cursor((page[-1].received_at, page[-1].digest)) if more else None
        return DeliveryList(tuple(_delivery_view(item) for item in page), last)

    @post("/deliveries/{digest:str}/retry", status_code=200, responses=documented(401, 403, 404, 409, 415, 422))
    async def retry(
        self, digest: FromPath[str], whatsapp: NamedDependency[WhatsApp], queries: NamedDependency[Queries]
    ) -> DeliveryView:
        """Let a call be worked off again that was set aside; what it did before is not done twice."""
        try:
            await whatsapp.try_again(digest)
        except UnknownDelivery:
            raise Refusal(404, "unknown_delivery", "No call is kept under that hash.") from None
        except NotSetAside:
            raise Refusal(409, "delivery_status", "Only calls that are quarantined can be tried again.") from None
        except Unopenable:
            raise Refusal(409, "unopenable", "The call was sealed under another WAYSTATE_DATA_KEY.") from None
        (tried,) = await queries.deliveries(digest=digest)
        return _delivery_view(tried)

    @get("/parked", responses=documented(401, 403, 422))
    async def parked(
        self,
        queries: NamedDependency[Queries],
        reason: FromQuery[str] = "",
        after: Annotated[str, QueryParameter(name="cursor")] = "",
        limit: Limit = 50,
    ) -> ParkedList:
        """List couriers' facts that nothing answers to yet: of orders, shipments and status words nobody knows."""
        found = await queries.parked(reason, place_of(after, tuple[Number, str, str]), limit + 1)
        page, more = found[:limit], len(found) > limit
        last = cursor((page[-1].received_at, page[-1].source, page[-1].event_id)) if more else None
        return ParkedList(tuple(_parked_view(item) for item in page), last)


def _delivery_view(item: DeliveryItem) -> DeliveryView:
    reasons = tuple(item.reason.split())
    return DeliveryView(item.digest, item.source, item.status, reasons, to_rfc3339(item.received_at))


def _parked_view(item: ParkedItem) -> ParkedView:
    scan = msgspec.json.decode(item.event, type=Scan)
    return ParkedView(
        source=item.source,
        id=item.event_id,
        order_ref=item.order_ref,
        tracking_id=scan.tracking_id,
        leg=scan.leg,
        status=scan.status,
        ndr_code=scan.details.get("ndr_code", ""),
        reason=item.reason,
        occurred_at=to_rfc3339(scan.at),
        received_at=to_rfc3339(item.received_at),
    )
