/** Fields to type into: TextInput and TextArea. Source: Meta, "Components". */

import { freshId, make, say, setAttribute } from "../dom.ts";
import { shown } from "../expressions.ts";
import type { Component } from "../document.ts";
import { Around, type Part, type Sheet, textIn } from "./part.ts";

const LABEL_LIMIT = 20;
const LARGE_LABEL_LIMIT = 80;

const KEYBOARDS: Record<string, readonly [type: string, mode: string]> = {
  number: ["text", "decimal"],
  email: ["email", "email"],
  password: ["password", "text"],
  passcode: ["password", "numeric"],
  phone: ["tel", "tel"],
};

/** Build a TextInput. */
export function textInput(sheet: Sheet, component: Component): Part {
  const control = make("input", "flow-control", { placeholder: " ", autocomplete: "off", spellcheck: "false" });
  return field(sheet, component, control, () => {
    const { kind, most } = sheet.runtime.input(component);
    const [type, mode] = KEYBOARDS[kind] ?? ["text", "text"];
    if (control.type !== type) control.type = type;
    setAttribute(control, "inputmode", mode);
    setAttribute(control, "maxlength", String(most ?? ""));
  });
}

/** Build a TextArea, with a count of what still fits. */
export function textArea(sheet: Sheet, component: Component): Part {
  const control = make("textarea", "flow-control", { placeholder: " ", rows: "4" });
  const count = make("p", "flow-count", { "aria-hidden": "true" });
  const part = field(sheet, component, control, () => {
    const most = String(sheet.runtime.input(component).most ?? "");
    setAttribute(control, "maxlength", most);
    count.textContent = `${[...control.value].length} / ${most}`;
  });
  part.node.append(count);
  return part;
}

function field(
  sheet: Sheet,
  component: Component,
  control: HTMLInputElement | HTMLTextAreaElement,
  follow: () => void,
): Part {
  const { runtime } = sheet;
  const around = new Around(sheet, component);
  control.id = freshId();
  const label = make("label", "flow-label", { for: control.id });
  const box = make("div", "flow-box", {}, control, label);
  const node = make("div", "flow-field", {}, box, around.helper, around.fault);
  control.addEventListener("input", () => void runtime.put(component, control.value));
  control.addEventListener("blur", () => runtime.checkOne(component));
  const update = (): void => {
    const isLarge = runtime.text(component.said["label-variant"]) === "large";
    const { isRequired } = runtime.input(component);
    node.classList.toggle("is-large", isLarge);
    say(label, labelled(textIn(sheet, component, "label", isLarge ? LARGE_LABEL_LIMIT : LABEL_LIMIT), isRequired));
    const held = shown(runtime.held(component));
    if (control.value !== held) control.value = held;
    control.disabled = !runtime.isEnabled(component.said);
    setAttribute(control, "aria-required", isRequired ? "true" : undefined);
    around.update(control);
    follow();
  };
  return { node, update, focus: () => control.focus() };
}

/** Return a label with what people must know of it: a phone says of what need not be filled that it need not. */
export function labelled(label: string, isRequired: boolean): string {
  return isRequired || label === "" ? label : `${label} (optional)`;
}
