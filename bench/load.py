"""
A load generator for Flow endpoints: customers on phones, each walking the personalised offer in order.

Every call is really encrypted and every answer decrypted and its screen checked; the encryption is done before a run
and the checking after it, so that the generator needs little of the machine meanwhile. It is a closed
loop: a connection sends its next call when its last was answered. Latencies are mostly queueing, then; what the loop is
for is CPU per call.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from lab.phone import Envelope, Sealer

OK = 200
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "

PROCESS_CPU = 2
"""What the kernel's clock of a process's CPU time is known by, beside the process (Linux, `CPUCLOCK_SCHED`)."""

WALK: tuple[tuple[dict[str, Any], str], ...] = (
    ({"action": "INIT", "screen": "", "data": {}}, "PRODUCT_SELECTOR"),
    (
        {"action": "data_exchange", "screen": "PRODUCT_SELECTOR", "data": {"product_selection": "0_mobile_phones"}},
        "OPTIONS",
    ),
    (
        {"action": "data_exchange", "screen": "OPTIONS", "data": {"selected_product": "phone", "budget": ""}},
        "OFFER",
    ),
    (
        {"action": "data_exchange", "screen": "OFFER", "data": {"device": "0_TechWave_TW14_Pro"}},
        "PRODUCT_DETAIL",
    ),
)
"""The calls of one session up to its last screen, and the screen that each must be answered."""


class Target(Struct, frozen=True):
    """An endpoint under load."""

    host: str
    port: int
    path: str
    public_key: str
    app_secret: str


class Call(Struct, frozen=True):
    """A call ready to be sent, and the screen it must be answered."""

    token: str
    request: bytes
    envelope: Envelope
    screen: str


class Answered(Struct, frozen=True):
    """A call with what came back: the status, the encrypted body, and the seconds it took."""

    call: Call
    status: int
    body: bytes
    seconds: float

    @property
    def fault(self) -> str:
        """Return how the answer is not what it must be, or nothing."""
        if self.status != OK:
            return f"{self.call.screen}: status {self.status}"
        shown = self.call.envelope.read(self.body).get("screen")
        return "" if shown == self.call.screen else f"{self.call.screen}: showed {shown}"


class Result(Struct, frozen=True):
    """What a run gave: the answered calls in the order of their answers, and how long it took."""

    answered: tuple[Answered, ...]
    seconds: float

    def faults(self) -> list[str]:
        """Decrypt and check every answer; return what is wrong."""
        return [answer.fault for answer in self.answered if answer.fault]

    def percentile(self, share: float) -> float:
        """Return the seconds that this *share* of the calls stayed under."""
        ordered = sorted(answer.seconds for answer in self.answered)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def prepare(target: Target, sessions: int) -> list[list[Call]]:
    """Return the calls of so many new sessions, encrypted and signed."""
    sealer = Sealer(target.public_key)
    return [[*_session(target, sealer)] for _ in range(sessions)]


def _session(target: Target, sealer: Sealer) -> list[Call]:
    token = secrets.token_urlsafe(16)
    calls = []
    for content, screen in WALK:
        envelope = sealer.seal({"version": "3.0", "flow_token": token, **content})
        calls.append(Call(token, _request(target, envelope.body), envelope, screen))
    return calls


def _request(target: Target, body: bytes) -> bytes:
    signature = hmac.new(target.app_secret.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


Heard = Callable[[Answered], None]


async def run(target: Target, sessions: Sequence[list[Call]], connections: int, heard: Heard | None = None) -> Result:
    """
    Make the calls of *sessions* over so many *connections*, those of a session in order, and return what came of them.

    *heard* is told each answer as it comes.

    Raises:
        ConnectionError: the server went away.
    """
    loop = asyncio.get_running_loop()
    waiting = deque(sessions)
    answered: list[Answered] = []
    lines = [_Line(waiting, answered, loop, heard) for _ in range(min(connections, len(sessions)))]
    began = time.perf_counter()
    for line in lines:
        await loop.create_connection(lambda line=line: line, target.host, target.port)  # type: ignore[misc]
    try:
        await asyncio.gather(*(line.done for line in lines))
    finally:
        for line in lines:
            line.close()
    return Result(tuple(answered), time.perf_counter() - began)


class _Line(asyncio.Protocol):
    """One connection, walking one session after another."""

    def __init__(
        self,
        waiting: deque[list[Call]],
        answered: list[Answered],
        loop: asyncio.AbstractEventLoop,
        heard: Heard | None,
    ) -> None:
        self._waiting = waiting
        self._answered = answered
        self._heard = heard
        self._calls: deque[Call] = deque()
        self._buffer = b""
        self._began = 0.0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(HEAD_END)
        if not end:
            return
        at = head.lower().index(LENGTH) + len(LENGTH)
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._buffer = b""
        answer = Answered(self._calls.popleft(), int(head[9:12]), body, time.perf_counter() - self._began)
        self._answered.append(answer)
        if self._heard is not None:
            self._heard(answer)
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionResetError("the server went away"))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def _send(self) -> None:
        if not self._calls and self._waiting:
            self._calls.extend(self._waiting.popleft())
        if not self._calls:
            if not self.done.done():
                self.done.set_result(None)
            return
        self._began = time.perf_counter()
        if self._transport is not None:
            self._transport.write(self._calls[0].request)


def cpu_seconds(process: int) -> float:
    """Return the CPU time that a process has used, with all its threads, those that ended too (Linux)."""
    return time.clock_gettime(~process << 3 | PROCESS_CPU)
