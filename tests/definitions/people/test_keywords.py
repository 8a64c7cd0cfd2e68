"""What is a keyword and what is not, in which locale, and what it asks for."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.people import keywords
from definitions.people.effects import WORDS
from definitions.people.keywords import CATEGORIES, MEANINGS, Keyword, folded, keyword
from tests.definitions.lifecycles.walking import runs

TABLE = json.loads((Path(keywords.__file__).parent / "keywords.json").read_bytes())


@pytest.mark.parametrize(
    ("written", "meaning"),
    [
        ("STOP", Keyword("stop", "en")),
        ("  Stop \n", Keyword("stop", "en")),
        ("stop.", Keyword("stop", "en")),
        ("ＳＴＯＰ", Keyword("stop", "en")),  # noqa: RUF001 - full-width letters
        ("UNSUBSCRIBE", Keyword("stop", "en")),
        ("रोकें", Keyword("stop", "hi")),
        ("बंद  करें।", Keyword("stop", "hi")),
        ("Stop  All", Keyword("stop:all", "en")),
        ("stop offers", Keyword("stop:marketing", "en")),
        ("stop updates", Keyword("stop:order_updates", "en")),
        ("START", Keyword("start", "en")),
        ("resume offers", Keyword("start:marketing", "en")),
        ("Start updates", Keyword("start:order_updates", "en")),
        ("cancel", Keyword("cancel", "en")),
        ("रद्द करें", Keyword("cancel", "hi")),
    ],
)
def test_a_keyword_is_known_however_it_is_written(written: str, meaning: Keyword) -> None:
    assert keyword(written) == meaning


@pytest.mark.parametrize(
    "written",
    [
        "STOP 12345",
        "please don't stop",
        "Where does it stop?",
        "stopp",
        "cancel my order",
        "",
        " ",
        "start 1",
        "s t o p",
    ],
)
def test_a_word_in_a_sentence_is_no_keyword(written: str) -> None:
    assert keyword(written) is None


@given(before=st.text(max_size=8), after=st.text(max_size=8))
def test_what_stands_around_a_keyword_makes_it_something_else(before: str, after: str) -> None:
    message = f"{before}12345 stop 12345{after}"

    assert keyword(message) is None


def test_no_word_means_two_things() -> None:
    words = [folded(word) for table in TABLE["locales"].values() for listed in table.values() for word in listed]

    assert sorted(words) == sorted(set(words))
    assert "" not in words


def test_what_is_asked_for_is_heard_by_subscriptions_of_categories_that_there_are() -> None:
    heard = {arrow.event for arrow in runs("subscription").definition.transitions}

    for meaning in MEANINGS.values():
        assert meaning.event in heard
        assert {*meaning.categories, meaning.asks_about, meaning.keeps} - {""} <= set(CATEGORIES)
    assert {name for table in TABLE["locales"].values() for name in table} <= set(MEANINGS)


def test_every_locale_says_everything_and_its_buttons_fit() -> None:
    (english, *others) = WORDS.values()

    assert set(WORDS) == set(TABLE["locales"])
    for words in (english, *others):
        assert set(words.categories) == set(CATEGORIES)
        assert {name: set(said.buttons) for name, said in words.messages.items()} == {
            name: set(said.buttons) for name, said in english.messages.items()
        }
        for said in words.messages.values():
            assert len(said.buttons) <= 3
            assert all(id_ in MEANINGS and 0 < len(title) <= 20 for id_, title in said.buttons.items())
            assert len(said.text) <= 600
