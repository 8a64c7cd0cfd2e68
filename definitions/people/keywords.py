"""
What people ask for in a chat about being written to: the table in keywords.json, by locale.

Rule 1: a keyword is a whole message. `STOP 12345` is something else, and `stop` within a sentence is a word.
Rule 2: who starts again says what: a bare `START` is asked about, it never subscribes.
Rule 3: `CANCEL` may mean an order as well, so that it is asked about.
"""

import unicodedata
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

PUNCTUATION = " .!?।"
"""What people put after a word without meaning anything by it."""


class Meaning(Struct, frozen=True, forbid_unknown_fields=True):
    """
    What somebody asks for: the *event* that subscriptions of *categories* hear.

    Before those of the category *asks_about* hear it, the person may be asked first; who asks for this instead wants
    to go on with the category that it *keeps*.
    """

    event: str
    categories: tuple[str, ...]
    asks_about: str = ""
    keeps: str = ""


class Keyword(Struct, frozen=True):
    """A keyword that was written: the name of its meaning, and the locale that it is of."""

    meaning: str
    locale: str


class _Tables(Struct, frozen=True, forbid_unknown_fields=True):
    categories: tuple[str, ...]
    meanings: dict[str, Meaning]
    locales: dict[str, dict[str, tuple[str, ...]]]


_TABLES = msgspec.json.decode((Path(__file__).parent / "keywords.json").read_bytes(), type=_Tables)

CATEGORIES = _TABLES.categories
"""What people can be written to about."""

MEANINGS: Mapping[str, Meaning] = _TABLES.meanings
"""What can be asked for, by name: the name is also what a reply button has as its id."""

USUAL_LOCALE = next(iter(_TABLES.locales))


def folded(text: str) -> str:
    """Return a message as it is compared: in one case, its spaces single, no full stop or the like at its end."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(PUNCTUATION)


_WORDS = {
    folded(word): Keyword(meaning, locale)
    for locale, by_meaning in _TABLES.locales.items()
    for meaning, words in by_meaning.items()
    for word in words
}


def keyword(text: str) -> Keyword | None:
    """Return the keyword that a whole message is, if it is one."""
    return _WORDS.get(folded(text))
