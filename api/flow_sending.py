"""
Sends a Flow to a person: opens a session for them and asks for the message that brings it.

Rule 1: the message is an effect of the session's first step: that it is delivered, in order and not twice, is the
        outbox's matter as of all that leaves.
"""

import re
from typing import Annotated, Any
from urllib.parse import unquote

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct
from msgspec.structs import replace

from api.auth import staff
from api.problems import FieldProblem, Refusal, documented
from api.sessions import SessionDesk
from api.views import AboutBody
from definitions.catalogue import Catalogue
from definitions.flow_calls import new_token
from definitions.flow_messages import INTERACTIVE, SEND_FLOW
from definitions.people.phones import normal_phone
from engine.errors import UnknownInstance
from engine.model import Effect, effect_key
from engine.ports import Decision, Store
from engine.runtime import settle

_PHONE = re.compile(r"[+0-9().\s-]{8,32}")
_BUSINESS_SCOPED_ID = re.compile(r"[A-Z]{2}\.[0-9A-Za-z.]{1,128}")
"""How Meta names a person who shows no phone number."""


class SendBody(Struct, forbid_unknown_fields=True):
    """Whom a Flow goes to, by phone number or business-scoped id, with what data, and what it is about."""

    recipient: Annotated[str, Meta(min_length=1, max_length=256)]
    data: dict[str, Any] = {}
    about: AboutBody | None = None


class FlowSent(Struct, frozen=True):
    """The session that was opened, its flow token being its *key*, and the *effect* that sends its message."""

    key: str
    effect: str


@post(
    "/admin/api/v1/flows/{name:str}/send",
    guards=[staff],
    responses=documented(401, 403, 404, 415, 422),
    tags=["admin"],
)
async def send_flow(
    name: FromPath[str],
    data: JSONBody[SendBody],
    sessions: NamedDependency[SessionDesk],
    catalogue: NamedDependency[Catalogue],
    store: NamedDependency[Store],
) -> FlowSent:
    """Send a Flow's message to a person; it reaches who wrote to us less than 24 hours ago."""
    flow, about = unquote(name), None if data.about is None else (data.about.definition, data.about.key)
    if flow not in catalogue.flows:
        raise Refusal(404, "unknown_definition", "No Flow has that name.")
    recipient, token = _reached(data.recipient), new_token()
    try:
        minted = await sessions.minted(flow, recipient, data.data, token, about=about)
    except UnknownInstance:
        raise Refusal(404, "unknown_session", "There is no session that it could be about.") from None
    interactive = catalogue.flow_messages[flow].interactive(flow, catalogue.flow(flow).document, data.data)
    (step,) = minted.steps
    effect = Effect(effect_key(step.before, step.event.id, SEND_FLOW, 0), SEND_FLOW)
    asked = replace(step, event=replace(step.event, data={INTERACTIVE: interactive}), effects=(effect,))

    async def deliberate() -> Decision:
        return replace(minted, steps=(asked,))

    await settle(store, deliberate)
    return FlowSent(token, effect.key)


def _reached(recipient: str) -> str:
    """
    Return the name that WhatsApp reaches a person by.

    Raises:
        Refusal: it is neither a phone number nor a business-scoped id.
    """
    if _BUSINESS_SCOPED_ID.fullmatch(recipient):
        return recipient
    number = normal_phone(recipient) if _PHONE.fullmatch(recipient) else ""
    if not number:
        problem = FieldProblem("/recipient", "invalid", "A phone number with its country, or a business-scoped id")
        raise Refusal(422, "invalid_content", errors=(problem,))
    return number
