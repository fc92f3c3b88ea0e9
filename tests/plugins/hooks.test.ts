import { describe, test } from "node:test";
import assert from "node:assert/strict";
import type { HookName, Plugin } from "../../src/api/mod.ts";
import { KugetsuError } from "../../src/errors.ts";
import { type HookRun, runAfter, runBefore } from "../../src/plugins/hooks.ts";
import { memberOf } from "../support/members.ts";

const GIVEN = {
  ref: { host: "git.example.org", project: ["a", "b"], number: "1" },
  record: null,
  message: "go",
};
const ENDED = { ...GIVEN, outcome: { kind: "done", text: "ok" } } as const;

const adds = (name: string, order?: "first" | "last"): Plugin => ({
  name,
  apiVersion: 1,
  hooks: {
    "pre-start": {
      ...(order ? { order } : {}),
      run: ({ message }) => ({ message: `${message} ${name}` }),
    },
  },
});

function runOf(plugins: Plugin[], more: Partial<HookRun> = {}) {
  const warnings: string[] = [];
  const members = plugins.map((it) => memberOf(it));
  const warn = (text: string) => void warnings.push(text);
  const posted: unknown[] = [];
  const comment: HookRun["comment"] = (...asked) => {
    posted.push(asked);
    return Promise.resolve();
  };
  return { warnings, posted, run: { members, order: [], limitMs: 300, warn, comment, ...more } };
}

describe("sequential hooks", () => {
  test("run first, normal, last; then in the order of config; then by name; each sees what was changed", async () => {
    const plugins = [
      adds("zoe", "first"),
      adds("amy", "last"),
      adds("bob"),
      adds("cal"),
      adds("eve"),
    ];
    const { run } = runOf(plugins, { order: ["eve", "cal"] });
    assert.deepEqual(await runBefore("pre-start", GIVEN, run), {
      message: "go zoe eve cal bob amy",
    });
  });

  test("may change model and agent, and those of others are kept", async () => {
    const { run } = runOf([
      {
        name: "a",
        apiVersion: 1,
        hooks: { "pre-continue": () => ({ model: "p/m", message: "x" }) },
      },
      { name: "b", apiVersion: 1, hooks: { "pre-continue": () => ({ agent: "plan" }) } },
      { name: "c", apiVersion: 1, hooks: { "pre-continue": () => {} } },
      adds("d"),
    ]);
    assert.deepEqual(await runBefore("pre-continue", GIVEN, run), {
      model: "p/m",
      message: "x",
      agent: "plan",
    });
  });

  test("that refuse end it with the reason, and those behind do not run", async () => {
    const ran: string[] = [];
    const { run } = runOf([
      { name: "a", apiVersion: 1, hooks: { "pre-start": () => ({ refuse: "not\n now." }) } },
      { name: "b", apiVersion: 1, hooks: { "pre-start": () => void ran.push("b") } },
    ]);
    await assert.rejects(
      runBefore("pre-start", GIVEN, run),
      isError("plugin-refused", 9, /^Refused by the plugin "a" \(pre-start\): not now$/),
    );
    assert.deepEqual(ran, []);
  });

  const FAILURES: [what: string, hook: () => unknown, why: RegExp][] = [
    ["throws", () => {
      throw new Error("broken");
    }, /broken/],
    ["never settles", () => new Promise(() => {}), /longer than 0.3 s/],
    ["answers what is no message", () => ({ message: " " }), /message: it is empty/],
    ["answers what is no model", () => ({ model: "--help" }), /it is no model/],
    ["answers with what there is not", () => ({ massage: "x" }), /its answer is not/],
    ["answers with a word", () => "no", /its answer is not/],
    ["refuses without a reason", () => ({ refuse: " " }), /refuse: it is empty/],
  ];
  for (const [what, hook, why] of FAILURES) {
    test(`one that ${what} refuses a turn, and is only a warning for a destroy`, async () => {
      const hooks = { "pre-start": hook, "pre-destroy": hook } as Plugin["hooks"] & object;
      const { run, warnings } = runOf([{ name: "bad", apiVersion: 1, hooks }]);
      await assert.rejects(runBefore("pre-start", GIVEN, run), isError("hook-failed", 9, why));
      assert.deepEqual(await runBefore("pre-destroy", GIVEN, run), {});
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /^plugin "bad" failed in pre-destroy: /);
    });
  }

  test("may refuse a destroy with a reason, and change nothing of it", async () => {
    const { run } = runOf([
      { name: "a", apiVersion: 1, hooks: { "pre-destroy": () => ({ refuse: "it is kept" }) } },
    ]);
    await assert.rejects(
      runBefore("pre-destroy", GIVEN, run),
      isError("plugin-refused", 9, /it is kept/),
    );
  });
});

test("all of the others run, whatever one does, and their failures are warnings", async () => {
  for (const hook of ["outcome", "post-start", "post-continue", "post-destroy"] as const) {
    const ran: string[] = [];
    const hooks = (run: () => unknown) => ({ [hook]: run }) as Partial<Record<HookName, never>>;
    const { run, warnings } = runOf([
      { name: "a", apiVersion: 1, hooks: hooks(() => Promise.reject(new Error("broken"))) },
      { name: "b", apiVersion: 1, hooks: hooks(() => new Promise(() => {})) },
      { name: "c", apiVersion: 1, hooks: hooks(() => void ran.push("c")) },
    ]);
    await runAfter(hook, ENDED, run);
    assert.deepEqual(ran, ["c"]);
    assert.deepEqual(warnings.sort(), [
      `plugin "a" failed in ${hook}: broken`,
      `plugin "b" failed in ${hook}: it took longer than 0.3 s`,
    ]);
  }
});

test("what they report is posted as one comment of theirs, if they said that they comment", async () => {
  const reports = (name: string, comments: boolean, comment: unknown): Plugin => ({
    name,
    apiVersion: 1,
    comments,
    hooks: { outcome: () => ({ comment: comment as string }) },
  });
  const { run, posted, warnings } = runOf([
    reports("a", true, "it is done"),
    reports("b", false, "unasked"),
    reports("c", true, " "),
    reports("d", true, "x".repeat(60_001)),
    { name: "e", apiVersion: 1, hooks: { outcome: (() => "nonsense") as never } },
  ]);
  await runAfter("outcome", ENDED, run);
  assert.deepEqual(posted, [[GIVEN.ref, { body: "it is done", replace: "a" }]]);
  assert.deepEqual(warnings.map((it) => it.split(" failed in outcome: ")).sort(), [
    ['plugin "b"', "it has a comment to post, and does not declare comments: true"],
    ['plugin "c"', "its answer is not as it should be: comment: it is empty"],
    [
      'plugin "d"',
      "its answer is not as it should be: comment: it is longer than 60,000 characters",
    ],
  ]);
});

test("a comment that cannot be posted is a warning that names plugin and hook", async () => {
  const plugin: Plugin = {
    name: "a",
    apiVersion: 1,
    comments: true,
    hooks: { "post-start": () => ({ comment: "it is done" }) },
  };
  const { run, warnings } = runOf([plugin], { comment: () => Promise.reject(new Error("no")) });
  await runAfter("post-start", ENDED, run);
  assert.deepEqual(warnings, ['plugin "a" failed in post-start: no']);
});

test("what a hook is given is frozen, and no more than is documented", async () => {
  let seen: object = {};
  const { run } = runOf([{
    name: "a",
    apiVersion: 1,
    env: ["DECLARED"],
    hooks: {
      "pre-start"(context) {
        seen = context;
        (context as { message: string }).message = "changed";
      },
    },
  }]);
  await assert.rejects(runBefore("pre-start", GIVEN, run), /read.only|readonly|assign/i);
  assert.deepEqual(Object.keys(seen).sort(), [
    ...["env", "fetch", "limitMs", "log", "message", "record", "ref", "signal", "store"],
  ]);
  assert(Object.isFrozen((seen as typeof GIVEN).ref.project));
  assert.deepEqual((seen as { env: object }).env, { DECLARED: "1" });
});

function isError(code: string, exit: number, message: RegExp) {
  return (error: unknown) => {
    assert(error instanceof KugetsuError, String(error));
    assert.deepEqual([error.code, error.exit], [code, exit]);
    assert.match(error.message, message);
    return true;
  };
}
