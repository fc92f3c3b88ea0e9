import { test } from "node:test";
import assert from "node:assert/strict";
import { gc } from "../../src/commands/gc.ts";
import type { Inspection } from "../../src/workspace/mod.ts";
import { BASE, fakeHold, makeStage, REF, SESSION } from "../support/fakes.ts";
import { assertFits } from "../support/json_schema.ts";

const worktree = {
  path: "/worktrees/x",
  branch: "kugetsu/x",
  from: "0123",
  repository: "/repository",
};
const CLEAN: Inspection = { kind: "present", changes: [], commits: [], ignored: [] };

function stageWith(
  { merged = true, holder = undefined as string | undefined, found = CLEAN } = {},
) {
  const record = { ...SESSION, worktree };
  return makeStage((did) => ({
    json: true,
    store: {
      nameOf: () => Promise.resolve("x"),
      list: () =>
        Promise.resolve({
          base: BASE,
          hasCutOff: false,
          sessions: [{ key: REF, record, ...(holder ? { holder } : {}) }],
        }),
      bases: () => Promise.resolve([{ ...BASE, branch: "main" }]),
      hold: () => Promise.resolve(fakeHold(did, record)),
    },
    workspace: {
      standing: () => Promise.resolve(found),
      inspect: () => Promise.resolve(found),
      isMerged: (_, branch) => Promise.resolve(merged && branch === "main"),
      removeWorktree(_, { discard }) {
        did(`remove, discard ${discard}`);
        return Promise.resolve({ folder: "removed", branch: "deleted", tip: "0123" });
      },
    },
  }));
}

test("the worktree of an issue whose branch is merged goes while the issue is held; its session stays", async () => {
  const { context, effects, results } = stageWith();
  assert.equal(await gc(context, {}), 0);
  assert.deepEqual(effects, ["remove, discard false", "release"]);
  const line = { issue_ref: REF, worktree: worktree.path, cleared: true };
  assert.deepEqual(results, [{ dry_run: false, worktrees: [line], traces: [], logs: [] }]);
  await assertFits("gc", results[0]);
});

test("--dry-run only tells", async () => {
  const { context, effects, results } = stageWith();
  assert.equal(await gc(context, { dryRun: true }), 0);
  assert.deepEqual(effects, []);
  const line = { issue_ref: REF, worktree: worktree.path, cleared: false };
  assert.deepEqual(results, [{ dry_run: true, worktrees: [line], traces: [], logs: [] }]);
});

test("what is not merged, is worked on, or is gone, is left alone", async () => {
  const gone: Inspection = { ...CLEAN, kind: "gone" };
  for (const state of [{ merged: false }, { holder: "pid 7" }, { found: gone }]) {
    const { context, effects, results } = stageWith(state);
    assert.equal(await gc(context, {}), 0);
    assert.deepEqual([effects, results], [[], [{
      dry_run: false,
      worktrees: [],
      traces: [],
      logs: [],
    }]]);
  }
});

test("one with changes stays, with the reason, and it ends with 9", async () => {
  const { context, effects, results } = stageWith({
    found: { ...CLEAN, changes: ["untracked: x"] },
  });
  assert.equal(await gc(context, {}), 9);
  assert.deepEqual(effects, ["release"]);
  await assertFits("gc", results[0]);
  const [{ worktrees: [line] }] = results as [
    { worktrees: [{ cleared: boolean; why: string }] },
  ];
  assert.equal(line.cleared, false);
  assert.match(line.why, /nowhere else \(untracked: x\)$/);
});
