"""
The catalogue of texts: `words/LANGUAGE.json`, shipped beside this module, and in folders of definitions.

A text is a string with named placeholders in braces; or an object of such strings by plural form, of which the
placeholder `{count}` chooses one. A text's key is the names of the objects it is in, joined by dots. What a folder's
file says replaces ours key by key; a file of a further language adds that language, in which English fills the gaps.

Source: Unicode CLDR, "Language Plural Rules": which plural forms a language has.

Rule 1: everything that is wrong is said at once, when the files are read; nothing is found out by a shopper.
Rule 2: a text is filled in, never run: a placeholder is a name, and nothing else.
"""

import string
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
from msgspec import Struct

from definitions.json_text import decode_document, escape, places
from engine.errors import DefinitionError, Problem

FOLDER = "words"
"""Where a folder of definitions has its texts."""

SHIPPED = Path(__file__).parent

USUAL = "en"
"""The language that is complete by definition: its keys and placeholders are those that there are."""

OTHER = "other"
"""The plural form that every language has, and that a text without forms is said in."""

PLURALS = frozenset({"zero", "one", "two", "few", "many", OTHER})

DATES = "dates."
"""What the keys of date patterns begin with; they are Unicode's date patterns."""

INVALID = "INVALID_WORDS"
"""The code of what is wrong with a file of texts."""

Text = Mapping[str, str]
"""A text by plural form."""

Texts = Mapping[str, Text]
"""The texts of a language by their keys."""


class Words(Struct, frozen=True):
    """All texts, by language and key; every language has every key."""

    languages: Mapping[str, Texts]

    def known(self, language: str) -> str:
        """Return the language that a tag such as `hi-IN` names, if it is one of ours, else ""."""
        wanted = language.strip().lower().replace("_", "-")
        ours = {each.lower().replace("_", "-"): each for each in self.languages}
        return ours.get(wanted) or ours.get(wanted.partition("-")[0], "")


@cache
def words_of(folders: tuple[Path, ...] = ()) -> Words:
    """
    Return the texts that ship, with those of *folders* merged into them.

    Raises:
        DefinitionError: a file of them is wrong.
    """
    usual = _read_file(SHIPPED / f"{USUAL}.json", None)
    languages: dict[str, Texts] = {USUAL: usual}
    for folder in (SHIPPED, *(folder / FOLDER for folder in folders)):
        for path in sorted(folder.glob("*.json")):
            beneath = languages.get(path.stem, usual)
            languages[path.stem] = {**beneath, **_read_file(path, usual)}
    if len(folders) and languages[USUAL] is not usual:
        # What a folder says in the usual language fills the gaps of languages that it adds, too.
        shipped = {path.stem for path in SHIPPED.glob("*.json")}
        for language in languages.keys() - shipped:
            own = {key: text for key, text in languages[language].items() if text is not usual[key]}
            languages[language] = {**languages[USUAL], **own}
    return Words(languages)


def check(path: Path) -> tuple[Problem, ...]:
    """Return what is wrong with the file of a language, beside the texts that ship."""
    usual = None if path.resolve() == SHIPPED / f"{USUAL}.json" else words_of().languages[USUAL]
    _, problems = read(path.stem, path.read_bytes(), usual)
    return problems


def read(language: str, source: bytes, usual: Texts | None) -> tuple[Texts, tuple[Problem, ...]]:
    """Return the texts of a language's file, which has no others than *usual*, and what is wrong with it."""
    try:
        locale = Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return {}, (Problem("", INVALID, f"a file is named after its language, and {language} is none that is known"),)
    try:
        content = decode_document(source)
    except msgspec.DecodeError as error:
        return {}, (Problem("", "INVALID_JSON", str(error)),)
    problems: list[Problem] = []
    texts: dict[str, Text] = {}
    forms = {*locale.plural_form.tags, OTHER}
    for key, pointer, text in _texts(content, "", ""):
        faults = [*_faults(key, text, forms, usual)]
        problems += [Problem(pointer, INVALID, fault) for fault in faults]
        if not faults:
            texts[key] = {OTHER: text} if isinstance(text, str) else text
    return texts, tuple(sorted(problems))


def placeholders(text: Text) -> frozenset[str]:
    """Return the names that are to be filled in."""
    return frozenset(name for form in text.values() for _, name, _, _ in string.Formatter().parse(form) if name)


def _read_file(path: Path, usual: Texts | None) -> Texts:
    source = path.read_bytes()
    texts, problems = read(path.stem, source, usual)
    if problems:
        at = places(source)(problems[0].pointer)
        raise DefinitionError(f"{path}:{at.line}:{at.column}", problems)
    return texts


def _texts(content: Any, key: str, pointer: str) -> Iterator[tuple[str, str, Any]]:
    """Yield what stands for a text, with its key and its place: whatever is no object of objects."""
    if not isinstance(content, dict) or (key and content and content.keys() <= PLURALS):
        yield key, pointer, content
        return
    for name, member in content.items():
        yield from _texts(member, f"{key}.{name}" if key else name, f"{pointer}/{escape(name)}")


def _faults(key: str, text: Any, forms: set[str], usual: Texts | None) -> Iterator[str]:
    """Yield why something is not the text of that key."""
    said = {OTHER: text} if isinstance(text, str) else text
    if not isinstance(said, dict) or not all(isinstance(form, str) for form in said.values()):
        yield "a text is a string, or an object of strings by plural form"
        return
    if usual is not None and key not in usual:
        yield "there is no such text"
        return
    try:
        named = placeholders(said)
        specs = [spec for form in said.values() for _, _, spec, kind in string.Formatter().parse(form) if spec or kind]
    except ValueError as error:
        yield f"its braces do not fit: {error}"
        return
    if specs or not all(name.isidentifier() for name in named):
        yield "a placeholder is a name in braces"
    if usual is not None and not named <= placeholders(usual[key]):
        unknown = ", ".join(sorted(named - placeholders(usual[key])))
        yield f"nothing is known under {unknown}"
    if not isinstance(text, str) and said.keys() != forms:
        yield f"its plural forms are {', '.join(sorted(forms))}"
    if not isinstance(text, str) and usual is not None and "count" not in placeholders(usual[key]):
        yield "it counts nothing"
    if key.startswith(DATES):
        yield from _pattern_faults(said[OTHER])


def _pattern_faults(pattern: str) -> Iterator[str]:
    try:
        format_datetime(_SOME_DAY, pattern, locale=USUAL)
    except (AttributeError, KeyError, ValueError):
        yield "it is no date pattern"


_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
