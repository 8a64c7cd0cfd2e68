"""What each of Graph's error codes asks for, row by row of Meta's page."""

import re

import pytest

from api.graph_errors import (
    FIX,
    LATER,
    OPTED_OUT,
    RECIPIENT,
    RECIPIENT_WAITS,
    RETRY,
    STOP,
    TEMPLATE,
    GraphError,
    InDoubt,
    Kind,
    NotSent,
    kind_of,
)

HOUR = 3600

TABLE: dict[Kind, tuple[int, ...]] = {
    "retry": (1, 2, 4, 80007, 130429, 131000, 131016, 131056, 131057, 133004),
    "later": (131049, 132069, 131048, 131064, 133016, 134101),
    "stop": (0, 3, 10, *range(200, 300), 190, 33, 368, 131005, 131031, 131037, 131042, 131045, 133010),
    "fix": (
        *(100, 131008, 131009, 131021, 131030, 131051, 131053, 131055, 131062, 131063, 132000, 132001, 132005, 132007),
        *(132008, 132012, 132015, 132016, 132018, 132068, 135000, 137000, 130497),
    ),
    "recipient": (131026, 130403, 130472, 131050),
    "template": (131047,),
}
"""Meta's codes, written down a second time."""


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in TABLE.items() for code in codes])
def test_a_code_asks_for_the_same_whatever_its_status_is(kind: Kind, code: int) -> None:
    assert {kind_of(code), *(kind_of(code, status) for status in (200, 400, 401, 403, 404, 429, 500, 503))} == {kind}


def test_the_table_has_no_code_twice_and_none_that_is_not_metas() -> None:
    ours = [*RETRY, *LATER, *STOP, *FIX, *RECIPIENT, *TEMPLATE]

    assert sorted(ours) == sorted(code for codes in TABLE.values() for code in codes)


@pytest.mark.parametrize(
    ("code", "seconds"),
    [
        pytest.param(131049, 24 * HOUR, id="enough marketing for today"),
        pytest.param(132069, HOUR, id="a throttled Flow"),
        pytest.param(134101, 600, id="a template that is being made ready"),
        pytest.param(131048, None, id="spam"),
        pytest.param(131064, None, id="limited"),
        pytest.param(133016, None, id="registered too often"),
    ],
)
def test_what_has_to_wait_waits_for_so_long_or_for_a_person(code: int, seconds: int | None) -> None:
    assert (kind_of(code), LATER[code]) == ("later", seconds)


def test_too_much_to_one_person_holds_up_only_them() -> None:
    assert {131056} == RECIPIENT_WAITS < RETRY


def test_who_wants_no_marketing_has_opted_out() -> None:
    assert {131050} == OPTED_OUT < RECIPIENT


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        pytest.param(999999, 400, "fix", id="a new code"),
        pytest.param(999999, 500, "retry", id="a new code of Graph's own trouble"),
        pytest.param(999999, 429, "retry", id="a new code for too many"),
        pytest.param(999999, 401, "stop", id="a new code of the token"),
        pytest.param(999999, 404, "fix", id="a new code for what is not there"),
        pytest.param(None, 400, "fix", id="refused on the way"),
        pytest.param(None, 413, "fix", id="too long for a proxy"),
        pytest.param(None, 429, "retry", id="too many for a proxy"),
        pytest.param(None, 403, "stop", id="not allowed by a proxy"),
        pytest.param(None, 404, "stop", id="another server than Graph"),
        pytest.param(None, 302, "stop", id="sent elsewhere"),
    ],
)
def test_what_the_table_lacks_is_judged_by_its_status(code: int | None, status: int, kind: Kind) -> None:
    assert kind_of(code, status) == kind


def test_an_errors_text_is_codes_alone() -> None:
    words = "Recipient 919800000001 is not in the list"
    error = GraphError(400, 131030, 2494010, trace="Atrace", words=words)

    assert str(error) == "Graph refused: status 400, code 131030, subcode 2494010"
    assert (error.words, error.trace, error.kind) == (words, "Atrace", "fix")
    assert re.search(r"9198|Recipient", repr(error)) is None
    assert (str(NotSent("connect")), str(InDoubt("slow"))) == (
        "not sent to Graph: connect",
        "not known whether Graph did it: slow",
    )
