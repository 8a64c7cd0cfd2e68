"""
What the references of a Flow mean: entries of data models, and what inputs yield. What properties take, to compare.

Values are told by schemas, as data models tell them.

Rule 1: what is not known is no fault: a broken data model, a component of a later version, an input of unknown mode.
Rule 2: a reference to another screen is found where that screen stands, in the Flow's order or not; it may be empty.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

from msgspec import Struct

from definitions.flow_json.document import Component, FlowDocument, Screen
from definitions.flow_json.expressions import Reference, is_dynamic
from definitions.flow_json.rule import brief
from definitions.flow_json.schema_types import Mismatch, kinds, look_up, mismatch
from definitions.flow_json.table import COMPONENTS, INPUTS, SHAPES, Property, Shape

Reason = Literal["own screen", "no screen", "no input", "undeclared", "in an array", "without a schema"]


class Lost(Struct, frozen=True):
    """Why a reference means nothing."""

    reason: Reason
    message: str


class Meaning(Struct, frozen=True):
    """What a reference means: values of a *schema*, None if that is not known; or it is *lost*."""

    schema: Any = None
    lost: Lost | None = None


class Meanings:
    """What the references of a Flow mean."""

    def __init__(self, flow: FlowDocument) -> None:
        self._screens = flow.screens
        self._inputs: dict[str, dict[str, Any]] = {}
        self._initial: dict[str, dict[str, Any]] = {}
        self._mismatches: dict[tuple[int, int], Mismatch | None] = {}

    def of(self, reference: Reference, here: Screen) -> Meaning:
        """Return what a reference on the screen *here* means."""
        if not reference.screen:
            return self._on(here, reference, "this screen")
        if reference.screen == here.id:
            local = f"${{{reference.scope}.{'.'.join(reference.path)}}}"
            return _lost("own screen", f"{brief(reference.screen)} is this screen: write {brief(local)}")
        there = self._screens.get(reference.screen)
        if there is None:
            return _lost("no screen", f"{brief(reference.text)}: there is no screen {brief(reference.screen)}")
        return self._on(there, reference, brief(there.id))

    def inputs(self, screen: Screen) -> dict[str, Any]:
        """Return what the inputs of a screen yield, as schemas by their names."""
        if screen.pointer not in self._inputs:
            self._inputs[screen.pointer] = _by_name(screen, _yield_of)
        return self._inputs[screen.pointer]

    def initial(self, screen: Screen) -> dict[str, Any]:
        """Return what the inputs of a screen take to begin with, as schemas by their names."""
        if screen.pointer not in self._initial:
            self._initial[screen.pointer] = _by_name(screen, _begin_of)
        return self._initial[screen.pointer]

    def mismatch(self, given: Any, wanted: Any) -> Mismatch | None:
        """
        Return where one schema does not give what another wants.

        Large ones are compared once. They are parts of the Flow or of the table, so they stay, and so do their ids.
        """
        pair = id(given), id(wanted)
        if pair not in self._mismatches:
            self._mismatches[pair] = mismatch(given, wanted)
        return self._mismatches[pair]

    def _on(self, screen: Screen, reference: Reference, where: str) -> Meaning:
        said = brief(reference.text)
        if reference.scope == "form":
            found = look_up(self.inputs(screen), reference.path)
            return _lost("no input", f"{said} names no input of {where}") if found.fault else Meaning(found.schema)
        if not isinstance(screen.properties.get("data", {}), dict):
            return Meaning()
        found = look_up(screen.data, reference.path)
        if not found.fault:
            return Meaning(found.schema)
        return _lost(
            found.fault,
            {
                "undeclared": f"{said} is not in the data model of {where}",
                "in an array": f"{said} leads into an array, where no expression can",
                "without a schema": f"{said} leads into an object whose properties are not declared",
            }[found.fault],
        )


def _lost(reason: Reason, message: str) -> Meaning:
    return Meaning(lost=Lost(reason, message))


# What inputs yield, and what they begin with

_YIELDS: dict[str | None, Any] = {
    "string": {"type": "string"},
    "strings": {"type": "array", "items": {"type": "string"}},
    "boolean": {"type": "boolean"},
    "date": {"type": "string"},
}
_RANGE = {
    "type": "object",
    "properties": {"start-date": {"type": "string"}, "end-date": {"type": "string"}},
}


def _by_name(screen: Screen, schema_of: Callable[[Component], Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in screen.components:
        if each.name and (each.type in INPUTS or each.type not in COMPONENTS):
            found[each.name] = _either(found.get(each.name, ...), schema_of(each))
    return found


def _yield_of(component: Component) -> Any:
    """Return the schema of what an input yields, None where that is not known. Numbers may come as strings."""
    known = COMPONENTS.get(component.type)
    if known is None:
        return None
    if known.value == "dates":
        mode = component.properties.get("mode", "single")
        return _RANGE if mode == "range" else _YIELDS["date"] if mode == "single" else None
    if component.type == "TextInput":
        typed = component.properties.get("input-type")
        return {"type": ["string", "number"]} if typed == "number" or is_dynamic(typed) else _YIELDS["string"]
    return _YIELDS.get(known.value)


def _begin_of(component: Component) -> Any:
    """Return the schema of what an input takes to begin with. Meta's client wants numbers for numbers, not strings."""
    if component.type == "TextInput" and component.properties.get("input-type") == "number":
        return _NUMBER
    return _yield_of(component)


def _either(one: Any, other: Any) -> Any:
    """Return the schema of inputs that share a name, as they may in different branches; `...` stands for none yet."""
    if one is ... or one == other:
        return other
    both = kinds(one) | kinds(other)
    return {"type": sorted(both)} if kinds(one) and kinds(other) else None


# What properties take

_STRING = {"type": "string"}
_NUMBER = {"type": "number"}
_STRINGS = {"type": "array", "items": _STRING}
_OBJECT = {"type": "object"}
_UPDATE = {"type": "object", "properties": {"name": {"const": "update_data"}}}
"""What an option's action is declared as, where options are data: Meta wants the constant, and of all others a type."""

TAKES: dict[str, Any] = {
    "text": _STRING,
    "texts": {"type": ["string", "array"], "items": _STRING},
    "string": _STRING,
    "strings": _STRINGS,
    "choice": {"type": ["string", "array"], "items": _STRING},
    "boolean": {"type": "boolean"},
    "integer": _NUMBER,
    "number": _NUMBER,
    "count": {"type": ["string", "number"]},
    "enum": _STRING,
    "enums": _STRINGS,
    "date": _STRING,
    "dates": _STRINGS,
    "image": _STRING,
    "url": _STRING,
    "action": {"type": "object", "properties": {"name": _STRING}},
    "switch": {"type": ["string", "number", "boolean"]},
    "object": _OBJECT,
    "payload": _OBJECT,
    "message": {"type": ["string", "object"]},
}
"""The schemas of what properties take, by their kind."""


@cache
def taken_by(prop: Property, mode: Literal["single", "range", ""] = "") -> Any:
    """
    Return the schema of the values that a property takes, None where the table does not say.

    *mode* is that of a CalendarPicker, for what it says twice in range mode; empty if only the phone knows it.
    """
    if prop.kind == "shape":
        return _object_of(SHAPES[prop.shape])
    if prop.kind in ("options", "items", "pictures"):
        return {"type": "array", "items": _object_of(SHAPES[prop.shape])}
    if prop.kind == "action" and [name for name, _ in prop.actions] == ["update_data"]:
        return _UPDATE
    taken = TAKES.get(prop.kind)
    if not prop.ranged or not taken or mode == "single":
        return taken
    if mode == "range":
        return {"type": "object", "properties": {"start-date": taken, "end-date": taken}}
    return {**taken, "type": [taken["type"], "object"]}


def _object_of(shape: Shape) -> Any:
    return {
        "type": "object",
        "properties": {each.name: taken_by(each) for each in shape.properties},
        "required": [each.name for each in shape.properties if each.required],
    }
