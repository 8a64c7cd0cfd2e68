"""Flows sent to people: sessions opened and messages asked for, over real HTTP, and composed by the outbox."""

from typing import Any

import pytest

from api.outbox import Attempt
from engine.model import SECOND
from tests.api.conftest import Serve
from tests.api.kept import deliver
from tests.api.serving import Server
from tests.api.speaking import NUMBER, PHONE, Heard, a_call, a_completion, a_message, ask, messages, session
from tests.builders import HOUR


@pytest.fixture
def server(serve: Serve) -> Server:
    """Return a server that has a number to send from."""
    return serve(phone_number_id=NUMBER)


def send(server: Server, flow: str = "personalised_offer", **content: Any) -> Heard:
    content = {"recipient": PHONE, **content}
    return ask(server, "POST", f"/admin/api/v1/flows/{flow}/send", content, token=server.world.admin_token)


def begun(server: Server, effect_id: str) -> Any:
    """Return what the outbox makes of an effect that is due."""
    server.run(server.parts.outbox.address)
    return server.run(lambda: server.parts.outbox.begin(effect_id))


def the_message_of(server: Server, sent: Heard) -> dict[str, Any]:
    attempt = begun(server, sent.content["effect"])
    assert isinstance(attempt, Attempt)
    body: dict[str, Any] = attempt.call.body  # type: ignore[union-attr]
    return body


def test_a_session_is_opened_and_its_message_asked_for(server: Server) -> None:
    sent = send(server, data={"for": "the logic"})

    assert sent.status == 201
    found = session(server, "personalised_offer", sent.content["key"])
    assert (found["state"], found["context"]["recipient"]) == ("not_opened", PHONE)
    assert [(effect["id"], effect["name"], effect["status"]) for effect in found["effects"]] == [
        (sent.content["effect"], "send_flow", "pending")
    ]


def test_who_has_just_written_gets_the_flow(server: Server) -> None:
    deliver(server, a_call(messages(a_message("text", {"body": "Hello"}))))

    sent = send(server)

    body = the_message_of(server, sent)
    assert (body["to"], body["interactive"]["type"]) == (PHONE, "flow")
    assert body["interactive"]["action"]["parameters"] == {
        "flow_message_version": "3",
        "flow_name": "personalised_offer",
        "flow_cta": "Continue",
        "flow_token": sent.content["key"],
        "flow_action": "data_exchange",
        "mode": "published",
    }


def test_a_flow_without_an_endpoint_brings_its_first_screen(server: Server) -> None:
    deliver(server, a_call(messages(a_message("text", {"body": "Hello"}))))

    sent = send(server, "purchase_interest", recipient=f"+{PHONE[:2]} {PHONE[2:]}", data={"name": "Asha"})

    parameters = the_message_of(server, sent)["interactive"]["action"]["parameters"]
    assert parameters["flow_action_payload"] == {"screen": "JOIN_NOW", "data": {"name": "Asha"}}
    deliver(server, a_call(messages(a_completion({"flow_token": sent.content["key"]}))))
    assert session(server, "purchase_interest", sent.content["key"])["state"] == "completed"


def test_who_has_not_written_for_a_day_gets_nothing_and_staff_see_why(server: Server) -> None:
    deliver(server, a_call(messages(a_message("text", {"body": "Hello"}))))
    server.clock.move(24 * HOUR + 60 * SECOND)

    sent = send(server)

    assert begun(server, sent.content["effect"]) is None
    (effect,) = session(server, "personalised_offer", sent.content["key"])["effects"]
    assert (effect["status"], effect["reason"]) == ("discarded", "outside_window")


@pytest.mark.parametrize("recipient", ["Asha", "12", "asha@shop.example", "+", "IN", "9" * 31, "98 <b>"])
def test_who_cannot_be_reached_is_refused(server: Server, recipient: str) -> None:
    heard = send(server, recipient=recipient)

    assert (heard.status, [error["pointer"] for error in heard.content["errors"]]) == (422, ["/recipient"])


def test_who_shows_no_number_is_reached_by_the_name_they_have(server: Server) -> None:
    sent = send(server, recipient="IN.13491208655302741918")

    assert session(server, "personalised_offer", sent.content["key"])["context"]["recipient"].startswith("IN.")


def test_what_is_not_there_cannot_be_sent(server: Server) -> None:
    assert send(server, "inquiry").said[1]["code"] == "unknown_definition"
    assert send(server, "nothing").status == 404
    heard = send(server, about={"definition": "ndr_case", "key": "none"})
    assert (heard.status, heard.content["code"]) == (404, "unknown_session")


def test_a_session_knows_what_it_was_sent_about(server: Server) -> None:
    about = {"definition": "personalised_offer", "key": send(server).content["key"]}

    sent = send(server, "purchase_interest", about=about)

    assert session(server, "purchase_interest", sent.content["key"])["context"]["about"] == about


def test_sending_is_for_administrators(server: Server) -> None:
    path = "/admin/api/v1/flows/personalised_offer/send"
    assert ask(server, "POST", path, {"recipient": PHONE}, token=server.world.portal_token).status == 403
