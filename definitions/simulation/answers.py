"""
Calls of a simulated phone, and what is wrong with their answers.

Rule 1: an answer is held against the document as a phone would, not against the machine that gave it.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from traceback import extract_tb
from typing import Any

import msgspec
from msgspec import Struct

from definitions import flow_calls
from definitions.flow_calls import MAX_ANSWER_BYTES, Call, DataMisfit, Flow, Reply
from definitions.flow_compiler import INIT
from definitions.flow_json.document import SUCCESS
from definitions.media import CompletedMedia, Media, Upload
from definitions.screens import About, Refused, Success
from definitions.simulation.phone import Phone
from engine.errors import StepError
from engine.inference import GOES_TO
from engine.model import SECOND, Instance

TOKEN = "simulated"  # noqa: S105 - opens nothing
NOW = 1_767_268_800 * SECOND
"""2026-01-01, 12:00 UTC: when everything happens, unless somebody says otherwise."""

PATIENCE = 10.0
"""How many seconds a phone waits (Meta, "Error codes": timeout_error)."""

_GRACE = 0.5
"""How many seconds more what cannot be interrupted may take: a busy machine is no fault of the logic."""

_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
    "0000000b4944415478da6364600000000600023081d02f0000000049454e44ae426082"
)

Wrong = tuple[str, str]
"""A kind of fault, and what is wrong."""


class AnyMedia:
    """Where every file is a picture of one dot, whatever it is called."""

    async def fetch(self, file: Upload | CompletedMedia) -> bytes:  # noqa: ARG002 - whichever it is
        """Return the picture."""
        return _PNG


class Answered(Struct, frozen=True):
    """What a call was answered: the reply, its data as it arrives on a phone, and what is wrong with it."""

    reply: Reply
    data: Mapping[str, Any]
    wrong: tuple[Wrong, ...]

    @property
    def moved(self) -> bool:
        """Return whether the call was taken."""
        return self.reply.code == "ok" and bool(self.reply.steps)


class Caller:
    """
    Calls a Flow as a phone does; *now* is when, *patience* how many seconds it waits for an answer.

    Its session is about *about*, as long as nobody says otherwise. It counts the calls, and their answers by code.
    """

    def __init__(self, flow: Flow, now: int, media: Media, patience: float) -> None:
        self._flow = flow
        self._now = now
        self._media = media
        self._patience = patience
        self._arrived: dict[bytes, Mapping[str, Any]] = {}
        self.about: About | None = None
        self.calls = 0
        self.outcomes: dict[str, int] = {}

    async def ask(
        self, phone: Phone, instance: Instance, action: str, payload: Any, screen: str = "", *, twice: bool = True
    ) -> Answered:
        """Return the answer to what people do on a phone; the same if asked *twice*, as after a lost race."""
        call = self._call(action, screen or phone.screen, payload)
        answered = self._counted(await self._answered(call, instance))
        found = [*answered.wrong, *self._told(phone, call, answered.reply)]
        again = await self._answered(call, instance) if twice else answered
        if _essence(answered) != _essence(again):
            found.append(("unstable", f"the same {action} was answered {_brief(answered)}, and then {_brief(again)}"))
        return msgspec.structs.replace(answered, wrong=tuple(found))

    async def try_out(self, instance: Instance, action: str, payload: Any, screen: str) -> Answered:
        """Return the answer to a call that no phone makes; it need not be taken, and must not break anything."""
        return self._counted(await self._answered(self._call(action, screen, payload), instance))

    async def too_late(self, instance: Instance, screen: str, at: int) -> Answered:
        """Return the answer to a call for a session that is over."""
        call = msgspec.structs.replace(self._call(INIT, screen, {}), now=at)
        answered = self._counted(await self._answered(call, instance))
        if answered.reply.status == 427:  # noqa: PLR2004 - Meta's status for a token that is no longer valid
            return answered
        wrong = "not_closed", f"a call after the end was answered {_brief(answered)}"
        return msgspec.structs.replace(answered, wrong=(*answered.wrong, wrong))

    def _call(self, action: str, screen: str, payload: Any) -> Call:
        self.calls += 1
        return Call(f"{self.calls:032x}", action, screen, TOKEN, payload, self._now, self._media, self.about)

    def _counted(self, answered: Answered) -> Answered:
        code = answered.reply.code
        self.outcomes[code] = self.outcomes.get(code, 0) + 1
        return answered

    async def _answered(self, call: Call, instance: Instance) -> Answered:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._patience):
                reply = await self._flow.answer(call, instance)
            if time.perf_counter() - began > self._patience + _GRACE:
                raise TimeoutError  # noqa: TRY301 - logic that does not wait cannot be interrupted, and is as late
        except TimeoutError as error:
            gone = msgspec.structs.replace(flow_calls.gone("deadline", "", instance), fault=error)
            return Answered(gone, {}, (_slow(call),))
        except Exception as error:  # noqa: BLE001 - whatever comes out of an answer is what we look for
            gone = msgspec.structs.replace(flow_calls.gone("handler_error", "", instance), fault=error)
            return Answered(gone, {}, (("raised", f"nothing was answered: {_told_of(error)}"),))
        wrong = [] if reply.fault is None else [self._fault(reply.fault)]
        try:
            written = msgspec.json.encode(reply.data)
        except (TypeError, ValueError, OverflowError) as error:
            reply = msgspec.structs.replace(reply, fault=error)
            return Answered(reply, {}, (*wrong, ("data_misfit", f"the data is no JSON: {error}")))
        if len(written) > MAX_ANSWER_BYTES:
            wrong.append(("too_large", f"the data of {reply.screen} is more than {MAX_ANSWER_BYTES:,} bytes"))
        if written not in self._arrived:
            self._arrived[written] = msgspec.json.decode(written)
        return Answered(reply, self._arrived[written], tuple(wrong))

    def _told(self, phone: Phone, call: Call, reply: Reply) -> Iterator[Wrong]:
        """Yield what is wrong with an answer to what a phone really does, if not its cause is known already."""
        if reply.fault is not None:
            return
        if reply.status == 427:  # noqa: PLR2004 - as above
            yield "closed", f"{call.action} closed the session: {reply.code}"
            return
        if not phone.takes(reply.screen):
            yield "illegal_screen", f"a phone on {phone.screen or 'no screen'} does not go to {reply.screen}"
        match reply.code:
            case "field_bad":
                yield "form_misfit", self._misfit(call)
            case "illegal_edge":
                reason = "" if call.screen in self._flow.screens.submits else ": it has no submit"
                yield "refused_move", f"{call.action} on {call.screen} is refused{reason}"
            case "deadline":
                yield _slow(call)
            case "inner_bad" | "media_bad" | "flow_unknown":
                yield "refused_move", f"{call.action} on {call.screen} is answered {reply.code}"
            case "handler_error":
                yield "raised", f"{call.action} on {call.screen or 'opening'} is answered {reply.code}"

    def _misfit(self, call: Call) -> str:
        try:
            self._flow.screens.read(call.screen, call.data)
        except msgspec.ValidationError as error:
            return str(error)
        return "the form does not fit"

    def _fault(self, fault: Exception) -> Wrong:
        if isinstance(fault, StepError) and GOES_TO in fault.event.data:
            to, here = fault.event.data[GOES_TO], fault.instance.state
            if not isinstance(to, str):
                return "unknown_screen", f"submit of {here} returns {_instead(to)}"
            if to not in self._flow.document.screens and to != SUCCESS:
                return "unknown_screen", f"submit of {here} leads to {to[:80]!r}, which is no screen"
            return "illegal_screen", f"submit of {here} leads to {to}, and no route does"
        if isinstance(fault, DataMisfit):
            return "data_misfit", str(fault)
        return "raised", _told_of(fault)


def _instead(returned: Any) -> str:
    """Return what logic returned that is no screen, and what was meant."""
    if returned is None:
        return "nothing: `return` the next screen, or Success"
    if returned is Success:
        return "Success itself: write Success()"
    if isinstance(returned, Refused) or returned is Refused:
        return "Refused: `raise` it"
    return f"{type(returned).__name__}; the next screen is a str, or Success"


def _slow(call: Call) -> Wrong:
    return "too_slow", f"{call.action} on {call.screen or 'opening'} was not answered in time"


def _told_of(error: Exception) -> str:
    """Return an exception with the place that it comes from."""
    frames = extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}: {error}"[:300]


def _essence(answered: Answered) -> tuple[Any, ...]:
    reply = answered.reply
    return reply.status, reply.code, reply.screen, answered.data, reply.instance


def _brief(answered: Answered) -> str:
    reply = answered.reply
    return f"{reply.status} {reply.code}{f' with {reply.screen}' if reply.screen else ''}"
