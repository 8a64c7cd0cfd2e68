/** The components that a phone knows, by type. Source: Meta, "Components". */

import type { Component } from "../document.ts";
import { make } from "../dom.ts";
import { chips, dropdown, group } from "./choices.ts";
import { calendarPicker, datePicker } from "./dates.ts";
import { textArea, textInput } from "./fields.ts";
import { filePicker } from "./files.ts";
import type { Builder, Part, Sheet } from "./part.ts";
import { carousel, image } from "./pictures.ts";
import { embeddedLink, footer, navigationList, optIn } from "./presses.ts";
import { body, heading, rich, subheading } from "./texts.ts";

const BUILDERS: ReadonlyMap<string, Builder> = new Map([
  ["TextHeading", heading],
  ["TextSubheading", subheading],
  ["TextBody", body],
  ["TextCaption", body],
  ["RichText", rich],
  ["TextInput", textInput],
  ["TextArea", textArea],
  ["CheckboxGroup", group],
  ["RadioButtonsGroup", group],
  ["ChipsSelector", chips],
  ["Dropdown", dropdown],
  ["OptIn", optIn],
  ["DatePicker", datePicker],
  ["CalendarPicker", calendarPicker],
  ["Image", image],
  ["ImageCarousel", carousel],
  ["EmbeddedLink", embeddedLink],
  ["NavigationList", navigationList],
  ["PhotoPicker", filePicker],
  ["DocumentPicker", filePicker],
  ["Footer", footer],
  ["Form", branching],
  ["If", branching],
  ["Switch", branching],
]);

/** Return whether a phone knows components of *type*. */
export function isKnown(type: string): boolean {
  return BUILDERS.has(type);
}

/** Return a component's part, which is seen while the component is. */
export function build(sheet: Sheet, component: Component): Part {
  const part = (BUILDERS.get(component.type) ?? unknown)(sheet, component);
  if (component.name !== "") part.node.dataset.name = component.name;
  const isElsewhere = component.type === "Footer"; // it stands under the screen, whatever it is nested in
  const update = (): void => {
    const isSeen = sheet.runtime.isSeen(component);
    part.node.hidden = !isSeen || isElsewhere;
    if (isSeen || isElsewhere || component.branches.length > 0) part.update();
  };
  return { ...part, update };
}

/** Build what stands around others: all branches, of whose parts each knows whether it is seen. */
function branching(sheet: Sheet, component: Component): Part {
  const parts = component.branches.flatMap(({ children }) => sheet.build(children));
  const node = make("div", "flow-branches", {}, ...parts.map((part) => part.node));
  return { node, update: () => parts.forEach((part) => part.update()) };
}

/** Build a placeholder for what no phone knows. */
function unknown(_sheet: Sheet, component: Component): Part {
  const words = `This phone does not know the component ${component.type || "without a type"}.`;
  return { node: make("p", "flow-unknown", {}, words), update: () => undefined };
}
