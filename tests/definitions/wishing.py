"""Wishes for tests of composers: what is known of an effect when it is about to be called."""

from collections.abc import Mapping
from typing import Any

from definitions.outgoing import Recipient, Wish
from engine.model import Instance
from tests.builders import MINUTE, NOON

NUMBER = "100000000000001"
PHONE = "919800000042"


def an_instance_of(
    definition: str, state: str, context: Mapping[str, Any], key: str = "K-1", family: str = ""
) -> Instance:
    """Return an instance of a shipped definition that stands in *state*."""
    return Instance(definition, "v-1", key, state, NOON, NOON, 1, context=context, family=family)


def a_wish(name: str, instance: Instance, data: Mapping[str, Any] | None = None, **known: Any) -> Wish:
    """Return the wish of an effect that was decided at noon and is called a minute later."""
    usual = {"now": NOON + MINUTE, "occurred_at": NOON, "phone_number_id": NUMBER}
    return Wish("e-1", name, instance=instance, data=data or {}, **{**usual, **known})


def heard(at: int, whatsapp: str = PHONE) -> Recipient:
    """Return a recipient who last wrote *at* that time."""
    return Recipient("p-1", whatsapp, "Asha Rao", last_inbound_at=at)
