import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdir, stat, writeFile } from "node:fs/promises";
import type { Issue } from "../../src/api/mod.ts";
import { EXIT, KugetsuError } from "../../src/errors.ts";
import { isSame, Mailbox, turnOver, withOver } from "../../src/supervisor/mailbox.ts";
import type { Submission } from "../../src/supervisor/mod.ts";
import { PROTOCOL } from "../../src/supervisor/protocol.ts";
import { parseRequest } from "../../src/supervisor/requests.ts";
import { makeScratch } from "../support/scratch.ts";
import { submission } from "../support/turns.ts";

const ISSUE: Issue = {
  title: "Widget",
  body: "It breaks",
  state: "open",
  author: { name: "x", standing: "writer" },
  labels: ["bug"],
  url: "https://github.com/a/b/issues/1",
  comments: [],
};

test("what was put in is there for the next one to read, and for nobody else", async () => {
  await using scratch = await makeScratch("mailbox");
  const mailbox = new Mailbox(scratch.path);
  assert.equal(mailbox.read("a"), undefined);
  assert.deepEqual(mailbox.names(), []);
  const mail = { key: "github.com/a/b#1", current: submission({ message: "x\0\n月" }), next: [] };
  mailbox.write("a", mail);
  assert.deepEqual(new Mailbox(scratch.path).read("a"), mail);
  assert.deepEqual(mailbox.names(), ["a"]);
  assert.equal((await stat(scratch.join("turns", "a.json"))).mode & 0o777, 0o600);
  mailbox.remove("a");
  assert.deepEqual(mailbox.names(), []);
});

test("a turn comes out with all that it went in with, and nothing else", async () => {
  await using scratch = await makeScratch("mailbox");
  const mailbox = new Mailbox(scratch.path);
  const whole: Required<Submission> = {
    ...{ id: "t1", kind: "start", ref: "github.com/a/b#1", message: "x" },
    started_at: "2026-01-02T03:04:05+00:00",
    issue: ISSUE,
    ...{ model: "m/x", agent: "plan", permissions: "wait" },
    limits: { firstEvent: 1, silence: 2, total: 3, answer: 4 },
    ...{ runner: "run", base: "default" },
    place: {
      ...{ mode: "own", demanded: true, from: "v1" },
      ...{ copy: [".env"], setup: "npm ci", setupSeconds: 5 },
    },
    budget: { tokens: 6, cost: 0.5 },
    caps: { host: 7, repository: 8, given: true },
    ...{ key: "once", queue: true, debug: true },
  };
  const failure = {
    ...{ code: "turn-failed", exit: EXIT.failed, message: "no credit" },
    ...{ next: "kugetsu retry", hint: "once there is some", details: ["x"] },
  };
  const over_at = "2026-01-02T03:05:00+00:00";
  const mail = { key: whole.ref, current: whole, next: [whole], last: whole, over_at, failure };
  mailbox.write("a", mail);
  assert.deepEqual(mailbox.read("a"), mail);
  const request = { protocol: PROTOCOL, version: "1", ask: "submit", submission: whole };
  assert.deepEqual(parseRequest(JSON.parse(JSON.stringify(request))), request);
});

test("what cannot be a turn is not taken for one", () => {
  const bad: Record<string, unknown>[] = [
    { started_at: undefined },
    { runner: "both" },
    { base: "other" },
    { place: { mode: "own" } },
    { limits: { firstEvent: 0, silence: 1, total: 1 } },
    { budget: { tokens: 0 } },
    { caps: { host: -1 } },
    { permissions: "ask" },
  ];
  for (const changes of bad) {
    const turn = { ...submission(), ...changes };
    const request = { protocol: PROTOCOL, version: "1", ask: "submit", submission: turn };
    assert.equal(parseRequest(request), undefined, JSON.stringify(changes));
  }
});

test("one that is damaged is named, and not taken for an empty one", async () => {
  await using scratch = await makeScratch("mailbox");
  const mailbox = new Mailbox(scratch.path);
  mailbox.write("a", { key: "github.com/a/b#1", next: [] });
  for (const text of ["", "{", '{"key": "x", "current": {"id": "y"}}']) {
    await writeFile(scratch.join("turns", "a.json"), text);
    assert.throws(
      () => mailbox.read("a"),
      (error: Error) =>
        error instanceof KugetsuError && error.message.includes(scratch.join("turns", "a.json")),
    );
  }
});

test("what cannot be read may hold a turn; what is damaged does not keep the others from being looked at", async () => {
  await using scratch = await makeScratch("mailbox");
  const mailbox = new Mailbox(scratch.path);
  await scratch.write("turns/a.json", "{");
  assert.equal(mailbox.hasAccepted(), false);
  mailbox.write("b", { key: "github.com/a/b#1", current: submission(), next: [] });
  assert.equal(mailbox.hasAccepted(), true);
  await mkdir(scratch.join("turns", "0.json"));
  assert.throws(() => mailbox.hasAccepted(), { code: "unreadable" });

  await using other = await makeScratch("mailbox");
  await other.write("turns", "");
  assert.throws(() => new Mailbox(other.path).names(), { code: "unreadable" });
  assert.throws(() => new Mailbox(other.path).write("a", { key: "a", next: [] }), {
    code: "unwritable",
  });
});

test("a key names a turn of one kind, also once it is over", () => {
  const start = submission({ key: "a" });
  const next = submission({ key: "a", kind: "continue" });
  assert.deepEqual([isSame(start, { ...start, id: "other" }), isSame(start, next)], [true, false]);
  const over = withOver(
    withOver({ key: start.ref, next: [] }, start, start.started_at, undefined),
    submission(),
    start.started_at,
    undefined,
  );
  assert.equal(turnOver(over, { ...start, id: "other" }), start.id);
  assert.equal(turnOver(over, next), undefined);
  // As it was written before there were kinds.
  const old = { ...over, keys: [{ key: "a", turn: start.id }] };
  assert.equal(turnOver(old, next), start.id);
});
