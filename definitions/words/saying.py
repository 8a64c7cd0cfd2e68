"""
One language at work: says texts, days, times and amounts of money, by its own rules.

Source: Unicode CLDR, by way of Babel: names of days and months, plural forms, how amounts are grouped and written.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_datetime
from babel.numbers import format_currency, get_territory_currencies, is_currency
from msgspec import Struct

from definitions.words.document import DATES, OTHER, USUAL, Texts, Words
from engine.model import SECOND


class Speaker(Struct, frozen=True):
    """Says things in one *language*, as people in one country do."""

    language: str
    locale: Locale
    texts: Texts

    @classmethod
    def of(cls, words: Words, language: str, territory: str = "") -> "Speaker":
        """Return who speaks a language that there is, as in a country if one is named."""
        return cls(language, _locale(language, territory), words.languages[language])

    @property
    def direction(self) -> str:
        """Return in which direction the language is written, as HTML has it."""
        return self.locale.text_direction

    def say(self, key: str, **values: object) -> str:
        """Return the text of *key*, filled in; of its plural forms the one for the value *count*."""
        forms = self.texts[key]
        count = values.get("count")
        form = self.locale.plural_form(count) if isinstance(count, int) else OTHER
        return forms.get(form, forms[OTHER]).format(**values)

    def name_of(self, key: str, usual: str) -> str:
        """Return the text of a key that there may be, else what something is *usual*ly called."""
        return self.say(key) if key in self.texts else usual

    def day(self, day: date, kind: str = "day") -> str:
        """Return a day by one of the language's patterns."""
        return str(format_datetime(datetime.combine(day, time(), UTC), self.say(f"{DATES}{kind}"), locale=self.locale))

    def moment(self, at: int, zone: ZoneInfo, kind: str = "moment") -> str:
        """Return an engine time, as it is in *zone*, by one of the language's patterns, and the zone's name with it."""
        local = datetime.fromtimestamp(at // SECOND, zone)
        told = format_datetime(local, self.say(f"{DATES}{kind}"), locale=self.locale)
        return f"{told}{_NO_BREAK}{_zone_name(local)}"

    def money(self, amount: Decimal, currency: str) -> str:
        """Return an amount of a currency with the digits that the currency has."""
        return str(format_currency(amount, currency, locale=self.locale))


def preferred(words: Words, accepted: str, usual: str) -> str:
    """
    Return the first language of ours in an `Accept-Language`, by weight, else the *usual* one.

    Source: RFC 9110, 12.5.4. A range of weight 0 is one that is not wanted.
    """
    for language in _ranges(accepted):
        known = words.known(language)
        if known:
            return known
    return words.known(usual) or USUAL


def territory_of(timezone: str) -> str:
    """Return the country that a time zone is of, "" if it is of none or of several."""
    return str(get_global("zone_territories").get(timezone, ""))


def currency_of(named: object, territory: str) -> str:
    """Return the currency that is named, if it is one, else the country's, "" if there is none."""
    if isinstance(named, str) and is_currency(named.strip().upper()):
        return named.strip().upper()
    used = get_territory_currencies(territory) if territory else []
    return str(used[0]) if used else ""


def _zone_name(local: datetime) -> str:
    """
    Return the short name of a time's zone, as people there write it: `IST`, or `UTC+04` where there is none.

    Source: the IANA time zone database. Of CLDR's short names Babel knows next to none: India's would be `+0530`.
    """
    name = local.tzname() or ""
    return name if name.isalpha() else f"UTC{name}"


_NO_BREAK = "\N{NO-BREAK SPACE}"


@cache
def _locale(language: str, territory: str) -> Locale:
    try:
        return Locale.parse(f"{language}_{territory}" if territory else language)
    except (UnknownLocaleError, ValueError):
        return Locale.parse(language)


def _ranges(accepted: str) -> Iterable[str]:
    """Return the language ranges of an `Accept-Language`, the weightiest first."""
    weighed: list[tuple[float, int, str]] = []
    for part in accepted.split(",")[:_MOST_RANGES]:
        language, _, parameter = part.partition(";")
        name, _, weight = parameter.strip().partition("=")
        try:
            heavy = float(weight) if name.strip() == "q" else 1.0
        except ValueError:
            heavy = 0.0
        if heavy > 0:
            weighed.append((-heavy, len(weighed), language))
    return [language for _, _, language in sorted(weighed)]


_MOST_RANGES = 20
"""How many ranges are looked at: no browser sends more."""
