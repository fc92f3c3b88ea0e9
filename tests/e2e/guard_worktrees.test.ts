/** What the real opencode says of two worktrees with the same settings: the reason that it is asked about one alone. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { OpencodeCommand } from "../../src/runner/opencode_command.ts";
import { NO_GUARD } from "../../src/runner/project_guard.ts";
import { makeWorld } from "../support/opencode_home.ts";
import { rounds } from "../support/rounds.ts";

test("two worktrees with the same settings have the same guard; one with skills has its own", async () => {
  await using world = await makeWorld();
  const { scratch } = world;
  const settings = { permission: { bash: "ask", edit: "allow" }, agent: { mine: { prompt: "x" } } };
  const skill = "---\nname: same\ndescription: Same.\n---\nSame.";
  const trees = ["one", "two", "skilled-one", "skilled-two"].map((it) => join("trees", it));
  for (const tree of trees) {
    await world.git("worktree", "add", "--quiet", "--detach", scratch.join(tree));
    await scratch.write(join(tree, "opencode.json"), JSON.stringify(settings));
    if (tree.includes("skilled")) {
      await scratch.write(join(tree, ".claude/skills/same/SKILL.md"), skill);
    }
  }
  const inPlace = (guard: unknown, tree: string) =>
    JSON.stringify(guard).replaceAll(scratch.join(tree), "TOP");
  for (const agent of ["plan", "build"].slice(-rounds(1, 2))) {
    const guards: unknown[] = [];
    for (const tree of trees) {
      // Each with a cache of its own: opencode is asked.
      const cacheFolder = scratch.join("cache", agent, tree);
      const opencode = new OpencodeCommand({ env: world.env, cacheFolder, debug() {} });
      const directory = scratch.join(tree);
      guards.push((await opencode.needsOf({ agent, directory })).guard);
    }
    const [one, two, skilled, other] = guards;
    assert.notDeepEqual(one, NO_GUARD);
    assert.deepEqual(one, two);
    assert.equal(inPlace(skilled, trees[2]!), inPlace(other, trees[3]!));
  }
});
