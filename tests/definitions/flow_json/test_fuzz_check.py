"""The short lane of `tests/fuzz_check.py`, and what its Flows are made of."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from definitions.catalogue import compile_document
from definitions.flow_json.linter import lint
from definitions.flow_json.rule import RULES
from definitions.flow_json.table import ACTIONS, COMPONENTS, VERSIONS, Version
from tests.definitions.documents import source_of
from tests.definitions.flow_json.breaks import BREAKS
from tests.definitions.flow_json.strategies import a_sound_flow, sound_flows
from tests.fuzz_check import ENOUGH, findings_of, mutants, rates_of_breaks

OLD = "version-publishable"
"""The rule that a sound document of an old version breaks all the same."""

AS_WRITTEN = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: ".".join(map(str, version)))


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects of a document."""
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from objects_in(member)
    elif isinstance(value, list):
        for item in value:
            yield from objects_in(item)


def test_mutants_raise_nothing_and_all_that_is_said_of_them_holds() -> None:
    found = findings_of(mutants(seed=1, number=2000))

    assert found.faults == {}
    assert found.documents == 2000
    assert found.without_error > 100
    assert len(found.rules) > len(RULES) / 2


def test_the_same_seed_makes_the_same_mutants() -> None:
    assert [*mutants(seed=7, number=20)] == [*mutants(seed=7, number=20)]


def test_what_surely_breaks_a_flow_is_told_by_the_rule_that_it_breaks() -> None:
    rates = rates_of_breaks(seed=1, times=8)

    assert {name for name, rate in rates.items() if rate.made < 8} == set()
    assert {name for name, rate in rates.items() if rate.found < ENOUGH * rate.made} == set()


def test_breaks_name_rules_that_there_are() -> None:
    assert {rule for each in BREAKS.values() for rule in each.rules} <= set(RULES)


@settings(max_examples=150, deadline=None)
@given(document=sound_flows())
def test_of_a_sound_flow_nothing_is_said(document: Any) -> None:
    compiled = compile_document("sound", source_of(document))

    assert [problem for problem in compiled.problems if problem.rule != OLD] == []
    assert compiled.definition is not None


@AS_WRITTEN
def test_sound_flows_use_every_component_and_action_of_their_version(version: Version) -> None:
    random = Random(1)  # noqa: S311 - the same Flows each time
    flows = [a_sound_flow(random, version) for _ in range(150)]
    kinds = {str(value.get(name)) for flow in flows for value in objects_in(flow) for name in ("type", "name")}

    assert {name for name, shape in COMPONENTS.items() if shape.since <= version} - kinds <= {"RichText"}
    assert {name for name, shape in ACTIONS.items() if shape.since <= version} <= kinds
    assert all(lint(source_of(flow)).flow is not None for flow in flows)
