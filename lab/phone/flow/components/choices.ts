/** Choices: CheckboxGroup, RadioButtonsGroup, ChipsSelector, Dropdown. Source: Meta, "Components". */

import { freshId, icon, ICONS, make, say, setAttribute } from "../dom.ts";
import type { Component } from "../document.ts";
import { isSame, listOf, textOf } from "../values.ts";
import { labelled } from "./fields.ts";
import { type Option, optionContent, optionsOf } from "./options.ts";
import { Around, type Part, type Sheet, textIn } from "./part.ts";

/** From how many options on a list can be searched. */
const SEARCHED = 10;

/** Build a CheckboxGroup or a RadioButtonsGroup. */
export function group(sheet: Sheet, component: Component): Part {
  const { runtime } = sheet;
  const isMany = component.type === "CheckboxGroup";
  const around = new Around(sheet, component, ["description", 300]);
  const legend = make("legend", "flow-legend");
  const rows = make("div", "flow-rows");
  const node = make("fieldset", "flow-group", {}, legend, around.helper, rows, around.fault);
  const name = freshId();
  const follow = rebuilding(rows, (option) => {
    const box = make("input", "flow-tick", { type: isMany ? "checkbox" : "radio", name, value: option.id });
    box.addEventListener("change", () => {
      const held = listOf(runtime.held(component));
      void runtime.put(component, isMany ? toggled(held, option.id) : option.id);
    });
    return make("label", "flow-option", {}, ...optionContent(option), box);
  });
  const update = (): void => {
    const input = runtime.input(component);
    say(legend, labelled(textIn(sheet, component, "label", 30), input.isRequired));
    rows.classList.toggle("is-large", runtime.text(component.said["media-size"]) === "large");
    const options = optionsOf(sheet, component);
    follow(options);
    const held = runtime.held(component);
    const chosen = isMany ? listOf(held) : [held];
    const isFull = isMany && input.most !== undefined && chosen.length >= input.most;
    const isEnabled = runtime.isEnabled(component.said);
    for (const [index, box] of rows.querySelectorAll("input").entries()) {
      box.checked = chosen.includes(box.value);
      box.disabled = !isEnabled || options[index]?.isEnabled === false || (isFull && !box.checked);
      setAttribute(box, "aria-invalid", runtime.faultOf(component) === "" ? undefined : "true");
    }
    around.update(rows);
    rows.removeAttribute("aria-invalid"); // it is the boxes that can be wrong
    setAttribute(node, "aria-describedby", rows.getAttribute("aria-describedby") ?? undefined);
    rows.removeAttribute("aria-describedby");
  };
  return { node, update, focus: () => rows.querySelector<HTMLElement>("input:not(:disabled)")?.focus() };
}

/** Build a ChipsSelector. */
export function chips(sheet: Sheet, component: Component): Part {
  const { runtime } = sheet;
  const around = new Around(sheet, component, ["description", 300]);
  const legend = make("legend", "flow-legend");
  const rows = make("div", "flow-chips");
  const node = make("fieldset", "flow-group", {}, legend, around.helper, rows, around.fault);
  const follow = rebuilding(rows, (option) => {
    const chip = make("button", "flow-chip", { type: "button", value: option.id }, icon(ICONS.check), option.title);
    chip.addEventListener("click", () => {
      void runtime.put(component, toggled(listOf(runtime.held(component)), option.id));
    });
    return chip;
  });
  rows.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step !== undefined && moved(rows, step)) event.preventDefault();
  });
  const update = (): void => {
    const input = runtime.input(component);
    say(legend, labelled(textIn(sheet, component, "label", 80), input.isRequired));
    const options = optionsOf(sheet, component);
    follow(options);
    const chosen = listOf(runtime.held(component));
    const isFull = input.most !== undefined && chosen.length >= input.most;
    const isEnabled = runtime.isEnabled(component.said);
    for (const [index, chip] of rows.querySelectorAll("button").entries()) {
      const isChosen = chosen.includes(chip.value);
      setAttribute(chip, "aria-pressed", String(isChosen));
      chip.disabled = !isEnabled || options[index]?.isEnabled === false || (isFull && !isChosen);
    }
    around.update(node);
    node.removeAttribute("aria-invalid"); // a group of buttons has none
  };
  return { node, update, focus: () => rows.querySelector<HTMLElement>("button:not(:disabled)")?.focus() };
}

/** Build a Dropdown: a field that brings up a list. */
export function dropdown(sheet: Sheet, component: Component): Part {
  const { runtime } = sheet;
  const around = new Around(sheet, component);
  const label = make("span", "flow-label", { id: freshId() });
  const value = make("span", "flow-value", { id: freshId() });
  const said = { type: "button", "aria-haspopup": "dialog", "aria-labelledby": `${label.id} ${value.id}` };
  const field = make("button", "flow-control flow-picker", said, value, icon(ICONS.down));
  const node = make("div", "flow-field", {}, make("div", "flow-box", {}, field, label), around.helper, around.fault);
  field.addEventListener("click", () => {
    const title = textIn(sheet, component, "label", 20);
    const choose = (option: Option): void => {
      sheet.layer.close();
      void runtime.put(component, option.id);
    };
    sheet.layer.open(title, ...list(optionsOf(sheet, component), textOf(runtime.held(component)), choose));
  });
  const update = (): void => {
    const input = runtime.input(component);
    say(label, labelled(textIn(sheet, component, "label", 20), input.isRequired));
    value.textContent = optionsOf(sheet, component).find(({ id }) => id === runtime.held(component))?.title ?? "";
    field.classList.toggle("is-empty", value.textContent === "");
    field.disabled = !runtime.isEnabled(component.said);
    around.update(field);
    field.removeAttribute("aria-invalid"); // a button has none; what is wrong describes it
  };
  return { node, update, focus: () => field.focus() };
}

/** Return a list of options to choose one of, with a search if it is long. */
function list(options: readonly Option[], held: string, choose: (option: Option) => void): HTMLElement[] {
  const rows = make("ul", "flow-rows flow-choosing");
  const buttons = options.map((option) => {
    const isHeld = option.id === held;
    const button = make("button", "flow-option", { type: "button", value: option.id, "aria-pressed": String(isHeld) });
    button.append(...optionContent(option), make("span", "flow-tick is-round", { "aria-hidden": "true" }));
    button.disabled = !option.isEnabled;
    if (isHeld) button.dataset.first = "";
    button.addEventListener("click", () => choose(option));
    rows.append(make("li", "", {}, button));
    return [option.title.toLowerCase(), button] as const;
  });
  rows.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && moved(rows, step)) event.preventDefault();
  });
  if (options.length <= SEARCHED) return [rows];
  const said = { type: "search", placeholder: "Search", "aria-label": "Search the list" };
  const search = make("input", "flow-search", said);
  search.dataset.first = "";
  const none = make("p", "flow-question", { role: "status", hidden: true });
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    for (const [title, button] of buttons) button.parentElement!.hidden = !title.includes(wanted);
    say(none, buttons.some(([title]) => title.includes(wanted)) ? "" : "Nothing in the list is called that.");
  });
  return [search, none, rows];
}

/** Return what makes the children of *rows* anew when there are other options. */
function rebuilding(rows: HTMLElement, build: (option: Option) => HTMLElement): (options: readonly Option[]) => void {
  let last: readonly Option[] = [];
  return (options) => {
    if (isSame(options, last)) return;
    last = options;
    rows.replaceChildren(...options.map(build));
  };
}

function toggled(chosen: readonly unknown[], id: string): unknown[] {
  return chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id];
}

/** Go on to the next button, or the one before; return whether there is one. */
function moved(rows: HTMLElement, step: number): boolean {
  const buttons = [...rows.querySelectorAll<HTMLElement>("button:not(:disabled)")];
  const seen = buttons.filter((each) => each.offsetParent !== null);
  const next = seen[seen.findIndex((each) => each === document.activeElement) + step];
  next?.focus();
  return next !== undefined;
}
