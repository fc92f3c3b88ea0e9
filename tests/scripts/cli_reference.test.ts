import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";
import { cliReference, PAGE } from "../../scripts/cli_reference.ts";

test("docs/cli.md is what the definitions say; if not: deno task reference", async () => {
  assert.equal(await readFile(join(ROOT, PAGE), "utf8"), await cliReference());
});
