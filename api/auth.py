"""
Who calls: bearer tokens for staff and portals, keys for couriers.

Rule 1: a token is compared as a hash, in constant time; no token is ever "none set, so everybody may".
Rule 2: 401 says the same for a missing and a wrong token; 403 names the scope that a right token lacks.
"""

import hashlib
import hmac
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from api.problems import Refusal
from api.settings import Settings

ADMIN, PORTAL = "admin", "portal"

Connection = ASGIConnection[Any, Any, Any, Any]


class Access(Struct, frozen=True):
    """The tokens that open something, as hashes: each with its scopes; and the couriers' keys."""

    tokens: dict[bytes, frozenset[str]]
    couriers: dict[str, bytes]


def access(settings: Settings) -> Access:
    """Return what the settings open."""
    tokens: dict[bytes, frozenset[str]] = {}
    if settings.portal_token:
        tokens[_hash(settings.portal_token)] = frozenset({PORTAL})
    if settings.admin_token:
        tokens[_hash(settings.admin_token)] = frozenset({ADMIN, PORTAL})
    return Access(tokens, {name: _hash(secret) for name, secret in settings.couriers.items()})


def staff(connection: Connection, _: BaseRouteHandler) -> None:
    """Let in who has an administrator's token."""
    _require(connection, ADMIN)


def portal(connection: Connection, _: BaseRouteHandler) -> None:
    """Let in who has a portal's or merchant's token."""
    _require(connection, PORTAL)


def courier(connection: Connection, _: BaseRouteHandler) -> None:
    """Let in the courier that the address names, with its key in `x-api-key`."""
    name = connection.path_params.get("courier", "eshopbox")
    known = connection.app.state.access.couriers.get(name, b"")
    if not hmac.compare_digest(_hash(connection.headers.get("x-api-key", "")), known):
        raise Refusal(401, "unauthorized", "A courier sends its key in x-api-key.")


def _require(connection: Connection, scope: str) -> None:
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    scopes = _scopes(connection.app.state.access, token) if kind.lower() == "bearer" else None
    if scopes is None:
        challenge = {"WWW-Authenticate": "Bearer"}
        raise Refusal(401, "unauthorized", "A valid bearer token is needed.", headers=challenge)
    if scope not in scopes:
        raise Refusal(403, "forbidden", f"The token lacks the scope {scope}.")


def _scopes(known: Access, token: str) -> frozenset[str] | None:
    given = _hash(token)
    found = None
    for expected, scopes in known.tokens.items():
        if hmac.compare_digest(given, expected):
            found = scopes
    return found


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
