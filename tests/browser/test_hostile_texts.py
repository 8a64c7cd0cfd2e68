"""
Texts that run a script where a page forgets to escape one, in every free text, through every page and export.

A dialog, a refusal by the pages' own policy, or a request to elsewhere fails (tests/browser/chromium.py).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Page

import lab
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
    deliver,
    messages,
    put_order,
    scan,
)
from tests.browser.payloads import PAYLOADS
from tests.browser.staff import sign_in

TOGETHER = 10
"""How many payloads stand in one text: one that is not escaped is enough."""

TEXTS = [" ".join(PAYLOADS[start : start + TOGETHER]) for start in range(0, len(PAYLOADS), TOGETHER)]

PLAIN = frozenset(
    {"contactPhone", "email", "countryCode", "accountSlug", "orderId", "trackingID", "externalShipmentIds"}
)
"""What of an order is no free text, or finds it."""

DATED = ("date", "updatedat")

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
        order_id, tracking_id = f"O-{number}", f"T-{number}"
        document = {**filled(SAMPLE, text), "orderId": order_id, "accountSlug": "dfc"}
        for item in document["items"]:
            item["forwardTrackingTimeline"] |= {"trackingID": tracking_id, "statusLog": []}
        heard = put_order(server, document, order_id)
        assert heard.status == 200, heard.body
        told = {"order_id": order_id, "tracking_id": tracking_id, "location": text, "remark": text}
        for second, status in enumerate(("packed", "out_for_delivery", "failed_delivery")):
            scan(server, a_scan(status, second * 60, **told, ndr_reason=text))
        scan(server, a_scan(text[:60], 300, **told))
        deliver(server, a_call(messages(a_question(text={"body": text}))))
        deliver(server, a_call(messages(a_message(text[:40], {"body": text}))))
        token = a_minted_session(server)
        deliver(server, a_call(messages(a_completion({"flow_token": token, "name": text, "email": text}))))
        item = {"product_retailer_id": text[:90], "quantity": 1, "item_price": 1, "currency": "INR"}
        deliver(server, a_call(messages(a_cart(item))))
        act = {"event": text[:60], "data": {"text": text}, "reason": text}
        ask(server, "POST", f"/admin/api/v1/sessions/order/{order_id}/events", act, token=server.world.admin_token)


def addresses(server: Server, page: Page, start: str) -> Iterator[str]:
    """Yield every address under the console that links lead to from *start*, each kind of list once."""
    waiting, seen = [start], {start}
    while waiting:
        address = waiting.pop(0)
        yield address
        for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))"):
            parts = urlsplit(urljoin(f"{server.url}{address}", link))
            found = parts.path + (f"?{parts.query}" if parts.query else "")
            if parts.netloc == f"127.0.0.1:{server.port}" and parts.path.startswith("/admin") and found not in seen:
                seen.add(found)
                waiting.append(found)


@pytest.fixture
def hostile(server: Server) -> Server:
    """Return a server that is full of hostile texts."""
    furnish(server)
    return server


def test_no_text_runs_on_any_page_of_the_console(hostile: Server, page: Page) -> None:
    sign_in(page, hostile)
    visited = 0
    for address in addresses(hostile, page, "/admin"):
        heard = page.request.get(f"{hostile.url}{address}")
        assert heard.status < 500, address
        assert heard.headers["x-content-type-options"] == "nosniff"
        if "attachment" not in heard.headers.get("content-disposition", "") and "html" in heard.headers["content-type"]:
            page.goto(f"{hostile.url}{address}")
            visited += 1
    assert visited > len(TEXTS)


def test_no_text_runs_on_the_shopper_s_pages(hostile: Server, page: Page) -> None:
    for number in range(len(TEXTS)):
        link = hostile.parts.door.keys.link(f"O-{number}", hostile.clock())
        page.goto(f"{hostile.url}{link}")
        assert page.locator("h1").count() == 1
