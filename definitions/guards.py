"""The guards that the shipped definitions use. Each is a fact about an instance and an event."""

from zoneinfo import ZoneInfo

from definitions.binding import guard
from definitions.orders import ndr
from definitions.orders.timeline import named_attempt
from definitions.orders.times import USUAL_ZONE
from engine.inference import GOES_TO
from engine.model import Event, Instance


@guard
def goes_to(instance: Instance, event: Event, screen: str) -> bool:  # noqa: ARG001 - every guard is asked the same way
    """Tell whether the event leads to *screen*: as its logic answered, or as the phone must have gone."""
    return bool(event.data.get(GOES_TO) == screen)


@guard
def came_from(instance: Instance, event: Event, screen: str) -> bool:
    """Tell whether *screen* is the one before the current one on the way here, and the event leads nowhere else."""
    before = len(instance.path) > 1 and instance.path[-2] == screen
    return before and event.data.get(GOES_TO, screen) == screen


@guard
def is_late(instance: Instance, event: Event) -> bool:
    """Tell whether the fact behind the event reached us too late to act on it, or after the courier's window."""
    window_until = instance.context.get("window_until")
    return bool(event.data.get("late")) or (window_until is not None and event.received_at >= window_until)


@guard
def counts_as_attempt(instance: Instance, event: Event) -> bool:  # noqa: ARG001
    """Tell whether a failed delivery counts as an attempt, by the courier's reason code."""
    return ndr.reason(event.data.get("ndr_code", "")).counts


@guard
def is_an_attempt(instance: Instance, event: Event) -> bool:
    """Tell whether what the courier says of an attempt is about one that it made."""
    return named_attempt(instance.context, event.data) is not None


@guard
def resolution_is_offered(instance: Instance, event: Event) -> bool:
    """Tell whether the customer chose what the case offers by its reason and its courier's terms."""
    zone = ZoneInfo(instance.context.get("timezone", USUAL_ZONE))
    # A choice is judged by when it was made: a message may reach us later than that.
    return ndr.is_offered(event.data, ndr.choices(instance.context, {}, event.at, zone))


@guard
def was_asked_before(instance: Instance, event: Event) -> bool:
    """Tell whether the customer was asked before the reminder was due: who was asked after that is not reminded."""
    return bool(event.at >= instance.context.get("customer_asked_at", 0))


@guard
def no_shipment_yet(instance: Instance, event: Event) -> bool:  # noqa: ARG001
    """Tell whether no courier has reported anything about any shipment."""
    tags = event.data["tags"]
    return bool(tags.get("expected", 0) + tags.get("never_seen", 0) == event.data["members"])


@guard
def some(instance: Instance, event: Event, *tags: str) -> bool:  # noqa: ARG001
    """Tell whether some shipment has one of these tags."""
    return any(event.data["tags"].get(tag) for tag in tags)


@guard
def every(instance: Instance, event: Event, *tags: str) -> bool:
    """
    Tell whether every shipment has one of these tags, and no item waits for a shipment.

    Returns that the customer asked for are shipments of their own and do not count.
    """
    having = sum(event.data["tags"].get(tag, 0) for tag in (*tags, "customer_return"))
    return bool(having == event.data["members"] and not instance.context.get("unassigned_items"))
