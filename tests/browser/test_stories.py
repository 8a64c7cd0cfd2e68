"""What the landing page says to try, done in a real browser on the server that `dev.py run` starts."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Watched, look
from tests.browser.touring import Tour
from tests.cli.shell import developing


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a development server with its lab."""
    with developing(tmp_path_factory.mktemp("tour")).serving("--lab") as server:
        yield server.wait_until_up()


@pytest.fixture
def tour(window: Watched, address: str) -> Tour:
    """Return somebody who takes the tour."""
    return Tour(window.context, address)


def test_the_landing_page_is_for_everybody(tour: Tour) -> None:
    look(tour.begin(), "landing", dark=True)


def test_the_offer_is_walked_on_the_phone_while_the_console_shows_its_session_live(tour: Tour) -> None:
    phone = tour.walk_offer()
    session = tour.watch_session()
    lit = session.locator("svg .state.current")
    expect(lit).to_have_attribute("data-state", "PRODUCT_DETAIL")

    tour.finish_offer(phone)

    expect(lit).to_have_attribute("data-state", "completed")
    expect(phone.locator("#messages")).to_contain_text("TechWave")


def test_a_failed_delivery_is_resolved_on_the_tracking_page_and_told_of_in_the_chat(tour: Tour) -> None:
    tour.fail_delivery()
    chat = tour.open_chat()
    expect(chat.locator("#messages")).to_contain_text("could not deliver your order")

    tracking = tour.open_tracking()
    expect(tracking.get_by_text("Delivery failed").first).to_be_visible()
    expect(tour.choose_another_day(tracking)).to_be_visible()

    couriers = tour.stop("Open the couriers")
    expect(couriers.locator("summary").filter(has_text="eshopbox")).to_contain_text("EX-1002-0001")
    tracking.reload()
    expect(tracking.get_by_text("The courier has accepted")).to_be_visible()
