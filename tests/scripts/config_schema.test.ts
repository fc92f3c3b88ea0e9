import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";
import { configSchema, SCHEMA } from "../../scripts/config_schema.ts";
import { type Schema, violations } from "../support/json_schema.ts";
import { SCHEMA_ADDRESS, settingNamed, SETTINGS } from "../../src/config/mod.ts";

const schema = JSON.parse(await configSchema());

test("docs/config.schema.json is what the settings say; if not: deno task reference", async () => {
  assert.equal(await readFile(join(ROOT, SCHEMA), "utf8"), await configSchema());
});

test("it names where it is published", () => {
  assert.equal(schema.$id, SCHEMA_ADDRESS);
  assert.ok(SCHEMA_ADDRESS.endsWith(`/main/${SCHEMA}`));
});

test("it takes what is right", () => {
  const examples = [
    {},
    { $schema: SCHEMA_ADDRESS },
    { model: "anthropic/claude-sonnet-4-5", agent: "build", permissions: "allow" },
    {
      model: "openrouter/some/model:free",
      limits: { total: "1h30m", silence: 90, firstEvent: "2.5m" },
    },
    { limits: {} },
    { worktree: { mode: "own", copy: [".env"], setup: "npm ci", setupTimeout: "5m" } },
    { worktree: { copy: ".env" } },
    { runner: "run", queue: { maxParallel: 6, perRepository: "2" }, logs: { megabytes: 1 } },
    { budget: { tokens: 100_000, cost: 2.5 }, supervisor: { idle: "1h" } },
  ];
  for (const example of examples) assert.deepEqual(violations(schema, example), []);
});

test("it names keys that there are not", () => {
  assert.deepEqual(violations(schema, { modle: "a/b" }), ["modle"]);
  assert.deepEqual(violations(schema, { limits: { totl: "1h" } }), ["limits.totl"]);
  assert.deepEqual(violations(schema, { "limits.total": "1h" }), ["limits.total"]);
  assert.deepEqual(violations(schema, { limits: { $schema: "x" } }), ["limits.$schema"]);
});

test("it names values that are wrong", () => {
  const values = {
    model: "gpt",
    agent: "-x",
    permissions: "ask",
    limits: { total: "soon", silence: 0 },
    worktree: { mode: "mine", copy: [7] },
    queue: { maxParallel: 0, perRepository: 1.5 },
    budget: { cost: 0 },
  };
  const wrong = ["model", "agent", "permissions", "limits.total", "limits.silence"]
    .concat(["worktree.mode", "worktree.copy[0]"])
    .concat(["queue.maxParallel", "queue.perRepository", "budget.cost"]);
  assert.deepEqual(violations(schema, values), wrong);
});

/** The schema of a setting, `limits.total` among them. */
function schemaOf(name: string): Schema {
  return name.split(".").reduce((at, key) => at.properties[key], schema);
}

test("every setting is in it, with its default", () => {
  for (const { name, fallback } of SETTINGS) {
    assert.equal(schemaOf(name).default, fallback);
    if (fallback !== undefined) assert.deepEqual(violations(schemaOf(name), fallback), []);
  }
});

test("what kugetsu takes, the schema takes, and what the schema takes, kugetsu can tell apart", () => {
  const values = [
    ["model", ["a/b", "a/b/c", "a", "/b", "a/", "-a/b", "a b/c", "", 3, null, true]],
    ["agent", ["build", "a b", "", "-x", 3, null]],
    ["permissions", ["deny", "allow", "wait", "ask", "", "DENY", null, true]],
    ["runner", ["server", "run", "both", "", null, true]],
    ["queue.maxParallel", [1, 24, "6", 0, -1, 1.5, "0", "1.5", "", "x", null, true]],
    ["budget.cost", [1, 0.01, 1e-9, "2.50", 0, -1, "-1", "", "$1", null, true]],
    ["limits.total", [
      ...["1", "90", "90s", "5m", "1h30m", "1.5h", "0.5", "576h"],
      ...["", "s", "h1", "1d", "-1", "1 h", "1h 30m", "1e3", "∞", ".5"],
      ...[1, 0.5, 2073600, 0, -1, 2073601, null, true],
    ]],
  ] as const;
  for (const [name, all] of values) {
    const setting = settingNamed(name)!;
    for (const value of all) {
      assert.equal(
        takes(() => setting.read(value)),
        violations(schemaOf(name), value).length === 0,
        `${name}: ${value}`,
      );
    }
  }
});

function takes(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}
