"""
The outbox: what becomes of effects, decided and committed.

Whoever delivers them (api/delivery.py) asks here what to call, and tells here how it ended.

Rule 1: nothing is called that was not committed as `calling`. Who finds an effect so, and did not call it, does not
        know whether the call arrived: that is `unknown`, unless its receiver knows a repeat.
Rule 2: what becomes of an effect commits with what it means to the instance that asked for it.
Rule 3: an attempt's end counts only while no other attempt has begun.
"""

import hashlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from api.graph_errors import OPTED_OUT
from api.logs import fault
from api.metrics import Metrics
from api.order_book import ORDER, SHIPMENT, OrderBook
from api.sessions import SessionDesk
from definitions.binding import EFFECTS, Promise
from definitions.orders.couriers import courier_of
from definitions.orders.rows import Account, OrderDocument
from definitions.outgoing import (
    AnyCall,
    Call,
    CodeCall,
    HttpCall,
    Later,
    MessageCall,
    Mint,
    Nothing,
    Recipient,
    Wish,
)
from engine.errors import StepError, StoreError, UnknownInstance
from engine.model import SECOND, EffectStatus, Event, Instance
from engine.ports import Decision, EffectChange, Head, Owed, joined
from engine.runtime import settle

LOG = structlog.get_logger()

PAIR_SPACING = 6 * SECOND
"""One person gets one message in this time (Meta, "Throughput": the pair rate)."""

WHATSAPP_LANE = "whatsapp/"

DOUBT = 120 * SECOND
"""How long an effect whose outcome is unknown holds up those behind it."""

RESEND_AFTER = 600 * SECOND
"""How long an outcome stays unknown before the effect is called again, if it was declared so."""

ABANDONED = 120 * SECOND
"""How long an attempt may be `calling`; nobody calls that long."""

MAX_ATTEMPTS = 13
"""How often an effect is called before it is given up, after some two hours; whenever staff ask, as often again."""

FIRST_WAIT, LONGEST_WAIT = 2.0, 3600.0
"""Seconds before the second attempt; each further one waits twice as long, up to the longest."""

STOPPED_WAIT = 300.0
"""Seconds before the next attempt where nothing goes through until our set-up is mended."""

AT_ONCE = 500
"""How many effects are looked at together."""

REDRIVEN: tuple[EffectStatus, ...] = ("dead", "discarded", "unknown")
DISCARDED: tuple[EffectStatus, ...] = ("pending", "dead", "unknown")
"""What staff may have called anew, and what they may end."""

NO_LANE = ""
"""The lane of what waits for its time: it holds up nobody, and whom it is for is looked at anew."""

DELIVERY = "delivery"
"""Who tells an instance what became of its effects."""

PUT_OFF = 600 * SECOND
"""How long an effect whose call cannot be composed is left alone."""

SUPERSEDED = "superseded"
"""The mark of an effect that was called, and that a later fold no longer asks for."""

UNCOMPOSED = "cannot be composed"
NO_COMPOSER = "nobody delivers it"
INTERRUPTED = "interrupted: may have been sent"
TEMPLATE_ONLY = "131047"
"""Why a message must be a template: its person has not written for 24 hours (Meta's error code)."""

FailureKind = Literal["retry", "later", "stop", "fix", "recipient", "template", "refused"]


class Done(Struct, frozen=True, tag=True):
    """The receiver has it; *outcome* is what it calls it, *data* what it says."""

    outcome: str = ""
    data: dict[str, Any] = {}


class Failed(Struct, frozen=True, tag=True):
    """The receiver said no: *kind* says what that asks for, *code* is its own, *wait* the seconds it asks for."""

    kind: FailureKind
    code: str
    wait: float | None = None


class Doubt(Struct, frozen=True, tag=True):
    """The call may have arrived, and nobody knows."""

    reason: str


class Unsent(Struct, frozen=True, tag=True):
    """Nothing left this machine."""

    reason: str


Result = Done | Failed | Doubt | Unsent


class Attempt(Struct, frozen=True, tag=True):
    """A call to make now; *number* counts the attempts at this effect."""

    effect_id: str
    name: str
    number: int
    call: AnyCall


class Wait(Struct, frozen=True, tag=True):
    """The effect's time is not yet: ask again in so many *seconds*."""

    seconds: float


class People(Protocol):
    """Who knows whom an instance is about."""

    async def recipient(
        self, account_id: str, phone_number_id: str, instance: Instance, order: Mapping[str, Any]
    ) -> Recipient:
        """Return whom an effect of *instance* may be for."""
        ...

    async def opted_out(
        self, phone_number_id: str, names: frozenset[str], message: str, at: int, received_at: int
    ) -> None:
        """Let who wants no marketing, as Meta says of a message to them, have none."""
        ...


class Messages(Protocol):
    """Who keeps the messages that were sent."""

    async def sent(self, owed: Owed, call: MessageCall, wamid: str) -> Decision:
        """Return the decision that keeps a message which Graph took."""
        ...

    async def named(self, wamid: str) -> tuple[str, str] | None:
        """Return the (definition, key) that a message's id is a name of."""
        ...


def backoff(attempt: int) -> float:
    """
    Return the seconds to wait after an attempt of that number: twice as long each time, and never quite the same.

    What is called anew once it was given up begins anew, too.
    """
    earlier = (attempt - 1) % MAX_ATTEMPTS
    return min(FIRST_WAIT * 2.0**earlier, LONGEST_WAIT) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


class Outbox:
    """
    The record of what leaves.

    *numbers* are the phone number ids that messages are sent from where an account names none; *token_key* makes flow
    tokens of effects' ids. *pace* scales all waits: tests are in a hurry.
    """

    def __init__(
        self,
        book: OrderBook,
        people: People,
        sessions: SessionDesk,
        messages: Messages,
        metrics: Metrics,
        *,
        numbers: Sequence[str] = (),
        token_key: bytes,
        pace: float = 1.0,
    ) -> None:
        self._book = book
        self._people = people
        self._sessions = sessions
        self._messages = messages
        self._metrics = metrics
        self._numbers = tuple(numbers)
        self._token_key = token_key
        self._pace = pace

    # What to call

    async def address(self, limit: int = AT_ONCE) -> int:
        """Find out whom new effects are for, and end those that nothing is to be called for; return how many it was."""
        waiting = await self._book.store.unaddressed(self._book.clock(), limit)
        for owed in waiting:
            await self._settle(owed.key, self._addressed)
        return len(waiting)

    async def heads(self, limit: int = AT_ONCE) -> list[Head]:
        """Return the effects that may be called now, the first of their lanes."""
        now = self._book.clock()
        found = await self._book.store.heads(now, now - self._scaled(DOUBT), limit)
        return [head for head in found if not self._too_soon(head, now)]

    async def begin(self, effect_id: str) -> Attempt | Wait | None:
        """
        Commit that an effect is about to be called, and return the call.

        Returns:
            A `Wait` if its time is not yet, None if there is nothing to do for it.
        """
        begun: list[Attempt | Wait | None] = [None]

        async def begins(owed: Owed) -> Decision | None:
            begun[0] = None
            now = self._book.clock()
            if owed.status not in ("pending", "calling"):
                return None
            if owed.status == "pending" and owed.due > now:
                begun[0] = Wait((owed.due - now) / SECOND)
                return None
            call, recipient = await self._call(owed)
            if owed.status == "calling" and not _repeats(call):
                return self._change(owed, "unknown", INTERRUPTED)
            if isinstance(call, Nothing | Later):
                return await self._uncalled(owed, call)
            begun[0] = Attempt(owed.key, owed.name, owed.attempts + 1, call)
            change = self._change(owed, "calling", owed.reason, called=True, lane=call.lane)
            if isinstance(call, MessageCall) and call.mint is not None:
                token = self._token(owed.key)
                begun[0] = Attempt(owed.key, owed.name, owed.attempts + 1, _with_token(call, call.mint, token))
                return joined(change, *await self._minted(call.mint, token, recipient))
            return change

        await self._settle(effect_id, begins)
        return begun[0]

    # How it ended

    async def finish(self, attempt: Attempt, result: Result) -> float | None:
        """Settle an attempt; return the seconds after which to begin again, or None if it is over."""
        again: list[float | None] = [None]

        async def ends(owed: Owed) -> Decision | None:
            again[0] = None
            reported = owed.attempts == attempt.number and owed.status == "done"
            if reported and isinstance(result, Done) and isinstance(attempt.call, MessageCall):
                # Meta's report was quicker than Graph's answer; what was sent is still to be kept.
                return await self._messages.sent(owed, attempt.call, result.outcome)
            # While it was under way somebody may have given it up for lost: what its end says is better.
            if owed.attempts != attempt.number:
                return None
            if owed.status in ("pending", "dead") and isinstance(result, Done):
                # Given up, or to be called again, for an earlier attempt's report: this one arrived.
                is_told = isinstance(attempt.call, MessageCall) and await self._messages.named(result.outcome)
                return None if is_told else await self.delivered(owed, result, attempt.call)
            if owed.status not in ("calling", "unknown"):
                return None
            if isinstance(result, Done):
                return await self.delivered(owed, result, attempt.call)
            if isinstance(result, Doubt) and not attempt.call.may_repeat:
                return self._change(owed, "unknown", result.reason)
            if isinstance(result, Unsent):  # nobody was asked, so nobody has refused: that is no attempt used up
                failed = Failed("stop", result.reason, backoff(owed.attempts))
            else:
                failed = result if isinstance(result, Failed) else Failed("retry", result.reason)
            decision, again[0] = await self.failed(owed, failed)
            return decision

        await self._settle(attempt.effect_id, ends)
        if isinstance(result, Failed) and result.code in map(str, OPTED_OUT) and isinstance(attempt.call, MessageCall):
            call, now = attempt.call, self._book.clock()
            names = frozenset({str(call.body.get("to") or call.body.get("recipient") or "")})
            await self._people.opted_out(call.phone_number_id, names, attempt.effect_id, now, now)
        return again[0]

    async def delivered(self, owed: Owed, result: Done, call: AnyCall | None = None) -> Decision:
        """Return the decision that an effect was delivered, with what that means to who asked for it."""
        promise = _promise(owed)
        accepted = promise.accepted if isinstance(call, HttpCall) and not call.answers_later else ""
        names = [name for name in (promise.done, accepted) if name]
        heard = [await self._told(owed, names, result.data)] if names else []
        sent = []
        if isinstance(call, MessageCall):
            sent.append(await self._messages.sent(owed, call, result.outcome))
        change = self._change(owed, "done", "", outcome=result.outcome)
        return joined(change, *heard, *sent)

    async def failed(self, owed: Owed, result: Failed) -> tuple[Decision, float | None]:
        """Return the decision that an attempt failed, and the seconds after which it is tried again, if it is."""
        if owed.reason == SUPERSEDED:
            return self._change(owed, "discarded", SUPERSEDED), None
        wait = self._wait(owed, result)
        if wait is not None:
            due = self._book.clock() + int(wait * SECOND)
            lane = NO_LANE if result.kind == "later" else None
            return self._change(owed, "pending", result.code, due=due, lane=lane), wait
        promise = _promise(owed)
        name = promise.refused if result.kind == "refused" and promise.refused else promise.dead
        heard = [await self._told(owed, [name], {"code": result.code})] if name else []
        return joined(self._change(owed, "dead", result.code), *heard), None

    async def redrive(self, effect_id: str, expected: Sequence[EffectStatus] = REDRIVEN) -> bool:
        """Let an effect be called anew, as staff ask; one in doubt may then arrive twice. Return whether it can be."""
        return await self._by_staff(effect_id, expected, "pending")

    async def discard(self, effect_id: str) -> bool:
        """Let an effect be called no more, as staff ask; return whether it could be."""
        return await self._by_staff(effect_id, DISCARDED, "discarded")

    async def sweep(self) -> None:
        """Take up what a crash left: attempts that nobody makes any more, and doubts that are to end."""
        now = self._book.clock()
        for owed in await self._book.store.lingering("calling", now - self._scaled(ABANDONED), AT_ONCE):
            await self._settle(owed.key, self._abandoned)
        before = now - self._scaled(RESEND_AFTER)
        for name in [name for name, promise in EFFECTS.items() if promise.in_doubt == "resend"]:
            for owed in await self._book.store.lingering("unknown", before, AT_ONCE, name):
                await self._settle(owed.key, self._resent)

    # Decisions about one effect

    async def _addressed(self, owed: Owed) -> Decision | None:
        if owed.lane or owed.status != "pending":
            return None
        call, _ = await self._call(owed)
        if isinstance(call, Nothing | Later):
            return await self._uncalled(owed, call)
        return self._change(owed, "pending", "", lane=call.lane)

    async def _abandoned(self, owed: Owed) -> Decision | None:
        if owed.status != "calling":
            return None
        call, _ = await self._call(owed)
        if _repeats(call):
            return self._change(owed, "pending", INTERRUPTED, again=True, due=0)
        return self._change(owed, "unknown", INTERRUPTED)

    async def _resent(self, owed: Owed) -> Decision | None:
        if owed.status != "unknown" or owed.reason == SUPERSEDED:
            return None
        return self._change(owed, "pending", "sent again: nobody knows of the first time", again=True, due=0)

    async def _uncalled(self, owed: Owed, instead: Nothing | Later) -> Decision:
        """Return the decision that an effect is not called, or not yet."""
        if isinstance(instead, Later):
            return self._change(owed, "pending", instead.reason, due=instead.at, lane=NO_LANE)
        change = self._change(owed, instead.status, instead.reason)
        promise = _promise(owed)
        name = "" if instead.quiet else promise.dead if instead.status == "discarded" else promise.done
        return joined(change, await self._told(owed, [name], {"code": instead.reason})) if name else change

    async def _by_staff(self, effect_id: str, expected: Sequence[EffectStatus], status: EffectStatus) -> bool:
        changed = False

        async def decide(owed: Owed) -> Decision | None:
            nonlocal changed
            changed = owed.status in expected
            anew = status == "pending"
            return self._change(owed, status, "by staff", again=anew, due=0 if anew else None) if changed else None

        await self._settle(effect_id, decide)
        return changed

    def _change(self, owed: Owed, status: Any, reason: str, **more: Any) -> Decision:
        """Return the decision that changes an effect which is still as it was read."""
        if owed.reason == SUPERSEDED and status in ("unknown", "done"):
            reason = SUPERSEDED
        change = EffectChange(
            key=owed.key, expected=(owed.status,), status=status, reason=reason, attempts=owed.attempts, **more
        )
        return Decision(recorded_at=self._book.clock(), changed=(change,))

    async def _told(self, owed: Owed, names: Sequence[str], data: Mapping[str, Any]) -> Decision:
        """Return the decision that who asked hears what became of it; whom it does not concern any more, does not."""
        now = self._book.clock()
        heard = {**data, "effect": owed.key}
        events = [
            Event(f"{owed.key}/{name}/{owed.attempts}", name, now, now, heard, {f"{name}_at": now}, DELIVERY)
            for name in names
        ]
        try:
            return await self._sessions.acted(await self._sessions.find(owed.definition, owed.instance_key), *events)
        except (StepError, UnknownInstance):  # being told is not an order
            return Decision(recorded_at=now)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - who cannot hear it must not make it be called again and again
            LOG.error("effect_outcome_untold", effect=owed.key, **fault(error))
            return Decision(recorded_at=now)

    def _wait(self, owed: Owed, result: Failed) -> float | None:
        """Return the seconds until an effect is tried again after a failure, None if it is not."""
        tried_out = owed.attempts >= MAX_ATTEMPTS * (owed.rounds + 1)
        if result.kind == "stop":
            return self._pace * (result.wait or STOPPED_WAIT)
        if tried_out:
            return None
        if result.kind == "template":
            return None if owed.reason.startswith(TEMPLATE_ONLY) else 0.0
        if result.kind == "later":
            return None if result.wait is None else self._pace * result.wait
        if result.kind == "retry":
            return max(self._pace * backoff(owed.attempts), self._pace * (result.wait or 0.0))
        return None

    # What is known of an effect

    async def _call(self, owed: Owed) -> tuple[AnyCall | Nothing | Later, Recipient]:
        """Return the call that an effect is now, and whom it is for; one that cannot be composed is put off."""
        try:
            wish = await self._wish(owed)
            return self._composed(wish), wish.recipient
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a version that is gone, code that fails: it is this one's trouble
            LOG.error("effect_cannot_be_composed", effect=owed.key, **fault(error))
            return Later(self._book.clock() + PUT_OFF, f"{UNCOMPOSED}: {type(error).__name__}"), Recipient()

    def _composed(self, wish: Wish) -> AnyCall | Nothing | Later:
        """Return the call that an effect is now."""
        promise = EFFECTS.get(wish.name)
        if promise is None or (promise.composer is None and promise.function is None):
            return Nothing(NO_COMPOSER)
        if promise.composer is not None:
            made = promise.composer(wish)
            if not isinstance(made, Call | Nothing | Later):
                raise TypeError(wish.name)
            return made
        return CodeCall(f"code/{wish.instance.definition}/{wish.instance.key}", wish)

    async def _wish(self, owed: Owed) -> Wish:
        instance = await self._sessions.find(owed.definition, owed.instance_key)
        record = await self._book.store.load_family(instance.family) if instance.family else None
        members = {member.id: member for member in record.instances} if record else {}
        _, _, root_key = instance.family.partition("/")
        root = members.get((ORDER, root_key), instance)
        documents = await self._book.store.find(OrderDocument, order_id=root.key) if root.definition == ORDER else []
        document = msgspec.json.decode(documents[0].document) if documents else {}
        account_id = documents[0].account_id if documents else _account_id(root)
        if not account_id:
            account_id = await self._book.account_of_number(str(instance.context.get("phone_number_id", "")))
        accounts = await self._book.store.find(Account, account_id=account_id) if account_id else []
        account = accounts[0] if accounts else None
        number = self._number(instance, account)
        catalogue = self._book.catalogue
        place = catalogue.interpreter(instance.definition, instance.version).states.get(instance.state)
        shipment = members.get((SHIPMENT, str(instance.context.get("opened_by", ""))))
        return Wish(
            id=owed.key,
            name=owed.name,
            now=self._book.clock(),
            instance=instance,
            event=owed.event,
            occurred_at=owed.occurred_at,
            data=owed.data,
            reason=owed.reason,
            family=members,
            account=account,
            order=document,
            recipient=await self._people.recipient(account_id, number, instance, document),
            phone_number_id=number,
            tags=frozenset(place.tags) if place else frozenset(),
            wording=catalogue.messages.wording(owed.name, account),
            source_state=owed.source_state,
            target_state=owed.target_state,
            courier=courier_of(catalogue.couriers, shipment.context) if shipment else None,
        )

    def _number(self, instance: Instance, account: Account | None) -> str:
        """Return the phone number id that messages about an instance are sent from: where it was asked, mostly."""
        asked = instance.context.get("phone_number_id")
        if isinstance(asked, str) and asked:
            return asked
        own = account.phone_numbers() if account else []
        return str(next(iter([*own, *self._numbers]), ""))

    def _too_soon(self, head: Head, now: int) -> bool:
        paired = head.lane.startswith(WHATSAPP_LANE) and head.lane_called_at is not None
        return paired and now - (head.lane_called_at or 0) < self._scaled(PAIR_SPACING)

    def _scaled(self, span: int) -> int:
        return int(span * self._pace)

    # Tokens

    def _token(self, effect_id: str) -> str:
        """Return the flow token of an effect's message: the same at each attempt, and nobody can guess it."""
        return f"ws_{hashlib.sha256(self._token_key + effect_id.encode()).hexdigest()[:32]}"

    async def _minted(self, mint: Mint, token: str, recipient: Recipient) -> list[Decision]:
        """Return the decision that opens a message's session, unless an attempt before has opened it."""
        if (await self._book.store.load([(mint.flow, token)]))[0] is not None:
            return []
        to = recipient.whatsapp
        return [await self._sessions.minted(mint.flow, to, mint.data, token, about=mint.about, actor=DELIVERY)]

    async def _settle(self, effect_id: str, decide: Callable[[Owed], Awaitable[Decision | None]]) -> None:
        """Decide about an effect as it is now, until the decision holds."""

        async def deliberate() -> Decision | None:
            (owed,) = await self._book.store.owed([effect_id])
            return None if owed is None else await decide(owed)

        decision = await settle(self._book.store, deliberate)
        for change in decision.changed if decision else ():
            self._metrics.effects.labels(change.status).inc()
            if change.status in ("dead", "unknown"):
                LOG.warning("effect_not_done", effect=change.key, status=change.status, reason=change.reason)


def _repeats(call: AnyCall | Nothing | Later) -> bool:
    """Return whether a call in doubt is simply made again: what would not be made now may have been before."""
    return not isinstance(call, Nothing | Later) and call.may_repeat


def _promise(owed: Owed) -> Promise:
    """Return what was declared of an effect; of one that no code knows any more, nothing."""
    return EFFECTS.get(owed.name) or Promise(owed.name, "")


def _account_id(instance: Instance) -> str:
    return str(instance.context.get("account_id") or "")


def _with_token(call: MessageCall, mint: Mint, token: str) -> MessageCall:
    """Return a message whose body has the token where it goes."""
    body = msgspec.json.decode(msgspec.json.encode(call.body))
    *steps, last = mint.pointer.removeprefix("/").split("/")
    place = body
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[last] = token
    return replace(call, body=body)
