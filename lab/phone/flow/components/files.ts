/** Files: PhotoPicker and DocumentPicker. Source: Meta, "Components" and "Media upload". */

import { freshId, icon, ICONS, make, say, setAttribute } from "../dom.ts";
import type { Component } from "../document.ts";
import { shown } from "../expressions.ts";
import { MOST_FILES } from "../inputs.ts";
import { countOf, isSame, type Json, listOf, records } from "../values.ts";
import { Around, type Part, type Sheet, textIn } from "./part.ts";

const MOST_KILOBYTES = 25_600;
const KILOBYTE = 1024;

/** A file that was taken: the media object in the form, and how it is shown. */
interface Taken {
  readonly media: Json;
  readonly name: string;
  readonly preview: string;
}

/** Build a picker of photos or of documents. */
export function filePicker(sheet: Sheet, component: Component): Part {
  const { runtime } = sheet;
  const isPhotos = component.type === "PhotoPicker";
  const around = new Around(sheet, component, ["description", 300]);
  const title = make("legend", "flow-legend");
  const list = make("ul", "flow-files");
  const state = make("p", "flow-helper", { role: "status" });
  const chooser = make("input", "flow-chooser", { type: "file", id: freshId(), tabindex: "-1", "aria-hidden": "true" });
  const add = make("button", "flow-add", { type: "button" }, icon(isPhotos ? ICONS.camera : ICONS.document));
  const addWords = make("span", "");
  add.append(addWords);
  const parts = [title, around.helper, list, add, chooser, state, around.fault];
  const node = make("fieldset", "flow-group", {}, ...parts);
  const taken = new Map<unknown, Taken>(); // by media id: how what the form holds is shown
  const held = (): Json[] => records(runtime.held(component));
  let last: readonly Json[] = [];

  const take = async (files: readonly File[]): Promise<void> => {
    const top = runtime.top;
    for (const file of files) {
      const refused = refusal(sheet, component, file);
      if (refused !== "") {
        top?.faults.set(component.name, refused);
        continue;
      }
      say(state, `Uploading ${file.name}…`);
      try {
        const media = await runtime.upload(file);
        taken.set(media.media_id, { media, name: file.name, preview: isPhotos ? await addressOf(file) : "" });
        if (runtime.top === top) await runtime.put(component, [...held(), media]);
      } catch {
        top?.faults.set(component.name, `${file.name} could not be uploaded. Try again.`);
      }
      say(state, "");
    }
    part.update();
  };
  const remove = (media: Json): void => {
    void runtime.put(component, held().filter((each) => each !== media));
    add.focus();
  };
  add.addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    const room = (runtime.input(component).most ?? MOST_FILES) - held().length;
    void take([...(chooser.files ?? [])].slice(0, room));
    chooser.value = "";
  });

  const update = (): void => {
    const input = runtime.input(component);
    say(title, textIn(sheet, component, "label", 80));
    chooser.multiple = (input.most ?? MOST_FILES) > 1;
    setAttribute(chooser, "accept", isPhotos ? "image/jpeg,image/png" : allowedTypes(sheet, component).join(","));
    const source = runtime.text(component.said["photo-source"]);
    setAttribute(chooser, "capture", source === "camera" ? "environment" : undefined);
    const files = held();
    addWords.textContent = addLabel(isPhotos, source, files.length);
    add.disabled = !runtime.isEnabled(component.said) || files.length >= (input.most ?? MOST_FILES);
    list.hidden = files.length === 0;
    if (!isSame(files, last)) {
      list.replaceChildren(...files.map((media) => row(media, taken.get(media.media_id), () => remove(media))));
    }
    last = files;
    around.update(node);
    node.removeAttribute("aria-invalid");
  };
  const part = { node, update, focus: () => add.focus() };
  return part;
}

function addLabel(isPhotos: boolean, source: string, count: number): string {
  if (!isPhotos) return count > 0 ? "Add another document" : "Add a document";
  if (source === "camera") return count > 0 ? "Take another photo" : "Take a photo";
  return count > 0 ? "Add another photo" : "Add a photo";
}

function row(media: Json, taken: Taken | undefined, remove: () => void): HTMLElement {
  const name = taken?.name ?? shown(media.file_name);
  const cross = make("button", "flow-round", { type: "button", "aria-label": `Remove ${name}` }, icon(ICONS.close));
  cross.addEventListener("click", remove);
  const preview = taken?.preview ?? "";
  const mark = preview === "" ? icon(ICONS.document) : make("img", "flow-thumb", { src: preview, alt: "" });
  return make("li", "flow-file", {}, mark, make("span", "flow-words", {}, name), cross);
}

/** Return why a file is not taken, empty if it is. */
function refusal(sheet: Sheet, component: Component, file: File): string {
  const most = countOf(sheet.runtime.read(component.said["max-file-size-kb"])) ?? MOST_KILOBYTES;
  if (file.size > most * KILOBYTE) return `${file.name} is larger than ${sizeWords(most)}`;
  const types = allowedTypes(sheet, component);
  if (component.type === "PhotoPicker") return file.type.startsWith("image/") ? "" : `${file.name} is no photo`;
  return types.length === 0 || types.includes(file.type) ? "" : `${file.name} is of a kind that is not taken here`;
}

function allowedTypes(sheet: Sheet, component: Component): string[] {
  return listOf(sheet.runtime.read(component.said["allowed-mime-types"])).map(shown);
}

function sizeWords(kilobytes: number): string {
  return kilobytes >= KILOBYTE ? `${Math.floor((kilobytes / KILOBYTE) * 10) / 10} MB` : `${kilobytes} KB`;
}

/** Return a file as an address of its own; pages may show no others. */
function addressOf(file: File): Promise<string> {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.addEventListener("loadend", () => resolve(typeof reader.result === "string" ? reader.result : ""));
    reader.readAsDataURL(file);
  });
}
