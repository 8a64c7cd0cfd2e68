"""What the console keeps out: other sites' forms, lesser roles, visits that are over, guesses."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from litestar.routes import HTTPRoute

from api.console.router import ROUTER
from tests.api.console import waiting
from tests.api.console.visiting import FORM, Visit, text_of
from tests.api.serving import Server
from tests.api.speaking import ask, quoted
from tests.builders import HOUR, MINUTE

OWN = {"/admin/sign-in", "/admin/sign-out"}
"""What everybody may do: come and go."""

FILLED = {"reason": "a test", "do": "discard", "role": "viewer", "name": "Nobody", "verdict": "accept", "fact": "x"}


def changing() -> list[str]:
    """Return an address of everything that changes something, from the router itself: a new one cannot be forgotten."""
    paths = {route.path for route in ROUTER.routes if isinstance(route, HTTPRoute) and "POST" in route.methods}
    return sorted(re.sub(r"\{\w+:\w+\}", "x", path) for path in paths - OWN)


def everything(server: Server) -> list[Any]:
    """Return what a console could have changed: sessions, effects, staff, visits."""
    queries, staff = server.parts.queries, server.parts.staff
    return [
        server.run(lambda: queries.sessions("", "", "", None, 500)),
        server.run(lambda: queries.effects(limit=500)),
        server.run(staff.everybody),
    ]


def test_everything_that_changes_something_is_known_here() -> None:
    assert len(changing()) >= 14
    assert "/admin/effects" in changing()


def test_a_viewer_changes_nothing(office: Server) -> None:
    viewer = Visit(office).engage("Vera the viewer", "viewer")
    before = everything(office)

    for path in changing():
        assert viewer.post(path, **FILLED).status == 403, path

    assert everything(office) == before


def test_an_operator_does_not_say_who_works_here(office: Server) -> None:
    operator = Visit(office).engage("Omar the operator", "operator")

    for path in changing():
        heard = operator.post(path, **FILLED)
        assert (heard.status == 403) == path.startswith("/admin/staff"), (path, heard.status)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
        {"Content-Type": "application/json"},
    ],
)
def test_no_other_site_has_a_browser_do_anything(office: Server, headers: dict[str, str]) -> None:
    visit = Visit(office)
    before = everything(office)

    for path in changing():
        heard = visit.send(path, {"csrf": visit.csrf, **FILLED}, cookie=visit.cookie, **headers)
        assert heard.status in {403, 415}, (path, heard.status)

    assert everything(office) == before


def test_a_form_carries_the_token_of_its_own_visit(office: Server) -> None:
    visit, other = Visit(office), Visit(office)
    before = everything(office)

    for path in changing():
        for csrf in ({}, {"csrf": ""}, {"csrf": "wrong"}, {"csrf": other.csrf}, {"csrf": visit.csrf[:-1]}):
            assert visit.send(path, {**FILLED, **csrf}, cookie=visit.cookie).status == 403, (path, csrf)
        assert visit.send(path, {**FILLED, "csrf": visit.csrf}, cookie="").status == 303, path

    assert everything(office) == before


def test_our_own_page_may_say_its_origin_or_not(office: Server) -> None:
    visit = Visit(office)

    for headers in ({"Origin": office.url}, {"Origin": "null"}):
        sent = visit.send("/admin/effects", {"csrf": visit.csrf}, cookie=visit.cookie, **headers)
        assert sent.status == 422  # it came in, and lacks a reason


def test_what_another_method_asks_changes_nothing(office: Server) -> None:
    visit = Visit(office)

    for path in changing():
        for method in ("PUT", "PATCH", "DELETE"):
            headers = {"Cookie": visit.cookie, "Content-Type": FORM, "x-csrf-token": visit.csrf}
            assert ask(office, method, path, body=b"", headers=headers).status in {404, 405}, (method, path)


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("/orders/O-1/resolve", "/orders/O-1"),
        ("/orders/O-1/show", "/orders/O-1"),
        ("/orders/a%2Fb/conflict", "/orders/a%2Fb"),
        ("/sessions/offer/S-1/act", "/sessions/offer/S-1"),
        ("/sessions/offer/S-1/reveal", "/sessions/offer/S-1"),
        ("/inquiries/wamid.x", "/inquiries"),
        ("/inquiries/wamid.x/answer", "/inquiries"),
        ("/inquiries/wamid.x/close", "/inquiries"),
    ],
)
def test_the_address_of_a_form_opened_leads_to_the_page_that_has_it(office: Server, path: str, leads: str) -> None:
    heard = Visit(office).get(f"/admin{path}")

    assert (heard.status, heard.headers["location"]) == (303, f"/admin{leads}")
    assert ask(office, "GET", f"/admin{path}").headers["location"].startswith("/admin/sign-in?next=")


def test_who_signs_in_gets_a_secret_of_their_own(office: Server) -> None:
    visit = Visit(office)
    fixed = visit.send("/admin/sign-in", {"token": visit.token}, cookie="staff=chosen-by-somebody-else")
    again = visit.send("/admin/sign-in", {"token": visit.token}, cookie=visit.cookie)

    given = {fixed.headers["set-cookie"].partition(";")[0], again.headers["set-cookie"].partition(";")[0]}
    assert len(given | {visit.cookie, "staff=chosen-by-somebody-else"}) == 4
    assert ask(office, "GET", "/admin/orders", headers={"Cookie": "staff=chosen-by-somebody-else"}).status == 303
    for part in ("HttpOnly", "SameSite=strict"):
        assert part in fixed.headers["set-cookie"]


@pytest.mark.parametrize(
    "next_page",
    [
        "/admin/x\r\nSet-Cookie: a=b",
        "/admin/x\n",
        "/admin/\u0142",
        "/admin/\u00e9",
        "//elsewhere.example/admin",
        "/adm",
    ],
)
def test_who_signs_in_is_led_to_no_page_that_is_none_of_ours(office: Server, next_page: str) -> None:
    visit = Visit(office)
    heard = visit.send("/admin/sign-in", {"token": visit.token, "next": next_page}, cookie="")
    assert (heard.status, heard.headers["location"]) == (303, "/admin")
    assert "set-cookie" in heard.headers


@pytest.mark.parametrize("key", ["O-1", "\u0142 \u00e9/\r\n", "a?b&c"])
def test_who_signs_in_is_led_to_the_page_that_they_asked_for(office: Server, key: str) -> None:
    visit = Visit(office)
    asked = f"/admin/sessions/order/{quoted(key)}?at=1"

    (wanted,) = parse_qs(urlsplit(ask(office, "GET", asked).headers["location"]).query)["next"]
    heard = visit.send("/admin/sign-in", {"token": visit.token, "next": wanted}, cookie="")

    assert (heard.status, heard.headers["location"]) == (303, asked)


def test_who_signs_out_is_out(office: Server) -> None:
    visit = Visit(office)
    assert visit.get("/admin/orders").status == 200

    assert visit.post("/admin/sign-out").status == 303

    assert visit.get("/admin/orders").status == 303
    assert visit.post("/admin/effects", **FILLED).status == 303


def test_a_visit_ends_by_itself_and_is_dropped(server: Server) -> None:
    visit, staff = Visit(server), server.parts.staff
    server.clock.move(12 * HOUR - MINUTE)
    later = Visit(server)
    assert visit.get("/admin/orders").status == 200

    server.clock.move(MINUTE)
    assert visit.get("/admin/orders").status == 303
    server.run(staff.forget_visits)
    assert later.get("/admin/orders").status == 200


def test_who_tries_wrong_tokens_waits_and_who_has_a_right_one_is_not_counted(server: Server) -> None:
    visit = Visit(server)
    for place in range(10):
        Visit(server)
        assert visit.send("/admin/sign-in", {"token": f"wrong {place}"}, cookie="").status == 403

    heard = visit.send("/admin/sign-in", {"token": visit.token}, cookie="")
    assert heard.status == 429
    assert 800 < int(heard.headers["retry-after"]) <= 900
    assert "Those were too many wrong tokens. Please wait 15 minutes." in text_of(heard)
    assert visit.get("/admin/orders").status == 200

    server.clock.move(15 * MINUTE)
    assert visit.send("/admin/sign-in", {"token": visit.token}, cookie="").status == 303


def test_what_customers_wrote_is_text_on_every_page(server: Server) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    waiting.failed_order(server, "O-1")
    waiting.hostile(server, hostile)
    visit = Visit(server)

    for path in ("orders", "orders/O-X", "inquiries", "effects", "quarantine", "quarantine/parked", "audit", "staff"):
        page = visit.get(f"/admin/{path}")
        assert page.status == 200, path
        assert b"<script>alert" not in page.body, path
        assert b"<img src=x" not in page.body, path
    whole = visit.post("/admin/orders/O-X/show", reason=hostile)
    assert hostile.encode() not in whole.body
    assert b"&lt;script&gt;alert(1)" in whole.body
