"""
What the workshop repairs, where, and when it comes: read from workshop.json, with the rules that decide by it.

Rule 1: a day is one of the workshop's own clock; the moment comes in from outside, in microseconds.
Rule 2: a time of a day is open while it is one of that weekday's rounds and as far ahead as the workshop needs to know.
"""

import base64
from calendar import monthrange
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from engine.model import SECOND

HERE = Path(__file__).parent


class Choice(Struct, frozen=True):
    """Something to choose."""

    id: str
    title: str


class Model(Struct, frozen=True):
    """A model of an appliance and the faults it can have; without *made_until*, a year, it is still made."""

    id: str
    title: str
    faults: tuple[str, ...]
    made_until: int | None = None


class Fault(Struct, frozen=True):
    """What can be wrong: *tip* is what to try first, if anything, with *pictures*; the unclear ones are to be told."""

    id: str
    title: str
    tip: str = ""
    pictures: tuple[str, ...] = ()
    is_unclear: bool = False


class Appliance(Struct, frozen=True):
    """A kind of machine; *word* is what one of it is called, *charge* what a visit costs, in pounds."""

    id: str
    word: str
    picture: str
    charge: int
    models: tuple[Model, ...]
    faults: tuple[Fault, ...]
    symptoms: tuple[Choice, ...]


class District(Struct, frozen=True):
    """A part of the town, and what is repaired there."""

    id: str
    title: str
    repairs: tuple[str, ...]


class Slot(Struct, frozen=True):
    """A time of the day at which the workshop comes; it begins at *hour*."""

    id: str
    title: str
    hour: int


class Workshop(Struct, frozen=True):
    """
    All that the workshop knows.

    There are parts for *parts_for* years after a model was last made. *closed_on* are days of every year, as month and
    day; *rounds* are the slots of each weekday.
    """

    zone: str
    appliances: tuple[Appliance, ...]
    pictures: dict[str, str]
    parts_for: int
    sold_since: date
    warranty_years: int
    districts: tuple[District, ...]
    days_ahead: int
    notice_hours: int
    closed_on: frozenset[str]
    slots: tuple[Slot, ...]
    rounds: dict[str, tuple[str, ...]]


WORKSHOP = msgspec.json.decode((HERE / "workshop.json").read_bytes(), type=Workshop)
APPLIANCES = {appliance.id: appliance for appliance in WORKSHOP.appliances}
MODELS = {(appliance.id, model.id): model for appliance in WORKSHOP.appliances for model in appliance.models}
FAULTS = {(appliance.id, fault.id): fault for appliance in WORKSHOP.appliances for fault in appliance.faults}
DISTRICTS = {district.id: district for district in WORKSHOP.districts}
SLOTS = {slot.id: slot for slot in WORKSHOP.slots}
PICTURES = {path.name: base64.b64encode(path.read_bytes()).decode() for path in HERE.glob("*.png")}

_ZONE = ZoneInfo(WORKSHOP.zone)
_NOTICE = WORKSHOP.notice_hours * 3600 * SECOND


def today(now: int) -> date:
    """Return the day that it is at the workshop."""
    return datetime.fromtimestamp(now // SECOND, _ZONE).date()


def said(day: date) -> str:
    """Return a day as people say it."""
    return f"{day:%A}, {day.day} {day:%B}"


# What is repaired


def has_parts(model: Model, day: date) -> bool:
    """Return whether there are parts for a model."""
    return model.made_until is None or day.year <= model.made_until + WORKSHOP.parts_for


def warranty_ends(bought: date) -> date:
    """Return the last day of a warranty: the same day of a later year, or the month's last where it has none."""
    year = bought.year + WORKSHOP.warranty_years
    return bought.replace(year=year, day=min(bought.day, monthrange(year, bought.month)[1]))


# When the workshop comes


def first_day(now: int) -> date:
    """Return the first day that can be asked for."""
    return today(now) + timedelta(days=1)


def last_day(now: int) -> date:
    """Return the last day that can be asked for."""
    return today(now) + timedelta(days=WORKSHOP.days_ahead)


def closed_days(now: int) -> list[date]:
    """Return the days between the first and the last one that have no slot open."""
    first, last = first_day(now), last_day(now)
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in days if not _open_slots(day, now)]


def open_slots(day: date, now: int) -> frozenset[str]:
    """Return the slots of a day that can still be asked for."""
    return _open_slots(day, now) if first_day(now) <= day <= last_day(now) else frozenset()


def _open_slots(day: date, now: int) -> frozenset[str]:
    if f"{day:%m-%d}" in WORKSHOP.closed_on:
        return frozenset()
    return frozenset(name for name in WORKSHOP.rounds.get(f"{day:%a}", ()) if _begins(day, name) - now >= _NOTICE)


def _begins(day: date, slot: str) -> int:
    """Return the moment at which a slot begins."""
    return int(datetime.combine(day, time(SLOTS[slot].hour), _ZONE).timestamp()) * SECOND
