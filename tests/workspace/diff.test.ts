import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KugetsuError } from "../../src/errors.ts";
import { makeRepository } from "../support/repository.ts";

async function makeLab() {
  const it = await makeRepository();
  const { worktree } = await it.make();
  const diff = async (options: { stat?: boolean; colour?: boolean } = {}) => {
    let text = "";
    await it.workspace.diff(worktree, { stat: false, colour: false, ...options }, (more) => {
      text += more;
    });
    return text;
  };
  return { ...it, worktree, path: worktree.path, diff };
}

describe("what an issue changed", () => {
  test("is what it committed, what it did not, and files that are not tracked yet", async () => {
    await using it = await makeLab();
    await it.commit(it.path, { "committed.txt": "one\n" });
    await writeFile(join(it.path, "README.md"), "# Changed\n");
    await writeFile(join(it.path, "untracked.txt"), "two\nthree\n");
    await it.commit(it.folder, { "elsewhere.txt": "not ours\n" });
    const text = await it.diff();
    for (const line of ["+one", "-# Widget", "+# Changed", "+++ b/untracked.txt", "+three"]) {
      assert.ok(text.split("\n").includes(line), `${line} in ${text}`);
    }
    assert.ok(!text.includes("elsewhere"), text);
    assert.match(await it.diff({ stat: true }), /3 files changed, 4 insertions\(\+\), 1 deletion/);
    assert.ok((await it.diff({ colour: true })).includes("\x1b[31m-# Widget"));
    assert.deepEqual(await it.workspace.diffSummary(it.worktree), {
      files: [
        { path: "README.md", added: 1, deleted: 1 },
        { path: "committed.txt", added: 1, deleted: 0 },
        { path: "untracked.txt", added: 2, deleted: 0 },
      ],
      commits: 1,
    });
  });

  test("leaves the agent's own index as it is", async () => {
    await using it = await makeLab();
    await writeFile(join(it.path, "untracked.txt"), "two\n");
    const before = await it.callIn(it.path, "status", "--porcelain");
    await it.diff();
    assert.equal(await it.callIn(it.path, "status", "--porcelain"), before);
    assert.equal(before, "?? untracked.txt");
  });

  test("is nothing at first, and a file that is no text has no lines", async () => {
    await using it = await makeLab();
    assert.equal(await it.diff(), "");
    await writeFile(join(it.path, "picture"), new Uint8Array([0, 1, 2, 0]));
    const { files } = await it.workspace.diffSummary(it.worktree);
    assert.deepEqual(files, [{ path: "picture", added: null, deleted: null }]);
  });

  test("is what its branch has when the folder is gone, and an error when both are", async () => {
    await using it = await makeLab();
    await it.commit(it.path, { "committed.txt": "one\n" });
    await rm(it.path, { recursive: true });
    assert.match(await it.diff(), /\+one/);
    assert.equal((await it.workspace.diffSummary(it.worktree)).commits, 1);
    await it.call("worktree", "prune");
    await it.call("branch", "-D", it.worktree.branch);
    await assert.rejects(
      it.diff(),
      (error) =>
        error instanceof KugetsuError && error.code === "worktree-foreign" && error.exit === 9,
    );
  });
});
