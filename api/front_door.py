"""
Where every request comes in: its host, its size, its time, its text are checked before any handler sees it.

The frameworks behind do none of this by themselves (measured): they wait for a slow body for ever, accept a missing
Host, answer deep JSON and bad UTF-8 with a 500.

Rule 1: a body is read whole, within its limit and its time, and handed on as one piece.
Rule 2: a Flow call is answered from here: it passes no router and no framework, whose cost it would feel most.
Rule 3: paths stay percent-encoded, so that a key may hold a slash; handlers unquote what they take from a path.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec
from msgspec import Struct

from api.flows import FlowEndpoint
from api.problems import FieldProblem, ProblemDocument, encoded, problem
from definitions.json_text import too_deep, unstorable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

KIB = 1024
DRAINED = 4 * KIB * KIB
"""A body over its limit is read up to here and dropped, so that the 413 arrives; beyond, the connection ends."""

BODY_SECONDS = 5.0
"""How long a body may take to arrive."""

JSON_TYPE, FORM_TYPE = b"application/json", b"application/x-www-form-urlencoded"
SIGNATURE_HEADER = b"x-hub-signature-256"
FLOWS = "/flows/"
LAB = "/lab"
_BODYLESS = {"GET", "HEAD", "OPTIONS"}
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


class Limit(Struct, frozen=True):
    """How large a body may be under a path, and whether it must be JSON that we can store, or may be a page's form."""

    prefix: str
    octets: int
    json: bool = True
    forms: bool = False


FLOW_LIMIT = 256 * KIB
LIMITS = (
    Limit(FLOWS, FLOW_LIMIT, json=False),
    # Meta repeats a call that is refused for seven days: whatever is signed is taken, and set aside if it is odd.
    Limit("/webhooks/whatsapp", 4 * KIB * KIB, json=False),
    Limit("/webhooks/couriers/", KIB * KIB),
    Limit("/_ah/", 64 * KIB),
    Limit("/portal", 64 * KIB, forms=True),
    Limit("/admin/api/", KIB * KIB),
    Limit("/admin", 64 * KIB, forms=True),
    Limit("/", KIB * KIB),
)


class _Closed(Exception):
    """The peer went away before its body was here."""


class Refused(Exception):
    """A request that goes no further, and what is told about it."""

    def __init__(self, status: int, code: str, detail: str = "", errors: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(code)
        self.document = problem(status, code, detail, errors=errors)


class Announced(Struct, frozen=True):
    """What a request's headers say of it: all values of Meta's signature header, and what its body is."""

    signatures: list[bytes]
    is_json: bool
    is_form: bool = False


class FrontDoor:
    """
    The ASGI application: the door, with the Flow endpoint right behind it and *inside* for everything else.

    The *lab*, if there is one, has its own limits: only the headers of what goes there are checked.
    """

    def __init__(
        self,
        inside: ASGIApp,
        flows: FlowEndpoint,
        hosts: frozenset[str],
        *,
        behind_proxy: bool,
        lab: ASGIApp | None = None,
    ) -> None:
        self._inside = inside
        self.flows = flows
        self._hosts = frozenset(host.encode() for host in hosts)
        self._behind_proxy = behind_proxy
        self._lab = lab

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the application's life."""
        if scope["type"] == "lifespan":
            await self._inside(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        is_flow = path.startswith(FLOWS) and scope["method"] == "POST"
        try:
            announced = self.check_headers(scope["headers"])
            if self._lab is not None and (path == LAB or path.startswith(f"{LAB}/")):
                await self._lab(scope, receive, send)
                return
            limit = _limit_of(path)
            body = b"" if scope["method"] in _BODYLESS else await _read(receive, limit.octets)
            if is_flow:
                await self._flow_call(scope, body, send)
                return
            _check_posted(path)
            if limit.json and body and not (limit.forms and announced.is_form):
                _check_json(body, announced)
        except _Closed:
            return
        except Refused as refused:
            if is_flow:
                self.flows.refuse(path[len(FLOWS) :], refused.document.code)
            await _refuse(send, refused.document, "" if is_flow else path)
            return
        await self._go_inside(scope, body, receive, send)

    def check_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> Announced:
        """
        Return what a request's headers announce of it.

        Raises:
            Refused: it is not for us alone, came through a proxy that should not be there, or its body is compressed.
        """
        hosts = 0
        signatures = []
        media_type = b""
        for name, value in headers:
            if name == b"host":
                hosts += 1
                if value not in self._hosts and value.lower() not in self._hosts:
                    raise Refused(400, "host_refused", "This server does not answer for that host.")
            elif name == b"content-type":
                media_type = value
            elif name == SIGNATURE_HEADER:
                signatures.append(value)
            elif name == b"content-encoding":
                raise Refused(415, "content_encoding", "Bodies are taken uncompressed.")
            elif name.startswith(b"x-forwarded-") and not self._behind_proxy:
                raise Refused(400, "proxy_refused", "In development no proxy may stand in front.")
        if hosts != 1:
            raise Refused(400, "host_refused", "A request names exactly one host.")
        if media_type == JSON_TYPE:
            return Announced(signatures, is_json=True)
        media_type = media_type.partition(b";")[0].strip().lower()
        return Announced(signatures, media_type == JSON_TYPE, media_type == FORM_TYPE)

    def flow_signatures(self, headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
        """
        Return the signatures that a Flow call came with.

        Raises:
            Refused: as above, or its body is not announced as JSON.
        """
        announced = self.check_headers(headers)
        if not announced.is_json:
            raise Refused(415, "media_type")
        return announced.signatures

    async def _flow_call(self, scope: Scope, body: bytes, send: Send) -> None:
        signatures = self.flow_signatures(scope["headers"])
        answer, call_id = await self.flows.answer(scope["path"][len(FLOWS) :], body, signatures)
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(answer.body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-request-id", call_id.encode()),
        ]
        if answer.retry_after:
            headers.append((b"retry-after", str(answer.retry_after).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _go_inside(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        request_id = secrets.token_hex(8)
        scope["path"] = scope["raw_path"].decode("ascii")
        scope.setdefault("state", {})["request_id"] = request_id
        given = False

        async def receive_once() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send_dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                extra = [header for header in SECURITY_HEADERS if header[0] not in present]
                message["headers"] = [*message["headers"], *extra, (b"x-request-id", request_id.encode())]
            await send(message)

        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # alike but for the body, which the server leaves out
        await self._inside(scope, receive_once, send_dressed)


def _limit_of(path: str) -> Limit:
    for limit in LIMITS:
        if path.startswith(limit.prefix):
            return limit
    raise Refused(400, "target_refused", "A request names a path of this server.")


def _check_posted(path: str) -> None:
    """Refuse what is sent to a Flow in another way than posted."""
    if path.startswith(FLOWS):
        raise Refused(405, "method_not_allowed", "Flow calls are posted.")


async def _read(receive: Receive, limit: int) -> bytes:
    """Return a request's whole body, if it is small enough and in time."""
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS
    pieces, size = [], 0
    more = True
    while more:
        message = await _next(receive, deadline)
        piece, more = message.get("body", b""), message.get("more_body", False)
        size += len(piece)
        if size <= limit:
            pieces.append(piece)
        elif size > DRAINED:
            break
    if size > limit:
        raise Refused(413, "body_too_large", f"At most {limit // KIB} KB are taken here.")
    return b"".join(pieces)


async def _next(receive: Receive, deadline: float) -> Message:
    try:
        async with asyncio.timeout_at(deadline):
            message = await receive()
    except TimeoutError:
        raise Refused(408, "body_too_slow", f"A body has {BODY_SECONDS:.0f} seconds to arrive.") from None
    if message["type"] == "http.disconnect":
        raise _Closed
    return message


def _check_json(body: bytes, announced: Announced) -> None:
    """Refuse what is not JSON, and JSON that could not be stored or would harm a decoder."""
    if not announced.is_json:
        raise Refused(415, "media_type", "Bodies are application/json.")
    if too_deep(body):
        raise Refused(400, "too_deep", "The JSON nests too deep.")
    try:
        body.decode()
        errors = tuple(FieldProblem(fault.pointer, fault.code, fault.message) for fault in unstorable(body))
    except (UnicodeDecodeError, msgspec.DecodeError):
        raise Refused(400, "not_json", "The body is not JSON in UTF-8.") from None
    if errors:
        raise Refused(422, "invalid_content", errors=errors)


async def _refuse(send: Send, document: ProblemDocument, path: str) -> None:
    """Answer a request that goes no further, as its *path* tells problems; without a path there is no body."""
    body, media_type = encoded(document, path) if path else (b"", "text/plain")
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", secrets.token_hex(8).encode()),
        *SECURITY_HEADERS,
    ]
    if document.status in {408, 413}:
        headers.append((b"connection", b"close"))  # part of the body may still be on its way
    if document.status == 405:  # noqa: PLR2004 - an HTTP status
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": document.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
