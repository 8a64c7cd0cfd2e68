"""The same facts in any order, any number of times, by any door; see tests/permutations.py."""

import pytest

from engine import family
from engine.fold import ACCEPTED, DISMISSED
from tests.permutations import MOST_COPIES, MOST_FACTS, a_case, arranged, search

CASES = 1000


def test_a_thousand_orders_end_the_same_however_their_facts_came() -> None:
    said: list[str] = []

    failed = search(range(CASES), said.append)

    assert (failed, said) == (0, [])


def test_the_cases_have_all_that_makes_facts_hard_to_sort() -> None:
    cases = [a_case(seed) for seed in range(CASES)]
    told = [each for case in cases for each in case.told]
    names = {each.fact.name for each in told}

    assert {len(case.shipments) for case in cases} == {1, 2}
    assert {len(case.told) for case in cases} == set(range(1, MOST_FACTS + 1))
    assert {copies for case in cases for copies in case.copies} == set(range(1, MOST_COPIES + 1))
    assert {door for each in told for door in each.doors} == {"generic", "eshopbox", "document", "staff"}
    assert {ACCEPTED, DISMISSED, "forward.attempt_voided", "forward.attempt_restored", "forward.sneezed"} <= names
    assert any(
        one.fact.at == other.fact.at and one.fact.name != other.fact.name
        for case in cases
        for one in case.told
        for other in case.told
    )


async def test_among_them_are_cases_that_couriers_settled_in_every_way() -> None:
    outcomes = [await arranged(a_case(seed), None) for seed in range(200)]

    made = {word for outcome in outcomes for word in outcome.cases.values()}
    assert made == {"open", "resolved_delivered", "resolved_failed_again", "rto", "lost"}
    shipments = [shipment for outcome in outcomes for shipment in outcome.shipments.values()]
    assert any(attempt["voided_by"] for shipment in shipments for attempt in shipment["context"]["attempts"])
    assert any(shipment["context"]["conflicts"] for shipment in shipments)


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that told everybody everything as it came would close cases by what came last, not by what was last."""
    monkeypatch.setattr(family, "_news", lambda before, after: [each for each in after if each not in before])

    said: list[str] = []

    assert search(range(60), said.append) > 0
