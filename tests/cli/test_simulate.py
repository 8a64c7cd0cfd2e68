"""`waystate simulate`: what it prints, and what its exit codes say."""

import json
from pathlib import Path
from typing import Any

import pytest

from definitions.catalogue import SHIPPED
from tests.cli.shell import Shell
from tests.definitions.documents import a_screen, an_exchange, does

NAME = a_screen(
    "NAME",
    {"type": "TextInput", "name": "code", "label": "Code", "required": True},
    does("data_exchange", payload={"code": "${form.code}"}),
)
FLOW = an_exchange({"NAME": ["LAST"], "LAST": []}, NAME=NAME)

LOGIC = """\
from msgspec import Struct

from definitions.screens import Refused, Screens, Session, Success

screens = Screens()


class CodeForm(Struct):
    code: str


@screens.submit("NAME")
def named(session: Session, form: CodeForm) -> str:
    if form.code != session.data.get("code", "4711"):
        raise Refused("That is not the code.")
    return "LAST"


@screens.submit("LAST")
def ended(session: Session, form: dict) -> Success:
    return Success()
"""


def written(home: Path, logic: str = LOGIC, document: Any = FLOW) -> str:
    """Write a Flow with its logic; return its path."""
    folder = home / "flows/entry"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flow.json").write_text(json.dumps(document))
    (folder / "screens.py").write_text(logic)
    return "flows/entry"


def test_a_shipped_flow_is_walked_by_its_name(developer: Shell) -> None:
    said = developer.call("simulate", "purchase_interest", "--complete")

    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("purchase_interest: ")
    assert "  edges    3 of 3\n" in said.out
    assert said.out.endswith("\nNo faults and no dead ends.\n")


@pytest.mark.parametrize("place", ["flows/entry", "flows/entry/flow.json", "./flows/entry"])
def test_a_flow_of_ones_own_is_walked_by_its_path(developer: Shell, home: Path, place: str) -> None:
    written(home)

    said = developer.call("simulate", place, "--value", "code=4711", "--complete")

    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("entry: ")


def test_a_flow_of_ones_own_is_walked_by_its_name(developer: Shell, home: Path) -> None:
    written(home)

    said = developer.call("simulate", "entry", "--value", "NAME.code=4711", DEFINITIONS=str(home))

    assert (said.code, said.err) == (0, "")


def test_a_session_is_minted_with_data(developer: Shell, home: Path) -> None:
    path = written(home)

    known = developer.call("simulate", path, "--data", '{"code": "Asha"}')
    unknown = developer.call("simulate", path)

    assert (known.code, unknown.code) == (0, 1)
    assert "1 dead end\n\n  NAME (1 situation): no end can be reached from here\n" in unknown.out


def test_what_was_not_reached_fails_only_where_it_is_asked_for(developer: Shell, home: Path) -> None:
    path = written(home, LOGIC.replace('return "LAST"', "return Success()"))

    said = developer.call("simulate", path, "--value", "code=4711")

    assert said.code == 0
    assert "Never seen\n  LAST\n" in said.out
    assert "Never taken\n  LAST -> SUCCESS\n  NAME -> LAST\n" in said.out
    assert developer.call("simulate", path, "--value", "code=4711", "--complete").code == 1


def test_a_fault_is_told_with_the_way_to_it(developer: Shell, home: Path) -> None:
    path = written(home, LOGIC.replace('return "LAST"', 'return "NEXT"'))

    said = developer.call("simulate", path, "--value", "code=4711")

    assert said.code == 1
    assert (
        "  unknown_screen on NAME: submit of NAME leads to 'NEXT', which is no screen\n"
        "    1. opens on NAME\n"
        '    2. NAME: submits code="4711"\n'
    ) in said.out


def test_a_report_can_be_json(developer: Shell, home: Path) -> None:
    said = developer.call("simulate", written(home), "--format", "json", "--most", "1", "--value", "code=4711")

    report = json.loads(said.out)
    assert (report["name"], report["situations"], report["truncated"]) == ("entry", 1, True)
    assert report["uncovered"] == [{"source": "LAST", "target": "SUCCESS"}]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param(
            ["nothing"],
            "cannot read nothing: No such file or directory; a Flow is found by its path, "
            "or by its name in the folders of WAYSTATE_DEFINITIONS",
            id="no such Flow",
        ),
        pytest.param(["order"], "cannot read order: No such file or directory", id="no Flow"),
        pytest.param(["flows/none"], "cannot read flows/none: No such file or directory", id="no such folder"),
        pytest.param(["purchase_interest", "--value", "x"], "--value x: write INPUT=TEXT", id="no value"),
        pytest.param(["purchase_interest", "--data", "[]"], "--data: Expected `object`, got `array`", id="no data"),
    ],
)
def test_what_cannot_be_read_ends_with_2(developer: Shell, arguments: list[str], error: str) -> None:
    said = developer.call("simulate", *arguments)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"waystate: {error}")


@pytest.mark.parametrize(
    ("logic", "document", "error"),
    [
        pytest.param("import nowhere", FLOW, "screens.py:1: ModuleNotFoundError: No module named 'nowhere'", id="code"),
        pytest.param("raise SystemExit(3)", FLOW, "screens.py:1: SystemExit: 3", id="an end"),
        pytest.param(
            "screens = 1",
            FLOW,
            "screens.py: it binds no logic: write `screens = Screens()` (definitions.screens), and decorate with that",
            id="no logic",
        ),
        pytest.param(
            LOGIC,
            {**FLOW, "screens": []},
            "flow.json:1:98: /routing_model/L",
            id="a document with an error",
        ),
        pytest.param(LOGIC, [], "flow.json:1:1: /: ", id="no document"),
    ],
)
def test_a_flow_that_may_not_run_is_not_walked(
    developer: Shell, home: Path, logic: str, document: Any, error: str
) -> None:
    said = developer.call("simulate", written(home, logic, document))

    assert (said.code, said.out) == (2, "")
    folder = home / "flows/entry"
    assert said.err.startswith(f"waystate: {folder}/{error.replace('{folder}', str(folder))}")
    assert said.err.count("\n") == 1


def test_all_that_is_wrong_with_the_logic_is_told_with_its_place(developer: Shell, home: Path) -> None:
    logic = LOGIC.replace('"LAST")', '"LATS")').replace("code: str", "code: int")

    said = developer.call("simulate", written(home, logic))

    assert (said.code, said.out) == (2, "")
    assert said.err.replace(f"waystate: {home}/flows/entry/screens.py: ", "").splitlines() == [
        "ended is bound to LATS, which is no screen; there are: NAME, LAST",
        "NAME sends code as str; the form takes int (flow.json:1:316)",
        'LAST asks the endpoint, but nothing is bound with @screens.submit("LAST") (flow.json:1:346)',
    ]


def test_what_the_logic_prints_is_no_part_of_the_report(developer: Shell, home: Path) -> None:
    path = written(home, LOGIC.replace('    return "LAST"', '    print("taken")\n    return "LAST"'))

    said = developer.call("simulate", path, "--format", "json", "--value", "code=4711")

    assert json.loads(said.out)["faults"] == []
    assert "taken\n" in said.err


def test_a_document_alone_is_walked(developer: Shell, home: Path) -> None:
    (home / "join.json").write_bytes((SHIPPED / "flows/purchase_interest/flow.json").read_bytes())

    assert developer.call("simulate", "join.json").out.startswith("join: ")
