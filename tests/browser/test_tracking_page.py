"""The tracking page in a browser: its whole way, with a keyboard, without script, in both languages and schemes."""

import base64
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from api.outbox import Attempt, Done
from api.senders import Senders
from tests.api.conftest import Serve
from tests.api.faults import down
from tests.api.serving import Server
from tests.api.speaking import a_scan, an_item, an_order, ask, put_order, quoted, resolve, scan, session, subscribe
from tests.browser.chromium import Watched, look, watched
from tests.builders import HOUR
from tests.standins.smtp import SmtpStandIn, an_smtp_server

CASE = "O-1:T-1:20260101T120000Z"
WEIGHT = 100_000
"""How many bytes the whole page may have, with all that it loads."""

LOGO = b"""<svg xmlns="http://www.w3.org/2000/svg" width="150" height="40">
<rect width="40" height="40" rx="9" fill="#b4233c"/>
<path d="M12 28V12h7a8 8 0 0 1 0 16z" fill="#fff"/><text x="50" y="27" font-size="20" font-family="sans-serif"
font-weight="700" fill="#40101a">Dhruv</text></svg>"""
BRAND = {
    "name": "Dhruv Foods",
    "logo": "data:image/svg+xml;base64," + base64.b64encode(LOGO).decode(),
    "accent": "#e8a33d",
    "accentDark": "#b4233c",
}
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'><svg onload=alert(3)>{{ 7 * 7 }}{count}"


@pytest.fixture
def mail() -> Iterator[SmtpStandIn]:
    """Return a mail server."""
    with an_smtp_server() as stand_in:
        yield stand_in


@pytest.fixture
def shop(serve: Serve, mail: SmtpStandIn) -> Server:
    """Return a server with an order on its way, of a merchant with a brand."""
    server = serve(smtp_url=mail.url)
    account = {"accountSlug": "dfc", "name": "Dhruv Foods Pvt Ltd", "brand": BRAND}
    ask(server, "PUT", "/api/v1/accounts/1489", account, token=server.world.portal_token)
    put_order(server, an_order("O-1", tea(), orderDate="2025-12-29 09:22:09.0", orderTotal=450.0, **on_delivery(450.0)))
    return server


@pytest.fixture
def failed(shop: Server) -> Server:
    """Return the same after its delivery failed at noon, because nobody was there."""
    return fail(shop)


def on_delivery(amount: float) -> dict[str, Any]:
    return {"isCOD": 1, "balanceDue": amount}


def fail(server: Server, ndr_code: str = "1") -> Server:
    way = [("created", -72), ("packed", -50), ("picked_up", -47), ("intransit", -40), ("out_for_delivery", -4)]
    scan(server, *(a_scan(word, hours * 3600, location="Pune hub") for word, hours in way))
    scan(server, a_scan("failed_delivery", ndr_code=ndr_code, location="Pune", remark="Door locked, phone off"))
    return server


def tea(**changes: Any) -> dict[str, Any]:
    item = {"productName": "Assam tea, 500 g", "quantity": 2, "lineItemTotal": 450.0}
    return an_item(**{**item, "promiseDeliveryDate": "2026-01-03 20:00:00", **changes})


def enter(page: Page, server: Server, order_id: str = "O-1", more: str = "") -> None:
    """Open an order's page by a link."""
    page.goto(server.url + server.parts.door.keys.link(order_id, server.clock()) + more)


def post_letters(server: Server) -> None:
    """Deliver the letters that the server owes."""

    async def no_webhook(*_: Any) -> Any:
        raise AssertionError

    server.run(server.parts.outbox.address)
    for head in server.run(server.parts.outbox.heads):
        attempt = server.run(partial(server.parts.outbox.begin, head.key))
        if isinstance(attempt, Attempt) and attempt.name.startswith("send_code"):
            senders = Senders(None, {}, no_webhook)
            result = server.run(partial(senders.make, attempt))
            assert isinstance(result, Done)
            server.run(partial(server.parts.outbox.finish, attempt, result))
            server.run(senders.aclose)


def act(server: Server, *events: str) -> None:
    """Let staff tell what became of a choice."""
    for event in events:
        path = f"/admin/api/v1/sessions/ndr_case/{quoted(CASE)}/events"
        told = {"event": event, "reason": "a call"}
        assert ask(server, "POST", path, told, token=server.world.admin_token).status == 200


def status_of(page: Page) -> str:
    return page.locator(".status").first.inner_text()


# Getting in


def test_a_shopper_gets_in_by_a_code_from_a_letter(
    shop: Server, mail: SmtpStandIn, page: Page, window: Watched
) -> None:
    page.goto(f"{shop.url}/portal/C-O-1")
    look(page, "tracking-entry", dark=True)
    page.get_by_label("Phone number or e-mail address of the order").fill("9800000099")
    window.expect_status(404)
    page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_role("alert")).to_contain_text("We could not find an order with these details.")
    look(page, "tracking-not-found")

    page.get_by_label("Order number").fill("C-O-1")
    page.get_by_label("Phone number or e-mail address of the order").fill("9800000042")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter the code")
    expect(page.get_by_label("The 6 digits of the code")).to_be_focused()
    look(page, "tracking-code", dark=True)
    page.get_by_label("The 6 digits of the code").fill("000000")
    window.expect_status(400)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("That is not the code. You have 4 tries left.")
    look(page, "tracking-wrong-code")

    post_letters(shop)
    code = mail.letters[-1].get_content().splitlines()[0].removeprefix("Your code: ")
    page.get_by_label("The 6 digits of the code").fill(code)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Order C-O-1")


def test_before_one_is_in_nothing_tells_which_of_several_merchants_it_is(shop: Server, page: Page) -> None:
    other = {"accountSlug": "kumar", "name": "Kumar Teas"}
    ask(shop, "PUT", "/api/v1/accounts/77", other, token=shop.world.portal_token)
    page.goto(f"{shop.url}/portal/O-1")

    expect(page.locator("header")).to_have_count(0)
    look(page, "tracking-entry-neutral", dark=True)


def test_what_goes_wrong_at_the_door_is_a_page_with_a_way_on(shop: Server, page: Page, window: Watched) -> None:
    link = shop.parts.door.keys.link("O-1", shop.clock())
    shop.clock.move(24 * HOUR)
    window.expect_status(410)
    page.goto(shop.url + link)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link is too old")
    look(page, "tracking-old-link")

    window.expect_status(429)
    for _ in range(6):
        page.goto(f"{shop.url}{link}")
        page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_role("alert")).to_contain_text("Please try again in 15 minutes")
    look(page, "tracking-too-many-tries", dark=True)
    page.get_by_role("link", name="Back to the order").click()
    expect(page.get_by_label("Order number")).to_have_value("O-1")


@pytest.mark.parametrize("language", ["en", "hi"])
def test_without_an_order_the_page_asks_which_it_is(shop: Server, page: Page, language: str) -> None:
    page.goto(f"{shop.url}/portal?lang={language}")

    expect(page.get_by_role("textbox")).to_have_count(2)
    expect(page.get_by_role("img", name="Dhruv Foods")).to_be_visible()
    look(page, f"tracking-which-order-{language}")


@pytest.mark.parametrize("language", ["en", "hi"])
def test_a_failed_delivery_tells_its_times_with_their_zone(failed: Server, page: Page, language: str) -> None:
    enter(page, failed, more=f"&lang={language}")

    assert {(each.text_content() or "")[-3:] for each in page.locator(".clock").all()} == {"IST"}
    assert page.locator(".expected").count() == 0
    page.locator("details.option summary").nth(1).click()
    day = page.locator("input[type=date]")
    assert (day.get_attribute("min"), day.get_attribute("max")) == ("2026-01-01", "2026-01-31")
    look(page, f"tracking-failed-{language}")


def test_while_the_database_cannot_answer_there_is_a_page(failed: Server, page: Page, window: Watched) -> None:
    enter(page, failed)
    window.expect_status(503)
    with down(failed):
        page.goto(f"{failed.url}/portal/O-1?lang=hi")
        expect(page.get_by_role("alert")).to_contain_text("अभी हम यह नहीं देख पा रहे हैं")
        look(page, "tracking-database-down")


# What is shown


def test_an_order_of_which_nothing_was_sent_says_so(shop: Server, page: Page) -> None:
    item = tea(lineItemTotal=100000.0)
    del item["forwardTrackingTimeline"]
    put_order(shop, an_order("O-4", item, orderDate="2025-12-31 09:22:09.0", orderTotal=100000))
    enter(page, shop, "O-4")

    expect(page.locator(".empty")).to_contain_text("Nothing has been sent yet.")
    expect(page.locator(".sums")).to_contain_text("₹1,00,000.00")
    look(page, "tracking-nothing-sent", dark=True)


def test_a_parcel_on_its_way_shows_its_way(shop: Server, page: Page) -> None:
    scan(shop, a_scan("created", -7200), a_scan("packed", -3600), a_scan("intransit", -60, location="Mumbai"))
    enter(page, shop)

    assert status_of(page) == "On its way"
    steps = page.get_by_role("list", name="The way of the parcel").locator(".step")
    assert [(step.text_content() or "").partition(" (")[0] for step in steps.all()] == [
        "Ordered", "Packed", "On its way", "Out for delivery", "Delivered",
    ]  # fmt: skip
    expect(page.locator("[aria-current=step]")).to_contain_text("On its way (now)")
    look(page, "tracking-on-its-way", dark=True)


def test_two_parcels_and_a_return_are_told_apart(shop: Server, page: Page) -> None:
    back = {"courierName": "Bluedart", "trackingID": "R-3", "statusLog": []}
    items = [tea(), tea(productName="Steel kettle, 1.5 l", quantity=1)]
    items[1] = {**items[1], "forwardTrackingTimeline": {**back, "trackingID": "T-2"}, "returnTrackingTimeline": back}
    put_order(shop, an_order("O-1", *items))
    fail(shop)
    scan(shop, a_scan("rto_created", 3600), a_scan("rto_intransit", 7200))
    scan(shop, a_scan("out_for_delivery", -7200, tracking_id="T-2"), a_scan("delivered", -3600, tracking_id="T-2"))
    scan(shop, a_scan("created", -1800, tracking_id="R-3", leg="return"))
    scan(shop, a_scan("pickup_failed", -600, tracking_id="R-3", leg="return"))
    enter(page, shop)

    assert [heading.inner_text() for heading in page.locator(".parcel > h2").all()][-1] == "Your return"
    expect(page.get_by_role("list", name="The way back to the shop")).to_have_count(1)
    look(page, "tracking-parcels", dark=True)


def test_a_lost_parcel_and_a_cancelled_one_are_shown_honestly(shop: Server, page: Page) -> None:
    put_order(shop, an_order("O-1", tea(), an_item("T-2", productName="Blue cup")))
    scan(shop, a_scan("packed", -7200), a_scan("intransit", -3600), a_scan("lost", -60))
    scan(shop, a_scan("created", -7200, tracking_id="T-2"), a_scan("cancelled_order", -60, tracking_id="T-2"))
    enter(page, shop)

    assert [each.inner_text() for each in page.locator(".status").all()] == ["Lost on the way", "Cancelled"]
    assert page.locator(".way li.ahead").count() == 0
    look(page, "tracking-lost")


def test_hostile_texts_are_texts(shop: Server, page: Page) -> None:
    account = {"accountSlug": "dfc", "name": HOSTILE, "brand": {"accent": "#123456"}}
    ask(shop, "PUT", "/api/v1/accounts/1489", account, token=shop.world.portal_token)
    document = an_order("O-1", tea(productName=HOSTILE, quantity=3), customerOrderNumber=HOSTILE)
    put_order(shop, document)
    scan(shop, a_scan("failed_delivery", remark=HOSTILE, location=HOSTILE, ndr_code="0", ndr_reason=HOSTILE))
    enter(page, shop)

    expect(page.get_by_role("heading", level=1)).to_have_text(f"Order {HOSTILE}")
    expect(page.locator(".remark")).to_have_text(HOSTILE)
    assert page.locator("main img, main script, main svg").count() == 0
    look(page, "tracking-hostile")


def test_the_whole_page_weighs_little(failed: Server, page: Page) -> None:
    weights: dict[str, int] = {}
    page.on("response", lambda heard: weights.update({heard.url: len(heard.body())}))
    enter(page, failed)
    page.wait_for_load_state("networkidle")

    assert {url.partition("?")[0].rpartition("/")[2] for url in weights} == {"O-1", "site.css", "portal.css", "logo"}
    assert sum(weights.values()) < WEIGHT, weights


# Deciding


def test_a_new_day_is_chosen_with_the_keyboard_alone(failed: Server, page: Page) -> None:
    enter(page, failed)
    look(page, "tracking-failed", dark=True)
    summary = page.locator("summary", has_text="Choose another day")
    for _ in range(20):
        page.keyboard.press("Tab")
        if summary.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    day = page.get_by_label("The day on which the courier shall come")
    expect(day).to_be_visible()
    page.keyboard.press("Tab")
    expect(day).to_be_focused()
    look(page, "tracking-choice", dark=True)
    day.focus()
    page.keyboard.type("01022026")
    expect(day).to_have_value("2026-01-02")
    page.keyboard.press("Enter")

    expect(page.locator(".request")).to_contain_text("You asked for another day: Friday, 2 January 2026.")
    expect(page.locator(".request .badge")).to_have_text("Recorded")
    assert session(failed, "ndr_case", CASE)["context"]["resolution"]["deferredDate"] == "2026-01-02"
    look(page, "tracking-recorded", dark=True)


def test_what_is_wrong_is_said_at_the_top_and_beside_its_field(shop: Server, page: Page, window: Watched) -> None:
    fail(shop, ndr_code="6")
    enter(page, shop)
    page.locator("summary", has_text="Deliver again").click()
    page.get_by_label("A phone number for the courier").fill("12")
    window.expect_status(422)
    page.get_by_role("button", name="Tell the courier").click()

    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("heading")).to_have_text("Please check 3 things")
    assert [link.inner_text() for link in summary.get_by_role("link").all()] == [
        "Give the address.", "Give a landmark near the address.", "Give a phone number of 8 to 15 digits.",
    ]  # fmt: skip
    look(page, "tracking-faults", dark=True)
    summary.get_by_role("link", name="Give a landmark near the address.").press("Enter")
    landmark = page.get_by_label("A landmark near it")
    expect(landmark).to_be_focused()
    expect(landmark).to_have_attribute("aria-invalid", "true")
    landmark.fill("The well")
    page.get_by_label("The address, so that the courier finds it").fill("12 Lake Road")
    page.get_by_label("A phone number for the courier").fill("98000 00043")
    page.keyboard.press("Enter")
    expect(page.locator(".request .badge")).to_have_text("Recorded")


def test_cancelling_is_asked_twice(failed: Server, page: Page) -> None:
    enter(page, failed)
    page.locator("summary", has_text="Cancel my order").click()
    page.get_by_role("button", name="Cancel my order…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel order C-O-1?")
    look(page, "tracking-confirm", dark=True)
    page.get_by_role("link", name="No, keep the order").click()
    expect(page.locator(".request")).to_have_count(0)


@pytest.mark.parametrize(
    ("events", "badge"),
    [
        (("resolution_sent",), "Sent"),
        (("resolution_sent", "resolution_accepted"), "Accepted"),
        (("resolution_sent", "resolution_rejected"), "Refused"),
        (("resolution_undelivered",), "Not told yet"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_became_of_a_choice_is_said(failed: Server, page: Page, events: tuple[str, ...], badge: str) -> None:
    resolve(failed, "ACTF001")
    act(failed, *events)
    enter(page, failed)

    expect(page.locator(".request .badge")).to_have_text(badge)
    look(page, f"tracking-request-{badge.lower().replace(' ', '-')}")


def test_a_page_that_is_not_true_any_more_says_so(failed: Server, page: Page, window: Watched) -> None:
    enter(page, failed)
    page.locator("summary", has_text="Deliver again").click()
    scan(failed, a_scan("out_for_delivery", 600))
    window.expect_status(409)
    page.get_by_role("button", name="Tell the courier").click()

    expect(page.get_by_role("alert")).to_contain_text("The order changed, reload. Nothing was recorded")
    look(page, "tracking-changed")


def test_whatsapp_is_ticked_and_the_box_is_gone(shop: Server, page: Page, window: Watched) -> None:
    enter(page, shop)
    window.expect_status(422)
    page.get_by_role("button", name="Get updates").click()
    page.get_by_role("alert").get_by_role("link").click()
    box = page.get_by_role("checkbox")
    expect(box).to_be_focused()
    look(page, "tracking-untick")
    box.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Get updates").click()

    expect(page.get_by_role("checkbox")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("come to you on WhatsApp")
    subscribe(shop, whatsAppStatus="INACTIVE")
    page.reload()
    expect(page.get_by_role("checkbox")).to_have_count(1)


# Languages, and no script


def test_the_page_is_had_in_hindi_and_stays_so(failed: Server, page: Page, window: Watched) -> None:
    enter(page, failed)
    page.get_by_role("link", name="हिन्दी").click()
    expect(page.locator("html")).to_have_attribute("lang", "hi")
    expect(page.get_by_role("heading", level=1)).to_have_text("ऑर्डर C-O-1")
    expect(page.locator(".sums")).to_contain_text("₹450.00")
    look(page, "tracking-hindi", dark=True)

    page.locator("summary", has_text="कोई और दिन चुनें").click()
    window.expect_status(422)
    page.get_by_role("button", name="कूरियर को बताएँ").first.click()
    expect(page.get_by_role("alert")).to_contain_text("गुरुवार, 1 जनवरी 2026")
    look(page, "tracking-hindi-faults")
    page.goto(f"{failed.url}/portal/O-1")
    expect(page.locator("html")).to_have_attribute("lang", "hi")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize(("locale", "language"), [("hi-IN", "hi"), ("de-DE", "en")])
def test_the_browser_s_language_is_spoken(shop: Server, chromium: Browser, locale: str, language: str) -> None:
    with watched(chromium, locale=locale) as window:
        page = window.page()
        page.goto(f"{shop.url}/portal/O-1")
        expect(page.locator("html")).to_have_attribute("lang", language)
        look(page, f"tracking-entry-{language}")


def test_everything_works_without_script(failed: Server, chromium: Browser) -> None:
    with watched(chromium, java_script_enabled=False) as window:
        page = window.page()
        enter(page, failed)
        page.locator("summary", has_text="Choose another day").click()
        page.get_by_label("The day on which the courier shall come").fill("2026-01-02")
        page.locator("details[open] button").click()
        expect(page.locator(".request .badge")).to_have_text("Recorded")
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Get updates").click()
        expect(page.get_by_role("checkbox")).to_have_count(0)
        page.get_by_role("link", name="हिन्दी").click()
        expect(page.locator("html")).to_have_attribute("lang", "hi")
