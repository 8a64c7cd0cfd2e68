"""
The outbox for a worker apart: what it is to call, that it begins, and how it ended, over the admin API.

Rule 1: a server that delivers by itself lets no worker in: two would find each other's calls and doubt them.
Rule 2: a call goes there and back as this program writes it; a worker is of its server's version.
"""

from typing import Annotated, Any

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct
from msgspec.structs import replace

from api.auth import staff
from api.outbox import Attempt, Done, Doubt, Failed, Outbox, Unsent, Wait
from api.problems import Refusal, documented
from definitions.outgoing import AnyCall, CodeCall
from engine.model import Instance
from engine.ports import Head

MAX_HEADS = 5000

REFUSALS = documented(401, 403, 409, 415, 422)


class ClaimBody(Struct, frozen=True, forbid_unknown_fields=True):
    """How many effects a worker can take, and whether what a crash left is to be taken up first."""

    limit: Annotated[int, Meta(ge=1, le=MAX_HEADS)] = MAX_HEADS
    sweep: bool = False


class Claimed(Struct, frozen=True):
    """The effects that may be called now, the first of their lanes."""

    heads: list[Head]


class BeginBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The effect that a worker is about to call."""

    effect_id: str


class AttemptShape(Struct, frozen=True, forbid_unknown_fields=True):
    """An attempt: what to call, with the *family* of who asked for it where an author's function needs to know it."""

    effect_id: str
    name: str
    number: int
    call: dict[str, Any]
    family: list[dict[str, Any]] = []


class Begun(Struct, frozen=True):
    """An attempt to make, or the seconds until its time, or neither: there is nothing to do any more."""

    attempt: AttemptShape | None = None
    wait: float | None = None


class FinishBody(Struct, frozen=True, forbid_unknown_fields=True):
    """How an attempt ended."""

    attempt: AttemptShape
    result: Done | Failed | Doubt | Unsent


class Finished(Struct, frozen=True):
    """The seconds until the effect is called again, if it is."""

    again: float | None


class OutboxDoor(Controller):
    """Everything under `/admin/api/v1/outbox`."""

    path = "/admin/api/v1/outbox"
    guards = (staff,)
    tags = ("admin",)

    @post("/claim", status_code=200, responses=REFUSALS)
    async def claim(
        self, data: JSONBody[ClaimBody], outbox: NamedDependency[Outbox], delivers: NamedDependency[bool]
    ) -> Claimed:
        """Return what a worker may call now."""
        _let_in(delivers)
        if data.sweep:
            await outbox.sweep()
        await outbox.address()
        return Claimed(await outbox.heads(data.limit))

    @post("/begin", status_code=200, responses=REFUSALS)
    async def begin(
        self, data: JSONBody[BeginBody], outbox: NamedDependency[Outbox], delivers: NamedDependency[bool]
    ) -> Begun:
        """Record that a worker begins to call, and return what."""
        _let_in(delivers)
        begun = await outbox.begin(data.effect_id)
        if isinstance(begun, Wait):
            return Begun(wait=begun.seconds)
        return Begun(None if begun is None else written(begun))

    @post("/finish", status_code=200, responses=REFUSALS)
    async def finish(self, data: JSONBody[FinishBody], outbox: NamedDependency[Outbox]) -> Finished:
        """Record how a worker's call ended."""
        try:
            attempt = read(data.attempt)
        except msgspec.ValidationError:
            raise Refusal(422, "invalid_call", "The call is not one that this server gave.") from None
        return Finished(await outbox.finish(attempt, data.result))


def written(attempt: Attempt) -> AttemptShape:
    """Return an attempt as it goes over the wire."""
    call, family = attempt.call, []
    if isinstance(call, CodeCall):
        family = [msgspec.to_builtins(member) for member in call.wish.family.values()]
        call = replace(call, wish=replace(call.wish, family={}))  # its keys are no texts
    return AttemptShape(attempt.effect_id, attempt.name, attempt.number, msgspec.to_builtins(call), family)


def read(shape: AttemptShape) -> Attempt:
    """
    Return the attempt that came over the wire.

    Raises:
        ValidationError: it is none.
    """
    call = msgspec.convert(shape.call, AnyCall)
    if isinstance(call, CodeCall):
        members = msgspec.convert(shape.family, list[Instance])
        call = replace(call, wish=replace(call.wish, family={member.id: member for member in members}))
    return Attempt(shape.effect_id, shape.name, shape.number, call)


def _let_in(delivers: bool) -> None:
    if delivers:
        raise Refusal(409, "delivers_itself", "This server delivers by itself; start it with --no-worker.")
