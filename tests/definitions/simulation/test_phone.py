"""What the naive phone shows, lets people do and sends."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import UNSET

from definitions.flow_json.document import read_document
from definitions.simulation.phone import Move, Phone, Shown, decided_by, reacts, referred_to
from tests.definitions.documents import a_flow, a_screen, does, the_end
from tests.definitions.simulation.booking import BOOKING, OPTIONS, TREATMENTS, options

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


def test_a_switch_shows_no_case_for_data_that_is_missing() -> None:
    switch = {"type": "Switch", "value": "${data.kind}", "cases": {"None": [a_text("none")]}}

    assert seen(showing(switch)) == []


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


def test_what_arrives_as_data_is_no_expression_and_what_stands_in_a_list_is_one() -> None:
    written = "${data.secret}"
    group = {"type": "RadioButtonsGroup", "label": "Which?"}
    phone = showing(
        {**group, "name": "listed", "data-source": "${data.listed}"},
        {**group, "name": "here", "data-source": [{"id": written, "title": "Here", "enabled": "${data.is_open}"}]},
        data={
            "secret": "SECRET",
            "is_open": True,
            "listed": [{"id": written}, {"id": "b", "enabled": "${data.is_open}"}],
        },
    )

    assert [(given.name, given.options, given.shut) for given in phone.inputs] == [
        ("listed", (written,), ("b",)),
        ("here", ("SECRET",), ()),
    ]


def test_rows_that_arrive_as_data_are_no_expressions_and_what_they_do_still_leads_on() -> None:
    action = does("navigate", "END", payload={"row": "${form.list}"})["on-click-action"]
    rows = [{"id": "${data.secret}", "on-click-action": action}]
    listed = {"type": "NavigationList", "name": "list"}
    data = {"secret": "SECRET", "rows": rows}

    by_data = showing({**listed, "list-items": "${data.rows}"}, data=data).moves()
    standing = showing({**listed, "list-items": rows}, data=data).moves()

    fields = {"row": "list"}
    assert by_data == (Move("navigate", "list=${data.secret}", {"row": "${data.secret}"}, "END", fields=fields),)
    assert standing == (Move("navigate", "list=SECRET", {"row": "SECRET"}, "END", fields=fields),)


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


def chosen_of(kind: str, **actions: Any) -> list[Mapping[str, Any]]:
    """Return the data after one more is chosen, one is not any more, and then none is."""
    one: list[Any] = ["a", "b", UNSET]
    several: list[Any] = [["a"], ["a", "b"], ["a"], []]
    values = {"OptIn": [True, False], "Dropdown": one, "RadioButtonsGroup": one}.get(kind, several)
    phone = showing({"type": kind, "name": "it", "label": "It", "data-source": options("a", "b"), **actions})
    found = []
    for value in values:
        phone = phone.typed("it", value)
        found.append(phone.data)
    return found


def test_what_is_no_longer_chosen_does_what_choosing_does_unless_it_does_something_itself() -> None:
    def putting(**payload: Any) -> dict[str, Any]:
        return {"name": "update_data", "payload": payload}

    on = {"on-select-action": putting(said="`${data.said} 's'`")}
    both = {**on, "on-unselect-action": putting(said="`${data.said} 'u'`")}

    def told(kind: str, **actions: Any) -> list[str]:
        return [data.get("said", "") for data in chosen_of(kind, **actions)]

    assert told("CheckboxGroup", **on) == told("ChipsSelector", **on) == ["s", "ss", "sss", "ssss"]
    assert told("CheckboxGroup", **both) == told("ChipsSelector", **both) == ["s", "ss", "ssu", "ssuu"]
    assert told("Dropdown", **on) == told("RadioButtonsGroup", **on) == ["s", "ss", "sss"]
    assert told("Dropdown", **both) == told("RadioButtonsGroup", **both) == ["s", "ss", "ssu"]
    assert (told("OptIn", **on), told("OptIn", **both)) == (["s", "s"], ["s", "su"])


def test_what_is_no_longer_offered_is_no_longer_chosen() -> None:
    several = {"type": "CheckboxGroup", "name": "many", "label": "Many", "data-source": "${data.listed}"}
    one = {"type": "Dropdown", "name": "one", "label": "One", "data-source": "${data.listed}"}
    more = {"type": "If", "condition": "${form.one} == 'b'", "then": [a_text("more")]}
    phone = showing(several, one, more, data={"listed": options("a", "b")})
    phone = phone.typed("many", ["a", "b"]).typed("one", "b").typed("more", "x")

    fewer = phone.arrived("ONE", {"listed": options("a")})
    unknown = phone.arrived("ONE", {})

    assert (fewer.form, seen(fewer)) == ({"many": ["a"], "more": "x"}, ["many", "one"])
    assert unknown.form == phone.form


def test_choosing_can_ask_the_endpoint_at_once() -> None:
    phone = a_phone(BOOKING, {"is_asked": False, "slots": []}, "DAY")

    assert [(given.name, given.asks) for given in phone.inputs] == [("day", True)]
    chosen = phone.typed("day", "2026-02-02")
    assert chosen.asks("day") == Move("data_exchange", "day", {"day": "2026-02-02"}, fields={"day": "day"})
    assert chosen.asks("slot") is None


def test_choosing_none_of_several_again_asks_the_endpoint_too_unless_it_does_something_else() -> None:
    asking = {"on-select-action": {"name": "data_exchange", "payload": {"it": "${form.it}"}}}
    otherwise = {"on-unselect-action": {"name": "update_data", "payload": {"is_asked": False}}}
    several = {"type": "CheckboxGroup", "name": "it", "label": "It", "data-source": options("a"), **asking}

    phone, other = (showing(each).typed("it", ["a"]).typed("it", []) for each in (several, {**several, **otherwise}))

    assert phone.asks("it", ["a"]) == Move("data_exchange", "it", {"it": []}, fields={"it": "it"})
    assert (other.asks("it", ["a"]), other.data) == (None, {"is_asked": False})


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


def test_a_choice_of_one_begins_with_the_first_of_what_is_given() -> None:
    group = {"type": "RadioButtonsGroup", "name": "a", "label": "A", "data-source": options("x", "y")}

    assert showing({**group, "init-value": ["y"]}).form == {"a": "y"}
    assert showing({**group, "init-value": []}).form == {}


def test_what_an_initial_value_chooses_does_something_and_what_is_hidden_does_not() -> None:
    listed = [{"id": "x", "title": "X", "on-select-action": {"name": "update_data", "payload": {"said": "x"}}}]
    group = {"type": "Dropdown", "name": "a", "label": "A", "data-source": listed, "init-value": "x"}

    assert showing(group).data == {"said": "x"}
    assert showing({**group, "visible": False}).data == {}


def counting(version: str) -> Phone:
    """Return a phone on a screen that counts how often what is ticked there is felt; two inputs do."""
    count = {"name": "update_data", "payload": {"count": "`${data.count} + 1`"}}
    tick = {"type": "OptIn", "label": "Tick", "init-value": True, "on-select-action": count}
    hidden = {**tick, "name": "hidden", "visible": False}
    empty = {**tick, "name": "empty", "init-value": False}
    one = a_screen("ONE", {**tick, "name": "one"}, {**tick, "name": "two"}, hidden, empty)
    return a_phone(a_flow(one, the_end(), version=version), {"count": 0}, "ONE")


@pytest.mark.parametrize(
    ("version", "times"),
    [("5.1", 0), ("6.0", 2), ("6.3", 2), ("7.0", 0), ("7.3", 0)],
)
def test_from_6_0_to_6_3_what_is_chosen_is_felt_once_whenever_its_screen_is_shown(version: str, times: int) -> None:
    phone = counting(version)
    again = phone.arrived("ONE", {"count": 10})
    back = again.arrived("END", {}).back()

    assert [each.data["count"] for each in (phone, again, back)] == [times, 10 + times, 10 + 2 * times]
    assert back.typed("empty", True).data["count"] == 10 + 2 * times + 1
    assert back.back().screen == ""


# Where it goes

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


def test_a_screen_reacts_where_what_arrives_there_updates_it() -> None:
    action = {"name": "update_data", "payload": {"states": []}}
    listed = {**OPTIONS, "__example__": [{"id": "in", "title": "In", "on-select-action": action}]}
    group = {"type": "Dropdown", "name": "country", "label": "Where?", "data-source": "${data.countries}"}
    document = read_document(a_flow(a_screen("ONE", group, data={"countries": listed})))

    assert reacts(document.screens["ONE"])


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
