"""
Who is written to, about what, and who they are: what Meta's calls, the portal and merchants make of it.

All people are invented.
"""

import asyncio
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from api.aliases import Aliases
from api.keyring import Key
from api.order_book import OrderBook
from api.outbox import Attempt
from api.people import Heard, PeopleDesk
from definitions.catalogue import Catalogue
from definitions.orders.rows import Account, Conversation, PersonAlias
from definitions.outgoing import MessageCall, Recipient
from definitions.people.keywords import MEANINGS
from engine.model import SECOND, Instance, born
from engine.ports import Decision, Identity
from storage.memory import MemoryStore
from tests.api.kept import a_failed_delivery, became, counted, deliver
from tests.api.serving import FakeClock, Server, running
from tests.api.speaking import (
    NOON_SECOND,
    NUMBER,
    PERSON,
    PHONE,
    a_call,
    a_message,
    a_minted_session,
    a_scan,
    a_status,
    a_tap,
    a_wamid,
    an_order,
    ask,
    at_once,
    history,
    messages,
    put_order,
    read_order,
    scan,
    statuses,
    subscribe,
)
from tests.builders import MINUTE, NOON

ACCOUNT = "1489"
BSUID = "IN.1800042"
OTHER = "919800000077"

CATALOGUE = Catalogue.load()

SHOP = Account(ACCOUNT, "dfc", "Dhruv Foods", "Asia/Kolkata")


def a_text(words: str, second: int = 60, **changes: Any) -> dict[str, Any]:
    """Return a text message of so many seconds after noon."""
    return a_message("text", {"body": words}, timestamp=str(NOON_SECOND + second), **changes)


def say(server: Server, words: str, second: int = 60, **changes: Any) -> tuple[str, str] | None:
    """Let somebody write *words*; return what became of the call."""
    server.clock.now = max(server.clock.now, NOON + (second + 2) * SECOND)
    return became(server, a_call(messages(a_text(words, second, **changes))))


def tap(server: Server, button: str, second: int = 120) -> tuple[str, str] | None:
    """Let somebody tap a reply button; return what became of the call."""
    server.clock.now = max(server.clock.now, NOON + (second + 2) * SECOND)
    tapped = a_tap(button, "wamid.question", "button_reply", timestamp=str(NOON_SECOND + second))
    return became(server, a_call(messages(tapped)))


def prefer(server: Server, wish: str, second: int = 60, **changes: Any) -> tuple[str, str] | None:
    """Let somebody set in WhatsApp itself whether they want offers; return what became of the call."""
    setting = {
        "wa_id": PHONE,
        "detail": f"User requested to {wish} marketing messages",
        "category": "marketing_messages",
        "value": wish,
        "timestamp": NOON_SECOND + second,
        **changes,
    }
    server.clock.now = max(server.clock.now, NOON + (second + 2) * SECOND)
    told = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, "user_preferences": [setting]}
    return became(server, a_call(told, field="user_preferences"))


def subscriptions(server: Server) -> dict[str, dict[str, str]]:
    """Return the states of all subscriptions: by person, and by category."""
    listed = ask(
        server, "GET", "/admin/api/v1/sessions?definition=subscription&limit=200", token=server.world.admin_token
    ).content["items"]
    found: dict[str, dict[str, str]] = {}
    for item in listed:
        _, person, category = item["key"].split(":")
        found.setdefault(person, {})[category] = item["state"]
    return found


def the_person(server: Server) -> tuple[str, dict[str, str]]:
    """Return the only person there is, with their subscriptions."""
    ((person, found),) = subscriptions(server).items()
    return person, found


def asked_for(server: Server) -> list[str]:
    """Return the effects that subscriptions asked for, in the order of their steps."""
    return [effect["name"] for effect in effects(server)]


def effects(server: Server) -> list[Any]:
    """Return the effects of subscriptions, the oldest first."""
    rows = server.do(
        lambda: server.parts.store._reader.execute(
            "SELECT effect.name, effect.key, journal.data FROM effect "
            "JOIN instance ON instance.id = effect.instance_id "
            "JOIN journal ON journal.instance_id = effect.instance_id AND journal.seq = effect.seq "
            "WHERE instance.definition = 'subscription' ORDER BY effect.number"
        ).fetchall()
    )
    return [{"name": name, "key": key, "data": json.loads(data)} for name, key, data in rows]


def told(server: Server, person: str, category: str) -> list[tuple[str, str, str, str]]:
    """Return what a subscription heard: each step's event, from where, to where, and how it counted."""
    return [
        (item.event, item.source_state, item.target_state, item.outcome)
        for item in server.journal("subscription", f"{ACCOUNT}:{person}:{category}")
    ]


def aliases(server: Server) -> dict[tuple[str, str], str]:
    """Return who bears which name."""
    rows = server.run(lambda: server.parts.store.find(PersonAlias))
    return {(row.kind, row.value): row.person_id for row in rows}


def found_by(server: Server, kind: str, value: str) -> str:
    """Return the person whom a name leads to by now."""
    return server.run(lambda: server.parts.people._aliases.find(ACCOUNT, [(kind, value)]))


# Keywords


def test_stop_stops_offers_and_updates_of_who_waits_for_nothing(server: Server) -> None:
    assert say(server, "STOP") == ("processed", "")

    person, found = the_person(server)
    assert found == {"marketing": "unsubscribed", "order_updates": "unsubscribed"}
    assert asked_for(server) == ["confirm_opt_out"]
    (step,) = history(server, "subscription", f"{ACCOUNT}:{person}:marketing")
    evidence = step["data"]["evidence"]
    assert {name: evidence[name] for name in ("source", "text", "at")} == {
        "source": "chat",
        "text": "STOP",
        "at": "2026-01-01T12:01:00Z",
    }
    assert evidence["wamid"].startswith("wamid.")
    assert step["data"]["stopped"] == ["marketing", "order_updates"]


def test_a_second_stop_is_noted_and_not_answered(server: Server) -> None:
    say(server, "STOP")
    say(server, "stop", 90)
    say(server, "रोकें", 95)

    person, found = the_person(server)
    assert found == {"marketing": "unsubscribed", "order_updates": "unsubscribed"}
    assert asked_for(server) == ["confirm_opt_out"]
    assert told(server, person, "marketing") == [
        ("opt_out", "inactive", "unsubscribed", ""),
        ("opt_out", "unsubscribed", "unsubscribed", "repeated"),
        ("opt_out", "unsubscribed", "unsubscribed", "repeated"),
    ]


def test_the_same_message_again_does_nothing(server: Server) -> None:
    call = a_call(messages(a_text("STOP")))
    deliver(server, call)
    deliver(server, {**call, "again": True})
    deliver(server, a_call(*(change["value"] for change in call["entry"][0]["changes"] * 3)))

    person, _ = the_person(server)
    assert len(told(server, person, "marketing")) == 1
    assert asked_for(server) == ["confirm_opt_out"]


@pytest.mark.parametrize("words", ["STOP 12345", "When does it stop?", "hello"])
def test_what_is_no_keyword_is_for_people_to_read(server: Server, words: str) -> None:
    assert say(server, words) == ("processed", "")

    assert subscriptions(server) == {}
    assert aliases(server) == {}


@pytest.mark.parametrize(
    ("words", "found", "answer"),
    [
        ("start offers", {"marketing": "active"}, "confirm_opt_in"),
        ("resume updates", {"order_updates": "active"}, "confirm_opt_in"),
        ("START ALL", {"marketing": "active", "order_updates": "active"}, "confirm_opt_in"),
        ("stop offers", {"marketing": "unsubscribed"}, "confirm_opt_out"),
        ("stop updates", {"order_updates": "unsubscribed"}, "confirm_opt_out"),
        ("START", {"order_updates": "inactive"}, "ask_what_to_start"),
        ("Cancel", {"order_updates": "inactive"}, "ask_what_to_cancel"),
    ],
)
def test_a_keyword_is_about_what_it_names(server: Server, words: str, found: dict[str, str], answer: str) -> None:
    assert say(server, words) == ("processed", "")

    assert the_person(server)[1] == found
    assert asked_for(server) == [answer]


def test_who_is_asked_what_to_start_answers_with_a_button(server: Server) -> None:
    say(server, "शुरू करें")
    tap(server, "start:order_updates")

    person, found = the_person(server)
    assert found == {"order_updates": "active"}
    assert asked_for(server) == ["ask_what_to_start", "confirm_opt_in"]
    tapped = history(server, "subscription", f"{ACCOUNT}:{person}:order_updates")[-1]["data"]
    assert (tapped["evidence"]["text"], tapped["locale"]) == ("start:order_updates", "hi")


def test_who_wants_to_cancel_an_order_is_heard_by_staff(server: Server) -> None:
    say(server, "CANCEL")
    tap(server, "cancel:order")

    assert asked_for(server) == ["ask_what_to_cancel", "alert_order_cancel", "confirm_order_cancel"]
    assert the_person(server)[1] == {"order_updates": "inactive"}


def test_the_button_of_a_template_may_be_a_keyword(server: Server) -> None:
    assert became(server, a_call(messages(a_tap("Stop promotions", a_wamid())))) == ("processed", "")

    assert the_person(server)[1] == {"marketing": "unsubscribed"}


def test_a_number_that_may_be_several_accounts_stops_nobody_unseen(server: Server) -> None:
    account = {"accountSlug": "kumar", "name": "Kumar Teas"}
    ask(server, "PUT", "/api/v1/accounts/77", account, token=server.world.portal_token)

    assert say(server, "STOP") == ("quarantined", "unknown_account")
    assert prefer(server, "stop") == ("quarantined", "unknown_account")


# Stopping while something is on its way


def test_who_waits_for_an_order_is_asked_before_its_updates_stop(server: Server) -> None:
    put_order(server, an_order())
    subscribe(server)
    say(server, "STOP")

    person, found = the_person(server)
    assert found == {"marketing": "unsubscribed", "order_updates": "active"}
    assert asked_for(server) == ["ask_what_to_stop"]

    tap(server, "stop:marketing")
    assert the_person(server) == (person, {"marketing": "unsubscribed", "order_updates": "active"})
    assert asked_for(server) == ["ask_what_to_stop", "confirm_opt_out"]
    declined = history(server, "subscription", f"{ACCOUNT}:{person}:order_updates")[-1]
    assert (declined["event"], declined["data"]["stopped"]) == ("stop_declined", ["marketing"])


@pytest.mark.parametrize("answered", [True, False], ids=["by the button", "by saying it again"])
def test_who_stops_everything_with_a_case_open_keeps_the_case(server: Server, *, answered: bool) -> None:
    key, _ = a_failed_delivery(server)
    subscribe(server)
    say(server, "STOP")
    asked = history(server, "subscription", f"{ACCOUNT}:{the_person(server)[0]}:order_updates")[-1]
    assert (asked["event"], asked["data"]["cases"]) == ("stop_requested", [key])
    if answered:
        tap(server, "stop:all")
    else:
        say(server, "STOP", 120)

    person, found = the_person(server)
    assert found == {"marketing": "unsubscribed", "order_updates": "unsubscribed"}
    assert asked_for(server) == ["ask_what_to_stop", "confirm_opt_out", "alert_stranded"]
    stranded = history(server, "subscription", f"{ACCOUNT}:{person}:order_updates")[-1]
    assert (stranded["event"], stranded["data"]["cases"]) == ("stranded", [key])
    instance = server.instance("ndr_case", key)
    assert instance is not None
    assert instance.state.startswith("unsettled.")


def test_who_unticks_the_box_with_a_case_open_strands_it_too(server: Server) -> None:
    a_failed_delivery(server)
    subscribe(server)
    subscribe(server, whatsAppStatus="INACTIVE")

    assert the_person(server)[1] == {"order_updates": "unsubscribed"}
    assert asked_for(server) == ["alert_stranded"]


def test_nobody_is_asked_about_an_order_that_has_come(server: Server) -> None:
    put_order(server, an_order())
    subscribe(server)
    scan(server, a_scan("out_for_delivery", 1), a_scan("delivered", 2))
    say(server, "STOP")

    assert the_person(server)[1] == {"marketing": "unsubscribed", "order_updates": "unsubscribed"}
    assert asked_for(server) == ["confirm_opt_out"]


# What was said last


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ([("start offers", 10), ("stop offers", 5)], "active"),
        ([("stop offers", 10), ("start offers", 5)], "unsubscribed"),
        ([("start offers", 10), ("stop offers", 10)], "unsubscribed"),
        ([("stop offers", 10), ("start offers", 10)], "unsubscribed"),
        ([("stop offers", 5), ("stop offers", 20), ("start offers", 10)], "unsubscribed"),
        ([("start offers", 5), ("start offers", 20), ("stop offers", 10)], "active"),
    ],
)
def test_what_was_said_last_counts_whatever_came_last(
    server: Server, said: Sequence[tuple[str, int]], state: str
) -> None:
    server.clock.move(MINUTE)
    for words, second in said:
        assert say(server, words, second) == ("processed", "")

    person, found = the_person(server)
    assert found == {"marketing": state}
    assert len(told(server, person, "marketing")) == len(said)


def test_an_older_stop_is_noted_as_outdated_and_not_answered(server: Server) -> None:
    server.clock.move(MINUTE)
    say(server, "start offers", 10)
    say(server, "stop offers", 5)

    person, _ = the_person(server)
    assert told(server, person, "marketing") == [
        ("opt_in", "inactive", "active", ""),
        ("opt_out", "active", "active", "outdated"),
    ]
    assert asked_for(server) == ["confirm_opt_in"]


# What is set in WhatsApp itself


def test_what_is_set_in_whatsapp_is_about_offers_alone(server: Server) -> None:
    put_order(server, an_order())
    subscribe(server)
    assert prefer(server, "stop") == ("processed", "")

    person, found = the_person(server)
    assert found == {"marketing": "unsubscribed", "order_updates": "active"}
    assert asked_for(server) == []
    (step,) = history(server, "subscription", f"{ACCOUNT}:{person}:marketing")
    assert step["data"]["evidence"] == {
        "source": "user_preferences",
        "text": "User requested to stop marketing messages",
        "at": "2026-01-01T12:01:00Z",
    }

    assert prefer(server, "resume", 90) == ("processed", "")
    assert prefer(server, "stop") == ("processed", "")
    assert the_person(server)[1] == {"marketing": "active", "order_updates": "active"}
    assert len(told(server, person, "marketing")) == 2


@pytest.mark.parametrize("changes", [{"category": "utility_messages"}, {"value": "pause"}, {"value": None}])
def test_a_setting_that_we_do_not_know_is_set_aside(server: Server, changes: dict[str, Any]) -> None:
    assert prefer(server, "stop", **changes) == ("quarantined", "unknown_preference")


def test_a_message_that_fails_because_its_person_wants_no_offers_tells_so(server: Server) -> None:
    say(server, "start all", 10)
    error = {"code": 131050, "title": "User has stopped marketing messages from your WhatsApp business account"}
    failed = a_status("failed", a_wamid(), 60, errors=[error])
    assert became(server, a_call(statuses(failed))) == ("processed", "")
    assert became(server, a_call(statuses(failed), field="messages") | {"again": True}) == ("processed", "")

    person, found = the_person(server)
    assert found == {"marketing": "unsubscribed", "order_updates": "active"}
    assert len(told(server, person, "marketing")) == 2
    assert asked_for(server) == ["confirm_opt_in"]


# One person


def test_the_number_that_writes_is_the_customer_of_the_order(server: Server) -> None:
    put_order(server, an_order())
    say(server, "start updates")

    assert read_order(server).content["isWhatsAppEnabledForNotifications"] == "1"
    person, _ = the_person(server)
    assert aliases(server) == {
        ("phone", PHONE): person,
        ("email", PERSON["email"]): person,
        ("order", "O-1"): person,
    }


def test_a_person_keeps_the_id_that_the_first_document_gave_them(server: Server) -> None:
    put_order(server, an_order("O-1"))
    subscribe(server)
    before, _ = the_person(server)
    put_order(server, an_order("O-2", shippingAddress={**PERSON, "email": "asha@shop.example"}))
    put_order(server, an_order("O-3", shippingAddress={**PERSON, "contactPhone": "9800000055"}))

    assert set(aliases(server).values()) == {before}
    assert {name for kind, name in aliases(server) if kind == "phone"} == {PHONE, "919800000055"}


def test_two_persons_who_turn_out_to_be_one_keep_the_stricter_consent(server: Server) -> None:
    put_order(server, an_order("O-1"))
    put_order(server, an_order("O-2", shippingAddress={"contactPhone": OTHER, "email": "a.rao@shop.example"}))
    subscribe(server)
    say(server, "STOP ALL", 60, **{"from": OTHER})
    first, second = aliases(server)["phone", PHONE], aliases(server)["phone", OTHER]
    assert first != second

    put_order(server, an_order("O-3", shippingAddress={**PERSON, "email": "a.rao@shop.example"}))

    assert set(aliases(server).values()) == {first}
    assert aliases(server)["person", second] == first
    assert subscriptions(server) == {
        first: {"marketing": "unsubscribed", "order_updates": "unsubscribed"},
        second: {"marketing": "merged", "order_updates": "merged"},
    }
    assert told(server, first, "order_updates") == [
        ("opt_in", "inactive", "active", ""),
        ("merged", "active", "unsubscribed", ""),
    ]
    assert told(server, second, "order_updates") == [
        ("opt_out", "inactive", "unsubscribed", ""),
        ("merged_away", "unsubscribed", "merged", ""),
    ]
    assert read_order(server, "O-2").content["isWhatsAppEnabledForNotifications"] == "0"

    say(server, "start updates", 300, **{"from": OTHER})
    assert read_order(server, "O-1").content["isWhatsAppEnabledForNotifications"] == "1"


def test_an_id_that_comes_with_a_number_is_that_persons_too(server: Server) -> None:
    say(server, "start offers")
    contact = {"profile": {"name": "Asha"}, "wa_id": PHONE, "user_id": BSUID}
    deliver(server, a_call(messages(a_text("hello", 90), contacts=[contact])))
    person, _ = the_person(server)
    assert aliases(server) == {("phone", PHONE): person, ("bsuid", BSUID): person}

    nameless = {"from_user_id": BSUID, "id": a_wamid(), "timestamp": str(NOON_SECOND + 200), "type": "text"}
    deliver(server, a_call(messages({**nameless, "text": {"body": "STOP OFFERS"}})))
    assert the_person(server) == (person, {"marketing": "unsubscribed"})


@pytest.mark.parametrize(
    "told_by",
    [
        pytest.param(
            {"type": "user_changed_number", "body": "Asha changed from one to another", "wa_id": OTHER}, id="a number"
        ),
        pytest.param(
            {
                "type": "user_changed_number",
                "wa_id": OTHER,
                "user_id": "IN.1800099",
                "previous_user_id": BSUID,
            },
            id="a number and an id",
        ),
    ],
)
def test_who_changes_their_number_is_still_the_same(server: Server, told_by: Mapping[str, str]) -> None:
    contact = {"profile": {"name": "Asha"}, "wa_id": PHONE, "user_id": BSUID}
    put_order(server, an_order())
    subscribe(server)
    deliver(server, a_call(messages(a_text("hello"), contacts=[contact])))
    person, _ = the_person(server)
    changed = a_call(messages(a_message("system", dict(told_by))))
    assert became(server, changed) == ("processed", "")
    deliver(server, {**changed, "again": True})

    assert (counted(server)["message processed"], counted(server)["message duplicate"]) == (1, 1)
    assert aliases(server)["phone", OTHER] == person
    assert aliases(server)["former_phone", PHONE] == person
    assert ("phone", PHONE) not in aliases(server)
    assert (aliases(server).get(("bsuid", "IN.1800099")) == person) == ("user_id" in told_by)
    put_order(server, an_order(note="put again"))
    assert ("phone", PHONE) not in aliases(server)
    assert read_order(server).content["isWhatsAppEnabledForNotifications"] == "1"
    assert whom(server, "O-1").whatsapp == OTHER

    say(server, "STOP", 300, **{"from": PHONE})
    assert aliases(server)["phone", PHONE] != person
    assert whom(server, "O-1").categories == {"order_updates"}


def test_an_id_that_changes_without_a_number_is_moved(server: Server) -> None:
    says = {"from_user_id": BSUID, "id": a_wamid(), "timestamp": str(NOON_SECOND), "type": "text"}
    deliver(server, a_call(messages({**says, "text": {"body": "start offers"}})))
    person, _ = the_person(server)
    system = {"type": "user_changed_user_id", "previous_user_id": BSUID, "user_id": "IN.2"}
    deliver(server, a_call(messages({"id": a_wamid(), "timestamp": "1", "type": "system", "system": system})))
    update = {"user_id": {"previous": "IN.2", "current": "IN.3"}, "timestamp": str(NOON_SECOND + 60)}
    told = {"metadata": {"phone_number_id": NUMBER}, "user_id_update": [update]}
    assert became(server, a_call(told, field="user_id_update")) == ("processed", "")

    assert aliases(server) == {
        ("bsuid", "IN.3"): person,
        ("former_bsuid", BSUID): person,
        ("former_bsuid", "IN.2"): person,
    }


# Whom messages are for


def whom(server: Server, order_id: str) -> Recipient:
    """Return whom a message about an order is for."""
    document = read_order(server, order_id).content
    instance = server.instance("order", order_id)
    assert instance is not None
    return server.run(lambda: server.parts.people.recipient(ACCOUNT, NUMBER, instance, document))


def test_a_message_about_an_order_is_for_its_customer(server: Server) -> None:
    put_order(server, an_order())
    person = aliases(server)["order", "O-1"]
    assert whom(server, "O-1") == Recipient(person, PHONE, "Asha Rao")

    subscribe(server)
    say(server, "Is it on its way?", 90)
    say(server, "Hello?", 30)
    heard_at = NOON + 90 * SECOND
    assert whom(server, "O-1") == Recipient(person, PHONE, "Asha Rao", frozenset({"order_updates"}), heard_at)
    assert whom(server, "O-1").last_inbound_at == heard_at


def test_the_root_of_a_conversation_stays_when_the_person_writes(server: Server) -> None:
    put_order(server, an_order())
    row = Conversation(NUMBER, PHONE, 0, "wamid.root", NOON)
    server.run(lambda: server.parts.store.commit(Decision(recorded_at=NOON, put=(row,))))
    say(server, "Hello", 90)

    assert (whom(server, "O-1").root, whom(server, "O-1").last_inbound_at) == ("wamid.root", NOON + 90 * SECOND)


def test_what_nobody_wrote_opens_no_conversation(server: Server) -> None:
    deliver(server, a_call(messages(a_message("system", {"type": "customer_identity_changed"}))))

    assert server.run(lambda: server.parts.store.find(Conversation)) == []


def test_an_answer_is_for_who_said_it(server: Server) -> None:
    say(server, "STOP")
    person, _ = the_person(server)
    instance = server.instance("subscription", f"{ACCOUNT}:{person}:marketing")
    assert instance is not None

    found = server.run(lambda: server.parts.people.recipient(ACCOUNT, NUMBER, instance, {}))
    assert found == Recipient(person, PHONE, last_inbound_at=NOON + 60 * SECOND)


@pytest.mark.parametrize(
    ("recipient", "whatsapp"),
    [("+91 98000-00042", PHONE), (PHONE, PHONE), ("4915550001", "4915550001"), (BSUID, BSUID), ("", "")],
)
def test_a_flow_is_for_who_it_was_opened_for(server: Server, recipient: str, whatsapp: str) -> None:
    key = a_minted_session(server, recipient=recipient) if recipient else ""
    instance = server.instance("purchase_interest", key) or born(
        CATALOGUE.interpreter("purchase_interest").definition, "t-1", NOON
    )

    assert server.run(lambda: server.parts.people.recipient(ACCOUNT, NUMBER, instance, {})).whatsapp == whatsapp


def test_a_stop_is_confirmed_to_who_said_it_and_staff_are_told_without_a_call(server: Server) -> None:
    key, _ = a_failed_delivery(server)
    subscribe(server)
    say(server, "STOP ALL")
    rows = {effect["name"]: effect["key"] for effect in effects(server)}
    outbox = server.parts.outbox

    async def deliver_all() -> dict[str, Any]:
        await outbox.address()
        return {name: await outbox.begin(rows[name]) for name in ("confirm_opt_out", "alert_stranded")}

    begun = server.run(deliver_all)
    person, _ = the_person(server)
    (said,) = history(server, "subscription", f"{ACCOUNT}:{person}:marketing")
    words = "You will get no more messages from Dhruv Foods. To start again, send START."
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": PHONE,
        "context": {"message_id": said["data"]["evidence"]["wamid"]},
        "type": "text",
        "text": {"preview_url": False, "body": words},
        "biz_opaque_callback_data": rows["confirm_opt_out"],
    }
    call = MessageCall(f"whatsapp/{NUMBER}/{PHONE}", NUMBER, body)
    assert begun == {
        "confirm_opt_out": Attempt(rows["confirm_opt_out"], "confirm_opt_out", 1, call),
        "alert_stranded": None,
    }
    (alert,) = server.run(lambda: server.parts.store.owed([rows["alert_stranded"]]))
    assert alert is not None
    assert (alert.status, alert.reason, alert.data["cases"]) == ("done", "shown_to_staff", [key])


def test_documents_that_come_at_once_and_name_one_another_are_of_one_person(server: Server) -> None:
    phones = [f"98000001{number:02}" for number in range(6)]
    orders = [
        an_order(
            f"O-{number}",
            shippingAddress={"contactPhone": phones[number // 2], "email": f"asha{(number + 1) // 2}@shop.example"},
        )
        for number in range(12)
    ]

    apart_first = [*orders[::2], *orders[1::2]]  # those first that name three strangers: so some have to be merged
    assert {heard.status for heard in at_once(apart_first, lambda order: put_order(server, order))} == {200}

    found = {found_by(server, kind, value) for kind, value in aliases(server)}
    assert len(found) == 1
    assert sum(kind == "order" for kind, _ in aliases(server)) == 12
    assert {person for person, states in subscriptions(server).items() if states["marketing"] != "merged"} == found


# Whatever is said, in whatever order


class Remark(Struct, frozen=True):
    """Something said so many seconds after noon, by a door."""

    second: int
    meaning: str
    door: str


REMARKS = st.builds(
    Remark,
    st.integers(0, 12),
    st.sampled_from(sorted(MEANINGS)),
    st.sampled_from(["chat", "preference"]),
)


def opts(remark: Remark, category: str) -> str:
    """Return what a remark says about a category: `opt_in`, `opt_out` or nothing."""
    meaning = MEANINGS[remark.meaning]
    return meaning.event if category in meaning.categories else ""


async def hear_all(remarks: Sequence[Remark]) -> MemoryStore:
    """Let one person say all of it, each when it comes; return what the store has then."""
    clock, store = FakeClock(NOON + 100 * SECOND), MemoryStore()
    desk = PeopleDesk(OrderBook(CATALOGUE, store, clock))
    await desk._book.store.commit(Decision(recorded_at=NOON, put=(SHOP,)))
    for place, remark in enumerate(remarks):
        at = NOON + remark.second * SECOND
        heard = Heard(NUMBER, frozenset({PHONE}), Identity("whatsapp", f"w-{place}"), remark.meaning, "", at, clock())
        await (desk.asked(heard) if remark.door == "chat" else desk.preferred(heard))
    return store


@settings(max_examples=150, deadline=None)
@given(remarks=st.lists(REMARKS, max_size=12))
def test_nobody_is_written_to_who_said_stop_after_saying_start(remarks: list[Remark]) -> None:
    store = asyncio.run(hear_all(remarks))

    for category in ("marketing", "order_updates"):
        ins = [remark.second for remark in remarks if opts(remark, category) == "opt_in"]
        outs = [remark.second for remark in remarks if opts(remark, category) == "opt_out"]
        states = [each.state for each in store.instances.values() if each.key.endswith(category)]
        assert ("active" in states) == (max(ins, default=-1) > max(outs, default=-1))


async def merge_all(first: Sequence[Remark], second: Sequence[Remark]) -> list[Instance]:
    """Let two persons say things, and turn out to be one; return the subscriptions of the one left."""
    clock, store = FakeClock(NOON + 100 * SECOND), MemoryStore()
    book = OrderBook(CATALOGUE, store, clock)
    desk = PeopleDesk(book)
    await store.commit(Decision(recorded_at=NOON, put=(SHOP,)))
    for phone, remarks in ((PHONE, first), (OTHER, second)):
        for place, remark in enumerate(remarks):
            identity = Identity("whatsapp", f"{phone}/{place}")
            at = NOON + remark.second * SECOND
            await desk.asked(Heard(NUMBER, frozenset({phone}), identity, remark.meaning, "", at, clock()))
    person = await Aliases(book).meet(SHOP.account_id, [("phone", PHONE), ("phone", OTHER)])
    return [each for each in store.instances.values() if each.context["person_id"] == person]


@settings(max_examples=80, deadline=None)
@given(first=st.lists(REMARKS, min_size=1, max_size=5), second=st.lists(REMARKS, min_size=1, max_size=5))
def test_merging_subscribes_nobody(first: list[Remark], second: list[Remark]) -> None:
    alone = [asyncio.run(hear_all([replace(remark, door="chat") for remark in said])) for said in (first, second)]
    merged = asyncio.run(merge_all(first, second))

    for category in ("marketing", "order_updates"):
        states = [
            next((each.state for each in store.instances.values() if each.key.endswith(category)), "inactive")
            for store in alone
        ]
        left = next((each.state for each in merged if each.key.endswith(category)), "inactive")
        assert left == min(states, key=("unsubscribed", "paused", "inactive", "active").index)


def test_whose_orders_are_that_an_older_program_took_is_learnt_at_the_start(database: Path, endpoint_key: Key) -> None:
    with running(database, [endpoint_key]) as before:
        put_order(before, an_order())
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM person_alias")

    with running(database, [endpoint_key]), closing(sqlite3.connect(database)) as connection:
        kinds = connection.execute("SELECT DISTINCT kind FROM person_alias ORDER BY kind").fetchall()

    assert [kind for (kind,) in kinds] == ["email", "order", "phone"]
