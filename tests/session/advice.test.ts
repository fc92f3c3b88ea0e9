import { test } from "node:test";
import assert from "node:assert/strict";
import { adviceAfter, turnError } from "../../src/session/advice.ts";

const REF = "github.com/shoko/kugetsu#14";

test("a session is gone on with, and a start without one is tried again", () => {
  for (const kind of ["failed", "stalled", "timeout", "cancelled"] as const) {
    assert.equal(adviceAfter(REF, { kind }, true), `kugetsu continue "${REF}"`);
    assert.match(JSON.stringify(adviceAfter(REF, { kind }, false)), /kugetsu retry/);
  }
});

test("what going on does not help has advice of its own", () => {
  const next = (reason: string, hasSession = true) => {
    const advice = adviceAfter(REF, { kind: "failed", reason }, hasSession);
    return typeof advice === "string" ? advice : advice.next;
  };
  assert.equal(next("session-gone"), `kugetsu destroy "${REF}" -y`);
  assert.equal(next("session-gone", false), "kugetsu init --force");
  assert.equal(next("agent-unknown"), "opencode agent list");
  assert.equal(next("model-unknown"), "opencode models");
  assert.equal(next("provider"), `kugetsu continue "${REF}"`);
});

test("a turn that is done is no error, and every other one has its exit status", () => {
  assert.equal(turnError(REF, { kind: "done" }, true), undefined);
  const error = turnError(REF, { kind: "timeout", seconds: 3 }, true)!;
  assert.deepEqual([error.code, error.exit], ["turn-timeout", 8]);
  assert.match(error.message, /timed out: the turn took longer than 3 s/);
});
