import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeRepository, SLUG } from "../support/repository.ts";

const KEEP = { discard: false };
const DISCARD = { discard: true };

describe("removing a worktree", () => {
  test("takes folder, registration, note and an unused branch away", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    const removal = await it.workspace.removeWorktree(worktree, KEEP);
    assert.deepEqual(removal, { folder: "removed", branch: "deleted", tip: worktree.from });
    assert.deepEqual(await readdir(it.places.worktrees), []);
    assert.equal((await it.call("worktree", "list")).split("\n").length, 1);
    assert.equal(await it.call("branch", "--list", "kugetsu/*"), "");
  });

  test("keeps a branch with commits of its own, be they pushed, unless it is to be discarded", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    const tip = await it.commit(worktree.path, { "a.txt": "a\n" });
    await it.call("update-ref", "refs/remotes/origin/pushed", tip);
    const kept = await it.workspace.removeWorktree(worktree, KEEP);
    assert.deepEqual(kept, { folder: "removed", branch: "kept", tip });
    await it.make();
    const discarded = await it.workspace.removeWorktree(worktree, DISCARD);
    assert.deepEqual(discarded, { folder: "removed", branch: "deleted", tip });
  });

  test("deletes a branch that another branch has whole", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    await it.commit(worktree.path, { "a.txt": "a\n" });
    await it.call("merge", "--quiet", "--ff-only", worktree.branch);
    assert.equal((await it.workspace.removeWorktree(worktree, KEEP)).branch, "deleted");
  });

  test("keeps a branch that somebody has checked out elsewhere", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    await it.callIn(worktree.path, "switch", "--quiet", "--detach");
    await it.call("switch", "--quiet", worktree.branch);
    assert.equal((await it.workspace.removeWorktree(worktree, DISCARD)).branch, "kept");
  });

  test("that is gone already clears what is left of it", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    await rm(worktree.path, { recursive: true });
    assert.equal((await it.workspace.removeWorktree(worktree, KEEP)).folder, "gone");
    assert.equal((await it.call("worktree", "list")).split("\n").length, 1);
    assert.deepEqual(await it.workspace.removeWorktree(worktree, KEEP), {
      folder: "gone",
      branch: "none",
    });
    await rm(it.folder, { recursive: true });
    assert.equal((await it.workspace.removeWorktree(worktree, KEEP)).folder, "gone");
  });

  test("never follows a link, in it or in its place", async () => {
    await using it = await makeRepository();
    const precious = await it.scratch.write("precious/file", "precious");
    const { worktree } = await it.make();
    await symlink(it.scratch.join("precious"), join(worktree.path, "link"));
    await it.workspace.removeWorktree(worktree, DISCARD);
    assert.ok(existsSync(precious));
    await it.make();
    const moved = it.scratch.join("moved");
    await rename(worktree.path, moved);
    await symlink(moved, worktree.path);
    assert.equal((await it.workspace.removeWorktree(worktree, DISCARD)).folder, "left");
    assert.ok(existsSync(join(moved, "README.md")));
  });

  test("never touches a path that is not a worktree of ours", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    const file = await it.scratch.write("state/worktrees/other/file", "mine");
    for (
      const path of [it.folder, join(it.state, "worktrees/other"), `${worktree.path}/.`, it.state]
    ) {
      const removal = await it.workspace.removeWorktree({ ...worktree, path }, DISCARD);
      assert.equal(removal.folder, "left", path);
    }
    assert.ok(existsSync(file));
    assert.ok(existsSync(join(it.folder, "README.md")));
    assert.equal(await it.callIn(worktree.path, "status", "--porcelain"), "");
  });

  test("goes on through folders that may not be written", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    await mkdir(join(worktree.path, "cache/module"), { recursive: true });
    await writeFile(join(worktree.path, "cache/module/file"), "x");
    await chmod(join(worktree.path, "cache/module"), 0o555);
    await chmod(join(worktree.path, "cache"), 0o555);
    assert.equal((await it.workspace.removeWorktree(worktree, DISCARD)).folder, "removed");
    assert.deepEqual(await readdir(it.places.worktrees), []);
  });

  test("leaves it whole when git cannot forget it", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    const admin = await it.callIn(worktree.path, "rev-parse", "--absolute-git-dir");
    await writeFile(join(it.folder, ".git/config.broken"), "");
    await writeFile(join(admin, "HEAD"), "");
    const { folder } = await it.workspace.removeWorktree(worktree, KEEP).catch(() => ({
      folder: "x",
    }));
    assert.notEqual(folder, "removed");
    assert.ok(existsSync(join(worktree.path, "README.md")));
  });
});

test("a start that is taken back leaves a branch that has moved since", async () => {
  await using it = await makeRepository();
  const made = await it.make();
  const tip = await it.commit(made.worktree.path, { "a.txt": "a\n" });
  await it.workspace.undoWorktree(made);
  assert.equal(await it.call("rev-parse", `kugetsu/${SLUG}`), tip);
  assert.deepEqual(await readdir(it.places.worktrees), []);
});
