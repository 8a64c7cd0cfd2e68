"""Sessions as staff open them and act on them, through the admin API."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from definitions.catalogue import SHIPPED
from tests.api.serving import Server
from tests.api.speaking import (
    Heard,
    a_call,
    a_scan,
    a_status,
    an_order,
    ask,
    at_once,
    deliver,
    history,
    moves,
    put_order,
    quoted,
    read_order,
    resolve,
    scan,
    session,
    statuses,
    subscribe,
)
from tests.builders import NOON

API = "/admin/api/v1"
CASE = "O-1:T-1:20260101T120000Z"


def mint(server: Server, definition: str = "purchase_interest", **more: Any) -> Heard:
    """Let staff open a session of a Flow."""
    body = {"definition": definition, **more}
    return ask(server, "POST", f"{API}/sessions", body, token=server.world.admin_token)


def act(server: Server, definition: str, key: str, event: str, **more: Any) -> Heard:
    """Let staff send an event to a session."""
    path = f"{API}/sessions/{definition}/{quoted(key)}/events"
    return ask(server, "POST", path, {"event": event, **more}, token=server.world.admin_token)


@pytest.fixture
def failed(server: Server) -> Server:
    """Return a server whose order could not be delivered at noon."""
    put_order(server, an_order("O-1"))
    scan(server, a_scan("failed_delivery"))
    return server


# Minting


def test_a_minted_session_waits_for_its_phone(office: Server) -> None:
    heard = mint(office, recipient="919800000042", data={"campaign": "early"})
    key = heard.content["key"]

    assert (heard.status, list(heard.content)) == (201, ["key"])
    assert re.fullmatch(r"ws_[0-9a-f]{32}", key), "128 bits"
    found = session(office, "purchase_interest", key)
    assert found["state"] == "not_opened"
    assert (found["context"]["recipient"], found["context"]["data"]) == ("919800000042", {"campaign": "early"})
    assert moves(office, "purchase_interest", key) == [("minted", "not_opened", "not_opened")]
    assert found["updated_at"] == found["created_at"] == "2026-01-01T12:00:00Z"


def test_a_token_lives_for_three_days_or_as_long_as_it_is_minted_for(office: Server) -> None:
    usual, long = mint(office).content["key"], mint(office, expires_in=7 * 24 * 3600).content["key"]

    assert session(office, "purchase_interest", usual)["deadline"] == "2026-01-04T12:00:00Z"
    assert session(office, "purchase_interest", long)["deadline"] == "2026-01-08T12:00:00Z"
    assert [mint(office, expires_in=seconds).status for seconds in (0, 59, 30 * 24 * 3600 + 1, "long")] == [422] * 4


def test_no_two_sessions_have_one_token(office: Server) -> None:
    heard = at_once(range(30), lambda _: mint(office))
    assert len({each.content["key"] for each in heard}) == 30


@pytest.mark.parametrize("definition", ["order", "nothing", ""])
def test_only_flows_are_minted(office: Server, definition: str) -> None:
    heard = mint(office, definition)
    expected = (404, "unknown_definition") if definition else (422, "invalid_content")
    assert (heard.status, heard.content["code"]) == expected


# Lifecycles of one's own

REPAIR = {
    "id": "repair",
    "initial": "brought",
    "states": {
        "brought": {"on": {"mended": "done"}, "after": {"reminding": {}}},
        "done": {"type": "final"},
    },
    "meta": {"delays": {"reminding": {"since": "promised_at", "ms": 1000}}},
}
SEEN = {
    "id": "seen",
    "initial": "a",
    "states": {"a": {"on": {"b": "b"}}, "b": {"type": "final"}},
    "meta": {"ordering": "event_time"},
}


@pytest.fixture
def workshop(serve: Callable[..., Server], tmp_path: Path) -> Server:
    """Return a server with lifecycles of its merchant's own."""
    (tmp_path / "lifecycles").mkdir()
    for document in (REPAIR, SEEN):
        (tmp_path / f"lifecycles/{document['id']}.json").write_text(json.dumps(document))
    return serve(definitions=tmp_path)


def test_staff_and_systems_begin_a_lifecycle_of_their_own_under_a_key_of_theirs(workshop: Server) -> None:
    heard = mint(workshop, "repair", key="R/1", data={"promised_at": NOON, "device": "camera"})

    found = session(workshop, "repair", "R/1")
    assert (heard.status, heard.content) == (201, {"key": "R/1"})
    assert (found["state"], found["context"]) == ("brought", {"promised_at": NOON, "device": "camera"})
    assert found["deadline"] == "2026-01-01T12:00:01Z"
    assert act(workshop, "repair", "R/1", "mended").content["state"] == "done"
    assert moves(workshop, "repair", "R/1") == [("opened", "brought", "brought"), ("mended", "brought", "done")]


def test_a_session_that_is_there_is_not_opened_again(workshop: Server) -> None:
    heard = at_once(range(8), lambda number: mint(workshop, "repair", key="R-1", data={"number": number}))

    codes = sorted((each.status, each.content.get("code", "")) for each in heard)
    (winner,) = [number for number, each in enumerate(heard) if each.status == 201]
    assert codes == [(201, ""), *[(409, "session_exists")] * 7]
    assert session(workshop, "repair", "R-1")["context"] == {"number": winner}


def test_without_a_key_a_session_has_one_that_nobody_can_guess(workshop: Server) -> None:
    keys = {mint(workshop, "repair").content["key"] for _ in range(3)}

    assert len(keys) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32}", key) for key in keys)


def test_what_only_a_flow_s_session_has_is_refused_for_a_lifecycle_and_the_other_way_round(workshop: Server) -> None:
    more = {"recipient": "919800000042", "about": {"definition": "order", "key": "O-1"}, "expires_in": 60}
    heard = mint(workshop, "repair", key="R-1", **more)
    keyed = mint(workshop, key="R-1")

    assert (heard.status, [error["pointer"] for error in heard.content["errors"]]) == (
        422,
        [f"/{name}" for name in more],
    )
    assert (keyed.status, [error["pointer"] for error in keyed.content["errors"]]) == (422, ["/key"])
    assert mint(workshop, "repair", key="R-1").status == 201, "nothing was opened before"


@pytest.mark.parametrize("definition", ["order", "subscription", "seen", "nothing"])
def test_what_is_opened_by_facts_or_by_what_it_is_about_is_not_opened_by_hand(
    workshop: Server, definition: str
) -> None:
    for key in ("", "K-1"):
        heard = mint(workshop, definition, key=key)
        assert (heard.status, heard.content["code"]) == (404, "unknown_definition")


REVIEW = {
    "id": "review",
    "initial": "wanted",
    "states": {
        "wanted": {"on": {"asked": "waiting"}},
        "waiting": {"on": {"given": "given"}},
        "given": {"type": "final"},
    },
}
WANTED = {"definition": "review", "event": "asked", "key": "{key}:{second}", "opens": True}


def test_a_shipment_of_one_s_own_begins_something_of_one_s_own(serve: Callable[..., Server], tmp_path: Path) -> None:
    shipment = json.loads((SHIPPED / "lifecycles/shipment.json").read_bytes())
    shipment["states"]["forward"]["states"]["delivered"]["meta"]["raise"].append(WANTED)
    (tmp_path / "lifecycles").mkdir()
    for document in (REVIEW, shipment):
        (tmp_path / f"lifecycles/{document['id']}.json").write_text(json.dumps(document))
    shop, key = serve(definitions=tmp_path), "O-1:T-1:20260101T120000Z"

    put_order(shop, an_order("O-1"))
    scan(shop, a_scan("delivered"))

    review = session(shop, "review", key)
    assert (review["state"], review["context"]["opened_by"]) == ("waiting", "O-1:T-1")
    assert act(shop, "review", key, "given").content["state"] == "given"
    assert session(shop, "order", "O-1")["state"] == "delivered"


# Acting


def test_staff_act_on_a_family_and_all_of_it_moves(failed: Server) -> None:
    heard = act(failed, "shipment", "O-1:T-1", "forward.delivered", reason="the customer called")

    assert (heard.status, heard.content["state"]) == (200, "forward.delivered")
    assert session(failed, "order", "O-1")["state"] == "delivered"
    assert session(failed, "ndr_case", CASE)["state"] == "closed.resolved_delivered"
    step = history(failed, "shipment", "O-1:T-1")[-1]
    assert (step["actor"], step["data"]) == ("staff", {"reason": "the customer called"})


def test_staff_act_on_a_case_as_couriers_would(failed: Server) -> None:
    resolve(failed)
    for event, state in (("resolution_sent", "sent_to_courier"), ("resolution_rejected", "rejected")):
        assert act(failed, "ndr_case", CASE, event).content["state"] == f"unsettled.{state}"
    assert read_order(failed).content["items"][0]["ndrDetails"]["resolutions"]


def test_staff_pause_a_subscription(server: Server) -> None:
    put_order(server, an_order("O-1"))
    subscribe(server)
    listed = ask(server, "GET", f"{API}/sessions?definition=subscription", token=server.world.admin_token)
    (found,) = listed.content["items"]

    for event, state, flag in (("pause", "paused", "0"), ("resume", "active", "1")):
        heard = act(server, "subscription", found["key"], event, id=event, reason="asked by mail")
        assert (heard.status, heard.content["state"]) == (200, state)
        assert read_order(server).content["isWhatsAppEnabledForNotifications"] == flag


def test_an_order_is_where_its_shipments_say_whatever_staff_send_it(failed: Server) -> None:
    heard = act(failed, "order", "O-1", "shipments_changed", data={"tags": {"delivered": 1}, "members": 1})
    assert (heard.status, heard.content["state"]) == (200, "delivery_failed")


def test_an_event_that_is_not_allowed_is_told_what_would_be(failed: Server) -> None:
    before = session(failed, "ndr_case", CASE)

    heard = act(failed, "ndr_case", CASE, "resolution_accepted")

    problem = {name: heard.content[name] for name in ("code", "status", "from", "event", "allowed")}
    assert heard.status == 409
    assert problem == {
        "code": "illegal_transition",
        "status": 409,
        "from": "unsettled.open",
        "event": "resolution_accepted",
        "allowed": before["allowed_events"],
    }
    assert session(failed, "ndr_case", CASE) == before


@pytest.mark.parametrize(("definition", "key"), [("order", "O-1"), ("shipment", "O-1:T-1"), ("ndr_case", CASE)])
def test_no_member_of_a_family_takes_what_its_table_lacks(failed: Server, definition: str, key: str) -> None:
    heard = act(failed, definition, key, "nonsense")
    assert (heard.status, heard.content["code"]) == (409, "illegal_transition")
    assert heard.content["allowed"] == session(failed, definition, key)["allowed_events"]


def test_what_staff_send_twice_under_an_id_happens_once(failed: Server) -> None:
    resolve(failed)
    heard = at_once(range(20), lambda _: act(failed, "ndr_case", CASE, "resolution_sent", id="e-1"))

    assert {(each.status, each.content["state"]) for each in heard} == {(200, "unsettled.sent_to_courier")}
    assert [event for event, _, _ in moves(failed, "ndr_case", CASE)].count("resolution_sent") == 1


def test_an_id_is_one_sessions(server: Server) -> None:
    for order_id in ("O-1", "O-2"):
        put_order(server, an_order(order_id))

    states = [
        act(server, "shipment", f"{order}:T-1", "forward.packed", id="e-1").content["state"] for order in ("O-1", "O-2")
    ]

    assert states == ["forward.packed", "forward.packed"]


def test_what_staff_say_of_a_message_stays_when_more_is_heard_of_it(server: Server) -> None:
    deliver(server, a_call(statuses(a_status("sent", "wamid.1", -60))))

    heard = act(server, "message", "wamid.1", "read", data={"reason": "she answered by phone"})
    deliver(server, a_call(statuses(a_status("delivered", "wamid.1", -30))))

    assert heard.content["state"] == session(server, "message", "wamid.1")["state"] == "read"
    assert [event for event, _, _ in moves(server, "message", "wamid.1")] == ["sent", "read", "delivered"]


def test_nobody_acts_on_a_session_that_is_not_there(office: Server) -> None:
    for definition in ("order", "nothing"):
        heard = act(office, definition, "O-none", "delivered")
        assert (heard.status, heard.content["code"]) == (404, "unknown_session")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"event": ""}, "/event"),
        ({"event": 7}, "/event"),
        ({"event": "packed", "data": []}, "/data"),
        ({"event": "packed", "id": "x" * 1025}, "/id"),
        ({"event": "packed", "actor": "courier"}, ""),
    ],
)
def test_an_event_that_is_none_is_refused_where_it_is_wrong(office: Server, body: Any, pointer: str) -> None:
    heard = ask(office, "POST", f"{API}/sessions/order/O-1/events", body, token=office.world.admin_token)
    assert (heard.status, [error["pointer"] for error in heard.content["errors"]]) == (422, [pointer])
