"""Staff in a browser."""

from playwright.sync_api import Page, expect

from tests.api.serving import Server


def sign_in(page: Page, server: Server, token: str = "", at: str = "/admin") -> None:
    """Sign in, as the first administrator if no *token* is given, and go on *at* a page of the console."""
    page.goto(f"{server.url}/admin/sign-in?next={at}")
    page.get_by_label("Your token").fill(token or server.world.admin_token)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{server.url}{at}")
