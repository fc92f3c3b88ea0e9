/**
 * The JSON schema of config.jsonc, from the settings, for editors. `deno task reference` writes it to
 * docs/config.schema.json, from where it is published.
 */
import { SCHEMA_ADDRESS, type Setting, SETTINGS, STRUCTURES } from "../src/config/mod.ts";
import { formatted, writeReference } from "./_reference.ts";

export const SCHEMA = "docs/config.schema.json";

interface Group {
  type: "object";
  properties: Record<string, unknown>;
  additionalProperties: false;
}

export async function configSchema(): Promise<string> {
  const { properties, ...rest } = groupOf(SETTINGS, "");
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: SCHEMA_ADDRESS,
    title: "kugetsu's config.jsonc",
    ...rest,
    properties: {
      $schema: { type: "string", description: "where this schema is, for editors" },
      ...properties,
      ...Object.fromEntries(STRUCTURES.map((it) => [it.name, it.schema])),
    },
  };
  return await formatted("json", JSON.stringify(schema));
}

/** `limits.total` and its like are the properties of one object. */
function groupOf(settings: readonly Setting[], prefix: string): Group {
  const byKey = Map.groupBy(settings, (it) => it.name.slice(prefix.length).split(".")[0]!);
  const properties = [...byKey].map(([key, members]) => {
    const own = members.find((it) => it.name === prefix + key);
    return [key, own ? propertyOf(own) : groupOf(members, `${prefix}${key}.`)];
  });
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    additionalProperties: false,
  };
}

function propertyOf({ summary, fallback, schema }: Setting) {
  return {
    description: summary,
    ...schema,
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}

if (import.meta.main) await writeReference(SCHEMA, await configSchema());
