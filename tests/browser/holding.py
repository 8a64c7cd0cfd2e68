"""Requests of a page that are held back until a test lets them go: answers in any order, or none."""

from playwright.sync_api import Page, Route


def holding(page: Page, pattern: str, times: int | None = None) -> list[Route]:
    """
    Hold back what *page* asks for by such an address from now on, all of it or so many *times*.

    Return what is held, oldest first, as it comes.
    """
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(pattern, hold, times=times)
    return held
