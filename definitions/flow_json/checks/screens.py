"""
What screens must be as a whole: their ids and titles, how they end, and what a Flow with an endpoint must have.

Source: Meta, "Flow JSON", screens; "Error codes", the errors of schema, of naming, of terminal screens and of
`data_api_version`.
"""

import re
from collections.abc import Iterator
from typing import Any

from definitions.flow_json.document import SUCCESS, UNKNOWN_VERSION, Component, FlowDocument, Screen
from definitions.flow_json.examples import (
    component,
    endpoint_flow,
    exchange,
    flow,
    footer,
    go_to,
    last,
    navigate,
    screen,
    text,
    text_input,
)
from definitions.flow_json.rule import ERROR_CODES, FLOW_JSON, OBSERVED, OURS, REFUSED, brief, error, warning
from definitions.flow_json.table import COMPONENTS, INPUTS, MAX_SCREENS, effective
from engine.errors import Problem

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>{}|\\^`\"]+")
_ID = re.compile(r"[A-Za-z_]*[A-Za-z][A-Za-z_]*")
_ID_BEFORE_7 = re.compile(r"[A-Za-z_,]+")


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield what is wrong with the screens of a Flow, seen as wholes."""
    yield from _endpoint_problems(flow)
    yield from _id_problems(flow)
    yield from _end_problems(flow)
    for each in flow.listed:
        yield from _title_problems(flow, each)
        yield from _sensitive_problems(flow, each)


# The endpoint

MODEL = error(
    "routing-model",
    "MISSING_REQUIRED_PROPERTY",
    "A Flow with data_api_version has a routing_model.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(), data_api_version="3.0"),
    keeps=endpoint_flow(screen("ASK", footer(exchange())), last()),
)
EXCHANGE = error(
    "endpoint-for-exchange",
    "MISSING_REQUIRED_PROPERTY",
    "Only a Flow with data_api_version does data_exchange.",
    why="Meta refuses the document: there is no endpoint to ask.",
    source=ERROR_CODES,
    breaks=flow(screen("ASK", footer(exchange()), terminal=True)),
    keeps=endpoint_flow(screen("ASK", footer(exchange()), terminal=True)),
)
REFRESH = error(
    "endpoint-for-refresh",
    "INVALID_PROPERTY_VALUE",
    "Only a Flow with data_api_version has screens with refresh_on_back.",
    why="Meta refuses the document: there is no endpoint to refresh from.",
    source=ERROR_CODES,
    breaks=flow(last(refresh_on_back=True)),
    keeps=endpoint_flow(screen("ASK", footer(exchange())), last(refresh_on_back=True)),
)
CHANNEL = error(
    "data-channel-uri",
    "INVALID_PROPERTY_VALUE_FORMAT",
    "Before 3.0, data_channel_uri is a URI.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(), version="2.1", data_channel_uri="the_endpoint"),
    keeps=endpoint_flow(screen("ASK", footer(exchange()), terminal=True)),
)
UNASKED = warning(
    "endpoint-asked",
    "UNUSED_ENDPOINT",
    "A Flow with data_api_version asks its endpoint somewhere.",
    why="Nothing in the Flow needs the endpoint, yet it cannot be published without one.",
    source=OURS,
    breaks=endpoint_flow(screen("FIRST", go_to("LAST")), last()),
    keeps=endpoint_flow(screen("FIRST", footer(exchange())), last()),
)


def _endpoint_problems(flow: FlowDocument) -> Iterator[Problem]:
    uri = flow.document.get("data_channel_uri")
    if UNKNOWN_VERSION < flow.version < (3, 0) and isinstance(uri, str) and not _URI.fullmatch(uri):
        yield CHANNEL.at("/data_channel_uri", "data_channel_uri must be a URI, such as https://shop.example/flow")
    if flow.has_endpoint:
        if "routing_model" not in flow.document:
            yield MODEL.at("", "a Flow with data_api_version must have a routing_model, and this one has none")
        if flow.listed and not _asks(flow):
            message = "no action is data_exchange, nothing is refreshed, and no first screen asks for data"
            yield UNASKED.at("/data_api_version", message)
        return
    for each in flow.listed:
        if each.refresh_on_back:
            message = "refresh_on_back asks the endpoint, but the Flow has no data_api_version"
            yield REFRESH.at(f"{each.pointer}/refresh_on_back", message)
        for action in each.actions:
            if action.name == "data_exchange":
                message = "data_exchange asks the endpoint, but the Flow has no data_api_version"
                yield EXCHANGE.at(action.pointer, message)


def _asks(flow: FlowDocument) -> bool:
    """Return whether the endpoint is ever asked; that of a screen which opens a Flow, for the data it is shown with."""
    return any(each.refresh_on_back or each.does("data_exchange") for each in flow.listed) or any(
        flow.screens[name].data for name in flow.entries
    )


# Ids

ID = error(
    "screen-id",
    "PATTERN_MISMATCH",
    "A screen's id has letters and underscores only, from 7.0 on at least one letter.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(id="STEP_1")),
    keeps=flow(last(id="STEP_ONE")),
)
EMPTY_ID = error(
    "screen-id-empty",
    "MIN_CHARS_REQUIRED",
    "A screen's id is not empty.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(id="")),
    keeps=flow(last(id="L")),
)
RESERVED = error(
    "screen-id-reserved",
    "SCREEN_ID_IS_RESERVED_KEYWORD",
    "No screen's id is SUCCESS, in capitals or not.",
    why="Meta refuses the document: an endpoint ends a Flow by that name.",
    source=ERROR_CODES,
    breaks=flow(last(id="SUCCESS")),
    keeps=flow(last(id="SUCCEEDED")),
)
DOUBLE_ID = error(
    "screen-id-unique",
    "DUPLICATE_SCREEN_IDS",
    "No two screens have the same id.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(), last()),
    keeps=flow(screen("FIRST", go_to("LAST")), last()),
)
_NAMES = [f"STEP_{tens}{ones}" for tens in "ABCDEFGHIJK" for ones in "ABCDEFGHIJ"]
MOST_SCREENS = error(
    "screens-at-most",
    "MAX_SCREENS_NUMBER",
    f"A Flow has at most {MAX_SCREENS} screens.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(*(screen(name, go_to("LAST")) for name in _NAMES[:MAX_SCREENS]), last()),
    keeps=flow(*(screen(name, go_to("LAST")) for name in _NAMES[: MAX_SCREENS - 1]), last()),
)


def _id_problems(flow: FlowDocument) -> Iterator[Problem]:
    version = effective(flow.version)
    listed = flow.document.get("screens")
    if isinstance(listed, list) and len(listed) > MAX_SCREENS:
        yield MOST_SCREENS.at("/screens", f"there are {len(listed)} screens; {MAX_SCREENS} are allowed")
    known: set[str] = set()
    for each in flow.listed:
        place, name = f"{each.pointer}/id", each.id
        if not isinstance(each.properties.get("id"), str):
            continue
        if not name:
            yield EMPTY_ID.at(place, "the screen's id is empty")
        elif not (_ID if version >= (7, 0) else _ID_BEFORE_7).fullmatch(name):
            yield ID.at(
                place,
                f"{brief(name)} cannot be a screen's id: use letters and underscores only",
            )
        if name.upper() == SUCCESS:
            yield RESERVED.at(place, f"{SUCCESS} ends a Flow, and cannot be a screen's id")
        if name and name in known:
            yield DOUBLE_ID.at(place, f"there is a screen {brief(name)} already")
        known.add(name)


# Ends

TERMINAL = error(
    "terminal-screen",
    "MISSING_TERMINAL_SCREEN",
    "At least one screen is terminal.",
    why="Meta refuses the document: the Flow could not end.",
    source=ERROR_CODES,
    breaks=flow(screen("ONLY", text())),
    keeps=flow(last()),
)
FOOTER = error(
    "terminal-footer",
    "MISSING_FOOTER_ON_TERMINAL_SCREEN",
    "A terminal screen has a Footer.",
    why="Meta refuses the document: nothing on the screen could end the Flow.",
    source=ERROR_CODES,
    breaks=flow(screen("ONLY", text(), terminal=True)),
    keeps=flow(last(text())),
)
SUCCESS_PLACE = error(
    "success-terminal",
    "NOT_KEYWORD_SCHEMA_VALIDATION_FAILED",
    "Only a terminal screen says whether it is a success.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(screen("FIRST", go_to("LAST"), success=True), last()),
    keeps=flow(screen("FIRST", go_to("LAST")), last(success=True)),
)
SOME_SUCCESS = error(
    "success-somewhere",
    "INVALID_PROPERTY_VALUE",
    "At least one terminal screen is a success.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(success=False)),
    keeps=flow(
        screen("FIRST", component("EmbeddedLink", text="No", on_click_action=navigate("REFUSED")), go_to("LAST")),
        last(id="REFUSED", success=False),
        last(),
    ),
)
ENDING = error(
    "terminal-footer-ends",
    "INVALID_PROPERTY_VALUE",
    "From 7.3 on, the Footer of a terminal screen ends the Flow, or asks the endpoint whether to.",
    why="Meta refuses the document: who has come to the last screen could not finish.",
    source=OBSERVED,
    breaks=flow(screen("FIRST", go_to("LAST"), terminal=True), last()),
    keeps=flow(screen("FIRST", go_to("LAST")), last()),
)
ENDING_EARLIER = warning(
    "terminal-footer-ends-earlier",
    "INVALID_PROPERTY_VALUE",
    "Before 7.3, the Footer of a terminal screen ends the Flow, or asks the endpoint whether to.",
    why="Who has come to the last screen cannot finish; from 7.3 on, Meta refuses the document.",
    source=FLOW_JSON,
    breaks=flow(screen("FIRST", go_to("LAST"), terminal=True), last(), version="7.2"),
    keeps=flow(screen("FIRST", go_to("LAST")), last(), version="7.2"),
)


def _end_problems(flow: FlowDocument) -> Iterator[Problem]:
    if flow.listed and not any(each.terminal for each in flow.listed):
        yield TERMINAL.at("/screens", "no screen is terminal")
    ends = [each for each in flow.listed if _said(each.properties.get("terminal"), True)]
    failures = [each for each in ends if _said(each.properties.get("success"), False)]
    if ends and len(failures) == len(ends):
        yield SOME_SUCCESS.at(
            f"{ends[0].pointer}/success",
            "no terminal screen is a success: leave out success, or set it to true, on one",
        )
    for each in flow.listed:
        if "success" in each.properties and not _said(each.properties.get("terminal"), True):
            message = f"{_named(each)} is not terminal, so it cannot say success"
            yield SUCCESS_PLACE.at(f"{each.pointer}/success", message)
        if each.terminal:
            yield from _footer_problems(flow, each)


def _said(value: Any, truth: bool) -> bool:
    """Return whether *value* is *truth*, also where it stands as a text, as in Meta's own examples of these faults."""
    return value is truth or value == str(truth).lower()


def _footer_problems(flow: FlowDocument, terminal: Screen) -> Iterator[Problem]:
    footers = terminal.of_type("Footer")
    if not footers:
        yield FOOTER.at(terminal.pointer, f"{_named(terminal)} is terminal, but has no Footer")
        return
    message = f"{_named(terminal)} is terminal, but its Footer navigates on: it must do complete or data_exchange"
    if effective(flow.version) >= (7, 3):
        if _done_by(footers[0]) == "navigate":
            yield ENDING.at(f"{footers[0].pointer}/on-click-action/name", message)
    elif {_done_by(each) for each in footers} == {"navigate"}:
        yield ENDING_EARLIER.at(f"{footers[0].pointer}/on-click-action/name", message)


def _done_by(footer: Component) -> str:
    """Return the name of what a Footer does, empty if it has none."""
    action = footer.properties.get("on-click-action")
    name = action.get("name") if isinstance(action, dict) else None
    return name if isinstance(name, str) else ""


def _named(screen: Screen) -> str:
    return brief(screen.id) or "the screen"


# Titles, and what is hidden

TITLE = warning(
    "screen-title",
    "MISSING_REQUIRED_PROPERTY",
    "A screen has a title.",
    why="Meta's page calls it optional, Meta's client asks for it: the screen has nothing above it at best.",
    source=OBSERVED,
    breaks=flow({key: value for key, value in last().items() if key != "title"}),
    keeps=flow(last(title="Thank you")),
)
BLANK_TITLE = error(
    "screen-title-blank",
    "PATTERN_MISMATCH",
    "In 5.0 and 5.1, a screen's title is not blank; from 6.0 on, that holds for all texts.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(title=" "), version="5.1"),
    keeps=flow(last(title="Thank you"), version="5.1"),
)
SENSITIVE = error(
    "sensitive-field",
    "INVALID_SENSITIVE_FIELD",
    "From 5.1 on, sensitive names inputs of the same screen.",
    why="Meta refuses the document: a customer would take a value for hidden that is not.",
    source=OBSERVED,
    breaks=flow(last(text_input("code"), sensitive=["pin"])),
    keeps=flow(last(text_input("code"), sensitive=["code"])),
)


def _title_problems(flow: FlowDocument, screen: Screen) -> Iterator[Problem]:
    title = screen.properties.get("title")
    if "title" not in screen.properties:
        yield TITLE.at(screen.pointer, f"{_named(screen)} has no title")
    elif isinstance(title, str) and not title.strip() and (5, 0) <= effective(flow.version) < (6, 0):
        yield BLANK_TITLE.at(f"{screen.pointer}/title", f"the title of {_named(screen)} is blank")


def _sensitive_problems(flow: FlowDocument, screen: Screen) -> Iterator[Problem]:
    fields = screen.properties.get("sensitive")
    if not isinstance(fields, list) or effective(flow.version) < (5, 1):
        return
    names = {each.name for each in screen.components if each.type in INPUTS or each.type not in COMPONENTS}
    for index, field in enumerate(fields):
        if isinstance(field, str) and (not field or field not in names):
            message = f"{_named(screen)} has no input {brief(field) or 'without a name'} to hide the value of"
            yield SENSITIVE.at(f"{screen.pointer}/sensitive/{index}", message)
