"""
The short way in for Flow calls: from the HTTP parser straight to the endpoint.

A subclass of uvicorn's protocol. It takes `POST /flows/…` before an ASGI call is made of it, and leaves everything else
to uvicorn. The ASGI way (api/front_door.py) answers the same calls the same way under any other server; this one saves
half of what HTTP costs beside RSA.

Rule 1: what the front door checks of a call is checked here by the same functions.
"""

import asyncio
import secrets
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.flows import FlowAnswer
from api.front_door import BODY_SECONDS, DRAINED, FLOW_LIMIT, FLOWS, KIB, FrontDoor, Refused

FLOWS_OCTETS = FLOWS.encode()

HEAD_SECONDS = 5.0
"""How long a request's line and headers may take to arrive."""

HEAD_LIMIT = 64 * KIB
"""How much of them may arrive after their first piece."""

_KEPT_OPEN = b"\r\n\r\n"
_CLOSING = b"\r\nconnection: close\r\n\r\n"


class FlowCycle:
    """
    One Flow call on a connection, in the place where uvicorn keeps its cycle of request and response.

    uvicorn fills *body* and calls `message_event.set()` for each piece, which is `set` here.
    """

    __slots__ = ("_size", "_timer", "body", "disconnected", "keep_alive", "more_body", "protocol", "response_complete")

    def __init__(self, protocol: "FlowProtocol", *, keep_alive: bool) -> None:
        self.protocol = protocol
        self.keep_alive = keep_alive
        self.body = bytearray()
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def message_event(self) -> "FlowCycle":
        """Return what uvicorn tells that something arrived, or that nobody is there any more."""
        return self

    def set(self) -> None:
        """See what arrived: the whole body goes to the endpoint; one that is too large is read on and dropped."""
        if self.disconnected or self.response_complete:
            self._stop_waiting()
        elif len(self.body) > FLOW_LIMIT:
            self._size += len(self.body)
            self.body.clear()
            self.protocol.flow.resume_reading()
            if self._size > DRAINED:
                self._refuse(413, "body_too_large")
        elif not self.more_body:
            self._stop_waiting()
            self._take()
        elif len(self.body) > HIGH_WATER_LIMIT:
            self.protocol.flow.resume_reading()  # uvicorn stops reading there, until its cycle asks for more

    def wait(self) -> None:
        """Give the rest of the body its time to arrive."""
        if self._timer is None and not self.response_complete:
            self._timer = self.protocol.loop.call_later(BODY_SECONDS, self._too_slow)

    def respond(self, answer: FlowAnswer, call_id: str) -> None:
        """Write the answer of the call, and let the connection go on or end."""
        self._stop_waiting()
        protocol = self.protocol
        # A later call on the connection may have heard of its end in this one's place.
        if self.disconnected or self.response_complete or protocol.transport.is_closing():
            return
        self.response_complete = True
        keep_alive = self.keep_alive and not self.more_body
        protocol.transport.write(_response(answer, call_id, protocol.usual_headers(), keep_alive=keep_alive))
        if not keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()

    def _take(self) -> None:
        protocol = self.protocol
        try:
            signatures = protocol.door.flow_signatures(protocol.headers)
        except Refused as refused:
            self._refuse(refused.document.status, refused.document.code)
            return
        if self._size:
            self._refuse(413, "body_too_large")
            return
        protocol.door.flows.take(self._name(), bytes(self.body), signatures, self.respond)

    def _name(self) -> str:
        return self.protocol.url.partition(b"?")[0][len(FLOWS) :].decode("ascii", "replace")

    def _too_slow(self) -> None:
        self._refuse(408, "body_too_slow")

    def _refuse(self, status: int, code: str) -> None:
        self.protocol.door.flows.refuse(self._name(), code)
        self.respond(FlowAnswer(status, code), secrets.token_hex(8))

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class FlowProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with the short way for Flow calls."""

    door: FrontDoor
    _idle_since = 0.0
    _idle_timer: asyncio.TimerHandle | None = None
    _in_head = False
    _head_size = 0
    _head_timer: asyncio.TimerHandle | None = None
    _usual: tuple[list[tuple[bytes, bytes]], bytes] = [], b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; one that nothing comes of is closed like one that nothing more comes of."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_if_idle)

    def on_message_begin(self) -> None:
        """Begin a request; what uvicorn needs for an ASGI call waits until it is known to be one."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Begin a Flow call, or leave the request to uvicorn."""
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if not self._is_plain_flow_call():
            url, headers, expects = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expects
            self.headers += headers
            super().on_headers_complete()
            return
        self.cycle = FlowCycle(self, keep_alive=self.parser.should_keep_alive())  # type: ignore[assignment]

    def on_response_complete(self) -> None:
        """Let the connection wait for its next call; one timer follows it, however many there are."""
        if self.timeout_keep_alive_task is not None or self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_if_idle)

    def _look_if_idle(self) -> None:
        self._idle_timer = None
        if self.transport.is_closing():
            return
        is_idle = not self._in_head and (self.cycle is None or self.cycle.response_complete)
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if is_idle and left <= 0:
            self.transport.close()
        else:
            self._idle_timer = self.loop.call_later(max(left, 1.0), self._look_if_idle)

    def data_received(self, data: bytes) -> None:
        """Take what arrived; a request that is not whole yet has its time."""
        super().data_received(data)
        if self._in_head:
            self._watch_head(len(data))
        cycle: Any = self.cycle
        if type(cycle) is FlowCycle and cycle.more_body:
            cycle.wait()

    def _watch_head(self, size: int) -> None:
        """See that a request's line and headers come to an end: uvicorn would take them for ever."""
        if self._head_timer is None:
            self._head_size = 0
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)
            return
        self._head_size += size
        if self._head_size > HEAD_LIMIT:
            self.transport.close()

    def _is_plain_flow_call(self) -> bool:
        """Return whether this is a Flow call that nothing is odd about, and the connection is free for it."""
        return (
            self.url.startswith(FLOWS_OCTETS)
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
            and (self.cycle is None or self.cycle.response_complete)
            and b"%" not in self.url
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection that has ended."""
        for timer in (self._idle_timer, self._head_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def usual_headers(self) -> bytes:
        """Return the headers that every response of the server has; uvicorn makes them anew each second."""
        headers = self.server_state.default_headers
        if self._usual[0] is not headers:
            self._usual = headers, b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._usual[1]


def protocol_for(door: FrontDoor) -> type[FlowProtocol]:
    """Return the protocol class that takes calls to *door*; uvicorn makes one of it for each connection."""
    return type("BoundFlowProtocol", (FlowProtocol,), {"door": door})


def _response(answer: FlowAnswer, call_id: str, usual_headers: bytes, *, keep_alive: bool) -> bytes:
    return b"".join(
        (
            STATUS_LINE[answer.status],
            usual_headers,
            b"content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n",
            b"retry-after: %d\r\n" % answer.retry_after if answer.retry_after else b"",
            b"x-request-id: %b\r\ncontent-length: %d" % (call_id.encode(), len(answer.body)),
            _KEPT_OPEN if keep_alive else _CLOSING,
            answer.body,
        )
    )
