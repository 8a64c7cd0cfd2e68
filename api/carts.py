"""
The cart desk: what customers put together in the chat becomes an order, at our prices.

Rule 1: a cart is one order for ever, named after its message; the merchant's own document of that order id goes on
        from it.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from api.order_book import ORDER, SHOPPER, OrderBook
from api.people import PeopleDesk
from api.sessions import WAMID
from definitions.orders.rows import Account, Alias
from definitions.products import Product, merged, own_products, priced
from engine.model import Event
from engine.ports import Decision, Identity

PLACED = "placed"
"""What an order hears when a customer has sent the cart that it is made of."""


class CartDesk:
    """Takes carts."""

    def __init__(self, book: OrderBook, people: PeopleDesk) -> None:
        self._book = book
        self._people = people

    async def take_cart(
        self, identity: Identity, at: int, phone_number_id: str, sender: Collection[str], cart: Mapping[str, Any]
    ) -> bool:
        """
        Open an order for a cart that *sender* sent in a message *at* that time; return whether it was news.

        Raises:
            CartInvalid: there is nothing in it, or something that cannot be told.
        """
        wamid = identity.id
        order_id = f"cart-{hashlib.sha256(wamid.encode()).hexdigest()[:16]}"
        account_id = await self._book.account_of_number(phone_number_id)
        products = await self._products(account_id, str(cart.get("catalog_id", "")))
        items: Sequence[Mapping[str, Any]] = cart.get("product_items", ())
        kept = {
            "catalog_id": cart.get("catalog_id"),
            "text": cart.get("text", ""),
            "from": sorted(sender),
            **msgspec.to_builtins(priced(items, products)),
        }
        news = False

        async def deliberate() -> Decision | None:
            nonlocal news
            news = not any(await self._book.store.recall([identity]))
            if not news:
                return None
            now = self._book.clock()
            family = await self._book.family(order_id, now)
            context = {"account_id": account_id, "phone_number_id": phone_number_id, "cart": kept}
            order = family.open(ORDER, order_id, context)
            family.apply(order, Event(wamid, PLACED, at, now, {"cart": kept, "wamid": wamid}, actor=SHOPPER))
            return family.decision([identity], add=[Alias(WAMID, wamid, ORDER, order_id)])

        await self._book.settle(order_id, deliberate)
        await self._people.ordered(account_id, sender, order_id)
        return news

    async def _products(self, account_id: str, catalog_id: str) -> Mapping[str, Product]:
        """Return what an account sells in a catalogue."""
        accounts = await self._book.store.find(Account, account_id=account_id) if account_id else []
        own = own_products(accounts[0].said()) if accounts else {}
        return merged(self._book.catalogue.products, own).get(catalog_id, {})
