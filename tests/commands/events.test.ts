import { test } from "node:test";
import assert from "node:assert/strict";
import { events } from "../../src/commands/events.ts";
import type { StoredEvent } from "../../src/store/mod.ts";
import { makeStage, REF } from "../support/fakes.ts";

const EVENT: StoredEvent = {
  v: 1,
  cursor: "000001-5e0c1a-312",
  time: "2026-11-22T18:03:39+00:00",
  event: "ended",
  type: "forked",
  issue_ref: REF,
  from: "running",
  to: "idle",
  session: "ses_1",
  turn: "t1",
  outcome: "done",
  file: "sessions/x.json",
};

test("each event is one line of JSON, from where the reader left off", async () => {
  const asked: unknown[] = [];
  const { context, stdout } = makeStage(() => ({
    store: {
      async *events(following) {
        asked.push(following);
        yield EVENT;
        yield { ...EVENT, reason: "two\nlines" };
      },
    },
  }));
  assert.equal(await events(context, { since: "here" }), 0);
  assert.deepEqual(asked, [{ since: "here", follow: false }]);
  assert.deepEqual(stdout.map((line) => JSON.parse(line)), [
    EVENT,
    { ...EVENT, reason: "two\nlines" },
  ]);
  assert.ok(stdout.every((line) => line.indexOf("\n") === line.length - 1));
});

test("a follower ends when nobody reads it any more", async () => {
  let wasGivenBack = false;
  const { context, stdout } = makeStage(() => ({
    store: {
      async *events() {
        try {
          while (true) yield EVENT;
        } finally {
          wasGivenBack = true;
        }
      },
    },
  }));
  const output = {
    ...context.output,
    get isClosed() {
      return stdout.length >= 2;
    },
  };
  assert.equal(await events({ ...context, output }, { follow: true }), 0);
  assert.equal(stdout.length, 2);
  assert.ok(wasGivenBack);
});
