"""What an errand has delivered: its context says by which number and to whom, the event's data says what."""

import asyncio
from typing import Any

from msgspec.structs import replace

from definitions.binding import effect
from definitions.outgoing import HttpCall, MessageCall, Wish


def _message(wish: Wish) -> MessageCall:
    number, to = str(wish.instance.context["number"]), str(wish.instance.context["to"])
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "to": to,
        "type": "text",
        "text": {"body": str(wish.data["says"])},
        "biz_opaque_callback_data": wish.id,
    }
    return MessageCall(f"whatsapp/{number}/{to}", number, body)


def _call(wish: Wish) -> HttpCall:
    url = str(wish.instance.context["url"])
    body = {"says": wish.data["says"], "effect": wish.id}
    return HttpCall(f"http/{wish.instance.key}", url, body, courier="Errands")


@effect("errand_message", "send a message")
def errand_message(wish: Wish) -> MessageCall:
    """Send a message; one that may have arrived is not sent again."""
    return _message(wish)


@effect("errand_urgent_message", "send a message, rather twice than never", in_doubt="resend")
def errand_urgent_message(wish: Wish) -> MessageCall:
    """Send a message that is sent again when nobody knows."""
    return _message(wish)


@effect("errand_call", "post something")
def errand_call(wish: Wish) -> HttpCall:
    """Post to somebody who knows no repeats."""
    return _call(wish)


@effect("errand_keyed_call", "post something under a key")
def errand_keyed_call(wish: Wish) -> HttpCall:
    """Post to somebody who does, and who wants a token."""
    return replace(_call(wish), token_header="Authorization", key_header="Idempotency-Key")  # noqa: S106 - its name


@effect("errand_code", "do something")
async def errand_code(wish: Wish) -> dict[str, Any]:
    """Do it, or fail as it is told to."""
    await asyncio.sleep(0)
    if wish.data["says"] == "fail" and not wish.reason:
        raise ValueError(wish.id)
    return {"says": wish.data["says"]}
