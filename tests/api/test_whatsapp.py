"""The webhook's address over real HTTP: the challenge, the signature, and what becomes of every call that is signed."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.keyring import Key
from definitions.orders.rows import Alias
from engine.model import SECOND, Event, born
from engine.ports import Decision
from lab.phone import Phone
from tests.api.conftest import Serve
from tests.api.faults import FAULTS
from tests.api.kept import a_failed_delivery, became, counted, deliver, deliveries, kept, opened, refusing
from tests.api.oddities import somewhere_odd
from tests.api.serving import SECRETS, FakeClock, Server, running
from tests.api.speaking import (
    ABSENT,
    NOON_SECOND,
    NUMBER,
    PHONE,
    Heard,
    a_call,
    a_cart,
    a_completion,
    a_message,
    a_minted_session,
    a_question,
    a_scan,
    a_status,
    a_tap,
    a_wamid,
    ask,
    at_once,
    history,
    messages,
    moves,
    quoted,
    resolve,
    scan,
    session,
    signature,
    statuses,
)
from tests.builders import HOUR, MINUTE, NOON

TOKEN = SECRETS["verify_token"]
APP_SECRET = SECRETS["app_secret"]


def waiting_for_people(server: Server) -> float:
    """Return how many calls the server says are set aside."""
    lines = ask(server, "GET", "/metrics").body.decode().splitlines()
    return float(next(line for line in lines if line.startswith("waystate_quarantined ")).split()[1])


# The challenge


def challenge(server: Server, **query: str) -> Heard:
    text = "&".join(f"hub.{name}={quoted(value)}" for name, value in query.items())
    return ask(server, "GET", f"/webhooks/whatsapp?{text}")


@pytest.mark.parametrize("text", ["1158201444", "a-b_C9", "x" * 256])
def test_the_challenge_is_said_back_to_who_knows_our_token(office: Server, text: str) -> None:
    heard = challenge(office, mode="subscribe", verify_token=TOKEN, challenge=text)

    assert (heard.status, heard.body) == (200, text.encode())
    assert heard.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("token", ["wrong", TOKEN + " ", TOKEN.upper(), "ü", "\N{DELETE}"])
def test_a_wrong_verify_token_is_refused(office: Server, token: str) -> None:
    heard = challenge(office, mode="subscribe", verify_token=token, challenge="1158201444")

    assert (heard.status, heard.content["code"]) == (403, "wrong_verify_token")
    assert b"1158201444" not in heard.body


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"mode": "subscribe", "verify_token": TOKEN}, id="no challenge"),
        pytest.param({"mode": "subscribe", "challenge": "1"}, id="no token"),
        pytest.param({"verify_token": TOKEN, "challenge": "1"}, id="no mode"),
        pytest.param({"mode": "unsubscribe", "verify_token": TOKEN, "challenge": "1"}, id="another mode"),
        pytest.param({"mode": "subscribe", "verify_token": TOKEN, "challenge": ""}, id="an empty challenge"),
        pytest.param({"mode": "subscribe", "verify_token": TOKEN, "challenge": "<b>1</b>"}, id="markup"),
        pytest.param({"mode": "subscribe", "verify_token": TOKEN, "challenge": "1\n"}, id="a line end"),
        pytest.param(
            {"mode": "subscribe", "verify_token": TOKEN, "challenge": "\N{ARABIC-INDIC DIGIT ONE}"},
            id="a foreign digit",
        ),
        pytest.param({"mode": "subscribe", "verify_token": TOKEN, "challenge": "x" * 257}, id="too long"),
    ],
)
def test_what_is_no_challenge_is_refused_and_not_said_back(office: Server, query: dict[str, str]) -> None:
    heard = challenge(office, **query)

    assert (heard.status, heard.content["code"]) == (400, "bad_challenge")
    assert b"<b>" not in heard.body


@pytest.mark.parametrize(
    "query",
    [
        "hub.mode=subscribe&hub.verify_token=%FF%FE&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=%ED%A0%80&hub.challenge=1",
        "hub.mode=subscribe&hub.mode=subscribe&hub.verify_token=a&hub.verify_token=b&hub.challenge=1",
        "hub.mode[]=subscribe&=&&&hub.challenge",
        "%00=%00&hub.challenge=%00",
    ],
)
def test_an_odd_query_is_refused(office: Server, query: str) -> None:
    assert ask(office, "GET", f"/webhooks/whatsapp?{query}").status in {400, 403}


# The signature


@pytest.mark.parametrize(
    ("status", "code", "headers"),
    [
        pytest.param(401, "sig_missing", [], id="none"),
        pytest.param(401, "sig_missing", [("X-Hub-Signature-256", "")], id="empty"),
        pytest.param(401, "sig_missing", [("X-Hub-Signature-256", "sha1=" + "0" * 40)], id="the older kind"),
        pytest.param(401, "sig_missing", [("X-Hub-Signature", signature(APP_SECRET, b"{}"))], id="another header"),
        pytest.param(401, "sig_missing", [("X-Hub-Signature-256", signature(APP_SECRET, b"{}"))] * 2, id="twice"),
        pytest.param(403, "sig_bad", [("X-Hub-Signature-256", "sha256=")], id="nothing after its name"),
        pytest.param(403, "sig_bad", [("X-Hub-Signature-256", signature("another secret", b"{}"))], id="of another"),
        pytest.param(403, "sig_bad", [("X-Hub-Signature-256", signature(APP_SECRET, b"{ }"))], id="of another body"),
        pytest.param(
            403, "sig_bad", [("X-Hub-Signature-256", signature(APP_SECRET, b"{}").upper().replace("SHA", "sha"))],
            id="in capitals",
        ),
        pytest.param(403, "sig_bad", [("X-Hub-Signature-256", "sha256=" + "é" * 64)], id="no ASCII"),
    ],
)  # fmt: skip
def test_a_call_that_is_not_signed_by_meta_is_refused_and_not_stored(
    office: Server, status: int, code: str, headers: list[tuple[str, str]]
) -> None:
    heard = ask(office, "POST", "/webhooks/whatsapp", body=b"{}", headers=headers)

    assert (heard.status, heard.content["code"]) == (status, code)
    assert kept(office, b"{}") is None


def test_both_secrets_are_good_during_a_reset(serve: Serve) -> None:
    server = serve(app_secret="the old one, the new one")  # noqa: S106 - the test's own

    heard = [
        ask(server, "POST", "/webhooks/whatsapp", body=b"{}", headers={"X-Hub-Signature-256": signature(secret, b"{}")})
        for secret in ("the old one", "the new one", "a third one")
    ]

    assert [answer.status for answer in heard] == [200, 200, 403]


@pytest.mark.parametrize("more", [1, 1024])
def test_a_call_over_4_mb_is_refused_and_not_stored(server: Server, more: int) -> None:
    body = b" " * (4 * 1024 * 1024 + more)

    try:
        status = ask(server, "POST", "/webhooks/whatsapp", body=body, headers=server.world.signed(body)).status
    except ConnectionError:  # beyond what is read and dropped, the connection ends
        status = 413

    assert status == 413
    assert deliveries(server) == []


def test_a_call_of_4_mb_is_taken(server: Server) -> None:
    text = a_message("text", {"body": "?" * (4 * 1024 * 1024 - 1024)})

    assert became(server, a_call(messages(text))) == ("processed", "")


# What is signed is taken


def test_the_raw_body_is_kept_by_its_own_hash_and_sealed(server: Server) -> None:
    body = json.dumps(a_call(messages(a_message("text", {"body": "Kya haal hai?"})))).encode()

    deliver(server, body)

    (delivery,) = deliveries(server)
    digest = hashlib.sha256(body).hexdigest()
    assert (delivery.digest, delivery.source, delivery.received_at) == (digest, "whatsapp", server.clock.now)
    assert delivery.body != body
    assert opened(server) == {digest: body}


def test_without_a_data_key_the_raw_body_is_kept_as_it_is(serve: Serve) -> None:
    server = serve(data_key="")
    body = json.dumps(a_call(messages(a_message("text", {"body": "?"})))).encode()

    deliver(server, body)

    assert [delivery.body for delivery in deliveries(server)] == [body]


@pytest.mark.parametrize("kind", ["text", "image", "location", "reaction", "system", "unsupported"])
def test_a_message_that_moves_nothing_is_noted(server: Server, kind: str) -> None:
    assert became(server, a_call(messages(a_message(kind)))) == ("processed", "")
    assert counted(server) == {"message noted": 1}


@pytest.mark.parametrize("field", ["calls", "message_template_status_update", "account_alerts"])
def test_a_field_that_moves_nothing_is_noted(server: Server, field: str) -> None:
    assert became(server, a_call({"event": "SOMETHING"}, field=field)) == ("processed", "")
    assert counted(server) == {"field noted": 1}


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        pytest.param(b"", "not_json", id="nothing"),
        pytest.param(b"{", "not_json", id="half an object"),
        pytest.param(b"\xff\xfe", "not_json", id="no UTF-8"),
        pytest.param(b"[" * 100_000, "not_json", id="deep"),
        pytest.param(b"[]", "unknown_object", id="a list"),
        pytest.param(b"null", "unknown_object", id="null"),
        pytest.param({"object": "page", "entry": []}, "unknown_object", id="another product's"),
        pytest.param({"object": "whatsapp_business_account"}, "malformed", id="no entry"),
        pytest.param({"object": "whatsapp_business_account", "entry": {}}, "malformed", id="entry is no list"),
        pytest.param({"object": "whatsapp_business_account", "entry": [7]}, "malformed", id="an entry that is none"),
        pytest.param({"object": "whatsapp_business_account", "entry": [{}]}, "malformed", id="no changes"),
        pytest.param(
            {"object": "whatsapp_business_account", "entry": [{"changes": [None]}]}, "malformed", id="a change is null"
        ),
        pytest.param(a_call({}, field="a new field"), "unknown_field", id="an unknown field"),
        pytest.param(a_call({}, field=["messages"]), "malformed", id="a field that is a list"),  # type: ignore[arg-type]
        pytest.param(a_call({"metadata": {}}), "malformed", id="neither messages nor statuses"),
        pytest.param(a_call({"messages": {}}), "malformed", id="messages are no list"),
        pytest.param(a_call({"messages": ["hello"]}), "malformed", id="a message that is a text"),
        pytest.param(a_call({"statuses": [None]}), "malformed", id="a status that is null"),
        pytest.param(a_call(messages(a_message("hologram"))), "unknown_type", id="an unknown type"),
        pytest.param(a_call(messages(a_message("text", type=ABSENT))), "malformed", id="no type"),
        pytest.param(a_call(messages(a_message("text", id=ABSENT))), "malformed", id="no id"),
        pytest.param(a_call(messages(a_message("text", id=[7]))), "malformed", id="an id that is a list"),
        pytest.param(a_call(messages(a_message("text", {"body": "a\0b"}))), "unstorable", id="NUL"),
        pytest.param(a_call(messages(a_message("text", {"body": 2**63}))), "unstorable", id="more than 64 bits"),
        pytest.param(
            a_call(messages(a_message("interactive", {"type": "carousel"}))), "unknown_type", id="interactive"
        ),
        pytest.param(a_call(messages(a_message("order", {"catalog_id": "C-1"}))), "malformed", id="an empty cart"),
        pytest.param(a_call(statuses(a_status("in_orbit", "w-1"))), "unknown_status", id="an unknown status"),
        pytest.param(a_call(statuses(a_status("sent", ""))), "malformed", id="a status of nothing"),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_the_reason(office: Server, call: Any, reason: str) -> None:
    before = waiting_for_people(office)

    assert became(office, call) == ("quarantined", reason)
    assert waiting_for_people(office) == before + 1


@pytest.mark.parametrize("odd", ["from", "contacts", "wa_id", "metadata"])
def test_a_message_whose_sender_cannot_be_read_is_still_taken(office: Server, odd: str) -> None:
    text = a_message("text", {"body": "?"}, **({"from": [{}]} if odd == "from" else {}))
    value = messages(text, contacts=["?"] if odd == "contacts" else [{"wa_id": [{}] if odd == "wa_id" else PHONE}])
    value |= {"metadata": []} if odd == "metadata" else {}

    assert became(office, a_call(value)) == ("processed", "")


def test_messages_of_another_number_are_set_aside_when_ours_are_named(serve: Serve) -> None:
    server = serve(phone_number_id=f"7,{NUMBER}")
    text = a_message("text")

    assert became(server, a_call(messages(text))) == ("processed", "")
    assert became(server, a_call(messages(text, number="8"))) == ("quarantined", "unknown_number")
    assert became(server, a_call(messages(text, metadata={}))) == ("quarantined", "unknown_number")
    assert became(server, a_call({}, field="account_alerts")) == ("processed", "")


def test_the_good_of_a_batch_is_done_and_the_bad_set_aside(server: Server) -> None:
    tokens = [a_minted_session(server) for _ in range(3)]
    good = [a_completion({"flow_token": token}) for token in tokens]
    entries = [
        {"id": "1", "changes": [{"field": "messages", "value": messages(a_message("hologram"), good[0], None)}]},  # type: ignore[arg-type]
        {
            "id": "2",
            "changes": [{"field": "a new field", "value": {}}, {"field": "messages", "value": messages(good[1])}],
        },
        "no entry",
        {"id": "3", "changes": [{"field": "messages", "value": messages(a_message("text", {"body": "\0"}), good[2])}]},
    ]

    outcome = became(server, {"object": "whatsapp_business_account", "entry": entries})

    assert outcome == ("quarantined", "malformed unknown_field unknown_type unstorable")
    assert [session(server, "purchase_interest", token)["state"] for token in tokens] == ["completed"] * 3


def test_what_we_fail_at_is_set_aside_and_its_neighbours_are_done(server: Server) -> None:
    token, wamid = a_minted_session(server), a_wamid()
    runs = server.parts.catalogue.interpreter("ndr_case")
    opened = runs.note(born(runs.definition, "a case of no order", NOON), Event("e-1", "opened", NOON, NOON), "opened")
    alias = Alias("wamid", wamid, "ndr_case", "a case of no order")
    server.run(lambda: server.parts.store.commit(Decision(recorded_at=NOON, steps=(opened,), add=(alias,))))
    said = messages(a_tap("ACTF001", wamid), a_completion({"flow_token": token}))

    assert became(server, a_call(said)) == ("quarantined", "update_failed")
    assert session(server, "purchase_interest", token)["state"] == "completed"


def test_a_call_that_we_fail_to_read_is_set_aside(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    call = a_call(messages(a_message("text")))
    monkeypatch.setattr(server.parts.whatsapp, "_phone_numbers", 7)

    assert became(server, call) == ("quarantined", "call_failed")
    monkeypatch.undo()
    assert became(server, call) == ("processed", "")


def test_a_batch_of_a_thousand_updates_is_done(server: Server) -> None:
    told = [a_status("delivered", f"w-{index}") for index in range(1000)]

    assert deliver(server, a_call(*(statuses(*told[at : at + 100]) for at in range(0, 1000, 100)))).status == 200

    assert counted(server) == {"status processed": 1000}


def test_the_same_body_again_is_answered_and_does_nothing(server: Server) -> None:
    token = a_minted_session(server)
    body = json.dumps(a_call(messages(a_completion({"flow_token": token})))).encode()

    answers = at_once([body] * 20, lambda call: deliver(server, call))

    assert {answer.status for answer in answers} == {200}
    assert len(deliveries(server)) == 1
    assert [event for event, _, _ in moves(server, "purchase_interest", token)].count("complete") == 1


def test_a_message_that_comes_in_another_call_too_does_nothing_again(server: Server) -> None:
    token = a_minted_session(server)
    completion = a_completion({"flow_token": token})

    for number in range(20):
        deliver(server, a_call(messages(completion, a_message("text", {"body": str(number)}))))

    assert [event for event, _, _ in moves(server, "purchase_interest", token)].count("complete") == 1
    assert counted(server) == {"message processed": 1, "message noted": 20, "message duplicate": 19}


# Finished Flows


RESPONSE = {"name": "Asha Rao", "tos_optin": True, "categories": ["cameras"]}


def test_a_completed_form_completes_the_session_of_its_token(server: Server) -> None:
    token = a_minted_session(server)

    outcome = became(server, a_call(messages(a_completion({"flow_token": token, **RESPONSE}))))

    found = session(server, "purchase_interest", token)
    assert outcome == ("processed", "")
    assert (found["state"], found["context"]["response"]) == ("completed", RESPONSE)


def test_a_completed_form_without_its_token_is_joined_by_the_message_it_answers(server: Server) -> None:
    token = a_minted_session(server)
    sent = a_status("sent", a_wamid(), biz_opaque_callback_data=f"purchase_interest/{token}")
    completion = a_completion(RESPONSE, context={"from": "15550000001", "id": sent["id"]})
    deliver(server, a_call(statuses(sent)))

    outcome = became(server, a_call(messages(completion)))

    found = session(server, "purchase_interest", token)
    assert (outcome, found["state"], found["context"]["response"]) == (("processed", ""), "completed", RESPONSE)


def test_a_status_says_what_a_message_is_about_even_after_its_answer_in_one_call(server: Server) -> None:
    token = a_minted_session(server)
    sent = a_status("sent", a_wamid(), biz_opaque_callback_data=f"purchase_interest/{token}")
    completion = a_completion(RESPONSE, context={"id": sent["id"]})

    assert became(server, a_call(messages(completion), statuses(sent))) == ("processed", "")
    assert session(server, "purchase_interest", token)["state"] == "completed"


@pytest.mark.parametrize(
    "said",
    ["no slash", "purchase_interest/", "/", "nothing/T-1", "purchase_interest/no such token", "order/%2F", 7, None],
)
def test_what_a_status_says_of_no_session_joins_nothing(office: Server, said: Any) -> None:
    wamid = a_wamid()

    assert became(office, a_call(statuses(a_status("sent", wamid, biz_opaque_callback_data=said)))) == ("processed", "")
    assert office.run(lambda: office.parts.sessions.alias("wamid", wamid)) is None


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        pytest.param({}, "unknown_session", id="no token and no context"),
        pytest.param({"flow_token": "never minted"}, "unknown_session", id="an unknown token"),
        pytest.param({"flow_token": 7}, "unknown_session", id="a token that is a number"),
        pytest.param("", "response_unreadable", id="nothing"),
        pytest.param("{", "response_unreadable", id="half an object"),
        pytest.param('["a"]', "response_unreadable", id="a list"),
        pytest.param("null", "response_unreadable", id="null"),
        pytest.param('{"a":' * 500 + "1" + "}" * 500, "response_unreadable", id="deep"),
        pytest.param({"flow_token": "T", "name": "a\0b"}, "unstorable", id="NUL inside"),
        pytest.param({"flow_token": "T", "count": 2**64}, "unstorable", id="more than 64 bits inside"),
    ],
)
def test_a_completed_form_that_cannot_be_placed_is_set_aside(office: Server, response: Any, reason: str) -> None:
    assert became(office, a_call(messages(a_completion(response)))) == ("quarantined", reason)


@pytest.mark.parametrize("missing", ["nfm_reply", "response_json"])
def test_a_completed_form_without_its_parts_is_set_aside(office: Server, missing: str) -> None:
    completion = a_completion({})
    where = completion["interactive"] if missing == "nfm_reply" else completion["interactive"]["nfm_reply"]
    del where[missing]

    assert became(office, a_call(messages(completion))) == ("quarantined", "response_unreadable")


@pytest.mark.parametrize(
    ("recipient", "sender", "status"),
    [
        pytest.param(PHONE, PHONE, "processed", id="the same"),
        pytest.param("+91 98000 00042", PHONE, "processed", id="written otherwise"),
        pytest.param("", "919811111111", "processed", id="minted for nobody in particular"),
        pytest.param(PHONE, "919811111111", "quarantined", id="another number"),
        pytest.param(PHONE, "IN.919800000042", "quarantined", id="a user id with the number's digits"),
    ],
)
def test_a_form_is_completed_by_whom_it_was_sent_to(server: Server, recipient: str, sender: str, status: str) -> None:
    token = a_minted_session(server, recipient=recipient)
    completion = a_completion({"flow_token": token}, **{"from": sender})

    outcome = became(server, a_call(messages(completion)))

    assert outcome == (status, "" if status == "processed" else "wrong_sender")
    expected = "completed" if status == "processed" else "not_opened"
    assert session(server, "purchase_interest", token)["state"] == expected


def test_the_sender_may_be_known_by_a_user_id_that_the_contact_has(server: Server) -> None:
    token = a_minted_session(server)
    completion = a_completion({"flow_token": token}, **{"from": ABSENT, "from_user_id": "IN.8f2c"})
    contact = {"profile": {"name": "Asha Rao"}, "wa_id": PHONE, "user_id": "IN.8f2c"}

    assert became(server, a_call(messages(completion, contacts=[contact]))) == ("processed", "")


def test_a_form_completed_twice_by_two_messages_keeps_both(server: Server) -> None:
    token = a_minted_session(server)
    first, second = ({"flow_token": token, "name": name} for name in ("Asha", "Asha Rao"))

    assert became(server, a_call(messages(a_completion(first)))) == ("processed", "")
    assert became(server, a_call(messages(a_completion(second)))) == ("processed", "")

    steps = history(server, "purchase_interest", token)
    assert [(step["event"], step["target_state"], step["inferred"], step["outcome"]) for step in steps] == [
        ("minted", "not_opened", False, "minted"),
        ("navigate", "JOIN_NOW", True, ""),
        ("navigate", "CATEGORIES", True, ""),
        ("complete", "completed", False, ""),
        ("complete", "completed", False, "after the end"),
    ]
    assert session(server, "purchase_interest", token)["context"]["response"] == {"name": "Asha Rao"}


def _walked_offer(server: Server) -> str:
    """Return the token of an offer that a phone has walked to its end."""
    token = secrets.token_urlsafe(8)
    phone = Phone(server.world, "personalised_offer", token)
    phone.open()
    phone.submit("PRODUCT_SELECTOR", product_selection="0_mobile_phones")
    phone.submit("OPTIONS", selected_product="phone")
    phone.submit("OFFER", device="0_TechWave_TW14_Pro")
    assert phone.submit("PRODUCT_DETAIL", selected_device="0_TechWave_TW14_Pro").content["screen"] == "SUCCESS"
    return token


def test_the_message_of_a_flow_with_an_endpoint_is_noted_after_its_end(server: Server) -> None:
    token = _walked_offer(server)

    assert became(server, a_call(messages(a_completion({"flow_token": token, "extra": 1})))) == ("processed", "")

    last = history(server, "personalised_offer", token)[-1]
    assert (last["event"], last["target_state"], last["outcome"]) == ("complete", "completed", "after the end")
    response = session(server, "personalised_offer", token)["context"]["response"]
    assert response["extra"] == 1


def test_the_message_of_a_flow_with_an_endpoint_completes_it_where_its_last_call_was_lost(server: Server) -> None:
    token = secrets.token_urlsafe(8)
    phone = Phone(server.world, "personalised_offer", token)
    phone.open()
    phone.submit("PRODUCT_SELECTOR", product_selection="0_mobile_phones")
    completion = a_completion({"flow_token": token, "device": "0_TechWave_TW14_Pro"})

    assert became(server, a_call(messages(completion))) == ("processed", "")

    found = session(server, "personalised_offer", token)
    assert (found["state"], found["context"]["response"]) == ("completed", {"device": "0_TechWave_TW14_Pro"})
    assert phone.open().status == 427


# Statuses


def test_statuses_make_one_timeline_in_whatever_order_they_come(server: Server) -> None:
    told = [a_status(word, "w-1", second) for second, word in ((9, "read"), (2, "sent"), (5, "delivered"))]

    for status in (*told, *reversed(told)):
        deliver(server, a_call(statuses(status)))

    found = session(server, "message", "w-1")
    at = [(NOON_SECOND + second) * 1_000_000 for second in (2, 5, 9)]
    assert (found["state"], found["revision"]) == ("read", 3)
    assert found["context"]["times"] == dict(zip(("sent", "delivered", "read"), at, strict=True))


def test_a_message_that_failed_says_why(server: Server) -> None:
    errors = [{"code": 131026, "title": "Message undeliverable"}, {"code": 131047}]

    deliver(server, a_call(statuses(a_status("failed", "w-1", errors=errors))))

    found = session(server, "message", "w-1")
    assert (found["state"], found["context"]["errors"]) == (
        "failed",
        [{"code": "131026 131047", "title": "Message undeliverable"}],
    )


def test_a_payments_status_is_noted(server: Server) -> None:
    assert became(server, a_call(statuses(a_status("captured", "w-1", type="payment")))) == ("processed", "")
    assert session(server, "message", "w-1") is None


@pytest.mark.parametrize("timestamp", ["", "soon", "1767268800000", None, "-1", "\N{ARABIC-INDIC DIGIT THREE}"])
def test_a_status_without_a_readable_time_happened_when_it_came(server: Server, timestamp: Any) -> None:
    deliver(server, a_call(statuses(a_status("sent", "w-1", timestamp=timestamp))))

    expected = 3_000_000 if timestamp == "\N{ARABIC-INDIC DIGIT THREE}" else server.clock.now
    assert session(server, "message", "w-1")["context"]["times"] == {"sent": expected}


# Questions and carts


def test_a_question_about_a_product_opens_an_inquiry(server: Server) -> None:
    question = a_question()

    for again in range(3):
        deliver(server, {**a_call(messages(question)), "again": again})

    found = session(server, "inquiry", question["id"])
    assert (found["state"], found["revision"]) == ("open", 1)
    assert found["context"] == {
        "account_id": "1489",
        "from": [PHONE],
        "phone_number_id": NUMBER,
        "question": "Does it come in blue?",
        "catalog_id": "C-1",
        "product_retailer_id": "SKU-1",
        "heard_at": NOON + MINUTE,
    }
    assert [effect["name"] for effect in found["effects"]] == ["alert_inquiry"]


def test_a_cart_opens_an_order_once(server: Server) -> None:
    cart = a_cart()

    for again in range(3):
        deliver(server, {**a_call(messages(cart)), "again": again})

    (listed,) = ask(
        server, "GET", f"/admin/api/v1/sessions?q={quoted(cart['id'])}", token=server.world.admin_token
    ).content["items"]
    found = session(server, "order", listed["key"])
    assert (found["state"], found["revision"]) == ("created", 1)
    assert found["context"] == {
        "account_id": "1489",
        "phone_number_id": NUMBER,
        "cart": {
            "catalog_id": "C-1",
            "text": "Gift wrap please",
            "from": [PHONE],
            "lines": [
                {
                    "retailer_id": "SKU-1",
                    "name": "",
                    "quantity": 2,
                    "currency": "INR",
                    "price": None,
                    "said_price": 15050,
                    "difference": None,
                    "problem": "unknown_product",
                }
            ],
            "total": 0,
            "currency": "",
        },
    }
    assert [effect["name"] for effect in found["effects"]] == ["confirm_cart", "announce"]


@pytest.mark.parametrize("items", ["SKU-1", [], [7], None])
def test_a_cart_without_things_in_it_is_set_aside(server: Server, items: Any) -> None:
    cart = a_message("order", {"catalog_id": "C-1", "product_items": items})

    assert became(server, a_call(messages(cart))) == ("quarantined", "malformed")


# Buttons


@pytest.mark.parametrize("kind", ["button", "button_reply", "list_reply"])
@pytest.mark.parametrize("code", ["ACTF001", "ACTF003", "ACTF004"])
def test_a_tapped_button_is_the_choice_of_the_case_that_its_message_asked_about(
    server: Server, kind: str, code: str
) -> None:
    key, wamid = a_failed_delivery(server)
    tap = a_tap(code, wamid, kind)

    assert became(server, a_call(messages(tap))) == ("processed", "")
    assert became(server, {**a_call(messages(tap)), "again": 1}) == ("processed", "")

    case = session(server, "ndr_case", key)
    assert (case["state"], case["context"]["resolution"]["resolutionCode"]) == ("unsettled.resolution_submitted", code)
    assert [event for event, _, _ in moves(server, "ndr_case", key)] == ["attempt_failed", "resolution_submitted"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param("ACTF002", "incomplete_choice", id="needs a date"),
        pytest.param("ACTF009", "unknown_button", id="an unknown choice"),
        pytest.param("", "unknown_button", id="no choice"),
        pytest.param("MENU", "unknown_button", id="another template's"),
    ],
)
def test_a_button_that_chooses_nothing_is_set_aside(server: Server, payload: str, reason: str) -> None:
    key, wamid = a_failed_delivery(server)

    assert became(server, a_call(messages(a_tap(payload, wamid)))) == ("quarantined", reason)
    assert session(server, "ndr_case", key)["state"] == "unsettled.open"


def test_a_button_after_the_case_was_closed_is_set_aside(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    scan(server, a_scan("delivered", -10))

    assert became(server, a_call(messages(a_tap("ACTF001", wamid)))) == ("processed", "")
    assert session(server, "ndr_case", key)["state"] == "closed.resolved_delivered"


@pytest.mark.parametrize("context", [{"id": "wamid.unknown"}, {}, None, "text", ABSENT])
def test_a_button_of_a_message_that_asked_nothing_is_set_aside(server: Server, context: Any) -> None:
    tap = a_tap("ACTF001", "wamid.unknown")
    given = {name: value for name, value in {**tap, "context": context}.items() if value is not ABSENT}

    assert became(server, a_call(messages(given))) == ("quarantined", "unknown_context")


def test_a_button_of_a_message_about_something_else_is_set_aside(server: Server) -> None:
    token = a_minted_session(server)
    sent = a_status("sent", a_wamid(), biz_opaque_callback_data=f"purchase_interest/{token}")
    deliver(server, a_call(statuses(sent)))

    assert became(server, a_call(messages(a_tap("ACTF001", sent["id"])))) == ("quarantined", "unknown_context")


def test_taps_of_one_sender_count_in_the_order_of_their_call(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    codes = ["ACTF001", "ACTF003", "ACTF004"] * 5

    deliver(server, a_call(messages(*(a_tap(code, wamid) for code in codes))))

    chosen = [item["data"]["resolution_code"] for item in history(server, "ndr_case", key)[1:]]
    assert chosen == codes


def test_a_choice_was_made_when_the_button_was_tapped(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    server.clock.move(HOUR)

    deliver(server, a_call(messages(a_tap("ACTF001", wamid))))

    chosen = history(server, "ndr_case", key)[1]
    assert (chosen["occurred_at"], chosen["recorded_at"]) == ("2026-01-01T12:01:00Z", "2026-01-01T13:00:00Z")


def test_a_tap_that_comes_again_after_another_choice_changes_nothing(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    tap = a_tap("ACTF001", wamid)
    resolve(server, "ACTF001")
    deliver(server, a_call(messages(tap)))  # what is chosen already
    resolve(server, "ACTF003")

    deliver(server, {**a_call(messages(tap)), "again": 1})

    assert session(server, "ndr_case", key)["context"]["resolution"]["resolutionCode"] == "ACTF003"


# What could not be done at once


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_that_cannot_be_stored_is_to_be_sent_again(server: Server, fault: str) -> None:
    token = a_minted_session(server)
    call = a_call(messages(a_completion({"flow_token": token, "essay": "?" * 100_000})))
    with FAULTS[fault](server):
        refused = deliver(server, call)

    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert deliveries(server) == []
    assert became(server, call) == ("processed", "")
    assert session(server, "purchase_interest", token)["state"] == "completed"


def a_day_of_calls(server: Server) -> list[bytes]:
    """Return calls of one customer: a form sent, a question, a cart, choices made and changed, what became of ours."""
    _, wamid = a_failed_delivery(server)
    token = a_minted_session(server)
    said = [a_completion({"flow_token": token}), a_question(), a_cart()]
    codes = ["ACTF001", "ACTF003", "ACTF004", "ACTF001", "ACTF003", "ACTF004", "ACTF001"]
    calls = [a_call(messages(message)) for message in (*said, *(a_tap(code, wamid) for code in codes))]
    calls += [a_call(statuses(a_status(word, "w-1", timestamp=ABSENT))) for word in ("sent", "delivered")]
    return [json.dumps(call, default=lambda _: None).encode() for call in calls]


def seen(server: Server) -> list[Any]:
    """Return what the sessions are and how they came to be it; their tokens and ids are by chance."""
    token = server.world.admin_token
    listed = ask(server, "GET", "/admin/api/v1/sessions?limit=200", token=token).content["items"]
    found = [(item["definition"], item["state"], history(server, item["definition"], item["key"])) for item in listed]
    names = ("event", "source_state", "target_state", "actor", "inferred", "outcome", "effects")
    return sorted(
        [kind, state, [[*(step[name] for name in names), str(step["data"].get("resolutionCode"))] for step in steps]]
        for kind, state, steps in found
    )


@pytest.fixture
def expected(serve: Serve, tmp_path: Path, empty_database: Path) -> list[Any]:
    """Return what a day's calls make when each is worked off as it comes."""
    path = tmp_path / "another.sqlite"
    path.write_bytes(empty_database.read_bytes())
    server = serve(database=path)
    for body in a_day_of_calls(server):
        server.clock.move(SECOND)
        assert became(server, body) == ("processed", "")
    return seen(server)


def test_calls_that_were_stored_before_a_crash_are_worked_off_at_the_start_as_if_it_had_not_been(
    database: Path, endpoint_key: Key, expected: list[Any]
) -> None:
    with running(database, [endpoint_key]) as server:
        bodies = a_day_of_calls(server)
        with refusing(server, "journal"), refusing(server, "instance"):
            for body in bodies:
                server.clock.move(SECOND)
                assert became(server, body) == ("received", "")
        done = [delivery for delivery in deliveries(server) if delivery.status == "processed"]
        assert len(done) == 1  # the one that says what the template is about

    with running(database, [endpoint_key], clock=FakeClock(server.clock.now + HOUR)) as server:
        assert {delivery.status for delivery in deliveries(server)} == {"processed"}
        assert seen(server) == expected
        for body in bodies:
            deliver(server, body)
        assert seen(server) == expected


def test_what_a_batch_did_before_a_crash_is_not_done_again(database: Path, endpoint_key: Key) -> None:
    told = [a_status("sent", f"w-{index}", timestamp="unknown") for index in range(50)]
    with running(database, [endpoint_key]) as server:
        with refusing(server, "instance", "NEW.key GLOB 'w-*[5-9]'"):
            assert became(server, a_call(statuses(*told))) == ("received", "")
        assert sum(session(server, "message", f"w-{index}") is not None for index in range(50)) == 25
        came = server.clock.now

    with running(database, [endpoint_key], clock=FakeClock(came + HOUR)) as server:
        found = [session(server, "message", f"w-{index}") for index in range(50)]
        assert [(one["state"], one["revision"], one["context"]["times"]) for one in found] == [
            ("sent", 1, {"sent": came - came % SECOND})
        ] * 50


def test_a_call_sealed_under_a_key_that_is_lost_waits_and_hinders_nothing(database: Path, endpoint_key: Key) -> None:
    other_key = "QW5vdGhlciBkYXRhIGtleSBvZiB0aGUgdGVzdHMsMzI="
    with running(database, [endpoint_key]) as server:
        tokens = [a_minted_session(server) for _ in range(2)]
        waiting, sent_again = (json.dumps(a_call(messages(a_completion({"flow_token": t})))).encode() for t in tokens)
        with refusing(server, "journal"):
            deliver(server, waiting)
            deliver(server, sent_again)

    with running(database, [endpoint_key], data_key=other_key) as server:
        assert (kept(server, waiting), kept(server, sent_again)) == (("received", ""), ("received", ""))
        assert became(server, sent_again) == ("processed", "")
        assert became(server, a_call(messages(a_question()))) == ("processed", "")
        assert session(server, "purchase_interest", tokens[1])["state"] == "completed"

    with running(database, [endpoint_key]) as server:
        assert kept(server, waiting) == ("processed", "")
        assert session(server, "purchase_interest", tokens[0])["state"] == "completed"


# Whatever the order, and however often


def test_a_hundred_copies_of_one_update_at_once_are_one_step(office: Server) -> None:
    server, token, wamid = office, a_minted_session(office), a_wamid()
    question, cart = a_question(), a_cart()
    said = messages(a_completion({"flow_token": token}), question, cart)
    call = a_call(said, statuses(a_status("sent", wamid)))

    answers = at_once(range(100), lambda number: deliver(server, {**call, "number": number}), threads=32)

    assert {answer.status for answer in answers} == {200}
    (order,) = ask(
        server, "GET", f"/admin/api/v1/sessions?q={quoted(cart['id'])}", token=server.world.admin_token
    ).content["items"]
    assert moves(server, "purchase_interest", token)[-1] == ("complete", "CATEGORIES", "completed")
    assert len(moves(server, "purchase_interest", token)) == 4
    assert moves(server, "inquiry", question["id"]) == [("asked", "new", "open")]
    assert moves(server, "message", wamid) == [("sent", "unsent", "sent")]
    assert (order["state"], session(server, "order", order["key"])["revision"]) == ("created", 1)


SAID: Mapping[str, Callable[..., Any]] = {
    "question": a_question,
    "cart": a_cart,
    "text": partial(a_message, "text"),
    "odd": partial(a_message, "hologram"),
}
WORDS = ("sent", "delivered", "read", "played", "failed", "deleted", "in_orbit")


@st.composite
def told_twice(draw: st.DrawFn) -> tuple[list[Any], list[list[Any]]]:
    """Return updates in the order in which they happened, and the same in calls: in any order, up to ten times each."""
    report = st.tuples(st.just("status"), st.sampled_from("abc"), st.sampled_from(WORDS), st.integers(0, 4))
    message = st.tuples(st.sampled_from(("form", *SAID)), st.sampled_from("xyz"))
    happened = draw(st.lists(st.one_of(report, report, message), min_size=1, max_size=12, unique=True))
    copies = [update for update in happened for _ in range(draw(st.integers(1, 10 if len(happened) < 4 else 3)))]
    shuffled = draw(st.permutations(copies))
    cuts = sorted(draw(st.sets(st.integers(1, len(shuffled)), max_size=4)) | {0, len(shuffled)})
    return happened, [shuffled[start:end] for start, end in pairwise(cuts)]


class Story:
    """Updates of sessions that are a story's own, so that one server can be told two stories that are compared."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.name = secrets.token_hex(6)
        self.tokens = {letter: a_minted_session(server) for letter in "xyz"}

    def tell(self, updates: Sequence[Any]) -> None:
        """Bring *updates* in one call."""
        said, told = [], []
        for kind, letter, *rest in updates:
            wamid = f"{self.name}-{kind}-{letter}"
            if kind == "status":
                told.append(a_status(*(rest[0], wamid, rest[1]), errors=[{"code": rest[1]}] * (rest[0] == "failed")))
            elif kind == "form":
                said.append(a_completion({"flow_token": self.tokens[letter], "says": letter}, id=wamid))
            else:
                said.append(SAID[kind](id=wamid))
        assert deliver(self.server, a_call(messages(*said), statuses(*told))).status == 200

    def came_of_it(self) -> Mapping[str, Any]:
        """Return what the sessions are, without when and how often they were written: that is about arrivals."""
        found = {f"status {letter}": self._session("message", f"{self.name}-status-{letter}") for letter in "abc"}
        for letter in "xyz":
            path = f"/admin/api/v1/sessions?definition=order&q={self.name}-cart-{letter}"
            carts = ask(self.server, "GET", path, token=self.server.world.admin_token).content["items"]
            found[f"cart {letter}"] = [self._session("order", cart["key"]) for cart in carts]
            found[f"form {letter}"] = self._session("purchase_interest", self.tokens[letter])
            found[f"question {letter}"] = self._session("inquiry", f"{self.name}-question-{letter}")
        return found

    def _session(self, definition: str, key: str) -> Any:
        one = session(self.server, definition, key)
        return one and (one["state"], one["context"], [effect["name"] for effect in one["effects"]])


@settings(max_examples=25, deadline=None)
@given(told_twice())
def test_updates_end_the_same_in_any_order_and_number(office: Server, told: tuple[list[Any], list[list[Any]]]) -> None:
    happened, calls = told
    plain, disturbed = Story(office), Story(office)

    for update in happened:
        plain.tell([update])
    for call in calls:
        disturbed.tell(call)

    assert disturbed.came_of_it() == plain.came_of_it()


@st.composite
def odd_calls(draw: st.DrawFn) -> Any:
    """Return a call that is right, but for some places in it."""
    said = [a_completion({"flow_token": "T"}), a_question(), a_cart(), a_tap("ACTF001", "w-1"), a_message("text")]
    said += [a_tap("ACTF001", "w-1", kind) for kind in ("button_reply", "list_reply")]
    value = messages(draw(st.sampled_from(said)), contacts=[{"wa_id": PHONE, "user_id": "IN.1"}])
    told = [a_status("failed", a_wamid(), errors=[{"code": 1, "title": "No"}])]
    return draw(somewhere_odd(a_call({**value, "statuses": told})))


@settings(max_examples=150, deadline=None)
@given(odd_calls())
def test_whatever_is_signed_is_answered_and_kept_and_none_of_it_is_our_fault(office: Server, call: Any) -> None:
    body = json.dumps(call).encode()

    outcome = became(office, body)

    assert outcome is not None
    assert outcome[0] in {"processed", "quarantined"}
    assert "failed" not in outcome[1]
    assert opened(office)[hashlib.sha256(body).hexdigest()] == body
