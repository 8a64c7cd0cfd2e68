"""
Who calls: bearer tokens for staff and portals, keys for couriers.

Rule 1: a token is compared as a hash, in constant time; no token is ever "none set, so everybody may".
Rule 2: 401 says the same for a missing and a wrong token; 403 names what a right token lacks.
Rule 3: a viewer looks and changes nothing, and sees personal data masked; who may see it whole is said by the guard,
        and where no guard has said so it is masked.
Rule 4: what a member of staff sees whole or calls is in the audit log before it is done, and that it was refused before
        they are told so; what is done with a token of the settings is not: those are machines'.
"""

import hashlib
import hmac
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope
from msgspec import Struct

from api.console.masking import masked
from api.problems import Refusal
from api.settings import Settings
from api.staff import REFUSED, StaffDesk, Visitor, is_refusal
from engine.errors import StoreError

ADMIN, PORTAL = "admin", "portal"

PERSONAL = frozenset({"read_feed", "session_media"})
"""The handlers that give nothing but what customers told: operators may read them, viewers may not."""

WHOLE = PERSONAL | {"session", "history"}
"""The handlers that show to operators, and to nobody else of staff, what is personal."""

LOOKING = frozenset({"GET", "HEAD"})

WORKERS = "/admin/api/v1/outbox/"
"""Where a worker apart takes its work: what it does there the journal has, and the audit log need not."""

NOTED = "noted"
"""Where a call's state has who made it, and what the audit log calls that, if it is in there."""

Connection = ASGIConnection[Any, Any, Any, Any]

_SEES_ALL: ContextVar[bool] = ContextVar("sees_all", default=False)
"""Whether who is being answered may see personal data."""


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


async def staff(connection: Connection, handler: BaseRouteHandler) -> None:
    """Let in who has an administrator's token, or is of staff and may do what is asked."""
    known = await _require(connection, ADMIN)
    if known is None:
        _SEES_ALL.set(True)
        return
    is_look = connection.scope.get("method") in LOOKING
    looks = is_look and handler.handler_name not in PERSONAL
    if not (looks or known.may("operator")):
        raise Refusal(403, "forbidden", f"That takes an operator; the token is a {known.role}'s.")
    _SEES_ALL.set(known.may("operator"))
    action = _action(handler.handler_name, connection.scope["path"], known, is_look=is_look)
    if action:
        await (await _staff_desk(connection.scope)).note(known, action, connection.scope["path"])
        connection.scope["state"][NOTED] = known, action


async def note_refusal(error: Exception, scope: Scope) -> None:
    """Remember that nothing came of a call which is in the audit log."""
    known, action = scope.get("state", {}).get(NOTED, (None, ""))
    if known is not None and is_refusal(error):
        with suppress(StoreError):  # the answer says so all the same
            await (await _staff_desk(scope)).note(known, REFUSED, scope["path"], details={"asked": action})


async def portal(connection: Connection, _: BaseRouteHandler) -> None:
    """Let in who has a portal's or merchant's token."""
    await _require(connection, PORTAL)


def courier(connection: Connection, _: BaseRouteHandler) -> None:
    """Let in the courier that the address names, with its key in `x-api-key`."""
    name = connection.path_params.get("courier", "eshopbox")
    known = connection.app.state.access.couriers.get(name, b"")
    if not hmac.compare_digest(_hash(connection.headers.get("x-api-key", "")), known):
        raise Refusal(401, "unauthorized", "A courier sends its key in x-api-key.")


def shown(value: Any) -> Any:
    """Return a JSON value as who is being answered may see it."""
    return value if _SEES_ALL.get() else masked(value)


def _action(handler: str, path: str, known: Visitor, *, is_look: bool) -> str:
    """Return what the audit log calls it that a member of staff calls an address, "" if that is not in it."""
    if is_look:
        return "saw personal data" if handler in WHOLE and known.may("operator") else ""
    return "" if path.startswith(WORKERS) else "called"


async def _require(connection: Connection, scope: str) -> Visitor | None:
    """
    Return who of staff calls, None if it is whoever has a token of the settings.

    Raises:
        Refusal: the token is nobody's, or lacks *scope*.
    """
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        scopes = _scopes(connection.app.state.access, token)
        known = await (await _staff_desk(connection.scope)).bearer(token) if scopes is None else None
        if scopes is not None or known is not None:
            if scope not in (scopes or {ADMIN}):
                raise Refusal(403, "forbidden", f"The token lacks the scope {scope}.")
            return known
    raise Refusal(401, "unauthorized", "A valid bearer token is needed.", headers={"WWW-Authenticate": "Bearer"})


async def _staff_desk(scope: Scope) -> StaffDesk:
    """Return the staff desk, as handlers are given it."""
    desk: StaffDesk = await scope["litestar_app"].dependencies["staff"]()
    return desk


def _scopes(known: Access, token: str) -> frozenset[str] | None:
    given = _hash(token)
    found = None
    for expected, scopes in known.tokens.items():
        if hmac.compare_digest(given, expected):
            found = scopes
    return found


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
