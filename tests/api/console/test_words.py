"""How the console says times, durations, figures and shares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.words import ago, counted, exact, lasting, readable, share, short
from engine.model import SECOND
from tests.builders import HOUR, MINUTE, NOON


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (0, "just now"),
        (-SECOND, "just now"),
        (59 * SECOND, "59 seconds ago"),
        (MINUTE, "1 minute ago"),
        (-2 * HOUR, "in 2 hours"),
        (14 * 24 * HOUR, "14 days ago"),
        (15 * 24 * HOUR, "17 Dec 2025"),
        (-15 * 24 * HOUR, "16 Jan 2026"),
    ],
)
def test_a_time_is_said_in_relation_to_now(before: int, said: str) -> None:
    assert ago(NOON - before, NOON) == said


def test_an_exact_time_says_its_zone() -> None:
    assert exact(NOON + 999_999) == "2026-01-01 12:00:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 seconds"), (0.005, "5 ms"), (1, "1 second"), (119, "1 minute"), (7200, "2 hours"), (200_000, "2 days")],
)
def test_a_duration_is_said_in_one_unit(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


@given(st.floats(0, 1, allow_nan=False))
def test_a_share_is_nothing_or_all_only_if_it_is(part: float) -> None:
    said = share(part)
    assert (said == "0%") == (part == 0)
    assert (said == "100%") == (part == 1)


@given(st.text(max_size=80), st.integers(5, 60))
def test_a_short_key_begins_and_ends_as_the_whole(key: str, length: int) -> None:
    said = short(key, length)
    assert len(said) <= max(length, 5)
    begins, _, ends = said.partition("…")
    assert said == key or (key.startswith(begins) and key.endswith(ends))


def test_there_are_one_session_and_many_sessions() -> None:
    assert [counted(1, "session"), counted(0, "session"), counted(1200, "session")] == [
        "1 session",
        "0 sessions",
        "1,200 sessions",
    ]


def test_times_in_what_a_session_knows_can_be_read() -> None:
    assert readable({"at": NOON, "phone": 919_800_000_042, "inside": [{"until": NOON}, True]}) == {
        "at": "2026-01-01 12:00:00 UTC",
        "phone": 919_800_000_042,
        "inside": [{"until": "2026-01-01 12:00:00 UTC"}, True],
    }
