"""Couriers' webhooks over real HTTP: who may call, what is well formed, and what becomes of each event."""

import re
from collections.abc import Mapping, Sequence
from itertools import count, pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.couriers import MAX_EVENTS, GenericEvent
from definitions.catalogue import SHIPPED
from definitions.orders.rows import ParkedFact
from tests.api.conftest import Serve
from tests.api.faults import FAULTS
from tests.api.oddities import somewhere_odd
from tests.api.serving import Server
from tests.api.speaking import (
    ABSENT,
    Heard,
    a_scan,
    an_item,
    an_order,
    ask,
    at_once,
    became,
    moves,
    put_order,
    quoted,
    read_order,
    scan,
    scan_at,
    session,
)
from tests.builders import HOUR

ESHOPBOX = "an eshopbox key of the tests"
GENERIC = "a generic key of the tests"
DAY = 24 * HOUR


def parked(server: Server) -> list[tuple[str, str, str]]:
    """Return what is parked: whose it is, for which order, and why."""
    rows = server.run(lambda: server.parts.store.find(ParkedFact))
    return sorted((row.source, row.order_ref, row.reason) for row in rows)


def standing(server: Server, order_id: str = "O-1", tracking_id: str = "T-1") -> Any:
    """Return a shipment's state, or None where there is no such shipment."""
    found = session(server, "shipment", f"{order_id}:{tracking_id}")
    return found and found["state"]


def an_event(status: str, at: Any = "2026-01-01 17:30:00", **changes: Any) -> dict[str, Any]:
    """Return an event in Eshopbox's published shape; its local time is noon in UTC."""
    response = {
        "customerOrderNumber": "C-O-1",
        "vendorOrderNumber": "V-77",
        "externalShipmentID": "T-1",
        "externalChannelID": "DFC",
        "order_id": 77,
        "account_id": 1489,
        "warehouse_id": None,
        "orderDate": "2025-12-30 10:00:00",
        "paymentType": "COD",
        "expectedShipDate": "0000-00-00 00:00:00",
        "statusUpdatedAt": at,
        **changes,
    }
    return {
        "resource": "shipment",
        "eventType": "PUT",
        "eventSubType": status,
        "accountSlug": "dfc",
        "accountId": 1489,
        "actor": "courier",
        "version": "v1",
        "request_data": {},
        "response_data": {name: value for name, value in response.items() if value is not ABSENT},
    }


def report(server: Server, event: Any, key: str = ESHOPBOX) -> Heard:
    """Let Eshopbox post *event*."""
    return ask(server, "POST", "/webhooks/couriers/eshopbox", event, key=key)


# Who may call


@pytest.mark.parametrize(
    ("courier", "headers"),
    [
        pytest.param("generic", [], id="no key"),
        pytest.param("generic", [("x-api-key", "")], id="an empty key"),
        pytest.param("generic", [("x-api-key", "wrong")], id="a wrong key"),
        pytest.param("generic", [("x-api-key", ESHOPBOX)], id="another courier's key"),
        pytest.param("generic", [("x-api-key", GENERIC.upper())], id="in capitals"),
        pytest.param("generic", [("x-api-key", "\xfc")], id="no ASCII"),
        pytest.param("generic", [("Authorization", f"Bearer {GENERIC}")], id="as a token"),
        pytest.param("unknown", [("x-api-key", GENERIC)], id="a courier nobody knows"),
        pytest.param("unknown", [("x-api-key", "")], id="a courier nobody knows and no key"),
        pytest.param("eshopbox", [("x-api-key", GENERIC)], id="the published shape with another's key"),
        pytest.param("eshop%62ox", [("x-api-key", ESHOPBOX)], id="a name written otherwise"),
    ],
)
def test_who_has_not_the_couriers_key_is_refused_in_one_way(
    office: Server, courier: str, headers: list[tuple[str, str]]
) -> None:
    heard = ask(office, "POST", f"/webhooks/couriers/{courier}", {"events": "nonsense"}, headers=headers)

    assert (heard.status, heard.content["code"]) == (401, "unauthorized")
    assert heard.content["detail"] == "A courier sends its key in x-api-key."


def test_a_courier_of_its_own_name_reports_under_it(serve: Serve) -> None:
    server = serve(courier_secrets="bluebird = a bluebird key , generic=another")
    put_order(server, an_order())
    call = {"events": [a_scan("intransit", id="E-1")]}

    heard = ask(server, "POST", "/webhooks/couriers/bluebird", call, key="a bluebird key")
    elsewhere = ask(server, "POST", "/webhooks/couriers/generic", call, key="another")

    assert (heard.said, became(elsewhere)) == ((200, {"results": [{"id": "E-1", "status": "accepted"}]}), ["duplicate"])
    assert standing(server) == "forward.intransit"


def test_the_report_on_the_page_about_orders_is_taken(serve: Serve) -> None:
    page = (SHIPPED.parent / "docs" / "orders.md").read_text()
    (report,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    table = page.split("| member | is |")[1].split("\n\n")[0]
    listed = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1] if row else "")}
    server = serve(courier_secrets="mycourier=a key of mine")
    put_order(server, an_order())

    heard = ask(server, "POST", "/webhooks/couriers/mycourier", msgspec.json.decode(report), key="a key of mine")

    assert heard.said == (200, {"results": [{"id": "scan-8841", "status": "accepted"}]})
    assert session(server, "ndr_case", "O-1:T-1:20260101T120000Z")["context"]["ndr_code"] == "1"
    assert listed == set(GenericEvent.__struct_encode_fields__)


# What is well formed


def without(name: str) -> dict[str, Any]:
    """Return an event that lacks a field."""
    return {field: value for field, value in a_scan("intransit").items() if field != name}


@pytest.mark.parametrize(
    ("events", "pointer"),
    [
        pytest.param([], "/events", id="no events"),
        pytest.param({}, "/events", id="no list"),
        pytest.param([a_scan("intransit")] * (MAX_EVENTS + 1), "/events", id="too many"),
        pytest.param([a_scan("intransit"), "scan"], "/events/1", id="an event that is a text"),
        *(
            pytest.param([a_scan("intransit"), without(name)], "/events/1", id=f"no {name}")
            for name in ("order_id", "tracking_id", "leg", "status", "occurred_at")
        ),
        pytest.param([a_scan("intransit", leg="sideways")], "/events/0/leg", id="an unknown leg"),
        pytest.param([a_scan("")], "/events/0/status", id="an empty status"),
        pytest.param([a_scan(7)], "/events/0/status", id="a status that is a number"),  # type: ignore[arg-type]
        pytest.param([a_scan("x" * 257)], "/events/0/status", id="a status that is too long"),
        pytest.param([a_scan("intransit", order_id="")], "/events/0/order_id", id="an empty order"),
        pytest.param([a_scan("intransit", remark="x" * 1025)], "/events/0/remark", id="a remark that is too long"),
        pytest.param([a_scan("intransit", id=7)], "/events/0/id", id="an id that is a number"),
        pytest.param([a_scan("intransit", colour="red")], "/events/0", id="a field that is not known"),
        pytest.param([a_scan("intransit", remark="a\0b")], "/events/0/remark", id="NUL"),
        *(
            pytest.param(
                [a_scan("intransit"), a_scan("lost", occurred_at=at)], "/events/1/occurred_at", id=at or "none"
            )
            for at in (
                "",
                "yesterday",
                "2026-01-01T12:00:00",
                "2026-13-01T12:00:00Z",
                "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59-14:00",
                "1969-12-31T23:59:59Z",
            )
        ),
    ],
)
def test_a_call_that_is_not_well_formed_says_where_and_stores_nothing(
    office: Server, events: Any, pointer: str
) -> None:
    before = parked(office)

    heard = ask(office, "POST", "/webhooks/couriers/generic", {"events": events}, key=GENERIC)

    assert (heard.status, heard.content["code"]) == (422, "invalid_content")
    assert [error["pointer"] for error in heard.content["errors"]] == [pointer]
    assert parked(office) == before


@pytest.mark.parametrize(
    ("status", "body", "media_type"),
    [
        pytest.param(400, b"{", "application/json", id="half an object"),
        pytest.param(400, b"\xff", "application/json", id="no UTF-8"),
        pytest.param(400, b'{"events":' + b"[" * 100 + b"]" * 100 + b"}", "application/json", id="deep"),
        pytest.param(415, b"{}", "text/plain", id="text"),
        pytest.param(413, b" " * (1024 * 1024 + 1), "application/json", id="over a megabyte"),
    ],
)
@pytest.mark.parametrize("courier", ["generic", "eshopbox"])
def test_what_is_not_json_is_refused(office: Server, courier: str, status: int, body: bytes, media_type: str) -> None:
    headers = {"Content-Type": media_type, "x-api-key": {"generic": GENERIC, "eshopbox": ESHOPBOX}[courier]}

    assert ask(office, "POST", f"/webhooks/couriers/{courier}", body=body, headers=headers).status == status


# What becomes of events


def test_each_event_of_a_call_has_its_result_in_its_place(server: Server) -> None:
    put_order(server, an_order())

    heard = scan(
        server,
        a_scan("intransit", -50, id="A"),
        a_scan("intransit", -50, id="B"),
        a_scan("intransit", -50, id="A"),
        a_scan("delivered", -40, id="C"),
        a_scan("out_for_delivery", -30, id="D"),
        a_scan("teleported", -20, id="E"),
        a_scan("intransit", -50, tracking_id="T-9", id="F"),
        a_scan("intransit", -50, order_id="O-9", id="G"),
        a_scan("lost", 25 * 3600, id="H"),
    )

    results = [(result["id"], result["status"]) for result in heard.content["results"]]
    assert results == [
        ("A", "accepted"),
        ("B", "duplicate"),
        ("A", "duplicate"),
        ("C", "accepted"),
        ("D", "conflict"),
        ("E", "parked"),
        ("F", "parked"),
        ("G", "parked"),
        ("H", "parked"),
    ]
    assert standing(server) == "forward.delivered"
    assert parked(server) == [
        ("courier/generic", "O-1", "future"),
        ("courier/generic", "O-1", "unknown_shipment"),
        ("courier/generic", "O-1", "unknown_status"),
        ("courier/generic", "O-9", "unknown_order"),
    ]


def test_an_order_may_be_called_by_its_number(server: Server) -> None:
    put_order(server, an_order())

    assert became(scan(server, a_scan("picked_up", order_id="C-O-1"))) == ["accepted"]
    assert became(scan(server, a_scan("picked_up"))) == ["duplicate"]
    assert standing(server) == "forward.picked_up"


@pytest.mark.parametrize(
    ("leg", "status", "state"),
    [
        ("forward", "Out_For_Delivery ", "forward.out_for_delivery"),
        ("forward", "rto_created", "rto.rto_created"),
        ("rto", "intransit", "rto.rto_intransit"),
        ("rto", "delivered", "rto.rto_delivered"),
        ("return", "approved", "return.approved"),
    ],
)
def test_a_word_means_what_it_means_on_its_leg(office: Server, leg: str, status: str, state: str) -> None:
    order = a_fresh_order(office)

    assert became(scan(office, a_scan(status, order_id=order, leg=leg))) == ["accepted"]
    assert standing(office, order) == state


def test_the_same_event_without_an_id_is_the_same_and_one_that_says_more_is_merged(server: Server) -> None:
    put_order(server, an_order())
    bare, told = a_scan("failed_delivery"), a_scan("failed_delivery", remark="Gate closed", ndr_code="2")

    assert became(scan(server, bare, bare, told)) == ["accepted", "duplicate", "accepted"]
    assert became(scan(server, told, bare)) == ["duplicate", "duplicate"]

    (entry,) = status_log(server, "O-1")
    assert (entry["status"], entry["remark"]) == ("failed_delivery", "Gate closed")
    (attempt,) = session(server, "shipment", "O-1:T-1")["context"]["attempts"]
    assert attempt["reason"] != "unknown"


def test_an_event_first_sent_for_the_wrong_order_can_be_sent_for_the_right_one(server: Server) -> None:
    put_order(server, an_order())

    assert became(scan(server, a_scan("delivered", order_id="0-1"))) == ["parked"]
    assert became(scan(server, a_scan("delivered"))) == ["accepted"]
    assert standing(server) == "forward.delivered"


def status_log(server: Server, order_id: str) -> Any:
    """Return what an order's shipment is read back with as its log."""
    return read_order(server, order_id).content["items"][0]["forwardTrackingTimeline"]["statusLog"]


# What is parked


def test_events_that_come_before_their_order_are_its_history_once_it_is_put(server: Server) -> None:
    early = [
        a_scan("picked_up", -90),
        a_scan("out_for_delivery", -60, order_id="C-O-1"),
        a_scan("failed_delivery", -30),
    ]
    assert became(scan(server, *early)) == ["parked"] * 3
    assert became(scan(server, *early)) == ["duplicate"] * 3
    server.clock.move(HOUR)

    put_order(server, an_order())

    assert (standing(server), parked(server)) == ("forward.failed_delivery", [])
    assert [entry["status"] for entry in status_log(server, "O-1")][::-1] in (
        ["picked_up", "out_for_delivery", "failed_delivery"],
        ["failed_delivery", "out_for_delivery", "picked_up"],
    )
    assert session(server, "ndr_case", "O-1:T-1:20260101T115930Z")["state"] == "unsettled.open"
    assert became(scan(server, *early)) == ["duplicate"] * 3


def test_an_event_of_a_shipment_that_is_added_later_waits_for_it(server: Server) -> None:
    put_order(server, an_order())
    assert became(scan(server, a_scan("delivered", tracking_id="T-2"))) == ["parked"]

    put_order(server, an_order("O-1", an_item(), an_item("T-2", orderItemID="I-2")))

    assert (standing(server), standing(server, "O-1", "T-2"), parked(server)) == (
        "awaiting",
        "forward.delivered",
        [],
    )


def test_what_nothing_can_be_made_of_stays_parked(server: Server) -> None:
    scan(server, a_scan("teleported"), a_scan("picked_up"))

    put_order(server, an_order())

    assert (standing(server), parked(server)) == (
        "forward.picked_up",
        [("courier/generic", "O-1", "unknown_order")],
    )


def test_events_and_their_order_that_come_at_once_find_each_other(office: Server) -> None:
    orders = [next(NAMES) for _ in range(20)]

    def say(number: int) -> Heard:
        order = orders[number // 4]
        return (
            put_order(office, an_order(order))
            if number % 4 == 1
            else scan(
                office, a_scan(("picked_up", "", "intransit", "delivered")[number % 4], number % 4, order_id=order)
            )
        )

    assert {heard.status for heard in at_once(range(4 * len(orders)), say)} == {200}
    assert [standing(office, order) for order in orders] == ["forward.delivered"] * len(orders)


# Eshopbox's shape


@pytest.mark.parametrize(
    ("event", "happened"),
    [
        pytest.param(an_event("intransit"), "2026-01-01 17:30:00", id="its own time"),
        pytest.param(
            an_event("intransit", statusLog=[{"status": "intransit", "updatedAt": "2026-01-01 10:00:00"}]),
            "2026-01-01 17:30:00",
            id="its own before its log's",
        ),
        *(
            pytest.param(
                an_event(
                    "intransit",
                    none,
                    statusLog=[
                        {"status": "INTRANSIT", "updatedAt": "2026-01-01 11:00:00"},
                        {"status": "intransit", "updatedAt": "2026-01-01 10:00:00"},
                        {"status": "intransit", "updatedAt": "0000-00-00 00:00:00"},
                        {"status": "picked_up", "updatedAt": "2026-01-01 12:00:00"},
                        {"status": None},
                    ],
                ),
                "2026-01-01 11:00:00",
                id=f"its log's latest for {none!r}",
            )
            for none in ("", "0000-00-00 00:00:00", None)
        ),
        pytest.param(an_event("intransit", ABSENT), "2026-01-01 17:30:07", id="that of its arrival"),
        pytest.param(
            an_event("intransit", statusLog=None, remark=None, location=None, ndrCode=None, ndrReason=None),
            "2026-01-01 17:30:00",
            id="nulls",
        ),
        pytest.param({**an_event("intransit"), "accountSlug": None}, "2026-01-01 17:30:00", id="no account"),
    ],
)
def test_an_event_of_the_published_shape_happened_when_it_says(server: Server, event: Any, happened: str) -> None:
    put_order(server, an_order())
    server.clock.move(7_500_000)

    assert became(report(server, event)) == ["accepted"]
    server.clock.move(HOUR)
    assert became(report(server, event)) == ["duplicate"]

    assert [(entry["status"], entry["updatedAt"]) for entry in status_log(server, "O-1")] == [("intransit", happened)]


def test_its_local_times_are_its_accounts(server: Server) -> None:
    account = {"accountSlug": "riga", "name": "Riga", "timezone": "Europe/Riga"}
    ask(server, "PUT", "/api/v1/accounts/7", account, token=server.world.portal_token)
    put_order(server, an_order(accountSlug="riga"))

    event = {**an_event("failed_delivery", "2026-01-01 13:30:00", ndrCode="2", remark="Nobody"), "accountSlug": "riga"}

    assert became(report(server, event)) == ["accepted"]
    latest = session(server, "shipment", "O-1:T-1")["context"]["latest"]
    assert latest == {
        "status": "forward.failed_delivery",
        "at": 1_767_267_000_000_000,
        "ndr_code": "2",
        "remark": "Nobody",
    }
    assert scan_at(-1800).startswith("2026-01-01T11:30:00")


def test_a_thing_without_a_time_is_a_repeat_on_its_day_and_happens_again_on_another(server: Server) -> None:
    put_order(server, an_order())
    story = [an_event(status, ABSENT) for status in ("out_for_delivery", "failed_delivery")]

    outcomes = []
    for _ in range(3):
        for event in story:
            server.clock.move(60_000_000)
            outcomes += became(report(server, event)) + became(report(server, event))
        server.clock.move(DAY)

    assert outcomes == ["accepted", "duplicate"] * 6
    assert len(session(server, "shipment", "O-1:T-1")["context"]["attempts"]) == 3


def test_a_return_of_the_published_shape_is_on_its_own_leg(server: Server) -> None:
    put_order(server, an_order())

    assert became(report(server, {**an_event("approved"), "resource": "returnShipment"})) == ["accepted"]
    assert standing(server) == "return.approved"


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        pytest.param({}, "", id="nothing"),
        pytest.param([], "", id="a list"),
        pytest.param({**an_event("intransit"), "resource": "invoice"}, "/resource", id="another resource"),
        pytest.param(an_event(""), "/eventSubType", id="no word"),
        pytest.param(an_event("intransit", externalShipmentID=""), "/response_data/externalShipmentID", id="empty"),
        pytest.param(an_event("intransit", customerOrderNumber=None), "/response_data/customerOrderNumber", id="null"),
        *(
            pytest.param(an_event("intransit", at), "/response_data/statusUpdatedAt", id=at)
            for at in ("soon", "0001-01-01 00:00:00", "9999-12-31 23:59:59")
        ),
        pytest.param(
            an_event("lost", "", statusLog=[{"status": "created"}, {"status": "lost", "updatedAt": "soon"}]),
            "/response_data/statusLog/1/updatedAt",
            id="a log that says soon",
        ),
    ],
)
def test_an_event_of_the_published_shape_that_is_not_well_formed_says_where(
    office: Server, event: Any, pointer: str
) -> None:
    heard = report(office, event)

    assert (heard.status, heard.content["code"]) == (422, "invalid_content")
    assert [error["pointer"] for error in heard.content["errors"]] == [pointer]


# Whatever the order, and however often

NAMES = (f"O-{number}" for number in count(1000))
"""Orders that no test has had before."""


def a_fresh_order(server: Server) -> str:
    """Return an order that no test has had before, with one shipment."""
    name = next(NAMES)
    assert put_order(server, an_order(name)).status == 200
    return name


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_that_cannot_be_recorded_is_to_be_sent_again(server: Server, fault: str) -> None:
    put_order(server, an_order())
    events = [a_scan("intransit", number, remark="x" * 1000) for number in range(100)]
    with FAULTS[fault](server):
        refused = scan(server, *events)

    assert (refused.status, refused.headers["retry-after"], standing(server)) == (503, "2", "awaiting")
    assert became(scan(server, *events)) == ["accepted"] * 100


def test_a_hundred_copies_of_one_event_at_once_are_one_step(office: Server) -> None:
    order = a_fresh_order(office)
    event = a_scan("failed_delivery", order_id=order)

    results = at_once(range(100), lambda _: became(scan(office, event)), threads=32)

    assert sorted(results) == [["accepted"], *[["duplicate"]] * 99]
    moved = [("forward.failed_delivery", "awaiting", "forward.failed_delivery")]
    assert moves(office, "shipment", f"{order}:T-1") == moved
    assert moves(office, "order", order)[1:] == [("shipments_changed", "created", "delivery_failed")]
    case = f"{order}:T-1:20260101T120000Z"
    assert [event for event, _, _ in moves(office, "ndr_case", case)] == ["attempt_failed"]


def test_different_events_of_one_order_at_once_are_all_taken(office: Server) -> None:
    order = a_fresh_order(office)
    events = [a_scan("intransit", second, order_id=order, location=f"Hub {second}") for second in range(64)]

    results = at_once(events, lambda event: became(scan(office, event)), threads=16)

    assert results == [["accepted"]] * 64
    assert len(status_log(office, order)) == 64


def test_two_shipments_delivered_at_once_leave_their_order_right(office: Server) -> None:
    for _ in range(10):
        order = next(NAMES)
        put_order(office, an_order(order, an_item(), an_item("T-2", orderItemID="I-2")))
        events = [a_scan("delivered", order_id=order, tracking_id=tracking_id) for tracking_id in ("T-1", "T-2")]

        assert at_once(events, lambda event: became(scan(office, event))) == [["accepted"]] * 2
        assert session(office, "order", order)["state"] == "delivered"


WORDS = [
    *(
        ("forward", word)
        for word in ("picked_up", "intransit", "out_for_delivery", "failed_delivery", "failed_delivery", "delivered")
    ),
    *(("rto", word) for word in ("rto_created", "intransit", "delivered")),
    ("forward", "shipment_held"),
    ("forward", "teleported"),
]


@st.composite
def seen_often(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]:
    """Return a courier's events as they happened, and the same in calls: in any order, up to ten times each."""
    happened = draw(
        st.lists(
            st.builds(
                lambda word, second, **details: a_scan(word[1], second, leg=word[0], **details),
                st.sampled_from(WORDS),
                st.integers(-6, 3).map(lambda step: step * 7200),
                remark=st.sampled_from(("", "Gate closed")),
                ndr_code=st.sampled_from(("", "1", "8")),
            ),
            min_size=1,
            max_size=8,
        )
    )
    copies = [event for event in happened for _ in range(draw(st.integers(1, 10 if len(happened) < 4 else 3)))]
    shuffled = draw(st.permutations(copies))
    cuts = sorted(draw(st.sets(st.integers(1, len(shuffled)), max_size=3)) | {0, len(shuffled)})
    return happened, [shuffled[start:end] for start, end in pairwise(cuts)]


def came_of(server: Server, calls: Sequence[Sequence[Mapping[str, Any]]], put_after: int) -> Any:
    """
    Report *calls* of an order of their own, put after so many of them; return what became of it.

    Its cases are told by their keys alone, those that do not count left out: whether one was late is about arrivals.
    """
    order = next(NAMES)
    for place, events in enumerate([*calls, *([[]] * (1 + put_after - len(calls)))]):
        if place == put_after:
            put_order(server, an_order(order))
        if events:
            assert scan(server, *({**event, "order_id": order} for event in events)).status == 200
    path = f"/admin/api/v1/sessions?definition=ndr_case&limit=200&q={quoted(order + ':')}"
    cases = ask(server, "GET", path, token=server.world.admin_token).content["items"]
    found = [session(server, "order", order), session(server, "shipment", f"{order}:T-1")]
    return [
        *((one["state"], one["context"] | {"customer_order_number": ""}) for one in found),
        sorted(case["key"].removeprefix(order) for case in cases if case["state"] != "closed.void"),
        status_log(server, order),
    ]


@settings(max_examples=40, deadline=None)
@given(seen=seen_often(), put_after=st.integers(0, 4))
def test_events_end_the_same_in_any_order_and_number(
    office: Server, seen: tuple[list[dict[str, Any]], list[list[dict[str, Any]]]], put_after: int
) -> None:
    happened, calls = seen

    assert came_of(office, calls, put_after) == came_of(office, [[event] for event in happened], 0)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_whatever_a_courier_sends_is_never_our_fault(office: Server, data: st.DataObject) -> None:
    order = a_fresh_order(office)
    call = {"events": [a_scan("failed_delivery", order_id=order, id="", remark="Gate closed"), a_scan("delivered", 5)]}
    event = an_event("failed_delivery", customerOrderNumber=order, statusLog=[{"status": "x", "updatedAt": "y"}])

    heard = [
        ask(office, "POST", "/webhooks/couriers/generic", data.draw(somewhere_odd(call)), key=GENERIC),
        report(office, data.draw(somewhere_odd(event))),
    ]

    assert {answer.status for answer in heard} <= {200, 400, 422}
    assert read_order(office, order).status == 200


# Couriers of their own words


def test_a_courier_s_numbers_are_its_words(serve: Serve) -> None:
    server = serve(courier_secrets="shiprocket=a shiprocket key")
    put_order(server, an_order())
    events = [a_scan(code, minute * 60) for minute, code in enumerate(["6", "17", "21", "9", "9999"])]

    heard = ask(server, "POST", "/webhooks/couriers/shiprocket", {"events": events}, key="a shiprocket key")

    assert became(heard) == [*["accepted"] * 4, "parked"]
    assert standing(server) == "rto.rto_created"
    assert parked(server) == [("courier/shiprocket", "O-1", "unknown_status")]
    assert session(server, "ndr_case", "O-1:T-1:20260101T120200Z")["state"] == "closed.rto"


def test_a_number_means_nothing_to_a_courier_without_an_adapter(server: Server) -> None:
    put_order(server, an_order())

    assert became(scan(server, a_scan("21"))) == ["parked"]


def test_a_case_begins_with_the_terms_of_its_shipment_s_courier(server: Server) -> None:
    tracking = {"courierName": "Shiprocket", "statusLog": [], "trackingID": "T-1"}
    put_order(server, an_order("O-1", an_item(forwardTrackingTimeline=tracking)))
    scan(server, a_scan("failed_delivery", ndr_code="1"))

    case = session(server, "ndr_case", "O-1:T-1:20260101T120000Z")

    assert case["state"] == "unsettled.open"
    assert case["context"]["terms"]["courier"] == "shiprocket"
    assert case["context"]["window_until"] - case["context"]["opened_at"] == DAY
    assert case["context"]["remind_at"] - case["context"]["opened_at"] == DAY // 2


# Attempts that do not count


def failed_twice(server: Server) -> None:
    """Let a delivery fail, and fail again."""
    put_order(server, an_order())
    scan(server, a_scan("failed_delivery", 0, ndr_code="1"))
    scan(server, a_scan("out_for_delivery", 60), a_scan("failed_delivery", 120, ndr_code="5"))


FIRST, SECOND = "O-1:T-1:20260101T120000Z", "O-1:T-1:20260101T120200Z"


def cases(server: Server) -> list[str]:
    """Return where the two cases stand."""
    return [session(server, "ndr_case", key)["state"] for key in (FIRST, SECOND)]


def ledger(server: Server) -> list[bool]:
    """Return which attempts of the shipment count."""
    context = session(server, "shipment", "O-1:T-1")["context"]
    return [attempt["counts"] for attempt in context["attempts"]]


@pytest.mark.parametrize(
    ("said", "states", "counts"),
    [
        pytest.param({}, ["closed.resolved_failed_again", "closed.void"], [True, False], id="the last"),
        pytest.param(
            {"attempt": scan_at(0)}, ["closed.void", "unsettled.open"], [False, True], id="the one that is named"
        ),
    ],
)
def test_a_void_attempt_voids_its_case(
    server: Server, said: Mapping[str, str], states: list[str], counts: list[bool]
) -> None:
    failed_twice(server)

    assert became(scan(server, a_scan("attempt_voided", 300, **said))) == ["accepted"]
    assert (cases(server), ledger(server)) == (states, counts)
    assert read_order(server).content["items"][0]["latestStatus"] == "failed_delivery"


def test_a_void_attempt_that_is_restored_opens_its_case_again_and_asks_nobody(server: Server) -> None:
    failed_twice(server)
    scan(server, a_scan("attempt_voided", 300))

    assert became(scan(server, a_scan("attempt_restored", 360))) == ["accepted"]
    assert (cases(server)[1], ledger(server)) == ("unsettled.late", [True, True])


def test_what_an_attempt_is_named_by_is_a_time(server: Server) -> None:
    put_order(server, an_order())

    heard = scan(server, a_scan("attempt_voided", 300, attempt="the first"))

    assert (heard.status, [error["pointer"] for error in heard.content["errors"]]) == (422, ["/events/0/attempt"])
