"""
Fetches the files that customers send through a Flow.

Sources: Meta, "Media upload components" (what a phone uploads from a picker, encrypted) and "Media" of the Cloud API
(what the message that ends a Flow names; the Graph API says where it lies).

Rule 1: a file's address is a stranger's word: only Meta's own hosts are asked, by HTTPS, at public addresses, and what
        is connected to is the address that was looked at. No redirect is followed, no proxy asked.
Rule 2: nothing is read that is longer than what a picker takes, and nothing for ever.
Rule 3: the access token goes to the Graph API and to the one host that its files lie on.
Rule 4: a refusal is a code: no address, name, token or key is in an error or a log, nor an error that has one.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network
from typing import Annotated

import httpx2
import msgspec
import structlog
from msgspec import Meta, Struct

from api.crypto import MediaCorrupt, decrypt_media
from definitions.json_text import too_deep
from definitions.media import CompletedMedia, MediaError, Upload

LOG = structlog.get_logger()

UPLOAD_HOSTS = frozenset({"whatsapp.net"})
"""Where phones upload to: these hosts and all below them."""

GRAPH_FILE_HOSTS = frozenset({"lookaside.fbsbx.com"})
"""Where the Graph API's files lie, likewise."""

MAX_FILE = 25 * 1024 * 1024
"""What a picker takes at most."""

MAX_UPLOAD = MAX_FILE + 16 + 10
"""The same once it is encrypted: with its padding and its tag."""

MAX_ANSWER = 64 * 1024
"""How long the Graph API's word on where a file lies may be."""

SECONDS = 30.0
"""How long a file may take, all in all. Who asks has a shorter time, mostly: a screen's logic has 4 seconds."""

CONNECT_SECONDS = 2.0
"""How long one of a host's addresses is tried before the next."""

AT_ONCE = 8
"""How many files are fetched at the same time; each may fill some 50 MB while it is decrypted."""

Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a host."""

_MEDIA_ID = re.compile(r"[0-9A-Za-z]{1,128}")
"""What may stand in the Graph API's address: the id too is a stranger's word."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that the Internet is made of: no address in IPv4's clothes, none of a link or a site."""

_SPECIAL = tuple(
    ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
"""Networks for protocols, tunnels and books, which some Pythons take for the Internet."""

_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close", "User-Agent": "waystate"}

_STATUSES = {
    **dict.fromkeys((301, 302, 303, 307, 308), "media_redirect"),
    **dict.fromkeys((401, 403), "media_denied"),
    **dict.fromkeys((404, 410), "media_gone"),
}


class _GraphMedia(Struct, frozen=True):
    """What the Graph API says of a file; the address is good for 5 minutes."""

    url: str
    sha256: str
    file_size: Annotated[int, Meta(ge=0)] = MAX_FILE


async def resolve(host: str) -> Sequence[str]:
    """
    Return the addresses that the system knows for a host.

    Raises:
        OSError: it knows none.
        UnicodeError: that cannot be a host's name.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [*dict.fromkeys(str(address[0]) for *_, address in found)]


@lru_cache
def _believed() -> ssl.SSLContext:
    """Return TLS that believes whom the system believes; reading them takes longer than most requests."""
    return httpx2.create_ssl_context()


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the Internet, and not of this machine, its networks or its cloud's."""
    ip = ip_address(address)
    if any(ip in network for network in _SPECIAL if network.version == ip.version):
        return False
    within = isinstance(ip, IPv4Address) or ip in _GLOBAL_UNICAST
    return within and ip.is_global and not ip.is_multicast


class MediaFetcher:
    """
    Fetches files from Meta's hosts; it is the `Media` of Flows that are served.

    *graph_url* and *access_token* are the Graph API's. *near* are hosts that stand in for all of Meta's: they may be
    private, without TLS, and on any port. *addresses* finds a host, *tls* says whose certificates are believed.
    """

    def __init__(
        self,
        graph_url: str,
        access_token: str,
        *,
        near: Collection[str] = (),
        addresses: Resolver = resolve,
        tls: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._graph_url = graph_url.rstrip("/")
        self._token = access_token
        self._near = frozenset(near)
        self._addresses = addresses
        self._tls = tls or _believed()
        self._seconds = seconds
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def fetch(self, file: Upload | CompletedMedia) -> bytes:
        """
        Return the file as it was on the customer's phone: every hash that is known of it is checked.

        Raises:
            MediaError: it cannot be had, or is not the file that was sent.
        """
        try:
            async with asyncio.timeout(self._seconds), self._turns:
                return await (self._uploaded(file) if isinstance(file, Upload) else self._completed(file))
        except (MediaError, MediaCorrupt) as refused:
            reason = refused.reason
        except TimeoutError:
            reason = "media_slow"
        except httpx2.HTTPError:
            reason = "media_broken"
        LOG.warning("media_refused", reason=reason)
        raise MediaError(reason)  # outside of the handlers, so that it brings no other error along: Rule 4

    # The two ways that a file comes

    async def _uploaded(self, upload: Upload) -> bytes:
        """Return what a phone has uploaded, decrypted."""
        url = self._checked(upload.cdn_url, UPLOAD_HOSTS)
        blob = await self._get(url, MAX_UPLOAD)
        return await asyncio.to_thread(decrypt_media, blob, upload.encryption_metadata)  # 0.1 s for a large one

    async def _completed(self, media: CompletedMedia) -> bytes:
        """Return what the Graph API has under a file's id, if it is what the Flow's message and Graph say it is."""
        if not self._token:
            raise MediaError("media_no_token")
        if not _MEDIA_ID.fullmatch(media.id):
            raise MediaError("media_id")
        graph = httpx2.URL(f"{self._graph_url}/{media.id}")
        found = _graph_media(await self._get(graph, MAX_ANSWER, with_token=True, private=True))
        url = self._checked(found.url, GRAPH_FILE_HOSTS)
        file = await self._get(url, min(found.file_size, MAX_FILE), with_token=True)
        digest = (await asyncio.to_thread(hashlib.sha256, file)).digest()
        if not all(hmac.compare_digest(digest, _digest(said)) for said in (media.sha256, found.sha256)):
            raise MediaError("media_hash")
        return file

    # Rule 1

    def _checked(self, address: str, hosts: Collection[str]) -> httpx2.URL:
        """
        Return a file's address, which must be on one of *hosts*.

        Raises:
            MediaError: it is not, or is not a plain HTTPS address.
        """
        try:
            url = httpx2.URL(address)
        except httpx2.InvalidURL:
            raise MediaError("media_address") from None
        host = _host(url)
        near = host in self._near
        plain = url.scheme == "https" and url.port is None and not url.userinfo
        if not (plain or (near and url.scheme in {"http", "https"})):
            raise MediaError("media_address")
        if not (near or any(f".{host}".endswith(f".{ours}") for ours in hosts)):
            raise MediaError("media_host")
        return url

    async def _found(self, host: str, *, private: bool) -> Sequence[str]:
        """
        Return the addresses of a host; one that leads to where only we can go spoils them all.

        Raises:
            MediaError: it has none, or a private one and may not.
        """
        try:
            addresses = await self._addresses(host)
        except (OSError, UnicodeError):
            raise MediaError("media_unreachable") from None
        if not (private or all(map(is_public, addresses))):
            raise MediaError("media_private")
        return addresses

    async def _get(self, url: httpx2.URL, limit: int, *, with_token: bool = False, private: bool = False) -> bytes:
        """
        Return what lies at an address; *private* if it may be where only we can go.

        Raises:
            MediaError: it is not there, or longer than *limit*.
            httpx2.HTTPError: the connection broke.
        """
        host = _host(url)
        addresses = await self._found(host, private=private or host in self._near)
        headers = {**_HEADERS, "Host": url.netloc.decode()}
        if with_token:
            headers["Authorization"] = f"Bearer {self._token}"
        # A client would write addresses to the log and ask proxies; its transport does as it is told.
        async with httpx2.AsyncHTTPTransport(verify=self._tls) as transport:
            for address in addresses:
                with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                    return await _body(transport, url, address, headers, limit)
        raise MediaError("media_unreachable")


def _host(url: httpx2.URL) -> str:
    """Return an address's host as the network knows it, in ASCII."""
    return url.raw_host.decode()


async def _body(
    transport: httpx2.AsyncHTTPTransport, url: httpx2.URL, address: str, headers: Mapping[str, str], limit: int
) -> bytes:
    """Return what is at *url*, asked of that IP address; with TLS the certificate must be the host's all the same."""
    request = httpx2.Request(
        "GET",
        url.copy_with(host=address),
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        extensions={"sni_hostname": _host(url), "timeout": {"connect": CONNECT_SECONDS}},
    )
    response = await transport.handle_async_request(request)
    try:
        if response.status_code != httpx2.codes.OK:
            raise MediaError(_STATUSES.get(response.status_code, "media_status"))
        if int(response.headers.get("Content-Length", 0)) > limit:
            raise MediaError("media_size")
        return await _read(response, limit)
    finally:
        await response.aclose()


async def _read(response: httpx2.Response, limit: int) -> bytes:
    """Return a response's body as it comes, whatever its headers say of it."""
    parts, length = [], 0
    async with aclosing(response.aiter_raw()) as coming:
        async for part in coming:
            length += len(part)
            if length > limit:
                raise MediaError("media_size")
            parts.append(part)
    return b"".join(parts)


def _graph_media(answer: bytes) -> _GraphMedia:
    """
    Return what the Graph API says of a file; its numbers come as texts, too.

    Raises:
        MediaError: it says nothing of one.
    """
    with suppress(ValueError):  # msgspec's errors are such, and that of text that is not UTF-8
        if not too_deep(answer):
            return msgspec.json.decode(answer, type=_GraphMedia, strict=False)
    raise MediaError("media_answer")


def _digest(said: str) -> bytes:
    """Return the hash that a text is: in messages Meta writes it in base64, in the Graph API in hexadecimal."""
    with suppress(ValueError):
        if len(said) == 2 * hashlib.sha256().digest_size:
            return bytes.fromhex(said)
        return base64.b64decode(said, validate=True)
    raise MediaError("media_hash")
