"""
Meta's Graph API, as far as we use it: on a real socket, in a thread of its own, with faults that a test chooses.

Source: Meta, "Cloud API, Messages", "Business encryption", "Flows API", "Media", "Cloud API error codes".

It takes thousands of messages a second, keeps all that it accepted, and numbers it: `wamid.1`, `wamid.2`, and so on.
"""

import asyncio
import hashlib
import json
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httptools
from msgspec import Struct

SECONDS = 10

_VERSION = re.compile(r"/v\d+\.\d+(?=/)")
_RESET = struct.pack("ii", 1, 0)
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


class Answer(Struct, frozen=True):
    """An HTTP answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Fault(Struct, frozen=True):
    """
    What goes wrong with one request.

    It is *accepted* and has its effect, or not; after *seconds* the connection is *reset*, or *answer* is given instead
    of the true one.
    """

    accepted: bool = True
    seconds: float = 0.0
    reset: bool = False
    answer: Answer | None = None


def as_json(content: Any, status: int = 200, **headers: str) -> Answer:
    """Return an answer with JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/json", **named})


def error(code: int, status: int = 400, **fields: Any) -> Answer:
    """Return an answer in the shape of Graph's errors; *fields* are further ones of the error."""
    said = {"message": f"(#{code}) of the tests", "type": "OAuthException", "code": code, "fbtrace_id": "Atrace"}
    return as_json({"error": {**said, **fields}}, status)


RESET_BEFORE = Fault(accepted=False, reset=True)
"""The connection breaks and the request is lost."""

RESET_AFTER = Fault(reset=True)
"""The request is accepted, and the connection breaks before that is said."""

JUNK = Fault(answer=Answer(200, b"<html>\xff"))
"""The request is accepted, and what says so cannot be read."""

NO_ID = Fault(answer=as_json({"messaging_product": "whatsapp", "messages": []}))
"""The request is accepted, and the answer has no message's id."""


def slow(seconds: float) -> Fault:
    """Accept the request, and say so that late."""
    return Fault(seconds=seconds)


def broken(status: int = 502, *, accepted: bool = False) -> Fault:
    """Answer like a proxy that has no answer of Graph's."""
    return Fault(accepted=accepted, answer=Answer(status, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}))


def refused(code: int, status: int = 400, **fields: Any) -> Fault:
    """Refuse with an error code of Graph's."""
    return Fault(accepted=False, answer=error(code, status, **fields))


def limited(retry_after: int, code: int = 130429) -> Fault:
    """Refuse because there were too many, and ask to be left alone for some seconds."""
    said = error(code, 429)
    return Fault(accepted=False, answer=Answer(429, said.body, {**said.headers, "Retry-After": str(retry_after)}))


class Asked(Struct, frozen=True):
    """A request: *path* without the version, names of *headers* in small letters."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> dict[str, Any]:
        """Return what the body says, be it JSON or a form."""
        kind = self.headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}
        if kind.startswith("multipart/"):
            message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + self.body, policy=HTTP)
            parts = message.iter_parts()
            return {str(part.get_param("name", header="content-disposition")): _payload(part) for part in parts}
        content: dict[str, Any] = json.loads(self.body or b"{}")
        return content


class Sent(Struct, frozen=True):
    """A message that was accepted: its id, the number it was sent from, and the request's content and headers."""

    wamid: str
    number: str
    message: dict[str, Any]
    headers: Mapping[str, str]


@dataclass
class StoredFlow:
    """A Flow of the account."""

    id: str
    name: str
    categories: list[str]
    endpoint_uri: str = ""
    status: str = "DRAFT"
    document: bytes = b""
    health: dict[str, Any] = field(default_factory=lambda: {"can_send_message": "AVAILABLE", "entities": []})


Chooser = Callable[[Asked], Fault | None]
"""Says what goes wrong with a request, if anything; it is called on the stand-in's own thread."""


class GraphStandIn:
    """
    The Graph API at *url*, for one account and any number.

    *sent* is all that was accepted, *asked* every request that came. *token* is the only one taken, if it is not empty.
    *keys* are the public keys by number, *mismatched* the numbers whose key is not signed right. *flows* are the
    account's by id, *flaws* what is found in every Flow JSON that is uploaded. *apps* are subscribed to the webhooks.
    *files* are media by id.
    """

    def __init__(self) -> None:
        self.url = ""
        self.token = ""
        self.sent: list[Sent] = []
        self.asked: list[Asked] = []
        self.keys: dict[str, str] = {}
        self.mismatched: set[str] = set()
        self.flows: dict[str, StoredFlow] = {}
        self.flaws: list[dict[str, Any]] = []
        self.apps: list[dict[str, Any]] = [{"whatsapp_business_api_data": {"id": "1", "name": "Our app"}}]
        self.files: dict[str, bytes] = {}
        self.page_size = 25
        self._faults: deque[Fault | None] = deque()
        self._chooser: Chooser = lambda _: None
        self._made = 0
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = [
            ("POST", re.compile(r"/(\d+)/messages"), self._send),
            ("GET", re.compile(r"/(\d+)/whatsapp_business_encryption"), self._key),
            ("POST", re.compile(r"/(\d+)/whatsapp_business_encryption"), self._keep_key),
            ("GET", re.compile(r"/(\d+)/flows"), self._list_flows),
            ("POST", re.compile(r"/(\d+)/flows"), self._create_flow),
            ("GET", re.compile(r"/(\d+)/subscribed_apps"), lambda _, __: as_json({"data": self.apps})),
            ("POST", re.compile(r"/(flow-\d+)/assets"), self._upload),
            ("POST", re.compile(r"/(flow-\d+)/publish"), self._publish),
            ("POST", re.compile(r"/(flow-\d+)"), self._change_flow),
            ("GET", re.compile(r"/(flow-\d+)"), self._read_flow),
            ("GET", re.compile(r"/files/(\w+)"), lambda _, name: Answer(200, self.files[name])),
            ("GET", re.compile(r"/(\w+)"), self._file),
        ]

    def goes_wrong(self, *faults: Fault | None) -> None:
        """Let the next requests go wrong in these ways, one each in this order; None is a request that does not."""
        self._faults.extend(faults)

    def goes_wrong_when(self, chooser: Chooser) -> None:
        """Let requests go wrong as *chooser* says, those that `goes_wrong` says nothing of."""
        self._chooser = chooser

    def take(self, asked: Asked) -> tuple[Answer, Fault]:
        """Return the answer to a request, and what goes wrong with it."""
        self.asked.append(asked)
        chosen = self._faults.popleft() if self._faults else self._chooser(asked)
        fault = chosen or Fault()
        answer = self._answer(asked) if fault.accepted else Answer()
        return (answer if fault.answer is None else fault.answer), fault

    def _answer(self, asked: Asked) -> Answer:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if not token or self.token not in {"", token}:
            return error(190, 401, message=f"Malformed access token {token}")
        for method, path, answer in self._routes:
            found = path.fullmatch(asked.path)
            if found and method == asked.method:
                try:
                    return answer(asked, *found.groups())
                except KeyError:
                    break
        return error(100, error_subcode=33, message="Unsupported request: no such object")

    def _number(self) -> int:
        self._made += 1
        return self._made

    def _send(self, asked: Asked, number: str) -> Answer:
        message = asked.content
        wamid = f"wamid.{len(self.sent) + 1}"
        self.sent.append(Sent(wamid, number, message, asked.headers))
        to = str(message.get("to", ""))
        contacts = [{"input": to, "wa_id": to}]
        return as_json({"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": wamid}]})

    def _key(self, _: Asked, number: str) -> Answer:
        if number not in self.keys:
            return as_json({"data": []})
        status = "MISMATCH" if number in self.mismatched else "VALID"
        said = {"business_public_key": self.keys[number], "business_public_key_signature_status": status}
        return as_json({"data": [said]})

    def _keep_key(self, asked: Asked, number: str) -> Answer:
        self.keys[number] = asked.content["business_public_key"]
        return as_json({"success": True})

    def _list_flows(self, asked: Asked, _: str) -> Answer:
        every = [{"id": flow.id, "name": flow.name} for flow in self.flows.values()]
        begin = int(asked.query.get("after", "0"))
        end = begin + self.page_size
        paging: dict[str, Any] = {"cursors": {"before": str(begin), "after": str(end)}}
        if end < len(every):
            paging["next"] = f"{self.url}/elsewhere?access_token=x&after={end}"
        return as_json({"data": every[begin:end], "paging": paging})

    def _create_flow(self, asked: Asked, _: str) -> Answer:
        content = asked.content
        if content["name"] in {flow.name for flow in self.flows.values()}:
            return error(100, error_user_msg="Flow name is not unique")
        made = StoredFlow(
            f"flow-{self._number()}", content["name"], content["categories"], content.get("endpoint_uri", "")
        )
        self.flows[made.id] = made
        return as_json({"id": made.id, "success": True, "validation_errors": []})

    def _change_flow(self, asked: Asked, flow_id: str) -> Answer:
        flow = self.flows[flow_id]
        flow.endpoint_uri = asked.content.get("endpoint_uri", flow.endpoint_uri)
        return as_json({"success": True})

    def _upload(self, asked: Asked, flow_id: str) -> Answer:
        flow, form = self.flows[flow_id], asked.content
        if (form["name"], form["asset_type"]) != (b"flow.json", b"FLOW_JSON"):
            return error(100, message="no such asset")
        flow.document, flow.status = form["file"], "DRAFT"
        return as_json({"success": True, "validation_errors": self.flaws})

    def _publish(self, _: Asked, flow_id: str) -> Answer:
        flow = self.flows[flow_id]
        if self.flaws:
            return error(139002, error_user_msg="Resolve the validation errors of the Flow first.")
        flow.status = "PUBLISHED"
        return as_json({"success": True})

    def _read_flow(self, _: Asked, flow_id: str) -> Answer:
        flow = self.flows[flow_id]
        document = json.loads(flow.document or b"{}")
        said = {
            "id": flow.id,
            "name": flow.name,
            "categories": flow.categories,
            "status": flow.status,
            "validation_errors": self.flaws,
            "json_version": document.get("version"),
            "data_api_version": document.get("data_api_version"),
            "preview": {"preview_url": f"{self.url}/preview/{flow.id}", "expires_at": "2026-12-21T12:00:00+0000"},
            "health_status": flow.health,
        }
        return as_json(said | ({"endpoint_uri": flow.endpoint_uri} if flow.endpoint_uri else {}))

    def _file(self, _: Asked, media_id: str) -> Answer:
        file = self.files[media_id]
        digest = hashlib.sha256(file).hexdigest()
        url = f"{self.url}/files/{media_id}"
        return as_json({"id": media_id, "url": url, "sha256": digest, "file_size": len(file), "mime_type": "image/png"})


def _payload(part: Any) -> bytes:
    payload: bytes = part.get_payload(decode=True)
    return payload


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
        parts = urlsplit(self._target.decode("latin-1"))
        path = unquote(_VERSION.sub("", parts.path, count=1))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        asked = Asked(self._parser.get_method().decode(), path, query, self._headers, b"".join(self._body))
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
