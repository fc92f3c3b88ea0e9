/** Compares values with a JSON schema. Knows the keywords that the schemas of docs/ use, and no others. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";

export type Schema = Record<string, unknown>;

/** What `kugetsu NAME --json` prints. */
export async function assertFits(name: string, value: unknown): Promise<void> {
  const path = join(ROOT, "docs", "schemas", `${name}.schema.json`);
  const schema = JSON.parse(await readFile(path, "utf8"));
  assert.deepEqual(violations(schema, value), [], `${name}: ${JSON.stringify(value)}`);
}

/** The paths of what a schema does not allow; that of the whole is empty. */
export function violations(schema: Schema, value: unknown, path = ""): string[] {
  const type = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  const wrong = Object.entries(schema).some(([keyword, what]) =>
    breaks(keyword, what, value, type)
  );
  if (wrong) return [path];
  if (type === "array") {
    return (value as unknown[]).flatMap((it, i) =>
      violations(schema.items as Schema ?? {}, it, `${path}[${i}]`)
    );
  }
  if (type !== "object" || !schema.properties) return [];
  const properties = schema.properties as Record<string, Schema>;
  return Object.entries(value as object).flatMap(([key, inner]) => {
    const below = path ? `${path}.${key}` : key;
    if (Object.hasOwn(properties, key)) return violations(properties[key]!, inner, below);
    return schema.additionalProperties === false ? [below] : [];
  });
}

function breaks(keyword: string, what: unknown, value: unknown, type: string): boolean {
  switch (keyword) {
    case "type":
      return ![what].flat().some((it) =>
        it === type || (it === "integer" && Number.isInteger(value))
      );
    case "enum":
      return !(what as unknown[]).includes(value);
    case "const":
      return what !== value;
    case "anyOf":
      return (what as Schema[]).every((it) => violations(it, value).length > 0);
    case "oneOf":
      return (what as Schema[]).filter((it) => violations(it, value).length === 0).length !== 1;
    case "required":
      return type === "object" &&
        (what as string[]).some((it) => !Object.hasOwn(value as object, it));
    case "pattern":
      return type === "string" && !new RegExp(what as string, "u").test(value as string);
    case "exclusiveMinimum":
      return type === "number" && (value as number) <= (what as number);
    case "minimum":
      return type === "number" && (value as number) < (what as number);
    case "maximum":
      return type === "number" && (value as number) > (what as number);
    case "additionalProperties":
      assert.equal(typeof what, "boolean");
      return false;
    case "$schema":
    case "$id":
    case "title":
    case "description":
    case "default":
    case "examples":
    case "properties":
    case "items":
      return false;
    default:
      throw new Error(`This test does not know the keyword ${keyword}`);
  }
}
