/** A supervisor that somebody else keeps running, as the service does. */
import process from "node:process";
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { exits, refOf } from "../support/expect.ts";
import { needs } from "../support/needs.ts";
import { makeWorld } from "../support/opencode_home.ts";
import { isGone, supervisorOf } from "../support/supervisors.ts";
import { until } from "../support/until.ts";

const skip = needs("linux");
const world = await makeWorld({ env: { KUGETSU_SUPERVISOR_IDLE: "1s" } });
after(() => world[Symbol.asyncDispose]());
const stay = () => world.spawn(["__supervisor", "--stay"]);
const serves = (pid: number) =>
  until(`${pid} serves`, async () => (await supervisorOf(world))?.pid === pid);

test("an idle one stays, and ends opencode's server alone", { skip }, async () => {
  const first = stay();
  await serves(first.pid);
  exits(0, await world.kugetsu(["init", "--headless"]));
  exits(0, await world.kugetsu(["start", refOf(1), "@say Done."]));
  const { pid, server } = (await supervisorOf(world))!;
  assert.equal(pid, first.pid);
  if (server !== null) await isGone(server);
  await new Promise((later) => setTimeout(later, 2000));
  assert.equal((await supervisorOf(world))!.pid, first.pid);
  assert.equal((await supervisorOf(world))!.server, null);

  const second = stay();
  await new Promise((later) => setTimeout(later, 1500));
  assert.ok(second.isRunning(), "it waits behind the first");
  // Whoever keeps it running starts the next one.
  exits(0, await world.kugetsu(["supervisor", "restart"]));
  exits(75, await first.ended);
  await serves(second.pid);
  exits(0, await world.kugetsu(["supervisor", "stop"]));
  exits(0, await second.ended);
});

test("it waits behind one that a command has started, and takes over from it when that dies", {
  skip,
}, async () => {
  const own = exits(0, await world.kugetsu(["supervisor", "restart", "--json"]));
  const { pid } = JSON.parse(own.stdout);
  const stays = stay();
  process.kill(pid, "SIGKILL");
  await serves(stays.pid);
  stays.kill("SIGTERM");
  exits(0, await stays.ended);
});
