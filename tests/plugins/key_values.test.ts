import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { keyValuesIn } from "../../src/plugins/key_values.ts";
import { makeScratch } from "../support/scratch.ts";

test("a plugin's values are kept by key, whatever the key is, and nothing is made before there is one", async () => {
  await using scratch = await makeScratch();
  const folder = scratch.join("store");
  const store = keyValuesIn(folder);
  assert.equal(await store.get("../x"), undefined);
  assert(!existsSync(folder));
  await store.set("../x", { a: [1] });
  await store.set("", null);
  assert.deepEqual(await keyValuesIn(folder).get("../x"), { a: [1] });
  assert.equal(await store.get(""), null);
  await store.delete("../x");
  await store.delete("../x");
  assert.equal(await store.get("../x"), undefined);
});
