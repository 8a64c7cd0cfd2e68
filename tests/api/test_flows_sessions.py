"""What calls do to a session: its steps, repeats, races, faults of its logic, and a database that cannot take them."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from structlog.testing import capture_logs

from api import flows
from api.flows import DOWN, KEPT_BYTES, FlowAnswer
from api.keyring import Key
from definitions.flow_calls import NO_SESSION
from engine.model import SECOND
from lab.phone import Answer, Envelope
from tests.api.conftest import DEFINITIONS, Serve
from tests.api.faults import FAULTS, busy, commits_held, down, full, read_only
from tests.api.phones import Handset, read
from tests.api.serving import Server, running

FIRST = {"greeting": "It is 12", "choices": [{"id": "more", "title": "More"}]}
NOT_HERE = "That step is not possible here."


def shows(screen: str, **data: Any) -> Answer:
    return Answer(200, {"version": "3.0", "screen": screen, "data": data})


def first(**data: Any) -> Answer:
    return shows("FIRST", **FIRST, **data)


def moves(phone: Handset) -> list[tuple[str, str, str, int]]:
    """Return the session's steps: event, from, to, and whether it was inferred."""
    return [(step.event, step.source_state, step.target_state, step.inferred) for step in phone.session[1]]


def state(phone: Handset) -> str:
    instance = phone.instance
    return "" if instance is None else instance.state


def together(calls: Sequence[Callable[[], httpx2.Response]]) -> list[httpx2.Response]:
    """Make calls at once, each on a connection of its own."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return [asked.result() for asked in [threads.submit(call) for call in calls]]


def waiting_for(server: Server, calls: int) -> None:
    """Wait until so many calls are on their way through the endpoint."""
    endpoint = server.parts.flows

    async def gathered() -> None:
        while len(endpoint._queue) + len(endpoint._serving) < calls:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.001)

    server.run(gathered)


def in_one_turn(phone: Handset, envelopes: Sequence[Envelope], server: Server | None = None) -> list[FlowAnswer]:
    """Let the endpoint have calls at the very same moment, whatever the network does."""
    endpoint = (server or phone.server).parts.flows

    async def answers() -> list[FlowAnswer]:
        calls: list[Awaitable[tuple[FlowAnswer, str]]] = [
            endpoint.answer(phone.flow, envelope.body, [value for _, value in phone.signed(envelope.body)[1:]])
            for envelope in envelopes
        ]
        return [answer for answer, _ in await asyncio.gather(*calls)]

    return phone.server.run(answers)


# The way through


def test_a_customer_walks_through_a_flow_and_every_step_is_journalled(phone: Handset) -> None:
    answers = [
        phone.open(),
        phone.submit("FIRST", wish="more", count=2, unasked="for"),
        phone.submit("SECOND", size=2),
        phone.submit("LAST"),
    ]

    params = {"wish": "more", "flow_token": phone.token}
    assert answers == [
        first(),
        shows("SECOND", wish="more", note={}),
        shows("LAST", summary="more, 2more, 2"),
        shows("SUCCESS", extension_message_response={"params": params}),
    ]
    assert moves(phone) == [
        ("INIT", "not_opened", "FIRST", 0),
        ("data_exchange", "FIRST", "SECOND", 0),
        ("data_exchange", "SECOND", "LAST", 0),
        ("data_exchange", "LAST", "completed", 0),
    ]
    assert phone.server.outcomes() == {"ok": 4}


def test_back_shows_the_screen_that_the_phone_goes_back_to(phone: Handset) -> None:
    phone.open()
    phone.submit("FIRST", wish="more")
    phone.submit("SECOND", size=1)

    answers = [phone.back("LAST"), phone.back("SECOND")]

    assert answers == [shows("SECOND", wish="more", note={}), first()]
    assert moves(phone)[3:] == [("BACK", "LAST", "SECOND", 0), ("BACK", "SECOND", "FIRST", 0)]


def test_what_the_phone_did_without_a_call_is_inferred(phone: Handset) -> None:
    phone.open()
    phone.submit("FIRST", wish="more")
    phone.submit("SECOND", size=1)

    answer = phone.submit("FIRST", wish="less")

    assert answer == shows("SECOND", wish="less", note={})
    assert moves(phone)[3:] == [
        ("BACK", "LAST", "SECOND", 1),
        ("BACK", "SECOND", "FIRST", 1),
        ("data_exchange", "FIRST", "SECOND", 0),
    ]


def test_a_second_tap_shows_the_current_screen_and_moves_nothing(phone: Handset) -> None:
    phone.open()
    phone.submit("FIRST", wish="more", count=2)
    before = phone.session

    answer = phone.submit("FIRST", wish="more", count=2)

    assert answer == shows("SECOND", wish="more", note={})
    assert phone.session == before
    assert phone.server.outcomes() == {"ok": 2, "stale_step": 1}


def test_a_flow_that_is_opened_again_begins_again_and_keeps_what_it_knows(phone: Handset) -> None:
    phone.open()
    phone.submit("FIRST", wish="more")
    phone.submit("SECOND", size=1)
    before = phone.instance

    answer, after = phone.open(), phone.instance

    assert answer == first()
    assert before is not None
    assert after is not None
    assert (after.state, after.path, after.context) == ("FIRST", ("not_opened", "FIRST"), before.context)
    assert moves(phone)[3:] == [("reopened", "LAST", "FIRST", 0)]


# What is refused: the stored screen with a message, and nothing changed


@pytest.mark.parametrize(
    ("screen", "form", "code", "message"),
    [
        pytest.param("SECOND", {"size": 1}, "illegal_edge", NOT_HERE, id="a screen further on"),
        pytest.param("LAST", {}, "illegal_edge", NOT_HERE, id="the last screen"),
        pytest.param("SUCCESS", {}, "illegal_edge", NOT_HERE, id="the end"),
        pytest.param("completed", {}, "illegal_edge", NOT_HERE, id="a state that is no screen"),
        pytest.param("", {}, "illegal_edge", NOT_HERE, id="no screen"),
        pytest.param("first", {"wish": "more"}, "illegal_edge", NOT_HERE, id="in small letters"),
        pytest.param("FIRST", {}, "field_bad", "Please check: wish", id="a field is missing"),
        pytest.param("FIRST", {"wish": 7}, "field_bad", "Please check: wish", id="a field is of another type"),
        pytest.param("FIRST", {"wish": "more", "count": "x" * 99}, "field_bad", "Please check: count", id="a text"),
        pytest.param("FIRST", {"wish": None}, "field_bad", "Please check: wish", id="a field is null"),
        pytest.param("FIRST", {"wish": "refuse", "count": 9}, "refused", "9 is too much to wish for. " * 3, id="no"),
    ],
)
def test_what_is_refused_shows_the_screen_again_with_words_and_changes_nothing(
    phone: Handset, screen: str, form: dict[str, Any], code: str, message: str
) -> None:
    phone.open()
    before = phone.session

    answer = phone.submit(screen, **form)

    assert answer == first(error_message=message[:80].strip())
    assert phone.session == before
    assert phone.server.outcomes() == {"ok": 1, code: 1}


@pytest.mark.parametrize("screen", ["FIRST", "LAST", "NOWHERE", ""])
def test_back_from_where_the_phone_cannot_be_is_refused(phone: Handset, screen: str) -> None:
    phone.open()
    before = phone.session

    assert phone.back(screen) == first(error_message=NOT_HERE)
    assert phone.session == before
    assert phone.server.outcomes() == {"ok": 1, "illegal_edge": 1}


@pytest.mark.parametrize(
    "wish", ["raise", "nowhere", "illegal", "nothing", "hide", "lie", "babble", "mumble", "unspeakable", "shout"]
)
def test_a_fault_of_the_logic_is_ours_and_changes_nothing_and_the_log_says_nothing_of_the_customer(
    phone: Handset, wish: str
) -> None:
    phone.open()
    before = phone.session
    made = phone.called(action="data_exchange", screen="FIRST", data={"wish": wish, "count": 919800000042})

    with capture_logs() as log:
        answer = phone.send(made)

    (entry,) = log
    message = f"Something went wrong on our side. Reference: {entry['call'][:8]}"
    assert answer == first(error_message=message)
    assert phone.session == before
    assert phone.server.outcomes() == {"ok": 1, "handler_error": 1}
    assert (entry["event"], entry["flow"], entry["log_level"]) == ("flow_handler_error", "survey", "error")
    assert entry.get("screen", "FIRST") == ("SECOND" if wish in {"lie", "babble"} else "FIRST")
    assert not any(secret in str(log) for secret in (phone.token, "919800000042", wish + "'"))
    assert phone.submit("FIRST", wish="more").content["screen"] == "SECOND"


CALLS = some.lists(
    some.tuples(
        some.sampled_from(["INIT", "data_exchange", "data_exchange", "data_exchange", "BACK", "dance"]),
        some.sampled_from(["", "FIRST", "SECOND", "LAST", "SUCCESS", "not_opened"]),
        some.fixed_dictionaries(
            {}, optional={"wish": some.sampled_from(["more", "end", "illegal", "refuse"]), "size": some.integers(0, 2)}
        ),
    ),
    min_size=1,
    max_size=12,
)


def test_whatever_a_phone_calls_its_session_takes_only_steps_of_the_table(serve: Serve) -> None:
    server = serve(definitions=DEFINITIONS)
    definition = server.parts.catalogue.flow("survey").interpreter.definition
    table = {(arrow.source, arrow.event, arrow.target) for arrow in definition.transitions}

    @given(CALLS)
    @settings(max_examples=60, deadline=None)
    def walks(calls: list[tuple[str, str, dict[str, Any]]]) -> None:
        phone = Handset(server, token=secrets.token_urlsafe(16))
        before, steps = phone.session
        for action, screen, data in calls:
            answer = phone.call({"action": action, "screen": screen, "data": data})
            after, further = phone.session
            taken = further[len(steps) :]

            assert answer.status in {200, 427}
            assert further[: len(steps)] == steps
            assert [step.seq for step in further] == [*range(1, len(further) + 1)]
            assert {(step.source_state, step.event, step.target_state) for step in taken} <= table
            if not taken:
                assert after == before
            elif after is not None and answer.status == 200:
                shown = answer.content["screen"]
                assert ("completed" if shown == "SUCCESS" else shown) == after.state == taken[-1].target_state
            before, steps = after, further

    walks()


# The same body again


def test_every_call_of_a_walk_that_comes_again_gets_the_same_bytes_and_moves_nothing(phone: Handset) -> None:
    made = [
        phone.called(action="INIT"),
        phone.called(action="data_exchange", screen="SECOND", data={"size": 1}),
        phone.called(action="data_exchange", screen="FIRST", data={"wish": "refuse"}),
        phone.called(action="data_exchange", screen="FIRST", data={"wish": "raise"}),
        phone.called(action="data_exchange", screen="FIRST", data={"wish": "more"}),
        phone.called(action="data_exchange", screen="FIRST", data={"wish": "more"}),
        phone.called(action="BACK", screen="SECOND"),
        phone.called(action="data_exchange", screen="FIRST", data={"wish": "end"}),
        phone.called(action="INIT"),
    ]
    said = [phone.post(each.body) for each in made]
    before = phone.session

    phone.server.clock.move(SECOND)
    again = [phone.post(each.body) for each in [*reversed(made), *made]]

    contents = [response.content for response in said]
    assert [response.status_code for response in said] == [200] * 8 + [427]
    assert [response.content for response in again] == [*reversed(contents), *contents]
    assert [response.status_code for response in again] == [427] + [200] * 16 + [427]
    assert phone.session == before
    assert phone.server.outcomes()["replay"] == 18


def test_a_body_that_comes_again_by_another_flow_is_still_the_same_call(phone: Handset) -> None:
    made = phone.called(action="INIT")
    said = phone.post(made.body)
    phone.path = "/flows/personalised_offer"

    assert phone.post(made.body).content == said.content


def test_a_server_that_was_killed_gives_the_answers_that_it_gave_before(
    database: Path, endpoint_key: Key, way: str
) -> None:
    with running(database, [endpoint_key], way=way, definitions=DEFINITIONS) as server:
        phone = Handset(server)
        made = [
            phone.called(action="INIT"),
            phone.called(action="data_exchange", screen="FIRST", data={"wish": "more"}),
        ]
        said = [phone.post(each.body).content for each in made]
        before = phone.session

    with running(database, [endpoint_key], way=way, definitions=DEFINITIONS) as server:
        later = Handset(server)
        again = [later.post(each.body).content for each in made]

        assert again == said
        assert later.session == before
        assert later.submit("SECOND", size=1) == shows("LAST", summary="more, 1")


def test_a_session_of_a_flow_that_is_not_here_any_more_gets_a_427_and_stays(
    database: Path, endpoint_key: Key, way: str
) -> None:
    with running(database, [endpoint_key], way=way, definitions=DEFINITIONS) as server:
        phone = Handset(server)
        made = phone.called(action="INIT")
        said = phone.post(made.body).content
        before = phone.session

    with running(database, [endpoint_key], way=way) as server:
        later = Handset(server)
        gone = later.submit("FIRST", wish="more")

        assert gone == Answer(427, {"version": "3.0", "error_msg": NO_SESSION})
        assert later.session == before
        assert later.post(made.body).content == said


def test_a_large_answer_is_made_again_as_long_as_its_session_stands_there(phone: Handset) -> None:
    phone.open()
    phone.submit("FIRST", wish="more")
    made = phone.called(action="data_exchange", screen="SECOND", data={"size": KEPT_BYTES})
    said = phone.post(made.body)

    again = [phone.post(made.body) for _ in range(2)]
    phone.back("LAST")
    gone = phone.post(made.body)

    assert len(said.content) > KEPT_BYTES
    assert [response.content for response in again] == [said.content] * 2
    assert (gone.status_code, gone.content) == (427, b"")
    assert phone.server.outcomes() == {"ok": 4, "replay": 2, "replay_gone": 1}


# At once


def test_copies_of_a_call_that_come_at_once_are_one_step_and_one_answer(phone: Handset) -> None:
    phone.open()
    made = phone.called(action="data_exchange", screen="FIRST", data={"wish": "more"})

    said = together([lambda: phone.post(made.body)] * 20)

    assert {(response.status_code, response.content) for response in said} == {(200, said[0].content)}
    assert read(made, said[0]) == shows("SECOND", wish="more", note={})
    assert len(moves(phone)) == 2


def test_copies_of_a_call_within_one_turn_are_one_step_and_one_answer(phone: Handset) -> None:
    phone.open()
    made = phone.called(action="data_exchange", screen="FIRST", data={"wish": "more"})

    said = in_one_turn(phone, [made] * 100)

    assert {(answer.status, answer.body) for answer in said} == {(200, said[0].body)}
    assert {answer.code for answer in said} == {"ok", "replay"}
    assert len(moves(phone)) == 2


def test_different_calls_of_one_session_at_once_are_judged_one_after_the_other(phone: Handset) -> None:
    phone.open()
    made = [
        phone.called(action="data_exchange", screen="FIRST", data={"wish": wish})
        for wish in ("more", "less", "most", "least")
    ]

    said = in_one_turn(phone, made)

    wishes = [each.read(answer.body)["data"]["wish"] for each, answer in zip(made, said, strict=True)]
    instance = phone.instance
    assert sorted(wishes) == ["least", "less", "more", "most"]
    assert [answer.code for answer in said] == ["ok"] * 4
    assert instance is not None
    assert instance.context["forms"]["FIRST"]["wish"] in wishes
    assert len(moves(phone)) == 1 + 4 + 3


def test_calls_of_one_turn_are_each_answered_on_their_own_merits(phone: Handset) -> None:
    opened = [Handset(phone.server, token=f"{phone.token}{number}") for number in range(4)]
    good = [each.called(action="INIT") for each in opened]
    faulty = phone.called(action="INIT", version=2**70)
    noise = Envelope(b"{}", b"", b"")

    said = in_one_turn(phone, [good[0], noise, good[1], faulty, good[2], phone.envelope(action="ping"), good[3]])

    assert [(answer.status, answer.code) for answer in said] == [
        (200, "ok"),
        (421, "format"),
        (200, "ok"),
        (421, "inner_bad"),
        (200, "ok"),
        (200, "ping"),
        (200, "ok"),
    ]


# Logic that waits


@pytest.fixture
def waiting(shared_server: Server, phone: Handset) -> Handset:
    """Return a phone on the first screen of the flow whose logic waits."""
    asking = Handset(shared_server, "waiting", phone.token)
    asking.open()
    return asking


@pytest.mark.parametrize("show", [False, True])
def test_logic_that_takes_too_long_is_given_up_and_nothing_changed(
    waiting: Handset, monkeypatch: pytest.MonkeyPatch, show: bool
) -> None:
    monkeypatch.setattr(flows, "LOGIC_SECONDS", 0.05)
    before = waiting.session
    made = waiting.called(action="data_exchange", screen="FIRST", data={"seconds": 60, "show": show})

    said = [waiting.post(made.body) for _ in range(2)]

    assert read(made, said[0]) == shows("FIRST", error_message="That did not work. Please try again.")
    assert said[1].content == said[0].content
    assert waiting.session == before
    assert waiting.server.outcomes() == {"ok": 1, "deadline": 1, "replay": 1}


def test_logic_that_nothing_could_stop_keeps_nothing_either(phone: Handset, monkeypatch: pytest.MonkeyPatch) -> None:
    phone.open()
    before = phone.session
    monkeypatch.setattr(flows, "LOGIC_SECONDS", 0.05)

    answer = phone.submit("FIRST", wish="dawdle")

    assert answer == shows("FIRST", error_message="That did not work. Please try again.")
    assert phone.session == before
    assert phone.server.outcomes() == {"ok": 1, "deadline": 1}


def test_logic_that_waits_holds_nobody_else_up(waiting: Handset, phone: Handset) -> None:
    made = waiting.called(action="data_exchange", screen="FIRST", data={"seconds": 1})

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(waiting.post, made.body)
        others = [phone.open(), phone.submit("FIRST", wish="more"), waiting.open()]
        waited = not slow.done()
        answer = read(made, slow.result())

    assert others == [first(), shows("SECOND", wish="more", note={}), shows("FIRST")]
    assert waited
    assert answer == shows("LAST", waited=1)
    assert state(waiting) == "LAST"


def test_logic_that_waits_and_fails_is_our_fault(waiting: Handset) -> None:
    before = waiting.session

    answer = waiting.submit("FIRST", seconds=-1)

    assert answer.status == 200
    assert answer.content["data"]["error_message"].startswith("Something went wrong on our side. Reference: ")
    assert waiting.session == before


def test_copies_of_a_call_to_logic_that_waits_are_one_step_and_one_answer(waiting: Handset) -> None:
    made = waiting.called(action="data_exchange", screen="FIRST", data={"seconds": 0.01})

    said = in_one_turn(waiting, [made] * 10)

    assert {(answer.status, answer.body) for answer in said} == {(200, said[0].body)}
    assert moves(waiting)[1:] == [("data_exchange", "FIRST", "LAST", 0)]


# A database that cannot take it


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_what_the_database_cannot_take_gets_a_503_and_is_taken_later(lone_phone: Handset, fault: Any) -> None:
    lone_phone.open()
    before = lone_phone.session
    made = lone_phone.called(action="data_exchange", screen="FIRST", data={"wish": "more"})

    with fault(lone_phone.server), capture_logs() as log:
        refused = [lone_phone.post(made.body) for _ in range(2)]
    unchanged = lone_phone.session == before
    served = [lone_phone.post(made.body) for _ in range(2)]

    said = [(response.status_code, response.content, response.headers["retry-after"]) for response in refused]
    assert said == [(503, b"", "2")] * 2
    assert unchanged
    assert read(made, served[0]) == shows("SECOND", wish="more", note={})
    assert served[1].content == served[0].content
    assert len(moves(lone_phone)) == 2
    assert lone_phone.server.outcomes() == {
        "ok": 2,
        "storage_full" if fault is full else "db_down": 2,
        "replay": 1,
    }
    assert [entry["event"] for entry in log if entry["event"] != "timers_put_off"] == ["flow_store_error"] * 2
    assert not any(secret in str(log) for secret in (lone_phone.token, "more"))


def test_a_repeat_that_cannot_be_looked_up_gets_a_503_and_its_answer_later(lone_phone: Handset) -> None:
    made = [
        lone_phone.called(action="INIT"),
        lone_phone.called(action="data_exchange", screen="LAST"),
        lone_phone.called(action="data_exchange", screen="FIRST", data={"wish": "refuse"}),
    ]
    said = [lone_phone.post(each.body).content for each in made]

    with down(lone_phone.server):
        refused = [lone_phone.post(each.body) for each in made]
    again = [lone_phone.post(each.body).content for each in made]

    assert [(response.status_code, response.content) for response in refused] == [(503, b"")] * 3
    assert again == said


@pytest.mark.parametrize("fault", [down, read_only, busy])
def test_a_ping_says_that_the_database_is_away_once_it_has_been_so_for_a_while(lone_phone: Handset, fault: Any) -> None:
    clock = lone_phone.server.clock
    active = Answer(200, {"version": "3.0", "data": {"status": "active"}})

    def ping() -> Answer:
        return lone_phone.send(lone_phone.envelope(version="3.0", action="ping"))

    with fault(lone_phone.server):
        assert lone_phone.open().status == 503
        said = [ping()]
        clock.move(DOWN)
        said.append(ping())
        clock.move(SECOND)
        said += [ping(), ping()]
    said += [ping(), lone_phone.open()]

    assert said == [active, active, Answer(503), Answer(503), active, first()]


def test_an_error_of_a_phone_is_acknowledged_while_the_database_is_away(lone_phone: Handset) -> None:
    with down(lone_phone.server):
        answers = [
            lone_phone.call({"action": "INIT", "data": {"error": "invalid-screen-transition"}}),
            lone_phone.call({"action": "INIT", "flow_token": "unused"}),
        ]

    assert answers == [
        Answer(200, {"version": "3.0", "data": {"acknowledged": True}}),
        Answer(427, {"version": "3.0", "error_msg": NO_SESSION}),
    ]


def test_calls_beyond_what_can_wait_are_turned_away_at_once_and_served_later(
    serve: Serve, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "QUEUE", 3)
    phone = Handset(serve(way=way, definitions=DEFINITIONS))
    made = [Handset(phone.server, token=f"token {number}").called(action="INIT") for number in range(8)]

    with commits_held(phone.server) as release, ThreadPoolExecutor(3) as threads:
        asked = []
        for number, each in enumerate(made[:3], 1):
            asked.append(threads.submit(phone.post, each.body))
            waiting_for(phone.server, number)
        refused = [phone.post(each.body) for each in made[3:]]
        release()
        served = [each.result() for each in asked]

    assert [response.status_code for response in served] == [200] * 3
    said = {(response.status_code, response.content, response.headers["retry-after"]) for response in refused}
    assert said == {(503, b"", "2")}
    assert phone.server.outcomes() == {"ok": 3, "shed": 5}
    assert [phone.post(each.body).status_code for each in made] == [200] * 8


def test_no_answer_leaves_before_its_commit(lone_phone: Handset) -> None:
    made = lone_phone.called(action="INIT")

    with ThreadPoolExecutor(1) as threads, commits_held(lone_phone.server) as release:
        asked = threads.submit(lone_phone.post, made.body)
        waiting_for(lone_phone.server, 1)
        lone_phone.server.client.get("/health/live")
        early = asked.done()
        release()
        answer = read(made, asked.result())

    assert not early
    assert answer == first()
