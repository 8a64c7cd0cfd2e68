"""The tour that the landing page proposes, as whoever takes it does: each stop begins on that page."""

import re

from playwright.sync_api import BrowserContext, Locator, Page, expect

OFFER = (("Mobile phones", "Continue"), ("", "View phones"), ("TechWave TW14 Pro", "View details"))
"""What is chosen on each screen of the offer, and the button that leads on."""

TAKEN = "Reserve this offer"


class Tour:
    """Somebody who tries the lab at *address*, with a window of their browser."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address

    def begin(self) -> Page:
        """Return the landing page, with an order to try things on."""
        page = self.context.new_page()
        page.goto(self.address)
        while page.get_by_text("There is no order yet").count():
            page.wait_for_timeout(200)
            page.reload()
        return page

    def stop(self, name: str) -> Page:
        """Return the page that a link of the landing page leads to."""
        page = self.begin()
        page.get_by_role("link", name=name).click()
        return page

    def walk_offer(self) -> Page:
        """Walk the offer on the phone up to its last screen."""
        page = self.stop("Open the phone")
        sheet = page.locator(".sheet")
        for choice, footer in OFFER:
            if choice:
                sheet.get_by_text(choice, exact=True).click()
            sheet.get_by_role("button", name=footer).click()
        expect(sheet.get_by_role("button", name=TAKEN)).to_be_visible()
        return page

    def finish_offer(self, phone: Page) -> None:
        """Take the offer on its last screen."""
        phone.locator(".sheet").get_by_role("button", name=TAKEN).click()
        expect(phone.locator("#messages > li").last).to_be_visible()

    def watch_session(self) -> Page:
        """Sign in to the console and open the newest session of the offer."""
        page = self.begin()
        page.get_by_role("button", name="Open the console").click()
        page.locator("main table tbody tr").first.get_by_role("link").first.click()
        return page

    def fail_delivery(self) -> Page:
        """Let the courier fail to deliver the newest order."""
        page = self.stop("Open the couriers")
        page.get_by_role("button", name="Its delivery fails", exact=True).click()
        expect(page.get_by_role("cell", name="failed_delivery", exact=True)).to_be_visible()
        return page

    def open_tracking(self) -> Page:
        """Open the tracking page of the newest order."""
        return self.stop("Open the tracking page")

    def choose_another_day(self, tracking: Page) -> Locator:
        """Choose the first day that the courier comes on; return what the page says of it."""
        choice = tracking.locator("details").filter(has_text="Choose another day")
        choice.locator("summary").click()
        day = choice.locator("input[type=date]")
        day.fill(day.get_attribute("min") or "")
        choice.get_by_role("button").click()
        return tracking.locator("strong").filter(
            has_text=re.compile("Recorded|Sent to the courier|The courier has accepted")
        )

    def open_chat(self) -> Page:
        """Open the chat of the newest order's customer."""
        page = self.stop("Open the chat")
        expect(page.locator("#messages > li").first).to_be_visible()
        return page
