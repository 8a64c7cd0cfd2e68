"""Order documents for whole stories: one of our own, and a published one where there is a copy of it."""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lab.stories import SAMPLE_ORDER

Document = dict[str, Any]

SAMPLES = Path(os.environ.get("WAYSTATE_SAMPLES", "../shared/samples"))

ZONE = ZoneInfo("Asia/Kolkata")
"""That of the account which every server in development has."""


def our_document() -> Document:
    """Return our own sample order: two items in one shipment that failed to arrive."""
    document: Document = json.loads(SAMPLE_ORDER.read_text())
    return document


def published_document() -> Document | None:
    """Return the order in the page that describes the portal, if a copy of the page lies beside the samples."""
    page = next(SAMPLES.parent.glob("*/002_*.txt"), None)
    if page is None:
        return None
    text = page.read_text()
    document: Document = json.JSONDecoder().raw_decode(text, text.index('{ "externalChannelID"'))[0]
    return document


def renamed(document: Document, number: str) -> Document:
    """Return the same order under another number, with a shipment and a customer of its own."""
    copy = deepcopy(document)
    copy |= {"orderId": number, "customerOrderNumber": f"C-{number}"}
    phone = f"98{zlib.crc32(number.encode()) % 10**8:08}"
    copy["shippingAddress"] |= {"email": f"{number.lower()}@example.com", "contactPhone": phone}
    for item in copy["items"]:
        item["forwardTrackingTimeline"]["trackingID"] = f"T-{number}"
    return copy


def unreported(document: Document) -> Document:
    """Return the order as it was before anything was reported about it."""
    copy = deepcopy(document)
    for item in copy["items"]:
        item |= {"latestStatus": "", "statusUpdatedAt": "", "latestRemark": "", "ndrDetails": {}}
        item["forwardTrackingTimeline"]["statusLog"] = []
    return copy


def reported(document: Document, log: list[dict[str, str]]) -> Document:
    """Return the order as it is when its shipment's log is that one."""
    copy, last = deepcopy(document), log[-1]
    for item in copy["items"]:
        item |= {
            "latestStatus": last["status"],
            "statusUpdatedAt": last["updatedAt"],
            "latestRemark": last["remark"],
        }
        item["forwardTrackingTimeline"]["statusLog"] = log
    return copy


def subscribed(document: Document, flag: str) -> Document:
    """Return the order with the flag that tells whether its customer is written to."""
    return {**document, "isWhatsAppEnabledForNotifications": flag}


def log_of(document: Document) -> list[dict[str, str]]:
    """Return the log of the order's one shipment."""
    log: list[dict[str, str]] = document["items"][0]["forwardTrackingTimeline"]["statusLog"]
    return log


def tracking_id_of(document: Document) -> str:
    """Return the id of the order's one shipment."""
    return str(document["items"][0]["forwardTrackingTimeline"]["trackingID"])


def shipment_of(document: Document) -> str:
    """Return the key of the order's one shipment."""
    return f"{document['orderId']}:{tracking_id_of(document)}"


def action_of(document: Document, code: str) -> str:
    """Return the words of a resolution, as the order offers it."""
    offered = document["items"][0]["ndrDetails"]["resolutions"]
    return next(str(choice["action"]) for choice in offered if choice["resolutionCode"] == code)


def scans_of(document: Document) -> Iterator[Mapping[str, str]]:
    """Yield what a courier would have reported for the order's log to be as it is."""
    reason = document["items"][0]["ndrDetails"]
    for entry in log_of(document):
        failed = entry["status"] == "failed_delivery"
        told = {"ndr_code": reason["ndrCode"], "ndr_reason": reason["reason"]} if failed else {}
        yield a_scan_of(document, entry, **told)


def a_scan_of(document: Document, entry: Mapping[str, str], **told: str) -> Mapping[str, str]:
    """Return a courier's event about the order's shipment that says what an *entry* of its log does."""
    return {
        "order_id": document["orderId"],
        "tracking_id": tracking_id_of(document),
        "leg": "forward",
        "status": entry["status"],
        "occurred_at": _at(entry).isoformat(),
        "remark": entry["remark"],
        "location": entry["location"],
        **told,
    }


def later(entry: Mapping[str, str], minutes: int, status: str) -> dict[str, str]:
    """Return an entry of a log so many minutes after another."""
    at = _at(entry) + timedelta(minutes=minutes)
    return {"remark": "", "location": "Pune", "status": status, "updatedAt": f"{at:%Y-%m-%d %H:%M:%S}"}


def _at(entry: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(entry["updatedAt"]).replace(tzinfo=ZONE)
