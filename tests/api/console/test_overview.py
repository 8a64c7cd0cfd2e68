"""The console's first page: what runs, and what waits for people."""

import re

from tests.api.console.filling import choose, fill, source
from tests.api.console.visiting import Visit, text_of
from tests.api.serving import Server
from tests.api.speaking import a_call, a_question, deliver, messages


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
        ("1", "failed attempt without a choice"),
        ("1", "webhook call set aside"),
    ]
    choose(server)
    assert ("1", "failed attempt without a choice") not in waiting(server)


def test_sessions_are_counted_by_definition(server: Server) -> None:
    fill(server)
    words = text_of(Visit(server).get("/admin"))
    assert "Personalised offer flow 9 1 Sessions of Personalised offer · Funnel of Personalised offer" in words
    assert "Answered 29" in words
