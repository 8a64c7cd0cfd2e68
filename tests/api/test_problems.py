"""Problem documents: one shape at every status, and nothing in them that a caller sent."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Any

import pytest

import api.cases
import api.order_book
import api.orders
import engine.errors
from api.problems import MEDIA_TYPE, STATUS_OF, TITLES
from engine.errors import WorkflowError
from tests.api.faults import FAULTS
from tests.api.serving import Server
from tests.api.speaking import Heard, an_order, ask, put_order, read_order, resolve, subscribe

DESKS = {api.cases.__name__, api.order_book.__name__, api.orders.__name__}

API = "/admin/api/v1"
CANARY = "canary-7f3a"
JSON_ONLY = "Bodies are application/json."
AT_MOST = "At most 64 KB are taken here."


def problem_of(heard: Heard) -> dict[str, Any]:
    """Return a problem document without its instance, which is the request's id."""
    assert heard.headers["content-type"] == MEDIA_TYPE
    content: dict[str, Any] = heard.content
    assert content.pop("instance", heard.headers["x-request-id"]) == heard.headers["x-request-id"]
    return content


def kinds(kind: type[WorkflowError]) -> Iterator[type[WorkflowError]]:
    """Yield an error and all that are one."""
    yield kind
    for part in kind.__subclasses__():
        yield from kinds(part)


def test_every_error_of_the_engine_has_a_status_of_its_own() -> None:
    engines = [kind for kind in kinds(WorkflowError) if kind.__module__ == engine.errors.__name__]
    assert len(engines) > 8
    assert {*engines} == {*STATUS_OF}
    for status, code in STATUS_OF.values():
        assert status in TITLES
        assert code.replace("_", "").islower()


def test_the_desks_errors_are_all_told_by_its_addresses() -> None:
    told = {kind.__name__ for kind in kinds(WorkflowError) if kind.__module__ in DESKS}
    assert told == {
        "UnknownOrder",
        "UnknownAccount",
        "AccountTaken",
        "UnknownCustomer",
        "UnknownCase",
        "FieldInvalid",
    }


@pytest.mark.parametrize(
    ("method", "path", "more", "expected"),
    [
        ("GET", f"{API}/sessions?cursor=x", {}, (400, "bad_cursor")),
        ("PUT", "/api/v1/orders/O-1", {"body": b"{"}, (400, "not_json")),
        ("PUT", "/api/v1/orders/O-1", {"body": b"\xff"}, (400, "not_json")),
        ("PUT", "/api/v1/orders/O-1", {"body": b"[" * 65 + b"]" * 65}, (400, "too_deep")),
        ("GET", f"{API}/stats", {"token": "wrong"}, (401, "unauthorized")),
        ("GET", f"{API}/sessions/order/O-9", {}, (404, "unknown_session")),
        ("GET", "/nothing", {}, (404, "not_found")),
        ("GET", "/schema/nothing", {}, (404, "not_found")),
        ("DELETE", "/api/v1/orders/O-1", {}, (405, "method_not_allowed")),
        ("PUT", "/api/v1/orders/O-1", {"body": b" " * (1024 * 1024 + 1)}, (413, "body_too_large")),
        ("PUT", "/api/v1/orders/O-1", {"body": b"{}", "media_type": "text/plain"}, (415, "media_type")),
        ("PUT", "/api/v1/orders/O-1", {"body": b'{"orderId": 7}'}, (422, "invalid_content")),
        ("PUT", "/api/v1/orders/O-1", {"body": b'{"orderId": "a\\u0000b"}'}, (422, "invalid_content")),
        ("PUT", "/api/v1/orders/O-1", {"body": b'{"orderId": 99999999999999999999}'}, (422, "invalid_content")),
        ("PUT", "/api/v1/orders/O-1", {}, (422, "invalid_content")),
    ],
)
def test_a_problem_has_one_shape_at_every_status(
    office: Server, method: str, path: str, more: dict[str, Any], expected: tuple[int, str]
) -> None:
    asked = {"token": office.world.admin_token, **more}
    media_type = asked.pop("media_type", "application/json")
    headers = {"Content-Type": media_type} if "body" in asked else {}

    heard = ask(office, method, path, headers=headers, **asked)
    content = problem_of(heard)

    assert (heard.status, content["code"]) == expected
    assert (content["title"], content["status"]) == (TITLES[heard.status], heard.status)
    assert {*content} <= {"title", "status", "code", "detail", "errors"}
    assert heard.headers["cache-control"] == "no-store"
    assert heard.headers["x-content-type-options"] == "nosniff"
    if heard.status == HTTPStatus.METHOD_NOT_ALLOWED:
        assert {*heard.headers["allow"].split(", ")} == {"OPTIONS", "PUT"}


@pytest.mark.parametrize(
    ("method", "path", "more", "expected"),
    [
        ("GET", "/_ah/nothing", {}, (404, "not found", "Not found")),
        ("GET", "/api/v2/ndrResolution", {}, (405, "method not allowed", "Method not allowed")),
        ("GET", "/_ah/api/esb/v2/order/O-1", {"token": ""}, (401, "unauthorized", "A valid bearer token is needed.")),
        ("POST", "/api/v2/ndrResolution", {"body": b"{"}, (400, "not json", "The body is not JSON in UTF-8.")),
        ("POST", "/api/v2/ndrResolution", {"body": b"{}", "media_type": ""}, (415, "media type", JSON_ONLY)),
        ("POST", "/_ah/api/esb/v2/order/O-1", {"body": b" " * 65537}, (413, "body too large", AT_MOST)),
        ("POST", "/api/v2/ndrResolution", {}, (422, "invalid content", "A body is needed")),
        ("POST", "/api/v2/ndrResolution", {"body": b'"\\u0000"'}, (422, "invalid content", "A text has no NUL")),
    ],
)  # fmt: skip
def test_portals_are_told_problems_in_the_shape_they_know(
    office: Server, method: str, path: str, more: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    asked = {"token": office.world.portal_token, **more}
    media_type = asked.pop("media_type", "application/json")
    headers = {"Content-Type": media_type} if "body" in asked and media_type else {}

    heard = ask(office, method, path, headers=headers, **asked)

    status, error, reason = expected
    assert heard.said == (status, {"error": error, "reason": reason})
    assert heard.headers["content-type"] == "application/json"


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("GET", "/api/v2/ndrResolution", 405)]
)
def test_where_there_is_no_page_browsers_get_one_that_says_so_and_programs_a_problem(
    office: Server, method: str, path: str, status: int
) -> None:
    page = ask(office, method, path, headers={"Accept": BROWSER})
    programs = [
        ask(office, method, path, headers={"Accept": accept}) for accept in ("*/*", "application/json", MEDIA_TYPE)
    ]

    assert (page.status, page.headers["content-type"].partition(";")[0]) == (status, "text/html")
    assert f"<h1>{TITLES[status]}</h1>" in page.body.decode()
    assert page.headers["vary"] == "Accept"
    assert page.headers.get("allow") == programs[0].headers.get("allow")
    assert {(each.status, "json" in each.headers["content-type"]) for each in programs} == {(status, True)}


def test_what_was_sent_is_not_said_back(office: Server) -> None:
    person = {"contactPhone": CANARY, "customerName": CANARY, "email": CANARY}
    put_order(office, an_order("O-canary"))
    heard = [
        put_order(office, an_order("O-1", accountSlug=CANARY)),
        put_order(office, an_order("O-1", customerOrderNumber=[CANARY])),
        put_order(office, an_order(CANARY), "O-1"),
        read_order(office, CANARY),
        subscribe(office, "O-canary", **person),
        subscribe(office, "O-canary", whatsAppStatus=CANARY),
        resolve(office, CANARY, customerOrderNumber="O-canary"),
        resolve(office, "ACTF002", customerOrderNumber="O-canary", deferredDate=CANARY),
        ask(office, "GET", f"{API}/sessions?limit={CANARY}&cursor={CANARY}", token=office.world.admin_token),
        ask(office, "GET", f"{API}/effects?status={CANARY}", token=office.world.admin_token),
        ask(office, "GET", f"{API}/sessions/{CANARY}/{CANARY}", token=office.world.admin_token),
        ask(office, "GET", f"{API}/stats", token=CANARY),
        ask(office, "GET", f"/{CANARY}?{CANARY}"),
    ]
    assert {each.status for each in heard} == {401, 404, 422}
    for each in heard:
        assert CANARY.encode() not in each.body


def test_our_own_fault_is_told_without_its_cause(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    put_order(server, an_order("O-1"))
    with closing(sqlite3.connect(server.settings.database)) as connection, connection:
        connection.execute("UPDATE order_document SET document = ?", (CANARY,))

    session = ask(server, "GET", f"{API}/sessions/order/O-1", token=server.world.admin_token)
    heard = read_order(server)

    assert session.status == 200
    assert heard.said == (500, {"error": "internal", "reason": "Something went wrong on our side."})
    logged = capsys.readouterr().out
    assert heard.headers["x-request-id"] in logged
    assert "handler_error" in logged
    assert CANARY not in logged


@pytest.mark.parametrize("fault", FAULTS)
def test_a_database_that_takes_nothing_is_told_to_those_who_bring_something(server: Server, fault: str) -> None:
    with FAULTS[fault](server):
        heard = put_order(server, an_order("O-1", note="n" * 200_000))
        content = problem_of(heard)
        assert (heard.status, content["code"]) == (503, "storage_full" if fault == "full" else "db_down")
        assert (content["title"], heard.headers["retry-after"]) == ("Not now", "2")
        assert ask(server, "GET", "/health/live").said == (200, {"status": "ok"})

    assert put_order(server, an_order("O-1")).status == 200
