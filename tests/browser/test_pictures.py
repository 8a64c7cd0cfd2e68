"""A picture inside a page with a strict policy: it shows, in both schemes, and a script moves its marks."""

from pathlib import Path

import pytest
from playwright.sync_api import Page
from pytest_httpserver import HTTPServer

from bench.pictures import shipment
from diagrams import Overlay, StateTraffic, Traffic, Walked, draw, render_svg
from tests.browser.chromium import look
from tests.diagrams.samples import ORDER, PARCEL, PARCEL_RUN

ASSETS = Path(__file__).parent.parent.parent / "api/assets"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A picture</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/site.css"><link rel="stylesheet" href="/diagram.css"></head><body><main><h1>A picture</h1>
<div class="scroll" tabindex="0" role="region" aria-label="The picture">"""
TAIL = "</div></main></body></html>"

TRAFFIC = Traffic(
    {"placed": StateTraffic(12, 1000, 100, 5400.0), "paid": StateTraffic(1204, 800), "delivered": StateTraffic(7)},
    {("placed", "pay", "paid"): 750, ("placed", "cancel", "cancelled"): 250, ("paid", "weigh", "paid"): 3},
)
SHIPPING = Overlay(
    "forward.intransit",
    (Walked("awaiting", "forward.created", "forward.created"), Walked("forward.created", "x", "forward.intransit")),
    ("forward.out_for_delivery", "rto.rto_created"),
)


def show(page: Page, httpserver: HTTPServer, *pictures: str) -> None:
    """Open a page with pictures in it."""
    headers = {"Content-Security-Policy": POLICY}
    for name in ("site.css", "diagram.css"):
        css = (ASSETS / name).read_text(encoding="utf-8")
        httpserver.expect_request(f"/{name}").respond_with_data(css, content_type="text/css")
    httpserver.expect_request("/").respond_with_data(
        HEAD + "".join(pictures) + TAIL, content_type="text/html; charset=utf-8", headers=headers
    )
    page.goto(httpserver.url_for("/"))


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("picture-run", lambda: render_svg(draw(PARCEL, PARCEL_RUN))),
        ("picture-traffic", lambda: render_svg(draw(ORDER, traffic=TRAFFIC))),
        ("picture-shipment", lambda: render_svg(draw(shipment(), SHIPPING))),
    ],
)
def test_a_picture_is_for_everybody(page: Page, httpserver: HTTPServer, name: str, picture: object) -> None:
    assert callable(picture)
    show(page, httpserver, picture())

    look(page, name, dark=True)


def test_marks_move_by_classes_alone(page: Page, httpserver: HTTPServer) -> None:
    show(page, httpserver, render_svg(draw(PARCEL, PARCEL_RUN)))
    state = "document.querySelector('[data-state=\"road.moving\"] .box')"
    border = f"getComputedStyle({state}).strokeWidth"

    assert page.evaluate(border) == "1.8px"
    page.evaluate(f"{state}.parentElement.classList.add('current')")
    page.wait_for_function(f"{border} === '3px'")
    page.evaluate("document.querySelector('[data-state=\"there\"]').classList.add('next')")
    page.wait_for_function("getComputedStyle(document.querySelector('[data-state=\"there\"] .ring')).stroke !== 'none'")


def test_two_pictures_in_one_page_keep_their_ids_apart(page: Page, httpserver: HTTPServer) -> None:
    drawing = draw(PARCEL)
    show(page, httpserver, render_svg(drawing, prefix="one-"), render_svg(drawing, prefix="two-"))

    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids)) == 2 * page.evaluate("document.querySelectorAll('[id^=one-]').length")


def test_no_word_spills_over_its_state_whatever_the_letters(page: Page, httpserver: HTTPServer) -> None:
    show(page, httpserver, render_svg(draw(shipment())))

    spilled = page.evaluate(
        """[...document.querySelectorAll('.state')].filter(state => {
            const box = state.querySelector('.box').getBoundingClientRect();
            return [...state.querySelectorAll('text')].some(text => {
                const place = text.getBoundingClientRect();
                return place.left < box.left - 1 || place.right > box.right + 1;
            });
        }).map(state => state.dataset.state)"""
    )
    assert spilled == []
