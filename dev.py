"""
Sets up, runs, tests and locks Waystate from a bare checkout; needs nothing but Python.

Rule 1: the standard library alone, in a text that Python 3.6 can read, so that an old Python says what it lacks.
Rule 2: .venv is made in two layers, first the locked dependencies, then the project. A layer's last act is to leave a
mark of what it was made from: one that was interrupted has none, and the next call makes it anew.
Rule 3: one set-up of a checkout at a time. pip holds the lock too, so that a pip that outlives us is waited for.
Rule 4: the environment is passed on as it is; pip's and uv's own settings (index, proxy, certificates) hold.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (whoever has an older Python meets this line first)
    sys.exit(f"dev.py: Waystate needs Python 3.11 or later; this is {sys.version.split()[0]} ({sys.executable})")
if sys.platform == "win32":
    sys.exit("dev.py: Waystate runs on Linux and macOS; on Windows, use WSL")

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent

HELP = """\
usage: python3 dev.py COMMAND [ARGUMENTS]

  setup        make .venv, install the locked dependencies and the project
  run [...]    set up, then serve with the lab in development mode; arguments go to `waystate serve`
  test [...]   set up, then lint, types, tests and coverage; with arguments, pytest alone with these
  lock [...]   write requirements.txt and requirements-dev.txt anew; arguments (--upgrade) go to `uv pip compile`

A second set-up takes no time. Begin with: python3 dev.py run
"""

VENV = ".venv"
PYTHON = f"{VENV}/bin/python"
SERVER = f"{VENV}/bin/waystate"
LOCK = "set-up.lock"

PIP_INSTALL = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install")
INSTALL_DEPENDENCIES = (*PIP_INSTALL, "--require-hashes", "-r", "requirements-dev.txt")
INSTALL_PROJECT = (*PIP_INSTALL, "--no-deps", "--no-build-isolation", "-e", ".")
UNREACHABLE = re.compile(r"Retry\(total=0.*\(from versions: none\)|Max retries exceeded", re.DOTALL)
"""What pip says when it has tried often enough to reach the package index."""

COMPILE = (
    "pip",
    "compile",
    "pyproject.toml",
    "--python-version",
    "3.11",
    "--universal",
    "--generate-hashes",
    "--no-header",
)
COMPILE_TARGETS = (
    ("-o", "requirements.txt"),
    ("--extra", "pictures", "--group", "dev", "-c", "requirements.txt", "-o", "requirements-dev.txt"),
)


class Layer(NamedTuple):
    """One half of .venv: when *make* is done with it, it is marked with *made_from*, and *proof* can be executed."""

    name: str
    make: Callable[[Path, int], None]
    made_from: str
    proof: str


class Stage(NamedTuple):
    """One check of `dev.py test`: arguments to .venv's Python. Only a *live* stage writes while all is well."""

    name: str
    arguments: tuple[str, ...]
    live: bool = False


STAGES = (
    Stage("ruff check", ("-m", "ruff", "check", "--output-format", "concise")),
    Stage("ruff format", ("-m", "ruff", "format", "--check")),
    Stage("mypy", ("-m", "mypy")),
    Stage("chromium", ("-m", "tests.browser.install")),
    Stage("pytest", ("-m", "tests.lanes"), live=True),
    Stage("engine's coverage", ("-m", "coverage", "report", "--include=engine/*", "--fail-under=100")),
)


# The commands


def setup(root: Path, arguments: Sequence[str]) -> int:
    """Make .venv and stop."""
    if arguments:
        return misused("setup takes no arguments")
    began = time.monotonic()
    if set_up(root):
        say(f"{VENV} is ready, after {time.monotonic() - began:.0f} s")
    else:
        say(f"{VENV} is up to date")
    return 0


def run(root: Path, arguments: Sequence[str]) -> int:
    """Become the server."""
    set_up(root)
    become([SERVER, "serve", "--lab", *arguments], root, {"WAYSTATE_ENV": "development", **os.environ})


def test(root: Path, arguments: Sequence[str]) -> int:
    """Run every stage, whatever became of the ones before; or become pytest, if there are *arguments*."""
    set_up(root)
    if arguments:
        become([PYTHON, "-m", "pytest", *arguments], root, os.environ)

    began = time.monotonic()
    failed = [stage.name for stage in STAGES if not passed(stage, root)]
    write(f"failed: {', '.join(failed)}" if failed else f"all passed in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def lock(root: Path, arguments: Sequence[str]) -> int:
    """Write both locks anew; versions stay as they are where they still fit, unless *arguments* say otherwise."""
    uv = shutil.which("uv") or shutil.which("uv", path=root / VENV / "bin")
    if uv is None:
        fail(f"lock needs uv; after a set-up, {PYTHON} -m pip install uv puts it into {VENV}")
    for target in COMPILE_TARGETS:
        code, said = ended_quietly([uv, *COMPILE, *target, *arguments], root)
        if code:
            write(said)
            fail(f"uv failed; {target[-1]} is as it was")
        say(f"wrote {target[-1]}")
    return 0


COMMANDS = {"setup": setup, "run": run, "test": test, "lock": lock}


# The set-up


def set_up(root: Path) -> bool:
    """Make what is missing of .venv, and return whether anything was."""
    layers = layers_of(root)
    if not unfinished(root, layers):
        return False
    if (root / VENV).is_symlink():
        fail(f"{VENV} is a link to another set-up, which would be emptied; remove the link")
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            major_minor = f"{sys.version_info.major}.{sys.version_info.minor}"
            package = f"python3-venv (or python{major_minor}-venv)"
            fail(f"this Python ({sys.executable}) comes without {module}; on Debian and Ubuntu, install {package}")
    with alone(root) as holding:
        missing = unfinished(root, layers)  # another set-up may just have made them
        for layer in missing:
            mark(root, layer).unlink(missing_ok=True)
        for layer in missing:
            layer.make(root, holding)
            mark(root, layer).write_text(layer.made_from)
    return True


def layers_of(root: Path) -> tuple[Layer, Layer]:
    """Return what .venv consists of, from the bottom up."""
    python = (sys.version, sys.platform, os.uname().machine, os.path.realpath(sys.base_prefix))
    locked = (root / "requirements-dev.txt").read_bytes()
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project = [pyproject.get("build-system"), pyproject.get("project"), pyproject.get("tool", {}).get("hatch")]
    return (
        Layer(
            "dependencies",
            make_dependencies,
            digest(python, str(root), locked, INSTALL_DEPENDENCIES),  # root: a venv cannot be moved
            "bin/python",
        ),
        Layer("project", make_project, digest(project, INSTALL_PROJECT), "bin/waystate"),
    )


def unfinished(root: Path, layers: Sequence[Layer]) -> Sequence[Layer]:
    """Return the layers to make: the lowest that is not what it should be, and all above it."""
    for position, layer in enumerate(layers):
        try:
            found = mark(root, layer).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return layers[position:]
        if found != layer.made_from or not os.access(root / VENV / layer.proof, os.X_OK):
            return layers[position:]
    return ()


def make_dependencies(root: Path, holding: int) -> None:
    """Make .venv from nothing, with the locked dependencies."""
    say(f"making {VENV} with Python {sys.version.split()[0]} and the locked dependencies; this takes half a minute")
    clear(root / VENV)
    own = getattr(sys, "_base_executable", sys.executable)  # as venv itself; sys.executable may just have been cleared
    finish([own, "-m", "venv", VENV], root, holding)
    finish([PYTHON, *INSTALL_DEPENDENCIES], root, holding)


def make_project(root: Path, holding: int) -> None:
    """Put the project on top of its dependencies, to be imported from where it stands."""
    finish([PYTHON, *INSTALL_PROJECT], root, holding)


def finish(command: Sequence[str], root: Path, holding: int) -> None:
    """Run *command*, and stop if it fails."""
    code, said = ended_quietly(command, root, holding)
    if code == 0:
        return
    if UNREACHABLE.search(said):
        fail("pip cannot reach its package index; look at the network, and at pip's settings for index and proxy")
    write(said)
    fail(f"the set-up failed at: {' '.join(command)}")


def clear(venv: Path) -> None:
    """Empty *venv*, but for the lock we hold."""
    for entry in venv.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


@contextmanager
def alone(root: Path) -> Iterator[int]:
    """Wait until no other set-up of *root* is at work, and keep others out; yields the lock's descriptor."""
    venv = root / VENV
    venv.mkdir(exist_ok=True)
    with (venv / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up of this checkout is at work; waiting for it to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def mark(root: Path, layer: Layer) -> Path:
    """Return the file that says what *layer* was made from."""
    return root / VENV / f"{layer.name}.made"


def digest(*parts: object) -> str:
    """Return a fingerprint of *parts*."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


# The stages


def passed(stage: Stage, root: Path) -> bool:
    """Run *stage*, show what it said if it fails, and sum it up in one line."""
    began = time.monotonic()
    command = [PYTHON, *stage.arguments]
    code, said = (ended(command, root), "") if stage.live else ended_quietly(command, root)
    if code and said:
        write(said)
    note = " ".join(said.splitlines()[-1].split()) if said and not code else ""
    seconds = time.monotonic() - began
    write(f"{stage.name:<18} {'FAILED' if code else 'ok':<6} {seconds:6.1f} s  {note}".rstrip())
    return code == 0


# Other programs


def ended(command: Sequence[str], root: Path, output: IO[bytes] | None = None, *holding: int) -> int:
    """Run *command* to its end and return its exit code; if we are told to stop, see it out first."""
    process = subprocess.Popen(  # noqa: S603  (the commands are the ones of this file)
        command, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=holding
    )
    try:
        return process.wait()
    except KeyboardInterrupt:  # the terminal has told it too
        process.wait()
        raise
    except SystemExit:  # see `main`: a signal to us alone
        process.terminate()
        process.wait()
        raise


def ended_quietly(command: Sequence[str], root: Path, *holding: int) -> tuple[int, str]:
    """Run *command* to its end and return its exit code, and what it wrote."""
    with tempfile.TemporaryFile() as output:
        code = ended(command, root, output, *holding)
        output.seek(0)
        return code, output.read().decode(errors="replace").rstrip()


def become(command: list[str], root: Path, environment: Mapping[str, str]) -> NoReturn:
    """Replace this program by *command*, in *root* wherever we were called: var/ and the settings stand there."""
    os.chdir(root)
    os.execve(command[0], command, environment)  # noqa: S606  (as above)


# Words


def write(text: str) -> None:
    """Write *text* to standard output, at once: the stages write there too."""
    print(text, flush=True)  # noqa: T201


def say(text: str) -> None:
    """Tell what is going on."""
    print(f"dev.py: {text}", file=sys.stderr, flush=True)  # noqa: T201


def fail(text: str) -> NoReturn:
    """Stop, saying why in one line."""
    sys.exit(f"dev.py: {text}")


def misused(text: str) -> int:
    """Say how this was called wrongly."""
    say(f"{text}; see python3 dev.py --help")
    return 2


def main(arguments: Sequence[str]) -> int:
    """Do what *arguments* say."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        write(HELP.rstrip())
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        return misused(f"there is no command {name!r}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return COMMANDS[name](ROOT, rest)
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + signal.SIGINT
    except (OSError, tomllib.TOMLDecodeError) as error:
        fail(str(error))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
