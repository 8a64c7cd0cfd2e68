"""Flow calls as octets on a connection, by both ways in: pieces, order, limits, time, and everything malformed."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from api import flow_protocol, front_door
from api.flow_protocol import HEAD_LIMIT
from api.front_door import DRAINED, FLOW_LIMIT, KIB
from lab.phone import Answer, Envelope
from tests.api.conftest import DEFINITIONS, Serve
from tests.api.faults import commits_held
from tests.api.phones import Handset, Spoken, Wire, signature
from tests.api.serving import SECRETS, SHORT_WAY, Server

FIRST = Answer(
    200,
    {
        "version": "3.0",
        "screen": "FIRST",
        "data": {"greeting": "It is 12", "choices": [{"id": "more", "title": "More"}]},
    },
)
PING = b"GET /health/live HTTP/1.1\r\nHost: localhost:%d\r\n\r\n"


def head(phone: Handset, body: bytes, *lines: bytes, version: bytes = b"1.1", length: bool = True) -> bytes:
    """Return a call's line and headers; *lines* come besides."""
    usual = [
        b"POST %b HTTP/%b" % (phone.path.encode(), version),
        b"Host: localhost:%d" % phone.server.port,
        b"Content-Type: application/json",
        b"X-Hub-Signature-256: " + signature(body, SECRETS["app_secret"]),
    ]
    if length:
        usual.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*usual, *lines, b"", b""])


def whole(phone: Handset, body: bytes, *lines: bytes) -> bytes:
    return head(phone, body, *lines) + body


def chunked(body: bytes, size: int = 100) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x;more=it\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def understood(envelope: Envelope, spoken: Spoken) -> Answer:
    return Answer(spoken.status, envelope.read(spoken.body) if spoken.body else None)


@pytest.fixture
def short_way(serve: Serve) -> Handset:
    """Return a phone of a server with the short way in; other servers have their own ways with time and addresses."""
    return Handset(serve(way=SHORT_WAY, definitions=DEFINITIONS))


@pytest.fixture
def opening(phone: Handset) -> Envelope:
    return phone.called(action="INIT")


@pytest.fixture
def wire(shared_server: Server) -> Iterator[Wire]:
    """Return a connection; whatever becomes of it, the next call is answered, and no fault of ours was logged."""
    with capture_logs() as log, Wire(shared_server) as connection:
        yield connection
        assert Handset(shared_server, token="another customer's").open() == FIRST  # noqa: S106
    assert [entry for entry in log if entry["log_level"] == "error"] == []


# Pieces and order


def test_an_answer_says_what_it_is_and_nothing_may_keep_it(phone: Handset, wire: Wire, opening: Envelope) -> None:
    wire.say(whole(phone, opening.body))

    spoken = wire.hear()

    assert understood(opening, spoken) == FIRST
    request_id, date = spoken.headers.pop("x-request-id"), spoken.headers.pop("date")
    assert spoken.headers == {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "content-length": str(len(spoken.body)),
    }
    assert len(request_id) == 16
    assert date.endswith(" GMT")


def test_a_connection_carries_one_call_after_the_other(phone: Handset, wire: Wire) -> None:
    made = [phone.called(action="INIT") for _ in range(5)]

    spoken = []
    for each in made:
        wire.say(whole(phone, each.body))
        spoken.append(wire.hear())
        wire.say(PING % phone.server.port)
        assert wire.hear().status == 200

    assert [understood(each, said) for each, said in zip(made, spoken, strict=True)] == [FIRST] * 5


def test_calls_that_are_sent_without_waiting_are_answered_in_their_order(phone: Handset, wire: Wire) -> None:
    made = [phone.called(action="INIT") for _ in range(4)]
    said = b"".join(whole(phone, each.body) + PING % phone.server.port for each in made)

    wire.say(said[:3000], said[3000:])
    spoken = [wire.hear() for _ in range(8)]

    assert [understood(each, heard) for each, heard in zip(made, spoken[::2], strict=True)] == [FIRST] * 4
    assert [heard.status for heard in spoken[1::2]] == [200] * 4


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_call_may_arrive_in_any_pieces(phone: Handset, wire: Wire, opening: Envelope, size: int) -> None:
    said = whole(phone, opening.body)

    wire.say(*(said[start : start + size] for start in range(0, len(said), size)))

    assert understood(opening, wire.hear()) == FIRST


def test_a_body_may_come_in_chunks(phone: Handset, wire: Wire, opening: Envelope) -> None:
    wire.say(head(phone, opening.body, b"Transfer-Encoding: chunked", length=False), chunked(opening.body))

    assert understood(opening, wire.hear()) == FIRST


def test_a_body_may_wait_until_it_is_asked_for(phone: Handset, wire: Wire, opening: Envelope) -> None:
    wire.say(head(phone, opening.body, b"Expect: 100-continue"))
    asked = wire.hear()
    wire.say(opening.body)

    assert asked.status == 100
    assert understood(opening, wire.hear()) == FIRST


@pytest.mark.parametrize(
    ("lines", "version"),
    [((b"Connection: close",), b"1.1"), ((), b"1.0"), ((b"Connection: close",), b"1.0")],
)
def test_a_connection_ends_with_its_answer_if_its_peer_wants_that(
    phone: Handset, wire: Wire, opening: Envelope, lines: tuple[bytes, ...], version: bytes
) -> None:
    wire.say(head(phone, opening.body, *lines, version=version), opening.body)

    spoken = wire.hear()

    assert understood(opening, spoken) == FIRST
    assert spoken.headers["connection"] == "close"
    assert wire.rest() == b""


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
def test_an_upgrade_is_not_taken(phone: Handset, wire: Wire, opening: Envelope, upgrade: bytes) -> None:
    wire.say(whole(phone, opening.body, b"Connection: Upgrade", b"Upgrade: " + upgrade))

    assert wire.hear().status in {200, 432}  # the parser of the short way reads no body after those headers


def test_an_address_may_be_said_whole(short_way: Handset) -> None:
    short_way.path = f"http://localhost:{short_way.server.port}{short_way.path}"
    made = short_way.called(action="INIT")
    with Wire(short_way.server) as wire:
        wire.say(whole(short_way, made.body))

        assert understood(made, wire.hear()) == FIRST


def test_many_connections_are_served_at_once(phone: Handset) -> None:
    def call(number: int) -> Answer:
        return Handset(phone.server, token=f"{phone.token}/{number}").open()

    with ThreadPoolExecutor(20) as threads:
        assert [*threads.map(call, range(60))] == [FIRST] * 60


# Size


@pytest.mark.parametrize("size", [FLOW_LIMIT + 1, KIB * KIB, DRAINED])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_over_its_limit_is_read_and_dropped_and_gets_an_empty_413(
    phone: Handset, wire: Wire, size: int, in_chunks: bool
) -> None:
    body = b" " * size
    if in_chunks:
        wire.say(head(phone, body, b"Transfer-Encoding: chunked", length=False), chunked(body, 64 * KIB))
    else:
        wire.say(whole(phone, body))

    spoken = wire.hear()

    assert (spoken.status, spoken.body) == (413, b"")
    assert phone.server.outcomes() == {"body_too_large": 1}


def test_a_body_at_its_limit_is_read(phone: Handset, wire: Wire) -> None:
    wire.say(whole(phone, b" " * FLOW_LIMIT))

    assert wire.hear().status == 421
    assert phone.server.outcomes() == {"format": 1}


def test_a_body_without_an_end_is_not_read_for_ever(phone: Handset, wire: Wire) -> None:
    wire.say(head(phone, b"", b"Transfer-Encoding: chunked", length=False))
    sent = 0
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    try:
        while sent < 10 * DRAINED:
            wire.say(piece)
            sent += len(piece)
    except (ConnectionResetError, BrokenPipeError):
        pass

    assert sent < 10 * DRAINED
    assert phone.server.outcomes() == {"body_too_large": 1}


def test_headers_without_an_end_are_not_read_for_ever(phone: Handset, wire: Wire) -> None:
    wire.say(b"POST /flows/survey HTTP/1.1\r\n")
    sent = 0
    try:
        while sent < 100 * HEAD_LIMIT:
            wire.say(b"x-more: %b\r\n" % (b"x" * 1000))
            sent += 1000
    except (ConnectionResetError, BrokenPipeError):
        pass

    assert sent < 100 * HEAD_LIMIT
    assert phone.server.outcomes() == {}


# Time


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give bodies and heads no time to speak of."""
    for module in (flow_protocol, front_door):
        monkeypatch.setattr(module, "BODY_SECONDS", 0.1)
    monkeypatch.setattr(flow_protocol, "HEAD_SECONDS", 0.1)


@pytest.mark.usefixtures("hurry")
def test_a_body_that_takes_too_long_gets_an_empty_408_and_the_connection_ends(
    phone: Handset, wire: Wire, opening: Envelope
) -> None:
    before = phone.session
    wire.say(whole(phone, opening.body)[:-1])

    spoken = wire.hear()

    assert (spoken.status, spoken.body, spoken.headers["connection"]) == (408, b"", "close")
    assert wire.rest() == b""
    assert phone.server.outcomes() == {"body_too_slow": 1}
    assert phone.session == before


@pytest.mark.usefixtures("hurry")
def test_a_body_that_drips_gets_no_more_time_for_that(phone: Handset, wire: Wire, opening: Envelope) -> None:
    wire.say(head(phone, opening.body))
    dripped = 0
    try:
        for octet in opening.body[:-1]:
            wire.say(bytes([octet]))
            dripped += 1
            time.sleep(0.01)
    except (ConnectionResetError, BrokenPipeError):
        pass

    assert 0 < dripped < len(opening.body) // 2
    assert phone.server.outcomes() == {"body_too_slow": 1}


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("said", [b"", b"P", b"POST /flows/survey HTTP/1.1\r\nHost: ", b"\r\n\r\n"])
def test_a_request_that_does_not_get_on_with_it_is_hung_up_on(short_way: Handset, said: bytes) -> None:
    short_way.server.uvicorn.config.timeout_keep_alive = 0  # whoever says nothing has that long
    with Wire(short_way.server) as wire:
        wire.say(said)

        assert wire.rest() == b""

    short_way.server.uvicorn.config.timeout_keep_alive = 5
    assert short_way.open() == FIRST


def test_a_connection_that_nobody_needs_any_more_is_hung_up_on(short_way: Handset) -> None:
    short_way.server.uvicorn.config.timeout_keep_alive = 1
    with Wire(short_way.server) as wire:
        made = short_way.called(action="INIT")
        wire.say(whole(short_way, made.body))

        assert understood(made, wire.hear()) == FIRST
        assert wire.rest() == b""


def test_a_call_that_has_begun_keeps_its_connection(short_way: Handset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short_way.server.uvicorn.config, "timeout_keep_alive", 1.5)
    made = short_way.called(action="INIT")
    said = whole(short_way, made.body)
    with Wire(short_way.server) as wire:
        wire.say(said[:40])
        time.sleep(2)
        wire.say(said[40:])

        assert understood(made, wire.hear()) == FIRST


def test_each_head_has_its_own_time_however_the_pieces_fall(
    short_way: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_protocol, "HEAD_SECONDS", 5)
    made = [short_way.called(action="INIT") for _ in range(5)]
    said = b"".join(whole(short_way, each.body) for each in made)
    size = len(said) // 5
    with Wire(short_way.server) as wire:
        wire.say(said[:40])
        for start in range(40, len(said), size):  # every piece but the last ends in the next one's head
            time.sleep(1.1)
            wire.say(said[start : start + size])

        assert [understood(each, wire.hear()) for each in made] == [FIRST] * 5


# Peers that go away, and servers that do


@pytest.mark.parametrize("said", [0, 1, 100, -1])
def test_a_peer_that_goes_away_in_the_middle_of_a_call_has_called_nothing(
    phone: Handset, opening: Envelope, said: int
) -> None:
    with Wire(phone.server) as wire:
        wire.say(whole(phone, opening.body)[:said])

    assert phone.instance is None
    assert phone.open() == FIRST


def test_a_peer_that_does_not_wait_for_its_answer_can_ask_for_it_again(lone_phone: Handset) -> None:
    made = lone_phone.called(action="INIT")
    with commits_held(lone_phone.server), Wire(lone_phone.server) as wire:
        wire.say(whole(lone_phone, made.body))
        arrived(lone_phone)
    settled(lone_phone)

    answer = lone_phone.send(made)

    assert answer == FIRST
    assert lone_phone.server.outcomes() == {"ok": 1, "replay": 1}


def test_a_server_that_stops_answers_what_it_has_and_ends_the_connection(lone_phone: Handset) -> None:
    made = lone_phone.called(action="INIT")
    with Wire(lone_phone.server) as wire, commits_held(lone_phone.server) as release:
        wire.say(whole(lone_phone, made.body))
        arrived(lone_phone)
        lone_phone.server.do(stopped(lone_phone.server))
        release()
        spoken = wire.hear()

        assert understood(made, spoken) == FIRST
        assert wire.rest() == b""


def arrived(phone: Handset) -> None:
    """Wait until a call is with the endpoint."""
    deadline = time.monotonic() + 60
    while not phone.server.do(lambda: bool(phone.server.parts.flows._serving)) and time.monotonic() < deadline:
        time.sleep(0.001)


def settled(phone: Handset) -> None:
    """Wait until no call is with the endpoint."""
    deadline = time.monotonic() + 60
    while phone.server.do(lambda: bool(phone.server.parts.flows._serving)) and time.monotonic() < deadline:
        time.sleep(0.001)


def stopped(server: Server) -> Callable[[], None]:
    """Return what uvicorn does to each connection when it is told to stop."""

    def stop() -> None:
        for connection in list(server.uvicorn.server_state.connections):
            connection.shutdown()

    return stop


# What is malformed: an error of HTTP or the end of the connection, and never the end of anything else

CALL = b"POST /flows/survey HTTP/1.1\r\nHost: {host}\r\n"

MALFORMED = {
    "noise": b"\x00\xff\x16\x03\x01 \r\n\r\n",
    "TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"POST /flows/survey\r\n\r\n",
    "HTTP/9.9": b"POST /flows/survey HTTP/9.9\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "no version": b"POST /flows/survey HTTP/\r\nHost: {host}\r\n\r\n",
    "no target": b"POST  HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "a target that is no path": b"POST flows/survey HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "a star for a target": b"OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "CONNECT": b"CONNECT localhost:22 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "TRACE": b"TRACE /flows/survey HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "an unknown method": b"DANCE /flows/survey HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a method in small letters": b"post /flows/survey HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "a NUL in the target": b"POST /flows/sur\0vey HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "a line end in the target": b"POST /flows/sur\nvey HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "a target that is not ASCII": b"POST /flows/\xff\xfe HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "half an escape": b"POST /flows/% HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "an escape that is no UTF-8": b"POST /flows/%ff HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "a NUL escaped": b"POST /flows/%00 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "dots": b"POST /flows/../flows/survey HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "a long target": b"POST /flows/" + b"x" * 60_000 + b" HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
    "a long header": CALL + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    "many headers": CALL + b"" + b"X: x\r\n" * 20_000 + b"\r\n",
    "no colon": b"POST /flows/survey HTTP/1.1\r\nHost {host}\r\n\r\n",
    "a space before the colon": b"POST /flows/survey HTTP/1.1\r\nHost : {host}\r\nContent-Length: 0\r\n\r\n",
    "a header without a name": b"POST /flows/survey HTTP/1.1\r\n: {host}\r\n\r\n",
    "a folded header": CALL + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "a NUL in a header": CALL + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a bare CR in a header": CALL + b"X: a\rb\r\nContent-Length: 0\r\n\r\n",
    "bare line feeds": b"POST /flows/survey HTTP/1.1\nHost: {host}\nContent-Length: 0\n\n",
    "a length that is no number": CALL + b"Content-Length: x\r\n\r\n",
    "a negative length": CALL + b"Content-Length: -1\r\n\r\n",
    "a length with a sign": CALL + b"Content-Length: +1\r\n\r\nx",
    "a length beyond 64 bits": CALL + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "two lengths": CALL + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "a length and chunks": CALL + b"Content-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another transfer": CALL + b"Transfer-Encoding: gzip\r\n\r\nx",
    "a transfer in two": CALL + b"Transfer-Encoding: chunked, identity\r\n\r\n",
    "a chunk that is no number": CALL + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
    "a chunk beyond 64 bits": CALL + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"f" * 30
    + b"\r\n",
    "a chunk without its end": CALL + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n",
}  # fmt: skip


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("said", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_malformed_is_refused_or_hung_up_on_and_nothing_else_suffers(
    phone: Handset, wire: Wire, said: bytes
) -> None:
    wire.say(said.replace(b"{host}", b"localhost:%d" % phone.server.port))
    wire.finish()

    heard = wire.rest()

    assert heard == b"" or heard.split(b" ")[1] in {b"400", b"404", b"405", b"408", b"413", b"415", b"432"}
    assert set(phone.server.outcomes()) <= {"media_type", "body_too_slow", "method_not_allowed", "host_refused"}
    assert phone.instance is None
