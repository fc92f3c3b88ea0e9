/** opencode's sessions and what a dead owner left, through servers that run already: on the real opencode. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { TurnRequest } from "../../src/runner/mod.ts";
import { OpencodeCommand } from "../../src/runner/opencode_command.ts";
import type { Connection } from "../../src/runner/opencode_server.ts";
import { OpencodeServers } from "../../src/runner/opencode_servers.ts";
import { OpencodeSessions } from "../../src/runner/opencode_sessions.ts";
import { clientOf } from "../../src/runner/server_address.ts";
import { ServerRunner } from "../../src/runner/server_runner.ts";
import { needs } from "../support/needs.ts";
import { makeWorld } from "../support/opencode_home.ts";
import { processesWith } from "../support/processes.ts";
import { until } from "../support/until.ts";

const world = await makeWorld();
const debug = () => {};
const runFolder = world.scratch.join("run");
const opencode = new OpencodeCommand({ env: world.env, cacheFolder: runFolder, debug });
const makeServers = () =>
  new OpencodeServers({
    ...{ opencode, runFolder, debug, env: world.env },
    logFolder: world.scratch.join("logs"),
  });
const servers = makeServers();
const sessions = new OpencodeSessions(opencode, runFolder);
const never = new AbortController().signal;
after(async () => {
  await servers.stop();
  await world[Symbol.asyncDispose]();
});

/** Without a server this makes one of its own; it is gone again afterwards. */
const cold = await sessions.create(world.repository, "cold", never);

const LIMITS = { firstEvent: 60, silence: 60, total: 120 };
const WATCH = { started: () => {}, named: () => {}, event: () => {} };

function request(changes: Partial<TurnRequest>): TurnRequest {
  return {
    ...{ id: crypto.randomUUID(), kind: "fork", session: cold.id, directory: world.repository },
    ...{ message: "@say x", permissions: "deny", limits: LIMITS },
    ...changes,
  };
}

/** To the server for turns in this folder, which goes on running without one. */
async function connectionFor(directory: string): Promise<Connection> {
  const { connection, release } = await servers.forTurn({ directory });
  release();
  return connection;
}

const sleeping = (seconds: number) =>
  `@tool bash ${JSON.stringify({ command: `sleep ${seconds}`, description: "Sleeps" })}`;

/** The processes of this world with these words in their command line. */
async function processes(...words: string[]): Promise<number[]> {
  const all = await processesWith(`HOME=${world.home}`);
  const found = await Promise.all(all.map(async (pid) => {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return line.includes(words.join("\0")) ? [pid] : [];
  }));
  return found.flat();
}

const isRunning = async (seconds: number) => (await processes("sleep", `${seconds}`)).length > 0;

test("with a server that runs, none is started to make, find and delete sessions", {
  skip: needs("linux"),
}, async () => {
  const { process } = await connectionFor(world.repository);
  // Those that are started for a question alone: of the warm one there may be copies on the way to another program.
  const servings = () => processes("--port", "0", "--pure");
  assert.ok((await processes("serve", "--hostname")).includes(process.pid));
  const seen = new Set<number>();
  const watch = setInterval(async () => {
    for (const pid of await servings()) seen.add(pid);
  }, 20);
  try {
    const made = await sessions.create(world.repository, "warm", never);
    assert.equal(made.directory, world.repository);
    assert.deepEqual(
      await sessions.find([made.id, cold.id, "ses_0000000000000000000000000000"], never),
      new Map([[made.id, made], [cold.id, cold]]),
    );
    await sessions.remove([made.id, made.id], never);
    assert.deepEqual(await sessions.find([made.id], never), new Map());
  } finally {
    clearInterval(watch);
  }
  assert.deepEqual([...seen], []);
});

test("what is deleted through one server is gone for another one that had it", async () => {
  const folder = world.scratch.join("guarded");
  await mkdir(`${folder}/.git`, { recursive: true });
  await writeFile(`${folder}/opencode.json`, JSON.stringify({ permission: { bash: "ask" } }));
  const other = await connectionFor(folder);
  const common = await connectionFor(world.repository);
  assert.notEqual(other.url, common.url);
  const made = await sessions.create(world.repository, "shared", never);
  for (const one of [other, common]) {
    const { data } = await one.client(world.repository).session.get({ sessionID: made.id });
    assert.equal(data?.id, made.id);
  }
  await sessions.remove([made.id], never);
  for (const one of [other, common]) {
    const client = one.client(world.repository);
    assert.equal((await client.session.get({ sessionID: made.id })).response?.status, 404);
    const { data } = await client.session.list();
    assert.ok(data!.every(({ id }) => id !== made.id));
    const { error } = await client.session.promptAsync({
      sessionID: made.id,
      parts: [{ type: "text", text: "@say x" }],
    });
    assert.ok(error, "a message to it is refused");
  }
});

test("a turn whose owner died is ended in the server that still runs it, in a shared folder too", {
  skip: needs("linux"),
}, async () => {
  const client = clientOf(await connectionFor(world.repository), world.repository);
  const { data } = await client.session.fork({ sessionID: cold.id });
  const session = data!.id;
  await client.session.promptAsync({
    sessionID: session,
    parts: [{ type: "text", text: `${sleeping(611)}\n@say over` }],
  });
  await until("its tool runs", () => isRunning(611), 30_000);
  const { repository: directory } = world;
  const next = new ServerRunner(makeServers());
  const left = { id: "dead", session, directory, alone: false };
  assert.equal(await next.endLeftovers(left), 0);
  assert.equal(await isRunning(611), false);
  assert.equal((await client.session.status()).data?.[session], undefined);
  const { outcome, text } = await next.turn(
    request({ kind: "continue", session, message: "@say On." }),
    WATCH,
    never,
  );
  assert.deepEqual([outcome.kind, text], ["done", "On."]);
});

test("a live turn in the same folder is not harmed when what another one left is ended", {
  skip: needs("linux"),
}, async () => {
  const runner = new ServerRunner(servers);
  const stop = new AbortController();
  const live = runner.turn(request({ message: sleeping(612) }), WATCH, stop.signal);
  await until("its tool runs", () => isRunning(612), 30_000);
  const { repository: directory } = world;
  const left = { id: "dead", session: cold.id, directory, alone: true };
  assert.equal(await runner.endLeftovers(left), 0);
  assert.equal(await isRunning(612), true);
  // Nobody of this process: the folder is the dead turn's alone.
  assert.equal(await new ServerRunner(servers).endLeftovers(left), 0);
  assert.equal(await isRunning(612), false);
  stop.abort("SIGINT");
  await live;
});
