"""Carts sent in a chat: orders at our prices, once each, that merchants go on with."""

import json
from typing import Any

import pytest

from tests.api.conftest import sample
from tests.api.kept import became, deliver
from tests.api.serving import Server
from tests.api.speaking import (
    NUMBER,
    PHONE,
    a_call,
    a_cart,
    a_scan,
    an_item,
    an_order,
    ask,
    at_once,
    messages,
    moves,
    put_order,
    quoted,
    read_order,
    scan,
    session,
)
from tests.builders import NOON

TEA = {"name": "Assam tea", "price": 14000, "currency": "INR"}


def put_account(server: Server, account_id: str = "1489", slug: str = "dfc", **settings: Any) -> None:
    account = {"accountSlug": slug, "name": slug, "timezone": "Asia/Kolkata", **settings}
    heard = ask(server, "PUT", f"/api/v1/accounts/{account_id}", account, token=server.world.portal_token)
    assert heard.status == 200, heard.body


def placed(server: Server, wamid: str) -> Any:
    """Return the order that a cart's message has become."""
    path = f"/admin/api/v1/sessions?definition=order&q={quoted(wamid)}"
    (listed,) = ask(server, "GET", path, token=server.world.admin_token).content["items"]
    return session(server, "order", listed["key"])


def test_a_cart_is_priced_by_its_accounts_catalogue(server: Server) -> None:
    put_account(server, products={"C-1": {"SKU-1": TEA}})
    cart = a_cart()

    deliver(server, a_call(messages(cart)))

    order = placed(server, cart["id"])
    assert (order["state"], order["context"]["account_id"]) == ("created", "1489")
    assert order["context"]["cart"] == {
        "catalog_id": "C-1",
        "text": "Gift wrap please",
        "from": [PHONE],
        "lines": [
            {
                "retailer_id": "SKU-1",
                "name": "Assam tea",
                "quantity": 2,
                "currency": "INR",
                "price": 14000,
                "said_price": 15050,
                "difference": -1050,
                "problem": "",
            }
        ],
        "total": 28000,
        "currency": "INR",
    }
    assert moves(server, "order", order["key"]) == [("placed", "created", "created")]
    assert [effect["name"] for effect in order["effects"]] == ["confirm_cart", "announce"]


def test_a_shipped_product_is_known_without_a_setting(server: Server) -> None:
    item = {"product_retailer_id": "TEA-ASSAM-250", "quantity": 3, "item_price": "301.00", "currency": "INR"}
    cart = a_cart()
    cart["order"] = {"catalog_id": "100000000000301", "product_items": [item]}

    deliver(server, a_call(messages(cart)))

    assert placed(server, cart["id"])["context"]["cart"]["total"] == 90300


def test_a_placed_order_is_a_result(server: Server) -> None:
    cart = a_cart()
    deliver(server, a_call(messages(cart)))

    (item,) = ask(server, "GET", "/admin/api/v1/events", token=server.world.admin_token).content["items"]

    assert (item["type"], item["key"]) == ("order.created", placed(server, cart["id"])["key"])


def test_a_cart_that_comes_often_and_at_once_is_one_order_and_one_confirmation(server: Server) -> None:
    cart = a_cart()

    at_once(range(20), lambda number: deliver(server, {**a_call(messages(cart)), "number": number}))

    order = placed(server, cart["id"])
    assert order["revision"] == 1
    assert [effect["name"] for effect in order["effects"]] == ["confirm_cart", "announce"]


def test_the_merchants_own_document_of_that_order_goes_on_from_the_cart(server: Server) -> None:
    put_account(server, products={"C-1": {"SKU-1": TEA}})
    cart = a_cart()
    deliver(server, a_call(messages(cart)))
    order_id = placed(server, cart["id"])["key"]

    put_order(server, an_order(order_id, an_item("T-9")))
    scan(server, a_scan("packed", order_id=order_id, tracking_id="T-9"))
    scan(server, a_scan("intransit", 60, order_id=order_id, tracking_id="T-9"))

    order = session(server, "order", order_id)
    assert (order["state"], order["context"]["cart"]["total"]) == ("shipped", 28000)
    assert order["context"]["customer_order_number"] == f"C-{order_id}"
    assert read_order(server, order_id).content["items"][0]["latestStatus"] == "intransit"


def test_a_cart_belongs_to_the_account_of_the_number_that_it_was_sent_to(server: Server) -> None:
    put_account(server, "77", "kumar", phoneNumberIds=[NUMBER], products={"C-1": {"SKU-1": {**TEA, "price": 1}}})
    put_account(server, products={"C-1": {"SKU-1": TEA}})
    cart = a_cart()

    deliver(server, a_call(messages(cart)))

    context = placed(server, cart["id"])["context"]
    assert (context["account_id"], context["cart"]["total"]) == ("77", 2)


@pytest.mark.parametrize(
    "item",
    [
        {"product_retailer_id": "SKU-1", "quantity": 0},
        {"product_retailer_id": "SKU-1", "quantity": "a few"},
        {"product_retailer_id": "SKU-1"},
        {"quantity": 1},
    ],
)
def test_a_cart_that_cannot_be_told_is_set_aside(office: Server, item: dict[str, Any]) -> None:
    assert became(office, a_call(messages(a_cart(item)))) == ("quarantined", "malformed")


@pytest.mark.parametrize(
    ("name", "wamid", "lines"),
    [
        (
            "064_message-order.json",
            "wamid.xyzxyz",
            [("HAMBURGER", 3, 3000, "ILS"), ("FRENCH_FRIES", 2, 3500, "ILS"), ("SODA", 2, 1000, "ILS")],
        ),
        ("145_message-order-message-sticker-message-in.json", "wamid.order", [("SKU-1", 1, None, "")]),
        (
            "166_message-order.json",
            "wamid.HBgMOTE5NjU3DMU1MDIyQFIAEhggNzg5MEYwNEIyNDA1Q0IxMzU2QkI0NDc3RTVGMzYxNUEA",
            [("akuba13e44", 1, 20000, "INR"), ("0z10aj0bmq", 1, 60000, "INR")],
        ),
    ],
)
def test_published_carts_are_orders(server: Server, name: str, wamid: str, lines: list[Any]) -> None:
    deliver(server, json.dumps(sample(f"webhooks/{name}")).encode())

    cart = placed(server, wamid)["context"]["cart"]
    kept = [(line["retailer_id"], line["quantity"], line["said_price"], line["currency"]) for line in cart["lines"]]
    assert kept == lines
    assert {line["problem"] for line in cart["lines"]} == {"unknown_product"}
    assert (cart["total"], cart["currency"]) == (0, "")


def test_what_a_cart_costs_is_what_it_cost_when_it_came(server: Server) -> None:
    put_account(server, products={"C-1": {"SKU-1": TEA}})
    cart = a_cart()
    deliver(server, a_call(messages(cart)))
    put_account(server, products={"C-1": {"SKU-1": {**TEA, "price": 99999}}})
    server.clock.now = NOON + 1

    deliver(server, {**a_call(messages(cart)), "again": 1})

    assert placed(server, cart["id"])["context"]["cart"]["total"] == 28000
