"""What the Graph API refuses before it sends anything: each rule once, at its edge."""

from typing import Any

import pytest

from lab.graph_messages import INVALID, MISSING, PARAMETER, Wrong, fault_of, free_form

TO = {"messaging_product": "whatsapp", "to": "919800000001"}
BODY = {"body": {"text": "Choose"}}


def text(body: Any) -> dict[str, Any]:
    return {**TO, "type": "text", "text": {"body": body}}


def interactive(**content: Any) -> dict[str, Any]:
    return {**TO, "type": "interactive", "interactive": {**BODY, **content}}


def buttons(*replies: tuple[str, str]) -> dict[str, Any]:
    made = [{"type": "reply", "reply": {"id": each, "title": title}} for each, title in replies]
    return interactive(type="button", action={"buttons": made})


def rows(count: int, **row: Any) -> dict[str, Any]:
    made = [{"id": str(number), "title": "Row", **row} for number in range(count)]
    return interactive(type="list", action={"button": "Look", "sections": [{"title": "All", "rows": made}]})


def flow(**parameters: Any) -> dict[str, Any]:
    usual = {"flow_message_version": "3", "flow_name": "offer", "flow_cta": "Open", "flow_token": "t"}
    return interactive(type="flow", action={"name": "flow", "parameters": usual | parameters})


def products(count: int) -> dict[str, Any]:
    items = [{"product_retailer_id": str(number)} for number in range(count)]
    action = {"catalog_id": "1", "sections": [{"title": "Tea", "product_items": items}]}
    return interactive(type="product_list", header={"type": "text", "text": "Tea"}, action=action)


TAKEN = {
    "text at its longest": text("x" * 4096),
    "text without a type": {**TO, "text": {"body": "hello"}},
    "business-scoped id": {"messaging_product": "whatsapp", "recipient": "IN.abc", "text": {"body": "a"}},
    "template": {**TO, "type": "template", "template": {"name": "delivered", "language": {"code": "en"}}},
    "three buttons": buttons(("a", "One"), ("b", "Two"), ("c", "x" * 20)),
    "ten rows": rows(10, title="x" * 24, description="x" * 72),
    "flow that asks": flow(flow_action="data_exchange"),
    "flow with data": flow(flow_action="navigate", flow_action_payload={"screen": "A", "data": {"a": 1}}),
    "product": interactive(type="product", action={"catalog_id": "1", "product_retailer_id": "2"}),
    "thirty products": products(30),
    "image by id": {**TO, "type": "image", "image": {"id": "1"}},
    "what is not described": {**TO, "type": "contacts", "contacts": []},
}

REFUSED = {
    "no product": ({"to": "1", "type": "text", "text": {"body": "a"}}, PARAMETER),
    "nobody": ({"messaging_product": "whatsapp", "type": "text", "text": {"body": "a"}}, PARAMETER),
    "opaque data too long": ({**text("a"), "biz_opaque_callback_data": "x" * 513}, PARAMETER),
    "no content": ({**TO, "type": "text"}, MISSING),
    "empty text": (text(" "), MISSING),
    "text that is none": (text(7), MISSING),
    "text too long": (text("x" * 4097), PARAMETER),
    "template without a name": ({**TO, "type": "template", "template": {"language": {"code": "en"}}}, MISSING),
    "template without a language": ({**TO, "type": "template", "template": {"name": "a"}}, MISSING),
    "four buttons": (buttons(*((each, each) for each in "abcd")), INVALID),
    "no buttons": (buttons(), INVALID),
    "button with a long title": (buttons(("a", "x" * 21)), PARAMETER),
    "two buttons of one id": (buttons(("a", "One"), ("a", "Two")), INVALID),
    "eleven rows": (rows(11), INVALID),
    "row with a long description": (rows(1, description="x" * 73), INVALID),
    "interactive without a body": ({**TO, "type": "interactive", "interactive": {"type": "button"}}, MISSING),
    "interactive without a type": (interactive(), MISSING),
    "flow of another version": (flow(flow_message_version="4"), INVALID),
    "flow by id and name": (flow(flow_id="7"), PARAMETER),
    "flow without a button": (flow(flow_cta=" "), MISSING),
    "flow that asks and has data": (flow(flow_action="data_exchange", flow_action_payload={"screen": "A"}), PARAMETER),
    "flow with empty data": (flow(flow_action_payload={"screen": "A", "data": {}}), PARAMETER),
    "thirty-one products": (products(31), INVALID),
    "image by id and link": ({**TO, "type": "image", "image": {"id": "1", "link": "https://a.example"}}, PARAMETER),
}


@pytest.mark.parametrize("message", TAKEN.values(), ids=TAKEN)
def test_what_meta_takes_is_taken(message: dict[str, Any]) -> None:
    assert fault_of(message) is None


@pytest.mark.parametrize(("message", "code"), REFUSED.values(), ids=REFUSED)
def test_what_meta_refuses_is_refused_with_its_code(message: dict[str, Any], code: int) -> None:
    fault = fault_of(message)

    assert fault == Wrong(code, fault.details if fault else "")


def test_templates_alone_need_no_open_window() -> None:
    assert [free_form({"type": kind}) for kind in ("template", "text", "interactive")] == [False, True, True]
