"""
What a phone does with a file of a picker: it encrypts it and puts it where only the keys make it readable.

Source: Meta, "Media upload components": the blob is AES-256-CBC's text and the first 10 bytes of an HMAC-SHA256 over IV
and text; the keys travel in the Flow's call.
"""

import base64
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from msgspec import Struct

TAG_BYTES = 10


class Sealed(Struct, frozen=True):
    """An encrypted file: the *blob* to put somewhere, and its *metadata* for who may read it."""

    blob: bytes
    metadata: dict[str, str]


def seal_file(content: bytes) -> Sealed:
    """Return *content* encrypted under fresh keys."""
    key, hmac_key, iv = secrets.token_bytes(32), secrets.token_bytes(32), secrets.token_bytes(16)
    padder = PKCS7(algorithms.AES.block_size).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    text = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    blob = text + hmac.digest(hmac_key, iv + text, "sha256")[:TAG_BYTES]
    parts = {
        "encrypted_hash": hashlib.sha256(blob).digest(),
        "iv": iv,
        "encryption_key": key,
        "hmac_key": hmac_key,
        "plaintext_hash": hashlib.sha256(content).digest(),
    }
    return Sealed(blob, {name: base64.b64encode(part).decode() for name, part in parts.items()})
