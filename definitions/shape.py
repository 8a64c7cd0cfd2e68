"""
Whether the JSON of a file has the shape that a type says: all of its faults at once, each with its place.

Decoding would stop at the first fault, and not say under which key of an object it is.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct

from definitions.json_text import decode_document, escape, places
from engine.errors import DefinitionError, Problem

_STEP = re.compile(r"\[(\d+)\]|\.([^.\[\]`]+)")


def read(source: bytes) -> tuple[Any, tuple[Problem, ...]]:
    """Return the value of a file's text, or why it has none."""
    try:
        return decode_document(source), ()
    except msgspec.DecodeError as error:
        return None, (Problem("", "INVALID_JSON", str(error)),)


def misfits(value: Any, kind: Any, code: str, pointer: str = "") -> Iterator[Problem]:
    """Yield, as problems of that *code*, everything that keeps a decoded *value* from being a *kind*."""
    parts = _inside(value, kind, pointer)
    if parts is None:
        yield from _misfit(value, kind, code, pointer)
        return
    for member, expected, place in parts:
        yield from misfits(member, expected, code, place)
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield from _wrong_members(value, kind, code, pointer)
    elif get_origin(kind) is dict:
        for name in value:
            yield from _misfit(name, get_args(kind)[0], code, f"{pointer}/{escape(name)}")


def refused(path: Path, source: bytes, problems: tuple[Problem, ...]) -> DefinitionError:
    """Return the error that a file is wrong, with the line and column of its first problem."""
    at = places(source)(problems[0].pointer)
    return DefinitionError(f"{path}:{at.line}:{at.column}", problems)


def _inside(value: Any, kind: Any, pointer: str) -> list[tuple[Any, Any, str]] | None:
    """Return the parts of *value*, each with what it is to be and its place; None where it is looked at as a whole."""
    if isinstance(kind, type) and issubclass(kind, Struct) and isinstance(value, dict):
        fields = [field for field in msgspec.structs.fields(kind) if field.encode_name in value]
        return [(value[each.encode_name], each.type, f"{pointer}/{escape(each.encode_name)}") for each in fields]
    if get_origin(kind) is dict and isinstance(value, dict):
        return [(member, get_args(kind)[1], f"{pointer}/{escape(name)}") for name, member in value.items()]
    if get_origin(kind) is tuple and isinstance(value, list):
        return [(item, get_args(kind)[0], f"{pointer}/{index}") for index, item in enumerate(value)]
    return None


def _wrong_members(value: dict[str, Any], kind: type[Struct], code: str, pointer: str) -> Iterator[Problem]:
    """Yield the members of an object that it does not have, and those that it lacks."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name in value:
        if name not in fields:
            yield Problem(f"{pointer}/{escape(name)}", code, f"there is no property {name} here")
    for name, field in fields.items():
        if field.default is NODEFAULT and field.default_factory is NODEFAULT and name not in value:
            yield Problem(pointer, code, f"`{name}` is missing")


def _misfit(value: Any, kind: Any, code: str, pointer: str) -> Iterator[Problem]:
    """Yield why a value is no *kind*, if it is not: msgspec says its place as `$.events[0]`."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        steps = "".join(f"/{index or escape(name)}" for index, name in _STEP.findall(path))
        yield Problem(pointer + steps, code, message[:1].lower() + message[1:])
