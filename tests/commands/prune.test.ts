import { test } from "node:test";
import assert from "node:assert/strict";
import { prune } from "../../src/commands/prune.ts";
import { errors, KugetsuError } from "../../src/errors.ts";
import type { Orphan } from "../../src/store/mod.ts";
import { makeStage, type Parts } from "../support/fakes.ts";

const ORPHANS: Orphan[] = [
  { file: "one.json", ref: "a.b/c/d#1", opencodeSession: "ses_1" },
  { file: "two.json", ref: undefined, opencodeSession: undefined },
];

/** A store that may only look, or that may delete too. */
const stageWith = (
  orphans: Orphan[],
  force: boolean,
  json = false,
  workspace: Parts["workspace"] = undefined,
) =>
  makeStage((did) => ({
    json,
    ...(workspace ? { workspace } : {}),
    store: {
      orphans() {
        did("look");
        return Promise.resolve(orphans);
      },
      ...(force
        ? {
          deleteOrphans(spared) {
            did(`delete all but ${spared!.join(" ") || "none"}`);
            return Promise.resolve(orphans.filter(({ file }) => !spared!.includes(file)));
          },
        }
        : {}),
    },
  }));

test("without --force nothing is deleted, and what would be is shown", async () => {
  const { context, effects, stdout, stderr } = stageWith(ORPHANS, false);
  assert.equal(await prune(context, {}), 0);
  assert.deepEqual(effects, ["look"]);
  assert.equal(
    stdout.join(""),
    "FILE|ISSUE_REF|SESSION_ID\none.json|a.b/c/d#1|ses_1\ntwo.json|?|-\n",
  );
  assert.deepEqual(stderr, [
    "note 2 session files not in the index. Delete with: kugetsu prune --force",
  ]);
});

test("with --force they are deleted, and what was is shown", async () => {
  const { context, effects, stdout, stderr } = stageWith(ORPHANS.slice(0, 1), true);
  assert.equal(await prune(context, { force: true }), 0);
  assert.deepEqual(effects, ["look", "delete all but none"]);
  assert.match(stdout.join(""), /^one\.json\|/m);
  assert.deepEqual(stderr, ["note Deleted 1 session file."]);
});

test("where there is nothing to do, that is said, and there is no empty table", async () => {
  for (const force of [true, false]) {
    const { context, stdout, stderr } = stageWith([], force);
    assert.equal(await prune(context, { force }), 0);
    assert.deepEqual(stdout, []);
    assert.deepEqual(stderr, ["note No session file is without an entry in the index."]);
  }
});

test("as JSON it says what is there, and whether it was deleted", async () => {
  const { context, results } = stageWith(ORPHANS, true, true);
  await prune(context, { force: true });
  assert.deepEqual(results, [{
    deleted: true,
    orphans: [
      { file: "one.json", issue_ref: "a.b/c/d#1", opencode_session_id: "ses_1" },
      { file: "two.json", issue_ref: null, opencode_session_id: null },
    ],
  }]);
});

test("a file whose worktree has what is nowhere else stays, the others go, and it ends with 9", async () => {
  const worktree = { path: "/state/worktrees/x", branch: "kugetsu/x", from: "0", repository: "/r" };
  const orphans = ORPHANS.map((it) => ({ ...it, worktree: { ...worktree, path: it.file } }));
  const removed: string[] = [];
  const workspace: Parts["workspace"] = {
    inspect: ({ path }) =>
      Promise.resolve({
        kind: "present",
        changes: path === "one.json" ? ["untracked: x"] : [],
        commits: [],
        ignored: [],
      }),
    removeWorktree({ path }) {
      removed.push(path);
      return Promise.resolve({ folder: "removed", branch: "none" });
    },
  };
  const { context, effects } = stageWith(orphans, true, false, workspace);
  await assert.rejects(
    prune(context, { force: true }),
    (error) =>
      error instanceof KugetsuError && error.code === "worktree-unsaved" && error.exit === 9 &&
      error.next === "kugetsu prune --force --discard",
  );
  assert.deepEqual(effects, ["look", "delete all but one.json"]);
  assert.deepEqual(removed, ["two.json"]);
  const discarding = stageWith(orphans, true, false, workspace);
  assert.equal(await prune(discarding.context, { force: true, discard: true }), 0);
  assert.deepEqual(removed.slice(1), ["one.json", "two.json"]);
});

test("a damaged index is for doctor: the refusal passes as it is", async () => {
  const refusal = errors.indexDamaged("/state/index.json", "it is not JSON");
  const { context } = makeStage(() => ({
    store: {
      orphans: () => Promise.reject(refusal),
      deleteOrphans: () => Promise.reject(refusal),
    },
  }));
  await assert.rejects(prune(context, {}), refusal);
  await assert.rejects(prune(context, { force: true }), refusal);
  assert.deepEqual([refusal.exit, refusal.next], [9, "kugetsu doctor --fix"]);
});
