"""
Joins the parts: the one place that knows them all.

The way in: front door -> Flow endpoint, or Litestar's handlers -> desks -> engine. The way down: the store's commit.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from msgspec import Struct

from api import admin, couriers, health, landing, openapi, portal, webhooks
from api.auth import access
from api.clock import Clock, system_clock
from api.flows import FlowEndpoint
from api.front_door import ASGIApp, FrontDoor
from api.keyring import KeyRing
from api.metrics import Metrics
from api.orders import OrderDesk
from api.problems import EXCEPTION_HANDLERS
from api.sessions import SessionDesk
from api.settings import Settings
from api.whatsapp import WhatsApp
from definitions.catalogue import Catalogue
from definitions.orders.rows import Account
from engine.model import SECOND
from storage.queries import Queries
from storage.sqlite import SqliteStore

HOUSEKEEPING_SECONDS = 60
ANSWERS_KEPT = 15 * 60 * SECOND
"""How long an answer's bytes are kept to be given again."""

IDENTITIES_KEPT = 14 * 24 * 3600 * SECOND
"""How long an event's identity is kept; Meta repeats a webhook for 7 days."""

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
    sessions: SessionDesk
    orders: OrderDesk
    whatsapp: WhatsApp


def assemble(settings: Settings, catalogue: Catalogue, keys: KeyRing, clock: Clock = system_clock) -> Parts:
    """Open the database and make the parts that serve it."""
    store = SqliteStore(settings.database)
    metrics = Metrics()
    sessions = SessionDesk(catalogue, store, clock)
    orders = OrderDesk(catalogue, store, clock)
    return Parts(
        settings=settings,
        catalogue=catalogue,
        store=store,
        queries=Queries(settings.database),
        metrics=metrics,
        flows=FlowEndpoint(catalogue, keys, settings.app_secrets, store, clock, metrics),
        sessions=sessions,
        orders=orders,
        whatsapp=WhatsApp(catalogue, store, clock, metrics, sessions, orders, settings.phone_numbers),
    )


def application(parts: Parts, clock: Clock = system_clock) -> FrontDoor:
    """Return the ASGI application over *parts*; when it stops it closes them."""

    @asynccontextmanager
    async def life(_: Litestar) -> AsyncIterator[None]:
        await parts.catalogue.keep_versions(parts.store)
        if parts.settings.development and not await parts.store.find(Account, account_id=SAMPLE_ACCOUNT.account_id):
            await parts.orders.put_account(SAMPLE_ACCOUNT)
        await parts.whatsapp.recover()
        housekeeping = asyncio.create_task(_keep_house(parts, clock))
        yield
        housekeeping.cancel()
        with suppress(asyncio.CancelledError):
            await housekeeping
        parts.queries.close()
        parts.store.close()

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


async def _keep_house(parts: Parts, clock: Clock) -> None:
    """Drop what is past keeping, and finish what a full disk left unfinished, once a minute."""
    while True:
        await asyncio.sleep(HOUSEKEEPING_SECONDS)
        now = clock()
        await parts.store.purge(answers_before=now - ANSWERS_KEPT, identities_before=now - IDENTITIES_KEPT)
        await parts.whatsapp.recover()


def _given(part: Any) -> Provide:
    """Return a dependency that is always *part*."""
    provide: Callable[[], Any] = lambda: part  # noqa: E731 - Litestar reads a callable's annotations
    return Provide(provide, sync_to_thread=False)
