"""
Meta's envelope for Flow calls, its signatures, and its media encryption.

Sources: Meta, "Implementing your Flow Endpoint" (request decryption and encryption, signature, token signature) and
"Media upload components" (media decryption).

Rule 1: signatures are over the raw bytes and are checked before anything else; bytes are compared, in constant time.
Rule 2: whatever keeps a call from being opened is one error; the reason is for our log alone.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import pybase64
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7
from msgspec import Struct, field

from definitions.json_text import too_deep
from definitions.media import MediaKeys
from engine.errors import WorkflowError

AES_KEY_BYTES = 16
IV_BYTES = 16
MEDIA_KEY_BYTES = 32
MEDIA_TAG_BYTES = 10

_FLIP = int.from_bytes(b"\xff" * IV_BYTES)
_SIGNATURE_PREFIX = b"sha256="


class WireError(WorkflowError):
    """The peer sent what we cannot accept. *reason* is for the log and never for the peer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignatureMissing(WireError):
    """A call is not signed, or not in the form that Meta signs."""


class SignatureWrong(WireError):
    """A call is signed with none of our app secrets."""


class TokenForged(WireError):
    """A Flow token does not come with the signature that Meta's client says it has."""


class CannotDecrypt(WireError):
    """An envelope cannot be opened with any of our keys, or is none."""


class MediaCorrupt(WireError):
    """A media file is not what its metadata says."""


class Sealed(Struct, frozen=True):
    """An envelope, its parts out of their base64: the content under an AES key, that key under ours, and the IV."""

    content: bytes = field(name="encrypted_flow_data")
    key: bytes = field(name="encrypted_aes_key")
    iv: bytes = field(name="initial_vector")


_decode_envelope = msgspec.json.Decoder(Sealed).decode


class Opened(Struct, frozen=True):
    """The content of an envelope, with what its answer is sealed with."""

    content: bytes
    cipher: AESGCM
    iv: bytes

    def seal(self, answer: bytes) -> bytes:
        """Return *answer* encrypted as the phone expects it: same key, every bit of the IV flipped, in base64."""
        flipped = (int.from_bytes(self.iv) ^ _FLIP).to_bytes(IV_BYTES)
        return pybase64.b64encode(self.cipher.encrypt(flipped, answer, None))


def check_signature(body: bytes, headers: Sequence[bytes], app_secrets: Iterable[bytes]) -> None:
    """
    Check Meta's `X-Hub-Signature-256` over the raw *body*; *headers* are all values of that header.

    Raises:
        SignatureMissing: there is not exactly one header of the form `sha256=<64 hex digits>`.
        SignatureWrong: it was made with none of *app_secrets*.
    """
    if len(headers) != 1 or not headers[0].startswith(_SIGNATURE_PREFIX):
        raise SignatureMissing("sig_missing")
    given = headers[0][len(_SIGNATURE_PREFIX) :]
    right = False
    for secret in app_secrets:
        right |= hmac.compare_digest(given, _mac(secret, body).hex().encode())
    if not right:
        raise SignatureWrong("sig_bad")


def check_token_signature(token: str, signature: str, app_secrets: Iterable[bytes]) -> None:
    """
    Check the `flow_token_signature` that a Flow *token* came with: a JWT, HS256, with the token in its payload.

    Raises:
        TokenForged: it is none, was made with none of *app_secrets*, or for another token.
    """
    signed, _, given = signature.encode().rpartition(b".")
    right = False
    for secret in app_secrets:
        made = base64.urlsafe_b64encode(_mac(secret, signed)).rstrip(b"=")
        right |= hmac.compare_digest(given, made)
    if not right:
        raise TokenForged("token_signature")
    try:
        header, payload = (
            msgspec.json.decode(base64.urlsafe_b64decode(part + b"=="), type=dict[str, Any])
            for part in signed.split(b".")
        )
    except ValueError:  # msgspec's and base64's errors are such, and so is another number of parts
        raise TokenForged("token_signature") from None
    # Meta's page says that the payload contains the token, not under which name.
    if header.get("alg") != "HS256" or token not in payload.values():
        raise TokenForged("token_signature")


def _mac(secret: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of *message* under one of the app secrets."""
    signer = _signer(secret).copy()
    signer.update(message)
    return signer.digest()


@lru_cache
def _signer(secret: bytes) -> hmac.HMAC:
    """Return what every signature with *secret* begins with: taking up a key costs more than signing."""
    return hmac.new(secret, digestmod="sha256")


def read_envelope(body: bytes) -> Sealed:
    """
    Return the envelope that a Flow call's *body* is.

    Raises:
        CannotDecrypt: it is none.
    """
    if too_deep(body):
        raise CannotDecrypt("format")
    try:
        sealed = _decode_envelope(body)
    except ValueError:  # msgspec's errors are such, and that of text that is not UTF-8
        raise CannotDecrypt("format") from None
    if len(sealed.iv) != IV_BYTES:
        raise CannotDecrypt("format")
    return sealed


def open_envelope(sealed: Sealed, aes_key: bytes | None) -> Opened:
    """
    Return what an envelope has in it; *aes_key* is what our keys made of its key.

    Raises:
        CannotDecrypt: none of our keys opened it, or it was tampered with.
    """
    if aes_key is None or len(aes_key) != AES_KEY_BYTES:
        raise CannotDecrypt("key_mismatch")
    cipher = AESGCM(aes_key)
    try:
        return Opened(cipher.decrypt(sealed.iv, sealed.content, None), cipher, sealed.iv)
    except (InvalidTag, ValueError):
        raise CannotDecrypt("gcm_tag") from None


def decrypt_media(blob: bytes, keys: MediaKeys) -> bytes:
    """
    Return the file that a phone uploaded from a PhotoPicker or DocumentPicker; *blob* is what its CDN address gives.

    Raises:
        MediaCorrupt: one of its three hashes is wrong, or the metadata is malformed.
    """
    try:
        encrypted_hash, iv, key, hmac_key, plaintext_hash = (
            base64.b64decode(value, validate=True) for value in msgspec.structs.astuple(keys)
        )
        decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    except ValueError:
        raise MediaCorrupt("media_metadata") from None
    if len(key) != MEDIA_KEY_BYTES:
        raise MediaCorrupt("media_metadata")
    if not hmac.compare_digest(hashlib.sha256(blob).digest(), encrypted_hash):
        raise MediaCorrupt("media_encrypted_hash")
    sealed, tag = blob[:-MEDIA_TAG_BYTES], blob[-MEDIA_TAG_BYTES:]
    if not hmac.compare_digest(hmac.digest(hmac_key, iv + sealed, "sha256")[:MEDIA_TAG_BYTES], tag):
        raise MediaCorrupt("media_hmac")
    try:
        unpad = PKCS7(algorithms.AES.block_size).unpadder()
        content = unpad.update(decryptor.update(sealed) + decryptor.finalize()) + unpad.finalize()
    except ValueError:
        raise MediaCorrupt("media_padding") from None
    if not hmac.compare_digest(hashlib.sha256(content).digest(), plaintext_hash):
        raise MediaCorrupt("media_plaintext_hash")
    return content
