"""Phone numbers, however they are written."""

NATIONAL_DIGITS = 8
"""The fewest digits that two phone numbers must share at their ends to be the same."""

MOST_DIGITS = 15
"""The longest phone number that there is (ITU-T E.164)."""

NUMBER_LENGTHS = {"1": 10, "91": 10}
"""
How many digits numbers have within countries where one may begin with the country's own code. Elsewhere a number that
begins with it has it.
"""


def digits_of(number: str) -> str:
    """Return a phone number's digits, in any script, without what is dialled before it within or out of a country."""
    return _dialled(number).lstrip("0")


def same_phone(one: str, other: str) -> bool:
    """Return whether two ways of writing a phone number mean the same; the country's code may be left out."""
    shorter, longer = sorted((digits_of(one), digits_of(other)), key=len)
    return bool(shorter) and (shorter == longer or (len(shorter) >= NATIONAL_DIGITS and longer.endswith(shorter)))


def normal_phone(text: str, country: str = "") -> str:
    """
    Return a phone number as WhatsApp writes it, its digits with the country's code; "" if it cannot be one.

    *country* is the code of the country that a number is of which is written without one, "" if nobody knows.
    """
    digits = digits_of(text)
    abroad = text.strip().startswith(("+", "＋")) or _dialled(text).startswith("00")  # noqa: RUF001 - both are written
    if digits and not abroad and not _has_country(digits, country):
        digits = country + digits
    return digits if NATIONAL_DIGITS <= len(digits) <= MOST_DIGITS else ""


def _dialled(number: str) -> str:
    """Return the digits of a number as somebody dials them."""
    return "".join(str(int(letter)) for letter in number.replace("(0)", "") if letter.isdecimal())


def _has_country(digits: str, country: str) -> bool:
    """Return whether digits without anything dialled before them begin with the country's code."""
    return digits.startswith(country) and len(digits) >= len(country) + NUMBER_LENGTHS.get(country, NATIONAL_DIGITS)
