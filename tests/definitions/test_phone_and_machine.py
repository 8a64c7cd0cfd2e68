"""
What the compiled machine takes from a phone, compared with phones that know nothing of it.

A phone is a stack of visited screens: `navigate` pushes, going back pops, an answer shows another screen. What happens
between two calls nobody sees, so after some calls a phone may be in one of several places. `Phones` holds them all, and
reads the document itself. A call is possible if one of them can make it; the machine must take just those.

Rule 1: an answer that shows a screen of the way here goes back to it, any other goes on from where the phone is.
Rule 2: BACK is taken from every screen, not only from one with `refresh_on_back`; so the machine has it.
Rule 3: a call that was refused, or answered wrongly, changes nothing: not the session, nor what is known of a phone.
"""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec import Struct, field

from definitions.binding import GUARDS
from definitions.flow_calls import Call, Flow, Reply
from definitions.flow_compiler import compile_flow
from definitions.screens import Next, Screens, Session, Success
from engine.inference import infer
from engine.interpreter import Interpreter
from engine.model import SECOND, Event, Instance, born
from tests.builders import NOON
from tests.definitions.documents import a_screen, does, source_of

NAMES = ("WISH", "SIZE", "COLOUR", "ADDRESS", "CARD", "GIFT", "SUM", "THANKS")
END = "SUCCESS"
NOWHERE: tuple[str, ...] = ()
"""The way of a phone that has not opened the Flow yet."""

OFTEN_ENOUGH = 2
"""How often a way passes a screen: who goes round and round gets nowhere else."""

Stack = tuple[str, ...]


# The phones


class Phones(Struct):
    """Every place where a phone may be with what is known of it; *ways* are screens visited, the current one last."""

    document: Any
    ways: set[Stack] = field(default_factory=lambda: {NOWHERE})

    def may_be_at(self) -> set[str]:
        """Return the screens that a phone may be on."""
        return {way[-1] for way in self.wandered() if way}

    def can_submit(self, screen: str) -> bool:
        """Return whether a phone may be on *screen* and ask the endpoint there."""
        return asks(self.document, screen) and screen in self.may_be_at()

    def can_go_back(self, screen: str) -> bool:
        """Return whether a phone may be leaving *screen* by going back."""
        return bool(self.left(screen))

    def answers(self, screen: str) -> set[str]:
        """Return what a submission from *screen* may be answered with, by the routing model."""
        routes = self.document["routing_model"]
        return {other for other in routes if other in routes[screen] or screen in routes[other]} | {screen, END}

    def strays(self, screen: str, answer: str) -> bool:
        """Return whether *answer* leads against a route, to where some phone on *screen* has not been."""
        ways = [way for way in self.wandered() if way and way[-1] == screen]
        onwards = {*self.document["routing_model"][screen], screen, END}
        return answer not in onwards and not all(answer in way for way in ways)

    def submitted(self, screen: str, answer: str) -> None:
        """Show *answer* on the phones that are on *screen*."""
        self.ways = {shown(way, answer) for way in self.wandered() if way and way[-1] == screen}

    def left(self, screen: str) -> set[str]:
        """Return where the phones are that have left *screen*, after having gone back."""
        return {way[-2] for way in self.wandered() if len(way) > 1 and way[-1] == screen}

    def went_back(self, screen: str, to: str) -> None:
        """Let the phones go back from *screen*, those that come *to* another thereby."""
        self.ways = {way[:-1] for way in self.wandered() if way[-2:] == (to, screen)}

    def opened(self, entry: str) -> None:
        """Begin anew."""
        self.ways = {(entry,)}

    def wandered(self) -> set[Stack]:
        """Return all ways that the phones may have gone by now, those of them included that stand still."""
        found = set(self.ways)
        waiting = [*found]
        while waiting:
            for further in self._moves(waiting.pop()):
                if further not in found:
                    found.add(further)
                    waiting.append(further)
        return found

    def _moves(self, way: Stack) -> Iterator[Stack]:
        if not way:
            yield from ((entry,) for entry in entries(self.document))
            return
        if len(way) > 1:
            yield way[:-1]
        for action in actions_on(self.document, way[-1]):
            if action["name"] == "navigate" and way.count(action["next"]["name"]) < OFTEN_ENOUGH:
                yield (*way, action["next"]["name"])


def shown(way: Stack, screen: str) -> Stack:
    """Return the way of a phone that is shown *screen*."""
    if screen == way[-1]:
        return way
    return way[: way.index(screen) + 1] if screen in way else (*way, screen)


def entries(document: Any) -> tuple[str, ...]:
    """Return the screens that nothing leads to, in the document's order; from 7.3 on `navigate` leads to one too."""
    navigated = {screen["id"]: tuple(navigated_from(document, screen["id"])) for screen in document["screens"]}
    routes = document.get("routing_model", navigated)
    led_to = {target for targets in routes.values() for target in targets}
    if document["version"] == "7.3":
        led_to |= {target for targets in navigated.values() for target in targets}
    return tuple(name for name in navigated if name not in led_to)


def navigated_from(document: Any, name: str) -> list[str]:
    """Return where `navigate` leads from a screen."""
    return [action["next"]["name"] for action in actions_on(document, name) if action["name"] == "navigate"]


def asks(document: Any, name: str) -> bool:
    """Return whether something on a screen asks the endpoint."""
    return any(action["name"] == "data_exchange" for action in actions_on(document, name))


def actions_on(document: Any, name: str) -> list[Any]:
    """Return all that can be done on a screen, wherever on it."""
    return [action for screen in document["screens"] if screen["id"] == name for action in _actions(screen["layout"])]


def _actions(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _actions(item)
    elif isinstance(value, dict):
        for key, member in value.items():
            if key == "on-click-action":
                yield member
            else:
                yield from _actions(member)


# Flows

Carrier = Literal["Footer", "EmbeddedLink", "OptIn", "If", "Switch", "NavigationList"]
CARRIERS: tuple[Carrier, ...] = ("Footer", "EmbeddedLink", "OptIn", "If", "Switch", "NavigationList")
WAYS = st.sampled_from(["asked", "navigated", "both"])


@st.composite
def flows(draw: st.DrawFn, *, with_endpoint: bool = True) -> Any:
    """Return a Flow of some screens, each of which leads to later ones: asking the endpoint, or by itself."""
    names = NAMES[: draw(st.integers(3, len(NAMES)))]
    screens, routes = [], {}
    for index, name in enumerate(names):
        following = draw(st.lists(st.sampled_from(names[index + 1 :]), unique=True)) if name != names[-1] else []
        by = {target: draw(WAYS) if with_endpoint else "navigated" for target in following}
        doing = [
            (draw(st.sampled_from(CARRIERS)), does("navigate", target)["on-click-action"])
            for target in following
            if by[target] != "asked"
        ]
        asking = with_endpoint and (draw(st.booleans()) or "asked" in by.values())
        if asking:
            doing.append((draw(st.sampled_from(CARRIERS)), does("data_exchange")["on-click-action"]))
        if not following and not asking:
            doing.append(("Footer", does("complete")["on-click-action"]))
        more: dict[str, Any] = {"refresh_on_back": True} if with_endpoint and draw(st.booleans()) else {}
        if not following:
            more["terminal"] = True
        screens.append(a_screen(name, *(carried(carrier, action) for carrier, action in doing), **more))
        routes[name] = following
    version = draw(st.sampled_from(["6.3", "7.3"]))
    if not with_endpoint:
        return {"version": version, "screens": screens}
    return {"version": version, "data_api_version": "3.0", "routing_model": routes, "screens": screens}


def carried(carrier: Carrier, action: Any) -> dict[str, Any]:
    """Return a component with *action* on it, or somewhere in it."""
    link = {"type": "EmbeddedLink", "text": "On", "on-click-action": action}
    match carrier:
        case "If":
            return {"type": "If", "condition": "${data.shown}", "then": [{"type": "TextBody", "text": "!"}, link]}
        case "Switch":
            return {"type": "Switch", "value": "${data.kind}", "cases": {"one": [], "other": [link]}}
        case "NavigationList":
            item = {"id": "1", "main-content": {"title": "On"}, "on-click-action": action}
            return {"type": "NavigationList", "name": "list", "list-items": [item]}
        case _:
            return {"type": carrier, "name": "on", "label": "On", "on-click-action": action}


def a_flow_of(document: Any) -> Flow:
    """Return a Flow whose logic answers what a form wishes."""

    def wished(_session: Session, form: Any) -> Next:
        return Success() if form["answer"] == END else str(form["answer"])

    screens = Screens()
    for screen in document["screens"]:
        if asks(document, screen["id"]):
            screens.submit(screen["id"])(wished)
    compiled = compile_flow("walked", source_of(document))
    assert compiled.definition is not None
    assert compiled.flow is not None
    return Flow(compiled.flow, Interpreter(compiled.definition, GUARDS), screens)


# Walks


class Said(Struct, frozen=True):
    """A call that a phone makes, and how the logic will answer a submission."""

    action: str
    screen: str
    answer: str = ""

    def call(self, number: int) -> Call:
        """Return the call; no two are the same."""
        data = {"answer": self.answer, "number": number}
        return Call(f"call-{number}", self.action, self.screen, "token-1", data, NOON + number * SECOND)


@st.composite
def sayings(draw: st.DrawFn, phones: Phones) -> Said:
    """Return a call, in two of three cases one that a phone can make."""
    names = [screen["id"] for screen in phones.document["screens"]]
    action = draw(st.sampled_from(["data_exchange", "data_exchange", "data_exchange", "BACK", "INIT"]))
    if action == "INIT":
        return Said(action, draw(st.sampled_from(entries(phones.document))))
    can = phones.can_submit if action == "data_exchange" else phones.can_go_back
    possible = [name for name in names if can(name)] if draw(st.sampled_from([True, True, False])) else []
    screen = draw(st.sampled_from(possible or names))
    legal = phones.answers(screen)
    wanted = legal if draw(st.sampled_from([True, True, True, False])) else {*names, END}
    answers = [name for name in sorted(wanted) if name not in legal or not phones.strays(screen, name)]
    return Said(action, screen, draw(st.sampled_from(answers)))


def expected(phones: Phones, said: Said) -> tuple[str, set[str]]:
    """Return how a call is to be taken, and where its phone may be after it if it changes anything."""
    document = phones.document
    if said.action == "INIT":
        return "ok", {said.screen if said.screen in entries(document) else entries(document)[0]}
    if said.action == "BACK":
        left = phones.left(said.screen)
        return ("ok", left) if left else ("illegal_edge", set())
    if not phones.can_submit(said.screen):
        return "illegal_edge", set()
    return ("ok", {said.answer}) if said.answer in phones.answers(said.screen) else ("handler_error", set())


def followed(phones: Phones, said: Said, screen: str) -> None:
    """Let the phones do what they said, now that it was answered with *screen*."""
    if said.action == "INIT":
        phones.opened(screen)
    elif said.action == "BACK":
        phones.went_back(said.screen, screen)
    else:
        phones.submitted(said.screen, screen)


def answered(flow: Flow, call: Call, instance: Instance | None) -> Reply:
    """Return a Flow's answer; its logic waits for nothing."""
    answering = flow.answer(call, instance)
    try:
        answering.send(None)
    except StopIteration as done:
        reply: Reply = done.value
        return reply
    raise AssertionError("the answer waits for something")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_the_machine_takes_what_a_phone_can_say_and_nothing_else(data: st.DataObject) -> None:
    document = data.draw(flows())
    flow, phones = a_flow_of(document), Phones(document)
    instance = flow.open("token-1", NOON, {})
    for number in range(data.draw(st.integers(1, 15))):
        # Where a phone opened by itself, if there are several places, nobody says: then it has to ask.
        asks_first = number == 0 and len(entries(document)) > 1
        said = Said("INIT", data.draw(st.sampled_from(entries(document)))) if asks_first else data.draw(sayings(phones))
        code, places = expected(phones, said)
        reply = answered(flow, said.call(number), instance)

        event(f"{said.action} {reply.code}")
        assert reply.code == code
        assert bool(reply.steps) == bool(places)
        assert not places or reply.screen in places
        if reply.steps:
            instance = reply.steps[-1].after
            followed(phones, said, reply.screen)
        if reply.screen == END:
            assert answered(flow, Said("INIT", "").call(number + 1), instance).code == "token_done"
            return


@settings(max_examples=100, deadline=None)
@given(document=flows() | flows(with_endpoint=False))
def test_unseen_ways_lead_just_where_a_phone_can_go_by_itself(document: Any) -> None:
    compiled = compile_flow("walked", source_of(document))
    assert compiled.definition is not None
    interpreter, phones = Interpreter(compiled.definition, GUARDS), Phones(document)
    unopened = born(compiled.definition, "token-1", NOON)

    for screen in document["screens"]:
        seen = Event("event-1", "seen", NOON, NOON)
        way = infer(interpreter, unopened, screen["id"].__eq__, seen)
        assert (way is not None) == (screen["id"] in phones.may_be_at())
        assert way is None or way[-1].after.path[1:] in phones.wandered()


# Ways that are easily lost


def an_endpoint(routes: dict[str, list[str]], version: str = "7.3", **navigates: str) -> Any:
    """Return a Flow whose screens all ask the endpoint; some of them navigate too."""
    screens = [
        a_screen(
            name,
            does("data_exchange"),
            *(
                carried("EmbeddedLink", does("navigate", to)["on-click-action"])
                for to in navigates.get(name, "").split()
            ),
        )
        for name in routes
    ]
    return {"version": version, "data_api_version": "3.0", "routing_model": routes, "screens": screens}


A_ROUND = an_endpoint({"A": ["B", "D"], "B": ["C"], "C": ["D"], "D": []}, A="D", B="C", C="D")
TWO_ENTRIES = an_endpoint({"A": ["C"], "B": ["C"], "C": []}, A="C", B="C")
A_TRIANGLE = an_endpoint({"A": ["B", "C"], "B": ["C"], "C": []})
A_LINK_BACK = an_endpoint({"A": ["B"], "B": []}, version="6.3", B="A")
OPENED = Said("INIT", "A")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        # The fewest steps from B to D lead back over A, but the phone that went on by C can still go back to B.
        pytest.param(
            A_ROUND,
            [OPENED, Said("data_exchange", "A", "B"), Said("data_exchange", "D", "D"), Said("data_exchange", "B", "B")],
            id="fewest steps, not fewest steps back",
        ),
        # Opening anew ends the way so far: A is not behind the phone any more, B is.
        pytest.param(
            TWO_ENTRIES,
            [OPENED, Said("data_exchange", "A", "C"), Said("INIT", "B"), Said("BACK", "C")],
            id="opened anew on another screen",
        ),
        # An answer may lead against a route to where the phone has not been, and back from there.
        pytest.param(
            A_TRIANGLE,
            [OPENED, Said("data_exchange", "A", "C"), Said("data_exchange", "C", "B"), Said("data_exchange", "A", "B")],
            id="answered against a route",
        ),
        # From a NavigationList no route is needed to navigate, but one is to be answered with it.
        pytest.param(
            {
                **an_endpoint({"A": ["C"], "B": ["C"], "C": []}, version="6.3"),
                "screens": [
                    a_screen("A", carried("NavigationList", does("navigate", "B")["on-click-action"])),
                    a_screen("B", does("data_exchange")),
                    a_screen("C", does("data_exchange"), terminal=True),
                ],
            },
            [OPENED, Said("data_exchange", "B", "A")],
            id="answered with a list that has no route",
        ),
    ],
)
def test_the_machine_knows_the_ways_of_a_phone(document: Any, said: list[Said]) -> None:
    flow, phones = a_flow_of(document), Phones(document)
    instance = flow.open("token-1", NOON, {})
    for number, each in enumerate(said):
        code, places = expected(phones, each)
        reply = answered(flow, each.call(number), instance)

        assert reply.code == code
        assert not places or reply.screen in places
        if reply.steps:
            instance = reply.steps[-1].after
            followed(phones, each, reply.screen)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        # Nobody said where the phone opened the Flow by itself: the first entry is taken for it.
        pytest.param(
            TWO_ENTRIES, [Said("data_exchange", "C", "C"), Said("data_exchange", "B", "C")], id="opened unseen"
        ),
        # A session's path has a screen once: who navigates to where they have been begins there again.
        pytest.param(
            A_LINK_BACK,
            [OPENED, Said("data_exchange", "A", "B"), Said("data_exchange", "A", "A"), Said("data_exchange", "B", "B")],
            id="navigated to where it has been",
        ),
    ],
)
def test_what_the_machine_cannot_know_of_a_phone_it_refuses_and_shows_where_the_session_is(
    document: Any, said: list[Said]
) -> None:
    flow, phones = a_flow_of(document), Phones(document)
    instance = flow.open("token-1", NOON, {})
    *before, last = said
    for number, each in enumerate(before):
        reply = answered(flow, each.call(number), instance)
        instance = reply.steps[-1].after
        followed(phones, each, reply.screen)

    reply = answered(flow, last.call(len(said)), instance)

    assert phones.can_submit(last.screen)
    assert (reply.code, reply.screen, reply.steps) == ("illegal_edge", instance.state, ())
