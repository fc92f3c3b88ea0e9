/** Stopping turns whose tools do not want to end, and a tool that says more than anybody can keep. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { exits, refOf } from "../support/expect.ts";
import { needs } from "../support/needs.ts";
import { makeWorld } from "../support/opencode_home.ts";
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
