"""
Meta's webhook: messages, delivery statuses, and everything else it tells.

Source: Meta, "Webhooks" of the WhatsApp Cloud API. A call holds up to 1000 updates; it comes again until it is answered
200, for seven days at most, doubled and in any order.

Rule 1: the raw body is stored, by its own hash, before anything is made of it; only then is 200 certain.
Rule 2: what is signed is never refused. What we cannot read is set aside (`quarantined`) for people, the rest proceeds.
Rule 3: an update's identity is its message's id, or its status's with the status and time: the same again does nothing.
        When it came is when its call was stored, however much later it is worked off.
Rule 4: what is about one message, or from one sender, is done in its order in the call; the rest is done side by side.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Literal

import msgspec
import structlog
from msgspec import Struct

from api import tap_answers  # noqa: F401 - its answers are bound by being imported
from api.at_rest import Safe, Unopenable
from api.carts import CartDesk
from api.cases import CaseDesk, Tap
from api.clock import Clock
from api.flow_health import HealthDesk, UnknownHealth
from api.inquiries import InquiryDesk
from api.logs import fault
from api.messages import MESSAGE, MessageDesk, is_opt_out
from api.metrics import Metrics
from api.order_book import NDR_CASE, FieldInvalid
from api.people import Heard, PeopleDesk, UnknownBrand
from api.sessions import WAMID, SessionDesk
from definitions.catalogue import Catalogue
from definitions.flow_calls import RECIPIENT
from definitions.json_text import decode_document, unstorable
from definitions.orders import ndr
from definitions.people.keywords import MEANINGS, keyword
from definitions.products import CartInvalid
from engine.errors import StepError, StoreError, UnknownInstance
from engine.fold import Fact
from engine.model import SECOND, Instance
from engine.ports import Decision, Identity, Row, Store
from engine.runtime import settle

LOG = structlog.get_logger()

SOURCE = "whatsapp"
FLOWS = "flows"
"""The field that tells of our Flows' health."""

PREFERENCES, NEW_IDS = "user_preferences", "user_id_update"
"""The fields that tell what people set in WhatsApp itself, and that they have another business-scoped id."""

PREFERRED = {("marketing_messages", "stop"): "stop:marketing", ("marketing_messages", "resume"): "start:marketing"}
"""What somebody asks for who sets this in WhatsApp itself, by category and value."""

CHANGED = frozenset({"user_changed_number", "user_changed_user_id"})
"""The system messages that tell of somebody's new name (Meta, "System messages webhook reference")."""

SILENT = frozenset({"system", "request_welcome"})
"""Messages that nobody wrote."""

CHALLENGE = re.compile(r"[0-9A-Za-z_-]{1,256}")
"""What Meta sends to be said back; anything else is not said back."""

NOTED_MESSAGES = frozenset({
    "image", "audio", "video", "voice", "document", "sticker", "location", "contacts", "reaction",
    "edit", "revoke", "unsupported", "unknown", "request_welcome",
})  # fmt: skip
"""Messages that move no workflow: they are kept with the raw call."""

NOTED_FIELDS = frozenset({
    "message_template_status_update", "message_template_quality_update",
    "message_template_components_update", "template_category_update", "phone_number_quality_update",
    "phone_number_name_update", "account_update", "account_review_update", "account_alerts", "security", "history",
    "business_capability_update", "business_status_update", "message_echoes", "calls",
    "smb_app_state_sync",
})  # fmt: skip
"""Fields that move no workflow yet: they are kept with the raw call."""

PHONE_MARKS = re.compile(r"[+\s().-]")
"""What people write between the digits of a phone number."""

TIMESTAMP_DIGITS = 11
"""How long seconds since 1970 can be before they are none."""

AT_ONCE = 32
"""How many of a call's updates are worked on side by side: others must get their turn of the event loop."""

PATIENCE = 0.2
"""Seconds that an answer waits for what its call does. Meta wants its answer by then; the work goes on after it."""

SET_ASIDE = "quarantined"
"""What a call is whose updates could not all be taken."""

AWAITED = ("unknown_context", "unknown_session")
"""Why an update is set aside that may only have come before what it answers to: it is tried again for a while."""

AWAITED_FOR = 3600 * SECOND
"""How long that is, from when it came."""

MATCHED_WITHIN = 300 * SECOND
"""When a tap is taken for one whose message nobody knows, from when it came: it is still tried again after that."""

PROCESSED, NOTED, DUPLICATE = "processed", "noted", "duplicate"
NOT_OFFERED = "not_offered"
TAKEN = frozenset({PROCESSED, NOTED, DUPLICATE, NOT_OFFERED})
"""What becomes of an update that is not set aside."""


class Quarantined(Exception):
    """An update that we cannot read or place; *reason* is a code of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownDelivery(Exception):
    """No call is kept under that hash."""


class NotSetAside(Exception):
    """The call is not set aside: it is done, or under way."""


class Delivery(Row, frozen=True):
    """A webhook call as it came, by the hash of its body; the *body* is as it is kept (api/at_rest.py)."""

    table: ClassVar[str] = "delivery"
    key: ClassVar[tuple[str, ...]] = ("digest",)

    digest: str
    source: str
    received_at: int
    status: str
    reason: str
    body: bytes


class Update(Struct, frozen=True):
    """
    One update of a call, which came at *received_at*. *reason* says why it cannot be taken, if so.

    *sender* are the names of who it is from or about: phone number, business-scoped user id. *told_at* is when Meta
    says that it told this, for what has no time of its own. *again* says that its call was set aside before.
    """

    kind: Literal["message", "status", "flow", "preference", "new_id", "field", "odd"]
    content: Mapping[str, Any] = {}
    reason: str = ""
    phone_number_id: str = ""
    sender: frozenset[str] = frozenset()
    received_at: int = 0
    told_at: str = ""
    again: bool = False

    @property
    def lane(self) -> str:
        """Return what updates share that must be done in their order: who sent them, or the message they are about."""
        return min(self.sender, default="") or str(self.content.get("id", ""))

    @property
    def at(self) -> int:
        """Return when it happened, whose seconds come as text; without a readable time it is when it came."""
        text = str(self.content.get("timestamp", self.told_at))
        readable = text.isdecimal() and len(text) <= TIMESTAMP_DIGITS
        return int(text) * SECOND if readable else self.received_at - self.received_at % SECOND


class WhatsApp:
    """Takes webhook calls whose signature is right."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        sessions: SessionDesk,
        cases: CaseDesk,
        carts: CartDesk,
        people: PeopleDesk,
        messages: MessageDesk,
        inquiries: InquiryDesk,
        health: HealthDesk,
        phone_numbers: frozenset[str],
        safe: Safe,
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._sessions = sessions
        self._cases = cases
        self._carts = carts
        self._people = people
        self._message_desk = messages
        self._inquiries = inquiries
        self._health = health
        self._phone_numbers = phone_numbers
        self._safe = safe
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def take(self, body: bytes) -> None:
        """
        Store a call and do what it says; when that takes long, go on with it after returning.

        Raises:
            StoreError: it could not be stored; Meta is to send it again.
        """
        digest = hashlib.sha256(body).hexdigest()
        known = await self._store.find(Delivery, digest=digest)
        if known and known[0].status == "processed":
            self._metrics.webhook_items.labels("call", DUPLICATE).inc()
            return
        if not known:
            kept = self._safe.seal(Delivery.table, digest, body)
            known = [Delivery(digest, SOURCE, self._clock(), "received", "", kept)]
            await self._record(Decision(recorded_at=known[0].received_at, add=tuple(known)))
        await asyncio.wait([self._begin(known[0], body)], timeout=PATIENCE)

    async def recover(self) -> None:
        """Work off the calls that were stored and never finished, in the order in which they came."""
        waiting = await self._store.find(Delivery, status="received")
        for delivery in sorted(waiting, key=lambda delivery: delivery.received_at):
            try:
                await self._work_off_kept(delivery)
            except Unopenable as error:
                LOG.error("webhook_unopenable", delivery=delivery.digest[:16], **fault(error))

    async def try_again(self, digest: str) -> None:
        """
        Work off a call once more that was set aside; what it did before is not done again.

        Raises:
            UnknownDelivery: there is no such call.
            NotSetAside: it is not set aside.
            Unopenable: its body was sealed under another key.
        """
        found = await self._store.find(Delivery, digest=digest)
        if not found:
            raise UnknownDelivery
        if found[0].status != SET_ASIDE:
            raise NotSetAside
        await self._work_off_kept(found[0])

    async def try_awaited(self, digests: Iterable[str]) -> None:
        """Work off calls once more whose updates may have come too early, by the hashes of their bodies."""
        for digest in digests:
            with suppress(UnknownDelivery, NotSetAside, Unopenable):
                await self.try_again(digest)

    async def _work_off_kept(self, delivery: Delivery) -> None:
        body = self._safe.open(Delivery.table, delivery.digest, delivery.body)
        # Whoever waits here may be told to stop; the work itself goes on to its end.
        await asyncio.wait([self._begin(delivery, body)])

    async def forget(self, digests: Iterable[str]) -> None:
        """Drop calls that are done, by the hashes of their bodies."""
        done = tuple(Delivery(digest, SOURCE, 0, "processed", "", b"") for digest in digests)
        await self._record(Decision(recorded_at=self._clock(), remove=done))

    async def finish(self) -> None:
        """Wait for the calls whose work goes on after their answer."""
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _begin(self, delivery: Delivery, body: bytes) -> "asyncio.Task[None]":
        """Begin to work a call off, unless that is under way."""
        working = self._under_way.get(delivery.digest)
        if working is None:
            working = asyncio.create_task(self._work_off(delivery, body))
            self._under_way[delivery.digest] = working
            working.add_done_callback(lambda _: self._under_way.pop(delivery.digest))
        return working

    async def _work_off(self, delivery: Delivery, body: bytes) -> None:
        try:
            reasons = await self._reasons(delivery, body)
            status = SET_ASIDE if reasons else "processed"
            done = msgspec.structs.replace(delivery, status=status, reason=" ".join(reasons))
            if done == delivery:
                return
            await self._record(Decision(recorded_at=self._clock(), put=(done,)))
        except StoreError as error:
            # It is stored, so Meta has been promised: `recover` finishes it.
            LOG.warning("webhook_unfinished", delivery=delivery.digest[:16], **fault(error))
            return
        if reasons:
            LOG.warning("webhook_quarantined", delivery=delivery.digest[:16], reasons=reasons)

    async def _reasons(self, delivery: Delivery, body: bytes) -> list[str]:
        """Do what a call says and return why some of it was set aside; if we fail at it, all of it is."""
        try:
            return await self._process(delivery, body)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a call that always fails must not be tried for ever
            LOG.error("webhook_call_failed", **fault(error))
            return ["call_failed"]

    async def _process(self, delivery: Delivery, body: bytes) -> list[str]:
        """
        Do what a call says, update by update; return why some were set aside.

        Raises:
            StoreError: some updates could not be recorded; the others were.
        """
        of_call = {"received_at": delivery.received_at, "again": delivery.status == SET_ASIDE}
        updates = [msgspec.structs.replace(update, **of_call) for update in self._updates(body)]
        # A status can say which session a message was sent for; what answers that message may be in the same call.
        statuses = await self._side_by_side(update for update in updates if update.kind == "status")
        listening = asyncio.create_task(self._listen(updates))
        try:
            return sorted(statuses | await self._side_by_side(update for update in updates if update.kind != "status"))
        finally:
            await listening

    async def _listen(self, updates: Iterable[Update]) -> None:
        """Remember when who wrote to which of our numbers last, and learn the names that they have."""
        said: dict[tuple[str, frozenset[str]], int] = {}
        for update in updates:
            if update.kind == "message" and update.content.get("type") not in SILENT:
                who = update.phone_number_id, update.sender
                said[who] = max(said.get(who, 0), min(update.at, update.received_at))
        await asyncio.gather(
            *(self._people.heard(number, names, at) for (number, names), at in said.items()),
            *(self._people.introduced(number, names) for number, names in said),
            *(self._inquiries.heard(number, names, at) for (number, names), at in said.items()),
        )

    async def _side_by_side(self, updates: Iterable[Update]) -> set[str]:
        """Do *updates*, those of a lane one after the other; return why some were set aside."""
        lanes: dict[str, list[Update]] = {}
        for update in updates:
            lanes.setdefault(update.lane, []).append(update)
        gate = asyncio.Semaphore(AT_ONCE)

        async def go_along(lane: list[Update]) -> set[str]:
            async with gate:
                return {await self._outcome(update) for update in lane}

        done = await asyncio.gather(*(go_along(lane) for lane in lanes.values()), return_exceptions=True)
        reasons: set[str] = set()
        for outcomes in done:
            if isinstance(outcomes, BaseException):
                raise outcomes
            reasons |= outcomes
        return reasons - TAKEN

    async def _outcome(self, update: Update) -> str:
        """Do what one update says, count it unless it was counted before, and return what became of it."""
        outcome = await self._done(update)
        if not update.again or outcome == PROCESSED:
            self._metrics.webhook_items.labels(update.kind, outcome).inc()
        return outcome

    async def _done(self, update: Update) -> str:
        """Do what one update says and return what became of it; whatever goes wrong stays with it."""
        if update.reason:
            return update.reason
        try:
            if update.kind == "message":
                return await self._message(update)
            if update.kind == "flow":
                return await self._flow(update)
            if update.kind == "preference":
                return await self._preference(update)
            if update.kind == "new_id":
                return await self._new_id(update)
            return await self._status(update) if update.kind == "status" else NOTED
        except Quarantined as quarantined:
            return quarantined.reason
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - one update's fault must not be its neighbours'
            LOG.error("webhook_update_failed", kind=update.kind, **fault(error))
            return "update_failed"

    # What a call holds

    def _updates(self, body: bytes) -> Iterator[Update]:
        try:
            call = decode_document(body)
        except msgspec.DecodeError:
            yield _odd("not_json")
            return
        if not isinstance(call, dict) or call.get("object") != "whatsapp_business_account":
            yield _odd("unknown_object")
            return
        suspicious = bool(unstorable(body))
        for entry in _items(call, "entry"):
            for change in _items(entry, "changes"):
                for update in self._changed(_object(change), str(_object(entry).get("time", ""))):
                    kept = update.content, sorted(update.sender), update.phone_number_id
                    odd = suspicious and unstorable(msgspec.json.encode(kept))
                    yield _odd("unstorable") if odd else update

    def _changed(self, change: Mapping[str, Any], told_at: str) -> Iterator[Update]:
        field, value = change.get("field"), change.get("value")
        if not isinstance(value, dict) or not isinstance(field, str):
            yield _odd("malformed")
        elif field == FLOWS:
            yield Update("flow", value, told_at=told_at)
        elif field in NOTED_FIELDS:
            yield Update("field", value)
        elif field not in ("messages", PREFERENCES, NEW_IDS):
            yield _odd("unknown_field")
        else:
            yield from self._of_number(field, value)

    def _of_number(self, field: str, value: Mapping[str, Any]) -> Iterator[Update]:
        """Yield what one of our numbers was told."""
        number = str(_object(value.get("metadata")).get("phone_number_id", ""))
        if self._phone_numbers and number not in self._phone_numbers:
            yield _odd("unknown_number")
        elif field == "messages":
            yield from self._messages(number, value)
        else:
            kind: Literal["preference", "new_id"] = "preference" if field == PREFERENCES else "new_id"
            contacts = [_object(contact) for contact in _list(value.get("contacts"))]
            for item in _items(value, field):
                content = _object(item)
                sender = _named(_texts(content, "wa_id", "user_id"), contacts)
                yield Update(kind, content, phone_number_id=number, sender=sender)

    def _messages(self, number: str, value: Mapping[str, Any]) -> Iterator[Update]:
        parts = [name for name in ("messages", "statuses", "errors") if name in value]
        if not parts:
            yield _odd("malformed")
        contacts = [_object(contact) for contact in _list(value.get("contacts"))]
        for part in parts:
            for item in _items(value, part):
                content = _object(item)
                if part == "messages":
                    yield Update("message", content, phone_number_id=number, sender=_sender(content, contacts))
                else:
                    yield Update("status" if part == "statuses" else "field", content, phone_number_id=number)

    # Messages

    async def _message(self, update: Update) -> str:
        message = update.content
        kind, wamid = message.get("type"), message.get("id")
        if not isinstance(wamid, str) or not wamid or not isinstance(kind, str):
            raise Quarantined("malformed")
        identity = Identity(SOURCE, wamid)
        if await self._sessions.alias(WAMID, wamid):
            return DUPLICATE  # what a message did is of its name for ever; its place in the inbox is not
        if kind == "interactive":
            return await self._interactive(update, identity)
        if kind == "button":
            return await self._button(update, str(_object(message.get("button")).get("payload", "")), identity)
        if kind == "order":
            return await self._cart(update, identity)
        if kind == "text" and _object(message.get("context")).get("referred_product"):
            return await self._inquiry(update, identity)
        if kind == "text":
            return await self._text(update, identity)
        if kind == "system":
            return await self._system(update, identity)
        if kind in NOTED_MESSAGES:
            return NOTED
        raise Quarantined("unknown_type")

    async def _interactive(self, update: Update, identity: Identity) -> str:
        interactive = _object(update.content.get("interactive"))
        kind = interactive.get("type")
        if kind == "nfm_reply":
            return await self._completion(update, _object(interactive.get("nfm_reply")), identity)
        if kind in ("button_reply", "list_reply"):
            return await self._button(update, str(_object(interactive.get(kind)).get("id", "")), identity)
        if kind == "call_permission_reply":
            return NOTED
        raise Quarantined("unknown_type")

    async def _completion(self, update: Update, reply: Mapping[str, Any], identity: Identity) -> str:
        """Complete the session of a finished Flow, found by its token or by the message that it is a reply to."""
        response = str(reply.get("response_json", "")).encode()
        try:
            params = decode_document(response)
        except msgspec.DecodeError:
            raise Quarantined("response_unreadable") from None
        if not isinstance(params, dict):
            raise Quarantined("response_unreadable")
        if unstorable(response):
            raise Quarantined("unstorable")
        token = params.pop("flow_token", None)
        session = await self._sessions.flow_session(token) if isinstance(token, str) else None
        if session is None:
            named = await self._message_desk.kept.session(_replied_to(update))
            session = (
                await self._sessions.flow_session(named[1]) if named and named[0] in self._catalogue.flows else None
            )
        if session is None:
            raise Quarantined("unknown_session")
        recipient = session.context.get(RECIPIENT, "")
        if recipient and update.sender and not any(_same(recipient, name) for name in update.sender):
            raise Quarantined("wrong_sender")
        news = await self._sessions.complete(session, params, identity, update.at)
        return PROCESSED if news else DUPLICATE

    async def _button(self, update: Update, payload: str, identity: Identity) -> str:
        """Take a tapped button as an answer about being written to, or as the choice of the case it was asked about."""
        if payload in MEANINGS:
            return await self._asked(update, payload, payload, identity)
        written = keyword(payload)
        if written is not None:
            return await self._asked(update, written.meaning, payload, identity, written.locale)
        tap = Tap(payload, identity, update.at, update.phone_number_id, update.sender, _replied_to(update))
        case = await self._case_of(tap)
        if case is None:
            # A button of other words may be of a message that somebody else sent from our number.
            if payload in ndr.RESOLUTIONS and self._clock() - update.received_at >= MATCHED_WITHIN:
                await self._cases.answer_unmatched(tap)
            raise Quarantined("unknown_context")
        if payload not in ndr.RESOLUTIONS:
            raise Quarantined("unknown_button")
        try:
            taken = await self._cases.resolve_by_button(case, tap)
        except FieldInvalid:
            raise Quarantined("incomplete_choice") from None
        except StepError:
            taken = False
        # If not, it is an old message's button, or a second tap: the first choice stands.
        return PROCESSED if taken else NOT_OFFERED

    async def _case_of(self, tap: Tap) -> Instance | None:
        """Return the case that the message asked about whose button was tapped."""
        named = await self._message_desk.kept.subject(tap.message)
        if named is None or named[0] != NDR_CASE:
            return None
        with suppress(UnknownInstance):
            return await self._sessions.find(*named)
        return None

    async def _text(self, update: Update, identity: Identity) -> str:
        """Take a message that is a keyword as what it asks for; any other is for people to read."""
        words = str(_object(update.content.get("text")).get("body", ""))
        written = keyword(words)
        if written is None:
            return NOTED
        return await self._asked(update, written.meaning, words, identity, written.locale)

    async def _asked(self, update: Update, meaning: str, words: str, identity: Identity, locale: str = "") -> str:
        """Let who sent a message have what they ask for."""
        try:
            news = await self._people.asked(self._said(update, meaning, words, identity, locale))
        except UnknownBrand:
            raise Quarantined("unknown_account") from None
        return PROCESSED if news else DUPLICATE

    def _said(self, update: Update, meaning: str, words: str, identity: Identity, locale: str = "") -> Heard:
        if not update.sender:
            raise Quarantined("malformed")
        number, sender = update.phone_number_id, update.sender
        return Heard(number, sender, identity, meaning, words, update.at, update.received_at, locale)

    async def _system(self, update: Update, identity: Identity) -> str:
        """Let who changed their number or their business-scoped id keep what they have said."""
        told = _object(update.content.get("system"))
        changes = [(update.content.get("from"), told.get("wa_id")), (told.get("previous_user_id"), told.get("user_id"))]
        if told.get("type") not in CHANGED:
            return NOTED
        return await self._moved(update, changes, identity)

    async def _moved(self, update: Update, changes: Iterable[tuple[Any, Any]], identity: Identity) -> str:
        """Let people have new names for the ones before."""
        told = set()
        for place, (before, after) in enumerate(changes):
            if isinstance(before, str) and isinstance(after, str) and before and after:
                one = Identity(SOURCE, f"{identity.id}/{place}")
                told.add(await self._people.moved(update.phone_number_id, before, after, one))
        return PROCESSED if True in told else DUPLICATE if False in told else NOTED

    # What people set

    async def _preference(self, update: Update) -> str:
        """Take what somebody set in WhatsApp itself about being written to."""
        setting = update.content
        meaning = PREFERRED.get((str(setting.get("category")), str(setting.get("value"))))
        if meaning is None:
            raise Quarantined("unknown_preference")
        said = self._said(update, meaning, str(setting.get("detail", "")), Identity(SOURCE, _digest(update)))
        try:
            news = await self._people.preferred(msgspec.structs.replace(said, source=PREFERENCES))
        except UnknownBrand:
            raise Quarantined("unknown_account") from None
        return PROCESSED if news else DUPLICATE

    async def _new_id(self, update: Update) -> str:
        """Let who has another business-scoped id keep what they have said."""
        ids = _object(update.content.get("user_id"))
        change = ids.get("previous"), ids.get("current")
        return await self._moved(update, [change], Identity(SOURCE, _digest(update)))

    async def _cart(self, update: Update, identity: Identity) -> str:
        """Open an order for a cart, at our prices; what the phone says that things cost is shown beside them."""
        cart = _object(update.content.get("order"))
        items = [_object(item) for item in _list(cart.get("product_items"))]
        cart = {**cart, "product_items": items}
        try:
            news = await self._carts.take_cart(identity, update.at, update.phone_number_id, update.sender, cart)
        except CartInvalid:
            raise Quarantined("malformed") from None
        return PROCESSED if news else DUPLICATE

    async def _inquiry(self, update: Update, identity: Identity) -> str:
        """Open an inquiry for a question about a product."""
        message = update.content
        product = _object(_object(message.get("context")).get("referred_product"))
        question = str(_object(message.get("text")).get("body", ""))
        news = await self._inquiries.ask(
            identity, update.at, update.received_at, update.phone_number_id, update.sender, question, product
        )
        return PROCESSED if news else DUPLICATE

    # Flows

    async def _flow(self, update: Update) -> str:
        """Put what Meta tells of a Flow's health into its timeline."""
        try:
            news = await self._health.hear(update.content, update.at, update.received_at)
        except UnknownHealth:
            raise Quarantined("unknown_flow_event") from None
        return PROCESSED if news else DUPLICATE

    # Statuses

    async def _status(self, update: Update) -> str:
        """Put a delivery status into its message's timeline."""
        status = update.content
        wamid, word = status.get("id"), status.get("status")
        if not isinstance(wamid, str) or not wamid or not isinstance(word, str):
            raise Quarantined("malformed")
        if status.get("type") == "payment":
            return NOTED
        if word not in self._catalogue.interpreter(MESSAGE).rank:
            raise Quarantined("unknown_status")
        fact = Fact(word, update.at, update.received_at, _errors(status), SOURCE)
        news = await self._message_desk.report(wamid, str(status.get("biz_opaque_callback_data", "")), fact)
        if is_opt_out(fact):
            await self._opted_out(update, wamid)
        return PROCESSED if news else DUPLICATE

    async def _opted_out(self, update: Update, wamid: str) -> None:
        """Let who wants no marketing, as Meta says of a message that failed, have none; the same again does nothing."""
        names = _texts(update.content, "recipient_id", "recipient_user_id")
        await self._people.opted_out(update.phone_number_id, names, wamid, update.at, update.received_at)

    async def _record(self, decision: Decision) -> None:
        async def deliberate() -> Decision:
            return decision

        await settle(self._store, deliberate)


def _object(value: Any) -> Mapping[str, Any]:
    """Return *value* if it is an object, else an empty one: what is missing in a message is met where it is used."""
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _items(value: Any, name: str) -> list[Any]:
    """Return what an object lists under *name*; where there is no list, one item that is none, so that it is missed."""
    listed = _object(value).get(name)
    return listed if isinstance(listed, list) else [None]


def _odd(reason: str) -> Update:
    return Update("odd", reason=reason)


def _sender(message: Mapping[str, Any], contacts: list[Mapping[str, Any]]) -> frozenset[str]:
    """Return the names of who sent a message: its own, and those of the contact that it is from."""
    return _named(_texts(message, "from", "from_user_id"), contacts)


def _named(names: frozenset[str], contacts: list[Mapping[str, Any]]) -> frozenset[str]:
    """Return these names with the others of the contact whose they are."""
    for contact in contacts:
        of_contact = _texts(contact, "wa_id", "user_id")
        if names & of_contact or (not names and len(contacts) == 1):
            names |= of_contact
    return names


def _digest(update: Update) -> str:
    """Return what names an update that has no id of its own: the same again has the same."""
    return hashlib.sha256(msgspec.json.encode((update.kind, update.content), order="deterministic")).hexdigest()


def _replied_to(update: Update) -> str:
    """Return the id of the message that an update is a reply to, "" if it is to none."""
    return str(_object(update.content.get("context")).get("id", ""))


def _texts(value: Mapping[str, Any], *names: str) -> frozenset[str]:
    """Return the texts that an object has under *names*."""
    return frozenset(value[name] for name in names if isinstance(value.get(name), str) and value[name])


def _errors(status: Mapping[str, Any]) -> dict[str, str]:
    """Return why a message failed: Meta's codes, and the words of the first."""
    errors = [_object(error) for error in _list(status.get("errors"))]
    if not errors:
        return {}
    codes = " ".join(str(error.get("code", "")) for error in errors)
    return {"code": codes, "title": str(errors[0].get("title", ""))}


def _same(recipient: str, name: str) -> bool:
    """Return whether a name of the sender is the recipient's, however the number is written."""
    number, other = PHONE_MARKS.sub("", recipient), PHONE_MARKS.sub("", name)
    return recipient == name or (number.isdecimal() and number == other)
