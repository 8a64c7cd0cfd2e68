"""What a customer may choose for a failed delivery, and how a choice is kept."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.orders import ndr
from definitions.orders.ndr import Choice, ChoiceInvalid, choices, chosen, is_offered
from tests.builders import HOUR, NOON

KOLKATA = ZoneInfo("Asia/Kolkata")
ALL = ["ACTF001", "ACTF002", "ACTF003", "ACTF004"]
COUNTED, VOID = {"counts": True}, {"counts": False}


def codes(case: dict[str, Any], *attempts: dict[str, bool], now: int = NOON) -> list[str]:
    """Return the codes that a case offers, with that ledger of its shipment."""
    return [choice.code for choice in choices(case, {"attempts": [*attempts]} if attempts else {}, now, KOLKATA)]


@pytest.mark.parametrize(
    ("code", "offered"),
    [
        pytest.param("", ALL, id="a reason that nobody said"),
        pytest.param("1", ALL, id="unavailable"),
        pytest.param("2", ["ACTF003", "ACTF004"], id="refused: yes, or no I did not"),
        pytest.param("6", ALL, id="the address"),
        pytest.param("7", ["ACTF001", "ACTF002", "ACTF003"], id="the payment"),
        pytest.param("4", [], id="nobody came: nothing is asked"),
        pytest.param("99", ALL, id="a reason that nobody knows"),
    ],
)
def test_a_reason_says_what_to_ask(code: str, offered: list[str]) -> None:
    assert codes({"ndr_code": code}) == offered


@pytest.mark.parametrize(
    ("terms", "attempts", "offered"),
    [
        pytest.param({"attempts": 3, "counted": 2}, [], ALL, id="it comes again"),
        pytest.param({"attempts": 3, "counted": 3}, [], ["ACTF003", "ACTF004"], id="it does not"),
        pytest.param({"attempts": 3, "counted": 3}, [COUNTED] * 3, ["ACTF003", "ACTF004"], id="nor by the ledger"),
        pytest.param({"attempts": 3, "counted": 3}, [COUNTED, VOID, COUNTED], ALL, id="one was voided since"),
        pytest.param({"attempts": 0, "counted": 9}, [COUNTED] * 9, ALL, id="as often as it takes"),
        pytest.param({"actions": ["cancel"]}, [], ["ACTF003"], id="it only takes it back"),
        pytest.param({"dispute_until": NOON - 1}, [], ["ACTF001", "ACTF002", "ACTF003"], id="too late to dispute"),
        pytest.param({"dispute_until": NOON}, [], ALL, id="just in time to dispute"),
        pytest.param({"last_date": "2025-12-31"}, [], ["ACTF001", "ACTF003", "ACTF004"], id="no day is left"),
        pytest.param({"last_date": "2026-01-01"}, [], ALL, id="today is"),
    ],
)
def test_a_courier_s_terms_say_what_it_grants(
    terms: dict[str, Any], attempts: list[dict[str, bool]], offered: list[str]
) -> None:
    assert codes({"ndr_code": "1", "terms": terms}, *attempts) == offered


def test_a_choice_says_all_that_is_to_be_asked_for_it() -> None:
    case = {"ndr_code": "6", "terms": {"last_date": "2026-01-07"}}

    again, another_day, *_ = choices(case, {}, NOON, KOLKATA)

    assert again == Choice("ACTF001", "reattempt", ndr.RESOLUTIONS["ACTF001"].action, False, True, "", "")
    assert (another_day.first_date, another_day.last_date) == ("2026-01-01", "2026-01-07")
    assert (another_day.needs_date, another_day.needs_address) == (True, False)


def test_where_the_courier_sets_no_limit_it_comes_within_thirty_days() -> None:
    another_day = choices({"ndr_code": "1"}, {}, NOON, KOLKATA)[1]

    days = ("2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01")

    assert another_day.days == "a day from 2026-01-01 to 2026-01-31"
    assert [another_day.is_on(day) for day in days] == [False, True, True, False]


def test_today_is_the_merchant_s() -> None:
    late = NOON + 7 * HOUR  # half past midnight in India

    first = {zone: choices({}, {}, late, ZoneInfo(zone))[1].first_date for zone in ("Asia/Kolkata", "UTC")}

    assert first == {"Asia/Kolkata": "2026-01-02", "UTC": "2026-01-01"}


def test_a_choice_is_kept_as_it_is_sent() -> None:
    assert chosen("ACTF002", deferred_date="02-01-2026", remarks="after six", details={"landmark": "the well"}) == {
        "resolutionCode": "ACTF002",
        "action": ndr.RESOLUTIONS["ACTF002"].action,
        "deferredDate": "2026-01-02",
        "remarks": "after six",
        "landmark": "the well",
    }
    assert chosen("ACTF001") == {"resolutionCode": "ACTF001", "action": ndr.RESOLUTIONS["ACTF001"].action}


@pytest.mark.parametrize(
    ("code", "day", "field"),
    [
        ("ACTF009", "", "resolutionCode"),
        ("", "", "resolutionCode"),
        ("ACTF002", "", "deferredDate"),
        ("ACTF002", "soon", "deferredDate"),
    ],
)
def test_what_cannot_be_taken_says_which_part_is_wrong(code: str, day: str, field: str) -> None:
    with pytest.raises(ChoiceInvalid) as refused:
        chosen(code, deferred_date=day)

    assert refused.value.field == field


def test_a_choice_keeps_no_word_of_the_customer_s_in_its_error() -> None:
    with pytest.raises(ChoiceInvalid) as refused:
        chosen("my secret", deferred_date="my secret", remarks="my secret", details={"x": "my secret"})

    assert "secret" not in str(refused.value)


@settings(max_examples=100, deadline=None)
@given(
    code=st.sampled_from([*ndr.REASONS, "99"]),
    attempts=st.integers(0, 4),
    counted=st.integers(0, 4),
    actions=st.sets(st.sampled_from(["reattempt", "defer", "cancel", "dispute"])),
    days=st.integers(-3, 3),
    now=st.integers(NOON, NOON + 48 * HOUR),
)
def test_whatever_is_offered_may_be_chosen_and_nothing_else(
    code: str, attempts: int, counted: int, actions: set[str], days: int, now: int
) -> None:
    terms = {"attempts": attempts, "counted": counted, "actions": [*actions], "last_date": f"2026-01-0{4 + days}"}
    offered = choices({"ndr_code": code, "terms": terms}, {}, now, KOLKATA)

    for resolution in ALL:
        choice = next((each for each in offered if each.code == resolution), None)
        said = {"resolution_code": resolution, "deferredDate": choice.first_date if choice else "2026-01-02"}
        assert is_offered(said, offered) == (choice is not None)
    assert all(choice.action in actions for choice in offered)
    assert all(choice.first_date <= choice.last_date for choice in offered)
