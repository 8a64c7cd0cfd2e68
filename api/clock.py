"""The one place that asks what time it is."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the time in integer microseconds since 1970 in UTC."""


def system_clock() -> int:
    """Return this machine's time."""
    return time.time_ns() // 1_000
