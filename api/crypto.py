"""
Meta's envelope for Flow calls, its signature, and its media encryption.

Sources: Meta, "Implementing your Flow Endpoint" (request decryption and encryption, signature) and "Media upload
components" (media decryption).

Rule 1: signatures are over the raw bytes and are checked before anything else; bytes are compared, in constant time.
Rule 2: whatever keeps a call from being opened is one error; the reason is for our log alone.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7
from msgspec import Struct

from definitions.json_text import too_deep
from engine.errors import WorkflowError

AES_KEY_BYTES = 16
IV_BYTES = 16
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


class CannotDecrypt(WireError):
    """An envelope cannot be opened with any of our keys, or is none."""


class MediaCorrupt(WireError):
    """A media file is not what its metadata says."""


class _Envelope(Struct):
    encrypted_flow_data: str
    encrypted_aes_key: str
    initial_vector: str


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


class Sealed(Struct, frozen=True):
    """An envelope as it came: the content under an AES key, that key under ours, and the IV."""

    content: bytes
    key: bytes
    iv: bytes


class Opened(Struct, frozen=True):
    """The content of an envelope, with what its answer is sealed with."""

    content: bytes
    cipher: AESGCM
    iv: bytes

    def seal(self, answer: bytes) -> bytes:
        """Return *answer* encrypted as the phone expects it: same key, every bit of the IV flipped, in base64."""
        flipped = (int.from_bytes(self.iv) ^ _FLIP).to_bytes(IV_BYTES)
        return binascii.b2a_base64(self.cipher.encrypt(flipped, answer, None), newline=False)


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
        right |= hmac.compare_digest(given, hmac.digest(secret, body, "sha256").hex().encode())
    if not right:
        raise SignatureWrong("sig_bad")


def read_envelope(body: bytes) -> Sealed:
    """
    Return the envelope that a Flow call's *body* is.

    Raises:
        CannotDecrypt: it is none.
    """
    if too_deep(body):
        raise CannotDecrypt("format")
    try:
        envelope = _decode_envelope(body)
        sealed = Sealed(
            content=binascii.a2b_base64(envelope.encrypted_flow_data, strict_mode=True),
            key=binascii.a2b_base64(envelope.encrypted_aes_key, strict_mode=True),
            iv=binascii.a2b_base64(envelope.initial_vector, strict_mode=True),
        )
    except ValueError:  # msgspec's and binascii's errors are such
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


class MediaKeys(Struct, frozen=True):
    """The `encryption_metadata` of a picked photo or document; all values are base64."""

    encrypted_hash: str
    iv: str
    encryption_key: str
    hmac_key: str
    plaintext_hash: str


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
