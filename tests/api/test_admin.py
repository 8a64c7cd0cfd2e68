"""The admin API: what runs, what stands where and how it came there, drawn and counted."""

import base64
import json
import re
import secrets
import sqlite3
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.keyring import Key
from diagrams import PicturesUnavailable, draw, render_dot, render_mermaid, render_png, render_svg
from storage.queries import STORY_STEPS
from tests.api.kept import deliver
from tests.api.serving import Server, running
from tests.api.speaking import (
    ABSENT,
    PHONE,
    Heard,
    a_call,
    a_question,
    a_scan,
    an_item,
    an_order,
    ask,
    history,
    messages,
    put_order,
    quoted,
    read_order,
    resolve,
    scan,
    session,
)
from tests.builders import NOON

API = "/admin/api/v1"
CASE = "O-1:T-1:20260101T120000Z"

SHIPPED = {
    "personalised_offer": "flow",
    "purchase_interest": "flow",
    "ndr_resolution": "flow",
    "portal_entry": "lifecycle",
    "repair_visit": "flow",
    "flow_health": "lifecycle",
    "inquiry": "lifecycle",
    "message": "lifecycle",
    "ndr_case": "lifecycle",
    "order": "lifecycle",
    "shipment": "lifecycle",
    "subscription": "lifecycle",
}


def staff(server: Server, path: str, method: str = "GET", content: Any = ABSENT) -> Heard:
    """Ask the admin API."""
    return ask(server, method, f"{API}/{path}", content, token=server.world.admin_token)


def refused(heard: Heard) -> tuple[int, str]:
    """Return a refusal's status and code."""
    return heard.status, heard.content["code"]


@pytest.fixture
def failed(server: Server) -> Server:
    """Return a server whose order could not be delivered at noon."""
    put_order(server, an_order("O-1"))
    scan(server, a_scan("packed", -600), a_scan("failed_delivery"))
    return server


# Definitions


def test_the_definitions_that_run_are_listed(office: Server) -> None:
    listed = staff(office, "definitions").content

    assert {item["name"]: item["kind"] for item in listed} == SHIPPED
    for item in listed:
        runs = office.parts.catalogue.interpreter(item["name"]).definition
        shown = staff(office, f"definitions/{item['name']}").content
        assert (item["version"], item["states"], item["transitions"]) == (
            runs.version,
            len(shown["states"]),
            len(shown["transitions"]),
        )
        assert (shown["name"], shown["version"], shown["initial"]) == (runs.name, runs.version, runs.initial)
        ids = {state["id"] for state in shown["states"]}
        assert {end for arrow in shown["transitions"] for end in (arrow["source"], arrow["target"])} <= ids


def test_a_definition_shows_its_arrows_as_compiled(office: Server) -> None:
    shown = staff(office, "definitions/subscription").content

    assert shown["states"] == [
        {"id": "inactive", "final": False, "tags": ["never_asked"]},
        {"id": "active", "final": False, "tags": ["subscribed"]},
        {"id": "paused", "final": False, "tags": ["resting"]},
        {"id": "unsubscribed", "final": False, "tags": ["refused"]},
        {"id": "merged", "final": True, "tags": []},
    ]
    assert shown["transitions"][0] == {
        "source": "inactive",
        "event": "opt_in",
        "target": "active",
        "guard": "is_answered",
        "effects": ["confirm_opt_in"],
    }
    assert len(shown["transitions"]) == 47


@pytest.mark.parametrize("address", ["definitions/nothing", "definitions/nothing/diagram.mmd", "definitions/%00"])
def test_a_definition_that_does_not_run_is_not_found(office: Server, address: str) -> None:
    assert refused(staff(office, address)) == (404, "unknown_definition")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_definition_is_drawn_as_it_runs(office: Server, name: str) -> None:
    drawing = draw(office.parts.catalogue.interpreter(name).definition)

    for suffix, media_type, text in (
        ("mmd", "text/vnd.mermaid", render_mermaid(drawing)),
        ("dot", "text/vnd.graphviz", render_dot(drawing)),
    ):
        heard = staff(office, f"definitions/{name}/diagram.{suffix}")
        assert (heard.status, heard.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
        assert heard.body.decode() == text


def test_a_definition_is_drawn_as_a_picture(office: Server) -> None:
    drawing = draw(office.parts.catalogue.interpreter("order").definition)

    for suffix, media_type, picture in (
        ("svg", "image/svg+xml", render_svg(drawing).encode()),
        ("png", "image/png", render_png(drawing)),
    ):
        heard = staff(office, f"definitions/order/diagram.{suffix}")
        assert (heard.status, heard.headers["content-type"].partition(";")[0]) == (200, media_type)
        assert heard.body == picture


def test_a_definition_is_drawn_with_the_traffic_of_its_sessions(failed: Server) -> None:
    drawn = {
        suffix: staff(failed, f"definitions/shipment/diagram.{suffix}?traffic=1").body.decode()
        for suffix in ("svg", "dot")
    }

    assert 'data-now="1"' in drawn["svg"]
    assert '[label="Delivery failed (1 here)"]' in drawn["dot"]
    assert "here" not in staff(failed, "definitions/shipment/diagram.dot").body.decode()


def test_without_the_libraries_there_are_no_pictures(office: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_here(*_: object) -> None:
        raise PicturesUnavailable

    monkeypatch.setattr("diagrams.graphviz.Engine.lay_out", none_here)

    for suffix in ("svg", "png"):
        heard = staff(office, f"definitions/order/diagram.{suffix}")
        assert refused(heard) == (501, "no_pictures")
        assert "pip install 'waystate[pictures]'" in json.loads(heard.body)["detail"]
    assert staff(office, "definitions/order/diagram.mmd").status == 200


# Sessions


def test_a_session_is_shown_whole(failed: Server) -> None:
    shown = session(failed, "ndr_case", CASE)

    runs = failed.parts.catalogue.interpreter("ndr_case")
    (effect,) = shown.pop("effects")
    known = shown.pop("context")
    assert (known["opened_by"], known["opened_at"], known["terms"]["courier"]) == ("O-1:T-1", NOON, "eshopbox")
    assert shown == {
        "definition": "ndr_case",
        "version": runs.definition.version,
        "key": CASE,
        "state": "unsettled.open",
        "revision": 1,
        "allowed_events": [arrow.event for arrow in runs.definition.transitions if arrow.source == "unsettled.open"],
        "created_at": "2026-01-01T12:00:00Z",
        "updated_at": "2026-01-01T12:00:00Z",
        "deadline": "2026-01-02T12:00:00Z",
    }
    effect_id = effect.pop("id")
    assert effect == {
        "definition": "ndr_case",
        "session": CASE,
        "name": "ask_customer",
        "status": "pending",
        "reason": "",
        "created_at": "2026-01-01T12:00:00Z",
        "updated_at": "2026-01-01T12:00:00Z",
    }
    assert {"id": effect_id, **effect} in staff(failed, "effects?status=pending").content


def test_a_history_is_what_happened_in_order(failed: Server) -> None:
    (packed, missed) = history(failed, "shipment", "O-1:T-1")

    assert packed == {
        "seq": 1,
        "event": "forward.packed",
        "source_state": "awaiting",
        "target_state": "forward.packed",
        "occurred_at": "2026-01-01T11:50:00Z",
        "recorded_at": "2026-01-01T12:00:00Z",
        "actor": "courier/generic",
        "inferred": False,
        "outcome": "applied",
        "data": {},
        "effects": [],
    }
    assert (missed["seq"], missed["source_state"], missed["target_state"]) == (
        2,
        "forward.packed",
        "forward.failed_delivery",
    )


def test_a_session_is_drawn_with_its_way_and_its_place(failed: Server) -> None:
    lines = staff(failed, f"sessions/shipment/{quoted('O-1:T-1')}/diagram.mmd").body.decode().splitlines()
    marked = {line.split()[2]: line.split()[1] for line in lines if line.startswith("    class ")}

    assert marked["visited"] == "s_awaiting,s_forward_packed,s_forward_failed_delivery"
    assert marked["current"] == "s_forward_failed_delivery"
    drawn = staff(failed, f"sessions/shipment/{quoted('O-1:T-1')}/diagram.dot")
    assert drawn.headers["content-type"] == "text/vnd.graphviz; charset=utf-8"
    assert drawn.body != staff(failed, "definitions/shipment/diagram.dot").body


def test_a_picture_of_a_session_lights_its_way_its_place_and_what_may_come(failed: Server) -> None:
    svg = staff(failed, f"sessions/shipment/{quoted('O-1:T-1')}/diagram.svg").body.decode()
    found = re.findall(r'class="state([a-z ]*)" data-state="([a-z_.]+)"', svg)
    lit = {state: classes.split() for classes, state in found}

    assert lit["forward.failed_delivery"] == ["visited", "current"]
    assert lit["forward.delivered"] == ["final", "next"]
    assert refused(staff(failed, "sessions/order/O-9/diagram.svg")) == (404, "unknown_session")


def test_of_a_long_way_the_latest_steps_are_drawn(failed: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.admin.STEPS_DRAWN", 1)

    lines = staff(failed, f"sessions/shipment/{quoted('O-1:T-1')}/diagram.mmd").body.decode().splitlines()

    assert "    class s_forward_packed,s_forward_failed_delivery visited" in lines


@pytest.mark.parametrize("rest", ["", "/history", "/diagram.mmd", "/diagram.dot"])
def test_a_session_that_is_not_there_is_not_found(office: Server, rest: str) -> None:
    for definition in ("order", "nothing"):
        assert refused(staff(office, f"sessions/{definition}/O-9{rest}")) == (404, "unknown_session")


def test_a_session_in_a_state_that_its_definition_lacks_is_still_shown(database: Path, endpoint_key: Key) -> None:
    with running(database, [endpoint_key]) as server:
        put_order(server, an_order("O-1"))
        scan(server, a_scan("failed_delivery"))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE instance SET state = 'gone' WHERE definition = 'ndr_case'")

    with running(database, [endpoint_key]) as server:
        shown = session(server, "ndr_case", CASE)
        assert (shown["state"], shown["allowed_events"]) == ("gone", [])
        acted = staff(server, f"sessions/ndr_case/{quoted(CASE)}/events", "POST", content={"event": "delivered"})
        assert refused(acted) in {(409, "parked"), (409, "illegal_transition")}
        assert read_order(server).content["items"][0]["ndrDetails"] == {}
        assert resolve(server).status == 409


# Lists


@settings(max_examples=12, deadline=None)
@given(limit=st.integers(1, 12), made=st.integers(0, 3))
def test_pages_follow_one_another_without_gap_or_repeat(office: Server, limit: int, made: int) -> None:
    for _ in range(made):
        staff(office, "sessions", "POST", content={"definition": "purchase_interest"})
    whole = staff(office, "sessions?definition=purchase_interest&limit=200").content
    assert whole["next_cursor"] is None

    pages, cursor = [], ""
    while cursor is not None:
        page = staff(office, f"sessions?definition=purchase_interest&limit={limit}&cursor={cursor}").content
        pages.append(page["items"])
        cursor = page["next_cursor"]

    assert [item for page in pages for item in page] == whole["items"]
    assert all(len(page) == limit for page in pages[:-1])


def test_sessions_are_found_by_definition_state_and_key(failed: Server) -> None:
    put_order(failed, an_order("O-2", an_item("T-2")))

    def found(asked: str) -> list[tuple[str, str]]:
        return [(item["definition"], item["key"]) for item in staff(failed, f"sessions?{asked}").content["items"]]

    assert found("definition=order") == [("order", "O-2"), ("order", "O-1")]
    assert found("state=awaiting") == [("shipment", "O-2:T-2")]
    assert found("definition=order&state=awaiting") == []
    assert sorted(found("q=O-2")) == [("order", "O-2"), ("shipment", "O-2:T-2")]
    assert found("q=%25") == found("q=_") == found("q=nothing") == []
    assert len(found("")) == 5


def test_an_item_of_a_list_is_the_session_in_short(failed: Server) -> None:
    (item,) = staff(failed, "sessions?definition=ndr_case").content["items"]
    whole = session(failed, "ndr_case", CASE)
    assert item == {
        name: value for name, value in whole.items() if name not in {"context", "allowed_events", "effects"}
    }


@pytest.mark.parametrize("said", ["x", "0", "-5", "1_0", " 1", "9" * 30, str(2**63)])
def test_a_cursor_that_is_none_of_ours_is_refused(office: Server, said: str) -> None:
    cursor = base64.urlsafe_b64encode(said.encode()).decode()
    for written in (cursor, cursor.rstrip("=")):
        assert refused(staff(office, f"sessions?cursor={written}")) == (400, "bad_cursor")


@pytest.mark.parametrize("cursor", ["%C3%A9", "!!", "a", "%00", "%FF"])
def test_a_cursor_that_is_no_text_of_ours_is_refused(office: Server, cursor: str) -> None:
    assert refused(staff(office, f"sessions?cursor={cursor}")) == (400, "bad_cursor")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1.5", "9" * 30])
def test_a_list_has_1_to_200_items(office: Server, limit: str) -> None:
    heard = staff(office, f"sessions?limit={limit}")
    assert (*refused(heard), heard.content["errors"][0]["pointer"]) == (422, "invalid_content", "/limit")


def test_the_document_of_the_api_says_how_long_a_story_is(office: Server) -> None:
    paths = ask(office, "GET", "/schema/openapi.json").content["paths"]

    assert f"{STORY_STEPS:,} steps" in paths[f"{API}/sessions/{{definition}}/{{key}}/story"]["get"]["description"]


# Effects


def test_an_effect_is_discarded_and_let_go_again(failed: Server) -> None:
    (effect,) = (each for each in staff(failed, "effects").content if each["definition"] == "ndr_case")
    path = f"effects/{effect['id']}"

    assert refused(staff(failed, f"{path}/retry", "POST")) == (409, "effect_status")
    for act, status in (("discard", "discarded"), ("retry", "pending"), ("discard", "discarded")):
        assert staff(failed, f"{path}/{act}", "POST").said == (200, {"id": effect["id"], "status": status})
        assert effect["id"] in [item["id"] for item in staff(failed, f"effects?status={status}").content]
    assert refused(staff(failed, f"{path}/discard", "POST")) == (409, "effect_status")
    assert session(failed, "ndr_case", CASE)["effects"][0]["reason"] == "by staff"


@pytest.mark.parametrize("act", ["retry", "discard"])
def test_an_effect_that_is_not_there_is_not_found(office: Server, act: str) -> None:
    assert refused(staff(office, f"effects/nothing/{act}", "POST")) == (404, "unknown_effect")


def test_effects_are_asked_for_by_a_status_that_there_is(office: Server) -> None:
    assert refused(staff(office, "effects?status=lost")) == (422, "invalid_content")
    assert staff(office, "effects?status=dead").said == (200, [])


def test_effects_come_the_oldest_first(failed: Server) -> None:
    failed.clock.move(1_000_000)
    resolve(failed)
    effects = staff(failed, "effects").content
    names = ["notify_created", "announce", "ask_customer", "announce", "send_resolution"]
    assert [effect["name"] for effect in effects] == names
    assert all(one["created_at"] <= other["created_at"] for one, other in pairwise(effects))


# Counts


def counted(stats: dict[str, Any]) -> Counter[tuple[str, str]]:
    """Return how many sessions are in each state, as the API says."""
    return Counter({(each["definition"], each["state"]): each["sessions"] for each in stats["sessions"]})


def recounted(server: Server) -> Counter[tuple[str, str]]:
    """Return the same as the sessions themselves say, one by one."""
    with closing(sqlite3.connect(f"file:{server.parts.settings.database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT definition, state, count(*) FROM instance GROUP BY 1, 2")
        return Counter({(definition, state): sessions for definition, state, sessions in rows})


def test_all_is_counted(failed: Server) -> None:
    put_order(failed, an_order("O-2", an_item("T-2")))

    stats = staff(failed, "stats").content

    assert stats["sessions"] == [
        {"definition": "ndr_case", "state": "unsettled.open", "sessions": 1},
        {"definition": "order", "state": "created", "sessions": 1},
        {"definition": "order", "state": "delivery_failed", "sessions": 1},
        {"definition": "shipment", "state": "awaiting", "sessions": 1},
        {"definition": "shipment", "state": "forward.failed_delivery", "sessions": 1},
    ]
    taken = {(edge["source_state"], edge["event"], edge["target_state"]): edge["taken"] for edge in stats["edges"]}
    assert taken["awaiting", "forward.packed", "forward.packed"] == 1
    assert taken["new", "attempt_failed", "unsettled.open"] == 1
    assert counted(stats) == recounted(failed)
    assert stats["flow_latency"] == {"calls": 0, "p50_seconds": None, "p90_seconds": None}
    assert stats["quarantined"] == 0


def test_counts_are_right_though_facts_come_late_and_a_customer_decides(failed: Server) -> None:
    scan(failed, a_scan("out_for_delivery", -300), a_scan("delivered", -200))
    resolve(failed)
    for definition in ("purchase_interest", "repair_visit"):
        staff(failed, "sessions", "POST", content={"definition": definition, "recipient": "919800000001"})

    assert counted(staff(failed, "stats").content) == recounted(failed)


COURIERS_WORDS = "packed", "shipped", "out_for_delivery", "failed_delivery", "delivered", "lost"

scans = st.lists(st.tuples(st.sampled_from(COURIERS_WORDS), st.integers(-900, 900)), min_size=1, max_size=4)


@settings(max_examples=15, deadline=None)
@given(reports=st.lists(scans, max_size=4))
def test_counts_are_right_in_whatever_order_couriers_report(
    office: Server, reports: list[list[tuple[str, int]]]
) -> None:
    order_id = f"O-{secrets.token_hex(8)}"
    put_order(office, an_order(order_id))
    for report in reports:
        scan(office, *(a_scan(word, second, order_id=order_id) for word, second in report))

    assert counted(staff(office, "stats").content) == recounted(office)


# Finding


@pytest.mark.parametrize(
    ("searched", "found"),
    [
        pytest.param("q=C-O-1", {"order", "shipment", "ndr_case"}, id="an order's number"),
        pytest.param("q=T-1", {"shipment"}, id="a tracking number"),
        pytest.param("q=%2B91 98000 00042", {"order", "shipment", "ndr_case", "repair_visit", "inquiry"}, id="a phone"),
        pytest.param(
            "q=9800000042", {"order", "shipment", "ndr_case", "repair_visit", "inquiry"}, id="one of the country"
        ),
        pytest.param("q=9800000042&definition=inquiry", {"inquiry"}, id="a phone number, of a definition"),
        pytest.param("q=C-O-1&state=forward.failed_delivery", {"shipment"}, id="an order's number, in a state"),
        pytest.param("q= T-1 ", {"shipment"}, id="with spaces around"),
        pytest.param("q=9800000043", set(), id="nobody's phone number"),
    ],
)
def test_sessions_are_found_over_the_api_by_whatever_the_console_finds_them_by(
    failed: Server, searched: str, found: set[str]
) -> None:
    staff(failed, "sessions", "POST", content={"definition": "repair_visit", "recipient": PHONE})
    deliver(failed, a_call(messages(a_question())))

    listed = staff(failed, f"sessions?{searched.replace(' ', '%20')}").content["items"]

    assert {item["definition"] for item in listed} == found


def test_what_a_search_finds_comes_page_by_page(failed: Server) -> None:
    for _ in range(4):
        staff(failed, "sessions", "POST", content={"definition": "repair_visit", "recipient": PHONE})
    whole = staff(failed, f"sessions?q={PHONE}").content
    assert (len(whole["items"]), whole["next_cursor"]) == (7, None)

    pages, cursor = [], ""
    while cursor is not None:
        page = staff(failed, f"sessions?q={PHONE}&limit=2&cursor={cursor}").content
        pages += page["items"]
        cursor = page["next_cursor"]
        staff(failed, "sessions", "POST", content={"definition": "repair_visit", "recipient": PHONE})

    assert pages == whole["items"]


async def test_a_shipment_is_found_by_its_tracking_number_and_a_flow_by_whom_it_is_for(failed: Server) -> None:
    token = staff(failed, "sessions", "POST", content={"definition": "repair_visit", "recipient": "+91 98000 00001"})
    queries, sessions = failed.parts.queries, failed.parts.sessions

    (shipment,) = await queries.find("T-1")
    (minted,) = await queries.find("", recipient=sessions.recipient_hash("919800000001"))

    assert shipment.key == "O-1:T-1"
    assert minted.key == token.content["key"]
    assert await queries.find("", recipient=sessions.recipient_hash("919800000002")) == []
    assert sessions.recipient_hash(" ") == ""
