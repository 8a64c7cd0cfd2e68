"""
What a screen submits: the keys of the payloads it asks the endpoint with, and what can come under each.

Sources: Meta, "Flow JSON" (actions, dynamic properties) and "Components" (what the inputs yield).

Rule 1: what the document does not say is not known, and `Any` here; what is known is known in every payload.
Rule 2: an input that need not be filled, or that may be hidden or disabled, comes empty or not at all. Only a Footer
        waits until all that is required is filled; what happens on a selection or a link does not.
"""

from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from definitions.flow_compiler import DATA_EXCHANGE, NAVIGATE
from definitions.flow_json.document import Action, Component, FlowDocument, Screen
from definitions.flow_json.expressions import (
    ExpressionError,
    Kind,
    Reference,
    infer,
    is_binding,
    is_dynamic,
    parse_binding,
    parse_nested,
)
from definitions.flow_json.table import COMPONENTS, INPUTS
from definitions.json_text import escape
from definitions.media import Upload
from definitions.screen_data import answer_type
from definitions.screens import DateRange

_WAYS_ON = (DATA_EXCHANGE, NAVIGATE)

_NUMBER = (int, float)
_TYPED_NUMBER = (str, *_NUMBER)
"""What an input for numbers yields: Meta does not say whether as text."""

_OF_KIND: dict[Kind | None, tuple[Any, ...]] = {"string": (str,), "number": _NUMBER, "boolean": (bool,)}
_KIND_OF: dict[tuple[Any, ...], Kind] = {(str,): "string", _NUMBER: "number", (int,): "number", (bool,): "boolean"}
_OF_VALUE: dict[str | None, tuple[Any, ...]] = {
    "string": (str,),
    "strings": (list[str],),
    "boolean": (bool,),
    "date": (str,),
    "media": (list[Upload],),
}


class Value(Struct, frozen=True):
    """What can come: a value of one of *types*, of which of them is not known. *sure* is whether it surely does."""

    types: tuple[Any, ...]
    sure: bool = True


class Source(Struct, frozen=True):
    """What one action sends under a key; *pointer* is where its payload says so."""

    pointer: str
    value: Value


class Field(Struct, frozen=True):
    """A key of what a screen submits. *always* is whether every action of the screen surely sends it."""

    key: str
    sources: tuple[Source, ...]
    always: bool

    @property
    def types(self) -> tuple[Any, ...]:
        """Return all types of what can come, each once."""
        return tuple(dict.fromkeys(kind for source in self.sources for kind in source.value.types))


_UNKNOWN = Value((Any,))


def asking(flow: FlowDocument) -> tuple[Screen, ...]:
    """Return the screens that ask the endpoint."""
    return tuple(screen for screen in flow.screens.values() if screen.does(DATA_EXCHANGE))


def submitted(flow: FlowDocument, screen: Screen) -> dict[str, Field]:
    """Return what *screen* asks the endpoint with, by its keys."""
    actions = [action for action in (*screen.actions, *screen.given) if action.name == DATA_EXCHANGE]
    sources: dict[str, list[Source]] = {}
    for action in actions:
        for key, value in action.payload.items():
            pointer = f"{action.pointer}/payload/{escape(key)}"
            sources.setdefault(key, []).append(Source(pointer, _value(_Here(flow, screen, action), value)))
    return {
        key: Field(key, tuple(found), len(found) == len(actions) and all(source.value.sure for source in found))
        for key, found in sources.items()
    }


class _Here(Struct, frozen=True):
    """Where a payload stands; *asked* has the data, by screen and key, that were looked at on the way here."""

    flow: FlowDocument
    screen: Screen
    action: Action
    asked: set[tuple[str, str]] = set()


def _value(here: _Here, value: Any) -> Value:
    """Return what a value of a payload stands for."""
    if is_dynamic(value):
        return _dynamic(here, value)
    if isinstance(value, dict):
        return Value((dict[str, Any],))
    if isinstance(value, list):
        return Value((list[Any],))
    return _UNKNOWN if value is None else Value((type(value),))


def _dynamic(here: _Here, text: str) -> Value:
    try:
        node = parse_binding(text) if is_binding(text) else parse_nested(text)
    except ExpressionError:
        return _UNKNOWN
    if isinstance(node, Reference):
        return _referred(here, node)
    kind = infer(node, lambda reference: _KIND_OF.get(_referred(here, reference).types))
    return Value(_OF_KIND.get(kind, (Any,)))


def _referred(here: _Here, reference: Reference) -> Value:
    """Return what a reference stands for."""
    there = here.flow.screens.get(reference.screen) if reference.screen else here.screen
    if there is None:
        return _UNKNOWN
    is_passed = there is here.screen or _is_passed(here.flow, there.id, here.screen.id)
    name, *inside = reference.path
    if reference.scope == "data":
        return Value(_datum(there.data.get(name), inside), is_passed and _is_brought(here, there, name))
    inputs = [component for component in there.components if component.type in INPUTS and component.name == name]
    if not inputs or inside:
        return _UNKNOWN
    types = dict.fromkeys(kind for component in inputs for kind in _types(component))
    is_selected = inputs == [here.action.component] and here.action.trigger == "on-select-action"
    ways_on = (here.action,) if there is here.screen else [each for each in there.actions if each.name in _WAYS_ON]
    is_demanded = all(_is_sure(component) for component in inputs) and all(_waits(each) for each in ways_on)
    return Value(tuple(types), is_selected or (is_demanded and is_passed))


def _is_brought(here: _Here, there: Screen, name: str) -> bool:
    """Return whether every screen that navigates to *there* surely brings the datum; the endpoint always does."""
    if (there.id, name) in here.asked:
        return True
    here.asked.add((there.id, name))
    bringing = ((screen, action) for screen in here.flow.screens.values() for action in screen.actions)
    return all(
        _value(_Here(here.flow, screen, action, here.asked), action.payload.get(name)).sure
        for screen, action in bringing
        if action.name == NAVIGATE and action.next == there.id
    )


def _is_passed(flow: FlowDocument, name: str, before: str) -> bool:
    """Return whether nobody comes to the screen *before* but through the screen *name*."""
    reached, waiting = {name}, [entry for entry in flow.entries if entry != name]
    while waiting:
        here = waiting.pop()
        reached.add(here)
        waiting += {*flow.routing[here], *flow.screens[here].navigates()} & flow.screens.keys() - reached
    return before not in reached


def _waits(action: Action) -> bool:
    """Return whether an action cannot be done before all that is required is filled."""
    return action.component.type == "Footer"


def _datum(node: Any, path: list[str]) -> tuple[Any, ...]:
    """Return the types of what is found at *path* inside a datum of a data model."""
    for name in path:
        properties = node.get("properties") if isinstance(node, dict) else None
        node = properties.get(name) if isinstance(properties, dict) else None
    if not isinstance(node, dict):
        return (Any,)
    if node.get("type") == "number":
        return _NUMBER
    return (fields(answer_type({"it": node}, ("it",)))[0].type,)


def _types(component: Component) -> tuple[Any, ...]:
    """Return the types of what an input yields when it is filled."""
    properties = component.properties
    if component.type == "TextInput" and _is_one_of(properties.get("input-type"), "number"):
        return _TYPED_NUMBER
    if COMPONENTS[component.type].value != "dates":
        return _OF_VALUE[COMPONENTS[component.type].value]
    mode = properties.get("mode", "single")
    return (DateRange,) if mode == "range" else (str, DateRange) if is_dynamic(mode) else (str,)


def _is_one_of(value: Any, *wanted: str) -> bool:
    """Return whether a property is, or can become, one of these words."""
    return value in wanted or is_dynamic(value)


def _is_sure(component: Component) -> bool:
    """Return whether a screen cannot be submitted without this input's value."""
    properties = component.properties
    if component.branches or any(properties.get(name, True) is not True for name in ("visible", "enabled")):
        return False
    least = properties.get("min-uploaded-photos", properties.get("min-uploaded-documents"))
    if COMPONENTS[component.type].value == "media":
        return isinstance(least, int) and least > 0
    required = properties.get("required")
    if isinstance(required, dict):
        return required.get("start-date") is True and required.get("end-date") is True
    return required is True
