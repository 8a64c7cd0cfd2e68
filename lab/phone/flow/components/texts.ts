/** Texts: TextHeading, TextSubheading, TextBody, TextCaption, RichText. Source: Meta, "Components". */

import { make } from "../dom.ts";
import { shown } from "../expressions.ts";
import { cut } from "../values.ts";
import type { Component } from "../document.ts";
import { blocks } from "./markdown.ts";
import type { Part, Sheet } from "./part.ts";

const PLAIN_LIMIT = 80;
const LONG_LIMIT = 4096;

/** Build a heading. */
export function heading(sheet: Sheet, component: Component): Part {
  return plain(sheet, component, make("h3", "flow-heading"));
}

/** Build a heading of the second level. */
export function subheading(sheet: Sheet, component: Component): Part {
  return plain(sheet, component, make("h4", "flow-subheading"));
}

function plain(sheet: Sheet, component: Component, node: HTMLElement): Part {
  const update = (): void => {
    const text = cut(sheet.runtime.text(component.said.text), PLAIN_LIMIT);
    if (node.textContent !== text) node.textContent = text;
  };
  return { node, update };
}

/** Build a TextBody or a TextCaption. */
export function body(sheet: Sheet, component: Component): Part {
  const node = make("div", component.type === "TextCaption" ? "flow-text flow-caption" : "flow-text");
  let last = "";
  const update = (): void => {
    const { runtime } = sheet;
    const weight = runtime.text(component.said["font-weight"]);
    node.classList.toggle("is-bold", weight.includes("bold"));
    node.classList.toggle("is-italic", weight.includes("italic"));
    node.classList.toggle("is-struck", runtime.read(component.said.strikethrough) === true);
    const text = cut(lines(sheet, component), LONG_LIMIT);
    const isMarked = component.said.markdown === true;
    if (text === last) return;
    last = text;
    if (isMarked) node.replaceChildren(...blocks(text, { isRich: false, onLink: (url) => sheet.openUrl(url) }));
    else node.replaceChildren(make("p", "flow-body-text", {}, text));
  };
  return { node, update };
}

/** Build a RichText. */
export function rich(sheet: Sheet, component: Component): Part {
  const node = make("div", "flow-text flow-rich");
  let last = "";
  const update = (): void => {
    const text = lines(sheet, component);
    if (text === last) return;
    last = text;
    node.replaceChildren(...blocks(text, { isRich: true, onLink: (url) => sheet.openUrl(url) }));
  };
  return { node, update };
}

/** Return a text that may be written as a list of lines. */
function lines(sheet: Sheet, component: Component): string {
  const text = sheet.runtime.read(component.said.text);
  return Array.isArray(text) ? text.map(shown).join("\n") : shown(text);
}
