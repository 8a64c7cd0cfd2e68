"""The portal's two calls and the resolution, in the shapes that portals know."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from definitions.orders import ndr
from definitions.people.phones import same_phone
from tests.api.serving import Server
from tests.api.speaking import (
    ABSENT,
    PERSON,
    RESOLUTIONS,
    a_scan,
    an_item,
    an_order,
    ask,
    at_once,
    history,
    moves,
    put_order,
    read_order,
    resolve,
    scan,
    session,
    subscribe,
)
from tests.builders import HOUR

FLAG = "isWhatsAppEnabledForNotifications"
CASE = "O-1:T-1:20260101T120000Z"
UPDATED = "2026-01-01T12:00:00Z"

UNKNOWN_CUSTOMER = {"error": "failed to update customers", "reason": "no entry exist in customer table"}


def not_resolved(reason: str) -> dict[str, str]:
    """Return the body of a resolution's failure."""
    return {"error": "failed to submit the resolution", "reason": reason}


def chosen(code: str, **more: str) -> dict[str, str]:
    """Return a resolution as a case keeps it."""
    return {"resolutionCode": code, "action": ndr.RESOLUTIONS[code].action, **more}


def a_case(code: str, state: str = "unsettled.resolution_submitted", key: str = CASE, **more: str) -> dict[str, Any]:
    """Return the case that a resolution is answered with."""
    return {"key": key, "state": state, "resolution": chosen(code, **more), "updatedAt": UPDATED}


@pytest.fixture
def ordered(server: Server) -> Server:
    """Return a server that has an order."""
    put_order(server, an_order("O-1"))
    return server


@pytest.fixture
def failed(ordered: Server) -> Server:
    """Return a server whose order could not be delivered at noon."""
    scan(ordered, a_scan("failed_delivery"))
    return ordered


# Subscriptions


def test_a_customer_subscribes_and_the_flag_turns(ordered: Server) -> None:
    assert read_order(ordered).content[FLAG] == "0"

    said = {**PERSON, "accountId": "1489", "whatsAppStatus": "ACTIVE"}
    assert subscribe(ordered).said == (200, {**said, "status": "updated successfully "})

    assert read_order(ordered).content[FLAG] == "1"
    assert subscribe(ordered).status == 200
    (item,) = sessions_of(ordered, "subscription")
    assert moves(ordered, "subscription", item["key"]) == [("opt_in", "inactive", "active")]


def test_a_customer_may_leave_and_come_back(ordered: Server) -> None:
    flags = []
    for status in ("INACTIVE", "ACTIVE", "INACTIVE", "ACTIVE"):
        assert subscribe(ordered, whatsAppStatus=status).content["whatsAppStatus"] == status
        flags.append(read_order(ordered).content[FLAG])

    assert flags == ["0", "1", "0", "1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"contactPhone": "9800000043"},
        {"email": "someone@example.com"},
        {"email": ""},
        {"accountId": "77"},
    ],
)
def test_a_customer_whom_the_account_does_not_know_is_told_so(ordered: Server, changes: dict[str, str]) -> None:
    assert subscribe(ordered, **changes).said == (404, UNKNOWN_CUSTOMER)
    assert read_order(ordered).content[FLAG] == "0"


def test_the_customer_of_an_order_that_is_not_there_is_told_the_same(server: Server) -> None:
    assert subscribe(server).said == (404, UNKNOWN_CUSTOMER)


def test_another_customer_of_the_account_cannot_subscribe_by_this_order(ordered: Server) -> None:
    other = {"contactPhone": "9800000099", "customerName": "Ravi Nair", "email": "ravi@example.com"}
    put_order(ordered, an_order("O-2", shippingAddress=other))

    assert subscribe(ordered, "O-1", **other).said == (404, UNKNOWN_CUSTOMER)
    assert subscribe(ordered, "O-2", **other).status == 200
    assert [read_order(ordered, order).content[FLAG] for order in ("O-1", "O-2")] == ["0", "1"]


def test_a_customer_is_known_by_number_and_address_however_written(ordered: Server) -> None:
    written = {"contactPhone": "+91 98000-00042", "email": "Asha@Example.com"}

    assert subscribe(ordered, **written).content["contactPhone"] == "+91 98000-00042"
    assert read_order(ordered).content[FLAG] == "1"


def test_many_ticks_at_once_are_one_subscription(ordered: Server) -> None:
    heard = at_once(range(20), lambda _: subscribe(ordered))

    assert {each.status for each in heard} == {200}
    assert [item["revision"] for item in sessions_of(ordered, "subscription")] == [1]


@pytest.mark.parametrize(
    ("changes", "error", "reason"),
    [
        ({"whatsAppStatus": "MAYBE"}, "failed to update customers", "whatsAppStatus: one of ACTIVE, INACTIVE"),
        ({"accountId": 1489}, "invalid content", "/accountId Expected `str`, got `int`"),
        ({"contactPhone": ""}, "invalid content", "/contactPhone Expected `str` of length >= 1"),
        ({"isAdmin": True}, "invalid content", "Object contains unknown field `isAdmin`"),
    ],
)
def test_a_subscription_that_is_none_is_refused_in_the_portals_shape(
    ordered: Server, changes: dict[str, Any], error: str, reason: str
) -> None:
    assert subscribe(ordered, **changes).said == (422, {"error": error, "reason": reason})


# Resolutions


@pytest.mark.parametrize("code", RESOLUTIONS)
def test_a_customer_chooses_what_to_do_about_a_failed_delivery(failed: Server, code: str) -> None:
    more = {"deferredDate": "2026-01-02"} if code == "ACTF002" else {}
    offered = read_order(failed).content["items"][0]["ndrDetails"]
    assert offered == {
        "ndrCode": "0",
        "reason": "Exception",
        "resolutions": [{"resolutionCode": each, "action": ndr.RESOLUTIONS[each].action} for each in RESOLUTIONS],
    }

    assert resolve(failed, code, **more).said == (200, a_case(code, **more))

    assert read_order(failed).content["items"][0]["ndrResolutionDetails"] == chosen(code, **more)
    assert session(failed, "ndr_case", CASE)["state"] == "unsettled.resolution_submitted"
    effects = session(failed, "ndr_case", CASE)["effects"]
    assert {effect["name"]: effect["status"] for effect in effects} == {
        "ask_customer": "pending",
        "send_resolution": "pending",
    }


def test_all_that_a_customer_says_is_kept(failed: Server) -> None:
    shipping = {"name": "Asha Rao", "updatedAddress": "12 Example Road", "landmark": "the well", "notes": "ring"}
    said: Any = {"shippingDetails": shipping, "remarks": "after six", "actionSource": "tracking page"}

    assert resolve(failed, "ACTF004", **said).said == (200, a_case("ACTF004", remarks="after six", **shipping))
    step = history(failed, "ndr_case", CASE)[-1]
    assert (step["actor"], step["data"]["action_source"]) == ("shopper", "tracking page")


@pytest.mark.parametrize("written", ["2026-01-01", "01-01-2026"])
def test_a_date_may_be_today_in_either_published_form(failed: Server, written: str) -> None:
    assert resolve(failed, "ACTF002", deferredDate=written).content["resolution"]["deferredDate"] == "2026-01-01"


def test_today_is_where_the_account_is(failed: Server) -> None:
    failed.clock.move(7 * HOUR)  # 19:00 in UTC, half past midnight in India
    assert resolve(failed, "ACTF002", deferredDate="2026-01-01").status == 422
    assert resolve(failed, "ACTF002", deferredDate="2026-01-02").status == 200


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"resolutionCode": "ACTF005"}, 422, "resolutionCode: one of ACTF001, ACTF002, ACTF003, ACTF004"),
        ({"resolutionCode": "ACTF002"}, 422, "deferredDate: a date, YYYY-MM-DD or DD-MM-YYYY"),
        (
            {"resolutionCode": "ACTF002", "deferredDate": "soon"},
            422,
            "deferredDate: a date, YYYY-MM-DD or DD-MM-YYYY",
        ),
        *(
            (
                {"resolutionCode": "ACTF002", "deferredDate": day},
                422,
                "deferredDate: a day from 2026-01-01 to 2026-01-31",
            )
            for day in ("2025-12-31", "2026-02-01", "2027-01-01")
        ),
        ({"trackingId": "T-9"}, 404, "no failed delivery to resolve"),
        ({"contactPhoneNumber": "9800000043"}, 404, "no such order for that phone number"),
        ({"contactPhoneNumber": "42"}, 404, "no such order for that phone number"),
        ({"customerOrderNumber": "C-9"}, 404, "no such order for that phone number"),
    ],
)
def test_a_resolution_that_cannot_be_taken_changes_nothing(
    failed: Server, changes: Any, status: int, reason: str
) -> None:
    before = session(failed, "ndr_case", CASE)

    assert resolve(failed, **changes).said == (status, not_resolved(reason))

    assert session(failed, "ndr_case", CASE) == before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trackingId": ABSENT}, "Object missing required field `trackingId`"),
        ({"remarks": 7}, "/remarks Expected `str`, got `int`"),
        ({"shippingDetails": {"pincode": "1"}}, "/shippingDetails Object contains unknown field `pincode`"),
        ({"state": "closed"}, "Object contains unknown field `state`"),
    ],
)
def test_a_resolution_that_is_none_is_refused_in_the_portals_shape(
    failed: Server, changes: dict[str, Any], reason: str
) -> None:
    assert resolve(failed, **changes).said == (422, {"error": "invalid content", "reason": reason})


def test_nothing_is_to_be_resolved_before_a_delivery_fails(ordered: Server) -> None:
    assert resolve(ordered).said == (404, not_resolved("no failed delivery to resolve"))


def test_an_order_that_arrived_takes_no_resolution(failed: Server) -> None:
    scan(failed, a_scan("delivered", 600))
    assert resolve(failed).said == (409, not_resolved("the case takes no resolution in its state"))


def test_the_same_choice_again_changes_nothing_and_another_replaces_it(failed: Server) -> None:
    first = resolve(failed).said
    assert resolve(failed).said == first
    assert resolve(failed, "ACTF003").said == (200, a_case("ACTF003"))

    assert moves(failed, "ndr_case", CASE) == [
        ("attempt_failed", "new", "unsettled.open"),
        ("resolution_submitted", "unsettled.open", "unsettled.resolution_submitted"),
        ("resolution_submitted", "unsettled.resolution_submitted", "unsettled.resolution_submitted"),
    ]


def test_an_idempotency_key_stands_for_one_choice(failed: Server) -> None:
    assert resolve(failed, "ACTF001", "key 1").status == 200
    assert resolve(failed, "ACTF003", "key 2").status == 200

    assert resolve(failed, "ACTF001", "key 1").said == (200, a_case("ACTF003")), "a repeat, not a change of mind"
    assert resolve(failed, "ACTF003", "key 1").said == (
        422,
        not_resolved("Idempotency-Key: it was another choice's"),
    )
    assert len(history(failed, "ndr_case", CASE)) == 3


def test_a_repeat_under_its_key_is_taken_when_its_date_has_passed(failed: Server) -> None:
    first = resolve(failed, "ACTF002", "key 1", deferredDate="2026-01-02").said
    failed.clock.move(48 * HOUR)

    assert resolve(failed, "ACTF002", "key 1", deferredDate="2026-01-02").said == first


def test_a_repeat_under_its_key_is_about_the_failure_that_it_was_about(failed: Server) -> None:
    assert resolve(failed, "ACTF001", "key 1").content["key"] == CASE
    scan(failed, a_scan("out_for_delivery", 600), a_scan("failed_delivery", 1200))
    again = "O-1:T-1:20260101T122000Z"

    repeated = resolve(failed, "ACTF001", "key 1").content

    assert (repeated["key"], repeated["state"]) == (CASE, "closed.resolved_failed_again")
    assert session(failed, "ndr_case", again)["state"] == "unsettled.open"
    assert resolve(failed, "ACTF001", "key 2").content["key"] == again


def test_many_copies_of_a_choice_at_once_are_one(failed: Server) -> None:
    heard = at_once(range(30), lambda place: resolve(failed, "ACTF001", "key 1" if place % 2 else ""))

    assert {each.status for each in heard} == {200}
    assert len(history(failed, "ndr_case", CASE)) == 2


def test_a_resolved_delivery_goes_out_again_and_arrives(failed: Server) -> None:
    resolve(failed)
    scan(failed, a_scan("out_for_delivery", 3600))
    assert session(failed, "ndr_case", CASE)["state"] == "unsettled.resolution_submitted"
    scan(failed, a_scan("delivered", 7200))

    item = read_order(failed).content["items"][0]
    assert (item["latestStatus"], item["ndrDetails"]) == ("delivered", {})
    assert item["ndrResolutionDetails"] == chosen("ACTF001")
    assert session(failed, "order", "O-1")["state"] == "delivered"
    assert session(failed, "ndr_case", CASE)["state"] == "closed.resolved_delivered"


def test_each_shipment_of_an_order_has_its_own_case(server: Server) -> None:
    put_order(server, an_order("O-1", an_item("T-1"), an_item("T-2")))
    for tracking_id in ("T-1", "T-2"):
        scan(server, a_scan("failed_delivery", tracking_id=tracking_id))

    assert resolve(server, "ACTF003", trackingId="T-2").content["key"] == "O-1:T-2:20260101T120000Z"

    items = read_order(server).content["items"]
    assert [item["ndrResolutionDetails"] for item in items] == [{}, chosen("ACTF003")]


# Phone numbers

NATIONAL = st.from_regex(r"[1-9][0-9]{9}", fullmatch=True)
BEFORE = st.sampled_from(["", "0", "91", "+91", "0091", "+91 (0)"])
SCRIPTS = [0, 0x0966 - ord("0"), 0x0660 - ord("0")]  # how far the digits of Hindi and Arabic are from ours
BETWEEN = st.lists(st.sampled_from(["", " ", "-", ".", " - "]), min_size=9, max_size=9)


@settings(max_examples=200, deadline=None)
@given(NATIONAL, BEFORE, BETWEEN, st.sampled_from(SCRIPTS))
@example("9800000042", "0091", [""] * 9, 0)
def test_a_phone_number_is_the_same_however_it_is_written(
    number: str, before: str, between: list[str], script: int
) -> None:
    digits = [chr(ord(digit) + script) for digit in number]
    written = before + digits[0] + "".join(gap + digit for gap, digit in zip(between, digits[1:], strict=True))

    assert same_phone(number, written)
    assert same_phone(f"91{number}", written)
    assert not same_phone(number[::-1] + "1", written)


@pytest.mark.parametrize(("one", "other"), [("", ""), ("", "9800000042"), ("0000042", "9800000042"), ("x", "y")])
def test_too_little_of_a_number_is_none(one: str, other: str) -> None:
    assert not same_phone(one, other)


def test_a_resolution_takes_the_orders_number_however_written(failed: Server) -> None:
    assert resolve(failed, contactPhoneNumber="0091 98000 00042").status == 200


def sessions_of(server: Server, definition: str) -> list[Any]:
    """Return the sessions of a definition as the admin API lists them."""
    path = f"/admin/api/v1/sessions?definition={definition}"
    items: list[Any] = ask(server, "GET", path, token=server.world.admin_token).content["items"]
    return items
