"""
Liveness, readiness and metrics, for operators and their tools.

Rule 1: strangers learn from health that we live and serve, and nothing else; why we do not serve is in the log.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Literal

import structlog
from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from api.clock import Clock
from api.metrics import Metrics
from api.problems import RETRY_AFTER, Refusal, documented
from api.settings import Settings
from engine.errors import StoreError
from engine.model import SECOND
from engine.ports import Store
from storage.queries import Queries

LOG = structlog.get_logger()

LAGGING = 600 * SECOND
"""How long nobody may have looked at an effect that is owed: its deliverer stands still."""

ROOM = 64 * 1024 * 1024
"""How many bytes must be free on the database's disk: a write-ahead log, as long as it should ever be."""


class Health(Struct, frozen=True):
    """That it works; when it does not there is an error instead."""

    status: Literal["ok"] = "ok"


@get("/health/live", responses=documented(), tags=["health"])
async def live() -> Health:
    """Tell that the process turns."""
    return Health()


@get("/health/ready", responses=documented(), tags=["health"])
async def ready(
    store: NamedDependency[Store],
    settings: NamedDependency[Settings],
    clock: NamedDependency[Clock],
    delivers: NamedDependency[bool],
) -> Health:
    """Tell that calls can be taken: the database can be written and has room, and what is owed is delivered."""
    await store.probe()  # a database that another program has locked is waited for half a second
    if await _room_beside(settings.database) < ROOM:
        raise _not_ready("disk")
    # Who leaves delivering to a worker must stay ready: it is through this server that the worker catches up.
    if delivers and await _is_lagging(store, clock()):
        raise _not_ready("outbox")
    return Health()


@get("/metrics", media_type=MediaType.TEXT, responses=documented(), tags=["health"])
async def metrics(
    metrics: NamedDependency[Metrics], queries: NamedDependency[Queries], clock: NamedDependency[Clock]
) -> Response[bytes]:
    """Return the counters in Prometheus's text format; what only the database knows is NaN while it is down."""
    now = clock()
    try:
        metrics.stand(await queries.backlog(now), now)
    except StoreError:
        metrics.stand(None, now)
    return Response(metrics.render(), media_type=metrics.content_type)


async def _room_beside(database: Path) -> int:
    """Return how many bytes are free where the database lies."""
    usage = await asyncio.to_thread(shutil.disk_usage, database.parent)
    return usage.free


async def _is_lagging(store: Store, now: int) -> bool:
    """Return whether an effect has been owed for too long that nobody has looked at."""
    waiting = await store.unaddressed(now - LAGGING, 1)
    return any(owed.created_at < now - LAGGING for owed in waiting)


def _not_ready(reason: str) -> Refusal:
    LOG.warning("not_ready", reason=reason)
    return Refusal(503, "not_ready", headers={"Retry-After": RETRY_AFTER})
