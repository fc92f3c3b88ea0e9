import { test } from "node:test";
import assert from "node:assert/strict";
import { Telling } from "../../src/runner/telling.ts";

test("calls are made one after the other, in order, however long each takes", async () => {
  const made: number[] = [];
  const telling = new Telling(() => {});
  for (const [i, ms] of [30, 0, 10].entries()) {
    void telling.tell(async () => {
      await new Promise((later) => setTimeout(later, ms));
      made.push(i);
    });
  }
  await telling.over();
  assert.deepEqual(made, [0, 1, 2]);
});

test("the first that fails is the last, says so at once, and is what is thrown in the end", async () => {
  const made: string[] = [];
  const telling = new Telling(() => made.push("ended"));
  await telling.tell(() => void made.push("first"));
  await telling.tell(() => Promise.reject(new Error("disk full")));
  assert.equal(telling.hasFailed, true);
  await telling.tell(() => void made.push("never"));
  await assert.rejects(telling.over(), /disk full/);
  assert.deepEqual(made, ["first", "ended"]);
});
