"""The feed of results, over real HTTP: each once, in the order of the commits, whoever commits meanwhile."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.kept import deliver
from tests.api.serving import Server
from tests.api.speaking import (
    PHONE,
    Heard,
    a_call,
    a_completion,
    a_minted_session,
    a_scan,
    a_wamid,
    an_item,
    an_order,
    ask,
    messages,
    put_order,
    scan,
)

READERS = (1, 3, 200)
"""How many results those ask for at a time who read while others complete their Flows."""

COMPLETIONS = 60


def read(server: Server, query: str = "") -> Heard:
    return ask(server, "GET", f"/admin/api/v1/events{query}", token=server.world.admin_token)


def everything(server: Server, after: int = 0, limit: int = 200) -> list[Any]:
    """Return all results after a number, page by page."""
    items: list[Any] = []
    while True:
        page = read(server, f"?after={after}&limit={limit}").content
        items += page["items"]
        if not page["items"]:
            assert page["next_after"] == after
            return items
        after = page["next_after"]
        assert len(page["items"]) <= limit


def complete(server: Server, **response: Any) -> str:
    """Let a customer complete a Flow; return its token."""
    token = a_minted_session(server)
    deliver(server, a_call(messages(a_completion({"flow_token": token, **response}))))
    return token


def test_a_completed_flow_is_a_result(server: Server) -> None:
    server.clock.move(1)
    token = complete(server, size="M", photos=[{"id": "1", "encryption_metadata": {"encryption_key": "secret"}}])

    (item,) = everything(server)

    effects = ask(
        server, "GET", f"/admin/api/v1/sessions/purchase_interest/{token}", token=server.world.admin_token
    ).content["effects"]
    assert item == {
        "id": effects[0]["id"],
        "number": 1,
        "type": "flow.completed",
        "definition": "purchase_interest",
        "key": token,
        "state": "completed",
        "occurred_at": "2026-01-01T12:01:00Z",
        "recorded_at": "2026-01-01T12:00:00.000001Z",
        "data": {"recipient": PHONE, "response": {"size": "M", "photos": [{"id": "1"}]}},
    }
    assert [effect["name"] for effect in effects] == ["announce"]


def test_a_flow_that_is_completed_twice_is_one_result(server: Server) -> None:
    token = complete(server)
    deliver(server, a_call(messages(a_completion({"flow_token": token, "again": 1}, id=a_wamid()))))

    (item,) = everything(server)

    assert item["data"]["response"] == {"again": 1}, "what came later is known by then"


def test_an_order_tells_of_each_change_and_its_case_of_its_end(server: Server) -> None:
    put_order(server, an_order("O-1", an_item("T-1")))
    for place, word in enumerate(("packed", "intransit", "out_for_delivery", "failed_delivery", "delivered")):
        scan(server, a_scan(word, -600 + 60 * place))

    told = [(item["type"], item["key"], item["data"]["before"]) for item in everything(server)]

    case = "O-1:T-1:20260101T115300Z"
    assert [each for each in told if each[0].startswith("order.")] == [
        ("order.created", "O-1", ""),
        ("order.preparing", "O-1", "created"),
        ("order.shipped", "O-1", "preparing"),
        ("order.delivery_failed", "O-1", "shipped"),
        ("order.delivered", "O-1", "delivery_failed"),
    ]
    assert [each[:2] for each in told if not each[0].startswith("order.")] == [("ndr_case.resolved_delivered", case)]
    (closed,) = (item for item in everything(server) if item["key"] == case)
    assert (closed["data"]["order_id"], closed["data"]["opened_by"]) == ("O-1", "O-1:T-1")
    assert closed["state"] == "closed.resolved_delivered"


def test_the_feed_is_read_in_pages_and_goes_on_from_any_number(server: Server) -> None:
    tokens = [complete(server) for _ in range(5)]

    assert [item["key"] for item in everything(server, limit=2)] == tokens
    first, second = everything(server)[:2]
    assert [item["key"] for item in everything(server, after=second["number"])] == tokens[2:]
    assert read(server, f"?after={first['number']}&limit=1").content == {
        "items": [second],
        "next_after": second["number"],
    }


def test_an_empty_page_leaves_its_reader_where_it_was(server: Server) -> None:
    assert read(server).said == (200, {"items": [], "next_after": 0})
    assert read(server, "?after=7").said == (200, {"items": [], "next_after": 7})


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "", "9223372036854775808", "9" * 40, "%D9%A3", "0x1"])
def test_what_is_no_number_of_the_feed_is_refused(office: Server, after: str) -> None:
    heard = read(office, f"?after={after}")

    assert (heard.status, heard.content["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("limit", ["0", "201", "x"])
def test_a_page_has_a_length_that_it_can_have(office: Server, limit: str) -> None:
    assert read(office, f"?limit={limit}").status == 422


def test_the_feed_is_for_administrators(office: Server) -> None:
    assert ask(office, "GET", "/admin/api/v1/events").status == 401
    assert ask(office, "GET", "/admin/api/v1/events", token=office.world.portal_token).status == 403


def test_who_reads_while_others_commit_misses_nothing_and_reads_nothing_twice(server: Server) -> None:
    tokens = [a_minted_session(server) for _ in range(COMPLETIONS)]
    over = threading.Event()

    def follow(limit: int) -> list[Any]:
        seen: list[Any] = []
        while True:
            last = over.is_set()
            seen += everything(server, after=seen[-1]["number"] if seen else 0, limit=limit)
            if last:
                return seen

    def finish(token: str) -> int:
        return deliver(server, a_call(messages(a_completion({"flow_token": token})))).status

    with ThreadPoolExecutor(len(READERS)) as readers, ThreadPoolExecutor(12) as writers:
        following = [readers.submit(follow, limit) for limit in READERS]
        assert {*writers.map(finish, tokens)} == {200}
        over.set()
        seen = [each.result() for each in following]

    whole = everything(server)
    assert sorted(item["key"] for item in whole) == sorted(tokens)
    assert seen == [whole] * len(READERS)
    numbers = [item["number"] for item in whole]
    assert numbers == sorted({*numbers})
