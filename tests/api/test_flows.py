"""The wire: signatures, envelopes, pings, tokens. What a session does is in test_flows_sessions.py."""

import base64
import hmac
import json
from typing import Any

import pytest
from msgspec.structs import replace

from api.flows import IDENTITIES_KEPT
from api.keyring import Key
from definitions.flow_calls import NO_SESSION, TOKEN_LIFE
from engine.model import SECOND
from lab.phone import Answer, Envelope
from tests.api.conftest import DEFINITIONS, Serve, sample
from tests.api.phones import JSON, Handset, Headers, read, sealed, signature
from tests.api.serving import SECRETS, Server, a_key

OPEN = {"version": "3.0", "action": "INIT", "screen": "", "data": {}, "flow_token": "token-of-asha"}
FIRST = {"greeting": "It is 12", "choices": [{"id": "more", "title": "More"}]}
EXPIRED = "This form has expired. Send us a message to get a new one."
DONE = "You have already sent this form. Reference: "


@pytest.fixture(scope="session")
def other_key() -> Key:
    return a_key("20250101.pem")


def gone(message: str, version: Any = "3.0") -> Answer:
    return Answer(427, {"version": version, "error_msg": message})


def signed_by(secret: str) -> Any:
    return lambda body: [JSON, (b"x-hub-signature-256", signature(body, secret))]


def with_signature(change: Any) -> Any:
    def headers(body: bytes) -> Headers:
        right = signature(body, SECRETS["app_secret"])
        return [JSON, *((b"X-Hub-Signature-256", value) for value in change(right))]

    return headers


# The signature


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param(lambda _: [JSON], "sig_missing", id="missing"),
        pytest.param(with_signature(lambda _: [b""]), "sig_missing", id="empty"),
        pytest.param(with_signature(lambda right: [right, right]), "sig_missing", id="twice"),
        pytest.param(
            with_signature(lambda right: [right, b"sha256=" + b"0" * 64]), "sig_missing", id="and a wrong one"
        ),
        pytest.param(with_signature(lambda right: [right.partition(b"=")[2]]), "sig_missing", id="no prefix"),
        pytest.param(with_signature(lambda right: [b"sha1=" + right[7:47]]), "sig_missing", id="sha1"),
        pytest.param(with_signature(lambda right: [b"SHA256=" + right[7:]]), "sig_missing", id="upper-case prefix"),
        pytest.param(with_signature(lambda right: [b"sha256=" + right[7:].upper()]), "sig_bad", id="upper-case digits"),
        pytest.param(with_signature(lambda _: [b"sha256="]), "sig_bad", id="no digits"),
        pytest.param(with_signature(lambda right: [right[:-1]]), "sig_bad", id="a digit short"),
        pytest.param(with_signature(lambda right: [right + b"0"]), "sig_bad", id="a digit long"),
        pytest.param(with_signature(lambda _: [b"sha256=" + b"0" * 64]), "sig_bad", id="wrong"),
        pytest.param(with_signature(lambda _: ["sha256=é".encode()]), "sig_bad", id="not ASCII"),
        pytest.param(with_signature(lambda _: [b"sha256=" + b"\xff" * 64]), "sig_bad", id="not even UTF-8"),
        pytest.param(with_signature(lambda _: [b"\xff\xfe"]), "sig_missing", id="nothing but noise"),
        pytest.param(with_signature(lambda right: [right + b", " + right]), "sig_bad", id="two in one"),
        pytest.param(signed_by("another app's secret"), "sig_bad", id="another app's"),
        pytest.param(signed_by(""), "sig_bad", id="by an empty secret"),
    ],
)
def test_a_call_that_is_not_rightly_signed_gets_an_empty_432(phone: Handset, headers: Any, code: str) -> None:
    body = phone.called(action="INIT").body

    response = phone.post(body, headers(body))

    assert (response.status_code, response.content) == (432, b"")
    assert phone.server.outcomes() == {code: 1}
    assert phone.instance is None


def test_a_signature_is_over_the_bytes_as_they_came(phone: Handset) -> None:
    body = phone.called(action="INIT").body
    respaced = json.dumps(json.loads(body), separators=(",", ":")).encode()

    assert phone.post(respaced, phone.signed(body)).status_code == 432
    assert phone.post(respaced).status_code == 200


def test_what_is_not_signed_is_never_decrypted(phone: Handset) -> None:
    assert phone.post(b"no envelope at all", [JSON]).status_code == 432


def test_while_an_app_secret_is_reset_the_old_and_the_new_are_right(serve: Serve, way: str) -> None:
    two = {"app_secret": "the new one, the old one"}
    phone = Handset(serve(way=way, **two), "personalised_offer")
    bodies = [phone.called(action="INIT").body for _ in range(3)]
    secrets = ["the new one", "the old one", "the new one, the old one"]

    statuses = [
        phone.post(body, signed_by(secret)(body)).status_code for body, secret in zip(bodies, secrets, strict=True)
    ]

    assert statuses == [200, 200, 432]


# The envelope


def envelope(content: bytes = json.dumps(OPEN).encode(), **parts: Any) -> Any:
    return lambda key: sealed(key, content, **parts)


def raw(body: bytes) -> Any:
    return lambda _: Envelope(body, b"", b"")


def reworked(change: Any) -> Any:
    def make(key: Key) -> Envelope:
        right = sealed(key, json.dumps(OPEN).encode())
        document = change(json.loads(right.body))
        return replace(right, body=json.dumps(document).encode())

    return make


def instead(name: str, value: Any) -> Any:
    return lambda key: sealed(key, json.dumps(OPEN).encode(), **{name: value})


def part(name: str, change: Any) -> Any:
    return reworked(lambda document: {**document, name: change(document[name])})


def also(member: bytes) -> bytes:
    return json.dumps(OPEN)[:-1].encode() + b"," + member + b"}"


PARTS = ("encrypted_flow_data", "encrypted_aes_key", "initial_vector")

UNREADABLE = {
    "nothing": (raw(b""), "format"),
    "not JSON": (raw(b"{"), "format"),
    "not UTF-8": (raw(b'{"initial_vector": "\xff"}'), "format"),
    "a list": (raw(b"[]"), "format"),
    "a number": (raw(b"7"), "format"),
    "null": (raw(b"null"), "format"),
    "too deep": (raw(b'{"initial_vector":' + b"[" * 100_000), "format"),
    "an empty object": (raw(b"{}"), "format"),
    **{f"no {name}": (instead(name, None), "format") for name in PARTS},
    **{f"{name} is a number": (instead(name, 7), "format") for name in PARTS},
    **{f"{name} is a list": (instead(name, ["AAAA"]), "format") for name in PARTS},
    **{f"{name} is not base64": (part(name, lambda text: text[:-2] + "!="), "format") for name in PARTS},
    **{f"{name} is not ASCII": (part(name, lambda text: "é" + text[1:]), "format") for name in PARTS},
    **{f"{name} lacks a character": (part(name, lambda text: text[1:]), "format") for name in PARTS},
    **{f"{name} has a line end": (part(name, lambda text: text[:4] + "\n" + text[4:]), "format") for name in PARTS},
    "the key is empty": (envelope(encrypted_aes_key=b""), "key_mismatch"),
    "the key is noise": (envelope(encrypted_aes_key=b"\x01" * 256), "key_mismatch"),
    "the key is zeros": (envelope(encrypted_aes_key=b"\x00" * 256), "key_mismatch"),
    "the key is larger than ours": (envelope(encrypted_aes_key=b"\xff" * 256), "key_mismatch"),
    "the key is short": (envelope(encrypted_aes_key=b"\x01" * 255), "key_mismatch"),
    "the key is long": (envelope(encrypted_aes_key=b"\x01" * 512), "key_mismatch"),
    "an AES key of 24 bytes": (envelope(aes_key=b"k" * 24), "key_mismatch"),
    "an AES key of 32 bytes": (envelope(aes_key=b"k" * 32), "key_mismatch"),
    **{f"an IV of {size} bytes": (envelope(iv=b"i" * size), "format") for size in (0, 7, 12, 15, 17, 200)},
    "another IV": (envelope(initial_vector=b"i" * 16), "gcm_tag"),
    "no content": (envelope(encrypted_flow_data=b""), "gcm_tag"),
    "content shorter than its tag": (envelope(encrypted_flow_data=b"x" * 15), "gcm_tag"),
    "content that is only a tag": (envelope(encrypted_flow_data=b"x" * 16), "gcm_tag"),
    "a bit of the content flipped": (
        part("encrypted_flow_data", lambda text: ("B" if text[0] == "A" else "A") + text[1:]),
        "gcm_tag",
    ),
    "empty inside": (envelope(b""), "inner_bad"),
    "no JSON inside": (envelope(b"INIT"), "inner_bad"),
    "no UTF-8 inside": (envelope(b'{"version":"3.0","action":"\xff"}'), "inner_bad"),
    "no UTF-8 in what nobody reads inside": (envelope(also(b'"x":"\xff"')), "inner_bad"),
    "a number beyond all in what nobody reads inside": (envelope(also(b'"x":1e999,"y":"\\u0000"')), "inner_bad"),
    "a lone surrogate inside": (envelope(json.dumps({**OPEN, "screen": "\ud800"}).encode()), "inner_bad"),
    "a list inside": (envelope(b"[]"), "inner_bad"),
    "null inside": (envelope(b"null"), "inner_bad"),
    "too deep inside": (envelope(also(b'"x":' + b"[" * 65 + b"]" * 65)), "inner_bad"),
    "a number of 10000 digits inside": (envelope(also(b'"data":{"x":' + b"1" * 10_000 + b"}")), "inner_bad"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "code"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_whatever_keeps_a_call_from_being_read_gets_the_same_empty_421(
    phone: Handset, endpoint_key: Key, make: Any, code: str
) -> None:
    response = phone.post(make(endpoint_key).body)

    assert (response.status_code, response.content) == (421, b"")
    assert set(response.headers) == {
        "date",
        "content-type",
        "cache-control",
        "content-length",
        "x-request-id",
    }
    assert phone.server.outcomes() == {code: 1}
    assert phone.instance is None


def test_each_key_of_the_ring_opens_calls(serve: Serve, way: str, endpoint_key: Key, other_key: Key) -> None:
    phone = Handset(serve(way=way, keys=[other_key, endpoint_key], definitions=DEFINITIONS))
    content = json.dumps(OPEN).encode()
    made = [sealed(key, content) for key in (endpoint_key, other_key, endpoint_key, endpoint_key, a_key())]

    statuses = [phone.post(each.body).status_code for each in made]

    assert statuses == [200, 200, 200, 200, 421]


def test_an_envelope_may_have_more_in_it_than_we_know(phone: Handset, endpoint_key: Key) -> None:
    made = reworked(lambda document: {"more": {"of": ["it"]}, **document})(endpoint_key)

    assert phone.send(made) == Answer(200, {"version": "3.0", "screen": "FIRST", "data": FIRST})


# What the content says


@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_an_answer_says_the_version_that_it_was_asked_in(phone: Handset, version: str) -> None:
    answer = phone.call({"version": version, "action": "INIT"})

    assert answer == Answer(200, {"version": version, "screen": "FIRST", "data": FIRST})


ODD: dict[str, dict[str, Any]] = {
    "an unknown version": {"version": "9.0"},
    "no version": {"version": None},
    "a version that is a number": {"version": 3.0},
    "a version that is a list": {"version": ["3.0"]},
    "a version that is an object": {"version": {"3": 0}},
    "a version beyond 64 bits": {"version": 2**64},
    "an unknown action": {"action": "dance"},
    "an action in lower case": {"action": "init"},
    "no action": {"action": None},
    "an empty action": {"action": ""},
    "an action that is a list": {"action": ["INIT"]},
    "a screen that is a number": {"screen": 7},
    "data that is a list": {"data": []},
    "data that is a text": {"data": "wish"},
    "a NUL in the data": {"data": {"wish": "a\0b"}},
    "a NUL in a name": {"data": {"a\0b": "wish"}},
    "a number beyond 64 bits": {"data": {"count": 2**64}},
    "a number below 64 bits": {"data": {"count": -(2**63) - 1}},
    "a NUL in what nobody reads": {"more": "a\0b"},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_a_call_that_is_not_as_metas_are_changes_nothing_and_shows_the_screen_again(
    phone: Handset, odd: dict[str, Any]
) -> None:
    phone.open()
    before = phone.instance
    content = {**OPEN, "flow_token": phone.token, "action": "data_exchange", "screen": "FIRST", **odd}

    answer = phone.call(content)

    shown = {**FIRST, "error_message": "That did not work. Please try again."}
    version = content["version"] if isinstance(content["version"], str) else None
    assert answer == Answer(200, {"version": version, "screen": "FIRST", "data": shown})
    assert phone.instance == before
    assert phone.server.outcomes() == {"ok": 1, "inner_bad": 1}


@pytest.mark.parametrize(
    "odd", [pytest.param(odd, id=name) for name, odd in ODD.items() if odd.get("action") not in ("dance", "init")]
)
def test_such_a_call_of_no_session_gets_an_empty_421_as_nothing_is_there_to_show(
    phone: Handset, odd: dict[str, Any]
) -> None:
    response = phone.post(phone.called(**{**OPEN, "flow_token": phone.token, **odd}).body)

    assert (response.status_code, response.content) == (421, b"")
    assert phone.server.outcomes() == {"inner_bad": 1}
    assert phone.instance is None


@pytest.mark.parametrize("action", ["dance", "init", "data_exchange", "BACK", "navigate"])
def test_an_action_other_than_init_with_a_token_of_no_session_gets_a_427(phone: Handset, action: str) -> None:
    assert phone.call({"action": action, "screen": "FIRST"}) == gone(NO_SESSION)
    assert phone.server.outcomes() == {"token_unknown": 1}
    assert phone.instance is None


@pytest.mark.parametrize("screen", ["", None, "FIRST", "SECOND", "NOWHERE"])
def test_the_flow_opens_on_its_first_screen_whatever_screen_the_phone_says(phone: Handset, screen: Any) -> None:
    answer = phone.call({"action": "INIT", "screen": screen})

    assert answer == Answer(200, {"version": "3.0", "screen": "FIRST", "data": FIRST})


def test_fields_that_may_be_missing_may_be_missing(phone: Handset) -> None:
    made = phone.envelope(version="3.0", action="INIT", flow_token=phone.token)

    assert phone.send(made) == Answer(200, {"version": "3.0", "screen": "FIRST", "data": FIRST})


def test_of_a_name_that_is_said_twice_the_last_is_meant(phone: Handset, endpoint_key: Key) -> None:
    made = sealed(endpoint_key, b'{"action":"ping","version":"3.0",' + json.dumps(OPEN).encode()[1:])

    assert phone.send(made) == Answer(200, {"version": "3.0", "screen": "FIRST", "data": FIRST})


# Health checks and error notifications


def test_a_ping_is_answered_that_the_endpoint_is_active(phone: Handset) -> None:
    answers = [phone.send(phone.envelope(version=version, action="ping")) for version in ("3.0", "4.0")]

    assert answers == [Answer(200, {"version": version, "data": {"status": "active"}}) for version in ("3.0", "4.0")]
    assert phone.server.outcomes() == {"ping": 2}


def test_a_ping_is_answered_under_any_name(shared_server: Server) -> None:
    names = ["survey", "waiting", "purchase_interest", "order", "no_such_flow", ""]
    phones = [Handset(shared_server, name) for name in names]

    answers = [phone.send(phone.envelope(version="3.0", action="ping")) for phone in phones]

    assert answers == [Answer(200, {"version": "3.0", "data": {"status": "active"}})] * len(names)


@pytest.mark.parametrize("action", ["data_exchange", "INIT"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"error": "invalid-screen-transition", "error_message": "SECOND after LAST"}, id="error"),
        pytest.param({"error_key": "payload-schema-error", "error_message": "no wish"}, id="error_key"),
        pytest.param({"error": "never-heard-of"}, id="without a message"),
        pytest.param({"error": {"key": 7}}, id="of another shape"),
    ],
)
def test_what_a_phone_tells_of_its_errors_is_acknowledged_and_changes_nothing(
    phone: Handset, action: str, data: dict[str, Any]
) -> None:
    phone.open()
    phone.submit("FIRST", wish="more")
    before = phone.session

    answer = phone.call({"action": action, "screen": "SECOND", "data": data})

    assert answer == Answer(200, {"version": "3.0", "data": {"acknowledged": True}})
    assert phone.session == before
    assert phone.server.outcomes() == {"ok": 2, "client_error": 1}


def test_an_error_of_a_phone_that_we_do_not_know_is_acknowledged_too(phone: Handset) -> None:
    answer = phone.call({"action": "INIT", "data": {"error": "response-decryption-error"}})

    assert answer == Answer(200, {"version": "3.0", "data": {"acknowledged": True}})
    assert phone.instance is None


@pytest.mark.parametrize("data", [{"error": ""}, {"error": None}, {"error_message": "none"}, {"errors": ["one"]}])
def test_what_only_looks_like_an_error_is_a_call(phone: Handset, data: dict[str, Any]) -> None:
    answer = phone.call({"action": "INIT", "data": data})

    assert answer == Answer(200, {"version": "3.0", "screen": "FIRST", "data": FIRST})


# Tokens


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("unused", id="unused"),
        pytest.param("t" * 1025, id="too long"),
        pytest.param(7, id="a number"),
        pytest.param(["t"], id="a list"),
    ],
)
def test_a_token_that_names_no_session_gets_a_427_with_words_for_the_customer(phone: Handset, token: Any) -> None:
    answer = phone.call({"action": "INIT", "flow_token": token})

    assert answer == gone(NO_SESSION)
    assert phone.server.outcomes() == {"token_unknown": 1}


def test_a_token_may_come_with_metas_signature_and_then_it_must_be_right(phone: Handset) -> None:
    signed = b".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256"}, {"flow_token": phone.token})
    )
    made = base64.urlsafe_b64encode(hmac.digest(SECRETS["app_secret"].encode(), signed, "sha256")).rstrip(b"=")
    right = f"{signed.decode()}.{made.decode()}"
    opened = phone.call({"action": "INIT", "version": "4.0", "flow_token_signature": right})
    before = phone.session

    forged = [
        phone.call({**content, "version": "4.0"})
        for content in (
            {"action": "INIT", "flow_token_signature": f"{signed.decode()}.{'A' * 43}"},
            {"action": "INIT", "flow_token_signature": 7},
            {"action": "INIT", "flow_token_signature": ""},
            {"action": "INIT", "flow_token_signature": right, "flow_token": "another"},
            {
                "action": "data_exchange",
                "screen": "FIRST",
                "data": {"wish": "end"},
                "flow_token_signature": right + "A",
            },
        )
    ]

    assert opened.status == 200
    assert forged == [gone(NO_SESSION, "4.0")] * 5
    assert phone.session == before
    assert phone.server.outcomes() == {"ok": 1, "token_unknown": 5}


def test_what_metas_page_says_of_pings_and_errors_is_so(phone: Handset) -> None:
    said = [each["payload"] for each in sample("crypto/006_meta_docs_plain_endpoint_payloads.json")]
    told = {"action": "INIT"}
    (ping,) = (each for each in said if each.get("action") == "ping")
    (error,) = (each for each in said if "error" in each.get("data", {}))
    active, acknowledged = ({"data": data} for data in ({"status": "active"}, {"acknowledged": True}))
    assert active in said
    assert acknowledged in said

    answers = [phone.send(phone.envelope(**each)) for each in (ping, {**error, **told})]

    assert [answer.content["data"] for answer in answers] == [active["data"], acknowledged["data"]]


def test_a_call_without_any_token_gets_a_427_too(phone: Handset) -> None:
    assert phone.send(phone.envelope(version="3.0", action="INIT")) == gone(NO_SESSION)


@pytest.mark.parametrize("token", ["t" * 1024, "Zażółć 🛵", "'; DROP TABLE instance; --", "a/b%2Fc", " "])
def test_any_other_text_is_a_token(shared_server: Server, token: str) -> None:
    phone = Handset(shared_server, token=token)

    phone.open()
    phone.submit("FIRST", wish="more")
    instance = phone.instance

    assert instance is not None
    assert instance.state == "SECOND"


def test_a_session_that_is_not_finished_in_time_has_expired(lone_phone: Handset) -> None:
    lone_phone.open()
    lone_phone.server.clock.move(TOKEN_LIFE - SECOND)
    in_time = lone_phone.submit("FIRST", wish="more")
    lone_phone.server.clock.move(SECOND)

    answers = [lone_phone.submit("SECOND", size=1), lone_phone.open(), lone_phone.back("SECOND")]
    instance = lone_phone.instance

    assert in_time.content["screen"] == "SECOND"
    assert answers == [gone(EXPIRED)] * 3
    assert instance is not None
    assert (instance.state, instance.deadline) == ("expired", None)
    assert lone_phone.server.outcomes() == {"ok": 2, "token_expired": 3}


def test_a_finished_session_says_that_the_form_was_sent_and_under_which_reference(phone: Handset) -> None:
    phone.open()
    ended = phone.submit("FIRST", wish="end", count=3)
    before = phone.session

    answers = [phone.open(), phone.submit("FIRST", wish="more"), phone.back("FIRST")]

    params = {"count": 3, "flow_token": phone.token}
    assert ended == Answer(
        200, {"version": "3.0", "screen": "SUCCESS", "data": {"extension_message_response": {"params": params}}}
    )
    assert answers == [gone(f"{DONE}{answers[0].content['error_msg'][-8:]}")] * 3
    assert phone.session == before
    assert phone.server.outcomes() == {"ok": 2, "token_done": 3}


def test_a_token_of_one_flow_names_no_session_of_another(phone: Handset) -> None:
    phone.open()
    before = phone.instance
    elsewhere = Handset(phone.server, "personalised_offer")

    assert elsewhere.submit("PRODUCT_SELECTOR", product_selection="0_mobile_phones") == gone(NO_SESSION)
    assert elsewhere.open().status == 200
    assert phone.instance == before


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("no_such_flow", id="unknown"),
        pytest.param("", id="empty"),
        pytest.param("order", id="a lifecycle"),
        pytest.param("survey/", id="with a slash behind"),
        pytest.param("purchase_interest", id="without an endpoint"),
    ],
)
def test_what_is_no_flow_with_an_endpoint_gets_a_427(phone: Handset, name: str) -> None:
    phone.path = f"/flows/{name}"

    assert [phone.open(), phone.submit("FIRST", wish="more")] == [gone(NO_SESSION)] * 2
    assert phone.server.outcomes() == {"flow_unknown": 2}


def test_a_flow_may_take_only_tokens_that_were_minted_here(shared_server: Server) -> None:
    minting = {"definition": "invited", "recipient": "919800000042", "data": {}}
    minted = shared_server.world.ask("POST", "/admin/api/v1/sessions", minting, token=shared_server.world.admin_token)

    assert Handset(shared_server, "invited").open() == gone(NO_SESSION)
    assert Handset(shared_server, "invited", minted["key"]).open().status == 200


def test_a_flow_is_found_under_its_name_in_any_spelling_that_addresses_have(phone: Handset) -> None:
    for path in ("/flows/survey?flow=other", "/flows/s%75rvey", "/flow%73/survey?"):
        phone.path = path
        assert phone.open() == Answer(200, {"version": "3.0", "screen": "FIRST", "data": FIRST})


# How the same body is answered again is in test_flows_sessions.py; here, how long anything is kept.


def test_what_is_past_keeping_gets_an_empty_427_since_its_first_answer_is_not_known_any_more(
    lone_phone: Handset,
) -> None:
    opening, ending = (
        lone_phone.called(action="INIT"),
        lone_phone.called(action="data_exchange", screen="FIRST", data={"wish": "end"}),
    )
    assert [lone_phone.send(opening).status, lone_phone.send(ending).status] == [200, 200]

    lone_phone.server.clock.move(IDENTITIES_KEPT + SECOND)
    now = lone_phone.server.clock()
    lone_phone.server.run(lambda: lone_phone.server.parts.store.purge(answers_before=now, identities_before=now))
    before = lone_phone.session
    answers = [lone_phone.send(opening), lone_phone.send(ending), lone_phone.open()]

    assert answers == [Answer(427)] * 3
    assert lone_phone.session == before


def test_a_session_that_was_never_finished_is_past_keeping_as_well(lone_phone: Handset) -> None:
    opening = lone_phone.called(action="INIT")
    first = lone_phone.send(opening)

    lone_phone.server.clock.move(IDENTITIES_KEPT + SECOND)
    now = lone_phone.server.clock()
    lone_phone.server.run(lambda: lone_phone.server.parts.store.purge(answers_before=now, identities_before=now))

    assert [first.status, lone_phone.send(opening), lone_phone.send(opening)] == [200, Answer(427), Answer(427)]


# Media types, sizes, and what else the door looks at, are the same by both ways in; test_front_door.py has the rest.


@pytest.mark.parametrize(
    "media_type",
    [b"application/json", b"application/json; charset=utf-8", b"APPLICATION/JSON ;charset=UTF-8"],
)
def test_a_body_may_say_its_character_set(phone: Handset, media_type: bytes) -> None:
    made = phone.called(action="INIT")
    headers = [(b"Content-Type", media_type), *phone.signed(made.body)[1:]]

    assert read(made, phone.post(made.body, headers)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="no type"),
        pytest.param([(b"Content-Type", b"text/plain")], id="text"),
        pytest.param([(b"Content-Type", b"application/x-www-form-urlencoded")], id="a form"),
        pytest.param([(b"Content-Type", b"application/jsonp")], id="longer"),
        pytest.param([(b"Content-Type", b"application/problem+json")], id="a kind of JSON"),
        pytest.param([(b"Content-Type", b"\xff")], id="noise"),
        pytest.param([JSON, (b"Content-Encoding", b"gzip")], id="compressed"),
        pytest.param([JSON, (b"Content-Encoding", b"identity")], id="said to be uncompressed"),
    ],
)
def test_a_body_that_is_not_plain_json_gets_a_415(phone: Handset, headers: Headers) -> None:
    body = phone.called(action="INIT").body

    response = phone.post(body, [*headers, *phone.signed(body)[1:]])

    assert (response.status_code, response.content) == (415, b"")
    assert phone.instance is None
