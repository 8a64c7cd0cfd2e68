"""
What inputs offer, and what NavigationLists list.

Source: Meta, "Components", CheckboxGroup, Dropdown, NavigationList and their restrictions.

Rule 1: only lists that stand in the document are judged; those that come as data are known on the phone.
"""

import re
from collections.abc import Iterator
from typing import Any

from definitions.flow_json.checks.inputs import initial_values
from definitions.flow_json.document import Component, FlowDocument
from definitions.flow_json.examples import component, flow, last, navigate, screen
from definitions.flow_json.expressions import is_dynamic
from definitions.flow_json.rule import COMPONENTS as COMPONENTS_PAGE
from definitions.flow_json.rule import FLOW_JSON, OBSERVED, OURS, REFUSED, brief, error, warning
from definitions.flow_json.table import DROPDOWN_WITH_IMAGES
from engine.errors import Problem

_COLOUR = re.compile(r"#?[0-9A-Fa-f]{6}")
_PNG = "iVBORw0KGgo="
Item = tuple[str, dict[str, Any]]
"""An item of a list, behind its place."""


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield what is wrong with options and with the items of NavigationLists."""
    for each in flow.listed:
        for found in each.components:
            options = _items(found, "data-source")
            if options:
                yield from _id_problems(options)
                yield from _picture_problems(found, options)
            if found.type == "NavigationList":
                items = _items(found, "list-items")
                yield from _id_problems(items)
                yield from _list_problems(found, items)
                yield from _click_problems(found, items)
        for found, pointer, value in initial_values(each):
            yield from _choice_problems(found, pointer, value)


def _items(found: Component, key: str) -> list[Item]:
    listed = found.properties.get(key)
    items = enumerate(listed if isinstance(listed, list) else [])
    return [(f"{found.pointer}/{key}/{index}", item) for index, item in items if isinstance(item, dict)]


# Options


def _option(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "title": f"Size {name}", **{key.replace("_", "-"): value for key, value in more.items()}}


def _dropdown(*options: Any, **more: Any) -> dict[str, Any]:
    return flow(last(component("Dropdown", name="size", label="Size", data_source=list(options), **more)))


_OF_ONE = [_option("s")]

ITEM_IDS = warning(
    "item-ids",
    "DUPLICATE_ITEM_IDS",
    "The items of a list have different ids.",
    why="What was chosen cannot be told.",
    source=OURS,
    breaks=_dropdown(_option("s"), _option("s")),
    keeps=_dropdown(_option("s"), _option("l")),
)
IMAGE_OR_COLOUR = error(
    "options-image-or-color",
    "DATA_SOURCE_ITEMS_HAVE_BOTH_IMAGE_AND_COLOR",
    "The options of an input have images or colours, not some these and some those.",
    why=REFUSED,
    source=OBSERVED,
    breaks=_dropdown(_option("s", image=_PNG), _option("l", color="#00FF00")),
    keeps=_dropdown(_option("s", color="#FF0000"), _option("l", color="#00FF00")),
)
COLOUR = error(
    "option-color",
    "PATTERN_MISMATCH",
    "The colour of an option is six hexadecimal digits behind a #.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_dropdown(_option("s", color="red")),
    keeps=_dropdown(_option("s", color="#FF0000")),
)
MANY_PICTURES = error(
    "dropdown-images",
    "MAX_ITEMS_REQUIRED",
    "A Dropdown of options with images has a hundred of them at most.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=lambda: _dropdown(*(_option(str(number), image=_PNG) for number in range(DROPDOWN_WITH_IMAGES + 1))),
    keeps=_dropdown(_option("s", image=_PNG), _option("l", image=_PNG)),
)
CHOICE = warning(
    "init-value-option",
    "UNKNOWN_OPTION",
    "The choice that an input begins with is among its options.",
    why="The input begins with nothing chosen.",
    source=OURS,
    breaks=_dropdown(_option("s"), init_value="l"),
    keeps=_dropdown(_option("s"), init_value="s"),
)

ONE_CHOICE = warning(
    "init-value-one",
    "INIT_VALUE_A_LIST",
    "A RadioButtonsGroup begins with one option, not with a list.",
    why="One of Meta's pages has a list, the other a text, as it yields: with a list it may begin with nothing chosen.",
    source=FLOW_JSON,
    breaks=flow(last(component("RadioButtonsGroup", name="a", label="A", data_source=_OF_ONE, init_value=["s"]))),
    keeps=flow(last(component("RadioButtonsGroup", name="a", label="A", data_source=_OF_ONE, init_value="s"))),
)


def _id_problems(items: list[Item]) -> Iterator[Problem]:
    seen: set[str] = set()
    for pointer, item in items:
        name = item.get("id")
        if not isinstance(name, str) or is_dynamic(name):
            continue
        if name in seen:
            yield ITEM_IDS.at(f"{pointer}/id", f"there is another item {brief(name)} in the list")
        seen.add(name)


def _picture_problems(found: Component, options: list[Item]) -> Iterator[Problem]:
    kinds: set[str] = set()
    for pointer, item in options:
        kinds |= item.keys() & {"image", "color"}
        if len(kinds) > 1:
            yield IMAGE_OR_COLOUR.at(pointer, "some options have images and some have colours: all must have the same")
            break
    for pointer, item in options:
        colour = item.get("color")
        if isinstance(colour, str) and not is_dynamic(colour) and not _COLOUR.fullmatch(colour):
            yield COLOUR.at(f"{pointer}/color", "a colour must be six hexadecimal digits behind a #, such as #00FF00")
    if found.type == "Dropdown" and "image" in kinds and len(options) > DROPDOWN_WITH_IMAGES:
        message = f"with images there can be {DROPDOWN_WITH_IMAGES} options, not {len(options)}"
        yield MANY_PICTURES.at(f"{found.pointer}/data-source", message)


def _choice_problems(found: Component, pointer: str, value: Any) -> Iterator[Problem]:
    if found.type == "RadioButtonsGroup" and isinstance(value, list):
        yield ONE_CHOICE.at(pointer, f"{brief(found.name) or 'a RadioButtonsGroup'} must begin with one id, not a list")
    offered = found.properties.get("data-source")
    if not isinstance(offered, list):
        return
    names = [item.get("id") for _, item in _items(found, "data-source")]
    if not all(isinstance(name, str) and not is_dynamic(name) for name in names):
        return
    known = frozenset(names)
    chosen = enumerate(value) if isinstance(value, list) else [(None, value)]
    for index, each in chosen:
        if isinstance(each, str) and not is_dynamic(each) and each and each not in known:
            there = pointer if index is None else f"{pointer}/{index}"
            yield CHOICE.at(there, f"there is no option {brief(each)}")


# NavigationLists


def _shirts(*items: Any, **more: Any) -> dict[str, Any]:
    listed = component("NavigationList", name="shirts", list_items=list(items), **more)
    return flow(screen("SHIRTS", listed), last())


def _shirt(name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "main-content": {"title": f"Shirt {name}"},
        **{key.replace("_", "-"): value for key, value in more.items()},
    }


_GO = navigate("LAST")
BADGES = error(
    "list-badge",
    "INVALID_PROPERTY_VALUE",
    "One item of a NavigationList has a badge at most.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_shirts(_shirt("a", badge="New"), _shirt("b", badge="New"), on_click_action=_GO),
    keeps=_shirts(_shirt("a", badge="New"), _shirt("b"), on_click_action=_GO),
)
END = error(
    "list-end",
    "INVALID_PROPERTY_VALUE_FOR_CONDITION",
    "The items of a NavigationList with large media have no end.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_shirts(_shirt("a", end={"title": "$ 5"}), media_size="large", on_click_action=_GO),
    keeps=_shirts(_shirt("a", end={"title": "$ 5"}), media_size="regular", on_click_action=_GO),
)
CLICK_TWICE = error(
    "list-click-once",
    "DUPLICATE_PROPETY_FOR_CONDITION",
    "A NavigationList or its items have an on-click-action, not both.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_shirts(_shirt("a", on_click_action=_GO), on_click_action=_GO),
    keeps=_shirts(_shirt("a", on_click_action=_GO)),
)
CLICK = error(
    "list-click",
    "MISSING_REQUIRED_PROPERTY",
    "A NavigationList, or else each of its items, has an on-click-action.",
    why=REFUSED,
    source=COMPONENTS_PAGE,
    breaks=_shirts(_shirt("a")),
    keeps=_shirts(_shirt("a"), on_click_action=_GO),
)


def _list_problems(found: Component, items: list[Item]) -> Iterator[Problem]:
    badged = [pointer for pointer, item in items if "badge" in item]
    for pointer in badged[1:]:
        yield BADGES.at(f"{pointer}/badge", "another item of the list has a badge already")
    if found.properties.get("media-size") == "large":
        for pointer, item in items:
            if "end" in item:
                yield END.at(f"{pointer}/end", "an item cannot have an end where the media-size is large")


def _click_problems(found: Component, items: list[Item]) -> Iterator[Problem]:
    own = "on-click-action" in found.properties
    clicked = [pointer for pointer, item in items if "on-click-action" in item]
    if own:
        for pointer in clicked:
            there = f"{pointer}/on-click-action"
            yield CLICK_TWICE.at(there, "the list has an on-click-action, so its items cannot have one")
    elif items and not clicked:
        yield CLICK.at(found.pointer, "neither the list nor its items have an on-click-action")
    else:
        for pointer, item in items:
            if "on-click-action" not in item:
                yield CLICK.at(pointer, "other items have an on-click-action, so this one needs one")
