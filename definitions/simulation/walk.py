"""
Walks every way through a Flow: what people do on a phone, what goes wrong on the way, and what attackers send.

A situation is a phone with what it shows, and the session that the endpoint has of it. From each, everything that can
be done is done once, and what comes of it is a situation again, until nothing new comes.

Rule 1: breadth first, so that the first way to anything is the shortest. Only when half of what may be walked is, those
        situations come first that are like none before, so that a large Flow is seen whole before it is seen closely.
Rule 2: two situations are alike when the same can be done in both. One that is like an earlier one is walked only if it
        has a value in it (shown, submitted or typed) that none of those had; then with the values of those inputs that
        made a difference there.
Rule 3: what is broken is slipped in once on a way; after it everything goes on as usual.
Rule 4: what a session is about changes while a customer thinks: from each situation that is walked thoroughly into
        every other example of it.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Any

from msgspec import UNSET, Struct, field

from definitions.flow_calls import FORMS, MINTED, RECIPIENT, RESPONSE, Flow
from definitions.flow_compiler import BACK, COMPLETE, DATA_EXCHANGE, INIT
from definitions.flow_json.document import SUCCESS
from definitions.media import Media
from definitions.screen_data import ERROR_MESSAGE
from definitions.screens import About
from definitions.simulation.answers import NOW, PATIENCE, TOKEN, Answered, AnyMedia, Caller, Wrong
from definitions.simulation.forms import Filled, Filler, said
from definitions.simulation.inputs import is_empty
from definitions.simulation.phone import Move, Phone, decided_by, referred_to
from definitions.simulation.report import Accepted, DeadEnd, Edge, Fault, Report
from definitions.simulation.values import ANYTHING, PAYLOADS, Broken, broken, written
from engine.errors import StepError
from engine.inference import infer
from engine.model import Event, Instance

MOST_SITUATIONS = 10_000
"""How many situations are walked unless somebody says otherwise."""

_MOST_PAIRS = 100
"""How many pairs of values are tried in a situation."""

_MOST_PATHS = 10**15

Leaf = tuple[str, str, str, str | int]
"""A value in a situation: what kind it is, its screen, its name, and itself if it is a text, else its hash."""


class World(Struct, frozen=True, kw_only=True):
    """
    What the simulated people bring along.

    *data* and *recipient* are what the session was minted with, *values* further values of inputs by `SCREEN.name` or
    name, *media* gives the files that are picked, *now* is when it happens, in microseconds; *patience* how many
    seconds a phone waits. *most* situations are walked. *abouts* are what the session may be about, in place of the
    logic's own examples.
    """

    data: Mapping[str, Any] = {}
    recipient: str = ""
    values: Mapping[str, Sequence[Any]] = {}
    media: Media = field(default_factory=AnyMedia)
    now: int = NOW
    patience: float = PATIENCE
    most: int = MOST_SITUATIONS
    abouts: Sequence[About] = ()


class _Kind(Struct):
    """
    Situations in which the same can be done: the first, and the values that any of them has.

    *differing* are the inputs whose values made a difference in the first.
    """

    first: int
    leaves: set[Leaf]
    differing: set[str] = field(default_factory=set)


class _Situation(Struct, eq=False):
    """
    A phone and its session, and what was found to lead from there: *on*, or *back* to an earlier screen.

    *ends* counts what ends the Flow. *offers*: something here leads on. *tainted*: something was slipped in on the way.
    *cut*: not all that comes after was walked. *about* is what the session is about.
    """

    number: int
    phone: Phone
    instance: Instance
    before: "_Situation | None"
    step: str
    kind: _Kind
    tainted: bool
    about: About | None = None
    on: list[int] = field(default_factory=list)
    back: list[int] = field(default_factory=list)
    ends: int = 0
    offers: bool = False
    cut: bool = False

    @property
    def is_first(self) -> bool:
        """Return whether this is the first of its kind, and was reached by what people do: it is walked thoroughly."""
        return self.kind.first == self.number and not self.tainted

    def way(self, *further: str) -> tuple[str, ...]:
        """Return the steps that lead here, and *further* ones."""
        steps = [*reversed(further)]
        here: _Situation | None = self
        while here is not None:
            steps.append(here.step)
            here = here.before
        return tuple(reversed(steps))


class Walk:
    """One simulation of a Flow."""

    def __init__(self, name: str, flow: Flow, world: World) -> None:
        self._name = name
        self._flow = flow
        self._document = flow.document
        self._world = world
        self._caller = Caller(flow, world.now, world.media, world.patience)
        self._filler = Filler(flow.document, world.values)
        self._abouts: Sequence[About | None] = world.abouts or flow.screens.examples or (None,)
        self._decided_by = {each.id: decided_by(each) for each in flow.document.screens.values()}
        self._referred_to = referred_to(flow.document)
        self._situations: list[_Situation] = []
        self._kinds: dict[tuple[Any, ...], _Kind] = {}
        self._leaves: dict[int, tuple[Mapping[str, Any], frozenset[Leaf]]] = {}
        self._firsts: deque[_Situation] = deque()
        self._alike: deque[_Situation] = deque()
        self._tainted: deque[_Situation] = deque()
        self._taken: set[Edge] = set()
        self._faults: dict[tuple[str, str, str], Fault] = {}
        self._warnings: dict[tuple[str, str, str], Fault] = {}
        self._accepted: dict[tuple[str, str], dict[str, None]] = {}
        self._over: set[str] = set()
        self._completions = 0
        self._truncated = False

    async def report(self) -> Report:
        """Walk, and return what was found."""
        minted = {MINTED: self._world.data, RECIPIENT: self._world.recipient}
        start = self._flow.open(TOKEN, self._world.now, {name: value for name, value in minted.items() if value})
        for about in self._abouts:
            self._caller.about = about
            for entry in self._document.entries:
                await self._open(entry, start)
        while waiting := self._next():
            await self._from(waiting.popleft())
        return self._found()

    def _next(self) -> deque[_Situation]:
        """Return the situations of which the first is walked next; what was slipped in comes last."""
        firsts, alike = self._firsts, self._alike
        if not (firsts and alike):
            return firsts or alike or self._tainted
        late = len(self._situations) * 2 > self._world.most
        return firsts if late or firsts[0].number < alike[0].number else alike

    # What people do

    async def _open(self, entry: str, start: Instance) -> None:
        if not self._document.has_endpoint:
            model = self._document.screens[entry].data
            data = {
                key: node["__example__"]
                for key, node in model.items()
                if isinstance(node, dict) and "__example__" in node
            }
            self._arrive(None, Phone(self._document).arrived(entry, data), start, f"opens on {entry}")
            return
        phone, screen = Phone(self._document), entry if len(self._document.entries) > 1 else ""
        answered = await self._caller.ask(phone, start, INIT, {}, screen)
        self._blame(answered.wrong, "", (f"opens {screen}".rstrip(),))
        if phone.takes(answered.reply.screen) and answered.reply.instance is not None:
            self._show(None, phone, answered, start, f"opens on {answered.reply.screen}")

    async def _from(self, here: _Situation) -> None:
        self._caller.about = here.about
        for text in here.phone.missing():
            self._warn("missing_data", here, f"{text} is not among the data that the screen is shown with")
        await self._press(here)
        await self._choose(here)
        await self._submit(here)
        await self._go_back(here)
        if self._document.has_endpoint and here.is_first:
            await self._reopen(here)
            await self._too_late(here)
            await self._from_elsewhere(here)
            self._change(here)

    async def _press(self, here: _Situation) -> None:
        """Press what works whatever is in the form."""
        moves = {(move.by, written(move.payload)): move for move in here.phone.moves() if not move.submits}
        for move in moves.values():
            here.offers = here.offers or move.name != "open_url"
            await self._do(here, here.phone, move, move.by)
            if here.is_first:
                await self._break(here, here.phone, move)

    async def _choose(self, here: _Situation) -> None:
        """Choose every value of the inputs that ask the endpoint at once, and none of several again."""
        for given in here.phone.inputs:
            if not given.asks or not given.enabled:
                continue
            here.offers = True
            held = here.phone.form.get(given.name)
            chosen = [value for value in self._filler.choices(here.phone, given) if not is_empty(value)]
            if isinstance(held, list) and held:
                chosen.append([])
            for value in islice(chosen, 1 if here.tainted else None):
                phone = here.phone.typed(given.name, value)
                move = phone.asks(given.name, held if is_empty(value) else UNSET)
                if move is not None:
                    await self._do(here, phone, move, f"chooses {said({given.name: value})}")
                    if here.is_first and given.name not in here.phone.form:
                        await self._break(here, phone, move)

    async def _submit(self, here: _Situation) -> None:
        """Fill the form in every way and press the Footer."""
        usual = self._filler.filled(here.phone, {})
        here.offers = here.offers or bool(usual.phone.submissions())
        self._look_for_unfillable(here, usual)
        only = None if here.is_first else here.kind.differing
        ways = [usual] if here.tainted else self._filler.ways(here.phone, only)
        came = [(way, await self._send(here, way)) for way in ways]
        if not here.is_first:
            return
        here.kind.differing |= {name for way in _differing(came) for name in way.wanted}
        for sparse, wanted in islice(_pairs(came), _MOST_PAIRS):
            await self._send(here, self._filler.filled(here.phone, wanted, sparse=sparse))
        taken = next((way for way, outcome in came if any(code == "ok" for code, *_ in outcome)), usual)
        for move in taken.phone.submissions():
            await self._break(here, taken.phone, move)

    async def _send(self, here: _Situation, way: Filled) -> tuple[Any, ...]:
        """Press the Footers of a filled form, if they can be; return what came of it."""
        came: list[Any] = [("", *(given.name for given in way.phone.inputs))]
        for move in way.phone.submissions() if way.complete else ():
            came.append(await self._do(here, way.phone, move, f"submits {said(move.payload)}".rstrip()))
            if not way.wanted and here.is_first:
                await self._tap_twice(here, way.phone, move)
        return tuple(came)

    async def _do(self, here: _Situation, phone: Phone, move: Move, how: str) -> tuple[Any, ...]:
        """Do *move*; return what came of it."""
        step = f"{phone.screen}: {how}"
        if move.name == "navigate":
            if move.next not in self._document.screens:
                self._blame([("illegal_screen", f"{how} leads to {move.next}, which is no screen")], phone.screen, ())
                return ("",)
            there = phone.arrived(move.next, move.payload)
            self._take(here, phone.screen, move.next)
            self._join(here.on, self._arrive(here, there, here.instance, f"{step} -> {move.next}"))
            return move.next, self._looks(there)
        if move.name == "complete":
            self._complete(here, phone, move, step)
        elif move.name == "data_exchange":
            answered = await self._caller.ask(phone, here.instance, DATA_EXCHANGE, move.payload, twice=here.is_first)
            await self._land(here, phone, answered, step)
            there = phone.arrived(answered.reply.screen, answered.data) if answered.reply.screen else phone
            return answered.reply.code, answered.reply.screen, () if there.done else self._looks(there)
        return (move.name,)

    async def _land(self, here: _Situation, phone: Phone, answered: Answered, step: str) -> None:
        """Show an answer on the phone that asked."""
        screen, instance = answered.reply.screen, answered.reply.instance
        self._blame(answered.wrong, phone.screen, here.way(step))
        if answered.reply.fault is not None or not phone.takes(screen):
            return
        if answered.moved:
            self._take(here, phone.screen, screen)
        if screen != SUCCESS:
            self._join(here.on, self._show(here, phone, answered, here.instance, f"{step} -> {screen}"))
            return
        here.ends += 1
        if phone.screen not in self._over and instance is not None:
            self._over.add(phone.screen)
            late = await self._caller.too_late(instance, phone.screen, self._world.now)
            self._blame(late.wrong, phone.screen, here.way(step, "opens it again"))

    def _complete(self, here: _Situation, phone: Phone, move: Move, step: str) -> None:
        """Let the message arrive with which a Flow ends by itself."""
        now, instance = self._world.now, here.instance
        event = Event(f"complete-{here.number}", COMPLETE, now, now, move.payload, {RESPONSE: move.payload}, "phone")
        way = infer(self._flow.interpreter, instance, phone.screen.__eq__, event)
        try:
            if way is not None:
                self._flow.interpreter.step(way[-1].after if way else instance, event)
        except StepError:
            way = None
        if way is None:
            wrong = "refused_move", f"the machine cannot complete from {phone.screen}"
            self._blame([wrong], phone.screen, here.way(step))
            return
        here.ends += 1
        self._completions += 1
        self._take(here, phone.screen, SUCCESS)

    async def _tap_twice(self, here: _Situation, phone: Phone, move: Move) -> None:
        """Press again before the answer is there."""
        if move.name != "data_exchange":
            return
        first = await self._caller.ask(phone, here.instance, DATA_EXCHANGE, move.payload)
        if first.moved and first.reply.screen != SUCCESS and first.reply.instance is not None:
            again = await self._caller.ask(phone, first.reply.instance, DATA_EXCHANGE, move.payload)
            self._blame(again.wrong, phone.screen, here.way(f"{phone.screen}: submits {said(move.payload)}, twice"))

    async def _go_back(self, here: _Situation) -> None:
        phone = here.phone
        if len(phone.stack) == 1:
            return
        if not phone.refreshes():
            step = f"{phone.screen}: back -> {phone.stack[-2].screen}"
            self._join(here.back, self._arrive(here, phone.back(), here.instance, step))
            return
        answered = await self._caller.ask(phone, here.instance, BACK, {})
        step = f"{phone.screen}: back"
        self._blame(answered.wrong, phone.screen, here.way(step))
        if answered.reply.fault is None and phone.takes(answered.reply.screen):
            there = self._show(here, phone, answered, here.instance, f"{step} -> {answered.reply.screen}")
            self._join(here.back, there)

    async def _reopen(self, here: _Situation) -> None:
        """Close the Flow and open it again from its message."""
        phone = here.phone.reopened()
        answered = await self._caller.ask(phone, here.instance, INIT, {})
        step = f"{here.phone.screen}: closes and opens again"
        self._blame(answered.wrong, here.phone.screen, here.way(step))
        if answered.reply.fault is None and phone.takes(answered.reply.screen):
            self._show(here, phone, answered, here.instance, f"{step} -> {answered.reply.screen}")

    # What else may come

    def _change(self, here: _Situation) -> None:
        """Let what the session is about become something else, unseen by the phone."""
        for about in self._abouts:
            if about != here.about:
                self._caller.about = about
                self._arrive(here, here.phone, here.instance, "what it is about changes")

    async def _too_late(self, here: _Situation) -> None:
        """Call when the session's time is over."""
        if here.instance.deadline is not None:
            late = await self._caller.too_late(here.instance, here.phone.screen, here.instance.deadline)
            self._blame(late.wrong, here.phone.screen, here.way("comes back when the token has expired"))

    async def _from_elsewhere(self, here: _Situation) -> None:
        """Call from screens where the phone cannot be."""
        near = self._near(here)
        for screen in self._document.screens.values():
            if screen.id in near or not screen.does("data_exchange"):
                continue
            answered = await self._caller.try_out(here.instance, DATA_EXCHANGE, {}, screen.id)
            wrong = list(answered.wrong)
            if answered.moved:
                wrong.append(("not_there", f"a call from {screen.id} moved a session on {here.instance.state}"))
            self._blame(wrong, here.phone.screen, here.way(f"somebody calls from {screen.id}"))
        answered = await self._caller.try_out(here.instance, BACK, {}, here.phone.screen)
        self._blame(answered.wrong, here.phone.screen, here.way("somebody calls BACK"))

    def _near(self, here: _Situation) -> set[str]:
        """Return the screens where a phone may be unseen: those behind, and wherever `navigate` leads from there."""
        near = {here.instance.state, *here.instance.path, *(shown.screen for shown in here.phone.stack)}
        waiting = [name for name in near if name in self._document.screens]
        while waiting:
            reached = {*self._document.screens[waiting.pop()].navigates()} & self._document.screens.keys()
            waiting += reached - near
            near |= reached
        return near

    async def _break(self, here: _Situation, phone: Phone, move: Move) -> None:
        """Send what no phone sends in place of what a move sends."""
        if move.name != "data_exchange":
            return
        inputs = {given.name: given for given in phone.inputs}
        for each in PAYLOADS:
            if each.value != move.payload:
                await self._slip_in(here, phone, "", each, each.value)
        for key in dict.fromkeys([*move.payload, *move.fields]):
            given = inputs.get(move.fields.get(key, ""))
            for each in broken(given) if given else ANYTHING:
                if key in move.fields and given is None and is_empty(each.value):
                    continue  # as a phone may send what is hidden
                payload = {**move.payload, key: each.value}
                if each.value is UNSET:
                    del payload[key]
                if payload != move.payload:
                    await self._slip_in(here, phone, key, each, payload)

    async def _slip_in(self, here: _Situation, phone: Phone, key: str, what: Broken, payload: Any) -> None:
        answered = await self._caller.try_out(here.instance, DATA_EXCHANGE, payload, phone.screen)
        step = f"{phone.screen}: somebody sends {f'{key}: ' if key else ''}{what.kind}"
        self._blame(answered.wrong, phone.screen, here.way(step))
        if answered.moved:
            self._accepted.setdefault((phone.screen, key), {})[what.kind] = None
            if phone.takes(answered.reply.screen) and answered.reply.screen != SUCCESS:
                self._show(here, phone, answered, here.instance, f"{step} -> {answered.reply.screen}", tainted=True)

    # Situations

    def _show(
        self,
        before: _Situation | None,
        phone: Phone,
        answered: Answered,
        instance: Instance,
        step: str,
        *,
        tainted: bool = False,
    ) -> int | None:
        """Return the situation with an answer on the phone; a message over the screen passes."""
        screen, data = answered.reply.screen, answered.data
        if ERROR_MESSAGE in data and ERROR_MESSAGE not in self._document.screens[screen].data:
            data = {name: value for name, value in data.items() if name != ERROR_MESSAGE}
        there = phone.arrived(screen, data)
        return self._arrive(before, there, answered.reply.instance or instance, step, tainted=tainted)

    def _arrive(
        self, before: _Situation | None, phone: Phone, instance: Instance, step: str, *, tainted: bool = False
    ) -> int | None:
        """Return the situation of a phone and its session: a new one, or the first like it; None if it is cut."""
        tainted = tainted or (before is not None and before.tainted)
        lost = instance.state != phone.screen
        about = self._caller.about
        place = self._abouts.index(about)
        key = tainted, self._looks(phone), lost, tuple(shown.screen for shown in phone.stack), place
        leaves = self._leaves_of(phone, instance)
        kind = self._kinds.get(key)
        if kind is not None and leaves <= kind.leaves:
            return kind.first
        if len(self._situations) >= self._world.most:
            self._truncated = True
            if before is not None:
                before.cut = True
            return None
        kind = self._kinds.setdefault(key, _Kind(len(self._situations), set()))
        kind.leaves |= leaves
        new = _Situation(len(self._situations), phone, instance, before, step, kind, tainted, about)
        self._situations.append(new)
        (self._tainted if tainted else self._firsts if new.is_first else self._alike).append(new)
        return new.number

    def _looks(self, phone: Phone) -> tuple[Any, ...]:
        """Return what decides what can be done on a phone: the screen, the data that counts, what was chosen."""
        deciding = self._decided_by[phone.screen]
        data = {name: value for name, value in phone.data.items() if name in deciding}
        asking = tuple(given.name for given in phone.inputs if given.asks and given.name in phone.form)
        return phone.screen, hash(written(data)), asking

    def _leaves_of(self, phone: Phone, instance: Instance) -> set[Leaf]:
        """Return the values in a situation."""
        leaves: set[Leaf] = {("session", instance.state, "", hash(instance.path))}
        for screen, form in instance.context.get(FORMS, {}).items():
            leaves.update(_leaves("submitted", screen, form if isinstance(form, dict) else {"": form}))
        for shown in phone.stack:
            leaves.update(self._shown_leaves(shown.screen, shown.data))
        for screen in self._referred_to:
            behind = next((shown for shown in phone.stack if shown.screen == screen), phone.left.get(screen))
            if behind is not None:
                leaves.update(_leaves("typed", screen, behind.form))
                leaves.update(_leaves("left", screen, behind.data))
        asked = {given.name for given in phone.inputs if given.asks}
        chosen = {name: value for name, value in phone.form.items() if name in asked}
        leaves.update(_leaves("chosen", phone.screen, chosen))
        return leaves

    def _shown_leaves(self, screen: str, data: Mapping[str, Any]) -> frozenset[Leaf]:
        """Return the values that a screen is shown with; most answers are the same object each time."""
        known = self._leaves.get(id(data))
        if known is None:
            known = self._leaves[id(data)] = data, frozenset(_leaves("shown", screen, data))
        return known[1]

    def _take(self, here: _Situation, source: str, target: str) -> None:
        if not here.tainted:
            self._taken.add(Edge(source, target))

    @staticmethod
    def _join(following: list[int], number: int | None) -> None:
        if number is not None:
            following.append(number)

    # Findings

    def _blame(self, wrong: Sequence[Wrong], screen: str, way: tuple[str, ...]) -> None:
        for kind, message in wrong:
            _add(self._faults, Fault(kind, screen, message, way))

    def _warn(self, kind: str, here: _Situation, message: str) -> None:
        _add(self._warnings, Fault(kind, here.phone.screen, message, here.way()))

    def _look_for_unfillable(self, here: _Situation, usual: Filled) -> None:
        for given in usual.phone.inputs:
            if given.enabled and not given.asks and not self._filler.choices(usual.phone, given):
                self._warn("unfillable", here, f"no value was found that fits {given.name}")

    def _found(self) -> Report:
        document = self._document
        edges = {
            *(Edge(source, target) for source, targets in document.routing.items() for target in targets),
            *(
                Edge(name, target)
                for name, screen in document.screens.items()
                for target in screen.navigates()
                if target in document.screens
            ),
            *(Edge(name, SUCCESS) for name, screen in document.screens.items() if screen.terminal),
        }
        seen = {here.phone.screen for here in self._situations if not here.tainted}
        outcomes = {**self._caller.outcomes, **({"completed": self._completions} if self._completions else {})}
        return Report(
            name=self._name,
            paths=self._paths(),
            situations=len(self._situations),
            calls=self._caller.calls,
            screens=tuple(name for name in document.screens if name in seen),
            unseen=tuple(name for name in document.screens if name not in seen),
            covered=tuple(sorted(edges & self._taken)),
            uncovered=tuple(sorted(edges - self._taken)),
            outcomes=dict(sorted(outcomes.items(), key=lambda item: (-item[1], item[0]))),
            faults=tuple(self._faults.values()),
            dead_ends=tuple(self._dead_ends()),
            warnings=tuple(self._warnings.values()),
            accepted=tuple(Accepted(*place, tuple(kinds)) for place, kinds in sorted(self._accepted.items())),
            truncated=self._truncated,
        )

    def _paths(self) -> int:
        """Return how many ways lead from the opening to an end with no situation twice; later situations come later."""
        counts = [0] * len(self._situations)
        for here in reversed(self._situations):
            following = sum(counts[number] for number in here.on if number > here.number)
            counts[here.number] = min(here.ends + following, _MOST_PATHS)
        return sum(counts[here.number] for here in self._situations if here.before is None)

    def _dead_ends(self) -> Iterator[DeadEnd]:
        """
        Yield the screens with situations from which nothing leads on to an end.

        Back is a way out only where nothing else is offered: of a page that is only read. Such a page is never the one
        to blame.
        """
        into: dict[int, list[int]] = {}
        for here in self._situations:
            for number in here.on if here.offers else [*here.on, *here.back]:
                into.setdefault(number, []).append(here.number)
        waiting = [here.number for here in self._situations if here.ends or here.cut]
        good = set(waiting)
        while waiting:
            for number in into.get(waiting.pop(), ()):
                if number not in good:
                    good.add(number)
                    waiting.append(number)
        dead: dict[str, DeadEnd] = {}
        for here in self._situations:
            only_read = here.back and not here.offers
            if here.number not in good and not here.tainted and not only_read:
                times = dead[here.phone.screen].situations + 1 if here.phone.screen in dead else 1
                way = dead[here.phone.screen].way if here.phone.screen in dead else here.way()
                dead[here.phone.screen] = DeadEnd(here.phone.screen, way, times)
        yield from dead.values()


def _add(found: dict[tuple[str, str, str], Fault], fault: Fault) -> None:
    """Count a fault that is known already, or keep it."""
    key = fault.kind, fault.screen, fault.message
    known = found.get(key)
    found[key] = fault if known is None else Fault(*key, known.way, known.times + 1)


def _leaves(kind: str, screen: str, values: Mapping[str, Any]) -> Iterator[Leaf]:
    for name, value in values.items():
        yield kind, screen, name, value if isinstance(value, str) else hash(written(value))


def _differing(came: Sequence[tuple[Filled, tuple[Any, ...]]]) -> Iterator[Filled]:
    """Yield the ways to fill a form of which something else came than of the first like it."""
    for sparse in (True, False):
        ways = [(way, outcome) for way, outcome in came if way.sparse is sparse]
        yield from (way for way, outcome in ways[1:] if outcome != ways[0][1])


def _pairs(came: Sequence[tuple[Filled, tuple[Any, ...]]]) -> Iterator[tuple[bool, Mapping[str, Any]]]:
    """Yield pairs of values of different inputs each of which made a difference to what came of the form."""
    for one, other in combinations(_differing(came), 2):
        if one.sparse is other.sparse and not one.wanted.keys() & other.wanted.keys():
            yield one.sparse, {**one.wanted, **other.wanted}
