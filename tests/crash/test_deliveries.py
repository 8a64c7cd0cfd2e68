"""No `kill -9` of those who deliver loses an effect or makes one up, and whoever looks for that would see it."""

import re
from collections import Counter

import pytest

from tests.crash import deliveries as program
from tests.crash.deliveries import Row, faults

KILLS = 30
REPORT = re.compile(
    r"seed \d+: kills: (\d+) of the server, (\d+) of the server of a worker, (\d+) of the worker; (\d+) answers,"
    r" (\d+) effects\n(\d+) calls were made twice under their keys; (\d+) messages are in doubt,"
    r" of which (\d+) were taken\n"
)


def test_no_kill_of_who_delivers_loses_or_makes_up_an_effect(capsys: pytest.CaptureFixture[str]) -> None:
    code = program.main(["--kills", str(KILLS)])

    told = capsys.readouterr().out
    counts = REPORT.fullmatch(told)
    assert code == 0, told
    assert counts is not None, told
    *kills, answers, effects, repeated, doubted, taken = map(int, counts.groups())
    assert sum(kills) == KILLS
    assert answers == effects > 10 * KILLS
    assert repeated, told  # else no kill came at a bad moment, and it showed nothing
    assert doubted > taken > 0, told


def a_row(key: str, status: str = "done", reason: str = "", attempts: int = 1) -> Row:
    """Return what is recorded of an effect that says its own key."""
    return Row(key, "errand_message", status, reason, attempts, key)


ROWS = [a_row("sent"), a_row("doubted", "unknown", "interrupted"), a_row("called", attempts=2)]
ANSWERED = ["sent", "doubted", "called"]


def test_what_is_as_it_must_be_is_no_fault() -> None:
    assert [*faults(ROWS, ANSWERED, Counter(sent=1, doubted=1), Counter(called=2))] == []


@pytest.mark.parametrize(
    ("rows", "answered", "taken", "called"),
    [
        (ROWS[1:], ANSWERED, Counter(), Counter(called=1)),
        (ROWS, ANSWERED[1:], Counter(sent=1), Counter(called=1)),
        ([*ROWS, ROWS[0]], ANSWERED, Counter(sent=1), Counter(called=1)),
        (ROWS, ANSWERED, Counter(sent=1, rolled_back=1), Counter(called=1)),
        ([*ROWS[1:], a_row("sent", "pending")], ANSWERED, Counter(), Counter(called=1)),
        (ROWS, ANSWERED, Counter(), Counter(called=1)),
        ([*ROWS[1:], a_row("sent", "unknown")], ANSWERED, Counter(), Counter(called=1)),
        (ROWS, ANSWERED, Counter(sent=2), Counter(called=1)),
        (ROWS, ANSWERED, Counter(sent=1), Counter(called=3)),
    ],
    ids=[
        "one is lost",
        "one is made up",
        "one is doubled",
        "one of a rolled-back step is delivered",
        "one is left lying",
        "one that is done was not delivered",
        "one that is in doubt does not say so",
        "a message is sent twice",
        "a call is repeated and does not say so",
    ],
)
def test_what_must_not_be_would_be_seen(
    rows: list[Row], answered: list[str], taken: Counter[str], called: Counter[str]
) -> None:
    assert [*faults(rows, answered, taken, called)] != []
