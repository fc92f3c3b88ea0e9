/** Stopping turns whose tools do not want to end, and a tool that says more than anybody can keep. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { exits, listing, refOf } from "../support/expect.ts";
import { needs } from "../support/needs.ts";
import { makeWorld, sessionsOf } from "../support/opencode_home.ts";
import { rounds } from "../support/rounds.ts";
import { until } from "../support/until.ts";

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());
exits(0, await world.kugetsu(["init", "--headless"]));

const bash = (command: string) =>
  `@tool bash ${JSON.stringify({ command, description: "Works" })}\n@say Over.`;
/** Ignores what can be ignored, and has a child in a process session of its own that does, too. */
const STUBBORN = `trap '' TERM INT HUP; setsid sh -c 'trap "" TERM INT HUP; sleep 301' & ` +
  "echo > started; sleep 302";

test(
  "stop ends tools that ignore signals, and their children in sessions of their own, within 12 s",
  {
    skip: needs("linux"),
  },
  async () => {
    const total = rounds(4, 100);
    for (let begun = 0; begun < total;) {
      const numbers = Array.from({ length: Math.min(4, total - begun) }, (_, i) => begun + i + 1);
      begun += numbers.length;
      for (const number of numbers) {
        exits(0, await world.kugetsu(["start", "-d", refOf(number), bash(STUBBORN)]));
      }
      for (const number of numbers) {
        const started = join(world.worktree(number), "started");
        await until(`${number} has begun`, () => stat(started).then(() => true, () => false));
      }
      const before = Date.now();
      exits(0, await world.kugetsu(["stop", ...numbers.map(refOf)]));
      assert.deepEqual(await world.leftovers(), []);
      assert.ok(Date.now() - before < 12_000, `it took ${Date.now() - before} ms`);
    }
  },
);

test("stop at any moment of a start leaves a session that can be gone on with, or nothing", {
  skip: needs("linux"),
}, async () => {
  const numbers = Array.from({ length: rounds(4, 60) }, (_, i) => 300 + i);
  const slow = `@slow 300 one two three`;
  for (const number of numbers) {
    exits(0, await world.kugetsu(["start", "-d", refOf(number), slow]));
    await new Promise((later) => setTimeout(later, Math.random() * 700));
    await world.kugetsu(["stop", refOf(number)]);
  }
  const { base, sessions } = await listing(world);
  const own = sessions.filter((it) => numbers.some((number) => it.issue_ref === refOf(number)));
  assert.deepEqual(own.filter((it) => !["stopped", "idle"].includes(it.state)), []);
  const known = new Set([base, ...sessions].map((it) => it!.opencode_session_id));
  assert.deepEqual((await sessionsOf(world)).filter((id) => !known.has(id)), [], "forks of nobody");
  const folders = await readdir(join(world.state, "worktrees"), { withFileTypes: true });
  const used = new Set(sessions.map((it) => it.directory));
  const unused = folders.filter((it) => it.isDirectory())
    .filter((it) => !used.has(join(world.state, "worktrees", it.name)));
  assert.deepEqual(unused.map((it) => it.name), [], "worktrees of nobody");
  exits(0, await world.kugetsu(["doctor"]));
  for (const number of numbers.slice(0, 6)) {
    const { stdout } = exits(0, await world.kugetsu(["status", refOf(number), "--json"]));
    const [status] = JSON.parse(stdout).issues as { next?: string }[];
    const isKnown = own.some((it) => it.issue_ref === refOf(number));
    assert.match(status!.next ?? "", isKnown ? /kugetsu continue/ : /kugetsu retry/);
  }
});

test("a gigabyte of output leaves the supervisor small, and the newest lines are kept", {
  skip: needs("linux"),
}, async () => {
  const count = rounds(100, 1000);
  const order = bash(`yes | head -c ${count}000000; echo; echo the very end`);
  exits(0, await world.kugetsu(["start", refOf(900), order]));
  const status = await readFile(`/proc/${await world.supervisor()}/status`, "utf8");
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1024;
  assert.ok(peak < 150, `it took ${peak} MB`);
  const { stdout } = exits(0, await world.kugetsu(["logs", refOf(900)]));
  assert.match(stdout, /Over\.[^]*the turn is done/);
});
