"""What people are answered: whole bodies, as the Graph API takes them."""

from typing import Any

import pytest
from msgspec.structs import replace

from definitions.binding import EFFECTS
from definitions.orders.rows import Account
from definitions.outgoing import MessageCall, Nothing, Recipient, Wish
from definitions.people.effects import answer, shown_to_staff
from tests.builders import HOUR, MINUTE, NOON
from tests.definitions.lifecycles.walking import standing

NUMBER, PHONE, WAMID = "100000000000001", "919800000001", "wamid.stop"


def a_wish(name: str, **data: Any) -> Wish:
    """Return a wish to answer what somebody wrote at noon, a minute ago."""
    said = {"from": PHONE, "evidence": {"source": "chat", "text": "STOP", "wamid": WAMID}, **data}
    return Wish(
        id="effect-1",
        name=name,
        now=NOON + MINUTE,
        instance=standing("subscription", "unsubscribed"),
        occurred_at=NOON,
        data=said,
        account=Account("77", "kumar", "Kumar Teas", "Asia/Kolkata"),
        phone_number_id=NUMBER,
    )


def the_message(content: dict[str, Any], to: str = PHONE) -> MessageCall:
    """Return the reply with *content*."""
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to" if to.isdecimal() else "recipient": to,
        "context": {"message_id": WAMID},
        **content,
        "biz_opaque_callback_data": "effect-1",
    }
    return MessageCall(f"whatsapp/{NUMBER}/{to}", NUMBER, body)


def a_text(words: str) -> dict[str, Any]:
    """Return the content of a text message."""
    return {"type": "text", "text": {"preview_url": False, "body": words}}


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (
            "confirm_opt_out",
            {"stopped": ["marketing"]},
            "You will get no more offers from Kumar Teas. To start again, send START.",
        ),
        (
            "confirm_opt_out",
            {"stopped": ["marketing", "order_updates"]},
            "You will get no more messages from Kumar Teas. To start again, send START.",
        ),
        (
            "confirm_opt_in",
            {"started": ["order_updates"]},
            "You will get updates about your orders from Kumar Teas here. To stop, send STOP.",
        ),
        (
            "confirm_opt_out",
            {"stopped": ["marketing"], "locale": "hi"},
            "अब आपको Kumar Teas से ऑफ़र नहीं मिलेंगे। फिर से शुरू करने के लिए START भेजें।",
        ),
        (
            "confirm_opt_out",
            {"stopped": ["marketing"], "locale": "tlh"},
            "You will get no more offers from Kumar Teas. To start again, send START.",
        ),
    ],
)
def test_what_was_done_is_said_in_the_persons_language(name: str, data: dict[str, Any], words: str) -> None:
    assert answer(a_wish(name, **data)) == the_message(a_text(words))


def test_the_question_has_a_button_for_each_answer() -> None:
    words = (
        "You will get no more offers from Kumar Teas. Shall we stop the updates about your order too? "
        "It is still on its way."
    )
    buttons = [
        {"type": "reply", "reply": {"id": "stop:marketing", "title": "Only stop offers"}},
        {"type": "reply", "reply": {"id": "stop:all", "title": "Stop all messages"}},
    ]
    interactive = {"type": "button", "body": {"text": words}, "action": {"buttons": buttons}}

    assert answer(a_wish("ask_what_to_stop")) == the_message({"type": "interactive", "interactive": interactive})


@pytest.mark.parametrize(
    ("locale", "standing"),
    [
        ("en", "It could not be delivered, and still waits for a decision."),
        ("hi", "उसकी डिलीवरी नहीं हो पाई है, और फ़ैसला अभी बाकी है।"),
    ],
)
def test_the_question_says_of_a_failed_delivery_that_it_failed(locale: str, standing: str) -> None:
    wish = a_wish("ask_what_to_stop", cases=["O-1:T-1:20260101T120000Z"], locale=locale)

    call = answer(wish)

    assert isinstance(call, MessageCall)
    assert call.body["interactive"]["body"]["text"].endswith(standing)


def test_who_has_no_number_is_answered_by_their_id() -> None:
    wish = a_wish("confirm_opt_out", stopped=["marketing"], **{"from": "IN.1800042"})

    words = "You will get no more offers from Kumar Teas. To start again, send START."
    assert answer(wish) == the_message(a_text(words), "IN.1800042")


def test_nobody_is_answered_a_day_after_they_wrote() -> None:
    wish = a_wish("confirm_opt_out", stopped=["marketing"])
    late = replace(wish, now=NOON + 24 * HOUR)

    assert isinstance(answer(replace(wish, now=NOON + 24 * HOUR - 1)), MessageCall)
    assert answer(late) == Nothing("outside_window")
    assert isinstance(answer(replace(late, recipient=Recipient(last_inbound_at=NOON + HOUR))), MessageCall)


@pytest.mark.parametrize("name", ["alert_stranded", "alert_order_cancel"])
def test_what_staff_are_told_is_sent_to_nobody(name: str) -> None:
    assert EFFECTS[name].composer is shown_to_staff
    assert shown_to_staff(a_wish(name)) == Nothing("shown_to_staff", "done")
