"""
What leaves for the outside world: from an effect that was decided to the call that delivers it.

A composer is bound to an effect's name (`definitions.binding.effect`). It is given a `Wish`, all that is known when the
effect is about to be called, and returns the call to make, or `Nothing`. It is pure and asks nobody, so that an effect
can be composed again: once to learn whom it is for, and before each attempt, with what is known by then.

Rule 1: calls of a lane are made one after the other, in the order in which their effects were decided.
Rule 2: a call holds no secret: whoever makes it knows the token of its receiver.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from msgspec import Struct

from definitions.messages.wording import Wording
from definitions.orders.couriers import Courier
from definitions.orders.rows import Account
from engine.model import Instance


class Recipient(Struct, frozen=True):
    """
    Whom an effect may be for, as the account knows them.

    *whatsapp* is the name under which WhatsApp reaches them: phone number in digits with its country, or
    business-scoped id. *categories* are what they want to hear about; *last_inbound_at* is when they last wrote to us,
    0 for never; *root* is the wamid of the template that their conversation began with.
    """

    person_id: str = ""
    whatsapp: str = ""
    name: str = ""
    categories: frozenset[str] = frozenset()
    last_inbound_at: int = 0
    root: str = ""


class Wish(Struct, frozen=True):
    """
    An effect that is about to be called.

    *instance* asked for it, when it took *event* with *data* at *occurred_at*; *family* are the other members of its
    family by (definition, key). *order* is the order's document as it reads now, *account* whose it is.
    *phone_number_id* is the number that messages are sent from. *reason* is why it was not delivered yet. *tags* are
    those of the state that *instance* is in now, and *wording* is how its account says this by message, if it does.
    *source_state* and *target_state* are where that event led from and to; the instance may have gone on since.
    *courier* is that of the shipment that *instance* is about, if it is about one.
    """

    id: str
    name: str
    now: int
    instance: Instance
    event: str = ""
    occurred_at: int = 0
    data: Mapping[str, Any] = {}
    reason: str = ""
    family: Mapping[tuple[str, str], Instance] = {}
    account: Account | None = None
    order: Mapping[str, Any] = {}
    recipient: Recipient = Recipient()
    phone_number_id: str = ""
    tags: frozenset[str] = frozenset()
    wording: Wording | None = None
    source_state: str = ""
    target_state: str = ""
    courier: Courier | None = None


class Call(Struct, frozen=True, tag_field="channel"):
    """A call to make: *lane* names what it must be in order with."""

    channel: ClassVar[str]

    lane: str

    @property
    def may_repeat(self) -> bool:
        """Return whether the receiver knows a repeat by its id, so that a call in doubt is simply made again."""
        return True


class Mint(Struct, frozen=True):
    """
    A Flow session that a message opens: of *flow*, about another instance, with *data* for its logic.

    Its token goes into the message's body at *pointer* (RFC 6901).
    """

    flow: str
    pointer: str
    about: tuple[str, str] | None = None
    data: Mapping[str, Any] = {}


class MessageCall(Call, frozen=True, tag="whatsapp"):
    """
    A message for the Graph API: `POST /{phone_number_id}/messages`.

    *template*, *root*, *account_id* and *person_id* are kept with it. *mint* is the session that it brings to the
    phone, if it does.
    """

    channel = "whatsapp"

    phone_number_id: str
    body: dict[str, Any]
    template: str = ""
    root: str = ""
    account_id: str = ""
    person_id: str = ""
    mint: Mint | None = None

    @property
    def may_repeat(self) -> bool:
        """Return False: the Graph API takes no idempotency key."""
        return False


class HttpCall(Call, frozen=True, tag="http"):
    """
    A POST of JSON to a courier.

    *courier* says whose token goes with it, in the header *token_header*; without one it takes none. With *key_header*
    the effect's id is sent there, and a repeat is harmless.
    *answers_later* says that the receiver's answer only means that it has it.
    """

    channel = "http"

    url: str
    body: dict[str, Any]
    courier: str = ""
    headers: dict[str, str] = {}
    token_header: str = ""
    key_header: str = ""
    answers_later: bool = False

    @property
    def may_repeat(self) -> bool:
        """Return whether the courier takes an idempotency key."""
        return bool(self.key_header)


class WebhookCall(Call, frozen=True, tag="webhook"):
    """A result for a merchant's own system at *url*; *endpoint* says whose secret signs it (Standard Webhooks)."""

    channel = "webhook"

    endpoint: str
    payload: dict[str, Any]
    url: str = ""


class CodeCall(Call, frozen=True, tag="code"):
    """An effect that an author's own function delivers; it is found by the effect's name."""

    channel = "code"

    wish: Wish


AnyCall = MessageCall | HttpCall | WebhookCall | CodeCall


class Nothing(Struct, frozen=True):
    """
    There is nothing to call, and why: *status* is what that makes of the effect.

    A *quiet* one is no news to who asked: something else is on its way instead.
    """

    reason: str
    status: Literal["discarded", "done"] = "discarded"
    quiet: bool = False


class Later(Struct, frozen=True):
    """There is something to call, and its time is not yet: not before *at*."""

    at: int
    reason: str


Composer = Callable[[Wish], AnyCall | Nothing | Later]
