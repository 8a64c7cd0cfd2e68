"""Accounts and orders as merchants put them, and what couriers' scans make of them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.serving import Server
from tests.api.speaking import (
    ABSENT,
    NOON_SECOND,
    Heard,
    a_scan,
    an_item,
    an_order,
    ask,
    at_once,
    became,
    history,
    moves,
    put_order,
    read_order,
    scan,
    session,
    subscribe,
)
from tests.builders import HOUR

SAMPLE_ORDER = Path(__file__).parents[2] / "lab" / "sample_order.json"

FLAG = "isWhatsAppEnabledForNotifications"
DAY = 24 * HOUR

NUMBERS = count(1)

WORDS = ("created", "packed", "intransit", "out_for_delivery", "failed_delivery")
WAY: tuple[tuple[str, int], ...] = tuple((word, place * 600) for place, word in enumerate(WORDS))
"""What a courier sees of a delivery that fails: words, and seconds after noon."""


def an_order_id() -> str:
    """Return an id that no other order has."""
    return f"O-{next(NUMBERS)}"


def put_account(server: Server, account_id: str = "77", **changes: Any) -> Heard:
    """Let a merchant put their account."""
    account = {"accountSlug": "kumar", "name": "Kumar Teas", "timezone": "Asia/Kolkata", **changes}
    content = {name: value for name, value in account.items() if value is not ABSENT}
    return ask(server, "PUT", f"/api/v1/accounts/{account_id}", content, token=server.world.portal_token)


def local(second: int, zone: str = "Asia/Kolkata") -> str:
    """Return the local time so many seconds after noon in UTC, as order documents write it."""
    return f"{datetime.fromtimestamp(NOON_SECOND + second, ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def logged(*way: tuple[str, int]) -> list[tuple[str, str]]:
    """Return what a courier saw as entries of a document's log."""
    return [(word, local(second)) for word, second in way]


def wrong(heard: Heard) -> tuple[int, str, list[str]]:
    """Return a refusal's status, its code, and where it says that something is wrong."""
    content = heard.content
    return heard.status, content["code"], [error["pointer"] for error in content.get("errors", [])]


def computed(document: dict[str, Any], place: int = 0) -> dict[str, Any]:
    """Return what of an order's item comes from the facts."""
    item = document["items"][place]
    names = ("latestStatus", "statusUpdatedAt", "latestRemark", "ndrDetails", "ndrResolutionDetails")
    return {name: item[name] for name in names} | {"statusLog": item["forwardTrackingTimeline"]["statusLog"]}


# Accounts


def test_an_account_is_put_and_put_again_with_changes(server: Server) -> None:
    first = {"accountId": "77", "accountSlug": "kumar", "name": "Kumar Teas", "timezone": "Asia/Kolkata"}
    assert put_account(server).said == (200, first)
    assert put_account(server).said == (200, first)
    assert put_account(server, name="Kumar & Sons", timezone="Europe/Berlin", logo="x").said == (
        200,
        {**first, "name": "Kumar & Sons", "timezone": "Europe/Berlin"},
    )


def test_an_account_without_a_time_zone_is_in_india(server: Server) -> None:
    assert put_account(server, timezone=ABSENT).content["timezone"] == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"timezone": "Asia/Nowhere"}, ["/timezone"]),
        ({"timezone": "Asia"}, ["/timezone"]),
        ({"timezone": "a" * 256}, ["/timezone"]),
        ({"timezone": "../../etc/passwd"}, ["/timezone"]),
        ({"timezone": ""}, ["/timezone"]),
        ({"name": ""}, ["/name"]),
        ({"accountSlug": 7}, ["/accountSlug"]),
        ({"name": ABSENT}, [""]),
    ],
)
def test_an_account_that_is_none_is_refused_where_it_is_wrong(
    office: Server, changes: dict[str, Any], pointers: list[str]
) -> None:
    assert wrong(put_account(office, **changes)) == (422, "invalid_content", pointers)


@pytest.mark.parametrize("account_id", ["%00", "%FF", "%0A", "x" * 257])
def test_an_account_has_an_id_that_can_be_written(office: Server, account_id: str) -> None:
    assert wrong(put_account(office, account_id)) == (422, "invalid_content", [])


def test_of_accounts_that_take_a_slug_at_once_one_gets_it(server: Server) -> None:
    heard = at_once(range(16), lambda place: put_account(server, f"A-{place}"))

    assert sorted(each.status for each in heard) == [200, *[409] * 15]
    assert {each.content["code"] for each in heard if each.status == 409} == {"slug_taken"}


# Orders put


def test_an_order_is_put_twice_and_changes_once(server: Server) -> None:
    order = an_order("O-1", an_item("T-1", logged(*WAY)))

    assert put_order(server, order).said == (200, {"orderId": "O-1", "state": "delivery_failed", "revision": 1})
    shipment, case = session(server, "shipment", "O-1:T-1"), session(server, "ndr_case", "O-1:T-1:20260101T124000Z")
    assert (shipment["state"], case["state"]) == ("forward.failed_delivery", "unsettled.open")

    assert put_order(server, order).said == (200, {"orderId": "O-1", "state": "delivery_failed", "revision": 1})
    assert session(server, "shipment", "O-1:T-1") == shipment


def test_an_order_put_with_changes_keeps_its_facts(server: Server) -> None:
    put_order(server, an_order("O-1", an_item("T-1", logged(*WAY))))
    changed = an_order("O-1", an_item("T-1"), customerOrderNumber="C-new", giftWrap=True)

    assert put_order(server, changed).content["state"] == "delivery_failed"

    read = read_order(server, "C-new").content
    assert (read["giftWrap"], read["items"][0]["latestStatus"]) == (True, "failed_delivery")
    assert read_order(server, "C-O-1").status == 404
    order = session(server, "order", "O-1")
    assert order["context"]["customer_order_number"] == "C-new"


def test_an_order_goes_on_in_another_shipment_and_arrives(server: Server) -> None:
    put_order(server, an_order("O-1", an_item("T-1"), an_item("")))
    scan(server, a_scan("delivered"))
    assert session(server, "order", "O-1")["state"] == "partially_delivered"

    put_order(server, an_order("O-1", an_item("T-1"), an_item("T-2")))
    scan(server, a_scan("delivered", tracking_id="T-2"))

    assert session(server, "order", "O-1")["state"] == "delivered"


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"orderId": "O-9"}, ["/orderId"]),
        ({"customerOrderNumber": 7}, ["/customerOrderNumber"]),
        ({"items": {}}, ["/items"]),
        ({"items": [7]}, ["/items/0"]),
        ({"shippingAddress": None}, ["/shippingAddress"]),
        ({"shippingAddress": {"contactPhone": 7}}, ["/shippingAddress/contactPhone"]),
        (
            {"items": [an_item("T-1", [("packed", "yesterday"), ("intransit", "0001-01-01 00:00:00")])]},
            [f"/items/0/forwardTrackingTimeline/statusLog/{place}/updatedAt" for place in (0, 1)],
        ),
        (
            {"items": [an_item(), an_item("T-2", returnTrackingTimeline={"trackingID": "T-1"})]},
            ["/items/1/returnTrackingTimeline/trackingID"],
        ),
    ],
)
def test_an_order_that_is_none_is_refused_where_it_is_wrong(
    server: Server, changes: dict[str, Any], pointers: list[str]
) -> None:
    assert wrong(put_order(server, an_order("O-1", **changes), "O-1")) == (422, "invalid_content", pointers)
    assert session(server, "order", "O-1") is None


@pytest.mark.parametrize("document", [None, 7, "O-1", [an_order("O-1")]])
def test_an_order_is_an_object(office: Server, document: Any) -> None:
    heard = ask(office, "PUT", "/api/v1/orders/O-1", document, token=office.world.portal_token)
    assert wrong(heard) == (422, "invalid_content", [""])


@pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity"])
def test_an_order_has_numbers_that_are_numbers(office: Server, number: str) -> None:
    body = json.dumps(an_order("O-1", total=0)).replace('"total": 0', f'"total": {number}').encode()
    headers = {"Content-Type": "application/json"}
    heard = ask(office, "PUT", "/api/v1/orders/O-1", body=body, token=office.world.portal_token, headers=headers)
    assert wrong(heard) == (400, "not_json", [])


def test_an_order_of_an_account_that_nobody_put_is_refused(office: Server) -> None:
    order = an_order(an_order_id(), accountSlug="nobody")
    assert wrong(put_order(office, order)) == (422, "unknown_account", [])


def test_an_order_stays_with_its_account(server: Server) -> None:
    put_account(server)
    put_order(server, an_order("O-1"))
    before = read_order(server).content

    assert wrong(put_order(server, an_order("O-1", accountSlug="kumar"))) == (409, "other_account", [])
    assert read_order(server).content == before


def test_no_id_of_an_order_reaches_into_another_order(server: Server) -> None:
    assert wrong(put_order(server, an_order("A:B", an_item("C")))) == (422, "invalid_content", ["/orderId"])
    assert put_order(server, an_order("A", an_item("B:C"))).status == 200
    assert session(server, "shipment", "A:B:C")["state"] == "awaiting"


@pytest.mark.parametrize("order_id", ["O/1", "O 1", "Ö?#1", "%2F", "注文"])
def test_an_id_may_be_any_text_and_is_escaped_in_addresses(office: Server, order_id: str) -> None:
    assert put_order(office, an_order(order_id)).content["orderId"] == order_id
    assert read_order(office, order_id).content["orderId"] == order_id
    assert session(office, "shipment", f"{order_id}:T-1")["state"] == "awaiting"


def test_a_log_of_days_to_come_waits_until_they_are_near(server: Server) -> None:
    order = an_order("O-1", an_item("T-1", [("packed", local(0)), ("delivered", local(3 * 24 * 3600))]))
    assert put_order(server, order).content["state"] == "preparing"
    assert read_order(server).content["items"][0]["latestStatus"] == "packed"

    server.clock.move(3 * DAY)
    assert put_order(server, order).status == 200

    assert read_order(server).content["items"][0]["latestStatus"] == "delivered"
    assert session(server, "order", "O-1")["state"] == "delivered"


def test_a_shipment_that_is_not_named_any_more_is_not_waited_for(server: Server) -> None:
    put_order(server, an_order("O-1", an_item("T-1"), an_item("T-2", [("delivered", local(0))])))
    assert session(server, "order", "O-1")["state"] == "partially_delivered"

    put_order(server, an_order("O-1", an_item("T-2", [("delivered", local(0))])))
    assert session(server, "order", "O-1")["state"] == "delivered"
    put_order(server, an_order("O-1", an_item("T-1"), an_item("T-2", [("delivered", local(0))])))

    assert session(server, "order", "O-1")["state"] == "partially_delivered"
    assert moves(server, "shipment", "O-1:T-1") == [
        ("dropped", "awaiting", "dropped"),
        ("named", "dropped", "awaiting"),
    ]


def test_a_shipment_that_is_not_named_any_more_counts_once_it_is_seen(server: Server) -> None:
    put_order(server, an_order("O-1", an_item("T-1"), an_item("T-2")))
    put_order(server, an_order("O-1", an_item("T-2")))
    assert session(server, "order", "O-1")["state"] == "created"

    scan(server, a_scan("picked_up", tracking_id="T-1"))

    assert session(server, "shipment", "O-1:T-1")["state"] == "forward.picked_up"
    assert session(server, "order", "O-1")["state"] == "partially_shipped"


def test_a_word_of_a_log_that_nobody_knows_moves_nothing(server: Server) -> None:
    log = [("packed", local(0)), ("teleported", local(60))]

    assert put_order(server, an_order("O-1", an_item("T-1", log))).content["state"] == "preparing"

    assert moves(server, "shipment", "O-1:T-1") == [("forward.packed", "awaiting", "forward.packed")]
    assert read_order(server).content["items"][0]["latestStatus"] == "packed"


# Orders read back

PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
JSON = st.recursive(
    PLAIN | TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
OURS = {*an_item(), *an_order(), FLAG, "timeLine", "returnTrackingTimeline"}
EXTRAS = st.dictionaries(TEXT.filter(lambda name: name not in OURS), JSON, max_size=4)


@settings(max_examples=40, deadline=None)
@given(of_order=EXTRAS, of_item=EXTRAS, way=st.sampled_from([(), WAY[:2], WAY]), time_line=JSON)
def test_an_order_reads_back_as_it_was_put_but_for_what_is_computed(
    office: Server,
    of_order: dict[str, Any],
    of_item: dict[str, Any],
    way: Sequence[tuple[str, int]],
    time_line: Any,
) -> None:
    item = an_item("T-1", logged(*way), timeLine=time_line, **of_item)
    order = an_order(an_order_id(), item, **of_order)
    assert put_order(office, order).status == 200

    read = read_order(office, order["orderId"]).content

    latest, second = way[-1] if way else ("", 0)
    facts = {"latestStatus": latest, "statusUpdatedAt": local(second) if latest else ""}
    ndr = {"ndrDetails": read["items"][0]["ndrDetails"]}
    assert bool(ndr["ndrDetails"]) == (latest == "failed_delivery")
    assert read == {**order, "items": [{**item, **facts, **ndr}], FLAG: "0"}


def test_the_sample_order_reads_back_as_it_was_put(server: Server) -> None:
    sample = json.loads(SAMPLE_ORDER.read_bytes())
    server.clock.move(365 * DAY)

    assert put_order(server, sample).content["state"] == "delivery_failed"

    assert read_order(server, sample["orderId"]).said == (200, {**sample, FLAG: "0"})
    assert read_order(server, sample["customerOrderNumber"]).content["orderId"] == sample["orderId"]


def test_a_number_that_two_orders_share_names_neither(server: Server) -> None:
    for order_id in ("O-1", "O-2"):
        put_order(server, an_order(order_id, customerOrderNumber="C-7"))

    assert read_order(server, "C-7").said == (404, {"error": "failed to read the order", "reason": "no such order"})
    assert read_order(server, "O-2").content["customerOrderNumber"] == "C-7"


def test_times_are_those_of_the_account(server: Server) -> None:
    put_account(server, timezone="America/New_York")
    put_order(server, an_order("O-1", an_item("T-1", [("packed", "2026-01-01 07:00:00")]), accountSlug="kumar"))

    (step,) = history(server, "shipment", "O-1:T-1")
    assert step["occurred_at"] == "2026-01-01T12:00:00Z"
    assert read_order(server).content["items"][0]["statusUpdatedAt"] == "2026-01-01 07:00:00"


# Scans


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_scans_in_any_order_and_number_end_where_the_put_logs_end(office: Server, data: st.DataObject) -> None:
    put, scanned = an_order_id(), an_order_id()
    way = data.draw(st.lists(st.sampled_from(WAY), min_size=1, unique=True))
    way.sort(key=lambda seen: seen[1])
    arrivals = data.draw(st.permutations([*way, *data.draw(st.lists(st.sampled_from(way), max_size=8))]))
    cut = data.draw(st.integers(0, len(arrivals)))
    put_order(office, an_order(put, an_item("T-1", logged(*way))))

    events = [a_scan(word, second, order_id=scanned) for word, second in arrivals]
    early = became(scan(office, *events[:cut])) if cut else []
    put_order(office, an_order(scanned))
    late = became(scan(office, *events[cut:])) if cut < len(events) else []

    assert {*early} <= {"parked", "duplicate"}
    assert {*late} <= {"accepted", "duplicate"}
    assert computed(read_order(office, scanned).content) == computed(read_order(office, put).content)
    for definition, key in (("order", "{}"), ("shipment", "{}:T-1"), ("ndr_case", "{}:T-1:20260101T124000Z")):
        brought, given_at_once = (session(office, definition, key.format(order)) for order in (scanned, put))
        assert (brought or {}).get("state") == (given_at_once or {}).get("state")


def test_two_shipments_delivered_at_once_leave_the_order_delivered(office: Server) -> None:
    for _ in range(8):
        order_id = an_order_id()
        put_order(office, an_order(order_id, an_item("T-1"), an_item("T-2")))
        events = [a_scan("delivered", order_id=order_id, tracking_id=tracking) for tracking in ("T-1", "T-2")]

        heard = at_once(events, lambda event: became(scan(office, event)))

        assert heard == [["accepted"], ["accepted"]]
        assert session(office, "order", order_id)["state"] == "delivered"


def test_orders_put_while_their_scans_come_lose_none(office: Server) -> None:
    for _ in range(6):
        order = an_order(an_order_id())
        events = [a_scan(word, second, order_id=order["orderId"]) for word, second in WAY]
        calls = [*([order] * 3), *events, *events]

        def say(call: Mapping[str, Any]) -> Heard:
            return scan(office, call) if "status" in call else put_order(office, call)

        assert {heard.status for heard in at_once(calls, say)} == {200}

        read = read_order(office, order["orderId"]).content
        assert [entry["status"] for entry in read["items"][0]["forwardTrackingTimeline"]["statusLog"]] == [*WORDS]
        assert session(office, "order", order["orderId"])["state"] == "delivery_failed"
        assert len(history(office, "shipment", f"{order['orderId']}:T-1")) == len(WAY)


def test_many_copies_of_a_scan_at_once_are_one_step(office: Server) -> None:
    order_id = an_order_id()
    put_order(office, an_order(order_id))

    heard = at_once([a_scan("packed", order_id=order_id)] * 50, lambda event: became(scan(office, event)))

    assert sorted(heard) == [["accepted"], *[["duplicate"]] * 49]
    assert moves(office, "shipment", f"{order_id}:T-1") == [("forward.packed", "awaiting", "forward.packed")]


def test_parallel_puts_of_one_order_end_as_one_of_them(office: Server) -> None:
    order_id = an_order_id()
    orders = [an_order(order_id, an_item("T-1", logged(*WAY[:place])), edition=place) for place in range(6)]

    assert {heard.status for heard in at_once(orders, lambda order: put_order(office, order))} == {200}

    read = read_order(office, order_id).content
    assert read["edition"] in range(6)
    assert read["items"][0]["latestStatus"] == WORDS[-1]


def test_a_subscription_is_its_accounts(server: Server) -> None:
    put_account(server)
    put_order(server, an_order("O-1"))
    put_order(server, an_order("O-2", accountSlug="kumar"))
    assert subscribe(server).status == 200

    assert [read_order(server, order).content[FLAG] for order in ("O-1", "O-2")] == ["1", "0"]


def test_an_order_whose_person_is_unknown_reads_back(office: Server) -> None:
    order_id = an_order_id()
    put_order(office, an_order(order_id, shippingAddress={}))

    assert read_order(office, order_id).content[FLAG] == "0"
    assert subscribe(office, order_id).status == 404
