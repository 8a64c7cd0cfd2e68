"""The definitions that run: each with its diagram and what its sessions did, its versions, and what its linter says."""

from collections.abc import Mapping
from urllib.parse import unquote

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from api.clock import Clock
from api.console.door import AnyRequest, Page, page
from api.console.pictures import download, file_name, of_traffic, picture, suffix_of, times_entered
from api.console.standings import Standing, standing
from api.problems import Refusal
from api.staff import Visitor
from api.views import CompiledView, compiled_view, declared
from definitions.catalogue import Catalogue
from diagrams import MEDIA_TYPES, draw
from engine.errors import UnknownInstance
from engine.interpreter import Interpreter
from storage.queries import Queries
from storage.traffic import Funnel, Traffic

PLAIN, TRAFFIC = "plain", "traffic"
"""The views of a diagram: as it is written, or with what its sessions did."""


class Listed(Struct, frozen=True):
    """A definition in the list."""

    name: str
    title: str
    kind: str
    version: str
    states: int
    transitions: int
    findings: int
    open: int
    ended: int


class VersionLine(Struct, frozen=True):
    """A version with how many of its sessions go on and how many have ended; *created_at* is 0 if nobody knows."""

    version: str
    current: bool
    here: bool
    created_at: int
    open: int
    ended: int


class StateLine(Struct, frozen=True):
    """A state of a version, and what went on there; *median* is in seconds, None if nobody has left it lately."""

    standing: Standing
    group: str
    tags: tuple[str, ...]
    now: int
    entered: int
    median: float | None


class ArrowLine(Struct, frozen=True):
    """An arrow of a version, with how often it was taken and by which share of what left its source."""

    source: str
    event: str
    target: str
    guard: str
    effects: tuple[str, ...]
    taken: int
    share: float


@get("/definitions", include_in_schema=False)
async def definitions(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    catalogue: NamedDependency[Catalogue],
    queries: NamedDependency[Queries],
) -> Page:
    """List the definitions."""
    there = await queries.counts_by_definition()
    listed = [_listed(catalogue, each, there.get(each.definition.name, {})) for each in catalogue]
    return page(request, visitor, "definitions.html", listed=sorted(listed, key=lambda each: (each.kind, each.title)))


@get("/definitions/{name:str}", include_in_schema=False)
async def definition(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    name: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    queries: NamedDependency[Queries],
    clock: NamedDependency[Clock],
    version: FromQuery[str] = "",
    view: FromQuery[str] = TRAFFIC,
) -> Page:
    """Show a definition: its current version, or another."""
    runs = _running(catalogue, unquote(name), version)
    shown, current = runs.definition, catalogue.interpreter(unquote(name)).definition.version
    traffic = await queries.traffic(shown.name, version and shown.version)
    drawing = draw(shown) if view == PLAIN else of_traffic(shown, traffic)
    return page(
        request,
        visitor,
        "definition.html",
        definition=shown,
        document=catalogue.documents[shown.name],
        current=current,
        chosen=version,
        view=PLAIN if view == PLAIN else TRAFFIC,
        traffic=traffic,
        picture=await picture(drawing),
        versions=await _versions(catalogue, queries, shown.name),
        states=_states(runs, traffic),
        arrows=_arrows(runs, traffic),
        declared=declared(runs.definition),
        now=clock(),
    )


@get([f"/definitions/{{name:str}}/diagram.{suffix}" for suffix in MEDIA_TYPES], include_in_schema=False)
async def diagram(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],  # noqa: ARG001 - only staff may have it
    name: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    queries: NamedDependency[Queries],
    version: FromQuery[str] = "",
    view: FromQuery[str] = PLAIN,
) -> Response[bytes]:
    """Give a definition's diagram as a file."""
    shown = _running(catalogue, unquote(name), version).definition
    if view == TRAFFIC:
        drawing = of_traffic(shown, await queries.traffic(shown.name, version and shown.version))
        return await download(drawing, f"{shown.name}-traffic", suffix_of(request))
    return await download(draw(shown), shown.name, suffix_of(request))


@get("/definitions/{name:str}/diagram.json", include_in_schema=False)
async def compiled(
    visitor: NamedDependency[Visitor],  # noqa: ARG001 - only staff may have it
    name: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    version: FromQuery[str] = "",
) -> Response[CompiledView]:
    """Give a compiled definition as a file."""
    shown = _running(catalogue, unquote(name), version).definition
    headers = {"content-disposition": f'attachment; filename="{file_name(shown.name)}.json"'}
    return Response(compiled_view(shown), headers=headers)


def _running(catalogue: Catalogue, name: str, version: str) -> Interpreter:
    """
    Return a version of a definition, the current one if none is said.

    Raises:
        Refusal: it is not here.
    """
    try:
        return catalogue.interpreter(name, version or None)
    except UnknownInstance:
        raise Refusal(404, "unknown_definition", "There is no such definition, or not in that version.") from None


def _listed(catalogue: Catalogue, interpreter: Interpreter, there: Mapping[str, int]) -> Listed:
    definition = interpreter.definition
    document = catalogue.documents[definition.name]
    going_on, ended = _split(interpreter, there)
    return Listed(
        name=definition.name,
        title=definition.title or definition.name,
        kind=document.kind,
        version=definition.version,
        states=len(definition.states),
        transitions=declared(definition),
        findings=len(document.problems),
        open=going_on,
        ended=ended,
    )


def _split(interpreter: Interpreter, there: Mapping[str, int]) -> tuple[int, int]:
    """Return how many of the sessions in these states go on, and how many are at an end."""
    over = sum(count for state, count in there.items() if standing(interpreter, state).over)
    return sum(there.values()) - over, over


async def _versions(catalogue: Catalogue, queries: Queries, name: str) -> list[VersionLine]:
    """Return the versions that have or had sessions, and the current one, the newest first."""
    current = catalogue.interpreter(name)
    known = {funnel.version for funnel in await queries.funnel(name, ())}
    running = {version: _of_version(catalogue, name, version) for version in known}
    states = {state.id: None for runs in (current, *running.values()) if runs for state in runs.definition.states}
    lines = [
        _version_line(current, running[funnel.version], funnel) for funnel in await queries.funnel(name, (*states,))
    ]
    if current.definition.version not in known:
        lines.insert(0, _version_line(current, current, Funnel(current.definition.version, 0, ())))
    return lines


def _of_version(catalogue: Catalogue, name: str, version: str) -> Interpreter | None:
    try:
        return catalogue.interpreter(name, version)
    except UnknownInstance:
        return None


def _version_line(current: Interpreter, runs: Interpreter | None, funnel: Funnel) -> VersionLine:
    there = {stage.state: stage.here for stage in funnel.stages}
    going_on, ended = _split(runs, there) if runs is not None else (sum(there.values()), 0)
    return VersionLine(
        version=funnel.version,
        current=funnel.version == current.definition.version,
        here=runs is not None,
        created_at=funnel.created_at,
        open=going_on,
        ended=ended,
    )


def _states(runs: Interpreter, traffic: Traffic) -> list[StateLine]:
    groups = {group.id: group.title for group in runs.definition.groups}
    entered = times_entered(runs.definition, traffic)
    return [
        StateLine(
            standing(runs, state.id),
            groups.get(state.id.rpartition(".")[0], ""),
            state.tags,
            traffic.sessions.get(state.id, 0),
            entered[state.id],
            traffic.seconds.get(state.id),
        )
        for state in runs.definition.states
    ]


def _arrows(runs: Interpreter, traffic: Traffic) -> list[ArrowLine]:
    """Return the arrows that are written, and the implied ones that were taken."""
    taken = {(edge.source_state, edge.event, edge.target_state): edge for edge in traffic.edges}
    lines = []
    for arrow in runs.definition.transitions:
        edge = taken.get((arrow.source, arrow.event, arrow.target))
        if edge is not None or not arrow.implied:
            ends = standing(runs, arrow.source).title, arrow.event, standing(runs, arrow.target).title
            guard = "" if arrow.guard is None else str(arrow.guard)
            lines.append(ArrowLine(*ends, guard, arrow.effects, edge.taken if edge else 0, edge.share if edge else 0))
    return lines
