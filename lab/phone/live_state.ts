/** The state of the session on the phone, as the server has it: its name, what may come next, its picture. */

import { make } from "./flow/dom.ts";
import * as lab from "./lab_api.ts";

/** When to look again after a message: what a webhook does may go on after it was answered. In milliseconds. */
const LOOKS = [0, 300, 1000, 3000];

const SVG = "http://www.w3.org/2000/svg";
const FORBIDDEN: ReadonlySet<string> = new Set(["script", "foreignObject", "style", "image", "use", "animate", "set"]);

const NOT_FOUND = 404;

/** Shows one session: where it is in *said*, which tells screen readers whenever that is news, the rest in *more*. */
export class LiveState {
  private watched: { definition: string; key: string } | null = null;
  private shown = "";
  private readonly state = make("strong", "badge live");
  private readonly events = make("p", "soft small");
  private readonly large = make("a", "", { target: "_blank", rel: "noopener" }, "The picture alone");
  private readonly console = make("a", "", { target: "_blank", rel: "noopener" }, "This session in the console");
  private readonly frame: HTMLElement;

  constructor(
    private readonly said: HTMLElement,
    private readonly more: HTMLElement,
    private readonly server: string,
  ) {
    this.frame = make("div", "scroll state-frame", { tabindex: "0", role: "region", "aria-label": "Diagram" });
  }

  /** Show a session from now on. */
  watch(definition: string, key: string): void {
    this.watched = { definition, key };
    this.shown = "";
    this.console.href = `${this.server}/admin/sessions/${encodeURIComponent(definition)}/${encodeURIComponent(key)}`;
    this.large.href = lab.diagramAddress(definition, key);
    this.empty("Waiting for the first call…");
  }

  /** Show no session, and say why. */
  none(words: string): void {
    this.watched = null;
    this.empty(words);
  }

  /** Look at the session now. */
  async look(): Promise<void> {
    const watched = this.watched;
    if (watched === null) return;
    try {
      const seen = await lab.session(watched.definition, watched.key);
      const mark = `${watched.definition}/${watched.key}/${seen.revision}/${seen.state}`;
      if (mark === this.shown || this.watched !== watched) return;
      this.shown = mark;
      this.tell(seen);
      const svg = await lab.diagram(watched.definition, watched.key).catch(() => "");
      if (this.shown === mark) this.draw(svg);
    } catch (error) {
      if (this.watched !== watched) return;
      this.shown = ""; // the next look that succeeds tells everything anew
      this.empty(refusal(error));
    }
  }

  /** Look a few times, until what a message did must be done. */
  async follow(): Promise<void> {
    for (const wait of LOOKS) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      await this.look();
    }
  }

  /** Say where the session is; what was drawn of it stays until it is drawn anew. */
  private tell(seen: lab.SessionSeen): void {
    this.state.textContent = seen.state;
    const next = seen.allowed_events;
    this.state.className = `badge ${next.length > 0 ? "live" : "done"}`;
    const events = `Can take: ${next.join(", ")}`;
    this.events.textContent = next.length > 0 ? events : "Nothing more can happen: it has ended.";
    if (this.frame.isConnected) return;
    this.frame.replaceChildren("Drawing…");
    this.said.className = "";
    this.said.replaceChildren("The session is in ", this.state);
    this.more.replaceChildren(this.events, this.frame, make("p", "row small", {}, this.console, this.large));
  }

  private draw(svg: string): void {
    const picture = pictureOf(svg);
    this.frame.replaceChildren(picture ?? "There is no picture of it.");
    this.large.hidden = picture === null;
    this.turnToCurrent();
  }

  /** Scroll the picture, and nothing else, to where the session is. */
  turnToCurrent(): void {
    const current = this.frame.querySelector(".current")?.getBoundingClientRect();
    if (current === undefined) return;
    const frame = this.frame.getBoundingClientRect();
    this.frame.scrollTop += current.top + current.height / 2 - (frame.top + frame.height / 2);
    this.frame.scrollLeft += current.left + current.width / 2 - (frame.left + frame.width / 2);
  }

  private empty(words: string): void {
    this.said.className = "empty";
    this.said.textContent = words;
    this.more.replaceChildren();
  }
}

/** Return a picture that can run nothing and load nothing, null if it is none such. */
function pictureOf(svg: string): Element | null {
  const drawn = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  const all = [drawn, ...drawn.querySelectorAll("*")];
  const isPlain = all.every((element) => {
    if (FORBIDDEN.has(element.localName) || element.namespaceURI !== SVG) return false;
    return element.getAttributeNames().every((name) => !/^on|href$|^style$/i.test(name));
  });
  return isPlain && drawn.localName === "svg" ? document.importNode(drawn, true) : null;
}

function refusal(error: unknown): string {
  if (error instanceof lab.LabRefused && error.status === NOT_FOUND) {
    return "The server has no such session yet: it begins with the first call.";
  }
  return error instanceof Error ? error.message : "The session cannot be read.";
}
