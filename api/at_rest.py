"""
The encryption at rest, of what comes from customers as it is and is kept as it came: raw webhook bodies.

AES-256-GCM under `WAYSTATE_DATA_KEY`. The table and the row's id are authenticated with each value, so that it opens in
its own place only.

Rule 1: every value has a nonce of its own, 96 random bits: one key may seal 2**32 values, years of a busy webhook.
Rule 2: a value that was kept before there was a key is read as it is; without a key everything is.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import StoreError

NONCE_BYTES = 12

MARK = b"\x8fwaystate sealed 1\n"
"""What sealed values begin with. No text in UTF-8 begins with that first octet."""


class Unopenable(StoreError):
    """A value was sealed under another key, or moved, or changed."""


class Safe:
    """Keeps values: sealed under *key*, or as they are where there is none."""

    def __init__(self, key: bytes = b"") -> None:
        self._cipher = AESGCM(key) if key else None

    def seal(self, table: str, row_id: str, value: bytes) -> bytes:
        """Return *value* as the database keeps it in that row."""
        if self._cipher is None:
            return value
        nonce = secrets.token_bytes(NONCE_BYTES)
        return MARK + nonce + self._cipher.encrypt(nonce, value, _place(table, row_id))

    def open(self, table: str, row_id: str, kept: bytes) -> bytes:
        """
        Return the value that the database keeps in that row.

        Raises:
            Unopenable: it was not sealed there with this key.
        """
        if not kept.startswith(MARK):
            return kept
        sealed = kept[len(MARK) :]
        try:
            if self._cipher is None:
                raise Unopenable
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _place(table, row_id))
        except (InvalidTag, ValueError):  # a value that is too short has no nonce
            raise Unopenable from None


def _place(table: str, row_id: str) -> bytes:
    return f"{table}\0{row_id}".encode()
