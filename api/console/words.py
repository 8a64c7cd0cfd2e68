"""
How the console says times, durations, figures and shares: filters of its pages.

Rule: what is rounded or said in relation to now stands beside the exact value (`exact`), which says its zone.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from definitions.orders.times import to_rfc3339
from diagrams.text import duration
from engine.model import SECOND

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
"""Durations, in seconds."""

FAR = 14 * DAY
"""How far from now a time is said by its date."""

EARLIEST_TIME, LATEST_TIME = 1_000_000_000 * SECOND, 4_000_000_000 * SECOND
"""Between these, from 2001 to 2096, integers in sessions are times: no phone number has so many digits."""

UNITS = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1, "second"))


def ago(at: int, now: int) -> str:
    """Return how long before or after *now* a time is, or its date if that is far."""
    seconds = (now - at) // SECOND
    if -1 <= seconds <= 1:
        return "just now"
    if abs(seconds) > FAR:
        return _moment(at).strftime("%-d %b %Y")
    said = lasting(abs(seconds))
    return f"{said} ago" if seconds > 0 else f"in {said}"


def exact(at: int) -> str:
    """Return a time to its second, in UTC."""
    return _moment(at).strftime("%Y-%m-%d %H:%M:%S UTC")


def lasting(seconds: float) -> str:
    """Return a duration in the one unit that says it best."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds > 0 else "0 seconds"
    size, name = next((size, name) for size, name in UNITS if seconds >= size)
    count = int(seconds / size)
    return f"{count} {name}{'' if count == 1 else 's'}"


def stay(seconds: float) -> str:
    """Return how long sessions stayed somewhere, as pictures say it."""
    return duration(seconds * SECOND)


def number(count: float) -> str:
    """Return a count, its thousands apart."""
    return f"{count:,}"


def counted(count: int, one: str, many: str = "") -> str:
    """Return how many there are of what one calls so: `1 session`, `2 sessions`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def share(part: float) -> str:
    """Return a share in percent; one that is something is never said to be nothing, nor all if it is not."""
    percent = round(part * 100)
    if percent == 0 and part > 0:
        return "<1%"
    if percent == 100 and part < 1:  # noqa: PLR2004 - the whole of it, in percent
        return ">99%"
    return f"{percent}%"


def short(key: str, length: int = 34) -> str:
    """Return a key with what is too long of it left out in its middle."""
    if len(key) <= length:
        return key
    half = (length - 1) // 2
    return f"{key[:half]}…{key[-half:]}"


def pretty(value: Any) -> str:
    """Return a JSON value as text, a field on each line."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=str)).decode()


def plain(value: Any) -> str:
    """Return a JSON value in one line, texts without their quotation marks."""
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()


def readable(value: Any) -> Any:
    """Return a JSON value with the times in it as texts: integers so large are microseconds since 1970."""
    if isinstance(value, dict):
        return {name: readable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [readable(member) for member in value]
    is_time = isinstance(value, int) and EARLIEST_TIME <= value < LATEST_TIME
    return exact(value) if is_time else value


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at // SECOND, UTC)


FILTERS: dict[str, Callable[..., Any]] = {
    "ago": ago,
    "exact": exact,
    "machine_time": to_rfc3339,
    "lasting": lasting,
    "stay": stay,
    "number": number,
    "counted": counted,
    "share": share,
    "short": short,
    "pretty": pretty,
    "readable": readable,
    "plain": plain,
}
"""What templates call these by."""
