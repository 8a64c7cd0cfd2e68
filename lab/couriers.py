"""
Couriers: what they report of a shipment, in the shape and words of each, with the troubles that reports have.

Sources: Eshopbox, "Shipment webhooks"; Shiprocket, "Tracking webhook, status codes"; ClickPost, "NDR codes".

Rule 1: a story and its troubles come from a seed: the same seed tells the same again.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

ESHOPBOX = "eshopbox"

IST = timezone(timedelta(hours=5, minutes=30))
"""The zone that Eshopbox's times are in, which say none."""

CODES: Mapping[str, Mapping[str, str]] = {
    "shiprocket": {
        "created": "1",
        "picked_up": "42",
        "intransit": "18",
        "out_for_delivery": "17",
        "failed_delivery": "21",
        "delivered": "7",
        "rto_created": "9",
        "rto_intransit": "46",
        "rto_delivered": "10",
    },
    "clickpost": {
        "created": "1",
        "picked_up": "4",
        "intransit": "5",
        "out_for_delivery": "6",
        "failed_delivery": "9",
        "delivered": "8",
        "rto_created": "11",
        "rto_intransit": "21",
        "rto_delivered": "14",
    },
}
"""What couriers call what happened, where they have codes for it."""

SPREAD = timedelta(hours=6)
"""How long a story takes at most, up to now."""


class Scan(Struct, frozen=True):
    """One thing that happened to a shipment, in Eshopbox's words; *ndr_code* says why a delivery failed."""

    status: str
    at: datetime
    leg: str = "forward"
    location: str = "Mumbai"
    remark: str = ""
    ndr_code: str = ""
    ndr_reason: str = ""


class Step(Struct, frozen=True):
    """A scan of a story: *share* says how far into it that is, from 0 to 1."""

    status: str
    share: float
    leg: str = "forward"
    location: str = "Mumbai"
    remark: str = ""
    ndr_code: str = ""
    ndr_reason: str = ""


class Story(Struct, frozen=True):
    """What may become of a shipment."""

    name: str
    title: str
    steps: tuple[Step, ...]


_LEAVES = (
    Step("created", 0.0, location="Pune"),
    Step("packed", 0.05, location="Pune"),
    Step("picked_up", 0.1, location="Pune"),
    Step("intransit", 0.25, location="Pune"),
)
_FAILS = Step("failed_delivery", 0.5, remark="door locked", ndr_code="1", ndr_reason="Customer unavailable")
_ONWARD = replace(_FAILS, share=0.75, remark="nobody answers the bell")

STORIES = {
    story.name: story
    for story in (
        Story("happy", "It arrives", (*_LEAVES, Step("out_for_delivery", 0.8), Step("delivered", 1.0))),
        Story("failed", "Its delivery fails", (*_LEAVES, Step("out_for_delivery", 0.4), replace(_FAILS, share=1.0))),
        Story(
            "ndr_delivered",
            "Its delivery fails, and the second one succeeds",
            (*_LEAVES, Step("out_for_delivery", 0.4), _FAILS, Step("out_for_delivery", 0.9), Step("delivered", 1.0)),
        ),
        Story(
            "rto",
            "Two deliveries fail, and it goes back",
            (
                *_LEAVES,
                Step("out_for_delivery", 0.4),
                _FAILS,
                Step("out_for_delivery", 0.65),
                _ONWARD,
                Step("rto_created", 0.8, leg="rto"),
                Step("rto_intransit", 0.9, leg="rto", location="Pune"),
                Step("rto_delivered", 1.0, leg="rto", location="Pune"),
            ),
        ),
    )
}
"""The stories, by name."""


class Troubles(Struct, frozen=True):
    """What happens to reports on their way: some come *late*, some twice, some never, all in any order."""

    late: bool = False
    doubled: bool = False
    lost: bool = False
    shuffled: bool = False


def told(story: Story, begin: datetime, end: datetime) -> list[Scan]:
    """Return the scans of a story that is told between two times, each at a second of its own."""
    scans: list[Scan] = []
    for step in story.steps:
        at = (begin + (end - begin) * step.share).replace(microsecond=0)
        if scans and at <= scans[-1].at:
            at = scans[-1].at + timedelta(seconds=1)
        scans.append(Scan(step.status, at, step.leg, step.location, step.remark, step.ndr_code, step.ndr_reason))
    return scans


def between(last: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """Return when a story begins and ends: within the last hours, after the *last* thing that is known."""
    begin = now - SPREAD
    return (begin if last is None else max(begin, last + timedelta(seconds=1))), now


def troubled(scans: Sequence[Scan], troubles: Troubles, seed: int = 0) -> list[Scan]:
    """
    Return the scans as they arrive.

    The last one is never lost: without it the story would have another end. What comes late comes after all others.
    """
    chance = Random(seed)  # noqa: S311 - Rule 1
    arriving = [*scans]
    if troubles.lost and len(arriving) > 1:
        arriving.remove(chance.choice(arriving[:-1]))
    if troubles.late and len(arriving) > 1:
        late = chance.choice(arriving[:-1])
        arriving.remove(late)
        arriving.append(late)
    if troubles.doubled and arriving:
        arriving += chance.sample(arriving, k=(len(arriving) + 1) // 2)
    if troubles.shuffled:
        chance.shuffle(arriving)
    return arriving


def calls(courier: str, order_id: str, tracking_id: str, scans: Sequence[Scan]) -> Iterator[dict[str, Any]]:
    """Yield the calls in which a courier reports scans, in that order: one for each, as couriers do."""
    for scan in scans:
        if courier == ESHOPBOX:
            yield _eshopbox(order_id, tracking_id, scan)
        else:
            yield {"events": [_generic(courier, order_id, tracking_id, scan)]}


def _generic(courier: str, order_id: str, tracking_id: str, scan: Scan) -> dict[str, Any]:
    said = {
        "order_id": order_id,
        "tracking_id": tracking_id,
        "leg": scan.leg,
        "status": CODES.get(courier, {}).get(scan.status, scan.status),
        "occurred_at": scan.at.astimezone(UTC).isoformat(),
        "location": scan.location,
        "remark": scan.remark,
        "ndr_code": scan.ndr_code,
        "ndr_reason": scan.ndr_reason,
    }
    return {name: value for name, value in said.items() if value}


def _eshopbox(order_id: str, tracking_id: str, scan: Scan) -> dict[str, Any]:
    said = {
        "customerOrderNumber": order_id,
        "externalShipmentID": tracking_id,
        "statusUpdatedAt": scan.at.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S"),
        "location": scan.location,
        "remark": scan.remark,
        "ndrCode": scan.ndr_code,
        "ndrReason": scan.ndr_reason,
    }
    return {
        "resource": "shipment",
        "eventSubType": scan.status,
        "response_data": {name: value for name, value in said.items() if value},
    }
