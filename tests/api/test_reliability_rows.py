"""
What each bad input gets at the webhooks, at the addresses of couriers and merchants, and where staff mind effects.

Every row has a test. Those here are about rows that no other file proves wholly; the others are proven elsewhere:

| row | test |
|---|---|
| GET: the right mode and token get their challenge | test_whatsapp.py::test_the_challenge_is_said_back_to_who_knows_our_token |
| GET: a wrong token 403 | test_whatsapp.py::test_a_wrong_verify_token_is_refused |
| GET: missing or odd parameters 400 | test_whatsapp.py::test_what_is_no_challenge_is_refused_and_not_said_back |
| POST: no signature 401, a wrong one 403 | test_whatsapp.py::test_a_call_that_is_not_signed_by_meta_is_refused_and_not_stored |
| POST: over 4 MB 413 | test_whatsapp.py::test_a_call_over_4_mb_is_refused_and_not_stored |
| POST: slow 408 | test_front_door.py::test_a_body_that_takes_too_long_is_refused |
| POST: broken JSON, unknown object, field, type, U+0000 | test_whatsapp.py::test_what_cannot_be_read_is_set_aside_with_the_reason |
| POST: an unknown number | test_whatsapp.py::test_messages_of_another_number_are_set_aside_when_ours_are_named |
| POST: a failing message, the others proceed | test_whatsapp.py::test_what_we_fail_at_is_set_aside_and_its_neighbours_are_done |
| POST: staff let what is set aside be worked off again | test_deliveries.py::test_staff_let_a_call_be_worked_off_again_when_what_it_lacked_is_there |
| POST: what came too early is tried again by itself | test_deliveries.py::test_an_answer_that_came_before_the_status_of_its_message_is_taken_once_that_has_come |
| POST: a duplicate | test_whatsapp.py::test_the_same_body_again_is_answered_and_does_nothing |
| POST: stored, and processing fails later | test_housekeeping.py::test_a_call_that_could_not_be_worked_off_is_worked_off_by_the_housekeeping |
| POST: it cannot be stored 503 | test_whatsapp.py::test_a_call_that_cannot_be_stored_is_to_be_sent_again |
| nfm_reply without a token is joined by its context | test_whatsapp.py::test_a_completed_form_without_its_token_is_joined_by_the_message_it_answers |
| nfm_reply that joins nothing is set aside | test_whatsapp.py::test_a_completed_form_that_cannot_be_placed_is_set_aside |
| couriers: no or a wrong key 401, one text | test_couriers.py::test_who_has_not_the_couriers_key_is_refused_in_one_way |
| merchants: no or a wrong token 401, one text | test_auth.py::test_every_guarded_address_is_closed_to_strangers_and_says_the_same_to_all |
| a token that lacks the scope 403 | test_auth.py::test_staff_may_do_all_and_a_portal_only_what_is_the_portals |
| couriers: not JSON 400, 415, 413 | test_couriers.py::test_what_is_not_json_is_refused |
| merchants: not JSON 400, 415, 413 | test_problems.py::test_a_problem_has_one_shape_at_every_status |
| couriers: wrong fields 422 with pointers, nothing stored | test_couriers.py::test_a_call_that_is_not_well_formed_says_where_and_stores_nothing |
| the published shape: wrong fields 422 with pointers | test_couriers.py::test_an_event_of_the_published_shape_that_is_not_well_formed_says_where |
| merchants: wrong fields 422 with pointers | test_orders.py::test_an_order_that_is_none_is_refused_where_it_is_wrong |
| events: 200 and a result for each, in order | test_couriers.py::test_each_event_of_a_call_has_its_result_in_its_place |
| events: what is parked is shown to staff | test_deliveries.py::test_staff_see_what_couriers_said_that_nobody_knows |
| couriers: 503 | test_couriers.py::test_a_call_that_cannot_be_recorded_is_to_be_sent_again |
| merchants: 503 | test_problems.py::test_a_database_that_takes_nothing_is_told_to_those_who_bring_something |
| an order that is another account's 409 | test_orders.py::test_an_order_stays_with_its_account |
| a resolution for nothing 404 | test_portal.py::test_a_resolution_that_cannot_be_taken_changes_nothing |
| a resolution that comes too late 409 | test_portal.py::test_an_order_that_arrived_takes_no_resolution |
| effects: an unknown one 404 | test_admin.py::test_an_effect_that_is_not_there_is_not_found |
| effects: a status that does not allow it 409 | test_admin.py::test_an_effect_is_discarded_and_let_go_again |
| start: no app secret, no key | test_serve.py::test_what_keeps_a_server_from_starting_is_told_in_one_line |
| ready: the database can be written | test_health.py::test_a_server_whose_database_takes_nothing_lives_but_is_not_ready |

A courier's key belongs to a courier and to no account: at another courier's address it is a wrong key like any other,
401 in the same words, so that nobody learns which couriers there are. 403 is for tokens, which have scopes.
"""  # noqa: E501 - a row and its test stand in one line

import math
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as some
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from api import health
from api.app import application
from api.clock import system_clock
from api.couriers import BURST, MAX_EVENTS, ROUNDED, Allowance
from api.delivery import Deliverer
from api.health import LAGGING
from api.senders import Senders
from definitions.orders.rows import ParkedFact
from engine.model import SECOND
from tests.api.faults import FAULTS
from tests.api.kept import counted, deliveries
from tests.api.serving import Server
from tests.api.speaking import (
    PERSON,
    Heard,
    a_scan,
    an_item,
    an_order,
    ask,
    history,
    put_order,
    read_order,
    resolve,
    scan,
    session,
    signature,
    subscribe,
)
from tests.builders import MINUTE

API = "/admin/api/v1"
CASE = "O-1:T-1:20260101T120000Z"
TESTS = Path(__file__).parents[1]


def staff(server: Server, method: str, path: str, content: Any = None) -> Heard:
    """Let staff, or a worker, ask."""
    more = {} if content is None else {"content": content}
    return ask(server, method, f"{API}/{path}", token=server.world.admin_token, **more)


def effect(server: Server, name: str) -> Mapping[str, Any]:
    """Return the effect of that name."""
    (found,) = (each for each in staff(server, "GET", "effects").content if each["name"] == name)
    return dict(found)


def called(server: Server, name: str, result: Mapping[str, Any]) -> Any:
    """Let a worker call the effect of that name, with that result; return the seconds until it is called again."""
    identifier = effect(server, name)["id"]
    heads = staff(server, "POST", "outbox/claim", {}).content["heads"]
    assert identifier in [head["key"] for head in heads]
    begun = staff(server, "POST", "outbox/begin", {"effect_id": identifier}).content
    finished = staff(server, "POST", "outbox/finish", {"attempt": begun["attempt"], "result": result})
    assert finished.status == 200
    return finished.content["again"]


@pytest.fixture
def failed(server: Server) -> Server:
    """Return a server whose order could not be delivered, by a courier that can be asked to come again."""
    tracking = {"courierName": "Eshopbox", "trackingID": "T-1", "statusLog": []}
    put_order(server, an_order("O-1", an_item(forwardTrackingTimeline=tracking)))
    scan(server, a_scan("failed_delivery"))
    return server


def test_every_row_that_is_proven_elsewhere_names_a_test_that_is_there() -> None:
    rows = re.findall(r"(?m)^\| .* \| (\w+\.py)::(\w+) \|$", __doc__ or "")
    there = {
        (path.name, name) for path in TESTS.rglob("test_*.py") for name in re.findall(r"def (\w+)\(", path.read_text())
    }

    assert len(rows) == (__doc__ or "").count("::")
    assert {*rows} <= there


# Meta's webhook


def test_of_a_call_that_is_not_signed_by_meta_nothing_is_kept_but_a_count(server: Server) -> None:
    for header in ({}, {"X-Hub-Signature-256": signature("another secret", b"{}")}):
        ask(server, "POST", "/webhooks/whatsapp", body=b"{}", headers=header)

    assert deliveries(server) == []
    assert counted(server) == {"call sig_missing": 1, "call sig_bad": 1}


# Couriers


def flood(server: Server) -> tuple[int, Heard]:
    """Let a courier bring full calls until one is refused; return how many were taken, and the refusal."""
    for call in range(10 * BURST // MAX_EVENTS):
        heard = scan(server, *(a_scan("intransit", id=f"{call}/{event}") for event in range(MAX_EVENTS)))
        if heard.status != 200:
            return call, heard
    pytest.fail("nothing holds a flood up")


def test_a_courier_that_floods_us_is_told_when_to_go_on_and_holds_up_nobody_else(server: Server) -> None:
    taken, refused = flood(server)
    other = {"resource": "shipment", "eventSubType": "packed"}
    response = {"customerOrderNumber": "C-O-1", "externalShipmentID": "T-1", "statusUpdatedAt": "2026-01-01 17:00:00"}
    key = server.settings.couriers["eshopbox"]

    assert (refused.status, refused.content["code"]) == (429, "too_many_events")
    assert refused.headers["retry-after"] in {"1", "2"}
    assert taken >= BURST // MAX_EVENTS
    parked = server.run(lambda: server.parts.store.find(ParkedFact))
    assert len(parked) == taken * MAX_EVENTS
    call = {**other, "response_data": response}
    assert ask(server, "POST", "/webhooks/couriers/eshopbox", call, key=key).status == 200


BROUGHT = some.lists(some.tuples(some.integers(1, 100), some.floats(0, 20)), max_size=60)
"""How much each call brings, and how many seconds after the one before."""


def test_a_burst_is_let_in_at_once_and_no_more() -> None:
    allowance = Allowance(100, 10)

    assert [allowance.take("bluebird", 50, 7.0) for _ in range(3)] == [0, 0, 5.0]


def test_one_caller_takes_nothing_from_another() -> None:
    allowance = Allowance(100, 10)

    assert [allowance.take(name, 100, 7.0) for name in ("bluebird", "heron")] == [0, 0]


@given(BROUGHT)
def test_nobody_ever_brings_more_than_a_burst_and_their_share_of_the_time(calls: list[tuple[int, float]]) -> None:
    allowance = Allowance(100, 10)
    now = 0.0
    taken: list[tuple[float, int]] = []
    for amount, later in calls:
        now += later
        if not allowance.take("bluebird", amount, now):
            taken.append((now, amount))

    for place, (since, _) in enumerate(taken):
        brought = 0
        for at, amount in taken[place:]:
            brought += amount
            assert brought <= 100 + 10 * (at - since) + 1e-6


@given(BROUGHT, some.integers(1, 100))
def test_who_waits_as_long_as_they_are_told_is_let_in(calls: list[tuple[int, float]], amount: int) -> None:
    allowance = Allowance(100, 10)
    now = 0.0
    for each, later in calls:
        now += later
        allowance.take("bluebird", each, now)

    wait = allowance.take("bluebird", amount, now)

    assert wait <= 10 + ROUNDED
    assert wait == 0 or allowance.take("bluebird", amount, now + wait) == 0


# Merchants and portals


@pytest.mark.parametrize(
    ("status", "body", "media_type"),
    [
        pytest.param(400, b"{", "application/json", id="not JSON"),
        pytest.param(415, b"{}", "text/plain", id="another type"),
        pytest.param(413, b" " * (1024 * 1024 + 1), "application/json", id="too large"),
        pytest.param(
            422, b'{"orderId": "O-1", "accountSlug": "dfc", "items": 7}', "application/json", id="wrong fields"
        ),
    ],
)
def test_an_order_that_is_refused_leaves_the_one_that_there_was(
    server: Server, status: int, body: bytes, media_type: str
) -> None:
    put_order(server, an_order())
    before = read_order(server).content
    headers = {"Content-Type": media_type}

    heard = ask(server, "PUT", "/api/v1/orders/O-1", body=body, headers=headers, token=server.world.portal_token)

    assert heard.status == status
    assert read_order(server).content == before
    if status == 422:
        assert {error["pointer"] for error in heard.content["errors"]} == {"/items"}


@pytest.mark.parametrize("fault", ["down", "read-only", "busy"])  # a full disk may have room for as little as this
def test_a_portal_is_told_to_come_again_while_nothing_can_be_recorded(failed: Server, fault: str) -> None:
    before = session(failed, "ndr_case", CASE)["state"]
    with FAULTS[fault](failed):
        refused = [resolve(failed, remarks="r" * 1000), subscribe(failed)]

    for heard in refused:
        assert (heard.status, heard.headers["retry-after"], {*heard.content}) == (503, "2", {"error", "reason"})
    assert session(failed, "ndr_case", CASE)["state"] == before
    assert [resolve(failed, remarks="r" * 1000).status, subscribe(failed).status] == [200, 200]


def test_a_choice_is_recorded_and_not_called_done_while_its_courier_cannot_be_reached(failed: Server) -> None:
    heard = resolve(failed)

    again = called(failed, "send_resolution", {"type": "Unsent", "reason": "connection refused"})

    assert (heard.status, heard.content["state"].rpartition(".")[2]) == (200, "resolution_submitted")
    assert again > 0
    assert (effect(failed, "send_resolution")["status"], session(failed, "ndr_case", CASE)["state"]) == (
        "pending",
        heard.content["state"],
    )
    assert read_order(failed).content["items"][0]["ndrResolutionDetails"] != {}
    failed.clock.move(MINUTE)
    assert called(failed, "send_resolution", {"type": "Done"}) is None
    assert "resolution_accepted" in [step["event"] for step in history(failed, "ndr_case", CASE)]


def test_a_choice_that_its_courier_refuses_is_told_as_refused(failed: Server) -> None:
    resolve(failed)

    called(failed, "send_resolution", {"type": "Failed", "kind": "refused", "code": "409"})

    assert session(failed, "ndr_case", CASE)["state"].endswith("rejected")
    assert effect(failed, "send_resolution")["status"] == "dead"


@pytest.mark.parametrize("changes", [{"customerOrderNumber": "C-9"}, {"contactPhoneNumber": "9800000043"}])
def test_an_order_that_there_is_not_and_one_of_somebody_else_are_told_alike(
    failed: Server, changes: Mapping[str, str]
) -> None:
    absent, foreign = resolve(failed, customerOrderNumber="C-9"), resolve(failed, **changes)

    assert (absent.status, absent.body) == (404, foreign.body)
    assert PERSON["contactPhone"].encode() not in foreign.body


# Staff mind effects


def test_an_effect_in_doubt_is_called_again_only_by_who_says_that_it_may_happen_twice(failed: Server) -> None:
    resolve(failed)
    called(failed, "send_resolution", {"type": "Doubt", "reason": "the connection broke"})
    in_doubt = effect(failed, "send_resolution")
    path = f"effects/{in_doubt['id']}/retry"
    assert in_doubt["status"] == "unknown"

    asked = staff(failed, "POST", path)
    assert (asked.status, asked.content["code"]) == (409, "may_send_twice")
    assert "may_send_twice=true" in asked.content["detail"]
    assert effect(failed, "send_resolution") == in_doubt

    heard = staff(failed, "POST", f"{path}?may_send_twice=true")

    assert heard.said == (200, {"id": in_doubt["id"], "status": "pending"})
    assert called(failed, "send_resolution", {"type": "Done"}) is None
    assert effect(failed, "send_resolution")["status"] == "done"


def test_effects_go_on_after_the_last_that_was_read(failed: Server) -> None:
    resolve(failed)
    every = [effect["id"] for effect in staff(failed, "GET", "effects").content]
    assert len(every) > 2

    read: list[str] = []
    while page := staff(failed, "GET", f"effects?limit=2&after={read[-1] if read else ''}").content:
        read += [effect["id"] for effect in page]

    assert read == every
    pending = staff(failed, "GET", f"effects?status=pending&after={every[0]}").content
    assert [effect["id"] for effect in pending] == every[1:]


def test_effects_after_one_that_there_is_not_are_refused(office: Server) -> None:
    for query, refusal in (("after=nothing", (400, "bad_cursor")), ("limit=201", (422, "invalid_content"))):
        heard = staff(office, "GET", f"effects?{query}")
        assert (heard.status, heard.content["code"]) == refusal


# Operators


def told(server: Server) -> dict[tuple[str, ...], float]:
    """Return what `/metrics` tells, by names and labels, without what is 0."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(ask(server, "GET", "/metrics").body.decode())
        for sample in family.samples
        if sample.value
    }


def test_a_server_whose_disk_is_nearly_full_is_not_ready_and_only_its_log_says_why(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ROOM", 2**62)

    with capture_logs() as logged:
        heard = ask(server, "GET", "/health/ready")

    assert (heard.status, heard.content["code"], heard.headers["retry-after"]) == (503, "not_ready", "2")
    assert b"disk" not in heard.body
    assert [(entry["event"], entry["reason"]) for entry in logged] == [("not_ready", "disk")]
    assert ask(server, "GET", "/health/live").said == (200, {"status": "ok"})


async def ready_while_its_deliverer_stands_still(server: Server, file: Path) -> int:
    """Return how a server of the same parts is that has a deliverer, which was never started."""
    stands_still = Deliverer(server.parts.outbox, Senders.of(server.settings, system_clock), file)
    door = httpx2.ASGITransport(application(server.parts, server.clock, stands_still))
    async with httpx2.AsyncClient(transport=door, base_url=server.url) as client:
        return (await client.get("/health/ready")).status_code


def test_a_server_whose_deliverer_stands_still_is_not_ready(server: Server, tmp_path: Path) -> None:
    def ready() -> int:
        return server.run(lambda: ready_while_its_deliverer_stands_still(server, tmp_path / "delivery.db"))

    assert ready() == 200
    put_order(server, an_order("O-1"))
    scan(server, a_scan("failed_delivery"))
    server.clock.move(LAGGING)
    assert ready() == 200

    server.clock.move(1)

    assert ready() == 503
    server.run(server.parts.outbox.address)  # whoever is looked at may still have to wait
    assert ready() == 200


def test_a_server_that_leaves_delivering_to_a_worker_stays_ready_for_it(server: Server) -> None:
    put_order(server, an_order("O-1"))
    scan(server, a_scan("failed_delivery"))
    server.clock.move(2 * LAGGING)

    assert ask(server, "GET", "/health/ready").said == (200, {"status": "ok"})


def test_what_waits_is_told(server: Server) -> None:
    put_order(server, an_order("O-1"))
    scan(server, a_scan("packed"), a_scan("teleported"), a_scan("packed", tracking_id="T-9"), a_scan("failed_delivery"))
    server.clock.move(90 * SECOND)
    put_order(server, an_order("O-2"))
    pending = len(staff(server, "GET", "effects?status=pending").content)
    assert pending > 1

    counted = told(server)

    waiting = {
        name: value for name, value in counted.items() if name[0].startswith(("waystate_outbox", "waystate_park"))
    }
    assert waiting == {
        ("waystate_outbox", "pending"): pending,
        ("waystate_outbox_oldest_seconds",): 90,
        ("waystate_parked", "unknown_status"): 1,
        ("waystate_parked", "unknown_shipment"): 1,
    }


def test_what_waits_no_more_is_told_no_more(server: Server) -> None:
    scan(server, a_scan("packed"))
    assert told(server)["waystate_parked", "unknown_order"] == 1

    put_order(server, an_order("O-1"))

    assert not {name for name in told(server) if name[0] in ("waystate_parked", "waystate_outbox_oldest_seconds")}


def test_a_timer_that_nobody_lets_fire_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def rest() -> int:
        return 0

    monkeypatch.setattr(server.parts.timekeeper, "fire_due", rest)
    put_order(server, an_order("O-1"))
    scan(server, a_scan("failed_delivery"))
    deadline = server.instance("ndr_case", "O-1:T-1:20260101T120000Z")
    assert deadline is not None
    assert deadline.deadline is not None
    server.clock.move(deadline.deadline - server.clock.now + 30 * SECOND)

    assert told(server)["waystate_timer_overdue_seconds",] == 30


def test_what_waits_is_not_known_while_the_database_is_down(server: Server) -> None:
    scan(server, a_scan("packed"))
    with closing(sqlite3.connect(server.settings.database)) as connection, connection:
        connection.execute("DROP TABLE parked_fact")

    assert {name for name, value in told(server).items() if math.isnan(value)} == {
        ("waystate_quarantined",),
        ("waystate_outbox_oldest_seconds",),
        ("waystate_timer_overdue_seconds",),
        *(("waystate_outbox", status) for status in ("pending", "calling", "unknown", "dead")),
    }
