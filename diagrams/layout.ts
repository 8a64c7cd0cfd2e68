// Places what a picture shows: Graphviz, as WebAssembly, behind one function that a bare JavaScript engine can call.
import { type Format, Graphviz } from "@hpcc-js/wasm-graphviz";

declare global {
  /** Places a graph in the language DOT; what comes back is Graphviz' JSON, with positions and without drawing. */
  var place: ((dot: string) => string) | undefined;
}

// Graphviz' reader of label tables salts its hashes. A bare engine has no source of chance; nothing here needs one.
globalThis.crypto ??= { getRandomValues: <T>(zeros: T): T => zeros } as Crypto;

// JSON with positions alone, which the package's types leave out.
const POSITIONS = "json0" as Format;

void Graphviz.load().then((graphviz) => {
  globalThis.place = (dot) => graphviz.layout(dot, POSITIONS, "dot");
});
