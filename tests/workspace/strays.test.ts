import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeRepository, SLUG } from "../support/repository.ts";

const kinds = async (it: Awaited<ReturnType<typeof makeRepository>>) =>
  (await it.workspace.strays([])).map(({ kind }) => kind);

test("what is in use is no stray, and without a worktree there is none", async () => {
  await using it = await makeRepository();
  assert.deepEqual(await it.workspace.strays([]), []);
  const { worktree } = await it.make();
  assert.deepEqual(await it.workspace.strays([worktree]), []);
  const [stray] = await it.workspace.strays([]);
  assert.deepEqual(stray, {
    kind: "unclaimed",
    path: worktree.path,
    ref: "github.com/shoko/kugetsu#14",
    worktree,
  });
});

test("one that was cut off while it was made is cleared, whatever is in it", async () => {
  await using it = await makeRepository();
  const { worktree } = await it.make();
  await writeFile(join(worktree.path, "half"), "half");
  it.places.writeNote(SLUG, { ...it.places.note(SLUG)!, making: true });
  const [stray] = await it.workspace.strays([]);
  assert.equal(stray!.kind, "half-made");
  assert.equal(await it.workspace.clearStray(stray!), true);
  assert.deepEqual(await readdir(it.places.worktrees), []);
  assert.equal(await it.call("branch", "--list", "kugetsu/*"), "");
});

test("one that nobody claims is cleared only when nothing in it would be lost", async () => {
  await using it = await makeRepository();
  const { worktree } = await it.make();
  const [stray] = await it.workspace.strays([]);
  await writeFile(join(worktree.path, "new.txt"), "new");
  assert.equal(await it.workspace.clearStray(stray!), false);
  await it.commit(worktree.path, { "new.txt": "new" });
  assert.equal(await it.workspace.clearStray(stray!), false);
  await it.call("update-ref", "refs/remotes/origin/pushed", worktree.branch);
  await it.call("worktree", "lock", worktree.path);
  assert.equal(await it.workspace.clearStray(stray!), false);
  await it.call("worktree", "unlock", worktree.path);
  assert.equal(await it.workspace.clearStray(stray!), true);
  assert.deepEqual(await kinds(it), []);
});

test("a removal that was cut off is finished, and what was never ours is only told", async () => {
  await using it = await makeRepository();
  await it.make();
  await mkdir(it.places.wasteFor(SLUG));
  await mkdir(it.places.worktree("somebody"));
  const strays = await it.workspace.strays([]);
  assert.deepEqual(strays.map(({ kind }) => kind).sort(), ["unclaimed", "unknown", "waste"]);
  const cleared = [];
  for (const stray of strays) {
    if (stray.kind !== "unclaimed" && await it.workspace.clearStray(stray)) {
      cleared.push(stray.kind);
    }
  }
  assert.deepEqual(cleared, ["waste"]);
  assert.deepEqual((await kinds(it)).sort(), ["unclaimed", "unknown"]);
});
