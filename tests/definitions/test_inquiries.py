"""What staff answer to a question, as the message that it becomes."""

from definitions.inquiries import send_answer
from definitions.outgoing import MessageCall, Nothing
from tests.builders import HOUR, MINUTE, NOON
from tests.definitions.wishing import NUMBER, PHONE, a_wish, an_instance_of, heard

ASKED = {"from": [PHONE], "phone_number_id": NUMBER, "question": "Does it come in blue?", "heard_at": NOON}


def test_an_answer_replies_to_the_message_that_asked() -> None:
    inquiry = an_instance_of("inquiry", "answering", ASKED, "wamid.7")

    call = send_answer(a_wish("send_answer", inquiry, {"text": "Yes, it does."}))

    assert call == MessageCall(
        f"whatsapp/{NUMBER}/{PHONE}",
        NUMBER,
        {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": PHONE,
            "context": {"message_id": "wamid.7"},
            "type": "text",
            "text": {"preview_url": False, "body": "Yes, it does."},
            "biz_opaque_callback_data": "e-1",
        },
    )


def test_who_shows_no_number_is_answered_by_the_name_they_have() -> None:
    inquiry = an_instance_of("inquiry", "answering", {**ASKED, "from": ["IN.13491208655302741918"]})

    call = send_answer(a_wish("send_answer", inquiry, {"text": "Yes."}))

    assert isinstance(call, MessageCall)
    assert (call.body["recipient"], "to" in call.body) == ("IN.13491208655302741918", False)


def test_an_answer_that_waited_too_long_is_not_sent() -> None:
    inquiry = an_instance_of("inquiry", "answering", ASKED)
    late = {"now": NOON + 25 * HOUR}

    assert send_answer(a_wish("send_answer", inquiry, {"text": "Yes."}, **late)) == Nothing("outside_window")
    since = heard(NOON + 2 * HOUR + MINUTE)
    assert isinstance(
        send_answer(a_wish("send_answer", inquiry, {"text": "Yes."}, **late, recipient=since)), MessageCall
    )


def test_without_a_number_to_send_from_nothing_is_sent() -> None:
    inquiry = an_instance_of("inquiry", "answering", ASKED)

    assert send_answer(a_wish("send_answer", inquiry, {"text": "Yes."}, phone_number_id="")) == Nothing("no_whatsapp")
