"""An order that fails to arrive, from the merchant's document to the doorstep, as each of its people sees it."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.acceptance.papers import (
    Document,
    a_scan_of,
    action_of,
    later,
    log_of,
    renamed,
    reported,
    scans_of,
    shipment_of,
    subscribed,
    tracking_id_of,
    unreported,
)
from tests.acceptance.shop import Shop, Steps
from tests.api.speaking import RESOLUTIONS, Heard, became, put_order, read_order, resolve, scan, subscribe

NUMBERS = map("A-{}".format, itertools.count(1))
"""Numbers that no order has yet."""

SUBMITTED = "unsettled.resolution_submitted"

NO_SUCH_CUSTOMER = {"error": "failed to update customers", "reason": "no entry exist in customer table"}

SETTLED = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""For properties that are asked of one server, example by example under a number of its own."""


def scanned(document: Document) -> Steps:
    """Return the steps that the order's shipment takes when its log is reported in order."""
    path = ["awaiting", *(f"forward.{entry['status']}" for entry in log_of(document))]
    return [(after, before, after) for before, after in itertools.pairwise(path)]


def test_an_order_put_with_its_logs_stands_where_they_end_and_reads_as_it_was_put(
    shop: Shop, document: Document
) -> None:
    order_id, number = document["orderId"], document["customerOrderNumber"]

    assert put_order(shop, document).said == (200, {"orderId": order_id, "state": "delivery_failed", "revision": 1})

    assert read_order(shop, order_id).said == (200, subscribed(document, "0"))
    assert read_order(shop, number).said == (200, subscribed(document, "0"))
    assert shop.walked("shipment", shipment_of(document)) == scanned(document)
    assert shop.walked("order", order_id) == [("shipments_changed", "created", "delivery_failed")]


def test_the_orders_customer_subscribes_and_nobody_else(shop: Shop, document: Document) -> None:
    document = renamed(document, next(NUMBERS))
    order_id = document["orderId"]
    put_order(shop, document)
    person = {name: document["shippingAddress"][name] for name in ("contactPhone", "customerName", "email")}

    for stranger in ({"contactPhone": "9811111111"}, {"email": "ravi@example.com"}, {"accountId": "1490"}):
        assert subscribe(shop, order_id, **{**person, **stranger}).said == (404, NO_SUCH_CUSTOMER)
    assert read_order(shop, order_id).said == (200, subscribed(document, "0"))

    ticked = {**person, "accountId": "1489", "whatsAppStatus": "ACTIVE"}
    assert subscribe(shop, order_id, **person).said == (200, {**ticked, "status": "updated successfully "})
    assert read_order(shop, order_id).said == (200, subscribed(document, "1"))
    (subscription,) = [key for key in shop.keys("subscription") if of_order(shop, key) == order_id]
    assert shop.walked("subscription", subscription) == [("opt_in", "inactive", "active")]


def of_order(shop: Shop, subscription: str) -> str:
    """Return the order from whose page somebody subscribed."""
    return str(shop.context("subscription", subscription)["evidence"]["order_id"])


@SETTLED
@given(data=st.data())
def test_scans_in_any_order_bring_an_order_where_its_logs_would(
    shop: Shop, document: Document, data: st.DataObject
) -> None:
    by_logs, by_scans = renamed(document, next(NUMBERS)), renamed(document, next(NUMBERS))
    scans = [*scans_of(by_scans)]
    reported = data.draw(st.permutations([*scans, *data.draw(st.lists(st.sampled_from(scans), max_size=3))]))

    put_order(shop, by_logs)
    put_order(shop, unreported(by_scans))
    results = [became(scan(shop, event)) for event in reported]

    assert sorted(results) == [["accepted"]] * len(scans) + [["duplicate"]] * (len(reported) - len(scans))
    assert read_order(shop, by_scans["orderId"]).content == subscribed(by_scans, "0")
    assert standing(shop, by_scans) == standing(shop, by_logs)
    assert sorted(named(shop.walked("shipment", shipment_of(by_scans)))) == sorted(named(scanned(by_scans)))


def named(steps: Steps) -> list[str]:
    """Return the events of steps."""
    return [event for event, _, _ in steps]


def standing(shop: Shop, document: Document) -> list[Any]:
    """Return where an order, its shipment and its case stand, apart from their numbers and the way there."""
    order, shipment = document["orderId"], shipment_of(document)
    (case,) = shop.keys("ndr_case", shipment)
    known = shop.context("shipment", shipment)
    return [
        shop.state("order", order),
        shop.context("order", order)["summary"],
        shop.state("shipment", shipment),
        [known[name] for name in ("attempts", "conflicts", "skewed")],
        [known["latest"][name] for name in ("status", "at", "remark", "ndr_code", "ndr_reason")],
        case.removeprefix(shipment),
        shop.steps("ndr_case", case),
    ]


@pytest.mark.parametrize("code", RESOLUTIONS)
def test_a_failed_delivery_is_resolved_tried_again_and_delivered(shop: Shop, document: Document, code: str) -> None:
    document = renamed(document, next(NUMBERS))
    order_id, shipment = document["orderId"], shipment_of(document)
    failed = log_of(document)[-1]
    put_order(shop, document)

    dated = {"deferredDate": f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"} if code == "ACTF002" else {}
    resolution = {"resolutionCode": code, "action": action_of(document, code), **dated}
    resolved = resolve_order(shop, document, code, **dated)
    case = resolved.content["key"]
    assert resolved.content == {
        "key": case,
        "state": "unsettled.resolution_submitted",
        "resolution": resolution,
        "updatedAt": resolved.content["updatedAt"],
    }
    steps = [("attempt_failed", "new", "unsettled.late"), ("resolution_submitted", "unsettled.late", SUBMITTED)]
    assert shop.walked("ndr_case", case) == steps
    assert read_order(shop, order_id).content["items"][0]["ndrResolutionDetails"] == resolution

    again, arrived = later(failed, 60, "out_for_delivery"), later(failed, 120, "delivered")
    assert became(scan(shop, a_scan_of(document, again))) == ["accepted"]
    assert shop.walked("ndr_case", case)[:2] == steps
    assert shop.walked("order", order_id)[1:] == [("shipments_changed", "delivery_failed", "shipped")]

    assert became(scan(shop, a_scan_of(document, arrived))) == ["accepted"]
    assert shop.walked("ndr_case", case)[-1] == ("delivered", SUBMITTED, "closed.resolved_delivered")
    assert shop.walked("order", order_id)[2:] == [("shipments_changed", "shipped", "delivered")]
    delivered = reported(document, [*log_of(document), again, arrived])
    assert shop.walked("shipment", shipment) == scanned(delivered)
    for item in delivered["items"]:
        item |= {"ndrDetails": {}, "ndrResolutionDetails": resolution}
    assert read_order(shop, order_id).content == subscribed(delivered, "0")


def resolve_order(shop: Shop, document: Document, code: str, **chosen: str) -> Heard:
    """Let the customer of an order choose what to do about its failed delivery."""
    return resolve(
        shop,
        code,
        customerOrderNumber=document["customerOrderNumber"],
        trackingId=tracking_id_of(document),
        contactPhoneNumber=document["shippingAddress"]["contactPhone"],
        **chosen,
    )
