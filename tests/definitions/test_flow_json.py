from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings

from definitions.flow_compiler import CompiledFlow, compile_flow
from definitions.flow_json import MAX_EDGES, MAX_SCREENS, looks_like_flow, read_flow
from definitions.screen_data import answer_type
from engine.errors import Problem
from engine.interpreter import Interpreter
from tests.definitions.documents import (
    FLOWS,
    SAMPLES,
    a_flow,
    a_screen,
    an_exchange,
    does,
    json_values,
    mutated,
    places_in,
    read,
    source_of,
    the_end,
)

SOUND = a_flow(a_screen("START", does("navigate", "END")), the_end())
ASKING = an_exchange({"FIRST": ["SECOND"], "SECOND": ["LAST"], "LAST": []})


def compiled(document: Any) -> CompiledFlow:
    return compile_flow("survey", source_of(document))


def found(document: Any, severity: str = "error") -> list[tuple[str, str]]:
    """Return where something is wrong with a Flow, and which rule it breaks."""
    return [(each.pointer, each.code) for each in compiled(document).problems if each.severity == severity]


# The whole


def test_a_flow_is_read() -> None:
    flow = read_flow(source_of(an_exchange({"FIRST": ["LAST"], "LAST": []}, FIRST={"refresh_on_back": True}))).flow

    assert flow is not None
    assert flow.version == (7, 3)
    assert flow.has_endpoint
    assert flow.routing == {"FIRST": ("LAST",), "LAST": ()}
    assert flow.entries == ("FIRST",)
    first, last = flow.screens.values()
    assert (first.id, first.pointer, first.title, first.refresh_on_back) == ("FIRST", "/screens/0", "First", True)
    assert (first.terminal, first.success, first.has_footer) == (False, True, True)
    assert (last.terminal, last.does("data_exchange"), last.does("complete")) == (True, True, False)


@pytest.mark.parametrize("title", ["${data.name}", "`'Hello ' ${data.name}`", None, 5])
def test_a_title_that_only_the_phone_knows_is_none(title: Any) -> None:
    flow = read_flow(source_of(a_flow(the_end(title=title)))).flow

    assert flow is not None
    assert flow.screens["END"].title == ""


@pytest.mark.parametrize(
    ("document", "is_flow"),
    [(SOUND, True), ({"screens": 5}, True), ({"states": {}}, False), ([{"screens": []}], False), ("screens", False)],
)
def test_a_flow_is_what_has_screens(document: Any, *, is_flow: bool) -> None:
    assert looks_like_flow(document) == is_flow


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
    flow = read_flow(source_of(a_flow(a_screen("START", component), the_end()))).flow

    assert flow is not None
    assert flow.screens["START"].navigates() == ("END",)
    assert flow.routing == {"START": ("END",), "END": ()}


@pytest.mark.parametrize(
    ("component", "pointer"),
    [
        pytest.param(does("navigate", "MOON"), "/on-click-action", id="plainly"),
        pytest.param(
            {"type": "Switch", "cases": {"a/b": [does("navigate", "MOON")]}},
            "/cases/a~1b/0/on-click-action",
            id="in a case",
        ),
        pytest.param(
            {"type": "If", "then": [does("navigate", "END")], "else": [does("navigate", "MOON")]},
            "/else/0/on-click-action",
            id="in Else",
        ),
        pytest.param(
            {"type": "NavigationList", "list-items": [{"on-click-action": {"name": "navigate"}}]},
            "/list-items/0/on-click-action",
            id="nowhere",
        ),
    ],
)
def test_where_a_screen_leads_must_be_there(component: dict[str, Any], pointer: str) -> None:
    document = a_flow(a_screen("START", does("navigate", "END"), component), the_end())

    assert found(document) == [
        (f"/screens/0/layout/children/1{pointer}", "INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME"),
    ]


# The structure


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


ODD_VERSIONS: list[Any] = [
    7.3, "7", "7.", "7.3.1", "v7.3", "", "7.333", "0.0", "\u0667.3", "9" * 5000 + ".1", None, [7, 3]
]  # fmt: skip
ODD_API_VERSIONS: list[Any] = ["2.0", 3.0, None, []]
LONE = an_exchange({"A": []})


def with_data(data: Any) -> dict[str, Any]:
    return a_flow(the_end(data=data))


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        pytest.param([], ("", "INVALID_FLOW_JSON"), id="no object"),
        pytest.param(without(SOUND, "version"), ("", "MISSING_FLOW_JSON_VERSION"), id="no version"),
        *(
            pytest.param({**SOUND, "version": version}, ("/version", "INVALID_FLOW_JSON_VERSION"), id=repr(version)[:9])
            for version in ODD_VERSIONS
        ),
        pytest.param({**SOUND, "a/b": 1}, ("/a~1b", "INVALID_PROPERTY_KEY"), id="a property nobody knows"),
        pytest.param({**SOUND, "data_channel_uri": ""}, ("/data_channel_uri", "INVALID_PROPERTY_KEY"), id="since 3"),
        pytest.param(without(LONE, "routing_model"), ("", "MISSING_REQUIRED_PROPERTY"), id="no routing model"),
        pytest.param({**LONE, "routing_model": []}, ("/routing_model", "INVALID_PROPERTY_TYPE"), id="no object"),
        *(
            pytest.param({**LONE, "data_api_version": api}, ("/data_api_version", "INVALID_DATA_API_VERSION"))
            for api in ODD_API_VERSIONS
        ),
        pytest.param(without(SOUND, "screens"), ("", "MISSING_REQUIRED_PROPERTY"), id="no screens"),
        pytest.param({**SOUND, "screens": {}}, ("/screens", "INVALID_PROPERTY_TYPE"), id="screens in an object"),
        pytest.param(a_flow(), ("/screens", "MIN_ITEMS_REQUIRED"), id="not one screen"),
        pytest.param({**SOUND, "screens": [the_end(), 5]}, ("/screens/1", "INVALID_PROPERTY_TYPE"), id="no screen"),
        pytest.param(a_flow(the_end(), {"layout": {}}), ("/screens/1", "MISSING_REQUIRED_PROPERTY"), id="no id"),
        pytest.param(a_flow(the_end(), the_end()), ("/screens/1/id", "DUPLICATE_SCREEN_IDS"), id="an id twice"),
        pytest.param(a_flow(the_end("SUCCESS")), ("/screens/0/id", "SCREEN_ID_IS_RESERVED_KEYWORD"), id="SUCCESS"),
        pytest.param(a_flow(the_end("success")), ("/screens/0/id", "SCREEN_ID_IS_RESERVED_KEYWORD"), id="success"),
        *(
            pytest.param(a_flow(the_end(name)), ("/screens/0/id", "PATTERN_MISMATCH"), id=f"id {name!r}")
            for name in ("", "A_1", "A-B", "A B", "É", "A\n")
        ),
        pytest.param(a_flow(the_end(colour=1)), ("/screens/0/colour", "INVALID_PROPERTY_KEY"), id="screen's property"),
        pytest.param(with_data([]), ("/screens/0/data", "INVALID_SCREEN_DATA"), id="data in a list"),
        pytest.param(with_data({"a": 5}), ("/screens/0/data/a", "INVALID_SCREEN_DATA"), id="data without a type"),
        pytest.param(with_data({"a": {"type": "null"}}), ("/screens/0/data/a", "INVALID_SCREEN_DATA"), id="null"),
        pytest.param(with_data({"a/b": {"type": []}}), ("/screens/0/data/a~1b", "INVALID_SCREEN_DATA"), id="odd type"),
        pytest.param(
            with_data({"required": "a"}), ("/screens/0/data/required", "INVALID_SCREEN_DATA"), id="odd required"
        ),
        pytest.param(
            with_data({"required": {}}), ("/screens/0/data/required", "INVALID_SCREEN_DATA"), id="data called required"
        ),
        pytest.param(
            with_data({"a": {"type": "array", "items": {"type": "x"}}}),
            ("/screens/0/data/a/items", "INVALID_SCREEN_DATA"),
            id="odd items",
        ),
        pytest.param(
            with_data({"a": {"type": "object", "properties": 5}}),
            ("/screens/0/data/a/properties", "INVALID_SCREEN_DATA"),
            id="odd properties",
        ),
        pytest.param(
            with_data({"a": {"type": "object", "properties": {"b": {}}, "required": []}}),
            ("/screens/0/data/a/properties/b", "INVALID_SCREEN_DATA"),
            id="an odd property",
        ),
        pytest.param(
            with_data({"a": {"type": "object", "properties": {"b": {"type": "string"}}, "required": 5}}),
            ("/screens/0/data/a/required", "INVALID_SCREEN_DATA"),
            id="odd required inside",
        ),
        pytest.param(a_flow(a_screen("A", does("complete"))), ("/screens", "MISSING_TERMINAL_SCREEN"), id="no end"),
        pytest.param(
            a_flow(a_screen("A", terminal=True)), ("/screens/0", "MISSING_FOOTER_ON_TERMINAL_SCREEN"), id="no Footer"
        ),
        pytest.param(
            a_flow(the_end("A", "data_exchange")),
            ("/screens/0/layout/children/0/on-click-action", "MISSING_REQUIRED_PROPERTY"),
            id="asking no endpoint",
        ),
    ],
)  # fmt: skip
def test_a_problem_says_where_it_is_and_which_rule_it_breaks(document: Any, problem: tuple[str, str]) -> None:
    assert found(document) == [problem]


@pytest.mark.parametrize("name", ["not_opened", "completed", "expired", "abandoned"])
def test_a_screen_is_not_called_like_a_state_of_ours(name: str) -> None:
    assert ("/screens/0", "DUPLICATE_STATE") in found(a_flow(the_end(name)))


@pytest.mark.parametrize("layout", [None, 5, []])
def test_a_screen_has_a_layout(layout: Any) -> None:
    document = a_flow({"id": "A", "terminal": True, "layout": layout}, the_end())

    assert ("/screens/0", "MISSING_REQUIRED_PROPERTY") in found(document)


def test_before_3_0_the_endpoints_address_stands_in_the_document() -> None:
    assert found({**SOUND, "version": "2.1", "data_channel_uri": "https://example.com"}) == []


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
        flow = read_flow(source_of({**a_flow(*screens, routing_model=routes), "version": version})).flow
        assert flow is not None
        entries[version] = flow.entries

    assert entries == {"7.2": ("A", "B"), "7.3": ("B",), "7.10": ("B",)}


@pytest.mark.parametrize("count", [MAX_SCREENS, MAX_SCREENS + 1])
def test_a_flow_has_only_so_many_screens(count: int) -> None:
    names = ["".join("ABCDEFGHIJ"[int(digit)] for digit in f"{index:03}") for index in range(count)]
    screens = [a_screen(name, does("navigate", following)) for name, following in pairwise(names)]

    assert found(a_flow(*screens, the_end(names[-1]))) == (
        [("/screens", "MAX_SCREENS_NUMBER")] if count > MAX_SCREENS else []
    )


def test_everything_wrong_is_told_at_once_in_the_order_of_its_places() -> None:
    document = {
        "colour": 1,
        "screens": [a_screen("A1", does("navigate", "MOON")), 5, {"id": "B", "size": 2}],
    }

    assert found(document) == sorted(found(document))
    assert {code for _, code in found(document)} == {
        "MISSING_FLOW_JSON_VERSION", "INVALID_PROPERTY_KEY", "PATTERN_MISMATCH", "INVALID_PROPERTY_TYPE",
        "MISSING_REQUIRED_PROPERTY", "MISSING_TERMINAL_SCREEN", "INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME",
        "INVALID_ROUTING_MODEL",
    }  # fmt: skip


# Routes

ROUTING = "INVALID_ROUTING_MODEL"


def routed(routes: Any, *navigating: tuple[str, str]) -> dict[str, Any]:
    """Return a Flow A, B, C with an endpoint and these routes; C is its end."""
    screens = [
        a_screen(name, does("data_exchange"), *(does("navigate", to) for start, to in navigating if start == name))
        for name in ("A", "B")
    ]
    return a_flow(*screens, the_end("C", "data_exchange"), routing_model=routes)


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        pytest.param(routed({"A": ["B"], "B": ["C"], "C": []}), [], id="sound"),
        pytest.param(routed({"A": ["B"], "B": ["C"]}), [], id="a last screen need not be a key, as in Meta's own"),
        pytest.param(
            routed({"A": ["B"], "B": ["C"], "C": [], "D": []}), [("/routing_model/D", ROUTING)], id="no such screen"
        ),
        pytest.param(
            routed({"A": ["B", "D"], "B": ["C"]}), [("/routing_model/A/1", ROUTING)], id="to no such screen"
        ),
        pytest.param(routed({"A": ["B", 5], "B": ["C"]}), [("/routing_model/A/1", ROUTING)], id="to what is no name"),
        pytest.param(
            routed({"A": ["B"], "B": ["C"], "C": "A"}),
            [("/routing_model/C", "INVALID_PROPERTY_TYPE")],
            id="no list",
        ),
        pytest.param(routed({"A": ["B"], "B": ["B", "C"]}), [("/routing_model/B/0", ROUTING)], id="to itself"),
        pytest.param(
            routed({"A": ["B"], "B": ["A", "C"]}),
            [("/routing_model", ROUTING), ("/routing_model/A/0", ROUTING), ("/routing_model/B/0", ROUTING)],
            id="to and fro, and so nowhere to begin",
        ),
        pytest.param(routed({"A": ["B"], "B": [], "C": []}), [("/screens/2", ROUTING)], id="not joined to the rest"),
        pytest.param(routed({"A": ["C"], "B": ["C"]}), [], id="two entries, joined by what they lead to"),
        pytest.param(routed({"A": ["B"], "B": ["C"]}, ("B", "A")), [("/routing_model", ROUTING)], id="to the entry"),
        pytest.param(
            routed({"A": ["B"], "B": ["C"]}, ("A", "C")),
            [("/screens/0/layout/children/1/on-click-action", ROUTING)],
            id="navigating where no route is",
        ),
        pytest.param(
            routed({"A": ["B"], "B": ["C"]}, ("B", "B")),
            [("/screens/1/layout/children/1/on-click-action", ROUTING)],
            id="navigating to itself",
        ),
        pytest.param(
            a_flow(a_screen("A", does("navigate", "A"), does("navigate", "END")), the_end()),
            [("/screens/0/layout/children/0/on-click-action", ROUTING)],
            id="navigating to itself without an endpoint",
        ),
        pytest.param(
            a_flow(a_screen("A", does("navigate", "B")), the_end("B"), the_end("C")),
            [("/screens/2", ROUTING)],
            id="not joined, without an endpoint",
        ),
        pytest.param(
            a_flow(a_screen("A", does("navigate", "B")), a_screen("B", does("navigate", "A")), the_end("C")),
            [("/screens/0", "UNREACHABLE_STATE"), ("/screens/1", "UNREACHABLE_STATE"), ("/screens/2", ROUTING)],
            id="a round that nothing leads into",
        ),
    ],
)  # fmt: skip
def test_routes_keep_metas_rules(document: Any, problems: list[tuple[str, str]]) -> None:
    assert found(document) == problems


@pytest.mark.parametrize("count", [MAX_EDGES, MAX_EDGES + 1])
def test_a_screen_leads_to_only_so_many_others(count: int) -> None:
    names = ["ABCDEFGHIJKL"[index] for index in range(count)]

    assert found(an_exchange({"START": names, **{name: [] for name in names}})) == (
        [("/routing_model", ROUTING)] if count > MAX_EDGES else []
    )


def test_a_flow_that_nothing_can_open_has_no_definition() -> None:
    document = a_flow(a_screen("A", does("navigate", "B")), the_end("B", "navigate"))
    document["screens"][1]["layout"]["children"].append(does("navigate", "A", kind="EmbeddedLink"))

    assert compiled(document).definition is None
    assert ("/screens", ROUTING) in found(document)


@pytest.mark.parametrize(
    ("document", "warnings"),
    [
        pytest.param(ASKING, [], id="none"),
        pytest.param(
            a_flow(a_screen("A", does("navigate", "TERMS"), does("navigate", "END")), a_screen("TERMS"), the_end()),
            [("/screens/1", ROUTING)],
            id="only back leads out",
        ),
        pytest.param(
            an_exchange({"A": ["B"], "B": ["C"], "C": ["D"], "D": ["B", "E"], "E": []}),
            [("/screens/1", ROUTING), ("/screens/2", ROUTING), ("/screens/3", ROUTING)],
            id="round and round",
        ),
    ],
)
def test_what_metas_own_examples_do_against_a_rule_is_a_warning(document: Any, warnings: list[tuple[str, str]]) -> None:
    assert found(document, "warning") == warnings
    assert found(document) == []


# Whatever comes


@settings(max_examples=100, deadline=None)
@given(document=json_values)
def test_any_json_is_answered_with_problems(document: Any) -> None:
    result = compiled(document)

    assert result.definition is None
    assert result.problems
    assert all(isinstance(problem, Problem) for problem in result.problems)


@settings(max_examples=200, deadline=None)
@given(document=mutated([SOUND, ASKING, read(FLOWS["purchase_interest"])]))
def test_a_damaged_flow_is_answered_and_one_without_an_error_can_run(document: Any) -> None:
    result = compiled(document)

    pointers = {
        "".join(f"/{str(name).replace('~', '~0').replace('/', '~1')}" for name in place)
        for place in places_in(document)
    }
    assert {problem.pointer for problem in result.problems} <= pointers
    if not [problem for problem in result.problems if problem.severity == "error"]:
        assert result.definition is not None
        assert result.flow is not None
        Interpreter(result.definition, {"goes_to": lambda *_: True, "came_from": lambda *_: True})
        for screen in result.flow.screens.values():
            answer_type(screen.data)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"screens": "\\ud800"}', b"[" * 100, b"NaN", b"9" * 5000])
def test_what_is_no_json_is_told(text: bytes) -> None:
    result = compile_flow("survey", text)

    assert (result.definition, result.flow) == (None, None)
    assert [(problem.pointer, problem.code) for problem in result.problems] == [("", "INVALID_FLOW_JSON")]


# What others published


def samples(folder: str) -> list[Any]:
    found = sorted(path for path in (SAMPLES / folder).glob("*.json") if not path.name.endswith(".expected.json"))
    no_samples = pytest.mark.skip(reason="there are no samples: set WAYSTATE_SAMPLES to a folder that has some")
    return [pytest.param(path, id=path.stem) for path in found] or [pytest.param(None, marks=no_samples)]


@pytest.mark.parametrize("path", samples("flows"))
def test_what_meta_publishes_compiles(path: Any) -> None:
    result = compile_flow("survey", path.read_bytes())

    assert result.definition is not None
    assert {problem.severity for problem in result.problems} <= {"warning"}


STRUCTURE = {"MIN_ITEMS_REQUIRED", "MISSING_REQUIRED_PROPERTY", "MISSING_FOOTER_ON_TERMINAL_SCREEN"}
"""The documented codes of the samples that are about structure, not about what components may do."""


@pytest.mark.parametrize("path", samples("invalid"))
def test_what_meta_refuses_for_its_structure_is_refused_with_the_documented_code(path: Any) -> None:
    documented = set(read(path.with_suffix(".expected.json"))["error"])

    codes = {problem.code for problem in compile_flow("survey", path.read_bytes()).problems}

    assert bool(codes & documented) == bool(STRUCTURE & documented)
