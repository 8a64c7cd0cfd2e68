"""
`python -m bench.pictures`: how long pictures take.

Of the shipped `shipment`, and of a Flow of thirty screens that is made here: what the first picture of a process takes,
an SVG when the engine is warm (with its layout made anew, and with it remembered), and a PNG.
"""

import statistics
import time
from collections.abc import Callable

import click
import msgspec
from msgspec import Struct

from definitions.catalogue import SHIPPED, compile_document
from definitions.flow_compiler import compile_flow
from definitions.flow_json.examples import endpoint_flow, exchange, footer, last, screen, text
from diagrams import draw, render_png, render_svg
from diagrams.graphviz import forget
from engine.model import Definition

MILLISECONDS = 1e3
GOAL = 50
"""Milliseconds that a warm SVG may take."""

STAGES = ("Your device", "What happened", "Your address", "Choose a day", "Payment", "Your visit")
SCREENS = 30


class Figure(Struct, frozen=True):
    """What one picture took, in milliseconds (medians but for the first)."""

    title: str
    milliseconds: float
    goal: float | None = None


def thirty_screens() -> Definition:
    """Return a Flow of thirty screens with an endpoint: each leads to the next, every third past it as well."""
    names = [f"STEP_{chr(ord('A') + index // 26)}{chr(ord('A') + index % 26)}" for index in range(SCREENS)]
    routes = {name: names[index + 1 : index + (3 if index % 3 == 0 else 2)] for index, name in enumerate(names)}
    screens = [
        screen(name, text(), footer(exchange()), title=f"{STAGES[index % len(STAGES)]} {index + 1}")
        for index, name in enumerate(names[:-1])
    ]
    document = endpoint_flow(*screens, last(text(), id=names[-1], title="Done"), routes=routes)
    compiled = compile_flow("thirty_screens", msgspec.json.encode(document)).definition
    if compiled is None:
        raise AssertionError("the Flow does not compile")
    return compiled


def shipment() -> Definition:
    """Return the shipped lifecycle of a shipment."""
    path = SHIPPED / "lifecycles" / "shipment.json"
    compiled = compile_document("shipment", path.read_bytes(), path).definition
    if compiled is None:
        raise AssertionError("the lifecycle does not compile")
    return compiled


def measured(rounds: int) -> list[Figure]:
    """Return what the pictures took."""
    figures = [Figure("the first of a process", _median(lambda: render_svg(draw(shipment())), 1))]
    for name, definition in (("shipment", shipment()), ("thirty screens", thirty_screens())):

        def anew(definition: Definition = definition) -> None:
            forget()
            render_svg(draw(definition))

        def again(definition: Definition = definition) -> None:
            render_svg(draw(definition))

        def as_png(definition: Definition = definition) -> None:
            render_png(draw(definition))

        figures += [
            Figure(f"{name}, SVG", _median(anew, rounds), GOAL),
            Figure(f"{name}, SVG, its layout remembered", _median(again, rounds), GOAL),
            Figure(f"{name}, PNG", _median(as_png, min(rounds, 3))),
        ]
    return figures


def table(figures: list[Figure]) -> str:
    """Return the figures for people to read."""
    return "\n".join(
        f"{each.title:<42}{each.milliseconds:>9.1f} ms{'' if each.goal is None else f'{each.goal:>9.0f} ms'}"
        for each in figures
    )


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=15, show_default=True, help="Measurements of each.")
def main(rounds: int) -> None:
    """Measure how long pictures take."""
    click.echo(f"{'':<42}{'median':>12}{'goal':>12}\n{table(measured(rounds))}")


def _median(act: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * MILLISECONDS


if __name__ == "__main__":
    main()
