import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { refs } from "../../src/commands/refs.ts";
import type { Context } from "../../src/commands/context.ts";

async function printed(keys: string[], command?: string): Promise<string[]> {
  let text = "";
  const context = {
    issueKeys: () => Promise.resolve(keys),
    output: { write: (more: string) => text += more },
  } as unknown as Context;
  assert.equal(await refs(context, command), 0);
  return text.split("\n").slice(0, -1);
}

test("refs come as the index spells them", async () => {
  const keys = ["github.com/Shoko/Kugetsu#14", "localhost:3000/a/b/c#1"];
  assert.deepEqual(await printed(keys, "continue"), keys);
  assert.deepEqual(await printed(keys), keys);
  assert.deepEqual(await printed([]), []);
});

test("for start come the repositories, each once", async () => {
  const keys = [
    "github.com/Shoko/Kugetsu#14",
    "github.com/shoko/kugetsu#15",
    "git.example:1/a/b#1",
  ];
  assert.deepEqual(await printed(keys, "start"), [
    "github.com/shoko/kugetsu#",
    "git.example:1/a/b#",
  ]);
});

test("what is no ref is left out", async () => {
  const keys = [
    "",
    "14",
    "#14",
    " github.com/a/b#1",
    "github.com/a/b#1\n",
    "https://github.com/a/b/issues/1",
    "github.com/a/$(touch x)#1",
    "`touch x`",
    "github.com/a/b#1;x",
  ];
  assert.deepEqual(await printed(keys), []);
  assert.deepEqual(await printed(keys, "start"), []);
});

test("whatever stands in the index, no line holds more than a ref is made of", async () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom("github.com", "/", "#", "1", "$(x)", "`", "\n"),
  );
  const key = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(""));
  await fc.assert(fc.asyncProperty(fc.array(key), async (keys) => {
    for (const line of await printed(keys)) assert.match(line, /^[\w.~:/-]+#\d+$/);
  }));
});
