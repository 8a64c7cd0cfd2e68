"""What is owed is delivered: over real HTTP, by DBOS, and whatever happens to it on the way."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from api.delivery import MESSAGES, Deliverer
from api.graph import Graph
from api.outbox import Attempt, Done, Result
from api.senders import Senders
from definitions.outgoing import WebhookCall
from tests.errands.office import Effect, Office
from tests.standins.graph import Fault, GraphStandIn, graph_standin, refused, slow

HANG = 60
PACE = 0.01


@pytest.fixture
def graph() -> Any:
    """Return a stand-in for Graph."""
    with graph_standin() as standin:
        yield standin


@pytest.fixture
def office(database: Path) -> Any:
    """Return an office whose outbox is in a hurry."""
    with closing(Office(database, pace=PACE)) as office:
        yield office


@asynccontextmanager
async def delivering(office: Office, graph: GraphStandIn, **wanted: Any) -> AsyncIterator[Deliverer]:
    """Deliver what the office owes until the context ends."""
    channels = Senders(Graph(graph.url, "a token", seconds=HANG), {"errands": "errands-token"}, _post)
    file = office.path.with_name("delivery.db")
    deliverer = Deliverer(office.outbox, channels, file, sweep_seconds=0.2, **wanted)
    await deliverer.start()
    try:
        yield deliverer
    finally:
        await deliverer.stop()


async def _post(_: WebhookCall, __: str) -> Result:
    return Done("200")


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so; whoever waits for ever fails."""
    async with asyncio.timeout(HANG):
        while not is_so():  # noqa: ASYNC110 - other programs make it so
            await asyncio.sleep(0.01)


async def settled(office: Office) -> list[Effect]:
    """Wait until nothing is owed any more and return all effects."""
    await until(lambda: not office.owed())
    return office.effects()


def said(graph: GraphStandIn) -> list[tuple[str, str]]:
    """Return whom Graph took messages for, and what they say, in the order in which they were taken."""
    return [(sent.message["to"], sent.message["text"]["body"]) for sent in graph.sent]


async def test_each_channel_delivers_once(office: Office, graph: GraphStandIn, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/call", "POST").respond_with_json({})
    await office.open("E-1", number="101", to="919800000001", url=httpserver.url_for("/call"))
    ids = await office.ask_all(
        [("E-1", "message_asked", "hello"), ("E-1", "keyed_call_asked", "come"), ("E-1", "code_asked", "work")]
    )

    async with delivering(office, graph):
        rows = await settled(office)

    assert [(row.key, row.status, row.attempts, row.outcome) for row in rows] == [
        (ids[0], "done", 1, "wamid.1"),
        (ids[1], "done", 1, "status 200"),
        (ids[2], "done", 1, ""),
    ]
    assert said(graph) == [("919800000001", "hello")]
    assert graph.sent[0].message["biz_opaque_callback_data"] == ids[0]
    ((request, _),) = httpserver.log
    assert request.json == {"says": "come", "effect": ids[1]}
    assert request.headers["Authorization"] == "Bearer errands-token"
    assert request.headers["Idempotency-Key"] == ids[1]


async def test_a_courier_that_knows_the_repeat_has_what_it_was_told(
    office: Office, graph: GraphStandIn, httpserver: HTTPServer
) -> None:
    httpserver.expect_ordered_request("/call", "POST").respond_with_json({}, status=504)
    httpserver.expect_ordered_request("/call", "POST").respond_with_json({}, status=409)
    await office.open("E-1", number="101", to="919800000001", url=httpserver.url_for("/call"))
    await office.ask_all([("E-1", "keyed_call_asked", "come")])

    async with delivering(office, graph):
        (row,) = await settled(office)

    assert (row.status, row.attempts, row.outcome) == ("done", 2, "status 409")


async def test_messages_to_one_person_leave_in_their_order_whatever_fails(office: Office, graph: GraphStandIn) -> None:
    graph.goes_wrong(refused(131000), None, refused(131056), refused(130429))
    await office.open("E-1", number="101", to="919800000001")
    await office.ask_all(("E-1", "message_asked", str(number)) for number in range(8))

    async with delivering(office, graph):
        rows = await settled(office)

    assert {row.status for row in rows} == {"done"}
    assert said(graph) == [("919800000001", str(number)) for number in range(8)]
    assert sum(row.attempts for row in rows) == 11


async def test_somebody_slow_holds_up_nobody_else(office: Office, graph: GraphStandIn) -> None:
    graph.goes_wrong_when(lambda asked: slow(5) if asked.content["to"] == "919800000001" else None)
    for person in range(1, 41):
        await office.open(f"E-{person}", number="101", to=f"9198000000{person:02}")
    await office.ask_all((f"E-{person}", "message_asked", "hello") for person in range(1, 41))

    async with delivering(office, graph):
        await until(lambda: sum(row.status == "done" for row in office.effects()) == 39)
        assert [row.errand for row in office.effects() if row.status != "done"] == ["E-1"]
        await until(lambda: {(row.status, row.attempts) for row in office.effects()} == {("done", 1)})


async def test_a_dead_recipient_holds_up_nobody_else_and_not_even_itself(office: Office, graph: GraphStandIn) -> None:
    graph.goes_wrong_when(lambda asked: refused(131026) if asked.content["to"] == "919800000001" else None)
    await office.open("E-1", number="101", to="919800000001")
    await office.open("E-2", number="101", to="919800000002")
    await office.ask_all((f"E-{person}", "message_asked", str(number)) for number in range(3) for person in (1, 2))

    async with delivering(office, graph):
        rows = await settled(office)

    assert {(row.errand, row.status, row.reason, row.attempts) for row in rows} == {
        ("E-1", "dead", "131026", 1),
        ("E-2", "done", "", 1),
    }
    assert said(graph) == [("919800000002", str(number)) for number in range(3)]


async def test_no_more_messages_a_second_leave_a_number_than_it_may_send(office: Office, graph: GraphStandIn) -> None:
    for person in range(1, 31):
        await office.open(f"E-{person}", number="101", to=f"9198000000{person:02}")
    began = asyncio.get_running_loop().time()
    await office.ask_all((f"E-{person}", "message_asked", "hello") for person in range(1, 31))

    async with delivering(office, graph, per_second=10):
        await settled(office)
        took = asyncio.get_running_loop().time() - began

    assert len(graph.sent) == 30
    assert took >= 2  # ten at once, and ten more in each second after that


async def test_what_may_have_arrived_is_not_sent_again(office: Office, graph: GraphStandIn) -> None:
    graph.goes_wrong(Fault(reset=True), Fault(accepted=False, reset=True))
    await office.open("E-1", number="101", to="919800000001")
    await office.ask_all([("E-1", "message_asked", "taken"), ("E-1", "message_asked", "lost")])

    async with delivering(office, graph):
        rows = await settled(office)

    assert [(row.status, row.reason, row.attempts) for row in rows] == [("unknown", "broken", 1)] * 2
    assert said(graph) == [("919800000001", "taken")]


async def test_what_was_declared_to_be_sent_rather_twice_than_never_is(office: Office, graph: GraphStandIn) -> None:
    graph.goes_wrong(Fault(reset=True))
    await office.open("E-1", number="101", to="919800000001")
    await office.ask("E-1", "urgent_message_asked", "run")

    async with delivering(office, graph):
        (row,) = await settled(office)

    assert (row.status, row.attempts, row.rounds) == ("done", 2, 1)
    assert said(graph) == [("919800000001", "run")] * 2


async def test_a_courier_that_knows_repeats_is_called_until_it_answers(office: Office, graph: GraphStandIn) -> None:
    with HTTPServer() as courier:
        courier.expect_ordered_request("/call").respond_with_data(status=500)
        courier.expect_ordered_request("/call").respond_with_data(status=429, headers={"Retry-After": "1"})
        courier.expect_ordered_request("/call").respond_with_data()
        await office.open("E-1", url=courier.url_for("/call"))
        keyed = await office.ask("E-1", "keyed_call_asked", "come")

        async with delivering(office, graph):
            (row,) = await settled(office)

    assert (row.status, row.attempts) == ("done", 3)
    assert {request.headers["Idempotency-Key"] for request, _ in courier.log} == {keyed}


async def test_a_courier_that_does_not_is_not_called_again_after_a_doubt(office: Office, graph: GraphStandIn) -> None:
    answers = {"/doubt": 502, "/no": 404, "/locked": 401}
    with HTTPServer() as courier:
        for path, status in answers.items():
            courier.expect_request(path).respond_with_data(status=status)
            await office.open(path, url=courier.url_for(path))
            await office.ask(path, "call_asked", "come")

        async with delivering(office, graph):
            await until(lambda: {row.reason for row in office.effects()} == {"status 502", "status 404", "status 401"})
            rows = office.effects()

    assert [(row.status, row.attempts) for row in rows] == [("unknown", 1), ("dead", 1), ("pending", 1)]


async def test_an_author_s_function_that_fails_is_called_again(office: Office, graph: GraphStandIn) -> None:
    await office.open("E-1")
    await office.ask("E-1", "code_asked", "fail")

    async with delivering(office, graph):
        (row,) = await settled(office)

    assert (row.status, row.attempts, row.outcome) == ("done", 2, "")


async def test_what_is_asked_for_while_nobody_delivers_is_delivered_later(office: Office, graph: GraphStandIn) -> None:
    await office.open("E-1", number="101", to="919800000001")
    for number in range(3):
        await office.ask("E-1", "message_asked", str(number))
        async with delivering(office, graph):
            await settled(office)

    assert said(graph) == [("919800000001", str(number)) for number in range(3)]


async def test_a_call_under_way_at_a_stop_is_in_doubt(
    office: Office, graph: GraphStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.delivery.STOP_SECONDS", 0.1)
    graph.goes_wrong(slow(HANG))
    await office.open("E-1", number="101", to="919800000001")
    await office.open("E-2", number="101", to="919800000001")
    await office.ask("E-1", "message_asked", "hello")

    async with delivering(office, graph):
        await until(lambda: graph.asked)

    (row,) = office.effects()
    assert (row.status, row.reason) == ("unknown", "interrupted by a stop: may have been sent")


async def test_nothing_of_it_is_left_when_it_has_stopped(office: Office, graph: GraphStandIn) -> None:
    before = asyncio.all_tasks(), _threads()
    await office.open("E-1", number="101", to="919800000001")
    await office.ask("E-1", "message_asked", "hello")

    async with delivering(office, graph):
        await settled(office)

    assert (asyncio.all_tasks(), _threads()) == before


def _threads() -> set[str]:
    """Return the threads that there are, but for those that asyncio keeps for its next work."""
    return {thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}


def _remove(file: Path) -> None:
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()


def _spoil(file: Path) -> None:
    _remove(file)
    file.write_bytes(b"this is no database" * 1000)


@pytest.mark.parametrize("lose", [_remove, _spoil])
async def test_the_file_of_dbos_may_be_lost(office: Office, graph: GraphStandIn, lose: Callable[[Path], None]) -> None:
    await office.open("E-1", number="101", to="919800000001")
    await office.ask("E-1", "message_asked", "before")
    async with delivering(office, graph):
        await settled(office)
    await office.ask("E-1", "message_asked", "after")

    lose(office.path.with_name("delivery.db"))
    async with delivering(office, graph):
        rows = await settled(office)

    assert [(row.status, row.attempts) for row in rows] == [("done", 1)] * 2
    assert said(graph) == [("919800000001", "before"), ("919800000001", "after")]


async def test_dbos_is_told_ids_and_nothing_else(office: Office, graph: GraphStandIn) -> None:
    await office.open("E-1", number="101", to="919800000001")
    effect = await office.ask("E-1", "message_asked", "a secret of theirs")

    async with delivering(office, graph):
        await settled(office)

    file = office.path.with_name("delivery.db")
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute(
            "SELECT workflow_uuid, name, queue_name, queue_partition_key, application_version FROM workflow_status"
        ).fetchall() == [(f"{effect}:0", "deliver", MESSAGES, "101", "1")]
    assert not [text for text in (b"919800000001", b"a secret of theirs") if text in file.read_bytes()]


async def test_dbos_forgets_what_has_ended(
    office: Office, graph: GraphStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.delivery.KEPT", 0)
    await office.open("E-1", number="101", to="919800000001")
    await office.ask("E-1", "message_asked", "hello")

    def known() -> int:
        with closing(sqlite3.connect(office.path.with_name("delivery.db"))) as connection:
            (count,) = connection.execute("SELECT count(*) FROM workflow_status").fetchone()
            return int(count)

    async with delivering(office, graph):
        await settled(office)
        await until(lambda: known() == 0)


async def test_what_was_handed_over_and_never_done_is_handed_over_again(
    office: Office, graph: GraphStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workflow may end without having called: the record could not be asked."""
    await office.open("E-1", number="101", to="919800000001")
    await office.ask("E-1", "message_asked", "hello")
    answers: list[Callable[[str], Awaitable[Any]]] = []
    begin = office.outbox.begin

    async def unsteady(effect_id: str) -> Any:
        if len(answers) < 2:
            answers.append(begin)
            raise sqlite3.OperationalError
        return await begin(effect_id)

    monkeypatch.setattr(office.outbox, "begin", unsteady)
    async with delivering(office, graph):
        (row,) = await settled(office)

    assert (row.status, row.attempts, len(answers)) == ("done", 1, 2)


async def test_what_staff_ask_for_again_is_called_again(office: Office, graph: GraphStandIn) -> None:
    graph.goes_wrong(refused(131026))
    await office.open("E-1", number="101", to="919800000001")
    effect = await office.ask("E-1", "message_asked", "hello")

    async with delivering(office, graph):
        await settled(office)
        await office.redrive(effect)
        (row,) = await settled(office)

    assert (row.status, row.attempts, row.rounds) == ("done", 2, 1)


async def test_a_fault_of_ours_on_the_way_out_is_a_doubt(office: Office) -> None:
    class Broken(Senders):
        async def make(self, attempt: Attempt) -> Result:
            raise ZeroDivisionError(attempt.effect_id)

    await office.open("E-1", number="101", to="919800000001")
    await office.ask("E-1", "message_asked", "hello")
    deliverer = Deliverer(office.outbox, Broken(None, {}, _post), office.path.with_name("delivery.db"))
    await deliverer.start()
    (row,) = await settled(office)
    await deliverer.stop()

    assert (row.status, row.reason) == ("unknown", "a fault of ours: may have been sent")


async def test_without_a_token_what_needs_one_waits(office: Office) -> None:
    await office.open("E-1", number="101", to="919800000001")
    await office.open("E-2", url="http://127.0.0.1:1/nobody")
    await office.ask_all([("E-1", "message_asked", "hello"), ("E-2", "keyed_call_asked", "come")])
    deliverer = Deliverer(office.outbox, Senders(None, {}, _post), office.path.with_name("delivery.db"))
    await deliverer.start()
    await until(lambda: all(row.reason for row in office.effects()))
    await deliverer.stop()

    assert [(row.status, row.reason) for row in office.effects()] == [
        ("pending", "no access token"),
        ("pending", "no courier token"),
    ]


def _answers_slowly(_: Request) -> Response:
    threading.Event().wait(0.5)
    return Response()


async def test_a_courier_has_its_time_and_no_more(office: Office, graph: GraphStandIn, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/call").respond_with_handler(_answers_slowly)
    await office.open("E-1", url=httpserver.url_for("/call"))
    await office.open("E-2", url="http://127.0.0.1:1/nobody")
    await office.ask_all([("E-1", "call_asked", "come"), ("E-2", "call_asked", "come")])
    channels = Senders(Graph(graph.url, "a token"), {}, _post, seconds=0.1)
    deliverer = Deliverer(office.outbox, channels, office.path.with_name("delivery.db"))
    await deliverer.start()
    await until(lambda: all(row.reason for row in office.effects()))
    await deliverer.stop()

    doubted, unsent = office.effects()
    assert (doubted.status, doubted.reason) == ("unknown", "slow")
    assert (unsent.status, unsent.reason) == ("pending", "connect")
