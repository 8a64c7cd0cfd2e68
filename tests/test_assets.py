"""What browsers run and what draws pictures is built: the files that are committed are those that a build makes now."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = "package.json", "package-lock.json", ".npmrc", "build.mjs", "tsconfig.json", "api", "lab", "diagrams"
SECONDS = 300


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the sources and the tools that build: the checkout or, if it has no tools, a copy of it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no Node here: what is built cannot be built anew")
    if (ROOT / "node_modules").is_dir():
        return ROOT
    copy = tmp_path_factory.mktemp("workshop")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    installed = run(copy, "npm", "ci", "--ignore-scripts")
    if installed.returncode:
        pytest.skip("the tools that build cannot be installed here: npm ci failed")
    return copy


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Return how a command ended in *folder*."""
    return subprocess.run(  # noqa: S603 - our own tools
        command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def test_what_is_committed_is_what_is_built(workshop: Path, tmp_path: Path) -> None:
    built = run(workshop, "node", "build.mjs", str(tmp_path))

    assert (built.returncode, built.stderr) == (0, "")
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert Path("diagrams/assets/layout.js") in made
    stale = [str(path) for path in made if (ROOT / path).read_bytes() != (tmp_path / path).read_bytes()]
    assert stale == [], "run `npm run build`"


def test_the_scripts_are_sound(workshop: Path) -> None:
    checked = run(workshop, str(workshop / "node_modules" / ".bin" / "tsc"), "--noEmit")

    assert (checked.returncode, checked.stdout) == (0, "")
