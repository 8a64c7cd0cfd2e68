"""
Folds arrows that many states have in common: drawn one by one they would make a picture unreadable.

Arrows are alike if event, guard, effects and target are the same, and all or none are unseen. For arrows that lead back
to where they start, the target does not count. A scope is a group, or the whole definition.

Rule 1: where every state of a scope has an arrow alike, these are one arrow from the scope's crowd. States that are
        final are not asked, nor is the target; at least three must be left to ask.
Rule 2: a wider scope goes first, and a group before a whole definition that has no more states to ask.
Rule 3: folded as well are such arrows of the scope's final states, and the target's own arrow on that event and guard
        if all its effects are among theirs.
Rule 4: the initial state keeps its own arrows beside the folded ones if it would be left without any.
"""

from collections.abc import Collection, Iterable

from msgspec import Struct
from msgspec.structs import replace

from engine.model import Transition

ENOUGH = 3
"""So many arrows alike are worth folding."""


class Kind(Struct, frozen=True, order=True):
    """What arrows alike have in common; those that *stay* lead back to where they start and have no target here."""

    event: str
    guard: str
    effects: tuple[str, ...]
    unseen: bool
    stay: bool
    target: str


class Scope(Struct, frozen=True):
    """The states of a group, or of the whole definition if it has no id; *lasting* are those that are not final."""

    id: str
    states: frozenset[str]
    lasting: frozenset[str]


class Fold(Struct, frozen=True):
    """One arrow for all of a kind in a scope."""

    scope: Scope
    kind: Kind


Alike = dict[Kind, dict[str, Transition]]
"""The arrows of each kind, by their sources."""


def kind_of(arrow: Transition) -> Kind:
    """Return what makes other arrows like this one."""
    stay = arrow.source == arrow.target
    guard = "" if arrow.guard is None else str(arrow.guard)
    return Kind(arrow.event, guard, arrow.effects, arrow.unseen, stay, "" if stay else arrow.target)


def fold(initial: str, scopes: Collection[Scope], arrows: Iterable[Transition]) -> tuple[list[Fold], list[Transition]]:
    """Return the folds, and the arrows to draw apart; of scopes with as many states to ask, the first goes first."""
    alike: Alike = {}
    for arrow in arrows:
        alike.setdefault(kind_of(arrow), {})[arrow.source] = arrow
    folds: list[Fold] = []
    folded: list[Transition] = []
    for kind in sorted(alike):
        for scope in sorted(scopes, key=lambda scope: -len(scope.lasting - {kind.target})):
            asked = scope.lasting - {kind.target}
            if len(asked) >= ENOUGH and asked <= alike[kind].keys():
                folds.append(Fold(scope, kind))
                folded += [alike[kind].pop(state) for state in scope.states & alike[kind].keys()]
    for each in folds:
        _fold_the_targets_own(each, alike)

    apart = [arrow for sources in alike.values() for arrow in sources.values()]
    touched = {each.kind.target for each in folds}
    touched.update(end for arrow in apart if arrow.source != arrow.target for end in (arrow.source, arrow.target))
    if initial not in touched:
        apart += [arrow for arrow in folded if arrow.source == initial != arrow.target]
    return folds, apart


def _fold_the_targets_own(folded: Fold, alike: Alike) -> None:
    kind = folded.kind
    for other, sources in alike.items():
        repeated = other == replace(kind, effects=other.effects, stay=True, target="")
        if repeated and kind.target in folded.scope.states and set(other.effects) <= set(kind.effects):
            sources.pop(kind.target, None)
