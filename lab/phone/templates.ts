/**
 * What templates say: those that the lab's stand-in for Graph lists (lab/templates.json).
 *
 * A message has only a template's name and parameters, so one that is not listed here is shown by those.
 */

import approved from "../templates.json" with { type: "json" };
import { make } from "./flow/dom.ts";
import { type Json, recordOf, records, textOf } from "./flow/values.ts";
import { written } from "./written.ts";

/** A template's words; {{1}} is the first parameter of its body. *buttons* are what its buttons say. */
interface Wording {
  readonly body: string;
  readonly buttons: readonly string[];
}

const WORDINGS: ReadonlyMap<string, Wording> = new Map(
  approved.map(({ name, components }) => [
    name,
    {
      body: components.find(({ type }) => type === "BODY")?.text ?? "",
      buttons: components.flatMap(({ buttons = [] }) => buttons.map(({ text }) => text)),
    },
  ]),
);

const PLACE = /\{\{(\d+)\}\}/g;

/** Return a template as a phone shows it; *body* is what a message has under `template`. */
export function templateParts(body: Json): HTMLElement[] {
  const name = textOf(body.name);
  const language = textOf(recordOf(body.language).code);
  const title = ["Template", name, language && `· ${language}`].filter((word) => word).join(" ");
  const parts: HTMLElement[] = [make("p", "template-name small", {}, title)];
  for (const component of records(body.components)) {
    const values = records(component.parameters).map(parameterWords);
    if (component.type === "header") parts.push(make("p", "message-head", {}, values.join(" ")));
    if (component.type === "body") parts.push(said(WORDINGS.get(name)?.body ?? "", values));
  }
  return parts;
}

/** Return what a quick reply of a template says, its payload where that is not known here. */
export function quickReply(template: Json, button: Json): string {
  const [parameter = {}] = records(button.parameters);
  const wording = WORDINGS.get(textOf(template.name));
  return wording?.buttons[Number(button.index)] ?? textOf(parameter.payload);
}

/** Return the words with the *values* in their places; where the two do not fit, the values alone. */
function said(words: string, values: readonly string[]): HTMLElement {
  const places = new Set([...words.matchAll(PLACE)].map(([, number]) => Number(number)));
  if (places.size === values.length && values.every((_, index) => places.has(index + 1))) {
    const filled = words.replace(PLACE, (_, number: string) => values[Number(number) - 1] ?? "");
    return make("p", "said", {}, ...written(filled));
  }
  return make("ol", "parameters", {}, ...values.map((value) => make("li", "", {}, ...written(value))));
}

function parameterWords(parameter: Json): string {
  const type = textOf(parameter.type);
  const inner = recordOf(parameter[type]);
  return textOf(parameter.text) || textOf(inner.fallback_value) || textOf(inner.link) || type;
}
