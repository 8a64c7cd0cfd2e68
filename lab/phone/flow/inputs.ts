/**
 * What an input on a screen takes, as a phone holds people to it, and what it tells those whom it does not let go on.
 *
 * Source: Meta, "Components". A pattern that cannot be read, or might take for ever, holds nobody to it.
 */

import { type Day, daysBetween, readDay, WEEKDAYS, weekdayOf } from "./days.ts";
import { matches } from "./patterns.ts";
import { isEmpty, isRecord, type Json, listOf } from "./values.ts";

export const INPUTS: ReadonlySet<string> = new Set([
  "TextInput", "TextArea", "CheckboxGroup", "RadioButtonsGroup", "Dropdown", "ChipsSelector", "OptIn", "DatePicker",
  "CalendarPicker", "PhotoPicker", "DocumentPicker",
]);

/** How many characters fit where nothing else is said. */
export const TEXT_LENGTH = 80;
export const AREA_LENGTH = 600;

export const MOST_FILES = 30;

export const START = "start-date";
export const END = "end-date";

/** The days that a picker offers. *isRange* is a CalendarPicker of two days, *least* to *most* of them apart. */
export interface Calendar {
  readonly first: Day;
  readonly last: Day;
  readonly unavailable: ReadonlySet<Day>;
  readonly weekdays: ReadonlySet<string>;
  readonly stamps: boolean;
  readonly isRange: boolean;
  readonly least: number;
  readonly most: number | undefined;
}

/** An input that can be seen. *least* and *most* bound characters, choices or files. */
export interface Input {
  readonly type: string;
  readonly isRequired: boolean;
  readonly options: readonly string[];
  readonly least: number;
  readonly most: number | undefined;
  readonly kind: string;
  readonly pattern: string;
  readonly helper: string;
  readonly calendar: Calendar | undefined;
}

/** Return whether an item of a list can be chosen, as it says of itself. */
export function isOffered(item: Json): boolean {
  return !Object.hasOwn(item, "enabled") || item.enabled === true;
}

/** Return whether *day* can be picked. */
export function offers(calendar: Calendar, day: Day | undefined): boolean {
  if (day === undefined || day < calendar.first || day > calendar.last || calendar.unavailable.has(day)) return false;
  return calendar.weekdays.has(WEEKDAYS[weekdayOf(day)] ?? "");
}

/** Return whether the days from *start* to *end* can be picked. */
export function offersRange(calendar: Calendar, start: Day | undefined, end: Day | undefined): boolean {
  if (start === undefined || end === undefined || !offers(calendar, start) || !offers(calendar, end)) return false;
  const length = daysBetween(start, end);
  return length >= calendar.least && (calendar.most === undefined || length <= calendar.most);
}

/** Return what is wrong with a value, in the words that people see; empty if nothing is. */
export function faultOf(input: Input, value: unknown): string {
  if (isEmpty(value)) return input.isRequired ? missingFault(input.type) : "";
  if (input.calendar !== undefined) return dayFault(input.calendar, value);
  switch (input.type) {
    case "OptIn":
      return value === true ? "" : missingFault(input.type);
    case "RadioButtonsGroup":
    case "Dropdown":
      return typeof value === "string" && input.options.includes(value) ? "" : "Choose one of these";
    case "CheckboxGroup":
    case "ChipsSelector":
      return choicesFault(input, listOf(value));
    case "PhotoPicker":
    case "DocumentPicker":
      return filesFault(input, listOf(value).length);
  }
  return textFault(input, typeof value === "number" ? String(value) : value);
}

function missingFault(type: string): string {
  switch (type) {
    case "TextInput":
    case "TextArea":
      return "Fill this in";
    case "OptIn":
      return "Tick this to go on";
    case "DatePicker":
    case "CalendarPicker":
      return "Choose a date";
    case "PhotoPicker":
      return "Add a photo";
    case "DocumentPicker":
      return "Add a document";
  }
  return "Make a choice";
}

function dayFault(calendar: Calendar, value: unknown): string {
  if (!calendar.isRange) {
    return offers(calendar, readDay(value, calendar.stamps)) ? "" : "Choose a date that is offered";
  }
  const range = isRecord(value) ? value : {};
  const [start, end] = [readDay(range[START], calendar.stamps), readDay(range[END], calendar.stamps)];
  if (start === undefined || end === undefined) return "Choose a first and a last day";
  return offersRange(calendar, start, end) ? "" : rangeWords(calendar) || "Choose dates that are offered";
}

/** Return how long a range may be, in words; empty if it may have any length. */
export function rangeWords({ least, most }: Calendar): string {
  if (most !== undefined) return least > 0 ? `Choose ${least} to ${most} days` : `Choose ${most} days at most`;
  return least > 0 ? `Choose ${least} days at least` : "";
}

function choicesFault(input: Input, chosen: readonly unknown[]): string {
  if (!chosen.every((one) => typeof one === "string" && input.options.includes(one))) return "Choose of these";
  if (chosen.length < input.least) return `Choose at least ${input.least}`;
  return input.most !== undefined && chosen.length > input.most ? `Choose ${input.most} at most` : "";
}

function filesFault(input: Input, count: number): string {
  if (count < input.least) return `Add at least ${input.least}`;
  return count > (input.most ?? MOST_FILES) ? `${input.most ?? MOST_FILES} at most` : "";
}

const FORMS: Record<string, readonly [RegExp, string]> = {
  number: [/^[+-]?[0-9]+(?:\.[0-9]+)?$/, "Enter a number"],
  email: [/^[^@\s]+@[^@\s]+\.[^@\s]+$/, "Enter an e-mail address"],
  phone: [/^\+?[0-9 ()-]+$/, "Enter a phone number"],
};

function textFault(input: Input, value: unknown): string {
  if (typeof value !== "string") return "Fill this in";
  const length = [...value].length;
  if (length < input.least) return `Enter at least ${input.least} characters`;
  if (input.most !== undefined && length > input.most) return `Enter ${input.most} characters at most`;
  const form = Object.hasOwn(FORMS, input.kind) ? FORMS[input.kind] : undefined;
  if (form !== undefined && !form[0].test(value)) return form[1];
  if (input.pattern === "" || matches(input.pattern, value)) return "";
  return input.helper === "" ? "This is not in the right form" : `Not in the right form: ${input.helper}`;
}
