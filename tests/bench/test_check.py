"""The benchmark of checking: its documents are sound and as large as they say, and it says what it measured."""

import pytest
from click.testing import CliRunner

from bench.check import GOALS, Figure, Goal, document, main, table
from definitions.flow_json.linter import lint


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.title)
def test_the_documents_are_sound_and_have_what_they_say(goal: Goal) -> None:
    source = document(goal)
    linted = lint(source)

    assert [problem for problem in linted.problems if problem.severity == "error"] == []
    assert linted.flow is not None
    assert len(linted.flow.screens) == goal.screens
    least = {"100 kB": 100_000, "1 MB": 1_000_000, "3 MB, inline images": 3_000_000}
    assert len(source) >= least.get(goal.title, 0)


def test_it_runs_from_end_to_end() -> None:
    said = CliRunner().invoke(main, ["--rounds", "1"])

    assert said.exit_code == 0, said.output
    assert [line.split("  ")[0] for line in said.output.splitlines()[1:]] == [goal.title for goal in GOALS]


def test_the_table_says_what_was_measured() -> None:
    assert table([Figure("1 MB", 1309, 331.04, 135.52, 1000)]).splitlines() == [
        "                          kB      median   decodes      goal",
        "1 MB                    1309    331.0 ms     135.5   1000 ms",
    ]
