"""
What actions send: that what it refers to is there, and of the type that is wanted where it goes.

Sources: Meta, "Flow JSON", actions; "Error codes". Which keys a payload has is a matter of checks/actions.py.

Rule 1: what a payload says that is no expression is sent as it is written; Meta takes it.
"""

from collections.abc import Iterator
from typing import Any

from definitions.flow_json.checks.bindings import (
    NESTED_AS_TEXT,
    NESTED_SINCE_VERSION,
    NOT_REPLACED,
    REFERENCES_SINCE_VERSION,
    differ,
    fits,
    located,
    not_replaced,
)
from definitions.flow_json.document import Action, FlowDocument, Screen
from definitions.flow_json.examples import complete, component, example_of, flow, footer, last, navigate, screen, text
from definitions.flow_json.expressions import (
    ExpressionError,
    Kind,
    Reference,
    infer,
    is_binding,
    is_nested,
    parse_binding,
    parse_nested,
    references,
    type_faults,
)
from definitions.flow_json.references import Meanings
from definitions.flow_json.rule import ERROR_CODES, FLOW_JSON, OBSERVED, REFUSED, Rule, brief, error, warning
from definitions.flow_json.schema_types import kind, kinds, said
from definitions.flow_json.table import Version, effective
from definitions.json_text import escape
from engine.errors import Problem

_READ_SINCE: Version = 7, 2
"""The version from which Meta reads the nested expressions of payloads."""


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield what is wrong with the payloads of a Flow."""
    meanings = Meanings(flow)
    for each in flow.listed:
        judge = _Judge(flow, each, meanings)
        for action in each.actions:
            yield from judge.action(action)


# What the rules are shown with


def _sent(value: Any, version: str = "7.3", **data: Any) -> dict[str, Any]:
    """Return a Flow whose one screen, shown with *data*, ends it with *value*."""
    return flow(screen("LAST", text(), footer(complete(sent=value)), terminal=True, data=data), version=version)


def _passed_on(value: Any, wanted: dict[str, Any], version: str = "7.3", **data: Any) -> dict[str, Any]:
    """Return a Flow whose first screen, shown with *data*, hands *value* to one that wants something."""
    first = screen("FIRST", text(), footer(navigate("LAST", sent=value)), data=data)
    return flow(first, last(text(), data={"sent": wanted}), version=version)


def _updated(value: Any, **data: Any) -> dict[str, Any]:
    """Return a Flow whose screen, shown with *data*, gives its entry `sizes` the *value* when a box is ticked."""
    box = component(
        "OptIn", name="more", label="More", on_select_action={"name": "update_data", "payload": {"sizes": value}}
    )
    sizes = {"type": "array", "items": _AN_OPTION, "__example__": _SIZES}
    picked = component("Dropdown", name="size", label="Size", data_source="${data.sizes}")
    return flow(last(box, picked, data={"sizes": sizes, **data}))


_SIZES = [{"id": "s", "title": "Small"}]
_AN_OPTION = {"type": "object", "properties": {"id": {"type": "string"}, "title": {"type": "string"}}}
_NAMED = example_of("string", "Ana")
_TICKED = example_of("boolean", True)

PAYLOAD = error(
    "payload-reference",
    "INVALID_ON_CLICK_ACTION_PAYLOAD",
    "What an action sends is there: in the data model of its screen or of the other one named, or among its inputs.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_sent("${data.email}", name=_NAMED),
    keeps=_sent("${data.name}", name=_NAMED),
)
PAYLOAD_PROPERTY = error(
    "payload-property",
    "INVALID_ACTION_PAYLOAD_PROPERTY",
    "What an update of the data refers to is there; so is, from 7.2 on, what nested expressions in payloads do.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_sent("`'To ' ${data.email}`", name=_NAMED),
    keeps=_sent("`'To ' ${data.name}`", name=_NAMED),
)
PAYLOAD_UNREAD = warning(
    "payload-expression",
    "INVALID_ACTION_PAYLOAD_PROPERTY",
    "A nested expression in a payload can be read and evaluated, in versions before 7.2 too.",
    why="Meta does not look, and what the phone sends is not what was meant.",
    source=FLOW_JSON,
    breaks=_sent("`'To ' ${data.email}`", "7.1", name=_NAMED),
    keeps=_sent("`'To ' ${data.name}`", "7.1", name=_NAMED),
)

NAVIGATE_KIND = error(
    "navigate-kind",
    "INVALID_NAVIGATE_ACTION_PAYLOAD",
    "What is handed to the next screen is of the type that its data model declares.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_passed_on("${data.name}", _TICKED, name=_NAMED),
    keeps=_passed_on("${data.name}", _NAMED, name=_NAMED),
)
UPDATE_KIND = error(
    "update-kind",
    "INVALID_UPDATE_DATA_ACTION_PAYLOAD",
    "What the screen's data is updated with is of the type that its data model declares.",
    why=REFUSED,
    source=OBSERVED,
    breaks=_updated("${data.name}", name=_NAMED),
    keeps=_updated(_SIZES),
)


class _Judge:
    """Finds what is wrong with the payloads of one screen."""

    def __init__(self, flow: FlowDocument, screen: Screen, meanings: Meanings) -> None:
        self._version = effective(flow.version)
        self._screens = flow.screens
        self._screen = screen
        self._forms = {form.name for form in screen.of_type("Form")}
        self._meanings = meanings

    def action(self, action: Action) -> Iterator[Problem]:
        wanted, rule = None, NAVIGATE_KIND
        if action.name == "navigate" and action.next in self._screens:
            wanted = _model(self._screens[action.next])
        elif action.name == "update_data":
            wanted, rule = _model(self._screen), UPDATE_KIND
        if action.name != "open_url":
            yield from self._value(action.payload, wanted, f"{action.pointer}/payload", rule)

    def _value(self, value: Any, wanted: Any, pointer: str, rule: Rule) -> Iterator[Problem]:
        """Yield what is wrong with a part of a payload; *rule* is what it breaks if its kind is not that *wanted*."""
        if isinstance(value, str):
            yield from self._string(value, wanted, pointer, rule)
        elif isinstance(value, list):
            items = wanted.get("items") if isinstance(wanted, dict) else None
            for index, item in enumerate(value):
                yield from self._value(item, items, f"{pointer}/{index}", rule)
        elif isinstance(value, dict):
            members = wanted.get("properties") if isinstance(wanted, dict) else None
            for name, item in value.items():
                inner = members.get(name) if isinstance(members, dict) else None
                yield from self._value(item, inner, f"{pointer}/{escape(name)}", rule)

    def _string(self, value: str, wanted: Any, pointer: str, rule: Rule) -> Iterator[Problem]:
        if is_nested(value):
            yield from self._nested(value, wanted, pointer, rule)
            return
        try:
            reference = parse_binding(value) if is_binding(value) else None
        except ExpressionError as broken:
            yield NOT_REPLACED.at(pointer, f"{located(broken.fault)}: the phone sends it as it is written")
            return
        if reference is None:
            yield from not_replaced(value, pointer)
            return
        if reference.screen and self._version < REFERENCES_SINCE_VERSION:
            yield PAYLOAD.at(pointer, f"screens can refer to each other from 4.0 on, so not by {brief(reference.text)}")
            return
        meaning = self._meanings.of(reference, self._screen)
        if meaning.lost and not self._is_a_form(reference):
            yield (PAYLOAD_PROPERTY if rule is UPDATE_KIND else PAYLOAD).at(pointer, meaning.lost.message)
        elif found := self._meanings.mismatch(meaning.schema, wanted):
            yield rule.at(pointer, differ(reference.text, found))

    def _nested(self, value: str, wanted: Any, pointer: str, rule: Rule) -> Iterator[Problem]:
        if self._version < NESTED_SINCE_VERSION:
            yield NESTED_AS_TEXT.at(pointer, "expressions in backticks came with 6.0")
            return
        refused = self._version >= _READ_SINCE or rule is UPDATE_KIND
        unreadable = PAYLOAD_PROPERTY if refused else PAYLOAD_UNREAD
        try:
            node = parse_nested(value)
        except ExpressionError as broken:
            yield unreadable.at(pointer, located(broken.fault))
            return
        for reference in references(node):
            meaning = self._meanings.of(reference, self._screen)
            if meaning.lost:
                message = f"{meaning.lost.message}, at column {reference.offset + 1}"
                yield unreadable.at(pointer, message)
        for fault in type_faults(node, self._kind_of):
            yield PAYLOAD_UNREAD.at(pointer, located(fault))
        found = infer(node, self._kind_of)
        if refused and found and not fits(found, wanted):
            yield rule.at(pointer, f"the expression is of kind {found}, not {said(kinds(wanted))}")

    def _is_a_form(self, reference: Reference) -> bool:
        """Return whether a reference names a Form, not an input: the checks of actions say so."""
        return reference.scope == "form" and reference.path[0] in self._forms

    def _kind_of(self, reference: Reference) -> Kind | None:
        return kind(self._meanings.of(reference, self._screen).schema)


def _model(screen: Screen) -> Any:
    return {"type": "object", "properties": screen.data}
