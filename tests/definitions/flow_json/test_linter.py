"""The linter as a whole: everything at once, at its places, for any bytes; and what others published."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.flow_json.codes import META_CODES, NEVER
from definitions.flow_json.examples import flow, go_to, last, screen
from definitions.flow_json.linter import lint
from definitions.flow_json.rule import RULES
from definitions.flow_json.table import MAX_BYTES
from tests.definitions.documents import SAMPLES, json_values, leads_somewhere, read, source_of


def found(document: Any, severity: str = "error") -> list[tuple[str, str]]:
    """Return where something is wrong with a Flow, and by which code."""
    return [(each.pointer, each.code) for each in lint(source_of(document)).problems if each.severity == severity]


def test_a_sound_flow_is_read_and_nothing_is_said() -> None:
    linted = lint(source_of(flow(screen("START", go_to("LAST")), last())))

    assert linted.flow is not None
    assert (list(linted.flow.screens), linted.problems) == (["START", "LAST"], ())


def test_everything_wrong_is_told_at_once_in_the_order_of_its_places() -> None:
    document = {
        "colour": 1,
        "screens": [screen("A_1", go_to("MOON")), 5, {"id": "B", "title": "B", "size": 2}],
    }

    assert found(document) == sorted(found(document))
    assert {
        ("", "MISSING_FLOW_JSON_VERSION"),
        ("/colour", "INVALID_PROPERTY_KEY"),
        ("/screens", "MISSING_TERMINAL_SCREEN"),
        ("/screens/0/id", "PATTERN_MISMATCH"),
        ("/screens/0/layout/children/0/on-click-action/next/name", "INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME"),
        ("/screens/1", "INVALID_PROPERTY_TYPE"),
        ("/screens/2", "MISSING_REQUIRED_PROPERTY"),
        ("/screens/2/size", "INVALID_PROPERTY_KEY"),
    } <= set(found(document))


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"screens": "\\ud800"}', b"[" * 100, b"NaN", b"9" * 5000, b"5"])
def test_what_is_no_json_object_is_told(text: bytes) -> None:
    linted = lint(text)

    assert linted.flow is None
    assert [(problem.pointer, problem.code) for problem in linted.problems] == [("", "INVALID_FLOW_JSON")]


def test_a_document_has_only_so_many_bytes() -> None:
    source = source_of(flow(last()))

    assert lint(source + b" " * (MAX_BYTES - len(source))).problems == ()
    assert [problem.code for problem in lint(source + b" " * (MAX_BYTES - len(source) + 1)).problems] == [
        "INVALID_FLOW_JSON"
    ]


@settings(max_examples=200, deadline=None)
@given(document=json_values, screens=json_values, screen_=json_values)
def test_any_json_is_answered_at_places_that_are_there(document: Any, screens: Any, screen_: Any) -> None:
    for any_of_it in (document, {"screens": screens, "routing_model": document}, {"screens": [screen_]}):
        for problem in lint(source_of(any_of_it)).problems:
            assert leads_somewhere(any_of_it, problem.pointer)
            rule = RULES[problem.rule]
            assert (problem.code, problem.severity) == (rule.code, rule.severity)


@given(text=st.binary(max_size=200))
def test_any_bytes_are_answered(text: bytes) -> None:
    linted = lint(text)

    assert linted.flow is not None or [problem.code for problem in linted.problems] == ["INVALID_FLOW_JSON"]


# Codes


def test_every_code_of_metas_is_told_by_a_rule_or_said_to_be_none_that_a_document_brings_about() -> None:
    told = {rule.code for rule in RULES.values()}

    assert META_CODES - told == NEVER.keys()


# What others published


def samples(folder: str) -> list[Any]:
    listed = sorted(path for path in (SAMPLES / folder).glob("*.json") if not path.name.endswith(".expected.json"))
    no_samples = pytest.mark.skip(reason="there are no samples: set WAYSTATE_SAMPLES to a folder that has some")
    return [pytest.param(path, id=path.stem) for path in listed] or [pytest.param(None, marks=no_samples)]


@pytest.mark.parametrize("path", samples("flows"))
def test_what_meta_publishes_has_no_error(path: Path) -> None:
    assert [problem for problem in lint(path.read_bytes()).problems if problem.severity == "error"] == []


@pytest.mark.parametrize("path", samples("invalid"))
def test_what_meta_refuses_is_refused_with_the_published_code(path: Path) -> None:
    published = set(read(path.with_suffix(".expected.json"))["error"])

    problems = [problem for problem in lint(path.read_bytes()).problems if problem.code in published]

    assert problems
    assert {problem.severity for problem in problems} == {"error"}
    assert all(leads_somewhere(read(path), problem.pointer) for problem in problems)
