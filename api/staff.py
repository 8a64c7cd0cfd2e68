"""
The staff desk: who works here, as what, and what they did.

A member of staff has a token, which opens the admin API as a bearer and the console by its sign-in page. The first
administrator's is a setting; the others' are made here, shown once, and kept as hashes.

Rule 1: whoever may do something may do what lesser roles may; a role that is taken away is gone at the next call.
Rule 2: what is done, and every look at what is masked, is in the audit log before it is done; what is refused then has
        a second entry that says so.
Rule 3: tokens and visits are compared and kept as hashes (SHA-256 of 192 random bits and more).
Rule 4: whoever tries wrong tokens waits; who has a right one and is not among those who wait is never counted.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, get_args

import msgspec
from litestar.exceptions import HTTPException
from msgspec import Struct

from api.clock import Clock
from api.problems import Refusal
from api.staff_rows import AuditEntry, Staff, StaffSession
from engine.errors import StoreUnavailable, WorkflowError
from engine.model import SECOND
from engine.ports import Decision, Row, Store
from engine.runtime import settle

Role = Literal["viewer", "operator", "administrator"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may: look; act and see personal data; say who works here."""

FIRST = "admin"
"""The name of who signs in with the setting's token."""

REFUSED = "refused"
"""What the audit log calls it that nothing came of what somebody was about to do."""

VISIT_LIFE = 12 * 3600 * SECOND

WRONG_TOKENS, WRONG_WITHIN = 10, 15 * 60 * SECOND
"""How many wrong tokens one client may try within that time."""

MOST_CLIENTS = 10_000
"""Of how many clients wrong tokens are remembered; of more, those that tried longest ago are forgotten."""


class Visitor(Struct, frozen=True):
    """Who calls: their name, their role and, in a browser, what their forms must carry."""

    name: str
    role: Role
    csrf: str = ""

    def may(self, role: Role) -> bool:
        """Return whether they may do what that role may."""
        return ROLES.index(self.role) >= ROLES.index(role)


class NameTaken(WorkflowError):
    """Somebody of that name works here, or did."""


class UnknownStaff(WorkflowError):
    """Nobody of that name works here, or did."""


class TooManyTries(WorkflowError):
    """The client has tried too many wrong tokens, and waits for so many microseconds: *wait*."""

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


class StaffDesk:
    """Lets staff in, and remembers what they do."""

    def __init__(self, store: Store, clock: Clock, admin_token: str) -> None:
        self._store = store
        self._clock = clock
        self._first = hashed(admin_token) if admin_token else ""
        self._wrong: OrderedDict[str, list[int]] = OrderedDict()
        # Who changes a member of staff reads them first, and nobody else changes them in between.
        self._changing = asyncio.Lock()

    async def bearer(self, token: str) -> Visitor | None:
        """Return whose token that is, None if it is nobody's."""
        given = hashed(token)
        if self._first and hmac.compare_digest(given, self._first):
            return Visitor(FIRST, "administrator")
        found = await self._store.find(Staff, token_hash=given)
        known = next((each for each in found if each.disabled_at is None), None)
        return Visitor(known.name, _role(known.role)) if known else None

    async def sign_in(self, token: str, client: str) -> tuple[str, Visitor] | None:
        """
        Return a new visit's secret and whose it is, None if the token is nobody's.

        Raises:
            TooManyTries: the *client* has tried too many that were nobody's.
        """
        tries = self._let_try(client)
        known = await self.bearer(token)
        if known is None:
            return None
        tries.pop()
        now, secret, csrf = self._clock(), secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        visit = StaffSession(hashed(secret), known.name, csrf, now, now + VISIT_LIFE)
        await self._commit(put=(visit, self._entry(known, "signed in")))
        return secret, Visitor(known.name, known.role, csrf)

    def _let_try(self, client: str) -> list[int]:
        """
        Let a client try a token, and return when it tried wrong ones, this one among them until it is known.

        Raises:
            TooManyTries: it has to wait.
        """
        now = self._clock()
        tries = self._wrong[client] = [at for at in self._wrong.pop(client, []) if now - at < WRONG_WITHIN]
        if len(self._wrong) > MOST_CLIENTS:
            self._wrong.popitem(last=False)
        if len(tries) >= WRONG_TOKENS:
            raise TooManyTries(tries[0] + WRONG_WITHIN - now)
        tries.append(now)
        return tries

    async def visitor(self, secret: str) -> Visitor | None:
        """Return whose visit that is, None if it is over or was never begun."""
        if not secret:
            return None
        found = await self._store.find(StaffSession, id_hash=hashed(secret))
        if not found or found[0].expires_at <= self._clock():
            return None
        visit = found[0]
        if visit.name == FIRST:
            return Visitor(FIRST, "administrator", visit.csrf) if self._first else None
        known = await self._store.find(Staff, name=visit.name)
        if not known or known[0].disabled_at is not None:
            return None
        return Visitor(visit.name, _role(known[0].role), visit.csrf)

    async def sign_out(self, secret: str, visitor: Visitor) -> None:
        """End a visit."""
        found = await self._store.find(StaffSession, id_hash=hashed(secret))
        await self._commit(put=(self._entry(visitor, "signed out"),), remove=tuple(found))

    async def everybody(self) -> list[Staff]:
        """Return all who work here, or did, by name."""
        return sorted(await self._store.find(Staff), key=lambda one: one.name)

    async def engage(self, visitor: Visitor, name: str, role: Role, reason: str = "") -> str:
        """
        Let somebody work here and return their token, which nobody sees again.

        Raises:
            NameTaken: there is or was one of that name.
        """
        token = secrets.token_urlsafe(24)
        async with self.noted(visitor, "engaged", f"staff/{name}", reason, {"role": role}), self._changing:
            if name == FIRST or await self._store.find(Staff, name=name):
                raise NameTaken
            await self._commit(put=(Staff(name, role, hashed(token), self._clock(), None),))
        return token

    async def change(self, visitor: Visitor, name: str, role: Role, reason: str = "") -> None:
        """
        Let somebody have another role.

        Raises:
            UnknownStaff: there is no such one.
        """
        async with self.noted(visitor, "changed", f"staff/{name}", reason, {"role": role}), self._changing:
            await self._commit(put=(msgspec.structs.replace(await self._member(name), role=role),))

    async def dismiss(self, visitor: Visitor, name: str, reason: str = "") -> None:
        """
        Let somebody have no access any more.

        Raises:
            UnknownStaff: there is no such one.
        """
        async with self.noted(visitor, "dismissed", f"staff/{name}", reason), self._changing:
            gone = msgspec.structs.replace(await self._member(name), disabled_at=self._clock())
            await self._commit(put=(gone,))

    async def _member(self, name: str) -> Staff:
        found = await self._store.find(Staff, name=name)
        if not found:
            raise UnknownStaff
        return found[0]

    async def forget_visits(self) -> None:
        """Drop the visits that are over."""
        now = self._clock()
        over = tuple(visit for visit in await self._store.find(StaffSession) if visit.expires_at <= now)
        if over:
            await self._commit(remove=over)

    async def note(
        self, visitor: Visitor, action: str, subject: str, reason: str = "", details: Mapping[str, Any] | None = None
    ) -> None:
        """Remember what somebody is about to do to what, and why; *details* have no personal data."""
        await self._commit(put=(self._entry(visitor, action, subject, reason, details),))

    @asynccontextmanager
    async def noted(
        self, visitor: Visitor, action: str, subject: str, reason: str = "", details: Mapping[str, Any] | None = None
    ) -> AsyncIterator[None]:
        """Remember what somebody is about to do; and, if it is refused, that nothing came of it."""
        await self.note(visitor, action, subject, reason, details)
        try:
            yield
        except Exception as error:
            if is_refusal(error):
                await self.note(visitor, REFUSED, subject, details={"asked": action, **(details or {})})
            raise

    def _entry(
        self,
        visitor: Visitor,
        action: str,
        subject: str = "",
        reason: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> AuditEntry:
        now = self._clock()
        said = msgspec.json.encode(dict(details or {})).decode()
        return AuditEntry(f"{now:020d}-{secrets.token_hex(6)}", now, visitor.name, action, subject, reason, said)

    async def _commit(self, put: tuple[Row, ...] = (), remove: tuple[Row, ...] = ()) -> None:
        now = self._clock()

        async def deliberate() -> Decision:
            return Decision(recorded_at=now, put=put, remove=remove)

        await settle(self._store, deliberate)


def hashed(secret: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def is_refusal(error: Exception) -> bool:
    """Return whether an error says that nothing was done: a fault of ours, or of the database, does not say so."""
    if isinstance(error, HTTPException):
        return error.status_code < 500  # noqa: PLR2004 - an HTTP status
    return isinstance(error, Refusal | WorkflowError) and not isinstance(error, StoreUnavailable)


def _role(role: str) -> Role:
    return next((known for known in ROLES if known == role), "viewer")
