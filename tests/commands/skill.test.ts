import { test } from "node:test";
import assert from "node:assert/strict";
import { skillInstall, type SkillOptions } from "../../src/commands/skill.ts";
import { EXIT, KugetsuError } from "../../src/errors.ts";
import { makeStage } from "../support/fakes.ts";

const CASES: [options: SkillOptions, places: unknown[]][] = [
  [{}, ["opencode"]],
  [{ claude: true, agents: true }, ["claude", "agents"]],
  [{ dir: "skills" }, [{ folder: "/cwd/skills" }]],
  [{ opencode: true, dir: "/x" }, ["opencode", { folder: "/x" }]],
];

for (const [options, places] of CASES) {
  test(`${JSON.stringify(options)} writes to ${JSON.stringify(places)}`, async () => {
    const asked: unknown[] = [];
    const { context, stderr, results } = makeStage(() => ({
      installation: {
        writeSkill(place) {
          asked.push(place);
          const first = asked.length === 1;
          return Promise.resolve({ path: `p${asked.length}`, changed: first, kept: undefined });
        },
      },
    }));
    assert.equal(await skillInstall(context, options), 0);
    assert.deepEqual(asked, places);
    assert.equal(stderr[0], "note Wrote p1");
    if (places.length > 1) assert.equal(stderr[1], "note p2 is up to date.");
    const [{ written }] = results as [{ written: unknown[] }];
    assert.deepEqual(written[0], { path: "p1", changed: true, kept: null });
  });
}

test("an empty folder is refused, not taken for the current one", async () => {
  const { context } = makeStage(() => ({ installation: {} }));
  await assert.rejects(
    skillInstall(context, { dir: "" }),
    (error) => error instanceof KugetsuError && error.exit === EXIT.usage,
  );
});
