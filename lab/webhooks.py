"""
What Meta's webhook brings: messages that people send, and what became of ours.

Source: Meta, "Webhooks: messages" and "statuses".
"""

import json
import secrets
import time
from collections.abc import Sequence
from typing import Any

from lab.graph_messages import Wrong
from lab.world import PHONE_NUMBER, World

HREF = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


def new_wamid() -> str:
    """Return an id for a message, as WhatsApp's begin."""
    return f"wamid.{secrets.token_urlsafe(24)}"


def message(sender: str, content: dict[str, Any], wamid: str) -> dict[str, Any]:
    """Return a person's message; *content* has its type, what belongs to that, and its context if it is an answer."""
    said = {"from": sender, "id": wamid, "timestamp": str(int(time.time())), **content}
    if isinstance(said.get("context"), dict):
        said["context"] = {"from": PHONE_NUMBER, **said["context"]}
    return said


def completion(sender: str, response: dict[str, Any]) -> dict[str, Any]:
    """Return what a person's phone sends when they complete a Flow: *response* has its token and what was filled in."""
    reply = {"name": "flow", "body": "Sent", "response_json": json.dumps(response)}
    content = {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": reply}}
    return message(sender, content, new_wamid())


def messages_update(world: World, name: str, messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the call that brings messages of the person called *name*."""
    contacts = [{"profile": {"name": name}, "wa_id": messages[0]["from"]}]
    return _update(world, {"contacts": contacts, "messages": [*messages]})


def status(wamid: str, recipient: str, word: str, *, opaque: str = "", failure: Wrong | None = None) -> dict[str, Any]:
    """Return what became of a message of ours; *opaque* is what was sent with it to be said back."""
    said: dict[str, Any] = {
        "id": wamid,
        "status": word,
        "timestamp": str(int(time.time())),
        "recipient_id": recipient,
    }
    if opaque:
        said["biz_opaque_callback_data"] = opaque
    if failure is not None:
        about = {"details": failure.details}
        error = {"code": failure.code, "title": failure.title, "message": failure.title, "error_data": about}
        said["errors"] = [{**error, "href": HREF}]
    return said


def statuses_update(world: World, statuses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the call that brings statuses."""
    return _update(world, {"statuses": [*statuses]})


def _update(world: World, what: dict[str, Any]) -> dict[str, Any]:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": PHONE_NUMBER, "phone_number_id": world.phone_number_id},
        **what,
    }
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": world.waba_id, "changes": [{"field": "messages", "value": value}]}],
    }
