"""The fixture, as a project of somebody else's has it."""

import subprocess
import sys
from pathlib import Path

from definitions.catalogue import SHIPPED

TEST = """\
from definitions.simulation import Simulate, World


def test_join(simulate: Simulate) -> None:
    report = simulate("flows/join")

    assert report.name == "join"
    assert (report.faults, report.dead_ends, report.uncovered, report.unseen) == ((), (), (), ())


def test_join_with_other_people(simulate: Simulate) -> None:
    assert simulate("flows/join", World(values={"name": ["Ravi"]})).paths > simulate("flows/join").paths


def test_what_ships_has_a_name(simulate: Simulate) -> None:
    assert simulate("purchase_interest").faults == ()
"""


def test_a_project_walks_its_flows_with_the_fixture(tmp_path: Path) -> None:
    flow = tmp_path / "flows/join/flow.json"
    flow.parent.mkdir(parents=True)
    flow.write_bytes((SHIPPED / "flows/purchase_interest/flow.json").read_bytes())
    (tmp_path / "test_join.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert "3 passed" in ran.stdout, ran.stdout + ran.stderr
