"""The catalogue of texts: complete in every language, changed by merchants' folders, refused whole if it is wrong."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from babel import Locale

from definitions.catalogue import Catalogue
from definitions.orders import ndr
from definitions.orders.steps import MILESTONES, NOT_DELIVERED
from definitions.orders.words import word_of
from definitions.words.document import SHIPPED, USUAL, check, placeholders, read, words_of
from definitions.words.saying import Speaker
from engine.errors import DefinitionError

ROOT = Path(__file__).parents[3]
WORDS = words_of()
TEMPLATES = sorted(ROOT.glob("api/pages/portal*.html"))
PAGES = [
    ROOT / "api" / name
    for name in ("shopper_pages.py", "shopper_view.py", "entry_codes.py", "entry_desk.py", "tap_answers.py")
]

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return what makes a folder of definitions with these languages' texts."""

    def make(**languages: Any) -> Path:
        (tmp_path / "words").mkdir()
        for language, content in languages.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / "words" / f"{language}.json").write_text(text, encoding="utf-8")
        return tmp_path

    return make


# What ships


@pytest.mark.parametrize("language", sorted(WORDS.languages))
def test_every_language_says_the_same_things_of_the_same_values(language: str) -> None:
    own, _ = read(language, (SHIPPED / f"{language}.json").read_bytes(), WORDS.languages[USUAL])
    usual = WORDS.languages[USUAL]

    assert own.keys() == usual.keys()
    assert {key: placeholders(text) for key, text in own.items()} == {
        key: placeholders(text) for key, text in usual.items()
    }
    assert check(SHIPPED / f"{language}.json") == ()


def test_hindi_is_written_in_its_own_letters() -> None:
    bare = {
        key
        for key, text in WORDS.languages["hi"].items()
        for form in text.values()
        if not key.startswith("dates.") and not re.search(r"[\u0900-\u097f]", form)
    }

    assert bare == {"order.quantity"}


def test_whatever_a_shipped_lifecycle_or_table_names_has_a_text() -> None:
    usual = WORDS.languages[USUAL]
    states = Catalogue.load().interpreter("shipment").states
    named = {f"status.{name}" for name in states if name.partition(".")[0] in MILESTONES and "." in name}
    named |= {f"step.{leg}.{name}" for leg, milestones in MILESTONES.items() for name in milestones}
    named |= {f"step.forward.{NOT_DELIVERED}", *(f"reason.{reason.name}" for reason in ndr.REASONS.values())}
    named |= {f"choice.{code}.{part}" for code in ndr.RESOLUTIONS for part in ("label", "hint", "chosen")}

    assert named - usual.keys() == set()


def test_there_is_a_text_for_however_a_failed_delivery_is_settled_and_for_nothing_else() -> None:
    states = Catalogue.load().interpreter("ndr_case").states.values()
    settled = {f"tap.settled.{word_of(state.id)}" for state in states if "closed" in state.tags}

    assert {key for key in WORDS.languages[USUAL] if key.startswith("tap.settled.")} == settled


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_word_is_in_a_template(template: Path) -> None:
    bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", " ", template.read_text(encoding="utf-8"), flags=re.DOTALL)
    said = re.findall(r'(?:alt|title|aria-label|placeholder|value)="([^"]*)"', bare)
    seen = [text.strip() for text in [*re.findall(r">([^<>]*)<", f">{bare}<"), *said] if text.strip() not in {"", "on"}]

    assert [text for text in seen if re.search(r"[^\W\d_]", text)] == []


def test_every_text_is_said_somewhere_and_every_one_that_is_said_is_there() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in [*TEMPLATES, *PAGES])
    usual = WORDS.languages[USUAL]
    literal = set(re.findall(r"""["']((?:[a-z_]+\.)+[A-Za-z_0-9]+)["']""", code))
    families = {key.partition(".")[0] for key in usual}
    said = {each for each in literal if each.partition(".")[0] in families and not each.endswith((".html", ".css"))}
    by_name = {"dates", "step", "status", "reason", "choice", "standing", "fault", "problem"}
    unsaid = {key for key in usual.keys() - said if key.partition(".")[0] not in by_name}

    assert said - usual.keys() == set()
    assert {key for key in unsaid if not key.startswith("tap.settled.")} == set()


def test_every_refusal_at_the_door_has_a_text() -> None:
    code = (ROOT / "api" / "shopper_pages.py").read_text(encoding="utf-8")
    refusals = set(re.findall(r'(?:Refusal\(\s*\d+|_waiting\([\w.]+|_shown\(request, [^"]+?),\s*"(\w+)"', code))
    for_programs = {"stale", "in_progress", "not_json", "not_found"}

    assert {f"problem.{refusal}" for refusal in refusals - for_programs} - WORDS.languages[USUAL].keys() == set()
    assert "not_signed_in" in refusals


# What merchants change


def test_a_folder_changes_some_texts_and_leaves_the_others(folder: Folder) -> None:
    words = words_of((folder(hi={"code": {"open": "खोलें"}}, en={"page": {"title": "Parcel"}}),))

    assert words.languages["hi"]["code.open"] == {"other": "खोलें"}
    assert words.languages["hi"]["code.label"] == WORDS.languages["hi"]["code.label"]
    assert words.languages["en"]["page.title"] == {"other": "Parcel"}
    assert WORDS.languages["en"]["page.title"] == {"other": "Your order"}


def test_a_folder_adds_a_language_in_which_english_fills_the_gaps(folder: Folder) -> None:
    tries = {"one": "{count} próba", "few": "{count} próby", "many": "{count} prób", "other": "{count} próby"}
    words = words_of(
        (folder(pl={"language": {"name": "Polski"}, "code": {"wrong": tries}}, en={"code": {"open": "Go"}}),)
    )
    speaker = Speaker.of(words, "pl", "PL")

    assert [*words.languages] == ["en", "hi", "pl"]
    assert [speaker.say("code.wrong", count=count) for count in (1, 3, 5)] == ["1 próba", "3 próby", "5 prób"]
    assert (speaker.say("code.open"), speaker.say("code.title")) == ("Go", "Enter the code")


def test_a_language_is_known_by_its_tag(folder: Folder) -> None:
    words = words_of((folder(pt_BR={"language": {"name": "Português"}}),))

    tags = ("hi", "HI-in", " hi ", "pt-BR", "pt_BR", "pt", "xx", "", "h", "../en")
    assert [words.known(tag) for tag in tags] == ["hi", "hi", "hi", "pt_BR", "pt_BR", "", "", "", "", ""]


@pytest.mark.parametrize(
    ("content", "pointer", "told"),
    [
        ({"code": {"opne": "Go"}}, "/code/opne", "there is no such text"),
        ({"code": {"open": 5}}, "/code/open", "a string, or an object"),
        ({"code": ["x"]}, "/code", "a string, or an object"),
        ({"order": {"title": "Order {nubmer}"}}, "/order/title", "nothing is known under nubmer"),
        ({"order": {"title": "Order {number.real}"}}, "/order/title", "a placeholder is a name in braces"),
        ({"order": {"title": "Order {number!r}"}}, "/order/title", "a placeholder is a name in braces"),
        ({"order": {"title": "Order {number:>99}"}}, "/order/title", "a placeholder is a name in braces"),
        ({"order": {"title": "Order {0}"}}, "/order/title", "a placeholder is a name in braces"),
        ({"order": {"title": "Order {number"}}, "/order/title", "its braces do not fit"),
        ({"code": {"wrong": {"other": "No: {count}"}}}, "/code/wrong", "its plural forms are one, other"),
        ({"code": {"wrong": {"one": "1", "few": "{count}", "other": "x"}}}, "/code/wrong", "its plural forms are"),
        ({"code": {"open": {"one": "Go", "other": "Go"}}}, "/code/open", "it counts nothing"),
        ({"dates": {"day": "EEEEEEE"}}, "/dates/day", "it is no date pattern"),
        ("[1]", "", "a string, or an object"),
        ("{", "", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_place(folder: Folder, content: Any, pointer: str, told: str) -> None:
    made = folder(hi=content)
    problems = check(made / "words" / "hi.json")

    assert pointer in {problem.pointer for problem in problems}
    assert any(told in problem.message for problem in problems)
    with pytest.raises(DefinitionError, match=r"hi\.json"):
        words_of((made,))


def test_a_file_is_named_after_a_language(folder: Folder) -> None:
    (problem,) = check(folder(klingon={"code": {"open": "Go"}}) / "words" / "klingon.json")

    assert "named after its language" in problem.message


def test_plural_forms_are_those_that_the_language_has() -> None:
    for language, texts in WORDS.languages.items():
        forms = {*Locale.parse(language).plural_form.tags, "other"}
        assert {frozenset(text) for text in texts.values()} == {frozenset({"other"}), frozenset(forms)}
