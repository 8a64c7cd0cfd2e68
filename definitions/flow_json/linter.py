"""
Says everything that is wrong with a Flow JSON document, with the rule it breaks and the place where it does.

Rule 1: everything at once, in the order of the places; a fault never hides another that stands elsewhere.
Rule 2: any bytes at all get an answer, never an exception; every pointer leads somewhere in the document.
"""

from collections.abc import Callable, Iterator

from msgspec import DecodeError, Struct

from definitions.flow_json.checks import (
    actions,
    advice,
    bindings,
    data_models,
    dates,
    inputs,
    lists,
    payloads,
    placement,
    routing,
    schema,
    screens,
    versions,
)
from definitions.flow_json.document import FlowDocument, read_document
from definitions.flow_json.examples import flow, last, text
from definitions.flow_json.rule import ERROR_CODES, FLOW_JSON, error
from definitions.flow_json.table import MAX_BYTES
from definitions.json_text import decode_document
from engine.errors import Problem

Check = Callable[[FlowDocument], Iterator[Problem]]

CHECKS: tuple[Check, ...] = (
    versions.problems,
    schema.problems,
    screens.problems,
    routing.problems,
    actions.problems,
    data_models.problems,
    bindings.problems,
    payloads.problems,
    placement.problems,
    inputs.problems,
    lists.problems,
    dates.problems,
    advice.problems,
)
"""All that find breaches, each those of its own rules."""

NOT_JSON = error(
    "json",
    "INVALID_FLOW_JSON",
    "A Flow is a JSON object in UTF-8.",
    why="Meta cannot read it.",
    source=ERROR_CODES,
    breaks=["no object"],
    keeps=flow(last()),
)


TOO_LARGE = error(
    "size",
    "INVALID_FLOW_JSON",
    "A Flow has 10 MB at most.",
    why="Meta takes no larger file.",
    source=FLOW_JSON,
    breaks=lambda: flow(last(text("a" * MAX_BYTES))),
    keeps=flow(last(text())),
)


class Linted(Struct, frozen=True):
    """What linting gave: the *flow* as far as it can be read, None if it is no JSON object, and all that is wrong."""

    flow: FlowDocument | None
    problems: tuple[Problem, ...]


def lint(source: bytes) -> Linted:
    """Return the Flow that the JSON text *source* describes, and everything that is wrong with it."""
    if len(source) > MAX_BYTES:
        return Linted(None, (TOO_LARGE.at("", f"a Flow has at most {MAX_BYTES} bytes, not {len(source)}"),))
    try:
        document = decode_document(source)
    except DecodeError as fault:
        return Linted(None, (NOT_JSON.at("", str(fault)),))
    if not isinstance(document, dict):
        return Linted(None, (NOT_JSON.at("", "a Flow is a JSON object"),))
    read = read_document(document)
    return Linted(read, tuple(sorted({problem for check in CHECKS for problem in check(read)})))
