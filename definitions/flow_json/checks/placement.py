"""
Which components may stand where, and how many of them.

Source: Meta, "Components", the restrictions of each component; "Media upload"; "Error codes", the errors of limits, of
the optional Form, of Footers and of If and Switch.

Rule 1: how many there are is how many can be on the screen at once: of the branches of an If and of the cases of a
        Switch, one. Meta's examples call this a simulation of paths.
Rule 2: the surplus is reported once a screen, at the first component that is too many.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from definitions.flow_json.document import Component, FlowDocument, Screen
from definitions.flow_json.examples import (
    DONE,
    complete,
    component,
    endpoint_flow,
    example_of,
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
from definitions.flow_json.rule import COMPONENTS as COMPONENTS_PAGE
from definitions.flow_json.rule import ERROR_CODES, MEDIA, OBSERVED, REFUSED, brief, error, warning
from definitions.flow_json.table import (
    ADVISED_COMPONENTS,
    COMPONENTS,
    FORM_LIMIT_SINCE,
    INPUTS,
    MAX_CAROUSELS,
    MAX_COMPONENTS,
    MAX_IF_NESTING,
    MEDIA_PICKERS,
    Version,
    effective,
)
from definitions.json_text import escape
from engine.errors import Problem

CONTAINERS = frozenset({"Form", "If", "Switch"})

_FORM_OPTIONAL: Version = 4, 0
_RICH_TEXT_WITH_FOOTER: Version = 6, 3
_PICKER = "PhotoPicker or DocumentPicker"
_CASE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_PICTURE = component("Image", src="iVBORw0KGgo=", alt_text="A tree")
_LINK = component("EmbeddedLink", text="Our shop", on_click_action={"name": "open_url", "url": "https://shop.example"})
_CAROUSEL = component("ImageCarousel", images=[{"src": "iVBORw0KGgo=", "alt-text": "A tree"}])
_IF_OPEN = component("If", condition="${data.is_open}", then=[DONE], **{"else": [DONE]})


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield what stands where it may not, and what there is too much of."""
    version = effective(flow.version)
    for each in flow.listed:
        yield from _count_problems(each, version)
        yield from _total_problems(each)
        yield from _company_problems(each, version)
        yield from _container_problems(each, version)
        yield from _form_problems(each, version)
        yield from _branch_problems(each)
        yield from _footer_problems(each)
    yield from _carousel_problems(flow)


def _closing(*children: Any) -> dict[str, Any]:
    """Return a Flow whose last screen is shown with `is_open` and `size`, and has no Footer but those of *children*."""
    data = {"is_open": example_of("boolean", value=True), "size": example_of("string", "small")}
    return endpoint_flow(
        screen("FIRST", footer(exchange())),
        screen("LAST", *children, data=data, terminal=True),
    )


def at_once(components: Iterable[Component], before: int = 0, depth: int = 0) -> list[tuple[int, Component]]:
    """
    Return each of *components*, in the document's order, with how many of them it makes on the screen at once (rule 1).

    *before* are there already; the first *depth* branches lead to all of them.
    """
    ranked: list[tuple[int, Component]] = []
    for inside, grouped in groupby(components, key=lambda each: _place(each, depth)):
        members = list(grouped)
        if not inside:
            for each in members:
                before += 1
                ranked.append((before, each))
            continue
        inner: list[tuple[int, Component]] = []
        for _, case in groupby(members, key=lambda each: (each.branches[depth].kind, each.branches[depth].case)):
            inner += at_once(case, before, depth + 1)
        before = max(rank for rank, _ in inner)
        ranked += inner
    return ranked


def _place(component: Component, depth: int) -> str:
    """Return the If or Switch that *component* is in, *depth* of them further out, or nothing."""
    return component.branches[depth].pointer if len(component.branches) > depth else ""


# How many

MOST_FOOTERS = error(
    "footers-most",
    "MAX_FOOTER_PER_SCREEN",
    "A screen has one Footer at most.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(screen("LAST", DONE, DONE, terminal=True)),
    keeps=flow(screen("LAST", DONE, terminal=True)),
)
MOST_FOOTERS_IN_BRANCHES = error(
    "footers-most-branches",
    "MORE_THAN_ONE_FOOTER",
    "A screen has one Footer at once at most, whichever branches of If and Switch are shown.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_closing(_IF_OPEN, DONE),
    keeps=_closing(_IF_OPEN),
)
MOST_LINKS = error(
    "links-most",
    "MAX_EMBEDDED_LINK_PER_SCREEN",
    "A screen has two EmbeddedLinks at most.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(_LINK, _LINK, _LINK)),
    keeps=flow(last(_LINK, _LINK)),
)
MOST_IMAGES = error(
    "images-most",
    "MAX_IMAGE_PER_SCREEN",
    "A screen has three Images at most.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(_PICTURE, _PICTURE, _PICTURE, _PICTURE)),
    keeps=flow(last(_PICTURE, _PICTURE, _PICTURE)),
)
_OPT_INS = [component("OptIn", name=f"consent_{letter}", label="Yes") for letter in "abcdef"]
MOST_OPT_INS = error(
    "opt-ins-most",
    "MAX_OPT_IN_PER_SCREEN",
    "A screen has five OptIns at most.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(*_OPT_INS)),
    keeps=flow(last(*_OPT_INS[:5])),
)
MOST_OF_ITS_KIND = error(
    "kinds-most",
    "COMPONENT_TYPE_MAX_NUMBER_PER_SCREEN",
    "A screen has two NavigationLists, two ImageCarousels and, from 7.0 on, one Form at most.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=flow(last(_CAROUSEL, _CAROUSEL, _CAROUSEL)),
    keeps=flow(last(_CAROUSEL, _CAROUSEL)),
)
_PHOTO = component("PhotoPicker", name="photo", label="Photo", max_uploaded_photos=1)
_PAPER = component("DocumentPicker", name="paper", label="Paper", max_uploaded_documents=1)
MOST_PICKERS = error(
    "pickers-most",
    "COMPONENT_TYPE_MAX_NUMBER_PER_SCREEN",
    "A screen has one PhotoPicker or one DocumentPicker, not both.",
    why=REFUSED,
    source=MEDIA,
    breaks=flow(last(_PHOTO, _PAPER)),
    keeps=flow(last(_PHOTO)),
)
MOST_CAROUSELS = error(
    "carousels-most",
    "INVALID_PROPERTY_VALUE",
    "A Flow has three ImageCarousels at most.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=flow(screen("FIRST", _CAROUSEL, _CAROUSEL, go_to("LAST")), last(_CAROUSEL, _CAROUSEL)),
    keeps=flow(screen("FIRST", _CAROUSEL, _CAROUSEL, go_to("LAST")), last(_CAROUSEL)),
)
MOST_COMPONENTS = error(
    "components-most",
    "MAX_ALLOWED_COMPONENTS_PER_SCREEN",
    "A screen has a hundred components at most, those inside others counted, Forms not.",
    why=REFUSED,
    source=OBSERVED,
    breaks=lambda: flow(last(*[text()] * MAX_COMPONENTS)),
    keeps=flow(last(text())),
)
MANY_COMPONENTS = warning(
    "components-advised",
    "MAX_ALLOWED_COMPONENTS_PER_SCREEN",
    "A screen has fifty components at most, those inside others counted, Forms not.",
    why="Meta's page sets this limit, and its client another one, of a hundred.",
    source=COMPONENTS_PAGE,
    breaks=lambda: flow(last(*[text()] * ADVISED_COMPONENTS)),
    keeps=flow(last(text())),
)

_MOST = {
    "EmbeddedLink": MOST_LINKS,
    "Footer": MOST_FOOTERS,
    "Image": MOST_IMAGES,
    "OptIn": MOST_OPT_INS,
    _PICKER: MOST_PICKERS,
}


def _count_problems(screen: Screen, version: Version) -> Iterator[Problem]:
    by_kind: dict[str, list[Component]] = {}
    for each in screen.components:
        by_kind.setdefault(_PICKER if each.type in MEDIA_PICKERS else each.type, []).append(each)
    for kind, found in by_kind.items():
        known = COMPONENTS.get(found[0].type)
        if known is None or known.per_screen is None or (kind == "Form" and version < FORM_LIMIT_SINCE):
            continue
        ranked = at_once(found)
        surplus = next((each for rank, each in ranked if rank > known.per_screen), None)
        if surplus is not None:
            rule = _MOST.get(kind, MOST_OF_ITS_KIND)
            if kind == "Footer" and any(each.branches for each in found):
                rule = MOST_FOOTERS_IN_BRANCHES
            most = max(rank for rank, _ in ranked)
            message = f"a screen can have {known.per_screen} {kind} at once, this one has {most}"
            yield rule.at(surplus.pointer, message)


def _total_problems(screen: Screen) -> Iterator[Problem]:
    counted = [each for each in screen.components if each.type != "Form"]
    if len(counted) > MAX_COMPONENTS:
        message = f"a screen can have {MAX_COMPONENTS} components, this one has {len(counted)}"
        yield MOST_COMPONENTS.at(counted[MAX_COMPONENTS].pointer, message)
    elif len(counted) > ADVISED_COMPONENTS:
        message = f"Meta's page allows {ADVISED_COMPONENTS} components a screen, this one has {len(counted)}"
        yield MANY_COMPONENTS.at(counted[ADVISED_COMPONENTS].pointer, message)


def _carousel_problems(flow: FlowDocument) -> Iterator[Problem]:
    found = [each for screen in flow.listed for each in screen.of_type("ImageCarousel")]
    if len(found) > MAX_CAROUSELS:
        message = f"a Flow can have {MAX_CAROUSELS} ImageCarousels, this one has {len(found)}"
        yield MOST_CAROUSELS.at(found[MAX_CAROUSELS].pointer, message)


# Company

_TERMS = component("RichText", text=["# Terms", "Be kind."])
RICH_TEXT_ALONE = error(
    "rich-text-alone",
    "INVALID_RICHTEXT_PLACEMENT",
    "A RichText is alone on its screen; from 6.3 on a Footer may be there too.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=flow(last(text(), _TERMS)),
    keeps=flow(last(_TERMS)),
)


def _shirts(**more: Any) -> dict[str, Any]:
    item = {"id": "1", "main-content": {"title": "Shirt"}}
    return component("NavigationList", name="shirts", list_items=[item], on_click_action=navigate("LAST"), **more)


LIST_ALONE = error(
    "list-alone",
    "INVALID_COMPONENT_PLACEMENT",
    "A NavigationList stands on a screen with NavigationLists only.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=flow(screen("SHIRTS", text(), _shirts()), last()),
    keeps=flow(screen("SHIRTS", _shirts()), last()),
)
LIST_LEADS_ON = error(
    "list-not-terminal",
    "INVALID_PROPERTY_KEY",
    "A screen with a NavigationList is not terminal.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=flow(screen("SHIRTS", _shirts(), terminal=True), last()),
    keeps=flow(screen("SHIRTS", _shirts()), last()),
)


def _company_problems(screen: Screen, version: Version) -> Iterator[Problem]:
    types = {each.type for each in screen.components}
    with_footer = version >= _RICH_TEXT_WITH_FOOTER
    if types - ({"RichText", "Footer"} if with_footer else {"RichText"}):
        company = "can share its screen with a Footer only" if with_footer else "stands alone on its screen before 6.3"
        for each in screen.of_type("RichText"):
            yield RICH_TEXT_ALONE.at(each.pointer, f"a RichText {company}")
    if len(types) > 1:
        for each in screen.of_type("NavigationList"):
            yield LIST_ALONE.at(each.pointer, "a NavigationList cannot share its screen with other components")
    if screen.terminal and "NavigationList" in types:
        message = f"{brief(screen.id) or 'the screen'} is terminal, but its NavigationList leads on"
        yield LIST_LEADS_ON.at(f"{screen.pointer}/terminal", message)


# Containers

PLACE = error(
    "component-place",
    "INVALID_COMPONENT_PLACEMENT",
    "A Form, an If and a Switch hold only the components that the language lets them.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=flow(
        last(
            text_input(),
            component("If", condition="${form.first_name} != ''", then=[_CAROUSEL]),
        )
    ),
    keeps=flow(
        last(
            text_input(),
            component("If", condition="${form.first_name} != ''", then=[_PICTURE]),
        )
    ),
)


def _nested(*then: Any, levels: int) -> dict[str, Any]:
    inner = list(then)
    for _ in range(levels):
        inner = [component("If", condition="${data.is_open}", then=inner)]
    return _closing(*inner, DONE)


IF_NESTING = error(
    "if-nesting",
    "MAXIMUM_IF_NESTING",
    "Ifs nest three deep at most.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_nested(text(), levels=4),
    keeps=_nested(text(), levels=3),
)
EMPTY_THEN = error(
    "if-then",
    "INVALID_PROPERTY_VALUE",
    "The `then` of an If has a component.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_nested(levels=1),
    keeps=_nested(text(), levels=1),
)


def _switch(cases: dict[str, Any]) -> dict[str, Any]:
    return _closing(component("Switch", value="${data.size}", cases=cases), DONE)


NO_CASES = error(
    "switch-cases",
    "EMPTY_SWITCH_CASES",
    "A Switch has a case.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_switch({}),
    keeps=_switch({"small": [text()]}),
)
CASE_NAME = error(
    "switch-case-name",
    "PROPERTY_NAME_MISMATCH",
    "The name of a case begins with a letter; letters, digits, underscores and hyphens follow.",
    why=REFUSED,
    source=OBSERVED,
    breaks=_switch({"very small": [text()]}),
    keeps=_switch({"very_small": [text()]}),
)


def _container_problems(screen: Screen, version: Version) -> Iterator[Problem]:
    for each in screen.components:
        known = COMPONENTS.get(each.type)
        # What cannot stand beside a Form, an If or a Switch at all is reported for its company.
        if known is None or each.parent not in CONTAINERS or each.type in ("RichText", "NavigationList"):
            continue
        since = dict(known.within).get(each.parent)
        if since is None:
            yield PLACE.at(each.pointer, f"{each.type} cannot stand in {each.parent}")
        elif known.since <= version < since:
            yield PLACE.at(each.pointer, f"{each.type} can stand in {each.parent} from {since[0]}.{since[1]} on")


def _branch_problems(screen: Screen) -> Iterator[Problem]:
    for each in screen.of_type("If"):
        around = sum(branch.kind == "If" for branch in each.branches)
        if around == MAX_IF_NESTING:
            yield IF_NESTING.at(each.pointer, f"Ifs can nest {MAX_IF_NESTING} deep, and this one is deeper")
        if each.properties.get("then") == []:
            yield EMPTY_THEN.at(f"{each.pointer}/then", "then is empty: it must have a component")
    for each in screen.of_type("Switch"):
        cases = each.properties.get("cases")
        if cases == {}:
            yield NO_CASES.at(f"{each.pointer}/cases", "cases is empty: a Switch must have a case")
        for case in cases if isinstance(cases, dict) else ():
            if not _CASE.fullmatch(case):
                message = f"the case {brief(case)} must begin with a letter, and have letters, digits, _ and - only"
                yield CASE_NAME.at(f"{each.pointer}/cases/{escape(case)}", message)


# Forms

OUTSIDE_OLD = error(
    "form-required",
    "KEYWORD_ONE_OF",
    "Before 4.0, inputs stand in a Form.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(text_input()), version="3.1"),
    keeps=flow(last(text_input())),
)
_BOTH_NAMES = {name: f"${{form.{name}}}" for name in ("first_name", "last_name")}

OUTSIDE = error(
    "form-holds-all",
    "COMPONENTS_OUTSIDE_FORM",
    "On a screen with a Form, all inputs stand in it.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(
        screen(
            "ASK",
            text_input(),
            component(
                "Form",
                name="form",
                children=[text_input("last_name"), footer(complete(**_BOTH_NAMES))],
            ),
            terminal=True,
        )
    ),
    keeps=flow(last(text_input(), text_input("last_name"))),
)


def _form_problems(screen: Screen, version: Version) -> Iterator[Problem]:
    has_form = any(each.type == "Form" for each in screen.components)
    for each in screen.components:
        if each.type not in INPUTS or each.form:
            continue
        if version < _FORM_OPTIONAL:
            yield OUTSIDE_OLD.at(each.pointer, f"before 4.0, {each.type} must stand in a Form")
        elif has_form:
            yield OUTSIDE.at(each.pointer, f"the screen has a Form, and {each.type} {brief(each.name)} is not in it")


# Footers in branches

FOOTER_IN_IF = error(
    "footer-if",
    "MISSING_FOOTER_IN_IF_ELSE_BRANCHES",
    "A Footer in one branch of an If has its like in the other.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_closing(component("If", condition="${data.is_open}", then=[DONE])),
    keeps=_closing(_IF_OPEN),
)
FOOTER_IN_SWITCH = error(
    "footer-switch",
    "MISSING_FOOTER_IN_SWITCH_BRANCHES",
    "A Footer in one case of a Switch has its like in all others.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=_closing(component("Switch", value="${data.size}", cases={"small": [DONE], "large": [text()]})),
    keeps=_closing(component("Switch", value="${data.size}", cases={"small": [DONE], "large": [text(), DONE]})),
)
FOOTER_DEPTH = warning(
    "footer-depth",
    "INVALID_COMPONENT_PLACEMENT",
    "A Footer in an If stands in its first level, not in an If inside.",
    why="Meta's page forbids it, and Flows in use do it: it may be refused any day.",
    source=COMPONENTS_PAGE,
    breaks=_closing(component("If", condition="${data.is_open}", then=[_IF_OPEN], **{"else": [DONE]})),
    keeps=_closing(_IF_OPEN),
)


def _footer_problems(screen: Screen) -> Iterator[Problem]:
    closed: dict[tuple[str, str], set[str]] = {}
    for each in screen.of_type("Footer"):
        for branch in each.branches:
            closed.setdefault((branch.kind, branch.pointer), set()).add(branch.case)
        if len(each.branches) > 1:
            yield FOOTER_DEPTH.at(each.pointer, "a Footer can stand in the first level of an If, not deeper")
    for each in screen.of_type("If", "Switch"):
        with_footer = closed.get((each.type, each.pointer))
        if with_footer:
            yield from _open_branches(each, with_footer)


def _open_branches(component: Component, closed: set[str]) -> Iterator[Problem]:
    """Yield the branches of an If or Switch that have no Footer, though *closed* have."""
    if component.type == "If":
        for branch in ("then", "else"):
            if branch not in closed:
                there = f"{component.pointer}/{branch}" if branch in component.properties else component.pointer
                yield FOOTER_IN_IF.at(there, f"the other branch has a Footer, so {branch} needs one")
        return
    for case in component.properties["cases"]:
        if case not in closed:
            there = f"{component.pointer}/cases/{escape(case)}"
            yield FOOTER_IN_SWITCH.at(there, f"another case has a Footer, so {brief(case)} needs one")
