"""The lab's pages in a browser: they work, and they can be looked at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from lab.trial import Courier, Graph, Server, waited
from tests.browser.chromium import look

SHIPMENT = "55100002:EX-1002-0001"
RAVI = "919800000043"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with the lab, of these tests alone."""
    server = Server(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


def test_a_delivery_fails_by_form_and_its_message_stands_on_the_page_of_whatsapp(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/lab")
    look(page, "lab-home", dark=True)
    page.get_by_role("link", name="Couriers", exact=True).first.click()
    look(page, "lab-couriers-empty")
    page.get_by_label("Shipment").first.select_option(SHIPMENT)
    page.get_by_role("button", name="Its delivery fails", exact=True).click()
    page.get_by_role("cell", name="failed_delivery").wait_for()
    graph = Graph(server)
    graph.wait_for(RAVI)
    graph.tap("ACTF001", RAVI, "Try again")
    Courier(server).wait_until_asked(0)
    waited(lambda: (page.reload() and page.locator("summary").count()) or None, "nobody was asked")
    page.locator("summary").first.click()
    look(page, "lab-couriers", dark=True)

    page.get_by_role("link", name="WhatsApp", exact=True).click()
    page.get_by_role("cell", name="failed_delivery: Ravi").wait_for()
    look(page, "lab-graph", dark=True)
    page.get_by_label("Graph").select_option("slow")
    page.get_by_role("button", name="Set all of this").click()
    assert page.get_by_label("Graph").input_value() == "slow"
    page.get_by_role("button", name="Let nothing go wrong").click()
    assert page.get_by_label("Graph").input_value() == "none"


def test_a_one_time_code_comes_by_letter(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/lab/letters")
    page.get_by_text("Nothing was sent yet").wait_for()
    page.goto(f"{server.url}/portal/55100001")
    page.get_by_label("Order number").fill("WS-1001")
    page.get_by_label("Phone number or e-mail address").fill("asha@example.com")
    page.get_by_role("button", name="Send me a code").click()
    page.wait_for_url("**/code")
    waited(lambda: server.world.ask("GET", "/lab/api/letters") or None, "no letter came")
    page.goto(f"{server.url}/lab/letters")
    page.get_by_text("Your code: ").wait_for()
    look(page, "lab-letters", dark=True)


def test_what_the_server_did_not_take_is_said(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/lab/couriers?trouble=It+was+refused")
    page.get_by_role("alert").wait_for()
    look(page, "lab-trouble")
