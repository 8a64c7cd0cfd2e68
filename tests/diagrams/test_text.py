import pytest

from diagrams.text import broken, distinct, duration, percent, plain
from engine.model import SECOND


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("  two\n\twords\r\n\u2028", "two words", id="any white space is one space"),
        pytest.param("a\0b\x1bc\x7fd\x9fe", "abcde", id="control characters"),
        pytest.param("a\u202eb\u2066c\u200bd\ufeffe", "abcde", id="what turns the direction or has no width"),
        pytest.param("a\ud800b\ufffe", "a\ufffdb\ufffd", id="what cannot be written"),
        pytest.param("👩\u200d👧 نص", "👩\u200d👧 نص", id="joined emoji and letters from right to left"),
        pytest.param("abcdefghijkl", "abcdefghi…", id="what is too long"),
        pytest.param("abcdefghij", "abcdefghij", id="what is just not too long"),
    ],
)
def test_text_is_one_line_of_visible_characters(text: str, shown: str) -> None:
    assert plain(text, 10) == shown


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("pay [is_due] / tell", ["pay [is_due] / tell"], id="what is short enough"),
        pytest.param(
            "pay [total_is_covered] / send_receipt",
            ["pay", "[total_is_covered]", "/ send_receipt"],
            id="guard and effects",
        ),
        pytest.param("a title of more words than fit", ["a title of more", "words than fit"], id="words"),
        pytest.param("no_place_to_break_this_word", ["no_place_to_break_this_word"], id="one word"),
    ],
)
def test_text_is_broken_where_it_reads_well(text: str, lines: list[str]) -> None:
    assert broken(text, 20) == lines


def test_names_are_numbered_where_they_would_meet() -> None:
    names = distinct(["a.b", "a-b", "a_b_2", "c"], lambda path: path.replace(".", "_").replace("-", "_"))

    assert names == {"a.b": "a_b", "a-b": "a_b_2", "a_b_2": "a_b_2_2", "c": "c"}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.0001, "under 1 ms"),
        (0.097, "97 ms"),
        (0.9996, "1 s"),
        (59, "59 s"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (86_400, "1 day"),
        (129_600, "1 day 12 h"),
        (259_200, "3 days"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_units(seconds: float, said: str) -> None:
    assert duration(seconds * SECOND) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0 %"), (0.001, "under 1 %"), (0.126, "13 %"), (0.994, "99 %"), (0.999, "over 99 %"), (1, "100 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share: float, said: str) -> None:
    assert percent(share) == said
