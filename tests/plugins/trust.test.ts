import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { digestOf, type Pin, TrustFiles } from "../../src/plugins/trust.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

async function makeTree(scratch: Scratch): Promise<string> {
  await scratch.write("tree/plugin.ts", "export default {}");
  await scratch.write("tree/node_modules/dep/index.js", "1");
  await symlink("dep", scratch.join("tree/node_modules/other"));
  return scratch.join("tree");
}

describe("the digest of a folder changes with", () => {
  const CHANGES: [what: string, change: (scratch: Scratch) => Promise<unknown>][] = [
    ["a byte of any file", (it) => it.write("tree/node_modules/dep/index.js", "2")],
    ["a file's name", (it) => rename(it.join("tree/plugin.ts"), it.join("tree/plugin.js"))],
    ["one more file", (it) => it.write("tree/.hidden", "")],
    ["one more folder", (it) => mkdir(it.join("tree/empty"))],
    ["a file that may be executed", (it) => chmod(it.join("tree/plugin.ts"), 0o755)],
    ["where a link leads", async (it) => {
      await rm(it.join("tree/node_modules/other"));
      await symlink("../plugin.ts", it.join("tree/node_modules/other"));
    }],
    ["what moves from one file to another", async (it) => {
      await it.write("tree/plugin.ts", "1");
      await it.write("tree/node_modules/dep/index.js", "export default {}");
    }],
  ];
  for (const [what, change] of CHANGES) {
    test(what, async () => {
      await using scratch = await makeScratch();
      const tree = await makeTree(scratch);
      const before = digestOf(tree);
      assert.equal(digestOf(tree), before);
      await change(scratch);
      assert.notEqual(digestOf(tree), before);
    });
  }
});

test("a link that leads out of the folder is refused", async () => {
  await using scratch = await makeScratch();
  const tree = await makeTree(scratch);
  for (const target of ["/etc/passwd", "../outside", "node_modules/../../outside"]) {
    await symlink(target, scratch.join("tree/link"));
    assert.throws(() => digestOf(tree), /its link "link" leads out of the folder/, target);
    await rm(scratch.join("tree/link"));
  }
});

const PIN: Pin = {
  declared: {
    name: "acme",
    env: ["ACME_TOKEN"],
    comments: true,
    forges: [{ name: "acme", hosts: ["git.acme.example"], probes: false, comments: true }],
    hooks: { "pre-start": { order: "first" }, outcome: {} },
  },
  path: "acme.ts",
  sha256: "00",
  source: "/home/ada/acme.ts",
  enabled: true,
};

test("what was trusted is read as it was written; a damaged entry is named and the others kept", async () => {
  await using scratch = await makeScratch();
  const trust = new TrustFiles(scratch.path);
  assert.deepEqual(trust.all(assert.fail), []);
  trust.write(PIN);
  trust.write({ ...PIN, declared: { ...PIN.declared, name: "other" }, enabled: false });
  await writeFile(scratch.join(".trusted/broken.json"), "{");
  await writeFile(
    scratch.join(".trusted/alias.json"),
    await readFile(scratch.join(".trusted/acme.json")),
  );
  const damaged: string[] = [];
  const all = trust.all((name) => damaged.push(name));
  assert.deepEqual(all.map((it) => [it.declared.name, it.enabled]), [["acme", true], [
    "other",
    false,
  ]]);
  assert.deepEqual(all[0], PIN);
  assert.deepEqual(damaged, ["alias", "broken"]);
  trust.remove("acme");
  assert.equal(trust.all(() => {}).length, 1);
});
