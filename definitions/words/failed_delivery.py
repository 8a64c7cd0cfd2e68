"""
A failed delivery in words: why it failed, what can be chosen, and what was.

Rule: a reason or a choice is called the same on the page, in the chat and in the Flow.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from definitions.orders import ndr
from definitions.words.saying import Speaker


def reason_of(context: Mapping[str, Any], speaker: Speaker) -> str:
    """Return why the delivery of a case failed: in our words where its code has some, else in the courier's."""
    code = str(context.get("ndr_code") or ndr.UNKNOWN_CODE)
    courier_s = str(context.get("ndr_reason") or "")
    if courier_s and (code not in ndr.REASONS or code == ndr.UNKNOWN_CODE):
        return courier_s
    why = ndr.reason(code)
    return speaker.name_of(f"reason.{why.name}", why.label)


def label_of(code: str, speaker: Speaker) -> str:
    """Return what a choice is called, "" if it is none of ours."""
    return speaker.name_of(f"choice.{code}.label", "")


def hint_of(code: str, speaker: Speaker) -> str:
    """Return what comes of a choice."""
    return speaker.name_of(f"choice.{code}.hint", "")


def chosen_in_words(resolution: Mapping[str, str], speaker: Speaker) -> str:
    """Return what a case keeps as chosen, as a sentence, "" if nothing was."""
    key, day = f"choice.{resolution.get('resolutionCode', '')}.chosen", resolution.get("deferredDate", "")
    if key in speaker.texts:
        return speaker.say(key, day=speaker.day(date.fromisoformat(day)) if day else "")
    return resolution.get("action", "")
