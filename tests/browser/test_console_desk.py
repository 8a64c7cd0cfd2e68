"""The console's pages on which staff do something, in a browser: what they look like, and what can be done there."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.console import waiting
from tests.api.console.filling import OFFER, WALKED, walk
from tests.api.console.visiting import Visit
from tests.api.serving import Server
from tests.api.speaking import session
from tests.browser.chromium import HEIGHT, PHONE, look, watched
from tests.browser.staff import sign_in

PAGES = {
    "orders": "/admin/orders",
    "inquiries": "/admin/inquiries",
    "effects": "/admin/effects",
    "quarantine": "/admin/quarantine",
    "parked": "/admin/quarantine/parked",
    "flow-health": "/admin/flow-health",
    "staff": "/admin/staff",
    "audit": "/admin/audit",
}

DARK = {"order", "order-conflict", "inquiries", "effects-doubt", "flow-health", "staff"}
"""The pages that have every part there is, looked at in the dark, too."""


@pytest.fixture
def busy(server: Server) -> Server:
    """Return a server where much waits for people, and where some has been done."""
    waiting.fill(server)
    admin = Visit(server)
    admin.token_for("Vera", "viewer")
    admin.token_for("Omar", "operator")
    admin.post("/admin/orders/O-1/show", reason="they asked where it goes")
    admin.post("/admin/staff/Omar/dismiss", reason="they left us")
    return server


def test_a_console_with_much_to_do_is_for_everybody(busy: Server, page: Page) -> None:
    sign_in(page, busy)
    more = {
        "order": "/admin/orders/O-1",
        "order-conflict": "/admin/orders/O-2",
        "order-back": "/admin/orders/O-3",
        "effects-doubt": "/admin/effects?status=unknown",
    }
    for name, address in {**PAGES, **more}.items():
        page.goto(f"{busy.url}{address}")
        page.evaluate("document.querySelectorAll('main details').forEach(each => each.open = true)")
        look(page, f"console-{name}", dark=name in DARK)
    page.goto(f"{busy.url}/admin/effects?status=unknown")
    page.get_by_role("link", name="send_answer").click()
    look(page, "console-effect")
    page.goto(f"{busy.url}/admin/quarantine")
    page.locator("summary").first.click()
    page.get_by_label("Why").first.fill("to see what it is")
    page.get_by_role("button", name="Show its body").first.click()
    expect(page.get_by_role("region", name="The call's body")).to_contain_text("phone_number_id")
    look(page, "console-call", dark=True)


def test_a_console_with_nothing_to_do_says_so(server: Server, page: Page) -> None:
    sign_in(page, server)
    for name, address in PAGES.items():
        page.goto(f"{server.url}{address}")
        if name != "audit":  # whoever reads it has signed in
            expect(page.locator("main .empty")).to_have_count(1)
        look(page, f"console-{name}-empty")


def test_on_a_phone_every_list_shows_all_it_has(busy: Server, page: Page) -> None:
    sign_in(page, busy)
    page.set_viewport_size({"width": PHONE, "height": HEIGHT})
    desk = "/admin/sessions", "/admin/orders", "/admin/orders/O-1", "/admin/effects?status=unknown", "/admin/audit"
    walk(busy, WALKED, 2)
    figures = "/admin", "/admin/definitions", f"/admin/definitions/{OFFER}", "/admin/funnels", f"/admin/funnels/{OFFER}"
    for address in (*desk, *figures):
        page.goto(f"{busy.url}{address}")
        tables = page.locator(".scroll:has(table)").evaluate_all(
            "all => all.map(each => each.scrollWidth - each.clientWidth)"
        )
        assert set(tables) == {0}, address


def test_a_name_as_long_as_names_may_be_widens_no_page(server: Server, page: Page) -> None:
    sign_in(page, server, Visit(server).token_for("Vera" * 16, "viewer"))
    look(page, "console-long-name")


def test_an_effect_that_was_given_up_is_called_again(server: Server, page: Page) -> None:
    *_, key = waiting.questions(server)
    Visit(server).post(f"/admin/inquiries/{key}/answer", text="Yes, in blue.")
    server.run(server.parts.outbox.address)
    for answer in waiting.effects(server, "send_answer"):
        waiting.finish(server, answer, type="Failed", kind="fix", code="131009")
    sign_in(page, server)

    page.goto(f"{server.url}/admin/effects")
    expect(page.get_by_role("link", name="Given up 2")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("cell", name="Error 131009: what was sent is wrong")).to_have_count(2)
    page.get_by_role("checkbox", name=re.compile("Choose send_answer")).first.check()
    page.get_by_label("Why").fill("the template is mended")
    look(page, "console-effects-dead")
    page.get_by_role("button", name="Call again").click()

    expect(page.get_by_role("status")).to_contain_text("1 of 1 effect done.")
    expect(page.get_by_role("link", name="Given up 1")).to_be_visible()
    expect(page.get_by_role("link", name="Pending")).to_be_visible()
    assert len(waiting.effects(server, "send_answer")) == 1


def test_a_question_is_answered(server: Server, page: Page) -> None:
    *_, key = waiting.questions(server)
    sign_in(page, server)
    page.get_by_role("navigation", name="Console").get_by_role("link", name="Inquiries").click()

    page.get_by_label("Your answer").fill("Yes, in blue.")
    page.get_by_role("button", name="Send the answer").click()

    expect(page.get_by_role("status")).to_have_text("Your answer is on its way. Its delivery shows below.")
    expect(page.get_by_text("Being answered")).to_have_count(2)
    assert session(server, "inquiry", key)["state"] == "answering"
    server.run(server.parts.outbox.address)
    for answer in waiting.effects(server, "send_answer"):
        waiting.finish(server, answer, type="Done", outcome=f"wamid.{answer}")
    page.get_by_role("link", name="Answered and closed").click()
    expect(page.get_by_text("Not reported yet")).to_have_count(2)
    look(page, "console-inquiries-answered")


def test_a_report_in_conflict_is_accepted(server: Server, page: Page) -> None:
    waiting.lost_and_found(server)
    sign_in(page, server, at="/admin/orders/O-2")

    page.get_by_role("form", name="Out for delivery").get_by_label("Why").fill("the depot has it")
    page.get_by_role("button", name="Accept it").click()

    expect(page.get_by_role("status")).to_have_text("Accepted. The parcel stands where the report puts it.")
    expect(page.get_by_role("listitem").filter(has_text="Out for delivery")).to_have_attribute("aria-current", "step")


def test_orders_are_narrowed_in_place(server: Server, page: Page) -> None:
    waiting.failed_order(server)
    waiting.lost_and_found(server)
    sign_in(page, server, at="/admin/orders")
    expect(page.get_by_role("row")).to_have_count(3)

    page.get_by_label("State").focus()
    page.get_by_label("State").select_option("lost")

    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("link", name="C-O-2")).to_be_visible()
    expect(page.get_by_label("State")).to_be_focused()
    assert page.url.endswith("/admin/orders?q=&state=lost")


def test_an_operator_chooses_for_a_customer(server: Server, page: Page) -> None:
    waiting.failed_order(server)
    sign_in(page, server, at="/admin/orders/O-1")

    page.get_by_text("Choose for the customer").click()
    page.get_by_label("I would like to choose a new delivery date").check()
    page.get_by_label("Day").fill("2026-01-02")
    page.get_by_label("How you know what the customer wants").fill("they called")
    page.get_by_role("button", name="Record the choice").click()

    expect(page.get_by_role("status")).to_contain_text("Recorded.")
    expect(page.get_by_text("staff for the customer, here")).to_be_visible()


def test_a_viewer_who_was_let_in_looks_sees_nobody_and_changes_nothing(
    server: Server, page: Page, chromium: Browser
) -> None:
    waiting.fill(server)
    sign_in(page, server, at="/admin/staff")
    page.get_by_label("Name").fill("Vera")
    page.get_by_label("Viewer").check()
    page.get_by_label("Why for the audit log").fill("to look after us")
    page.get_by_role("button", name="Make a token").click()
    token = page.locator("code.token").inner_text()
    look(page, "console-staff-token")

    with watched(chromium) as theirs:
        window = theirs.page()
        sign_in(window, server, token, at="/admin/orders/O-1")
        expect(window.get_by_text("Masked. Operators see it, for a reason.")).to_be_visible()
        for address in (*PAGES.values(), "/admin/orders/O-1", "/admin/orders/O-2"):
            if address in ("/admin/staff", "/admin/audit"):
                theirs.expect_status(403)
            window.goto(f"{server.url}{address}")
            said = window.content()
            assert [name for name in waiting.NAMES if name in said] == [], address
            assert window.locator("main form[method=post]").count() == 0, address
        window.goto(f"{server.url}/admin/orders/O-1")
        look(window, "console-order-viewer")
        window.goto(f"{server.url}/admin/staff")
        expect(window.get_by_role("heading", level=1)).to_have_text("Only administrators may do that.")

    page.goto(f"{server.url}/admin/staff")
    page.get_by_label("Why Vera is changed").fill("only for today")
    page.get_by_role("button", name="End the access of Vera").click()
    expect(page.get_by_role("status")).to_have_text("They have no access any more, from now on.")
