"""
Couriers' events as we take them, whatever their shape on the wire.

Rule 1: an event's identity is its courier's, or made from what it says: the same event again is the same identity.
Rule 2: an event that nothing here answers to is parked, never dropped: a scan may come before its order.
"""

import hashlib

from msgspec import Struct

from definitions.orders.words import fact_name
from engine.fold import Fact
from engine.model import SECOND

TOO_FAR_AHEAD = 24 * 3600 * SECOND
"""An event said to happen this long after it was received is parked: its clock tells nothing."""


class Scan(Struct, frozen=True):
    """
    What a courier saw: *status* of the shipment *tracking_id* of the order that is called *order_ref*.

    *at* is in engine time, to the second; *details* are remark, location, ndr_code and ndr_reason, as far as known.
    """

    id: str
    order_ref: str
    tracking_id: str
    leg: str
    status: str
    at: int
    details: dict[str, str] = {}

    @property
    def name(self) -> str:
        """Return the name of the fact that this is."""
        return fact_name(self.leg, self.status)

    def fact(self, received_at: int, source: str) -> Fact:
        """Return the fact that this is."""
        return Fact(self.name, self.at, received_at, self.details, source)


def derived_id(tracking_id: str, leg: str, status: str, at: int) -> str:
    """Return the identity of an event that came without one."""
    text = "\0".join((tracking_id, fact_name(leg, status), str(at)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
