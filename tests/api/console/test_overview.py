"""The console's first page: what runs, and what waits for people."""

import re

import pytest

from tests.api.console.filling import CASE, choose, fill, source
from tests.api.console.visiting import Visit, text_of
from tests.api.serving import Server
from tests.api.speaking import (
    a_call,
    a_question,
    a_scan,
    an_item,
    an_order,
    ask,
    deliver,
    messages,
    put_order,
    quoted,
    scan,
    session,
)
from tests.builders import HOUR


def waiting(server: Server) -> list[tuple[str, str]]:
    """Return what waits for people, as the first page tells it."""
    page = source(Visit(server), "")
    return re.findall(r'<a href="[^"]*"><strong>(\d+)</strong> ([^<]+)</a>', page)


def test_a_fresh_server_says_what_to_try(server: Server) -> None:
    words = text_of(Visit(server).get("/admin"))
    assert "Nothing waits for people." in words
    assert "There are no sessions yet." in words
    assert "waystate new flow NAME" in words


def test_what_waits_for_people_is_counted_and_leads_there(server: Server) -> None:
    fill(server)
    deliver(server, a_call(messages(a_question())))
    deliver(server, {"object": "whatsapp_business_account", "entry": "odd"})

    assert waiting(server) == [
        ("1", "question to be answered"),
        ("1", "failed delivery to be settled"),
        ("1", "webhook call set aside"),
    ]
    choose(server)
    assert ("1", "failed delivery to be settled") not in waiting(server)


SETTLED_FROM = {
    "chosen": (["resolution_submitted"], 0),
    "told": (["resolution_submitted", "resolution_sent"], 0),
    "accepted": (["resolution_submitted", "resolution_accepted"], 0),
    "refused": (["resolution_submitted", "resolution_rejected"], 1),
    "out of reach": (["resolution_submitted", "resolution_undelivered"], 1),
    "asked": (["customer_asked"], 1),
}
"""What happens to a case, and how many wait for people then."""


@pytest.mark.parametrize(("events", "count"), SETTLED_FROM.values(), ids=SETTLED_FROM)
def test_a_failed_delivery_waits_for_people_as_long_as_they_should_choose(
    server: Server, events: list[str], count: int
) -> None:
    fill(server)
    for number, event in enumerate(events):
        if event == "resolution_submitted":
            choose(server)
        else:
            act = {"event": event, "reason": "it was so", "id": f"act-{number}"}
            told = ask(
                server,
                "POST",
                f"/admin/api/v1/sessions/ndr_case/{quoted(CASE)}/events",
                act,
                token=server.world.admin_token,
            )
            assert told.status == 200, told.content

    refused = ", 1 refused by the courier" if "resolution_rejected" in events else ""
    assert waiting(server) == [("1", f"failed delivery to be settled{refused}")] * count
    assert to_settle(server) == {"all": count, "to be settled": count}


def test_a_failed_delivery_that_was_heard_of_late_waits_for_people(server: Server) -> None:
    put_order(server, an_order("O-1", an_item("T-1")))
    server.clock.move(48 * HOUR)
    scan(server, a_scan("out_for_delivery", -600), a_scan("failed_delivery", 0, ndr_code="1"))
    assert session(server, "ndr_case", "O-1:T-1:20260101T120000Z")["state"] == "unsettled.late"

    assert waiting(server) == [("1", "failed delivery to be settled")]
    assert to_settle(server) == {"all": 1, "to be settled": 1}


def to_settle(server: Server) -> dict[str, int]:
    """Return of how many orders each list says that a failed delivery is to be settled."""
    visit = Visit(server)
    lists = {"all": "/orders", "to be settled": "/orders?waiting=1"}
    return {name: source(visit, path).count("1 failed delivery</span>") for name, path in lists.items()}


def test_sessions_are_counted_by_definition(server: Server) -> None:
    fill(server)
    words = text_of(Visit(server).get("/admin"))
    assert "Personalised offer flow 9 1 Sessions of Personalised offer · Funnel of Personalised offer" in words
    assert "Answered 29" in words
