"""
The entry desk: lets shoppers in who prove that an order is theirs.

Rule 1: what is absent, what does not match and what is another merchant's are one answer, and take about one time.
Rule 2: who names an order and its contact has proven nothing yet: a code goes to the contact that the order has.
Rule 3: of one order's codes only the last one opens, once; wrong ones are counted before they are answered.
"""

import asyncio
import hmac
import secrets
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from api.aliases import country_of
from api.consent import ORDER_UPDATES
from api.entry_codes import LANGUAGE, PORTAL_ENTRY, WAITING, CodePost
from api.order_book import ORDER, SHOPPER, OrderBook, person_of
from api.people import PeopleDesk
from definitions.orders.document import Person
from definitions.orders.rows import Account, Alias, OrderDocument
from definitions.people.entry import BY_WHATSAPP, MAIL, TO, TRIES, WRONG
from definitions.people.phones import NATIONAL_DIGITS, digits_of, normal_phone, same_phone
from engine.errors import WorkflowError
from engine.model import Event, Instance, born
from engine.ports import Decision

LEAST_SECONDS = 0.1
"""How long it takes at least to say whether an order and a contact match: longer than looking does."""

LOCKED = "locked"
"""The tag of the states of an entry in which no code is taken, nor another one sent."""

NOBODY = Person("", "", "")


class Locked(WorkflowError):
    """Too many codes were wrong: nobody gets in by a code for so long (*wait*, in microseconds)."""

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


class Unreachable(WorkflowError):
    """The order has no contact that a code could be sent to."""


class CodeWrong(WorkflowError):
    """That is not the code; so many tries are *left*."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left


class CodeExpired(WorkflowError):
    """The code is too old, was used, or another one was sent since."""


class Named(Struct, frozen=True):
    """What somebody named: *subject* is one for all ways to name an order, *document* the order if all of it fits."""

    subject: str
    document: OrderDocument | None


class SentTo(Struct, frozen=True):
    """Where a code went, masked: the last *digits* of a WhatsApp number, or an e-mail *address*."""

    digits: str = ""
    address: str = ""


class EntryDesk:
    """Sends codes and takes them; *numbers* are the phone number ids that messages go from if accounts name none."""

    def __init__(self, book: OrderBook, people: PeopleDesk, post: CodePost, numbers: Sequence[str]) -> None:
        self._book = book
        self._people = people
        self._post = post
        self._numbers = numbers

    async def named(self, order_ref: str, contact: str) -> Named:
        """Look for the order that somebody names, and whether they name its contact too."""
        _, found = await asyncio.gather(asyncio.sleep(LEAST_SECONDS), self._named(order_ref, contact))
        return found

    async def _named(self, order_ref: str, contact: str) -> Named:
        document = await self._book.document(order_ref)
        person = NOBODY if document is None else person_of(msgspec.json.decode(document.document))
        is_theirs = _is_theirs(person, contact)
        if document is None:
            return Named(order_ref.casefold(), None)
        return Named(document.order_id, document if is_theirs else None)

    async def send_code(self, document: OrderDocument, language: str) -> str:
        """
        Send a code to the contact of an order, and return the entry that it opens; those before it open nothing now.

        A letter that brings it is in that *language*.

        Raises:
            Locked: too many codes were wrong just now.
            Unreachable: there is no contact, or nothing to reach it by.
        """
        accounts = await self._book.store.find(Account, account_id=document.account_id)
        whatsapp, email, prefers_whatsapp = await self._contacts(document, accounts[0])
        if not (whatsapp or email):
            raise Unreachable
        entry_id = secrets.token_urlsafe(18)
        sealed = {TO: self._post.sealed(entry_id, TO, whatsapp), MAIL: self._post.sealed(entry_id, MAIL, email)}
        by_whatsapp = bool(whatsapp) and (prefers_whatsapp or not email)

        async def deliberate() -> Decision:
            now = self._book.clock()
            last = await self._last(document.order_id)
            if last is not None and self._book.has(LOCKED, last) and (last.deadline or 0) > now:
                raise Locked((last.deadline or 0) - now)
            interpreter = self._book.catalogue.interpreter(PORTAL_ENTRY)
            known = {"order_id": document.order_id, "account_id": document.account_id, LANGUAGE: language}
            context = {**known, BY_WHATSAPP: by_whatsapp, **sealed}
            entry = born(interpreter.definition, entry_id, now, context=context)
            asked = Event(f"ask/{entry_id}", "code_asked", now, now, {BY_WHATSAPP: by_whatsapp}, actor=SHOPPER)
            alias = Alias(PORTAL_ENTRY, document.order_id, PORTAL_ENTRY, entry_id)
            return Decision(recorded_at=now, steps=(interpreter.step(entry, asked),), put=(alias,))

        await self._book.settle(_turn(document.order_id), deliberate)
        return entry_id

    async def _contacts(self, document: OrderDocument, account: Account) -> tuple[str, str, bool]:
        """
        Return an order's own WhatsApp number and e-mail address, as far as we reach them, and if WhatsApp is better.

        A person may have further numbers by now; those are not what the order was placed with.
        """
        content = msgspec.json.decode(document.document)
        person, numbers = person_of(content), account.phone_numbers() or self._numbers
        email = person.email.strip() if self._post.mailer.can_send and "@" in person.email else ""
        if not numbers:
            return "", email, False
        (order,) = await self._book.store.load([(ORDER, document.order_id)])
        if order is None:
            return "", email, False
        recipient = await self._people.recipient(account.account_id, str(numbers[0]), order, content)
        own = normal_phone(person.phone, country_of(account))
        whatsapp = own if recipient.whatsapp == own else ""
        return whatsapp, email, ORDER_UPDATES in recipient.categories or recipient.last_inbound_at > 0

    async def sent_to(self, entry_id: str, order_id: str) -> SentTo | None:
        """Return where an entry's code went; None if it is not the order's last one, or takes no code."""
        entry = await self._last(order_id)
        if entry is None or entry.key != entry_id or not self._takes_codes(entry, self._book.clock()):
            return None
        if entry.context.get(BY_WHATSAPP):
            return SentTo(digits=self._post.contact(entry, TO)[-2:])
        return SentTo(address=masked_email(self._post.contact(entry, MAIL)))

    async def enter(self, entry_id: str, order_id: str, said: str) -> None:
        """
        Take a code that somebody enters; if it is right, it is used.

        Raises:
            CodeWrong: it is not.
            CodeExpired: it can open nothing any more.
            Locked: too many were wrong.
        """
        is_right = self._post.keys.is_code(entry_id, "".join(said.split()))
        refusal: WorkflowError | None = None

        async def deliberate() -> Decision | None:
            nonlocal refusal
            now = self._book.clock()
            entry = await self._last(order_id)
            refusal = CodeExpired()
            if entry is None or entry.key != entry_id:
                return None
            if self._book.has(LOCKED, entry) and (entry.deadline or 0) > now:
                refusal = Locked((entry.deadline or 0) - now)
            if not self._takes_codes(entry, now):
                return None
            wrong = int(entry.context.get(WRONG, 0))
            name, assign = ("code_right", {}) if is_right else ("code_wrong", {WRONG: wrong + 1})
            event = Event(f"code/{entry.steps}", name, now, now, assign=assign, actor=SHOPPER)
            step = self._book.catalogue.interpreter(PORTAL_ENTRY, entry.version).step(entry, event)
            refusal = None if is_right else CodeWrong(TRIES - wrong - 1)
            if self._book.has(LOCKED, step.after):
                refusal = Locked((step.after.deadline or now) - now)
            return Decision(recorded_at=now, steps=(step,))

        await self._book.settle(_turn(order_id), deliberate)
        if refusal is not None:
            raise refusal

    def _takes_codes(self, entry: Instance, now: int) -> bool:
        """Return whether an entry waits for its code; its timer may be about to say that it does not any more."""
        return self._book.has(WAITING, entry) and (entry.deadline is None or now < entry.deadline)

    async def _last(self, order_id: str) -> Instance | None:
        """Return the last entry that was opened for an order."""
        found = await self._book.store.find(Alias, kind=PORTAL_ENTRY, value=order_id)
        return (await self._book.store.load([(PORTAL_ENTRY, found[0].instance_key)]))[0] if found else None


def _turn(order_id: str) -> str:
    return f"{PORTAL_ENTRY}/{order_id}"


def _is_theirs(person: Person, contact: str) -> bool:
    """Return whether a contact is that person's; however it is written, both ways of writing it are looked at."""
    given = contact.strip().casefold().encode()
    by_mail = hmac.compare_digest(person.email.strip().casefold().encode(), given) and b"@" in given
    return same_phone(person.phone, contact) or by_mail


def contact_subject(contact: str) -> str:
    """Return a contact as tries at it are counted: one way for all ways of writing it."""
    return contact.strip().casefold() if "@" in contact else digits_of(contact)[-NATIONAL_DIGITS:]


def masked_email(address: str) -> str:
    """Return an e-mail address as it is shown: its first letter, and the end of its host."""
    name, _, host = address.rpartition("@")
    return f"{name[:1]}•••@•••.{host.rpartition('.')[2]}"
