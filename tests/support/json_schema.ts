/** As much of JSON schema as ours use: a keyword that is not known here fails the test. */
import assert from "node:assert/strict";

export type Schema = Record<string, unknown>;

/** The paths of what a schema does not allow. */
export function violations(schema: Schema, value: unknown, path = ""): string[] {
  const type = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  const wrong = Object.entries(schema).some(([keyword, what]) => {
    switch (keyword) {
      case "type":
        return ![what].flat().some((it) =>
          it === "integer" ? Number.isInteger(value) : it === type
        );
      case "enum":
        return !(what as unknown[]).includes(value);
      case "pattern":
        return type === "string" && !new RegExp(what as string, "u").test(value as string);
      case "minimum":
        return type === "number" && (value as number) < (what as number);
      case "exclusiveMinimum":
        return type === "number" && (value as number) <= (what as number);
      case "maximum":
        return type === "number" && (value as number) > (what as number);
      case "required":
        return type === "object" &&
          (what as string[]).some((it) => !Object.hasOwn(value as object, it));
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
        return false;
      case "items":
        return type === "array" &&
          (value as unknown[]).some((it) => violations(what as Schema, it).length > 0);
      default:
        throw new Error(`This test does not know the keyword ${keyword}`);
    }
  });
  if (wrong) return [path];
  if (type !== "object" || !schema.properties) return [];
  const properties = schema.properties as Record<string, Schema>;
  return Object.entries(value as object).flatMap(([key, inner]) => {
    const below = path ? `${path}.${key}` : key;
    if (Object.hasOwn(properties, key)) return violations(properties[key]!, inner, below);
    return schema.additionalProperties === true ? [] : [below];
  });
}
