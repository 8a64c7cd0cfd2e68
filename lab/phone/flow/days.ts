/** Days of the calendar, as texts `YYYY-MM-DD` that no time zone can move. */

/** A day as `YYYY-MM-DD`; such texts order as days do. */
export type Day = string;

/** The days that a picker offers unless it says others. */
export const FIRST_DAY: Day = "1900-01-01";
export const LAST_DAY: Day = "2100-12-31";

export const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
export const MONTHS = [
  "January", "February", "March", "April", "May", "June",
  "July", "August", "September", "October", "November", "December",
] as const;

const MILLISECONDS_A_DAY = 86_400_000;

/** Return the day that a value of a picker is, undefined if it is none; *stamps* are milliseconds since 1970. */
export function readDay(value: unknown, stamps: boolean): Day | undefined {
  if (typeof value !== "string") return undefined;
  if (stamps) return /^-?[0-9]{1,15}$/.test(value) ? ofTime(Number(value)) : undefined;
  const time = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(value) ? Date.parse(value) : Number.NaN;
  return ofTime(time) === value ? value : undefined;
}

/** Return *day* as a picker yields it. */
export function writeDay(day: Day, stamps: boolean): string {
  return stamps ? String(Date.parse(day)) : day;
}

/** Return the day *days* later, or earlier. */
export function plusDays(day: Day, days: number): Day {
  return ofTime(Date.parse(day) + days * MILLISECONDS_A_DAY) ?? day;
}

/** Return how many days there are from one to another. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / MILLISECONDS_A_DAY);
}

/** Return the first day of the month *months* later, or earlier. */
export function plusMonths(day: Day, months: number): Day {
  const count = yearOf(day) * 12 + monthOf(day) + months;
  return monthStart(Math.floor(count / 12), count % 12);
}

/** Return the first day of a month; January is 0. */
export function monthStart(year: number, month: number): Day {
  return `${String(year).padStart(4, "0")}-${String(month + 1).padStart(2, "0")}-01`;
}

export function yearOf(day: Day): number {
  return Number(day.slice(0, 4));
}

/** Return the month of a day; January is 0. */
export function monthOf(day: Day): number {
  return Number(day.slice(5, 7)) - 1;
}

/** Return which day of the week a day is; Monday is 0. */
export function weekdayOf(day: Day): number {
  return (new Date(Date.parse(day)).getUTCDay() + 6) % 7;
}

/** Return a day as people write it, such as `Fri, 2 January 2026`. */
export function spokenDay(day: Day): string {
  return `${WEEKDAYS[weekdayOf(day)]}, ${Number(day.slice(8))} ${MONTHS[monthOf(day)]} ${yearOf(day)}`;
}

/** Return the day that it is here. */
export function today(): Day {
  const now = new Date();
  return `${monthStart(now.getFullYear(), now.getMonth()).slice(0, 8)}${String(now.getDate()).padStart(2, "0")}`;
}

function ofTime(time: number): Day | undefined {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return undefined;
  const [day = ""] = date.toISOString().split("T");
  return day.length === "YYYY-MM-DD".length ? day : undefined; // other years have a sign, and order as no day does
}
