/** What a turn shows while it runs, what it asks opencode for, and what prune and doctor make of a running start. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { access, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exits, listing, refOf, sessionOf } from "../support/expect.ts";
import { makeWorld } from "../support/opencode_home.ts";
import { until } from "../support/until.ts";

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());
exits(0, await world.kugetsu(["init", "--headless"]));

const sessions = join(world.state, "sessions");
const ORPHAN = "github.com-gone-away-3.json";

/** As an old tool, or a hand, leaves one behind. */
function plantOrphan(): Promise<void> {
  const record = {
    type: "forked",
    issue_ref: "github.com/gone/away#3",
    opencode_session_id: "ses_orphan",
    created_at: "2026-03-20T08:00:00+02:00",
    state: "idle",
  };
  return writeFile(join(sessions, ORPHAN), JSON.stringify(record));
}

test("a start streams the answer as it comes, and is running meanwhile", async () => {
  const release = world.scratch.join("release");
  const wait = `while ! [ -e ${release} ]; do sleep 0.1; done`;
  const call = JSON.stringify({ command: wait, description: "Waits" });
  const running = world.spawn(["start", refOf(1), `@note First. @tool bash ${call}\n@say Second.`]);
  await running.sees(/First\./);
  assert.equal(running.stdout(), "First.\n");
  assert.equal((await sessionOf(world, 1)).state, "running");
  await writeFile(release, "");
  assert.equal(exits(0, await running.ended).stdout, "First.\nSecond.\n");
  const { state, last_turn: turn } = await sessionOf(world, 1);
  assert.deepEqual([state, turn?.outcome], ["idle", "done"]);
});

test("continue --json goes on with the session, with the model and agent asked for", async () => {
  const { opencode_session_id: id } = await sessionOf(world, 1);
  const args = ["continue", refOf(1), "@say Again.\n", "--model", "local/other", "--agent", "plan"];
  const { stdout } = exits(0, await world.kugetsu([...args, "--json"]));
  assert.deepEqual(JSON.parse(stdout), {
    issue_ref: refOf(1),
    opencode_session_id: id,
    outcome: "done",
    exit: 0,
    text: "Again.",
  });
  assert.equal(world.model.names.at(-1), "other");
  assert.match(world.model.prompts.at(-1)!, /^@say Again\.\n[^]*plan mode/i);
});

test("a start that has no session yet is in the list, and neither pruned nor continued", async () => {
  await plantOrphan();
  const running = world.spawn(["start", refOf(2), "@say Third.", "--runner", "run"]);
  const file = join(sessions, "github.com-shoko-kugetsu-2.json");
  await until("its file is there", () => access(file).then(() => true, () => false));
  assert.match(exits(0, await world.kugetsu(["list"])).stdout, /#2 .* (?:queued|starting)\n/);
  assert.match(exits(4, await world.kugetsu(["continue", refOf(2)])).stderr, /a turn is running/);
  const { stdout } = exits(0, await world.kugetsu(["prune", "--force"]));
  assert.match(stdout, /github\.com\/gone\/away#3 +ses_orphan/);
  assert.doesNotMatch(stdout, /#2/);
  exits(0, await running.ended);
  assert.equal((await sessionOf(world, 2)).state, "idle");
});

test("prune deletes only when told, and refuses without an index; doctor --fix rebuilds it", async () => {
  const names = (await readdir(sessions)).sort();
  await plantOrphan();
  assert.match(exits(0, await world.kugetsu(["prune"])).stderr, /1 session file not in the index/);
  await access(join(sessions, ORPHAN));
  exits(0, await world.kugetsu(["prune", "--force"]));
  assert.deepEqual((await readdir(sessions)).sort(), names);

  const index = join(world.state, "index.json");
  const sound = await readFile(index, "utf8");
  const before = await listing(world);
  await writeFile(index, sound.slice(0, 40));
  for (const args of [["prune", "--force"], ["list"], ["start", refOf(3), "hello"]]) {
    assert.match(exits(9, await world.kugetsu(args)).stderr, /index\.json.*\n.*doctor --fix/);
  }
  assert.match(exits(5, await world.kugetsu(["doctor"])).stdout, /^bad .*index/m);
  assert.match(exits(0, await world.kugetsu(["doctor", "--fix"])).stdout, /^fixed .*rebuil/m);
  assert.deepEqual(JSON.parse(await readFile(index, "utf8")), JSON.parse(sound));
  assert.deepEqual(await listing(world), before);
  const kept = (await readdir(world.state)).filter((name) => name.startsWith("index.json.damaged"));
  assert.equal(kept.length, 1);
  assert.deepEqual((await readdir(sessions)).sort(), names);
});
