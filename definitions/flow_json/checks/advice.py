"""
What Meta takes and a customer suffers: texts cut off, images not shown, answers lost, screens without a way on.

Source: Meta, "Components", limits of characters and of images. That answers reach nobody unless an action carries them
follows from "Flow JSON", actions.

Rule 1: all here are warnings, and only of what stands in the document.
Rule 2: characters are counted, not bytes; an emoji of several counts as several.
"""

import re
from collections.abc import Iterator
from typing import Any

from definitions.flow_json.checks.inputs import form_entries
from definitions.flow_json.document import Component, FlowDocument, Screen
from definitions.flow_json.examples import (
    DONE,
    complete,
    component,
    flow,
    footer,
    go_to,
    last,
    screen,
    text,
    text_input,
)
from definitions.flow_json.expressions import is_dynamic
from definitions.flow_json.rule import COMPONENTS as COMPONENTS_PAGE
from definitions.flow_json.rule import OURS, brief, warning
from definitions.flow_json.table import (
    COMPONENTS,
    IMAGE_BYTES,
    INPUTS,
    LIST_IMAGE_BYTES,
    SHAPES,
    Property,
    Shape,
    Version,
    effective,
)
from definitions.json_text import escape
from engine.errors import Problem

_IN_LISTS = ("option", "start")
"""The shapes whose images stand in a list."""
_FORMATS = ("/9j/", "iVBORw")
"""How the base64 texts of JPEG and PNG begin."""
_WEBP = "UklGR"
"""How that of a WEBP begins."""
_MARKUP = re.compile(
    r"^ {0,3}(?P<heading>#{1,6} )|(?P<image>!\[[^\[\]]*\]\()|^ {0,3}(?P<table>\|.*\|) *$", re.MULTILINE
)
_ELSEWHERE = re.compile(r"!\[[^\[\]]*\]\(\s*+(?!data:image/(?:png|jpe?g|webp);base64,)")
"""An image of a RichText that does not stand in it."""
_ANSWER = re.compile(r"\$\{(?:screen\.([^{}.]+)\.)?form\.([^{}.]+)")

Found = tuple[Shape, Property, Any, str]
"""A property of the document: what it belongs to, what the table says of it, its value and its place."""


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield what is no fault to Meta, but one to a customer."""
    version = effective(flow.version)
    for each in flow.listed:
        for found in _limited(each):
            yield from _length_problems(found)
            yield from _image_problems(found, version)
        yield from _markup_problems(each)
        yield from _rich_image_problems(each)
        yield from _message_problems(each)
        yield from _hidden_problems(each)
        yield from _way_problems(flow, each)
    yield from _answer_problems(flow)


def _limited(screen: Screen) -> Iterator[Found]:
    """Yield the texts and the images on a screen for which there is a limit."""
    for each in screen.components:
        shape = COMPONENTS.get(each.type)
        if shape is not None:
            # A large label has four lines, however many characters those are.
            large = each.properties.get("label-variant") == "large"
            found = _limited_in(shape, each.properties, each.pointer)
            yield from (limited for limited in found if not large or limited[1].name != "label")


def _limited_in(shape: Shape, document: dict[str, Any], pointer: str) -> Iterator[Found]:
    for key, value in document.items():
        known = shape.property(key)
        if known is None:
            continue
        here = f"{pointer}/{key}"
        if known.cut is not None or known.kind == "image":
            yield shape, known, value, here
        elif known.shape and isinstance(value, dict):
            yield from _limited_in(SHAPES[known.shape], value, here)
        elif known.shape and isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    yield from _limited_in(SHAPES[known.shape], item, f"{here}/{index}")


# Texts

LENGTH = warning(
    "text-length",
    "TEXT_TRUNCATED",
    "A text is no longer than the phone shows.",
    why="The phone cuts the rest off.",
    source=COMPONENTS_PAGE,
    breaks=flow(last(text_input(helper_text="Your name as it stands in your passport, all of it. " * 2))),
    keeps=flow(last(text_input(helper_text="Your name as it stands in your passport"))),
)
MARKUP = warning(
    "markdown-shown",
    "MARKDOWN_NOT_RENDERED",
    "The markdown of a TextBody or a TextCaption has no headings, images and tables.",
    why="The phone shows their signs instead. A RichText has them.",
    source=COMPONENTS_PAGE,
    breaks=flow(last(component("TextBody", text="# Terms", markdown=True))),
    keeps=flow(last(component("TextBody", text="**Terms**", markdown=True))),
)


def _length_problems(found: Found) -> Iterator[Problem]:
    shape, known, value, pointer = found
    if known.cut is None:
        return
    if isinstance(value, list) and known.kind == "texts":
        length = sum(len(each) for each in value if isinstance(each, str))
        if length > known.cut:
            yield LENGTH.at(pointer, _too_long(shape, known, length))
        return
    for there, each in _each(value, pointer):
        if isinstance(each, str) and len(each) > known.cut and not is_dynamic(each):
            yield LENGTH.at(there, _too_long(shape, known, len(each)))


def _message_problems(screen: Screen) -> Iterator[Problem]:
    """Yield which of the messages that a Form has for its inputs are too long for them."""
    for inputs, pointer, name, message in form_entries(screen, "error-messages"):
        shape = COMPONENTS[inputs[name].type] if name in inputs else None
        known = shape.property("error-message") if shape else None
        if shape and known:
            yield from _length_problems((shape, known, message, pointer))


def _each(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """Yield a value, or those of its list or its object."""
    if isinstance(value, list):
        yield from ((f"{pointer}/{index}", each) for index, each in enumerate(value))
    elif isinstance(value, dict):
        yield from ((f"{pointer}/{escape(name)}", each) for name, each in value.items())
    else:
        yield pointer, value


def _too_long(shape: Shape, known: Property, length: int) -> str:
    return f"{known.name} of {shape.name} shows {known.cut} characters, this one has {length}"


def _markup_problems(screen: Screen) -> Iterator[Problem]:
    for each in screen.of_type("TextBody", "TextCaption"):
        if each.properties.get("markdown") is not True:
            continue
        match = next((found for _, line in _lines(each) if (found := _MARKUP.search(line))), None)
        if match:
            yield MARKUP.at(f"{each.pointer}/text", f"{each.type} shows no {match.lastgroup}; RichText does")


def _lines(found: Component) -> Iterator[tuple[str, str]]:
    """Yield the lines of a component's text, as far as they are written out, behind their places."""
    for pointer, line in _each(found.properties.get("text"), f"{found.pointer}/text"):
        if isinstance(line, str) and not is_dynamic(line):
            yield pointer, line


# Images

IMAGE = warning(
    "image-format",
    "IMAGE_NOT_SHOWN",
    "An image is the base64 text of a JPEG or a PNG, in lists also of a WEBP, with nothing before it.",
    why="The phone shows a gap where the image should be.",
    source=COMPONENTS_PAGE,
    breaks=flow(last(component("Image", src="https://shop.example/tree.png", alt_text="A tree"))),
    keeps=flow(last(component("Image", src="iVBORw0KGgo=", alt_text="A tree"))),
)


def _with_image(size: int) -> dict[str, Any]:
    image = "iVBORw0K" + "A" * (size * 4 // 3 // 4 * 4 - 8)
    options = [{"id": "tree", "title": "A tree", "image": image, "alt-text": "A tree"}]
    return flow(last(component("RadioButtonsGroup", name="wish", label="Wish", data_source=options)))


SIZE = warning(
    "image-size",
    "IMAGE_TOO_LARGE",
    "An image has 300 kB at most, in a list 100 kB from 6.0 on.",
    why="The phone shows a placeholder in lists; elsewhere the screen is slow to open.",
    source=COMPONENTS_PAGE,
    breaks=lambda: _with_image(LIST_IMAGE_BYTES[0][1] + 3),
    keeps=_with_image(1200),
)

RICH_IMAGE = warning(
    "rich-text-image",
    "IMAGE_NOT_SHOWN",
    "An image of a RichText stands in it, as the base64 text of a PNG, a JPEG or a WEBP.",
    why="The phone fetches no image: it shows none.",
    source=COMPONENTS_PAGE,
    breaks=flow(last(component("RichText", text=["![A tree](https://shop.example/tree.png)"]))),
    keeps=flow(last(component("RichText", text=["![A tree](data:image/png;base64,iVBORw0KGgo=)"]))),
)


def _rich_image_problems(screen: Screen) -> Iterator[Problem]:
    for each in screen.of_type("RichText"):
        for pointer, line in _lines(each):
            if _ELSEWHERE.search(line):
                yield RICH_IMAGE.at(pointer, "an image must stand here itself: ![…](data:image/png;base64,…)")


def _image_problems(found: Found, version: Version) -> Iterator[Problem]:
    shape, known, value, pointer = found
    if known.kind != "image" or not isinstance(value, str) or is_dynamic(value) or not value.strip():
        return
    in_list = shape.name in _IN_LISTS
    if value.startswith("data:"):
        yield IMAGE.at(pointer, "the base64 text begins after the comma; nothing stands before it")
        return
    if not value.startswith(_FORMATS) and not (value.startswith(_WEBP) and shape.name != "Image"):
        formats = "a JPEG, a PNG or a WEBP" if in_list else "a JPEG or a PNG"
        yield IMAGE.at(pointer, f"this is not the base64 text of {formats}")
        return
    size = len(value) * 3 // 4
    most = next(limit for since, limit in LIST_IMAGE_BYTES if version >= since) if in_list else IMAGE_BYTES
    if size > most:
        yield SIZE.at(pointer, f"the image has {size} bytes, {most} are the most")


# Answers

_FIRST_NAME = footer(complete(first_name="${form.first_name}"))

LOST = warning(
    "answer-sent",
    "ANSWER_LOST",
    "An action sends what an input asked for, or an expression uses it.",
    why="The answer never leaves the phone.",
    source=OURS,
    breaks=flow(screen("ASK", text_input(), text_input("last_name"), _FIRST_NAME, terminal=True)),
    keeps=flow(last(text_input(), text_input("last_name"))),
)
ALL_LOST = warning(
    "answers-sent",
    "ANSWERS_LOST",
    "A Flow that has inputs and no endpoint completes with a payload.",
    why="No answer ever leaves the phone.",
    source=OURS,
    breaks=flow(screen("LAST", text_input(), DONE, terminal=True)),
    keeps=flow(last(text_input())),
)


def _answer_problems(flow: FlowDocument) -> Iterator[Problem]:
    asked = [(each, found) for each in flow.listed for found in each.components if _can_be_lost(found)]
    if not asked:
        return
    completed = [action for each in flow.listed for action in each.actions if action.name == "complete"]
    if completed and not flow.has_endpoint and not any(action.properties.get("payload") for action in completed):
        there = completed[0].pointer
        pointer = f"{there}/payload" if "payload" in completed[0].properties else there
        yield ALL_LOST.at(pointer, "the Flow has inputs, no endpoint and nothing in the payload of its complete action")
        return
    used = set(_used(flow))
    for each, found in asked:
        if (each.id, found.name) not in used:
            yield LOST.at(found.pointer, f"nothing sends or uses what {found.type} {brief(found.name)} asks for")


def _can_be_lost(found: Component) -> bool:
    """Return whether an input gives what is not known without it; a required OptIn is always agreed to."""
    agreed = found.type == "OptIn" and found.properties.get("required") is True
    return found.type in INPUTS and bool(found.name) and not agreed


def _used(flow: FlowDocument) -> Iterator[tuple[str, str]]:
    """Yield the answers that an expression refers to, each as a screen's id and an input's name."""
    for each in flow.listed:
        waiting: list[Any] = [each.properties]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
            elif isinstance(value, str) and "${" in value:
                for match in _ANSWER.finditer(value):
                    yield match[1] or each.id, match[2]


# Ways on

WAY_ON = warning(
    "screen-way-on",
    "DEAD_END",
    "A screen that opens the Flow, or that asks for something, has something to go on with.",
    why="The customer can only close the Flow, and what was put in is lost.",
    source=OURS,
    breaks=flow(screen("FIRST", text()), last()),
    keeps=flow(screen("FIRST", go_to("LAST")), last()),
)


def _way_problems(flow: FlowDocument, screen: Screen) -> Iterator[Problem]:
    if screen.terminal or screen.actions or not screen.components:
        return
    asks = any(each.type in INPUTS for each in screen.components)
    # What a list that comes as data does, and what newer components do, is not known here.
    known = all(each.type in COMPONENTS and each.type != "NavigationList" for each in screen.components)
    if known and (asks or screen.id in flow.entries):
        name = brief(screen.id) or "the screen"
        yield WAY_ON.at(screen.pointer, f"{name} is not terminal, and nothing on it leads on")


# Hidden inputs

HIDDEN = warning(
    "hidden-required",
    "HIDDEN_REQUIRED",
    "An input that is never visible is not required.",
    why="The phone waits for an answer that nobody can give.",
    source=OURS,
    breaks=flow(last(text_input(visible=False, required=True))),
    keeps=flow(last(text_input(visible=False, required=False))),
)


def _hidden_problems(screen: Screen) -> Iterator[Problem]:
    for each in screen.of_type(*INPUTS):
        if each.properties.get("visible") is False and each.properties.get("required") is True:
            there = f"{each.pointer}/required"
            yield HIDDEN.at(there, f"{each.type} {brief(each.name)} is required, but never visible")
