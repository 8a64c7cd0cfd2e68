"""
What a screen may be shown with: its declared data model as a type to check answers against.

A key the model does not have is an error (the phone may drop it); a declared key may be missing unless the model's
`required` names it; null is no value (Meta, "Flow JSON", data model).
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct, UnsetType

from definitions.json_text import escape
from engine.errors import Problem

ERROR_MESSAGE = "error_message"
"""The key of the message that a phone shows over a screen; every screen may have it."""

_SIMPLE: dict[str, Any] = {"string": str, "number": int | float, "integer": int, "boolean": bool}
_NO_KEY = re.compile(r'["\\\x00-\x1f]')
"""What no expression on a screen could name, nor a type here."""

_KINDS = {*_SIMPLE, "object", "array"}

REQUIRED = "required"
"""The key of a data model that is no data, but names the keys which must be there."""


def data_model_problems(data_model: Any, pointer: str) -> Iterator[Problem]:
    """Yield what keeps the data model at *pointer* from being one, so that `answer_type` can be asked for its type."""
    if not isinstance(data_model, dict):
        yield Problem(pointer, "INVALID_SCREEN_DATA", "a data model is an object")
        return
    required = data_model.get(REQUIRED, [])
    if isinstance(required, dict):
        yield from _node_problems(required, f"{pointer}/{REQUIRED}")
    elif not isinstance(required, list):
        yield Problem(f"{pointer}/{REQUIRED}", "INVALID_SCREEN_DATA", "required is a list of keys")
    yield from _member_problems({name: node for name, node in data_model.items() if name != REQUIRED}, pointer)


def _member_problems(members: dict[str, Any], pointer: str) -> Iterator[Problem]:
    for name, node in members.items():
        here = f"{pointer}/{escape(name)}"
        if _NO_KEY.search(name):
            yield Problem(here, "INVALID_SCREEN_DATA", "a key has no quotes, backslashes or control characters")
        yield from _node_problems(node, here)


def _node_problems(node: Any, pointer: str) -> Iterator[Problem]:
    kind = node.get("type") if isinstance(node, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        yield Problem(pointer, "INVALID_SCREEN_DATA", f"what it describes has a type: {', '.join(sorted(_KINDS))}")
    elif kind == "array" and "items" in node:
        yield from _node_problems(node["items"], f"{pointer}/items")
    elif kind == "object" and "properties" in node:
        properties = node["properties"]
        if not isinstance(properties, dict):
            yield Problem(f"{pointer}/properties", "INVALID_SCREEN_DATA", "properties is an object")
            return
        yield from _member_problems(properties, f"{pointer}/properties")
        if not isinstance(node.get(REQUIRED, []), list):
            yield Problem(f"{pointer}/{REQUIRED}", "INVALID_SCREEN_DATA", "required is a list of keys")


def answer_type(data_model: dict[str, Any]) -> type[Struct]:
    """Return the type of the answers that a screen with this data model accepts."""
    required = data_model.get("required")
    entries = {name: node for name, node in data_model.items() if isinstance(node, dict)}
    return _object(
        "Answer", {**entries, ERROR_MESSAGE: {"type": "string"}}, required if isinstance(required, list) else []
    )


def _type(node: Any) -> Any:
    kind = node.get("type") if isinstance(node, dict) else None
    if kind == "array":
        return list[_type(node["items"])] if "items" in node else list[Any]  # type: ignore[misc]
    if kind == "object":
        properties = node.get("properties")
        return _object("Object", properties, node.get("required", [])) if properties else dict[str, Any]
    return _SIMPLE.get(kind or "", Any)


def _object(name: str, properties: dict[str, Any], required: list[str]) -> type[Struct]:
    """Return a struct whose fields carry the properties' names, which need not be Python's."""
    fields: list[tuple[str, Any, Any]] = []
    names: dict[str, str] = {}
    for index, (key, node) in enumerate(properties.items()):
        names[f"field_{index}"] = key
        if key in required:
            fields.append((f"field_{index}", _type(node), msgspec.NODEFAULT))
        else:
            fields.append((f"field_{index}", _type(node) | UnsetType, msgspec.UNSET))
    return msgspec.defstruct(name, fields, rename=names, kw_only=True, frozen=True, forbid_unknown_fields=True)
