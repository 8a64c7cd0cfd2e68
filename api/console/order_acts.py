"""
What staff do about an order: settle a report that contradicts an end, choose for a customer about a failed delivery.

Rule: what staff choose for a customer is what the case offers, through the desk that takes customers' own choices.
"""

from collections.abc import Mapping
from urllib.parse import unquote

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.cases import CaseDesk, Resolution, UnknownCase
from api.clock import Clock
from api.console.addresses import order_address
from api.console.desk import reason_of
from api.console.door import AnyRequest, Page, demand, see
from api.console.order import Reading, Slip, unknown_order
from api.console.session import conflicts_of
from api.console.shipments import CONSOLE
from api.forms import Fields
from api.order_book import ORDER, SHIPMENT, FieldInvalid, OrderBook, UnknownOrder
from api.problems import Refusal
from api.sessions import Act, SessionDesk
from api.shopper_view import CANCEL
from api.staff import StaffDesk, Visitor
from definitions.catalogue import Catalogue
from definitions.orders import ndr
from engine.errors import StepError
from engine.fold import ABOUT, ACCEPTED, DISMISSED
from engine.ports import Store
from storage.queries import Queries

SETTLED_BY: Mapping[str, tuple[str, str, str]] = {
    "accept": (ACCEPTED, "accepted", "accepted"),
    "dismiss": (DISMISSED, "rejected", "dismissed"),
}
"""By which event a verdict settles a report, what the audit log calls it, and what is said when it is done."""


@post("/orders/{order_id:str}/conflict", status_code=303, include_in_schema=False)
async def settle_conflict(
    order_id: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    sessions: NamedDependency[SessionDesk],
    staff: NamedDependency[StaffDesk],
) -> Page:
    """Accept or dismiss a report that contradicts where a shipment ended."""
    demand(visitor, "operator")
    key, reason, verdict = unquote(order_id), reason_of(fields), fields.get("verdict", "")
    tracking_id, fact = fields.get("shipment", ""), fields.get("fact", "")
    if verdict not in SETTLED_BY or not fact:
        raise Refusal(422, "verdict", "Please choose whether the report is true. Nothing was done.")
    event, action, done = SETTLED_BY[verdict]
    act = Act(event, data={ABOUT: fact}, reason=reason, actor=visitor.name)
    details = {"shipment": tracking_id, ABOUT: fact}
    async with staff.noted(visitor, action, f"{ORDER}/{key}", reason, details):
        await _settle(f"{key}:{tracking_id}", fact, act, sessions)
    return see(f"{order_address(key)}?done={done}")


async def _settle(shipment: str, fact: str, act: Act, sessions: SessionDesk) -> None:
    """
    Let a shipment take a verdict on a report in conflict.

    Raises:
        UnknownInstance: there is no such shipment.
        Refusal: the report is not in conflict, or is so all the same.
    """
    settled = Refusal(409, "illegal_transition", "The report is not in conflict any more; nothing was done.")
    if fact not in conflicts_of(await sessions.find(SHIPMENT, shipment)):
        raise settled
    try:
        after = await sessions.act(SHIPMENT, shipment, act)
    except StepError:
        raise settled from None
    if fact in conflicts_of(after):
        raise Refusal(409, "illegal_transition", "The verdict did not hold: the report is still in conflict.")


@post("/orders/{order_id:str}/resolve", status_code=303, include_in_schema=False)
async def resolve(
    request: AnyRequest,
    order_id: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    catalogue: NamedDependency[Catalogue],
    cases: NamedDependency[CaseDesk],
    staff: NamedDependency[StaffDesk],
    clock: NamedDependency[Clock],
) -> Page:
    """Choose for a customer what to do about a failed delivery; what is wrong is told beside its field."""
    demand(visitor, "operator")
    key = unquote(order_id)
    try:
        await _resolve(key, fields, visitor, cases, staff)
    except Refusal as refused:
        if refused.status != 422:  # noqa: PLR2004 - an HTTP status
            raise
        reading = Reading(OrderBook(catalogue, store, clock), queries)
        return await reading.shown(request, visitor, key, slip=Slip(refused.code, refused.detail, fields))
    return see(f"{order_address(key)}?done=resolved")


async def _resolve(key: str, fields: Fields, visitor: Visitor, cases: CaseDesk, staff: StaffDesk) -> None:
    """
    Take what somebody of staff chose for the customer of an order.

    Raises:
        Refusal: it is not taken; with 422, the code is the field that is wrong.
    """
    tracking_id, code = fields.get("shipment", ""), fields.get("code", "")
    chosen = ndr.RESOLUTIONS.get(code)
    day = fields.get("day", "") if chosen is not None and chosen.needs_date else ""
    if chosen is None:
        raise Refusal(422, "code", "Please choose what the customer wants.")
    if chosen.needs_date and not day:
        raise Refusal(422, "day", "Please choose the day.")
    if chosen.does == CANCEL and not fields.get("sure"):
        raise Refusal(422, "sure", "A cancelled order does not come. Please say that the customer wants that.")
    reason = reason_of(fields)
    told = ndr.whereabouts(*(fields.get(name, "") for name in ("phone", "address", "landmark", "notes")))
    resolution = Resolution(key, tracking_id, None, code, deferred_date=day, source=CONSOLE, details=told)
    details = {"shipment": tracking_id, "code": code}
    try:
        async with staff.noted(visitor, "resolved", f"{ORDER}/{key}", reason, details):
            await cases.resolve(resolution)
    except UnknownOrder:
        raise unknown_order() from None
    except UnknownCase:
        raise Refusal(404, "unknown_case", "That shipment has no failed delivery to settle.") from None
    except FieldInvalid as invalid:
        if invalid.field == "deferredDate":
            raise Refusal(422, "day", f"Please choose another day: {invalid.message}.") from None
        raise Refusal(422, "code", "That cannot be chosen for this failed delivery.") from None
    except StepError:
        raise Refusal(409, "illegal_transition", "The case takes no choice any more; nothing was done.") from None
