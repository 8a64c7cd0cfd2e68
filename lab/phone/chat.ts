/** The chat of one person: what came and went, live, and what they write. */

import type { ActionsLog } from "./actions_log.ts";
import { bubble, gist } from "./bubbles.ts";
import { make } from "./flow/dom.ts";
import { type Json, recordOf, textOf } from "./flow/values.ts";
import * as lab from "./lab_api.ts";
import type { Person } from "./person.ts";
import type { Taps } from "./taps.ts";

/** How long a connection may be away before it is said, in milliseconds: the server ends it every half minute. */
const GRACE = 2000;

/** When to try again after a connection that the browser has given up, in milliseconds. */
const AGAIN = 5000;

/** How far from its end a chat may be scrolled and still follow it, in pixels. */
const NEAR = 80;

/** The parts of the page that a chat fills. */
export interface ChatPlace {
  readonly list: HTMLElement;
  readonly scroller: HTMLElement;
  readonly empty: HTMLElement;
  readonly standing: HTMLElement;
}

/** What a chat asks of the page around it. */
export interface ChatOwner {
  /** Return what taps do. */
  readonly taps: Taps;
  /** Whether somebody looks at the chat who lets others know what they read. */
  reads(): boolean;
  /** Hear that a message of the person's was taken. */
  sent(): void;
}

/** Shows a person's chat. */
export class Chat {
  private readonly messages = new Map<string, { message: lab.ChatMessage; element: HTMLElement }>();
  private person: Person = { number: "", name: "" };
  /** How often a chat was opened: what was begun for an earlier one is of no use any more. */
  private turn = 0;
  private events: EventSource | null = null;
  private away: ReturnType<typeof setTimeout> | undefined;
  private reading: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly place: ChatPlace,
    private readonly owner: ChatOwner,
    private readonly log: ActionsLog,
  ) {}

  /** Show the chat of *person* from now on. */
  async open(person: Person): Promise<void> {
    this.person = person;
    this.turn += 1;
    const { turn } = this;
    this.events?.close();
    this.events = null;
    this.messages.clear();
    this.place.list.replaceChildren();
    this.say("connecting…");
    this.tellEmpty("Loading the chat…");
    this.place.scroller.setAttribute("aria-busy", "true"); // what was said before is no news
    await this.load();
    if (this.turn === turn) this.place.scroller.setAttribute("aria-busy", "false");
  }

  /** Send a message of the person's; the log has it. Return whether it was taken. */
  async send(message: Json): Promise<boolean> {
    const { number, name } = this.person;
    const begun = performance.now();
    let status = 0;
    let answered: unknown;
    try {
      const answer = await lab.said(number, name, message);
      status = answer.status;
      answered = answer;
    } catch (error) {
      if (!(error instanceof lab.LabRefused)) throw error;
      status = error.status;
      answered = error.message;
    }
    this.log.add({
      kind: "webhook",
      what: typeOf(message),
      where: `${name} → the shop`,
      status,
      milliseconds: Math.round(performance.now() - begun),
      notes: [],
      sent: message,
      answered,
    });
    this.owner.sent();
    return status === 200;
  }

  /** Return what a message of that id says, in a few words; "" if there is none. */
  quoted(id: string): string {
    const kept = this.messages.get(id);
    return kept === undefined ? "" : gist(kept.message);
  }

  /** Let the shop know what was read, if there is anything new and the person lets it. */
  read(): void {
    clearTimeout(this.reading);
    this.reading = setTimeout(() => {
      const unread = [...this.messages.values()].some(({ message }) => isUnread(message));
      // What fails is tried again with the next message.
      if (unread && this.owner.reads()) lab.markRead(this.person.number).catch(() => undefined);
    }, 300);
  }

  private async load(): Promise<void> {
    const { turn } = this;
    try {
      const messages = await lab.chat(this.person.number);
      if (this.turn !== turn) return;
      for (const message of messages) this.take(message);
      this.tellEmpty("No message yet. Write one, or send a Flow from the server.");
      this.listen();
    } catch (error) {
      if (this.turn !== turn) return;
      this.say("offline");
      this.tellEmpty(error instanceof Error ? error.message : "The chat cannot be loaded.");
      setTimeout(() => {
        if (this.turn === turn) void this.load();
      }, AGAIN);
    }
  }

  private listen(): void {
    this.events?.close();
    const events = lab.chatEvents(this.person.number);
    this.events = events;
    events.addEventListener("open", () => {
      clearTimeout(this.away);
      this.say("live");
    });
    events.addEventListener("chat", (event) => this.take(JSON.parse(String(event.data)) as lab.ChatMessage));
    events.addEventListener("error", () => {
      clearTimeout(this.away);
      this.away = setTimeout(() => {
        if (this.events !== events) return;
        this.say("offline, trying again…");
        if (events.readyState !== EventSource.CLOSED) return;
        this.events = null;
        void this.load();
      }, events.readyState === EventSource.CLOSED ? AGAIN : GRACE);
    });
  }

  /** Show a message, in place of what was shown of it before. */
  private take(message: lab.ChatMessage): void {
    const follows = this.isNearEnd();
    const before = this.messages.get(message.id);
    let element = bubble(message, this.owner.taps);
    if (before === undefined) this.insert(message, element);
    else element = renewed(before.element, element);
    this.messages.set(message.id, { message, element });
    this.place.empty.hidden = true;
    if (follows) this.place.scroller.scrollTop = this.place.scroller.scrollHeight;
    this.read();
  }

  private insert(message: lab.ChatMessage, element: HTMLElement): void {
    const later = [...this.messages.values()].filter((kept) => kept.message.at > message.at);
    const elements = new Set<Element>(later.map((kept) => kept.element));
    const next = [...this.place.list.children].find((child) => elements.has(child));
    this.place.list.insertBefore(element, next ?? null);
  }

  private isNearEnd(): boolean {
    const { scrollHeight, scrollTop, clientHeight } = this.place.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  private say(words: string): void {
    this.place.standing.textContent = words;
  }

  private tellEmpty(words: string): void {
    this.place.empty.replaceChildren(make("p", "", {}, words));
    this.place.empty.hidden = this.messages.size > 0;
  }
}

/** Let what is shown be as *after*, and return it; where only its standing is new, the rest stays as it is used. */
function renewed(before: HTMLElement, after: HTMLElement): HTMLElement {
  const [old, now] = [before.querySelector(".foot"), after.querySelector(".foot")];
  if (old === null || now === null || after.classList.contains("failed")) {
    before.replaceWith(after);
    return after;
  }
  old.replaceWith(now);
  before.className = after.className;
  return before;
}

function isUnread({ from, status }: lab.ChatMessage): boolean {
  return from === "us" && status !== "read" && status !== "failed";
}

/** Return what kind of message it is, as the webhook names it. */
function typeOf(message: Json): string {
  const type = textOf(message.type);
  return [type, textOf(recordOf(message[type]).type)].filter((word) => word).join(" ");
}
