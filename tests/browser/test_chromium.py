"""The watch itself: what it must see."""

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import faults_of, watched


def show(chromium: Browser, content: str) -> None:
    """Show a page in a window that is watched."""
    with watched(chromium) as window:
        page = window.page()
        page.set_content(f"<title>A page</title>{content}")
        page.wait_for_timeout(200)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("<script>alert(1)</script>", "a dialog: 1"),
        ("<script>nothing.there()</script>", "ReferenceError"),
        ("<script>console.error('oh')</script>", "oh"),
        ("<img alt='' src='http://elsewhere.invalid/a.png'>", "a request leaves the machine"),
    ],
)
def test_a_page_that_misbehaves_is_told_of(chromium: Browser, content: str, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        show(chromium, content)


def test_what_nobody_can_use_is_found(chromium: Browser) -> None:
    with watched(chromium) as window:
        page = window.page()
        page.set_content("<html lang='en'><title>A page</title><main><h1>A page</h1><input></main></html>")
        assert [fault.partition(":")[0] for fault in faults_of(page)] == ["label"]
