import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagrams.letters import DEVANAGARI, LATIN, Run, runs, width, wrapped
from tests.diagrams.strategies import texts


def test_letters_have_widths_of_their_own() -> None:
    assert width("iii", 10) < width("nnn", 10) < width("WWW", 10)
    assert width("order", 20) == pytest.approx(2 * width("order", 10))
    assert width("order", 10, 600) > width("order", 10)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("On its way", [Run("On its way", LATIN)], id="one script"),
        pytest.param("रास्ते में है", [Run("रास्ते में है", DEVANAGARI)], id="words of one script"),
        pytest.param(
            "[नमस्ते] order",
            [Run("[", LATIN), Run("नमस्ते", DEVANAGARI), Run("] order", LATIN)],
            id="two scripts",
        ),
        pytest.param("🚚 sent", [Run("🚚", ""), Run(" sent", LATIN)], id="what no font has"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_a_text_is_parted_by_what_fonts_can_write(text: str, parts: list[Run]) -> None:
    assert runs(text) == parts


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("paid", ["paid"]),
        ("a title of several words", ["a title of several", "words"]),
        ("client_error_rate.activated", ["client_error_rate.", "activated"]),
        ("many words that take more lines than there are", ["many words that", "take more line…"]),
        ("", []),
    ],
)
def test_a_text_is_broken_where_its_room_ends(text: str, lines: list[str]) -> None:
    assert wrapped(text, 10, 80, lines=2) == lines


@given(texts, st.floats(30, 300))
def test_no_line_is_wider_than_its_room(text: str, room: float) -> None:
    widest_piece = 10 * width("W", 10)  # what is broken anywhere is broken after ten letters
    lines = wrapped(text, 10, room)

    assert len(lines) <= 3
    assert all(width(line, 10) <= max(room, widest_piece + width("🚚", 10)) for line in lines)
