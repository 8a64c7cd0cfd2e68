"""
The set-up, as whoever has just cloned the project meets it.

Rule 1: dev.py runs as a program, in a checkout of its own; what it would call is replaced by shell scripts that write
down how they were called. Python itself finds the scripts' maker in place of its `venv`.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dev

ROOT = Path(dev.__file__).parent

PYPROJECT = """\
[build-system]
requires = ["hatchling"]

[project]
name = "waystate"

[tool.ruff]
line-length = 120
"""

MAKE_VENV = """\
import pathlib, shutil, sys
scripts = pathlib.Path(sys.argv[1], "bin")
scripts.mkdir()
shutil.copy(pathlib.Path(__file__).with_name("python"), scripts)
"""

FAKE_PYTHON = """\
#!/bin/sh
if [ -e hangs ]; then rm hangs; hangs=yes; fi
echo "$*" >> calls
case "$*" in *" -e .") cp waystate .venv/bin ;; esac
if [ -e kills ]; then rm kills; kill -9 $PPID; sleep 0.3; echo "outlived it" >> calls; fi
if [ "$hangs" ]; then exec sleep 600; fi
if [ -e is_slow ]; then sleep 0.3; fi
if [ -e fails ] && expr "$*" : ".*$(cat fails)" > /dev/null; then cat says; exit 3; fi
echo "said by $2"
"""

FAKE_WAYSTATE = """\
#!/bin/sh
echo "$WAYSTATE_ENV, $(pwd): $*"
"""

FAKE_UV = """\
#!/bin/sh
echo "uv $*" >> calls
exit "${UV_EXITS:-0}"
"""

DEPENDENCIES = " ".join(dev.INSTALL_DEPENDENCIES)
PROJECT = " ".join(dev.INSTALL_PROJECT)


def started(*arguments: str, python: str | Path = sys.executable, **environment: str) -> subprocess.Popen[str]:
    """Start *python* with *arguments*, and *environment* in place of any settings of ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WAYSTATE_")}
    return subprocess.Popen(  # noqa: S603  (the arguments are the tests' own)
        [python, *arguments],
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return the exit code of *process*, and what it wrote to its two outputs."""
    with process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


class Checkout:
    """A checkout with dev.py, a lock, and fakes in place of all that dev.py calls."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fakes = root / "fakes"
        shutil.copy(dev.__file__, root)
        (root / "pyproject.toml").write_text(PYPROJECT)
        (root / "requirements-dev.txt").write_text("pytest==9.2.0\n")
        self.script("waystate", FAKE_WAYSTATE)
        self.script("fakes/uv/uv", FAKE_UV)
        self.script("fakes/venv/python", FAKE_PYTHON)
        (root / "fakes/venv/__init__.py").touch()
        (root / "fakes/venv/__main__.py").write_text(MAKE_VENV)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `dev.py` with *arguments*."""
        return started(str(self.root / "dev.py"), *arguments, PYTHONPATH=str(self.fakes), **environment)

    def call(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Call `dev.py` with *arguments*; see `ended`."""
        return ended(self.start(*arguments, **environment))

    def wait_for_a_call(self) -> None:
        """Wait until `dev.py` has called something."""
        while not (self.root / "calls").exists():
            time.sleep(0.01)

    def calls(self) -> list[str]:
        """Return the calls that `dev.py` has made since this was last asked."""
        path = self.root / "calls"
        made = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return made

    def script(self, name: str, text: str) -> None:
        """Write *text* as a program."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def edit(self, name: str, before: str, after: str) -> None:
        """Replace *before* by *after* in a file."""
        path = self.root / name
        path.write_text(path.read_text().replace(before, after))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """Return a checkout whose set-up is done."""
    code, _, err = checkout.call("setup")
    assert code == 0, err
    checkout.calls()
    return checkout


# Being called


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_help_names_every_command(checkout: Checkout, arguments: tuple[str, ...]) -> None:
    code, out, err = checkout.call(*arguments)

    assert (code, err) == (0, "")
    assert re.findall(r"^  (\w+) ", out, re.MULTILINE) == list(dev.COMMANDS)


@pytest.mark.parametrize("arguments", [("tset",), ("--version",), ("setup", "now")])
def test_a_call_that_is_not_understood_is_said_in_one_line_and_exits_2(
    checkout: Checkout, arguments: tuple[str, ...]
) -> None:
    code, out, err = checkout.call(*arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert checkout.calls() == []


def test_an_old_python_can_read_the_file_and_is_told_which_one_it_takes() -> None:
    source = Path(dev.__file__).read_text()
    as_3_10 = f"import sys; sys.version_info = (3, 10, 9); import runpy; runpy.run_path({dev.__file__!r})"

    ast.parse(source, feature_version=(3, 7))
    code, out, err = ended(started("-c", as_3_10))

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "needs Python 3.11 or later" in err


def test_a_python_without_its_venv_parts_is_told_the_package_that_has_them(checkout: Checkout) -> None:
    without = (
        "import runpy, sys; sys.modules['ensurepip'] = None; sys.argv = ['dev.py', 'setup'];"
        f"runpy.run_path({str(checkout.root / 'dev.py')!r}, run_name='__main__')"
    )

    code, out, err = ended(started("-c", without))

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "comes without ensurepip; on Debian and Ubuntu, install python3-venv" in err
    assert not (checkout.root / ".venv").exists()


# Setting up


def test_the_first_set_up_installs_the_locked_dependencies_and_then_the_project(checkout: Checkout) -> None:
    code, out, err = checkout.call("setup")

    assert (code, out) == (0, ""), err
    assert checkout.calls() == [DEPENDENCIES, PROJECT]
    assert "--require-hashes" in DEPENDENCIES


def test_a_second_set_up_calls_nothing_and_takes_no_time(ready: Checkout) -> None:
    durations = []
    for _ in range(3):
        began = time.monotonic()
        assert ready.call("setup") == (0, "", "dev.py: .venv is up to date\n")
        durations.append(time.monotonic() - began)

    assert ready.calls() == []
    assert min(durations) < 1


def remove_its_python(checkout: Checkout) -> None:
    python = checkout.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3")


def move_it(checkout: Checkout) -> None:
    elsewhere = checkout.root / "elsewhere"
    elsewhere.mkdir()
    for name in (".venv", "dev.py", "pyproject.toml", "requirements-dev.txt", "waystate"):
        shutil.move(checkout.root / name, elsewhere)
    checkout.root = elsewhere


@pytest.mark.parametrize(
    ("change", "calls"),
    [
        pytest.param(
            lambda it: it.edit("requirements-dev.txt", "9.2.0", "9.2.1"), [DEPENDENCIES, PROJECT], id="the lock changed"
        ),
        pytest.param(remove_its_python, [DEPENDENCIES, PROJECT], id="its Python was removed"),
        pytest.param(move_it, [DEPENDENCIES, PROJECT], id="the checkout was moved"),
        pytest.param(
            lambda it: (it.root / ".venv/dependencies.made").write_text("by another Python"),
            [DEPENDENCIES, PROJECT],
            id="another Python made it",
        ),
        pytest.param(
            lambda it: it.edit("pyproject.toml", "waystate", "waystate2"), [PROJECT], id="the project's table changed"
        ),
        pytest.param(
            lambda it: it.edit("pyproject.toml", "hatchling", "hatchling>1"), [PROJECT], id="the build's table changed"
        ),
        pytest.param(lambda it: (it.root / ".venv/bin/waystate").unlink(), [PROJECT], id="its script was removed"),
        pytest.param(lambda it: it.edit("pyproject.toml", "120", "100"), [], id="a lint setting changed"),
    ],
)
def test_a_set_up_makes_again_what_no_longer_fits(
    ready: Checkout, change: Callable[[Checkout], object], calls: list[str]
) -> None:
    change(ready)

    code, _, err = ready.call("setup")

    assert (code, ready.calls()) == (0, calls), err
    assert ready.call("setup")[0] == 0
    assert ready.calls() == []


def test_a_venv_can_be_made_again_by_its_own_python(ready: Checkout) -> None:
    venv = ready.root / ".venv"
    base = Path(sys.executable).resolve()
    (venv / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
    (venv / "bin/python3").symlink_to(base)
    ready.edit("requirements-dev.txt", "9.2.0", "9.2.1")

    program = str(ready.root / "dev.py")
    code, _, err = ended(started(program, "setup", python=venv / "bin/python3", PYTHONPATH=str(ready.fakes)))

    assert code == 0, err
    assert ready.calls() == [DEPENDENCIES, PROJECT]


@pytest.mark.parametrize("trait", ["version", "platform", "base_prefix"])
def test_each_python_makes_dependencies_of_its_own(monkeypatch: pytest.MonkeyPatch, trait: str) -> None:
    ours = dev.layers_of(ROOT)

    monkeypatch.setattr(sys, trait, "another")
    theirs = dev.layers_of(ROOT)

    assert [ours.made_from == theirs.made_from for ours, theirs in zip(ours, theirs, strict=True)] == [False, True]


def test_dependencies_are_never_laid_over_older_ones(ready: Checkout) -> None:
    left_over = ready.root / ".venv/lib/left_over.py"
    left_over.parent.mkdir()
    left_over.touch()

    ready.edit("requirements-dev.txt", "9.2.0", "9.2.1")
    ready.call("setup")

    assert not left_over.exists()


def test_a_set_up_killed_in_the_middle_is_repaired_by_the_next_which_waits_for_what_it_left(checkout: Checkout) -> None:
    (checkout.root / "kills").touch()

    killed, _, _ = checkout.call("setup")
    code, _, err = checkout.call("setup")

    assert (killed, code) == (-9, 0), err
    assert checkout.calls() == [DEPENDENCIES, "outlived it", DEPENDENCIES, PROJECT]


def test_a_set_up_killed_on_the_way_to_a_change_is_not_taken_for_the_one_before(ready: Checkout) -> None:
    (ready.root / "kills").touch()

    ready.edit("pyproject.toml", "waystate", "waystate2")
    ready.call("setup")
    ready.edit("pyproject.toml", "waystate2", "waystate")
    ready.call("setup")

    assert ready.calls() == [PROJECT, "outlived it", PROJECT]


def test_a_set_up_told_to_stop_takes_pip_with_it(checkout: Checkout) -> None:
    (checkout.root / "hangs").touch()

    stopped = checkout.start("setup")
    checkout.wait_for_a_call()
    stopped.terminate()

    assert ended(stopped)[0] == 143
    assert checkout.call("setup")[0] == 0
    assert checkout.calls() == [DEPENDENCIES, DEPENDENCIES, PROJECT]


def test_of_two_set_ups_at_once_one_works_and_the_other_waits(checkout: Checkout) -> None:
    (checkout.root / "is_slow").touch()

    first = checkout.start("setup")
    checkout.wait_for_a_call()
    code, _, err = checkout.call("setup")

    assert (ended(first)[0], code) == (0, 0)
    assert "waiting" in err
    assert checkout.calls() == [DEPENDENCIES, PROJECT]


def test_what_pip_says_is_shown_when_it_fails_and_the_next_call_begins_again(checkout: Checkout) -> None:
    (checkout.root / "fails").write_text("--require-hashes")
    (checkout.root / "says").write_text("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n")

    code, out, err = checkout.call("setup")
    (checkout.root / "fails").unlink()

    assert (code, out) == (1, "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n")
    assert err.splitlines()[-1] == f"dev.py: the set-up failed at: .venv/bin/python {DEPENDENCIES}"
    assert checkout.call("setup")[0] == 0
    assert checkout.calls() == [DEPENDENCIES, DEPENDENCIES, PROJECT]


def test_a_missing_network_is_said_in_one_line(checkout: Checkout) -> None:
    (checkout.root / "fails").write_text("--require-hashes")
    (checkout.root / "says").write_text(
        "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError(...)'\n"
        "ERROR: Could not find a version that satisfies the requirement alembic==1.20.1 (from versions: none)\n"
        "ERROR: No matching distribution found for alembic==1.20.1\n"
    )

    code, out, err = checkout.call("setup")

    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("dev.py: pip cannot reach its package index;")


@pytest.mark.parametrize(
    ("name", "text"),
    [("pyproject.toml", "[project"), ("pyproject.toml", None), ("requirements-dev.txt", None), (".venv", "a file")],
)
def test_a_checkout_in_disorder_is_said_in_one_line(checkout: Checkout, name: str, text: str | None) -> None:
    if text is None:
        (checkout.root / name).unlink()
    else:
        (checkout.root / name).write_text(text)

    code, out, err = checkout.call("setup")

    assert (code, out, err.count("\n")) == (1, "", 1)


# Running


def test_run_becomes_the_server_with_the_lab_in_development_from_the_checkouts_root(checkout: Checkout) -> None:
    code, out, err = checkout.call("run", "--port", "8001")

    assert (code, out) == (0, f"development, {checkout.root}: serve --lab --port 8001\n"), err
    assert checkout.calls() == [DEPENDENCIES, PROJECT]


def test_run_leaves_the_environment_that_was_chosen(ready: Checkout) -> None:
    assert ready.call("run", WAYSTATE_ENV="production")[1].startswith("production, ")


# Testing


def test_test_runs_every_stage_and_says_a_line_about_each(ready: Checkout) -> None:
    code, out, err = ready.call("test")

    assert (code, err) == (0, "")
    assert ready.calls() == [" ".join(stage.arguments) for stage in dev.STAGES]
    assert [" ".join(re.sub(r"\d+\.\d s", "T", line).split()) for line in out.splitlines()] == [
        "ruff check ok T said by ruff",
        "ruff format ok T said by ruff",
        "mypy ok T said by mypy",
        "chromium ok T said by tests.browser.install",
        "said by tests.lanes",
        "pytest ok T",
        "engine's coverage ok T said by coverage",
        "all passed in 0 s",
    ]


@pytest.mark.parametrize("stage", dev.STAGES, ids=lambda stage: stage.name)
def test_a_stage_that_fails_shows_why_and_the_others_run_all_the_same(ready: Checkout, stage: dev.Stage) -> None:
    (ready.root / "fails").write_text(re.escape(" ".join(stage.arguments)).replace(r"\ ", " ") + "$")
    (ready.root / "says").write_text("one thing\nanother thing\n")

    code, out, _ = ready.call("test")

    assert code == 1
    assert ready.calls() == [" ".join(each.arguments) for each in dev.STAGES]
    assert f"one thing\nanother thing\n{stage.name:<18} FAILED " in out
    assert out.count(" ok ") == len(dev.STAGES) - 1
    assert out.splitlines()[-1] == f"failed: {stage.name}"


def test_test_with_arguments_is_pytest_with_these_alone(ready: Checkout) -> None:
    (ready.root / "fails").write_text("nothing_here")
    (ready.root / "says").touch()

    assert ready.call("test", "tests/engine", "-k", "fold")[0] == 0
    assert ready.call("test", "nothing_here")[0] == 3
    assert ready.calls() == ["-m pytest tests/engine -k fold", "-m pytest nothing_here"]


# Locking


def test_lock_compiles_both_files_and_hands_its_arguments_on(checkout: Checkout) -> None:
    code, out, err = checkout.call("lock", "--upgrade", PATH=f"{checkout.fakes / 'uv'}:{os.environ['PATH']}")

    assert (code, out) == (0, ""), err
    made = " ".join(dev.COMPILE)
    assert checkout.calls() == [
        f"uv {made} -o requirements.txt --upgrade",
        f"uv {made} --extra pictures --group dev -c requirements.txt -o requirements-dev.txt --upgrade",
    ]


def test_lock_finds_uv_in_the_venv(ready: Checkout) -> None:
    ready.script(".venv/bin/uv", FAKE_UV.replace("uv $*", "ours"))

    assert ready.call("lock", PATH="/bin:/usr/bin")[0] == 0
    assert ready.calls() == ["ours", "ours"]


def test_lock_stops_where_uv_does(checkout: Checkout) -> None:
    path = f"{checkout.fakes / 'uv'}:{os.environ['PATH']}"

    code, _, err = checkout.call("lock", PATH=path, UV_EXITS="1")

    assert (code, err) == (1, "dev.py: uv failed; requirements.txt is as it was\n")
    assert len(checkout.calls()) == 1


def test_lock_without_uv_says_how_to_get_it(checkout: Checkout) -> None:
    code, out, err = checkout.call("lock", PATH=str(checkout.fakes))

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert ".venv/bin/python -m pip install uv" in err


# The locks themselves

LOCK_LINE = re.compile(
    r"""
    [a-z0-9-]+==[\w.!+]+ (?:\ ;\ [^/\\]+)? \ \\      # a requirement, and hashes to follow
    | \ {4}--hash=sha256:[0-9a-f]{64} (?:\ \\)?
    | \ {4}\#\ via (?:\ NAME)?
    | \ {4}\#\ {3}NAME
    """.replace("NAME", r"(?:-c\ requirements\.txt|waystate\ \(pyproject\.toml(?::dev)?\)|[a-z0-9-]+)"),
    re.VERBOSE,
)
"""No address of an index, no path of a machine: a lock says what, not from where."""

LOCKS = ("requirements.txt", "requirements-dev.txt")


def pins(lock: str) -> dict[str, str]:
    """Return the versions that *lock* names."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def pyproject_requirements() -> tuple[list[Requirement], list[Requirement]]:
    """Return what pyproject.toml asks for: to run, and to develop."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return (
        [Requirement(each) for each in pyproject["project"]["dependencies"]],
        [Requirement(each) for each in pyproject["dependency-groups"]["dev"]],
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_nothing_but_versions_hashes_and_reasons(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()

    assert [line for line in lines if not LOCK_LINE.fullmatch(line)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_version_in_a_lock_has_a_hash(lock: str) -> None:
    requirements = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]

    assert len(requirements) == len(pins(lock))
    assert [each.split()[0] for each in requirements if "--hash=" not in each] == []


def test_the_locks_fit_what_pyproject_asks_for() -> None:
    running, developing = pyproject_requirements()
    asked = [(each, pins("requirements.txt")) for each in running]
    asked += [(each, pins("requirements-dev.txt")) for each in [*running, *developing]]

    unfit = [
        str(each) for each, lock in asked if not each.specifier.contains(lock.get(canonicalize_name(each.name), ""))
    ]

    assert unfit == []


def test_developers_have_the_very_versions_that_run() -> None:
    assert pins("requirements.txt").items() <= pins("requirements-dev.txt").items()


def test_the_locks_are_for_every_python_that_the_project_takes() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert pyproject["project"]["requires-python"] == f">={dev.COMPILE[dev.COMPILE.index('--python-version') + 1]}"
