/**
 * A Flow as a sheet: bar with title, back and close, the screen, its Footer, and what is told meanwhile.
 *
 * Rule 1: what is typed is never lost to a redrawing: a screen is built once, and follows from then on.
 */

import { build, isKnown } from "./components/index.ts";
import type { Part, Sheet } from "./components/part.ts";
import { type Component, everyComponent, type FlowDocument, readFlow } from "./document.ts";
import { icon, ICONS, make, say, setAttribute } from "./dom.ts";
import type { FlowHost, FlowStart } from "./host.ts";
import { Layer } from "./layer.ts";
import { type Listener, Runtime, type Shown } from "./runtime.ts";
import { isEmpty, type Json } from "./values.ts";

const SNACK_MILLISECONDS = 8000;

/** The level of the bar's title among headings. */
const TITLE_LEVEL = 2;

/** Why a Flow was closed by the person. */
export const LEFT = "left";

/**
 * A Flow shown in an element.
 *
 * Dispatches a `screen` event (detail: `{screen, data}`) whenever a screen is shown or gets other data.
 */
export class FlowView extends EventTarget {
  private readonly arrow = make("button", "flow-round", { type: "button", "aria-label": "Back" }, icon(ICONS.back));
  private readonly cross = make("button", "flow-round", { type: "button", "aria-label": "Close" }, icon(ICONS.close));
  private readonly title = make("h2", "flow-bar-title", { tabindex: "-1" });
  private readonly progress = make("div", "flow-progress", { role: "status" });
  private readonly body = make("div", "flow-body", { tabindex: "0", role: "group", "aria-label": "Screen" });
  private readonly foot = make("div", "flow-foot");
  private readonly snack = make("div", "flow-snack", { role: "alert", hidden: true });
  private readonly main = make("div", "flow-main", {}, this.body, this.foot, this.snack);
  private readonly bar = make("header", "flow-bar", {}, this.arrow, this.title, this.cross);
  private readonly sheet = make("section", "flow", { "aria-label": "Form" }, this.bar, this.progress, this.main);
  private readonly layer = new Layer(this.sheet, () => this.guard());
  private readonly scrolled = new WeakMap<Shown, number>();
  private readonly runtime: Runtime;
  private parts: Part[] = [];
  private partOf = new Map<Component, Part>();
  private current: Shown | undefined;
  private isBusy = false;
  /** Whether the Flow has ended, and whether the host knows. */
  private isOver = false;
  private isGone = false;
  private reason = LEFT;
  private focused: Element | null = null;
  private timer: number | undefined;
  /** The types of components, anywhere in the document, that the phone does not know. */
  readonly unknown: readonly string[];

  constructor(
    root: HTMLElement,
    document: FlowDocument,
    private readonly host: FlowHost,
    options: { flowToken: string },
  ) {
    super();
    const flow = readFlow(document);
    const components = [...flow.screens.values()].flatMap(({ children }) => [...everyComponent(children)]);
    this.unknown = [...new Set(components.map(({ type }) => type).filter((type) => !isKnown(type)))];
    this.runtime = new Runtime(flow, host, options.flowToken, this.listener());
    this.arrow.addEventListener("click", () => void this.back());
    this.cross.addEventListener("click", () => this.close());
    this.body.addEventListener("scroll", () => {
      if (this.current !== undefined) this.scrolled.set(this.current, this.body.scrollTop);
    });
    root.replaceChildren(this.sheet);
    this.frame();
  }

  /** The id of the screen that is seen, empty while there is none. */
  get screen(): string {
    return this.runtime.top?.screen.id ?? "";
  }

  /** Open the Flow. */
  async open(start: FlowStart): Promise<void> {
    await this.runtime.open(start);
  }

  /** Go a screen back; from the first one that closes the Flow. */
  async back(): Promise<void> {
    if (this.runtime.stack.length > 1) await this.runtime.back();
    else this.close();
  }

  /** Close the Flow, after a question if something was put in that would be lost. */
  close(): void {
    const isFilled = this.runtime.stack.some(({ form }) => Object.values(form).some((value) => !isEmpty(value)));
    if (this.isOver || !isFilled) return this.leave();
    const stay = make("button", "flow-button is-quiet", { type: "button" }, "Stay");
    const leave = make("button", "flow-button", { type: "button" }, "Leave");
    stay.dataset.first = "";
    stay.addEventListener("click", () => this.layer.close());
    leave.addEventListener("click", () => {
      this.layer.close();
      this.leave();
    });
    const words = make("p", "flow-question", {}, "What you have put in will not be kept.");
    this.layer.open("Leave this form?", words, make("div", "flow-answers", {}, stay, leave));
  }

  /** Let nothing happen any more, now that the Flow is no longer shown; the host hears nothing of it. */
  abandon(): void {
    this.isOver = this.isGone = true;
    this.runtime.end();
    clearTimeout(this.timer);
  }

  private leave(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.runtime.end();
    this.host.closed(this.reason);
  }

  private listener(): Listener {
    return {
      arrived: () => this.arrive(),
      changed: () => this.update(),
      busy: (isBusy) => this.setBusy(isBusy),
      told: (message) => this.tell(message),
      failed: (retry) => this.fail(retry),
      completed: (params) => this.complete(params),
      closed: (message) => this.end(message),
    };
  }

  private sheetOf(): Sheet {
    const view = this;
    return {
      runtime: this.runtime,
      layer: this.layer,
      foot: this.foot,
      get isBusy() {
        return view.isBusy;
      },
      build: (components) => components.map((component) => this.track(component, build(this.sheetOf(), component))),
      press: (action, form) => void this.runtime.press(action, form),
      submit: (action) => void this.submit(action),
      openUrl: (url) => this.host.openUrl(url),
    };
  }

  private track(component: Component, part: Part): Part {
    this.partOf.set(component, part);
    return part;
  }

  private async submit(action: unknown): Promise<void> {
    const wrong = await this.runtime.submit(action);
    if (wrong === undefined) return;
    const part = this.partOf.get(wrong);
    part?.node.scrollIntoView({ block: "center" });
    part?.focus?.();
  }

  private arrive(): void {
    const top = this.runtime.top;
    if (top === undefined) return;
    this.quieten();
    if (top !== this.current) this.show(top);
    this.frame();
    this.update();
    this.body.scrollTop = this.scrolled.get(top) ?? 0;
    this.dispatchEvent(new CustomEvent("screen", { detail: { screen: top.screen.id, data: top.data } }));
  }

  private show(top: Shown): void {
    this.layer.close();
    this.current = top;
    this.foot.replaceChildren();
    this.partOf = new Map();
    this.parts = this.sheetOf().build(top.screen.children);
    this.body.replaceChildren(make("div", "flow-screen", {}, ...this.parts.map(({ node }) => node)));
    this.foot.append(make("p", "flow-managed", {}, "Managed by the business"));
    this.focused = null;
    this.title.focus({ preventScroll: true });
  }

  private update(): void {
    for (const part of this.parts) part.update();
    this.level();
  }

  /** Let no heading skip a level: a screen may have a subheading and no heading before it. */
  private level(): void {
    let before = TITLE_LEVEL;
    for (const heading of this.body.querySelectorAll("h3, h4")) {
      if (heading.closest("[hidden]") !== null) continue;
      const own = Number(heading.localName.slice(1));
      before = Math.min(own, before + 1);
      setAttribute(heading, "aria-level", before < own ? String(before) : undefined);
    }
  }

  /** Bring the bar up to date. */
  private frame(): void {
    const { stack, top } = this.runtime;
    this.title.textContent = top === undefined ? "" : this.runtime.text(top.screen.title) || top.screen.id;
    this.arrow.hidden = stack.length < 2;
    setAttribute(this.sheet, "data-screen", top?.screen.id);
    setAttribute(this.sheet, "aria-label", this.title.textContent || "Form");
  }

  private setBusy(isBusy: boolean): void {
    this.isBusy = isBusy;
    if (isBusy) {
      this.focused = document.activeElement;
      this.quieten();
    }
    this.sheet.classList.toggle("is-busy", isBusy);
    this.progress.textContent = isBusy ? "Loading…" : "";
    this.guard();
    if (isBusy && this.runtime.top === undefined) {
      this.body.replaceChildren(make("div", "flow-spinner", { "aria-hidden": "true" }));
    }
    this.update();
    if (isBusy || this.layer.isOpen) return; // whoever is asked something is not taken away from it
    if (this.focused instanceof HTMLElement && this.sheet.contains(this.focused)) this.focused.focus();
  }

  /** Let nothing be reached that cannot be used now: under a panel, or while a call is under way. */
  private guard(): void {
    this.bar.inert = this.layer.isOpen;
    this.main.inert = this.isBusy || this.layer.isOpen;
  }

  private tell(message: string, ...more: HTMLElement[]): void {
    if (this.runtime.top === undefined) return this.notice(ICONS.warning, message, ...more);
    this.snack.replaceChildren(make("span", "flow-snack-words", {}, message), ...more);
    this.snack.hidden = false;
    clearTimeout(this.timer);
    if (more.length === 0) this.timer = setTimeout(() => this.quieten(), SNACK_MILLISECONDS);
  }

  private quieten(): void {
    clearTimeout(this.timer);
    this.snack.hidden = true;
    this.snack.replaceChildren();
  }

  private fail(retry: () => Promise<void>): void {
    const again = make("button", "flow-again", { type: "button" }, "Try again");
    again.addEventListener("click", () => void retry());
    this.tell("Something went wrong.", again);
  }

  private end(message: string): void {
    const button = make("button", "flow-button", { type: "button" }, "OK");
    button.addEventListener("click", () => this.leave());
    this.notice(ICONS.warning, message, button);
    this.isOver = true;
    this.reason = message;
    button.focus();
  }

  private complete(params: Json): void {
    this.notice(ICONS.check, "Sent. Thank you.");
    this.isOver = this.isGone = true;
    this.host.completed(params);
  }

  /** Show nothing but a message, with what can be done about it. */
  private notice(path: string, message: string, ...more: HTMLElement[]): void {
    const words = make("p", "flow-notice-words", { role: "status" });
    this.layer.close();
    this.quieten();
    this.parts = [];
    this.current = undefined;
    this.foot.replaceChildren();
    this.arrow.hidden = true;
    this.body.replaceChildren(make("div", "flow-notice", {}, icon(path), words, ...more));
    say(words, message);
  }
}
