import { test } from "node:test";
import assert from "node:assert/strict";
import {
  exitStatusOf,
  explain,
  type FailureReason,
  inWords,
  isTransient,
  lastTurn,
  type Outcome,
  stateAfter,
} from "../../src/session/outcome.ts";

const failed = (reason: FailureReason): Outcome => ({ kind: "failed", reason, detail: "it broke" });

/** The table of the design, row by row, with what people are told. */
const TABLE: [outcome: Outcome, state: string, exit: number, words: string][] = [
  [{ kind: "done" }, "idle", 0, "is done"],
  [failed("provider"), "failed", 6, "failed: it broke"],
  [failed("opencode"), "failed", 6, "failed: it broke"],
  [failed("killed"), "failed", 6, "failed: it broke"],
  [failed("budget"), "failed", 6, "failed: budget: it broke"],
  [failed("session-gone"), "failed", 6, "failed: session gone"],
  [
    { kind: "blocked", detail: "it wanted bash", pending: false },
    "blocked",
    7,
    "is blocked: it wanted bash",
  ],
  [
    { kind: "blocked", detail: "it wanted bash", pending: true },
    "blocked",
    7,
    "is blocked: it wanted bash",
  ],
  [
    { kind: "stalled", limit: "first-event", seconds: 180 },
    "failed",
    8,
    "stalled: opencode gave no sign of life for 180 s",
  ],
  [
    { kind: "stalled", limit: "silence", seconds: 1200 },
    "failed",
    8,
    "stalled: opencode was silent for 1200 s",
  ],
  [{ kind: "timeout", seconds: 60 }, "failed", 8, "timed out: the turn took longer than 60 s"],
  [{ kind: "cancelled", signal: "SIGINT" }, "stopped", 130, "was stopped by SIGINT"],
  [{ kind: "cancelled", signal: "SIGTERM" }, "stopped", 143, "was stopped by SIGTERM"],
];

test("each outcome has the state, the exit status and the words that it is documented with", () => {
  for (const [outcome, state, exit, words] of TABLE) {
    assert.deepEqual([stateAfter(outcome), exitStatusOf(outcome), inWords(outcome)], [
      state,
      exit,
      words,
    ]);
  }
});

test("only a turn that is done has nothing to explain", () => {
  for (const [outcome] of TABLE) assert.equal(explain(outcome) === "", outcome.kind === "done");
});

test("only a turn that never began may be tried again", () => {
  assert(isTransient(failed("database-locked")));
  assert(isTransient(failed("never-started")));
  for (const [outcome] of TABLE) assert(!isTransient(outcome), outcome.kind);
  for (const reason of ["agent-unknown", "unfinished", "output-limit"] as const) {
    assert(!isTransient(failed(reason)), reason);
  }
});

test("an ended turn is remembered by its outcome and its times", () => {
  const turn = { id: "t1", started_at: "2026-01-01T10:00:00+00:00" };
  assert.deepEqual(lastTurn({ kind: "timeout", seconds: 60 }, turn, "2026-01-01T10:01:00+00:00"), {
    id: "t1",
    outcome: "timeout",
    started_at: "2026-01-01T10:00:00+00:00",
    ended_at: "2026-01-01T10:01:00+00:00",
  });
});
