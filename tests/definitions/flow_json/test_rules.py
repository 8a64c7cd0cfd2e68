"""Every rule of Flow JSON, by the examples it is documented with."""

import re

import pytest

from definitions.flow_json.linter import lint
from definitions.flow_json.rule import RULES, Rule
from tests.definitions.documents import leads_somewhere, source_of

EACH = pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)

OLD = "version-publishable"
"""The rule that a sound document of an old version breaks all the same."""


@EACH
def test_a_rule_finds_what_breaks_it(rule: Rule) -> None:
    broken = rule.broken
    found = [problem for problem in lint(source_of(broken)).problems if problem.rule == rule.id]

    assert found
    assert {(problem.code, problem.severity) for problem in found} == {(rule.code, rule.severity)}
    assert all(leads_somewhere(broken, problem.pointer) for problem in found)


@EACH
def test_what_keeps_a_rule_is_a_sound_flow(rule: Rule) -> None:
    assert [problem for problem in lint(source_of(rule.keeps)).problems if problem.rule != OLD] == []


@EACH
def test_a_rule_is_told_in_sentences(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", rule.id)
    assert re.fullmatch(r"[A-Z][A-Z_]*", rule.code)
    assert rule.says.endswith(".")
    assert rule.why.endswith(".")
    assert rule.source
