"""How a language says days, times and money, and which language is spoken."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.words.document import words_of
from definitions.words.saying import Speaker, currency_of, preferred, territory_of
from tests.builders import NOON

WORDS = words_of()
PUNE = ZoneInfo("Asia/Kolkata")
ENGLISH, HINDI = (Speaker.of(WORDS, language, "IN") for language in ("en", "hi"))


@pytest.mark.parametrize(
    ("speaker", "said"),
    [
        (
            ENGLISH,
            ["Tuesday, 24 November 2026", "24 Nov", "1 January 2026, 17:30 IST", "Thursday, 1 January, 17:30 IST"],
        ),
        (HINDI, ["मंगलवार, 24 नवंबर 2026", "24 नव॰", "1 जनवरी 2026, 17:30 IST", "गुरुवार, 1 जनवरी, 17:30 IST"]),
    ],
    ids=["en", "hi"],
)
def test_days_and_times_are_said_as_people_say_them(speaker: Speaker, said: list[str]) -> None:
    day = date(2026, 11, 24)
    days, times = [speaker.day(day), speaker.day(day, "short")], [None, "deadline"]

    moments = [speaker.moment(NOON, PUNE, *filter(None, [kind])) for kind in times]
    assert days + [" ".join(moment.split()) for moment in moments] == said


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("Asia/Kolkata", "17:30\N{NO-BREAK SPACE}IST"),
        ("Europe/Berlin", "13:00\N{NO-BREAK SPACE}CET"),
        ("UTC", "12:00\N{NO-BREAK SPACE}UTC"),
        ("Asia/Dubai", "16:00\N{NO-BREAK SPACE}UTC+04"),
    ],
)
def test_a_time_of_day_names_its_zone(zone: str, said: str) -> None:
    assert [each.moment(NOON, ZoneInfo(zone), "clock") for each in (ENGLISH, HINDI)] == [said, said]


@pytest.mark.parametrize(
    ("speaker", "amount", "currency", "said"),
    [
        (ENGLISH, "100000", "INR", "₹1,00,000.00"),
        (HINDI, "100000", "INR", "₹1,00,000.00"),
        (HINDI, "12345678.5", "INR", "₹1,23,45,678.50"),
        (Speaker.of(WORDS, "en", "US"), "100000", "INR", "₹100,000.00"),
        (Speaker.of(WORDS, "en", "GB"), "0.5", "GBP", "£0.50"),
        (ENGLISH, "1500", "KWD", "KWD1,500.000"),
        (ENGLISH, "1500", "JPY", "JP¥1,500"),
    ],
)
def test_money_has_its_country_s_groups_and_its_currency_s_digits(
    speaker: Speaker, amount: str, currency: str, said: str
) -> None:
    assert speaker.money(Decimal(amount), currency) == said


def test_a_text_is_filled_in_and_never_run() -> None:
    assert ENGLISH.say("order.title", number="{0.__class__} %s {{") == "Order {0.__class__} %s {{"
    assert (ENGLISH.name_of("status.of.nothing", "Afloat"), ENGLISH.name_of("page.title", "")) == (
        "Afloat",
        "Your order",
    )


@pytest.mark.parametrize(
    ("accepted", "usual", "spoken"),
    [
        ("", "", "en"),
        ("", "hi", "hi"),
        ("hi", "en", "hi"),
        ("en-GB,en;q=0.9", "hi", "en"),
        ("ta, hi-IN;q=0.8, en;q=0.7", "en", "hi"),
        ("en;q=0.5, hi;q=0.6", "en", "hi"),
        ("hi;q=0, fr", "en", "en"),
        ("hi;q=x, *", "en", "en"),
        ("fr", "xx", "en"),
        (",".join(["fr"] * 30 + ["hi"]), "en", "en"),
    ],
)
def test_the_language_is_the_first_of_the_browser_s_that_there_is(accepted: str, usual: str, spoken: str) -> None:
    assert preferred(WORDS, accepted, usual) == spoken


@given(st.text())
def test_whatever_a_browser_accepts_a_language_is_spoken(accepted: str) -> None:
    assert preferred(WORDS, accepted, accepted) in WORDS.languages


def test_a_country_is_its_time_zone_s_and_has_a_currency() -> None:
    zones = [territory_of(zone) for zone in ("Asia/Kolkata", "Europe/Berlin", "UTC", "Nowhere/At all")]

    assert zones == ["IN", "DE", "", ""]
    said = [currency_of(named, "IN") for named in (None, " usd ", "rupees", 5)]
    assert (said, currency_of(None, ""), currency_of("EUR", "")) == (["INR", "USD", "INR", "INR"], "", "EUR")


def test_in_a_country_where_nobody_speaks_it_a_language_is_spoken_as_ever() -> None:
    assert Speaker.of(WORDS, "hi", "XX").day(date(2026, 1, 1)) == "गुरुवार, 1 जनवरी 2026"
    assert HINDI.direction == "ltr"
