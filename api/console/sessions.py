"""
The list of sessions: by definition, state and version, and by anything that somebody can tell of one (api/search.py).

Rule: a phone number is never shown; whom a session is for is masked.
"""

from collections.abc import Sequence
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from api.clock import Clock
from api.console.addresses import order_address, session_address
from api.console.door import AnyRequest, Page, page, see
from api.console.masking import masked_text
from api.console.paging import PAGE_SIZE, Paged, paged, place
from api.console.standings import Standing, standing_in
from api.order_book import NDR_CASE, ORDER, SHIPMENT
from api.search import meant_by
from api.sessions import SessionDesk
from api.staff import Visitor
from definitions.catalogue import Catalogue
from definitions.flow_calls import ABOUT, RECIPIENT
from definitions.orders.rows import OrderDocument
from engine.errors import UnknownInstance
from engine.model import Instance
from engine.ports import Store
from storage.finding import Session
from storage.queries import Queries


class Filters(Struct, frozen=True):
    """Which sessions are listed; what is "" lets all through."""

    definition: str = ""
    state: str = ""
    version: str = ""
    q: str = ""

    @property
    def narrow(self) -> bool:
        """Return whether they leave some out by more than a search."""
        return bool(self.definition or self.state or self.version)


class Row(Struct, frozen=True):
    """A session in the list; *about* is whom or what it is for, masked."""

    session: Session
    title: str
    standing: Standing
    address: str
    about: str = ""


class OrderFound(Struct, frozen=True):
    """An order that a search leads to."""

    number: str
    address: str


class Choice(Struct, frozen=True):
    """A choice of a filter."""

    value: str
    title: str


@get("/sessions", include_in_schema=False)
async def list_sessions(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    catalogue: NamedDependency[Catalogue],
    sessions: NamedDependency[SessionDesk],
    clock: NamedDependency[Clock],
    definition: FromQuery[str] = "",
    in_state: Annotated[str, QueryParameter(name="state")] = "",
    version: FromQuery[str] = "",
    q: FromQuery[str] = "",
    after: Annotated[str, QueryParameter(name="cursor")] = "",
) -> Page:
    """List sessions, the newest first; a search that finds exactly one leads there."""
    state = in_state if definition in catalogue else ""
    meant = await meant_by(q, store, sessions)
    filters = Filters(definition, state, version if definition else "", meant.text)
    found = await queries.sessions(
        definition,
        state,
        meant.text,
        place(after),
        PAGE_SIZE + 1,
        version=filters.version,
        phone=meant.phone,
        recipient=meant.recipient,
    )
    shown = paged(found, [session.id for session in found])
    orders = await _orders(shown.items, store) if filters.q and not filters.narrow else []
    if not filters.narrow and not after:
        if [order.number for order in orders] == [filters.q]:
            return see(orders[0].address)
        only = _only(found, filters.q)
        if only is not None:
            return see(session_address(only.definition, only.key))
    return page(
        request,
        visitor,
        "sessions.html",
        now=clock(),
        filters=filters,
        orders=orders,
        rows=await _rows(shown, store, catalogue),
        definitions=[Choice(each.definition.name, each.definition.title) for each in catalogue],
        states=_states(catalogue, definition),
        versions=await _versions(catalogue, queries, definition),
        first=not after,
    )


async def _orders(found: Sequence[Session], store: Store) -> list[OrderFound]:
    """Return the orders that those sessions are of."""
    ids = [session.key for session in found if session.definition == ORDER]
    ids += [session.key.partition(":")[0] for session in found if session.definition in (SHIPMENT, NDR_CASE)]
    known = [await store.find(OrderDocument, order_id=order_id) for order_id in dict.fromkeys(ids)]
    return [
        OrderFound(document.customer_order_number, order_address(document.order_id))
        for documents in known
        for document in documents
    ]


def _only(found: Sequence[Session], text: str) -> Session | None:
    """Return the one session that a search meant: that of exactly this key or, without such, of another name."""
    if not text:
        return None
    named = [session for session in found if session.key == text]
    named = named or [session for session in found if not session.key.startswith(text)]
    return named[0] if len(named) == 1 and (named[0].key == text or len(found) == 1) else None


async def _rows(shown: Paged[Session], store: Store, catalogue: Catalogue) -> Paged[Row]:
    instances = await store.load([(session.definition, session.key) for session in shown.items])
    rows = (
        Row(
            session,
            _title(catalogue, session.definition),
            standing_in(catalogue, session.definition, session.version, session.state),
            session_address(session.definition, session.key),
            "" if instance is None else about(instance),
        )
        for session, instance in zip(shown.items, instances, strict=True)
    )
    return Paged(tuple(rows), shown.older)


def about(instance: Instance) -> str:
    """Return whom or what an instance is for, as far as it may be shown to everybody."""
    recipient = instance.context.get(RECIPIENT)
    subject = instance.context.get(ABOUT)
    said = [masked_text(recipient)] if isinstance(recipient, str) and recipient else []
    if isinstance(subject, dict):
        said.append(f"{subject.get('definition', '')} {subject.get('key', '')}")
    elif instance.family and instance.family != "/".join(instance.id):
        said.append(instance.family.replace("/", " ", 1))
    return ", ".join(said)


def _title(catalogue: Catalogue, definition: str) -> str:
    return catalogue.interpreter(definition).definition.title if definition in catalogue else definition


def _states(catalogue: Catalogue, definition: str) -> list[tuple[str, list[Choice]]]:
    """Return the states of a definition under the titles of their groups, "" for those of none."""
    if definition not in catalogue:
        return []
    runs = catalogue.interpreter(definition).definition
    titles = {group.id: group.title or group.id for group in runs.groups}
    grouped: dict[str, list[Choice]] = {}
    for state in runs.states:
        grouped.setdefault(titles.get(state.id.rpartition(".")[0], ""), []).append(
            Choice(state.id, state.title or state.id)
        )
    return [*grouped.items()]


async def _versions(catalogue: Catalogue, queries: Queries, definition: str) -> list[Choice]:
    """Return the versions of a definition that have or had sessions, the newest first."""
    if not definition:
        return []
    try:
        current = catalogue.interpreter(definition).definition.version
    except UnknownInstance:
        current = ""
    found = [funnel.version for funnel in await queries.funnel(definition, ())]
    return [Choice(version, f"{version[:8]}{', current' if version == current else ''}") for version in found]
