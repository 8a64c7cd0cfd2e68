"""A worker's way to the outbox: it is let in with the right token, and what goes over the wire comes back the same."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from api.outbox import Attempt
from api.outbox_door import AttemptShape, read, written
from definitions.orders.rows import Account
from definitions.outgoing import AnyCall, CodeCall, HttpCall, MessageCall, Mint, Recipient, WebhookCall, Wish
from tests.api.serving import SECRETS, Server
from tests.api.speaking import ask
from tests.builders import an_instance

TOKEN = SECRETS["admin_token"]

WISH = Wish(
    id="e-1",
    name="work",
    now=7,
    instance=an_instance(key="P-1"),
    data={"says": "work", "list": [1, None, "a"]},
    family={("parcel", "P-2"): an_instance(key="P-2")},
    account=Account("1489", "dfc", "Dhruv Foods", "Asia/Kolkata"),
    recipient=Recipient(person_id="p-1", categories=frozenset({"order"})),
)
CALLS: tuple[AnyCall, ...] = (
    MessageCall("whatsapp/101/919800000001", "101", {"to": "919800000001"}, "shipped", "wamid.1"),
    MessageCall("whatsapp/101/919800000001", "101", {}, mint=Mint("survey", "/a/b", ("order", "O-1"), {"x": 1})),
    HttpCall("http/T-1", "https://courier.example/ndr", {"code": 1}, "bluebird", {"A": "b"}, "Idempotency-Key"),
    WebhookCall("webhook/shop/O-1", "shop", {"type": "order.delivered"}, "https://shop.example/hook"),
    CodeCall("code/parcel/P-1", WISH),
)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.channel)
def test_an_attempt_comes_back_as_it_went(call: AnyCall) -> None:
    attempt = Attempt("e-1", "work", 3, call)

    wire = msgspec.json.encode(written(attempt))

    assert read(msgspec.json.decode(wire, type=AttemptShape)) == attempt


@given(some.dictionaries(some.text(), some.none() | some.integers(-(2**53), 2**53) | some.text()))
def test_whatever_a_message_says_comes_back_too(body: dict[str, Any]) -> None:
    attempt = Attempt("e-1", "work", 1, MessageCall("whatsapp/101/1", "101", body))

    assert read(msgspec.json.decode(msgspec.json.encode(written(attempt)), type=AttemptShape)) == attempt


def test_nothing_is_owed_by_a_new_server(office: Server) -> None:
    assert ask(office, "POST", "/admin/api/v1/outbox/claim", {}, token=TOKEN).content == {"heads": []}
    assert ask(office, "POST", "/admin/api/v1/outbox/claim", {"sweep": True, "limit": 5}, token=TOKEN).content == {
        "heads": []
    }
    assert ask(office, "POST", "/admin/api/v1/outbox/begin", {"effect_id": "nobody"}, token=TOKEN).content == {
        "attempt": None,
        "wait": None,
    }


def test_a_call_that_no_server_gave_is_refused(office: Server) -> None:
    attempt = {"effect_id": "e-1", "name": "work", "number": 1, "call": {"channel": "pigeon"}}

    heard = ask(
        office, "POST", "/admin/api/v1/outbox/finish", {"attempt": attempt, "result": {"type": "Done"}}, token=TOKEN
    )

    assert (heard.status, heard.content["code"]) == (422, "invalid_call")
