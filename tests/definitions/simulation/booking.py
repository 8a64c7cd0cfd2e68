"""A flow of the tests' own with everything that a phone does by itself, and logic for it."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from definitions.binding import GUARDS
from definitions.flow_calls import Flow
from definitions.flow_compiler import compile_flow
from definitions.screens import Refused, Screens, Session, Success
from definitions.simulation import ANY_WORLD, Report, World, walk
from engine.interpreter import Interpreter
from tests.definitions.documents import a_flow, a_screen, does, source_of

OPTIONS = {
    "type": "array",
    "items": {"type": "object", "properties": {"id": {"type": "string"}, "title": {"type": "string"}}},
}
TREATMENTS = [{"id": "cut", "title": "Cut"}, {"id": "colour", "title": "Colour"}]
SLOTS = {"2026-02-02": ["nine", "ten"], "2026-02-03": []}


def options(*names: str) -> list[dict[str, str]]:
    """Return options of these ids."""
    return [{"id": name, "title": name.capitalize()} for name in names]


BOOKING = a_flow(
    a_screen(
        "TREATMENT",
        {
            "type": "RadioButtonsGroup",
            "name": "treatment",
            "label": "What?",
            "required": True,
            "data-source": "${data.treatments}",
        },
        {
            "type": "If",
            "condition": "${form.treatment} == 'colour'",
            "then": [
                {
                    "type": "Dropdown",
                    "name": "shade",
                    "label": "Which?",
                    "required": True,
                    "data-source": options("copper", "ash"),
                }
            ],
        },
        does("navigate", "PRICES", kind="EmbeddedLink"),
        does("data_exchange", payload={"treatment": "${form.treatment}", "shade": "${form.shade}"}),
        data={"treatments": {**OPTIONS, "__example__": TREATMENTS}},
    ),
    a_screen("PRICES", {"type": "TextBody", "text": "A cut is 30, a colour 60."}),
    a_screen(
        "DAY",
        {
            "type": "DatePicker",
            "name": "day",
            "label": "When?",
            "required": True,
            "min-date": "2026-02-02",
            "max-date": "2026-02-06",
            "unavailable-dates": ["2026-02-04", "2026-02-05", "2026-02-06"],
            "on-select-action": {"name": "data_exchange", "payload": {"day": "${form.day}"}},
        },
        {
            "type": "Dropdown",
            "name": "slot",
            "label": "At?",
            "required": "${data.is_asked}",
            "visible": "${data.is_asked}",
            "data-source": "${data.slots}",
        },
        does("data_exchange", payload={"day": "${form.day}", "slot": "${form.slot}"}),
        data={
            "is_asked": {"type": "boolean", "__example__": False},
            "slots": {**OPTIONS, "__example__": options("nine")},
        },
        refresh_on_back=True,
    ),
    a_screen(
        "LAST",
        {"type": "TextInput", "name": "email", "label": "E-mail", "input-type": "email", "required": True},
        {"type": "OptIn", "name": "news", "label": "News"},
        does("complete", payload={"email": "${form.email}", "news": "${form.news}", "day": "${screen.DAY.form.day}"}),
        terminal=True,
    ),
    routing_model={"TREATMENT": ["PRICES", "DAY"], "PRICES": [], "DAY": ["LAST"], "LAST": []},
)  # fmt: skip


class TreatmentForm(Struct):
    """TREATMENT."""

    treatment: str
    shade: str = ""


class DayForm(Struct):
    """DAY: the day alone as soon as it is chosen."""

    day: str
    slot: str = ""


def booked(session: Session, form: DayForm) -> str | Success:  # noqa: ARG001 - as every submit
    """Show the slots of a day, and go on with one of them."""
    if form.day not in SLOTS:
        raise Refused("Not that day.")
    if not form.slot:
        return "DAY"
    if form.slot not in SLOTS[form.day]:
        raise Refused("Not that slot.")
    return "LAST"


def days(session: Session) -> dict[str, Any]:
    """Show the slots of the day that was chosen, none before."""
    day = session.forms.get("DAY", {}).get("day")
    return {"is_asked": day in SLOTS, "slots": options(*SLOTS.get(day, []))}


def chosen(session: Session, form: TreatmentForm) -> str:  # noqa: ARG001 - as every submit
    """Go on to the day."""
    if form.treatment not in ("cut", "colour"):
        raise Refused("Not that.")
    return "DAY"


def logic(
    chosen: Callable[..., Any] = chosen,
    days: Callable[..., Any] = days,
    booked: Callable[..., Any] = booked,
    treatments: Callable[..., Any] = lambda _session: {"treatments": TREATMENTS},
) -> Screens:
    """Return the booking's logic, with other functions in place of its own."""
    screens = Screens()
    screens.show("TREATMENT")(treatments)
    screens.submit("TREATMENT")(chosen)
    screens.show("DAY")(days)
    screens.submit("DAY")(booked)
    return screens


def a_flow_of(document: Mapping[str, Any], screens: Screens | None = None) -> Flow:
    """Return a document with its logic."""
    compiled = compile_flow("tried", source_of(document))
    assert compiled.flow is not None
    assert compiled.definition is not None, compiled.problems
    return Flow(compiled.flow, Interpreter(compiled.definition, GUARDS), screens or Screens())


def walked(document: Mapping[str, Any], screens: Screens | None = None, world: World = ANY_WORLD) -> Report:
    """Return what a walk through a document finds."""
    return walk("tried", a_flow_of(document, screens), world)
