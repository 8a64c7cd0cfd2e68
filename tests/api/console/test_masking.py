"""What is masked, and that nothing personal is left of it."""

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from api.console.masking import masked, masked_key, masked_text
from definitions.orders import ndr

LETTERS = st.characters(categories=["L", "M", "N", "P", "S", "Z"])
PHONES = st.from_regex(r"\A(\+|00)?[1-9][0-9]{9,13}\Z")
EMAILS = st.from_regex(r"\A[a-z][a-z.]{3,12}@[a-z]{4,9}\.(example|in|com)\Z")
NAMES = st.lists(st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1, max_size=9), min_size=1, max_size=4)
PERSONAL = PHONES | EMAILS | NAMES.map(" ".join) | st.text(LETTERS, max_size=200)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=20,
)


def longest_piece(shown: str) -> int:
    """Return how many letters and digits that follow one another are shown at most."""
    return max(len(piece) for piece in re.split(r"[\W_]+", shown))


@given(PERSONAL)
def test_no_four_characters_of_a_text_survive(text: str) -> None:
    assert longest_piece(masked_text(text)) < 4


@given(PHONES | EMAILS, st.sampled_from(["id", "status", "order_id", "key", "name", "phone", "updated_at", "sku", "x"]))
def test_a_contact_is_masked_under_whatever_name(contact: str, name: str) -> None:
    shown = masked({name: contact})[name]
    assert longest_piece(shown) < 4
    assert contact not in json.dumps(masked([{name: [contact]}]))


@given(PERSONAL.filter(lambda text: len(text) > 3), st.sampled_from(["name", "remark", "question", "note", "city"]))
def test_what_is_not_known_to_be_harmless_is_masked(text: str, name: str) -> None:
    assert longest_piece(masked({"latest": {name: text}})["latest"][name]) < 4


@given(PERSONAL.filter(lambda text: len(text) > 3), st.sampled_from(["response", "shippingAddress", "answers", "from"]))
def test_below_what_customers_told_no_name_helps(text: str, above: str) -> None:
    (shown,) = masked({above: [{"status": text}]})[above]
    assert longest_piece(shown["status"]) < 4


def test_what_couriers_report_and_what_is_done_about_it_is_nobodys_own() -> None:
    known = {
        "courier": "Blue Dart",
        "conflicts": ["forward.out_for_delivery@20260101T100000Z"],
        "attempts": [{"id": "forward.failed_delivery@20260101T100000Z", "reason": "customer_unavailable"}],
        "ndr_reason": ndr.reason("1").label,
        "terms": {"actions": ["reattempt", "defer"]},
        "resolution": {"action": ndr.RESOLUTIONS["ACTF001"].action},
        "effect": "dc1b1e66ea65aedbfd317e24dc1ec495",
    }
    assert masked(known) == known


@given(PERSONAL.filter(lambda text: len(text) > 3), st.sampled_from(["reason", "ndr_reason", "about", "conflicts"]))
def test_what_couriers_and_customers_say_in_their_own_words_is_masked(text: str, name: str) -> None:
    assume(name != "about" or not text.startswith("wamid"))
    assert longest_piece(masked({name: text})[name]) < 4


def test_a_contact_is_masked_where_couriers_are_named_and_reports_have_ids() -> None:
    for name in ("courier", "courier_name", "id", "conflicts", "reason", "action"):
        for contact in ("+91 98000 00042", "Ravi 9800000042", "asha.rao@shop.example", "asha@20260101"):
            assert longest_piece(masked({name: contact})[name]) < 4, (name, contact)


@given(JSON)
def test_the_shape_stays(value: Any) -> None:
    shown = masked(value)
    json.dumps(shown)
    if isinstance(value, dict | list):
        assert len(shown) == len(value)
    elif value is None or isinstance(value, bool):
        assert shown is value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Asha Rao", "A… R…"),
        ("919800000001", "+91 …… 01"),
        ("+1 (415) 555-0134", "+1 …… 34"),
        ("9800000001", "…… 01"),
        ("asha@shop.example", "a…@…"),
        ("asha@shop.in", "a…@….in"),
        ("12, MG Road", "•••"),
        ("Please leave it with the neighbour at number 7", "••••••"),
        ("Is it blue? " * 20, "•••••••••"),
        ("  ", ""),
    ],
)
def test_a_hint_is_left(text: str, shown: str) -> None:
    assert masked_text(text) == shown


def test_what_the_engine_says_is_shown() -> None:
    context: dict[str, Any] = {
        "order_id": "29177283",
        "trackingID": "AWB-1",
        "leg": "forward",
        "latest": {"status": "forward.failed_delivery", "at": 1_767_268_800_000_000, "remark": "Asha was not at home"},
        "attempts": [{"id": "e1f0", "at": 1_767_268_800_000_000, "counts": True, "voided_by": ""}],
        "resolution": {"resolutionCode": "RETRY", "deferredDate": "2026-01-03", "remarks": "Ring twice"},
        "phone_number_id": "106540352242922",
        "quantity": 2,
        "paid": 499.5,
    }
    assert masked(context) == {
        **context,
        "latest": {**context["latest"], "remark": "•••"},
        "resolution": {**context["resolution"], "remarks": "R… t…"},
    }


def test_numbers_that_are_somebodys_are_masked() -> None:
    assert masked({"n": 919800000001, "pincode": 560001, "age": 41, "items": 3, "heard_at": 1_767_268_800}) == {
        "n": "•••",
        "pincode": "•••",
        "age": "•••",
        "items": 3,
        "heard_at": 1_767_268_800,
    }


def test_names_of_fields_that_are_contacts_are_masked_too() -> None:
    assert masked({"919800000001": {"a@shop.example": 1}}) == {"••• 0": {"••• 0": 1}}


@given(PHONES, st.binary(min_size=20, max_size=40), st.sampled_from(["id", "key", "order_ref", "wamid", "x", "sku"]))
def test_a_message_id_is_masked_as_the_phone_number_in_it_is(phone: str, rest: bytes, name: str) -> None:
    wamid = "wamid." + base64.b64encode(b"\x1d\x11\x04" + phone.encode() + rest).decode()
    hint = masked_text(wamid)
    shown = json.dumps(masked({name: wamid, "key": f"inquiry/{wamid}", wamid: 1, "told": [wamid]}))

    assert re.fullmatch(r"message [0-9a-f]{8}", hint)
    assert masked_key(f"inquiry/{wamid}/3") != masked_key(f"inquiry/{wamid}/4")
    for said in (shown, masked_key(f"inquiry/{wamid}/3")):
        assert not any(wamid[place : place + 8] in said for place in range(6, len(wamid) - 8))
    assert hint in shown


@given(st.text(max_size=60).filter(lambda key: "wamid." not in key.lower()))
def test_another_key_stays_as_it_is(key: str) -> None:
    assert masked_key(key) == key


def test_what_is_no_json_and_what_is_too_deep_is_hidden() -> None:
    deep: Any = "Asha"
    for _ in range(200):
        deep = [deep]
    assert "Asha" not in repr(masked(deep))
    assert masked({"id": b"bytes"}) == {"id": "•••"}
