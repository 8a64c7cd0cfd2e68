"""
Joins the parts: the one place that knows them all.

The way in: front door -> Flow endpoint, or Litestar's handlers -> desks -> engine. The way down: the store's commit.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from typing import Any, cast
from urllib.parse import urlsplit

import structlog
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from msgspec import Struct

from api import admin, couriers, health, landing, openapi, portal, webhooks
from api.at_rest import Safe
from api.auth import access
from api.clock import Clock, system_clock
from api.flows import IDENTITIES_KEPT, FlowEndpoint
from api.front_door import ASGIApp, FrontDoor
from api.keyring import KeyRing
from api.logs import fault
from api.media import MediaFetcher
from api.metrics import Metrics
from api.orders import OrderDesk
from api.problems import EXCEPTION_HANDLERS
from api.sessions import SessionDesk
from api.settings import Settings
from api.whatsapp import WhatsApp
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

SAMPLE_ACCOUNT = Account("1489", "dfc", "Dhruv Foods", "Asia/Kolkata")
"""The account that development starts with."""


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
    whatsapp: WhatsApp


def assemble(settings: Settings, catalogue: Catalogue, keys: KeyRing, clock: Clock = system_clock) -> Parts:
    """
    Open the database and make the parts that serve it.

    Raises:
        DatabaseInUse: another server has the database open.
    """
    safe = Safe(base64.b64decode(settings.data_key))
    store = SqliteStore(settings.database)
    metrics = Metrics()
    sessions = SessionDesk(catalogue, store, clock)
    orders = OrderDesk(catalogue, store, clock)
    media = _media(settings)
    return Parts(
        settings=settings,
        catalogue=catalogue,
        store=store,
        queries=Queries(settings.database),
        metrics=metrics,
        flows=FlowEndpoint(catalogue, keys, settings.app_secrets, store, clock, metrics, media),
        media=media,
        sessions=sessions,
        orders=orders,
        whatsapp=WhatsApp(catalogue, store, clock, metrics, sessions, orders, settings.phone_numbers, safe),
    )


def _media(settings: Settings) -> MediaFetcher:
    """Return what fetches customers' files; in development the Graph API's host stands in for all of Meta's."""
    near = {urlsplit(settings.graph_url).hostname or ""} if settings.development else set()
    return MediaFetcher(settings.graph_url, settings.access_token, near=near)


def application(parts: Parts, clock: Clock = system_clock) -> FrontDoor:
    """Return the ASGI application over *parts*; when it stops, or cannot start, it closes them."""

    @asynccontextmanager
    async def life(_: Litestar) -> AsyncIterator[None]:
        with closing(parts.store), closing(parts.queries):
            await parts.catalogue.keep_versions(parts.store)
            if parts.settings.development and not await parts.store.find(Account, account_id=SAMPLE_ACCOUNT.account_id):
                await parts.orders.put_account(SAMPLE_ACCOUNT)
            await parts.whatsapp.recover()
            housekeeping = asyncio.create_task(_keep_house_for_ever(parts, clock))
            yield
            housekeeping.cancel()
            with suppress(asyncio.CancelledError):
                await housekeeping
            await parts.whatsapp.finish()

    inside = Litestar(
        route_handlers=[
            landing.landing,
            landing.site_css,
            webhooks.verify,
            webhooks.take,
            couriers.take_generic,
            couriers.take_eshopbox,
            portal.put_account,
            portal.put_order,
            portal.read_order,
            portal.subscribe,
            portal.resolve,
            admin.AdminApi,
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
            "whatsapp": _given(parts.whatsapp),
            "clock": _given(clock),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=[life],
        openapi_config=openapi.CONFIG,
        state=State({"access": access(parts.settings)}),
        logging_config=None,
    )
    settings = parts.settings
    return FrontDoor(cast("ASGIApp", inside), parts.flows, settings.hosts, behind_proxy=not settings.development)


async def keep_house(parts: Parts, now: int) -> None:
    """
    Finish what a full disk or a crash left unfinished, and drop what is past keeping.

    Raises:
        StoreError: the database cannot do it now; what was not done is still to be done.
    """
    await parts.whatsapp.recover()
    await parts.orders.release_ripe()
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
