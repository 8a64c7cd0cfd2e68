"""The records that orders keep beside their instances. Each is one table's row, field by column (storage/tables.py)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from engine.ports import Row


class Account(Row, frozen=True):
    """A merchant's brand account; *settings* is what else was put, as JSON."""

    table: ClassVar[str] = "account"
    key: ClassVar[tuple[str, ...]] = ("account_id",)

    account_id: str
    slug: str
    name: str
    timezone: str
    settings: str = "{}"

    def said(self) -> Mapping[str, Any]:
        """Return what else was put, by its names."""
        settings = msgspec.json.decode(self.settings)
        return settings if isinstance(settings, dict) else {}

    def phone_numbers(self) -> list[Any]:
        """Return the ids of the phone numbers that are the account's own, none if it names none."""
        numbers = self.said().get("phoneNumberIds", [])
        return numbers if isinstance(numbers, list) else []


class Customer(Row, frozen=True):
    """A person as one account knows them, by phone and e-mail."""

    table: ClassVar[str] = "customer"
    key: ClassVar[tuple[str, ...]] = ("account_id", "phone", "email")

    account_id: str
    phone: str
    email: str
    person_id: str
    name: str


class PersonAlias(Row, frozen=True):
    """
    A name of a person as one account knows them.

    *kind* is `phone` (digits with the country's code), `email`, `bsuid` (WhatsApp's business-scoped user id), `order`
    (an order of theirs), `person` (an id that was another's before the two turned out to be one), or `former_` and a
    kind: given up.
    """

    table: ClassVar[str] = "person_alias"
    key: ClassVar[tuple[str, ...]] = ("account_id", "kind", "value")

    account_id: str
    kind: str
    value: str
    person_id: str


class Conversation(Row, frozen=True):
    """
    What is going on between one of our numbers and one person.

    *person* is the phone number in digits, or the business-scoped id of who has none; *last_inbound_at* is when they
    last wrote, 0 for never; *root* is the wamid of the template that the conversation began with, "" for none.
    """

    table: ClassVar[str] = "conversation"
    key: ClassVar[tuple[str, ...]] = ("phone_number_id", "person")

    phone_number_id: str
    person: str
    last_inbound_at: int
    root: str
    updated_at: int


class OrderDocument(Row, frozen=True):
    """An order's document, as JSON, as the merchant put it."""

    table: ClassVar[str] = "order_document"
    key: ClassVar[tuple[str, ...]] = ("order_id",)

    order_id: str
    account_id: str
    customer_order_number: str
    document: str
    updated_at: int


class ParkedFact(Row, frozen=True):
    """A courier's event that nothing here answers to yet; *event* is it, as JSON, and *reason* says what is missing."""

    table: ClassVar[str] = "parked_fact"
    key: ClassVar[tuple[str, ...]] = ("source", "event_id")

    source: str
    event_id: str
    order_ref: str
    reason: str
    event: str
    received_at: int


class Alias(Row, frozen=True):
    """Another name of an instance: `wamid` for the message that carries it."""

    table: ClassVar[str] = "alias"
    key: ClassVar[tuple[str, ...]] = ("kind", "value")

    kind: str
    value: str
    definition: str
    instance_key: str
