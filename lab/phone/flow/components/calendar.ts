/** A month of days to choose from, with keys: arrows go by days and weeks, Page Up and Page Down by months. */

import {
  type Day,
  daysBetween,
  monthOf,
  MONTHS,
  monthStart,
  plusDays,
  plusMonths,
  spokenDay,
  today,
  WEEKDAYS,
  weekdayOf,
  yearOf,
} from "../days.ts";
import { icon, ICONS, make, setAttribute } from "../dom.ts";
import { type Calendar, offers } from "../inputs.ts";

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
const MOST_YEARS = 250;

/** The days of *calendar*; tells *onChoose* of one that is chosen. *chosen* are the first and the last one chosen. */
export class Month {
  readonly node = make("div", "flow-month");
  private readonly days = make("div", "flow-days", { role: "group" });
  private readonly month = make("select", "flow-select", { "aria-label": "Month" });
  private readonly year = make("select", "flow-select", { "aria-label": "Year" });
  private readonly before = turner("Month before", ICONS.back);
  private readonly after = turner("Month after", ICONS.onwards);
  private at: Day;

  constructor(
    private readonly calendar: Calendar,
    private chosen: readonly Day[],
    private readonly onChoose: (day: Day) => void,
  ) {
    this.at = this.within(chosen[0] ?? today());
    this.month.append(...MONTHS.map((name, index) => make("option", "", { value: String(index) }, name)));
    const [first, last] = [yearOf(calendar.first), yearOf(calendar.last)];
    for (let year = first; year <= Math.min(last, first + MOST_YEARS); year += 1) {
      this.year.append(make("option", "", { value: String(year) }, String(year)));
    }
    this.before.addEventListener("click", () => this.turn(-1));
    this.after.addEventListener("click", () => this.turn(1));
    for (const select of [this.month, this.year]) {
      select.addEventListener("change", () => this.go(monthStart(Number(this.year.value), Number(this.month.value))));
    }
    this.days.addEventListener("keydown", (event) => this.key(event));
    const heads = WEEKDAYS.map((name) => make("span", "flow-weekday", { "aria-hidden": "true" }, name.slice(0, 2)));
    this.node.append(
      make("div", "flow-month-head", {}, this.before, this.month, this.year, this.after),
      make("div", "flow-days", {}, ...heads),
      this.days,
    );
    this.draw();
  }

  /** Show other days as chosen. */
  choose(chosen: readonly Day[]): void {
    this.chosen = chosen;
    this.draw();
  }

  private within(day: Day): Day {
    if (day < this.calendar.first) return this.calendar.first;
    return day > this.calendar.last ? this.calendar.last : day;
  }

  private turn(months: number): void {
    this.go(plusMonths(this.at, months));
  }

  private go(day: Day): void {
    this.at = this.within(day);
    this.draw();
  }

  private key(event: KeyboardEvent): void {
    const step = STEPS[event.key];
    if (step !== undefined) this.go(plusDays(this.at, step));
    else if (event.key === "PageUp" || event.key === "PageDown") this.turn(event.key === "PageUp" ? -1 : 1);
    else return;
    event.preventDefault();
    this.days.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
  }

  private draw(): void {
    const hadFocus = this.days.contains(document.activeElement);
    const start = plusMonths(this.at, 0);
    const length = daysBetween(start, plusMonths(this.at, 1));
    this.month.value = String(monthOf(start));
    this.year.value = String(yearOf(start));
    this.before.disabled = start <= this.calendar.first;
    this.after.disabled = plusMonths(this.at, 1) > this.calendar.last;
    setAttribute(this.days, "aria-label", `${MONTHS[monthOf(start)]} ${yearOf(start)}`);
    const gaps = Array.from({ length: weekdayOf(start) }, () => make("span", ""));
    this.days.replaceChildren(...gaps, ...Array.from({ length }, (_, index) => this.day(plusDays(start, index))));
    if (hadFocus) this.days.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
  }

  private day(day: Day): HTMLElement {
    const [first, last = first] = this.chosen;
    const isChosen = day === first || day === last;
    const said = { type: "button", "aria-label": spokenDay(day), "aria-pressed": String(isChosen) };
    const button = make("button", "flow-day", said, String(Number(day.slice(8))));
    button.dataset.day = day;
    button.tabIndex = day === this.at ? 0 : -1;
    if (day === this.at) button.dataset.first = "";
    button.classList.toggle("is-between", first !== undefined && last !== undefined && day > first && day < last);
    button.classList.toggle("is-today", day === today());
    setAttribute(button, "aria-disabled", offers(this.calendar, day) ? undefined : "true"); // arrows go over it still
    button.addEventListener("click", () => {
      this.at = day;
      if (offers(this.calendar, day)) this.onChoose(day);
    });
    return button;
  }
}

function turner(label: string, path: string): HTMLButtonElement {
  return make("button", "flow-round", { type: "button", "aria-label": label }, icon(path));
}
