"""
Compiles lifecycle documents: JSON in the shape of an XState v5 machine config, which tools people know can open.

What that shape lacks stands under `meta`:

- root: `title`, `ordering` ("arrival" or "event_time"), `projection`, `raise` (told by every transition) and `delays`:
  names for the keys of `after`, as milliseconds or as `{"since": NAME, "ms": …}` from a time that the context holds;
- a state with children: `title` and `milestones`, its children in their order. Scans get lost and doubled, so from a
  milestone any later one is legal, and the same again; the event is its state id. Such arrows are `implied`;
- any state: `title`, `then` (the milestones of these groups are legal from here on) and `raise` (told on entry);
- a transition: `raise`.

Rule 1: nested states are for authors and pictures; what runs is flat. An event a child does not know is its parent's.
Rule 2: `exit`, `always`, `invoke`, history and parallel states are refused by name, not ignored.
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from definitions.json_text import decode_document, escape
from engine.errors import Problem
from engine.model import Definition, Group, Guard, Ordering, Raise, State, Timer, Transition, versioned
from engine.validate import Places, validate

MILLISECOND = 1_000
"""One millisecond, in the engine's unit."""


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
    states: dict[str, "StateDocument"] = {}
    on: dict[str, Ways] = {}
    after: dict[str, Ways] = {}
    entry: str | list[str] = []
    type: Literal["atomic", "compound", "final"] | None = None
    tags: str | list[str] = []
    description: str = ""
    meta: StateMeta = field(default_factory=StateMeta)


class ContextDelay(Struct, forbid_unknown_fields=True):
    """A delay of *ms* milliseconds that began at the time which the context holds under the name *since*."""

    since: str
    ms: int = 0


class LifecycleMeta(Struct, forbid_unknown_fields=True):
    """What XState's shape lacks for a whole machine."""

    title: str = ""
    ordering: Ordering = "arrival"
    projection: str = ""
    milestones: list[str] = []
    delays: dict[str, int | ContextDelay] = {}
    raises: list[RaiseDocument] = field(default_factory=list, name="raise")


class LifecycleDocument(Struct, forbid_unknown_fields=True):
    """A whole lifecycle; the document's `$schema` and `version` are its author's."""

    id: str
    initial: str
    states: dict[str, StateDocument]
    on: dict[str, Ways] = {}
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
    source: bytes, guards: frozenset[str] = frozenset(), effects: frozenset[str] = frozenset()
) -> Compiled:
    """Return the definition that the JSON text *source* describes, and everything that is wrong with it."""
    try:
        document = decode_document(source)
    except msgspec.DecodeError as error:
        return Compiled(None, (Problem("", "INVALID_JSON", str(error)),))
    malformed = tuple(_malformed(document))
    if malformed:
        return Compiled(None, malformed)
    compiler = _Compiler(msgspec.convert(document, LifecycleDocument))
    definition = compiler.definition()
    problems = (*compiler.problems, *validate(definition, guards, effects, compiler.places()))
    canonical = msgspec.json.encode(document, order="sorted")
    return Compiled(versioned(definition, canonical), tuple(sorted(set(problems))))


# The shape


def _malformed(document: Any) -> Iterator[Problem]:
    """Yield a problem for each part of a document that does not have its shape."""
    if not isinstance(document, dict):
        yield Problem("", "INVALID_PROPERTY_TYPE", "a lifecycle is a JSON object")
        return
    yield from _misshapen({**document, "states": {}, "on": {}}, LifecycleDocument, "")
    if not document.get("states"):
        yield Problem("", "MISSING_REQUIRED_PROPERTY", "a lifecycle has `states`")
    yield from _malformed_ways(document, "")
    yield from _malformed_states(document, "")


def _malformed_states(parent: dict[str, Any], pointer: str) -> Iterator[Problem]:
    states = parent.get("states", {})
    if not isinstance(states, dict):
        yield Problem(f"{pointer}/states", "INVALID_PROPERTY_TYPE", "`states` is an object")
        return
    for name, state in states.items():
        here = f"{pointer}/states/{escape(name)}"
        if not isinstance(state, dict):
            yield Problem(here, "INVALID_PROPERTY_TYPE", "a state is an object")
            continue
        yield from _misshapen({**state, "states": {}, "on": {}, "after": {}}, StateDocument, here)
        yield from _malformed_ways(state, here)
        yield from _malformed_states(state, here)


def _malformed_ways(state: dict[str, Any], pointer: str) -> Iterator[Problem]:
    for name in ("on", "after"):
        events = state.get(name, {})
        if not isinstance(events, dict):
            yield Problem(f"{pointer}/{name}", "INVALID_PROPERTY_TYPE", f"`{name}` is an object")
            continue
        for event, ways in events.items():
            here = f"{pointer}/{name}/{escape(event)}"
            several = isinstance(ways, list)
            for index, way in enumerate(ways if several else [ways]):
                yield from _misshapen(way, str | TransitionDocument, f"{here}/{index}" if several else here)


def _misshapen(part: Any, kind: Any, pointer: str) -> Iterator[Problem]:
    """Yield the first thing that keeps *part* from being a *kind*."""
    try:
        msgspec.convert(part, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        unknown = "unknown field" in message
        code = "INVALID_PROPERTY_KEY" if unknown else "INVALID_PROPERTY_TYPE"
        if "missing required" in message:
            code = "MISSING_REQUIRED_PROPERTY"
        steps = path.rstrip("`").replace("[", ".").replace("]", "")
        yield Problem(pointer + "".join(f"/{escape(step)}" for step in steps.split(".") if step), code, message)


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
        self._transitions: dict[Transition, str] = {}
        self._taken: set[tuple[str, str]] = set()
        self._timers: list[Timer] = []
        self.problems: list[Problem] = []

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
            timers=tuple(self._timers),
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
        return Places({node.id: node.pointer for node in self._leaves}, self._transitions)

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
            event = f"after.{delay}"
            timer = self._timer(leaf, event, delay)
            if timer is None:
                self.problems.append(
                    Problem(pointer, "UNKNOWN_DELAY", f"{delay} is neither milliseconds nor in `delays`")
                )
            else:
                self._timers.append(timer)
                self._ways(leaf, node, event, ways, pointer)

    def _timer(self, leaf: _Node, event: str, delay: str) -> Timer | None:
        meaning = self._meta.delays.get(delay, int(delay) if delay.isdecimal() else None)
        if meaning is None:
            return None
        if isinstance(meaning, ContextDelay):
            return Timer(leaf.id, event, meaning.ms * MILLISECOND, meaning.since)
        return Timer(leaf.id, event, after=meaning * MILLISECOND)

    def _ways(self, leaf: _Node, node: _Node, event: str, ways: Ways, pointer: str) -> None:
        several = ways if isinstance(ways, list) else [ways]
        for index, way in enumerate(several):
            document = TransitionDocument(target=way) if isinstance(way, str) else way
            place = f"{pointer}/{index}" if isinstance(ways, list) else pointer
            target = leaf if document.target is None else self._target(node, document.target)
            if target is None:
                message = f"there is no state {document.target} to go to"
                self.problems.append(Problem(place, "UNKNOWN_STATE", message))
            else:
                self._add(leaf, event, target, document, place)

    def _milestones_ahead(self, leaf: _Node) -> None:
        """Add the implied arrows of a leaf: itself, later milestones of its group, and all of those it may go on to."""
        parent = leaf.parent or self._root
        milestones = parent.document.meta.milestones
        name = leaf.id.removeprefix(f"{parent.id}.")
        later = milestones[milestones.index(name) :] if name in milestones else []
        ahead = [_join(parent.id, milestone) for milestone in later]
        for node in leaf.above():
            for group in node.document.meta.then:
                if group in self._nodes:
                    ahead += [_join(group, milestone) for milestone in self._nodes[group].document.meta.milestones]
                else:
                    message = f"there is no state {group} to go on to"
                    self.problems.append(Problem(f"{node.pointer}/meta/then", "UNKNOWN_STATE", message))
        for state_id in ahead:
            target = self._nodes.get(state_id)
            if target is None:
                self.problems.append(
                    Problem(parent.pointer, "UNKNOWN_STATE", f"the milestone {state_id} does not exist")
                )
            elif (leaf.id, state_id) not in self._taken:
                self._add(leaf, state_id, target, TransitionDocument(), parent.pointer, implied=True)

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
            self.problems.append(
                Problem(target.pointer, "MISSING_REQUIRED_PROPERTY", "a state with children has an `initial`")
            )
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
        self._transitions.setdefault(transition, pointer)
        self._taken.add((leaf.id, event))

    def _target(self, node: _Node, target: str) -> _Node | None:
        """Return the state that *target* names, written in the state *node*: `#id.path`, `.child` or a sibling."""
        if target.startswith("#"):
            _, _, path = target.partition(".")
            return self._nodes.get(path) if path else None
        if target.startswith("."):
            return self._nodes.get(_join(node.id, target[1:]))
        around = node.parent or node
        return self._nodes.get(_join(around.id, target))

    def _enter(self, node: _Node) -> _Node | None:
        """Return the leaf that entering *node* leads to."""
        while node.document.states:
            child = self._nodes.get(_join(node.id, node.document.initial or ""))
            if child is None:
                return None
            node = child
        return node


def _walk(node: _Node) -> Iterator[_Node]:
    yield node
    for name, document in node.document.states.items():
        child = _Node(_join(node.id, name), f"{node.pointer}/states/{escape(name)}", document, node)
        yield from _walk(child)


def _join(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


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
