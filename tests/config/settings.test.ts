import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { ROOT } from "../../scripts/_checkout.ts";
import { settingNamed, SETTINGS } from "../../src/config/setting_list.ts";
import { settingsFrom, supervisorSettingsFrom } from "../../src/config/settings.ts";
import { readDuration } from "../../src/config/setting_values.ts";

const LONGEST = 24 * 24 * 3600;

test("the README's table has every setting, with its variable and its default", async () => {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const rows = [...readme.matchAll(/^\| `([\w.]+)` *\| `(KUGETSU_\w+)` *\| (.*?) *\|/gm)]
    .map(([, name, variable, given]) => ({ name, variable, given }));
  assert.deepEqual(rows.map((it) => it.name).sort(), SETTINGS.map((it) => it.name).sort());
  for (const { name, variable, given } of rows) {
    const setting = settingNamed(name!)!;
    assert.equal(variable, setting.variable, name);
    if (setting.fallback !== undefined) assert.equal(given, `\`${setting.fallback}\``, name);
  }
});

test("a duration is in seconds, with or without units", () => {
  const durations: [text: unknown, seconds: number][] = [
    ["90", 90],
    [90, 90],
    ["90s", 90],
    ["5m", 300],
    ["2h", 7200],
    ["1h30m", 5400],
    ["1h0m5s", 3605],
    ["1.5h", 5400],
    ["0.5", 0.5],
    [" 5m ", 300],
    ["576h", LONGEST],
    ["1d12h", 129_600],
  ];
  for (const [text, seconds] of durations) assert.equal(readDuration(text), seconds);
});

test("what is no duration, or none that a timer can wait for, is refused with a reason", () => {
  const format = /a number of seconds, or like 90s, 5m, 1h30m/;
  const refused: [value: unknown, why: RegExp][] = [
    ["", format],
    ["x", format],
    ["5w", format],
    ["5 m", format],
    ["5m!", format],
    ["m", format],
    ["-5m", format],
    ["+5", format],
    ["1e3", format],
    ["1.m", format],
    [".5", format],
    ["1.2.3", format],
    ["0x10", format],
    ["Infinity", format],
    [NaN, format],
    [null, format],
    [undefined, format],
    [true, format],
    [{}, format],
    [[90], format],
    [{ toString: false }, format],
    ["0", /more than nothing/],
    ["0s", /more than nothing/],
    ["0h0m", /more than nothing/],
    ["577h", /the longest is 576h/],
    [LONGEST + 1, /the longest is 576h/],
    ["9".repeat(400), /the longest is 576h/],
  ];
  for (const [value, why] of refused) {
    assert.throws(() => readDuration(value), why, JSON.stringify(value));
  }
});

test("every whole number of seconds up to the longest can be said in hours, minutes and seconds", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: LONGEST }), (seconds) => {
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    assert.equal(readDuration(`${h}h${m}m${s}s`), seconds);
    assert.equal(readDuration(seconds), seconds);
  }));
});

test("whatever is given for a setting, it is read or refused in words", () => {
  fc.assert(fc.property(fc.constantFrom(...SETTINGS), fc.anything(), (setting, value) => {
    try {
      const read = setting.read(value);
      assert(["string", "number"].includes(typeof read) || Array.isArray(read), setting.name);
    } catch (error) {
      assert.match((error as Error).message, /^[a-z].*[^.]$/);
    }
  }));
});

const VALUES: Record<string, { good: unknown[]; bad: unknown[] }> = {
  model: {
    good: ["anthropic/claude-sonnet-4-5", "local/a/b:c"],
    bad: ["", "claude", "/claude", "local/", "--auto/x", "local/a b", "a b/c", 7, null],
  },
  agent: { good: ["build", "team/reviewer"], bad: ["", "--auto", "a b", " build", 7, null] },
  permissions: { good: ["deny", "allow", "wait"], bad: ["", "Deny", "ask", true, null] },
  runner: { good: ["server", "run"], bad: ["", "Server", "both", true, null] },
  "worktree.mode": { good: ["shared", "own"], bad: ["", "Own", true, null] },
  "worktree.setup": { good: ["npm ci", "a && b"], bad: ["", " ", 7, null, ["npm ci"]] },
};

test("a model, an agent and a policy are taken as they are, and cannot be taken for a flag", () => {
  for (const [name, { good, bad }] of Object.entries(VALUES)) {
    const { read } = settingNamed(name)!;
    for (const value of good) assert.equal(read(value), value);
    for (const value of bad) assert.throws(() => read(value), `${name}: ${value}`);
  }
});

test("a count is a whole number, and an amount any, written as a number or as text", () => {
  const [count, amount] = ["queue.maxParallel", "budget.cost"].map((it) => settingNamed(it)!.read);
  for (const value of [1, "1", 24, "5000000"]) assert.equal(count!(value), Number(value));
  for (const value of [0.01, "0.01", 2, "2.50"]) assert.equal(amount!(value), Number(value));
  const none = ["", "0", 0, -1, "-1", " 1", "1e3", "x", "9".repeat(400), [1], null, true, {}];
  for (const bad of [...none, 1.5, "1.5", Infinity, NaN, 2 ** 60]) {
    assert.throws(() => count!(bad), /a whole number, 1 or more/, String(bad));
  }
  for (const bad of [...none, Infinity, NaN, "$2"]) {
    assert.throws(() => amount!(bad), /an amount of dollars/, String(bad));
  }
});

test("files to copy are a list, JSON of one, or text with commas", () => {
  const { read } = settingNamed("worktree.copy")!;
  assert.deepEqual(read([".env", "a,b"]), [".env", "a,b"]);
  assert.deepEqual(read(".env, config/local.json"), [".env", "config/local.json"]);
  assert.deepEqual(read('[".env", "a,b"]'), [".env", "a,b"]);
  for (const pattern of ["*.env", ["a?"]]) assert.throws(() => read(pattern), /no patterns/);
  for (const bad of ["", ".env,", "[.env]", "[7]", [""], [7], 7, null, {}]) {
    assert.throws(() => read(bad), `${bad}`);
  }
});

test("where nobody says anything, what is documented holds", () => {
  assert.deepEqual(settingsFrom(() => undefined), {
    model: undefined,
    agent: undefined,
    permissions: "deny",
    limits: { firstEvent: 180, silence: 1200, total: 14_400, answer: 86_400 },
    budget: { tokens: undefined, cost: undefined },
    caps: { host: undefined, repository: undefined },
    runner: "server",
    worktree: { mode: "own", copy: [], setup: undefined, setupSeconds: 600 },
  });
  assert.deepEqual(supervisorSettingsFrom(() => undefined), {
    idleSeconds: 900,
    transcriptBytes: 16 * 1024 * 1024,
  });
});

test("what is said about a setting holds for that one", () => {
  const said: Record<string, string | number | string[]> = {
    model: "local/scripted",
    agent: "plan",
    permissions: "wait",
    "limits.firstEvent": 1,
    "limits.silence": 2,
    "limits.total": 3,
    "limits.answer": 4,
    "budget.tokens": 5000,
    "budget.cost": 2.5,
    "queue.maxParallel": 6,
    "queue.perRepository": 2,
    runner: "run",
    "supervisor.idle": 60,
    "logs.megabytes": 2,
    "worktree.mode": "shared",
    "worktree.copy": [".env"],
    "worktree.setup": "npm ci",
    "worktree.setupTimeout": 5,
  };
  assert.deepEqual(settingsFrom((setting) => said[setting.name]), {
    model: "local/scripted",
    agent: "plan",
    permissions: "wait",
    limits: { firstEvent: 1, silence: 2, total: 3, answer: 4 },
    budget: { tokens: 5000, cost: 2.5 },
    caps: { host: 6, repository: 2 },
    runner: "run",
    worktree: { mode: "shared", copy: [".env"], setup: "npm ci", setupSeconds: 5 },
  });
  assert.deepEqual(supervisorSettingsFrom((setting) => said[setting.name]), {
    idleSeconds: 60,
    transcriptBytes: 2 * 1024 * 1024,
  });
});

test("every setting has a name and a variable of its own, and a fallback that it takes itself", () => {
  assert.equal(new Set(SETTINGS.map((it) => it.name)).size, SETTINGS.length);
  assert.equal(new Set(SETTINGS.map((it) => it.variable)).size, SETTINGS.length);
  for (const { name, variable, fallback, read } of SETTINGS) {
    assert.match(variable, /^KUGETSU_[A-Z_]+$/);
    assert(!variable.startsWith("KUGETSU_TURN_"), "that begins a turn's mark");
    if (fallback !== undefined) assert.doesNotThrow(() => read(fallback), name);
  }
  assert.equal(settingNamed("no such"), undefined);
});
