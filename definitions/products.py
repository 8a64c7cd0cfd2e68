"""
What merchants sell in chats, and what the things in a cart cost.

A folder of definitions has its products in `products.json`, by WhatsApp catalogue and by the merchant's own id of a
product; an account's setting `products` has its own, which come before. Prices are in minor units of their currency.

Source: Meta, "Sell products, Receive responses": a cart says what each thing costs by the customer's phone, as a
decimal of the currency; numbers come as numbers and as texts.

Rule 1: what a phone says of a price is shown beside ours and charged never.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from definitions import shape
from definitions.binding import effect
from definitions.outgoing import MessageCall, Nothing, Wish
from definitions.replies import TEXT_LENGTH, reply, said
from engine.errors import Problem, WorkflowError

FILE = "products.json"
"""Where a folder of definitions has its products."""

MOST = 10**12
"""What nothing costs more than, in minor units."""

MOST_OF_ONE = 999_999
MOST_LINES = 200

EXPONENTS = {
    **dict.fromkeys(
        {
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"),
            *("XAF", "XOF", "XPF"),
        },
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""How many decimals a currency's minor unit has where it is not 2 (ISO 4217)."""

Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class CartInvalid(WorkflowError):
    """A cart has nothing in it, or a line that says not what it is of, or how many."""


class Product(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is sold, at *price* minor units."""

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    price: Annotated[int, Meta(ge=0, le=MOST)]
    currency: Currency
    available: bool = True


Products = Mapping[str, Mapping[str, Product]]
"""Products by catalogue and by the merchant's own id."""


class Line(Struct, frozen=True):
    """
    So many of a product. *price* is ours for one, *said_price* what the phone said; *difference* is what ours is more.

    A line with a *problem* is not in the total.
    """

    retailer_id: str
    name: str
    quantity: int
    currency: str
    price: int | None
    said_price: int | None
    difference: int | None
    problem: Literal["", "unknown_product", "unavailable", "other_currency"] = ""


class Cart(Struct, frozen=True):
    """A cart as we price it: what is charged for is in *total*, in minor units of *currency*."""

    lines: tuple[Line, ...]
    total: int
    currency: str


class _Settings(Struct, frozen=True):
    """What of an account's settings is about products."""

    products: dict[str, dict[str, Product]] = {}


def load(folders: Iterable[Path]) -> Products:
    """
    Return the products of *folders*; a later one's replaces an earlier one's of the same id.

    Raises:
        DefinitionError: a file of them is wrong; the message says where and what.
    """
    found: Products = {}
    for folder in folders:
        found = merged(found, _read(folder / FILE))
    return found


def check(source: bytes) -> tuple[Problem, ...]:
    """Return what is wrong with a file's text."""
    content, problems = shape.read(source)
    return problems or tuple(sorted(shape.misfits(content, _Products, "INVALID_PRODUCTS")))


_Products = dict[str, dict[str, Product]]


def _read(path: Path) -> Products:
    if not path.is_file():
        return {}
    source = path.read_bytes()
    problems = check(source)
    if problems:
        raise shape.refused(path, source, problems)
    return msgspec.json.decode(source, type=_Products)


def own_products(settings: Any) -> Products:
    """Return the products that an account's settings name; of settings that cannot be read, none."""
    try:
        return msgspec.convert(settings, _Settings).products
    except msgspec.ValidationError:
        return {}


def merged(products: Products, over: Products) -> Products:
    """Return all products, those of *over* in place of others of the same id."""
    return {name: {**products.get(name, {}), **over.get(name, {})} for name in sorted({*products, *over})}


def priced(items: Sequence[Mapping[str, Any]], products: Mapping[str, Product]) -> Cart:
    """
    Return a cart at our prices.

    Raises:
        CartInvalid: there is nothing in it, or something that cannot be told.
    """
    if not 0 < len(items) <= MOST_LINES:
        raise CartInvalid
    known = [products.get(_retailer_id(item)) for item in items]
    currency = next((each.currency for each in known if each is not None and each.available), "")
    lines = tuple(_line(item, product, currency) for item, product in zip(items, known, strict=True))
    total = sum((line.price or 0) * line.quantity for line in lines if not line.problem)
    return Cart(lines, total, currency)


def _line(item: Mapping[str, Any], product: Product | None, currency: str) -> Line:
    """Return a line of a cart whose total is in *currency*."""
    retailer_id, quantity = _retailer_id(item), _quantity(item.get("quantity"))
    said_currency = str(item.get("currency") or "")
    if product is None:
        said_price = minor_units(item.get("item_price"), said_currency)
        return Line(retailer_id, "", quantity, said_currency, None, said_price, None, "unknown_product")
    said_price = None
    if said_currency in ("", product.currency):
        said_price = minor_units(item.get("item_price"), product.currency)
    return Line(
        retailer_id=retailer_id,
        name=product.name,
        quantity=quantity,
        currency=product.currency,
        price=product.price,
        said_price=said_price,
        difference=None if said_price is None else product.price - said_price,
        problem="unavailable" if not product.available else "" if product.currency == currency else "other_currency",
    )


def _retailer_id(item: Mapping[str, Any]) -> str:
    found = item.get("product_retailer_id")
    if not isinstance(found, str) or not found:
        raise CartInvalid
    return found


def _quantity(said_quantity: Any) -> int:
    number = _decimal(said_quantity)
    if number is None or number != number.to_integral_value() or not 0 < number <= MOST_OF_ONE:
        raise CartInvalid
    return int(number)


def minor_units(said_price: Any, currency: str) -> int | None:
    """Return a decimal amount in minor units of its currency, or None where it is none."""
    number = _decimal(said_price)
    if number is None or number < 0:
        return None
    units = (number * 10 ** EXPONENTS.get(currency, 2)).quantize(Decimal(1), ROUND_HALF_UP)
    return int(units) if units <= MOST else None


def _decimal(value: Any) -> Decimal | None:
    """Return a number that is a number or a text, if it is one that a cart can have."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > len(str(MOST)) * 2:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) <= MOST else None


def money(amount: int, currency: str) -> str:
    """Return minor units as people read them: `INR 301.00`."""
    places = EXPONENTS.get(currency, 2)
    return f"{currency} {Decimal(amount).scaleb(-places):,.{places}f}"


@effect("confirm_cart", "tell the customer what we make of their cart: what it costs, and what is not as they saw it")
def confirm_cart(wish: Wish) -> MessageCall | Nothing:
    """Answer a cart with its lines at our prices, while its customer may be answered."""
    cart = wish.data["cart"]
    content = said(in_words(msgspec.convert(cart, Cart))[:TEXT_LENGTH])
    return reply(wish, cart["from"], content, heard_at=wish.occurred_at, to=wish.data["wamid"])


def in_words(cart: Cart) -> str:
    """Return what a customer is told of their cart."""
    charged = [line for line in cart.lines if not line.problem]
    words = ["Thank you, we have your order:"] if charged else ["Thank you for your order."]
    words += [
        f"{line.quantity} x {line.name}: {money((line.price or 0) * line.quantity, line.currency)}" for line in charged
    ]
    if charged:
        words.append(f"Total: {money(cart.total, cart.currency)}")
    differing = [line for line in charged if line.difference]
    if differing:
        words += ["", "Some prices are not those you saw:"]
        words += [
            f"{line.name}: {money(line.price or 0, line.currency)} instead of"
            f" {money(line.said_price or 0, line.currency)}"
            for line in differing
        ]
    left_out = [line for line in cart.lines if line.problem]
    if left_out:
        words += ["", "These are not in it, and we will come back to you about them:"]
        words += [f"{line.quantity} x {line.name or line.retailer_id}" for line in left_out]
    return "\n".join(words)
