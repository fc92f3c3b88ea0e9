/** `kugetsu supervisor`: what it shows, and how a supervisor is ended and replaced, with turns and without. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { access, copyFile, readFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import { EXECUTABLE } from "../../scripts/_checkout.ts";
import { run } from "../../scripts/_run.ts";
import { exits, refOf, sessionOf } from "../support/expect.ts";
import { assertFits } from "../support/json_schema.ts";
import { needs } from "../support/needs.ts";
import { makeWorld } from "../support/opencode_home.ts";
import { isGone, runs, supervisorOf, timesAsked } from "../support/supervisors.ts";
import { until } from "../support/until.ts";

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());

test("without one, status says so with status 3, and stop has nothing to do", async () => {
  const none = exits(3, await world.kugetsu(["supervisor", "status"]));
  assert.match(none.stdout, /^No supervisor runs\./);
  const json = exits(3, await world.kugetsu(["supervisor", "status", "--json"])).stdout;
  assert.deepEqual(JSON.parse(json), { running: false });
  await assertFits("supervisor-status", JSON.parse(json));
  const stop = exits(0, await world.kugetsu(["supervisor", "stop", "--json"]));
  assert.deepEqual(JSON.parse(stop.stdout), { stopped: false });
  await assertFits("supervisor-stop", JSON.parse(stop.stdout));
  await assert.rejects(access(join(world.state, "run", "supervisor.sock")));
});

test("status names the process, opencode's server and each turn, as its schema has it", async () => {
  exits(0, await world.kugetsu(["init", "--headless"]));
  const turn = world.spawn(["start", refOf(1), "@slow 300 one two three four five six seven"]);
  await world.model.isAsked("@slow 300 one");
  const shown = (await supervisorOf(world))!;
  await assertFits("supervisor-status", shown);
  assert.equal(shown.turns.length, 1);
  assert.equal(shown.turns[0]!.issue_ref, refOf(1));
  assert.equal(shown.turns[0]!.state, "running");
  const of = async (pid: number) => await readFile(`/proc/${pid}/cmdline`, "utf8");
  assert.match(await of(shown.pid), /__supervisor/);
  assert.match(await of(shown.server!), /serve/);
  const { stdout } = exits(0, await world.kugetsu(["supervisor", "status"]));
  assert.match(stdout, new RegExp(`as pid ${shown.pid} since `));
  assert.match(stdout, new RegExp(`server is pid ${shown.server}\n1 turn, at most`));
  assert.match(stdout, /github\.com\/shoko\/kugetsu#1 +running/);
  exits(0, await turn.ended);
});

test("restart leaves a turn to the next supervisor: one prompt, and its client sees it end", async () => {
  const message = "@slow 300 a b c d e f g h i j k l";
  const turn = world.spawn(["continue", refOf(1), message]);
  await world.model.isAsked(message);
  const before = (await supervisorOf(world))!;
  exits(0, await world.kugetsu(["supervisor", "restart"]));
  const now = (await supervisorOf(world))!;
  assert.notEqual(now.pid, before.pid);
  assert.equal(now.server, before.server);
  assert.equal(now.turns[0]?.turn, before.turns[0]!.turn);
  assert.equal(await runs(before.pid), false);
  assert.match(exits(0, await turn.ended).stdout, /a b c d e f g h i j k l/);
  assert.equal(timesAsked(world, message), 1);
  assert.equal((await sessionOf(world, 1)).last_turn?.outcome, "done");
});

test("stop refuses while a turn is not over, and --force stops it first", async () => {
  const turn = world.spawn(["continue", refOf(1), "@hang 1"]);
  await world.model.isAsked("@hang 1");
  const { pid, server } = (await supervisorOf(world))!;
  const { stderr } = exits(4, await world.kugetsu(["supervisor", "stop"]));
  assert.match(stderr, /a turn is not over\n.*kugetsu supervisor status\n.*--force ends it/);
  assert.ok(await runs(pid));
  exits(0, await world.kugetsu(["supervisor", "stop", "--force"]));
  exits(143, await turn.ended);
  await isGone(pid);
  await isGone(server!);
  assert.equal((await sessionOf(world, 1)).state, "stopped");
  assert.equal(await supervisorOf(world), undefined);
});

test("a turn with an opencode of its own cannot be left to another: restart refuses, --force stops it", async () => {
  const turn = world.spawn(["continue", refOf(1), "@hang 2", "--runner", "run"]);
  await world.model.isAsked("@hang 2");
  exits(4, await world.kugetsu(["supervisor", "restart"]));
  assert.ok(turn.isRunning());
  exits(0, await world.kugetsu(["supervisor", "restart", "--force"]));
  exits(143, await turn.ended);
  assert.deepEqual((await supervisorOf(world))!.turns, []);
});

test("another build replaces one with nothing to do, and says what to do about a busy one", {
  skip: needs("executable"),
}, async () => {
  const other = world.scratch.join("kugetsu");
  await copyFile(EXECUTABLE, other);
  await utimes(other, 1, 1);
  const call = (args: string[]) => run(other, args, { cwd: world.repository, env: world.env });
  const first = (await supervisorOf(world))!;
  exits(0, await call(["continue", refOf(1), "@say replaced"]));
  const second = (await supervisorOf(world))!;
  assert.notEqual(second.pid, first.pid);
  await isGone(first.pid);

  const turn = world.spawn(["continue", refOf(1), "@slow 300 p q r s t u v w"]);
  await world.model.isAsked("@slow 300 p q r s t u v w");
  const third = (await supervisorOf(world))!;
  assert.notEqual(third.pid, second.pid);
  const busy = exits(0, await call(["start", refOf(2), "@say beside"]));
  assert.match(busy.stderr, /another build of kugetsu .*kugetsu supervisor restart/);
  assert.equal((await supervisorOf(world))!.pid, third.pid);
  exits(0, await turn.ended);
});

test("what a killed one has left is ended by stop too", async () => {
  exits(0, await world.kugetsu(["continue", refOf(1), "@say warm"]));
  const { pid } = (await supervisorOf(world))!;
  const server = (await supervisorOf(world))!.server!;
  process.kill(pid, "SIGKILL");
  await isGone(pid);
  assert.ok(await runs(server));
  exits(0, await world.kugetsu(["supervisor", "stop"]));
  await isGone(server);
  await until("nothing is left", async () => (await world.leftovers()).length === 0);
});
