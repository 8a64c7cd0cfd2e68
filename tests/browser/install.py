"""
Sees to what tests of pages need besides Python, a Chromium and esbuild: `python -m tests.browser.install`.

As root on Debian or Ubuntu it installs their Chromium; elsewhere, without one, these tests are skipped and say so. The
same goes for `node_modules/`, where there is npm and where there is none.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.browser.chromium import executable

ROOT = Path(__file__).parents[2]
PACKAGES = "chromium", "fonts-dejavu-core"


def run(*command: str) -> bool:
    """Run a command in the project's folder, without questions; return whether it went well."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode == 0  # noqa: S603 - Debian's and Node's


def chromium() -> bool:
    """Install Chromium if it is missing and can be had; return whether nothing failed."""
    apt = shutil.which("apt-get")
    if executable() or apt is None or os.geteuid() != 0:
        return True
    install = (apt, "--quiet", "install", "--yes", "--no-install-recommends", *PACKAGES)
    return run(apt, "--quiet", "update") and run(*install) and executable() is not None


def node_modules() -> bool:
    """Install what builds our scripts if it is missing and can be had; return whether nothing failed."""
    npm = shutil.which("npm")
    if npm is None or (ROOT / "node_modules" / ".bin" / "esbuild").is_file():
        return True
    return run(npm, "ci", "--ignore-scripts", "--silent")


def main() -> int:
    """Install what is missing; 0 unless that failed."""
    well = chromium() and node_modules()
    sys.stdout.write(f"{executable() or 'no Chromium here: tests of pages are skipped'}\n")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
