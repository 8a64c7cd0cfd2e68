from typing import Any

import pytest
from hypothesis import given, settings

from definitions.flow_json.checks import advice
from definitions.flow_json.document import read_document
from definitions.flow_json.examples import (
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
from definitions.flow_json.rule import RULES
from tests.definitions.documents import json_values, leads_somewhere, mutated

TOP = "/screens/0/layout/children"
PNG, JPEG, WEBP = "iVBORw0KGgo=", "/9j/4AAQSkZJRg==", "UklGRhIAAABXRUJQ"


def found(document: Any) -> list[tuple[str, str]]:
    """Return what the check finds in a document: places and codes. All are warnings."""
    problems = list(advice.problems(read_document(document)))
    assert all(each.severity == "warning" for each in problems)
    return sorted((each.pointer, each.code) for each in problems)


def on_screen(*children: Any, version: str = "7.3", **more: Any) -> list[tuple[str, str]]:
    """Return what the check finds on a screen that leads on."""
    places = found(flow(last(*children, **more), version=version))
    return [(pointer.removeprefix(TOP), code) for pointer, code in places]


def option(**more: Any) -> Any:
    return {"id": "a", "title": "An option", **{key.replace("_", "-"): value for key, value in more.items()}}


# Texts


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        pytest.param(component("TextHeading", text="a" * 80), [], id="as long as is shown"),
        pytest.param(component("TextHeading", text="a" * 81), ["/0/text"], id="longer"),
        pytest.param(component("TextHeading", text="अ" * 80), [], id="characters, not bytes"),
        pytest.param(component("TextHeading", text="${data." + "a" * 80 + "}"), [], id="what the phone knows"),
        pytest.param(component("TextHeading", text="`'" + "a" * 80 + "'`"), [], id="an expression"),
        pytest.param(component("TextHeading", text=["a" * 81]), ["/0/text/0"], id="a list, another fault"),
        pytest.param(component("TextBody", text=["a" * 2048, "b" * 2048, 1]), [], id="lines together"),
        pytest.param(component("TextBody", text=["a" * 2048, "b" * 2049]), ["/0/text"], id="longer lines together"),
        pytest.param(component("RichText", text="a" * 10_000), [], id="no limit"),
        pytest.param(component("EmbeddedLink", text="a" * 26), ["/0/text"], id="a link"),
        pytest.param(
            component("Footer", label="a" * 36, left_caption="a" * 16), ["/0/label", "/0/left-caption"], id="a Footer"
        ),
        pytest.param(
            component(
                "NavigationList",
                list_items=[
                    {
                        "main-content": {"title": "a" * 31, "description": "a" * 20},
                        "end": {"metadata": "a" * 11},
                        "badge": "a" * 16,
                        "tags": ["a", "a" * 16],
                    }
                ],
            ),
            [
                "/0/list-items/0/badge",
                "/0/list-items/0/end/metadata",
                "/0/list-items/0/main-content/title",
                "/0/list-items/0/tags/1",
            ],
            id="items and what is in them",
        ),
        pytest.param(component("Map", label="a" * 500), [], id="an unknown component"),
        pytest.param(component("NavigationList", list_items=["a" * 500]), [], id="no items, another fault"),
    ],
)
def test_texts_are_no_longer_than_is_shown(child: Any, expected: list[str]) -> None:
    assert on_screen(child) == [(pointer, "TEXT_TRUNCATED") for pointer in expected]


def test_labels_and_options_are_no_longer_than_is_shown() -> None:
    document = flow(
        screen(
            "LAST",
            component(
                "Dropdown", name="a", label="a" * 21, data_source=[option(title="a" * 31), option(metadata="a" * 21)]
            ),
            component("CalendarPicker", name="b", mode="range", label={"start-date": "a" * 41, "end-date": "To"}),
            text_input("c", label_variant="large") | {"label": "a" * 90},
            footer(complete(a="${form.a}", b="${form.b}", c="${form.c}")),
            terminal=True,
        )
    )

    assert found(document) == [
        (f"{TOP}/0/data-source/0/title", "TEXT_TRUNCATED"),
        (f"{TOP}/0/data-source/1/metadata", "TEXT_TRUNCATED"),
        (f"{TOP}/0/label", "TEXT_TRUNCATED"),
        (f"{TOP}/1/label/start-date", "TEXT_TRUNCATED"),
    ]


def test_the_messages_of_a_form_are_no_longer_than_its_inputs_show() -> None:
    messages = {"first_name": "a" * 31, "day": "a" * 80, "more": "a" * 31, "nobody": "a" * 99}
    inputs = (text_input(), component("DatePicker", name="day", label="Day"), component("TextArea", name="more"))
    sent = complete(first_name="${form.first_name}", day="${form.day}", more="${form.more}")
    form = component("Form", name="form", children=[*inputs, footer(sent)], error_messages=messages)

    assert found(flow(screen("LAST", form, terminal=True))) == [
        (f"{TOP}/0/error-messages/first_name", "TEXT_TRUNCATED")
    ]


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("# Terms", 1),
        (["Hello", "## Terms"], 1),
        ("Hello\n### Terms", 1),
        ("See ![a tree](data:image/png;base64,iVBORw0KGgo=)", 1),
        ("| a | b |\n| --- | --- |", 1),
        ("**bold** *italic* ~~gone~~ [link](https://shop.example)\n- one\n1. two", 0),
        ("No. #1 of a | b", 0),
        ("${data.terms}", 0),
        (7, 0),
    ],
)
@pytest.mark.parametrize("kind", ["TextBody", "TextCaption"])
def test_the_markdown_of_a_text_has_only_what_is_shown(kind: str, written: Any, count: int) -> None:
    assert on_screen(component(kind, text=written, markdown=True)) == [("/0/text", "MARKDOWN_NOT_RENDERED")] * count
    assert on_screen(component(kind, text=written)) == []


# Images

PICTURE = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("written", "count"),
    [
        (["# Terms", f"![A tree]({PICTURE})"], 0),
        (f"# Terms\n![A tree]({PICTURE})", 0),
        (["![A tree]( data:image/jpeg;base64, /9j/)", "![](data:image/webp;base64,UklGR)"], 0),
        (["[A tree](https://shop.example/tree.png)"], 0),
        (["![A tree](https://shop.example/tree.png)"], 1),
        (["| ![A tree](tree.png) |", f"![A tree]({PICTURE})"], 1),
        ("Look: ![](//shop.example/tree.png)", 1),
        (["![A tree](data:image/gif;base64,R0lG)"], 1),
        ("${data.terms}", 0),
        (["![", 5], 0),
    ],
)
def test_the_images_of_a_rich_text_stand_in_it(written: Any, count: int) -> None:
    pointers = on_screen(component("RichText", text=written))

    assert [code for _, code in pointers] == ["IMAGE_NOT_SHOWN"] * count


def test_markdown_is_read_in_one_go() -> None:
    assert on_screen(component("RichText", text="![" * 200_000)) == []
    assert on_screen(component("TextBody", text="![" * 2_000, markdown=True)) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        (PNG, 0),
        (JPEG, 0),
        (WEBP, 1),
        ("R0lGODlhAQABAAAAACw=", 1),
        (f"data:image/png;base64,{PNG}", 1),
        ("https://shop.example/tree.png", 1),
        ("PICTURE", 1),
        ("${data.picture}", 0),
        (" ", 0),
        (None, 0),
    ],
)
def test_an_image_is_a_jpeg_or_a_png(source: Any, count: int) -> None:
    assert on_screen(component("Image", src=source)) == [("/0/src", "IMAGE_NOT_SHOWN")] * count


def test_an_image_in_a_list_may_be_a_webp() -> None:
    items = [{"start": {"image": WEBP}}, {"start": {"image": "R0lGODlhAQABAAAAACw="}}]

    assert on_screen(component("NavigationList", list_items=items)) == [
        ("/0/list-items/1/start/image", "IMAGE_NOT_SHOWN")
    ]


def picture(size: int) -> str:
    return PNG[:8] + "A" * (size * 4 // 3 - 8)


@pytest.mark.parametrize(
    ("child", "version", "expected"),
    [
        pytest.param(component("Image", src=picture(307_200)), "7.3", [], id="300 kB"),
        pytest.param(component("Image", src=picture(307_203)), "7.3", ["/0/src"], id="more"),
        pytest.param(
            component("ImageCarousel", images=[{"src": picture(307_203), "alt-text": "A tree"}]),
            "7.3",
            ["/0/images/0/src"],
            id="more in a carousel",
        ),
        pytest.param(
            component("NavigationList", list_items=[{"start": {"image": picture(102_403)}}]),
            "7.3",
            ["/0/list-items/0/start/image"],
            id="more than 100 kB in a list",
        ),
        pytest.param(
            component("NavigationList", list_items=[{"start": {"image": picture(102_403)}}]),
            "5.1",
            [],
            id="more than 100 kB in a list before 6.0",
        ),
    ],
)
def test_images_are_no_larger_than_is_shown(child: Any, version: str, expected: list[str]) -> None:
    assert on_screen(child, version=version) == [(pointer, "IMAGE_TOO_LARGE") for pointer in expected]


# Answers


@pytest.mark.parametrize(
    ("children", "payload", "expected"),
    [
        pytest.param([text_input("a")], {"a": "${form.a}"}, [], id="sent"),
        pytest.param([text_input("a")], {"a": "`'It is ' ${form.a}`"}, [], id="sent in an expression"),
        pytest.param([text_input("a")], {"all": {"list": ["${form.a.b}"]}}, [], id="sent deeper"),
        pytest.param([text_input("a"), text_input("ab")], {"a": "${form.ab}"}, ["/0"], id="another sent"),
        pytest.param([text_input("a")], {"a": "${screen.OTHER.form.a}"}, ["/0"], id="another screen's sent"),
        pytest.param([text_input("a")], {"a": "${data.a}"}, ["/0"], id="something else sent"),
        pytest.param(
            [text_input("a"), component("If", condition="${form.a} == 'x'", then=[text()])],
            {"b": "c"},
            [],
            id="used by a condition",
        ),
        pytest.param([component("OptIn", name="a", required=True)], {"b": "c"}, [], id="agreed to in any case"),
        pytest.param([component("OptIn", name="a")], {"b": "c"}, ["/0"], id="agreed to or not"),
        pytest.param([component("TextInput"), component("Form", name="f")], {"b": "c"}, [], id="nothing to tell it by"),
    ],
)
def test_answers_are_sent_or_used(children: list[Any], payload: Any, expected: list[str]) -> None:
    document = flow(screen("LAST", *children, footer(complete(**payload)), terminal=True))

    assert found(document) == [(TOP + pointer, "ANSWER_LOST") for pointer in expected]


def test_an_answer_may_be_used_on_another_screen() -> None:
    ask = screen("ASK", text_input("a"), text_input("b"), go_to("LAST", c="${form.b}"))
    end = screen(
        "LAST", footer(complete(a="${screen.ASK.form.a}")), terminal=True, data={"c": example_of("string", "x")}
    )

    assert found(flow(ask, end)) == []


@pytest.mark.parametrize("payload", [{"payload": {}}, {}, {"payload": None}])
def test_a_flow_without_endpoint_sends_something_at_its_end(payload: Any) -> None:
    done = footer({"name": "complete", **payload})
    document = flow(screen("LAST", text_input("a"), text_input("b"), done, terminal=True))

    place = f"{TOP}/2/on-click-action" + ("/payload" if payload else "")
    assert found(document) == [(place, "ANSWERS_LOST")]


def test_a_flow_with_an_endpoint_may_end_with_nothing() -> None:
    ask = screen("ASK", text_input("a"), footer(exchange(a="${form.a}")))

    assert found(endpoint_flow(ask, last())) == []
    assert found(endpoint_flow(screen("ASK", text_input("a"), footer(exchange())), last())) == [
        (f"{TOP}/0", "ANSWER_LOST")
    ]


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"visible": False, "required": True}, 1),
        ({"visible": False}, 0),
        ({"visible": True, "required": True}, 0),
        ({"visible": "${data.shown}", "required": True}, 0),
    ],
)
def test_what_is_never_visible_is_not_required(more: Any, count: int) -> None:
    document = flow(screen("LAST", text_input("a", **more), footer(complete(a="${form.a}")), terminal=True))

    assert found(document) == [(f"{TOP}/0/required", "HIDDEN_REQUIRED")] * count


# Ways on

MORE = component("EmbeddedLink", text="More", on_click_action=navigate("MORE"))


@pytest.mark.parametrize(
    ("children", "count"),
    [
        pytest.param([text()], 1, id="a text"),
        pytest.param([MORE], 0, id="a link"),
        pytest.param([component("If", condition="${data.a}", then=[go_to("LAST")])], 0, id="a Footer at times"),
        pytest.param([component("NavigationList", list_items="${data.shirts}")], 0, id="a list that comes as data"),
        pytest.param([component("Map", to="LAST")], 0, id="what is not known"),
        pytest.param([], 0, id="an empty screen, another fault"),
    ],
)
def test_the_first_screen_leads_on(children: list[Any], count: int) -> None:
    assert found(flow(screen("FIRST", *children), last())) == [("/screens/0", "DEAD_END")] * count


def test_a_screen_to_read_may_be_left_by_going_back() -> None:
    assert found(flow(screen("FIRST", MORE, go_to("LAST")), screen("MORE", text()), last())) == []


def test_a_screen_that_asks_leads_on() -> None:
    asked = screen("MORE", text_input("a"))
    end = screen("LAST", footer(complete(a="${screen.MORE.form.a}")), terminal=True)

    assert found(flow(screen("FIRST", MORE, go_to("LAST")), asked, end)) == [("/screens/1", "DEAD_END")]


# Whatever comes

OWN = [rule.breaks for rule in RULES.values() if isinstance(rule.breaks, dict)]


@settings(max_examples=150, deadline=None)
@given(document=mutated(OWN) | json_values)
def test_any_document_is_judged_and_every_place_is_in_it(document: Any) -> None:
    if isinstance(document, dict):
        for each in advice.problems(read_document(document)):
            assert leads_somewhere(document, each.pointer)
            assert RULES[each.rule].code == each.code
