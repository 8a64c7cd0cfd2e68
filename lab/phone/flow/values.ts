/** JSON values whose kind nobody vouches for. */

/** A JSON object. */
export type Json = { [key: string]: unknown };

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Return *value* if it is an object, else an empty one. */
export function recordOf(value: unknown): Json {
  return isRecord(value) ? value : {};
}

/** Return what *json* itself has under a name; every object also knows a `constructor`. */
export function ownOf(json: Json, name: string): unknown {
  return Object.hasOwn(json, name) ? json[name] : undefined;
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Return the objects in a list. */
export function records(value: unknown): Json[] {
  return listOf(value).filter(isRecord);
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Return a number of things, undefined if it is none; documents write them as texts, too. */
export function countOf(value: unknown): number | undefined {
  const number = typeof value === "string" && /^[0-9]{1,6}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && number >= 0 && number < 1e6 ? Math.floor(number) : undefined;
}

/** Return whether a field of a form holds nothing; an unticked OptIn does not either. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "") return true;
  return Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0;
}

/** Return whether two JSON values are equal. */
export function isSame(left: unknown, right: unknown): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => isSame(item, right[index]));
  }
  if (isRecord(left) && isRecord(right)) {
    const names = Object.keys(left);
    return (
      names.length === Object.keys(right).length &&
      names.every((name) => Object.hasOwn(right, name) && isSame(left[name], right[name]))
    );
  }
  return left === right;
}

/** Return a text as the phone shows it: cut after *limit* characters. */
export function cut(text: string, limit: number): string {
  const characters = [...text];
  return characters.length > limit ? `${characters.slice(0, limit - 1).join("")}…` : text;
}
