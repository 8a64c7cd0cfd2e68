"""
Speaks to Meta's Graph API: sends messages, keeps the endpoint's public keys, and the Flows that Meta has of us.

Sources: Meta, "Cloud API, Messages", "Business encryption", "Flows API" and "Subscribe to a WhatsApp Business Account".

Rule 1: a message is asked for once. There is no idempotency key, so an attempt that may have been written and has no
        clear answer is `InDoubt`, and whoever asked decides; here nothing is sent again.
Rule 2: what may be asked again, because it does the same twice, is, a few times.
Rule 3: no address, token, body or word of Graph's is in an error's text, nor is the error that has one brought along.
Rule 4: nothing is read that is longer than an answer can be, and no redirect or link is followed with the token.
"""

import re
from asyncio import timeout
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from functools import lru_cache
from ssl import SSLContext
from types import TracebackType
from typing import Annotated, Any, Generic, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
import msgspec
import stamina
from msgspec import Meta, Struct, field

from api.graph_errors import GraphError, GraphFailure, InDoubt, NotSent, Reason
from api.settings import LOOPBACK, PREFIX, ConfigurationError, Settings
from definitions.json_text import too_deep

VERSION = "v25.0"
"""The version of the Graph API that is spoken where the settings' address names none."""

SECONDS = 10.0
"""How long a call may take, all in all."""

CONNECT_SHARE = 0.3
"""
How much of that a connection may take, and its TLS as much again. The deadline must not be what ends TLS: the client
would leave the connection open.
"""

ATTEMPTS = 3
"""How often what may be asked again is asked."""

MAX_ANSWER = 4 * 1024 * 1024
"""How long an answer may be: a list of Flows with their faults is the longest."""

MAX_PAGES = 100
MAX_WORDS = 500

FLOW_FIELDS = (
    "id,name,status,validation_errors,json_version,data_api_version,endpoint_uri,"
    "preview.invalidate(false),health_status"
)
"""What is read of a Flow; asking for its preview must not end the address that others have."""

_VERSIONED = re.compile(r"/v\d{1,3}\.\d{1,2}\Z")
_TRACE = re.compile(r"[\w-]{1,64}")

View = TypeVar("View")
Result = TypeVar("Result")


class Sent(Struct, frozen=True):
    """A message that Graph took; *wamid* is its id."""

    wamid: str


class PublicKey(Struct, frozen=True):
    """A number's public key as Meta has it; *signature_status* is VALID or MISMATCH. Empty: it has none."""

    pem: str = field(default="", name="business_public_key")
    signature_status: str = field(default="", name="business_public_key_signature_status")


class Pointed(Struct, frozen=True):
    """Where a fault of a Flow lies: lines and columns count from 1; *path* reads `screens[0].layout`."""

    path: str = ""
    line_start: int = 0
    column_start: int = 0


class FlowFault(Struct, frozen=True):
    """What Meta says is wrong with a Flow JSON."""

    error: str = ""
    error_type: str = ""
    message: str = ""
    line_start: int = 0
    column_start: int = 0
    pointers: tuple[Pointed, ...] = ()


class Named(Struct, frozen=True):
    """A Flow in the account's list."""

    id: str
    name: str


class Preview(Struct, frozen=True):
    """Where a Flow can be looked at by whoever has the address, and until when."""

    preview_url: str = ""
    expires_at: str = ""


class HealthFault(Struct, frozen=True):
    """Why something cannot send, and what Meta proposes."""

    error_code: int = 0
    error_description: str = ""
    possible_solution: str = ""


class HealthOf(Struct, frozen=True):
    """How one thing that a Flow needs is: the Flow, the account, the number, the app."""

    entity_type: str = ""
    id: str = ""
    can_send_message: str = ""
    errors: tuple[HealthFault, ...] = ()


class Health(Struct, frozen=True):
    """Whether a Flow can be sent: AVAILABLE, LIMITED or BLOCKED."""

    can_send_message: str = ""
    entities: tuple[HealthOf, ...] = ()


class FlowAtMeta(Struct, frozen=True):
    """A Flow as Meta has it."""

    id: str
    name: str = ""
    status: str = ""
    json_version: str = ""
    data_api_version: str = ""
    endpoint_uri: str = ""
    preview: Preview = Preview()
    validation_errors: tuple[FlowFault, ...] = ()
    health_status: Health = Health()


class App(Struct, frozen=True):
    """An app that gets an account's webhooks."""

    id: str = ""
    name: str = ""


class Subscription(Struct, frozen=True):
    """A subscription to an account's webhooks; *callback* is its own address, if it is not the app's."""

    app: App = field(default_factory=App, name="whatsapp_business_api_data")
    callback: str = field(default="", name="override_callback_uri")


class _Message(Struct, frozen=True):
    id: Annotated[str, Meta(min_length=1)]


class _Accepted(Struct, frozen=True):
    messages: Annotated[tuple[_Message, ...], Meta(min_length=1)]


class _Made(Struct, frozen=True):
    id: str


class _Uploaded(Struct, frozen=True):
    validation_errors: tuple[FlowFault, ...] = ()


class _Done(Struct, frozen=True):
    success: bool


class _Cursors(Struct, frozen=True):
    after: str = ""


class _Paging(Struct, frozen=True):
    cursors: _Cursors = _Cursors()
    next: str = ""


class _Page(Struct, Generic[View], frozen=True):
    data: tuple[View, ...] = ()
    paging: _Paging = _Paging()


class _Fault(Struct, frozen=True):
    code: int
    error_subcode: int | None = None
    message: str = ""
    error_user_msg: str | None = None
    error_data: Any = None
    fbtrace_id: str = ""


class _Refusal(Struct, frozen=True):
    error: _Fault


class _Answer(Struct, frozen=True):
    status: int
    retry_after: int | None
    body: bytes

    @property
    def is_success(self) -> bool:
        return httpx2.codes.is_success(self.status)


@lru_cache
def _believed() -> SSLContext:
    """Return TLS that believes whom the system believes; reading them takes longer than most calls."""
    return httpx2.create_ssl_context()


class Graph:
    """
    The Graph API at *url*, asked with *access_token*; for one event loop, and closed with `aclose` or as a context.

    A call that is cancelled may have been written: to whoever cancels it, it is in doubt.
    """

    def __init__(self, url: str, access_token: str, *, seconds: float = SECONDS, tls: SSLContext | None = None) -> None:
        """
        Be ready to speak to the Graph API; nothing is connected yet.

        Raises:
            ConfigurationError: the token cannot be sent.
        """
        if not (access_token.isascii() and access_token.isprintable() and access_token == access_token.strip()):
            fix = "copy it again from Meta's Business Settings, System Users"
            raise ConfigurationError("no header can carry that token", f"{PREFIX}ACCESS_TOKEN", fix)
        base = url.rstrip("/")
        self._base = base if _VERSIONED.search(base) else f"{base}/{VERSION}"
        self._token = access_token
        self._seconds = seconds
        self._again = stamina.AsyncRetryingCaller(attempts=ATTEMPTS).on(_passes)
        self._client = httpx2.AsyncClient(
            headers={
                "Authorization": f"Bearer {access_token}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "waystate",
            },
            verify=tls or _believed(),
            timeout=httpx2.Timeout(None, connect=CONNECT_SHARE * seconds),  # `_once` has the deadline
            # What the environment says of proxies is for servers elsewhere.
            trust_env=urlsplit(base).hostname not in LOOPBACK,
        )

    @classmethod
    def of(cls, settings: Settings) -> "Graph":
        """
        Return the Graph API that the settings name.

        Raises:
            ConfigurationError: the token cannot be sent.
        """
        return cls(settings.graph_url, settings.access_token)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    # Messages

    async def send(self, phone_number_id: str, message: Mapping[str, Any]) -> Sent:
        """
        Send a message from one of our numbers, asking once: Rule 1.

        Raises:
            NotSent: nothing of it left this machine.
            GraphError: Graph answered that it did not take it.
            InDoubt: it may have been taken.
        """
        answer = await self._once("POST", phone_number_id, "messages", json=message)
        if not answer.is_success:
            raise self._failure(answer, with_words=False)
        return Sent(_read_as(answer, _Accepted).messages[0].id)

    # The endpoint's public key

    async def public_key(self, phone_number_id: str) -> PublicKey:
        """
        Return the public key that Meta has for one of our numbers.

        Raises:
            GraphFailure: it cannot be had.
        """
        path = (phone_number_id, "whatsapp_business_encryption")
        answer = await self._repeated(lambda: self._asked(dict[str, Any], "GET", *path))
        with suppress(msgspec.ValidationError):
            listed = answer.get("data", [answer])  # Meta's page shows the key alone, others have it in a list
            return msgspec.convert(listed[0] if listed else {}, PublicKey)
        raise InDoubt("answer")

    async def put_public_key(self, phone_number_id: str, pem: str) -> None:
        """
        Let Meta have a public key for one of our numbers.

        Raises:
            GraphFailure: it does not, or that is not known.
        """
        path, content = (phone_number_id, "whatsapp_business_encryption"), {"business_public_key": pem}
        await self._repeated(lambda: self._asked(_Done, "POST", *path, data=content))

    # Flows

    async def flows(self, waba_id: str) -> tuple[Named, ...]:
        """
        Return all Flows of a WhatsApp business account.

        Raises:
            GraphFailure: they cannot be had.
        """
        found: list[Named] = []
        after: dict[str, str] = {}
        for _ in range(MAX_PAGES):
            query = {"fields": "id,name", "limit": "100", **after}
            page = await self._repeated(lambda: self._asked(_Page[Named], "GET", waba_id, "flows", params=query))  # noqa: B023 - called in this round
            found += page.data
            if not (page.paging.next and page.paging.cursors.after):
                return tuple(found)
            after = {"after": page.paging.cursors.after}
        raise InDoubt("answer")

    async def create_flow(self, waba_id: str, name: str, categories: tuple[str, ...], endpoint: str = "") -> str:
        """
        Make an empty Flow, a draft, and return its id. It is asked once: a second one of that name is refused.

        Raises:
            GraphFailure: it is not made, or that is not known.
        """
        content: dict[str, Any] = {"name": name, "categories": categories}
        if endpoint:
            content["endpoint_uri"] = endpoint
        return (await self._asked(_Made, "POST", waba_id, "flows", json=content)).id

    async def point_flow(self, flow_id: str, endpoint: str) -> None:
        """
        Let a Flow's calls go to *endpoint*.

        Raises:
            GraphFailure: they do not, or that is not known.
        """
        await self._repeated(lambda: self._asked(_Done, "POST", flow_id, json={"endpoint_uri": endpoint}))

    async def upload_flow(self, flow_id: str, document: bytes) -> tuple[FlowFault, ...]:
        """
        Give a Flow its Flow JSON and return what Meta finds wrong in it: it is kept all the same.

        Raises:
            GraphFailure: it is not kept, or that is not known.
        """
        form = {"name": "flow.json", "asset_type": "FLOW_JSON"}
        file = {"file": ("flow.json", document, "application/json")}
        uploaded = await self._repeated(
            lambda: self._asked(_Uploaded, "POST", flow_id, "assets", data=form, files=file)
        )
        return uploaded.validation_errors

    async def flow(self, flow_id: str) -> FlowAtMeta:
        """
        Return a Flow as Meta has it.

        Raises:
            GraphFailure: it cannot be had.
        """
        query = {"fields": FLOW_FIELDS}
        return await self._repeated(lambda: self._asked(FlowAtMeta, "GET", flow_id, params=query))

    async def publish_flow(self, flow_id: str) -> None:
        """
        Publish a Flow. It is asked once: Meta refuses what is published already.

        Raises:
            GraphFailure: it is not published, or that is not known.
        """
        await self._asked(_Done, "POST", flow_id, "publish")

    # Webhooks

    async def subscriptions(self, waba_id: str) -> tuple[Subscription, ...]:
        """
        Return who gets the account's webhooks.

        Raises:
            GraphFailure: that cannot be had.
        """
        return (await self._repeated(lambda: self._asked(_Page[Subscription], "GET", waba_id, "subscribed_apps"))).data

    # How it is asked

    async def _repeated(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        """Return what *ask* returns, asking again what passes: Rule 2."""
        return await self._again(ask)

    async def _asked(self, kind: type[View], method: str, *path: str, **options: Any) -> View:
        """Ask once and return the answer, as a *kind*."""
        answer = await self._once(method, *path, **options)
        if not answer.is_success:
            raise self._failure(answer, with_words=True)
        return _read_as(answer, kind)

    async def _once(self, method: str, *path: str, **options: Any) -> _Answer:
        """
        Ask once and return whatever was answered.

        Raises:
            NotSent: the request was not begun to be written.
            InDoubt: it was, and no whole answer came.
        """
        written = False

        async def trace(event: str, about: Mapping[str, Any]) -> None:
            # A proxy is asked for a connection first: that is not our request.
            nonlocal written
            written |= event.endswith(".send_request_headers.started") and about["request"].method != b"CONNECT"

        url = "/".join([self._base, *(quote(part, safe="") for part in path)])
        request = self._client.build_request(method, url, extensions={"trace": trace}, **options)
        reason: Reason
        try:
            async with timeout(self._seconds):
                response = await self._client.send(request, stream=True)
                async with aclosing(response):
                    body = await _body(response)
                return _Answer(response.status_code, _seconds(response.headers.get("Retry-After", "")), body)
        except (TimeoutError, httpx2.TimeoutException):
            reason = "slow"
        except (httpx2.HTTPError, OSError):
            reason = "broken" if written else "connect"
        # Outside of the handlers, so that it brings no other error along, which has the request: Rule 3.
        raise InDoubt(reason) if written else NotSent(reason)

    def _failure(self, answer: _Answer, *, with_words: bool) -> GraphFailure:
        """Return what an answer that is no success says."""
        fault = _fault(answer.body)
        if fault is None:
            # Whoever refuses a request has not done it; who breaks down over it may have.
            if httpx2.codes.is_server_error(answer.status) or answer.status == httpx2.codes.REQUEST_TIMEOUT:
                return InDoubt("status")
            return GraphError(answer.status, retry_after=answer.retry_after)
        return GraphError(
            answer.status,
            fault.code,
            fault.error_subcode,
            answer.retry_after,
            trace=fault.fbtrace_id if _TRACE.fullmatch(fault.fbtrace_id) else "",
            words=self._words(fault) if with_words else "",
        )

    def _words(self, fault: _Fault) -> str:
        """Return what Graph says of a fault, on one line and without the token, which some of its messages repeat."""
        details = fault.error_data.get("details") if isinstance(fault.error_data, dict) else None
        said = " ".join(str(fault.error_user_msg or details or fault.message).split())
        said = "".join(sign for sign in said if sign.isprintable())
        return (said.replace(self._token, "…") if self._token else said)[:MAX_WORDS]


def _passes(error: Exception) -> bool:
    """Return whether an error may not be there the next time."""
    if isinstance(error, GraphError):
        return error.kind == "retry" and error.retry_after is None
    return isinstance(error, GraphFailure)


async def _body(response: httpx2.Response) -> bytes:
    """Return a response's body, whatever its headers say of it."""
    parts, length = [], 0
    async with aclosing(response.aiter_raw()) as coming:
        async for part in coming:
            length += len(part)
            if length > MAX_ANSWER:
                raise InDoubt("answer")
            parts.append(part)
    return b"".join(parts)


def _read_as(answer: _Answer, kind: type[View]) -> View:
    """
    Return a successful answer as a *kind*.

    Raises:
        InDoubt: it is none, so that what was asked may have been done.
    """
    with suppress(ValueError):  # msgspec's errors are such, and that of text that is not UTF-8
        if not too_deep(answer.body):
            return msgspec.convert(_without_nulls(msgspec.json.decode(answer.body)), kind, strict=False)
    raise InDoubt("answer")


def _without_nulls(value: Any) -> Any:
    """Return a decoded value without what is null: Graph says so, or leaves it out, of what there is none of."""
    if isinstance(value, dict):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    return [*map(_without_nulls, value)] if isinstance(value, list) else value


def _fault(body: bytes) -> _Fault | None:
    """Return the fault that Graph's own shape of an error tells, if it is one."""
    with suppress(ValueError):
        if not too_deep(body):
            return msgspec.json.decode(body, type=_Refusal, strict=False).error
    return None


def _seconds(said: str) -> int | None:
    """Return how many seconds a Retry-After says; that it may be a date, too, nobody at Meta says."""
    return int(said) if re.fullmatch(r"[0-9]{1,6}", said) else None
