"""A shop on a busy day, for pages that show it: offers walked and left, an order whose delivery fails."""

from html import unescape

from tests.api.console.visiting import Visit
from tests.api.phones import Handset
from tests.api.serving import Server
from tests.api.speaking import a_minted_session, a_scan, an_item, an_order, put_order, resolve, scan, subscribe
from tests.builders import MINUTE

OFFER = "personalised_offer"
WALKED = "a-token-that-went-far"
CASE = "O-1:T-1:20260101T124000Z"

WORDS = "created", "packed", "intransit", "out_for_delivery", "failed_delivery"


def fill(server: Server) -> None:
    """Let an hour of a shop's life happen."""
    for number in range(9):
        walk(server, f"walker-{number}", number % 5)
        server.clock.move(MINUTE)
    walk(server, WALKED, 3)
    a_minted_session(server)
    put_order(server, an_order("O-1", an_item("T-1")))
    subscribe(server)
    scan(server, *(a_scan(word, 600 * place) for place, word in enumerate(WORDS)))
    put_order(server, an_order("O-2", an_item("T-2")))
    scan(server, *(a_scan(word, 60 * place, order_id="O-2", tracking_id="T-2") for place, word in enumerate(WORDS[:3])))


def choose(server: Server) -> None:
    """Let the shopper choose to have the failed delivery tried again."""
    assert resolve(server, "ACTF001").status == 200


def walk(server: Server, token: str, screens: int) -> Handset:
    """Let somebody go through so many screens of the offer, and return their phone."""
    phone = Handset(server, OFFER, token)
    phone.open()
    steps = (
        ("PRODUCT_SELECTOR", {"product_selection": "0_mobile_phones"}),
        ("OPTIONS", {"selected_product": "phone"}),
        ("OFFER", {"device": "0_TechWave_TW14_Pro"}),
        ("PRODUCT_DETAIL", {"selected_device": "0_TechWave_TW14_Pro"}),
    )
    for screen, form in steps[:screens]:
        server.clock.move(MINUTE // 3)
        phone.submit(screen, **form)
    return phone


def source(visit: Visit, path: str) -> str:
    """Return a page of the console, as its source without entities."""
    heard = visit.get(f"/admin{path}")
    assert heard.status == 200, heard.status
    return unescape(heard.body.decode())
