"""
What may be said freely: to who has written to us less than 24 hours ago.

Source: Meta, "Send messages": outside of that time a message that is no template is taken and then fails (131047).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from definitions.outgoing import MessageCall, Nothing, Wish
from engine.model import SECOND

WINDOW = 24 * 3600 * SECOND
"""How long after a person's last message they may be answered freely (Meta, "Customer service windows")."""

TEXT_LENGTH = 4096
"""How long a text message may be."""

TEMPLATE_ONLY = "131047"
"""Meta's code for a message that should have been a template."""

OUTSIDE_WINDOW, NO_WHATSAPP = "outside_window", "no_whatsapp"


def said(text: str) -> dict[str, Any]:
    """Return a text as a message's content."""
    return {"type": "text", "text": {"preview_url": False, "body": text}}


def reply(
    wish: Wish, names: Iterable[str], content: Mapping[str, Any], *, heard_at: int = 0, to: str = ""
) -> MessageCall | Nothing:
    """
    Return the message with *content* for the person of these WhatsApp *names*, or for the wish's recipient if none.

    They last wrote *heard_at*, if the recipient did not later; *to* is the message that this one answers.
    """
    name = reached_by(names) or wish.recipient.whatsapp
    if not (name and wish.phone_number_id):
        return Nothing(NO_WHATSAPP)
    heard_at = max(heard_at, wish.recipient.last_inbound_at)
    if wish.now - heard_at >= WINDOW or wish.reason.startswith(TEMPLATE_ONLY):
        return Nothing(OUTSIDE_WINDOW)
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to" if name.isdecimal() else "recipient": name,
        **({"context": {"message_id": to}} if to else {}),
        **content,
        "biz_opaque_callback_data": wish.id,
    }
    return MessageCall(f"whatsapp/{wish.phone_number_id}/{name}", wish.phone_number_id, body)


def reached_by(names: Iterable[str]) -> str:
    """Return the name that WhatsApp reaches somebody by: the phone number's digits, else the business-scoped id."""
    return min(names, key=lambda name: (not name.isdecimal(), name), default="")
