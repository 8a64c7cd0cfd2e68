"""
Whether what one type gives, another takes: both as msgspec understands them, told apart by their shapes.

Rule 1: what is not known fits: `Any`, a plain mapping. Values are looked at when there are some, not here.
Rule 2: a text fits what is read from texts: literals, enumerations, dates. Which ones, only its value can say.
"""

import typing
from collections.abc import Iterator
from enum import Enum
from itertools import product
from typing import Any

from msgspec import Struct
from msgspec.inspect import (
    AnyType,
    BoolType,
    BytesType,
    CollectionType,
    CustomType,
    DataclassType,
    DateTimeType,
    DateType,
    DecimalType,
    DictType,
    EnumType,
    Field,
    FloatType,
    FrozenSetType,
    IntType,
    ListType,
    LiteralType,
    Metadata,
    NoneType,
    SetType,
    StrType,
    StructType,
    TimeDeltaType,
    TimeType,
    TupleType,
    Type,
    TypedDictType,
    UnionType,
    UUIDType,
    VarTupleType,
)

_LISTS = (ListType, VarTupleType, TupleType, SetType, FrozenSetType, CollectionType)
_OBJECTS = (StructType, TypedDictType, DataclassType)
_WRITTEN_AS_TEXT = (DateTimeType, DateType, TimeType, TimeDeltaType, UUIDType, DecimalType, BytesType)
_NAMES: dict[type[Type], str] = {
    BoolType: "bool",
    IntType: "int",
    FloatType: "float",
    StrType: "str",
    NoneType: "None",
    **dict.fromkeys(_LISTS, "list"),
    **dict.fromkeys((*_OBJECTS, DictType), "object"),
}

ObjectType = StructType | TypedDictType | DataclassType


class Misfit(Struct, frozen=True):
    """What does not fit: *path* is the way to it, by keys; *reason* is in words that follow its name."""

    path: tuple[str, ...]
    reason: str


def misfits(given: Type, taken: Type, path: tuple[str, ...] = ()) -> Iterator[Misfit]:
    """Yield what of the values of type *given* does not fit type *taken*."""
    given, taken = _bare(given), _bare(taken)
    if isinstance(given, AnyType | CustomType) or isinstance(taken, AnyType):
        return
    if isinstance(given, UnionType):
        for member in given.types:
            yield from misfits(member, taken, path)
    elif isinstance(taken, UnionType):
        if all(any(misfits(given, member, path)) for member in taken.types):
            yield _misfit(given, taken, path)
    elif isinstance(given, _LISTS) and isinstance(taken, _LISTS):
        for one, other in product(_items(given), _items(taken)):
            yield from misfits(one, other, path)
    elif isinstance(given, (*_OBJECTS, DictType)) and isinstance(taken, (*_OBJECTS, DictType)):
        yield from _object_misfits(given, taken, path)
    elif not _simple_fits(given, taken):
        yield _misfit(given, taken, path)


def said(kind: Type) -> str:
    """Return a type's name for a message."""
    kind = _bare(kind)
    if isinstance(kind, UnionType):
        return " | ".join(dict.fromkeys(said(member) for member in kind.types))
    if isinstance(kind, LiteralType):
        return f"one of {', '.join(sorted(map(str, kind.values)))}"
    if isinstance(kind, EnumType | CustomType):
        return kind.cls.__name__
    return _NAMES.get(type(kind), type(kind).__name__.removesuffix("Type").lower())


def is_object(kind: Type) -> typing.TypeGuard[ObjectType]:
    """Return whether values of a type are objects whose keys it names."""
    return isinstance(kind, _OBJECTS)


def _bare(kind: Type) -> Type:
    while isinstance(kind, Metadata):
        kind = kind.type
    if isinstance(kind, CustomType) and kind.cls is object:
        return AnyType()
    return kind


def _items(kind: Type) -> tuple[Type, ...]:
    return kind.item_types if isinstance(kind, TupleType) else (kind.item_type,)  # type: ignore[attr-defined]


def _misfit(given: Type, taken: Type, path: tuple[str, ...]) -> Misfit:
    return Misfit(path, f"can be {said(given)}, which is not {said(taken)}")


def _object_misfits(
    given: ObjectType | DictType, taken: ObjectType | DictType, path: tuple[str, ...]
) -> Iterator[Misfit]:
    if isinstance(given, DictType):
        if isinstance(taken, DictType):
            yield from misfits(given.value_type, taken.value_type, path)
    elif isinstance(taken, DictType):
        for field in given.fields:
            yield from misfits(field.type, taken.value_type, (*path, field.encode_name))
    else:
        yield from _field_misfits(given, taken, path)


def _field_misfits(given: ObjectType, taken: ObjectType, path: tuple[str, ...]) -> Iterator[Misfit]:
    has, takes = _fields(given), _fields(taken)
    for key, field in takes.items():
        here = (*path, key)
        if key in has:
            if field.required and _may_lack(given, has[key]):
                yield Misfit(here, "may be missing")
            yield from misfits(has[key].type, field.type, here)
        elif field.required:
            yield Misfit(here, "is missing")
    if isinstance(taken, StructType) and taken.forbid_unknown_fields:
        for key in has.keys() - takes.keys():
            yield Misfit((*path, key), "is not declared")


def _fields(kind: ObjectType) -> dict[str, Field]:
    return {field.encode_name: field for field in kind.fields}


def _may_lack(kind: ObjectType, field: Field) -> bool:
    """Return whether an object may be without one of its fields; a default of a class is a value that is there."""
    return isinstance(kind, TypedDictType) and not field.required


def _simple_fits(given: Type, taken: Type) -> bool:
    if isinstance(given, LiteralType):
        return all(_literal_fits(value, taken) for value in given.values)
    if isinstance(given, EnumType):
        return all(_literal_fits(member.value, taken) for member in given.cls)
    if isinstance(given, StrType):
        return isinstance(taken, (StrType, *_WRITTEN_AS_TEXT)) or _has_values_of(taken, str)
    if isinstance(given, IntType):
        return isinstance(taken, IntType | FloatType | DecimalType) or _has_values_of(taken, int)
    if isinstance(given, FloatType):
        return isinstance(taken, FloatType | DecimalType)
    if isinstance(given, _WRITTEN_AS_TEXT):
        return isinstance(taken, StrType)
    return type(given) is type(taken)


def _literal_fits(value: Any, taken: Type) -> bool:
    if isinstance(taken, LiteralType):
        return value in taken.values
    if isinstance(taken, EnumType):
        return value in {member.value for member in taken.cls}
    if isinstance(value, str):
        return isinstance(taken, (StrType, *_WRITTEN_AS_TEXT))
    return isinstance(value, int) and isinstance(taken, IntType | FloatType)


def _has_values_of(taken: Type, kind: type) -> bool:
    values = taken.values if isinstance(taken, LiteralType) else _values(taken)
    return any(isinstance(value, kind) for value in values)


def _values(kind: Type) -> tuple[Any, ...]:
    members: list[Enum] = [*kind.cls] if isinstance(kind, EnumType) else []
    return tuple(member.value for member in members)
