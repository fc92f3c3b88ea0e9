import { test } from "node:test";
import assert from "node:assert/strict";
import { trueOnes } from "../../src/commands/wake.ts";
import { errors } from "../../src/errors.ts";
import { makeStage } from "../support/fakes.ts";

/** Reads twice what a supervisor takes up in between, if it can; returns what was read, and what was warned of. */
async function readWith(wake: () => Promise<boolean>, hasCutOff = true) {
  const { context, stderr } = makeStage(() => ({ supervisor: { wake } }));
  let reads = 0;
  const read = () => Promise.resolve({ hasCutOff, reads: ++reads });
  return { read: (await trueOnes(context, read)).reads, stderr };
}

test("what was cut off is read again once a supervisor has taken it up", async () => {
  assert.deepEqual(await readWith(() => Promise.resolve(true)), { read: 2, stderr: [] });
  assert.deepEqual(await readWith(() => Promise.resolve(false)), { read: 1, stderr: [] });
});

test("nobody is woken where nothing was cut off", async () => {
  const wake = () => Promise.reject(new Error("it was woken"));
  assert.deepEqual(await readWith(wake, false), { read: 1, stderr: [] });
});

test("where none can come up that is said, and what is on record is read all the same", async () => {
  const failed = errors.supervisorFailed("Cannot write it", "/logs/supervisor.log");
  const { read, stderr } = await readWith(() => Promise.reject(failed));
  assert.equal(read, 1);
  assert.match(stderr.join(""), /as they were left: .*Cannot write it.*\/logs\/supervisor\.log/);
});

test("a fault of kugetsu itself is not passed over", async () => {
  await assert.rejects(readWith(() => Promise.reject(new TypeError("a fault"))), /a fault/);
});
