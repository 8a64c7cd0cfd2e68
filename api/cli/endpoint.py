"""
Asks a Flow endpoint as Meta does, and says which of the usual mistakes its answer is.

Sources: Meta, "Implementing your Flow Endpoint"; public reports of endpoints that did not work
(WhatsApp-Flows-Tools, issues 17 and 31).

Rule 1: a mistake is named only when it was seen: what is sealed wrongly on purpose is opened, an answer is readable in
        a wrong way. Where nothing fits, that is said.
"""

import hashlib
import hmac
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from urllib.parse import urlsplit

import httpx2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7
from msgspec import Struct

from api.crypto import AES_KEY_BYTES, IV_BYTES
from api.keyring import Key
from api.settings import LOOPBACK, PREFIX
from definitions.json_text import too_deep

SECONDS = 10.0
"""How long Meta waits."""

SHORT_IV = 12
"""The IV that most libraries take for AES-GCM; Meta's has 16 bytes."""

PING = b'{"version":"3.0","action":"ping"}'
ACTIVE = {"status": "active"}

_OAEP = padding.OAEP(mgf=padding.MGF1(SHA256()), algorithm=SHA256(), label=None)


class Diagnosis(Enum):
    """What an endpoint does, and what to do about it."""

    WELL = "answers as Meta wants it"

    # What it does with a call
    OLD_KEY = f"opens calls for an older key: restart it, or upload that key; check {PREFIX}PRIVATE_KEY_FILE there"
    NOT_OPENED = (
        f"cannot open calls (421): it has another private key than this; check {PREFIX}PRIVATE_KEY_FILE there, "
        "upload its public half with `waystate keys upload`"
    )
    OPENS_CBC = "opens calls with AES-CBC: Meta seals them with AES-128-GCM, the tag at the end"
    OPENS_SHORT_IV = "opens calls with the first 12 bytes of the IV: GCM has to take all 16"
    OTHER_SECRET = f"refuses the signature (432): its app secret is another one; check {PREFIX}APP_SECRET there"
    OLD_SECRET = f"takes only a later one of the secrets in {PREFIX}APP_SECRET: name the one that Meta signs with first"

    # How it answers
    UNFLIPPED_IV = "seals its answer with the IV as it came: every bit of it has to be flipped"
    SHORT_IV = "seals its answer with a 12-byte IV: it is all 16 bytes, flipped"
    CBC = "seals its answer with AES-CBC: Meta opens it with AES-128-GCM, the tag at the end"
    NO_TAG = "seals its answer without the tag: its 16 bytes stand at the end, before base64"
    WRAPPED = "wraps its answer in JSON: the body is the base64 text alone, as text/plain"
    BYTES = "answers with the sealed bytes: the body is their base64"
    CLEAR = "answers in the clear: the answer has to be sealed"
    OTHER_CONTENT = 'answers a ping with something else than {"data": {"status": "active"}}'
    UNREADABLE = "seals its answer in no way known here: the same AES key, the IV flipped, AES-128-GCM"

    # What is in the way
    NO_FLOW = "is not there (404): the address is another one, or that server has no such Flow"
    REDIRECT = "sends elsewhere: Meta follows no redirect; name the address itself"
    STATUS = "answers with a status that Meta takes for a failure"
    UNREACHABLE = f"cannot be reached: check {PREFIX}PUBLIC_URL, its DNS and its certificate"
    SLOW = "takes longer than the 10 seconds that Meta waits"


SEALED = frozenset(
    {
        *(Diagnosis.WELL, Diagnosis.OTHER_CONTENT, Diagnosis.UNFLIPPED_IV, Diagnosis.SHORT_IV, Diagnosis.CBC),
        *(Diagnosis.NO_TAG, Diagnosis.WRAPPED, Diagnosis.BYTES),
    }
)
"""What is sealed, rightly or wrongly, with the call's own key: whoever answers so has opened the call."""


class Call(Struct, frozen=True):
    """A call as Meta sends it: its *body*, and what its answer is read with."""

    body: bytes
    key: bytes
    iv: bytes


Seal = Callable[[bytes, bytes, bytes], bytes]
"""Encrypts a content with an AES key and an IV."""


def gcm(content: bytes, key: bytes, iv: bytes) -> bytes:
    """Return *content* sealed as Meta does."""
    return AESGCM(key).encrypt(iv, content, None)


def gcm_with_short_iv(content: bytes, key: bytes, iv: bytes) -> bytes:
    """Return *content* sealed as some endpoints expect it."""
    return AESGCM(key).encrypt(iv[:SHORT_IV], content, None)


def cbc(content: bytes, key: bytes, iv: bytes) -> bytes:
    """Return *content* sealed as other endpoints expect it."""
    pad = PKCS7(algorithms.AES.block_size).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(pad.update(content) + pad.finalize()) + encryptor.finalize()


def sealed_ping(key: Key, seal: Seal = gcm) -> Call:
    """Return a ping, sealed for the holder of a private key."""
    aes_key, iv = os.urandom(AES_KEY_BYTES), os.urandom(IV_BYTES)
    parts = {
        "encrypted_flow_data": seal(PING, aes_key, iv),
        "encrypted_aes_key": key.private.public_key().encrypt(aes_key, _OAEP),
        "initial_vector": iv,
    }
    return Call(json.dumps({name: b64encode(part).decode() for name, part in parts.items()}).encode(), aes_key, iv)


def examine(url: str, keys: tuple[Key, ...], app_secrets: tuple[bytes, ...]) -> tuple[Diagnosis, int]:
    """
    Ping the endpoint at *url* as Meta would, and return what it does, with the HTTP status of its answer (0: none).

    The newest key and the first secret are Meta's; where they are not taken, the others are tried, and the mistakes.
    """
    local = urlsplit(url).hostname in LOOPBACK
    with httpx2.Client(timeout=SECONDS, trust_env=not local) as client:
        try:
            found, status = _pinged(client, url, sealed_ping(keys[0]), app_secrets[0])
            others: Iterable[tuple[Diagnosis, Call, bytes]] = ()
            if found is Diagnosis.OTHER_SECRET:
                others = ((Diagnosis.OLD_SECRET, sealed_ping(keys[0]), secret) for secret in app_secrets[1:])
            elif found in {Diagnosis.NOT_OPENED, Diagnosis.STATUS}:
                others = ((mistake, call, app_secrets[0]) for mistake, call in _mistaken(keys))
            opened = (why for why, call, secret in others if _pinged(client, url, call, secret)[0] in SEALED)
            return next(opened, found), status
        except httpx2.TimeoutException:
            return Diagnosis.SLOW, 0
        except httpx2.HTTPError:
            return Diagnosis.UNREACHABLE, 0


def _mistaken(keys: tuple[Key, ...]) -> Iterator[tuple[Diagnosis, Call]]:
    """Yield calls that only an endpoint with a mistake opens."""
    for key in keys[1:]:
        yield Diagnosis.OLD_KEY, sealed_ping(key)
    yield Diagnosis.OPENS_CBC, sealed_ping(keys[0], cbc)
    yield Diagnosis.OPENS_SHORT_IV, sealed_ping(keys[0], gcm_with_short_iv)


def _pinged(client: httpx2.Client, url: str, call: Call, app_secret: bytes) -> tuple[Diagnosis, int]:
    """Send a call, and return what its answer is, with the HTTP status."""
    signature = hmac.new(app_secret, call.body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
    response = client.post(url, content=call.body, headers=headers)
    return diagnose(response.status_code, response.content, call.key, call.iv), response.status_code


def diagnose(status: int, body: bytes, key: bytes, iv: bytes) -> Diagnosis:
    """Return what an endpoint's answer to a ping is; *key* and *iv* are those the ping was sealed with."""
    statuses = {421: Diagnosis.NOT_OPENED, 432: Diagnosis.OTHER_SECRET, 404: Diagnosis.NO_FLOW}
    if status in statuses:
        return statuses[status]
    if httpx2.codes.is_redirect(status):
        return Diagnosis.REDIRECT
    if status != httpx2.codes.OK:
        return Diagnosis.STATUS
    found = _diagnosed_text(body, key, iv)
    if found is not Diagnosis.UNREADABLE:
        return found
    wrapped = _decoded(body)
    if isinstance(wrapped, dict) and "data" in wrapped:
        return Diagnosis.CLEAR
    texts = [*wrapped.values()] if isinstance(wrapped, dict) else [wrapped]
    if any(isinstance(text, str) and _diagnosed_text(text.encode(), key, iv) is not found for text in texts):
        return Diagnosis.WRAPPED
    return found if _diagnosed(body, key, iv) is found else Diagnosis.BYTES


def _diagnosed_text(text: bytes, key: bytes, iv: bytes) -> Diagnosis:
    try:
        return _diagnosed(b64decode(text.strip(), validate=True), key, iv)
    except ValueError:
        return Diagnosis.UNREADABLE


def _diagnosed(sealed: bytes, key: bytes, iv: bytes) -> Diagnosis:
    """Return in which way the bytes of an answer are sealed."""
    flipped = bytes(octet ^ 0xFF for octet in iv)
    ways: list[tuple[Diagnosis, Callable[[], bytes]]] = [
        (Diagnosis.WELL, lambda: AESGCM(key).decrypt(flipped, sealed, None)),
        (Diagnosis.UNFLIPPED_IV, lambda: AESGCM(key).decrypt(iv, sealed, None)),
        (Diagnosis.SHORT_IV, lambda: AESGCM(key).decrypt(flipped[:SHORT_IV], sealed, None)),
        (Diagnosis.SHORT_IV, lambda: AESGCM(key).decrypt(iv[:SHORT_IV], sealed, None)),
        (Diagnosis.CBC, lambda: _from_cbc(sealed, key, flipped)),
        (Diagnosis.CBC, lambda: _from_cbc(sealed, key, iv)),
        (Diagnosis.NO_TAG, lambda: _without_tag(sealed, key, flipped)),
        (Diagnosis.NO_TAG, lambda: _without_tag(sealed, key, iv)),
    ]
    for way, opened in ways:
        try:
            content = _decoded(opened())
        except (InvalidTag, ValueError):
            continue
        if isinstance(content, dict):
            if way is Diagnosis.WELL and content.get("data") != ACTIVE:
                return Diagnosis.OTHER_CONTENT
            return way
    return Diagnosis.UNREADABLE


def _from_cbc(sealed: bytes, key: bytes, iv: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    unpad = PKCS7(algorithms.AES.block_size).unpadder()
    return unpad.update(decryptor.update(sealed) + decryptor.finalize()) + unpad.finalize()


def _without_tag(sealed: bytes, key: bytes, iv: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.GCM(iv)).decryptor().update(sealed)


def _decoded(text: bytes) -> object:
    """Return the value of a JSON text, or None."""
    if too_deep(text):
        return None
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    return value
