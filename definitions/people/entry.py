"""
How shoppers prove that an order is theirs: a one-time code, sent to the contact that the order has.

Rule 1: a code is in nothing that is kept. It is made of a secret and the entry's id whenever it is needed, so that who
        sends it (api/entry_codes.py) is bound to the effects declared here where that secret is known.
"""

from definitions.binding import effect, guard
from engine.model import Event, Instance

TRIES = 5
"""How many codes may be entered before the door is locked."""

TO, MAIL, BY_WHATSAPP, WRONG = "to", "mail", "by_whatsapp", "wrong"
"""
What an entry's context calls the WhatsApp name and the e-mail address, both sealed, whether the code goes to the first
of them, and how many codes were wrong.
"""

bind_whatsapp = effect("send_code_by_whatsapp", "send the shopper a one-time code by WhatsApp", dead="code_not_sent")
bind_mail = effect("send_code_by_mail", "send the shopper a one-time code by e-mail")


@guard
def is_reached_by_whatsapp(instance: Instance, event: Event) -> bool:  # noqa: ARG001 - every guard is asked the same way
    """Tell whether the code goes by WhatsApp."""
    return bool(event.data.get(BY_WHATSAPP))


@guard
def has_mail(instance: Instance, event: Event) -> bool:  # noqa: ARG001 - likewise
    """Tell whether the order has an e-mail address that a code can be sent to."""
    return bool(instance.context.get(MAIL))


@guard
def has_tries_left(instance: Instance, event: Event) -> bool:  # noqa: ARG001 - likewise
    """Tell whether another code may be entered after one more that was wrong."""
    return int(instance.context.get(WRONG, 0)) + 1 < TRIES
