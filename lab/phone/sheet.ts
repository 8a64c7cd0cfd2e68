/**
 * What slides over the chat: a Flow, a list to choose from, the shop's products.
 *
 * Rule 1: while it is open the chat behind it cannot be reached, the rest of the page can: the log and the switches are
 *         there to be used then. So it is a dialog, and modal to the phone only.
 * Rule 2: the focus goes into it, and back to where it was.
 */

import { button } from "./elements.ts";
import { make } from "./flow/dom.ts";

/** The place for one sheet at a time, in *screen*, over what is *behind*. */
export class Sheet {
  private shown: { element: HTMLElement; leave: () => void; before: Element | null } | null = null;

  constructor(
    private readonly screen: HTMLElement,
    private readonly behind: HTMLElement,
  ) {
    screen.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.shown === null) return;
      this.shown.leave();
    });
  }

  /** Open *content* as the dialog *name*; Escape does *leave*. */
  open(name: string, content: HTMLElement, leave: () => void): void {
    const before = this.shown?.before ?? document.activeElement;
    this.shown?.element.remove();
    const element = make("div", "sheet", { role: "dialog", "aria-label": name, tabindex: "-1" }, content);
    this.shown = { element, leave, before };
    this.behind.inert = true;
    this.screen.append(element);
    element.focus({ preventScroll: true });
  }

  /** Close what is open. */
  close(): void {
    if (this.shown === null) return;
    const { element, before } = this.shown;
    this.shown = null;
    element.remove();
    this.behind.inert = false;
    const back = before instanceof HTMLElement && before.isConnected && before !== document.body ? before : null;
    (back ?? this.behind.querySelector<HTMLElement>("textarea"))?.focus({ preventScroll: true });
  }
}

/** Return the content of a sheet with a title, and a button that does *leave*. */
export function titled(title: string, leave: () => void, ...parts: readonly Node[]): HTMLElement {
  const close = button("Close", leave);
  return make(
    "div",
    "panel",
    {},
    make("div", "panel-head", {}, make("h3", "", {}, title), close),
    make("div", "panel-body", {}, ...parts),
  );
}
