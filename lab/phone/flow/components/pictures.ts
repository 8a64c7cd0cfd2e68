/** Pictures: Image and ImageCarousel. Source: Meta, "Components". */

import { icon, ICONS, make, pictureAddress, setAttribute } from "../dom.ts";
import type { Component } from "../document.ts";
import { shown } from "../expressions.ts";
import { isSame, records } from "../values.ts";
import type { Part, Sheet } from "./part.ts";

const MOST_PICTURES = 3;

/** Build an Image. */
export function image(sheet: Sheet, component: Component): Part {
  const { runtime } = sheet;
  const picture = make("img", "flow-picture");
  const node = make("div", "flow-image", {}, picture);
  const update = (): void => {
    const address = pictureAddress(runtime.text(component.said.src));
    node.classList.toggle("is-missing", address === "");
    picture.hidden = address === "";
    setAttribute(picture, "src", address === "" ? undefined : address);
    picture.alt = runtime.text(component.said["alt-text"]);
    const [width, height] = [runtime.read(component.said.width), runtime.read(component.said.height)];
    const ratio = runtime.read(component.said["aspect-ratio"]);
    picture.style.width = typeof width === "number" ? `${width}px` : "";
    picture.style.height = typeof height === "number" ? `${height}px` : "";
    picture.style.aspectRatio = typeof ratio === "number" && ratio > 0 ? String(ratio) : "";
    picture.style.objectFit = runtime.text(component.said["scale-type"]) === "cover" ? "cover" : "contain";
  };
  return { node, update };
}

/** Build an ImageCarousel: pictures side by side, to be moved by hand, by keys, or by its buttons. */
export function carousel(sheet: Sheet, component: Component): Part {
  const { runtime } = sheet;
  const track = make("div", "flow-track", { tabindex: "0", role: "group", "aria-label": "Pictures" });
  const place = make("p", "flow-which", { "aria-live": "polite" });
  const before = make("button", "flow-round", { type: "button", "aria-label": "Picture before" }, icon(ICONS.back));
  const after = make("button", "flow-round", { type: "button", "aria-label": "Next picture" }, icon(ICONS.onwards));
  const bar = make("div", "flow-carousel-bar", {}, before, place, after);
  const said = { "aria-roledescription": "carousel", "aria-label": "Pictures" };
  const node = make("section", "flow-carousel", said, track, bar);
  let last: unknown;
  const here = (): number => Math.round(track.scrollLeft / Math.max(track.clientWidth, 1));
  const follow = (at = here()): void => {
    const count = track.children.length;
    bar.hidden = count < 2;
    before.disabled = at <= 0;
    after.disabled = at >= count - 1;
    const words = `${Math.min(at + 1, count)} of ${count}`;
    if (place.textContent !== words) place.textContent = words;
  };
  const go = (step: number): void => {
    const at = here() + step;
    track.scrollTo({ left: at * track.clientWidth });
    follow(at);
    if (document.activeElement === document.body) track.focus();
  };
  before.addEventListener("click", () => go(-1));
  after.addEventListener("click", () => go(1));
  track.addEventListener("scroll", () => follow());
  const update = (): void => {
    const pictures = records(runtime.read(component.said.images)).slice(0, MOST_PICTURES);
    track.classList.toggle("is-wide", runtime.text(component.said["aspect-ratio"]) === "16:9");
    track.classList.toggle("is-cover", runtime.text(component.said["scale-type"]) === "cover");
    if (isSame(pictures, last)) return;
    last = pictures;
    const slides = pictures.map(({ src, "alt-text": alt }) => {
      return make("img", "flow-slide", { src: pictureAddress(shown(src)), alt: shown(alt) });
    });
    track.replaceChildren(...slides);
    follow(0);
  };
  return { node, update };
}
