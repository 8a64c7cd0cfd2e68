"""
Composes what customers are told: from an effect and how its account says it to the call that sends it.

Source: Meta, "Cloud API, Messages", "Templates" and "Sending Flows".

Rule 1: who does not want to hear of it hears nothing, and nobody hears what is no longer so.
Rule 2: a free text only goes to who wrote within the last 24 hours; everybody else gets a template.
Rule 3: a button says what its case still offers and a tap alone can choose: for a day or an address there is a Flow.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from definitions.messages.facts import NDR_CASE, SHIPMENT, Known, known
from definitions.messages.texts import fill, read_text
from definitions.messages.wording import Button, FreeText, QuietHours, Template, Wording
from definitions.orders import ndr
from definitions.outgoing import Later, MessageCall, Mint, Nothing, Wish
from definitions.replies import NO_WHATSAPP, TEMPLATE_ONLY, TEXT_LENGTH, WINDOW, said
from engine.model import SECOND

HOUR = 3600 * SECOND

MAX_INTERACTIVE, MAX_PARAMETER, MAX_EDGE = 1024, 1024, 60
"""How many characters a text with buttons, a template's parameter, and a header or footer may have."""

FLOW_MESSAGE_VERSION = "3"


def message(wish: Wish) -> MessageCall | Nothing | Later:
    """Compose the message that an event is said by, as its account words it."""
    wording, recipient = wish.wording, wish.recipient
    if wording is None:
        return Nothing("no_wording")
    if not wording.on:
        return Nothing("switched_off")
    if not (recipient.whatsapp and wish.phone_number_id):
        return Nothing(NO_WHATSAPP)
    if wording.category not in recipient.categories:
        return Nothing("not_subscribed")
    if not _still_so(wish, wording):
        return Nothing("stale")
    facts = known(wish)
    morning = _morning(wish.now, wording, facts.zone)
    if morning is not None:
        return Later(morning, "quiet_hours")
    if wording.free_text is not None and _may_answer(wish):
        return _free(wish, wording.free_text, facts)
    template = _fitting(wish, wording, facts.zone)
    return Nothing("no_template") if template is None else _template(wish, template, known(wish, template.language))


def _still_so(wish: Wish, wording: Wording) -> bool:
    """Return whether an event is young enough to be told, and what it says still holds."""
    if wish.now - wish.occurred_at > wording.valid_hours * HOUR:
        return False
    return not (wording.when and wording.when.isdisjoint(wish.tags)) and wording.unless.isdisjoint(wish.tags)


def _morning(now: int, wording: Wording, zone: ZoneInfo) -> int | None:
    """Return when the quiet hours end, if it is within them and the event can wait."""
    if wording.urgent or wording.quiet_hours is None:
        return None
    begin, end = _hours(wording.quiet_hours)
    local = datetime.fromtimestamp(now // SECOND, zone)
    clock = local.time()
    is_quiet = begin <= clock < end if begin < end else clock >= begin or clock < end
    if not is_quiet:
        return None
    day = local.date() + timedelta(days=clock >= end)
    return int(datetime.combine(day, end, zone).timestamp()) * SECOND


def _hours(quiet: QuietHours) -> tuple[time, time]:
    return time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)


def _may_answer(wish: Wish) -> bool:
    """Return whether a free text may go out: they wrote within the window, and Meta did not say otherwise."""
    return _window_is_open(wish) and not wish.reason.startswith(TEMPLATE_ONLY)


def _window_is_open(wish: Wish) -> bool:
    heard_at = wish.recipient.last_inbound_at
    return bool(heard_at) and wish.now - heard_at < WINDOW


# What a tap can say


def _offered(wish: Wish, zone: ZoneInfo) -> frozenset[str]:
    """Return the choices that a button can take: those the case offers now and for which nothing is to be filled in."""
    if wish.instance.definition != NDR_CASE:
        return frozenset()
    shipment = wish.family.get((SHIPMENT, str(wish.instance.context.get("opened_by"))))
    choices = ndr.choices(wish.instance.context, shipment.context if shipment else {}, wish.now, zone)
    return frozenset(each.code for each in choices if not (each.needs_date or each.needs_address))


def _fitting(wish: Wish, wording: Wording, zone: ZoneInfo) -> Template | None:
    """Return the first template whose quick replies are all offered."""
    offered = _offered(wish, zone)
    for template in wording.templates:
        if {button.payload for button in template.buttons if button.payload} <= offered:
            return template
    return None


# Bodies


def _template(wish: Wish, template: Template, facts: Known) -> MessageCall:
    components: list[dict[str, Any]] = []
    if template.header:
        components.append({"type": "header", "parameters": [_parameter(template.header, facts, MAX_EDGE)]})
    if template.body:
        parameters = [_parameter(text, facts, MAX_PARAMETER) for text in template.body]
        components.append({"type": "body", "parameters": parameters})
    mint = None
    for index, button in enumerate(template.buttons):
        if button.type == "flow":
            place = f"/template/components/{len(components)}/parameters/0/action/flow_token"
            mint = _mint(wish, button.flow, place, facts)
        components.append(_button(button, index, facts))
    content: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    if components:
        content["components"] = components
    return _call(wish, {"type": "template", "template": content}, template=template.name, mint=mint)


def _parameter(text: str, facts: Known, limit: int) -> dict[str, str]:
    return {"type": "text", "text": fill(read_text(text), facts, limit, line_breaks=False)}


def _button(button: Button, index: int, facts: Known) -> dict[str, Any]:
    if button.type == "quick_reply":
        parameter: dict[str, Any] = {"type": "payload", "payload": button.payload}
    elif button.type == "url":
        rest = fill(read_text(button.text), facts, MAX_PARAMETER, line_breaks=False)
        parameter = {"type": "text", "text": quote(rest, safe="/?=&-._~")}
    else:
        parameter = {"type": "action", "action": {"flow_token": ""}}
    return {"type": "button", "sub_type": button.type, "index": str(index), "parameters": [parameter]}


def _free(wish: Wish, free: FreeText, facts: Known) -> MessageCall:
    offered = _offered(wish, facts.zone)
    replies = [reply for reply in free.replies if reply.payload in offered]
    if free.flow is None and not replies:
        return _call(wish, said(fill(read_text(free.body), facts, TEXT_LENGTH)))
    content: dict[str, Any] = {
        "type": "flow" if free.flow else "button",
        "body": {"text": fill(read_text(free.body), facts, MAX_INTERACTIVE)},
    }
    if free.header:
        header = fill(read_text(free.header), facts, MAX_EDGE, line_breaks=False)
        content["header"] = {"type": "text", "text": header}
    if free.footer:
        content["footer"] = {"text": fill(read_text(free.footer), facts, MAX_EDGE, line_breaks=False)}
    if free.flow is None:
        buttons = [{"type": "reply", "reply": {"id": reply.payload, "title": reply.title}} for reply in replies]
        return _call(wish, {"type": "interactive", "interactive": {**content, "action": {"buttons": buttons}}})
    parameters = {
        "flow_message_version": FLOW_MESSAGE_VERSION,
        **({"flow_id": free.flow.id} if free.flow.id else {"flow_name": free.flow.name}),
        "flow_cta": free.flow.button,
        "flow_token": "",
        "flow_action": "data_exchange",
    }
    mint = _mint(wish, free.flow.name, "/interactive/action/parameters/flow_token", facts)
    content["action"] = {"name": "flow", "parameters": parameters}
    return _call(wish, {"type": "interactive", "interactive": content}, mint=mint)


def _mint(wish: Wish, flow: str, pointer: str, facts: Known) -> Mint:
    """Return the session that a Flow's button opens, about who asks for the message."""
    return Mint(flow=flow, pointer=pointer, about=wish.instance.id, data={"timezone": facts.zone.key})


def _call(wish: Wish, content: Mapping[str, Any], *, template: str = "", mint: Mint | None = None) -> MessageCall:
    """
    Return the call that sends *content*.

    It is kept with the conversation that it is part of, and quotes nothing: that may have begun with another order.
    """
    recipient = wish.recipient
    root = recipient.root if _window_is_open(wish) else ""
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        # A business-scoped id has its country's letters before its digits; a phone number has digits alone.
        "to" if recipient.whatsapp.isdecimal() else "recipient": recipient.whatsapp,
    }
    return MessageCall(
        lane=f"whatsapp/{wish.phone_number_id}/{recipient.whatsapp}",
        phone_number_id=wish.phone_number_id,
        body={**body, **content, "biz_opaque_callback_data": wish.id},
        template=template,
        root=root,
        account_id=wish.account.account_id if wish.account else "",
        person_id=recipient.person_id,
        mint=mint,
    )
