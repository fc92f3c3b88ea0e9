import { test } from "node:test";
import assert from "node:assert/strict";
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";
import {
  filesBelow,
  looksLikeTest,
  selectFiles,
  sourcesOf,
  testFiles,
} from "../../scripts/_test_files.ts";

test("no test file is left out: whatever looks like a test is run", async () => {
  const run = new Set(await testFiles(ROOT));
  const left = (await filesBelow(ROOT)).filter((file) => looksLikeTest(file) && !run.has(file));
  assert.deepEqual(left, []);
});

test("every file below tests that defines tests is run", async () => {
  const run = new Set(await testFiles(ROOT));
  const others = (await filesBelow(ROOT, "tests")).filter((file) =>
    file.endsWith(".ts") && !run.has(file) && !file.startsWith("tests/support/")
  );
  for (const file of others) {
    const source = await readFile(join(ROOT, file), "utf8");
    assert.doesNotMatch(source, /from "node:test"/, `${file} is not named *.test.ts`);
  }
});

test("unit tests mirror the source: each belongs to a file that is there", async () => {
  for (const file of await testFiles(ROOT)) {
    const sources = sourcesOf(file);
    if (sources === null) continue;
    const found = await Promise.all(sources.map((source) => exists(join(ROOT, source))));
    assert.ok(found.includes(true), `${file} tests none of ${sources.join(", ")}`);
  }
});

test("no test is singled out, or switched off while it runs", async () => {
  // A test that switches itself off is passed to deno; other skips without needs() fail in the runner.
  const byHand = /\bt\.(?:skip|todo)\(|\bonly: true|\.only\(/;
  for (const file of await testFiles(ROOT)) {
    const lines = (await readFile(join(ROOT, file), "utf8")).split("\n");
    assert.deepEqual(lines.filter((line) => byHand.test(line)), [], file);
  }
});

test("what looks like a test", () => {
  for (const name of ["a.test.ts", "src/a_test.ts", "a.spec.js", "x/a.test.mjs", "a.test.tsx"]) {
    assert.ok(looksLikeTest(name), name);
  }
  for (const name of ["scripts/test.ts", "a.ts", "latest.ts", "tests/support/needs.ts"]) {
    assert.ok(!looksLikeTest(name), name);
  }
});

test("the source that a test belongs to", () => {
  assert.deepEqual(sourcesOf("tests/store/lock.test.ts"), ["src/store/lock.ts"]);
  assert.deepEqual(sourcesOf("tests/store/lock.contention.test.ts"), ["src/store/lock.ts"]);
  assert.deepEqual(sourcesOf("tests/errors.test.ts"), ["src/errors.ts"]);
  assert.deepEqual(sourcesOf("tests/scripts/_a.test.ts"), ["src/scripts/_a.ts", "scripts/_a.ts"]);
  assert.deepEqual(sourcesOf("tests/install/install.test.ts"), ["install.sh"]);
  const setUp = ["skills/kugetsu/scripts/sshd-setup.sh"];
  assert.deepEqual(sourcesOf("tests/host/sshd_setup.fresh.test.ts"), setUp);
  assert.equal(sourcesOf("tests/e2e/start.test.ts"), null);
});

test("words choose files by their path", () => {
  const files = ["tests/e2e/start.test.ts", "tests/store/lock.test.ts"];
  assert.deepEqual(selectFiles(files, []), files);
  assert.deepEqual(selectFiles(files, ["lock"]), [files[1]]);
  assert.deepEqual(selectFiles(files, ["./tests/e2e/", "store"]), files);
  assert.deepEqual(selectFiles(files, ["nothing"]), []);
});

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
