"""What a server does by itself as time goes by: it finishes what it could not do, and drops what is past keeping."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from api import app
from api.app import ANSWERS_KEPT, CALLS_KEPT, FORGOTTEN_AT_ONCE, keep_house
from api.flows import IDENTITIES_KEPT
from api.whatsapp import Delivery
from engine.errors import StoreUnavailable
from engine.ports import Decision, Identity
from lab.phone import Phone
from tests.api.conftest import Serve
from tests.api.faults import down
from tests.api.kept import a_failed_delivery, became, deliver, deliveries, everything, kept, refusing
from tests.api.serving import Server
from tests.api.speaking import (
    a_call,
    a_cart,
    a_completion,
    a_message,
    a_minted_session,
    a_question,
    a_scan,
    a_status,
    a_tap,
    an_order,
    messages,
    put_order,
    resolve,
    scan,
    session,
    statuses,
)
from tests.api.speaking import became as became_of
from tests.builders import HOUR, NOON

DAY = 24 * HOUR
SECONDS = 60


def keep(server: Server) -> None:
    """Let the server do now what it does every minute."""
    server.run(lambda: keep_house(server.parts, server.clock.now))


# What is past keeping


def test_the_body_of_a_finished_call_is_dropped_after_thirty_days_and_what_is_set_aside_is_kept(server: Server) -> None:
    deliver(server, a_call(messages(a_message("text"))))
    deliver(server, a_call(messages(a_message("hologram"))))
    server.clock.move(DAY)
    deliver(server, a_call(messages(a_message("text"))))

    server.clock.move(29 * DAY)
    keep(server)
    assert [delivery.status for delivery in deliveries(server)].count("processed") == 2
    server.clock.move(1)
    keep(server)

    assert sorted(delivery.status for delivery in deliveries(server)) == ["processed", "quarantined"]
    server.clock.move(1000 * DAY)
    keep(server)
    assert [delivery.status for delivery in deliveries(server)] == ["quarantined"]


def test_many_calls_are_dropped_in_one_go(server: Server) -> None:
    old = [Delivery(str(index), "whatsapp", NOON, "processed", "", b"{}") for index in range(2 * FORGOTTEN_AT_ONCE + 1)]
    server.run(lambda: server.parts.store.commit(Decision(recorded_at=NOON, add=tuple(old))))

    server.clock.move(CALLS_KEPT + 1)
    keep(server)

    assert deliveries(server) == []


@pytest.mark.parametrize("days", [1, 15, 31])
def test_a_call_that_was_captured_does_nothing_however_much_later_it_is_sent(server: Server, days: int) -> None:
    key, wamid = a_failed_delivery(server)
    token = a_minted_session(server)
    said = [a_completion({"flow_token": token}), a_question(), a_cart(), a_tap("ACTF001", wamid)]
    captured = a_call(messages(*said), statuses(a_status("read", "w-1")))
    deliver(server, captured)
    resolve(server, "ACTF004")
    before = everything(server)

    for _ in range(2):
        server.clock.move(days * DAY)
        keep(server)
        assert became(server, captured) == ("processed", "")

    assert everything(server) == before
    assert session(server, "ndr_case", key)["context"]["resolution"]["resolutionCode"] == "ACTF004"


def test_what_events_are_known_by_is_dropped_when_no_repeat_can_come_any_more(server: Server) -> None:
    scan(server, a_scan("intransit", id="before"))
    server.clock.move(HOUR)
    scan(server, a_scan("intransit", 1, id="after"))

    server.clock.move(IDENTITIES_KEPT - HOUR + 1)
    keep(server)

    known = [Identity("courier/generic", name) for name in ("before", "after")]
    receipts = server.run(lambda: server.parts.store.recall(known))
    assert [receipt is not None for receipt in receipts] == [False, True]


def test_an_answer_is_dropped_after_a_quarter_of_an_hour_and_the_call_stays_known(server: Server) -> None:
    phone = Phone(server.world, "personalised_offer", "T-1")
    phone.open()
    store = server.parts.store

    def answers() -> list[tuple[bool, bool]]:
        rows = server.do(lambda: store._writer.execute("SELECT digest, body FROM inbox WHERE status = 200").fetchall())
        return [(digest is not None, body is not None) for digest, body in rows]

    server.clock.move(ANSWERS_KEPT)
    keep(server)
    assert answers() == [(False, True)]
    server.clock.move(1)
    keep(server)

    assert answers() == [(True, False)]


# What is still to be done


def test_a_scan_from_too_far_ahead_counts_once_its_time_is_near(server: Server) -> None:
    put_order(server, an_order())
    assert became_of(scan(server, a_scan("picked_up", 25 * 3600))) == ["parked"]

    server.clock.move(HOUR - 1)
    keep(server)
    assert session(server, "shipment", "O-1:T-1")["state"] == "awaiting"
    server.clock.move(1)
    keep(server)

    assert session(server, "shipment", "O-1:T-1")["state"] == "forward.picked_up"


def test_a_call_that_could_not_be_worked_off_is_worked_off_by_the_housekeeping(server: Server) -> None:
    token = a_minted_session(server)
    body = json.dumps(a_call(messages(a_completion({"flow_token": token})))).encode()
    with refusing(server, "journal"):
        assert became(server, body) == ("received", "")
        keep(server)
        assert kept(server, body) == ("received", "")

    server.clock.move(100 * DAY)  # what is not done is not past keeping
    keep(server)

    assert kept(server, body) is None  # it was done, and then past keeping
    assert session(server, "purchase_interest", token)["state"] == "completed"


def test_the_housekeeping_that_cannot_be_done_now_is_still_to_be_done(server: Server) -> None:
    deliver(server, a_call(messages(a_message("text"))))
    server.clock.move(31 * DAY)

    with down(server), pytest.raises(StoreUnavailable):
        keep(server)
    assert len(deliveries(server)) == 1
    keep(server)

    assert deliveries(server) == []


def test_house_is_kept_by_itself_again_and_again_even_after_it_could_not_be(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "HOUSEKEEPING_SECONDS", 0.001)
    server = serve()

    async def comes(true: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(SECONDS):
            while not await true():  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0.001)

    async def put_off() -> bool:
        return any(entry["event"] == "housekeeping_put_off" for entry in log)

    async def forgotten() -> bool:
        return not await server.parts.store.find(Delivery)

    for _ in range(2):
        deliver(server, a_call(messages(a_message("text"))))
        with capture_logs() as log, down(server):
            server.clock.move(31 * DAY)
            server.run(lambda: comes(put_off))
        server.run(lambda: comes(forgotten))
