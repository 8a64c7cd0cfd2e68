"""The message that brings a Flow: its words, and how it opens."""

import json
from pathlib import Path
from typing import Any

import pytest

from definitions.catalogue import Catalogue
from definitions.flow_json.document import read_document
from definitions.flow_messages import FlowMessage, flow_message, send_flow
from definitions.outgoing import MessageCall, Nothing
from engine.errors import DefinitionError
from tests.builders import HOUR, MINUTE, NOON
from tests.definitions.documents import a_flow, a_screen, an_exchange, does, the_end
from tests.definitions.wishing import NUMBER, PHONE, a_wish, an_instance_of, heard

WITHOUT_ENDPOINT = read_document(a_flow(a_screen("START", does("navigate", "END")), the_end()))
WITH_ENDPOINT = read_document(an_exchange({"FIRST": ["LAST"], "LAST": []}))


def test_a_flow_with_an_endpoint_opens_by_asking_it() -> None:
    assert FlowMessage().interactive("survey", WITH_ENDPOINT, {"for": "its logic"}) == {
        "type": "flow",
        "body": {"text": "Please tap the button to continue."},
        "action": {
            "name": "flow",
            "parameters": {
                "flow_message_version": "3",
                "flow_name": "survey",
                "flow_cta": "Continue",
                "mode": "published",
                "flow_action": "data_exchange",
            },
        },
    }


@pytest.mark.parametrize(
    ("data", "first"), [({}, {"screen": "START"}), ({"a": 1}, {"screen": "START", "data": {"a": 1}})]
)
def test_a_flow_without_one_opens_on_its_first_screen(data: dict[str, Any], first: dict[str, Any]) -> None:
    parameters = FlowMessage().interactive("survey", WITHOUT_ENDPOINT, data)["action"]["parameters"]

    assert (parameters["flow_action"], parameters["flow_action_payload"]) == ("navigate", first)


def test_a_flows_folder_says_what_its_message_says(tmp_path: Path) -> None:
    words = {"header": "Kumar Teas", "body": "When may we come?", "footer": "Reply STOP", "cta": "Choose"}
    (tmp_path / "message.json").write_text(json.dumps({**words, "flow_id": "6627390910605886", "mode": "draft"}))

    interactive = flow_message(tmp_path / "flow.json").interactive("survey", WITH_ENDPOINT, {})

    assert interactive == {
        "type": "flow",
        "header": {"type": "text", "text": "Kumar Teas"},
        "body": {"text": "When may we come?"},
        "footer": {"text": "Reply STOP"},
        "action": {
            "name": "flow",
            "parameters": {
                "flow_message_version": "3",
                "flow_id": "6627390910605886",
                "flow_cta": "Choose",
                "mode": "draft",
                "flow_action": "data_exchange",
            },
        },
    }


def test_without_words_of_its_own_a_flow_has_the_usual_ones(tmp_path: Path) -> None:
    assert flow_message(tmp_path / "flow.json") == flow_message(None) == FlowMessage()


@pytest.mark.parametrize(
    "text",
    ["{", '{"title": "x"}', '{"body": ""}', '{"cta": "%s"}' % ("x" * 31), '{"mode": "live"}', '{"flow_id": "x"}'],
)
def test_words_that_whatsapp_does_not_take_stop_the_loading(tmp_path: Path, text: str) -> None:
    (tmp_path / "message.json").write_text(text)

    with pytest.raises(DefinitionError, match=r"message\.json"):
        flow_message(tmp_path / "flow.json")


def test_every_flow_that_ships_has_a_message() -> None:
    catalogue = Catalogue.load()

    assert {*catalogue.flow_messages} == {*catalogue.flows}


def sent(**known: Any) -> Any:
    session = an_instance_of("survey", "not_opened", {"recipient": PHONE, "expires_at": NOON}, "ws_1")
    data = {"interactive": FlowMessage().interactive("survey", WITH_ENDPOINT, {})}
    return send_flow(a_wish("send_flow", session, data, **{"recipient": heard(NOON), **known}))


def test_the_sessions_key_is_the_messages_token() -> None:
    call = sent()

    assert isinstance(call, MessageCall)
    assert (call.lane, call.phone_number_id) == (f"whatsapp/{NUMBER}/{PHONE}", NUMBER)
    assert (call.body["to"], call.body["type"], call.body["biz_opaque_callback_data"]) == (PHONE, "interactive", "e-1")
    assert call.body["interactive"]["action"]["parameters"].pop("flow_token") == "ws_1"
    assert "context" not in call.body


def test_a_flow_reaches_who_has_written_less_than_a_day_ago() -> None:
    assert sent(now=NOON + 24 * HOUR) == Nothing("outside_window")
    assert sent(now=NOON + MINUTE, reason="131047 again") == Nothing("outside_window")
