import { test } from "node:test";
import assert from "node:assert/strict";
import { issueKeys } from "../../src/store/issue_keys.ts";
import { makeScratch } from "../support/scratch.ts";

test("the keys come in the order of the index", async () => {
  await using scratch = await makeScratch();
  const index = {
    base: null,
    issues: { "github.com/b/b#2": "b.json", "github.com/a/a#1": "a.json" },
  };
  await scratch.write("index.json", JSON.stringify(index));
  assert.deepEqual(issueKeys(scratch.path), ["github.com/b/b#2", "github.com/a/a#1"]);
});

test("an index that cannot be used has none", async () => {
  await using scratch = await makeScratch();
  assert.deepEqual(issueKeys(scratch.path), [], "none");
  assert.deepEqual(issueKeys(scratch.join("no", "such", "folder")), []);
  for (const text of ["", "{", "null", "3", "[]", "{}", '{"issues":null}', '{"issues":["a"]}']) {
    await scratch.write("index.json", text);
    assert.deepEqual(issueKeys(scratch.path), [], text);
  }
});
