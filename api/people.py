"""
The people desk: who is written to, about what, and who they are.

Source: Meta, "Webhooks reference: user_preferences": what a person sets in WhatsApp itself is about marketing alone.

Rule 1: consent is per brand account, person and category, and its evidence is kept with each step.
Rule 2: an answer is an effect of the step that it answers; nothing here sends anything.
Rule 3: the same message again does nothing, and what was said last counts, whatever came last.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from api.aliases import (
    BSUID,
    ORDER_ID,
    PHONE,
    SUBSCRIBED,
    Aliases,
    Name,
    country_of,
    names_of_person,
    names_of_sender,
    person_id_of,
    subscription_key,
)
from api.consent import ORDER_UPDATES, Hearing
from api.order_book import (
    NDR_CASE,
    OPEN,
    ORDER,
    SHIPMENT,
    SHOPPER,
    SUBSCRIPTION,
    FieldInvalid,
    OrderBook,
    UnknownCustomer,
    person_of,
)
from definitions.flow_calls import RECIPIENT
from definitions.orders.document import Order
from definitions.orders.rows import Account, Alias, Conversation, Customer
from definitions.orders.times import to_rfc3339
from definitions.outgoing import Recipient
from definitions.people.consent import OPT_IN, OPT_OUT, Span
from definitions.people.keywords import CATEGORIES, MEANINGS, Meaning
from definitions.people.phones import normal_phone, same_phone
from engine.family import family_of
from engine.model import SECOND, Event, Instance
from engine.ports import Decision, Identity
from engine.runtime import settle

PORTAL_EVENTS = {"ACTIVE": OPT_IN, "INACTIVE": OPT_OUT}
"""What the portal's `whatsAppStatus` asks for."""

SETTLED = frozenset({"delivered", "returned", "lost", "cancelled", "customer_return"})
"""The tags of shipments that nobody waits for any more, or that do not come to the customer."""

STOP_MARKETING = "stop:marketing"
"""What a message that failed because its person wants no marketing means."""


class Heard(Struct, frozen=True):
    """
    What somebody with these WhatsApp *names* said to one of our numbers: a *meaning* of definitions/people.

    *text* are their words or the button's id; *locale* is the one that they used, "" if their words do not tell.
    """

    phone_number_id: str
    names: frozenset[str]
    identity: Identity
    meaning: str
    text: str
    at: int
    received_at: int
    locale: str = ""
    source: str = "chat"


class Standing(Struct, frozen=True):
    """What a person waits for: whether something is on its way to them, and their failed deliveries to be settled."""

    undelivered: bool = False
    open_cases: tuple[str, ...] = ()


class UnknownBrand(Exception):
    """Nobody can say which account a phone number serves."""


class PeopleDesk:
    """Takes what people want to hear about, and knows whom messages are for."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book
        self._aliases = Aliases(book)

    # Who they are

    async def met(self, account: Account, order: Order) -> str:
        """Return the person whom an order's document is for; what it calls them, they are called from now on."""
        names = names_of_person(order.person, country_of(account))
        if not names:
            return ""
        person_id = person_id_of(account.account_id, order.person)
        return await self._aliases.meet(account.account_id, names, person_id, order_id=order.order_id)

    async def introduced(self, phone_number_id: str, names: frozenset[str]) -> None:
        """Learn that these WhatsApp names are one person's, if any of them is of somebody whom we know."""
        if len(names) > 1:
            account_id = await self._book.account_of_number(phone_number_id)
            known = names_of_sender(names)
            if await self._aliases.find(account_id, known):
                await self._aliases.meet(account_id, known, live=True)

    async def moved(self, phone_number_id: str, before: str, after: str, identity: Identity) -> bool | None:
        """Let who had one WhatsApp name have another instead; return whether that was news, None if nothing changes."""
        account_id = await self._book.account_of_number(phone_number_id)
        (old,), (new,) = names_of_sender([before]), names_of_sender([after])
        return await self._aliases.move(account_id, old, new, identity)

    async def heard(self, phone_number_id: str, names: Iterable[str], at: int) -> None:
        """Remember that somebody with these WhatsApp names wrote to one of our numbers *at* that time."""
        person = next((name for _, name in names_of_sender(names)), "")
        if not person:
            return

        async def deliberate() -> Decision | None:
            key = {"phone_number_id": phone_number_id, "person": person}
            known = await self._book.store.find(Conversation, **key)
            if known and known[0].last_inbound_at >= at:
                return None
            before = known[0] if known else Conversation(phone_number_id, person, 0, "", 0)
            row = replace(before, last_inbound_at=at, updated_at=max(before.updated_at, at))
            return Decision(recorded_at=self._book.clock(), put=(row,))

        await self._book.settle(conversation(phone_number_id, person), deliberate)

    async def recipient(
        self, account_id: str, phone_number_id: str, instance: Instance, order: Mapping[str, Any]
    ) -> Recipient:
        """
        Return whom an effect of *instance* may be for, as the account knows them.

        An *order* says so itself, a subscription by its person; others by who they came from or go to.
        """
        accounts = await self._book.store.find(Account, account_id=account_id) if account_id else []
        country = country_of(accounts[0]) if accounts else ""
        names = _names_in_order(order, country) if order else _names_in(instance, country)
        own = person_id_of(account_id, person_of(order)) if order else str(instance.context.get("person_id", ""))
        person_id = await self._person(account_id, names, own)
        whatsapp = await self._reached_by(account_id, person_id, names)
        key = {"phone_number_id": phone_number_id, "person": whatsapp}
        conversations = await self._book.store.find(Conversation, **key) if whatsapp else []
        known = await self._book.store.find(Customer, account_id=account_id, person_id=person_id) if person_id else []
        return Recipient(
            person_id=person_id,
            whatsapp=whatsapp,
            name=person_of(order).name or next((customer.name for customer in known if customer.name), ""),
            categories=await self._categories(account_id, person_id),
            last_inbound_at=conversations[0].last_inbound_at if conversations else 0,
            root=conversations[0].root if conversations else "",
        )

    async def _person(self, account_id: str, names: list[Name], person_id: str) -> str:
        """Return the person of these names, or else of that id."""
        return await self._aliases.find(account_id, names) or await self._aliases.left(account_id, person_id)

    async def _reached_by(self, account_id: str, person_id: str, names: list[Name]) -> str:
        """Return the name that WhatsApp reaches a person by: the one that was given, unless they gave it up since."""
        given = next((value for kind, value in names if kind in (PHONE, BSUID)), "")
        for kind in (PHONE, BSUID) if person_id else ():
            values = [row.value for row in await self._aliases.names(account_id, person_id, kind)]
            if given in values:
                return given
            if values:
                return values[0]
        return given

    async def _categories(self, account_id: str, person_id: str) -> frozenset[str]:
        if not person_id:
            return frozenset()
        keys = [(SUBSCRIPTION, subscription_key(account_id, person_id, category)) for category in CATEGORIES]
        found = zip(CATEGORIES, await self._book.store.load(keys), strict=True)
        return frozenset(category for category, each in found if each is not None and self._book.has(SUBSCRIBED, each))

    # What they want: the portal

    async def subscribe(self, order_ref: str, account_id: str, phone: str, email: str, status: str) -> None:
        """
        Let the customer of an order subscribe to its updates, or end that.

        Raises:
            UnknownOrder: there is no such order.
            UnknownCustomer: it is not that account's, or not that customer's.
            FieldInvalid: *status* is none that can be asked for.
        """
        if status not in PORTAL_EVENTS:
            raise FieldInvalid("whatsAppStatus", "one of " + ", ".join(PORTAL_EVENTS))
        document = await self._book.known(order_ref)
        content = msgspec.json.decode(document.document)
        person = person_of(content)
        customers = await self._book.store.find(Customer, account_id=account_id, phone=person.phone, email=person.email)
        is_theirs = same_phone(person.phone, phone) and person.email.casefold() == email.strip().casefold()
        if document.account_id != account_id or not customers or not is_theirs:
            raise UnknownCustomer

        async def deliberate() -> Decision | None:
            now = self._book.clock()
            customer = await self._customer(account_id, content)
            person_id, subscriptions = await self._aliases.subscriptions(account_id, customer, now)
            subscription = subscriptions[ORDER_UPDATES]
            interpreter = self._book.catalogue.interpreter(SUBSCRIPTION, subscription.version)
            name = PORTAL_EVENTS[status]
            if name not in interpreter.allowed(subscription):
                return None
            evidence = {"source": "portal", "order_id": document.order_id, "at": to_rfc3339(now)}
            heard = Event(f"portal/{subscription.steps}", "", now, now, {"evidence": evidence}, actor=SHOPPER)
            hearing = Hearing(self._book.catalogue, subscriptions, heard, Span(now, now))
            if name == OPT_IN:
                hearing.start([ORDER_UPDATES], answered=False)
            else:
                cases = (await self._standing(account_id, person_id)).open_cases
                hearing.stop(Meaning(OPT_OUT, (ORDER_UPDATES,)), open_cases=cases, answered=False)
            return Decision(recorded_at=now, steps=tuple(hearing.steps))

        await settle(self._book.store, deliberate)

    async def is_subscribed(self, account_id: str, content: dict[str, Any]) -> bool:
        """Return whether the person that an order's document is for is written to about orders."""
        return ORDER_UPDATES in await self._categories(account_id, await self._customer(account_id, content))

    async def _customer(self, account_id: str, content: Mapping[str, Any]) -> str:
        """Return whom an order's document is for."""
        accounts = await self._book.store.find(Account, account_id=account_id)
        names = _names_in_order(content, country_of(accounts[0]) if accounts else "")
        return await self._person(account_id, names, person_id_of(account_id, person_of(content)))

    # What they want: the chat

    async def asked(self, heard: Heard) -> bool:
        """
        Take what somebody said in a chat about being written to; return whether it was news.

        Raises:
            UnknownBrand: nobody can say which account the number serves.
        """
        evidence = {"wamid": heard.identity.id}
        return await self._hear(MEANINGS[heard.meaning], heard, evidence, answered=True)

    async def preferred(self, heard: Heard) -> bool:
        """
        Take what somebody set in WhatsApp itself, which answers them itself; return whether it was news.

        Raises:
            UnknownBrand: nobody can say which account the number serves.
        """
        return await self._hear(replace(MEANINGS[heard.meaning], keeps=""), heard, {}, answered=False)

    async def opted_out(
        self, phone_number_id: str, names: frozenset[str], message: str, at: int, received_at: int
    ) -> None:
        """Let who wants no marketing, as Meta says of a *message* to them, have none; the same again does nothing."""
        identity = Identity("whatsapp", f"{message}/opted_out")
        if names:
            heard = Heard(phone_number_id, names, identity, STOP_MARKETING, "", at, received_at, source="status")
            with suppress(UnknownBrand):
                await self.preferred(heard)

    async def ordered(self, account_id: str, names: Collection[str], order_id: str) -> None:
        """Remember whose an order is that came by chat, from somebody with these WhatsApp *names*."""
        known = names_of_sender(names)
        if account_id and known:
            await self._aliases.meet(account_id, known, order_id=order_id, live=True)

    async def _hear(self, meaning: Meaning, heard: Heard, evidence: dict[str, str], *, answered: bool) -> bool:
        """Let a person's subscriptions hear what the person asks for; return whether it was news."""
        account_id = await self._book.account_of_number(heard.phone_number_id)
        if not account_id:
            raise UnknownBrand
        met = await self._aliases.meet(account_id, names_of_sender(heard.names), live=True)
        evidence = {"source": heard.source, "text": heard.text, "at": to_rfc3339(heard.at), **evidence}
        news = False

        async def deliberate() -> Decision | None:
            nonlocal news
            news = not any(await self._book.store.recall([heard.identity]))
            if not news:
                return None
            person_id, subscriptions = await self._aliases.subscriptions(account_id, met, heard.received_at)
            event = _event(heard, evidence, subscriptions[ORDER_UPDATES])
            hearing = Hearing(self._book.catalogue, subscriptions, event, _span(event))
            if meaning.event == OPT_OUT:
                standing = await self._standing(account_id, person_id)
                undelivered, cases = standing.undelivered, standing.open_cases
                hearing.stop(meaning, undelivered=undelivered, open_cases=cases, answered=answered)
            elif meaning.event == OPT_IN:
                hearing.start(meaning.categories, answered=answered)
            else:
                hearing.ask(meaning)
            steps = tuple(hearing.steps)
            wamid = evidence.get("wamid")
            add = (Alias("wamid", wamid, SUBSCRIPTION, steps[0].after.key),) if wamid else ()
            return Decision(identities=(heard.identity,), recorded_at=self._book.clock(), steps=steps, add=add)

        await settle(self._book.store, deliberate)
        return news

    async def _standing(self, account_id: str, person_id: str) -> Standing:
        """Return what a person waits for."""
        undelivered, cases = False, []
        for row in await self._aliases.names(account_id, person_id, ORDER_ID):
            members = (await self._book.store.load_family(family_of((ORDER, row.value)))).instances
            shipments = [member for member in members if member.definition == SHIPMENT]
            coming = [each for each in shipments if not any(self._book.has(tag, each) for tag in SETTLED)]
            undelivered = undelivered or bool(coming) or not shipments
            cases += [each.key for each in members if each.definition == NDR_CASE and self._book.has(OPEN, each)]
        return Standing(undelivered or bool(cases), tuple(cases))


def conversation(phone_number_id: str, person: str) -> str:
    """Return the subject of the turns in which a conversation's row is written."""
    return f"conversation/{phone_number_id}/{person}"


def _names_in_order(content: Mapping[str, Any], country: str) -> list[Name]:
    """Return the names by which an order's document finds whom it is for: its own first, whoever has the number now."""
    return [(ORDER_ID, str(content.get("orderId", ""))), *names_of_person(person_of(content), country)]


def _names_in(instance: Instance, country: str) -> list[Name]:
    """Return the WhatsApp names of who an instance came from, or goes to: a number may be written by hand there."""
    context = instance.context
    cart = context.get("cart", {})
    said = context.get("from") or (cart.get("from") if isinstance(cart, Mapping) else None) or context.get(RECIPIENT)
    texts = said if isinstance(said, list) else [said]
    named = [text.strip() for text in texts if isinstance(text, str) and text.strip()]
    return names_of_sender(name if _is_plain(name) else normal_phone(name, country) or name for name in named)


def _is_plain(name: str) -> bool:
    """Return whether a name is as WhatsApp writes it: a number's digits, or an id, which has letters."""
    return name.isdecimal() or any(letter.isalpha() for letter in name)


def _event(heard: Heard, evidence: dict[str, str], speaks: Instance) -> Event:
    """Return what subscriptions hear, in the locale of what was said or of what was said before."""
    locale = heard.locale or str(speaks.context.get("locale", ""))
    name = next((value for _, value in names_of_sender(heard.names)), "")
    about = {"phone_number_id": heard.phone_number_id, "locale": locale}
    data = {"from": name, **about, "evidence": evidence}
    assign = {each: value for each, value in about.items() if value}
    at = min(heard.at, heard.received_at)
    return Event(heard.identity.id, "", at, heard.received_at, data, assign, SHOPPER)


def _span(event: Event) -> Span:
    """Return when something was said whose time is a whole second: not after it was received."""
    return Span(event.at, max(event.at, min(event.at + SECOND - 1, event.received_at)))


def _person_of(subscription: Instance) -> str:
    return str(subscription.key.split(":")[-2])
