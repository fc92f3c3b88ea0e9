import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { makeRepository, type Repository } from "../support/repository.ts";
import { behind } from "../../src/workspace/behind.ts";

/** Counts how often git was asked. */
function counter(it: Repository) {
  let asked = 0;
  const git = () => {
    asked++;
    return it.git;
  };
  const count = (folder: string, branch: string, commit: string) =>
    behind(git, join(it.state, "run"), folder, branch, commit);
  return { count, asked: () => asked };
}

test("a branch that has not moved is told without git, one that has is counted once", async () => {
  await using it = await makeRepository();
  const { count, asked } = counter(it);
  const first = await it.call("rev-parse", "HEAD");
  assert.equal(await count(it.folder, "main", first), 0);
  assert.equal(asked(), 0);
  await it.commit(it.folder, { "a.txt": "a\n" });
  await it.commit(it.folder, { "b.txt": "b\n" });
  for (let round = 0; round < 3; round++) assert.equal(await count(it.folder, "main", first), 2);
  assert.equal(asked(), 1);
  await it.commit(it.folder, { "c.txt": "c\n" });
  assert.equal(await count(it.folder, "main", first), 3);
  assert.equal(asked(), 2);
});

test("it is found where git has packed it, from a folder further in, and from a worktree", async () => {
  await using it = await makeRepository();
  const { count } = counter(it);
  const first = await it.call("rev-parse", "HEAD");
  await it.commit(it.folder, { "deep/er/a.txt": "a\n" });
  const { worktree } = await it.make();
  for (const folder of [it.folder, join(it.folder, "deep/er"), worktree.path]) {
    assert.equal(await count(folder, "main", first), 1, folder);
  }
  await it.call("pack-refs", "--all");
  assert.equal(await count(it.folder, "main", first), 1);
  await it.commit(it.folder, { "b.txt": "b\n" });
  assert.equal(await count(it.folder, "main", first), 2);
});

test("where nothing can be told, nothing is said", async () => {
  await using it = await makeRepository();
  const { count } = counter(it);
  const first = await it.call("rev-parse", "HEAD");
  const outside = it.scratch.join("outside");
  await mkdir(outside);
  assert.equal(await count(outside, "main", first), 0);
  assert.equal(await count(it.folder, "no-such", first), 0);
  assert.equal(await count(join(it.folder, "gone"), "main", "0".repeat(40)), 0);
});
