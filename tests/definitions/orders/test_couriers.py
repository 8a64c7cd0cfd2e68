"""Couriers as data: what ships, what a user's folder changes, what couriers' words mean, and how they are asked."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from definitions.orders import couriers, ndr
from definitions.orders.couriers import (
    Courier,
    CourierCall,
    NotAsked,
    Translated,
    case_context,
    courier_call,
    courier_of,
    load,
    silence_choice,
    translated,
)
from definitions.orders.words import FORWARD, fact_name
from engine.errors import DefinitionError
from tests.builders import HOUR, NOON, an_event
from tests.definitions.lifecycles.walking import runs, standing

SHIPPED = load()
KOLKATA = ZoneInfo("Asia/Kolkata")

ORDER = {
    "orderId": "O-1",
    "customerOrderNumber": "C-1",
    "shippingAddress": {"contactPhone": "919800000001", "customerName": "Asha Rao"},
}
SHIPMENT = {"tracking_id": "T/1"}
CASE = {"ndr_code": "5"}


def written(folder: Path, stem: str, **content: Any) -> Path:
    """Write an adapter into a folder of definitions, and return that."""
    (folder / "couriers").mkdir(parents=True, exist_ok=True)
    (folder / "couriers" / f"{stem}.json").write_text(json.dumps(content))
    return folder


def asked(courier: Courier, code: str, **details: str) -> CourierCall:
    """Return the call that asks a courier for what was chosen."""
    chosen = ndr.chosen(code, deferred_date="2026-01-03", remarks=details.pop("remarks", ""), details=details)
    return courier_call(courier, CASE, SHIPMENT, ORDER, chosen, "e-1")


# What ships


def test_what_ships_says_of_when_it_is_and_where_from() -> None:
    assert set(SHIPPED) == {"clickpost", "eshopbox", "generic", "shiprocket"}
    assert all(courier.source and courier.as_of.year >= 2026 for courier in SHIPPED.values())


@pytest.mark.parametrize("courier", SHIPPED.values(), ids=SHIPPED)
def test_every_code_of_a_courier_means_something_that_a_shipment_knows(courier: Courier) -> None:
    meant = {fact_name(status.leg or FORWARD, status.status) for status in courier.statuses.values()}

    assert meant <= runs("shipment").rank.keys()


@pytest.mark.parametrize("courier", SHIPPED.values(), ids=SHIPPED)
def test_every_courier_comes_again_is_put_off_and_is_sent_back(courier: Courier) -> None:
    assert {"reattempt", "defer", "cancel"} <= set(courier.actions)


@pytest.mark.parametrize(
    ("name", "code", "leg", "status"),
    [
        ("shiprocket", "17", "forward", "out_for_delivery"),
        ("shiprocket", "21", "forward", "failed_delivery"),
        ("shiprocket", "7", "forward", "delivered"),
        ("shiprocket", "75", "rto", "rto_created"),
        ("shiprocket", "10", "rto", "rto_delivered"),
        ("shiprocket", "76", "forward", "lost"),
        ("clickpost", "9", "forward", "failed_delivery"),
        ("clickpost", "21", "rto", "rto_intransit"),
        ("clickpost", "25", "forward", "out_for_pickup"),
        ("clickpost", "39", "forward", "intransit"),
        ("eshopbox", "6", "forward", "out_for_delivery"),
    ],
)
def test_a_code_is_translated(name: str, code: str, leg: str, status: str) -> None:
    said = translated(SHIPPED[name], "forward", f" {code} ", {"remark": "wet"})

    assert said == Translated(leg, status, {"remark": "wet", "courier_status": code})


def test_a_word_of_ours_and_one_that_nobody_knows_stay_as_they_are() -> None:
    shiprocket = SHIPPED["shiprocket"]

    assert translated(shiprocket, "rto", "rto_intransit", {}) == Translated("rto", "rto_intransit", {})
    assert translated(shiprocket, "forward", "9999", {}) == Translated("forward", "9999", {})


def test_a_part_that_was_delivered_is_delivered_and_says_so() -> None:
    assert translated(SHIPPED["clickpost"], "forward", "23", {}) == Translated(
        "forward", "delivered", {"courier_status": "23", "partial": "yes"}
    )


def test_a_reason_is_ours_and_keeps_the_courier_s_code_and_an_unknown_one_is_unknown() -> None:
    courier = Courier("bluebird", SHIPPED["generic"].as_of, "a test", reasons={"nsl-6": "address_issue"})

    known = translated(courier, "forward", "failed_delivery", {"ndr_code": "NSL-6"})
    unknown = translated(courier, "forward", "failed_delivery", {"ndr_code": "1"})

    assert (known.details, unknown.details) == (
        {"ndr_code": "6", "courier_code": "NSL-6"},
        {"ndr_code": "0", "courier_code": "1"},
    )
    assert translated(SHIPPED["generic"], "forward", "failed_delivery", {"ndr_code": "6"}).details == {"ndr_code": "6"}


# Which courier


@pytest.mark.parametrize(
    ("context", "name"),
    [
        ({"courier": "Shiprocket"}, "shiprocket"),
        ({"courier": " ESB "}, "eshopbox"),
        ({"courier": "SELF"}, "eshopbox"),
        ({"courier": "SELF", "adapter": "ClickPost"}, "clickpost"),
        ({"courier": "shiprocket", "adapter": "clickpost"}, "shiprocket"),
        ({"courier": "", "adapter": ""}, "eshopbox"),
        ({}, "eshopbox"),
    ],
)
def test_a_shipment_s_courier_is_its_own_its_account_s_or_the_usual_one(context: dict[str, str], name: str) -> None:
    assert courier_of(SHIPPED, context).name == name


# A user's folder


def test_a_folder_adds_couriers_and_changes_those_that_ship(tmp_path: Path) -> None:
    folder = written(tmp_path, "eshopbox", extends="eshopbox", attempts=5, actions={"dispute": None})
    written(tmp_path, "bluebird", extends="local", aliases=["Blue Bird"])
    written(tmp_path, "local", as_of="2026-11-21", source="a call", window_hours=0, statuses={"x": {"status": "lost"}})

    loaded = load([folder])

    eshopbox = loaded["eshopbox"]
    assert (eshopbox.attempts, set(eshopbox.actions)) == (5, {"reattempt", "defer", "cancel"})
    assert eshopbox.url == SHIPPED["eshopbox"].url
    assert loaded["bluebird"].statuses == loaded["local"].statuses
    assert courier_of(loaded, {"courier": "blue bird"}).name == "bluebird"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"extends": "nobody"}, "no courier nobody"),
        ({"extends": "wrong"}, "no courier wrong"),
        ({"as_of": "2026-11-21"}, "source"),
        ({"extends": "generic", "colour": "blue"}, "colour"),
        ({"extends": "generic", "name": "right"}, "named after it"),
        ({"extends": "generic", "reasons": {"1": "bad weather"}}, "no reason bad weather"),
        ({"extends": "generic", "statuses": {"OFD": {"status": "lost"}}}, "small letters"),
        ({"extends": "generic", "url": "https://x.example/{token}"}, "no field {token}"),
    ],
)
def test_an_adapter_that_is_wrong_is_refused_where_it_stands(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    folder = written(tmp_path, "wrong", **content)

    with pytest.raises(DefinitionError, match=message) as refused:
        load([folder])
    assert "wrong.json" in str(refused.value)


def test_an_adapter_that_is_no_json_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "wrong")
    (tmp_path / "couriers" / "wrong.json").write_text("{")

    with pytest.raises(DefinitionError, match=r"wrong\.json"):
        load([tmp_path])


# What couriers are told


def test_eshopbox_is_asked_in_its_published_shape() -> None:
    call = asked(SHIPPED["eshopbox"], "ACTF002", updatedAddress="12 Example Road", remarks="after six")

    assert call == CourierCall(
        "https://wms.eshopbox.com/api/v2/ndrResolution",
        {},
        {
            "actionSource": "whatsapp",
            "customerOrderNumber": "C-1",
            "resolutionCode": "ACTF002",
            "trackingId": "T/1",
            "deferredDate": "2026-01-03",
            "shippingDetails": {"updatedAddress": "12 Example Road"},
            "contactPhoneNumber": "919800000001",
            "remarks": "after six",
        },
    )


def test_its_older_page_s_date_is_a_line_in_a_user_s_folder(tmp_path: Path) -> None:
    folder = written(tmp_path, "eshopbox", extends="eshopbox", date_format="%d-%m-%Y")

    assert asked(load([folder])["eshopbox"], "ACTF002").body["deferredDate"] == "03-01-2026"


def test_shiprocket_is_asked_by_the_parcel_s_address_and_always_told_a_comment() -> None:
    call = asked(SHIPPED["shiprocket"], "ACTF001", updatedAddress="12 Example Road", landmark="the well")

    assert call.url == "https://apiv2.shiprocket.in/v1/external/ndr/T%2F1/action"
    assert call.body == {
        "action": "re-attempt",
        "comments": ndr.RESOLUTIONS["ACTF001"].action,
        "phone": "919800000001",
        "address1": "12 Example Road",
        "address2": "the well",
    }


@pytest.mark.parametrize(
    ("code", "said"),
    [("ACTF001", "REATTEMPT"), ("ACTF002", "REATTEMPT"), ("ACTF003", "INITIATE_RTO")],
)
def test_clickpost_has_two_words_for_all(tmp_path: Path, code: str, said: str) -> None:
    folder = written(tmp_path, "clickpost", extends="clickpost", url="https://clickpost.example/ndr", body={"cp_id": 4})
    call = asked(load([folder])["clickpost"], code)

    assert (call.body["action"], call.body["cp_id"]) == (said, 4)
    assert call.body.get("preferred_date") == ("2026-01-03" if code == "ACTF002" else None)


def test_a_courier_that_knows_repeats_is_given_the_effect_s_id(tmp_path: Path) -> None:
    folder = written(tmp_path, "generic", extends="generic", url="https://courier.example/")

    assert asked(load([folder])["generic"], "ACTF001").headers == {"Idempotency-Key": "e-1"}
    assert asked(SHIPPED["eshopbox"], "ACTF001").headers == {}


@pytest.mark.parametrize(
    ("courier", "code", "fields"),
    [
        pytest.param("shiprocket", "ACTF004", (), id="it does not do that"),
        pytest.param("generic", "ACTF001", (), id="nobody said where it is"),
    ],
)
def test_a_courier_that_cannot_be_asked_is_not(courier: str, code: str, fields: tuple[str, ...]) -> None:
    with pytest.raises(NotAsked) as refused:
        asked(SHIPPED[courier], code)

    assert refused.value.fields == fields


def test_what_a_courier_requires_and_nobody_said_is_named(tmp_path: Path) -> None:
    actions = {"reattempt": {"code": "again", "with_address": "edit", "required": ["landmark"]}}
    folder = written(tmp_path, "strict", extends="generic", url="https://courier.example/", actions=actions)
    strict = load([folder])["strict"]

    with pytest.raises(NotAsked) as refused:
        asked(strict, "ACTF001", updatedAddress="12 Example Road")

    assert (refused.value.action, refused.value.fields) == ("reattempt", ("landmark",))
    assert asked(strict, "ACTF001", landmark="the well").body["action"] == "edit"


def test_no_secret_is_in_an_adapter() -> None:
    for path in couriers.SHIPPED.glob("*.json"):
        assert "Bearer" not in path.read_text()


# What couriers grant


def begun(courier: str, at: int = NOON, ledger: list[Mapping[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """Return what a case begins with that a failed delivery opens *at* that time."""
    context = {"courier": courier, "attempts": ledger or [{"at": at, "counts": True, "voided_by": ""}], **more}
    event = an_event("attempt_failed", at=at)
    return case_context(SHIPPED | {"endofday": END_OF_DAY}, standing("shipment", "awaiting", context), event, at)


END_OF_DAY = Courier(
    "endofday", SHIPPED["generic"].as_of, "a test", window_hours=0, actions={"defer": couriers.Asked("d", max_days=6)}
)


def test_a_case_begins_with_its_courier_s_terms() -> None:
    assert begun("shiprocket") == {
        "terms": {
            "courier": "shiprocket",
            "actions": ["reattempt", "defer", "cancel"],
            "attempts": 3,
            "counted": 1,
            "last_date": "",
            "dispute_until": 0,
        },
        "timezone": "Asia/Kolkata",
        "window_until": NOON + 24 * HOUR,
        "remind_at": NOON + 12 * HOUR,
    }


def test_a_window_that_ends_with_the_day_ends_where_the_merchant_is() -> None:
    indian, german = begun("endofday"), begun("endofday", timezone="Europe/Berlin")

    # Noon in UTC is half past five in India and one o'clock in Germany.
    assert indian["window_until"] == NOON + 6 * HOUR + HOUR // 2
    assert german["window_until"] == NOON + 11 * HOUR
    assert german["remind_at"] == NOON + 11 * HOUR // 2


def test_a_delivery_is_put_off_from_the_first_failure() -> None:
    first = {"at": NOON - 48 * HOUR, "counts": True, "voided_by": ""}
    now = {"at": NOON, "counts": True, "voided_by": ""}
    later = {"at": NOON + HOUR, "counts": True, "voided_by": ""}

    terms = begun("endofday", ledger=[first, now, later])["terms"]

    assert (terms["last_date"], terms["counted"]) == ("2026-01-05", 2)


def test_the_generic_courier_hears_disputes_for_a_day() -> None:
    assert begun("generic")["terms"]["dispute_until"] == NOON + 24 * HOUR


@pytest.mark.parametrize(
    ("silence", "told", "choice"),
    [("rto", True, "ACTF003"), ("rto", False, None), ("nothing", True, None)],
)
def test_on_silence_a_courier_is_told_only_what_it_does_not_do_by_itself(
    silence: Any, choice: str | None, *, told: bool
) -> None:
    courier = Courier("quiet", SHIPPED["generic"].as_of, "a test", silence=silence, silence_is_told=told)

    chosen = silence_choice(courier)

    assert (chosen and chosen["resolutionCode"]) == choice
