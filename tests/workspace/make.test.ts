import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KugetsuError } from "../../src/errors.ts";
import { makeRepository, type Repository, SLUG } from "../support/repository.ts";

const BRANCH = `kugetsu/${SLUG}`;

const rejectedAs = (code: string, exit: number, message = /./) => (error: unknown) => {
  assert(error instanceof KugetsuError, String(error));
  assert.deepEqual([error.code, error.exit], [code, exit], error.message);
  assert.match(error.message, message);
  return true;
};

/** Nothing of a worktree is left, neither for git nor on the disk. */
async function assertNothingLeft(it: Repository): Promise<void> {
  assert.deepEqual(await readdir(it.places.worktrees), []);
  assert.equal((await it.call("worktree", "list")).split("\n").length, 1);
  assert.equal(await it.call("branch", "--list", "kugetsu/*"), "");
}

describe("a new worktree", () => {
  test("is a folder in the state folder, on a branch of its own, at the commit that is checked out", async () => {
    await using it = await makeRepository();
    const head = await it.call("rev-parse", "HEAD");
    const { worktree, directory, isNew, earlierCommits } = await it.make();
    const path = join(it.state, "worktrees", SLUG);
    assert.deepEqual(worktree, { path, branch: BRANCH, from: head, repository: it.folder });
    assert.deepEqual([directory, isNew, earlierCommits], [path, true, 0]);
    assert.equal(await readFile(join(path, "README.md"), "utf8"), "# Widget\n");
    assert.equal(await it.callIn(path, "branch", "--show-current"), BRANCH);
    assert.equal(await it.callIn(path, "status", "--porcelain"), "");
    assert.equal(await it.call("status", "--porcelain"), "");
  });

  test("begins at --from, else at the tip of the base's branch, else at the base's commit", async () => {
    await using it = await makeRepository();
    const first = await it.call("rev-parse", "HEAD");
    const second = await it.commit(it.folder, { "a.txt": "a\n" });
    await it.call("switch", "--quiet", "--create", "feature");
    const third = await it.commit(it.folder, { "b.txt": "b\n" });
    const from = async (plan: Parameters<Repository["make"]>[0]) => {
      const made = await it.make(plan);
      await it.workspace.undoWorktree(made);
      return made.worktree.from;
    };
    assert.equal(await from({ from: "main~1", branch: "main", commit: third }), first);
    assert.equal(await from({ branch: "main", commit: first }), second);
    assert.equal(await from({ branch: "gone", commit: first }), first);
    assert.equal(await from({ branch: "gone", commit: "0123456" }), third);
    const wrong = rejectedAs("bad-revision", 2, /"no-such".*no such commit/);
    await assert.rejects(it.make({ from: "no-such" }), wrong);
    await assert.rejects(it.make({ from: "--all" }), rejectedAs("bad-revision", 2));
    await assertNothingLeft(it);
  });

  test("has the same place in it as the base's folder has in its clone, where the commit has that", async () => {
    await using it = await makeRepository();
    await it.commit(it.folder, { "packages/web/index.ts": "\n" });
    const inside = await it.make({ folder: join(it.folder, "packages/web") });
    assert.equal(inside.directory, join(inside.worktree.path, "packages/web"));
    await it.workspace.undoWorktree(inside);
    const before = await it.make({ folder: join(it.folder, "packages/web"), from: "HEAD~1" });
    assert.equal(before.directory, before.worktree.path);
  });

  test("cannot be made where there is no repository, or no commit", async () => {
    await using it = await makeRepository();
    const bare = it.scratch.join("bare.git");
    await it.callIn(it.scratch.path, "clone", "--quiet", "--bare", it.folder, bare);
    await assert.rejects(it.make({ folder: bare }), rejectedAs("no-repository", 2, /a bare clone/));
    const none = rejectedAs("no-repository", 2, /not in a git repository/);
    await assert.rejects(it.make({ folder: it.state }), none);
    const broken = it.scratch.join("a\nb");
    await it.callIn(it.scratch.path, "clone", "--quiet", it.folder, broken);
    await assert.rejects(it.make({ folder: broken }), rejectedAs("no-repository", 2, /line break/));
    const empty = it.scratch.join("empty");
    await mkdir(empty);
    await it.callIn(empty, "init", "--quiet");
    await assert.rejects(it.make({ folder: empty }), rejectedAs("no-repository", 2, /no commit/));
  });

  test("is not made through a worktrees folder that leads elsewhere", async () => {
    await using it = await makeRepository();
    await mkdir(it.scratch.join("elsewhere"));
    await symlink(it.scratch.join("elsewhere"), join(it.state, "worktrees"));
    await assert.rejects(it.make(), rejectedAs("unwritable", 5, /symbolic link/));
    assert.deepEqual(await readdir(it.scratch.join("elsewhere")), []);
  });

  test("can be made of many issues at once", async () => {
    await using it = await makeRepository();
    const slugs = Array.from({ length: 24 }, (_, at) => `github.com-shoko-kugetsu-${at + 1}`);
    await Promise.all(slugs.map((slug) => it.make({ slug })));
    for (const slug of slugs) {
      const path = it.places.worktree(slug);
      assert.equal(await it.callIn(path, "branch", "--show-current"), `kugetsu/${slug}`);
      assert.equal(await it.callIn(path, "status", "--porcelain"), "");
    }
    await Promise.all(slugs.map(async (slug) => {
      const worktree = it.places.note(slug)!.worktree;
      assert.equal(
        (await it.workspace.removeWorktree(worktree, { discard: false })).branch,
        "deleted",
      );
    }));
    await assertNothingLeft(it);
  });

  test("does not belong to the repository whose hook calls kugetsu", async () => {
    await using it = await makeRepository();
    const other = it.scratch.join("other");
    await mkdir(other);
    await it.callIn(other, "init", "--quiet");
    const { gitWorkspace } = await import("../../src/workspace/git_workspace.ts");
    const env = { ...it.env, GIT_DIR: join(other, ".git"), GIT_INDEX_FILE: join(other, "index") };
    const workspace = gitWorkspace(env, it.state);
    assert.equal(await workspace.head(it.folder), await it.call("rev-parse", "HEAD"));
  });
});

describe("a worktree of an earlier life", () => {
  test("is taken as it is when it is clean, with the commit that it began at", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    await it.commit(worktree.path, { "work.txt": "work\n" });
    await it.commit(it.folder, { "later.txt": "later\n" });
    const again = await it.make();
    assert.deepEqual(again.worktree, worktree);
    assert.deepEqual([again.isNew, again.earlierCommits], [false, 1]);
    await it.workspace.undoWorktree(again);
    assert.ok(existsSync(join(worktree.path, "work.txt")), "one of an earlier life is not undone");
  });

  test("with changes is refused with what they are and with a command that gives way, which works", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    await writeFile(join(worktree.path, "new.txt"), "new\n");
    await assert.rejects(it.make(), (error) => {
      rejectedAs("worktree-taken", 4, /uncommitted changes/)(error);
      assert.deepEqual((error as KugetsuError).details, ["untracked: new.txt"]);
      const next = `git -C "${it.folder}" worktree remove --force "${worktree.path}"`;
      assert.equal((error as KugetsuError).next, next);
      return true;
    });
    await it.call("worktree", "remove", "--force", worktree.path);
    assert.equal((await it.make()).isNew, true);
  });

  test("on another branch, or with --from, is refused too", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    const late = rejectedAs("worktree-taken", 4, /--from comes too late/);
    await assert.rejects(it.make({ from: "HEAD" }), late);
    await it.callIn(worktree.path, "switch", "--quiet", "--detach");
    await assert.rejects(it.make(), rejectedAs("worktree-taken", 4, /no branch is checked out/));
    await it.callIn(worktree.path, "switch", "--quiet", "--create", "other");
    await assert.rejects(it.make(), rejectedAs("worktree-taken", 4, /branch other is checked out/));
  });

  test("whose folder was deleted by hand is made again, on its branch", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    const work = await it.commit(worktree.path, { "work.txt": "work\n" });
    await rm(worktree.path, { recursive: true });
    const again = await it.make();
    assert.deepEqual(again.worktree, worktree);
    assert.deepEqual([again.isNew, again.earlierCommits], [true, 1]);
    assert.equal(await it.callIn(worktree.path, "rev-parse", "HEAD"), work);
    await it.workspace.undoWorktree(again);
    assert.equal(await it.call("rev-parse", BRANCH), work, "the branch is not of this life");
  });

  test("of which a locked registration is left is refused with the command that unlocks it", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    await it.call("worktree", "lock", "--reason=on a stick", worktree.path);
    await rm(worktree.path, { recursive: true });
    await assert.rejects(it.make(), rejectedAs("worktree-taken", 4, /locked: on a stick/));
    await it.call("worktree", "unlock", worktree.path);
    await it.make();
  });

  test("a folder that git does not know is never touched, unless it is empty", async () => {
    await using it = await makeRepository();
    const path = it.places.worktree(SLUG);
    await mkdir(path, { recursive: true });
    await it.workspace.undoWorktree(await it.make());
    for (const what of ["file", "folder", "link"]) {
      if (what === "file") await writeFile(path, "mine");
      if (what === "folder") await it.scratch.write(`state/worktrees/${SLUG}/mine`, "mine");
      if (what === "link") await symlink(it.scratch.path, path);
      await assert.rejects(it.make(), rejectedAs("worktree-taken", 4, /does not know it/));
      await rename(path, `${path}.old`);
      await rm(`${path}.old`, { recursive: true });
    }
    assert.equal((await it.make()).isNew, true);
  });
});

describe("a branch of an earlier life", () => {
  test("that has commits of its own is gone on with; one that has none is begun anew", async () => {
    await using it = await makeRepository();
    const first = await it.call("rev-parse", "HEAD");
    await it.call("branch", BRANCH);
    const second = await it.commit(it.folder, { "a.txt": "a\n" });
    const anew = await it.make();
    assert.deepEqual([anew.worktree.from, anew.earlierCommits], [second, 0]);
    const own = await it.commit(anew.worktree.path, { "own.txt": "own\n" });
    await it.workspace.removeWorktree(anew.worktree, { discard: false });
    await it.commit(it.folder, { "b.txt": "b\n" });
    const goneOn = await it.make();
    assert.deepEqual([goneOn.worktree.from, goneOn.earlierCommits], [second, 1]);
    assert.equal(await it.callIn(goneOn.worktree.path, "rev-parse", "HEAD"), own);
    assert.notEqual(first, second);
  });

  test("of a worktree that git has moved is refused, with the command that puts it back", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    const moved = it.scratch.join("moved");
    await it.call("worktree", "move", worktree.path, moved);
    await assert.rejects(it.make(), (error) => {
      rejectedAs("branch-taken", 4, /^Cannot work on .* checked out in ".*moved"/)(error);
      const { next, hint } = error as KugetsuError;
      assert.equal(next, `git -C "${it.folder}" worktree move "${moved}" "${worktree.path}"`);
      assert.match(hint!, /otherwise git -C ".*moved" switch --detach$/);
      return true;
    });
    await it.call("worktree", "move", moved, worktree.path);
    assert.equal((await it.make()).isNew, false);
  });

  test("that is checked out elsewhere, or would lose commits to --from, is refused with a way out", async () => {
    await using it = await makeRepository();
    await it.call("switch", "--quiet", "--create", BRANCH);
    const out = rejectedAs("branch-taken", 4, /checked out in/);
    await assert.rejects(it.make(), (error) => {
      out(error);
      assert.equal((error as KugetsuError).next, `git -C "${it.folder}" switch --detach`);
      return true;
    });
    await it.commit(it.folder, { "own.txt": "own\n" });
    await it.call("switch", "--quiet", "main");
    const lost = rejectedAs("branch-taken", 4, /a commit of an earlier life/);
    await assert.rejects(it.make({ from: "main" }), lost);
    await it.call("branch", "-m", BRANCH, `${BRANCH}-old`);
    assert.equal((await it.make({ from: "main" })).earlierCommits, 0);
  });
});

describe("what is cut off or fails", () => {
  test("leaves nothing when setup fails, and the next start goes well", async () => {
    await using it = await makeRepository();
    const failed = rejectedAs("setup-failed", 5, /exit status 3/);
    await assert.rejects(it.make({ setup: "touch made; exit 3" }), failed);
    await assertNothingLeft(it);
    await it.make();
  });

  test("half-made, at whatever moment, is cleared by the next start", async () => {
    await using it = await makeRepository();
    const { worktree } = await it.make();
    const making = { ...it.places.note(SLUG)!, making: true };
    const breaks: (() => Promise<unknown>)[] = [
      () => it.call("worktree", "lock", "--reason=initializing", worktree.path),
      () => rm(worktree.path, { recursive: true }),
      () => writeFile(join(worktree.path, "half"), "half"),
      () => rm(join(worktree.path, ".git")),
      () => it.call("worktree", "remove", "--force", worktree.path),
      async () => {
        await it.call("worktree", "remove", "--force", worktree.path);
        await it.call("branch", "-D", BRANCH);
      },
    ];
    for (const cutOff of breaks) {
      await cutOff();
      it.places.writeNote(SLUG, making);
      const again = await it.make();
      assert.deepEqual([again.worktree, again.isNew], [worktree, true]);
      assert.deepEqual(await readdir(worktree.path), [".git", "README.md"]);
    }
  });

  test("a refused start takes its worktree back, and the branch that came with it", async () => {
    await using it = await makeRepository();
    const made = await it.make();
    await writeFile(join(made.worktree.path, "by-setup"), "");
    await it.workspace.undoWorktree(made);
    await assertNothingLeft(it);
  });
});
