import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagrams.letters import DEVANAGARI, EMOJI, LATIN, Run, runs, width, wrapped
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
        pytest.param("🚚 sent", [Run("🚚", EMOJI), Run(" sent", LATIN)], id="an emoji"),
        pytest.param("📦 🚚", [Run("📦", EMOJI), Run(" ", LATIN), Run("🚚", EMOJI)], id="emoji apart"),
        pytest.param(
            "शिप 🚚 में",
            [Run("शिप", DEVANAGARI), Run(" ", LATIN), Run("🚚", EMOJI), Run(" ", LATIN), Run("में", DEVANAGARI)],
            id="an emoji between words of one script",
        ),
        pytest.param("1️⃣ of 3", [Run("1️⃣", EMOJI), Run(" of 3", LATIN)], id="a keycap"),
        pytest.param("© 2026", [Run("© 2026", LATIN)], id="a sign that is text"),
        pytest.param("©️ 2026", [Run("©️", EMOJI), Run(" 2026", LATIN)], id="a sign that is to be an emoji"),
        pytest.param("क्‍ष", [Run("क्‍ष", DEVANAGARI)], id="a joiner in a script"),
        pytest.param("\ufe0fa\ufe0f", [Run("\ufe0fa\ufe0f", LATIN)], id="selectors of nothing"),
        pytest.param("发货 sent", [Run("发货", ""), Run(" sent", LATIN)], id="what no font has"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_a_text_is_parted_by_what_fonts_can_write(text: str, parts: list[Run]) -> None:
    assert runs(text) == parts


@pytest.mark.parametrize(
    ("text", "emoji"),
    [
        pytest.param("🚚", 1, id="one character"),
        pytest.param("❤️", 1, id="one with a selector"),
        pytest.param("👍🏽", 1, id="a tone of skin"),
        pytest.param("👨‍👩‍👧‍👦", 1, id="a family"),
        pytest.param("👩🏽‍🔧", 1, id="a profession, with a tone of skin"),
        pytest.param("🏳️‍🌈", 1, id="a selector inside"),
        pytest.param("🇮🇳", 1, id="a flag"),
        pytest.param("🏴󠁧󠁢󠁥󠁮󠁧󠁿", 1, id="a flag of tags"),
        pytest.param("1️⃣", 1, id="a keycap"),
        pytest.param("🇮🇳🇺🇸", 2, id="two flags"),
        pytest.param("🇦🇦", 2, id="no flag"),
        pytest.param("🇮", 1, id="half a flag"),
        pytest.param("👩‍🦖", 2, id="nobody's profession"),
        pytest.param("🏴󠁵󠁳󠁣󠁡󠁿", 1, id="tags of no flag that the font has"),
        pytest.param("🚚\u200d", 1, id="a joiner of nothing"),
    ],
)
def test_an_emoji_is_as_wide_as_what_the_font_draws_for_it(text: str, emoji: int) -> None:
    assert width(text, 10) == width(text, 10, 600) == pytest.approx(emoji * 10 * 2600 / 2048)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("paid", ["paid"]),
        ("a title of several words", ["a title of several", "words"]),
        ("client_error_rate.activated", ["client_error_rate.", "activated"]),
        ("many words that take more lines than there are", ["many words that", "take more line…"]),
        pytest.param("👨‍👩‍👧‍👦" * 12, ["👨‍👩‍👧‍👦" * 10, "👨‍👩‍👧‍👦" * 2], id="families stay together"),
        pytest.param("flags " + "🇮🇳" * 6 + " 🇮🇳", ["flags", "🇮🇳" * 5 + "…"], id="flags are cut between"),
        ("", []),
    ],
)
def test_a_text_is_broken_where_its_room_ends(text: str, lines: list[str]) -> None:
    assert wrapped(text, 10, 80, lines=2) == lines


@given(texts, st.floats(30, 300))
def test_no_line_is_wider_than_its_room(text: str, room: float) -> None:
    widest_piece = 10 * width("🚚", 10)  # what is broken anywhere is broken after ten letters
    lines = wrapped(text, 10, room)

    assert len(lines) <= 3
    assert all(width(line, 10) <= max(room, widest_piece + width("🚚", 10)) for line in lines)
