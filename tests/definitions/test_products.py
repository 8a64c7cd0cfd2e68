"""What the things in a cart cost, whatever a phone says of it."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.catalogue import SHIPPED
from definitions.outgoing import MessageCall, Nothing
from definitions.products import (
    EXPONENTS,
    Cart,
    CartInvalid,
    Line,
    Product,
    confirm_cart,
    in_words,
    load,
    merged,
    minor_units,
    money,
    own_products,
    priced,
)
from engine.errors import DefinitionError
from engine.model import SECOND
from tests.builders import HOUR, MINUTE, NOON
from tests.definitions.wishing import NUMBER, PHONE, a_wish, an_instance_of, heard

TEA = Product("Assam tea", 30100, "INR")
CUP = Product("Blue cup", 24900, "INR", available=False)
DATES = Product("Dates", 1500, "KWD")
SOLD = {"TEA": TEA, "CUP": CUP, "DATES": DATES}


def an_item(retailer_id: Any = "TEA", quantity: Any = 1, price: Any = 301, currency: Any = "INR") -> dict[str, Any]:
    item = {"product_retailer_id": retailer_id, "quantity": quantity, "item_price": price, "currency": currency}
    return {name: value for name, value in item.items() if value is not None}


def test_a_cart_is_priced_as_we_sell() -> None:
    assert priced([an_item(quantity=2), an_item(quantity="3", price="301.00")], SOLD) == Cart(
        (Line("TEA", "Assam tea", 2, "INR", 30100, 30100, 0), Line("TEA", "Assam tea", 3, "INR", 30100, 30100, 0)),
        150500,
        "INR",
    )


def test_a_price_that_the_phone_says_differently_is_shown_and_not_charged() -> None:
    cart = priced([an_item(quantity=2, price=250.5)], SOLD)

    assert cart == Cart((Line("TEA", "Assam tea", 2, "INR", 30100, 25050, 5050),), 60200, "INR")


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (an_item("NEW", price=12), Line("NEW", "", 1, "INR", None, 1200, None, "unknown_product")),
        (an_item("NEW", price=None, currency=None), Line("NEW", "", 1, "", None, None, None, "unknown_product")),
        (an_item("CUP", price=249), Line("CUP", "Blue cup", 1, "INR", 24900, 24900, 0, "unavailable")),
        (
            an_item("DATES", price=1.5, currency="KWD"),
            Line("DATES", "Dates", 1, "KWD", 1500, 1500, 0, "other_currency"),
        ),
    ],
)
def test_what_cannot_be_sold_as_it_is_stands_in_the_cart_and_not_in_its_total(item: dict[str, Any], line: Line) -> None:
    cart = priced([an_item(), item], SOLD)

    assert cart.lines[1] == line
    assert (cart.total, cart.currency) == (30100, "INR")


@pytest.mark.parametrize(
    ("price", "currency"), [(None, "INR"), ("", "INR"), ("dear", "INR"), (-1, "INR"), (True, "INR"), (301, "USD")]
)
def test_a_price_that_says_nothing_differs_in_nothing(price: Any, currency: str) -> None:
    (line,) = priced([an_item(price=price, currency=currency)], SOLD).lines

    assert (line.price, line.said_price, line.difference, line.problem) == (30100, None, None, "")


@pytest.mark.parametrize("quantity", [None, 0, -1, 1.5, "", "many", "1e9", 10**7, True, [], float("inf")])
def test_a_cart_that_does_not_say_how_many_is_none(quantity: Any) -> None:
    with pytest.raises(CartInvalid):
        priced([an_item(quantity=quantity)], SOLD)


@pytest.mark.parametrize("items", [[], [{}], [an_item(7)], [an_item("")], [an_item()] * 201])
def test_a_cart_without_things_in_it_is_none(items: list[dict[str, Any]]) -> None:
    with pytest.raises(CartInvalid):
        priced(items, SOLD)


@pytest.mark.parametrize(
    ("said", "currency", "units"),
    [
        (30, "INR", 3000),
        ("30", "INR", 3000),
        (150.5, "INR", 15050),
        ("0.005", "INR", 1),
        (19.99, "USD", 1999),
        (500, "JPY", 500),
        ("1.234", "KWD", 1234),
        (0, "INR", 0),
        ("1e400", "INR", None),
        ("9" * 40, "INR", None),
        ("NaN", "INR", None),
    ],
)
def test_a_decimal_amount_is_minor_units_of_its_currency(said: Any, currency: str, units: int | None) -> None:
    assert minor_units(said, currency) == units


@given(units=st.integers(0, 10**11), currency=st.sampled_from(["INR", "USD", *EXPONENTS]))
def test_every_amount_survives_being_said_as_a_decimal(units: int, currency: str) -> None:
    said = Decimal(units).scaleb(-EXPONENTS.get(currency, 2))

    assert minor_units(str(said), currency) == units
    assert money(units, currency).replace(",", "") == f"{currency} {said:.{EXPONENTS.get(currency, 2)}f}"


# Where products are


def test_a_later_folders_product_replaces_an_earlier_ones(tmp_path: Path) -> None:
    for name, price in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        sold = {
            "C-1": {
                "TEA": {"name": "Tea", "price": price, "currency": "INR"},
                name: {"name": name, "price": 1, "currency": "INR"},
            }
        }
        (tmp_path / name / "products.json").write_text(json.dumps(sold))

    found = load([tmp_path / "one", tmp_path / "two", tmp_path / "three"])

    assert {name: product.price for name, product in found["C-1"].items()} == {"TEA": 2, "one": 1, "two": 1}


def test_the_products_that_ship_can_be_read() -> None:
    assert all(product.price for products in load([SHIPPED / "orders"]).values() for product in products.values())


def test_an_accounts_products_come_before_everybodys() -> None:
    own = own_products(
        {"accountSlug": "kumar", "products": {"C-1": {"TEA": {"name": "Own", "price": 5, "currency": "INR"}}}}
    )

    assert merged({"C-1": SOLD, "C-2": {}}, own) == {"C-1": {**SOLD, "TEA": Product("Own", 5, "INR")}, "C-2": {}}
    assert own_products({"products": 7}) == own_products([]) == {}


@pytest.mark.parametrize(
    "text",
    ["[", "[]", '{"C-1": {"TEA": {}}}', '{"C-1": {"TEA": {"name": "T", "price": 1.5, "currency": "INR"}}}',
     '{"C-1": {"TEA": {"name": "T", "price": -1, "currency": "INR"}}}',
     '{"C-1": {"TEA": {"name": "T", "price": 1, "currency": "Rs"}}}',
     '{"C-1": {"TEA": {"name": "T", "price": 1, "currency": "INR", "colour": "red"}}}'],
)  # fmt: skip
def test_a_file_of_products_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "products.json").write_text(text)

    with pytest.raises(DefinitionError, match=r"products\.json"):
        load([tmp_path])


# What the customer is told


def confirmed(*items: dict[str, Any], **known: Any) -> Any:
    cart = {"from": ["IN.13491208655302741918", PHONE], **_kept(priced([*items], SOLD))}
    order = an_instance_of("order", "created", {"cart": cart})
    return confirm_cart(a_wish("confirm_cart", order, {"cart": cart, "wamid": "wamid.7"}, **known))


def _kept(cart: Cart) -> dict[str, Any]:
    kept: dict[str, Any] = msgspec.to_builtins(cart)
    return kept


def test_a_cart_is_confirmed_as_an_answer_to_its_message() -> None:
    call = confirmed(an_item(quantity=2))

    text = "Thank you, we have your order:\n2 x Assam tea: INR 602.00\nTotal: INR 602.00"
    assert call == MessageCall(
        f"whatsapp/{NUMBER}/{PHONE}",
        NUMBER,
        {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": PHONE,
            "context": {"message_id": "wamid.7"},
            "type": "text",
            "text": {"preview_url": False, "body": text},
            "biz_opaque_callback_data": "e-1",
        },
    )


def test_what_is_not_as_the_customer_saw_it_is_said() -> None:
    cart = priced([an_item(price=250), an_item("CUP"), an_item("NEW", quantity=4)], SOLD)

    assert in_words(cart) == (
        "Thank you, we have your order:\n"
        "1 x Assam tea: INR 301.00\n"
        "Total: INR 301.00\n"
        "\n"
        "Some prices are not those you saw:\n"
        "Assam tea: INR 301.00 instead of INR 250.00\n"
        "\n"
        "These are not in it, and we will come back to you about them:\n"
        "1 x Blue cup\n"
        "4 x NEW"
    )


def test_a_cart_of_which_we_sell_nothing_names_no_total() -> None:
    assert "Total" not in in_words(priced([an_item("NEW")], {}))


def test_a_cart_is_not_confirmed_a_day_later_unless_its_customer_has_written_since() -> None:
    late = NOON + 24 * HOUR

    assert confirmed(an_item(), now=late - SECOND).body["to"] == PHONE
    assert confirmed(an_item(), now=late) == Nothing("outside_window")
    assert confirmed(an_item(), now=late, recipient=heard(NOON + MINUTE)).body["to"] == PHONE
    assert confirmed(an_item(), reason="131047") == Nothing("outside_window")


def test_the_longest_cart_is_confirmed_in_a_text_that_whatsapp_takes() -> None:
    call = confirmed(*[an_item(f"NEW-{place}-{'x' * 60}") for place in range(200)])

    assert len(call.body["text"]["body"]) == 4096
