"""
The lab as an ASGI application: under `/lab` of a development server, or on its own (`waystate lab`).

The way in: the gate (who may ask, from where) -> the Graph API, or Litestar's handlers -> the workbench.

Rule 1: it holds the secrets of a server, so it is for one's own machine alone: it answers for hosts of this machine
        only, and what another site's page sends is refused.
Rule 2: what cannot be done is told to whoever asks: to people by a page, to programs as JSON.
Rule 3: a path stays percent-encoded, so that a key may hold a slash: what is taken from one goes on as it came.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from litestar import Litestar, MediaType, Request, Response
from litestar.di import Provide
from litestar.exceptions import HTTPException

from lab import desk, phone_api
from lab.graph import Asked
from lab.pages import render_page
from lab.phone_api import Refused
from lab.workbench import Workbench
from lab.world import Unable, World

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

GRAPH, COURIER = "/lab/graph/", "/lab/courier/"
"""Where the Graph API is, and couriers are; what comes after it is as at theirs."""

API = "/lab/api/"
"""Where programs ask, the phone's page among them."""

BROKEN: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]}
"""The beginning of an answer that never ends: the server breaks a connection on which no more comes."""

BAD_REQUEST, NOT_FOUND, BAD_GATEWAY = 400, 404, 502

MAX_BODY = 32 * 1024 * 1024

MAX_COURIER_BODY = 64 * 1024
"""How much is read of what a courier is asked: more is nothing that a courier understands."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_PAGES = frozenset({"same-origin", "none"})
"""What a browser says of requests that our own pages or their reader made."""

CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY),
)


class Lab:
    """The lab of *world*, reached at *address*, which ends in `/lab`; somebody must keep it `alive`."""

    def __init__(self, world: World, address: str) -> None:
        self.bench = Workbench(world, address)
        self.smtp_url = self.bench.letterbox.url
        self._inside = cast("Callable[[Scope, Receive, Send], Awaitable[None]]", _pages_and_api(self.bench))

    def alive(self) -> AbstractAsyncContextManager[None]:
        """Return the context for as long as which the lab works."""
        return self.bench.alive()

    def hush(self) -> None:
        """Let whoever waits for news go: the lab is about to end."""
        self.bench.hush()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the lab's life where it is served on its own."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = {**scope, "path": scope["raw_path"].decode("ascii"), "root_path": ""}
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = _refusal(scope["method"], headers)
        if refusal:
            await _answer(send, 403, refusal.encode(), "text/plain; charset=utf-8")
        elif scope["path"].startswith(GRAPH):
            await self._graph(scope, headers, receive, send)
        elif scope["path"].startswith(COURIER):
            await self._courier(scope, headers, receive, send)
        else:
            if scope["method"] == "HEAD":
                scope = {**scope, "method": "GET"}  # alike but for the body, which the server leaves out
            await self._inside(scope, receive, _dressed(send))

    async def _graph(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        """Answer as the Graph API; a connection that is to break is left in the middle of an answer."""
        query = scope["query_string"].decode("latin-1")
        target = f"/{scope['path'].removeprefix(GRAPH)}" + (f"?{query}" if query else "")
        answer, fault = self.bench.graph.take(Asked.of(scope["method"], target, headers, await _body(receive)))
        await asyncio.sleep(fault.seconds)
        if fault.reset:
            await send(BROKEN)
            return
        kind = answer.headers.get("Content-Type", "application/octet-stream")
        more = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
        await _answer(send, answer.status, answer.body, kind, [each for each in more if each[0] != b"content-type"])

    async def _courier(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        """Answer as a courier that the server asks for something."""
        name, _, path = scope["path"].removeprefix(COURIER).partition("/")
        try:
            said = msgspec.json.decode(await _body(receive, MAX_COURIER_BODY) or b"{}")
        except msgspec.DecodeError:
            said = {}
        asked = self.bench.take_request(name, f"/{path}", said, headers.get("idempotency-key", ""))
        faults = self.bench.faults.couriers
        await asyncio.sleep(faults.seconds if faults.answer == "slow" else 0)
        if faults.answer == "reset":
            await send(BROKEN)
            return
        answer = {
            "success": asked.status < BAD_REQUEST,
            "status": "accepted" if asked.status < BAD_REQUEST else "refused",
        }
        await _answer(send, asked.status, msgspec.json.encode(answer), "application/json")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.alive():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def _pages_and_api(bench: Workbench) -> Litestar:
    def on_refused(request: Request[Any, Any, Any], refused: Refused) -> Response[Any]:
        return _refused(request, bench, refused.status, str(refused))

    def on_unable(request: Request[Any, Any, Any], unable: Unable) -> Response[Any]:
        return _refused(request, bench, BAD_GATEWAY, str(unable))

    def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        cause = error.__cause__
        detail = str(cause) if isinstance(cause, msgspec.MsgspecError) else error.detail
        return _refused(request, bench, error.status_code, detail)

    return Litestar(
        route_handlers=[*desk.HANDLERS, *phone_api.HANDLERS],
        dependencies={"bench": Provide(lambda: bench, sync_to_thread=False)},
        exception_handlers={Refused: on_refused, Unable: on_unable, HTTPException: on_http},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=MAX_BODY,
    )


def _refused(request: Request[Any, Any, Any], bench: Workbench, status: int, detail: str) -> Response[Any]:
    """Say why a request is not answered: to people by a page that leads back, to programs as JSON."""
    if request.url.path.startswith(API) or MediaType.HTML not in request.headers.get("accept", ""):
        return Response({"error": detail}, status_code=status)
    heading = "There is nothing here" if status == NOT_FOUND else "That was not taken"
    page = render_page("refusal.html", server=bench.world.url, heading=heading, detail=detail)
    return Response(page, status_code=status, media_type=MediaType.HTML)


def _refusal(method: str, headers: dict[str, str]) -> str:
    """Return why a request goes no further, "" if it does: Rule 1."""
    host = headers.get("host", "")
    try:
        if urlsplit(f"//{host}").hostname not in LOOPBACK:
            return "The lab answers for this machine only."
        if method in SAFE:
            return ""
        site = headers.get("sec-fetch-site")
        # What a page sends that tells no referrer comes from the origin `null`, of its own site too.
        ours = site in OWN_PAGES if site else urlsplit(headers.get("origin", f"//{host}")).netloc == host
    except ValueError:
        ours = False
    return "" if ours else "Another site's page may not do that."


def _dressed(send: Send) -> Send:
    """Return what sends answers with the headers that all of them have."""

    async def send_dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(each for each in SECURITY_HEADERS if each[0] not in present)]
        await send(message)

    return send_dressed


async def _answer(
    send: Send, status: int, body: bytes, kind: str, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    length = (b"content-length", str(len(body)).encode())
    headers = [(b"content-type", kind.encode()), length, *(more or []), *SECURITY_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive, most: int = MAX_BODY) -> bytes:
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False) and sum(map(len, pieces)) <= most
    return b"".join(pieces)[:most]
