import { test } from "node:test";
import assert from "node:assert/strict";
import { statusOf } from "../../src/commands/issue_status.ts";
import type { SessionRow } from "../../src/store/mod.ts";
import type { LiveTurn } from "../../src/supervisor/mod.ts";
import { assertFits } from "../support/json_schema.ts";

const REF = "github.com/shoko/kugetsu#14";
const ROW: SessionRow = {
  ...{
    key: REF,
    name: "n",
    type: "forked",
    session: "ses_1",
    created: "2026-01-01T00:00:00+00:00",
  },
  ...{ state: "idle", since: "2026-01-02T00:00:00+00:00", outcome: "done", tokens: 10, cost: 0.5 },
};
const LIVE: LiveTurn = {
  ...{ key: REF, turn: "t", state: "running", since: "2026-01-03T00:00:00+00:00" },
  ...{ doing: "bash npm test", tokens: 5, cost: 0.25 },
};

test("one that is done needs nothing, and every state fits the schema", async () => {
  const done = statusOf(ROW);
  assert.deepEqual([done.why, done.next, done.tokens], [undefined, undefined, 10]);
  const states = [
    "queued",
    "starting",
    "running",
    "idle",
    "failed",
    "blocked",
    "stopped",
    "damaged",
  ];
  const all = states.map((state) => statusOf({ ...ROW, state }));
  await assertFits("status", { issues: all });
  assert.ok(all.every((it) => it.next !== undefined || it.state === "idle"));
});

test("a turn that runs counts on top of what is over, and says what it does", () => {
  const status = statusOf({ ...ROW, state: "running", turn: "t" }, LIVE);
  assert.deepEqual([status.tokens, status.cost, status.doing], [15, 0.75, "bash npm test"]);
  assert.deepEqual([status.since, status.next], [LIVE.since, `kugetsu logs -f "${REF}"`]);
});

test("one in the queue knows its place", () => {
  const queued = { ...ROW, state: "queued", turn: "t" };
  const at = (position: number) => statusOf(queued, { ...LIVE, state: "queued", position });
  assert.deepEqual([at(1).position, at(1).why], [1, "it is the next to get a place"]);
  assert.equal(at(2).why, "1 turn waits before it");
  assert.equal(at(3).why, "2 turns wait before it");
});

test("one that asks says what, and how it is answered", () => {
  const asks = (kind: "permission" | "question") =>
    statusOf({ ...ROW, state: "running", turn: "t" }, {
      ...LIVE,
      state: "blocked",
      ask: { id: "1", kind, what: "bash (rm)", options: [] },
    });
  assert.deepEqual(
    [asks("permission").state, asks("permission").next],
    ["blocked", `kugetsu answer "${REF}" --allow`],
  );
  assert.equal(asks("question").next, `kugetsu answer "${REF}" "what you say"`);
  assert.match(asks("question").why!, /waits for an answer: bash/);
});

test("what went wrong has its reason and its own advice", () => {
  const failed = (more: Partial<SessionRow>) => statusOf({ ...ROW, state: "failed", ...more });
  const gone = failed({ reason: "session gone" });
  assert.deepEqual([gone.why, gone.next], ["session gone", `kugetsu destroy "${REF}" -y`]);
  assert.equal(failed({ outcome: "failed", failure: "model-unknown" }).next, "opencode models");
  assert.equal(failed({ outcome: "stalled" }).next, `kugetsu continue "${REF}"`);
  assert.match(statusOf({ ...ROW, state: "blocked" }).next!, /--permissions allow/);
  assert.equal(statusOf({ ...ROW, state: "damaged", problem: "x" }).next, "kugetsu doctor --fix");
});
