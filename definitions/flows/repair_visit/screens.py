"""
The logic of the repair visit: a machine and what is wrong with it, who pays, a place, a day and a time, the booking.

Rule 1: what is open and what is not is read anew for each screen shown: a time can go while a customer thinks.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal, TypedDict, TypeVar

from msgspec import Meta, Struct

from definitions.flows.repair_visit.workshop import (
    APPLIANCES,
    DISTRICTS,
    FAULTS,
    MODELS,
    PICTURES,
    SLOTS,
    WORKSHOP,
    Appliance,
    Choice,
    District,
    Fault,
    Model,
    closed_days,
    first_day,
    has_parts,
    last_day,
    open_slots,
    said,
    today,
    warranty_ends,
)
from definitions.media import Upload
from definitions.screens import Refused, Screens, Session, Success

NOT_REPAIRED = "We only repair washing machines, fridges and ovens."
"""What the phone says by itself of any other machine."""

_MOST_OF_A_NAME = 30
_SERIAL = re.compile(r"[A-Z]{2}[0-9]{6}")
_PHONE = re.compile(r"\+?[ ()-]*(?:[0-9][ ()-]*){7,15}")

screens = Screens()


# What is submitted


class ApplianceForm(Struct):
    """APPLIANCES: the kind of machine."""

    appliance: str


class ModelForm(Struct):
    """MODEL: the model, and once one is chosen what is wrong with it."""

    model: str
    fault: str = ""


class AdviceForm(Struct):
    """ADVICE: whether the tip was enough."""

    has_helped: bool


class SymptomsForm(Struct):
    """SYMPTOMS: what a customer notices; no photos are an empty list, an empty text or nothing."""

    symptoms: Annotated[list[str], Meta(min_length=1, max_length=3)]
    since: Literal["today", "days", "weeks"]
    story: Annotated[str, Meta(max_length=300)] = ""
    photos: Annotated[list[Upload], Meta(max_length=3)] | Literal[""] = ""


class WarrantyForm(Struct):
    """WARRANTY: what shows that a machine is under it, or whether the customer pays."""

    cover: Literal["yes", "no"]
    serial: Annotated[str, Meta(max_length=8)] = ""
    bought_on: date | None = None
    pays: Literal["yes", "no", ""] = ""


class PlaceForm(Struct):
    """PLACE: who is visited, where, and by which number to be rung before."""

    name: Annotated[str, Meta(min_length=2, max_length=60)]
    street: Annotated[str, Meta(min_length=1, max_length=80)]
    district: str
    rings: bool = False
    phone: Annotated[str, Meta(max_length=30)] = ""


class VisitForm(Struct):
    """VISIT: the day, and once one is chosen the time."""

    day: date
    slot: str = ""


class AgreementForm(Struct):
    """SUMMARY and TERMS: the customer's yes."""

    agrees: bool


# What is shown


class Option(TypedDict):
    """Something to choose."""

    id: str
    title: str


class SlotOption(Option):
    """A time to choose, if it is open."""

    description: str
    enabled: bool


Picture = TypedDict("Picture", {"src": str, "alt-text": str})


class AppliancesData(TypedDict):
    """APPLIANCES is shown with this."""

    greeting: str


class ModelData(TypedDict):
    """MODEL is shown with this; the faults are those of the chosen model."""

    word: str
    models: list[Option]
    faults: list[Option]
    is_chosen: bool


class AdviceData(TypedDict):
    """ADVICE is shown with this."""

    fault: str
    tip: str
    pictures: list[Picture]


class SymptomsData(TypedDict):
    """SYMPTOMS is shown with this."""

    symptoms: list[Option]
    is_unclear: bool


class WarrantyData(TypedDict):
    """WARRANTY is shown with this; the errors are empty where there are none."""

    appliance: str
    charge: int
    cover: str
    first_day: str
    today: str
    serial_error: str
    bought_error: str


class PlaceData(TypedDict):
    """PLACE is shown with this."""

    name: str
    districts: list[Option]
    asks_phone: bool
    phone_error: str


class VisitData(TypedDict):
    """VISIT is shown with this."""

    first_day: str
    last_day: str
    closed_days: list[str]
    slots: list[SlotOption]
    has_day: bool
    slot_error: str


class SummaryData(TypedDict):
    """SUMMARY is shown with this."""

    word: str
    picture: str
    day_words: str
    slot_words: str
    price: str
    photos: int


class BookedData(TypedDict):
    """BOOKED is shown with this."""

    reference: str
    day: str
    slot: str
    day_words: str
    slot_words: str


class NoVisitData(TypedDict):
    """NO_VISIT is shown with this."""

    reason: str
    can_change: bool


# The machine


@screens.show("APPLIANCES")
def show_appliances(session: Session) -> AppliancesData:
    """Greet the customer by name if we know it."""
    name = _name(session)
    return {"greeting": f"Hello {name}, what shall we repair?" if name else "Hello, what shall we repair?"}


@screens.submit("APPLIANCES")
def choose_appliance(session: Session, form: ApplianceForm) -> Literal["MODEL"]:  # noqa: ARG001 - as all are called
    """Go on to the models."""
    if form.appliance not in APPLIANCES:
        raise Refused("Please choose one of the machines.")
    return "MODEL"


@screens.show("MODEL")
def show_models(session: Session) -> ModelData:
    """List the models, and the faults of the one chosen."""
    appliance = _appliance(session)
    form = _earlier(session, "MODEL", ModelForm)
    faults = appliance.faults
    if form is not None:
        faults = tuple(FAULTS[appliance.id, fault] for fault in MODELS[appliance.id, form.model].faults)
    return {
        "word": appliance.word,
        "models": _options(appliance.models),
        "faults": _options(faults),
        "is_chosen": form is not None,
    }


@screens.submit("MODEL")
def choose_model(session: Session, form: ModelForm) -> Literal["MODEL", "ADVICE", "SYMPTOMS", "NO_VISIT"]:
    """Ask for the fault once there is a model; then go on, by way of a tip if there is one."""
    appliance = _appliance(session)
    model = MODELS.get((appliance.id, form.model))
    if model is None:
        raise Refused("Please choose one of the models.")
    if not form.fault:
        return "MODEL"
    if form.fault not in model.faults:
        raise Refused("Please choose what is wrong with it.")
    if not has_parts(model, today(session.now)):
        return "NO_VISIT"
    return "ADVICE" if FAULTS[appliance.id, form.fault].tip else "SYMPTOMS"


@screens.show("ADVICE")
def show_advice(session: Session) -> AdviceData:
    """Tell what to try first."""
    fault = _fault(session)
    return {
        "fault": fault.title,
        "tip": fault.tip,
        "pictures": [{"src": PICTURES[f"{name}.png"], "alt-text": WORKSHOP.pictures[name]} for name in fault.pictures],
    }


@screens.submit("ADVICE")
def take_advice(session: Session, form: AdviceForm) -> Literal["SYMPTOMS"] | Success:
    """End the flow if the tip was enough."""
    if form.has_helped:
        return Success({"outcome": "solved", "model": _model(session).id, "fault": _fault(session).id})
    return "SYMPTOMS"


@screens.show("SYMPTOMS")
def show_symptoms(session: Session) -> SymptomsData:
    """List what such a machine does when something is wrong; a fault without a name is to be told in words."""
    return {"symptoms": _options(_appliance(session).symptoms), "is_unclear": _fault(session).is_unclear}


@screens.submit("SYMPTOMS")
def tell_symptoms(session: Session, form: SymptomsForm) -> Literal["WARRANTY"]:
    """Go on to the warranty."""
    known = {symptom.id for symptom in _appliance(session).symptoms}
    chosen = set(form.symptoms)
    if len(chosen) < len(form.symptoms) or not chosen <= known:
        raise Refused("Please choose what you notice.")
    if not form.story and (form.since == "weeks" or _fault(session).is_unclear):
        raise Refused("Please tell us what happens.")
    return "WARRANTY"


# Who pays


@screens.show("WARRANTY")
def show_warranty(session: Session) -> WarrantyData:
    """Ask for what shows that the machine is under warranty; of a model no longer made, nobody expects it."""
    appliance = _appliance(session)
    form = _earlier(session, "WARRANTY", WarrantyForm)
    if form is None:
        form = WarrantyForm("yes" if _model(session).made_until is None else "no")
        serial_error, bought_error = "", ""
    else:
        serial_error, bought_error = _serial_error(form), _bought_error(form, session.now)
    return {
        "appliance": appliance.id,
        "charge": appliance.charge,
        "cover": form.cover,
        "first_day": WORKSHOP.sold_since.isoformat(),
        "today": today(session.now).isoformat(),
        "serial_error": serial_error,
        "bought_error": bought_error,
    }


@screens.submit("WARRANTY")
def claim_warranty(session: Session, form: WarrantyForm) -> Literal["WARRANTY", "PLACE", "NO_VISIT"]:
    """Go on if the visit is free, or if the customer pays for it."""
    if form.cover == "yes":
        return "WARRANTY" if _serial_error(form) or _bought_error(form, session.now) else "PLACE"
    if not form.pays:
        raise Refused("Please tell us whether we may come.")
    return "PLACE" if form.pays == "yes" else "NO_VISIT"


def _serial_error(form: WarrantyForm) -> str:
    """Return what the field says when a serial number is none."""
    is_wrong = form.cover == "yes" and not _SERIAL.fullmatch(form.serial)
    return "Two letters and six digits" if is_wrong else ""


def _bought_error(form: WarrantyForm, now: int) -> str:
    """Return what the field says when the day of a purchase gives no warranty."""
    if form.cover == "no":
        return ""
    if form.bought_on is None or not WORKSHOP.sold_since <= form.bought_on <= today(now):
        return "Please choose the day on which you bought it."
    end = warranty_ends(form.bought_on)
    return f"The warranty ended on {end.day} {end:%B} {end.year}." if end < today(now) else ""


# Where and when


@screens.show("PLACE")
def show_place(session: Session) -> PlaceData:
    """Ask for the place, and for a number only of who wants to be rung."""
    form = _earlier(session, "PLACE", PlaceForm)
    return {
        "name": form.name if form else _name(session),
        "districts": _options(WORKSHOP.districts),
        "asks_phone": form is not None and form.rings,
        "phone_error": _phone_error(form) if form else "",
    }


@screens.submit("PLACE")
def tell_place(session: Session, form: PlaceForm) -> Literal["PLACE", "VISIT", "NO_VISIT"]:
    """Go on to the days, if somebody goes there for such a machine."""
    district = DISTRICTS.get(form.district)
    if district is None:
        raise Refused("Please choose one of the districts.")
    if _phone_error(form):
        return "PLACE"
    return "VISIT" if _appliance(session).id in district.repairs else "NO_VISIT"


def _phone_error(form: PlaceForm) -> str:
    """Return what the field says when nobody can be rung."""
    is_wrong = form.rings and not _PHONE.fullmatch(form.phone)
    return "A number has 7 to 15 digits" if is_wrong else ""


@screens.show("VISIT")
def show_visit(session: Session) -> VisitData:
    """List the days, and the times of the day chosen: those that are taken can be seen, but not chosen."""
    form = _earlier(session, "VISIT", VisitForm)
    free = open_slots(form.day, session.now) if form else frozenset[str]()
    return {
        "first_day": first_day(session.now).isoformat(),
        "last_day": last_day(session.now).isoformat(),
        "closed_days": [day.isoformat() for day in closed_days(session.now)],
        "slots": [
            {
                "id": slot.id,
                "title": slot.title,
                "description": "Free" if slot.id in free else "Taken" if form else "Please choose a day first",
                "enabled": slot.id in free,
            }
            for slot in WORKSHOP.slots
        ],
        "has_day": bool(free),
        "slot_error": "That time has just been taken." if form and form.slot and form.slot not in free else "",
    }


@screens.submit("VISIT")
def choose_visit(session: Session, form: VisitForm) -> Literal["VISIT", "SUMMARY"]:
    """Ask for the time once there is a day; then go on."""
    free = open_slots(form.day, session.now)
    if not free:
        raise Refused("We do not come on that day. Please choose another one.")
    if not form.slot:
        return "VISIT"
    if form.slot not in free:
        raise Refused("That time is taken. Please choose another one.")
    return "SUMMARY"


# The booking


@screens.show("SUMMARY")
def show_summary(session: Session) -> SummaryData:
    """Show what is about to be booked."""
    appliance, visit = _appliance(session), _visit(session)
    is_free = session.form("WARRANTY", WarrantyForm).cover == "yes"
    return {
        "word": appliance.word,
        "picture": PICTURES[appliance.picture],
        "day_words": said(visit.day),
        "slot_words": SLOTS[visit.slot].title,
        "price": "Free" if is_free else f"£{appliance.charge}",
        "photos": len(session.form("SYMPTOMS", SymptomsForm).photos),
    }


@screens.submit("SUMMARY")
def book(session: Session, form: AgreementForm) -> Literal["BOOKED", "VISIT"]:
    """Book the visit; if its time has gone, ask for another."""
    if not form.agrees:
        raise Refused("Please agree to the terms first.")
    return "BOOKED" if _is_open(session) else "VISIT"


@screens.submit("TERMS")
def book_from_terms(session: Session, form: AgreementForm) -> Literal["BOOKED"]:
    """Book the visit; from the terms, only the customer can go back to the times."""
    if not form.agrees:
        raise Refused("Please agree to the terms first.")
    if not _is_open(session):
        raise Refused("That time has just been taken. Please go back and choose another one.")
    return "BOOKED"


@screens.show("BOOKED")
def show_booked(session: Session) -> BookedData:
    """Tell what was booked, under which reference."""
    visit = _visit(session)
    told = f"{session.token}/{visit.day}/{visit.slot}"
    return {
        "reference": hashlib.sha256(told.encode()).hexdigest()[:8].upper(),
        "day": visit.day.isoformat(),
        "slot": visit.slot,
        "day_words": said(visit.day),
        "slot_words": SLOTS[visit.slot].title,
    }


@screens.show("NO_VISIT")
def show_no_visit(session: Session) -> NoVisitData:
    """Tell why nobody comes: the screen furthest on the way here decided it."""
    place = _earlier(session, "PLACE", PlaceForm)
    if place is not None:
        word, district = _appliance(session).word, DISTRICTS[place.district].title
        return {"reason": f"We do not repair {word}s in your district, {district}, yet.", "can_change": True}
    if "WARRANTY" in session.forms:
        return {"reason": "Then we do not come. Write to us should you need us after all.", "can_change": False}
    if "MODEL" in session.forms:
        return {"reason": f"There are no parts for the {_model(session).title} any more.", "can_change": False}
    return {"reason": NOT_REPAIRED, "can_change": False}


# What the way here says

Form = TypeVar("Form")


def _earlier(session: Session, screen: str, kind: type[Form]) -> Form | None:
    """Return what was submitted on *screen* on the way here, if anything was."""
    return session.form(screen, kind) if screen in session.forms else None


def _appliance(session: Session) -> Appliance:
    return APPLIANCES[session.form("APPLIANCES", ApplianceForm).appliance]


def _model(session: Session) -> Model:
    return MODELS[_appliance(session).id, session.form("MODEL", ModelForm).model]


def _fault(session: Session) -> Fault:
    return FAULTS[_appliance(session).id, session.form("MODEL", ModelForm).fault]


def _visit(session: Session) -> VisitForm:
    return session.form("VISIT", VisitForm)


def _is_open(session: Session) -> bool:
    """Return whether the chosen time is still to be had."""
    visit = _visit(session)
    return visit.slot in open_slots(visit.day, session.now)


def _name(session: Session) -> str:
    """Return the customer's name, if the session was minted with it."""
    name = session.data.get("name")
    return name[:_MOST_OF_A_NAME] if isinstance(name, str) else ""


def _options(choices: Iterable[Choice | Model | Fault | District]) -> list[Option]:
    return [{"id": choice.id, "title": choice.title} for choice in choices]
