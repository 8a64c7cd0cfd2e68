"""
Liveness, readiness and metrics, for operators and their tools.

Rule 1: strangers learn from health that we live and serve, and nothing else.
"""

import math
from typing import Literal

from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from api.metrics import Metrics
from api.problems import documented
from engine.errors import StoreError
from engine.ports import Store
from storage.queries import Queries


class Health(Struct, frozen=True):
    """That it works; when it does not there is an error instead."""

    status: Literal["ok"] = "ok"


@get("/health/live", responses=documented(), tags=["health"])
async def live() -> Health:
    """Tell that the process turns."""
    return Health()


@get("/health/ready", responses=documented(), tags=["health"])
async def ready(store: NamedDependency[Store]) -> Health:
    """Tell that the database can be written, so that calls can be taken."""
    await store.probe()
    return Health()


@get("/metrics", media_type=MediaType.TEXT, responses=documented(), tags=["health"])
async def metrics(metrics: NamedDependency[Metrics], queries: NamedDependency[Queries]) -> Response[bytes]:
    """Return the counters in Prometheus's text format; what only the database knows is NaN while it is down."""
    try:
        metrics.quarantined.set(await queries.quarantined())
    except StoreError:
        metrics.quarantined.set(math.nan)
    return Response(metrics.render(), media_type=metrics.content_type)
