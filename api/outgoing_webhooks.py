"""
Posts results to merchants' own systems, signed.

Source: Standard Webhooks 1.0: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, any 2xx is a yes,
410 means never again, and a receiver tells a repeat by its id.

Rule 1: an endpoint's address is a merchant's word: outside of development it is HTTPS, at a public address, and what
        is connected to is the address that was looked at. No redirect is followed, no proxy asked.
Rule 2: nothing is posted that is not signed.
Rule 3: no address, secret or answer is in a result's code, nor in an error.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from ssl import SSLContext

import httpx2
import msgspec
from standardwebhooks import Webhook

from api.clock import Clock
from api.media import Resolver, is_public, resolve
from api.outbox import Done, Doubt, Failed, Result, Unsent
from definitions.outgoing import WebhookCall
from engine.model import SECOND

SECONDS = 10.0
"""How long a receiver may take, all in all."""

CONNECT_SECONDS = 4.0
"""How long one of its host's addresses is tried before the next."""

LONGEST_WAIT = 24 * 3600
"""What a receiver can ask us to wait at most, in seconds."""

_SECONDS_SAID = re.compile(r"[0-9]{1,9}")

_HEADERS = {"Content-Type": "application/json", "Connection": "close", "User-Agent": "waystate"}


class WebhookSender:
    """
    Posts results.

    *secrets* are the endpoints', by their names. With *near*, in development, an endpoint may be private and without
    TLS. *addresses* finds a host, *tls* says whose certificates are believed.
    """

    def __init__(
        self,
        secrets: Mapping[str, str],
        clock: Clock,
        *,
        near: bool = False,
        addresses: Resolver = resolve,
        tls: SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._near = near
        self._addresses = addresses
        self._given_tls = tls
        self._seconds = seconds

    @cached_property
    def _tls(self) -> SSLContext:
        """Return TLS that believes whom the system believes, or whom we were told to: reading them takes a while."""
        return self._given_tls or httpx2.create_ssl_context()

    async def post(self, call: WebhookCall, effect_id: str) -> Result:
        """Post a result once, under *effect_id*; return how that ended."""
        secret = self._secrets.get(call.endpoint)
        if secret is None:
            return Failed("stop", "no_secret")
        url = _url(call.url)
        if url is None or not (url.scheme == "https" or (self._near and url.scheme == "http")):
            return Failed("fix", "bad_address")
        body = msgspec.json.encode(call.payload)
        headers = {**_HEADERS, "Host": url.netloc.decode(), **signed(secret, effect_id, self._clock(), body)}
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._addresses(url.raw_host.decode())
                if not (self._near or all(map(is_public, found))):
                    return Failed("fix", "private_address")
                return await self._posted(url, found, headers, body)
        except TimeoutError:
            return Doubt("slow")
        except (OSError, UnicodeError):
            return Unsent("unknown_host")
        except httpx2.HTTPError:
            return Doubt("broken")

    async def _posted(
        self, url: httpx2.URL, addresses: Sequence[str], headers: Mapping[str, str], body: bytes
    ) -> Result:
        """Post to the first of a host's addresses that can be connected to."""
        # A client would write addresses to the log, ask proxies and follow redirects; its transport does none of it.
        async with httpx2.AsyncHTTPTransport(verify=self._tls) as transport:
            for address in addresses:
                request = httpx2.Request(
                    "POST",
                    url.copy_with(host=address),
                    headers=[(name.encode(), value.encode()) for name, value in headers.items()],
                    content=body,
                    extensions={"sni_hostname": url.raw_host.decode(), "timeout": {"connect": CONNECT_SECONDS}},
                )
                with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                    response = await transport.handle_async_request(request)
                    await response.aclose()  # what it says beside its status is nothing to us
                    return _result(response)
        return Unsent("connect")


def signed(secret: str, effect_id: str, now: int, body: bytes) -> dict[str, str]:
    """Return the headers that tell whose a body is, and which."""
    at = datetime.fromtimestamp(now // SECOND, UTC)
    return {
        "webhook-id": effect_id,
        "webhook-timestamp": str(now // SECOND),
        "webhook-signature": Webhook(secret).sign(effect_id, at, body.decode()),
    }


def _url(address: str) -> httpx2.URL | None:
    """Return an address that is one, and has nobody's password in it."""
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL:
        return None
    return url if url.host and not url.userinfo else None


def _result(response: httpx2.Response) -> Result:
    """Return how a call ended that was answered: whatever is no yes is asked again, but for who wants no more."""
    status = response.status_code
    if response.is_success:
        return Done(str(status))
    if status == httpx2.codes.GONE:
        return Failed("fix", str(status))
    return Failed("retry", str(status), _wait(response.headers.get("Retry-After", "")))


def _wait(said: str) -> float | None:
    """Return how many seconds a Retry-After asks for; one that is a date is too rare to be read."""
    return float(min(int(said), LONGEST_WAIT)) if _SECONDS_SAID.fullmatch(said) else None
