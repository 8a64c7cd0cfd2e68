"""
What somebody means who searches sessions, be it on a page or over the API: anything that they can tell of one.

Rule: a phone number is looked for as what is kept of it.
"""

import re

from msgspec import Struct

from api.aliases import country_of
from api.sessions import SessionDesk
from definitions.orders.rows import Account
from definitions.people.phones import normal_phone
from engine.ports import Store

LONGEST_SEARCH = 300
"""How much of a search is read: no key is longer."""

PHONE = re.compile(r"[+(\d][\d\s()./-]{6,24}")
"""How people write phone numbers."""


class Meant(Struct, frozen=True):
    """A search as `Queries.sessions` takes it: its text, and what is kept of that as a phone number or a recipient."""

    text: str
    phone: str
    recipient: str


async def meant_by(search: str, store: Store, desk: SessionDesk) -> Meant:
    """Return what a search means; all of it is "" if nothing is searched for."""
    text = search.strip()[:LONGEST_SEARCH]
    phone = await phone_of(text, store)
    return Meant(text, phone, desk.recipient_hash(phone or text))


async def phone_of(text: str, store: Store) -> str:
    """
    Return a phone number as it is kept, "" if *text* is none.

    One without a country's code is of the one country that accounts are of.
    """
    if not PHONE.fullmatch(text):
        return ""
    countries = {country_of(account) for account in await store.find(Account)}
    return normal_phone(text, countries.pop() if len(countries) == 1 else "")
