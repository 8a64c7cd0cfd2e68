"""One browser for all tests of pages, a window of its own for each; the servers are those of `tests/api`."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.api.conftest import endpoint_key, serve, server, unhurried
from tests.browser.chromium import Watched, executable, launched, watched

__all__ = ["endpoint_key", "serve", "server", "unhurried"]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Return a running Chromium. It ends with these tests: others could not run an event loop beside Playwright's."""
    path = executable()
    if path is None:
        pytest.skip("there is no Chromium here: install Debian's chromium, or Google's Chrome")
    with sync_playwright() as playwright:
        browser = launched(playwright, path)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser) -> Iterator[Watched]:
    """Return a window; in the end its pages must have had nothing to complain of."""
    with watched(chromium) as opened:
        yield opened


@pytest.fixture
def page(window: Watched) -> Page:
    """Return a page of the window."""
    return window.page()
