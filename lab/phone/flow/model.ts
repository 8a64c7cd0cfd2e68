/**
 * The data model of a screen, held against the data that arrives.
 *
 * Source: Meta, "Flow JSON", screen data: each entry is a schema of its own; null fits none. As observed of Meta's
 * client, nothing is mandatory unless the model lists it under a key `required`, and further keys are tolerated.
 */

import { isRecord, type Json, listOf } from "./values.ts";

/** Return where *data* does not fit a screen's model, and how; empty if it fits. */
export function misfitOf(model: Json, data: Json): string {
  for (const name of listOf(model.required)) {
    if (typeof name === "string" && !Object.hasOwn(data, name)) return `${name} is missing`;
  }
  return inside(model, data, "");
}

function inside(properties: Json, value: Json, path: string): string {
  for (const [name, schema] of Object.entries(properties)) {
    if (!Object.hasOwn(value, name) || !isRecord(schema)) continue;
    const misfit = schemaMisfit(schema, value[name], `${path}${name}`);
    if (misfit !== "") return misfit;
  }
  return "";
}

function schemaMisfit(schema: Json, value: unknown, path: string): string {
  const type = schema.type;
  if (typeof type === "string" && !isOfType(type, value)) return `${path} is no ${type}`;
  if (isRecord(value) && isRecord(schema.properties)) return inside(schema.properties, value, `${path}.`);
  if (!Array.isArray(value) || !isRecord(schema.items)) return "";
  for (const [index, item] of value.entries()) {
    const misfit = schemaMisfit(schema.items, item, `${path}[${index}]`);
    if (misfit !== "") return misfit;
  }
  return "";
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case "string":
    case "number":
    case "boolean":
      return typeof value === type;
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return isRecord(value);
  }
  return true;
}
