"""Orders: the list, the newest first, and what is found in it."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from api.clock import Clock
from api.console.addresses import order_address, session_address
from api.console.door import AnyRequest, Page, page, see
from api.console.paging import PAGE_SIZE, Paged, paged, place
from api.console.standings import Standing, standing_in, to_settle
from api.order_book import NDR_CASE, ORDER, SHIPMENT
from api.search import phone_of
from api.staff import Visitor
from definitions.catalogue import Catalogue
from definitions.orders.rows import Account
from engine.ports import Store
from storage.finding import OrderItem
from storage.queries import Queries


class Row(Struct, frozen=True):
    """An order in the list."""

    item: OrderItem
    address: str
    standing: Standing


@get("/orders", include_in_schema=False)
async def orders(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    catalogue: NamedDependency[Catalogue],
    clock: NamedDependency[Clock],
    q: FromQuery[str] = "",
    in_state: Annotated[str, QueryParameter(name="state")] = "",
    waiting: FromQuery[bool] = False,
    after: Annotated[str, QueryParameter(name="cursor")] = "",
) -> Page:
    """List orders, the newest first; a search that finds exactly one leads there."""
    sought, before = q.strip()[:300], place(after)
    if waiting:
        found, older = await _to_be_settled(before, queries, catalogue)
        shown = Paged(tuple(found), older)
    else:
        found = await _orders(sought, in_state, before, queries, catalogue)
        if sought and not found and before is None:
            found = await _led_to(sought, queries, store, catalogue)
        if sought and len(found) == 1 and not (in_state or after or request.headers.get("hx-request")):
            return see(order_address(found[0].session.key))
        shown = paged(found, [item.session.id for item in found])
    return page(
        request,
        visitor,
        "orders.html",
        now=clock(),
        rows=Paged(tuple(_row(item, catalogue) for item in shown.items), shown.older),
        q=sought,
        state=in_state,
        waiting=waiting,
        states=[(state.id, state.title or state.id) for state in catalogue.interpreter(ORDER).definition.states],
        accounts={account.account_id: account.name for account in await store.find(Account)},
        first=not after,
    )


def _waiting_cases(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Return the states in which cases wait for people, by definition."""
    return {NDR_CASE: to_settle(catalogue.interpreter(NDR_CASE).definition)}


async def _orders(text: str, state: str, before: int | None, queries: Queries, catalogue: Catalogue) -> list[OrderItem]:
    return await queries.orders(text, state, before, PAGE_SIZE + 1, case_states=_waiting_cases(catalogue))


async def _to_be_settled(before: int | None, queries: Queries, catalogue: Catalogue) -> tuple[list[OrderItem], str]:
    """Return a page of the orders with a failed delivery to be settled, the newest failure first, and its cursor."""
    states = _waiting_cases(catalogue)
    cases = await queries.sessions(NDR_CASE, "", "", before, PAGE_SIZE + 1, states=states[NDR_CASE])
    shown = paged(cases, [case.id for case in cases])
    order_ids = [case.key.partition(":")[0] for case in shown.items]
    return await queries.orders_of(order_ids, case_states=states), shown.older


async def _led_to(text: str, queries: Queries, store: Store, catalogue: Catalogue) -> list[OrderItem]:
    """Return the orders that a tracking number, a phone number or another name leads to."""
    led = await queries.find(text, await phone_of(text, store), "", PAGE_SIZE)
    order_ids = [session.key for session in led if session.definition == ORDER]
    order_ids += [session.key.partition(":")[0] for session in led if session.definition in (SHIPMENT, NDR_CASE)]
    return await queries.orders_of(order_ids, case_states=_waiting_cases(catalogue))


def _row(item: OrderItem, catalogue: Catalogue) -> Row:
    session = item.session
    shown = standing_in(catalogue, session.definition, session.version, session.state)
    told = bool(item.account_id)  # a cart from the chat has no document until the merchant makes an order of it
    return Row(item, order_address(session.key) if told else session_address(ORDER, session.key), shown)
