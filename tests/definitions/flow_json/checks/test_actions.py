from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.flow_json.checks import actions
from definitions.flow_json.document import read_document
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
    text_input,
)
from definitions.flow_json.rule import RULES
from tests.definitions.documents import json_values, leads_somewhere, mutated

NEXT, PAYLOAD, MISSING = (
    "INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME",
    "INVALID_NAVIGATE_ACTION_PAYLOAD",
    "MISSING_NAVIGATION_ACTION_PAYLOAD",
)
INSIDE, COMPLETE, CLICK, UPDATE, FORM = (
    "INVALID_NAVIGATE_ACTION_STATIC_DATA",
    "INVALID_COMPLETE_ACTION",
    "INVALID_ON_CLICK_ACTION_PAYLOAD",
    "INVALID_UPDATE_DATA_ACTION_PAYLOAD",
    "INVALID_FOOTER_PAYLOAD_OUTSIDE_FORM",
)

ACTION = "/screens/0/layout/children/0/on-click-action"
"""What the first component of the first screen does."""


def found(document: Any) -> list[tuple[str, str, str]]:
    """Return what the check finds in a document: places, codes and how grave they are."""
    return sorted((each.pointer, each.code, each.severity) for each in actions.problems(read_document(document)))


def errors(*places: tuple[str, str]) -> list[tuple[str, str, str]]:
    return sorted((pointer, code, "error") for pointer, code in places)


def link(action: Any) -> Any:
    return component("EmbeddedLink", text="Go", on_click_action=action)


# Where to


@pytest.mark.parametrize("name", ["${data.next}", "`${data.next}`", "${screen.FIRST.data.next}"])
def test_where_an_action_leads_is_written_out(name: str) -> None:
    document = flow(screen("FIRST", link(navigate(name)), go_to("LAST")), last())

    assert found(document) == [(f"{ACTION}/next/name", NEXT, "warning")]


@pytest.mark.parametrize(
    ("action", "problems"),
    [
        pytest.param(navigate("LAST"), [], id="to another screen"),
        pytest.param(navigate("MOON"), [(f"{ACTION}/next/name", NEXT)], id="to none"),
        pytest.param(navigate("last"), [(f"{ACTION}/next/name", NEXT)], id="to none of that spelling"),
        pytest.param(navigate(""), [(f"{ACTION}/next/name", NEXT)], id="to one without a name"),
        pytest.param(navigate("FIRST"), [(f"{ACTION}/next/name", NEXT)], id="to itself"),
        pytest.param({"name": "navigate"}, [], id="nowhere, another fault"),
        pytest.param({"name": "navigate", "next": "LAST"}, [], id="to what is no object, another fault"),
        pytest.param({"name": "navigate", "next": {"name": ["LAST"]}}, [], id="to what is no text, another fault"),
        pytest.param(exchange(), [], id="to the endpoint"),
        pytest.param(complete(), [(f"{ACTION}/name", COMPLETE)], id="to the end, from a screen that is none"),
    ],
)
def test_actions_lead_to_another_screen(action: Any, problems: Any) -> None:
    document = flow(screen("FIRST", link(action), go_to("LAST")), last())

    assert found(document) == errors(*problems)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        pytest.param(component("Form", name="f", children=[go_to("MOON")]), "children/0", id="in a Form"),
        pytest.param(component("If", condition="", **{"else": [go_to("MOON")]}), "else/0", id="in Else"),
        pytest.param(component("Switch", cases={"~": [go_to("MOON")]}), "cases/~0/0", id="in a case"),
        pytest.param(
            component("NavigationList", list_items=[{}, {"on-click-action": navigate("MOON")}]),
            "list-items/1",
            id="in a list",
        ),
    ],
)
def test_every_place_where_an_action_can_stand_is_looked_at(content: Any, place: str) -> None:
    assert found(flow(screen("FIRST", content))) == errors(
        (f"/screens/0/layout/children/0/{place}/on-click-action/next/name", NEXT)
    )


# What goes along

GUEST = {"guest": example_of("string", "Ada"), "seats": example_of("integer", 2)}
BARE = {"name": "navigate", "next": {"type": "screen", "name": "LAST"}}


@pytest.mark.parametrize(
    ("action", "data", "problems"),
    [
        pytest.param(navigate("LAST", guest="Ada", seats=2), GUEST, [], id="all that is declared"),
        pytest.param(navigate("LAST", guest="${form.guest}", seats="${data.s}"), GUEST, [], id="of whatever value"),
        pytest.param(navigate("LAST", guest="Ada"), GUEST, [("/payload", PAYLOAD)], id="less"),
        pytest.param(navigate("LAST"), GUEST, [("/payload", PAYLOAD)], id="nothing"),
        pytest.param(
            navigate("LAST", guest="Ada", seats=2, **{"a/b": 1}), GUEST, [("/payload/a~1b", PAYLOAD)], id="more"
        ),
        pytest.param(
            navigate("LAST", guests="Ada", seats=2),
            GUEST,
            [("/payload", PAYLOAD), ("/payload/guests", PAYLOAD)],
            id="something else",
        ),
        pytest.param(navigate("LAST", guest="Ada"), None, [("/payload/guest", PAYLOAD)], id="where nothing is asked"),
        pytest.param(navigate("LAST", guest="Ada"), {}, [("/payload/guest", PAYLOAD)], id="where the model is empty"),
        pytest.param(navigate("LAST"), None, [], id="nothing, as nothing is asked"),
        pytest.param(BARE, None, [], id="no payload, as nothing is asked"),
        pytest.param(BARE, {}, [], id="no payload, as the model is empty"),
        pytest.param(BARE, GUEST, [("", MISSING)], id="no payload"),
        pytest.param({**BARE, "payload": ["Ada"]}, GUEST, [], id="no object, another fault"),
        pytest.param({**BARE, "payload": {}}, {"required": ["guest"]}, [], id="what is required is no data"),
    ],
)
@pytest.mark.parametrize("asking", [True, False], ids=["endpoint", "no endpoint"])
def test_what_goes_along_is_what_the_next_screen_declares(
    action: Any, data: Any, problems: Any, *, asking: bool
) -> None:
    screens = screen("FIRST", link(action), footer(exchange())), last(**({} if data is None else {"data": data}))
    document = endpoint_flow(*screens) if asking else flow(*screens)

    assert found(document) == errors(*((f"{ACTION}{place}", code) for place, code in problems))


PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "at": {"type": "array", "items": {"type": "number"}}},
}
PLACES = {"type": "array", "items": PLACE}


@pytest.mark.parametrize(
    ("value", "declared", "wrong"),
    [
        ("Ada", {"type": "string"}, {}),
        ("", {"type": "string"}, {}),
        (5, {"type": "string"}, {"": PAYLOAD}),
        (None, {"type": "string"}, {"": PAYLOAD}),
        (True, {"type": "string"}, {"": PAYLOAD}),
        ("5", {"type": "number"}, {"": PAYLOAD}),
        (5, {"type": "number"}, {}),
        (5.5, {"type": "number"}, {}),
        (5, {"type": "integer"}, {}),
        (5.0, {"type": "integer"}, {}),
        (5.5, {"type": "integer"}, {"": PAYLOAD}),
        (True, {"type": "number"}, {"": PAYLOAD}),
        (False, {"type": "boolean"}, {}),
        ("true", {"type": "boolean"}, {"": PAYLOAD}),
        (0, {"type": "boolean"}, {"": PAYLOAD}),
        ("${form.seats}", {"type": "number"}, {}),
        ("`${form.seats} > 2`", {"type": "boolean"}, {}),
        ("Hello ${form.seats}", {"type": "number"}, {"": PAYLOAD}),
        ({}, {"type": "string"}, {"": PAYLOAD}),
        ([], {"type": "object"}, {"": PAYLOAD}),
        ({"city": "Rome", "at": [1, 2.5]}, PLACE, {}),
        ({"city": "${data.city}", "at": ["${data.x}"]}, PLACE, {}),
        ({"city": "Rome"}, PLACE, {"": INSIDE}),
        ({"city": 5, "at": [1, "2"]}, PLACE, {"/city": INSIDE, "/at/1": INSIDE}),
        ({"city": "Rome", "at": [], "a/b": 1}, PLACE, {"/a~1b": INSIDE}),
        ({"anything": 1}, {"type": "object"}, {}),
        ([[{"city": 5, "at": []}]], {"type": "array", "items": PLACES}, {"/0/0/city": INSIDE}),
        ([1, "a"], {"type": "array", "items": True}, {}),
        ([1, "a"], {"type": "array"}, {}),
        (5, {"type": "date"}, {}),
        (5, {"type": ["string"]}, {}),
        (5, {}, {}),
        (5, "string", {}),
    ],
)  # fmt: skip
def test_a_written_value_is_what_is_declared(value: Any, declared: Any, wrong: dict[str, str]) -> None:
    """Meta publishes one code for a value of the wrong type; its client says another inside of one."""
    passed = flow(screen("FIRST", link(navigate("LAST", it=value))), last(data={"it": declared}))
    option = {"id": "a", "title": "A", "on-select-action": {"name": "update_data", "payload": {"it": value}}}
    updated = flow(last(component("Dropdown", name="b", data_source=[option]), data={"it": declared}))
    place = "/screens/0/layout/children/0/data-source/0/on-select-action/payload/it"

    assert found(passed) == errors(*((f"{ACTION}/payload/it{inner}", code) for inner, code in wrong.items()))
    assert found(updated) == errors(*((f"{place}{inner}", UPDATE) for inner in wrong))


@settings(deadline=None)
@given(value=json_values, declared=json_values)
def test_any_value_can_be_held_against_anything_declared(value: Any, declared: Any) -> None:
    document = flow(
        screen("FIRST", link(navigate("LAST", it=value))), last(data={"it": {"type": declared}, "x": declared})
    )

    for each in actions.problems(read_document(document)):
        assert leads_somewhere(document, each.pointer)


# Updates of the same screen

SELECT, UNSELECT = "on-select-action", "on-unselect-action"


def update(**payload: Any) -> Any:
    return {"name": "update_data", "payload": payload}


def choosing(by_itself: dict[str, Any], by_option: dict[str, Any], version: str = "7.3") -> Any:
    """Return a Flow with a Dropdown and its one option, which do these things."""
    dropdown = {"type": "Dropdown", "name": "choice", "data-source": [{"id": "a", **by_option}], **by_itself}
    return flow(last(dropdown, data={"city": example_of("string", "Rome")}), version=version)


ITSELF, OPTION = "/screens/0/layout/children/0", "/screens/0/layout/children/0/data-source/0"


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        pytest.param(choosing({SELECT: update(city="Paris")}, {}), [], id="what is declared"),
        pytest.param(choosing({SELECT: update(city="${form.city}")}, {}), [], id="to an input of the same name"),
        pytest.param(choosing({SELECT: update(city="${screen.OTHER.data.city}")}, {}), [], id="to another screen's"),
        pytest.param(choosing({SELECT: update()}, {}), [], id="nothing"),
        pytest.param(
            choosing({}, {UNSELECT: update(town="Paris")}),
            [(f"{OPTION}/{UNSELECT}/payload/town", UPDATE)],
            id="what is not declared",
        ),
        pytest.param(
            choosing({SELECT: update(city="${data.city}")}, {}),
            [(f"{ITSELF}/{SELECT}/payload/city", UPDATE)],
            id="to itself",
        ),
        pytest.param(
            choosing({SELECT: update(city="${screen.LAST.data.city}")}, {}),
            [(f"{ITSELF}/{SELECT}/payload/city", UPDATE)],
            id="to itself, by the long way",
        ),
        pytest.param(
            choosing({SELECT: update(city="` ${data.city}`")}, {}),
            [(f"{ITSELF}/{SELECT}/payload/city", UPDATE)],
            id="to itself, in backticks",
        ),
        pytest.param(
            choosing({SELECT: update(city="Rome")}, {SELECT: update(city="Oslo")}),
            [(f"{OPTION}/{SELECT}", UPDATE)],
            id="by both",
        ),
        pytest.param(
            choosing({UNSELECT: exchange()}, {UNSELECT: update(city="Oslo")}),
            [(f"{OPTION}/{UNSELECT}", UPDATE)],
            id="by both, one asking",
        ),
        pytest.param(
            choosing({SELECT: update(city="Rome")}, {UNSELECT: update(city="Oslo")}), [], id="one selects, one does not"
        ),
        pytest.param(
            choosing({SELECT: exchange()}, {SELECT: exchange()}, "5.1"), [], id="by both, where options do nothing yet"
        ),
    ],
)  # fmt: skip
def test_an_update_sets_what_its_screen_declares(document: Any, problems: Any) -> None:
    assert found(document) == errors(*problems)


# Forms

ANSWER = complete(name="${form.first_name}")


def form(*children: Any, name: str = "form") -> Any:
    return component("Form", name=name, children=list(children))


@pytest.mark.parametrize(
    ("content", "places"),
    [
        pytest.param([form(text_input(), footer(ANSWER))], [], id="in the Form"),
        pytest.param([text_input(), footer(ANSWER)], [], id="without a Form"),
        pytest.param([form(text_input()), footer(ANSWER)], ["1/on-click-action/payload/name"], id="beside the Form"),
        pytest.param(
            [form(text_input()), footer(complete(a={"b": ["${form.first_name}", "`'a' ${form.first_name}`"]}))],
            ["1/on-click-action/payload/a/b/0", "1/on-click-action/payload/a/b/1"],
            id="deep in the payload",
        ),
        pytest.param([form(text_input()), footer(complete(name="${data.name}"))], [], id="only data"),
        pytest.param([form(text_input()), footer(complete(a="${screen.B.form.name}"))], [], id="of another screen"),
        pytest.param([form(text_input()), link(ANSWER), DONE], [], id="a link"),
        pytest.param(
            [form(text_input()), footer(complete(a="${form.", b="`${form.a`"))], [], id="what is no reference"
        ),
    ],
)
@pytest.mark.parametrize(("version", "severity"), [("3.1", "error"), ("4.0", "warning"), ("7.3", "warning")])
def test_a_footer_that_passes_a_form_on_stands_in_it(
    content: list[Any], places: list[str], version: str, severity: str
) -> None:
    document = flow(screen("LAST", *content, terminal=True), version=version)

    assert found(document) == [(f"/screens/0/layout/children/{place}", FORM, severity) for place in places]


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("${form.form}", True),
        ("${screen.LAST.form.form}", True),
        ("${form.form.first_name}", True),
        ("${form.first_name}", False),
        ("${data.form}", False),
        ("${screen.OTHER.form.form}", False),
        ("${form.both}", False),
    ],
)
def test_a_form_is_no_value(value: str, *, wrong: bool) -> None:
    document = flow(
        screen(
            "LAST", form(text_input(), footer(complete(it=value))), form(text_input("both"), name="both"), terminal=True
        )
    )
    place = "/screens/0/layout/children/0/children/1/on-click-action/payload/it"

    assert found(document) == (errors((place, CLICK)) if wrong else [])


# Media

PHOTOS, PAPERS = "${form.photos}", "${form.papers}"


def photos(**limits: Any) -> Any:
    return component("PhotoPicker", name="photos", label="Photos", **limits)


def papers(**limits: Any) -> Any:
    return component("DocumentPicker", name="papers", label="Papers", **limits)


@pytest.mark.parametrize(
    ("action", "wrong"),
    [
        pytest.param(exchange(photos=PHOTOS), [], id="to the endpoint"),
        pytest.param(exchange(all={"photos": PHOTOS}), ["all/photos"], id="to the endpoint, inside"),
        pytest.param(exchange(all=["", [PHOTOS]]), ["all/1/0"], id="to the endpoint, in a list"),
        pytest.param(complete(photos=PHOTOS), [], id="at the end"),
        pytest.param(complete(all={"a/b": {"c": PHOTOS}}), ["all/a~1b/c"], id="at the end, inside"),
        pytest.param(complete(photos="${screen.LAST.form.photos}"), [], id="at the end, by the long way"),
        pytest.param(complete(photos="`'Look: ' ${form.photos}`"), ["photos"], id="at the end, in an expression"),
        pytest.param(exchange(photos="`${form.photos}`"), ["photos"], id="to the endpoint, in an expression"),
        pytest.param(complete(all=["${screen.LAST.form.photos}"]), ["all/0"], id="at the end, by the long way, inside"),
        pytest.param(navigate("NEXT", photos=PHOTOS), ["photos"], id="to another screen"),
        pytest.param(navigate("NEXT", photos=[PHOTOS]), ["photos/0"], id="to another screen, inside"),
        pytest.param(navigate("NEXT", photos="${data.photos}"), [], id="what is only called so"),
        pytest.param(navigate("NEXT", photos="${screen.MOON.form.photos}"), [], id="those of no screen"),
        pytest.param(complete(all={"photos": "${form.paper}"}), [], id="those of no picker"),
    ],
)
def test_media_are_values_of_their_own_and_go_to_no_screen(action: Any, wrong: list[str]) -> None:
    following = last(id="NEXT", data={"photos": {"type": "array", "items": {"type": "string"}}})
    document = flow(screen("LAST", footer(action), photos(max_uploaded_photos=1), terminal=True), following)

    assert found(document) == errors(*((f"{ACTION}/payload/{place}", CLICK) for place in wrong))


SMALL = {"max_file_size_kb": 1024}


@pytest.mark.parametrize(
    ("content", "version", "count"),
    [
        pytest.param([photos(max_uploaded_photos=10, **SMALL)], "7.3", 0, id="ten"),
        pytest.param([photos(max_uploaded_photos=11, **SMALL)], "7.3", 1, id="eleven"),
        pytest.param([photos(**SMALL)], "7.3", 1, id="thirty, if nothing is said"),
        pytest.param([papers(**SMALL)], "5.0", 1, id="thirty papers"),
        pytest.param(
            [photos(max_uploaded_photos=6, **SMALL), papers(max_uploaded_documents=4, **SMALL)], "7.3", 0, id="together"
        ),
        pytest.param(
            [photos(max_uploaded_photos=6, **SMALL), papers(max_uploaded_documents=5, **SMALL)], "7.3", 1, id="too many"
        ),
        pytest.param([photos(max_uploaded_photos=4)], "7.3", 0, id="a hundred MiB"),
        pytest.param([photos(max_uploaded_photos=5)], "7.3", 1, id="more, if nothing is said"),
        pytest.param([photos()], "7.3", 2, id="too many and too large"),
        pytest.param([photos(max_uploaded_photos=1)], "4.0", 0, id="one, before 5.0"),
        pytest.param([photos(max_uploaded_photos=2, **SMALL)], "4.0", 1, id="two, before 5.0"),
        pytest.param([photos()], "4.0", 1, id="thirty, before 5.0"),
        pytest.param(
            [photos(max_uploaded_photos=1), papers(max_uploaded_documents=1)], "4.0", 1, id="both kinds, before 5.0"
        ),
        pytest.param([photos(max_uploaded_photos="${data.most}")], "7.3", 0, id="as many as only the phone knows"),
        pytest.param([photos(max_uploaded_photos=1e300)], "7.3", 0, id="out of all bounds, another fault"),
        pytest.param([], "7.3", 0, id="no picker"),
    ],
)
def test_only_so_many_and_so_large_media_go_with_the_end(content: list[Any], version: str, count: int) -> None:
    document = flow(
        screen("LAST", footer(complete(photos=PHOTOS, papers=PAPERS)), *content, terminal=True), version=version
    )

    assert found(document) == [(f"{ACTION}/payload", CLICK, "error")] * count


def test_media_of_other_screens_count() -> None:
    sent = complete(a="${screen.A.form.photos}", b="${screen.B.form.photos}")
    screens = [screen(name, photos(max_uploaded_photos=6, **SMALL)) for name in "AB"]

    assert found(flow(screen("LAST", footer(sent), terminal=True), *screens)) == errors((f"{ACTION}/payload", CLICK))


# Whatever comes

OWN = [rule.breaks for rule in RULES.values() if isinstance(rule.breaks, dict)]


@settings(max_examples=150, deadline=None)
@given(document=mutated(OWN) | json_values)
def test_any_document_is_judged_and_every_place_is_in_it(document: Any) -> None:
    if isinstance(document, dict):
        for each in actions.problems(read_document(document)):
            assert leads_somewhere(document, each.pointer)
            assert RULES[each.rule].code == each.code


@settings(deadline=None)
@given(value=st.text(min_size=50, max_size=500))
def test_no_message_repeats_a_long_value(value: str) -> None:
    document = flow(screen("FIRST", link(navigate(value, **{value: value})), go_to("LAST", guest=value)), last())

    assert all(value not in each.message for each in actions.problems(read_document(document)))
