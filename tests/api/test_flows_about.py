"""Sessions of Flows that act on something else: seen by their logic, told with their last step, in one commit."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from api.flows import FlowAnswer, FlowEndpoint
from api.keyring import Key, KeyRing
from api.metrics import Metrics
from definitions.catalogue import Catalogue
from definitions.flow_calls import ABOUT, NO_SESSION
from definitions.media import NoMedia
from engine.model import Event, Step, born
from engine.ports import Decision, Verdict
from lab.phone import Answer, Envelope
from storage.memory import MemoryStore
from tests.api.conftest import Serve
from tests.api.kept import refusing
from tests.api.phones import Handset
from tests.api.serving import SECRETS, FakeClock, Server
from tests.api.speaking import ABSENT, Heard, a_scan, an_order, ask, history, moves, put_order, resolve, scan, session
from tests.builders import NOON
from tests.definitions.documents import a_flow, a_screen, does, source_of

CASE = "O-1:T-1:20260101T120000Z"

SETTLED = "This can no longer be changed."

QUESTION = {
    "id": "question",
    "initial": "asked",
    "states": {
        "asked": {
            "tags": "open",
            "on": {
                "answered": {"guard": "counts_as_attempt", "target": "settled", "actions": "alert_inquiry"},
                "counted": {"guard": "no_shipment_yet", "target": "settled"},
            },
        },
        "settled": {"type": "final"},
    },
}
"""A lifecycle whose guards can be made to say yes, no, and nothing at all."""

DECIDING = a_flow(
    a_screen(
        "ASK",
        {"type": "TextBody", "text": "${data.said}"},
        does("data_exchange", payload={"event": "answered"}),
        data={"said": {"type": "string", "__example__": "x"}},
        terminal=True,
    ),
    data_api_version="3.0",
    routing_model={"ASK": []},
)

LOGIC = """
from definitions.screens import Screens, Session, Success, Tell

screens = Screens()


@screens.show("ASK")
{how} show(session: Session) -> dict[str, str]:
    about = session.about
    return {{"said": "nothing" if about is None else f"{{about.state}} {{about.tags}} {{about.allowed}}"}}


@screens.submit("ASK")
{how} decide(session: Session, form: dict[str, str]) -> Success:
    return Success({{"told": form["event"]}}, Tell(form["event"], form, {{"answer": form["event"]}}))
"""

ASKED = Answer(200, {"version": "3.0", "screen": "ASK", "data": {"said": "asked ('open',) ('answered', 'counted')"}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return definitions of the tests' own: a question, and two Flows that answer one, at once and after a while."""
    for name, how in (("deciding", "def"), ("pondering", "async def")):
        place = tmp_path / "flows" / name
        place.mkdir(parents=True)
        (place / "flow.json").write_bytes(source_of(DECIDING))
        (place / "screens.py").write_text(LOGIC.format(how=how))
    (tmp_path / "lifecycles").mkdir()
    (tmp_path / "lifecycles" / "question.json").write_bytes(source_of(QUESTION))
    return tmp_path


@pytest.fixture
def asked(serve: Serve, folder: Path) -> Server:
    """Return a server where a question is open."""
    server = serve(definitions=folder)
    commit(server, noted(server.parts.catalogue, "question", "Q-1"))
    return server


def noted(catalogue: Catalogue, definition: str, key: str, **context: Any) -> Step:
    """Return the first step of an instance."""
    interpreter = catalogue.interpreter(definition)
    instance = born(interpreter.definition, key, NOON, context=context)
    return interpreter.note(instance, Event(f"birth/{key}", "born", NOON, NOON), "born")


def commit(server: Server, step: Step) -> None:
    """Let a server's store have a step."""
    decision = Decision(recorded_at=NOON, steps=(step,))
    assert server.run(lambda: server.parts.store.commit(decision)) is Verdict.COMMITTED


def mint(server: Server, about: Any, flow: str = "deciding", **data: Any) -> Heard:
    """Let staff open a session that is about something."""
    body = {"definition": flow, "about": about, "data": data}
    return ask(server, "POST", "/admin/api/v1/sessions", body, token=server.world.admin_token)


def a_phone(server: Server, definition: str = "question", key: str = "Q-1", flow: str = "deciding") -> Handset:
    """Return a phone whose session is about that instance."""
    heard = mint(server, {"definition": definition, "key": key}, flow)
    return Handset(server, flow, heard.content["key"])


def state(server: Server, definition: str = "question", key: str = "Q-1") -> tuple[str, int]:
    """Return the state of an instance and how often it was written."""
    found = session(server, definition, key)
    return found["state"], found["revision"]


def success(phone: Handset, **params: Any) -> Answer:
    """Return the answer that ends a phone's Flow."""
    ended = {"extension_message_response": {"params": {**params, "flow_token": phone.token}}}
    return Answer(200, {"version": "3.0", "screen": "SUCCESS", "data": ended})


# Minting


def test_a_session_is_minted_to_be_about_something(asked: Server) -> None:
    phone = a_phone(asked)

    instance = phone.instance
    assert instance is not None
    assert instance.context["about"] == {"definition": "question", "key": "Q-1"}


@pytest.mark.parametrize(
    ("about", "flow", "said"),
    [
        pytest.param({"definition": "question", "key": "Q-2"}, "deciding", (404, "unknown_session"), id="no such key"),
        pytest.param({"definition": "riddle", "key": "Q-1"}, "deciding", (404, "unknown_session"), id="no such kind"),
        pytest.param(
            {"definition": "question", "key": "Q-1"}, "riddle", (404, "unknown_definition"), id="no such Flow"
        ),
        pytest.param({"definition": "question"}, "deciding", (422, "invalid_content"), id="no key"),
    ],
)
def test_a_session_about_nothing_that_is_there_is_not_minted(
    asked: Server, about: Any, flow: str, said: tuple[int, str]
) -> None:
    heard = mint(asked, about, flow)

    assert (heard.status, heard.content["code"]) == said


# Telling


@pytest.mark.parametrize("flow", ["deciding", "pondering"])
def test_what_a_session_is_about_takes_what_it_is_told(asked: Server, flow: str) -> None:
    phone = a_phone(asked, flow=flow)

    answers = [phone.open(), phone.submit("ASK", event="answered", ndr_code="1")]

    assert answers == [ASKED, success(phone, told="answered")]
    assert moves(asked, flow, phone.token)[-1] == ("data_exchange", "ASK", "completed")
    told = history(asked, "question", "Q-1")[-1]
    assert (told["event"], told["source_state"], told["target_state"]) == ("answered", "asked", "settled")
    assert (told["actor"], told["data"]) == ("customer", {"event": "answered", "ndr_code": "1"})
    settled = session(asked, "question", "Q-1")
    assert settled["context"] == {"answer": "answered"}
    assert [(effect["name"], effect["status"]) for effect in settled["effects"]] == [("alert_inquiry", "pending")]


def test_the_same_call_again_gets_the_same_answer_and_tells_nothing(asked: Server) -> None:
    phone = a_phone(asked)
    phone.open()
    envelope = phone.called(action="data_exchange", screen="ASK", data={"event": "answered", "ndr_code": "1"})
    first = phone.post(envelope.body)
    before = state(asked)

    assert phone.post(envelope.body).content == first.content
    assert state(asked) == before == ("settled", 2)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param({"event": "answered", "ndr_code": "4"}, id="the guard says no"),
        pytest.param({"event": "shouted"}, id="no such event"),
    ],
)
def test_a_session_does_not_end_that_tells_what_is_not_taken(asked: Server, form: dict[str, str]) -> None:
    phone = a_phone(asked)
    phone.open()
    before = phone.session, state(asked)

    answer = phone.submit("ASK", **form)

    assert answer == Answer(200, {**ASKED.content, "data": {**ASKED.content["data"], "error_message": SETTLED}})
    assert (phone.session, state(asked)) == before
    assert phone.submit("ASK", event="answered", ndr_code="1") == success(phone, told="answered")


def test_what_breaks_a_guard_is_our_fault_and_changes_nothing(asked: Server) -> None:
    phone = a_phone(asked)
    phone.open()
    before = phone.session, state(asked)

    answer = phone.submit("ASK", event="counted")

    assert answer.content["screen"] == "ASK"
    assert answer.content["data"]["error_message"].startswith("Something went wrong on our side. Reference: ")
    assert (phone.session, state(asked)) == before
    assert asked.outcomes() == {"ok": 1, "handler_error": 1}


def test_what_follows_from_facts_alone_can_be_read_and_not_told(asked: Server) -> None:
    put_order(asked, an_order())
    scan(asked, a_scan("out_for_delivery"))
    phone = a_phone(asked, "shipment", "O-1:T-1")
    before = state(asked, "shipment", "O-1:T-1")

    answers = [phone.open(), phone.submit("ASK", event="forward.delivered")]

    assert [answer.content["data"] for answer in answers] == [
        {"said": "forward.out_for_delivery ('shipped', 'out_for_delivery') ()"},
        {"said": "forward.out_for_delivery ('shipped', 'out_for_delivery') ()", "error_message": SETTLED},
    ]
    assert state(asked, "shipment", "O-1:T-1") == before


def test_of_two_sessions_at_once_one_tells_and_the_other_sees_it_settled(asked: Server) -> None:
    phones = [a_phone(asked) for _ in range(2)]
    for phone in phones:
        phone.open()
    said = {"action": "data_exchange", "screen": "ASK", "data": {"event": "answered", "ndr_code": "1"}}
    calls = [phone.called(**said) for phone in phones]

    answers = [answered(call, answer) for call, answer in zip(calls, at_once(asked, phones, calls), strict=True)]

    refused = {"said": "settled () ()", "error_message": SETTLED}
    assert sorted(answer.content["screen"] for answer in answers) == ["ASK", "SUCCESS"]
    assert [answer.content["data"] for answer in answers if answer.content["screen"] == "ASK"] == [refused]
    assert state(asked) == ("settled", 2)
    assert sorted(moves(asked, "deciding", phone.token)[-1][-1] for phone in phones) == ["ASK", "completed"]


def at_once(server: Server, phones: list[Handset], calls: list[Envelope]) -> list[FlowAnswer]:
    """Let the endpoint have these calls in one turn."""
    endpoint = server.parts.flows

    async def gathered() -> list[FlowAnswer]:
        heard: list[Awaitable[tuple[FlowAnswer, str]]] = [
            endpoint.answer(phone.flow, call.body, [value for _, value in phone.signed(call.body)[1:]])
            for phone, call in zip(phones, calls, strict=True)
        ]
        return [answer for answer, _ in await asyncio.gather(*heard)]

    return server.run(gathered)


def answered(call: Envelope, answer: FlowAnswer) -> Answer:
    """Return what an answer says."""
    return Answer(answer.status, call.read(answer.body))


def test_a_session_about_what_is_not_there_any_more_is_over(asked: Server) -> None:
    about = {ABOUT: {"definition": "question", "key": "gone"}}
    commit(asked, noted(asked.parts.catalogue, "deciding", "token-of-ravi", **about))
    phone = Handset(asked, "deciding", "token-of-ravi")
    before = phone.session

    assert phone.open() == Answer(427, {"version": "3.0", "error_msg": NO_SESSION})
    assert phone.session == before
    assert asked.outcomes() == {"token_done": 1}


def test_logic_that_tells_although_its_session_is_about_nothing_is_our_fault(asked: Server) -> None:
    phone = Handset(asked, "deciding")

    answers = [phone.open(), phone.submit("ASK", event="answered")]

    assert answers[0].content["data"] == {"said": "nothing"}
    assert answers[1].content["data"]["error_message"].startswith("Something went wrong on our side.")


# One commit


@pytest.mark.parametrize("definition", ["question", "deciding"])
def test_if_one_of_the_two_cannot_be_written_neither_is(asked: Server, definition: str) -> None:
    phone = a_phone(asked)
    phone.open()
    before = phone.session, state(asked)

    with refusing(asked, "journal", f"NEW.definition = '{definition}'"):
        answer = phone.submit("ASK", event="answered", ndr_code="1")

    assert (answer.status, answer.content) == (503, None)
    assert (phone.session, state(asked)) == before
    assert phone.submit("ASK", event="answered", ndr_code="1") == success(phone, told="answered")


class Remembering(MemoryStore):
    """The store in memory, with every decision that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.decisions: list[Decision] = []

    def commit(self, decision: Decision) -> Awaitable[Verdict]:
        """Remember *decision*, and write it."""
        self.decisions.append(decision)
        return super().commit(decision)


async def test_the_last_step_and_what_it_tells_are_one_decision(
    folder: Path, endpoint_key: Key, server: Server
) -> None:
    catalogue, store, phone = Catalogue.load([folder]), Remembering(), Handset(server, "deciding", "token-of-ravi")
    keys, secret = KeyRing([endpoint_key]), SECRETS["app_secret"].encode()
    endpoint = FlowEndpoint(catalogue, keys, [secret], store, FakeClock(), Metrics(), NoMedia())
    about = {ABOUT: {"definition": "question", "key": "Q-1"}}
    for born_step in (noted(catalogue, "question", "Q-1"), noted(catalogue, "deciding", phone.token, **about)):
        await store.commit(Decision(recorded_at=NOON, steps=(born_step,)))

    for content in ({"action": "INIT"}, {"action": "data_exchange", "screen": "ASK", "data": {"event": "answered"}}):
        body = phone.called(**content).body
        await endpoint.answer("deciding", body, [value for _, value in phone.signed(body)[1:]])

    decision = store.decisions[-1]
    assert [(step.after.id, step.before.state, step.after.state) for step in decision.steps] == [
        (("deciding", "token-of-ravi"), "ASK", "completed"),
        (("question", "Q-1"), "asked", "settled"),
    ]
    assert decision.steps[1].event.id == "token-of-ravi/answered/1"
    assert (len(decision.identities), decision.answer is not None) == (1, True)
    assert [len(store.journal[step.after.id]) for step in decision.steps] == [3, 2]


# The case of a failed delivery, in the chat


@pytest.fixture
def failed(server: Server) -> Server:
    """Return a server whose order could not be delivered at noon."""
    put_order(server, an_order())
    scan(server, a_scan("failed_delivery", ndr_code="1"))
    return server


def test_a_customer_chooses_another_day_in_the_chat(failed: Server) -> None:
    phone = a_phone(failed, "ndr_case", CASE, "ndr_resolution")
    before = state(failed, "ndr_case", CASE), state(failed, "order", "O-1")

    answers = [
        phone.open(),
        phone.submit("CHOOSE", choice="ACTF002"),
        phone.submit("DATE", day="2026-01-03"),
        phone.submit("CONFIRM", agrees=""),
    ]

    assert [answer.content["screen"] for answer in answers] == ["CHOOSE", "DATE", "CONFIRM", "SUCCESS"]
    shown = answers[0].content["data"]
    assert (shown["order"], shown["is_open"], shown["reason"]) == ("C-O-1", True, "nobody was there to take it")
    assert [choice["id"] for choice in shown["choices"]] == ["ACTF001", "ACTF002", "ACTF003", "ACTF004"]
    assert answers[1].content["data"]["first_date"] == "2026-01-01"
    assert answers[2].content["data"]["details"] == "Saturday, 3 January 2026"
    assert answers[3] == success(phone, outcome="chosen", order="C-O-1", resolution="ACTF002")

    told = history(failed, "ndr_case", CASE)[-1]
    assert (told["event"], told["target_state"]) == ("resolution_submitted", "unsettled.resolution_submitted")
    chosen = {
        "resolutionCode": "ACTF002",
        "action": "I would like to choose a new delivery date",
        "deferredDate": "2026-01-03",
    }
    assert (told["actor"], told["data"]) == ("customer", {"resolution_code": "ACTF002", **chosen, "source": "flow"})
    case = session(failed, "ndr_case", CASE)
    assert case["context"]["resolution"] == chosen
    assert "send_resolution" in [effect["name"] for effect in case["effects"]]
    (_, case_revision), (order_state, order_revision) = before
    assert state(failed, "ndr_case", CASE) == ("unsettled.resolution_submitted", case_revision + 1)
    assert state(failed, "order", "O-1") == (order_state, order_revision + 1)


@pytest.mark.parametrize(
    ("ndr_code", "code", "said"),
    [
        pytest.param("1", "ACTF001", {}, id="again"),
        pytest.param("1", "ACTF002", {"DATE": {"day": "2026-01-01"}}, id="today"),
        pytest.param("2", "ACTF003", {}, id="cancelled"),
        pytest.param("2", "ACTF004", {}, id="disputed"),
        pytest.param("5", "ACTF001", {"ADDRESS": {"phone": "9800000001"}}, id="by another number"),
        pytest.param("6", "ACTF001", {"ADDRESS": {"address": "4 Mill Lane", "landmark": "Mill"}}, id="elsewhere"),
        pytest.param("0", "ACTF001", {}, id="for whatever reason"),
    ],
)
def test_whatever_is_offered_in_the_chat_the_case_takes(
    server: Server, ndr_code: str, code: str, said: dict[str, Any]
) -> None:
    put_order(server, an_order())
    scan(server, a_scan("failed_delivery", ndr_code=ndr_code))
    phone = a_phone(server, "ndr_case", CASE, "ndr_resolution")
    phone.open()
    phone.submit("CHOOSE", choice=code)
    for screen, form in said.items():
        phone.submit(screen, **form)

    answer = phone.submit("CONFIRM", agrees=True)

    assert answer == success(phone, outcome="chosen", order="C-O-1", resolution=code)
    assert session(server, "ndr_case", CASE)["context"]["resolution"]["resolutionCode"] == code
    assert moves(server, "ndr_case", CASE)[-1][0] == "resolution_submitted"


def test_what_was_chosen_in_the_chat_is_what_the_portal_reads_and_chooses_no_second_time(failed: Server) -> None:
    phone = a_phone(failed, "ndr_case", CASE, "ndr_resolution")
    phone.open()
    phone.submit("CHOOSE", choice="ACTF001")
    phone.submit("CONFIRM", agrees="")
    before = state(failed, "ndr_case", CASE)

    heard = resolve(failed, "ACTF001", contactPhoneNumber="9800000042", deferredDate=ABSENT)

    assert (heard.status, heard.content["resolution"]["resolutionCode"]) == (200, "ACTF001")
    assert state(failed, "ndr_case", CASE) == before


def test_a_second_phone_that_chooses_the_same_changes_nothing(failed: Server) -> None:
    phones = [a_phone(failed, "ndr_case", CASE, "ndr_resolution") for _ in range(2)]
    first, second = phones
    first.open()
    first.submit("CHOOSE", choice="ACTF001")
    first.submit("CONFIRM", agrees="")
    before = state(failed, "ndr_case", CASE)

    opened = second.open().content["data"]
    second.submit("CHOOSE", choice="ACTF001")
    answer = second.submit("CONFIRM", agrees="")

    assert opened["standing"] == "You have chosen: Deliver again. You can still choose something else."
    assert answer == success(second, outcome="chosen", order="C-O-1", resolution="ACTF001")
    assert state(failed, "ndr_case", CASE) == before


def test_who_comes_when_it_was_delivered_is_told_so_and_changes_nothing(failed: Server) -> None:
    late, later = (a_phone(failed, "ndr_case", CASE, "ndr_resolution") for _ in range(2))
    late.open()
    late.submit("CHOOSE", choice="ACTF003")
    scan(failed, a_scan("delivered", 600))
    before = state(failed, "ndr_case", CASE)

    closed = late.submit("CONFIRM", agrees=True)
    opened = later.open()

    news = "Your order has been delivered."
    assert closed == Answer(200, {"version": "3.0", "screen": "CLOSED", "data": {"order": "C-O-1", "news": news}})
    assert late.submit("CLOSED", seen="yes") == success(late, outcome="closed", order="C-O-1")
    assert (opened.content["data"]["is_open"], opened.content["data"]["news"]) == (False, news)
    assert later.submit("CHOOSE", choice="") == success(later, outcome="closed", order="C-O-1")
    assert state(failed, "ndr_case", CASE) == before
