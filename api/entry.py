"""
How a shopper's right to see an order is written down: signed links, sessions, forms' tokens, one-time codes.

All are made from one secret with HMAC-SHA256, so that nothing has to be kept and nothing kept can be stolen.

Rule 1: what is signed says what it is, whose it is and until when; one kind never passes as another.
Rule 2: all of it is compared in constant time.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Literal
from urllib.parse import quote

from engine.model import SECOND

LINK_LIFE = 24 * 3600 * SECOND
SESSION_LIFE = 30 * 60 * SECOND
"""How long a link opens an order's page, and how long it stays open."""

CODE_DIGITS = 6

Link = Literal["open", "expired", "wrong"]
"""What a link's key is: one whose time is over was ours."""


class DoorKeys:
    """Signs and reads what opens orders, under one *secret*."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hmac.digest(secret, b"waystate portal", "sha256")  # others make other things of that secret

    def link(self, order_id: str, now: int) -> str:
        """Return the address, without its host, that opens an order's page for a day, for messages to its customer."""
        return f"/portal/{quote(order_id, safe='')}?key={self._signed('link', order_id, now + LINK_LIFE)}"

    def read_link(self, order_id: str, key: str, now: int) -> Link:
        """Return what the key of a link to an order is."""
        until = self._until("link", order_id, key)
        if until is None:
            return "wrong"
        return "open" if now < until else "expired"

    def session(self, order_id: str, now: int) -> str:
        """Return a new session, in which its bearer sees an order for half an hour."""
        return self._signed("session", order_id, now + SESSION_LIFE, secrets.token_hex(8))

    def is_open(self, order_id: str, session: str, now: int) -> bool:
        """Return whether a session is one of that order and still runs."""
        until = self._until("session", order_id, session)
        return until is not None and now < until

    def form_token(self, bearer: str) -> str:
        """Return what proves that a form was had from us by the bearer of a session or of an entry."""
        return self._mac("form", bearer)

    def is_form_token(self, bearer: str, token: str) -> bool:
        """Return whether a form's token is that bearer's."""
        return _same(self.form_token(bearer), token)

    def cookie_of(self, order_id: str) -> str:
        """Return what tells an order's session from other orders' in the name of its cookie."""
        return self._mac("cookie", order_id)[:16]

    def code(self, entry_id: str) -> str:
        """Return the one-time code of an entry."""
        number = int.from_bytes(hmac.digest(self._secret, f"code\0{entry_id}".encode(), "sha256"))
        return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}}"

    def is_code(self, entry_id: str, said: str) -> bool:
        """Return whether that is the code of an entry."""
        return _same(self.code(entry_id), said)

    def _signed(self, kind: str, order_id: str, until: int, nonce: str = "") -> str:
        said = f"{until // SECOND}.{nonce}"
        return f"{said}.{self._mac(kind, order_id, said)}"

    def _until(self, kind: str, order_id: str, signed: str) -> int | None:
        """Return until when something is good that we signed, None if we did not."""
        said, _, mac = signed.rpartition(".")
        if not _same(self._mac(kind, order_id, said), mac):
            return None
        return int(said.partition(".")[0]) * SECOND

    def _mac(self, kind: str, *said: str) -> str:
        text = "\0".join((kind, *said)).encode("utf-8", "surrogateescape")
        return urlsafe_b64encode(hmac.digest(self._secret, text, "sha256")).rstrip(b"=").decode()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogateescape"))
