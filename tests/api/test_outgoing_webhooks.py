"""Results posted over real HTTP: whose they are, and what becomes of them."""

import asyncio
import json
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Request, Response

from api.outbox import Attempt, Done, Doubt, Failed, Result, Unsent
from api.outgoing_webhooks import WebhookSender, signed
from definitions.outgoing import WebhookCall
from engine.model import SECOND
from tests.api.serving import FakeClock, Server
from tests.api.speaking import a_scan, an_item, an_order, ask, put_order, scan

SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"  # noqa: S105 - the specification's own
PAYLOAD = {"type": "order.delivered", "timestamp": "2026-01-01T12:00:00Z", "data": {"key": "O-1", "name": "चाय"}}
PRIVATE = ("127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00::1")


def a_sender(**wanted: Any) -> WebhookSender:
    secrets = wanted.pop("secrets", {"erp": SECRET})
    return WebhookSender(secrets, wanted.pop("clock", FakeClock()), **{"near": True, **wanted})


def a_call(url: str, endpoint: str = "erp") -> WebhookCall:
    return WebhookCall(f"webhook/{endpoint}/order/O-1", endpoint, PAYLOAD, url)


async def answered(httpserver: HTTPServer, status: int, **headers: str) -> Result:
    """Return how a post ends that is answered so."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    httpserver.expect_request("/hooks").respond_with_data("never read", status, named)
    return await a_sender().post(a_call(httpserver.url_for("/hooks")), "e-1")


# Signatures


@pytest.mark.parametrize(
    ("secret", "message_id", "second", "body", "signature"),
    [
        (
            SECRET,
            "msg_loFOjxBNrRLzqYUf",
            1731705121,
            b'{"event_type":"ping","data":{"success":true}}',
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        ),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ],
    ids=["Standard Webhooks", "Svix"],
)
def test_a_body_is_signed_as_the_published_vectors_are(
    secret: str, message_id: str, second: int, body: bytes, signature: str
) -> None:
    assert signed(secret, message_id, second * SECOND, body) == {
        "webhook-id": message_id,
        "webhook-timestamp": str(second),
        "webhook-signature": signature,
    }


async def test_a_receiver_can_verify_what_is_posted(httpserver: HTTPServer) -> None:
    now = datetime.now(UTC)
    clock = FakeClock(int(now.timestamp()) * SECOND)
    httpserver.expect_ordered_request("/hooks", "POST").respond_with_data("", 204)

    assert await a_sender(clock=clock).post(a_call(httpserver.url_for("/hooks?a=b")), "e-1") == Done("204")

    ((request, _),) = httpserver.log
    assert Webhook(SECRET).verify(request.get_data(), dict(request.headers)) == PAYLOAD
    assert request.headers["webhook-id"] == "e-1"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Host"] == f"{httpserver.host}:{httpserver.port}"
    assert request.query_string == b"a=b"
    assert json.loads(request.get_data()) == PAYLOAD


async def test_a_repeat_has_the_same_id_and_the_time_of_its_own(httpserver: HTTPServer) -> None:
    clock = FakeClock()
    sender = a_sender(clock=clock)
    httpserver.expect_request("/hooks").respond_with_data("")

    for _ in range(2):
        await sender.post(a_call(httpserver.url_for("/hooks")), "e-1")
        clock.move(60 * SECOND)

    said = [(request.headers["webhook-id"], int(request.headers["webhook-timestamp"])) for request, _ in httpserver.log]
    assert [name for name, _ in said] == ["e-1", "e-1"]
    assert said[1][1] - said[0][1] == 60


# Answers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_a_yes(httpserver: HTTPServer, status: int) -> None:
    assert await answered(httpserver, status) == Done(str(status))


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 408, 429, 500, 503])
async def test_any_other_answer_is_asked_again(httpserver: HTTPServer, status: int) -> None:
    assert await answered(httpserver, status) == Failed("retry", str(status))


async def test_who_is_gone_is_not_asked_again(httpserver: HTTPServer) -> None:
    assert await answered(httpserver, 410, Retry_After="1") == Failed("fix", "410")


@pytest.mark.parametrize(
    ("said", "wait"), [("7", 7.0), ("0", 0.0), ("999999999", 86400.0), ("", None), ("-1", None), ("tomorrow", None)]
)
async def test_who_asks_to_be_left_alone_for_a_while_is(httpserver: HTTPServer, said: str, wait: float | None) -> None:
    assert await answered(httpserver, 429, Retry_After=said) == Failed("retry", "429", wait)


async def test_a_redirect_is_not_followed(httpserver: HTTPServer) -> None:
    result = await answered(httpserver, 302, Location=httpserver.url_for("/elsewhere"))

    assert result == Failed("retry", "302")
    assert [request.path for request, _ in httpserver.log] == ["/hooks"]


async def test_who_takes_too_long_may_have_it(httpserver: HTTPServer) -> None:
    released = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def wait(_: Request) -> Response:
        asyncio.run_coroutine_threadsafe(asyncio.wait_for(released, 20), loop).result()
        return Response()

    httpserver.expect_request("/hooks").respond_with_handler(wait)

    result = await a_sender(seconds=0.3).post(a_call(httpserver.url_for("/hooks")), "e-1")
    released.set_result(None)

    assert result == Doubt("slow")


async def test_who_hangs_up_may_have_it() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as serving:
        port = serving.sockets[0].getsockname()[1]
        assert await a_sender().post(a_call(f"http://127.0.0.1:{port}/hooks"), "e-1") == Doubt("broken")


async def test_who_is_not_there_has_not_got_it(free_port: int) -> None:
    assert await a_sender().post(a_call(f"http://127.0.0.1:{free_port}/"), "e-1") == Unsent("connect")
    assert await a_sender(addresses=_nowhere).post(a_call("http://shop.example/"), "e-1") == Unsent("unknown_host")


async def _nowhere(_: str) -> Sequence[str]:
    raise OSError


@pytest.fixture
def free_port(httpserver: HTTPServer) -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    assert port != httpserver.port
    return port


# Rule 1


@pytest.mark.parametrize("address", PRIVATE)
async def test_nothing_is_posted_to_where_only_we_can_go(address: str) -> None:
    async def addresses(_: str) -> Sequence[str]:
        return ["93.184.215.14", address]

    assert not ip_address(address).is_global
    result = await a_sender(near=False, addresses=addresses).post(a_call("https://shop.example/hooks"), "e-1")

    assert result == Failed("fix", "private_address")


async def test_outside_of_development_an_address_has_tls(httpserver: HTTPServer) -> None:
    result = await a_sender(near=False).post(a_call(httpserver.url_for("/hooks")), "e-1")

    assert result == Failed("fix", "bad_address")
    assert httpserver.log == []


@pytest.mark.parametrize(
    "url", ["", "shop.example", "https://", "ftp://shop.example/", "https://me:secret@shop.example/"]
)
async def test_what_is_no_address_for_this_is_not_asked(url: str) -> None:
    assert await a_sender().post(a_call(url), "e-1") == Failed("fix", "bad_address")


# Rule 2


async def test_without_a_secret_nothing_is_posted_until_there_is_one(httpserver: HTTPServer) -> None:
    result = await a_sender(secrets={"another": SECRET}).post(a_call(httpserver.url_for("/hooks")), "e-1")

    assert result == Failed("stop", "no_secret")
    assert httpserver.log == []


# From the outbox


def test_what_is_posted_of_a_result_is_what_the_feed_says_of_it(server: Server, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hooks", "POST").respond_with_data("")
    hooks = [{"name": "erp", "url": httpserver.url_for("/hooks"), "events": ["order.*"]}]
    account = {"accountSlug": "dfc", "name": "Dhruv Foods", "webhooks": hooks}
    ask(server, "PUT", "/api/v1/accounts/1489", account, token=server.world.portal_token)
    sender = a_sender(clock=server.clock)

    for place, word in enumerate(("", "packed", "intransit", "delivered")):
        put_order(server, an_order("O-1"))
        scan(server, *([a_scan(word, 60 * place)] if word else []))
        delivered(server, sender)

    feed = ask(server, "GET", "/admin/api/v1/events", token=server.world.admin_token).content["items"]
    posted = [(request.headers["webhook-id"], request.get_json()) for request, _ in httpserver.log]
    told = [content["type"] for _, content in posted]
    assert told == ["order.created", "order.preparing", "order.shipped", "order.delivered"]
    for (webhook_id, content), item in zip(posted, feed, strict=True):
        about = {name: item[name] for name in ("id", "definition", "key", "state")}
        assert (webhook_id, content["timestamp"]) == (item["id"], item["occurred_at"])
        assert content["data"] == {**about, **item["data"]}
        assert content["data"].items() >= {**about, "account_id": "1489", "customer_order_number": "C-O-1"}.items()
    effects = ask(server, "GET", "/admin/api/v1/sessions/order/O-1", token=server.world.admin_token).content["effects"]
    assert {effect["status"] for effect in effects if effect["name"] == "announce"} == {"done"}


def test_without_an_endpoint_a_result_is_done_when_it_is_in_the_feed(server: Server) -> None:
    put_order(server, an_order("O-1", an_item(log=[("packed", "2026-01-01 10:00:00")])))

    delivered(server, a_sender())

    (effect,) = ask(server, "GET", "/admin/api/v1/sessions/order/O-1", token=server.world.admin_token).content[
        "effects"
    ]
    assert (effect["name"], effect["status"], effect["reason"]) == ("announce", "done", "no_webhook")


def delivered(server: Server, sender: WebhookSender) -> None:
    """Deliver every result that is due."""
    outbox = server.parts.outbox

    async def deliver() -> None:
        while await outbox.address():
            pass
        while heads := [head for head in await outbox.heads() if head.name == "announce"]:
            for head in heads:
                attempt = await outbox.begin(head.key)
                assert isinstance(attempt, Attempt)
                assert isinstance(attempt.call, WebhookCall)
                await outbox.finish(attempt, await sender.post(attempt.call, attempt.effect_id))

    server.run(deliver)
