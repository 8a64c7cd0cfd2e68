/** What is pressed: EmbeddedLink, OptIn, NavigationList and Footer. Source: Meta, "Components". */

import { freshId, icon, ICONS, make, pictureAddress, say, setAttribute, thumb } from "../dom.ts";
import type { Component } from "../document.ts";
import { shown } from "../expressions.ts";
import { cut, type Json, listOf, recordOf } from "../values.ts";
import { Around, type Part, type Sheet, textIn } from "./part.ts";

const CLICKED = "on-click-action";
const MOST_TAGS = 3;

/** Build an EmbeddedLink. */
export function embeddedLink(sheet: Sheet, component: Component): Part {
  const node = make("button", "flow-link", { type: "button" });
  node.addEventListener("click", () => sheet.press(component.said[CLICKED]));
  return { node, update: () => void (node.textContent = textIn(sheet, component, "text", 25)) };
}

/** Build an OptIn: a box to tick, with a link to what is agreed to if it has one. */
export function optIn(sheet: Sheet, component: Component): Part {
  const { runtime } = sheet;
  const around = new Around(sheet, component);
  const box = make("input", "flow-tick", { type: "checkbox", id: freshId() });
  const label = make("label", "flow-optin-label", { for: box.id });
  const words = make("div", "flow-optin-words", {}, label);
  if (component.said[CLICKED] !== undefined) {
    const more = make("button", "flow-link", { type: "button", id: freshId() }, "Read more");
    more.addEventListener("click", () => sheet.press(component.said[CLICKED]));
    words.append(" ", more);
  }
  const node = make("div", "flow-optin", {}, make("div", "flow-optin-row", {}, box, words), around.fault);
  box.addEventListener("change", () => void runtime.put(component, box.checked));
  const update = (): void => {
    say(label, textIn(sheet, component, "label", 120));
    box.checked = runtime.held(component) === true;
    setAttribute(box, "aria-required", runtime.input(component).isRequired ? "true" : undefined);
    around.update(box);
  };
  return { node, update, focus: () => box.focus() };
}

/** Build a NavigationList: what is pressed leads on, with its id as the list's value. */
export function navigationList(sheet: Sheet, component: Component): Part {
  const { runtime } = sheet;
  const title = make("h4", "flow-legend");
  const description = make("p", "flow-helper");
  const rows = make("ul", "flow-rows");
  const node = make("div", "flow-navigation", {}, title, description, rows);
  let last = "";
  const update = (): void => {
    say(title, textIn(sheet, component, "label", 80));
    say(description, textIn(sheet, component, "description", 300));
    rows.classList.toggle("is-large", runtime.text(component.said["media-size"]) === "large");
    const items = runtime.items(component.said["list-items"]);
    const written = JSON.stringify(items.map((item) => ({ ...item, [CLICKED]: undefined })));
    if (written === last) return;
    last = written;
    rows.replaceChildren(
      ...items.map((item) => {
        const content = itemContent(item);
        const button = make("button", "flow-option", { type: "button" }, ...content, icon(ICONS.onwards));
        const form = component.name === "" ? {} : { [component.name]: shown(item.id) };
        button.addEventListener("click", () => sheet.press(item[CLICKED] ?? component.said[CLICKED], form));
        return make("li", "", {}, button);
      }),
    );
  };
  return { node, update };
}

function itemContent(item: Json): HTMLElement[] {
  const [main, start, end] = [recordOf(item["main-content"]), recordOf(item.start), recordOf(item.end)];
  const words = make("span", "flow-words", {}, ...lines(main, ["title", 30], ["description", 20], ["metadata", 80]));
  const badge = cut(shown(item.badge), 15);
  if (badge !== "") words.prepend(make("span", "flow-badge", {}, badge));
  const tags = listOf(item.tags).slice(0, MOST_TAGS).map((tag) => make("span", "flow-tag", {}, cut(shown(tag), 15)));
  if (tags.length > 0) words.append(make("span", "flow-tags", {}, ...tags));
  const address = pictureAddress(shown(start.image));
  const before = address === "" ? [] : [thumb(address, shown(start["alt-text"]), shown(main.title))];
  const behind = lines(end, ["title", 10], ["description", 10], ["metadata", 10]);
  return [...before, words, ...(behind.length > 0 ? [make("span", "flow-end", {}, ...behind)] : [])];
}

function lines(said: Json, ...names: readonly [string, number][]): HTMLElement[] {
  return names
    .filter(([name]) => shown(said[name]) !== "")
    .map(([name, limit]) => make("span", `flow-${name}`, {}, cut(shown(said[name]), limit)));
}

/** Build a Footer: the button under the screen that leads on once all is filled in. */
export function footer(sheet: Sheet, component: Component): Part {
  const { runtime } = sheet;
  const names = ["left-caption", "center-caption", "right-caption"];
  const captions = names.map((name) => [name, make("span", `flow-${name}`)] as const);
  const row = make("div", "flow-captions", {}, ...captions.map(([, caption]) => caption));
  const button = make("button", "flow-button", { type: "button" });
  const bar = make("div", "flow-footer", {}, row, button);
  button.addEventListener("click", () => sheet.submit(component.said[CLICKED]));
  sheet.foot.append(bar);
  const update = (): void => {
    bar.hidden = !runtime.isSeen(component);
    for (const [name, caption] of captions) say(caption, textIn(sheet, component, name, 15));
    row.hidden = captions.every(([, caption]) => caption.hidden);
    button.textContent = textIn(sheet, component, "label", 35);
    button.disabled = !runtime.isEnabled(component.said) || !runtime.isFilled();
    setAttribute(button, "aria-busy", sheet.isBusy ? "true" : undefined);
  };
  return { node: make("span", "", { hidden: true }), update };
}
