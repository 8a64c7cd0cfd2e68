"""Signing in to the console, and what its door keeps out."""

from playwright.sync_api import Page, expect

from tests.api.serving import Server
from tests.browser.chromium import Watched, look
from tests.browser.staff import sign_in


def test_whoever_has_a_token_is_let_in_and_out(server: Server, page: Page, window: Watched) -> None:
    page.goto(f"{server.url}/admin")
    look(page, "console-sign-in", dark=True)
    window.expect_status(403)
    page.get_by_label("Your token").fill("nobody's")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("That is nobody's token here.")

    page.get_by_label("Your token").fill(server.world.admin_token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto(f"{server.url}/admin/sessions?q=x")
    assert page.url == f"{server.url}/admin/sign-in?next=%2Fadmin%2Fsessions%3Fq%3Dx"


def test_the_way_back_is_never_to_another_site(server: Server, page: Page) -> None:
    for wanted in (
        "//elsewhere.example/admin",
        "https://elsewhere.example/admin",
        "/admin\\@elsewhere.example",
        "/portal/1",
    ):
        page.goto(f"{server.url}/admin/sign-in?next={wanted}")
        assert page.locator("input[name=next]").input_value() == ""


def test_the_overview_is_for_everybody(server: Server, page: Page) -> None:
    sign_in(page, server)
    look(page, "console-overview", dark=True)
