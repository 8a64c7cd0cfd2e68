/** What the components are made of on a screen: parts that follow the state of the Flow. */

import { freshId, make, say, setAttribute } from "../dom.ts";
import type { Component } from "../document.ts";
import type { Layer } from "../layer.ts";
import type { Runtime } from "../runtime.ts";
import { cut, type Json } from "../values.ts";

/** A component on the screen. */
export interface Part {
  readonly node: HTMLElement;
  /** Show what the component says now. */
  update(): void;
  /** Go to where something is put in. */
  focus?(): void;
}

/** The sheet that parts stand on. */
export interface Sheet {
  readonly runtime: Runtime;
  readonly layer: Layer;
  /** Where the Footer stands, whatever it is nested in. */
  readonly foot: HTMLElement;
  readonly isBusy: boolean;
  /** Return the parts of components, in their order. */
  build(components: readonly Component[]): Part[];
  press(action: unknown, form?: Json): void;
  submit(action: unknown): void;
  openUrl(url: string): void;
}

export type Builder = (sheet: Sheet, component: Component) => Part;

/** Return a property as the phone shows it, cut after *limit* characters. */
export function textIn(sheet: Sheet, component: Component, name: string, limit: number): string {
  return cut(sheet.runtime.text(component.said[name]), limit);
}

/** The words around an input: what helps, and what is wrong. */
export class Around {
  readonly helper = make("p", "flow-helper", { id: freshId() });
  readonly fault = make("p", "flow-fault", { id: freshId(), "aria-live": "polite" });

  constructor(
    private readonly sheet: Sheet,
    private readonly component: Component,
    private readonly helpers: readonly [string, number] = ["helper-text", 80],
  ) {}

  /** Show the words, and tie them to *control*. */
  update(control: HTMLElement): void {
    const [name, limit] = this.helpers;
    const fault = this.sheet.runtime.faultOf(this.component);
    say(this.helper, textIn(this.sheet, this.component, name, limit));
    say(this.fault, fault);
    setAttribute(control, "aria-invalid", fault === "" ? undefined : "true");
    const told = [this.helper, this.fault].filter((each) => !each.hidden).map(({ id }) => id);
    setAttribute(control, "aria-describedby", told.join(" ") || undefined);
  }
}
