"""
The order book: what every desk that decides about orders needs of them, and the turns in which they are decided.

Rule 1: every decision about an order is one about its whole family (engine/family.py).
Rule 2: what is decided about an order is decided in the turn in which it was asked for.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

import msgspec

from api.clock import Clock
from definitions.catalogue import Catalogue
from definitions.orders.document import Person
from definitions.orders.rows import Account, OrderDocument
from engine.errors import WorkflowError
from engine.family import Family, family_of
from engine.model import Instance
from engine.ports import Store
from engine.runtime import Deliberation, settle

ORDER, SHIPMENT, NDR_CASE, SUBSCRIPTION = "order", "shipment", "ndr_case", "subscription"


SHOPPER = "shopper"
"""Who subscribes and chooses, by whatever page or message."""

OPEN = "open"
"""The tag of the states of a case in which it is not settled."""


class UnknownOrder(WorkflowError):
    """No order has that id or, alone, that number."""


class UnknownCustomer(WorkflowError):
    """The account knows no such customer, or the order is not theirs."""


class FieldInvalid(WorkflowError):
    """What was asked for cannot be taken: *field* is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class OrderBook:
    """Finds orders and their families, and lets one decision about an order follow the other."""

    def __init__(self, catalogue: Catalogue, store: Store, clock: Clock) -> None:
        self.catalogue = catalogue
        self.store = store
        self.clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def settle(self, subject: str, deliberate: Deliberation) -> None:
        """Decide about an order, or a slug, in the turn in which it was asked for: no late comer overtakes another."""
        turn = self._turns.setdefault(subject, asyncio.Lock())
        async with turn:
            await settle(self.store, deliberate)

    async def family(self, order_id: str, now: int) -> Family:
        """Return an order's family, to be decided about *now*."""
        root = (ORDER, order_id)
        record = await self.store.load_family(family_of(root))
        return Family(self.catalogue.interpreter, root, record, now)

    async def document(self, order_ref: str) -> OrderDocument | None:
        """Return the order of that id or, if there is only one, of that customer order number."""
        found = await self.store.find(OrderDocument, order_id=order_ref)
        if not found:
            found = await self.store.find(OrderDocument, customer_order_number=order_ref)
        return found[0] if len(found) == 1 else None

    async def known(self, order_ref: str) -> OrderDocument:
        """
        Return the order of that id or number.

        Raises:
            UnknownOrder: there is none, or the number is several orders'.
        """
        document = await self.document(order_ref)
        if document is None:
            raise UnknownOrder
        return document

    async def zone(self, account_id: str) -> ZoneInfo:
        """Return the time zone of an account that we know."""
        (account,) = await self.store.find(Account, account_id=account_id)
        return ZoneInfo(account.timezone)

    async def account_of_number(self, phone_number_id: str) -> str:
        """Return the account that a phone number serves: the one whose settings name it, or the only one there is."""
        accounts = await self.store.find(Account)
        named = [account for account in accounts if phone_number_id in account.phone_numbers()]
        fitting = named or accounts
        return fitting[0].account_id if len(fitting) == 1 else ""

    def has(self, tag: str, instance: Instance) -> bool:
        """Return whether an instance's state has *tag*; one that its definition does not have has none."""
        state = self.catalogue.interpreter(instance.definition, instance.version).states.get(instance.state)
        return state is not None and tag in state.tags


def person_of(content: Mapping[str, Any]) -> Person:
    """Return whom an order's document is for."""
    return msgspec.convert(content.get("shippingAddress", {}), Person)
