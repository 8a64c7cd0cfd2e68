"""
The Flow endpoint: `POST /flows/{name}`, Meta's encrypted calls.

Source: Meta, "Implementing your Flow Endpoint" and "Flows error codes". 432: the signature is not right; 421: the
envelope cannot be opened (the phone fetches our key again and asks once more); 427: the flow token is at its end,
with a message for the customer, encrypted like any answer.

Calls of one turn of the event loop go through each stage together: all signatures, all RSA, all reading, all decisions,
one commit. RSA leaves the processor's caches cold; doing one thing for several calls wins part of that back.

Rule 1: signature first, RSA second: a stranger cannot make us compute.
Rule 2: a call's identity is the hash of its body. The same body gets the same bytes: a second, different answer under
        the same key and IV would break both. What cannot be answered the same way again gets an empty 427.
Rule 3: an answer leaves after its commit.
Rule 4: what a session is about takes what it is told in the commit of the session's own step, or neither is committed.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from api.clock import Clock
from api.crypto import (
    CannotDecrypt,
    Opened,
    Sealed,
    TokenForged,
    WireError,
    check_signature,
    check_token_signature,
    open_envelope,
    read_envelope,
)
from api.keyring import KeyRing
from api.logs import fault
from api.metrics import Metrics
from definitions.catalogue import Catalogue
from definitions.flow_calls import ABOUT, MAX_ANSWER_BYTES, NO_SESSION, Call, DataMisfit, Reply, gone
from definitions.json_text import too_deep, unstorable
from definitions.media import Media
from definitions.screens import About, Tell
from engine.errors import StepError, StorageFull, StoreError, UnknownInstance, WorkflowError
from engine.family import acted
from engine.model import SECOND, Event, Instance
from engine.ports import Answer, Decision, FamilyRecord, Identity, Receipt, Store, Verdict
from engine.runtime import ATTEMPTS

LOG = structlog.get_logger()

SOURCE = "flow"
"""Whose ids a Flow call's identity is among."""

TURN = 32
"""How many calls go through the stages together at most."""

TURNS = 1

KEPT_BYTES = 16 * 1024
"""An answer up to this size is kept to be given again; a larger one (with images) by its hash alone."""

LOGIC_SECONDS = 4.0
"""How long asynchronous logic may take before the call is given up; Meta hangs up after 10."""

RETRY_AFTER = 2
"""Seconds after which a call may come again when the database could not take it."""

QUEUE = 1000
"""How many calls may wait for their turn; the next is turned away at once."""

DOWN = 30 * SECOND
"""How long the database may be away before a ping says so; Meta's availability figure is made of pings."""

VERSIONS = "3.0", "4.0"
"""The data API versions we speak."""

IDENTITIES_KEPT = 14 * 24 * 3600 * SECOND
"""How long an event's identity is kept; Meta repeats a webhook for 7 days."""

CLIENT_ERRORS = frozenset(
    {
        "payload-schema-error",
        "invalid-screen-transition",
        "response-decryption-error",
        "components-validation-error",
    }
)
"""What a phone may tell of its errors; the log names these and no other."""

CUSTOMER = "customer"
"""Who tells what a session is about: whoever holds the phone."""

_NO_TOKEN = frozenset({"", "unused"})
_MAX_TOKEN = 1024


class AnswerTooLarge(WorkflowError):
    """The logic's data is more than a phone takes."""


class FlowAnswer(Struct, frozen=True):
    """What a call is answered over HTTP. *code* says why, for the log; *retry_after* is in seconds, 0 for none."""

    status: int
    code: str
    body: bytes = b""
    retry_after: int = 0


class Content(Struct):
    """The content of an envelope, as far as it is alike in every call; what each part must be is checked later."""

    version: Any = None
    action: Any = None
    screen: Any = None
    data: Any = None
    flow_token: Any = None
    flow_token_signature: Any = None


_decode_content = msgspec.json.Decoder(Content).decode
_encode = msgspec.json.Encoder().encode

Answered = Callable[[FlowAnswer, str], None]
"""Hears the answer of a call, and the call's id for the log."""


class _Waiting:
    """A call on its way through the stages: what came, what it turned out to be, what it is answered."""

    __slots__ = (
        "answer",
        "answered",
        "began",
        "body",
        "call",
        "content",
        "flow",
        "identity",
        "opened",
        "signatures",
        "tried",
        "until",
    )

    def __init__(self, flow: str, body: bytes, signatures: Sequence[bytes], began: int, answered: Answered) -> None:
        self.flow = flow
        self.body = body
        self.signatures = signatures
        self.began = began
        self.answered = answered
        self.identity = Identity(SOURCE, hashlib.sha256(body).hexdigest())
        self.answer: FlowAnswer | None = None
        self.opened: Opened | None = None
        self.content: Content | None = None
        self.call: Call | None = None
        self.tried = False
        self.until: float | None = None

    @property
    def id(self) -> str:
        """Return what names the call in logs and to the customer."""
        return self.identity.id[:16]


class _Subject(Struct, frozen=True):
    """What a session is about, with its family, as they were read."""

    instance: Instance
    record: FamilyRecord
    catalogue: Catalogue

    @property
    def about(self) -> About:
        """Return it as the session's logic sees it. What follows from facts alone takes no events."""
        instance = self.instance
        interpreter = self.catalogue.interpreter(instance.definition, instance.version)
        state = interpreter.states.get(instance.state)
        return About(
            definition=instance.definition,
            key=instance.key,
            state=instance.state,
            tags=() if state is None else state.tags,
            allowed=interpreter.allowed(instance) if interpreter.definition.ordering == "arrival" else (),
            context=instance.context,
            deadline=instance.deadline,
            family={
                f"{member.definition}/{member.key}": member.context
                for member in self.record.instances
                if member.id != instance.id
            },
        )

    def told(self, call: Call, tell: Tell) -> Decision:
        """
        Return what it changes that a session ends by telling this.

        Raises:
            StepError: it cannot take the event.
        """
        instance = self.instance
        event_id = f"{call.token}/{tell.event}/{instance.steps}"
        event = Event(event_id, tell.event, call.now, call.now, tell.data, tell.assign, CUSTOMER)
        return acted(self.catalogue.interpreter, instance, self.record, event)


class FlowEndpoint:
    """Answers Flow calls."""

    def __init__(
        self,
        catalogue: Catalogue,
        keys: KeyRing,
        app_secrets: Sequence[bytes],
        store: Store,
        clock: Clock,
        metrics: Metrics,
        media: Media,
    ) -> None:
        self._catalogue = catalogue
        self._keys = keys
        self._app_secrets = app_secrets
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._media = media
        # Logic that waits for others must not hold up a turn: its calls go through the stages alone.
        self._waits = frozenset(flow for flow in catalogue.flows if catalogue.flow(flow).screens.waits)
        self._queue: list[_Waiting] = []
        self._turn_due = False
        self._turns_running = 0
        self._serving: set[asyncio.Task[None]] = set()
        self._down_since: int | None = None

    def take(self, flow: str, body: bytes, signatures: Sequence[bytes], answered: Answered) -> None:
        """Take one call: its raw *body*, and all values of its signature header; *answered* hears the answer."""
        waiting = _Waiting(flow, body, signatures, self._clock(), answered)
        if len(self._queue) + len(self._serving) >= QUEUE:
            waiting.answer = self._unavailable("shed")
            self._finish([waiting])
        elif flow in self._waits:
            self._begin([waiting])
        else:
            self._queue.append(waiting)
            self._take_turns()

    def refuse(self, flow: str, code: str) -> None:
        """Count a call that was refused at the door."""
        self._metrics.flow_calls.refuse(self._label(flow), code)

    async def answer(self, flow: str, body: bytes, signatures: Sequence[bytes]) -> tuple[FlowAnswer, str]:
        """Take one call and return its answer, and the call's id."""
        heard: asyncio.Future[tuple[FlowAnswer, str]] = asyncio.get_running_loop().create_future()

        def hear(answer: FlowAnswer, call_id: str) -> None:
            if not heard.done():  # whoever asked may have gone away
                heard.set_result((answer, call_id))

        self.take(flow, body, signatures, hear)
        return await heard

    # Turns

    def _take_turns(self) -> None:
        """Begin a turn with all who wait, unless one is under way: then they gather until it is done."""
        if not self._turn_due and self._turns_running < TURNS:
            self._turn_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        calls, self._queue = self._queue[:TURN], self._queue[TURN:]
        self._turn_due = False
        self._turns_running += 1
        self._begin(calls).add_done_callback(self._turn_done)

    def _turn_done(self, _: object) -> None:
        self._turns_running -= 1
        if self._queue:
            self._take_turns()

    def _begin(self, calls: Sequence[_Waiting]) -> "asyncio.Task[None]":
        served = asyncio.get_running_loop().create_task(self._serve(calls))
        self._serving.add(served)
        served.add_done_callback(self._serving.discard)
        return served

    async def _serve(self, calls: Sequence[_Waiting]) -> None:
        """Take *calls* through all stages together; whatever happens, each has an answer in the end."""
        try:
            self._unseal(calls)
            for waiting in calls:
                if waiting.content is not None:
                    await self._understand(waiting, waiting.content)
            await self._settle([(waiting, waiting.call) for waiting in calls if waiting.call and not waiting.answer])
        except StoreError as error:
            unavailable = self._store_failed(error)
            for waiting in calls:
                waiting.answer = waiting.answer or unavailable
        except Exception as error:  # noqa: BLE001 - a fault of ours must leave no call of the turn unanswered
            LOG.error("flow_turn_failed", **fault(error))
        finally:
            self._finish(calls)

    def _finish(self, calls: Sequence[_Waiting]) -> None:
        """Give each call its answer."""
        now = self._clock()
        for waiting in calls:
            answer = waiting.answer or FlowAnswer(500, "internal")
            self._metrics.flow_calls.count(self._label(waiting.flow), answer.code, (now - waiting.began) / SECOND)
            try:
                waiting.answered(answer, waiting.id)
            except Exception as error:  # noqa: BLE001 - whoever cannot hear must not keep the others from hearing
                LOG.error("flow_answer_unheard", call=waiting.id, **fault(error))

    def _label(self, flow: str) -> str:
        return flow if flow in self._catalogue else "unknown"

    # The stages

    def _unseal(self, calls: Sequence[_Waiting]) -> None:
        """Check the signatures, then open the envelopes. RSA goes by itself: it drives all else from the caches."""
        sealed = [self._checked(waiting) for waiting in calls]
        keys = [None if envelope is None else self._keys.decrypt(envelope.key) for envelope in sealed]
        for waiting, envelope, key in zip(calls, sealed, keys, strict=True):
            if envelope is not None:
                try:
                    waiting.opened = open_envelope(envelope, key)
                    waiting.content = _read(waiting.opened.content)
                except CannotDecrypt as error:
                    waiting.answer = FlowAnswer(421, error.reason)

    def _checked(self, waiting: _Waiting) -> Sealed | None:
        """Return a call's envelope; one that is not signed, or is none, is answered by that alone."""
        try:
            check_signature(waiting.body, waiting.signatures, self._app_secrets)
            return read_envelope(waiting.body)
        except CannotDecrypt as error:
            waiting.answer = FlowAnswer(421, error.reason)
        except WireError as error:
            waiting.answer = FlowAnswer(432, error.reason)
        return None

    async def _understand(self, waiting: _Waiting, content: Content) -> None:
        """Find out what a call is; health checks and error notifications are answered at once."""
        if content.action == "ping":
            waiting.answer = await self._pong(waiting)
        elif isinstance(content.data, dict) and (content.data.get("error") or content.data.get("error_key")):
            LOG.warning(
                "flow_client_error", flow=self._label(waiting.flow), call=waiting.id, key=_client_error(content.data)
            )
            waiting.answer = _sealed(waiting, 200, "client_error", {"data": {"acknowledged": True}})
        else:
            waiting.call = _call(content, waiting, self._clock(), self._media)
            if not self._is_token(waiting.call.token, content.flow_token_signature):
                waiting.answer = _replied(waiting, gone("token_unknown", NO_SESSION))

    def _is_token(self, token: str, signature: Any) -> bool:
        """Return whether *token* can name a session, and whether Meta signed it, if a signature came with it."""
        if token in _NO_TOKEN or len(token) > _MAX_TOKEN:
            return False
        if signature is None:
            return True
        try:
            check_token_signature(token, str(signature), self._app_secrets)
        except TokenForged:
            return False
        return True

    async def _pong(self, waiting: _Waiting) -> FlowAnswer:
        """Answer Meta's health check: the truth about the database, once it has been away for a while."""
        try:
            if self._down_since is None:
                await self._store.recall([waiting.identity])
            else:  # it may well be read while it takes nothing
                await self._store.commit(Decision(identities=(waiting.identity,), recorded_at=self._clock()))
                self._down_since = None
        except StoreError as error:
            unavailable = self._store_failed(error)
            if self._down_since is not None and self._clock() - self._down_since > DOWN:
                return unavailable
        return _sealed(waiting, 200, "ping", {"data": {"status": "active"}})

    async def _settle(self, live: list[tuple[_Waiting, Call]]) -> None:
        """Load, decide and commit until each call is answered; one that lost a race decides again."""
        for _ in range(ATTEMPTS):
            if not live:
                return
            instances = await self._store.load([(waiting.flow, call.token) for waiting, call in live])
            commits: list[tuple[_Waiting, FlowAnswer, Awaitable[Verdict]]] = []
            for (waiting, call), instance in zip(live, instances, strict=True):
                try:
                    answer, decision = await self._answer(waiting, call, instance)
                except StoreError as error:
                    waiting.answer = self._store_failed(error)
                except Exception as error:  # noqa: BLE001 - one call's fault must not be its neighbours'
                    waiting.answer = _failed(waiting, error)
                else:
                    if decision is None:
                        waiting.answer = answer
                    else:
                        commits.append((waiting, answer, self._store.commit(decision)))
            await self._record(commits)
            live = [(waiting, call) for waiting, call in live if waiting.answer is None]
        for waiting, _ in live:
            waiting.answer = self._unavailable("contended")

    async def _record(self, commits: Sequence[tuple[_Waiting, FlowAnswer, Awaitable[Verdict]]]) -> None:
        """Give each call its answer once its decision is committed; one that lost a race gets none yet."""
        for waiting, answer, commit in commits:
            try:
                verdict = await commit
            except StoreError as error:
                waiting.answer = self._store_failed(error)
            except Exception as error:  # noqa: BLE001 - as above
                waiting.answer = _failed(waiting, error)
            else:
                self._down_since = None
                if verdict is Verdict.COMMITTED:
                    waiting.answer = answer

    async def _answer(
        self, waiting: _Waiting, call: Call, instance: Instance | None
    ) -> tuple[FlowAnswer, Decision | None]:
        """
        Return a call's answer and what it commits, or nothing to commit if it is a repeat.

        A call that takes a step needs no look for an earlier one like it: if there was one, its commit says so, and the
        call comes here again. Logic that waits is not asked twice for the same call.
        """
        if instance is None and not call.action:
            return FlowAnswer(421, "inner_bad"), None
        subject = None
        if instance is not None and ABOUT in instance.context:
            subject = await self._subject(instance.context[ABOUT])
            call = msgspec.structs.replace(call, about=None if subject is None else subject.about)
        reply = None
        if waiting.flow not in self._waits:
            reply = await self._decide(waiting, call, instance)
        if reply is None or not reply.steps or waiting.tried:
            (receipt,) = await self._store.recall([waiting.identity])
            if receipt is not None:
                return await self._replay(waiting, call, receipt), None
        if reply is None:
            reply = await self._decide(waiting, call, instance)
        waiting.tried = True
        told = None
        try:
            if subject is not None and reply.tell is not None:
                reply, told = await self._tell(waiting, call, subject, reply, reply.tell)
            answer = _replied(waiting, reply)
        except Exception as unspeakable:  # noqa: BLE001 - the logic is its author's: JSON may have no word for its data
            told = None
            reply, answer = await self._excuse(waiting, call, instance, unspeakable)
        return answer, _decision(waiting, call, reply, answer, told)

    async def _subject(self, about: Mapping[str, str]) -> _Subject | None:
        """Return what a session is about, or None if it is not there any more."""
        found = (about["definition"], about["key"])
        (instance,) = await self._store.load([found])
        if instance is None or instance.definition not in self._catalogue:
            return None
        if not instance.family:
            return _Subject(instance, FamilyRecord((instance,)), self._catalogue)
        record = await self._store.load_family(instance.family)
        members = {member.id: member for member in record.instances}
        return _Subject(members[found], record, self._catalogue)

    async def _tell(
        self, waiting: _Waiting, call: Call, subject: _Subject, reply: Reply, tell: Tell
    ) -> tuple[Reply, Decision | None]:
        """Return a reply with what it changes elsewhere; if that takes no such event, another reply, and nothing."""
        try:
            return reply, subject.told(call, tell)
        except StepError:
            session = reply.steps[0].before
        flow = self._catalogue.flow(waiting.flow, session.version)
        settled = await _in_time(waiting, flow.settled(call, session))
        return settled or flow.excuse(call, session, "deadline"), None

    async def _decide(self, waiting: _Waiting, call: Call, instance: Instance | None) -> Reply:
        """Let the session's version of the flow say what the call does."""
        if instance is not None and ABOUT in instance.context and call.about is None:
            return gone("token_done", NO_SESSION, instance)
        try:
            flow = self._catalogue.flow(waiting.flow, None if instance is None else instance.version)
        except UnknownInstance:
            return gone("flow_unknown", NO_SESSION)
        if waiting.flow not in self._waits:
            began = asyncio.get_running_loop().time()
            reply = await flow.answer(call, instance)
            if asyncio.get_running_loop().time() - began > LOGIC_SECONDS:  # nothing could stop it, but nothing is kept
                reply = flow.excuse(call, instance, "deadline")
        else:
            reply = await _in_time(waiting, flow.answer(call, instance)) or flow.excuse(call, instance, "deadline")
        if reply.fault is not None:
            screen = reply.fault.screen if isinstance(reply.fault, DataMisfit) else reply.screen
            LOG.error("flow_handler_error", flow=waiting.flow, screen=screen, call=waiting.id, **fault(reply.fault))
        return reply

    async def _excuse(
        self, waiting: _Waiting, call: Call, instance: Instance | None, error: Exception
    ) -> tuple[Reply, FlowAnswer]:
        """Return the reply to a call whose own reply cannot be said, and how that is said."""
        LOG.error("flow_handler_error", flow=waiting.flow, call=waiting.id, **fault(error))
        flow = self._catalogue.flow(waiting.flow, None if instance is None else instance.version)
        message = f"Something went wrong on our side. Reference: {waiting.id[:8]}"
        excuse = flow.excuse(call, instance, "handler_error", message)
        shown = None if instance is None else await _in_time(waiting, flow.show(call, instance))
        if shown is not None and shown.code == "ok":
            kept = msgspec.structs.replace(excuse, screen=shown.screen, data={**shown.data, **excuse.data})
            try:
                return kept, _replied(waiting, kept)
            except Exception as unspeakable:  # noqa: BLE001 - it may be this very screen that cannot be said
                LOG.error("flow_handler_error", flow=waiting.flow, call=waiting.id, **fault(unspeakable))
        return excuse, _replied(waiting, excuse)

    async def _replay(self, waiting: _Waiting, call: Call, receipt: Receipt) -> FlowAnswer:
        """Return the same bytes as the first time or, if they are gone and cannot be made again, an empty 427."""
        answer = receipt.answer
        if answer is not None and answer.body is not None:
            return FlowAnswer(answer.status, "replay", answer.body)
        if answer is not None and answer.key:
            (instance,) = await self._store.load([(answer.definition, answer.key)])
            if instance is not None and instance.revision == answer.revision:
                again = await self._again(waiting, call, instance)
                if again is not None and hashlib.sha256(again.body).digest() == answer.digest:
                    return msgspec.structs.replace(again, code="replay")
        return FlowAnswer(427, "replay_gone")

    async def _again(self, waiting: _Waiting, call: Call, instance: Instance) -> FlowAnswer | None:
        """Return the answer that shows the session as it is now, unless it cannot be shown any more."""
        try:
            flow = self._catalogue.flow(instance.definition, instance.version)
        except UnknownInstance:
            return None
        shown = await _in_time(waiting, flow.show(call, instance))
        return None if shown is None else _replied(waiting, shown)

    def _store_failed(self, error: StoreError) -> FlowAnswer:
        """Return what a call is answered that the database could not take."""
        self._down_since = self._down_since or self._clock()
        LOG.warning("flow_store_error", **fault(error))
        return self._unavailable("storage_full" if isinstance(error, StorageFull) else "db_down")

    def _unavailable(self, code: str) -> FlowAnswer:
        return FlowAnswer(503, code, retry_after=RETRY_AFTER)


async def _in_time(waiting: _Waiting, replying: Awaitable[Reply]) -> Reply | None:
    """Return what the logic replies, or None if it takes too long; all that is asked for one call shares the time."""
    waiting.until = waiting.until or asyncio.get_running_loop().time() + LOGIC_SECONDS
    try:
        async with asyncio.timeout_at(waiting.until):
            return await replying
    except TimeoutError:
        return None


def _failed(waiting: _Waiting, error: Exception) -> FlowAnswer:
    """Return what a call is answered that failed by our own fault."""
    LOG.error("flow_call_failed", flow=waiting.flow, call=waiting.id, **fault(error))
    return FlowAnswer(500, "internal")


def _client_error(data: Mapping[str, Any]) -> str:
    """Return the name of the error that a phone tells of, if it is one that we know."""
    told = data.get("error") or data.get("error_key")
    return told if isinstance(told, str) and told in CLIENT_ERRORS else "other"


def _read(content: bytes) -> Content:
    """
    Return a call's content as far as every call has it.

    Raises:
        CannotDecrypt: it is not a JSON object in UTF-8: nothing tells whose call it is.
    """
    if too_deep(content):
        raise CannotDecrypt("inner_bad")
    try:
        content.decode()  # the decoder does not look into what it leaves out
        read = _decode_content(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CannotDecrypt("inner_bad") from None
    if not isinstance(read.version, str):
        read.version = None  # an answer says it again, and JSON has no word for every number
    return read


def _is_storable(content: bytes) -> bool:
    """Return whether every database takes what a content says; some numbers are too large even to be decoded."""
    try:
        return not unstorable(content)
    except msgspec.DecodeError:
        return False


def _call(content: Content, waiting: _Waiting, now: int, media: Media) -> Call:
    """Return the call that a content is; one that is not as Meta's are has no action, and the flow refuses it."""
    opened = waiting.opened
    action, screen, data, token = content.action, content.screen, content.data, content.flow_token
    readable = (
        isinstance(action, str)
        and isinstance(screen, str | None)
        and isinstance(data, dict | None)
        and content.version in VERSIONS
        and (opened is None or _is_storable(opened.content))
    )
    return Call(
        identity=waiting.identity.id,
        action=action if readable else "",
        screen=screen or "" if readable else "",
        token=token if isinstance(token, str) else "",
        data=data or {} if readable else {},
        now=now,
        media=media,
    )


def _replied(waiting: _Waiting, reply: Reply) -> FlowAnswer:
    """Return a flow's reply as Meta takes it."""
    if reply.status == 427:  # noqa: PLR2004 - Meta's status for a token at its end
        if reply.instance is not None and waiting.began - reply.instance.created_at > IDENTITIES_KEPT:
            return FlowAnswer(427, reply.code)  # the body may be one whose first answer nobody remembers: Rule 2
        return _sealed(waiting, reply.status, reply.code, reply.data)
    return _sealed(waiting, reply.status, reply.code, {"screen": reply.screen, "data": reply.data})


def _sealed(waiting: _Waiting, status: int, code: str, content: Mapping[str, Any]) -> FlowAnswer:
    """
    Return an answer with its content encrypted; it says the version that it was asked in.

    Raises:
        AnswerTooLarge: a phone would not take it.
    """
    if waiting.opened is None or waiting.content is None:
        return FlowAnswer(500, "internal")
    said = _encode({"version": waiting.content.version, **content})
    if len(said) > MAX_ANSWER_BYTES:
        raise AnswerTooLarge(f"an answer of {len(said)} bytes, of which a phone takes {MAX_ANSWER_BYTES}")
    return FlowAnswer(status, code, waiting.opened.seal(said))


def _decision(waiting: _Waiting, call: Call, reply: Reply, answer: FlowAnswer, told: Decision | None) -> Decision:
    """
    Return what a call commits: its identity and its answer always, the steps if it takes any.

    With them goes what was *told* to what the session is about.
    """
    instance = reply.instance
    stored = instance is not None and instance.revision > 0
    too_large = len(answer.body) > KEPT_BYTES
    kept = Answer(
        status=answer.status,
        digest=hashlib.sha256(answer.body).digest() if too_large else None,
        body=None if too_large else answer.body,
        definition=instance.definition if instance is not None and stored else "",
        key=instance.key if instance is not None and stored else "",
        revision=instance.revision if instance is not None and stored else 0,
    )
    identities = (waiting.identity,)
    if told is None:
        return Decision(identities=identities, recorded_at=call.now, steps=reply.steps, answer=kept)
    return msgspec.structs.replace(told, identities=identities, steps=(*reply.steps, *told.steps), answer=kept)
