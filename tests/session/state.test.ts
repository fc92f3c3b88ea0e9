import { test } from "node:test";
import assert from "node:assert/strict";
import type { Outcome } from "../../src/session/outcome.ts";
import type { RunningTurn, SessionRecord } from "../../src/session/record.ts";
import {
  answered,
  asking,
  begun,
  ended,
  gone,
  isActive,
  named,
  newRecord,
  observed,
  OWNER_DIED,
  queued,
  whereabouts,
  withProcess,
} from "../../src/session/state.ts";

const REF = "github.com/shoko/kugetsu#14";
const [MORNING, NOON, EVENING] = ["08:00", "12:00", "18:00"].map((time) =>
  `2026-01-01T${time}:00+00:00`
) as [string, string, string];

const turn = (kind: RunningTurn["kind"]): RunningTurn => ({
  id: `turn-${kind}`,
  kind,
  started_at: MORNING,
  owner: { pid: 7, started: "70", boot: "b" },
});

const waiting = () => newRecord(REF, turn("start"), MORNING);
const starting = () => begun(waiting(), MORNING);
const running = () => named(starting(), "ses_1", NOON);

test("a start is on record, with who does it, while it waits for its place, and then before there is a session", () => {
  const record = {
    type: "forked",
    issue_ref: REF,
    opencode_session_id: null,
    created_at: MORNING,
    state: "queued",
    updated_at: MORNING,
    origin: "forked",
    turn: turn("start"),
  };
  assert.deepEqual(waiting(), record);
  assert.deepEqual(begun(waiting(), NOON), { ...record, state: "starting", updated_at: NOON });
});

test("a start is running once opencode has told the session's id", () => {
  const { state, opencode_session_id, created_at, updated_at, turn: kept } = running();
  assert.deepEqual([state, opencode_session_id, created_at, updated_at], [
    "running",
    "ses_1",
    MORNING,
    NOON,
  ]);
  assert.deepEqual(kept, turn("start"));
});

test("opencode's process is added to the turn that runs", () => {
  const opencode = { pid: 8, started: "80", boot: "b" };
  assert.deepEqual(withProcess(starting(), opencode).turn, { ...turn("start"), opencode });
  const { turn: _, ...idle } = running();
  assert.throws(() => withProcess(idle, opencode), /No turn is running/);
});

test("the name of the message is with the turn from when it begins in a session, or has got one", () => {
  const next = queued(running(), turn("continue"), EVENING);
  assert.deepEqual(begun(next, EVENING).turn, turn("continue"));
  const withName = { ...turn("continue"), message_id: "msg_1" };
  assert.deepEqual(begun(next, EVENING, "msg_1").turn, withName);
  assert.deepEqual(begun({ ...next, turn: withName }, EVENING).turn, withName);
  const made = named(starting(), "ses_1", NOON, "msg_1");
  assert.deepEqual(made.turn, { ...turn("start"), message_id: "msg_1" });
});

test("a turn that asks is blocked and says by what, and is not over; answered, it runs", () => {
  const record = asking(running(), "bash (rm)", EVENING);
  assert.deepEqual([record.state, record.reason, record.updated_at], [
    "blocked",
    "it wants bash (rm)",
    EVENING,
  ]);
  assert.ok(isActive(record));
  const on = answered(record, EVENING);
  assert.deepEqual([on.state, on.reason], ["running", undefined]);
  const over = ended(record, { kind: "done" }, EVENING);
  assert.deepEqual([over.state, over.reason], ["idle", undefined]);
});

const ENDINGS: [outcome: Outcome, state: string, reason: string | undefined][] = [
  [{ kind: "done" }, "idle", undefined],
  [{ kind: "failed", reason: "provider", detail: "no credit" }, "failed", "no credit"],
  [{ kind: "blocked", detail: "it wanted bash", pending: false }, "blocked", "it wanted bash"],
  [{ kind: "timeout", seconds: 60 }, "failed", "the turn took longer than 60 s"],
  [{ kind: "cancelled", signal: "SIGINT" }, "stopped", "stopped by SIGINT"],
];

test("an ended turn leaves the state and the reason of its outcome, and no turn", () => {
  for (const [outcome, state, reason] of ENDINGS) {
    const record = ended(running(), outcome, EVENING);
    assert.deepEqual([record.state, record.reason, record.updated_at], [state, reason, EVENING]);
    assert(!("turn" in record));
    assert.deepEqual(record.last_turn, {
      id: "turn-start",
      outcome: outcome.kind,
      ...(outcome.kind === "failed" ? { failure: outcome.reason } : {}),
      started_at: MORNING,
      ended_at: EVENING,
    });
    assert(!isActive(record));
  }
});

test("the next turn waits and begins without the reason of the one before, which stays on record", () => {
  const failed = ended(running(), { kind: "timeout", seconds: 60 }, NOON);
  const next = queued(failed, turn("continue"), EVENING);
  assert.deepEqual([next.state, next.reason, next.turn], ["queued", undefined, turn("continue")]);
  const record = begun(next, EVENING);
  assert.deepEqual([record.state, record.reason, record.turn], [
    "running",
    undefined,
    turn("continue"),
  ]);
  assert.deepEqual(record.last_turn, failed.last_turn);
  assert.equal(record.opencode_session_id, "ses_1");
});

test("a session that opencode lost is failed, and no longer runs", () => {
  const record = gone(running(), EVENING);
  assert.deepEqual([record.state, record.reason, record.updated_at], [
    "failed",
    "session gone",
    EVENING,
  ]);
  assert(!("turn" in record));
});

test("a turn whose owner is gone is seen as failed, and only that", () => {
  const asks = asking(running(), "bash", NOON);
  for (const record of [waiting(), starting(), running(), asks]) {
    assert.equal(observed(record, true), record);
    const seen = observed(record, false);
    assert.deepEqual([seen.state, seen.reason], ["failed", OWNER_DIED]);
    assert.deepEqual(seen.turn, record.turn, "its processes can still be found");
  }
  const { turn: _, ...over } = running();
  for (const state of ["idle", "failed", "blocked", "stopped", "of-another-version"]) {
    const record: SessionRecord = { ...over, state };
    assert.equal(observed(record, false), record);
  }
});

test("a session is alone in its folder only where that is a worktree of its own", () => {
  const worktree = { path: "/w", branch: "kugetsu/x", from: "0123", repository: "/r" };
  const session = running().opencode_session_id;
  assert.deepEqual(whereabouts({ ...running(), directory: "/r" }), {
    ...{ session, directory: "/r", alone: false },
  });
  assert.deepEqual(whereabouts({ ...running(), directory: "/w/web", worktree }), {
    ...{ session, directory: "/w/web", alone: true },
  });
});

test("transitions keep what another version wrote, and change no record in place", () => {
  const record = Object.freeze({ ...running(), from_the_future: [1, 2] });
  const changed = [
    queued(record, turn("continue"), EVENING),
    begun(record, EVENING),
    begun(record, EVENING, "msg_1"),
    asking(record, "bash", EVENING),
    answered(record, EVENING),
    withProcess(record, { pid: 8, started: "80", boot: "b" }),
    named(record, "ses_2", EVENING),
    ended(record, { kind: "done" }, EVENING),
    gone(record, EVENING),
    observed(record, false),
  ];
  for (const next of changed) {
    assert.deepEqual((next as typeof record).from_the_future, [1, 2]);
  }
});
