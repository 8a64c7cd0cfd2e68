"""What is searched for, as it is looked for."""

import pytest

from api.search import LONGEST_SEARCH, Meant, meant_by
from definitions.orders.rows import Account
from tests.api.serving import Server
from tests.builders import a_decision

INDIA = Account("1", "soaps", "Madhur Soaps", "Asia/Kolkata")
ELSEWHERE = Account("2", "teas", "Teas", "Europe/Lisbon", '{"countryCode": "351"}')


def meant(server: Server, search: str, *accounts: Account) -> Meant:
    """Return what a search means where these accounts are."""
    store = server.parts.store
    there = server.run(lambda: store.find(Account))
    server.run(lambda: store.commit(a_decision(remove=tuple(there), put=accounts)))
    return server.run(lambda: meant_by(search, store, server.parts.sessions))


@pytest.mark.parametrize(
    "written", ["+91 98000 00042", "00919800000042", "98000-00042", " 9800000042 ", "(980) 000.0042"]
)
def test_a_phone_number_is_looked_for_as_it_is_kept_however_it_is_written(server: Server, written: str) -> None:
    hashed = server.parts.sessions.recipient_hash("919800000042")
    assert meant(server, written, INDIA) == Meant(written.strip(), "919800000042", hashed)


def test_whose_country_a_number_is_of_is_not_guessed(server: Server) -> None:
    assert meant(server, "9800000042", INDIA, ELSEWHERE).phone == "9800000042"
    assert meant(server, "912345678", ELSEWHERE).phone == "351912345678"


@pytest.mark.parametrize("search", ["O-1", "wamid.1", "12345", "98000 00042 or so"])
def test_what_is_no_phone_number_is_looked_for_as_it_is(server: Server, search: str) -> None:
    assert meant(server, search, INDIA) == Meant(search, "", server.parts.sessions.recipient_hash(search))


def test_nothing_means_nothing_and_of_what_is_too_long_the_beginning_counts(server: Server) -> None:
    assert meant(server, " \n ") == Meant("", "", "")
    assert meant(server, "x" * 400).text == "x" * LONGEST_SEARCH
