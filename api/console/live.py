"""
What pages of the console hear while they are looked at, as server-sent events: that something has moved, and where to.

Rule 1: one beat a second asks the database whether anything was committed at all, for everybody who listens, and only
        while somebody does; what follows is asked once for all, or is one look by a key.
Rule 2: a stream ends itself after half a minute, and the browser comes again: nobody listens for longer than they look.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Stream
from msgspec import Struct

from api.console.standings import standing_in
from api.problems import Refusal
from api.staff import Visitor
from definitions.catalogue import Catalogue
from engine.errors import StoreError
from engine.ports import Store
from storage.queries import Queries

BEAT_SECONDS = 1.0
STREAM_SECONDS = 30.0
"""How long a stream lasts before the browser has to come again."""

RETRY_MILLISECONDS = 1000
MOST_STREAMS = 64
"""How many streams there may be at once."""

Counts = Mapping[str, Mapping[str, int]]


class Wanted(Struct, frozen=True):
    """What a page wants to hear of: a session, the counts of a definition (`*`: of all), that lists have changed."""

    definition: str = ""
    key: str = ""
    counts: str = ""


class Live:
    """Tells all who listen what has moved."""

    def __init__(self, queries: Queries, store: Store, catalogue: Catalogue) -> None:
        self._queries = queries
        self._store = store
        self._catalogue = catalogue
        self._listening = 0
        self._beating: asyncio.Task[None] | None = None
        self._pulse = 0
        self._moved = asyncio.Event()
        self._ending = False
        self._counted: tuple[int, Counts] | None = None

    @property
    def full(self) -> bool:
        """Return whether nobody else may listen now."""
        return self._listening >= MOST_STREAMS

    def hush(self) -> None:
        """Let everybody go who listens, and who comes later: the server is about to end."""
        self._ending = True
        self._moved.set()

    async def stream(self, wanted: Wanted, seconds: float) -> AsyncGenerator[str, None]:
        """Yield what is *wanted* as it stands, and again whenever it has changed, for so many *seconds*."""
        self._listening += 1
        ending = asyncio.get_running_loop().time() + seconds
        try:
            await self._feel()
            if self._beating is None:
                self._beating = asyncio.create_task(self._beat())
            yield f"retry: {RETRY_MILLISECONDS}\n\n"
            told = ""
            while not self._ending:
                moved = self._moved
                news = await self._news(wanted)
                if news != told:
                    told = news
                    yield news
                try:
                    await asyncio.wait_for(moved.wait(), ending - asyncio.get_running_loop().time())
                except TimeoutError:
                    return
        finally:
            self._listening -= 1
            if not self._listening and self._beating is not None:
                self._beating.cancel()
                self._beating = None

    async def _beat(self) -> None:
        """Wake all who listen after each commit, once a second at most."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self._feel()

    async def _feel(self) -> None:
        with suppress(StoreError):  # it is asked again
            pulse = await self._queries.pulse()
            if pulse != self._pulse:
                self._pulse = pulse
                self._moved.set()
                self._moved = asyncio.Event()

    async def _news(self, wanted: Wanted) -> str:
        """Return the event that says how things stand."""
        try:
            if wanted.key:
                return await self._session(wanted)
            if wanted.counts:
                counts = await self._counts()
                return _event("counts", counts if wanted.counts == "*" else counts.get(wanted.counts, {}))
        except StoreError:
            return _event("away", {})
        return _event("changed", {"pulse": self._pulse})

    async def _session(self, wanted: Wanted) -> str:
        (instance,) = await self._store.load([(wanted.definition, wanted.key)])
        if instance is None:
            return _event("gone", {})
        shown = standing_in(self._catalogue, instance.definition, instance.version, instance.state)
        asked = await self._queries.effects(definition=instance.definition, key=instance.key)
        said = {"revision": instance.revision, "state": instance.state, "title": shown.title}
        return _event("session", {**said, "effects": [(effect.status, effect.reason) for effect in asked]})

    async def _counts(self) -> Counts:
        """Return how many sessions are in each state, counted once for all after a commit."""
        pulse = self._pulse
        if self._counted is None or self._counted[0] != pulse:
            self._counted = pulse, await self._queries.counts_by_definition()
        return self._counted[1]


@get("/live", include_in_schema=False)
async def live(
    visitor: NamedDependency[Visitor],  # noqa: ARG001 - only staff may listen
    listening: NamedDependency[Live],
    definition: FromQuery[str] = "",
    key: FromQuery[str] = "",
    counts: FromQuery[str] = "",
) -> Stream:
    """
    Let a page hear of a session, of counts or, if it names none, that something was committed.

    Raises:
        Refusal: too many listen.
    """
    if listening.full:
        raise Refusal(503, "too_many_streams", "Too many pages are listening.", headers={"Retry-After": "10"})
    return Stream(listening.stream(Wanted(definition, key, counts), STREAM_SECONDS), media_type="text/event-stream")


def _event(name: str, said: Mapping[str, Any]) -> str:
    return f"event: {name}\ndata: {msgspec.json.encode(said).decode()}\n\n"
