/**
 * What a phone does with a Flow: which screens lie one behind the other, what was put in, and what becomes of a press.
 *
 * It knows nothing of how a screen looks. Source: Meta, "Flow JSON", "Components", "Implementing your Flow Endpoint"
 * and "Error codes", and observed behaviour of Meta's client where they are silent.
 *
 * Rule 1: while a call is under way nothing else can be pressed, so a double tap is one call.
 * Rule 2: what was put into an input that is hidden now is not sent.
 * Rule 3: `__example__` is shown in a preview only, which calls nobody.
 */

import { type Day, FIRST_DAY, LAST_DAY, readDay, WEEKDAYS } from "./days.ts";
import {
  type Component,
  entriesOf,
  everyComponent,
  exampleOf,
  type Flow,
  isBefore,
  type Screen,
  SUCCESS,
} from "./document.ts";
import { conditionIn, evaluate, expressionIn, type Reference, shown } from "./expressions.ts";
import type { FlowAnswer, FlowCall, FlowHost, FlowStart } from "./host.ts";
import { AREA_LENGTH, type Calendar, faultOf, type Input, INPUTS, isOffered, MOST_FILES, TEXT_LENGTH } from "./inputs.ts";
import { misfitOf } from "./model.ts";
import { countOf, isEmpty, isRecord, type Json, listOf, ownOf, recordOf, records, textOf } from "./values.ts";

/** A screen that is or was shown: with which data, and what was put into its form. */
export interface Shown {
  readonly screen: Screen;
  data: Json;
  form: Json;
  /** What people were told is wrong with what they put in. */
  readonly faults: Map<string, string>;
  /** The inputs that were changed since the data arrived, whose error message is answered by that. */
  readonly edited: Set<string>;
}

/** Who shows what happens. */
export interface Listener {
  /** Another screen is shown, or a screen with other data. */
  arrived(): void;
  /** Something on the screen changed. */
  changed(): void;
  /** A call begins or is over. */
  busy(isBusy: boolean): void;
  /** The endpoint tells people something. */
  told(message: string): void;
  /** A call came to nothing; *retry* makes it again. */
  failed(retry: () => Promise<void>): void;
  /** The Flow was completed. */
  completed(params: Json): void;
  /** The endpoint closed the Flow. */
  closed(message: string): void;
}

const CLOSED = "This form is no longer available.";
const SELECTED = "on-select-action";
const UNSELECTED = "on-unselect-action";
const CHOICES: ReadonlySet<string> = new Set(["CheckboxGroup", "RadioButtonsGroup", "Dropdown", "ChipsSelector"]);

export class Runtime {
  readonly stack: Shown[] = [];
  private readonly left = new Map<string, Shown>();
  private seen = new Set<Component>();
  private isBusy = false;
  private isOver = false;
  private isPreview = false;
  private uploads = 0;
  /** The screens that ask nothing by being shown: where a person did something last, and those that asked since. */
  private quiet = new Set<string>();
  /** The kinds of the files that were uploaded, by the id of their media. */
  private readonly kinds = new Map<unknown, string>();

  constructor(
    readonly flow: Flow,
    private readonly host: FlowHost,
    private readonly flowToken: string,
    private readonly listener: Listener,
  ) {}

  // What is seen

  /** Return the screen that is seen, undefined while there is none. */
  get top(): Shown | undefined {
    return this.stack.at(-1);
  }

  /** Return whether a component of the screen can be seen now. */
  isSeen(component: Component): boolean {
    return this.seen.has(component);
  }

  /** Return whether a component can be used; none says so of itself unless it can not. */
  isEnabled(said: Json): boolean {
    return said.enabled === undefined || this.read(said.enabled) === true;
  }

  /** Return a property's value on the screen now; undefined for what is missing. */
  read(value: unknown, form: Json = this.top?.form ?? {}): unknown {
    if (typeof value === "string") {
      const node = expressionIn(value);
      return node === undefined ? value : evaluate(node, (reference) => this.valueOf(reference, form));
    }
    if (Array.isArray(value)) return value.map((item) => this.read(item, form));
    if (!isRecord(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.read(item, form)]));
  }

  /** Return a property as the text that is shown. */
  text(value: unknown): string {
    return shown(this.read(value));
  }

  /** Return the items of a list, evaluated if they stand in the document; what they do is left as it is written. */
  items(value: unknown): Json[] {
    if (!Array.isArray(value)) return records(this.read(value)); // they came as data, which is never an expression
    return records(value).map((item) => ({ ...item, ...recordOf(this.read(withoutActions(item))) }));
  }

  // What is put in

  /** Return what an input holds. */
  held(component: Component): unknown {
    return ownOf(this.top?.form ?? {}, component.name);
  }

  /** Return what people are told is wrong with an input, empty if nothing is. */
  faultOf(component: Component): string {
    const top = this.top;
    if (top === undefined) return "";
    const own = top.faults.get(component.name);
    if (own !== undefined || top.edited.has(component.name)) return own ?? "";
    const ofForm = ownOf(recordOf(this.read(component.form?.said["error-messages"])), component.name);
    const message = this.read(component.said["error-message"]) ?? ofForm;
    return isRecord(message) ? Object.values(message).map(shown).filter(Boolean).join(" ") : shown(message);
  }

  /** Return what an input takes. */
  input(component: Component): Input {
    const { "data-source": source, ...rest } = withoutActions(component.said);
    const said = recordOf(this.read(rest));
    const [least, most] = bounds(component.type, said);
    const required = said.required;
    const hasDays = component.type === "DatePicker" || component.type === "CalendarPicker";
    const isRequired = isRecord(required) ? Object.values(required).includes(true) : required === true;
    return {
      type: component.type,
      isRequired: isRequired || (component.type.endsWith("Picker") && least > 0),
      options: this.items(source).filter(isOffered).map((item) => shown(item.id)),
      least,
      most,
      kind: textOf(said["input-type"]) || "text",
      pattern: textOf(said.pattern),
      helper: textOf(said["helper-text"]),
      calendar: hasDays ? this.calendar(said) : undefined,
    };
  }

  /** Put a value into an input, undefined for none, and do what that sets off. */
  async put(component: Component, value: unknown): Promise<void> {
    const top = this.top;
    if (top === undefined) return;
    this.quiet = new Set([top.screen.id]);
    const before = this.held(component);
    this.fill(top, component, value);
    const felt = [...this.feltByItems(component, before, value), ...this.felt(component, before, value)];
    const asked = this.done(top, felt);
    top.edited.add(component.name);
    top.faults.delete(component.name);
    this.listener.changed();
    if (asked !== undefined && !this.isPreview) await this.exchange(asked);
  }

  /** Tell what is wrong with an input that people leave; what is empty is told of only when they want to go on. */
  checkOne(component: Component): void {
    const top = this.top;
    if (top === undefined || !top.edited.has(component.name) || isEmpty(this.held(component))) return;
    const fault = faultOf(this.input(component), this.held(component));
    if (fault !== "") top.faults.set(component.name, fault);
    this.listener.changed();
  }

  /** Return whether all that must be filled is, so that the Footer can be pressed. */
  isFilled(): boolean {
    const isMissing = (each: Component): boolean => isEmpty(this.held(each)) && this.input(each).isRequired;
    return this.uploads === 0 && !this.inputs().some(isMissing);
  }

  /** Return the media object of a file that goes into a payload. */
  async upload(file: File): Promise<Json> {
    this.uploads += 1;
    this.listener.changed();
    try {
      const example = { file_name: file.name, media_id: crypto.randomUUID() };
      const media: Json = this.isPreview ? example : await this.host.upload(file);
      this.kinds.set(media.media_id, file.type);
      return media;
    } finally {
      this.uploads -= 1;
      this.listener.changed();
    }
  }

  // What is done

  /** Open the Flow. */
  async open(start: FlowStart): Promise<void> {
    if (start.kind === "data_exchange") return this.exchange({ action: "INIT", screen: "", data: {} });
    this.isPreview = start.kind === "preview";
    const id = start.screen ?? entriesOf(this.flow)[0] ?? "";
    return this.navigate(id, start.kind === "navigate" ? start.data : {});
  }

  /** Do what a component says when it is pressed, with *form* beside what was put in. */
  async press(action: unknown, form: Json = {}): Promise<void> {
    if (this.isBusy || this.isOver || !isRecord(action)) return;
    this.quiet = new Set(this.top === undefined ? [] : [this.top.screen.id]);
    const payload = this.payload(action, form);
    switch (action.name) {
      case "navigate":
        return this.navigate(textOf(recordOf(action.next).name), payload);
      case "data_exchange":
        return this.exchange({ action: "data_exchange", screen: this.top?.screen.id ?? "", data: payload });
      case "complete":
        return this.finish({ ...this.withStoredMedia(payload), flow_token: this.flowToken });
      case "open_url":
        return this.host.openUrl(this.text(action.url));
    }
  }

  /** Press the Footer. Returns the first input that does not let people go on, if one does not. */
  async submit(action: unknown): Promise<Component | undefined> {
    const top = this.top;
    if (top === undefined || this.isBusy || !this.isFilled()) return undefined;
    const wrong = this.inputs().filter((each) => {
      const fault = faultOf(this.input(each), this.held(each));
      if (fault !== "") top.faults.set(each.name, fault);
      return fault !== "";
    });
    this.listener.changed();
    if (wrong.length === 0) await this.press(action);
    return wrong[0];
  }

  /** Go a screen back; there must be one. */
  async back(): Promise<void> {
    const top = this.top;
    if (top === undefined || this.stack.length < 2 || this.isBusy || this.isOver) return;
    this.quiet = new Set([top.screen.id]);
    if (top.screen.refreshesOnBack && this.flow.hasEndpoint && !this.isPreview) {
      return this.exchange({ action: "BACK", screen: top.screen.id, data: {} });
    }
    this.leave(1);
    await this.ask(this.show());
  }

  /** Let nothing happen any more. */
  end(): void {
    this.isOver = true;
  }

  // Calls

  private async exchange(call: FlowCall): Promise<void> {
    if (this.isBusy || this.isOver) return;
    if (this.isPreview) return this.pretend(call);
    this.setBusy(true);
    let answer: FlowAnswer | undefined;
    try {
      answer = await this.host.call(call);
      if (answer.status === 421 && this.host.refreshKey !== undefined) {
        await this.host.refreshKey();
        answer = await this.host.call(call);
      }
    } catch {
      answer = undefined; // whatever it was, the phone only knows that nothing came back
    }
    this.setBusy(false);
    if (this.isOver) return;
    if (answer?.status === 427) return this.close(textOf(recordOf(answer.content).error_msg) || CLOSED);
    const content = answer?.status === 200 ? recordOf(answer.content) : {};
    if (typeof content.screen !== "string") return this.fail(call);
    await this.take(call, content.screen, recordOf(content.data));
  }

  private async take(call: FlowCall, id: string, data: Json): Promise<void> {
    if (!this.goesTo(id)) {
      return this.refuse(call, "invalid-screen-transition", `${call.screen || "opening"} does not lead to ${id}`);
    }
    if (id === SUCCESS) {
      const params = recordOf(recordOf(data.extension_message_response).params);
      return this.finish({ flow_token: this.flowToken, ...params });
    }
    const { error_message: message, ...rest } = data;
    const misfit = this.misfit(id, rest);
    if (misfit !== "") return this.refuse(call, "payload-schema-error", misfit);
    const asked = this.arrive(id, data);
    if (typeof message === "string" && message !== "") this.listener.told(message);
    await this.ask(asked);
  }

  /** Make the call that a screen asks for by being shown, unless it was made since a person last did something. */
  private async ask(call: FlowCall | undefined): Promise<void> {
    if (call === undefined || this.isPreview || this.quiet.has(call.screen)) return;
    this.quiet.add(call.screen);
    await this.exchange(call);
  }

  /** Tell the endpoint that its answer cannot be shown, as a phone does without waiting, and people that it failed. */
  private refuse(call: FlowCall, error: string, why: string): void {
    const notice = { ...call, data: { error, error_message: why } };
    this.host.call(notice).catch(() => undefined); // nobody waits for what is answered
    this.fail(call);
  }

  private fail(call: FlowCall): void {
    this.listener.failed(() => this.exchange(call));
  }

  /** Do in a preview what an endpoint might: the next screen of the routes, or the end if there is none. */
  private pretend(call: FlowCall): void {
    const next = this.flow.routes.get(call.screen)?.find((id) => this.flow.screens.has(id));
    if (next === undefined) return this.finish({ ...call.data, flow_token: this.flowToken });
    this.arrive(next, exampleOf(this.flow.screens.get(next)!));
  }

  private goesTo(id: string): boolean {
    const top = this.top?.screen;
    if (id === SUCCESS) return top !== undefined;
    if (!this.flow.screens.has(id)) return false;
    if (top === undefined) return entriesOf(this.flow).includes(id);
    if (id === top.id) return ![...everyComponent(top.children)].some(({ type }) => type === "NavigationList");
    const [onwards, backwards] = [this.flow.routes.get(top.id) ?? [], this.flow.routes.get(id) ?? []];
    return onwards.includes(id) || backwards.includes(top.id);
  }

  private misfit(id: string, data: Json): string {
    const model = this.flow.screens.get(id)?.model;
    if (model !== undefined) return misfitOf(model, data);
    return Object.keys(data).length > 0 ? `${id} declares no data` : "";
  }

  private setBusy(isBusy: boolean): void {
    this.isBusy = isBusy;
    this.listener.busy(isBusy);
  }

  private finish(params: Json): void {
    this.isOver = true;
    this.listener.completed(params);
  }

  private close(message: string): void {
    this.isOver = true;
    this.listener.closed(message);
  }

  // Screens

  private async navigate(id: string, payload: Json): Promise<void> {
    const screen = this.flow.screens.get(id);
    if (screen === undefined) {
      return this.listener.told(id === "" ? "This document has no screen." : `There is no screen ${id}.`);
    }
    await this.ask(this.arrive(id, this.isPreview ? { ...exampleOf(screen), ...payload } : payload));
  }

  /** Show a screen: over the others, or by going back to it if it lies behind. Returns the call that it asks for. */
  private arrive(id: string, data: Json): FlowCall | undefined {
    const screen = this.flow.screens.get(id);
    if (screen === undefined) return undefined;
    const depth = this.stack.findIndex((each) => each.screen.id === id);
    if (depth >= 0) {
      this.leave(this.stack.length - depth - 1);
      const again = this.stack[depth]!;
      again.data = data;
      again.faults.clear();
      again.edited.clear();
    } else {
      const next: Shown = { screen, data, form: {}, faults: new Map(), edited: new Set() };
      this.stack.push(next);
      this.begin(next);
    }
    return this.show();
  }

  /** Show the screen that is on top now; return the call that it asks for. */
  private show(): FlowCall | undefined {
    this.look();
    const asked = this.top === undefined ? undefined : this.done(this.top, this.feltAgain());
    this.listener.arrived();
    return asked;
  }

  private leave(count: number): void {
    for (const each of this.stack.splice(this.stack.length - count, count)) this.left.set(each.screen.id, each);
  }

  /** Fill the inputs with their initial values; what these set off by themselves follows once all are filled. */
  private begin(top: Shown): void {
    this.look();
    for (const component of everyComponent(top.screen.children)) {
      if (!INPUTS.has(component.type) || component.name === "") continue;
      const ofForm = ownOf(recordOf(this.read(component.form?.said["init-values"])), component.name);
      const given = this.read(component.said["init-value"]) ?? ofForm;
      const isListed = component.type === "RadioButtonsGroup" && Array.isArray(given); // Meta's page shows both
      const value: unknown = isListed ? given[0] : given;
      if (value === undefined || value === null) continue;
      this.fill(top, component, value);
      if (this.seen.has(component)) this.done(top, this.feltByItems(component, undefined, value));
    }
  }

  private fill(top: Shown, component: Component, value: unknown): void {
    top.form = { ...top.form, [component.name]: value };
    if (value === undefined) delete top.form[component.name];
    this.look();
  }

  /** Do what choosing sets off; return the call that it asks for, the last if there are several. */
  private done(top: Shown, actions: readonly Json[]): FlowCall | undefined {
    let asked: FlowCall | undefined;
    for (const action of actions) {
      const payload = this.payload(action, {});
      if (action.name === "data_exchange") asked = { action: "data_exchange", screen: top.screen.id, data: payload };
      if (action.name !== "update_data") continue;
      top.data = { ...top.data, ...payload };
      this.look();
    }
    return asked;
  }

  /** Return the actions of the items that a change of an input's value chooses, or no longer does. */
  private feltByItems(component: Component, before: unknown, after: unknown): Json[] {
    const [had, has] = [chosenIn(before), chosenIn(after)];
    const items = this.items(component.said["data-source"]).map((item) => [shown(item.id), item] as const);
    const left = items.filter(([id]) => had.includes(id) && !has.includes(id)).map(([, item]) => item[UNSELECTED]);
    const taken = items.filter(([id]) => has.includes(id) && !had.includes(id)).map(([, item]) => item[SELECTED]);
    return records([...left, ...taken]);
  }

  /**
   * Return the action of an input's own that a change of its value sets off, if one does.
   *
   * Where choices have none for what is no longer chosen, the other one is for both (Meta, "Components").
   */
  private felt(component: Component, before: unknown, after: unknown): Json[] {
    const [had, has] = [chosenIn(before), chosenIn(after)];
    const { said, type } = component;
    if (has.some((one) => !had.includes(one))) return records([said[SELECTED]]);
    if (had.every((one) => has.includes(one))) return [];
    return records([said[UNSELECTED] ?? (CHOICES.has(type) ? said[SELECTED] : undefined)]);
  }

  /** Return the actions of the inputs that hold a value as their screen is shown, or again. Source: Meta, 6.0, 7.0. */
  private feltAgain(): Json[] {
    if (isBefore(this.flow.version, 6, 0) || !isBefore(this.flow.version, 7, 0)) return [];
    const inputs = [...this.seen].filter((each) => INPUTS.has(each.type) && each.name !== "");
    return inputs.flatMap((each) => this.felt(each, undefined, this.held(each)));
  }

  /** Return what goes with an action; a value that is missing leaves its key out. */
  private payload(action: Json, beside: Json): Json {
    const form = { ...this.top?.form };
    const names = new Set([...this.seen].map(({ name }) => name));
    for (const { name } of everyComponent(this.top?.screen.children ?? [])) if (!names.has(name)) delete form[name];
    return recordOf(withoutMissing(this.read(recordOf(action.payload), { ...form, ...beside })));
  }

  /** Return the payload of a completion: its files lie with WhatsApp by then, and are described as it does. */
  private withStoredMedia(payload: Json): Json {
    const stored = (value: unknown): unknown => {
      if (!isRecord(value) || !this.kinds.has(value.media_id)) return value;
      const { media_id: id, file_name, encryption_metadata: metadata } = value;
      return { id, mime_type: this.kinds.get(id), sha256: recordOf(metadata).plaintext_hash, file_name };
    };
    const described = (value: unknown): unknown => (Array.isArray(value) ? value.map(stored) : value);
    return Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, described(value)]));
  }

  private valueOf(reference: Reference, form: Json): unknown {
    const isHere = reference.screen === "" || reference.screen === this.top?.screen.id;
    const there = this.stack.find((each) => each.screen.id === reference.screen) ?? this.left.get(reference.screen);
    const where = isHere ? this.top : there;
    if (where === undefined) return undefined;
    let value: unknown = where.data;
    if (reference.scope === "form") value = isHere ? form : where.form;
    for (const name of reference.path) value = isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    return value;
  }

  /** Find out what can be seen, and forget what was chosen of what is no longer offered; that may decide what is seen. */
  private look(): void {
    do this.see();
    while ([...this.seen].filter((each) => this.forgets(each)).length > 0);
  }

  private see(): void {
    const seen = new Set<Component>();
    const visit = (components: readonly Component[]): void => {
      for (const component of components) {
        const { visible } = component.said;
        if (visible !== undefined && this.read(visible) !== true) continue;
        seen.add(component);
        for (const branch of component.branches) if (this.holds(component, branch.label)) visit(branch.children);
      }
    };
    visit(this.top?.screen.children ?? []);
    this.seen = seen;
  }

  private holds(component: Component, label: string): boolean {
    if (component.type === "If") {
      const node = conditionIn(textOf(component.said.condition));
      const isSo = node !== undefined && evaluate(node, (each) => this.valueOf(each, this.top?.form ?? {})) === true;
      return (label === "then") === isSo;
    }
    return component.type === "Form" || this.text(component.said.value) === label;
  }

  /** Forget what was chosen of what is no longer offered; return whether there was such. */
  private forgets(component: Component): boolean {
    const top = this.top;
    if (top === undefined || component.said["data-source"] === undefined) return false;
    const held = this.held(component);
    const offered = new Set(this.items(component.said["data-source"]).map((item) => shown(item.id)));
    if (offered.size === 0) return false;
    if (typeof held === "string" && !offered.has(held)) return delete top.form[component.name];
    if (!Array.isArray(held)) return false;
    const kept = held.filter((one) => typeof one === "string" && offered.has(one));
    top.form[component.name] = kept;
    return kept.length < held.length;
  }

  /** Return the inputs that can be seen and used. */
  private inputs(): Component[] {
    return [...this.seen].filter((each) => INPUTS.has(each.type) && each.name !== "" && this.isEnabled(each.said));
  }

  private calendar(said: Json): Calendar {
    const stamps = isBefore(this.flow.version, 5, 0);
    const days = listOf(said["unavailable-dates"]).map((value) => readDay(value, stamps));
    const included = listOf(said["include-days"]).map(shown);
    return {
      first: readDay(said["min-date"], stamps) ?? FIRST_DAY,
      last: readDay(said["max-date"], stamps) ?? LAST_DAY,
      unavailable: new Set(days.filter((day): day is Day => day !== undefined)),
      weekdays: new Set(included.length > 0 ? included : WEEKDAYS),
      stamps,
      isRange: said.mode === "range",
      least: countOf(said["min-days"]) ?? 0,
      most: countOf(said["max-days"]),
    };
  }
}

/** Return how much an input holds, of what it holds: characters, choices or files. */
function bounds(type: string, said: Json): [number, number | undefined] {
  switch (type) {
    case "TextInput":
      return [countOf(said["min-chars"]) ?? 0, countOf(said["max-chars"]) ?? TEXT_LENGTH];
    case "TextArea":
      return [0, countOf(said["max-length"]) ?? AREA_LENGTH];
    case "PhotoPicker":
      return [countOf(said["min-uploaded-photos"]) ?? 0, countOf(said["max-uploaded-photos"]) ?? MOST_FILES];
    case "DocumentPicker":
      return [countOf(said["min-uploaded-documents"]) ?? 0, countOf(said["max-uploaded-documents"]) ?? MOST_FILES];
  }
  return [countOf(said["min-selected-items"]) ?? 0, countOf(said["max-selected-items"])];
}

/** Return what is chosen in an input's value. */
function chosenIn(value: unknown): string[] {
  if (isEmpty(value)) return [];
  if (Array.isArray(value)) return value.filter((one): one is string => typeof one === "string");
  return [typeof value === "string" ? value : JSON.stringify(value)];
}

function withoutActions(said: Json): Json {
  return Object.fromEntries(Object.entries(said).filter(([name]) => !name.endsWith("-action") && name !== "children"));
}

function withoutMissing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMissing);
  if (!isRecord(value)) return value;
  const there = Object.entries(value).filter(([, item]) => item !== undefined && item !== null);
  return Object.fromEntries(there.map(([name, item]) => [name, withoutMissing(item)]));
}
