"""
Meta's webhook: messages, delivery statuses, and everything else it tells.

Source: Meta, "Webhooks" of the WhatsApp Cloud API. A call holds up to 1000 updates; it comes again until it is answered
200, for seven days at most, doubled and in any order.

Rule 1: the raw body is stored, by its own hash, before anything is made of it; only then is 200 certain.
Rule 2: what is signed is never refused. What we cannot read is set aside (`quarantined`) for people, the rest proceeds.
Rule 3: an update's identity is its message's id, or its status's with the status and time: the same again does nothing.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import msgspec
import structlog
from msgspec import Struct

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

TIMESTAMP_DIGITS = 11
"""How long seconds since 1970 can be before they are none."""

PROCESSED, NOTED, DUPLICATE = "processed", "noted", "duplicate"
TAKEN = frozenset({PROCESSED, NOTED, DUPLICATE})
"""What becomes of an update that is not set aside."""


class Quarantined(Exception):
    """An update that we cannot read or place; *reason* is a code of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Delivery(Row, frozen=True):
    """A webhook call as it came, by the hash of its body."""

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
    One update of a call. *reason* says why it cannot be taken, if so.

    *sender* are the names of who it is from or about: phone number, business-scoped user id.
    """

    kind: Literal["message", "status", "field", "odd"]
    content: Mapping[str, Any] = {}
    reason: str = ""
    phone_number_id: str = ""
    sender: frozenset[str] = frozenset()


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
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._sessions = sessions
        self._orders = orders
        self._phone_numbers = phone_numbers

    async def take(self, body: bytes) -> None:
        """
        Store a call and do what it says.

        Raises:
            StoreError: it could not be stored; Meta is to send it again.
        """
        delivery = Delivery(hashlib.sha256(body).hexdigest(), SOURCE, self._clock(), "received", "", body)
        await self._record(Decision(recorded_at=delivery.received_at, add=(delivery,)))
        await self._work_off(delivery)

    async def recover(self) -> int:
        """Work off the calls that were stored and never finished; return how many there were."""
        waiting = await self._store.find(Delivery, status="received")
        for delivery in waiting:
            await self._work_off(delivery)
        return len(waiting)

    async def _work_off(self, delivery: Delivery) -> None:
        try:
            reasons = await self._process(delivery.body)
            status = "quarantined" if reasons else "processed"
            done = msgspec.structs.replace(delivery, status=status, reason=" ".join(reasons))
            await self._record(Decision(recorded_at=self._clock(), put=(done,)))
        except StoreError as error:
            # It is stored, so Meta has been promised: `recover` finishes it.
            LOG.warning("webhook_unfinished", delivery=delivery.digest[:16], **fault(error))
            return
        if reasons:
            LOG.warning("webhook_quarantined", delivery=delivery.digest[:16], reasons=reasons)

    async def _process(self, body: bytes) -> list[str]:
        """Do what a call says, update by update; return why some were set aside."""
        updates = [*self._updates(body)]
        outcomes = await asyncio.gather(*(self._outcome(update) for update in updates))
        for update, outcome in zip(updates, outcomes, strict=True):
            self._metrics.webhook_items.labels(update.kind, outcome).inc()
        return sorted({*outcomes} - TAKEN)

    async def _outcome(self, update: Update) -> str:
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
            yield Update("odd", reason="not_json")
            return
        if not isinstance(call, dict) or call.get("object") != "whatsapp_business_account":
            yield Update("odd", reason="unknown_object")
            return
        suspicious = bool(unstorable(body))
        for entry in _list(call.get("entry")):
            for change in _list(entry.get("changes")) if isinstance(entry, dict) else [None]:
                for update in self._changed(change):
                    odd = suspicious and unstorable(msgspec.json.encode(update.content))
                    yield Update("odd", reason="unstorable") if odd else update

    def _changed(self, change: Any) -> Iterator[Update]:
        value = change.get("value") if isinstance(change, dict) else None
        if not isinstance(value, dict):
            yield Update("odd", reason="malformed")
        elif change.get("field") in NOTED_FIELDS:
            yield Update("field", value)
        elif change.get("field") != "messages":
            yield Update("odd", reason="unknown_field")
        else:
            yield from self._messages(value)

    def _messages(self, value: Mapping[str, Any]) -> Iterator[Update]:
        number = str(_object(value.get("metadata")).get("phone_number_id", ""))
        if self._phone_numbers and number not in self._phone_numbers:
            yield Update("odd", reason="unknown_number")
            return
        contacts = [_object(contact) for contact in _list(value.get("contacts"))]
        for message in _list(value.get("messages")):
            names = {_object(message).get("from"), _object(message).get("from_user_id")}
            for contact in contacts:
                if contact.get("wa_id") in names or len(contacts) == 1:
                    names |= {contact.get("wa_id"), contact.get("user_id")}
            sender = frozenset(name for name in names if isinstance(name, str) and name)
            yield Update("message", _object(message), phone_number_id=number, sender=sender)
        for status in _list(value.get("statuses")):
            yield Update("status", _object(status), phone_number_id=number)
        if value.get("errors"):
            yield Update("field", value)

    # Messages

    async def _message(self, update: Update) -> str:
        message = update.content
        kind, wamid = message.get("type"), message.get("id")
        if not isinstance(wamid, str) or not wamid or not isinstance(kind, str):
            raise Quarantined("malformed")
        identity = Identity(SOURCE, wamid)
        if kind == "interactive":
            return await self._interactive(update, identity)
        if kind == "button":
            return await self._button(message, str(_object(message.get("button")).get("payload", "")), identity)
        if kind == "order":
            cart = {**_object(message.get("order")), "from": sorted(update.sender)}
            news = await self._orders.take_cart(wamid, update.phone_number_id, cart, identity)
            return PROCESSED if news else DUPLICATE
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
        if kind in {"button_reply", "list_reply"}:
            return await self._button(update.content, str(_object(interactive.get(kind)).get("id", "")), identity)
        if kind == "call_permission_reply":
            return NOTED
        raise Quarantined("unknown_type")

    async def _completion(self, update: Update, reply: Mapping[str, Any], identity: Identity) -> str:
        """Complete the session of a finished Flow, found by its token or by the message that it is a reply to."""
        try:
            params = msgspec.json.decode(str(reply.get("response_json", "")))
        except msgspec.DecodeError:
            raise Quarantined("response_unreadable") from None
        if not isinstance(params, dict):
            raise Quarantined("response_unreadable")
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
        at = _time(update.content, self._clock())
        return PROCESSED if await self._sessions.complete(session, params, identity, at) else DUPLICATE

    async def _button(self, message: Mapping[str, Any], payload: str, identity: Identity) -> str:
        """Take a tapped button as the choice of the case that its message asked about."""
        named = await self._sessions.alias(WAMID, str(_object(message.get("context")).get("id", "")))
        if named is None or named[0] != NDR_CASE:
            raise Quarantined("unknown_context")
        if payload not in ndr.RESOLUTIONS:
            raise Quarantined("unknown_button")
        if any(await self._store.recall([identity])):
            return DUPLICATE
        try:
            await self._orders.resolve_by_button(await self._sessions.find(*named), payload, identity)
        except ResolutionInvalid:
            raise Quarantined("incomplete_choice") from None
        except StepError:
            raise Quarantined("case_closed") from None
        return PROCESSED

    async def _inquiry(self, update: Update, identity: Identity) -> str:
        """Open an inquiry for a question about a product."""
        message = update.content
        product = _object(_object(message.get("context")).get("referred_product"))
        interpreter = self._catalogue.interpreter(INQUIRY)
        at = _time(message, self._clock())
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
            event = Event(identity.id, "asked", at, self._clock(), asked, asked, "customer")
            step = interpreter.step(born(interpreter.definition, identity.id, at), event)
            return Decision(identities=(identity,), recorded_at=self._clock(), steps=(step,))

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
        fact = Fact(word, _time(status, self._clock()), self._clock(), _errors(status), SOURCE)
        identity = Identity(SOURCE, f"{wamid}/{fact.id}")
        root = (MESSAGE, wamid)
        aliases = await self._aliases(status, wamid)
        news = False

        async def deliberate() -> Decision | None:
            nonlocal news
            news = not any(await self._store.recall([identity]))
            if not news:
                return None
            record = await self._store.load_family(family_of(root))
            family = Family(self._catalogue.interpreter, root, record, self._clock())
            family.receive(family.open(MESSAGE, wamid, {}), [fact])
            return family.decision([identity], add=aliases)

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


def _time(content: Mapping[str, Any], now: int) -> int:
    """Return an update's time, whose seconds come as text; without a readable one it is now, to the second."""
    text = str(content.get("timestamp", ""))
    return int(text) * SECOND if text.isdecimal() and len(text) <= TIMESTAMP_DIGITS else now - now % SECOND


def _errors(status: Mapping[str, Any]) -> dict[str, str]:
    """Return why a message failed: Meta's codes, and the words of the first."""
    errors = [_object(error) for error in _list(status.get("errors"))]
    if not errors:
        return {}
    codes = " ".join(str(error.get("code", "")) for error in errors)
    return {"code": codes, "title": str(errors[0].get("title", ""))}


def _same(recipient: str, name: str) -> bool:
    """Return whether a name of the sender is the recipient's, however the number is written."""
    digits, others = ("".join(filter(str.isdigit, text)) for text in (recipient, name))
    return recipient == name or (bool(digits) and digits == others)
