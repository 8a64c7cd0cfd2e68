"""
Whether the logic of a Flow's screens fits the Flow's document: asked once, when it is loaded, not by a customer's call.

Everything is told at once, with its place in the document. What annotations do not say is not checked here: a form that
is `dict` or `Any` takes everything; data that is a plain mapping is held against its data model when it is shown.

Rule 1: a screen that asks has logic, and a screen that is answered with data has logic that gives it.
Rule 2: a form's field is sent under its name, surely if it has no default, and in a type that it can take.
Rule 3: what is shown has the keys that the data model requires, no others, and its types.
Rule 4: a screen that the logic names is a legal next one, by the very table that calls are held to.
"""

import inspect
import typing
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Generator, Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, Union

from msgspec.inspect import DictType, Type, type_info

from definitions.fits import ObjectType, is_object, misfits, said
from definitions.flow_compiler import BACK, COMPLETED, DATA_EXCHANGE
from definitions.flow_json.document import FlowDocument, Screen
from definitions.json_text import escape
from definitions.screen_data import answer_type
from definitions.screens import Screens, Session, Success
from definitions.submitted import Field, asking, submitted
from engine.errors import Problem
from engine.model import Definition


def logic_problems(flow: FlowDocument, definition: Definition, screens: Screens) -> Iterator[Problem]:
    """Yield what of *screens* does not fit the Flow, and what of the Flow has no logic."""
    yield from _unbound(flow, definition, screens)
    for bound, wanted in ((screens.submits, ("session", "form")), (screens.shows, ("session",))):
        for name, function in bound.items():
            if name not in flow.screens:
                message = (
                    f"{_name(function)} is bound to {name}, which is no screen; there are: {', '.join(flow.screens)}"
                )
                yield Problem("", "UNKNOWN_SCREEN", message)
            yield from _signature_problems(function, name, wanted)
    for name, earlier, later in screens.bound_twice:
        message = f"both {_name(earlier)} and {_name(later)} are bound to {name}: the first is never called"
        yield Problem("", "DUPLICATE_LOGIC", message)
    for screen in asking(flow):
        if screens.forms.get(screen.id) is Session:
            message = f"{_name(screens.submits[screen.id])} of {screen.id} takes its session second; it comes first"
            yield Problem(screen.pointer, "INVALID_LOGIC", message)
        elif screen.id in screens.submits:
            yield from _form_problems(screen, screens.forms[screen.id], submitted(flow, screen))
            yield from _next_problems(screen, screens.submits[screen.id], legal_next(definition, screen.id))
    for name in screens.shows.keys() & flow.screens.keys():
        yield from _shown_problems(flow.screens[name], screens.shows[name])


def answered(flow: FlowDocument, definition: Definition) -> tuple[Screen, ...]:
    """Return the screens that the endpoint answers with: at the opening, after a submission, on the way back."""
    if not flow.has_endpoint:
        return ()
    names = {*flow.entries}
    for arrow in definition.transitions:
        follows = arrow.event == DATA_EXCHANGE and not arrow.implied
        if follows or (arrow.event == BACK and flow.screens[arrow.source].refresh_on_back):
            names.add(arrow.target)
    return tuple(screen for screen in flow.screens.values() if screen.id in names)


def legal_next(definition: Definition, screen: str) -> tuple[str, ...]:
    """Return the screens that the logic of a screen may lead to, those that lie ahead first."""
    arrows = [arrow for arrow in definition.transitions if (arrow.source, arrow.event) == (screen, DATA_EXCHANGE)]
    ahead = [arrow.target for arrow in arrows if not arrow.implied and arrow.target != COMPLETED]
    return (*ahead, *(arrow.target for arrow in arrows if arrow.implied))


def _unbound(flow: FlowDocument, definition: Definition, screens: Screens) -> Iterator[Problem]:
    for screen in asking(flow):
        if screen.id not in screens.submits:
            yield Problem(screen.pointer, "MISSING_LOGIC", _missing(screen, "submit", "asks the endpoint"))
    for screen in answered(flow, definition):
        if screen.data and screen.id not in screens.shows:
            yield Problem(screen.pointer, "MISSING_LOGIC", _missing(screen, "show", "is shown with data"))


def _missing(screen: Screen, verb: str, why: str) -> str:
    return f'{screen.id} {why}, but nothing is bound with @screens.{verb}("{screen.id}")'


def _signature_problems(function: Any, screen: str, wanted: tuple[str, ...]) -> Iterator[Problem]:
    """Yield why a function cannot be called as logic is."""
    name = _name(function)
    signature = inspect.signature(function)
    try:
        signature.bind(*wanted)
    except TypeError:
        message = f"{name} of {screen} takes ({', '.join(signature.parameters)}); it is given ({', '.join(wanted)})"
        yield Problem("", "INVALID_LOGIC", message)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        yield Problem("", "INVALID_LOGIC", f"{name} of {screen} yields; logic returns one answer")


# What is submitted


def _form_problems(screen: Screen, form: Any, fields: Mapping[str, Field]) -> Iterator[Problem]:
    kind = _described(form)
    if isinstance(kind, str):
        yield Problem(screen.pointer, "INVALID_LOGIC", f"the form of {screen.id} cannot be read: {kind}")
    elif is_object(kind):
        yield from _field_problems(screen, kind, fields)
    elif isinstance(kind, DictType):
        for field in fields.values():
            yield from _type_problems(screen, field, kind.value_type)
    elif form is not Any and form is not object:
        message = f"the form of {screen.id} is {said(kind)}; what a screen submits is an object"
        yield Problem(screen.pointer, "INVALID_LOGIC", message)


def _field_problems(screen: Screen, form: ObjectType, fields: Mapping[str, Field]) -> Iterator[Problem]:
    takes = {field.encode_name: field for field in form.fields}
    for key, taken in takes.items():
        field = fields.get(key)
        if field is not None:
            yield from _type_problems(screen, field, taken.type)
            if taken.required and not field.always:
                message = f"{key} of {screen.id} may come empty or not at all; the form's field has no default"
                yield Problem(field.sources[0].pointer, "MISSING_DEFAULT", message)
        elif taken.required:
            sent = ", ".join(fields) or "nothing"
            message = f"the form of {screen.id} needs {key}, which no payload sends; sent is: {sent}"
            yield Problem(screen.pointer, "UNKNOWN_FIELD", message)
    if getattr(form, "forbid_unknown_fields", False):
        for field in fields.values():
            if field.key not in takes:
                message = f"{screen.id} sends {field.key}, which the form does not take, and takes nothing else"
                yield Problem(field.sources[0].pointer, "UNKNOWN_FIELD", message)


def _type_problems(screen: Screen, field: Field, taken: Type) -> Iterator[Problem]:
    for source in field.sources:
        sent = [type_info(kind) for kind in source.value.types]
        if all(any(misfits(kind, taken)) for kind in sent):
            words = " or ".join(dict.fromkeys(said(kind) for kind in sent))
            message = f"{screen.id} sends {field.key} as {words}; the form takes {said(taken)}"
            yield Problem(source.pointer, "INVALID_FIELD_TYPE", message)


# What is answered


def _next_problems(screen: Screen, function: Any, legal: tuple[str, ...]) -> Iterator[Problem]:
    for kind in _results(function):
        if typing.get_origin(kind) is Literal:
            for name in typing.get_args(kind):
                if name not in legal:
                    message = f"{_name(function)} of {screen.id} can lead to {name}; legal are: {', '.join(legal)}"
                    yield Problem(screen.pointer, "UNKNOWN_NEXT_SCREEN", message)
        elif kind not in (Any, str, NoReturn, typing.Never) and not _is_class(kind, Success):
            message = f"{_name(function)} of {screen.id} returns {_said(kind)}; the next screen is a str, or Success"
            yield Problem(screen.pointer, "INVALID_LOGIC", message)


def _shown_problems(screen: Screen, function: Any) -> Iterator[Problem]:
    wanted = type_info(answer_type(screen.data, screen.required))
    name = f"{_name(function)} of {screen.id}"
    for result in _results(function):
        if result in (Any, object, NoReturn, typing.Never):
            continue
        kind = _described(result)
        if isinstance(kind, str):
            yield Problem(screen.pointer, "INVALID_LOGIC", f"what {name} returns cannot be checked: {kind}")
        elif not is_object(kind) and not isinstance(kind, DictType):
            yield Problem(
                screen.pointer, "INVALID_LOGIC", f"{name} returns {said(kind)}; data is a mapping or a Struct"
            )
        else:
            for misfit in misfits(kind, wanted):
                yield Problem(
                    _datum_pointer(screen, misfit.path),
                    "INVALID_SHOWN_DATA",
                    f"what {name} returns does not fit the data model: {'.'.join(misfit.path)} {misfit.reason}",
                )


def _datum_pointer(screen: Screen, path: tuple[str, ...]) -> str:
    """Return where the data model speaks of what *path* leads to, or where it should."""
    if path and path[0] in screen.data:
        return f"{screen.pointer}/data/{escape(path[0])}"
    return f"{screen.pointer}/data" if "data" in screen.properties else screen.pointer


# What annotations say


def _results(function: Any) -> tuple[Any, ...]:
    """Return the types of what a function returns in the end, none if it does not say."""
    result = typing.get_type_hints(function).get("return", Any)
    while typing.get_origin(result) in (Awaitable, Coroutine, Generator, AsyncGenerator):
        result = typing.get_args(result)[-1]
    return tuple(typing.get_args(result)) if typing.get_origin(result) in (Union, UnionType) else (result,)


def _described(kind: Any) -> Type | str:
    """Return what msgspec makes of a type, or why nothing."""
    try:
        return type_info(kind)
    except (TypeError, NameError) as error:
        return str(error)


def _is_class(kind: Any, parent: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, parent)


def _said(kind: Any) -> str:
    return "None" if kind is NoneType else getattr(kind, "__name__", str(kind))


def _name(function: Any) -> str:
    return getattr(function, "__name__", "a function").replace("<lambda>", "a lambda")
