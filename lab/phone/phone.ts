/**
 * The lab's phone: a chat and Flows as a customer has them, with what goes over the wire beside it.
 *
 * Joins the parts of the page (lab/pages/phone.html); each part is a module of its own.
 */

import { ActionsLog } from "./actions_log.ts";
import { catalogue, productsOf } from "./catalogue.ts";
import type { Channel } from "./channel.ts";
import { Chat } from "./chat.ts";
import { button, found } from "./elements.ts";
import { make } from "./flow/dom.ts";
import { isRecord, type Json, records, textOf } from "./flow/values.ts";
import { HardCases } from "./hard_cases.ts";
import * as lab from "./lab_api.ts";
import { LiveState } from "./live_state.ts";
import { openFlow, previewFlow, type FlowSurroundings, type Opening } from "./opened_flow.ts";
import { digits, PEOPLE, personOf, type Person } from "./person.ts";
import { Sheet, titled } from "./sheet.ts";
import type { FlowButton, Taps } from "./taps.ts";

const ANOTHER = "another";
const SESSION_GONE = 404;
const BUSY = "One moment: what was asked for before this is still under way.";

/** The page. */
class PhonePage {
  private person: Person = PEOPLE[0]!;
  private listed: readonly lab.FlowListed[] = [];
  private channel: Channel | null = null;
  private isWorking = false;

  private readonly log = new ActionsLog(
    found("log", HTMLElement),
    found("log-empty", HTMLElement),
    found("log-news", HTMLElement),
  );
  private readonly sheet = new Sheet(found("screen", HTMLElement), found("chat", HTMLElement));
  private readonly state = new LiveState(
    found("state-said", HTMLElement),
    found("state-more", HTMLElement),
    serverAddress(),
  );
  private readonly cases = new HardCases(found("cases", HTMLElement), (count) => this.tellTrouble(count));
  private readonly replay = found("replay", HTMLButtonElement);
  private readonly flows = found("flow", HTMLSelectElement);
  private readonly people = found("person", HTMLSelectElement);
  private readonly receipts = found("receipts", HTMLInputElement);

  private readonly taps: Taps = {
    answer: (message, reply) => void this.chat.send({ ...reply, context: { id: message.id } }),
    openFlow: (message, flow) => void this.tried(() => this.openTapped(message, flow)),
    choose: (message, list) => this.choose(message, list),
    showProducts: (wanted) => void this.tried(() => this.showProducts(wanted)),
    quoted: (id) => this.chat.quoted(id),
  };

  private readonly chat = new Chat(
    {
      list: found("messages", HTMLElement),
      scroller: found("scroller", HTMLElement),
      empty: found("chat-empty", HTMLElement),
      standing: found("standing", HTMLElement),
    },
    {
      taps: this.taps,
      reads: () => this.receipts.checked && isSeen(found("messages", HTMLElement)),
      sent: () => void this.state.follow(),
    },
    this.log,
  );

  private readonly around: FlowSurroundings = {
    sheet: this.sheet,
    log: this.log,
    cases: this.cases,
    state: this.state,
    send: (message) => this.chat.send(message),
    called: (channel) => {
      this.channel = channel;
      this.replay.disabled = false;
    },
  };

  /** Fill the page, and open what its address asks for. */
  async begin(): Promise<void> {
    this.wireParts();
    this.wirePerson();
    this.wireFlows();
    this.wireOwn();
    this.wireChat();
    this.wireBeside();
    const query = new URLSearchParams(location.search);
    const number = digits(query.get("person") ?? "");
    this.hold(number ? personOf(number) : this.person);
    await this.tried(async () => {
      await this.listFlows();
      const flow = query.get("flow");
      if (flow !== null) await this.openChosen(flow, query.get("token") ?? "");
    });
  }

  // Who holds the phone

  private wirePerson(): void {
    this.people.addEventListener("change", () => {
      const isAnother = this.people.value === ANOTHER;
      found("another", HTMLElement).hidden = !isAnother;
      if (isAnother) found("number", HTMLInputElement).focus();
      else this.handOver(personOf(this.people.value));
    });
    found("person-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const number = digits(found("number", HTMLInputElement).value);
      this.fault(number ? "" : "A phone number has 8 to 15 digits, its country's first.");
      const name = found("name", HTMLInputElement).value.trim() || personOf(number).name;
      if (number) this.handOver({ number, name });
    });
    this.receipts.addEventListener("change", () => this.chat.read());
    document.addEventListener("visibilitychange", () => this.chat.read());
  }

  /** Let somebody else have the phone, once what is open on it has been left; the page's address keeps who it is. */
  private handOver(person: Person): void {
    this.people.value = this.person.number; // they have it until then
    found("another", HTMLElement).hidden = true;
    this.whenLeft(() => {
      const address = new URL(location.href);
      address.searchParams.set("person", person.number);
      history.replaceState(null, "", address);
      this.hold(person);
    });
  }

  private hold(person: Person): void {
    this.person = person;
    const known = PEOPLE.some(({ number }) => number === person.number) ? PEOPLE : [...PEOPLE, person];
    const options = known.map(({ number, name }) => make("option", "", { value: number }, `${name}, +${number}`));
    this.people.replaceChildren(...options, make("option", "", { value: ANOTHER }, "Somebody else…"));
    this.people.value = person.number;
    found("words", HTMLTextAreaElement).value = "";
    void this.chat.open(person);
  }

  // Flows

  private wireFlows(): void {
    found("flow-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const [name, token] = [this.flows.value, found("token", HTMLInputElement).value.trim()];
      this.whenLeft(() => void this.tried(() => this.openChosen(name, token)));
    });
  }

  private async listFlows(): Promise<void> {
    this.listed = await lab.flows();
    const options = this.listed.map(({ name, title }) => make("option", "", { value: name }, title || name));
    this.flows.replaceChildren(...options);
    const first = this.listed.find(({ about }) => about === "") ?? this.listed[0]; // one that opens as it is
    this.flows.value = first?.name ?? "";
    found("open-flow", HTMLButtonElement).disabled = options.length === 0;
    if (options.length === 0) this.fault("The server has no Flow yet.");
  }

  /** Open a Flow without a message, for a session that is opened now if there is no *token*. */
  private async openChosen(name: string, token: string): Promise<void> {
    const { person } = this;
    this.flows.value = name;
    const source = await lab.flow(name);
    const opening = {
      token: token || (await lab.minted(name, person.number)),
      action: source.endpoint ? "data_exchange" : "navigate",
    };
    if (this.person === person) this.open(source, opening);
  }

  private async openTapped(message: lab.ChatMessage, flow: FlowButton): Promise<void> {
    const { person } = this;
    const name = this.listed.some((each) => each.name === flow.name) ? flow.name : await this.flowOf(flow.token);
    const source = await lab.flow(name);
    const { token, action, screen, data } = flow;
    if (this.person === person) this.open(source, { token, action, screen, data, messageId: message.id });
  }

  /** Return the Flow that a token is of: a message may have only Meta's number of it. */
  private async flowOf(token: string): Promise<string> {
    for (const { name } of this.listed) {
      try {
        await lab.session(name, token);
        return name;
      } catch (error) {
        if (!(error instanceof lab.LabRefused && error.status === SESSION_GONE)) throw error;
      }
    }
    throw new Error("This message's Flow is none of this server's.");
  }

  private open(source: lab.FlowSource, opening: Opening): void {
    this.turn("phone");
    openFlow(source, opening, this.around);
  }

  // Any Flow JSON

  private wireOwn(): void {
    const file = found("own-file", HTMLInputElement);
    const look = (chosen: File | undefined): void => this.whenLeft(() => void this.tried(() => this.look(chosen)));
    file.addEventListener("change", () => look(file.files?.[0]));
    const written = found("own-text", HTMLTextAreaElement);
    found("own-open", HTMLButtonElement).addEventListener("click", () => {
      this.whenLeft(() => void this.tried(async () => this.lookAt("pasted", written.value)));
    });
    for (const kind of ["dragover", "drop"] as const) {
      document.addEventListener(kind, (event) => {
        if (!event.dataTransfer?.types.includes("Files")) return; // words are dragged into fields
        event.preventDefault();
        if (kind === "drop") look(event.dataTransfer.files[0]);
      });
    }
  }

  private async look(file: File | undefined): Promise<void> {
    if (file !== undefined) this.lookAt(file.name, await file.text());
  }

  private lookAt(name: string, written: string): void {
    let parsed: unknown;
    try {
      parsed = JSON.parse(written);
    } catch {
      throw new Error(`${name} is no JSON.`);
    }
    if (!isRecord(parsed) || records(parsed.screens).length === 0) {
      throw new Error(`${name} is no Flow JSON: it has no screens.`);
    }
    this.turn("phone");
    found("own", HTMLDetailsElement).open = false;
    previewFlow(name, parsed, this.around);
  }

  // The chat

  private wireChat(): void {
    const words = found("words", HTMLTextAreaElement);
    const form = found("write", HTMLFormElement);
    words.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const said = words.value.trim();
      if (!said) return;
      words.value = "";
      const { person } = this;
      void this.chat.send({ type: "text", text: { body: said } }).then((taken) => {
        // It was not sent: who wrote it should not have to write it again.
        if (!taken && this.person === person && !words.value) words.value = said;
      });
    });
    found("shop", HTMLButtonElement).addEventListener("click", () => void this.tried(() => this.showProducts([])));
  }

  private choose(message: lab.ChatMessage, list: Json): void {
    const leave = (): void => this.sheet.close();
    const sections = records(list.sections).map((section) => {
      const title = textOf(section.title);
      const rows = records(section.rows).map((row) => make("li", "", {}, this.choice(message, row)));
      const place = make("div", "", {}, make("ul", "plain", {}, ...rows));
      if (title) place.prepend(make("h4", "", {}, title));
      return place;
    });
    this.sheet.open("Choose", titled("Choose", leave, ...sections), leave);
  }

  private choice(message: lab.ChatMessage, row: Json): HTMLElement {
    const description = textOf(row.description);
    const reply = { id: textOf(row.id), title: textOf(row.title), ...(description ? { description } : {}) };
    const made = button(reply.title, () => {
      this.sheet.close();
      this.taps.answer(message, { type: "interactive", interactive: { type: "list_reply", list_reply: reply } });
    }, "choice");
    if (description) made.append(make("span", "soft small", {}, description));
    return made;
  }

  private async showProducts(wanted: readonly string[]): Promise<void> {
    const products = productsOf(await lab.products(), wanted);
    const send = (message: Json): void => {
      this.sheet.close();
      void this.chat.send(message);
    };
    const leave = (): void => this.sheet.close();
    this.sheet.open("The shop", catalogue(products, { ask: send, order: send, leave }), leave);
  }

  // Beside the phone

  private wireBeside(): void {
    const filter = found("log-filter", HTMLInputElement);
    filter.addEventListener("input", () => this.log.filter(filter.value));
    found("log-clear", HTMLButtonElement).addEventListener("click", () => this.log.clear());
    found("cases-reset", HTMLButtonElement).addEventListener("click", () => this.cases.reset());
    this.replay.addEventListener("click", () => void this.channel?.replay());
  }

  private tellTrouble(count: number): void {
    const badge = found("trouble", HTMLElement);
    badge.hidden = count === 0;
    badge.textContent = count === 1 ? "1 hard case" : `${count} hard cases`;
  }

  /** Let the narrow page show one of its parts. */
  private turn(part: string): void {
    document.body.dataset.part = part;
    for (const each of document.querySelectorAll<HTMLButtonElement>(".parts button")) {
      each.setAttribute("aria-pressed", String(each.dataset.part === part));
    }
    this.chat.read();
    this.state.turnToCurrent();
  }

  private wireParts(): void {
    for (const each of document.querySelectorAll<HTMLButtonElement>(".parts button")) {
      each.addEventListener("click", () => this.turn(each.dataset.part ?? "phone"));
    }
  }

  /** Do *then* once nothing is open on the phone; what has been put in asks first, where it is seen. */
  private whenLeft(then: () => void): void {
    if (this.sheet.isOpen) this.turn("phone");
    this.sheet.leave(then);
  }

  /** Do *work*, one at a time; what goes wrong is said where people chose it. */
  private async tried(work: () => Promise<void>): Promise<void> {
    if (this.isWorking) return this.tell(BUSY);
    this.isWorking = true;
    this.fault("");
    try {
      await work();
      this.tell("");
    } catch (error) {
      this.fault(error instanceof Error ? error.message : "That did not work.");
    } finally {
      this.isWorking = false;
    }
  }

  private fault(words: string): void {
    this.tell(words);
    if (words) this.turn("start");
  }

  private tell(words: string): void {
    const place = found("start-fault", HTMLElement);
    place.hidden = !words;
    place.textContent = words;
  }
}

/** Return whether an element is on a part of the page that is shown, and the page too. */
function isSeen(element: HTMLElement): boolean {
  return element.offsetParent !== null && document.visibilityState === "visible";
}

/** Return where the server's own pages are: "" where the lab is mounted in it, however the reader calls the machine. */
function serverAddress(): string {
  const server = document.body.dataset.server ?? "";
  return URL.canParse(server) && new URL(server).port !== location.port ? server : "";
}

void new PhonePage().begin();
