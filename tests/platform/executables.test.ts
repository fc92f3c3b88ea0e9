import { test } from "node:test";
import assert from "node:assert/strict";
import { symlink, writeFile } from "node:fs/promises";
import { delimiter, relative } from "node:path";
import process from "node:process";
import { findExecutable, fingerprintOf, isExecutable } from "../../src/platform/executables.ts";
import { makeScratch } from "../support/scratch.ts";

test("a program is found in the first folder of PATH where it can be run", async () => {
  await using scratch = await makeScratch();
  await scratch.write("text/tool", "", 0o644);
  await scratch.write("folder/tool/file", "");
  const first = await scratch.write("first/tool", "#!/bin/sh\n", 0o755);
  await scratch.write("second/tool", "#!/bin/sh\n", 0o755);
  const path = ["missing", "text", "folder", "first", "second"].map((it) => scratch.join(it));
  assert.equal(findExecutable("tool", path.join(delimiter)), first);
  assert.equal(findExecutable("other", path.join(delimiter)), undefined);
});

test("without a PATH nothing is found", () => {
  for (const path of [undefined, "", delimiter]) {
    assert.equal(findExecutable("sh", path), undefined);
  }
});

test("entries of PATH that depend on the current folder are passed over", async () => {
  await using scratch = await makeScratch();
  await scratch.write("planted", "#!/bin/sh\n", 0o755);
  const here = relative(process.cwd(), scratch.path);
  const genuine = await scratch.write("bin/planted", "#!/bin/sh\n", 0o755);
  assert(isExecutable(`${here}/planted`), "the planted one could be run from here");
  assert.equal(findExecutable("planted", [here, "", "."].join(delimiter)), undefined);
  assert.equal(findExecutable("planted", [here, scratch.join("bin")].join(delimiter)), genuine);
});

test("a link to a program can be run, a broken one cannot", async () => {
  await using scratch = await makeScratch();
  const program = await scratch.write("program", "#!/bin/sh\n", 0o755);
  await symlink(program, scratch.join("link"));
  await symlink(scratch.join("nowhere"), scratch.join("broken"));
  assert(isExecutable(scratch.join("link")));
  assert(!isExecutable(scratch.join("broken")));
});

test("a fingerprint changes when the program behind the path does", async () => {
  await using scratch = await makeScratch();
  const program = await scratch.write("v1/program", "#!/bin/sh\n", 0o755);
  const link = scratch.join("link");
  await symlink(program, link);
  const before = fingerprintOf(link);
  assert.equal(fingerprintOf(link), before);
  assert.equal(fingerprintOf(program), before);
  await writeFile(program, "#!/bin/sh\n# longer\n");
  const edited = fingerprintOf(link);
  assert.notEqual(edited, before);
  const other = await scratch.write("v2/program", "#!/bin/sh\n# longer\n", 0o755);
  await symlink(other, scratch.join("other"));
  assert.notEqual(fingerprintOf(scratch.join("other")), edited);
});
