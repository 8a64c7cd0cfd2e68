"""
What a call of the phone does to its session, and what it is answered.

Rule 1: the stored session says where the customer is; the call says where the phone is. What lies between is inferred
        from unseen arrows, or the call is refused: the stored screen again, with a message, nothing changed.
Rule 2: the next screen comes from the screen's logic and must be legal in the table; its data must fit its data model.
        If not, that is our fault: the screen stays, the customer gets a reference, nothing changed.
Rule 3: deciding reads nothing but its arguments and what the logic itself reads; the same call may be decided again.
Rule 4: what the logic tells another instance is decided with the session's end: both happen, or neither.
"""

import hashlib
import re
import secrets
from collections.abc import Awaitable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from definitions.flow_compiler import (
    BACK,
    COMPLETED,
    DATA_EXCHANGE,
    EXPIRES_AT,
    INIT,
    NOT_OPENED,
    REOPENED,
)
from definitions.flow_json.document import SUCCESS, FlowDocument
from definitions.media import Media, MediaError, NoMedia
from definitions.screen_data import ERROR_MESSAGE, answer_type
from definitions.screens import About, Next, Refused, Screens, Session, Success, Tell
from engine.errors import StepError
from engine.inference import GOES_TO, infer
from engine.interpreter import Interpreter
from engine.model import SECOND, Event, Instance, Step, born

TOKEN_LIFE = 3 * 24 * 3600 * SECOND
"""How long a session stays open, unless it is minted for longer. Meta's own examples speak of two to three days."""

MESSAGE_LENGTH = 80
"""How much of an error message a phone shows."""

MAX_ANSWER_BYTES = 1_000_000
"""How much JSON an answer may be (Meta, "Components", Image: the payload of the data channel)."""

FORMS, MINTED, RECIPIENT, RESPONSE, ABOUT = "forms", "data", "recipient", "response", "about"
"""
The names of a session's context: what was submitted, minted with, for whom, what came back at the end, and what it is
about: `{"definition": ..., "key": ...}`.
"""

Code = Literal[
    "ok", "token_unknown", "token_done", "token_expired", "illegal_edge", "field_bad", "refused", "stale_step",
    "inner_bad", "media_bad", "handler_error", "deadline", "flow_unknown", "parked",
]  # fmt: skip

NO_SESSION = "This form is not open any more. Send us a message to get a new one."
_EXPIRED = "This form has expired. Send us a message to get a new one."
_NOT_HERE = "That step is not possible here."
NOT_UNDERSTOOD = "That did not work. Please try again."
_NO_FILE = "We could not read a file of yours. Please choose it again."
_SETTLED = "This can no longer be changed."


_MINTED_TOKEN = re.compile(r"ws_[0-9a-f]{32}")
"""A token of ours. It is bound to its session: where it has none (another Flow's, one long purged) it opens nothing."""

_FIELD = re.compile(r"at `\$\.([^`.\[]+)"), re.compile(r"required field `([^`]+)`")
"""Where a msgspec.ValidationError names the field of a form: the one that something in it is wrong with, or missing."""


class Call(Struct, frozen=True):
    """
    A decrypted call of Meta's for a phone. *identity* is its body's hash and names what it does for ever.

    *media* fetches the files that its data names; *about* is what its session is about, as it stands now.
    """

    identity: str
    action: str
    screen: str
    token: str
    data: Any
    now: int
    media: Media = NoMedia()
    about: About | None = None


class Reply(Struct, frozen=True):
    """
    What a call is answered, and the steps it takes.

    *status* 200 shows *screen* with *data*; 427 ends the phone's session with `data["error_msg"]`. *instance* is the
    session after the steps, or None where there is none. *fault* is what our own side did wrong, for the log. *tell* is
    the event that what the session is about takes with the steps; if it does not, `Flow.settled` is the reply instead.
    """

    status: Literal[200, 427]
    code: Code
    data: Mapping[str, Any]
    screen: str = ""
    instance: Instance | None = None
    steps: tuple[Step, ...] = ()
    fault: Exception | None = None
    tell: Tell | None = None


class AboutNothing(Exception):
    """The logic tells an event, and the session is about nothing that could take it."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(f"{tell.event} is told, but the session was not minted to be about anything")


class DataMisfit(Exception):
    """What the logic shows on a screen does not fit the screen's data model."""

    def __init__(self, screen: str, reason: str) -> None:
        super().__init__(f"what {screen} is shown with does not fit its data model: {reason}")
        self.screen = screen


class Flow:
    """One version of a Flow, ready to answer: its document, its machine, its logic."""

    def __init__(self, document: FlowDocument, interpreter: Interpreter, screens: Screens) -> None:
        self.document = document
        self.interpreter = interpreter
        self.screens = screens
        self._answer_types = {
            screen.id: answer_type(screen.data, screen.required) for screen in document.screens.values()
        }

    def open(self, token: str, now: int, context: Mapping[str, Any], life: int = TOKEN_LIFE) -> Instance:
        """Return a session of this version that no phone has opened yet, and that ends after *life*."""
        return born(self.interpreter.definition, token, now, context={**context, EXPIRES_AT: now + life})

    async def answer(self, call: Call, instance: Instance | None) -> Reply:
        """Return what *call* does to the session it found, and what it is answered."""
        if not self.document.has_endpoint:
            return gone("flow_unknown", NO_SESSION)
        if instance is None:
            if call.action != INIT or self.screens.minted_tokens_only or _MINTED_TOKEN.fullmatch(call.token):
                return gone("token_unknown", NO_SESSION)
            instance = self.open(call.token, call.now, {})
        ended = self._ended(call, instance)
        if ended is not None:
            return ended
        if call.action == INIT:
            return await self._opened(call, instance)
        if call.action == DATA_EXCHANGE:
            return await self._submitted(call, instance)
        if call.action == BACK:
            return await self._back(call, instance)
        return await self._stay(call, instance, "inner_bad", NOT_UNDERSTOOD)

    async def show(self, call: Call, instance: Instance) -> Reply:
        """Return the session's current screen as it is shown now, without a step."""
        return await self._shown(call, instance, instance, ())

    async def settled(self, call: Call, instance: Instance) -> Reply:
        """Return the submitted screen again, without a step: what the session is about refused what it was told."""
        way = self._way(call, instance) or ()
        return await self._stay(call, way[-1].after if way else instance, "refused", _SETTLED)

    def excuse(self, call: Call, instance: Instance | None, code: Code, message: str = NOT_UNDERSTOOD) -> Reply:
        """Return the phone's own screen with nothing but a message, without asking the logic."""
        screen = call.screen if call.screen in self.document.screens else self.document.entries[0]
        return Reply(200, code, {ERROR_MESSAGE: message[:MESSAGE_LENGTH]}, screen, instance)

    # What a call can be

    def _ended(self, call: Call, instance: Instance) -> Reply | None:
        """Return the answer of a session that is over, or is over now because its time is."""
        if instance.state not in self.interpreter.states:
            return gone("parked", _EXPIRED, instance)
        if instance.state == COMPLETED:
            reference = hashlib.sha256(instance.key.encode()).hexdigest()[:8]
            return gone("token_done", f"You have already sent this form. Reference: {reference}", instance)
        if self.interpreter.states[instance.state].final:
            return gone("token_expired", _EXPIRED, instance)
        due = self.interpreter.due(instance, call.now)
        if due is not None:  # every timer of a Flow ends its session
            step = self.interpreter.fire(instance, due)
            return gone("token_expired", _EXPIRED, step.after, (step,))
        return None

    async def _opened(self, call: Call, instance: Instance) -> Reply:
        """Open the flow, or open it again: a phone that opens takes nothing but an entry screen."""
        entry = call.screen if call.screen in self.document.entries else self.document.entries[0]
        name = INIT if instance.state == NOT_OPENED else REOPENED
        step = self.interpreter.restart(instance, _event(call, name, {GOES_TO: entry}))
        return await self._shown(call, instance, step.after, (step,))

    async def _back(self, call: Call, instance: Instance) -> Reply:
        """Show the screen before the one that the phone has left."""
        event = _event(call, BACK, {"screen": call.screen})
        way = infer(self.interpreter, instance, call.screen.__eq__, event)
        here = way[-1].after if way else instance
        try:
            step = self.interpreter.step(here, event)
        except StepError:
            way = None
        if way is None:
            return await self._stay(call, instance, "illegal_edge", _NOT_HERE)
        return await self._shown(call, here, step.after, (*way, step))

    async def _submitted(self, call: Call, instance: Instance) -> Reply:
        """Let the logic of the submitted screen say where to go."""
        way = self._way(call, instance)
        if way is None or call.screen not in self.screens.submits:
            return await self._stay(call, instance, "illegal_edge", _NOT_HERE)
        here = way[-1].after if way else instance
        try:
            form = self.screens.read(call.screen, call.data)
        except msgspec.ValidationError as error:
            return await self._stay(call, here, "field_bad", _field_message(error))
        submitted = msgspec.to_builtins(form)
        if _doubled(instance, call.screen, submitted):
            return replace(await self.show(call, instance), code="stale_step")
        return await self._decided(call, here, way, form, submitted)

    def _way(self, call: Call, instance: Instance) -> tuple[Step, ...] | None:
        """Return the unseen steps to the screen that the phone submits, or None if it cannot be there."""
        event = _event(call, DATA_EXCHANGE, {"screen": call.screen})
        return infer(self.interpreter, instance, call.screen.__eq__, event)

    async def _decided(self, call: Call, here: Instance, way: tuple[Step, ...], form: Any, submitted: Any) -> Reply:
        """Take the step that the logic answers; an answer that is not legal here is our fault."""
        forms = here.context.get(FORMS, {})
        assign: dict[str, Any] = {
            FORMS: {**{name: forms[name] for name in here.path if name in forms}, call.screen: submitted}
        }
        try:
            following = await self._decide(call, here, form)
            tell = following.tell if isinstance(following, Success) else None
            if tell is not None and not _is_heard(call, tell):
                return await self._stay(call, here, "refused", _SETTLED)
            if isinstance(following, Success):
                assign[RESPONSE] = dict(following.params)
            target = COMPLETED if isinstance(following, Success) else following
            data = {"screen": call.screen, "form": submitted, GOES_TO: target}
            step = self.interpreter.step(here, _event(call, DATA_EXCHANGE, data, assign))
        except Refused as refused:
            return await self._stay(call, here, "refused", refused.message)
        except MediaError:
            return await self._stay(call, here, "media_bad", _NO_FILE)
        except Exception as fault:  # noqa: BLE001 - the logic is its author's: whatever it raises must not reach a phone
            return await self._faulty(call, here, fault)
        reply = await self._shown(call, here, step.after, (*way, step))
        return reply if tell is None else replace(reply, tell=tell)

    async def _decide(self, call: Call, here: Instance, form: Any) -> Next:
        following = self.screens.submits[call.screen](self._session(call, here), form)
        return await following if isinstance(following, Awaitable) else following

    # What a call can be answered

    async def _shown(self, call: Call, here: Instance, after: Instance, steps: tuple[Step, ...]) -> Reply:
        """Return the session after its steps; if it cannot be shown, that is our fault and the phone stays *here*."""
        if after.state == COMPLETED:
            params = {**after.context.get(RESPONSE, {}), "flow_token": call.token}
            return Reply(200, "ok", {"extension_message_response": {"params": params}}, SUCCESS, after, steps)
        try:
            data = await self._data(call, after)
        except Exception as fault:  # noqa: BLE001 - as above
            return await self._faulty(call, here, fault)
        return Reply(200, "ok", data, after.state, after, steps)

    async def _stay(self, call: Call, instance: Instance, code: Code, message: str) -> Reply:
        """Return the session's screen with a message and without a step."""
        excuse = self.excuse(call, instance, code, message)
        if instance.state not in self.document.screens:
            return excuse
        try:
            data = await self._data(call, instance)
        except Exception as fault:  # noqa: BLE001 - as above
            return replace(excuse, screen=instance.state, fault=fault)
        return replace(excuse, screen=instance.state, data={**data, **excuse.data})

    async def _faulty(self, call: Call, here: Instance, fault: Exception) -> Reply:
        message = f"Something went wrong on our side. Reference: {call.identity[:8]}"
        return replace(await self._stay(call, here, "handler_error", message), fault=fault)

    async def _data(self, call: Call, instance: Instance) -> Mapping[str, Any]:
        """
        Return what the session's screen is shown with.

        Raises:
            DataMisfit: the logic's data does not fit the screen's data model.
        """
        show = self.screens.shows.get(instance.state)
        shown = {} if show is None else show(self._session(call, instance))
        data = await shown if isinstance(shown, Awaitable) else shown
        if isinstance(data, Struct):
            data = msgspec.to_builtins(data)
        try:
            msgspec.convert(data, self._answer_types[instance.state])
        except msgspec.ValidationError as error:
            reason = "show returns nothing" if data is None else str(error)
            raise DataMisfit(instance.state, reason) from None
        return data

    def _session(self, call: Call, instance: Instance) -> Session:
        context = instance.context
        return Session(
            token=call.token,
            now=call.now,
            forms=context.get(FORMS, {}),
            data=context.get(MINTED, {}),
            recipient=context.get(RECIPIENT, ""),
            media=call.media,
            about=call.about,
        )


def new_token() -> str:
    """Return a token that nobody can guess: 128 bits, and a mark by which it is known as ours."""
    return f"ws_{secrets.token_hex(16)}"


def gone(code: Code, message: str, instance: Instance | None = None, steps: tuple[Step, ...] = ()) -> Reply:
    """Return the answer that closes the form on the phone and disables the message's button."""
    return Reply(427, code, {"error_msg": message}, instance=instance, steps=steps)


def _event(call: Call, name: str, data: dict[str, Any], assign: Mapping[str, Any] | None = None) -> Event:
    return Event(call.identity, name, call.now, call.now, data=data, assign=assign or {}, actor="phone")


def _is_heard(call: Call, tell: Tell) -> bool:
    """
    Return whether what the session is about takes such events where it stands.

    Raises:
        AboutNothing: it is about nothing.
    """
    if call.about is None:
        raise AboutNothing(tell)
    return tell.event in call.about.allowed


def _doubled(instance: Instance, screen: str, submitted: Any) -> bool:
    """Return whether this very form was just submitted on the screen before the current one: a double tap."""
    just_left = len(instance.path) > 1 and instance.path[-2] == screen
    return just_left and instance.context.get(FORMS, {}).get(screen) == submitted


def _field_message(error: msgspec.ValidationError) -> str:
    """Return a message that names the field, if it is one that is wrong; a value is never repeated."""
    found = next((found for place in _FIELD if (found := place.search(str(error)))), None)
    return f"Please check: {found.group(1).replace('_', ' ')}" if found else NOT_UNDERSTOOD
