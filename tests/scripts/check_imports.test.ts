import { test } from "node:test";
import assert from "node:assert/strict";
import { checkImports } from "../../scripts/check_imports.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

async function plant(scratch: Scratch, files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await scratch.write(name, content);
}

test("a checkout without a wrong import gives no line", async () => {
  await using scratch = await makeScratch();
  await plant(scratch, {
    "main.ts": 'import { run } from "./src/cli/run.ts";\n',
    "src/cli/run.ts": 'import { list } from "../commands/list.ts";\n',
    "src/commands/list.ts": 'import type { Store } from "../store/mod.ts";\n',
    "src/store/mod.ts": 'export type { Disk } from "./file_store.ts";\n',
    "src/store/file_store.ts": 'import { readFile } from "node:fs/promises";\n',
  });
  assert.deepEqual(await checkImports(scratch.path), []);
});

test("a wrong import is named with its file, its line and the reason", async () => {
  await using scratch = await makeScratch();
  await plant(scratch, {
    "main.ts": "",
    "src/commands/list.ts": '\nimport { table } from "../cli/table.ts";\nimport "node:fs";\n',
    "plugins/github.ts": 'const errors = await import("../src/errors.ts");\n',
  });
  const [plugin, table, fs, ...more] = await checkImports(scratch.path);
  assert.match(plugin!, /^plugins\/github\.ts:1: .* may not import src\/errors\.ts: first-party/);
  assert.match(
    table!,
    /^src\/commands\/list\.ts:2: .* may not import src\/cli\/table\.ts: commands/,
  );
  assert.match(
    fs!,
    /^src\/commands\/list\.ts:3: .* may not import node:fs: commands does no input/,
  );
  assert.deepEqual(more, []);
});

test("a port that loads an implementation is found, however many files lie between", async () => {
  await using scratch = await makeScratch();
  await plant(scratch, {
    "main.ts": "",
    "src/store/mod.ts": 'export * from "./names.ts";\nexport type { Disk } from "./disk.ts";\n',
    "src/store/names.ts": 'import { lock } from "./lock.ts";\n',
    "src/store/lock.ts": 'import { openSync } from "node:fs";\n',
    "src/store/disk.ts": 'import { git } from "../platform/git.ts";\n',
    "src/platform/git.ts": "",
  });
  const [lock, ...more] = await checkImports(scratch.path);
  assert.match(lock!, /^src\/store\/lock\.ts:1: .* may not import node:fs: it is loaded with/);
  assert.deepEqual(more, []);
});
