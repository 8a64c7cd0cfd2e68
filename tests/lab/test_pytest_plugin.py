"""The fixtures that others have for tests of their own: the example of the documentation, in a project of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from bench.servers import without_settings

ROOT = Path(__file__).parents[2]
SECONDS = 180

LIFECYCLE = """\
{
  "id": "errand",
  "initial": "open",
  "states": {"open": {"on": {"run": {"target": "done"}}}, "done": {"type": "final"}}
}
"""

OWN = """
from lab.trial import Server


def test_a_definition_of_ones_own_is_served(waystate_server: Server) -> None:
    content = {"definition": "errand", "key": "e-1"}
    token = waystate_server.world.admin_token
    assert waystate_server.world.ask("POST", "/admin/api/v1/sessions", content, token=token) == {"key": "e-1"}
    assert waystate_server.state("errand", "e-1") == "open"
"""


def test_the_example_of_the_documentation_holds_in_a_project_of_its_own(tmp_path: Path) -> None:
    (example,) = re.findall(r"(?ms)^```python\n(.*?)^```$", (ROOT / "docs/lab.md").read_text())
    (tmp_path / "test_shop.py").write_text(example)
    (tmp_path / "test_own.py").write_text(OWN)
    (tmp_path / "pytest.ini").write_text("[pytest]\nwaystate_definitions = mine\nfilterwarnings = error\n")
    (tmp_path / "mine/lifecycles").mkdir(parents=True)
    (tmp_path / "mine/lifecycles/errand.json").write_text(LIFECYCLE)

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=without_settings(os.environ),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "4 passed" in ended.stdout
