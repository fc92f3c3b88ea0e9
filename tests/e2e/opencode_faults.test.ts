/** An opencode that is missing, too old, or misbehaves: on stand-ins, since the real one cannot be told to. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { exits, listing, refOf, sessionOf } from "../support/expect.ts";
import { makeWorld } from "../support/opencode_home.ts";

const world = await makeWorld({ opencode: "stand-in" });
after(() => world[Symbol.asyncDispose]());
const { standIn } = world;
exits(0, await world.kugetsu(["init", "--headless"]));
exits(0, await world.kugetsu(["start", refOf(1), "hello"]));

/** How often a turn was begun in opencode. */
async function turns(): Promise<number> {
  return (await standIn.calls()).filter((call) => call.args[0] === "run").length;
}

/** Commands that need opencode, for an issue with and one without a session. */
const NEEDY = [
  ["doctor"],
  ["init", "--headless", "--force"],
  ["start", refOf(2), "hello"],
  ["continue", refOf(1), "hello"],
  ["destroy", refOf(1), "-y"],
];

test("without opencode: exit 5, how to get it, and everything is as before", async () => {
  const folder = world.scratch.join("folder");
  await mkdir(folder);
  const file = await world.scratch.write("no-program", "");
  const without = world.env.PATH!.split(":").filter((it) => it !== standIn.folder).join(":");
  const before = await listing(world);
  const environments: Record<string, string>[] = [
    { PATH: without },
    { PATH: "" },
    ...[folder, file, join(folder, "none")].map((it) => ({ KUGETSU_OPENCODE: it })),
  ];
  for (const env of environments) {
    for (const command of NEEDY) {
      const { stdout, stderr } = exits(5, await world.kugetsu(command, { env }));
      assert.match(stdout + stderr, /Cannot find opencode: .*\n.*npm install -g opencode-ai/);
    }
    exits(0, await world.kugetsu(["list"], { env }));
  }
  assert.deepEqual(await listing(world), before);
});

test("an opencode that is too old, or does not tell its version, is not used", async () => {
  const before = await listing(world);
  for (
    const [says, words] of [["0.9.0", /opencode 0\.9\.0: 1\.18\.0 or newer/], ["hello", /"hello"/]]
  ) {
    const script = `#!/bin/sh\n[ "$1" = --version ] || exit 64\necho ${says}\n`;
    const file = await world.scratch.write(`opencode-${says}`, script, 0o755);
    for (const command of NEEDY) {
      const env = { KUGETSU_OPENCODE: file };
      const { stdout, stderr } = exits(5, await world.kugetsu(command, { env }));
      assert.match(stdout + stderr, words as RegExp);
    }
  }
  assert.deepEqual(await listing(world), before);
});

test("a database that is locked, or being migrated, is tried once more", async () => {
  for (const [number, order] of [[3, "locked"], [4, "collide"]] as const) {
    const before = await turns();
    await standIn.does(order, { once: true });
    assert.equal(exits(0, await world.kugetsu(["start", refOf(number), "hello"])).stdout, "ok\n");
    assert.equal(await turns(), before + 2);
  }
});

test("locked twice is a failure: a start leaves the issue free, a continue the session", async () => {
  const before = await turns();
  await standIn.does("locked");
  const start = exits(6, await world.kugetsu(["start", refOf(5), "hello"]));
  assert.match(start.stderr, /database was locked.*\n.*kugetsu retry/);
  const next = exits(6, await world.kugetsu(["continue", refOf(1), "hello"]));
  assert.match(next.stderr, /database was locked.*\n.*kugetsu continue/);
  assert.equal(await turns(), before + 4);
  assert.equal((await sessionOf(world, 1)).state, "failed");
  assert.ok(!(await listing(world)).sessions.some((it) => it.issue_ref === refOf(5)));

  await standIn.does("say ok");
  exits(0, await world.kugetsu(["start", refOf(5), "hello"]));
  exits(0, await world.kugetsu(["continue", refOf(1), "hello"]));
});

test("an opencode that ends oddly has failed, whatever its exit status; nothing is tried twice", async () => {
  const cases: [order: string, words: RegExp][] = [
    ["silent", /failed: .*printed nothing/],
    ["exit 3 It is broken", /failed: .*It is broken/],
    ["die KILL", /failed: .*SIGKILL/],
    ["cut", /failed: .*in the middle/],
    ["refuse 402", /failed: scripted 402/],
  ];
  for (const [order, words] of cases) {
    const before = await turns();
    await standIn.does(order);
    assert.match(exits(6, await world.kugetsu(["continue", refOf(1), "hello"])).stderr, words);
    assert.equal(await turns(), before + 1, order);
    const { state, last_turn: turn } = await sessionOf(world, 1);
    assert.deepEqual([state, turn?.outcome], ["failed", "failed"]);
  }
});

test("lines that are no events, one of a megabyte, one of 20, and thousands of them", async () => {
  const expected: [order: string, stdout: string][] = [
    ["garbage", "ok\n"],
    ["huge 1000000", `${"x".repeat(1_000_000)}\n`],
    // Longer than any event may be: it is passed over, and the turn is done all the same.
    ["huge 20000000", ""],
    ["many 3000", "ok\n".repeat(3000)],
  ];
  for (const [order, stdout] of expected) {
    await standIn.does(order);
    const result = exits(0, await world.kugetsu(["continue", refOf(1), "hello"]));
    assert.ok(result.stdout === stdout, `${order}: ${result.stdout.length} characters`);
  }
});

test("one that ignores its end is killed, with what it started in a session of its own", async () => {
  for (const order of ["hang", "stall", "stubborn", "orphan"]) {
    await standIn.does(order);
    const began = Date.now();
    const limits = ["--first-event-timeout", "1s", "--silence-timeout", "1s"];
    exits(8, await world.kugetsu(["continue", refOf(1), "hello", ...limits]));
    assert.ok(Date.now() - began < 12_000, `${order}: it took too long`);
    assert.deepEqual(await world.leftovers(), [], order);
  }
  await standIn.does("say ok");
  exits(0, await world.kugetsu(["continue", refOf(1), "hello"]));
});
