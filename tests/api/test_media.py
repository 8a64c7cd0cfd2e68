"""Files of Flows, fetched over real connections to servers on this machine."""

import asyncio
import base64
import hashlib
import json
import secrets
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as some
from structlog.testing import capture_logs

from api import media
from api.media import AT_ONCE, MAX_FILE, MAX_UPLOAD, MediaFetcher, is_public
from definitions.media import CompletedMedia, MediaError, MediaKeys, Upload
from tests.api.conftest import sample
from tests.api.test_crypto import uploaded

LOOPBACK = "127.0.0.1"
CDN = "mmg.whatsapp.net"
GRAPH_FILES = "lookaside.fbsbx.com"
TOKEN = "a Graph token of the tests"  # noqa: S105 - and of nobody else
NAME = "IMG_of_the_tests.jpg"
FILE = b"a photo of a broken cup " * 1000
MEDIA_ID = "3631120727156756"


class Heard(NamedTuple):
    """What a server was asked."""

    target: str
    headers: dict[str, str]


Say = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Site:
    """A server on this machine that says, at each of its paths, the bytes or does the act that a test wants."""

    def __init__(self, port: int, says: dict[str, bytes | Say]) -> None:
        self.port = port
        self.says = says
        self.heard: list[Heard] = []

    def url(self, path: str, host: str = LOOPBACK, scheme: str = "http") -> str:
        """Return the address of a path, by a name of the server's."""
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def site(says: Mapping[str, bytes | Say] | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """Serve until the context ends; what is not said is not found."""
    running = Site(0, dict(says or {}))
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(cast("asyncio.Task[None]", asyncio.current_task()))
        with suppress(ConnectionError, asyncio.IncompleteReadError), closing(writer):  # who is refused is hung up on
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            _, target, _ = first.split()
            pairs = (line.partition(":") for line in lines)
            running.heard.append(Heard(target, {name.lower(): value.strip() for name, _, value in pairs}))
            said = running.says.get(target, answer(b"no such thing", "404 Not Found"))
            if isinstance(said, bytes):
                writer.write(said)
            else:
                await said(writer)
            await writer.drain()

    server = await asyncio.start_server(serve, LOOPBACK, 0, ssl=tls)
    running.port = server.sockets[0].getsockname()[1]
    async with server:
        yield running
        for task in serving:
            task.cancel()  # one that would speak for ever


def answer(body: bytes, status: str = "200 OK", **headers: Any) -> bytes:
    """Return an answer as it goes over the wire; its length is said unless the test says otherwise."""
    said = {"Content-Length": len(body)} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in said.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def uploaded_to(url: str, blob_of: Any) -> Upload:
    """Return what a screen submits of a file that was uploaded to *url*."""
    return Upload("790aba14", url, NAME, MediaKeys(**msgspec.structs.asdict(blob_of.keys)))


def located(url: str, /, **changed: Any) -> bytes:
    """Return what the Graph API says of the file if it lies at *url*, but for what is *changed* or None."""
    said = {
        "messaging_product": "whatsapp",
        "url": url,
        "mime_type": "image/jpeg",
        "sha256": hashlib.sha256(FILE).hexdigest(),
        "file_size": len(FILE),
        "id": MEDIA_ID,
    }
    return json.dumps({name: value for name, value in (said | changed).items() if value is not None}).encode()


def completed(**changed: Any) -> CompletedMedia:
    """Return what a completion message says of the file, but for what is *changed*."""
    digest = base64.b64encode(hashlib.sha256(FILE).digest()).decode()
    return CompletedMedia(**{"id": MEDIA_ID, "mime_type": "image/jpeg", "sha256": digest, "file_name": NAME, **changed})


class Names:
    """A resolver that answers as it is told, one answer after the other, and remembers whom it was asked for."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = [*answers]
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        """Return the next answer; the last one stays."""
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def fetcher(graph: str = "https://graph.facebook.com", token: str = TOKEN, **wanted: Any) -> MediaFetcher:
    """Return a fetcher as development has one: what stands in for Meta is this machine."""
    return MediaFetcher(graph, token, **{"near": {LOOPBACK}, **wanted})


async def refusal(fetching: MediaFetcher, file: Upload | CompletedMedia) -> str:
    """Return why a file is refused; nothing that an error or the log says tells whose file it was."""
    with capture_logs() as log, pytest.raises(MediaError) as told:
        await fetching.fetch(file)

    error = told.value
    assert log == [{"event": "media_refused", "reason": error.reason, "log_level": "warning"}]
    assert (error.__cause__, error.__context__) == (None, None)
    said = "".join([*traceback.format_exception(error), str(error), repr(error)])
    secret = [TOKEN, NAME, MEDIA_ID, *_secrets(file)]
    assert [each for each in secret if len(each) > 5 and each in said] == []  # shorter ones are in any text
    return error.reason


def _secrets(file: Upload | CompletedMedia) -> Sequence[str]:
    if isinstance(file, Upload):
        return [file.cdn_url, *msgspec.structs.astuple(file.encryption_metadata)]
    return [file.id, file.sha256]


# What a phone has uploaded


async def test_a_file_that_a_phone_uploaded_comes_back_as_it_was() -> None:
    upload = uploaded(FILE)
    async with site({"/v/1?a=%2F&b=c": answer(upload.blob)}) as cdn:
        found = await fetcher().fetch(uploaded_to(cdn.url("/v/1?a=%2F&b=c"), upload))

    assert found == FILE
    ((target, headers),) = cdn.heard
    assert (target, headers["host"]) == ("/v/1?a=%2F&b=c", f"{LOOPBACK}:{cdn.port}")
    assert "authorization" not in headers


async def test_a_file_that_meta_encrypted_comes_back_as_it_was() -> None:
    vector = sample("crypto/003_pywa_media_upload.json")
    async with site({"/v/1": answer(base64.b64decode(vector["cdn_file_b64"]))}) as cdn:
        upload = Upload("790aba14", cdn.url("/v/1"), NAME, MediaKeys(**vector["encryption_metadata"]))
        found = await fetcher().fetch(upload)

    assert found == base64.b64decode(vector["plaintext_b64"])


async def test_a_file_of_the_largest_size_comes_back_as_it_was() -> None:
    file = secrets.token_bytes(MAX_FILE)
    upload = uploaded(file)
    assert len(upload.blob) == MAX_UPLOAD

    async with site({"/v/1": answer(upload.blob)}) as cdn:
        assert await fetcher().fetch(uploaded_to(cdn.url("/v/1"), upload)) == file


async def test_a_file_that_comes_in_chunks_comes_back_as_it_was() -> None:
    upload = uploaded(FILE)
    halves = upload.blob[:700], upload.blob[700:]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(half), half) for half in halves) + b"0\r\n\r\n"
    said = answer(chunks, Content_Length=None, Transfer_Encoding="chunked")
    async with site({"/v/1": said}) as cdn:
        assert await fetcher().fetch(uploaded_to(cdn.url("/v/1"), upload)) == FILE


async def test_many_files_are_fetched_a_few_at_a_time() -> None:
    upload = uploaded(FILE)
    most = now = 0

    async def slowly(writer: asyncio.StreamWriter) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        writer.write(answer(upload.blob))

    async with site({"/v/1": slowly}) as cdn:
        fetching = fetcher()
        file = uploaded_to(cdn.url("/v/1"), upload)
        assert await asyncio.gather(*(fetching.fetch(file) for _ in range(30))) == [FILE] * 30

    assert 1 < most <= AT_ONCE


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"encrypted_hash": b"0" * 32}, "media_encrypted_hash"),
        ({"tag": b"0" * 10}, "media_hmac"),
        ({"padded": b"a photo" + b"\0" * 9}, "media_padding"),
        ({"plaintext_hash": b"0" * 32}, "media_plaintext_hash"),
        ({"encryption_key": b"0" * 31}, "media_metadata"),
        ({"iv": b""}, "media_metadata"),
    ],
)
async def test_a_file_that_is_not_the_one_uploaded_is_refused(changed: dict[str, bytes], reason: str) -> None:
    upload = uploaded(FILE, **changed)
    async with site({"/v/1": answer(upload.blob)}) as cdn:
        assert await refusal(fetcher(), uploaded_to(cdn.url("/v/1"), upload)) == reason


async def test_keys_that_are_no_base64_are_refused() -> None:
    upload = uploaded(FILE)
    async with site({"/v/1": answer(upload.blob)}) as cdn:
        file = Upload("790aba14", cdn.url("/v/1"), NAME, MediaKeys(*["é of the tests"] * 5))
        assert await refusal(fetcher(), file) == "media_metadata"


# What is not given


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(answer(b"gone", "404 Not Found"), "media_gone", id="not found"),
        pytest.param(answer(b"gone", "410 Gone"), "media_gone", id="gone"),
        pytest.param(answer(b"", "401 Unauthorized"), "media_denied", id="unauthorized"),
        pytest.param(answer(b"", "403 Forbidden"), "media_denied", id="forbidden"),
        pytest.param(answer(b"", "500 Internal Server Error"), "media_status", id="broken server"),
        pytest.param(answer(b"a part", "206 Partial Content"), "media_status", id="a part"),
        pytest.param(answer(b"", "304 Not Modified"), "media_status", id="not modified"),
        pytest.param(b"", "media_broken", id="nothing"),
        pytest.param(b"hello\r\n\r\n", "media_broken", id="no HTTP"),
        pytest.param(answer(b"short", Content_Length=100), "media_broken", id="shorter than said"),
        pytest.param(answer(b"x", Content_Length="one"), "media_broken", id="a length that is none"),
        pytest.param(answer(b"x", Content_Length="9" * 5000), "media_broken", id="a length beyond all"),
        pytest.param(answer(b"x", X=f"{'x' * 200_000}"), "media_broken", id="headers without end"),
        pytest.param(answer(b"", Content_Length=MAX_UPLOAD + 1), "media_size", id="longer than may be"),
    ],
)
async def test_an_answer_without_the_file_is_refused(said: bytes, reason: str) -> None:
    async with site({"/v/1": said}) as cdn:
        assert await refusal(fetcher(), uploaded_to(cdn.url("/v/1"), uploaded(FILE))) == reason


async def test_a_body_longer_than_said_is_read_as_far_as_said_and_is_not_the_file() -> None:
    upload = uploaded(FILE)
    async with site({"/v/1": answer(upload.blob, Content_Length=len(upload.blob) - 1)}) as cdn:
        assert await refusal(fetcher(), uploaded_to(cdn.url("/v/1"), upload)) == "media_encrypted_hash"


async def test_a_body_that_does_not_say_its_length_is_read_as_far_as_a_file_may_be() -> None:
    sent = 0

    async def endlessly(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(answer(b"", Content_Length=None, Transfer_Encoding="chunked"))
        while True:
            writer.write(b"100000\r\n" + b"\0" * 0x100000 + b"\r\n")
            await writer.drain()
            sent += 0x100000

    async with site({"/v/1": endlessly}) as cdn:
        assert await refusal(fetcher(), uploaded_to(cdn.url("/v/1"), uploaded(FILE))) == "media_size"
    assert MAX_UPLOAD - 0x100000 <= sent < 2 * MAX_UPLOAD


async def test_a_body_that_unpacks_to_more_is_not_unpacked() -> None:
    async with site({"/v/1": answer(b"\x1f\x8b", Content_Encoding="gzip")}) as cdn:
        assert await refusal(fetcher(), uploaded_to(cdn.url("/v/1"), uploaded(FILE))) == "media_encrypted_hash"

    ((_, headers),) = cdn.heard
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\n", answer(b"", Content_Length=1000)])
async def test_a_file_that_comes_too_slowly_is_given_up(first: bytes) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.write(b"X: x\r\n" if first.endswith(b"OK\r\n") else b"x" * bool(first))

    async with site({"/v/1": drip}) as cdn:
        fetching = fetcher(seconds=0.2)
        assert await refusal(fetching, uploaded_to(cdn.url("/v/1"), uploaded(FILE))) == "media_slow"


async def test_a_host_that_is_not_found_in_time_is_given_up() -> None:
    async def never(_: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    fetching = fetcher(addresses=never, seconds=0.05)
    assert await refusal(fetching, uploaded_to(f"https://{CDN}/v/1", uploaded(FILE))) == "media_slow"


async def test_who_asks_may_give_up_earlier() -> None:
    async def silently(_: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with site({"/v/1": silently}) as cdn:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await fetcher().fetch(uploaded_to(cdn.url("/v/1"), uploaded(FILE)))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    upload = uploaded(FILE)
    async with site({"/v/2": answer(upload.blob)}) as elsewhere, site() as cdn:
        cdn.says["/v/1"] = answer(b"", f"{status} Moved", Location=elsewhere.url("/v/2"))
        assert await refusal(fetcher(), uploaded_to(cdn.url("/v/1"), upload)) == "media_redirect"

    assert elsewhere.heard == []


# Whom we ask


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        *(
            pytest.param(url, "media_address", id=url or "nothing")
            for url in (
                "",
                "v/1",
                f"//{CDN}/v/1",
                f"http://{CDN}/v/1",
                f"ftp://{CDN}/v/1",
                f"file://{CDN}/etc/hosts",
                "file:///etc/hosts",
                f"https://{CDN}:22/v/1",
                f"https://{CDN}:80/v/1",
                f"https://someone@{CDN}/v/1",
                f"https://someone:secret@{CDN}/v/1",
                f"https://{CDN}@cdn.example/v/1",
                f"https://{CDN}\\@cdn.example/v/1",
                f"https://{CDN}:port/v/1",
                f"https://\n{CDN}/v/1",
                "https://[::1/v/1",
                f"https://{'x' * 70_000}.whatsapp.net/v/1",
            )
        ),
        *(
            pytest.param(url, "media_host", id=url)
            for url in (
                "https:///v/1",
                "https://cdn.example/v/1",
                f"https://cdn.example/{CDN}",
                f"https://cdn.example#@{CDN}/v/1",
                f"https://{CDN}.cdn.example/v/1",
                f"https://{CDN}./v/1",
                f"https://{CDN}%2ecdn.example/v/1",
                "https://cdnwhatsapp.net/v/1",
                "https://whatsapp.net.cdn.example/v/1",
                "https://net/v/1",
                f"https://{GRAPH_FILES}/v/1",
                "https://graph.facebook.com/v/1",
                "https://localhost/v/1",
                "https://127.0.0.1/v/1",
                "https://127.1/v/1",
                "https://2130706433/v/1",
                "https://[::1]/v/1",
                "https://169.254.169.254/latest/meta-data",
            )
        ),
    ],
)
async def test_an_address_that_is_none_of_metas_is_not_even_looked_up(url: str, reason: str) -> None:
    names = Names(["1.1.1.1"])

    assert await refusal(fetcher(near=(), addresses=names), uploaded_to(url, uploaded(FILE))) == reason
    assert names.asked == []


@given(
    some.text(max_size=60)
    | some.builds(
        "https://{}{}{}".format,
        some.text("/:@.[]\\#?%a0", max_size=8),
        some.sampled_from([CDN, "whatsapp.net", GRAPH_FILES]),
        some.text("/:@.[]\\#?%a0", max_size=8),
    )
)
@settings(max_examples=300, deadline=None)
def test_whatever_an_address_is_nobody_is_asked_or_one_of_meta(url: str) -> None:
    names = Names(["10.0.0.1"])

    reason = asyncio.run(refusal(fetcher(near=(), addresses=names), Upload("", url, "", MediaKeys(*[""] * 5))))

    assert reason in {"media_address", "media_host", "media_private"}
    assert all(f".{host}".endswith(".whatsapp.net") for host in names.asked)
    assert bool(names.asked) == (reason == "media_private")


PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",  # noqa: S104 - to be refused
    "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:1.1.1.1", "::10.0.0.1", "64:ff9b::a00:1",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:a00:1::1", "3fff::1", "fc00::1", "fd12::1", "fe80::1",
    "fe80::1%lo", "fec0::1", "ff02::1", "ff0e::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_to_where_only_we_can_go_is_refused(address: str) -> None:
    fetching = fetcher(near=(), addresses=Names([address]))

    assert await refusal(fetching, uploaded_to(f"https://{CDN}/v/1", uploaded(FILE))) == "media_private"


@pytest.mark.parametrize("addresses", [["1.1.1.1", "10.0.0.1"], ["::1", "2606:4700::1111"]])
async def test_one_private_address_spoils_all(addresses: list[str]) -> None:
    fetching = fetcher(near=(), addresses=Names(addresses))

    assert await refusal(fetching, uploaded_to(f"https://{CDN}/v/1", uploaded(FILE))) == "media_private"


PRIVATE_NETWORKS = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "198.18.0.0/15", "224.0.0.0/3", "::/3", "4000::/2", "8000::/1", "2001:db8::/32", "2002::/16",
]  # fmt: skip


@given(some.sampled_from(PRIVATE_NETWORKS).flatmap(lambda network: some.ip_addresses(network=network)))
def test_no_address_of_a_private_network_is_public(address: Any) -> None:
    assert not is_public(str(address))


@given(some.ip_addresses(v=4))
def test_no_address_is_public_in_the_clothes_of_another(address: Any) -> None:
    clothes = [
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        str(IPv6Address((0x2002 << 112) | (int(address) << 80))),
    ]

    assert [each for each in clothes if is_public(each)] == []


@pytest.mark.parametrize("address", ["1.1.1.1", "157.240.0.53", "31.13.64.53", "2606:4700::1111", "2a03:2880:f0fc::1"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


async def test_a_name_without_an_address_is_refused() -> None:
    fetching = fetcher(near=(), addresses=Names([]))

    assert await refusal(fetching, uploaded_to(f"https://{CDN}/v/1", uploaded(FILE))) == "media_unreachable"


async def test_a_name_that_the_system_cannot_look_up_is_refused() -> None:
    file = uploaded_to(f"https://{'x' * 64}.whatsapp.net/v/1", uploaded(FILE))

    assert await refusal(fetcher(), file) == "media_unreachable"


async def test_the_system_knows_its_own_addresses() -> None:
    assert await media.resolve(LOOPBACK) == [LOOPBACK]
    assert await media.resolve("::1") == ["::1"]


async def test_a_server_that_is_not_there_is_refused() -> None:
    async with site() as cdn:
        gone = cdn.url("/v/1")

    assert await refusal(fetcher(), uploaded_to(gone, uploaded(FILE))) == "media_unreachable"


async def test_a_host_is_asked_at_its_next_address_when_the_first_is_dead() -> None:
    upload = uploaded(FILE)
    async with site({"/v/1": answer(upload.blob)}) as cdn:
        fetching = fetcher(near={CDN}, addresses=Names(["127.0.0.2", LOOPBACK]))
        assert await fetching.fetch(uploaded_to(cdn.url("/v/1", CDN), upload)) == FILE


async def test_what_was_looked_up_is_what_is_connected_to() -> None:
    upload = uploaded(FILE)
    names = Names([LOOPBACK], ["127.0.0.2"])
    async with site({"/v/1": answer(upload.blob)}) as cdn:
        assert await fetcher(near={CDN}, addresses=names).fetch(uploaded_to(cdn.url("/v/1", CDN), upload)) == FILE

    assert names.asked == [CDN]
    assert cdn.heard[0].headers["host"] == f"{CDN}:{cdn.port}"


# Whose certificate we believe


class Certificate(NamedTuple):
    """A certificate for one host, that says who it is and that it may be believed: TLS for a server, and for a peer."""

    server: ssl.SSLContext
    believed: ssl.SSLContext


def certificate(host: str, folder: Path) -> Certificate:
    """Return a new certificate for *host*."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(signed.public_bytes(Encoding.PEM) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return Certificate(server, ssl.create_default_context(cafile=str(file)))


def over_tls(tls: ssl.SSLContext | None) -> MediaFetcher:
    """Return a fetcher that believes certificates as *tls* does, for which Meta's upload host is this machine."""
    return fetcher(near={CDN}, addresses=Names([LOOPBACK]), tls=tls)


async def test_a_file_comes_over_tls_from_the_address_looked_up_by_the_certificate_of_the_host(tmp_path: Path) -> None:
    upload, metas = uploaded(FILE), certificate(CDN, tmp_path)
    async with site({"/v/1": answer(upload.blob)}, metas.server) as cdn:
        file = uploaded_to(cdn.url("/v/1", CDN, "https"), upload)
        assert await over_tls(metas.believed).fetch(file) == FILE


async def test_a_host_with_the_certificate_of_another_is_not_asked(tmp_path: Path) -> None:
    upload, anothers = uploaded(FILE), certificate("cdn.example", tmp_path)
    async with site({"/v/1": answer(upload.blob)}, anothers.server) as cdn:
        file = uploaded_to(cdn.url("/v/1", CDN, "https"), upload)
        assert await refusal(over_tls(anothers.believed), file) == "media_unreachable"

    assert cdn.heard == []


async def test_a_host_whose_certificate_nobody_vouches_for_is_not_asked(tmp_path: Path) -> None:
    upload, own = uploaded(FILE), certificate(CDN, tmp_path)
    async with site({"/v/1": answer(upload.blob)}, own.server) as cdn:
        file = uploaded_to(cdn.url("/v/1", CDN, "https"), upload)
        assert await refusal(over_tls(None), file) == "media_unreachable"

    assert cdn.heard == []


# What a completion message names


async def test_a_file_of_a_completion_message_comes_through_the_graph_api() -> None:
    async with site({"/files?mid=1": answer(FILE)}) as graph:
        graph.says[f"/v25.0/{MEDIA_ID}"] = answer(located(graph.url("/files?mid=1")))
        assert await fetcher(graph.url("/v25.0/")).fetch(completed()) == FILE

    assert [heard.target for heard in graph.heard] == [f"/v25.0/{MEDIA_ID}", "/files?mid=1"]
    assert [heard.headers["authorization"] for heard in graph.heard] == [f"Bearer {TOKEN}"] * 2


async def test_metas_own_host_of_files_is_asked_with_the_token(tmp_path: Path) -> None:
    metas = certificate(GRAPH_FILES, tmp_path)
    async with site({"/files": answer(FILE)}, metas.server) as files, site() as graph:
        graph.says[f"/{MEDIA_ID}"] = answer(located(files.url("/files", GRAPH_FILES, "https")))
        fetching = fetcher(graph.url(""), near={GRAPH_FILES}, addresses=Names([LOOPBACK]), tls=metas.believed)
        assert await fetching.fetch(completed()) == FILE

    assert files.heard[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"file_size": str(len(FILE))}, id="a size as text"),
        pytest.param({"file_size": None}, id="no size"),
        pytest.param({"sha256": base64.b64encode(hashlib.sha256(FILE).digest()).decode()}, id="a hash in base64"),
        pytest.param({"sha256": hashlib.sha256(FILE).hexdigest().upper()}, id="a hash in capitals"),
    ],
)
async def test_the_graph_api_may_say_the_same_in_other_ways(changed: dict[str, Any]) -> None:
    async with site({"/files": answer(FILE)}) as graph:
        graph.says[f"/{MEDIA_ID}"] = answer(located(graph.url("/files"), **changed))
        assert await fetcher(graph.url("")).fetch(completed()) == FILE


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sha256": "0" * 64}, "media_hash"),
        ({"sha256": "no hash"}, "media_hash"),
        ({"sha256": ""}, "media_hash"),
        ({"sha256": "é" * 64}, "media_hash"),
        ({"file_size": len(FILE) - 1}, "media_size"),
        ({"file_size": 0}, "media_size"),
        ({"file_size": -1}, "media_answer"),
        ({"file_size": "large"}, "media_answer"),
        ({"url": None}, "media_answer"),
        ({"url": 1}, "media_answer"),
        ({"sha256": None}, "media_answer"),
    ],
)
async def test_a_file_that_is_not_what_the_graph_api_says_is_refused(changed: dict[str, Any], reason: str) -> None:
    async with site({"/files": answer(FILE)}) as graph:
        graph.says[f"/{MEDIA_ID}"] = answer(located(graph.url("/files"), **changed))
        assert await refusal(fetcher(graph.url("")), completed()) == reason


@pytest.mark.parametrize("said", [hashlib.sha256(b"another file").hexdigest(), "", "no hash"])
async def test_a_file_that_is_not_what_the_message_says_is_refused(said: str) -> None:
    async with site({"/files": answer(FILE)}) as graph:
        graph.says[f"/{MEDIA_ID}"] = answer(located(graph.url("/files")))
        assert await refusal(fetcher(graph.url("")), completed(sha256=said)) == "media_hash"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(answer(b'{"error": {"code": 100}}', "400 Bad Request"), "media_status", id="bad request"),
        pytest.param(
            answer(b'{"error": {"code": 190}}', "401 Unauthorized"), "media_denied", id="a token that is over"
        ),
        pytest.param(answer(b"", "404 Not Found"), "media_gone", id="not found"),
        pytest.param(answer(b"", "500 Internal Server Error"), "media_status", id="broken server"),
        pytest.param(answer(b"{}"), "media_answer", id="nothing"),
        pytest.param(answer(b"[]"), "media_answer", id="a list"),
        pytest.param(answer(b""), "media_answer", id="empty"),
        pytest.param(answer(b"<html>"), "media_answer", id="a page"),
        pytest.param(answer(b'{"url": "\xff", "sha256": ""}'), "media_answer", id="no UTF-8"),
        pytest.param(answer(b'{"id": ' + b"[" * 30_000), "media_answer", id="very deep"),
        pytest.param(answer(b" " * 70_000), "media_size", id="very long"),
    ],
)
async def test_an_answer_of_the_graph_api_that_leads_to_no_file_is_refused(said: bytes, reason: str) -> None:
    async with site({f"/{MEDIA_ID}": said}) as graph:
        assert await refusal(fetcher(graph.url("")), completed()) == reason


async def test_a_file_that_is_longer_than_a_picker_takes_is_refused_whatever_the_graph_api_says() -> None:
    async with site({"/files": answer(b"", Content_Length=MAX_FILE + 1)}) as graph:
        graph.says[f"/{MEDIA_ID}"] = answer(located(graph.url("/files"), file_size=MAX_FILE + 1))
        assert await refusal(fetcher(graph.url("")), completed()) == "media_size"


async def test_a_file_that_the_graph_api_has_lost_is_refused() -> None:
    async with site() as graph:
        graph.says[f"/{MEDIA_ID}"] = answer(located(graph.url("/files")))
        assert await refusal(fetcher(graph.url("")), completed()) == "media_gone"


@pytest.mark.parametrize(
    "changed", ["", "me/accounts", "1?fields=x", "..", "1%2F2", "1 2", "1#", "é", "1" * 129, "1\n"]
)
async def test_what_is_no_media_id_is_not_asked_for(changed: str) -> None:
    async with site() as graph:
        assert await refusal(fetcher(graph.url("")), completed(id=changed)) == "media_id"

    assert graph.heard == []


async def test_without_a_token_the_graph_api_is_not_asked() -> None:
    async with site() as graph:
        assert await refusal(fetcher(graph.url(""), token=""), completed()) == "media_no_token"

    assert graph.heard == []


@pytest.mark.parametrize("token", ["two\r\nX-Lines: of it", "\0"])
async def test_a_token_that_no_header_can_have_is_not_sent(token: str) -> None:
    async with site() as graph:
        assert await refusal(fetcher(graph.url(""), token=token), completed()) == "media_broken"

    assert graph.heard == []


# Who gets the token


async def test_a_host_of_files_that_is_not_metas_gets_neither_token_nor_question() -> None:
    async with site({"/files": answer(FILE)}) as elsewhere, site() as graph:
        addresses = [
            elsewhere.url("/files", "localhost"),
            elsewhere.url("/files", "localhost", "https"),
            "https://cdn.example/files",
            f"https://{CDN}/files",
            f"https://{GRAPH_FILES}.cdn.example/files",
            f"http://{GRAPH_FILES}/files",
            "https://graph.facebook.com/files",
        ]
        reasons = []
        for url in addresses:
            graph.says[f"/{MEDIA_ID}"] = answer(located(url))
            reasons.append(await refusal(fetcher(graph.url("")), completed()))

    assert reasons == ["media_address", "media_address", *["media_host"] * 3, "media_address", "media_host"]
    assert elsewhere.heard == []


async def test_metas_host_of_files_gets_no_token_where_its_name_leads_to_a_private_address() -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with site() as graph:
        graph.says[f"/{MEDIA_ID}"] = answer(located(f"https://{GRAPH_FILES}/files"))
        assert await refusal(fetcher(graph.url(""), addresses=names), completed()) == "media_private"

    assert names.asked == [LOOPBACK, GRAPH_FILES]


@pytest.mark.parametrize("redirecting", ["graph", "files"])
async def test_the_token_follows_no_redirect(redirecting: str) -> None:
    async with site({"/files": answer(FILE)}) as elsewhere, site() as graph:
        moved = answer(b"", "302 Found", Location=elsewhere.url("/files"))
        graph.says[f"/{MEDIA_ID}"] = moved if redirecting == "graph" else answer(located(graph.url("/files")))
        graph.says["/files"] = moved
        assert await refusal(fetcher(graph.url("")), completed()) == "media_redirect"

    assert elsewhere.heard == []


async def test_settings_of_the_process_send_nothing_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = uploaded(FILE)
    async with site() as proxy, site({"/v/1": answer(upload.blob)}) as cdn:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        assert await fetcher().fetch(uploaded_to(cdn.url("/v/1"), upload)) == FILE

    assert proxy.heard == []
