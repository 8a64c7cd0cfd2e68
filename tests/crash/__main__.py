"""`python -m tests.crash`: kill a server under load as often as is asked for, and tell whether anything was lost."""

import argparse
import secrets
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from storage.migrate import upgrade
from tests.crash.trial import Trial

KILLS_A_DATABASE = 50
"""After so many kills a trial begins anew: looking at everything takes longer as it grows."""


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for; return 0 if all is well, 1 if there was a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="how often the server is killed [%(default)s]")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="who calls, and when it is killed")
    asked = parser.parse_args(arguments)
    for begun in range(0, asked.kills, KILLS_A_DATABASE):
        folder = Path(tempfile.mkdtemp(prefix="waystate-crash-"))
        upgrade(folder / "empty.db")
        trial = Trial(folder, folder / "empty.db", asked.seed + begun)
        report = trial.kill(min(KILLS_A_DATABASE, asked.kills - begun))
        sys.stdout.write(f"{report}\n")
        sys.stdout.flush()
        if report.faults:
            return 1
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
