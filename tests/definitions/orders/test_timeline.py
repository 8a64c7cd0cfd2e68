import pytest
from msgspec.structs import replace

from definitions.orders.timeline import RESTORED, VOIDED, Attempt, attempts, latest, named_attempt
from engine.fold import ABOUT, ACCEPTED, Fact, Outcome, second_of
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


FIRST, SECOND = second_of(fact(FAILED, 1).at), second_of(fact(FAILED, 3).at)
TWO: tuple[tuple[str, int, dict[str, str]], ...] = (
    (FAILED, 1, {"ndr_code": "1"}),
    (OUT, 2, {}),
    (FAILED, 3, {"ndr_code": "5"}),
)


def facts(*told: tuple[str, int, dict[str, str]]) -> list[Fact]:
    """Return what was reported: a word, so many minutes after noon, with details."""
    return [replace(fact(name, minute), details=more) for name, minute, more in told]


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        pytest.param([], [True, True], id="nothing is said of them"),
        pytest.param([(VOIDED, 4, {})], [True, False], id="the last is void"),
        pytest.param([(VOIDED, 4, {"attempt": FIRST})], [False, True], id="the one that is named is"),
        pytest.param([(VOIDED, 4, {}), (RESTORED, 5, {})], [True, True], id="void, and restored"),
        pytest.param([(RESTORED, 4, {}), (VOIDED, 5, {})], [True, False], id="the last word holds"),
        pytest.param([(VOIDED, 2, {})], [False, True], id="said before the second"),
        pytest.param([(VOIDED, 4, {"attempt": "20200101T000000Z"})], [True, True], id="one that was never made"),
        pytest.param([(VOIDED, 4, {}), (VOIDED, 5, {"attempt": FIRST})], [False, False], id="both"),
    ],
)
def test_a_courier_voids_attempts_and_restores_them(
    words: list[tuple[str, int, dict[str, str]]], counts: list[bool]
) -> None:
    told = sorted([*TWO, *words], key=lambda each: each[1])
    ledger = attempts([(each, "applied") for each in facts(*told)])

    assert [attempt.counts for attempt in ledger] == counts
    assert [bool(attempt.voided_by) for attempt in ledger] == [not each for each in counts]


def test_an_attempt_that_never_counted_is_not_restored_to_count() -> None:
    timeline: list[tuple[Fact, Outcome]] = [
        (fact(FAILED, 1, ndr_code="4"), "applied"),
        (fact(VOIDED, 2, attempt=FIRST), "applied"),
        (fact(RESTORED, 3, attempt=FIRST), "applied"),
    ]

    assert [(attempt.counts, attempt.voided_by) for attempt in attempts(timeline)] == [(False, "")]


def test_what_is_said_of_an_attempt_after_the_end_still_holds() -> None:
    fold = folded("shipment", fact(FAILED, 1), fact("forward.delivered", 2), fact(VOIDED, 3))

    assert [outcome for _, outcome in fold.timeline()] == ["applied", "applied", "ignored"]
    assert [attempt["counts"] for attempt in fold.context({})["attempts"]] == [False]


def test_a_delay_between_two_reports_of_a_failure_makes_no_second_attempt() -> None:
    """As the machine has it, which opens no second case either."""
    timeline: list[tuple[Fact, Outcome]] = [
        (fact(name, minute), "applied") for minute, name in enumerate([FAILED, "forward.shipment_held", FAILED])
    ]

    assert len(attempts(timeline)) == 1


def test_the_attempt_that_is_meant_is_the_named_or_the_last_that_could_count() -> None:
    context = folded("shipment", *(facts(*TWO))).context({})

    named = [named_attempt(context, said) for said in ({"attempt": FIRST}, {}, {"attempt": "20200101T000000Z"})]

    assert [each and each["reason"] for each in named] == ["customer_unavailable", "unreachable", None]


def test_a_record_is_not_the_latest_word() -> None:
    out = fact(OUT, 1)
    settled = Fact(ACCEPTED, out.at + 60_000_000, out.at + 60_000_000, {ABOUT: out.id}, "staff")

    assert latest([(out, "applied"), (fact(VOIDED, 2), "applied"), (settled, "applied")]) == out


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
