"""
All tests, in three lanes side by side: `python -m tests.lanes`.

What speaks to servers, and what looks at pages in a browser, waits more than it works. The rest measures how much of
the engine it covers; to measure everything takes longer than a change may: `coverage run -m pytest` does it.
"""

import subprocess
import sys
import tempfile

SERVERS, PAGES = ("tests/api", "tests/acceptance"), ("tests/browser",)
REST = tuple(f"--ignore={folder}" for folder in (*SERVERS, *PAGES))

PYTEST = ("-m", "pytest", "-q")
COVERAGE = ("-m", "coverage", "run", "--source=engine")
LANES = ((*PYTEST, *SERVERS), (*COVERAGE, *PYTEST, *REST), (*PYTEST, *PAGES))
"""What each lane gives to Python. The first one's words come as they are said, the others' at the end."""


def main() -> int:
    """Run all lanes; 0 if all passed."""
    with tempfile.TemporaryFile() as words, tempfile.TemporaryFile() as more_words:
        beside = [
            subprocess.Popen([sys.executable, *lane], stdout=file, stderr=file)  # noqa: S603 - our own
            for lane, file in zip(LANES[1:], (words, more_words), strict=True)
        ]
        codes = [subprocess.run([sys.executable, *LANES[0]], check=False).returncode]  # noqa: S603 - likewise
        for lane, file in zip(beside, (words, more_words), strict=True):
            codes.append(lane.wait())
            file.seek(0)
            sys.stdout.buffer.write(file.read())
            sys.stdout.flush()
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
