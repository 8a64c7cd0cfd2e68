/** What comes up over a screen: lists to choose from, calendars, questions. */

import { freshId, icon, ICONS, make } from "./dom.ts";

/** Shows one panel at a time over *root*; *changed* is told of its coming and going, before the focus follows. */
export class Layer {
  private panel: HTMLElement | undefined;
  private back: Element | null = null;

  constructor(
    private readonly root: HTMLElement,
    private readonly changed: () => void,
  ) {}

  get isOpen(): boolean {
    return this.panel !== undefined;
  }

  /** Bring up a panel; Escape and its cross close it. */
  open(title: string, ...content: (Node | string)[]): void {
    this.close();
    this.back = document.activeElement;
    const id = freshId();
    const cross = make("button", "flow-round", { type: "button", "aria-label": "Close" }, icon(ICONS.close));
    cross.addEventListener("click", () => this.close());
    const head = make("div", "flow-panel-head", {}, make("h3", "flow-panel-title", { id }, title), cross);
    const said = { role: "dialog", "aria-modal": "true", "aria-labelledby": id };
    const box = make("div", "flow-panel", said, head, ...content);
    this.panel = make("div", "flow-layer", {}, box);
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation(); // it closes the panel, not the Flow beneath
      this.close();
    });
    this.panel.addEventListener("click", (event) => {
      if (event.target === this.panel) this.close();
    });
    this.changed();
    this.root.append(this.panel);
    (box.querySelector<HTMLElement>("[data-first]") ?? cross).focus();
  }

  /** Take the panel away, and go back to what brought it up. */
  close(): void {
    if (this.panel === undefined) return;
    this.panel.remove();
    this.panel = undefined;
    this.changed();
    if (this.back instanceof HTMLElement && this.back.isConnected) this.back.focus();
  }
}
