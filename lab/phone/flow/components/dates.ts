/** Days: DatePicker and CalendarPicker. Source: Meta, "Components". */

import { type Day, readDay, spokenDay, writeDay } from "../days.ts";
import { freshId, icon, ICONS, make, say, setAttribute } from "../dom.ts";
import type { Component } from "../document.ts";
import { shown } from "../expressions.ts";
import { type Calendar, END, offersRange, rangeWords, START } from "../inputs.ts";
import { cut, isRecord, recordOf } from "../values.ts";
import { Month } from "./calendar.ts";
import { labelled } from "./fields.ts";
import { Around, type Part, type Sheet, textIn } from "./part.ts";

const LABEL_LIMIT = 40;

/** Build a picker of a day: a field that brings up a calendar. */
export function datePicker(sheet: Sheet, component: Component): Part {
  const { runtime } = sheet;
  const around = new Around(sheet, component);
  const [box, field, follow] = dayField();
  const node = make("div", "flow-field", {}, box, around.helper, around.fault);
  const calendar = (): Calendar => runtime.input(component).calendar!;
  field.addEventListener("click", () => {
    const days = calendar();
    const held = readDay(runtime.held(component), days.stamps);
    const month = new Month(days, held === undefined ? [] : [held], (day) => {
      sheet.layer.close();
      void runtime.put(component, writeDay(day, days.stamps));
    });
    sheet.layer.open(textIn(sheet, component, "label", LABEL_LIMIT), month.node);
  });
  const update = (): void => {
    const { isRequired } = runtime.input(component);
    const held = readDay(runtime.held(component), calendar().stamps);
    const label = labelled(textIn(sheet, component, "label", LABEL_LIMIT), isRequired);
    follow(label, held, runtime.isEnabled(component.said));
    around.update(field);
    field.removeAttribute("aria-invalid"); // a button has none; what is wrong describes it
  };
  return { node, update, focus: () => field.focus() };
}

/** Build a CalendarPicker: of one day, or of the first and the last of several. */
export function calendarPicker(sheet: Sheet, component: Component): Part {
  const isRange = sheet.runtime.read(component.said.mode) === "range";
  return isRange ? rangePicker(sheet, component) : datePicker(sheet, component);
}

function rangePicker(sheet: Sheet, component: Component): Part {
  const { runtime } = sheet;
  const around = new Around(sheet, component, ["description", 300]);
  const title = make("legend", "flow-legend");
  const pair = make("div", "flow-pair");
  const node = make("fieldset", "flow-group", {}, title, around.helper, pair, around.fault);
  const ends = [START, END].map((end) => {
    const [box, field, follow] = dayField();
    const helper = make("p", "flow-helper", { id: freshId() });
    field.addEventListener("click", () => choose());
    pair.append(make("div", "flow-field", {}, box, helper));
    return { end, field, follow, helper };
  });
  const held = (calendar: Calendar): (Day | undefined)[] => {
    const value = recordOf(runtime.held(component));
    return [START, END].map((end) => readDay(value[end], calendar.stamps));
  };
  const choose = (): void => {
    const calendar = runtime.input(component).calendar!;
    const name = textIn(sheet, component, "title", 80) || part(sheet, component, "label", START, LABEL_LIMIT);
    const content = rangeChoice(calendar, held(calendar), (start, end) => {
      sheet.layer.close();
      const value = { [START]: writeDay(start, calendar.stamps), [END]: writeDay(end, calendar.stamps) };
      void runtime.put(component, value);
    });
    sheet.layer.open(name, ...content);
  };
  const update = (): void => {
    say(title, textIn(sheet, component, "title", 80));
    const { calendar } = runtime.input(component);
    const days = held(calendar!);
    const required = runtime.read(component.said.required);
    for (const [index, { end, field, follow, helper }] of ends.entries()) {
      const isRequired = isRecord(required) ? required[end] === true : required === true;
      const label = labelled(part(sheet, component, "label", end, LABEL_LIMIT), isRequired);
      follow(label, days[index], runtime.isEnabled(component.said));
      say(helper, part(sheet, component, "helper-text", end, 80));
      setAttribute(field, "aria-describedby", helper.hidden ? undefined : helper.id);
    }
    around.update(node);
    node.removeAttribute("aria-invalid");
  };
  return { node, update, focus: () => ends[0]?.field.focus() };
}

/** Return the calendar of a range with the button that takes it; the first day chosen begins it, the next ends it. */
function rangeChoice(
  calendar: Calendar,
  held: readonly (Day | undefined)[],
  take: (start: Day, end: Day) => void,
): HTMLElement[] {
  let chosen = held.filter((day): day is Day => day !== undefined);
  const words = make("p", "flow-range-words", { "aria-live": "polite" });
  const done = make("button", "flow-button", { type: "button" }, "Done");
  const month = new Month(calendar, chosen, (day) => {
    chosen = chosen.length === 1 && day >= chosen[0]! ? [chosen[0]!, day] : [day];
    month.choose(chosen);
    follow();
  });
  const follow = (): void => {
    const [start, end] = chosen;
    const isRight = offersRange(calendar, start, end);
    done.disabled = !isRight;
    const said = chosen.map(spokenDay).join(" to ");
    if (start === undefined) words.textContent = rangeWords(calendar) || "Choose the first day";
    else if (end === undefined) words.textContent = `${said}: choose the last day`;
    else words.textContent = isRight ? said : `${said}: ${rangeWords(calendar).toLowerCase() || "choose others"}`;
  };
  done.addEventListener("click", () => {
    const [start, end] = chosen;
    if (start !== undefined && end !== undefined) take(start, end);
  });
  follow();
  return [month.node, words, done];
}

type Follow = (label: string, day: Day | undefined, isEnabled: boolean) => void;

/** Return a field that shows a day, and what makes it follow. */
function dayField(): [box: HTMLElement, field: HTMLButtonElement, follow: Follow] {
  const label = make("span", "flow-label", { id: freshId() });
  const value = make("span", "flow-value", { id: freshId() });
  const said = { type: "button", "aria-haspopup": "dialog", "aria-labelledby": `${label.id} ${value.id}` };
  const field = make("button", "flow-control flow-picker", said, value, icon(ICONS.calendar));
  const follow: Follow = (words, day, isEnabled) => {
    say(label, words);
    value.textContent = day === undefined ? "" : spokenDay(day);
    field.classList.toggle("is-empty", day === undefined);
    field.disabled = !isEnabled;
  };
  return [make("div", "flow-box", {}, field, label), field, follow];
}

/** Return one of the two texts that a picker of a range has under a name. */
function part(sheet: Sheet, component: Component, name: string, end: string, limit: number): string {
  const said = sheet.runtime.read(component.said[name]);
  return cut(shown(isRecord(said) ? said[end] : said), limit);
}
