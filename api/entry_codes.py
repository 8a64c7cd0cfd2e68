"""
Sends one-time codes: by WhatsApp as a template, or by e-mail with a link beside it.

Source: Meta, "Authentication templates with a copy code button": the code is the body's parameter and the button's.

Rule 1: what is bound to effects is bound once in a process, as its names are; what it needs to know comes with `open`.
Rule 2: a code that nobody waits for any more is not sent.
"""

import base64

from msgspec import Struct

from api.at_rest import Safe, Unopenable
from api.entry import DoorKeys
from api.mail import Mail, Mailer
from api.settings import Settings
from definitions.outgoing import MessageCall, Nothing, Wish
from definitions.people.entry import MAIL, TO, bind_mail, bind_whatsapp
from engine.model import Instance

TEMPLATE, LANGUAGE = "portal_code", "en"
"""The authentication template that Meta has approved."""

PORTAL_ENTRY = "portal_entry"

WAITING = "waiting"
"""The tag of the states of an entry in which its code is waited for."""


class CodePost(Struct, frozen=True):
    """What sending codes takes: the keys that make them, the safe that has the contacts, and who carries mail."""

    keys: DoorKeys
    safe: Safe
    mailer: Mailer
    base_url: str

    @classmethod
    def of(cls, settings: Settings) -> "CodePost":
        """Return what the settings give."""
        secret = (settings.data_key or settings.app_secret).encode()
        safe = Safe(base64.b64decode(settings.data_key))
        return cls(DoorKeys(secret), safe, Mailer.of(settings), settings.base_url)

    def sealed(self, entry_id: str, name: str, contact: str) -> str:
        """Return a contact as an entry keeps it."""
        place = f"{entry_id}/{name}"
        return base64.b64encode(self.safe.seal(PORTAL_ENTRY, place, contact.encode())).decode() if contact else ""

    def contact(self, entry: Instance, name: str) -> str:
        """Return the contact that an entry keeps under that name, "" if it has none that can be read."""
        kept = base64.b64decode(str(entry.context.get(name, "")))
        try:
            return self.safe.open(PORTAL_ENTRY, f"{entry.key}/{name}", kept).decode()
        except Unopenable:
            return ""


_OPEN: list[CodePost] = []


def open_post(post: CodePost) -> None:
    """Let this process send codes with that."""
    _OPEN[:] = [post]


@bind_whatsapp
def by_whatsapp(wish: Wish) -> MessageCall | Nothing:
    """Compose the template that brings a code."""
    if WAITING not in wish.tags:
        return Nothing("nobody waits for it", quiet=True)
    to = _OPEN[0].contact(wish.instance, TO) if _OPEN else ""
    if not (to and wish.phone_number_id):
        return Nothing("no_whatsapp")
    parameter = {"type": "text", "text": _OPEN[0].keys.code(wish.instance.key)}
    components = [
        {"type": "body", "parameters": [parameter]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [parameter]},
    ]
    template = {"name": TEMPLATE, "language": {"code": LANGUAGE}, "components": components}
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "template": template,
        "biz_opaque_callback_data": wish.id,
    }
    account_id = wish.account.account_id if wish.account else ""
    return MessageCall(
        f"whatsapp/{wish.phone_number_id}/{to}", wish.phone_number_id, body, template=TEMPLATE, account_id=account_id
    )


@bind_mail
async def by_mail(wish: Wish) -> None:
    """Send the letter that brings a code."""
    to = _OPEN[0].contact(wish.instance, MAIL) if _OPEN else ""
    if WAITING in wish.tags and to:
        await _OPEN[0].mailer.send(_letter(_OPEN[0], wish, to))


def _letter(post: CodePost, wish: Wish, to: str) -> Mail:
    brand = wish.account.name if wish.account else "us"
    order_id = str(wish.instance.context.get("order_id", ""))
    said = (
        f"Your code: {post.keys.code(wish.instance.key)}",
        f"It opens your order from {brand} and is good for 10 minutes.",
        f"Or open this address within a day:\n{post.base_url}{post.keys.link(order_id, wish.now)}",
        "If you did not ask for it, you need do nothing. Give it to nobody.",
    )
    return Mail(to, f"Your order from {' '.join(brand.split())}", "\n\n".join(said) + "\n")
