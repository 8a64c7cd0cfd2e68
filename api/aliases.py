"""
Who is who: the names of a person as one account knows them, and what happens when two persons turn out to be one.

Source: Meta, "Business-scoped user IDs" and "System messages webhook reference": a person may come with a phone number,
with an id of their own, or with both; a change of either is told.

Rule 1: a person is not a phone number. A person's id is made once and never changes; each of their names leads to it.
Rule 2: two persons with a name in common are one. The stricter consent stays, both subscriptions say so, and the id
        of the one that is gone leads to the other for ever.
Rule 3: a number that its person gave up still finds them in old documents; who writes from it is somebody else.
"""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from api.order_book import SUBSCRIPTION, OrderBook
from definitions.orders.document import Person
from definitions.orders.rows import Account, PersonAlias
from definitions.orders.times import USUAL_ZONE
from definitions.people.consent import OPT_OUT, last_said, remembered
from definitions.people.keywords import CATEGORIES
from definitions.people.phones import normal_phone
from engine.errors import Contended
from engine.model import Event, Instance, Step, born
from engine.ports import Decision, Identity
from engine.runtime import ATTEMPTS, settle

PHONE, BSUID, EMAIL, ORDER_ID, PERSON = "phone", "bsuid", "email", "order", "person"
"""The kinds of names: `person` is an id that was another person's before the two turned out to be one."""

MERGE, MERGED, MERGED_AWAY = "merge", "merged", "merged_away"
"""The actor of what subscriptions hear when two persons turn out to be one, and what it is that they hear."""

SUBSCRIBED = "subscribed"
"""The tag of the states of a subscription in which its person is written to."""

FORMER = "former_"
"""What the kind of a name begins with that its person gave up."""

USUAL_COUNTRIES = {USUAL_ZONE: "91", "Asia/Calcutta": "91"}
"""The codes of the countries of accounts that do not say theirs, by time zone."""

Name = tuple[str, str]
"""A name's kind, and the name."""


class Aliases:
    """Finds persons by their names, and learns names."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book

    async def find(self, account_id: str, names: Iterable[Name]) -> str:
        """Return the person whom the first of these names that is known leads to, "" if none is."""
        for kind, value in names:
            found = await self._bearer(account_id, kind, value) or await self._bearer(account_id, FORMER + kind, value)
            if found:
                return found
        return ""

    async def left(self, account_id: str, person_id: str) -> str:
        """Return the person whom an id leads to by now."""
        rows = await self._book.store.find(PersonAlias, account_id=account_id, kind=PERSON, value=person_id)
        return await self.left(account_id, rows[0].person_id) if rows else person_id

    async def names(self, account_id: str, person_id: str, *kinds: str) -> list[PersonAlias]:
        """Return a person's names of *kinds*, or all of them."""
        given = [{"kind": kind} for kind in kinds] or [{}]
        theirs = {"account_id": account_id, "person_id": person_id}
        return [row for each in given for row in await self._book.store.find(PersonAlias, **theirs, **each)]

    async def meet(
        self, account_id: str, names: Sequence[Name], person_id: str = "", *, order_id: str = "", live: bool = False
    ) -> str:
        """
        Return the person of these names, the strongest first: they are one person from now on.

        *person_id* is what a person unknown so far is called, and what one of before may have been. *order_id* is an
        order of theirs, whosever it was before. What comes *live* is from who has the names now, so that a number that
        somebody gave up is theirs.
        """
        newborn = person_id or _person_id(account_id, *names[0])
        met = newborn

        async def deliberate() -> Decision | None:
            nonlocal met
            while True:
                persons, fresh = await self._known(account_id, names, live=live)
                if person_id and person_id not in persons and await self._has_spoken(account_id, person_id):
                    persons.append(person_id)
                met = persons[0] if persons else await self.left(account_id, newborn)
                add = tuple(PersonAlias(account_id, kind, value, met) for kind, value in fresh)
                put = await self._linked(account_id, met, order_id)
                if not add and not put and not persons[1:]:
                    return None
                merged = await self._merged(account_id, met, persons[1:], self._book.clock())
                if merged is not None:
                    return msgspec.structs.replace(merged, add=add, put=(*merged.put, *put))

        for _ in range(ATTEMPTS):
            # Another may have given one of the names to somebody else meanwhile: then the two are one, too.
            if await settle(self._book.store, deliberate) is None:
                return met
        raise Contended

    async def _linked(self, account_id: str, person_id: str, order_id: str) -> list[PersonAlias]:
        """Return what makes an order that person's, if it is not."""
        if not order_id or await self._bearer(account_id, ORDER_ID, order_id) == person_id:
            return []
        return [PersonAlias(account_id, ORDER_ID, order_id, person_id)]

    async def move(self, account_id: str, before: Name, after: Name, identity: Identity) -> bool | None:
        """
        Let a person who has the name *before* have the name *after* instead.

        Returns:
            Whether that was news; None if nothing changes, or nobody whom we know has that name.
        """
        moved: bool | None = None

        async def deliberate() -> Decision | None:
            nonlocal moved
            moved = None
            if before == after:
                return None
            if any(await self._book.store.recall([identity])):
                moved = False
                return None
            merged = None
            while merged is None:
                person_id = await self._bearer(account_id, *before)
                if not person_id:
                    return None
                other = await self._bearer(account_id, *after)
                others = [other] if other and other != person_id else []
                merged = await self._merged(account_id, person_id, others, self._book.clock())
            moved = True
            former = PersonAlias(account_id, FORMER + before[0], before[1], person_id)
            current = PersonAlias(account_id, *after, person_id)
            gone = (PersonAlias(account_id, *before, person_id),)
            put = tuple({row.identity(): row for row in (*merged.put, former, current)}.values())
            return msgspec.structs.replace(merged, identities=(identity,), put=put, remove=gone)

        await settle(self._book.store, deliberate)
        return moved

    async def _known(self, account_id: str, names: Sequence[Name], *, live: bool) -> tuple[list[str], list[Name]]:
        """Return the persons of these names, and the names that nobody has."""
        persons: dict[str, None] = {}
        doubtful: dict[str, None] = {}
        fresh = []
        for kind, value in names:
            bearer = await self._bearer(account_id, kind, value)
            former = "" if live else await self._bearer(account_id, FORMER + kind, value)
            if not bearer and not former:
                fresh.append((kind, value))
            elif bearer and former:
                # Of a number that changed hands a document does not say whose it was then: its other names do.
                doubtful[bearer] = None
            else:
                persons[bearer or former] = None
        return list(persons or doubtful), fresh

    async def _bearer(self, account_id: str, kind: str, value: str) -> str:
        """Return the person who has a name, "" if nobody has it."""
        rows = await self._book.store.find(PersonAlias, account_id=account_id, kind=kind, value=value)
        return await self.left(account_id, rows[0].person_id) if rows else ""

    async def _has_spoken(self, account_id: str, person_id: str) -> bool:
        """Return whether a person's id stands for somebody who was never merged and has said what they want."""
        if await self.left(account_id, person_id) != person_id:
            return False
        keys = [(SUBSCRIPTION, subscription_key(account_id, person_id, category)) for category in CATEGORIES]
        return any(found is not None for found in await self._book.store.load(keys))

    async def _merged(self, account_id: str, person_id: str, others: Sequence[str], now: int) -> Decision | None:
        """
        Return the decision by which *others* are that person, or None if one of them is another by now.

        The subscriptions of both have steps in it, even if nothing was ever said: of two such decisions about the same
        persons, and of one and something that one of them says meanwhile, only one holds.
        """
        rows: list[PersonAlias] = []
        steps: list[Step] = []
        for other in others:
            rows += [msgspec.structs.replace(row, person_id=person_id) for row in await self.names(account_id, other)]
            rows.append(PersonAlias(account_id, PERSON, other, person_id))
        for category in CATEGORIES:
            kept = await self.subscription(account_id, person_id, category, now)
            for other in others:
                lost = await self.subscription(account_id, other, category, now)
                taken, left = self._merge_steps(kept, lost, now)
                steps += [taken, left]
                kept = taken.after
        for each in (person_id, *others):
            if await self.left(account_id, each) != each:
                return None
        return Decision(recorded_at=now, steps=tuple(steps), put=tuple(rows))

    async def subscriptions(self, account_id: str, person_id: str, now: int) -> tuple[str, dict[str, Instance]]:
        """Return who a person is by now, and what they want to hear about, by category."""
        while True:
            left = await self.left(account_id, person_id)
            found = {category: await self.subscription(account_id, left, category, now) for category in CATEGORIES}
            if await self.left(account_id, left) == left:
                return left, found

    async def subscription(self, account_id: str, person_id: str, category: str, now: int) -> Instance:
        """Return a person's subscription: the one there is, or a new one that is not stored yet."""
        key = subscription_key(account_id, person_id, category)
        (found,) = await self._book.store.load([(SUBSCRIPTION, key)])
        context = {"account_id": account_id, "person_id": person_id, "category": category}
        return found or born(self._book.catalogue.interpreter(SUBSCRIPTION).definition, key, now, context=context)

    def _merge_steps(self, kept: Instance, lost: Instance, now: int) -> tuple[Step, Step]:
        """Return the steps of a subscription that takes another's consent in, and of the one that is gone."""
        event_id = f"merge/{lost.context.get('person_id', lost.key)}"
        into = {"merged_into": kept.key}
        left = self._step(lost, Event(event_id, MERGED_AWAY, now, now, into, into, MERGE))
        tags = self._book.catalogue.interpreter(SUBSCRIPTION, lost.version).states[lost.state].tags
        data = {"other": list(tags), "of": lost.key, "evidence": lost.context.get("evidence", {})}
        # A version from before persons could be merged knows one word for less than it has.
        name = MERGED if MERGED in self._allowed(kept) or SUBSCRIBED in tags else OPT_OUT
        taken = self._step(kept, Event(event_id, name, now, now, data, remembered(kept, last_said(lost)), MERGE))
        return taken, left

    def _step(self, subscription: Instance, event: Event) -> Step:
        """Return the step of an event, which a subscription of a version that does not know it only notes."""
        runs = self._book.catalogue.interpreter(SUBSCRIPTION, subscription.version)
        if event.name in self._allowed(subscription):
            return runs.step(subscription, event)
        return runs.note(subscription, event, event.name)

    def _allowed(self, subscription: Instance) -> tuple[str, ...]:
        return self._book.catalogue.interpreter(SUBSCRIPTION, subscription.version).allowed(subscription)


def subscription_key(account_id: str, person_id: str, category: str) -> str:
    """Return the key of what a person wants to hear from an account about a category."""
    return f"{account_id}:{person_id}:{category}"


def country_of(account: Account) -> str:
    """Return the code of the country that an account's customers' numbers are of if they do not say."""
    named = str(account.said().get("countryCode", "")).lstrip("+0")
    return named if named.isdecimal() else USUAL_COUNTRIES.get(account.timezone, "")


def names_of_person(person: Person, country: str) -> list[Name]:
    """Return the names by which an order's document says whom it is for."""
    names = [(PHONE, normal_phone(person.phone, country)), (EMAIL, person.email.strip().casefold())]
    return [(kind, value) for kind, value in names if value]


def names_of_sender(sender: Iterable[str]) -> list[Name]:
    """Return the names under which WhatsApp knows somebody, the phone number first."""
    return sorted(((PHONE if name.isdecimal() else BSUID, name) for name in sender), reverse=True)


def person_id_of(account_id: str, person: Person) -> str:
    """Return what a customer is called of whom an order's document is the first to tell."""
    return _person_id(account_id, person.phone, person.email)


def _person_id(account_id: str, *names: str) -> str:
    return hashlib.sha256("\0".join((account_id, *names)).encode()).hexdigest()[:16]
