"""Which choices a case takes: what its reason and its courier's terms leave, on days that they leave."""

from typing import Any

import pytest

from tests.api.serving import Server
from tests.api.speaking import a_scan, an_item, an_order, put_order, read_order, resolve, scan, session
from tests.builders import HOUR

DAY = 24 * HOUR
CASE = "O-1:T-1:20260101T120000Z"


def failed(server: Server, ndr_code: str = "1", courier: str = "SELF", attempts: int = 1) -> None:
    """Let an order's delivery fail so many times, the first at noon."""
    tracking = {"courierName": courier, "statusLog": [], "trackingID": "T-1"}
    put_order(server, an_order("O-1", an_item(forwardTrackingTimeline=tracking)))
    for number in range(attempts):
        at = number * 600
        again = [a_scan("out_for_delivery", at - 60)] if number else []
        scan(server, *again, a_scan("failed_delivery", at, ndr_code=ndr_code))


def offered(server: Server) -> list[str]:
    """Return the choices that the portal shows."""
    details: dict[str, Any] = read_order(server).content["items"][0]["ndrDetails"]
    return [each["resolutionCode"] for each in details.get("resolutions", [])]


@pytest.mark.parametrize(
    ("code", "codes"),
    [
        ("1", ["ACTF001", "ACTF002", "ACTF003", "ACTF004"]),
        ("2", ["ACTF003", "ACTF004"]),
        ("7", ["ACTF001", "ACTF002", "ACTF003"]),
    ],
)
def test_what_is_offered_is_what_is_taken(server: Server, code: str, codes: list[str]) -> None:
    failed(server, code)

    assert offered(server) == codes
    for refused in {"ACTF001", "ACTF004"} - {*codes}:
        heard = resolve(server, refused)
        assert (heard.status, heard.content["reason"]) == (
            422, f"resolutionCode: the case offers {', '.join(codes)}"
        )  # fmt: skip
    assert resolve(server, codes[0]).status == 200


def test_a_courier_without_disputes_offers_none(server: Server) -> None:
    failed(server, courier="Shiprocket")

    assert offered(server) == ["ACTF001", "ACTF002", "ACTF003"]
    assert resolve(server, "ACTF004").status == 422


def test_after_the_last_attempt_nobody_comes_again(server: Server) -> None:
    failed(server, attempts=3)

    assert offered(server) == ["ACTF003", "ACTF004"]
    assert resolve(server, "ACTF002", deferredDate="2026-01-02").status == 422
    assert resolve(server, "ACTF003").status == 200


@pytest.mark.parametrize(
    ("day", "status"), [("2025-12-31", 422), ("2026-01-01", 200), ("2026-01-31", 200), ("2026-02-01", 422)]
)
def test_a_date_is_one_on_which_a_courier_comes(server: Server, day: str, status: int) -> None:
    failed(server)

    assert resolve(server, "ACTF002", deferredDate=day).status == status


def test_a_case_that_is_heard_of_after_its_window_may_still_be_resolved(server: Server) -> None:
    server.clock.move(2 * DAY)
    failed(server)
    case = session(server, "ndr_case", CASE)

    assert (case["state"], case["deadline"]) == ("unsettled.late", None)
    assert resolve(server).status == 200
