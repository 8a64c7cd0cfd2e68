"""What waits for people over the admin API: calls set aside, tried again by staff and by themselves; parked facts."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from api.app import keep_house
from api.keyring import Key
from api.whatsapp import AWAITED_FOR
from tests.api.kept import a_failed_delivery, became, counted, deliver, kept, refusing
from tests.api.serving import FakeClock, Server, running
from tests.api.speaking import (
    NOON_SECOND,
    NUMBER,
    PHONE,
    Heard,
    a_call,
    a_cart,
    a_completion,
    a_message,
    a_minted_session,
    a_scan,
    a_status,
    a_tap,
    a_wamid,
    an_item,
    an_order,
    ask,
    at_once,
    history,
    messages,
    put_order,
    scan,
    session,
    statuses,
)
from tests.builders import HOUR, MINUTE

API = "/admin/api/v1"
DAY = 24 * HOUR
AT_NOON = "2026-01-01T12:00:00Z"


def staff(server: Server, path: str, method: str = "GET") -> Heard:
    """Ask the admin API."""
    return ask(server, method, f"{API}/{path}", token=server.world.admin_token)


def refused(heard: Heard) -> tuple[int, str]:
    """Return a refusal's status and code."""
    return heard.status, heard.content["code"]


def written(call: Any) -> tuple[str, bytes]:
    """Return the hash under which a call is kept, and its body."""
    body = json.dumps(call).encode()
    return hashlib.sha256(body).hexdigest(), body


def retry(server: Server, digest: str) -> Heard:
    """Let staff have a call worked off again."""
    return staff(server, f"deliveries/{digest}/retry", "POST")


def keep(server: Server) -> None:
    """Let the server do now what it does every minute."""
    server.run(lambda: keep_house(server.parts, server.clock.now))


def a_tap_before_its_message(server: Server) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """Return the key of an open case, the hash of a call that was set aside, that call, and the one that it lacked."""
    put_order(server, an_order())
    scan(server, a_scan("out_for_delivery", -60), a_scan("failed_delivery", -30))
    key, wamid = "O-1:T-1:20260101T115930Z", a_wamid()
    tap = a_call(messages(a_tap("ACTF001", wamid)))
    told = a_call(statuses(a_status("sent", wamid, biz_opaque_callback_data=f"ndr_case/{key}")))
    assert became(server, tap) == ("quarantined", "unknown_context")
    return key, written(tap)[0], tap, told


# What is shown


def test_staff_see_why_a_call_was_set_aside_and_nothing_that_it_says(server: Server) -> None:
    set_aside = a_call(messages(a_message("hologram", {"body": "Where is it?"}), a_message("text")))
    digest, body = written(set_aside)
    deliver(server, body)
    deliver(server, a_call(messages(a_message("text"))))

    heard = staff(server, "deliveries?status=quarantined")

    assert heard.said == (
        200,
        {
            "items": [
                {
                    "digest": digest,
                    "source": "whatsapp",
                    "status": "quarantined",
                    "reasons": ["unknown_type"],
                    "received_at": AT_NOON,
                }
            ],
            "next_cursor": None,
        },
    )
    assert PHONE.encode() not in heard.body
    assert [item["status"] for item in staff(server, "deliveries").content["items"]].count("processed") == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_pages_of_calls_follow_one_another_without_gap_or_repeat(server: Server, limit: int) -> None:
    for second in (0, 0, 0, 1, 1):
        server.clock.move(second * 1_000_000)
        deliver(server, a_call(messages(a_message("hologram"))))

    listed, cursor = [], ""
    for _ in range(10):
        page = staff(server, f"deliveries?limit={limit}&cursor={cursor}").content
        assert len(page["items"]) <= limit
        listed += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert len(listed) == len({item["digest"] for item in listed}) == 5
    assert listed == sorted(listed, key=lambda item: (item["received_at"], item["digest"]))


@pytest.mark.parametrize("address", ["deliveries", "parked"])
@pytest.mark.parametrize("cursor", ["x", "MQ", "WzEsMl0", "WzAsIngiXQ", "WzEsIngiXQ=", "\N{DIGIT ONE}" * 500, "%00"])
def test_a_cursor_that_is_none_of_ours_is_refused(office: Server, address: str, cursor: str) -> None:
    assert refused(staff(office, f"{address}?cursor={cursor}")) == (400, "bad_cursor")


@pytest.mark.parametrize("query", ["deliveries?status=lost", "deliveries?limit=201", "parked?limit=0"])
def test_what_no_list_has_is_refused(office: Server, query: str) -> None:
    assert refused(staff(office, query)) == (422, "invalid_content")


# Staff let a call be worked off again


def test_staff_let_a_call_be_worked_off_again_when_what_it_lacked_is_there(server: Server) -> None:
    key, digest, _, told = a_tap_before_its_message(server)
    again = retry(server, digest)
    deliver(server, told)

    done = retry(server, digest)

    assert (again.status, again.content["status"], again.content["reasons"]) == (
        200,
        "quarantined",
        ["unknown_context"],
    )
    assert done.said == (
        200,
        {"digest": digest, "source": "whatsapp", "status": "processed", "reasons": [], "received_at": AT_NOON},
    )
    assert session(server, "ndr_case", key)["context"]["resolution"]["resolutionCode"] == "ACTF001"
    assert refused(retry(server, digest)) == (409, "delivery_status")


def test_what_a_call_did_before_is_not_done_again(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    token = a_minted_session(server)
    asked = a_wamid()
    parts = [a_completion({"flow_token": token}), a_cart(), a_tap("ACTF003", wamid), a_tap("ACTF001", asked)]
    digest, body = written(a_call(messages(*parts)))
    assert became(server, body) == ("quarantined", "unknown_context")
    sent = a_status("sent", asked, biz_opaque_callback_data=f"ndr_case/{key}")
    deliver(server, a_call(statuses(sent)))
    before = counted(server)

    assert [retry(server, digest).status for _ in range(2)] == [200, 409]

    chosen = [item["data"]["resolution_code"] for item in history(server, "ndr_case", key)[1:]]
    assert chosen == ["ACTF003", "ACTF001"]
    orders = staff(server, "sessions?definition=order").content["items"]
    assert len(orders) == 2  # the one that failed, and the cart's
    completed = [step for step in history(server, "purchase_interest", token) if step["event"] == "complete"]
    assert len(completed) == 1
    assert counted(server) == {**before, "message processed": before["message processed"] + 1}


def test_a_call_that_is_tried_again_long_after_undoes_nothing_that_was_asked_for_since(server: Server) -> None:
    resume = {"wa_id": PHONE, "detail": "", "category": "marketing_messages", "value": "resume"}
    setting = {**resume, "timestamp": str(NOON_SECOND - 60)}
    told = {"metadata": {"phone_number_id": NUMBER}, "user_preferences": [setting, {**setting, "value": "pause"}]}
    digest, body = written(a_call(told, field="user_preferences"))
    assert became(server, body) == ("quarantined", "unknown_preference")
    server.clock.move(2 * MINUTE)
    deliver(server, a_call(messages(a_message("text", {"body": "STOP"}))))
    found = staff(server, "sessions?definition=subscription&state=unsubscribed").content["items"]
    (stopped,) = (item["key"] for item in found if item["key"].endswith(":marketing"))

    server.clock.move(20 * DAY)
    keep(server)  # what events are known by is forgotten by now
    assert retry(server, digest).content["status"] == "quarantined"

    assert session(server, "subscription", stopped)["state"] == "unsubscribed"


def test_many_who_try_a_call_again_at_once_do_it_once(server: Server) -> None:
    key, digest, _, told = a_tap_before_its_message(server)
    deliver(server, told)

    answered = at_once(range(16), lambda _: retry(server, digest).status)

    assert {*answered} <= {200, 409}
    assert 200 in answered
    assert len(history(server, "ndr_case", key)) == 2


def test_a_call_that_is_not_there_is_not_found(office: Server) -> None:
    for digest in ("nothing", "0" * 64, "%00", "..%2F"):
        assert refused(retry(office, digest)) == (404, "unknown_delivery")


def test_a_call_that_is_done_is_not_done_again(server: Server) -> None:
    digest, body = written(a_call(messages(a_cart())))
    assert became(server, body) == ("processed", "")

    assert refused(retry(server, digest)) == (409, "delivery_status")


def test_a_call_that_cannot_be_recorded_now_stays_set_aside(server: Server) -> None:
    key, digest, tap, told = a_tap_before_its_message(server)
    deliver(server, told)

    with refusing(server, "journal"):
        assert retry(server, digest).content["status"] == "quarantined"

    assert kept(server, written(tap)[1]) == ("quarantined", "unknown_context")
    assert retry(server, digest).content["status"] == "processed"
    assert len(history(server, "ndr_case", key)) == 2


def test_a_call_sealed_under_a_key_that_is_lost_says_so(database: Path, endpoint_key: Key) -> None:
    clock = FakeClock()
    with running(database, [endpoint_key], clock=clock) as server:
        _, digest, _, _ = a_tap_before_its_message(server)

    other_key = "QW5vdGhlciBkYXRhIGtleSBvZiB0aGUgdGVzdHMsMzI="
    with running(database, [endpoint_key], clock=clock, data_key=other_key) as server:
        assert refused(retry(server, digest)) == (409, "unopenable")
        keep(server)  # it hinders nothing
        (waiting,) = staff(server, "deliveries?status=quarantined").content["items"]
        assert waiting["digest"] == digest


# Calls are tried again by themselves


def test_an_answer_that_came_before_the_status_of_its_message_is_taken_once_that_has_come(server: Server) -> None:
    key, _, tap, told = a_tap_before_its_message(server)
    keep(server)
    assert session(server, "ndr_case", key)["state"] == "unsettled.open"
    server.clock.move(20 * MINUTE)
    deliver(server, told)

    keep(server)

    assert kept(server, written(tap)[1]) == ("processed", "")
    chosen = history(server, "ndr_case", key)[1]
    assert (chosen["event"], chosen["occurred_at"]) == ("resolution_submitted", "2026-01-01T12:01:00Z")


def test_a_form_that_came_before_the_status_of_its_message_completes_its_session(server: Server) -> None:
    token, wamid = a_minted_session(server), a_wamid()
    form = a_call(messages(a_completion({"size": "M"}, context={"id": wamid})))
    assert became(server, form) == ("quarantined", "unknown_session")
    deliver(server, a_call(statuses(a_status("sent", wamid, biz_opaque_callback_data=f"purchase_interest/{token}"))))

    keep(server)

    assert kept(server, written(form)[1]) == ("processed", "")
    assert session(server, "purchase_interest", token)["state"] == "completed"


def test_after_an_hour_it_is_left_to_people(server: Server) -> None:
    _, digest, tap, told = a_tap_before_its_message(server)
    server.clock.move(AWAITED_FOR + 1)
    deliver(server, told)

    keep(server)

    assert kept(server, written(tap)[1]) == ("quarantined", "unknown_context")
    assert retry(server, digest).content["status"] == "processed"


def test_trying_again_in_vain_is_neither_counted_nor_told_again(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    a_tap_before_its_message(server)
    before = counted(server)
    capsys.readouterr()

    for _ in range(3):
        keep(server)

    assert counted(server) == before
    assert "webhook_quarantined" not in capsys.readouterr().out


def test_what_can_never_be_read_is_not_tried_again_by_itself(server: Server) -> None:
    deliver(server, a_call(messages(a_message("hologram"))))
    since = server.clock.now - AWAITED_FOR

    for reasons, found in ((["unknown_context", "unknown_session"], 0), (["unknown_type"], 1), (["unknown"], 0)):
        asked = server.run(lambda reasons=reasons: server.parts.queries.calls_set_aside_since(since, reasons, 10))  # type: ignore[misc]
        assert len(asked) == found


# Parked facts


def test_staff_see_what_couriers_said_that_nobody_knows(server: Server) -> None:
    put_order(server, an_order("O-1", an_item("T-1")))
    scan(
        server,
        a_scan("teleported", id="A", remark="Left with Asha, 9800000042", ndr_code="77"),
        a_scan("intransit", 1, tracking_id="T-9", id="B"),
    )
    server.clock.move(MINUTE)
    scan(server, a_scan("intransit", 2, order_id="O-9", id="C", leg="return"), a_scan("lost", 25 * 3600, id="D"))

    heard = staff(server, "parked")

    said = ("id", "order_ref", "tracking_id", "leg", "status", "ndr_code", "reason", "occurred_at", "received_at")
    later = "2026-01-01T12:01:00Z"
    assert [tuple(item[name] for name in said) for item in heard.content["items"]] == [
        ("A", "O-1", "T-1", "forward", "teleported", "77", "unknown_status", AT_NOON, AT_NOON),
        ("B", "O-1", "T-9", "forward", "intransit", "", "unknown_shipment", "2026-01-01T12:00:01Z", AT_NOON),
        ("C", "O-9", "T-1", "return", "intransit", "", "unknown_order", "2026-01-01T12:00:02Z", later),
        ("D", "O-1", "T-1", "forward", "lost", "", "future", "2026-01-02T13:00:00Z", later),
    ]
    assert {item["source"] for item in heard.content["items"]} == {"courier/generic"}
    assert heard.content["next_cursor"] is None
    assert b"Asha" not in heard.body
    assert b"9800000042" not in heard.body


def test_parked_facts_are_found_by_their_reason_page_by_page(server: Server) -> None:
    scan(server, *(a_scan("intransit", number, id=f"E-{number}", order_id=f"O-{number}") for number in range(5)))
    scan(server, a_scan("lost", 25 * 3600, id="F"))

    listed, cursor = [], ""
    while cursor is not None:
        page = staff(server, f"parked?reason=unknown_order&limit=2&cursor={cursor}").content
        listed += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert listed == ["E-0", "E-1", "E-2", "E-3", "E-4", "F"]
    assert staff(server, "parked?reason=unknown_status").content == {"items": [], "next_cursor": None}


def test_what_finds_its_place_is_parked_no_more(server: Server) -> None:
    scan(server, a_scan("intransit"))
    assert len(staff(server, "parked").content["items"]) == 1

    put_order(server, an_order())

    assert staff(server, "parked").content["items"] == []


def test_a_number_that_is_not_ours_is_a_reason_like_any_other(serve: Any) -> None:
    server = serve(phone_number_id="100000000000009")
    deliver(server, a_call(messages(a_message("text"), number=NUMBER)))

    (item,) = staff(server, "deliveries?status=quarantined").content["items"]

    assert item["reasons"] == ["unknown_number"]
