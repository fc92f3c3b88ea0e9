import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../../scripts/_checkout.ts";
import { run } from "../../scripts/_run.ts";
import {
  afterSecondTry,
  closingLine,
  merge,
  type Report,
  report,
} from "../../scripts/_test_report.ts";
import { makeScratch } from "../support/scratch.ts";

function namesOf({ failed }: Report): string[] {
  return failed.map(({ name }) => name).sort();
}

/** Runs deno's real test command over these files and reports on what it left. */
async function reportOn(
  sources: Record<string, string>,
  env: Record<string, string> = {},
): Promise<Report> {
  await using scratch = await makeScratch();
  for (const [name, source] of Object.entries(sources)) await scratch.write(name, source);
  const files = Object.keys(sources);
  const skips = await scratch.write("skips", "");
  // deno says nothing of a needs() that is given beside a test, so the planted files bring one that is never met.
  const ended = await run(
    process.execPath,
    ["test", "-A", "--no-check", "--no-config", "--junit-path=junit.xml", ...files],
    {
      cwd: scratch.path,
      env: { ...process.env, PATH: "", KUGETSU_NO_SKIP: "", KUGETSU_SKIPS: skips, ...env },
    },
  );
  return report({
    junit: await readFile(scratch.join("junit.xml"), "utf8").catch(() => ""),
    skips: await readFile(skips, "utf8"),
    files,
    succeeded: ended.code === 0,
    root: scratch.path,
  });
}

const HEAD = `
import { describe, it, test } from "node:test";
import { needs } from ${JSON.stringify(join(ROOT, "tests/support/needs.ts"))};
const fail = () => { throw new Error("<wrong>"); };
`;

test("passed, failed and skipped tests are counted, steps instead of their groups", async () => {
  const result = await reportOn({
    "a.test.ts": `${HEAD}
test("plain <&>", () => {});
test("wrong", fail);
test("outer", async (t) => { await t.test("inner", () => {}); await t.test("bad", fail); });
test("by itself", async (t) => { await t.test("good", () => {}); fail(); });
describe("group", () => { it("first", () => {}); it("second", () => {}); });
`,
  });
  assert.equal(result.passed, 5);
  assert.deepEqual(namesOf(result), [
    "by itself (a.test.ts)",
    "outer > bad (a.test.ts)",
    "wrong (a.test.ts)",
  ]);
  assert.equal(closingLine(result), "5 passed, 3 failed");
  const { why } = result.failed.find(({ name }) => name.startsWith("wrong"))!;
  assert.equal(why[0], "Error: <wrong>");
  assert.match(why.at(-1)!, /at .*a\.test\.ts:\d+/);
});

test("each skipped test is given its own reason and its packages", async () => {
  const result = await reportOn({
    "a.test.ts": `${HEAD}
const shell = needs("zsh");
test("first", { skip: needs("tmux") }, fail);
test(
  "second",
  { skip: needs("strace", "fish") },
  fail,
);
test("third", { skip: shell }, fail);
test("fourth", () => {});
`,
    "b.test.ts": `${HEAD}
describe("group", () => { it("inner", { skip: needs("busybox") }, fail); });
`,
  });
  assert.deepEqual(result.failed, []);
  assert.deepEqual(result.skipped.sort(), [
    "first (a.test.ts): needs tmux (Debian package tmux)",
    "group > inner (b.test.ts): needs busybox (Debian package busybox)",
    "second (a.test.ts): needs strace (Debian package strace), needs fish (Debian package fish)",
    "third (a.test.ts): needs zsh (Debian package zsh)",
  ]);
  assert.deepEqual(merge([result]).packages, ["busybox", "fish", "strace", "tmux", "zsh"]);
  assert.equal(closingLine(result), "1 passed, 0 failed, 4 skipped");
});

test("a skip without a reason, a file that cannot be loaded and a file without a test fail", async () => {
  const result = await reportOn({
    "broken.test.ts": "throw new Error('at load');",
    "empty.test.ts": "export {};",
    "quiet.test.ts": `${HEAD}
test("off", { skip: true }, fail);
test.todo("later");
`,
  });
  assert.deepEqual(namesOf(result), [
    "later (quiet.test.ts): skipped without a reason from needs()",
    "no test of it ran (broken.test.ts)",
    "no test of it ran (empty.test.ts)",
    "off (quiet.test.ts): skipped without a reason from needs()",
  ]);
});

test("with no skip allowed, what is missing fails the file", async () => {
  const source = `${HEAD}test("first", { skip: needs("tmux") }, fail);`;
  const result = await reportOn({ "a.test.ts": source }, { KUGETSU_NO_SKIP: "1" });
  assert.deepEqual([result.passed, result.skipped], [0, []]);
  assert.equal(result.failed.length, 1);
});

test("a run that deno calls failed is never reported as a success", () => {
  const junit = '<testcase name="one" classname="./a.test.ts" line="1">\n</testcase>';
  const evidence = { junit, skips: "", files: ["a.test.ts"], root: "/" };
  assert.deepEqual(report({ ...evidence, succeeded: true }).failed, []);
  assert.deepEqual(namesOf(report({ ...evidence, succeeded: false })), [
    "something outside any test",
  ]);
  assert.deepEqual(namesOf(report({ ...evidence, junit: "", succeeded: false })), [
    "no test ran at all",
  ]);
});

test("a failure is unsteady if its file passes by itself, and stays one if not, or if nobody knows its file", () => {
  const at = (name: string) => `<testcase name="${name}" classname="./${name}.test.ts" line="1">`;
  const failing = (name: string) =>
    `${at(name)}<failure message="">Error: ${name}</failure></testcase>`;
  const run = (junit: string, ...files: string[]) =>
    report({ junit, skips: "", files, succeeded: false, root: "/" });
  const first = run(failing("a") + failing("b"), "a.test.ts", "b.test.ts");
  const second = run(`${at("a")}</testcase>${failing("b")}`, "a.test.ts", "b.test.ts");
  const after = afterSecondTry(first, second);
  assert.deepEqual(namesOf(after), ["b (b.test.ts)"]);
  assert.deepEqual(after.unsteady.map(({ name, why }) => [name, why]), [["a (a.test.ts)", [
    "Error: a",
  ]]]);
  assert.equal(closingLine(after), "1 passed, 1 failed");

  assert.deepEqual(namesOf(afterSecondTry(run("", "a.test.ts"), second)), ["no test ran at all"]);
  const both = ["a (a.test.ts)", "b (b.test.ts)"];
  assert.deepEqual(namesOf(afterSecondTry(first, run("", "a.test.ts"))), both, "it never ran");
  const cutOff = run(`${at("a")}</testcase>`, "a.test.ts");
  assert.deepEqual(namesOf(afterSecondTry(first, cutOff)), both, "it was cut off");
});
