from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.messages.facts import PATHS, known
from definitions.messages.texts import MAX_VALUE, TextInvalid, fill, read_text, written
from tests.definitions.messages.wishes import ORDER, a_case, a_shipment, a_wish

LIMIT = 1024


def said(text: str, instance: Any = None, **changes: Any) -> str:
    """Return what a text says of the invented order."""
    return fill(read_text(text), known(a_wish("notify_shipped", instance or a_case(), **changes)), LIMIT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{recipient.name}", "Asha Rao"),
        ("{recipient.name|first}", "Asha"),
        ("{account.name} / {account.slug}", "Kumar Teas / kumar"),
        ("{items.count} {items.first} {items.line}", "3 Assam tea Assam tea and 2 more"),
        ("{shipment.tracking_id} {shipment.courier} {shipment.courier_phone}", "T-1 Bharat Parcels 1800000000"),
        ("{shipment.place} {shipment.remark} {shipment.attempts}", "Pune - 0"),
        ("{case.reason}", "nobody was there to take it"),
        ("{case.deadline|date}", "Friday, 2 January 2026"),
        ("{case.deadline|time} / {case.deadline|moment}", "17:30 IST / Friday, 2 January, 17:30 IST"),
        ("{case.choice|or:nothing} {case.day|date|or:no day}", "nothing no day"),
        ("{event.at|time}", "17:30 IST"),
        ("{order.orderTotal} {order.orderTotal|money}", "1350.50 1,350.50"),
        ("{order.items.1.productName}", "Teapot"),
        ("{order.items.9.productName} {order.nothing.there} {order.items}", "- - -"),
        ("{order.customerOrderNumber|money|or:no price}", "no price"),
        ("{event.why|or:no reason}", "no reason"),
        ("{{{account.slug}}}", "{kumar}"),
    ],
)
def test_a_place_in_a_text_says_what_is_known(text: str, words: str) -> None:
    assert said(text) == words


def test_what_was_chosen_and_why_it_was_refused_can_be_said() -> None:
    case = a_case(resolution={"action": "another day", "deferredDate": "2026-01-04"})

    words = said("{case.choice} {case.day} {case.day|date}: {event.reason}", case, data={"reason": "holiday"})

    assert words == "another day 2026-01-04 Sunday, 4 January 2026: holiday"


def test_a_day_that_is_none_says_nothing() -> None:
    assert said("{case.day|date|or:some day}", a_case(resolution={"deferredDate": "soon"})) == "some day"


def test_a_reason_without_words_of_ours_is_said_in_the_couriers() -> None:
    assert said("{case.reason}", a_case(ndr_code="0", ndr_reason="Flooded street")) == "Flooded street"
    assert said("{case.reason}", a_case(ndr_code="77", ndr_reason="")) == "the courier gave no clear reason"


def test_attempts_are_those_that_count() -> None:
    attempts = [{"counts": True}, {"counts": False}, {"counts": True}]

    assert said("{shipment.attempts}", a_shipment("forward.failed_delivery", attempts=attempts)) == "2"


def test_the_documents_number_of_a_courier_goes_before_the_accounts() -> None:
    tracking = {"trackingID": "T-1", "courierPhone": "1800111111"}
    order = {**ORDER, "items": [{"productName": "Assam tea", "forwardTrackingTimeline": tracking}]}

    assert said("{shipment.courier_phone}", order=order) == "1800111111"


def test_an_order_whose_shipment_nobody_knows_is_all_its_items() -> None:
    assert said("{items.count}", family={}) == "9"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{case.dedline|date}", "{case.dedline} leads nowhere"),
        ("{order}", "{order} leads nowhere"),
        ("{order.}", "{order.} leads nowhere"),
        ("{}", "{} leads nowhere"),
        ("{case.deadline}", "a time is said as case.deadline|date"),
        ("{case.deadline|or:soon}", "or makes nothing of a time"),
        ("{items.count|date}", "date makes nothing of a number"),
        ("{account.name|upper}", "there is no 'upper', but or, first, money, date, time, moment"),
        ("{account.name|or}", "write or:TEXT"),
        ("{account.name|first:2}", "write first alone"),
        ("{account.name", "a single {"),
        ("100 % }", "a single }"),
        ("{a{account.name}}", "a single {"),
    ],
)
def test_a_place_that_can_never_be_filled_is_told(text: str, fault: str) -> None:
    with pytest.raises(TextInvalid) as told:
        read_text(text)

    assert fault in str(told.value)


def test_only_what_its_author_wrote_counts_as_a_texts_length() -> None:
    assert written(read_text("Order {order.customerOrderNumber}, {{now}}")) == len("Order , {now}")


def test_a_long_value_is_cut_and_so_is_a_long_text() -> None:
    long = "tea " * 400

    assert len(said("{order.note}", order={"note": long})) == MAX_VALUE
    assert said("{order.note}", order={"note": long}).endswith("…")
    assert len(fill(read_text("x" * 99 + "{order.note}"), known(a_wish("notify_shipped", a_case())), 60)) == 60


@given(st.text())
def test_any_text_is_read_or_told_why_not(text: str) -> None:
    try:
        parts = read_text(text)
    except TextInvalid:
        return
    assert written(parts) <= len(text)


@pytest.mark.parametrize("path", [path for path, kind in PATHS.items() if kind != "time"])
def test_every_path_can_be_said_even_where_nothing_is_known(path: str) -> None:
    nothing: dict[str, Any] = {"account": None, "order": {}, "family": {}}

    assert said(f"{{{path}|or:nothing}}", a_shipment("awaiting", latest=None), **nothing)
