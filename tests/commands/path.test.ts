import { test } from "node:test";
import assert from "node:assert/strict";
import { path } from "../../src/commands/path.ts";
import { errors } from "../../src/errors.ts";
import type { SessionRecord } from "../../src/session/record.ts";
import type { StoredSession } from "../../src/store/mod.ts";
import { anyFolder, makeStage, opencodeWith, REF, SESSION } from "../support/fakes.ts";
import { assertFits } from "../support/json_schema.ts";

const stageWith = (found: StoredSession | undefined, json = false) =>
  makeStage((did) => ({
    json,
    store: { find: () => Promise.resolve(found) },
    workspace: anyFolder(did),
    sessions: opencodeWith(did, { id: "ses_1", directory: "/asked" }),
  }));

test("the folder is printed alone, for a shell to go to", async () => {
  const { context, stdout, stderr } = stageWith({ key: REF, record: SESSION });
  assert.equal(await path(context, REF), 0);
  assert.deepEqual([stdout, stderr], [["/repository\n"], []]);
});

test("as JSON it comes with the worktree, if there is one", async () => {
  const worktree = { path: "/w", branch: "kugetsu/x", from: "0123", repository: "/repository" };
  const { context, results } = stageWith({ key: REF, record: { ...SESSION, worktree } }, true);
  await path(context, REF);
  assert.deepEqual(results, [{ issue_ref: REF, path: "/repository", worktree }]);
  await assertFits("path", results[0]);
});

test("a worktree that is gone is made again by the next turn", async () => {
  const worktree = { path: "/w", branch: "kugetsu/x", from: "0123", repository: "/repository" };
  const nextFor = async (record: SessionRecord) => {
    let next: string | undefined;
    const { context } = makeStage(() => ({
      store: { find: () => Promise.resolve({ key: REF, record }) },
      workspace: {
        folder: (path, what, advice) => {
          next = advice;
          throw errors.noFolder(path, what, "there is no such folder", advice);
        },
      },
    }));
    await assert.rejects(path(context, REF), { code: "no-folder" });
    return next;
  };
  assert.equal(await nextFor({ ...SESSION, worktree }), `kugetsu continue "${REF}"`);
  assert.equal(await nextFor(SESSION), `kugetsu destroy "${REF}" -y`);
});

test("opencode is asked where a record of the old tool does not say", async () => {
  const { directory: _, ...record } = SESSION;
  const { context, stdout } = stageWith({ key: REF, record });
  await path(context, REF);
  assert.deepEqual(stdout, ["/asked\n"]);
});

test("without a session, or with one that cannot be read, it is an error", async () => {
  await assert.rejects(path(stageWith(undefined).context, REF), { code: "no-session", exit: 3 });
  const damaged = stageWith({ key: REF, record: undefined, problem: "it is empty" });
  await assert.rejects(path(damaged.context, REF), { code: "damaged-record" });
});
