"""Funnels: how far sessions come, in figures that are what they are called."""

import re

from tests.api.console.filling import OFFER, source, walk
from tests.api.console.visiting import Visit, text_of
from tests.api.serving import Server
from tests.builders import MINUTE


def figures(page: str) -> dict[str, list[str]]:
    """Return the figures of each screen of a funnel, as they are written."""
    rows = re.findall(r'<th scope="row">.*?<code class="soft">(\w+)</code></th>(.*?)</tr>', page, flags=re.DOTALL)
    cells = {state: re.findall(r"<td[^>]*>(.*?)</td>", row, flags=re.DOTALL) for state, row in rows}
    return {state: [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for state, row in cells.items()}


def test_a_funnel_says_how_often_each_screen_was_entered_and_left(server: Server) -> None:
    for number, screens in enumerate((0, 1, 1, 4)):
        walk(server, f"walker-{number}", screens)
    phone = walk(server, "who-goes-back", 2)
    server.clock.move(MINUTE)
    phone.back("OPTIONS")

    shown = figures(source(Visit(server), f"/funnels/{OFFER}"))

    assert shown["not_opened"] == ["100%", "5", "5", "0", "0", "0", "0 s"]
    assert shown["PRODUCT_SELECTOR"][:6] == ["100%", "6", "4", "0", "0", "2"]
    assert shown["OPTIONS"][1:6] == ["5", "2", "1", "0", "2"]
    assert shown["completed"][:2] == ["20%", "1"]


def test_a_flow_that_nobody_has_begun_says_so(server: Server) -> None:
    visit = Visit(server)
    assert "Nobody has begun this Flow yet." in source(visit, f"/funnels/{OFFER}")
    assert "none begun yet" in source(visit, "/funnels")


def test_there_are_funnels_of_flows_alone(server: Server) -> None:
    heard = Visit(server).get("/admin/funnels/order")
    assert (heard.status, "There is no such Flow." in text_of(heard)) == (404, True)
