import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";
import { EVENT_SCHEMA, eventSchema } from "../../scripts/event_schema.ts";
import { violations } from "../support/json_schema.ts";

test("docs/schemas/event.schema.json is what the source says; if not: deno task reference", async () => {
  assert.equal(await readFile(join(ROOT, EVENT_SCHEMA), "utf8"), await eventSchema());
});

test("it names what is missing or wrong in an event", async () => {
  const schema = JSON.parse(await eventSchema());
  const event = {
    v: 1,
    cursor: "000001-5e0c1a-312",
    time: "2026-11-22T18:03:39+00:00",
    event: "ended",
    type: "forked",
    issue_ref: "github.com/acme/widget#14",
    from: "running",
    to: "idle",
    session: "ses_1",
    turn: "t1",
    outcome: "done",
    file: "sessions/github.com-acme-widget-14.json",
  };
  assert.deepEqual(violations(schema, event), []);
  assert.deepEqual(violations(schema, { ...event, reason: "x", added_later: [1] }), []);
  assert.deepEqual(violations(schema, { ...event, v: 2, event: "done" }), ["v", "event"]);
  const { cursor: _, ...without } = event;
  assert.deepEqual(violations(schema, without), [""]);
});
