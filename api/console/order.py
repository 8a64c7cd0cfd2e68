"""
One order: what was ordered and by whom, what the customer agreed to, what was sent, and its shipments.

Rule: who and where the customer is, is masked until somebody who may see it says why; then it is shown once.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from api.aliases import ORDER_ID, subscription_key
from api.clock import Clock
from api.console.addresses import order_address, session_address
from api.console.desk import effect_address, reason_of, said_done
from api.console.door import AnyRequest, Page, demand, page, see
from api.console.effects import STATUSES, reason_in_words
from api.console.masking import masked_text
from api.console.shipments import STEPS_READ, discreet, items_of, read_shipments, standing_of
from api.console.standings import Standing
from api.forms import Fields
from api.messages import MESSAGE
from api.order_book import ORDER, SUBSCRIPTION, OrderBook, person_of
from api.problems import Refusal
from api.staff import StaffDesk, Visitor
from definitions.catalogue import Catalogue
from definitions.orders.rows import Account, OrderDocument, PersonAlias
from definitions.people.keywords import CATEGORIES
from engine.family import Family
from engine.model import Instance
from engine.ports import Store
from storage.queries import EffectItem, Queries

EFFECTS_READ = 100
"""How many effects of each member of an order's family are read."""

EVIDENCE: Mapping[str, str] = {
    "portal": "by the box on the tracking page",
    "chat": "by a message in the chat",
    "whatsapp": "in WhatsApp's own settings",
    "status": "Meta said so of a message",
}
"""How it is known what somebody wants to be written to about."""


class Slip(Struct, frozen=True):
    """Why a choice for a customer was not taken, in which field of its form, and what was filled in."""

    field: str
    text: str
    filled: Fields


class Sent(Struct, frozen=True):
    """A message or call that the order asked for, and where it stands."""

    name: str
    address: str
    message: str
    title: str
    tone: str
    words: str
    at: int


class ConsentShown(Struct, frozen=True):
    """What the customer wants to be written to about; *evidence* says how that is known, without what they wrote."""

    category: str
    address: str
    standing: Standing
    evidence: str
    at: int | None


@get("/orders/{order_id:str}", include_in_schema=False)
async def order(
    request: AnyRequest,
    order_id: FromPath[str],
    visitor: NamedDependency[Visitor],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    catalogue: NamedDependency[Catalogue],
    clock: NamedDependency[Clock],
    done: FromQuery[str] = "",
) -> Page:
    """Show one order, its customer masked; one of which only a cart is known is a session and no more."""
    key, book = unquote(order_id), OrderBook(catalogue, store, clock)
    if not await store.find(OrderDocument, order_id=key) and (await store.load([(ORDER, key)]))[0] is not None:
        return see(session_address(ORDER, key))
    return await Reading(book, queries).shown(request, visitor, key, done=said_done(done))


@post("/orders/{order_id:str}/show", status_code=200, include_in_schema=False)
async def show_customer(
    request: AnyRequest,
    order_id: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    catalogue: NamedDependency[Catalogue],
    staff: NamedDependency[StaffDesk],
    clock: NamedDependency[Clock],
) -> Page:
    """Show one order with its customer, this once."""
    demand(visitor, "operator")
    key, reason = unquote(order_id), reason_of(fields)
    book = OrderBook(catalogue, store, clock)
    await document_of(book, key)
    await staff.note(visitor, "saw personal data", f"{ORDER}/{key}", reason)
    return await Reading(book, queries).shown(request, visitor, key, whole=True)


@get([f"/orders/{{order_id:str}}/{form}" for form in ("show", "conflict", "resolve")], include_in_schema=False)
async def back_to_order(order_id: FromPath[str], visitor: NamedDependency[Visitor]) -> Page:  # noqa: ARG001 - strangers sign in first
    """Lead who opens the address that a form is sent to, to the order."""
    return see(order_address(unquote(order_id)))


async def document_of(book: OrderBook, order_id: str) -> OrderDocument:
    """
    Return the order of that id.

    Raises:
        Refusal: there is none.
    """
    found = await book.store.find(OrderDocument, order_id=order_id)
    if not found:
        raise unknown_order()
    return found[0]


def unknown_order() -> Refusal:
    """Return the refusal of what is about an order that is not there."""
    return Refusal(404, "unknown_order", "There is no such order.")


class Reading:
    """Reads all that an order's page shows."""

    def __init__(self, book: OrderBook, queries: Queries) -> None:
        self._book = book
        self._queries = queries

    async def shown(
        self,
        request: AnyRequest,
        visitor: Visitor,
        order_id: str,
        *,
        whole: bool = False,
        done: str = "",
        slip: Slip | None = None,
    ) -> Page:
        """
        Return the page of an order, its customer masked unless *whole*; with a *slip*, the answer to its form.

        Raises:
            Refusal: there is no such order.
        """
        document = await document_of(self._book, order_id)
        content, now = msgspec.json.decode(document.document), self._book.clock()
        family = await self._book.family(order_id, now)
        own = family.members[ORDER, order_id]
        accounts = await self._book.store.find(Account, account_id=document.account_id)
        zone = ZoneInfo(accounts[0].timezone)
        shipments = await read_shipments(self._book, self._queries, family, content, zone)
        if not visitor.may("operator"):
            shipments = [discreet(shipment) for shipment in shipments]
        return page(
            request,
            visitor,
            "order.html",
            200 if slip is None else 422,
            now=now,
            order=own,
            number=document.customer_order_number,
            brand=accounts[0].name,
            standing=standing_of(self._book, own),
            items=items_of(content),
            customer=_customer(content, whole=whole),
            whole=whole,
            shipments=shipments,
            sent=await self._sent(family),
            consents=await self._consents(document),
            address=order_address(order_id),
            session=session_address(*own.id),
            tracking=f"/portal/{order_address(order_id).rpartition('/')[2]}",
            done=done,
            slip=slip,
        )

    async def _sent(self, family: Family) -> list[Sent]:
        """Return what the order's family asked for, the latest first."""
        asked: list[EffectItem] = []
        for definition, key in family.members:
            asked += await self._queries.effects(definition=definition, key=key, limit=EFFECTS_READ)
        messages = await self._book.store.load([(MESSAGE, effect.key) for effect in asked])
        sent = [self._sending(effect, message) for effect, message in zip(asked, messages, strict=True)]
        return sorted(sent, key=lambda each: each.at)[::-1]

    def _sending(self, effect: EffectItem, message: Instance | None) -> Sent:
        title, tone, _ = STATUSES[effect.status]
        words = reason_in_words(effect.reason)
        if message is not None:
            seen = standing_of(self._book, message)
            title, tone = seen.title, seen.tone
        address = session_address(*message.id) if message else ""
        return Sent(effect.name, effect_address(effect.key), address, title, tone, words, effect.created_at)

    async def _consents(self, document: OrderDocument) -> list[ConsentShown]:
        """Return what the order's customer agreed to, by category."""
        account_id = document.account_id
        named = await self._book.store.find(PersonAlias, account_id=account_id, kind=ORDER_ID, value=document.order_id)
        if not named:
            return []
        keys = [(SUBSCRIPTION, subscription_key(account_id, named[0].person_id, each)) for each in CATEGORIES]
        found = zip(CATEGORIES, await self._book.store.load(keys), strict=True)
        return [await self._consent(category, each) for category, each in found if each is not None]

    async def _consent(self, category: str, subscription: Instance) -> ConsentShown:
        steps = await self._queries.journal_page(*subscription.id, None, STEPS_READ)
        said = next((step for step in steps if "evidence" in step.data), None)
        source = str(said.data["evidence"].get("source", "")) if said else ""
        return ConsentShown(
            category=category.replace("_", " "),
            address=session_address(*subscription.id),
            standing=standing_of(self._book, subscription),
            evidence=EVIDENCE.get(source, source),
            at=said.occurred_at if said else None,
        )


def _customer(content: Mapping[str, Any], *, whole: bool) -> list[tuple[str, str]]:
    """Return who the customer is: each thing that is known with what it is called."""
    person = person_of(content)
    address = content.get("shippingAddress", {})
    where = [str(value) for name, value in address.items() if _is_place(name, value)]
    known = [("Name", person.name), ("Phone", person.phone), ("E-mail", person.email), ("Address", ", ".join(where))]
    return [(title, value if whole else masked_text(value)) for title, value in known if value]


def _is_place(name: str, value: Any) -> bool:
    return isinstance(value, str | int) and bool(value) and name not in ("contactPhone", "customerName", "email")
