"""
Flow calls that are almost right, against a real server by both ways in: whatever comes, it answers as is written.

    python -m tests.fuzz_flows --minutes 30

Rule 1: a call begins as a right one and is changed in one layer: what it says, its text, the envelope, its text, the
        signature, the headers, the octets on the wire. So half of the calls come further than the layers before.
Rule 2: the same seed makes the same calls, but for the padding of RSA.
"""

import argparse
import base64
import copy
import json
import logging
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from msgspec import Struct

from api.keyring import Key
from engine.model import Instance
from lab.phone import Envelope
from storage.migrate import upgrade
from tests.api.conftest import DEFINITIONS, WAYS
from tests.api.phones import Handset, Spoken, Wire, sealed, signature
from tests.api.serving import Server, a_key, running
from tests.contract.asking import Journalled

CANARY = "canary-919800000042"
"""In every token and every form: no answer may say it in the clear, and no log at all."""

BATCH = 50
"""How many calls are made before the server must show that it still does its work."""

CALLS_OF_A_CUSTOMER = 12

ANSWERED = frozenset({200, 427})
SILENT = frozenset({408, 413, 415, 421, 432})
"""The statuses that come with an empty body."""

STATUSES = {
    "content": ANSWERED | {421},
    "text": ANSWERED | {421},
    "envelope": ANSWERED | {421},
    "body": ANSWERED | {421},
    "signature": frozenset({432}),
    "headers": ANSWERED | {400, 408, 413, 415, 421, 432},
    "wire": ANSWERED | SILENT | {400, 404, 405, 406, 411, 414, 417, 426, 431},
}
"""What a call that was changed in a layer may be answered."""

ODD: list[Any] = [
    None, True, 0, -1, 7.5, 1e308, 2**63, -(2**63) - 1, 2**64, 10**4000, "", " ", "unused", "SUCCESS", "\0", "a\0b",
    "é" * 40, "\ud800", "x" * 2000, "x" * 40_000, [], [[]], {}, {"": ""}, {"error": "x"}, {"error_key": 1}, ["3.0"],
]  # fmt: skip

FRAGMENTS = [
    b"\0", b"\xff", b"\xc3", b"\\u0000", b"\\ud800", b'"', b"\\", b"{", b"}", b"[" * 70, b"]", b",", b":", b"null",
    b"1e999", b"9" * 30, b"9" * 5000, b"\r\n", b"\n", b" ", b"\xef\xbb\xbf",
]  # fmt: skip

MEMBERS = [
    b'"action":"ping",', b'"x":"\xff",', b'"\xff":1,', b'"x":1e999,', b'"x":1e999,"y":"\\u0000",', b'"x":"\\ud800",',
    b'"x":' + b"9" * 5000 + b",", b'"x":-' + b"9" * 300 + b",", b'"x":' + b"[" * 64 + b"]" * 64 + b",", b'"":{},',
]  # fmt: skip
"""Members that the text of an object can begin with, as no encoder would write them."""

HEADERS: list[tuple[bytes, bytes | None]] = [
    (b"Content-Type", None),
    (b"Content-Type", b"text/plain"),
    (b"Content-Type", b"application/json; charset=latin-1"),
    (b"Content-Type", b"application/json, text/plain"),
    (b"Content-Encoding", b"gzip"),
    (b"Host", None),
    (b"Host", b"waystate.example"),
    (b"X-Forwarded-For", b"127.0.0.1"),
    (b"Expect", b"100-continue"),
    (b"Connection", b"close"),
    (b"Connection", b"Upgrade, HTTP2-Settings"),
    (b"Upgrade", b"h2c"),
    (b"Cookie", b"x" * 4000),
    (b"X-Hub-Signature-256", b"sha256="),
    (b"X-Hub-Signature-256", None),
    (b"X-Noise", b"\xff\xfe"),
]


class Posted(Struct, frozen=True):
    """A call on its way: the layer that it was changed in, its envelope if it has one that can be read, its octets."""

    layer: str
    envelope: Envelope | None
    said: bytes


class Given(Struct, frozen=True):
    """An answer that was given to a body, to be given again."""

    envelope: Envelope
    status: int
    body: bytes


class Fuzzer:
    """Makes up calls to a server, and collects what should not have been answered."""

    def __init__(self, server: Server, key: Key, seed: int) -> None:
        self.server = server
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.faults: dict[str, str] = {}
        self._key = key
        self._random = random.Random(seed)  # noqa: S311 - calls that can be made again
        self._secrets = _secrets(server, key)
        self._given: list[Given] = []
        self._calls = 0
        self._wire: Wire | None = None
        self._log: list[MutableMapping[str, Any]] = []
        self._phone: Handset
        self._session: tuple[Instance | None, list[Journalled]]
        self._taken: int
        self._layers: dict[str, Callable[[], Posted]] = {
            "content": self._with_other_content,
            "text": self._with_other_text,
            "envelope": self._with_another_envelope,
            "body": self._with_another_body,
            "signature": self._with_another_signature,
            "headers": self._with_other_headers,
            "wire": self._with_other_octets,
        }
        self._next_customer()

    def attack(self, calls: int) -> None:
        """Make so many calls, and look after each batch whether the server still does its work."""
        with _logs() as log:
            self._log = log
            for number in range(calls):
                if number % CALLS_OF_A_CUSTOMER == 0:
                    self._next_customer()
                self._call(self._layers[self._random.choice([*self._layers, "content", "content"])]())
                if number % BATCH == BATCH - 1:
                    self._look_around()
            self._look_around()
        self._hang_up()

    # What is said

    def _next_customer(self) -> None:
        self._phone = Handset(self.server, token=f"{CANARY}-{self._random.randbytes(8).hex()}")
        self._remember()

    def _content(self) -> dict[str, Any]:
        """Return the content of a right call, of any kind."""
        choose = self._random.choice
        here = "" if self._session[0] is None else self._session[0].state
        form = {
            "wish": choose(["more", "more", "again", "end", "raise", "refuse", "hide", CANARY]),
            "size": choose([1, 2, "1"]),
        }
        return {
            "version": choose(["3.0", "4.0"]),
            "action": choose(["INIT", "INIT", "data_exchange", "data_exchange", "BACK", "ping"]),
            "screen": choose(["", "FIRST", "SECOND", "LAST", here, here, here, here]),
            "data": choose([form, form, {}, {"error": "payload-schema-error", "error_message": CANARY}]),
            "flow_token": self._phone.token,
        }

    def _sealed(self, content: bytes, **replaced: Any) -> Envelope:
        random_bytes = self._random.randbytes
        return sealed(self._key, content, **{"aes_key": random_bytes(16), "iv": random_bytes(16), **replaced})

    def _with_other_content(self) -> Posted:
        content = self._content()
        for _ in range(self._random.randrange(4)):
            holder = (
                self._random.choice([content, content["data"]]) if isinstance(content.get("data"), dict) else content
            )
            name = self._random.choice([*holder, "flow_token_signature", "more", "more", CANARY])
            holder[name] = copy.deepcopy(self._random.choice(ODD))
            if self._random.random() < 0.2:
                del holder[name]
        envelope = self._sealed(json.dumps(content).encode())
        return Posted("content", envelope, self._framed(envelope.body))

    def _with_other_text(self) -> Posted:
        text = json.dumps(self._content()).encode()
        begun = b"{" + self._random.choice(MEMBERS) + text[1:]
        envelope = self._sealed(self._random.choice([begun, self._changed(text)]))
        return Posted("text", envelope, self._framed(envelope.body))

    def _with_another_envelope(self) -> Posted:
        choose, random_bytes = self._random.choice, self._random.randbytes
        content = json.dumps(self._content()).encode()
        changes: list[Callable[[], dict[str, Any]]] = [
            lambda: {"iv": random_bytes(choose([8, 12, 15, 17, 32, 200]))},
            lambda: {"aes_key": random_bytes(choose([24, 32]))},
            lambda: {"initial_vector": random_bytes(16)},
            lambda: {"encrypted_aes_key": random_bytes(choose([0, 1, 255, 256, 257, 512]))},
            lambda: {"encrypted_aes_key": b"\0" * 256},
            lambda: {"encrypted_flow_data": random_bytes(choose([0, 1, 15, 16, 17, 1000]))},
            lambda: {choose(_PARTS): choose(ODD)},
        ]
        envelope = self._sealed(content, **choose(changes)())
        return Posted("envelope", None, self._framed(envelope.body))

    def _with_another_body(self) -> Posted:
        body = self._sealed(json.dumps(self._content()).encode()).body
        return Posted("body", None, self._framed(self._changed(body)))

    def _with_another_signature(self) -> Posted:
        body = self._sealed(json.dumps(self._content()).encode()).body
        right = signature(body, self.server.world.app_secret)
        wrong = [
            [],
            [b""],
            [right, right],
            [right.upper()],
            [right[:-1]],
            [b"sha256=" + self._random.randbytes(32).hex().encode()],
            [signature(body, "another")],
            [signature(body + b" ", self.server.world.app_secret)],
            [b"sha256=" + b"\xe9" * 64],
        ]
        return Posted("signature", None, self._framed(body, signatures=self._random.choice(wrong)))

    def _with_other_headers(self) -> Posted:
        envelope = self._sealed(json.dumps(self._content()).encode())
        changes = self._random.sample(HEADERS, self._random.randrange(1, 3))
        return Posted("headers", envelope, self._framed(envelope.body, changes=changes))

    def _with_other_octets(self) -> Posted:
        said = self._framed(self._sealed(json.dumps(self._content()).encode()).body)
        return Posted("wire", None, self._changed(said))

    def _changed(self, octets: bytes) -> bytes:
        """Return *octets* with something put in, taken away, doubled or changed, up to three times."""
        changed = bytearray(octets)
        for _ in range(self._random.randrange(1, 4)):
            # Two thirds of all changes fall where the structure is: at the beginning, or behind what has a meaning.
            anywhere = self._random.choice([40, len(changed)])
            structure = [place + 1 for place, octet in enumerate(changed) if octet in b"{,:\n"] or [0]
            place = self._random.choice([self._random.randrange(anywhere + 1), self._random.choice(structure)])
            length = self._random.choice([1, 1, 4, 40])
            match self._random.randrange(4):
                case 0:
                    changed[place:place] = self._random.choice(FRAGMENTS)
                case 1:
                    del changed[place : place + length]
                case 2:
                    changed[place:place] = changed[place : place + length]
                case _:
                    changed[place : place + length] = self._random.randbytes(length)
        return bytes(changed)

    def _framed(
        self,
        body: bytes,
        *,
        signatures: list[bytes] | None = None,
        changes: list[tuple[bytes, bytes | None]] | None = None,
    ) -> bytes:
        """Return a request with that body, with other *signatures*, or headers replaced, added or left out."""
        signed = [signature(body, self.server.world.app_secret)] if signatures is None else signatures
        headers: list[tuple[bytes, bytes]] = [
            (b"Host", b"localhost:%d" % self.server.port),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", b"%d" % len(body)),
            *((b"X-Hub-Signature-256", value) for value in signed),
        ]
        for name, value in changes or []:
            headers = [header for header in headers if header[0] != name]
            if value is not None:
                headers.append((name, value))
        lines = [b"POST /flows/survey HTTP/1.1", *(b": ".join(header) for header in headers), b"", b""]
        return b"\r\n".join(lines) + body

    # What is answered

    def _call(self, posted: Posted) -> None:
        spoken = self._ask(posted)
        self._calls += 1
        self.statuses[posted.layer, 0 if spoken is None else spoken.status] += 1
        if spoken is not None:
            self._judge(posted, spoken)
        before, taken_before = self._session, self._taken
        self._remember()
        if self._session != before and self._taken == taken_before:
            self._fault("a session changed by a call that was refused", posted, spoken)

    def _remember(self) -> None:
        """Look at the customer's session, and at how many calls were taken, those that we did not wait for too."""
        endpoint = self.server.parts.flows
        while self.server.do(lambda: bool(endpoint._queue or endpoint._serving)):
            time.sleep(0.001)
        self._session, self._taken = self._phone.session, self.server.outcomes().get("ok", 0)

    def _ask(self, posted: Posted) -> Spoken | None:
        """Return what a call is answered, or None if the server hangs up, as it may on octets that are no HTTP."""
        if self._wire is None or posted.layer == "wire":
            self._hang_up()
            self._wire = Wire(self.server)
        wire = self._wire
        try:
            wire.say(posted.said)
            if posted.layer == "wire":
                wire.finish()
            spoken = wire.hear()
            if spoken.status == 100:
                spoken = wire.hear()
        except TimeoutError:
            self._hang_up()
            self._fault("no answer", posted, None)
            return None
        except (OSError, ValueError, AssertionError) as ended:
            self._hang_up()
            if posted.layer not in {"wire", "headers"}:
                self._fault(f"hung up: {type(ended).__name__}", posted, None)
            return None
        if posted.layer in {"wire", "headers"} or spoken.headers.get("connection") == "close":
            self._hang_up()
        return spoken

    def _hang_up(self) -> None:
        if self._wire is not None:
            self._wire.__exit__()
            self._wire = None

    def _judge(self, posted: Posted, spoken: Spoken) -> None:
        if spoken.status not in STATUSES[posted.layer]:
            self._fault(f"{spoken.status} for another {posted.layer}", posted, spoken)
        if spoken.status in SILENT and spoken.body and b"problem+json" not in str(spoken.headers).encode():
            self._fault(f"{spoken.status} with a body", posted, spoken)
        said = spoken.body + str(spoken.headers).encode()
        if any(secret.encode() in said for secret in self._secrets):
            self._fault("a secret was told", posted, spoken)
        if posted.envelope is not None and spoken.status in ANSWERED and spoken.body:
            self._judge_content(posted.envelope, posted, spoken)

    def _judge_content(self, envelope: Envelope, posted: Posted, spoken: Spoken) -> None:
        try:
            content = envelope.read(spoken.body)
        except (InvalidTag, ValueError):
            self._fault("an answer that cannot be read", posted, spoken)
            return
        shape = set(content) - {"version"}
        if shape not in ({"screen", "data"}, {"data"} if spoken.status == 200 else {"error_msg"}):
            self._fault(f"an answer of another shape: {sorted(shape)}", posted, spoken)
        self._given.append(Given(envelope, spoken.status, spoken.body))

    def _look_around(self) -> None:
        """See whether a new customer is served, whether an old answer is given again, and what the log says."""
        customer = Handset(self.server, token=f"{CANARY}-{self._random.randbytes(8).hex()}")
        good = [customer.open().status, customer.submit("FIRST", wish="more").content["screen"]]
        if good != [200, "SECOND"]:
            self.faults.setdefault("a new customer is not served", str(good))
        for given in self._random.sample(self._given, min(3, len(self._given))):
            again = self._phone.post(given.envelope.body)
            if (again.status_code, again.content) not in {(given.status, given.body), (427, b"")}:
                self.faults.setdefault("another answer to the same body", f"{given} -> {again.content!r}")
        self._given = self._given[-1000:]
        self._remember()
        logged = str(self._log)
        if any(secret in logged for secret in self._secrets):
            self.faults.setdefault("a secret was logged", logged[:2000])
        wrong = [entry for entry in self._log if entry["log_level"] == "error" and entry["event"] not in _OUR_FAULTS]
        if wrong:
            self.faults.setdefault("an error was logged", str(wrong[:3]))
        self._log.clear()

    def _fault(self, what: str, posted: Posted, spoken: Spoken | None) -> None:
        self.faults.setdefault(what, f"call {self._calls}: {posted.said[:3000]!r} -> {spoken}")


_PARTS = ("encrypted_flow_data", "encrypted_aes_key", "initial_vector")

_OUR_FAULTS = {"flow_handler_error"}
"""What is logged as an error when the survey's logic does what a call wishes for."""


def _secrets(server: Server, key: Key) -> list[str]:
    form, hidden = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = key.private.private_bytes(serialization.Encoding.PEM, form, hidden).decode().splitlines()
    known = [server.world.app_secret, server.world.admin_token, server.world.portal_token, server.settings.data_key]
    return [CANARY, base64.b64encode(CANARY.encode()).decode()[:24], *known, *pem[1:-1]]


class _Records(logging.Handler):
    """Puts what libraries log beside what we do."""

    def __init__(self, log: list[MutableMapping[str, Any]]) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, with the trace that it would be written with."""
        text = logging.Formatter().format(record)
        self._log.append({"event": text, "log_level": record.levelname.lower()})


@contextmanager
def _logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """Collect all that is logged, by us and by libraries."""
    with structlog.testing.capture_logs() as log:
        records = _Records(log)
        logging.getLogger().addHandler(records)
        yield log
        logging.getLogger().removeHandler(records)


def main() -> int:
    """Make up calls for some minutes; return 1 if one was answered as it should not be."""
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz_flows")
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    given = arguments.parse_args()
    _say(f"seed {given.seed}")
    until = time.monotonic() + given.minutes * 60
    rounds, faults, statuses = 0, dict[str, str](), Counter[tuple[str, int]]()
    key = a_key()
    while time.monotonic() < until and not faults:
        for way in WAYS:
            with tempfile.TemporaryDirectory() as folder:
                database = Path(folder) / "waystate.sqlite"
                upgrade(database)
                with running(database, [key], way=way, definitions=DEFINITIONS) as server:
                    fuzzer = Fuzzer(server, key, given.seed + rounds)
                    fuzzer.attack(1000)
                faults |= {
                    f"{fault} ({way}, seed {given.seed + rounds})": said for fault, said in fuzzer.faults.items()
                }
                statuses += fuzzer.statuses
        rounds += 1
    _say(f"{sum(statuses.values())} calls in {rounds} rounds")
    for (layer, status), times in sorted(statuses.items()):
        _say(f"  {layer} {status or 'hung up'}: {times}")
    for fault, said in faults.items():
        _say(f"\nFAULT {fault}\n{said}")
    return 1 if faults else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a program for people


if __name__ == "__main__":
    sys.exit(main())
