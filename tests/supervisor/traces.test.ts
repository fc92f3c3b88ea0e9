import { test } from "node:test";
import assert from "node:assert/strict";
import { readdir, utimes } from "node:fs/promises";
import { FileTraces } from "../../src/supervisor/traces.ts";
import { Mailbox } from "../../src/supervisor/mailbox.ts";
import { makeScratch } from "../support/scratch.ts";
import { submission } from "../support/turns.ts";

const KEY = "github.com/a/b#1";

test("what issues left is found by name, newest file first, and goes as a whole", async () => {
  await using scratch = await makeScratch();
  const traces = new FileTraces(scratch.path, (key) => Promise.resolve(key));
  assert.deepEqual([traces.issues(), traces.logs()], [[], []]);
  await scratch.write("logs/issues/one.jsonl", "");
  await scratch.write("logs/issues/one.older.jsonl", "");
  await scratch.write("logs/issues/two.older.jsonl", "");
  await scratch.write("logs/one.setup.log", "");
  await scratch.write("turns/damaged.json", "{");
  new Mailbox(scratch.path).write("one", { key: KEY, next: [] });
  for (
    const file of ["logs/issues/one.jsonl", "logs/issues/one.older.jsonl", "logs/one.setup.log"]
  ) {
    await utimes(scratch.join(file), 1, 1);
  }
  await utimes(scratch.join("turns/one.json"), 2, 2);
  const [damaged, one, two] = traces.issues();
  assert.deepEqual(one, { name: "one", changed: 2000, key: KEY, isOpen: false });
  assert.deepEqual([two!.name, two!.key, two!.isOpen], ["two", undefined, false]);
  assert.deepEqual([damaged!.isOpen, /damaged.json/.test(damaged!.why!)], [true, true]);
  traces.remove("one");
  traces.remove("never");
  assert.deepEqual(traces.issues().map(({ name }) => name), ["damaged", "two"]);
  assert.deepEqual(await readdir(scratch.join("logs/issues")), ["two.older.jsonl"]);
  const [log] = traces.logs();
  assert.deepEqual(log, { path: scratch.join("logs/one.setup.log"), changed: 1000 });
  traces.removeLog(scratch.join("turns/damaged.json"));
  traces.removeLog(log!.path);
  assert.deepEqual(await readdir(scratch.join("turns")), ["damaged.json"]);
  assert.deepEqual(traces.logs(), []);
});

test("what was accepted and how it ended is told, and what is damaged is put aside", async () => {
  await using scratch = await makeScratch();
  const traces = new FileTraces(scratch.path, (key) => Promise.resolve(key));
  const mailbox = new Mailbox(scratch.path);
  assert.equal(await traces.kept("one"), undefined);
  const failure = { code: "no-base", exit: 3, message: "no" } as const;
  const turn = submission();
  mailbox.write("one", { key: KEY, next: [], last: turn, failure });
  mailbox.write("two", { key: KEY, current: turn, next: [] });
  await scratch.write("turns/bad.json", "{");
  assert.deepEqual((await traces.kept("one"))?.last?.id, turn.id);
  assert.deepEqual((await traces.kept("two"))?.accepted.map((it) => it.id), [turn.id]);
  assert.equal(traces.hasAccepted(), true);
  assert.deepEqual(traces.failedStarts(["other"]).map((it) => it.failure), [failure]);
  assert.deepEqual(traces.failedStarts(["one"]), []);
  await assert.rejects(traces.kept("bad"), { code: "damaged-record" });
  assert.deepEqual(traces.issues().filter((it) => it.isDamaged).map((it) => it.name), ["bad"]);
  traces.setAside("bad");
  assert.equal(await traces.kept("bad"), undefined);
  const names = await readdir(scratch.join("turns"));
  assert.ok(names.some((it) => /^bad\.json\.damaged-/.test(it)), names.join());
});
