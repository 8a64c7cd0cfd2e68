"""The guide to a first Flow, done step by step as it says."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from tests.cli.shell import Shell

GUIDE = (Path(__file__).parents[2] / "docs/first-flow.md").read_text()
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BREAKING = "Break it: in `flow.json`, let the times come from `${data.slots}` instead of `${data.times}`."
MENDING = "Put\n`${data.times}` back."


class Step(Struct, frozen=True):
    """A thing to do: a *command* that says something, or a *change* of the document."""

    command: tuple[str, ...] = ()
    says: str = ""
    change: tuple[str, str] = ("", "")
    file: str = ""


def steps() -> Iterator[tuple[int, Step]]:
    """Yield what the guide does, with where it says so."""
    for block in BLOCK.finditer(GUIDE):
        first, _, rest = block.group(2).partition("\n")
        if block.group(1) == "python":
            yield block.start(), Step(file=first.removeprefix("# "), says=rest)
        else:
            yield block.start(), Step(command=tuple(shlex.split(first.removeprefix("$ "))), says=rest)
    yield GUIDE.index(BREAKING), Step(change=("${data.times}", "${data.slots}"))
    yield GUIDE.index(MENDING), Step(change=("${data.slots}", "${data.times}"))


def test_the_guide_is_true(developer: Shell, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    for _, step in sorted(steps(), key=lambda each: each[0]):
        if step.file:
            (home / step.file).write_text(step.says)
        elif step.change != ("", ""):
            document = home / "flows/booking/flow.json"
            document.write_text(document.read_text().replace(*step.change))
        elif step.command[0] == "pytest":
            tested = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *step.command[1:]]
            ran = subprocess.run(tested, capture_output=True, text=True, check=True, timeout=180)  # noqa: S603 - pytest
            assert "1 passed" in ran.stdout
        else:
            said = developer.call(*step.command[1:])
            assert (said.out + said.err).startswith(step.says), step.command

    assert (home / "booking.mmd").read_text().startswith("stateDiagram-v2")
    assert 'raise Refused("Please choose one of the times.")' in (home / "flows/booking/screens.py").read_text()
