"""
Compiles lifecycle documents: JSON in the shape of an XState v5 machine config, which tools people know can open.

What that shape lacks stands under `meta`:

- root: `title`, `ordering` ("arrival" or "event_time"), `projection`, `raise` (told by every transition) and `delays`:
  names for the keys of `after`, as milliseconds or as `{"since": NAME, "ms": …}` from a time that the context holds;
- a state with children: `title` and `milestones`, its children in their order. Scans get lost and doubled, so from a
  milestone any later one is legal, and the same again; the event is its state id. Such arrows are `implied`;
- any state: `title`, `then` (the milestones of these groups are legal from here on) and `raise` (told on entry);
- a transition: `raise`.

Rule 1: nested states are for authors and pictures; what runs is flat. An event that a child does not know, or whose
        guards it has all refused, is its parent's.
Rule 2: `exit`, `always`, `invoke`, history and parallel states are refused by name, not ignored.
Rule 3: the shape is the types below, nothing beside them: the published schema and the compiler refuse the same.
"""

import re
from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field, inspect

from definitions.json_text import decode_document, escape
from engine.errors import Problem
from engine.model import Definition, Group, Guard, Ordering, Raise, State, Timer, Transition, versioned
from engine.validate import Places, validate

MILLISECOND = 1_000
"""One millisecond, in the engine's unit."""

DELAYED = "after."
"""What the name of an event begins with that is due after a delay; the rest is the delay's."""

MAX_DELAY = 100 * 366 * 24 * 3600 * 1_000
"""The longest delay, in milliseconds: about a hundred years."""

Name = Annotated[str, Meta(pattern=r"^[^\u0000-\u0020.#]+$")]
"""What a state or a delay may be called: what a target's path can name."""

Word = Annotated[str, Meta(pattern=r"^[^\u0000-\u0020]+$")]
"""What a lifecycle or an event may be called."""


class GuardDocument(Struct, forbid_unknown_fields=True):
    """A guard with parameters; their values, in order, are its arguments."""

    type: str
    params: dict[str, str] = {}


class RaiseDocument(Struct, forbid_unknown_fields=True):
    """What is told to another instance of the family; see engine.model.Raise."""

    definition: str
    event: str
    key: str = ""
    opens: bool = False
    guard: str | GuardDocument | None = None


class TransitionMeta(Struct, forbid_unknown_fields=True):
    """What XState's shape lacks for a transition."""

    raises: list[RaiseDocument] = field(default_factory=list, name="raise")


class TransitionDocument(Struct, forbid_unknown_fields=True):
    """One way out on an event. Without a target the event is taken and the state stays."""

    target: str | None = None
    guard: str | GuardDocument | None = None
    actions: str | list[str] = []
    description: str = ""
    meta: TransitionMeta = field(default_factory=TransitionMeta)


Ways = str | TransitionDocument | list[str | TransitionDocument]


class StateMeta(Struct, forbid_unknown_fields=True):
    """What XState's shape lacks for a state."""

    title: str = ""
    milestones: list[str] = []
    then: list[str] = []
    raises: list[RaiseDocument] = field(default_factory=list, name="raise")


class StateDocument(Struct, forbid_unknown_fields=True):
    """A state, or a group of states if it has any."""

    initial: str | None = None
    states: dict[Name, "StateDocument"] = {}
    on: dict[Word, Ways] = {}
    after: dict[str, Ways] = {}
    entry: str | list[str] = []
    type: Literal["atomic", "compound", "final"] | None = None
    tags: str | list[str] = []
    description: str = ""
    meta: StateMeta = field(default_factory=StateMeta)


class ContextDelay(Struct, forbid_unknown_fields=True):
    """A delay of *ms* milliseconds that began at the time which the context holds under the name *since*."""

    since: str
    ms: Annotated[int, Meta(ge=-MAX_DELAY, le=MAX_DELAY)] = 0


class LifecycleMeta(Struct, forbid_unknown_fields=True):
    """What XState's shape lacks for a whole machine."""

    title: str = ""
    ordering: Ordering = "arrival"
    projection: str = ""
    milestones: list[str] = []
    delays: dict[Name, Annotated[int, Meta(ge=0, le=MAX_DELAY)] | ContextDelay] = {}
    raises: list[RaiseDocument] = field(default_factory=list, name="raise")


class LifecycleDocument(Struct, forbid_unknown_fields=True):
    """A whole lifecycle; the document's `$schema` and `version` are its author's."""

    id: Word
    initial: str
    states: Annotated[dict[Name, StateDocument], Meta(min_length=1)]
    on: dict[Word, Ways] = {}
    description: str = ""
    meta: LifecycleMeta = field(default_factory=LifecycleMeta)
    version: str = ""
    schema: str = field(default="", name="$schema")


class Compiled(Struct, frozen=True):
    """What a document was compiled to; without a definition it was not well formed, and the problems say where."""

    definition: Definition | None
    problems: tuple[Problem, ...]


def lifecycle_schema() -> dict[str, Any]:
    """Return the JSON Schema of a lifecycle document."""
    return msgspec.json.schema(LifecycleDocument)


def compile_lifecycle(
    source: bytes,
    guards: frozenset[str] = frozenset(),
    effects: frozenset[str] = frozenset(),
    projections: frozenset[str] | None = None,
    outcomes: Collection[tuple[str, str]] = (),
) -> Compiled:
    """
    Return the definition that the JSON text *source* describes, and everything that is wrong with it.

    *guards*, *effects* and *projections* are the names that are declared; without *projections* any may be named.
    *outcomes* are (effect, event): what who asks for the effect hears of it.
    """
    try:
        document = decode_document(source)
    except msgspec.DecodeError as error:
        return Compiled(None, (Problem("", "INVALID_JSON", str(error)),))
    malformed = tuple(_misshapen(document, _SHAPE, ""))
    if malformed:
        return Compiled(None, tuple(sorted(malformed)))
    compiler = _Compiler(msgspec.convert(document, LifecycleDocument))
    definition = compiler.definition()
    problems = [*compiler.problems, *validate(definition, guards, effects, compiler.places())]
    if definition.projection and projections is not None and definition.projection not in projections:
        message = f"no code is registered for the projection {definition.projection}"
        problems.append(Problem("/meta/projection", "UNKNOWN_PROJECTION", message))
    problems += _unheard_outcomes(definition, outcomes, compiler.places())
    canonical = msgspec.json.encode(document, order="sorted")
    return Compiled(versioned(definition, canonical), tuple(sorted(set(problems))))


def _unheard_outcomes(
    definition: Definition, outcomes: Collection[tuple[str, str]], places: Places
) -> Iterator[Problem]:
    """Yield what effects would tell who asked for them that nothing in the definition takes; where they are asked."""
    taken = {arrow.event for arrow in definition.transitions}
    for effect, event in sorted(outcomes):
        asking = next((arrow for arrow in definition.transitions if effect in arrow.effects), None)
        if asking is not None and event not in taken:
            message = f"{effect} tells {event} when it is settled, and no arrow takes that"
            yield Problem(places.transition(asking), "UNHEARD_OUTCOME", message, "warning")


# The shape

_SHAPE = inspect.type_info(LifecycleDocument)


def _misshapen(value: Any, kind: inspect.Type, pointer: str) -> Iterator[Problem]:
    """Yield everything that keeps *value* from being a *kind*. Decoding would stop at the first, and not say where."""
    if isinstance(kind, inspect.UnionType):
        # The kinds of a union differ in their JSON type, so one of them at most is meant.
        kind = next((one for one in kind.types if _is_json_type(value, one)), kind)
    if not _is_json_type(value, kind):
        yield Problem(pointer, "INVALID_PROPERTY_TYPE", f"this is no {_called(kind)}")
    elif isinstance(kind, inspect.StructType):
        yield from _misshapen_struct(value, kind, pointer)
    elif isinstance(kind, inspect.DictType):
        if len(value) < (kind.min_length or 0):
            yield Problem(pointer, "MIN_ITEMS_REQUIRED", "there is nothing in it")
        for name, member in value.items():
            here = f"{pointer}/{escape(name)}"
            if not _matches(name, kind.key_type):
                message = f"{name} is no name: it is empty, or has a character that names do not have"
                yield Problem(here, "INVALID_PROPERTY_KEY", message)
            yield from _misshapen(member, kind.value_type, here)
    elif isinstance(kind, inspect.ListType):
        for index, item in enumerate(value):
            yield from _misshapen(item, kind.item_type, f"{pointer}/{index}")


def _misshapen_struct(value: dict[str, Any], kind: inspect.StructType, pointer: str) -> Iterator[Problem]:
    fields = {each.encode_name: each for each in kind.fields}
    for name, member in value.items():
        here = f"{pointer}/{escape(name)}"
        if name in fields:
            yield from _misshapen(member, fields[name].type, here)
        else:
            yield Problem(here, "INVALID_PROPERTY_KEY", f"there is no property {name} here")
    for name, each in fields.items():
        if each.required and name not in value:
            yield Problem(pointer, "MISSING_REQUIRED_PROPERTY", f"`{name}` is missing")


def _is_json_type(value: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.StructType() | inspect.DictType():
            return isinstance(value, dict)
        case inspect.ListType():
            return isinstance(value, list)
        case inspect.StrType():
            return isinstance(value, str) and _matches(value, kind)
        case inspect.LiteralType():
            return isinstance(value, str) and value in kind.values
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool) and _is_within(value, kind)
        case inspect.NoneType():
            return value is None
    return False


def _matches(text: str, kind: inspect.Type) -> bool:
    pattern = kind.pattern if isinstance(kind, inspect.StrType) else None
    return pattern is None or re.fullmatch(pattern, text) is not None


def _is_within(number: int, kind: inspect.IntType) -> bool:
    return (kind.ge is None or number >= kind.ge) and (kind.le is None or number <= kind.le)


def _called(kind: inspect.Type) -> str:
    """Return what authors call a *kind*."""
    match kind:
        case inspect.UnionType():
            return " or ".join(_called(one) for one in kind.types)
        case inspect.LiteralType():
            return " or ".join(str(value) for value in kind.values)
        case inspect.StrType():
            return "text" if kind.pattern is None else "text without spaces"
        case inspect.IntType():
            return "whole number that is in bounds"
    return _CALLED.get(type(kind), "null")


_CALLED: dict[type[inspect.Type], str] = {
    inspect.StructType: "object",
    inspect.DictType: "object",
    inspect.ListType: "list",
    inspect.BoolType: "true or false",
}


# The meaning


class _Node(Struct, frozen=True):
    """A state of the document in its place; the root is the node with the empty id."""

    id: str
    pointer: str
    document: StateDocument
    parent: "_Node | None" = None

    def above(self) -> "Iterator[_Node]":
        """Yield this node and the nodes around it, from the inside out."""
        node: _Node | None = self
        while node is not None:
            yield node
            node = node.parent


class _Compiler:
    """Flattens one document."""

    def __init__(self, document: LifecycleDocument) -> None:
        self._document = document
        self._meta = document.meta
        root = StateDocument(
            initial=document.initial,
            states=document.states,
            on=document.on,
            meta=StateMeta(milestones=document.meta.milestones),
        )
        self._root = _Node("", "", root)
        self._nodes = {node.id: node for node in _walk(self._root)}
        self._leaves = [node for node in self._nodes.values() if node.id and not node.document.states]
        self._transitions: list[Transition] = []
        self._places: dict[Transition, str] = {}
        self._asked: dict[tuple[str, str], set[Guard | None]] = {}
        self._timers: dict[tuple[str, str], Timer] = {}
        self.problems: list[Problem] = [problem for node in self._nodes.values() for problem in self._faults(node)]

    def definition(self) -> Definition:
        """Return the flat machine."""
        for leaf in self._leaves:
            if leaf.document.type != "final":
                for node in leaf.above():
                    self._ways_out(leaf, node)
        for leaf in self._leaves:
            if leaf.document.type != "final":
                self._milestones_ahead(leaf)
        initial = self._enter(self._root)
        return Definition(
            name=self._document.id,
            initial=initial.id if initial else self._document.initial,
            states=tuple(self._state(leaf) for leaf in self._leaves),
            transitions=tuple(self._transitions),
            timers=tuple(self._timers.values()),
            groups=tuple(
                Group(node.id, node.document.meta.title)
                for node in self._nodes.values()
                if node.id and node.document.states
            ),
            ordering=self._meta.ordering,
            projection=self._meta.projection,
            title=self._meta.title,
            description=self._document.description,
        )

    def places(self) -> Places:
        """Return where the parts of the definition stand in the document."""
        return Places({node.id: node.pointer for node in self._leaves}, self._places)

    def _faults(self, node: _Node) -> Iterator[Problem]:
        """Yield what is wrong with *node* by itself, whatever leads to it."""
        document = node.document
        if document.states:
            yield from self._group_faults(node)
        elif document.type == "compound":
            yield Problem(f"{node.pointer}/type", "INVALID_PROPERTY_VALUE", "a state without `states` is no group")
        elif document.type == "final" and (document.on or document.after or document.meta.then):
            yield Problem(node.pointer, "FINAL_STATE_LEFT", f"{node.id} is final, but says where it leads")
        for index, milestone in enumerate(document.meta.milestones):
            if milestone not in document.states:
                message = f"there is no state {milestone} right inside"
                yield Problem(f"{node.pointer}/meta/milestones/{index}", "UNKNOWN_STATE", message)
        for index, group in enumerate(document.meta.then):
            if not group or group not in self._nodes:
                yield Problem(f"{node.pointer}/meta/then/{index}", "UNKNOWN_STATE", f"there is no state {group}")

    def _group_faults(self, node: _Node) -> Iterator[Problem]:
        kind, initial = node.document.type, node.document.initial
        if kind not in {None, "compound"}:
            yield Problem(f"{node.pointer}/type", "INVALID_PROPERTY_VALUE", f"a state with `states` is not {kind}")
        if initial is None:
            message = "a state with `states` says in `initial` in which of them it begins"
            yield Problem(node.pointer, "MISSING_REQUIRED_PROPERTY", message)
        elif initial not in node.document.states and (node.id or initial in self._nodes):
            # Without an initial state of its own a whole lifecycle is refused by the proof of its definition.
            message = f"there is no state {initial} right inside"
            yield Problem(f"{node.pointer}/initial", "UNKNOWN_STATE", message)

    def _state(self, leaf: _Node) -> State:
        document = leaf.document
        tags = [tag for node in leaf.above() for tag in _list(node.document.tags)]
        return State(
            id=leaf.id,
            title=document.meta.title,
            description=document.description,
            final=document.type == "final",
            tags=tuple(dict.fromkeys(tags)),
        )

    def _ways_out(self, leaf: _Node, node: _Node) -> None:
        """Add the arrows that *node*, the leaf or one of the states around it, gives the leaf."""
        for event, ways in node.document.on.items():
            self._ways(leaf, node, event, ways, f"{node.pointer}/on/{escape(event)}")
        for delay, ways in node.document.after.items():
            pointer = f"{node.pointer}/after/{escape(delay)}"
            event = f"{DELAYED}{delay}"
            timer = self._timer(leaf, event, delay)
            if timer is None:
                message = f"{delay} is neither milliseconds nor in `delays`"
                self.problems.append(Problem(pointer, "UNKNOWN_DELAY", message))
            else:
                self._timers.setdefault((leaf.id, event), timer)
                self._ways(leaf, node, event, ways, pointer)

    def _timer(self, leaf: _Node, event: str, delay: str) -> Timer | None:
        meaning = self._meta.delays.get(delay)
        if meaning is None:
            if not _MILLISECONDS.fullmatch(delay) or int(delay) > MAX_DELAY:
                return None
            meaning = int(delay)
        if isinstance(meaning, ContextDelay):
            return Timer(leaf.id, event, meaning.ms * MILLISECOND, meaning.since)
        return Timer(leaf.id, event, after=meaning * MILLISECOND)

    def _ways(self, leaf: _Node, node: _Node, event: str, ways: Ways, pointer: str) -> None:
        """Add the arrows that *node* gives the leaf on an event, but those for which a state within answers already."""
        within = frozenset(self._asked.get((leaf.id, event), ()))
        several = ways if isinstance(ways, list) else [ways]
        for index, way in enumerate(several):
            document = TransitionDocument(target=way) if isinstance(way, str) else way
            place = f"{pointer}/{index}" if isinstance(ways, list) else pointer
            target = leaf if document.target is None else self._target(node, document.target)
            if target is None:
                self.problems.append(Problem(place, "UNKNOWN_STATE", f"there is no state {document.target}"))
            elif not within & {None, _guard(document.guard)}:
                self._add(leaf, event, target, document, place)

    def _milestones_ahead(self, leaf: _Node) -> None:
        """
        Add the implied arrows of a leaf.

        They lead to itself, to the milestones after it or after the groups it is in, and to those it may go on to.
        """
        ahead: list[tuple[str, _Node]] = []
        for node in leaf.above():
            if node.parent is not None:
                milestones = node.parent.document.meta.milestones
                name = node.id.removeprefix(f"{node.parent.id}.")
                here, *later = milestones[milestones.index(name) :] if name in milestones else [""]
                ahead += [(node.id, leaf)] if here else []
                ahead += self._milestones(node.parent, later)
        for node in leaf.above():
            for group in node.document.meta.then:
                if group in self._nodes:
                    ahead += self._milestones(self._nodes[group], self._nodes[group].document.meta.milestones)
        for event, target in ahead:
            if (leaf.id, event) not in self._asked:
                node = self._nodes[event]
                self._add(leaf, event, target, TransitionDocument(), (node.parent or node).pointer, implied=True)

    def _milestones(self, group: _Node, names: list[str]) -> list[tuple[str, _Node]]:
        """Return these milestones of a group with the events that lead to them."""
        known = [_join(group.id, name) for name in names if name in group.document.states]
        return [(state_id, self._nodes[state_id]) for state_id in known]

    def _add(
        self,
        leaf: _Node,
        event: str,
        target: _Node,
        document: TransitionDocument,
        pointer: str,
        *,
        implied: bool = False,
    ) -> None:
        entered = self._enter(target)
        if entered is None:
            return
        moved = entered.id != leaf.id
        around = {node.id for node in leaf.above()}
        news = [node for node in reversed([*entered.above()]) if node.id not in around] if moved else []
        effects = [*_list(document.actions), *(action for node in news for action in _list(node.document.entry))]
        raises = [
            *document.meta.raises,
            *(told for node in news for told in node.document.meta.raises),
            *self._meta.raises,
        ]
        transition = Transition(
            source=leaf.id,
            event=event,
            target=entered.id,
            guard=_guard(document.guard),
            effects=tuple(effects),
            raises=tuple(_raise(told) for told in raises),
            implied=implied,
        )
        self._transitions.append(transition)
        self._places[transition] = pointer
        self._asked.setdefault((leaf.id, event), set()).add(transition.guard)

    def _target(self, node: _Node, target: str) -> _Node | None:
        """Return the state that *target* names, written in the state *node*: `#id.path`, `.child` or a sibling."""
        if target.startswith("#"):
            path = target.removeprefix(f"#{self._document.id}.")
        elif target.startswith("."):
            path = _join(node.id, target[1:])
        else:
            path = _join((node.parent or node).id, target)
        return self._nodes.get(path) if path else None

    def _enter(self, node: _Node) -> _Node | None:
        """Return the leaf that entering *node* leads to, or None where a group does not say which."""
        while node.document.states:
            if node.document.initial not in node.document.states:
                return None
            node = self._nodes[_join(node.id, node.document.initial)]
        return node


def _walk(node: _Node) -> Iterator[_Node]:
    yield node
    for name, document in node.document.states.items():
        child = _Node(_join(node.id, name), f"{node.pointer}/states/{escape(name)}", document, node)
        yield from _walk(child)


def _join(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


_MILLISECONDS = re.compile(r"[0-9]{1,15}")


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _guard(document: str | GuardDocument | None) -> Guard | None:
    if document is None:
        return None
    if isinstance(document, str):
        return Guard(document)
    return Guard(document.type, tuple(document.params.values()))


def _raise(document: RaiseDocument) -> Raise:
    return Raise(document.definition, document.event, document.key, document.opens, _guard(document.guard))
