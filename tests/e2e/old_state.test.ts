/** A state folder of the tool before this one is taken over as it is, with the sessions it made in opencode. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";
import { exits, listing } from "../support/expect.ts";
import { readAsOldTool } from "../support/old_reader.ts";
import { makeWorld, sessionsOf } from "../support/opencode_home.ts";

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());

const OLD = join(ROOT, "tests", "store", "fixtures", "old-state");
const [FIRST, SECOND, THIRD] = [
  "github.com/shoko/kugetsu#14",
  "gitlab.com/username/project#42",
  "codeberg.org/some-user/re-po#100",
] as const;

/** The folder with the ids of real sessions for those it had; a third one that opencode does not have. */
async function takeOver(base: string, first: string): Promise<void> {
  await cp(OLD, world.state, { recursive: true });
  const real: Record<string, string> = { ses_abc123: base, ses_xyz789: first, ses_gl42: base };
  const names = [
    "index.json",
    ...(await readdir(join(OLD, "sessions"))).map((it) => `sessions/${it}`),
  ];
  for (const name of names) {
    const text = await readFile(join(OLD, name), "utf8");
    const renamed = text.replaceAll(/ses_\w+/g, (id) => real[id] ?? id);
    await writeFile(join(world.state, name), renamed);
  }
}

test("an old folder is listed, continued, started from, pruned and mended", async () => {
  exits(0, await world.opencode(["run", "The base."]));
  const [base] = await sessionsOf(world);
  exits(0, await world.opencode(["run", "--fork", "--session", base!], { input: "@say Forked." }));
  const [fork] = await sessionsOf(world);
  assert.notEqual(fork, base);
  await takeOver(base!, fork!);
  const elsewhere = { cwd: world.scratch.path };
  const where = `@tool bash ${
    JSON.stringify({ command: "pwd", description: "Where" })
  }\n@say Done.`;

  const { stdout } = exits(0, await world.kugetsu(["list"], elsewhere));
  assert.match(
    stdout,
    new RegExp(`^\\(base\\) +base +${base} +2026-03-29T18:00:00\\+02:00 +idle$`, "m"),
  );
  assert.match(stdout, new RegExp(`^${FIRST} +forked +${fork} +2026-03-29T18:16:10\\+02:00`, "m"));
  exits(4, await world.kugetsu(["start", FIRST, "hello"], elsewhere));

  // Neither says its folder: opencode does.
  exits(0, await world.kugetsu(["continue", FIRST, where], elsewhere));
  exits(0, await world.kugetsu(["start", "github.com/shoko/kugetsu#15", where], elsewhere));
  const told = world.model.results.map((it) => it.text.trim());
  assert.deepEqual(told, [world.repository, world.worktree(15)]);
  const { base: kept } = await listing(world);
  assert.equal(kept?.directory, world.repository);
  assert.equal(kept?.created_at, "2026-03-29T18:00:00+02:00");

  assert.match(exits(0, await world.kugetsu(["prune"])).stdout, /github\.com\/gone\/away#3 +ses_/);
  assert.match(
    exits(5, await world.kugetsu(["doctor"])).stdout,
    /re-po#100: opencode no longer has/,
  );
  exits(0, await world.kugetsu(["destroy", THIRD, "-y"]));
  exits(0, await world.kugetsu(["prune", "--force"]));
  exits(0, await world.kugetsu(["doctor"]));
  const rows = (await readAsOldTool(world.state)).rows.map((row) => [row.ref, row.state]);
  assert.deepEqual(rows, [[FIRST, "idle"], [SECOND, "idle"], [
    "github.com/shoko/kugetsu#15",
    "idle",
  ]]);
});
