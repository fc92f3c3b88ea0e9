/** `kugetsu attach` in a real terminal, on the real opencode. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import process from "node:process";
import { exits, refOf, sessionOf } from "../support/expect.ts";
import { needs } from "../support/needs.ts";
import { makeWorld } from "../support/opencode_home.ts";
import { openTerminal, type Terminal } from "../support/tmux.ts";
import { isGone, runs, supervisorOf } from "../support/supervisors.ts";
import { until } from "../support/until.ts";
import { assertFits } from "../support/json_schema.ts";

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());
exits(0, await world.kugetsu(["init", "--headless"]));
exits(0, await world.kugetsu(["start", refOf(1), "@say Begun."]));

/** The last line of opencode's interface names the folder. */
const INTERFACE = /commands/;
const skip = needs("tmux", "linux");

const sleeping = (seconds: number) =>
  `@tool bash ${JSON.stringify({ command: `sleep ${seconds}`, description: "Waits" })}`;

async function attached(): Promise<Terminal> {
  const terminal = await openTerminal(world, ["attach", refOf(1)]);
  await terminal.shows(INTERFACE);
  return terminal;
}

async function say(terminal: Terminal, text: string): Promise<void> {
  await terminal.type(text);
  await terminal.press("Enter");
  await world.model.isAsked(text);
}

async function leave(terminal: Terminal): Promise<void> {
  await terminal.type("/exit");
  await terminal.shows(/Exit the app/);
  await terminal.press("Enter");
}

test("without a terminal it ends with 5, and --print tells how to do it from elsewhere", async () => {
  const { stderr } = exits(5, await world.kugetsu(["attach", refOf(1)]));
  assert.match(stderr, /try: kugetsu attach "\S+#1" --print/);
  const { stdout } = exits(0, await world.kugetsu(["attach", refOf(1), "--print"]));
  assert.match(stdout, /^ssh -t \S+@\S+ 'KUGETSU_HOME="\S+" kugetsu attach "\S+#1"'\n$/);
  const printed = exits(0, await world.kugetsu(["attach", refOf(1), "--print", "--json"]));
  await assertFits("attach", JSON.parse(printed.stdout));
  exits(3, await world.kugetsu(["attach", refOf(9), "--print"]));
});

test(
  "it opens the session in its folder, holds it meanwhile, and what was said counts",
  { skip },
  async () => {
    const before = await sessionOf(world, 1);
    await using terminal = await attached();
    await terminal.shows(/Begun\./);
    const busy = exits(4, await world.kugetsu(["continue", refOf(1), "@say No."]));
    assert.match(busy.stderr, /interface is open on it, held by pid \d+ \(kugetsu attach/);
    const lines = await Promise.all(
      (await world.leftovers()).map((pid) =>
        readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")
      ),
    );
    const [name] = (await readdir(`${world.state}/run`)).filter((it) => /^server-.*json$/.test(it));
    const server = JSON.parse(await readFile(`${world.state}/run/${name}`, "utf8"));
    assert.ok(lines.some((it) => it.includes(`attach\0${server.url}`)));
    assert.ok(lines.every((it) => !it.includes(server.password)));
    exits(4, await world.kugetsu(["destroy", refOf(1), "-y"]));
    const { stdout: status } = exits(0, await world.kugetsu(["status", refOf(1)]));
    assert.match(status, /^\S+#1 {2}idle .*\n.* tokens; somebody is attached\n$/);
    const shown = JSON.parse(exits(0, await world.kugetsu(["status", "--json"])).stdout);
    await assertFits("status", shown);
    assert.deepEqual(shown.issues.map((it: { attached?: true }) => it.attached), [true]);
    const supervisor = exits(0, await world.kugetsu(["supervisor", "status", "--json"]));
    await assertFits("supervisor-status", JSON.parse(supervisor.stdout));
    assert.deepEqual(JSON.parse(supervisor.stdout).attached, [refOf(1)]);
    const restart = exits(4, await world.kugetsu(["supervisor", "restart"]));
    assert.match(restart.stderr, /somebody is attached to \S+#1\n/);
    await say(terminal, "@say Heard.");
    await terminal.shows(/^[^@]*Heard\./m);
    await leave(terminal);
    assert.equal(await terminal.status(), 0);
    const after = await sessionOf(world, 1);
    assert.deepEqual([after.state, after.opencode_session_id], [
      "idle",
      before.opencode_session_id,
    ]);
    const { stdout: left } = exits(0, await world.kugetsu(["status", refOf(1)]));
    assert.doesNotMatch(left, /attached/);
    assert.deepEqual(after.last_turn, before.last_turn);
  },
);

test(
  "the supervisor is killed meanwhile: the next one knows who is attached, and what is said counts",
  {
    skip,
  },
  async () => {
    await using terminal = await attached();
    const { pid, server } = (await supervisorOf(world))!;
    process.kill(pid, "SIGKILL");
    await isGone(pid);
    // One with another environment, whose turns need a server of their own.
    const env = { OPENAI_API_KEY: "another" };
    exits(0, await world.kugetsu(["start", refOf(2), "@say Beside."], { env }));
    await until("the next one knows", async () => {
      const { stdout } = await world.kugetsu(["status", refOf(1)]);
      return /somebody is attached/.test(stdout);
    });
    exits(0, await world.kugetsu(["supervisor", "status"]));
    exits(0, await world.kugetsu(["continue", refOf(2), "@say Again."], { env }));
    assert.ok(await runs(server!), "the server that is lent was ended");
    await say(terminal, "@say Still here.");
    await terminal.shows(/^[^@]*Still here\./m);
    await leave(terminal);
    assert.equal(await terminal.status(), 0);
    assert.equal((await sessionOf(world, 1)).state, "idle");
    assert.doesNotMatch((await world.kugetsu(["status", refOf(1)])).stdout, /attached/);
  },
);

test("a turn that goes on when the interface is left is waited for", { skip }, async () => {
  await using terminal = await attached();
  await say(terminal, sleeping(12));
  await leave(terminal);
  await terminal.shows(/still under way/);
  exits(4, await world.kugetsu(["continue", refOf(1), "@say No."]));
  assert.equal(await terminal.status(), 0);
  assert.equal((await sessionOf(world, 1)).state, "idle");
});

test("Ctrl-C stops what is waited for, and the state says so", { skip }, async () => {
  await using terminal = await attached();
  await say(terminal, sleeping(300));
  await leave(terminal);
  await terminal.shows(/still under way/);
  await terminal.press("C-c");
  assert.equal(await terminal.status(), 130);
  assert.equal((await sessionOf(world, 1)).state, "stopped");
  exits(0, await world.kugetsu(["continue", refOf(1), "@say Again."]));
});

test("a turn that runs is watched, and goes on without its watcher", { skip }, async () => {
  const turn = world.spawn(["continue", refOf(1), `${sleeping(25)}\n@say Done with it.`]);
  await until("it runs", async () => (await sessionOf(world, 1)).state === "running");
  await using terminal = await attached();
  await leave(terminal);
  assert.equal(await terminal.status(), 0);
  await terminal.shows(/only watched/);
  const { code, stdout } = await turn.ended;
  assert.deepEqual([code, stdout], [0, "Done with it.\n"]);
  assert.equal((await sessionOf(world, 1)).state, "idle");
});
