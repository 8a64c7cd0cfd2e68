"""
One order to the end, with everybody who has a part in it: from the cart in the chat to the doorstep.

Graph and the courier are stand-ins on sockets of their own; all else is the server as it is served.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from lab.phone import Phone
from tests.acceptance.shop import Shop
from tests.api.speaking import NUMBER, a_call, a_cart, ask, became, deliver, messages, put_order, statuses, subscribe
from tests.api.speaking import scan as report
from tests.cli.shell import Shell
from tests.standins.graph import GraphStandIn, graph_standin

PHONE, PERSON = (
    "919800000077",
    {"contactPhone": "9800000077", "customerName": "Mira Iyer", "email": "mira@shop.example"},
)

README = (Path(__file__).parents[2] / "README.md").read_text().partition("## An order to the end")[2].split("\n\n")[2]
"""The story as the front page tells it."""

SECONDS = 60
"""How long anything may take; a hang guard."""

BRAND = {
    "messages.json": {
        "quiet_hours": None,
        "events": {
            "ask_customer": {
                "templates": [
                    {
                        "name": "failed_delivery",
                        "body": ["{recipient.name|first}", "{order.customerOrderNumber}", "{case.reason}"],
                        "buttons": [
                            {"type": "quick_reply", "payload": "ACTF001"},
                            {"type": "quick_reply", "payload": "ACTF003"},
                            {"type": "flow", "flow": "ndr_resolution"},
                        ],
                    }
                ],
                "free_text": None,
            }
        },
    },
    "products.json": {
        "C-1": {"TEA-250": {"name": "Assam tea, 250 g", "price": 30100, "currency": "INR", "available": True}}
    },
}
"""What the merchant has in a folder of definitions: how it says things, and what it sells."""


class Brand:
    """A shop with a Graph API and a courier that it can reach."""

    def __init__(self, shop: Shop, graph: GraphStandIn, asked: list[dict[str, Any]]) -> None:
        self.shop = shop
        self.graph = graph
        self.asked = asked
        """What the courier was asked to do."""

    def message(self, place: int) -> dict[str, Any]:
        """Return the message that Graph was given in that *place*, when it has come."""
        self.until(lambda: len(self.graph.sent) > place)
        return self.graph.sent[place].message

    def until(self, so: Callable[[], bool]) -> None:
        """Wait until it is so."""
        began = time.monotonic()
        while not so():
            assert time.monotonic() - began < SECONDS, self.effects()
            time.sleep(0.02)

    def effects(self) -> list[tuple[str, str, str]]:
        """Return what was asked for, and what became of it."""
        listed = ask(self.shop, "GET", "/admin/api/v1/effects", token=self.shop.world.admin_token).content
        return [(effect["name"], effect["status"], effect["reason"]) for effect in listed]

    def told(self, place: int, *words: str) -> None:
        """Let Meta tell what became of the message in that *place*."""
        now = int(time.time())
        told = [{"id": self.graph.sent[place].wamid, "status": word, "timestamp": str(now)} for word in words]
        assert deliver(self.shop, a_call(statuses(*told))).status == 200


@pytest.fixture
def brand(tmp_path: Path, httpserver: HTTPServer) -> Iterator[Brand]:
    asked: list[dict[str, Any]] = []

    def resolve(request: Request) -> Response:
        asked.append({"token": request.headers["Authorization"], **request.get_json()})
        return Response(json.dumps({"status": "accepted"}), content_type="application/json")

    httpserver.expect_request("/api/v2/ndrResolution", method="POST").respond_with_handler(resolve)
    couriers = {"couriers/eshopbox.json": {"extends": "eshopbox", "url": httpserver.url_for("/api/v2/ndrResolution")}}
    for name, content in {**BRAND, **couriers}.items():
        (tmp_path / "brand" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "brand" / name).write_text(json.dumps(content))
    with graph_standin() as graph:
        shop = Shop(tmp_path)
        shop.open(
            WAYSTATE_DEFINITIONS="brand",
            WAYSTATE_GRAPH_URL=graph.url,
            WAYSTATE_ACCESS_TOKEN="a-graph-token",  # noqa: S106 - the stand-in takes any
            WAYSTATE_PHONE_NUMBER_ID=NUMBER,
            WAYSTATE_COURIER_TOKENS="eshopbox=a-courier-token",
        )
        try:
            yield Brand(shop, graph, asked)
        finally:
            shop.cut_off()


def the_order(order_id: str) -> dict[str, Any]:
    """Return the document that the merchant makes of the cart."""
    tracking = {"courierName": "Eshopbox", "trackingID": "T-77", "statusLog": []}
    item = {
        "orderItemID": "I-1", "productName": "Assam tea, 250 g", "quantity": 2, "statusUpdatedAt": "", "ndrDetails": {},
        "forwardTrackingTimeline": tracking, "latestStatus": "", "ndrResolutionDetails": {}, "latestRemark": "",
    }  # fmt: skip
    return {
        "orderId": order_id,
        "customerOrderNumber": "WS-77",
        "accountSlug": "dfc",
        "shippingAddress": PERSON,
        "items": [item],
    }


def test_an_order_goes_from_the_cart_to_the_doorstep(brand: Brand) -> None:
    shop, began = brand.shop, datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)

    def scan(status: str, minutes: int, **told: str) -> dict[str, str]:
        at = (began + timedelta(minutes=minutes)).isoformat()
        place = {"order_id": "WS-77", "tracking_id": "T-77", "leg": "forward"}
        return {**place, "status": status, "occurred_at": at, "location": "Pune", **told}

    # A cart in the chat becomes an order at our prices, and is confirmed.
    tea = {"product_retailer_id": "TEA-250", "quantity": 2, "item_price": 299.0, "currency": "INR"}
    now = str(int(time.time()))
    assert deliver(shop, a_call(messages(a_cart(tea, **{"from": PHONE, "timestamp": now})))).status == 200
    confirmed = brand.message(0)
    assert (confirmed["to"], confirmed["type"]) == (PHONE, "text")
    assert "602.00" in confirmed["text"]["body"]
    (order_id,) = shop.keys("order")
    assert shop.state("order", order_id) == "created"

    # The merchant makes an order of it; its customer wants to hear of it.
    assert put_order(shop, the_order(order_id)).status == 200
    assert subscribe(shop, order_id, **PERSON).status == 200

    # Scans come late, doubled and out of order.
    packed, left, out = scan("packed", 0), scan("picked_up", 30), scan("out_for_delivery", 120)
    assert became(report(shop, out, packed)) == ["accepted", "accepted"]
    assert became(report(shop, left, out)) == ["accepted", "duplicate"]
    assert became(report(shop, packed)) == ["duplicate"]
    assert "out for delivery" in brand.message(1)["text"]["body"]

    # Nobody opens: a template asks, with buttons and a Flow.
    assert became(report(shop, scan("failed_delivery", 150, ndr_code="1", ndr_reason="Customer unavailable")))
    question = brand.message(2)
    assert question["template"]["name"] == "failed_delivery"
    (case,) = shop.keys("ndr_case")
    brand.until(lambda: "customer_asked" in [event for event, _, _ in shop.steps("ndr_case", case)])
    brand.told(2, "read", "sent", "delivered")

    # The customer opens the Flow and chooses another day.
    (action,) = [
        parameter["action"]
        for part in question["template"]["components"]
        if part.get("sub_type") == "flow"
        for parameter in part["parameters"]
    ]
    token, day = action["flow_token"], (date.today() + timedelta(days=2)).isoformat()  # noqa: DTZ011 - a day of the calendar
    phone = Phone(shop.world, "ndr_resolution", token)
    assert phone.open().content["screen"] == "CHOOSE"
    assert phone.submit("CHOOSE", choice="ACTF002").content["screen"] == "DATE"
    assert phone.submit("DATE", day=day).content["screen"] == "CONFIRM"
    assert phone.submit("CONFIRM").content["screen"] == "SUCCESS"

    # The courier is told, and accepts.
    brand.until(lambda: bool(brand.asked))
    assert [(each["token"], each["resolutionCode"], each["deferredDate"]) for each in brand.asked] == [
        ("Bearer a-courier-token", "ACTF002", day)
    ]
    brand.until(lambda: shop.state("ndr_case", case) == "unsettled.accepted")

    # It comes again, and arrives.
    assert became(report(shop, scan("delivered", 280), scan("out_for_delivery", 240))) == ["accepted", "accepted"]
    assert "was delivered" in brand.message(3)["text"]["body"]
    for place in (0, 1, 3):
        brand.told(place, "delivered", "sent", "read", "read")
    assert shop.state("ndr_case", case) == "closed.resolved_delivered"
    assert shop.state("order", order_id) == "delivered"
    brand.until(lambda: {shop.state("message", key) for key in shop.keys("message")} == {"read"})
    assert len(brand.graph.sent) == 4

    # All of it is one story, and what matters to the merchant's own systems is in the feed.
    with shop.at_home():
        story = Shell(shop.folder, PUBLIC_URL=shop.world.url).call("sessions", "story", "order", order_id).out
    assert told_in(story) == [plain(line.removeprefix("    ")) for line in README.splitlines()]
    results = ask(shop, "GET", "/admin/api/v1/events?after=0", token=shop.world.admin_token).content["items"]
    assert [result["type"] for result in results] == [
        "order.created",
        "order.shipped",
        "order.delivery_failed",
        "flow.completed",
        "ndr_case.resolved_delivered",
        "order.delivered",
    ]


def told_in(story: str) -> list[str]:
    """Return the lines of a story without their times, and without the second of the failed attempt."""
    width = story.index("BY")
    return [plain(re.sub(r":\d{8}T\d{6}Z", ":…", line[width:])) for line in story.splitlines()]


def plain(line: str) -> str:
    """Return a line of a table with one space between its columns."""
    return re.sub(r" +", " ", line).strip()
