import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { configFile } from "../../src/config/config_file.ts";
import { EXIT, KugetsuError } from "../../src/errors.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

type Environment = Record<string, string | undefined>;

/** The configuration of a file with this text, or of none; what it warns of is kept. */
async function configOf(scratch: Scratch, text?: string, env: Environment = {}) {
  const path = scratch.join("config.jsonc");
  if (text !== undefined) await scratch.write("config.jsonc", text);
  const warnings: string[] = [];
  return { config: configFile(path, env, (it) => warnings.push(it)), path, warnings };
}

function refusal(code: string, pattern: RegExp) {
  return (error: unknown) => {
    assert(error instanceof KugetsuError, String(error));
    assert.deepEqual([error.code, error.exit], [code, EXIT.usage]);
    assert.match(error.message, pattern);
    return true;
  };
}

const FILE = `{
  // What this team uses
  "model": "local/team",
  "limits": { "total": "2h" /* enough */, },
}
`;

describe("one setting", () => {
  test("comes with where it is from", async () => {
    await using scratch = await makeScratch();
    const { config } = await configOf(scratch, FILE, { KUGETSU_AGENT: "build" });
    const got = (name: string) => [config.get(name).value, config.get(name).origin];
    assert.deepEqual(got("limits.total"), ["2h", "file"]);
    assert.deepEqual(got("agent"), ["build", "environment"]);
  });

  test("that there is not is refused, with the name that was probably meant", async () => {
    await using scratch = await makeScratch();
    const { config } = await configOf(scratch, FILE);
    assert.throws(
      () => config.get("limits.totl"),
      refusal("unknown-setting", /"limits.totl": did you mean "limits.total"\?$/),
    );
    assert.throws(() => config.get("theme"), refusal("unknown-setting", /a setting "theme"$/));
  });
});

describe("a setting", () => {
  test("is the flag's, or else the variable's, or else the file's, or else the default", async () => {
    await using scratch = await makeScratch();
    const env: Environment = {};
    const { config, warnings } = await configOf(scratch, FILE, env);
    const total = (flag?: string) => config.settings({ "limits.total": flag }).limits.total;
    assert.equal(total(), 7200);
    env["KUGETSU_TIMEOUT"] = "3h";
    assert.equal(total(), 10_800);
    assert.equal(total("4h"), 14_400);
    env["KUGETSU_TIMEOUT"] = "";
    assert.equal(total(), 7200);
    assert.equal(config.settings({}).model, "local/team");
    assert.equal(config.settings({}).permissions, "deny");
    assert.deepEqual(warnings, []);
  });

  test("is listed with where it comes from, as it was written", async () => {
    await using scratch = await makeScratch();
    const { config } = await configOf(scratch, FILE, { KUGETSU_AGENT: "plan" });
    assert.deepEqual(
      config.list().map(({ setting, value, origin }) => [setting.name, value, origin]),
      [
        ["model", "local/team", "file"],
        ["agent", "plan", "environment"],
        ["permissions", "deny", "default"],
        ["limits.firstEvent", "3m", "default"],
        ["limits.silence", "20m", "default"],
        ["limits.total", "2h", "file"],
        ["limits.answer", "24h", "default"],
        ["limits.plugin", "30s", "default"],
        ["runner", "server", "default"],
        ["queue.maxParallel", undefined, "default"],
        ["queue.perRepository", undefined, "default"],
        ["budget.tokens", undefined, "default"],
        ["budget.cost", undefined, "default"],
        ["supervisor.idle", "15m", "default"],
        ["logs.megabytes", "16", "default"],
        ["gc.age", "30d", "default"],
        ["worktree.mode", "own", "default"],
        ["worktree.copy", undefined, "default"],
        ["worktree.setup", undefined, "default"],
        ["worktree.setupTimeout", "10m", "default"],
        ["issue.comments", "writers", "default"],
        ["issue.template", undefined, "default"],
        ["forgeTokens", "hide", "default"],
      ],
    );
  });

  test("that is wrong is refused with where it was said", async () => {
    await using scratch = await makeScratch();
    const text = '{ "permissions": "ask", "limits": { "total": 0, "silence": { "toString": 1 } } }';
    const { config, path } = await configOf(scratch, text, { KUGETSU_SILENCE_TIMEOUT: "soon" });
    const flags = { permissions: "deny", "limits.total": "1h", "limits.silence": "1m" };
    const settings = (changes: Environment) => () => config.settings({ ...flags, ...changes });
    const whole = (where: string) => new RegExp(where.replaceAll(/[.(){}\\]/g, "\\$&"));
    assert.throws(
      settings({ permissions: undefined }),
      refusal("bad-setting", whole(`"ask" for permissions (${path}): it is deny`)),
    );
    assert.throws(
      settings({ "limits.total": undefined }),
      refusal("bad-setting", whole(`"0" for limits.total (${path}): it has to be more`)),
    );
    assert.throws(
      settings({ "limits.silence": undefined }),
      refusal("bad-setting", /"soon" for limits\.silence \(KUGETSU_SILENCE_TIMEOUT\): a duration/),
    );
    const { config: fromFile } = await configOf(scratch);
    assert.throws(
      () => fromFile.settings({ ...flags, "limits.silence": undefined }),
      refusal("bad-setting", whole('"{\\"toString\\":1}" for limits.silence')),
    );
    assert.equal(fromFile.list()[4]?.value, '{"toString":1}');
    assert.throws(
      settings({ model: "gpt" }),
      refusal("bad-setting", /"gpt" for --model: a model is written provider\/model/),
    );
    assert.throws(settings({ model: "gpt" }), { next: "kugetsu --help" });
    assert.throws(settings({ permissions: undefined }), { next: "kugetsu config list" });
  });
});

describe("a file", () => {
  test("that is not there says nothing", async () => {
    await using scratch = await makeScratch();
    const { config, path, warnings } = await configOf(scratch);
    assert.equal(config.path, path);
    assert.equal(config.settings({}).limits.total, 14_400);
    assert.deepEqual(warnings, []);
    assert.deepEqual(await readdir(scratch.path), []);
  });

  test("with a mistake is refused in words, with line and column; its path is told all the same", async () => {
    await using scratch = await makeScratch();
    const mistakes: [text: string, why: RegExp][] = [
      ['{\n  "model": "a/b"\n  "agent": "x"\n}', /c": line 3, column 3: a comma is missing before/],
      ['{\n  "model": \n}', /line 3, column 1: a value is missing$/],
      ["{", /line 1, column 2: a closing \} is missing$/],
      ["{ model: 1 }", /line 1, column 3: names and texts are written in double/],
      ["{ 'model': 1 }", /line 1, column 3: /],
      ['{ "model" "a/b" }', /line 1, column 11: a colon is missing/],
      ['{ "model": "a/b }', /line 1, column 12: a text is not closed/],
      ['{ "model": a/b }', /line 1, column 12: names and texts are written in/],
      ['{ "worktree": { "copy": ["a" } }', /line 1, column 30: /],
      ["{} /* and", /line 1, column 4: a comment is not closed/],
      ['{ "agent": "a\\q" }', /line 1, column 12: this is no escape sequence/],
      ["", /it is empty; write at least \{\}$/],
      ["[]", /it is not an object/],
      ['"model"', /it is not an object/],
      ["{} {}", /line 1, column 4: there is something behind the end$/],
    ];
    for (const [text, why] of mistakes) {
      const { config, path } = await configOf(scratch, text);
      assert.equal(config.path, path);
      assert.throws(() => config.settings({}), refusal("bad-config", why), text);
      assert.throws(() => config.set("model", "a/b"), refusal("bad-config", why));
    }
  });

  test("that cannot be read is an error, not an empty one", async () => {
    await using scratch = await makeScratch();
    await scratch.write("config.jsonc/in the way", "");
    const { config } = await configOf(scratch);
    assert.throws(
      () => config.list(),
      (error) => error instanceof KugetsuError && error.code === "unreadable",
    );
  });

  test("has its unknown keys named, with the line and what was probably meant", async () => {
    await using scratch = await makeScratch();
    const { config, path, warnings } = await configOf(
      scratch,
      `{
  "$schema": "https://example.org/schema.json",
  "modle": "a/b",
  "limits": { "totl": "1h",
    "total": "1h", "deep": { "er": 1 } },
  "theme": "dark",
  "permissions": "deny"
}`,
    );
    config.list();
    assert.deepEqual(warnings, [
      `${path}, line 3: there is no setting "modle"; did you mean "model"?`,
      `${path}, line 4: there is no setting "limits.totl"; did you mean "limits.total"?`,
      `${path}, line 5: there is no setting "limits.deep"`,
      `${path}, line 6: there is no setting "theme"`,
    ]);
  });

  test("that writes a setting in a way that is not read has it named too", async () => {
    await using scratch = await makeScratch();
    for (const text of ['{ "limits.total": "1h" }', '{ "limits": "1h" }', '{ "limits": null }']) {
      const { config, warnings } = await configOf(scratch, text);
      assert.equal(config.settings({}).limits.total, 14_400);
      assert.equal(warnings.length, 1, text);
      assert.match(warnings[0]!, /config\.jsonc, line 1: there is no setting "limits/);
    }
    const { config, warnings } = await configOf(scratch, '{ "limits.total": "1h" }');
    config.list();
    assert.match(warnings[0]!, /; write it as "limits": \{ "total": … \}$/);
  });
});

describe("changing a setting", () => {
  test("leaves the rest of the file, comments too, as it is", async () => {
    await using scratch = await makeScratch();
    const { config, path } = await configOf(scratch, FILE);
    config.set("limits.total", "30m");
    assert.equal(await readFile(path, "utf8"), FILE.replace('"2h"', '"30m"'));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const again = await configOf(scratch);
    again.config.set("agent", "plan");
    const text = await readFile(path, "utf8");
    assert.match(text, /\/\/ What this team uses\n {2}"model": "local\/team"/);
    assert.match(text, /"total": "30m" \/\* enough \*\//);
    const { agent, limits } = (await configOf(scratch)).config.settings({});
    assert.deepEqual([agent, limits.total], ["plan", 1800]);
  });

  test("to a list, in JSON or with commas, stores a list", async () => {
    await using scratch = await makeScratch();
    for (const text of ['[".env", ".env.local"]', ".env, .env.local"]) {
      const { config } = await configOf(scratch);
      config.set("worktree.copy", text);
      const { config: again, path } = await configOf(scratch);
      assert.deepEqual(again.settings({}).worktree.copy, [".env", ".env.local"]);
      assert.match(await readFile(path, "utf8"), /"copy": \[/);
    }
  });

  test("makes the file, and its folder, where there is none", async () => {
    await using scratch = await makeScratch();
    const path = scratch.join("state", "config.jsonc");
    configFile(path, {}, () => {}).set("limits.silence", "10m");
    const warnings: string[] = [];
    const made = configFile(path, {}, (it) => warnings.push(it));
    assert.equal(made.settings({}).limits.silence, 600);
    assert.deepEqual(warnings, []);
    assert.match(await readFile(path, "utf8"), /^\/\/ Settings of kugetsu/);
    assert.equal((await stat(scratch.join("state"))).mode & 0o777, 0o700);
  });

  test("to nothing takes it out of the file, and no comment above it", async () => {
    await using scratch = await makeScratch();
    const { config, path } = await configOf(scratch, FILE);
    assert.equal(config.set("model", undefined), true);
    assert.equal(await readFile(path, "utf8"), FILE.replace('  "model": "local/team",\n', ""));
    assert.equal((await configOf(scratch)).config.settings({}).model, undefined);
  });

  test("that is not there to nothing changes nothing, and makes no file", async () => {
    await using scratch = await makeScratch();
    const { config } = await configOf(scratch);
    assert.equal(config.set("limits.total", undefined), false);
    assert.deepEqual(await readdir(scratch.path), []);
    const { config: other, path } = await configOf(scratch, FILE);
    assert.equal(other.set("limits.silence", undefined), false);
    assert.equal(await readFile(path, "utf8"), FILE);
  });

  test("to what it cannot be is refused, and the file stays as it was", async () => {
    await using scratch = await makeScratch();
    const { config, path } = await configOf(scratch, FILE);
    assert.throws(() => config.set("model", "gpt"), refusal("bad-setting", /"gpt" for model: a/));
    assert.throws(
      () => config.set("modle", "a/b"),
      refusal("unknown-setting", /"modle": did you mean "model"\?$/),
    );
    assert.throws(
      () => config.set("theme", "dark"),
      refusal("unknown-setting", /a setting "theme"$/),
    );
    assert.equal(await readFile(path, "utf8"), FILE);
  });

  test("inside of what is no group is refused, and the file stays as it was", async () => {
    await using scratch = await makeScratch();
    const text = '{ "limits": "1h" }';
    const { config, path } = await configOf(scratch, text);
    assert.throws(() => config.set("limits.total", "1h"), refusal("bad-config", /"limits"/));
    assert.equal(await readFile(path, "utf8"), text);
  });
});
