"""What the naive phone shows, lets people do and sends."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import UNSET

from definitions.flow_json.document import read_document
from definitions.simulation.phone import Move, Phone, Shown, decided_by, reacts, referred_to
from tests.definitions.documents import a_flow, a_screen, does, the_end
from tests.definitions.simulation.booking import BOOKING, TREATMENTS, options

OPENED = {"treatments": TREATMENTS}


def a_phone(document: Mapping[str, Any], data: Mapping[str, Any] | None = None, screen: str = "") -> Phone:
    """Return a phone with a screen of a Flow, by default its entry."""
    flow = read_document(dict(document))
    return Phone(flow).arrived(screen or flow.entries[0], data or {})


def showing(*components: Mapping[str, Any], data: Mapping[str, Any] | None = None, **fields: Any) -> Phone:
    """Return a phone with a screen of these components."""
    return a_phone(a_flow(a_screen("ONE", *components, **fields), the_end()), data)


def a_text(name: str = "word", **fields: Any) -> dict[str, Any]:
    """Return a text input."""
    return {"type": "TextInput", "name": name, "label": "What?", **fields}


def seen(phone: Phone) -> list[str]:
    """Return the inputs that can be seen."""
    return [given.name for given in phone.inputs]


# What is seen


def test_the_branch_that_holds_is_seen_and_the_other_is_not() -> None:
    branches = {"type": "If", "condition": "${form.word} == 'yes'", "then": [a_text("more")], "else": [a_text("why")]}
    phone = showing(a_text(), branches)

    assert seen(phone) == ["word", "why"]
    assert seen(phone.typed("word", "yes")) == ["word", "more"]
    assert seen(phone.typed("word", "yes").typed("word", UNSET)) == ["word", "why"]


def test_a_switch_shows_its_case_and_nothing_for_another_value() -> None:
    switch = {"type": "Switch", "value": "${data.kind}", "cases": {"car": [a_text("plate")], "true": [a_text("yes")]}}

    assert [seen(showing(switch, data={"kind": kind})) for kind in ("car", True, "boat", None)] == [
        ["plate"],
        ["yes"],
        [],
        [],
    ]


def test_what_stands_in_several_branches_is_seen_where_all_hold() -> None:
    inner = {"type": "If", "condition": "${data.b}", "then": [a_text("both")], "else": [a_text("only_a")]}
    outer = {"type": "If", "condition": "${data.a}", "then": [inner], "else": [a_text("none")]}

    shown = {(a, b): seen(showing(outer, data={"a": a, "b": b})) for a in (True, False) for b in (True, False)}

    assert shown == {
        (True, True): ["both"],
        (True, False): ["only_a"],
        (False, True): ["none"],
        (False, False): ["none"],
    }


@pytest.mark.parametrize(
    ("visible", "data", "is_seen"),
    [
        pytest.param(True, {}, True, id="written so"),
        pytest.param(False, {}, False, id="written otherwise"),
        pytest.param("${data.is_open}", {"is_open": True}, True, id="by data"),
        pytest.param("${data.is_open}", {"is_open": False}, False, id="not by data"),
        pytest.param("${data.is_open}", {}, False, id="by data that is missing"),
        pytest.param("`${data.count} > 2`", {"count": 3}, True, id="by an expression"),
    ],
)
def test_visible_says_what_is_seen(visible: Any, data: dict[str, Any], *, is_seen: bool) -> None:
    assert seen(showing(a_text(visible=visible), data=data)) == (["word"] if is_seen else [])


def test_data_that_what_is_seen_refers_to_is_missed() -> None:
    shown = {"type": "TextBody", "text": "${data.hello}"}
    hidden = {"type": "TextBody", "text": "${data.more}", "visible": "${data.is_long}"}

    assert showing(shown, hidden, data={}).missing() == ("${data.hello}",)
    assert showing(shown, hidden, data={"hello": "", "is_long": True}).missing() == ("${data.more}",)
    assert showing(shown, hidden, data={"hello": "", "is_long": False}).missing() == ()


# What can be done


def test_a_footer_works_when_every_input_that_is_seen_holds_what_it_should() -> None:
    phone = showing(
        {**a_text(required=True), "max-chars": 3}, a_text("hidden", required=True, visible=False), does("complete")
    )

    filled = {value: phone.typed("word", value).is_filled() for value in ("", "abc", "abcd")}

    assert filled == {"": False, "abc": True, "abcd": False}
    assert not phone.is_filled()


def test_a_disabled_footer_offers_nothing() -> None:
    footer = {**does("complete"), "enabled": "`${form.word} == 'yes'`"}
    phone = showing(a_text(), footer)

    assert phone.moves() == ()
    assert phone.typed("word", "yes").moves() == (Move("complete", "Footer", {}, submits=True),)


def test_a_payload_has_values_and_leaves_out_what_is_missing_or_hidden() -> None:
    payload = {
        "fixed": 7,
        "word": "${form.word}",
        "hidden": "${form.hidden}",
        "nothing": "${form.nothing}",
        "name": "${data.person.name}",
        "greeting": "`'Hello ' ${data.person.name}`",
        "inside": {"word": "${form.word}", "nothing": "${form.nothing}"},
    }
    phone = showing(
        a_text(),
        a_text("hidden", visible="${data.is_shown}"),
        a_text("nothing"),
        does("complete", payload=payload),
        data={"person": {"name": "Asha"}, "is_shown": False},
    )

    (move,) = phone.typed("word", "tea").typed("hidden", "secret").moves()

    assert move.payload == {
        "fixed": 7,
        "word": "tea",
        "name": "Asha",
        "greeting": "Hello Asha",
        "inside": {"word": "tea"},
    }
    assert move.fields == {"word": "word", "hidden": "hidden", "nothing": "nothing"}


def test_links_and_what_is_agreed_to_lead_on_whatever_is_in_the_form() -> None:
    terms = {**does("navigate", "END", kind="OptIn"), "name": "terms"}
    site = does("open_url", kind="EmbeddedLink", url="https://example.com")
    phone = showing(terms, site, a_text(required=True))

    assert [(move.name, move.by, move.next, move.submits) for move in phone.moves()] == [
        ("navigate", "terms", "END", False),
        ("open_url", "EmbeddedLink", "", False),
    ]


def test_each_item_of_a_list_is_a_move_wherever_its_action_stands() -> None:
    items = [
        {"id": "a", "on-click-action": does("navigate", "END", payload={"from": "a"})["on-click-action"]},
        {"id": "b"},
    ]
    action = does("data_exchange", payload={"item": "${form.list}"})["on-click-action"]
    listed = {"type": "NavigationList", "name": "list", "list-items": "${data.items}", "on-click-action": action}

    assert showing(listed, data={"items": items}).moves() == (
        Move("navigate", "list=a", {"from": "a"}, "END"),
        Move("data_exchange", "list=b", {"item": "b"}, fields={"item": "list"}),
    )


def test_choosing_updates_the_data_of_the_screen_and_choosing_otherwise_takes_it_back() -> None:
    def updating(to: str) -> dict[str, Any]:
        return {"name": "update_data", "payload": {"states": to}}

    listed = [
        {"id": "in", "title": "In", "on-select-action": updating("s1"), "on-unselect-action": updating("none")},
        {"id": "out", "title": "Out", "on-select-action": updating("`'not ' ${form.country}`")},
    ]
    phone = showing({"type": "Dropdown", "name": "country", "label": "Where?", "data-source": listed})

    inside = phone.typed("country", "in")
    outside = inside.typed("country", "out")

    assert (inside.data["states"], outside.data["states"]) == ("s1", "not out")
    assert inside.typed("country", UNSET).data["states"] == "none"
    assert phone.data == {}


def test_choosing_can_ask_the_endpoint_at_once() -> None:
    phone = a_phone(BOOKING, {"is_asked": False, "slots": []}, "DAY")

    assert [(given.name, given.asks) for given in phone.inputs] == [("day", True)]
    chosen = phone.typed("day", "2026-02-02")
    assert chosen.asks("day") == Move("data_exchange", "day", {"day": "2026-02-02"}, fields={"day": "day"})
    assert chosen.asks("slot") is None


def test_a_screen_begins_with_its_initial_values() -> None:
    form = {
        "type": "Form",
        "name": "f",
        "children": [a_text("a"), a_text("b")],
        "init-values": {"a": "x", "b": "${data.b}"},
    }
    outside = showing(a_text("a", **{"init-value": "${data.b}"}), data={"b": "y"})

    assert showing(form, data={"b": "y"}).form == {"a": "x", "b": "y"}
    assert outside.form == {"a": "y"}


# Where it goes


def test_a_screen_lies_over_the_one_before_until_one_goes_back() -> None:
    phone = a_phone(BOOKING, OPENED).typed("treatment", "cut")

    prices = phone.arrived("PRICES", {})

    assert [shown.screen for shown in prices.stack] == ["TREATMENT", "PRICES"]
    assert prices.back().stack == (Shown("TREATMENT", OPENED, {"treatment": "cut"}),)
    assert prices.back().back().screen == ""


def test_an_answer_with_a_screen_that_lies_behind_goes_back_to_it_with_its_form() -> None:
    phone = a_phone(BOOKING, OPENED).typed("treatment", "cut").arrived("DAY", {})

    assert phone.arrived("TREATMENT", {"treatments": []}).stack == (
        Shown("TREATMENT", {"treatments": []}, {"treatment": "cut"}),
    )


def test_what_was_left_can_still_be_referred_to() -> None:
    phone = (
        a_phone(BOOKING, {}, "DAY").typed("day", "2026-02-02").arrived("LAST", {}).typed("email", "asha@example.com")
    )
    forgotten = phone.reopened().arrived("LAST", {})

    assert phone.moves()[0].payload == {"email": "asha@example.com", "day": "2026-02-02"}
    assert forgotten.moves()[0].payload == {}


def test_the_end_closes_the_flow() -> None:
    done = a_phone(BOOKING, OPENED).arrived("SUCCESS", {})

    assert (done.done, done.stack) == (True, ())


@pytest.mark.parametrize(
    ("here", "taken"),
    [
        ("", {"TREATMENT"}),
        ("TREATMENT", {"TREATMENT", "PRICES", "DAY", "SUCCESS"}),
        ("PRICES", {"PRICES", "TREATMENT", "SUCCESS"}),
        ("DAY", {"DAY", "TREATMENT", "LAST", "SUCCESS"}),
    ],
)
def test_an_answer_leads_along_a_route_either_way_or_nowhere_or_to_the_end(here: str, taken: set[str]) -> None:
    phone = Phone(read_document(BOOKING))
    phone = phone.arrived(here, {}) if here else phone

    assert {name for name in (*phone.flow.screens, "SUCCESS", "NOWHERE") if phone.takes(name)} == taken


def test_going_back_asks_the_endpoint_only_where_the_screen_says_so() -> None:
    assert {name: a_phone(BOOKING, {}, name).refreshes() for name in ("TREATMENT", "DAY", "LAST")} == {
        "TREATMENT": False,
        "DAY": True,
        "LAST": False,
    }


# What a document says of its screens


def test_a_screen_reacts_where_its_form_decides_what_is_seen() -> None:
    flow = read_document(BOOKING)

    assert {name for name, screen in flow.screens.items() if reacts(screen)} == {"TREATMENT"}
    assert referred_to(flow) == {"DAY"}


def test_data_decides_where_it_says_what_is_offered_and_not_where_it_is_read() -> None:
    flow = read_document(
        a_flow(
            a_screen(
                "ONE",
                {"type": "TextBody", "text": "${data.read}"},
                a_text(visible="${data.shows}"),
                {"type": "If", "condition": "${data.decides}", "then": [a_text("a", label="${data.read}")]},
                {"type": "Dropdown", "name": "b", "label": "B", "data-source": "${data.offers}"},
                does("complete", payload={"sent": "${data.sent}"}),
            )
        )
    )

    assert decided_by(flow.screens["ONE"]) == {"shows", "decides", "offers"}


@pytest.mark.parametrize("value", [None, 7, "x", ["x"], {"a": 1}, "${data.", "`broken", "${nothing.x}"])
def test_no_document_is_too_wrong_for_a_phone(value: Any) -> None:
    """Whatever stands in a property, a phone shows something; the linter says what is wrong."""
    names = (
        "visible", "enabled", "required", "data-source", "init-value", "min-chars", "max-chars", "min-date",
        "unavailable-dates", "include-days", "min-selected-items", "max-uploaded-photos", "on-select-action", "mode",
    )  # fmt: skip
    kinds = ("TextInput", "Dropdown", "CheckboxGroup", "CalendarPicker", "PhotoPicker", "OptIn", "NavigationList")
    for kind in kinds:
        for name in names:
            phone = showing({"type": kind, "name": "it", name: value}, does("complete", payload={"it": "${form.it}"}))
            assert all(given.name == "it" for given in phone.inputs)
            assert {move.name for move in phone.typed("it", options("a")).moves()} <= {"complete"}
