import { test } from "node:test";
import assert from "node:assert/strict";
import { makeRepository } from "../support/repository.ts";

test("a branch is merged once it has commits and the other branch, or its upstream, has them all", async () => {
  await using it = await makeRepository();
  const { worktree } = await it.make();
  const isMerged = (into: string | undefined = "main") => it.workspace.isMerged(worktree, into);
  assert.equal(await isMerged(), false, "there is nothing that could have been merged");
  await it.commit(worktree.path, { "a.txt": "a\n" });
  assert.equal(await isMerged(), false);
  await it.call("update-ref", "refs/remotes/origin/main", worktree.branch);
  await it.call("config", "branch.main.remote", "origin");
  await it.call("config", "branch.main.merge", "refs/heads/main");
  await it.call("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*");
  assert.equal(await isMerged(), true);
  await it.commit(worktree.path, { "b.txt": "b\n" });
  assert.equal(await isMerged(), false);
  await it.call("merge", "--quiet", worktree.branch);
  assert.equal(await isMerged(), true);
  assert.equal(await isMerged(undefined), true);
});
