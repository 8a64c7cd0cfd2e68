"""
The schemas of data models: what they say of values, and whether one gives what another wants.

Meta's dialect of JSON Schema has `type`, `items` of arrays, `properties` and `required` of objects, and `const` for
the one value that there can be. Whatever JSON stands for a schema is read; here, not in Meta's, a type may be a list.

Rule 1: what a schema does not say is not known, and what is not known fits everywhere.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, cast

from msgspec import Struct

from definitions.flow_json.expressions import Kind, kind_of_value
from definitions.flow_json.rule import brief
from definitions.json_text import escape

CONST = "const"
"""The key of a schema that has the one value there can be. It may stand without a type, inside an entry."""

TYPES: dict[str, Kind] = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
}
"""The types that a schema may name, and the kind of value that each is."""

Fault = Literal["", "undeclared", "in an array", "without a schema"]


class Found(Struct, frozen=True):
    """What a path leads to in a data model: a *schema*, None where it is not known, or a *fault*."""

    schema: Any = None
    fault: Fault = ""


class Mismatch(Struct, frozen=True):
    """
    Where a schema does not give what another wants: at *path*.

    *missing* names a property that is wanted there, *constant* the one value that is; without them, the values are of
    other kinds than those *wanted*, or a constant of which no type is *given*.
    """

    path: tuple[str, ...]
    wanted: frozenset[Kind] = frozenset()
    given: frozenset[Kind] = frozenset()
    missing: str = ""
    constant: str = ""


def kinds(schema: Any) -> frozenset[Kind]:
    """Return of which kinds a schema's values may be; of none if that is not known."""
    declared = schema.get("type") if isinstance(schema, dict) else None
    names = declared if isinstance(declared, list) else [declared]
    possible = frozenset(TYPES.get(name) if isinstance(name, str) else None for name in names)
    return frozenset() if None in possible else cast("frozenset[Kind]", possible)


def kind(schema: Any) -> Kind | None:
    """Return of which kind a schema's values are, None if that is not known or may be one of several."""
    possible = kinds(schema)
    return next(iter(possible)) if len(possible) == 1 else None


def said(possible: Iterable[str]) -> str:
    """Return how a message speaks of kinds."""
    return " or ".join(sorted(possible))


def look_up(model: dict[str, Any], path: tuple[str, ...]) -> Found:
    """Return what *path* leads to in the entries of a data model."""
    schema: Any = {"type": "object", "properties": model}
    for name in path:
        possible = kinds(schema)
        if not possible:
            return Found()
        if "object" not in possible:
            return Found(fault="in an array" if "array" in possible else "undeclared")
        if "properties" not in schema:
            return Found(fault="without a schema")
        properties = schema["properties"]
        if not isinstance(properties, dict):
            return Found()
        if name not in properties:
            return Found(fault="undeclared")
        schema = properties[name]
    return Found(schema)


def mismatch(given: Any, wanted: Any, path: tuple[str, ...] = ()) -> Mismatch | None:
    """Return the first place where *given* cannot have the values that *wanted* has, None if there is none."""
    constant = wanted.get(CONST) if isinstance(wanted, dict) else None
    if isinstance(constant, str) and isinstance(given, dict) and given.get(CONST) != constant:
        return Mismatch(path, constant=constant)
    have, want = kinds(given), kinds(wanted)
    if want and isinstance(given, dict) and CONST in given and "type" not in given:
        return Mismatch(path, want)
    if not have or not want:
        return None
    if not have & want:
        return Mismatch(path, want, have)
    if have == {"array"}:
        return mismatch(given.get("items"), wanted.get("items"), (*path, "items"))
    if have == {"object"}:
        return _object_mismatch(given, wanted, path)
    return None


def _object_mismatch(given: dict[str, Any], wanted: dict[str, Any], path: tuple[str, ...]) -> Mismatch | None:
    has, wants, required = given.get("properties", {}), wanted.get("properties"), wanted.get("required")
    if not isinstance(has, dict):
        return None
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str) and name and name not in has:
            return Mismatch(path, missing=name)
    for name, schema in wants.items() if isinstance(wants, dict) else ():
        if name in has and (found := mismatch(has[name], schema, (*path, name))):
            return found
    return None


def misfits(value: Any, schema: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield where *value*, which stands at *pointer*, is none of a schema's values, and why not."""
    possible = kinds(schema)
    if isinstance(schema, dict) and CONST in schema and value != schema[CONST]:
        yield pointer, f"is not what its {CONST} says"
    if not possible:
        return
    if kind_of_value(value) not in possible:
        yield pointer, f"is of type {kind_of_value(value) or 'null'}, not {said(possible)}"
    elif schema["type"] == "integer" and isinstance(value, float) and not value.is_integer():
        yield pointer, "is no integer"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from misfits(item, schema.get("items"), f"{pointer}/{index}")
    elif isinstance(value, dict):
        yield from _member_misfits(value, schema, pointer)


def _member_misfits(value: dict[str, Any], schema: dict[str, Any], pointer: str) -> Iterator[tuple[str, str]]:
    properties, required = schema.get("properties"), schema.get("required")
    # Among more names than it has members there is one that is missing: so many are enough to look at.
    for name in required[: len(value) + 1] if isinstance(required, list) else ():
        if isinstance(name, str) and name not in value:
            yield pointer, f"has no {brief(name)!r}, which is required"
    declared = properties if isinstance(properties, dict) else {}
    for name, member in value.items():
        yield from misfits(member, declared.get(name), f"{pointer}/{escape(name)}")
