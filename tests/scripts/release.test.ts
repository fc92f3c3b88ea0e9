import { test } from "node:test";
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { createHash } from "node:crypto";
import { declaredVersion, ROOT } from "../../scripts/_checkout.ts";
import { run } from "../../scripts/_run.ts";
import { whyNotSigned } from "../../scripts/_macho.ts";
import { selectTargets, TARGETS } from "../../scripts/_targets.ts";
import { changedFiles, disagreements, release, tagOf } from "../../scripts/release.ts";
import { makeScratch } from "../support/scratch.ts";

const VERSION = await declaredVersion();

test("the same commit gives the same bytes; what is inside is what is said", async () => {
  await using scratch = await makeScratch("release");
  const targets = TARGETS.filter((it) => ["linux-x64", "darwin-x64"].includes(it.name));
  const [first, second] = [scratch.join("first"), scratch.join("elsewhere", "second")];
  const folder = await release({ targets, outdir: first });
  await release({ targets, outdir: second });
  const names = await readdir(folder);
  assert.deepEqual(names.sort(), [
    "SHA256SUMS",
    "install.sh",
    `kugetsu-${VERSION}-darwin-x64.gz`,
    `kugetsu-${VERSION}-linux-x64.gz`,
    `kugetsu-${VERSION}.cdx.json`,
    `kugetsu-${VERSION}.provenance.json`,
  ]);
  for (const name of names) {
    const other = join(second, "download", `v${VERSION}`, name);
    assert.ok((await readFile(join(folder, name))).equals(await readFile(other)), name);
  }

  const sums = await readFile(join(folder, "SHA256SUMS"), "utf8");
  for (const [, digest, name] of sums.matchAll(/^([0-9a-f]{64}) {2}(.*)$/gm)) {
    const content = await readFile(join(folder, name!));
    assert.equal(createHash("sha256").update(content).digest("hex"), digest, name);
  }
  const installer = await readFile(join(folder, "install.sh"), "utf8");
  assert.ok(installer.includes(`\nRELEASE=${VERSION}\n`) && installer.includes(sums.trimEnd()));
  const mac = gunzipSync(await readFile(join(folder, `kugetsu-${VERSION}-darwin-x64.gz`)));
  assert.equal(whyNotSigned(mac), undefined);

  const bom = JSON.parse(await readFile(join(folder, `kugetsu-${VERSION}.cdx.json`), "utf8"));
  const { imports } = JSON.parse(await readFile(join(ROOT, "deno.json"), "utf8"));
  const inside = bom.components.map((it: { purl: string }) => it.purl);
  assert.ok(inside.includes(imports.bun.replace("npm:", "pkg:npm/")));
  assert.ok(inside.includes(imports.valibot.replace("npm:", "pkg:npm/")));
  assert.ok(!inside.some((it: string) => it.includes("fast-check")), "it is for tests");
  const statement = JSON.parse(
    await readFile(join(folder, `kugetsu-${VERSION}.provenance.json`), "utf8"),
  );
  const head = (await run("git", ["rev-parse", "HEAD"], { cwd: ROOT })).stdout.trim();
  const [source] = statement.predicate.buildDefinition.resolvedDependencies;
  assert.equal(source.digest.gitCommit, head);
  assert.deepEqual(source.annotations?.changed ?? [], changedFiles());
  assert.equal(statement.subject.length, sums.trimEnd().split("\n").length);
});

test("version, changelog, skill and tag come from deno.json", async () => {
  assert.deepEqual(await disagreements(VERSION, undefined), []);
  assert.deepEqual(await disagreements(VERSION, `v${VERSION}`), []);
  assert.deepEqual(await disagreements(VERSION, "v9.9.9"), [
    `the tag says v9.9.9, deno.json says ${VERSION}`,
  ]);
  assert.equal((await disagreements("9.9.9", undefined)).length, 2);
  assert.equal(tagOf({ GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "v1.0.0" }), "v1.0.0");
  assert.equal(tagOf({ GITHUB_REF_TYPE: "branch", GITHUB_REF_NAME: "main" }), undefined);
});

test("what is not as the commit has it is known, new files too", async () => {
  await using scratch = await makeScratch("changed");
  const git = (...args: string[]) => run("git", args, { cwd: scratch.path });
  await git("init", "-q");
  for (const name of ["same", "changed", ".gitignore"]) await scratch.write(name, "dist\n");
  await git("add", "-A");
  await git("-c", "user.name=ada", "-c", "user.email=ada@localhost", "commit", "-qm", "First");
  assert.deepEqual(changedFiles(scratch.path), []);
  for (const name of ["changed", "new", "dist"]) await scratch.write(name, "else\n");
  assert.deepEqual(changedFiles(scratch.path), ["changed", "new"]);
});

test("targets are chosen by a word", () => {
  assert.equal(selectTargets([]).length, TARGETS.length);
  assert.deepEqual(selectTargets(["darwin"]).map((it) => it.name), ["darwin-arm64", "darwin-x64"]);
  assert.throws(() => selectTargets(["amiga"]), /no target "amiga"/);
});

test("the address of releases stands in one place of the code", async () => {
  const { stdout } = await run("git", [
    "grep",
    "-l",
    "--untracked",
    "-F",
    "github.com/shoko/kugetsu/releases",
    "--",
    "install.sh",
    "src",
    "scripts",
    ".github",
    ".forgejo",
    "skills/kugetsu/scripts",
  ], { cwd: ROOT });
  assert.deepEqual(stdout.trim().split("\n"), ["install.sh"]);
});
