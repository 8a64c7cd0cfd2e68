/** Elements, made without ever reading text as markup. */

type Attributes = Record<string, string | boolean | undefined>;

let count = 0;

/** Return an id that no other element of the page has. */
export function freshId(): string {
  count += 1;
  return `flow-${count}`;
}

/** Return an element of *tag*, with classes behind dots as in `div.flow-row.is-wide`, attributes and children. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  classes: string,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (classes !== "") element.className = classes;
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...children);
  return element;
}

/** Set an attribute; without a value for `true`, none at all for `false` and undefined. */
export function setAttribute(element: Element, name: string, value: string | boolean | undefined): void {
  const written = value === true ? "" : value;
  if (written === undefined || written === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== written) element.setAttribute(name, written);
}

/** Show *text* in an element, or nothing of the element if there is none. */
export function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}

/** Return a small picture beside *words*; where it would only say them again, nobody hears it. */
export function thumb(address: string, alt: string, words: string): HTMLImageElement {
  const isSaid = alt.trim().toLowerCase() === words.trim().toLowerCase();
  return make("img", "flow-thumb", { src: address, alt: isSaid ? "" : alt });
}

/** Return a drawing of lines in a square of 24, which only repeats what words say. */
export function icon(path: string): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "flow-icon");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const ICONS = {
  back: "M15 5l-7 7 7 7",
  onwards: "M9 5l7 7-7 7",
  close: "M6 6l12 12M18 6L6 18",
  down: "M6 9l6 6 6-6",
  calendar: "M5 6h14v14H5zM5 10h14M9 3v4M15 3v4",
  camera: "M4 8h4l2-3h4l2 3h4v11H4zM12 17a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
  document: "M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5",
  check: "M5 12.5l5 5L19 7",
  warning: "M12 4l9 16H3zM12 10v5M12 17.5v.5",
} as const;

const BASE64_HEADS = [
  ["iVBOR", "image/png"],
  ["/9j/", "image/jpeg"],
  ["UklGR", "image/webp"],
  ["R0lGOD", "image/gif"],
] as const;

/** Return the address of a picture in base64, empty if it is none: a phone loads no picture from anywhere. */
export function pictureAddress(source: string): string {
  if (/^data:image\/(?:png|jpeg|webp|gif);base64,/.test(source)) return source;
  const type = BASE64_HEADS.find(([head]) => source.startsWith(head))?.[1];
  return type === undefined ? "" : `data:${type};base64,${source.replace(/\s+/g, "")}`;
}
