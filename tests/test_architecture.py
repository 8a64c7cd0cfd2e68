"""
What the house forbids, read from the source: who may import whom, what `engine/` may not know, what lies about.

A rule that only stands in prose is broken by the next change in a hurry; one that is a test is not. So is prose that
names what is no longer there.
"""

import ast
import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import click
import pytest

import dev
from api.cli import COMMANDS as PLACES
from api.cli import command, main
from lab.__main__ import STORIES

ROOT = Path(__file__).parent.parent

MAY_IMPORT = {
    "engine": {"engine"},
    "definitions": {"engine", "definitions"},
    "diagrams": {"engine", "diagrams"},
    "storage": {"engine", "storage"},
    "api": {"engine", "definitions", "diagrams", "storage", "api"},
    "lab": {"lab"},
}
"""Imports point inwards; the lab stands outside and speaks HTTP."""

JOINERS = {"api/app.py", "api/cli"}
"""Where the parts are joined: only here is it known which store there is."""

ENGINE_NEEDS = {"msgspec", "transitions"}
"""What `engine/` may import that is neither ours nor in the standard library."""

TIME_AND_CHANCE = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter", "uuid1", "uuid4"}
"""What would ask the world for a time or an id; both come in with the event."""

OUTSIDE_WORLD = {"random", "secrets", "uuid", "time", "os", "io", "pathlib", "socket", "subprocess", "threading"}
"""What the engine could reach the world by."""

FOLDERS = {*MAY_IMPORT, "bench", "docs", "tests"}
"""What lies at the top, but for what is made again or belongs to one machine."""

MADE = {"var", "dist", "node_modules"}

MADE_BY_READERS = "first-flow.md names tests/" + "test_booking.py"
"""The file that the guide to a first Flow lets its readers make."""

BEGINNINGS = {
    "api/cli/__init__.py",
    "bench/check.py",
    "bench/console.py",
    "bench/delivery.py",
    "bench/endpoint.py",
    "bench/pictures.py",
    "bench/pywa_endpoint.py",
    "definitions/flow_json/pages.py",
    "definitions/pytest_plugin.py",
    "lab/__main__.py",
    "lab/app.py",
    "lab/pytest_plugin.py",
}
"""What is run, or found by pytest, and not imported."""

FOUND_BY_NAME = ("definitions/flows/", "storage/migrations/")
"""Where modules are found by their place: the logic of Flows, the migrations."""

FOR_TESTS = {"storage/memory.py"}
"""The store's twin: shipped for tests, ours and others'."""

PROSE = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])

SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "base"}


@cache
def tree(module: str) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse((ROOT / module).read_bytes())


def modules(*folders: str) -> list[str]:
    """Return the Python files of *folders*, as paths from the root."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def imports(module: str) -> Iterator[str]:
    """Yield the dotted names that a file imports, wherever in it."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative path"
            yield node.module or ""


def calls(module: str) -> Iterator[str]:
    """Yield the names of the functions that a file calls, without what they are called on."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            called = node.func
            yield called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def test_the_top_has_the_rooms_of_the_house_and_nothing_else() -> None:
    visible = [path for path in ROOT.iterdir() if not path.name.startswith((".", "__")) and path.name not in MADE]

    assert {path.name for path in visible if path.is_dir()} == FOLDERS
    assert {path.name for path in visible if path.suffix == ".py"} == {"dev.py"}
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == FOLDERS - {"docs"}


def test_every_module_is_used() -> None:
    used = {name for module in [*modules(*MAY_IMPORT, "bench"), "dev.py"] for name in names(module)}
    used |= {place.partition(":")[0] for place in PLACES.values()}
    lost = {module for module in modules(*MAY_IMPORT, "bench") if dotted(module) not in used}

    doors = {f"{folder}/__init__.py" for folder in FOLDERS}
    assert {module for module in lost - doors if not module.startswith(FOUND_BY_NAME)} == BEGINNINGS | FOR_TESTS


@pytest.mark.parametrize("module", modules(*MAY_IMPORT))
def test_imports_point_inwards(module: str) -> None:
    ours = {name.partition(".")[0] for name in imports(module)} & {*MAY_IMPORT, "tests", "bench"}

    assert ours <= MAY_IMPORT[module.partition("/")[0]]


def test_only_the_app_and_the_command_line_know_which_store_there_is() -> None:
    knowing = {module for module in modules("api") if "storage.sqlite" in imports(module)}

    assert {module for module in knowing if not module.startswith(tuple(JOINERS))} == set()


def test_the_engine_needs_two_libraries() -> None:
    foreign = {
        name.partition(".")[0]
        for module in modules("engine")
        for name in imports(module)
        if name.partition(".")[0] not in {"engine", *sys.stdlib_module_names}
    }

    assert foreign == ENGINE_NEEDS


def test_one_module_imports_transitions() -> None:
    importing = {module for module in modules(*MAY_IMPORT) if any(_is(name, "transitions") for name in imports(module))}

    assert importing == {"engine/interpreter.py"}


@pytest.mark.parametrize("module", modules("engine"))
def test_the_engine_asks_the_world_for_nothing(module: str) -> None:
    assert TIME_AND_CHANCE & {*calls(module)} == set()
    assert {name for name in imports(module) if _is(name, *OUTSIDE_WORLD)} == set()


@pytest.mark.parametrize("module", modules("engine", "definitions", "diagrams", "storage"))
def test_nothing_inside_writes_logs(module: str) -> None:
    assert {name for name in imports(module) if _is(name, "logging", "structlog")} == set()


def test_one_module_asks_what_time_it_is() -> None:
    asking = {module for module in modules("api") if {"time_ns", "utcnow"} & {*calls(module)}}

    assert asking == {"api/clock.py"}


def test_every_module_has_a_name_that_says_something() -> None:
    assert {module for module in modules(*MAY_IMPORT, "tests", "bench") if Path(module).stem in SAYS_NOTHING} == set()


def test_no_state_is_compared_by_its_name_outside_the_engine() -> None:
    comparing = {
        f"{module}:{node.lineno}"
        for module in modules("definitions", "storage", "api", "diagrams")
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Compare) and _compares_state((node.left, *node.comparators))
    }

    assert comparing == set()


# What prose says


@pytest.mark.parametrize("prose", PROSE)
def test_what_prose_links_to_is_there(prose: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", (ROOT / prose).read_text())

    local = [link for link in links if "://" not in link]
    assert [link for link in local if not ((ROOT / prose).parent / link).exists()] == []


def test_every_file_that_is_named_is_there() -> None:
    path = re.compile(rf"(?<![\w./-])(?:{'|'.join(sorted(FOLDERS))})/[\w/.-]+\.(?:py|md|json|svg)\b")
    missing = {
        f"{place} names {named}"
        for place in [*PROSE, "pyproject.toml", "dev.py", *modules(*MAY_IMPORT, "bench", "tests")]
        for named in path.findall((ROOT / place).read_text())
        if not (ROOT / named).exists()
    }

    assert {named for named in missing if not named.endswith(MADE_BY_READERS)} == set()


def lines_of_commands() -> Iterator[tuple[str, str]]:
    """Yield every command that prose shows, with its place, without what is said about it."""
    for prose in PROSE:
        for number, line in enumerate((ROOT / prose).read_text().splitlines(), start=1):
            shown = re.findall(r"`([^`]+)`", line) if "`" in line else [line.strip()] if line.startswith("    ") else []
            for text in (re.sub(r"^(?:[A-Z_]+=\S+ )+", "", each) for each in shown):
                if re.match(r"(\.venv/bin/)?(waystate|python3?) ", text):
                    yield f"{prose}:{number}", text


COMMANDS = [*lines_of_commands()]


@pytest.mark.parametrize("command", [text for _, text in COMMANDS], ids=[f"{place} {text}" for place, text in COMMANDS])
def test_a_command_that_prose_shows_can_be_given(command: str) -> None:
    program, *arguments = shlex.split(command, comments=True)
    if program.endswith("waystate"):
        parse(main, [*arguments])
    elif arguments[0] == "dev.py":
        assert arguments[1] in dev.COMMANDS
    else:
        assert arguments[0] == "-m"
        assert importlib.util.find_spec(arguments[1]) is not None
        assert arguments[1] != "lab" or tuple(arguments[2:]) in STORIES


def parse(group: click.Command, arguments: list[str]) -> None:
    """Let click read a command's arguments as far as they are shown, without doing anything."""
    while isinstance(group, click.Group) and arguments and not arguments[0].startswith("-"):
        name = arguments.pop(0)
        found = group.get_command(click.Context(group), name)
        assert found is not None, f"{group.name} has no {name}"
        group = found
    options = [word for word in arguments if word.startswith("-")]
    known = {option for parameter in group.params for option in parameter.opts} | {"--help"}
    assert {*options} <= known


def test_the_commands_listed_are_those_there_are() -> None:
    listed = {
        (*group, word)
        for row in re.findall(r"(?m)^\| `waystate .*$", (ROOT / "README.md").read_text())
        for group, word in siblings(re.findall(r"`([^`]+)`", row.split("|")[1]))
    }

    for name in PLACES:
        found = command(name)
        words = {(name, word) for word in found.commands} if isinstance(found, click.Group) else {(name,)}
        assert words - listed <= {("db", "revision")}  # for contributors
    assert all(path[0] in PLACES for path in listed)


def siblings(words: list[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each command of a row, which names the group with the first alone."""
    _, *group, first = words[0].split()
    for word in (first, *words[1:]):
        yield tuple(group), word


def names(module: str) -> Iterator[str]:
    """Yield what a file imports, modules and what is in them alike."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def dotted(module: str) -> str:
    """Return a file's name as it is imported."""
    return module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _compares_state(sides: Sequence[ast.expr]) -> bool:
    """Return whether a state is compared with a name."""
    attributes = {side.attr for side in sides if isinstance(side, ast.Attribute)}
    return "state" in attributes and any(isinstance(side, ast.Constant) and side.value for side in sides)


def _is(name: str, *packages: str) -> bool:
    return name.partition(".")[0] in packages
