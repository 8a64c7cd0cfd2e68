"""The list of sessions in the console: what leads to which, page by page."""

import re
from urllib.parse import unquote

import pytest

from tests.api.console.filling import OFFER, WALKED, fill, source, walk
from tests.api.console.visiting import Visit, text_of
from tests.api.kept import deliver
from tests.api.serving import Server
from tests.api.speaking import (
    PERSON,
    PHONE,
    a_call,
    a_minted_session,
    a_question,
    an_item,
    an_order,
    messages,
    put_order,
)


def listed(page: str) -> list[str]:
    """Return the sessions that a page lists, in its order."""
    return [unquote(path) for path in re.findall(r'data-row="/admin/sessions/([^"]+)"', page)]


def gone_through(visit: Visit, path: str) -> list[str]:
    """Return the sessions that the pages of a list show, from its first to its last."""
    seen: list[str] = []
    while True:
        page = source(visit, path)
        seen += listed(page)
        further = re.search(r'rel="next" href="/admin(/sessions\?[^"]+)"', page)
        if further is None:
            return seen
        path = further[1]


@pytest.fixture
def shop(server: Server) -> Server:
    """Return a server on a busy day."""
    fill(server)
    return server


def test_sessions_are_listed_the_newest_first_and_filtered(shop: Server) -> None:
    visit = Visit(shop)

    everything = listed(source(visit, "/sessions"))
    offers = listed(source(visit, f"/sessions?definition={OFFER}&state=OFFER"))
    version = shop.parts.catalogue.interpreter("order").definition.version
    orders = listed(source(visit, f"/sessions?definition=order&version={version}"))

    assert everything[0] == "shipment/O-2:T-2"
    assert everything[-1] == f"{OFFER}/walker-0"
    assert offers == [f"{OFFER}/walker-7", f"{OFFER}/walker-2"]
    assert orders == ["order/O-2", "order/O-1"]
    assert listed(source(visit, "/sessions?definition=order&version=none")) == []


@pytest.mark.parametrize(
    ("searched", "found"),
    [
        ("walker-", tuple(f"{OFFER}/walker-{number}" for number in reversed(range(9)))),
        ("nothing like it", ()),
    ],
)
def test_a_search_finds_by_beginnings_of_keys(shop: Server, searched: str, found: tuple[str, ...]) -> None:
    page = Visit(shop).get(f"/admin/sessions?q={searched.replace(' ', '+')}")
    assert page.status == 200
    assert sorted(listed(page.body.decode())) == sorted(found)


@pytest.mark.parametrize("written", ["+919800000042", "9800000042", "+91 98000 00042"])
def test_a_phone_number_leads_to_what_is_its_owners(shop: Server, written: str) -> None:
    page = source(Visit(shop), f"/sessions?q={written.replace('+', '%2B').replace(' ', '+')}")

    found = {path.partition("/")[0] for path in listed(page)}
    assert {"order", "shipment", "purchase_interest"} <= found


def test_an_orders_number_leads_straight_to_it_and_a_phone_number_to_the_orders_first(shop: Server) -> None:
    visit = Visit(shop)

    by_number = visit.get("/admin/sessions?q=C-O-2")
    by_phone = source(visit, "/sessions?q=%2B919800000042")

    assert (by_number.status, by_number.headers["location"]) == (303, "/admin/orders/O-2")
    orders = re.findall(r'<a href="/admin/orders/([^"/]+)">Order ([^<]+)</a>', by_phone)
    assert orders
    assert {f"C-{key}" == number for key, number in orders} == {True}
    assert by_phone.index(">Orders</h2>") < by_phone.index(">Sessions</h2>") < by_phone.index("data-row=")
    assert ">Orders</h2>" not in source(visit, "/sessions?q=nobody")


def test_a_whole_key_leads_straight_to_its_session(shop: Server) -> None:
    visit = Visit(shop)
    assert visit.get(f"/admin/sessions?q={WALKED}").headers["location"] == f"/admin/sessions/{OFFER}/{WALKED}"
    assert visit.get("/admin/sessions?q=T-2").headers["location"] == "/admin/sessions/shipment/O-2%3AT-2"
    assert visit.get("/admin/sessions?q=O-1").headers["location"] == "/admin/sessions/order/O-1"


def test_whom_a_session_is_for_is_masked(server: Server) -> None:
    a_minted_session(server)
    page = source(Visit(server), "/sessions")
    assert "+91 …… 42" in page
    assert [value for value in (*PERSON.values(), PHONE) if value in page] == []


def test_a_long_list_is_gone_through_page_by_page(server: Server) -> None:
    for number in range(120):
        server.run(lambda key=f"S-{number}": server.parts.sessions.mint(OFFER, "", {"n": key}))  # type: ignore[misc]
    visit = Visit(server)

    seen = gone_through(visit, f"/sessions?definition={OFFER}")

    assert len(seen) == len({*seen}) == 120
    assert visit.get("/admin/sessions?cursor=odd").status == 400


def test_what_a_search_finds_is_gone_through_page_by_page(server: Server) -> None:
    minted = [f"purchase_interest/{a_minted_session(server)}" for _ in range(101)]
    put_order(server, an_order("O-1", an_item("T-1")))

    seen = gone_through(Visit(server), f"/sessions?q={PHONE}")

    assert seen == ["shipment/O-1:T-1", "order/O-1", *reversed(minted)]


def test_the_last_page_of_a_search_is_a_page_though_one_session_is_on_it(server: Server) -> None:
    put_order(server, an_order("O-1", an_item("T-1")))
    for _ in range(49):
        a_minted_session(server)
    visit = Visit(server)

    (further,) = re.findall(r'rel="next" href="/admin(/sessions\?[^"]+)"', source(visit, f"/sessions?q={PHONE}"))

    assert listed(source(visit, further)) == ["order/O-1"]


def test_a_phone_number_leads_to_the_questions_of_who_has_it(server: Server) -> None:
    question = a_question()
    deliver(server, a_call(messages(question)))
    visit = Visit(server)

    assert visit.get(f"/admin/sessions?q={PHONE}").headers["location"].startswith("/admin/sessions/inquiry/wamid.")
    assert listed(source(visit, f"/sessions?definition=inquiry&q={PHONE}")) == [f"inquiry/{question['id']}"]
    assert listed(source(visit, "/sessions?q=919800000043")) == []


def test_a_search_is_narrowed_by_definition_whatever_it_is_by(shop: Server) -> None:
    visit = Visit(shop)

    assert listed(source(visit, "/sessions?definition=shipment&q=C-O-2")) == ["shipment/O-2:T-2"]
    assert listed(source(visit, f"/sessions?definition=order&q={PHONE}")) == ["order/O-2", "order/O-1"]
    assert listed(source(visit, "/sessions?definition=order&q=T-2")) == []


def test_an_empty_list_says_what_will_fill_it(server: Server) -> None:
    assert "There are no sessions yet." in text_of(Visit(server).get("/admin/sessions"))


def test_a_list_of_anything_odd_is_a_page_all_the_same(server: Server) -> None:
    walk(server, WALKED, 1)
    visit = Visit(server)
    for query in ("definition=none&state=x", "state=OFFER", "version=1", "q=%25%5F*'\"<b>", f"q={'x' * 400}"):
        page = source(visit, f"/sessions?{query}")
        assert "<b>'" not in page
