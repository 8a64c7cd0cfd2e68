"""Questions about products over real HTTP: asked by customers, answered by staff."""

from typing import Any

import pytest

from engine.model import SECOND
from tests.api.kept import deliver
from tests.api.serving import Server
from tests.api.speaking import NOON_SECOND, Heard, a_call, a_message, a_question, ask, messages, moves, quoted, session
from tests.builders import HOUR, MINUTE


def asked(server: Server) -> str:
    """Let a customer ask about a product; return the inquiry's key."""
    question = a_question()
    deliver(server, a_call(messages(question)))
    key: str = question["id"]
    return key


def act(server: Server, key: str, event: str, **data: Any) -> Heard:
    """Let staff, or who tells what became of an effect, send an event to an inquiry."""
    path = f"/admin/api/v1/sessions/inquiry/{quoted(key)}/events"
    return ask(server, "POST", path, {"event": event, "data": data}, token=server.world.admin_token)


def names(server: Server, key: str) -> list[str]:
    return [effect["name"] for effect in session(server, "inquiry", key)["effects"]]


def test_the_answer_of_staff_is_sent_and_the_question_stays(server: Server) -> None:
    key = asked(server)

    heard = act(server, key, "answered", text="Yes, in blue and in green.")

    assert (heard.status, heard.content["state"]) == (200, "answering")
    assert heard.content["context"]["question"] == "Does it come in blue?"
    assert names(server, key) == ["alert_inquiry", "send_answer"]
    assert act(server, key, "answer_sent").content["state"] == "answered"


def test_an_answer_that_cannot_be_delivered_leaves_the_question_open(server: Server) -> None:
    key = asked(server)
    act(server, key, "answered", text="Yes.")

    assert act(server, key, "answer_failed", code="131026").content["state"] == "open"

    assert names(server, key) == ["alert_inquiry", "send_answer", "alert_inquiry"]
    assert act(server, key, "answered", text="Yes!").content["state"] == "answering"


def test_an_answer_that_failed_and_is_sent_again_settles_the_question(server: Server) -> None:
    key = asked(server)
    act(server, key, "answered", text="Yes.")
    act(server, key, "answer_failed")

    assert act(server, key, "answer_sent").content["state"] == "answered"


def test_of_two_answers_on_their_way_the_last_word_counts(server: Server) -> None:
    key = asked(server)
    act(server, key, "answered", text="Yes.")
    act(server, key, "answer_failed")
    act(server, key, "answered", text="Yes!")

    told = [act(server, key, name).content["state"] for name in ("answer_sent", "answer_failed", "answer_sent")]

    assert told == ["answered", "open", "answered"]
    assert names(server, key).count("alert_inquiry") == 3


@pytest.mark.parametrize("data", [{}, {"text": ""}, {"text": "  \n"}, {"text": 7}, {"text": "x" * 4097}])
def test_an_answer_that_is_no_message_is_refused(office: Server, data: dict[str, Any]) -> None:
    key = asked(office)

    heard = act(office, key, "answered", **data)

    assert (heard.status, heard.content["code"]) == (409, "illegal_transition")
    assert session(office, "inquiry", key)["state"] == "open"


def test_the_longest_answer_that_whatsapp_takes_is_taken(office: Server) -> None:
    assert act(office, asked(office), "answered", text="x" * 4096).status == 200


def test_a_question_can_be_answered_for_a_day(server: Server) -> None:
    key = asked(server)

    server.clock.move(24 * HOUR + MINUTE)
    assert act(server, key, "answered", text="Yes.").status == 409
    server.clock.move(-1)
    assert act(server, key, "answered", text="Yes.").status == 200


def test_every_question_is_an_inquiry_of_its_own(server: Server) -> None:
    first, second = asked(server), asked(server)

    act(server, first, "answered", text="Yes.")

    assert moves(server, "inquiry", second) == [("asked", "new", "open")]
    path = "/admin/api/v1/sessions?definition=inquiry&state=open"
    listed = ask(server, "GET", path, token=server.world.admin_token).content["items"]
    assert [item["key"] for item in listed] == [second]


def test_who_writes_again_can_be_answered_for_another_day(server: Server) -> None:
    key = asked(server)
    server.clock.move(30 * HOUR)
    hello = a_message("text", {"body": "Hello?"}, timestamp=str(server.clock.now // SECOND))

    for again in range(2):
        deliver(server, {**a_call(messages(hello)), "again": again})

    assert moves(server, "inquiry", key) == [("asked", "new", "open"), ("wrote", "open", "open")]
    server.clock.move(23 * HOUR)
    assert act(server, key, "answered", text="Yes.").status == 200


def test_an_older_message_that_comes_late_prolongs_nothing(server: Server) -> None:
    key = asked(server)

    deliver(server, a_call(messages(a_message("text", {"body": "Hello"}, timestamp=str(NOON_SECOND - 60)))))
    deliver(server, a_call(messages(a_message("text", {"body": "Hello"}, **{"from": "919800000043"}))))

    assert moves(server, "inquiry", key) == [("asked", "new", "open")]


def test_a_closed_question_is_left_alone(server: Server) -> None:
    key = asked(server)
    act(server, key, "closed")

    deliver(server, a_call(messages(a_message("text", {"body": "Thanks"}, timestamp=str(NOON_SECOND + 600)))))

    assert [step[0] for step in moves(server, "inquiry", key)] == ["asked", "closed"]
