"""
All tests, in two lanes side by side: `python -m tests.lanes`.

What speaks to servers takes as long as all the rest, and waits more than it works. Each lane measures its coverage; in
the end both are put together. Pages in a browser come after the servers, and are not measured: what they ask for is.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO

SERVERS, PAGES = ("tests/api", "tests/acceptance"), ("tests/browser",)
REST = tuple(f"--ignore={folder}" for folder in (*SERVERS, *PAGES))

PYTEST = ("-m", "pytest", "-q")
COVERAGE = (sys.executable, "-m", "coverage")


def measured(lane: int, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs a lane's tests and keeps their coverage in a file of its own."""
    return [*COVERAGE, "run", f"--data-file=.coverage.{lane}", *PYTEST, *arguments]


def ended(command: Sequence[str], words: IO[bytes] | None = None) -> int:
    """Run a command to its end, its words into a file if one is given; return its code."""
    return subprocess.run(command, stdout=words, stderr=words, check=False).returncode  # noqa: S603 - our own


def main() -> int:
    """Run both lanes, the first one's words as they come and the other's at the end; 0 if all passed."""
    with tempfile.TemporaryFile() as words:
        beside = subprocess.Popen(measured(1, REST), stdout=words, stderr=words)  # noqa: S603 - our own
        codes = [ended(measured(0, SERVERS)), ended([sys.executable, *PYTEST, *PAGES]), beside.wait()]
        words.seek(0)
        sys.stdout.buffer.write(words.read())
        sys.stdout.flush()
    codes.append(ended([*COVERAGE, "combine", "-q", ".coverage.0", ".coverage.1"]))
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
