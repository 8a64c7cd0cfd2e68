/**
 * The little Markdown that phones read, as elements.
 *
 * Source: Meta, "Components", RichText and Markdown: headings of two levels, paragraphs, lists of one level, tables,
 * bold, italic, struck, links, and pictures in base64. TextBody and TextCaption read all but headings, tables and
 * pictures.
 *
 * Rule 1: text becomes text nodes only, and a link leads to http or https only.
 */

import { make, pictureAddress } from "../dom.ts";

/** Marks within a line; what is marked has an end, so that no text takes long to read. */
const INLINE = new RegExp(
  [
    String.raw`!\[(?<alt>[^\]]{0,300})\]\((?<src>[^()\s]+)\)`,
    String.raw`\[(?<said>[^\]]{1,300})\]\((?<url>[^()\s]+)\)`,
    String.raw`\*\*\*(?<both>.{1,1000}?)\*\*\*`,
    String.raw`\*\*(?<bold>.{1,1000}?)\*\*`,
    String.raw`~~(?<struck>.{1,1000}?)~~`,
    String.raw`\*(?<italic>[^*]{1,1000}?)\*`,
    String.raw`(?<![\p{L}\p{N}_])_(?<under>[^_]{1,1000}?)_(?![\p{L}\p{N}_])`,
    String.raw`\\(?<plain>[*_~\[\]\\#])`,
  ].join("|"),
  "su",
);
const MAX_NESTING = 8;

/** How text is read: *isRich* with headings, tables and pictures; *onLink* is told of a link that is followed. */
export interface Reading {
  readonly isRich: boolean;
  onLink(url: string): void;
}

/** Return the blocks of a text. */
export function blocks(text: string, reading: Reading): HTMLElement[] {
  const found: HTMLElement[] = [];
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  for (let at = 0; at < lines.length; ) {
    const kind = kindOf(lines, at, reading.isRich);
    let end = at + 1;
    while (kind !== "heading" && end < lines.length && kindOf(lines, end, reading.isRich) === kind) end += 1;
    if (kind !== "blank") found.push(block(kind, lines.slice(at, end), reading));
    at = end;
  }
  return found;
}

type Kind = "blank" | "heading" | "bullets" | "numbers" | "table" | "paragraph";

const HEADING = /^(#{1,6})\s+(.*)$/;
const BULLET = /^\s*[*+-]\s+/;
const NUMBER = /^\s*[0-9]+[.)]\s+/;
const ROW = /^\s*\|.*\|\s*$/;

/** Return whether a line is what stands between a table's head and its body. */
function isRule(line: string): boolean {
  return /^[\s:|-]+$/.test(line) && line.includes("-") && line.includes("|");
}

function kindOf(lines: readonly string[], at: number, isRich: boolean): Kind {
  const line = lines[at] ?? "";
  if (line.trim() === "") return "blank";
  if (isRich && HEADING.test(line)) return "heading";
  if (BULLET.test(line)) return "bullets";
  if (NUMBER.test(line)) return "numbers";
  return isRich && ROW.test(line) ? "table" : "paragraph";
}

function block(kind: Kind, lines: string[], reading: Reading): HTMLElement {
  switch (kind) {
    case "heading": {
      const [, marks = "", said = ""] = HEADING.exec(lines[0] ?? "") ?? [];
      const tag = marks.length === 1 ? "h3" : marks.length === 2 ? "h4" : "p"; // deeper ones are body text
      return make(tag, tag === "p" ? "flow-body-text" : `flow-rich-${tag}`, {}, ...inline(said, reading));
    }
    case "bullets":
      return make("ul", "flow-list", {}, ...lines.map((line) => item(line.replace(BULLET, ""), reading)));
    case "numbers":
      return make("ol", "flow-list", {}, ...lines.map((line) => item(line.replace(NUMBER, ""), reading)));
    case "table":
      return table(lines, reading);
  }
  const parts = lines.flatMap((line, index) => [...(index > 0 ? [make("br", "")] : []), ...inline(line, reading)]);
  return make("p", "flow-body-text", {}, ...parts);
}

function item(text: string, reading: Reading): HTMLElement {
  return make("li", "", {}, ...inline(text, reading));
}

function table(lines: string[], reading: Reading): HTMLElement {
  const rows = lines.filter((line) => !isRule(line)).map(cells);
  const hasHead = isRule(lines[1] ?? "");
  const row = (texts: string[], tag: "th" | "td"): HTMLElement =>
    make("tr", "", {}, ...texts.map((text) => make(tag, "", {}, ...inline(text, reading))));
  const head = hasHead ? [make("thead", "", {}, row(rows[0] ?? [], "th"))] : [];
  const body = make("tbody", "", {}, ...rows.slice(hasHead ? 1 : 0).map((texts) => row(texts, "td")));
  const frame = make("div", "flow-table", { tabindex: "0", role: "region", "aria-label": "Table" });
  frame.append(make("table", "", {}, ...head, body));
  return frame;
}

function cells(line: string): string[] {
  return line.trim().slice(1, -1).split("|").map((cell) => cell.trim());
}

/** Return a line's text, with its marks as elements. */
function inline(text: string, reading: Reading, depth = 0): (Node | string)[] {
  const found: (Node | string)[] = [];
  let rest = text;
  while (rest !== "") {
    const match = depth < MAX_NESTING ? INLINE.exec(rest) : null;
    if (match === null) break;
    found.push(rest.slice(0, match.index), ...marked(match, reading, depth + 1));
    rest = rest.slice(match.index + match[0].length);
  }
  return [...found, rest].filter((part) => part !== "");
}

function marked(match: RegExpExecArray, reading: Reading, depth: number): (Node | string)[] {
  const { alt, src, said, url, both, bold, struck, italic, under, plain } = match.groups ?? {};
  const within = (tag: "strong" | "em" | "s", inner: string): Node =>
    make(tag, "", {}, ...inline(inner, reading, depth));
  if (src !== undefined) {
    const address = reading.isRich ? pictureAddress(src) : "";
    return address === "" ? [alt ?? ""] : [make("img", "flow-rich-picture", { src: address, alt: alt ?? "" })];
  }
  if (url !== undefined && said !== undefined) return link(said, url, reading, depth);
  if (both !== undefined) return [make("strong", "", {}, within("em", both))];
  if (bold !== undefined) return [within("strong", bold)];
  if (struck !== undefined) return [within("s", struck)];
  if (italic !== undefined || under !== undefined) return [within("em", italic ?? under ?? "")];
  return [plain ?? ""];
}

function link(said: string, url: string, reading: Reading, depth: number): (Node | string)[] {
  const inner = inline(said, reading, depth);
  if (!/^https?:\/\//i.test(url)) return inner;
  const anchor = make("a", "flow-link", { href: url, rel: "noopener noreferrer" }, ...inner);
  anchor.addEventListener("click", (event) => {
    event.preventDefault(); // the page around decides what becomes of it
    reading.onLink(url);
  });
  return [anchor];
}
