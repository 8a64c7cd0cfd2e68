from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from definitions.binding import GUARDS
from definitions.flow_compiler import compile_flow
from engine.interpreter import Interpreter
from engine.model import SECOND, Definition, Guard, Instance, State, Timer, Transition, born
from tests.builders import NOON, an_event, refusal
from tests.definitions.documents import FLOWS, a_flow, a_screen, an_exchange, does, read, source_of, the_end


def compiled(document: Any, name: str = "survey") -> Definition:
    definition = compile_flow(name, source_of(document)).definition
    assert definition is not None
    return definition


def to(source: str, event: str, target: str, **flags: Any) -> Transition:
    return Transition(source, event, target, Guard("goes_to", (target,)), **flags)


def completing(source: str, **flags: Any) -> Transition:
    return Transition(source, "complete", "completed", effects=("announce",), **flags)


# The whole


@pytest.mark.parametrize(
    ("name", "title"),
    [("survey", "Survey"), ("ndr_resolution", "NDR resolution"), ("pay_by_upi", "Pay by UPI")],
)
def test_a_flow_is_called_by_its_name_in_words(name: str, title: str) -> None:
    assert compiled(a_flow(the_end()), name).title == title


@pytest.mark.parametrize("title", ["${data.name}", "`'About ' ${data.name}`"])
def test_a_screen_whose_title_only_its_data_say_is_called_by_its_id(title: str) -> None:
    screen = {"id": "PRODUCT_DETAIL", "title": title, "data": {"name": {"type": "string", "__example__": "Tea"}}}

    definition = compiled(a_flow({**the_end(), **screen}))

    assert next(state.title for state in definition.states if state.id == "PRODUCT_DETAIL") == "Product detail"


def test_a_flow_without_an_endpoint_is_what_the_phone_does_by_itself() -> None:
    definition = compiled(a_flow(a_screen("START", does("navigate", "END")), the_end()), "join_us")

    assert definition == Definition(
        name="join_us",
        title="Join us",
        initial="not_opened",
        states=(
            State("not_opened", "Not opened"),
            State("START", "Start", tags=("screen",)),
            State("END", "End", tags=("screen", "terminal", "success")),
            State("completed", "Completed", final=True),
            State("expired", "Expired", final=True),
            State("abandoned", "Abandoned", final=True),
        ),
        transitions=(
            to("not_opened", "navigate", "START", unseen=True),
            completing("not_opened", implied=True),
            Transition("not_opened", "expire", "expired"),
            Transition("not_opened", "abandon", "abandoned"),
            to("START", "navigate", "END", unseen=True),
            completing("START", implied=True),
            Transition("START", "expire", "expired"),
            Transition("START", "abandon", "abandoned"),
            Transition("END", "BACK", "START", Guard("came_from", ("START",)), unseen=True),
            completing("END"),
            Transition("END", "expire", "expired"),
            Transition("END", "abandon", "abandoned"),
        ),
        timers=(
            *(Timer(state, "expire", at="expires_at") for state in ("not_opened", "START", "END")),
            *(Timer(state, "abandon", after=3 * 24 * 3600 * SECOND) for state in ("START", "END")),
        ),
        version=definition.version,
    )


def test_a_screen_says_how_it_ends_the_flow_and_whether_back_asks() -> None:
    definition = compiled(
        an_exchange({"FIRST": ["NO", "YES"], "NO": [], "YES": []}, NO={"success": False}, YES={"refresh_on_back": True})
    )

    assert {state.id: state.tags for state in definition.states if "screen" in state.tags} == {
        "FIRST": ("screen",),
        "NO": ("screen", "terminal", "failure"),
        "YES": ("screen", "terminal", "success", "refresh_on_back"),
    }


def test_a_flow_with_an_endpoint_goes_where_its_logic_says_along_its_routes() -> None:
    definition = compiled(an_exchange({"FIRST": ["LAST"], "LAST": []}))

    assert definition.transitions == (
        to("not_opened", "INIT", "FIRST"),
        to("not_opened", "navigate", "FIRST", unseen=True),
        completing("not_opened", implied=True),
        Transition("not_opened", "expire", "expired"),
        Transition("not_opened", "abandon", "abandoned"),
        Transition("FIRST", "BACK", "LAST", Guard("came_from", ("LAST",)), implied=True, unseen=True),
        to("FIRST", "data_exchange", "LAST"),
        to("FIRST", "data_exchange", "FIRST", implied=True),
        to("FIRST", "data_exchange", "completed", effects=("announce",)),
        completing("FIRST", implied=True),
        to("FIRST", "reopened", "FIRST", implied=True),
        Transition("FIRST", "expire", "expired"),
        Transition("FIRST", "abandon", "abandoned"),
        Transition("LAST", "BACK", "FIRST", Guard("came_from", ("FIRST",)), unseen=True),
        to("LAST", "data_exchange", "LAST", implied=True),
        to("LAST", "data_exchange", "FIRST", implied=True),
        to("LAST", "data_exchange", "completed", effects=("announce",)),
        completing("LAST", implied=True),
        to("LAST", "reopened", "FIRST", implied=True),
        Transition("LAST", "expire", "expired"),
        Transition("LAST", "abandon", "abandoned"),
    )


def test_a_version_is_that_of_the_content() -> None:
    document = a_flow(a_screen("START", does("navigate", "END")), the_end())
    same = {name: document[name] for name in reversed(document)}
    other = a_flow(a_screen("START", does("navigate", "END"), {"type": "TextBody", "text": "Hello"}), the_end())

    assert compiled(document).version == compiled(same).version
    assert compiled(document).version != compiled(other).version
    assert compiled(document).version != compiled(document, "another").version


@pytest.mark.parametrize("name", FLOWS)
def test_what_ships_compiles_without_an_error(name: str) -> None:
    result = compile_flow(name, FLOWS[name].read_bytes())

    assert result.definition is not None
    assert [problem for problem in result.problems if problem.severity == "error"] == []


@pytest.mark.parametrize("way", [("A", "B", "C"), ("A", "C")])
def test_going_back_goes_the_way_that_was_come(way: tuple[str, ...]) -> None:
    document = a_flow(
        a_screen("A", does("navigate", "B"), does("navigate", "C")), a_screen("B", does("navigate", "C")), the_end("C")
    )
    interpreter = Interpreter(compiled(document), GUARDS)
    instance = born(interpreter.definition, "token-1", NOON)
    for screen in way:
        instance = interpreter.step(instance, an_event("navigate", screen, data={"to": screen})).after

    assert interpreter.step(instance, an_event("BACK")).after.state == way[-2]


# A walk that knows nothing of compilers


class Walk(Struct):
    """Where a customer is in a Flow, told from its JSON alone; `move` says whether something is possible."""

    document: Any
    state: str = "not_opened"
    path: tuple[str, ...] = ("not_opened",)

    def move(self, event: str, target: str) -> bool:
        """Do what a phone or its server might, and return whether it is possible."""
        goal = self._goal(event, target)
        if goal:
            self.path = (*self.path[: self.path.index(goal)], goal) if goal in self.path else (*self.path, goal)
            self.state = goal
        return bool(goal)

    def _goal(self, event: str, target: str) -> str:
        if self.state in {"completed", "expired", "abandoned"}:
            return ""
        if event in {"complete", "expire", "abandon"}:
            return {"complete": "completed", "expire": "expired", "abandon": "abandoned"}[event]
        if event == "BACK":
            before = self.path[-2] if len(self.path) > 1 else ""
            return before if before in self._screens() and self._may_have_led(before, self.state) else ""
        opening = event == ("INIT" if self.state == "not_opened" else "reopened") and self._asks_an_endpoint()
        if opening or (event == "navigate" and self.state == "not_opened"):
            return target if target in self._entries() else ""
        if self.state == "not_opened":
            return ""
        if event == "navigate":
            return target if target in self._actions(self.state, "navigate") else ""
        if event == "data_exchange" and self._actions(self.state, "data_exchange"):
            near = target in self._screens() and (
                target == self.state or target in self._routes(self.state) or self._leads(target, self.state)
            )
            return target if near or target == "completed" else ""
        return ""

    def _screens(self) -> dict[str, Any]:
        return {screen["id"]: screen for screen in self.document["screens"]}

    def _asks_an_endpoint(self) -> bool:
        return "data_api_version" in self.document

    def _actions(self, screen: str, name: str) -> list[str]:
        """Return where the actions of that name lead, wherever in a screen they are."""

        def inside(value: Any) -> Iterator[str]:
            if isinstance(value, dict):
                if value.get("name") == name and "payload" in value:
                    yield value.get("next", {}).get("name", "somewhere")
                for member in value.values():
                    yield from inside(member)
            elif isinstance(value, list):
                for item in value:
                    yield from inside(item)

        return [*inside(self._screens()[screen]["layout"])]

    def _routes(self, screen: str) -> list[str]:
        if self._asks_an_endpoint():
            routes: list[str] = self.document["routing_model"].get(screen, [])
            return routes
        return self._actions(screen, "navigate")

    def _leads(self, start: str, end: str) -> bool:
        return start != end and end in (*self._routes(start), *self._actions(start, "navigate"))

    def _may_have_led(self, start: str, end: str) -> bool:
        """Return whether one move leads from a screen to another: an answer may lead against a route, too."""
        is_against = bool(self._actions(start, "data_exchange")) and start in self._routes(end)
        return is_against or self._leads(start, end)

    def _entries(self) -> list[str]:
        return [
            screen
            for screen in self._screens()
            if not any(self._leads(other, screen) for other in self._screens() if other != screen)
        ]


def nested(component: dict[str, Any], how: int) -> dict[str, Any]:
    """Return a component as it stands, or inside another."""
    return [
        component,
        {"type": "Form", "name": "form", "children": [component]},
        {"type": "If", "condition": "${data.x}", "then": [component], "else": []},
        {"type": "If", "condition": "${data.x}", "then": [], "else": [component]},
        {"type": "Switch", "value": "${data.x}", "cases": {"a": [], "b": [component]}},
    ][how]


@st.composite
def flows(draw: st.DrawFn) -> Any:
    """Return a Flow of up to six screens: any way they can be joined, with an endpoint or without, or a round in it."""
    names = [*"ABCDEF"][: draw(st.sampled_from([2, 3, 4, 6]))]
    some = st.sets(st.sampled_from(names))
    routes: dict[str, list[str]] = {name: [] for name in names}
    for index, name in enumerate(names[1:], start=1):
        before = draw(st.sets(st.sampled_from(names[:index]), min_size=1, max_size=3))
        for other in sorted(before):
            routes[other].append(name)
    if draw(st.booleans()) and len(names) > 3:
        routes[names[-1]].append(names[1])
        routes[names[1]] = [name for name in routes[names[1]] if name != names[-1]]
    has_endpoint = draw(st.booleans())
    asking = draw(some) if has_endpoint else set()
    screens = []
    for name in names:
        leads = [to for to in routes[name] if not has_endpoint or draw(st.booleans())]
        kinds = st.sampled_from(["Footer", "EmbeddedLink", "OptIn"])
        components = [nested(does("navigate", following, draw(kinds)), draw(st.integers(0, 4))) for following in leads]
        if name in asking:
            components.append(does("data_exchange"))
        screens.append(a_screen(name, *components, does("complete"), terminal=True))
    return a_flow(*screens, **({"routing_model": routes} if has_endpoint else {}))


GOING = ["INIT", "reopened", "navigate", "BACK", "data_exchange"]
ENDING = ["complete", "expire", "abandon"]


def walked(document: Any, data: st.DataObject) -> None:
    """Walk a Flow by both, mostly where it can be walked, and compare after each move."""
    definition = compiled(document)
    interpreter = Interpreter(definition, GUARDS)
    instance: Instance = born(definition, "token-1", NOON)
    walk = Walk(document)
    targets = [*(screen["id"] for screen in document["screens"]), "completed", "not_opened", "MOON"]
    everything = [(event, target) for event in (*GOING, *ENDING) for target in targets]
    for index in range(data.draw(st.sampled_from([3, 8, 15]))):
        possible = [
            (event, target)
            for event, target in everything
            if event in GOING and target != "completed" and replace(walk).move(event, target)
        ]
        moves = possible if possible and data.draw(st.integers(0, 3)) > 0 else everything
        event, target = data.draw(st.sampled_from(moves))
        happened = an_event(event, f"e-{index}", data={} if event == "BACK" else {"to": target})
        before = instance
        refused = refusal(interpreter, before, happened)
        if refused is None:
            instance = interpreter.step(before, happened).after
        assert (refused is None) == walk.move(event, target), (event, target, before.path)
        assert (instance.state, instance.path) == (walk.state, walk.path)


@settings(max_examples=120, deadline=None)
@given(document=flows(), data=st.data())
def test_a_flow_moves_as_its_document_says_and_in_no_other_way(document: Any, data: st.DataObject) -> None:
    walked(document, data)


@pytest.mark.parametrize("name", FLOWS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_so_do_the_flows_that_ship(name: str, data: st.DataObject) -> None:
    walked(read(FLOWS[name]), data)
