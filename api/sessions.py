"""
The session desk: sessions minted, acted on by staff, and completed by the message that a finished Flow sends.

Rule 1: staff's events go through the same table as everybody's; a session of a family takes them with its family.
Rule 2: what a customer completed is never thrown away, even if its session had come to its end before.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from api.clock import Clock
from definitions.catalogue import Catalogue
from definitions.flow_calls import ABOUT, MINTED, RECIPIENT, RESPONSE, TOKEN_LIFE, new_token
from definitions.flow_compiler import COMPLETE
from definitions.media import CompletedMedia
from definitions.orders.rows import Alias
from definitions.people.phones import normal_phone
from engine.errors import UnknownInstance
from engine.family import acted
from engine.inference import infer
from engine.model import Event, Instance, Step, born
from engine.ports import Decision, FamilyRecord, Identity, Row, Store
from engine.runtime import settle
from storage.finding import FOR_RECIPIENT, SESSION_ABOUT

STAFF = "staff"

WAMID = "wamid"
"""The kind of an alias that is a WhatsApp message's id."""


class Act(Struct, frozen=True):
    """An event that somebody sends to a session; *id* is the sender's identity for it, "" if there is none."""

    event: str
    id: str = ""
    data: Mapping[str, Any] = {}
    reason: str = ""
    actor: str = STAFF


class SessionDesk:
    """
    Opens sessions and takes events for them.

    Under *recipient_key* it is kept for whom sessions of Flows were opened, so that they are found; without, it is not.
    """

    def __init__(self, catalogue: Catalogue, store: Store, clock: Clock, recipient_key: bytes = b"") -> None:
        self._catalogue = catalogue
        self._store = store
        self._clock = clock
        self._recipient_key = recipient_key

    async def find(self, definition: str, key: str) -> Instance:
        """
        Return a session.

        Raises:
            UnknownInstance: there is none.
        """
        (instance,) = await self._store.load([(definition, key)])
        if instance is None:
            raise UnknownInstance(definition)
        return instance

    async def mint(
        self,
        flow: str,
        recipient: str,
        data: Mapping[str, Any],
        life: int = TOKEN_LIFE,
        *,
        about: tuple[str, str] | None = None,
    ) -> Instance:
        """
        Open a session of a Flow for *recipient*, not seen by any phone yet; its key is a token nobody can guess.

        The token is bound to the Flow, to its version of today, to the recipient, to the instance that it is *about*
        if it is about one, and to an end after *life*.

        Raises:
            UnknownInstance: there is no such Flow, or nothing that it could be about.
        """
        decided = await self.minted(flow, recipient, data, new_token(), life, about=about)

        async def deliberate() -> Decision:
            return decided

        await settle(self._store, deliberate)
        return decided.steps[0].after

    async def minted(
        self,
        flow: str,
        recipient: str,
        data: Mapping[str, Any],
        token: str,
        life: int = TOKEN_LIFE,
        *,
        about: tuple[str, str] | None = None,
        actor: str = STAFF,
    ) -> Decision:
        """
        Return the decision that opens a session under *token*; see `mint`.

        Raises:
            UnknownInstance: there is no such Flow, or nothing that it could be about.
        """
        definition, now = self._catalogue.flow(flow), self._clock()
        context: dict[str, Any] = {RECIPIENT: recipient, MINTED: dict(data)}
        rows: list[Row] = []
        if about is not None:
            subject = await self.find(*about)
            context[ABOUT] = {"definition": subject.definition, "key": subject.key}
            rows.append(Alias(SESSION_ABOUT, f"{subject.definition}/{subject.key}/{token}", flow, token))
        if hashed := self.recipient_hash(recipient):
            rows.append(Alias(FOR_RECIPIENT, f"{hashed}/{flow}/{token}", flow, token))
        instance = definition.open(token, now, context, life)
        step = definition.interpreter.note(instance, Event(f"mint/{token}", "minted", now, now, actor=actor), "minted")
        return Decision(recorded_at=now, steps=(step,), add=tuple(rows))

    def recipient_hash(self, recipient: str) -> str:
        """Return what sessions for that recipient are found by; "" if they are not."""
        return recipient_hash(self._recipient_key, recipient)

    async def open(self, lifecycle: str, key: str, context: Mapping[str, Any]) -> Instance | None:
        """
        Open a session of a lifecycle with *context*, alone in the world; without a *key* it has one nobody can guess.

        Return None if there is one of that key already, and leave that as it is.

        Raises:
            UnknownInstance: there is no such lifecycle.
        """
        interpreter, chosen = self._catalogue.interpreter(lifecycle), key or secrets.token_hex(16)
        opened: Instance | None = None

        async def deliberate() -> Decision | None:
            nonlocal opened
            opened = None
            (earlier,) = await self._store.load([(lifecycle, chosen)])
            if earlier is not None:
                return None
            now = self._clock()
            instance = born(interpreter.definition, chosen, now, context=dict(context))
            data = dict(context)
            step = interpreter.note(instance, Event(f"open/{chosen}", "opened", now, now, data, actor=STAFF), "opened")
            opened = step.after
            return Decision(recorded_at=now, steps=(step,))

        await settle(self._store, deliberate)
        return opened

    async def act(self, definition: str, key: str, act: Act) -> Instance:
        """
        Let a session take an event, with its family if it has one; the same id again changes nothing.

        Raises:
            UnknownInstance: there is no such session.
            StepError: it cannot take the event.
        """
        identities = _identities(definition, key, act)

        async def deliberate() -> Decision | None:
            if any(await self._store.recall(identities)):
                return None
            instance = await self.find(definition, key)
            now = self._clock()
            data = {**act.data, "reason": act.reason} if act.reason else dict(act.data)
            event = Event(act.id or f"{act.actor}/{instance.steps}", act.event, now, now, data, data, act.actor)
            return replace(await self.acted(instance, event), identities=identities)

        await settle(self._store, deliberate)
        return await self.find(definition, key)

    async def took(self, definition: str, key: str, act: Act) -> bool:
        """Return whether a session has taken that very event before: the same id again changes nothing."""
        return any(await self._store.recall(_identities(definition, key, act)))

    async def acted(self, instance: Instance, *events: Event) -> Decision:
        """
        Return the decision that an instance takes *events*, one after the other, with its family if it has one.

        Raises:
            StepError: it cannot take one of them.
        """
        record = await self._store.load_family(instance.family) if instance.family else FamilyRecord()
        return acted(self._catalogue.interpreter, instance, record, *events)

    async def media(self, definition: str, key: str, media_id: str) -> CompletedMedia | None:
        """
        Return the file of that id among what a completed session brought, if it brought one.

        Raises:
            UnknownInstance: there is no such session.
        """
        files = completed_media(await self.find(definition, key))
        return next((file for file in files if file.id == media_id), None)

    async def alias(self, kind: str, value: str) -> tuple[str, str] | None:
        """Return the (definition, key) that another name stands for."""
        found = await self._store.find(Alias, kind=kind, value=value)
        return (found[0].definition, found[0].instance_key) if found else None

    async def flow_session(self, token: str) -> Instance | None:
        """Return the session of a flow token, whichever Flow it is of: a completion message does not say."""
        found = await self._store.load([(flow, token) for flow in self._catalogue.flows])
        return next((instance for instance in found if instance is not None), None)

    async def complete(self, instance: Instance, params: Mapping[str, Any], identity: Identity, at: int) -> bool:
        """Complete a Flow's session with what its completion message brought; return whether that was news."""
        news = False

        async def deliberate() -> Decision | None:
            nonlocal news
            news = False
            if any(await self._store.recall([identity])):
                return None
            current = await self.find(instance.definition, instance.key)
            steps = self._completed(current, params, identity, at)
            news = True
            alias: Row = Alias(WAMID, identity.id, current.definition, current.key)
            return Decision(identities=(identity,), recorded_at=self._clock(), steps=steps, add=(alias,))

        await settle(self._store, deliberate)
        return news

    def _completed(
        self, instance: Instance, params: Mapping[str, Any], identity: Identity, at: int
    ) -> tuple[Step, ...]:
        """Return the steps of a completion: the unseen ones to a screen that completes, and the completion."""
        interpreter = self._catalogue.interpreter(instance.definition, instance.version)
        response = {**instance.context.get(RESPONSE, {}), **params}
        event = Event(identity.id, COMPLETE, at, self._clock(), dict(params), {RESPONSE: response}, "phone")
        if interpreter.states[instance.state].final:
            return (interpreter.note(instance, event, "after the end"),)
        completing = {
            arrow.source
            for arrow in interpreter.definition.transitions
            if arrow.event == COMPLETE and not arrow.implied
        }
        way = infer(interpreter, instance, completing.__contains__, event) or ()
        return (*way, interpreter.step(way[-1].after if way else instance, event))


def _identities(definition: str, key: str, act: Act) -> tuple[Identity, ...]:
    return (Identity(f"admin/{definition}/{key}", act.id),) if act.id else ()


def completed_media(instance: Instance) -> Iterator[CompletedMedia]:
    """Yield the files that the customer completed a session with."""
    response = instance.context.get(RESPONSE)
    for value in response.values() if isinstance(response, dict) else ():
        for item in value if isinstance(value, list) else ():
            with suppress(msgspec.ValidationError):
                yield msgspec.convert(item, CompletedMedia)


def recipient_hash(key: bytes, recipient: str) -> str:
    """Return the keyed hash of a recipient, however their phone number is written; "" without one of the two."""
    phone = "" if any(letter.isalpha() for letter in recipient) else normal_phone(recipient)
    name = phone or recipient.strip()
    if not name or not key:
        return ""
    return hmac.new(key, f"recipient/{name}".encode(), hashlib.sha256).hexdigest()[:32]
