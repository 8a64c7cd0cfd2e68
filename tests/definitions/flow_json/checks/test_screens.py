from typing import Any

import pytest
from hypothesis import given, settings

from definitions.flow_json.checks import screens
from definitions.flow_json.document import read_document
from definitions.flow_json.examples import (
    DONE,
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
from definitions.flow_json.rule import RULES, brief
from definitions.flow_json.table import MAX_SCREENS
from tests.definitions.documents import json_values, leads_somewhere, mutated

MISSING, VALUE, PATTERN = "MISSING_REQUIRED_PROPERTY", "INVALID_PROPERTY_VALUE", "PATTERN_MISMATCH"
NOT, FOOTER, NO_END = (
    "NOT_KEYWORD_SCHEMA_VALIDATION_FAILED",
    "MISSING_FOOTER_ON_TERMINAL_SCREEN",
    "MISSING_TERMINAL_SCREEN",
)
ASKING = footer(exchange())


def found(document: Any) -> list[tuple[str, str, str]]:
    """Return what the check finds in a document: places, codes and how grave they are."""
    return sorted((each.pointer, each.code, each.severity) for each in screens.problems(read_document(document)))


def errors(*places: tuple[str, str]) -> list[tuple[str, str, str]]:
    return sorted((pointer, code, "error") for pointer, code in places)


# The endpoint


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        pytest.param(endpoint_flow(screen("ASK", ASKING), last()), [], id="asked"),
        pytest.param(
            flow(screen("ASK", ASKING, terminal=True), data_api_version="3.0"),
            errors(("", MISSING)),
            id="no routing model",
        ),
        pytest.param(
            flow(screen("ASK", component("EmbeddedLink", text="Go", on_click_action=exchange()), DONE, terminal=True)),
            errors(("/screens/0/layout/children/0/on-click-action", MISSING)),
            id="a link asks without an endpoint",
        ),
        pytest.param(
            flow(
                last(
                    component("Dropdown", name="a", data_source=[{"id": "a", "on-select-action": exchange()}]),
                    component("Switch", value="${data.x}", cases={"a/b": [ASKING]}),
                )
            ),
            errors(
                ("/screens/0/layout/children/0/data-source/0/on-select-action", MISSING),
                ("/screens/0/layout/children/1/cases/a~1b/0/on-click-action", MISSING),
            ),
            id="an option and a case ask without an endpoint",
        ),
        pytest.param(
            flow(screen("FIRST", go_to("LAST"), refresh_on_back=True), last(refresh_on_back=False)),
            errors(("/screens/0/refresh_on_back", VALUE)),
            id="refreshed without an endpoint",
        ),
        pytest.param(
            endpoint_flow(screen("FIRST", go_to("LAST")), last()),
            [("/data_api_version", "UNUSED_ENDPOINT", "warning")],
            id="never asked",
        ),
        pytest.param(
            endpoint_flow(screen("FIRST", go_to("LAST")), last(refresh_on_back=True)), [], id="asked on the way back"
        ),
        pytest.param(
            endpoint_flow(screen("FIRST", go_to("LAST"), data={"who": example_of("string", "Ada")}), last()),
            [],
            id="asked for the data of the first screen",
        ),
    ],
)
def test_an_endpoint_is_there_where_it_is_asked(document: Any, problems: Any) -> None:
    assert found(document) == problems


@pytest.mark.parametrize(
    ("uri", "version", "right"),
    [
        ("https://example.com/flow?a=1", "2.1", True),
        ("placeholder_uri", "2.1", False),
        ("https://exa mple.com", "2.1", False),
        ("", "2.1", False),
        (5, "2.1", True),
        ("placeholder_uri", "3.0", True),
        ("placeholder_uri", "none", True),
    ],
)
def test_the_channel_of_old_flows_is_a_uri(uri: Any, version: str, *, right: bool) -> None:
    document = flow(last(), version=version, data_channel_uri=uri)

    assert found(document) == ([] if right else errors(("/data_channel_uri", "INVALID_PROPERTY_VALUE_FORMAT")))


# Ids


@pytest.mark.parametrize(
    ("id", "version", "codes"),
    [
        ("LAST", "7.3", []),
        ("last_one", "7.3", []),
        ("_A", "7.0", []),
        ("L" * 500, "7.3", []),
        ("FIRST_1", "7.3", [PATTERN]),
        ("FIRST_1", "2.1", [PATTERN]),
        ("LAST-ONE", "7.3", [PATTERN]),
        ("ÜBER", "7.3", [PATTERN]),
        ("LAST\n", "7.3", [PATTERN]),
        (" ", "7.3", [PATTERN]),
        ("__", "7.0", [PATTERN]),
        ("__", "6.3", []),
        ("A,B", "7.0", [PATTERN]),
        ("A,B", "6.3", []),
        ("", "7.3", ["MIN_CHARS_REQUIRED"]),
        ("SUCCESS", "7.3", ["SCREEN_ID_IS_RESERVED_KEYWORD"]),
        ("success", "2.1", ["SCREEN_ID_IS_RESERVED_KEYWORD"]),
        ("Success", "7.3", ["SCREEN_ID_IS_RESERVED_KEYWORD"]),
        ("SUCCESS_", "7.3", []),
    ],
)
def test_an_id_has_letters_and_underscores(id: str, version: str, codes: list[str]) -> None:  # noqa: A002 - its name
    assert found(flow(last(id=id), version=version)) == errors(*(("/screens/0/id", code) for code in codes))


@pytest.mark.parametrize("id", [None, 5, ["LAST"], {}])
def test_what_is_no_text_is_no_id_to_judge(id: Any) -> None:  # noqa: A002 - its name there
    assert found(flow(last(id=id), last(id=id))) == []


def test_every_screen_that_takes_an_id_again_is_told() -> None:
    assert found(flow(last(id="A"), last(id="B"), last(id="A"), last(id="A"))) == errors(
        ("/screens/2/id", "DUPLICATE_SCREEN_IDS"), ("/screens/3/id", "DUPLICATE_SCREEN_IDS")
    )


@pytest.mark.parametrize("count", [MAX_SCREENS, MAX_SCREENS + 1])
def test_a_flow_has_only_so_many_screens(count: int) -> None:
    names = ["".join("ABCDEFGHIJ"[int(digit)] for digit in f"{index:03}") for index in range(count)]

    assert found(flow(*(last(id=name) for name in names))) == (
        errors(("/screens", "MAX_SCREENS_NUMBER")) if count > MAX_SCREENS else []
    )


# Ends


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        pytest.param(flow(last()), [], id="sound"),
        pytest.param(flow(screen("A", text())), errors(("/screens", NO_END)), id="no end"),
        pytest.param(flow(screen("A", text(), terminal=False)), errors(("/screens", NO_END)), id="no end, and said so"),
        pytest.param(flow(), [], id="no screens, which is another fault"),
        pytest.param(flow(5), [], id="no screen, which is another fault"),
        pytest.param(flow(screen("A", text(), terminal=True)), errors(("/screens/0", FOOTER)), id="no Footer"),
        pytest.param(
            flow({"id": "A", "title": "A", "terminal": True, "layout": []}), errors(("/screens/0", FOOTER)), id="empty"
        ),
        pytest.param(
            flow(
                screen(
                    "A",
                    component("Form", name="f", children=[component("If", condition="${data.x}", then=[DONE])]),
                    terminal=True,
                )
            ),
            [],
            id="a Footer under a condition is one",
        ),
        pytest.param(
            flow(screen("A", go_to("B"), success=True), last(id="B")),
            errors(("/screens/0/success", NOT)),
            id="success in between",
        ),
        pytest.param(
            flow(screen("A", go_to("B"), terminal=False, success=False), last(id="B")),
            errors(("/screens/0/success", NOT)),
            id="failure in between",
        ),
        pytest.param(
            flow({**last(), "terminal": "false", "success": "true"}),
            errors(("/screens", NO_END), ("/screens/0/success", NOT)),
            id="success in between, as Meta writes it",
        ),
        pytest.param(
            flow({**last(), "terminal": "true", "success": "false"}),
            errors(("/screens", NO_END), ("/screens/0/success", VALUE)),
            id="no success, as Meta writes it",
        ),
        pytest.param(
            flow(last(id="A", success=False), last(id="B", success=False)),
            errors(("/screens/0/success", VALUE)),
            id="no success",
        ),
        pytest.param(flow(last(id="A", success=False), last(id="B")), [], id="success unless said otherwise"),
        pytest.param(flow(last(success="${data.done}")), [], id="success that only the phone knows"),
    ],
)
def test_a_flow_ends_with_a_footer_and_can_succeed(document: Any, problems: Any) -> None:
    assert found(document) == problems


ONWARD = "/screens/0/layout/children/0/on-click-action/name"


@pytest.mark.parametrize(
    ("version", "severity"), [("4.0", "warning"), ("7.2", "warning"), ("7.3", "error"), ("9.9", "error"), ("", "error")]
)
def test_the_footer_of_a_last_screen_does_not_navigate(version: str, severity: str) -> None:
    document = flow(screen("A", go_to("B"), terminal=True), last(id="B"), version=version)

    assert found(document) == [(ONWARD, VALUE, severity)]


def either(one: Any, other: Any) -> Any:
    return component("If", condition="${data.x}", then=[one], **{"else": [other]})


@pytest.mark.parametrize(
    ("content", "version", "problems"),
    [
        pytest.param([DONE], "7.3", [], id="complete"),
        pytest.param([component("Footer", label="On")], "7.3", [], id="nothing, which is another fault"),
        pytest.param([either(DONE, go_to("B"))], "7.3", [], id="Meta looks at the first Footer"),
        pytest.param(
            [either(go_to("B"), DONE)],
            "7.3",
            errors(("/screens/0/layout/children/0/then/0/on-click-action/name", VALUE)),
            id="the first Footer navigates",
        ),
        pytest.param([either(go_to("B"), DONE)], "7.2", [], id="one of the Footers ends the Flow"),
        pytest.param(
            [component("EmbeddedLink", text="On", on_click_action=navigate("B")), DONE], "7.3", [], id="a link may"
        ),
    ],
)
def test_one_footer_of_a_last_screen_ends_the_flow(content: list[Any], version: str, problems: Any) -> None:
    assert found(flow(screen("A", *content, terminal=True), last(id="B"), version=version)) == problems


# Titles, and what is hidden


@pytest.mark.parametrize(
    ("screens", "version", "problems"),
    [
        pytest.param(last(title="Thank you"), "7.3", [], id="a title"),
        pytest.param(last(title="${data.title}"), "7.3", [], id="one that only the phone knows"),
        pytest.param(last(title=5), "7.3", [], id="no text, which is another fault"),
        pytest.param(last(title=" "), "4.0", [], id="blank before 5.0"),
        pytest.param(last(title=" \n"), "5.0", errors(("/screens/0/title", PATTERN)), id="blank"),
        pytest.param(last(title=""), "5.1", errors(("/screens/0/title", PATTERN)), id="empty"),
        pytest.param(last(title=" "), "6.0", [], id="blank like any other text, from 6.0 on"),
        pytest.param(
            {"id": "A", "terminal": True, "layout": {"children": [DONE]}},
            "7.3",
            [("/screens/0", MISSING, "warning")],
            id="none",
        ),
    ],
)
def test_a_screen_has_a_title(screens: Any, version: str, problems: Any) -> None:
    assert found(flow(screens, version=version)) == problems


@pytest.mark.parametrize(
    ("sensitive", "version", "wrong"),
    [
        (["code"], "5.1", []),
        (["code", "pin", "", "cod", "form"], "7.3", [1, 2, 3, 4]),
        (["pin"], "5.0", []),
        ([], "7.3", []),
        (5, "7.3", []),
        ([5, None, ["code"], {}], "7.3", []),
        ("code", "7.3", []),
    ],
)
def test_only_an_input_of_the_screen_is_hidden(sensitive: Any, version: str, wrong: list[int]) -> None:
    form = component("Form", name="form", children=[component("If", condition="${data.x}", then=[text_input("code")])])
    document = flow(screen("A", go_to("B"), text_input("pin")), last(form, id="B", sensitive=sensitive))

    assert found({**document, "version": version}) == errors(
        *((f"/screens/1/sensitive/{index}", "INVALID_SENSITIVE_FIELD") for index in wrong)
    )


def test_a_message_never_repeats_all_of_a_long_name() -> None:
    name = "9" * 5000

    assert brief("short") == "short"
    assert max(len(each.message) for each in screens.problems(read_document(flow(last(id=name))))) < 120


# Whatever comes

OWN = [rule.breaks for rule in RULES.values() if isinstance(rule.breaks, dict)]


@settings(max_examples=150, deadline=None)
@given(document=mutated(OWN) | json_values)
def test_any_document_is_judged_and_every_place_is_in_it(document: Any) -> None:
    if isinstance(document, dict):
        for each in screens.problems(read_document(document)):
            assert leads_somewhere(document, each.pointer)
            assert RULES[each.rule].code == each.code
