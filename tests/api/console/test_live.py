"""What pages hear while they are looked at: what has moved, from one beat for all, on streams that end."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.console import live
from api.console.live import Live, Wanted
from engine.errors import StoreUnavailable
from tests.api.console.filling import OFFER, WALKED, walk
from tests.api.console.visiting import Visit
from tests.api.console.waiting import effects, finish, questions
from tests.api.serving import Server
from tests.api.speaking import ask

SECONDS = 60
OFFERED = Wanted(definition=OFFER, key=WALKED)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the beat be quick, so that tests are."""
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.01)


def a_live(server: Server) -> Live:
    """Return what tells pages of a server."""
    return Live(server.parts.queries, server.parts.store, server.parts.catalogue)


def read(said: str) -> tuple[str, Any]:
    """Return an event's name and what it says."""
    name, _, content = said.strip().partition("\n")
    return name.removeprefix("event: "), json.loads(content.removeprefix("data: "))


async def heard(stream: AsyncIterator[str], count: int) -> list[tuple[str, Any]]:
    """Return the next events of a stream."""
    async with asyncio.timeout(10):
        said = []
        async for event in stream:
            if not event.startswith("retry"):
                said.append(read(event))
            if len(said) == count:
                break
        return said


async def ended(stream: AsyncIterator[str]) -> list[str]:
    """Return all that a stream says until it ends itself."""
    async with asyncio.timeout(10):
        return [said async for said in stream]


@pytest.mark.usefixtures("quick")
def test_a_page_hears_how_its_session_stands_and_each_time_it_moves(server: Server) -> None:
    phone = walk(server, WALKED, 1)
    stream = a_live(server).stream(OFFERED, SECONDS)

    first = server.run(lambda: heard(stream, 1))
    walk(server, "somebody-else", 2)
    phone.submit("OPTIONS", selected_product="phone")
    then = server.run(lambda: heard(stream, 1))
    server.run(stream.aclose)

    assert first == [("session", {"revision": 2, "state": "OPTIONS", "title": "Your preferences", "effects": []})]
    assert then == [("session", {"revision": 3, "state": "OFFER", "title": "Offers for you", "effects": []})]


@pytest.mark.usefixtures("quick")
def test_a_page_hears_what_becomes_of_effects_though_their_session_does_not_move(server: Server) -> None:
    _, asked, _ = questions(server)
    server.run(server.parts.outbox.address)
    (effect,) = effects(server, "send_answer")
    stream = a_live(server).stream(Wanted(definition="inquiry", key=asked), SECONDS)

    ((_, first),) = server.run(lambda: heard(stream, 1))
    finish(server, effect, type="Doubt", reason="slow")
    ((_, then),) = server.run(lambda: heard(stream, 1))
    server.run(stream.aclose)

    assert first["effects"] == [["done", "for staff"], ["pending", ""]]
    assert then == {**first, "effects": [["done", "for staff"], ["unknown", "slow"]]}


@pytest.mark.usefixtures("quick")
def test_a_page_hears_counts_of_its_definition_alone(server: Server) -> None:
    walk(server, WALKED, 1)
    told = a_live(server)
    of_offers, of_all = told.stream(Wanted(counts=OFFER), SECONDS), told.stream(Wanted(counts="*"), SECONDS)

    one, everything = server.run(lambda: heard(of_offers, 1)), server.run(lambda: heard(of_all, 1))
    server.run(of_offers.aclose)
    server.run(of_all.aclose)

    assert one == [("counts", {"OPTIONS": 1})]
    assert everything == [("counts", {OFFER: {"OPTIONS": 1}})]


def test_a_stream_ends_itself_and_leaves_nothing_running(server: Server) -> None:
    told = a_live(server)

    said = server.run(lambda: ended(told.stream(Wanted(definition="order", key="none"), seconds=0.05)))

    assert [line.partition("\n")[0] for line in said] == ["retry: 1000", "event: gone"]
    assert (told._listening, told._beating) == (0, None)


def test_when_the_server_is_about_to_end_everybody_who_listens_is_let_go(server: Server) -> None:
    told = a_live(server)
    listens = told.stream(Wanted(counts="*"), SECONDS)
    server.run(lambda: heard(listens, 1))

    server.do(told.hush)

    assert server.run(lambda: ended(listens)) == []
    assert server.run(lambda: ended(told.stream(Wanted(counts="*"), SECONDS))) == ["retry: 1000\n\n"]


@pytest.mark.usefixtures("quick")
def test_a_database_that_is_away_is_told_of_and_asked_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> Any:
        raise StoreUnavailable

    stream = a_live(server).stream(Wanted(counts=OFFER), SECONDS)
    with monkeypatch.context() as patch:
        patch.setattr(server.parts.queries, "counts", away)
        assert server.run(lambda: heard(stream, 1)) == [("away", {})]
    walk(server, WALKED, 1)
    assert server.run(lambda: heard(stream, 1)) == [("counts", {"OPTIONS": 1})]
    server.run(stream.aclose)


def test_nobody_listens_without_a_visit(office: Server) -> None:
    heard = ask(office, "GET", f"/admin/live?counts={OFFER}")
    assert (heard.status, heard.headers["location"].partition("?")[0]) == (303, "/admin/sign-in")


def test_no_more_listen_than_can_be_told(office: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 0)
    heard = Visit(office).get(f"/admin/live?counts={OFFER}")
    assert (heard.status, heard.headers["retry-after"]) == (503, "10")


def test_a_stream_comes_as_events_and_ends(office: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STREAM_SECONDS", 0.05)
    walk(office, "who-is-watched", 1)
    heard = Visit(office).get(f"/admin/live?definition={OFFER}&key=who-is-watched")
    assert (heard.status, heard.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert read(heard.body.decode().partition("\n\n")[2])[1]["state"] == "OPTIONS"
