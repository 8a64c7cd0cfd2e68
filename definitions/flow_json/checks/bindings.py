"""
What titles and components find out on the phone: that each reference means something, and a value of the right kind.

Sources: Meta, "Flow JSON", dynamic properties, nested expressions, global dynamic properties; "Error codes".

Rule 1: a text that is no expression is a text. Meta takes it, and shows what its author hoped it would replace.
"""

import re
from collections.abc import Iterator
from typing import Any

from definitions.flow_json.checks.inputs import FORM_TYPES, FORM_TYPES_OLD
from definitions.flow_json.document import FlowDocument, Screen
from definitions.flow_json.examples import (
    complete,
    component,
    example_of,
    flow,
    footer,
    go_to,
    last,
    screen,
    text,
    text_input,
)
from definitions.flow_json.expressions import (
    ExpressionError,
    ExpressionFault,
    Kind,
    Node,
    Reference,
    condition_faults,
    infer,
    is_binding,
    is_dynamic,
    is_nested,
    parse_binding,
    parse_condition,
    parse_nested,
    references,
    type_faults,
    unclear_order,
)
from definitions.flow_json.references import TAKES, Lost, Meanings, taken_by
from definitions.flow_json.rule import COMPONENTS as COMPONENTS_PAGE
from definitions.flow_json.rule import ERROR_CODES, FLOW_JSON, OBSERVED, OURS, REFUSED, Rule, brief, error, warning
from definitions.flow_json.schema_types import Mismatch, kind, kinds, said
from definitions.flow_json.table import (
    COMPONENTS,
    FORM_VALUES_SINCE,
    SCREEN,
    SHAPES,
    Property,
    Shape,
    Version,
    effective,
)
from definitions.json_text import escape
from engine.errors import Problem

REFERENCES_SINCE_VERSION: Version = 4, 0
"""The version from which properties take what was put in, and anything takes what another screen has."""
NESTED_SINCE_VERSION: Version = 6, 0


_LOOKS_LIKE_REFERENCE = re.compile(r"\$\{\s*(?:data|form|screen)\.")
_TEXTUAL = frozenset({"text", "texts", "string", "strings", "choice", "url", "image", "message"})
"""The kinds of property that take any text, so that what is no expression is one."""


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield what is wrong with the expressions that stand in titles and components."""
    meanings = Meanings(flow)
    for each in flow.listed:
        yield from _Judge(effective(flow.version), each, meanings).problems()


# What the rules are shown with


def _shown_with(child: dict[str, Any], *, version: str = "7.3", **data: Any) -> dict[str, Any]:
    """Return a Flow whose one screen is shown with *data*."""
    return flow(last(child, data=data), version=version)


def _filled(child: dict[str, Any]) -> dict[str, Any]:
    """Return a Flow whose one screen asks for a first name, and shows *child*."""
    return flow(last(text_input(), child))


def _after_asking(child: dict[str, Any], version: str = "7.3") -> dict[str, Any]:
    """Return a Flow that asks for a first name on one screen, and shows *child* on the next."""
    done = footer(complete(first_name="${screen.ASK.form.first_name}" if version != "3.1" else "Ana"))
    return flow(screen("ASK", text_input(), go_to("LAST")), screen("LAST", child, done, terminal=True), version=version)


def _offered(properties: dict[str, Any]) -> dict[str, Any]:
    """Return a Flow that offers sizes, each with these *properties*."""
    sizes = {"type": "array", "items": {"type": "object", "properties": properties}, "__example__": []}
    return flow(
        last(component("Dropdown", name="size", label="Size", data_source="${data.sizes}"), data={"sizes": sizes})
    )


_NAMED = example_of("string", "Ana")
_TICKED = example_of("boolean", True)
_AGE = example_of("number", 7)
_GREETING = text("${data.name}")


# Whether it is an expression

NESTED_SYNTAX = error(
    "nested-expression",
    "INVALID_PROPERTY_VALUE",
    "What stands in backticks is an expression.",
    why=REFUSED,
    source=FLOW_JSON,
    breaks=_shown_with(text("`'Hello ' ${data.name`"), name=_NAMED),
    keeps=_shown_with(text("`'Hello ' ${data.name}`"), name=_NAMED),
)
NESTED_KINDS = error(
    "nested-expression-kinds",
    "INVALID_PROPERTY_VALUE",
    "The operators of a nested expression get values that they take, and its own value is one that the property takes.",
    why=REFUSED,
    source=FLOW_JSON,
    breaks=_shown_with({**text(), "visible": "`${data.name} > 1`"}, name=_NAMED),
    keeps=_shown_with({**text(), "visible": "`${data.name} != ''`"}, name=_NAMED),
)
NESTED_SINCE = error(
    "nested-expression-version",
    "PATTERN_MISMATCH",
    "Nested expressions are used from 6.0 on.",
    why=REFUSED,
    source=FLOW_JSON,
    breaks=_shown_with({**text(), "visible": "`${data.name} != ''`"}, version="5.1", name=_NAMED),
    keeps=_shown_with({**text(), "visible": "`${data.name} != ''`"}, version="6.0", name=_NAMED),
)
NESTED_AS_TEXT = warning(
    "nested-expression-text",
    "TEXT_NOT_EVALUATED",
    "Texts and payloads have nested expressions from 6.0 on.",
    why="Before, it is a text like any other: the phone shows or sends it as it is written.",
    source=FLOW_JSON,
    breaks=_shown_with(text("`'Hello ' ${data.name}`"), version="5.1", name=_NAMED),
    keeps=_shown_with(text("`'Hello ' ${data.name}`"), version="6.0", name=_NAMED),
)
BINDING_FORM = error(
    "binding-form",
    "PATTERN_MISMATCH",
    "A reference is `${data.name}`, `${form.name}`, `${screen.ID.data.name}` or `${screen.ID.form.name}`.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_shown_with({**text(), "visible": "${is_shown}"}, is_shown=_TICKED),
    keeps=_shown_with({**text(), "visible": "${data.is_shown}"}, is_shown=_TICKED),
)
NOT_REPLACED = warning(
    "text-not-replaced",
    "TEXT_NOT_EVALUATED",
    "A reference is the whole value, or stands in backticks from 6.0 on.",
    why="Anything else is a text like any other, which the phone shows or sends as it is written.",
    source=FLOW_JSON,
    breaks=_shown_with(text("Hello ${data.name}"), name=_NAMED),
    keeps=_shown_with(text("`'Hello ' ${data.name}`"), name=_NAMED),
)
STATIC_NAME = error(
    "name-static",
    "PATTERN_MISMATCH",
    "The name of a component is no expression.",
    why=REFUSED,
    source=FLOW_JSON,
    breaks=flow(last(component("Form", name="`'form'`", children=[text()]))),
    keeps=flow(last(component("Form", name="form", children=[text()]))),
)
STATIC_PARTS = error(
    "rich-text-static",
    "INVALID_TEXT_DYNAMIC_DATA",
    "The items of a RichText's text are no expressions; only the text as a whole may be one.",
    why=REFUSED,
    source=OBSERVED,
    breaks=_shown_with(component("RichText", text=["# Hello", "${data.name}"]), name=_NAMED),
    keeps=_shown_with(component("RichText", text="${data.name}"), name=_NAMED),
)
REFERENCES_SINCE = error(
    "reference-version",
    "PATTERN_MISMATCH",
    "Before 4.0 the properties of components refer to the screen's data alone.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_after_asking(text("${screen.ASK.form.first_name}"), "3.1"),
    keeps=_after_asking(text("${screen.ASK.form.first_name}")),
)

# Whether it means something

DATA = error(
    "data-declared",
    "INVALID_SCREEN_DYNAMIC_DATA",
    "What a component shows of its screen's data is declared in the screen's data model, and not in an array.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_shown_with(text("${data.email}"), name=_NAMED),
    keeps=_shown_with(_GREETING, name=_NAMED),
)
INPUT = error(
    "input-there",
    "INVALID_SCREEN_DYNAMIC_DATA",
    "What a component shows of the screen's inputs is put in on that screen.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_filled(text("${form.last_name}")),
    keeps=_filled(text("${form.first_name}")),
)
GLOBAL = error(
    "global-there",
    "INVALID_SCREEN_DATA",
    "What a component shows of another screen is there: that screen, and its data or its input.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_after_asking(text("${screen.ASK.form.last_name}")),
    keeps=_after_asking(text("${screen.ASK.form.first_name}")),
)
OWN_SCREEN = error(
    "global-elsewhere",
    "INVALID_SCREEN_DATA",
    "A component refers to its own screen by `${data.name}` and `${form.name}`, not by the screen's id.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_shown_with(text("${screen.LAST.data.name}"), name=_NAMED),
    keeps=_shown_with(_GREETING, name=_NAMED),
)
# Whether it is of the right kind

DATA_KIND = error(
    "data-kind",
    "INVALID_SCREEN_DYNAMIC_DATA",
    "What a component shows is declared with the type that the property takes.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_shown_with({**text(), "visible": "${data.name}"}, name=_NAMED),
    keeps=_shown_with({**text(), "visible": "${data.is_shown}"}, is_shown=_TICKED),
)
ITEM_SCHEMA = error(
    "data-item-schema",
    "INVALID_SCREEN_DYNAMIC_DATA",
    "The items of a list are declared with what such items must have: those of an option are an id and a title.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_offered({"id": {"type": "string"}}),
    keeps=_offered({"id": {"type": "string"}, "title": {"type": "string"}}),
)
INPUT_KIND = warning(
    "input-kind",
    "INVALID_SCREEN_DYNAMIC_DATA",
    "What a component shows of an input is of the kind that the property takes.",
    why="The phone cannot use it.",
    source=OURS,
    breaks=_filled({**text(), "visible": "${form.first_name}"}),
    keeps=_filled({**text(), "visible": "`${form.first_name} != ''`"}),
)
CONDITION = error(
    "if-condition",
    "INVALID_PROPERTY_VALUE",
    "The condition of an If is an expression that refers to something and is true or false.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_shown_with(component("If", condition="${data.name} ==", then=[text()]), name=_NAMED),
    keeps=_shown_with(component("If", condition="${data.name} == 'Ana'", then=[text()]), name=_NAMED),
)
ORDER = warning(
    "if-order",
    "UNCLEAR_ORDER",
    "In the condition of an If, parentheses stand around what `&&` joins, unless that is one reference.",
    why="Meta's page has `&&` come before all other operators: read so, `a && b > 5` is not what was meant.",
    source=COMPONENTS_PAGE,
    breaks=_shown_with(
        component("If", condition="${data.old} && ${data.age} > 5", then=[text()]), old=_TICKED, age=_AGE
    ),
    keeps=_shown_with(
        component("If", condition="${data.old} && (${data.age} > 5)", then=[text()]), old=_TICKED, age=_AGE
    ),
)
SWITCH = error(
    "switch-value",
    "INVALID_PROPERTY_VALUE",
    "A Switch decides by a reference.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_shown_with(component("Switch", value="Ana", cases={"Ana": [text()]}), name=_NAMED),
    keeps=_shown_with(component("Switch", value="${data.name}", cases={"Ana": [text()]}), name=_NAMED),
)


# Finding


class _Judge:
    """Finds what is wrong with the expressions of one screen's title and components."""

    def __init__(self, version: Version, screen: Screen, meanings: Meanings) -> None:
        self._version = version
        self._screen = screen
        self._meanings = meanings

    def problems(self) -> Iterator[Problem]:
        yield from self._members({"title": self._screen.properties.get("title")}, SCREEN, self._screen.pointer)
        for each in self._screen.components:
            shape = COMPONENTS.get(each.type)
            if shape:
                yield from self._members(each.properties, shape, each.pointer)
        for action in self._screen.actions:
            if action.name == "open_url":
                address = {"url": action.properties.get("url")}
                yield from self._members(address, SHAPES["open_url"], action.pointer)

    def _members(self, owner: dict[str, Any], shape: Shape, pointer: str) -> Iterator[Problem]:
        for name, value in owner.items():
            prop = shape.property(name)
            here = f"{pointer}/{escape(name)}"
            if prop is None:
                continue
            if prop.kind == "condition":
                yield from self._condition(value, here)
            elif prop.kind == "switch":
                yield from self._switch(value, prop, here)
            elif prop.kind == "name" and is_dynamic(value):
                yield STATIC_NAME.at(here, "the name of a component must be a plain text")
            elif prop.kind == "object" and shape.name == "Form" and isinstance(value, dict):
                yield from self._by_input(name, value, here)
            elif shape.name == "RichText" and prop.kind == "texts":
                yield from self._rich_text(value, prop, here)
            elif prop.ranged:
                yield from self._ranged(value, prop, owner.get("mode", "single"), here)
            elif prop.dynamic:
                yield from self._value(value, prop, here)

    def _value(self, value: Any, prop: Property, pointer: str) -> Iterator[Problem]:
        """Yield what is wrong with the value of a property, or with what is in it."""
        if isinstance(value, str):
            yield from self._string(value, taken_by(prop), pointer, textual=prop.kind in _TEXTUAL)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._item(item, prop, f"{pointer}/{index}")
        elif isinstance(value, dict) and prop.kind == "shape":
            yield from self._members(value, SHAPES[prop.shape], pointer)
        elif isinstance(value, dict) and prop.kind == "message":
            yield from self._strings(value, TAKES["string"], pointer, textual=True)

    def _ranged(self, value: Any, prop: Property, mode: Any, pointer: str) -> Iterator[Problem]:
        """Yield what is wrong with a property that a CalendarPicker says twice in range mode."""
        textual = prop.kind in _TEXTUAL
        if isinstance(value, str):
            taken = taken_by(prop, mode if mode in ("single", "range") else "")
            yield from self._string(value, taken, pointer, textual=textual)
        elif isinstance(value, dict):
            yield from self._strings(value, TAKES[prop.kind], pointer, textual=textual)

    def _strings(self, values: dict[str, Any], taken: Any, pointer: str, *, textual: bool) -> Iterator[Problem]:
        """Yield what is wrong with the strings of an object that has values by names."""
        for name, value in values.items():
            if isinstance(value, str):
                yield from self._string(value, taken, f"{pointer}/{escape(name)}", textual=textual)

    def _item(self, item: Any, prop: Property, pointer: str) -> Iterator[Problem]:
        """Yield what is wrong with an item of a property that holds a list."""
        if isinstance(item, dict) and prop.shape:
            yield from self._members(item, SHAPES[prop.shape], pointer)
        elif isinstance(item, str) and prop.kind in ("texts", "strings", "choice", "enums", "dates"):
            yield from self._string(item, TAKES["string"], pointer, textual=True)

    def _by_input(self, name: str, values: dict[str, Any], pointer: str) -> Iterator[Problem]:
        """Yield what is wrong with the `init-values` or the `error-messages` of a Form."""
        inputs = self._meanings.initial(self._screen)
        for each, value in values.items():
            taken = inputs.get(each) if name == "init-values" else TAKES["message"]
            here = f"{pointer}/{escape(each)}"
            if isinstance(value, str):
                for found in self._string(value, taken, here, textual="string" in kinds(taken) or not kinds(taken)):
                    yield self._of_form(found) if name == "init-values" else found

    def _of_form(self, problem: Problem) -> Problem:
        """Return a problem of what an input begins with: of the wrong kind, it breaks the rule of static values."""
        if problem.rule != DATA_KIND.id:
            return problem
        rule = FORM_TYPES if self._version >= FORM_VALUES_SINCE else FORM_TYPES_OLD
        return rule.at(problem.pointer, problem.message)

    def _rich_text(self, value: Any, prop: Property, pointer: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield from self._value(value, prop, pointer)
            return
        for index, part in enumerate(value):
            here = f"{pointer}/{index}"
            if is_dynamic(part):
                yield STATIC_PARTS.at(
                    here, "an item of a RichText must be a plain text; the whole may be an expression"
                )
            elif isinstance(part, str):
                yield from not_replaced(part, here)

    def _string(self, value: str, taken: Any, pointer: str, *, textual: bool) -> Iterator[Problem]:
        """Yield what is wrong with a string that may be an expression; it may be any text too if it is *textual*."""
        if is_nested(value):
            yield from self._nested(value, taken, pointer, textual=textual)
            return
        try:
            reference = parse_binding(value) if is_binding(value) else None
        except ExpressionError as broken:
            if textual:
                yield NOT_REPLACED.at(pointer, f"{located(broken.fault)}: the phone takes it as it is written")
            else:
                yield BINDING_FORM.at(pointer, located(broken.fault))
            return
        if reference is not None:
            yield from self._binding(reference, taken, pointer)
        elif textual:
            yield from not_replaced(value, pointer)

    def _binding(self, reference: Reference, taken: Any, pointer: str) -> Iterator[Problem]:
        if self._version < REFERENCES_SINCE_VERSION and (reference.screen or reference.scope == "form"):
            yield REFERENCES_SINCE.at(
                pointer, f"before 4.0 only ${{data.…}} can stand here, not {brief(reference.text)}"
            )
            return
        meaning = self._meanings.of(reference, self._screen)
        if meaning.lost:
            yield _rule(reference, meaning.lost).at(pointer, meaning.lost.message)
            return
        found = self._meanings.mismatch(meaning.schema, taken)
        if found and found.missing:
            message = f"{brief(reference.text)}: the model declares no {found.missing} for what stands there"
            yield (INPUT_KIND if reference.scope == "form" else ITEM_SCHEMA).at(pointer, message)
        elif found:
            yield (INPUT_KIND if reference.scope == "form" else DATA_KIND).at(pointer, differ(reference.text, found))

    def _nested(self, value: str, taken: Any, pointer: str, *, textual: bool) -> Iterator[Problem]:
        if self._version < NESTED_SINCE_VERSION:
            rule = NESTED_AS_TEXT if textual else NESTED_SINCE
            yield rule.at(pointer, "expressions in backticks came with 6.0")
            return
        try:
            node = parse_nested(value)
        except ExpressionError as broken:
            yield NESTED_SYNTAX.at(pointer, located(broken.fault))
            return
        yield from self._lost(node, pointer)
        for fault in type_faults(node, self._kind_of):
            yield NESTED_KINDS.at(pointer, located(fault))
        found = infer(node, self._kind_of)
        if found and not fits(found, taken):
            yield NESTED_KINDS.at(pointer, f"the expression is of kind {found}, not {said(kinds(taken))}")

    def _condition(self, value: Any, pointer: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            return
        if is_nested(value) and self._version < NESTED_SINCE_VERSION:
            yield NESTED_SINCE.at(pointer, "expressions in backticks came with 6.0")
            return
        try:
            node = parse_condition(value)
        except ExpressionError as broken:
            yield CONDITION.at(pointer, located(broken.fault))
            return
        yield from self._lost(node, pointer)
        if isinstance(node, Reference) and self._meanings.of(node, self._screen).lost:
            yield CONDITION.at(pointer, f"the only operand, {brief(node.text)}, is not known to be true or false")
        for fault in condition_faults(node, self._kind_of):
            yield CONDITION.at(pointer, located(fault))
        for fault in unclear_order(node):
            yield ORDER.at(pointer, located(fault))

    def _switch(self, value: Any, prop: Property, pointer: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            return
        if is_dynamic(value):
            yield from self._string(value, taken_by(prop), pointer, textual=False)
        else:
            yield SWITCH.at(pointer, "a Switch must decide by a reference, such as ${data.name}")

    def _lost(self, node: Node, pointer: str) -> Iterator[Problem]:
        """Yield which references of an expression in a property mean nothing."""
        for reference in references(node):
            meaning = self._meanings.of(reference, self._screen)
            if meaning.lost:
                yield _rule(reference, meaning.lost).at(
                    pointer, f"{meaning.lost.message}, at column {reference.offset + 1}"
                )

    def _kind_of(self, reference: Reference) -> Kind | None:
        return kind(self._meanings.of(reference, self._screen).schema)


def not_replaced(value: str, pointer: str) -> Iterator[Problem]:
    """Yield the reference that a text has beside something else."""
    if _LOOKS_LIKE_REFERENCE.search(value):
        message = "a reference beside other text is not replaced: the phone takes all of it as it is written"
        yield NOT_REPLACED.at(pointer, message)


def _rule(reference: Reference, lost: Lost) -> Rule:
    """Return the rule that a reference breaks in a property by meaning nothing."""
    if lost.reason == "own screen":
        return OWN_SCREEN
    if lost.reason in ("in an array", "without a schema"):
        return DATA
    if reference.screen:
        return GLOBAL
    return INPUT if reference.scope == "form" else DATA


def fits(found: Kind, taken: Any) -> bool:
    """Return whether a nested expression's value can stand where *taken* is: whatever can be read, as a text."""
    wanted = kinds(taken)
    return not wanted or found in wanted or ("string" in wanted and found in ("number", "boolean"))


def differ(reference: str, found: Mismatch) -> str:
    """Return how what a reference means differs from what is wanted."""
    inside = f" at {brief('.'.join(found.path))}" if found.path else ""
    if found.missing:
        return f"{brief(reference)} has no {brief(found.missing)}{inside}, which is required"
    if found.constant:
        return f"{brief(reference)} is not declared as the const {found.constant}{inside}"
    if not found.given:
        return f"{brief(reference)} declares no type{inside}, only a const; {said(found.wanted)} is wanted"
    return f"{brief(reference)} is of type {said(found.given)}{inside}, not {said(found.wanted)}"


def located(fault: ExpressionFault) -> str:
    """Return what is wrong with an expression, and where."""
    return f"{fault.message}, at column {fault.offset + 1}"
