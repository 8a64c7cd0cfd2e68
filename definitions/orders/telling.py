"""
Composes what couriers are told of a customer's choice, and what staff are told.

Rule 1: a courier is told what the case says now: a choice that another has followed is not sent.
Rule 2: couriers are told about one shipment after the other in the order in which that was decided.
"""

from collections.abc import Mapping
from typing import Any

from definitions.orders.couriers import NotAsked, courier_call, silence_choice
from definitions.outgoing import HttpCall, Nothing, Wish

CLOSED = "closed"
"""The tag of the states of a case in which nothing is to be done for it any more."""

SHIPMENT = "shipment"


def resolution(wish: Wish) -> HttpCall | Nothing:
    """Compose the call that tells the courier what the customer chose."""
    chosen: Mapping[str, str] = wish.instance.context.get("resolution", {})
    if "resolutionCode" not in chosen:
        return Nothing("nothing_chosen")
    if any(wish.data.get(name) != value for name, value in chosen.items()):
        return Nothing("superseded", quiet=True)
    return _told(wish, chosen)


def silence(wish: Wish) -> HttpCall | Nothing:
    """Compose the call that tells the courier what happens since nobody answered, if it wants to be told."""
    chosen = silence_choice(wish.courier) if wish.courier else None
    if chosen is None:
        return Nothing("the courier goes on by itself", status="done")
    return _told(wish, chosen)


def alert(_: Wish) -> Nothing:
    """Return that staff are told: they see it where effects are listed, and in the figures."""
    return Nothing("for staff", status="done")


def _told(wish: Wish, chosen: Mapping[str, str]) -> HttpCall | Nothing:
    shipment = wish.family.get((SHIPMENT, str(wish.instance.context.get("opened_by", ""))))
    if CLOSED in wish.tags:
        return Nothing("closed", quiet=True)
    if wish.courier is None or shipment is None:
        return Nothing("no_courier")
    known: Mapping[str, Any] = shipment.context
    try:
        call = courier_call(wish.courier, wish.instance.context, known, wish.order, chosen, wish.id)
    except NotAsked as refusal:
        fields = f": {', '.join(refusal.fields)} missing" if refusal.fields else ""
        return Nothing(f"cannot be asked to {refusal.action}{fields}")
    courier = wish.courier
    lane = f"courier/{known.get('tracking_id', shipment.key)}"
    return HttpCall(
        lane,
        call.url,
        call.body,
        courier=courier.name,
        headers=call.headers,
        token_header=courier.token_header,
        key_header=courier.key_header,
        answers_later=courier.answers_later,
    )
