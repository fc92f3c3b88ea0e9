/** Whether what kugetsu prints under --json fits what is published of it in docs/schemas/. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";

interface Schema {
  const?: unknown;
  enum?: unknown[];
  type?: string | string[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean;
  items?: Schema;
}

/** @throws an assertion that names the place which does not fit */
export async function matches(name: string, value: unknown): Promise<void> {
  const text = await readFile(join(ROOT, "docs", "schemas", `${name}.schema.json`), "utf8");
  const wrong = complaints(JSON.parse(text), value, name);
  assert.deepEqual(wrong, [], `${JSON.stringify(value)} does not fit`);
}

/** The part of JSON Schema that docs/schemas/ uses. */
export function complaints(schema: Schema, value: unknown, at: string): string[] {
  if (schema.oneOf) {
    const fits = schema.oneOf.filter((it) => complaints(it, value, at).length === 0);
    return fits.length === 1 ? [] : [`${at}: fits ${fits.length} of ${schema.oneOf.length}`];
  }
  if ("const" in schema && value !== schema.const) return [`${at}: is not ${schema.const}`];
  if (schema.enum && !schema.enum.includes(value)) return [`${at}: is none of ${schema.enum}`];
  const types = [schema.type ?? []].flat();
  if (types.length > 0 && !types.some((type) => isOf(type, value))) {
    return [`${at}: is no ${types.join(" or ")}`];
  }
  if (Array.isArray(value)) {
    return value.flatMap((it, index) => complaints(schema.items ?? {}, it, `${at}[${index}]`));
  }
  return isOf("object", value) ? inObject(schema, value as Record<string, unknown>, at) : [];
}

function inObject(schema: Schema, value: Record<string, unknown>, at: string): string[] {
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const missing = required.filter((name) => !(name in value)).map((it) =>
    `${at}.${it}: is missing`
  );
  const unknown = Object.keys(value).filter((it) => !(it in properties) && !additionalProperties);
  return [
    ...missing,
    ...unknown.map((it) => `${at}.${it}: is unknown`),
    ...Object.entries(properties).flatMap(([name, its]) =>
      name in value ? complaints(its, value[name], `${at}.${name}`) : []
    ),
  ];
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    default:
      return (typeof value as string) === type;
  }
}
