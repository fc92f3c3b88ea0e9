import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { delimiter, relative } from "node:path";
import process from "node:process";
import { KugetsuError } from "../../src/errors.ts";
import { gitWorkspace } from "../../src/workspace/git_workspace.ts";
import { run } from "../../scripts/_run.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

const ORIGIN = "https://github.com/shoko/kugetsu.git";

/** Runs git in a scratch repository, with nothing of the user's settings. */
async function makeRepository(scratch: Scratch) {
  const folder = scratch.join("repository");
  const env = {
    PATH: process.env.PATH,
    HOME: scratch.join("home"),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "Test",
    GIT_AUTHOR_EMAIL: "test@example.org",
    GIT_COMMITTER_NAME: "Test",
    GIT_COMMITTER_EMAIL: "test@example.org",
  };
  await mkdir(folder);
  const git = async (...args: string[]) => {
    const { code, stdout, stderr } = await run("git", args, { cwd: folder, env });
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  await git("init", "--quiet");
  return { folder, git, workspace: gitWorkspace(env, scratch.join("state")), env };
}

describe("a folder", () => {
  test("is known by its real path", async () => {
    await using scratch = await makeScratch();
    await mkdir(scratch.join("real"));
    await symlink(scratch.join("real"), scratch.join("link"));
    const { folder } = gitWorkspace({}, "/state");
    assert.equal(folder(scratch.join("link"), "it"), scratch.join("real"));
    assert.equal(folder(relative(process.cwd(), scratch.join("real")), "it"), scratch.join("real"));
  });

  test("that is missing, or is a file, is an error that says whose it is", async () => {
    await using scratch = await makeScratch();
    const file = await scratch.write("file", "");
    const bad = [[scratch.join("missing"), "there is no such folder"], [
      file,
      "it is not a folder",
    ]];
    for (const [path, why] of bad as [string, string][]) {
      assert.throws(() => gitWorkspace({}, "/state").folder(path, "the base's folder"), (error) => {
        assert(error instanceof KugetsuError);
        assert.equal(error.code, "no-folder");
        assert.equal(error.message, `Cannot use "${path}", the base's folder: ${why}`);
        return true;
      });
    }
  });
});

describe("a repository", () => {
  test("has a commit and an origin once it was given them", async () => {
    await using scratch = await makeScratch();
    const { folder, git, workspace } = await makeRepository(scratch);
    assert.equal(await workspace.head(folder), undefined);
    assert.equal(await workspace.remote(folder, "origin"), undefined);
    await git("remote", "add", "origin", ORIGIN);
    await git("commit", "--quiet", "--allow-empty", "--message=First");
    assert.equal(await workspace.head(folder), await git("rev-parse", "HEAD"));
    assert.equal(await workspace.remote(folder, "origin"), ORIGIN);
    assert.equal(await workspace.remote(folder, "upstream"), undefined);
  });

  test("is also known from a folder inside of it, and none from outside", async () => {
    await using scratch = await makeScratch();
    const { folder, git, workspace } = await makeRepository(scratch);
    await git("remote", "add", "origin", ORIGIN);
    await scratch.write("repository/deep/er/file", "");
    assert.equal(await workspace.remote(scratch.join("repository/deep/er"), "origin"), ORIGIN);
    assert.equal(await workspace.remote(scratch.path, "origin"), undefined);
    assert.equal(await workspace.head(scratch.join("missing")), undefined);
    assert.equal(await workspace.remote(folder, "--all"), undefined);
  });

  test("is looked at with its hooks and monitors off, its index left alone, and nobody asked", async () => {
    await using scratch = await makeScratch();
    const script = '#!/bin/sh\necho "$GIT_OPTIONAL_LOCKS $GIT_TERMINAL_PROMPT $*"\n';
    await scratch.write("bin/git", script, 0o755);
    const workspace = gitWorkspace({ PATH: scratch.join("bin") }, "/state");
    const off = "0 0 -c core.hooksPath=/dev/null -c core.fsmonitor=false -C /folder";
    assert.equal(await workspace.remote("/folder", "origin"), `${off} remote get-url origin`);
    assert.equal(await workspace.head("/folder"), `${off} rev-parse --verify --quiet HEAD`);
  });
});

test("only a git by its absolute path is run, and without one there is no commit", async () => {
  await using scratch = await makeScratch();
  const { folder, git, env } = await makeRepository(scratch);
  await git("remote", "add", "origin", ORIGIN);
  const planted = `#!/bin/sh\necho planted\n`;
  await scratch.write("repository/bin/git", planted, 0o755);
  const here = relative(process.cwd(), scratch.join("repository", "bin"));
  const without = gitWorkspace({ ...env, PATH: [here, ".", ""].join(delimiter) }, "/state");
  assert.equal(await without.remote(folder, "origin"), undefined);
  const behind = gitWorkspace({ ...env, PATH: [here, process.env.PATH].join(delimiter) }, "/state");
  assert.equal(await behind.remote(folder, "origin"), ORIGIN);
});
