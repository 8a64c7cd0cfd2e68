/** A Flow on a phone: what a page needs to show one. */

export type { FlowDocument } from "./document.ts";
export type { FlowAnswer, FlowCall, FlowHost, FlowStart } from "./host.ts";
export { FlowView, LEFT } from "./view.ts";
