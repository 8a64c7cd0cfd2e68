"""
What a picture of a definition shows, before it is written in any language.

Rule 1: a picture is made from the definition that runs; an overlay marks it and never changes what else is drawn.
Rule 2: implied arrows are left out, but for those without which no drawn way would lead to a state.
Rule 3: what all states of a group have in common is one arrow from its crowd (diagrams/folding.py has the exact rule).
Rule 4: what was walked is drawn as an arrow of its own, whatever else is left out or folded.
Rule 5: a guard that only echoes the arrow's target is left out.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from diagrams.folding import Fold, Kind, Scope, fold, kind_of
from diagrams.text import NAMELESS, plain
from engine.model import Definition, State, Transition

TITLE_LENGTH = 80
LABEL_LENGTH = 160


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
    """One instance's run: its state and the arrows it took. States that a definition does not have are passed over."""

    current: str = ""
    walked: tuple[Walked, ...] = ()


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


class Arrow(Struct, frozen=True, order=True):
    """All that leads from one node to another in one manner; a label is `event [guard] / effect, effect`."""

    source: str
    target: str
    walked: bool = False
    inferred: bool = False
    unseen: bool = False
    labels: tuple[str, ...] = ()


class Drawing(Struct, frozen=True):
    """A picture: what there is to see, and the arrows between, sorted by the places of their ends."""

    title: str
    root: Group
    arrows: tuple[Arrow, ...]


def draw(definition: Definition, overlay: Overlay | None = None) -> Drawing:
    """
    Return the picture of *definition*, with a run of it laid over.

    Arrows from or to a state that does not exist are left out: their author hears of them from `validate`.
    """
    overlay = overlay or Overlay()
    states = {state.id: state for state in definition.states}
    whole = [arrow for arrow in definition.transitions if arrow.source in states and arrow.target in states]
    known = [*_without_echoes(whole)]
    walked = [walk for walk in overlay.walked if walk.source in states and walk.target in states]

    folds, apart = fold(definition.initial, _scopes(states.values()), _worth_drawing(definition, known))
    crowds = _crowds(folds, states)
    arrows = [
        *(_from_crowd(each, crowds[each.scope.id]) for each in folds),
        *_apart(apart, {walk.way for walk in walked}),
        *_walked(known, walked),
    ]
    nodes = _nodes(states.values(), definition.initial, overlay.current, walked)
    root = _frame("", {group.id: group.title for group in definition.groups}, nodes, crowds)
    place = {node.id: index for index, node in enumerate(root.all_nodes())}
    return Drawing(
        title=_title(definition.title, definition.name),
        root=root,
        arrows=tuple(sorted(_merged(arrows), key=lambda arrow: (place[arrow.source], place[arrow.target], arrow))),
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


def _nodes(states: Iterable[State], initial: str, current: str, walked: Iterable[Walked]) -> list[Node]:
    visited = {end for walk in walked for end in (walk.source, walk.target)}
    return [
        Node(
            id=state.id,
            title=_title(state.title, _last(state.id)),
            initial=state.id == initial,
            final=state.final,
            tags=state.tags,
            current=state.id == current,
            visited=state.id in visited,
        )
        for state in states
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


def _worth_drawing(definition: Definition, arrows: Iterable[Transition]) -> list[Transition]:
    """Return the arrows that are not implied and, for each state they do not lead to, the first that is."""
    order = {state.id: place for place, state in enumerate(definition.states)}
    implied = [arrow for arrow in arrows if arrow.implied]
    implied.sort(key=lambda arrow: (order[arrow.target], order[arrow.source], kind_of(arrow)))
    drawn = [arrow for arrow in arrows if not arrow.implied]
    while True:
        reached = _reached(definition.initial, drawn)
        way_on = next((arrow for arrow in implied if arrow.source in reached and arrow.target not in reached), None)
        if way_on is None:
            return drawn
        drawn.append(way_on)


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
    labels: dict[tuple[str, str, str], list[str]] = {}
    for arrow in arrows:
        labels.setdefault((arrow.source, arrow.event, arrow.target), []).append(_label(kind_of(arrow)))
    for walk in walked:
        written = tuple(labels.get(walk.way, [plain(walk.event, LABEL_LENGTH) or NAMELESS]))
        yield Arrow(walk.source, walk.target, walked=True, inferred=walk.way not in seen, labels=written)


def _label(kind: Kind) -> str:
    guard = f" [{kind.guard}]" if kind.guard else ""
    effects = f" / {', '.join(kind.effects)}" if kind.effects else ""
    return plain(f"{kind.event}{guard}{effects}", LABEL_LENGTH) or NAMELESS


def _merged(arrows: Iterable[Arrow]) -> list[Arrow]:
    """Return the arrows with those between the same nodes in the same manner as one."""
    labels: dict[Arrow, set[str]] = {}
    for arrow in arrows:
        labels.setdefault(replace(arrow, labels=()), set()).update(arrow.labels)
    return [replace(arrow, labels=tuple(sorted(texts))) for arrow, texts in labels.items()]
