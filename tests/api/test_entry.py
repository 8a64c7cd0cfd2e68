"""What opens orders: every kind of it opens what it was made for, until its time, and nothing else."""

from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from api.entry import LINK_LIFE, SESSION_LIFE, DoorKeys
from engine.model import SECOND
from tests.builders import NOON

KEYS = DoorKeys(b"a secret of the tests")

ids = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=40)


def key_of(link: str) -> str:
    """Return the key of a link's address."""
    return parse_qs(urlsplit(link).query)["key"][0]


@given(ids, ids, st.integers(0, 2 * LINK_LIFE))
def test_a_link_opens_its_order_for_a_day(order_id: str, other: str, later: int) -> None:
    key = key_of(KEYS.link(order_id, NOON))

    assert KEYS.read_link(order_id, key, NOON + later) == ("open" if later < LINK_LIFE else "expired")
    assert other == order_id or KEYS.read_link(other, key, NOON) == "wrong"
    assert DoorKeys(b"another secret").read_link(order_id, key, NOON) == "wrong"


@given(ids, st.integers(0, 200), st.sampled_from("abcXYZ019-_.=\0é\udc80"))
def test_a_link_that_was_changed_is_none_of_ours(order_id: str, place: int, letter: str) -> None:
    key = key_of(KEYS.link(order_id, NOON))
    place %= len(key)
    changed = key[:place] + letter + key[place + 1 :]

    assert changed == key or KEYS.read_link(order_id, changed, NOON) == "wrong"


@given(st.text(max_size=80))
def test_whatever_is_said_is_no_link_and_no_session(said: str) -> None:
    assert KEYS.read_link("O-1", said, NOON) == "wrong"
    assert not KEYS.is_open("O-1", said, NOON)


@given(ids, ids, st.integers(0, 2 * SESSION_LIFE))
def test_a_session_is_its_order_s_for_half_an_hour(order_id: str, other: str, later: int) -> None:
    session = KEYS.session(order_id, NOON)

    assert KEYS.is_open(order_id, session, NOON + later) == (later < SESSION_LIFE)
    assert other == order_id or not KEYS.is_open(other, session, NOON)
    assert KEYS.read_link(order_id, session, NOON) == "wrong"
    assert not KEYS.is_open(order_id, key_of(KEYS.link(order_id, NOON)), NOON)


def test_a_key_has_256_bits_and_its_second() -> None:
    until, nonce, mac = key_of(KEYS.link("O-1", NOON)).split(".")

    assert (int(until) * SECOND, nonce, len(mac)) == (NOON + LINK_LIFE, "", 43)


@given(ids, ids)
def test_a_form_s_token_is_its_bearer_s(bearer: str, other: str) -> None:
    token = KEYS.form_token(bearer)

    assert KEYS.is_form_token(bearer, token)
    assert other == bearer or not KEYS.is_form_token(other, token)


@given(ids)
def test_a_code_has_six_digits_and_is_known_again(entry_id: str) -> None:
    code = KEYS.code(entry_id)

    assert len(code) == 6
    assert code.isdecimal()
    assert KEYS.is_code(entry_id, code)
    assert not KEYS.is_code(entry_id, f"{(int(code) + 1) % 1_000_000:06}")


def test_codes_are_spread_over_all_that_there_are() -> None:
    tens = {KEYS.code(str(number))[0] for number in range(500)}

    assert tens == set("0123456789")
