"""The load generator: it walks as customers do, and whatever is answered wrongly is told."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.load import WALK, Answered, Call, Result, Target, cpu_seconds, prepare, run
from lab.phone import Envelope
from tests.api.serving import a_key, running

PATH = "/flows/personalised_offer"
Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SCREENS = [screen for _, screen in WALK]


@pytest.fixture(scope="module")
def target(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Return a server to walk on, as the generator knows it."""
    database = tmp_path_factory.mktemp("target") / "waystate.sqlite"
    database.write_bytes(empty_database.read_bytes())
    with running(database, [a_key()]) as server:
        yield Target("127.0.0.1", server.port, PATH, server.world.public_key, server.world.app_secret)


def walk(target: Target, sessions: list[list[Call]], connections: int = 2) -> Result:
    return asyncio.run(run(target, sessions, connections))


@pytest.mark.parametrize("connections", [1, 3, 8])
def test_every_customer_walks_in_order_and_every_answer_is_right(target: Target, connections: int) -> None:
    heard: list[Answered] = []
    sessions = prepare(target, 5)

    result = asyncio.run(run(target, sessions, connections, heard.append))

    assert result.faults() == []
    assert [*result.answered] == heard
    tokens = {calls[0].token for calls in sessions}
    walked = {token: [answer.call.screen for answer in heard if answer.call.token == token] for token in tokens}
    assert walked == dict.fromkeys(tokens, SCREENS)
    assert all(0 < answer.seconds <= result.seconds for answer in heard)


def test_a_refused_call_is_told(target: Target) -> None:
    stranger = replace(target, app_secret="another secret")  # noqa: S106 - it opens nothing

    assert walk(stranger, prepare(stranger, 1)).faults() == [f"{screen}: status 432" for screen in SCREENS]


def test_an_answer_with_another_screen_is_told(target: Target) -> None:
    (calls,) = prepare(target, 1)

    result = walk(target, [[calls[0], calls[2]]])

    assert result.faults() == ["OFFER: showed PRODUCT_SELECTOR"]


def test_a_server_that_goes_away_is_told() -> None:
    async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    with pytest.raises(ConnectionError):
        asyncio.run(served(leave, prepare(target_at(1), 1)))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_may_come_in_pieces(size: int) -> None:
    response = b"HTTP/1.1 421 Misdirected Request\r\nServer: slow\r\nContent-Length: 5\r\n\r\nsorry"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in WALK:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
            for place in range(0, len(response), size):
                writer.write(response[place : place + size])
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    result = asyncio.run(served(answer, prepare(target_at(1), 1)))

    assert [(answered.status, answered.body) for answered in result.answered] == [(421, b"sorry")] * len(WALK)
    assert result.faults() == [f"{screen}: status 421" for screen in SCREENS]


def target_at(port: int) -> Target:
    """Return a target of the test's own."""
    return Target("127.0.0.1", port, PATH, a_key().public_pem, "an app secret of the tests")


async def served(answer: Answering, sessions: list[list[Call]]) -> Result:
    """Make the calls of *sessions* to a server of the test's own."""
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        return await run(target_at(server.sockets[0].getsockname()[1]), sessions, 1)


@given(seconds=st.lists(st.floats(0, 10), min_size=1), share=st.floats(0, 1))
def test_a_percentile_is_what_so_many_calls_stayed_under(seconds: list[float], share: float) -> None:
    call = Call("token", b"", Envelope(b"", b"", b""), "OFFER")
    percentile = Result(tuple(Answered(call, 200, b"", each) for each in seconds), 1.0).percentile(share)

    assert percentile in seconds
    assert sum(each <= percentile for each in seconds) >= len(seconds) * share
    assert sum(each < percentile for each in seconds) <= len(seconds) * share


BUSY = """
import sys, threading, time

def burn():
    end = time.thread_time() + 0.1
    while time.thread_time() < end:
        pass

thread = threading.Thread(target=burn)
thread.start()
thread.join()
print(time.process_time(), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is measured on Linux")
def test_the_cpu_time_of_a_process_has_that_of_threads_that_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None
        told = float(process.stdout.readline())
        measured = cpu_seconds(process.pid)
        process.communicate()

    assert told > 0.1
    assert told <= measured < 2 * told
