"""
Quarantine: webhook calls that could not all be taken, and couriers' facts that nothing answers to yet.

Rule 1: a call's body is personal data: it is shown to operators, for a reason that is logged before it is shown.
Rule 2: to work a call off again never does twice what it did before (api/whatsapp.py).
"""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from api.admin import Number, cursor, place_of
from api.at_rest import Safe, Unopenable
from api.clock import Clock
from api.console.desk import ORDERS, QUARANTINE, list_address, reason_of, said_done
from api.console.door import AnyRequest, Page, demand, page, see
from api.console.paging import PAGE_SIZE, Paged
from api.forms import Fields
from api.problems import Refusal
from api.settings import Settings
from api.staff import StaffDesk, Visitor
from api.whatsapp import Delivery, NotSetAside, UnknownDelivery, WhatsApp
from definitions.orders.scans import Scan
from engine.ports import Store
from storage.queries import DeliveryItem, ParkedItem, Queries

SET_ASIDE = "quarantined"

COUNTED = 500
"""How many calls that are set aside are looked at, the oldest, to tell how many are for which reason."""

REDRIVEN_AT_ONCE = 100

NUMBERS_SHOWN = 5

REASONS: Mapping[str, tuple[str, str]] = {
    "unknown_context": (
        "It answers a message that nobody here knows.",
        "It may have come before the report of that message; that is tried again by itself for an hour.",
    ),
    "unknown_session": (
        "It completes a Flow session that is not here.",
        "It may have come too early, which is tried again by itself for an hour, or the session was another server's.",
    ),
    "wrong_sender": ("It completes a Flow that was opened for somebody else.", "The link was passed on, or stolen."),
    "unknown_account": (
        "Nobody can say which account the number serves.",
        "Put the number among an account's phoneNumberIds, then work it off again.",
    ),
    "unknown_number": ("It is for a number that is not ours.", "Check WAYSTATE_PHONE_NUMBER_ID."),
    "unknown_type": ("A kind of message that this version does not know.", "Look at it, and update."),
    "unknown_field": ("A kind of news that this version does not know.", "Look at it, and update."),
    "unknown_button": ("A button that no message of ours has.", "Look at which template has it."),
    "unknown_status": ("A message status that this version does not know.", "Look at it, and update."),
    "unknown_preference": ("A preference that this version does not know.", "Look at it, and update."),
    "unknown_flow_event": ("News of a Flow that this version does not know.", "Look at it, and update."),
    "incomplete_choice": ("A choice that lacks what it needs.", "Ask the customer."),
    "response_unreadable": ("What a Flow was completed with cannot be read.", "Look at it."),
    "unstorable": ("It has characters that cannot be kept.", "Look at it."),
    "not_json": ("It is no JSON.", "Look at it; Meta sends nothing of that kind."),
    "unknown_object": ("It is about something other than WhatsApp.", "Check what the webhook is subscribed to."),
    "malformed": ("It lacks what every such call has.", "Look at it; Meta may have changed something."),
    "update_failed": ("This program failed at it.", "The log says why. Work it off again once that is mended."),
    "call_failed": ("This program failed at all of it.", "The log says why. Work it off again once that is mended."),
}
"""Why calls are set aside, and what helps."""

PARKED: Mapping[str, tuple[str, str]] = {
    "unknown_order": ("The order is not here.", "It is placed by itself when the merchant puts the order."),
    "unknown_shipment": (
        "The order has no such tracking number.",
        "It is placed by itself when the order is put with that shipment.",
    ),
    "unknown_status": (
        "A status word that nobody knows.",
        "Add the word to the courier's file; it is placed when the order is put again.",
    ),
    "future": ("It says that it happens well after now.", "It is placed by itself when its time is near."),
}
"""Why a courier's facts are parked, and what releases them."""


class Call(Struct, frozen=True):
    """A call in the list: why it was set aside, in words; which of our numbers it came to."""

    item: DeliveryItem
    address: str
    reasons: tuple[tuple[str, str, str], ...]
    numbers: tuple[str, ...]


class Waiting(Struct, frozen=True):
    """A parked fact in the list; never what its courier remarked about people."""

    item: ParkedItem
    scan: Scan
    source: str
    words: str
    release: str
    order: str


@get("/quarantine", include_in_schema=False)
async def quarantine(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    settings: NamedDependency[Settings],
    clock: NamedDependency[Clock],
    after: Annotated[str, QueryParameter(name="cursor")] = "",
    reason: FromQuery[str] = "",
    done: FromQuery[str] = "",
) -> Page:
    """List the calls that were set aside, the oldest first."""
    found, older = await _calls(queries, reason, place_of(after, tuple[Number, str]))
    kept = Safe(base64.b64decode(settings.data_key))
    return page(
        request,
        visitor,
        "quarantine.html",
        now=clock(),
        rows=Paged(tuple([await _call(item, store, kept) for item in found]), older),
        counts=await _counts(queries),
        quarantined=await queries.quarantined(),
        parked=(await queries.backlog(clock())).parked,
        reason=reason,
        words=REASONS,
        done=said_done(done),
        first=not after,
    )


@get("/quarantine/parked", include_in_schema=False)
async def parked(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    queries: NamedDependency[Queries],
    clock: NamedDependency[Clock],
    reason: FromQuery[str] = "",
    after: Annotated[str, QueryParameter(name="cursor")] = "",
) -> Page:
    """List couriers' facts that nothing answers to yet, the oldest first."""
    place = place_of(after, tuple[Number, str, str])
    found = await queries.parked(reason, place, PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    last = (shown[-1].received_at, shown[-1].source, shown[-1].event_id) if len(found) > PAGE_SIZE else None
    return page(
        request,
        visitor,
        "parked.html",
        now=clock(),
        rows=Paged(tuple(_waiting(item) for item in shown), cursor(last) if last else ""),
        counts=(await queries.backlog(clock())).parked,
        quarantined=await queries.quarantined(),
        reason=reason,
        words=PARKED,
        first=not after,
    )


@post("/quarantine/{digest:str}/show", status_code=200, include_in_schema=False)
async def show_call(
    request: AnyRequest,
    digest: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    store: NamedDependency[Store],
    settings: NamedDependency[Settings],
    staff: NamedDependency[StaffDesk],
    clock: NamedDependency[Clock],
) -> Page:
    """Show a call whole, this once."""
    demand(visitor, "operator")
    why = reason_of(fields)
    found = await store.find(Delivery, digest=digest)
    if not found:
        raise _unknown()
    await staff.note(visitor, "saw personal data", f"call/{digest}", why)
    try:
        body = Safe(base64.b64decode(settings.data_key)).open(Delivery.table, digest, found[0].body)
    except Unopenable:
        raise _sealed() from None
    return page(
        request,
        visitor,
        "call.html",
        now=clock(),
        call=found[0],
        reasons=_worded(found[0].reason),
        text=_pretty(body),
        address=_address(digest),
    )


@post("/quarantine/{digest:str}/retry", status_code=303, include_in_schema=False)
async def retry_call(
    digest: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    whatsapp: NamedDependency[WhatsApp],
    queries: NamedDependency[Queries],
    staff: NamedDependency[StaffDesk],
) -> Page:
    """Work a call off again."""
    demand(visitor, "operator")
    why = reason_of(fields)
    try:
        await whatsapp.try_again(digest)
    except UnknownDelivery:
        raise _unknown() from None
    except NotSetAside:
        raise Refusal(409, "delivery_status", "It is not set aside any more; nothing was done.") from None
    except Unopenable:
        raise _sealed() from None
    await staff.note(visitor, "redriven", f"call/{digest}", why)
    (tried,) = await queries.deliveries(digest=digest)
    return see(f"{QUARANTINE}?done={'kept' if tried.status == SET_ASIDE else 'redriven'}")


@post("/quarantine", status_code=200, include_in_schema=False)
async def retry_all(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    whatsapp: NamedDependency[WhatsApp],
    queries: NamedDependency[Queries],
    staff: NamedDependency[StaffDesk],
    clock: NamedDependency[Clock],
) -> Page:
    """Work off again what was set aside for a reason: the oldest calls, as many as can be done at once."""
    demand(visitor, "operator")
    why, wanted = reason_of(fields), fields.get("of", "")
    items = [item for item in await _set_aside(queries) if wanted in item.reason.split()][:REDRIVEN_AT_ONCE]
    await whatsapp.try_awaited([item.digest for item in items])
    left = {item.digest for item in await _set_aside(queries)}
    for item in items:
        await staff.note(visitor, "redriven", f"call/{item.digest}", why)
    done = sum(item.digest not in left for item in items)
    return page(
        request, visitor, "redriven.html", now=clock(), reason=wanted, tried=len(items), done=done, words=REASONS
    )


async def _set_aside(queries: Queries) -> list[DeliveryItem]:
    return await queries.deliveries(status=SET_ASIDE, limit=COUNTED)


async def _calls(queries: Queries, reason: str, after: tuple[int, str] | None) -> tuple[list[DeliveryItem], str]:
    """Return a page of the calls set aside for a reason, any if it is "", and the cursor of the next one."""
    found = await queries.deliveries(status=SET_ASIDE, after=after, limit=COUNTED if reason else PAGE_SIZE + 1)
    fitting = [item for item in found if not reason or reason in item.reason.split()]
    last = fitting[PAGE_SIZE - 1] if len(fitting) > PAGE_SIZE else None
    return fitting[:PAGE_SIZE], cursor((last.received_at, last.digest)) if last else ""


async def _counts(queries: Queries) -> list[tuple[str, int]]:
    """Return for how many calls each reason stands, the most frequent first."""
    counted = Counter(reason for item in await _set_aside(queries) for reason in item.reason.split())
    return counted.most_common()


async def _call(item: DeliveryItem, store: Store, kept: Safe) -> Call:
    found = await store.find(Delivery, digest=item.digest)
    try:
        numbers = _numbers(kept.open(Delivery.table, item.digest, found[0].body)) if found else ()
    except Unopenable:
        numbers = ()
    return Call(item, _address(item.digest), _worded(item.reason), numbers)


def _worded(reasons: str) -> tuple[tuple[str, str, str], ...]:
    """Return the reasons of a call: each as its code, what it means, and what helps."""
    return tuple((code, *REASONS.get(code, (code.replace("_", " "), ""))) for code in reasons.split())


def _numbers(body: bytes) -> tuple[str, ...]:
    """Return the ids of our numbers that a call is about."""
    try:
        found = {*_named(msgspec.json.decode(body), "phone_number_id")}
    except (msgspec.DecodeError, RecursionError):
        return ()
    return tuple(sorted(found)[:NUMBERS_SHOWN])


def _named(value: Any, name: str) -> Iterable[str]:
    """Yield the texts of that name, wherever in a JSON value."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == name and isinstance(each, str):
                yield each
            else:
                yield from _named(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _named(each, name)


def _pretty(body: bytes) -> str:
    """Return a body as text, one field a line if it is JSON."""
    try:
        return msgspec.json.format(body).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "backslashreplace")


def _waiting(item: ParkedItem) -> Waiting:
    words, release = PARKED.get(item.reason, (item.reason.replace("_", " "), ""))
    scan = msgspec.json.decode(item.event, type=Scan)
    return Waiting(
        item, scan, item.source.removeprefix("courier/"), words, release, list_address(ORDERS, q=item.order_ref)
    )


def _address(digest: str) -> str:
    return f"{QUARANTINE}/{quote(digest, safe='')}"


def _unknown() -> Refusal:
    return Refusal(404, "unknown_delivery", "No call is kept under that hash.")


def _sealed() -> Refusal:
    return Refusal(409, "unopenable", "The call was sealed under another WAYSTATE_DATA_KEY, and cannot be opened.")
