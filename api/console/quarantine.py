"""
Quarantine: webhook calls that could not all be taken, and couriers' facts that nothing answers to yet.

Rule 1: a call's body is personal data: it is shown to operators, for a reason that is logged before it is shown.
Rule 2: to work a call off again never does twice what it did before (api/whatsapp.py).
"""

import asyncio
import base64
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
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
from api.console.addresses import ORDERS
from api.console.desk import QUARANTINE, list_address, reason_of, said_done
from api.console.door import AnyRequest, Page, demand, page, see
from api.console.paging import PAGE_SIZE, Paged
from api.forms import Fields
from api.problems import Refusal
from api.settings import Settings
from api.staff import StaffDesk, Visitor
from api.whatsapp import Delivery, NotSetAside, UnknownDelivery, WhatsApp
from definitions.orders.scans import Scan
from engine.errors import WorkflowError
from engine.ports import Store
from storage.queries import DeliveryItem, ParkedItem, Queries

SET_ASIDE = "quarantined"

LONGEST_READ = 64 * 1024
"""How many octets a call may have for a list to tell which of our numbers it came to; Meta's usually have 2000."""

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


class StillSetAside(WorkflowError):
    """A call was worked off again, and what it lacks is not there yet."""


class Call(Struct, frozen=True):
    """A call in the list: why it was set aside, in words; which of our numbers it came to, if that is told."""

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
    settings: NamedDependency[Settings],
    clock: NamedDependency[Clock],
    after: Annotated[str, QueryParameter(name="cursor")] = "",
    reason: FromQuery[str] = "",
    done: FromQuery[str] = "",
) -> Page:
    """List the calls that were set aside, the oldest first."""
    found = await _set_aside(queries, reason, after, PAGE_SIZE)
    waiting = await queries.backlog(clock())
    return page(
        request,
        visitor,
        "quarantine.html",
        now=clock(),
        rows=Paged(await _calls(found.items, queries, Safe(base64.b64decode(settings.data_key))), found.older),
        counts=sorted((await queries.quarantine_reasons()).items(), key=lambda counted: -counted[1]),
        quarantined=waiting.quarantined,
        parked=waiting.parked,
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
    waiting = await queries.backlog(clock())
    return page(
        request,
        visitor,
        "parked.html",
        now=clock(),
        rows=Paged(tuple(_waiting(item) for item in shown), cursor(last) if last else ""),
        counts=waiting.parked,
        quarantined=waiting.quarantined,
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
    try:
        body = Safe(base64.b64decode(settings.data_key)).open(Delivery.table, digest, found[0].body)
    except Unopenable:
        raise _sealed() from None
    await staff.note(visitor, "saw personal data", _subject(digest), why)
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
    why, done = reason_of(fields), "redriven"
    try:
        async with staff.noted(visitor, "redriven", _subject(digest), why):
            await _redrive(digest, whatsapp, queries)
    except StillSetAside:
        done = "kept"
    return see(f"{QUARANTINE}?done={done}")


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
    """Work off again what was set aside for a reason: the oldest calls after a cursor, as many as are done at once."""
    demand(visitor, "operator")
    why, wanted = reason_of(fields), fields.get("of", "")
    found = await _set_aside(queries, wanted, fields.get("cursor", ""), REDRIVEN_AT_ONCE)
    done = kept = passed_over = 0
    for item in found.items:
        try:
            async with staff.noted(visitor, "redriven", _subject(item.digest), why):
                await _redrive(item.digest, whatsapp, queries)
            done += 1
        except StillSetAside:
            kept += 1
        except Refusal:  # somebody else may have done so, or it cannot be opened
            passed_over += 1
    return page(
        request,
        visitor,
        "redriven.html",
        now=clock(),
        reason=wanted,
        tried=done + kept,
        done=done,
        passed_over=passed_over,
        older=found.older,
        words=REASONS,
    )


async def _redrive(digest: str, whatsapp: WhatsApp, queries: Queries) -> None:
    """
    Work a call off again.

    Raises:
        Refusal: there is no such call, it is done, or it cannot be opened.
        StillSetAside: it was worked off, to no end.
    """
    try:
        await whatsapp.try_again(digest)
    except UnknownDelivery:
        raise _unknown() from None
    except NotSetAside:
        raise Refusal(409, "delivery_status", "It is not set aside any more; nothing was done.") from None
    except Unopenable:
        raise _sealed() from None
    (tried,) = await queries.deliveries(digest=digest)
    if tried.status == SET_ASIDE:
        raise StillSetAside


async def _set_aside(queries: Queries, reason: str, after: str, size: int) -> Paged[DeliveryItem]:
    """
    Return a page of the calls that were set aside for a reason, any if it is "", the oldest first.

    Raises:
        Refusal: *after* is no cursor of ours.
    """
    place = place_of(after, tuple[Number, str])
    found = await queries.set_aside(reason, place, size + 1)
    shown = found[:size]
    last = (shown[-1].received_at, shown[-1].digest) if len(found) > size else None
    return Paged(tuple(shown), cursor(last) if last else "")


async def _calls(items: Sequence[DeliveryItem], queries: Queries, kept: Safe) -> tuple[Call, ...]:
    bodies = await queries.bodies([item.digest for item in items], LONGEST_READ)
    numbers = await asyncio.to_thread(_numbers_of, bodies, kept)
    return tuple(
        Call(item, _address(item.digest), _worded(item.reason), numbers.get(item.digest, ())) for item in items
    )


def _numbers_of(bodies: Mapping[str, bytes], kept: Safe) -> dict[str, tuple[str, ...]]:
    """Return which of our numbers calls are about, by their hashes, as far as they can be opened."""
    numbers = {}
    for digest, body in bodies.items():
        with suppress(Unopenable):
            numbers[digest] = _numbers(kept.open(Delivery.table, digest, body))
    return numbers


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


def _subject(digest: str) -> str:
    return f"call/{digest}"


def _address(digest: str) -> str:
    return f"{QUARANTINE}/{quote(digest, safe='')}"


def _unknown() -> Refusal:
    return Refusal(404, "unknown_delivery", "No call is kept under that hash.")


def _sealed() -> Refusal:
    return Refusal(409, "unopenable", "The call was sealed under another WAYSTATE_DATA_KEY, and cannot be opened.")
