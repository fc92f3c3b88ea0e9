/** What is left when kugetsu itself is stopped or killed at an awkward moment, where turns run on `opencode run`. */
import process from "node:process";
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SessionRecord } from "../../src/session/record.ts";
import { exits, listing, refOf, sessionOf } from "../support/expect.ts";
import { needs } from "../support/needs.ts";
import { makeWorld, sessionsOf } from "../support/opencode_home.ts";
import { commandLine, endProcesses } from "../support/processes.ts";
import { until } from "../support/until.ts";

// Each turn has an opencode of its own here: how turns on the server are taken up is in supervisor.test.ts.
const world = await makeWorld({ env: { KUGETSU_RUNNER: "run" } });
after(() => world[Symbol.asyncDispose]());
exits(0, await world.kugetsu(["init", "--headless"]));

const fileOf = (number: number) =>
  join(world.state, "sessions", `github.com-shoko-kugetsu-${number}.json`);
const exists = (path: string) => access(path).then(() => true, () => false);
const nothingIsLeft = () =>
  until("nothing is left", async () => (await world.leftovers()).length === 0, 15_000);

test("SIGINT before a start has its session: the issue is free again", async () => {
  const running = world.spawn(["start", refOf(1), "@say Never said."]);
  await until("its file is there", () => exists(fileOf(1)));
  running.kill("SIGINT");
  const { stderr } = exits(130, await running.ended);
  assert.match(stderr, /was stopped by SIGINT\n.*kugetsu retry/);
  assert.equal(await exists(fileOf(1)), false);
  assert.deepEqual((await listing(world)).sessions, []);
  await nothingIsLeft();
  exits(0, await world.kugetsu(["start", refOf(1), "@say Said."]));
});

/** The supervisor owns the turn, whoever asked for it. */
async function killSupervisor(): Promise<void> {
  process.kill((await world.supervisor())!, "SIGKILL");
  await until("it is gone", async () => await world.supervisor() === undefined);
}

test(
  "kill -9 of the supervisor before a start has its session: what is left is ended, and it has failed",
  {
    skip: needs("linux"),
  },
  async () => {
    exits(0, await world.kugetsu(["start", "-d", refOf(2), "@hang"]));
    // A supervisor that is killed before it has written that down begins the turn anew.
    await until("opencode is on record", opencodeIsOnRecord);
    await killSupervisor();
    assert.ok((await world.leftovers()).length > 0, "opencode ended by itself");
    exits(0, await world.kugetsu(["doctor"]));
    await nothingIsLeft();
    exits(0, await world.kugetsu(["start", refOf(2), "@say Said."]));
    assert.equal((await sessionOf(world, 2)).state, "idle");
    await nothingIsLeft();
  },
);

test(
  "kill -9 of the supervisor in the middle of a turn: a look ends what is left and says that it failed",
  {
    skip: needs("linux"),
  },
  async () => {
    exits(0, await world.kugetsu(["continue", "-d", refOf(2), "@hang"]));
    const asked = () => world.model.prompts.filter((it) => it === "@hang").length;
    await until("the model is asked", () => asked() > 0);
    await killSupervisor();
    assert.ok((await world.leftovers()).length > 0, "opencode ended by itself");
    const { state, reason } = await sessionOf(world, 2);
    assert.equal(state, "failed");
    assert.match(reason!, /interrupted/);
    await nothingIsLeft();
    assert.match(exits(0, await world.kugetsu(["doctor"])).stdout, /is sound/);
  },
);

/** Whether the record of the second issue knows the opencode of its turn. */
async function opencodeIsOnRecord(): Promise<boolean> {
  const text = await readFile(fileOf(2), "utf8").catch(() => "{}");
  return (JSON.parse(text) as SessionRecord).turn?.opencode !== undefined;
}

/** Whether a command has a server of its own. */
async function hasServer(): Promise<boolean> {
  const lines = await Promise.all((await world.leftovers()).map(commandLine));
  return lines.some((words) => words.includes("serve"));
}

/** Commands that start a server of opencode, in the moment in which it comes up. */
const INTERRUPTED: [signal: NodeJS.Signals, status: number, ...args: string[]][] = [
  ["SIGINT", 130, "doctor"],
  ["SIGTERM", 143, "doctor"],
  ["SIGINT", 130, "init", "--headless", "--force"],
  ["SIGTERM", 143, "init", "--headless", "--force"],
  ["SIGTERM", 143, "destroy", refOf(2), "-y"],
  ["SIGINT", 130, "destroy", "--base", "-y", "--delete-session"],
];

for (const [signal, status, ...args] of INTERRUPTED) {
  test(
    `${signal} while ${args[0]} has a server of opencode: it ends too, and nothing has changed`,
    {
      skip: needs("linux"),
    },
    async () => {
      const [before, had] = [await listing(world), await sessionsOf(world)];
      const running = world.spawn([...args]);
      await until("the server is there", hasServer);
      running.kill(signal);
      const { stderr } = exits(status, await running.ended);
      assert.match(stderr, new RegExp(`opencode.*: it was stopped by ${signal}\n`));
      try {
        await nothingIsLeft();
      } finally {
        await endProcesses(await world.leftovers());
      }
      assert.deepEqual(await listing(world), before);
      assert.deepEqual(await sessionsOf(world), had);
    },
  );
}

test("SIGINT while a record without a folder is looked up: the turn never begins", {
  skip: needs("linux"),
}, async () => {
  const { directory: _, ...old } = JSON.parse(await readFile(fileOf(2), "utf8"));
  await writeFile(fileOf(2), JSON.stringify(old));
  const running = world.spawn(["continue", refOf(2), "@say Never said."]);
  await until("the server is there", hasServer);
  running.kill("SIGINT");
  exits(130, await running.ended);
  await nothingIsLeft();
  const { state, opencode_session_id: id } = await sessionOf(world, 2);
  assert.deepEqual([state, id], [old.state, old.opencode_session_id]);
  assert.ok(!world.model.prompts.includes("@say Never said."));
  assert.equal(exits(0, await world.kugetsu(["continue", refOf(2), "@say On."])).stdout, "On.\n");
});

test("SIGINT while opencode is asked for its rules: the turn never begins", async () => {
  await writeFile(join(world.repository, "opencode.json"), "{}");
  const before = (await sessionOf(world, 2)).state;
  const running = world.spawn(["continue", refOf(2), "@say Never said."]);
  await until("opencode is asked", async () => (await world.leftovers()).length > 1);
  running.kill("SIGINT");
  exits(130, await running.ended);
  await nothingIsLeft();
  assert.ok(!world.model.prompts.includes("@say Never said."));
  // Stopped, or not even accepted.
  assert.ok([before, "stopped"].includes((await sessionOf(world, 2)).state));
});
