"""
Consent: whose word is the last one, and what two persons' consents are together.

A message's time is a whole second, so that of two within one second nobody can say which was the last.

Rule 1: what people said last counts by when they said it, never by when we heard it.
Rule 2: in doubt the stricter counts: who may have said stop after saying start has stopped.
Rule 3: of two persons who turn out to be one, the stricter consent stays: unsubscribed, then paused, then never asked
        for, then subscribed. Which of them a state is, its tags say.
"""

from typing import Any

from msgspec import Struct

from definitions.binding import guard
from engine.model import Event, Instance

SAID, ASKED = "said", "asked"
"""The names under which a subscription has when it was last spoken of, and whether its person has been asked."""

OPT_IN, OPT_OUT = "opt_in", "opt_out"


class Span(Struct, frozen=True):
    """When something was said: not before *at*, not after *until*."""

    at: int
    until: int


NEVER = Span(-1, -1)


@guard
def is_answered(instance: Instance, event: Event) -> bool:  # noqa: ARG001 - every guard is asked the same way
    """Tell whether who said it is to be answered in the chat."""
    return bool(event.data.get("answered"))


@guard
def other_is(instance: Instance, event: Event, tag: str) -> bool:  # noqa: ARG001 - likewise
    """Tell whether the other person's subscription has *tag*."""
    return tag in event.data.get("other", ())


def last_said(instance: Instance) -> Span:
    """
    Return when a subscription's person last said what they want.

    What came by another way than these, from staff say, was said when it was recorded.
    """
    said = instance.context.get(SAID)
    if said is not None and said["step"] == instance.steps:
        return Span(said["at"], said["until"])
    return Span(instance.updated_at, instance.updated_at) if instance.steps else NEVER


def is_outdated(instance: Instance, name: str, said: Span) -> bool:
    """Return whether an event *name* that was said then is less than what the subscription's person said since."""
    last = last_said(instance)
    return said.at < last.until if name == OPT_IN else said.until < last.at


def remembered(instance: Instance, *said: Span) -> dict[str, Any]:
    """Return what the context keeps of when its person last said something, with the step that comes next."""
    spans = [last_said(instance), *said]
    at, until = max(span.at for span in spans), max(span.until for span in spans)
    return {SAID: {"at": at, "until": until, "step": instance.steps + 1}}
