"""
The timekeeper: lets the timers that are due fire, each as an event of its instance.

Rule 1: a timer fires by the clock given, never before its time; who has fired is disarmed in the same commit.
Rule 2: a timer that the table refuses is noted and does not come again; an instance whose timer cannot fire at all is
        put off, and holds up nobody else.
Rule 3: an instance of an order takes its timer's event with its family, in the order's turn.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence

import structlog

from api.logs import fault
from api.metrics import Metrics
from api.order_book import OrderBook
from engine.errors import GuardRefused, NoTransition, StoreError
from engine.family import Family
from engine.fold import Fact
from engine.interpreter import REFUSED, Interpreter
from engine.model import SECOND, Event, Instance
from engine.ports import Decision
from engine.runtime import settle

LOG = structlog.get_logger()

AT_ONCE = 50
"""How many instances' timers fire together, so that others get their turn in between."""

PULSE = SECOND
"""How long the timekeeper rests at most: a clock may jump, and a new timer be due soon."""

PUT_OFF = 600 * SECOND
"""How long an instance whose timer could not fire is left alone."""

InstanceId = tuple[str, str]


class Timekeeper:
    """Fires timers: all that are due, or for ever."""

    def __init__(self, book: OrderBook, metrics: Metrics) -> None:
        self._book = book
        self._metrics = metrics
        self._put_off: dict[InstanceId, int] = {}

    async def keep_time(self) -> None:
        """Fire timers as they become due, for ever; what goes wrong is logged and tried again."""
        while True:
            rest = PULSE
            try:
                await self.fire_due()
                rest = await self._rest()
            except Exception as error:  # noqa: BLE001 - whatever it was must not end the timekeeping: it is tried again
                LOG.warning("timers_put_off", **fault(error))
            await asyncio.sleep(rest / SECOND)

    async def fire_due(self) -> int:
        """
        Fire every timer that is due, the earliest first, and those that become due by that; return how many did.

        Raises:
            StoreError: the store cannot do it now; what has not fired is still due.
        """
        fired = 0
        failures: Counter[tuple[tuple[str, str], ...]] = Counter()
        try:
            while waiting := await self._waiting(self._book.clock()):
                outcomes = await asyncio.gather(*map(self._settled, waiting), return_exceptions=True)
                for found, outcome in zip(waiting, outcomes, strict=True):
                    if isinstance(outcome, Exception) and not isinstance(outcome, StoreError):
                        # A version that is gone, code that fails: it is this one's trouble alone.
                        self._put_off[found] = self._book.clock() + PUT_OFF
                        failures[("definition", found[0]), *fault(outcome).items()] += 1
                    elif isinstance(outcome, BaseException):
                        raise outcome
                    elif outcome is not None:
                        self._metrics.timer_lateness.observe((outcome.received_at - outcome.at) / SECOND)
                        fired += 1
                if all(outcome is None for outcome in outcomes):
                    break  # somebody else was faster, and goes on
        finally:
            for failure, sessions in failures.items():
                LOG.error("timers_cannot_fire", sessions=sessions, **dict(failure))
        return fired

    async def _waiting(self, by: int) -> Sequence[InstanceId]:
        """Return instances of which a timer is due *by* that time, the earliest first, without those put off."""
        now = self._book.clock()
        # A clock that was put back must not keep them waiting for longer.
        self._put_off = {found: until for found, until in self._put_off.items() if now < until <= now + PUT_OFF}
        self._metrics.timers_put_off.set(len(self._put_off))
        due = await self._book.store.due(by, AT_ONCE + len(self._put_off))
        return [found for found in due if found not in self._put_off][:AT_ONCE]

    async def _rest(self) -> int:
        """Return how long there is nothing to do, at most a pulse."""
        now = self._book.clock()
        soon = await self._waiting(now + PULSE)
        found = await self._book.store.load(soon[:1])
        deadlines = [instance.deadline for instance in found if instance is not None and instance.deadline is not None]
        return max(0, min([now + PULSE, *deadlines]) - now)

    async def _settled(self, found: InstanceId) -> Event | None:
        """Let an instance take the event of its first timer and return it, or None if that is not due any more."""
        fired: Event | None = None
        (instance,) = await self._book.store.load([found])
        _, _, order_id = instance.family.partition("/") if instance else ("", "", "")

        async def alone() -> Decision | None:
            nonlocal fired
            (current,) = await self._book.store.load([found])
            fired = None if current is None else self._due(current)
            if current is None or fired is None:
                return None
            step = self._interpreter(current).fire(current, fired)
            return Decision(recorded_at=fired.received_at, steps=(step,))

        async def with_family() -> Decision | None:
            nonlocal fired
            family = await self._book.family(order_id, self._book.clock())
            fired = self._due(family.members[found])
            return None if fired is None else self._decided(family, family.members[found], fired)

        if order_id:
            await self._book.settle(order_id, with_family)
        else:
            await settle(self._book.store, alone)
        return fired

    def _decided(self, family: Family, member: Instance, event: Event) -> Decision:
        """Return what a timer's *event* does to a member and its family."""
        interpreter = self._interpreter(member)
        refused = Decision(recorded_at=event.received_at, steps=(interpreter.note(member, event, REFUSED),))
        if interpreter.definition.ordering == "event_time":
            # Facts have times in whole seconds: the next one, for the timer's own must have come.
            fact = Fact(event.name, -(-event.at // SECOND) * SECOND, event.received_at, source=event.actor)
            (reception,) = family.receive(member, [fact])
            return refused if reception.addition == "known" else family.decision()
        try:
            family.apply(member, event)
        except (NoTransition, GuardRefused):
            return refused  # it concerns nobody else
        return family.decision()

    def _due(self, instance: Instance) -> Event | None:
        return self._interpreter(instance).due(instance, self._book.clock())

    def _interpreter(self, instance: Instance) -> Interpreter:
        return self._book.catalogue.interpreter(instance.definition, instance.version)
