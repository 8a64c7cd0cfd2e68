"""
The addresses of merchants and portals: accounts and orders put, orders read back, subscriptions, resolutions.

The addresses under `/_ah` and `/api/v2` are those of a merchant portal that exists; what goes wrong there has its
shape, `{"error", "reason"}`. The others answer with problem documents.
"""

from typing import Annotated, Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from litestar import Request, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct, field

from api.auth import portal
from api.brand import Brand
from api.cases import CaseDesk, Resolution, UnknownCase
from api.order_book import FieldInvalid, UnknownCustomer, UnknownOrder
from api.orders import AccountTaken, OrderDesk, UnknownAccount
from api.people import PeopleDesk
from api.problems import FieldProblem, Refusal, documented
from definitions.orders.document import Malformed
from definitions.orders.rows import Account
from definitions.orders.times import to_rfc3339
from definitions.products import Product
from definitions.results import Endpoint
from engine.errors import StepError

NOT_READ = "failed_to_read_the_order"
NOT_SUBSCRIBED = "failed_to_update_customers"
NOT_RESOLVED = "failed_to_submit_the_resolution"

Text = Annotated[str, Meta(max_length=1024)]
MAX_IDENTIFIER = 256
Name = Annotated[str, Meta(min_length=1, max_length=MAX_IDENTIFIER)]


class AccountBody(Struct, forbid_unknown_fields=False):
    """A merchant's brand account; what else is put is kept."""

    slug: Name = field(name="accountSlug")
    name: Name
    timezone: Name = "Asia/Kolkata"
    webhooks: tuple[Endpoint, ...] = ()
    products: dict[str, dict[str, Product]] = {}
    brand: Brand = Brand()
    language: Text = ""


class AccountView(Struct, frozen=True):
    """An account as it is kept."""

    account_id: str = field(name="accountId")
    slug: str = field(name="accountSlug")
    name: str
    timezone: str


class OrderView(Struct, frozen=True):
    """Where an order stands after it was put."""

    order_id: str = field(name="orderId")
    state: str
    revision: int


class SubscribeBody(Struct, forbid_unknown_fields=True):
    """The portal's checkbox, ticked: who wants to be written to."""

    phone: Name = field(name="contactPhone")
    name: Text = field(name="customerName")
    email: Text
    account_id: Name = field(name="accountId")
    status: Name = field(name="whatsAppStatus")


class Subscribed(Struct, frozen=True):
    """What was sent, and that it was done."""

    phone: str = field(name="contactPhone")
    name: str = field(name="customerName")
    email: str
    account_id: str = field(name="accountId")
    whatsapp_status: str = field(name="whatsAppStatus")
    # The literal that portals know, its last space included.
    status: str = "updated successfully "


class ShippingDetails(Struct, forbid_unknown_fields=True):
    """Where to deliver instead, and what the courier should know."""

    name: Text = ""
    email: Text = ""
    current_address: Text = field(name="currentAddress", default="")
    updated_address: Text = field(name="updatedAddress", default="")
    landmark: Text = ""
    notes: Text = ""


class ResolutionBody(Struct, forbid_unknown_fields=True):
    """What a customer chose for a failed delivery."""

    number: Name = field(name="customerOrderNumber")
    code: Name = field(name="resolutionCode")
    tracking_id: Name = field(name="trackingId")
    phone: Name = field(name="contactPhoneNumber")
    deferred_date: Text = field(name="deferredDate", default="")
    source: Text = field(name="actionSource", default="")
    shipping: ShippingDetails = field(name="shippingDetails", default_factory=ShippingDetails)
    remarks: Text = ""


class CaseView(Struct, frozen=True):
    """An NDR case: where it stands, and what was chosen."""

    key: str
    state: str
    resolution: dict[str, str]
    updated_at: str = field(name="updatedAt")


@put(
    "/api/v1/accounts/{account_id:str}",
    guards=[portal],
    responses=documented(401, 403, 409, 415, 422),
    tags=["merchants"],
)
async def put_account(
    account_id: FromPath[str],
    request: Request[Any, Any, Any],
    data: JSONBody[AccountBody],
    orders: NamedDependency[OrderDesk],
) -> AccountView:
    """Keep a brand account."""
    try:
        ZoneInfo(data.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # it looks for a file of that name, and may find a folder
        raise _wrong("/timezone", "A time zone of the IANA database") from None
    settings = (await request.body()).decode()
    account = Account(_identifier(account_id), data.slug, data.name, data.timezone, settings)
    try:
        await orders.put_account(account)
    except AccountTaken:
        raise Refusal(409, "slug_taken", "Another account has that slug.") from None
    return AccountView(account.account_id, account.slug, account.name, account.timezone)


@put(
    "/api/v1/orders/{order_id:str}",
    guards=[portal],
    responses=documented(401, 403, 409, 415, 422),
    tags=["merchants"],
)
async def put_order(
    order_id: FromPath[str], data: JSONBody[dict[str, Any]], orders: NamedDependency[OrderDesk]
) -> OrderView:
    """Keep an order's document; its status logs are taken as facts, its customer joins the account's."""
    identifier = _identifier(order_id)
    if data.get("orderId") != identifier:
        raise _wrong("/orderId", "The id in the address")
    if ":" in identifier:
        raise _wrong("/orderId", "An id without a colon: colons part the keys of an order's shipments")
    try:
        order = await orders.put_order(data)
    except Malformed as malformed:
        errors = tuple(FieldProblem(problem.pointer, problem.code, problem.message) for problem in malformed.problems)
        raise Refusal(422, "invalid_content", errors=errors) from None
    except UnknownAccount:
        raise Refusal(422, "unknown_account", "No account has that slug.") from None
    except AccountTaken:
        raise Refusal(409, "other_account", "The order is another account's.") from None
    return OrderView(order.key, order.state, order.revision)


@get(
    "/_ah/api/esb/v2/order/{order_id:str}",
    guards=[portal],
    responses=documented(401, 403, 404, esb=True),
    tags=["portal"],
)
async def read_order(order_id: FromPath[str], orders: NamedDependency[OrderDesk]) -> dict[str, Any]:
    """Read an order back: its document, with what couriers say rewritten from the facts, and the computed flag."""
    try:
        return await orders.read(unquote(order_id))
    except UnknownOrder:
        raise Refusal(404, NOT_READ, "no such order") from None


@post(
    "/_ah/api/esb/v2/order/{order_id:str}",
    status_code=200,
    guards=[portal],
    responses=documented(401, 403, 404, 415, 422, esb=True),
    tags=["portal"],
)
async def subscribe(
    order_id: FromPath[str], data: JSONBody[SubscribeBody], people: NamedDependency[PeopleDesk]
) -> Subscribed:
    """Let the order's customer be written to on WhatsApp."""
    try:
        await people.subscribe(unquote(order_id), data.account_id, data.phone, data.email, data.status)
    except (UnknownOrder, UnknownCustomer):
        raise Refusal(404, NOT_SUBSCRIBED, "no entry exist in customer table") from None
    except FieldInvalid as invalid:
        raise Refusal(422, NOT_SUBSCRIBED, f"{invalid.field}: {invalid.message}") from None
    return Subscribed(data.phone, data.name, data.email, data.account_id, data.status)


@post(
    "/api/v2/ndrResolution",
    status_code=200,
    guards=[portal],
    responses=documented(401, 403, 404, 409, 415, 422, esb=True),
    tags=["portal"],
)
async def resolve(
    request: Request[Any, Any, Any], data: JSONBody[ResolutionBody], cases: NamedDependency[CaseDesk]
) -> CaseView:
    """Take what a customer chose for a failed delivery."""
    details = {name: value for name, value in msgspec.to_builtins(data.shipping).items() if value}
    resolution = Resolution(
        data.number, data.tracking_id, data.phone, data.code, data.deferred_date, data.source, data.remarks, details
    )
    try:
        case = await cases.resolve(resolution, request.headers.get("idempotency-key", ""))
    except UnknownOrder:
        raise Refusal(404, NOT_RESOLVED, "no such order for that phone number") from None
    except UnknownCase:
        raise Refusal(404, NOT_RESOLVED, "no failed delivery to resolve") from None
    except FieldInvalid as invalid:
        raise Refusal(422, NOT_RESOLVED, f"{invalid.field}: {invalid.message}") from None
    except StepError:
        raise Refusal(409, NOT_RESOLVED, "the case takes no resolution in its state") from None
    return CaseView(case.key, case.state, case.context.get("resolution", {}), to_rfc3339(case.updated_at))


def _identifier(segment: str) -> str:
    """
    Return an id that a part of an address names and under which something may be kept.

    Raises:
        Refusal: it is no text, has control characters, or is too long.
    """
    try:
        identifier = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        identifier = ""
    if not (0 < len(identifier) <= MAX_IDENTIFIER and identifier.isprintable()):
        raise Refusal(422, "invalid_content", f"An id has 1 to {MAX_IDENTIFIER} printable characters.")
    return identifier


def _wrong(pointer: str, message: str) -> Refusal:
    return Refusal(422, "invalid_content", errors=(FieldProblem(pointer, "invalid", message),))
