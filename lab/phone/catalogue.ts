/**
 * What the shop sells, to ask about or to put into a cart.
 *
 * Source: Meta, "Sell products, Receive responses": a question is a text that refers to a product, a cart is an order
 * with the prices that the phone has, as decimals of their currency.
 */

import { button } from "./elements.ts";
import { make } from "./flow/dom.ts";
import { countOf, type Json, records, textOf } from "./flow/values.ts";
import { titled } from "./sheet.ts";

/** Something that is sold; *price* is in minor units. */
interface Product {
  readonly catalogId: string;
  readonly id: string;
  readonly name: string;
  readonly price: number;
  readonly currency: string;
  readonly isAvailable: boolean;
}

/** What a person does with products. */
export interface Shopping {
  ask(message: Json): void;
  order(message: Json): void;
  leave(): void;
}

/** Return products as the lab's server tells them, those of *wanted* if it names any. */
export function productsOf(told: unknown, wanted: readonly string[]): Product[] {
  return records(told)
    .map((product) => ({
      catalogId: textOf(product.catalog_id),
      id: textOf(product.product_retailer_id),
      name: textOf(product.name),
      price: typeof product.price === "number" ? product.price : 0,
      currency: textOf(product.currency),
      isAvailable: product.available !== false,
    }))
    .filter((product) => product.id && (wanted.length === 0 || wanted.includes(product.id)));
}

/** Return the catalogue as the content of a sheet. */
export function catalogue(products: readonly Product[], shopping: Shopping): HTMLElement {
  if (products.length === 0) return titled("The shop", shopping.leave, make("p", "empty", {}, "Nothing is sold here."));
  const counts = new Map<Product, HTMLInputElement>();
  const rows = products.map((product) => row(product, counts, shopping));
  const note = make("input", "", { id: "cart-note", maxlength: "200" });
  const send = button("Send the cart", () => {
    const order = cartOf(counts, note.value.trim());
    if (order !== null) shopping.order(order);
    else [...counts.values()][0]?.focus();
  }, "send-cart");
  return titled(
    "The shop",
    shopping.leave,
    make("ul", "plain products", {}, ...rows),
    make("label", "", { for: "cart-note" }, "A note with the cart ", make("span", "soft", {}, "(may be empty)")),
    note,
    make("p", "", {}, send),
  );
}

function row(product: Product, counts: Map<Product, HTMLInputElement>, shopping: Shopping): HTMLElement {
  const count = make("input", "", {
    type: "number",
    min: "0",
    max: "99",
    value: "0",
    inputmode: "numeric",
    "aria-label": `How many: ${product.name}`,
  });
  counts.set(product, count);
  const ask = button("Ask", () => shopping.ask(question(product)));
  ask.setAttribute("aria-label", `Ask about ${product.name}`);
  return make(
    "li",
    "product",
    {},
    make("div", "", {}, make("strong", "", {}, product.name), make("p", "soft small", {}, money(product))),
    make("div", "row", {}, ask, count),
  );
}

function question(product: Product): Json {
  const referred = { catalog_id: product.catalogId, product_retailer_id: product.id };
  return { type: "text", text: { body: `Is "${product.name}" available?` }, context: { referred_product: referred } };
}

/** Return the message of a cart, null if nothing is in it. */
function cartOf(counts: ReadonlyMap<Product, HTMLInputElement>, note: string): Json | null {
  const wanted = [...counts].map(([product, { value }]) => ({ product, quantity: countOf(value) ?? 0 }));
  const lines = wanted.filter(({ quantity }) => quantity > 0);
  const [first] = lines;
  if (first === undefined) return null;
  const items = lines.map(({ product, quantity }) => ({
    product_retailer_id: product.id,
    quantity,
    item_price: decimal(product),
    currency: product.currency,
  }));
  return { type: "order", order: { catalog_id: first.product.catalogId, text: note, product_items: items } };
}

function digitsOf(currency: string): number {
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

function decimal({ price, currency }: Product): number {
  return price / 10 ** digitsOf(currency);
}

function money(product: Product): string {
  const { currency, isAvailable } = product;
  const price = new Intl.NumberFormat(undefined, { style: "currency", currency }).format(decimal(product));
  return isAvailable ? price : `${price}, sold out at the shop`;
}
