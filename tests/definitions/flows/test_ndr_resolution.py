"""The NDR resolution: what a customer can choose in the chat for a failed delivery, and what the case is told."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from definitions.catalogue import Catalogue
from definitions.flow_calls import MINTED, Call, Reply
from definitions.flows import ndr_resolution
from definitions.flows.ndr_resolution.examples import EXAMPLES
from definitions.orders import ndr
from definitions.screens import About, Tell
from definitions.simulation import World, walk
from definitions.simulation.answers import NOW
from engine.model import SECOND, Instance
from tests.builders import HOUR

FLOW = Catalogue.load().flow("ndr_resolution")

DOCUMENT = msgspec.json.decode((Path(ndr_resolution.__file__).parent / "flow.json").read_bytes())

UNAVAILABLE, UNREACHABLE, ADDRESS, TELLING, ANSWERED, DELIVERED, RETURNING = EXAMPLES
"""Cases: three by why the delivery failed, two whose courier is being told and was told, two that are closed."""

Said = tuple[str, dict[str, Any]]
"""A screen, and what is submitted on it."""

AGAIN: Said = ("CHOOSE", {"choice": "ACTF001"})
ANOTHER_DAY: Said = ("CHOOSE", {"choice": "ACTF002"})
CANCEL: Said = ("CHOOSE", {"choice": "ACTF003"})
DAY: Said = ("DATE", {"day": "2026-01-03"})
PLACE: Said = ("ADDRESS", {"phone": "", "address": " 4 Mill Lane ", "landmark": "The old mill", "notes": ""})
NUMBER: Said = ("ADDRESS", {"phone": "+91 98000 00001", "address": "", "landmark": "", "notes": "Ring twice"})
YES: Said = ("CONFIRM", {"agrees": ""})


async def told(about: About | None, *said: Said | About, at: int = NOW, **minted: Any) -> list[Reply]:
    """
    Return the answers to one phone that opens the Flow and says this, a second after one another.

    What the session is about becomes something else where that is said.
    """
    instance: Instance = FLOW.open("token-1", at, {MINTED: minted})
    replies: list[Reply] = []
    for each in ("INIT", *said):
        if isinstance(each, About):
            about = each
            continue
        at += SECOND
        action, (screen, data) = ("INIT", ("", {})) if isinstance(each, str) else ("data_exchange", each)
        replies.append(await FLOW.answer(Call(f"c-{at}", action, screen, "token-1", data, at, about=about), instance))
        assert replies[-1].fault is None
        instance = replies[-1].instance or instance
    return replies


def shown(replies: list[Reply]) -> list[str]:
    """Return the screens that a phone was shown."""
    return [reply.screen for reply in replies]


def message(reply: Reply) -> tuple[str, str]:
    """Return what a screen says over itself."""
    return reply.screen, reply.data.get("error_message", "")


def resolved(code: str, **more: str) -> Tell:
    """Return what the case is told when that is chosen."""
    chosen = {"resolutionCode": code, "action": ndr.RESOLUTIONS[code].action, **more}
    data = {"resolution_code": code, **chosen, "source": "flow"}
    return Tell("resolution_submitted", data, {"resolution": chosen})


# What can be chosen


async def test_the_first_screen_says_why_and_until_when_and_lists_what_the_case_offers() -> None:
    (opened,) = await told(UNAVAILABLE)

    offered = {
        "ACTF001": ("Deliver again", "The courier comes once more."),
        "ACTF002": ("Choose another day", "The courier comes on the day that suits you."),
        "ACTF003": ("Cancel my order", "The parcel goes back to the shop. We ask once more before."),
        "ACTF004": ("The reason is wrong", "We tell the courier that you disagree, and ask it to come again."),
    }
    assert opened.data == {
        "order": "1042",
        "is_open": True,
        "reason": "nobody was there to take it",
        "deadline": "Friday, 2 January, 16:30\N{NO-BREAK SPACE}IST",
        "has_deadline": True,
        "standing": "",
        "has_standing": False,
        "news": "There is nothing to choose any more.",
        "choices": [{"id": code, "title": title, "description": hint} for code, (title, hint) in offered.items()],
    }


@pytest.mark.parametrize(
    ("timezone", "said"),
    [
        pytest.param("Europe/London", "Friday, 2 January, 11:00\N{NO-BREAK SPACE}GMT", id="the account's"),
        pytest.param("Nowhere/At all", "Friday, 2 January, 16:30\N{NO-BREAK SPACE}IST", id="one that there is not"),
        pytest.param("../../etc/passwd", "Friday, 2 January, 16:30\N{NO-BREAK SPACE}IST", id="no name of one"),
        pytest.param(7, "Friday, 2 January, 16:30\N{NO-BREAK SPACE}IST", id="not even a text"),
    ],
)
async def test_times_are_said_in_the_zone_that_the_session_was_minted_with(timezone: Any, said: str) -> None:
    (opened,) = await told(UNAVAILABLE, timezone=timezone)

    assert opened.data["deadline"] == said


async def test_the_case_has_a_zone_of_its_own_and_the_days_are_those_there() -> None:
    about = replace(UNAVAILABLE, context={**UNAVAILABLE.context, "timezone": "Pacific/Auckland"})

    opened, dated = await told(about, ANOTHER_DAY, timezone="Europe/London")

    assert opened.data["deadline"] == "Saturday, 3 January, 00:00\N{NO-BREAK SPACE}NZDT"
    assert (dated.data["first_date"], dated.data["last_date"]) == ("2026-01-02", "2026-02-01")


async def test_a_time_that_is_over_is_not_asked_for() -> None:
    (opened,) = await told(UNAVAILABLE, at=NOW + 24 * HOUR)

    assert (opened.data["is_open"], opened.data["deadline"], opened.data["has_deadline"]) == (True, "", False)


@pytest.mark.parametrize(
    ("about", "words"),
    [
        pytest.param(TELLING, "You can still choose something else.", id="being told"),
        pytest.param(
            replace(UNAVAILABLE, context=TELLING.context),
            "The courier cannot do that, so please choose again.",
            id="refused",
        ),
    ],
)
async def test_what_was_chosen_before_is_said_with_what_became_of_it(about: About, words: str) -> None:
    (opened,) = await told(about)

    assert (opened.data["is_open"], opened.data["has_standing"]) == (True, True)
    assert opened.data["standing"] == f"You have chosen: Deliver again. {words}"


# The ways through


@pytest.mark.parametrize(
    ("about", "said", "screens", "tell"),
    [
        pytest.param(UNAVAILABLE, (AGAIN, YES), "CONFIRM", resolved("ACTF001"), id="again"),
        pytest.param(
            UNAVAILABLE,
            (ANOTHER_DAY, DAY, YES),
            "DATE CONFIRM",
            resolved("ACTF002", deferredDate="2026-01-03"),
            id="another day",
        ),
        pytest.param(
            UNAVAILABLE, (CANCEL, ("CONFIRM", {"agrees": True})), "CONFIRM", resolved("ACTF003"), id="cancelled"
        ),
        pytest.param(
            ADDRESS,
            (AGAIN, PLACE, YES),
            "ADDRESS CONFIRM",
            resolved("ACTF001", updatedAddress="4 Mill Lane", landmark="The old mill"),
            id="elsewhere",
        ),
        pytest.param(
            UNREACHABLE,
            (AGAIN, NUMBER, YES),
            "ADDRESS CONFIRM",
            resolved("ACTF001", phone="+91 98000 00001", notes="Ring twice"),
            id="by another number",
        ),
    ],
)
async def test_each_choice_asks_for_what_it_needs_and_no_more(
    about: About, said: tuple[Said, ...], screens: str, tell: Tell
) -> None:
    replies = await told(about, *said)

    assert shown(replies) == ["CHOOSE", *screens.split(), "SUCCESS"]
    assert replies[-1].tell == tell
    params = replies[-1].data["extension_message_response"]["params"]
    code = tell.data["resolution_code"]
    assert params == {"outcome": "chosen", "order": "1042", "resolution": code, "flow_token": "token-1"}


async def test_the_last_screen_says_back_what_was_chosen() -> None:
    confirmed = [
        (await told(UNAVAILABLE, AGAIN))[-1].data,
        (await told(UNAVAILABLE, ANOTHER_DAY, DAY))[-1].data,
        (await told(ADDRESS, AGAIN, PLACE))[-1].data,
        (await told(UNAVAILABLE, CANCEL))[-1].data,
    ]

    assert [(data["choice"], data["details"], data["has_details"], data["is_final"]) for data in confirmed] == [
        ("Deliver again", "", False, False),
        ("Choose another day", "Saturday, 3 January 2026", True, False),
        ("Deliver again", "4 Mill Lane\nThe old mill", True, False),
        ("Cancel my order", "", False, True),
    ]


@pytest.mark.parametrize("agrees", ["", False])
async def test_an_order_is_cancelled_by_nobody_who_does_not_say_so_twice(agrees: Any) -> None:
    refused = (await told(UNAVAILABLE, CANCEL, ("CONFIRM", {"agrees": agrees})))[-1]

    assert message(refused) == ("CONFIRM", "Please confirm that you want to cancel.")
    assert (refused.steps, refused.tell) == ((), None)


@pytest.mark.parametrize("day", ["2025-12-31", "2026-02-01"])
async def test_a_day_on_which_the_courier_does_not_come_is_refused(day: str) -> None:
    refused = (await told(UNAVAILABLE, ANOTHER_DAY, ("DATE", {"day": day})))[-1]

    assert message(refused) == ("DATE", "Choose a day from Thursday, 1 January 2026 to Saturday, 31 January 2026.")


@pytest.mark.parametrize(
    ("about", "said", "words"),
    [
        pytest.param(UNREACHABLE, PLACE, "Please give a phone number of 7 to 15 digits.", id="no number"),
        pytest.param(ADDRESS, NUMBER, "Please give the address and a landmark.", id="no place"),
        pytest.param(
            ADDRESS,
            ("ADDRESS", {**PLACE[1], "phone": "ask my neighbour"}),
            "Please give a phone number of 7 to 15 digits.",
            id="a number that is none",
        ),
        pytest.param(
            ADDRESS,
            ("ADDRESS", {**PLACE[1], "landmark": "  "}),
            "Please give the address and a landmark.",
            id="no landmark",
        ),
    ],
)
async def test_what_the_courier_needs_to_find_the_customer_is_insisted_on(about: About, said: Said, words: str) -> None:
    replies = await told(about, AGAIN, said)

    needed = replies[1].data
    assert (needed["needs_phone"], needed["needs_place"]) == (about is UNREACHABLE, about is ADDRESS)
    assert message(replies[-1]) == ("ADDRESS", words)


async def test_what_is_not_offered_is_refused() -> None:
    refused = (await told(UNAVAILABLE, ("CHOOSE", {"choice": "ACTF009"})))[-1]

    assert message(refused) == ("CHOOSE", "Please choose one of these.")


async def test_what_the_courier_is_being_told_already_is_not_told_again() -> None:
    same = (await told(TELLING, AGAIN, YES))[-1]
    other = (await told(TELLING, ANOTHER_DAY, DAY, YES))[-1]

    assert (same.screen, same.tell) == ("SUCCESS", None)
    assert (other.screen, other.tell) == ("SUCCESS", resolved("ACTF002", deferredDate="2026-01-03"))


async def test_what_the_courier_refused_or_never_heard_of_can_be_chosen_again() -> None:
    refused = replace(UNAVAILABLE, context=TELLING.context)
    unheard = replace(TELLING, allowed=("resolution_submitted", "resolution_sent"))

    assert [(await told(about, AGAIN, YES))[-1].tell for about in (refused, unheard)] == [resolved("ACTF001")] * 2


# What happens meanwhile


@pytest.mark.parametrize(
    ("about", "news"),
    [
        pytest.param(ANSWERED, "You have chosen already: Deliver again.", id="answered"),
        pytest.param(DELIVERED, "Your order has been delivered.", id="delivered"),
        pytest.param(RETURNING, "Your order is on its way back to the seller.", id="on its way back"),
        pytest.param(replace(UNAVAILABLE, allowed=()), "There is nothing to choose any more.", id="expired"),
        pytest.param(
            replace(TELLING, allowed=("resolution_undelivered",)),
            "There is nothing to choose any more.",
            id="refused, and expired",
        ),
        pytest.param(replace(DELIVERED, family={}), "There is nothing to choose any more.", id="nobody knows"),
        pytest.param(None, "None of your deliveries waits for an answer.", id="about nothing"),
    ],
)
async def test_where_nothing_can_be_chosen_the_customer_is_told_why_and_closes_it(
    about: About | None, news: str
) -> None:
    replies = await told(about, ("CHOOSE", {"choice": ""}))

    assert shown(replies) == ["CHOOSE", "SUCCESS"]
    assert (replies[0].data["is_open"], replies[0].data["choices"]) == (False, [])
    assert replies[0].data["news"].startswith(news)
    assert replies[1].tell is None


def test_nothing_leads_on_where_nothing_can_be_chosen() -> None:
    """The button there closes the Flow: to go on, something must be there to be chosen."""
    (choose,) = (screen for screen in DOCUMENT["screens"] if screen["id"] == "CHOOSE")
    (either,) = (each for each in choose["layout"]["children"] if each["type"] == "If")

    buttons = [each["label"] for each in (either["then"][-1], either["else"][-1]) if each["type"] == "Footer"]

    assert buttons == ["Continue", "Close"]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param((AGAIN,), id="first"),
        pytest.param((ANOTHER_DAY, DELIVERED, DAY), id="choosing a day"),
        pytest.param((ANOTHER_DAY, DAY, DELIVERED, YES), id="confirming"),
        pytest.param((CANCEL, DELIVERED, ("CONFIRM", {"agrees": True})), id="cancelling"),
    ],
)
async def test_what_is_delivered_while_a_customer_thinks_is_said_on_the_next_screen(said: tuple[Any, ...]) -> None:
    replies = await told(DELIVERED if said == (AGAIN,) else UNAVAILABLE, *said)

    assert (shown(replies)[-1], replies[-1].tell) == ("CLOSED", None)
    assert replies[-1].data == {"order": "1042", "news": "Your order has been delivered."}


async def test_a_choice_that_is_gone_leads_back_to_the_others() -> None:
    attempts = {**UNAVAILABLE.context, "terms": {"attempts": 1, "counted": 1}}
    over = replace(UNAVAILABLE, context=attempts)

    confirmed = (await told(UNAVAILABLE, AGAIN, over, YES))[-1]
    dated = (await told(UNAVAILABLE, ANOTHER_DAY, over, DAY))[-1]

    for reply in (confirmed, dated):
        assert (reply.code, reply.screen, reply.tell) == ("ok", "CHOOSE", None)
        assert [choice["id"] for choice in reply.data["choices"]] == ["ACTF003", "ACTF004"]


async def test_a_day_that_has_passed_meanwhile_is_not_told() -> None:
    replies = await told(UNAVAILABLE, ANOTHER_DAY, DAY)
    confirming = replies[-1].instance
    assert confirming is not None

    call = Call("c-late", "data_exchange", "CONFIRM", "token-1", YES[1], NOW + 60 * HOUR, about=UNAVAILABLE)
    reply = await FLOW.answer(call, replace(confirming, timers=()))

    assert (reply.screen, reply.tell) == ("CHOOSE", None)


@pytest.mark.parametrize("screen", ["CHOOSE", "DATE", "CONFIRM"])
async def test_a_screen_can_be_shown_again_whatever_has_become_of_the_case(screen: str) -> None:
    replies = await told(UNAVAILABLE, ANOTHER_DAY, DAY)
    instance = next(reply.instance for reply in replies if reply.screen == screen)
    assert instance is not None

    for about in (*EXAMPLES, None):
        again = await FLOW.show(Call("c-again", "", screen, "token-1", {}, NOW, about=about), instance)
        assert (again.code, again.screen, again.fault) == ("ok", screen, None)


def test_a_simulation_walks_every_case_alone_too() -> None:
    for about in EXAMPLES:
        report = walk("ndr_resolution", FLOW, World(abouts=[about]))

        assert (report.faults, report.dead_ends, report.warnings) == ((), (), ())
