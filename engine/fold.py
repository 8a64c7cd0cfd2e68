"""
Facts that arrive late, twice and out of order.

Rule 1: the state is the pinned machine run from `initial` over the facts sorted by (time, rank, id), never over their
        arrivals: any permutation and duplication of the same facts gives the same state, timeline and declared effects.
Rule 2: the fold is total. A fact that the machine does not take is `ignored`; one that contradicts a final state is a
        `conflict`, for people to settle. How they settle it is a fact like any other: it names the one that it is
        about, and what it says holds wherever in the timeline that one comes to stand.
Rule 3: two reports of the same thing are one fact, whoever sent them; what each knew is merged in an order-free way.
"""

import bisect
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from engine.errors import StepError
from engine.interpreter import TIMER, Interpreter
from engine.model import SECOND, Effect, Event, Instance, Raise, Step

Outcome = Literal["applied", "ignored", "conflict"]
Addition = Literal["new", "merged", "known"]

SKEW = 10 * 60 * SECOND
"""A fact said to have happened this long after it was received has a wrong clock behind it: flagged, never moved."""

ACCEPTED, DISMISSED = "conflict_accepted", "conflict_dismissed"
"""The facts by which people settle a conflict: what contradicts the end is true after all, or it is not."""

SETTLING = (ACCEPTED, DISMISSED)

ABOUT = "fact"
"""The detail of such a fact that has the id of the one in conflict."""


_DETAIL = re.compile(r"\{(\w+)\}")


class Fact(Struct, frozen=True):
    """
    Something an outside party saw happen to an instance, at a second of its own clock.

    *details* are texts (a place, a remark, a reason's code); *received_at* is when the first report of it reached us.
    """

    name: str
    at: int
    received_at: int
    details: Mapping[str, str] = {}
    source: str = ""

    def __post_init__(self) -> None:
        """Cut the time to its second: within one, two reports are of the same thing."""
        force_setattr(self, "at", self.at - self.at % SECOND)

    @property
    def id(self) -> str:
        """Return the fact's identity within its instance, whoever reported it: what happened, in which second."""
        return f"{self.name}@{second_of(self.at)}"

    @property
    def skewed(self) -> bool:
        """Return whether it claims to have happened well after it was received."""
        return self.at > self.received_at + SKEW

    def merged(self, other: "Fact") -> "Fact":
        """Return what two reports of this fact know together; which came first makes no difference."""
        details = {
            name: max(self.details.get(name, ""), other.details.get(name, ""))
            for name in sorted(self.details.keys() | other.details.keys())
        }
        received_at, source = min((self.received_at, self.source), (other.received_at, other.source))
        return replace(self, received_at=received_at, source=source, details=details)


class Entry(Struct, frozen=True):
    """A fact in its place in the timeline: what it did, and the instance after it."""

    fact: Fact
    outcome: Outcome
    step: Step | None
    after: Instance


class Telling(Struct, frozen=True):
    """What an entry of a timeline tells another instance of the family: *raised*, with the key it resolves to."""

    raised: Raise
    key: str
    entry: Entry


class Declared(Struct, frozen=True):
    """What a timeline asks for: the effects of its steps by their keys, and its tellings by their identities."""

    effects: dict[str, tuple[Effect, Entry]]
    tellings: dict[str, Telling]


class Fold:
    """The timeline of one instance, kept sorted while facts are added in any order."""

    def __init__(self, interpreter: Interpreter, initial: Instance, facts: Iterable[Fact] = ()) -> None:
        self._interpreter = interpreter
        self._initial = initial
        self._keys: list[tuple[int, int, str]] = []
        self._settled: dict[str, tuple[int, str]] = {}
        self.entries: list[Entry] = []
        for fact in sorted(facts, key=self._place):  # each is then the last so far, and none runs twice
            self.add(fact)

    @property
    def instance(self) -> Instance:
        """Return the instance after the whole timeline."""
        return self.entries[-1].after if self.entries else self._initial

    def find(self, fact_id: str) -> Entry:
        """Return the entry of the fact of that id, which is in the timeline."""
        return next(entry for entry in self.entries if entry.fact.id == fact_id)

    def add(self, fact: Fact) -> Addition:
        """Put *fact* in its place, or merge it with the report of it that is there."""
        key = self._place(fact)
        place = bisect.bisect_left(self._keys, key)
        tail = [entry.fact for entry in self.entries[place:]]
        if place < len(self._keys) and self._keys[place] == key:
            addition: Addition = "known" if tail[0].merged(fact) == tail[0] else "merged"
            tail[0] = tail[0].merged(fact)
        else:
            addition = "new"
            self._keys.insert(place, key)
            tail.insert(0, fact)
        if addition != "known":
            if fact.name in SETTLING:
                tail = [*(entry.fact for entry in self.entries[:place]), *tail]
                place = 0
                self._settle(tail)
            del self.entries[place:]
            for later in tail:
                self.entries.append(self._run(later))
        return addition

    def _place(self, fact: Fact) -> tuple[int, int, str]:
        """Return by what *fact* is sorted."""
        return fact.at, self._interpreter.rank.get(fact.name, len(self._interpreter.states)), fact.id

    def _settle(self, facts: Iterable[Fact]) -> None:
        """Remember what people said of facts in conflict: the latest word holds."""
        self._settled = {}
        for fact in facts:
            if fact.name in SETTLING:
                about = fact.details.get(ABOUT, "")
                self._settled[about] = max(self._settled.get(about, (fact.at, "")), (fact.at, fact.name))

    def _run(self, fact: Fact) -> Entry:
        """Return what *fact* does after the entries so far."""
        if fact.name in SETTLING:
            return Entry(fact, "applied", None, self.instance)
        # Guards and timers hear what the facts before this one say, not what was stored of a timeline that was longer.
        heeds = fact.name in self._heeded
        instance = replace(self.instance, context=self.context(self._initial.context)) if heeds else self.instance
        # What is due or told because of a fact runs from when it could be known, not from a clock that is ahead.
        event = Event(fact.id, fact.name, min(fact.at, fact.received_at), fact.received_at, data=fact.details)
        try:
            step = self._interpreter.step(instance, event)
        except StepError:
            outcome = self._refused(fact)
            found = self._found(instance, event) if outcome == "conflict" else None
            if found is None:
                return Entry(fact, outcome, None, self._interpreter.disarmed(self.instance, event))
            step = found
        return Entry(fact, "applied", step, step.after)

    @cached_property
    def _heeded(self) -> frozenset[str]:
        """Return the facts of which a guard or a timer asks what those before them said."""
        definition = self._interpreter.definition
        timed = {timer.state for timer in definition.timers if timer.at is not None}
        return frozenset(
            arrow.event
            for arrow in definition.transitions
            if arrow.guard or arrow.target in timed or any(told.guard for told in arrow.raises)
        )

    def _refused(self, fact: Fact) -> Outcome:
        """Return why a fact was not taken: it contradicts a final state, or it is no matter."""
        if not self._final(self.instance) or fact.name in self._remarks or fact.source == TIMER:
            return "ignored"
        cause = next((entry.fact.name for entry in reversed(self.entries) if entry.step is not None), "")
        _, verdict = self._settled.get(fact.id, (0, ""))
        return "ignored" if fact.name == cause or verdict == DISMISSED else "conflict"

    @cached_property
    def _remarks(self) -> frozenset[str]:
        """Return the facts that never move an instance, so that they contradict nothing."""
        arrows = self._interpreter.definition.transitions
        moving = {arrow.event for arrow in arrows if arrow.source != arrow.target}
        return frozenset(arrow.event for arrow in arrows) - moving

    def _found(self, instance: Instance, event: Event) -> Step | None:
        """
        Return the step of a fact that people say is true after all.

        It leads on from where the instance was before its end or, if that is where it leads, from the beginning: what
        happens again after an end happens anew.
        """
        _, verdict = self._settled.get(event.id, (0, ""))
        if verdict != ACCEPTED:
            return None
        before = next((e.after for e in reversed(self.entries) if not self._final(e.after)), self._initial)
        for start in (before.state, self._initial.state):
            with suppress(StepError):
                step = self._interpreter.step(replace(instance, state=start, path=before.path), event)
                if step.after.state != start:
                    return step
        return None

    def _final(self, instance: Instance) -> bool:
        return self._interpreter.states[instance.state].final

    def timeline(self) -> list[tuple[Fact, Outcome]]:
        """Return the facts in order with what became of each."""
        return [(entry.fact, entry.outcome) for entry in self.entries]

    def context(self, base: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the instance's context as the definition's projection makes it from *base* and the timeline."""
        projection = self._interpreter.projection
        return {**base, **projection(self.timeline())} if projection else base

    def declared(self) -> Declared:
        """
        Return all that the timeline's steps ask for.

        A telling without a key goes to what the timeline opened last before it, and so does one whose key takes a
        detail that the fact lacks; if it opened nothing, nobody is told.
        """
        declared = Declared({}, {})
        opened: dict[str, list[str]] = {}
        for entry in self.entries:
            if entry.step is None:
                continue
            for effect in entry.step.effects:
                declared.effects[effect.key] = effect, entry
            for told in self._interpreter.raised(entry.step):
                key = self._hearer(told, entry.fact, opened.get(told.definition, []))
                declared.tellings[f"{entry.fact.id}/{told.definition}/{key}/{told.event}"] = Telling(told, key, entry)
                if told.opens:
                    opened.setdefault(told.definition, []).append(key)
        return declared

    def _hearer(self, told: Raise, fact: Fact, opened: list[str]) -> str:
        """Return the key of whom *fact* tells, "" for nobody: of what could have been *opened*, only what was."""
        key = key_of(told, self._initial.key, fact.at, fact.details)
        if told.opens:
            return key
        if not key:
            return opened[-1] if opened else ""
        return key if key in opened or told.definition not in self._openable else ""

    @cached_property
    def _openable(self) -> frozenset[str]:
        """Return the definitions whose instances the timeline may open."""
        arrows = self._interpreter.definition.transitions
        return frozenset(told.definition for arrow in arrows for told in arrow.raises if told.opens)


def key_of(told: Raise, teller: str, at: int, details: Mapping[str, Any] | None = None) -> str:
    """
    Return the key that a raise's template means for the instance *teller* and an event *at* that time with *details*.

    It is "" where the template takes a detail that there is not.
    """
    known = {**(details or {}), "key": teller, "second": second_of(at)}
    names = _DETAIL.findall(told.key)
    return _DETAIL.sub(lambda found: str(known[found[1]]), told.key) if all(known.get(name) for name in names) else ""


@lru_cache(4096)  # a fact is named by its second again and again
def second_of(at: int) -> str:
    """Return the UTC second of a time, as `YYYYMMDDTHHMMSSZ`."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
