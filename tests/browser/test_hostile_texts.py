"""
Texts that run a script where a page forgets to escape one, in every free text, through every page and export.

A dialog, a refusal by the pages' own policy, or a request to elsewhere fails (tests/browser/chromium.py).
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import APIResponse, Page, expect

import lab
from lab import trial
from tests.api.serving import Server
from tests.api.speaking import (
    a_call,
    a_cart,
    a_completion,
    a_message,
    a_minted_session,
    a_question,
    a_scan,
    ask,
    became,
    deliver,
    messages,
    put_order,
    scan,
)
from tests.browser.chromium import Watched
from tests.browser.payloads import PAYLOADS
from tests.browser.staff import sign_in

TOGETHER = 60
"""How many payloads stand in one text: one that is not escaped is enough."""

TEXTS = [" ".join(PAYLOADS[start : start + TOGETHER]) for start in range(0, len(PAYLOADS), TOGETHER)]

SHORT = [min(PAYLOADS[start : start + TOGETHER], key=len) for start in range(0, len(PAYLOADS), TOGETHER)]
"""What stands where there is no room for more."""

PLAIN = frozenset(
    {"contactPhone", "email", "countryCode", "accountSlug", "orderId", "trackingID", "externalShipmentIds"}
)
"""What of an order is no free text, or finds it."""

REMARK = FIELD = 1000
"""How long a courier's remark may be, and a field of the shopper's forms."""

WRONG_ADDRESS = "6"
"""The code of a failed delivery of which customers are asked where they live."""

DATED = ("date", "updatedat")

QUERIES = 4
"""With how many different queries each path is asked for."""

RUNS_IN_SVG = re.compile(
    r"<\s*(script|foreignobject|iframe|a|image|animate|set|use)\b|<[^>]*\son\w+\s*=", re.IGNORECASE
)
"""What a picture that is saved and opened must not have."""

SAMPLE = json.loads((Path(lab.__file__).parent / "sample_order.json").read_text())


def filled(value: Any, text: str, key: str = "") -> Any:
    """Return a document with every free text replaced by *text*; numbers, dates and what finds the order stay."""
    if isinstance(value, Mapping):
        return {name: filled(each, text, name) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, text, key) for each in value]
    is_free = isinstance(value, str) and key not in PLAIN and not key.lower().endswith(DATED) and not value.isdigit()
    return text if is_free else value


def furnish(server: Server) -> None:
    """Let everything that strangers, customers, couriers and merchants write be hostile."""
    for number, text in enumerate(TEXTS):
        short = SHORT[number]
        order_id, tracking_id = f"O-{number}", f"T-{number}"
        document = {**filled(SAMPLE, text), "orderId": order_id, "accountSlug": "dfc"}
        for item in document["items"]:
            item["forwardTrackingTimeline"] |= {"trackingID": tracking_id, "statusLog": []}
        heard = put_order(server, document, order_id)
        assert heard.status == 200, heard.body
        told = {"order_id": order_id, "tracking_id": tracking_id, "location": short, "remark": text[:REMARK]}
        for second, status in enumerate(("packed", "out_for_delivery", "failed_delivery")):
            report = a_scan(status, second * 60, **told, ndr_code=WRONG_ADDRESS, ndr_reason=short)
            assert became(scan(server, report)) == ["accepted"]
        scan(server, a_scan(short, 300, **told))
        deliver(server, a_call(messages(a_question(text={"body": text}))))
        deliver(server, a_call(messages(a_message(short, {"body": text}))))
        token = a_minted_session(server)
        deliver(server, a_call(messages(a_completion({"flow_token": token, "name": text, "email": text}))))
        item = {"product_retailer_id": short, "quantity": 1, "item_price": 1, "currency": "INR"}
        deliver(server, a_call(messages(a_cart(item))))
        act = {"event": short, "data": {"text": text}, "reason": text}
        ask(server, "POST", f"/admin/api/v1/sessions/order/{order_id}/events", act, token=server.world.admin_token)


def addresses(server: Server, page: Page, start: str) -> Iterator[str]:
    """Yield every address under the console that links lead to from *start*, each path with a few queries."""
    waiting, seen = [start], {start}
    asked: Counter[str] = Counter()
    while waiting:
        address = waiting.pop(0)
        yield address
        for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))"):
            parts = urlsplit(urljoin(f"{server.url}{address}", link))
            found = parts.path + (f"?{parts.query}" if parts.query else "")
            is_ours = parts.netloc == f"127.0.0.1:{server.port}" and parts.path.startswith("/admin")
            is_drawn = parts.path.endswith(".png")  # has no text, and takes long
            if is_ours and not is_drawn and found not in seen and asked[parts.path] < QUERIES:
                asked[parts.path] += 1
                seen.add(found)
                waiting.append(found)


@pytest.fixture
def hostile(server: Server) -> Server:
    """Return a server that is full of hostile texts."""
    furnish(server)
    return server


def is_page(heard: APIResponse) -> bool:
    """Return whether a browser shows what an address answered as a page."""
    is_saved = "attachment" in heard.headers.get("content-disposition", "")
    return "html" in heard.headers["content-type"] and not is_saved


def test_no_text_runs_on_any_page_or_export_of_the_console(hostile: Server, page: Page) -> None:
    sign_in(page, hostile)
    pages = shown = pictures = 0
    for address in addresses(hostile, page, "/admin"):
        heard = page.request.get(f"{hostile.url}{address}")
        assert heard.status < 500, address
        assert heard.headers["x-content-type-options"] == "nosniff"
        if is_page(heard):
            page.goto(f"{hostile.url}{address}")
            pages += 1
            shown += "alert(1)" in page.content()
        elif "svg" in heard.headers["content-type"]:
            assert not RUNS_IN_SVG.search(heard.text())
            pictures += 1
    assert pages > len(TEXTS)
    assert shown > len(TEXTS)
    assert pictures > 0


def test_no_text_runs_where_personal_data_are_shown_for_a_reason(hostile: Server, page: Page, window: Watched) -> None:
    window.expect_status(422)
    sign_in(page, hostile)
    for number, text in enumerate(TEXTS):
        page.goto(f"{hostile.url}/admin/orders/O-{number}")
        form = page.locator("details", has=page.get_by_text("Show personal data", exact=True))
        form.locator("summary").click()
        form.locator("input[name=reason], textarea[name=reason]").fill(text[:200])
        form.get_by_role("button").click()
        assert "alert(1)" in page.content()
    page.goto(f"{hostile.url}/admin/audit")
    assert page.locator("body").inner_text().count("alert(1)") >= len(TEXTS)


def test_no_text_runs_on_the_shopper_s_pages_or_in_the_echo_of_their_forms(
    hostile: Server, page: Page, window: Watched
) -> None:
    for status in (404, 422, 429):
        window.expect_status(status)
    for number, text in enumerate(TEXTS):
        link = hostile.parts.door.keys.link(f"O-{number}", hostile.clock())
        page.goto(f"{hostile.url}{link}")
        assert "alert(1)" in page.content()
        choice = page.locator("details.option", has=page.locator("input[name=updatedAddress]")).first
        choice.locator("summary").click()
        for field in choice.locator("input:not([type=hidden])").all():
            field.evaluate(
                "(field, text) => { field.type = 'text'; field.maxLength = 9999; field.value = text; }", text[:FIELD]
            )
        choice.get_by_role("button").click()
        expect(page.locator("body")).to_contain_text("alert(1)")

        page.context.clear_cookies()
        page.goto(f"{hostile.url}/portal/x")
        page.locator("input[name=order]").fill(text[:256])
        page.locator("input[name=contact]").fill(text[:256])
        page.get_by_role("button").first.click()
        assert page.locator("h1").count() == 1


def test_no_text_runs_in_the_lab(page: Page, tmp_path: Path) -> None:
    server = trial.Server(tmp_path)
    try:
        for number, text in enumerate(TEXTS):
            person = f"9198000001{number:02}"
            for message in (
                {"type": "text", "text": {"body": text}},
                {"type": "button", "button": {"text": text, "payload": text}},
                {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": text}}},
            ):
                said = {"from": person, "name": SHORT[number], "message": message}
                server.world.ask("POST", "/lab/api/messages", said)
            page.goto(f"{server.url}/lab/phone?person={person}")
            expect(page.locator("#messages > li")).to_have_count(3)
        for path in ("", "/couriers", "/graph", "/letters"):
            page.goto(f"{server.url}/lab{path}")
    finally:
        server.stop()
