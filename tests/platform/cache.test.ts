import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import * as v from "valibot";
import { Cache } from "../../src/platform/cache.ts";
import { makeScratch } from "../support/scratch.ts";

/** A cache of strings, and how often something had to be found out for it. */
function counted(path: string) {
  let asked = 0;
  return {
    asked: () => asked,
    get: (name: string, fingerprint: string, value = "found") =>
      new Cache(path, v.string()).get(name, fingerprint, () => {
        asked++;
        return Promise.resolve(value);
      }),
  };
}

test("what was found out once is not asked again, by another process neither", async () => {
  await using scratch = await makeScratch();
  const cache = counted(scratch.join("run", "opencode.json"));
  assert.equal(await cache.get("version", "f1", "1.18.33"), "1.18.33");
  assert.equal(await cache.get("version", "f1", "other"), "1.18.33");
  assert.equal(cache.asked(), 1);
  assert.equal((await stat(scratch.join("run"))).mode & 0o777, 0o700);
});

test("another fingerprint or another name is asked about anew", async () => {
  await using scratch = await makeScratch();
  const cache = counted(scratch.join("c.json"));
  await cache.get("version", "f1", "one");
  assert.equal(await cache.get("version", "f2", "two"), "two");
  assert.equal(await cache.get("other", "f2", "three"), "three");
  assert.equal(await cache.get("version", "f2"), "two");
  assert.equal(await cache.get("other", "f2"), "three");
  assert.equal(cache.asked(), 3);
});

test("a file that is gone, damaged or of another shape only costs time", async () => {
  await using scratch = await makeScratch();
  const path = scratch.join("c.json");
  const cache = counted(path);
  await cache.get("version", "f1");
  await rm(path);
  assert.equal(await cache.get("version", "f1"), "found");
  for (const text of ["", "{", "[]", '{"version":{"fingerprint":"f1","value":7}}']) {
    await writeFile(path, text);
    assert.equal(await cache.get("version", "f1"), "found");
    assert.match(await readFile(path, "utf8"), /"value":"found"/);
  }
  assert.equal(cache.asked(), 6);
});

test("a file that cannot be written only costs time", async () => {
  await using scratch = await makeScratch();
  const cache = counted(`${await scratch.write("file", "")}/c.json`);
  assert.equal(await cache.get("version", "f1"), "found");
  assert.equal(await cache.get("version", "f1"), "found");
  assert.equal(cache.asked(), 2);
});

test("what could not be found out is not kept", async () => {
  await using scratch = await makeScratch();
  const path = scratch.join("c.json");
  const failing = new Cache(path, v.string());
  await assert.rejects(
    failing.get("version", "f1", () => Promise.reject(new Error("no answer"))),
    /no answer/,
  );
  assert.equal(await counted(path).get("version", "f1"), "found");
});
