"""
The messages that were sent, and what Meta says became of them.

A message is an instance under the id of the effect that it delivers; its wamids are other names of it, one for each
attempt that Graph took. It knows what it is about, so that an answer to it finds the same.

Source: Meta, "Cloud API, Webhooks, messages, statuses": reports come late, twice and in any order, and may be skipped.

Rule 1: a report is folded into its message and settles the message's effect in one commit.
Rule 2: a failure is counted once, whether Graph answers it, reports it, or both: by the attempt that it is about.
Rule 3: a message that reached its person was delivered, whatever was believed of it before.
"""

from typing import Any, Protocol

from msgspec.structs import replace

from api.graph_errors import LATER, OPTED_OUT, kind_of
from api.order_book import OrderBook
from api.outbox import MAX_ATTEMPTS, Done, Failed
from api.sessions import WAMID
from definitions.orders.rows import Alias, Conversation
from definitions.outgoing import MessageCall
from definitions.replies import WINDOW
from engine.family import Family, family_of
from engine.fold import Fact
from engine.model import SECOND, EffectStatus, Instance
from engine.ports import Decision, Owed, Row, joined
from engine.runtime import settle

MESSAGE = "message"

TAKEN, FAILED = "taken", "failed"
"""The tag of the states of a message that Meta has taken on, and that of those in which it gave up; and the report."""


UNSETTLED = frozenset[EffectStatus]({"pending", "calling", "unknown", "dead"})
"""Where an effect stands that a report of its arrival settles: a database from a backup does not know what it sent."""


class Outcomes(Protocol):
    """Who decides what becomes of effects (api/outbox.py)."""

    async def delivered(self, owed: Owed, result: Done) -> Decision:
        """Return the decision that an effect was delivered."""
        ...

    async def failed(self, owed: Owed, result: Failed) -> tuple[Decision, float | None]:
        """Return the decision that an attempt failed, and the seconds after which it is tried again, if it is."""
        ...


class SentMessages:
    """Keeps the messages that Graph took, and finds what they are about."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book

    async def sent(self, owed: Owed, call: MessageCall, wamid: str) -> Decision:
        """Return the decision that keeps a message which Graph took; the same again keeps nothing more."""
        now = self._book.clock()
        family = await self.family(owed.key, now)
        message = family.open(MESSAGE, owed.key, {})
        family.amend(message, _kept(owed, call, wamid))
        alias = Alias(WAMID, wamid, MESSAGE, owed.key)
        return family.decision(add=(alias,), put=await self._begun(call, wamid, now))

    async def family(self, key: str, now: int) -> Family:
        """Return a message's family, which is the message alone, to be decided about *now*."""
        root = (MESSAGE, key)
        return Family(self._book.catalogue.interpreter, root, await self._book.store.load_family(family_of(root)), now)

    async def named(self, wamid: str) -> tuple[str, str] | None:
        """Return the (definition, key) that a message's id is a name of."""
        found = await self._book.store.find(Alias, kind=WAMID, value=wamid) if wamid else []
        return (found[0].definition, found[0].instance_key) if found else None

    async def subject(self, wamid: str) -> tuple[str, str] | None:
        """Return what the message of that id was about, or what that id is a name of itself."""
        return await self._answered(wamid, "about")

    async def session(self, wamid: str) -> tuple[str, str] | None:
        """Return the Flow session that the message of that id brought, or that the id is a name of itself."""
        return await self._answered(wamid, "session")

    async def _answered(self, wamid: str, part: str) -> tuple[str, str] | None:
        named = await self.named(wamid)
        if named is None or named[0] != MESSAGE:
            return named
        (message,) = await self._book.store.load([named])
        found = message.context.get(part) if message else None
        return (found["definition"], found["key"]) if found else None

    async def _begun(self, call: MessageCall, wamid: str, now: int) -> tuple[Row, ...]:
        """Return the conversation that a template begins, unless it is part of one that goes on."""
        if not call.template:
            return ()
        person = recipient_of(call)
        found = await self._book.store.find(Conversation, phone_number_id=call.phone_number_id, person=person)
        known = found[0] if found else Conversation(call.phone_number_id, person, 0, "", 0)
        goes_on = now - max(known.last_inbound_at, known.updated_at) < WINDOW
        return () if known.root and goes_on else (replace(known, root=wamid, updated_at=now),)


class MessageDesk:
    """Takes what Meta reports of messages; *kept* are those that were sent."""

    def __init__(self, book: OrderBook, kept: SentMessages, outcomes: Outcomes) -> None:
        self._book = book
        self.kept = kept
        self._outcomes = outcomes

    async def report(self, wamid: str, callback_data: str, fact: Fact) -> bool:
        """
        Fold what Meta reports of a message, settle its effect, and return whether that was news.

        *callback_data* is what the message was sent with: our effect's id, if we sent it.
        """
        news = False

        async def deliberate() -> Decision | None:
            nonlocal news
            named = await self.kept.named(wamid)
            owed = await self._owed(named, callback_data)
            key = wamid if owed is None else owed.key
            family = await self.kept.family(key, self._book.clock())
            message = family.open(MESSAGE, key, {} if owed is None else _about(owed))
            (reception,) = family.receive(message, [fact])
            # The timeline knows its facts for ever, so they need no place in the inbox.
            news = reception.addition != "known"
            if not news:
                return None
            if owed is None:
                return family.decision(add=await self._aliases(callback_data, wamid))
            folded = family.decision(add=(Alias(WAMID, wamid, MESSAGE, key),))
            settled = await self._settled(owed, family.members[MESSAGE, key], wamid, fact, is_first=named is None)
            return folded if settled is None else joined(folded, settled)

        await settle(self._book.store, deliberate)
        return news

    async def _owed(self, named: tuple[str, str] | None, callback_data: str) -> Owed | None:
        """Return the effect that a message delivers: by the name that its id is, or by what it was sent with."""
        key = named[1] if named and named[0] == MESSAGE else callback_data
        (owed,) = await self._book.store.owed([key]) if key else [None]
        return owed

    async def _aliases(self, callback_data: str, wamid: str) -> list[Row]:
        """
        Return the name that a report gives to the session its message was sent for.

        Replies to a message that was sent with `DEFINITION/KEY` as its `biz_opaque_callback_data` find that session.
        """
        definition, slash, key = callback_data.partition("/")
        if not slash or not any(await self._book.store.load([(definition, key)])):
            return []
        return [Alias(WAMID, wamid, definition, key)]

    async def _settled(
        self, owed: Owed, message: Instance, wamid: str, fact: Fact, *, is_first: bool
    ) -> Decision | None:
        """Return the decision that a message's effect is over or to be tried again, if its report means that."""
        if self._book.has(TAKEN, message):
            return await self._outcomes.delivered(owed, Done(wamid)) if owed.status in UNSETTLED else None
        if fact.name != FAILED or not _is_of_last_attempt(owed, wamid, fact, is_first=is_first):
            return None
        decision, _ = await self._outcomes.failed(owed, _failure(owed, fact))
        # Whoever handed it over has heard that it was done, so it is handed over anew.
        changed = [replace(change, again=change.status == "pending") for change in decision.changed]
        return replace(decision, changed=tuple(changed))


def _is_of_last_attempt(owed: Owed, wamid: str, fact: Fact, *, is_first: bool) -> bool:
    """
    Return whether a failure is that of the last attempt at an effect, and nobody has counted it.

    One that Graph answered has made the effect `pending` or `dead` by now. While nobody knows how an attempt ended, a
    failure is its own if its message's id *is_first* heard of now, and it is no older than the attempt.
    """
    if owed.status == "done":
        return owed.outcome == wamid
    is_its_own = owed.attempts == 1 or fact.at + SECOND > (owed.called_at or 0)  # Meta's clock is not ours
    return owed.status in ("calling", "unknown") and is_first and is_its_own


def _failure(owed: Owed, fact: Fact) -> Failed:
    """Return what a reported failure asks for; one too many asks for nothing more."""
    code = fact.details.get("code", "").partition(" ")[0]
    number = int(code) if code.isascii() and code.isdecimal() else None
    kind = "recipient" if owed.attempts >= MAX_ATTEMPTS else kind_of(number)
    return Failed(kind, code, LATER.get(number) if number is not None else None)


def is_opt_out(fact: Fact) -> bool:
    """Return whether a message failed because its person wants no marketing from us."""
    codes = fact.details.get("code", "").split() if fact.name == FAILED else []
    return any(code in codes for code in map(str, OPTED_OUT))


def recipient_of(call: MessageCall) -> str:
    """Return the WhatsApp name that a message is for."""
    return str(call.body.get("to") or call.body.get("recipient") or "")


def _about(owed: Owed) -> dict[str, Any]:
    """Return what is known of a message by its effect alone."""
    return {"about": {"definition": owed.definition, "key": owed.instance_key}, "event": owed.name}


def _kept(owed: Owed, call: MessageCall, wamid: str) -> dict[str, Any]:
    """Return what is kept of a message that Graph took; never what it says."""
    kept = {
        "account_id": call.account_id,
        "person": call.person_id,
        "to": recipient_of(call),
        "template": call.template,
        "root": call.root,
        "wamid": wamid,
    }
    session = {} if call.mint is None else {"session": {"definition": call.mint.flow, "key": _token_in(call)}}
    return {**_about(owed), **{name: value for name, value in kept.items() if value}, **session}


def _token_in(call: MessageCall) -> str:
    """Return the flow token that a message carries."""
    place: Any = call.body
    for step in call.mint.pointer.removeprefix("/").split("/") if call.mint else ():
        place = place[int(step)] if isinstance(place, list) else place[step]
    return str(place)
