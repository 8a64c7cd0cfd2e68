/** The Actions log: what the phone asked and was answered, decrypted, the newest first. */

import { button, unseen } from "./elements.ts";
import { make } from "./flow/dom.ts";

/** A call of the phone, or a webhook that it caused. */
export interface Line {
  readonly kind: "call" | "webhook" | "note";
  /** What was done: an action, a message's type. */
  readonly what: string;
  /** From where to where. */
  readonly where: string;
  /** The HTTP status; 0 where nothing answered, null where nobody was asked. */
  readonly status: number | null;
  readonly milliseconds: number;
  readonly notes: readonly string[];
  readonly sent: unknown;
  readonly answered: unknown;
}

/** How many lines are kept, and how many characters of JSON at most; the newest line is, however long. */
const MOST = 200;
const MOST_CHARACTERS = 5_000_000;

/** How much of a text is written out and found by the filter. */
const LONGEST = 200;

const MEANINGS: Readonly<Record<number, string>> = {
  0: "no answer",
  403: "signature refused",
  421: "cannot decrypt",
  427: "token ended",
  432: "signature refused",
  504: "timeout",
};

const KINDS = { call: "Flow call", webhook: "Webhook", note: "Phone" } as const;

/** Shows lines in *list*, says the newest to screen readers by *news*, and *empty* while there are none. */
export class ActionsLog {
  private readonly lines: { element: HTMLElement; words: string; length: number }[] = [];
  private sought = "";

  constructor(
    private readonly list: HTMLElement,
    private readonly empty: HTMLElement,
    private readonly news: HTMLElement,
  ) {}

  /** Add a line. */
  add(line: Line): void {
    const element = shown(line);
    const brought = [line.sent, line.answered];
    const words = `${KINDS[line.kind]} ${summary(line)} ${JSON.stringify(brought, shortened)}`.toLowerCase();
    this.lines.push({ element, words, length: JSON.stringify(brought).length });
    this.list.prepend(element);
    this.forget();
    this.news.textContent = summary(line);
    this.arrange();
  }

  /** Show only lines that have these words anywhere. */
  filter(words: string): void {
    this.sought = words.trim().toLowerCase();
    this.arrange();
  }

  /** Forget all lines. */
  clear(): void {
    this.lines.length = 0;
    this.list.replaceChildren();
    this.news.textContent = "The log is empty";
    this.arrange();
  }

  /** Forget the oldest lines, as many as are too many. */
  private forget(): void {
    let characters = this.lines.reduce((sum, { length }) => sum + length, 0);
    while (this.lines.length > MOST || (characters > MOST_CHARACTERS && this.lines.length > 1)) {
      const oldest = this.lines.shift();
      oldest?.element.remove();
      characters -= oldest?.length ?? 0;
    }
  }

  private arrange(): void {
    let seen = 0;
    for (const { element, words } of this.lines) {
      element.hidden = !words.includes(this.sought);
      seen += element.hidden ? 0 : 1;
    }
    this.empty.hidden = seen > 0;
    this.empty.textContent =
      this.lines.length > 0
        ? "No line has these words."
        : "Nothing yet. Open a Flow or write in the chat: each call and webhook appears here, decrypted.";
  }
}

/** Return a line in words. */
export function summary(line: Line): string {
  const status = line.status === null ? "" : `${line.status}${meaning(line.status)}`;
  return [line.what, line.where, status, ...line.notes].filter((part) => part).join(", ");
}

function meaning(status: number): string {
  const words = MEANINGS[status];
  return words === undefined ? "" : ` ${words}`;
}

function shown(line: Line): HTMLElement {
  const facts = make("span", "log-facts");
  if (line.status !== null) {
    const words = `${line.status}${meaning(line.status)}`;
    facts.append(make("span", `badge ${line.status === 200 ? "done" : "grave"}`, {}, words));
    facts.append(make("span", "log-time", {}, `${line.milliseconds} ms`));
  }
  const what = make("span", "log-what", {}, line.what, unseen(`, ${KINDS[line.kind]}`));
  const summary = make("summary", "", {}, what, facts, make("span", "log-where", {}, line.where));
  if (line.notes.length > 0) {
    summary.append(make("span", "log-notes", {}, ...line.notes.map((note) => make("span", "badge wait", {}, note))));
  }
  const details = make("details", "", {}, summary);
  // The JSON of a screen with images is long: it is written out for those who look.
  details.addEventListener("toggle", () => fill(details, line), { once: true });
  return make("li", `log-line ${line.kind}`, {}, details);
}

function fill(details: HTMLElement, line: Line): void {
  if (line.kind === "note") {
    details.append(block("What it brings", line.sent));
    return;
  }
  details.append(block(line.kind === "call" ? "Request, decrypted" : "Message", line.sent));
  details.append(block(line.kind === "call" ? "Answer, decrypted" : "Answer", line.answered));
}

function block(title: string, content: unknown): HTMLElement {
  const copied = make("span", "soft small", { role: "status" });
  const copy = button("Copy", () => {
    navigator.clipboard.writeText(JSON.stringify(content, null, 2)).then(
      () => (copied.textContent = "Copied"),
      () => (copied.textContent = "The browser does not let me"),
    );
  });
  copy.setAttribute("aria-label", `Copy: ${title}`);
  const json = content === undefined ? "(no body that could be read)" : JSON.stringify(content, shortened, 2);
  return make(
    "div",
    "log-block",
    {},
    make("div", "row apart", {}, make("h3", "", {}, title), make("span", "row", {}, copied, copy)),
    make("pre", "", { tabindex: "0", role: "region", "aria-label": title }, json),
  );
}

/** Shorten texts that nobody reads: images. */
function shortened(_name: string, value: unknown): unknown {
  if (typeof value !== "string" || value.length <= LONGEST) return value;
  return `${value.slice(0, LONGEST)}… (${value.length} characters)`;
}
