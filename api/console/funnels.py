"""
Funnels: how far the sessions of each Flow come, screen by screen, for each of its versions.

Rule: figures are what is counted, and are called that: times that a screen was entered, not people. Who goes back and
      on again is counted each time; how long people stay is measured on the newest sessions.
"""

from typing import NamedTuple
from urllib.parse import unquote

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.clock import Clock
from api.console.door import AnyRequest, Page, page
from api.console.standings import given_up
from api.problems import Refusal
from api.staff import Visitor
from definitions.catalogue import Catalogue
from engine.errors import UnknownInstance
from engine.model import Definition
from storage.queries import Queries
from storage.traffic import SAMPLED, Funnel, Stage

VERSIONS_SHOWN = 5
"""How many versions have funnels of their own on a page, the newest."""


class Entered(NamedTuple):
    """A Flow in the list: how often its sessions began, and how often they ended as they were meant to."""

    name: str
    title: str
    began: int
    completed: int


class Bar(Struct, frozen=True):
    """A stage as a row; *share* is of the times that the first stage was entered, *lost* of this one's."""

    title: str
    stage: Stage
    share: float
    lost: float
    median: float | None


class Shown(Struct, frozen=True):
    """The funnel of one version; *began* is how often its first stage was entered, or begun in."""

    version: str
    current: bool
    created_at: int
    began: int
    bars: tuple[Bar, ...]
    sampled: int


@get("/funnels", include_in_schema=False)
async def funnels(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    catalogue: NamedDependency[Catalogue],
    queries: NamedDependency[Queries],
) -> Page:
    """List the Flows with how far their sessions come."""
    listed = []
    for name in catalogue.flows:
        definition = catalogue.interpreter(name).definition
        stages, ends = stages_of(definition), _completing(definition)
        counted = await queries.funnel(name, (*stages, *ends))
        began = sum(_began(funnel) for funnel in counted)
        completed = sum(stage.entered for funnel in counted for stage in funnel.stages if stage.state in ends)
        listed.append(Entered(name, definition.title or name, began, completed))
    return page(request, visitor, "funnels.html", listed=listed)


@get("/funnels/{flow:str}", include_in_schema=False)
async def funnel(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    flow: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    queries: NamedDependency[Queries],
    clock: NamedDependency[Clock],
) -> Page:
    """
    Show how far a Flow's sessions come, each version apart.

    Raises:
        Refusal: there is no such Flow.
    """
    name = unquote(flow)
    if name not in catalogue.flows:
        raise Refusal(404, "unknown_definition", "There is no such Flow.")
    definition = catalogue.interpreter(name).definition
    known = [each.version for each in await queries.funnel(name, ())][:VERSIONS_SHOWN]
    shown = [await _shown(catalogue, queries, name, version) for version in known]
    title = definition.title or name
    return page(
        request,
        visitor,
        "funnel.html",
        flow=name,
        title=title,
        funnels=[each for each in shown if each.began],
        newest=SAMPLED,
        now=clock(),
    )


async def _shown(catalogue: Catalogue, queries: Queries, name: str, version: str) -> Shown:
    definition = _definition(catalogue, name, version)
    stages = (*stages_of(definition), *_completing(definition))
    counted = {each.version: each for each in await queries.funnel(name, stages)}[version]
    traffic = await queries.traffic(name, version)
    titles = {state.id: state.title or state.id for state in definition.states}
    began = _began(counted)
    bars = [
        Bar(
            title=titles[stage.state],
            stage=stage,
            share=min(1.0, stage.entered / began) if began else 0,
            lost=stage.ended / stage.entered if stage.entered else 0,
            median=traffic.seconds.get(stage.state),
        )
        for stage in counted.stages
    ]
    current = catalogue.interpreter(name).definition.version
    return Shown(version, version == current, counted.created_at, began, tuple(bars), traffic.sampled)


def _definition(catalogue: Catalogue, name: str, version: str) -> Definition:
    """Return a version of a definition, or the current one where that version is not here any more."""
    try:
        return catalogue.interpreter(name, version).definition
    except UnknownInstance:
        return catalogue.interpreter(name).definition


def stages_of(definition: Definition) -> tuple[str, ...]:
    """Return the states that lead on to one another: all that are not final, in the definition's order."""
    return tuple(state.id for state in definition.states if not state.final)


def _completing(definition: Definition) -> tuple[str, ...]:
    """Return the final states that sessions are meant to end in."""
    gone = given_up(definition)
    return tuple(state.id for state in definition.states if state.final and state.id not in gone)


def _began(funnel: Funnel) -> int:
    """Return how often the first stage was entered: sessions begin there."""
    return funnel.stages[0].entered if funnel.stages else 0
