"""
`python -m bench.check`: how long checking and compiling a Flow takes, by the size of its document.

The documents are made here: screens of texts, inputs and expressions, and for the largest inline images. Each is
checked as `waystate check` does (read, linted, compiled, every finding placed), or compiled as at a server's start.
*decodes* is how many times longer that takes than decoding the JSON alone, measured in the same run, so that a slow
machine or a busy moment is slow for both.
"""

import base64
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from api.cli.check import findings_of
from definitions.catalogue import compile_document
from definitions.flow_compiler import compile_flow
from definitions.flow_json.examples import component, example_of, flow, go_to, last, screen, text, text_input

MILLISECONDS = 1e3
NAME = "survey"


class Goal(Struct, frozen=True):
    """A document to measure: its screens, how many components each has, the bytes of an image on each; and the goal."""

    title: str
    screens: int
    components: int
    image: int
    milliseconds: float
    compiles: bool = False


GOALS = (
    Goal("100 kB", 13, 40, 0, 50),
    Goal("1 MB", 99, 52, 0, 1000),
    Goal("3 MB, inline images", 60, 30, 34_000, 2000),
    Goal("100 screens", 100, 10, 0, 100, compiles=True),
)


class Figure(Struct, frozen=True):
    """What one document took: milliseconds (the median), and how many times the decoding of its JSON that is."""

    title: str
    kilobytes: int
    milliseconds: float
    decodes: float
    goal: float


def document(goal: Goal) -> bytes:
    """Return a sound Flow of that many screens, each leading to the next."""
    names = [_name(index) for index in range(goal.screens)]
    chance = random.Random(1)  # noqa: S311 - the same images each time
    screens = []
    for index, name in enumerate(names):
        children: list[Any] = []
        for number in range(goal.components // 2):
            children.append(text("What we would like to know, and why we ask for it."))
            children.append(
                text_input(f"field_{number}", visible="`${data.shown} && true`", helper_text="As on the bill")
            )
        if goal.image:
            children.append(
                component("Image", src=base64.b64encode(b"\x89PNG" + chance.randbytes(goal.image)).decode())
            )
        answers = {f"field_{number}": f"${{form.field_{number}}}" for number in range(goal.components // 2)}
        data = {"shown": example_of("boolean", value=True)}
        if index + 1 < len(names):
            following = {**data, **{key: example_of("string", "x") for key in answers}}
            children.append(go_to(names[index + 1], shown="${data.shown}", **answers))
            screens.append(screen(name, *children, data=following if index else data))
        else:
            screens.append(
                last(*children, id=name, data={**data, **{key: example_of("string", "x") for key in answers}})
            )
    return msgspec.json.format(msgspec.json.encode(flow(*screens)))


def measure(goal: Goal, rounds: int) -> Figure:
    """Return what checking, or compiling, the document of a goal takes."""
    source = document(goal)

    def check() -> None:
        found = findings_of(compile_document(NAME, source, Path("flow.json")))
        if [each for each in found if each.severity == "error"]:
            raise AssertionError(f"{goal.title} is not sound: {found[0]}")

    def compile_it() -> None:
        if compile_flow(NAME, source).definition is None:
            raise AssertionError(f"{goal.title} does not compile")

    took = _median(compile_it if goal.compiles else check, rounds)
    decoding = _median(lambda: msgspec.json.decode(source), rounds)
    return Figure(goal.title, len(source) // 1000, took * MILLISECONDS, took / decoding, goal.milliseconds)


def table(figures: list[Figure]) -> str:
    """Return the figures for people to read."""
    lines = [f"{'':<22}{'kB':>6}{'median':>12}{'decodes':>10}{'goal':>10}"]
    lines += [
        f"{each.title:<22}{each.kilobytes:>6}{each.milliseconds:>9.1f} ms{each.decodes:>10.1f}{each.goal:>7.0f} ms"
        for each in figures
    ]
    return "\n".join(lines)


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=15, show_default=True, help="Measurements of each.")
def main(rounds: int) -> None:
    """Measure how long checking and compiling a Flow takes."""
    click.echo(table([measure(goal, rounds) for goal in GOALS]))


def _median(act: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _name(index: int) -> str:
    return "S_" + "".join(chr(ord("A") + index // 26**place % 26) for place in (1, 0))


if __name__ == "__main__":
    main()
