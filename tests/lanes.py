"""
All tests, in lanes side by side: `python -m tests.lanes`.

What speaks to servers, looks at pages in a browser or kills programs waits as much as it works, so that more lanes than
cores are right; the folders are spread over the lanes so that these end at about the same time. The engine's tests are
measured as they run, in a lane of their own: all of the engine is covered by them alone. To measure everything takes
longer than a change may: `coverage run -m pytest` does it.
"""

import subprocess
import sys
import tempfile
from contextlib import ExitStack

SERVERS = ("tests/api", "--ignore=tests/api/console", "--ignore-glob=*/api/test_[s-z]*.py")
PAGES = ("tests/api/console", "tests/browser")
PROGRAMS = ("tests/crash", "tests/acceptance", "tests/cli", "tests/lab", "tests/bench", "tests/test_dev.py")
ENGINE = ("tests/engine",)
ELSEWHERE = (f"--ignore={folder}" for folder in (*PAGES, *PROGRAMS, *ENGINE))
REST = ("tests", "--ignore-glob=*/api/test_[!s-z]*.py", *ELSEWHERE)

PYTEST = ("-m", "pytest", "-q")
COVERAGE = ("-m", "coverage", "run", "--source=engine")
LANES = (*((*PYTEST, *folders) for folders in (SERVERS, PAGES, PROGRAMS, REST)), (*COVERAGE, *PYTEST, *ENGINE))
"""What each lane gives to Python. The first one's words come as they are said, the others' at the end."""


def main() -> int:
    """Run all lanes; 0 if all passed."""
    with ExitStack() as files:
        beside = []
        for lane in LANES[1:]:
            words = files.enter_context(tempfile.TemporaryFile())
            running = subprocess.Popen([sys.executable, *lane], stdout=words, stderr=words)  # noqa: S603 - our own
            beside.append((running, words))
        codes = [subprocess.run([sys.executable, *LANES[0]], check=False).returncode]  # noqa: S603 - likewise
        for running, words in beside:
            codes.append(running.wait())
            words.seek(0)
            sys.stdout.buffer.write(words.read())
            sys.stdout.flush()
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
