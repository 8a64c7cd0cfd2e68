"""
What becomes of a person's subscriptions when the person says something about them: decided here, committed elsewhere.

Rule 1: what is about several categories is one decision, and answered once.
Rule 2: who stops updates about orders while one is on its way is asked first, and if they stop them with a failed
        delivery still open, staff are told. Who says stop again, asked or not, has stopped.
Rule 3: what changes nothing is noted and not answered; so is what was said before what counts now.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from api.aliases import SUBSCRIBED
from definitions.catalogue import Catalogue
from definitions.people.consent import ASKED, OPT_IN, OPT_OUT, SAID, Span, is_outdated, remembered
from definitions.people.keywords import Meaning
from engine.model import Event, Instance, Step

ORDER_UPDATES, MARKETING = "order_updates", "marketing"

STOP_REQUESTED, STOP_DECLINED, STRANDED = "stop_requested", "stop_declined", "stranded"

OUTDATED, REPEATED = "outdated", "repeated"
"""Why something that a person said was only noted."""


class Hearing:
    """
    One decision in the making about a person's subscriptions, by category: say what is heard, then take the `steps`.

    *heard* is what all of them hear: an event of no name yet, whose data is kept with each step and whose `evidence` is
    kept with the subscription. *said* is when it was said.
    """

    def __init__(self, catalogue: Catalogue, subscriptions: Mapping[str, Instance], heard: Event, said: Span) -> None:
        self._catalogue = catalogue
        self._subscriptions = dict(subscriptions)
        self._heard = heard
        self._said = said
        self.steps: list[Step] = []

    def ask(self, meaning: Meaning) -> None:
        """Take what a person must be asked about, or staff are to do."""
        for category in meaning.categories:
            self._tell_or_note(category, meaning.event)

    def start(self, categories: Sequence[str], *, answered: bool = True) -> None:
        """Let a person be written to about *categories*."""
        started = [category for category in categories if not self._outdated(category, OPT_IN)]
        moving = [category for category in started if self._allows(category, OPT_IN)]
        for category in categories:
            data = {"answered": answered and category in moving[:1], "started": started}
            self._tell_or_note(category, OPT_IN, data)

    def stop(
        self, meaning: Meaning, *, undelivered: bool = False, open_cases: Sequence[str] = (), answered: bool = True
    ) -> None:
        """Let a person not be written to any more, but for what they are to be asked about."""
        asked = meaning.asks_about if undelivered and self._is_to_ask(meaning.asks_about) else ""
        stopped = [each for each in meaning.categories if each != asked and not self._outdated(each, OPT_OUT)]
        moving = [category for category in stopped if self._allows(category, OPT_OUT)]
        answering = [] if asked or not answered else moving[:1]
        for category in meaning.categories:
            if category == asked:
                self._tell(category, STOP_REQUESTED, {"cases": [*open_cases]}, {ASKED: True})
            else:
                self._tell_or_note(category, OPT_OUT, {"answered": category in answering, "stopped": stopped})
        if ORDER_UPDATES in moving and open_cases and self._allows(ORDER_UPDATES, STRANDED):
            self._tell(ORDER_UPDATES, STRANDED, {"cases": [*open_cases]}, {})
        if meaning.keeps and self._is_asked(meaning.keeps) and not self._outdated(meaning.keeps, OPT_OUT):
            self._decline(meaning.keeps, stopped, answered=bool(answering))

    def _decline(self, category: str, stopped: Sequence[str], *, answered: bool) -> None:
        """Let a person go on with what they were asked about; what they stopped is confirmed if it was not."""
        data, assign = {"stopped": [*stopped]}, {ASKED: False}
        if answered or not self._allows(category, STOP_DECLINED):
            self._note(category, STOP_DECLINED, STOP_DECLINED, data, assign)
        else:
            self._tell(category, STOP_DECLINED, data, assign)

    def _is_to_ask(self, category: str) -> bool:
        """Return whether a person who says stop may not mean this, and was not asked yet."""
        if category not in self._subscriptions or self._outdated(category, OPT_OUT):
            return False
        subscription = self._subscriptions[category]
        runs = self._catalogue.interpreter(subscription.definition, subscription.version)
        is_subscribed = SUBSCRIBED in runs.states[subscription.state].tags
        return is_subscribed and self._allows(category, STOP_REQUESTED) and not self._is_asked(category)

    def _is_asked(self, category: str) -> bool:
        return bool(self._subscriptions[category].context.get(ASKED))

    def _outdated(self, category: str, name: str) -> bool:
        return is_outdated(self._subscriptions[category], name, self._said)

    def _allows(self, category: str, name: str) -> bool:
        subscription = self._subscriptions[category]
        return name in self._catalogue.interpreter(subscription.definition, subscription.version).allowed(subscription)

    def _tell_or_note(self, category: str, name: str, data: Mapping[str, Any] = {}) -> None:
        """Let a subscription take an event, or note it if it is outdated or changes nothing."""
        speaks = name in (OPT_IN, OPT_OUT)
        if speaks and self._outdated(category, name):
            self._note(category, name, OUTDATED, data, {})
        elif self._allows(category, name):
            said = {**remembered(self._subscriptions[category], self._said), ASKED: False} if speaks else {}
            self._tell(category, name, data, said)
        else:
            said = remembered(self._subscriptions[category], self._said) if speaks else {}
            self._note(category, name, REPEATED, data, said)

    def _tell(self, category: str, name: str, data: Mapping[str, Any], assign: Mapping[str, Any]) -> None:
        subscription = self._subscriptions[category]
        runs = self._catalogue.interpreter(subscription.definition, subscription.version)
        evidence = {"evidence": self._heard.data["evidence"]} if SAID in assign else {}
        self._take(category, runs.step(subscription, self._event(category, name, data, {**assign, **evidence})))

    def _note(self, category: str, name: str, outcome: str, data: Mapping[str, Any], assign: Mapping[str, Any]) -> None:
        subscription = self._subscriptions[category]
        runs = self._catalogue.interpreter(subscription.definition, subscription.version)
        self._take(category, runs.note(subscription, self._event(category, name, data, assign), outcome))

    def _event(self, category: str, name: str, data: Mapping[str, Any], assign: Mapping[str, Any]) -> Event:
        """Return an event of what is heard; what it assigns says too that the subscription was spoken of."""
        heard = self._heard
        event_id = f"{heard.id}/{name}" if any(step.event.id == heard.id for step in self._of(category)) else heard.id
        said = remembered(self._subscriptions[category])
        return Event(
            event_id,
            name,
            heard.at,
            heard.received_at,
            {**heard.data, **data},
            {**heard.assign, **said, **assign},
            heard.actor,
        )

    def _of(self, category: str) -> list[Step]:
        subscription = self._subscriptions[category]
        return [step for step in self.steps if step.after.id == subscription.id]

    def _take(self, category: str, step: Step) -> None:
        self.steps.append(step)
        self._subscriptions[category] = step.after
