import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { appendFile, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../scripts/_run.ts";
import { makeRepository, SLUG } from "../support/repository.ts";

/** A repository with a worktree in it, and ways to look at it. */
async function makeLab() {
  const it = await makeRepository();
  const { worktree } = await it.make();
  const { path } = worktree;
  return {
    ...it,
    worktree,
    path,
    inspect: () => it.workspace.inspect(worktree),
    changes: async () => (await it.workspace.inspect(worktree)).changes,
    commits: async () => (await it.workspace.inspect(worktree)).commits,
    inTree: (...args: string[]) => it.callIn(path, ...args),
    put: (name: string, content: string) => writeFile(join(path, name), content),
  };
}

describe("what is not committed", () => {
  test("is nothing in a new worktree", async () => {
    await using it = await makeLab();
    const nothing = { changes: [], commits: [], ignored: [] };
    assert.deepEqual(await it.inspect(), { kind: "present", ...nothing });
  });

  test("is told apart: changed, staged, deleted, untracked, and ignored", async () => {
    await using it = await makeLab();
    await it.commit(it.path, { ".gitignore": "*.log\n", "b.txt": "b\n", "c.txt": "c\n" });
    await it.put("README.md", "changed\n");
    await it.put("b.txt", "staged\n");
    await it.inTree("add", "b.txt");
    await rm(join(it.path, "c.txt"));
    await it.put("new name.txt", "new\n");
    await it.put("x.log", "log\n");
    // A setting that would have them passed over.
    await it.call("config", "status.showUntrackedFiles", "no");
    const { changes, ignored } = await it.inspect();
    const expected = ["changed: README.md", "changed: b.txt", "changed: c.txt"];
    assert.deepEqual(changes, [...expected, "untracked: new name.txt"]);
    assert.deepEqual(ignored, ["x.log"]);
  });

  test("is seen although git was told not to look at the file", async () => {
    await using it = await makeLab();
    await it.commit(it.path, { "a.txt": "a\n", "b.txt": "b\n", "c.txt": "c\n" });
    await it.inTree("update-index", "--assume-unchanged", "a.txt");
    await it.inTree("update-index", "--skip-worktree", "b.txt", "c.txt");
    await it.put("a.txt", "changed\n");
    await it.put("b.txt", "changed\n");
    await rm(join(it.path, "c.txt"));
    assert.equal(await it.inTree("status", "--porcelain"), "");
    assert.deepEqual(await it.changes(), ["changed: a.txt", "changed: b.txt"]);
    assert.equal(await it.inTree("status", "--porcelain"), "", "the flags stay as they were");
  });

  test("is also a merge or a rebase that is under way", async () => {
    await using it = await makeLab();
    await it.commit(it.folder, { "a.txt": "theirs\n" });
    await it.commit(it.path, { "a.txt": "ours\n" });
    await run("git", ["merge", "main"], { cwd: it.path, env: it.env });
    assert.deepEqual(await it.changes(), ["under way: a merge", "changed: a.txt"]);
    await it.inTree("merge", "--abort");
    await run("git", ["rebase", "main"], { cwd: it.path, env: it.env });
    assert.deepEqual(await it.changes(), ["under way: a rebase", "changed: a.txt"]);
    assert.equal((await it.commits()).length, 1);
    await it.inTree("rebase", "--abort");
    assert.deepEqual(await it.changes(), []);
  });

  test("is looked for in submodules that are checked out", async () => {
    await using it = await makeLab();
    const other = it.scratch.join("other");
    await mkdir(other);
    await it.callIn(other, "init", "--quiet");
    await it.commit(other, { "lib.txt": "lib\n" });
    const file = ["-c", "protocol.file.allow=always"];
    await it.inTree(...file, "submodule", "--quiet", "add", other, "lib");
    await it.inTree("commit", "--quiet", "--message=Add lib");
    assert.deepEqual(await it.changes(), []);
    await it.put("lib/new.txt", "new\n");
    assert.deepEqual(await it.changes(), ["in submodule lib: untracked: new.txt"]);
    await it.commit(join(it.path, "lib"), { "new.txt": "new\n" });
    const [moved, commit] = await it.changes();
    assert.equal(moved, "changed: lib");
    assert.match(commit!, /^in submodule lib: commit: [0-9a-f]+ Change new\.txt$/);
  });

  test("may be anything where git cannot tell", async () => {
    await using it = await makeLab();
    const index = await it.inTree("rev-parse", "--git-path", "index");
    await writeFile(index, "broken");
    const [line] = await it.changes();
    assert.match(line!, /^unknown: Cannot list the files in /);
  });
});

describe("commits that are nowhere else", () => {
  test("are those on the branch, or on none, until a remote, a tag or another branch has them", async () => {
    await using it = await makeLab();
    await it.commit(it.path, { "a.txt": "a\n" });
    await it.inTree("switch", "--quiet", "--detach");
    await it.commit(it.path, { "b.txt": "b\n" });
    const named = async () => (await it.commits()).map((line) => line.replace(/^[0-9a-f]+ /, ""));
    assert.deepEqual(await named(), ["Change b.txt", "Change a.txt"]);
    await it.call("update-ref", "refs/remotes/origin/pushed", it.worktree.branch);
    assert.deepEqual(await named(), ["Change b.txt"]);
    await it.inTree("tag", "v1");
    assert.deepEqual(await named(), []);
    await it.call("tag", "--delete", "v1");
    await it.inTree("branch", "other");
    assert.deepEqual(await named(), []);
  });

  test("are none that were there when it began, even where their branch has been rewritten", async () => {
    await using it = await makeLab();
    await it.call("commit", "--quiet", "--amend", "--message=Rewritten");
    assert.deepEqual(await it.commits(), []);
  });
});

describe("a worktree", () => {
  test("that is gone is gone, and one that is locked is told with its reason", async () => {
    await using it = await makeLab();
    await it.call("worktree", "lock", "--reason=mine", it.path);
    assert.equal((await it.inspect()).locked, "mine");
    await rm(it.path, { recursive: true });
    assert.equal((await it.inspect()).kind, "gone");
  });

  test("has to be made again where it is gone or was never finished, not where somebody changed it", async () => {
    await using it = await makeLab();
    const isGone = (path = it.path) => it.workspace.isGone({ ...it.worktree, path });
    await rm(join(it.path, ".git"));
    assert.deepEqual([await isGone(), await isGone(it.scratch.join("no such"))], [false, false]);
    const note = `${it.path}.json`;
    const finished = await readFile(note, "utf8");
    await writeFile(note, finished.replace('"making": false', '"making": true'));
    assert.equal(await isGone(), true);
    await writeFile(note, finished);
    await rm(it.path, { recursive: true });
    assert.equal(await isGone(), true);
  });

  test("is known to be there without a look at what is in it", async () => {
    await using it = await makeLab();
    const index = await it.inTree("rev-parse", "--path-format=absolute", "--git-path", "index");
    await writeFile(index.trim(), "no index");
    assert.match((await it.changes())[0]!, /^unknown: /);
    assert.deepEqual(await it.workspace.standing(it.worktree), { kind: "present" });
  });

  test("is foreign when it is a link, or is in another place, or git does not know it", async () => {
    await using it = await makeLab();
    const why = async (path = it.path) => {
      const { kind, why, remedy } = await it.workspace.inspect({ ...it.worktree, path });
      assert.deepEqual([kind, typeof remedy], ["foreign", "string"]);
      const standing = await it.workspace.standing({ ...it.worktree, path });
      assert.deepEqual(standing, { kind, why, remedy });
      return why!;
    };
    for (const path of [it.folder, `${it.path}/../x`, join(it.state, "worktrees"), "/", ""]) {
      assert.match(await why(path), /it is not inside/);
    }
    assert.match(await why(join(it.state, "worktrees", ".git")), /it is not inside/);
    await mkdir(`${it.path}x`);
    assert.match(await why(`${it.path}x`), /does not know it/);
    await rename(it.path, it.scratch.join("moved"));
    await symlink(it.scratch.join("moved"), it.path);
    assert.match(await why(), /symbolic link/);
  });

  test("whose repository was moved is found again once git has repaired it", async () => {
    await using it = await makeLab();
    await it.put("new.txt", "new\n");
    const moved = it.scratch.join("moved");
    await rename(it.folder, moved);
    const { kind, why, remedy } = await it.inspect();
    assert.deepEqual([kind, why], ["foreign", `its repository "${it.folder}" is gone`]);
    assert.ok(remedy!.endsWith(`git worktree repair "${it.path}"`), remedy);
    await it.callIn(moved, "worktree", "repair", it.path);
    assert.deepEqual(await it.changes(), ["untracked: new.txt"]);
  });

  test("is foreign when its settings have git look elsewhere", async () => {
    await using it = await makeLab();
    await it.call("config", "extensions.worktreeConfig", "true");
    await it.inTree("config", "--worktree", "core.worktree", it.folder);
    assert.match((await it.inspect()).why!, /working tree of its own/);
  });
});

test("no program that a repository's settings name is run, and those of the user's own settings are", async () => {
  await using it = await makeLab();
  const mark = it.scratch.join("RUN");
  const evil = `touch ${mark}; cat`;
  for (const name of ["clean", "smudge", "process"]) {
    await it.call("config", `filter.a=b.${name}`, evil);
  }
  await it.call("config", "filter.a=b.required", "true");
  await it.call("config", "diff.x.textconv", evil);
  await it.call("config", "diff.x.command", evil);
  await it.call("config", "diff.external", evil);
  await it.call("config", "core.fsmonitor", evil);
  await it.scratch.write("clone/.git/hooks/post-checkout", `#!/bin/sh\n${evil}\n`, 0o755);
  await it.scratch.write("clone/.git/hooks/post-index-change", `#!/bin/sh\n${evil}\n`, 0o755);
  await it.scratch.write("clone/.git/hooks/reference-transaction", `#!/bin/sh\n${evil}\n`, 0o755);
  await it.scratch.write("evil.inc", `[filter "only-there"]\nsmudge = ${evil}\nclean = ${evil}\n`);
  await it.call("config", "includeIf.gitdir:**/worktrees/**.path", it.scratch.join("evil.inc"));
  const own = it.scratch.join("OWN");
  await appendFile(
    it.scratch.join("home/.gitconfig"),
    `[filter "own"]\nclean = touch ${own}; cat\nsmudge = touch ${own}; cat\n`,
  );
  await it.call("config", "filter.own.clean", evil);
  const attributes = "*.txt filter=a=b diff=x\n*.md filter=only-there\n*.own filter=own\n";
  await it.scratch.write("clone/.git/info/attributes", attributes);
  const tree = await it.call("-c", "core.hooksPath=/dev/null", "rev-parse", "HEAD");
  await it.put("README.md", "changed\n");
  await it.put("new.txt", "new\n");
  await it.put("new.own", "new\n");
  const made = await it.make({ slug: `${SLUG}0` });
  assert.equal(made.worktree.from, tree);
  assert.equal((await it.changes()).length, 3);
  await it.workspace.diff(it.worktree, { stat: false, colour: false }, () => {});
  await it.workspace.diffSummary(it.worktree);
  await it.workspace.removeWorktree(made.worktree, { discard: true });
  assert.ok(!existsSync(mark), "a program of the repository was run");
  assert.ok(existsSync(own), "the user's own filter was not run");
});
