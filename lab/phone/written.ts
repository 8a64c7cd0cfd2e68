/** A chat's text, with the marks that WhatsApp knows: *bold*, _italic_, ~struck~, ```code```, and links. */

import { make } from "./flow/dom.ts";

const CODE = /```([^`]+)```/;
const BOLD = /(?<![\w*])\*([^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])/;
const ITALIC = /(?<![\w_])_([^\s_](?:[^_\n]*[^\s_])?)_(?![\w_])/;
const STRUCK = /(?<![\w~])~([^\s~](?:[^~\n]*[^\s~])?)~(?![\w~])/;
const LINK = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)])/;
const MARKS = new RegExp([CODE, BOLD, ITALIC, STRUCK, LINK].map(({ source }) => source).join("|"), "g");

/** Return *words* as nodes. */
export function written(words: string): Node[] {
  const nodes: Node[] = [];
  let end = 0;
  for (const match of words.matchAll(MARKS)) {
    if (match.index > end) nodes.push(document.createTextNode(words.slice(end, match.index)));
    nodes.push(marked(match));
    end = match.index + match[0].length;
  }
  if (end < words.length) nodes.push(document.createTextNode(words.slice(end)));
  return nodes;
}

function marked([whole, code, bold, italic, struck]: RegExpMatchArray): Node {
  if (code !== undefined) return make("code", "", {}, code);
  if (bold !== undefined) return make("strong", "", {}, ...written(bold));
  if (italic !== undefined) return make("em", "", {}, ...written(italic));
  if (struck !== undefined) return make("s", "", {}, ...written(struck));
  return make("a", "", { href: whole, target: "_blank", rel: "noopener noreferrer" }, whole);
}
