"""
Sends one-time codes: by WhatsApp as a template, or by e-mail with a link beside it.

Source: Meta, "Authentication templates with a copy code button": the code is the body's parameter and the button's.

Rule 1: what is bound to effects is bound once in a process, as its names are; what it needs to know comes with `open`.
Rule 2: a code that nobody waits for any more is not sent.
"""

import base64

from msgspec import Struct

from api.at_rest import Safe, Unopenable
from api.brand import Branded
from api.entry import DoorKeys
from api.mail import Mail, Mailer
from api.settings import Settings
from definitions.outgoing import MessageCall, Nothing, Wish
from definitions.people.entry import MAIL, TO, bind_mail, bind_whatsapp
from definitions.words.document import USUAL, Words, words_of
from definitions.words.saying import Speaker
from engine.model import Instance

TEMPLATE, TEMPLATE_LANGUAGE = "portal_code", "en"
"""The authentication template that Meta has approved."""

LANGUAGE = "language"
"""What an entry's context calls the language that its shopper reads."""

PORTAL_ENTRY = "portal_entry"

WAITING = "waiting"
"""The tag of the states of an entry in which its code is waited for."""


class CodePost(Struct, frozen=True):
    """What sending codes takes: keys that make them, the safe with the contacts, who carries mail, and its words."""

    keys: DoorKeys
    safe: Safe
    mailer: Mailer
    base_url: str
    words: Words

    @classmethod
    def of(cls, settings: Settings) -> "CodePost":
        """
        Return what the settings give.

        Raises:
            DefinitionError: a file of texts in a folder of definitions is wrong.
        """
        secret = (settings.data_key or settings.app_secret).encode()
        safe = Safe(base64.b64decode(settings.data_key))
        words = words_of(settings.definition_folders)
        return cls(DoorKeys(secret), safe, Mailer.of(settings), settings.base_url, words)

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


def opened_post() -> CodePost | None:
    """Return what this process sends codes with, None if it sends none."""
    return _OPEN[0] if _OPEN else None


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
    template = {"name": TEMPLATE, "language": {"code": TEMPLATE_LANGUAGE}, "components": components}
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
    context = wish.instance.context
    speaker = Speaker.of(post.words, post.words.known(str(context.get(LANGUAGE, ""))) or USUAL)
    brand = Branded.of(wish.account).name if wish.account else speaker.say("letter.us")
    brand = " ".join(brand.split())  # a subject is one line
    link = post.keys.link(str(context.get("order_id", "")), wish.now)
    said = (
        speaker.say("letter.code", code=post.keys.code(wish.instance.key)),
        speaker.say("letter.what", brand=brand),
        f"{speaker.say('letter.link')}\n{post.base_url}{link}",
        speaker.say("letter.not_you"),
    )
    return Mail(to, speaker.say("letter.subject", brand=brand), "\n\n".join(said) + "\n")
