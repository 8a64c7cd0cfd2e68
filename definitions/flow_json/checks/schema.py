"""
Holds a document against the table of the language: which properties there are, since when, and what they hold.

Values that an expression makes are left to the checks of expressions; whatever needs two places to judge is another's.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from definitions.flow_json.document import Action, Component, FlowDocument, Screen
from definitions.flow_json.examples import (
    DONE,
    asking,
    complete,
    component,
    endpoint_flow,
    example_of,
    exchange,
    flow,
    last,
    screen,
    text,
    text_input,
)
from definitions.flow_json.expressions import is_dynamic
from definitions.flow_json.rule import COMPONENTS as COMPONENTS_PAGE
from definitions.flow_json.rule import ERROR_CODES, FLOW_JSON, OBSERVED, REFUSED, brief, error, warning
from definitions.flow_json.table import (
    ACTIONS,
    COMPONENTS,
    COUNT,
    DATA_CHANNEL_URI_UNTIL,
    DATE,
    DATES_SINCE,
    FLOW,
    LAYOUT,
    MILLISECONDS,
    NEWEST,
    SCREEN,
    SHAPES,
    Kind,
    Property,
    Shape,
    Version,
    effective,
)
from definitions.json_text import escape
from engine.errors import Problem

_TEXT_LISTS_SINCE: Version = 5, 1
_BACKTICKS_SINCE: Version = 6, 0
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")
_NO_TEXT_KINDS = frozenset({"boolean", "integer", "number", "count", "enum", "date", "options", "items", "pictures"})
"""The kinds of property for which a text is not enough."""

_RANGE_KEYS = frozenset({"start-date", "end-date"})
"""What a value in range mode has two of; other keys are told with the rest of range mode."""

_ROUTING_LIST = Property("a route", "strings", dynamic=False)


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield where a document is not as the table says."""
    checker = _Checker(flow)
    yield from checker.document()
    for each in flow.listed:
        yield from checker.screen(each)


# Keys

UNKNOWN_PROPERTY = error(
    "property-known",
    "INVALID_PROPERTY_KEY",
    "Documents, screens, components, items and actions have the properties of the language and no others.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last({**text(), "colour": "red"})),
    keeps=flow(last(text())),
)
NEWER_PROPERTY = warning(
    "property-newer",
    "UNKNOWN_PROPERTY",
    "A document of a version that this linter does not know uses properties that it does.",
    why="A later version of the language may have it; nothing about it is checked.",
    source=FLOW_JSON,
    breaks=flow(last({**text(), "colour": "red"}), version="8.0"),
    keeps=flow(last(text())),
)
TOO_NEW_PROPERTY = error(
    "property-version",
    "INVALID_PROPERTY_KEY",
    "A property is used from the version on that brought it.",
    why=REFUSED,
    source=FLOW_JSON,
    breaks=flow(last(text_input(label_variant="large")), version="6.3"),
    keeps=flow(last(text_input(label_variant="large")), version="7.0"),
)
ENDPOINT_IN_DOCUMENT = error(
    "endpoint-elsewhere",
    "INVALID_PROPERTY_KEY",
    "From 3.0 on a document does not name its endpoint: the Flows API does.",
    why=REFUSED,
    source=FLOW_JSON,
    breaks={**endpoint_flow(asking()), "data_channel_uri": "https://shop.example/flow"},
    keeps=endpoint_flow(asking()),
)
MISSING = error(
    "property-required",
    "MISSING_REQUIRED_PROPERTY",
    "What the language requires is there.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(component("Image", alt_text="A tree"))),
    keeps=flow(last(component("Image", src="iVBORw0KGgo=", alt_text="A tree"))),
)
MISSING_TYPE = error(
    "type-required",
    "MISSING_REQUIRED_TYPE_PROPERTY",
    "Every component says its type, and so does the layout.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last({"text": "Hello"})),
    keeps=flow(last(text())),
)

# Components and layouts

NO_TYPE = error(
    "type-text",
    "INVALID_TYPE_PROPERTY_VALUE",
    "The type of a component is a text.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last({"type": 1, "text": "Hello"})),
    keeps=flow(last(text())),
)
UNKNOWN_COMPONENT = error(
    "component-known",
    "INVALID_PROPERTY_VALUE",
    "A component is one of the language's.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(component("Text", text="Hello"))),
    keeps=flow(last(text())),
)
NEWER_COMPONENT = warning(
    "component-newer",
    "UNKNOWN_COMPONENT",
    "A document of a version that this linter does not know uses components that it does.",
    why="A later version of the language may have it; nothing about it is checked.",
    source=FLOW_JSON,
    breaks=flow(last(component("Map", place="Pune")), version="8.0"),
    keeps=flow(last(text())),
)
TOO_NEW_COMPONENT = error(
    "component-version",
    "INVALID_PROPERTY_VALUE",
    "A component is used from the version on that brought it.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=flow(last(component("CalendarPicker", name="day", label="Day")), version="6.0"),
    keeps=flow(last(component("CalendarPicker", name="day", label="Day")), version="6.1"),
)
UNKNOWN_LAYOUT = error(
    "layout-known",
    "INVALID_PROPERTY_VALUE",
    "A screen's layout is a SingleColumnLayout.",
    why="It is the only one there is; Meta refuses the document.",
    source=FLOW_JSON,
    breaks=flow({**last(), "layout": {"type": "TwoColumnLayout", "children": [DONE]}}),
    keeps=flow(last()),
)

# Values

WRONG_TYPE = error(
    "property-type",
    "INVALID_PROPERTY_TYPE",
    "A property holds the type of value that it is for.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(text_input(required="yes"))),
    keeps=flow(last(text_input(required=True))),
)
NONE_OF = error(
    "property-one-of",
    "ONE_OF_SCHEMA_VALIDATION_FAILED",
    "A property that takes a list, an object or an expression holds one of them.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(component("Dropdown", name="size", label="Size", data_source="sizes"))),
    keeps=flow(last(component("Dropdown", name="size", label="Size", data_source=[{"id": "s", "title": "Small"}]))),
)
NOT_LISTED = error(
    "property-values",
    "INVALID_ENUM_VALUE",
    "A property with a list of values has one of them.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(text_input(input_type="date"))),
    keeps=flow(last(text_input(input_type="number"))),
)
ACTION_ELSEWHERE = error(
    "action-here",
    "INVALID_ENUM_VALUE",
    "A component does only what the language lets it do there: `complete`, for one, is the Footer's alone.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(component("EmbeddedLink", text="Terms", on_click_action=complete()))),
    keeps=flow(
        last(
            component("EmbeddedLink", text="Terms", on_click_action={"name": "open_url", "url": "https://shop.example"})
        )
    ),
)
BLANK = error(
    "property-blank",
    "PATTERN_MISMATCH",
    "No text is blank: what text components show never, the name of an input from 4.0 on, all others from 6.0 on.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=flow(last(text(" "))),
    keeps=flow(last(text())),
)
_TOTAL = {"total": example_of("number", 7), "is_shown": example_of("boolean", value=True)}
NOT_WHOLE = error(
    "expression-whole",
    "INVALID_PROPERTY_VALUE",
    "From 6.0 on, where no text is wanted, an expression is the whole value: one reference, or anything in backticks.",
    why="Meta reads what is neither as a text, and refuses it there.",
    source=OBSERVED,
    breaks=flow(last({**text(), "visible": "${data.total} > 5"}, data=_TOTAL)),
    keeps=flow(last({**text(), "visible": "`${data.total} > 5`"}, data=_TOTAL)),
)
NOT_WHOLE_OLD = error(
    "expression-whole-old",
    "PATTERN_MISMATCH",
    "Before 6.0, where no text is wanted, a reference is the whole value.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last({**text(), "visible": "${data.total} > 5"}, data=_TOTAL), version="5.1"),
    keeps=flow(last({**text(), "visible": "${data.is_shown}"}, data=_TOTAL), version="5.1"),
)
NO_COUNT = error(
    "property-count",
    "PATTERN_MISMATCH",
    "A limit of characters is a number.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(text_input(max_chars="Hundred"))),
    keeps=flow(last(text_input(max_chars="100"))),
)
NO_FORMAT = error(
    "property-format",
    "INVALID_PROPERTY_VALUE_FORMAT",
    "A date is YYYY-MM-DD, before 5.0 milliseconds; an address is one.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=flow(last(component("DatePicker", name="day", label="Day", min_date="1 March 2026"))),
    keeps=flow(last(component("DatePicker", name="day", label="Day", min_date="2026-03-01"))),
)
TOO_FEW = error(
    "items-least",
    "MIN_ITEMS_REQUIRED",
    "A list has as many items as it needs.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(component("Dropdown", name="size", label="Size", data_source=[]))),
    keeps=flow(last(component("Dropdown", name="size", label="Size", data_source=[{"id": "s", "title": "Small"}]))),
)
_TAGS = ["new", "blue", "cotton", "sale"]


def _a_list(tags: list[str]) -> dict[str, Any]:
    item = {"id": "1", "main-content": {"title": "Shirt"}, "tags": tags, "on-click-action": exchange()}
    listed = component("NavigationList", name="shirts", list_items=[item])
    return endpoint_flow(screen("SHIRTS", listed), last())


TOO_MANY = error(
    "items-most",
    "MAX_ITEMS_REQUIRED",
    "A list has no more items than it may.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_a_list(_TAGS),
    keeps=_a_list(_TAGS[:3]),
)
_PHOTO = component("PhotoPicker", name="photo", label="Photo")
TOO_SMALL = error(
    "number-least",
    "MINIMUM_VALUE_REQUIRED",
    "A number is as large as it has to be.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=endpoint_flow(asking({**_PHOTO, "min-uploaded-photos": -1})),
    keeps=endpoint_flow(asking({**_PHOTO, "min-uploaded-photos": 0})),
)
TOO_LARGE = error(
    "number-most",
    "MAXIMUM_VALUE_REQUIRED",
    "A number is no larger than it may be.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=endpoint_flow(asking({**_PHOTO, "max-uploaded-photos": 40})),
    keeps=endpoint_flow(asking({**_PHOTO, "max-uploaded-photos": 30})),
)


class _Checker:
    """Holds one document against the table."""

    def __init__(self, flow: FlowDocument) -> None:
        self._flow = flow
        self._version = effective(flow.version)
        self._newer = flow.version > NEWEST
        # Versions and data models have checks of their own.
        self._by_kind: dict[Kind, Callable[[Property, Any, str, str], Iterator[Problem]]] = {
            **dict.fromkeys(("text", "name", "string", "image", "condition", "switch", "url", "date"), self._text),
            "texts": self._texts,
            "choice": self._choice,
            **dict.fromkeys(("boolean", "integer", "number", "count"), self._simple),
            "enum": self._listed,
            **dict.fromkeys(
                ("strings", "dates", "enums", "options", "items", "pictures", "components", "screens"), self._list
            ),
            "action": self._does,
            "shape": self._shape,
            **dict.fromkeys(("object", "payload", "cases", "routes"), self._object),
            "message": self._message,
        }

    def document(self) -> Iterator[Problem]:
        """Yield what is wrong at the top level."""
        document = self._flow.document
        yield from self._properties(FLOW, document, "", "a Flow", skip={"data_channel_uri"})
        if "data_channel_uri" in document and self._version >= DATA_CHANNEL_URI_UNTIL:
            message = "from 3.0 on, endpoint_uri of the Flows API names the endpoint, and the document does not"
            yield ENDPOINT_IN_DOCUMENT.at("/data_channel_uri", message)
        screens = document.get("screens")
        for index, each in enumerate(screens if isinstance(screens, list) else []):
            if not isinstance(each, dict):
                yield WRONG_TYPE.at(f"/screens/{index}", "a screen must be an object")
        routes = document.get("routing_model")
        for name, targets in routes.items() if isinstance(routes, dict) else ():
            yield from self._value(_ROUTING_LIST, targets, f"/routing_model/{escape(name)}", "a route")

    def screen(self, screen: Screen) -> Iterator[Problem]:
        """Yield what is wrong with a screen and all that stands on it."""
        owner = f"the screen {brief(screen.id)}" if screen.id else "a screen"
        yield from self._properties(SCREEN, screen.properties, screen.pointer, owner)
        for each in screen.components:
            yield from self._component(each)
        for action in screen.actions:
            yield from self._action(action)

    # Objects

    def _properties(
        self,
        shape: Shape,
        document: dict[str, Any],
        pointer: str,
        owner: str,
        skip: frozenset[str] | set[str] = frozenset(),
    ) -> Iterator[Problem]:
        """Yield what is wrong with the properties of an object of that shape."""
        for key, value in document.items():
            if key in skip:
                continue
            here = f"{pointer}/{escape(key)}"
            known = shape.property(key)
            if known is None and self._newer:
                yield NEWER_PROPERTY.at(here, f"{owner} with {brief(key)} is newer than what is known here")
            elif known is None:
                yield UNKNOWN_PROPERTY.at(here, f"{owner} has no property {brief(key)}")
            elif known.since > self._version:
                since = ".".join(map(str, known.since))
                yield TOO_NEW_PROPERTY.at(here, f"{owner} has {key} from {since} on")
            else:
                yield from self._value(known, value, here, owner)
        for known in shape.properties:
            if known.required is not None and known.required <= self._version and known.name not in document:
                # Versions are checked by themselves, so that a document without one says so once.
                if known.kind == "version":
                    continue
                rule = MISSING_TYPE if known.name == "type" else MISSING
                yield rule.at(pointer, f"{owner} has no {known.name}")

    def _component(self, component: Component) -> Iterator[Problem]:
        kind = component.properties.get("type")
        shape = COMPONENTS.get(component.type)
        here = f"{component.pointer}/type"
        if "type" not in component.properties:
            yield MISSING_TYPE.at(component.pointer, "a component has no type")
        elif not isinstance(kind, str):
            yield NO_TYPE.at(here, "the type of a component must be a text")
        elif shape is None and self._newer:
            yield NEWER_COMPONENT.at(here, f"{brief(kind)} is newer than what is known here")
        elif shape is None:
            yield UNKNOWN_COMPONENT.at(here, f"there is no component {brief(kind)}")
        elif shape.since > self._version:
            since = ".".join(map(str, shape.since))
            yield TOO_NEW_COMPONENT.at(here, f"there is {_article(kind)} {kind} from {since} on")
        else:
            name = f"the {kind} {brief(component.name)}" if component.name else f"{_article(kind)} {kind}"
            yield from self._properties(shape, component.properties, component.pointer, name, skip={"type"})

    def _action(self, action: Action) -> Iterator[Problem]:
        shape = ACTIONS.get(action.name)
        if shape is not None and shape.since <= self._version:
            yield from self._properties(shape, action.properties, action.pointer, f"{action.name}", skip={"name"})

    # Values

    def _value(self, known: Property, value: Any, pointer: str, owner: str) -> Iterator[Problem]:
        """Yield what is wrong with the value of a property, unless an expression makes it."""
        if known.dynamic and is_dynamic(value):
            return
        if known.ranged and isinstance(value, dict):
            yield from self._range(known, value, pointer, owner)
            return
        if known.dynamic and known.kind in _NO_TEXT_KINDS and isinstance(value, str) and "${" in value:
            yield from self._not_whole(f"{known.name} of {owner}", pointer)
            return
        check = self._by_kind.get(known.kind)
        if check is not None:
            yield from check(known, value, pointer, owner)

    def _not_whole(self, value: str, pointer: str) -> Iterator[Problem]:
        """Yield that a *value* is partly an expression."""
        if self._version >= _BACKTICKS_SINCE:
            yield NOT_WHOLE.at(pointer, f"{value} must be one reference, or all of the expression must be in backticks")
        else:
            yield NOT_WHOLE_OLD.at(pointer, f"{value} must be one reference and nothing else")

    def _text(self, known: Property, value: Any, pointer: str, owner: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield WRONG_TYPE.at(pointer, f"{known.name} of {owner} must be a text")
        elif known.filled is not None and not value.strip():
            if self._version >= known.filled:
                yield BLANK.at(pointer, f"{known.name} of {owner} is blank")
        elif known.kind == "date":
            yield from self._date(known, value, pointer, owner)
        elif known.kind == "url" and not _URL.fullmatch(value):
            yield NO_FORMAT.at(
                pointer, f"{known.name} of {owner} must be an address, such as https://shop.example/terms"
            )

    def _date(self, known: Property, value: str, pointer: str, owner: str) -> Iterator[Problem]:
        form, example = (DATE, "2026-03-01") if self._version >= DATES_SINCE else (MILLISECONDS, "1772323200000")
        if not form.fullmatch(value):
            yield NO_FORMAT.at(pointer, f"{known.name} of {owner} must be a date such as {example}")

    def _texts(self, known: Property, value: Any, pointer: str, owner: str) -> Iterator[Problem]:
        if isinstance(value, str):
            yield from self._text(Property(known.name, "text", filled=known.filled), value, pointer, owner)
        elif not isinstance(value, list) or self._version < _TEXT_LISTS_SINCE:
            yield NONE_OF.at(pointer, f"{known.name} of {owner} must be a text, from 5.1 on also a list of them")
        else:
            for index, each in enumerate(value):
                if not isinstance(each, str):
                    yield WRONG_TYPE.at(f"{pointer}/{index}", f"{known.name} of {owner} must be a list of texts")

    def _choice(self, known: Property, value: Any, pointer: str, owner: str) -> Iterator[Problem]:
        if isinstance(value, list):
            yield from self._list(Property(known.name, "strings"), value, pointer, owner)
        elif isinstance(value, str):
            yield from self._text(known, value, pointer, owner)
        else:
            yield NONE_OF.at(pointer, f"{known.name} of {owner} must be the id of an option")

    def _simple(self, known: Property, value: Any, pointer: str, owner: str) -> Iterator[Problem]:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if known.kind == "count" and isinstance(value, str):
            if not COUNT.fullmatch(value):
                yield NO_COUNT.at(pointer, f'{known.name} of {owner} must be a number, such as "100"')
        elif known.kind == "boolean":
            if not isinstance(value, bool):
                yield WRONG_TYPE.at(pointer, f"{known.name} of {owner} must be true or false")
        elif not is_number or (known.kind == "integer" and isinstance(value, float) and not value.is_integer()):
            kind = "a whole number" if known.kind == "integer" else "a number"
            yield WRONG_TYPE.at(pointer, f"{known.name} of {owner} must be {kind}")
        elif known.least is not None and value < known.least:
            yield TOO_SMALL.at(pointer, f"{known.name} of {owner} must be at least {known.least}")
        elif known.most is not None and value > known.most:
            yield TOO_LARGE.at(pointer, f"{known.name} of {owner} must be at most {known.most}")

    def _listed(self, known: Property, value: Any, pointer: str, owner: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield WRONG_TYPE.at(pointer, f"{known.name} of {owner} must be a text")
        elif value not in known.values:
            rule = UNKNOWN_LAYOUT if known.name == "type" and "Layout" in known.values[0] else NOT_LISTED
            yield rule.at(pointer, f"{known.name} of {owner} must be one of: {', '.join(known.values)}")

    def _list(self, known: Property, value: Any, pointer: str, owner: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            rule = NONE_OF if isinstance(value, str) and known.dynamic else WRONG_TYPE
            yield rule.at(pointer, f"{known.name} of {owner} must be a list")
            return
        for index, item in enumerate(value):
            yield from self._item(known, item, f"{pointer}/{index}", owner)
        if known.least is not None and len(value) < known.least:
            yield TOO_FEW.at(pointer, f"{known.name} of {owner} must have at least {known.least}, not {len(value)}")
        if known.most is not None and len(value) > known.most and known.kind != "screens":
            yield TOO_MANY.at(pointer, f"{known.name} of {owner} must have at most {known.most}, not {len(value)}")

    def _item(self, known: Property, item: Any, pointer: str, owner: str) -> Iterator[Problem]:
        """Yield what is wrong with an item of a list; screens and components are looked at by themselves."""
        if known.shape:
            if isinstance(item, dict):
                yield from self._properties(SHAPES[known.shape], item, pointer, f"{known.shape} of {owner}")
            else:
                yield WRONG_TYPE.at(pointer, f"what is in {known.name} of {owner} must be an object")
        elif known.kind == "components":
            if not isinstance(item, dict):
                yield WRONG_TYPE.at(pointer, "a component must be an object")
        elif known.kind == "enums":
            yield from self._listed(known, item, pointer, owner)
        elif known.kind != "screens":
            kind: Kind = "date" if known.kind == "dates" else "string"
            yield from self._value(Property(known.name, kind, dynamic=known.dynamic, filled=None), item, pointer, owner)

    def _does(self, known: Property, value: Any, pointer: str, owner: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield WRONG_TYPE.at(pointer, f"{known.name} of {owner} must be an action, an object with a name")
        elif "name" not in value:
            yield MISSING.at(pointer, "an action has no name")
        elif not isinstance(value["name"], str):
            yield WRONG_TYPE.at(f"{pointer}/name", "the name of an action must be a text")
        else:
            allowed = [name for name, since in known.actions if since <= self._version]
            if value["name"] not in allowed:
                message = f"{known.name} of {owner} must be one of: {', '.join(allowed)}"
                yield ACTION_ELSEWHERE.at(f"{pointer}/name", message)

    def _shape(self, known: Property, value: Any, pointer: str, owner: str) -> Iterator[Problem]:
        if isinstance(value, dict):
            yield from self._properties(SHAPES[known.shape], value, pointer, f"{known.name} of {owner}")
        elif known.shape == LAYOUT.name:
            yield UNKNOWN_LAYOUT.at(pointer, f"{known.name} of {owner} must be an object")
        else:
            yield WRONG_TYPE.at(pointer, f"{known.name} of {owner} must be an object")

    def _object(self, known: Property, value: Any, pointer: str, owner: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield WRONG_TYPE.at(pointer, f"{known.name} of {owner} must be an object")
        elif known.kind == "cases":
            for case, listed in value.items():
                here = f"{pointer}/{escape(case)}"
                yield from self._value(Property(brief(case), "components", dynamic=False), listed, here, owner)

    def _message(self, known: Property, value: Any, pointer: str, owner: str) -> Iterator[Problem]:
        if not isinstance(value, str | dict):
            yield NONE_OF.at(pointer, f"{known.name} of {owner} must be a text, or texts by media id")

    def _range(self, known: Property, value: dict[str, Any], pointer: str, owner: str) -> Iterator[Problem]:
        for key, each in value.items():
            here = f"{pointer}/{escape(key)}"
            if key in _RANGE_KEYS:
                inner = Property(f"{known.name} ({key})", known.kind, dynamic=known.dynamic, filled=known.filled)
                yield from self._value(inner, each, here, owner)


def _article(word: str) -> str:
    return "an" if word[:1] in "AEIO" else "a"
