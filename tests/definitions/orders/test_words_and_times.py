from datetime import date, datetime
from typing import get_type_hints
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.orders import ndr
from definitions.orders.rows import Account, Alias, Customer, OrderDocument, ParkedFact
from definitions.orders.scans import Scan, derived_id
from definitions.orders.times import NONE, from_local, from_rfc3339, local_date, to_date, to_local, to_rfc3339
from definitions.orders.words import FORWARD, LEGS, RETURN, RTO, fact_name, word_of
from engine.fold import Fact
from engine.model import SECOND
from engine.ports import Row
from tests.builders import NOON
from tests.definitions.lifecycles.walking import runs

KOLKATA, NEW_YORK, UTC_ZONE = ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York"), ZoneInfo("UTC")
zones = st.sampled_from([KOLKATA, NEW_YORK, UTC_ZONE])
times = st.integers(NOON // SECOND - 40 * 365 * 24 * 3600, NOON // SECOND + 900 * 365 * 24 * 3600).map(
    lambda second: second * SECOND
)


# Words


@pytest.mark.parametrize(
    ("leg", "status", "name"),
    [
        (FORWARD, "intransit", "forward.intransit"),
        (RETURN, "intransit", "return.intransit"),
        (RTO, "intransit", "rto.rto_intransit"),
        (RTO, "delivered", "rto.rto_delivered"),
        (RTO, "rto", "rto.rto_created"),
        (RTO, "damage", "rto.damage"),
        (FORWARD, "rto", "rto.rto_created"),
        (FORWARD, "rto_intransit", "rto.rto_intransit"),
        (FORWARD, "return_expected", "rto.return_expected"),
        (RETURN, "RTO_Delivered", "rto.rto_delivered"),
        (FORWARD, "  Out_For_Delivery ", "forward.out_for_delivery"),
        (FORWARD, "sneezed", "forward.sneezed"),
        (FORWARD, "", "forward."),
    ],
)
def test_a_word_means_a_fact_on_its_leg(leg: str, status: str, name: str) -> None:
    assert fact_name(leg, status) == name


@pytest.mark.parametrize("name", sorted(name for name in runs("shipment").rank if "." in name))
def test_the_word_of_a_fact_means_the_fact_again(name: str) -> None:
    leg = name.partition(".")[0]

    assert leg in LEGS
    assert fact_name(leg, word_of(name)) == name


# Times


@pytest.mark.parametrize(
    ("text", "zone", "at"),
    [
        ("2026-01-01 17:30:00", KOLKATA, NOON),
        ("2026-01-01 12:00:00", UTC_ZONE, NOON),
        ("2026-01-01T12:00:00Z", KOLKATA, NOON),
        ("2026-01-01 12:00:00.999", UTC_ZONE, NOON),
        (NONE, KOLKATA, None),
        ("", KOLKATA, None),
    ],
)
def test_a_local_time_is_read(text: str, zone: ZoneInfo, at: int | None) -> None:
    assert from_local(text, zone) == at


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-13-01 12:00:00", "1767268800", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "0000-00-00"],
)
def test_what_is_no_local_time_is_refused_in_every_zone(text: str) -> None:
    for zone in (KOLKATA, NEW_YORK):
        with pytest.raises(ValueError):  # noqa: PT011 - what is wrong with a text of an author's is not said twice
            from_local(text, zone)


@pytest.mark.parametrize("text", ["2026-01-01T12:00:00", "2026-01-01", "now", "", "0001-01-01T00:00:00+23:00"])
def test_what_is_no_rfc_3339_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        from_rfc3339(text)


@settings(max_examples=200, deadline=None)
@given(at=times, zone=zones)
def test_a_time_that_is_written_is_read_again(at: int, zone: ZoneInfo) -> None:
    assert from_rfc3339(to_rfc3339(at)) == at
    again = from_local(to_local(at, zone), zone)
    assert again is not None
    assert to_local(again, zone) == to_local(at, zone), "in the hour that a zone has twice, the first is meant"
    assert again == at or zone is NEW_YORK
    assert local_date(at, zone) == datetime.fromtimestamp(at // SECOND, zone).date()


@pytest.mark.parametrize(
    ("at", "text"),
    [(NOON, "2026-01-01T12:00:00Z"), (NOON + 1, "2026-01-01T12:00:00.000001Z"), (0, "1970-01-01T00:00:00Z")],
)
def test_a_time_is_written_to_the_microsecond_it_has(at: int, text: str) -> None:
    assert to_rfc3339(at) == text


@pytest.mark.parametrize("text", ["2026-02-03", "03-02-2026"])
def test_a_date_is_read_in_both_of_the_published_forms(text: str) -> None:
    assert to_date(text) == date(2026, 2, 3)


@pytest.mark.parametrize("text", ["2026/02/03", "30-02-2026", "3 Feb 2026", "", "2026-02-03 00:00:00"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="YYYY-MM-DD or DD-MM-YYYY"):
        to_date(text)


def test_a_day_begins_when_its_zone_says() -> None:
    assert local_date(NOON + 7 * 3600 * SECOND, KOLKATA) == date(2026, 1, 2)
    assert local_date(NOON, NEW_YORK) == date(2026, 1, 1)


# Why deliveries fail


@pytest.mark.parametrize(
    ("code", "name", "counts"),
    [
        ("0", "unknown", True),
        ("1", "customer_unavailable", True),
        ("2", "refused", True),
        ("3", "reschedule_requested", False),
        ("4", "no_attempt", False),
        ("5", "unreachable", True),
        ("6", "address_issue", True),
        ("7", "payment_issue", True),
        ("8", "out_of_delivery_area", False),
        ("9", "already_cancelled", False),
        ("10", "self_collect", False),
        ("11", "seized", False),
        ("12", "unknown", True),
        ("Customer unavailable", "unknown", True),
        ("", "unknown", True),
    ],
)
def test_a_reason_is_told_by_its_code(code: str, name: str, *, counts: bool) -> None:
    reason = ndr.reason(code)

    assert (reason.name, reason.counts) == (name, counts)
    assert reason.label
    assert set(reason.resolutions) <= set(ndr.RESOLUTIONS)


def test_only_a_new_date_needs_a_date() -> None:
    assert {code: choice.needs_date for code, choice in ndr.RESOLUTIONS.items()} == {
        "ACTF001": False, "ACTF002": True, "ACTF003": False, "ACTF004": False,
    }  # fmt: skip
    assert all(choice.action for choice in ndr.RESOLUTIONS.values())


# Scans


def test_a_scan_is_a_fact() -> None:
    scan = Scan("e-1", "O-1", "T-1", RTO, "Delivered", NOON, {"location": "Pune"})

    assert scan.fact(NOON + SECOND, "courier") == Fact(
        "rto.rto_delivered", NOON, NOON + SECOND, {"location": "Pune"}, "courier"
    )


words = st.sampled_from(["delivered", "Delivered ", "rto", "rto_created", "intransit"])


@settings(max_examples=100, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.sampled_from("TU"), st.sampled_from(sorted(LEGS)), words, st.integers(0, 2)), max_size=8
    )
)
def test_an_event_without_an_id_has_one_made_of_what_it_says(events: list[tuple[str, str, str, int]]) -> None:
    ids = {event: derived_id(*event) for event in events}
    said = {event: (event[0], fact_name(event[1], event[2]), event[3]) for event in events}

    for one, other in ((one, other) for one in ids for other in ids):
        assert (ids[one] == ids[other]) == (said[one] == said[other])


# Rows


@pytest.mark.parametrize("row", [Account, Customer, OrderDocument, ParkedFact, Alias])
def test_a_row_is_found_by_fields_of_its_own(row: type[Row]) -> None:
    fields = [name for name in get_type_hints(row) if name not in {"table", "key"}]

    assert set(row.key) <= set(fields)
    made = row(**{name: 0 if name.endswith("_at") else name for name in fields})
    assert made.identity() == row.key
