"""The personalised offer, from its opening to its end, on a server that is killed on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.phone import Envelope, Phone, Sealer
from tests.acceptance.shop import Shop, Steps

FLOW = "personalised_offer"
KEY = "token-of-asha"
TOP = "0_TechWave_TW14_Pro"
SCREENS = ("not_opened", "PRODUCT_SELECTOR", "OPTIONS", "OFFER", "PRODUCT_DETAIL", "completed")


class Customer(Phone):
    """A customer whose phone remembers what it sent and what came back, byte for byte."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.world, FLOW, KEY)
        self.shop = shop
        self.sealer = Sealer(shop.world.public_key)
        self.answered: list[tuple[Envelope, tuple[int, bytes]]] = []

    def says(self, action: str, screen: str = "", **data: Any) -> Any:
        """Make a call; return what its answer shows, and its screen."""
        call = {"version": "3.0", "flow_token": KEY, "action": action, "screen": screen, "data": data}
        envelope = self.sealer.seal(call)
        status, body = self.posts(envelope)
        self.answered.append((envelope, (status, body)))
        return status, envelope.read(body)

    def posts(self, envelope: Envelope) -> tuple[int, bytes]:
        """Send an envelope; return the status and the body, as they are."""
        response = self.shop.world.post(f"/flows/{FLOW}", envelope.body)
        return response.status_code, response.content


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[Shop]:
    """Return a shop that a story may kill."""
    shop = Shop(tmp_path)
    shop.open()
    yield shop
    shop.cut_off()


def straight_to(screen: str) -> Steps:
    """Return the steps of a customer who went straight to *screen*."""
    path = SCREENS[: SCREENS.index(screen) + 1]
    events = ("INIT", *["data_exchange"] * len(path))
    return [*zip(events, path, path[1:], strict=False)]


def test_a_customer_walks_the_offer_through_two_power_cuts(doomed: Shop) -> None:
    customer = Customer(doomed)

    _, opened = customer.says("INIT")
    assert opened["screen"] == "PRODUCT_SELECTOR"
    products = [product["id"] for product in opened["data"]["products"]]
    assert products == ["0_mobile_phones", "1_eBook_readers", "2_cameras"]
    assert doomed.walked(FLOW, KEY) == straight_to("PRODUCT_SELECTOR")

    _, asked = customer.says("data_exchange", "PRODUCT_SELECTOR", product_selection="0_mobile_phones")
    assert asked["screen"] == "OPTIONS"
    assert (
        asked["data"].items()
        >= {
            "phone_use_case": True,
            "selected_product": "phone",
            "cta_label": "View phones",
            "screen_heading": "Let's find the perfect phone offer for you",
        }.items()
    )
    assert doomed.walked(FLOW, KEY) == straight_to("OPTIONS")

    power_cut(doomed, customer)
    assert doomed.walked(FLOW, KEY) == straight_to("OPTIONS")

    _, offered = customer.says("data_exchange", "OPTIONS", selected_product="phone")
    assert (offered["screen"], offered["data"]["offer_label"]) == ("OFFER", "Here are 4 shortlisted phones")
    devices = [device["id"] for device in offered["data"]["shortlisted_devices"]]
    assert devices == [TOP, "1_Apex_Aura", "2_VirtuVision_VX2", "3_Nova_N1"]
    assert doomed.walked(FLOW, KEY) == straight_to("OFFER")

    _, shown = customer.says("data_exchange", "OFFER", device=TOP)
    assert shown["screen"] == "PRODUCT_DETAIL"
    assert shown["data"].items() >= {"product_name": "TechWave TW14 Pro", "selected_device": TOP}.items()
    assert doomed.walked(FLOW, KEY) == straight_to("PRODUCT_DETAIL")

    _, done = customer.says("data_exchange", "PRODUCT_DETAIL", selected_device=TOP)
    params = {"flow_token": KEY, "selected_device": TOP}
    assert (done["screen"], done["data"]) == ("SUCCESS", {"extension_message_response": {"params": params}})
    assert doomed.walked(FLOW, KEY) == straight_to("completed")

    power_cut(doomed, customer)
    status, ended = customer.says("INIT")
    assert (status, [*ended]) == (427, ["version", "error_msg"])
    assert doomed.walked(FLOW, KEY) == straight_to("completed")


def power_cut(shop: Shop, customer: Customer) -> None:
    """Kill the server and start it again: whatever was answered before is answered with the same bytes."""
    shop.cut_off()
    shop.open()
    assert [customer.posts(envelope) for envelope, _ in customer.answered] == [kept for _, kept in customer.answered]
