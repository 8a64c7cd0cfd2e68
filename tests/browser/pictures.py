"""
Makes the pictures of README.md and docs/tour.md from the real pages: `python -m tests.browser.pictures`.

It takes the tour of the landing page on a development server of its own.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import executable, launched, watched
from tests.browser.touring import Tour
from tests.cli.shell import developing

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WIDE, NARROW, TALL, TALLER = 1280, 390, 860, 1080
SETTLED = 1500
"""How long a page is left alone before its picture is taken, in milliseconds."""


def take(page: Page, name: str, width: int = WIDE, height: int = TALL) -> None:
    """Take a picture of a page."""
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(SETTLED)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=FOLDER / f"{name}.png")


def take_all(tour: Tour) -> None:
    """Take the tour, and its pictures."""
    take(tour.begin(), "landing")
    phone = tour.walk_offer()
    take(phone, "phone", height=TALLER)
    take(tour.watch_session(), "session", height=TALLER)
    tour.fail_delivery()
    tracking = tour.open_tracking()
    take(tracking, "tracking", NARROW, 844)
    take(tour.open_chat(), "chat")
    console = tour.begin()
    console.goto(f"{tour.address}/admin/orders")
    console.locator("main table tbody tr").first.get_by_role("link").first.click()
    take(console, "order")


def main() -> int:
    """Make the pictures; 0 if they were made."""
    path = executable()
    if path is None:
        sys.stderr.write("there is no Chromium here\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        developing(Path(folder)).serving("--lab") as server,
        sync_playwright() as playwright,
        watched(launched(playwright, path)) as window,
    ):
        take_all(Tour(window.context, server.wait_until_up()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
