"""
Why a delivery failed and what the customer may choose: the table in ndr.json, by ClickPost's reason codes.

The codes ACTF001 to ACTF004 are those at our door, whatever a courier calls the same.

Rule 1: reasons are told apart by code, never by text (ClickPost's advice); a code we do not know is `unknown`, which
        counts.
Rule 2: what a case offers depends on its reason, and on the terms of its courier as they were when it was opened.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from definitions.orders.times import local_date, to_date

Action = Literal["reattempt", "defer", "cancel", "dispute"]
"""What a resolution asks of a courier."""

REPEATING = frozenset({"reattempt", "defer"})
"""The actions that make the courier come again, for which it must have an attempt left."""

LAST_DEFERRAL = 30
"""
How many days ahead a date may be where the courier sets no limit: none keeps a parcel for longer.

Delhivery, the only one that publishes a limit, keeps it until the sixth day after it first failed.
"""


class Resolution(Struct, frozen=True, forbid_unknown_fields=True):
    """Something a customer may choose: what it does, the words it is offered in, and whether it needs a date."""

    does: Action
    action: str
    needs_date: bool = False


class Reason(Struct, frozen=True, forbid_unknown_fields=True):
    """
    Why a delivery failed; *counts* says whether it is one of the courier's attempts.

    *asks_address* says that coming again helps only if the customer says where to, or what number to call.
    """

    name: str
    label: str
    counts: bool = True
    resolutions: tuple[str, ...] = ("ACTF001", "ACTF002", "ACTF003", "ACTF004")
    asks_address: bool = False


class _Tables(Struct, frozen=True, forbid_unknown_fields=True):
    resolutions: dict[str, Resolution]
    reasons: dict[str, Reason]


_TABLES = msgspec.json.decode((Path(__file__).parent / "ndr.json").read_bytes(), type=_Tables)

UNKNOWN_CODE = "0"
UNREACHABLE = "unreachable"
"""The reason for which the courier needs another number, and not another place."""

REFUSED = "refused"
"""The reason that says that the customer does not want it."""

RESOLUTIONS = _TABLES.resolutions
REASONS = _TABLES.reasons


def reason(code: str) -> Reason:
    """Return the reason of a courier's code."""
    return REASONS.get(code) or REASONS[UNKNOWN_CODE]


class Terms(Struct, frozen=True):
    """
    What a courier grants after a failed delivery, as a case keeps it: with it the case is self-contained.

    *last_date* is the latest day that it can be put off to, "" for the usual one; *dispute_until* is when it no longer
    hears that its reason is wrong, 0 for never. Of *attempts* in all, 0 for no limit, it had *counted* so many by then.
    """

    courier: str = ""
    actions: tuple[Action, ...] = ("reattempt", "defer", "cancel", "dispute")
    attempts: int = 0
    counted: int = 0
    last_date: str = ""
    dispute_until: int = 0


class Choice(Struct, frozen=True):
    """
    What a customer may choose now: its code, what it does, and the words it is offered in.

    With a date it is from *first_date* to *last_date*, both `YYYY-MM-DD`. *needs_address* says that an address or a
    number is to be asked for with it.
    """

    code: str
    action: Action
    label: str
    needs_date: bool
    needs_address: bool
    first_date: str
    last_date: str

    @property
    def days(self) -> str:
        """Return which days can be chosen, as programs and staff are told."""
        return f"a day from {self.first_date} to {self.last_date}"

    def is_on(self, day: str) -> bool:
        """Return whether a *day*, `YYYY-MM-DD`, is one of those."""
        return self.first_date <= day <= self.last_date


class ChoiceInvalid(Exception):
    """What was chosen cannot be taken: *field* is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def choices(
    case_context: Mapping[str, Any], shipment_context: Mapping[str, Any], now: int, zone: ZoneInfo
) -> tuple[Choice, ...]:
    """
    Return what a case offers *now*, which is a day in *zone*.

    The courier's attempts are those of the shipment's ledger as it is by now, or as it was when the case was opened
    where the shipment is not known.
    """
    terms = msgspec.convert(case_context.get("terms", {}), Terms)
    why = reason(case_context.get("ndr_code", ""))
    today = local_date(now, zone)
    last = terms.last_date or (today + timedelta(days=LAST_DEFERRAL)).isoformat()
    comes_again = _comes_again(terms, shipment_context)
    offered = []
    for code in why.resolutions:
        resolution = RESOLUTIONS[code]
        needs_address = why.asks_address and resolution.does == "reattempt"
        first = today.isoformat() if resolution.needs_date else ""
        choice = Choice(
            code=code,
            action=resolution.does,
            label=resolution.action,
            needs_date=resolution.needs_date,
            needs_address=needs_address,
            first_date=first,
            last_date=last if resolution.needs_date else "",
        )
        if _is_granted(choice, terms, now, comes_again=comes_again):
            offered.append(choice)
    return tuple(offered)


def _is_granted(choice: Choice, terms: Terms, now: int, *, comes_again: bool) -> bool:
    """Return whether the courier still does what is chosen."""
    if choice.action not in terms.actions or (choice.action in REPEATING and not comes_again):
        return False
    if choice.action == "dispute" and terms.dispute_until and now > terms.dispute_until:
        return False
    return choice.first_date <= choice.last_date


def _comes_again(terms: Terms, shipment_context: Mapping[str, Any]) -> bool:
    """Return whether the courier has an attempt left: one that was voided since is one more."""
    ledger = shipment_context.get("attempts")
    counted = terms.counted if ledger is None else sum(attempt["counts"] for attempt in ledger)
    return not terms.attempts or counted < terms.attempts


def whereabouts(phone: str, address: str, landmark: str, notes: str) -> dict[str, str]:
    """Return what a customer filled in beside a choice, as the case keeps it."""
    told = {"phone": phone, "updatedAddress": address, "landmark": landmark, "notes": notes}
    return {name: value.strip() for name, value in told.items() if value.strip()}


def asks_phone(code: str) -> bool:
    """Return whether the courier needs a number to call, and not a place, after a failure of that code."""
    return reason(code).name == UNREACHABLE


def is_refused(code: str) -> bool:
    """Return whether a failure of that code says that the customer refused the parcel."""
    return reason(code).name == REFUSED


def chosen(
    code: str, *, deferred_date: str = "", remarks: str = "", details: Mapping[str, str] | None = None
) -> dict[str, str]:
    """
    Return a choice as its case keeps it; *details* are addresses and notes, kept as they came.

    Raises:
        ChoiceInvalid: the code is unknown, or it needs a date that is missing.
    """
    known = RESOLUTIONS.get(code)
    if known is None:
        raise ChoiceInvalid("resolutionCode", "one of " + ", ".join(RESOLUTIONS))
    choice = {"resolutionCode": code, "action": known.action}
    if known.needs_date:
        try:
            choice["deferredDate"] = to_date(deferred_date).isoformat()
        except ValueError:
            raise ChoiceInvalid("deferredDate", "a date, YYYY-MM-DD or DD-MM-YYYY") from None
    if remarks:
        choice["remarks"] = remarks
    return {**choice, **(details or {})}


def is_offered(said: Mapping[str, Any], offered: tuple[Choice, ...]) -> bool:
    """Return whether what was *said*, an event's data, is one of the choices *offered*, its date within bounds."""
    choice = next((each for each in offered if each.code == said.get("resolution_code")), None)
    if choice is None:
        return False
    return not choice.needs_date or choice.is_on(str(said.get("deferredDate", "")))
