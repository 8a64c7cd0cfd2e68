"""
What inputs, Forms and Footers ask, where one property must fit another: names, bounds, patterns, initial values.

Source: Meta, "Components", the text entry components, CheckboxGroup and Footer; "Flow JSON", Form configuration; "Media
upload"; "Error codes", the errors of limits, of naming, of dependencies and of native components.

Rule 1: only what stands in the document is judged; what an expression makes is known on the phone.
Rule 2: inputs that are never on the screen together may share a name.
"""

import re
from collections.abc import Iterator
from typing import Any

from definitions.flow_json.checks.placement import at_once
from definitions.flow_json.document import Component, FlowDocument, Screen
from definitions.flow_json.examples import DONE, complete, component, flow, footer, last, screen, text_input
from definitions.flow_json.expressions import is_dynamic
from definitions.flow_json.rule import COMPONENTS as COMPONENTS_PAGE
from definitions.flow_json.rule import ERROR_CODES, FLOW_JSON, MEDIA, OBSERVED, OURS, REFUSED, brief, error, warning
from definitions.flow_json.table import (
    COMPONENTS,
    COUNT,
    FORM_VALUES_SINCE,
    INPUTS,
    MEDIA_PICKERS,
    Value,
    Version,
    effective,
)
from definitions.json_text import escape
from engine.errors import Problem

MIME_TYPES = frozenset(
    {
        "application/gzip",
        "application/msword",
        "application/pdf",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.oasis.opendocument.presentation",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/x-7z-compressed",
        "application/zip",
        "image/avif",
        "image/gif",
        "image/heic",
        "image/heif",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "image/webp",
        "text/plain",
        "video/mp4",
        "video/mpeg",
    }
)
"""What a DocumentPicker can be told to take."""

BOUNDS = (
    ("min-chars", "max-chars"),
    ("min-selected-items", "max-selected-items"),
    ("min-uploaded-photos", "max-uploaded-photos"),
    ("min-uploaded-documents", "max-uploaded-documents"),
)
"""The properties of which the first is no greater than the second."""

DEFAULT_LENGTHS = {"TextInput": 80, "TextArea": 600}
"""How many characters an input takes that does not say."""

_LENGTHS = ("max-chars", "max-length")
_PATTERNS = ("text", "number", "password", "passcode")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_SEVERAL_MESSAGES = (*MEDIA_PICKERS, "CalendarPicker")
"""The inputs that may have an error message for each of their values."""
_COUNTED = 10**9
"""Numbers from here on are no counts, and none to print."""


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield what inputs, Forms and Footers ask that does not fit together."""
    version = effective(flow.version)
    for each in flow.listed:
        yield from _name_problems(each)
        for found in each.components:
            if found.type in INPUTS:
                yield from _bound_problems(found)
                yield from _pattern_problems(found)
                yield from _mime_problems(found)
                yield from _outside_problems(found)
            elif found.type == "Footer":
                yield from _caption_problems(found)
        yield from _form_problems(each, version)
        yield from _length_problems(each)


def initial_values(screen: Screen) -> Iterator[tuple[Component, str, Any]]:
    """Yield the inputs of a screen that the document fills, each with the place of the value, and the value."""
    for each in screen.components:
        if each.type in INPUTS and "init-value" in each.properties:
            yield each, f"{each.pointer}/init-value", each.properties["init-value"]
    for form, pointer, name, value in form_entries(screen, "init-values"):
        if name in form:
            yield form[name], pointer, value


def form_entries(screen: Screen, key: str) -> Iterator[tuple[dict[str, Component], str, str, Any]]:
    """Yield what Forms say in a property: their inputs by name, the place, the name of the input, its value."""
    inputs: dict[str, dict[str, Component]] = {}
    for each in screen.components:
        if each.form and each.name and each.type in INPUTS:
            inputs.setdefault(each.form, {})[each.name] = each
    for each in screen.of_type("Form"):
        entries = each.properties.get(key)
        for name, value in entries.items() if isinstance(entries, dict) else ():
            yield inputs.get(each.pointer, {}), f"{each.pointer}/{key}/{escape(name)}", name, value


# Names

NAMES = error(
    "input-names",
    "DUPLICATE_FORM_COMPONENT_NAMES",
    "Inputs that can be on the screen together have different names.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(text_input("name"), text_input("name"))),
    keeps=flow(last(text_input("first_name"), text_input("last_name"))),
)


def _name_problems(screen: Screen) -> Iterator[Problem]:
    by_name: dict[str, list[Component]] = {}
    for each in screen.components:
        if each.type in INPUTS and each.name:
            by_name.setdefault(each.name, []).append(each)
    for name, found in by_name.items():
        for rank, each in at_once(found) if len(found) > 1 else ():
            if rank > 1:
                yield NAMES.at(f"{each.pointer}/name", f"there is another input {brief(name)} on the screen")


# Bounds

_SIZES = [{"id": "s", "title": "Small"}, {"id": "l", "title": "Large"}]


def _sizes(**more: Any) -> dict[str, Any]:
    return component("CheckboxGroup", name="sizes", label="Sizes", data_source=_SIZES, **more)


BOUNDS_ORDER = error(
    "bounds-order",
    "MIN_VALUE_GREATER_THAN_MAX",
    "The least that an input takes is no more than the most.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(_sizes(min_selected_items=2, max_selected_items=1))),
    keeps=flow(last(_sizes(min_selected_items=1, max_selected_items=2))),
)
BOUNDS_REACHED = warning(
    "bounds-reached",
    "UNREACHABLE_MINIMUM",
    "The least that an input takes can be given: that many options are there, that many characters fit.",
    why="Nobody gets past the screen. A TextInput without max-chars takes 80 characters.",
    source=OURS,
    breaks=flow(last(_sizes(min_selected_items=3))),
    keeps=flow(last(_sizes(min_selected_items=2))),
)


def _bound_problems(found: Component) -> Iterator[Problem]:
    for least, most in BOUNDS:
        low, high = counted(found.properties.get(least)), counted(found.properties.get(most))
        if low is None:
            continue
        there = f"{found.pointer}/{least}"
        if high is not None and low > high:
            yield BOUNDS_ORDER.at(there, f"{least} is {low:g}, more than {most}, which is {high:g}")
            continue
        options = found.properties.get("data-source")
        if least == "min-selected-items" and isinstance(options, list) and low > len(options):
            yield BOUNDS_REACHED.at(there, f"{least} is {low:g}, but there are {len(options)} options")
        elif least == "min-chars" and most not in found.properties and low > DEFAULT_LENGTHS["TextInput"]:
            yield BOUNDS_REACHED.at(there, f"{least} is {low:g}, but without {most} a TextInput takes 80 characters")


def counted(value: Any) -> float | None:
    """Return a number that stands in the document, as a number or as a text."""
    if isinstance(value, str):
        return float(value) if COUNT.fullmatch(value) else None
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _COUNTED
    return value if known else None


# Patterns

PATTERN_HELP = error(
    "pattern-help",
    "MISSING_REQUIRED_PROPERTY",
    "A TextInput with a pattern has a helper-text.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=flow(last(text_input("code", pattern="[A-Z]{4}"))),
    keeps=flow(last(text_input("code", pattern="[A-Z]{4}", helper_text="Four letters"))),
)
PATTERN_TYPE = warning(
    "pattern-type",
    "PATTERN_IGNORED",
    "Only a TextInput for text, numbers, passwords or passcodes has a pattern.",
    why="The phone does not hold addresses and phone numbers against it.",
    source=COMPONENTS_PAGE,
    breaks=flow(last(text_input("mail", input_type="email", pattern=".+@shop", helper_text="Ours"))),
    keeps=flow(last(text_input("mail", input_type="text", pattern=".+@shop", helper_text="Ours"))),
)
PATTERN_FORM = warning(
    "pattern-form",
    "INVALID_PATTERN",
    "A pattern is a regular expression, without slashes around it.",
    why="The phone holds no answer against it, or none fits.",
    source=COMPONENTS_PAGE,
    breaks=flow(last(text_input("code", pattern="/[A-Z]{4}/", helper_text="Four letters"))),
    keeps=flow(last(text_input("code", pattern="[A-Z]{4}", helper_text="Four letters"))),
)

_PATTERN_PART = re.compile(
    r"""
      (?P<escaped> \\ . )
    | (?P<stray>   \\ )
    | (?P<class>   \[ \^? (?: \\ . | [^\\\]] )*+ \] )
    | (?P<open_class> \[ )
    | (?P<open>    \( (?: \? (?: [:=!>] | <[=!] | P?<\w+> | [a-z-]+ ) )? )
    | (?P<close>   \) )
    | (?P<repeat>  (?: [*+?] | \{ [0-9]+ (?: ,[0-9]* )? \} ) [?+]? )
    | (?P<either>  \| )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.DOTALL,
)


def _pattern_problems(found: Component) -> Iterator[Problem]:
    pattern = found.properties.get("pattern")
    if found.type != "TextInput" or pattern is None:
        return
    there = f"{found.pointer}/pattern"
    if "helper-text" not in found.properties:
        yield PATTERN_HELP.at(there, f"{brief(found.name) or 'a TextInput'} has a pattern, but no helper-text")
    kind = found.properties.get("input-type", "text")
    if isinstance(kind, str) and not is_dynamic(kind) and kind in ("email", "phone"):
        yield PATTERN_TYPE.at(there, f"a pattern is of no use with input-type {kind}, only with {', '.join(_PATTERNS)}")
    if isinstance(pattern, str) and not is_dynamic(pattern):
        fault = _pattern_fault(pattern)
        if fault:
            yield PATTERN_FORM.at(there, fault)


def _pattern_fault(pattern: str) -> str:
    """
    Return why *pattern* is no regular expression in any of the dialects that phones have, or nothing.

    Dialects differ in what stands after a backslash, so that is not looked at.
    """
    if len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/"):
        return "the pattern must not have slashes around it"
    depth, repeatable = 0, False
    for part in _PATTERN_PART.finditer(pattern):
        kind = part.lastgroup
        if kind == "stray":
            return "the pattern ends with a backslash"
        if kind == "open_class":
            return "a [ of the pattern is not closed"
        if kind == "repeat" and not repeatable:
            return f"there is nothing before {brief(part.group())} in the pattern that could be repeated"
        depth += (kind == "open") - (kind == "close")
        if depth < 0:
            return "a ) of the pattern has no ("
        repeatable = kind not in ("open", "either", "repeat") or part.group().startswith("{")
    return "a ( of the pattern is not closed" if depth else ""


# Media


def _cv(kind: str) -> dict[str, Any]:
    more = {"allowed_mime_types": [kind], "max_uploaded_documents": 1}
    return flow(last(component("DocumentPicker", name="cv", label="CV", **more)))


MIME_TYPE = error(
    "mime-types",
    "INVALID_ENUM_VALUE",
    "A DocumentPicker is told to take only types of files that it knows.",
    why=REFUSED,
    source=MEDIA,
    breaks=_cv("image/jpg"),
    keeps=_cv("image/jpeg"),
)


def _mime_problems(found: Component) -> Iterator[Problem]:
    types = found.properties.get("allowed-mime-types")
    for index, each in enumerate(types if isinstance(types, list) else []):
        if isinstance(each, str) and not is_dynamic(each) and each not in MIME_TYPES:
            there = f"{found.pointer}/allowed-mime-types/{index}"
            yield MIME_TYPE.at(there, f"{brief(each)} is no type of file that a DocumentPicker knows")


# Forms


def _form(*children: Any, **more: Any) -> dict[str, Any]:
    """Return a Flow with a Form of *children*, whose answers are sent."""
    asked = last(*children)["layout"]["children"]
    return flow(screen("ASK", component("Form", name="form", children=asked, **more), terminal=True))


OWN_VALUE = error(
    "init-value-form",
    "INVALID_PROPERTY_KEY",
    "An input in a Form leaves its init-value and error-message to the init-values and error-messages of the Form.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_form(text_input(init_value="Asha")),
    keeps=_form(text_input(), init_values={"first_name": "Asha"}),
)
FORM_NAMES = error(
    "form-values-names",
    "INVALID_PROPERTY_VALUE",
    "From 7.0 on, the init-values of a Form are for inputs in it.",
    why=REFUSED,
    source=OBSERVED,
    breaks=_form(text_input(), init_values={"name": "Asha"}),
    keeps=_form(text_input(), init_values={"first_name": "Asha"}),
)
FORM_NAMES_UNUSED = warning(
    "form-values-unused",
    "UNKNOWN_INPUT",
    "The error-messages of a Form are for inputs in it, before 7.0 the init-values too.",
    why="The value or the message never shows.",
    source=FLOW_JSON,
    breaks=_form(text_input(), error_messages={"name": "Not known"}),
    keeps=_form(text_input(), error_messages={"first_name": "Not known"}),
)
FORM_TYPES = error(
    "form-values-types",
    "INVALID_PROPERTY_VALUE",
    "From 7.0 on, the init-values of a Form are such as its inputs give, and its error-messages are texts.",
    why=REFUSED,
    source=FLOW_JSON,
    breaks=_form(text_input("age", input_type="number"), init_values={"age": "40"}),
    keeps=_form(text_input("age", input_type="number"), init_values={"age": 40}),
)
FORM_TYPES_OLD = warning(
    "form-values-types-old",
    "INVALID_PROPERTY_VALUE",
    "Before 7.0, the init-values of a Form are such as its inputs give, and its error-messages are texts.",
    why="The input stays empty, and a later version refuses the document.",
    source=FLOW_JSON,
    breaks={**_form(_sizes(), init_values={"sizes": "s"}), "version": "6.3"},
    keeps={**_form(_sizes(), init_values={"sizes": ["s"]}), "version": "6.3"},
)
_PHOTO = component("PhotoPicker", name="photo", label="Photo", max_uploaded_photos=1)
FORM_MEDIA = error(
    "form-values-media",
    "NATIVE_COMPONENT_IN_FORM_INIT_VALUES",
    "The init-values of a Form fill no PhotoPicker and no DocumentPicker.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_form(_PHOTO, init_values={"photo": "a tree"}),
    keeps=_form(_PHOTO),
)


def _outside_problems(found: Component) -> Iterator[Problem]:
    if not found.form or found.type in MEDIA_PICKERS:
        return
    for own, shared in (("init-value", "init-values"), ("error-message", "error-messages")):
        if own in found.properties:
            yield OWN_VALUE.at(
                f"{found.pointer}/{own}", f"an input in a Form has no {own}: it belongs into the {shared} of the Form"
            )


def _form_problems(screen: Screen, version: Version) -> Iterator[Problem]:
    checked = version >= FORM_VALUES_SINCE
    types, names = (FORM_TYPES, FORM_NAMES) if checked else (FORM_TYPES_OLD, FORM_NAMES_UNUSED)
    for inputs, pointer, name, value in form_entries(screen, "init-values"):
        found = inputs.get(name)
        if found is None:
            yield names.at(pointer, f"the Form has no input {brief(name)}")
        elif found.type in MEDIA_PICKERS:
            yield FORM_MEDIA.at(pointer, f"{brief(name)} is a {found.type}, which cannot have an initial value")
        elif not is_dynamic(value) and not _begins_with(found, value, version):
            yield types.at(pointer, f"{brief(name)} is a {found.type}, which must begin with {_wanted(found)}")
    for inputs, pointer, name, value in form_entries(screen, "error-messages"):
        found = inputs.get(name)
        if found is None:
            yield FORM_NAMES_UNUSED.at(pointer, f"the Form has no input {brief(name)}")
        elif not isinstance(value, str) and not (found.type in _SEVERAL_MESSAGES and isinstance(value, dict)):
            yield types.at(pointer, f"the error message of {brief(name)} must be a text")


def _begins_with(found: Component, value: Any, version: Version) -> bool:
    """Return whether *value* is of the kind that an input begins with."""
    match COMPONENTS[found.type].value:
        case "string" if found.properties.get("input-type") == "number":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            # Before 7.0 all texts that are typed in were texts.
            as_text = version < FORM_VALUES_SINCE and isinstance(value, str) and _NUMBER.fullmatch(value) is not None
            return is_number or as_text
        case "string" if found.type == "RadioButtonsGroup":  # its page says a list, the page of Forms a text
            return isinstance(value, str | list)
        case "string" | "date":
            return isinstance(value, str)
        case "strings":
            return isinstance(value, list) and all(isinstance(each, str) for each in value)
        case "boolean":
            return isinstance(value, bool)
        case _:
            return isinstance(value, str | dict)


_WANTED: dict[Value | None, str] = {
    "string": "a text",
    "date": "a date",
    "dates": "a date, or start-date and end-date",
    "strings": "a list of texts",
    "boolean": "true or false",
}


def _wanted(found: Component) -> str:
    if found.properties.get("input-type") == "number":
        return "a number"
    return _WANTED.get(COMPONENTS[found.type].value, "nothing")


# Lengths

INIT_LENGTH = warning(
    "init-value-length",
    "INIT_VALUE_TOO_LONG",
    "The text that an input begins with is no longer than it takes.",
    why="Nobody gets past the screen before having shortened a text that they did not write.",
    source=OURS,
    breaks=flow(last(text_input(init_value="Asha Kumari", max_chars="5"))),
    keeps=flow(last(text_input(init_value="Asha", max_chars="5"))),
)


def _length_problems(screen: Screen) -> Iterator[Problem]:
    for found, pointer, value in initial_values(screen):
        default = DEFAULT_LENGTHS.get(found.type)
        if default is None or not isinstance(value, str) or is_dynamic(value):
            continue
        said = next((found.properties[key] for key in _LENGTHS if key in found.properties), default)
        most = counted(said)
        if most is not None and len(value) > most:
            yield INIT_LENGTH.at(pointer, f"the text has {len(value)} characters, and the input takes {most:g}")


# Footers

CAPTION_PAIR = error(
    "captions-pair",
    "INVALID_DEPENDENCIES",
    "A Footer with a left-caption has a right-caption too, and the other way round.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(screen("LAST", footer(complete(), left_caption="2 items"), terminal=True)),
    keeps=flow(screen("LAST", footer(complete(), left_caption="2 items", right_caption="$ 5"), terminal=True)),
)
CAPTION_CENTER = error(
    "captions-center",
    "NOT_KEYWORD_SCHEMA_VALIDATION_FAILED",
    "A Footer has a center-caption, or a left-caption and a right-caption, but not all of them.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(screen("LAST", {**DONE, "left-caption": "2", "center-caption": "items"}, terminal=True)),
    keeps=flow(screen("LAST", {**DONE, "center-caption": "2 items"}, terminal=True)),
)


def _caption_problems(found: Component) -> Iterator[Problem]:
    sides = [side for side in ("left-caption", "right-caption") if side in found.properties]
    if "center-caption" in found.properties and sides:
        message = f"a Footer with {sides[0]} cannot have a center-caption"
        yield CAPTION_CENTER.at(f"{found.pointer}/center-caption", message)
    elif len(sides) == 1:
        missing = "right-caption" if sides == ["left-caption"] else "left-caption"
        yield CAPTION_PAIR.at(f"{found.pointer}/{sides[0]}", f"a Footer with {sides[0]} must have {missing} too")
