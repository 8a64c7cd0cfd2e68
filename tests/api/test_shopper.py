"""The shopper's door: how one gets in, what one sees there, and what one decides; each row of what can go wrong."""

import asyncio
import base64
import json
import re
import secrets
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from api.outbox import Attempt, Done, Failed
from api.senders import Senders
from definitions.outgoing import MessageCall
from definitions.people.keywords import Keyword, keyword
from definitions.words.document import words_of
from definitions.words.saying import Speaker
from engine.model import SECOND
from tests.api.browsing import Browser, Form, forms_of, text_of
from tests.api.conftest import Serve
from tests.api.faults import Fault, down, read_only
from tests.api.serving import Server
from tests.api.speaking import (
    NUMBER,
    PERSON,
    Heard,
    a_call,
    a_message,
    a_scan,
    an_item,
    an_order,
    ask,
    at_once,
    deliver,
    messages,
    moves,
    put_order,
    resolve,
    scan,
    session,
    subscribe,
)
from tests.builders import HOUR, MINUTE
from tests.standins.smtp import SmtpStandIn, an_smtp_server

CASE = "O-1:T-1:20260101T120000Z"
NOT_FOUND = "We could not find an order with these details."
PHONE_TEXT, MAIL_TEXT = PERSON["contactPhone"], PERSON["email"]
STRANGER = {"contactPhone": "9800000099", "customerName": "Ravi Nair", "email": "ravi@shop.example"}


async def _no_webhook(*_: Any) -> Any:
    raise AssertionError


@pytest.fixture
def mail() -> Iterator[SmtpStandIn]:
    """Return a mail server."""
    with an_smtp_server() as stand_in:
        yield stand_in


@pytest.fixture
def shop(serve: Serve, mail: SmtpStandIn) -> Server:
    """Return a server that has an order and sends mail."""
    server = serve(smtp_url=mail.url)
    put_order(server, an_order("O-1", an_item(productName="Tea, 500 g", promiseDeliveryDate="2026-01-03 20:00:00")))
    return server


@pytest.fixture
def failed(shop: Server) -> Server:
    """Return the same after its delivery failed at noon."""
    scan(shop, a_scan("failed_delivery", ndr_code="1", location="Pune", remark="Nobody there"))
    return shop


def attempts(server: Server) -> list[Attempt]:
    """Begin what the server owes, and return the calls to make."""
    server.run(server.parts.outbox.address)
    begun = [server.run(partial(server.parts.outbox.begin, head.key)) for head in heads(server)]
    return [attempt for attempt in begun if isinstance(attempt, Attempt)]


def code_attempt(server: Server) -> Attempt:
    """Let WhatsApp take what goes before a code, and return the call that brings the code."""
    for number in range(9):
        for attempt in attempts(server):
            if attempt.name.startswith("send_code"):
                return attempt
            taken = Done(f"wamid.{number}")
            server.run(partial(server.parts.outbox.finish, attempt, taken))
        server.clock.move(7 * SECOND)
    raise AssertionError


def heads(server: Server) -> list[Any]:
    return server.run(server.parts.outbox.heads)


def post_letters(server: Server) -> None:
    """Deliver the letters that the server owes."""
    for attempt in attempts(server):
        if not attempt.name.startswith("send_code"):
            continue
        senders = Senders(None, {}, _no_webhook)
        result = server.run(partial(senders.make, attempt))
        assert isinstance(result, Done), result
        server.run(partial(server.parts.outbox.finish, attempt, result))
        server.run(senders.aclose)


def code_in(mail: SmtpStandIn) -> str:
    """Return the code of the last letter."""
    line, *_ = mail.letters[-1].get_content().splitlines()
    return str(line.removeprefix("Your code: "))


def names_itself(browser: Browser, order: str = "C-O-1", contact: str = PHONE_TEXT) -> Heard:
    """Let a shopper fill in the first form."""
    (form,) = forms_of(browser.get("/portal/O-1"))
    return browser.send(form, order=order, contact=contact)


def inside(server: Server, order_id: str = "O-1") -> Browser:
    """Return a browser that is in, by a link."""
    browser = Browser(server)
    assert browser.get(server.parts.door.keys.link(order_id, server.clock())).status == 200
    return browser


def choice_form(browser: Browser, code: str) -> Form:
    """Return the form of a choice on the order's page."""
    forms = forms_of(browser.get("/portal/O-1"))
    return next(form for form in forms if form.fields.get("resolutionCode") == code)


def offered(page: Heard) -> list[str]:
    return [form.fields["resolutionCode"] for form in forms_of(page) if "resolutionCode" in form.fields]


def chosen(server: Server, browser: Browser, content: Any, key: str = "k-1", **headers: str) -> Heard:
    """Let a script choose."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    keyed = {"Idempotency-Key": key} if key else {}
    sent = {"Content-Type": "application/json", "Cookie": cookies, **keyed, **headers}
    return ask(server, "POST", "/portal/O-1/resolution", body=json.dumps(content).encode(), headers=sent)


AGAIN = {"trackingId": "T-1", "resolutionCode": "ACTF001"}
LATER = {"trackingId": "T-1", "resolutionCode": "ACTF002", "deferredDate": "2026-01-02"}


# Getting in


def test_who_has_proven_nothing_is_asked_for_the_order_and_its_contact(shop: Server) -> None:
    there, absent = (Browser(shop).get(f"/portal/{order}") for order in ("O-1", "O-2"))

    assert there.status == absent.status == 200
    assert there.body == absent.body.replace(b"O-2", b"O-1")
    (form,) = forms_of(there)
    assert [*form.fields] == ["order", "contact"]
    assert "Tea" not in text_of(there)


def test_who_names_no_order_is_asked_for_it_and_finds_it(shop: Server, mail: SmtpStandIn) -> None:
    browser = Browser(shop)
    asked = browser.get("/portal")
    (form,) = forms_of(asked)

    wrong = browser.send(form, order="O-9", contact=MAIL_TEXT)
    code = browser.follow(browser.send(form, order="C-O-1", contact=MAIL_TEXT))
    post_letters(shop)
    page = browser.follow(browser.send(forms_of(code)[0], code=code_in(mail)))

    assert (asked.status, form.action, [*form.fields]) == (200, "/portal", ["order", "contact"])
    assert (wrong.status, "We could not find an order" in text_of(wrong)) == (404, True)
    assert "Order C-O-1" in text_of(page)
    assert "आपका ऑर्डर" in text_of(browser.get("/portal?lang=hi"))


@pytest.mark.parametrize("form", ["entry", "resolution", "subscription"])
def test_the_address_of_a_form_opened_leads_to_the_order(shop: Server, form: str) -> None:
    opened = Browser(shop).get(f"/portal/O%2F1/{form}", Accept="text/html")

    assert (opened.status, opened.headers["location"]) == (303, "/portal/O%2F1")


def test_where_there_is_no_page_of_an_order_a_page_says_so_and_leads_back(shop: Server) -> None:
    page = Browser(shop).get("/portal/O-1/nothing", Accept="text/html")
    problem = ask(shop, "GET", "/portal/O-1/nothing", headers={"Accept": "application/json"})

    assert (page.status, "There is no page at this address." in text_of(page)) == (404, True)
    assert 'href="/portal/O-1"' in page.body.decode()
    assert problem.content["code"] == "not_found"


@pytest.mark.parametrize("contact", [PHONE_TEXT, "+91 98000-00042", MAIL_TEXT, "ASHA@example.com "])
def test_an_order_and_its_contact_and_the_code_that_was_sent_open_the_page(
    shop: Server, mail: SmtpStandIn, contact: str
) -> None:
    browser = Browser(shop)
    form = browser.follow(names_itself(browser, contact=contact))
    post_letters(shop)

    assert "e-mail, to a•••@•••.com" in text_of(form)
    opened = browser.send(forms_of(form)[0], code=code_in(mail))
    page = browser.follow(opened)

    assert (page.status, opened.headers["location"]) == (200, "/portal/O-1")
    assert "Order C-O-1" in text_of(page)
    assert mail.letters[0]["To"] == MAIL_TEXT
    assert browser.get("/portal/C-O-1").body.count(b"Order C-O-1") == page.body.count(b"Order C-O-1")


def test_the_letter_has_a_link_that_opens_the_page_too(shop: Server, mail: SmtpStandIn) -> None:
    names_itself(Browser(shop))
    post_letters(shop)
    (link,) = [line for line in mail.letters[0].get_content().splitlines() if line.startswith("http")]

    assert "Order C-O-1" in text_of(Browser(shop).get(link.removeprefix(shop.url)))


def test_whatever_part_is_wrong_the_answer_is_the_same(shop: Server) -> None:
    other = {"accountSlug": "kumar", "name": "Kumar Teas"}
    ask(shop, "PUT", "/api/v1/accounts/77", other, token=shop.world.portal_token)
    put_order(shop, an_order("O-7", accountSlug="kumar", shippingAddress=STRANGER))
    wrong = [("C-O-9", PHONE_TEXT), ("C-O-1", STRANGER["contactPhone"]), ("C-O-7", MAIL_TEXT), ("", ""), ("C-O-1", "@")]

    answers = []
    for order, contact in wrong:
        answers.append(names_itself(Browser(shop), order, contact))
        shop.clock.move(HOUR)

    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1
    assert NOT_FOUND in text_of(answers[0])
    assert {tuple(name for name in answer.headers if name != "x-request-id") for answer in answers} == {
        tuple(name for name in answers[0].headers if name != "x-request-id")
    }
    assert heads(shop) == []


@pytest.mark.parametrize(
    "tries",
    [
        [("C-O-1", f"98000001{number:02}") for number in range(6)],
        [(f"C-{number}", PHONE_TEXT) for number in range(6)],
        [("C-9", f"98000001{number:02}") for number in range(6)],
    ],
    ids=["one order", "one contact", "an order that is not there"],
)
def test_after_five_tries_in_a_quarter_of_an_hour_one_waits(shop: Server, tries: list[tuple[str, str]]) -> None:
    *first, last = tries
    for order, contact in first:
        names_itself(Browser(shop), order, contact)
        shop.clock.move(MINUTE)
    refused = names_itself(Browser(shop), *last)

    assert (refused.status, refused.headers["retry-after"]) == (429, "600")
    assert "Please try again in 10 minutes" in text_of(refused)
    shop.clock.move(10 * MINUTE)
    assert names_itself(Browser(shop), *last).status != 429


def test_after_fifteen_tries_an_order_is_locked_for_a_day_but_for_links(shop: Server) -> None:
    for number in range(15):
        names_itself(Browser(shop), contact=f"98000001{number:02}")
        shop.clock.move(5 * MINUTE)
    refused = names_itself(Browser(shop))

    assert (refused.status, refused.headers["retry-after"]) == (429, str(24 * 3600 - 300))
    assert "Please try again in 24 hours, or use the link in our last message." in text_of(refused)
    assert inside(shop).get("/portal/O-1").status == 200


def test_in_production_a_client_is_whom_our_proxy_names_and_cookies_need_tls(serve: Serve) -> None:
    server = serve(env="production", smtp_url="smtp://mail.shop.example")
    account = {"accountSlug": "dfc", "name": "Dhruv Foods"}
    ask(server, "PUT", "/api/v1/accounts/1489", account, token=server.world.portal_token)
    put_order(server, an_order("O-1"))

    def tries(forwarded: str, number: int) -> int:
        browser = Browser(server)
        browser.headers["X-Forwarded-For"] = forwarded
        return names_itself(browser, f"C-{number}", f"98000001{number:02}").status

    assert [tries(f"198.51.100.{number}, 203.0.113.7", number) for number in range(6)] == [404] * 5 + [429]
    assert tries("203.0.113.7, 203.0.113.8", 7) == 404
    browser = Browser(server)
    sent = names_itself(browser)
    assert sent.headers["set-cookie"].startswith("__Host-entry=")
    assert "; secure" in sent.headers["set-cookie"].lower()
    assert "Enter the code" in text_of(browser.follow(sent))


def test_two_hundred_guesses_from_as_many_clients_learn_nothing(serve: Serve) -> None:
    server = serve(env="production", smtp_url="smtp://mail.shop.example")
    account = {"accountSlug": "dfc", "name": "Dhruv Foods"}
    ask(server, "PUT", "/api/v1/accounts/1489", account, token=server.world.portal_token)
    for number in range(20):
        put_order(server, an_order(f"O-{number}"))

    def guess(number: int) -> tuple[int, bytes]:
        browser = Browser(server)
        browser.headers["X-Forwarded-For"] = f"198.51.100.{number}"
        heard = names_itself(browser, f"C-O-{number % 40}", f"97{number:08}")
        return heard.status, heard.body if heard.status == 404 else b""

    heard = at_once(range(200), guess)

    assert {status for status, _ in heard} == {404}
    assert len({*heard}) == 1
    assert heads(server) == []


def test_a_wrong_code_is_told_with_the_tries_left_and_the_fifth_locks(shop: Server, mail: SmtpStandIn) -> None:
    browser = Browser(shop)
    form = forms_of(browser.follow(names_itself(browser)))[0]
    post_letters(shop)
    code = code_in(mail)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    heard = [browser.send(form, code=wrong) for _ in range(5)]

    assert [page.status for page in heard] == [400, 400, 400, 400, 429]
    said = [text_of(page) for page in heard]
    for text, left in zip(said[:4], ("4 tries", "3 tries", "2 tries", "one try"), strict=True):
        assert f"That is not the code. You have {left} left." in text
    assert "Please try again in 10 minutes" in said[4]
    assert browser.send(form, code=code).status == 429
    assert names_itself(Browser(shop)).status == 429
    shop.clock.move(10 * MINUTE)
    assert browser.send(form, code=code).status == 410
    assert names_itself(Browser(shop)).status == 303


def test_twenty_guesses_at_once_are_five(shop: Server, mail: SmtpStandIn) -> None:
    browser = Browser(shop)
    form = forms_of(browser.follow(names_itself(browser)))[0]
    post_letters(shop)
    guesses = [f"{(int(code_in(mail)) + guess) % 1_000_000:06}" for guess in range(1, 21)]

    heard = at_once(guesses, lambda guess: browser.send(form, code=guess).status)

    assert sorted(heard) == [400] * 4 + [429] * 16
    entry_id = browser.cookies["entry"]
    assert [event for event, _, _ in moves(shop, "portal_entry", entry_id)] == ["code_asked", *["code_wrong"] * 5]


def test_a_code_opens_once_and_for_ten_minutes(shop: Server, mail: SmtpStandIn) -> None:
    browser = Browser(shop)
    form = forms_of(browser.follow(names_itself(browser)))[0]
    post_letters(shop)
    kept = dict(browser.cookies)
    assert browser.send(form, code=f" {code_in(mail)[:3]} {code_in(mail)[3:]} ").status == 303

    browser.cookies = kept
    used = browser.send(form, code=code_in(mail))
    assert (used.status, "Ask for a new one here" in text_of(used)) == (410, True)

    form = forms_of(browser.follow(names_itself(browser)))[0]
    post_letters(shop)
    shop.clock.move(10 * MINUTE)
    assert browser.send(form, code=code_in(mail)).status == 410


def test_of_two_codes_the_last_one_counts(shop: Server, mail: SmtpStandIn) -> None:
    first, second = Browser(shop), Browser(shop)
    forms = [forms_of(browser.follow(names_itself(browser)))[0] for browser in (first, second)]
    post_letters(shop)
    codes = [letter.get_content().split()[2] for letter in mail.letters]

    assert first.send(forms[0], code=codes[0]).status == 410
    assert second.send(forms[1], code=codes[1]).status == 303


def test_who_is_on_whatsapp_gets_the_code_there_as_a_template(serve: Serve) -> None:
    server = serve(phone_number_id=NUMBER)
    put_order(server, an_order("O-1"))
    subscribe(server)
    browser = Browser(server)
    form = browser.follow(names_itself(browser))
    attempt = code_attempt(server)

    assert "WhatsApp, to the number that ends in 42" in text_of(form)
    assert isinstance(attempt.call, MessageCall)
    template = attempt.call.body["template"]
    code = template["components"][0]["parameters"][0]["text"]
    parameters = [{"type": "text", "text": code}]
    assert (attempt.call.body["to"], template) == (
        "919800000042",
        {
            "name": "portal_code",
            "language": {"code": "en"},
            "components": [
                {"type": "body", "parameters": parameters},
                {"type": "button", "sub_type": "url", "index": "0", "parameters": parameters},
            ],
        },
    )
    assert browser.send(forms_of(form)[0], code=code).status == 303


def test_a_code_that_whatsapp_does_not_take_goes_by_mail(serve: Serve, mail: SmtpStandIn) -> None:
    server = serve(phone_number_id=NUMBER, smtp_url=mail.url)
    put_order(server, an_order("O-1"))
    deliver(server, a_call(messages(a_message("text", {"body": "hello"}))))
    browser = Browser(server)
    form = forms_of(browser.follow(names_itself(browser)))[0]
    attempt = code_attempt(server)
    server.run(lambda: server.parts.outbox.finish(attempt, Failed("recipient", "131026")))
    post_letters(server)

    assert browser.send(form, code=code_in(mail)).status == 303


def test_an_order_that_nobody_can_be_reached_about_says_so(shop: Server) -> None:
    put_order(shop, an_order("O-3", shippingAddress={"contactPhone": "9800000055"}))

    heard = names_itself(Browser(shop), "C-O-3", "9800000055")

    assert (heard.status, "no way to send a code" in text_of(heard)) == (409, True)


def test_an_old_link_offers_a_code_instead_and_a_forged_one_nothing(shop: Server, mail: SmtpStandIn) -> None:
    link = shop.parts.door.keys.link("O-1", shop.clock())
    shop.clock.move(24 * HOUR)
    browser = Browser(shop)
    old = browser.get(link)

    assert (old.status, "This link is too old" in text_of(old)) == (410, True)
    code_form = browser.follow(browser.send(forms_of(old)[0]))
    post_letters(shop)
    assert browser.send(forms_of(code_form)[0], code=code_in(mail)).status == 303

    mac = link.rpartition(".")[2]
    for forged in (link.replace(mac, mac[::-1]), link.replace("/O-1", "/O-2"), link.partition("?")[0] + "?key=a.b.c"):
        assert [*forms_of(Browser(shop).get(forged))[0].fields] == ["order", "contact"]
    assert browser.post("/portal/O-1/entry", {"key": "1.2.3"}).status == 404


def test_a_session_is_one_order_s_and_ends_after_half_an_hour(shop: Server) -> None:
    put_order(shop, an_order("O-2"))
    browser = inside(shop)

    assert "Order C-O-1" in text_of(browser.get("/portal/O-1"))
    assert "Order C-O-2" not in text_of(browser.get("/portal/O-2"))
    (stolen,) = browser.cookies.values()
    browser.cookies[shop.parts.door.session_cookie("O-2")] = stolen
    assert "Order C-O-2" not in text_of(browser.get("/portal/O-2"))
    shop.clock.move(30 * MINUTE)
    assert "Order C-O-1" not in text_of(browser.get("/portal/O-1"))


def test_cookies_are_for_us_alone(serve: Serve) -> None:
    development = serve()
    put_order(development, an_order("O-1"))
    heard = Browser(development).get(development.parts.door.keys.link("O-1", development.clock()))
    said = heard.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert "max-age=1800" in said

    door = development.parts.door
    production = replace(door, settings=replace(door.settings, env="production"))
    cookie = production.kept(production.session_cookie("O-1"), "x", 60).to_header(header="")
    assert cookie.startswith("__Host-order-")
    assert {part.strip().lower() for part in cookie.split(";")} >= {"secure", "httponly", "samesite=strict", "path=/"}


# What is kept and said


def test_neither_codes_nor_contacts_are_in_what_is_kept_or_logged(shop: Server, mail: SmtpStandIn) -> None:
    with capture_logs() as logged:
        browser = Browser(shop)
        form = forms_of(browser.follow(names_itself(browser)))[0]
        post_letters(shop)
        browser.send(form, code="000000")
        page = browser.follow(browser.send(form, code=code_in(mail)))

    entry = session(shop, "portal_entry", browser.cookies["entry"])
    with sqlite3.connect(shop.settings.database) as database:
        dump = [line for line in database.iterdump() if line.startswith("INSERT")]
    about = f"{entry}{[line for line in dump if 'portal_entry' in line]}"
    assert "code_right" in about
    for contact in (MAIL_TEXT, "9800000042"):
        assert contact not in about
        assert contact not in str(logged)
    assert code_in(mail) not in f"{about}{dump}{logged}"
    for personal in (MAIL_TEXT, "9800000042", "Asha"):
        assert personal not in page.body.decode()


def test_every_page_has_its_headers(failed: Server) -> None:
    browser = inside(failed)
    pages = [Browser(failed).get("/portal/O-1"), browser.get("/portal/O-1"), browser.post("/portal/O-1/code", {})]

    for page in pages:
        policy = page.headers["content-security-policy"]
        assert {part.strip() for part in policy.split(";")} >= {
            "default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"
        }  # fmt: skip
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert b"<script" not in page.body


def test_what_couriers_and_merchants_wrote_is_text(failed: Server) -> None:
    put_order(failed, an_order("O-5", an_item("T-5", productName="<script>alert(1)</script>")))
    scan(failed, a_scan("packed", order_id="O-5", tracking_id="T-5", remark="<img src=x onerror=alert(1)>"))

    page = inside(failed, "O-5").get("/portal/O-5").body

    assert b"<script" not in page
    assert b"<img" not in page


# What is shown


def test_an_order_without_parcels_says_that_nothing_was_sent_yet(shop: Server) -> None:
    item = an_item()
    del item["forwardTrackingTimeline"]
    put_order(shop, an_order("O-4", item))

    page = inside(shop, "O-4").get("/portal/O-4")

    assert "Nothing has been sent yet." in text_of(page)


def test_a_parcel_is_shown_with_what_happened_to_it(failed: Server) -> None:
    page = inside(failed).get("/portal/O-1")
    text = text_of(page)

    for told in (
        "Dhruv Foods Order C-O-1 Your parcel", "1 January 2026, 17:30 IST", "Tea, 500 g",
        "Tracking number T-1", "Pune", "Nobody there",
        "It could not be delivered: nobody was there to take it",
    ):  # fmt: skip
        assert told in text
    assert offered(page) == ["ACTF001", "ACTF002", "ACTF003", "ACTF004"]
    day = choice_form(inside(failed), "ACTF002").inputs["deferredDate"]
    assert (day["type"], day["min"], "required" in day) == ("date", "2026-01-01", True)


def test_the_checkbox_is_there_exactly_while_the_flag_is_0(shop: Server) -> None:
    browser = inside(shop)
    (form,) = forms_of(browser.get("/portal/O-1"))

    assert "whatsapp" in form.inputs
    assert browser.send(form).status == 422
    assert forms_of(browser.follow(browser.send(form, whatsapp="on"))) == []
    flag = ask(shop, "GET", "/_ah/api/esb/v2/order/O-1", token=shop.world.portal_token)
    assert flag.content["isWhatsAppEnabledForNotifications"] == "1"
    subscribe(shop, whatsAppStatus="INACTIVE")
    assert len(forms_of(browser.get("/portal/O-1"))) == 1


# Deciding


def test_a_new_day_is_chosen_and_the_page_says_recorded_and_not_done(failed: Server) -> None:
    browser = inside(failed)
    page = browser.follow(browser.send(choice_form(browser, "ACTF002"), deferredDate="2026-01-02"))

    assert "You asked for another day: Friday, 2 January 2026." in text_of(page)
    assert "Recorded. We are telling the courier." in text_of(page)
    assert session(failed, "ndr_case", CASE)["state"] == "unsettled.resolution_submitted"


@pytest.mark.parametrize(
    ("ndr_code", "code", "fields", "event", "is_expected"),
    [
        ("1", "ACTF001", {}, "resolution_accepted", True),
        ("1", "ACTF001", {}, "resolution_rejected", False),
        ("1", "", {}, "", True),
        ("1", "ACTF002", {"deferredDate": "2026-01-05"}, "resolution_accepted", False),
        ("1", "ACTF003", {"confirmed": "true"}, "resolution_accepted", False),
        ("2", "", {}, "", False),
    ],
)
def test_a_promised_day_is_told_for_as_long_as_it_may_be_kept(
    shop: Server, ndr_code: str, code: str, fields: dict[str, str], event: str, is_expected: bool
) -> None:
    scan(shop, a_scan("failed_delivery", ndr_code=ndr_code))
    browser = inside(shop)
    told = []
    if code:
        assert browser.send(choice_form(browser, code), **fields).status == 303
        told.append(text_of(browser.get("/portal/O-1")))
        path = f"/admin/api/v1/sessions/ndr_case/{CASE}/events"
        assert ask(shop, "POST", path, {"event": event}, token=shop.world.admin_token).status == 200
    told.append(text_of(browser.get("/portal/O-1")))

    scan(shop, a_scan("out_for_delivery", 600))
    again = text_of(browser.get("/portal/O-1"))

    assert [text for text in told if "Expected by" in text] == []
    assert ("Expected by" in again) is is_expected


def test_a_failed_delivery_is_told_by_the_day_on_which_it_failed(shop: Server) -> None:
    shop.clock.move(24 * HOUR)
    scan(shop, a_scan("out_for_delivery"))
    scan(shop, a_scan("failed_delivery", 86_400, ndr_code="1"))

    assert "Delivery failed (failed) 2 Jan" in text_of(inside(shop).get("/portal/O-1"))


@pytest.mark.parametrize("day", ["2025-12-31", "2026-02-01", "2026-12-31"])
def test_another_day_is_within_thirty_where_the_courier_sets_no_limit(failed: Server, day: str) -> None:
    browser = inside(failed)
    form = choice_form(browser, "ACTF002")

    page = browser.send(form, deferredDate=day)

    assert (form.inputs["deferredDate"]["min"], form.inputs["deferredDate"]["max"]) == ("2026-01-01", "2026-01-31")
    assert page.status == 422
    assert "From Thursday, 1 January 2026 to Saturday, 31 January 2026" in text_of(page)
    assert "Choose a day from Thursday, 1 January 2026 to Saturday, 31 January 2026." in text_of(page)
    assert session(failed, "ndr_case", CASE)["state"] == "unsettled.open"


@pytest.mark.parametrize("language", ["en", "hi"])
def test_what_is_to_be_sent_to_end_updates_ends_them_and_asks_nothing(language: str) -> None:
    speaker = Speaker.of(words_of(), language, "IN")
    said = speaker.say("whatsapp.is_on") + speaker.say("whatsapp.consent", brand="Kumar Teas")

    written = re.findall("STOP[A-Z ]*[A-Z]", said)

    assert [keyword(each) for each in written] == [Keyword("stop:order_updates", "en")] * 2


def test_a_double_tap_is_one_choice(failed: Server) -> None:
    browser = inside(failed)
    form = choice_form(browser, "ACTF001")

    heard = at_once([form] * 8, lambda each: browser.send(each).status)

    assert heard == [303] * 8
    assert [event for event, _, _ in moves(failed, "ndr_case", CASE)].count("resolution_submitted") == 1


@pytest.mark.parametrize(
    ("ndr_code", "fields", "name"),
    [
        ("5", {"phone": "call me"}, "phone"),
        ("5", {"phone": "12"}, "phone"),
        ("5", {"phone": ""}, "phone"),
        ("6", {"updatedAddress": "", "landmark": "the well"}, "updatedAddress"),
        ("6", {"updatedAddress": "12 Lake Road", "landmark": " "}, "landmark"),
        ("6", {"updatedAddress": "12 Lake Road", "landmark": "the well", "phone": "x"}, "phone"),
    ],
)
def test_what_is_missing_is_told_beside_its_field(
    shop: Server, ndr_code: str, fields: dict[str, str], name: str
) -> None:
    scan(shop, a_scan("failed_delivery", ndr_code=ndr_code))
    browser = inside(shop)

    page = browser.send(choice_form(browser, "ACTF001"), **fields)

    assert page.status == 422
    html = page.body.decode()
    fault = html.index('class="fault"')
    assert f'name="{name}"' in html[fault : fault + 400]
    assert html.count('class="fault"') == 1
    again = next(form for form in forms_of(page) if form.fields.get("resolutionCode") == "ACTF001")
    assert fields.items() <= again.fields.items()
    assert "resolution" not in session(shop, "ndr_case", CASE)["context"]


def test_a_number_and_an_address_reach_the_case(shop: Server) -> None:
    scan(shop, a_scan("failed_delivery", ndr_code="6"))
    browser = inside(shop)
    told = {"updatedAddress": "12 Lake Road", "landmark": "the well", "phone": "+91 98000 00043", "notes": "Ring twice"}

    assert browser.send(choice_form(browser, "ACTF001"), **told).status == 303

    assert told.items() <= session(shop, "ndr_case", CASE)["context"]["resolution"].items()


@pytest.mark.parametrize("day", ["", "2025-12-31", "2031-01-01", "tomorrow"])
def test_a_day_that_cannot_be_is_told_beside_its_field(failed: Server, day: str) -> None:
    browser = inside(failed)

    page = browser.send(choice_form(browser, "ACTF002"), deferredDate=day)

    assert (page.status, page.body.count(b'class="fault"')) == (422, 1)


def test_cancelling_is_asked_twice(failed: Server) -> None:
    browser = inside(failed)
    asked = browser.send(choice_form(browser, "ACTF003"))

    assert (asked.status, "Nothing is cancelled yet" in text_of(asked)) == (200, True)
    assert session(failed, "ndr_case", CASE)["state"] == "unsettled.open"
    assert browser.send(forms_of(asked)[0]).status == 303
    assert session(failed, "ndr_case", CASE)["context"]["resolution"]["resolutionCode"] == "ACTF003"


def test_a_page_that_is_not_true_any_more_decides_nothing(failed: Server) -> None:
    browser = inside(failed)
    form = choice_form(browser, "ACTF001")
    scan(failed, a_scan("out_for_delivery", 600))

    page = browser.send(form)

    assert page.status == 409
    assert "The order changed, reload. Nothing was recorded" in text_of(page)
    assert "resolution" not in session(failed, "ndr_case", CASE)["context"]


def test_a_choice_that_is_not_offered_shows_what_is(shop: Server) -> None:
    scan(shop, a_scan("failed_delivery", ndr_code="2"))
    browser = inside(shop)

    page = browser.send(choice_form(browser, "ACTF003"), resolutionCode="ACTF001")

    assert (page.status, offered(page)) == (409, ["ACTF003", "ACTF004"])
    assert "That cannot be chosen any more, and nothing was recorded." in text_of(page)
    assert "Please choose by Friday, 2 January, 17:30 IST." in text_of(page)


def test_a_parcel_without_a_failed_delivery_has_nothing_to_choose(failed: Server) -> None:
    browser = inside(failed)

    assert browser.send(choice_form(browser, "ACTF001"), trackingId="T-9").status == 404


@pytest.mark.parametrize(
    ("headers", "fields", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, {}, 403),
        ({"Sec-Fetch-Site": "same-site"}, {}, 403),
        ({"Origin": "https://evil.example"}, {}, 403),
        ({}, {"token": "x"}, 403),
        ({}, {"key": ""}, 400),
        ({}, {"surprise": "1"}, 422),
        ({}, {"notes": "x" * 1025}, 422),
    ],
)
def test_what_did_not_come_from_our_own_form_decides_nothing(
    failed: Server, headers: dict[str, str], fields: dict[str, str], status: int
) -> None:
    browser = inside(failed)
    form = choice_form(browser, "ACTF001")

    page = browser.post(form.action, {**form.fields, **fields}, **headers)

    assert (page.status, "That did not work" in text_of(page)) == (status, True)
    assert "resolution" not in session(failed, "ndr_case", CASE)["context"]


def test_another_shopper_s_form_is_not_taken(failed: Server) -> None:
    form = choice_form(inside(failed), "ACTF001")

    assert inside(failed).send(form).status == 403
    assert Browser(failed).send(form).status == 401


# Programs


def test_a_program_chooses_and_hears_recorded(failed: Server) -> None:
    browser = inside(failed)

    heard = chosen(failed, browser, LATER)

    assert heard.said == (
        202,
        {
            "case": CASE,
            "resolution": {
                "resolutionCode": "ACTF002",
                "action": "I would like to choose a new delivery date",
                "deferredDate": "2026-01-02",
            },
            "status": "recorded",
            "message": "Recorded, we will confirm on WhatsApp.",
        },
    )
    assert "idempotent-replayed" not in heard.headers


def test_a_repeat_hears_the_stored_answer_and_another_choice_is_refused(failed: Server) -> None:
    browser = inside(failed)
    first = chosen(failed, browser, LATER)
    failed.clock.move(HOUR)
    browser = inside(failed)
    failed.run(lambda: failed.parts.store.purge(answers_before=failed.clock(), identities_before=0))
    scan(failed, a_scan("out_for_delivery", 1200))
    again = chosen(failed, browser, LATER)
    other = chosen(failed, browser, AGAIN)

    assert (again.said, again.headers["idempotent-replayed"]) == (first.said, "true")
    assert again.body == first.body
    assert (other.status, other.content["code"]) == (422, "idempotency_key_taken")
    assert [event for event, _, _ in moves(failed, "ndr_case", CASE)].count("resolution_submitted") == 1


def test_a_change_without_its_key_is_refused(failed: Server) -> None:
    heard = chosen(failed, inside(failed), AGAIN, key="")

    assert (heard.status, heard.content["code"]) == (400, "missing_idempotency_key")


def test_a_key_whose_choice_is_being_recorded_is_refused(failed: Server) -> None:
    browser = inside(failed)
    turns = failed.parts.shopper._choosing

    async def hold() -> asyncio.Lock:
        lock = turns.setdefault("O-1/k-1", asyncio.Lock())
        await lock.acquire()
        return lock

    lock = failed.run(hold)
    heard = chosen(failed, browser, AGAIN)
    failed.do(lock.release)

    assert (heard.status, heard.content["code"]) == (409, "in_progress")
    assert chosen(failed, browser, AGAIN).status == 202


def test_a_choice_that_the_case_does_not_offer_hears_what_it_does_and_until_when(shop: Server) -> None:
    scan(shop, a_scan("failed_delivery", ndr_code="2"))
    browser = inside(shop)
    heard = chosen(shop, browser, AGAIN)

    assert (heard.status, heard.content["code"]) == (409, "not_offered")
    assert (heard.content["allowed"], heard.content["until"]) == (["ACTF003", "ACTF004"], "2026-01-02T12:00:00Z")

    scan(shop, a_scan("delivered", 1200))
    closed = chosen(shop, browser, {**AGAIN, "resolutionCode": "ACTF003", "confirmed": True}, key="k-2")
    assert (closed.status, closed.content["allowed"]) == (409, [])
    assert "until" not in closed.content


def test_a_stale_if_match_is_refused_and_a_true_one_taken(failed: Server) -> None:
    browser = inside(failed)
    tag = browser.get("/portal/O-1").headers["etag"]
    stale = chosen(failed, browser, AGAIN, **{"If-Match": '"0123"'})

    assert (stale.status, stale.content["detail"]) == (412, "The order changed, reload.")
    assert chosen(failed, browser, AGAIN, **{"If-Match": tag}).status == 202


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        ({**AGAIN, "resolutionCode": "ACTF009"}, "/resolutionCode"),
        ({**LATER, "deferredDate": "soon"}, "/deferredDate"),
        ({**AGAIN, "phone": "no number"}, "/phone"),
        ({**AGAIN, "resolutionCode": "ACTF003"}, "/confirmed"),
        ({**AGAIN, "confirmed": "yes"}, "/confirmed"),
        ({"trackingId": "T-1"}, ""),
    ],
)
def test_a_program_hears_which_field_is_wrong(failed: Server, content: Any, pointer: str) -> None:
    heard = chosen(failed, inside(failed), content)

    assert (heard.status, [error["pointer"] for error in heard.content["errors"]]) == (422, [pointer])


def test_a_program_without_a_session_or_from_elsewhere_is_refused(failed: Server) -> None:
    browser = inside(failed)

    assert chosen(failed, Browser(failed), AGAIN).status == 401
    assert chosen(failed, browser, AGAIN, Origin="https://evil.example").status == 403
    assert chosen(failed, browser, AGAIN, **{"Content-Type": "text/plain"}).status == 415
    assert chosen(failed, browser, {**AGAIN, "trackingId": "T-9"}).status == 404


# What becomes of it


def test_the_page_says_what_became_of_a_choice(failed: Server) -> None:
    said = []
    browser = inside(failed)
    browser.send(choice_form(browser, "ACTF001"))
    for event in ("", "resolution_undelivered", "resolution_sent", "resolution_rejected"):
        if event:
            act = {"event": event, "reason": "a call"}
            path = f"/admin/api/v1/sessions/ndr_case/{CASE.replace(':', '%3A')}/events"
            assert ask(failed, "POST", path, act, token=failed.world.admin_token).status == 200
        text = text_of(browser.get("/portal/O-1"))
        said += [
            word
            for word in ("We are telling the courier", "could not be told", "has not answered", "has refused")
            if word in text
        ]

    assert said == ["We are telling the courier", "could not be told", "has not answered", "has refused"]


def test_a_choice_by_another_door_is_seen_on_the_page(failed: Server) -> None:
    resolve(failed, "ACTF001")

    text = text_of(inside(failed).get("/portal/O-1"))

    assert "You asked for another try." in text


@pytest.mark.parametrize("fault", [down, read_only])
def test_while_the_database_cannot_answer_the_page_says_so_without_script(failed: Server, fault: Fault) -> None:
    browser = inside(failed)
    form = choice_form(browser, "ACTF001")
    with fault(failed):
        page = browser.send(form)
        program = chosen(failed, browser, AGAIN)

    assert (page.status, page.headers["retry-after"]) == (503, "2")
    assert "We cannot look this up right now, and nothing was recorded." in text_of(page)
    assert (program.status, program.headers["content-type"]) == (503, "application/problem+json")
    assert browser.send(form).status == 303


def test_a_fault_of_ours_is_a_page_that_tells_nothing(failed: Server) -> None:
    browser = inside(failed)
    with sqlite3.connect(failed.settings.database) as database:
        database.execute("update account set timezone = 'Nowhere/At all'")
    page = browser.get("/portal/O-1")

    assert (page.status, "Something went wrong on our side." in text_of(page)) == (500, True)
    assert b"Nowhere" not in page.body


def test_only_these_pages_take_forms_and_only_small_ones(failed: Server) -> None:
    browser = inside(failed)
    form = choice_form(browser, "ACTF001")

    assert browser.post(form.action, {"notes": "x" * 65_536}).status == 413
    assert browser.post(form.action, form.fields, **{"Content-Type": "multipart/form-data"}).status == 415
    assert browser.post("/api/v2/ndrResolution", form.fields).status == 415
    assert ask(failed, "POST", "/portal/O-1/code", {}).status == 415


# How it looks


BRAND = {"name": "Dhruv & Co", "accent": "#E8A33D", "logo": "data:image/png;base64,iVBORw0KGgo="}


def branded(server: Server, **more: Any) -> Heard:
    """Let the merchant put its account with a brand."""
    account = {"accountSlug": "dfc", "name": "Dhruv Foods", **more}
    return ask(server, "PUT", "/api/v1/accounts/1489", account, token=server.world.portal_token)


def test_a_brand_is_its_merchant_s_name_logo_and_colours(shop: Server) -> None:
    branded(shop, brand=BRAND)
    page = inside(shop).get("/portal/O-1").body.decode()
    addresses = [each.replace("&amp;", "&") for each in re.findall(r'(?:src|href)="(/brands/[^"]+)"', page)]
    style, logo = (ask(shop, "GET", address) for address in addresses)

    assert 'alt="Dhruv &amp; Co"' in page
    assert "other orders from Dhruv &amp; Co" in page
    assert style.headers["content-type"].startswith("text/css")
    assert "--brand:#e8a33d;--brand-ink:#000000" in style.body.decode()
    assert (logo.headers["content-type"], logo.body) == ("image/png", b"\x89PNG\r\n\x1a\n")
    assert "sandbox" in logo.headers["content-security-policy"]
    for heard in (style, logo):
        assert heard.headers["cache-control"] == "max-age=31536000, immutable"
        assert heard.headers["x-content-type-options"] == "nosniff"
    branded(shop, brand={**BRAND, "accent": "#000000"})
    assert ask(shop, "GET", addresses[0]).headers["cache-control"] == "max-age=300"


def test_a_merchant_without_a_brand_has_its_name_alone(shop: Server) -> None:
    page = inside(shop).get("/portal/O-1").body.decode()

    assert '<p class="brand">Dhruv Foods</p>' in page
    assert "/brands/" not in page
    for path in ("/brands/1489/site.css", "/brands/1489/logo", "/brands/77/site.css", "/brands/%00/logo"):
        assert ask(shop, "GET", path).status == 404


def test_a_brand_that_was_put_before_brands_were_checked_is_none(shop: Server) -> None:
    with sqlite3.connect(shop.settings.database) as database:
        settings = json.dumps({"brand": {"accent": "red;}*{display:none"}})
        database.execute("update account set settings = ?", (settings,))

    assert "/brands/" not in inside(shop).get("/portal/O-1").body.decode()
    assert ask(shop, "GET", "/brands/1489/site.css").status == 404


def test_before_one_is_in_a_brand_is_shown_only_where_all_orders_are_its(shop: Server) -> None:
    assert "Dhruv Foods" in text_of(Browser(shop).get("/portal/O-1"))
    assert "Dhruv Foods" in text_of(Browser(shop).get("/portal/O-9"))

    other = {"accountSlug": "kumar", "name": "Kumar Teas"}
    ask(shop, "PUT", "/api/v1/accounts/77", other, token=shop.world.portal_token)

    assert "Dhruv Foods" not in text_of(Browser(shop).get("/portal/O-1"))
    assert "Dhruv Foods" in text_of(inside(shop).get("/portal/O-1"))


def test_the_whole_page_is_under_100_kb_with_the_largest_logo(failed: Server) -> None:
    logo = b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(49_100 - 8)
    branded(failed, brand={**BRAND, "logo": "data:image/png;base64," + base64.b64encode(logo).decode()})
    scan(
        failed, *(a_scan("intransit", -60 * number, location="Pune hub", remark="On the road") for number in range(30))
    )
    put_order(failed, an_order("O-1", *(an_item(productName=f"Tea number {number}") for number in range(10))))
    page = inside(failed).get("/portal/O-1")
    loaded = re.findall(r'(?:src|href)="(/(?:assets|brands)/[^"]+)"', page.body.decode())
    heard = [ask(failed, "GET", address) for address in loaded]

    assert len(loaded) == 4
    assert {each.status for each in heard} == {200}
    assert len(page.body) + sum(len(each.body) for each in heard) < 100_000


# What it says, and in which language


def test_the_head_of_an_order_says_when_what_and_how_much(shop: Server) -> None:
    items = [
        an_item(productName="Tea, 500 g", quantity=2, lineItemTotal=100000.5),
        an_item(productName="Cup", lineItemTotal="249"),
        an_item(productName="A gift", lineItemTotal=0.0),
        an_item(productName=7, lineItemTotal="NaN"),
    ]
    head = {"orderDate": "2025-12-31 20:22:09.0", "orderTotal": 100249.5, "isCOD": 1, "balanceDue": 100249.5}
    put_order(shop, an_order("O-1", *items, **head))
    text = text_of(inside(shop).get("/portal/O-1"))

    assert "Placed on Wednesday, 31 December 2025" in text
    ordered = text.partition("What you ordered ")[2].partition(" Updates")[0]
    assert ordered == (
        "2 × Tea, 500 g ₹1,00,000.50 Cup ₹249.00 A gift Total ₹1,00,249.50 To pay on delivery ₹1,00,249.50"  # noqa: RUF001
    )
    scan(shop, a_scan("delivered"))
    assert "To pay on delivery" not in text_of(inside(shop).get("/portal/O-1"))


@pytest.mark.parametrize(
    ("currency", "said"), [("USD", "$249.00"), ("JPY", "JP¥249"), ("nonsense", "₹249.00"), (7, "₹249.00")]
)
def test_money_is_of_the_order_s_currency_or_the_country_s(shop: Server, currency: Any, said: str) -> None:
    put_order(shop, an_order("O-1", an_item(productName="Cup", lineItemTotal=249), currency=currency))

    assert f"Cup {said}" in text_of(inside(shop).get("/portal/O-1"))


@pytest.mark.parametrize("odd", ["", "0000-00-00 00:00:00", "tomorrow", None, 5, ["x"], {"a": 1}])
def test_whatever_a_document_says_the_page_is_shown(shop: Server, odd: Any) -> None:
    item = an_item(productName="Cup", promiseDeliveryDate=odd, quantity=odd, lineItemTotal=odd)
    put_order(shop, an_order("O-1", item, orderDate=odd, orderTotal=odd, isCOD=odd, balanceDue=odd, currency=odd))

    assert "Cup" in text_of(inside(shop).get("/portal/O-1"))


def test_of_a_long_timeline_the_five_newest_are_shown_at_once(shop: Server) -> None:
    words = ("created", "packed", "picked_up", "intransit", "out_for_delivery", "failed_delivery", "out_for_delivery")
    scan(shop, *(a_scan(word, number * 60) for number, word in enumerate(words)))
    shown, _, earlier = (
        text_of(inside(shop).get("/portal/O-1")).partition("What happened")[2].partition("Show 2 earlier")
    )

    assert re.findall(r"\d\d:\d\d", shown) == ["17:36", "17:35", "17:34", "17:33", "17:32"]
    assert re.findall(r"\d\d:\d\d", earlier)[:2] == ["17:31", "17:30"]


def test_a_language_is_the_chosen_one_else_the_kept_one_else_the_browser_s_else_the_merchant_s(shop: Server) -> None:
    browser = inside(shop)

    def language(path: str = "/portal/O-1", accepted: str = "") -> str:
        return browser.get(path, **{"Accept-Language": accepted}).headers["content-language"]

    assert (language(), language(accepted="ta, hi-IN;q=0.9, en;q=0.3"), language(accepted="fr")) == ("en", "hi", "en")
    branded(shop, language="hi")
    assert (language(), language(accepted="fr"), language(accepted="en-GB")) == ("hi", "hi", "en")
    branded(shop, language="klingon")
    assert language("/portal/O-1?lang=xx") == "en"
    assert "lang" not in browser.cookies
    assert language("/portal/O-1?lang=hi") == "hi"
    assert (language(accepted="en"), browser.cookies["lang"]) == ("hi", "hi")
    assert language("/portal/O-1?lang=en") == "en"
    assert language() == "en"


def test_a_shopper_who_reads_hindi_is_spoken_to_in_hindi_from_the_door_to_the_letter(
    shop: Server, mail: SmtpStandIn
) -> None:
    browser = Browser(shop)
    assert "आपका ऑर्डर" in text_of(browser.get("/portal/O-1?lang=hi"))
    assert "इस जानकारी से कोई ऑर्डर नहीं मिला।" in text_of(names_itself(browser, contact="9800000099"))
    form = browser.follow(names_itself(browser))
    post_letters(shop)

    assert "हम ई-मेल से a•••@•••.com पर एक कोड भेज रहे हैं।" in text_of(form)
    wrong = browser.send(forms_of(form)[0], code="x")
    assert "यह कोड सही नहीं है। अब 4 मौके बचे हैं।" in text_of(wrong)
    assert mail.letters[0]["Subject"] == "Dhruv Foods से आपका ऑर्डर"
    code = mail.letters[0].get_content().splitlines()[0].removeprefix("आपका कोड: ")
    page = browser.follow(browser.send(forms_of(form)[0], code=code))
    assert "ऑर्डर C-O-1" in text_of(page)


def test_a_page_says_where_it_is_had_in_other_languages(shop: Server) -> None:
    link = shop.parts.door.keys.link("O-1", shop.clock())
    browser = Browser(shop)

    def address(page: Heard) -> str:
        return str(re.findall(r'href="([^"]+)" lang="hi"', page.body.decode())[0]).replace("&amp;", "&")

    assert address(browser.get(link)) == f"{link}&lang=hi"
    assert address(names_itself(Browser(shop), "C-O-9")) == "/portal/O-1?lang=hi"
    other = Browser(shop)
    code_form = other.follow(names_itself(other))
    assert address(code_form) == "/portal/O-1/code?lang=hi"
    assert other.get(address(code_form)).headers["content-language"] == "hi"
    hostile = Browser(shop).get("/portal/%22%3E%3Cscript%3E?x=%22%3E%3Cscript%3E&lang=en")
    assert b"<script" not in hostile.body


def test_every_field_that_is_wrong_is_told_at_once(shop: Server) -> None:
    scan(shop, a_scan("failed_delivery", ndr_code="6"))
    browser = inside(shop)
    told = {**AGAIN, "phone": "12"}

    heard = chosen(shop, browser, told)
    assert [error["pointer"] for error in heard.content["errors"]] == ["/updatedAddress", "/landmark", "/phone"]
    page = browser.send(choice_form(browser, "ACTF001"), phone="12")
    assert "Please check 3 things" in text_of(page)
    links = re.findall(r'href="#([^"]+)"', page.body.decode())
    assert links == ["updatedAddress-1-ACTF001", "landmark-1-ACTF001", "phone-1-ACTF001"]
    assert all(f'id="{link}"' in page.body.decode() for link in links)


def test_a_cancellation_is_asked_for_in_the_shopper_s_language_and_its_way_back_works(failed: Server) -> None:
    browser = inside(failed)
    browser.get("/portal/O-1?lang=hi")
    asked = browser.send(choice_form(browser, "ACTF003"))

    assert "ऑर्डर C-O-1 रद्द करें?" in text_of(asked)
    assert browser.send(forms_of(asked)[0]).status == 303
    assert "आपने ऑर्डर रद्द करने को कहा है।" in text_of(browser.get("/portal/O-1"))


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"logo": "data:image/gif;base64,R0lGODlh"}, "/brand"),
        ({"accent": "red"}, "/brand/accent"),
        ({"colour": "#123456"}, "/brand"),
    ],
)
def test_a_brand_that_is_none_is_refused(shop: Server, wrong: dict[str, str], pointer: str) -> None:
    refused = branded(shop, brand=wrong)

    assert (refused.status, [error["pointer"] for error in refused.content["errors"]]) == (422, [pointer])
    assert "/brands/" not in inside(shop).get("/portal/O-1").body.decode()


def test_a_merchant_s_folder_has_the_last_word(serve: Serve, tmp_path: Path) -> None:
    german = {"language": {"name": "Deutsch"}, "entry": {"send": "Code senden"}}
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "en.json").write_text('{"entry": {"title": "Where is my tea?"}}')
    (tmp_path / "words" / "de.json").write_text(json.dumps(german))
    page = Browser(serve(definitions=tmp_path)).get("/portal/O-1", **{"Accept-Language": "de"})

    assert "Where is my tea?" in text_of(page)
    assert "Code senden" in text_of(page)
    assert "English हिन्दी Deutsch" in text_of(page)
