/** What the tests of the phone's Flows reach: the parts themselves, and a host that answers what it was told to. */

import { conditionIn, evaluate, expressionIn, type Node, type Reference } from "../../../lab/phone/flow/expressions.ts";
import type { FlowAnswer, FlowCall, FlowDocument, FlowHost, FlowStart } from "../../../lab/phone/flow/index.ts";
import { FlowView } from "../../../lab/phone/flow/index.ts";
import { Sealer, strangerKey } from "../../../lab/phone/sealing.ts";

type Json = Record<string, unknown>;

/** Answers calls from a list, holds those that it has no answer for, and writes down all that a Flow asks for. */
class Host implements FlowHost {
  readonly calls: FlowCall[] = [];
  readonly params: Json[] = [];
  readonly reasons: string[] = [];
  readonly urls: string[] = [];
  readonly files: string[] = [];
  readonly screens: Json[] = [];
  keys = 0;
  private readonly held: ((answer: FlowAnswer) => void)[] = [];

  constructor(readonly answers: (FlowAnswer | "lost")[]) {}

  call(content: FlowCall): Promise<FlowAnswer> {
    this.calls.push(content);
    const answer = this.answers.shift();
    if (answer === "lost") return Promise.reject(new Error("lost"));
    return answer === undefined ? new Promise((resolve) => this.held.push(resolve)) : Promise.resolve(answer);
  }

  /** Answer the call that has waited longest. */
  release(answer: FlowAnswer): void {
    this.held.shift()?.(answer);
  }

  refreshKey(): Promise<void> {
    this.keys += 1;
    return Promise.resolve();
  }

  completed(params: Json): void {
    this.params.push(params);
  }

  closed(reason: string): void {
    this.reasons.push(reason);
  }

  openUrl(url: string): void {
    this.urls.push(url);
  }

  upload(file: File): Promise<Json> {
    this.files.push(`${file.name} ${file.type} ${file.size}`);
    const count = this.files.length;
    return Promise.resolve({
      file_name: file.name,
      media_id: `media-${count}`,
      cdn_url: "http://127.0.0.1/m",
      encryption_metadata: { plaintext_hash: `hash-${count}` },
    });
  }
}

/** Show a Flow on the page, and open it. */
async function show(document_: FlowDocument, start: FlowStart, answers: (FlowAnswer | "lost")[] = []): Promise<void> {
  const host = new Host(answers);
  const view = new FlowView(document.querySelector<HTMLElement>("#phone")!, document_, host, { flowToken: "token-1" });
  view.addEventListener("screen", (event) => host.screens.push((event as CustomEvent<Json>).detail));
  Object.assign(window, { host, view });
  await view.open(start);
}

/** Return the values of expressions, with those of their references by text; null stands for what is missing. */
function values(cases: [string, Json][]): unknown[] {
  return cases.map(([text, known]) => {
    const node: Node | undefined = text.startsWith("?") ? conditionIn(text.slice(1)) : expressionIn(text);
    if (node === undefined) return "not read";
    const valueOf = ({ screen, scope, path }: Reference): unknown =>
      known[`\${${screen === "" ? "" : `screen.${screen}.`}${[scope, ...path].join(".")}}`] ?? undefined;
    return evaluate(node, valueOf) ?? null;
  });
}

/** Seal contents for a key, as bodies; `read` reads an answer to the one at an index. */
async function seal(key: string, content: unknown): Promise<string> {
  const envelope = await (await Sealer.of(key)).seal(content);
  Object.assign(window, { read: (answer: string) => envelope.read(answer) });
  return envelope.body;
}

Object.assign(window, { show, values, seal, strangerKey });
