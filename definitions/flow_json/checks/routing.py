"""
Where screens lead: what the routing model may say, and whether a customer gets from the first screen to a last one.

Source: Meta, "Flow JSON", routing model; "Error codes", routing model errors.

Rule 1: a routing model counts wherever there is one, also in a Flow without endpoint, as for Meta's client; without
        one, a Flow's routes are what its screens navigate to.
Rule 2: everything here takes time in proportion to the screens and their routes.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from definitions.flow_json.document import Action, FlowDocument, Screen
from definitions.flow_json.examples import (
    component,
    endpoint_flow,
    exchange,
    flow,
    footer,
    go_to,
    last,
    navigate,
    screen,
)
from definitions.flow_json.rule import ERROR_CODES, FLOW_JSON, OBSERVED, OURS, REFUSED, brief, error, warning
from definitions.flow_json.table import MAX_EDGES, effective
from definitions.json_text import escape
from engine.errors import Problem

Ways = Mapping[str, Iterable[str]]
"""The screens that each screen leads to."""


def _asking(name: str, **more: Any) -> Any:
    return screen(name, footer(exchange()), **more)


def _choosing() -> Any:
    """Return a screen that leads on only where a condition holds."""
    link = component("EmbeddedLink", text="Next", on_click_action=navigate("LAST"))
    chosen = component("OptIn", name="sure", label="I am sure", required=True)
    return screen("FIRST", chosen, component("If", condition="${form.sure}", then=[link]))


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield what is wrong with the routes of a Flow."""
    model = flow.document.get("routing_model")
    if isinstance(model, dict):
        ways = {name: _targets(name, model.get(name), flow.screens) for name in flow.screens}
        yield from _model_problems(flow, model)
        yield from _missing_problems(flow, model)
        yield from _navigate_problems(flow, ways)
    elif flow.has_endpoint:
        return  # its routes are anywhere; that there must be a model is told already
    else:
        ways = {name: _targets(name, each.navigates(), flow.screens) for name, each in flow.screens.items()}
        yield from _navigating_problems(flow)
        yield from _condition_problems(flow)
    if flow.screens:
        yield from _entry_problems(flow, ways)
        yield from _connection_problems(flow, ways)
        yield from _round_problems(flow, ways)
        yield from _end_problems(flow, ways)


def _targets(name: str, listed: Any, screens: Mapping[str, Screen]) -> tuple[str, ...]:
    """Return those of the *listed* that are screens other than *name*."""
    names = listed if isinstance(listed, list | tuple) else ()
    return tuple(dict.fromkeys(to for to in names if isinstance(to, str) and to in screens and to != name))


# The routing model

SCREEN = error(
    "route-screen",
    "INVALID_ROUTING_MODEL",
    "The routing model names screens of the Flow only.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=endpoint_flow(_asking("FIRST"), last(), routes={"FIRST": ["LAST", "MOON"], "LAST": []}),
    keeps=endpoint_flow(_asking("FIRST"), last(), routes={"FIRST": ["LAST"], "LAST": []}),
)
ITSELF = error(
    "route-itself",
    "INVALID_ROUTING_MODEL",
    "No route leads from a screen to itself.",
    why="Meta refuses the document. A screen can be shown again without a route.",
    source=FLOW_JSON,
    breaks=endpoint_flow(_asking("FIRST"), last(), routes={"FIRST": ["FIRST", "LAST"], "LAST": []}),
    keeps=endpoint_flow(_asking("FIRST"), last(), routes={"FIRST": ["LAST"], "LAST": []}),
)
BACK = error(
    "route-back",
    "INVALID_ROUTING_MODEL",
    "Routes lead forwards: of two screens, at most one leads to the other.",
    why="Meta refuses the document. Who has taken a route can always go back.",
    source=FLOW_JSON,
    breaks=endpoint_flow(
        _asking("FIRST"),
        _asking("SECOND"),
        last(),
        routes={"FIRST": ["SECOND"], "SECOND": ["LAST"], "LAST": ["SECOND"]},
    ),
    keeps=endpoint_flow(_asking("FIRST"), _asking("SECOND"), last()),
)
_MANY = [f"STEP_{letter}" for letter in "ABCDEFGHIJK"]
MOST = error(
    "routes-at-most",
    "INVALID_ROUTING_MODEL",
    f"A screen leads to at most {MAX_EDGES} others.",
    why=REFUSED,
    source=FLOW_JSON,
    breaks=endpoint_flow(
        _asking("FIRST"),
        *(last(id=name) for name in _MANY),
        routes={"FIRST": _MANY, **{name: [] for name in _MANY}},
    ),
    keeps=endpoint_flow(
        _asking("FIRST"),
        *(last(id=name) for name in _MANY[:MAX_EDGES]),
        routes={"FIRST": _MANY[:MAX_EDGES], **{name: [] for name in _MANY[:MAX_EDGES]}},
    ),
)
TWICE = warning(
    "route-twice",
    "DUPLICATE_ROUTE",
    "A route is written once.",
    why="The second says nothing; perhaps another screen was meant.",
    source=OURS,
    breaks=endpoint_flow(_asking("FIRST"), last(), routes={"FIRST": ["LAST", "LAST"], "LAST": []}),
    keeps=endpoint_flow(_asking("FIRST"), last(), routes={"FIRST": ["LAST"], "LAST": []}),
)
UNUSED = warning(
    "route-navigated",
    "UNUSED_ROUTE",
    "Without an endpoint, a screen navigates wherever a route leads.",
    why="Nobody ever takes the route: without an endpoint only navigate moves a customer on.",
    source=OURS,
    breaks=flow(
        screen("FIRST", go_to("SECOND")),
        screen("SECOND", go_to("LAST")),
        last(),
        routing_model={"FIRST": ["SECOND", "LAST"], "SECOND": ["LAST"], "LAST": []},
    ),
    keeps=flow(screen("FIRST", go_to("LAST")), last(), routing_model={"FIRST": ["LAST"], "LAST": []}),
)


def _model_problems(flow: FlowDocument, model: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the routes that a document lists."""
    navigated = {(name, to) for name, each in flow.screens.items() for to in each.navigates()}
    anywhere = {name for name, each in flow.screens.items() if flow.has_endpoint or _leads_anywhere(each)}
    seen: dict[str, set[str]] = {}
    for name, targets in model.items():
        here = f"/routing_model/{escape(name)}"
        if name not in flow.screens:
            yield SCREEN.at(here, f"there is no screen {brief(name)}")
        if not isinstance(targets, list):
            continue
        if len(targets) > MAX_EDGES:
            yield MOST.at(here, f"{brief(name)} leads to {len(targets)} screens; it can lead to {MAX_EDGES}")
        leads = seen.setdefault(name, set())
        for index, target in enumerate(targets):
            if isinstance(target, str):
                place = f"{here}/{index}"
                yield from _route_problems(flow, seen, name, target, place)
                if {name, target} <= flow.screens.keys() and (name, target) not in navigated and name not in anywhere:
                    message = f"nothing on {brief(name)} navigates to {brief(target)}, and there is no endpoint to"
                    yield UNUSED.at(place, message)
                leads.add(target)


def _route_problems(
    flow: FlowDocument, seen: dict[str, set[str]], name: str, target: str, place: str
) -> Iterator[Problem]:
    """Yield what is wrong with one route; *seen* are those listed before it."""
    if target not in flow.screens:
        yield SCREEN.at(place, f"there is no screen {brief(target)}")
    elif target == name:
        yield ITSELF.at(place, f"{brief(name)} leads to itself")
    elif target in seen[name]:
        yield TWICE.at(place, f"{brief(name)} leads to {brief(target)} already")
    elif name in seen.get(target, ()):
        message = f"{brief(name)} leads back to {brief(target)}, which leads to it; back is always open without a route"
        yield BACK.at(place, message)


def _leads_anywhere(screen: Screen) -> bool:
    """Return whether only the phone knows where the items of a list on the screen lead."""
    return any(not isinstance(each.properties.get("list-items"), list) for each in screen.of_type("NavigationList"))


# The model as a whole

ALL = error(
    "routing-model-whole",
    "INVALID_ROUTING_MODEL",
    "Every screen that is not terminal is in the routing model.",
    why="Meta refuses the document: there is no way to the screen.",
    source=ERROR_CODES,
    breaks=endpoint_flow(_asking("FIRST"), _asking("SECOND"), last(), routes={"FIRST": ["LAST"], "LAST": []}),
    keeps=endpoint_flow(_asking("FIRST"), _asking("SECOND"), last()),
)
KEY = warning(
    "routing-model-key",
    "INVALID_ROUTING_MODEL",
    "Every screen is a key of the routing model; one that leads nowhere has an empty list.",
    why="Meta's page asks for it, and Meta's client takes an endpoint's answer only with a screen that is a key; yet "
    "Meta's own examples leave out last screens.",
    source=OBSERVED,
    breaks=endpoint_flow(_asking("FIRST"), last(), routes={"FIRST": ["LAST"]}),
    keeps=endpoint_flow(_asking("FIRST"), last(), routes={"FIRST": ["LAST"], "LAST": []}),
)
ROUTE = error(
    "navigate-route",
    "INVALID_ROUTING_MODEL",
    "Where a screen navigates, the routing model has a route, in either direction. From 6.2 on, screens with a "
    "NavigationList need none.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=endpoint_flow(
        screen("FIRST", component("EmbeddedLink", text="Skip", on_click_action=navigate("LAST")), footer(exchange())),
        _asking("SECOND"),
        last(),
    ),
    keeps=endpoint_flow(
        screen("FIRST", component("EmbeddedLink", text="Go", on_click_action=navigate("SECOND")), footer(exchange())),
        _asking("SECOND"),
        last(),
    ),
)


def _missing_problems(flow: FlowDocument, model: dict[str, Any]) -> Iterator[Problem]:
    known = _named(model)
    for name, each in flow.screens.items():
        if name not in known and not each.terminal:
            yield ALL.at(f"{each.pointer}/id", f"{brief(name)} is not in the routing model")
        elif name not in model:
            yield KEY.at(f"{each.pointer}/id", f"{brief(name)} is no key of the routing model")


def _named(model: dict[str, Any]) -> set[str]:
    """Return what a routing model names."""
    lists = (targets for targets in model.values() if isinstance(targets, list))
    return {*model, *(target for target in chain.from_iterable(lists) if isinstance(target, str))}


def _navigate_problems(flow: FlowDocument, ways: dict[str, tuple[str, ...]]) -> Iterator[Problem]:
    routes = {(name, target) for name, targets in ways.items() for target in targets}
    for name, each in flow.screens.items():
        if each.of_type("NavigationList") and effective(flow.version) >= (6, 2):
            continue
        for action in each.actions:
            to = action.next
            if action.name != "navigate" or to not in flow.screens or to == name:
                continue
            if (name, to) not in routes and (to, name) not in routes:
                message = f"{brief(name)} navigates to {brief(to)}, but no route joins them"
                yield ROUTE.at(_next_name(action), message)


def _next_name(action: Action) -> str:
    return f"{action.pointer}/next/name"


def _navigating_problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield the screens that navigate to too many others."""
    for name, each in flow.screens.items():
        count = sum(bool(to) for to in each.navigates())
        if count > MAX_EDGES and not each.of_type("NavigationList"):
            message = f"{brief(name)} navigates to {count} screens; it can navigate to {MAX_EDGES}"
            yield MOST.at(each.pointer, message)


UNMODELLED = warning(
    "navigate-condition",
    "UNMODELLED_ROUTE",
    "Without a routing model, a screen that navigates from inside an If or a Switch navigates there from outside too.",
    why="Meta then makes the model itself, and phones were seen to refuse a step from inside an If: the model did not "
    "have it. A routing_model that has it mends that, and needs no endpoint.",
    source=OBSERVED,
    breaks=flow(_choosing(), last()),
    keeps=flow(_choosing(), last(), routing_model={"FIRST": ["LAST"], "LAST": []}),
)


def _condition_problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield the ways that a screen takes under a condition only, in a Flow without a routing model."""
    for each in flow.screens.values():
        ways = [action for action in each.actions if action.name == "navigate" and action.next in flow.screens]
        outside = {action.next for action in ways if not action.component.branches}
        for action in ways:
            if action.next not in outside:
                message = f"only a condition leads to {brief(action.next)}: a routing_model must have the route"
                yield UNMODELLED.at(_next_name(action), message)


# The way through

ENTRY = error(
    "entry-screen",
    "INVALID_ROUTING_MODEL",
    "At least one screen has none before it; from 7.3 on, one that is navigated to has.",
    why="Meta refuses the document: no screen can open the Flow.",
    source=FLOW_JSON,
    breaks=flow(
        screen("FIRST", go_to("LAST")),
        last(component("EmbeddedLink", text="Again", on_click_action=navigate("FIRST"))),
    ),
    keeps=flow(screen("FIRST", go_to("LAST")), last()),
)
JOINED = error(
    "screens-joined",
    "INVALID_ROUTING_MODEL",
    "Routes, taken in either direction, join every screen to the first.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(screen("FIRST", go_to("LAST")), last(), last(id="ELSEWHERE")),
    keeps=flow(screen("FIRST", go_to("LAST")), last()),
)
REACHED = warning(
    "screen-reached",
    "UNREACHABLE_SCREEN",
    "Routes lead from a screen that opens the Flow to every other.",
    why="No customer ever sees the screen.",
    source=OURS,
    breaks=endpoint_flow(
        _asking("FIRST"),
        _asking("SECOND"),
        _asking("THIRD"),
        _asking("FOURTH"),
        last(),
        routes={"FIRST": ["LAST"], "SECOND": ["THIRD"], "THIRD": ["FOURTH"], "FOURTH": ["SECOND", "LAST"], "LAST": []},
    ),
    keeps=endpoint_flow(_asking("FIRST"), _asking("SECOND"), last()),
)
ROUND = warning(
    "routes-round",
    "INVALID_ROUTING_MODEL",
    "No routes lead round to where they began.",
    why="Meta's page allows forward routes only; Meta's client takes rounds, and a customer may walk one without end.",
    source=FLOW_JSON,
    breaks=endpoint_flow(
        _asking("FIRST"),
        _asking("SECOND"),
        _asking("THIRD"),
        _asking("FOURTH"),
        last(),
        routes={
            "FIRST": ["SECOND"],
            "SECOND": ["THIRD"],
            "THIRD": ["FOURTH"],
            "FOURTH": ["SECOND", "LAST"],
            "LAST": [],
        },
    ),
    keeps=endpoint_flow(_asking("FIRST"), _asking("SECOND"), last()),
)
DEAD_END = warning(
    "routes-end",
    "INVALID_ROUTING_MODEL",
    "From every screen, routes lead to a terminal one.",
    why="A customer can leave the screen only by going back. Meta's page forbids it, Meta's own examples do it.",
    source=FLOW_JSON,
    breaks=flow(
        screen("FIRST", component("EmbeddedLink", text="Terms", on_click_action=navigate("TERMS")), go_to("LAST")),
        screen("TERMS", component("TextBody", text="Be kind.")),
        last(),
    ),
    keeps=flow(screen("FIRST", go_to("LAST")), last()),
)


def _entry_problems(flow: FlowDocument, ways: Ways) -> Iterator[Problem]:
    modelled = isinstance(flow.document.get("routing_model"), dict)
    if not _entries(flow, ways) and (modelled or not _has_list(flow)):
        message = "no screen can open the Flow: each has one before it"
        yield ENTRY.at("/routing_model" if modelled else "/screens", message)


def _entries(flow: FlowDocument, ways: Ways) -> list[str]:
    """Return the screens that have none before them."""
    later = set(chain.from_iterable(ways.values()))
    if effective(flow.version) >= (7, 3):
        later.update(to for name, each in flow.screens.items() for to in each.navigates() if to != name)
    return [name for name in flow.screens if name not in later]


def _connects(alone: Screen) -> bool:
    """Return whether the only screen of a Flow has a place in the routing model that Meta makes from actions."""
    return alone.does("complete") or bool(alone.navigates())


def _has_list(flow: FlowDocument) -> bool:
    """Return whether there is a NavigationList. Without a routing model, Meta takes it as leading everywhere."""
    return any(each.of_type("NavigationList") for each in flow.listed)


def _connection_problems(flow: FlowDocument, ways: Ways) -> Iterator[Problem]:
    model = flow.document.get("routing_model")
    modelled = isinstance(model, dict)
    if modelled or not _has_list(flow):
        first = next(iter(flow.screens))
        joined = _reached([first], _both(ways, _reversed(ways)))
        alone = flow.screens[first]
        if len(flow.screens) == 1 and not flow.has_endpoint and not modelled and not _connects(alone):
            message = f"{brief(first)} neither completes the Flow nor navigates: nothing connects it"
            yield JOINED.at(alone.pointer, message)
        known = _named(model) if isinstance(model, dict) else set(flow.screens)
        for name, each in flow.screens.items():
            if name not in joined and (name in known or each.terminal):  # the others are told to be missing
                yield JOINED.at(each.pointer, f"no route joins {brief(name)} to {brief(first)}, the first screen")
    entries = _entries(flow, ways)
    if entries and not any(_leads_anywhere(each) for each in flow.listed):
        reached = _reached(entries, _taken(flow, ways))
        for name, each in flow.screens.items():
            if name not in reached:
                yield REACHED.at(each.pointer, f"no route from a first screen leads to {brief(name)}")


def _round_problems(flow: FlowDocument, ways: Ways) -> Iterator[Problem]:
    pair = 2
    modelled = isinstance(flow.document.get("routing_model"), dict)
    for group in _rounds(ways):
        if len(group) > pair or not modelled:  # two in a routing model that lead to each other are refused already
            for name in group:
                message = f"routes lead from {brief(name)} round to {brief(name)} again; they should only lead forwards"
                yield ROUND.at(flow.screens[name].pointer, message)


def _end_problems(flow: FlowDocument, ways: Ways) -> Iterator[Problem]:
    ends = [name for name, each in flow.screens.items() if each.terminal or _leads_anywhere(each)]
    if not ends:
        return
    ending = _reached(ends, _reversed(_with_navigating(flow, ways)))
    for name, each in flow.screens.items():
        if name not in ending:
            message = f"no route from {brief(name)} ends in a terminal screen; only back leads out"
            yield DEAD_END.at(each.pointer, message)


# Graphs


def _taken(flow: FlowDocument, ways: Ways) -> Ways:
    """Return the ways that something takes: a route needs a screen that asks the endpoint, or navigates."""
    return {
        name: {*(ways[name] if each.does("data_exchange") else ()), *_targets(name, each.navigates(), flow.screens)}
        for name, each in flow.screens.items()
    }


def _with_navigating(flow: FlowDocument, ways: Ways) -> Ways:
    """Return the ways, and beside them where screens navigate without a route of their own."""
    return {name: {*ways[name], *_targets(name, each.navigates(), flow.screens)} for name, each in flow.screens.items()}


def _reversed(ways: Ways) -> Ways:
    back: dict[str, list[str]] = {name: [] for name in ways}
    for name, targets in ways.items():
        for target in targets:
            back[target].append(name)
    return back


def _both(ways: Ways, others: Ways) -> Ways:
    return {name: (*targets, *others[name]) for name, targets in ways.items()}


def _reached(starts: Iterable[str], ways: Ways) -> set[str]:
    """Return the screens that *ways* lead to, and the *starts* themselves."""
    reached = set(starts)
    frontier = [*reached]
    while frontier:
        news = set(ways[frontier.pop()]) - reached
        reached |= news
        frontier += news
    return reached


def _rounds(ways: Ways) -> Iterator[list[str]]:
    """
    Yield the groups of screens that all lead to each other: the strongly connected components of more than one.

    By Kosaraju: the screens in the order in which a walk is done with them, then the ways back from the last one done.
    """
    taken: set[str] = set()
    back = _reversed(ways)
    for start in reversed(_done(ways)):
        if start in taken:
            continue
        group, frontier = [start], [start]
        taken.add(start)
        while frontier:
            for name in back[frontier.pop()]:
                if name not in taken:
                    taken.add(name)
                    group.append(name)
                    frontier.append(name)
        if len(group) > 1:
            yield group


def _done(ways: Ways) -> list[str]:
    """Return the screens, each after all that a walk came to from it first."""
    done: list[str] = []
    seen: set[str] = set()
    for start in ways:
        if start in seen:
            continue
        seen.add(start)
        path = [(start, iter(ways[start]))]
        while path:
            name, following = path[-1]
            to = next((each for each in following if each not in seen), None)
            if to is None:
                done.append(name)
                path.pop()
            else:
                seen.add(to)
                path.append((to, iter(ways[to])))
    return done
