"""
What every shipped picture shows, kept in golden/NAME.json: states, frames and arrows with their classes and texts.

`python -m tests.diagrams.golden_pictures` writes all of them anew; look at what changed before it is committed.
"""

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from definitions.catalogue import SHIPPED, compile_document
from diagrams import Drawing, Overlay, StateTraffic, Traffic, Walked, draw, render_svg
from engine.model import Definition
from tests.diagrams.reading import Shape, edges, frames, picture, states

GOLDEN = Path(__file__).parent / "golden"

DOCUMENTS = {
    **{path.parent.name: path for path in sorted(SHIPPED.glob("flows/*/flow.json"))},
    **{path.stem: path for path in sorted(SHIPPED.glob("lifecycles/*.json"))},
}
"""The documents of the shipped definitions, by the definitions' names."""


ROUTE = ("created", "preparing", "shipped", "returning")
"""The states of an order that the kept run passes."""


class Shown(Struct, frozen=True):
    """All that a picture shows, but for where it stands."""

    title: str | None
    described: str | None
    states: dict[str, Shape]
    frames: dict[str, Shape]
    arrows: dict[str, Shape]


@cache
def shipped(name: str) -> Definition:
    """Return a shipped definition."""
    path = DOCUMENTS[name]
    definition = compile_document(name, path.read_bytes(), path).definition
    if definition is None:
        raise AssertionError(name)
    return definition


def drawings() -> Iterator[tuple[str, Drawing]]:
    """Yield all that a golden file is kept of, by its name."""
    for name in DOCUMENTS:
        yield name, draw(shipped(name))
    yield "order_with_a_run", draw(shipped("order"), a_run(shipped("order")))
    yield "shipment_with_traffic", draw(shipped("shipment"), traffic=some_traffic(shipped("shipment")))


def a_run(definition: Definition) -> Overlay:
    """Return a run along `ROUTE`, of which the second step was not seen."""
    walked = tuple(
        next(
            Walked(source, arrow.event, target, inferred=source == ROUTE[1])
            for arrow in definition.transitions
            if (arrow.source, arrow.target) == (source, target)
        )
        for source, target in itertools.pairwise(ROUTE)
    )
    allowed = dict.fromkeys(arrow.event for arrow in definition.transitions if arrow.source == ROUTE[-1])
    return Overlay(ROUTE[-1], walked, tuple(allowed))


def some_traffic(definition: Definition) -> Traffic:
    """Return numbers for every state, and for the arrows in their order fewer and fewer."""
    return Traffic(
        {
            state.id: StateTraffic(number, 100 - number, number % 5, 60.0 * (number + 1))
            for number, state in enumerate(definition.states)
        },
        {
            (arrow.source, arrow.event, arrow.target): 1000 // number
            for number, arrow in zip(itertools.count(1), definition.transitions, strict=False)
        },
    )


def shown(drawing: Drawing) -> Shown:
    """Return what the picture of a drawing shows."""
    root = picture(render_svg(drawing))
    title, described = (root.findtext(f"{{http://www.w3.org/2000/svg}}{name}") for name in ("title", "desc"))
    return Shown(title, described, states(root), frames(root), edges(root))


def written(what: Shown) -> bytes:
    """Return what is kept in a golden file."""
    return msgspec.json.format(msgspec.json.encode(what), indent=2) + b"\n"


def main() -> None:
    """Write all golden files anew."""
    GOLDEN.mkdir(exist_ok=True)
    for path in GOLDEN.glob("*.json"):
        path.unlink()
    for name, drawing in drawings():
        (GOLDEN / f"{name}.json").write_bytes(written(shown(drawing)))


if __name__ == "__main__":
    main()
