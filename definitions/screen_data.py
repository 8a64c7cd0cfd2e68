"""
What a screen may be shown with: its declared data model as a type to check answers against.

A key the model does not have is an error (the phone may drop it); a declared key may be missing unless the model's
`required` names it; null is no value (Meta, "Flow JSON", data model).

Rule 1: every data model has a type. What of it is no schema is left open; what is wrong with it, the linter says.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import Struct, UnsetType

ERROR_MESSAGE = "error_message"
"""The key of the message that a phone shows over a screen; every screen may have it."""

_ACTIONS = ("on-click-action", "on-select-action", "on-unselect-action")
"""What the items of a list may have by its example alone: accepted Flows do it, and phones act on it."""

_SIMPLE: dict[str, Any] = {"string": str, "number": int | float, "integer": int, "boolean": bool}
_NO_KEY = re.compile(r'["\\\x00-\x1f]')
"""What no key of a type can have."""


def answer_type(data_model: Mapping[str, Any], required: Collection[str] = ()) -> type[Struct]:
    """Return the type of the answers that a screen with this data model accepts, of which *required* must be there."""
    entries = {name: _with_actions(node) for name, node in data_model.items() if isinstance(node, dict)}
    return _object("Answer", {**entries, ERROR_MESSAGE: {"type": "string"}}, required)


def _with_actions(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry whose items are declared with the actions that its example has."""
    items, example = entry.get("items"), entry.get("__example__")
    if not isinstance(items, dict) or not isinstance(items.get("properties"), dict) or not isinstance(example, list):
        return entry
    acting = {action for item in example if isinstance(item, dict) for action in _ACTIONS if action in item}
    declared = {**{action: {"type": "object"} for action in acting}, **items["properties"]}
    return {**entry, "items": {**items, "properties": declared}} if acting else entry


def _type(node: Any) -> Any:
    kind = node.get("type") if isinstance(node, dict) else None
    if kind == "array":
        return list[_type(node.get("items"))]  # type: ignore[misc]
    if kind == "object":
        properties, required = node.get("properties"), node.get("required")
        if isinstance(properties, dict) and properties:
            return _object("Object", properties, required if isinstance(required, list) else ())
        return dict[str, Any]
    return _SIMPLE.get(kind, Any) if isinstance(kind, str) else Any


def _object(name: str, properties: dict[str, Any], required: Collection[Any]) -> type[Struct]:
    """Return a struct whose fields carry the properties' names, which need not be Python's."""
    fields: list[tuple[str, Any, Any]] = []
    names: dict[str, str] = {}
    needed = {key for key in required if isinstance(key, str)}
    for index, (key, node) in enumerate(properties.items()):
        if _NO_KEY.search(key):
            continue
        names[f"field_{index}"] = key
        if key in needed:
            fields.append((f"field_{index}", _type(node), msgspec.NODEFAULT))
        else:
            fields.append((f"field_{index}", _type(node) | UnsetType, msgspec.UNSET))
    return msgspec.defstruct(name, fields, rename=names, kw_only=True, frozen=True, forbid_unknown_fields=True)
