/** Lists of issues, and what is cleared of them: the executable on the real opencode. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { exits, listing, refOf } from "../support/expect.ts";
import { makeWorld } from "../support/opencode_home.ts";
import { until } from "../support/until.ts";
import { assertFits } from "../support/json_schema.ts";

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());
exits(0, await world.kugetsu(["init", "--headless"]));
const namesIn = async (folder: string) =>
  (await readdir(`${world.state}/${folder}`)).filter((it) => it.includes("kugetsu-")).sort();

test("a list is started whole with one message, and again without harm; gc and destroy clear it", async () => {
  const list = `# tonight\n${refOf(1)}\n\nnonsense\n${refOf(2)}\n3   # of this repository\n${
    refOf(1)
  }\n`;
  const words = ["start", "--refs-from", "-", "@say Worked on {number}.", "--key", "tonight"];
  const first = exits(2, await world.kugetsu([...words, "--json"], { input: list }));
  const begun = JSON.parse(first.stdout) as Record<string, unknown>[];
  await assertFits("start-list", begun);
  assert.deepEqual(begun.map((it) => [it.ref, it.issue_ref, it.again, it.exit]), [
    [refOf(1), refOf(1), false, 0],
    ["nonsense", undefined, undefined, 2],
    [refOf(2), refOf(2), false, 0],
    ["3", refOf(3), false, 0],
  ]);
  const nameless = exits(2, await world.kugetsu(["start", refOf(9), "--key", "", "hello"]));
  assert.match(nameless.stderr, /empty --key/);
  const again = exits(2, await world.kugetsu(words, { input: list }));
  assert.deepEqual(again.stdout.trim().split("\n").sort(), [refOf(1), refOf(2), refOf(3)]);
  assert.match(again.stderr, /nonsense/);
  await until("all are done", async () => {
    const { sessions } = await listing(world);
    return sessions.length === 3 && sessions.every(({ state }) => state === "idle");
  });
  for (const number of ["1", "2", "3"]) {
    const asked = world.model.prompts.filter((it) => it === `@say Worked on ${number}.`);
    assert.equal(asked.length, 1);
  }
  assert.equal((await namesIn("turns")).length, 3);
  exits(0, await world.kugetsu(["destroy", refOf(1), "-y"]));
  const left = ["github.com-shoko-kugetsu-2", "github.com-shoko-kugetsu-3"];
  assert.deepEqual(await namesIn("turns"), left.map((it) => `${it}.json`));
  assert.deepEqual(await namesIn("logs/issues"), left.map((it) => `${it}.jsonl`));

  assert.deepEqual(JSON.parse(exits(0, await world.kugetsu(["gc", "--json"])).stdout).traces, []);
  const env = { KUGETSU_GC_AGE: "0.001s" };
  const dry = exits(0, await world.kugetsu(["gc", "--dry-run", "--json"], { env }));
  assert.equal(JSON.parse(dry.stdout).traces.length, 2);
  await assertFits("gc", JSON.parse(dry.stdout));
  assert.equal((await namesIn("turns")).length, 2);
  exits(0, await world.kugetsu(["gc"], { env }));
  assert.deepEqual([await namesIn("turns"), await namesIn("logs/issues")], [[], []]);
  exits(0, await world.kugetsu(["continue", refOf(2), "@say Still here."]));
});
