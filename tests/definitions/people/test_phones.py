"""Phone numbers as people and merchants write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.people.phones import normal_phone, same_phone


@pytest.mark.parametrize(
    "written",
    [
        "9800000001",
        "09800000001",
        "919800000001",
        "+91 98000-00001",
        "0091 9800000001",
        "+91 (0) 98000 00001",
        "91-9800000001",
        "٩٨٠٠٠٠٠٠٠١",
    ],
)
def test_a_number_in_india_is_one_number_however_it_is_written(written: str) -> None:
    assert normal_phone(written, "91") == "919800000001"


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        pytest.param("9180000001", "91", "919180000001", id="a national number that begins like the country"),
        pytest.param("+49 170 1234567", "91", "491701234567", id="another country, with a plus"),
        pytest.param("0049 170 1234567", "91", "491701234567", id="another country, dialled"),
        pytest.param("0170 1234567", "49", "491701234567", id="Germany, with its zero"),
        pytest.param("491701234567", "49", "491701234567", id="Germany, without a plus"),
        pytest.param("5550000001", "1", "15550000001", id="North America"),
        pytest.param("15550000001", "1", "15550000001", id="North America, with its code"),
        pytest.param("919800000001", "", "919800000001", id="no country known"),
        pytest.param("09800000001", "", "9800000001", id="no country known, and none written"),
    ],
)
def test_a_number_has_its_countrys_code(written: str, country: str, number: str) -> None:
    assert normal_phone(written, country) == number


@pytest.mark.parametrize("written", ["", "none", "0000000000", "12345", "1" * 16, "+"])
def test_what_cannot_be_a_number_is_none(written: str) -> None:
    assert normal_phone(written) == ""


@given(number=st.from_regex(r"\A[6-9][0-9]{9}\Z"))
def test_a_normal_number_is_normal_and_the_same_as_what_was_written(number: str) -> None:
    normal = normal_phone(number, "91")

    assert normal_phone(normal, "91") == normal
    assert same_phone(normal, number)
