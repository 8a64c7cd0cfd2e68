"""Reading a Flow: its screens, what stands on them, where they lead. Reading judges nothing and takes anything."""

from typing import Any

import pytest
from hypothesis import given, settings

from definitions.flow_json.document import (
    Action,
    Branch,
    Component,
    FlowDocument,
    looks_like_flow,
    read_document,
    read_version,
)
from definitions.screen_data import answer_type
from tests.definitions.documents import (
    FLOWS,
    a_flow,
    a_screen,
    an_exchange,
    does,
    json_values,
    leads_somewhere,
    mutated,
    read,
    the_end,
)

SOUND = a_flow(a_screen("START", does("navigate", "END")), the_end())
ASKING = an_exchange({"FIRST": ["SECOND"], "SECOND": ["LAST"], "LAST": []})


# The whole


def test_a_flow_is_read() -> None:
    flow = read_document(an_exchange({"FIRST": ["LAST"], "LAST": []}, FIRST={"refresh_on_back": True}))

    assert flow.version == (7, 3)
    assert flow.has_endpoint
    assert flow.routing == {"FIRST": ("LAST",), "LAST": ()}
    assert flow.entries == ("FIRST",)
    assert flow.listed == tuple(flow.screens.values())
    first, last = flow.listed
    assert (first.id, first.pointer, first.title, first.refresh_on_back) == ("FIRST", "/screens/0", "First", True)
    assert (first.terminal, first.success, len(first.of_type("Footer"))) == (False, True, 1)
    assert (last.terminal, last.does("data_exchange"), last.does("complete")) == (True, True, False)


def test_a_data_model_is_read_without_the_names_of_what_must_be_there() -> None:
    name, required = {"type": "string"}, {"type": "boolean"}

    listed, named = read_document(
        a_flow(the_end(data={"name": name, "required": ["name", 5]}), the_end("B", data={"required": required}))
    ).listed

    assert (listed.data, listed.required) == ({"name": name}, ("name",))
    assert (named.data, named.required) == ({"required": required}, ())


@pytest.mark.parametrize("title", ["${data.name}", "`'Hello ' ${data.name}`", None, 5])
def test_a_title_that_only_the_phone_knows_is_none(title: Any) -> None:
    assert read_document(a_flow(the_end(title=title))).screens["END"].title == ""


@pytest.mark.parametrize(
    ("document", "is_flow"),
    [(SOUND, True), ({"screens": 5}, True), ({"states": {}}, False), ([{"screens": []}], False), ("screens", False)],
)
def test_a_flow_is_what_has_screens(document: Any, *, is_flow: bool) -> None:
    assert looks_like_flow(document) == is_flow


@pytest.mark.parametrize(
    ("value", "version"),
    [
        ("7.3", (7, 3)),
        ("7.10", (7, 10)),
        ("0.0", (0, 0)),
        *((odd, (0, 0)) for odd in (7.3, "7", "7.", "7.3.1", "v7.3", "", "7.333", "\u0667.3", "9" * 5000 + ".1", None)),
    ],
)
def test_a_version_is_two_numbers(value: Any, version: tuple[int, int]) -> None:
    assert read_version(value) == version


def test_what_has_no_id_or_one_that_is_taken_is_listed_and_leads_nowhere() -> None:
    screens = [the_end("A"), 5, {"layout": {}}, a_screen("A", does("navigate", "B")), the_end("B")]
    flow = read_document({"screens": screens})

    assert [(screen.id, screen.pointer) for screen in flow.listed] == [
        ("A", "/screens/0"),
        ("", "/screens/2"),
        ("A", "/screens/3"),
        ("B", "/screens/4"),
    ]
    assert {name: screen.pointer for name, screen in flow.screens.items()} == {"A": "/screens/0", "B": "/screens/4"}
    assert flow.routing == {"A": (), "B": ()}


# What stands on a screen


def test_components_are_read_with_where_they_stand_and_under_which_conditions() -> None:
    yes, no, one = ({"type": "TextBody", "text": text} for text in ("yes", "no", "one"))
    switch = {"type": "Switch", "value": "${data.b}", "cases": {"a/b": [one]}}
    condition = {"type": "If", "condition": "${data.a}", "then": [yes, switch], "else": [no, "none"]}
    form = {"type": "Form", "name": "form", "children": [condition, {"name": "nameless"}]}

    (screen,) = read_document({"screens": [{"id": "A", "layout": {"children": [form, 5]}}]}).listed

    here = "/screens/0/layout/children/0"
    inside = f"{here}/children/0"
    then, otherwise = (Branch(inside, "If", "${data.a}", case) for case in ("then", "else"))
    case = Branch(f"{inside}/then/1", "Switch", "${data.b}", "a/b")
    assert screen.components == (
        Component("Form", here, form),
        Component("If", inside, condition, form=here, parent="Form"),
        Component("TextBody", f"{inside}/then/0", yes, (then,), here, "If"),
        Component("Switch", f"{inside}/then/1", switch, (then,), here, "If"),
        Component("TextBody", f"{inside}/then/1/cases/a~1b/0", one, (then, case), here, "Switch"),
        Component("TextBody", f"{inside}/else/0", no, (otherwise,), here, "If"),
        Component("", f"{here}/children/1", {"name": "nameless"}, form=here, parent="Form"),
    )
    assert [component.name for component in screen.components] == ["form", "", "", "", "", "", "nameless"]


def test_actions_are_read_with_who_does_them_on_which_occasion() -> None:
    update = {"name": "update_data", "payload": {"a": 1}}
    dropdown = {
        "type": "Dropdown",
        "name": "size",
        "on-select-action": {"name": "data_exchange"},
        "data-source": [{"id": "1", "on-select-action": update, "on-unselect-action": {"name": 5}}, 5],
    }

    (screen,) = read_document(a_flow(a_screen("A", dropdown))).listed

    (component,) = screen.components
    assert screen.actions == (
        Action(
            "data_exchange",
            "/screens/0/layout/children/0/on-select-action",
            component,
            "on-select-action",
            {"name": "data_exchange"},
        ),
        Action(
            "update_data",
            "/screens/0/layout/children/0/data-source/0/on-select-action",
            component,
            "on-select-action",
            update,
        ),
    )
    assert [action.payload for action in screen.actions] == [{}, {"a": 1}]


def test_a_list_that_comes_with_the_data_does_what_its_example_does() -> None:
    items = [{"id": "1", **does("navigate", "END")}, {"id": "2", "on-click-action": {"name": "data_exchange"}}, 5]
    data = {"items": {"type": "array", "__example__": items}}
    component = {"type": "NavigationList", "name": "list", "list-items": "${data.items}"}

    screen = read_document(a_flow(a_screen("A", component, data=data), the_end())).screens["A"]

    assert screen.actions == ()
    assert [(action.name, action.next) for action in screen.given] == [("navigate", "END"), ("data_exchange", "")]
    assert (screen.does("data_exchange"), screen.navigates()) == (True, ("END",))


# Where a screen leads by itself

LINK = does("navigate", "END", kind="EmbeddedLink")


@pytest.mark.parametrize(
    "component",
    [
        pytest.param(does("navigate", "END"), id="Footer"),
        pytest.param(LINK, id="EmbeddedLink"),
        pytest.param(does("navigate", "END", kind="OptIn"), id="OptIn"),
        pytest.param({"type": "Form", "name": "form", "children": [LINK]}, id="in a Form"),
        pytest.param({"type": "If", "condition": "${data.x}", "then": [LINK]}, id="in If"),
        pytest.param({"type": "If", "condition": "${data.x}", "then": [], "else": [LINK]}, id="in Else"),
        pytest.param({"type": "Switch", "value": "${data.x}", "cases": {"a/b": [], "c": [LINK]}}, id="in Switch"),
        pytest.param(
            {"type": "Form", "children": [{"type": "If", "then": [{"type": "Switch", "cases": {"a": [LINK]}}]}]},
            id="deep inside",
        ),
        pytest.param(
            {"type": "NavigationList", "list-items": [{"id": "1", **does("navigate", "END")}]}, id="an item of a list"
        ),
        pytest.param(
            {"type": "Dropdown", "data-source": [{"id": "1", "on-select-action": LINK["on-click-action"]}]},
            id="an option",
        ),
        pytest.param({"type": "ChipsSelector", "on-unselect-action": LINK["on-click-action"]}, id="on unselecting"),
    ],
)
def test_a_screen_leads_where_any_of_its_components_does(component: dict[str, Any]) -> None:
    flow = read_document(a_flow(a_screen("START", component), the_end()))

    assert flow.screens["START"].navigates() == ("END",)
    assert flow.routing == {"START": ("END",), "END": ()}


def test_versions_are_numbers_and_no_fractions() -> None:
    """7.10 comes after 7.3, from which on what is navigated to opens no Flow."""
    screens = [
        a_screen("A", does("data_exchange")),
        a_screen("B", does("navigate", "A"), does("data_exchange")),
        the_end("C", "data_exchange"),
    ]
    routes = {"A": ["C"], "B": ["C"], "C": []}

    entries = {}
    for version in ("7.2", "7.3", "7.10"):
        flow = read_document({**a_flow(*screens, routing_model=routes), "version": version})
        entries[version] = flow.entries

    assert entries == {"7.2": ("A", "B"), "7.3": ("B",), "7.10": ("B",)}


def test_lists_that_lead_to_one_another_open_with_the_first_screen() -> None:
    screens = [
        a_screen(name, {"type": "NavigationList", "list-items": [{"id": "1", **does("navigate", to)}]})
        for name, to in (("A", "B"), ("B", "A"))
    ]

    assert read_document(a_flow(*screens)).entries == ("A",)


# Whatever comes


def sound_places(flow: FlowDocument, document: Any) -> bool:
    """Return whether everything that was read stands where it says."""
    pointers = [
        *(screen.pointer for screen in flow.listed),
        *(component.pointer for screen in flow.listed for component in screen.components),
        *(action.pointer for screen in flow.listed for action in screen.actions),
    ]
    return all(leads_somewhere(document, pointer) for pointer in pointers)


@settings(max_examples=200, deadline=None)
@given(document=mutated([SOUND, ASKING, read(FLOWS["purchase_interest"])]))
def test_a_damaged_flow_is_read_as_far_as_it_goes(document: Any) -> None:
    if isinstance(document, dict):
        flow = read_document(document)

        assert sound_places(flow, document)
        assert flow.routing.keys() == flow.screens.keys()
        assert all(name in flow.screens for targets in flow.routing.values() for name in targets)
        assert all(answer_type(screen.data, screen.required) for screen in flow.listed)


@settings(max_examples=100, deadline=None)
@given(document=json_values)
def test_any_json_object_is_read(document: Any) -> None:
    flow = read_document({"screens": document, "routing_model": document, "version": document})

    assert set(flow.entries) <= flow.screens.keys()
