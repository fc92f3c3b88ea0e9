import { test } from "node:test";
import assert from "node:assert/strict";
import { diff } from "../../src/commands/diff.ts";
import type { SessionRecord } from "../../src/session/record.ts";
import { makeStage, REF, SESSION } from "../support/fakes.ts";
import { assertFits } from "../support/json_schema.ts";

const worktree = { path: "/w", branch: "kugetsu/x", from: "0123456789abcdef", repository: "/r" };

const stageWith = (record: SessionRecord, text: string, json = false) =>
  makeStage((did) => ({
    json,
    store: { find: () => Promise.resolve({ key: REF, record }) },
    workspace: {
      diff(_, { stat, colour }, write) {
        did(`stat ${stat}, colour ${colour}`);
        if (text) write(text);
        return Promise.resolve();
      },
      diffSummary: () =>
        Promise.resolve({
          files: [{ path: "a", added: 2, deleted: 1 }, { path: "b", added: null, deleted: null }],
          commits: 3,
        }),
    },
  }));

test("git's words go out as they are", async () => {
  const { context, stdout, effects } = stageWith({ ...SESSION, worktree }, "+one\n");
  assert.equal(await diff(context, REF, { stat: true }), 0);
  assert.deepEqual([stdout, effects], [["+one\n"], ["stat true, colour false"]]);
});

test("nothing changed is said on the side", async () => {
  const { context, stdout, stderr } = stageWith({ ...SESSION, worktree }, "");
  await diff(context, REF, {});
  assert.deepEqual(stdout, []);
  assert.deepEqual(stderr, [`note ${REF} has changed nothing since 0123456789.`]);
});

test("as JSON it is the files and their counts", async () => {
  const { context, results } = stageWith({ ...SESSION, worktree }, "", true);
  await diff(context, REF, {});
  await assertFits("diff", results[0]);
  const [{ added, deleted, commits, from, branch }] = results as [Record<string, unknown>];
  assert.deepEqual([added, deleted, commits], [2, 1, 3]);
  assert.deepEqual([from, branch], [worktree.from, worktree.branch]);
});

test("an issue in a shared folder has no changes of its own: 3", async () => {
  const { context } = stageWith(SESSION, "");
  await assert.rejects(diff(context, REF, {}), { code: "no-worktree", exit: 3 });
});
