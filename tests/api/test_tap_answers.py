"""What customers are told whose tap on a button about a failed delivery chooses nothing any more."""

from collections.abc import Iterator
from typing import Any

import pytest

from api import entry_codes
from api.outbox import Attempt
from api.tap_answers import answer, answer_unmatched
from api.whatsapp import MATCHED_WITHIN
from definitions.orders.rows import Account, Alias
from definitions.outgoing import MessageCall, Nothing, Recipient, Wish
from engine.model import Instance
from engine.ports import Decision
from tests.api.kept import a_failed_delivery, became, deliver
from tests.api.serving import Server
from tests.api.speaking import (
    ABSENT,
    NOON_SECOND,
    NUMBER,
    PERSON,
    PHONE,
    RESOLUTIONS,
    a_call,
    a_message,
    a_scan,
    a_status,
    a_tap,
    a_wamid,
    an_order,
    ask,
    history,
    messages,
    moves,
    put_order,
    resolve,
    scan,
    session,
    statuses,
)
from tests.api.test_deliveries import keep
from tests.builders import HOUR, MINUTE, NOON
from tests.definitions.wishing import a_wish, an_instance_of, heard

IN_VAIN = "tapped_in_vain"
CASE = "O-1:T-1:20260101T115930Z"
ANSWERS = ("answer_tap", "answer_unmatched_tap")


def tap(server: Server, wamid: str, code: str = "ACTF001", **changes: Any) -> str:
    """Let the customer tap a button of the message *wamid*; return the id of the message that the tap is."""
    tapped = a_tap(code, wamid, **changes)
    assert became(server, a_call(messages(tapped))) == ("processed", "")
    return str(tapped["id"])


def attempts(server: Server) -> list[Attempt]:
    """Begin to send every answer to a tap that waits to be sent, the oldest first."""
    rows = server.do(
        lambda: server.parts.store._reader.execute(
            "SELECT key FROM effect WHERE name IN (?, ?) AND status = 'pending' ORDER BY number", ANSWERS
        ).fetchall()
    )
    begun = [server.run(lambda key=key: server.parts.outbox.begin(key)) for (key,) in rows]  # type: ignore[misc]
    return [each for each in begun if isinstance(each, Attempt)]


def bodies(server: Server) -> list[dict[str, Any]]:
    """Return the bodies of the answers that wait to be sent."""
    calls = [attempt.call for attempt in attempts(server)]
    return [call.body for call in calls if isinstance(call, MessageCall)]


def told(server: Server) -> list[str]:
    """Return what the answers say that wait to be sent, without the line that has the address of a page."""
    return [body["text"]["body"].partition("\n")[0] for body in bodies(server)]


# What is told


def test_who_taps_after_the_parcel_was_delivered_is_told_so_with_the_way_to_their_order(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    scan(server, a_scan("delivered", -10))

    tapped = tap(server, wamid)

    (attempt,) = attempts(server)
    link = f"{server.settings.base_url}{server.parts.door.keys.link('O-1', server.clock.now)}"
    assert attempt.call == MessageCall(
        lane=f"whatsapp/{NUMBER}/{PHONE}",
        phone_number_id=NUMBER,
        body={
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": PHONE,
            "context": {"message_id": tapped},
            "type": "text",
            "text": {
                "preview_url": False,
                "body": f"Order C-O-1: It is settled: your parcel was delivered.\nSee how it stands: {link}",
            },
            "biz_opaque_callback_data": attempt.effect_id,
        },
        account_id="1489",
        person_id=attempt.call.person_id if isinstance(attempt.call, MessageCall) else "",
    )
    assert session(server, "ndr_case", key)["state"] == "closed.resolved_delivered"
    step = history(server, "ndr_case", key)[-1]
    assert (step["event"], step["occurred_at"]) == (IN_VAIN, "2026-01-01T12:00:00Z")
    assert step["data"]["wamid"] == tapped
    page = ask(server, "GET", link.removeprefix(server.settings.base_url))
    assert page.status in (200, 303)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("rto_created", "It is settled: your parcel was sent back to the shop."),
        ("lost", "It is settled: the courier has lost your parcel."),
    ],
)
def test_what_became_of_the_parcel_is_told(server: Server, word: str, words: str) -> None:
    _, wamid = a_failed_delivery(server)
    scan(server, a_scan(word, -10))

    tap(server, wamid)

    assert told(server) == [f"Order C-O-1: {words}"]


def test_who_taps_when_somebody_has_chosen_is_told_what_stands(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    resolve(server, "ACTF002", deferredDate="2026-01-02")
    answered(server, key)

    tap(server, wamid)

    (said,) = told(server)
    assert said == (
        "Order C-O-1: A choice stands already. "
        "You asked for another day: Friday, 2 January 2026. The courier has accepted it."
    )
    assert session(server, "ndr_case", key)["context"]["resolution"]["resolutionCode"] == "ACTF002"


def test_who_taps_what_stands_already_is_told_that_it_does(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    resolve(server, "ACTF001")

    tap(server, wamid)

    assert told(server) == [
        "Order C-O-1: A choice stands already. You asked for another try. Recorded. We are telling the courier."
    ]
    assert [event for event, _, _ in moves(server, "ndr_case", key)] == [
        "attempt_failed",
        "resolution_submitted",
        IN_VAIN,
    ]


def test_who_taps_when_the_time_is_over_is_told_so(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    server.clock.move(25 * HOUR)
    server.run(server.parts.timekeeper.fire_due)

    tap(server, wamid, timestamp=str(NOON_SECOND + 25 * 3600))

    assert session(server, "ndr_case", key)["state"] == "unsettled.expired"
    assert told(server) == ["Order C-O-1: The time to choose is over. The courier goes on by its own rules."]


def test_who_taps_what_is_not_offered_is_told_so_and_may_choose_something_else(server: Server) -> None:
    put_order(server, an_order())
    scan(server, a_scan("out_for_delivery", -60), a_scan("failed_delivery", -30, ndr_code="2"))
    wamid = asked_about(server, CASE)

    tap(server, wamid)
    said = told(server)
    tap(server, wamid, "ACTF003")

    assert said == ["Order C-O-1: That cannot be chosen any more, and nothing was recorded."]
    assert session(server, "ndr_case", CASE)["context"]["resolution"]["resolutionCode"] == "ACTF003"


def test_who_taps_the_question_before_the_last_one_is_sent_to_that(server: Server) -> None:
    _, wamid = a_failed_delivery(server)
    scan(server, a_scan("out_for_delivery", -20), a_scan("failed_delivery", -10))

    tap(server, wamid)

    assert told(server) == [
        "Order C-O-1: The courier has tried again since. Please answer our latest message about it."
    ]


def test_of_several_failed_deliveries_the_last_says_how_it_stands(server: Server) -> None:
    _, wamid = a_failed_delivery(server)
    scan(server, a_scan("out_for_delivery", -20), a_scan("failed_delivery", -10), a_scan("delivered", -5))

    tap(server, wamid)

    assert told(server) == ["Order C-O-1: It is settled: your parcel was delivered."]


def test_who_wrote_in_hindi_is_answered_in_hindi(server: Server) -> None:
    _, wamid = a_failed_delivery(server)
    deliver(server, a_call(messages(a_message("text", {"body": "शुरू"}))))
    scan(server, a_scan("delivered", -10))

    tap(server, wamid)

    (body,) = bodies(server)
    lines = body["text"]["body"].split("\n")
    assert lines[0] == "ऑर्डर C-O-1: मामला निपट चुका है: आपका पार्सल पहुँचा दिया गया है।"
    assert lines[1].startswith("अब की स्थिति यहाँ देखें: http")


def answered(server: Server, key: str) -> None:
    """Let the courier say yes to what was chosen."""
    act = {"event": "resolution_accepted", "reason": "the courier said so"}
    path = f"/admin/api/v1/sessions/ndr_case/{key.replace(':', '%3A')}/events"
    assert ask(server, "POST", path, act, token=server.world.admin_token).status == 200


def asked_about(server: Server, key: str) -> str:
    """Return the id of a message that asked about a case."""
    wamid = a_wamid()
    deliver(server, a_call(statuses(a_status("sent", wamid, biz_opaque_callback_data=f"ndr_case/{key}"))))
    return wamid


# Once


def test_the_same_tap_again_is_not_answered_again(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    scan(server, a_scan("delivered", -10))
    tapped = a_call(messages(a_tap("ACTF001", wamid)))

    for again in range(3):
        deliver(server, {**tapped, "again": again})
    deliver(server, a_call(*(change["value"] for change in tapped["entry"][0]["changes"] * 3)))

    assert len(told(server)) == 1
    assert [event for event, _, _ in moves(server, "ndr_case", key)].count(IN_VAIN) == 1


def test_whoever_taps_a_hundred_times_is_answered_once(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    scan(server, a_scan("delivered", -10))

    deliver(server, a_call(messages(*(a_tap(RESOLUTIONS[turn % 2 * 2], wamid) for turn in range(100)))))

    assert len(told(server)) == 1
    assert [event for event, _, _ in moves(server, "ndr_case", key)].count(IN_VAIN) == 1


def test_what_has_changed_since_is_told_and_so_is_who_taps_another_message(server: Server) -> None:
    key, wamid = a_failed_delivery(server)
    other = asked_about(server, key)
    resolve(server, "ACTF001")
    answered(server, key)
    tap(server, wamid)
    scan(server, a_scan("delivered", -10))

    for message in (wamid, wamid, other, other):
        tap(server, message)

    assert [event for event, _, _ in moves(server, "ndr_case", key)].count(IN_VAIN) == 3


def test_a_tap_that_is_taken_is_not_told_that_it_was_in_vain(server: Server) -> None:
    _, wamid = a_failed_delivery(server)

    tap(server, wamid)

    assert told(server) == []


# A tap that nobody can match


def unmatched(server: Server, payload: str = "ACTF001", *, wamid: str = "wamid.unknown", **changes: Any) -> None:
    """Let somebody tap a button of a message that nobody knows, and let it be tried again until that is clear."""
    call = a_call(messages(a_tap(payload, wamid, **changes)))
    assert became(server, call) == ("quarantined", "unknown_context")
    assert bodies(server) == []
    server.clock.move(MATCHED_WITHIN)
    keep(server)


def test_who_has_an_order_is_told_that_their_tap_is_not_matched(server: Server) -> None:
    put_order(server, an_order())

    unmatched(server)
    keep(server)

    (body,) = bodies(server)
    assert body["to"] == PHONE
    assert body["text"]["body"] == "So far we cannot match your tap to a delivery, and nothing was recorded."


def test_a_case_that_is_gone_is_not_matched_either(server: Server) -> None:
    put_order(server, an_order())
    gone = Alias("wamid", "wamid.gone", "ndr_case", "a case that is not there")
    server.run(lambda: server.parts.store.commit(Decision(recorded_at=NOON, add=(gone,))))

    unmatched(server, wamid="wamid.gone")

    assert len(bodies(server)) == 1


@pytest.mark.parametrize("context", [{}, None, ABSENT])
def test_a_tap_on_no_message_at_all_is_answered_once(server: Server, context: Any) -> None:
    put_order(server, an_order())

    for _ in range(3):
        tapped = a_tap("ACTF001", "wamid.unknown")
        given = {**tapped, "context": context}
        deliver(server, a_call(messages({name: value for name, value in given.items() if value is not ABSENT})))
    server.clock.move(MATCHED_WITHIN)
    keep(server)

    assert len(bodies(server)) == 1


def test_whoever_taps_the_unknown_a_hundred_times_is_answered_once(server: Server) -> None:
    put_order(server, an_order())
    deliver(server, a_call(messages(*(a_tap("ACTF001", "wamid.unknown") for _ in range(100)))))
    server.clock.move(MATCHED_WITHIN)

    keep(server)

    assert len(bodies(server)) == 1


def test_who_has_no_order_is_told_nothing(server: Server) -> None:
    put_order(server, an_order("O-1", shippingAddress={**PERSON, "contactPhone": "9800000099"}))
    deliver(server, a_call(messages(a_message("text", {"body": "START"}))))  # somebody whom we know, all the same

    unmatched(server)

    assert bodies(server) == []


def test_a_button_of_somebody_else_s_message_is_not_answered(server: Server) -> None:
    put_order(server, an_order())

    unmatched(server, "MENU")

    assert bodies(server) == []


def test_a_tap_whose_message_comes_to_be_known_in_time_is_taken_and_not_answered(server: Server) -> None:
    put_order(server, an_order())
    scan(server, a_scan("out_for_delivery", -60), a_scan("failed_delivery", -30))
    wamid = a_wamid()
    assert became(server, a_call(messages(a_tap("ACTF001", wamid)))) == ("quarantined", "unknown_context")
    deliver(server, a_call(statuses(a_status("sent", wamid, biz_opaque_callback_data=f"ndr_case/{CASE}"))))

    server.clock.move(MATCHED_WITHIN)
    keep(server)

    assert session(server, "ndr_case", CASE)["context"]["resolution"]["resolutionCode"] == "ACTF001"
    assert bodies(server) == []


# Composed


SHOP = Account("1489", "dfc", "Dhruv Foods", "Asia/Kolkata", '{"language": "hi"}')


def a_case(state: str, **context: Any) -> Instance:
    """Return a case of O-1 in that state."""
    return an_instance_of("ndr_case", state, {"opened_by": "O-1:T-1", **context}, CASE, "order/O-1")


def an_answer(instance: Instance, **known: Any) -> Wish:
    """Return the wish to answer a tap at noon, a minute ago."""
    data = {"from": PHONE, "phone_number_id": NUMBER, "locale": "", "wamid": "wamid.tap"}
    usual = {"order": {"orderId": "O-1", "customerOrderNumber": "1042"}, "recipient": heard(NOON)}
    return a_wish("answer_tap", instance, data, **{**usual, **known})


def text_of(call: MessageCall | Nothing) -> str:
    """Return what a message says."""
    assert isinstance(call, MessageCall)
    return str(call.body["text"]["body"])


@pytest.fixture
def no_post() -> Iterator[None]:
    """Let nobody have opened the post in this process, until the test ends."""
    opened = [*entry_codes._OPEN]
    entry_codes._OPEN.clear()
    yield
    entry_codes._OPEN[:] = opened


@pytest.mark.usefixtures("no_post")
def test_where_no_link_can_be_made_the_rest_is_said() -> None:
    wish = an_answer(a_case("closed.void"))

    assert text_of(answer(wish)) == (
        "Order 1042: It is settled: that try does not count any more, and there is nothing to choose."
    )
    assert text_of(answer_unmatched(wish)) == (
        "So far we cannot match your tap to a delivery, and nothing was recorded."
    )


@pytest.mark.usefixtures("no_post")
def test_who_has_told_no_language_is_answered_in_the_account_s() -> None:
    assert text_of(answer(an_answer(a_case("unsettled.expired"), account=SHOP))) == (
        "ऑर्डर 1042: चुनने का समय ख़त्म हो गया है। अब कूरियर अपने नियमों से चलेगा।"
    )


@pytest.mark.usefixtures("no_post")
def test_a_choice_that_was_taken_up_again_late_is_said_without_what_became_of_it() -> None:
    chosen = {"resolutionCode": "ACTF003", "action": "I would like to cancel my order"}

    assert text_of(answer(an_answer(a_case("unsettled.late", resolution=chosen)))) == (
        "Order 1042: A choice stands already. You asked to cancel the order."
    )


def test_the_answer_is_part_of_its_conversation_and_comes_from_the_number_that_was_tapped_at() -> None:
    wish = an_answer(
        a_case("closed.lost"),
        account=SHOP,
        phone_number_id="100000000000009",
        recipient=Recipient("p-1", PHONE, "Asha Rao", last_inbound_at=NOON, root="wamid.root"),
    )

    call = answer(wish)

    assert isinstance(call, MessageCall)
    assert (call.phone_number_id, call.root, call.account_id, call.person_id) == (NUMBER, "wamid.root", "1489", "p-1")


def test_who_tapped_a_day_ago_is_not_answered_any_more() -> None:
    late = an_answer(a_case("closed.lost"), now=NOON + 24 * HOUR, recipient=Recipient())

    assert answer(late) == Nothing("outside_window")
    assert answer_unmatched(late) == Nothing("outside_window")
    assert isinstance(answer(an_answer(a_case("closed.lost"), now=NOON + 24 * HOUR - MINUTE)), MessageCall)
