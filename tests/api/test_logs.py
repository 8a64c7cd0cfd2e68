"""What logs say, and what they never say."""

import json
import subprocess
import sys
from typing import Any

import pytest

SCRIPT = """
import structlog
from api.logs import configure, fault

LOG = structlog.get_logger()
configure(development={development})
try:
    {{}}["a token of 919800000042"]
except KeyError as error:
    LOG.error("it_failed", call="1f\\n\\x1b[31m", **fault(error))
LOG.info("it_went_on", size=3)
LOG.debug("nobody_hears")
"""


def said(*, development: bool) -> list[str]:
    """Return the lines that a process logs, which has its logs to itself."""
    script = SCRIPT.format(development=development)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_a_log_is_one_line_of_json_an_event() -> None:
    failed, went_on = (json.loads(line) for line in said(development=False))

    times: list[Any] = [failed.pop("timestamp"), went_on.pop("timestamp")]
    assert failed == {
        "event": "it_failed",
        "level": "error",
        "call": "1f\n\x1b[31m",
        "error": "KeyError",
        "where": "<string>:8",
    }
    assert went_on == {"event": "it_went_on", "level": "info", "size": 3}
    assert all(time.endswith("Z") for time in times)


@pytest.mark.parametrize("development", [False, True])
def test_a_log_is_one_line_an_event_and_says_nothing_of_an_errors_text(development: bool) -> None:
    lines = said(development=development)

    assert len(lines) == 2
    assert not any(secret in line for line in lines for secret in ("919800000042", "\x1b", "token"))
