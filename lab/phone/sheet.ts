/**
 * What slides over the chat: a Flow, a list to choose from, the shop's products.
 *
 * Rule 1: while it is open the chat behind it cannot be reached, the rest of the page can: the log and the switches are
 *         there to be used then. So it is a dialog, and modal to the phone only.
 * Rule 2: the focus goes into it, and back to where it was.
 * Rule 3: what is taken away hears of it, however that came: nothing that nobody sees goes on.
 */

import { button } from "./elements.ts";
import { make } from "./flow/dom.ts";

interface Shown {
  readonly element: HTMLElement;
  readonly leave: () => void;
  readonly gone: () => void;
  readonly before: Element | null;
}

/** The place for one sheet at a time, in *screen*, over what is *behind*. */
export class Sheet {
  private shown: Shown | null = null;
  private then: (() => void) | null = null;

  constructor(
    private readonly screen: HTMLElement,
    private readonly behind: HTMLElement,
  ) {
    screen.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.shown === null) return;
      this.shown.leave();
    });
    // Whoever is asked whether they want to leave, and answers by whatever does not close the sheet, stays.
    screen.addEventListener("click", () => (this.then = null));
    screen.addEventListener("keydown", (event) => (this.then = event.key === "Escape" ? null : this.then), true);
  }

  /** Whether something is open. */
  get isOpen(): boolean {
    return this.shown !== null;
  }

  /** Open *content* as the dialog *name*; Escape does *leave*, and *gone* is called when it is taken away. */
  open(name: string, content: HTMLElement, leave: () => void, gone: () => void = () => {}): void {
    const before = this.shown?.before ?? document.activeElement;
    this.shown?.element.remove();
    this.shown?.gone();
    this.then = null;
    const element = make("div", "sheet", { role: "dialog", "aria-label": name, tabindex: "-1" }, content);
    this.shown = { element, leave, gone, before };
    this.behind.inert = true;
    this.screen.append(element);
    element.focus({ preventScroll: true });
  }

  /** Leave what is open, which may ask people first, and do *then* once nothing is; if they stay, it is not done. */
  leave(then: () => void): void {
    if (this.shown === null) return then();
    this.then = then;
    this.shown.leave();
  }

  /** Close what is open. */
  close(): void {
    if (this.shown === null) return;
    const { element, gone, before } = this.shown;
    const { then } = this;
    this.shown = this.then = null;
    element.remove();
    gone();
    this.behind.inert = false;
    const back = before instanceof HTMLElement && before.isConnected && before !== document.body ? before : null;
    (back ?? this.behind.querySelector<HTMLElement>("textarea"))?.focus({ preventScroll: true });
    then?.();
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
