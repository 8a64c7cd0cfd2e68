"""
What a picture of a definition shows, before it is written in any language.

Rule 1: a picture is made from the definition that runs; an overlay marks it and never changes what else is drawn.
Rule 2: implied arrows are left out, but for those without which no drawn way would lead to a state.
Rule 3: what all states of a group have in common is one arrow from its crowd (diagrams/folding.py has the exact rule).
Rule 4: what was walked is drawn as an arrow of its own, whatever else is left out or folded.
Rule 5: a guard that only echoes the arrow's target is left out.
Rule 6: where traffic is shown, an implied arrow that many took is drawn as the written ones are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from diagrams.folding import Fold, Kind, Scope, fold, kind_of
from diagrams.text import NAMELESS, duration, percent, plain
from engine.model import Definition, State, Timer, Transition

TITLE_LENGTH = 80
LABEL_LENGTH = 160

FEW = 2
"""So many times of one event are named; more would be a list."""

MUCH = 0.02
"""The share of what left a state from which on an implied arrow is worth drawing."""


class Walked(Struct, frozen=True):
    """An arrow that an instance took; *inferred* if nobody saw it happen."""

    source: str
    event: str
    target: str
    inferred: bool = False

    @property
    def way(self) -> tuple[str, str, str]:
        """Return which arrow it was; arrows that differ in their guards alone cannot be told apart."""
        return self.source, self.event, self.target


class Overlay(Struct, frozen=True):
    """
    One instance's run: its state, the arrows it took, and the events that are *allowed* now.

    States that a definition does not have are passed over.
    """

    current: str = ""
    walked: tuple[Walked, ...] = ()
    allowed: tuple[str, ...] = ()


class StateTraffic(Struct, frozen=True):
    """
    What happened in one state.

    So many instances are in it *now*, *entered* it ever, and *dropped* off from there (they expired, or were given up);
    half of those that left it did so within the median.
    """

    now: int = 0
    entered: int = 0
    dropped: int = 0
    median_seconds: float | None = None


class Traffic(Struct, frozen=True):
    """What all instances did: by states, and how often each (source, event, target) was taken."""

    states: Mapping[str, StateTraffic] = {}
    edges: Mapping[tuple[str, str, str], int] = {}


class Taken(Struct, frozen=True, order=True):
    """How often an arrow was taken, and by which *share* of what left its source; a loop leaves nothing."""

    times: int
    share: float | None = None

    def __str__(self) -> str:
        return f"{self.times:,} times" if self.share is None else f"{percent(self.share)} · {self.times:,}"


class Node(Struct, frozen=True):
    """A state or, if it is a *crowd*, any state of the group around it that is not final."""

    id: str
    title: str
    initial: bool = False
    final: bool = False
    crowd: bool = False
    tags: tuple[str, ...] = ()
    current: bool = False
    visited: bool = False
    next: bool = False
    timers: tuple["Label", ...] = ()
    traffic: StateTraffic | None = None

    @property
    def words(self) -> str:
        """Return its title and, where traffic is shown, how many are in it now."""
        return f"{self.title} ({self.traffic.now:,} here)" if self.traffic and self.traffic.now else self.title


class Group(Struct, frozen=True):
    """What stands inside one frame, in the definition's order; the outermost group has no id and needs no frame."""

    id: str
    title: str
    members: tuple["Node | Group", ...] = ()

    def all_nodes(self) -> Iterator[Node]:
        """Yield the nodes of this group and of those inside it, in their order."""
        for member in self.members:
            if isinstance(member, Node):
                yield member
            else:
                yield from member.all_nodes()

    def all_groups(self) -> "Iterator[Group]":
        """Yield this group and those inside it."""
        yield self
        for member in self.members:
            if isinstance(member, Group):
                yield from member.all_groups()


class Label(Struct, frozen=True, order=True):
    """What is written at an arrow, fit to be shown; *after* says when a timer brings the event."""

    event: str
    guard: str = ""
    effects: tuple[str, ...] = ()
    after: str = ""

    def __str__(self) -> str:
        guard = f" [{self.guard}]" if self.guard else ""
        effects = f" / {', '.join(self.effects)}" if self.effects else ""
        return plain(f"{self.event}{guard}{effects}", LABEL_LENGTH)


class Arrow(Struct, frozen=True, order=True):
    """All that leads from one node to another in one manner."""

    source: str
    target: str
    walked: bool = False
    inferred: bool = False
    unseen: bool = False
    labels: tuple[Label, ...] = ()
    next: bool = False
    taken: Taken | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """Return all that is written at it: how often it was taken, if it was, then its labels."""
        return (*([str(self.taken)] if self.taken and self.taken.times else []), *map(str, self.labels))


class Drawing(Struct, frozen=True):
    """A picture: what there is to see, and the arrows between, sorted by the places of their ends."""

    title: str
    root: Group
    arrows: tuple[Arrow, ...]


def draw(definition: Definition, overlay: Overlay | None = None, traffic: Traffic | None = None) -> Drawing:
    """
    Return the picture of *definition*, with a run of it or the *traffic* of all laid over.

    Arrows from or to a state that does not exist are left out: their author hears of them from `validate`.
    """
    overlay = overlay or Overlay()
    states = {state.id: state for state in definition.states}
    whole = [arrow for arrow in definition.transitions if arrow.source in states and arrow.target in states]
    known = [*_without_echoes(whole)]
    walked = [walk for walk in overlay.walked if walk.source in states and walk.target in states]

    folds, apart = fold(definition.initial, _scopes(states.values()), _worth_drawing(definition, known, traffic))
    crowds = _crowds(folds, states)
    arrows = _merged(
        (
            *(_from_crowd(each, crowds[each.scope.id]) for each in folds),
            *_apart(apart, {walk.way for walk in walked}),
            *_walked(known, walked),
        )
    )
    meant = {state: frozenset({state}) for state in states}
    meant |= {crowds[each.scope.id].id: each.scope.lasting for each in folds}
    arrows = _timed(arrows, definition.timers, meant)
    if overlay.current in states:
        arrows = [_legal(arrow, overlay, meant) for arrow in arrows]
    if traffic is not None:
        arrows = [_travelled(arrow, traffic, meant) for arrow in arrows]

    timers = _timers_apart(definition.timers, arrows, meant)
    nodes = _nodes(definition, overlay.current, walked, timers, traffic)
    ahead = {arrow.target for arrow in arrows if arrow.next} - {overlay.current}
    nodes = [replace(node, next=node.id in ahead) for node in nodes]
    root = _frame("", {group.id: group.title for group in definition.groups}, nodes, crowds)
    place = {node.id: index for index, node in enumerate(root.all_nodes())}
    return Drawing(
        title=_title(definition.title, definition.name),
        root=root,
        arrows=tuple(sorted(arrows, key=lambda arrow: (place[arrow.source], place[arrow.target], arrow))),
    )


# The frames


def _frame(path: str, titles: Mapping[str, str], nodes: Iterable[Node], crowds: Mapping[str, Node]) -> Group:
    """Return the group with this dotted *path*; *nodes* are all that stand in it or deeper."""
    parts: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        inner = next((group for group in _around(node.id) if _parent(group) == path), "")
        parts.setdefault((inner, "" if inner else node.id), []).append(node)
    return Group(
        id=path,
        title=_title(titles.get(path, ""), _last(path)) if path else "",
        members=(
            *([crowds[path]] if path in crowds else ()),
            *(_frame(inner, titles, part, crowds) if inner else part[0] for (inner, _), part in parts.items()),
        ),
    )


def _nodes(
    definition: Definition,
    current: str,
    walked: Iterable[Walked],
    timers: Mapping[str, Iterable[Label]],
    traffic: Traffic | None,
) -> list[Node]:
    visited = {end for walk in walked for end in (walk.source, walk.target)}
    return [
        Node(
            id=state.id,
            title=_title(state.title, _last(state.id)),
            initial=state.id == definition.initial,
            final=state.final,
            tags=state.tags,
            current=state.id == current,
            visited=state.id in visited,
            timers=tuple(timers.get(state.id, ())),
            traffic=None if traffic is None else traffic.states.get(state.id, StateTraffic()),
        )
        for state in definition.states
    ]


def _title(title: str, name: str) -> str:
    return plain(title, TITLE_LENGTH) or plain(name, TITLE_LENGTH) or NAMELESS


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _around(path: str) -> Iterator[str]:
    """Yield the groups around a state, from the inside out."""
    while path := _parent(path):
        yield path


def _scopes(states: Iterable[State]) -> list[Scope]:
    """Return where arrows may be folded: each group, then the whole definition."""
    inside: dict[str, list[State]] = {}
    for state in states:
        for group in (*_around(state.id), ""):
            inside.setdefault(group, []).append(state)
    scopes = [
        Scope(
            id=group,
            states=frozenset(state.id for state in members),
            lasting=frozenset(state.id for state in members if not state.final),
        )
        for group, members in inside.items()
    ]
    return sorted(scopes, key=lambda scope: scope.id == "")


def _crowds(folds: Iterable[Fold], states: Collection[str]) -> dict[str, Node]:
    """Return the crowds that folded arrows start from, by their groups."""
    crowds: dict[str, Node] = {}
    for group in dict.fromkeys(each.scope.id for each in folds):
        name = f"{group}.*" if group else "*"
        while name in states:
            name += "*"
        crowds[group] = Node(name, "any of these" if group else "any state", crowd=True)
    return crowds


# The arrows


def _without_echoes(arrows: Collection[Transition]) -> Iterator[Transition]:
    """
    Yield the arrows without the guards that echo their targets.

    A guard is an echo if more than one arrow has it and its one argument is always the arrow's own target: the event
    says where it goes, and so does the picture.
    """
    uses: dict[str, list[bool]] = {}
    for arrow in arrows:
        if arrow.guard is not None:
            uses.setdefault(arrow.guard.name, []).append(arrow.guard.args == (arrow.target,))
    echoes = {name for name, echoed in uses.items() if len(echoed) > 1 and all(echoed)}
    for arrow in arrows:
        yield replace(arrow, guard=None) if arrow.guard is not None and arrow.guard.name in echoes else arrow


def _worth_drawing(definition: Definition, arrows: Collection[Transition], traffic: Traffic | None) -> list[Transition]:
    """Return the arrows not implied, or taken by many, and for each state they do not lead to the first that is."""
    order = {state.id: place for place, state in enumerate(definition.states)}
    used = _much_used(traffic) if traffic is not None else set()

    def shown(arrow: Transition) -> bool:
        return not arrow.implied or (arrow.source, arrow.event, arrow.target) in used

    drawn = [arrow for arrow in arrows if shown(arrow)]
    implied = [arrow for arrow in arrows if not shown(arrow)]
    implied.sort(key=lambda arrow: (order[arrow.target], order[arrow.source], kind_of(arrow)))
    while True:
        reached = _reached(definition.initial, drawn)
        way_on = next((arrow for arrow in implied if arrow.source in reached and arrow.target not in reached), None)
        if way_on is None:
            return drawn
        drawn.append(way_on)


def _much_used(traffic: Traffic) -> set[tuple[str, str, str]]:
    left = _left(traffic)
    return {way for way, times in traffic.edges.items() if way[0] != way[2] and times >= MUCH * left[way[0]] > 0}


def _left(traffic: Traffic) -> dict[str, int]:
    """Return how often each state was left."""
    left: dict[str, int] = {}
    for (source, _, target), times in traffic.edges.items():
        left[source] = left.get(source, 0) + (times if source != target else 0)
    return left


def _reached(start: str, arrows: Iterable[Transition]) -> set[str]:
    ways: dict[str, set[str]] = {}
    for arrow in arrows:
        ways.setdefault(arrow.source, set()).add(arrow.target)
    reached, frontier = {start}, [start]
    while frontier:
        news = ways.get(frontier.pop(), set()) - reached
        reached |= news
        frontier += news
    return reached


def _from_crowd(folded: Fold, crowd: Node) -> Arrow:
    kind = folded.kind
    return Arrow(crowd.id, crowd.id if kind.stay else kind.target, unseen=kind.unseen, labels=(_label(kind),))


def _apart(arrows: Iterable[Transition], taken: Collection[tuple[str, str, str]]) -> Iterator[Arrow]:
    """Yield the arrows that were neither folded nor walked."""
    for arrow in arrows:
        if (arrow.source, arrow.event, arrow.target) not in taken:
            yield Arrow(arrow.source, arrow.target, unseen=arrow.unseen, labels=(_label(kind_of(arrow)),))


def _walked(arrows: Iterable[Transition], walked: Iterable[Walked]) -> Iterator[Arrow]:
    """Yield what was walked. It happened, even if this version has no such arrow; seen once, it is not inferred."""
    seen = {walk.way for walk in walked if not walk.inferred}
    labels: dict[tuple[str, str, str], list[Label]] = {}
    for arrow in arrows:
        labels.setdefault((arrow.source, arrow.event, arrow.target), []).append(_label(kind_of(arrow)))
    for walk in walked:
        written = tuple(labels.get(walk.way, [Label(_event(walk.event))]))
        yield Arrow(walk.source, walk.target, walked=True, inferred=walk.way not in seen, labels=written)


def _label(kind: Kind) -> Label:
    return Label(
        event=_event(kind.event),
        guard=plain(kind.guard, LABEL_LENGTH),
        effects=tuple(plain(effect, LABEL_LENGTH) for effect in kind.effects),
    )


def _event(name: str) -> str:
    return plain(name, LABEL_LENGTH) or NAMELESS


def _merged(arrows: Iterable[Arrow]) -> list[Arrow]:
    """Return the arrows with those between the same nodes in the same manner as one."""
    labels: dict[Arrow, set[Label]] = {}
    for arrow in arrows:
        labels.setdefault(replace(arrow, labels=()), set()).update(arrow.labels)
    return [replace(arrow, labels=tuple(sorted(texts))) for arrow, texts in labels.items()]


# What is laid over the arrows; *meant* has the states that a node stands for


def _legal(arrow: Arrow, overlay: Overlay, meant: Mapping[str, Collection[str]]) -> Arrow:
    """Return *arrow* with whether one of its events may come next."""
    allowed = {_event(event) for event in overlay.allowed}
    ahead = overlay.current in meant[arrow.source] and any(label.event in allowed for label in arrow.labels)
    return replace(arrow, next=ahead)


def _travelled(arrow: Arrow, traffic: Traffic, meant: Mapping[str, Collection[str]]) -> Arrow:
    """Return *arrow* with how often it was taken."""
    sources, events = meant[arrow.source], {label.event for label in arrow.labels}
    loop = arrow.source == arrow.target
    times = sum(
        times
        for (source, event, target), times in traffic.edges.items()
        if source in sources and _event(event) in events and target == (source if loop else arrow.target)
    )
    left = sum(out for source, out in _left(traffic).items() if source in sources)
    return replace(arrow, taken=Taken(times, None if loop or not left else times / left))


def _timed(arrows: Iterable[Arrow], timers: Iterable[Timer], meant: Mapping[str, Collection[str]]) -> list[Arrow]:
    """Return *arrows* with when a timer brings their events."""
    times: dict[tuple[str, str], list[str]] = {}
    for timer in timers:
        times.setdefault((timer.state, _event(timer.event)), []).append(_when(timer))

    def labels(arrow: Arrow) -> Iterator[Label]:
        for label in arrow.labels:
            found = dict.fromkeys(
                when for state in sorted(meant[arrow.source]) for when in times.get((state, label.event), ())
            )
            yield replace(label, after=" or ".join(found) if len(found) <= FEW else "by a timer")

    return [replace(arrow, labels=tuple(labels(arrow))) for arrow in arrows]


def _timers_apart(
    timers: Iterable[Timer], arrows: Iterable[Arrow], meant: Mapping[str, Collection[str]]
) -> dict[str, list[Label]]:
    """Return the timers that no arrow shows, by their states."""
    shown = {
        (state, label.event)
        for arrow in arrows
        for label in arrow.labels
        if label.after
        for state in meant[arrow.source]
    }
    apart: dict[str, list[Label]] = {}
    for timer in timers:
        if (timer.state, _event(timer.event)) not in shown:
            apart.setdefault(timer.state, []).append(Label(_event(timer.event), after=_when(timer)))
    return apart


def _when(timer: Timer) -> str:
    """Return when a timer is due, in words."""
    if timer.at is None:
        return f"after {duration(timer.after)}"
    moment = plain(timer.at, LABEL_LENGTH)
    if not timer.after:
        return f"at {moment}"
    return f"{duration(abs(timer.after))} {'after' if timer.after > 0 else 'before'} {moment}"
