import { test } from "node:test";
import assert from "node:assert/strict";
import { configFile } from "../../src/config/config_file.ts";
import { STRUCTURES } from "../../src/config/plugin_settings.ts";
import { KugetsuError } from "../../src/errors.ts";
import { makeScratch } from "../support/scratch.ts";

const problemOf = (name: string, value: unknown) =>
  STRUCTURES.find((it) => it.name === name)!.problem(value);

test("forges' hosts and the order of plugins are read from the file, and what holds without them", async () => {
  await using scratch = await makeScratch();
  const warnings: string[] = [];
  const read = async (text: string, env = {}) =>
    structuredClone(
      configFile(await scratch.write("config.jsonc", text), env, (it) => warnings.push(it))
        .plugins(),
    );
  const whole = `{
    "plugins": ["b", "a"], // b first
    "limits": { "plugin": "1m" },
    "issue": { "comments": "all", "template": "/etc/task" },
    "forgeTokens": "pass",
    "instances": { "git.example.org:3000": { "forge": "gitea", "token_command": "pass x" } },
  }`;
  assert.deepEqual(await read(whole, { KUGETSU_ISSUE_COMMENTS: "none" }), {
    limitMs: 60_000,
    order: ["b", "a"],
    comments: "none",
    template: "/etc/task",
    forgeTokens: "pass",
    instances: { "git.example.org:3000": { forge: "gitea", token_command: "pass x" } },
  });
  assert.deepEqual(await read("{}"), {
    limitMs: 30_000,
    order: [],
    comments: "writers",
    template: undefined,
    forgeTokens: "hide",
    instances: {},
  });
  assert.deepEqual(warnings, []);
});

test("what is wrong in them is refused with its line", async () => {
  await using scratch = await makeScratch();
  const wrong: [text: string, why: RegExp][] = [
    ['{\n"instances": []}', /line 2: instances: it is an object, with hosts as its keys/],
    [
      '{"instances":\n{"GIT.example.org": {}}}',
      /line 2: .*"GIT.example.org" is no host in lower case/,
    ],
    ['{"instances": {"x.org": {"tokn": "y"}}}', /"x.org" has an unknown key "tokn"/],
    ['{"instances": {"x.org": {"url": "x.org"}}}', /"url" of "x.org" is where its pages begin/],
    ['{"instances": {"x.org": {"token_variable": "A B"}}}', /"token_variable" of "x.org"/],
    ['{"instances": {"x.org": {"toString": "y"}}}', /unknown key "toString"/],
    ['{"plugins": "a"}', /plugins: it is a list of plugins' names/],
  ];
  for (const [text, why] of wrong) {
    const config = configFile(await scratch.write("config.jsonc", text), {}, assert.fail);
    assert.throws(() => config.plugins(), (error) => {
      assert(error instanceof KugetsuError && error.code === "bad-config", String(error));
      assert.match(error.message, why);
      return true;
    });
  }
});

test("each key of an instance may be left out, and the schema knows the same keys", () => {
  const { additionalProperties } = STRUCTURES[0]!.schema as {
    additionalProperties: { properties: Record<string, unknown> };
  };
  const keys = Object.keys(additionalProperties.properties);
  assert.deepEqual(keys, ["forge", "url", "token_variable", "token_command"]);
  assert.equal(problemOf("instances", { "x.org": {} }), undefined);
  for (const key of keys) assert(problemOf("instances", { "x.org": { [key]: 3 } }), key);
});
