"""
What staff answer to a question about a product.

Source: Meta, "Receive messages": such a question is a text with `context.referred_product`.
"""

from definitions.binding import effect, guard
from definitions.outgoing import MessageCall, Nothing, Wish
from definitions.replies import TEXT_LENGTH, WINDOW, reply, said
from engine.model import Event, Instance

HEARD_AT = "heard_at"
"""The name under which an inquiry has the time when its customer last wrote."""


@guard
def answer_can_be_sent(instance: Instance, event: Event) -> bool:
    """Tell whether an answer is a text that WhatsApp takes, and its customer wrote less than 24 hours ago."""
    text = event.data.get("text")
    fits = isinstance(text, str) and bool(text.strip()) and len(text) <= TEXT_LENGTH
    return fits and event.at - int(instance.context.get(HEARD_AT, instance.created_at)) < WINDOW


@effect(
    "send_answer",
    "send the answer of staff to the customer who asked",
    done="answer_sent",
    dead="answer_failed",
)
def send_answer(wish: Wish) -> MessageCall | Nothing:
    """Answer the question, as a reply to its message."""
    context = wish.instance.context
    heard_at = int(context.get(HEARD_AT, wish.instance.created_at))
    return reply(wish, context["from"], said(wish.data["text"]), heard_at=heard_at, to=wish.instance.key)
