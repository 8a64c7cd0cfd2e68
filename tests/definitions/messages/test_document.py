import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.catalogue import Catalogue, compile_path
from definitions.messages import document
from definitions.messages.document import Around, merged, read
from definitions.messages.wording import QuietHours, Template
from definitions.orders.rows import Account
from engine.errors import DefinitionError

AROUND = Around(
    events=frozenset({"notify_gone", "ask"}),
    about_cases=frozenset({"ask"}),
    flows=frozenset({"choose"}),
    tags=frozenset({"moving"}),
)

GONE = {"templates": [{"name": "gone"}]}

KUMAR = Account("77", "kumar", "Kumar Teas", "Asia/Kolkata")


def problems(content: Any, beneath: Mapping[str, Any] | None = None) -> list[tuple[str, str, str]]:
    """Return what is wrong with a file: its places, codes and words."""
    found = read(json.dumps(content).encode(), beneath or {}, AROUND).problems
    return [(each.pointer, each.code, each.message) for each in found]


def wrong(entry: Mapping[str, Any], event: str = "notify_gone") -> list[tuple[str, str]]:
    """Return what is wrong with how an event is said: its places within the entry, and words."""
    found = problems({"events": {event: entry}})
    return [(pointer.removeprefix(f"/events/{event}"), message) for pointer, _, message in found]


def template(**fields: Any) -> dict[str, Any]:
    """Return an entry with one template."""
    return {"templates": [{"name": "gone", **fields}]}


def free(**fields: Any) -> dict[str, Any]:
    """Return an entry with a free text."""
    return {"free_text": {"body": "Gone.", **fields}}


def a_reply(title: str = "Again", payload: str = "ACTF001") -> dict[str, str]:
    return {"title": title, "payload": payload}


# What ships


def test_what_ships_has_nothing_wrong_with_it() -> None:
    assert compile_path(document.SHIPPED).problems == ()


# Faults


@pytest.mark.parametrize(
    ("entry", "place", "words"),
    [
        ({}, "", "it is on and says nothing: templates, free_text or both"),
        ({**GONE, "category": "Order updates"}, "/category", "a category is a word like order_updates"),
        ({**GONE, "valid_hours": 0}, "/valid_hours", "from 1 to 720 hours"),
        ({**GONE, "when": ["still"]}, "/when", "no state has the tag still"),
        ({**GONE, "unless": ["still"]}, "/unless", "no state has the tag still"),
        ({**GONE, "on": "yes"}, "/on", "expected `bool`, got `str`"),
        ({**GONE, "templtes": []}, "", "object contains unknown field `templtes`"),
        ({"templates": [{"body": []}]}, "/templates/0", "object missing required field `name`"),
        ({"templates": [{"name": 1}]}, "/templates/0/name", "expected `str`, got `int`"),
        (template(name="Gone!"), "/templates/0/name", "a template's name has small letters, digits and _"),
        (template(language="english"), "/templates/0/language", "a language is a code like en or en_US"),
        (template(header="x" * 61), "/templates/0/header", "at most 60 characters, and these are 61"),
        (template(body=["{order.n}", ""]), "/templates/0/body/1", "it says nothing"),
        (template(body=["x" * 1025]), "/templates/0/body/0", "at most 1024 characters, and these are 1025"),
        (
            template(buttons=[{"type": "url", "text": "a"}] * 11),
            "/templates/0/buttons",
            "a template has at most 10 buttons",
        ),
        (
            template(buttons=[{"type": "flow", "flow": "choose"}] * 2),
            "/templates/0/buttons",
            "a template opens at most one Flow",
        ),
        (
            template(buttons=[{"type": "flow", "flow": "chose"}]),
            "/templates/0/buttons/0/flow",
            "no Flow with an endpoint has the name chose; there is choose",
        ),
        (
            template(buttons=[{"type": "url", "text": "a", "payload": "b"}]),
            "/templates/0/buttons/0/payload",
            "a button of type url has text, and nothing else",
        ),
        (
            template(buttons=[{"type": "quick_reply", "payload": "ACTF001"}]),
            "/templates/0/buttons/0/payload",
            "only what a failed delivery's case asks can be answered by a tap",
        ),
        (
            template(buttons=[{"type": "call"}]),
            "/templates/0/buttons/0/type",
            "invalid enum value 'call'",
        ),
        (free(body="x" * 4097), "/free_text/body", "at most 4096 characters, and these are 4097"),
        (free(header="Hello"), "/free_text/header", "a text without buttons has neither header nor footer"),
        (
            {**GONE, "quiet_hours": {"from": "9pm", "to": "08:00"}},
            "/quiet_hours/from",
            "a time is HH:MM, from 00:00 to 23:59",
        ),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_with_its_place(entry: dict[str, Any], place: str, words: str) -> None:
    assert wrong(entry) == [(place, words)]


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ({"body": "x" * 1025}, "/body", "at most 1024 characters, and these are 1025"),
        ({"footer": "x" * 61}, "/footer", "at most 60 characters, and these are 61"),
        ({"replies": [a_reply("x" * 21)]}, "/replies/0/title", "from 1 to 20 characters"),
        ({"replies": [a_reply(payload="AGAIN")]}, "/replies/0/payload", "one of ACTF001, ACTF003, ACTF004"),
        (
            {"replies": [a_reply(payload="ACTF002")]},
            "/replies/0/payload",
            "a tap says no date: open a Flow for ACTF002",
        ),
        ({"replies": [a_reply(str(n)) for n in range(4)]}, "/replies", "a message has at most 3 replies"),
        ({"replies": [a_reply(), a_reply()]}, "/replies", "two replies have one title"),
        (
            {"flow": {"name": "choose", "button": "Choose"}},
            "/flow",
            "a message has replies or opens a Flow, not both",
        ),
        ({"replies": [], "flow": {"name": "choose", "button": ""}}, "/flow/button", "from 1 to 30 characters"),
        (
            {"replies": [], "flow": {"name": "choose", "button": "Go 🚚"}},
            "/flow/button",
            "a Flow's button has no emoji",
        ),
    ],
)
def test_what_is_wrong_with_a_free_text_that_is_answered_by_a_tap(
    fields: dict[str, Any], place: str, words: str
) -> None:
    assert wrong(free(**{"replies": [a_reply()], **fields}), "ask") == [(f"/free_text{place}", words)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], ("", "INVALID_PROPERTY_TYPE", "expected an object")),
        ({"evnts": {}}, ("/evnts", "INVALID_PROPERTY_KEY", None)),
        ({"events": []}, ("/events", "INVALID_PROPERTY_TYPE", "expected an object")),
        ({"events": {"ask": 1}}, ("/events/ask", "INVALID_PROPERTY_TYPE", "expected an object or null")),
        ({"accounts": {"kumar": {"category": "x"}}}, ("/accounts/kumar/category", "INVALID_PROPERTY_KEY", None)),
        ({"accounts": {"kumar": {"events": 1}}}, ("/accounts/kumar/events", "INVALID_PROPERTY_TYPE", None)),
        (
            {"events": {"notify_lost": GONE}},
            ("/events/notify_lost", "UNKNOWN_EFFECT", "no message says 'notify_lost'; there is ask, notify_gone"),
        ),
        (
            {"quiet_hours": {"from": "08:00", "to": "08:00"}},
            ("/quiet_hours", "INVALID_PROPERTY_VALUE", "they end when they begin; without any, leave them out"),
        ),
        ({"quiet_hours": {"from": "21:00"}}, ("/quiet_hours", "INVALID_PROPERTY_TYPE", None)),
        (
            {"accounts": {"kumar": {"events": {"notify_gone": {"templates": [{"name": "A/B"}]}}}}},
            ("/accounts/kumar/events/notify_gone/templates/0/name", "INVALID_PROPERTY_VALUE", None),
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(content: Any, problem: tuple[str, str, str | None]) -> None:
    pointer, code, message = problem

    (found,) = problems(content)

    assert found == (pointer, code, message if message is not None else found[2])


def test_everything_that_is_wrong_is_told_at_once() -> None:
    entry = {"when": ["still"], **template(name="Gone!", body=["{case.end}"])}

    assert [place for place, _ in wrong(entry)] == ["/templates/0/body/0", "/templates/0/name", "/when"]


def test_what_is_no_json_or_says_a_thing_twice_is_told() -> None:
    assert [each.code for each in read(b"{", {}, AROUND).problems] == ["INVALID_JSON"]
    twice = b'{"events": {"notify_gone": {"on": false}, "notify_gone": {"on": false}}}'
    assert [(each.code, each.severity) for each in read(twice, {}, AROUND).problems] == [("DUPLICATE_KEY", "warning")]


# Merging


def test_a_later_file_changes_what_it_names_and_leaves_the_rest() -> None:
    first = read(json.dumps({"events": {"notify_gone": {**GONE, "urgent": True}, "ask": free()}}).encode(), {}, AROUND)
    patch = {"events": {"notify_gone": {"valid_hours": 3, **template(name="away")}, "ask": None}}

    second = read(json.dumps(patch).encode(), first.document, AROUND)

    assert {*second.messages.events} == {"notify_gone"}
    gone = second.messages.events["notify_gone"]
    assert (gone.urgent, gone.valid_hours, gone.templates) == (True, 3, (Template("away"),))


def test_an_account_says_it_its_own_way_by_id_or_by_slug() -> None:
    content = {
        "quiet_hours": {"from": "21:00", "to": "08:00"},
        "events": {"notify_gone": GONE, "ask": free()},
        "accounts": {
            "kumar": {"quiet_hours": None, "events": {"notify_gone": {"on": False}, "ask": None}},
            "78": {"quiet_hours": {"from": "22:00"}},
        },
    }
    messages = read(json.dumps(content).encode(), {}, AROUND).messages

    everybodys, kumars = (messages.wording("notify_gone", account) for account in (None, KUMAR))
    others = messages.wording("notify_gone", Account("78", "rao", "Rao Cups", "Asia/Kolkata"))
    assert everybodys is not None
    assert kumars == msgspec.structs.replace(everybodys, on=False, quiet_hours=None)
    assert others == msgspec.structs.replace(everybodys, quiet_hours=QuietHours("22:00", "08:00"))
    assert messages.wording("ask", KUMAR) is None
    assert messages.wording("ask", None) is not None


def test_what_an_account_changes_holds_when_a_later_file_changes_it_again() -> None:
    first = {"events": {"notify_gone": GONE}, "accounts": {"kumar": {"events": {"notify_gone": {"on": False}}}}}
    later = {"accounts": {"kumar": {"events": {"notify_gone": {"urgent": True}}}}}

    beneath = read(json.dumps(first).encode(), {}, AROUND)
    said = read(json.dumps(later).encode(), beneath.document, AROUND).messages.wording("notify_gone", KUMAR)

    assert said is not None
    assert (said.on, said.urgent) == (False, True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_merging_is_as_its_rfc_says(beneath: Any, patch: Any) -> None:
    result = merged(beneath, patch)

    if not isinstance(patch, dict):
        assert result == patch
        return
    under = beneath if isinstance(beneath, dict) else {}
    assert {*result} == {*under} - {name for name, value in patch.items() if value is None} | {
        name for name, value in patch.items() if value is not None
    }
    assert all(result[name] == under[name] for name in result.keys() - patch.keys())


@given(JSON | st.fixed_dictionaries({"events": JSON, "accounts": JSON, "quiet_hours": JSON}))
def test_whatever_a_file_holds_it_is_read_or_told_why_not(content: Any) -> None:
    reading = read(json.dumps(content).encode(), {}, AROUND)

    assert reading.problems or {*reading.messages.events} <= AROUND.events


# With the other definitions


def test_a_folders_file_is_loaded_with_its_definitions(tmp_path: Path) -> None:
    entry = {"templates": [{"name": "away", "buttons": [{"type": "flow", "flow": "ndr_resolution"}]}]}
    (tmp_path / "messages.json").write_text(json.dumps({"accounts": {"kumar": {"events": {"ask_customer": entry}}}}))

    messages = Catalogue.load([tmp_path]).messages

    assert [each.name for each in said(messages, KUMAR)] == ["away"]
    assert said(messages, None)[0].name == "failed_delivery"


def said(messages: document.Messages, account: Account | None) -> tuple[Template, ...]:
    """Return the templates that ask about a failed delivery."""
    wording = messages.wording("ask_customer", account)
    assert wording is not None
    return wording.templates


@pytest.mark.usefixtures("bindings")
def test_a_folders_own_effect_is_said_by_message_too(tmp_path: Path) -> None:
    (tmp_path / "bindings.py").write_text(
        "from definitions.binding import effect\n"
        "from definitions.messages.compose import message\n"
        'effect("notify_gift_wrapped", "tell the customer that it is wrapped")(message)\n'
    )
    (tmp_path / "messages.json").write_text(json.dumps({"events": {"notify_gift_wrapped": GONE}}))

    assert Catalogue.load([tmp_path]).messages.wording("notify_gift_wrapped", None) is not None


def test_a_file_with_a_fault_keeps_all_from_running(tmp_path: Path) -> None:
    path = tmp_path / "messages.json"
    path.write_text('{\n  "events": {"notify_gone": {}}\n}')

    with pytest.raises(DefinitionError) as refused:
        Catalogue.load([tmp_path])

    assert refused.value.name == f"{path}:2:14"
    assert [problem.code for problem in refused.value.problems] == ["MISSING_REQUIRED_PROPERTY", "UNKNOWN_EFFECT"]
    assert [problem.pointer for problem in compile_path(path).errors] == ["/events/notify_gone"] * 2
