"""
The lab's Graph API (lab/graph.py) on a real socket, in a thread of its own, with faults that a test chooses.

It takes thousands of messages a second, keeps all that it accepted, and numbers it: `wamid.1`, `wamid.2`, and so on.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import httptools

from lab.graph import (
    JUNK,
    NO_ID,
    RESET_AFTER,
    RESET_BEFORE,
    Answer,
    Asked,
    Fault,
    GraphStandIn,
    as_json,
    broken,
    error,
    limited,
    refused,
    slow,
)

__all__ = [
    "JUNK",
    "NO_ID",
    "RESET_AFTER",
    "RESET_BEFORE",
    "Answer",
    "Asked",
    "Fault",
    "GraphStandIn",
    "as_json",
    "broken",
    "error",
    "graph_standin",
    "limited",
    "refused",
    "slow",
]

SECONDS = 60

_RESET = struct.pack("ii", 1, 0)
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


class _Connection(asyncio.Protocol):
    """A client's connection: requests come one after the other and are answered in their order."""

    def __init__(self, standin: GraphStandIn, connections: set["_Connection"]) -> None:
        self._standin = standin
        self._connections = connections
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._begin()

    def _begin(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserInvalidMethodError:  # no HTTP: TLS, as a rule
            self._transport.abort()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        method, target = self._parser.get_method().decode(), self._target.decode("latin-1")
        asked = Asked.of(method, target, self._headers, b"".join(self._body))
        self._begin()
        answer, fault = self._standin.take(asked)
        if fault.seconds:
            asyncio.get_running_loop().call_later(fault.seconds, self._end, answer, fault)
        else:
            self._end(answer, fault)

    def _end(self, answer: Answer, fault: Fault) -> None:
        if self._transport.is_closing():
            return
        if fault.reset:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()
            return
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Other')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body)

    def drop(self) -> None:
        """Close the connection at once."""
        self._transport.abort()


@contextmanager
def graph_standin(faults: Iterable[Fault | None] = ()) -> Iterator[GraphStandIn]:
    """Stand in for the Graph API until the context ends."""
    standin = GraphStandIn()
    standin.goes_wrong(*faults)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="graph stand-in")
    thread.start()
    connections: set[_Connection] = set()

    async def start() -> asyncio.Server:
        server = await loop.create_server(lambda: _Connection(standin, connections), "127.0.0.1", 0, backlog=1024)
        standin.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def stop(server: asyncio.Server) -> None:
        server.close()
        for connection in [*connections]:
            connection.drop()
        await asyncio.sleep(0)  # closing is done in the loop's next turn

    try:
        server = asyncio.run_coroutine_threadsafe(start(), loop).result(SECONDS)
        try:
            yield standin
        finally:
            asyncio.run_coroutine_threadsafe(stop(server), loop).result(SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
