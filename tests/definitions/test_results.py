"""What results say, where they go, and what is in none of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from definitions.orders.rows import Account
from definitions.outgoing import Nothing, WebhookCall
from definitions.results import Endpoint, announce, bind_endpoints, own_endpoints, without_file_keys
from engine.errors import DefinitionError
from tests.builders import NOON
from tests.definitions.wishing import a_wish, an_instance_of

SHOP = "https://shop.example/hooks"


@pytest.fixture(autouse=True)
def _no_endpoints_of_everybody() -> Iterator[None]:
    bind_endpoints([])
    yield
    bind_endpoints([])


def an_account(*endpoints: dict[str, Any]) -> Account:
    settings = json.dumps({"accountSlug": "kumar", "webhooks": [*endpoints]})
    return Account("77", "kumar", "Kumar Teas", "Asia/Kolkata", settings)


def an_endpoint(name: str = "erp", **changes: Any) -> dict[str, Any]:
    return {"name": name, "url": SHOP, **changes}


def announced(definition: str, state: str, context: dict[str, Any], **known: Any) -> Any:
    """Return what a result is posted as; the instance has not gone on since."""
    instance = an_instance_of(definition, state, context, known.pop("key", "K-1"), known.pop("family", ""))
    known = {"account": an_account(an_endpoint()), "target_state": state, **known}
    return announce(a_wish("announce", instance, **known))


def test_a_completed_flow_says_for_whom_it_was_and_what_came_back() -> None:
    context = {"expires_at": NOON, "recipient": "919800000042", "response": {"size": "M"}, "data": {"seen": "never"}}

    call = announced("purchase_interest", "completed", context, source_state="TERMS", key="ws_1")

    assert call == WebhookCall(
        "webhook/erp/purchase_interest/ws_1",
        "erp",
        {
            "type": "flow.completed",
            "timestamp": "2026-01-01T12:00:00Z",
            "data": {
                "id": "e-1",
                "definition": "purchase_interest",
                "key": "ws_1",
                "state": "completed",
                "recipient": "919800000042",
                "response": {"size": "M"},
            },
        },
        SHOP,
    )


def test_an_order_says_where_it_was_before() -> None:
    context = {"account_id": "77", "customer_order_number": "C-1", "summary": {"members": 1}}

    call = announced("order", "delivered", context, source_state="shipped", key="O-1", family="order/O-1")

    assert (call.lane, call.payload["type"]) == ("webhook/erp/order/O-1", "order.delivered")
    assert call.payload["data"] == {
        "id": "e-1",
        "definition": "order",
        "key": "O-1",
        "state": "delivered",
        "customer_order_number": "C-1",
        "account_id": "77",
        "before": "shipped",
    }


def test_a_case_says_whose_it_is_and_what_was_chosen_and_no_address() -> None:
    chosen = {"resolutionCode": "ACTF002", "deferredDate": "2026-01-03", "remarks": "Ring twice", "landmark": "Temple"}
    context = {"opened_by": "O-1:T-1", "resolution": chosen}

    call = announced(
        "ndr_case",
        "closed.resolved_delivered",
        context,
        source_state="unsettled.accepted",
        key="O-1:T-1:20260101T114000Z",
        family="order/O-1",
    )

    assert (call.lane, call.payload["type"]) == ("webhook/erp/order/O-1", "ndr_case.resolved_delivered")
    assert call.payload["data"] == {
        "id": "e-1",
        "definition": "ndr_case",
        "key": "O-1:T-1:20260101T114000Z",
        "state": "closed.resolved_delivered",
        "opened_by": "O-1:T-1",
        "order_id": "O-1",
        "before": "unsettled.accepted",
        "resolution": {"resolutionCode": "ACTF002", "deferredDate": "2026-01-03"},
    }


def test_a_result_says_where_its_step_led_however_far_the_order_has_gone_since() -> None:
    call = announced("order", "delivered", {}, source_state="preparing", target_state="shipped")

    assert call.payload["type"] == "order.shipped"


def test_what_opens_a_file_is_in_no_result() -> None:
    photo = {"media_id": "m-1", "encryption_metadata": {"encryption_key": "a secret"}}

    call = announced("survey", "completed", {"expires_at": NOON, "response": {"photos": [photo], "n": 1}})

    assert call.payload["data"]["response"] == {"photos": [{"media_id": "m-1"}], "n": 1}
    assert "a secret" not in repr(call)
    assert without_file_keys([{"encryption_metadata": 1}, 2, "x"]) == [{}, 2, "x"]


@pytest.mark.parametrize(
    ("events", "kind", "wanted"),
    [
        (["*"], "order.delivered", True),
        (["order.*"], "order.delivered", True),
        (["order.*"], "ndr_case.rto", False),
        (["flow.completed", "ndr_case.*"], "ndr_case.rto", True),
        (["order.deliver"], "order.delivered", False),
        (["ORDER.*"], "order.delivered", False),
    ],
)
def test_an_endpoint_wants_what_its_patterns_say(events: list[str], kind: str, wanted: bool) -> None:
    assert Endpoint("erp", SHOP, tuple(events)).wants(kind) is wanted


def test_a_result_goes_to_the_first_endpoint_that_wants_it(tmp_path: Path) -> None:
    (tmp_path / "webhooks.json").write_text(json.dumps([an_endpoint("everybody")]))
    bind_endpoints([tmp_path])
    account = an_account(an_endpoint("cases", events=["ndr_case.*"]), an_endpoint("orders", events=["order.*"]))

    for definition, endpoint in [("order", "orders"), ("ndr_case", "cases"), ("parcel", "everybody")]:
        assert announced(definition, "delivered", {}, account=account).endpoint == endpoint
    assert announced("order", "delivered", {}, account=None).endpoint == "everybody"


def test_without_an_endpoint_a_result_is_done_as_it_is() -> None:
    nothing = Nothing("no_webhook", status="done")

    assert announced("order", "delivered", {}, account=None) == nothing
    assert announced("order", "delivered", {}, account=an_account()) == nothing
    assert announced("order", "delivered", {}, account=an_account(an_endpoint(events=["flow.*"]))) == nothing


@pytest.mark.parametrize(
    "settings",
    [
        {},
        [],
        7,
        {"webhooks": 7},
        {"webhooks": [{"name": "erp"}]},
        {"webhooks": [an_endpoint(url="ftp://shop.example")]},
    ],
)
def test_settings_that_cannot_be_read_name_no_endpoint(settings: Any) -> None:
    assert [*own_endpoints(settings)] == []


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        ("{", "1:2", [("", "INVALID_JSON")]),
        ("{}", "1:1", [("", "INVALID_WEBHOOKS")]),
        ('[\n  {"name": "erp"}]', "2:3", [("/0", "INVALID_WEBHOOKS")]),
        (
            '[{"name": "a b",\n "events": [7], "url": "https://shop.example"}, {"url": 7, "x": 1, "name": "erp"}]',
            "2:13",
            [(f"/{pointer}", "INVALID_WEBHOOKS") for pointer in ("0/events/0", "0/name", "1/url", "1/x")],
        ),
    ],
)
def test_a_file_of_endpoints_that_cannot_be_read_is_refused_where_it_is_wrong(
    tmp_path: Path, text: str, place: str, found: list[tuple[str, str]]
) -> None:
    (tmp_path / "webhooks.json").write_text(text)

    with pytest.raises(DefinitionError) as caught:
        bind_endpoints([tmp_path])

    assert caught.value.name == f"{tmp_path / 'webhooks.json'}:{place}"
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == found


def test_what_is_posted_can_be_written_as_json() -> None:
    call = announced("order", "delivered", {"account_id": "77"}, source_state="shipped")

    assert msgspec.json.decode(msgspec.json.encode(call)) is not None
