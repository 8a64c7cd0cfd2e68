"""
Joins the parts: the one place that knows them all.

The way in: front door -> Flow endpoint, or Litestar's handlers -> desks -> engine. The way down: the store's commit.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing, suppress
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import structlog
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from msgspec import Struct

from api import admin, couriers, feed, flow_sending, health, landing, openapi, portal, shopper_pages, webhooks
from api.at_rest import Safe
from api.auth import access, note_refusal
from api.carts import CartDesk
from api.cases import CaseDesk
from api.clock import Clock, system_clock
from api.console.live import Live
from api.console.router import ROUTER as CONSOLE
from api.deliveries import WaitingForPeople
from api.delivery import Deliverer
from api.entry_codes import CodePost, open_post
from api.entry_desk import EntryDesk
from api.flow_health import HealthDesk
from api.flows import IDENTITIES_KEPT, FlowEndpoint
from api.front_door import ASGIApp, FrontDoor, Receive, Scope, Send
from api.inquiries import InquiryDesk
from api.keyring import KeyRing
from api.logs import fault
from api.media import MediaFetcher
from api.messages import MessageDesk, SentMessages
from api.metrics import Metrics
from api.order_book import OrderBook
from api.orders import OrderDesk
from api.outbox import Outbox
from api.outbox_door import OutboxDoor
from api.people import PeopleDesk
from api.problems import EXCEPTION_HANDLERS
from api.sessions import SessionDesk
from api.settings import Settings
from api.shopper import ShopperDesk
from api.shopper_pages import Door
from api.staff import StaffDesk
from api.throttle import Throttle
from api.timers import Timekeeper
from api.whatsapp import AWAITED, AWAITED_FOR, WhatsApp
from definitions.catalogue import Catalogue
from definitions.media import Media
from definitions.orders.rows import Account
from engine.model import SECOND
from storage.queries import Queries
from storage.sqlite import SqliteStore

LOG = structlog.get_logger()

HOUSEKEEPING_SECONDS = 60
ANSWERS_KEPT = 15 * 60 * SECOND
"""How long an answer's bytes are kept to be given again."""

CALLS_KEPT = 30 * 24 * 3600 * SECOND
"""How long a webhook call's raw body is kept once all of it is done."""

FORGOTTEN_AT_ONCE = 500

INTRODUCED_AT_ONCE = 500
"""How many orders of an older program are given to their people together."""

TRIED_AT_ONCE = 500
"""How many calls, the newest, are tried again that may have come too early."""

SAMPLE_ACCOUNT = Account("1489", "dfc", "Dhruv Foods", "Asia/Kolkata")
"""The account that development starts with."""


class Lab(Protocol):
    """The lab, an application of its own: it works for as long as it is `alive`."""

    def alive(self) -> AbstractAsyncContextManager[None]:
        """Return the context for as long as which it works."""
        ...

    def hush(self) -> None:
        """Let whoever waits for news go: the server is about to end."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        ...


class Parts(Struct):
    """What an application is made of; tests take them apart."""

    settings: Settings
    catalogue: Catalogue
    store: SqliteStore
    queries: Queries
    metrics: Metrics
    flows: FlowEndpoint
    media: Media
    sessions: SessionDesk
    orders: OrderDesk
    cases: CaseDesk
    people: PeopleDesk
    whatsapp: WhatsApp
    timekeeper: Timekeeper
    outbox: Outbox
    shopper: ShopperDesk
    entries: EntryDesk
    door: Door
    staff: StaffDesk
    live: Live


def assemble(settings: Settings, catalogue: Catalogue, keys: KeyRing, clock: Clock = system_clock) -> Parts:
    """
    Open the database and make the parts that serve it.

    Raises:
        DatabaseInUse: another server has the database open.
    """
    safe = Safe(base64.b64decode(settings.data_key))
    store = SqliteStore(settings.database)
    metrics = Metrics()
    secret = (settings.data_key or settings.app_secret).encode()
    sessions = SessionDesk(catalogue, store, clock, secret)
    book = OrderBook(catalogue, store, clock)
    cases, people = CaseDesk(book), PeopleDesk(book)
    carts = CartDesk(book, people)
    orders = OrderDesk(book, cases, people)
    media = _media(settings)
    sent = SentMessages(book)
    post = CodePost.of(settings)
    open_post(post)
    queries = Queries(settings.database)
    outbox = Outbox(
        book,
        people,
        sessions,
        sent,
        metrics,
        numbers=sorted(settings.phone_numbers),
        token_key=secret,
    )
    return Parts(
        settings=settings,
        catalogue=catalogue,
        store=store,
        queries=queries,
        metrics=metrics,
        flows=FlowEndpoint(catalogue, keys, settings.app_secrets, store, clock, metrics, media),
        media=media,
        sessions=sessions,
        orders=orders,
        cases=cases,
        people=people,
        whatsapp=WhatsApp(
            catalogue,
            store,
            clock,
            metrics,
            sessions,
            cases,
            carts,
            people,
            MessageDesk(book, sent, outbox),
            InquiryDesk(book, secret),
            HealthDesk(book, metrics),
            settings.phone_numbers,
            safe,
        ),
        timekeeper=Timekeeper(book, metrics),
        outbox=outbox,
        shopper=ShopperDesk(book, cases, people),
        entries=EntryDesk(book, people, post, sorted(settings.phone_numbers)),
        door=Door(post.keys, Throttle(clock), settings),
        staff=StaffDesk(store, clock, settings.admin_token),
        live=Live(queries, store, catalogue),
    )


def _media(settings: Settings) -> MediaFetcher:
    """Return what fetches customers' files; in development the Graph API's host stands in for all of Meta's."""
    near = {urlsplit(settings.graph_url).hostname or ""} if settings.development else set()
    return MediaFetcher(settings.graph_url, settings.access_token, near=near)


def application(
    parts: Parts, clock: Clock = system_clock, deliverer: Deliverer | None = None, lab: Lab | None = None
) -> FrontDoor:
    """
    Return the ASGI application over *parts*; when it stops, or cannot start, it closes them.

    What it owes is delivered by *deliverer* or, without one, offered to a worker apart. The *lab* is at `/lab`.
    """

    @asynccontextmanager
    async def life(_: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.enter_context(closing(parts.queries))
            stack.enter_context(closing(parts.store))
            if lab is not None:
                await stack.enter_async_context(lab.alive())
            await parts.catalogue.keep_versions(parts.store)
            if parts.settings.development and not await parts.store.find(Account, account_id=SAMPLE_ACCOUNT.account_id):
                await parts.orders.put_account(SAMPLE_ACCOUNT)
            while await parts.orders.introduce(await parts.queries.orders_of_nobody(INTRODUCED_AT_ONCE)):
                pass
            await parts.whatsapp.recover()
            going_on = [
                asyncio.create_task(work) for work in (_keep_house_for_ever(parts, clock), parts.timekeeper.keep_time())
            ]
            if deliverer is not None:
                await deliverer.start()
            yield
            if deliverer is not None:
                await deliverer.stop()
            for task in going_on:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await parts.whatsapp.finish()

    inside = Litestar(
        route_handlers=[
            landing.landing,
            landing.icon,
            landing.read_asset,
            webhooks.verify,
            webhooks.take,
            couriers.take_generic,
            couriers.take_eshopbox,
            portal.put_account,
            portal.put_order,
            portal.read_order,
            portal.subscribe,
            portal.resolve,
            shopper_pages.ROUTER,
            CONSOLE,
            admin.AdminApi,
            OutboxDoor,
            WaitingForPeople,
            feed.read_feed,
            flow_sending.send_flow,
            health.live,
            health.ready,
            health.metrics,
        ],
        dependencies={
            "settings": _given(parts.settings),
            "catalogue": _given(parts.catalogue),
            "store": _given(parts.store),
            "queries": _given(parts.queries),
            "metrics": _given(parts.metrics),
            "media": _given(parts.media),
            "sessions": _given(parts.sessions),
            "orders": _given(parts.orders),
            "cases": _given(parts.cases),
            "people": _given(parts.people),
            "whatsapp": _given(parts.whatsapp),
            "outbox": _given(parts.outbox),
            "shopper": _given(parts.shopper),
            "entries": _given(parts.entries),
            "door": _given(parts.door),
            "staff": _given(parts.staff),
            "listening": _given(parts.live),
            "lab": _given(lab is not None),
            "tour": Provide(landing.tour),
            "delivers": _given(deliverer is not None),
            "allowance": _given(couriers.Allowance()),
            "clock": _given(clock),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        after_exception=[note_refusal],
        lifespan=[life],
        openapi_config=openapi.CONFIG,
        state=State({"access": access(parts.settings)}),
        logging_config=None,
    )
    settings = parts.settings
    behind_proxy = not settings.development
    return FrontDoor(cast("ASGIApp", inside), parts.flows, settings.hosts, behind_proxy=behind_proxy, lab=lab)


async def keep_house(parts: Parts, now: int) -> None:
    """
    Finish what a full disk or a crash left unfinished, and drop what is past keeping.

    Raises:
        StoreError: the database cannot do it now; what was not done is still to be done.
    """
    await parts.whatsapp.recover()
    await parts.whatsapp.try_awaited(
        await parts.queries.calls_set_aside_since(now - AWAITED_FOR, AWAITED, TRIED_AT_ONCE)
    )
    await parts.orders.release_ripe()
    await parts.staff.forget_visits()
    await parts.store.purge(answers_before=now - ANSWERS_KEPT, identities_before=now - IDENTITIES_KEPT)
    while digests := await parts.queries.calls_done_before(now - CALLS_KEPT, FORGOTTEN_AT_ONCE):
        await parts.whatsapp.forget(digests)


async def _keep_house_for_ever(parts: Parts, clock: Clock) -> None:
    while True:
        await asyncio.sleep(HOUSEKEEPING_SECONDS)
        try:
            await keep_house(parts, clock())
        except Exception as error:  # noqa: BLE001 - whatever it was must not end the housekeeping: it is asked for again
            LOG.warning("housekeeping_put_off", **fault(error))


def _given(part: Any) -> Provide:
    """Return a dependency that is always *part*."""
    provide: Callable[[], Any] = lambda: part  # noqa: E731 - Litestar reads a callable's annotations
    return Provide(provide, sync_to_thread=False)
