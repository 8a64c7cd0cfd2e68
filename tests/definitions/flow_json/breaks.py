"""
Ways to break a sound Flow, each one change that a Flow surely suffers from, each named after what is wrong then.

Rule 1: a break that finds nothing to break raises a LookupError, and another Flow is taken.
"""

import copy
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from definitions.flow_json.document import Component, FlowDocument, Screen, read_document
from definitions.flow_json.examples import complete, component, exchange, footer, text, text_input
from definitions.flow_json.table import COMPONENTS, INPUTS, MAX_SCREENS, effective
from tests.definitions.flow_json.strategies import a_sound_flow


class Broken:
    """A sound Flow that a break is made in."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.sound = msgspec.json.encode(a_sound_flow(random))
        self.document: dict[str, Any] = msgspec.json.decode(self.sound)
        self.flow: FlowDocument = read_document(self.document)
        self.version = effective(self.flow.version)

    def pick(self, among: Iterable[Any]) -> Any:
        """
        Return one of them.

        Raises:
            LookupError: there is none: this Flow cannot be broken so.
        """
        return self.random.choice([*among])

    def need(self, fact: object) -> None:
        """Raise a LookupError unless *fact* holds."""
        self.pick([fact] if fact else [])

    def routes(self) -> dict[str, list[str]]:
        """Return the routing model."""
        routes: dict[str, list[str]] = self.pick([self.document.get("routing_model")] if self.flow.has_endpoint else [])
        return routes

    def screen(self, wanted: Callable[[Screen], bool] = lambda _: True) -> Screen:
        """Return a screen."""
        screen: Screen = self.pick(each for each in self.flow.listed if wanted(each))
        return screen

    def plain(self) -> Screen:
        """Return a screen that takes more components."""
        return self.screen(lambda each: not each.of_type("RichText", "NavigationList"))

    def component(self, *types: str, wanted: Callable[[Component], bool] = lambda _: True) -> Component:
        """Return a component of these types, or of any."""
        found: Component = self.pick(
            each
            for screen in self.flow.listed
            for each in screen.components
            if (not types or each.type in types) and wanted(each)
        )
        return found

    def with_property(self, *kinds: str) -> tuple[Component, str]:
        """Return a component and the name of a property that it has, of these kinds."""
        found: tuple[Component, str] = self.pick(
            (each, known.name)
            for screen in self.flow.listed
            for each in screen.components
            for known in COMPONENTS[each.type].properties
            if known.name in each.properties and known.kind in kinds
        )
        return found

    def children(self, screen: Screen) -> list[Any]:
        """Return the list that inputs of a screen stand in."""
        forms = screen.of_type("Form")
        listed: list[Any] = forms[0].properties["children"] if forms else screen.properties["layout"]["children"]
        return listed

    def add(self, *components: dict[str, Any]) -> None:
        """Put components on a screen, before those that are there."""
        self.children(self.plain())[:0] = components

    def action(self, *names: str) -> dict[str, Any]:
        """Return an action of one of these names."""
        action: dict[str, Any] = self.pick(
            action.properties for screen in self.flow.listed for action in screen.actions if action.name in names
        )
        return action

    def entry_of_data(self, *types: str) -> dict[str, Any]:
        """Return an entry of a data model, of one of these types."""
        entry: dict[str, Any] = self.pick(
            node for screen in self.flow.listed for node in screen.data.values() if not types or node["type"] in types
        )
        return entry

    def remove(self, pointer: str) -> None:
        """Take away what stands at a place of a list."""
        holder, _, index = pointer.rpartition("/")
        listed: Any = self.document
        for name in holder.split("/")[1:]:
            listed = listed[int(name)] if isinstance(listed, list) else listed[name]
        del listed[int(index)]


class Break(Struct, frozen=True):
    """A way to break a sound Flow; it is found by one of *rules*."""

    make: Callable[[Broken], None]
    rules: frozenset[str]


BREAKS: dict[str, Break] = {}
"""Every way to break a sound Flow, by what is wrong then."""


def a_break(*rules: str) -> Callable[[Callable[[Broken], None]], Callable[[Broken], None]]:
    """Keep a way to break a Flow, and by which of the rules it is found."""

    def keep(make: Callable[[Broken], None]) -> Callable[[Broken], None]:
        BREAKS[make.__name__.replace("_", " ").strip()] = Break(make, frozenset(rules))
        return make

    return keep


# Documents


@a_break("version-missing")
def _no_version(broken: Broken) -> None:
    del broken.document["version"]


@a_break("version-text")
def _a_version_that_is_a_number(broken: Broken) -> None:
    broken.document["version"] = 7.3


@a_break("version-known", "version-supported", "version-number")
def _a_version_that_never_was(broken: Broken) -> None:
    broken.document["version"] = broken.pick(["5.7", "6.10", "4.2", "7.x", "1.0"])


@a_break("version-newer")
def _a_version_to_come(broken: Broken) -> None:
    broken.document["version"] = "9.0"


@a_break("property-required")
def _no_screens(broken: Broken) -> None:
    del broken.document["screens"]


@a_break("items-least")
def _an_empty_list_of_screens(broken: Broken) -> None:
    broken.document["screens"] = []


@a_break("screens-at-most")
def _too_many_screens(broken: Broken) -> None:
    screen = broken.document["screens"][0]
    names = [f"S{'abcdefghij'[number // 10]}{'abcdefghij'[number % 10]}" for number in range(MAX_SCREENS)]
    broken.document["screens"] += [{**screen, "id": name} for name in names]


@a_break("property-known")
def _an_unknown_property_of_the_document(broken: Broken) -> None:
    broken.document["name"] = "Survey"


@a_break("data-api-version")
def _an_unknown_data_api_version(broken: Broken) -> None:
    broken.need(broken.flow.has_endpoint)
    broken.document["data_api_version"] = broken.pick(["2.0", "3", 3, "5.0", None])


@a_break("routing-model")
def _an_endpoint_without_a_routing_model(broken: Broken) -> None:
    broken.routes()
    del broken.document["routing_model"]


@a_break("endpoint-for-exchange")
def _an_exchange_without_an_endpoint(broken: Broken) -> None:
    broken.routes()
    del broken.document["data_api_version"]


# Routes


@a_break("route-screen")
def _a_route_to_nowhere(broken: Broken) -> None:
    broken.routes()[broken.screen().id].append("NOWHERE")


@a_break("route-screen")
def _a_route_from_nowhere(broken: Broken) -> None:
    broken.routes()["NOWHERE"] = []


@a_break("route-back")
def _a_route_back(broken: Broken) -> None:
    routes = broken.routes()
    name = broken.pick(name for name, targets in routes.items() if targets)
    routes[broken.pick(routes[name])].append(name)


@a_break("route-itself")
def _a_route_to_itself(broken: Broken) -> None:
    name = broken.screen().id
    broken.routes()[name].append(name)


@a_break("route-twice")
def _a_route_twice(broken: Broken) -> None:
    targets = broken.pick(targets for targets in broken.routes().values() if targets)
    targets.append(targets[0])


@a_break("routing-model-key", "routing-model-whole", "screens-joined")
def _a_screen_without_routes(broken: Broken) -> None:
    del broken.routes()[broken.screen().id]


@a_break("property-type")
def _routes_that_are_a_text(broken: Broken) -> None:
    broken.routes()[broken.screen().id] = broken.screen().id  # type: ignore[assignment]


@a_break("entry-screen")
def _routes_round(broken: Broken) -> None:
    routes = broken.routes()
    first = broken.flow.entries[0]
    last = broken.pick(name for name, targets in routes.items() if not targets and name != first)
    routes[last].append(first)


@a_break("screens-joined")
def _a_screen_that_nothing_leads_to(broken: Broken) -> None:
    # From a NavigationList of a Flow without endpoint, ways are taken to lead everywhere.
    broken.need(broken.flow.has_endpoint or not any(each.of_type("NavigationList") for each in broken.flow.listed))
    done = complete() if broken.version < (7, 3) or not broken.flow.has_endpoint else exchange()
    layout = {"type": "SingleColumnLayout", "children": [footer(done)]}
    broken.document["screens"].append({"id": "LONELY", "title": "Alone", "terminal": True, "layout": layout})
    if broken.flow.has_endpoint:
        broken.routes()["LONELY"] = []


# Screens


@a_break("property-required")
def _a_screen_without_an_id(broken: Broken) -> None:
    del broken.screen().properties["id"]


@a_break("screen-id")
def _a_digit_in_the_id_of_a_screen(broken: Broken) -> None:
    broken.screen().properties["id"] += "1"


@a_break("screen-id-reserved")
def _a_reserved_id(broken: Broken) -> None:
    broken.screen().properties["id"] = broken.pick(["SUCCESS", "success"])


@a_break("screen-id-unique")
def _two_screens_with_one_id(broken: Broken) -> None:
    broken.need(len(broken.flow.listed) > 1)
    one, other = broken.random.sample(broken.flow.listed, 2)
    one.properties["id"] = other.id


@a_break("screen-title")
def _a_screen_without_a_title(broken: Broken) -> None:
    del broken.screen().properties["title"]


@a_break("property-required")
def _a_screen_without_a_layout(broken: Broken) -> None:
    del broken.screen().properties["layout"]


@a_break("layout-known")
def _another_layout(broken: Broken) -> None:
    broken.screen().properties["layout"]["type"] = "TwoColumnLayout"


@a_break("property-required")
def _a_layout_without_children(broken: Broken) -> None:
    del broken.screen().properties["layout"]["children"]


@a_break("property-known")
def _an_unknown_property_of_a_screen(broken: Broken) -> None:
    broken.screen().properties["subtitle"] = "More"


@a_break("terminal-footer")
def _a_terminal_screen_without_a_footer(broken: Broken) -> None:
    screen = broken.screen(lambda each: each.terminal)
    for each in reversed(screen.of_type("Footer")):
        broken.remove(each.pointer)


@a_break("terminal-screen")
def _no_terminal_screen(broken: Broken) -> None:
    for each in broken.flow.listed:
        each.properties.pop("terminal", None)
        each.properties.pop("success", None)


@a_break("property-type")
def _terminal_as_a_text(broken: Broken) -> None:
    broken.screen(lambda each: each.terminal).properties["terminal"] = "true"


@a_break("complete-terminal")
def _complete_on_a_screen_that_is_not_terminal(broken: Broken) -> None:
    screen = broken.screen(lambda each: not each.terminal and bool(each.of_type("Footer")))
    broken.pick(screen.of_type("Footer")).properties["on-click-action"] = complete()


@a_break("terminal-footer-ends-earlier", "terminal-footer-ends")
def _navigate_on_the_footer_of_a_terminal_screen(broken: Broken) -> None:
    screen = broken.screen(lambda each: not each.terminal and bool(each.navigates()) and bool(each.of_type("Footer")))
    footers = screen.of_type("Footer")
    broken.need(any(each.properties["on-click-action"]["name"] == "navigate" for each in footers))
    screen.properties["terminal"] = True


@a_break("success-somewhere")
def _no_terminal_screen_that_is_a_success(broken: Broken) -> None:
    for each in broken.flow.listed:
        if each.terminal:
            each.properties["success"] = False


@a_break("success-terminal")
def _success_on_a_screen_that_is_not_terminal(broken: Broken) -> None:
    broken.screen(lambda each: not each.terminal).properties["success"] = True


@a_break("endpoint-for-refresh")
def _refresh_on_back_without_an_endpoint(broken: Broken) -> None:
    broken.need(not broken.flow.has_endpoint)
    broken.screen().properties["refresh_on_back"] = True


@a_break("sensitive-field")
def _a_sensitive_field_that_is_not_there(broken: Broken) -> None:
    broken.need(broken.version >= (5, 1))
    broken.screen().properties["sensitive"] = ["nothing_of_it"]


# How many of a component


@a_break("footers-most", "footers-most-branches")
def _two_footers(broken: Broken) -> None:
    screen = broken.screen(lambda each: bool(each.of_type("Footer")))
    broken.children(screen).append(copy.deepcopy(broken.pick(screen.of_type("Footer")).properties))


@a_break("links-most")
def _too_many_links(broken: Broken) -> None:
    broken.need(broken.version >= (6, 0))
    link = component("EmbeddedLink", text="Terms", on_click_action={"name": "open_url", "url": "https://shop.example"})
    broken.add(link, link, link)


@a_break("images-most")
def _too_many_images(broken: Broken) -> None:
    image = component("Image", src="iVBORw0KGgo=")
    broken.add(image, image, image, image)


@a_break("opt-ins-most")
def _too_many_opt_ins(broken: Broken) -> None:
    broken.add(*(component("OptIn", name=f"agreed_{letter}", label="I agree", required=True) for letter in "abcdef"))


@a_break("pickers-most")
def _two_media_pickers(broken: Broken) -> None:
    broken.need(broken.version >= (4, 0))
    broken.add(
        component("PhotoPicker", name="photo_of_it", label="Photo"),
        component("DocumentPicker", name="bill_of_it", label="Bill"),
    )


@a_break("components-most")
def _too_many_components(broken: Broken) -> None:
    broken.add(*(text() for _ in range(101)))


@a_break("rich-text-alone")
def _text_beside_a_rich_text(broken: Broken) -> None:
    screen = broken.screen(lambda each: bool(each.of_type("RichText")))
    screen.properties["layout"]["children"].insert(0, text())


@a_break("list-alone")
def _text_beside_a_navigation_list(broken: Broken) -> None:
    screen = broken.screen(lambda each: bool(each.of_type("NavigationList")))
    screen.properties["layout"]["children"].append(text())


@a_break("list-not-terminal")
def _a_navigation_list_on_a_terminal_screen(broken: Broken) -> None:
    broken.screen(lambda each: bool(each.of_type("NavigationList"))).properties["terminal"] = True


# Components


@a_break("component-known")
def _an_unknown_component(broken: Broken) -> None:
    found = broken.component()
    found.properties["type"] = broken.pick([found.type + "s", found.type.lower(), "Text", "Button", ""])


@a_break("type-required")
def _a_component_without_a_type(broken: Broken) -> None:
    del broken.component().properties["type"]


@a_break("type-text")
def _a_type_that_is_no_text(broken: Broken) -> None:
    broken.component().properties["type"] = broken.pick([1, None, ["TextBody"], {}])


@a_break("property-type")
def _a_component_that_is_no_object(broken: Broken) -> None:
    broken.children(broken.screen())[0] = broken.pick(["TextBody", 1, None, []])


@a_break("property-known")
def _an_unknown_property(broken: Broken) -> None:
    broken.component().properties[broken.pick(["colour", "on-clicked-action", "Label", "on_click_action", ""])] = "x"


@a_break("property-required")
def _a_property_missing(broken: Broken) -> None:
    found, name = broken.pick(
        (each, known.name)
        for screen in broken.flow.listed
        for each in screen.components
        for known in COMPONENTS[each.type].properties
        if known.required is not None and known.required <= broken.version
    )
    del found.properties[name]


@a_break("property-known")
def _a_property_in_another_case(broken: Broken) -> None:
    found = broken.component(wanted=lambda each: len(each.properties) > 1)
    name = broken.pick(name for name in found.properties if name != "type")
    found.properties[name.replace("-", "_") if "-" in name else name.capitalize()] = found.properties.pop(name)


@a_break("property-version")
def _a_property_of_a_later_version(broken: Broken) -> None:
    found, name, kind = broken.pick(
        (each, known.name, known.kind)
        for screen in broken.flow.listed
        for each in screen.components
        for known in COMPONENTS[each.type].properties
        if known.since > broken.version
    )
    values: dict[str, Any] = {"boolean": True, "strings": ["1"], "action": exchange(), "enum": "large"}
    found.properties[name] = values.get(kind, "Tea")


@a_break("component-version")
def _a_component_of_a_later_version(broken: Broken) -> None:
    kind = broken.pick(name for name, shape in COMPONENTS.items() if shape.since > broken.version)
    broken.add(component(kind, name="new_one", label="New"))


@a_break("component-place")
def _a_component_in_a_container_that_cannot_hold_it(broken: Broken) -> None:
    branch = broken.component("If", wanted=lambda each: bool(each.properties["then"]))
    branch.properties["then"].append(
        broken.pick(
            [
                component("Form", name="inner", children=[text()]),
                component("ImageCarousel", images=[]),
                {"type": "Form"},
            ]
        )
    )


@a_break("property-type")
def _a_flag_that_is_a_text(broken: Broken) -> None:
    found, name = broken.with_property("boolean")
    found.properties[name] = broken.pick(["true", "yes", 1, None])


@a_break("property-type", "property-one-of", "calendar-range-label")
def _a_text_that_is_none(broken: Broken) -> None:
    found, name = broken.with_property("text", "texts", "string", "name")
    found.properties[name] = broken.pick([7, True, None, {}])


@a_break("property-type", "property-count")
def _a_number_that_is_a_text(broken: Broken) -> None:
    found, name = broken.with_property("integer", "number", "count")
    found.properties[name] = broken.pick(["three", True, None, []])


@a_break("property-values", "property-type")
def _a_value_that_is_not_listed(broken: Broken) -> None:
    found, name = broken.with_property("enum")
    found.properties[name] = broken.pick(["none of them", "", 3])


@a_break("property-type", "property-one-of")
def _a_list_that_is_none(broken: Broken) -> None:
    found, name = broken.with_property("options", "items", "pictures", "components", "strings", "enums", "dates")
    found.properties[name] = broken.pick(["red", 3, True, {"id": "1", "title": "One"}])


@a_break("property-type", "property-required")
def _an_action_that_is_none(broken: Broken) -> None:
    found, name = broken.with_property("action")
    found.properties[name] = broken.pick(["navigate", [], None, {}])


@a_break("property-blank")
def _a_blank_text(broken: Broken) -> None:
    broken.need(broken.version >= (6, 0))
    found, name = broken.with_property("text")
    found.properties[name] = broken.pick(["", "  "])


@a_break("text-length")
def _a_text_too_long(broken: Broken) -> None:
    found, name = broken.pick(
        (each, known.name)
        for screen in broken.flow.listed
        for each in screen.components
        for known in COMPONENTS[each.type].properties
        if known.cut is not None
        and isinstance(each.properties.get(known.name), str)
        and each.properties.get("label-variant") is None
    )
    found.properties[name] = "More than can be read. " * 200


@a_break("image-format")
def _an_image_that_is_none(broken: Broken) -> None:
    broken.component("Image").properties["src"] = "https://shop.example/shirt.png"


# Inputs


@a_break("input-names")
def _two_inputs_with_one_name(broken: Broken) -> None:
    screen = broken.screen(lambda each: bool(each.of_type(*INPUTS)))
    broken.children(screen).insert(0, text_input(broken.pick(screen.of_type(*INPUTS)).name))


@a_break("name-static")
def _a_name_that_is_an_expression(broken: Broken) -> None:
    broken.component(*INPUTS).properties["name"] = "${data.name}"


@a_break("answer-sent")
def _an_input_that_nothing_sends(broken: Broken) -> None:
    broken.add(text_input("never_sent"))


@a_break("answer-sent")
def _an_input_outside_of_the_form(broken: Broken) -> None:
    screen = broken.screen(lambda each: bool(each.of_type("Form")) and bool(each.of_type(*INPUTS)))
    screen.properties["layout"]["children"].insert(0, text_input("outside"))


@a_break("property-required")
def _an_option_without_a(broken: Broken) -> None:
    found = broken.component(wanted=lambda each: isinstance(each.properties.get("data-source"), list))
    del broken.pick(found.properties["data-source"])[broken.pick(["id", "title"])]


@a_break("item-ids")
def _two_options_with_one_id(broken: Broken) -> None:
    found = broken.component(wanted=lambda each: isinstance(each.properties.get("data-source"), list))
    options = found.properties["data-source"]
    options[0]["id"] = options[1]["id"]


@a_break("items-least")
def _no_options(broken: Broken) -> None:
    found = broken.component(wanted=lambda each: isinstance(each.properties.get("data-source"), list))
    found.properties["data-source"] = []


@a_break("items-most")
def _too_many_options(broken: Broken) -> None:
    found = broken.component(wanted=lambda each: isinstance(each.properties.get("data-source"), list))
    found.properties["data-source"] = [{"id": str(number), "title": f"No. {number}"} for number in range(201)]


@a_break("options-image-or-color")
def _options_with_images_and_colours(broken: Broken) -> None:
    broken.need(broken.version >= (5, 0))
    found = broken.component(wanted=lambda each: isinstance(each.properties.get("data-source"), list))
    options = found.properties["data-source"]
    options[0] |= {"image": "iVBORw0KGgo=", "alt-text": "A shirt"}
    options[1]["color"] = "#FF0000"


@a_break("init-value-option")
def _a_choice_to_begin_with_that_is_not_there(broken: Broken) -> None:
    found = broken.component(
        wanted=lambda each: "init-value" in each.properties and isinstance(each.properties.get("data-source"), list)
    )
    found.properties["init-value"] = ["none"] if isinstance(found.properties["init-value"], list) else "none"


@a_break("bounds-order")
def _more_selected_at_least_than_at_most(broken: Broken) -> None:
    broken.component("CheckboxGroup", "ChipsSelector").properties.update(
        {"min-selected-items": 3, "max-selected-items": 2}
    )


@a_break("bounds-order")
def _more_characters_at_least_than_at_most(broken: Broken) -> None:
    broken.component("TextInput").properties.update({"min-chars": 30, "max-chars": "20"})


@a_break("pattern-help")
def _a_pattern_without_a_helper_text(broken: Broken) -> None:
    broken.need(broken.version >= (6, 2))
    found = broken.component("TextInput")
    found.properties.pop("helper-text", None)
    found.properties.update({"pattern": "[a-z]+", "input-type": "text"})


@a_break("number-most")
def _more_photos_than_there_may_be(broken: Broken) -> None:
    broken.component("PhotoPicker").properties["max-uploaded-photos"] = 31


@a_break("bounds-order")
def _more_documents_at_least_than_at_most(broken: Broken) -> None:
    broken.component("DocumentPicker").properties.update({"min-uploaded-documents": 4, "max-uploaded-documents": 2})


@a_break("property-format", "property-type")
def _a_date_that_is_none(broken: Broken) -> None:
    broken.component("DatePicker", "CalendarPicker").properties["min-date"] = broken.pick(["1 March", "2026-3-1", 5])


@a_break("date-range")
def _dates_the_wrong_way_round(broken: Broken) -> None:
    days = ("2026-03-09", "2026-03-01") if broken.version >= (5, 0) else ("1773000000000", "1772000000000")
    broken.component("DatePicker", "CalendarPicker").properties.update(zip(("min-date", "max-date"), days, strict=True))


@a_break("calendar-mode")
def _a_range_with_one_label(broken: Broken) -> None:
    broken.component("CalendarPicker").properties.update({"mode": "range", "label": "When"})


@a_break("calendar-mode")
def _a_single_date_with_two_labels(broken: Broken) -> None:
    both = {"start-date": "From", "end-date": "To"}
    broken.component("CalendarPicker").properties.update({"mode": "single", "label": both})


@a_break("init-value-form")
def _an_initial_value_in_a_form(broken: Broken) -> None:
    broken.need(broken.version >= (4, 0))
    found = broken.component("TextInput", "TextArea", wanted=lambda each: bool(each.form))
    found.properties["init-value"] = "Tea"


@a_break("captions-pair")
def _half_of_a_pair_of_captions(broken: Broken) -> None:
    found = broken.component("Footer").properties
    for name in ("left-caption", "center-caption", "right-caption"):
        found.pop(name, None)
    found[broken.pick(["left-caption", "right-caption"])] = "10 %"


@a_break("captions-center")
def _captions_everywhere(broken: Broken) -> None:
    names = ("left-caption", "center-caption", "right-caption")
    broken.component("Footer").properties.update(dict.fromkeys(names, "10 %"))


@a_break("list-badge")
def _two_badges(broken: Broken) -> None:
    items = broken.component("NavigationList").properties["list-items"]
    items[0]["badge"] = items[1]["badge"] = "New"


@a_break("property-required")
def _a_list_item_without_a_title(broken: Broken) -> None:
    del broken.pick(broken.component("NavigationList").properties["list-items"])["main-content"]["title"]


@a_break("list-click")
def _a_list_that_leads_nowhere(broken: Broken) -> None:
    found = broken.component("NavigationList").properties
    found.pop("on-click-action", None)
    for item in found["list-items"]:
        item.pop("on-click-action", None)


# Branches


@a_break("if-condition")
def _a_condition_that_breaks_off(broken: Broken) -> None:
    found = broken.component("If").properties
    found["condition"] += broken.pick([" ==", " &&", " (", " 'tea", ")", " = true", " and ${data.x}"])


@a_break("if-condition")
def _a_condition_that_refers_to_nothing(broken: Broken) -> None:
    broken.component("If").properties["condition"] = broken.pick(["true", "1 == 1", "", "'tea' == 'tea'"])


@a_break("if-condition")
def _a_condition_that_is_a_text(broken: Broken) -> None:
    found = broken.component("If", wanted=lambda each: "${data.text" in each.properties["condition"])
    name = found.properties["condition"].partition("${data.text")[2].partition("}")[0]
    found.properties["condition"] = f"${{data.text{name}}}"


@a_break("if-then")
def _an_empty_branch(broken: Broken) -> None:
    broken.component("If").properties["then"] = []


@a_break("if-nesting")
def _ifs_too_deep(broken: Broken) -> None:
    found = broken.component("If").properties
    condition = found["condition"]
    for _ in range(4):
        found["then"] = [component("If", condition=condition, then=found["then"])]


@a_break("footer-if")
def _a_footer_in_one_branch_only(broken: Broken) -> None:
    screen = broken.screen(lambda each: len(each.of_type("Footer")) == 1 and bool(each.of_type("If")))
    found = screen.of_type("Footer")[0]
    branch = broken.pick(screen.of_type("If"))
    broken.remove(found.pointer)
    branch.properties["then"].append(found.properties)


@a_break("switch-value", "property-type")
def _a_switch_that_decides_by_a_constant(broken: Broken) -> None:
    broken.component("Switch").properties["value"] = broken.pick(["tea", "", 3])


@a_break("switch-cases")
def _a_switch_without_cases(broken: Broken) -> None:
    broken.component("Switch").properties["cases"] = {}


@a_break("switch-case-name")
def _a_case_without_a_proper_name(broken: Broken) -> None:
    broken.component("Switch").properties["cases"][broken.pick(["1st", "-", "two words"])] = [text()]


# Expressions


def _shows(broken: Broken, said: str) -> None:
    """Let some text on a screen be *said*."""
    found, name = broken.with_property("text")
    found.properties[name] = said


@a_break("data-declared")
def _data_that_is_not_declared(broken: Broken) -> None:
    _shows(broken, "${data.nothing_of_it}")


@a_break("input-there", "reference-version")
def _an_input_that_is_not_there(broken: Broken) -> None:
    _shows(broken, "${form.nothing_of_it}")


@a_break("global-there", "reference-version")
def _another_screen_that_is_not_there(broken: Broken) -> None:
    _shows(broken, "${screen.NOWHERE.data.x}")


@a_break("global-elsewhere", "reference-version")
def _its_own_screen_by_name(broken: Broken) -> None:
    screen = broken.screen(lambda each: bool(each.data) and bool(each.of_type("Footer")))
    name = broken.pick(screen.data)
    broken.pick(screen.of_type("Footer")).properties["label"] = f"${{screen.{screen.id}.data.{name}}}"


@a_break("text-not-replaced")
def _a_reference_that_is_none(broken: Broken) -> None:
    _shows(broken, broken.pick(["${data}", "${data.}", "${foo.bar}", "${data.x", "${ data.x }", "${data.x.}"]))


@a_break("text-not-replaced")
def _a_reference_inside_a_text(broken: Broken) -> None:
    _shows(broken, "Hello ${data.name}")


@a_break("nested-expression")
def _a_nested_expression_that_breaks_off(broken: Broken) -> None:
    broken.need(broken.version >= (6, 0))
    _shows(broken, broken.pick(["`${data.x} +`", "`'Hello`", "`(1 + ${data.x}`", "`1 + 1`", "``", "`01 + ${data.x}`"]))


@a_break("nested-expression-text")
def _a_nested_expression_before_its_time(broken: Broken) -> None:
    broken.need(broken.version < (6, 0))
    _shows(broken, "`'Hello ' ${data.name}`")


@a_break("data-kind")
def _a_text_where_a_flag_is_wanted(broken: Broken) -> None:
    screen = broken.screen(lambda each: any(node["type"] == "string" for node in each.data.values()))
    name = broken.pick(name for name, node in screen.data.items() if node["type"] == "string")
    found = broken.pick(
        each for each in screen.components if COMPONENTS[each.type].property("visible") and each.type != "OptIn"
    )
    found.properties["visible"] = f"${{data.{name}}}"


@a_break("data-kind")
def _a_flag_where_a_text_is_wanted(broken: Broken) -> None:
    screen = broken.screen(lambda each: any(node["type"] == "boolean" for node in each.data.values()))
    name = broken.pick(name for name, node in screen.data.items() if node["type"] == "boolean")
    broken.pick(screen.of_type("Footer")).properties["label"] = f"${{data.{name}}}"


@a_break("data-kind")
def _options_that_are_texts(broken: Broken) -> None:
    screen = broken.screen(lambda each: any(node["type"] == "array" for node in each.data.values()))
    found = broken.pick(each for each in screen.components if "data-source" in each.properties)
    name = broken.pick(name for name, node in screen.data.items() if node["type"] == "array")
    screen.properties["data"][name] = {"type": "array", "items": {"type": "string"}, "__example__": ["red"]}
    found.properties["data-source"] = f"${{data.{name}}}"


# Actions


@a_break("navigate-screen")
def _navigate_to_nowhere(broken: Broken) -> None:
    broken.action("navigate")["next"]["name"] = "NOWHERE"


@a_break("navigate-itself")
def _navigate_to_the_same_screen(broken: Broken) -> None:
    screen = broken.screen(lambda each: each.does("navigate"))
    found = broken.pick(action for action in screen.actions if action.name == "navigate")
    found.properties["next"]["name"] = screen.id


@a_break("property-required")
def _navigate_without_a_screen(broken: Broken) -> None:
    del broken.action("navigate")["next"]


@a_break("navigate-payload-there")
def _navigate_without_a_payload(broken: Broken) -> None:
    found = broken.pick(
        action
        for screen in broken.flow.listed
        for action in screen.actions
        if action.name == "navigate" and broken.flow.screens[action.next].data
    )
    del found.properties["payload"]


@a_break("navigate-payload-whole")
def _a_key_missing_from_a_payload(broken: Broken) -> None:
    found = broken.pick(
        action
        for screen in broken.flow.listed
        for action in screen.actions
        if action.name == "navigate" and action.payload
    )
    del found.properties["payload"][broken.pick(found.payload)]


@a_break("navigate-payload")
def _a_key_too_many_in_a_payload(broken: Broken) -> None:
    broken.action("navigate")["payload"]["nothing_of_it"] = "Tea"


@a_break("navigate-value")
def _a_value_of_another_type_in_a_payload(broken: Broken) -> None:
    found = broken.pick(
        action
        for screen in broken.flow.listed
        for action in screen.actions
        if action.name == "navigate" and action.payload
    )
    name = broken.pick(found.payload)
    wanted = broken.flow.screens[found.next].data[name]["type"]
    found.properties["payload"][name] = "Tea" if wanted != "string" else 7


@a_break("payload-reference")
def _something_unknown_in_a_payload(broken: Broken) -> None:
    said = broken.pick(["${form.nothing_of_it}", "${data.nothing_of_it}"])
    broken.action("data_exchange", "complete")["payload"]["more"] = said


@a_break("property-required")
def _an_action_without_a_name(broken: Broken) -> None:
    del broken.action("navigate", "data_exchange", "complete")["name"]


@a_break("action-here")
def _an_unknown_action(broken: Broken) -> None:
    broken.action("navigate", "data_exchange", "complete")["name"] = broken.pick(["submit", "Navigate", "exchange", ""])


@a_break("property-type")
def _a_payload_that_is_a_list(broken: Broken) -> None:
    broken.action("navigate", "data_exchange", "complete")["payload"] = ["tea"]


@a_break("property-known")
def _an_unknown_property_of_an_action(broken: Broken) -> None:
    broken.action("navigate", "data_exchange", "complete")["data"] = {}


@a_break("action-here")
def _complete_on_a_link(broken: Broken) -> None:
    broken.component("EmbeddedLink", "OptIn").properties["on-click-action"] = complete()


@a_break("endpoint-for-exchange")
def _asking_an_endpoint_that_is_not_there(broken: Broken) -> None:
    broken.need(not broken.flow.has_endpoint)
    broken.component("Footer").properties["on-click-action"] = exchange()


@a_break("property-format", "property-required")
def _a_link_without_an_address(broken: Broken) -> None:
    found = broken.action("open_url")
    broken.pick([lambda: found.pop("url"), lambda: found.update(url="the shop")])()


@a_break("update-data-key")
def _an_update_of_what_is_not_declared(broken: Broken) -> None:
    broken.action("update_data")["payload"]["nothing_of_it"] = "Tea"


@a_break("update-data-value")
def _an_update_of_another_type(broken: Broken) -> None:
    payload = broken.action("update_data")["payload"]
    payload[broken.pick(payload)] = 7


# Data models


@a_break("data-object")
def _a_data_model_that_is_a_list(broken: Broken) -> None:
    broken.screen(lambda each: bool(each.data)).properties["data"] = []


@a_break("data-type")
def _an_entry_without_a_type(broken: Broken) -> None:
    del broken.entry_of_data()["type"]


@a_break("data-type")
def _an_entry_of_an_unknown_type(broken: Broken) -> None:
    broken.entry_of_data()["type"] = broken.pick(["text", "null", "String", 3])


@a_break("data-example")
def _an_entry_without_an_example(broken: Broken) -> None:
    del broken.entry_of_data()["__example__"]


@a_break("data-example-type")
def _an_example_of_another_type(broken: Broken) -> None:
    found = broken.entry_of_data()
    found["__example__"] = 7 if found["type"] != "number" else "seven"


@a_break("data-items")
def _an_array_of_unknown_items(broken: Broken) -> None:
    del broken.entry_of_data("array")["items"]


@a_break("data-example-nested")
def _an_example_inside_of_an_entry(broken: Broken) -> None:
    broken.entry_of_data("array")["items"]["__example__"] = "Tea"


@a_break("data-properties")
def _properties_that_are_a_list(broken: Broken) -> None:
    broken.entry_of_data("object")["properties"] = ["street"]


# What few would think of


@a_break("endpoint-elsewhere")
def _an_endpoint_in_the_document(broken: Broken) -> None:
    broken.need(broken.version >= (3, 0))
    broken.document["data_channel_uri"] = "https://shop.example/flow"


@a_break("data-api-version-for-version")
def _a_data_api_version_of_later(broken: Broken) -> None:
    broken.need(broken.flow.has_endpoint and broken.version < (7, 3))
    broken.document["data_api_version"] = "4.0"


@a_break("screen-id-empty")
def _an_empty_id(broken: Broken) -> None:
    broken.screen().properties["id"] = ""


@a_break("screen-title-blank", "property-blank")
def _a_blank_title(broken: Broken) -> None:
    broken.need(broken.version >= (5, 0))
    broken.screen().properties["title"] = " "


@a_break("components-advised")
def _more_components_than_advised(broken: Broken) -> None:
    broken.add(*(text() for _ in range(51)))


@a_break("carousels-most", "kinds-most")
def _too_many_carousels(broken: Broken) -> None:
    broken.need(broken.version >= (7, 1))
    broken.add(*(component("ImageCarousel", images=[{"src": "iVBORw0KGgo=", "alt-text": "A"}]) for _ in range(4)))


@a_break("image-size")
def _an_image_too_large(broken: Broken) -> None:
    broken.component("Image").properties["src"] = "iVBORw0KGgo" + "A" * 500_001


@a_break("markdown-shown")
def _markdown_that_is_not_rendered(broken: Broken) -> None:
    broken.need(broken.version >= (5, 1))
    broken.component("TextBody", "TextCaption").properties.update({"text": "# Terms", "markdown": True})


@a_break("rich-text-static")
def _an_expression_among_the_texts_of_a_rich_text(broken: Broken) -> None:
    broken.component("RichText").properties["text"] = ["Hello", "${data.name}"]


@a_break("hidden-required")
def _a_required_input_that_is_never_seen(broken: Broken) -> None:
    kinds = ("TextInput", "TextArea", "Dropdown", "CheckboxGroup", "RadioButtonsGroup")
    broken.component(*kinds).properties.update({"visible": False, "required": True})


@a_break("bounds-reached")
def _more_to_select_than_there_is(broken: Broken) -> None:
    found = broken.component(
        "CheckboxGroup", "ChipsSelector", wanted=lambda each: isinstance(each.properties["data-source"], list)
    )
    found.properties.pop("max-selected-items", None)
    found.properties["min-selected-items"] = 9


@a_break("pattern-type")
def _a_pattern_for_an_address(broken: Broken) -> None:
    broken.need(broken.version >= (6, 2))
    broken.component("TextInput").properties.update({"input-type": "email", "pattern": "a+", "helper-text": "Many a"})


@a_break("pattern-form")
def _a_pattern_between_slashes(broken: Broken) -> None:
    broken.need(broken.version >= (6, 2))
    pattern = broken.pick(["/a+/", "(a", "[a-"])
    broken.component("TextInput").properties.update({"input-type": "text", "pattern": pattern, "helper-text": "Many a"})


@a_break("init-value-length")
def _a_longer_text_to_begin_with_than_may_be(broken: Broken) -> None:
    broken.need(broken.version >= (4, 0))
    found = broken.component("TextInput", wanted=lambda each: not each.form)
    found.properties.update({"input-type": "text", "max-chars": 5, "init-value": "Darjeeling"})


@a_break("mime-types")
def _files_of_an_unknown_type(broken: Broken) -> None:
    broken.component("DocumentPicker").properties["allowed-mime-types"] = ["application/tea"]


@a_break("number-least")
def _fewer_photos_than_none(broken: Broken) -> None:
    broken.component("PhotoPicker").properties["min-uploaded-photos"] = -1


@a_break("media-top-level")
def _a_photo_inside_of_an_object(broken: Broken) -> None:
    screen = broken.screen(lambda each: bool(each.of_type("PhotoPicker", "DocumentPicker")) and each.does("complete"))
    picker = broken.pick(screen.of_type("PhotoPicker", "DocumentPicker"))
    sends = broken.pick(action for action in screen.actions if action.name == "complete")
    sends.payload["all"] = {"photo": f"${{form.{picker.name}}}"}


@a_break("form-values-names", "form-values-unused")
def _an_initial_value_of_nothing(broken: Broken) -> None:
    broken.component("Form").properties["init-values"] = {"nothing_of_it": "Tea"}


@a_break("date-real")
def _a_day_that_never_comes(broken: Broken) -> None:
    broken.need(broken.version >= (5, 0))
    broken.component("DatePicker", "CalendarPicker").properties["max-date"] = "2026-02-30"


@a_break("init-value-date")
def _a_date_to_begin_with_that_cannot_be_chosen(broken: Broken) -> None:
    broken.need(broken.version >= (5, 0))
    found = broken.component("DatePicker", wanted=lambda each: not each.form)
    found.properties.update({"min-date": "2026-03-01", "max-date": "2026-03-09", "init-value": "2026-04-01"})


@a_break("calendar-days")
def _more_days_at_least_than_at_most(broken: Broken) -> None:
    found = broken.component("CalendarPicker", wanted=lambda each: each.properties["mode"] == "range")
    found.properties.update({"min-days": 9, "max-days": 2})


@a_break("calendar-range-keys", "property-known")
def _a_range_with_three_labels(broken: Broken) -> None:
    found = broken.component("CalendarPicker", wanted=lambda each: each.properties["mode"] == "range")
    found.properties["label"] = {**found.properties["label"], "middle-date": "Between"}


@a_break("option-color")
def _a_colour_by_its_name(broken: Broken) -> None:
    broken.need(broken.version >= (5, 0))
    found = broken.component(wanted=lambda each: "color" in str(each.properties.get("data-source")))
    found.properties["data-source"][0]["color"] = "red"


@a_break("select-action-once")
def _two_actions_for_one_choice(broken: Broken) -> None:
    broken.need(broken.version >= (6, 0))
    found = broken.component(
        "CheckboxGroup",
        "RadioButtonsGroup",
        "Dropdown",
        wanted=lambda each: "on-select-action" in each.properties and isinstance(each.properties["data-source"], list),
    )
    found.properties["data-source"][0]["on-select-action"] = {"name": "update_data", "payload": {}}


@a_break("list-end")
def _an_end_beside_large_media(broken: Broken) -> None:
    found = broken.component("NavigationList").properties
    found["media-size"] = "large"
    found["list-items"][0]["end"] = {"title": "10 %"}


@a_break("list-click-once")
def _a_list_that_leads_on_twice(broken: Broken) -> None:
    found = broken.component("NavigationList", wanted=lambda each: "on-click-action" in each.properties).properties
    found["list-items"][0]["on-click-action"] = copy.deepcopy(found["on-click-action"])


@a_break("nested-expression-kinds")
def _a_sum_of_texts(broken: Broken) -> None:
    broken.need(broken.version >= (6, 0))
    screen = broken.screen(
        lambda each: bool(each.of_type("Footer")) and any(node["type"] == "string" for node in each.data.values())
    )
    name = broken.pick(name for name, node in screen.data.items() if node["type"] == "string")
    broken.pick(screen.of_type("Footer")).properties["label"] = f"`'In all ' (${{data.{name}}} + 1)`"


@a_break("input-kind")
def _an_input_where_a_flag_is_wanted(broken: Broken) -> None:
    broken.need(broken.version >= (4, 0))
    screen = broken.screen(lambda each: bool(each.of_type("TextArea", "Dropdown")) and bool(each.of_type("Footer")))
    name = broken.pick(screen.of_type("TextArea", "Dropdown")).name
    broken.pick(screen.of_type("Footer")).properties["enabled"] = f"${{form.{name}}}"


@a_break("payload-property", "payload-expression")
def _something_unknown_in_a_nested_expression_of_a_payload(broken: Broken) -> None:
    broken.need(broken.version >= (6, 0))
    broken.action("data_exchange", "complete")["payload"]["more"] = "`${data.nothing_of_it} + 1`"


@a_break("update-data-itself")
def _an_update_to_what_it_is(broken: Broken) -> None:
    payload = broken.action("update_data")["payload"]
    name = broken.pick(payload)
    payload[name] = f"${{data.{name}}}"


@a_break("data-required")
def _a_required_entry_that_is_no_name(broken: Broken) -> None:
    broken.screen(lambda each: bool(each.data)).properties["data"]["required"] = [1]


@a_break("data-required-declared")
def _a_required_entry_that_is_not_declared(broken: Broken) -> None:
    broken.screen(lambda each: bool(each.data)).properties["data"]["required"] = ["nothing_of_it"]


@a_break("data-key", "data-key-plain")
def _an_entry_that_no_expression_can_name(broken: Broken) -> None:
    data = broken.screen(lambda each: bool(each.data)).properties["data"]
    data[broken.pick(['a"b', "two words", "a-b", "a\\b", "it's"])] = {"type": "string", "__example__": "Tea"}


@a_break("data-items-type")
def _items_that_are_a_text(broken: Broken) -> None:
    broken.entry_of_data("array")["items"] = "string"
