from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.orders.document import Case, Malformed, Order, Person, Shipment, Standing, read_back, read_order
from definitions.orders.times import to_local
from engine.fold import Fact
from tests.builders import MINUTE, NOON
from tests.definitions.documents import json_values, mutated
from tests.definitions.lifecycles.walking import folded

KOLKATA = ZoneInfo("Asia/Kolkata")


def at(minute: int) -> str:
    """Return the local time so many minutes after noon in UTC."""
    return to_local(NOON + minute * MINUTE, KOLKATA)


def a_log(*entries: tuple[str, int], **said: str) -> list[dict[str, str]]:
    return [{"status": status, "updatedAt": at(minute), **said} for status, minute in entries]


def a_tracking(tracking_id: str, log: Any, courier: str = "Swift") -> dict[str, Any]:
    return {"trackingID": tracking_id, "courierName": courier, "statusLog": log}


def an_item(forward: Any = None, backward: Any = None, **fields: Any) -> dict[str, Any]:
    timelines = {"forwardTrackingTimeline": forward, "returnTrackingTimeline": backward}
    return {"orderItemID": 1, **{name: each for name, each in timelines.items() if each is not None}, **fields}


def a_document(*items: Any, **fields: Any) -> dict[str, Any]:
    """Return an order document of these items."""
    return {"orderId": "O-7", "customerOrderNumber": "N-7", "accountSlug": "acme", "items": [*items], **fields}


LOG = a_log(("created", 0), ("intransit", 5), ("out_for_delivery", 9), location="Pune")
ORDER = a_document(
    an_item(a_tracking("T-1", LOG), price="12.00"),
    an_item(a_tracking("T-1", LOG)),
    an_item(a_tracking("", [])),
    an_item(a_tracking("T-2", a_log(("delivered", 20))), a_tracking("R-1", a_log(("approved", 60)))),
    shippingAddress={"contactPhone": "919876500000", "customerName": "Asha", "email": "asha@example.com"},
    isWhatsAppEnabledForNotifications="0",
)


def problems(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(Malformed) as refused:
        read_order(document, KOLKATA, NOON)
    return [(problem.pointer, problem.code) for problem in refused.value.problems]


# Reading


def test_an_order_is_read() -> None:
    order = read_order(ORDER, KOLKATA, NOON + 99)

    scans = tuple(
        Fact(f"forward.{name}", NOON + minute * MINUTE, NOON + 99, {"location": "Pune"}, "merchant")
        for name, minute in (("created", 0), ("intransit", 5), ("out_for_delivery", 9))
    )
    assert order == Order(
        order_id="O-7",
        number="N-7",
        account_slug="acme",
        person=Person("919876500000", "Asha", "asha@example.com"),
        shipments=(
            Shipment("T-1", "forward", "Swift", (*scans, *scans)),
            Shipment(
                "T-2",
                "forward",
                "Swift",
                (Fact("forward.delivered", NOON + 20 * MINUTE, NOON + 99, {}, "merchant"),),
            ),
            Shipment(
                "R-1", "return", "Swift", (Fact("return.approved", NOON + 60 * MINUTE, NOON + 99, {}, "merchant"),)
            ),
        ),
        unassigned_items=1,
    )


def test_the_items_reason_is_that_of_the_last_failed_delivery() -> None:
    log = a_log(("failed_delivery", 5), ("out_for_delivery", 7), ("failed_delivery", 9), ("intransit", 11))
    item = an_item(a_tracking("T-1", [*reversed(log)]), ndrDetails={"ndrCode": "5", "reason": "Not reachable"})

    facts = read_order(a_document(item), KOLKATA, NOON).shipments[0].facts

    assert {(fact.at - NOON) // MINUTE: fact.details.get("ndr_code") for fact in facts} == {
        5: None,
        7: None,
        9: "5",
        11: None,
    }
    assert next(fact for fact in facts if "ndr_code" in fact.details).details["ndr_reason"] == "Not reachable"


@pytest.mark.parametrize("details", [{}, {"ndrCode": "", "reason": "x"}])
def test_without_a_code_there_is_no_reason(details: dict[str, str]) -> None:
    item = an_item(a_tracking("T-1", a_log(("failed_delivery", 5))), ndrDetails=details)

    assert read_order(a_document(item), KOLKATA, NOON).shipments[0].facts[0].details == {}


def test_a_log_entry_without_a_time_is_none() -> None:
    log = [{"status": "created", "updatedAt": "0000-00-00 00:00:00"}, *a_log(("packed", 3))]

    facts = read_order(a_document(an_item(a_tracking("T-1", log))), KOLKATA, NOON).shipments[0].facts

    assert [fact.name for fact in facts] == ["forward.packed"]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        pytest.param([], [("", "invalid")], id="no object"),
        pytest.param({}, [("", "invalid")], id="nothing"),
        pytest.param(a_document() | {"items": 5}, [("/items", "invalid")], id="items"),
        pytest.param(a_document(5), [("/items/0", "invalid")], id="an item"),
        pytest.param(a_document(orderId=7), [("/orderId", "invalid")], id="a number for an id"),
        pytest.param(
            a_document(an_item(a_tracking("T-1", [{"status": "created"}]))),
            [("/items/0/forwardTrackingTimeline/statusLog/0", "invalid")],
            id="an entry without a time",
        ),
        pytest.param(
            a_document(
                an_item(a_tracking("T-1", [{"status": "created", "updatedAt": "soon"}, *a_log(("packed", 1))])),
                an_item(None, a_tracking("R-1", [{"status": "created", "updatedAt": "late"}])),
            ),
            [
                ("/items/0/forwardTrackingTimeline/statusLog/0/updatedAt", "time"),
                ("/items/1/returnTrackingTimeline/statusLog/0/updatedAt", "time"),
            ],
            id="times, all at once",
        ),
        pytest.param(
            a_document(an_item(a_tracking("T-1", LOG), a_tracking("T-1", LOG))),
            [("/items/0/returnTrackingTimeline/trackingID", "taken")],
            id="a return under the shipment's own id",
        ),
    ],
)
def test_what_is_no_order_is_refused_where_it_is_wrong(document: Any, found: list[tuple[str, str]]) -> None:
    assert problems(document) == found


def test_a_refusal_repeats_nothing_of_the_document() -> None:
    document = a_document(an_item(a_tracking("T-1", [{"status": "created", "updatedAt": "Asha's secret"}])))

    with pytest.raises(Malformed) as refused:
        read_order(document, KOLKATA, NOON)

    assert "secret" not in str(refused.value)


@settings(max_examples=150, deadline=None)
@given(document=mutated([ORDER]) | json_values)
def test_whatever_is_put_is_read_or_refused_and_can_be_read_back(document: Any) -> None:
    try:
        order = read_order(document, KOLKATA, NOON)
    except Malformed:
        assert problems(document)
        return
    standings = {
        (shipment.tracking_id, shipment.leg): Standing(folded("shipment", *shipment.facts).timeline())
        for shipment in order.shipments
    }

    back = read_back(document, standings, KOLKATA, subscribed=True)

    assert back["isWhatsAppEnabledForNotifications"] == "1"
    assert all(set(item) <= set(shown) for item, shown in zip(document["items"], back["items"], strict=True))


# Reading back


def stood(document: Any, case: Case | None = None) -> dict[tuple[str, str], Standing]:
    """Return where the shipments of a document stand by its own logs."""
    return {
        (shipment.tracking_id, shipment.leg): Standing(folded("shipment", *shipment.facts).timeline(), case)
        for shipment in read_order(document, KOLKATA, NOON).shipments
    }


def test_what_couriers_say_is_rewritten_and_the_rest_is_as_it_was_put() -> None:
    document = a_document(
        an_item(
            a_tracking("T-1", a_log(("intransit", 5), ("created", 0))),
            price="12.00",
            latestStatus="created",
            ndrDetails={"ndrCode": "1"},
            ndrResolutionDetails={"x": "y"},
        ),
        an_item(a_tracking("T-9", []), latestStatus="unpacked"),
        giftWrap="1",
    )
    late = Fact(
        "forward.out_for_delivery", NOON + 9 * MINUTE, NOON + MINUTE, {"remark": "With Ravi", "location": "Pune"}
    )
    shipments = stood(document)
    first = folded("shipment", *read_order(document, KOLKATA, NOON).shipments[0].facts, late)
    shipments["T-1", "forward"] = Standing(first.timeline())

    back = read_back(document, shipments, KOLKATA, subscribed=False)

    assert back == {
        **document,
        "isWhatsAppEnabledForNotifications": "0",
        "items": [
            {
                **document["items"][0],
                "forwardTrackingTimeline": {
                    **document["items"][0]["forwardTrackingTimeline"],
                    "statusLog": [
                        {"remark": "", "location": "", "status": "created", "updatedAt": at(0)},
                        {"remark": "", "location": "", "status": "intransit", "updatedAt": at(5)},
                        {"remark": "With Ravi", "location": "Pune", "status": "out_for_delivery", "updatedAt": at(9)},
                    ],
                },
                "latestStatus": "out_for_delivery",
                "statusUpdatedAt": at(9),
                "latestRemark": "With Ravi",
                "ndrDetails": {},
                "ndrResolutionDetails": {},
            },
            document["items"][1],
        ],
    }


@pytest.mark.parametrize(
    ("time_line", "latest"),
    [
        ("returnTrackingTimeline", "approved"),
        ("forwardTrackingTimeline", "delivered"),
        ("elsewhere", "delivered"),
        (None, "delivered"),
        ([], "delivered"),
        ({}, "delivered"),
    ],
)
def test_an_item_shows_the_timeline_that_it_says(time_line: Any, latest: str) -> None:
    item = an_item(
        a_tracking("T-1", a_log(("delivered", 20))), a_tracking("R-1", a_log(("approved", 60))), timeLine=time_line
    )
    document = a_document(item)

    back = read_back(document, stood(document), KOLKATA, subscribed=True)["items"][0]

    assert back["latestStatus"] == latest
    assert back["returnTrackingTimeline"]["statusLog"][0]["status"] == "approved"


OPEN = Case("5", "Not reachable", ("ACTF001", "ACTF002"), is_open=True, resolution={})


@pytest.mark.parametrize(
    ("case", "details", "resolution"),
    [
        pytest.param(None, {}, {}, id="no case"),
        pytest.param(
            OPEN,
            {
                "ndrCode": "5",
                "reason": "Not reachable",
                "resolutions": [
                    {"resolutionCode": "ACTF001", "action": "I would like to request another delivery attempt"},
                    {"resolutionCode": "ACTF002", "action": "I would like to choose a new delivery date"},
                ],
            },
            {},
            id="open",
        ),
        pytest.param(
            Case("", "", (), is_open=True, resolution={}),
            {"ndrCode": "0", "reason": "Exception", "resolutions": []},
            {},
            id="open for a reason that nobody said",
        ),
        pytest.param(
            Case("5", "", (), is_open=False, resolution={"resolutionCode": "ACTF001"}),
            {},
            {"resolutionCode": "ACTF001"},
            id="settled",
        ),
    ],
)
def test_a_failed_delivery_is_read_back_with_its_choices(
    case: Case | None, details: dict[str, Any], resolution: dict[str, str]
) -> None:
    document = a_document(an_item(a_tracking("T-1", a_log(("failed_delivery", 5)))))

    back = read_back(document, stood(document, case), KOLKATA, subscribed=True)["items"][0]

    assert (back["ndrDetails"], back["ndrResolutionDetails"]) == (details, resolution)


def test_what_nobody_understood_is_not_in_the_log() -> None:
    document = a_document(an_item(a_tracking("T-1", a_log(("created", 1), ("sneezed", 2)))))

    back = read_back(document, stood(document), KOLKATA, subscribed=True)["items"][0]

    assert [entry["status"] for entry in back["forwardTrackingTimeline"]["statusLog"]] == ["created"]


def test_what_is_said_of_the_record_is_not_in_the_log_and_not_the_latest_word() -> None:
    document = a_document(an_item(a_tracking("T-1", a_log(("failed_delivery", 1), ("attempt_voided", 2)))))

    back = read_back(document, stood(document), KOLKATA, subscribed=True)["items"][0]

    assert [entry["status"] for entry in back["forwardTrackingTimeline"]["statusLog"]] == ["failed_delivery"]
    assert back["latestStatus"] == "failed_delivery"


logs = st.lists(
    st.builds(
        lambda status, minute, remark: {"status": status, "updatedAt": at(minute), "remark": remark},
        st.sampled_from(["created", "intransit", "out_for_delivery", "failed_delivery", "delivered", "rto", "sneezed"]),
        st.integers(0, 50),
        st.text(max_size=5),
    ),
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(forward=logs, again=logs)
def test_what_is_read_back_is_read_as_the_same_facts(forward: Any, again: Any) -> None:
    document = a_document(an_item(a_tracking("T-1", forward)), an_item(a_tracking("T-1", again)))
    before = stood(document)["T-1", "forward"].timeline
    taken = [(fact.name, fact.at, fact.details) for fact, outcome in before if outcome == "applied"]

    back = read_back(document, stood(document), KOLKATA, subscribed=True)
    after = stood(back)["T-1", "forward"].timeline

    if taken:
        assert [(fact.name, fact.at, fact.details) for fact, _ in after] == taken
        assert read_back(back, stood(back), KOLKATA, subscribed=True) == back
    else:
        assert back["items"] == document["items"]
