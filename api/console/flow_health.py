"""
How our Flows fare at Meta: where each stands, which alerts are on, and what to do about it.

Source: Meta, "Flows webhooks" and "Flow health and monitoring".
"""

from collections.abc import Mapping
from typing import Any

from litestar import get
from litestar.di import NamedDependency
from msgspec import Struct
from msgspec.structs import replace

from api.clock import Clock
from api.console.addresses import session_address
from api.console.door import AnyRequest, Page, page
from api.console.standings import Standing, standing_in
from api.flow_health import FLOW_HEALTH
from api.staff import Visitor
from definitions.catalogue import Catalogue
from engine.model import Instance
from engine.ports import Store
from storage.queries import Queries

MOST_FLOWS = 200
"""How many Flows are shown: those heard of last."""

ADVICE: Mapping[str, str] = {
    "unheard": "Meta has told of alerts alone. Look it up in WhatsApp Manager.",
    "draft": "Only testers can open it. Publish it when it is ready.",
    "published": "It can be sent and opened.",
    "throttled": "Meta lets ten messages an hour through until the endpoint is well again. Mend what the alerts say; "
    "Meta checks by itself and lifts it.",
    "blocked": "It can be neither sent nor opened. Mend what the alerts say; Meta checks by itself and lifts it.",
    "deprecated": "It was ended in WhatsApp Manager and cannot come back. Send another Flow instead.",
}
"""What a Flow's state means, and what to do."""

ALERTS: Mapping[str, tuple[str, str]] = {
    "client_error_rate": (
        "Errors on phones",
        "Phones cannot show what they get. Run `waystate check` on the Flow and compare it with what its logic sends.",
    ),
    "endpoint_error_rate": (
        "Errors of the endpoint",
        "The endpoint answers with errors. Look at waystate_flow_calls_total and the log of the server.",
    ),
    "endpoint_latency": (
        "A slow endpoint",
        "The endpoint takes too long: Meta's first alarm is at one second. Look at what the Flow's logic waits for.",
    ),
    "endpoint_availability": (
        "An endpoint that is not there",
        "Meta cannot reach the endpoint. Check its address, its certificate and that the server runs.",
    ),
}
"""What an alert is called, and what to do about it."""

FIGURES = {
    "error_rate": ("error rate", "%"),
    "threshold": ("allowed", ""),
    "p50_latency": ("half of calls within", "ms"),
    "p90_latency": ("nine tenths within", "ms"),
    "requests_count": ("requests", ""),
    "availability": ("availability", "%"),
    "errors": ("errors", ""),
}
"""The figures that come with an alert: what they are called, and their unit."""

UNITS = {"endpoint_latency": "ms"}
"""What alerts measure, where it is no share."""


class Alert(Struct, frozen=True):
    """An alert that is on."""

    name: str
    advice: str
    since: int
    figures: tuple[tuple[str, str], ...]
    said: str


class FlowAtMeta(Struct, frozen=True):
    """A Flow as Meta sees it."""

    id: str
    address: str
    standing: Standing
    advice: str
    heard_at: int
    alerts: tuple[Alert, ...]
    warning: str
    warned_at: int
    changed: str


@get("/flow-health", include_in_schema=False)
async def flow_health(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    catalogue: NamedDependency[Catalogue],
    clock: NamedDependency[Clock],
) -> Page:
    """Show how each Flow fares, those in trouble first."""
    listed = await queries.sessions(FLOW_HEALTH, "", "", None, MOST_FLOWS)
    found = await store.load([(session.definition, session.key) for session in listed])
    flows = [_at_meta(catalogue, instance) for instance in found if instance is not None]
    flows.sort(key=lambda flow: (flow.standing.tone != "grave", not flow.alerts, -flow.heard_at))
    return page(request, visitor, "flow_health.html", now=clock(), flows=flows)


def _at_meta(catalogue: Catalogue, instance: Instance) -> FlowAtMeta:
    context = instance.context
    warning, change = context.get("warning") or {}, context.get("change") or {}
    return FlowAtMeta(
        id=instance.key,
        address=session_address(*instance.id),
        standing=_standing(catalogue, instance),
        advice=ADVICE.get(instance.state, ""),
        heard_at=instance.updated_at,
        alerts=tuple(_alert(name, told) for name, told in (context.get("alerts") or {}).items()),
        warning=str(warning.get("warning") or warning.get("message") or ""),
        warned_at=int(warning.get("at", 0)),
        changed=str(change.get("message", "")),
    )


def _standing(catalogue: Catalogue, instance: Instance) -> Standing:
    """Return how a Flow's state is shown: nobody need do anything about one that is open to customers."""
    seen = standing_in(catalogue, instance.definition, instance.version, instance.state)
    return replace(seen, tone="done") if seen.tone == "wait" else seen


def _alert(name: str, told: Mapping[str, Any]) -> Alert:
    title, advice = ALERTS.get(name, (name.replace("_", " "), ""))
    figures = tuple(
        (called, f"{told[key]} {UNITS.get(name, '%') if key == 'threshold' else unit}".strip())
        for key, (called, unit) in FIGURES.items()
        if told.get(key)
    )
    return Alert(title, advice, int(told.get("since", 0)), figures, str(told.get("message", "")))
