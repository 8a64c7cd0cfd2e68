"""
All tests, in two lanes side by side: `python -m tests.lanes`.

What speaks to servers takes as long as all the rest, and waits more than it works. Each lane measures its coverage; in
the end both are put together.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence

SERVERS = ("tests/api", "tests/acceptance", "tests/browser")
LANES = (SERVERS, tuple(f"--ignore={folder}" for folder in SERVERS))

COVERAGE = (sys.executable, "-m", "coverage")


def command(lane: int, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs a lane's tests and keeps their coverage in a file of its own."""
    return [*COVERAGE, "run", f"--data-file=.coverage.{lane}", "-m", "pytest", "-q", *arguments]


def main() -> int:
    """Run both lanes, the first one's words as they come and the other's at the end; 0 if all passed."""
    with tempfile.TemporaryFile() as words:
        first, second = LANES
        beside = subprocess.Popen(command(1, second), stdout=words, stderr=words)  # noqa: S603 - our own
        codes = [subprocess.run(command(0, first), check=False).returncode, beside.wait()]  # noqa: S603 - likewise
        words.seek(0)
        sys.stdout.buffer.write(words.read())
        sys.stdout.flush()
    codes.append(subprocess.run([*COVERAGE, "combine", "-q", ".coverage.0", ".coverage.1"], check=False).returncode)  # noqa: S603 - likewise
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
