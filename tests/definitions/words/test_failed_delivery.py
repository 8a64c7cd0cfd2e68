"""Tests of what is said of a failed delivery."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from definitions.messages import compose
from definitions.orders import ndr
from definitions.words.document import words_of
from definitions.words.failed_delivery import chosen_in_words, hint_of, label_of, reason_of
from definitions.words.saying import Speaker

ENGLISH, HINDI = (Speaker.of(words_of(), language, "IN") for language in ("en", "hi"))

MESSAGES = json.loads((Path(compose.__file__).parent / "messages.json").read_bytes())

MOST_IN_A_BUTTON = 20
"""How many characters a reply's title may have."""


def replies(value: Any) -> list[tuple[str, str]]:
    """Return all that can be tapped in a file of messages: the code and the words."""
    if isinstance(value, Mapping):
        own = [(value["payload"], value["title"])] if {"payload", "title"} <= value.keys() else []
        return own + [each for member in value.values() for each in replies(member)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [each for member in value for each in replies(member)]
    return []


def test_a_choice_is_called_the_same_in_a_button_as_on_the_page() -> None:
    found = replies(MESSAGES)

    assert {code for code, _ in found} == {"ACTF001", "ACTF003", "ACTF004"}
    assert found == [(code, label_of(code, ENGLISH)) for code, _ in found]


@pytest.mark.parametrize("speaker", [ENGLISH, HINDI], ids=["en", "hi"])
def test_every_choice_has_a_name_that_fits_a_button_and_says_what_comes_of_it(speaker: Speaker) -> None:
    assert all(0 < len(label_of(code, speaker)) <= MOST_IN_A_BUTTON for code in ndr.RESOLUTIONS)
    assert all(hint_of(code, speaker) for code in ndr.RESOLUTIONS)


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"ndr_code": "1", "ndr_reason": "Customer unavailable"}, "nobody was there to take it"),
        ({"ndr_code": "0", "ndr_reason": "Flooded street"}, "Flooded street"),
        ({"ndr_code": "77", "ndr_reason": "Flooded street"}, "Flooded street"),
        ({}, "the courier gave no clear reason"),
    ],
)
def test_a_reason_is_said_in_our_words_and_one_that_has_none_in_the_couriers(
    context: Mapping[str, str], said: str
) -> None:
    assert reason_of(context, ENGLISH) == said


def test_a_choice_that_nobody_knows_is_said_in_its_own_words() -> None:
    assert chosen_in_words({"resolutionCode": "ACTF009", "action": "Keep it"}, ENGLISH) == "Keep it"
    assert (label_of("ACTF009", ENGLISH), chosen_in_words({}, ENGLISH)) == ("", "")
