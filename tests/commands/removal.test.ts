import { test } from "node:test";
import assert from "node:assert/strict";
import { demandSaved, removeWorktree } from "../../src/commands/removal.ts";
import type { KugetsuError } from "../../src/errors.ts";
import type { Inspection, Removal } from "../../src/workspace/mod.ts";
import { makeStage } from "../support/fakes.ts";

const WORKTREE = {
  path: "/worktrees/x",
  branch: "kugetsu/x",
  from: "0123",
  repository: "/repository",
};
const CLEAN: Inspection = { kind: "present", changes: [], commits: [], ignored: [] };
const OPTIONS = { what: "destroy it", next: "kugetsu destroy 14 --discard", discard: false };

function stageWith(
  found: Partial<Inspection>,
  removal: Removal = { folder: "removed", branch: "deleted", tip: "0123456789abcdef" },
) {
  return makeStage((did) => ({
    workspace: {
      inspect: () => Promise.resolve({ ...CLEAN, ...found }),
      removeWorktree(_, { discard }) {
        did(discard ? "discard" : "remove");
        return Promise.resolve(removal);
      },
    },
  }));
}

const refusal = async (found: Partial<Inspection>, discard = false) => {
  const { context, effects } = stageWith(found);
  const error = await removeWorktree(context, WORKTREE, { ...OPTIONS, discard })
    .then(() => undefined, (error) => error as KugetsuError);
  assert.equal(effects.length, error ? 0 : 1);
  return error;
};

test("what is nowhere else is listed and refused with 9, and goes with --discard", async () => {
  const unsaved = { changes: ["untracked: x"], commits: ["abc Do"], ignored: ["node_modules/"] };
  const error = await refusal(unsaved);
  assert.deepEqual([error?.code, error?.exit, error?.next], ["worktree-unsaved", 9, OPTIONS.next]);
  const ignored = "ignored, and no reason to refuse: node_modules/";
  assert.deepEqual(error?.details, ["untracked: x", "commit: abc Do", ignored]);
  assert.equal(await refusal(unsaved, true), undefined);
});

test("ignored files are told and do not refuse, and one that is gone is no obstacle", async () => {
  const { context, stderr } = stageWith({ ignored: ["a", "b", "c", "d", "e", "f"] });
  await removeWorktree(context, WORKTREE, OPTIONS);
  assert.deepEqual(stderr, [
    "note Ignored files go with it: a, b, c, d, e and 1 more.",
    "note Deleted the branch kugetsu/x (was 0123456789).",
  ]);
  assert.equal(await refusal({ kind: "gone" }), undefined);
});

test("one that is locked is refused even with --discard, with the command that unlocks it", async () => {
  for (const discard of [false, true]) {
    const error = await refusal({ locked: "on a stick" }, discard);
    assert.deepEqual([error?.code, error?.exit], ["worktree-locked", 9]);
    assert.equal(error?.next, 'git -C "/repository" worktree unlock "/worktrees/x"');
  }
});

test("one that is not ours is refused, and left as it is with --discard", async () => {
  const found = { kind: "foreign", why: "its repository is gone", remedy: "put it back" } as const;
  const error = await refusal(found);
  assert.deepEqual([error?.code, error?.exit, error?.next], ["worktree-foreign", 9, OPTIONS.next]);
  assert.match(error?.hint ?? "", /to keep that: put it back$/);
  const { context, stderr } = stageWith(found, { folder: "left", branch: "none" });
  await removeWorktree(context, WORKTREE, { ...OPTIONS, discard: true });
  assert.match(stderr[0]!, /^warn "\/worktrees\/x" was left as it is/);
});

test("looking alone removes nothing", async () => {
  const { context, effects } = stageWith({});
  await demandSaved(context, WORKTREE, OPTIONS);
  assert.deepEqual(effects, []);
});
