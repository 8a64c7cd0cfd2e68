"""
What people are answered when they say in a chat what they want to hear about, and what staff are told of it.

The words are in texts.json, by locale. They are said freely: who is answered has just written.

Source: Meta, "Interactive reply buttons messages": at most three buttons, of 20 characters each.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from definitions.binding import effect
from definitions.outgoing import MessageCall, Nothing, Wish
from definitions.people import entry  # noqa: F401 - its effects and guards are bound by being imported
from definitions.people.keywords import CATEGORIES, USUAL_LOCALE
from definitions.replies import reply, said


class Text(Struct, frozen=True, forbid_unknown_fields=True):
    """A message's words, and its reply buttons' by their ids."""

    text: str
    buttons: dict[str, str] = {}


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """
    A locale's messages by the effects that say them, and what it calls the categories, each and all together.

    An order that somebody waits for is *on_its_way*, or its delivery has *failed*.
    """

    categories: dict[str, str]
    all: str
    on_its_way: str
    failed: str
    messages: dict[str, Text]


WORDS = msgspec.json.decode((Path(__file__).parent / "texts.json").read_bytes(), type=dict[str, Words])
"""What is said, by locale."""


@effect("confirm_opt_out", "tell the customer what they are not written to about any more")
@effect("confirm_opt_in", "tell the customer what they are written to about from now on")
@effect("ask_what_to_stop", "ask the customer whether updates about their order shall stop too")
@effect("ask_what_to_start", "ask the customer what they want to be written to about")
@effect("ask_what_to_cancel", "ask the customer whether they mean an order or our messages")
@effect("confirm_order_cancel", "tell the customer that staff know of their wish to cancel an order")
def answer(wish: Wish) -> MessageCall | Nothing:
    """Answer what a person said in the chat, under the name that they used."""
    names = [name for name in (wish.data.get("from", ""),) if name]
    wamid = wish.data.get("evidence", {}).get("wamid", "")
    return reply(wish, names, _content(wish), heard_at=wish.occurred_at, to=wamid)


@effect("alert_stranded", "tell staff that somebody with an open failed delivery stopped updates about orders")
@effect("alert_order_cancel", "tell staff that a customer wants to cancel an order")
def shown_to_staff(wish: Wish) -> Nothing:  # noqa: ARG001 - every composer is asked the same way
    """Call nobody: staff see the effect itself, beside the subscription that it is of."""
    return Nothing("shown_to_staff", "done")


def _content(wish: Wish) -> dict[str, Any]:
    """Return what a message says, with its buttons if it has any."""
    words = WORDS.get(wish.data.get("locale", ""), WORDS[USUAL_LOCALE])
    message = words.messages[wish.name]
    text = message.text.format(
        brand=wish.account.name if wish.account else "",
        stopped=_called(wish.data.get("stopped", ()), words),
        started=_called(wish.data.get("started", ()), words),
        standing=words.failed if wish.data.get("cases") else words.on_its_way,
    )
    if not message.buttons:
        return said(text)
    buttons = [{"type": "reply", "reply": {"id": id_, "title": title}} for id_, title in message.buttons.items()]
    content = {"type": "button", "body": {"text": text}, "action": {"buttons": buttons}}
    return {"type": "interactive", "interactive": content}


def _called(categories: Collection[str], words: Words) -> str:
    """Return what categories are called together."""
    if set(categories) == set(CATEGORIES):
        return words.all
    return ", ".join(words.categories[category] for category in categories)
