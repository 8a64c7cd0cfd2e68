"""Sessions in the console: found, looked at, gone through step by step, acted on, seen to move."""

import pytest
from playwright.sync_api import Browser, Page, expect

from api.console import live
from api.console.addresses import session_address
from tests.api.console.filling import CASE, OFFER, WALKED, fill, walk
from tests.api.console.waiting import effects, finish, questions
from tests.api.serving import Server
from tests.browser.chromium import LAPTOP, PHONE, Watched, look, watched
from tests.browser.holding import holding
from tests.browser.staff import sign_in

OPEN = session_address(OFFER, WALKED)
LISTENING = "**/admin/live?*"


def test_before_anything_has_happened_pages_say_what_to_try(server: Server, page: Page) -> None:
    sign_in(page, server)
    look(page, "console-overview-fresh")
    pages = {"sessions": "/sessions", "funnel": f"/funnels/{OFFER}", "definition": "/definitions/order"}
    for name, address in pages.items():
        page.goto(f"{server.url}/admin{address}")
        look(page, f"console-{name}-fresh")


@pytest.mark.parametrize(
    "pages",
    [
        {
            "overview": "",
            "sessions": "/sessions",
            "sessions-filtered": "/sessions?definition=shipment&state=forward.failed_delivery",
            "sessions-none": "/sessions?q=nothing-like-it",
        },
        {
            "session-offer": OPEN[6:],
            "session-then": f"{OPEN[6:]}?at=2",
            "session-shipment": session_address("shipment", "O-1:T-1")[6:],
            "session-case": session_address("ndr_case", CASE)[6:],
            "session-story": "/sessions/order/O-1/story",
        },
        {
            "definitions": "/definitions",
            "definition-offer": f"/definitions/{OFFER}",
            "definition-plain": "/definitions/ndr_case?view=plain",
            "funnels": "/funnels",
            "funnel": f"/funnels/{OFFER}",
        },
    ],
    ids=["lists", "sessions", "definitions"],
)
def test_every_page_is_for_everybody(server: Server, page: Page, pages: dict[str, str]) -> None:
    sign_in(page, server)
    fill(server)
    for name, address in pages.items():
        page.goto(f"{server.url}/admin{address}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        look(page, f"console-{name}", dark=True)


@pytest.mark.parametrize("width", [LAPTOP, PHONE])
@pytest.mark.parametrize("definition", ["shipment", "ndr_case"])
def test_a_picture_that_is_wider_than_the_page_begins_where_sessions_begin(
    server: Server, page: Page, definition: str, width: int
) -> None:
    sign_in(page, server)
    page.set_viewport_size({"width": width, "height": 900})

    page.goto(f"{server.url}/admin/definitions/{definition}")

    expect(page.get_by_role("button", name="Fit it in")).to_be_visible()
    expect(page.locator("svg.diagram .start .head").first).to_be_in_viewport(ratio=0.9)


def test_without_scripts_a_wide_picture_is_shown_whole(server: Server, page: Page, chromium: Browser) -> None:
    sign_in(page, server)
    with watched(chromium, java_script_enabled=False, storage_state=page.context.storage_state()) as window:
        still = window.page()
        still.goto(f"{server.url}/admin/definitions/shipment")

        expect(still.locator("svg.diagram .start .head").first).to_be_in_viewport(ratio=0.9)


def test_a_session_that_moves_is_seen_to_move_where_one_looks(server: Server, page: Page) -> None:
    phone = walk(server, WALKED, 1)
    sign_in(page, server)
    page.goto(f"{server.url}{OPEN}")
    expect(page.locator("[data-listening]")).to_have_text("Live")
    page.evaluate("window.was = document.querySelector('svg.diagram')")
    page.get_by_label("Reason").fill("half a rea")

    phone.submit("OPTIONS", selected_product="phone")

    expect(page.locator("svg .state.current")).to_have_attribute("data-state", "OFFER")
    expect(page.locator("[data-now]")).to_have_text("Offers for you")
    expect(page.locator("#step-3")).to_be_visible()
    expect(page.locator("[data-listening]")).to_have_text("Live: now “Offers for you”")
    expect(page.get_by_label("Reason")).to_have_value("half a rea")
    expect(page.get_by_label("Reason")).to_be_focused()
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1
    page.get_by_label("Reason").press("Tab")
    phone.submit("OFFER", device="0_TechWave_TW14_Pro")
    expect(page.locator("svg .state.current")).to_have_attribute("data-state", "PRODUCT_DETAIL")
    expect(page.locator("#step-4")).to_be_visible()


def test_the_past_is_gone_through_by_keyboard_and_back(server: Server, page: Page) -> None:
    walk(server, WALKED, 3)
    sign_in(page, server)
    page.goto(f"{server.url}{OPEN}")

    for seq, state in ((3, "OFFER"), (2, "OPTIONS"), (1, "PRODUCT_SELECTOR")):
        page.keyboard.press("ArrowLeft")
        expect(page).to_have_url(f"{server.url}{OPEN}?at={seq}#picture")
        expect(page.locator("svg .state.current")).to_have_attribute("data-state", state)
    expect(page.locator("[data-part=steps] a:focus")).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    expect(page.locator("svg .state.current")).to_have_attribute("data-state", "OPTIONS")
    expect(page.locator("#step-2")).to_have_class("here")

    page.go_back()
    expect(page.locator("svg .state.current")).to_have_attribute("data-state", "PRODUCT_SELECTOR")
    page.get_by_role("link", name="Back to now").first.click()
    expect(page.locator("svg .state.current")).to_have_attribute("data-state", "PRODUCT_DETAIL")
    expect(page.locator("[data-listening]")).to_have_text("Live")


def test_of_two_steps_under_way_the_last_one_is_shown(server: Server, page: Page) -> None:
    walk(server, WALKED, 3)
    sign_in(page, server)
    page.goto(f"{server.url}{OPEN}?at=3")
    held = holding(page, "**?at=*")
    with page.expect_request("**?at=2"):
        page.keyboard.press("ArrowLeft")
    with page.expect_request("**?at=1"):
        page.locator("#step-1 a[data-travel]").click()

    for route in reversed(held):
        with page.expect_response("**?at=*"):
            route.continue_()
    page.evaluate("new Promise(resolve => setTimeout(resolve, 100))")

    expect(page.locator("svg .state.current")).to_have_attribute("data-state", "PRODUCT_SELECTOR")
    expect(page).to_have_url(f"{server.url}{OPEN}?at=1#picture")
    expect(page.locator("#step-1")).to_have_class("here")


def test_a_jump_within_the_page_keeps_what_is_typed(server: Server, page: Page) -> None:
    walk(server, WALKED, 2)
    sign_in(page, server)
    page.goto(f"{server.url}{OPEN}")
    reason = page.get_by_label("Reason")
    reason.fill("half a rea")

    page.get_by_role("link", name="To the content").press("Enter")
    page.get_by_role("button", name="Send it").press("ArrowLeft")
    page.evaluate("new Promise(resolve => setTimeout(resolve, 500))")

    expect(page).to_have_url(f"{server.url}{OPEN}#content")
    expect(reason).to_have_value("half a rea")


def test_a_stream_that_is_refused_is_said_to_be_away_and_comes_again(
    server: Server, page: Page, window: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.expect_status(503)
    monkeypatch.setattr(live, "STREAM_SECONDS", 0.2)
    walk(server, WALKED, 1)
    sign_in(page, server)
    page.goto(f"{server.url}{OPEN}")
    said = page.locator("[data-listening]")
    expect(said).to_have_text("Live")

    page.route(LISTENING, lambda route: route.fulfill(status=503, body=""))
    expect(said).to_have_text("Reconnecting…")
    page.unroute(LISTENING)

    expect(said).to_have_text("Live")


def test_a_page_that_has_gone_elsewhere_does_not_come_back_to_its_stream(
    server: Server, page: Page, window: Watched
) -> None:
    window.expect_status(503)
    walk(server, WALKED, 2)
    sign_in(page, server)
    page.clock.install()
    page.route(LISTENING, lambda route: route.fulfill(status=503, body=""))
    with page.expect_response(LISTENING):
        page.goto(f"{server.url}{OPEN}")
    expect(page.locator("[data-listening]")).to_have_text("Reconnecting…")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.keyboard.press("ArrowLeft")
    expect(page.locator("svg .state.current")).to_have_attribute("data-state", "OPTIONS")
    page.clock.run_for(11_000)
    page.evaluate("new Promise(resolve => requestAnimationFrame(() => resolve()))")

    assert [url for url in asked if "/admin/live" in url] == []


def test_a_session_that_is_gone_is_said_to_be(server: Server, page: Page) -> None:
    walk(server, WALKED, 1)
    sign_in(page, server)
    gone = "event: gone\ndata: {}\n\n"
    page.route(LISTENING, lambda route: route.fulfill(content_type="text/event-stream", body=gone))

    page.goto(f"{server.url}{OPEN}")

    expect(page.locator("[data-listening]")).to_have_text("This session is there no more")


def test_what_becomes_of_an_effect_is_seen_though_its_session_does_not_move(server: Server, page: Page) -> None:
    _, asked, _ = questions(server)
    server.run(server.parts.outbox.address)
    (effect,) = effects(server, "send_answer")
    sign_in(page, server)
    page.goto(f"{server.url}{session_address('inquiry', asked)}")
    expect(page.locator("[data-listening]")).to_have_text("Live")
    standing = page.locator(f"a[href='/admin/effects/{effect}'] + .badge")
    expect(standing).to_have_text("Pending")

    finish(server, effect, type="Doubt", reason="slow")

    expect(standing).to_have_text("In doubt")


def test_staff_act_for_a_reason(server: Server, page: Page, window: Watched) -> None:
    walk(server, WALKED, 2)
    sign_in(page, server)
    page.goto(f"{server.url}{OPEN}")

    window.expect_status(422)
    page.get_by_label("Event", exact=True).select_option("abandon")
    page.get_by_text("Data of the event").click()
    page.get_by_label("A JSON object").fill("no object")
    page.get_by_label("Reason").fill("They called")
    page.get_by_text("I am sure").click()
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("alert")).to_contain_text("The data must be a JSON object")
    look(page, "console-session-fault")
    page.get_by_label("A JSON object").fill("")
    expect(page.get_by_label("Event", exact=True)).to_have_value("abandon")
    page.get_by_label("Reason").fill("They called to say so")
    page.get_by_text("I am sure").click()
    page.get_by_role("button", name="Send it").click()

    expect(page.locator(".head .badge").first).to_have_text("Abandoned")
    expect(page.get_by_text("It takes no events: it is at its end.")).to_be_visible()
    window.expect_status(409)
    page.evaluate(
        """async (address) => { document.body.append(Object.assign(document.createElement("output"), {id: "late"}));
        const csrf = document.querySelector("[name=csrf]").value;
        const body = new URLSearchParams({csrf, event: "abandon", reason: "again", sure: "yes"});
        const answer = await fetch(address, {method: "POST", body});
        document.querySelector("#late").textContent = answer.status; }""",
        f"{OPEN}/act",
    )
    expect(page.locator("#late")).to_have_text("409")


def test_new_sessions_wait_until_one_wants_to_see_them(server: Server, page: Page) -> None:
    walk(server, "the-first", 1)
    sign_in(page, server, at="/admin/sessions")
    expect(page.locator("[data-listening]")).to_have_text("Live")
    link = page.get_by_role("link", name="the-first")
    link.focus()

    walk(server, "the-second", 2)

    button = page.get_by_role("button", name="1 new, show")
    expect(button).to_be_visible()
    expect(link).to_be_focused()
    expect(page.locator("[data-row]")).to_have_count(1)
    button.click()
    expect(page.locator("[data-row]")).to_have_count(2)
    expect(page.get_by_role("link", name="the-second")).to_be_focused()


def test_the_states_to_choose_from_are_those_of_the_definition(server: Server, page: Page) -> None:
    fill(server)
    sign_in(page, server, at="/admin/sessions")

    page.get_by_label("Definition").select_option("shipment")
    page.get_by_label("State").select_option("forward.failed_delivery")
    page.get_by_role("button", name="Show").click()

    expect(page.locator("[data-row]")).to_have_count(1)


def test_counts_of_a_definition_move_while_one_looks(server: Server, page: Page) -> None:
    phone = walk(server, WALKED, 1)
    sign_in(page, server, at=f"/admin/definitions/{OFFER}")
    expect(page.locator("[data-listening]")).to_have_text("Live")
    expect(page.locator("[data-count=OPTIONS]")).to_have_text("1")

    phone.submit("OPTIONS", selected_product="phone")

    expect(page.locator("[data-count=OFFER]")).to_have_text("1")
    expect(page.locator("[data-count=OPTIONS]")).to_have_count(0)
