"""
The logic of the NDR resolution: what a customer chooses for a failed delivery, in the chat.

It reads the NDR case that its session is about, and ends by telling the case what was chosen.

Source: the actions, what each asks for and when it is offered are the courier's (definitions/orders/ndr.py).

Rule 1: what may be chosen is read anew at every call: the courier may have come again while a customer thinks.
Rule 2: a screen can be shown whatever has become of the case; what is chosen is held against the case as it is now.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypedDict
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

from definitions.flows.ndr_resolution.examples import EXAMPLES
from definitions.orders import ndr
from definitions.orders.times import USUAL_ZONE, local_date
from definitions.orders.words import FORWARD, RTO
from definitions.screens import About, Refused, Screens, Session, Success, Tell
from definitions.words.document import USUAL, words_of
from definitions.words.failed_delivery import hint_of, label_of, reason_of
from definitions.words.saying import Speaker, territory_of

RESOLVED = "resolution_submitted"

UNDELIVERED = "resolution_undelivered"
"""The event that a case takes only while its courier is being told something."""

OPEN, UNANSWERED = "open", "unanswered"
"""The tags of the states of a case in which it is not settled, and in which the customer is to choose."""

CANCEL = "cancel"
"""The action that cannot be undone."""

NEWS = {
    f"{FORWARD}.delivered": "Your order has been delivered.",
    f"{FORWARD}.cancelled_order": "Your order was cancelled.",
    f"{FORWARD}.out_for_delivery": "The courier is on the way to you again.",
    f"{FORWARD}.failed_delivery": "The courier has tried again since. Please use our latest message about it.",
    f"{FORWARD}.lost": "The courier has lost your order. We write to you about it.",
    f"{FORWARD}.damage": "Your order was damaged. We write to you about it.",
}
"""What has become of a parcel, by the last word of its courier; whatever is said of the way back is one thing."""

_GOES_BACK = "Your order is on its way back to the seller."
_ANSWERED = "You have chosen already: {}. The courier has been told."
_STANDS = "You have chosen: {}. You can still choose something else."
_REFUSED = "You have chosen: {}. The courier cannot do that, so please choose again."
_NOTHING = "There is nothing to choose any more."
_NO_CASE = "None of your deliveries waits for an answer."

_PHONE = re.compile(r"\+?[ ()-]*(?:[0-9][ ()-]*){7,15}")

screens = Screens(minted_tokens_only=True, examples=EXAMPLES)


# What is submitted


class ChoiceForm(Struct):
    """CHOOSE: the code of what is to be done; empty where there was nothing to choose."""

    choice: str = ""


class DateForm(Struct):
    """DATE: the day on which the courier is to come."""

    day: date


class AddressForm(Struct):
    """ADDRESS: where the courier finds the customer."""

    phone: Annotated[str, Meta(max_length=30)] = ""
    address: Annotated[str, Meta(max_length=300)] = ""
    landmark: Annotated[str, Meta(max_length=80)] = ""
    notes: Annotated[str, Meta(max_length=300)] = ""

    def details(self) -> dict[str, str]:
        """Return what was filled in, as the case keeps it."""
        return ndr.whereabouts(self.phone, self.address, self.landmark, self.notes)


class ConfirmForm(Struct):
    """CONFIRM: the second yes, where one is asked for."""

    agrees: bool | Literal[""] = ""


class ClosedForm(Struct):
    """CLOSED: that it was seen."""

    seen: str


# What is shown


class Option(TypedDict):
    """Something to choose."""

    id: str
    title: str
    description: str


class ChooseData(TypedDict):
    """CHOOSE is shown with this."""

    order: str
    is_open: bool
    reason: str
    deadline: str
    has_deadline: bool
    standing: str
    has_standing: bool
    news: str
    choices: list[Option]


class DateData(TypedDict):
    """DATE is shown with this."""

    first_date: str
    last_date: str


class AddressData(TypedDict):
    """ADDRESS is shown with this."""

    needs_phone: bool
    needs_place: bool


class ConfirmData(TypedDict):
    """CONFIRM is shown with this."""

    order: str
    choice: str
    details: str
    has_details: bool
    is_final: bool


class ClosedData(TypedDict):
    """CLOSED is shown with this."""

    order: str
    news: str


# The choice


@screens.show("CHOOSE")
def show_choices(session: Session) -> ChooseData:
    """Tell why nothing was delivered and list what can be done; if nothing can, tell what has become of it."""
    choices, speaker = _choices(session), _speaker(session)
    context = _context(session)
    standing = _standing(session.about)
    until = context.get("window_until", 0)
    is_running = isinstance(until, int) and until > session.now
    return {
        "order": _order(session),
        "is_open": bool(choices),
        "reason": reason_of(context, speaker),
        "deadline": speaker.moment(until, _zone(session), "deadline") if is_running else "",
        "has_deadline": is_running,
        "standing": standing,
        "has_standing": bool(standing),
        "news": _news(session.about),
        "choices": [
            {"id": each.code, "title": label_of(each.code, speaker), "description": hint_of(each.code, speaker)}
            for each in choices
        ],
    }


@screens.submit("CHOOSE")
def choose(session: Session, form: ChoiceForm) -> Literal["DATE", "ADDRESS", "CONFIRM", "CLOSED"] | Success:
    """Go on to what the choice asks for; end where there was nothing to choose, and that was said."""
    choices = {choice.code: choice for choice in _choices(session)}
    if not choices:
        return "CLOSED" if form.choice else _closed(session)
    choice = choices.get(form.choice)
    if choice is None:
        raise Refused("Please choose one of these.")
    if choice.needs_date:
        return "DATE"
    return "ADDRESS" if choice.needs_address else "CONFIRM"


@screens.show("DATE")
def show_days(session: Session) -> DateData:
    """Give the days between which the courier comes."""
    choice = _choice(session)
    if choice is None:  # as after a double tap: whatever is chosen then is refused
        today = local_date(session.now, _zone(session)).isoformat()
        return {"first_date": today, "last_date": today}
    return {"first_date": choice.first_date, "last_date": choice.last_date}


@screens.submit("DATE")
def choose_day(session: Session, form: DateForm) -> Literal["CONFIRM", "CHOOSE", "CLOSED"]:
    """Go on to the confirmation."""
    choice = _choice(session)
    if choice is None:
        return _other(session)
    if not choice.is_on(form.day.isoformat()):
        speaker = _speaker(session)
        first, last = (speaker.day(date.fromisoformat(day)) for day in (choice.first_date, choice.last_date))
        raise Refused(speaker.say("fault.deferredDate", first=first, last=last))
    return "CONFIRM"


@screens.show("ADDRESS")
def show_address(session: Session) -> AddressData:
    """Ask for a number where nobody could be reached, else for the place."""
    needs_phone = _needs_phone(session)
    return {"needs_phone": needs_phone, "needs_place": not needs_phone}


@screens.submit("ADDRESS")
def tell_address(session: Session, form: AddressForm) -> Literal["CONFIRM", "CHOOSE", "CLOSED"]:
    """Go on to the confirmation."""
    if _choice(session) is None:
        return _other(session)
    told = form.details()
    needs_phone = _needs_phone(session)
    if (needs_phone or "phone" in told) and not _PHONE.fullmatch(form.phone.strip()):
        raise Refused("Please give a phone number of 7 to 15 digits.")
    if not needs_phone and not {"updatedAddress", "landmark"} <= told.keys():
        raise Refused("Please give the address and a landmark.")
    return "CONFIRM"


# The end


@screens.show("CONFIRM")
def show_confirmation(session: Session) -> ConfirmData:
    """Say back what was chosen."""
    code = session.form("CHOOSE", ChoiceForm).choice
    details = _details(session)
    return {
        "order": _order(session),
        "choice": label_of(code, _speaker(session)),
        "details": details,
        "has_details": bool(details),
        "is_final": ndr.RESOLUTIONS[code].does == CANCEL,
    }


@screens.submit("CONFIRM")
def confirm(session: Session, form: ConfirmForm) -> Literal["CHOOSE", "CLOSED"] | Success:
    """Tell the case; what stands already is not told again."""
    choice = _choice(session)
    if choice is None or session.about is None or not _is_whole(session, choice):
        return _other(session)
    if choice.action == CANCEL and form.agrees is not True:
        raise Refused("Please confirm that you want to cancel.")
    chosen = _chosen(session, choice)
    data = {"resolution_code": chosen["resolutionCode"], **chosen, "source": "flow"}
    if not ndr.is_offered(data, _choices(session)):
        return _other(session)
    outcome = {"outcome": "chosen", "order": _order(session), "resolution": choice.code}
    if UNDELIVERED in session.about.allowed and session.about.context.get("resolution") == chosen:
        return Success(outcome)
    return Success(outcome, Tell(RESOLVED, data, {"resolution": chosen}))


@screens.show("CLOSED")
def show_closed(session: Session) -> ClosedData:
    """Tell what has become of the parcel."""
    return {"order": _order(session), "news": _news(session.about)}


@screens.submit("CLOSED")
def close(session: Session, form: ClosedForm) -> Success:  # noqa: ARG001 - as all are called
    """End without a choice."""
    return _closed(session)


def _closed(session: Session) -> Success:
    """Return the end of a session in which nothing was chosen."""
    return Success({"outcome": "closed", "order": _order(session)})


# What the case says


def _context(session: Session) -> Mapping[str, Any]:
    return {} if session.about is None else session.about.context


def _choices(session: Session) -> tuple[ndr.Choice, ...]:
    """Return what may be chosen for the case as it stands."""
    about = session.about
    if about is None or RESOLVED not in about.allowed:
        return ()
    # By the case alone, as its own guard goes by: what is offered here is taken there.
    return ndr.choices(about.context, {}, session.now, _zone(session))


def _choice(session: Session) -> ndr.Choice | None:
    """Return what was chosen, if it may still be."""
    code = session.form("CHOOSE", ChoiceForm).choice
    return next((choice for choice in _choices(session) if choice.code == code), None)


def _other(session: Session) -> Literal["CHOOSE", "CLOSED"]:
    """Return where it goes on when a choice may not be made any more: where another can be, if one can."""
    return "CHOOSE" if _choices(session) else "CLOSED"


def _is_whole(session: Session, choice: ndr.Choice) -> bool:
    """Return whether all that a choice needs now was asked on the way here."""
    needed = {name for name, needs in (("DATE", choice.needs_date), ("ADDRESS", choice.needs_address)) if needs}
    return needed <= session.forms.keys()


def _chosen(session: Session, choice: ndr.Choice) -> dict[str, str]:
    """Return the choice as the case keeps it."""
    day = session.form("DATE", DateForm).day.isoformat() if choice.needs_date else ""
    details = session.form("ADDRESS", AddressForm).details() if choice.needs_address else {}
    return ndr.chosen(choice.code, deferred_date=day, details=details)


def _shipment(about: About) -> Mapping[str, Any]:
    """Return the context of the shipment that could not be delivered."""
    return about.family.get(f"shipment/{about.context.get('opened_by', '')}", {})


def _order(session: Session) -> str:
    """Return the number by which the customer knows the order."""
    family = {} if session.about is None else session.about.family
    orders = (context for name, context in family.items() if name.startswith("order/"))
    return str(next(orders, {}).get("customer_order_number", ""))


def _needs_phone(session: Session) -> bool:
    return ndr.asks_phone(_context(session).get("ndr_code", ""))


def _news(about: About | None) -> str:
    """Return what has become of the parcel."""
    if about is None:
        return _NO_CASE
    latest = _shipment(about).get("latest") or {}
    word = latest.get("status", "")
    if OPEN in about.tags:
        chosen = _title_of(about.context.get("resolution", {}))
        has_run_out = UNDELIVERED in about.allowed and RESOLVED not in about.allowed
        return _ANSWERED.format(chosen) if chosen and not has_run_out else _NOTHING
    return _GOES_BACK if word.startswith(f"{RTO}.") else NEWS.get(word, _NOTHING)


def _standing(about: About | None) -> str:
    """Return what was chosen for a case in which something else still can be, and what became of that."""
    chosen = "" if about is None else _title_of(about.context.get("resolution", {}))
    if about is None or not chosen:
        return ""
    return (_REFUSED if UNANSWERED in about.tags else _STANDS).format(chosen)


def _title_of(resolution: Mapping[str, str]) -> str:
    """Return what a case keeps as chosen, in short; nothing if nothing was."""
    return label_of(resolution.get("resolutionCode", ""), Speaker.of(words_of(), USUAL))


# In words


def _details(session: Session) -> str:
    """Return what goes with the choice, line by line."""
    lines = []
    if "DATE" in session.forms:
        day = session.form("DATE", DateForm).day
        lines.append(_speaker(session).day(day))
    if "ADDRESS" in session.forms:
        lines += session.form("ADDRESS", AddressForm).details().values()
    return "\n".join(lines)


def _speaker(session: Session) -> Speaker:
    """Return who speaks the language that the screens are written in, as people where the case is."""
    return Speaker.of(words_of(), USUAL, territory_of(_zone(session).key))


def _zone(session: Session) -> ZoneInfo:
    """Return the zone of the case or, if it has none, that which the session was minted with, if that is one."""
    minted = session.data.get("timezone", USUAL_ZONE)
    try:
        return ZoneInfo(str(_context(session).get("timezone", minted)))
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(USUAL_ZONE)
