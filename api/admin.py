"""
The admin API: definitions with their diagrams, sessions with their history, effects, counts.

Rule 1: every address needs an administrator's token.
Rule 2: lists are paged by cursor and never longer than 200.
"""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from api.auth import staff
from api.console.pictures import STEPS_DRAWN, STUDIO, of_session, of_traffic, suffix_of
from api.metrics import Metrics
from api.outbox import DISCARDED, REDRIVEN, Outbox
from api.problems import FieldProblem, Refusal, documented
from api.search import meant_by
from api.sessions import Act, SessionDesk
from api.views import (
    ActBody,
    CompiledView,
    DefinitionView,
    EdgeTaken,
    EffectChanged,
    EffectView,
    HistoryItem,
    Latency,
    MintBody,
    Minted,
    SessionList,
    SessionView,
    StateCount,
    Stats,
    StoryStep,
    compiled_view,
    definition_view,
    effect_view,
    history_item,
    session_item,
    session_view,
    story_step,
)
from definitions.catalogue import Catalogue
from definitions.flow_calls import TOKEN_LIFE
from definitions.media import Media, MediaError
from diagrams import MEDIA_TYPES, Drawing, draw
from engine.errors import UnknownInstance
from engine.model import SECOND, Definition, EffectStatus, Instance
from engine.ports import Store
from storage.queries import Queries

MAX_LIMIT = 200
"""How long a list may be."""

Number = Annotated[int, Meta(ge=1, le=2**63 - 1)]
"""A row's number, or a time: the places where pages of lists end begin with one."""

Place = TypeVar("Place")

UNKNOWN_DEFINITION = "unknown_definition"
INVALID_CONTENT = "invalid_content"


class AdminApi(Controller):
    """Everything under `/admin/api/v1`."""

    path = "/admin/api/v1"
    guards = (staff,)
    tags = ("admin",)

    # Definitions

    @get("/definitions", responses=documented(401, 403))
    async def definitions(self, catalogue: NamedDependency[Catalogue]) -> list[DefinitionView]:
        """List the definitions that run."""
        return [
            definition_view(document, catalogue.interpreter(document.name).definition)
            for document in catalogue.documents.values()
        ]

    @get("/definitions/{name:str}", responses=documented(401, 403, 404))
    async def definition(self, name: FromPath[str], catalogue: NamedDependency[Catalogue]) -> CompiledView:
        """Return a compiled definition."""
        return compiled_view(_current(catalogue, unquote(name)))

    @get("/definitions/{name:str}/source", responses=documented(401, 403, 404))
    async def definition_source(self, name: FromPath[str], catalogue: NamedDependency[Catalogue]) -> dict[str, Any]:
        """Return the document that a definition is compiled from: the Flow JSON, or the lifecycle."""
        current = _current(catalogue, unquote(name))
        source: dict[str, Any] = msgspec.json.decode(catalogue.documents[current.name].source)
        return source

    @get(
        [f"/definitions/{{name:str}}/diagram.{form}" for form in MEDIA_TYPES],
        responses=documented(401, 403, 404, 501),
    )
    async def definition_diagram(
        self,
        name: FromPath[str],
        request: Request[Any, Any, Any],
        catalogue: NamedDependency[Catalogue],
        queries: NamedDependency[Queries],
        *,
        traffic: FromQuery[bool] = False,
    ) -> Response[bytes]:
        """Draw a definition; with *traffic*, what all its sessions did is laid over."""
        current = _current(catalogue, unquote(name))
        if not traffic:
            return await _drawn(draw(current), request)
        return await _drawn(of_traffic(current, await queries.traffic(current.name)), request)

    # Sessions

    @post("/sessions", responses=documented(401, 403, 404, 409, 415, 422))
    async def mint(
        self, data: JSONBody[MintBody], sessions: NamedDependency[SessionDesk], catalogue: NamedDependency[Catalogue]
    ) -> Minted:
        """Open a session: of a Flow, with its token, which is how one without endpoint begins; or of a lifecycle."""
        if catalogue.opens(data.definition):
            return Minted(await _opened(data, sessions))
        if data.key and data.definition in catalogue.flows:
            problem = FieldProblem("/key", "unexpected", "The key of a Flow's session is its token: nobody chooses it")
            raise Refusal(422, INVALID_CONTENT, errors=(problem,))
        about = None if data.about is None else (data.about.definition, data.about.key)
        life = TOKEN_LIFE if data.expires_in is None else data.expires_in * SECOND
        try:
            minted = await sessions.mint(data.definition, data.recipient, data.data, life, about=about)
        except UnknownInstance as unknown:
            if about is not None and unknown.definition != data.definition:
                raise Refusal(404, "unknown_session", "There is no session that it could be about.") from None
            detail = "No Flow has that name, and no lifecycle that is opened here."
            raise Refusal(404, UNKNOWN_DEFINITION, detail) from None
        return Minted(minted.key)

    @get("/sessions", responses=documented(401, 403, 422))
    async def list_sessions(
        self,
        queries: NamedDependency[Queries],
        store: NamedDependency[Store],
        sessions: NamedDependency[SessionDesk],
        definition: FromQuery[str] = "",
        in_state: Annotated[str, QueryParameter(name="state")] = "",
        q: FromQuery[str] = "",
        after: Annotated[str, QueryParameter(name="cursor")] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = 50,
    ) -> SessionList:
        """
        List sessions, the newest first; *q* is anything that is known of one.

        That is its key or the beginning of it, an order's number or a tracking number, a message's id, or the phone
        number of the customer whose it is.
        """
        meant = await meant_by(q, store, sessions)
        found = await queries.sessions(
            definition,
            in_state,
            meant.text,
            place_of(after, Number),
            limit + 1,
            phone=meant.phone,
            recipient=meant.recipient,
        )
        more = len(found) > limit
        items = tuple(session_item(session) for session in found[:limit])
        return SessionList(items, cursor(found[limit - 1].id) if more else None)

    @get("/sessions/{definition:str}/{key:str}", responses=documented(401, 403, 404))
    async def session(
        self,
        definition: FromPath[str],
        key: FromPath[str],
        sessions: NamedDependency[SessionDesk],
        catalogue: NamedDependency[Catalogue],
        queries: NamedDependency[Queries],
    ) -> SessionView:
        """Return a session, whole."""
        return await _view(await sessions.find(unquote(definition), unquote(key)), catalogue, queries)

    @get("/sessions/{definition:str}/{key:str}/history", responses=documented(401, 403, 404))
    async def history(
        self,
        definition: FromPath[str],
        key: FromPath[str],
        sessions: NamedDependency[SessionDesk],
        queries: NamedDependency[Queries],
    ) -> list[HistoryItem]:
        """Return a session's steps, in order."""
        instance = await sessions.find(unquote(definition), unquote(key))
        return [history_item(item) for item in await queries.history(*instance.id)]

    @get("/sessions/{definition:str}/{key:str}/story", responses=documented(401, 403, 404))
    async def story(
        self,
        definition: FromPath[str],
        key: FromPath[str],
        sessions: NamedDependency[SessionDesk],
        queries: NamedDependency[Queries],
    ) -> list[StoryStep]:
        """
        Return what happened around a session, in order: to its family, its messages, the Flows that act on it.

        At most 1,000 steps are told, the latest.
        """
        instance = await sessions.find(unquote(definition), unquote(key))
        return [story_step(item) for item in await queries.story(*instance.id)]

    @get(
        "/sessions/{definition:str}/{key:str}/media/{media_id:str}",
        media_type="application/octet-stream",
        responses=documented(401, 403, 404, 502),
    )
    async def session_media(
        self,
        definition: FromPath[str],
        key: FromPath[str],
        media_id: FromPath[str],
        sessions: NamedDependency[SessionDesk],
        media: NamedDependency[Media],
    ) -> Response[bytes]:
        """Return a file that the customer completed the session with, fetched through the Graph API."""
        file = await sessions.media(unquote(definition), unquote(key), unquote(media_id))
        if file is None:
            raise Refusal(404, "unknown_media", "The session brought no file of that id.")
        # What a customer sent is nothing for a browser to show: it is saved, whatever it calls itself.
        headers = {"content-disposition": "attachment", "x-content-type-options": "nosniff"}
        try:
            content = await media.fetch(file)
        except MediaError as error:
            raise Refusal(502, error.reason, "Meta did not give the file, or not as it was sent.") from None
        return Response(content, media_type="application/octet-stream", headers=headers)

    @get(
        [f"/sessions/{{definition:str}}/{{key:str}}/diagram.{form}" for form in MEDIA_TYPES],
        responses=documented(401, 403, 404, 501),
    )
    async def session_diagram(
        self,
        definition: FromPath[str],
        key: FromPath[str],
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionDesk],
        catalogue: NamedDependency[Catalogue],
        queries: NamedDependency[Queries],
    ) -> Response[bytes]:
        """Draw a session: its definition with the way it went, where it stands, and what may come next."""
        instance = await sessions.find(unquote(definition), unquote(key))
        interpreter = catalogue.interpreter(instance.definition, instance.version)
        walked = await queries.journal_page(*instance.id, None, STEPS_DRAWN)
        drawing = of_session(interpreter.definition, instance.state, reversed(walked), interpreter.allowed(instance))
        return await _drawn(drawing, request)

    @post(
        "/sessions/{definition:str}/{key:str}/events",
        status_code=200,
        responses=documented(401, 403, 404, 409, 415, 422),
    )
    async def act(
        self,
        definition: FromPath[str],
        key: FromPath[str],
        data: JSONBody[ActBody],
        sessions: NamedDependency[SessionDesk],
        catalogue: NamedDependency[Catalogue],
        queries: NamedDependency[Queries],
    ) -> SessionView:
        """Send an event to a session and return the session after it."""
        act = Act(data.event, data.id, data.data, data.reason)
        return await _view(await sessions.act(unquote(definition), unquote(key), act), catalogue, queries)

    # Effects and counts

    @get("/effects", responses=documented(401, 403, 422))
    async def effects(
        self,
        queries: NamedDependency[Queries],
        status: FromQuery[EffectStatus | None] = None,
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = MAX_LIMIT,
    ) -> list[EffectView]:
        """List effects, the oldest first; those *after* the effect of that id, the last of the page before."""
        if after and not await queries.effects(effect_id=after):
            raise Refusal(400, "bad_cursor", "No effect has that id.")
        return [effect_view(effect) for effect in await queries.effects(status=status or "", after=after, limit=limit)]

    @post("/effects/{effect_id:str}/retry", status_code=200, responses=documented(401, 403, 404, 409, 415, 422))
    async def retry(
        self,
        effect_id: FromPath[str],
        outbox: NamedDependency[Outbox],
        store: NamedDependency[Store],
        may_send_twice: FromQuery[bool] = False,
    ) -> EffectChanged:
        """Let an effect be called again; one whose outcome is unknown only if it *may_send_twice*."""
        key = unquote(effect_id)
        (owed,) = await store.owed([key])
        if owed is not None and owed.status == "unknown" and not may_send_twice:
            raise Refusal(409, "may_send_twice", "It may have arrived: with ?may_send_twice=true it is called again.")
        expected = REDRIVEN if may_send_twice else [status for status in REDRIVEN if status != "unknown"]
        return await _changed(key, "pending", expected, store, done=await outbox.redrive(key, expected))

    @post("/effects/{effect_id:str}/discard", status_code=200, responses=documented(401, 403, 404, 409, 415, 422))
    async def discard(
        self, effect_id: FromPath[str], outbox: NamedDependency[Outbox], store: NamedDependency[Store]
    ) -> EffectChanged:
        """Let an effect be called no more."""
        key = unquote(effect_id)
        return await _changed(key, "discarded", DISCARDED, store, done=await outbox.discard(key))

    @get("/stats", responses=documented(401, 403))
    async def stats(self, queries: NamedDependency[Queries], metrics: NamedDependency[Metrics]) -> Stats:
        """Count sessions by state, edges taken, and what waits for people."""
        return Stats(
            sessions=tuple(StateCount(*msgspec.structs.astuple(count)) for count in await queries.counts()),
            edges=tuple(EdgeTaken(*msgspec.structs.astuple(edge)) for edge in await queries.edges()),
            flow_latency=Latency(*metrics.flow_calls.latency()),
            quarantined=await queries.quarantined(),
        )


async def _opened(data: MintBody, sessions: SessionDesk) -> str:
    """
    Open a session of a lifecycle and return its key.

    Raises:
        Refusal: there is one of that key, or more is said than a lifecycle takes.
    """
    given = {"recipient": bool(data.recipient), "about": data.about, "expires_in": data.expires_in}
    unexpected = tuple(
        FieldProblem(f"/{name}", "unexpected", "Only a session of a Flow has that")
        for name, value in given.items()
        if value
    )
    if unexpected:
        raise Refusal(422, INVALID_CONTENT, errors=unexpected)
    opened = await sessions.open(data.definition, data.key, data.data)
    if opened is None:
        raise Refusal(409, "session_exists", "There is a session of that definition and key.")
    return opened.key


def _current(catalogue: Catalogue, name: str) -> Definition:
    """
    Return the version of a definition that new sessions get.

    Raises:
        Refusal: there is none of that name.
    """
    if name not in catalogue:
        raise Refusal(404, UNKNOWN_DEFINITION, "No definition has that name.")
    return catalogue.interpreter(name).definition


async def _view(instance: Instance, catalogue: Catalogue, queries: Queries) -> SessionView:
    effects = await queries.effects(definition=instance.definition, key=instance.key)
    return session_view(instance, catalogue, effects)


async def _changed(
    effect_id: str, status: EffectStatus, expected: Sequence[EffectStatus], store: Store, *, done: bool
) -> EffectChanged:
    """
    Return that an effect has its new status.

    Raises:
        Refusal: it has not.
    """
    if not done:
        if (await store.owed([effect_id]))[0] is None:
            raise Refusal(404, "unknown_effect", "No effect has that id.")
        raise Refusal(409, "effect_status", f"Only effects that are {', '.join(expected)} can become {status}.")
    return EffectChanged(effect_id, status)


async def _drawn(drawing: Drawing, request: Request[Any, Any, Any]) -> Response[bytes]:
    """
    Return a drawing in the form that the address ends with.

    Raises:
        Refusal: it cannot be drawn here, or not now.
    """
    form = suffix_of(request)
    return Response(await STUDIO.file(drawing, form), media_type=MEDIA_TYPES[form])


def cursor(place: object) -> str:
    """Return the cursor of the *place* where a page ends: what its list is ordered by."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place_of(text: str, kind: type[Place]) -> Place | None:
    """
    Return the place that a cursor tells, or None for the beginning.

    Raises:
        Refusal: it is no cursor of ours.
    """
    if not text:
        return None
    try:
        place = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
        known = cursor(place) == text
    except (ValueError, msgspec.DecodeError):
        known = False
    if not known:
        raise Refusal(400, "bad_cursor", "That is no cursor of ours.")
    return place
