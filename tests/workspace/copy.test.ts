import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, stat, symlink } from "node:fs/promises";
import { KugetsuError } from "../../src/errors.ts";
import { copyFiles, isInside } from "../../src/workspace/copy.ts";
import { makeScratch } from "../support/scratch.ts";

async function makeFolders() {
  const scratch = await makeScratch("copy");
  await mkdir(scratch.join("clone"));
  await mkdir(scratch.join("tree"));
  const copy = (...names: string[]) =>
    copyFiles(scratch.join("clone"), scratch.join("tree"), names);
  return { ...scratch, copy };
}

const isRefused = (error: unknown) =>
  error instanceof KugetsuError && error.code === "copy-refused" && error.exit === 9;

describe("copying into a worktree", () => {
  test("takes files as they are, with their rights, and makes their folders", async () => {
    await using it = await makeFolders();
    await it.write("clone/.env", "KEY=1\n", 0o600);
    await it.write("clone/config/local.json", "{}");
    assert.deepEqual(it.copy(".env", "config/local.json", "missing"), ["missing"]);
    assert.equal(await readFile(it.join("tree/.env"), "utf8"), "KEY=1\n");
    assert.equal((await stat(it.join("tree/.env"))).mode & 0o777, 0o600);
    assert.equal(await readFile(it.join("tree/config/local.json"), "utf8"), "{}");
  });

  test("never replaces what is there", async () => {
    await using it = await makeFolders();
    await it.write("clone/.env", "new");
    await it.write("tree/.env", "old");
    assert.deepEqual(it.copy(".env"), []);
    assert.equal(await readFile(it.join("tree/.env"), "utf8"), "old");
  });

  test("reads nothing from outside the repository, by whatever path or link", async () => {
    await using it = await makeFolders();
    await it.write("secret", "secret");
    await symlink(it.join("secret"), it.join("clone/link"));
    await symlink(it.path, it.join("clone/up"));
    await mkdir(it.join("clone/folder"));
    for (
      const name of [
        "link",
        "up/secret",
        "../secret",
        it.join("secret"),
        "folder",
        ".git/config",
        "",
      ]
    ) {
      assert.throws(() => it.copy(name), isRefused, name);
    }
    assert.ok(!existsSync(it.join("tree/link")));
  });

  test("writes nothing outside the worktree, by whatever link in it", async () => {
    await using it = await makeFolders();
    await it.write("clone/config/.env", "new");
    await it.write("clone/.env", "new");
    await mkdir(it.join("elsewhere"));
    await symlink(it.join("elsewhere"), it.join("tree/config"));
    await symlink(it.join("elsewhere/file"), it.join("tree/.env"));
    assert.throws(() => it.copy("config/.env"), isRefused);
    it.copy(".env");
    assert.ok(!existsSync(it.join("elsewhere/.env")));
    assert.ok(!existsSync(it.join("elsewhere/file")));
  });
});

test("a path stays inside or does not", () => {
  for (const name of [".env", "a/b", "a/../b", "./a"]) assert.ok(isInside(name), name);
  for (const name of ["", "..", "../a", "a/../../b", "/a", "a/.git/config"]) {
    assert.ok(!isInside(name), name);
  }
});
