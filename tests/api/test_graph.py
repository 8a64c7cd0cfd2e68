"""The Graph API's client against a stand-in on real sockets, with everything that can happen to a call."""

import asyncio
import hashlib
import socket
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import msgspec
import pytest
import stamina

from api import graph as client
from api.graph import VERSION, App, FlowFault, Graph, PublicKey, Sent, Subscription
from api.graph_errors import GraphError, GraphFailure, InDoubt, NotSent
from api.media import MediaFetcher
from api.settings import ConfigurationError, Settings
from definitions.media import CompletedMedia
from tests.standins.graph import (
    JUNK,
    NO_ID,
    RESET_AFTER,
    RESET_BEFORE,
    Answer,
    Asked,
    Fault,
    GraphStandIn,
    as_json,
    broken,
    graph_standin,
    limited,
    refused,
    slow,
)

TOKEN = "EAAtestTOKENofNobody"  # noqa: S105 - nobody's
NUMBER = "100000000000001"
WABA = "200000000000002"
TO = "919800000001"
MESSAGE = {"messaging_product": "whatsapp", "to": TO, "type": "text", "text": {"body": "Good day"}}
TAKEN = b'{"messages": [{"id": "wamid.1"}]}'
GUARD = 5.0
"""Seconds that nothing here takes, unless it hangs."""


@pytest.fixture
def standin() -> Iterator[GraphStandIn]:
    with graph_standin() as standin:
        standin.token = TOKEN
        yield standin


@pytest.fixture
async def graph(standin: GraphStandIn) -> AsyncIterator[Graph]:
    async with Graph(standin.url, TOKEN, seconds=GUARD) as graph:
        yield graph


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Ask again at once."""
    with stamina.set_testing(True, attempts=client.ATTEMPTS):
        yield


async def failure(call: Awaitable[Any]) -> GraphFailure:
    """Return what a call fails with, which must tell nothing and bring nothing along."""
    with pytest.raises(GraphFailure) as failed:
        await call
    told = "".join(traceback.format_exception(failed.value, chain=True))
    assert failed.value.__context__ is None
    assert [secret for secret in (TOKEN, TO, "Good day") if secret in told] == []
    return failed.value


@contextmanager
def listener() -> Iterator[tuple[int, Callable[[], socket.socket]]]:
    """Listen on some port, and give what takes the next connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(GUARD)
        yield listening.getsockname()[1], lambda: listening.accept()[0]


# Sending


async def test_a_message_is_sent_and_has_an_id(graph: Graph, standin: GraphStandIn) -> None:
    sent = [await graph.send(NUMBER, MESSAGE) for _ in range(2)]

    assert sent == [Sent("wamid.1"), Sent("wamid.2")]
    assert [(each.number, each.message) for each in standin.sent] == [(NUMBER, MESSAGE)] * 2
    assert standin.sent[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert standin.sent[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        pytest.param("", f"/{VERSION}", id="the version that is spoken"),
        pytest.param("/", f"/{VERSION}", id="with a slash at its end"),
        pytest.param("/v26.0", "/v26.0", id="the version that the settings name"),
        pytest.param("/v26.0/", "/v26.0", id="that with a slash"),
        pytest.param("/graph", f"/graph/{VERSION}", id="below a path"),
    ],
)
async def test_the_version_is_the_addresss_own_or_ours(given: str, asked: str) -> None:
    targets = []
    with listener() as (port, accepted):

        async def speak() -> None:
            with suppress(GraphFailure):
                async with Graph(f"http://127.0.0.1:{port}{given}", TOKEN, seconds=GUARD) as graph:
                    await graph.send(NUMBER, MESSAGE)

        def listen() -> None:
            with closing(accepted()) as connection:
                targets.append(connection.recv(65536).split()[1].decode())

        await asyncio.gather(speak(), asyncio.to_thread(listen))

    assert targets == [f"{asked}/{NUMBER}/messages"]


@pytest.mark.parametrize(
    ("fault", "reason", "accepted"),
    [
        pytest.param(RESET_BEFORE, "broken", 0, id="reset before it was accepted"),
        pytest.param(RESET_AFTER, "broken", 1, id="reset after it was accepted"),
        pytest.param(broken(502), "status", 0, id="a proxy has no answer"),
        pytest.param(broken(502, accepted=True), "status", 1, id="a proxy has lost the answer"),
        pytest.param(broken(504), "status", 0, id="a proxy waits no longer"),
        pytest.param(broken(408), "status", 0, id="a proxy has read too long"),
        pytest.param(JUNK, "answer", 1, id="an answer that is no JSON"),
        pytest.param(NO_ID, "answer", 1, id="an answer without an id"),
        pytest.param(Fault(answer=as_json({"messages": [{"id": ""}]})), "answer", 1, id="an empty id"),
        pytest.param(Fault(answer=as_json({"messages": [{"id": None}]})), "answer", 1, id="an id that is null"),
        pytest.param(Fault(answer=as_json({"messages": [{"id": 7}]})), "answer", 1, id="an id that is no text"),
        pytest.param(Fault(answer=as_json([])), "answer", 1, id="a list"),
        pytest.param(Fault(answer=Answer(200)), "answer", 1, id="an empty answer"),
        pytest.param(Fault(answer=Answer(204)), "answer", 1, id="no answer at all"),
        pytest.param(Fault(answer=Answer(200, b"[" * 100_000)), "answer", 1, id="an answer that nests too deep"),
        pytest.param(Fault(answer=as_json({"error": {"code": 1}})), "answer", 1, id="an error that is a success"),
        pytest.param(
            Fault(answer=Answer(200, TAKEN + b" " * client.MAX_ANSWER)), "answer", 1, id="an answer without end"
        ),
    ],
)
async def test_what_may_have_been_sent_is_in_doubt_and_asked_once(
    graph: Graph, standin: GraphStandIn, fault: Fault, reason: str, accepted: int
) -> None:
    standin.goes_wrong(fault)

    failed = await failure(graph.send(NUMBER, MESSAGE))

    assert (type(failed), vars(failed)) == (InDoubt, {"reason": reason})
    assert (len(standin.asked), len(standin.sent)) == (1, accepted)


async def test_an_answer_that_comes_too_late_is_in_doubt(standin: GraphStandIn) -> None:
    standin.goes_wrong(slow(GUARD))

    async with Graph(standin.url, TOKEN, seconds=0.1) as graph:
        failed = await failure(graph.send(NUMBER, MESSAGE))

    assert (type(failed), vars(failed), len(standin.sent)) == (InDoubt, {"reason": "slow"}, 1)


async def test_an_answer_that_stops_in_the_middle_is_in_doubt() -> None:
    with listener() as (port, accepted):

        def stop() -> None:
            with closing(accepted()) as connection:
                connection.recv(65536)
                connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"messages"')

        async def speak() -> GraphFailure:
            async with Graph(f"http://127.0.0.1:{port}", TOKEN, seconds=GUARD) as graph:
                return await failure(graph.send(NUMBER, MESSAGE))

        failed, _ = await asyncio.gather(speak(), asyncio.to_thread(stop))

    assert (type(failed), vars(failed)) == (InDoubt, {"reason": "broken"})


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param(refused(131026), (400, 131026, None, None, "recipient"), id="a recipient who cannot"),
        pytest.param(refused(131047), (400, 131047, None, None, "template"), id="outside the window"),
        pytest.param(refused(131000, 500), (500, 131000, None, None, "retry"), id="Graph's own trouble"),
        pytest.param(refused(100, error_subcode=33), (400, 100, 33, None, "fix"), id="with a subcode"),
        pytest.param(refused(368, 403), (403, 368, None, None, "stop"), id="an account that is blocked"),
        pytest.param(limited(7), (429, 130429, None, 7, "retry"), id="too many, and for how long"),
        pytest.param(limited(30, 131056), (429, 131056, None, 30, "retry"), id="too many to one person"),
        pytest.param(broken(403), (403, None, None, None, "stop"), id="a proxy forbids it"),
        pytest.param(broken(429), (429, None, None, None, "retry"), id="a proxy has too many"),
    ],
)
async def test_what_graph_refuses_is_told_and_asked_once(
    graph: Graph, standin: GraphStandIn, fault: Fault, told: tuple[Any, ...]
) -> None:
    standin.goes_wrong(fault)

    failed = await failure(graph.send(NUMBER, MESSAGE))

    assert isinstance(failed, GraphError)
    assert (failed.status, failed.code, failed.subcode, failed.retry_after, failed.kind) == told
    assert (len(standin.asked), standin.sent) == (1, [])


async def test_what_graph_says_of_a_message_is_not_kept(graph: Graph, standin: GraphStandIn) -> None:
    standin.goes_wrong(refused(131030, message=f"Recipient {TO}", error_data={"details": f"{TO} is not allowed"}))

    failed = await failure(graph.send(NUMBER, MESSAGE))

    assert isinstance(failed, GraphError)
    assert (failed.words, failed.trace) == ("", "Atrace")


async def test_a_redirect_is_not_followed_with_the_token(graph: Graph, standin: GraphStandIn) -> None:
    elsewhere = Answer(307, b"", {"Location": f"{standin.url}/v25.0/{NUMBER}/messages"})
    standin.goes_wrong(Fault(accepted=False, answer=elsewhere))

    failed = await failure(graph.send(NUMBER, MESSAGE))

    assert isinstance(failed, GraphError)
    assert (failed.status, failed.kind, len(standin.asked)) == (307, "stop", 1)


# What certainly was not sent


async def test_where_nobody_listens_nothing_is_sent() -> None:
    with listener() as (port, _):
        pass

    async with Graph(f"http://127.0.0.1:{port}", TOKEN, seconds=GUARD) as graph:
        failed = await failure(graph.send(NUMBER, MESSAGE))

    assert (type(failed), vars(failed)) == (NotSent, {"reason": "connect"})


async def test_to_a_host_that_has_no_address_nothing_is_sent() -> None:
    async with Graph("http://graph.invalid", TOKEN, seconds=GUARD) as graph:
        failed = await failure(graph.send(NUMBER, MESSAGE))

    assert type(failed) is NotSent


async def test_to_whom_we_do_not_believe_nothing_is_sent(standin: GraphStandIn) -> None:
    async with Graph(standin.url.replace("http:", "https:"), TOKEN, seconds=GUARD) as graph:  # speaks no TLS
        failed = await failure(graph.send(NUMBER, MESSAGE))

    assert (type(failed), vars(failed)) == (NotSent, {"reason": "connect"})
    assert standin.asked == []


async def test_when_tls_takes_too_long_nothing_is_sent() -> None:
    silent = threading.Event()
    with listener() as (port, accepted):

        def listen() -> None:
            with closing(accepted()):
                silent.wait(GUARD)

        async def speak() -> GraphFailure:
            async with Graph(f"https://127.0.0.1:{port}", TOKEN, seconds=0.1) as graph:
                try:
                    return await failure(graph.send(NUMBER, MESSAGE))
                finally:
                    silent.set()

        failed, _ = await asyncio.gather(speak(), asyncio.to_thread(listen))

    assert (type(failed), vars(failed)) == (NotSent, {"reason": "slow"})


async def test_when_a_proxy_refuses_the_way_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    with listener() as (port, accepted):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")

        def refuse() -> None:
            with closing(accepted()) as connection:
                seen.append(connection.recv(65536).split()[0])
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        async def speak() -> GraphFailure:
            async with Graph("https://graph.invalid", TOKEN, seconds=GUARD) as graph:
                return await failure(graph.send(NUMBER, MESSAGE))

        failed, _ = await asyncio.gather(speak(), asyncio.to_thread(refuse))

    assert (seen, type(failed), vars(failed)) == ([b"CONNECT"], NotSent, {"reason": "connect"})


async def test_after_a_break_the_next_message_goes_out(graph: Graph, standin: GraphStandIn) -> None:
    standin.goes_wrong(RESET_BEFORE)
    await failure(graph.send(NUMBER, MESSAGE))

    assert await graph.send(NUMBER, MESSAGE) == Sent("wamid.1")


async def test_of_many_at_once_each_has_its_own_end(graph: Graph, standin: GraphStandIn) -> None:
    def by_recipient(asked: Asked) -> Fault | None:
        return (None, refused(131026), RESET_AFTER)[int(asked.content["to"]) % 3]

    standin.goes_wrong_when(by_recipient)

    messages = [{**MESSAGE, "to": str(number)} for number in range(300)]
    ends = await asyncio.gather(*(graph.send(NUMBER, each) for each in messages), return_exceptions=True)

    assert [type(end) for end in ends] == [Sent, GraphError, InDoubt] * 100
    taken = {each.wamid: each.message["to"] for each in standin.sent}
    assert [taken[end.wamid] for end in ends if isinstance(end, Sent)] == [str(number) for number in range(0, 300, 3)]
    assert len(standin.asked) == 300


@pytest.mark.parametrize("token", ["EAA\nX-Other: 1", "EAA\xe9", " EAA"], ids=["two lines", "not ASCII", "a space"])
def test_a_token_that_no_header_can_carry_is_refused_at_the_start(token: str) -> None:
    with pytest.raises(ConfigurationError, match="WAYSTATE_ACCESS_TOKEN") as refused_token:
        Graph("https://graph.invalid", token)

    assert "EAA" not in str(refused_token.value)


async def test_the_settings_say_where_graph_is_and_with_which_token(standin: GraphStandIn) -> None:
    async with Graph.of(Settings(graph_url=standin.url, access_token=TOKEN)) as graph:
        assert await graph.send(NUMBER, MESSAGE) == Sent("wamid.1")


# Keys, Flows and webhooks


async def test_a_number_without_a_key_has_an_empty_one(graph: Graph) -> None:
    assert await graph.public_key(NUMBER) == PublicKey()


async def test_a_key_is_kept_for_its_number_alone(graph: Graph, standin: GraphStandIn) -> None:
    await graph.put_public_key(NUMBER, "-----BEGIN PUBLIC KEY-----\nA+/=\n-----END PUBLIC KEY-----\n")

    assert standin.keys == {NUMBER: "-----BEGIN PUBLIC KEY-----\nA+/=\n-----END PUBLIC KEY-----\n"}
    assert await graph.public_key(NUMBER) == PublicKey(standin.keys[NUMBER], "VALID")


async def test_a_key_that_comes_without_a_list_is_read_too(graph: Graph, standin: GraphStandIn) -> None:
    said = {"business_public_key": "a key", "business_public_key_signature_status": "MISMATCH"}
    standin.goes_wrong(Fault(answer=as_json(said)))

    assert await graph.public_key(NUMBER) == PublicKey("a key", "MISMATCH")


async def test_all_pages_of_flows_are_read_from_graph_itself(graph: Graph, standin: GraphStandIn) -> None:
    standin.page_size = 2
    made = [await graph.create_flow(WABA, f"flow {number}", ("OTHER",)) for number in range(5)]

    assert [(flow.id, flow.name) for flow in await graph.flows(WABA)] == [
        (flow_id, f"flow {number}") for number, flow_id in enumerate(made)
    ]
    assert {asked.path for asked in standin.asked if asked.method == "GET"} == {f"/{WABA}/flows"}


async def test_pages_without_end_are_not_read_without_end(graph: Graph, standin: GraphStandIn) -> None:
    again = as_json({"data": [], "paging": {"cursors": {"after": "25"}, "next": "https://graph.invalid/"}})
    standin.goes_wrong_when(lambda _: Fault(answer=again))

    assert type(await failure(graph.flows(WABA))) is InDoubt
    assert len(standin.asked) == client.MAX_PAGES


async def test_a_flow_is_made_uploaded_pointed_and_published(graph: Graph, standin: GraphStandIn) -> None:
    document = b'{"version": "7.3", "data_api_version": "3.0", "screens": []}\r\n'
    flow_id = await graph.create_flow(WABA, "offer", ("SURVEY", "OTHER"), "https://old.example/flows/offer")

    assert await graph.upload_flow(flow_id, document) == ()
    await graph.point_flow(flow_id, "https://shop.example/flows/offer")
    await graph.publish_flow(flow_id)
    flow = await graph.flow(flow_id)

    assert (standin.flows[flow_id].document, standin.flows[flow_id].categories) == (document, ["SURVEY", "OTHER"])
    assert (flow.name, flow.status, flow.json_version, flow.data_api_version, flow.endpoint_uri) == (
        "offer",
        "PUBLISHED",
        "7.3",
        "3.0",
        "https://shop.example/flows/offer",
    )
    assert flow.preview.preview_url == f"{standin.url}/preview/{flow_id}"
    assert flow.health_status.can_send_message == "AVAILABLE"


async def test_what_meta_finds_wrong_in_a_flow_is_read(graph: Graph, standin: GraphStandIn) -> None:
    flow_id = await graph.create_flow(WABA, "offer", ("OTHER",))
    standin.flaws = [
        {
            "error": "INVALID_PROPERTY",
            "error_type": "JSON_SCHEMA_ERROR",
            "message": "The property is invalid.",
            "line_start": 4,
            "line_end": 4,
            "column_start": 7,
            "column_end": 9,
            "pointers": [{"line_start": 4, "column_start": 7, "path": "screens[0].title"}],
            "of a later version": True,
        }
    ]

    (fault,) = await graph.upload_flow(flow_id, b"{}")

    assert msgspec.to_builtins(fault) == {
        "error": "INVALID_PROPERTY",
        "error_type": "JSON_SCHEMA_ERROR",
        "message": "The property is invalid.",
        "line_start": 4,
        "column_start": 7,
        "pointers": ({"path": "screens[0].title", "line_start": 4, "column_start": 7},),
    }
    assert (await graph.flow(flow_id)).validation_errors == (fault,)
    assert FlowFault() != fault


async def test_what_there_is_none_of_may_be_null(graph: Graph, standin: GraphStandIn) -> None:
    standin.goes_wrong(Fault(answer=as_json({"id": "1", "name": None, "preview": None, "validation_errors": None})))

    assert await graph.flow("1") == client.FlowAtMeta("1")


async def test_who_gets_the_webhooks_is_told(graph: Graph, standin: GraphStandIn) -> None:
    standin.apps.append({"whatsapp_business_api_data": {"id": "2"}, "override_callback_uri": "https://b.example/"})

    assert await graph.subscriptions(WABA) == (
        Subscription(App("1", "Our app")),
        Subscription(App("2"), "https://b.example/"),
    )


Calls = Callable[[Graph], Awaitable[Any]]


@pytest.mark.parametrize("fault", [RESET_BEFORE, RESET_AFTER, broken(502), refused(2, 500), JUNK])
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda graph: graph.public_key(NUMBER), id="reading a key"),
        pytest.param(lambda graph: graph.put_public_key(NUMBER, "a key"), id="keeping a key"),
        pytest.param(lambda graph: graph.flows(WABA), id="listing Flows"),
        pytest.param(lambda graph: graph.flow("flow-1"), id="reading a Flow"),
        pytest.param(lambda graph: graph.upload_flow("flow-1", b"{}"), id="uploading a Flow"),
        pytest.param(lambda graph: graph.point_flow("flow-1", "https://shop.example"), id="pointing a Flow"),
        pytest.param(lambda graph: graph.subscriptions(WABA), id="reading who gets webhooks"),
    ],
)
async def test_what_does_the_same_twice_is_asked_again(
    graph: Graph, standin: GraphStandIn, call: Calls, fault: Fault
) -> None:
    await graph.create_flow(WABA, "offer", ("OTHER",))
    standin.goes_wrong(fault, fault)

    await call(graph)
    standin.goes_wrong(fault, fault, fault)
    failed = await failure(call(graph))

    assert type(failed) is (GraphError if fault.answer and b"code" in fault.answer.body else InDoubt)
    assert len(standin.asked) == 1 + 2 * client.ATTEMPTS


@pytest.mark.parametrize(
    "fault", [refused(100), refused(190, 401), limited(60), broken(404)], ids=["wrong", "token", "limited", "lost"]
)
async def test_what_does_not_pass_is_not_asked_again(graph: Graph, standin: GraphStandIn, fault: Fault) -> None:
    standin.goes_wrong(fault)

    assert type(await failure(graph.flows(WABA))) is GraphError
    assert len(standin.asked) == 1


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda graph: graph.create_flow(WABA, "offer", ("OTHER",)), id="making a Flow"),
        pytest.param(lambda graph: graph.publish_flow("flow-1"), id="publishing one"),
    ],
)
async def test_what_would_be_refused_the_second_time_is_asked_once(
    graph: Graph, standin: GraphStandIn, call: Calls
) -> None:
    standin.goes_wrong(RESET_AFTER)

    assert type(await failure(call(graph))) is InDoubt
    assert len(standin.asked) == 1


async def test_graphs_words_are_told_to_who_gave_a_command_without_the_token(
    graph: Graph, standin: GraphStandIn
) -> None:
    standin.goes_wrong(refused(190, 401, message=f"Malformed access token {TOKEN}\n\x1b[31m again"))

    failed = await failure(graph.flows(WABA))

    assert isinstance(failed, GraphError)
    assert failed.words == "Malformed access token … [31m again"


async def test_files_that_customers_sent_are_given(standin: GraphStandIn) -> None:
    standin.files["777"] = b"a picture"
    file = CompletedMedia("777", "image/png", hashlib.sha256(b"a picture").hexdigest())

    assert await MediaFetcher(standin.url, TOKEN, near={"127.0.0.1"}).fetch(file) == b"a picture"


# The stand-in itself


@pytest.mark.parametrize(("fault", "accepted"), [(RESET_BEFORE, 0), (RESET_AFTER, 1)], ids=["before", "after"])
def test_a_reset_is_a_real_one(standin: GraphStandIn, fault: Fault, accepted: int) -> None:
    standin.goes_wrong(fault)
    body = b'{"to": "1"}'
    head = f"POST /{NUMBER}/messages HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"

    with socket.create_connection(("127.0.0.1", int(standin.url.rpartition(":")[2])), GUARD) as connection:
        connection.sendall(head.encode() + body)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)

    assert len(standin.sent) == accepted
