"""
The inquiry desk: customers' questions about products, for staff to answer.

Staff answer by the event `answered` with `{"text": ...}` (`POST /admin/api/v1/sessions/inquiry/{wamid}/events`).

Rule 1: every question is an inquiry of its own, named after its message.
Rule 2: whatever else a customer writes gives their last question a day more to be answered in.
"""

from collections.abc import Collection, Mapping
from typing import Any

from api.order_book import SHOPPER, OrderBook
from api.sessions import WAMID, recipient_hash
from definitions.inquiries import HEARD_AT
from definitions.orders.rows import Alias
from engine.model import Event, Instance, born
from engine.ports import Decision, Identity
from engine.runtime import settle
from storage.finding import FOR_RECIPIENT

INQUIRY = "inquiry"

INQUIRER = "inquirer"
"""The kind of an alias that is who asked last: our number and theirs."""

WROTE = "wrote"
"""What the journal calls it when who asked has written again."""


class InquiryDesk:
    """
    Takes questions.

    Under *recipient_key* it is kept who asked, so that their questions are found; without, it is not.
    """

    def __init__(self, book: OrderBook, recipient_key: bytes = b"") -> None:
        self._book = book
        self._recipient_key = recipient_key

    async def ask(
        self,
        identity: Identity,
        at: int,
        received_at: int,
        phone_number_id: str,
        sender: Collection[str],
        question: str,
        product: Mapping[str, Any],
    ) -> bool:
        """Open an inquiry for what *sender* asked about a product *at* that time; return whether it was news."""
        interpreter = self._book.catalogue.interpreter(INQUIRY)
        account_id = await self._book.account_of_number(phone_number_id)
        data = {
            "from": sorted(sender),
            "phone_number_id": phone_number_id,
            "question": question,
            "catalog_id": product.get("catalog_id"),
            "product_retailer_id": product.get("product_retailer_id"),
        }
        kept = {**data, "account_id": account_id, HEARD_AT: at}
        news = False

        async def deliberate() -> Decision | None:
            nonlocal news
            news = not any(await self._book.store.recall([identity]))
            if not news:
                return None
            event = Event(identity.id, "asked", at, received_at, data, kept, SHOPPER)
            step = interpreter.step(born(interpreter.definition, identity.id, at), event)
            last = [
                Alias(INQUIRER, f"{phone_number_id}/{name}", INQUIRY, identity.id)
                for name in sorted(sender)
                if not _heard_since(await self._last(phone_number_id, name), at)
            ]
            now = self._book.clock()
            add = self._names(identity.id, sender)
            return Decision(identities=(identity,), recorded_at=now, steps=(step,), put=tuple(last), add=add)

        await settle(self._book.store, deliberate)
        return news

    def _names(self, key: str, sender: Collection[str]) -> tuple[Alias, ...]:
        """Return what an inquiry is found by: its message, and who asked."""
        hashes = {recipient_hash(self._recipient_key, name) for name in sender} - {""}
        asking = (Alias(FOR_RECIPIENT, f"{hashed}/{INQUIRY}/{key}", INQUIRY, key) for hashed in sorted(hashes))
        return Alias(WAMID, key, INQUIRY, key), *asking

    async def heard(self, phone_number_id: str, sender: Collection[str], at: int) -> None:
        """Let the last question of who wrote *at* that time be answered for longer."""
        for name in sorted(sender):
            await self._prolong(phone_number_id, name, at)

    async def _prolong(self, phone_number_id: str, name: str, at: int) -> None:
        async def deliberate() -> Decision | None:
            inquiry = await self._last(phone_number_id, name)
            if inquiry is None or _heard_since(inquiry, at):
                return None
            interpreter = self._book.catalogue.interpreter(INQUIRY, inquiry.version)
            state = interpreter.states.get(inquiry.state)
            if state is None or state.final:
                return None
            now = self._book.clock()
            event = Event(f"{WROTE}/{at}", WROTE, at, now, assign={HEARD_AT: at}, actor=SHOPPER)
            return Decision(recorded_at=now, steps=(interpreter.note(inquiry, event, WROTE),))

        await settle(self._book.store, deliberate)

    async def _last(self, phone_number_id: str, name: str) -> Instance | None:
        """Return the last question of who has that name."""
        found = await self._book.store.find(Alias, kind=INQUIRER, value=f"{phone_number_id}/{name}")
        return (await self._book.store.load([(INQUIRY, found[0].instance_key)]))[0] if found else None


def _heard_since(inquiry: Instance | None, at: int) -> bool:
    """Return whether who asked is known to have written at that time or later."""
    return inquiry is not None and bool(inquiry.context.get(HEARD_AT, inquiry.created_at) >= at)
