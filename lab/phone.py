"""
A phone in a Flow, as far as the endpoint can tell: it encrypts what it sends as Meta's client does, and reads answers.

Source: Meta, "Implementing your Flow Endpoint". Written from the page, not from our server's code, so that each checks
the other.
"""

import base64
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Struct

from lab.webhooks import completion, messages_update
from lab.world import Unable, World

DATA_API_VERSION = "3.0"

SEALED = frozenset({200, 427})
"""The statuses whose answers are encrypted, if they have a body."""


class Envelope(Struct, frozen=True):
    """An encrypted call: the *body* to send, and what its answer can be read with."""

    body: bytes
    aes_key: bytes
    iv: bytes

    def read(self, answer: bytes) -> Any:
        """Return the content of an encrypted answer; it is sealed under the same key and the flipped IV."""
        flipped = bytes(octet ^ 0xFF for octet in self.iv)
        return json.loads(AESGCM(self.aes_key).decrypt(flipped, base64.b64decode(answer, validate=True), None))


class Answer(Struct, frozen=True):
    """What the endpoint answered: the HTTP status and, if there is any, the content."""

    status: int
    content: Any = None


class Sealer:
    """Encrypts calls for the holder of a public key."""

    def __init__(self, public_key_pem: str) -> None:
        key = load_pem_public_key(public_key_pem.encode())
        if not isinstance(key, rsa.RSAPublicKey):
            raise TypeError("a Flow endpoint's key is RSA")
        self._key = key

    def seal(self, content: Any) -> Envelope:
        """Return *content* in an envelope with a fresh key and IV."""
        aes_key, iv = secrets.token_bytes(16), secrets.token_bytes(16)
        oaep = padding.OAEP(mgf=padding.MGF1(SHA256()), algorithm=SHA256(), label=None)
        parts = {
            "encrypted_flow_data": AESGCM(aes_key).encrypt(iv, json.dumps(content).encode(), None),
            "encrypted_aes_key": self._key.encrypt(aes_key, oaep),
            "initial_vector": iv,
        }
        body = json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()}).encode()
        return Envelope(body, aes_key, iv)


PERSON, NAME = "919800000042", "Asha Rao"
"""Whose phone it is where nobody else is named."""


class Phone:
    """One customer's phone, with one Flow open."""

    def __init__(self, world: World, flow: str, token: str, person: str = PERSON) -> None:
        """
        Be ready to open *flow* with the flow *token*; the phone is that of *person*.

        Raises:
            Unable: the server's public key is not known.
        """
        if not world.public_key:
            raise Unable("no key of the server is here: be in the server's folder, or set WAYSTATE_PRIVATE_KEY_FILE")
        self._world = world
        self._path = f"/flows/{flow}"
        self._sealer = Sealer(world.public_key)
        self.token = token
        self.person = person

    def open(self) -> Answer:
        """Open the Flow."""
        return self.call({"action": "INIT", "screen": "", "data": {}})

    def submit(self, screen: str, **form: Any) -> Answer:
        """Submit *screen* with what was filled in."""
        return self.call({"action": "data_exchange", "screen": screen, "data": form})

    def back(self, screen: str) -> Answer:
        """Press back on *screen*."""
        return self.call({"action": "BACK", "screen": screen, "data": {}})

    def complete(self, **values: Any) -> int:
        """Complete the Flow with *values*, which come by webhook; return what that is answered."""
        message = completion(self.person, {"flow_token": self.token, **values})
        return self._world.deliver(messages_update(self._world, NAME, [message]))

    def call(self, content: dict[str, Any]) -> Answer:
        """Send a call and read its answer."""
        content = {"version": DATA_API_VERSION, "flow_token": self.token, **content}
        return self.send(self._sealer.seal(content))

    def send(self, envelope: Envelope) -> Answer:
        """Send an envelope, as it is."""
        response = self._world.post(self._path, envelope.body)
        sealed = response.content if response.status_code in SEALED else b""
        return Answer(response.status_code, envelope.read(sealed) if sealed else None)
