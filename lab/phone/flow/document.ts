/**
 * Flow JSON as it is written, read into screens and components.
 *
 * Source: Meta, "Flow JSON" and "Components". Anybody may drop any JSON on the phone, so everything is read with care:
 * what is not of the expected kind counts as absent.
 */

import { isRecord, listOf, type Json, ownOf, recordOf, records, textOf } from "./values.ts";

/** A Flow JSON document, as parsed. */
export interface FlowDocument {
  version?: unknown;
  screens?: unknown;
  routing_model?: unknown;
  data_api_version?: unknown;
}

/** A part of a screen; *said* are its properties as written. */
export interface Component {
  readonly type: string;
  readonly name: string;
  readonly said: Json;
  readonly branches: readonly Branch[];
  /** The Form that it stands in, if it stands in one. */
  readonly form: Component | undefined;
}

/** Components inside another one: *label* is empty in a Form, `then` or `else` in an If, the case in a Switch. */
interface Branch {
  readonly label: string;
  readonly children: readonly Component[];
}

export interface Screen {
  readonly id: string;
  readonly title: unknown;
  readonly refreshesOnBack: boolean;
  /** The data model, undefined if the screen declares none. */
  readonly model: Json | undefined;
  readonly children: readonly Component[];
}

/** A whole document. *routes* say where an answer may lead from each screen. */
export interface Flow {
  readonly version: readonly [number, number];
  readonly screens: ReadonlyMap<string, Screen>;
  readonly routes: ReadonlyMap<string, readonly string[]>;
  readonly hasEndpoint: boolean;
}

/** The screen of an answer that ends a Flow. */
export const SUCCESS = "SUCCESS";

/** Return what a document says. */
export function readFlow(document: FlowDocument): Flow {
  const screens = new Map(records(document.screens).map((said) => [textOf(said.id), readScreen(said)] as const));
  const [hasEndpoint, model] = [document.data_api_version !== undefined, document.routing_model];
  const routes = hasEndpoint && isRecord(model) ? writtenRoutes(model) : navigatedRoutes(screens);
  return { version: readVersion(document.version), screens, routes, hasEndpoint };
}

/** Return the screens that a Flow can be opened on: those that no other leads to, else the first. Source: Meta, 7.3. */
export function entriesOf(flow: Flow): string[] {
  const counted = isBefore(flow.version, 7, 3) ? [flow.routes] : [flow.routes, navigatedRoutes(flow.screens)];
  const leading = counted.flatMap((routes) => [...routes]);
  const targets = new Set(leading.flatMap(([id, following]) => following.filter((target) => target !== id)));
  const entries = [...flow.screens.keys()].filter((id) => !targets.has(id));
  return entries.length > 0 ? entries : [...flow.screens.keys()].slice(0, 1);
}

/** Return whether *version* is before another; minor numbers count as whole numbers, 1.10 is after 1.9. */
export function isBefore(version: readonly [number, number], major: number, minor: number): boolean {
  return version[0] < major || (version[0] === major && version[1] < minor);
}

/** Yield components and those inside them, in the order in which they are written. */
export function* everyComponent(children: readonly Component[]): Generator<Component> {
  for (const component of children) {
    yield component;
    for (const branch of component.branches) yield* everyComponent(branch.children);
  }
}

/** Return the data that a screen is shown with where there is no other: its examples. */
export function exampleOf(screen: Screen): Json {
  const examples: Json = {};
  for (const [name, node] of Object.entries(screen.model ?? {})) {
    if (isRecord(node) && "__example__" in node) examples[name] = node["__example__"];
  }
  return examples;
}

function readVersion(version: unknown): [number, number] {
  const [, major, minor] = /^([0-9]{1,3})\.([0-9]{1,2})$/.exec(textOf(version)) ?? [];
  return [Number(major ?? 0), Number(minor ?? 0)];
}

function readScreen(said: Json): Screen {
  return {
    id: textOf(said.id),
    title: said.title,
    refreshesOnBack: said.refresh_on_back === true,
    model: isRecord(said.data) ? said.data : undefined,
    children: readChildren(recordOf(said.layout).children, undefined),
  };
}

function readChildren(children: unknown, form: Component | undefined): Component[] {
  return records(children).map((said) => readComponent(said, form));
}

function readComponent(said: Json, form: Component | undefined): Component {
  const branches: Branch[] = [];
  const component = { type: textOf(said.type), name: textOf(said.name), said, branches, form };
  const inside = (label: string, children: unknown): void => {
    branches.push({ label, children: readChildren(children, component.type === "Form" ? component : form) });
  };
  if (component.type === "Form") inside("", said.children);
  if (component.type === "If") {
    inside("then", said.then);
    inside("else", said.else);
  }
  if (component.type === "Switch") {
    for (const [label, children] of Object.entries(recordOf(said.cases))) inside(label, children);
  }
  return component;
}

function writtenRoutes(model: Json): Map<string, string[]> {
  const routes = new Map<string, string[]>();
  for (const [screen, targets] of Object.entries(model)) {
    routes.set(screen, listOf(targets).map(textOf));
    for (const target of routes.get(screen) ?? []) if (!routes.has(target)) routes.set(target, []);
  }
  return routes;
}

function navigatedRoutes(screens: ReadonlyMap<string, Screen>): Map<string, string[]> {
  const routes = new Map<string, string[]>();
  for (const [id, screen] of screens) {
    const targets = [...everyComponent(screen.children)].flatMap(({ said }) =>
      [said, ...listedItems(screen, said)].map((each) => recordOf(each["on-click-action"])),
    );
    const navigations = targets.filter((action) => action.name === "navigate");
    const names = navigations.map((action) => textOf(recordOf(action.next).name));
    routes.set(id, [...new Set(names)]);
  }
  return routes;
}

/** Return the items of a NavigationList, by its example if they come as data. */
function listedItems(screen: Screen, said: Json): Json[] {
  const listed = said["list-items"];
  const [, name = ""] = /^\$\{data\.([^.}]+)\}$/.exec(textOf(listed)) ?? [];
  return records(name === "" ? listed : ownOf(exampleOf(screen), name));
}
