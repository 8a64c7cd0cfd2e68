/** A Flow open on the phone: shown in the sheet, answered by its endpoint, and told to the chat when it is done. */

import type { ActionsLog } from "./actions_log.ts";
import { Channel, LONG_ENDED } from "./channel.ts";
import { make } from "./flow/dom.ts";
import { entriesOf, readFlow } from "./flow/document.ts";
import { FlowView, LEFT, type FlowDocument, type FlowHost, type FlowStart } from "./flow/index.ts";
import { type Json, textOf } from "./flow/values.ts";
import type { HardCases } from "./hard_cases.ts";
import * as lab from "./lab_api.ts";
import type { LiveState } from "./live_state.ts";
import type { Sheet } from "./sheet.ts";

/** What an open Flow shares with the page around it. */
export interface FlowSurroundings {
  readonly sheet: Sheet;
  readonly log: ActionsLog;
  readonly cases: HardCases;
  readonly state: LiveState;
  /** Send a message of the person's. */
  send(message: Json): Promise<boolean>;
  /** Hear that the last call can be sent again. */
  called(channel: Channel): void;
}

/** How a Flow is opened: with what token, at which screen if it does not ask its endpoint, from which message. */
export interface Opening {
  readonly token: string;
  readonly action: string;
  readonly screen?: string;
  readonly data?: Json;
  readonly messageId?: string;
}

/** By Flow, the token of the last that was completed here. */
const ended = new Map<string, string>();

/** Open a Flow for its session. */
export function openFlow(source: lab.FlowSource, opening: Opening, around: FlowSurroundings): void {
  const endedToken = ended.get(source.name) ?? LONG_ENDED;
  const channel: Channel = new Channel(source, opening.token, endedToken, around.cases, around.log, () => {
    around.called(channel);
    void around.state.look();
  });
  const host: FlowHost = {
    call: (content) => channel.call(content),
    refreshKey: () => channel.refreshKey(),
    completed: (params) => void completed(source.name, opening, params, around),
    closed: (reason) => closed(source.name, reason, around),
    openUrl: (url) => openUrl(url, around.log),
    upload: (file) => lab.uploaded(file),
  };
  around.state.watch(source.name, opening.token);
  if (opening.token.startsWith("ws_")) void around.state.look(); // ours are there before their first call
  show(source.name, source.document, host, opening.token, startOf(source, opening), around, () => channel.landed());
}

/** Show any Flow JSON with its example data; nobody is called. */
export function previewFlow(name: string, document: FlowDocument, around: FlowSurroundings): void {
  const host: FlowHost = {
    call: () => Promise.resolve({ status: 0 }),
    completed: (params) => {
      around.sheet.close();
      around.log.add(note("preview completed", name, params, ["nothing was sent"]));
    },
    closed: (reason) => closed(name, reason, around),
    openUrl: (url) => openUrl(url, around.log),
    upload: (file) => Promise.resolve({ file_name: file.name }),
  };
  around.state.none("This is a preview: it has no session.");
  const view = show(name, document, host, "preview", { kind: "preview" }, around, () => "");
  if (view.unknown.length > 0) around.log.add(note("unknown components", name, view.unknown, []));
}

function startOf(source: lab.FlowSource, opening: Opening): FlowStart {
  if (opening.action === "data_exchange") return { kind: "data_exchange" };
  const screen = opening.screen || entriesOf(readFlow(source.document))[0] || "";
  return { kind: "navigate", screen, data: opening.data ?? {} };
}

function show(
  name: string,
  document: FlowDocument,
  host: FlowHost,
  flowToken: string,
  start: FlowStart,
  around: FlowSurroundings,
  landed: () => string,
): FlowView {
  const root = make("div", "flow-place");
  const view = new FlowView(root, document, host, { flowToken });
  around.sheet.open(name, root, () => view.close(), () => view.abandon());
  let before = "";
  view.addEventListener("screen", (event) => {
    const { screen, data } = (event as CustomEvent<{ screen: string; data: Json }>).detail;
    if (screen === before) return;
    // What the phone does by itself no server sees: only the log here tells it.
    const where = [before, screen].filter((id) => id).join(" → ");
    if (landed() !== screen) around.log.add(note("navigate", where, data, ["no call"]));
    before = screen;
  });
  void view.open(start); // whoever waits for an answer sees it in the sheet
  return view;
}

async function completed(name: string, opening: Opening, params: Json, around: FlowSurroundings): Promise<void> {
  ended.set(name, opening.token);
  const reply = { name: "flow", body: "Sent", response_json: JSON.stringify({ ...params, flow_token: opening.token }) };
  // Before the sheet is closed: that may hand the phone to somebody else.
  const sent = around.send({
    type: "interactive",
    ...(opening.messageId === undefined ? {} : { context: { id: opening.messageId } }),
    interactive: { type: "nfm_reply", nfm_reply: reply },
  });
  around.sheet.close();
  await sent;
  await around.state.follow();
}

function closed(name: string, reason: string, around: FlowSurroundings): void {
  around.log.add(note("closed", name, { reason }, [reason === LEFT ? "by the customer" : reason]));
  void around.state.look();
  around.sheet.close();
}

function openUrl(url: string, log: ActionsLog): void {
  log.add(note("open_url", textOf(url), { url }, []));
  if (/^https?:/i.test(url)) window.open(url, "_blank", "noopener,noreferrer");
}

function note(what: string, where: string, sent: unknown, notes: readonly string[]): Parameters<ActionsLog["add"]>[0] {
  return { kind: "note", what, where, status: null, milliseconds: 0, notes, sent, answered: undefined };
}
