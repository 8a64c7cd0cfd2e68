"""What the command line and the README say of the settings is what the settings say of themselves."""

import re
from pathlib import Path

import click
import pytest

from api.cli import COMMANDS as PLACES
from api.cli import command
from api.settings import describe
from tests.cli.shell import Shell

README = Path(__file__).parents[2] / "README.md"
TABLE = re.compile(r"^\| name \| meaning \| default \|\n\|[-| ]+\|\n((?:\|.*\n)+)", re.MULTILINE)


EVERY = {name: command(name) for name in PLACES}
"""The commands at the top."""


def test_the_help_lists_every_command(developer: Shell) -> None:
    commands = re.findall(r"^  (\w+)  ", developer.call("--help").out, re.MULTILINE)

    assert commands == sorted(EVERY)
    assert {"serve", "check", "compile", "diagram", "keys", "sessions", "doctor", "db"} <= {*commands}


def test_the_help_lists_every_setting_with_its_meaning_and_default(developer: Shell) -> None:
    _, _, listed = developer.call("--help").out.partition("Settings, from the environment:\n")

    lines = [" ".join(line.split()) for line in listed.splitlines()]
    assert lines == [f"{name} {meaning}{f' [{default}]' if default else ''}" for name, meaning, default in describe()]


COMMANDS = [
    (),
    *[(name,) for name in EVERY],
    *[(name, part) for name, group in EVERY.items() if isinstance(group, click.Group) for part in group.commands],
]


@pytest.mark.parametrize("named", COMMANDS, ids=" ".join)
def test_every_command_has_help(developer: Shell, named: tuple[str, ...]) -> None:
    said = developer.call(*named, "-h")

    assert said.code == 0
    assert said.out.startswith("Usage: ")


def test_the_readme_lists_every_command() -> None:
    rows = re.findall(r"^\| `waystate (\w+)(?: (\w+))?`(.*?) \|", README.read_text(encoding="utf-8"), re.MULTILINE)

    listed = {
        f"{name} {word}" for name, first, others in rows for word in [first, *re.findall(r"`(\w+)`", others)] if first
    }
    alone = {word for name, first, others in rows if not first for word in [name, *re.findall(r"`(\w+)`", others)]}
    groups = {name: found for name, found in EVERY.items() if isinstance(found, click.Group)}
    assert alone == EVERY.keys() - groups.keys()
    assert listed == {f"{name} {part}" for name, group in groups.items() for part in group.commands}


def test_the_readme_lists_every_setting_with_its_meaning_and_default() -> None:
    table = TABLE.search(README.read_text(encoding="utf-8"))

    assert table is not None
    expected = [f"| `{name}` | {meaning} | {default} |" for name, meaning, default in describe()]
    assert table.group(1).splitlines() == [line.replace("|  |", "| |") for line in expected]
