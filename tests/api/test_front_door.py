"""What every request meets first, by both ways in: hosts, proxies, media types, sizes, time, and JSON that harms."""

import json
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from api import front_door
from api.front_door import KIB, Message
from tests.api.conftest import Serve
from tests.api.phones import JSON, Handset, Wire
from tests.api.serving import Server

MINTING = "/admin/api/v1/sessions"
A_SESSION = {"definition": "purchase_interest", "recipient": "919800000042", "data": {}}

Headers = Sequence[tuple[bytes, bytes]]


def bearer(server: Server) -> tuple[bytes, bytes]:
    return b"Authorization", f"Bearer {server.world.admin_token}".encode()


def mint(server: Server, body: bytes, *headers: tuple[bytes, bytes], path: str = MINTING) -> httpx2.Response:
    return server.client.post(path, content=body, headers=[bearer(server), *(headers or [JSON])])


def code(response: httpx2.Response) -> tuple[int, str]:
    """Return a problem's status and code, which come as a problem does."""
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == response.status_code
    return response.status_code, document["code"]


# Hosts and proxies


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "LocalHost:{port}", "[::1]:{port}"])
def test_a_request_for_this_server_is_taken(shared_server: Server, host: str) -> None:
    name = host.format(port=shared_server.port)

    assert shared_server.client.get("/health/live", headers={"Host": name}).status_code == 200


@pytest.mark.parametrize(
    "hosts",
    [
        pytest.param((), id="none"),
        pytest.param(("",), id="an empty one"),
        pytest.param(("localhost",), id="another port"),
        pytest.param(("localhost:1",), id="a port that is not ours"),
        pytest.param(("waystate.example",), id="another"),
        pytest.param(("localhost:{port}.waystate.example",), id="one that begins like ours"),
        pytest.param(("localhost:{port}@waystate.example",), id="with a user"),
        pytest.param(("localhost:{port}", "waystate.example"), id="ours and another"),
        pytest.param(("localhost:{port}", "localhost:{port}"), id="ours twice"),
        pytest.param(("localhost:{port}, waystate.example",), id="two in one"),
        pytest.param(("\u00ff",), id="noise"),
    ],
)
@pytest.mark.parametrize("path", ["/health/live", "/flows/survey"])
def test_a_request_for_another_host_is_refused(shared_server: Server, path: str, hosts: Sequence[str]) -> None:
    shared_server.parts.metrics.flow_calls._outcomes.clear()
    method = "POST" if path.startswith("/flows") else "GET"
    lines = [f"{method} {path} HTTP/1.1", *(f"Host: {host.format(port=shared_server.port)}" for host in hosts)]
    with Wire(shared_server) as wire:
        wire.say("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode("latin-1"))
        spoken = wire.hear()

    assert spoken.status == 400
    if method == "GET" and hosts not in {(), ("localhost:{port}", "localhost:{port}")}:
        assert b"waystate.example" not in spoken.body


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-proto", "X-Forwarded-Anything"])
def test_in_development_nothing_may_stand_in_front(shared_server: Server, name: str) -> None:
    phone = Handset(shared_server, token=name)
    body = phone.called(action="INIT").body

    refused = shared_server.client.get("/health/live", headers={name: "127.0.0.1"})
    flow = phone.post(body, [*phone.signed(body), (name.encode(), b"127.0.0.1")])

    assert code(refused) == (400, "proxy_refused")
    assert (flow.status_code, flow.content) == (400, b"")
    assert phone.instance is None


def test_in_production_the_public_host_and_a_proxy_are_expected(serve: Serve, way: str) -> None:
    server = serve(way=way, env="production", public_url="https://shop.example")
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}

    said = [
        server.client.get("/health/live", headers={"Host": host, **headers}).status_code
        for host in ("shop.example", "SHOP.example", "shop.example:443", "shop.example:80", "other.example")
    ]

    assert said == [200, 200, 200, 400, 400]


# How requests are dressed


def test_every_answer_has_its_id_and_says_how_it_may_be_used(shared_server: Server) -> None:
    said = [
        shared_server.client.get("/"),
        shared_server.client.get("/health/live"),
        shared_server.client.get("/nowhere"),
        mint(shared_server, b"{"),
        shared_server.client.get("/health/live", headers={"X-Forwarded-For": "1"}),
    ]

    for response in said:
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert "cache-control" in response.headers
    assert len({response.headers["x-request-id"] for response in said}) == len(said)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_a_flow_is_posted_and_nothing_else(shared_server: Server, method: str) -> None:
    response = shared_server.client.request(method, "/flows/survey")

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    if method != "HEAD":
        assert code(response) == (405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/", "/health/ready", "/schema/openapi.json", "/nowhere"])
def test_head_is_get_without_its_body(shared_server: Server, path: str) -> None:
    client = shared_server.client

    whole, head = client.get(path), client.head(path)

    own = {"date", "x-request-id"}
    assert head.status_code == whole.status_code
    assert {name: value for name, value in head.headers.items() if name not in own} == {
        name: value for name, value in whole.headers.items() if name not in own
    }
    assert (len(whole.content) > 0, head.content) == (True, b"")


def test_a_request_that_names_no_path_is_refused(shared_server: Server) -> None:
    with Wire(shared_server) as wire:
        wire.say(b"OPTIONS * HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % shared_server.port)

        assert wire.hear().status == 400


def test_a_key_in_a_path_may_hold_a_slash(shared_server: Server) -> None:
    Handset(shared_server, token="a/b c").open()  # noqa: S106

    response = shared_server.client.get(f"{MINTING}/survey/a%2Fb%20c", headers=[bearer(shared_server)])

    assert (response.status_code, response.json()["key"]) == (200, "a/b c")


async def test_a_web_socket_is_closed_at_once(shared_server: Server) -> None:
    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    await shared_server.door({"type": "websocket", "path": "/"}, receive, send)

    assert said == [{"type": "websocket.close", "code": 1000}]


# Bodies


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"Accept", b"*/*")], id="no type"),
        pytest.param([(b"Content-Type", b"text/plain")], id="text"),
        pytest.param([(b"Content-Type", b"application/x-www-form-urlencoded")], id="a form"),
        pytest.param([(b"Content-Type", b"multipart/form-data; boundary=x")], id="parts"),
        pytest.param([(b"Content-Type", b"application/json2")], id="longer"),
        pytest.param([(b"Content-Type", b"text/plain; application/json")], id="JSON behind"),
    ],
)
def test_a_body_of_another_type_is_refused(shared_server: Server, headers: Headers) -> None:
    assert code(mint(shared_server, json.dumps(A_SESSION).encode(), *headers)) == (415, "media_type")


def test_a_compressed_body_is_refused(shared_server: Server) -> None:
    for encoding in (b"gzip", b"br", b"identity"):
        response = mint(shared_server, json.dumps(A_SESSION).encode(), JSON, (b"Content-Encoding", encoding))
        assert code(response) == (415, "content_encoding")


def test_a_body_says_json_in_any_spelling(shared_server: Server) -> None:
    for media_type in (b"application/json", b"Application/JSON;charset=utf-8", b"application/json ; x=y"):
        response = mint(shared_server, json.dumps(A_SESSION).encode(), (b"Content-Type", media_type))
        assert response.status_code == 201, response.text


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(b"{", (400, "not_json"), id="half"),
        pytest.param(b"definition=x", (400, "not_json"), id="a form"),
        pytest.param(b'{"definition": "\xff"}', (400, "not_json"), id="not UTF-8"),
        pytest.param(b'{"more": "\xff", "definition": "\\u0000"}', (400, "not_json"), id="not UTF-8, and a NUL"),
        pytest.param(b'{"definition": "\\ud800"}', (400, "not_json"), id="half a character"),
        pytest.param("\ufeff{}".encode(), (400, "not_json"), id="a mark of its order"),
        pytest.param("{}".encode("utf-16"), (400, "not_json"), id="UTF-16"),
        pytest.param(b"[" * 65 + b"]" * 65, (400, "too_deep"), id="too deep"),
        pytest.param(b"[" * 200_000, (400, "too_deep"), id="far too deep"),
        pytest.param(b'{"a":' * 65 + b"1" + b"}" * 65, (400, "too_deep"), id="objects too deep"),
        pytest.param(b'{"more": NaN}', (400, "not_json"), id="not a number"),
        pytest.param(b'{"data": {"x": 1e999, "y": "\\u0000"}}', (400, "not_json"), id="a number beyond all"),
    ],
)
def test_what_is_no_json_is_refused(shared_server: Server, body: bytes, told: tuple[int, str]) -> None:
    assert code(mint(shared_server, body)) == told


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("a\0b", {"pointer": "/data/x", "code": "text", "message": "A text has no NUL"}),
        ({"a\0b": 1}, {"pointer": "/data/x", "code": "text", "message": "A text has no NUL"}),
        (2**63, {"pointer": "/data/x", "code": "number", "message": "A number fits 64 bits"}),
        ([0, -(2**63) - 1], {"pointer": "/data/x/1", "code": "number", "message": "A number fits 64 bits"}),
    ],
)
def test_what_not_every_database_takes_is_refused_with_its_place(
    shared_server: Server, value: Any, problem: dict[str, str]
) -> None:
    response = mint(shared_server, json.dumps({**A_SESSION, "data": {"x": value}}).encode())

    assert code(response) == (422, "invalid_content")
    assert response.json()["errors"] == [problem]


def test_what_every_database_takes_is_taken(shared_server: Server) -> None:
    data = {"x": 2**63 - 1, "y": -(2**63), "deep": json.loads("[" * 60 + "]" * 60), "text": "Zażółć 🛵 \u0001"}

    response = mint(shared_server, json.dumps({**A_SESSION, "data": data}).encode())

    assert response.status_code == 201, response.text


@pytest.mark.parametrize(
    ("path", "limit", "told"),
    [
        pytest.param(MINTING, KIB * KIB, 400, id="admin"),
        pytest.param("/_ah/api/esb/v2/order/O-1", 64 * KIB, 400, id="portal"),
        pytest.param("/webhooks/couriers/generic", KIB * KIB, 401, id="couriers"),
        pytest.param("/webhooks/whatsapp", 4 * KIB * KIB, 401, id="Meta"),
    ],
)
def test_a_body_has_a_limit_wherever_it_goes(shared_server: Server, path: str, limit: int, told: int) -> None:
    within = mint(shared_server, b"x" * limit, path=path)
    beyond = mint(shared_server, b"x" * (limit + 1), path=path)

    assert within.status_code == told
    assert beyond.status_code == 413


@pytest.mark.parametrize("path", [MINTING, "/webhooks/whatsapp", "/_ah/api/esb/v2/order/O-1"])
def test_a_body_that_takes_too_long_is_refused(
    shared_server: Server, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(front_door, "BODY_SECONDS", 0.1)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost:{shared_server.port}\r\nContent-Length: 9\r\n\r\n"
    with Wire(shared_server) as wire:
        wire.say(head.encode(), b"{")

        spoken = wire.hear()

        assert (spoken.status, spoken.headers["connection"]) == (408, "close")
        assert wire.rest() == b""


def test_a_peer_that_goes_away_before_its_body_is_here_is_forgotten(shared_server: Server) -> None:
    head = f"POST {MINTING} HTTP/1.1\r\nHost: localhost:{shared_server.port}\r\nContent-Length: 9\r\n\r\n"
    with Wire(shared_server) as wire:
        wire.say(head.encode(), b"{")

    assert shared_server.client.get("/health/live").status_code == 200


def test_what_comes_with_a_get_is_not_looked_at(shared_server: Server) -> None:
    response = shared_server.client.request("GET", "/health/live", content=b"\xff" * 1000)

    assert response.status_code == 200


@given(some.binary(max_size=200))
@settings(max_examples=25, deadline=None)
def test_no_body_makes_us_fail(shared_server: Server, body: bytes) -> None:
    assert mint(shared_server, body).status_code in {400, 422}
