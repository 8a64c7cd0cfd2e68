/**
 * Messages as a phone shows them.
 *
 * Source: Meta, "Cloud API, Messages" for what we send, "Webhooks" for what people send.
 */

import { unseen } from "./elements.ts";
import { make } from "./flow/dom.ts";
import type { ChatMessage, Standing } from "./lab_api.ts";
import { type Json, listOf, recordOf, textOf } from "./flow/values.ts";
import { tapsOf, type Taps } from "./taps.ts";
import { templateParts } from "./templates.ts";
import { written } from "./written.ts";

const MARKS: Readonly<Record<Standing, string>> = {
  accepted: "◌",
  sent: "✓",
  delivered: "✓✓",
  read: "✓✓",
  failed: "!",
};

const FILES: Readonly<Record<string, string>> = {
  image: "Picture",
  video: "Video",
  audio: "Voice message",
  document: "Document",
  sticker: "Sticker",
};

const SHORT = 80;

/** Return a message as an element of the chat. */
export function bubble(message: ChatMessage, taps: Taps): HTMLElement {
  const body = recordOf(message.content[message.type] ?? message.content);
  const isOurs = message.from === "us";
  const who = unseen(isOurs ? "The shop: " : "You: ");
  const shown = make("div", "bubble", {}, who, ...quote(message, taps), ...content(message, body), foot(message));
  const tapped = isOurs && message.status !== "failed" ? tapsOf(message, body, taps) : [];
  const item = make("li", `message ${message.from} ${message.status}`, { "data-id": message.id }, shown);
  if (tapped.length > 0) item.append(make("div", "taps", {}, ...tapped));
  return item;
}

/** Return what a message says, in a few words. */
export function gist(message: ChatMessage): string {
  const body = recordOf(message.content[message.type] ?? message.content);
  const inner = recordOf(body[textOf(body.type)]);
  const said = [
    textOf(body.body),
    textOf(recordOf(body.body).text),
    textOf(body.text),
    textOf(inner.title),
    textOf(body.caption),
    textOf(body.name) && `Template ${textOf(body.name)}`,
  ].find((words) => words);
  const words = said ?? FILES[message.type] ?? message.type;
  return words.length > SHORT ? `${words.slice(0, SHORT)}…` : words;
}

function quote(message: ChatMessage, taps: Taps): HTMLElement[] {
  const context = recordOf(message.content.context);
  const id = textOf(context.id) || textOf(context.message_id);
  const product = textOf(recordOf(context.referred_product).product_retailer_id);
  return paragraph("quote", product ? `About ${product}` : taps.quoted(id));
}

function foot(message: ChatMessage): HTMLElement {
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }).format(new Date(message.at));
  const mark = make("span", "ticks", { "aria-hidden": "true" }, MARKS[message.status] ?? "");
  const standing = make("span", "standing", {}, mark, ` ${message.status}`);
  return make("p", "foot", { "aria-live": "off" }, standing, make("time", "", { datetime: message.at }, clock));
}

function content(message: ChatMessage, body: Json): HTMLElement[] {
  switch (message.type) {
    case "text":
      return [said(textOf(body.body))];
    case "button":
      return [said(textOf(body.text))];
    case "template":
      return templateParts(body);
    case "interactive":
      return interactive(body);
    case "order":
      return [cart(body)];
    case "reaction":
      return [said(textOf(body.emoji) || "(took a reaction back)")];
    case "location":
      return [said([textOf(body.name), textOf(body.address)].filter((words) => words).join(", ") || "A place")];
    case "contacts":
      return [said("A contact")];
    default:
      if (message.type in FILES) return file(message.type, body);
      return [said(`(${message.type || "a message"}: nothing to show)`)];
  }
}

function said(words: string): HTMLElement {
  return make("p", "said", {}, ...written(words));
}

/** Return a paragraph, or nothing if it would say nothing. */
function paragraph(classes: string, words: string): HTMLElement[] {
  return words === "" ? [] : [make("p", classes, {}, ...written(words))];
}

function file(type: string, body: Json): HTMLElement[] {
  const link = textOf(body.link);
  const name = textOf(body.filename) || FILES[type] || type;
  const own = URL.canParse(link) && new URL(link).origin === location.origin;
  // From elsewhere nothing is loaded: the page's own rule.
  const shown =
    type === "image" && own
      ? make("img", "sent-picture", { src: link, alt: textOf(body.caption) || "A picture" })
      : make("p", "file", {}, own ? make("a", "", { href: link, target: "_blank", rel: "noopener" }, name) : name);
  return [shown, ...paragraph("said", textOf(body.caption))];
}

function cart(body: Json): HTMLElement {
  const lines = listOf(body.product_items).map((item) => {
    const { product_retailer_id: id, quantity, item_price: price, currency } = recordOf(item);
    const cost = ` ${String(price)} ${textOf(currency)}`; // prices come as numbers and as texts
    return make("li", "", {}, `${String(quantity)} × ${textOf(id)}`, make("span", "soft", {}, cost));
  });
  return make("div", "", {}, said("Cart"), make("ul", "plain", {}, ...lines), ...paragraph("said", textOf(body.text)));
}

// What is sent with parts: interactive messages and templates

function interactive(body: Json): HTMLElement[] {
  const type = textOf(body.type);
  const reply = recordOf(body[type]);
  if (type === "button_reply" || type === "list_reply") {
    return [said(textOf(reply.title)), ...paragraph("soft small", textOf(reply.description))];
  }
  if (type === "nfm_reply") return completed(reply);
  const [main, foot] = [textOf(recordOf(body.body).text), textOf(recordOf(body.footer).text)];
  return [...header(recordOf(body.header)), ...paragraph("said", main), ...paragraph("soft small", foot)];
}

function completed(reply: Json): HTMLElement[] {
  const json = textOf(reply.response_json);
  let shown = json;
  try {
    shown = JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    // It is shown as it came.
  }
  return [
    make("p", "said form-sent", {}, "✓ Form sent"),
    make(
      "details",
      "response",
      {},
      make("summary", "", {}, "Response"),
      make("pre", "", { tabindex: "0", role: "region", "aria-label": "Response" }, shown),
    ),
  ];
}

function header(head: Json): HTMLElement[] {
  const type = textOf(head.type) || "text";
  if (type === "text") return paragraph("message-head", textOf(head.text));
  return file(type, recordOf(head[type]));
}
