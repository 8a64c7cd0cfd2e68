/** The elements that this page has, and the few kinds that it makes again and again. */

import { make } from "./flow/dom.ts";

/** Return the page's element of that id; throws if it is not there or is something else. */
export function found<Kind extends Element>(id: string, kind: abstract new () => Kind): Kind {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} ${id}`);
  return element;
}

/** Return a button that does *press*. */
export function button(words: string, press: () => void, classes = "quiet"): HTMLButtonElement {
  const made = make("button", classes, { type: "button" }, words);
  made.addEventListener("click", press);
  return made;
}

/** Return words that only screen readers say. */
export function unseen(words: string): HTMLElement {
  return make("span", "unseen", {}, words);
}
