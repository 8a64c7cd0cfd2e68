"""
What a message can tell of the order that it is about, by path: `case.deadline`, `items.count`, `order.orderTotal`.

Source: Eshopbox's order document (definitions/orders/document.py). What couriers said of a shipment and what became of
a case is in their contexts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from definitions.orders.times import USUAL_ZONE
from definitions.outgoing import Wish
from definitions.words.document import USUAL, words_of
from definitions.words.failed_delivery import label_of, reason_of
from definitions.words.saying import Speaker, territory_of
from engine.model import Instance

Kind = Literal["text", "number", "time", "day", "any"]
"""A `time` is the engine's and is said only in a form; a `day` is an ISO date; `any` is what somebody else wrote."""

OPEN = frozenset({"order", "event"})
"""What paths lead on from into what others wrote: the order's document, and what the event brought."""

SHIPMENT, NDR_CASE = "shipment", "ndr_case"

_TIMELINES = ("forwardTrackingTimeline", "returnTrackingTimeline")
"""Where an item of a document says which shipment it travels in."""


class Known(Struct, frozen=True):
    """What is known when a message is written, which the *speaker* says; times are told as it is in *zone*."""

    wish: Wish
    zone: ZoneInfo
    speaker: Speaker

    def value(self, path: str) -> Any:
        """Return what *path* leads to, None if nothing is there."""
        if path in _FACTS:
            return _FACTS[path].value(self.wish)
        if path in _IN_WORDS:
            return _IN_WORDS[path](self.wish, self.speaker)
        root, _, rest = path.partition(".")
        return _inside({"order": self.wish.order, "event": self.wish.data}[root], rest)


def known(wish: Wish, language: str = USUAL) -> Known:
    """Return what a message about *wish* can tell in a *language*, in the usual one if that is none of ours."""
    zone, words = ZoneInfo(wish.account.timezone if wish.account else USUAL_ZONE), words_of()
    return Known(wish, zone, Speaker.of(words, words.known(language) or USUAL, territory_of(zone.key)))


def _inside(value: Any, path: str) -> Any:
    """Return what stands at a dotted *path* in a document of somebody else's."""
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isascii() and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


# Accounts and recipients


def _courier_phone(wish: Wish) -> Any:
    """Return the courier's number for customers: the document's, or what the account has for that courier."""
    phones = wish.account.said().get("courierPhones", {}) if wish.account else {}
    return _tracking(wish).get("courierPhone") or _inside(phones, str(_shipment(wish).get("courier", "")))


# Shipments and their items


def _shipment(wish: Wish) -> Mapping[str, Any]:
    """Return the context of the shipment that a message is about: who asks, whose case asks, or the only one."""
    if wish.instance.definition == SHIPMENT:
        return wish.instance.context
    opened_by = wish.instance.context.get("opened_by")
    shipments = [member for member in wish.family.values() if member.definition == SHIPMENT]
    found = [member for member in shipments if member.key == opened_by] or shipments
    return found[0].context if len(found) == 1 else {}


def _latest(wish: Wish) -> Mapping[str, Any]:
    return _shipment(wish).get("latest") or {}


def _attempts(wish: Wish) -> int:
    return sum(1 for attempt in _shipment(wish).get("attempts", ()) if attempt["counts"])


def _items(wish: Wish) -> Sequence[Mapping[str, Any]]:
    """Return the items of the document that travel in the shipment, or all of them if none is known to."""
    listed = wish.order.get("items")
    items = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
    tracking_id = _shipment(wish).get("tracking_id")
    return [item for item in items if tracking_id and tracking_id in _tracking_ids(item)] or items


def _tracking_ids(item: Mapping[str, Any]) -> set[Any]:
    return {_inside(item, f"{name}.trackingID") for name in _TIMELINES}


def _tracking(wish: Wish) -> Mapping[str, Any]:
    """Return what the document says of the shipment's way."""
    tracking_id = _shipment(wish).get("tracking_id")
    found = [item.get(name) for item in _items(wish) for name in _TIMELINES]
    return next((each for each in found if isinstance(each, Mapping) and each.get("trackingID") == tracking_id), {})


def _count(wish: Wish) -> int:
    quantities = [item.get("quantity", 1) for item in _items(wish)]
    return sum(quantity for quantity in quantities if isinstance(quantity, int))


def _first_item(wish: Wish) -> Any:
    return next((item.get("productName") for item in _items(wish)), None)


def _line(wish: Wish) -> Any:
    """Return the items in a few words: the first, and how many more there are."""
    more = _count(wish) - 1
    return f"{_first_item(wish)} and {more} more" if more > 0 else _first_item(wish)


# Cases


def _case(wish: Wish) -> Instance | None:
    return wish.instance if wish.instance.definition == NDR_CASE else None


def _of_case(wish: Wish, name: str) -> Any:
    case = _case(wish)
    return None if case is None else case.context.get(name)


def _reason(wish: Wish, speaker: Speaker) -> str:
    case = _case(wish)
    return reason_of({} if case is None else case.context, speaker)


def _choice(wish: Wish, speaker: Speaker) -> str:
    chosen = _of_case(wish, "resolution")
    return label_of(str(_inside(chosen, "resolutionCode")), speaker) or str(_inside(chosen, "action") or "")


def _deadline(wish: Wish) -> int | None:
    """Return until when the customer may choose: as the case has it, or as its last timer does."""
    case = _case(wish)
    until = _of_case(wish, "window_until")
    if isinstance(until, int):
        return until
    return max((timer.at for timer in case.timers), default=None) if case else None


class _Fact(Struct, frozen=True):
    kind: Kind
    value: Callable[[Wish], Any]


_FACTS: Mapping[str, _Fact] = {
    "recipient.name": _Fact("text", lambda wish: wish.recipient.name),
    "account.name": _Fact("text", lambda wish: wish.account.name if wish.account else None),
    "account.slug": _Fact("text", lambda wish: wish.account.slug if wish.account else None),
    "items.count": _Fact("number", _count),
    "items.first": _Fact("text", _first_item),
    "items.line": _Fact("text", _line),
    "shipment.tracking_id": _Fact("text", lambda wish: _shipment(wish).get("tracking_id")),
    "shipment.courier": _Fact("text", lambda wish: _shipment(wish).get("courier")),
    "shipment.courier_phone": _Fact("text", _courier_phone),
    "shipment.place": _Fact("text", lambda wish: _latest(wish).get("location")),
    "shipment.remark": _Fact("text", lambda wish: _latest(wish).get("remark")),
    "shipment.attempts": _Fact("number", _attempts),
    "case.deadline": _Fact("time", _deadline),
    "case.day": _Fact("day", lambda wish: _inside(_of_case(wish, "resolution"), "deferredDate")),
    "event.at": _Fact("time", lambda wish: wish.occurred_at),
}

_IN_WORDS: Mapping[str, Callable[[Wish, Speaker], str]] = {"case.reason": _reason, "case.choice": _choice}
"""What is told in the catalogue's words (definitions/words), in the language of the message."""

PATHS: Mapping[str, Kind] = {path: fact.kind for path, fact in _FACTS.items()} | dict.fromkeys(_IN_WORDS, "text")
"""Every path that is known beforehand, with the kind of its value."""
