/** Between a Flow and whoever shows it: what a Flow asks for, and how it is opened. */

import type { Json } from "./values.ts";

/** What a phone asks an endpoint. */
export interface FlowCall {
  action: "INIT" | "data_exchange" | "BACK";
  screen: string;
  data: Json;
}

/** What an endpoint answered: the HTTP status and, if it had a readable body, the decrypted content. */
export interface FlowAnswer {
  status: number;
  content?: unknown;
}

/** Who a Flow talks to: the endpoint, the chat that it was opened from, and where files go. */
export interface FlowHost {
  /** Call the endpoint and return what it answered; the host adds `version` and `flow_token`, and encrypts. */
  call(content: FlowCall): Promise<FlowAnswer>;
  /** Fetch the endpoint's public key again: asked for once after a 421, before the call is made once more. */
  refreshKey?(): Promise<void>;
  /** Hear that the Flow was completed; *params* have the flow_token. */
  completed(params: Json): void;
  /** Hear that the Flow was closed without completion: by the person, or by the endpoint once its reason was read. */
  closed(reason: string): void;
  openUrl(url: string): void;
  /** Return the media object that goes into a payload for *file*. */
  upload(file: File): Promise<Json>;
}

/** How a Flow is opened; a preview shows example data and calls nobody. */
export type FlowStart =
  | { kind: "data_exchange" }
  | { kind: "navigate"; screen: string; data: Json }
  | { kind: "preview"; screen?: string };
