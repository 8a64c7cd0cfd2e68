"""What couriers report: stories by a seed, and in words that the server's adapters understand."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.orders import couriers as adapters
from lab.couriers import CODES, STORIES, Scan, Story, Troubles, between, calls, told, troubled

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FAILED = Scan("failed_delivery", NOW, remark="door locked", ndr_code="1", ndr_reason="Customer unavailable")

TROUBLES = st.builds(Troubles, late=st.booleans(), doubled=st.booleans(), lost=st.booleans(), shuffled=st.booleans())


@given(story=st.sampled_from([*STORIES.values()]), ago=st.timedeltas(timedelta(), timedelta(days=3)))
def test_a_story_happens_after_what_is_known_each_scan_at_a_second_of_its_own(story: Story, ago: timedelta) -> None:
    last = NOW - ago
    scans = told(story, *between(last, NOW))

    assert [scan.status for scan in scans] == [step.status for step in story.steps]
    assert all(earlier.at < later.at for earlier, later in pairwise(scans))
    assert scans[0].at > last - timedelta(seconds=1)


@given(story=st.sampled_from([*STORIES.values()]), troubles=TROUBLES, seed=st.integers(0, 2**31))
def test_troubles_come_from_their_seed_and_leave_the_storys_end(story: Story, troubles: Troubles, seed: int) -> None:
    scans = told(story, NOW - timedelta(hours=6), NOW)
    arriving = troubled(scans, troubles, seed)

    assert arriving == troubled(scans, troubles, seed)
    assert scans[-1] in arriving
    assert {*arriving} <= {*scans}
    assert len({*arriving}) == len(scans) - troubles.lost
    assert (len(arriving) > len({*arriving})) == troubles.doubled
    if not (troubles.shuffled or troubles.doubled or troubles.late):
        assert arriving == sorted(arriving, key=lambda scan: scan.at)


@pytest.mark.parametrize("courier", CODES)
def test_a_couriers_codes_mean_what_the_server_takes_them_for(courier: str) -> None:
    adapter = adapters.load()[courier]

    meant = {
        word: adapters.translated(adapter, "rto" if "rto" in word else "forward", code, {})
        for word, code in CODES[courier].items()
    }
    assert {word: said.status for word, said in meant.items()} == {word: word for word in CODES[courier]}


def test_eshopbox_speaks_of_local_times_and_of_one_thing_at_a_time() -> None:
    assert [*calls("eshopbox", "55100002", "EX-1", [FAILED])] == [
        {
            "resource": "shipment",
            "eventSubType": "failed_delivery",
            "response_data": {
                "customerOrderNumber": "55100002",
                "externalShipmentID": "EX-1",
                "statusUpdatedAt": "2026-11-21 17:30:00",
                "location": "Mumbai",
                "remark": "door locked",
                "ndrCode": "1",
                "ndrReason": "Customer unavailable",
            },
        }
    ]


def test_all_others_speak_the_generic_shape_in_their_own_words() -> None:
    (call,) = calls("shiprocket", "55100002", "EX-1", [FAILED])

    assert call == {
        "events": [
            {
                "order_id": "55100002",
                "tracking_id": "EX-1",
                "leg": "forward",
                "status": "21",
                "occurred_at": "2026-11-21T12:00:00+00:00",
                "location": "Mumbai",
                "remark": "door locked",
                "ndr_code": "1",
                "ndr_reason": "Customer unavailable",
            }
        ]
    }
