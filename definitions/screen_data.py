"""
What a screen may be shown with: its declared data model as a type to check answers against.

A key the model does not have is an error (the phone may drop it); a declared key may be missing unless the model's
`required` names it; null is no value (Meta, "Flow JSON", data model).
"""

from typing import Any

import msgspec
from msgspec import Struct, UnsetType

ERROR_MESSAGE = "error_message"
"""The key of the message that a phone shows over a screen; every screen may have it."""

_SIMPLE: dict[str, Any] = {"string": str, "number": int | float, "integer": int, "boolean": bool}


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
