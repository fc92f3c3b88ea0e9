import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";
import { KugetsuError } from "../../src/errors.ts";
import { writeSkill } from "../../src/installation/skill.ts";
import { makeScratch } from "../support/scratch.ts";
import { treeOf } from "../support/installer.ts";

const SKILL = await readFile(join(ROOT, "skills/kugetsu/SKILL.md"), "utf8");

test("each agent's folder of skills, and where its variable says otherwise", async () => {
  await using home = await makeScratch("skill");
  const cases = [
    ["opencode", {}, ".config/opencode/skills/kugetsu/SKILL.md"],
    ["opencode", { XDG_CONFIG_HOME: home.join("xdg") }, "xdg/opencode/skills/kugetsu/SKILL.md"],
    ["claude", {}, ".claude/skills/kugetsu/SKILL.md"],
    ["claude", { CLAUDE_CONFIG_DIR: home.join("c") }, "c/skills/kugetsu/SKILL.md"],
    ["agents", {}, ".agents/skills/kugetsu/SKILL.md"],
    [{ folder: home.join("any") }, {}, "any/kugetsu/SKILL.md"],
  ] as const;
  for (const [place, env, path] of cases) {
    const written = writeSkill(place, env, home.path);
    assert.deepEqual(written, { path: home.join(path), changed: true, kept: undefined });
    assert.equal(await readFile(home.join(path), "utf8"), SKILL);
    assert.equal(writeSkill(place, env, home.path).changed, false);
  }
});

test("what says something else is kept beside it", async () => {
  await using home = await makeScratch("skill");
  const { path } = writeSkill("agents", {}, home.path);
  await writeFile(path, "mine");
  const { changed, kept } = writeSkill("agents", {}, home.path);
  assert.deepEqual([changed, kept], [true, `${path}.previous`]);
  assert.equal(await readFile(kept!, "utf8"), "mine");
  assert.equal((await treeOf(home.path)).length, 2);
});

test("each version that somebody wrote is kept, none twice", async () => {
  await using home = await makeScratch("skill");
  const { path } = writeSkill("agents", {}, home.path);
  const kept = [];
  for (const text of ["first", "second", "first", "third"]) {
    await writeFile(path, text);
    kept.push(writeSkill("agents", {}, home.path).kept);
  }
  const names = [`${path}.previous`, `${path}.previous.2`, `${path}.previous.3`];
  assert.deepEqual(kept, [names[0], names[1], names[0], names[2]]);
  const texts = await Promise.all(names.map((name) => readFile(name, "utf8")));
  assert.deepEqual(texts, ["first", "second", "third"]);
});

test("a folder that cannot be made is an error that names the file", async () => {
  await using home = await makeScratch("skill");
  await home.write(".agents", "a file");
  assert.throws(
    () => writeSkill("agents", {}, home.path),
    (error) => error instanceof KugetsuError && /SKILL\.md/.test(error.message),
  );
});
