"""Cases that a session may be about, as simulations use them: open ones of each kind, answered ones, closed ones."""

from collections.abc import Mapping
from typing import Any

from definitions.screens import About
from engine.model import SECOND

_HOUR = 3600 * SECOND

_FAILED_AT = 1_767_268_800 * SECOND - _HOUR
"""An hour before the time at which simulations happen (definitions/simulation/answers.py)."""

_CHOSEN = {"resolutionCode": "ACTF001", "action": "I would like to request another delivery attempt"}


def _case(
    ndr_code: str,
    *tags: str,
    allowed: tuple[str, ...] = (),
    latest: str = "forward.failed_delivery",
    **context: Any,
) -> About:
    """Return a case of a parcel whose courier said that *latest*."""
    attempt = {"id": "forward.failed_delivery/1", "at": _FAILED_AT, "reason": "unknown", "counts": True}
    shipment: Mapping[str, Any] = {
        "tracking_id": "TRACK-1042",
        "leg": "forward",
        "courier": "Parcel Riders",
        "latest": {"status": latest, "at": _FAILED_AT},
        "attempts": [attempt],
    }
    return About(
        definition="ndr_case",
        key="ORD-1042:TRACK-1042:20260101T110000Z",
        state=tags[0],
        tags=tags,
        allowed=allowed,
        context={
            "opened_by": "ORD-1042:TRACK-1042",
            "opened_at": _FAILED_AT,
            "window_until": _FAILED_AT + 24 * _HOUR,
            "ndr_code": ndr_code,
            **context,
        },
        family={
            "order/ORD-1042": {"account_id": "1489", "customer_order_number": "1042"},
            "shipment/ORD-1042:TRACK-1042": shipment,
        },
    )


_CHOOSING = ("resolution_submitted",)
_TELLING = ("resolution_submitted", "resolution_sent", "resolution_undelivered")

EXAMPLES = (
    _case("1", "open", "unanswered", allowed=_CHOOSING),
    _case("5", "open", "unanswered", allowed=_CHOOSING),
    _case("6", "open", "unanswered", allowed=_CHOOSING),
    _case("1", "open", allowed=_TELLING, resolution=_CHOSEN),
    _case("1", "open", resolution=_CHOSEN),
    _case("1", "closed", latest="forward.delivered"),
    _case("1", "closed", latest="rto.rto_created"),
)
