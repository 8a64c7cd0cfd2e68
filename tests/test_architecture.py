"""
What the house forbids, read from the source: who may import whom, and what `engine/` may not know.

A rule that only stands in prose is broken by the next change in a hurry; one that is a test is not.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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

SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "base"}


def modules(*folders: str) -> list[str]:
    """Return the Python files of *folders*, as paths from the root."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def imports(module: str) -> Iterator[str]:
    """Yield the dotted names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse((ROOT / module).read_bytes())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative path"
            yield node.module or ""


def calls(module: str) -> Iterator[str]:
    """Yield the names of the functions that a file calls, without what they are called on."""
    for node in ast.walk(ast.parse((ROOT / module).read_bytes())):
        if isinstance(node, ast.Call):
            called = node.func
            yield called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def test_every_folder_of_code_has_its_place_in_the_direction_of_imports() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert packages == {*MAY_IMPORT, "tests", "bench"}


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
def test_the_engine_asks_for_no_time_no_id_and_no_chance(module: str) -> None:
    assert TIME_AND_CHANCE & {*calls(module)} == set()
    assert {name for name in imports(module) if _is(name, "random", "secrets", "uuid", "time", "os")} == set()


@pytest.mark.parametrize("module", modules("engine", "definitions", "diagrams", "storage"))
def test_nothing_inside_writes_logs(module: str) -> None:
    assert {name for name in imports(module) if _is(name, "logging", "structlog")} == set()


def test_one_module_asks_what_time_it_is() -> None:
    asking = {module for module in modules("api") if {"time_ns", "utcnow"} & {*calls(module)}}

    assert asking == {"api/clock.py"}


def test_every_module_has_a_name_that_says_something() -> None:
    assert {module for module in modules(*MAY_IMPORT, "tests", "bench") if Path(module).stem in SAYS_NOTHING} == set()


def _is(name: str, *packages: str) -> bool:
    return name.partition(".")[0] in packages
