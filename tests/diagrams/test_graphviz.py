"""Graphviz inside our process: what a layout may cost, and that a process with it forks and ends as others do."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from diagrams import TooMuchToDraw, draw, graphviz, render_svg
from diagrams.graphviz import Engine
from tests.diagrams.samples import ORDER, PARCEL

SECONDS = 60
"""Far more than any of these takes; what hangs is over by then."""

FORKS = """
import os, sys
from diagrams import draw, render_svg
from tests.diagrams.samples import ORDER, PARCEL
assert render_svg(draw(ORDER)).startswith("<svg")
child = os.fork()
if child == 0:
    assert render_svg(draw(PARCEL)).startswith("<svg")
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert render_svg(draw(PARCEL)).startswith("<svg")
"""


def python(program: str) -> subprocess.CompletedProcess[str]:
    """Return how a program ended."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS, check=False
    )


def in_a_loop(what: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Return what a coroutine returns, in a thread of its own: a browser's tests leave a loop in this one."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(lambda: asyncio.run(what())).result()


def a_tangle(nodes: int, arrows: int) -> str:
    """Return a graph in which each node leads to many others."""
    ways = (f"n{node} -> n{(node * 7 + step * 13) % nodes}" for node in range(nodes) for step in range(arrows))
    return f"digraph {{ {'; '.join(ways)} }}"


def test_a_graph_is_placed() -> None:
    placed = graphviz.lay_out("digraph { a -> b [id=way] }")

    assert [each["name"] for each in placed["objects"]] == ["a", "b"]
    assert [each["id"] for each in placed["edges"]] == ["way"]


def test_what_takes_too_long_is_refused_and_the_next_is_placed() -> None:
    engine = Engine(seconds=0.2)

    with pytest.raises(TooMuchToDraw):
        engine.lay_out(a_tangle(300, 9))
    assert engine.lay_out("digraph { a }")["objects"]
    engine.close()


def test_layouts_are_remembered_up_to_a_number() -> None:
    engine = Engine(kept=2)
    first = engine.lay_out("digraph { a }")

    assert engine.lay_out("digraph { a }") is first
    engine.lay_out("digraph { b }")
    engine.lay_out("digraph { c }")
    assert engine.lay_out("digraph { a }") is not first
    engine.close()


def test_many_threads_draw_with_one_engine() -> None:
    drawings = [draw(ORDER), draw(PARCEL)] * 6

    graphviz.forget()
    with ThreadPoolExecutor(6) as threads:
        pictures = [*threads.map(render_svg, drawings)]

    assert pictures == [render_svg(drawing) for drawing in drawings]


def test_a_picture_is_drawn_beside_an_event_loop() -> None:
    async def drawn() -> str:
        return await asyncio.to_thread(render_svg, draw(PARCEL))

    graphviz.forget()
    assert in_a_loop(drawn) == render_svg(draw(PARCEL))


def test_an_engine_that_begins_inside_an_event_loop_is_not_bound_to_it() -> None:
    engine = Engine(kept=0)

    async def drawn() -> Any:
        return engine.lay_out("digraph { a }")

    assert in_a_loop(drawn) == engine.lay_out("digraph { a }") == in_a_loop(drawn)
    engine.close()


def test_a_process_ends_that_drew_and_was_forked() -> None:
    for _ in range(3):  # an engine that nobody closes hangs at every second end
        ended = python(FORKS)
        assert (ended.returncode, ended.stderr) == (0, "")
