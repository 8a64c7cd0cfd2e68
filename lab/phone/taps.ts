/**
 * The buttons of a message, and what a tap on one does.
 *
 * Source: Meta, "Cloud API, Messages" and "Sending Flows" for the buttons, "Webhooks" for what a tap sends.
 */

import { button } from "./elements.ts";
import { make } from "./flow/dom.ts";
import { type Json, recordOf, records, textOf } from "./flow/values.ts";
import type { ChatMessage } from "./lab_api.ts";
import { quickReply } from "./templates.ts";

/** What a tap on a message does. */
export interface Taps {
  /** Answer *message* with another. */
  answer(message: ChatMessage, reply: Json): void;
  /** Open the Flow of a button. */
  openFlow(message: ChatMessage, flow: FlowButton): void;
  /** Let the person choose from a list message. */
  choose(message: ChatMessage, list: Json): void;
  /** Show products, all of the catalogue if *wanted* is empty. */
  showProducts(wanted: readonly string[]): void;
  /** Return what a message of that id says, in a few words. */
  quoted(id: string): string;
}

/** The Flow that a button opens; *name* is "" where the message has only its token. */
export interface FlowButton {
  readonly name: string;
  readonly token: string;
  readonly action: string;
  readonly screen: string;
  readonly data: Json;
}

/** Return what can be tapped on a message of ours; *body* is what it has under its type. */
export function tapsOf(message: ChatMessage, body: Json, taps: Taps): HTMLElement[] {
  switch (message.type) {
    case "template":
      return records(body.components)
        .filter((component) => component.type === "button")
        .map((component) => ofTemplate(message, body, component, taps));
    case "interactive":
      return ofInteractive(message, body, taps);
    default:
      return [];
  }
}

function ofTemplate(message: ChatMessage, template: Json, component: Json, taps: Taps): HTMLElement {
  const [parameter = {}] = records(component.parameters);
  switch (textOf(component.sub_type).toLowerCase()) {
    case "quick_reply": {
      const words = quickReply(template, component);
      const answer = { type: "button", button: { text: words, payload: textOf(parameter.payload) } };
      return tap(words, () => taps.answer(message, answer));
    }
    case "flow": {
      const { flow_token: token, flow_action_data: data } = recordOf(parameter.action);
      const flow = { name: "", token: tokenOf(token), action: "data_exchange", screen: "", data: recordOf(data) };
      return tap("Open the form", () => taps.openFlow(message, flow));
    }
    default:
      return make("p", "tap-other", {}, `A link that ends in ${textOf(parameter.text) || "nothing of ours"}`);
  }
}

function ofInteractive(message: ChatMessage, body: Json, taps: Taps): HTMLElement[] {
  const action = recordOf(body.action);
  switch (textOf(body.type)) {
    case "button":
      return records(action.buttons).map((each) => replyButton(message, recordOf(each.reply), taps));
    case "list":
      return [tap(textOf(action.button) || "Choose", () => taps.choose(message, action))];
    case "flow": {
      const parameters = recordOf(action.parameters);
      return [tap(textOf(parameters.flow_cta) || "Open", () => taps.openFlow(message, flowOf(parameters)))];
    }
    case "product":
      return [tap("View the product", () => taps.showProducts([textOf(action.product_retailer_id)]))];
    case "product_list":
      return [tap("View the products", () => taps.showProducts(listed(action)))];
    case "catalog_message":
      return [tap("View the catalogue", () => taps.showProducts([]))];
    case "cta_url": {
      const { display_text: words, url } = recordOf(action.parameters);
      return [link(textOf(words) || textOf(url), textOf(url))];
    }
    default:
      return [];
  }
}

function replyButton(message: ChatMessage, reply: Json, taps: Taps): HTMLElement {
  const said = { id: textOf(reply.id), title: textOf(reply.title) };
  const answer = { type: "interactive", interactive: { type: "button_reply", button_reply: said } };
  return tap(said.title, () => taps.answer(message, answer));
}

function flowOf(parameters: Json): FlowButton {
  const payload = recordOf(parameters.flow_action_payload);
  return {
    name: textOf(parameters.flow_name),
    token: tokenOf(parameters.flow_token),
    action: textOf(parameters.flow_action) || "navigate",
    screen: textOf(payload.screen),
    data: typeof payload.data === "string" ? written(payload.data) : recordOf(payload.data),
  };
}

/** Return data that stands in a message as JSON in a text: Meta's pages have it so, and as an object. */
function written(data: string): Json {
  try {
    return recordOf(JSON.parse(data));
  } catch {
    return {};
  }
}

/** Return a flow token; a message without one opens its Flow with this word. */
function tokenOf(token: unknown): string {
  return textOf(token) || "unused";
}

function listed(action: Json): string[] {
  const products = records(action.sections).flatMap((section) => records(section.product_items));
  return products.map((product) => textOf(product.product_retailer_id));
}

function tap(words: string, press: () => void): HTMLElement {
  return button(words, press, "tap");
}

function link(words: string, url: string): HTMLElement {
  if (!/^https?:/i.test(url)) return make("p", "tap-other", {}, words);
  return make("a", "tap", { href: url, target: "_blank", rel: "noopener noreferrer" }, words);
}
