"""
A real browser for tests of pages: every page is watched, and one that complains or asks elsewhere fails its test.

Rule 1: no request leaves the machine, and no page writes an error to its console.
Rule 2: what a page looks like is kept in `var/pages/`, at the widths of a laptop and of a phone, for people to look at.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_FILE_PATH  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

NAMES = "chromium", "chromium-browser", "google-chrome"
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # whoever runs tests as root has no other way
)
LAPTOP, PHONE = 1280, 390
HEIGHT = 900
SECONDS = 60
expect.set_options(timeout=SECONDS * 1000)
PICTURES = Path("var/pages")
HERE = "127.0.0.1", "localhost"
LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", LAPTOP), ("light", PHONE), ("dark", PHONE))
GRAVE = "serious", "critical"
"""How bad what axe finds must be to fail a page."""


def executable() -> str | None:
    """Return where a Chromium is, None if there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def launched(playwright: Playwright, path: str) -> Browser:
    """Return a running browser."""
    return playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS])


class Watched:
    """A browser's window of one visitor, and what its pages complained of."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.complaints: list[str] = []
        self.expected: set[str] = set()
        context.set_default_timeout(SECONDS * 1000)
        context.on("page", self._watch)

    def page(self) -> Page:
        """Return a new page."""
        return self.context.new_page()

    def expect_status(self, status: int) -> None:
        """Let answers of that status be no complaint: Chromium writes one to the console for each."""
        self.expected.add(f"status of {status}")

    def _watch(self, page: Page) -> None:
        page.on("console", lambda said: self._note(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self._note(f"{error.name}: {error.message}"))
        page.on("request", lambda asked: self._local(asked.url))
        page.on("dialog", self._dialog)

    def _note(self, words: str) -> None:
        if not any(expected in words for expected in self.expected):
            self.complaints.append(words)

    def _local(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob", "about"} and parts.hostname not in HERE:
            self.complaints.append(f"a request leaves the machine: {url}")

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()


@contextmanager
def watched(browser: Browser, **options: Any) -> Iterator[Watched]:
    """Open a window of its own, and demand in the end that its pages had nothing to complain of."""
    context = browser.new_context(
        viewport={"width": LAPTOP, "height": HEIGHT},
        reduced_motion="reduce",  # or axe meets colours that are on their way to others
        **options,
    )
    window = Watched(context)
    try:
        yield window
        assert not window.complaints, "; ".join(window.complaints)
    finally:
        context.close()


def faults_of(page: Page) -> list[str]:
    """Return what axe finds on a page that is serious: the rule, and where."""
    page.evaluate(Path(AXE_FILE_PATH).read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{fault['id']}: {node['target']} {node.get('failureSummary', '')}"
        for fault in found
        if fault["impact"] in GRAVE
        for node in fault["nodes"]
    ]


def look(page: Page, name: str, *, dark: bool = False) -> None:
    """
    Look at a page at both widths and, if asked, *dark* on a phone: keep pictures, demand that it is for everybody.

    A page that is wider than its window, or in which axe finds something serious, fails. Axe takes its time, so it
    sees each width and each scheme once.
    """
    folder = Path(os.environ.get("WAYSTATE_PICTURES") or PICTURES)
    folder.mkdir(parents=True, exist_ok=True)
    looks = LOOKS if dark else LOOKS[:2]
    for scheme, width in looks:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width}"
        if (scheme, width) in {looks[0], looks[-1]}:
            faults = faults_of(page)
            assert not faults, "; ".join(faults)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": LAPTOP, "height": HEIGHT})
