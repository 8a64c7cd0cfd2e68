import pytest

from definitions.orders.timeline import Attempt, attempts, latest
from engine.fold import Fact, Outcome
from tests.definitions.lifecycles.walking import fact, folded

FAILED = "forward.failed_delivery"
OUT = "forward.out_for_delivery"


def ledger(*facts: tuple[Fact, Outcome]) -> list[tuple[str, str, bool]]:
    return [(attempt.id, attempt.reason, attempt.counts) for attempt in attempts(facts)]


@pytest.mark.parametrize(
    ("facts", "reasons"),
    [
        pytest.param([], [], id="none"),
        pytest.param([(FAILED, "1")], [("customer_unavailable", True)], id="one"),
        pytest.param([(FAILED, "1"), (FAILED, "5")], [("customer_unavailable", True)], id="the same, reported again"),
        pytest.param(
            [(FAILED, "1"), (OUT, ""), (FAILED, "4")],
            [("customer_unavailable", True), ("no_attempt", False)],
            id="two, of which one does not count",
        ),
        pytest.param([(FAILED, "")], [("unknown", True)], id="for a reason that nobody said"),
        pytest.param([(OUT, "1")], [], id="another word with a reason"),
    ],
)
def test_the_ledger_has_every_attempt_once(facts: list[tuple[str, str]], reasons: list[tuple[str, bool]]) -> None:
    timeline: list[tuple[Fact, Outcome]] = [
        (fact(name, minute, ndr_code=code) if code else fact(name, minute), "applied")
        for minute, (name, code) in enumerate(facts)
    ]

    assert [(reason, counts) for _, reason, counts in ledger(*timeline)] == reasons


def test_what_was_not_taken_is_no_attempt() -> None:
    first, second = fact(FAILED, 1), fact(FAILED, 3)

    assert ledger((first, "conflict"), (fact(OUT, 2), "ignored"), (second, "applied")) == [(second.id, "unknown", True)]
    assert attempts([(second, "applied")]) == (Attempt(second.id, second.at, "unknown", counts=True),)


def test_the_latest_word_is_the_last_that_was_taken() -> None:
    taken = fact(OUT, 1)

    assert latest([(taken, "applied"), (fact("forward.sneezed", 2), "ignored")]) == taken
    assert latest([(taken, "conflict")]) is None


def test_a_shipment_of_which_nothing_is_known_says_so() -> None:
    assert folded("shipment").context({"opened": 1}) == {
        "opened": 1,
        "latest": None,
        "attempts": [],
        "conflicts": [],
        "skewed": [],
    }


def test_a_clock_that_is_ahead_is_told() -> None:
    ahead = fact(OUT, 60, delay=-1800)

    assert folded("shipment", ahead).context({})["skewed"] == [ahead.id]
