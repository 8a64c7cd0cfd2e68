"""
Why a delivery failed and what the customer may choose: the table in ndr.json, by ClickPost's reason codes.

Reasons are told apart by code, never by text (ClickPost's advice); a code we do not know is `unknown`, which counts.
"""

from pathlib import Path

import msgspec
from msgspec import Struct


class Resolution(Struct, frozen=True, forbid_unknown_fields=True):
    """Something a customer may choose: the words it is offered in, and whether it needs a date."""

    action: str
    needs_date: bool = False


class Reason(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a delivery failed; *counts* says whether it is one of the courier's attempts."""

    name: str
    label: str
    counts: bool = True
    resolutions: tuple[str, ...] = ("ACTF001", "ACTF002", "ACTF003", "ACTF004")


class _Tables(Struct, frozen=True, forbid_unknown_fields=True):
    resolutions: dict[str, Resolution]
    reasons: dict[str, Reason]


_TABLES = msgspec.json.decode((Path(__file__).parent / "ndr.json").read_bytes(), type=_Tables)

UNKNOWN_CODE = "0"
RESOLUTIONS = _TABLES.resolutions


def reason(code: str) -> Reason:
    """Return the reason of a courier's code."""
    return _TABLES.reasons.get(code) or _TABLES.reasons[UNKNOWN_CODE]
