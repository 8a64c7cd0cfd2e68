"""The lab's phone, with what tests need beside it: it keeps its connection, and says every odd thing it is told to."""

import base64
import hashlib
import hmac
import json
import secrets
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Self

import httpx2
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct

from api.keyring import Key
from engine.model import Instance
from lab.phone import Answer, Envelope, Phone
from tests.api.serving import SECONDS, Server
from tests.contract.asking import Journalled

Headers = Sequence[tuple[bytes, bytes]]

TOKEN = "token-of-asha"  # noqa: S105 - it names a session
"""The flow token of most tests."""

JSON = (b"Content-Type", b"application/json")


class Spoken(Struct, frozen=True):
    """A response; the names of *headers* are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


NONCE_BYTES = range(8, 129)
"""How long an IV can be to encrypt anything."""


class Handset(Phone):
    """A phone with one Flow open."""

    def __init__(self, server: Server, flow: str = "survey", token: str = TOKEN) -> None:
        super().__init__(server.world, flow, token)
        self.server = server
        self.flow = flow
        self.token = token
        self.path = f"/flows/{flow}"

    @property
    def instance(self) -> Instance | None:
        """Return the phone's session, as the database has it."""
        return self.server.instance(self.flow, self.token)

    @property
    def session(self) -> tuple[Instance | None, list[Journalled]]:
        """Return the phone's session with its journal, whole, to be compared."""
        return self.instance, self.server.journal(self.flow, self.token)

    def envelope(self, **content: Any) -> Envelope:
        """Return an envelope with exactly this content."""
        return self._sealer.seal(content)

    def called(self, **content: Any) -> Envelope:
        """Return the envelope of a call, not sent yet."""
        return self.envelope(**{"version": "3.0", "flow_token": self.token, **content})

    def send(self, envelope: Envelope) -> Answer:
        """Send an envelope, as it is."""
        return read(envelope, self.post(envelope.body))

    def post(self, body: bytes, headers: Headers | None = None) -> httpx2.Response:
        """Send a body, signed and announced as Meta does it unless *headers* say otherwise."""
        return self.server.client.post(self.path, content=body, headers=headers or self.signed(body))

    def signed(self, body: bytes) -> Headers:
        """Return the headers that Meta sends with *body*."""
        return [JSON, (b"X-Hub-Signature-256", signature(body, self.server.world.app_secret))]


class Wire:
    """A connection to a server, for octets as they are."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS)
        self._reader = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        """Return the connection, which ends with the context."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the connection."""
        self._reader.close()
        self.socket.close()

    def say(self, *octets: bytes) -> None:
        """Send octets, each piece on its own."""
        for piece in octets:
            self.socket.sendall(piece)

    def finish(self) -> None:
        """Say that nothing more is said."""
        self.socket.shutdown(socket.SHUT_WR)

    def hear(self) -> Spoken:
        """Return the next response; one that no server could mean fails the test."""
        status_line = self._reader.readline()
        version, status, *_ = status_line.split(b" ")
        assert version == b"HTTP/1.1", status_line
        headers: dict[str, str] = {}
        while (line := self._reader.readline()) not in {b"\r\n", b""}:
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        body = self._reader.read(size)
        assert len(body) == size
        return Spoken(int(status), headers, body)

    def rest(self) -> bytes:
        """Return all that is still said until the server ends the connection, in whatever way it does."""
        try:
            return self._reader.read()
        except ConnectionResetError:
            return b""


def signature(body: bytes, app_secret: str) -> bytes:
    """Return the value of the signature header of *body*."""
    return f"sha256={hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()}".encode()


def read(envelope: Envelope, response: httpx2.Response) -> Answer:
    """Return the answer to an envelope's call."""
    return Answer(response.status_code, envelope.read(response.content) if response.content else None)


def sealed(
    key: Key, content: bytes, *, aes_key: bytes | None = None, iv: bytes | None = None, **replaced: Any
) -> Envelope:
    """Return *content*, which need not be JSON, in an envelope whose parts may be *replaced*, or left out by None."""
    aes_key, iv = aes_key or secrets.token_bytes(16), secrets.token_bytes(16) if iv is None else iv
    public = key.private.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    parts: Mapping[str, Any] = {
        "encrypted_flow_data": AESGCM(aes_key).encrypt(iv, content, None) if len(iv) in NONCE_BYTES else content,
        "encrypted_aes_key": public.encrypt(aes_key, padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)),
        "initial_vector": iv,
        **replaced,
    }
    document = {name: _base64(part) for name, part in parts.items() if part is not None}
    return Envelope(json.dumps(document).encode(), aes_key, iv)


def _base64(part: Any) -> Any:
    return base64.b64encode(part).decode() if isinstance(part, bytes) else part
