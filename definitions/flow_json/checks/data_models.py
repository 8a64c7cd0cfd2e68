"""
What a screen is shown with: its data model says so, entry by entry, in Meta's dialect of JSON Schema.

Rule 1: a model without an error has a type that answers can be checked against (definitions/screen_data.py).
Rule 2: `required` with a list is no entry. Meta's client reads it so; no page of Meta's names it.
"""

import re
from collections.abc import Iterator
from typing import Any

from definitions.flow_json.document import REQUIRED, FlowDocument
from definitions.flow_json.examples import example_of, flow, last
from definitions.flow_json.rule import ERROR_CODES, FLOW_JSON, OBSERVED, OURS, REFUSED, brief, error, warning
from definitions.flow_json.schema_types import CONST, TYPES, misfits
from definitions.json_text import escape
from engine.errors import Problem

EXAMPLE = "__example__"
"""The key under which an entry has its value for previews."""

_CODE = "INVALID_SCREEN_DATA"
_UNSPEAKABLE = re.compile(r'["\\\x00-\x1f]')
_PLAIN = re.compile(r"\w+")
_PLAIN_INSIDE = re.compile(r"[\w-]+")
"""Inside an entry the language's own names occur, and some have hyphens: `main-content`, `alt-text`."""

_SHIRT = {"type": "object", "properties": {"id": {"type": "string"}, "title": {"type": "string"}}}
_SHIRTS = {"type": "array", "items": _SHIRT, EXAMPLE: [{"id": "1", "title": "Blue"}]}
_BUYER = {"type": "object", "properties": {"name": {"type": "string"}}, EXAMPLE: {"name": "Ana"}}


def _shown_with(**data: Any) -> dict[str, Any]:
    return flow(last(data=data))


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield what keeps the data models of a Flow's screens from being ones."""
    for screen in flow.listed:
        if "data" in screen.properties:
            yield from _model_problems(screen.properties["data"], f"{screen.pointer}/data")


MODEL = error(
    "data-object",
    _CODE,
    "A data model is an object.",
    why=REFUSED,
    source=FLOW_JSON,
    breaks=flow(last(data=["name"])),
    keeps=_shown_with(name=example_of("string", "Ana")),
)
REQUIRED_NAMES = error(
    "data-required",
    _CODE,
    "What `required` holds are names.",
    why=REFUSED,
    source=OBSERVED,
    breaks=_shown_with(name=example_of("string", "Ana"), required=[1]),
    keeps=_shown_with(name=example_of("string", "Ana"), required=["name"]),
)
REQUIRED_DECLARED = warning(
    "data-required-declared",
    _CODE,
    "What is required is declared.",
    why="No answer could bring it, so a phone would show an error instead of the screen.",
    source=OURS,
    breaks=_shown_with(name=example_of("string", "Ana"), required=["email"]),
    keeps=_shown_with(name=example_of("string", "Ana"), required=["name"]),
)


def _model_problems(model: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(model, dict):
        yield MODEL.at(pointer, "a data model must be an object: names with what they are")
        return
    entries = model
    if isinstance(model.get(REQUIRED), list):
        entries = {name: entry for name, entry in model.items() if name != REQUIRED}
        yield from _required_problems(model[REQUIRED], entries, f"{pointer}/{REQUIRED}")
    for name, entry in entries.items():
        here = f"{pointer}/{escape(name)}"
        yield from _key_problems(name, here, _PLAIN)
        yield from _schema_problems(name, entry, here)
        if isinstance(entry, dict):
            yield from _example_problems(name, entry, here)


def _required_problems(required: list[Any], declared: dict[str, Any], pointer: str) -> Iterator[Problem]:
    for index, name in enumerate(required):
        if not isinstance(name, str):
            yield REQUIRED_NAMES.at(f"{pointer}/{index}", "required must be a list of names")
        elif name not in declared:
            yield REQUIRED_DECLARED.at(f"{pointer}/{index}", f"{brief(name)} is required, but not declared")


KEY = error(
    "data-key",
    _CODE,
    "The name of an entry or a property has no double quote, no backslash and no control character.",
    why="No expression can name it.",
    source=OURS,
    breaks=_shown_with(**{'first"name': example_of("string", "Ana")}),
    keeps=_shown_with(first_name=example_of("string", "Ana")),
)
PLAIN_KEY = warning(
    "data-key-plain",
    _CODE,
    "The name of an entry consists of letters, digits and underscores; inside it, hyphens may occur.",
    why="Meta's client warns of hyphens, spaces, quotes and backticks: expressions may not find such a name.",
    source=OBSERVED,
    breaks=_shown_with(**{"first name": example_of("string", "Ana")}),
    keeps=_shown_with(first_name=example_of("string", "Ana")),
)


def _key_problems(name: str, pointer: str, plain: re.Pattern[str]) -> Iterator[Problem]:
    if _UNSPEAKABLE.search(name):
        yield KEY.at(pointer, "a name cannot have double quotes, backslashes or control characters")
    elif not plain.fullmatch(name):
        yield PLAIN_KEY.at(pointer, f"expressions may not find {brief(name)}: use letters, digits and underscores")


TYPE = error(
    "data-type",
    _CODE,
    "What a data model declares has a type: string, number, integer, boolean, array or object; inside, or a `const`.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_shown_with(name={EXAMPLE: "Ana"}),
    keeps=_shown_with(name=example_of("string", "Ana")),
)
ITEMS_MISSING = error(
    "data-items",
    _CODE,
    "An array says what its items are.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_shown_with(shirts=example_of("array", [])),
    keeps=_shown_with(shirts=_SHIRTS),
)
ITEMS_TYPE = error(
    "data-items-type",
    _CODE,
    "The items of an array are described by an object, or by true or false.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_shown_with(shirts={"type": "array", "items": "string", EXAMPLE: []}),
    keeps=_shown_with(shirts=_SHIRTS),
)
PROPERTIES = error(
    "data-properties",
    _CODE,
    "The properties of an object are an object.",
    why=REFUSED,
    source=FLOW_JSON,
    breaks=_shown_with(buyer={"type": "object", "properties": ["name"], EXAMPLE: {"name": "Ana"}}),
    keeps=_shown_with(buyer=_BUYER),
)


def _schema_problems(name: str, schema: Any, pointer: str) -> Iterator[Problem]:
    """Yield what is wrong with a schema, which *name* has or the items of *name* have, and with those in it."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(kind, str) or kind not in TYPES:
        yield TYPE.at(pointer, _type_fault(name, schema))
    elif kind == "array":
        yield from _items_problems(name, schema, pointer)
    elif kind == "object" and "properties" in schema:
        yield from _properties_problems(name, schema, pointer)


def _type_fault(name: str, schema: Any) -> str:
    if not isinstance(schema, dict):
        return f"{brief(name)} must be described by an object with a type"
    if "type" not in schema:
        return f"{brief(name)} has no type"
    if not isinstance(schema["type"], str):
        return f"the type of {brief(name)} must be a text, such as string"
    if schema["type"] == "null":
        return f"{brief(name)} cannot be null: what is not there is left out, or empty"
    return f"the type of {brief(name)} must be one of {', '.join(TYPES)}"


def _items_problems(name: str, schema: dict[str, Any], pointer: str) -> Iterator[Problem]:
    if "items" not in schema:
        yield ITEMS_MISSING.at(pointer, f"{brief(name)} is an array, but has no items that say what is in it")
        return
    items, here = schema["items"], f"{pointer}/items"
    if isinstance(items, dict):
        yield from _nested_problems(name, items, here)
    elif not isinstance(items, bool):
        yield ITEMS_TYPE.at(here, f"the items of {brief(name)} must be described by an object")


def _properties_problems(name: str, schema: dict[str, Any], pointer: str) -> Iterator[Problem]:
    properties, here = schema["properties"], f"{pointer}/properties"
    if not isinstance(properties, dict):
        yield PROPERTIES.at(here, f"the properties of {brief(name)} must be an object: names with what they are")
        return
    for inner, described in properties.items():
        place = f"{here}/{escape(inner)}"
        if inner == EXAMPLE:
            yield NESTED_EXAMPLE.at(place, _NESTED)
            continue
        yield from _key_problems(inner, place, _PLAIN_INSIDE)
        yield from _nested_problems(inner, described, place)
    required = schema.get(REQUIRED, [])
    if isinstance(required, list):
        yield from _required_problems(required, properties, f"{pointer}/{REQUIRED}")
    else:
        yield REQUIRED_NAMES.at(f"{pointer}/{REQUIRED}", "required must be a list of names")


MISSING_EXAMPLE = error(
    "data-example",
    _CODE,
    f"An entry has an `{EXAMPLE}`.",
    why="It is mandatory: Meta refuses the document.",
    source=FLOW_JSON,
    breaks=_shown_with(name={"type": "string"}),
    keeps=_shown_with(name=example_of("string", "Ana")),
)
EXAMPLE_TYPE = error(
    "data-example-type",
    _CODE,
    "The example of an entry is such a value as the entry is declared to be.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_shown_with(price=example_of("number", "123")),
    keeps=_shown_with(price=example_of("number", 123)),
)
NESTED_EXAMPLE = error(
    "data-example-nested",
    _CODE,
    f"Only the entries themselves have an `{EXAMPLE}`, nothing inside them.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_shown_with(
        buyer={"type": "object", "properties": {"name": example_of("string", "Ana")}, EXAMPLE: {"name": "Ana"}}
    ),
    keeps=_shown_with(buyer=_BUYER),
)
_NESTED = f"{EXAMPLE} must stand at the entry itself, not inside it"


def _example_problems(name: str, entry: dict[str, Any], pointer: str) -> Iterator[Problem]:
    if EXAMPLE not in entry:
        yield MISSING_EXAMPLE.at(pointer, f"{brief(name)} has no {EXAMPLE}")
        return
    for place, fault in misfits(entry[EXAMPLE], entry, f"{pointer}/{EXAMPLE}"):
        yield EXAMPLE_TYPE.at(place, f"the example of {brief(name)} {fault}")


def _nested_problems(name: str, schema: Any, pointer: str) -> Iterator[Problem]:
    if isinstance(schema, dict) and EXAMPLE in schema:
        yield NESTED_EXAMPLE.at(f"{pointer}/{EXAMPLE}", _NESTED)
    if not (isinstance(schema, dict) and CONST in schema and "type" not in schema):
        yield from _schema_problems(name, schema, pointer)
