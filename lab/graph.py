"""
Meta's Graph API, as far as it is used here: the one description of it, for the lab's pages and for tests.

Sources: Meta, "Cloud API, Messages", "Business encryption", "Flows API", "Media", "Message templates" and "Cloud API
error codes".

Rule 1: nothing here is on a network: a request comes in as `Asked`, an answer goes out as `Answer`, with the `Fault`
        that whoever has the connection must commit.
"""

import hashlib
import json
import re
import secrets
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from lab.graph_messages import TITLES, Wrong

_VERSION = re.compile(r"/v\d+\.\d+(?=/)")


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
    message = f"(#{code}) {TITLES.get(code, 'Something went wrong')}"
    said = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "Atrace"}
    return as_json({"error": {**said, **fields}}, status)


def wrong(said: Wrong) -> Answer:
    """Return the answer to a message that is wrong, or whose recipient is."""
    about = {"messaging_product": "whatsapp", "details": said.details}
    return error(said.code, error_data=about)


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


class Unreadable(Exception):
    """A request's body is neither a JSON object nor a form."""


class Asked(Struct, frozen=True):
    """A request: *path* without the version, names of *headers* in small letters."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> "Asked":
        """Return the request for *target*, a path with its query as it came."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return cls(method, unquote(_VERSION.sub("", parts.path, count=1)), query, headers, body)

    @property
    def content(self) -> dict[str, Any]:
        """
        Return what the body says, be it JSON or a form.

        Raises:
            Unreadable: it says nothing.
        """
        try:
            return self._content()
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
            raise Unreadable from None

    def _content(self) -> dict[str, Any]:
        kind = self.headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}
        if kind.startswith("multipart/"):
            message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + self.body, policy=HTTP)
            parts = message.iter_parts()
            return {str(part.get_param("name", header="content-disposition")): _payload(part) for part in parts}
        content = json.loads(self.body or b"{}")
        if not isinstance(content, dict):
            raise Unreadable
        return content


class Sent(Struct, frozen=True):
    """A message that was accepted: its id, the number it was sent from, and the request's content and headers."""

    wamid: str
    number: str
    message: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def to(self) -> str:
        """Return whom it is for: a phone number, or a business-scoped user id."""
        return str(self.message.get("to") or self.message.get("recipient", "")).lstrip("+")


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
"""Says what goes wrong with a request, if anything; it is called by whoever has the connection."""

Judge = Callable[[dict[str, Any]], Wrong | None]
"""Says what is wrong with a message, or with whom it is for, if anything."""


Item = TypeVar("Item")


class Kept(list[Item]):
    """What came, oldest first: the last things of all, at most so many, and of so many *octets* together."""

    def __init__(self, most: int, octets: int) -> None:
        super().__init__()
        self._most, self._octets = most, octets
        self._sizes: deque[int] = deque()
        self._size = 0

    def keep(self, item: Item, size: int) -> None:
        """Keep one more, of *size* octets; the oldest go that have no room any more."""
        self.append(item)
        self._sizes.append(size)
        self._size += size
        while len(self) > self._most or self._size > self._octets:
            del self[0]
            self._size -= self._sizes.popleft()


class GraphStandIn:
    """
    The Graph API at *url*, for one account and any number.

    *sent* is what was accepted, *asked* are the requests that came, *files* are media by id: of each only the last
    *kept*, of so many *octets* together, if that is given.
    *token* is the only one taken, if it is not empty. *keys* are the public keys by number, *mismatched* the numbers
    whose key is not signed right. *flows* are the account's by id, *flaws* what is found in every Flow JSON that is
    uploaded. *apps* are subscribed to the webhooks, *templates* those that are listed.
    Messages are numbered after *prefix*; *judge* may refuse one, and *took* is told of each that is accepted.
    """

    def __init__(self, *, kept: int = sys.maxsize, octets: int = sys.maxsize, prefix: str = "wamid.") -> None:
        self.url = ""
        self.token = ""
        self.sent: Kept[Sent] = Kept(kept, octets)
        self.asked: Kept[Asked] = Kept(kept, octets)
        self.keys: dict[str, str] = {}
        self.mismatched: set[str] = set()
        self.flows: dict[str, StoredFlow] = {}
        self.flaws: list[dict[str, Any]] = []
        self.apps: list[dict[str, Any]] = [{"whatsapp_business_api_data": {"id": "1", "name": "Our app"}}]
        self.templates: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.kinds: dict[str, str] = {}
        self.page_size = 25
        self.judge: Judge = lambda _: None
        self.took: Callable[[Sent], None] = lambda _: None
        self._kept, self._octets = kept, octets
        self._prefix = prefix
        self._faults: deque[Fault | None] = deque()
        self._chooser: Chooser = lambda _: None
        self._made = self._messages = 0
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = [
            ("POST", re.compile(r"/(\d+)/messages"), self._send),
            ("POST", re.compile(r"/(\d+)/media"), self._keep_file),
            ("GET", re.compile(r"/(\d+)/whatsapp_business_encryption"), self._key),
            ("POST", re.compile(r"/(\d+)/whatsapp_business_encryption"), self._keep_key),
            ("GET", re.compile(r"/(\d+)/flows"), self._list_flows),
            ("POST", re.compile(r"/(\d+)/flows"), self._create_flow),
            ("GET", re.compile(r"/(\d+)/subscribed_apps"), lambda _, __: as_json({"data": self.apps})),
            ("GET", re.compile(r"/(\d+)/message_templates"), lambda _, __: as_json({"data": self.templates})),
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
        self.asked.keep(asked, len(asked.body))
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
                except Unreadable:
                    return error(100, message="(#100) The request's body cannot be read")
        return error(100, error_subcode=33, message="Unsupported request: no such object")

    def _number(self) -> int:
        self._made += 1
        return self._made

    def _send(self, asked: Asked, number: str) -> Answer:
        message = asked.content
        fault = self.judge(message)
        if fault is not None:
            return wrong(fault)
        self._messages += 1
        sent = Sent(f"{self._prefix}{self._messages}", number, message, asked.headers)
        self.sent.keep(sent, len(asked.body))
        self.took(sent)
        to = str(message.get("to", ""))
        contacts = [{"input": to, "wa_id": to}]
        return as_json({"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": sent.wamid}]})

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

    def keep_file(self, content: bytes, kind: str) -> str:
        """Keep a file as media of the account, one of that *kind* (a MIME type), and return its id."""
        media_id = str(secrets.randbelow(10**15))
        self.files[media_id], self.kinds[media_id] = content, kind
        while len(self.files) > self._kept or sum(map(len, self.files.values())) > self._octets:
            oldest = next(iter(self.files))
            del self.files[oldest]
            self.kinds.pop(oldest, None)
        return media_id

    def _keep_file(self, asked: Asked, _: str) -> Answer:
        form = asked.content
        return as_json({"id": self.keep_file(form["file"], form.get("type", b"image/png").decode())})

    def _file(self, _: Asked, media_id: str) -> Answer:
        file = self.files[media_id]
        said = {
            "id": media_id,
            "url": f"{self.url}/files/{media_id}",
            "sha256": hashlib.sha256(file).hexdigest(),
            "file_size": len(file),
            "mime_type": self.kinds.get(media_id, "image/png"),
        }
        return as_json(said)


def _payload(part: Any) -> bytes:
    payload: bytes = part.get_payload(decode=True)
    return payload
