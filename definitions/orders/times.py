"""
Times as order documents and couriers write them: local, without a zone, to the second.

Source: Eshopbox's published order and event shapes: `2023-10-11 12:15:53` is the account's time, and
`0000-00-00 00:00:00` means none.
"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from engine.model import SECOND

NONE = "0000-00-00 00:00:00"

LATEST = 253_370_764_799
"""The last second, since 1970, of the year 9998: every zone can say it."""

USUAL_ZONE = "Asia/Kolkata"
"""Where local times without a zone are from, unless the account says otherwise."""

_DATES = ("%Y-%m-%d", "%d-%m-%Y")
"""Eshopbox's two published versions of a resolution's date."""


def from_local(text: str, zone: ZoneInfo) -> int | None:
    """
    Return a local time as engine time, to the second, or None where the text says none.

    Raises:
        ValueError: it is not such a text.
    """
    if not text or text == NONE:
        return None
    moment = datetime.fromisoformat(text)
    return _engine_time(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def to_local(at: int, zone: ZoneInfo) -> str:
    """Return an engine time as local text."""
    return datetime.fromtimestamp(at // SECOND, zone).strftime("%Y-%m-%d %H:%M:%S")


def to_rfc3339(at: int) -> str:
    """Return an engine time as RFC 3339 in UTC, to the microsecond it has."""
    moment = datetime.fromtimestamp(at // SECOND, UTC).replace(microsecond=at % SECOND)
    return moment.isoformat().replace("+00:00", "Z")


def from_rfc3339(text: str) -> int:
    """
    Return an RFC 3339 time as engine time, to the second.

    Raises:
        ValueError: it is not one, or has no zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time has its zone")
    return _engine_time(moment)


def _engine_time(moment: datetime) -> int:
    """
    Return a moment as engine time, to the second.

    Raises:
        ValueError: it is before 1970, or so late that it cannot be said in every zone.
    """
    seconds = int(moment.timestamp())
    if not 0 <= seconds <= LATEST:
        raise ValueError("a time is after 1970 and before 9999")
    return seconds * SECOND


def to_date(text: str) -> date:
    """
    Return the date of a text in either of the published forms.

    Raises:
        ValueError: it is in neither.
    """
    for form in _DATES:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    raise ValueError("a date is YYYY-MM-DD or DD-MM-YYYY")


def local_date(at: int, zone: ZoneInfo) -> date:
    """Return the date that it is in *zone* at an engine time."""
    return datetime.fromtimestamp(at // SECOND, zone).date()
