from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.flow_json.checks import routing
from definitions.flow_json.document import read_document
from definitions.flow_json.examples import (
    asking,
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
)
from definitions.flow_json.rule import RULES
from definitions.flow_json.table import MAX_EDGES
from tests.definitions.documents import json_values, leads_somewhere, mutated

ROUTING = "INVALID_ROUTING_MODEL"


def found(document: Any) -> list[tuple[str, str, str]]:
    """Return what the check finds in a document: places, codes and how grave they are."""
    return sorted((each.pointer, each.code, each.severity) for each in routing.problems(read_document(document)))


def errors(*pointers: str) -> list[tuple[str, str, str]]:
    return [(pointer, ROUTING, "error") for pointer in pointers]


def warnings(*pointers: str, code: str = ROUTING) -> list[tuple[str, str, str]]:
    return [(pointer, code, "warning") for pointer in pointers]


def link(to: str) -> Any:
    return component("EmbeddedLink", text="Go", on_click_action=navigate(to))


EITHER = component("If", condition="${data.is_open}", then=[link("B")], **{"else": [go_to("B")]})
BY_CASE = component("Switch", value="${data.size}", cases={"small": [link("B")], "large": [text()]})


def items(*targets: str) -> Any:
    """Return a NavigationList whose items lead to *targets*."""
    return component(
        "NavigationList",
        name="list",
        list_items=[{"id": to, "main-content": {"title": to}, "on-click-action": navigate(to)} for to in targets],
    )


def routed(routes: Any, *navigating: tuple[str, str], version: str = "7.3", **more: Any) -> dict[str, Any]:
    """Return a Flow A, B, C with these routes and, unless *more* says otherwise, an endpoint; C is its end."""
    links = {name: [link(to) for start, to in navigating if start == name] for name in "ABC"}
    screens = [screen(name, *links[name], footer(exchange())) for name in "AB"]
    return flow(
        *screens,
        last(*links["C"], id="C"),
        version=version,
        **{"data_api_version": "3.0", "routing_model": routes} | more,
    )


FORWARD = {"A": ["B"], "B": ["C"], "C": []}


# The routing model


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        pytest.param(routed(FORWARD), [], id="sound"),
        pytest.param(routed({"A": ["C"], "B": ["C"], "C": []}), [], id="two first screens"),
        pytest.param(
            routed({"A": ["B"], "B": ["C"]}), warnings("/screens/2/id"), id="a last screen is no key, as in Meta's own"
        ),
        pytest.param(routed({"A": ["B", "C"]}), warnings("/screens/1", "/screens/1/id", "/screens/2/id"), id="two are"),
        pytest.param(
            routed({**FORWARD, "D/E": []}), errors("/routing_model/D~1E"), id="a key that is no screen"
        ),
        pytest.param(
            routed({**FORWARD, "A": ["B", "D"]}), errors("/routing_model/A/1"), id="a target that is no screen"
        ),
        pytest.param(
            routed({**FORWARD, "D": ["E"]}), errors("/routing_model/D", "/routing_model/D/0"), id="neither is one"
        ),
        pytest.param(
            routed({**FORWARD, "A": ["B", 5, None, ["C"]], "B": ["C"]}), [], id="what is no text, another fault"
        ),
        pytest.param(
            routed({"A": ["B"], "B": "C", "C": []}),
            [*warnings("/screens/0", "/screens/1"), *errors("/screens/2")],
            id="what is no list leads nowhere",
        ),
        pytest.param(routed({**FORWARD, "B": ["B", "C"]}), errors("/routing_model/B/0"), id="to itself"),
        pytest.param(routed({**FORWARD, "C": ["B"]}), errors("/routing_model/C/0"), id="back"),
        pytest.param(
            routed({"A": ["B"], "B": ["A", "C"], "C": []}), errors("/routing_model", "/routing_model/B/0"),
            id="back to the first, and so nowhere to begin",
        ),
        pytest.param(
            routed({**FORWARD, "A": ["B", "B"]}), warnings("/routing_model/A/1", code="DUPLICATE_ROUTE"), id="twice"
        ),
        pytest.param(
            routed({"A": ["B"], "B": [], "C": []}),
            [*warnings("/screens/0", "/screens/1"), *errors("/screens/2")],
            id="the end is not joined",
        ),
        pytest.param(
            routed({"A": ["C"], "C": []}), [*warnings("/screens/1"), *errors("/screens/1/id")], id="one is missing"
        ),
        pytest.param(
            routed({"A": ["B"], "B": []}),
            [*warnings("/screens/0", "/screens/1"), *errors("/screens/2"), *warnings("/screens/2/id")],
            id="the end is missing",
        ),
        pytest.param(
            routed({}),
            [*warnings("/screens/0"), *errors("/screens/0/id"), *warnings("/screens/1"), *errors("/screens/1/id"),
             *errors("/screens/2"), *warnings("/screens/2/id")],
            id="no routes at all",
        ),
        pytest.param(
            flow(last(), data_api_version="3.0", routing_model={}), warnings("/screens/0/id"), id="one screen"
        ),
        pytest.param(
            flow(last(), last(id="B"), data_api_version="3.0"), [], id="no model with an endpoint, another fault"
        ),
        pytest.param(
            flow(last(), last(id="B"), data_api_version="3.0", routing_model=[]), [], id="no object, another fault"
        ),
        pytest.param(
            flow(data_api_version="3.0", routing_model={"A": []}), errors("/routing_model/A"), id="no screens"
        ),
    ],
)  # fmt: skip
def test_a_routing_model_leads_forwards_to_every_screen(document: Any, problems: Any) -> None:
    assert found(document) == sorted(problems)


def test_an_only_screen_completes_the_flow_or_is_connected_to_nothing() -> None:
    assert found(flow(last())) == []
    assert found(flow(screen("ONLY", component("TextBody", text="Hello")))) == errors("/screens/0")
    assert found(endpoint_flow(screen("ONLY", footer(exchange())))) == []


@pytest.mark.parametrize("count", [MAX_EDGES, MAX_EDGES + 1])
def test_a_screen_leads_to_only_so_many_others(count: int) -> None:
    names = ["ABCDEFGHIJKL"[index] for index in range(count)]
    ends = [last(id=name) for name in names]
    modelled = endpoint_flow(
        screen("START", footer(exchange())), *ends, routes={"START": names, **{name: [] for name in names}}
    )
    navigating = flow(screen("START", *(link(name) for name in names)), *ends)
    listed = flow(screen("START", items(*names)), *ends)

    assert found(modelled) == (errors("/routing_model/START") if count > MAX_EDGES else [])
    assert found(navigating) == (errors("/screens/0") if count > MAX_EDGES else [])
    assert found(listed) == []


# Navigating


def nav(name: str) -> str:
    return f"/screens/{'ABC'.index(name)}/layout/children/0/on-click-action/next/name"


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        pytest.param(routed(FORWARD, ("A", "B")), [], id="along a route"),
        pytest.param(routed(FORWARD, ("C", "B")), [], id="against one"),
        pytest.param(routed(FORWARD, ("A", "C")), errors(nav("A")), id="where none is"),
        pytest.param(routed(FORWARD, ("A", "C"), version="2.1"), errors(nav("A")), id="where none was ever"),
        pytest.param(routed(FORWARD, ("B", "B")), [], id="to itself, another fault"),
        pytest.param(routed(FORWARD, ("B", "D")), [], id="to nowhere, another fault"),
        pytest.param(routed({**FORWARD, "A": "B"}, ("A", "B")), errors(nav("A"), "/screens/1", "/screens/2"), id="odd"),
        pytest.param(routed(FORWARD, ("B", "A")), errors("/routing_model"), id="to the first, which so opens no Flow"),
        pytest.param(routed(FORWARD, ("B", "A"), version="7.2"), [], id="to the first, before 7.3"),
    ],
)  # fmt: skip
def test_who_navigates_has_a_route(document: Any, problems: Any) -> None:
    assert found(document) == sorted(problems)


@pytest.mark.parametrize(("version", "exempt"), [("6.2", True), ("7.3", True), ("6.1", False)])
def test_a_navigation_list_needs_no_routes(version: str, *, exempt: bool) -> None:
    document = endpoint_flow(
        screen("A", items("B", "C")), screen("B", footer(exchange())), last(id="C"),
        routes=FORWARD, version=version,
    )  # fmt: skip

    assert found(document) == (
        [] if exempt else errors("/screens/0/layout/children/0/list-items/1/on-click-action/next/name")
    )


# Without an endpoint


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        pytest.param(flow(screen("A", go_to("B")), last(id="B")), [], id="sound"),
        pytest.param(flow(last()), [], id="one screen"),
        pytest.param(
            flow(screen("A", go_to("B")), last(id="B"), last(id="C")), errors("/screens/2"), id="one apart"
        ),
        pytest.param(
            flow(screen("A", go_to("B")), last(id="B"), screen("C", go_to("D")), last(id="D")),
            errors("/screens/2", "/screens/3"),
            id="two apart",
        ),
        pytest.param(flow(screen("A", go_to("C")), screen("B", go_to("C")), last(id="C")), [], id="two first screens"),
        pytest.param(
            flow(screen("A", go_to("B")), last(link("A"), id="B")),
            [*errors("/screens"), *warnings("/screens/0", "/screens/1")],
            id="round, and so nowhere to begin",
        ),
        pytest.param(
            flow(screen("A", items("B", "C")), last(link("A"), id="B"), last(id="C")),
            warnings("/screens/0", "/screens/1"),
            id="a list may lead anywhere, and so open the Flow",
        ),
        pytest.param(
            flow(screen("A", component("NavigationList", name="l", list_items="${data.l}")), last(id="B")),
            [],
            id="where a list leads, only the phone knows",
        ),
        pytest.param(
            flow(screen("A", link("T"), go_to("B")), screen("T", text()), last(id="B")),
            warnings("/screens/1"),
            id="only back leads out, as in Meta's own",
        ),
        pytest.param(
            flow(screen("A", go_to("B")), screen("B", link("A"), go_to("C")), last(id="C"), version="7.2"),
            [*errors("/screens"), *warnings("/screens/0", "/screens/1")],
            id="round at the beginning",
        ),
        pytest.param(
            flow(screen("S", go_to("A")), screen("A", go_to("B")), screen("B", link("A"), go_to("C")), last(id="C")),
            warnings("/screens/1", "/screens/2"),
            id="round in between",
        ),
        pytest.param(
            flow(screen("A", go_to("C")), screen("B", go_to("D")), screen("D", go_to("B"), link("C")), last(id="C")),
            [*warnings("/screens/1"), *warnings("/screens/1", code="UNREACHABLE_SCREEN"),
             *warnings("/screens/2"), *warnings("/screens/2", code="UNREACHABLE_SCREEN")],
            id="a round that nothing leads into",
        ),
    ],
)  # fmt: skip
def test_without_an_endpoint_screens_lead_where_they_navigate(document: Any, problems: Any) -> None:
    assert found(document) == sorted(problems)


@pytest.mark.parametrize(
    ("content", "model", "count"),
    [
        pytest.param([EITHER], None, 2, id="only there"),
        pytest.param([BY_CASE], None, 1, id="in a case"),
        pytest.param([EITHER], {"A": ["B"], "B": []}, 0, id="with a model"),
        pytest.param([EITHER, link("B")], None, 0, id="outside too"),
        pytest.param([link("B")], None, 0, id="outside"),
    ],
)
def test_a_condition_leads_nowhere_without_a_routing_model(content: list[Any], model: Any, count: int) -> None:
    document = flow(screen("A", *content), last(id="B"), **({"routing_model": model} if model else {}))
    problems = [each for each in found(document) if each[1] == "UNMODELLED_ROUTE"]

    assert [severity for _, _, severity in problems] == ["warning"] * count
    assert all(pointer.endswith("/on-click-action/next/name") for pointer, _, _ in problems)


def test_with_an_endpoint_the_model_is_written_anyway() -> None:
    assert found(endpoint_flow(screen("A", EITHER, footer(exchange())), last(id="B"))) == []


@pytest.mark.parametrize(
    ("routes", "navigating", "problems"),
    [
        pytest.param(FORWARD, (("A", "B"), ("B", "C")), [], id="both say the same"),
        pytest.param(
            FORWARD, (("A", "B"),), warnings("/routing_model/B/0", code="UNUSED_ROUTE"), id="a route that nobody takes"
        ),
        pytest.param(
            {**FORWARD, "C": ["A"]},
            (("A", "B"), ("B", "C"), ("C", "A")),
            [*errors("/routing_model"), *warnings("/screens/0", "/screens/1", "/screens/2")],
            id="round",
        ),
        pytest.param(
            {"A": ["B"], "B": []}, (("A", "B"), ("B", "C")),
            [*errors(nav("B"), "/screens/2"), *warnings("/screens/2/id")],
            id="a way that is no route",
        ),
    ],
)  # fmt: skip
def test_a_routing_model_counts_without_an_endpoint_too(routes: Any, navigating: Any, problems: Any) -> None:
    document = routed(routes, *navigating)
    del document["data_api_version"]

    assert found(document) == sorted(problems)


# Graphs, against a naive walk

EDGES = st.sets(st.tuples(st.sampled_from("ABCDEF"), st.sampled_from("ABCDEF")))


def walks(start: str, edges: set[tuple[str, str]]) -> set[str]:
    """Return where any number of edges, one or more, lead from *start*."""
    reached: set[str] = set()
    while news := {to for name, to in edges if name in {start, *reached}} - reached:
        reached |= news
    return reached


def naive(edges: set[tuple[str, str]], ends: set[str]) -> Iterator[tuple[str, str]]:
    """Yield what a Flow without endpoint, whose screens navigate along *edges*, does wrong as a graph."""
    edges = {(name, to) for name, to in edges if name != to}
    either = edges | {(to, name) for name, to in edges}
    entries = [name for name in "ABCDEF" if not any(to == name for _, to in edges)]
    if not entries:
        yield "entry-screen", ""
    for name in "ABCDEF":
        if name != "A" and name not in walks("A", either):
            yield "screens-joined", name
        if entries and name not in entries and not any(name in walks(entry, edges) for entry in entries):
            yield "screen-reached", name
        if name in walks(name, edges):
            yield "routes-round", name
        if ends and name not in ends and not walks(name, edges) & ends:
            yield "routes-end", name


@settings(deadline=None)
@given(edges=EDGES, ends=st.sets(st.sampled_from("ABCDEF")))
def test_graphs_are_judged_as_by_a_naive_walk(edges: set[tuple[str, str]], ends: set[str]) -> None:
    screens = [
        screen(
            name, *(link(to) for start, to in product(name, "ABCDEF") if (start, to) in edges), terminal=name in ends
        )
        for name in "ABCDEF"
    ]

    judged = [
        (each.rule, "ABCDEF"[int(each.pointer.split("/")[2])] if each.pointer != "/screens" else "")
        for each in routing.problems(read_document(flow(*screens)))
    ]

    assert sorted(judged) == sorted(naive(edges, ends))


# Whatever comes

OWN = [rule.breaks for rule in RULES.values() if isinstance(rule.breaks, dict)]


@settings(max_examples=150, deadline=None)
@given(document=mutated(OWN) | json_values)
def test_any_document_is_judged_and_every_place_is_in_it(document: Any) -> None:
    if isinstance(document, dict):
        for each in routing.problems(read_document(document)):
            assert leads_somewhere(document, each.pointer)
            assert RULES[each.rule].code == each.code


def test_long_ways_are_walked_to_their_ends() -> None:
    """Ten thousand screens in a row are no reason to give up, nor is a round of them."""
    names = [f"S{'A' * (index % 100)}{'B' * (index // 100)}" for index in range(10_000)]
    ways = {name: [following] for name, following in zip(names, [*names[1:], names[0]], strict=True)}
    screens = [screen(name, footer(exchange())) for name in names]
    document = endpoint_flow(*screens, asking(), routes={**ways, "LAST": [names[0]]})

    assert found(document) == sorted(
        warnings(*(f"/screens/{index}" for index in range(10_000)))
        + warnings(*(f"/screens/{index}" for index in range(10_000)))
    )
