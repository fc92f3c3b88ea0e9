import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import type { TurnEvent } from "../../src/runner/mod.ts";
import type { MessageInfo, Part } from "../../src/runner/server_events.ts";
import { Sights } from "../../src/runner/server_sights.ts";
import { makeScratch } from "../support/scratch.ts";

const SENT = "msg_2";

function makeSights(directory = "/w") {
  const shown: TurnEvent[] = [];
  const strayed: string[] = [];
  const sights = new Sights({
    directory,
    show: (event) => shown.push(event),
    strays: (where) => strayed.push(where),
  });
  sights.begin(SENT);
  return { sights, shown, strayed };
}

const answer = (id: string, fields: Partial<MessageInfo> = {}) =>
  ({ id, sessionID: "ses_1", role: "assistant", time: { created: 1 }, ...fields }) as MessageInfo;
const said = (messageID: string, id: string, text: string) =>
  ({
    ...{ id, sessionID: "ses_1", messageID, type: "text", text },
    time: { start: 1, end: 2 },
  }) as unknown as Part;

test("what was said before the message, or by nobody known, is passed over; the rest is shown once", () => {
  const { sights, shown } = makeSights();
  sights.message(answer("msg_1"));
  assert.equal(sights.hasAnswer, false);
  sights.part(said("msg_1", "prt_1", "earlier"), true);
  sights.part(said("msg_3", "prt_3", "too early"), true);
  sights.message(answer("msg_4", { parentID: "msg_1" }));
  sights.part(said("msg_4", "prt_5", "an answer to what was before"), true);
  sights.message(answer("msg_3", { parentID: SENT }));
  for (let times = 0; times < 2; times++) sights.part(said("msg_3", "prt_4", "now"), true);
  sights.part(said("msg_9", "prt_9", "by a sub-session"), false);
  assert.deepEqual(shown, [{ kind: "text", text: "now" }]);
  assert.deepEqual([sights.progress.text, sights.hasAnswer], ["now", true]);
});

test("an error counts, and not that somebody has aborted the answer", () => {
  const { sights } = makeSights();
  sights.message(answer("msg_3", { error: { name: "MessageAbortedError" } }));
  assert.equal(sights.progress.error, undefined);
  sights.message(answer("msg_4", { error: { name: "APIError", data: { message: "no" } } }));
  assert.equal(sights.progress.error, "no");
});

test("an answer that is given in another folder strays, however the right one is spelled", async () => {
  await using scratch = await makeScratch("sights");
  await mkdir(scratch.join("real"));
  await symlink(scratch.join("real"), scratch.join("link"));
  const { sights, strayed } = makeSights(scratch.join("link"));
  for (const cwd of [scratch.join("link"), scratch.join("real")]) {
    sights.message(answer("msg_3", { path: { cwd } }));
  }
  assert.deepEqual(strayed, []);
  for (const cwd of [scratch.path, scratch.join("gone")]) {
    sights.message(answer("msg_4", { path: { cwd } }));
  }
  assert.deepEqual(strayed, [scratch.path, scratch.join("gone")]);
});

test("what an agent does is a sign of life, that opencode has taken in the message is none", () => {
  const { sights } = makeSights();
  const part = { kind: "part", session: "ses_1", part: said("msg_3", "prt_3", "x") } as const;
  assert.equal(sights.isSignOfLife(part, true), false);
  sights.message(answer("msg_3"));
  assert.equal(sights.isSignOfLife(part, true), true);
  assert.equal(sights.isSignOfLife({ kind: "idle", session: "ses_1" }, true), false);
});
