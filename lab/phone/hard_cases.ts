/** What goes wrong between a phone and an endpoint, to be switched on. */

import { make } from "./flow/dom.ts";

export type HardCase = "double_tap" | "stale_key" | "missing_token" | "ended_token" | "unsigned";

/** What is switched on. *seconds* is how long an answer takes to the phone, 0 for no longer than it takes. */
export interface Trouble {
  readonly on: ReadonlySet<HardCase>;
  readonly seconds: number;
}

const CASES: readonly { readonly id: HardCase; readonly title: string; readonly words: string }[] = [
  {
    id: "double_tap",
    title: "Double tap",
    words: "Every call goes out twice at once: the session must move one step, not two.",
  },
  {
    id: "stale_key",
    title: "Stale key",
    words: "The phone seals for an old key; the server says 421, the phone fetches the key and asks once more.",
  },
  {
    id: "missing_token",
    title: "Missing token",
    words: "The calls have no flow_token, as from some iPhones; the server says 427 and the form closes.",
  },
  {
    id: "ended_token",
    title: "Ended token",
    words: "The calls have the token of a form that has ended; the server says 427.",
  },
  {
    id: "unsigned",
    title: "No signature",
    words: "The calls do not come from Meta: without its signature the server says 432 and reads nothing.",
  },
];

const WAITS: readonly (readonly [number, string])[] = [
  [0, "As it is"],
  [2, "2 seconds"],
  [5, "5 seconds"],
  [12, "12 seconds: too late"],
];

/** The switches, in *root*; *changed* hears how many are on. */
export class HardCases {
  private readonly ticks = new Map<HardCase, HTMLInputElement>();
  private readonly wait: HTMLSelectElement;

  constructor(
    root: HTMLElement,
    private readonly changed: (count: number) => void,
  ) {
    for (const { id, title, words } of CASES) {
      const tick = make("input", "", { type: "checkbox", id: `case-${id}`, "aria-describedby": `about-${id}` });
      this.ticks.set(id, tick);
      const label = make("label", "tick", { for: tick.id }, tick, make("span", "", {}, title));
      root.append(make("div", "case", {}, label, make("p", "soft small", { id: `about-${id}` }, words)));
    }
    const options = WAITS.map(([seconds, words]) => make("option", "", { value: String(seconds) }, words));
    this.wait = make("select", "", { id: "case-slow", "aria-describedby": "about-slow" }, ...options);
    const about = "How long an answer takes. WhatsApp waits ten seconds; then it is lost, and the customer may retry.";
    root.append(
      make(
        "div",
        "case",
        {},
        make("label", "", { for: "case-slow" }, "Slow network"),
        this.wait,
        make("p", "soft small", { id: "about-slow" }, about),
      ),
    );
    root.addEventListener("change", () => this.tell());
  }

  /** Return what is switched on now. */
  get now(): Trouble {
    const on = [...this.ticks].filter(([, tick]) => tick.checked).map(([id]) => id);
    return { on: new Set(on), seconds: Number(this.wait.value) };
  }

  /** Switch everything off. */
  reset(): void {
    for (const tick of this.ticks.values()) tick.checked = false;
    this.wait.value = "0";
    this.tell();
  }

  private tell(): void {
    const { on, seconds } = this.now;
    this.changed(on.size + (seconds > 0 ? 1 : 0));
  }
}
