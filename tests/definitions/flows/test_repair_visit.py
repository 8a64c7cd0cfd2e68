import base64
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from definitions.catalogue import Catalogue
from definitions.flow_calls import MAX_ANSWER_BYTES, MINTED, Call, Reply
from definitions.flows.repair_visit import workshop
from definitions.flows.repair_visit.screens import NOT_REPAIRED
from definitions.flows.repair_visit.workshop import HERE
from engine.inference import infer
from engine.model import SECOND, Instance
from tests.builders import HOUR, NOON, an_event
from tests.definitions.documents import FLOWS, read

VISIT = Catalogue.load().flow("repair_visit")
DOCUMENT = read(FLOWS["repair_visit"])
WORKSHOP = read(HERE / "workshop.json")

MORNING = NOON - 2 * HOUR
"""Thursday, 2026-01-01, 10:00 in London: until noon, Friday's second slot can be had."""

TOLD: dict[str, dict[str, Any]] = {
    "APPLIANCES": {"appliance": "washer"},
    "MODEL": {"model": "tindal_brook", "fault": "washer_other"},
    "SYMPTOMS": {"symptoms": ["noise"], "since": "today", "story": "It walks through the room.", "photos": []},
    "WARRANTY": {"cover": "no", "pays": "yes"},
    "PLACE": {"name": "Asha", "street": "Mill Lane 4", "district": "harbour", "rings": False},
    "VISIT": {"day": "2026-01-02", "slot": "late"},
    "SUMMARY": {"agrees": True},
}
"""What a customer says on each screen of the whole way, unless a test is about something else."""

Said = tuple[str, str, Any]
"""What a phone calls with: an action, a screen, data."""

OPEN: Said = ("INIT", "", {})


def told(screen: str, **changed: Any) -> Said:
    """Return the submission of a screen, as usual but for what is *changed*."""
    return "data_exchange", screen, {**TOLD.get(screen, {}), **changed}


def until(last: str, **changed: dict[str, Any]) -> tuple[Said, ...]:
    """Return the calls up to and with the submission of *last*; what is *changed* goes by screens."""
    names = [*TOLD][: [*TOLD].index(last) + 1]
    return (OPEN, *(told(name, **changed.get(name, {})) for name in names))


async def walked(*calls: Said, at: int = MORNING, minted: dict[str, Any] | None = None) -> list[Reply]:
    """Return the answers to these calls of one phone, a second after one another."""
    instance: Instance | None = None
    if minted is not None:
        instance = VISIT.open("token-1", at, {MINTED: minted})
    replies = []
    for index, call in enumerate(calls):
        replies.append(await later(instance, call, at=at + index * SECOND))
        instance = replies[-1].instance
    return replies


async def later(instance: Instance | None, call: Said, *, at: int) -> Reply:
    """Return the answer to another call; no answer is larger than a phone takes."""
    action, screen, data = call
    reply = await VISIT.answer(Call(f"c-{at}-{action}-{screen}", action, screen, "token-1", data, at), instance)
    assert reply.fault is None
    assert len(msgspec.json.encode(reply.data)) < MAX_ANSWER_BYTES
    return reply


def london(text: str) -> int:
    """Return a time of the workshop's clock in microseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/London")).timestamp()) * SECOND


def options(*named: str) -> list[dict[str, str]]:
    """Return options written as `id: title`."""
    return [dict(zip(("id", "title"), name.split(": "), strict=True)) for name in named]


def slots(**said: str) -> list[dict[str, Any]]:
    """Return the slots as VISIT shows them, each with what is *said* of it."""
    return [
        {
            "id": slot["id"],
            "title": slot["title"],
            "description": said[slot["id"]],
            "enabled": said[slot["id"]] == "Free",
        }
        for slot in WORKSHOP["slots"]
    ]


SYMPTOMS = options("noise: It is loud", "leak: Water comes out", "code: It shows a code")
MODELS = options("tindal_brook: Tindal Brook", "tindal_mill: Tindal Mill")
FAULTS = options("no_drain: It does not drain", "washer_other: Something else")
DISTRICTS = options("harbour: Harbour", "hills: Hills", "islands: Islands")
CLOSED = ["2026-01-04", "2026-01-11", "2026-01-18"]
"""The Sundays of the three weeks after the first of January."""

# The whole way


async def test_a_visit_is_booked() -> None:
    opened, machine, symptoms, warranty, place, visit, summary, booked = await walked(*until("SUMMARY"))

    assert (opened.screen, opened.data) == ("APPLIANCES", {"greeting": "Hello, what shall we repair?"})
    assert (machine.screen, machine.data) == (
        "MODEL",
        {"word": "washing machine", "models": MODELS, "faults": FAULTS, "is_chosen": False},
    )
    assert (symptoms.screen, symptoms.data) == ("SYMPTOMS", {"symptoms": SYMPTOMS, "is_unclear": True})
    assert (warranty.screen, warranty.data) == (
        "WARRANTY",
        {
            "appliance": "washer",
            "charge": 45,
            "cover": "yes",
            "first_day": "2010-01-01",
            "today": "2026-01-01",
            "serial_error": "",
            "bought_error": "",
        },
    )
    assert (place.screen, place.data) == (
        "PLACE",
        {"name": "", "districts": DISTRICTS, "asks_phone": False, "phone_error": ""},
    )
    first = "Please choose a day first"
    assert (visit.screen, visit.data) == (
        "VISIT",
        {
            "first_day": "2026-01-02",
            "last_day": "2026-01-22",
            "closed_days": CLOSED,
            "slots": slots(early=first, late=first, evening=first),
            "has_day": False,
            "slot_error": "",
        },
    )
    assert base64.b64decode(summary.data["picture"]) == (HERE / "washer.png").read_bytes()
    assert (summary.screen, {**summary.data, "picture": "washer.png"}) == (
        "SUMMARY",
        {
            "word": "washing machine",
            "picture": "washer.png",
            "day_words": "Friday, 2 January",
            "slot_words": "12:00 to 16:00",
            "price": "£45",
            "photos": 0,
        },
    )
    assert (booked.screen, booked.data) == (
        "BOOKED",
        {
            "reference": "704865AB",
            "day": "2026-01-02",
            "slot": "late",
            "day_words": "Friday, 2 January",
            "slot_words": "12:00 to 16:00",
        },
    )


async def test_who_is_known_is_greeted_and_need_not_write_the_name() -> None:
    opened, *_, place = await walked(*until("WARRANTY"), minted={"name": "Asha"})

    assert opened.data == {"greeting": "Hello Asha, what shall we repair?"}
    assert place.data["name"] == "Asha"


@pytest.mark.parametrize("name", ["", None, 7, ["Asha"]])
async def test_a_name_that_is_none_is_not_said(name: Any) -> None:
    assert (await walked(OPEN, minted={"name": name}))[0].data == {"greeting": "Hello, what shall we repair?"}


async def test_a_booking_ends_with_the_message_of_its_last_screen() -> None:
    booked = (await walked(*until("SUMMARY")))[-1].instance
    assert booked is not None

    assert VISIT.interpreter.step(booked, an_event("complete")).after.state == "completed"


# The machine


async def test_the_faults_are_those_of_the_model_that_was_chosen() -> None:
    fridge = told("APPLIANCES", appliance="fridge")
    _, machine, pole, fjell = await walked(
        OPEN,
        fridge,
        ("data_exchange", "MODEL", {"model": "kestrelle_pole"}),
        ("data_exchange", "MODEL", {"model": "kestrelle_fjell"}),
    )

    models = options("kestrelle_pole: Kestrelle Pole", "kestrelle_fjell: Kestrelle Fjell")
    warm, ice, other = options("warm: It is not cold", "ice: It is full of ice", "fridge_other: Something else")
    shown = {"word": "fridge", "models": models}
    assert [(reply.code, reply.screen, reply.data) for reply in (machine, pole, fjell)] == [
        ("ok", "MODEL", {**shown, "faults": [warm, ice, other], "is_chosen": False}),
        ("ok", "MODEL", {**shown, "faults": [warm, ice], "is_chosen": True}),
        ("ok", "MODEL", {**shown, "faults": [warm, other], "is_chosen": True}),
    ]


async def test_a_fault_that_can_be_helped_is_met_with_a_tip() -> None:
    advice = (await walked(*until("MODEL", MODEL={"fault": "no_drain"})))[-1]

    pictures = [
        {"src": base64.b64encode((HERE / f"{name}.png").read_bytes()).decode(), "alt-text": WORKSHOP["pictures"][name]}
        for name in ("plug", "filter")
    ]
    tip = "**Clean the filter.** It sits behind the small flap at the bottom. Put a towel under it first."
    assert (advice.screen, advice.data) == (
        "ADVICE",
        {"fault": "It does not drain", "tip": tip, "pictures": pictures},
    )


async def test_a_tip_that_helps_ends_the_flow() -> None:
    *_, done, over = await walked(*until("MODEL", MODEL={"fault": "no_drain"}), told("ADVICE", has_helped=True), OPEN)

    params = {"outcome": "solved", "model": "tindal_brook", "fault": "no_drain", "flow_token": "token-1"}
    assert (done.screen, done.data) == ("SUCCESS", {"extension_message_response": {"params": params}})
    assert (over.status, over.code) == (427, "token_done")


async def test_after_a_tip_that_does_not_help_the_visit_goes_on() -> None:
    *_, symptoms = await walked(*until("MODEL", MODEL={"fault": "no_drain"}), told("ADVICE", has_helped=False))

    assert (symptoms.screen, symptoms.data) == ("SYMPTOMS", {"symptoms": SYMPTOMS, "is_unclear": False})


@pytest.mark.parametrize(("now", "screen"), [("2021-12-31T23:59:59", "SYMPTOMS"), ("2022-01-01T00:00:00", "NO_VISIT")])
async def test_there_are_parts_until_the_end_of_the_twelfth_year_after_a_model(now: str, screen: str) -> None:
    before = (await walked(*until("APPLIANCES"), at=london(now) - HOUR))[-1].instance

    reply = await later(before, told("MODEL", model="tindal_mill"), at=london(now))

    assert reply.screen == screen
    if screen == "NO_VISIT":
        assert reply.data == {"reason": "There are no parts for the Tindal Mill any more.", "can_change": False}


async def test_who_goes_back_and_takes_another_machine_begins_anew() -> None:
    *_, machine = await walked(*until("SYMPTOMS"), told("APPLIANCES", appliance="oven"))

    models = options("ombrava_hearth: Ombrava Hearth")
    faults = options("no_heat: It does not heat", "oven_other: Something else")
    assert (machine.code, machine.screen) == ("ok", "MODEL")
    assert machine.data == {"word": "oven", "models": models, "faults": faults, "is_chosen": False}


# Photos


def photos(count: int) -> list[dict[str, Any]]:
    """Return what a PhotoPicker sends of so many photos."""
    keys = dict.fromkeys(("encrypted_hash", "iv", "encryption_key", "hmac_key", "plaintext_hash"), "AAAA")
    return [
        {
            "media_id": f"m-{number}",
            "cdn_url": f"https://mmg.whatsapp.net/m-{number}",
            "file_name": f"{number}.jpg",
            "encryption_metadata": keys,
        }
        for number in range(count)
    ]


@pytest.mark.parametrize(("sent", "count"), [(photos(3), 3), (photos(1), 1), ([], 0), ("", 0)])
async def test_photos_are_counted_and_left_where_they_are(sent: Any, count: int) -> None:
    *_, summary = await walked(*until("VISIT", SYMPTOMS={"photos": sent}))

    assert (summary.screen, summary.data["photos"]) == ("SUMMARY", count)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        pytest.param({"photos": photos(4)}, "Please check: photos", id="too many photos"),
        pytest.param({"photos": ["m-0"]}, "Please check: photos", id="a photo that is none"),
        pytest.param({"symptoms": []}, "Please check: symptoms", id="no symptom"),
        pytest.param({"symptoms": ["noise", "leak", "code", "noise"]}, "Please check: symptoms", id="four symptoms"),
        pytest.param({"symptoms": ["noise", "noise"]}, "Please choose what you notice.", id="one symptom twice"),
        pytest.param({"symptoms": ["hum"]}, "Please choose what you notice.", id="a fridge's symptom"),
        pytest.param({"since": "ever"}, "Please check: since", id="an unknown time"),
        pytest.param({"story": "a" * 301}, "Please check: story", id="too long a story"),
        pytest.param({"story": ""}, "Please tell us what happens.", id="no story of a fault without a name"),
    ],
)
async def test_symptoms_are_held_to_what_the_screen_asks(said: dict[str, Any], message: str) -> None:
    reply = (await walked(*until("SYMPTOMS", SYMPTOMS=said)))[-1]

    assert (reply.screen, reply.data) == (
        "SYMPTOMS",
        {"symptoms": SYMPTOMS, "is_unclear": True, "error_message": message},
    )


@pytest.mark.parametrize(("since", "screen"), [("today", "WARRANTY"), ("days", "WARRANTY"), ("weeks", "SYMPTOMS")])
async def test_a_fault_with_a_name_needs_a_story_only_when_it_is_old(since: str, screen: str) -> None:
    fridge = {"APPLIANCES": {"appliance": "fridge"}, "MODEL": {"model": "kestrelle_pole", "fault": "warm"}}
    said = {"symptoms": ["hum", "dark"], "since": since, "story": ""}

    assert (await walked(*until("SYMPTOMS", **fridge, SYMPTOMS=said)))[-1].screen == screen


# Who pays


@pytest.mark.parametrize(
    ("bought", "today", "error"),
    [
        pytest.param("2026-01-01", "2026-01-01", "", id="today"),
        pytest.param("2024-01-01", "2026-01-01", "", id="on the last day"),
        pytest.param("2023-12-31", "2026-01-01", "The warranty ended on 31 December 2025.", id="the day after"),
        pytest.param("2024-02-29", "2026-02-28", "", id="a leap day, two years on"),
        pytest.param("2024-02-29", "2026-03-01", "The warranty ended on 28 February 2026.", id="and after"),
        pytest.param("2026-02-28", "2028-02-28", "", id="before a leap day"),
        pytest.param("2026-02-28", "2028-02-29", "The warranty ended on 28 February 2028.", id="on it"),
        pytest.param("2026-01-02", "2026-01-01", "Please choose the day on which you bought it.", id="tomorrow"),
        pytest.param("2009-12-31", "2026-01-01", "Please choose the day on which you bought it.", id="before any sale"),
        pytest.param(None, "2026-01-01", "Please choose the day on which you bought it.", id="never"),
    ],
)
async def test_a_visit_is_free_for_two_years(bought: str | None, today: str, error: str) -> None:
    claim = {"cover": "yes", "serial": "TB123456", "bought_on": bought, "pays": ""}

    reply = (await walked(*until("WARRANTY", WARRANTY=claim), at=london(f"{today}T09:00")))[-1]

    assert (reply.code, reply.screen) == ("ok", "WARRANTY" if error else "PLACE")
    if error:
        assert reply.data == {
            "appliance": "washer",
            "charge": 45,
            "cover": "yes",
            "first_day": "2010-01-01",
            "today": today,
            "serial_error": "",
            "bought_error": error,
        }


@pytest.mark.parametrize("serial", ["", "TB12345", "tb123456", "TB१२३४५६", "12345678"])
async def test_a_serial_number_that_is_none_is_told_at_its_field(serial: str) -> None:
    claim = {"cover": "yes", "bought_on": "2025-06-01"}

    wrong, right = (
        await walked(
            *until("WARRANTY", WARRANTY={**claim, "serial": serial}), told("WARRANTY", **claim, serial="TB123456")
        )
    )[-2:]

    assert (wrong.code, wrong.screen) == ("ok", "WARRANTY")
    assert (wrong.data["serial_error"], wrong.data["bought_error"]) == ("Two letters and six digits", "")
    assert right.screen == "PLACE"


@pytest.mark.parametrize(
    ("appliance", "model", "fault", "cover"),
    [
        ("washer", "tindal_brook", "washer_other", "yes"),
        ("fridge", "kestrelle_fjell", "fridge_other", "no"),
        ("oven", "ombrava_hearth", "oven_other", "yes"),
    ],
)
async def test_a_model_that_is_still_made_is_thought_to_be_under_warranty(
    appliance: str, model: str, fault: str, cover: str
) -> None:
    chosen = {"APPLIANCES": {"appliance": appliance}, "MODEL": {"model": model, "fault": fault}}
    symptom = {"washer": "leak", "fridge": "dark", "oven": "fuse"}[appliance]

    warranty = (await walked(*until("SYMPTOMS", **chosen, SYMPTOMS={"symptoms": [symptom]})))[-1]

    charge = next(each["charge"] for each in WORKSHOP["appliances"] if each["id"] == appliance)
    assert warranty.data == {
        "appliance": appliance,
        "charge": charge,
        "cover": cover,
        "first_day": "2010-01-01",
        "today": "2026-01-01",
        "serial_error": "",
        "bought_error": "",
    }


async def test_under_warranty_the_summary_says_that_it_is_free() -> None:
    claim = {"cover": "yes", "serial": "TB123456", "bought_on": "2025-06-01"}

    assert (await walked(*until("VISIT", WARRANTY=claim)))[-1].data["price"] == "Free"


async def test_who_does_not_want_to_pay_is_not_visited_and_can_think_again() -> None:
    *_, never, again, place = await walked(
        *until("WARRANTY", WARRANTY={"pays": "no"}), told("WARRANTY", pays=""), told("WARRANTY")
    )

    assert (never.screen, never.data) == (
        "NO_VISIT",
        {"reason": "Then we do not come. Write to us should you need us after all.", "can_change": False},
    )
    assert (again.screen, again.data) == (
        "WARRANTY",
        {
            "appliance": "washer",
            "charge": 45,
            "cover": "no",
            "first_day": "2010-01-01",
            "today": "2026-01-01",
            "serial_error": "",
            "bought_error": "",
            "error_message": "Please tell us whether we may come.",
        },
    )
    assert (place.code, place.screen) == ("ok", "PLACE")


# Where


@pytest.mark.parametrize(
    ("appliance", "district", "reason"),
    [
        ("washer", "islands", "We do not repair washing machines in your district, Islands, yet."),
        ("oven", "hills", "We do not repair ovens in your district, Hills, yet."),
        ("oven", "harbour", ""),
        ("washer", "hills", ""),
    ],
)
async def test_nobody_comes_where_such_a_machine_is_not_repaired(appliance: str, district: str, reason: str) -> None:
    said: dict[str, dict[str, Any]] = {"PLACE": {"district": district}}
    if appliance == "oven":
        said["APPLIANCES"] = {"appliance": "oven"}
        said["MODEL"] = {"model": "ombrava_hearth", "fault": "no_heat"}
        said["SYMPTOMS"] = {"symptoms": ["fuse"]}

    reply = (await walked(*until("PLACE", **said)))[-1]

    assert reply.screen == ("NO_VISIT" if reason else "VISIT")
    if reason:
        assert reply.data == {"reason": reason, "can_change": True}


@pytest.mark.parametrize("phone", ["", "123456", "1" * 16, "nobody", "+", "123-456-7890x"])
async def test_who_wants_to_be_rung_is_asked_for_a_number_that_is_one(phone: str) -> None:
    said = {"rings": True, "phone": phone}

    wrong, right = (await walked(*until("PLACE", PLACE=said), told("PLACE", rings=True, phone="+44 (20) 7946-0000")))[
        -2:
    ]

    shown = {"name": "Asha", "districts": DISTRICTS, "asks_phone": True}
    assert (wrong.code, wrong.screen) == ("ok", "PLACE")
    assert wrong.data == {**shown, "phone_error": "A number has 7 to 15 digits"}
    assert right.screen == "VISIT"


async def test_nobody_else_needs_a_number() -> None:
    said = {"name": "Asha", "street": "Mill Lane 4", "district": "hills"}

    assert (await walked(*until("WARRANTY"), ("data_exchange", "PLACE", said)))[-1].screen == "VISIT"


# When


async def test_the_times_are_those_of_the_day_that_was_chosen() -> None:
    days = ["2026-01-02", "2026-01-07", "2026-01-22"]
    *_, friday, wednesday, thursday = await walked(
        *until("PLACE"), *(("data_exchange", "VISIT", {"day": day}) for day in days)
    )

    shown = {"first_day": "2026-01-02", "last_day": "2026-01-22", "closed_days": CLOSED, "has_day": True}
    assert [(reply.code, reply.screen, reply.data) for reply in (friday, wednesday, thursday)] == [
        ("ok", "VISIT", {**shown, "slots": slots(early="Taken", late="Free", evening="Taken"), "slot_error": ""}),
        ("ok", "VISIT", {**shown, "slots": slots(early="Taken", late="Free", evening="Free"), "slot_error": ""}),
        ("ok", "VISIT", {**shown, "slots": slots(early="Free", late="Free", evening="Free"), "slot_error": ""}),
    ]


@pytest.mark.parametrize(
    ("now", "first", "last", "closed"),
    [
        pytest.param("2026-01-31T09:00", "2026-02-01", "2026-02-21", ["01", "08", "15"], id="the end of a month"),
        pytest.param("2027-02-28T09:00", "2027-03-01", "2027-03-21", ["07", "14", "21"], id="the end of a February"),
        pytest.param("2028-02-28T09:00", "2028-02-29", "2028-03-20", ["05", "12", "19"], id="before a leap day"),
        pytest.param("2028-02-29T13:00", "2028-03-01", "2028-03-21", ["05", "12", "19"], id="on a leap day"),
        pytest.param(
            "2026-12-23T09:00", "2026-12-24", "2027-01-13", ["25", "26", "27", "01", "03", "10"], id="the end of a year"
        ),
        pytest.param("2026-01-01T12:00:01", "2026-01-02", "2026-01-22", ["02", "04", "11", "18"], id="too late for it"),
        pytest.param("2026-07-01T00:30", "2026-07-02", "2026-07-22", ["05", "12", "19"], id="by the workshop's clock"),
    ],
)
async def test_a_visit_is_on_one_of_the_next_three_weeks_working_days(
    now: str, first: str, last: str, closed: list[str]
) -> None:
    before = (await walked(*until("WARRANTY"), at=london(now) - HOUR))[-1].instance

    data = (await later(before, told("PLACE"), at=london(now))).data

    assert (data["first_day"], data["last_day"]) == (first, last)
    assert [day[-2:] for day in data["closed_days"]] == closed
    assert data["closed_days"] == sorted(data["closed_days"])


async def test_a_leap_day_can_be_booked() -> None:
    *_, summary = await walked(*until("VISIT", VISIT={"day": "2028-02-29"}), at=london("2028-02-25T09:00"))

    assert (summary.screen, summary.data["day_words"]) == ("SUMMARY", "Tuesday, 29 February")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        pytest.param({"day": "2026-01-01"}, "We do not come on that day. Please choose another one.", id="today"),
        pytest.param({"day": "2026-01-04"}, "We do not come on that day. Please choose another one.", id="a Sunday"),
        pytest.param(
            {"day": "2026-01-23"}, "We do not come on that day. Please choose another one.", id="too far ahead"
        ),
        pytest.param({"day": "2026-02-30"}, "Please check: day", id="no day"),
        pytest.param({"day": ""}, "Please check: day", id="nothing"),
        pytest.param({"slot": "early"}, "That time is taken. Please choose another one.", id="a time that is taken"),
        pytest.param({"slot": "night"}, "That time is taken. Please choose another one.", id="no time"),
    ],
)
async def test_only_what_is_open_can_be_chosen(said: dict[str, Any], message: str) -> None:
    reply = (await walked(*until("VISIT", VISIT=said)))[-1]

    assert (reply.screen, reply.data["error_message"]) == ("VISIT", message)
    assert (reply.data["has_day"], reply.data["closed_days"]) == (False, CLOSED)


# A time that goes while a customer thinks


@pytest.mark.parametrize(("at", "error"), [(NOON, ""), (NOON + SECOND, "That time has just been taken.")])
async def test_back_from_the_summary_the_times_are_read_anew(at: int, error: str) -> None:
    summary = (await walked(*until("VISIT")))[-1].instance

    back = await later(summary, ("BACK", "SUMMARY", {}), at=at)

    assert (back.code, back.screen) == ("ok", "VISIT")
    assert back.data == {
        "first_day": "2026-01-02",
        "last_day": "2026-01-22",
        "closed_days": [*(["2026-01-02"] if error else []), *CLOSED],
        "slots": slots(early="Taken", late="Taken" if error else "Free", evening="Taken"),
        "has_day": not error,
        "slot_error": error,
    }


@pytest.mark.parametrize(("at", "screen"), [(NOON, "BOOKED"), (NOON + SECOND, "VISIT")])
async def test_a_time_that_has_gone_is_not_booked_but_asked_for_again(at: int, screen: str) -> None:
    summary = (await walked(*until("VISIT")))[-1].instance

    reply = await later(summary, told("SUMMARY"), at=at)

    assert (reply.code, reply.screen) == ("ok", screen)
    if screen == "VISIT":
        assert reply.data["slot_error"] == "That time has just been taken."
        again = await later(reply.instance, told("VISIT", day="2026-01-03", slot="early"), at=at + SECOND)
        booked = await later(again.instance, told("SUMMARY"), at=at + 2 * SECOND)
        assert (booked.screen, booked.data["day_words"]) == ("BOOKED", "Saturday, 3 January")


@pytest.mark.parametrize(("at", "code"), [(NOON, "ok"), (NOON + SECOND, "refused")])
async def test_from_the_terms_a_visit_is_booked_too(at: int, code: str) -> None:
    summary = (await walked(*until("VISIT")))[-1].instance

    reply = await later(summary, told("TERMS", agrees=True), at=at)

    assert (reply.code, reply.screen) == (code, "BOOKED" if code == "ok" else "TERMS")
    assert [step.event.name for step in reply.steps] == (["navigate", "data_exchange"] if code == "ok" else [])
    if code == "refused":
        assert reply.data == {"error_message": "That time has just been taken. Please go back and choose another one."}


async def test_who_comes_back_from_the_terms_books_on_the_summary() -> None:
    *_, refused, booked = await walked(*until("VISIT"), told("TERMS", agrees=False), told("SUMMARY"))

    assert (refused.code, refused.screen) == ("refused", "TERMS")
    assert (booked.code, booked.screen) == ("ok", "BOOKED")


# Twice


@pytest.mark.parametrize("screen", TOLD)
async def test_a_screen_that_is_sent_twice_leads_on_once(screen: str) -> None:
    *_, first, again = await walked(*until(screen), told(screen))

    assert (first.code, again.code) == ("ok", "stale_step")
    assert (again.screen, again.data, again.instance) == (first.screen, first.data, first.instance)
    assert again.steps == ()


async def test_a_visit_has_one_reference_however_often_it_is_opened() -> None:
    *_, booked, opened = await walked(*until("SUMMARY"), OPEN)
    *_, other = await walked(*until("SUMMARY", VISIT={"day": "2026-01-05"}))

    assert opened.screen == "APPLIANCES"
    assert (await walked(*until("SUMMARY")))[-1].data["reference"] == booked.data["reference"]
    assert other.data["reference"] != booked.data["reference"]


# What was not on offer


@pytest.mark.parametrize(
    ("screen", "said", "message"),
    [
        ("APPLIANCES", {"appliance": "boat"}, "Please choose one of the machines."),
        ("MODEL", {"model": "ombrava_hearth"}, "Please choose one of the models."),
        ("MODEL", {"fault": "warm"}, "Please choose what is wrong with it."),
        ("WARRANTY", {"cover": "maybe"}, "Please check: cover"),
        ("WARRANTY", {"pays": ""}, "Please tell us whether we may come."),
        ("WARRANTY", {"cover": "yes", "serial": "TB1234567"}, "Please check: serial"),
        ("WARRANTY", {"cover": "yes", "bought_on": "2026-02-30"}, "Please check: bought on"),
        ("PLACE", {"district": "moon"}, "Please choose one of the districts."),
        ("PLACE", {"name": "A"}, "Please check: name"),
        ("PLACE", {"street": "a" * 81}, "Please check: street"),
        ("PLACE", {"rings": True, "phone": "1" * 31}, "Please check: phone"),
        ("SUMMARY", {"agrees": False}, "Please agree to the terms first."),
    ],
)
async def test_what_no_phone_sends_is_refused_in_words(screen: str, said: dict[str, Any], message: str) -> None:
    *_, before, reply = await walked(*until(screen, **{screen: said}))

    assert (reply.screen, reply.data) == (screen, {**before.data, "error_message": message})
    assert (reply.steps, reply.instance) == ((), before.instance)


# Any time


def days() -> Iterator[date]:
    """Yield all days of the years that the next test looks at."""
    first = date(2024, 1, 1)
    yield from (first + timedelta(days=number) for number in range(8 * 366))


@settings(max_examples=200, deadline=None)
@given(moment=st.datetimes(datetime(2024, 1, 1), datetime(2031, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis takes bounds without a zone
@example(moment=datetime(2028, 2, 28, 23, 59, 59, tzinfo=UTC))
@example(moment=datetime(2026, 3, 28, 23, 30, tzinfo=UTC))
@example(moment=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
def test_whenever_it_is_what_is_open_lies_a_day_to_three_weeks_ahead(moment: datetime) -> None:
    zone = ZoneInfo("Europe/London")
    now = int(moment.timestamp()) * SECOND
    here = moment.astimezone(zone).date()

    first, last, closed = workshop.first_day(now), workshop.last_day(now), workshop.closed_days(now)

    assert (first - here, last - here) == (timedelta(days=1), timedelta(days=21))
    assert closed == sorted(set(closed))
    for number in range(-1, 23):
        day = first + timedelta(days=number)
        free = workshop.open_slots(day, now)
        assert bool(free) == (first <= day <= last and day not in closed)
        assert free <= {*WORKSHOP["rounds"].get(f"{day:%a}", [])}
        assert not (free and f"{day:%m-%d}" in WORKSHOP["closed_on"])
        for slot in WORKSHOP["slots"]:
            begins = datetime(day.year, day.month, day.day, slot["hour"], tzinfo=zone).astimezone(UTC)
            if slot["id"] in free:
                assert begins - moment.replace(microsecond=0) >= timedelta(hours=24)


def test_every_warranty_ends_in_the_month_in_which_it_began() -> None:
    for day in days():
        end = workshop.warranty_ends(day)

        assert (end.year, end.month) == (day.year + 2, day.month)
        assert end.day == (28 if (day.month, day.day) == (2, 29) else day.day)


# The document and the workshop


def test_the_list_of_machines_is_the_workshops() -> None:
    (listed,) = DOCUMENT["screens"][0]["layout"]["children"]
    *machines, other = listed["list-items"]

    assert [
        (item["id"], item["end"]["title"], item["on-click-action"], base64.b64decode(item["start"]["image"]))
        for item in machines
    ] == [
        (
            each["id"],
            f"£{each['charge']}",
            {"name": "data_exchange", "payload": {"appliance": each["id"]}},
            (HERE / each["picture"]).read_bytes(),
        )
        for each in WORKSHOP["appliances"]
    ]
    assert other["on-click-action"] == {
        "name": "navigate",
        "next": {"type": "screen", "name": "NO_VISIT"},
        "payload": {"reason": NOT_REPAIRED, "can_change": False},
    }


async def test_who_has_another_machine_ends_without_asking_us() -> None:
    opened = (await walked(OPEN))[-1].instance
    assert opened is not None

    way = infer(VISIT.interpreter, opened, "NO_VISIT".__eq__, an_event("complete"))
    assert way is not None
    there = way[-1].after
    shown = await VISIT.show(Call("c-1", "INIT", "", "token-1", {}, MORNING), there)

    assert [step.event.name for step in way] == ["navigate"]
    assert VISIT.interpreter.step(there, an_event("complete")).after.state == "completed"
    assert (shown.screen, shown.data) == ("NO_VISIT", {"reason": NOT_REPAIRED, "can_change": False})


def test_the_screens_know_every_machine_and_every_day_of_the_rounds() -> None:
    components = {
        each.type: each.properties for screen in VISIT.document.screens.values() for each in screen.components
    }

    assert [*components["Switch"]["cases"]] == [each["id"] for each in WORKSHOP["appliances"]]
    assert components["CalendarPicker"]["include-days"] == [*WORKSHOP["rounds"]]


def test_the_workshop_names_only_what_it_knows() -> None:
    kinds = {each["id"] for each in WORKSHOP["appliances"]}
    times = [slot["id"] for slot in WORKSHOP["slots"]]

    for each in WORKSHOP["appliances"]:
        faults = {fault["id"] for fault in each["faults"]}
        assert {fault for model in each["models"] for fault in model["faults"]} == faults
        assert 2 <= len(each["symptoms"]) <= 20
        for fault in each["faults"]:
            assert bool(fault.get("tip")) == bool(fault.get("pictures"))
            assert {*fault.get("pictures", [])} <= {*WORKSHOP["pictures"]}
    assert all({*district["repairs"]} <= kinds for district in WORKSHOP["districts"])
    assert all(listed == [name for name in times if name in listed] for listed in WORKSHOP["rounds"].values())
    assert {path.stem for path in HERE.glob("*.png")} == kinds | {*WORKSHOP["pictures"]}
