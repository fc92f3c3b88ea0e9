/** What becomes of turns when the supervisor, opencode's server, clients or the state folder are done harm. */
import process from "node:process";
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { access, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exits, refOf, sessionOf, statusOf } from "../support/expect.ts";
import { needs } from "../support/needs.ts";
import { makeWorld, type World } from "../support/opencode_home.ts";
import { identify } from "../../src/platform/processes.ts";
import {
  isGone,
  outcomeOf,
  runs,
  supervisorOf,
  supervisorsIn,
  timesAsked,
} from "../support/supervisors.ts";
import { openTerminal } from "../support/tmux.ts";
import { until } from "../support/until.ts";

const skip = needs("linux");
const world = await makeWorld();
/** It takes a minute until a server that hangs is given up: that goes on beside the other tests. */
const stopped = await makeWorld({ env: { KUGETSU_SUPERVISOR_IDLE: "2s" } });
after(async () => {
  await stopped[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});
const hanging = skip ? undefined : hangTheServer();
hanging?.catch(() => {}); // its test tells

exits(0, await world.kugetsu(["init", "--headless"]));

const SLOW = "one two three four five six seven eight nine ten";
const serverOf = async (where: World) => (await supervisorOf(where))!.server!;

async function hangTheServer() {
  exits(0, await stopped.kugetsu(["init", "--headless"]));
  const running = stopped.spawn(["start", refOf(1), "@hang 1"]);
  await stopped.model.isAsked("@hang 1");
  const server = await serverOf(stopped);
  process.kill(server, "SIGSTOP");
  const began = Date.now();
  const fresh = stopped.spawn(["start", refOf(2), "@say Late."]);
  const ended = await running.ended;
  const seconds = (Date.now() - began) / 1000;
  return { server, ended, fresh: await fresh.ended, seconds };
}

const kill = async (pid: number) => {
  process.kill(pid, "SIGKILL");
  await isGone(pid);
};
const isThere = (path: string) => access(path).then(() => true, () => false);
const environmentOf = async (pid: number) =>
  (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0");

test("kill -9 of the supervisor: the next command takes the turn up, and the model is asked once", {
  skip,
}, async () => {
  const message = `@slow 200 ${SLOW}`;
  exits(0, await world.kugetsu(["start", "-d", refOf(1), message]));
  await world.model.isAsked(message);
  const { pid, server } = (await supervisorOf(world))!;
  await kill(pid);
  const { stdout } = exits(0, await world.kugetsu(["status", refOf(1)]));
  assert.match(stdout, /#1 +(?:running|idle)/);
  exits(0, await world.kugetsu(["wait", refOf(1)]));
  assert.equal(await outcomeOf(world, 1), "done");
  assert.equal(timesAsked(world, message), 1);
  const now = (await supervisorOf(world))!;
  assert.notEqual(now.pid, pid);
  assert.equal(now.server, server);
});

test("kill -9 of the supervisor while a turn asks: it is blocked still, and is answered at once", {
  skip,
}, async () => {
  const message = '@tool read {"filePath":"/etc/hostname"}\n@say Read.';
  exits(7, await world.kugetsu(["start", refOf(9), message, "--permissions", "wait"]));
  const { pid } = (await supervisorOf(world))!;
  await kill(pid);
  assert.match(exits(0, await world.kugetsu(["status", refOf(9)])).stdout, /#9 +blocked/);
  exits(0, await world.kugetsu(["answer", refOf(9), "--allow"]));
  exits(0, await world.kugetsu(["wait", refOf(9)]));
  assert.equal(await outcomeOf(world, 9), "done");
});

test(
  "kill -9 of opencode's server: its turn has failed and says why; the next one has a new server",
  {
    skip,
  },
  async () => {
    const turn = world.spawn(["continue", refOf(1), "@hang 2"]);
    await world.model.isAsked("@hang 2");
    const server = await serverOf(world);
    await kill(server);
    const { stderr } = exits(6, await turn.ended);
    assert.match(stderr, /opencode's server ended in the middle of the turn/);
    assert.match((await sessionOf(world, 1)).reason!, /opencode's server ended/);
    exits(0, await world.kugetsu(["continue", refOf(1), "@say Again."]));
    assert.notEqual(await serverOf(world), server);
    assert.equal(timesAsked(world, "@hang 2"), 1);
  },
);

test("kill -9 of opencode's server before it has the message: the turn is tried again", {
  skip,
}, async () => {
  process.kill(await serverOf(world), "SIGKILL");
  const { stdout } = exits(0, await world.kugetsu(["continue", refOf(1), "@say Tried again."]));
  assert.equal(stdout, "Tried again.\n");
  assert.equal(timesAsked(world, "@say Tried again."), 1);
});

test("those who need a supervisor at once get the same one, whatever an earlier one has left", {
  skip,
}, async () => {
  const { pid, server } = (await supervisorOf(world))!;
  await kill(pid);
  await kill(server!);
  const run = join(world.state, "run");
  await rm(join(run, "supervisor.sock"), { force: true });
  await writeFile(join(run, "supervisor.sock"), "");
  const { started, boot } = identify(process.pid)!;
  // The number of a process that runs, and that is not the one that was meant.
  const left = { pid: process.pid, started: `${Number(started) - 1}`, boot };
  await writeFile(
    join(run, "server-0123456789ab.json"),
    JSON.stringify({ url: "http://127.0.0.1:1", password: "x", id: "x", process: left }),
  );
  const numbers = [1, 2, 3];
  const all = numbers.map((number) =>
    world.kugetsu([number === 1 ? "continue" : "start", refOf(number), `@say Turn ${number}.`])
  );
  const ended = await Promise.all(all);
  ended.forEach((it, i) => assert.equal(exits(0, it).stdout, `Turn ${numbers[i]}.\n`));
  await until("one is left", async () => (await supervisorsIn(world)).length === 1);
});

test(
  "a client that is killed, or loses its terminal or its reader, leaves its turn running; Ctrl-C stops it",
  {
    skip,
  },
  async () => {
    const message = (number: number) => `@slow 300 ${number} ${SLOW}`;
    const spawn = async (number: number) => {
      const client = world.spawn(["continue", refOf(number), message(number)]);
      await world.model.isAsked(message(number));
      return client;
    };
    const [killed, hungUp, unread] = await Promise.all([1, 2, 3].map(spawn));
    killed!.kill("SIGKILL");
    hungUp!.kill("SIGHUP");
    unread!.child.stdout!.destroy();
    unread!.child.stderr!.destroy();
    assert.equal(statusOf(await killed!.ended), 137);
    for (const number of [1, 2, 3]) {
      exits(0, await world.kugetsu(["wait", refOf(number)]));
      assert.equal(await outcomeOf(world, number), "done");
      assert.equal(timesAsked(world, message(number)), 1);
    }
    exits(0, await unread!.ended);

    const stopped = world.spawn(["continue", refOf(1), "@hang 3"]);
    await world.model.isAsked("@hang 3");
    stopped.kill("SIGINT");
    exits(130, await stopped.ended);
    assert.equal(await outcomeOf(world, 1), "cancelled");
  },
);

test("a login that ends leaves the turn that was begun in it running", {
  skip: needs("linux", "tmux"),
}, async () => {
  const message = `@slow 300 login ${SLOW}`;
  {
    await using terminal = await openTerminal(world, ["continue", refOf(2), message]);
    await terminal.shows(/login one/);
  }
  exits(0, await world.kugetsu(["wait", refOf(2)]));
  assert.equal(await outcomeOf(world, 2), "done");
  assert.equal(timesAsked(world, message), 1);
});

test("what is started from within a turn bears none of its marks", { skip }, async () => {
  exits(0, await world.kugetsu(["supervisor", "stop"]));
  const env = { KUGETSU_TURN_of_another: "1", KUGETSU_FOLDER: "/of/another" };
  exits(0, await world.kugetsu(["continue", refOf(3), "@say Inside."], { env }));
  const { pid, server } = (await supervisorOf(world))!;
  for (const it of [pid, server!]) {
    const marks = (await environmentOf(it)).filter((text) => text.includes("of_another"));
    const folders = (await environmentOf(it)).filter((text) => text.startsWith("KUGETSU_FOLDER="));
    assert.deepEqual([...marks, ...folders], []);
  }
});

test("a state folder that is taken away ends the supervisor, and its server with it", {
  skip,
}, async () => {
  const { pid, server } = (await supervisorOf(world))!;
  await rm(world.state, { recursive: true });
  await isGone(pid);
  await isGone(server!);
  // Their last words do not make it anew.
  assert.equal(await isThere(world.state), false);
});

test(
  "a server that hangs is given up after a minute: its turn has failed, one that was not sent is tried again",
  {
    skip,
  },
  async (context) => {
    const { server, ended, fresh, seconds } = await hanging!;
    context.diagnostic(`given up after ${seconds} s`);
    const { stderr } = exits(6, ended);
    assert.match(stderr, /opencode's server ended in the middle of the turn/);
    assert.ok(seconds < 70, `it took ${seconds} s`);
    assert.equal(await runs(server), false);
    assert.equal(exits(0, fresh).stdout, "Late.\n");
    assert.equal(timesAsked(stopped, "@say Late."), 1);
    assert.equal(timesAsked(stopped, "@hang 1"), 1);
  },
);

test("an idle supervisor ends, and its server with it", { skip }, async () => {
  await hanging;
  const turn = stopped.spawn(["continue", refOf(2), "@slow 300 one two three four"]);
  await stopped.model.isAsked("@slow 300");
  const { pid, server } = (await supervisorOf(stopped))!;
  exits(0, await turn.ended);
  await isGone(pid, 10_000);
  await isGone(server!, 10_000);
  assert.deepEqual(await supervisorsIn(stopped), []);
});
