"""
How calls are made: each once, over its own channel, and what came of it in the outbox's words.

Rule 1: what was refused before it was written is `Unsent`, what was answered is `Done` or `Failed`, and all else is
        `Doubt`: whether that may be made again is not decided here.
Rule 2: tokens are added here, and are in nothing that is kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

import httpx2
import structlog

from api.clock import Clock
from api.graph import Graph
from api.graph_errors import LATER, GraphError, InDoubt, NotSent
from api.logs import fault
from api.outbox import Attempt, Done, Doubt, Failed, Result, Unsent
from api.outgoing_webhooks import WebhookSender
from api.settings import Settings
from definitions.binding import EFFECTS
from definitions.outgoing import CodeCall, HttpCall, MessageCall, WebhookCall

LOG = structlog.get_logger()

SECONDS = 10.0
"""How long a courier may take, all in all."""

CONNECT_SECONDS = 5.0

LONGEST_WAIT = 86_400.0
"""What a courier can ask us to wait at most, in seconds."""

CODE_SECONDS = 60.0
"""How long an author's function may take."""

PostWebhook = Callable[[WebhookCall, str], Awaitable[Result]]
"""Posts a result to a merchant's own system, under an effect's id."""


class Senders:
    """
    All channels, for one event loop; closed with `aclose`.

    Without *graph* no message leaves. *courier_tokens* are by courier; *webhook* is how results leave.
    """

    def __init__(
        self, graph: Graph | None, courier_tokens: Mapping[str, str], webhook: PostWebhook, *, seconds: float = SECONDS
    ) -> None:
        self._graph = graph
        self._courier_tokens = courier_tokens
        self._webhook = webhook
        self._seconds = seconds
        self._couriers = httpx2.AsyncClient(
            headers={"Accept": "application/json", "User-Agent": "waystate"},
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),  # `_posted` has the deadline
            limits=httpx2.Limits(max_connections=None),  # one that is slow must not keep the others waiting
            follow_redirects=False,
        )

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> Self:
        """
        Return the channels that the settings name.

        Raises:
            ConfigurationError: a token cannot be sent.
        """
        graph = Graph.of(settings) if settings.access_token else None
        webhooks = WebhookSender(settings.webhook_signing, clock, near=settings.development)
        return cls(graph, settings.called_couriers, webhooks.post)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._graph is not None:
            await self._graph.aclose()
        await self._couriers.aclose()

    async def make(self, attempt: Attempt) -> Result:
        """Make the call of an attempt and return what came of it."""
        call = attempt.call
        if isinstance(call, MessageCall):
            return await self._sent(call)
        if isinstance(call, HttpCall):
            return await self._posted(call, attempt)
        if isinstance(call, WebhookCall):
            return await self._webhook(call, attempt.effect_id)
        return await _run(attempt.name, call)

    async def _sent(self, call: MessageCall) -> Result:
        if self._graph is None:
            return Failed("stop", "no access token")
        try:
            return Done((await self._graph.send(call.phone_number_id, call.body)).wamid)
        except NotSent as failure:
            return Unsent(failure.reason)
        except InDoubt as failure:
            return Doubt(failure.reason)
        except GraphError as error:
            code = f"status {error.status}" if error.code is None else str(error.code)
            wait = error.retry_after if error.retry_after is not None else LATER.get(error.code or 0)
            return Failed(error.kind, code, wait)

    async def _posted(self, call: HttpCall, attempt: Attempt) -> Result:
        headers = dict(call.headers)
        if call.token_header:
            token = self._courier_tokens.get(call.courier.lower())
            if token is None:
                return Failed("stop", "no courier token")
            bare = call.token_header.lower() == "authorization" and " " not in token
            headers[call.token_header] = f"Bearer {token}" if bare else token
        if call.key_header:
            headers[call.key_header] = attempt.effect_id
        try:
            async with asyncio.timeout(self._seconds):
                async with self._couriers.stream("POST", call.url, json=call.body, headers=headers) as response:
                    status, retry_after = response.status_code, response.headers.get("Retry-After", "")
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return Unsent("connect")
        except TimeoutError:
            return Doubt("slow")
        except (httpx2.HTTPError, OSError):
            return Doubt("broken")
        if status == httpx2.codes.CONFLICT and call.key_header and attempt.number > 1:
            return Done(f"status {status}")  # it knows the key: it has what it was told before
        return _judged(status, retry_after)


def _judged(status: int, retry_after: str) -> Result:
    """Return what a courier's answer means."""
    code = f"status {status}"
    if httpx2.codes.is_success(status):
        return Done(code)
    if status == httpx2.codes.TOO_MANY_REQUESTS:
        return Failed("retry", code, min(float(retry_after), LONGEST_WAIT) if retry_after.isdecimal() else None)
    if httpx2.codes.is_server_error(status) or status == httpx2.codes.REQUEST_TIMEOUT:
        return Doubt(code)
    if httpx2.codes.is_client_error(status) and status not in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
        return Failed("refused", code)
    return Failed("stop", code)


async def _run(name: str, call: CodeCall) -> Result:
    """Let an author's function deliver an effect; whatever it raises, it is asked again later."""
    promise = EFFECTS.get(name)
    if promise is None or promise.function is None:
        return Failed("fix", "nobody delivers it")
    try:
        async with asyncio.timeout(CODE_SECONDS):
            said = await promise.function(call.wish)
    except Exception as error:  # noqa: BLE001 - other people's code; its text may say anything, so its kind is kept
        LOG.warning("effect_failed", name=name, effect=call.wish.id, **fault(error))
        return Failed("retry", type(error).__name__)
    return Done(data=dict(said) if isinstance(said, Mapping) else {})
