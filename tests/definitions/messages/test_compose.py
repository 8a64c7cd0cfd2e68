"""What customers are told: whole bodies, as the Graph API takes them, and why sometimes nothing is said."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from definitions.binding import EFFECTS
from definitions.messages.compose import message
from definitions.messages.wording import Button, FreeText, OpenedFlow, QuietHours, Template
from definitions.outgoing import Later, MessageCall, Mint, Nothing, Recipient, Wish
from tests.builders import HOUR, MINUTE, NOON
from tests.definitions.lifecycles.walking import CATALOGUE
from tests.definitions.messages.wishes import (
    ASHA,
    NUMBER,
    a_case,
    a_shipment,
    a_wish,
    composed,
    the_call,
    the_template,
    the_text,
    worded,
    wrote,
)

FAILED = ("Asha", "Kumar Teas", "C-1", "3", "1800000000", "Assam tea and 2 more")

SAID = [
    (
        "notify_created",
        "awaiting",
        the_template("order_confirmation", "Asha", "C-1", "Kumar Teas"),
        "Hello Asha, Kumar Teas has received your order C-1. Thank you!",
    ),
    (
        "notify_shipped",
        "forward.picked_up",
        the_template("shipment_confirmation", "Asha", "C-1", "Bharat Parcels", "T-1"),
        "Hello Asha, your order C-1 is on its way with Bharat Parcels. Tracking number: T-1",
    ),
    (
        "notify_out_for_delivery",
        "forward.out_for_delivery",
        the_template("out_for_delivery", "Asha", "C-1", "Assam tea and 2 more"),
        "Your order C-1 (Assam tea and 2 more) is out for delivery and arrives today.",
    ),
    (
        "notify_shipment_delayed",
        "forward.intransit",
        the_template("shipment_delayed", "Asha", "C-1"),
        "We are sorry: your order C-1 is late. We will tell you when it is out for delivery.",
    ),
    (
        "notify_delivered",
        "forward.delivered",
        the_template("order_delivered", "Asha", "C-1", "Thursday, 1 January, 17:30 IST"),
        "Your order C-1 was delivered on Thursday, 1 January, 17:30 IST.",
    ),
    (
        "notify_cancelled",
        "forward.cancelled_order",
        the_template("order_cancelled", "Asha", "C-1"),
        "Your order C-1 was cancelled.",
    ),
    (
        "notify_rto",
        "rto.rto_created",
        the_template("order_going_back", "Asha", "C-1"),
        "Your order C-1 could not be delivered and is going back to Kumar Teas.",
    ),
    (
        "notify_rto_delivered",
        "rto.rto_delivered",
        the_template("order_back_with_seller", "Asha", "C-1", "Kumar Teas"),
        "Your order C-1 is back with Kumar Teas.",
    ),
    (
        "notify_return_approved",
        "return.approved",
        the_template("return_approved", "Asha", "C-1"),
        "Your return of order C-1 was approved. The courier will pick it up.",
    ),
    (
        "notify_return_picked_up",
        "return.picked_up",
        the_template("return_picked_up", "Asha", "C-1"),
        "Your return of order C-1 was picked up.",
    ),
    (
        "notify_return_complete",
        "return.complete",
        the_template("return_complete", "Asha", "C-1"),
        "Your return of order C-1 is complete.",
    ),
]
"""What is said of a shipment: the effect, the state that asks for it, and its words without a window and within one."""


@pytest.mark.parametrize(("name", "state", "template", "words"), SAID, ids=[row[0] for row in SAID])
def test_a_shipments_news_is_a_template_or_within_the_window_a_text(
    name: str, state: str, template: MessageCall, words: str
) -> None:
    wish = a_wish(name, a_shipment(state))

    assert composed(wish) == template
    assert composed(replace(wish, recipient=wrote(60, "wamid.root"))) == the_text(words, "wamid.root")


def test_every_message_that_ships_is_composed_here() -> None:
    said = {name for name, promise in EFFECTS.items() if promise.composer is message}

    assert said == {row[0] for row in SAID} | {"ask_customer", "remind_customer", "tell_rejection"}
    assert said == {*CATALOGUE.messages.events}


# Failed deliveries


@pytest.mark.parametrize(
    ("code", "template", "replies"),
    [
        ("1", "failed_delivery", ("ACTF001", "ACTF003")),
        ("2", "failed_delivery_refused", ("ACTF004", "ACTF003")),
        ("6", "failed_delivery_refused", ("ACTF004", "ACTF003")),
        ("8", "failed_delivery_notice", ()),
    ],
    ids=["unavailable", "refused", "address to be said", "out of area"],
)
def test_the_template_for_a_failed_delivery_has_six_parameters_and_the_choices_a_tap_can_make(
    code: str, template: str, replies: tuple[str, ...]
) -> None:
    wish = a_wish("ask_customer", a_case(ndr_code=code))

    assert composed(wish) == the_template(template, *FAILED, replies=replies)


def test_a_reminder_says_until_when() -> None:
    wish = a_wish("remind_customer", a_case("unsettled.awaiting_customer"))

    expected = the_template(
        "failed_delivery_reminder", "Asha", "C-1", "Friday, 2 January, 17:30 IST", replies=("ACTF001", "ACTF003")
    )
    assert composed(wish) == expected


def test_a_rejection_says_what_was_chosen() -> None:
    chosen = {"resolutionCode": "ACTF002", "action": "a new delivery date", "deferredDate": "2026-01-04"}
    wish = a_wish("tell_rejection", a_case("unsettled.rejected", resolution=chosen))

    assert composed(wish) == the_template("resolution_rejected", "Asha", "C-1", "Choose another day")


def test_within_the_window_a_failed_delivery_is_asked_about_with_reply_buttons() -> None:
    wish = a_wish("ask_customer", a_case(ndr_code="2"), recipient=wrote(60))

    body = (
        "Hello Asha, Kumar Teas could not deliver your order C-1 (Assam tea and 2 more): "
        "the courier says that it was refused. "
        "Please tell us by Friday, 2 January, 17:30 IST what to do."
    )
    buttons = [
        {"type": "reply", "reply": {"id": "ACTF004", "title": "The reason is wrong"}},
        {"type": "reply", "reply": {"id": "ACTF003", "title": "Cancel my order"}},
    ]
    content = {"type": "button", "body": {"text": body}, "action": {"buttons": buttons}}
    assert composed(wish) == the_call({"type": "interactive", "interactive": content})


def test_a_case_that_offers_no_choice_to_a_tap_is_a_text() -> None:
    wish = a_wish("ask_customer", a_case(ndr_code="10"), recipient=wrote(60))

    assert composed(wish).body["type"] == "text"


def test_a_flow_button_of_a_template_brings_a_session_about_the_case() -> None:
    buttons = (Button("quick_reply", payload="ACTF003"), Button("flow", flow="ndr_resolution"))
    template = Template("failed_delivery_flow", "en_US", body=("{items.count}",), buttons=buttons)
    case = a_case()

    call = composed(worded(a_wish("ask_customer", case), templates=(template,)))

    place = "/template/components/2/parameters/0/action/flow_token"
    assert call.mint == Mint("ndr_resolution", place, ("ndr_case", case.key), {"timezone": "Asia/Kolkata"})
    assert call.body["template"] == {
        "name": "failed_delivery_flow",
        "language": {"code": "en_US"},
        "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "3"}]},
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": "0",
                "parameters": [{"type": "payload", "payload": "ACTF003"}],
            },
            {
                "type": "button",
                "sub_type": "flow",
                "index": "1",
                "parameters": [{"type": "action", "action": {"flow_token": ""}}],
            },
        ],
    }


@pytest.mark.parametrize(
    ("flow", "named"),
    [
        (OpenedFlow("ndr_resolution", "Choose"), {"flow_name": "ndr_resolution"}),
        (OpenedFlow("ndr_resolution", "Choose", "4711"), {"flow_id": "4711"}),
    ],
    ids=["by its name", "by Meta's id"],
)
def test_within_the_window_a_flow_is_opened_by_a_message_of_its_own(flow: OpenedFlow, named: dict[str, str]) -> None:
    case = a_case()
    free = FreeText("What shall we do?", header="Order {order.customerOrderNumber}", footer="{account.name}", flow=flow)

    call = composed(worded(a_wish("ask_customer", case, recipient=wrote(60)), free_text=free))

    parameters = {
        "flow_message_version": "3",
        **named,
        "flow_cta": "Choose",
        "flow_token": "",
        "flow_action": "data_exchange",
    }
    content = {
        "type": "flow",
        "body": {"text": "What shall we do?"},
        "header": {"type": "text", "text": "Order C-1"},
        "footer": {"text": "Kumar Teas"},
        "action": {"name": "flow", "parameters": parameters},
    }
    place = "/interactive/action/parameters/flow_token"
    mint = Mint("ndr_resolution", place, ("ndr_case", case.key), {"timezone": "Asia/Kolkata"})
    assert call == the_call({"type": "interactive", "interactive": content}, mint=mint)


def test_a_template_may_have_a_header_and_a_link_that_ends_with_the_order() -> None:
    template = Template(
        "on_its_way",
        header="Order {order.customerOrderNumber}",
        buttons=(Button("url", text="{order.customerOrderNumber}?from=chat"),),
    )
    wish = worded(a_wish("notify_shipped", a_shipment("forward.picked_up")), templates=(template,))

    call = composed(replace(wish, order={"customerOrderNumber": "C 1#"}))

    assert call.body["template"]["components"] == [
        {"type": "header", "parameters": [{"type": "text", "text": "Order C 1#"}]},
        {
            "type": "button",
            "sub_type": "url",
            "index": "0",
            "parameters": [{"type": "text", "text": "C%201%23?from=chat"}],
        },
    ]


def test_a_template_without_parameters_has_no_components() -> None:
    wish = worded(a_wish("notify_shipped", a_shipment("forward.picked_up")), templates=(Template("sent"),))

    assert composed(wish).body["template"] == {"name": "sent", "language": {"code": "en"}}


def test_who_has_no_phone_number_is_written_to_by_their_business_scoped_id() -> None:
    wish = a_wish("notify_rto", a_shipment("rto.rto_created"), recipient=replace(ASHA, whatsapp="IN.abc123"))

    call = composed(wish)

    assert (call.lane, call.body["recipient"], "to" in call.body) == (
        f"whatsapp/{NUMBER}/IN.abc123",
        "IN.abc123",
        False,
    )


# When nothing is said


def shipped(**changes: Any) -> Wish:
    """Return the wish to tell that a parcel is on its way."""
    return a_wish("notify_shipped", a_shipment("forward.picked_up"), **changes)


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (shipped(wording=None), "no_wording"),
        (worded(shipped(), on=False), "switched_off"),
        (shipped(recipient=Recipient("p-1", "", "Asha", ASHA.categories)), "no_whatsapp"),
        (shipped(phone_number_id=""), "no_whatsapp"),
        (shipped(recipient=replace(ASHA, categories=frozenset({"marketing"}))), "not_subscribed"),
        (worded(shipped(), category="marketing"), "not_subscribed"),
        (shipped(now=NOON + 24 * HOUR + MINUTE), "stale"),
        (worded(shipped(), templates=()), "no_template"),
        (a_wish("notify_shipped", a_shipment("forward.delivered")), "stale"),
        (a_wish("notify_out_for_delivery", a_shipment("forward.failed_delivery")), "stale"),
        (a_wish("notify_shipment_delayed", a_shipment("forward.delivered")), "stale"),
        (a_wish("notify_rto", a_shipment("rto.rto_delivered")), "stale"),
        (a_wish("ask_customer", a_case("unsettled.resolution_submitted")), "stale"),
        (a_wish("ask_customer", a_case("unsettled.late")), "stale"),
        (a_wish("ask_customer", a_case("unsettled.expired")), "stale"),
        (a_wish("remind_customer", a_case("closed.resolved_delivered")), "stale"),
        (a_wish("tell_rejection", a_case("unsettled.accepted")), "stale"),
    ],
)
def test_nothing_is_said(wish: Wish, reason: str) -> None:
    assert composed(wish) == Nothing(reason)


@pytest.mark.parametrize(
    ("hour", "minute", "until"),
    [(20, 59, None), (21, 0, 11), (23, 30, 8.5), (0, 0, 8), (7, 59, 1 / 60), (8, 0, None)],
    ids=["before", "at 21:00", "at night", "at midnight", "at 07:59", "after"],
)
def test_what_can_wait_waits_for_the_morning_where_the_merchant_is(hour: int, minute: int, until: float | None) -> None:
    midnight = NOON + int(6.5 * HOUR)  # in India
    now = midnight + hour * HOUR + minute * MINUTE
    wish = shipped(now=now, occurred_at=now)

    expected = composed(shipped()) if until is None else Later(now + round(until * 60) * MINUTE, "quiet_hours")
    assert composed(wish) == expected
    assert isinstance(composed(worded(wish, urgent=True)), MessageCall)
    assert isinstance(composed(worded(wish, quiet_hours=None)), MessageCall)


def test_quiet_hours_may_lie_within_a_day() -> None:
    siesta = QuietHours("13:00", "16:00")
    at_two = NOON + int(20.5 * HOUR)
    wish = worded(shipped(now=at_two, occurred_at=at_two), quiet_hours=siesta)

    assert composed(wish) == Later(at_two + 2 * HOUR, "quiet_hours")


# The window


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"recipient": wrote(2)}, "text"),
        ({"recipient": wrote(1)}, "template"),
        ({"recipient": wrote(0)}, "template"),
        ({"recipient": ASHA}, "template"),
        ({"recipient": wrote(60), "reason": "131047"}, "template"),
        ({"recipient": wrote(60), "reason": "131026"}, "text"),
    ],
    ids=["just within", "a day ago", "longer ago", "never", "Meta says it is over", "another reason"],
)
def test_only_who_wrote_within_a_day_is_answered_freely(changes: dict[str, Any], kind: str) -> None:
    assert composed(shipped(**changes)).body["type"] == kind


def test_an_event_without_free_words_is_a_template_within_the_window_too() -> None:
    call = composed(worded(shipped(recipient=wrote(60, "wamid.root")), free_text=None))

    assert (call.template, call.root) == ("shipment_confirmation", "wamid.root")


def test_a_conversation_that_is_over_is_not_answered_in() -> None:
    call = composed(shipped(recipient=wrote(0, "wamid.root")))

    assert call.root == ""


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    )
)
def test_whatever_a_merchants_document_has_what_is_said_fits(value: Any) -> None:
    order = {"customerOrderNumber": value, "items": value}
    for recipient in (ASHA, wrote(60)):
        for name, instance in (("notify_shipped", a_shipment("forward.picked_up")), ("ask_customer", a_case())):
            call = composed(a_wish(name, instance, order=order, recipient=recipient))
            for text in texts_of(call.body.get("template") or call.body.get("interactive") or call.body["text"]):
                assert 0 < len(text.strip()) <= 1024
            for parameter in texts_of(call.body.get("template", {})):
                assert "\n" not in parameter
                assert "    " not in parameter


def texts_of(value: Any) -> list[str]:
    """Return all texts in a message's content."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in texts_of(part)]
