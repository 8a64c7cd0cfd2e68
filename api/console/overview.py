"""The first page: what runs, and what waits for people."""

from collections.abc import Iterable, Mapping

from litestar import get
from litestar.di import NamedDependency
from msgspec import Struct

from api.clock import Clock
from api.console.door import AnyRequest, Page, page
from api.console.standings import Standing, standing, tagged, to_settle
from api.flow_health import FLOW_HEALTH
from api.inquiries import INQUIRY
from api.metrics import Metrics
from api.settings import Settings
from api.staff import Visitor
from definitions.catalogue import NDR_CASE, Catalogue
from engine.interpreter import Interpreter
from storage.queries import Backlog, Queries

REJECTED = "resolution_rejected"
"""The event by which a courier refuses what a customer chose."""

ORDERS_TO_SETTLE = "/admin/orders?waiting=1"
"""Where the orders are with a failed delivery that waits for people."""

OPEN = frozenset({"open"})

Counts = Mapping[str, Mapping[str, int]]
"""How many sessions there are, by definition and state."""


class Waiting(Struct, frozen=True):
    """What waits for people: how many of what, and where they are."""

    count: int
    what: str
    address: str
    grave: bool = False


class Running(Struct, frozen=True):
    """A definition with how many of its sessions go on and how many are at an end."""

    name: str
    title: str
    kind: str
    open: int
    ended: int


@get("/", include_in_schema=False)
async def overview(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    catalogue: NamedDependency[Catalogue],
    queries: NamedDependency[Queries],
    metrics: NamedDependency[Metrics],
    settings: NamedDependency[Settings],
    clock: NamedDependency[Clock],
) -> Page:
    """Show what runs, and what waits for people."""
    counts = await queries.counts_by_definition()
    running = [_running(each, catalogue, counts.get(each.definition.name, {})) for each in catalogue]
    calls, half, most = metrics.flow_calls.latency()
    return page(
        request,
        visitor,
        "overview.html",
        waiting=_waiting(catalogue, counts, await queries.backlog(clock())),
        running=[each for each in running if each.open or each.ended],
        idle=[each for each in running if not (each.open or each.ended)],
        health=_health(catalogue, counts),
        calls=calls,
        half=half,
        most=most,
        development=settings.development,
    )


def _running(interpreter: Interpreter, catalogue: Catalogue, there: Mapping[str, int]) -> Running:
    definition = interpreter.definition
    over = sum(count for state, count in there.items() if standing(interpreter, state).over)
    title = definition.title or definition.name
    return Running(definition.name, title, catalogue.documents[definition.name].kind, sum(there.values()) - over, over)


def _waiting(catalogue: Catalogue, counts: Counts, backlog: Backlog) -> list[Waiting]:
    """Return what waits for people, as far as there is any; what is grave comes first."""
    cases, inquiries = (catalogue.interpreter(name).definition for name in (NDR_CASE, INQUIRY))
    waiting = to_settle(cases)
    refused = {arrow.target for arrow in cases.transitions if arrow.event == REJECTED}
    anew = _there(counts, NDR_CASE, refused.intersection(waiting))
    owed, effects = backlog.effects, "/admin/effects?status="
    listed = [
        _waits(owed.get("dead", 0), "effect", "that could not be delivered", f"{effects}dead", grave=True),
        _waits(owed.get("unknown", 0), "effect", "that may have arrived, or not", f"{effects}unknown"),
        _waits(_there(counts, INQUIRY, tagged(inquiries, OPEN)), "question", "to be answered", "/admin/inquiries"),
        _waits(
            _there(counts, NDR_CASE, waiting),
            "failed delivery",
            f"to be settled{f', {anew} refused by the courier' if anew else ''}",
            ORDERS_TO_SETTLE,
            many="failed deliveries",
            grave=anew > 0,
        ),
        _waits(backlog.quarantined, "webhook call", "set aside", "/admin/quarantine"),
        _waits(sum(backlog.parked.values()), "scan", "of nothing that is known", "/admin/quarantine/parked"),
    ]
    return sorted((each for each in listed if each.count), key=lambda each: not each.grave)


def _waits(count: int, one: str, what: str, address: str, *, many: str = "", grave: bool = False) -> Waiting:
    return Waiting(count, f"{one if count == 1 else many or f'{one}s'} {what}", address, grave)


def _there(counts: Counts, definition: str, states: Iterable[str]) -> int:
    return sum(counts.get(definition, {}).get(state, 0) for state in states)


def _health(catalogue: Catalogue, counts: Counts) -> list[tuple[int, Standing]]:
    """Return how many Flows are in which health, as Meta tells of it."""
    interpreter = catalogue.interpreter(FLOW_HEALTH)
    return [(count, standing(interpreter, state)) for state, count in counts.get(FLOW_HEALTH, {}).items()]
