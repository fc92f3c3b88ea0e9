import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { readdir, readFile, stat, symlink } from "node:fs/promises";
import { EXIT, KugetsuError } from "../../src/errors.ts";
import { removeDurably, writeDurably, writeNew } from "../../src/platform/durable_write.ts";
import { makeScratch } from "../support/scratch.ts";

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

/** That an action fails as one that could not write `path`. */
function assertUnwritable(action: () => void, path: string, reason: RegExp): void {
  assert.throws(action, (error) => {
    assert(error instanceof KugetsuError, String(error));
    assert.deepEqual([error.code, error.exit], ["unwritable", EXIT.environment]);
    assert(error.message.includes(path), error.message);
    assert.match(error.message, reason);
    return true;
  });
}

describe("writing durably", () => {
  test("puts text or bytes in a file of its owner's alone, and nothing beside it", async () => {
    await using scratch = await makeScratch();
    const contents = [
      "",
      "text with ü and 日本\n",
      new Uint8Array([0, 255, 10, 13]),
      "x".repeat(3e6),
    ];
    for (const [i, content] of contents.entries()) {
      const path = scratch.join(`${i}.json`);
      writeDurably(path, content);
      assert.deepEqual(await readFile(path), Buffer.from(content));
      assert.equal(await modeOf(path), 0o600);
    }
    assert.deepEqual((await readdir(scratch.path)).sort(), [
      "0.json",
      "1.json",
      "2.json",
      "3.json",
    ]);
  });

  test("replaces a file by another one, so that a reader has the old or the new", async () => {
    await using scratch = await makeScratch();
    const path = await scratch.write("index.json", "old and longer", 0o644);
    const before = await stat(path);
    writeDurably(path, "new");
    assert.equal(await readFile(path, "utf8"), "new");
    assert.notEqual((await stat(path)).ino, before.ino);
    assert.equal(await modeOf(path), 0o600);
  });

  test("leaves no temporary file behind when the target cannot be replaced", async () => {
    await using scratch = await makeScratch();
    const path = scratch.join("index.json");
    await scratch.write("index.json/in the way", "old");
    assertUnwritable(() => writeDurably(path, "new"), path, /it is a folder|ENOTEMPTY|directory/);
    assert.deepEqual(await readdir(scratch.path), ["index.json"]);
    assert.equal(await readFile(scratch.join("index.json", "in the way"), "utf8"), "old");
  });

  test("into a folder that is missing, or none, says so", async () => {
    await using scratch = await makeScratch();
    const missing = scratch.join("missing", "index.json");
    assertUnwritable(
      () => writeDurably(missing, "new"),
      missing,
      /no such file or folder \(ENOENT\)/,
    );
    await scratch.write("file", "old");
    const below = scratch.join("file", "index.json");
    assertUnwritable(() => writeDurably(below, "new"), below, /not a folder \(ENOTDIR\)/);
    assert.equal(await readFile(scratch.join("file"), "utf8"), "old");
  });

  test("takes a name as long as a file system allows", async () => {
    await using scratch = await makeScratch();
    const path = scratch.join(`${"n".repeat(250)}.json`);
    writeDurably(path, "new");
    assert.equal(await readFile(path, "utf8"), "new");
  });
});

describe("removing durably", () => {
  test("takes a file away, and is content when it is gone already", async () => {
    await using scratch = await makeScratch();
    const path = await scratch.write("session.json", "old");
    removeDurably(path);
    removeDurably(path);
    assert.deepEqual(await readdir(scratch.path), []);
  });

  test("takes a link away, not what it leads to", async () => {
    await using scratch = await makeScratch();
    const target = await scratch.write("target", "kept");
    await symlink(target, scratch.join("link"));
    removeDurably(scratch.join("link"));
    assert.deepEqual(await readdir(scratch.path), ["target"]);
  });

  test("says when it cannot", async () => {
    await using scratch = await makeScratch();
    await scratch.write("folder/file", "kept");
    const folder = scratch.join("folder");
    assertUnwritable(() => removeDurably(folder), folder, /folder|not permitted|not empty/i);
    const below = scratch.join("folder", "file", "x.json");
    assertUnwritable(() => removeDurably(below), below, /not a folder \(ENOTDIR\)/);
    assert.deepEqual(await readdir(folder), ["file"]);
  });
});

test("a new file never takes the place of another", async () => {
  await using scratch = await makeScratch();
  const path = await scratch.write("backup", "kept");
  assert.throws(() => writeNew(path, Buffer.from("new")), { code: "EEXIST" });
  assert.equal(await readFile(path, "utf8"), "kept");
  writeNew(scratch.join("other"), Buffer.from("new"));
  assert.equal(await readFile(scratch.join("other"), "utf8"), "new");
  assert.equal(await modeOf(scratch.join("other")), 0o600);
});
