/** The lab's server, as this page asks it; what it answers goes no further unread than here. */

import type { FlowDocument } from "./flow/index.ts";
import { type Json, recordOf, textOf } from "./flow/values.ts";

const API = "/lab/api";

/** How long the server may take, in milliseconds. */
const DEADLINE = 30_000;

/** A Flow in the list. *endpoint*: whether its screens ask the server; *about*: what else has to be there, if any. */
export interface FlowListed {
  readonly name: string;
  readonly title: string;
  readonly endpoint: boolean;
  readonly about: string;
}

/** A Flow to be opened, with the key that its calls are sealed for. */
export interface FlowSource {
  readonly name: string;
  readonly document: FlowDocument;
  readonly public_key: string;
  readonly endpoint: boolean;
}

/** What the endpoint answered through the relay; status 0: nothing did. */
export interface Relayed {
  readonly status: number;
  readonly body: string;
  readonly milliseconds: number;
}

export type Standing = "accepted" | "sent" | "delivered" | "read" | "failed";

/** A message of the chat, sent *at* (RFC 3339, UTC); *content* is as it went to Graph, or as the webhook brought it. */
export interface ChatMessage {
  readonly id: string;
  readonly from: "us" | "person";
  readonly at: string;
  readonly type: string;
  readonly content: Json;
  readonly status: Standing;
}

/** A session, as staff see it. */
export interface SessionSeen {
  readonly state: string;
  readonly revision: number;
  readonly allowed_events: readonly string[];
}

/** The lab's server does not do what it was asked: the message is its own, or says what was asked; 0 is no answer. */
export class LabRefused extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** Ask for *path* and return what *read* makes of the answer, all before the deadline. */
async function respond<Answer>(
  path: string,
  options: RequestInit,
  read: (response: Response) => Promise<Answer>,
): Promise<Answer> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), DEADLINE);
  try {
    return await read(await fetch(API + path, { ...options, signal: ending.signal }));
  } catch (error) {
    throw error instanceof LabRefused ? error : new LabRefused("The lab's server does not answer.", 0);
  } finally {
    clearTimeout(timer);
  }
}

/** Return what *read* makes of an answer that is no refusal. */
function granted<Answer>(
  path: string,
  options: RequestInit,
  read: (response: Response) => Promise<Answer>,
): Promise<Answer> {
  return respond(path, options, async (response) => {
    if (!response.ok) throw await refusal(path, response);
    return read(response);
  });
}

async function refusal(path: string, response: Response): Promise<LabRefused> {
  const said = textOf(recordOf(await response.json().catch(() => null)).error);
  return new LabRefused(said || `${path} was refused with ${response.status}.`, response.status);
}

function asked<Answer>(path: string, options: RequestInit = {}): Promise<Answer> {
  return granted(path, options, async (response) => (await response.json()) as Answer);
}

function posted(content: unknown): RequestInit {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) };
}

function place(...parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join("");
}

/** Return all Flows of the server. */
export function flows(): Promise<readonly FlowListed[]> {
  return asked("/flows");
}

/** Return a Flow with its document and the server's public key of now. */
export function flow(name: string): Promise<FlowSource> {
  return asked(`/flows${place(name)}`);
}

/** Open a session of a Flow for *recipient* and return its token. */
export async function minted(name: string, recipient: string): Promise<string> {
  return (await asked<{ token: string }>("/sessions", posted({ flow: name, recipient, data: {} }))).token;
}

/** Send an encrypted call on as Meta does, *signed* or not, and return what is answered, whatever it is. */
export async function relayed(name: string, body: string, signed: boolean): Promise<Relayed> {
  const begun = performance.now();
  const path = `/relay${place(name)}${signed ? "" : "?unsigned=1"}`;
  try {
    const options = { method: "POST", headers: { "Content-Type": "text/plain" }, body };
    return await respond(path, options, async (response) => {
      const answer = await response.text();
      const took = Number(response.headers.get("x-lab-milliseconds") ?? performance.now() - begun);
      return { status: response.status, body: answer, milliseconds: Math.round(took) };
    });
  } catch {
    return { status: 0, body: "", milliseconds: Math.round(performance.now() - begun) };
  }
}

/** Let *from* send us a message; return what the webhook was answered. */
export function said(from: string, name: string, message: Json): Promise<{ status: number; id: string }> {
  return asked("/messages", posted({ from, name, message }));
}

/** Return a person's chat, the oldest message first. */
export async function chat(person: string): Promise<readonly ChatMessage[]> {
  return (await asked<{ messages: readonly ChatMessage[] }>(`/chat?person=${encodeURIComponent(person)}`)).messages;
}

/** Return a person's chat as it changes; the server ends it from time to time, the browser opens it again. */
export function chatEvents(person: string): EventSource {
  return new EventSource(`${API}/chat/events?person=${encodeURIComponent(person)}`);
}

/** Let a person have read what we sent. */
export async function markRead(person: string): Promise<void> {
  await granted("/read", posted({ person }), (response) => response.text());
}

/** Return a session. */
export function session(definition: string, key: string): Promise<SessionSeen> {
  return asked(`/session${place(definition, key)}`);
}

/** Return where the picture of a session is. */
export function diagramAddress(definition: string, key: string): string {
  return `${API}/session${place(definition, key)}/diagram.svg`;
}

/** Return the picture of a session, as SVG text. */
export async function diagram(definition: string, key: string): Promise<string> {
  return granted(`/session${place(definition, key)}/diagram.svg`, {}, (response) => response.text());
}

/** Encrypt and host a file as WhatsApp does; return the object that stands for it in a payload. */
export function uploaded(file: File): Promise<Record<string, unknown>> {
  const form = new FormData();
  form.append("file", file, file.name);
  return asked("/media", { method: "POST", body: form });
}

/** Return what the shop sells, as the lab tells it. */
export function products(): Promise<unknown> {
  return asked("/products");
}
