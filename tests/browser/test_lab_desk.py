"""The lab's pages in a browser: they work, and they can be looked at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from lab.trial import Courier, Graph, Server, waited
from tests.browser.chromium import PHONE, Watched, look

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


@pytest.mark.parametrize("here", ["", "/phone", "/couriers", "/graph", "/letters"])
def test_the_bar_is_one_line_on_a_phone(server: Server, page: Page, here: str) -> None:
    page.set_viewport_size({"width": PHONE, "height": 844})
    page.goto(f"{server.url}/lab{here}")

    links = page.locator(".lab-bar nav a")
    assert links.last.inner_text() == "Server"
    assert len({*links.evaluate_all("links => links.map(link => link.getBoundingClientRect().top)")}) == 1


def test_on_a_phone_nothing_of_the_couriers_touches_what_is_below(server: Server, page: Page) -> None:
    page.set_viewport_size({"width": PHONE, "height": 844})
    page.goto(f"{server.url}/lab/couriers")
    gap = """form => form.nextElementSibling.getBoundingClientRect().top - form.getBoundingClientRect().bottom"""

    assert page.locator("form[action='/lab/couriers/answers']").evaluate(gap) >= 16


def test_a_page_that_is_not_there_leads_back(server: Server, page: Page, window: Watched) -> None:
    window.expect_status(404)
    page.goto(f"{server.url}/lab/nowhere")
    look(page, "lab-nowhere", dark=True)
    page.get_by_role("link", name="To the lab").click()
    page.get_by_role("heading", name="The lab").wait_for()


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
