"""
A decision over several instances: an order, its shipments and their NDR cases move together or not at all.

Rule 1: who tells whom stands in the definitions (`raises`), not here.
Rule 2: the family's root is in every decision, so that two decisions about one family never pass each other unseen.
Rule 3: what a fact tells others has an identity made from both; a new fold delivers only what is new.
Rule 4: who is told by facts stands where the last of them puts it. What comes to stand before something that it was
        told already is not told any more, so that the end is the same in whatever order the facts came.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from engine.errors import NoTransition, StepError
from engine.fold import SETTLING, Addition, Declared, Entry, Fact, Fold, Outcome, Telling, key_of
from engine.interpreter import GuardFunction, Interpreter, Projection
from engine.model import SECOND, Definition, Event, Instance, Raise, Step, born
from engine.ports import Decision, FamilyRecord, Identity, Row

FRESH = 24 * 3600 * SECOND
"""What a fact asks for is no longer done when the fact reached us later than this after it happened."""

WITHDRAWN = "withdrawn"
"""The event that an instance hears when the fact that opened it turns out not to count."""

InterpreterOf = Callable[[str, str | None], Interpreter]
"""`(definition, version or None for the current one) -> Interpreter`."""


Opening = Callable[[Instance, Event, int], Mapping[str, Any]]
"""`(teller, event, when it could be known) -> what the context of an instance begins with that it opens`, pure."""


class OpenedInterpreter(Interpreter):
    """Runs a definition whose instances others of the family open; *opening* says what such an instance begins with."""

    def __init__(
        self,
        definition: Definition,
        guards: Mapping[str, GuardFunction],
        projections: Mapping[str, Projection],
        opening: Opening,
    ) -> None:
        super().__init__(definition, guards, projections)
        self.opening = opening


def family_of(root: tuple[str, str]) -> str:
    """Return the name of the family whose root is that (definition, key)."""
    return "/".join(root)


def acted(interpreter_of: InterpreterOf, instance: Instance, record: FamilyRecord, *events: Event) -> Decision:
    """
    Return the decision that *instance* takes *events*, one after the other.

    *record* is its family as it was read with it; an instance without one needs none.

    Raises:
        StepError: it cannot take one of them.
    """
    interpreter, now = interpreter_of(instance.definition, instance.version), events[0].received_at
    if not instance.family:
        steps: list[Step] = []
        for event in events:
            steps.append(interpreter.step(steps[-1].after if steps else instance, event))
        return Decision(recorded_at=now, steps=tuple(steps))
    definition, _, key = instance.family.partition("/")
    root = definition, key
    family = Family(interpreter_of, root, record, now)
    for event in events:
        member = family.members[instance.id]
        if event.name not in family.allowed(member):
            raise NoTransition(member, event, family.allowed(member))
        if interpreter.definition.ordering == "event_time":
            details = {name: value for name, value in event.data.items() if isinstance(value, str)}
            family.receive(member, [Fact(event.name, event.at, event.received_at, details, event.actor)])
        elif member.id == root:
            family.tell_root(event.name, event.id)
        else:
            family.apply(member, event)
    return family.decision()


class Reception(Struct, frozen=True):
    """What became of a fact that was offered: its outcome in the timeline as it is now, and whether it was new."""

    fact: Fact
    outcome: Outcome
    addition: Addition


class Family:
    """
    One decision in the making: apply events and facts to members, then take the `decision`.

    *root* is the (definition, key) of the family's root and *record* what the store has of the family. *now* is when
    what is being decided was received.
    """

    def __init__(self, interpreter_of: InterpreterOf, root: tuple[str, str], record: FamilyRecord, now: int) -> None:
        self._interpreter_of = interpreter_of
        self._root = root
        self._now = now
        self._stored = {instance.id: instance for instance in record.instances}
        self._stored_facts = record.facts
        self._folds: dict[tuple[str, str], Fold] = {}
        self._root_events: dict[str, str] = {}
        self._steps: list[Step] = []
        self._facts: list[tuple[tuple[str, str], Fact]] = []
        self._withdrawn: list[str] = []
        self.members: dict[tuple[str, str], Instance] = dict(self._stored)

    def open(self, definition: str, key: str, context: Mapping[str, Any], at: int | None = None) -> Instance:
        """Return the member of that definition and key: the one there is, or one born *at* that time with *context*."""
        member = self.members.get((definition, key))
        if member is None:
            current = self._interpreter_of(definition, None).definition
            born_at = self._now if at is None else at
            newborn = born(current, key, born_at, family=family_of(self._root), context=context)
            member = self._interpreter(newborn).waiting(newborn)
            self.members[member.id] = member
        return member

    def amend(self, member: Instance, assign: Mapping[str, Any]) -> None:
        """Let *assign* join the member's context, with the step it takes in this decision or without one."""
        current = self.members[member.id]
        amended = self.members[member.id] = replace(current, context={**current.context, **assign})
        for place, step in enumerate(self._steps):
            if step.after is current:
                self._steps[place] = replace(step, after=amended)

    def timeline(self, member: Instance) -> list[tuple[Fact, Outcome]]:
        """Return the member's facts in order, with what became of each."""
        return self._fold(member).timeline()

    def allowed(self, member: Instance) -> tuple[str, ...]:
        """Return the events that a member takes: those of its state, and what settles facts of it that conflict."""
        interpreter, current = self._interpreter(member), self.members[member.id]
        events = interpreter.allowed(current)
        if interpreter.definition.ordering == "arrival":
            return events
        settled = any(outcome == "conflict" or fact.name in SETTLING for fact, outcome in self.timeline(current))
        return (*events, *SETTLING) if settled else events

    def apply(self, member: Instance, event: Event) -> Step:
        """
        Apply *event* to *member* and tell the others what that raises.

        Raises:
            StepError: the event cannot be applied; nobody was told.
        """
        interpreter = self._interpreter(member)
        step = interpreter.step(self.members[member.id], event)
        self._take(step)
        for told in interpreter.raised(step):
            heard = replace(event, id=f"{member.key}/{event.id}", data={"late": False, **event.data})
            self._tell(told, key_of(told, member.key, event.at, event.data), member, heard)
        return step

    def tell_root(self, name: str, event_id: str) -> None:
        """Let the root hear the event *name* when all is settled; several of a name are heard once."""
        self._root_events[name] = event_id

    def receive(self, member: Instance, facts: Iterable[Fact]) -> list[Reception]:
        """Put *facts* into the member's timeline. Each that is news is a step, from the state before it came."""
        fold = self._fold(member)
        before = fold.declared()
        additions: list[tuple[str, Addition]] = []
        arrivals: list[Step] = []
        for fact in facts:
            addition = fold.add(fact)
            additions.append((fact.id, addition))
            if addition != "known":
                entry = fold.find(fact.id)
                self._facts.append((member.id, entry.fact))
                arrivals.append(self._arrival(member, fold, entry, addition))
        if arrivals:
            self._declare(member, fold, before, arrivals)
        entries = [(fold.find(fact_id), addition) for fact_id, addition in additions]
        return [Reception(entry.fact, entry.outcome, addition) for entry, addition in entries]

    def decision(
        self,
        identities: Iterable[Identity] = (),
        *,
        put: Iterable[Row] = (),
        add: Iterable[Row] = (),
        remove: Iterable[Row] = (),
    ) -> Decision:
        """Return what has been decided, with the root brought up to date."""
        self._settle()
        stepped = {step.after.id for step in self._steps}
        touched = [
            (self._stored.get(member.id, member), replace(member, revision=member.revision + 1, updated_at=self._now))
            for member in self.members.values()
            if member.id not in stepped and (member.id == self._root or self._stored.get(member.id) != member)
        ]
        return Decision(
            identities=tuple(identities),
            recorded_at=self._now,
            steps=tuple(self._steps),
            touched=tuple(touched),
            facts=tuple({(owner, fact.id): (owner, fact) for owner, fact in self._facts}.values()),
            withdrawn=tuple(self._withdrawn),
            put=tuple(put),
            add=tuple(add),
            remove=tuple(remove),
        )

    def _interpreter(self, member: Instance) -> Interpreter:
        return self._interpreter_of(member.definition, member.version)

    def _take(self, step: Step) -> None:
        self._steps.append(step)
        self.members[step.after.id] = step.after

    def _fold(self, member: Instance) -> Fold:
        fold = self._folds.get(member.id)
        if fold is None:
            interpreter = self._interpreter(member)
            start = interpreter.definition.initial
            initial = interpreter.waiting(replace(member, state=start, path=(start,), revision=0, entry=0))
            fold = self._folds[member.id] = Fold(interpreter, initial, self._stored_facts.get(member.id, ()))
        return fold

    def _arrival(self, member: Instance, fold: Fold, entry: Entry, addition: Addition) -> Step:
        """Return the step from the state before a fact came to the state after it."""
        fact, current = entry.fact, self.members[member.id]
        after = replace(
            fold.instance,
            revision=current.revision + 1,
            steps=current.steps + 1,
            context=fold.context(current.context),
            updated_at=self._now,
        )
        self.members[member.id] = after
        event = Event(fact.id, fact.name, fact.at, self._now, data=fact.details, actor=fact.source)
        last = addition == "new" and entry is fold.entries[-1]
        transition = entry.step.transition if last and entry.step else None
        return Step(current, event, after, transition, outcome="merged" if addition == "merged" else entry.outcome)

    def _declare(self, member: Instance, fold: Fold, before: Declared, arrivals: list[Step]) -> None:
        """Hand over the arrivals with the effects that are new, withdraw those no longer asked for, tell the news."""
        after = fold.declared()
        by_fact = {step.event.id: place for place, step in enumerate(arrivals)}
        for key in (key for key in after.effects if key not in before.effects):
            effect, entry = after.effects[key]
            if not self._current(fold, entry):
                effect = replace(effect, status="discarded", reason="stale")
            place = by_fact.get(entry.fact.id, len(arrivals) - 1)
            arrivals[place] = replace(arrivals[place], effects=(*arrivals[place].effects, effect))
        self._withdrawn += sorted(before.effects.keys() - after.effects.keys())
        self._steps += arrivals

        for identity in sorted(before.tellings.keys() - after.tellings.keys()):
            telling, withdrawal = before.tellings[identity], f"{member.key}/{identity}/{WITHDRAWN}"
            if self._is_root(telling):
                self.tell_root(telling.raised.event, withdrawal)
            elif telling.raised.opens:
                event = self._told_event(withdrawal, WITHDRAWN, fold, telling.entry)
                self._hear(telling.raised.definition, telling.key, event)
        news = {*_news(before.tellings, after.tellings)}
        for identity, telling in after.tellings.items():
            if identity in news or (self._is_root(telling) and identity not in before.tellings):
                event = self._told_event(f"{member.key}/{identity}", telling.raised.event, fold, telling.entry)
                self._tell(telling.raised, telling.key, member, event, telling.entry.fact.received_at)

    def _is_root(self, telling: Telling) -> bool:
        return telling.raised.definition == self._root[0]

    def _current(self, fold: Fold, entry: Entry) -> bool:
        """Return whether nothing has happened since *entry* and it reached us in time to act on it."""
        last = next(each for each in reversed(fold.entries) if each.fact.name not in SETTLING)
        return entry is last and entry.fact.received_at - entry.fact.at <= FRESH

    def _told_event(self, identity: str, name: str, fold: Fold, entry: Entry) -> Event:
        data = {**entry.fact.details, "late": not self._current(fold, entry)}
        return Event(
            identity, name, entry.fact.at, self._now, data=data, assign=entry.fact.details, actor=entry.fact.source
        )

    def _tell(self, told: Raise, key: str, teller: Instance, event: Event, known_at: int | None = None) -> None:
        """
        Let another member hear *event*, opening it if the raise says so; the root hears it when all is settled.

        What it opens runs from when the event happened or, if its clock is ahead, from when it was *known*.
        """
        if told.definition == self._root[0]:
            self.tell_root(told.event, event.id)
            return
        if told.opens:
            at = min(event.at, event.received_at if known_at is None else known_at)
            opener, opened = self.members[teller.id], self._interpreter_of(told.definition, None)
            begins = opened.opening(opener, event, at) if isinstance(opened, OpenedInterpreter) else {}
            self.open(told.definition, key, {"opened_by": teller.key, "opened_at": at, **begins}, event.at)
        self._hear(told.definition, key, replace(event, name=told.event))

    def _hear(self, definition: str, key: str, event: Event) -> None:
        """Let a member take *event* if it can: being told is not an order."""
        member = self.members.get((definition, key))
        if member is not None:
            try:
                self.apply(member, event)
            except StepError:
                return

    def _settle(self) -> None:
        """Let the root derive its state from its members, once, whatever they told it."""
        for name, event_id in self._root_events.items():
            root = self.members.get(self._root)
            if root is None:
                return
            summary = self._summary(name)
            event = Event(event_id, name, self._now, self._now, data=summary, assign={"summary": summary})
            try:
                step = self._interpreter(root).step(root, event)
            except StepError:  # being told is not an order
                step = None
            if step is None or step.after.state == root.state:
                self.amend(root, event.assign)
            else:
                self._take(step)
        self._root_events.clear()

    def _summary(self, event: str) -> dict[str, Any]:
        """Return how many members tell the root that *event*, and how many of those carry each tag."""
        told = [member for member in self.members.values() if self._tells_root(member, event)]
        places = [self._interpreter(member).states.get(member.state) for member in told]
        tags = Counter(tag for place in places if place is not None for tag in place.tags)
        return {"members": len(told), "tags": dict(sorted(tags.items()))}

    def _tells_root(self, member: Instance, event: str) -> bool:
        return any(
            told.definition == self._root[0] and told.event == event
            for transition in self._interpreter(member).definition.transitions
            for told in transition.raises
        )


def _news(before: Mapping[str, Telling], after: Mapping[str, Telling]) -> Iterator[str]:
    """
    Yield the identities of the tellings *after* a fold that those told are to hear, who heard those *before* it.

    That is what follows the last one they heard that still stands. They hear all of it where they are opened by it, and
    the last one again where what they heard after that stands no more.
    """
    told: dict[tuple[str, str], list[str]] = {}
    for identity, telling in after.items():
        told.setdefault((telling.raised.definition, telling.key), []).append(identity)
    heard: dict[tuple[str, str], str] = {}
    for identity, telling in before.items():
        heard[telling.raised.definition, telling.key] = identity
    for listener, identities in told.items():
        opens = any(after[identity].raised.opens and identity not in before for identity in identities)
        standing = [place for place, identity in enumerate(identities) if identity in before]
        if opens or not standing:
            yield from identities
        elif heard[listener] in after:
            yield from identities[standing[-1] + 1 :]
        else:
            yield from identities[standing[-1] :]
