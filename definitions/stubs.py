"""
Writes the first version of a Flow's logic, typed from its document, and a test that walks the Flow.

What is written works at once: each submitted screen leads on, each shown screen has the examples of its data model. It
is Python as ruff formats it, so that what its author changes is all that changes.
"""

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import Any, Union

from msgspec.inspect import type_info

from definitions.flow_compiler import DATA_EXCHANGE
from definitions.flow_json.document import SUCCESS, FlowDocument, Screen
from definitions.logic import answered, legal_next
from definitions.media import Upload
from definitions.screens import DateRange
from definitions.submitted import Field, asking, submitted
from engine.model import Definition

WIDTH = 120
"""How long a line may be."""

_LONGEST_PICTURE = 200
_PICTURE_STARTS = ("iVBORw0KGgo", "/9j/")
"""How PNG and JPEG begin in base64."""
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PLAIN_FIELD = re.compile(r"[a-z][a-z0-9_]*")
_NO_FIELD = re.compile(r'["\\\x00-\x1f]')
"""What a field's name cannot have, whatever it is called in Python."""

_TYPE_WORDS = frozenset(
    {"str", "int", "float", "bool", "list", "dict", "field", "Any", "Literal", "NotRequired", "TypedDict"}
)
"""What a class's own names would hide from its annotations."""

_SIMPLE = {"string": "str", "number": "float", "integer": "int", "boolean": "bool"}
_EXAMPLES: dict[str, Any] = {"string": "", "number": 0, "integer": 0, "boolean": False, "array": [], "object": {}}
_TEXT_OF: dict[Any, str] = {
    **{kind: kind.__name__ for kind in (str, int, float, bool, DateRange)},
    list[str]: "list[str]",
    list[Upload]: "list[Upload]",
    list[Any]: "list[Any]",
}

_FROM = {
    "Any": "typing",
    "Literal": "typing",
    "NotRequired": "typing",
    "TypedDict": "typing",
    "Struct": "msgspec",
    "field": "msgspec",
    "Upload": "definitions.media",
    "DateRange": "definitions.screens",
    "Screens": "definitions.screens",
    "Session": "definitions.screens",
    "Success": "definitions.screens",
}
_BLOCKS = (("typing",), ("msgspec",), ("definitions.media", "definitions.screens"))

SMALL_FLOW: dict[str, Any] = {
    "version": "7.3",
    "data_api_version": "3.0",
    "routing_model": {"CHOICE": ["DETAILS"], "DETAILS": []},
    "screens": [
        {
            "id": "CHOICE",
            "title": "Choose a time",
            "data": {
                "times": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"id": {"type": "string"}, "title": {"type": "string"}},
                    },
                    "__example__": [
                        {"id": "mon-10", "title": "Monday, 10:00"},
                        {"id": "tue-15", "title": "Tuesday, 15:00"},
                    ],
                }
            },
            "layout": {
                "type": "SingleColumnLayout",
                "children": [
                    {
                        "type": "Form",
                        "name": "choice_form",
                        "children": [
                            {
                                "type": "RadioButtonsGroup",
                                "name": "time",
                                "label": "When do you come?",
                                "required": True,
                                "data-source": "${data.times}",
                            },
                            {
                                "type": "Footer",
                                "label": "Continue",
                                "on-click-action": {"name": "data_exchange", "payload": {"time": "${form.time}"}},
                            },
                        ],
                    }
                ],
            },
        },
        {
            "id": "DETAILS",
            "title": "Your details",
            "terminal": True,
            "data": {"summary": {"type": "string", "__example__": "Monday, 10:00"}},
            "layout": {
                "type": "SingleColumnLayout",
                "children": [
                    {
                        "type": "Form",
                        "name": "details_form",
                        "children": [
                            {"type": "TextBody", "text": "${data.summary}"},
                            {"type": "TextInput", "name": "name", "label": "Your name", "required": True},
                            {"type": "TextArea", "name": "note", "label": "Anything else?"},
                            {
                                "type": "Footer",
                                "label": "Book",
                                "on-click-action": {
                                    "name": "data_exchange",
                                    "payload": {"name": "${form.name}", "note": "${form.note}"},
                                },
                            },
                        ],
                    }
                ],
            },
        },
    ],
}
"""What a Flow begins with where there is none yet: two screens that ask an endpoint."""


def write_logic(name: str, flow: FlowDocument, definition: Definition) -> str:
    """Return the first screens.py of a Flow; empty where the document names no endpoint."""
    return _Logic(flow, definition).text(name) if flow.has_endpoint else ""


def write_test(name: str) -> str:
    """Return a test that walks every way through a Flow of that name."""
    return f'''"""Every way through {name}, walked as phones would walk it."""

from pathlib import Path

from definitions.simulation import simulate

FLOW = Path(__file__).parents[1] / "flows" / "{name}"


def test_{name}_is_walked_to_its_end() -> None:
    """Whatever a customer does, the phone takes the answer, and there is a way to the end."""
    report = simulate(FLOW)

    assert report.faults == ()
    assert "{SUCCESS}" in {{edge.target for edge in report.covered}}
'''


class _Logic:
    """A screens.py as it is written: types first, then functions, and what has to be imported for both."""

    def __init__(self, flow: FlowDocument, definition: Definition) -> None:
        self._flow = flow
        self._definition = definition
        self._following = _following(flow)
        self._words = {"Screens"}
        self._names = {*_FROM}
        self._types: list[str] = []
        self._objects: dict[tuple[Any, ...], str] = {}
        self._functions: list[str] = []
        self._picture = False

    def text(self, name: str) -> str:
        """Return all of it."""
        asks = {screen.id for screen in asking(self._flow)}
        shown = {screen.id for screen in answered(self._flow, self._definition) if screen.data}
        for screen in self._flow.screens.values():
            if screen.id in shown:
                self._show(screen)
            if screen.id in asks:
                self._submit(screen)
        head = [f'"""The logic of {name}: where each screen leads, and what it is shown with."""']
        if self._functions:
            head.append("# ruff: noqa: ARG001 - logic is called in one way, whether it needs all of it or not")
        picture = [f'PICTURE = "{_PIXEL}"\n"""A picture of one pixel, in base64."""'] if self._picture else []
        start = "\n\n".join(["\n".join(head), *self._imports(), "screens = Screens()", *picture])
        return "\n\n\n".join([start, *self._types, *self._functions]) + "\n"

    def _imports(self) -> Iterator[str]:
        for block in _BLOCKS:
            lines = []
            for module in block:
                words = sorted((word for word in self._words if _FROM[word] == module), key=_import_order)
                if words:
                    lines.append(f"from {module} import {', '.join(words)}")
            if lines:
                yield "\n".join(lines)

    def _name(self, name: str) -> str:
        """Return *name*, or a like one if it is taken."""
        free, count = name, 1
        while free in self._names:
            count += 1
            free = f"{name}{count}"
        self._names.add(free)
        return free

    # Functions

    def _function(self, verb: str, screen: Screen, form: str, result: str, says: str, *body: str) -> None:
        name = self._name(f"{verb}_{_snake(screen.id)}")
        self._words.add("Session")
        parameters = f"session: Session, form: {form}" if form else "session: Session"
        line = f"def {name}({parameters}) -> {result}:"
        if len(line) > WIDTH:
            line = f"def {name}(\n    {parameters},\n) -> {result}:".replace(", form", ",\n    form")
        lines = (f'@screens.{verb}("{screen.id}")', line, f'    """{says}"""', *(f"    {each}" for each in body))
        self._functions.append("\n".join(lines))

    def _submit(self, screen: Screen) -> None:
        form = self._form(screen)
        ahead = [name for name in legal_next(self._definition, screen.id) if name in self._flow.routing[screen.id]]
        following = self._following.get(screen.id)
        self._words.add("Success")
        result = "Success"
        if ahead:
            self._words.add("Literal")
            literal = f"Literal[{', '.join(map(_quoted, ahead))}]"
            result = f"{literal} | Success"
            if len(result) > WIDTH // 2:
                alias = self._name(f"After{_pascal(screen.id)}")
                members = "".join(f"    {_quoted(name)},\n" for name in ahead)
                self._types.append(f"{alias} = Literal[\n{members}]" if len(ahead) > 1 else f"{alias} = {literal}")
                result = f"{alias} | Success"
        self._function(
            "submit",
            screen,
            form,
            result,
            f"Decide where {screen.id} leads.",
            "# Look at the form here: return a screen or Success, or raise definitions.screens.Refused to stay.",
            f'return "{following}"' if following else "return Success()",
        )

    def _show(self, screen: Screen) -> None:
        examples = [
            {
                key: _example(node, node.get("__example__"))
                for key, node in screen.data.items()
                if isinstance(node, dict)
            }
        ]
        name = self._object(f"{_pascal(screen.id)}Data", screen.data, examples, f"What {screen.id} is shown with.")
        self._function(
            "show",
            screen,
            "",
            name,
            f"Give what {screen.id} is shown with.",
            "# These are the examples of flow.json: give what is true for this session instead.",
            f"return {self._data(examples[0])}",
        )

    def _data(self, example: Any) -> str:
        return _printed(self._without_pictures(example), 4, len("    return "))

    def _without_pictures(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._without_pictures(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self._without_pictures(item) for item in value]
        if isinstance(value, str) and len(value) > _LONGEST_PICTURE and value.startswith(_PICTURE_STARTS):
            self._picture = True
            return _Code("PICTURE")
        return value

    # Types

    def _form(self, screen: Screen) -> str:
        """Write the type of what a screen submits, and return its name."""
        fields = submitted(self._flow, screen)
        if not fields or any(_NO_FIELD.search(key) for key in fields):
            self._words.add("Any")
            return "dict[str, Any]"
        self._words.add("Struct")
        name = self._name(f"{_pascal(screen.id)}Form")
        taken: set[str] = set()
        ordered = sorted(fields.values(), key=lambda field: not field.always)
        lines = [self._form_field(field, taken) for field in ordered]
        self._types.append("\n".join([f"class {name}(Struct):", f'    """What {screen.id} submits."""', "", *lines]))
        return name

    def _form_field(self, field: Field, taken: set[str]) -> str:
        kind, default = self._field_type(field)
        name = field.key
        if not _PLAIN_FIELD.fullmatch(name) or keyword.iskeyword(name) or name in _TYPE_WORDS or name in taken:
            name = _snake(field.key)
            while keyword.iskeyword(name) or name in _TYPE_WORDS or name in taken:
                name += "_"
        taken.add(name)
        if name == field.key:
            return f"    {name}: {kind} = {default}" if default else f"    {name}: {kind}"
        self._words.add("field")
        more = f", default={default}" if default else ""
        return f"    {name}: {kind} = field(name={_quoted(field.key)}{more})"

    def _field_type(self, field: Field) -> tuple[str, str]:
        """Return the type of a form's field and its default, which is empty if it needs none."""
        kind = self._kind(field.types)
        told = (kind, "") if field.always else _optional(kind)
        self._words |= {word for word in re.findall(r"\w+", told[0]) if word in _FROM}
        return told

    def _kind(self, types: tuple[Any, ...]) -> str:
        """Return what all these types together are written as; `Any` if msgspec could not tell them apart."""
        if Any in types:
            return "Any"
        try:
            type_info(Union[types])  # noqa: UP007 - a union made of what is there
        except TypeError:
            return "Any"
        return " | ".join(dict.fromkeys(_TEXT_OF.get(kind) or _text_of_data(kind) for kind in types))

    def _object(self, name: str, properties: Mapping[str, Any], examples: list[Any], says: str) -> str:
        """Write the type of an object, and return its name; keys that an example lacks need not be there."""
        self._words.add("TypedDict")
        members: dict[str, str] = {}
        for key, node in properties.items():
            inside = [example[key] for example in examples if key in example]
            kind = self._datum(node, f"{name.removesuffix('Data')}{_pascal(key)}", inside)
            if len(inside) < len(examples):
                self._words.add("NotRequired")
                kind = f"NotRequired[{kind}]"
            members[key] = kind
        told = (name, *members.items())
        if told not in self._objects:
            self._objects[told] = self._name(name)
            self._types.append(_typed_dict(self._objects[told], members, says))
        return self._objects[told]

    def _datum(self, node: Any, name: str, examples: list[Any]) -> str:
        """Return the type of a datum, as it is written; objects in it get types of their own."""
        kind = node.get("type") if isinstance(node, dict) else None
        if kind == "array" and "items" in node:
            items = [item for example in examples for item in example]
            return f"list[{self._datum(node['items'], f'{name}Item', items)}]"
        if kind == "object" and node.get("properties"):
            if {"id", "title"} <= node["properties"].keys():
                return self._object("Option", node["properties"], examples, "Something to choose.")
            return self._object(name, node["properties"], examples, "An object of the data model.")
        if kind in _SIMPLE:
            return _SIMPLE[kind]
        self._words.add("Any")
        return {"array": "list[Any]", "object": "dict[str, Any]"}.get(kind or "", "Any")


def _optional(kind: str) -> tuple[str, str]:
    """Return the type of what may come empty or not at all, and its default. Phones send an empty text for most."""
    if kind == "bool":
        return kind, "False"
    if kind == "Any":
        return kind, "None"
    if "str" in kind.split(" | "):
        return kind, '""'
    if kind.startswith(("list", "DateRange")):
        return f'{kind} | Literal[""]', '""'
    return f"{kind} | None", "None"


def _typed_dict(name: str, members: Mapping[str, str], says: str) -> str:
    """Return the text of a TypedDict: a class, unless one of its keys could stand in none."""
    if all(key.isidentifier() and not keyword.iskeyword(key) and not key.startswith("__") for key in members):
        if not _TYPE_WORDS & members.keys():
            lines = (f"    {key}: {kind}" for key, kind in members.items())
            return "\n".join([f"class {name}(TypedDict):", f'    """{says}"""', "", *lines])
        pragma = "  # noqa: UP013 - a key would hide a type from the class"
    else:
        pragma = ""
    lines = (f"        {_quoted(key)}: {kind}," for key, kind in members.items())
    return "\n".join([f"{name} = TypedDict({pragma}", f'    "{name}",', "    {", *lines, "    },", ")"])


def _following(flow: FlowDocument) -> dict[str, str]:
    """Return the screen after each that is not terminal: the first from which there is a way to the end, if one has."""
    following: dict[str, str] = {}
    ends: dict[str, bool] = {screen.id: True for screen in flow.screens.values() if screen.terminal}

    def comes_to_an_end(name: str) -> bool:
        if name not in ends:
            ends[name] = False  # as long as it is not known: a way in a circle is none
            screen = flow.screens[name]
            leads = flow.routing[name] if screen.does(DATA_EXCHANGE) else screen.navigates()
            targets = [target for target in leads if target in flow.screens and target != name]
            for target in targets:
                following.setdefault(name, target)
                if comes_to_an_end(target):
                    following[name] = target
                    ends[name] = True
                    break
        return ends[name]

    for name in flow.screens:
        comes_to_an_end(name)
    return following


# Names and values


class _Code(str):
    """A value that stands in the code by its name."""

    __slots__ = ()


def _printed(value: Any, indent: int, column: int) -> str:
    """Return *value* as Python that begins at *column*, its further lines at *indent*; as ruff would break it."""
    flat = _flat(value)
    if column + len(flat) < WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    inner = indent + 4
    if isinstance(value, dict):
        starts = [f"{_quoted(key)}: " for key in value]
        parts = [
            start + _printed(member, inner, inner + len(start))
            for start, member in zip(starts, value.values(), strict=True)
        ]
    else:
        parts = [_printed(item, inner, inner) for item in value]
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    lines = "".join(f"{' ' * inner}{part},{_pragma(inner, part)}\n" for part in parts)
    return f"{opening}\n{lines}{' ' * indent}{closing}"


def _pragma(indent: int, part: str) -> str:
    """Return what lets a line be long that cannot be broken."""
    words = part.split()
    too_long = "\n" not in part and indent + len(part) + 1 > WIDTH and len(words) > 1
    return "  # noqa: E501 - a text of the document" if too_long and "://" not in words[-1] else ""


def _flat(value: Any) -> str:
    if isinstance(value, _Code):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_quoted(key)}: {_flat(member)}' for key, member in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flat, value))}]"
    return repr(value)


def _quoted(text: str) -> str:
    """Return a text as Python, in double quotes unless that would need escapes."""
    if '"' in text and "'" not in text:
        return repr(text)
    single = repr(f'{text}"')  # with both quotes in it, Python writes single ones and escapes those inside
    inner = single[1:-2].replace("\\'", "'").replace('"', '\\"')
    return f'"{inner}"'


def _example(node: Any, value: Any) -> Any:
    """Return an example of a datum that fits its type, *value* as far as it does."""
    kind = node.get("type") if isinstance(node, dict) else None
    if kind == "object" and isinstance(value, dict):
        properties = node.get("properties")
        if not properties:
            return value
        return {key: _example(properties[key], member) for key, member in value.items() if key in properties}
    if kind == "array" and isinstance(value, list):
        items = value or _options(node.get("items"))
        return [_example(node["items"], item) for item in items] if "items" in node else items
    fits = {"string": str, "number": int | float, "integer": int, "boolean": bool}.get(kind or "")
    is_truth = isinstance(value, bool)
    if fits is not None and isinstance(value, fits) and is_truth == (kind == "boolean"):
        return value
    return _EXAMPLES.get(kind or "", "")


def _options(item: Any) -> list[Any]:
    """Return something to choose from where an example has nothing, so that a customer can go on; if it is for that."""
    properties = item.get("properties") if isinstance(item, dict) else None
    is_option = isinstance(properties, dict) and {"id", "title"} <= properties.keys()
    return [{"id": word.lower(), "title": word} for word in ("First", "Second")] if is_option else []


def _text_of_data(kind: Any) -> str:
    text = str(kind)
    if text.startswith("list["):
        return "list[dict[str, Any]]"
    return "Any" if kind is Any else "dict[str, Any]"


def _pascal(name: str) -> str:
    words = "".join(word.capitalize() for word in _WORD.findall(name))
    return words if words[:1].isalpha() else f"Key{words}"


def _snake(name: str) -> str:
    words = "_".join(word.lower() for word in _WORD.findall(name))
    return words if words[:1].isalpha() else f"key_{words}".rstrip("_")


def _import_order(word: str) -> tuple[bool, str]:
    """Return where a name stands in an import: classes come first."""
    return word[0].islower(), word
