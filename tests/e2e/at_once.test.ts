/** Several turns at once, and owners that die. */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { makeWorld, type World } from "../support/opencode_home.ts";

const REF = "github.com/shoko/kugetsu#14";

test("eight starts at once on a database that was never used before", async () => {
  await using world = await makeWorld();
  await init(world);
  const numbers = [1, 2, 3, 4, 5, 6, 7, 8];
  const results = await Promise.all(
    numbers.map((number) =>
      world.kugetsu(["start", `github.com/shoko/kugetsu#${number}`, `@say ${number}`])
    ),
  );
  for (const [i, { code, stdout, stderr }] of results.entries()) {
    assert.deepEqual([code, stdout], [0, `${numbers[i]}\n`], stderr);
  }
  const listed = await sessions(world);
  assert.equal(new Set(listed.map((it) => it.opencode_session_id)).size, 8);
  assert.ok(listed.every((it) => it.state === "idle"));
});

test("a second turn of an issue is refused while the first runs, and the first goes on", async () => {
  await using world = await makeWorld();
  await init(world);
  const turn = world.spawn(["start", REF, "@slow 700 a b c d e f"]);
  await until(async () => (await sessions(world)).some((it) => it.state === "running"));
  for (
    const args of [["continue", REF, "me too"], ["start", REF, "me too"], ["destroy", REF, "-y"]]
  ) {
    const second = await world.kugetsu(args);
    assert.equal(second.code, 4, `${args[0]}: ${second.stderr}`);
    if (args[0] !== "start") assert.match(second.stderr, /a turn is running/);
  }
  const { code, stdout, stderr } = await turn.ended;
  assert.deepEqual([code, stdout], [0, "a b c d e f \n"], stderr);
});

test("kill -9 of the supervisor: a turn with an opencode of its own is over, and what it left is ended", async () => {
  await using world = await makeWorld();
  await init(world);
  const call = `@tool bash ${JSON.stringify({ command: "sleep 300", description: "wait" })}`;
  const turn = world.spawn(["start", REF, call, "--runner", "run"]);
  await until(async () => (await sessions(world)).some((it) => it.state === "running"));
  await until(async () => (await world.leftovers()).length > 2);
  process.kill((await world.supervisor())!, "SIGKILL");
  const { code, stderr } = await turn.ended;
  assert.equal(code, 6, stderr);
  assert.match(stderr, /interrupted/);
  const [session] = await sessions(world);
  assert.equal(session.state, "failed");
  assert.match(session.reason, /interrupted/);
  assert.deepEqual(await world.leftovers(), []);
  const next = await world.kugetsu(["continue", REF, "@say and on"]);
  assert.deepEqual([next.code, next.stdout], [0, "and on\n"], next.stderr);
  assert.match((await world.kugetsu(["doctor"])).stdout, /is sound/);
});

test("a lost terminal and a reader that goes away leave the turn running", async () => {
  await using world = await makeWorld();
  await init(world);
  const turn = world.spawn(["start", REF, "@slow 300 a b c d e f g h"]);
  await until(async () => (await sessions(world)).some((it) => it.state === "running"));
  turn.kill("SIGHUP");
  turn.child.stdout!.destroy();
  turn.child.stderr!.destroy();
  await turn.ended;
  await until(async () => (await sessions(world)).every((it) => it.state === "idle"));
  const [session] = await sessions(world);
  assert.deepEqual([session.state, session.last_turn.outcome], ["idle", "done"]);
});

async function init(world: World): Promise<void> {
  const { code, stderr } = await world.kugetsu(["init", "--headless"]);
  assert.equal(code, 0, stderr);
}

// deno-lint-ignore no-explicit-any -- the records as a program reads them
async function sessions(world: World): Promise<any[]> {
  return JSON.parse((await world.kugetsu(["list", "--json"])).stdout).sessions;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!await holds()) {
    assert.ok(Date.now() < deadline, "it did not come to that in a minute");
    await new Promise((later) => setTimeout(later, 100));
  }
}
