"""What the compiler and the interpreter do together, compared with a walk over the documents that knows of neither."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from definitions.binding import EFFECTS, GUARDS
from definitions.lifecycle import compile_lifecycle
from engine.interpreter import Interpreter
from engine.model import Definition, Event, Instance, born
from tests.builders import NOON, an_event, refusal, says
from tests.definitions.documents import LIFECYCLES, read, source_of

ASKED = {**GUARDS, "says": says}


def compiled(document: Any) -> Definition:
    definition = compile_lifecycle(source_of(document), frozenset(ASKED), frozenset(EFFECTS)).definition
    assert definition is not None
    return definition


class Walk(Struct):
    """Where something is in its lifecycle, told from the document alone, as XState would tell it."""

    document: Any
    place: tuple[str, ...]

    def state(self) -> str:
        """Return the state's id."""
        return ".".join(self.place)

    def _node(self, place: tuple[str, ...]) -> Any:
        node = self.document
        for name in place:
            node = node["states"][name]
        return node

    def inside(self, place: tuple[str, ...]) -> tuple[str, ...]:
        """Return the state in which something that goes to *place* begins."""
        while "states" in self._node(place):
            place = (*place, self._node(place)["initial"])
        return place

    def move(self, instance: Instance, event: Event) -> bool:
        """Do what the event does; return whether it does anything."""
        if self._node(self.place).get("type") == "final":
            return False
        for depth in range(len(self.place), -1, -1):
            for way in self._ways(self.place[:depth], event.name):
                if self._holds(way.get("guard"), instance, event):
                    if "target" in way:
                        self.place = self.inside(self._target(self.place[:depth], way["target"]))
                    return True
        if not self._knows(event.name) and self._is_ahead(event.name):
            self.place = self.place if self._stays(event.name) else self.inside(tuple(event.name.split(".")))
            return True
        return False

    def _ways(self, place: tuple[str, ...], event: str) -> list[Any]:
        node = self._node(place)
        kind, name = ("after", event.removeprefix("after.")) if event.startswith("after.") else ("on", event)
        written = node.get(kind, {}).get(name, [])
        return [{"target": way} if isinstance(way, str) else way for way in listed(written)]

    def _knows(self, event: str) -> bool:
        """Return whether the state, or one around it, says something about an event, even if a guard said no."""
        return any(self._ways(self.place[:depth], event) for depth in range(len(self.place) + 1))

    def _holds(self, guard: Any, instance: Instance, event: Event) -> bool:
        if guard is None:
            return True
        written: Any = {"type": guard} if isinstance(guard, str) else guard
        return ASKED[written["type"]](instance, event, *written.get("params", {}).values())

    def _target(self, place: tuple[str, ...], target: str) -> tuple[str, ...]:
        if target.startswith("#"):
            return tuple(target.split(".")[1:])
        if target.startswith("."):
            return (*place, *target[1:].split("."))
        return (*place[:-1], *target.split("."))

    def _is_ahead(self, event: str) -> bool:
        """Return whether the event is a milestone that is still to come, here or where this may go on to."""
        *group, name = event.split(".")
        around = self.place[: len(group)]
        if list(around) == group and len(self.place) > len(group):
            milestones = self._milestones(around)
            here = self.place[len(group)]
            if here in milestones and name in milestones[milestones.index(here) :]:
                return True
        goes_on = [each for depth in range(len(self.place) + 1) for each in self._meta(self.place[:depth], "then")]
        return ".".join(group) in goes_on and name in self._milestones(tuple(group))

    def _stays(self, event: str) -> bool:
        return self.place[: event.count(".") + 1] == tuple(event.split("."))

    def _milestones(self, place: tuple[str, ...]) -> list[str]:
        return self._meta(place, "milestones")

    def _meta(self, place: tuple[str, ...], name: str) -> list[str]:
        found: list[str] = self._node(place).get("meta", {}).get(name, [])
        return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def events_of(document: Any) -> list[str]:
    """Return every event that a document speaks of, and the milestones that are events by their names."""
    found: set[str] = {"nonsense"}

    def gather(node: Any, path: tuple[str, ...]) -> None:
        found.update(node.get("on", {}))
        found.update(f"after.{delay}" for delay in node.get("after", {}))
        found.update(".".join((*path, name)) for name in node.get("meta", {}).get("milestones", []))
        for name, child in node.get("states", {}).items():
            gather(child, (*path, name))

    gather(document, ())
    return sorted(found)


def walked(document: Any, saying: st.SearchStrategy[dict[str, Any]], data: st.DataObject) -> None:
    """Walk a lifecycle by both, mostly where it can be walked, and compare after each event."""
    definition = compiled(document)
    interpreter = Interpreter(definition, ASKED, {definition.projection: lambda _: {}})
    instance = born(definition, "P-1", NOON, context={"ndr_code": "5", "unassigned_items": 0})
    walk = Walk(document, ())
    walk.place = walk.inside(())
    assert instance.state == walk.state()
    everything = events_of(document)
    for index in range(data.draw(st.sampled_from([3, 8, 15]))):
        said = data.draw(saying)
        possible = [name for name in everything if replace(walk).move(instance, an_event(name, data=said))]
        names = possible if possible and data.draw(st.integers(0, 3)) > 0 else everything
        event = an_event(data.draw(st.sampled_from(names)), f"e-{index}", data=said)
        before = instance
        refused = refusal(interpreter, before, event)
        if refused is None:
            instance = interpreter.step(before, event).after
        assert (refused is None) == walk.move(before, event), (event.name, before.state)
        assert instance.state == walk.state()


# Random ones

NAMES = ["a", "b", "c"]
EVENTS = ["go", "stop", "hit"]
Path = tuple[str, ...]


@st.composite
def lifecycles(draw: st.DrawFn) -> Any:
    """Return a lifecycle of up to three levels with guards, delays, milestones and every kind of target."""
    document = {"id": "parcel", **draw(groups(()))}
    places = [*places_of(document, ())]
    fill(draw, document, (), [], places)
    return document


@st.composite
def groups(draw: st.DrawFn, path: Path) -> Any:
    """Return states without arrows, one of which is where the group begins."""
    names = NAMES[: draw(st.integers(1 if path else 2, 3))]
    states: dict[str, Any] = {}
    for name in names:
        kind = draw(st.sampled_from(["group", "final", "plain", "plain", "plain"]))
        deeper = kind == "group" and len(path) < 2
        states[name] = draw(groups((*path, name))) if deeper else {"type": "final"} if kind == "final" else {}
    return {"initial": draw(st.sampled_from(names)), "states": states}


def places_of(node: Any, path: Path) -> Iterator[Path]:
    for name, child in node.get("states", {}).items():
        yield (*path, name)
        yield from places_of(child, (*path, name))


def fill(draw: st.DrawFn, node: dict[str, Any], path: Path, siblings: list[str], places: list[Path]) -> None:
    """Give a state and those inside it their arrows; *siblings* are the states beside it."""
    children = [*node.get("states", {})]
    for name in children:
        fill(draw, node["states"][name], (*path, name), children, places)
    if node.get("type") == "final":
        return
    targets = [f"#parcel.{'.'.join(place)}" for place in places] + siblings + [f".{child}" for child in children]
    ways = st.lists(ways_to(targets), min_size=1, max_size=2).map(lambda ways: ways if len(ways) > 1 else ways[0])
    node["on"] = draw(st.dictionaries(st.sampled_from(EVENTS), ways))
    node["meta"] = {"milestones": draw(st.permutations(children))[: draw(st.integers(0, len(children)))]}
    if path:
        node["after"] = draw(st.dictionaries(st.just("1000"), ways, max_size=draw(st.integers(0, 1))))
        node["meta"]["then"] = draw(st.lists(st.sampled_from([".".join(place) for place in places]), max_size=1))


def ways_to(targets: list[str]) -> st.SearchStrategy[Any]:
    """Return an arrow as it may be written."""
    guard = st.sampled_from([{"type": "says", "params": {"x": what}} for what in ("yes", "no")])
    target = st.sampled_from(targets)
    return (
        target
        | st.just({})
        | st.builds(lambda target: {"target": target}, target)
        | st.builds(lambda guard: {"guard": guard}, guard)
        | st.builds(lambda target, guard: {"target": target, "guard": guard}, target, guard)
    )


@settings(max_examples=120, deadline=None)
@given(document=lifecycles(), data=st.data())
def test_a_lifecycle_moves_as_its_document_says_and_in_no_other_way(document: Any, data: st.DataObject) -> None:
    saying = st.sampled_from([{}, {"yes": True}, {"no": True}, {"yes": True, "no": True}])

    walked(document, saying, data)


# Those that ship


def heard(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return what an event of a shipped lifecycle may say, for its guards to hear."""
    if name == "order":
        tags = ["expected", "delivered", "cancelled", "returned", "lost", "failed", "returning", "shipped", "preparing",
                "customer_return"]  # fmt: skip
        counts = st.dictionaries(st.sampled_from(tags), st.integers(1, 3), max_size=3)
        return st.builds(lambda tags, members: {"tags": tags, "members": members}, counts, st.integers(0, 4))
    return st.sampled_from([{}, {"late": True}, {"resolution_code": "ACTF001"}, {"resolution_code": "ACTF009"}])


@pytest.mark.parametrize("name", LIFECYCLES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_so_do_the_lifecycles_that_ship(name: str, data: st.DataObject) -> None:
    walked(read(LIFECYCLES[name]), heard(name), data)


def test_no_two_states_of_what_ships_take_an_event_differently_than_the_walk() -> None:
    """From each state of the lifecycles that ask no guard, each event."""
    for name in ("flow_health", "message", "shipment", "subscription"):
        document = read(LIFECYCLES[name])
        definition = compiled(document)
        interpreter = Interpreter(definition, ASKED, {definition.projection: lambda _: {}})
        for state in definition.states:
            for event in events_of(document):
                instance = Instance(name, definition.version, "P-1", state.id, NOON, NOON, path=(state.id,))
                walk = Walk(document, tuple(state.id.split(".")))
                happened = an_event(event)
                moves = walk.move(instance, happened)
                allowed = event in interpreter.allowed(instance)
                assert allowed == moves, (name, state.id, event)
                if allowed:
                    assert interpreter.step(instance, happened).after.state == walk.state(), (name, state.id, event)
