"""
Diagrams as they are served: drawn beside the event loop, from the version that runs, with what is laid over it.

Rule: drawing takes seconds where a query takes none, so it has threads of its own and holds up nothing but drawing.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from litestar import Request, Response
from msgspec import Struct

import diagrams
from api.console.standings import given_up
from api.problems import Refusal
from diagrams import (
    MEDIA_TYPES,
    Drawing,
    Overlay,
    PicturesUnavailable,
    StateTraffic,
    TooMuchToDraw,
    Walked,
    draw,
    render_svg,
    rendered,
)
from engine.model import Definition
from storage.queries import JournalItem
from storage.traffic import Traffic

Drawn = TypeVar("Drawn")

DRAWERS = 2
"""How many pictures are drawn at the same time."""

MOST_IMAGES = 4
"""How many PNG images, which take the longest, may be asked for at once: what is being drawn, and what waits for it."""

IMAGES_RETRY_AFTER = "10"
"""Seconds after which those images are there."""

STEPS_DRAWN = 500
"""How many steps, the newest, the way in a picture is made of."""

PREFIX = "picture-"
"""What ids of a picture begin with inside a page."""


ODD = re.compile(r"[^A-Za-z0-9_.-]+")
"""What names of files have none of."""


class Picture(Struct, frozen=True):
    """A diagram as a page shows it: SVG, or in words why there is none."""

    svg: str = ""
    missing: str = ""


class Studio:
    """Draws in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(DRAWERS, thread_name_prefix="drawing")
        self._images: list[Future[bytes]] = []

    async def svg(self, drawing: Drawing) -> str:
        """
        Return a drawing as SVG for a page.

        Raises:
            PicturesUnavailable: a library that draws is not installed.
            TooMuchToDraw: there is too much to draw.
        """
        return await asyncio.wrap_future(self._begun(partial(render_svg, drawing, prefix=PREFIX)))

    async def file(self, drawing: Drawing, form: str) -> bytes:
        """
        Return a drawing in a form of `MEDIA_TYPES`.

        Raises:
            Refusal: it cannot be drawn here, or not now.
        """
        work = partial(rendered, drawing, form)
        try:
            return await asyncio.wrap_future(self._image(work) if form == "png" else self._begun(work))
        except (PicturesUnavailable, TooMuchToDraw) as unavailable:
            raise Refusal(501, "no_pictures", str(unavailable)) from None

    def _begun(self, work: Callable[[], Drawn]) -> Future[Drawn]:
        return self._threads.submit(work)

    def _image(self, work: Callable[[], bytes]) -> Future[bytes]:
        self._images = [image for image in self._images if not image.done()]
        if len(self._images) >= MOST_IMAGES:
            text = "Too many images are being drawn. Please ask again in a moment."
            raise Refusal(503, "too_many_pictures", text, headers={"Retry-After": IMAGES_RETRY_AFTER})
        image = self._begun(work)
        self._images.append(image)
        return image


STUDIO = Studio()
"""Draws for all pages and addresses of this process."""


async def picture(drawing: Drawing) -> Picture:
    """Return a drawing as a page shows it."""
    try:
        return Picture(await STUDIO.svg(drawing))
    except (PicturesUnavailable, TooMuchToDraw) as unavailable:
        return Picture(missing=str(unavailable))


def of_session(definition: Definition, state: str, steps: Iterable[JournalItem], allowed: tuple[str, ...]) -> Drawing:
    """Return the drawing of a session: the way it went in *steps*, where it stands, what may happen next."""
    walked = tuple(Walked(step.source_state, step.event, step.target_state, step.inferred) for step in steps)
    return draw(definition, Overlay(state, walked, allowed))


def of_traffic(definition: Definition, traffic: Traffic) -> Drawing:
    """Return the drawing of a definition with all that its sessions did."""
    return draw(definition, traffic=laid_over(definition, traffic))


def laid_over(definition: Definition, traffic: Traffic) -> diagrams.Traffic:
    """Return the traffic of a definition as diagrams show it."""
    gone = given_up(definition)
    entered = times_entered(definition, traffic)
    states = {}
    for state in definition.states:
        leaving = [edge for edge in traffic.edges if edge.source_state == state.id]
        dropped = sum(edge.taken for edge in leaving if edge.target_state in gone)
        states[state.id] = StateTraffic(
            now=traffic.sessions.get(state.id, 0),
            entered=entered[state.id],
            dropped=dropped,
            median_seconds=traffic.seconds.get(state.id),
        )
    edges = {(edge.source_state, edge.event, edge.target_state): edge.taken for edge in traffic.edges}
    return diagrams.Traffic(states, edges)


def times_entered(definition: Definition, traffic: Traffic) -> dict[str, int]:
    """Return how often each state was entered or begun in: as often as it was left, and who is there still."""
    left = Counter(traffic.sessions)
    for edge in traffic.edges:
        left[edge.source_state] += edge.taken if edge.source_state != edge.target_state else 0
    return {state.id: left[state.id] for state in definition.states}


def suffix_of(request: Request[Any, Any, Any]) -> str:
    """Return how the address of a diagram ends: in what form it is asked for."""
    return str(request.scope["path"]).rpartition(".")[2]


def file_name(name: str) -> str:
    """Return a name as one for a file that is saved."""
    return ODD.sub("-", name)


async def download(drawing: Drawing, name: str, suffix: str) -> Response[bytes]:
    """
    Return a drawing as a file to be saved.

    Raises:
        Refusal: it cannot be drawn here, or not now.
    """
    body = await STUDIO.file(drawing, suffix)
    headers = {"content-disposition": f'attachment; filename="{file_name(name)}.{suffix}"'}
    return Response(body, media_type=MEDIA_TYPES[suffix], headers=headers)
