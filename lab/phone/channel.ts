/**
 * The way from a Flow on this phone to its endpoint: sealed, relayed as by Meta, opened, and written into the log.
 *
 * Source: Meta, "Implementing your Flow Endpoint" and "Flows error codes": the endpoint has ten seconds; after a 421
 * the phone fetches the public key again and asks once more.
 */

import type { ActionsLog } from "./actions_log.ts";
import type { FlowAnswer, FlowCall } from "./flow/index.ts";
import type { HardCases, Trouble } from "./hard_cases.ts";
import * as lab from "./lab_api.ts";
import { recordOf, textOf } from "./flow/values.ts";
import { Sealer, type Envelope } from "./sealing.ts";

/** How long WhatsApp waits for an answer, in seconds. */
const PATIENCE = 10;

/** How long a phone takes to fetch a key again, in milliseconds. */
const KEY_PAUSE = 500;

const TIMEOUT = 504;
const ENCRYPTED: ReadonlySet<number> = new Set([200, 427]);

/** A token as the server mints them, of a session that is there no more. */
export const LONG_ENDED = `ws_${"0".repeat(32)}`;

interface Sent {
  readonly content: Record<string, unknown>;
  readonly envelope: Envelope;
  readonly signed: boolean;
  readonly answer: lab.Relayed;
}

/** The calls of one open Flow; *endedToken* is of a form that has ended, *told* hears when a call is done. */
export class Channel {
  private key: string;
  private last: Sent | null = null;
  private isFresh = false;
  private answered = "";

  constructor(
    private readonly flow: lab.FlowSource,
    private readonly token: string,
    private readonly endedToken: string,
    private readonly cases: HardCases,
    private readonly log: ActionsLog,
    private readonly told: () => void,
  ) {
    this.key = flow.public_key;
  }

  /** Call the endpoint as the Flow wants it, with all the trouble that is switched on. */
  async call(asked: FlowCall): Promise<FlowAnswer> {
    const trouble = this.cases.now;
    const content = this.content(asked, trouble);
    const isStale = trouble.on.has("stale_key") && !this.isFresh;
    const notes = isStale ? ["stale key"] : this.isFresh ? ["key fetched again"] : [];
    this.isFresh = false;
    const sealer = await this.sealer(isStale);
    if (sealer === null) return { status: 0 };
    const answer = await this.doubled(sealer, content, trouble, notes);
    this.answered = textOf(recordOf(answer.content).screen);
    this.told();
    return answer;
  }

  /** Fetch the public key again, for the call after a 421. */
  async refreshKey(): Promise<void> {
    await pause(KEY_PAUSE);
    this.key = (await lab.flow(this.flow.name)).public_key;
    this.isFresh = true;
  }

  /** Return the screen that the last answer led to, once; "" if it led to none. */
  landed(): string {
    const screen = this.answered;
    this.answered = "";
    return screen;
  }

  /** Send the last call once more, byte for byte; the log says whether its answer is the same. */
  async replay(): Promise<void> {
    const last = this.last;
    if (last === null) return;
    const answer = await lab.relayed(this.flow.name, last.envelope.body, last.signed);
    const same = answer.status === last.answer.status && answer.body === last.answer.body;
    const note = same ? "replay: the same bytes" : answer.body ? "replay: other bytes" : "replay: an empty answer";
    await this.write({ ...last, answer }, [note]);
    this.told();
  }

  /** Return what seals for the server, or for nobody; null, and a line that says so, if the server has no good key. */
  private async sealer(isStale: boolean): Promise<Sealer | null> {
    try {
      return await (isStale ? Sealer.stranger() : Sealer.of(this.key));
    } catch {
      const notes = ["the server's public key cannot be used"];
      const fault = { kind: "note", what: "no call", where: this.flow.name, status: null, milliseconds: 0 } as const;
      this.log.add({ ...fault, notes, sent: { public_key: this.key }, answered: undefined });
      return null;
    }
  }

  private content(asked: FlowCall, trouble: Trouble): Record<string, unknown> {
    const version = textOf(this.flow.document.data_api_version) || "3.0";
    const token = trouble.on.has("ended_token") ? this.endedToken : this.token;
    return { version, ...asked, ...(trouble.on.has("missing_token") ? {} : { flow_token: token }) };
  }

  /** Send a call once, or twice at the same time; what counts is the first. */
  private async doubled(
    sealer: Sealer,
    content: Record<string, unknown>,
    trouble: Trouble,
    notes: readonly string[],
  ): Promise<FlowAnswer> {
    if (!trouble.on.has("double_tap")) return this.send(sealer, content, trouble, notes);
    const [first] = await Promise.all([
      this.send(sealer, content, trouble, [...notes, "double tap: first"]),
      this.send(sealer, content, trouble, [...notes, "double tap: second"]),
    ]);
    return first;
  }

  private async send(
    sealer: Sealer,
    content: Record<string, unknown>,
    trouble: Trouble,
    notes: readonly string[],
  ): Promise<FlowAnswer> {
    const envelope = await sealer.seal(content);
    const signed = !trouble.on.has("unsigned");
    const wait = pause(1000 * Math.min(trouble.seconds, PATIENCE));
    const answer = await lab.relayed(this.flow.name, envelope.body, signed);
    await wait;
    const sent = { content, envelope, signed, answer };
    if (!isNotice(content)) this.last = sent;
    const slow = trouble.seconds > 0 && trouble.seconds <= PATIENCE ? [`${trouble.seconds} s late`] : [];
    const lost = trouble.seconds > PATIENCE;
    const loss = lost ? [`answer lost after ${PATIENCE} s`] : [];
    const opened = await this.write(sent, [...notes, ...slow, ...loss]);
    return lost ? { status: TIMEOUT } : opened;
  }

  /** Open an answer and write its line; one that cannot be opened is shown as that. */
  private async write(sent: Sent, notes: readonly string[]): Promise<FlowAnswer> {
    const { status, body, milliseconds } = sent.answer;
    let opened: FlowAnswer = { status };
    const faults: string[] = [];
    if (ENCRYPTED.has(status) && body) {
      try {
        opened = { status, content: await sent.envelope.read(body) };
      } catch {
        faults.push("the answer cannot be decrypted");
      }
    }
    this.log.add({
      kind: "call",
      what: textOf(sent.content.action),
      where: way(textOf(sent.content.screen), opened.content),
      status,
      milliseconds,
      notes: [...notes, ...faults],
      sent: sent.content,
      answered: opened.content,
    });
    return faults.length > 0 ? { status: 0 } : opened;
  }
}

/** Return whether a call is the phone's own, that it cannot show an answer: nobody has made it. */
function isNotice(content: Record<string, unknown>): boolean {
  const data = recordOf(content.data);
  return "error" in data && "error_message" in data;
}

/** Return from which screen to which a call led. */
function way(from: string, content: unknown): string {
  const to = textOf(recordOf(content).screen);
  return [from, to].filter((screen) => screen).join(" → ");
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
