from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.flow_json.checks import placement
from definitions.flow_json.checks.placement import at_once
from definitions.flow_json.document import read_document
from definitions.flow_json.examples import DONE, complete, component, flow, footer, last, navigate, screen, text
from definitions.flow_json.examples import text_input as field
from definitions.flow_json.rule import RULES
from tests.definitions.documents import json_values, leads_somewhere, mutated

TOP = "/screens/0/layout/children"
LINK = component("EmbeddedLink", text="Go", on_click_action=navigate("LAST"))
IMAGE = component("Image", src="iVBORw0KGgo=")
CAROUSEL = component("ImageCarousel", images=[{"src": "iVBORw0KGgo=", "alt-text": "A tree"}])
TERMS = component("RichText", text="Be kind.")
ELSE = "else"


def found(document: Any) -> list[tuple[str, str, str]]:
    """Return what the check finds in a document: places, codes and how grave they are."""
    return sorted((each.pointer, each.code, each.severity) for each in placement.problems(read_document(document)))


def errors(*places: tuple[str, str]) -> list[tuple[str, str, str]]:
    return sorted((TOP + pointer, code, "error") for pointer, code in places)


def shown(*children: Any, version: str = "7.3", **more: Any) -> Any:
    return flow(screen("LAST", *children, **more), version=version)


def either(then: list[Any], otherwise: list[Any] | None = None) -> Any:
    more = {} if otherwise is None else {ELSE: otherwise}
    return component("If", condition="${data.is_open}", then=then, **more)


def chosen(**cases: list[Any]) -> Any:
    return component("Switch", value="${data.size}", cases=cases)


def form(*children: Any) -> Any:
    return component("Form", name="form", children=list(children))


# How many


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        pytest.param([LINK, LINK, LINK, LINK], [("/2", "MAX_EMBEDDED_LINK_PER_SCREEN")], id="said once"),
        pytest.param([LINK, form(LINK, LINK)], [("/1/children/1", "MAX_EMBEDDED_LINK_PER_SCREEN")], id="in a Form"),
        pytest.param([LINK, either([LINK], [LINK])], [], id="one of two branches"),
        pytest.param(
            [either([LINK, LINK], [LINK]), LINK], [("/1", "MAX_EMBEDDED_LINK_PER_SCREEN")], id="after the fuller branch"
        ),
        pytest.param(
            [either([LINK], [text(), LINK, LINK, LINK])],
            [("/0/else/3", "MAX_EMBEDDED_LINK_PER_SCREEN")],
            id="in one branch",
        ),
        pytest.param([chosen(a=[LINK, LINK], b=[LINK, LINK])], [], id="one of two cases"),
        pytest.param([IMAGE] * 4, [("/3", "MAX_IMAGE_PER_SCREEN")], id="images"),
        pytest.param(
            [component("OptIn", name=name, label="Yes") for name in "abcdef"],
            [("/5", "MAX_OPT_IN_PER_SCREEN")],
            id="opt-ins",
        ),
        pytest.param([CAROUSEL] * 3, [("/2", "COMPONENT_TYPE_MAX_NUMBER_PER_SCREEN")], id="carousels"),
        pytest.param(
            [component("PhotoPicker", name="a", label="A"), component("PhotoPicker", name="b", label="B")],
            [("/1", "COMPONENT_TYPE_MAX_NUMBER_PER_SCREEN")],
            id="two pickers of a kind",
        ),
        pytest.param(
            [component("DocumentPicker", name="a", label="A"), component("PhotoPicker", name="b", label="B")],
            [("/1", "COMPONENT_TYPE_MAX_NUMBER_PER_SCREEN")],
            id="a picker of either kind",
        ),
        pytest.param([DONE, DONE], [("/1", "MAX_FOOTER_PER_SCREEN")], id="footers"),
        pytest.param([either([DONE], [DONE]), DONE], [("/1", "MORE_THAN_ONE_FOOTER")], id="a footer behind an If"),
        pytest.param(
            [DONE, either([DONE], [DONE])],
            [("/1/then/0", "MORE_THAN_ONE_FOOTER")],
            id="a footer before an If",
        ),
        pytest.param([either([DONE], [DONE])], [], id="a footer in each branch"),
    ],
)
def test_there_are_only_so_many_at_once(children: list[Any], expected: list[tuple[str, str]]) -> None:
    assert found(shown(*children)) == errors(*expected)


@pytest.mark.parametrize(("version", "count"), [("6.3", 0), ("7.0", 1), ("9.9", 1), ("seven", 1)])
def test_from_7_0_on_there_is_one_form(version: str, count: int) -> None:
    document = shown(form(field("a")), form(field("b")), version=version)

    assert found(document) == errors(("/1", "COMPONENT_TYPE_MAX_NUMBER_PER_SCREEN")) * count


def test_a_flow_has_three_carousels() -> None:
    document = flow(screen("A", CAROUSEL, CAROUSEL), screen("B", CAROUSEL), screen("C", CAROUSEL))

    assert found(document) == [("/screens/2/layout/children/0", "INVALID_PROPERTY_VALUE", "error")]


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        pytest.param([text()] * 50, [], id="as many as Meta's page allows"),
        pytest.param([text()] * 51, [(f"{TOP}/50", "MAX_ALLOWED_COMPONENTS_PER_SCREEN", "warning")], id="more"),
        pytest.param([text()] * 100, [(f"{TOP}/50", "MAX_ALLOWED_COMPONENTS_PER_SCREEN", "warning")], id="a hundred"),
        pytest.param([text()] * 101, [(f"{TOP}/100", "MAX_ALLOWED_COMPONENTS_PER_SCREEN", "error")], id="more still"),
        pytest.param([form(*[text()] * 50)], [], id="the Form does not count"),
        pytest.param(
            [either([text()] * 25, [text()] * 25)],
            [(f"{TOP}/0/else/24", "MAX_ALLOWED_COMPONENTS_PER_SCREEN", "warning")],
            id="both branches count, and so does the If",
        ),
    ],
)
def test_a_screen_has_only_so_many_components(children: list[Any], expected: Any) -> None:
    assert found(shown(*children)) == expected


def test_what_can_be_shown_at_once_is_counted_over_branches() -> None:
    document = shown(
        LINK,
        either([LINK, either([LINK, LINK], [LINK])], [chosen(a=[], b=[LINK, LINK])]),
        LINK,
    )
    [only] = read_document(document).listed

    assert [(rank, each.pointer.removeprefix(TOP)) for rank, each in at_once(only.of_type("EmbeddedLink"))] == [
        (1, "/0"),
        (2, "/1/then/0"),
        (3, "/1/then/1/then/0"),
        (4, "/1/then/1/then/1"),
        (3, "/1/then/1/else/0"),
        (2, "/1/else/0/cases/b/0"),
        (3, "/1/else/0/cases/b/1"),
        (5, "/2"),
    ]


# Company


@pytest.mark.parametrize(
    ("children", "version", "expected"),
    [
        pytest.param([TERMS], "5.1", [], id="alone"),
        pytest.param([TERMS, TERMS], "5.1", [], id="with its like"),
        pytest.param([TERMS, DONE], "6.3", [], id="with a Footer"),
        pytest.param([TERMS, DONE], "6.2", [("/0", "INVALID_RICHTEXT_PLACEMENT")], id="with a Footer too early"),
        pytest.param([text(), TERMS], "7.3", [("/1", "INVALID_RICHTEXT_PLACEMENT")], id="with a text"),
        pytest.param([form(TERMS)], "7.3", [("/0/children/0", "INVALID_RICHTEXT_PLACEMENT")], id="in a Form"),
    ],
)
def test_a_rich_text_keeps_to_itself(children: list[Any], version: str, expected: list[tuple[str, str]]) -> None:
    assert found(shown(*children, version=version)) == errors(*expected)


LIST = component("NavigationList", name="shirts", list_items=[{"id": "a", "main-content": {"title": "Shirt"}}])


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        pytest.param([LIST, LIST], [], id="with its like"),
        pytest.param([LIST, LIST, LIST], [("/2", "COMPONENT_TYPE_MAX_NUMBER_PER_SCREEN")], id="too often"),
        pytest.param([LIST, DONE], [("/0", "INVALID_COMPONENT_PLACEMENT")], id="with a Footer"),
        pytest.param([either([LIST])], [("/0/then/0", "INVALID_COMPONENT_PLACEMENT")], id="in an If"),
    ],
)
def test_a_navigation_list_keeps_to_itself(children: list[Any], expected: list[tuple[str, str]]) -> None:
    assert found(shown(*children)) == errors(*expected)


def test_a_navigation_list_is_on_no_terminal_screen() -> None:
    assert found(shown(LIST, terminal=True)) == [("/screens/0/terminal", "INVALID_PROPERTY_KEY", "error")]


# Containers


@pytest.mark.parametrize(
    ("child", "version", "expected"),
    [
        pytest.param(form(form()), "6.3", ["/0/children/0"], id="a Form in a Form"),
        pytest.param(either([form()]), "7.3", ["/0/then/0"], id="a Form in an If"),
        pytest.param(chosen(a=[either([text()])]), "7.3", ["/0/cases/a/0"], id="an If in a Switch"),
        pytest.param(chosen(a=[chosen(a=[])]), "7.3", ["/0/cases/a/0"], id="a Switch in a Switch"),
        pytest.param(either([chosen(a=[])]), "7.3", [], id="a Switch in an If"),
        pytest.param(form(either([text()]), chosen(a=[])), "7.3", [], id="both in a Form"),
        pytest.param(either([component("CalendarPicker", name="day")]), "7.3", ["/0/then/0"], id="a calendar in an If"),
        pytest.param(either([component("PhotoPicker", name="it")]), "7.3", ["/0/then/0"], id="a picker in an If"),
        pytest.param(either([component("ChipsSelector", name="it")]), "7.0", ["/0/then/0"], id="chips too early"),
        pytest.param(either([component("ChipsSelector", name="it")]), "7.1", [], id="chips"),
        pytest.param(either([component("ChipsSelector", name="it")]), "6.2", [], id="chips unknown, another fault"),
        pytest.param(form(component("Map", name="it")), "7.3", [], id="an unknown one, another fault"),
        pytest.param(component("Map", children=[form()]), "7.3", [], id="in an unknown one, another fault"),
    ],
)
def test_a_container_holds_what_it_may(child: Any, version: str, expected: list[str]) -> None:
    assert found(shown(child, version=version)) == errors(*((each, "INVALID_COMPONENT_PLACEMENT") for each in expected))


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        pytest.param(either([either([either([text()])])]), [], id="three"),
        pytest.param(
            either(
                [either([either([either([either([text()])])])])],
            ),
            [("/0/then/0/then/0/then/0", "MAXIMUM_IF_NESTING")],
            id="five, said once",
        ),
        pytest.param(
            either([text()], [either([text()], [either([text()], [either([text()])])])]),
            [("/0/else/0/else/0/else/0", "MAXIMUM_IF_NESTING")],
            id="four on the other side",
        ),
        pytest.param(either([]), [("/0/then", "INVALID_PROPERTY_VALUE")], id="nothing then"),
        pytest.param(either([text()], []), [], id="nothing else"),
        pytest.param(component("If", condition="${data.is_open}"), [], id="no then, another fault"),
        pytest.param(chosen(), [("/0/cases", "EMPTY_SWITCH_CASES")], id="no cases"),
        pytest.param(component("Switch", value="${data.size}"), [], id="cases missing, another fault"),
        pytest.param(
            component("Switch", value="${data.size}", cases={"a/b": [], "1st": [], "": [], "a-1_B": []}),
            [
                ("/0/cases/a~1b", "PROPERTY_NAME_MISMATCH"),
                ("/0/cases/1st", "PROPERTY_NAME_MISMATCH"),
                ("/0/cases/", "PROPERTY_NAME_MISMATCH"),
            ],
            id="names of cases",
        ),
    ],
)
def test_conditions_are_well_formed(child: Any, expected: list[tuple[str, str]]) -> None:
    assert found(shown(child)) == errors(*expected)


# Forms


@pytest.mark.parametrize(
    ("children", "version", "expected"),
    [
        pytest.param([field()], "3.1", [("/0", "KEYWORD_ONE_OF")], id="no Form before 4.0"),
        pytest.param([field(), form(field("b"))], "2.1", [("/0", "KEYWORD_ONE_OF")], id="beside the Form before 4.0"),
        pytest.param([form(field())], "3.1", [], id="in the Form"),
        pytest.param([text(), LINK, form(field()), DONE], "3.1", [], id="what takes no input"),
        pytest.param([field()], "4.0", [], id="no Form"),
        pytest.param([field(), form(field("b"))], "4.0", [("/0", "COMPONENTS_OUTSIDE_FORM")], id="beside the Form"),
        pytest.param(
            [either([field()]), form()], "4.0", [("/0/then/0", "COMPONENTS_OUTSIDE_FORM")], id="in an If beside it"
        ),
        pytest.param([form(either([field()]))], "4.0", [], id="in an If in the Form"),
    ],
)
def test_inputs_stand_in_a_form(children: list[Any], version: str, expected: list[tuple[str, str]]) -> None:
    assert found(shown(*children, version=version)) == errors(*expected)


# Footers in branches

NO_IF, NO_SWITCH = "MISSING_FOOTER_IN_IF_ELSE_BRANCHES", "MISSING_FOOTER_IN_SWITCH_BRANCHES"


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        pytest.param(either([DONE]), [("/0", NO_IF)], id="no else"),
        pytest.param(either([DONE], [text()]), [("/0/else", NO_IF)], id="none in else"),
        pytest.param(either([text()], [DONE]), [("/0/then", NO_IF)], id="none in then"),
        pytest.param(component("If", condition="${data.a}", **{ELSE: [DONE]}), [("/0", NO_IF)], id="no then"),
        pytest.param(either([text(), DONE], [DONE]), [], id="in both"),
        pytest.param(form(either([DONE], [DONE])), [], id="in both, in a Form"),
        pytest.param(
            chosen(a=[DONE], b=[], c=[text()]), [("/0/cases/b", NO_SWITCH), ("/0/cases/c", NO_SWITCH)], id="cases"
        ),
        pytest.param(chosen(a=[DONE], b=[DONE]), [], id="in all cases"),
    ],
)
def test_a_footer_in_one_branch_is_in_all(child: Any, expected: list[tuple[str, str]]) -> None:
    assert found(shown(child)) == errors(*expected)


def test_a_footer_deeper_in_an_if_is_advised_against() -> None:
    document = shown(either([DONE], [either([DONE], [DONE])]))

    assert found(document) == [
        (f"{TOP}/0/else/0/else/0", "INVALID_COMPONENT_PLACEMENT", "warning"),
        (f"{TOP}/0/else/0/then/0", "INVALID_COMPONENT_PLACEMENT", "warning"),
    ]


def test_a_footer_in_what_is_neither_if_nor_switch_is_another_fault() -> None:
    odd = [{"type": "Switch", "then": [DONE]}, {"type": "If", "cases": {"a": [DONE], "b": []}}]

    assert [each[1] for each in found(shown(*odd))] == ["MORE_THAN_ONE_FOOTER"]


# Whatever comes

OWN = [rule.breaks for rule in RULES.values() if isinstance(rule.breaks, dict)]


@settings(max_examples=150, deadline=None)
@given(document=mutated(OWN) | json_values)
def test_any_document_is_judged_and_every_place_is_in_it(document: Any) -> None:
    if isinstance(document, dict):
        for each in placement.problems(read_document(document)):
            assert leads_somewhere(document, each.pointer)
            assert RULES[each.rule].code == each.code


@settings(deadline=None)
@given(value=st.text(min_size=50, max_size=500))
def test_no_message_repeats_a_long_value(value: str) -> None:
    children = [component("Switch", value=value, cases={value: [DONE], value + "a": []}), field(value), form()]
    document = flow(screen(value, LIST, *children, terminal=True))

    assert all(value not in each.message for each in placement.problems(read_document(document)))


branching = st.recursive(
    st.just(LINK),
    lambda inner: st.builds(either, st.lists(inner, max_size=3), st.lists(inner, max_size=3)),
    max_leaves=12,
)


def most_at_once(children: list[Any]) -> int:
    """Return how many links can be shown at once: each path, one after the other."""
    return sum(
        max(most_at_once(each["then"]), most_at_once(each[ELSE])) if each["type"] == "If" else 1 for each in children
    )


@settings(max_examples=150, deadline=None)
@given(children=st.lists(branching, max_size=4))
def test_the_largest_rank_is_the_fullest_path(children: list[Any]) -> None:
    [only] = read_document(shown(*children)).listed

    ranks = [rank for rank, _ in at_once(only.of_type("EmbeddedLink"))]

    assert max(ranks, default=0) == most_at_once(children)


def test_a_screen_that_keeps_to_all_of_it_has_nothing_found() -> None:
    answers = footer(complete(name="${form.first_name}"))

    assert found(flow(screen("ASK", form(text(), IMAGE, field(), answers), terminal=True), last(TERMS))) == []
