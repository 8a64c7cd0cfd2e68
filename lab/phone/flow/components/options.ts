/** What can be chosen: the items of a list with their pictures, colours and words. Source: Meta, "Components". */

import { make, pictureAddress, thumb } from "../dom.ts";
import type { Component } from "../document.ts";
import { shown } from "../expressions.ts";
import { isOffered } from "../inputs.ts";
import { cut, type Json } from "../values.ts";
import type { Sheet } from "./part.ts";

export interface Option {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly metadata: string;
  readonly isEnabled: boolean;
  readonly picture: string;
  readonly alt: string;
  readonly colour: string;
}

const COLOUR = /^#[0-9a-fA-F]{6}$/;

/** Return what a component offers now. */
export function optionsOf(sheet: Sheet, component: Component): Option[] {
  return sheet.runtime.items(component.said["data-source"]).map(option);
}

function option(item: Json): Option {
  const read = (name: string): string => shown(item[name]);
  return {
    id: read("id"),
    title: cut(read("title"), 30),
    description: cut(read("description"), 300),
    metadata: cut(read("metadata"), 20),
    isEnabled: isOffered(item),
    picture: pictureAddress(read("image")),
    alt: read("alt-text"),
    colour: COLOUR.test(read("color")) ? read("color") : "",
  };
}

/** Return an option's words, with its picture or colour before them. */
export function optionContent(option: Option): HTMLElement[] {
  const words = make("span", "flow-words", {}, make("span", "flow-title", {}, option.title));
  if (option.description !== "") words.append(make("span", "flow-description", {}, option.description));
  if (option.metadata !== "") words.append(make("span", "flow-metadata", {}, option.metadata));
  return [...mark(option), words];
}

function mark(option: Option): HTMLElement[] {
  if (option.picture !== "") return [thumb(option.picture, option.alt, option.title)];
  if (option.colour === "") return [];
  const said = option.alt === "" ? {} : { role: "img", "aria-label": option.alt };
  const swatch = make("span", "flow-thumb flow-swatch", said);
  swatch.style.backgroundColor = option.colour;
  return [swatch];
}
