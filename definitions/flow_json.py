"""
Reads Flow JSON and checks its structure and its routing model, with Meta's error codes.

Sources: Meta, "Flow JSON" and "Flows error codes" (WhatsApp Business Platform documentation); where Meta's own examples
break a written rule, the rule is a warning here.

Rule 1: everything wrong is reported at once; an error means that Meta would refuse the document.
Rule 2: versions are compared as (major, minor) integers: 1.10 comes after 1.9.
"""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import DecodeError, Struct

from definitions.json_text import decode_document, escape
from definitions.screen_data import data_model_problems
from engine.errors import Problem

MAX_SCREENS = 100
MAX_EDGES = 10
"""How many screens one screen may lead to."""

SUCCESS = "SUCCESS"
"""The screen that ends a Flow; Meta reserves its name."""

_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,2}")
_SCREEN_ID = re.compile(r"[A-Za-z_]+")
_TOP_LEVEL = {"version", "screens", "routing_model", "data_api_version"}
_SCREEN_KEYS = {"id", "title", "layout", "terminal", "success", "refresh_on_back", "sensitive", "data"}
_ROUTING_COUNTS_NAVIGATE = (7, 3)
_NESTS = ("children", "then", "else")
_ACTIONS = ("on-click-action", "on-select-action", "on-unselect-action")


class Action(Struct, frozen=True):
    """What a component does: `navigate` to *next*, `data_exchange`, `complete`, `update_data` or `open_url`."""

    name: str
    pointer: str
    next: str = ""


class Screen(Struct, frozen=True):
    """A screen as the engine sees it: what it may show, and what can be done on it."""

    id: str
    pointer: str
    title: str
    data: dict[str, Any]
    actions: tuple[Action, ...]
    terminal: bool
    success: bool
    refresh_on_back: bool
    has_footer: bool

    def does(self, action: str) -> bool:
        """Return whether something on the screen does *action*."""
        return any(found.name == action for found in self.actions)

    def navigates(self) -> tuple[str, ...]:
        """Return the screens that something here navigates to, without asking the endpoint."""
        return tuple(dict.fromkeys(action.next for action in self.actions if action.name == "navigate"))


class FlowDocument(Struct, frozen=True):
    """A Flow JSON document, read. *routing* has every screen as a key; *entries* are the screens that may open it."""

    version: tuple[int, int]
    has_endpoint: bool
    screens: dict[str, Screen]
    routing: dict[str, tuple[str, ...]]
    entries: tuple[str, ...]


class ReadFlow(Struct, frozen=True):
    """What reading a document gave; without a *flow* it was not well formed, and the problems say where."""

    flow: FlowDocument | None
    problems: tuple[Problem, ...]


def looks_like_flow(document: Any) -> bool:
    """Return whether a decoded JSON document is meant as a Flow."""
    return isinstance(document, dict) and "screens" in document


def read_flow(source: bytes) -> ReadFlow:
    """Return the Flow that the JSON text *source* describes, and everything that is wrong with it."""
    try:
        document = decode_document(source)
    except DecodeError as error:
        return ReadFlow(None, (Problem("", "INVALID_FLOW_JSON", str(error)),))
    if not isinstance(document, dict):
        return ReadFlow(None, (Problem("", "INVALID_FLOW_JSON", "a Flow is a JSON object"),))
    problems = [*_top_level_problems(document)]
    screens = [*_screens(document, problems)]
    if not screens:
        return ReadFlow(None, tuple(sorted(problems)))
    flow = _assemble(document, screens)
    problems += [*_screen_problems(screens, flow), *_routing_problems(document, flow)]
    return ReadFlow(flow, tuple(sorted(set(problems))))


def _assemble(document: dict[str, Any], screens: list[Screen]) -> FlowDocument:
    version = _version(document.get("version"))
    has_endpoint = "data_api_version" in document
    by_id = {screen.id: screen for screen in screens}
    model = document.get("routing_model")
    if has_endpoint and isinstance(model, dict):
        routing = {name: _targets(model.get(name), by_id) for name in by_id}
    else:
        routing = {screen.id: tuple(name for name in screen.navigates() if name in by_id) for screen in screens}
    inbound = {target for name, targets in routing.items() for target in targets if target != name}
    if version >= _ROUTING_COUNTS_NAVIGATE:
        inbound |= {target for screen in screens for target in screen.navigates() if target != screen.id}
    entries = tuple(name for name in by_id if name not in inbound)
    return FlowDocument(version, has_endpoint, by_id, routing, entries)


def _version(value: Any) -> tuple[int, int]:
    if isinstance(value, str) and _VERSION.fullmatch(value):
        major, minor = value.split(".")
        return int(major), int(minor)
    return 0, 0


def _targets(value: Any, screens: dict[str, Screen]) -> tuple[str, ...]:
    names = value if isinstance(value, list) else []
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name in screens))


# Structure


def _top_level_problems(document: dict[str, Any]) -> Iterator[Problem]:
    version = _version(document.get("version"))
    if "version" not in document:
        yield Problem("", "MISSING_FLOW_JSON_VERSION", "a Flow names its Flow JSON version")
    elif version == (0, 0):
        yield Problem("/version", "INVALID_FLOW_JSON_VERSION", "the version is a text of two numbers, such as 7.3")
    allowed = _TOP_LEVEL | ({"data_channel_uri"} if version < (3, 0) else set())
    for key in document:
        if key not in allowed:
            yield Problem(f"/{escape(key)}", "INVALID_PROPERTY_KEY", f"a Flow has no property {key}")
    if "data_api_version" in document and "routing_model" not in document:
        yield Problem("", "MISSING_REQUIRED_PROPERTY", "a Flow with an endpoint has a routing_model")
    if document.get("data_api_version", "3.0") not in ("3.0", "4.0"):
        yield Problem("/data_api_version", "INVALID_DATA_API_VERSION", "data_api_version is 3.0 or 4.0")
    if not isinstance(document.get("routing_model", {}), dict):
        yield Problem("/routing_model", "INVALID_PROPERTY_TYPE", "routing_model is an object")
    yield from _screen_list_problems(document)


def _screen_list_problems(document: dict[str, Any]) -> Iterator[Problem]:
    screens = document.get("screens")
    if "screens" not in document:
        yield Problem("", "MISSING_REQUIRED_PROPERTY", "a Flow has screens")
    elif not isinstance(screens, list):
        yield Problem("/screens", "INVALID_PROPERTY_TYPE", "screens is a list")
    elif not screens:
        yield Problem("/screens", "MIN_ITEMS_REQUIRED", "a Flow has at least one screen")
    elif len(screens) > MAX_SCREENS:
        yield Problem("/screens", "MAX_SCREENS_NUMBER", f"a Flow has at most {MAX_SCREENS} screens")


def _screens(document: dict[str, Any], problems: list[Problem]) -> Iterator[Screen]:
    """Yield the screens that can be read; add what keeps the others from it to *problems*."""
    screens = document.get("screens")
    known: set[str] = set()
    for index, screen in enumerate(screens if isinstance(screens, list) else []):
        pointer = f"/screens/{index}"
        if not isinstance(screen, dict):
            problems.append(Problem(pointer, "INVALID_PROPERTY_TYPE", "a screen is an object"))
            continue
        problems += _key_problems(screen, pointer)
        name = screen.get("id")
        if not isinstance(name, str):
            problems.append(Problem(pointer, "MISSING_REQUIRED_PROPERTY", "a screen has an id, a text"))
            continue
        if name in known:
            problems.append(Problem(f"{pointer}/id", "DUPLICATE_SCREEN_IDS", f"there are two screens {name}"))
            continue
        known.add(name)
        yield _screen(name, screen, pointer)


def _key_problems(screen: dict[str, Any], pointer: str) -> Iterator[Problem]:
    name = screen.get("id")
    if isinstance(name, str):
        if name.upper() == SUCCESS:
            message = f"{SUCCESS} ends a Flow and is no screen's id"
            yield Problem(f"{pointer}/id", "SCREEN_ID_IS_RESERVED_KEYWORD", message)
        if not _SCREEN_ID.fullmatch(name):
            yield Problem(f"{pointer}/id", "PATTERN_MISMATCH", "a screen's id has letters and underscores only")
    for key in screen:
        if key not in _SCREEN_KEYS:
            yield Problem(f"{pointer}/{escape(key)}", "INVALID_PROPERTY_KEY", f"a screen has no property {key}")
    if not isinstance(screen.get("layout"), dict):
        yield Problem(pointer, "MISSING_REQUIRED_PROPERTY", "a screen has a layout")
    yield from data_model_problems(screen.get("data", {}), f"{pointer}/data")


def _screen(name: str, document: dict[str, Any], pointer: str) -> Screen:
    data = document.get("data")
    title = document.get("title")
    components = [*_components(document.get("layout"), f"{pointer}/layout")]
    return Screen(
        id=name,
        pointer=pointer,
        title=title if isinstance(title, str) and not title.startswith(("${", "`")) else "",
        data=data if isinstance(data, dict) else {},
        actions=tuple(action for component, place in components for action in _actions(component, place)),
        terminal=document.get("terminal") is True,
        success=document.get("success", True) is True,
        refresh_on_back=document.get("refresh_on_back") is True,
        has_footer=any(component.get("type") == "Footer" for component, _ in components),
    )


def _components(node: Any, pointer: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the components of a layout with their places, those inside forms, conditions and cases too."""
    if not isinstance(node, dict):
        return
    yield node, pointer
    for name in _NESTS:
        children = node.get(name)
        for index, child in enumerate(children if isinstance(children, list) else []):
            yield from _components(child, f"{pointer}/{name}/{index}")
    cases = node.get("cases")
    for case, children in cases.items() if isinstance(cases, dict) else ():
        for index, child in enumerate(children if isinstance(children, list) else []):
            yield from _components(child, f"{pointer}/cases/{escape(case)}/{index}")


def _actions(component: dict[str, Any], pointer: str) -> Iterator[Action]:
    """Yield a component's actions, and those of its items."""
    for name in _ACTIONS:
        if name in component:
            yield from _action(component[name], f"{pointer}/{name}")
    for items in ("data-source", "list-items"):
        listed = component.get(items)
        for index, item in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(item, dict):
                yield from _actions(item, f"{pointer}/{items}/{index}")


def _action(action: Any, pointer: str) -> Iterator[Action]:
    if isinstance(action, dict) and isinstance(action.get("name"), str):
        following = action.get("next")
        name = following.get("name") if isinstance(following, dict) else ""
        yield Action(action["name"], pointer, name if isinstance(name, str) else "")


# Screens and routes


def _screen_problems(screens: list[Screen], flow: FlowDocument) -> Iterator[Problem]:
    if not any(screen.terminal for screen in screens):
        yield Problem("/screens", "MISSING_TERMINAL_SCREEN", "at least one screen is terminal")
    for screen in screens:
        if screen.terminal and not screen.has_footer:
            message = f"the terminal screen {screen.id} has no Footer"
            yield Problem(screen.pointer, "MISSING_FOOTER_ON_TERMINAL_SCREEN", message)
        for action in screen.actions:
            if action.name == "navigate" and action.next not in flow.screens:
                message = f"there is no screen {action.next or '(no name)'} to navigate to"
                yield Problem(action.pointer, "INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME", message)
            if action.name == "navigate" and action.next == screen.id:
                message = f"{screen.id} navigates to itself"
                yield Problem(action.pointer, "INVALID_ROUTING_MODEL", message)
            if action.name == "data_exchange" and not flow.has_endpoint:
                message = "data_exchange needs an endpoint: the Flow has no data_api_version"
                yield Problem(action.pointer, "MISSING_REQUIRED_PROPERTY", message)


def _routing_problems(document: dict[str, Any], flow: FlowDocument) -> Iterator[Problem]:
    model = document.get("routing_model")
    if isinstance(model, dict):
        yield from _edge_problems(model, flow)
    place = "/routing_model" if isinstance(model, dict) else "/screens"
    if not flow.entries:
        yield Problem(place, "INVALID_ROUTING_MODEL", "no screen can open the Flow: each has one before it")
    for name in _unconnected(flow):
        message = f"no route joins {name} to the first screen"
        yield Problem(flow.screens[name].pointer, "INVALID_ROUTING_MODEL", message)
    for name, targets in flow.routing.items():
        if len(targets) > MAX_EDGES:
            message = f"{name} leads to {len(targets)} screens; {MAX_EDGES} are allowed"
            yield Problem(place, "INVALID_ROUTING_MODEL", message)
    yield from _warnings(flow)


def _edge_problems(model: dict[str, Any], flow: FlowDocument) -> Iterator[Problem]:
    for name, targets in model.items():
        here = f"/routing_model/{escape(name)}"
        if name not in flow.screens:
            yield Problem(here, "INVALID_ROUTING_MODEL", f"there is no screen {name}")
        if not isinstance(targets, list):
            yield Problem(here, "INVALID_PROPERTY_TYPE", "a route is a list of screens")
            continue
        for index, target in enumerate(targets):
            message = _edge_fault(name, target, model, flow)
            if message:
                yield Problem(f"{here}/{index}", "INVALID_ROUTING_MODEL", message)
    for screen in flow.screens.values():
        for action in screen.actions:
            joined = action.next in flow.routing[screen.id] or screen.id in flow.routing.get(action.next, ())
            elsewhere = action.name == "navigate" and action.next in flow.screens and action.next != screen.id
            if elsewhere and not joined:
                message = f"{screen.id} navigates to {action.next}, but no route joins them"
                yield Problem(action.pointer, "INVALID_ROUTING_MODEL", message)


def _edge_fault(name: str, target: Any, model: dict[str, Any], flow: FlowDocument) -> str:
    """Return what is wrong with the route from *name* to *target*, or nothing."""
    if not isinstance(target, str) or target not in flow.screens:
        return f"there is no screen {target}"
    if target == name:
        return f"{name} leads to itself"
    if isinstance(model.get(target), list) and name in model[target]:
        return f"{name} and {target} lead to each other: routes only go forward, back is always open"
    return ""


def _unconnected(flow: FlowDocument) -> list[str]:
    """Return the screens that no routes, taken in either direction, join to the first."""
    beside: dict[str, set[str]] = {name: set(targets) for name, targets in flow.routing.items()}
    for name, targets in flow.routing.items():
        for target in targets:
            beside[target].add(name)
    first = next(iter(flow.screens))
    return [name for name in flow.screens if name not in _reached(first, beside)]


def _reached(start: str, ways: dict[str, set[str]]) -> set[str]:
    reached, frontier = {start}, [start]
    while frontier:
        news = ways[frontier.pop()] - reached
        reached |= news
        frontier += news
    return reached


def _warnings(flow: FlowDocument) -> Iterator[Problem]:
    ways = {name: set(targets) for name, targets in flow.routing.items()}
    terminal = {screen.id for screen in flow.screens.values() if screen.terminal}
    for screen in flow.screens.values():
        ahead = _reached(screen.id, ways)
        if terminal and not ahead & terminal:
            message = f"no route from {screen.id} ends in a terminal screen; only back leads out"
            yield Problem(screen.pointer, "INVALID_ROUTING_MODEL", message, "warning")
        if any(screen.id in _reached(target, ways) for target in ways[screen.id] if target != screen.id):
            message = f"routes lead from {screen.id} round to {screen.id} again; Meta's rule is forward only"
            yield Problem(screen.pointer, "INVALID_ROUTING_MODEL", message, "warning")
