"""What a screen submits, as its document tells."""

from typing import Any

import pytest
from msgspec.structs import fields

from definitions.flow_json.document import FlowDocument, read_document
from definitions.flow_json.examples import (
    component,
    endpoint_flow,
    example_of,
    exchange,
    footer,
    go_to,
    last,
    navigate,
    screen,
)
from definitions.media import Upload
from definitions.screens import DateRange
from definitions.submitted import asking, submitted


def link(to: str) -> dict[str, Any]:
    """Return a link that moves the phone to another screen."""
    return component("EmbeddedLink", text="More", on_click_action=navigate(to))


OPTIONS = [{"id": "red", "title": "Red"}, {"id": "blue", "title": "Blue"}]
PLACE = {"type": "object", "properties": {"city": {"type": "string"}, "floor": {"type": "integer"}}, "__example__": {}}


def a_document(*components: Any, **more: Any) -> FlowDocument:
    """Return a Flow that asks on its one screen A, and has an input on its other screen."""
    other = last(
        component("TextInput", name="nick", label="Nick", required=True), data={"age": example_of("number", 7)}
    )
    return read_document(endpoint_flow(screen("A", *components, **more), other))


def sends(payload: Any, *components: Any, **more: Any) -> dict[str, tuple[tuple[Any, ...], bool]]:
    """Return the types of what screen A submits with *payload*, by its keys, and whether each surely comes."""
    flow = a_document(*components, footer(exchange(**payload)), **more)
    return {key: (field.types, field.always) for key, field in submitted(flow, flow.screens["A"]).items()}


@pytest.mark.parametrize(
    ("value", "types"),
    [
        ("red", (str,)),
        (True, (bool,)),
        (3, (int,)),
        (2.5, (float,)),
        ([1], (list[Any],)),
        ({"x": 1}, (dict[str, Any],)),
        (None, (Any,)),
    ],
)
def test_a_literal_comes_as_what_it_is(value: Any, types: tuple[Any, ...]) -> None:
    assert sends({"x": value}) == {"x": (types, True)}


@pytest.mark.parametrize(
    ("kind", "properties", "types"),
    [
        ("TextInput", {}, (str,)),
        ("TextInput", {"input_type": "passcode"}, (str,)),
        ("TextInput", {"input_type": "number"}, (str, int, float)),
        ("TextInput", {"input_type": "${data.kind}"}, (str, int, float)),
        ("TextArea", {}, (str,)),
        ("RadioButtonsGroup", {"data_source": OPTIONS}, (str,)),
        ("Dropdown", {"data_source": OPTIONS}, (str,)),
        ("CheckboxGroup", {"data_source": OPTIONS}, (list[str],)),
        ("ChipsSelector", {"data_source": OPTIONS}, (list[str],)),
        ("OptIn", {}, (bool,)),
        ("DatePicker", {}, (str,)),
        ("CalendarPicker", {}, (str,)),
        ("CalendarPicker", {"mode": "single"}, (str,)),
        ("CalendarPicker", {"mode": "${data.mode}"}, (str, DateRange)),
    ],
)
def test_an_input_comes_as_what_it_yields(kind: str, properties: dict[str, Any], types: tuple[Any, ...]) -> None:
    filled = component(kind, name="x", label="X", required=True, **properties)

    assert sends({"key": "${form.x}"}, filled) == {"key": (types, True)}


@pytest.mark.parametrize(
    ("required", "always"),
    [({"start-date": True, "end-date": True}, True), ({"start-date": True}, False), (True, True)],
)
def test_a_range_of_dates_comes_as_two(required: Any, always: bool) -> None:
    stay = component("CalendarPicker", name="stay", label="Stay", mode="range", required=required)

    assert sends({"stay": "${form.stay}"}, stay) == {"stay": ((DateRange,), always)}


@pytest.mark.parametrize(("kind", "what"), [("PhotoPicker", "photos"), ("DocumentPicker", "documents")])
def test_files_come_surely_where_one_is_demanded(kind: str, what: str) -> None:
    def picked(**properties: Any) -> dict[str, tuple[tuple[Any, ...], bool]]:
        return sends({"files": "${form.files}"}, component(kind, name="files", label="Files", **properties))

    assert picked(**{f"min_uploaded_{what}": 1}) == {"files": ((list[Upload],), True)}
    assert picked(**{f"min_uploaded_{what}": 0}) == picked() == {"files": ((list[Upload],), False)}


@pytest.mark.parametrize(
    "wrapped",
    [
        pytest.param(lambda it: [it | {"required": False}], id="not required"),
        pytest.param(lambda it: [it | {"required": "${data.must}"}], id="perhaps required"),
        pytest.param(lambda it: [it | {"visible": "${data.shown}"}], id="perhaps visible"),
        pytest.param(lambda it: [it | {"visible": False}], id="not visible"),
        pytest.param(lambda it: [it | {"enabled": "${data.shown}"}], id="perhaps disabled"),
        pytest.param(lambda it: [component("If", condition="${data.shown}", then=[it])], id="under a condition"),
        pytest.param(lambda it: [component("Switch", value="${data.kind}", cases={"a": [it]})], id="in a case"),
        pytest.param(lambda it: [it, it | {"required": False}], id="one of two of a name"),
    ],
)
def test_what_need_not_be_filled_or_shown_may_not_come(wrapped: Any) -> None:
    filled = component("TextInput", name="x", label="X", required=True)

    assert sends({"x": "${form.x}"}, *wrapped(filled)) == {"x": ((str,), False)}


@pytest.mark.parametrize(
    ("expression", "types"),
    [
        ("${data.count}", (int, float)),
        ("${data.place.city}", (str,)),
        ("${data.place.floor}", (int,)),
        ("${data.place.street}", (Any,)),
        ("${data.tags}", (list[str],)),
        ("${data.nothing}", (Any,)),
        ("${screen.MOON.form.nick}", (Any,)),
        ("${form.nobody}", (Any,)),
        ("${form.}", (Any,)),
        ("`'It is ' ${data.count}`", (str,)),
        ("`${data.count} + 1`", (int, float)),
        ("`${data.count} > 1`", (bool,)),
        ("`${data.place.city} == 'Rome'`", (bool,)),
        ("`${data.count} +`", (Any,)),
        ("Hello ${data.count}", (str,)),
    ],
)
def test_an_expression_comes_as_what_it_stands_for(expression: str, types: tuple[Any, ...]) -> None:
    model = {
        "count": example_of("number", 1),
        "place": PLACE,
        "tags": {"type": "array", "items": {"type": "string"}, "__example__": []},
    }

    assert sends({"x": expression}, data=model) == {"x": (types, True)}


def test_of_an_object_its_own_shape_comes() -> None:
    [(types, always)] = sends({"place": "${data.place}"}, data={"place": PLACE}).values()

    assert always
    assert [field.encode_name for kind in types for field in fields(kind)] == [
        "city",
        "floor",
    ]


def test_several_actions_send_together_what_each_of_them_sends() -> None:
    flow = a_document(
        component("Dropdown", name="x", label="X", data_source=OPTIONS, on_select_action=exchange(a=1, b="red")),
        footer(exchange(a="blue", b="green", c=True)),
    )

    sent = submitted(flow, flow.screens["A"])

    assert {key: (field.types, field.always) for key, field in sent.items()} == {
        "a": ((int, str), True),
        "b": ((str,), True),
        "c": ((bool,), False),
    }
    assert [source.pointer for source in sent["a"].sources] == [
        "/screens/0/layout/children/0/on-select-action/payload/a",
        "/screens/0/layout/children/1/on-click-action/payload/a",
    ]


def test_only_a_footer_waits_until_all_is_filled() -> None:
    name = component("TextInput", name="name", label="Name", required=True)
    both = {"name": "${form.name}", "size": "${form.size}"}
    size = component(
        "Dropdown", name="size", label="Size", required=True, data_source=OPTIONS, on_select_action=exchange(**both)
    )
    link = component("EmbeddedLink", text="More", on_click_action=exchange(**both))

    def sure(*components: Any) -> dict[str, bool]:
        flow = a_document(name, *components)
        return {key: field.always for key, field in submitted(flow, flow.screens["A"]).items()}

    assert sure(size | {"on-select-action": None}, footer(exchange(**both))) == {"name": True, "size": True}
    assert sure(size, footer(exchange(**both))) == {"name": False, "size": True}
    assert sure(size | {"on-select-action": None}, link) == {"name": False, "size": False}


NICK = component("TextInput", name="nick", label="Nick", required=True)
ASKS = screen("ASKS", footer(exchange(nick="${screen.FIRST.form.nick}", age="${screen.FIRST.data.age}")), terminal=True)
AGE = {"age": example_of("number", 7)}


@pytest.mark.parametrize(
    ("screens", "nick", "age"),
    [
        pytest.param([screen("FIRST", NICK, go_to("ASKS"), data=AGE), ASKS], True, True, id="always"),
        pytest.param(
            [screen("DOOR", go_to("FIRST"), link("ASKS")), screen("FIRST", NICK, go_to("ASKS"), data=AGE), ASKS],
            False,
            False,
            id="not on every way",
        ),
        pytest.param([ASKS, screen("FIRST", NICK, go_to("ASKS"), data=AGE)], True, True, id="wherever it stands"),
        pytest.param(
            [screen("FIRST", NICK, go_to("ASKS"), link("ASKS"), data=AGE), ASKS], False, True, id="left without filling"
        ),
    ],
)
def test_what_was_put_in_on_another_screen_comes_surely_if_nobody_gets_round_it(
    screens: list[Any], nick: bool, age: bool
) -> None:
    flow = read_document({"version": "7.3", "data_api_version": "3.0", "screens": screens})

    sent = submitted(flow, flow.screens["ASKS"])

    assert {key: (field.types, field.always) for key, field in sent.items()} == {
        "nick": ((str,), nick),
        "age": ((int, float), age),
    }


@pytest.mark.parametrize(("required", "always"), [(True, True), (False, False)])
def test_what_another_screen_brings_along_comes_as_surely_as_there(required: bool, always: bool) -> None:
    screens = [
        screen("FIRST", NICK | {"required": required}, footer(navigate("SECOND", nick="${form.nick}"))),
        screen("SECOND", footer(navigate("THIRD", nick="${data.nick}")), data={"nick": example_of("string", "Al")}),
        screen(
            "THIRD", footer(exchange(nick="${data.nick}")), link("SECOND"), data={"nick": example_of("string", "Al")}
        ),
    ]
    screens[2]["layout"]["children"][1]["on-click-action"]["payload"] = {"nick": "${data.nick}"}
    flow = read_document({"version": "7.3", "data_api_version": "3.0", "screens": screens})

    [nick] = submitted(flow, flow.screens["THIRD"]).values()

    assert (nick.types, nick.always) == ((str,), always)


def test_a_screen_that_asks_nothing_submits_nothing() -> None:
    flow = a_document(footer(exchange(a=1)))

    assert [each.id for each in asking(flow)] == ["A"]
    assert submitted(flow, flow.screens["LAST"]) == {}


def test_a_list_that_comes_with_the_data_sends_what_its_example_does() -> None:
    items = [{"id": name, "on-click-action": exchange(chosen=name)} for name in ("red", "blue")]
    listed = component("NavigationList", name="list", list_items="${data.items}")
    flow = read_document(endpoint_flow(screen("A", listed, data={"items": example_of("array", items)}), last()))

    assert [each.id for each in asking(flow)] == ["A"]
    assert {key: (each.types, each.always) for key, each in submitted(flow, flow.screens["A"]).items()} == {
        "chosen": ((str,), True)
    }
