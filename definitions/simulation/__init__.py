"""
Walks every way through a Flow, with the real engine and logic, and reports what was found.

    inputs, phone    the naive model of what a phone shows, takes and does; knows nothing of the compiled machine
    values, forms    what people and attackers put into inputs, and forms filled with it
    answers          calls of the endpoint, and what is wrong with their answers
    walk             the enumeration
    report           what was found, as values and as text

A test of one's own, with the fixture that comes with the package (definitions/pytest_plugin.py):

    def test_booking(simulate: Simulate) -> None:
        report = simulate("flows/booking")

        assert report.faults == ()
        assert report.dead_ends == ()
        assert report.uncovered == ()
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from definitions.catalogue import Catalogue, compile_path, read_logic
from definitions.flow_calls import Flow
from definitions.screens import Screens
from definitions.simulation.report import Report
from definitions.simulation.walk import Walk, World

__all__ = ["ANY_WORLD", "Report", "Simulate", "World", "find_flow", "simulate", "walk"]

ANY_WORLD = World()
"""People who bring nothing along."""


class Simulate(Protocol):
    """What the fixture gives a test."""

    def __call__(self, place: str | Path, world: World = ..., *, screens: Screens | None = None) -> Report:
        """Walk the Flow at *place*, as `simulate` does."""


def simulate(
    place: str | Path,
    world: World = ANY_WORLD,
    *,
    screens: Screens | None = None,
    folders: Sequence[Path] = (),
) -> Report:
    """
    Walk every way through a Flow and return what was found.

    *place* is its name, shipped or in *folders*, or the path of its document or folder. Other *screens* may stand for
    its logic, so that none calls out. *world* is what the simulated people bring along.

    Raises:
        OSError: there is no such Flow.
        DefinitionError: its document or its logic is wrong.
    """
    return walk(*find_flow(place, screens=screens, folders=folders), world)


def find_flow(place: str | Path, *, screens: Screens | None = None, folders: Sequence[Path] = ()) -> tuple[str, Flow]:
    """
    Return a Flow with its name, found as `simulate` finds it. Its logic is imported, and raises what it raises.

    Raises:
        OSError: there is no such Flow.
        DefinitionError: its document or its logic is wrong.
    """
    path = Path(place)
    if path.name == str(place) and not path.is_file():
        catalogue = Catalogue.load(folders)
        if path.name in catalogue.flows:
            flow = catalogue.flow(path.name)
            return path.name, flow if screens is None else Flow(flow.document, flow.interpreter, screens)
    path = (path / "flow.json" if path.is_dir() else path).absolute()
    document = compile_path(path)
    logic = read_logic(document) if screens is None else screens
    return document.name, Catalogue([document], {document.name: logic}).flow(document.name)


def walk(name: str, flow: Flow, world: World = ANY_WORLD) -> Report:
    """Walk every way through *flow* and return what was found."""
    started = time.perf_counter()
    with ThreadPoolExecutor(1) as apart:  # an event loop of its own, also where the caller's is running
        report = apart.submit(asyncio.run, Walk(name, flow, world).report()).result()
    return replace(report, seconds=time.perf_counter() - started)
