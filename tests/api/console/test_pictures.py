"""Pictures are drawn beside everything else: who draws much holds up nobody but who draws too."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore
from typing import Any

import pytest

from api.console.pictures import DRAWERS, MOST_IMAGES, STUDIO
from diagrams import rendered
from lab.trial import waited
from tests.api.console.filling import OFFER
from tests.api.console.visiting import Visit
from tests.api.serving import Server
from tests.api.speaking import Heard, ask

PATH = f"definitions/{OFFER}/diagram"
SECONDS = 60


@pytest.fixture
def asking() -> Iterator[Callable[..., Any]]:
    """Return what does something meanwhile."""
    with ThreadPoolExecutor(32) as threads:
        yield threads.submit


def by_program(server: Server) -> Heard:
    """Ask for an image as a program does."""
    headers = {"Authorization": f"Bearer {server.world.admin_token}"}
    return ask(server, "GET", f"/admin/api/v1/{PATH}.png", headers=headers)


class Slowness:
    """Lets drawing take until it may *go_on*; *begun* counts what is being drawn."""

    def __init__(self) -> None:
        self.go_on = Event()
        self.begun = Semaphore(0)

    def __call__(self, *drawing: Any) -> bytes:
        """Draw, late."""
        self.begun.release()
        assert self.go_on.wait(SECONDS)
        return rendered(*drawing)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slowness]:
    """Let files be drawn slowly."""
    slowness = Slowness()
    monkeypatch.setattr("api.console.pictures.rendered", slowness)
    yield slowness
    slowness.go_on.set()


def test_who_draws_much_holds_up_no_page(office: Server, slow: Slowness, asking: Callable[..., Any]) -> None:
    visit = Visit(office)
    drawing = [asking(visit.get, f"/admin/{PATH}.svg") for _ in range(16)]
    for _ in range(DRAWERS):
        assert slow.begun.acquire(timeout=SECONDS)

    assert visit.get("/admin/sessions").status == 200

    slow.go_on.set()
    assert [heard.result(SECONDS).status for heard in drawing] == [200] * 16


def test_images_beyond_a_few_are_put_off(office: Server, slow: Slowness, asking: Callable[..., Any]) -> None:
    visit = Visit(office)
    drawing = [asking(by_program, office) for _ in range(MOST_IMAGES)]
    waited(lambda: len(STUDIO._images) == MOST_IMAGES or None, "they are not asked for", SECONDS)

    def put_off() -> list[Heard]:
        return [visit.get(f"/admin/{PATH}.png"), by_program(office)]

    refused = put_off()

    slow.go_on.set()
    assert [heard.result(SECONDS).status for heard in drawing] == [200] * MOST_IMAGES
    assert [(heard.status, heard.headers["retry-after"]) for heard in refused] == [(503, "10")] * 2
    assert [heard.status for heard in put_off()] == [200, 200]
