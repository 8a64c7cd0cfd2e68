"""
What a picture of a definition shows, before it is written in any language.

Rule 1: a picture is made from the definition that runs. An overlay adds marks and the arrows that were walked; it never
        moves the rest.
Rule 2: implied arrows are left out, but for those without which no drawn way would lead to a state.
Rule 3: what all states of a group do alike is one arrow from the group (`_fold` has the exact rule).
Rule 4: what was walked is drawn as an arrow of its own, whatever else is left out or folded.
Rule 5: titles and labels come from outside. Here each becomes one short line of visible text; the languages escape it.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from engine.model import Definition, State, Transition

TITLE_LENGTH = 80
LABEL_LENGTH = 160

MANY = 3
"""So many arrows that are alike are worth folding into one."""


class Walked(Struct, frozen=True):
    """An arrow that an instance took; *inferred* if nobody saw it happen."""

    source: str
    event: str
    target: str
    inferred: bool = False


class Overlay(Struct, frozen=True):
    """One instance's run: its state and the arrows it took. States that the definition does not have are passed over."""

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
    """What stands inside one frame; the outermost group has no id and needs no frame."""

    id: str
    title: str
    nodes: tuple[Node, ...] = ()
    groups: tuple["Group", ...] = ()

    def all_nodes(self) -> "Iterator[Node]":
        """Yield the nodes of this group and of those inside it."""
        yield from self.nodes
        for group in self.groups:
            yield from group.all_nodes()

    def all_groups(self) -> "Iterator[Group]":
        """Yield this group and those inside it."""
        yield self
        for group in self.groups:
            yield from group.all_groups()


class Arrow(Struct, frozen=True, order=True):
    """
    All that leads from one place to another in one manner; a label is `event [guard] / effect, effect`.

    Both ends are ids of nodes; only a source *from_group* is the id of a group, one that the target is not in.
    """

    source: str
    target: str
    from_group: bool = False
    walked: bool = False
    inferred: bool = False
    unseen: bool = False
    labels: tuple[str, ...] = ()


class Drawing(Struct, frozen=True):
    """A picture: the frames and what is in them, in the definition's order, and the arrows between, sorted."""

    title: str
    root: Group
    arrows: tuple[Arrow, ...]


def draw(definition: Definition, overlay: Overlay | None = None) -> Drawing:
    """
    Return the picture of *definition*, with a run of it laid over.

    Arrows from or to a state that does not exist are left out: the author hears of them from `validate`.
    """
    overlay = overlay or Overlay()
    states = {state.id: state for state in definition.states}
    known = [arrow for arrow in definition.transitions if arrow.source in states and arrow.target in states]
    walked = [walk for walk in overlay.walked if walk.source in states and walk.target in states]

    places = _Places(definition)
    folds, apart = _fold(places, _worth_drawing(definition, known))
    taken = {(walk.source, walk.event, walk.target) for walk in walked}
    arrows = [
        *(places.folded(scope, kind) for scope, kind in folds),
        *(
            Arrow(arrow.source, arrow.target, unseen=arrow.unseen, labels=(_Kind.of(arrow).label,))
            for arrow in apart
            if (arrow.source, arrow.event, arrow.target) not in taken
        ),
        *_walked(known, walked),
    ]
    return Drawing(
        title=plain(definition.title) or plain(definition.name),
        root=places.root(_nodes(definition, overlay.current, walked)),
        arrows=tuple(_merged(arrows)),
    )
