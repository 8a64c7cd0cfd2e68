"""
What actions may do where: where they navigate, what goes with them, and what may not.

Source: Meta, "Flow JSON", actions; "Media upload", restrictions; "Error codes", the errors of on-click, complete and
navigate actions, of footers and of native components. Whether a reference in a payload leads anywhere, and to a value
of the right kind, is not said here: only the names of what goes along are, and the values that are written out.

Rule 1: Meta publishes INVALID_NAVIGATE_ACTION_PAYLOAD for a written value that is of another kind than the next screen
        declares, and its client gives INVALID_NAVIGATE_ACTION_STATIC_DATA. Here the published code stands for the
        values of a payload, the client's for what is inside them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from definitions.flow_json.document import Action, Component, FlowDocument, Screen
from definitions.flow_json.examples import (
    complete,
    component,
    example_of,
    flow,
    footer,
    go_to,
    last,
    navigate,
    screen,
    text_input,
)
from definitions.flow_json.expressions import (
    ExpressionError,
    Reference,
    is_binding,
    is_dynamic,
    is_nested,
    kind_of_value,
    parse_binding,
    parse_nested,
    references,
)
from definitions.flow_json.rule import ERROR_CODES, MEDIA, OBSERVED, REFUSED, brief, error, warning
from definitions.flow_json.schema_types import TYPES
from definitions.flow_json.table import MAX_MEDIA_FILES, effective
from definitions.json_text import escape
from engine.errors import Problem

MAX_KILOBYTES = 100 * 1024
"""How large they may be together."""

_FILES, _KILOBYTES = 30, 25 * 1024
"""How many files a picker takes, and how large each may be, where it says neither."""

_PICKERS = {"PhotoPicker": "max-uploaded-photos", "DocumentPicker": "max-uploaded-documents"}
_SELECTS = ("on-select-action", "on-unselect-action")


class _Used(Struct, frozen=True):
    """A reference in a payload, at *pointer*; *alone* if it is the whole of a value, *inside* if deeper in one."""

    pointer: str
    reference: Reference
    alone: bool
    inside: bool


class _Inputs(Struct, frozen=True):
    """The *pickers* of a screen by their names, and the names of its *forms* that no input has too."""

    pickers: dict[str, Component]
    forms: frozenset[str]
    has_form: bool


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield what is wrong with the actions of a Flow."""
    inputs = {name: _inputs(each) for name, each in flow.screens.items()}
    for each in flow.listed:
        here = inputs[each.id] if flow.screens.get(each.id) is each else _inputs(each)
        for action in each.actions:
            if action.name == "navigate":
                yield from _next_problems(flow, each, action)
            elif action.name == "complete" and not each.terminal:
                message = f"{brief(each.id) or 'the screen'} is not terminal: complete must stand on a terminal screen"
                yield COMPLETE.at(f"{action.pointer}/name", message)
            elif action.name == "update_data":
                yield from _update_problems(each, action)
            yield from _select_problems(flow, action)
            used = [*_used(action)]
            yield from _form_problems(flow, here, inputs, action, used)
            yield from _media_problems(flow, here, inputs, action, used)


def _inputs(screen: Screen) -> _Inputs:
    forms = screen.of_type("Form")
    names = {each.name for each in screen.components if each.name and each.type != "Form"}
    return _Inputs(
        {each.name: each for each in screen.of_type(*_PICKERS) if each.name},
        frozenset(each.name for each in forms if each.name and each.name not in names),
        bool(forms),
    )


def _used(action: Action) -> Iterator[_Used]:
    """Yield the references in an action's payload; what cannot be read is left out."""
    for name, value in action.payload.items():
        yield from _references(value, f"{action.pointer}/payload/{escape(name)}", inside=False)


def _references(value: Any, pointer: str, *, inside: bool) -> Iterator[_Used]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _references(member, f"{pointer}/{escape(name)}", inside=True)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, f"{pointer}/{index}", inside=True)
    elif isinstance(value, str):
        try:
            if is_binding(value):
                yield _Used(pointer, parse_binding(value), alone=True, inside=inside)
            elif is_nested(value):
                for reference in references(parse_nested(value)):
                    yield _Used(pointer, reference, alone=False, inside=inside)
        except ExpressionError:
            return


# Where to

NEXT = error(
    "navigate-screen",
    "INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME",
    "navigate leads to a screen of the Flow.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(
        screen("FIRST", component("EmbeddedLink", text="Up", on_click_action=navigate("MOON")), go_to("LAST")), last()
    ),
    keeps=flow(screen("FIRST", go_to("LAST")), last()),
)
ITSELF = error(
    "navigate-itself",
    "INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME",
    "No screen navigates to itself.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(
        screen("FIRST", component("EmbeddedLink", text="Again", on_click_action=navigate("FIRST")), go_to("LAST")),
        last(),
    ),
    keeps=flow(screen("FIRST", go_to("LAST")), last()),
)
NEXT_WRITTEN = warning(
    "navigate-written",
    "INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME",
    "The screen that an action navigates to is written out, not found out by an expression.",
    why="Meta looks for a screen of that very name: it refuses the document, or the step leads nowhere.",
    source=ERROR_CODES,
    breaks=flow(
        screen(
            "FIRST",
            component("EmbeddedLink", text="On", on_click_action=navigate("${data.next}")),
            go_to("LAST"),
            data={"next": example_of("string", "LAST")},
        ),
        last(),
    ),
    keeps=flow(screen("FIRST", go_to("LAST")), last()),
)
COMPLETE = error(
    "complete-terminal",
    "INVALID_COMPLETE_ACTION",
    "complete stands on a terminal screen.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(
        screen("FIRST", component("EmbeddedLink", text="On", on_click_action=navigate("LAST")), footer(complete())),
        last(),
    ),
    keeps=flow(screen("FIRST", go_to("LAST")), last()),
)


def _next_problems(flow: FlowDocument, here: Screen, action: Action) -> Iterator[Problem]:
    following = action.properties.get("next")
    name = following.get("name") if isinstance(following, dict) else None
    if not isinstance(name, str):
        return
    if is_dynamic(name):
        message = f"{brief(name)} is an expression: write out the screen's id"
        yield NEXT_WRITTEN.at(f"{action.pointer}/next/name", message)
    elif name == here.id:
        yield ITSELF.at(f"{action.pointer}/next/name", f"{brief(name)} navigates to itself")
    elif name not in flow.screens:
        message = f"there is no screen {brief(name) or 'without a name'} to navigate to"
        yield NEXT.at(f"{action.pointer}/next/name", message)
    else:
        yield from _payload_problems(flow.screens[name], action)


# What goes along

_GUEST = {"guest": example_of("string", "Ada")}

UNDECLARED = error(
    "navigate-payload",
    "INVALID_NAVIGATE_ACTION_PAYLOAD",
    "navigate passes on only what the next screen declares as its data.",
    why="Meta refuses the document. From 4.0 on, screens read each other's values without passing them on.",
    source=ERROR_CODES,
    breaks=flow(screen("FIRST", go_to("LAST", guest="Ada")), last()),
    keeps=flow(screen("FIRST", go_to("LAST", guest="Ada")), last(data=_GUEST)),
)
LACKING = error(
    "navigate-payload-whole",
    "INVALID_NAVIGATE_ACTION_PAYLOAD",
    "navigate passes on everything that the next screen declares as its data.",
    why="Meta refuses the document: the next screen would be shown without.",
    source=ERROR_CODES,
    breaks=flow(screen("FIRST", go_to("LAST")), last(data=_GUEST)),
    keeps=flow(screen("FIRST", go_to("LAST", guest="Ada")), last(data=_GUEST)),
)
NO_PAYLOAD = error(
    "navigate-payload-there",
    "MISSING_NAVIGATION_ACTION_PAYLOAD",
    "navigate has a payload where the next screen declares data.",
    why="Meta refuses the document: the next screen would be shown without.",
    source=OBSERVED,
    breaks=flow(
        screen("FIRST", footer({"name": "navigate", "next": {"type": "screen", "name": "LAST"}})), last(data=_GUEST)
    ),
    keeps=flow(screen("FIRST", go_to("LAST", guest="Ada")), last(data=_GUEST)),
)
VALUE = error(
    "navigate-value",
    "INVALID_NAVIGATE_ACTION_PAYLOAD",
    "A value that navigate passes on is of the type that the next screen declares.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(screen("FIRST", go_to("LAST", guest=5)), last(data=_GUEST)),
    keeps=flow(screen("FIRST", go_to("LAST", guest="Ada")), last(data=_GUEST)),
)
_PLACE = {
    "place": {"type": "object", "properties": {"city": {"type": "string"}}, "__example__": {"city": "London"}},
}
INNER_VALUE = error(
    "navigate-value-inside",
    "INVALID_NAVIGATE_ACTION_STATIC_DATA",
    "Objects and lists that navigate passes on hold what the next screen declares.",
    why=REFUSED,
    source=OBSERVED,
    breaks=flow(screen("FIRST", go_to("LAST", place={"city": 5})), last(data=_PLACE)),
    keeps=flow(screen("FIRST", go_to("LAST", place={"city": "London"})), last(data=_PLACE)),
)


def _payload_problems(following: Screen, action: Action) -> Iterator[Problem]:
    if "payload" not in action.properties:
        if following.data:
            message = f"{brief(following.id)} declares data, but nothing is passed on: there is no payload"
            yield NO_PAYLOAD.at(action.pointer, message)
        return
    payload = action.properties["payload"]
    if not isinstance(payload, dict):
        return
    place = f"{action.pointer}/payload"
    lacking = [brief(key) for key in following.data if key not in payload]
    if lacking:
        yield LACKING.at(place, f"{brief(following.id)} declares {_listed(lacking)}, which the payload lacks")
    for key, value in payload.items():
        here = f"{place}/{escape(key)}"
        if key not in following.data:
            yield UNDECLARED.at(here, f"{brief(following.id)} declares no data {brief(key)}")
            continue
        schema = following.data[key]
        misfit = _misfit(value, schema)
        if misfit:
            yield VALUE.at(here, misfit)
        for pointer, message in _inner_misfits(value, schema, here):
            yield INNER_VALUE.at(pointer, message)


def _listed(names: list[str]) -> str:
    most = 3
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _misfit(value: Any, schema: Any) -> str:
    """Return why a written value is not what *schema* declares; what the phone finds out may be anything."""
    declared = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(declared, str) or declared not in TYPES or is_dynamic(value) or declared in _types(value):
        return ""
    return f"a value of type {declared} is declared here, not {_types(value)[0]}"


def _inner_misfits(value: Any, schema: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield where an object or a list is not what *schema* declares of its members or items, and why."""
    if not isinstance(schema, dict):
        return
    if isinstance(value, dict) and isinstance(properties := schema.get("properties"), dict):
        lacking = [brief(key) for key in properties if key not in value]
        if lacking:
            yield pointer, f"the declared object has {_listed(lacking)}, which this one lacks"
        for key, member in value.items():
            here = f"{pointer}/{escape(key)}"
            if key not in properties:
                yield here, f"the declared object has no {brief(key)}"
            else:
                yield from _deep_misfits(member, properties[key], here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _deep_misfits(item, schema.get("items"), f"{pointer}/{index}")


def _deep_misfits(value: Any, schema: Any, pointer: str) -> Iterator[tuple[str, str]]:
    misfit = _misfit(value, schema)
    if misfit:
        yield pointer, misfit
    yield from _inner_misfits(value, schema, pointer)


def _types(value: Any) -> tuple[str, ...]:
    """Return the types of a data model that a JSON value fits, the best first."""
    kind = kind_of_value(value) or "null"
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return (kind, "integer") if kind == "number" and whole else (kind,)


# Updates of the same screen

_CITY = {"city": example_of("string", "London")}


def _choosing(action: Any, **item: Any) -> Any:
    """Return a Dropdown that does *action* as a whole, and its only option what *item* says."""
    options = [{"id": "a", "title": "A", **item}]
    more = {"on_select_action": action} if action else {}
    return component("Dropdown", name="choice", label="Choice", data_source=options, **more)


def _update(**payload: Any) -> Any:
    return {"name": "update_data", "payload": payload}


UPDATED = error(
    "update-data-key",
    "INVALID_UPDATE_DATA_ACTION_PAYLOAD",
    "update_data sets only what its own screen declares as data.",
    why=REFUSED,
    source=OBSERVED,
    breaks=flow(last(_choosing(_update(town="Paris")), data=_CITY)),
    keeps=flow(last(_choosing(_update(city="Paris")), data=_CITY)),
)
TO_ITSELF = error(
    "update-data-itself",
    "INVALID_UPDATE_DATA_ACTION_PAYLOAD",
    "update_data sets nothing to its own value.",
    why=REFUSED,
    source=OBSERVED,
    breaks=flow(last(_choosing(_update(city="${data.city}")), data=_CITY)),
    keeps=flow(last(_choosing(_update(city="${form.choice}")), data=_CITY)),
)
UPDATE_VALUE = error(
    "update-data-value",
    "INVALID_UPDATE_DATA_ACTION_PAYLOAD",
    "A value that update_data sets is of the type that the screen declares.",
    why=REFUSED,
    source=OBSERVED,
    breaks=flow(last(_choosing(_update(city=5)), data=_CITY)),
    keeps=flow(last(_choosing(_update(city="Paris")), data=_CITY)),
)
ONCE = error(
    "select-action-once",
    "INVALID_UPDATE_DATA_ACTION_PAYLOAD",
    "From 6.0 on, what selecting does is said of a component or of its options, not of both; unselecting likewise.",
    why=REFUSED,
    source=OBSERVED,
    breaks=flow(
        last(_choosing(_update(city="Paris"), **{"on-select-action": _update(city="Rome")}), data=_CITY),
    ),
    keeps=flow(last(_choosing(None, **{"on-select-action": _update(city="Rome")}), data=_CITY)),
)


def _update_problems(here: Screen, action: Action) -> Iterator[Problem]:
    for key, value in action.payload.items():
        place = f"{action.pointer}/payload/{escape(key)}"
        referred = value[1:-1].strip() if isinstance(value, str) and is_nested(value) else value
        if key not in here.data:
            yield UPDATED.at(place, f"{brief(here.id) or 'the screen'} declares no data {brief(key)}")
        elif referred in (f"${{data.{key}}}", f"${{screen.{here.id}.data.{key}}}"):
            yield TO_ITSELF.at(place, f"{brief(key)} is set to its own value")
        else:
            for pointer, message in _deep_misfits(value, here.data[key], place):
                yield UPDATE_VALUE.at(pointer, message)


def _select_problems(flow: FlowDocument, action: Action) -> Iterator[Problem]:
    """Yield what is wrong with what an option does when its component does something too."""
    owner = action.component
    of_option = action.pointer != f"{owner.pointer}/{action.trigger}"
    doubled = of_option and action.trigger in _SELECTS and action.trigger in owner.properties
    if doubled and effective(flow.version) >= (6, 0):
        yield ONCE.at(action.pointer, f"the {brief(owner.type)} has {action.trigger} itself")


# Forms

_ANSWER = complete(first_name="${form.first_name}")
_FOOTER_OUTSIDE = screen(
    "LAST", component("Form", name="form", children=[text_input()]), footer(_ANSWER), terminal=True
)
_FOOTER_INSIDE = screen("LAST", component("Form", name="form", children=[text_input(), footer(_ANSWER)]), terminal=True)

OUTSIDE = error(
    "footer-in-form",
    "INVALID_FOOTER_PAYLOAD_OUTSIDE_FORM",
    "Before 4.0, a Footer passes on what was put into a Form only if it stands in the Form.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(_FOOTER_OUTSIDE, version="3.1"),
    keeps=flow(_FOOTER_INSIDE),
)
OUTSIDE_LATER = warning(
    "footer-in-form-later",
    "INVALID_FOOTER_PAYLOAD_OUTSIDE_FORM",
    "From 4.0 on, too, a Footer that passes on what was put into a Form better stands in the Form.",
    why="Meta's page forbids it of versions before 4.0 by number and of all by its words; Meta's client takes it.",
    source=ERROR_CODES,
    breaks=flow(_FOOTER_OUTSIDE),
    keeps=flow(_FOOTER_INSIDE),
)
FORM_NAME = error(
    "form-as-value",
    "INVALID_ON_CLICK_ACTION_PAYLOAD",
    "A payload has no Form as a value, only what stands in it.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(
        screen(
            "LAST",
            component("Form", name="form", children=[text_input(), footer(complete(all="${form.form}"))]),
            terminal=True,
        )
    ),
    keeps=flow(_FOOTER_INSIDE),
)


def _form_problems(
    flow: FlowDocument, here: _Inputs, inputs: Mapping[str, _Inputs], action: Action, used: list[_Used]
) -> Iterator[Problem]:
    owner = action.component
    outside = owner.type == "Footer" and not owner.form and here.has_form
    for each in used:
        screen = inputs.get(each.reference.screen) if each.reference.screen else here
        if each.reference.scope != "form" or screen is None:
            continue
        name = each.reference.path[0]
        if name in screen.forms:
            yield FORM_NAME.at(each.pointer, f"{brief(name)} is a Form, which is no value: name what stands in it")
        elif outside and screen is here:
            rule = OUTSIDE if effective(flow.version) < (4, 0) else OUTSIDE_LATER
            message = f"the Footer stands outside the Form, and passes on {brief(name)} that is put into it"
            yield rule.at(each.pointer, message)


# Media


def _photos(most: int, **more: Any) -> Any:
    return component("PhotoPicker", name="photos", label="Photos", max_uploaded_photos=most, **more)


_PHOTOS = "${form.photos}"

PASSED_ON = error(
    "media-navigate",
    "INVALID_ON_CLICK_ACTION_PAYLOAD",
    "navigate passes on no photos and no documents.",
    why="Meta refuses the document. The other screen can refer to them itself.",
    source=MEDIA,
    breaks=flow(
        screen("FIRST", _photos(1), go_to("LAST", photos=_PHOTOS)),
        last(data={"photos": {"type": "array", "items": {"type": "string"}, "__example__": []}}),
    ),
    keeps=flow(
        screen("FIRST", _photos(1), go_to("LAST")),
        screen("LAST", footer(complete(photos="${screen.FIRST.form.photos}")), terminal=True),
    ),
)
TOP_LEVEL = error(
    "media-top-level",
    "INVALID_ON_CLICK_ACTION_PAYLOAD",
    "In a payload, photos and documents are values of their own, not inside an object, a list or an expression.",
    why=REFUSED,
    source=MEDIA,
    breaks=flow(screen("LAST", _photos(1), footer(complete(all={"photos": _PHOTOS})), terminal=True)),
    keeps=flow(screen("LAST", _photos(1), footer(complete(photos=_PHOTOS)), terminal=True)),
)
FILES = error(
    "media-files",
    "INVALID_ON_CLICK_ACTION_PAYLOAD",
    f"From 5.0 on, at most {MAX_MEDIA_FILES} files go with complete; a picker without a limit takes {_FILES}.",
    why=REFUSED,
    source=MEDIA,
    breaks=flow(screen("LAST", _photos(11, max_file_size_kb=1024), footer(complete(photos=_PHOTOS)), terminal=True)),
    keeps=flow(screen("LAST", _photos(10, max_file_size_kb=1024), footer(complete(photos=_PHOTOS)), terminal=True)),
)
ONE_FILE = error(
    "media-one-file",
    "INVALID_ON_CLICK_ACTION_PAYLOAD",
    "Before 5.0, at most one file goes with complete.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(screen("LAST", _photos(2), footer(complete(photos=_PHOTOS)), terminal=True), version="4.0"),
    keeps=flow(screen("LAST", _photos(2), footer(complete(photos=_PHOTOS)), terminal=True)),
)
KILOBYTES = error(
    "media-size",
    "INVALID_ON_CLICK_ACTION_PAYLOAD",
    "From 5.0 on, what goes with complete is at most 100 MiB together; a picker without a limit takes 25 MiB a file.",
    why="Meta's client refuses the document; Meta's page says the same of what is sent.",
    source=OBSERVED,
    breaks=flow(screen("LAST", _photos(5), footer(complete(photos=_PHOTOS)), terminal=True)),
    keeps=flow(screen("LAST", _photos(4), footer(complete(photos=_PHOTOS)), terminal=True)),
)


def _media_problems(
    flow: FlowDocument, here: _Inputs, inputs: Mapping[str, _Inputs], action: Action, used: list[_Used]
) -> Iterator[Problem]:
    sent: list[Component] = []
    for each in used:
        screen = inputs.get(each.reference.screen) if each.reference.screen else here
        picker = screen.pickers.get(each.reference.path[0]) if screen and each.reference.scope == "form" else None
        if picker is None:
            continue
        if action.name == "navigate":
            yield PASSED_ON.at(each.pointer, f"navigate cannot pass on what a {picker.type} takes")
        elif (each.inside or not each.alone) and action.name in ("complete", "data_exchange"):
            yield TOP_LEVEL.at(each.pointer, f"what a {picker.type} takes must be the whole of a value of the payload")
        elif action.name == "complete":
            sent.append(picker)
    if sent:
        yield from _size_problems(flow, action, sent)


def _size_problems(flow: FlowDocument, action: Action, sent: list[Component]) -> Iterator[Problem]:
    """Yield whether more or larger files could go with `complete` than Meta takes."""
    place, later = f"{action.pointer}/payload", effective(flow.version) >= (5, 0)
    counts = [_limit(picker, _PICKERS[picker.type], _FILES) for picker in sent]
    files, most = sum(counts), MAX_MEDIA_FILES if later else 1
    if files > most:
        message = f"up to {files} files go with complete; {most} may: see {' and '.join(_limiting(sent))}"
        yield (FILES if later else ONE_FILE).at(place, message)
    sizes = [_limit(picker, "max-file-size-kb", _KILOBYTES) for picker in sent]
    kilobytes = sum(count * size for count, size in zip(counts, sizes, strict=True))
    if later and kilobytes > MAX_KILOBYTES:
        message = f"up to {kilobytes:,} KB go with complete; {MAX_KILOBYTES:,} may: see max-file-size-kb"
        yield KILOBYTES.at(place, message)


def _limit(picker: Component, name: str, default: int) -> int:
    """Return a limit of a picker, nothing where only the phone knows it."""
    value = picker.properties.get(name, default)
    return int(value) if isinstance(value, int | float) and abs(value) <= MAX_KILOBYTES else 0


def _limiting(sent: list[Component]) -> list[str]:
    return list(dict.fromkeys(_PICKERS[picker.type] for picker in sent))
