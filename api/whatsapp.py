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
from typing import Any, ClassVar, Literal

import msgspec
import structlog
from msgspec import Struct

from api.at_rest import Safe, Unopenable
from api.clock import Clock
from api.logs import fault
from api.metrics import Metrics
from api.orders import NDR_CASE, OrderDesk, ResolutionInvalid
from api.sessions import WAMID, SessionDesk
from definitions.catalogue import Catalogue
from definitions.flow_calls import RECIPIENT
from definitions.json_text import decode_document, unstorable
from definitions.orders import ndr
from definitions.orders.rows import Alias
from engine.errors import StepError, StoreError
from engine.family import Family, family_of
from engine.fold import Fact
from engine.model import SECOND, Event, born
from engine.ports import Decision, Identity, Row, Store
from engine.runtime import settle

LOG = structlog.get_logger()

SOURCE = "whatsapp"
MESSAGE, INQUIRY = "message", "inquiry"

CHALLENGE = re.compile(r"[0-9A-Za-z_-]{1,256}")
"""What Meta sends to be said back; anything else is not said back."""

NOTED_MESSAGES = frozenset({
    "text", "image", "audio", "video", "voice", "document", "sticker", "location", "contacts", "reaction", "system",
    "edit", "revoke", "unsupported", "unknown", "request_welcome",
})  # fmt: skip
"""Messages that move no workflow: they are kept with the raw call."""

NOTED_FIELDS = frozenset({
    "flows", "user_preferences", "message_template_status_update", "message_template_quality_update",
    "message_template_components_update", "template_category_update", "phone_number_quality_update",
    "phone_number_name_update", "account_update", "account_review_update", "account_alerts", "security", "history",
    "business_capability_update", "business_status_update", "user_id_update", "message_echoes", "calls",
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

PROCESSED, NOTED, DUPLICATE = "processed", "noted", "duplicate"
TAKEN = frozenset({PROCESSED, NOTED, DUPLICATE})
"""What becomes of an update that is not set aside."""


class Quarantined(Exception):
    """An update that we cannot read or place; *reason* is a code of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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

    *sender* are the names of who it is from or about: phone number, business-scoped user id.
    """

    kind: Literal["message", "status", "field", "odd"]
    content: Mapping[str, Any] = {}
    reason: str = ""
    phone_number_id: str = ""
    sender: frozenset[str] = frozenset()
    received_at: int = 0

    @property
    def lane(self) -> str:
        """Return what updates share that must be done in their order: who sent them, or the message they are about."""
        return min(self.sender, default="") or str(self.content.get("id", ""))

    @property
    def at(self) -> int:
        """Return when it happened, whose seconds come as text; without a readable time it is when it came."""
        text = str(self.content.get("timestamp", ""))
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
        orders: OrderDesk,
        phone_numbers: frozenset[str],
        safe: Safe,
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._sessions = sessions
        self._orders = orders
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
                body = self._safe.open(Delivery.table, delivery.digest, delivery.body)
            except Unopenable as error:
                LOG.error("webhook_unopenable", delivery=delivery.digest[:16], **fault(error))
                continue
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
            reasons = await self._reasons(body, delivery.received_at)
            status = "quarantined" if reasons else "processed"
            done = msgspec.structs.replace(delivery, status=status, reason=" ".join(reasons))
            await self._record(Decision(recorded_at=self._clock(), put=(done,)))
        except StoreError as error:
            # It is stored, so Meta has been promised: `recover` finishes it.
            LOG.warning("webhook_unfinished", delivery=delivery.digest[:16], **fault(error))
            return
        if reasons:
            LOG.warning("webhook_quarantined", delivery=delivery.digest[:16], reasons=reasons)

    async def _reasons(self, body: bytes, received_at: int) -> list[str]:
        """Do what a call says and return why some of it was set aside; if we fail at it, all of it is."""
        try:
            return await self._process(body, received_at)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a call that always fails must not be tried for ever
            LOG.error("webhook_call_failed", **fault(error))
            return ["call_failed"]

    async def _process(self, body: bytes, received_at: int) -> list[str]:
        """
        Do what a call says, update by update; return why some were set aside.

        Raises:
            StoreError: some updates could not be recorded; the others were.
        """
        updates = [msgspec.structs.replace(update, received_at=received_at) for update in self._updates(body)]
        # A status can say which session a message was sent for; what answers that message may be in the same call.
        statuses = await self._side_by_side(update for update in updates if update.kind == "status")
        return sorted(statuses | await self._side_by_side(update for update in updates if update.kind != "status"))

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
        """Do what one update says, count it, and return what became of it."""
        outcome = await self._done(update)
        self._metrics.webhook_items.labels(update.kind, outcome).inc()
        return outcome

    async def _done(self, update: Update) -> str:
        """Do what one update says and return what became of it; whatever goes wrong stays with it."""
        if update.reason:
            return update.reason
        try:
            if update.kind == "message":
                return await self._message(update)
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
                for update in self._changed(_object(change)):
                    kept = update.content, sorted(update.sender), update.phone_number_id
                    odd = suspicious and unstorable(msgspec.json.encode(kept))
                    yield _odd("unstorable") if odd else update

    def _changed(self, change: Mapping[str, Any]) -> Iterator[Update]:
        field, value = change.get("field"), change.get("value")
        if not isinstance(value, dict) or not isinstance(field, str):
            yield _odd("malformed")
        elif field in NOTED_FIELDS:
            yield Update("field", value)
        elif field != "messages":
            yield _odd("unknown_field")
        else:
            yield from self._messages(value)

    def _messages(self, value: Mapping[str, Any]) -> Iterator[Update]:
        number = str(_object(value.get("metadata")).get("phone_number_id", ""))
        if self._phone_numbers and number not in self._phone_numbers:
            yield _odd("unknown_number")
            return
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
            named = await self._sessions.alias(WAMID, str(_object(update.content.get("context")).get("id", "")))
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
        """Take a tapped button as the choice of the case that its message asked about."""
        named = await self._sessions.alias(WAMID, str(_object(update.content.get("context")).get("id", "")))
        if named is None or named[0] != NDR_CASE:
            raise Quarantined("unknown_context")
        if payload not in ndr.RESOLUTIONS:
            raise Quarantined("unknown_button")
        try:
            await self._orders.resolve_by_button(await self._sessions.find(*named), payload, identity, update.at)
        except ResolutionInvalid:
            raise Quarantined("incomplete_choice") from None
        except StepError:
            raise Quarantined("case_closed") from None
        return PROCESSED

    async def _cart(self, update: Update, identity: Identity) -> str:
        """Open an order for a cart; what its things cost is what the phone says, until somebody prices it."""
        order = _object(update.content.get("order"))
        items = [_object(item) for item in _list(order.get("product_items"))]
        if not items or not all(_texts(item, "product_retailer_id") for item in items):
            raise Quarantined("malformed")
        cart = {**order, "from": sorted(update.sender), "priced_by": "sender"}
        news = await self._orders.take_cart(identity.id, update.phone_number_id, cart, identity)
        return PROCESSED if news else DUPLICATE

    async def _inquiry(self, update: Update, identity: Identity) -> str:
        """Open an inquiry for a question about a product."""
        message = update.content
        product = _object(_object(message.get("context")).get("referred_product"))
        interpreter = self._catalogue.interpreter(INQUIRY)
        asked = {
            "from": sorted(update.sender),
            "phone_number_id": update.phone_number_id,
            "text": str(_object(message.get("text")).get("body", "")),
            "catalog_id": product.get("catalog_id"),
            "product_retailer_id": product.get("product_retailer_id"),
        }
        news = False

        async def deliberate() -> Decision | None:
            nonlocal news
            news = not any(await self._store.recall([identity]))
            if not news:
                return None
            event = Event(identity.id, "asked", update.at, update.received_at, asked, asked, "customer")
            step = interpreter.step(born(interpreter.definition, identity.id, update.at), event)
            alias = Alias(WAMID, identity.id, INQUIRY, identity.id)
            return Decision(identities=(identity,), recorded_at=self._clock(), steps=(step,), add=(alias,))

        await settle(self._store, deliberate)
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
        root = (MESSAGE, wamid)
        aliases = await self._aliases(status, wamid)
        news = False

        async def deliberate() -> Decision | None:
            nonlocal news
            record = await self._store.load_family(family_of(root))
            family = Family(self._catalogue.interpreter, root, record, self._clock())
            (reception,) = family.receive(family.open(MESSAGE, wamid, {}), [fact])
            # The timeline knows its facts for ever, so they need no place in the inbox.
            news = reception.addition != "known"
            return family.decision(add=aliases) if news else None

        await settle(self._store, deliberate)
        return PROCESSED if news else DUPLICATE

    async def _aliases(self, status: Mapping[str, Any], wamid: str) -> list[Row]:
        """
        Return the name that a status gives to the session its message was sent for.

        Replies to a message that was sent with `DEFINITION/KEY` as its `biz_opaque_callback_data` find that session.
        """
        definition, slash, key = str(status.get("biz_opaque_callback_data", "")).partition("/")
        if not slash or not any(await self._store.load([(definition, key)])):
            return []
        return [Alias(WAMID, wamid, definition, key)]

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
    names = _texts(message, "from", "from_user_id")
    for contact in contacts:
        of_contact = _texts(contact, "wa_id", "user_id")
        if names & of_contact or (not names and len(contacts) == 1):
            names |= of_contact
    return names


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
