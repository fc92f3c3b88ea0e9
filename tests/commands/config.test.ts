import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { configGet, configList, configPath, configSet } from "../../src/commands/config.ts";
import { type Origin, settingNamed, type SettingValue } from "../../src/config/mod.ts";
import { makeStage } from "../support/fakes.ts";

/** A configuration in which the model is set somewhere, and the agent nowhere. */
const stageWith = (origin: Origin = "file", json = false) => {
  const values: SettingValue[] = [
    { setting: settingNamed("model")!, value: "local/scripted", origin },
    { setting: settingNamed("agent")!, value: undefined, origin: "default" },
  ];
  return makeStage((did) => ({
    json,
    config: {
      path: "/state/config.jsonc",
      get: (name) => values.find((it) => it.setting.name === name)!,
      list: () => values,
      set(name, value) {
        did(`set ${name} ${value}`);
        return name === "model";
      },
    },
  }));
};

describe("getting a setting", () => {
  test("prints its value alone, and nothing for one that nobody set", async () => {
    const { context, stdout } = stageWith();
    assert.equal(await configGet(context, "model"), 0);
    assert.equal(await configGet(context, "agent"), 0);
    assert.deepEqual(stdout, ["local/scripted\n"]);
  });

  test("says as JSON where it comes from", async () => {
    const { context, results } = stageWith("environment", true);
    await configGet(context, "model");
    await configGet(context, "agent");
    assert.deepEqual(results, [
      { name: "model", value: "local/scripted", origin: "environment" },
      { name: "agent", value: null, origin: "default" },
    ]);
  });
});

describe("setting one", () => {
  test("changes the file, or takes it out", async () => {
    const { context, effects, stderr } = stageWith();
    assert.equal(await configSet(context, "model", "a/b"), 0);
    assert.equal(await configSet(context, "model", undefined), 0);
    assert.equal(await configSet(context, "agent", undefined), 0);
    assert.deepEqual(effects, ["set model a/b", "set model undefined", "set agent undefined"]);
    assert.deepEqual(stderr, [
      "note Set model.",
      "note Took model out of the file.",
      "note agent is not in the file.",
    ]);
  });

  test("warns if an environment variable hides it", async () => {
    const { context, stderr } = stageWith("environment");
    await configSet(context, "model", "a/b");
    assert(stderr.includes("warn KUGETSU_MODEL is set, and wins over the file"));
  });
});

test("all of them are listed with where each comes from", async () => {
  const { context, stdout, results } = stageWith();
  assert.equal(await configList(context), 0);
  assert.match(stdout.join(""), /^model\|local\/scripted\|file\|KUGETSU_MODEL\|/m);
  assert.match(stdout.join(""), /^agent\|-\|default\|KUGETSU_AGENT\|/m);
  assert.deepEqual(results, [{
    model: { value: "local/scripted", origin: "file" },
    agent: { value: null, origin: "default" },
  }]);
});

test("the path of the file is printed alone", async () => {
  const { context, stdout } = stageWith();
  assert.equal(await configPath(context), 0);
  assert.deepEqual(stdout, ["/state/config.jsonc\n"]);
});
