import { test } from "node:test";
import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { KugetsuError } from "../../src/errors.ts";
import { Mailbox } from "../../src/supervisor/mailbox.ts";
import { makeScratch } from "../support/scratch.ts";
import { submission } from "../support/turns.ts";

test("what was put in is there for the next one to read, and for nobody else", async () => {
  await using scratch = await makeScratch("mailbox");
  const mailbox = new Mailbox(scratch.path);
  assert.equal(mailbox.read("a"), undefined);
  assert.deepEqual(mailbox.names(), []);
  const mail = { key: "github.com/a/b#1", current: submission({ message: "x\0\n月" }), next: [] };
  mailbox.write("a", mail);
  assert.deepEqual(new Mailbox(scratch.path).read("a"), mail);
  assert.deepEqual(mailbox.names(), ["a"]);
  assert.equal((await stat(scratch.join("turns", "a.json"))).mode & 0o777, 0o600);
  mailbox.remove("a");
  assert.deepEqual(mailbox.names(), []);
});

test("one that is damaged is named, and not taken for an empty one", async () => {
  await using scratch = await makeScratch("mailbox");
  const mailbox = new Mailbox(scratch.path);
  mailbox.write("a", { key: "github.com/a/b#1", next: [] });
  for (const text of ["", "{", '{"key": "x", "current": {"id": "y"}}']) {
    await writeFile(scratch.join("turns", "a.json"), text);
    assert.throws(
      () => mailbox.read("a"),
      (error: Error) =>
        error instanceof KugetsuError && error.message.includes(scratch.join("turns", "a.json")),
    );
  }
});
