"""
The session desk: sessions minted, acted on by staff, and completed by the message that a finished Flow sends.

Rule 1: staff's events go through the same table as everybody's; a session of a family takes them with its family.
Rule 2: what a customer completed is never thrown away, even if its session had come to its end before.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from api.clock import Clock
from definitions.catalogue import Catalogue
from definitions.flow_calls import MINTED, RECIPIENT, RESPONSE, TOKEN_LIFE, new_token
from definitions.flow_compiler import COMPLETE
from definitions.media import CompletedMedia
from definitions.orders.rows import Alias
from engine.errors import NoTransition, UnknownInstance
from engine.family import Family
from engine.fold import Fact
from engine.inference import infer
from engine.model import SECOND, Event, Instance, Step
from engine.ports import Decision, Identity, Row, Store
from engine.runtime import settle

WAMID = "wamid"
"""The kind of an alias that is a WhatsApp message's id."""


class Act(Struct, frozen=True):
    """An event that somebody sends to a session; *id* is the sender's identity for it, "" if there is none."""

    event: str
    id: str = ""
    data: Mapping[str, Any] = {}
    reason: str = ""
    actor: str = "staff"


class SessionDesk:
    """Opens sessions and takes events for them."""

    def __init__(self, catalogue: Catalogue, store: Store, clock: Clock) -> None:
        self._catalogue = catalogue
        self._store = store
        self._clock = clock

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

    async def mint(self, flow: str, recipient: str, data: Mapping[str, Any], life: int = TOKEN_LIFE) -> Instance:
        """
        Open a session of a Flow for *recipient*, not seen by any phone yet; its key is a token nobody can guess.

        The token is bound to the Flow, to its version of today, to the recipient, and to an end after *life*.

        Raises:
            UnknownInstance: there is no such Flow.
        """
        definition = self._catalogue.flow(flow)
        token, now = new_token(), self._clock()
        instance = definition.open(token, now, {RECIPIENT: recipient, MINTED: dict(data)}, life)
        event = Event(f"mint/{token}", "minted", now, now, actor="staff")
        step = definition.interpreter.note(instance, event, "minted")

        async def deliberate() -> Decision:
            return Decision(recorded_at=now, steps=(step,))

        await settle(self._store, deliberate)
        return step.after

    async def act(self, definition: str, key: str, act: Act) -> Instance:
        """
        Let a session take an event, with its family if it has one; the same id again changes nothing.

        Raises:
            UnknownInstance: there is no such session.
            StepError: it cannot take the event.
        """
        identities = (Identity(f"admin/{definition}/{key}", act.id),) if act.id else ()

        async def deliberate() -> Decision | None:
            if any(await self._store.recall(identities)):
                return None
            instance = await self.find(definition, key)
            now = self._clock()
            data = {**act.data, "reason": act.reason} if act.reason else dict(act.data)
            event = Event(act.id or f"{act.actor}/{instance.steps}", act.event, now, now, data, data, act.actor)
            return await self._acted(instance, event, identities)

        await settle(self._store, deliberate)
        return await self.find(definition, key)

    async def _acted(self, instance: Instance, event: Event, identities: tuple[Identity, ...]) -> Decision:
        interpreter = self._catalogue.interpreter(instance.definition, instance.version)
        if not instance.family:
            step = interpreter.step(instance, event)
            return Decision(identities=identities, recorded_at=event.received_at, steps=(step,))
        root, _, root_key = instance.family.partition("/")
        record = await self._store.load_family(instance.family)
        family = Family(self._catalogue.interpreter, (root, root_key), record, event.received_at)
        if event.name not in interpreter.allowed(instance):
            raise NoTransition(instance, event, interpreter.allowed(instance))
        if interpreter.definition.ordering == "event_time":
            second = event.at - event.at % SECOND
            details = {name: value for name, value in event.data.items() if isinstance(value, str)}
            family.receive(instance, [Fact(event.name, second, event.received_at, details, event.actor)])
        elif instance.id == (root, root_key):
            family.tell_root(event.name, event.id)
        else:
            family.apply(instance, event)
        return family.decision(identities)

    async def media(self, definition: str, key: str, media_id: str) -> CompletedMedia | None:
        """
        Return the file of that id among what a completed session brought, if it brought one.

        Raises:
            UnknownInstance: there is no such session.
        """
        response = (await self.find(definition, key)).context.get(RESPONSE, {})
        for value in response.values():
            for item in value if isinstance(value, list) else ():
                with suppress(msgspec.ValidationError):
                    file = msgspec.convert(item, CompletedMedia)
                    if file.id == media_id:
                        return file
        return None

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
