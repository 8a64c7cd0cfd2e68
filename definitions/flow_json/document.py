"""
A Flow JSON document, read: its screens, what stands on them, where they lead.

Reading takes any JSON and judges nothing: what is not as it should be is left out; the linter says so. Source: Meta,
"Flow JSON" (WhatsApp Business Platform documentation).

Rule 1: versions are pairs of integers: 1.10 comes after 1.9.
Rule 2: nothing is lost that can be read: a document with mistakes gives as much of a Flow as it has.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct

from definitions.json_text import escape

SUCCESS = "SUCCESS"
"""The screen that ends a Flow; Meta reserves its name."""

UNKNOWN_VERSION = 0, 0
"""The version of a document that names none."""

REQUIRED = "required"
"""The key of a data model that is no data, but names the keys which must be there."""

_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,2}")
_ROUTING_COUNTS_NAVIGATE = (7, 3)
_BOUND = re.compile(r"\$\{data\.([^.}]+)\}")
_TRIGGERS = ("on-click-action", "on-select-action", "on-unselect-action")
_LIST = "NavigationList"
_ITEMS = ("data-source", "list-items")

Version = tuple[int, int]


class Branch(Struct, frozen=True):
    """
    A condition under which a component is shown: *case* is `then` or `else` of an If, or one of a Switch's.

    *pointer* is the If or the Switch; *expression* what it decides by.
    """

    pointer: str
    kind: Literal["If", "Switch"]
    expression: Any
    case: str


class Component(Struct, frozen=True):
    """
    Something on a screen, with all it says in *properties*.

    *branches* lead to it, from the screen inwards; *form* is the pointer of its Form, empty for none; *parent* the type
    of what it stands in, empty for the screen's layout.
    """

    type: str
    pointer: str
    properties: dict[str, Any]
    branches: tuple[Branch, ...] = ()
    form: str = ""
    parent: str = ""

    @property
    def name(self) -> str:
        """Return the name by which `${form.…}` finds its value; empty for what takes no input."""
        name = self.properties.get("name")
        return name if isinstance(name, str) else ""


class Action(Struct, frozen=True):
    """
    What a component does: `navigate` to *next*, `data_exchange`, `complete`, `update_data` or `open_url`.

    *trigger* is the property it stands in; *component* is its owner, also where an item of the owner's list has it.
    """

    name: str
    pointer: str
    component: Component
    trigger: str
    properties: dict[str, Any]
    next: str = ""

    @property
    def payload(self) -> dict[str, Any]:
        """Return what goes with it."""
        payload = self.properties.get("payload")
        return payload if isinstance(payload, dict) else {}


class Screen(Struct, frozen=True):
    """
    A screen: what it is shown with, what stands on it, what can be done there.

    *components* are all, in the document's order, those inside forms, conditions and cases too. *actions* are those
    that stand in the document; *given* come with the data that a list shows, as its example has them. *title* is empty
    where only the phone knows it. *data* is the data model without its `required`, which is *required*.
    """

    id: str
    pointer: str
    title: str
    properties: dict[str, Any]
    data: dict[str, Any]
    required: tuple[str, ...]
    components: tuple[Component, ...]
    actions: tuple[Action, ...]
    given: tuple[Action, ...]
    terminal: bool
    success: bool
    refresh_on_back: bool

    def does(self, action: str) -> bool:
        """Return whether something on the screen does *action*."""
        return any(found.name == action for found in (*self.actions, *self.given))

    def navigates(self) -> tuple[str, ...]:
        """Return the screens that something here navigates to, without asking the endpoint."""
        actions = (*self.actions, *self.given)
        return tuple(dict.fromkeys(action.next for action in actions if action.name == "navigate"))

    def of_type(self, *types: str) -> tuple[Component, ...]:
        """Return the components of these types."""
        return tuple(component for component in self.components if component.type in types)


class FlowDocument(Struct, frozen=True):
    """
    A Flow JSON document, read.

    *listed* are all its screens, *screens* those that can be told by their id. *routing* has each of them as a key;
    *entries* are the screens that may open the Flow. *document* is what was read.
    """

    version: Version
    has_endpoint: bool
    listed: tuple[Screen, ...]
    screens: dict[str, Screen]
    routing: dict[str, tuple[str, ...]]
    entries: tuple[str, ...]
    document: dict[str, Any]


def looks_like_flow(document: Any) -> bool:
    """Return whether a decoded JSON document is meant as a Flow."""
    return isinstance(document, dict) and "screens" in document


def read_document(document: dict[str, Any]) -> FlowDocument:
    """Return the Flow that a decoded JSON object describes, as far as it does."""
    version = read_version(document.get("version"))
    listed = tuple(_screens(document.get("screens")))
    by_id: dict[str, Screen] = {}
    for screen in listed:
        if screen.id:
            by_id.setdefault(screen.id, screen)
    model = document.get("routing_model")
    has_endpoint = "data_api_version" in document
    if has_endpoint and isinstance(model, dict):
        routing = {name: _targets(model.get(name), by_id) for name in by_id}
    else:
        routing = {name: tuple(to for to in screen.navigates() if to in by_id) for name, screen in by_id.items()}
    entries = _entries(version, by_id, routing)
    if not entries and any(screen.of_type(_LIST) for screen in by_id.values()):
        entries = (
            next(iter(by_id)),
        )  # what a NavigationList leads to may lead back: Meta then asks for no first screen
    return FlowDocument(version, has_endpoint, listed, by_id, routing, entries, document)


def read_version(value: Any) -> Version:
    """Return a version as a pair of integers, (0, 0) if it is none."""
    if isinstance(value, str) and _VERSION.fullmatch(value):
        major, minor = value.split(".")
        return int(major), int(minor)
    return UNKNOWN_VERSION


def _targets(value: Any, screens: dict[str, Screen]) -> tuple[str, ...]:
    names = value if isinstance(value, list) else []
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name in screens))


def _entries(version: Version, screens: dict[str, Screen], routing: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    inbound = {target for name, targets in routing.items() for target in targets if target != name}
    if version >= _ROUTING_COUNTS_NAVIGATE:
        inbound |= {target for name, screen in screens.items() for target in screen.navigates() if target != name}
    return tuple(name for name in screens if name not in inbound)


def _screens(screens: Any) -> Iterator[Screen]:
    for index, screen in enumerate(screens if isinstance(screens, list) else []):
        if isinstance(screen, dict):
            yield _screen(screen, f"/screens/{index}")


def _screen(document: dict[str, Any], pointer: str) -> Screen:
    name, title, data = document.get("id"), document.get("title"), document.get("data")
    model = data if isinstance(data, dict) else {}
    required = model.get(REQUIRED)
    layout = document.get("layout")
    children = layout.get("children") if isinstance(layout, dict) else None
    components = tuple(_components(children, f"{pointer}/layout/children", "", (), ""))
    return Screen(
        id=name if isinstance(name, str) else "",
        pointer=pointer,
        title=title if isinstance(title, str) and not title.startswith(("${", "`")) else "",
        properties=document,
        data={key: node for key, node in model.items() if key != REQUIRED or not isinstance(node, list)},
        required=tuple(key for key in required if isinstance(key, str)) if isinstance(required, list) else (),
        components=components,
        actions=tuple(action for component in components for action in _actions(component)),
        given=tuple(action for component in components for action in _given(component, model)),
        terminal=document.get("terminal") is True,
        success=document.get("success", True) is True,
        refresh_on_back=document.get("refresh_on_back") is True,
    )


def _components(
    children: Any, pointer: str, parent: str, branches: tuple[Branch, ...], form: str
) -> Iterator[Component]:
    """Yield the components of a list, each followed by those inside it."""
    for index, child in enumerate(children if isinstance(children, list) else []):
        if not isinstance(child, dict):
            continue
        here, kind = f"{pointer}/{index}", child.get("type")
        kind = kind if isinstance(kind, str) else ""
        yield Component(kind, here, child, branches, form, parent)
        yield from _components(
            child.get("children"), f"{here}/children", kind, branches, here if kind == "Form" else form
        )
        for case in ("then", "else"):
            within = (*branches, Branch(here, "If", child.get("condition"), case))
            yield from _components(child.get(case), f"{here}/{case}", kind, within, form)
        cases = child.get("cases")
        for case, listed in cases.items() if isinstance(cases, dict) else ():
            within = (*branches, Branch(here, "Switch", child.get("value"), case))
            yield from _components(listed, f"{here}/cases/{escape(case)}", kind, within, form)


def _actions(component: Component) -> Iterator[Action]:
    """Yield a component's actions, and those of its items."""
    yield from _actions_of(component.properties, component.pointer, component)
    for items in _ITEMS:
        listed = component.properties.get(items)
        for index, item in enumerate(listed if isinstance(listed, list) else []):
            yield from _actions_of(item, f"{component.pointer}/{items}/{index}", component)


def _given(component: Component, model: dict[str, Any]) -> Iterator[Action]:
    """Yield the actions of the items that a list takes from the screen's data, each that the example has."""
    for items in _ITEMS:
        listed = component.properties.get(items)
        bound = _BOUND.fullmatch(listed) if isinstance(listed, str) else None
        schema = model.get(bound.group(1)) if bound else None
        example = schema.get("__example__") if isinstance(schema, dict) else None
        for item in example if isinstance(example, list) else []:
            yield from _actions_of(item, f"{component.pointer}/{items}", component)


def _actions_of(owner: Any, pointer: str, component: Component) -> Iterator[Action]:
    for trigger in _TRIGGERS if isinstance(owner, dict) else ():
        action = owner.get(trigger)
        if isinstance(action, dict) and isinstance(action.get("name"), str):
            following = action.get("next")
            to = following.get("name") if isinstance(following, dict) else ""
            to = to if isinstance(to, str) else ""
            yield Action(action["name"], f"{pointer}/{trigger}", component, trigger, action, to)
